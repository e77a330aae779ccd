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

START_TEST(the_same_idempotency_key_gives_the_first_task_again)
{
	int64_t id = put((struct task_spec){.body = "{}", .idempotency_key = "k"});

	ck_assert_int_eq(put((struct task_spec){.body = "{}", .idempotency_key = "k"}), id);
	ck_assert_int_eq(put_existed, 1);
	ck_assert_int_eq(put((struct task_spec){.body = "{\"other\":1}", .idempotency_key = "k"}), ERR_CONFLICT);
	claim();
	ck_assert_ptr_null(claim());
}
END_TEST

START_TEST(an_idempotency_key_is_of_all_that_was_asked_for)
{
	struct task_spec spec = {.body = "{}", .idempotency_key = "k", .trace = "00-1-1-00", .priority = 5};
	int64_t id = put(spec);

	spec.trace = "00-2-2-00"; /* of the repeated request itself */
	ck_assert_int_eq(put(spec), id);
	spec.priority = 3;
	ck_assert_int_eq(put(spec), ERR_CONFLICT);
	spec.priority = 5;
	spec.tenant = "other";
	ck_assert_int_gt(put(spec), id);
}
END_TEST

START_TEST(an_idempotency_key_whose_task_is_kept_no_more_runs_nothing_again)
{
	struct task_spec spec = {.body = "{}", .idempotency_key = "k"};
	char id[ID_LEN];

	id_format('t', put(spec), id);
	ck_assert_int_eq(finish(claim(), 0), 0);
	ck_assert_int_eq(queue_delete(queue, last_id, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(put(spec), ERR_GONE);
	ck_assert_ptr_nonnull(strstr(err.text, id));
	ck_assert_ptr_nonnull(strstr(err.text, "use another key"));
	ck_assert_ptr_null(claim());
	pass(25 * 3600 * 1000); /* so long a key is kept */
	ck_assert_int_gt(put(spec), 1);
}
END_TEST

/* ---- idempotency keys of calls with many tasks */

static struct queue_put_result call_results[4];
static size_t call_n;

static void on_call(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *e)
{
	(void)ctx;
	last_code = r;
	if (r)
		err = *e;
	call_n = n;
	if (n)
		memcpy(call_results, results, n * sizeof(*results));
}

static int put_call(int64_t digest, const struct task_spec *specs, size_t n, int flags)
{
	struct queue_call call = {.key = "k", .digest = digest};

	ck_ok(queue_put_call(queue, &call, specs, n, flags, on_call, NULL, &err), &err);
	store_flush(store);
	return last_code;
}

START_TEST(the_key_of_a_call_gives_all_its_tasks_again_or_none)
{
	const struct task_spec specs[] = {{.kind = "t", .body = "5"}, {.kind = "t", .body = "6"}, {.kind = "t"}};
	int64_t first;

	ck_assert_int_eq(put_call(56, specs, 2, QUEUE_ATOMIC), 0);
	first = call_results[0].id;
	ck_assert_int_eq(call_results[1].existed, 0);
	close_queue();
	open_queue();
	ck_assert_int_eq(put_call(56, specs, 2, QUEUE_ATOMIC), 0);
	ck_assert_int_eq(call_results[0].id, first);
	ck_assert_int_eq(call_results[1].id, first + 1);
	ck_assert_int_eq(call_results[1].existed, QUEUE_REPEATED);
	ck_assert_int_eq(put_call(5, specs, 1, QUEUE_ATOMIC), ERR_CONFLICT);
	ck_assert_int_eq(put_call(56, specs, 3, 0), ERR_CONFLICT);
	ck_assert_int_eq(put((struct task_spec){.body = "5", .idempotency_key = "k"}), ERR_CONFLICT);
	ck_assert_int_gt(put((struct task_spec){.body = "5", .idempotency_key = "k#0"}),
	                 first); /* a key like any other */
	ck_assert_int_eq(finish(claim(), 0), 0);
	ck_assert_int_eq(queue_delete(queue, first, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(put_call(56, specs, 2, QUEUE_ATOMIC), ERR_GONE);
	ck_assert_int_eq(put_call(56, specs, 2, 0), 0); /* each for itself */
	ck_assert_int_eq(call_results[0].code, ERR_GONE);
	ck_assert_int_eq(call_results[1].id, first + 1);
}
END_TEST

START_TEST(what_was_refused_in_a_call_is_tried_again_with_its_key)
{
	struct task_spec specs[] = {{.kind = "t", .unique_key = "u", .on_conflict = TASK_CONFLICT_REJECT},
	                            {.kind = "t"}};
	int64_t held = put((struct task_spec){.unique_key = "u"}), second;

	ck_assert_int_eq(put_call(1, specs, 2, 0), 0);
	ck_assert_int_eq(call_results[0].code, ERR_EXISTS);
	second = call_results[1].id;
	ck_assert_int_eq(queue_cancel(queue, held, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(put_call(1, specs, 2, 0), 0);
	ck_assert_int_eq(call_results[0].code, 0);
	ck_assert_int_eq(call_results[0].existed, 0);
	ck_assert_int_eq(call_results[1].id, second);
	held = call_results[0].id;
	ck_assert_int_eq(put_call(1, specs, 2, 0), 0);
	ck_assert_int_eq(call_results[0].id, held);
	ck_assert_int_eq(call_results[0].existed, QUEUE_REPEATED);
}
END_TEST

START_TEST(a_unique_key_is_free_again_when_its_task_has_ended)
{
	int64_t id = put((struct task_spec){.unique_key = "u"});

	ck_assert_int_eq(put((struct task_spec){.unique_key = "u"}), id);
	finish(claim(), 0);
	ck_assert_int_ne(put((struct task_spec){.unique_key = "u"}), id);
}
END_TEST

START_TEST(follow_up_tasks_appear_with_the_success_only)
{
	struct task_spec next = {.kind = "index", .priority = 5};
	struct queue_outcome ok = {.result = "{}", .next = &next, .n_next = 1};
	struct task *task;

	put((struct task_spec){.max_attempts = 1});
	task = claim();
	finish(task, ERR_IO);
	ck_assert_ptr_null(claim());
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

START_TEST(after_a_restart_the_running_is_ready_again_with_its_checkpoint)
{
	int64_t id = put((struct task_spec){0}), waiting = put((struct task_spec){.run_at = NOW + 1000});
	struct task *task = claim();
	struct task_attempt *attempts;
	int64_t fence = task->fence;
	size_t n;

	ck_assert_int_eq(queue_checkpoint(queue, id, fence, "{\"seq\":7}", NULL, NULL), 0);
	close_queue();
	open_queue();
	ck_assert_int_eq(finish(task, 0), ERR_STALE);
	task = claim();
	ck_assert_int_eq(task->id, id);
	ck_assert_int_eq(task->attempt, 2);
	ck_assert_int_gt(task->fence, fence);
	ck_assert_str_eq(task->checkpoint, "{\"seq\":7}");
	ck_ok(queue_attempts(queue, id, &arena, &attempts, &n, &err), &err);
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(attempts[0].outcome, "lost");
	ck_assert_int_eq(get(waiting)->state, TASK_SCHEDULED);
}
END_TEST

static const struct queue_claim_ask by_far = {.worker = "far", .lease_ms = 10000};

static void restart(void)
{
	close_queue();
	open_queue();
	store_flush(store);
}

START_TEST(a_lease_goes_on_when_the_agent_starts_again)
{
	int64_t id = put((struct task_spec){.concurrency_key = "c", .timeout_ms = 60000});
	int64_t other = put((struct task_spec){.concurrency_key = "c"});
	struct task *task = claim_as(by_far);
	struct task_attempt *attempts;
	size_t n;

	pass(9000);
	restart();
	ck_assert_int_eq(get(id)->state, TASK_RUNNING);
	ck_assert_int_eq(get(id)->fence, task->fence);
	ck_assert_str_eq(get(id)->worker, "far");
	ck_assert_int_eq(get(id)->attempt, 1);
	ck_assert_int_eq(get(id)->started_at, NOW);
	ck_assert_ptr_null(claim()); /* it holds the key of the other */
	pass(9000);
	ck_assert_int_eq(queue_heartbeat(queue, id, task->fence + 1, 0), ERR_STALE);
	ck_assert_int_eq(queue_heartbeat(queue, id, task->fence, 0), 0);
	pass(9000);
	restart();
	ck_assert_int_eq(finish(task, 0), 0);
	ck_assert_int_eq(get(id)->state, TASK_SUCCEEDED);
	ck_ok(queue_attempts(queue, id, &arena, &attempts, &n, &err), &err);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(claim()->id, other);
}
END_TEST

START_TEST(a_lease_that_nobody_keeps_behind_a_start_ends)
{
	int64_t id = put((struct task_spec){0});
	struct task *task = claim_as(by_far), *again;
	struct task_attempt *attempts;
	size_t n;

	restart();
	pass(10000);
	ck_assert_int_eq(get(id)->state, TASK_RUNNING); /* its worker must stop now; the grace is for clocks */
	pass(config.lease_grace_ms);
	ck_assert_int_lt(get(id)->state, TASK_RUNNING);
	ck_assert_int_eq(queue_heartbeat(queue, id, task->fence, 0), ERR_STALE);
	ck_assert_int_eq(finish(task, 0), ERR_STALE);
	ck_ok(queue_attempts(queue, id, &arena, &attempts, &n, &err), &err);
	ck_assert_str_eq(attempts[0].outcome, "lost");
	pass(config.retry_max_ms);
	again = claim();
	ck_assert_int_eq(again->attempt, 2);
	ck_assert_int_gt(again->fence, task->fence);
}
END_TEST

START_TEST(a_lease_is_as_long_as_its_worker_was_ever_told)
{
	int64_t id = put((struct task_spec){0});
	struct task *task = claim_as(by_far);

	ck_assert_int_eq(queue_heartbeat(queue, id, task->fence, 50000), 0);
	store_flush(store);
	ck_assert_int_eq(queue_heartbeat(queue, id, task->fence, 5000), 0);
	restart();
	pass(49000);
	ck_assert_int_eq(queue_heartbeat(queue, id, task->fence, 0), 0);
}
END_TEST

START_TEST(the_timeout_of_a_leased_attempt_counts_from_its_beginning)
{
	int64_t id = put((struct task_spec){.timeout_ms = 20000});
	struct task *task = claim_as(by_far);

	pass(9000);
	ck_assert_int_eq(queue_heartbeat(queue, id, task->fence, 60000), 0);
	store_flush(store);
	restart();
	pass(10000);
	ck_assert_int_eq(queue_heartbeat(queue, id, task->fence, 0), 0);
	pass(1001);
	ck_assert_int_eq(queue_heartbeat(queue, id, task->fence, 0), ERR_TIMEOUT);
}
END_TEST

START_TEST(a_cancel_that_was_acknowledged_outlives_the_agent)
{
	int64_t near = put((struct task_spec){0}), far = put((struct task_spec){0});
	struct task *leased;

	claim();
	leased = claim_as(by_far);
	ck_assert_int_eq(queue_cancel(queue, near, on_done, NULL), 0);
	last_code = 1;
	ck_assert_int_eq(queue_cancel(queue, far, on_done, NULL), 0);
	ck_assert_int_eq(last_code, 1); /* not yet */
	store_flush(store);
	ck_assert_int_eq(last_code, 0);
	restart();
	ck_assert_int_eq(get(near)->state, TASK_CANCELLED);
	ck_assert_int_eq(get(far)->state, TASK_RUNNING);
	ck_assert_int_eq(get(far)->cancel_requested, 1);
	ck_assert_int_eq(queue_heartbeat(queue, far, leased->fence, 0), ERR_CANCELLED);
	pass(10000 + config.lease_grace_ms);
	ck_assert_int_eq(get(far)->state, TASK_CANCELLED);
	ck_assert_ptr_null(claim());
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

START_TEST(a_retry_takes_its_unique_key_or_is_refused)
{
	int64_t first = put((struct task_spec){.unique_key = "u"}), second;

	finish(claim(), ERR_INVALID);
	second = put((struct task_spec){.unique_key = "u"});
	ck_assert_int_eq(queue_retry(queue, first, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(last_code, ERR_CONFLICT);
	ck_assert_int_eq(get(first)->state, TASK_FAILED);
	finish(claim(), 0);
	ck_assert_int_eq(get(second)->state, TASK_SUCCEEDED);
	ck_assert_int_eq(queue_retry(queue, first, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(put((struct task_spec){.unique_key = "u"}), first);
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

#define STORY 8

/* What the story was told to be durable: the state of each task, -1 = nothing. */
static struct {
	int64_t id;
	int state;
} told[STORY];

static void told_put(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *e)
{
	int *at = ctx;

	(void)e;
	for (size_t i = 0; i < n && !r; i++) {
		told[*at + (int)i].id = results[i].id;
		told[*at + (int)i].state = TASK_READY;
	}
}

static void told_done(void *ctx, int r, const struct err *e)
{
	(void)e;
	if (!r)
		told[*(int *)ctx].state = TASK_SUCCEEDED;
}

static void told_cancel(void *ctx, int r, const struct err *e)
{
	(void)e;
	if (!r)
		told[*(int *)ctx].state = TASK_CANCELLED;
}

/* Puts three, runs the first with a follow-up, cancels the second; every step may fail. */
static void tell_story(void)
{
	static int at[] = {0, 1, 2, 3};
	struct task_spec specs[] = {{.kind = "a", .unique_key = "u"}, {.kind = "b"}, {.kind = "c"}};
	struct task_spec next = {.kind = "next", .priority = -1};
	struct queue_outcome ok = {.result = "{}", .next = &next, .n_next = 1};
	struct task *task = NULL;

	queue_put(queue, specs, 3, QUEUE_ATOMIC, told_put, &at[0], &err);
	store_flush(store);
	if (!queue_claim(queue, &by_w, &arena, &task, &err) && task) {
		queue_checkpoint(queue, task->id, task->fence, "{\"seq\":1}", NULL, NULL);
		queue_finish(queue, task->id, task->fence, &ok, told_done, &at[0]);
	}
	store_flush(store);
	if (told[1].id)
		queue_cancel(queue, told[1].id, told_cancel, &at[1]);
	store_flush(store);
	queue_put(queue, &(struct task_spec){.kind = "d"}, 1, QUEUE_ATOMIC, told_put, &at[3], &err);
	store_flush(store);
}

/* An end that was told is final; a task that was told may have got further than was told. */
static void check_told(int n)
{
	for (int i = 0; i < STORY; i++) {
		if (!told[i].id)
			continue;
		if (told[i].state == TASK_READY)
			get(told[i].id);
		else
			ck_assert_msg((int)get(told[i].id)->state == told[i].state, "failure %d: task %d lost its end",
			              n, i);
	}
}

START_TEST(whichever_write_fails_what_was_told_is_there_after_the_restart)
{
	int failures = 1;

	close_queue();
	fakedisk_start();
	for (int n = 0; failures; n++) {
		snprintf(path, sizeof(path), "%s/%d.db", test_dir(), n);
		memset(told, 0, sizeof(told));
		fakedisk_fail_after(n);
		if (!try_open())
			tell_story();
		failures = fakedisk_failures();
		fakedisk_heal();
		store_close(store);
		queue_close(queue);
		open_queue();
		ck_ok(queue_check(store, &err), &err);
		check_told(n);
		if (failures)
			close_queue();
	}
	ck_assert_int_eq(told[3].state, TASK_READY);
}
END_TEST

/* ---- older versions ------------------------------------------------------------------------ */

/* A database as the version before had it, with tasks in every state. */
static void make_version_2(void)
{
	static const char rows[] =
		"INSERT INTO task VALUES (1,'k','default',NULL,'{\"a\":1}',NULL,NULL,5,1000,0,0,5,0,NULL);"
		"INSERT INTO task VALUES (2,'k','other',NULL,'{}',NULL,NULL,0,1000,0,0,5,0,'u');"
		"INSERT INTO task VALUES (3,'k','default',NULL,'{}',NULL,NULL,5,1000,0,0,5,0,NULL);"
		"INSERT INTO task VALUES (4,'k','default',NULL,'{}',NULL,NULL,5,1000,0,0,5,0,NULL);"
		"INSERT INTO live VALUES (1,0,0,0),(2,1700000100000,0,0),(3,0,2,1);"
		"INSERT INTO run VALUES (3,7,2,'w',2000);"
		"INSERT INTO done VALUES (4,4,1,'w',2000,1699999999000,NULL,-1,'it broke',NULL);"
		"INSERT INTO attempt VALUES (4,5,1,'w',2000,3000,'failed',-1,'it broke');"
		"INSERT INTO idem VALUES ('i',1,1699999999000);"
		"INSERT INTO uniq VALUES ('u',2);"
		"PRAGMA user_version = 2;";
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), 0);
	for (int step = 0; step < 2; step++)
		ck_assert_int_eq(sqlite3_exec(db, store_schema[step], NULL, NULL, NULL), 0);
	ck_assert_int_eq(sqlite3_exec(db, rows, NULL, NULL, NULL), 0);
	sqlite3_close(db);
}

START_TEST(tasks_of_an_older_version_go_on_where_they_were)
{
	struct task_attempt *attempts;
	size_t n;

	close_queue();
	snprintf(path, sizeof(path), "%s/old.db", test_dir());
	make_version_2();
	open_queue();
	ck_assert_int_eq(get(1)->state, TASK_READY);
	ck_assert_str_eq(get(1)->body, "{\"a\":1}");
	ck_assert_int_eq(get(2)->state, TASK_SCHEDULED);
	ck_assert_int_eq(get(3)->state, TASK_READY);
	ck_assert_int_eq(get(3)->attempt, 2);
	ck_assert_int_eq(get(4)->state, TASK_FAILED);
	ck_ok(queue_attempts(queue, 4, &arena, &attempts, &n, &err), &err);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(put((struct task_spec){.unique_key = "u"}), 2);
	ck_assert_int_eq(put((struct task_spec){.kind = "k", .body = "{\"a\":1}", .idempotency_key = "i"}), 1);
	ck_assert_int_gt(put((struct task_spec){0}), 4);
	ck_assert_int_eq(queue_retry(queue, 4, on_done, NULL), 0);
	store_flush(store);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(finish(claim(), 0), 0);
}
END_TEST

/* ---- kill -9 ------------------------------------------------------------------------------- */

#define KEYS 20000

struct ack {
	int64_t key, id;
	int is_end;
};

static int ack_fd;
static int64_t acked_ids[KEYS];
static char acked_ends[KEYS];

static void acknowledge(int64_t key, int64_t id, int is_end)
{
	struct ack ack = {key, id, is_end};

	if (write(ack_fd, &ack, sizeof(ack)) != sizeof(ack))
		_exit(1);
}

static void ack_put(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *e)
{
	(void)e;
	if (!r && n)
		acknowledge((intptr_t)ctx, results[0].id, 0);
}

static void ack_end(void *ctx, int r, const struct err *e)
{
	(void)e;
	if (!r)
		acknowledge((intptr_t)ctx, 0, 1);
}

static void put_key(int64_t key)
{
	struct task_spec spec = {.kind = "test", .priority = -1};
	char name[32], body[32];

	snprintf(name, sizeof(name), "k%lld", (long long)key);
	snprintf(body, sizeof(body), "%lld", (long long)key);
	spec.idempotency_key = name;
	spec.body = body;
	ck_ok(queue_put(queue, &spec, 1, QUEUE_ATOMIC, ack_put, (void *)(intptr_t)key, &err), &err);
}

/* Ends all that is due, without waiting for a commit between claim and end. */
static void end_due(void)
{
	struct queue_outcome ok = {.result = "{}"};
	struct task *task;

	while (!queue_claim(queue, &by_w, &arena, &task, &err) && task)
		queue_finish(queue, task->id, task->fence, &ok, ack_end,
		             (void *)(intptr_t)strtoll(task->body, NULL, 10));
}

static void work_from(int64_t key)
{
	open_queue();
	for (; key < KEYS; store_flush(store)) {
		clock_advance(10);
		queue_tick(queue); /* what has ended moves on */
		end_due();
		for (int i = 0; i < 5 && key < KEYS; i++)
			put_key(key++);
	}
	_exit(0);
}

static void note(const struct ack *ack)
{
	if (ack->is_end) {
		acked_ends[ack->key] = 1;
		return;
	}
	ck_assert_msg(!acked_ids[ack->key] || acked_ids[ack->key] == ack->id, "a key has two tasks");
	acked_ids[ack->key] = ack->id;
}

static void kill_after(pid_t child, int fd, int acks)
{
	struct ack ack;

	while (read(fd, &ack, sizeof(ack)) == sizeof(ack)) {
		note(&ack);
		if (!acks--)
			kill(child, SIGKILL);
	}
	waitpid(child, NULL, 0);
	close(fd);
}

static int64_t first_unacked(void)
{
	int64_t key = 0;

	while (key < KEYS && acked_ids[key])
		key++;
	return key;
}

static void check_acked(void)
{
	for (int64_t key = 0; key < KEYS; key++)
		if (acked_ids[key])
			ck_assert(!acked_ends[key] || get(acked_ids[key])->state == TASK_SUCCEEDED);
	for (int64_t key = 1; key < KEYS; key++)
		ck_assert(!acked_ids[key] || acked_ids[key] != acked_ids[key - 1]);
}

static int64_t count_tasks(void)
{
	struct queue_filter filter = {.state = -1, .limit = 1000};
	struct task **tasks;
	int64_t all = 0;
	size_t n;

	do {
		ck_ok(queue_list(queue, &filter, &arena, &tasks, &n, &filter.cursor, &err), &err);
		all += (int64_t)n;
	} while (filter.cursor);
	return all;
}

START_TEST(after_120_kills_no_acknowledged_task_is_lost_or_doubled)
{
	int64_t keys;

	close_queue();
	config.archive_after_ms = 10;
	for (int round = 0; round < 120; round++) {
		int pipes[2];
		pid_t child;

		ck_assert_int_eq(pipe(pipes), 0);
		child = fork();
		if (!child) {
			close(pipes[0]);
			ack_fd = pipes[1];
			work_from(first_unacked());
		}
		close(pipes[1]);
		kill_after(child, pipes[0], round % 37);
		open_queue();
		check_acked();
		close_queue();
		arena_done(&arena);
	}
	open_queue();
	keys = first_unacked();
	ck_assert_int_gt(keys, 120);
	ack_fd = open("/dev/null", O_WRONLY);
	for (int64_t key = 0; key < keys; key++)
		put_key(key);
	store_flush(store);
	end_due();
	store_flush(store);
	/* a last put that was durable and not acknowledged may be there */
	ck_assert_int_ge(count_tasks(), keys);
	ck_assert_int_le(count_tasks(), keys + 5);
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
	tcase_add_test(c, a_transient_failure_is_tried_again_and_a_permanent_one_is_not);
	tcase_add_test(c, a_task_that_waits_for_its_next_attempt_says_why_and_until_when);
	tcase_add_test(c, a_task_that_kills_its_workers_is_given_up);
	tcase_add_test(c, a_stale_fence_changes_nothing);
	tcase_add_test(c, a_waiting_task_is_cancelled_at_once_and_a_running_one_is_asked);
	tcase_add_test(c, a_task_that_is_not_started_in_time_expires);
	tcase_add_test(c, the_same_idempotency_key_gives_the_first_task_again);
	tcase_add_test(c, an_idempotency_key_is_of_all_that_was_asked_for);
	tcase_add_test(c, an_idempotency_key_whose_task_is_kept_no_more_runs_nothing_again);
	tcase_add_test(c, the_key_of_a_call_gives_all_its_tasks_again_or_none);
	tcase_add_test(c, what_was_refused_in_a_call_is_tried_again_with_its_key);
	tcase_add_test(c, a_unique_key_is_free_again_when_its_task_has_ended);
	tcase_add_test(c, follow_up_tasks_appear_with_the_success_only);
	tcase_add_test(c, a_failed_task_runs_again_when_told_to);
	tcase_add_test(c, after_a_restart_the_running_is_ready_again_with_its_checkpoint);
	tcase_add_test(c, a_lease_goes_on_when_the_agent_starts_again);
	tcase_add_test(c, a_lease_that_nobody_keeps_behind_a_start_ends);
	tcase_add_test(c, a_lease_is_as_long_as_its_worker_was_ever_told);
	tcase_add_test(c, the_timeout_of_a_leased_attempt_counts_from_its_beginning);
	tcase_add_test(c, a_cancel_that_was_acknowledged_outlives_the_agent);
	tcase_add_test(c, lists_are_newest_first_filtered_and_paged);
	tcase_add_test(c, a_full_queue_refuses);
	tcase_add_test(c, ended_tasks_are_forgotten_after_their_time);
	tcase_add_test(c, a_cancelled_task_does_not_run_when_its_time_comes_before_the_fsync);
	tcase_add_test(c, a_task_is_not_started_after_its_end_although_no_tick_came);
	tcase_add_test(c, a_task_that_was_started_in_time_does_not_expire_any_more);
	tcase_add_test(c, an_expired_task_that_is_tried_again_has_no_end_any_more);
	tcase_add_test(c, a_retry_takes_its_unique_key_or_is_refused);
	tcase_add_test(c, each_state_is_told_once_although_claim_and_finish_share_a_commit);
	tcase_add_test(c, what_was_claimed_lives_in_the_arena);
	tcase_add_test(c, what_is_on_its_way_counts_for_the_depth);
	tcase_add_test(c, forgetting_goes_on_until_all_that_is_old_is_gone);
	tcase_add_test(c, a_queue_whose_store_is_read_only_answers_and_rests);
	tcase_add_test(c, whichever_write_fails_what_was_told_is_there_after_the_restart);
	tcase_add_test(c, tasks_of_an_older_version_go_on_where_they_were);
	tcase_add_test(c, after_120_kills_no_acknowledged_task_is_lost_or_doubled);
	suite_add_tcase(suite, c);
}

TEST_MAIN("queue", queue_cases)
