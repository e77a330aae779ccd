/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the store room only. */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H

#include <sqlite3.h>

#include "store/store.h"

#define STORE_BUSY_MS 1000 /* how long SQLite waits for another process before it says so */
#define STORE_STATEMENTS 128 /* distinct SQL texts a connection may prepare */

struct store_stmt {
	const char *sql;
	sqlite3_stmt *handle;
};

struct store_db {
	sqlite3 *handle;
	struct store_stmt statements[STORE_STATEMENTS];
	size_t n_statements;
};

extern const char *const store_schema[];
extern const int store_schema_steps;

int db_open(const char *path, int read_only, struct store_db *ret, struct err *err);
void db_close(struct store_db *db);
int db_exec(struct store_db *db, const char *sql, struct err *err);
int db_fail(const struct store_db *db, const char *what, struct err *err);
int db_migrate(struct store_db *db, struct err *err);

#endif
