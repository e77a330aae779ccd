/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs on many tasks at once. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/harness.h"

#define Q(members) "{\"kind\":\"query\",\"sql\":\"SELECT 1\"" members "}"

static void put_tasks(void)
{
	ck_assert_int_eq(ask("POST", "/v1/tasks",
	                     "[" Q(",\"queue\":\"a\"") "," Q(",\"queue\":\"a\",\"labels\":{\"x\":\"1\"}") "," Q(
				     ",\"queue\":\"a\",\"tenant\":\"t\"") "," Q(",\"queue\":\"b\"") "]"),
	                 200);
}

static size_t cancelled(void)
{
	ck_assert_int_eq(ask("GET", "/v1/tasks?state=cancelled", NULL), 200);
	return json_count(json_get(t.reply, "items"));
}

/* The operation of the answer, to its end: "MATCHED DONE REFUSED". */
static const char *outcome(void)
{
	static char text[64];
	char path[64];

	snprintf(path, sizeof(path), "/v1/operations/%s", reply_str("/id"));
	while (!strcmp(reply_str("/state"), "running")) {
		usleep(500);
		ck_assert_int_eq(ask("GET", path, NULL), 200);
	}
	ck_assert_str_eq(reply_str("/state"), "done");
	snprintf(text, sizeof(text), "%d %d %d", (int)json_get_int(t.reply, "matched", -1),
	         (int)json_get_int(t.reply, "done", -1), (int)json_get_int(t.reply, "refused", -1));
	return text;
}

START_TEST(a_dry_run_tells_how_many_and_changes_nothing)
{
	start();
	put_tasks();
	ck_assert_int_eq(ask("POST", "/v1/tasks:cancel", "{\"queue\":\"a\",\"dry_run\":true}"), 200);
	ck_assert_str_eq(outcome(), "3 0 0");
	ck_assert_uint_eq(cancelled(), 0);
	ck_assert_int_eq(ask("POST", "/v1/tasks:cancel", "{\"labels\":{\"x\":\"1\"},\"dry_run\":true}"), 200);
	ck_assert_str_eq(outcome(), "1 0 0");
	ck_assert_int_eq(ask("POST", "/v1/tasks:cancel", "{\"all\":true,\"tenant\":\"t\",\"dry_run\":true}"), 200);
	ck_assert_str_eq(outcome(), "1 0 0");
	finish();
}
END_TEST

START_TEST(all_that_match_are_cancelled_redriven_and_deleted)
{
	start();
	put_tasks();
	ck_assert_int_eq(ask("POST", "/v1/tasks:cancel", "{\"queue\":\"a\",\"max\":2}"), 202);
	ck_assert_str_eq(outcome(), "2 2 0");
	ck_assert_int_eq(ask("POST", "/v1/tasks:cancel", "{\"queue\":\"a\"}"), 202);
	ck_assert_str_eq(outcome(), "1 1 0");
	ck_assert_uint_eq(cancelled(), 3);
	ck_assert_int_eq(ask("POST", "/v1/tasks:redrive", "{\"state\":\"cancelled\",\"tenant\":\"t\"}"), 202);
	ck_assert_str_eq(outcome(), "1 1 0");
	ck_assert_uint_eq(cancelled(), 2);
	ck_assert_int_eq(ask("POST", "/v1/tasks:delete", "{\"all\":true,\"state\":\"ended\"}"), 202);
	ck_assert_str_eq(outcome(), "2 2 0");
	ck_assert_int_eq(ask("GET", "/v1/tasks", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 2);
	finish();
}
END_TEST

START_TEST(a_queue_is_purged_of_what_waits)
{
	start();
	put_tasks();
	ck_assert_int_eq(ask("POST", "/v1/queues/a:purge", NULL), 202);
	ck_assert_str_eq(outcome(), "3 3 0");
	ck_assert_uint_eq(cancelled(), 3);
	ck_assert_int_eq(ask("POST", "/v1/queues/nowhere:purge", NULL), 404);
	finish();
}
END_TEST

START_TEST(nobody_cancels_everything_by_leaving_something_out)
{
	static const char *const bodies[] = {"{}",
	                                     "{\"dry_run\":true}",
	                                     "{\"max\":5}",
	                                     "{\"all\":false}",
	                                     "{\"queue\":\"a\",\"quue\":\"b\"}",
	                                     "{\"state\":\"done\"}",
	                                     "[]"};

	start();
	put_tasks();
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		int status = ask("POST", "/v1/tasks:cancel", bodies[i]);

		ck_assert_msg(status == 400 || status == 422, "%s: %d", bodies[i], status);
	}
	ck_assert_uint_eq(cancelled(), 0);
	ck_assert_int_eq(ask("GET", "/v1/operations/o_0000000000009", NULL), 404);
	finish();
}
END_TEST

void bulk_cases(Suite *suite)
{
	TCase *tests = tcase_create("bulk");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, a_dry_run_tells_how_many_and_changes_nothing);
	tcase_add_test(tests, all_that_match_are_cancelled_redriven_and_deleted);
	tcase_add_test(tests, a_queue_is_purged_of_what_waits);
	tcase_add_test(tests, nobody_cancels_everything_by_leaving_something_out);
}
