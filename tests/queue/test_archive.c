/* SPDX-License-Identifier: Apache-2.0 */
/* Ended tasks move into files by day, and are found, listed, run again, deleted and forgotten there as before. */
#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/powercut.h"
#include "queue/rig.h"

#define MINUTE 60000
#define DAY (24 * 3600 * (int64_t)1000)

/* ---- looking at the folder -------------------------------------------------------------------- */

static const char *beside(const char *name)
{
	static char ret[5000];

	snprintf(ret, sizeof(ret), "%.*s/%s", (int)(strrchr(path, '/') - path), path, name);
	return ret;
}

static size_t files(void)
{
	glob_t found;
	size_t n = glob(beside("done-????????.db"), 0, NULL, &found) ? 0 : found.gl_pathc;

	globfree(&found);
	return n;
}

static int64_t ask_file(const char *file, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;
	int64_t ret = -1;

	ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		ret = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return ret;
}

static int64_t in_database(void)
{
	return ask_file(path, "SELECT count(*) FROM task");
}

/* Passes of the sweep until nothing is left to do. */
static void sweep(void)
{
	pass(MINUTE + 1);
	for (int i = 0; i < 100 && queue_due_in(queue) == 0; i++)
		pass(0);
	ck_assert_int_gt(queue_due_in(queue), 0);
}

static int is_gone(int64_t id)
{
	struct task *task;

	return queue_get(queue, id, &arena, &task, &err) == ERR_NOTFOUND && queue_has_passed(queue, id);
}

static int64_t end_one(struct task_spec spec, int code)
{
	int64_t id = put(spec);
	struct task *task = claim();

	ck_assert_int_eq(task->id, id);
	ck_assert_int_eq(finish(task, code), 0);
	return id;
}

/* ---- lists ------------------------------------------------------------------------------------- */

/* "12 11 9 …": the ids of all that match, read in pages. */
static const char *ids_of(struct queue_filter filter, size_t limit)
{
	char text[16];
	char *ret = arena_alloc(&arena, 16 * 1024);
	struct task **tasks;
	size_t n;

	filter.limit = limit;
	filter.cursor = NULL;
	do {
		ck_ok(queue_list(queue, &filter, &arena, &tasks, &n, &filter.cursor, &err), &err);
		for (size_t i = 0; i < n; i++) {
			snprintf(text, sizeof(text), "%s%lld", *ret ? " " : "", (long long)tasks[i]->id);
			strcat(ret, text);
		}
	} while (filter.cursor);
	return ret;
}

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

static void on_batch(void *ctx, int r, int64_t id, const struct err *e)
{
	(void)e;
	ck_assert_int_eq(r, 0);
	*(int64_t *)ctx = id;
}

START_TEST(of_a_batch_that_was_moved_a_member_is_redriven_and_counted_once)
{
	struct task_batch batch;
	int64_t id, number = 0;

	ck_ok(queue_batch_new(queue, NULL, "b", NULL, on_batch, &number, &err), &err);
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

/* ---- care ----------------------------------------------------------------------------------------- */

START_TEST(a_copy_is_one_file_with_all_tasks)
{
	char copy[5000];
	int64_t moved = end_one((struct task_spec){0}, 0), deleted = end_one((struct task_spec){0}, 0), again;

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
	for (int i = 0; i < 3000 && last_code == 1; i++) {
		usleep(10000);
		store_drain(store);
	}
	ck_assert_int_eq(last_code, 0);
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
}
END_TEST

static const struct {
	const char *sql, *word;
} damages[] = {
	{"DELETE FROM task WHERE id = 1", "without its end"},
	{"UPDATE done SET forget_at = 5 WHERE id = 1", "another day"},
	{"UPDATE done SET state = 3 WHERE id = 1", "no end"},
	{"INSERT INTO attempt SELECT id, fence - 1, attempt, worker, started_at, finished_at, 'succeeded', 0, NULL, 0, "
         "0,"
         " 0 FROM done WHERE id = 1",
         "succeeded twice"},
	{"INSERT INTO task SELECT 3, kind, queue, dataset, body, labels, trace, priority, created_at, expires_at,"
         " timeout_ms, max_attempts, parent, unique_key, tenant, batch, policy FROM task WHERE id = 1;"
         "INSERT INTO done SELECT 3, state, attempt, worker, started_at, finished_at, result, error_code, error,"
         " error_where, fence, outcome, exit_signal, cpu_ms, rss_kib, forget_at FROM done WHERE id = 1",
         "two places"},
	{"INSERT INTO task SELECT 2, kind, queue, dataset, body, labels, trace, priority, created_at, expires_at,"
         " timeout_ms, max_attempts, parent, unique_key, tenant, batch, policy FROM task WHERE id = 1;"
         "INSERT INTO done SELECT 2, state, attempt, worker, started_at, finished_at, result, error_code, error,"
         " error_where, fence, outcome, exit_signal, cpu_ms, rss_kib, forget_at FROM done WHERE id = 1",
         "two places"},
};

static void in_store(const char *sql)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void forget_files(void)
{
	in_store("DELETE FROM day_file WHERE day = unixepoch('2023-11-21') / 86400");
}

START_TEST(the_audit_finds_what_is_wrong_in_a_file_or_between_two)
{
	char file[5000];
	sqlite3 *db;

	end_one((struct task_spec){0}, 0);
	end_one((struct task_spec){.retain_ok_ms = DAY}, 0);
	sweep();
	put((struct task_spec){0}); /* the third lives */
	ck_ok(queue_check(store, &err), &err);
	close_queue();
	snprintf(file, sizeof(file), "%s", beside("done-20231121.db"));
	ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, damages[_i].sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	open_queue();
	ck_assert_int_eq(queue_check(store, &err), ERR_CORRUPT);
	ck_assert_msg(strstr(err.text, damages[_i].word) != NULL, "%s", err.text);
	store_flush(store);
	store_close(store);
	queue_close(queue);
	unlink(file);
	forget_files();
	open_queue();
}
END_TEST

static void close_unchecked(void)
{
	store_flush(store);
	store_close(store);
	queue_close(queue);
}

START_TEST(the_audit_misses_a_file_that_is_not_there)
{
	char away[5000];
	int64_t here = end_one((struct task_spec){.retain_ok_ms = DAY}, 0), late;

	for (int i = 0; i < 3; i++)
		end_one((struct task_spec){0}, 0);
	queue_delete(queue, end_one((struct task_spec){0}, 0), on_done, NULL);
	sweep();
	ck_ok(queue_check(store, &err), &err);
	snprintf(away, sizeof(away), "%s/away", test_dir());
	ck_assert_int_eq(rename(beside("done-20231121.db"), away), 0);
	ck_assert_int_eq(queue_check(store, &err), ERR_CORRUPT); /* while the agent runs */
	ck_assert_ptr_nonnull(strstr(err.text, "'done-20231121.db' is missing or empty, and the 3 ended tasks"));
	close_unchecked();
	open_queue();
	ck_assert_int_eq(queue_check(store, &err), ERR_CORRUPT); /* and at the next start */
	late = end_one((struct task_spec){0}, 0);                /* for the same file, which is not made anew */
	ck_assert_int_eq(get(here)->state, TASK_SUCCEEDED);
	sweep();
	ck_assert_uint_eq(files(), 1);
	ck_assert_int_eq(get(late)->state, TASK_SUCCEEDED);
	close_unchecked();
	ck_assert_int_eq(rename(away, beside("done-20231121.db")), 0);
	open_queue();
	ck_ok(queue_check(store, &err), &err);
	sweep();
	ck_assert_int_eq(in_database(), 0);
}
END_TEST

/* 410 would say that it is over and done with. */
START_TEST(a_task_whose_file_is_missing_is_not_said_to_be_forgotten)
{
	struct task_spec spec = {.body = "{}", .idempotency_key = "k"};
	int64_t id = end_one(spec, 0);
	struct task *task;

	sweep();
	ck_assert_int_eq(put(spec), id);
	unlink(beside("done-20231121.db"));
	close_unchecked();
	open_queue();
	ck_assert_int_eq(queue_get(queue, id, &arena, &task, &err), ERR_CORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "task t_0000000000001"));
	ck_assert_ptr_nonnull(strstr(err.text, "'done-20231121.db' is missing"));
	ck_assert_ptr_nonnull(strstr(err.text, "put it back"));
	ck_assert_int_eq(put(spec), ERR_CORRUPT);
	ck_assert_int_eq(put((struct task_spec){.depends_on = &id, .n_depends_on = 1}), ERR_CORRUPT);
	ck_assert_int_eq(queue_get(queue, 4711, &arena, &task, &err), ERR_NOTFOUND);
	forget_files();
	ck_assert_int_eq(queue_get(queue, id, &arena, &task, &err), ERR_NOTFOUND);
	ck_assert_int_eq(put(spec), ERR_GONE);
}
END_TEST

START_TEST(the_audit_knows_a_file_that_is_not_the_one_that_belongs_there)
{
	char older[5000], command[11000];

	end_one((struct task_spec){0}, 0);
	sweep();
	close_queue();
	snprintf(older, sizeof(older), "%s/older", test_dir());
	snprintf(command, sizeof(command), "cp %s %s", beside("done-20231121.db"), older);
	ck_assert_int_eq(system(command), 0);
	open_queue();
	end_one((struct task_spec){0}, 0);
	sweep();
	close_queue();
	ck_assert_int_eq(rename(older, beside("done-20231121.db")), 0);
	open_queue();
	ck_assert_int_eq(queue_check(store, &err), ERR_CORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "'done-20231121.db' has 1 tasks, 2 were moved into it"));
	close_unchecked();
	ck_assert_int_eq(truncate(beside("done-20231121.db"), 0), 0);
	open_queue();
	ck_assert_int_eq(queue_check(store, &err), ERR_CORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "missing or empty"));
	forget_files();
}
END_TEST

START_TEST(files_from_before_anybody_counted_are_taken_over_without_a_number)
{
	end_one((struct task_spec){0}, 0);
	end_one((struct task_spec){.retain_ok_ms = DAY}, 0);
	sweep();
	close_queue();
	in_store("DELETE FROM day_file; UPDATE meta SET value = 0 WHERE key = 'days_counted'");
	open_queue();
	store_flush(store);
	end_one((struct task_spec){0}, 0);
	sweep();
	ck_ok(queue_check(store, &err), &err);
	close_queue();
	unlink(beside("done-20231121.db"));
	open_queue();
	ck_assert_int_eq(queue_check(store, &err), ERR_CORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "'done-20231121.db' is missing or empty, and the ended tasks"));
	clock_advance(8 * DAY); /* its day is over: nothing is missed any more */
	ck_ok(queue_check(store, &err), &err);
}
END_TEST

START_TEST(a_file_that_is_damaged_is_named_and_holds_up_nothing_else)
{
	int64_t lost = end_one((struct task_spec){0}, 0), fine = end_one((struct task_spec){.retain_ok_ms = DAY}, 0),
		more;
	struct task *task;
	FILE *file;

	sweep();
	close_queue();
	file = fopen(beside("done-20231121.db"), "w");
	fputs("this is not a database, and long enough to be taken for one", file);
	fclose(file);
	open_queue();
	ck_assert_int_eq(queue_get(queue, lost, &arena, &task, &err), ERR_CORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "done-20231121.db"));
	ck_assert_int_eq(get(fine)->state, TASK_SUCCEEDED);
	more = end_one((struct task_spec){0}, 0); /* for the same file: stays where it is */
	fine = end_one((struct task_spec){.retain_ok_ms = 2 * DAY}, 0);
	pass(MINUTE + 1);
	pass(MINUTE + 1);
	pass(MINUTE + 1);
	ck_assert_int_eq(get(more)->state, TASK_SUCCEEDED);
	ck_assert_int_eq(in_database(), 1);
	ck_assert_int_eq(get(fine)->state, TASK_SUCCEEDED);
	ck_assert_int_ne(store_quick_check(store, &err), 0);
	clock_advance(8 * DAY);
	pass(MINUTE);
	pass(MINUTE);
	ck_assert_uint_eq(files(), 0);
	ck_assert_int_eq(is_gone(lost), 1);
}
END_TEST

/* ---- dying at every step ------------------------------------------------------------------------- */

#define STORY 12
enum { UNKNOWN = -1, DELETED = -2 };
static struct {
	int64_t id;
	int known; /* a state, or of the above */
} told[STORY];

struct promise {
	int at, known;
};

static void kept(void *ctx, int r, const struct err *e)
{
	struct promise *promise = ctx;

	(void)e;
	if (!r)
		told[promise->at].known = promise->known;
	free(promise);
}

static struct promise *promise(int at, int known)
{
	struct promise *ret = malloc(sizeof(*ret));

	*ret = (struct promise){at, known};
	told[at].known = UNKNOWN;
	return ret;
}

static void tell_put(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *e)
{
	(void)ctx;
	(void)e;
	for (size_t i = 0; i < n && !r; i++) {
		told[i].id = results[i].id;
		told[i].known = TASK_READY;
	}
}

static void act(int at, int known, int (*fn)(struct queue *, int64_t, queue_done_fn, void *))
{
	int was = told[at].known;
	struct promise *p;

	if (!told[at].id)
		return;
	p = promise(at, known);
	if (fn(queue, told[at].id, kept, p)) {
		told[at].known = was;
		free(p);
	}
}

static void end_all(int code)
{
	struct queue_outcome outcome = {.code = code, .result = code ? NULL : "{}", .error = code ? "broken" : NULL};
	struct task *task;

	while (!queue_claim(queue, &by_w, &arena, &task, NULL) && task)
		for (int i = 0; i < STORY; i++)
			if (told[i].id == task->id) {
				struct promise *p = promise(i, code ? TASK_FAILED : TASK_SUCCEEDED);

				if (queue_finish(queue, task->id, task->fence, &outcome, kept, p))
					free(p);
			}
	store_flush(store);
}

static void turn(int64_t ms)
{
	clock_advance(ms);
	for (int i = 0; i < 4; i++) {
		queue_tick(queue);
		store_flush(store);
	}
}

/* Everything that happens to ended tasks, in files of two days. */
static void tell_story(void)
{
	static struct task_spec specs[STORY];

	for (int i = 0; i < STORY; i++)
		specs[i] = (struct task_spec){.kind = "s", .body = "{}", .max_attempts = 1, .retain_failed_ms = DAY};
	queue_put(queue, specs, STORY / 2, QUEUE_ATOMIC, tell_put, NULL, NULL);
	store_flush(store);
	end_all(ERR_INVALID);
	turn(MINUTE + 1); /* six are in the file of tomorrow */
	act(0, TASK_READY, queue_retry);
	act(1, DELETED, queue_delete);
	act(2, TASK_READY, queue_retry);
	store_flush(store);
	end_all(0);
	act(0, DELETED, queue_delete); /* from the database, where it has just ended again */
	turn(MINUTE + 1);              /* what has gone leaves the file, the ended are moved again, into another file */
	act(2, DELETED, queue_delete);
	act(3, TASK_READY, queue_retry);
	turn(MINUTE + 1);
}

static void hold_against(const char *how, int n)
{
	const char *all = ids_of((struct queue_filter){.state = QUEUE_ANY}, 3);
	struct task *task;
	char word[32], text[1000];

	snprintf(text, sizeof(text), " %s ", all);
	for (int i = 0; i < STORY; i++) {
		int r;

		if (!told[i].id)
			continue;
		r = queue_get(queue, told[i].id, &arena, &task, &err);
		ck_assert_msg(!r || r == ERR_NOTFOUND, "%s %d: %s", how, n, err.text);
		snprintf(word, sizeof(word), " %lld ", (long long)told[i].id);
		ck_assert_msg(!r == (strstr(text, word) != NULL), "%s %d: task %d is not listed as it is", how, n, i);
		ck_assert_msg(r || !strstr(strstr(text, word) + 1, word), "%s %d: task %d is listed twice", how, n, i);
		if (told[i].known == DELETED)
			ck_assert_msg(r == ERR_NOTFOUND, "%s %d: task %d was deleted and is there", how, n, i);
		else if (told[i].known != UNKNOWN)
			ck_assert_msg(!r && (int)task->state == told[i].known, "%s %d: task %d is lost or %s", how, n,
			              i, r ? "gone" : task_state_name(task->state));
	}
}

/* Whether the end came before the story's. */
static int live_and_die(int n, int is_kill)
{
	const char *how = is_kill ? "kill" : "cut";
	int happened;

	memset(told, 0, sizeof(told));
	snprintf(path, sizeof(path), "%s/%s-%d", test_dir(), how, n);
	mkdir(path, 0700);
	strcat(path, "/store.db");
	clock_freeze(NOW);
	powercut_start((unsigned)n);
	powercut_is_kill(is_kill);
	open_queue();
	powercut_after(n);
	tell_story();
	happened = powercut_happened();
	powercut_after(0);
	store_flush(store);
	store_close(store);
	queue_close(queue);
	powercut_restore();
	ck_assert_msg(!try_open(), "%s %d: %s", how, n, err.text);
	ck_assert_msg(!queue_check(store, &err), "%s %d: %s", how, n, err.text);
	hold_against(how, n);
	turn(MINUTE + 1);
	turn(MINUTE + 1);
	ck_assert_msg(!queue_check(store, &err), "%s %d, later: %s", how, n, err.text);
	hold_against(how, n);
	clock_advance(9 * DAY);
	turn(0);
	ck_assert_msg(!queue_check(store, &err), "%s %d, in the end: %s", how, n, err.text);
	ck_assert_uint_eq(files(), 0);
	close_queue();
	arena_done(&arena);
	return happened;
}

START_TEST(whoever_dies_at_whichever_write_finds_every_task_once)
{
	int n = 1;

	close_queue();
	while (live_and_die(n, _i))
		n++;
	printf("# %s at each of %d writes\n", _i ? "killed" : "cut", n);
	ck_assert_int_gt(n, 100);
	open_queue();
}
END_TEST

static void archive_cases(Suite *suite)
{
	TCase *c = tcase_create("archive");

	tcase_set_timeout(c, 1200);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, an_ended_task_moves_into_the_file_of_its_last_day_and_reads_the_same);
	tcase_add_test(c, a_task_that_has_just_ended_or_lives_stays_in_the_database);
	tcase_add_test(c, each_day_has_its_file_and_goes_with_it);
	tcase_add_test(c, behind_its_time_a_task_is_gone_although_its_file_is_there);
	tcase_add_test(c, a_list_reads_on_through_all_files);
	tcase_add_test(c, a_task_that_was_moved_runs_again_with_its_history);
	tcase_add_test(c, a_task_that_was_moved_is_deleted_and_another_stays);
	tcase_add_test(c, a_verb_on_many_reaches_those_that_were_moved);
	tcase_add_test(c, an_idempotency_key_finds_its_task_also_when_it_was_moved);
	tcase_add_test(c, what_was_moved_can_be_depended_on);
	tcase_add_test(c, of_a_batch_that_was_moved_a_member_is_redriven_and_counted_once);
	tcase_add_test(c, a_copy_is_one_file_with_all_tasks);
	tcase_add_loop_test(c, the_audit_finds_what_is_wrong_in_a_file_or_between_two, 0,
	                    sizeof(damages) / sizeof(damages[0]));
	tcase_add_test(c, the_audit_misses_a_file_that_is_not_there);
	tcase_add_test(c, a_task_whose_file_is_missing_is_not_said_to_be_forgotten);
	tcase_add_test(c, the_audit_knows_a_file_that_is_not_the_one_that_belongs_there);
	tcase_add_test(c, files_from_before_anybody_counted_are_taken_over_without_a_number);
	tcase_add_test(c, a_file_that_is_damaged_is_named_and_holds_up_nothing_else);
	tcase_add_loop_test(c, whoever_dies_at_whichever_write_finds_every_task_once, 0, 2);
	suite_add_tcase(suite, c);
}

TEST_MAIN("archive", archive_cases)
