/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints with the real Parquet plugin: when they are made, what is in them, and every way they can be missing,
 * stale or broken. */
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "plugin/codec.h"
#include "plugin/loader.h"
#include "tables.h"

#define KILLS 40
#define HINT "_delta_log/_last_checkpoint"

static struct err err;
static struct table_codec codec;

static void setup(void)
{
	codec = (struct table_codec)CODEC(tables_loader());
}

/* Commits number `from` to `to`, one file each. */
static void commit_many(struct blob *blob, int from, int to)
{
	for (int i = from; i <= to; i++) {
		char name[64], app[32];
		struct table_commit done;

		snprintf(name, sizeof(name), "part-%d.parquet", i);
		snprintf(app, sizeof(app), "task/%d", i);
		ck_ok(commit_file(blob, &codec, "id:l", name, app, i, &done, &err), &err);
		ck_assert_int_eq(done.version, i);
	}
}

static void entry_of(int version, char ret[64])
{
	snprintf(ret, 64, "_delta_log/%020d.json", version);
}

static void checkpoint_of(int version, char ret[96])
{
	snprintf(ret, 96, "_delta_log/%020d.checkpoint.parquet", version);
}

static void drop_entries(struct blob *blob, int from, int to)
{
	char name[64];

	for (int i = from; i <= to; i++) {
		entry_of(i, name);
		ck_ok(blob_delete(blob, name, &err), &err);
	}
}

static int is_there(struct blob *blob, const char *name)
{
	int64_t size;

	return !blob_size(blob, name, &size, NULL, NULL);
}

static int has_checkpoint(struct blob *blob, int version)
{
	char name[96];

	checkpoint_of(version, name);
	return is_there(blob, name);
}

static void put_text(struct blob *blob, const char *name, const char *text)
{
	ck_ok(blob_put(blob, name, text, strlen(text), &err), &err);
}

static void copy_within(struct blob *from, const char *source, struct blob *to, const char *target)
{
	struct buf text;

	buf_init(&text, 0);
	ck_ok(blob_get(from, source, 100 << 20, &text, &err), &err);
	ck_ok(blob_put(to, target, text.data, text.len, &err), &err);
	buf_done(&text);
}

/* ---- making them ------------------------------------------------------------------------------------------- */

START_TEST(every_tenth_commit_makes_one_and_the_entries_before_it_are_not_needed)
{
	struct blob *blob = open_table("t");
	struct table_snapshot s;

	commit_many(blob, 0, 24);
	ck_assert(has_checkpoint(blob, 10) && has_checkpoint(blob, 20));
	ck_assert(!has_checkpoint(blob, 9) && !has_checkpoint(blob, 11));
	drop_entries(blob, 0, 20);
	assert_table(blob, &codec, 24, 25);
	ck_ok(table_snapshot(blob, &codec, &s, &err), &err);
	for (int i = 0; i < 25; i++) {
		char app[32];

		snprintf(app, sizeof(app), "task/%d", i);
		ck_assert_int_eq(table_txn(&s, app), i);
	}
	table_snapshot_done(&s);
	blob_close(blob);
}
END_TEST

START_TEST(the_table_may_say_how_often)
{
	static const char metadata[] =
		"{\"metaData\":{\"id\":\"x\",\"format\":{\"provider\":\"parquet\",\"options\":{}},\"schemaString\":"
		"\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[]}\",\"partitionColumns\":[],\"configuration\":"
		"{\"delta.checkpointInterval\":\"3\"}}}\n";
	struct blob *blob = open_table("t");
	char entry[1024];

	snprintf(entry, sizeof(entry), "%s%s", PROTOCOL, metadata);
	put_entry(blob, 0, entry);
	commit_many(blob, 1, 7);
	ck_assert(has_checkpoint(blob, 3) && has_checkpoint(blob, 6) && !has_checkpoint(blob, 5));
	blob_close(blob);
}
END_TEST

START_TEST(one_that_failed_is_made_up_for)
{
	struct blob *blob = open_table("t");

	for (int i = 0; i <= 20; i++) {
		struct table_commit done;
		char name[64];

		snprintf(name, sizeof(name), "part-%d.parquet", i);
		ck_ok(commit_file(blob, NULL, "id:l", name, "a", i, &done, &err), &err);
	}
	commit_many(blob, 21, 21);
	ck_assert(has_checkpoint(blob, 21));
	blob_close(blob);
}
END_TEST

START_TEST(all_that_the_log_says_is_in_it)
{
	static const char entry[] =
		"{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":[\"appendOnly\"]}}\n"
		"{\"metaData\":{\"id\":\"x-1\",\"name\":\"n\",\"description\":\"what it is\",\"format\":{\"provider\":"
		"\"parquet\",\"options\":{\"a\":\"b\"}},\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":"
		"[{"
		"\\\"name\\\":\\\"id\\\",\\\"type\\\":\\\"long\\\",\\\"nullable\\\":true,\\\"metadata\\\":{"
		"\\\"comment\\\":"
		"\\\"c\\\"}}]}\",\"partitionColumns\":[],\"configuration\":{\"k\":\"v\",\"w\":\"\"},\"createdTime\":17}"
		"}\n"
		"{\"txn\":{\"appId\":\"a\",\"version\":3,\"lastUpdated\":5}}\n"
		"{\"add\":{\"path\":\"a%20b%25.parquet\",\"partitionValues\":{\"p\":null,\"q\":\"x\"},\"size\":4,"
		"\"modificationTime\":9,\"dataChange\":true,\"stats\":\"{\\\"numRecords\\\":5,\\\"minValues\\\":{"
		"\\\"id\\\":1}}\","
		"\"tags\":{\"t\":\"1\"}}}\n"
		"{\"add\":{\"path\":\"no-stats.parquet\",\"partitionValues\":{},\"size\":4,\"modificationTime\":9,"
		"\"dataChange\":true}}\n"
		"{\"add\":{\"path\":\"old.parquet\",\"partitionValues\":{},\"size\":4,\"modificationTime\":9,"
		"\"dataChange\":true}}\n";
	struct blob *blob = open_table("t");
	struct table_snapshot s;
	const struct table_file *file;
	struct json *before;
	char gone[300];

	put_entry(blob, 0, entry);
	snprintf(gone, sizeof(gone),
	         "{\"remove\":{\"path\":\"old.parquet\",\"deletionTimestamp\":%" PRId64 ",\"dataChange\":true}}\n",
	         clock_wall_ms());
	put_entry(blob, 1, gone);
	ck_ok(table_snapshot(blob, &codec, &s, &err), &err);
	before = json_copy(s.metadata);
	table_snapshot_done(&s);
	ck_ok(table_checkpoint(blob, &codec, NULL, &err), &err);
	drop_entries(blob, 0, 1);

	ck_ok(table_snapshot(blob, &codec, &s, &err), &err);
	ck_assert_int_eq(s.version, 1);
	ck_assert_str_eq(json_text(s.metadata), json_text(before));
	ck_assert_int_eq(table_txn(&s, "a"), 3);
	ck_assert_uint_eq(s.n_files, 2);
	file = table_file_at(&s, "a b%.parquet");
	ck_assert_ptr_nonnull(file);
	ck_assert_str_eq(file->raw, "a%20b%25.parquet");
	ck_assert_str_eq(file->stats, "{\"numRecords\":5,\"minValues\":{\"id\":1}}");
	ck_assert_int_eq(file->rows, 5);
	ck_assert_int_eq(file->modified, 9);
	ck_assert_str_eq(json_get_str(file->partition, "q", ""), "x");
	ck_assert_uint_eq(json_count(file->partition), 2);
	ck_assert_ptr_null(json_get(file->partition, "p"));
	ck_assert_str_eq(json_get_str(file->tags, "t", ""), "1");
	ck_assert_int_eq(table_file_at(&s, "no-stats.parquet")->rows, -1);
	table_snapshot_done(&s);
	json_free(before);
	blob_close(blob);
}
END_TEST

START_TEST(a_file_removed_lately_is_remembered_and_swept_by_nobody)
{
	struct blob *blob = open_table("t");
	char gone[300];
	int64_t removed = -1;

	commit_many(blob, 0, 1);
	snprintf(gone, sizeof(gone),
	         "{\"remove\":{\"path\":\"part-1.parquet\",\"deletionTimestamp\":%" PRId64 ",\"dataChange\":true}}\n",
	         clock_wall_ms());
	put_entry(blob, 2, gone);
	ck_ok(table_checkpoint(blob, &codec, NULL, &err), &err);
	drop_entries(blob, 0, 2);
	assert_table(blob, &codec, 2, 1);
	ck_ok(table_sweep(blob, &codec, -1000, &removed, &err), &err);
	ck_assert_int_eq(removed, 0);
	ck_assert(is_there(blob, "part-1.parquet"));
	blob_close(blob);
}
END_TEST

/* ---- _last_checkpoint ----------------------------------------------------------------------------------------- */

static const char *const hints[] = {NULL,
                                    "",
                                    "{",
                                    "{}",
                                    "{\"version\":10,\"size\":1}",
                                    "{\"version\":999,\"size\":1}",
                                    "{\"version\":-5}",
                                    "{\"version\":9223372036854775807}",
                                    "[1]",
                                    "{\"version\":17}"};

START_TEST(whatever_last_checkpoint_says_the_table_is_the_same)
{
	struct blob *blob = open_table("t");

	commit_many(blob, 0, 22);
	drop_entries(blob, 0, 9);
	if (hints[_i])
		put_text(blob, HINT, hints[_i]);
	else
		ck_ok(blob_delete(blob, HINT, &err), &err);
	assert_table(blob, &codec, 22, 23);
	commit_many(blob, 23, 23);
	assert_table(blob, &codec, 23, 24);
	blob_close(blob);
}
END_TEST

/* ---- broken ones ------------------------------------------------------------------------------------------------ */

START_TEST(a_broken_checkpoint_falls_back_to_the_one_before_and_then_to_the_log)
{
	struct blob *blob = open_table("t");
	char name[96];

	commit_many(blob, 0, 22);
	checkpoint_of(20, name);
	put_text(blob, name, "PAR1 this is none PAR1");
	drop_entries(blob, 0, 9);
	assert_table(blob, &codec, 22, 23);
	checkpoint_of(10, name);
	put_text(blob, name, "");
	ck_assert_int_eq(table_snapshot(blob, &codec, &(struct table_snapshot){0}, &err), ERR_CORRUPT);
	ck_assert_msg(strstr(err.text, "00020.checkpoint.parquet") != NULL, "%s", err.text);
	blob_close(blob);
}
END_TEST

START_TEST(a_broken_checkpoint_over_a_whole_log_does_not_matter)
{
	struct blob *blob = open_table("t");
	char name[96];

	commit_many(blob, 0, 12);
	checkpoint_of(10, name);
	put_text(blob, name, "nothing");
	assert_table(blob, &codec, 12, 13);
	blob_close(blob);
}
END_TEST

START_TEST(a_parquet_file_that_is_no_checkpoint_is_not_believed)
{
	const char *path = test_corpus("parquet/good/alltypes_plain.parquet");
	struct blob *blob = open_table("t");
	struct buf text;
	char name[96];

	if (!path)
		return;
	commit_many(blob, 0, 12);
	checkpoint_of(10, name);
	buf_init(&text, 0);
	ck_ok(file_read(path, 1 << 20, &text, &err), &err);
	ck_ok(blob_put(blob, name, text.data, text.len, &err), &err);
	buf_done(&text);
	assert_table(blob, &codec, 12, 13);
	drop_entries(blob, 0, 10);
	ck_assert_int_eq(table_snapshot(blob, &codec, &(struct table_snapshot){0}, &err), ERR_CORRUPT);
	ck_assert_msg(strstr(err.text, "no metaData") != NULL, "%s", err.text);
	blob_close(blob);
}
END_TEST

/* ---- in parts ---------------------------------------------------------------------------------------------------- */

/* Two tables' checkpoints as the parts of one. */
static struct blob *in_parts(int with_second)
{
	struct blob *blob = open_table("t"), *other = open_table("other");
	struct table_commit done;
	char name[96];

	commit_many(blob, 0, 3);
	ck_ok(commit_file(other, NULL, "id:l", "part-x.parquet", "b", 0, &done, &err), &err);
	copy_within(other, "part-x.parquet", blob, "part-x.parquet");
	ck_ok(table_checkpoint(blob, &codec, NULL, &err), &err);
	ck_ok(table_checkpoint(other, &codec, NULL, &err), &err);
	checkpoint_of(3, name);
	copy_within(blob, name, blob, "_delta_log/00000000000000000003.checkpoint.0000000001.0000000002.parquet");
	ck_ok(blob_delete(blob, name, &err), &err);
	checkpoint_of(0, name);
	if (with_second)
		copy_within(other, name, blob,
		            "_delta_log/00000000000000000003.checkpoint.0000000002.0000000002.parquet");
	blob_close(other);
	return blob;
}

START_TEST(all_parts_of_a_checkpoint_are_read)
{
	struct blob *blob = in_parts(1);

	drop_entries(blob, 0, 3);
	assert_table(blob, &codec, 3, 5);
	blob_close(blob);
}
END_TEST

START_TEST(a_checkpoint_that_lacks_a_part_is_none)
{
	struct blob *blob = in_parts(0);

	assert_table(blob, &codec, 3, 4);
	drop_entries(blob, 0, 0);
	ck_assert_int_eq(table_snapshot(blob, &codec, &(struct table_snapshot){0}, &err), ERR_CORRUPT);
	ck_assert_msg(strstr(err.text, "no whole checkpoint") != NULL, "%s", err.text);
	blob_close(blob);
}
END_TEST

/* ---- versions ------------------------------------------------------------------------------------------------------ */

START_TEST(every_version_that_the_log_still_holds_can_be_read)
{
	struct blob *blob = open_table("t");
	struct table_snapshot s;

	commit_many(blob, 0, 24);
	drop_entries(blob, 0, 9);
	for (int v = 10; v <= 24; v++) {
		ck_ok(table_snapshot_at(blob, &codec, v, &s, &err), &err);
		ck_assert_int_eq(s.version, v);
		ck_assert_uint_eq(s.n_files, (size_t)v + 1);
		table_snapshot_done(&s);
	}
	ck_assert_int_eq(table_snapshot_at(blob, &codec, 9, &s, &err), ERR_NOTFOUND);
	ck_assert_int_eq(table_snapshot_at(blob, &codec, 25, &s, &err), ERR_NOTFOUND);
	ck_assert_msg(strstr(err.text, "the newest is 24") != NULL, "%s", err.text);
	blob_close(blob);
}
END_TEST

START_TEST(without_a_codec_a_log_that_begins_with_a_checkpoint_is_refused)
{
	struct blob *blob = open_table("t");

	commit_many(blob, 0, 10);
	drop_entries(blob, 0, 3);
	ck_assert_int_eq(table_snapshot(blob, NULL, &(struct table_snapshot){0}, &err), ERR_UNSUPPORTED);
	blob_close(blob);
}
END_TEST

/* ---- crashes --------------------------------------------------------------------------------------------------------- */

START_TEST(a_writer_killed_at_any_moment_leaves_a_table_that_reads)
{
	struct blob *blob = open_table("t");
	int next = 0;

	for (int round = 0; round < KILLS; round++) {
		struct table_snapshot s;
		pid_t pid = test_victim();

		if (!pid) {
			for (int i = next;; i++)
				commit_many(blob, i, i);
		}
		usleep((useconds_t)(random() % 30000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		ck_ok(table_snapshot(blob, &codec, &s, &err), &err);
		next = (int)s.version + 1;
		ck_assert_uint_eq(s.n_files, (size_t)next);
		table_snapshot_done(&s);
	}
	blob_close(blob);
}
END_TEST

static void checkpoint_cases(Suite *suite)
{
	TCase *tc = tcase_create("checkpoint");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, every_tenth_commit_makes_one_and_the_entries_before_it_are_not_needed);
	tcase_add_test(tc, the_table_may_say_how_often);
	tcase_add_test(tc, one_that_failed_is_made_up_for);
	tcase_add_test(tc, all_that_the_log_says_is_in_it);
	tcase_add_test(tc, a_file_removed_lately_is_remembered_and_swept_by_nobody);
	tcase_add_loop_test(tc, whatever_last_checkpoint_says_the_table_is_the_same, 0,
	                    sizeof(hints) / sizeof(hints[0]));
	tcase_add_test(tc, a_broken_checkpoint_falls_back_to_the_one_before_and_then_to_the_log);
	tcase_add_test(tc, a_broken_checkpoint_over_a_whole_log_does_not_matter);
	tcase_add_test(tc, a_parquet_file_that_is_no_checkpoint_is_not_believed);
	tcase_add_test(tc, all_parts_of_a_checkpoint_are_read);
	tcase_add_test(tc, a_checkpoint_that_lacks_a_part_is_none);
	tcase_add_test(tc, every_version_that_the_log_still_holds_can_be_read);
	tcase_add_test(tc, without_a_codec_a_log_that_begins_with_a_checkpoint_is_refused);
	tcase_add_test(tc, a_writer_killed_at_any_moment_leaves_a_table_that_reads);
	suite_add_tcase(suite, tc);
}

TEST_MAIN("checkpoint", checkpoint_cases)
