/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fakedisk.h"
#include "lib/test.h"

static struct store *store;
static struct err err;
static const struct store_config config = {2000, 1000};
static int done_count, done_code;
static char path[4096];

static void nothing(void *ctx)
{
	(void)ctx;
}

static void open_store(void)
{
	ck_ok(store_open(path, &config, nothing, NULL, &store, &err), &err);
}

static void set_up(void)
{
	strcpy(path, test_path("store.db"));
	open_store();
}

static void tear_down(void)
{
	store_close(store);
}

static const char put[] = "INSERT INTO dataset VALUES (?1, '/x', 0, 0, ?2, 0, 0, 0)";
static const char count[] = "SELECT count(*), max(version) FROM dataset";

struct row {
	char name[32];
	int64_t v;
};

static int put_row(struct store_db *db, void *arg, struct err *e)
{
	struct row *row = arg;

	return store_run(db, e, put, "si", row->name, row->v);
}

static void on_done(void *arg, int r, const struct err *e)
{
	(void)arg;
	(void)e;
	done_count++;
	done_code = r;
}

static int64_t rows(void)
{
	struct store_stmt *stmt;
	int64_t n;

	ck_ok(store_begin(store_reader(store), count, &stmt, &err), &err);
	ck_assert_int_eq(store_step(stmt, &err), 1);
	n = store_int(stmt, 0);
	store_end(stmt);
	return n;
}

START_TEST(a_write_is_there_when_its_completion_comes)
{
	struct row row = {"a", 1};

	ck_assert_int_eq(store_write(store, put_row, on_done, &row), 0);
	store_flush(store);
	ck_assert_int_eq(done_count, 1);
	ck_assert_int_eq(done_code, 0);
	ck_assert_int_eq(rows(), 1);
}
END_TEST

static int64_t commits(void)
{
	for (const struct metric *m = store_metrics(store); m->name; m++)
		if (!strcmp(m->name, "orasi_store_commits_total"))
			return *m->value;
	return -1;
}

START_TEST(what_waits_is_one_commit)
{
	struct row rows_of[15]; /* more are handed over before the turn is over */
	int64_t before;

	store_flush(store);
	before = commits();
	store_gather(store, 1);
	for (int i = 0; i < 15; i++) {
		rows_of[i] = (struct row){.v = i};
		snprintf(rows_of[i].name, sizeof(rows_of[i].name), "r%d", i);
		store_write(store, put_row, on_done, &rows_of[i]);
	}
	ck_assert_int_eq(done_count, 0);
	store_flush(store);
	ck_assert_int_eq(done_count, 15);
	ck_assert_int_eq(commits(), before + 1);
}
END_TEST

START_TEST(a_write_that_fails_undoes_only_itself)
{
	struct row one = {"a", 1}, same = {"a", 2}, two = {"b", 3};

	store_write(store, put_row, NULL, &one);
	store_write(store, put_row, on_done, &same);
	store_write(store, put_row, NULL, &two);
	store_flush(store);
	ck_assert_int_eq(done_count, 1);
	ck_assert_int_eq(done_code, ERR_CONFLICT);
	ck_assert_int_eq(rows(), 2);
	ck_assert(!store_is_read_only(store));
}
END_TEST

START_TEST(what_was_written_is_there_after_the_next_open)
{
	struct row row = {"a", 1};

	store_write(store, put_row, NULL, &row);
	store_close(store);
	open_store();
	ck_assert_int_eq(rows(), 1);
}
END_TEST

START_TEST(fences_grow_over_restarts)
{
	int64_t a = store_next_fence(store), b = store_next_fence(store);

	ck_assert_int_lt(a, b);
	store_close(store);
	open_store();
	ck_assert_int_lt(b, store_next_fence(store));
}
END_TEST

START_TEST(a_second_agent_is_kept_out_by_name)
{
	struct store *second;
	char pid[32];

	snprintf(pid, sizeof(pid), "process %d", (int)getpid());
	ck_assert_int_eq(store_open(path, &config, nothing, NULL, &second, &err), ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(err.text, pid));
}
END_TEST

START_TEST(a_database_of_the_future_is_refused)
{
	sqlite3 *db;

	store_close(store);
	ck_assert_int_eq(sqlite3_open(path, &db), 0);
	ck_assert_int_eq(sqlite3_exec(db, "PRAGMA user_version=999", NULL, NULL, NULL), 0);
	sqlite3_close(db);
	ck_assert_int_eq(store_open(path, &config, nothing, NULL, &store, &err), ERR_UNSUPPORTED);
	store = NULL;
}
END_TEST

START_TEST(a_foreign_tool_that_writes_is_waited_for)
{
	struct row row = {"a", 1};
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), 0);
	ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), 0);
	store_write(store, put_row, on_done, &row);
	usleep(1500000); /* longer than SQLite waits by itself */
	ck_assert_int_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), 0);
	sqlite3_close(db);
	store_flush(store);
	ck_assert_int_eq(done_code, 0);
	ck_assert(!store_is_read_only(store));
}
END_TEST

START_TEST(bytes_that_are_no_database_are_refused)
{
	FILE *file;

	store_close(store);
	file = fopen(path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("garbage ", file);
	fclose(file);
	ck_assert_int_eq(store_open(path, &config, nothing, NULL, &store, &err), ERR_CORRUPT);
	store = NULL;
}
END_TEST

/* ---- a disk that fails --------------------------------------------------------------------------- */

START_TEST(after_a_failed_fsync_nothing_is_accepted_any_more)
{
	struct row one = {"a", 1}, two = {"b", 2};

	store_close(store);
	fakedisk_start();
	open_store();
	fakedisk_fail_syncs();
	store_write(store, put_row, on_done, &one);
	store_flush(store);
	ck_assert_int_eq(done_code, ERR_READONLY);
	fakedisk_heal();
	store_write(store, put_row, on_done, &two);
	store_flush(store);
	ck_assert_int_eq(done_code, ERR_READONLY);
	ck_assert(store_is_read_only(store));
}
END_TEST

START_TEST(a_full_disk_refuses_new_work_and_keeps_what_must_become_true)
{
	struct row must = {"a", 1}, other = {"b", 2}, late = {"c", 3}, after = {"d", 4};

	store_close(store);
	fakedisk_start();
	open_store();
	fakedisk_fill();
	store_write(store, put_row, NULL, &must);
	store_write_new(store, put_row, on_done, &other);
	store_write_new(store, put_row, on_done, &late);
	while (done_count < 2) {
		sched_yield();
		store_drain(store);
	}
	ck_assert_int_eq(done_code, ERR_NOSPACE);
	ck_assert(store_is_full(store));
	ck_assert(!store_is_read_only(store));
	ck_assert_int_eq(rows(), 0);
	fakedisk_heal();
	store_flush(store);
	ck_assert(!store_is_full(store));
	ck_assert_int_eq(rows(), 1);
	store_write_new(store, put_row, on_done, &after);
	store_flush(store);
	ck_assert_int_eq(done_code, 0);
	ck_assert_int_eq(rows(), 2);
}
END_TEST

START_TEST(a_store_may_be_closed_while_its_disk_is_full)
{
	struct row must = {"a", 1}, next = {"b", 2};

	store_close(store);
	fakedisk_start();
	open_store();
	fakedisk_fill();
	store_write(store, put_row, NULL, &must);
	while (!store_is_full(store))
		sched_yield();
	store_write(store, put_row, NULL, &next);
	store_close(store);
	fakedisk_heal();
	open_store();
	ck_assert_int_eq(rows(), 0);
}
END_TEST

/* ---- writes that may wait ---- */

START_TEST(a_lazy_write_is_there_after_a_flush_or_by_itself)
{
	struct row lazy = {"lazy", 1}, next = {"next", 2}, alone = {"alone", 3};
	struct store_lazy *handle;

	ck_assert_int_eq(store_write_lazy(store, put_row, on_done, &lazy, &handle), 0);
	store_write(store, put_row, on_done, &next);
	store_flush(store);
	ck_assert_int_eq(rows(), 2);
	ck_assert_int_eq(store_write_lazy(store, put_row, on_done, &alone, &handle), 0);
	for (int i = 0; i < PATIENCE && done_count < 3; i++) {
		usleep(10000);
		store_drain(store);
	}
	ck_assert_int_eq(rows(), 3);
}
END_TEST

START_TEST(a_lazy_write_that_is_taken_back_never_happens)
{
	struct row row = {"lazy", 1};
	struct store_lazy *handle;

	ck_assert_int_eq(store_write_lazy(store, put_row, on_done, &row, &handle), 0);
	ck_assert_int_eq(store_take_back(store, handle), 1);
	store_flush(store);
	ck_assert_int_eq(rows(), 0);
	ck_assert_int_eq(done_count, 0);
	ck_assert_int_eq(store_write_lazy(store, put_row, NULL, &row, &handle), 0);
	store_close(store); /* what nobody took back is written */
	open_store();
	ck_assert_int_eq(rows(), 1);
}
END_TEST

/* ---- care ---- */

static char prefix_before[] = "before", prefix_meanwhile[] = "meanwhile", prefix_x[] = "x";

static int put_many(struct store_db *db, void *arg, struct err *e)
{
	struct row row;
	int r = 0;

	for (int i = 0; i < 5000 && !r; i++) {
		snprintf(row.name, sizeof(row.name), "%s-%d", (const char *)arg, i);
		row.v = i;
		r = put_row(db, &row, e);
	}
	return r;
}

static int64_t size_of(const char *suffix)
{
	char name[5000];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &st) ? -1 : st.st_size;
}

/* Notes who is the first of its group. */
static char order[8];

static int put_and_note(struct store_db *db, void *arg, struct err *e)
{
	strcat(order, ((struct row *)arg)->name);
	return put_row(db, arg, e);
}

START_TEST(a_deferred_write_goes_before_the_next)
{
	struct row first = {"a", 1}, waits = {"b", 2}, next = {"c", 3}, last = {"d", 4};

	order[0] = '\0';
	store_write(store, put_and_note, on_done, &first);
	store_flush(store);
	store_gather(store, 1);
	store_write(store, put_and_note, on_done, &waits);
	ck_assert(store_defer(store, &waits));
	ck_assert(!store_defer(store, &waits));
	store_give(store); /* nothing else: it waits on */
	store_write(store, put_and_note, on_done, &next);
	store_give(store);
	ck_assert(!store_defer(store, &next)); /* the writer has it */
	store_flush(store);
	ck_assert_str_eq(order, "abc");
	store_write(store, put_and_note, on_done, &last);
	ck_assert(store_defer(store, &last));
	store_hurry(store);
	while (done_count < 4) {
		sched_yield();
		store_drain(store);
	}
	ck_assert_str_eq(order, "abcd");
	store_gather(store, 0);
}
END_TEST

static void wait_for(int n)
{
	for (int i = 0; i < PATIENCE && done_count < n; i++) {
		usleep(10000);
		store_drain(store);
	}
	ck_assert_int_eq(done_count, n);
}

START_TEST(a_write_for_which_nobody_waits_is_there_by_itself_and_goes_with_the_next)
{
	struct row alone = {"alone", 1}, soon = {"soon", 2}, next = {"next", 3};
	int64_t before;

	ck_assert_int_eq(store_write_soon(store, put_row, on_done, &alone), 0);
	wait_for(1);
	ck_assert_int_eq(rows(), 1);
	before = commits();
	store_gather(store, 1);
	ck_assert_int_eq(store_write_soon(store, put_row, on_done, &soon), 0);
	ck_assert_int_eq(store_write(store, put_row, on_done, &next), 0);
	store_gather(store, 0);
	wait_for(3);
	ck_assert_int_eq(rows(), 3);
	ck_assert_int_eq(commits(), before + 1);
}
END_TEST

START_TEST(writes_keep_their_order_whether_somebody_waits_or_not)
{
	struct row rows_of[] = {{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}, {"e", 5}};

	order[0] = '\0';
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq((i % 2 ? store_write : store_write_soon)(store, put_and_note, on_done, &rows_of[i]),
		                 0);
	store_flush(store);
	ck_assert_int_eq(done_count, 5);
	ck_assert_str_eq(order, "abcde");
}
END_TEST

START_TEST(of_many_for_which_nobody_waits_none_is_lost_at_the_end)
{
	enum { MANY = 1000 };
	static struct row rows_of[MANY];

	for (int i = 0; i < MANY; i++) {
		rows_of[i].v = i;
		snprintf(rows_of[i].name, sizeof(rows_of[i].name), "r%d", i);
		ck_assert_int_eq(store_write_soon(store, put_row, on_done, &rows_of[i]), 0);
	}
	store_flush(store);
	ck_assert_int_eq(done_count, MANY);
	rows_of[0] = (struct row){"last", 1};
	ck_assert_int_eq(store_write_soon(store, put_row, NULL, &rows_of[0]), 0);
	store_close(store);
	open_store();
	ck_assert_int_eq(rows(), MANY + 1);
}
END_TEST

START_TEST(a_copy_is_whole_while_writing_goes_on)
{
	char copy[5000];
	int64_t fence = store_next_fence(store);

	snprintf(copy, sizeof(copy), "%s.copy", path);
	store_write(store, put_many, NULL, prefix_before);
	store_flush(store);
	ck_ok(store_backup(store, copy, on_done, NULL, &err), &err);
	ck_assert_int_eq(store_backup(store, copy, on_done, NULL, &err), ERR_BUSY);
	store_write(store, put_many, NULL, prefix_meanwhile);
	for (int i = 0; i < PATIENCE && !done_count; i++) {
		usleep(10000);
		store_drain(store);
	}
	ck_assert_int_eq(done_count, 1);
	ck_assert_int_eq(done_code, 0);
	ck_assert_int_eq(store_backup(store, copy, on_done, NULL, &err), ERR_EXISTS);
	store_close(store);
	strcpy(path, copy);
	open_store();
	ck_assert(rows() == 5000 || rows() == 10000);
	ck_assert_int_gt(store_next_fence(store) >> 40,
	                 (fence >> 40) + 1000); /* beyond those of agents that ran meanwhile */
}
END_TEST

START_TEST(an_auditor_reads_beside_the_agent_and_writes_nothing)
{
	struct store *reader;
	struct row row = {"a", 1};

	store_write(store, put_row, NULL, &row);
	store_flush(store);
	ck_ok(store_open_reader(path, &reader, &err), &err);
	ck_ok(store_quick_check(reader, &err), &err);
	ck_assert_int_ne(store_run(store_reader(reader), &err, put, "si", "b", (int64_t)2), 0);
	store_close(reader);
	ck_assert_int_eq(store_open_reader("/nowhere/store.db", &reader, &err), ERR_NOTFOUND);
}
END_TEST

START_TEST(pages_that_are_damaged_are_found)
{
	char garbage[4096] = "garbage";
	struct store *reader;
	FILE *file;

	store_write(store, put_many, NULL, prefix_x);
	store_close(store);
	file = fopen(path, "r+");
	for (long page = 5; page < 60; page++) {
		fseek(file, page * 4096, SEEK_SET);
		fwrite(garbage, 1, sizeof(garbage), file);
	}
	fclose(file);
	store = NULL;
	if (store_open_reader(path, &reader, &err)) { /* so bad that it shows at once */
		ck_assert_int_eq(err.code, ERR_CORRUPT);
		return;
	}
	ck_assert_int_eq(store_quick_check(reader, &err), ERR_CORRUPT);
	store_close(reader);
}
END_TEST

START_TEST(a_store_that_is_quiet_moves_its_log_into_the_database)
{
	int64_t small = size_of("");

	store_write(store, put_many, NULL, prefix_x);
	store_flush(store);
	for (int i = 0; i < PATIENCE && size_of("") <= small; i++)
		usleep(10000);
	ck_assert_int_gt(size_of(""), small);
}
END_TEST

/* ---- kill -9 ----------------------------------------------------------------------------------------- */

static int ack_fd;

static void acknowledge(void *arg, int r, const struct err *e)
{
	(void)e;
	if (!r)
		ck_assert_int_eq(write(ack_fd, &((struct row *)arg)->v, 8), 8);
}

static void write_until_killed(void)
{
	static struct row many[4000];

	open_store();
	for (int i = 0; i < 4000; i++) {
		snprintf(many[i].name, sizeof(many[i].name), "%d-%d", (int)getpid(), i);
		many[i].v = i + 1;
		store_write(store, put_row, acknowledge, &many[i]);
		store_drain(store);
	}
	store_flush(store);
	pause();
}

/* ---- a table that is read as a whole -------------------------------------------------------- */

/* Ids from ?1 to ?2, each with twice its id. */
static const char put_days[] = "INSERT INTO day_file WITH RECURSIVE n (id) AS (SELECT ?1 UNION ALL SELECT id + 1 FROM n"
			       " WHERE id < ?2) SELECT id, id * 2, 0 FROM n";

struct span {
	int64_t from, to;
};

static int put_span(struct store_db *db, void *arg, struct err *e)
{
	const struct span *span = arg;

	return store_run(db, e, put_days, "ii", span->from, span->to);
}

struct seen {
	int64_t n, last, stop_at;
};

static int see(void *arg, const int64_t *row, struct err *e)
{
	struct seen *seen = arg;

	ck_assert_int_gt(row[0], seen->last);
	ck_assert_int_eq(row[1], row[0] * 2);
	seen->last = row[0];
	seen->n++;
	return seen->n == seen->stop_at ? err_set(e, ERR_CANCELLED, "enough") : 0;
}

static int walk_days(struct seen *seen)
{
	static const struct store_walk walk = {
		"SELECT walk(day, tasks) FROM day_file WHERE day >= ?1 AND day < ?2",
		"SELECT (SELECT min(day) FROM day_file WHERE day >= ?1), (SELECT max(day) FROM day_file)", 2};

	return store_walk(store, &walk, see, seen, &err);
}

START_TEST(a_walk_tells_each_row_once_in_the_order_of_ids)
{
	struct span spans[] = {{1, 5}, {6, 150000}, {900000, 900001}, {1000000000000, 1000000040000}};
	int64_t n = 0;

	for (size_t i = 0; i < 4; i++) {
		struct seen seen = {0};

		ck_ok(walk_days(&seen), &err);
		ck_assert_int_eq(seen.n, n);
		store_write(store, put_span, on_done, &spans[i]);
		store_flush(store);
		ck_assert_int_eq(done_code, 0);
		n += spans[i].to - spans[i].from + 1;
	}
	for (int64_t stop_at = n; stop_at; stop_at /= 7) {
		struct seen seen = {.stop_at = stop_at};

		ck_assert_int_eq(walk_days(&seen), ERR_CANCELLED);
		ck_assert_int_eq(seen.n, stop_at);
	}
}
END_TEST

START_TEST(what_was_acknowledged_survives_kill_9)
{
	int64_t acked = 0, v;

	store_close(store);
	for (int round = 0; round < 20; round++) {
		int pipes[2];
		pid_t child;

		ck_assert_int_eq(pipe(pipes), 0);
		child = test_victim();
		if (!child) {
			ack_fd = pipes[1];
			write_until_killed();
		}
		close(pipes[1]);
		if (round % 2 && read(pipes[0], &v, 8) == 8) /* some die early, the others in the middle of it */
			acked++;
		usleep(2000 + (useconds_t)round * 3000);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (read(pipes[0], &v, 8) == 8)
			acked++;
		close(pipes[0]);
	}
	open_store();
	ck_assert_int_ge(rows(), acked);
	ck_assert_int_gt(acked, 0);
}
END_TEST

static void store_cases(Suite *suite)
{
	TCase *c = tcase_create("store");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_write_is_there_when_its_completion_comes);
	tcase_add_test(c, what_waits_is_one_commit);
	tcase_add_test(c, a_write_that_fails_undoes_only_itself);
	tcase_add_test(c, what_was_written_is_there_after_the_next_open);
	tcase_add_test(c, fences_grow_over_restarts);
	tcase_add_test(c, a_second_agent_is_kept_out_by_name);
	tcase_add_test(c, a_database_of_the_future_is_refused);
	tcase_add_test(c, a_foreign_tool_that_writes_is_waited_for);
	tcase_add_test(c, bytes_that_are_no_database_are_refused);
	tcase_add_test(c, after_a_failed_fsync_nothing_is_accepted_any_more);
	tcase_add_test(c, a_full_disk_refuses_new_work_and_keeps_what_must_become_true);
	tcase_add_test(c, a_store_may_be_closed_while_its_disk_is_full);
	tcase_add_test(c, a_lazy_write_is_there_after_a_flush_or_by_itself);
	tcase_add_test(c, a_lazy_write_that_is_taken_back_never_happens);
	tcase_add_test(c, a_deferred_write_goes_before_the_next);
	tcase_add_test(c, a_write_for_which_nobody_waits_is_there_by_itself_and_goes_with_the_next);
	tcase_add_test(c, writes_keep_their_order_whether_somebody_waits_or_not);
	tcase_add_test(c, of_many_for_which_nobody_waits_none_is_lost_at_the_end);
	tcase_add_test(c, a_copy_is_whole_while_writing_goes_on);
	tcase_add_test(c, an_auditor_reads_beside_the_agent_and_writes_nothing);
	tcase_add_test(c, pages_that_are_damaged_are_found);
	tcase_add_test(c, a_store_that_is_quiet_moves_its_log_into_the_database);
	tcase_add_test(c, a_walk_tells_each_row_once_in_the_order_of_ids);
	tcase_add_test(c, what_was_acknowledged_survives_kill_9);
	suite_add_tcase(suite, c);
}

TEST_MAIN("store", store_cases)
