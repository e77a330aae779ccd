/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent that starts again finds: attempts, leases, cancels, stores of older versions, and what kills have left. */
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

static int64_t in_store(const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;
	int64_t ret = -1;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		ret = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return ret;
}

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

static int kept_calls, kept_code;

static void on_kept(void *ctx, int r, const struct err *e)
{
	(void)ctx;
	(void)e;
	kept_calls++;
	kept_code = r;
}

START_TEST(a_lease_is_on_disk_before_its_worker_is_told)
{
	struct task *task;
	int64_t id = put((struct task_spec){0});

	kept_calls = 0;
	ck_assert_int_eq(queue_leases_kept(queue, on_kept, NULL), 1); /* there are none under way */
	ck_ok(queue_claim(queue, &by_far, &arena, &task, &err), &err);
	ck_assert_int_eq(queue_leases_kept(queue, on_kept, NULL), 0);
	ck_assert_int_eq(kept_calls, 0);
	while (!kept_calls) { /* nobody hurries the writer: what is lazy would not be there yet */
		store_give(store);
		store_drain(store);
	}
	ck_assert_int_eq(kept_code, 0);
	ck_assert_int_eq(in_store("SELECT lease_ms FROM run"), 10000);
	ck_assert_int_eq(queue_heartbeat(queue, id, task->fence, 60000), 0); /* more than it was told */
	ck_assert_int_eq(queue_leases_kept(queue, on_kept, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(kept_calls, 2);
	ck_assert_int_eq(in_store("SELECT lease_ms FROM run"), 60000);
	ck_assert_int_eq(queue_heartbeat(queue, id, task->fence, 0), 0);
	ck_assert_int_eq(queue_leases_kept(queue, on_kept, NULL), 1);
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
		child = test_victim();
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

static void restart_cases(Suite *suite)
{
	TCase *c = tcase_create("restart");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, after_a_restart_the_running_is_ready_again_with_its_checkpoint);
	tcase_add_test(c, a_lease_goes_on_when_the_agent_starts_again);
	tcase_add_test(c, a_lease_is_on_disk_before_its_worker_is_told);
	tcase_add_test(c, a_lease_that_nobody_keeps_behind_a_start_ends);
	tcase_add_test(c, a_lease_is_as_long_as_its_worker_was_ever_told);
	tcase_add_test(c, the_timeout_of_a_leased_attempt_counts_from_its_beginning);
	tcase_add_test(c, a_cancel_that_was_acknowledged_outlives_the_agent);
	tcase_add_test(c, whichever_write_fails_what_was_told_is_there_after_the_restart);
	tcase_add_test(c, tasks_of_an_older_version_go_on_where_they_were);
	tcase_add_test(c, after_120_kills_no_acknowledged_task_is_lost_or_doubled);
	suite_add_tcase(suite, c);
}

TEST_MAIN("restart", restart_cases)
