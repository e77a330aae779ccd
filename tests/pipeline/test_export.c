/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an export, whose part comes from a worker that ran an encoder and may say anything: what the task asked for is
 * what decides where something goes and whether it replaces; what does not fit it is not moved. */
#include "pipeline/pipeline.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "lib/test.h"

static struct err err;

static void write_file(const char *name, const char *text)
{
	ck_ok(file_replace(test_path(name), text, strlen(text), &err), &err);
}

static void assert_text(const char *name, const char *text)
{
	struct buf got;

	buf_init(&got, 0);
	ck_ok(file_read(test_path(name), 1000, &got, &err), &err);
	ck_assert_str_eq(got.data, text);
	buf_done(&got);
}

static int is_there(const char *name)
{
	return !access(test_path(name), F_OK);
}

/* staging/t_1-7/export/{a.json, b.json}; out/mine.json, which is somebody's. */
static void begin(void)
{
	static const char *const folders[] = {"staging/t_1-7/export", "staging/t_1-7/inner", "out", "placing"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		ck_ok(dir_make(test_path(folders[i]), 0755, &err), &err);
	write_file("staging/t_1-7/export/a.json", "ours a");
	write_file("staging/t_1-7/export/b.json", "ours b");
	write_file("out/mine.json", "mine!!");
}

static struct json *file(const char *name, const char *staged)
{
	struct json *json = json_new_object();

	json_set_str(json, "name", name);
	json_set_str(json, "staged", test_path(staged));
	json_set_int(json, "size", 6);
	return json;
}

/* The part of a worker that says: these files, this folder (or none). The task says where to, and whether to replace. */
static int place(const char *to, int overwrite, struct json *files, const char *folder)
{
	struct json *order = json_new_object(), *spec = json_new_object(), *intent = json_new_object(), *ret = NULL;
	char path[4096];
	int r;

	snprintf(path, sizeof(path), "%s/%s", test_dir(), to);
	json_set_str(spec, "to", path);
	json_set_bool(spec, "overwrite", overwrite);
	json_set_str(intent, "to", test_path("elsewhere.json"));
	json_set_bool(intent, "overwrite", 1);
	json_set(intent, "files", files);
	json_set(intent, "counts", json_new_object());
	if (folder)
		json_set_str(intent, "folder", test_path(folder));
	json_set(order, "spec", spec);
	json_set(order, "intent", intent);
	json_set_str(order, "record", test_path("placing/t_1.json"));
	r = pipeline_export_commit(order, &ret, &err);
	json_free(ret);
	json_free(order);
	return r;
}

static struct json *list(struct json *a, struct json *b)
{
	struct json *files = json_new_array();

	if (a)
		json_push(files, a);
	if (b)
		json_push(files, b);
	return files;
}

START_TEST(the_task_says_where_to_and_not_the_worker)
{
	begin();
	ck_ok(place("out/a.json", 0, list(file("x", "staging/t_1-7/export/a.json"), NULL), NULL), &err);
	assert_text("out/a.json", "ours a");
	ck_assert(!is_there("elsewhere.json") && !is_there("out/x") && !is_there("placing/t_1.json"));
}
END_TEST

START_TEST(the_task_says_what_may_be_replaced_and_not_the_worker)
{
	begin();
	ck_assert_int_eq(place("out/mine.json", 0, list(file("a.json", "staging/t_1-7/export/a.json"), NULL), NULL),
	                 ERR_EXISTS);
	assert_text("out/mine.json", "mine!!");
	ck_ok(place("out/mine.json", 1, list(file("a.json", "staging/t_1-7/export/a.json"), NULL), NULL), &err);
	assert_text("out/mine.json", "ours a");
}
END_TEST

START_TEST(a_folder_becomes_a_folder)
{
	begin();
	ck_ok(place("out/f/", 0,
	            list(file("a.json", "staging/t_1-7/export/a.json"), file("b.json", "staging/t_1-7/export/b.json")),
	            "staging/t_1-7/export"),
	      &err);
	assert_text("out/f/a.json", "ours a");
	assert_text("out/f/b.json", "ours b");
}
END_TEST

static void assert_lie(int r, const char *says)
{
	ck_assert_int_eq(r, ERR_PLUGIN);
	ck_assert_msg(strstr(err.text, says) && strstr(err.text, "its worker was not itself"), "%s", err.text);
	ck_assert(is_there("staging/t_1-7/export/a.json") && is_there("staging/t_1-7/export/b.json"));
	ck_assert(!is_there("out/new.json") && !is_there("out/f") && !is_there("placing/t_1.json"));
	assert_text("out/mine.json", "mine!!");
}

START_TEST(what_does_not_fit_the_task_is_not_moved)
{
	static const char a[] = "staging/t_1-7/export/a.json", b[] = "staging/t_1-7/export/b.json",
			  folder[] = "staging/t_1-7/export";

	begin();
	assert_lie(place("out/new.json", 0, list(file("a.json", a), NULL), folder), "another kind");
	assert_lie(place("out/mine.json", 1, list(file("a.json", a), NULL), folder), "another kind");
	assert_lie(place("out/f/", 0, list(file("a.json", a), file("b.json", b)), NULL), "another kind");
	assert_lie(place("out/new.json", 0, list(file("a.json", a), file("b.json", b)), NULL), "number of files");
	assert_lie(place("out/new.json", 0, list(NULL, NULL), NULL), "number of files");
	assert_lie(place("out/f/", 0, list(NULL, NULL), folder), "number of files");
	assert_lie(place("out/f/", 0, list(file("../mine.json", a), file("b.json", b)), folder), "by a path");
	assert_lie(place("out/f/", 0, list(file("a.json", a), file("", b)), folder), "by a path");
	assert_lie(place("out/f/", 0, list(file("a.json", a), NULL), folder), "does not name");
	assert_lie(place("out/new.json", 0, list(file("a.json", "staging/t_1-7/inner"), NULL), NULL), "something else");
}
END_TEST

/* What was moved before a crash is done. */
START_TEST(what_is_in_its_place_already_is_enough)
{
	begin();
	write_file("out/a.json", "ours a");
	ck_ok(place("out/a.json", 0, list(file("a.json", "staging/t_1-7/gone.json"), NULL), NULL), &err);
	write_file("out/a.json", "longer than it");
	ck_assert_int_ne(place("out/a.json", 0, list(file("a.json", "staging/t_1-7/gone.json"), NULL), NULL), 0);
	assert_text("out/a.json", "longer than it");
}
END_TEST

static void export_cases(Suite *suite)
{
	TCase *c = tcase_create("export");

	tcase_add_test(c, the_task_says_where_to_and_not_the_worker);
	tcase_add_test(c, the_task_says_what_may_be_replaced_and_not_the_worker);
	tcase_add_test(c, a_folder_becomes_a_folder);
	tcase_add_test(c, what_does_not_fit_the_task_is_not_moved);
	tcase_add_test(c, what_is_in_its_place_already_is_enough);
	suite_add_tcase(suite, c);
}

TEST_MAIN("export", export_cases)
