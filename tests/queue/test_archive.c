/* SPDX-License-Identifier: Apache-2.0 */
/* Ended tasks move into files by day, and are found, listed, run again, deleted and forgotten there as before. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/archive.h"

/* ---- lists ------------------------------------------------------------------------------------- */

/* The same ids the other way round. */
static const char *turned(const char *ids)
{
	char *copy = arena_str(&arena, ids), *ret = arena_alloc(&arena, strlen(ids) + 2), *space;

	while ((space = strrchr(copy, ' '))) {
		sprintf(ret + strlen(ret), "%s ", space + 1);
		*space = '\0';
	}
	strcat(ret, copy);
	return ret;
}

/* ---- moving ------------------------------------------------------------------------------------- */

START_TEST(an_ended_task_moves_into_the_file_of_its_last_day_and_reads_the_same)
{
	int64_t id = end_one((struct task_spec){.labels = "{\"a\":\"b\"}", .tenant = "t", .body = "{\"x\":1}"}, 0);
	struct task *before = get(id), *after;
	struct task_attempt *attempts;
	size_t n;

	sweep();
	ck_assert_int_eq(in_database(), 0);
	ck_assert_uint_eq(files(), 1);
	ck_assert_int_eq(access(beside("done-20231121.db"), F_OK), 0); /* NOW is the 14th, 7 days are kept */
	after = get(id);
	ck_assert_int_eq(after->state, TASK_SUCCEEDED);
	ck_assert_str_eq(after->result, before->result);
	ck_assert_str_eq(after->body, before->body);
	ck_assert_str_eq(after->labels, before->labels);
	ck_assert_str_eq(after->tenant, before->tenant);
	ck_assert_str_eq(after->worker, before->worker);
	ck_assert_int_eq(after->finished_at, before->finished_at);
	ck_assert_int_eq(after->attempt, before->attempt);
	ck_ok(queue_attempts(queue, id, &arena, &attempts, &n, &err), &err);
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(attempts[0].outcome, "succeeded");
	close_queue();
	open_queue();
	ck_assert_str_eq(get(id)->result, before->result);
	ck_assert_int_gt(put((struct task_spec){0}), id);
}
END_TEST

START_TEST(a_task_that_has_just_ended_or_lives_stays_in_the_database)
{
	int64_t old = end_one((struct task_spec){0}, 0), waits = put((struct task_spec){.run_at = NOW + DAY});
	int64_t recent;

	clock_advance(MINUTE);
	recent = end_one((struct task_spec){0}, 0);
	pass(1);
	ck_assert_int_eq(in_database(), 2);
	ck_assert_int_eq(get(old)->state, TASK_SUCCEEDED);
	ck_assert_int_eq(get(waits)->state, TASK_SCHEDULED);
	ck_assert_int_eq(get(recent)->state, TASK_SUCCEEDED);
}
END_TEST

START_TEST(each_day_has_its_file_and_goes_with_it)
{
	int64_t ids[20];

	for (int i = 0; i < 20; i++)
		ids[i] = end_one((struct task_spec){.retain_ok_ms = (i + 1) * DAY}, 0);
	sweep();
	ck_assert_int_eq(in_database(), 0);
	ck_assert_uint_eq(files(), 20); /* more than are open at a time */
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(get(ids[i])->state, TASK_SUCCEEDED);
	for (int day = 1; day <= 20; day++) {
		clock_advance(DAY - MINUTE);
		sweep();
		for (int i = 0; i < 20; i++)
			ck_assert_int_eq(is_gone(ids[i]), i < day);
	}
	clock_advance(DAY);
	sweep();
	ck_assert_uint_eq(files(), 0);
	ck_assert_int_gt(put((struct task_spec){0}), ids[19]);
}
END_TEST

START_TEST(behind_its_time_a_task_is_gone_although_its_file_is_there)
{
	int64_t id = end_one((struct task_spec){.retain_ok_ms = 3600 * 1000}, 0);

	sweep();
	ck_assert_uint_eq(files(), 1);
	ck_assert_int_eq(is_gone(id), 0);
	clock_advance(3600 * 1000);
	ck_assert_int_eq(is_gone(id), 1);
	ck_assert_str_eq(ids_of((struct queue_filter){.state = QUEUE_ANY}, 10), "");
	ck_assert_uint_eq(files(), 1);
	ck_assert_int_eq(queue_retry(queue, id, on_done, NULL), ERR_NOTFOUND);
	ck_assert_int_eq(queue_delete(queue, id, on_done, NULL), ERR_NOTFOUND);
}
END_TEST

START_TEST(a_list_reads_on_through_all_files)
{
	static const int states[] = {QUEUE_ANY,   QUEUE_ENDED,    QUEUE_UNSUCCESSFUL, TASK_SUCCEEDED,
	                             TASK_FAILED, TASK_CANCELLED, QUEUE_LIVE,         TASK_READY};
	const char *before[8];

	for (int i = 0; i < 60; i++) {
		struct task_spec spec = {.retain_ok_ms = (1 + i % 7) * DAY,
		                         .queue = i % 3 ? "a" : "b",
		                         .labels = i % 5 ? NULL : "{\"five\":\"yes\"}"};

		if (i % 4 == 3)
			ck_assert_int_eq(queue_cancel(queue, put(spec), on_done, NULL), 0);
		else
			end_one(spec, i % 4 ? ERR_INVALID : 0);
		store_flush(store);
	}
	for (int i = 0; i < 10; i++)
		put((struct task_spec){.queue = i % 3 ? "a" : "b"});
	for (size_t i = 0; i < 8; i++)
		before[i] = ids_of((struct queue_filter){.state = states[i], .queue = "a"}, 1000);
	ck_assert_int_gt((int)strlen(before[0]), 60);
	sweep();
	ck_assert_int_eq(in_database(), 10);
	ck_assert_uint_gt(files(), 3);
	for (size_t i = 0; i < 8; i++)
		for (size_t limit = 1; limit < 100; limit += 13)
			ck_assert_str_eq(ids_of((struct queue_filter){.state = states[i], .queue = "a"}, limit),
			                 before[i]);
	for (size_t i = 0; i < 8; i++) {
		struct queue_filter up = {.state = states[i], .queue = "a", .oldest_first = 1};

		for (size_t limit = 1; limit < 100; limit += 13)
			ck_assert_str_eq(ids_of(up, limit), turned(before[i]));
	}
	ck_assert_str_eq(
		ids_of((struct queue_filter){.state = QUEUE_ANY, .label_key = "five", .label_value = "yes"}, 5),
		"56 51 46 41 36 31 26 21 16 11 6 1");
}
END_TEST

/* ---- coming back -------------------------------------------------------------------------------- */

START_TEST(a_task_that_was_moved_runs_again_with_its_history)
{
	int64_t id = end_one((struct task_spec){.body = "{\"n\":7}"}, ERR_INVALID),
		other = end_one((struct task_spec){0}, 0);
	struct task_attempt *attempts;
	struct task *task;
	size_t n;

	sweep();
	ck_assert_int_eq(in_database(), 0);
	ck_assert_int_eq(queue_retry(queue, other, on_done, NULL), ERR_CONFLICT);
	ck_assert_int_eq(queue_retry(queue, id, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(last_code, 0);
	ck_assert_int_eq(queue_retry(queue, id, on_done, NULL), ERR_CONFLICT);
	ck_assert_int_eq(get(id)->state, TASK_READY);
	ck_assert_str_eq(ids_of((struct queue_filter){.state = QUEUE_ANY}, 10), "2 1");
	ck_assert_str_eq(ids_of((struct queue_filter){.state = TASK_FAILED}, 10), "");
	close_queue();
	open_queue();
	task = claim();
	ck_assert_int_eq(task->id, id);
	ck_assert_str_eq(task->body, "{\"n\":7}");
	finish(task, 0);
	sweep();
	sweep();
	ck_assert_int_eq(in_database(), 0);
	ck_assert_int_eq(get(id)->state, TASK_SUCCEEDED);
	ck_ok(queue_attempts(queue, id, &arena, &attempts, &n, &err), &err);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(attempts[0].outcome, "failed");
	ck_assert_str_eq(attempts[1].outcome, "succeeded");
	ck_assert_str_eq(ids_of((struct queue_filter){.state = QUEUE_ANY}, 10), "2 1");
}
END_TEST

/* Its last checkpoint has gone with it: what it says is done is done. */
START_TEST(whoever_did_not_succeed_goes_on_behind_its_checkpoint_when_it_is_redriven)
{
	int64_t id = put((struct task_spec){0});
	struct task *task = claim();

	ck_assert_int_eq(queue_checkpoint(queue, id, task->fence, "{\"seq\":7}", NULL, NULL), 0);
	ck_assert_int_eq(finish(task, ERR_INVALID), 0);
	ck_assert_ptr_null(get(id)->result); /* it has none */
	if (_i)
		sweep();
	ck_assert_int_eq(in_database(), !_i);
	ck_assert_ptr_null(get(id)->result);
	ck_assert_int_eq(queue_retry(queue, id, on_done, NULL), 0);
	store_flush(store);
	if (_i == 2) {
		close_queue();
		open_queue();
	}
	task = claim();
	ck_assert_int_eq(task->id, id);
	ck_assert_str_eq(task->checkpoint, "{\"seq\":7}");
	ck_assert_int_eq(finish(task, 0), 0);
	ck_assert_str_eq(get(id)->result, "{\"n\":1}");
}
END_TEST

START_TEST(a_task_that_was_moved_is_deleted_and_another_stays)
{
	int64_t id = end_one((struct task_spec){0}, 0), other = end_one((struct task_spec){0}, 0);

	sweep();
	ck_assert_int_eq(queue_delete(queue, id, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(last_code, 0);
	ck_assert_int_eq(is_gone(id), 1);
	ck_assert_str_eq(ids_of((struct queue_filter){.state = QUEUE_ANY}, 10), "2");
	close_queue();
	open_queue();
	ck_assert_int_eq(is_gone(id), 1);
	ck_assert_int_eq(queue_retry(queue, id, on_done, NULL), ERR_NOTFOUND);
	sweep();
	ck_assert_int_eq(ask_file(beside("done-20231121.db"), "SELECT count(*) FROM task"), 1);
	ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM gone"), 0);
	ck_assert_int_eq(get(other)->state, TASK_SUCCEEDED);
}
END_TEST

static void count_bulk(void *ctx, int r, const struct queue_bulk_counts *counts, const struct err *e)
{
	(void)e;
	ck_assert_int_eq(r, 0);
	*(struct queue_bulk_counts *)ctx = *counts;
}

START_TEST(a_verb_on_many_reaches_those_that_were_moved)
{
	struct queue_bulk_counts counts = {0};
	struct queue_bulk_ask ask = {.verb = QUEUE_REDRIVE,
	                             .filter = {.state = TASK_FAILED},
	                             .on_done = count_bulk,
	                             .ctx = &counts};

	for (int i = 0; i < 450; i++)
		end_one((struct task_spec){.retain_failed_ms = (1 + i % 3) * DAY}, i % 3 ? ERR_INVALID : 0);
	sweep();
	ck_assert_int_eq(in_database(), 0);
	ck_ok(queue_bulk(queue, &ask, &err), &err);
	store_flush(store);
	ck_assert_int_eq(counts.done, 300);
	ck_assert_int_eq(in_database(), 300);
	ask.verb = QUEUE_DELETE;
	ask.filter.state = TASK_SUCCEEDED;
	ck_ok(queue_bulk(queue, &ask, &err), &err);
	store_flush(store);
	ck_assert_int_eq(counts.done, 150);
	for (int i = 0; i < 300; i++)
		finish(claim(), 0);
	sweep();
	sweep();
	ck_assert_int_eq(in_database(), 0);
	ck_ok(queue_bulk(queue, &ask, &err), &err);
	store_flush(store);
	ck_assert_int_eq(counts.done, 300);
	ck_assert_str_eq(ids_of((struct queue_filter){.state = QUEUE_ANY}, 1000), "");
	sweep();
	ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM gone"), 0);
}
END_TEST

START_TEST(an_idempotency_key_finds_its_task_also_when_it_was_moved)
{
	struct task_spec spec = {.idempotency_key = "k", .body = "{}"};
	int64_t id = end_one(spec, 0);

	sweep();
	ck_assert_int_eq(put(spec), id);
	ck_assert_int_eq(put_existed, 1);
	spec.body = "{\"other\":1}";
	ck_assert_int_eq(put(spec), ERR_CONFLICT);
	clock_advance(DAY + 1);
	sweep();
	ck_assert_int_gt(put(spec), id);
}
END_TEST

START_TEST(what_was_moved_can_be_depended_on)
{
	int64_t fine = end_one((struct task_spec){0}, 0), bad = end_one((struct task_spec){0}, ERR_INVALID);
	struct task_spec on_fine = {.depends_on = &fine, .n_depends_on = 1},
			 on_bad = {.depends_on = &bad, .n_depends_on = 1, .on_dep_failure = TASK_DEP_HOLD};
	int64_t held;

	sweep();
	ck_assert_int_eq(get(put(on_fine))->state, TASK_READY);
	held = put(on_bad);
	ck_assert_int_eq(get(held)->state, TASK_BLOCKED);
	on_bad.on_dep_failure = TASK_DEP_CANCEL;
	ck_assert_int_eq(get(put(on_bad))->state, TASK_CANCELLED);
	finish(claim(), 0);
	clock_advance(9 * DAY);
	sweep();
	ck_assert_int_eq(is_gone(fine), 1);
	ck_assert_int_eq(get(bad)->state, TASK_FAILED); /* as long as somebody waits for it */
	ck_assert_int_eq(queue_retry(queue, bad, on_done, NULL), 0);
	store_flush(store);
	finish(claim(), 0);
	ck_assert_int_eq(get(held)->state, TASK_READY);
}
END_TEST

static void on_batch(void *ctx, int r, int64_t id, int is_repeated, const struct err *e)
{
	(void)is_repeated;
	(void)e;
	ck_assert_int_eq(r, 0);
	*(int64_t *)ctx = id;
}

START_TEST(of_a_batch_that_was_moved_a_member_is_redriven_and_counted_once)
{
	struct task_batch batch;
	int64_t id, number = 0;

	ck_ok(queue_batch_new(queue, &(struct queue_batch_spec){.name = "b"}, on_batch, &number, &err), &err);
	store_flush(store);
	id = end_one((struct task_spec){.batch = number}, ERR_INVALID);
	sweep();
	ck_assert_int_eq(queue_retry(queue, id, on_done, NULL), 0);
	store_flush(store);
	finish(claim(), 0);
	ck_ok(queue_batch_get(queue, number, &arena, &batch, &err), &err);
	ck_assert_int_eq(batch.failed, 0);
	ck_assert_int_eq(batch.succeeded, 1);
}
END_TEST

/* ---- copies ---------------------------------------------------------------------------------------- */

START_TEST(a_copy_is_one_file_with_all_tasks)
{
	char copy[5000];
	int64_t moved = end_one((struct task_spec){0}, 0), deleted = end_one((struct task_spec){0}, 0), again,
		meanwhile;

	snprintf(copy, sizeof(copy), "%s/copied", test_dir());
	mkdir(copy, 0700);
	strcat(copy, "/store.db");
	again = end_one((struct task_spec){0}, ERR_INVALID);
	sweep();
	queue_delete(queue, deleted, on_done, NULL);
	queue_retry(queue, again, on_done, NULL);
	put((struct task_spec){0});
	last_code = 1;
	ck_ok(store_backup(store, copy, on_done, NULL, &err), &err);
	for (int i = 0; i < PATIENCE && last_code == 1; i++) {
		usleep(10000);
		store_drain(store);
	}
	ck_assert_int_eq(last_code, 0);
	meanwhile = put((struct task_spec){0});
	close_queue();
	strcpy(path, copy);
	open_queue();
	ck_assert_uint_eq(files(), 0);
	ck_assert_str_eq(ids_of((struct queue_filter){.state = QUEUE_ANY}, 10), "4 3 1");
	ck_assert_int_eq(get(moved)->state, TASK_SUCCEEDED);
	ck_assert_int_eq(get(again)->state, TASK_READY);
	ck_assert_int_eq(is_gone(deleted), 1);
	sweep();
	ck_assert_uint_eq(files(), 1);
	ck_assert_str_eq(ids_of((struct queue_filter){.state = QUEUE_ANY}, 10), "4 3 1");
	ck_assert_int_eq(is_gone(meanwhile), 1);
	ck_assert_int_gt(put((struct task_spec){0}), meanwhile + 1000000);
}
END_TEST

static void archive_cases(Suite *suite)
{
	TCase *c = tcase_create("archive");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, an_ended_task_moves_into_the_file_of_its_last_day_and_reads_the_same);
	tcase_add_test(c, a_task_that_has_just_ended_or_lives_stays_in_the_database);
	tcase_add_test(c, each_day_has_its_file_and_goes_with_it);
	tcase_add_test(c, behind_its_time_a_task_is_gone_although_its_file_is_there);
	tcase_add_test(c, a_list_reads_on_through_all_files);
	tcase_add_test(c, a_task_that_was_moved_runs_again_with_its_history);
	tcase_add_loop_test(c, whoever_did_not_succeed_goes_on_behind_its_checkpoint_when_it_is_redriven, 0, 3);
	tcase_add_test(c, a_task_that_was_moved_is_deleted_and_another_stays);
	tcase_add_test(c, a_verb_on_many_reaches_those_that_were_moved);
	tcase_add_test(c, an_idempotency_key_finds_its_task_also_when_it_was_moved);
	tcase_add_test(c, what_was_moved_can_be_depended_on);
	tcase_add_test(c, of_a_batch_that_was_moved_a_member_is_redriven_and_counted_once);
	tcase_add_test(c, a_copy_is_one_file_with_all_tasks);
	suite_add_tcase(suite, c);
}

TEST_MAIN("archive", archive_cases)
