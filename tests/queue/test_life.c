/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts: leases, time-outs, retry rules, snooze, deadlines. */
#include <stdio.h>
#include <string.h>

#include "queue/rig.h"

static struct task *lease(int64_t ms)
{
	return claim_as((struct queue_claim_ask){.worker = "far", .lease_ms = ms});
}

static struct task_attempt *attempts(int64_t id, size_t *n)
{
	struct task_attempt *list;

	ck_ok(queue_attempts(queue, id, &arena, &list, n, &err), &err);
	return list;
}

START_TEST(a_lease_without_heartbeat_gives_the_task_to_another)
{
	int64_t id = put((struct task_spec){0});
	struct task *first = lease(10000), *second;
	size_t n;

	pass(10000);
	ck_assert_int_eq(get(id)->state, TASK_RUNNING); /* the grace */
	pass(config.lease_grace_ms);
	pass(config.retry_max_ms);
	second = lease(10000);
	ck_assert_int_eq(second->id, id);
	ck_assert_int_eq(second->attempt, 2);
	ck_assert_int_eq(second->crashes, 1);
	ck_assert_int_eq(queue_heartbeat(queue, id, first->fence, 0), ERR_STALE);
	ck_assert_int_eq(finish(first, 0), ERR_STALE);
	ck_assert_str_eq(attempts(id, &n)[0].outcome, "lost");
}
END_TEST

START_TEST(heartbeats_keep_a_lease_and_carry_the_wish_to_stop)
{
	int64_t id = put((struct task_spec){0});
	struct task *task = lease(1000);

	for (int i = 0; i < 20; i++) {
		pass(900);
		ck_assert_int_eq(queue_heartbeat(queue, id, task->fence, 0), 0);
	}
	queue_cancel(queue, id, NULL, NULL);
	ck_assert_int_eq(stop_code, ERR_CANCELLED);
	ck_assert_int_eq(queue_heartbeat(queue, id, task->fence, 0), ERR_CANCELLED);
	pass(1000 + config.lease_grace_ms); /* it did not stop: its lease is not extended any more */
	ck_assert_int_eq(get(id)->state, TASK_CANCELLED);
}
END_TEST

START_TEST(an_attempt_that_takes_too_long_is_told_to_stop)
{
	int64_t id = put((struct task_spec){.timeout_ms = 5000});
	struct task *task = claim();

	pass(4999);
	ck_assert_int_eq(stop_code, 0);
	pass(1);
	ck_assert_int_eq(stop_code, ERR_TIMEOUT);
	ck_assert_int_eq(cancelled_id, id);
	finish(task, ERR_TIMEOUT);
	ck_assert_int_eq(get(id)->state, TASK_SCHEDULED);
}
END_TEST

START_TEST(an_attempt_that_gives_no_news_is_told_to_stop)
{
	int64_t id = put((struct task_spec){.heartbeat_ms = 1000});
	struct task *task = claim();

	for (int i = 0; i < 5; i++) {
		pass(999);
		queue_progress(queue, id, task->fence, i, 5, 0, 0, "");
	}
	ck_assert_int_eq(stop_code, 0);
	pass(1000);
	ck_assert_int_eq(stop_code, ERR_TIMEOUT);
}
END_TEST

START_TEST(behind_its_deadline_a_task_is_not_tried_again)
{
	struct task_spec spec = {.deadline = NOW + 10000, .retry_initial_ms = 6000, .retry_jitter = TASK_JITTER_NONE};
	int64_t tried = put(spec), waiting = put(spec);

	finish(claim(), ERR_IO);
	ck_assert_int_eq(get(tried)->state, TASK_SCHEDULED);
	pass(6000);
	finish(claim(), ERR_IO);
	finish(claim(), ERR_IO);
	ck_assert_int_eq(get(tried)->state, TASK_FAILED);
	ck_assert_int_eq(get(waiting)->state, TASK_FAILED);
	waiting = put(spec);
	pass(4000);
	ck_assert_int_eq(get(waiting)->state, TASK_EXPIRED);
}
END_TEST

START_TEST(rules_decide_by_the_code_of_the_error)
{
	struct task_spec spec = {.retry_rules = "io=fail,invalid=retry:1500,busy=snooze:300"};
	int64_t id = put(spec);

	finish(claim(), ERR_IO);
	ck_assert_int_eq(get(id)->state, TASK_FAILED);
	id = put(spec);
	finish(claim(), ERR_INVALID);
	ck_assert_int_eq(get(id)->state, TASK_SCHEDULED);
	pass(1499);
	ck_assert_ptr_null(claim());
	pass(1);
	finish(claim(), ERR_BUSY);
	ck_assert_int_eq(get(id)->attempt, 1); /* the snoozed one does not count */
	pass(300);
	finish(claim(), 0);
	ck_assert_int_eq(get(id)->state, TASK_SUCCEEDED);
}
END_TEST

START_TEST(bad_rules_are_refused_by_name)
{
	static const char *const bad[] = {"io",          "io=never",  "no-such-code=retry",
	                                  "busy=snooze", "io=retry,", "io=retry:x"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(queue_check_spec(&(struct task_spec){.kind = "t", .retry_rules = bad[i]}, &err),
		                 ERR_INVALID);
}
END_TEST

START_TEST(a_worker_may_snooze_without_losing_an_attempt)
{
	int64_t id = put((struct task_spec){.max_attempts = 1});
	struct queue_outcome snooze = {.code = ERR_BUSY, .snooze = 1, .retry_after_ms = 100};
	size_t n;

	for (int i = 0; i < 3; i++) {
		struct task *task = claim();

		ck_assert_int_eq(queue_finish(queue, id, task->fence, &snooze, NULL, NULL), 0);
		store_flush(store);
		pass(100);
	}
	finish(claim(), 0);
	ck_assert_int_eq(get(id)->state, TASK_SUCCEEDED);
	ck_assert_str_eq(attempts(id, &n)[0].outcome, "snoozed");
	ck_assert_uint_eq(n, 4);
}
END_TEST

START_TEST(the_wait_grows_by_its_factor_up_to_its_bound)
{
	static const int64_t waits[] = {100, 300, 900, 1000, 1000};
	int64_t id = put((struct task_spec){.retry_initial_ms = 100,
	                                    .retry_factor_percent = 300,
	                                    .retry_max_ms = 1000,
	                                    .retry_jitter = TASK_JITTER_NONE,
	                                    .max_attempts = 9});

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		finish(claim(), ERR_IO);
		pass(waits[i] - 1);
		ck_assert_ptr_null(claim());
		pass(1);
	}
	ck_assert_int_eq(claim()->id, id);
}
END_TEST

START_TEST(a_died_worker_is_the_end_when_the_task_says_so)
{
	int64_t id = put((struct task_spec){.crash_is_final = 1});
	struct queue_outcome crash = {.code = ERR_CRASH, .error = "killed", .usage = {9, 120, 4096}};
	struct task *task = claim();
	size_t n;

	ck_assert_int_eq(queue_finish(queue, id, task->fence, &crash, NULL, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(get(id)->state, TASK_FAILED);
	ck_assert_int_eq(attempts(id, &n)[0].usage.exit, 9);
	ck_assert_int_eq(attempts(id, &n)[0].usage.rss_kib, 4096);
	ck_assert_str_eq(attempts(id, &n)[0].outcome, "crashed");
}
END_TEST

START_TEST(a_waiting_task_is_given_another_time_and_priority)
{
	int64_t a = put((struct task_spec){.priority = 5}), b = put((struct task_spec){.priority = 5});

	ck_assert_int_eq(queue_reschedule(queue, b, 0, 0, on_done, NULL), 0);
	ck_assert_int_eq(queue_reschedule(queue, a, NOW + 1000, -1, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(get(a)->state, TASK_SCHEDULED);
	ck_assert_int_eq(get(b)->priority, 0);
	ck_assert_int_eq(claim()->id, b);
	ck_assert_int_eq(queue_reschedule(queue, b, NOW, 0, NULL, NULL), ERR_CONFLICT);
	close_queue();
	open_queue();
	ck_assert_int_eq(get(a)->run_at, NOW + 1000);
}
END_TEST

START_TEST(what_is_kept_shorter_is_forgotten_sooner)
{
	int64_t brief = put((struct task_spec){.retain_ok_ms = 1000}), id = put((struct task_spec){0});
	struct task *task;

	finish(claim(), 0);
	finish(claim(), 0);
	pass(61000);
	ck_assert_int_eq(queue_get(queue, brief, &arena, &task, &err), ERR_NOTFOUND);
	ck_assert_int_eq(get(id)->state, TASK_SUCCEEDED);
}
END_TEST

START_TEST(a_queue_says_how_long_its_tasks_are_kept_unless_they_do)
{
	struct queue_settings brief = settings_of("q");
	int64_t ok, longer, failed;
	struct task *task;

	brief.retain_ok_ms = 1000;
	configure("q", brief);
	ok = put((struct task_spec){.queue = "q"});
	longer = put((struct task_spec){.queue = "q", .retain_ok_ms = 3600 * 1000});
	failed = put((struct task_spec){.queue = "q"});
	finish(claim(), 0);
	finish(claim(), 0);
	finish(claim(), ERR_INVALID);
	pass(61000);
	ck_assert_int_eq(queue_get(queue, ok, &arena, &task, &err), ERR_NOTFOUND);
	ck_assert_int_ne(queue_has_passed(queue, ok), 0);
	ck_assert_int_eq(queue_has_passed(queue, failed + 1), 0);
	ck_assert_int_eq(get(longer)->state, TASK_SUCCEEDED);
	ck_assert_int_eq(get(failed)->state, TASK_FAILED);
}
END_TEST

START_TEST(an_id_is_never_given_twice_although_all_is_forgotten)
{
	int64_t id = put((struct task_spec){.retain_ok_ms = 1});

	finish(claim(), 0);
	pass(61000);
	close_queue();
	open_queue();
	ck_assert_int_gt(put((struct task_spec){0}), id);
}
END_TEST

START_TEST(fields_out_of_range_are_refused_by_name)
{
	static const struct {
		struct task_spec spec;
		const char *name;
	} bad[] = {
		{{.kind = ""}, "kind"},
		{{.kind = "t", .priority = 10}, "priority"},
		{{.kind = "t", .cost = -1}, "cost"},
		{{.kind = "t", .weight = 101}, "weight"},
		{{.kind = "t",
	          .concurrency_key = "a\x1f"
	                             "b"},
	         "concurrency_key"},
		{{.kind = "t", .queue = "no name!"}, "queue"},
		{{.kind = "t", .unique_key = "u", .unique_scope = TASK_UNIQUE_TTL}, "unique_ttl"},
		{{.kind = "t", .on_conflict = 9}, "on_conflict"},
		{{.kind = "t", .deadline = INT64_MAX}, "deadline"},
	};
	static char body[(256 << 10) + 2];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_lt(queue_check_spec(&bad[i].spec, &err), 0);
		ck_assert_msg(strstr(err.text, bad[i].name) != NULL, "%s is not named: %s", bad[i].name, err.text);
	}
	memset(body, ' ', sizeof(body) - 1);
	ck_assert_int_eq(queue_check_spec(&(struct task_spec){.kind = "t", .body = body}, &err), ERR_LIMIT);
}
END_TEST

static struct task *finish_unwritten(const struct queue_outcome *outcome)
{
	struct task *task;

	put((struct task_spec){.max_attempts = 5});
	task = claim();
	ck_assert_int_eq(queue_finish(queue, task->id, task->fence, outcome, NULL, NULL), 0);
	return task;
}

START_TEST(a_cancellation_that_meets_the_end_of_an_attempt_holds_for_what_follows)
{
	struct task *again = finish_unwritten(&(struct queue_outcome){.code = ERR_IO, .error = "it broke"}), *over;

	last_code = 1;
	ck_assert_int_eq(queue_cancel(queue, again->id, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(last_code, 0);
	ck_assert_int_eq(get(again->id)->state, TASK_CANCELLED);

	over = finish_unwritten(&(struct queue_outcome){.result = "{}"});
	ck_assert_int_eq(queue_cancel(queue, over->id, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(last_code, ERR_CONFLICT);
	ck_assert_int_eq(get(over->id)->state, TASK_SUCCEEDED);
}
END_TEST

START_TEST(another_time_that_meets_the_end_of_an_attempt_is_that_of_the_next)
{
	struct task *again = finish_unwritten(&(struct queue_outcome){.code = ERR_IO, .error = "it broke"}), *over;

	last_code = 1;
	ck_assert_int_eq(queue_reschedule(queue, again->id, NOW + 5000, 9, on_done, NULL), 0);
	ck_assert_int_eq(queue_reschedule(queue, again->id, NOW + 90000, -1, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(last_code, 0);
	ck_assert_int_eq(get(again->id)->state, TASK_SCHEDULED);
	ck_assert_int_eq(get(again->id)->run_at, NOW + 90000);
	ck_assert_int_eq(get(again->id)->priority, 9);

	over = finish_unwritten(&(struct queue_outcome){.result = "{}"});
	ck_assert_int_eq(queue_reschedule(queue, over->id, NOW, -1, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(last_code, ERR_CONFLICT);
	ck_assert_int_eq(get(over->id)->state, TASK_SUCCEEDED);
}
END_TEST

/* It stops already, as its time is up; what is new is that no other attempt follows. */
START_TEST(a_cancellation_of_a_task_whose_time_is_up_holds_for_what_follows)
{
	struct task *task;

	put((struct task_spec){.max_attempts = 5, .timeout_ms = 1000});
	task = claim();
	pass(1000);
	ck_assert_int_eq(stop_code, ERR_TIMEOUT);
	ck_assert_int_eq(queue_cancel(queue, task->id, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(finish(task, ERR_TIMEOUT), 0);
	ck_assert_int_eq(get(task->id)->state, TASK_CANCELLED);
}
END_TEST

static void life_cases(Suite *suite)
{
	TCase *c = tcase_create("life");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_lease_without_heartbeat_gives_the_task_to_another);
	tcase_add_test(c, heartbeats_keep_a_lease_and_carry_the_wish_to_stop);
	tcase_add_test(c, an_attempt_that_takes_too_long_is_told_to_stop);
	tcase_add_test(c, an_attempt_that_gives_no_news_is_told_to_stop);
	tcase_add_test(c, behind_its_deadline_a_task_is_not_tried_again);
	tcase_add_test(c, rules_decide_by_the_code_of_the_error);
	tcase_add_test(c, bad_rules_are_refused_by_name);
	tcase_add_test(c, a_worker_may_snooze_without_losing_an_attempt);
	tcase_add_test(c, the_wait_grows_by_its_factor_up_to_its_bound);
	tcase_add_test(c, a_died_worker_is_the_end_when_the_task_says_so);
	tcase_add_test(c, a_waiting_task_is_given_another_time_and_priority);
	tcase_add_test(c, what_is_kept_shorter_is_forgotten_sooner);
	tcase_add_test(c, a_queue_says_how_long_its_tasks_are_kept_unless_they_do);
	tcase_add_test(c, an_id_is_never_given_twice_although_all_is_forgotten);
	tcase_add_test(c, fields_out_of_range_are_refused_by_name);
	tcase_add_test(c, a_cancellation_that_meets_the_end_of_an_attempt_holds_for_what_follows);
	tcase_add_test(c, another_time_that_meets_the_end_of_an_attempt_is_that_of_the_next);
	tcase_add_test(c, a_cancellation_of_a_task_whose_time_is_up_holds_for_what_follows);
	suite_add_tcase(suite, c);
}

TEST_MAIN("queue-life", life_cases)
