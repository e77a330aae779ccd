/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: pragmas, statements, migrations. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/inside.h"

static int fail(sqlite3 *handle, const char *what, struct err *err)
{
	int code = handle ? sqlite3_errcode(handle) & 0xFF : SQLITE_NOMEM;
	static const struct {
		int sqlite, ours;
	} codes[] = {{SQLITE_FULL, ERR_NOSPACE},  {SQLITE_IOERR, ERR_IO},        {SQLITE_NOMEM, ERR_NOMEM},
	             {SQLITE_BUSY, ERR_BUSY},     {SQLITE_CORRUPT, ERR_CORRUPT}, {SQLITE_NOTADB, ERR_CORRUPT},
	             {SQLITE_READONLY, ERR_PERM}, {SQLITE_CANTOPEN, ERR_IO},     {SQLITE_CONSTRAINT, ERR_CONFLICT}};
	int ours = ERR_INTERNAL;

	/* the wal-index could not be extended: a full disk too, and nothing is committed */
	if (handle && sqlite3_extended_errcode(handle) == SQLITE_IOERR_SHMSIZE)
		code = SQLITE_FULL;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].sqlite == code)
			ours = codes[i].ours;
	return err_set(err, ours, "store: %s: %s", what, handle ? sqlite3_errmsg(handle) : "no memory");
}

int db_fail(const struct store_db *db, const char *what, struct err *err)
{
	return fail(db->handle, what, err);
}

int db_exec(struct store_db *db, const char *sql, struct err *err)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) ? db_fail(db, "cannot run a statement", err) : 0;
}

int db_open(const char *path, int read_only, struct store_db *ret, struct err *err)
{
	static const char write_pragmas[] =
		"PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		"PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY;"
		"PRAGMA secure_delete=OFF; PRAGMA journal_size_limit=67108864;";
	static const char read_pragmas[] = "PRAGMA query_only=1; PRAGMA cache_size=-1024;";
	int flags = read_only ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

	memset(ret, 0, sizeof(*ret));
	if (sqlite3_open_v2(path, &ret->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) ||
	    sqlite3_busy_timeout(ret->handle, STORE_BUSY_MS) ||
	    sqlite3_exec(ret->handle, read_only ? read_pragmas : write_pragmas, NULL, NULL, NULL)) {
		int r = db_fail(ret, "cannot open the database", err);

		err_prefix(err, "'%s'", path);
		db_close(ret);
		return r;
	}
	return 0;
}

void db_close(struct store_db *db)
{
	day_files_close(db);
	for (size_t i = 0; i < db->n_statements; i++)
		sqlite3_finalize(db->statements[i].handle);
	sqlite3_close(db->handle);
	memset(db, 0, sizeof(*db));
}

int db_version(struct store_db *db, int *ret, struct err *err)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db->handle, "PRAGMA user_version", -1, &stmt, NULL))
		return db_fail(db, "cannot read the version", err);
	*ret = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int(stmt, 0) : 0;
	sqlite3_finalize(stmt);
	return 0;
}

int db_migrate(struct store_db *db, const char *const *steps, int n, struct err *err)
{
	char bump[64];
	int version = 0, r = db_version(db, &version, err);

	if (!r && version > n)
		return err_set(err, ERR_UNSUPPORTED,
		               "store: the database is of version %d, this agent knows %d: upgrade the agent", version,
		               n);
	for (; !r && version < n; version++) {
		snprintf(bump, sizeof(bump), "PRAGMA user_version=%d", version + 1);
		r = db_exec(db, "BEGIN IMMEDIATE", err);
		if (!r)
			r = db_exec(db, steps[version], err);
		if (!r)
			r = db_exec(db, bump, err);
		if (!r)
			r = db_exec(db, "COMMIT", err);
		else
			db_exec(db, "ROLLBACK", NULL);
	}
	return r;
}

int db_quick_check(struct store_db *db, struct err *err)
{
	sqlite3_stmt *stmt;
	const char *text;
	int r = 0;

	if (sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &stmt, NULL))
		return db_fail(db, "cannot check the database", err);
	if (sqlite3_step(stmt) != SQLITE_ROW)
		r = db_fail(db, "cannot check the database", err);
	else if ((text = (const char *)sqlite3_column_text(stmt, 0)) && strcmp(text, "ok"))
		r = err_set(err, ERR_CORRUPT, "store: the database is damaged: %s", text);
	sqlite3_finalize(stmt);
	return r;
}

/* ---- statements ---------------------------------------------------------------------------- */

static struct store_stmt *find(struct store_db *db, const char *sql)
{
	for (size_t i = 0; i < db->n_statements; i++)
		if (db->statements[i].sql == sql)
			return &db->statements[i];
	return NULL;
}

int store_begin(struct store_db *db, const char *sql, struct store_stmt **ret, struct err *err)
{
	struct store_stmt *stmt = find(db, sql);

	if (!stmt) {
		if (db->n_statements == STORE_STATEMENTS)
			return err_set(err, ERR_INTERNAL, "store: too many statements");
		stmt = &db->statements[db->n_statements];
		if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt->handle, NULL))
			return db_fail(db, "cannot prepare a statement", err);
		stmt->sql = sql;
		db->n_statements++;
	}
	*ret = stmt;
	return 0;
}

void store_bind_int(struct store_stmt *stmt, int at, int64_t v)
{
	sqlite3_bind_int64(stmt->handle, at, v);
}

void store_bind_text(struct store_stmt *stmt, int at, const char *s)
{
	sqlite3_bind_text(stmt->handle, at, s, -1, SQLITE_STATIC);
}

int store_step(struct store_stmt *stmt, struct err *err)
{
	int r = sqlite3_step(stmt->handle);

	if (r == SQLITE_ROW)
		return 1;
	return r == SQLITE_DONE ? 0 : fail(sqlite3_db_handle(stmt->handle), "a statement failed", err);
}

int64_t store_int(const struct store_stmt *stmt, int column)
{
	return sqlite3_column_int64(stmt->handle, column);
}

const char *store_text(const struct store_stmt *stmt, int column)
{
	return (const char *)sqlite3_column_text(stmt->handle, column);
}

void store_end(struct store_stmt *stmt)
{
	if (!stmt)
		return;
	sqlite3_reset(stmt->handle);
	sqlite3_clear_bindings(stmt->handle);
}

int store_run(struct store_db *db, struct err *err, const char *sql, const char *types, ...)
{
	struct store_stmt *stmt = NULL;
	va_list ap;
	int r = store_begin(db, sql, &stmt, err);

	if (r)
		return r;
	va_start(ap, types);
	for (int at = 1; *types; at++, types++)
		if (*types == 'i')
			store_bind_int(stmt, at, va_arg(ap, int64_t));
		else
			store_bind_text(stmt, at, va_arg(ap, const char *));
	va_end(ap);
	do
		r = store_step(stmt, err);
	while (r > 0);
	store_end(stmt);
	return r;
}

int64_t store_changes(const struct store_db *db)
{
	return sqlite3_changes64(db->handle);
}
