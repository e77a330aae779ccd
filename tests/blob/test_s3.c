/* SPDX-License-Identifier: Apache-2.0 */
/* What a place on S3 does, against the store that the environment names: run by s3-tests.sh. TEST_S3_LOCATION is a
 * location for objects of its own. */
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
#include "base/id.h"
#include "base/str.h"
#include "blob/blob.h"

#define RACERS 8
#define LARGE (70 << 20) /* goes up in parts */

static struct err err;
static struct blob *blob;
static char location[400];

static void setup(void)
{
	char uuid[UUID_LEN];

	uuid_new(uuid);
	snprintf(location, sizeof(location), "%s/%s", getenv("TEST_S3_LOCATION"), uuid);
	ck_ok(blob_open(location, &blob, &err), &err);
}

static void teardown(void)
{
	blob_delete(blob, "", NULL);
	blob_close(blob);
}

static void put(const char *name, const char *text)
{
	ck_ok(blob_put(blob, name, text, strlen(text), &err), &err);
}

static void assert_content(const char *name, const char *wanted)
{
	struct buf text;

	buf_init(&text, 0);
	ck_ok(blob_get(blob, name, 1 << 20, &text, &err), &err);
	ck_assert_str_eq(text.len ? text.data : "", wanted);
	buf_done(&text);
}

static int is_there(const char *name)
{
	int64_t size;
	int r = blob_size(blob, name, &size, NULL, &err);

	ck_assert_msg(!r || r == ERR_NOTFOUND, "%s", err.text);
	return !r;
}

/* ---- objects ------------------------------------------------------------------------------------------------- */

static const char *const names[] = {"plain", "a/b/c.json", "day=2026-01-01/x y+z.parquet", "ü €/%41&<>\"'.txt"};

START_TEST(what_is_put_is_read_again)
{
	int64_t size, modified;
	struct buf text;

	buf_init(&text, 0);
	ck_assert_int_eq(blob_get(blob, names[_i], 100, &text, &err), ERR_NOTFOUND);
	buf_done(&text);
	put(names[_i], "one");
	put(names[_i], "two!");
	assert_content(names[_i], "two!");
	ck_ok(blob_size(blob, names[_i], &size, &modified, &err), &err);
	ck_assert_int_eq(size, 4);
	ck_assert_int_gt(modified, 1600000000000);
	put(names[_i], "");
	assert_content(names[_i], "");
	ck_ok(blob_delete(blob, names[_i], &err), &err);
	ck_ok(blob_delete(blob, names[_i], &err), &err);
	ck_assert(!is_there(names[_i]));
}
END_TEST

START_TEST(a_read_is_bounded)
{
	struct buf text;

	put("x", "0123456789");
	buf_init(&text, 0);
	ck_assert_int_eq(blob_get(blob, "x", 9, &text, &err), ERR_LIMIT);
	buf_done(&text);
}
END_TEST

START_TEST(of_many_racers_one_wins)
{
	int won = 0;

	for (int i = 0; i < RACERS; i++)
		if (!fork()) {
			char text[16];
			int r;

			snprintf(text, sizeof(text), "racer %d", i);
			r = blob_put_new(blob, "prize", text, strlen(text), &err);
			_exit(!r ? 0 : r == ERR_EXISTS ? 1 : 2);
		}
	for (int i = 0; i < RACERS; i++) {
		int status;

		wait(&status);
		ck_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2);
		won += !WEXITSTATUS(status);
	}
	ck_assert_int_eq(won, 1);
	ck_assert_int_eq(blob_put_new(blob, "prize", "late", 4, &err), ERR_EXISTS);
}
END_TEST

START_TEST(any_range_is_read)
{
	size_t n = 600000, got;
	char *text = malloc(n), *back = malloc(n);
	struct blob_file *file;

	for (size_t i = 0; i < n; i++)
		text[i] = (char)(i * 2654435761u >> 13);
	ck_ok(blob_put(blob, "bytes", text, n, &err), &err);
	ck_ok(blob_file_open(blob, "bytes", &file, &err), &err);
	ck_assert_int_eq(blob_file_size(file), (int64_t)n);
	for (int i = 0; i < 40; i++) {
		size_t at = (size_t)random() % n, len = (size_t)random() % (i % 4 ? 5000 : n);
		size_t wanted = len < n - at ? len : n - at;

		ck_ok(blob_file_read(file, at, back, len, &got, &err), &err);
		ck_assert_uint_eq(got, wanted);
		ck_assert(!memcmp(back, text + at, got));
	}
	ck_ok(blob_file_read(file, n, back, 10, &got, &err), &err);
	ck_assert_uint_eq(got, 0);
	blob_file_close(file);
	free(text);
	free(back);
}
END_TEST

/* ---- lists ----------------------------------------------------------------------------------------------------- */

static int note(void *ctx, const char *name, int is_folder)
{
	char *list = ctx;

	sprintf(list + strlen(list), "%s%s ", name, is_folder ? "/" : "");
	return 0;
}

START_TEST(a_list_is_in_order_and_begins_behind_a_name)
{
	static const char *const all[] = {"l/b", "l/a", "l/c/1", "l/c/2", "l/d&e", "lost", "l/a0/x"};
	char list[400] = "";

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		put(all[i], "x");
	ck_ok(blob_list(blob, "l", NULL, note, list, &err), &err);
	ck_assert_str_eq(list, "a a0/ b c/ d&e ");
	*list = '\0';
	ck_ok(blob_list(blob, "l", "a0", note, list, &err), &err);
	ck_assert_str_eq(list, "b c/ d&e ");
	*list = '\0';
	ck_ok(blob_list(blob, "nowhere", NULL, note, list, &err), &err);
	ck_assert_str_eq(list, "");
	ck_ok(blob_delete(blob, "l", &err), &err);
	ck_ok(blob_list(blob, "", NULL, note, list, &err), &err);
	ck_assert_str_eq(list, "lost ");
}
END_TEST

static int add_one(void *ctx, const char *name, int is_folder)
{
	(void)name, (void)is_folder;
	++*(int *)ctx;
	return 0;
}

START_TEST(a_list_of_more_than_a_page_is_whole)
{
	int n = 0;
	char name[32];

	for (int i = 0; i < 1050; i++) {
		snprintf(name, sizeof(name), "many/%04d", i);
		put(name, "");
	}
	ck_ok(blob_list(blob, "many", NULL, add_one, &n, &err), &err);
	ck_assert_int_eq(n, 1050);
}
END_TEST

/* ---- adopting --------------------------------------------------------------------------------------------------- */

START_TEST(an_adopted_file_is_moved_and_never_replaces)
{
	char *path = strdup(test_path("staged"));

	ck_ok(file_replace(path, "data", 4, &err), &err);
	ck_ok(blob_adopt(blob, path, "part-1.parquet", &err), &err);
	assert_content("part-1.parquet", "data");
	ck_assert_int_ne(access(path, F_OK), 0);
	ck_ok(file_replace(path, "other", 5, &err), &err);
	ck_assert_int_eq(blob_adopt(blob, path, "part-1.parquet", &err), ERR_EXISTS);
	assert_content("part-1.parquet", "data");
	free(path);
}
END_TEST

static void make_large(const char *path, char first)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	char *chunk = malloc(1 << 20);

	for (int i = 0; i < LARGE >> 20; i++) {
		memset(chunk, first + i % 26, 1 << 20);
		ck_assert_int_eq(write(fd, chunk, 1 << 20), 1 << 20);
	}
	close(fd);
	free(chunk);
}

START_TEST(a_large_file_goes_up_in_parts)
{
	char *path = strdup(test_path("large")), *chunk = malloc(1 << 20);
	struct blob_file *file;
	int64_t size;
	size_t got;

	make_large(path, 'a');
	ck_ok(blob_adopt(blob, path, "large.parquet", &err), &err);
	ck_ok(blob_size(blob, "large.parquet", &size, NULL, &err), &err);
	ck_assert_int_eq(size, LARGE);
	ck_ok(blob_file_open(blob, "large.parquet", &file, &err), &err);
	for (int i = 0; i < LARGE >> 20; i += 23) {
		ck_ok(blob_file_read(file, (uint64_t)i << 20, chunk, 10, &got, &err), &err);
		ck_assert_int_eq(chunk[9], 'a' + i % 26);
	}
	blob_file_close(file);
	make_large(path, 'A');
	ck_assert_int_eq(blob_adopt(blob, path, "large.parquet", &err), ERR_EXISTS);
	ck_ok(blob_adopt_over(blob, path, "large.parquet", &err), &err);
	ck_ok(blob_file_open(blob, "large.parquet", &file, &err), &err);
	ck_ok(blob_file_read(file, 0, chunk, 10, &got, &err), &err);
	ck_assert_int_eq(*chunk, 'A');
	blob_file_close(file);
	free(chunk);
	free(path);
}
END_TEST

/* At the same moment, so that all have looked before any has ended. Not every store can promise that. */
START_TEST(of_many_large_files_of_one_name_one_wins)
{
	struct blob_file *file;
	char name[16], first;
	int won = 0;
	size_t got;

	if (!getenv("TEST_S3_METADATA"))
		return;
	for (char c = 'a'; c < 'd'; c++)
		if (!fork()) {
			snprintf(name, sizeof(name), "large-%c", c);
			make_large(test_path(name), c);
			_exit(blob_adopt(blob, test_path(name), "prize.parquet", &err) ? err.code == ERR_EXISTS ? 1 : 2
			                                                               : 0);
		}
	for (int i = 0; i < 3; i++) {
		int status;

		wait(&status);
		ck_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2);
		won += !WEXITSTATUS(status);
	}
	ck_assert_int_eq(won, 1);
	ck_ok(blob_file_open(blob, "prize.parquet", &file, &err), &err);
	ck_assert_int_eq(blob_file_size(file), LARGE);
	ck_ok(blob_file_read(file, 0, &first, 1, &got, &err), &err);
	ck_assert(first >= 'a' && first < 'd');
	blob_file_close(file);
}
END_TEST

START_TEST(a_folder_that_fails_leaves_nothing)
{
	char *folder = strdup(test_path("half")), path[PATH_MAX], list[100] = "";

	mkdir(folder, 0755);
	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s/part-%d", folder, i);
		ck_ok(file_replace(path, "x", 1, &err), &err);
	}
	snprintf(path, sizeof(path), "%s/part-2b", folder);
	ck_assert_int_eq(symlink("/dev/null", path), 0); /* is not followed */
	ck_assert_int_ne(blob_adopt(blob, folder, "out", &err), 0);
	ck_assert(!is_there("out"));
	ck_ok(blob_list(blob, "out", NULL, note, list, &err), &err);
	ck_assert_str_eq(list, "");
	ck_assert_int_eq(unlink(path), 0);
	ck_ok(blob_adopt(blob, folder, "out", &err), &err);
	ck_ok(blob_list(blob, "out", NULL, note, list, &err), &err);
	ck_assert_str_eq(list, "part-0 part-1 part-2 part-3 part-4 ");
	free(folder);
}
END_TEST

START_TEST(a_folder_is_there_when_it_is_whole)
{
	char *folder = strdup(test_path("segment")), path[PATH_MAX], list[100] = "";

	put("seg/keys", "left by a crash"); /* without the mark */
	ck_assert(!is_there("seg"));
	mkdir(folder, 0755);
	snprintf(path, sizeof(path), "%s/keys", folder);
	ck_ok(file_replace(path, "k", 1, &err), &err);
	snprintf(path, sizeof(path), "%s/rows", folder);
	ck_ok(file_replace(path, "rr", 2, &err), &err);
	ck_ok(blob_adopt(blob, folder, "seg", &err), &err);
	ck_assert(is_there("seg"));
	ck_assert_int_ne(access(folder, F_OK), 0);
	ck_ok(blob_list(blob, "seg", NULL, note, list, &err), &err);
	ck_assert_str_eq(list, "keys rows ");
	setenv("TMPDIR", test_dir(), 1);
	for (int i = 0; i < 2; i++) { /* fetched, then found */
		ck_ok(blob_path(blob, "seg", path, sizeof(path), &err), &err);
		strcat(path, "/rows");
		ck_assert_int_eq(access(path, R_OK), 0);
	}
	ck_ok(blob_delete(blob, "seg", &err), &err);
	ck_assert(!is_there("seg") && !is_there("seg/keys"));
	free(folder);
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------------------------------- */

START_TEST(a_wrong_key_is_refused_and_said_so)
{
	struct blob *other;
	struct buf text;

	setenv("AWS_SECRET_ACCESS_KEY", "wrong", 1);
	ck_ok(blob_open(location, &other, &err), &err);
	buf_init(&text, 0);
	ck_assert_int_eq(blob_get(other, "x", 10, &text, &err), ERR_PERM);
	ck_assert_msg(strstr(err.text, "SignatureDoesNotMatch") != NULL, "%s", err.text);
	buf_done(&text);
	blob_close(other);
}
END_TEST

START_TEST(without_keys_the_places_to_put_them_are_named)
{
	struct blob *other;
	struct buf text;

	unsetenv("AWS_ACCESS_KEY_ID");
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere", 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	ck_ok(blob_open(location, &other, &err), &err);
	buf_init(&text, 0);
	ck_assert_int_eq(blob_get(other, "x", 10, &text, &err), ERR_PERM);
	ck_assert_msg(strstr(err.text, "AWS_ACCESS_KEY_ID") != NULL, "%s", err.text);
	buf_done(&text);
	blob_close(other);
}
END_TEST

START_TEST(keys_may_stand_in_a_file)
{
	char text[300], *path = strdup(test_path("credentials"));
	struct blob *other;

	snprintf(text, sizeof(text),
	         "# keys\n[default]\naws_access_key_id = x\naws_secret_access_key=y\n\n[mine]\n"
	         "aws_access_key_id= %s\n aws_secret_access_key =%s \n",
	         getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"));
	ck_ok(file_replace(path, text, strlen(text), &err), &err);
	unsetenv("AWS_ACCESS_KEY_ID");
	setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
	setenv("AWS_PROFILE", "mine", 1);
	ck_ok(blob_open(location, &other, &err), &err);
	ck_ok(blob_put(other, "x", "1", 1, &err), &err);
	blob_close(other);
	free(path);
}
END_TEST

/* The store plays the metadata of an instance too: see s3-store.mjs. */
START_TEST(keys_may_come_from_the_metadata_of_an_instance)
{
	const char *metadata = getenv("TEST_S3_METADATA");
	struct blob *other;

	if (!metadata)
		return;
	unsetenv("AWS_ACCESS_KEY_ID");
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere", 1);
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata, 1);
	ck_ok(blob_open(location, &other, &err), &err);
	ck_ok(blob_put(other, "x", "1", 1, &err), &err);
	blob_close(other);
}
END_TEST

/* With a token beside them, and asked for anew when they are about to be too old. */
START_TEST(keys_may_come_from_a_container)
{
	const char *metadata = getenv("TEST_S3_METADATA");
	struct blob *other;
	char url[300];

	if (!metadata)
		return;
	put("x", "0"); /* with keys that this place keeps */
	unsetenv("AWS_ACCESS_KEY_ID");
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere", 1);
	snprintf(url, sizeof(url), "%s/latest/container", metadata);
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "word", 1);
	ck_ok(blob_open(location, &other, &err), &err);
	ck_ok(blob_put(other, "x", "1", 1, &err), &err);
	ck_ok(blob_put(other, "x", "2", 1, &err), &err);
	blob_close(other);
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "another", 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	ck_ok(blob_open(location, &other, &err), &err);
	ck_assert_int_eq(blob_put(other, "x", "3", 1, &err), ERR_PERM);
	blob_close(other);
	assert_content("x", "2");
}
END_TEST

/* The store knows one region. */
START_TEST(the_region_may_stand_in_a_file)
{
	static const char text[] = "[default]\nregion = us-east-1\n[profile far]\nregion = moon-1\n";
	char *path = strdup(test_path("config"));
	struct blob *other;

	unsetenv("AWS_REGION");
	setenv("AWS_CONFIG_FILE", path, 1);
	ck_ok(file_replace(path, text, strlen(text), &err), &err);
	ck_ok(blob_open(location, &other, &err), &err);
	ck_ok(blob_put(other, "x", "1", 1, &err), &err);
	blob_close(other);
	setenv("AWS_PROFILE", "far", 1);
	ck_ok(blob_open(location, &other, &err), &err);
	/* radosgw takes signatures of any region */
	ck_assert_int_eq(blob_put(other, "x", "1", 1, &err), getenv("TEST_S3_ANY_REGION") ? 0 : ERR_PERM);
	blob_close(other);
	free(path);
}
END_TEST

START_TEST(a_location_that_names_no_bucket_is_refused)
{
	struct blob *other;

	ck_assert_int_eq(blob_open("s3://", &other, &err), ERR_INVALID);
	ck_assert_int_eq(blob_open("s3://A_b/c", &other, &err), ERR_INVALID);
}
END_TEST

static void s3_cases(Suite *suite)
{
	TCase *tc = tcase_create("s3");

	if (!getenv("TEST_S3_LOCATION"))
		return;
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, what_is_put_is_read_again, 0, sizeof(names) / sizeof(names[0]));
	tcase_add_test(tc, a_read_is_bounded);
	tcase_add_test(tc, of_many_racers_one_wins);
	tcase_add_test(tc, any_range_is_read);
	tcase_add_test(tc, a_list_is_in_order_and_begins_behind_a_name);
	if (!getenv("TEST_S3_FAULTS")) {
		tcase_add_test(tc, a_list_of_more_than_a_page_is_whole);
		tcase_add_test(tc, a_wrong_key_is_refused_and_said_so);
		tcase_add_test(tc, without_keys_the_places_to_put_them_are_named);
		tcase_add_test(tc, keys_may_stand_in_a_file);
		tcase_add_test(tc, keys_may_come_from_the_metadata_of_an_instance);
		tcase_add_test(tc, keys_may_come_from_a_container);
		tcase_add_test(tc, the_region_may_stand_in_a_file);
		tcase_add_test(tc, a_location_that_names_no_bucket_is_refused);
		tcase_add_test(tc, of_many_large_files_of_one_name_one_wins);
	}
	tcase_add_test(tc, an_adopted_file_is_moved_and_never_replaces);
	tcase_add_test(tc, a_large_file_goes_up_in_parts);
	tcase_add_test(tc, a_folder_is_there_when_it_is_whole);
	tcase_add_test(tc, a_folder_that_fails_leaves_nothing);
	suite_add_tcase(suite, tc);
}

TEST_MAIN("s3", s3_cases)
