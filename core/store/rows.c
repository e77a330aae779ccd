/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of an ended task is a row of `done` and of `task` and any number of rows of `attempt`, in the
 * database and in the files by day alike. Here they are carried from one to the other. */
#include "store/inside.h"

const char *const day_schema[] = {
	"CREATE TABLE task (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, queue TEXT NOT NULL, dataset TEXT,"
	" body TEXT NOT NULL, labels TEXT, trace TEXT, priority INTEGER NOT NULL, created_at INTEGER NOT NULL,"
	" expires_at INTEGER NOT NULL, timeout_ms INTEGER NOT NULL, max_attempts INTEGER NOT NULL,"
	" parent INTEGER NOT NULL, unique_key TEXT, tenant TEXT NOT NULL, batch INTEGER NOT NULL,"
	" policy TEXT) STRICT;"
	"CREATE TABLE done (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, attempt INTEGER NOT NULL,"
	" worker TEXT, started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL, result TEXT,"
	" error_code INTEGER NOT NULL, error TEXT, error_where TEXT, fence INTEGER NOT NULL, outcome TEXT,"
	" exit_signal INTEGER NOT NULL, cpu_ms INTEGER NOT NULL, rss_kib INTEGER NOT NULL,"
	" forget_at INTEGER NOT NULL) STRICT;"
	"CREATE INDEX done_unsuccessful ON done (state, id) WHERE state > 4;"
	"CREATE TABLE attempt (id INTEGER NOT NULL, fence INTEGER NOT NULL, attempt INTEGER NOT NULL,"
	" worker TEXT, started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL, outcome TEXT NOT NULL,"
	" error_code INTEGER NOT NULL, error TEXT, exit_signal INTEGER NOT NULL, cpu_ms INTEGER NOT NULL,"
	" rss_kib INTEGER NOT NULL, PRIMARY KEY (id, fence)) STRICT, WITHOUT ROWID;",
};
const int day_schema_steps = sizeof(day_schema) / sizeof(day_schema[0]);

#define ATTEMPT                                                                                          \
	"id, fence, attempt, worker, started_at, finished_at, outcome, error_code, error, exit_signal, " \
	"cpu_ms, rss_kib"
#define DONE                                                                               \
	"id, state, attempt, worker, started_at, finished_at, result, error_code, error, " \
	"error_where, fence, outcome, exit_signal, cpu_ms, rss_kib, forget_at"
#define TASK                                                                                \
	"id, kind, queue, dataset, body, labels, trace, priority, created_at, expires_at, " \
	"timeout_ms, max_attempts, parent, unique_key, tenant, batch, policy"
#define TWELVE "?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12"

#define COPY(table, columns) \
	"INSERT OR REPLACE INTO main." table " (" columns ") SELECT " columns " FROM source." table " WHERE id = ?1"
#define GET(table, columns) "SELECT " columns " FROM " table " WHERE id = ?1"
#define PUT(table, columns, values) "INSERT OR REPLACE INTO " table " (" columns ") VALUES (" values ")"
#define DROP(table) "DELETE FROM " table " WHERE id = ?1"
/* What the copy of the database does not have, and what did not come back into it. */
#define FOLD(table, columns)                                                                             \
	"INSERT INTO main." table " (" columns ") SELECT " columns " FROM day." table " WHERE id NOT IN" \
	" (SELECT id FROM main.task) AND id NOT IN (SELECT id FROM main.gone WHERE day = ?1)"

/* The row that makes the others mean something is the last to come and the first to go. */
static const struct {
	const char *copy, *get, *put, *drop, *fold;
	int columns;
} tables[] = {
	{COPY("attempt", ATTEMPT), GET("attempt", ATTEMPT), PUT("attempt", ATTEMPT, TWELVE), DROP("attempt"),
         FOLD("attempt", ATTEMPT), 12},
	{COPY("done", DONE), GET("done", DONE), PUT("done", DONE, TWELVE ",?13,?14,?15,?16"), DROP("done"),
         FOLD("done", DONE), 16},
	{COPY("task", TASK), GET("task", TASK), PUT("task", TASK, TWELVE ",?13,?14,?15,?16,?17"), DROP("task"),
         FOLD("task", TASK), 17},
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

int store_day_put(struct store_db *file, int64_t id, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < TABLES && !r; i++)
		r = store_run(file, err, tables[i].copy, "i", id);
	return r;
}

int store_day_del(struct store_db *file, int64_t id, struct err *err)
{
	int r = 0;

	for (size_t i = TABLES; i-- > 0 && !r;)
		r = store_run(file, err, tables[i].drop, "i", id);
	return r;
}

static int take_rows(struct store_db *db, struct store_stmt *from, size_t table, struct err *err)
{
	struct store_stmt *to;
	int r = store_begin(db, tables[table].put, &to, err);

	if (r)
		return r;
	while ((r = store_step(from, err)) > 0) {
		for (int i = 0; i < tables[table].columns; i++)
			sqlite3_bind_value(to->handle, i + 1, sqlite3_column_value(from->handle, i));
		r = store_step(to, err);
		store_end(to);
		if (r)
			break;
	}
	return r;
}

int store_day_take(struct store_db *db, struct store_db *file, int64_t id, struct err *err)
{
	struct store_stmt *from;
	int r = 0;

	for (size_t i = 0; i < TABLES && !r; i++) {
		r = store_begin(file, tables[i].get, &from, err);
		if (r)
			return r;
		store_bind_int(from, 1, id);
		r = take_rows(db, from, i, err);
		store_end(from);
	}
	return r;
}

int rows_fold(struct store_db *db, int64_t day, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < TABLES && !r; i++)
		r = store_run(db, err, tables[i].fold, "i", day);
	return r;
}
