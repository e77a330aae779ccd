/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/test.h"

#include <fcntl.h>
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
#include "blob/blob.h"

#define RACERS 8

static struct blob *open_here(const char *name)
{
	struct blob *blob;
	struct err err = {0};

	ck_ok(blob_open(test_path(name), &blob, &err), &err);
	return blob;
}

static void write_file(const char *path, const char *text)
{
	struct err err = {0};

	ck_ok(file_replace(path, text, strlen(text), &err), &err);
}

static void assert_content(struct blob *blob, const char *name, const char *wanted)
{
	struct err err = {0};
	struct buf buf;

	buf_init(&buf, 0);
	ck_ok(blob_get(blob, name, 1 << 20, &buf, &err), &err);
	ck_assert_str_eq(buf.data, wanted);
	buf_done(&buf);
}

START_TEST(a_location_that_is_no_absolute_path_is_refused)
{
	struct blob *blob;
	struct err err = {0};

	ck_assert_int_eq(blob_open("http://host/table", &blob, &err), ERR_UNSUPPORTED);
	ck_assert_int_eq(blob_open("relative", &blob, &err), ERR_UNSUPPORTED);
	ck_assert_int_eq(blob_open(NULL, &blob, &err), ERR_UNSUPPORTED);
}
END_TEST

START_TEST(a_name_that_leaves_the_place_is_refused)
{
	static const char *const names[] = {"/etc/passwd", "..", "../x", "a/../../x", "a/.."};
	struct blob *blob = open_here("t");
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_int_eq(blob_path(blob, names[i], path, sizeof(path), NULL), ERR_CORRUPT);
	ck_assert_int_eq(blob_path(blob, "a/..b/c", path, sizeof(path), NULL), 0);
	blob_close(blob);
}
END_TEST

START_TEST(what_is_put_is_read_again)
{
	struct blob *blob = open_here("t");
	struct err err = {0};

	ck_ok(blob_put(blob, "a/b", "one", 3, &err), &err);
	ck_ok(blob_put(blob, "a/b", "two", 3, &err), &err);
	assert_content(blob, "a/b", "two");
	ck_assert_int_eq(blob_put_new(blob, "a/b", "three", 5, &err), ERR_EXISTS);
	assert_content(blob, "a/b", "two");
	blob_close(blob);
}
END_TEST

START_TEST(a_read_is_bounded)
{
	struct blob *blob = open_here("t");
	struct err err = {0};
	struct buf buf;

	ck_ok(blob_put(blob, "x", "0123456789", 10, &err), &err);
	buf_init(&buf, 0);
	ck_assert_int_eq(blob_get(blob, "x", 9, &buf, &err), ERR_LIMIT);
	ck_assert_int_eq(blob_get(blob, "y", 9, &buf, &err), ERR_NOTFOUND);
	buf_done(&buf);
	blob_close(blob);
}
END_TEST

/* One who waited for a pipe would wait without end. */
START_TEST(what_is_no_file_is_named_and_not_waited_for)
{
	struct blob *blob = open_here("t");
	struct blob_file *file;
	struct err err = {0};
	struct buf buf;

	ck_ok(blob_put(blob, "folder/x", "x", 1, &err), &err);
	ck_assert(!mkfifo(test_path("t/pipe"), 0600));
	buf_init(&buf, 0);
	ck_assert_int_eq(blob_get(blob, "pipe", 9, &buf, &err), ERR_INVALID);
	ck_assert_msg(strstr(err.text, "/pipe' is no regular file") != NULL, "%s", err.text);
	ck_assert_int_eq(blob_file_open(blob, "pipe", &file, &err), ERR_INVALID);
	ck_assert_int_eq(blob_file_open(blob, "folder", &file, &err), ERR_INVALID);
	buf_done(&buf);
	blob_close(blob);
}
END_TEST

/* Exit code 1: this one has won. */
static void race(struct blob *blob)
{
	struct err err = {0};
	int r = blob_put_new(blob, "log/0", "x", 1, &err);

	_exit(r == 0 ? 1 : r == ERR_EXISTS ? 0 : 2);
}

START_TEST(of_many_racers_one_wins)
{
	struct blob *blob = open_here("t");
	int status, winners = 0;

	for (int i = 0; i < RACERS; i++)
		if (!fork())
			race(blob);
	for (int i = 0; i < RACERS; i++) {
		wait(&status);
		ck_assert_int_ne(WEXITSTATUS(status), 2);
		winners += WEXITSTATUS(status);
	}
	ck_assert_int_eq(winners, 1);
	blob_close(blob);
}
END_TEST

/* ---- adopting ------------------------------------------------------------------------------------------ */

START_TEST(an_adopted_file_is_moved_and_never_replaces)
{
	const char *staged = test_path("staged");
	struct blob *blob = open_here("t");
	struct err err = {0};

	write_file(staged, "one");
	ck_ok(blob_adopt(blob, staged, "data", &err), &err);
	assert_content(blob, "data", "one");
	ck_assert_int_ne(access(staged, F_OK), 0);
	write_file(staged, "two");
	ck_assert_int_eq(blob_adopt(blob, staged, "data", &err), ERR_EXISTS);
	assert_content(blob, "data", "one");
	blob_close(blob);
}
END_TEST

/* A sweep judges by age: what was written long ago and moved in now is young. */
START_TEST(an_adopted_file_is_as_old_as_its_move)
{
	const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	const char *staged = test_path("staged");
	struct blob *blob = open_here("t");
	struct err err = {0};
	int64_t size, modified;

	write_file(staged, "one");
	ck_assert_int_eq(utimensat(AT_FDCWD, staged, old, 0), 0);
	ck_ok(blob_adopt(blob, staged, "data", &err), &err);
	ck_ok(blob_size(blob, "data", &size, &modified, &err), &err);
	ck_assert_int_eq(size, 3);
	ck_assert_int_gt(modified, clock_wall_ms() - 3600 * 1000);
	blob_close(blob);
}
END_TEST

/* Another file system to stage on, or NULL after saying that the test is skipped. */
static const char *elsewhere(void)
{
	struct stat here, there;
	const char *second = NULL;

	if (!stat(test_dir(), &here) && !stat("/dev/shm", &there) && here.st_dev != there.st_dev)
		second = test_dir_in("/dev/shm");
	if (!second)
		printf("# SKIP no second file system\n");
	return second;
}

START_TEST(a_file_is_adopted_from_another_file_system)
{
	struct blob *blob = open_here("t");
	const char *dir = elsewhere();
	struct err err = {0};
	char staged[128];

	if (dir) {
		snprintf(staged, sizeof(staged), "%s/file", dir);
		write_file(staged, "one");
		ck_ok(blob_adopt(blob, staged, "data", &err), &err);
		assert_content(blob, "data", "one");
		ck_assert_int_ne(access(staged, F_OK), 0);
		write_file(staged, "two");
		ck_assert_int_eq(blob_adopt(blob, staged, "data", &err), ERR_EXISTS);
		assert_content(blob, "data", "one");
	}
	blob_close(blob);
}
END_TEST

START_TEST(a_folder_is_adopted_from_another_file_system)
{
	struct blob *blob = open_here("t");
	const char *dir = elsewhere();
	struct err err = {0};
	char staged[96], path[128];

	if (dir) {
		snprintf(staged, sizeof(staged), "%s/segment", dir);
		ck_ok(dir_make(staged, 0755, &err), &err);
		snprintf(path, sizeof(path), "%s/terms", staged);
		write_file(path, "one");
		snprintf(path, sizeof(path), "%s/deep", staged);
		ck_ok(dir_make(path, 0755, &err), &err);
		snprintf(path, sizeof(path), "%s/deep/rows", staged);
		write_file(path, "two");
		ck_ok(blob_adopt(blob, staged, "ix/segment", &err), &err);
		assert_content(blob, "ix/segment/terms", "one");
		assert_content(blob, "ix/segment/deep/rows", "two");
		ck_assert_int_ne(access(staged, F_OK), 0);
	}
	blob_close(blob);
}
END_TEST

static void adopt_and_be_killed(struct blob *blob, const char *staged)
{
	blob_adopt(blob, staged, "data", NULL);
	_exit(0);
}

/* A copy that was cut short must not stand under the final name: repeating would find it damaged for good. */
START_TEST(a_copy_cut_short_by_a_crash_leaves_nothing_under_the_name)
{
	struct blob *blob = open_here("t");
	const char *dir = elsewhere();
	const size_t size = 32 << 20;
	char staged[128], *text;
	struct err err = {0};
	int64_t got;

	if (!dir) {
		blob_close(blob);
		return;
	}
	text = calloc(1, size);
	snprintf(staged, sizeof(staged), "%s/file", dir);
	ck_ok(file_replace(staged, text, size, &err), &err);
	for (int round = 0; round < 20 && !access(staged, F_OK); round++) {
		pid_t pid = test_victim();

		if (!pid)
			adopt_and_be_killed(blob, staged);
		usleep((useconds_t)(round + 1) * 1000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (!blob_size(blob, "data", &got, NULL, NULL))
			ck_assert_int_eq(got, size);
	}
	if (blob_size(blob, "data", &got, NULL, NULL))
		ck_ok(blob_adopt(blob, staged, "data", &err), &err);
	free(text);
	blob_close(blob);
}
END_TEST

static int count(void *ctx, const char *name, int is_folder)
{
	(void)name;
	(void)is_folder;
	++*(int *)ctx;
	return 0;
}

static int entries(struct blob *blob)
{
	int n = 0;

	blob_list(blob, "", NULL, count, &n, NULL);
	return n;
}

/* Whoever copies the folder waits for the end of the pipe in it, and dies there. */
START_TEST(half_of_a_copy_is_taken_away_and_a_whole_one_stays)
{
	struct blob *blob = open_here("t");
	const char *dir = elsewhere();
	char staged[128], pipe_path[160];
	struct err err = {0};
	pid_t pid;
	int fd;

	if (!dir) {
		blob_close(blob);
		return;
	}
	snprintf(staged, sizeof(staged), "%s/folder", dir);
	snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", staged);
	ck_ok(dir_make(staged, 0755, &err), &err);
	ck_ok(blob_put(blob, "other", "", 0, &err), &err);
	ck_assert_int_eq(mkfifo(pipe_path, 0600), 0);
	fd = open(pipe_path, O_RDWR | O_CLOEXEC);
	pid = test_victim();
	if (!pid)
		adopt_and_be_killed(blob, staged);
	for (int i = 0; i < PATIENCE && entries(blob) < 2; i++)
		usleep(10000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
	ck_assert_int_eq(entries(blob), 2);
	ck_ok(blob_forget(blob, staged, "data", 0, &err), &err);
	ck_assert_int_eq(entries(blob), 1);

	unlink(pipe_path);
	ck_ok(blob_adopt(blob, staged, "data", &err), &err);
	ck_ok(blob_forget(blob, staged, "data", 0, &err), &err);
	ck_assert_int_eq(entries(blob), 2);
	blob_close(blob);
}
END_TEST

/* ---- listing, deleting ------------------------------------------------------------------------------------ */

static int join(void *ctx, const char *name, int is_folder)
{
	buf_printf(ctx, "%s%s ", name, is_folder ? "/" : "");
	return 0;
}

static int stop(void *ctx, const char *name, int is_folder)
{
	(void)name;
	(void)is_folder;
	++*(int *)ctx;
	return 7;
}

START_TEST(a_list_is_in_order_and_begins_behind_a_name)
{
	struct blob *blob = open_here("t");
	struct err err = {0};
	struct buf buf;
	int calls = 0;

	buf_init(&buf, 0);
	ck_ok(blob_list(blob, "none", NULL, join, &buf, &err), &err);
	ck_assert_uint_eq(buf.len, 0);
	ck_ok(blob_put(blob, "l/b", "", 0, &err), &err);
	ck_ok(blob_put(blob, "l/a", "", 0, &err), &err);
	ck_ok(blob_put(blob, "l/c/d", "", 0, &err), &err);
	ck_ok(blob_list(blob, "l", NULL, join, &buf, &err), &err);
	ck_assert_str_eq(buf.data, "a b c/ ");
	buf_clear(&buf);
	ck_ok(blob_list(blob, "l", "a", join, &buf, &err), &err);
	ck_assert_str_eq(buf.data, "b c/ ");
	ck_assert_int_eq(blob_list(blob, "l", NULL, stop, &calls, &err), 7);
	ck_assert_int_eq(calls, 1);
	buf_done(&buf);
	blob_close(blob);
}
END_TEST

START_TEST(deleting_takes_files_folders_and_nothing)
{
	struct blob *blob = open_here("t");
	struct err err = {0};
	int64_t size;

	ck_ok(blob_put(blob, "f", "", 0, &err), &err);
	ck_ok(blob_put(blob, "d/e/f", "", 0, &err), &err);
	ck_ok(blob_delete(blob, "f", &err), &err);
	ck_ok(blob_delete(blob, "d", &err), &err);
	ck_ok(blob_delete(blob, "none", &err), &err);
	ck_assert_int_eq(blob_size(blob, "f", &size, NULL, NULL), ERR_NOTFOUND);
	ck_assert_int_eq(blob_size(blob, "d", &size, NULL, NULL), ERR_NOTFOUND);
	blob_close(blob);
}
END_TEST

static void blob_cases(Suite *suite)
{
	TCase *tc = tcase_create("blob");

	tcase_add_test(tc, a_location_that_is_no_absolute_path_is_refused);
	tcase_add_test(tc, a_name_that_leaves_the_place_is_refused);
	tcase_add_test(tc, what_is_put_is_read_again);
	tcase_add_test(tc, a_read_is_bounded);
	tcase_add_test(tc, what_is_no_file_is_named_and_not_waited_for);
	tcase_add_test(tc, of_many_racers_one_wins);
	tcase_add_test(tc, an_adopted_file_is_moved_and_never_replaces);
	tcase_add_test(tc, an_adopted_file_is_as_old_as_its_move);
	tcase_add_test(tc, a_file_is_adopted_from_another_file_system);
	tcase_add_test(tc, a_folder_is_adopted_from_another_file_system);
	tcase_add_test(tc, a_copy_cut_short_by_a_crash_leaves_nothing_under_the_name);
	tcase_add_test(tc, half_of_a_copy_is_taken_away_and_a_whole_one_stays);
	tcase_add_test(tc, a_list_is_in_order_and_begins_behind_a_name);
	tcase_add_test(tc, deleting_takes_files_folders_and_nothing);
	suite_add_tcase(suite, tc);
}

TEST_MAIN("blob", blob_cases)
