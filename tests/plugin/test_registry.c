/* SPDX-License-Identifier: Apache-2.0 */
/* The registry with a real plugin file; the test answers in place of the scan worker. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "lib/test.h"
#include "plugin/plugin.h"

static struct err err;
static struct plugin_registry *registry;
static char dir[4096];
static const char *dirs[] = {dir, NULL};
static char pending[8][4096]; /* scans that wait for an answer */
static int n_pending;

static void on_scan(void *ctx, const char *cas_path)
{
	(void)ctx;
	ck_assert_int_lt(n_pending, 8);
	snprintf(pending[n_pending++], sizeof(pending[0]), "%s", cas_path);
}

/* Copies the test plugin as `name`, with `tail` behind it: other content, the same bundle. */
static void drop_in(const char *name, const char *tail)
{
	const char *build = getenv("ORASI_BUILDDIR");
	char from[4096], to[8192];
	struct buf bytes;

	snprintf(from, sizeof(from), "%s/tests/plugins/.libs/index-list.so", build ? build : ".");
	snprintf(to, sizeof(to), "%s/%s", dir, name);
	buf_init(&bytes, 0);
	ck_ok(file_read(from, 1 << 30, &bytes, &err), &err);
	buf_puts(&bytes, tail);
	ck_ok(file_replace(to, bytes.data, bytes.len, &err), &err);
	buf_done(&bytes);
}

static void answer(void)
{
	static const char text[] = "{\"bundle\":\"org.orasi.test.list\",\"plugins\":[{\"id\":\"org.orasi.test.list\","
				   "\"name\":\"list\",\"kind\":\"index\",\"config_schema\":{\"type\":\"object\"}}]}";
	static const struct err fine;
	struct json *json;

	ck_ok(json_parse(text, strlen(text), &json, &err), &err);
	plugin_registry_scanned(registry, pending[--n_pending], json, &fine);
	json_free(json);
}

static void settle(void)
{
	while (plugin_registry_busy(registry)) {
		int64_t due = plugin_registry_due_in(registry);

		if (due > 0)
			usleep((useconds_t)(due + 1) * 1000);
		plugin_registry_step(registry);
		while (n_pending)
			answer();
	}
}

static int count(const char *state)
{
	struct json *list = plugin_list(registry);
	int n = 0;

	for (size_t i = 0; i < json_count(list); i++)
		n += !strcmp(json_get_str(json_at(list, i), "state", ""), state);
	json_free(list);
	return n;
}

static void setup(void)
{
	snprintf(dir, sizeof(dir), "%s", test_path("plugins"));
	ck_ok(dir_make(dir, 0755, &err), &err);
	ck_ok(dir_make(test_path("state"), 0755, &err), &err);
	ck_ok(plugin_registry_new(dirs, test_path("state"), on_scan, NULL, &registry, &err), &err);
}

static void teardown(void)
{
	plugin_registry_free(registry);
}

START_TEST(a_file_that_is_dropped_in_becomes_active)
{
	drop_in("a.so", "");
	plugin_registry_step(registry);
	settle();
	ck_assert_ptr_nonnull(plugin_find(registry, "index", "list", &err));
	ck_assert_int_eq(count("active"), 1);
}
END_TEST

START_TEST(new_content_is_a_new_generation_and_crashes_bring_the_old_one_back)
{
	char path[4096];

	drop_in("a.so", "");
	plugin_registry_step(registry);
	settle();
	snprintf(path, sizeof(path), "%s", json_get_str(plugin_find(registry, "index", "list", &err), "path", ""));
	for (int i = 0; i < 3; i++) {
		drop_in("a.so", "2");
		plugin_registry_step(registry);
	}
	settle();
	ck_assert_int_eq(count("active"), 1);
	ck_assert_int_eq(count("previous"), 1);
	ck_assert_str_ne(json_get_str(plugin_find(registry, "index", "list", &err), "path", ""), path);
	for (int i = 0; i < 3; i++)
		plugin_crashed(registry, "org.orasi.test.list", NULL, "init", 11);
	ck_assert_int_eq(count("quarantined"), 1);
	ck_assert_str_eq(json_get_str(plugin_find(registry, "index", "list", &err), "path", ""), path);
}
END_TEST

START_TEST(a_death_in_an_old_generation_is_not_held_against_the_new)
{
	char path[4096];

	drop_in("a.so", "");
	plugin_registry_step(registry);
	settle();
	snprintf(path, sizeof(path), "%s", json_get_str(plugin_find(registry, "index", "list", &err), "path", ""));
	drop_in("a.so", "2");
	plugin_registry_step(registry);
	settle();
	for (int i = 0; i < 5; i++)
		plugin_crashed(registry, "org.orasi.test.list", path, "next", 11);
	ck_assert_int_eq(count("quarantined"), 0);
}
END_TEST

START_TEST(copies_of_one_bundle_in_many_files_are_judged_without_harm)
{
	drop_in("a.so", "");
	drop_in("b.so", "");
	drop_in("c.so", "c");
	drop_in("d.so", "");
	plugin_registry_step(registry);
	settle();
	plugin_registry_rescan(registry);
	settle();
	ck_assert_int_eq(count("active"), 1);
}
END_TEST

START_TEST(a_file_that_is_cut_is_refused_with_a_sentence)
{
	char path[8192];

	drop_in("a.so", "");
	snprintf(path, sizeof(path), "%s/a.so", dir);
	ck_assert_int_eq(truncate(path, 70), 0);
	plugin_registry_step(registry);
	settle();
	ck_assert_int_eq(count("refused"), 1);
	drop_in("a.so", ""); /* its note is whole, what would be mapped is not */
	ck_assert_int_eq(truncate(path, 8192), 0);
	plugin_registry_step(registry);
	settle();
	ck_assert_int_eq(n_pending, 0);
	ck_assert_int_eq(count("active"), 0);
	ck_assert_ptr_null(plugin_find(registry, "index", "list", &err));
}
END_TEST

START_TEST(a_file_that_goes_away_while_it_is_scanned_is_forgotten)
{
	char path[8192];

	drop_in("a.so", "");
	plugin_registry_step(registry);
	usleep(510000);
	plugin_registry_step(registry);
	ck_assert_int_eq(n_pending, 1);
	snprintf(path, sizeof(path), "%s/a.so", dir);
	unlink(path);
	plugin_registry_step(registry);
	settle();
	while (n_pending)
		answer();
	ck_assert_int_eq(count("active"), 0);
}
END_TEST

/* As install(1) and make do it. */
START_TEST(a_file_that_is_removed_and_put_there_again_stays_in_use_and_pinned)
{
	char path[8192];
	uint64_t mark;

	drop_in("a.so", "");
	plugin_registry_step(registry);
	settle();
	ck_ok(plugin_pin(registry, "org.orasi.test.list", "", &err), &err);
	snprintf(path, sizeof(path), "%s/a.so", dir);
	unlink(path);
	plugin_registry_step(registry);
	ck_assert_int_eq(count("active"), 1);
	drop_in("a.so", "2");
	plugin_registry_step(registry);
	ck_assert_int_eq(count("active"), 1);
	settle();
	ck_assert_int_eq(count("active"), 1);
	ck_assert_int_eq(count("held"), 1);
	ck_ok(plugin_unpin(registry, "org.orasi.test.list", &err), &err);
	ck_assert_ptr_nonnull(plugin_find(registry, "index", "list", &err));
	ck_assert_ptr_nonnull(plugin_find_type(registry, "index", "org.orasi.test.list", NULL, &err));
	ck_assert_ptr_nonnull(plugin_find_type(registry, "index", "list", "list", &err));
	ck_assert_ptr_null(plugin_find_type(registry, "index", "list", "other", &err));
	ck_assert_ptr_nonnull(strstr(err.text, "is the task type 'list', not 'other'"));
	mark = plugin_orders_mark(registry);
	unlink(path);
	plugin_registry_step(registry);
	usleep(510000);
	plugin_registry_step(registry);
	ck_assert_int_eq(count("active"), 0);
	ck_assert_int_eq(count("previous"), 0);
	ck_assert_ptr_null(plugin_find(registry, "index", "list", &err));
	ck_assert_ptr_null(plugin_find_type(registry, "index", "org.orasi.test.list", NULL, &err));
	ck_assert(plugin_orders_mark(registry) != mark);
}
END_TEST

/* ---- secrets ------------------------------------------------------------------------------------------------------ */

static char secret[4096]; /* the file of the one that the plugin "p" has */

static void lay_down(const char *text)
{
	ck_ok(file_replace(secret, text, strlen(text), &err), &err);
	ck_assert_int_eq(chmod(secret, 0600), 0);
}

static void expect_secret(const char *base64)
{
	struct json *json = plugin_secrets(registry, "p");

	ck_assert_pstr_eq(json_get_str(json_get(json, "p"), "word", NULL), base64);
	json_free(json);
}

START_TEST(secrets_are_read_each_time_and_the_first_one_is_seen_ten_milliseconds_later)
{
	struct plugin_config config = {.trust_file = "", .secrets = test_path("secrets")};

	plugin_configure(registry, &config);
	snprintf(secret, sizeof(secret), "%s/p/word", config.secrets);
	clock_freeze(1000000);
	expect_secret(NULL);
	ck_ok(dir_make(config.secrets, 0700, &err), &err);
	ck_ok(dir_make(test_path("secrets/p"), 0700, &err), &err);
	lay_down("one");
	clock_advance(10);
	expect_secret("b25l");
	lay_down("two");
	expect_secret("dHdv");
	unlink(secret);
	expect_secret(NULL);
	lay_down("six");
	clock_advance(10);
	expect_secret("c2l4");
}
END_TEST

static void registry_cases(Suite *suite)
{
	TCase *c = tcase_create("registry");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_file_that_is_dropped_in_becomes_active);
	tcase_add_test(c, new_content_is_a_new_generation_and_crashes_bring_the_old_one_back);
	tcase_add_test(c, a_death_in_an_old_generation_is_not_held_against_the_new);
	tcase_add_test(c, copies_of_one_bundle_in_many_files_are_judged_without_harm);
	tcase_add_test(c, a_file_that_is_cut_is_refused_with_a_sentence);
	tcase_add_test(c, a_file_that_goes_away_while_it_is_scanned_is_forgotten);
	tcase_add_test(c, a_file_that_is_removed_and_put_there_again_stays_in_use_and_pinned);
	tcase_add_test(c, secrets_are_read_each_time_and_the_first_one_is_seen_ten_milliseconds_later);
	suite_add_tcase(suite, c);
}

TEST_MAIN("registry", registry_cases)
