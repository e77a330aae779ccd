/* SPDX-License-Identifier: Apache-2.0 */
/* Index manifests: states under growing numbers, segments that come and go. */
#include "lib/test.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "table/table.h"

#define WRITERS 8
#define COMMITS_EACH 8

static struct blob *open_table(void)
{
	struct blob *blob;
	struct err err = {0};

	ck_ok(blob_open(test_path("t"), &blob, &err), &err);
	return blob;
}

static struct json *parse(const char *text)
{
	struct json *json;
	struct err err = {0};

	ck_ok(json_parse(text, strlen(text), &json, &err), &err);
	return json;
}

static int create_index(struct blob *blob, const char *plugin, struct err *err)
{
	char text[200];
	struct json *manifest;
	int64_t generation;
	int r;

	snprintf(text, sizeof(text),
	         "{\"name\":\"ix\",\"plugin\":\"%s\",\"columns\":[\"a\"],\"options\":{},\"segments\":[]}", plugin);
	manifest = parse(text);
	r = index_manifest_create(blob, manifest, &generation, err);
	json_free(manifest);
	return r;
}

/* A staged segment folder with one blob. */
static void stage(const char *dir)
{
	struct err err = {0};
	char path[PATH_MAX];

	ck_ok(dir_make(test_path(dir), 0755, &err), &err);
	snprintf(path, sizeof(path), "%s/terms", test_path(dir));
	ck_ok(file_replace(path, "data", 4, &err), &err);
}

/* A staged segment over the files. */
static int commit_over(struct blob *blob, const char *dir, const char *const files[2], const char *replaces,
                       int *ret_already, struct err *err)
{
	char text[PATH_MAX + 300], second[100] = "";
	struct json *segments, *drop = parse(replaces), *manifest;
	int64_t generation;
	int r;

	if (files[1])
		snprintf(second, sizeof(second), ",{\"path\":\"%s\",\"rows\":5,\"base\":5}", files[1]);
	snprintf(text, sizeof(text),
	         "[{\"dir\":\"%s\",\"staged\":\"%s\",\"covers\":[{\"path\":\"%s\",\"rows\":5,\"base\":0}%s]}]", dir,
	         test_path(dir), files[0], second);
	segments = parse(text);
	r = index_manifest_commit(blob, "ix", segments, drop, &manifest, &generation, ret_already, err);
	if (!r)
		json_free(manifest);
	json_free(segments);
	json_free(drop);
	return r;
}

/* Over a file of its own. */
static int commit_segment(struct blob *blob, const char *dir, const char *replaces, int *ret_already, struct err *err)
{
	return commit_over(blob, dir, (const char *const[2]){dir, NULL}, replaces, ret_already, err);
}

static int is_there(struct blob *blob, const char *dir)
{
	char path[PATH_MAX];
	int64_t size;

	index_segment_path("ix", dir, "terms", path, sizeof(path));
	return !blob_size(blob, path, &size, NULL, NULL);
}

static size_t count_segments(struct blob *blob)
{
	struct json *manifest;
	struct err err = {0};
	int64_t generation;
	size_t n;

	ck_ok(index_manifest_load(blob, "ix", &manifest, &generation, &err), &err);
	n = json_count(json_get(manifest, "segments"));
	for (size_t i = 0; i < n; i++) {
		const struct json *segment = json_at(json_get(manifest, "segments"), i);

		ck_assert_int_eq(is_there(blob, json_get_str(segment, "dir", "")), 1);
		ck_assert_ptr_null(json_get(segment, "staged"));
	}
	json_free(manifest);
	return n;
}

START_TEST(an_index_is_made_once_and_another_of_its_name_is_a_conflict)
{
	struct blob *blob = open_table();
	struct err err = {0};

	ck_ok(create_index(blob, "btree", &err), &err);
	ck_ok(create_index(blob, "btree", &err), &err);
	ck_assert_int_eq(create_index(blob, "fulltext", &err), ERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(err.text, "btree"));
	blob_close(blob);
}
END_TEST

START_TEST(segments_come_and_replaced_ones_go)
{
	struct blob *blob = open_table();
	struct err err = {0};
	int already;

	ck_ok(create_index(blob, "btree", &err), &err);
	stage("s1");
	stage("s2");
	ck_ok(commit_segment(blob, "s1", "[]", &already, &err), &err);
	ck_assert_int_eq(count_segments(blob), 1);
	ck_ok(commit_segment(blob, "s2", "[\"s1\"]", &already, &err), &err);
	ck_assert_int_eq(count_segments(blob), 1);
	ck_assert_int_eq(is_there(blob, "s1"), 0);
	blob_close(blob);
}
END_TEST

START_TEST(a_segment_commit_repeated_changes_nothing)
{
	struct blob *blob = open_table();
	struct err err = {0};
	int already;

	ck_ok(create_index(blob, "btree", &err), &err);
	stage("s1");
	ck_ok(commit_segment(blob, "s1", "[]", &already, &err), &err);
	ck_assert_int_eq(already, 0);
	ck_ok(commit_segment(blob, "s1", "[]", &already, &err), &err);
	ck_assert_int_eq(already, 1);
	ck_assert_int_eq(count_segments(blob), 1);
	blob_close(blob);
}
END_TEST

START_TEST(of_two_segments_over_the_same_files_the_first_is_kept)
{
	struct blob *blob = open_table();
	struct err err = {0};
	int already;

	ck_ok(create_index(blob, "btree", &err), &err);
	stage("s1");
	stage("s2");
	stage("s3");
	stage("old");
	ck_ok(commit_segment(blob, "old", "[]", &already, &err), &err);
	ck_ok(commit_over(blob, "s1", (const char *const[2]){"f", "g"}, "[]", &already, &err), &err);
	ck_ok(commit_over(blob, "s2", (const char *const[2]){"g", "f"}, "[]", &already, &err), &err);
	ck_assert_int_eq(already, 1);
	ck_assert_int_eq(count_segments(blob), 2);
	ck_ok(commit_over(blob, "s2", (const char *const[2]){"g", "f"}, "[\"old\"]", &already, &err), &err);
	ck_assert_int_eq(count_segments(blob), 1);
	ck_assert_int_eq(is_there(blob, "s1"), 1);
	ck_assert_int_eq(is_there(blob, "old"), 0);
	ck_ok(commit_over(blob, "s3", (const char *const[2]){"f", "g"}, "[\"s1\"]", &already, &err), &err);
	ck_assert_int_eq(already, 0);
	ck_assert_int_eq(is_there(blob, "s3"), 1);
	ck_assert_int_eq(count_segments(blob), 1);
	blob_close(blob);
}
END_TEST

START_TEST(a_merge_of_segments_that_another_has_merged_meanwhile_is_begun_anew)
{
	struct blob *blob = open_table();
	struct err err = {0};
	int already;

	ck_ok(create_index(blob, "btree", &err), &err);
	stage("merged");
	stage("new");
	stage("late");
	ck_ok(commit_segment(blob, "merged", "[]", &already, &err),
	      &err); /* of "a" and "b", which the late one had too */
	ck_ok(commit_segment(blob, "new", "[]", &already, &err), &err);
	ck_assert_int_eq(commit_over(blob, "late", (const char *const[2]){"merged", "new"}, "[\"a\",\"b\",\"new\"]",
	                             &already, &err),
	                 ERR_CONFLICT);
	ck_assert_int_eq(count_segments(blob), 2);
	blob_close(blob);
}
END_TEST

START_TEST(a_segment_that_is_nowhere_fails_the_commit)
{
	struct blob *blob = open_table();
	struct err err = {0};
	int already;

	ck_ok(create_index(blob, "btree", &err), &err);
	ck_assert_int_eq(commit_segment(blob, "s1", "[]", &already, &err), ERR_NOTFOUND);
	ck_assert_int_eq(commit_segment(blob, "..", "[]", &already, &err), ERR_INVALID);
	ck_assert_int_eq(count_segments(blob), 0);
	blob_close(blob);
}
END_TEST

static void add_segments(struct blob *blob, int writer)
{
	for (int i = 0; i < COMMITS_EACH; i++) {
		struct err err = {0};
		char dir[32];
		int already;

		snprintf(dir, sizeof(dir), "s%d-%d", writer, i);
		stage(dir);
		if (commit_segment(blob, dir, "[]", &already, &err) || already) {
			fprintf(stderr, "# %s: %s\n", dir, err.text);
			_exit(1);
		}
	}
	_exit(0);
}

START_TEST(many_writers_lose_no_segment)
{
	struct blob *blob = open_table();
	struct err err = {0};
	int status, failed = 0;

	test_dir();
	ck_ok(create_index(blob, "btree", &err), &err);
	for (int i = 0; i < WRITERS; i++)
		if (!fork())
			add_segments(blob, i);
	for (int i = 0; i < WRITERS; i++) {
		wait(&status);
		failed += status != 0;
	}
	ck_assert_int_eq(failed, 0);
	ck_assert_int_eq(count_segments(blob), WRITERS * COMMITS_EACH);
	blob_close(blob);
}
END_TEST

START_TEST(a_number_that_has_no_next_is_no_state)
{
	struct blob *blob = open_table();
	struct err err = {0};
	int already;

	ck_ok(create_index(blob, "btree", &err), &err);
	ck_ok(blob_put(blob, "_orasi/indexes/ix/09223372036854775807.json", "{}", 2, &err), &err);
	stage("s1");
	ck_ok(commit_segment(blob, "s1", "[]", &already, &err), &err);
	ck_assert_int_eq(count_segments(blob), 1);
	blob_close(blob);
}
END_TEST

/* A number that is free again would let a writer who slept win with what he saw long ago. */
START_TEST(the_number_of_an_old_state_is_never_free_again)
{
	struct blob *blob = open_table();
	struct err err = {0};
	int already;

	ck_ok(create_index(blob, "btree", &err), &err);
	for (int i = 0; i < 5; i++) {
		char dir[32];

		snprintf(dir, sizeof(dir), "s%d", i);
		stage(dir);
		ck_ok(commit_segment(blob, dir, "[]", &already, &err), &err);
	}
	for (int i = 0; i <= 5; i++) {
		char name[100];

		snprintf(name, sizeof(name), "_orasi/indexes/ix/%020d.json", i);
		ck_assert_int_eq(blob_put_new(blob, name, "{}", 2, &err), ERR_EXISTS);
	}
	blob_close(blob);
}
END_TEST

static const char *const damaged[] = {
	"",
	"[]",
	"{}",
	"{\"plugin\":\"x\",\"columns\":[],\"segments\":[{\"dir\":\"..\",\"covers\":[]}]}",
	"{\"plugin\":\"x\",\"columns\":[],\"segments\":[{\"dir\":\"a\",\"covers\":[{\"path\":\"p\",\"rows\":1,\"base\":"
	"1}]}]}",
	"{\"plugin\":\"x\",\"columns\":[],\"segments\":[{\"dir\":\"a\",\"covers\":["
	"{\"path\":\"p\",\"rows\":9223372036854775807,\"base\":0},"
	"{\"path\":\"q\",\"rows\":9223372036854775807,\"base\":9223372036854775807},"
	"{\"path\":\"r\",\"rows\":1,\"base\":-2}]}]}",
};

START_TEST(a_damaged_manifest_is_refused)
{
	struct blob *blob = open_table();
	struct json *manifest;
	struct err err = {0};
	int64_t generation;

	ck_ok(blob_put(blob, "_orasi/indexes/ix/00000000000000000003.json", damaged[_i], strlen(damaged[_i]), &err),
	      &err);
	ck_assert_int_eq(index_manifest_load(blob, "ix", &manifest, &generation, &err), ERR_CORRUPT);
	blob_close(blob);
}
END_TEST

static void make_old(struct blob *blob, const char *name)
{
	const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	char path[PATH_MAX];
	struct err err = {0};

	ck_ok(blob_path(blob, name, path, sizeof(path), &err), &err);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, old, 0), 0);
}

START_TEST(a_sweep_takes_old_segments_and_states_that_are_not_in_force)
{
	struct ArrowSchema schema;
	struct table_change change = {.schema = &schema, .operation = "WRITE"};
	struct table_commit done;
	struct blob *blob = open_table();
	struct err err = {0};
	int64_t removed;
	int already;

	ck_assert_int_eq(arrow_schema_make(&schema, "+s", "", 0, 0), 0);
	ck_ok(table_commit(blob, NULL, &change, &done, &err), &err);
	ck_ok(create_index(blob, "btree", &err), &err);
	stage("s1");
	ck_ok(commit_segment(blob, "s1", "[]", &already, &err), &err);
	stage("s2");
	ck_ok(commit_segment(blob, "s2", "[]", &already, &err), &err);
	ck_ok(blob_put(blob, "_orasi/indexes/ix/orphan/terms", "data", 4, &err), &err);
	ck_ok(blob_put(blob, "_orasi/indexes/ix/young/terms", "data", 4, &err), &err);
	make_old(blob, "_orasi/indexes/ix/orphan");
	make_old(blob, "_orasi/indexes/ix/s1");
	make_old(blob, "_orasi/indexes/ix/00000000000000000000.json");
	make_old(blob, "_orasi/indexes/ix/00000000000000000002.json");
	ck_ok(table_sweep(blob, NULL, 3600 * 1000, &removed, &err), &err);
	ck_assert_int_eq(removed, 2);
	ck_assert_int_eq(is_there(blob, "orphan"), 0);
	ck_assert_int_eq(is_there(blob, "young"), 1);
	ck_assert_int_eq(count_segments(blob), 2);
	arrow_schema_release(&schema);
	blob_close(blob);
}
END_TEST

START_TEST(a_dropped_index_is_gone)
{
	struct blob *blob = open_table();
	struct json *manifest, *all;
	struct err err = {0};
	int64_t generation;

	ck_ok(create_index(blob, "btree", &err), &err);
	all = index_manifest_all(blob, &err);
	ck_assert_uint_eq(json_count(all), 1);
	json_free(all);
	ck_ok(index_manifest_drop(blob, "ix", &err), &err);
	ck_assert_int_eq(index_manifest_load(blob, "ix", &manifest, &generation, &err), ERR_NOTFOUND);
	ck_assert_int_eq(index_manifest_drop(blob, "../x", &err), ERR_INVALID);
	blob_close(blob);
}
END_TEST

/* As agents of before did: a segment that covers `path`, which another covers. */
static void double_segment(struct blob *blob, const char *segment)
{
	struct err err = {0};
	struct json *manifest;
	int64_t generation;
	char name[200];

	ck_ok(index_manifest_load(blob, "ix", &manifest, &generation, &err), &err);
	json_push(json_get_mut(manifest, "segments"), parse(segment));
	snprintf(name, sizeof(name), "_orasi/indexes/ix/%020lld.json", (long long)generation + 1);
	ck_ok(blob_put(blob, name, json_text(manifest), strlen(json_text(manifest)), &err), &err);
	json_free(manifest);
}

static const char *dirs_of(struct blob *blob)
{
	static char dirs[200];
	struct err err = {0};
	struct json *manifest;
	const struct json *segments;
	int64_t generation;

	ck_ok(index_manifest_load(blob, "ix", &manifest, &generation, &err), &err);
	segments = json_get(manifest, "segments");
	*dirs = '\0';
	for (size_t i = 0; i < json_count(segments); i++)
		snprintf(dirs + strlen(dirs), sizeof(dirs) - strlen(dirs), "%s%s", i ? " " : "",
		         json_get_str(json_at(segments, i), "dir", ""));
	json_free(manifest);
	return dirs;
}

START_TEST(an_index_that_was_doubled_long_ago_may_be_merged)
{
	struct blob *blob = open_table();
	struct err err = {0};
	int already;

	ck_ok(create_index(blob, "btree", &err), &err);
	stage("a");
	stage("c");
	stage("m");
	stage("n");
	ck_ok(commit_over(blob, "a", (const char *const[2]){"f", NULL}, "[]", &already, &err), &err);
	ck_ok(commit_over(blob, "c", (const char *const[2]){"g", NULL}, "[]", &already, &err), &err);
	double_segment(blob, "{\"dir\":\"b\",\"covers\":[{\"path\":\"f\",\"rows\":5,\"base\":0}]}");
	ck_ok(commit_over(blob, "m", (const char *const[2]){"f", "g"}, "[\"a\",\"c\"]", &already, &err), &err);
	ck_assert_str_eq(dirs_of(blob), "b m");
	/* What others cover anyway is left out, and what it was to replace goes. */
	double_segment(blob, "{\"dir\":\"d\",\"covers\":[{\"path\":\"g\",\"rows\":5,\"base\":0}]}");
	ck_ok(commit_over(blob, "n", (const char *const[2]){"f", "g"}, "[\"m\"]", &already, &err), &err);
	ck_assert_str_eq(dirs_of(blob), "b d");
	blob_close(blob);
}
END_TEST

static void manifest_cases(Suite *suite)
{
	TCase *tc = tcase_create("manifest");

	tcase_add_test(tc, an_index_is_made_once_and_another_of_its_name_is_a_conflict);
	tcase_add_test(tc, segments_come_and_replaced_ones_go);
	tcase_add_test(tc, a_segment_commit_repeated_changes_nothing);
	tcase_add_test(tc, of_two_segments_over_the_same_files_the_first_is_kept);
	tcase_add_test(tc, a_merge_of_segments_that_another_has_merged_meanwhile_is_begun_anew);
	tcase_add_test(tc, an_index_that_was_doubled_long_ago_may_be_merged);
	tcase_add_test(tc, a_segment_that_is_nowhere_fails_the_commit);
	tcase_add_test(tc, many_writers_lose_no_segment);
	tcase_add_test(tc, a_number_that_has_no_next_is_no_state);
	tcase_add_test(tc, the_number_of_an_old_state_is_never_free_again);
	tcase_add_loop_test(tc, a_damaged_manifest_is_refused, 0, sizeof(damaged) / sizeof(damaged[0]));
	tcase_add_test(tc, a_sweep_takes_old_segments_and_states_that_are_not_in_force);
	tcase_add_test(tc, a_dropped_index_is_gone);
	suite_add_tcase(suite, tc);
}

TEST_MAIN("manifest", manifest_cases)
