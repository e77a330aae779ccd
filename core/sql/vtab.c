/* SPDX-License-Identifier: Apache-2.0 */
/* A dataset as a virtual table. The snapshot is taken when the table is made, so a query sees one version of it.
 *
 * A cursor goes file by file. When the plan has an index, files that it covers are read by the rows it named; the
 * others are decoded with the comparisons pushed down. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "sql/inside.h"

struct cursor {
	sqlite3_vtab_cursor base;
	struct ArrowSchema schema; /* of the columns that are read */
	int *position;             /* column of the table → column of `schema`, or -1 */
	struct arrow_view *views;
	orasi_term terms[PLAN_TERMS_MAX];
	struct ArrowArray values[PLAN_TERMS_MAX];
	uint32_t n_terms;
	const orasi_term *pushed[PLAN_TERMS_MAX]; /* of them, what the decoder is told */
	uint32_t n_pushed;
	struct picked *picked; /* per file, what the index said; or NULL */
	size_t file;
	struct reader *reader;
	const struct ArrowArray *batch;
	int64_t row, first; /* in the batch; the batch's in the file, or among the picked */
	int eof;
};

static struct session *session_of(sqlite3_vtab *vtab)
{
	return ((struct dataset *)vtab)->session;
}

int vtab_failed(struct session *session, const struct err *err)
{
	session->err = *err;
	return err->code == ERR_NOMEM ? SQLITE_NOMEM : SQLITE_ERROR;
}

/* ---- making a table ------------------------------------------------------------------------------------- */

static const struct json *place_of(const struct session *session, const char *name)
{
	const struct json *datasets = json_get(session->order, "datasets");

	for (size_t i = 0; i < json_count(datasets); i++)
		if (is_named(json_get_str(json_at(datasets, i), "name", ""), name))
			return json_at(datasets, i);
	return NULL;
}

static int declare(struct dataset *table, sqlite3 *db)
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
	buf_puts(&sql, "_file TEXT HIDDEN, _row INTEGER HIDDEN, _score REAL HIDDEN)");
	r = sql.failed ? SQLITE_NOMEM : sqlite3_declare_vtab(db, sql.data);
	buf_done(&sql);
	return r;
}

static int table_free(sqlite3_vtab *vtab)
{
	struct dataset *table = (struct dataset *)vtab;

	indexes_close(table->indexes);
	table_snapshot_done(&table->snapshot);
	blob_close(table->blob);
	free(table->plans);
	free(table);
	return SQLITE_OK;
}

static int open_snapshot(struct blob *blob, const struct table_codec *codec, const char *name,
                         struct table_snapshot *ret, struct err *err)
{
	const char *when = strchr(name, '@');
	int64_t version = -1, wall_ms;
	int r = 0;

	if (when && when[1] == 'v' && !str_to_i64(when + 2, &version) && version >= 0)
		return table_snapshot_at(blob, codec, version, ret, err);
	if (when && clock_from_rfc3339(when + 1, &wall_ms))
		return err_set(err, ERR_INVALID,
		               "'%s': behind the @ stands a version as v3, or a time as 2026-01-31T12:00:00Z", name);
	if (when)
		r = table_version_at(blob, wall_ms, &version, err);
	return r ? r : table_snapshot_at(blob, codec, version, ret, err);
}

static int connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **ret, char **message)
{
	struct table_codec codec = CODEC(((struct session *)aux)->loader);
	struct dataset *table = calloc(1, sizeof(*table));
	const struct json *place = place_of(aux, argv[2]);
	struct err err = {0};
	int r;

	(void)argc;
	(void)message;
	if (!table)
		return SQLITE_NOMEM;
	table->session = aux;
	r = blob_open(json_get_str(place, "location", ""), &table->blob, &err);
	if (!r)
		r = open_snapshot(table->blob, &codec, argv[2], &table->snapshot, &err);
	if (!r && table->snapshot.version < 0)
		r = table_missing(place, &err);
	if (!r)
		r = indexes_open(aux, argv[2], table->blob, &table->snapshot, &table->indexes, &err);
	r = r ? vtab_failed(aux, &err) : declare(table, db);
	if (r) {
		table_free(&table->base);
		return r;
	}
	*ret = &table->base;
	return SQLITE_OK;
}

/* ---- cursors ------------------------------------------------------------------------------------------------ */

static int cursor_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **ret)
{
	struct dataset *table = (struct dataset *)vtab;
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
	const struct dataset *table = (struct dataset *)cursor->base.pVtab;

	reader_close(cursor->reader);
	cursor->reader = NULL;
	cursor->batch = NULL;
	arrow_schema_release(&cursor->schema);
	for (uint32_t i = 0; i < cursor->n_terms; i++)
		arrow_array_release(&cursor->values[i]);
	cursor->n_terms = 0;
	cursor->n_pushed = 0;
	if (table)
		picked_free(cursor->picked, table->snapshot.n_files);
	cursor->picked = NULL;
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
static int choose_columns(struct cursor *cursor, const struct dataset *table, uint64_t used)
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

/* ---- conditions ------------------------------------------------------------------------------------------------- */

static int make_term(const struct ArrowSchema *column, int op, sqlite3_value *value, orasi_term *ret,
                     struct ArrowArray *ret_values)
{
	uint32_t ours;

	if (value_term(column, op, value, &ours, ret_values))
		return -1;
	*ret = (orasi_term){sizeof(*ret),
	                    ours,
	                    {column->name, strlen(column->name)},
	                    column,
	                    ours == ORASI_OP_IS_NULL || ours == ORASI_OP_NOT_NULL ? NULL : ret_values};
	return 0;
}

/* The values of an IN, each as a term of its own. One that cannot be said as a term leaves all of them to SQLite. */
struct any {
	orasi_term *terms;
	struct ArrowArray *values;
	uint32_t n;
};

static void any_done(struct any *any)
{
	for (uint32_t i = 0; i < any->n; i++)
		arrow_array_release(&any->values[i]);
	free(any->terms);
	free(any->values);
	*any = (struct any){0};
}

static int any_grow(struct any *any)
{
	orasi_term *terms = realloc(any->terms, (any->n + 1) * sizeof(*terms));
	struct ArrowArray *values;

	if (!terms)
		return -1;
	any->terms = terms;
	values = realloc(any->values, (any->n + 1) * sizeof(*values));
	if (!values)
		return -1;
	any->values = values;
	for (uint32_t i = 0; i < any->n; i++) /* they have moved */
		terms[i].values = &values[i];
	return 0;
}

static void make_any(const struct ArrowSchema *column, sqlite3_value *list, struct any *ret)
{
	sqlite3_value *value;

	for (int r = sqlite3_vtab_in_first(list, &value); r == SQLITE_OK; r = sqlite3_vtab_in_next(list, &value)) {
		if (sqlite3_value_type(value) == SQLITE_NULL)
			continue;
		if (any_grow(ret) ||
		    make_term(column, SQLITE_INDEX_CONSTRAINT_EQ, value, &ret->terms[ret->n], &ret->values[ret->n])) {
			any_done(ret);
			return;
		}
		ret->n++;
	}
}

/* The plan's terms with their constants; those that the index is asked are listed in `asked`. */
static void choose_terms(struct cursor *cursor, const struct plan *plan, sqlite3_value **argv, const orasi_term **asked,
                         uint32_t *n_asked, struct any *any)
{
	const struct dataset *table = (struct dataset *)cursor->base.pVtab;

	for (int i = 0; i < plan->n_terms; i++) {
		const struct plan_term *planned = &plan->terms[i];
		const struct ArrowSchema *column = table->snapshot.schema.children[planned->column];
		orasi_term *term = &cursor->terms[cursor->n_terms];

		if (planned->is_in) {
			if (planned->is_asked && !any->n)
				make_any(column, argv[i], any);
			continue;
		}
		if (make_term(column, planned->op, argv[i], term, &cursor->values[cursor->n_terms]))
			continue;
		cursor->n_terms++;
		if (planned->is_asked)
			asked[(*n_asked)++] = term;
		if (term->op != ORASI_OP_MATCH)
			cursor->pushed[cursor->n_pushed++] = term;
	}
}

static int has_match(const struct plan *plan)
{
	for (int i = 0; i < plan->n_terms; i++)
		if (plan->terms[i].op == SQLITE_INDEX_CONSTRAINT_MATCH)
			return 1;
	return 0;
}

/* MATCH with something that is no text finds nothing. */
static int all_matches_asked(const struct plan *plan, const orasi_term *const *asked, uint32_t n)
{
	uint32_t wanted = 0;

	for (int i = 0; i < plan->n_terms; i++)
		wanted += plan->terms[i].op == SQLITE_INDEX_CONSTRAINT_MATCH;
	for (uint32_t i = 0; i < n; i++)
		wanted -= asked[i]->op == ORASI_OP_MATCH;
	return !wanted;
}

static int apply(struct cursor *cursor, const struct plan *plan, sqlite3_value **argv)
{
	struct dataset *table = (struct dataset *)cursor->base.pVtab;
	const orasi_term *asked[PLAN_TERMS_MAX];
	struct any any = {0};
	struct question question = {.terms = asked, .whole = has_match(plan)};
	struct err err = {0};
	int r = 0;

	choose_terms(cursor, plan, argv, asked, &question.n_terms, &any);
	question.any = any.terms;
	question.n_any = any.n;
	if (!all_matches_asked(plan, asked, question.n_terms))
		cursor->file = table->snapshot.n_files;
	else if (question.n_terms || question.n_any)
		r = indexes_ask(table->indexes, (size_t)plan->index, &question, &cursor->picked, &err);
	any_done(&any);
	return r ? vtab_failed(table->session, &err) : SQLITE_OK;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static const struct picked *picked_of(const struct cursor *cursor)
{
	return cursor->picked && cursor->picked[cursor->file].covered ? &cursor->picked[cursor->file] : NULL;
}

static int open_file(struct cursor *cursor)
{
	struct dataset *table = (struct dataset *)cursor->base.pVtab;
	const struct picked *picked = picked_of(cursor);
	struct reader_want want = {.schema = &cursor->schema, .terms = cursor->pushed, .n_terms = cursor->n_pushed};
	const struct table_file *file = &table->snapshot.files[cursor->file];
	struct ArrowArray constants = {0};
	struct err err = {0};
	int r;

	if (picked)
		want = (struct reader_want){.schema = &cursor->schema,
		                            .by_rows = 1,
		                            .rows = picked->rows,
		                            .n_rows = picked->n};
	r = table_file_partition(&table->snapshot, file, &constants, &err);
	want.constants_schema = &table->snapshot.partitions;
	want.constants = &constants;
	if (!r)
		r = reader_open(table->session->loader, table->blob, file->path, &want, &cursor->reader, &err);
	return r ? vtab_failed(table->session, &err) : SQLITE_OK;
}

/* The file at hand, or the next one that has rows. */
static int next_file(struct cursor *cursor)
{
	const struct dataset *table = (struct dataset *)cursor->base.pVtab;

	reader_close(cursor->reader);
	cursor->reader = NULL;
	while (cursor->file < table->snapshot.n_files && picked_of(cursor) && !picked_of(cursor)->n)
		cursor->file++;
	if (cursor->file < table->snapshot.n_files)
		return open_file(cursor);
	cursor->eof = 1;
	return SQLITE_OK;
}

static int too_many_rows(const struct cursor *cursor)
{
	const struct dataset *table = (struct dataset *)cursor->base.pVtab;
	struct err err;

	err_set(&err, ERR_PLUGIN, "data file '%s': the decoder returned more rows than were asked for",
	        table->snapshot.files[cursor->file].path);
	return vtab_failed(table->session, &err);
}

/* The next batch, of this file or of one behind it. */
static int next_batch(struct cursor *cursor)
{
	struct session *session = session_of(cursor->base.pVtab);
	struct err err = {0};
	struct arrow_view root;
	int r;

	while (!cursor->eof) {
		r = reader_next(cursor->reader, &cursor->batch, &cursor->first, &err);
		if (r < 0)
			return vtab_failed(session, &err);
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
	if (!cursor->eof && picked_of(cursor) && cursor->batch->length > (int64_t)picked_of(cursor)->n - cursor->first)
		return too_many_rows(cursor);
	if (cursor->eof || arrow_view_init(&root, &cursor->schema, cursor->batch))
		return cursor->eof ? SQLITE_OK : SQLITE_CORRUPT;
	for (int64_t i = 0; i < cursor->schema.n_children; i++)
		if (arrow_view_child(&root, i, &cursor->views[i]))
			return SQLITE_CORRUPT;
	return SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc, sqlite3_value **argv)
{
	struct cursor *cursor = (struct cursor *)base;
	const struct dataset *table = (struct dataset *)base->pVtab;
	const struct plan plan = table->plans[number];
	int r;

	(void)text;
	(void)argc;
	cursor_reset(cursor);
	if (choose_columns(cursor, table, plan.used))
		return SQLITE_NOMEM;
	r = apply(cursor, &plan, argv);
	if (!r)
		r = next_file(cursor);
	return r || cursor->eof ? r : next_batch(cursor);
}

static int next(sqlite3_vtab_cursor *base)
{
	struct cursor *cursor = (struct cursor *)base;

	return ++cursor->row < cursor->batch->length ? SQLITE_OK : next_batch(cursor);
}

static int eof(sqlite3_vtab_cursor *base)
{
	return ((struct cursor *)base)->eof;
}

/* Of the row at hand, in its file. */
static int64_t row_number(const struct cursor *cursor)
{
	const struct picked *picked = picked_of(cursor);
	int64_t i = cursor->first + cursor->row;

	return picked ? (int64_t)picked->rows[i] : i;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *context, int i)
{
	struct cursor *cursor = (struct cursor *)base;
	struct dataset *table = (struct dataset *)base->pVtab;
	int64_t n = table->snapshot.schema.n_children;

	if (i == n)
		sqlite3_result_text(context, table->snapshot.files[cursor->file].path, -1, SQLITE_TRANSIENT);
	else if (i == n + 1)
		sqlite3_result_int64(context, row_number(cursor));
	else if (i > n && picked_of(cursor))
		sqlite3_result_double(context, (double)picked_of(cursor)->scores[cursor->first + cursor->row]);
	else if (i < n && cursor->position[i] >= 0)
		value_result(context, &cursor->views[cursor->position[i]], cursor->row);
	return SQLITE_OK;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret)
{
	struct cursor *cursor = (struct cursor *)base;

	*ret = (sqlite3_int64)cursor->file << 40 | row_number(cursor);
	return SQLITE_OK;
}

static const sqlite3_module module = {
	.iVersion = 2,
	.xCreate = connect,
	.xConnect = connect,
	.xBestIndex = plan_best,
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
