/* SPDX-License-Identifier: Apache-2.0 */
/* Files by day that are missing, of another day, or damaged: what the audit and who asks for a task are told. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/archive.h"

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

static void days_cases(Suite *suite)
{
	TCase *c = tcase_create("days");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_loop_test(c, the_audit_finds_what_is_wrong_in_a_file_or_between_two, 0,
	                    sizeof(damages) / sizeof(damages[0]));
	tcase_add_test(c, the_audit_misses_a_file_that_is_not_there);
	tcase_add_test(c, a_task_whose_file_is_missing_is_not_said_to_be_forgotten);
	tcase_add_test(c, the_audit_knows_a_file_that_is_not_the_one_that_belongs_there);
	tcase_add_test(c, files_from_before_anybody_counted_are_taken_over_without_a_number);
	tcase_add_test(c, a_file_that_is_damaged_is_named_and_holds_up_nothing_else);
	suite_add_tcase(suite, c);
}

TEST_MAIN("days", days_cases)
