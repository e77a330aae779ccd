/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that start while their put is on its way: what is done then is seen when the put is durable, or never was. */
#include <sched.h>
#include <string.h>

#include "lib/fakedisk.h"
#include "queue/rig.h"

static int asked, says_yes, n_done, done_codes[8];

static int may_start(void *ctx, const struct task *task)
{
	ck_assert_ptr_eq(ctx, &asked);
	ck_assert_str_eq(task->kind, "test");
	asked++;
	return says_yes;
}

static struct queue_claim_ask early_ask(void)
{
	return (struct queue_claim_ask){.worker = "w", .may_start = may_start, .ctx = &asked};
}

/* Claims without letting anything become durable. */
static struct task *claim_early(void)
{
	struct queue_claim_ask ask = early_ask();
	struct task *task;

	ck_ok(queue_claim(queue, &ask, &arena, &task, &err), &err);
	return task;
}

static void begin_put(struct task_spec spec, int flags)
{
	if (!spec.kind)
		spec.kind = "test";
	last_code = -1;
	ck_ok(queue_put(queue, &spec, 1, QUEUE_ATOMIC | flags, on_put, NULL, &err), &err);
}

static struct task *start_early(struct task_spec spec)
{
	struct task *task;

	begin_put(spec, 0);
	task = claim_early();
	ck_assert_ptr_nonnull(task);
	return task;
}

static void on_end(void *ctx, int r, const struct err *e)
{
	(void)ctx;
	(void)e;
	done_codes[n_done++] = r;
}

static int end(const struct task *task, int code)
{
	struct queue_outcome outcome = {.code = code,
	                                .result = code ? NULL : "{\"n\":1}",
	                                .error = code ? "it broke" : NULL};

	return queue_finish(queue, task->id, task->fence, &outcome, on_end, NULL);
}

static int64_t count_of(enum task_state state)
{
	int64_t counts[TASK_STATES];

	queue_counts(queue, counts);
	return counts[state];
}

static int64_t commits(void)
{
	store_flush(store); /* a start has things to write */
	for (const struct metric *m = store_metrics(store); m->name; m++)
		if (!strcmp(m->name, "orasi_store_commits_total"))
			return *m->value;
	return -1;
}

static int is_known(int64_t id)
{
	struct task *task;

	return !queue_get(queue, id, &arena, &task, NULL);
}

static void set_up_early(void)
{
	set_up();
	store_gather(store, 1); /* nothing is durable before the test says so */
	asked = n_done = 0;
	says_yes = 1;
}

/* ---- what is seen --------------------------------------------------------------------------------- */

START_TEST(a_task_starts_before_it_is_durable_and_is_seen_when_it_is)
{
	struct task *task = start_early((struct task_spec){.body = "{\"x\":1}", .labels = "{\"team\":\"a\"}"});

	ck_assert_str_eq(task->body, "{\"x\":1}");
	ck_assert_int_eq(task->attempt, 1);
	ck_assert_int_gt(task->fence, 0);
	ck_assert_int_eq(last_code, -1); /* nobody has been answered */
	ck_assert_int_eq(n_events, 0);
	ck_assert_int_eq(count_of(TASK_RUNNING), 0);
	ck_assert_int_eq(queue_progress(queue, task->id, task->fence, 1, 2, 0, 0, "half"), 0);
	ck_assert_int_eq(queue_cancel(queue, task->id, on_end, NULL), ERR_NOTFOUND);
	ck_assert_int_eq(n_events, 0);
	store_flush(store);
	ck_assert_int_eq(last_code, 0);
	ck_assert_int_eq(last_id, task->id);
	ck_assert_int_eq(get(task->id)->state, TASK_RUNNING);
	ck_assert_int_eq(get(task->id)->progress_done, 1);
	ck_assert_int_eq(count_of(TASK_RUNNING), 1);
	ck_assert_int_eq(finish(task, 0), 0);
	ck_assert_int_eq(get(task->id)->state, TASK_SUCCEEDED);
	ck_assert_int_eq(get(task->id)->attempt, 1);
	ck_assert_int_eq(n_events, 3);
	ck_assert_str_eq(events[0], "ready");
	ck_assert_str_eq(events[1], "running");
	ck_assert_str_eq(events[2], "succeeded");
	ck_assert_ptr_null(claim());
}
END_TEST

START_TEST(its_end_may_come_before_it_is_durable)
{
	struct task *task = start_early((struct task_spec){0});

	ck_assert_int_eq(end(task, 0), 0);
	ck_assert_int_eq(end(task, 0), ERR_STALE); /* one end is enough */
	ck_assert_int_eq(n_done, 0);
	store_flush(store);
	ck_assert_int_eq(n_done, 1);
	ck_assert_int_eq(done_codes[0], 0);
	ck_assert_int_eq(get(task->id)->state, TASK_SUCCEEDED);
	ck_assert_str_eq(get(task->id)->result, "{\"n\":1}");
	ck_assert_int_eq(count_of(TASK_RUNNING), 0);
	ck_assert_str_eq(events[2], "succeeded");
}
END_TEST

START_TEST(one_that_fails_early_is_tried_again)
{
	struct task *task = start_early((struct task_spec){.max_attempts = 2});

	ck_assert_int_eq(end(task, ERR_CRASH), 0);
	store_flush(store);
	ck_assert_int_eq(get(task->id)->state, TASK_SCHEDULED);
	ck_assert_int_eq(get(task->id)->attempt, 1);
	pass(config.retry_initial_ms + 1);
	task = claim();
	ck_assert_int_eq(task->attempt, 2);
	ck_assert_int_eq(finish(task, 0), 0);
	ck_assert_int_eq(get(task->id)->state, TASK_SUCCEEDED);
}
END_TEST

START_TEST(a_restart_gives_out_anew_what_ran_early)
{
	struct task *task = start_early((struct task_spec){0});
	int64_t id = task->id;

	close_queue();
	open_queue();
	task = claim();
	ck_assert_int_eq(task->id, id);
	ck_assert_int_eq(task->attempt, 2); /* the claim was written when the store was closed in order */
}
END_TEST

START_TEST(its_timeout_counts_from_its_beginning)
{
	struct task *task = start_early((struct task_spec){.timeout_ms = 100});

	cancelled_id = 0;
	clock_advance(101);
	queue_tick(queue);
	ck_assert_int_eq(cancelled_id, task->id);
	ck_assert_int_eq(stop_code, ERR_TIMEOUT);
	ck_assert_int_eq(end(task, ERR_TIMEOUT), 0);
	store_flush(store);
	ck_assert_int_eq(get(task->id)->error_code, ERR_TIMEOUT);
}
END_TEST

/* ---- how often the disk is asked ------------------------------------------------------------------- */

START_TEST(put_and_end_are_one_commit_when_only_the_end_is_awaited)
{
	int64_t before = commits();
	struct task *task;

	begin_put((struct task_spec){0}, QUEUE_END_IS_AWAITED);
	task = claim_early();
	store_give(store); /* the loop sleeps, and the put waits */
	ck_assert(queue_is_due_soon(queue));
	ck_assert_int_eq(end(task, 0), 0);
	store_give(store);
	store_flush(store);
	ck_assert_int_eq(commits(), before + 1);
	ck_assert_int_eq(get(task->id)->state, TASK_SUCCEEDED);
	ck_assert(!queue_is_due_soon(queue));
}
END_TEST

START_TEST(a_put_does_not_wait_long_for_the_end)
{
	struct task *task;

	begin_put((struct task_spec){0}, QUEUE_END_IS_AWAITED);
	task = claim_early();
	store_give(store);
	store_drain(store);
	ck_assert_int_eq(last_code, -1);
	ck_assert_int_le(queue_due_in(queue), 10);
	clock_advance(10);
	queue_tick(queue);
	while (last_code == -1) {
		sched_yield();
		store_drain(store);
	}
	ck_assert_int_eq(get(task->id)->state, TASK_RUNNING);
	ck_assert(!queue_is_due_soon(queue));
}
END_TEST

START_TEST(a_put_that_waits_goes_with_the_next_write)
{
	struct task *task;

	begin_put((struct task_spec){0}, QUEUE_END_IS_AWAITED);
	task = claim_early();
	store_give(store);
	begin_put((struct task_spec){.queue = "other"}, 0);
	store_give(store);
	while (last_code == -1) {
		sched_yield();
		store_drain(store);
	}
	ck_assert_int_eq(get(task->id)->state, TASK_RUNNING);
}
END_TEST

/* ---- who may -------------------------------------------------------------------------------------- */

static void is_not_started(struct task_spec spec)
{
	asked = 0;
	begin_put(spec, 0);
	ck_assert_ptr_null(claim_early());
	ck_assert_int_eq(asked, 0);
	store_flush(store);
}

START_TEST(only_tasks_about_which_nothing_is_to_be_decided_start_early)
{
	int64_t first = put((struct task_spec){.run_at = NOW + 1000}), deps[] = {first};

	is_not_started((struct task_spec){.unique_key = "k", .run_at = NOW + 1000});
	is_not_started((struct task_spec){.idempotency_key = "k", .run_at = NOW + 1000});
	is_not_started((struct task_spec){.depends_on = deps, .n_depends_on = 1});
	is_not_started((struct task_spec){.run_at = NOW + 1});
	is_not_started((struct task_spec){.concurrency_key = "k", .run_at = NOW + 1000});
	is_not_started((struct task_spec){.rate_key = "k", .run_at = NOW + 1000});
	is_not_started((struct task_spec){.slots = 2, .run_at = NOW + 1000});
}
END_TEST

START_TEST(the_keys_alone_hold_it_back)
{
	asked = 0;
	begin_put((struct task_spec){.unique_key = "k"}, 0);
	begin_put((struct task_spec){.idempotency_key = "k"}, 0);
	begin_put((struct task_spec){.concurrency_key = "k"}, 0);
	begin_put((struct task_spec){.expires_at = NOW + 1000}, 0);
	ck_assert_ptr_null(claim_early());
	ck_assert_int_eq(asked, 0);
	store_flush(store);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(finish(claim(), 0), 0);
}
END_TEST

START_TEST(a_queue_that_is_held_back_starts_nothing_early)
{
	struct queue_settings paused = settings_of("paused"), limited = settings_of("limited"),
			      rated = settings_of("rated");

	paused.paused = 1;
	limited.max_running = 1;
	rated.rate = 1;
	rated.rate_period_ms = 1000;
	configure("paused", paused);
	configure("limited", limited);
	configure("rated", rated);
	begin_put((struct task_spec){.queue = "paused"}, 0);
	begin_put((struct task_spec){.queue = "limited"}, 0);
	begin_put((struct task_spec){.queue = "rated"}, 0);
	ck_assert_ptr_null(claim_early());
	ck_assert_int_eq(asked, 0);
	store_flush(store);
}
END_TEST

START_TEST(a_queue_that_is_paused_meanwhile_starts_nothing_early)
{
	struct queue_settings settings = settings_of("later");

	begin_put((struct task_spec){.queue = "later"}, 0);
	settings.paused = 1;
	configure("later", settings); /* flushes, so that the put is durable: it is offered no more */
	begin_put((struct task_spec){.queue = "later"}, 0);
	ck_assert_ptr_null(claim_early());
	store_flush(store);
}
END_TEST

START_TEST(nobody_is_passed)
{
	int64_t first = put((struct task_spec){.priority = 9}), urgent;
	struct task *task;

	begin_put((struct task_spec){.priority = 5}, 0);
	ck_assert_int_eq(claim_early()->id, first);
	begin_put((struct task_spec){.priority = 0}, 0);
	urgent = (task = claim_early())->id;
	ck_assert_int_eq(task->priority, 0);
	ck_assert_int_eq((task = claim_early())->priority, 5);
	ck_assert_int_gt(urgent, task->id);
	store_flush(store);
}
END_TEST

START_TEST(one_that_is_refused_by_who_asks_starts_when_it_is_durable)
{
	says_yes = 0;
	begin_put((struct task_spec){0}, 0);
	ck_assert_ptr_null(claim_early());
	ck_assert_ptr_null(claim_early());
	ck_assert_int_eq(asked, 1);
	store_flush(store);
	ck_assert_int_eq(finish(claim(), 0), 0);
}
END_TEST

START_TEST(a_crowd_waits_for_the_disk)
{
	for (int i = 0; i < 50; i++)
		begin_put((struct task_spec){0}, 0);
	ck_assert_ptr_null(claim_early());
	store_flush(store);
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(finish(claim(), 0), 0);
}
END_TEST

/* ---- puts that are refused ------------------------------------------------------------------------ */

/* Nothing reaches it before the test says so. */
static void on_fake_disk(void)
{
	close_queue();
	fakedisk_start();
	open_queue();
	store_gather(store, 1);
}

static void wait_for_refusal(void)
{
	store_gather(store, 0);
	while (last_code == -1) {
		sched_yield();
		store_drain(store);
	}
}

START_TEST(a_full_disk_takes_back_what_ran_early)
{
	struct task *runs, *ended;
	int64_t id;

	on_fake_disk();
	ended = start_early((struct task_spec){.body = "{\"n\":1}"});
	ck_assert_int_eq(end(ended, 0), 0);
	runs = start_early((struct task_spec){.body = "{\"n\":2}"});
	ck_assert_int_eq(queue_checkpoint(queue, runs->id, runs->fence, "{\"at\":1}", on_end, NULL), 0);
	cancelled_id = 0;
	fakedisk_fill();
	wait_for_refusal();
	store_drain(store);
	ck_assert_int_eq(last_code, ERR_NOSPACE);
	ck_assert_int_eq(cancelled_id, runs->id);
	ck_assert_int_eq(stop_code, ERR_CANCELLED);
	ck_assert_int_eq(end(runs, 0), ERR_STALE);
	fakedisk_heal();
	store_flush(store);
	ck_assert_int_eq(n_done, 2); /* what was to become true of them has not */
	ck_assert_int_eq(done_codes[0], ERR_STALE);
	ck_assert_int_eq(done_codes[1], ERR_STALE);
	ck_assert(!is_known(ended->id));
	ck_assert(!is_known(runs->id));
	ck_assert_int_eq(count_of(TASK_RUNNING), 0);
	ck_assert_int_eq(count_of(TASK_SUCCEEDED), 0);
	ck_assert_int_eq(n_events, 0);
	id = put((struct task_spec){.body = "{\"n\":3}"});
	ck_assert_int_eq(finish(claim(), 0), 0);
	ck_assert_int_eq(get(id)->state, TASK_SUCCEEDED);
}
END_TEST

START_TEST(a_retry_of_what_was_never_accepted_comes_to_nothing)
{
	struct task *task;

	on_fake_disk();
	task = start_early((struct task_spec){0});
	ck_assert_int_eq(end(task, ERR_IO), 0);
	fakedisk_fill();
	wait_for_refusal();
	fakedisk_heal();
	store_flush(store);
	ck_assert_int_eq(n_done, 1);
	ck_assert_int_eq(done_codes[0], ERR_STALE);
	ck_assert(!is_known(task->id));
	ck_assert_ptr_null(claim());
}
END_TEST

START_TEST(nothing_starts_early_while_the_disk_is_full)
{
	on_fake_disk();
	begin_put((struct task_spec){0}, 0);
	fakedisk_fill();
	wait_for_refusal();
	ck_assert(store_is_full(store));
	begin_put((struct task_spec){0}, 0);
	ck_assert_ptr_null(claim_early());
	fakedisk_heal();
	store_flush(store);
}
END_TEST

START_TEST(a_failed_sync_takes_back_what_ran_early)
{
	struct task *runs, *ended;

	on_fake_disk();
	ended = start_early((struct task_spec){0});
	ck_assert_int_eq(end(ended, 0), 0);
	runs = start_early((struct task_spec){0});
	cancelled_id = 0;
	fakedisk_fail_syncs();
	store_flush(store);
	ck_assert_int_eq(last_code, ERR_READONLY);
	ck_assert_int_eq(cancelled_id, runs->id);
	ck_assert_int_eq(done_codes[0], ERR_READONLY);
	ck_assert_int_eq(end(runs, 0), ERR_STALE);
	ck_assert_int_eq(n_events, 0);
	ck_assert_int_eq(count_of(TASK_RUNNING), 0);
	fakedisk_heal();
	store_close(store);
	queue_close(queue);
	open_queue();
}
END_TEST

START_TEST(the_agent_may_end_while_it_runs_early)
{
	int64_t id;

	store_flush(store); /* a start has things to write */
	id = start_early((struct task_spec){0})->id;
	store_close(store); /* tells no more */
	queue_close(queue);
	open_queue();
	ck_assert_int_eq(get(id)->state, TASK_READY);
	ck_assert_int_eq(claim()->attempt, 1);
}
END_TEST

static void early_cases(Suite *suite)
{
	TCase *c = tcase_create("early");

	tcase_add_checked_fixture(c, set_up_early, tear_down);
	tcase_add_test(c, a_task_starts_before_it_is_durable_and_is_seen_when_it_is);
	tcase_add_test(c, its_end_may_come_before_it_is_durable);
	tcase_add_test(c, one_that_fails_early_is_tried_again);
	tcase_add_test(c, a_restart_gives_out_anew_what_ran_early);
	tcase_add_test(c, its_timeout_counts_from_its_beginning);
	tcase_add_test(c, put_and_end_are_one_commit_when_only_the_end_is_awaited);
	tcase_add_test(c, a_put_does_not_wait_long_for_the_end);
	tcase_add_test(c, a_put_that_waits_goes_with_the_next_write);
	tcase_add_test(c, only_tasks_about_which_nothing_is_to_be_decided_start_early);
	tcase_add_test(c, the_keys_alone_hold_it_back);
	tcase_add_test(c, a_queue_that_is_held_back_starts_nothing_early);
	tcase_add_test(c, a_queue_that_is_paused_meanwhile_starts_nothing_early);
	tcase_add_test(c, nobody_is_passed);
	tcase_add_test(c, one_that_is_refused_by_who_asks_starts_when_it_is_durable);
	tcase_add_test(c, a_crowd_waits_for_the_disk);
	tcase_add_test(c, a_full_disk_takes_back_what_ran_early);
	tcase_add_test(c, a_retry_of_what_was_never_accepted_comes_to_nothing);
	tcase_add_test(c, nothing_starts_early_while_the_disk_is_full);
	tcase_add_test(c, a_failed_sync_takes_back_what_ran_early);
	tcase_add_test(c, the_agent_may_end_while_it_runs_early);
	suite_add_tcase(suite, c);
}

TEST_MAIN("queue-early", early_cases)
