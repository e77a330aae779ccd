/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs on many tasks at once. */
#include <string.h>

#include "queue/rig.h"

static struct queue_bulk_counts counts;
static int slices, ended;

static void on_slice(void *ctx, const struct queue_bulk_counts *c)
{
	(void)ctx;
	(void)c;
	slices++;
}

static void on_bulk(void *ctx, int r, const struct queue_bulk_counts *c, const struct err *e)
{
	(void)ctx;
	(void)e;
	last_code = r;
	counts = *c;
	ended++;
}

static void bulk(struct queue_bulk_ask ask)
{
	ask.on_slice = on_slice;
	ask.on_done = on_bulk;
	slices = ended = 0;
	ck_ok(queue_bulk(queue, &ask, &err), &err);
	store_flush(store);
	ck_assert_int_eq(ended, 1);
	ck_assert_int_eq(last_code, 0);
}

static void put_many(int n, struct task_spec spec)
{
	static struct task_spec many[1000];

	spec.kind = "test";
	for (int i = 0; i < n; i++)
		many[i] = spec;
	ck_ok(queue_put(queue, many, (size_t)n, QUEUE_ATOMIC, on_put, NULL, &err), &err);
	store_flush(store);
}

static int64_t live(enum task_state state)
{
	int64_t all[TASK_STATES];

	queue_counts(queue, all);
	return all[state];
}

START_TEST(all_that_match_are_cancelled_in_slices_and_no_other)
{
	put_many(1000, (struct task_spec){.queue = "a"});
	put_many(10, (struct task_spec){.queue = "b"});
	bulk((struct queue_bulk_ask){.verb = QUEUE_CANCEL, .filter = {.state = QUEUE_ANY, .queue = "a"}});
	ck_assert_int_eq(counts.matched, 1000);
	ck_assert_int_eq(counts.done, 1000);
	ck_assert_int_ge(slices, 4);
	ck_assert_int_eq(live(TASK_READY), 10);
	ck_assert_int_eq(live(TASK_CANCELLED), 1000);
}
END_TEST

START_TEST(a_dry_run_counts_and_changes_nothing)
{
	put_many(500, (struct task_spec){0});
	bulk((struct queue_bulk_ask){.verb = QUEUE_CANCEL, .filter = {.state = QUEUE_ANY}, .dry_run = 1});
	ck_assert_int_eq(counts.matched, 500);
	ck_assert_int_eq(counts.done, 0);
	ck_assert_int_eq(live(TASK_READY), 500);
}
END_TEST

START_TEST(no_more_than_asked_for_are_touched)
{
	put_many(500, (struct task_spec){0});
	bulk((struct queue_bulk_ask){.verb = QUEUE_CANCEL, .filter = {.state = QUEUE_ANY}, .max = 250});
	ck_assert_int_eq(counts.done, 250);
	ck_assert_int_eq(live(TASK_READY), 250);
}
END_TEST

START_TEST(a_purge_leaves_the_running_alone)
{
	int64_t id;

	put_many(20, (struct task_spec){0});
	id = claim()->id;
	bulk((struct queue_bulk_ask){.verb = QUEUE_CANCEL, .filter = {.state = QUEUE_WAITING, .queue = "default"}});
	ck_assert_int_eq(counts.done, 19);
	ck_assert_int_eq(get(id)->state, TASK_RUNNING);
	ck_assert_int_eq(cancelled_id, 0);
}
END_TEST

START_TEST(the_failed_are_redriven_and_the_ended_deleted)
{
	int64_t failed = put((struct task_spec){0}), fine = put((struct task_spec){0}), waiting;
	struct task *task;

	finish(claim(), ERR_INVALID);
	finish(claim(), 0);
	bulk((struct queue_bulk_ask){.verb = QUEUE_REDRIVE, .filter = {.state = QUEUE_ANY}});
	ck_assert_int_eq(counts.done, 1);
	ck_assert_int_eq(get(failed)->state, TASK_READY);
	finish(claim(), 0);
	waiting = put((struct task_spec){0});
	bulk((struct queue_bulk_ask){.verb = QUEUE_DELETE, .filter = {.state = QUEUE_ANY}});
	ck_assert_int_eq(counts.done, 2);
	ck_assert_int_eq(queue_get(queue, fine, &arena, &task, &err), ERR_NOTFOUND);
	ck_assert_int_eq(get(waiting)->state, TASK_READY);
	ck_assert_int_eq(queue_delete(queue, waiting, NULL, NULL), ERR_CONFLICT);
	ck_assert_int_eq(queue_delete(queue, fine, NULL, NULL), ERR_NOTFOUND);
}
END_TEST

START_TEST(what_others_depend_on_is_not_deleted)
{
	int64_t parent = put((struct task_spec){0}),
		child = put(
			(struct task_spec){.depends_on = &parent, .n_depends_on = 1, .on_dep_failure = TASK_DEP_HOLD});

	finish(claim(), ERR_INVALID);
	bulk((struct queue_bulk_ask){.verb = QUEUE_DELETE, .filter = {.state = TASK_FAILED}});
	ck_assert_int_eq(counts.refused, 1);
	ck_assert_int_eq(get(child)->state, TASK_BLOCKED);
	queue_cancel(queue, child, NULL, NULL);
	store_flush(store);
	bulk((struct queue_bulk_ask){.verb = QUEUE_DELETE, .filter = {.state = QUEUE_UNSUCCESSFUL}});
	ck_assert_int_eq(counts.done, 2);
}
END_TEST

START_TEST(filters_know_sets_of_states)
{
	static const struct {
		int state;
		size_t n;
	} sets[] = {{QUEUE_ANY, 4},      {QUEUE_LIVE, 2},         {QUEUE_WAITING, 1},
	            {QUEUE_ENDED, 2},    {QUEUE_UNSUCCESSFUL, 1}, {TASK_RUNNING, 1},
	            {TASK_SUCCEEDED, 1}, {TASK_FAILED, 1},        {TASK_EXPIRED, 0}};
	struct task **tasks;
	size_t n;

	for (int i = 0; i < 4; i++)
		put((struct task_spec){0});
	finish(claim(), 0);
	finish(claim(), ERR_INVALID);
	claim();
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct queue_filter filter = {.state = sets[i].state, .limit = 10};

		ck_ok(queue_list(queue, &filter, &arena, &tasks, &n, &filter.cursor, &err), &err);
		ck_assert_msg(n == sets[i].n, "set %d has %zu tasks", sets[i].state, n);
	}
}
END_TEST

static void bulk_cases(Suite *suite)
{
	TCase *c = tcase_create("bulk");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, all_that_match_are_cancelled_in_slices_and_no_other);
	tcase_add_test(c, a_dry_run_counts_and_changes_nothing);
	tcase_add_test(c, no_more_than_asked_for_are_touched);
	tcase_add_test(c, a_purge_leaves_the_running_alone);
	tcase_add_test(c, the_failed_are_redriven_and_the_ended_deleted);
	tcase_add_test(c, what_others_depend_on_is_not_deleted);
	tcase_add_test(c, filters_know_sets_of_states);
	suite_add_tcase(suite, c);
}

TEST_MAIN("queue-bulk", bulk_cases)
