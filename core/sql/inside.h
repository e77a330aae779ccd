/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the sql room only. */
#ifndef SQL_INSIDE_H
#define SQL_INSIDE_H

#include <sqlite3.h>

#include <orasi/sdk/arrow.h>

#include "base/buf.h"
#include "plugin/loader.h"
#include "plugin/reader.h"
#include "sql/sql.h"
#include "table/table.h"

/* One query's world. */
struct session {
	sqlite3 *db;
	struct loader *loader;
	const struct json *order;
	const struct sql_sink *sink;
	int64_t scanned;
	struct err err; /* the reason behind an error of SQLite's, when it is ours */
};

/* vtab.c */
int vtab_register(struct session *session);

/* value.c */
const char *value_sql_type(const struct ArrowSchema *schema);
void value_result(sqlite3_context *context, const struct arrow_view *view, int64_t i);
/* A constant as an array of one value of the column's type, when the comparison `op` means the same with it; for
 * partial times the operator may get weaker. 0, or -1: not to be pushed down. */
int value_term(const struct ArrowSchema *column, int sqlite_op, sqlite3_value *value, uint32_t *ret_op,
               struct ArrowArray *ret);

/* render.c: rows as text. */
#define TYPE_NAME_MAX 32
struct render;
/* The type of a result column as people see it; "" when it is computed. */
const char *render_type(sqlite3_stmt *stmt, int i, char ret[TYPE_NAME_MAX]);
int render_new(const char *format, sqlite3_stmt *stmt, const struct sql_sink *sink, struct render **ret,
               struct err *err);
void render_free(struct render *render);
int render_row(struct render *render, struct err *err);
int render_end(struct render *render, int truncated, struct err *err);

#endif
