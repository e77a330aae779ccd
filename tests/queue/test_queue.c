/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/id.h"
#include "lib/fakedisk.h"
#include "queue/rig.h"
#include "store/inside.h"

START_TEST(a_task_is_put_claimed_and_finished_with_its_result)
{
	int64_t id = put((struct task_spec){.body = "{\"x\":1}", .labels = "{\"team\":\"a\"}"});
	struct task *task = claim();

	ck_assert_int_eq(task->id, id);
	ck_assert_str_eq(task->body, "{\"x\":1}");
	ck_assert_int_eq(task->attempt, 1);
	ck_assert_int_eq(finish(task, 0), 0);
	ck_assert_int_eq(get(id)->state, TASK_SUCCEEDED);
	ck_assert_str_eq(get(id)->result, "{\"n\":1}");
	ck_assert_ptr_null(claim());
	ck_assert_int_eq(n_events, 3);
	ck_assert_str_eq(events[0], "ready");
	ck_assert_str_eq(events[1], "running");
	ck_assert_str_eq(events[2], "succeeded");
}
END_TEST

START_TEST(urgent_tasks_come_first_and_equals_in_order)
{
	int64_t low = put((struct task_spec){.priority = 8}), a = put((struct task_spec){.priority = 5}),
		b = put((struct task_spec){.priority = 5}), high = put((struct task_spec){.priority = 0});

	ck_assert_int_eq(claim()->id, high);
	ck_assert_int_eq(claim()->id, a);
	ck_assert_int_eq(claim()->id, b);
	ck_assert_int_eq(claim()->id, low);
}
END_TEST

START_TEST(an_old_task_of_low_priority_is_not_passed_for_ever)
{
	int64_t old = put((struct task_spec){.priority = 9}), young;

	clock_advance(9 * config.aging_ms + 1);
	young = put((struct task_spec){.priority = 0});
	ck_assert_int_eq(claim()->id, old);
	ck_assert_int_eq(claim()->id, young);
}
END_TEST

START_TEST(a_delayed_task_waits_for_its_time)
{
	int64_t id = put((struct task_spec){.run_at = NOW + 5000});

	ck_assert_ptr_null(claim());
	ck_assert_int_eq(get(id)->state, TASK_SCHEDULED);
	ck_assert_int_le(queue_due_in(queue), 5000);
	clock_advance(5000);
	queue_tick(queue);
	ck_assert_int_eq(claim()->id, id);
}
END_TEST

START_TEST(a_clock_that_is_set_is_noticed_while_a_task_waits_for_its_time)
{
	put((struct task_spec){.run_at = NOW + 36000000});
	queue_tick(queue);
	store_flush(store);
	ck_assert_int_gt(queue_due_in(queue), 0);
	ck_assert_int_le(queue_due_in(queue), 10000);
}
END_TEST

START_TEST(a_transient_failure_is_tried_again_and_a_permanent_one_is_not)
{
	int64_t id = put((struct task_spec){.max_attempts = 2});

	finish(claim(), ERR_IO);
	ck_assert_int_eq(get(id)->attempt, 1);
	clock_advance(config.retry_initial_ms);
	queue_tick(queue);
	finish(claim(), ERR_IO);
	ck_assert_int_eq(get(id)->state, TASK_FAILED);
	ck_assert_int_eq(get(id)->error_code, ERR_IO);
	id = put((struct task_spec){.max_attempts = 9});
	finish(claim(), ERR_INVALID);
	ck_assert_int_eq(get(id)->state, TASK_FAILED);
	ck_assert_str_eq(get(id)->error, "it broke");
}
END_TEST

START_TEST(a_task_that_waits_for_its_next_attempt_says_why_and_until_when)
{
	int64_t id = put((struct task_spec){.max_attempts = 3});

	ck_assert_int_eq(get(id)->error_code, 0);
	finish(claim(), ERR_IO);
	ck_assert_int_eq(get(id)->error_code, ERR_IO);
	ck_assert_str_eq(get(id)->error, "it broke");
	ck_assert_int_ge(get(id)->run_at, get(id)->created_at);
	clock_advance(config.retry_initial_ms);
	queue_tick(queue);
	ck_assert_int_eq(get(id)->state, TASK_READY);
	ck_assert_int_eq(get(id)->error_code, ERR_IO);
	finish(claim(), 0);
	ck_assert_int_eq(get(id)->error_code, 0);
	ck_assert_ptr_null(get(id)->error);
}
END_TEST

START_TEST(a_task_that_kills_its_workers_is_given_up)
{
	int64_t id = put((struct task_spec){.max_attempts = 100});

	for (int i = 0; i < config.max_crashes; i++) {
		finish(claim(), ERR_CRASH);
		clock_advance(config.retry_max_ms);
		queue_tick(queue);
	}
	ck_assert_int_eq(get(id)->state, TASK_FAILED);
}
END_TEST

START_TEST(a_stale_fence_changes_nothing)
{
	int64_t id = put((struct task_spec){0});
	struct task *first = claim(), *second;

	finish(first, ERR_IO);
	clock_advance(config.retry_max_ms);
	queue_tick(queue);
	second = claim();
	ck_assert_int_eq(finish(first, 0), ERR_STALE);
	ck_assert_int_eq(queue_progress(queue, id, first->fence, 1, 2, 0, 0, ""), ERR_STALE);
	ck_assert_int_eq(queue_checkpoint(queue, id, first->fence, "{}", NULL, NULL), ERR_STALE);
	ck_assert_int_eq(get(id)->state, TASK_RUNNING);
	ck_assert_int_eq(finish(second, 0), 0);
}
END_TEST

START_TEST(a_waiting_task_is_cancelled_at_once_and_a_running_one_is_asked)
{
	int64_t waiting = put((struct task_spec){0}), running;

	ck_assert_int_eq(queue_cancel(queue, waiting, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(get(waiting)->state, TASK_CANCELLED);
	ck_assert_int_eq(queue_cancel(queue, waiting, NULL, NULL), ERR_CONFLICT);
	ck_assert_int_eq(queue_cancel(queue, 4711, NULL, NULL), ERR_NOTFOUND);
	running = put((struct task_spec){0});
	finish(claim(), 0);
	running = put((struct task_spec){0});
	struct task *task = claim();
	ck_assert_int_eq(queue_cancel(queue, running, on_done, NULL), 0);
	ck_assert_int_eq(cancelled_id, running);
	finish(task, ERR_CRASH);
	ck_assert_int_eq(get(running)->state, TASK_CANCELLED);
}
END_TEST

START_TEST(a_task_that_is_not_started_in_time_expires)
{
	int64_t id = put((struct task_spec){.expires_at = NOW + 100});

	clock_advance(101);
	queue_tick(queue);
	store_flush(store);
	ck_assert_int_eq(get(id)->state, TASK_EXPIRED);
	ck_assert_ptr_null(claim());
}
END_TEST

START_TEST(follow_up_tasks_appear_with_the_success_only)
{
	struct task_spec next = {.kind = "index", .priority = 5};
	struct queue_outcome ok = {.result = "{}", .next = &next, .n_next = 1}, bad = ok;
	struct queue_filter all = {.state = QUEUE_ANY, .limit = 10};
	struct task *task, **tasks;
	const char *cursor;
	size_t n;

	put((struct task_spec){.max_attempts = 2});
	for (int attempt = 0; attempt < 2; attempt++) { /* one that is tried again, and one that is the last */
		task = claim();
		bad.code = ERR_IO;
		ck_assert_int_eq(queue_finish(queue, task->id, task->fence, &bad, NULL, NULL), 0);
		store_flush(store);
		pass(config.retry_max_ms);
	}
	ck_assert_ptr_null(claim());
	close_queue();
	open_queue();
	ck_ok(queue_list(queue, &all, &arena, &tasks, &n, &cursor, &err), &err);
	ck_assert_uint_eq(n, 1);
	put((struct task_spec){0});
	task = claim();
	ck_assert_int_eq(queue_finish(queue, task->id, task->fence, &ok, NULL, NULL), 0);
	ck_assert_ptr_null(claim());
	store_flush(store);
	ck_assert_str_eq(claim()->kind, "index");
}
END_TEST

START_TEST(a_failed_task_runs_again_when_told_to)
{
	int64_t id = put((struct task_spec){0});

	finish(claim(), ERR_INVALID);
	ck_assert_int_eq(queue_retry(queue, id, on_done, NULL), 0);
	store_flush(store);
	finish(claim(), 0);
	ck_assert_int_eq(get(id)->state, TASK_SUCCEEDED);
	ck_assert_int_eq(queue_retry(queue, id, NULL, NULL), ERR_CONFLICT);
}
END_TEST

START_TEST(lists_are_newest_first_filtered_and_paged)
{
	struct queue_filter filter = {.state = -1, .limit = 2};
	const char *cursor = NULL;
	struct task **tasks;
	size_t n, seen = 0;
	int64_t last = INT64_MAX;

	for (int i = 0; i < 5; i++)
		put((struct task_spec){.dataset = i % 2 ? "odd" : "even", .labels = "{\"team\":\"a\"}"});
	do {
		filter.cursor = cursor;
		ck_ok(queue_list(queue, &filter, &arena, &tasks, &n, &cursor, &err), &err);
		for (size_t i = 0; i < n; i++, seen++) {
			ck_assert_int_lt(tasks[i]->id, last);
			last = tasks[i]->id;
		}
		put((struct task_spec){.dataset = "later"});
	} while (cursor);
	ck_assert_uint_eq(seen, 5);
	filter = (struct queue_filter){.state = TASK_READY,
	                               .dataset = "odd",
	                               .label_key = "team",
	                               .label_value = "a",
	                               .limit = 100};
	ck_ok(queue_list(queue, &filter, &arena, &tasks, &n, &cursor, &err), &err);
	ck_assert_uint_eq(n, 2);
	filter.label_value = "b";
	ck_ok(queue_list(queue, &filter, &arena, &tasks, &n, &cursor, &err), &err);
	ck_assert_uint_eq(n, 0);
	filter.cursor = "c_nonsense";
	ck_assert_int_eq(queue_list(queue, &filter, &arena, &tasks, &n, &cursor, &err), ERR_INVALID);
}
END_TEST

START_TEST(a_full_queue_refuses)
{
	config.max_depth = 2;
	close_queue();
	open_queue();
	put((struct task_spec){0});
	put((struct task_spec){0});
	ck_assert_int_eq(queue_put(queue, &(struct task_spec){.kind = "test"}, 1, QUEUE_ATOMIC, on_put, NULL, &err),
	                 ERR_LIMIT);
	finish(claim(), 0);
	ck_assert_int_gt(put((struct task_spec){0}), 0);
}
END_TEST

START_TEST(ended_tasks_are_forgotten_after_their_time)
{
	int64_t id = put((struct task_spec){0});
	struct task *task;

	finish(claim(), 0);
	clock_advance(config.retention_ms + 1000);
	queue_tick(queue);
	store_flush(store);
	ck_assert_int_eq(queue_get(queue, id, &arena, &task, &err), ERR_NOTFOUND);
}
END_TEST

START_TEST(a_cancelled_task_does_not_run_when_its_time_comes_before_the_fsync)
{
	int64_t id = put((struct task_spec){.run_at = NOW + 100});

	ck_assert_int_eq(queue_cancel(queue, id, on_done, NULL), 0);
	clock_advance(101);
	queue_tick(queue);
	ck_assert_ptr_null(claim());
	ck_assert_int_eq(get(id)->state, TASK_CANCELLED);
}
END_TEST

START_TEST(a_task_is_not_started_after_its_end_although_no_tick_came)
{
	int64_t id = put((struct task_spec){.expires_at = NOW + 100});

	clock_advance(101);
	ck_assert_ptr_null(claim());
	ck_assert_int_eq(get(id)->state, TASK_EXPIRED);
}
END_TEST

START_TEST(a_task_that_was_started_in_time_does_not_expire_any_more)
{
	int64_t again = put((struct task_spec){.expires_at = NOW + 100}),
		lost = put((struct task_spec){.expires_at = NOW + 100});

	finish(claim(), ERR_IO);
	ck_assert_int_eq(claim()->id, lost);
	clock_advance(config.retry_max_ms);
	queue_tick(queue);
	ck_assert_int_eq(get(again)->state, TASK_READY);
	close_queue();
	open_queue();
	queue_tick(queue);
	store_flush(store);
	ck_assert_int_eq(get(again)->state, TASK_READY);
	ck_assert_int_eq(get(lost)->state, TASK_READY);
}
END_TEST

START_TEST(an_expired_task_that_is_tried_again_has_no_end_any_more)
{
	int64_t id = put((struct task_spec){.expires_at = NOW + 100});

	clock_advance(101);
	queue_tick(queue);
	store_flush(store);
	ck_assert_int_eq(queue_retry(queue, id, on_done, NULL), 0);
	close_queue();
	open_queue();
	queue_tick(queue);
	store_flush(store);
	ck_assert_int_eq(get(id)->state, TASK_READY);
	ck_assert_int_eq(claim()->id, id);
}
END_TEST

START_TEST(each_state_is_told_once_although_claim_and_finish_share_a_commit)
{
	struct queue_outcome ok = {.result = "{}"};
	struct task *task;

	put((struct task_spec){0});
	ck_ok(queue_claim(queue, &by_w, &arena, &task, &err), &err);
	ck_assert_int_eq(queue_finish(queue, task->id, task->fence, &ok, NULL, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(n_events, 3);
	ck_assert_str_eq(events[0], "ready");
	ck_assert_str_eq(events[1], "running");
	ck_assert_str_eq(events[2], "succeeded");
}
END_TEST

START_TEST(what_was_claimed_lives_in_the_arena)
{
	struct task *task;

	put((struct task_spec){0});
	task = claim();
	ck_assert_int_eq(queue_progress(queue, task->id, task->fence, 1, 2, 3, 4, "half"), 0);
	task = get(task->id);
	finish(task, 0);
	ck_assert_str_eq(task->worker, "w");
	ck_assert_str_eq(task->progress_note, "half");
}
END_TEST

START_TEST(what_is_on_its_way_counts_for_the_depth)
{
	struct task_spec spec = {.kind = "test"};

	config.max_depth = 1;
	close_queue();
	open_queue();
	ck_ok(queue_put(queue, &spec, 1, QUEUE_ATOMIC, on_put, NULL, &err), &err);
	ck_assert_int_eq(queue_put(queue, &spec, 1, QUEUE_ATOMIC, on_put, NULL, &err), ERR_LIMIT);
	store_flush(store);
	finish(claim(), 0);
	ck_assert_int_gt(put(spec), 0);
}
END_TEST

START_TEST(forgetting_goes_on_until_all_that_is_old_is_gone)
{
	static struct task_spec many[1200];
	struct queue_filter filter = {.state = -1, .limit = 1};
	const char *cursor;
	struct task **tasks;
	size_t n;

	for (size_t i = 0; i < 1200; i++)
		many[i].kind = "test";
	ck_ok(queue_put(queue, many, 1200, QUEUE_ATOMIC, on_put, NULL, &err), &err);
	store_flush(store);
	for (int i = 0; i < 1200; i++) {
		struct task *task;
		struct queue_outcome ok = {.result = "{}"};

		ck_ok(queue_claim(queue, &by_w, &arena, &task, &err), &err);
		ck_assert_int_eq(queue_finish(queue, task->id, task->fence, &ok, NULL, NULL), 0);
	}
	store_flush(store);
	clock_advance(config.retention_ms + 1000);
	for (int i = 0; i < 10 && queue_due_in(queue) == 0; i++) {
		queue_tick(queue);
		store_flush(store);
	}
	ck_ok(queue_list(queue, &filter, &arena, &tasks, &n, &cursor, &err), &err);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_gt(queue_due_in(queue), 0);
}
END_TEST

/* ---- a disk that fails --------------------------------------------------------------------- */

START_TEST(a_queue_whose_store_is_read_only_answers_and_rests)
{
	struct task_spec spec = {.kind = "test"};
	int64_t id, late;

	close_queue();
	fakedisk_start();
	open_queue();
	id = put(spec);
	late = put((struct task_spec){.expires_at = NOW + 100});
	fakedisk_fail_syncs();
	ck_assert_int_eq(put(spec), ERR_READONLY);
	ck_assert_int_eq(queue_put(queue, &spec, 1, QUEUE_ATOMIC, on_put, NULL, &err), ERR_READONLY);
	ck_assert_ptr_null(claim());
	clock_advance(1000000);
	queue_tick(queue);
	store_flush(store);
	ck_assert_int_gt(queue_due_in(queue), 0);
	ck_assert_int_eq(get(id)->state, TASK_READY);
	fakedisk_heal();
	close_queue();
	open_queue();
	ck_assert_int_eq(claim()->id, id);
	ck_assert_int_eq(get(late)->state, TASK_READY);
}
END_TEST

static void queue_cases(Suite *suite)
{
	TCase *c = tcase_create("queue");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_task_is_put_claimed_and_finished_with_its_result);
	tcase_add_test(c, urgent_tasks_come_first_and_equals_in_order);
	tcase_add_test(c, an_old_task_of_low_priority_is_not_passed_for_ever);
	tcase_add_test(c, a_delayed_task_waits_for_its_time);
	tcase_add_test(c, a_clock_that_is_set_is_noticed_while_a_task_waits_for_its_time);
	tcase_add_test(c, a_transient_failure_is_tried_again_and_a_permanent_one_is_not);
	tcase_add_test(c, a_task_that_waits_for_its_next_attempt_says_why_and_until_when);
	tcase_add_test(c, a_task_that_kills_its_workers_is_given_up);
	tcase_add_test(c, a_stale_fence_changes_nothing);
	tcase_add_test(c, a_waiting_task_is_cancelled_at_once_and_a_running_one_is_asked);
	tcase_add_test(c, a_task_that_is_not_started_in_time_expires);
	tcase_add_test(c, follow_up_tasks_appear_with_the_success_only);
	tcase_add_test(c, a_failed_task_runs_again_when_told_to);
	tcase_add_test(c, lists_are_newest_first_filtered_and_paged);
	tcase_add_test(c, a_full_queue_refuses);
	tcase_add_test(c, ended_tasks_are_forgotten_after_their_time);
	tcase_add_test(c, a_cancelled_task_does_not_run_when_its_time_comes_before_the_fsync);
	tcase_add_test(c, a_task_is_not_started_after_its_end_although_no_tick_came);
	tcase_add_test(c, a_task_that_was_started_in_time_does_not_expire_any_more);
	tcase_add_test(c, an_expired_task_that_is_tried_again_has_no_end_any_more);
	tcase_add_test(c, each_state_is_told_once_although_claim_and_finish_share_a_commit);
	tcase_add_test(c, what_was_claimed_lives_in_the_arena);
	tcase_add_test(c, what_is_on_its_way_counts_for_the_depth);
	tcase_add_test(c, forgetting_goes_on_until_all_that_is_old_is_gone);
	tcase_add_test(c, a_queue_whose_store_is_read_only_answers_and_rests);
	suite_add_tcase(suite, c);
}

TEST_MAIN("queue", queue_cases)
