/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/pipeline.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "lib/test.h"

static struct err err;

static void write_file(const char *name)
{
	ck_ok(file_replace(test_path(name), "x", 1, &err), &err);
}

static void make_folder(const char *name)
{
	ck_ok(dir_make(test_path(name), 0755, &err), &err);
}

/* staging/w-1/t_1-7/{file, segment/blob}, staging/w-1/t_2-1/file, staging/t_1-3/file, secret; links from t_1-7 to where
 * they should not lead. */
static void begin(void)
{
	make_folder("staging/w-1/t_1-7/segment");
	make_folder("staging/w-1/t_1-7/linked");
	make_folder("staging/w-1/t_2-1");
	make_folder("staging/t_1-3");
	make_folder("staging/w-1/deeper/t_1-7");
	make_folder("elsewhere");
	write_file("staging/t_1-3/file");
	write_file("staging/w-1/deeper/t_1-7/file");
	write_file("staging/w-1/t_1-7/file");
	write_file("staging/w-1/t_1-7/segment/blob");
	write_file("staging/w-1/t_2-1/file");
	write_file("elsewhere/secret");
	ck_assert(!symlink(test_path("elsewhere/secret"), test_path("staging/w-1/t_1-7/link")));
	ck_assert(!symlink(test_path("elsewhere"), test_path("staging/w-1/t_1-7/door")));
	ck_assert(!symlink(test_path("staging/w-1/t_2-1"), test_path("staging/w-1/t_1-7/neighbour")));
	ck_assert(!symlink(test_path("elsewhere/secret"), test_path("staging/w-1/t_1-7/linked/blob")));
	ck_assert(!symlink("/nowhere", test_path("staging/w-1/t_1-7/nowhere")));
	ck_assert(!mkfifo(test_path("staging/w-1/t_1-7/pipe"), 0600));
	write_file("staging/w-1/t_1-7/program");
	ck_assert(!chmod(test_path("staging/w-1/t_1-7/program"), 04755));
}

static int takes_out;

static int check(const char *intent)
{
	struct json *order = json_new_object(), *json;
	char text[8192];
	int r;

	snprintf(text, sizeof(text), intent, test_dir());
	ck_ok(json_parse(text, strlen(text), &json, &err), &err);
	json_set(order, "intent", json);
	json_set_str(order, "staging", test_path("staging"));
	json_set_str(order, "task", "t_1");
	json_set_bool(order, "takes_out", takes_out);
	r = pipeline_check_staged(order, &err);
	json_free(order);
	return r;
}

START_TEST(what_a_task_has_staged_may_be_moved)
{
	begin();
	ck_ok(check("{\"files\":[{\"staged\":\"%s/staging/w-1/t_1-7/file\"},{\"name\":\"not staged\"}]}"), &err);
	ck_ok(check("{\"segments\":[{\"staged\":\"%s/staging/w-1/t_1-7/segment\"}]}"), &err);
	ck_ok(check("{\"folder\":\"%s/staging/w-1/t_1-7/segment\"}"), &err);
	ck_ok(check("{\"files\":[{\"staged\":\"%s/staging/w-1/t_1-6/moved-already\"}]}"), &err);
	ck_ok(check("{\"rejects\":{\"files\":[]}}"), &err);
	/* As an agent whose workers had no folders of their own has noted it. */
	ck_ok(check("{\"files\":[{\"staged\":\"%s/staging/t_1-3/file\"}]}"), &err);
	ck_ok(check("{\"app_id\":\"agent/t_1\"}"), &err);
	ck_ok(check("{\"app_id\":\"t_1\"}"), &err);
}
END_TEST

START_TEST(only_a_task_that_takes_rows_out_has_parts_that_do)
{
	static const char *const parts[] = {"{\"replaces\":true}", "{\"rearranges\":true}",
	                                    "{\"removes\":[\"a.parquet\"]}"};

	begin();
	for (takes_out = 1; takes_out >= 0; takes_out--)
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			ck_assert_int_eq(check(parts[i]), takes_out ? 0 : ERR_PLUGIN);
	takes_out = 0;
	ck_ok(check("{\"replaces\":false,\"removes\":[]}"), &err);
}
END_TEST

START_TEST(what_lies_elsewhere_or_leads_there_is_not_touched)
{
	static const char *const lies[] = {
		"{\"files\":[{\"staged\":\"%s/elsewhere/secret\"}]}",
		"{\"files\":[{\"staged\":\"%s/staging/w-1/t_2-1/file\"}]}",
		"{\"files\":[{\"staged\":\"%s/staging/w-1/deeper/t_1-7/file\"}]}",
		"{\"files\":[{\"staged\":\"%s/staging/w-1/file\"}]}",
		"{\"files\":[{\"staged\":\"%s/staging/../t_1-7/file\"}]}",
		"{\"files\":[{\"staged\":\"%s/staging/w-1/t_1-7/../../elsewhere/secret\"}]}",
		"{\"files\":[{\"staged\":\"%s/staging/w-1/t_1-7/..\"}]}",
		"{\"files\":[{\"staged\":\"%s/staging/w-1/t_1-7/link\"}]}",
		"{\"files\":[{\"staged\":\"%s/staging/w-1/t_1-7/door/secret\"}]}",
		"{\"files\":[{\"staged\":\"%s/staging/w-1/t_1-7/neighbour/file\"}]}",
		"{\"files\":[{\"staged\":\"%s/staging/w-1/t_1-7/pipe\"}]}",
		"{\"files\":[{\"staged\":\"%s/staging/w-1/t_1-7/program\"}]}",
		"{\"files\":[{\"staged\":\"%s/staging/w-1/t_1-7/nowhere\"}]}",
		"{\"files\":[{\"staged\":\"/etc/passwd\"}]}",
		"{\"rejects\":{\"files\":[{\"staged\":\"%s/elsewhere/secret\"}]}}",
		"{\"segments\":[{\"staged\":\"%s/staging/w-1/t_1-7/linked\"}]}",
		"{\"folder\":\"%s/staging/w-1/t_1-7/linked\"}",
		"{\"folder\":\"%s/elsewhere\"}",
		"{\"app_id\":\"agent/t_2\"}",
		"{\"app_id\":\"t_1/agent\"}",
		"{\"app_id\":\"\"}",
	};

	begin();
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		ck_assert_msg(check(lies[i]) == ERR_PLUGIN, "%s: %s", lies[i], err.text);
		ck_assert_ptr_nonnull(strstr(err.text, "its worker was not itself"));
	}
}
END_TEST

static void staged_cases(Suite *suite)
{
	TCase *c = tcase_create("staged");

	tcase_add_test(c, what_a_task_has_staged_may_be_moved);
	tcase_add_test(c, only_a_task_that_takes_rows_out_has_parts_that_do);
	tcase_add_test(c, what_lies_elsewhere_or_leads_there_is_not_touched);
	suite_add_tcase(suite, c);
}

TEST_MAIN("staged", staged_cases)
