/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/archive.h"

#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

const char *beside(const char *name)
{
	static char ret[5000];

	snprintf(ret, sizeof(ret), "%.*s/%s", (int)(strrchr(path, '/') - path), path, name);
	return ret;
}

size_t files(void)
{
	glob_t found;
	size_t n = glob(beside("done-????????.db"), 0, NULL, &found) ? 0 : found.gl_pathc;

	globfree(&found);
	return n;
}

int64_t ask_file(const char *file, const char *sql)
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

int64_t in_database(void)
{
	return ask_file(path, "SELECT count(*) FROM task");
}

/* Passes of the sweep until nothing is left to do. */
void sweep(void)
{
	pass(MINUTE + 1);
	for (int i = 0; i < 100 && queue_due_in(queue) == 0; i++)
		pass(0);
	ck_assert_int_gt(queue_due_in(queue), 0);
}

int is_gone(int64_t id)
{
	struct task *task;

	return queue_get(queue, id, &arena, &task, &err) == ERR_NOTFOUND && queue_has_passed(queue, id);
}

int64_t end_one(struct task_spec spec, int code)
{
	int64_t id = put(spec);
	struct task *task = claim();

	ck_assert_int_eq(task->id, id);
	ck_assert_int_eq(finish(task, code), 0);
	return id;
}

void in_store(const char *sql)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

const char *ids_of(struct queue_filter filter, size_t limit)
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
