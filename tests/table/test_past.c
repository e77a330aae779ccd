/* SPDX-License-Identifier: Apache-2.0 */
/* Which version was the newest at a moment: by what commits say of their time, else by when their files were written. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "tables.h"

#define T0 INT64_C(1700000000000) /* of the first commit, ms */
#define HOUR INT64_C(3600000)

static struct err err;
static struct blob *blob;

static void setup(void)
{
	blob = open_table("t");
}

static void teardown(void)
{
	blob_close(blob);
}

static void add_entry(int version, const char *info)
{
	char text[2000];

	snprintf(
		text, sizeof(text),
		"%s%s%s{\"add\":{\"path\":\"part-%d.parquet\",\"partitionValues\":{},\"size\":4,\"modificationTime\":1,"
		"\"dataChange\":true}}\n",
		info, version ? "" : PROTOCOL, version ? "" : METADATA, version);
	put_entry(blob, version, text);
}

/* A commit that says when it was. */
static void says(int version, int64_t timestamp)
{
	char info[100];

	snprintf(info, sizeof(info), "{\"commitInfo\":{\"timestamp\":%" PRId64 "}}\n", timestamp);
	add_entry(version, info);
}

static void written_at(int version, int64_t ms)
{
	struct timespec times[2] = {{.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}};
	char path[600];

	times[1] = times[0];
	snprintf(path, sizeof(path), "%s/_delta_log/%020d.json", blob_location(blob), version);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* The version at a moment; the table then has as many files as there were commits. -1: before all. */
static void assert_at(int64_t ms, int64_t wanted)
{
	struct table_snapshot s;
	int64_t version = -2;
	int r = table_version_at(blob, ms, &version, &err);

	if (wanted < 0) {
		ck_assert_int_eq(r, ERR_NOTFOUND);
		ck_assert_msg(strstr(err.text, "does not reach back") != NULL, "%s", err.text);
		return;
	}
	ck_ok(r, &err);
	ck_assert_int_eq(version, wanted);
	ck_ok(table_snapshot_at(blob, NULL, version, &s, &err), &err);
	ck_assert_int_eq(s.version, wanted);
	ck_assert_uint_eq(s.n_files, (size_t)wanted + 1);
	table_snapshot_done(&s);
}

START_TEST(a_moment_is_the_version_that_was_the_newest_then)
{
	for (int v = 0; v < 4; v++)
		says(v, T0 + v * HOUR);
	assert_at(0, -1);
	assert_at(T0 - 1, -1);
	assert_at(T0, 0);
	assert_at(T0 + 1, 0);
	assert_at(T0 + HOUR - 1, 0);
	assert_at(T0 + HOUR, 1);
	assert_at(T0 + 2 * HOUR + HOUR / 2, 2);
	assert_at(T0 + 3 * HOUR, 3);
	assert_at(T0 + 1000 * HOUR, 3);
	assert_at(INT64_MAX, 3);
}
END_TEST

/* Of commits in the same millisecond the last is what was there when it was over. */
START_TEST(of_commits_at_one_time_the_last_counts)
{
	says(0, T0);
	says(1, T0 + 1);
	says(2, T0 + 1);
	says(3, T0 + 2);
	assert_at(T0, 0);
	assert_at(T0 + 1, 2);
	assert_at(T0 + 2, 3);
}
END_TEST

START_TEST(a_timestamp_of_the_commit_itself_goes_first)
{
	add_entry(0, "{\"commitInfo\":{\"inCommitTimestamp\":1700000000000,\"timestamp\":1}}\n");
	add_entry(1, "{\"commitInfo\":{\"inCommitTimestamp\":1700003600000,\"timestamp\":2}}\n");
	assert_at(1000, -1);
	assert_at(T0, 0);
	assert_at(T0 + HOUR - 1, 0);
	assert_at(T0 + HOUR, 1);
}
END_TEST

/* Writers need not say anything. */
START_TEST(without_a_word_the_time_of_the_file_counts)
{
	for (int v = 0; v < 3; v++) {
		add_entry(v, v == 1 ? "{\"commitInfo\":{\"operation\":\"WRITE\"}}\n" : "");
		written_at(v, T0 + v * HOUR);
	}
	assert_at(T0 - 1, -1);
	assert_at(T0, 0);
	assert_at(T0 + HOUR + 1, 1);
	assert_at(T0 + 2 * HOUR, 2);
}
END_TEST

/* In-commit timestamps are turned on late in the life of a table: what is before has the times of files. */
START_TEST(both_kinds_may_stand_in_one_log)
{
	add_entry(0, "");
	written_at(0, T0);
	says(1, T0 + HOUR);
	add_entry(2, "{\"commitInfo\":{\"inCommitTimestamp\":1700007200000}}\n");
	assert_at(T0 - 1, -1);
	assert_at(T0 + HOUR - 1, 0);
	assert_at(T0 + 2 * HOUR - 1, 1);
	assert_at(T0 + 2 * HOUR, 2);
}
END_TEST

/* A copy of a table has files of today, and is asked for times of then. */
START_TEST(a_copied_log_keeps_its_times)
{
	says(0, T0);
	says(1, T0 + HOUR);
	written_at(0, T0 + 500 * HOUR);
	written_at(1, T0 + 400 * HOUR);
	assert_at(T0, 0);
	assert_at(T0 + HOUR, 1);
}
END_TEST

START_TEST(a_time_before_what_is_left_of_the_log_is_said_so)
{
	for (int v = 0; v < 3; v++)
		says(v, T0 + v * HOUR);
	ck_ok(blob_delete(blob, "_delta_log/00000000000000000000.json", &err), &err);
	assert_at(T0 + HOUR - 1, -1);
}
END_TEST

START_TEST(where_there_is_no_table_there_was_none)
{
	assert_at(T0, -1);
}
END_TEST

static void past_cases(Suite *suite)
{
	TCase *tc = tcase_create("past");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_moment_is_the_version_that_was_the_newest_then);
	tcase_add_test(tc, of_commits_at_one_time_the_last_counts);
	tcase_add_test(tc, a_timestamp_of_the_commit_itself_goes_first);
	tcase_add_test(tc, without_a_word_the_time_of_the_file_counts);
	tcase_add_test(tc, both_kinds_may_stand_in_one_log);
	tcase_add_test(tc, a_copied_log_keeps_its_times);
	tcase_add_test(tc, a_time_before_what_is_left_of_the_log_is_said_so);
	tcase_add_test(tc, where_there_is_no_table_there_was_none);
	suite_add_tcase(suite, tc);
}

TEST_MAIN("past", past_cases)
