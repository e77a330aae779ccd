/* SPDX-License-Identifier: Apache-2.0 */
/* One query: a database in memory, the tables that the statement names, the rows to the sink. */
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "sql/inside.h"

#define HEAP_MAX (512ll << 20)
#define TABLES_MAX 64
#define STEPS_PER_LOOK 10000

/* ---- what is allowed ------------------------------------------------------------------------------------ */

static int authorize(void *ctx, int action, const char *a, const char *b, const char *c, const char *d)
{
	(void)ctx;
	(void)a;
	(void)c;
	(void)d;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		return b && !sqlite3_stricmp(b, "load_extension") ? SQLITE_DENY : SQLITE_OK;
	default:
		return SQLITE_DENY;
	}
}

static int look_around(void *ctx)
{
	struct session *session = ctx;

	return session->sink->is_cancelled(session->sink->ctx);
}

/* ---- errors ----------------------------------------------------------------------------------------------- */

static int sqlite_failed(struct session *session, struct err *err)
{
	int code = sqlite3_errcode(session->db);

	if (session->err.code) {
		*err = session->err;
		return err->code;
	}
	if (code == SQLITE_INTERRUPT)
		return err_set(err, ERR_CANCELLED, "the query was cancelled");
	if (code == SQLITE_NOMEM)
		return err_set(err, ERR_LIMIT, "the query needs more than %lld MiB: select less, or add a LIMIT",
		               HEAP_MAX >> 20);
	if (code == SQLITE_AUTH)
		return err_set(err, ERR_INVALID,
		               "only statements that read are allowed: SELECT, WITH, VALUES, EXPLAIN");
	return err_set(err, ERR_INVALID, "SQL: %s", sqlite3_errmsg(session->db));
}

static int unknown_table(const struct session *session, const char *name, struct err *err)
{
	const struct json *datasets = json_get(session->order, "datasets");
	char list[300] = "";

	for (size_t i = 0; i < json_count(datasets); i++) {
		size_t n = strlen(list);

		snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "",
		         json_get_str(json_at(datasets, i), "name", ""));
	}
	return err_set(err, ERR_NOTFOUND, "there is no dataset '%s'; there are: %s", name, *list ? list : "none yet");
}

/* ---- preparing: a table is made when the statement asks for it ----------------------------------------------- */

/* "d", or "d@v3" and "d@2026-01-31T12:00:00Z": the dataset as it was. */
int is_named(const char *dataset, const char *name)
{
	size_t n = strcspn(name, "@");

	return strlen(dataset) == n && !sqlite3_strnicmp(dataset, name, (int)n);
}

static int is_dataset(const struct session *session, const char *name)
{
	const struct json *datasets = json_get(session->order, "datasets");

	for (size_t i = 0; i < json_count(datasets); i++)
		if (is_named(json_get_str(json_at(datasets, i), "name", ""), name))
			return 1;
	return 0;
}

static int make_table(struct session *session, const char *name, struct err *err)
{
	char *sql = sqlite3_mprintf("CREATE VIRTUAL TABLE temp.\"%w\" USING dataset", name);
	int r;

	if (!is_dataset(session, name)) {
		sqlite3_free(sql);
		return unknown_table(session, name, err);
	}
	sqlite3_set_authorizer(session->db, NULL, NULL);
	r = sql ? sqlite3_exec(session->db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
	sqlite3_free(sql);
	sqlite3_set_authorizer(session->db, authorize, NULL);
	return r ? sqlite_failed(session, err) : 0;
}

static int only_space(const char *s)
{
	return strspn(s, " \t\r\n;") == strlen(s);
}

static int prepare(struct session *session, const char *sql, sqlite3_stmt **ret, struct err *err)
{
	static const char missing[] = "no such table: ";
	const char *tail;
	char name[256];

	for (int i = 0; i < TABLES_MAX; i++) {
		const char *message;
		int r = sqlite3_prepare_v2(session->db, sql, -1, ret, &tail);

		if (!r && !*ret)
			return err_set(err, ERR_INVALID, "the statement is empty");
		if (!r && !only_space(tail)) {
			sqlite3_finalize(*ret);
			*ret = NULL;
			return err_set(err, ERR_INVALID, "only one statement is allowed; behind it stands: %.60s",
			               tail);
		}
		if (!r)
			return 0;
		message = sqlite3_errmsg(session->db);
		if (!str_starts(message, missing))
			return sqlite_failed(session, err);
		message += strlen(missing);
		str_copy(name, sizeof(name),
		         str_starts(message, "temp.") || str_starts(message, "main.") ? message + 5 : message);
		r = make_table(session, name, err);
		if (r)
			return r;
	}
	return err_set(err, ERR_LIMIT, "the statement uses more than %d datasets", TABLES_MAX);
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

static int send_rows(struct session *session, sqlite3_stmt *stmt, int64_t *ret_rows, int *ret_truncated,
                     struct err *err)
{
	int64_t limit = json_get_int(session->order, "limit", 0);
	struct render *render = NULL;
	int step, r = render_new(json_get_str(session->order, "format", "ndjson"), stmt, session->sink, &render, err);

	while (!r && (step = sqlite3_step(stmt)) != SQLITE_DONE) {
		if (step != SQLITE_ROW) {
			r = sqlite_failed(session, err);
		} else if (limit > 0 && *ret_rows >= limit) {
			*ret_truncated = 1;
			break;
		} else {
			r = render_row(render, err);
			(*ret_rows)++;
		}
	}
	if (!r)
		r = render_end(render, *ret_truncated, err);
	render_free(render);
	return r;
}

static struct json *list_columns(sqlite3_stmt *stmt)
{
	struct json *list = json_new_array();

	for (int i = 0; i < sqlite3_column_count(stmt); i++) {
		struct json *column = json_new_object();
		char type[TYPE_NAME_MAX];

		json_set_str(column, "name", sqlite3_column_name(stmt, i));
		json_set_str(column, "type", render_type(stmt, i, type));
		json_push(list, column);
	}
	return list;
}

static int run(struct session *session, struct json **ret, struct err *err)
{
	int64_t start = clock_mono_ms(), rows = 0;
	sqlite3_stmt *stmt = NULL;
	int truncated = 0;
	int r = prepare(session, json_get_str(session->order, "sql", ""), &stmt, err);

	if (!r)
		r = send_rows(session, stmt, &rows, &truncated, err);
	if (!r) {
		*ret = json_new_object();
		json_set_int(*ret, "rows", rows);
		json_set_bool(*ret, "truncated", truncated);
		json_set(*ret, "columns", list_columns(stmt));
		json_set_int(*ret, "elapsed_ms", clock_mono_ms() - start);
		json_set_int(*ret, "scanned_rows", session->scanned);
		json_set(*ret, "indexes", json_copy(session->used));
	}
	sqlite3_finalize(stmt);
	return r;
}

int sql_run(struct loader *loader, const struct json *order, const struct sql_sink *sink, struct json **ret,
            struct err *err)
{
	struct session session = {.loader = loader, .order = order, .sink = sink, .used = json_new_array()};
	int r;

	if (sqlite3_open_v2(":memory:", &session.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ||
	    vtab_register(&session)) {
		sqlite3_close(session.db);
		json_free(session.used);
		return err_set(err, ERR_NOMEM, "cannot start SQLite");
	}
	sqlite3_hard_heap_limit64(HEAP_MAX);
	sqlite3_exec(session.db, "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF", NULL, NULL, NULL);
	sqlite3_db_config(session.db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_limit(session.db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_set_authorizer(session.db, authorize, NULL);
	sqlite3_progress_handler(session.db, STEPS_PER_LOOK, look_around, &session);
	r = run(&session, ret, err);
	sqlite3_close(session.db);
	json_free(session.used);
	return r;
}
