/* SPDX-License-Identifier: Apache-2.0 */
/* Changes that take files out, new tables as they are asked for, and what is cleaned up afterwards. */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "plugin/codec.h"
#include "plugin/loader.h"
#include "tables.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static struct err err;
static struct table_codec codec;

static void setup(void)
{
	codec = (struct table_codec)CODEC(tables_loader());
}

static struct blob *table_of(int files)
{
	struct blob *blob = open_table("t");

	for (int i = 0; i < files; i++) {
		struct table_commit done;
		char name[64];

		snprintf(name, sizeof(name), "part-%d.parquet", i);
		ck_ok(commit_file(blob, &codec, "id:l", name, "a", i, &done, &err), &err);
	}
	return blob;
}

/* One commit that takes files out and puts one in. */
static int rearrange(struct blob *blob, const char *const *removes, size_t n, const char *name,
                     struct table_commit *ret)
{
	char staged[PATH_MAX];
	struct table_add add = {.staged = staged,
	                        .name = name,
	                        .size = 4,
	                        .rows = (int64_t)n * ROWS,
	                        .stats = "{\"numRecords\":5}"};
	struct table_change change = {.adds = &add,
	                              .n_adds = 1,
	                              .removes = removes,
	                              .n_removes = n,
	                              .rearranges = 1,
	                              .operation = "OPTIMIZE"};

	snprintf(staged, sizeof(staged), "%s", test_path(name));
	write_file(staged, "data");
	return table_commit(blob, &codec, &change, ret, &err);
}

static struct json *last_lines(struct blob *blob, int version)
{
	struct json *lines = json_new_array(), *line;
	char name[64], *rest, *text;
	struct buf buf;

	snprintf(name, sizeof(name), "_delta_log/%020d.json", version);
	buf_init(&buf, 0);
	ck_ok(blob_get(blob, name, 1 << 20, &buf, &err), &err);
	rest = buf.data;
	while ((text = strsep(&rest, "\n")) && *text) {
		ck_ok(json_parse(text, strlen(text), &line, &err), &err);
		json_push(lines, line);
	}
	buf_done(&buf);
	return lines;
}

/* ---- taking out --------------------------------------------------------------------------------------------- */

START_TEST(files_are_rearranged_in_one_commit)
{
	static const char *const old[] = {"part-0.parquet", "part-2.parquet"};
	struct blob *blob = table_of(3);
	struct table_commit done;
	struct json *lines;
	int removes = 0;

	ck_ok(rearrange(blob, old, 2, "part-new.parquet", &done), &err);
	ck_assert_int_eq(done.files, 2);
	ck_assert_int_eq(done.rows, 3 * ROWS);
	lines = last_lines(blob, 3);
	ck_assert_str_eq(json_str(json_pointer(lines, "/0/commitInfo/operation"), ""), "OPTIMIZE");
	ck_assert_str_eq(json_str(json_pointer(lines, "/0/commitInfo/operationMetrics/numRemovedFiles"), ""), "2");
	ck_assert_int_eq(json_bool(json_pointer(lines, "/0/commitInfo/isBlindAppend"), 1), 0);
	for (size_t i = 1; i < json_count(lines); i++) {
		const struct json *add = json_get(json_at(lines, i), "add"),
				  *gone = json_get(json_at(lines, i), "remove");

		ck_assert_int_eq(json_get_bool(add ? add : gone, "dataChange", 1), 0);
		removes += gone != NULL;
	}
	ck_assert_int_eq(removes, 2);
	json_free(lines);
	blob_close(blob);
}
END_TEST

START_TEST(of_two_who_rearrange_the_same_files_one_gives_way)
{
	static const char *const old[] = {"part-0.parquet", "part-1.parquet"};
	struct blob *blob = table_of(2);
	struct table_commit done;

	ck_ok(rearrange(blob, old, 2, "part-a.parquet", &done), &err);
	ck_assert_int_eq(rearrange(blob, old, 2, "part-b.parquet", &done), ERR_CONFLICT);
	ck_assert_msg(strstr(err.text, "part-0.parquet") != NULL, "%s", err.text);
	assert_table(blob, &codec, 2, 1);
	blob_close(blob);
}
END_TEST

START_TEST(replacing_takes_out_all_that_is_in)
{
	struct blob *blob = table_of(3);
	struct table_change change = {.replaces = 1, .operation = "WRITE"};
	struct table_commit done;

	ck_ok(table_commit(blob, &codec, &change, &done, &err), &err);
	assert_table(blob, &codec, 3, 0);
	ck_assert_int_eq(done.rows, 0);
	blob_close(blob);
}
END_TEST

START_TEST(an_append_only_table_loses_nothing)
{
	struct json *properties = json_new_object();
	struct table_change create = {.operation = "CREATE TABLE", .creates = 1, .properties = properties};
	struct table_change replace = {.replaces = 1, .operation = "WRITE"};
	static const char *const old[] = {"part-0.parquet"};
	struct blob *blob = open_table("t");
	struct ArrowSchema schema;
	struct table_commit done;

	json_set_str(properties, "delta.appendOnly", "true");
	make_schema(&schema, "id:l");
	create.schema = &schema;
	ck_ok(table_commit(blob, &codec, &create, &done, &err), &err);
	ck_ok(commit_file(blob, &codec, "id:l", "part-0.parquet", "a", 0, &done, &err), &err);
	ck_assert_int_eq(table_commit(blob, &codec, &replace, &done, &err), ERR_UNSUPPORTED);
	ck_assert_msg(strstr(err.text, "append-only") != NULL, "%s", err.text);
	ck_ok(rearrange(blob, old, 1, "part-a.parquet", &done), &err); /* the same rows: that may be */
	arrow_schema_release(&schema);
	json_free(properties);
	blob_close(blob);
}
END_TEST

/* ---- partitions ------------------------------------------------------------------------------------------------ */

static void create_partitioned(struct blob *blob)
{
	struct json *columns = json_new_array();
	struct table_change change = {.operation = "CREATE TABLE", .creates = 1, .partition_by = columns};
	struct ArrowSchema schema;
	struct table_commit done;

	json_push(columns, json_new_str("day"));
	make_schema(&schema, "id:l day:tdD");
	change.schema = &schema;
	ck_ok(table_commit(blob, &codec, &change, &done, &err), &err);
	ck_assert_int_eq(table_commit(blob, &codec, &change, &done, &err), ERR_CONFLICT);
	arrow_schema_release(&schema);
	json_free(columns);
}

static int add_to_day(struct blob *blob, const char *name, const char *day)
{
	struct json *values = json_new_object();
	char staged[PATH_MAX];
	struct table_add add = {.staged = staged,
	                        .name = name,
	                        .size = 4,
	                        .rows = ROWS,
	                        .stats = "{\"numRecords\":5}",
	                        .partition = values};
	struct table_change change = {.adds = &add, .n_adds = 1, .operation = "WRITE"};
	struct table_commit done;
	int r;

	json_set(values, "day", json_new_str(day));
	snprintf(staged, sizeof(staged), "%s", test_path(name));
	write_file(staged, "data");
	r = table_commit(blob, &codec, &change, &done, &err);
	json_free(values);
	return r;
}

START_TEST(a_file_says_which_partition_it_is)
{
	struct blob *blob = open_table("t");
	struct arrow_view root, day;
	struct table_snapshot s;
	struct ArrowArray values;
	struct table_commit done;

	create_partitioned(blob);
	ck_ok(add_to_day(blob, "part-1.parquet", "1970-01-11"), &err);
	ck_ok(add_to_day(blob, "part-2.parquet", NULL), &err);
	ck_assert_int_eq(commit_file(blob, &codec, "id:l day:tdD", "part-3.parquet", "a", 0, &done, &err),
	                 ERR_UNSUPPORTED);
	ck_assert_msg(strstr(err.text, "'day'") != NULL, "%s", err.text);
	ck_ok(table_checkpoint(blob, &codec, NULL, &err), &err);
	ck_ok(table_snapshot(blob, &codec, &s, &err), &err);
	ck_assert_int_eq(s.partitions.n_children, 1);
	for (size_t i = 0; i < 2; i++) {
		ck_ok(table_file_partition(&s, &s.files[i], &values, &err), &err);
		ck_assert_int_eq(arrow_view_init(&root, &s.partitions, &values) || arrow_view_child(&root, 0, &day), 0);
		ck_assert_int_eq(arrow_view_is_null(&day, 0), i == 1);
		ck_assert(i == 1 || arrow_view_int(&day, 0) == 10);
		arrow_array_release(&values);
	}
	table_snapshot_done(&s);
	blob_close(blob);
}
END_TEST

static const struct {
	const char *format, *text;
	int bad;
	const char *again; /* NULL: null */
} values[] = {
	{"u", "a b", 0, "a b"},
	{"u", "", 0, NULL},
	{"l", "-9223372036854775808", 0, "-9223372036854775808"},
	{"c", "127", 0, "127"},
	{"c", "128", 1, NULL},
	{"i", "x", 1, NULL},
	{"b", "true", 0, "true"},
	{"b", "1", 1, NULL},
	{"tdD", "1969-12-31", 0, "1969-12-31"},
	{"tdD", "1969-13-31", 1, NULL},
	{"tsu:UTC", "2026-01-31 10:11:12", 0, "2026-01-31T10:11:12.000000Z"},
	{"tsu:UTC", "2026-01-31T10:11:12.5Z", 0, "2026-01-31T10:11:12.500000Z"},
	{"tsu:UTC", "2026-01-31T10:11", 1, NULL},
	{"d:9,2", "-1.5", 0, "-1.50"},
	{"d:9,2", "0.05", 0, "0.05"},
	{"d:9,2", "1.555", 1, NULL},
	{"d:38,0", "99999999999999999999999999999999999999", 0, "99999999999999999999999999999999999999"},
	{"d:38,0", "999999999999999999999999999999999999999", 1, NULL},
	{"g", "0.1", 0, "0.1"},
	{"g", "-Infinity", 0, "-Infinity"},
	{"g", "1x", 1, NULL},
};

START_TEST(values_of_partitions_go_to_columns_and_back)
{
	struct table_snapshot s = {0};
	struct json *partition = json_new_object();
	struct table_file file = {.path = "f", .partition = partition};
	struct ArrowArray array;
	struct arrow_view root, view;
	struct buf text;
	int r;

	json_set_str(partition, "c", values[_i].text);
	ck_assert_int_eq(arrow_schema_make(&s.partitions, "+s", "", 0, 1), 0);
	ck_assert_int_eq(arrow_schema_make(s.partitions.children[0], values[_i].format, "c", 1, 0), 0);
	r = table_file_partition(&s, &file, &array, &err);
	ck_assert_int_eq(r, values[_i].bad ? ERR_CORRUPT : 0);
	if (!r) {
		buf_init(&text, 0);
		ck_assert_int_eq(arrow_view_init(&root, &s.partitions, &array) || arrow_view_child(&root, 0, &view), 0);
		ck_assert_int_eq(table_partition_text(&view, 0, &text), values[_i].again != NULL);
		if (values[_i].again)
			ck_assert_str_eq(text.data, values[_i].again);
		buf_done(&text);
		arrow_array_release(&array);
	}
	arrow_schema_release(&s.partitions);
	json_free(partition);
}
END_TEST

static const struct {
	const char *format, *bytes;
	size_t n;
	int says;
} sayable[] = {
	{"u", "x\xC3\xBC", 3, 1}, {"u", "x\0y", 3, -1}, {"z", "AB", 2, 1},
	{"z", "\xFF\x01", 2, -1}, {"z", "A\0", 2, -1},  {"z", "", 0, 0},
};

START_TEST(what_the_log_cannot_say_is_no_value_of_a_partition)
{
	struct ArrowSchema schema;
	struct arrow_builder *b;
	struct ArrowArray array;
	struct arrow_view root, view;
	struct buf text;

	ck_assert_int_eq(arrow_schema_make(&schema, "+s", "", 0, 1), 0);
	ck_assert_int_eq(arrow_schema_make(schema.children[0], sayable[_i].format, "c", 1, 0), 0);
	b = arrow_builder_new(&schema);
	ck_assert_int_eq(arrow_append_bytes(arrow_builder_child(b, 0), sayable[_i].bytes, sayable[_i].n), 0);
	ck_assert_int_eq(arrow_end_struct(b) || arrow_builder_finish(b, &array), 0);
	ck_assert_int_eq(arrow_view_init(&root, &schema, &array) || arrow_view_child(&root, 0, &view), 0);
	buf_init(&text, 0);
	ck_assert_int_eq(table_partition_text(&view, 0, &text), sayable[_i].says);
	buf_done(&text);
	arrow_builder_free(b);
	arrow_array_release(&array);
	arrow_schema_release(&schema);
}
END_TEST

START_TEST(a_partition_is_deleted_by_its_value)
{
	struct json *where = json_new_object();
	struct blob *blob = open_table("t");
	struct table_commit done;
	int64_t files = -1;

	create_partitioned(blob);
	ck_ok(add_to_day(blob, "part-1.parquet", "1970-01-11"), &err);
	ck_ok(add_to_day(blob, "part-2.parquet", "1970-01-12"), &err);
	json_set_str(where, "day", "1970-01-11");
	ck_ok(table_delete(blob, &codec, where, &done, &files, &err), &err);
	ck_assert_int_eq(files, 1);
	assert_table(blob, &codec, 3, 1);
	ck_ok(table_delete(blob, &codec, where, &done, &files, &err), &err);
	ck_assert_int_eq(files, 0);
	ck_assert_int_eq(done.version, 3); /* nothing to do is no commit */
	json_set_str(where, "id", "1");
	ck_assert_int_eq(table_delete(blob, &codec, where, &done, &files, &err), ERR_INVALID);
	json_free(where);
	blob_close(blob);
}
END_TEST

/* ---- vacuum and the log ---------------------------------------------------------------------------------------- */

static void make_old(const char *name, int64_t days)
{
	int64_t ms = clock_wall_ms() - days * DAY_MS;
	struct timespec times[2] = {{ms / 1000, 0}, {ms / 1000, 0}};
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", test_path("t"), name);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static int is_there(struct blob *blob, const char *name)
{
	int64_t size;

	return !blob_size(blob, name, &size, NULL, NULL);
}

START_TEST(vacuum_takes_what_nobody_needs)
{
	struct blob *blob = table_of(2);
	struct table_vacuum done;
	char gone[300];

	put_entry(blob, 2, "{\"remove\":{\"path\":\"part-0.parquet\",\"deletionTimestamp\":1,\"dataChange\":true}}\n");
	snprintf(gone, sizeof(gone),
	         "{\"remove\":{\"path\":\"day=1/x%%20y.parquet\",\"deletionTimestamp\":%" PRId64
	         ",\"dataChange\":true}}\n",
	         clock_wall_ms());
	put_entry(blob, 3, gone);
	ck_ok(blob_put(blob, "day=1/x y.parquet", "data", 4, &err), &err);
	ck_ok(blob_put(blob, "day=1/never.parquet", "data", 4, &err), &err);
	ck_ok(blob_put(blob, "_hidden/never.parquet", "data", 4, &err), &err);
	ck_ok(blob_put(blob, "notes.txt", "data", 4, &err), &err);
	ck_ok(blob_put(blob, "young.parquet", "data", 4, &err), &err);
	make_old("part-0.parquet", 8);
	make_old("part-1.parquet", 8);
	make_old("day=1/x y.parquet", 8);
	make_old("day=1/never.parquet", 8);
	make_old("_hidden/never.parquet", 8);
	make_old("notes.txt", 8);
	ck_assert_int_eq(table_vacuum(blob, &codec, DAY_MS, 0, 0, &done, &err), ERR_INVALID);
	ck_assert_msg(strstr(err.text, "168 hours") != NULL, "%s", err.text);
	ck_ok(table_vacuum(blob, &codec, -1, 0, 1, &done, &err), &err);
	ck_assert_int_eq(done.files, 2);
	ck_assert_int_eq(done.bytes, 8);
	ck_assert(is_there(blob, "part-0.parquet"));
	ck_ok(table_vacuum(blob, &codec, -1, 0, 0, &done, &err), &err);
	ck_assert_int_eq(done.files, 2);
	ck_assert(!is_there(blob, "part-0.parquet") && !is_there(blob, "day=1/never.parquet"));
	ck_assert(is_there(blob, "part-1.parquet") && is_there(blob, "day=1/x y.parquet"));
	ck_assert(is_there(blob, "_hidden/never.parquet") && is_there(blob, "notes.txt") &&
	          is_there(blob, "young.parquet"));
	blob_close(blob);
}
END_TEST

START_TEST(what_is_in_use_under_another_spelling_is_needed)
{
	struct blob *blob = table_of(1);
	struct table_vacuum done;
	int64_t removed;

	put_entry(blob, 1,
	          "{\"remove\":{\"path\":\"part-0.parquet\",\"deletionTimestamp\":1,\"dataChange\":true}}\n"
	          "{\"add\":{\"path\":\"./part-1.parquet\",\"size\":4}}\n"
	          "{\"add\":{\"path\":\"day=1//x.parquet\",\"size\":4}}\n");
	ck_ok(blob_put(blob, "part-1.parquet", "data", 4, &err), &err);
	ck_ok(blob_put(blob, "day=1/x.parquet", "data", 4, &err), &err);
	make_old("part-1.parquet", 8);
	make_old("day=1/x.parquet", 8);
	ck_ok(table_vacuum(blob, &codec, 0, 1, 0, &done, &err), &err);
	ck_assert_int_eq(done.files, 1);
	ck_ok(table_sweep(blob, &codec, 0, &removed, &err), &err);
	ck_assert(is_there(blob, "part-1.parquet") && is_there(blob, "day=1/x.parquet"));
	blob_close(blob);
}
END_TEST

/* A retention below nothing would let go of all that was ever taken out. */
START_TEST(a_retention_that_is_no_time_is_a_week)
{
	struct blob *blob = open_table("t");
	struct table_vacuum done;

	put_entry(blob, 0,
	          PROTOCOL
	          "{\"metaData\":{\"id\":\"x\",\"format\":{\"provider\":\"parquet\"},\"schemaString\":\"{\\\"type"
	          "\\\":\\\"struct\\\",\\\"fields\\\":[]}\",\"partitionColumns\":[],\"configuration\":{"
	          "\"delta.deletedFileRetentionDuration\":\"interval 999999999 weeks 999999999 weeks 999999999 "
	          "weeks 999999999 weeks 999999999 weeks 999999999 weeks 999999999 weeks 999999999 weeks "
	          "999999999 weeks 999999999 weeks 999999999 weeks 999999999 weeks 999999999 weeks 999999999 "
	          "weeks 999999999 weeks 999999999 weeks\"}}}\n");
	ck_assert_int_eq(table_vacuum(blob, &codec, DAY_MS, 0, 0, &done, &err), ERR_INVALID);
	ck_assert_msg(strstr(err.text, "168 hours") != NULL, "%s", err.text);
	blob_close(blob);
}
END_TEST

START_TEST(old_entries_go_behind_an_old_checkpoint_and_no_others)
{
	struct blob *blob = table_of(25);
	char name[96];

	for (int v = 0; v < 15; v++) {
		snprintf(name, sizeof(name), "_delta_log/%020d.json", v);
		make_old(name, 40);
	}
	make_old("_delta_log/00000000000000000010.checkpoint.parquet", 40);
	ck_ok(table_checkpoint(blob, &codec, NULL, &err), &err);
	ck_assert(!is_there(blob, "_delta_log/00000000000000000009.json"));
	ck_assert(is_there(blob, "_delta_log/00000000000000000010.json"));
	ck_assert(is_there(blob, "_delta_log/00000000000000000010.checkpoint.parquet"));
	ck_assert(is_there(blob, "_delta_log/00000000000000000011.json"));
	assert_table(blob, &codec, 24, 25);
	make_old("_delta_log/00000000000000000020.checkpoint.parquet", 31);
	ck_ok(table_checkpoint(blob, &codec, NULL, &err), &err);
	ck_assert(!is_there(blob, "_delta_log/00000000000000000010.checkpoint.parquet"));
	ck_assert(!is_there(blob, "_delta_log/00000000000000000019.json"));
	assert_table(blob, &codec, 24, 25);
	blob_close(blob);
}
END_TEST

static void change_cases(Suite *suite)
{
	TCase *tc = tcase_create("change");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, files_are_rearranged_in_one_commit);
	tcase_add_test(tc, of_two_who_rearrange_the_same_files_one_gives_way);
	tcase_add_test(tc, replacing_takes_out_all_that_is_in);
	tcase_add_test(tc, an_append_only_table_loses_nothing);
	tcase_add_test(tc, a_file_says_which_partition_it_is);
	tcase_add_loop_test(tc, values_of_partitions_go_to_columns_and_back, 0, sizeof(values) / sizeof(values[0]));
	tcase_add_loop_test(tc, what_the_log_cannot_say_is_no_value_of_a_partition, 0,
	                    (int)(sizeof(sayable) / sizeof(sayable[0])));
	tcase_add_test(tc, a_partition_is_deleted_by_its_value);
	tcase_add_test(tc, vacuum_takes_what_nobody_needs);
	tcase_add_test(tc, what_is_in_use_under_another_spelling_is_needed);
	tcase_add_test(tc, a_retention_that_is_no_time_is_a_week);
	tcase_add_test(tc, old_entries_go_behind_an_old_checkpoint_and_no_others);
	suite_add_tcase(suite, tc);
}

TEST_MAIN("change", change_cases)
