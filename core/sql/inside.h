/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the sql room only. */
#ifndef SQL_INSIDE_H
#define SQL_INSIDE_H

#include <sqlite3.h>

#include <orasi/sdk/arrow.h>

#include "base/buf.h"
#include "plugin/codec.h"
#include "plugin/indexer.h"
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
	struct json *used; /* names of the indexes that were asked, "dataset.index" */
	struct err err;    /* the reason behind an error of SQLite's, when it is ours */
};

/* A dataset as a virtual table of SQLite's. */
struct dataset {
	sqlite3_vtab base;
	struct session *session;
	struct blob *blob;
	struct table_snapshot snapshot;
	struct indexes *indexes;
	struct plan *plans;
	size_t n_plans;
};

/* sql.c */
int is_named(const char *dataset, const char *name);

/* vtab.c */
int vtab_register(struct session *session);
/* SQLite knows only that something failed; the sentence is kept for the end. */
int vtab_failed(struct session *session, const struct err *err);

/* plan.c: which conditions of a statement go where. SQLite hands back the plan's number. */
#define PLAN_TERMS_MAX 16
struct plan {
	uint64_t used; /* columns; the last bit stands for all from there on */
	int index;     /* that is asked, or -1 */
	int n_terms;
	struct plan_term {
		int op, column; /* SQLite's */
		int is_in;      /* all values of an IN at once */
		int is_asked;   /* of the index */
	} terms[PLAN_TERMS_MAX];
};
int plan_best(sqlite3_vtab *vtab, sqlite3_index_info *info);

/* index.c: what the indexes of one table say of its rows. */
struct indexes;
struct picked {
	int covered; /* the index knows the file: just these rows, ascending, may match */
	uint64_t *rows;
	float *scores; /* of full text, else zeros */
	size_t n;
};
/* Indexes are there to be fast: one that cannot be read is as if it were not there. */
int indexes_open(struct session *session, const char *dataset, struct blob *blob, const struct table_snapshot *snapshot,
                 struct indexes **ret, struct err *err);
void indexes_close(struct indexes *indexes); /* NULL is fine */
size_t indexes_count(const struct indexes *indexes);
/* Does index i answer the operator on the column? Loads its plugin. */
int indexes_answer(struct indexes *indexes, size_t i, const char *column, uint32_t op);
/* "by_time (btree)" */
void indexes_label(const struct indexes *indexes, size_t i, char *ret, size_t cap);
/* One `picked` per file of the snapshot; `any`, if there are some: one of them must hold besides `terms`. With
 * `whole`, files that no segment covers are indexed for this once. Free with picked_free. */
struct question {
	const orasi_term *const *terms;
	uint32_t n_terms;
	const orasi_term *any;
	uint32_t n_any;
	int whole;
};
int indexes_ask(struct indexes *indexes, size_t i, const struct question *question, struct picked **ret,
                struct err *err);
void picked_free(struct picked *picked, size_t n_files);

/* fresh.c: a segment in a scratch folder over one file. */
struct fresh;
int fresh_open(struct indexer *indexer, struct blob *blob, const struct table_snapshot *snapshot,
               const struct table_file *file, struct fresh **ret, struct err *err);
void *fresh_reader(const struct fresh *fresh);
void fresh_close(struct fresh *fresh); /* removes the folder; NULL is fine */

/* value.c */
uint32_t value_op(int sqlite_op); /* ORASI_OP_*, 0: none */
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
