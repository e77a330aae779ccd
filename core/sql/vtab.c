/* SPDX-License-Identifier: Apache-2.0 */
/* A dataset as a virtual table. The snapshot is taken when the table is made, so a query sees one version of it.
 *
 * xBestIndex writes the plan as text, "used-columns op:column op:column …", which xFilter reads back together with
 * the constants. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/inside.h"

#define TERMS_MAX 16

struct table {
	sqlite3_vtab base;
	struct session *session;
	struct blob *blob;
	struct table_snapshot snapshot;
};

struct cursor {
	sqlite3_vtab_cursor base;
	struct ArrowSchema schema; /* of the columns that are read */
	int *position;             /* column of the table → column of `schema`, or -1 */
	struct arrow_view *views;
	orasi_term terms[TERMS_MAX];
	const orasi_term *term_list[TERMS_MAX];
	struct ArrowArray values[TERMS_MAX];
	uint32_t n_terms;
	size_t file;
	struct reader *reader;
	const struct ArrowArray *batch;
	int64_t row, in_file; /* in the batch, in the file */
	int eof;
};

static struct session *session_of(sqlite3_vtab *vtab)
{
	return ((struct table *)vtab)->session;
}

/* SQLite knows only that something failed; the sentence is kept for the end. */
static int failed(struct session *session, const struct err *err)
{
	session->err = *err;
	return err->code == ERR_NOMEM ? SQLITE_NOMEM : SQLITE_ERROR;
}

/* ---- making a table ------------------------------------------------------------------------------------- */

static const char *location_of(const struct session *session, const char *name)
{
	const struct json *datasets = json_get(session->order, "datasets");

	for (size_t i = 0; i < json_count(datasets); i++)
		if (!sqlite3_stricmp(json_get_str(json_at(datasets, i), "name", ""), name))
			return json_get_str(json_at(datasets, i), "location", "");
	return "";
}

static int declare(struct table *table, sqlite3 *db)
{
	const struct ArrowSchema *schema = &table->snapshot.schema;
	struct buf sql;
	int r;

	buf_init(&sql, 0);
	buf_puts(&sql, "CREATE TABLE x(");
	for (int64_t i = 0; i < schema->n_children; i++) {
		char *name = sqlite3_mprintf("\"%w\"", schema->children[i]->name);

		buf_printf(&sql, "%s %s,", name, value_sql_type(schema->children[i]));
		sqlite3_free(name);
	}
	buf_puts(&sql, "_file TEXT HIDDEN, _row INTEGER HIDDEN)");
	r = sql.failed ? SQLITE_NOMEM : sqlite3_declare_vtab(db, sql.data);
	buf_done(&sql);
	return r;
}

static int table_free(sqlite3_vtab *vtab)
{
	struct table *table = (struct table *)vtab;

	table_snapshot_done(&table->snapshot);
	blob_close(table->blob);
	free(table);
	return SQLITE_OK;
}

static int connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **ret, char **message)
{
	struct table *table = calloc(1, sizeof(*table));
	struct err err = {0};
	int r;

	(void)argc;
	(void)message;
	if (!table)
		return SQLITE_NOMEM;
	table->session = aux;
	r = blob_open(location_of(aux, argv[2]), &table->blob, &err);
	if (!r)
		r = table_snapshot(table->blob, &table->snapshot, &err);
	if (!r && table->snapshot.version < 0)
		r = err_set(&err, ERR_NOTFOUND, "dataset '%s' has no table yet: nothing was ingested", argv[2]);
	r = r ? failed(aux, &err) : declare(table, db);
	if (r) {
		table_free(&table->base);
		return r;
	}
	*ret = &table->base;
	return SQLITE_OK;
}

/* ---- planning ---------------------------------------------------------------------------------------------- */

static int is_pushed(const struct table *table, sqlite3_index_info *info, int i)
{
	const struct sqlite3_index_constraint *c = &info->aConstraint[i];
	const char *collation;

	if (!c->usable || c->iColumn < 0 || c->iColumn >= table->snapshot.schema.n_children)
		return 0;
	switch (c->op) {
	case SQLITE_INDEX_CONSTRAINT_EQ:
	case SQLITE_INDEX_CONSTRAINT_LT:
	case SQLITE_INDEX_CONSTRAINT_LE:
	case SQLITE_INDEX_CONSTRAINT_GT:
	case SQLITE_INDEX_CONSTRAINT_GE:
		collation = sqlite3_vtab_collation(info, i);
		return collation && !sqlite3_stricmp(collation, "BINARY");
	case SQLITE_INDEX_CONSTRAINT_ISNULL:
	case SQLITE_INDEX_CONSTRAINT_ISNOTNULL:
		return 1;
	default:
		return 0;
	}
}

static int best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
	struct table *table = (struct table *)vtab;
	double rows = table->snapshot.rows >= 0 ? (double)table->snapshot.rows : 1e6;
	sqlite3_str *plan = sqlite3_str_new(NULL);
	int n = 0;

	sqlite3_str_appendf(plan, "%llx", (unsigned long long)info->colUsed);
	for (int i = 0; i < info->nConstraint && n < TERMS_MAX; i++) {
		if (!is_pushed(table, info, i))
			continue;
		info->aConstraintUsage[i].argvIndex = ++n;
		sqlite3_str_appendf(plan, " %d:%d", info->aConstraint[i].op, info->aConstraint[i].iColumn);
		rows /= info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ ? 20 : 3;
	}
	info->idxStr = sqlite3_str_finish(plan);
	info->needToFreeIdxStr = 1;
	info->estimatedRows = rows < 1 ? 1 : (sqlite3_int64)rows;
	info->estimatedCost = rows + 1;
	return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

/* ---- cursors ------------------------------------------------------------------------------------------------ */

static int cursor_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **ret)
{
	struct table *table = (struct table *)vtab;
	struct cursor *cursor = calloc(1, sizeof(*cursor));
	size_t n = (size_t)table->snapshot.schema.n_children;

	if (!cursor)
		return SQLITE_NOMEM;
	cursor->position = calloc(n + 1, sizeof(*cursor->position));
	cursor->views = calloc(n + 1, sizeof(*cursor->views));
	*ret = &cursor->base;
	return cursor->position && cursor->views ? SQLITE_OK : SQLITE_NOMEM;
}

static void cursor_reset(struct cursor *cursor)
{
	reader_close(cursor->reader);
	cursor->reader = NULL;
	cursor->batch = NULL;
	arrow_schema_release(&cursor->schema);
	for (uint32_t i = 0; i < cursor->n_terms; i++)
		arrow_array_release(&cursor->values[i]);
	cursor->n_terms = 0;
	cursor->file = 0;
	cursor->eof = 0;
}

static int cursor_close(sqlite3_vtab_cursor *base)
{
	struct cursor *cursor = (struct cursor *)base;

	cursor_reset(cursor);
	free(cursor->position);
	free(cursor->views);
	free(cursor);
	return SQLITE_OK;
}

/* Only what the statement uses; the last bit of the mask stands for all columns behind it. */
static int choose_columns(struct cursor *cursor, const struct table *table, uint64_t used)
{
	const struct ArrowSchema *schema = &table->snapshot.schema;

	if (arrow_schema_make(&cursor->schema, "+s", "", 0, 0))
		return -1;
	for (int64_t i = 0; i < schema->n_children; i++) {
		struct ArrowSchema child;

		cursor->position[i] = -1;
		if (!(used >> (i < 63 ? i : 63) & 1))
			continue;
		if (arrow_schema_copy(&child, schema->children[i]))
			return -1;
		child.flags |= ARROW_FLAG_NULLABLE;
		if (arrow_schema_append(&cursor->schema, &child)) {
			arrow_schema_release(&child);
			return -1;
		}
		cursor->position[i] = (int)cursor->schema.n_children - 1;
	}
	return 0;
}

static void choose_terms(struct cursor *cursor, const struct table *table, const char *plan, sqlite3_value **argv)
{
	int op, column, used, arg = 0;

	while (sscanf(plan, " %d:%d%n", &op, &column, &used) == 2) {
		struct ArrowSchema *schema = table->snapshot.schema.children[column];
		orasi_term *term = &cursor->terms[cursor->n_terms];
		uint32_t ours;

		plan += used;
		if (value_term(schema, op, argv[arg++], &ours, &cursor->values[cursor->n_terms]))
			continue;
		*term = (orasi_term){sizeof(*term), ours, {schema->name, strlen(schema->name)}, schema,
		                     ours >= ORASI_OP_IS_NULL ? NULL : &cursor->values[cursor->n_terms]};
		cursor->term_list[cursor->n_terms++] = term;
	}
}

static int next_file(struct cursor *cursor)
{
	struct table *table = (struct table *)cursor->base.pVtab;
	char path[PATH_MAX];
	struct err err = {0};
	int r;

	reader_close(cursor->reader);
	cursor->reader = NULL;
	if (cursor->file >= table->snapshot.n_files) {
		cursor->eof = 1;
		return SQLITE_OK;
	}
	r = blob_path(table->blob, table->snapshot.files[cursor->file].path, path, sizeof(path), &err);
	if (!r)
		r = reader_open(table->session->loader, path, &cursor->schema, cursor->term_list, cursor->n_terms,
		                &cursor->reader, &err);
	return r ? failed(table->session, &err) : SQLITE_OK;
}

/* The next batch, of this file or of one behind it. */
static int next_batch(struct cursor *cursor)
{
	struct session *session = session_of(cursor->base.pVtab);
	struct err err = {0};
	struct arrow_view root;
	int r;

	while (!cursor->eof) {
		r = reader_next(cursor->reader, &cursor->batch, &cursor->in_file, &err);
		if (r < 0)
			return failed(session, &err);
		if (r > 0) {
			session->scanned += cursor->batch->length;
			break;
		}
		cursor->file++;
		r = next_file(cursor);
		if (r)
			return r;
	}
	cursor->row = 0;
	if (cursor->eof || arrow_view_init(&root, &cursor->schema, cursor->batch))
		return cursor->eof ? SQLITE_OK : SQLITE_CORRUPT;
	for (int64_t i = 0; i < cursor->schema.n_children; i++)
		if (arrow_view_child(&root, i, &cursor->views[i]))
			return SQLITE_CORRUPT;
	return SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc, sqlite3_value **argv)
{
	struct cursor *cursor = (struct cursor *)base;
	struct table *table = (struct table *)base->pVtab;
	unsigned long long used;
	int skip = 0, r;

	(void)number;
	(void)argc;
	cursor_reset(cursor);
	if (sscanf(plan, "%llx%n", &used, &skip) != 1 || choose_columns(cursor, table, used))
		return SQLITE_NOMEM;
	choose_terms(cursor, table, plan + skip, argv);
	r = next_file(cursor);
	return r || cursor->eof ? r : next_batch(cursor);
}

static int next(sqlite3_vtab_cursor *base)
{
	struct cursor *cursor = (struct cursor *)base;

	cursor->in_file++;
	return ++cursor->row < cursor->batch->length ? SQLITE_OK : next_batch(cursor);
}

static int eof(sqlite3_vtab_cursor *base)
{
	return ((struct cursor *)base)->eof;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *context, int i)
{
	struct cursor *cursor = (struct cursor *)base;
	struct table *table = (struct table *)base->pVtab;
	int64_t n = table->snapshot.schema.n_children;

	if (i == n)
		sqlite3_result_text(context, table->snapshot.files[cursor->file].path, -1, SQLITE_TRANSIENT);
	else if (i > n)
		sqlite3_result_int64(context, cursor->in_file);
	else if (cursor->position[i] >= 0)
		value_result(context, &cursor->views[cursor->position[i]], cursor->row);
	return SQLITE_OK;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret)
{
	struct cursor *cursor = (struct cursor *)base;

	*ret = (sqlite3_int64)cursor->file << 40 | cursor->in_file;
	return SQLITE_OK;
}

static const sqlite3_module module = {
	.iVersion = 2,
	.xCreate = connect,
	.xConnect = connect,
	.xBestIndex = best_index,
	.xDisconnect = table_free,
	.xDestroy = table_free,
	.xOpen = cursor_open,
	.xClose = cursor_close,
	.xFilter = filter,
	.xNext = next,
	.xEof = eof,
	.xColumn = column,
	.xRowid = rowid,
};

int vtab_register(struct session *session)
{
	return sqlite3_create_module(session->db, "dataset", &module, session);
}
