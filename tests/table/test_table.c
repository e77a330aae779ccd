/* SPDX-License-Identifier: Apache-2.0 */
/* Commits and snapshots. The data files here are any bytes: the room moves them and never looks inside. */
#include "lib/test.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "tables.h"

#define WRITERS 8
#define COMMITS_EACH 10
#define KILLS 100

/* ---- commits ------------------------------------------------------------------------------------------------ */

START_TEST(a_place_without_a_log_is_no_table)
{
	struct blob *blob = open_table("t");

	assert_table(blob, NULL, -1, 0);
	blob_close(blob);
}
END_TEST

START_TEST(the_first_commit_makes_the_table_and_later_ones_append)
{
	struct blob *blob = open_table("t");
	struct table_commit done;
	struct err err = {0};

	ck_ok(commit_file(blob, NULL, "id:l", "part-1.parquet", "task/0", 0, &done, &err), &err);
	ck_assert_int_eq(done.version, 0);
	ck_ok(commit_file(blob, NULL, "id:l", "part-2.parquet", "task/0", 1, &done, &err), &err);
	ck_assert_int_eq(done.version, 1);
	ck_assert_int_eq(done.rows, 2 * ROWS);
	ck_assert_int_eq(done.bytes, 8);
	ck_assert_int_eq(done.files, 2);
	assert_table(blob, NULL, 1, 2);
	blob_close(blob);
}
END_TEST

START_TEST(a_commit_repeated_changes_nothing)
{
	struct blob *blob = open_table("t");
	struct table_commit done;
	struct err err = {0};

	ck_ok(commit_file(blob, NULL, "id:l", "part-1.parquet", "task/0", 7, &done, &err), &err);
	ck_assert_int_eq(done.already, 0);
	ck_ok(commit_file(blob, NULL, "id:l", "part-1.parquet", "task/0", 7, &done, &err), &err);
	ck_assert_int_eq(done.already, 1);
	ck_ok(commit_file(blob, NULL, "id:l", "part-0.parquet", "task/0", 6, &done, &err), &err);
	ck_assert_int_eq(done.already, 1);
	ck_assert_int_eq(done.version, 0);
	assert_table(blob, NULL, 0, 1);
	ck_ok(commit_file(blob, NULL, "id:l", "part-2.parquet", "task/1", 7, &done, &err), &err);
	ck_assert_int_eq(done.already, 0);
	assert_table(blob, NULL, 1, 2);
	blob_close(blob);
}
END_TEST

START_TEST(files_moved_before_a_crash_are_found_in_place)
{
	struct blob *blob = open_table("t");
	struct table_commit done;
	struct err err = {0};

	ck_ok(blob_put(blob, "part-1.parquet", "data", 4, &err), &err);
	ck_ok(commit_file(blob, NULL, "id:l", "part-1.parquet", "task/0", 0, &done, &err), &err);
	assert_table(blob, NULL, 0, 1);
	ck_ok(blob_put(blob, "part-2.parquet", "other data", 10, &err), &err);
	ck_assert_int_eq(commit_file(blob, NULL, "id:l", "part-2.parquet", "task/0", 1, &done, &err), ERR_CORRUPT);
	assert_table(blob, NULL, 0, 1);
	blob_close(blob);
}
END_TEST

/* A writer keeps what it knows between commits, and must not believe it of another table. */
START_TEST(a_table_that_is_made_anew_is_not_taken_for_the_old_one)
{
	struct blob *blob = open_table("t");
	struct table_commit done;
	struct err err = {0};

	for (int i = 0; i < 3; i++)
		ck_ok(commit_file(blob, NULL, "id:l old:u",
		                  i ? i > 1 ? "part-2.parquet" : "part-1.parquet" : "part-0.parquet", "a", i, &done,
		                  &err),
		      &err);
	ck_ok(blob_delete(blob, "", &err), &err);
	ck_ok(commit_file(blob, NULL, "id:l", "part-3.parquet", "a", 0, &done, &err), &err);
	ck_assert_int_eq(done.version, 0);
	ck_assert_int_eq(done.already, 0);
	assert_schema(blob, "id:l");
	ck_ok(blob_delete(blob, "", &err), &err);
	put_entry(blob, 0, PROTOCOL METADATA "{\"txn\":{\"appId\":\"b\",\"version\":9}}\n");
	ck_ok(commit_file(blob, NULL, "id:l", "part-4.parquet", "b", 9, &done, &err), &err);
	ck_assert_int_eq(done.already, 1);
	blob_close(blob);
}
END_TEST

START_TEST(a_file_that_is_nowhere_fails_the_commit)
{
	struct blob *blob = open_table("t");
	struct table_add add = {.staged = "/nowhere/x", .name = "part-1.parquet", .size = 4, .rows = 1};
	struct ArrowSchema schema;
	struct table_change change = {.schema = &schema, .adds = &add, .n_adds = 1, .operation = "WRITE"};
	struct table_commit done;
	struct err err = {0};

	make_schema(&schema, "id:l");
	ck_assert_int_eq(table_commit(blob, NULL, &change, &done, &err), ERR_NOTFOUND);
	add.name = "../part-1.parquet";
	ck_assert_int_eq(table_commit(blob, NULL, &change, &done, &err), ERR_INVALID);
	assert_table(blob, NULL, -1, 0);
	arrow_schema_release(&schema);
	blob_close(blob);
}
END_TEST

START_TEST(the_history_is_newest_first_and_bounded)
{
	struct blob *blob = open_table("t");
	struct table_commit done;
	struct err err = {0};
	struct json *history;

	for (int i = 0; i < 3; i++) {
		char name[32];

		snprintf(name, sizeof(name), "part-%d.parquet", i);
		ck_ok(commit_file(blob, NULL, "id:l", name, NULL, 0, &done, &err), &err);
	}
	history = table_history(blob, 2, &err);
	ck_assert_uint_eq(json_count(history), 2);
	ck_assert_int_eq(json_get_int(json_at(history, 0), "version", -1), 2);
	ck_assert_str_eq(json_get_str(json_at(history, 0), "operation", ""), "WRITE");
	ck_assert_str_eq(json_str(json_pointer(history, "/0/operationMetrics/numOutputRows"), ""), "5");
	json_free(history);
	blob_close(blob);
}
END_TEST

/* ---- schemas ---------------------------------------------------------------------------------------------------- */

START_TEST(new_columns_join_and_conflicting_types_are_named)
{
	struct blob *blob = open_table("t");
	struct table_commit done;
	struct err err = {0};

	ck_ok(commit_file(blob, NULL, "id:l name:u", "part-1.parquet", NULL, 0, &done, &err), &err);
	ck_ok(commit_file(blob, NULL, "price:d:9,2 ID:l", "part-2.parquet", NULL, 0, &done, &err), &err);
	assert_schema(blob, "id:l name:u price:d:9,2");
	ck_assert_int_eq(commit_file(blob, NULL, "name:l", "part-3.parquet", NULL, 0, &done, &err), ERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(err.text, "'name'"));
	assert_table(blob, NULL, 1, 2);
	blob_close(blob);
}
END_TEST

START_TEST(every_type_of_delta_goes_to_arrow_and_back)
{
	static const char text[] =
		"{\"type\":\"struct\",\"fields\":["
		"{\"name\":\"a\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}},"
		"{\"name\":\"b\",\"type\":\"long\",\"nullable\":false,\"metadata\":{}},"
		"{\"name\":\"c\",\"type\":\"integer\",\"nullable\":true,\"metadata\":{}},"
		"{\"name\":\"d\",\"type\":\"short\",\"nullable\":true,\"metadata\":{}},"
		"{\"name\":\"e\",\"type\":\"byte\",\"nullable\":true,\"metadata\":{}},"
		"{\"name\":\"f\",\"type\":\"float\",\"nullable\":true,\"metadata\":{}},"
		"{\"name\":\"g\",\"type\":\"double\",\"nullable\":true,\"metadata\":{}},"
		"{\"name\":\"h\",\"type\":\"boolean\",\"nullable\":true,\"metadata\":{}},"
		"{\"name\":\"i\",\"type\":\"binary\",\"nullable\":true,\"metadata\":{}},"
		"{\"name\":\"j\",\"type\":\"date\",\"nullable\":true,\"metadata\":{}},"
		"{\"name\":\"k\",\"type\":\"timestamp\",\"nullable\":true,\"metadata\":{}},"
		"{\"name\":\"l\",\"type\":\"decimal(38,18)\",\"nullable\":true,\"metadata\":{}},"
		"{\"name\":\"m\",\"type\":{\"type\":\"array\",\"elementType\":{\"type\":\"map\",\"keyType\":\"string\","
		"\"valueType\":{\"type\":\"struct\",\"fields\":[{\"name\":\"n\",\"type\":\"long\",\"nullable\":true,"
		"\"metadata\":{}}]},\"valueContainsNull\":true},\"containsNull\":false},\"nullable\":true,"
		"\"metadata\":{}}]}";
	struct json *delta, *back;
	struct ArrowSchema schema;
	struct err err = {0};

	ck_ok(json_parse(text, strlen(text), &delta, &err), &err);
	ck_ok(table_schema_from_delta(delta, &schema, &err), &err);
	back = table_schema_to_delta(&schema);
	ck_assert_str_eq(json_text(back), text);
	json_free(back);
	json_free(delta);
	arrow_schema_release(&schema);
}
END_TEST

START_TEST(types_that_delta_lacks_become_those_it_has)
{
	struct ArrowSchema schema, canonical, wanted;
	struct err err = {0};

	make_schema(&schema, "a:C b:S c:I d:L e:e f:tsn: g:tsm:UTC h:tdm i:ttu j:U k:Z l:w:16 m:n");
	make_schema(&wanted, "a:s b:i c:l d:l e:f f:tsu:UTC g:tsu:UTC h:tdD i:l j:u k:z l:z m:u f_ns:l");
	ck_ok(table_schema_canonical(&schema, NULL, &canonical, &err), &err);
	ck_assert_int_eq(arrow_schema_equal(&canonical, &wanted, 0), 1);
	arrow_schema_release(&schema);
	arrow_schema_release(&canonical);
	arrow_schema_release(&wanted);
}
END_TEST

/* Whatever comes with it, and in whatever order: what two files give one key goes to one column. */
START_TEST(a_key_finds_the_column_that_it_has)
{
	struct ArrowSchema first, second, source, canonical, again;
	struct table_snapshot s;
	struct table_change change = {.schema = &canonical, .operation = "WRITE"};
	struct table_commit done;
	struct blob *blob = open_table("t");
	struct err err = {0};

	make_schema(&first, "a:l A:l");
	make_schema(&second, "A:l B:l a:l b:l");
	ck_ok(table_schema_canonical(&first, NULL, &canonical, &err), &err);
	ck_ok(table_commit(blob, NULL, &change, &done, &err), &err);
	ck_ok(table_snapshot(blob, NULL, &s, &err), &err);
	ck_assert_str_eq(s.schema.children[1]->name, "A_2");
	ck_ok(table_schema_at_source(&s.schema, &source, &err), &err);
	ck_assert_int_eq(arrow_schema_equal(&source, &first, 0), 1);
	ck_ok(table_schema_canonical(&second, &s.schema, &again, &err), &err);
	ck_assert_str_eq(again.children[0]->name, "A_2");
	ck_assert_str_eq(again.children[1]->name, "B");
	ck_assert_str_eq(again.children[2]->name, "a");
	ck_assert_str_eq(again.children[3]->name, "b_2");
	arrow_schema_release(&again);
	arrow_schema_release(&source);
	arrow_schema_release(&first);
	arrow_schema_release(&second);
	arrow_schema_release(&canonical);
	table_snapshot_done(&s);
	blob_close(blob);
}
END_TEST

/* What is no UTF-8 in a name would make a log entry that nobody can read again. */
START_TEST(names_become_what_delta_can_hold)
{
	char longest[401], text[400];
	struct ArrowSchema schema, canonical;
	struct table_snapshot s;
	struct table_change change = {.schema = &canonical, .operation = "WRITE"};
	struct table_commit done;
	struct blob *blob = open_table("t");
	struct err err = {0};
	const char *names[] = {"a b", "A,b", "", "bad \xff\xc3", longest};

	for (size_t i = 0; i < 400; i += 2)
		memcpy(longest + i, "\xc3\xa4", 3);
	ck_assert_int_eq(arrow_schema_make(&schema, "+s", "", 0, 5), 0);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(arrow_schema_make(schema.children[i], "l", names[i], 1, 0), 0);
	ck_ok(table_schema_canonical(&schema, NULL, &canonical, &err), &err);
	ck_assert_str_eq(canonical.children[0]->name, "a_b");
	ck_assert_str_eq(canonical.children[1]->name, "A_b_2");
	ck_assert_str_eq(canonical.children[2]->name, "_");
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(utf8_valid(canonical.children[i]->name, strlen(canonical.children[i]->name)), 1);
	ck_ok(table_commit(blob, NULL, &change, &done, &err), &err);
	ck_ok(table_snapshot(blob, NULL, &s, &err), &err);
	snprintf(text, sizeof(text), "%s", s.schema.children[4]->name);
	ck_assert_str_eq(text, canonical.children[4]->name);
	table_snapshot_done(&s);
	arrow_schema_release(&schema);
	arrow_schema_release(&canonical);
	blob_close(blob);
}
END_TEST

static void make_map(struct ArrowSchema *ret, const char *entries, const char *key, const char *value)
{
	struct ArrowSchema *map;

	ck_assert_int_eq(arrow_schema_make(ret, "+s", "", 0, 1), 0);
	map = ret->children[0];
	ck_assert_int_eq(arrow_schema_make(map, "+m", "m", 1, 1), 0);
	ck_assert_int_eq(arrow_schema_make(map->children[0], "+s", entries, 0, 2), 0);
	ck_assert_int_eq(arrow_schema_make(map->children[0]->children[0], "u", key, 0, 0), 0);
	ck_assert_int_eq(arrow_schema_make(map->children[0]->children[1], "l", value, 1, 0), 0);
}

START_TEST(maps_are_the_same_whatever_their_parts_are_called)
{
	struct ArrowSchema ours, theirs, canonical, merged;
	struct err err = {0};

	make_map(&ours, "key_value", "key", "value");
	make_map(&theirs, "entries", "keys", "values");
	ck_ok(table_schema_canonical(&theirs, NULL, &canonical, &err), &err);
	ck_ok(table_schema_merge(&ours, &canonical, &merged, &err), &err);
	ck_assert_int_eq(arrow_schema_equal(&ours, &merged, 1), 1);
	arrow_schema_release(&ours);
	arrow_schema_release(&theirs);
	arrow_schema_release(&canonical);
	arrow_schema_release(&merged);
}
END_TEST

/* ---- foreign logs --------------------------------------------------------------------------------------------- */

static int load(struct blob *blob, struct err *err)
{
	struct table_snapshot s;
	int r = table_snapshot(blob, NULL, &s, err);

	if (!r)
		table_snapshot_done(&s);
	return r;
}

START_TEST(a_gap_in_the_log_is_an_error)
{
	struct blob *blob = open_table("t");
	struct err err = {0};

	put_entry(blob, 0, PROTOCOL METADATA);
	put_entry(blob, 2, "");
	ck_assert_int_eq(load(blob, &err), ERR_CORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "log entry '_delta_log/00000000000000000001.json' is missing"));
	ck_assert_ptr_nonnull(
		strstr(err.text, "put the file back from a copy, or read the version before it: NAME@v0"));
	blob_close(blob);
}
END_TEST

START_TEST(a_reader_feature_that_is_not_here_is_named)
{
	struct blob *blob = open_table("t");
	struct err err = {0};

	put_entry(blob, 0,
	          "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":"
	          "[\"deletionVectors\"],\"writerFeatures\":[\"deletionVectors\"]}}\n" METADATA);
	ck_assert_int_eq(load(blob, &err), ERR_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(err.text, "deletionVectors"));
	blob_close(blob);
}
END_TEST

START_TEST(a_damaged_entry_is_named_with_its_line)
{
	struct blob *blob = open_table("t");
	struct err err = {0};

	put_entry(blob, 0, PROTOCOL METADATA "{\"add\":");
	ck_assert_int_eq(load(blob, &err), ERR_CORRUPT);
	ck_assert_int_eq(err.code, ERR_CORRUPT);
	ck_assert_ptr_nonnull(
		strstr(err.text, "log entry '_delta_log/00000000000000000000.json' is damaged: line 3: "));
	ck_assert_ptr_nonnull(strstr(err.text, "put the file back from a copy"));
	ck_assert_ptr_null(strstr(err.text, "line 1"));
	blob_close(blob);
}
END_TEST

START_TEST(the_history_tells_which_entries_are_damaged_or_missing)
{
	static const char *const problems[] = {
		NULL,
		"log entry '_delta_log/00000000000000000006.json' is damaged: it is empty",
		"the log entries from '_delta_log/00000000000000000003.json' to '_delta_log/00000000000000000005.json' "
		"are missing",
		"log entry '_delta_log/00000000000000000002.json' is damaged: line 2 is no JSON",
		NULL,
		NULL,
	};
	struct blob *blob = open_table("t");
	struct err err = {0};
	struct json *list;

	put_entry(blob, 0, PROTOCOL METADATA);
	put_entry(blob, 1, "{\"commitInfo\":{\"operation\":\"WRITE\"}}\n");
	put_entry(blob, 2, "{\"commitInfo\":{\"operation\":\"WRITE\"}}\n{\"add\":");
	put_entry(blob, 6, "");
	put_entry(blob, 7, "{\"commitInfo\":{\"operation\":\"WRITE\"}}\n");
	list = table_history(blob, 10, &err);
	ck_assert_uint_eq(json_count(list), 6);
	for (size_t i = 0; i < 6; i++)
		ck_assert_pstr_eq(json_get_str(json_at(list, i), "problem", NULL), problems[i]);
	ck_assert_str_eq(json_get_str(json_at(list, 3), "operation", ""), "WRITE");
	ck_assert_int_eq(json_get_int(json_at(list, 2), "version", 0), 5);
	json_free(list);
	blob_close(blob);
}
END_TEST

START_TEST(a_type_that_nobody_knows_is_told_what_there_is)
{
	static const struct {
		const char *type, *hint;
	} cases[] = {{"lnog", "did you mean 'long'?"},
	             {"BIGINT", "did you mean 'long'?"},
	             {"uint64", "did you mean 'decimal(20,0)'?"},
	             {"money", "decimal(precision,scale), and of them array, map and struct"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ArrowSchema schema;
		struct err err = {0};
		struct json *delta;
		char text[256];

		snprintf(text, sizeof(text),
		         "{\"type\":\"struct\",\"fields\":[{\"name\":\"x\",\"type\":\"%s\",\"nullable\":true,"
		         "\"metadata\":{}}]}",
		         cases[i].type);
		ck_ok(json_parse(text, strlen(text), &delta, &err), &err);
		ck_assert_int_eq(table_schema_from_delta(delta, &schema, &err), ERR_UNSUPPORTED);
		ck_assert_ptr_nonnull(strstr(err.text, "column 'x'"));
		ck_assert_ptr_nonnull(strstr(err.text, "string, long, integer, "));
		ck_assert_msg(strstr(err.text, cases[i].hint) != NULL, "%s: %s", cases[i].type, err.text);
		json_free(delta);
	}
}
END_TEST

START_TEST(unknown_actions_members_and_stats_are_ignored)
{
	struct table_snapshot s;
	struct blob *blob = open_table("t");
	struct err err = {0};

	put_entry(blob, 0,
	          PROTOCOL METADATA
	          "{\"cdc\":{\"path\":\"c\"}}\n{\"domainMetadata\":{\"domain\":\"d\"}}\n"
	          "{\"add\":{\"path\":\"a%20+b%2520.parquet\",\"partitionValues\":{},\"size\":1,\"odd\":[1],"
	          "\"stats\":\"{\\\"stats_json\\\":1}\"}}\n"
	          "{\"add\":{\"path\":\"gone\",\"size\":1}}\n{\"remove\":{\"path\":\"gone\"}}\n");
	ck_ok(table_snapshot(blob, NULL, &s, &err), &err);
	ck_assert_uint_eq(s.n_files, 1);
	ck_assert_str_eq(s.files[0].path, "a +b%20.parquet");
	ck_assert_int_eq(s.files[0].rows, -1);
	ck_assert_int_eq(s.rows, -1);
	table_snapshot_done(&s);
	blob_close(blob);
}
END_TEST

START_TEST(a_file_has_one_name_however_it_is_written)
{
	static const char *const names[] = {"a.parquet", "b:c.parquet", "d/e/f.parquet"};
	struct table_snapshot s;
	struct blob *blob = open_table("t");
	struct err err = {0};

	put_entry(blob, 0,
	          PROTOCOL METADATA "{\"add\":{\"path\":\"./a.parquet\",\"size\":1}}\n"
	                            "{\"add\":{\"path\":\"%2E/%61.parquet\",\"size\":1}}\n"
	                            "{\"add\":{\"path\":\"./b:c.parquet\",\"size\":1}}\n"
	                            "{\"add\":{\"path\":\"d//e/./f.parquet\",\"size\":1}}\n"
	                            "{\"add\":{\"path\":\"g.parquet\",\"size\":1}}\n"
	                            "{\"remove\":{\"path\":\".//g.parquet\"}}\n");
	ck_ok(table_snapshot(blob, NULL, &s, &err), &err);
	ck_assert_uint_eq(s.n_files, 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_str_eq(s.files[i].path, names[i]);
	table_snapshot_done(&s);
	blob_close(blob);
}
END_TEST

static const struct {
	const char *path;
	int code;
	const char *says;
} no_paths[] = {
	{"/elsewhere/a.parquet", ERR_UNSUPPORTED, "'/elsewhere/a.parquet' by an absolute path"},
	{"file:///elsewhere/a.parquet", ERR_UNSUPPORTED, "absolute path"},
	{"file:/elsewhere/a.parquet", ERR_UNSUPPORTED, "absolute path"},
	{"s3://bucket/a.parquet", ERR_UNSUPPORTED, "absolute path"},
	{"a.parquet%00.b", ERR_CORRUPT, "line 3: add without a path"},
	{"a%FF.parquet", ERR_CORRUPT, "line 3: add without a path"},
	{"./", ERR_CORRUPT, "line 3: add without a path"},
	{"", ERR_CORRUPT, "line 3: add without a path"},
};

START_TEST(a_file_that_cannot_be_in_the_table_is_named)
{
	struct blob *blob = open_table("t");
	struct err err = {0};
	char entry[2048];

	snprintf(entry, sizeof(entry), PROTOCOL METADATA "{\"add\":{\"path\":\"%s\",\"size\":1}}\n", no_paths[_i].path);
	put_entry(blob, 0, entry);
	ck_assert_int_eq(load(blob, &err), no_paths[_i].code);
	ck_assert_msg(strstr(err.text, no_paths[_i].says) != NULL, "%s", err.text);
	blob_close(blob);
}
END_TEST

START_TEST(absurd_sizes_and_counts_are_unknown)
{
	struct table_snapshot s;
	struct blob *blob = open_table("t");
	struct err err = {0};

	put_entry(blob, 0,
	          PROTOCOL METADATA
	          "{\"add\":{\"path\":\"a\",\"size\":9223372036854775807,\"stats\":\"{\\\"numRecords\\\":"
	          "9223372036854775807}\"}}\n{\"add\":{\"path\":\"b\",\"size\":9223372036854775807,\"stats\":"
	          "\"{\\\"numRecords\\\":9223372036854775807}\"}}\n{\"add\":{\"path\":\"c\",\"size\":-5,\"stats\":"
	          "\"{\\\"numRecords\\\":-7}\"}}\n");
	ck_ok(table_snapshot(blob, NULL, &s, &err), &err);
	ck_assert_int_eq(s.rows, -1);
	for (size_t i = 0; i < s.n_files; i++)
		ck_assert_int_eq(s.files[i].rows, -1);
	table_snapshot_done(&s);
	blob_close(blob);
}
END_TEST

static const struct {
	const char *entry, *named;
} not_for_writers[] = {
	{"{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":4}}\n" METADATA, "writer version 4"},
	{"{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":[\"rowTracking\"]}}"
         "\n" METADATA,
         "rowTracking"},
	{PROTOCOL "{\"metaData\":{\"id\":\"x\",\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{"
                  "\\\"name\\\":\\\"id\\\",\\\"type\\\":\\\"long\\\",\\\"nullable\\\":true,\\\"metadata\\\":{}}]}\","
                  "\"partitionColumns\":[\"id\"]}}\n",
         "partition"},
	{PROTOCOL "{\"metaData\":{\"id\":\"x\",\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{"
                  "\\\"name\\\":\\\"id\\\",\\\"type\\\":\\\"long\\\",\\\"nullable\\\":true,\\\"metadata\\\":{"
                  "\\\"delta.invariants\\\":\\\"{}\\\"}}]}\",\"partitionColumns\":[]}}\n",
         "delta.invariants"},
};

/* Readers may, writers may not: what would be written breaks a promise of the table. */
START_TEST(a_table_that_asks_more_of_writers_is_read_and_not_written)
{
	struct blob *blob = open_table("t");
	struct table_commit done;
	struct err err = {0};

	put_entry(blob, 0, not_for_writers[_i].entry);
	ck_ok(load(blob, &err), &err);
	ck_assert_int_eq(commit_file(blob, NULL, "id:l", "part-1.parquet", NULL, 0, &done, &err), ERR_UNSUPPORTED);
	ck_assert_msg(strstr(err.text, not_for_writers[_i].named) != NULL, "%s", err.text);
	blob_close(blob);
}
END_TEST

START_TEST(what_others_wrote_about_columns_stays_when_the_schema_grows)
{
	struct blob *blob = open_table("t");
	struct table_snapshot s;
	struct table_commit done;
	struct err err = {0};

	put_entry(blob, 0,
	          PROTOCOL
	          "{\"metaData\":{\"id\":\"x\",\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{"
	          "\\\"name\\\":\\\"id\\\",\\\"type\\\":\\\"long\\\",\\\"nullable\\\":false,\\\"metadata\\\":{"
	          "\\\"comment\\\":\\\"the key\\\"}}]}\",\"partitionColumns\":[]}}\n");
	ck_ok(commit_file(blob, NULL, "id:l more:u", "part-1.parquet", NULL, 0, &done, &err), &err);
	ck_ok(table_snapshot(blob, NULL, &s, &err), &err);
	ck_assert_int_eq(s.schema.n_children, 2);
	ck_assert_ptr_nonnull(strstr(json_get_str(s.metadata, "schemaString", ""), "the key"));
	table_snapshot_done(&s);
	blob_close(blob);
}
END_TEST

/* ---- the public corpus ------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	int64_t version;
	size_t files, columns;
	const char *refused; /* a word of the refusal */
} corpus[] = {
	{"delta/simple_table", 4, 5, 1, NULL},
	{"delta/delta-0.8.0", 1, 2, 1, NULL},
	{"delta/delta-0.8.0-numeric-partition", 0, 2, 3, NULL},
	{"delta/delta-0.8.0-special-partition", 0, 2, 2, NULL},
	{"delta/simple_table_with_checkpoint", 10, 11, 1, NULL},
	{"delta/checkpoint-v2-table", 0, 0, 0, "v2Checkpoint"},
	{"delta/table_with_column_mapping", 0, 0, 0, "column mapping"},
	{"delta/table_with_deletion_logs", 0, 0, 0, "deletionVectors"},
};

START_TEST(a_table_of_the_corpus_is_read_or_refused_by_name)
{
	const char *path = test_corpus(corpus[_i].name);
	struct table_snapshot s;
	struct err err = {0};
	struct blob *blob;
	int r;

	if (!path)
		return;
	ck_ok(blob_open(path, &blob, &err), &err);
	r = table_snapshot(blob, NULL, &s, &err);
	blob_close(blob);
	if (corpus[_i].refused) {
		ck_assert_int_eq(r, ERR_UNSUPPORTED);
		ck_assert_msg(strstr(err.text, corpus[_i].refused) != NULL, "%s", err.text);
		return;
	}
	ck_ok(r, &err);
	ck_assert_int_eq(s.version, corpus[_i].version);
	ck_assert_uint_eq(s.n_files, corpus[_i].files);
	ck_assert_int_eq(s.schema.n_children, (int64_t)corpus[_i].columns);
	table_snapshot_done(&s);
}
END_TEST

/* ---- many writers, crashes --------------------------------------------------------------------------------- */

static void write_many(struct blob *blob, int writer)
{
	for (int i = 0; i < COMMITS_EACH; i++) {
		char name[64], app[32];
		struct table_commit done;
		struct err err = {0};

		snprintf(name, sizeof(name), "part-%d-%d.parquet", writer, i);
		snprintf(app, sizeof(app), "task/%d", writer);
		if (commit_file(blob, NULL, "id:l", name, app, i, &done, &err))
			_exit(1);
	}
	_exit(0);
}

START_TEST(many_writers_lose_and_double_nothing)
{
	struct blob *blob = open_table("t");
	int status;

	for (int i = 0; i < WRITERS; i++)
		if (!fork())
			write_many(blob, i);
	for (int i = 0; i < WRITERS; i++) {
		wait(&status);
		ck_assert_int_eq(status, 0);
	}
	assert_table(blob, NULL, WRITERS * COMMITS_EACH - 1, WRITERS * COMMITS_EACH);
	blob_close(blob);
}
END_TEST

/* A lease that has ended: two processes carry out one order. */
START_TEST(one_commit_by_two_processes_is_one_commit)
{
	struct blob *blob = open_table("t");
	struct table_commit done;
	struct err err = {0};

	for (int round = 0; round < 50; round++) {
		char name[64];
		int status;
		pid_t pid;

		snprintf(name, sizeof(name), "part-%d.parquet", round);
		write_file(test_path(name), "data");
		pid = fork();
		if (!pid)
			_exit(commit_file(blob, NULL, "id:l", name, "task", round, &done, &err) != 0);
		ck_ok(commit_file(blob, NULL, "id:l", name, "task", round, &done, &err), &err);
		waitpid(pid, &status, 0);
		ck_assert_int_eq(status, 0);
		unlink(test_path(name));
		assert_table(blob, NULL, round, (size_t)round + 1);
	}
	blob_close(blob);
}
END_TEST

START_TEST(a_commit_killed_at_any_moment_is_repeated_exactly_once)
{
	struct blob *blob = open_table("t");
	struct table_commit done;
	struct err err = {0};

	for (int round = 0; round < KILLS; round++) {
		char name[64];
		pid_t pid;

		snprintf(name, sizeof(name), "part-%d.parquet", round);
		write_file(test_path(name), "data");
		pid = test_victim();
		if (!pid)
			_exit(commit_file(blob, NULL, "id:l", name, "task", round, &done, &err) != 0);
		usleep((useconds_t)(random() % 6000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		ck_ok(load(blob, &err), &err);
		if (!access(test_path(name), F_OK) || round % 2)
			ck_ok(commit_file(blob, NULL, "id:l", name, "task", round, &done, &err), &err);
		ck_ok(commit_file(blob, NULL, "id:l", name, "task", round, &done, &err), &err);
		unlink(test_path(name));
		assert_table(blob, NULL, round, (size_t)round + 1);
	}
	blob_close(blob);
}
END_TEST

/* ---- sweep ---------------------------------------------------------------------------------------------------- */

static void make_old(const char *path)
{
	const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	ck_assert_int_eq(utimensat(AT_FDCWD, path, old, 0), 0);
}

static void put_old(struct blob *blob, const char *name)
{
	char path[PATH_MAX];
	struct err err = {0};

	ck_ok(blob_put(blob, name, "data", 4, &err), &err);
	ck_ok(blob_path(blob, name, path, sizeof(path), &err), &err);
	make_old(path);
}

static int is_there(struct blob *blob, const char *name)
{
	int64_t size;

	return !blob_size(blob, name, &size, NULL, NULL);
}

START_TEST(a_sweep_takes_old_files_of_ours_that_nothing_names)
{
	struct blob *blob = open_table("t");
	struct table_commit done;
	struct err err = {0};
	int64_t removed;

	put_old(blob, "part-1.parquet");
	ck_ok(commit_file(blob, NULL, "id:l", "part-1.parquet", NULL, 0, &done, &err), &err);
	put_old(blob, "part-orphan.parquet");
	put_old(blob, ".tmp-1");
	put_old(blob, "people.parquet");
	put_old(blob, "notes.txt");
	ck_ok(blob_put(blob, "part-young.parquet", "data", 4, &err), &err);
	ck_ok(table_sweep(blob, NULL, 3600 * 1000, &removed, &err), &err);
	ck_assert_int_eq(removed, 2);
	ck_assert_int_eq(is_there(blob, "part-1.parquet"), 1);
	ck_assert_int_eq(is_there(blob, "part-orphan.parquet"), 0);
	ck_assert_int_eq(is_there(blob, ".tmp-1"), 0);
	ck_assert_int_eq(is_there(blob, "people.parquet"), 1);
	ck_assert_int_eq(is_there(blob, "notes.txt"), 1);
	ck_assert_int_eq(is_there(blob, "part-young.parquet"), 1);
	assert_table(blob, NULL, 0, 1);
	blob_close(blob);
}
END_TEST

START_TEST(a_sweep_of_a_folder_that_is_no_table_touches_nothing)
{
	struct blob *blob = open_table("t");
	struct err err = {0};
	int64_t removed;

	put_old(blob, "part-1.parquet");
	ck_ok(table_sweep(blob, NULL, 0, &removed, &err), &err);
	ck_assert_int_eq(removed, 0);
	ck_assert_int_eq(is_there(blob, "part-1.parquet"), 1);
	blob_close(blob);
}
END_TEST

static void table_cases(Suite *suite)
{
	TCase *tc = tcase_create("table");

	tcase_add_test(tc, a_place_without_a_log_is_no_table);
	tcase_add_test(tc, the_first_commit_makes_the_table_and_later_ones_append);
	tcase_add_test(tc, a_commit_repeated_changes_nothing);
	tcase_add_test(tc, files_moved_before_a_crash_are_found_in_place);
	tcase_add_test(tc, a_table_that_is_made_anew_is_not_taken_for_the_old_one);
	tcase_add_test(tc, a_file_that_is_nowhere_fails_the_commit);
	tcase_add_test(tc, the_history_is_newest_first_and_bounded);
	tcase_add_test(tc, new_columns_join_and_conflicting_types_are_named);
	tcase_add_test(tc, every_type_of_delta_goes_to_arrow_and_back);
	tcase_add_test(tc, types_that_delta_lacks_become_those_it_has);
	tcase_add_test(tc, names_become_what_delta_can_hold);
	tcase_add_test(tc, a_key_finds_the_column_that_it_has);
	tcase_add_test(tc, maps_are_the_same_whatever_their_parts_are_called);
	tcase_add_test(tc, a_gap_in_the_log_is_an_error);
	tcase_add_test(tc, a_reader_feature_that_is_not_here_is_named);
	tcase_add_test(tc, a_damaged_entry_is_named_with_its_line);
	tcase_add_test(tc, the_history_tells_which_entries_are_damaged_or_missing);
	tcase_add_test(tc, a_type_that_nobody_knows_is_told_what_there_is);
	tcase_add_test(tc, unknown_actions_members_and_stats_are_ignored);
	tcase_add_test(tc, a_file_has_one_name_however_it_is_written);
	tcase_add_loop_test(tc, a_file_that_cannot_be_in_the_table_is_named, 0, sizeof(no_paths) / sizeof(no_paths[0]));
	tcase_add_test(tc, absurd_sizes_and_counts_are_unknown);
	tcase_add_loop_test(tc, a_table_that_asks_more_of_writers_is_read_and_not_written, 0,
	                    sizeof(not_for_writers) / sizeof(not_for_writers[0]));
	tcase_add_test(tc, what_others_wrote_about_columns_stays_when_the_schema_grows);
	tcase_add_loop_test(tc, a_table_of_the_corpus_is_read_or_refused_by_name, 0,
	                    sizeof(corpus) / sizeof(corpus[0]));
	tcase_add_test(tc, many_writers_lose_and_double_nothing);
	tcase_add_test(tc, one_commit_by_two_processes_is_one_commit);
	tcase_add_test(tc, a_commit_killed_at_any_moment_is_repeated_exactly_once);
	tcase_add_test(tc, a_sweep_takes_old_files_of_ours_that_nothing_names);
	tcase_add_test(tc, a_sweep_of_a_folder_that_is_no_table_touches_nothing);
	suite_add_tcase(suite, tc);
}

TEST_MAIN("table", table_cases)
