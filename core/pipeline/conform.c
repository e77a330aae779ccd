/* SPDX-License-Identifier: Apache-2.0 */
/* A column whose type is the wanted one already is moved; others are built anew, value by value. */
#include "conform.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "table/table.h"

struct conform {
	struct ArrowSchema from, to;
	struct ArrowSchema canonical; /* `from` with the names and types that a dataset would give it */
	int64_t *source;              /* per column of `to`: position in `canonical`, or -1 */
	int *moves;                   /* per column of `to`: the types are equal */
};

void conform_free(struct conform *c)
{
	if (!c)
		return;
	arrow_schema_release(&c->from);
	arrow_schema_release(&c->to);
	arrow_schema_release(&c->canonical);
	free(c->source);
	free(c->moves);
	free(c);
}

/* The member of `from` that is behind member `at` of its canonical form; *ret_nanos: as the number it is. */
static int64_t origin_of(const struct ArrowSchema *from, int64_t at, int *ret_nanos)
{
	int64_t nanos = at - from->n_children;

	*ret_nanos = nanos >= 0;
	for (int64_t i = 0; nanos >= 0 && i < from->n_children; i++)
		if (table_schema_has_nanos(from->children[i]) && !nanos--)
			return i;
	return at;
}

static int match_columns(struct conform *c, struct err *err)
{
	int64_t n = c->to.n_children;

	c->source = calloc((size_t)n + 1, sizeof(*c->source));
	c->moves = calloc((size_t)n + 1, sizeof(*c->moves));
	if (!c->source || !c->moves)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (int64_t i = 0; i < n; i++) {
		const char *name = c->to.children[i]->name;

		c->source[i] = arrow_schema_find(&c->canonical, name, strlen(name));
		if (c->source[i] >= 0 && c->source[i] < c->from.n_children) {
			struct ArrowSchema *have = c->from.children[c->source[i]];
			const char *own = have->name;

			have->name = name; /* renamed columns are equal all the same */
			c->moves[i] = arrow_schema_equal(have, c->to.children[i], 0);
			have->name = own;
		}
	}
	return 0;
}

int conform_new(const struct ArrowSchema *from, const struct ArrowSchema *to, struct conform **ret, struct err *err)
{
	struct conform *c = calloc(1, sizeof(*c));
	int r = c ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	if (!r && (arrow_schema_copy(&c->from, from) || arrow_schema_copy(&c->to, to)))
		r = err_set(err, ERR_NOMEM, "out of memory");
	if (!r)
		r = table_schema_canonical(from, to, &c->canonical, err);
	if (!r)
		r = match_columns(c, err);
	if (r) {
		conform_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

/* ---- values ---------------------------------------------------------------------------------------------- */

/* `canon` is the canonical form of the view's schema. */
static int convert(const struct arrow_view *view, const struct ArrowSchema *canon, int64_t i,
                   const struct ArrowSchema *to, struct arrow_builder *b, struct err *err);

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "out of memory, or a batch of more than 2 GiB");
}

/* Into microseconds; what is finer is kept beside, or refused by check_item. */
static int convert_time(const struct arrow_view *view, int64_t i, struct arrow_builder *b, struct err *err)
{
	static const int64_t to_micros[] = {1000000, 1000, 1, 0};
	int64_t v = arrow_view_int(view, i);

	if (view->info.unit == ARROW_NANO)
		v = v / 1000 - (v % 1000 < 0);
	else if (__builtin_mul_overflow(v, to_micros[view->info.unit], &v))
		return err_set(err, ERR_INVALID, "column '%s', row %" PRId64 ": the time does not fit microseconds",
		               view->schema->name, i);
	return arrow_append_int(b, v) ? no_memory(err) : 0;
}

/* Items of lists and maps have no column beside them that could keep their nanoseconds. */
static int check_item(const struct arrow_view *view, int64_t i, struct err *err)
{
	if (!table_schema_has_nanos(view->schema) || arrow_view_is_null(view, i) || !(arrow_view_int(view, i) % 1000))
		return 0;
	return err_set(err, ERR_INVALID,
	               "column '%s', item %" PRId64 ": a list or map of times with nanoseconds does not "
	               "fit a dataset, which has microseconds: cut them, or make them integers",
	               view->schema->name, i);
}

static int append_number(const struct arrow_view *view, int64_t i, struct arrow_builder *b, struct err *err)
{
	int r = arrow_view_is_null(view, i) ? arrow_append_null(b) : arrow_append_int(b, arrow_view_int(view, i));

	return r ? no_memory(err) : 0;
}

/* Member k of the dataset's struct; members that the data does not have are null. */
static int convert_member(const struct arrow_view *view, const struct ArrowSchema *canon, int64_t i,
                          const struct ArrowSchema *to, struct arrow_builder *b, int in_map, struct err *err)
{
	int64_t at = arrow_schema_find(canon, to->name, strlen(to->name));
	struct arrow_view child;
	int nanos, r;

	if (at < 0)
		return arrow_append_null(b) ? no_memory(err) : 0;
	if (arrow_view_child(view, origin_of(view->schema, at, &nanos), &child))
		return err_set(err, ERR_INTERNAL, "column '%s' is damaged", to->name);
	if (nanos)
		return append_number(&child, i, b, err);
	r = in_map ? check_item(&child, i, err) : 0;
	return r ? r : convert(&child, canon->children[at], i, to, b, err);
}

static int convert_struct(const struct arrow_view *view, const struct ArrowSchema *canon, int64_t i,
                          const struct ArrowSchema *to, struct arrow_builder *b, int in_map, struct err *err)
{
	int r = 0;

	for (int64_t k = 0; k < to->n_children && !r; k++)
		r = convert_member(view, canon, i, to->children[k], arrow_builder_child(b, k), in_map, err);
	return r ? r : arrow_end_struct(b) ? no_memory(err) : 0;
}

static int convert_list(const struct arrow_view *view, const struct ArrowSchema *canon, int64_t i,
                        const struct ArrowSchema *to, struct arrow_builder *b, int is_map, struct err *err)
{
	int64_t begin, end;
	struct arrow_view child;
	int r = 0;

	if (arrow_view_child(view, 0, &child))
		return err_set(err, ERR_INTERNAL, "column '%s' is damaged", to->name);
	arrow_view_list(view, i, &begin, &end);
	for (; begin < end && !r; begin++) {
		r = check_item(&child, begin, err);
		if (!r && is_map)
			r = convert_struct(&child, canon->children[0], begin, to->children[0],
			                   arrow_builder_child(b, 0), 1, err);
		else if (!r)
			r = convert(&child, canon->children[0], begin, to->children[0], arrow_builder_child(b, 0), err);
	}
	return r ? r : arrow_end_list(b) ? no_memory(err) : 0;
}

static int convert_int(const struct arrow_view *view, int64_t i, struct arrow_builder *b, struct err *err)
{
	int64_t v = arrow_view_int(view, i);

	if (view->info.type == ARROW_UINT64 && v < 0)
		return err_set(
			err, ERR_INVALID,
			"column '%s', row %" PRId64 ": %" PRIu64
			" does not fit a 64-bit signed integer, and a dataset has no unsigned ones: make it with a "
			"schema in which the column is decimal(20,0)",
			view->schema->name, i, (uint64_t)v);
	if (view->info.type == ARROW_DATE64)
		v = v / 86400000 - (v % 86400000 < 0);
	return arrow_append_int(b, v) ? no_memory(err) : 0;
}

static int convert_to_decimal(const struct arrow_view *view, int64_t i, struct arrow_builder *b, struct err *err)
{
	int64_t v = arrow_view_int(view, i);
	__int128 wide = view->info.type == ARROW_UINT64 ? (__int128)(uint64_t)v : (__int128)v;

	return arrow_append_fixed(b, &wide) ? no_memory(err) : 0;
}

static int is_time_number(enum arrow_type type)
{
	return type == ARROW_TIME32 || type == ARROW_TIME64 || type == ARROW_DURATION;
}

static int convert(const struct arrow_view *view, const struct ArrowSchema *canon, int64_t i,
                   const struct ArrowSchema *to, struct arrow_builder *b, struct err *err)
{
	struct arrow_type_info want;
	const void *p;
	size_t n;

	if (arrow_view_is_null(view, i))
		return arrow_append_null(b) ? no_memory(err) : 0;
	arrow_type_parse(to->format, &want);
	switch (want.type) {
	case ARROW_STRUCT:
		return convert_struct(view, canon, i, to, b, 0, err);
	case ARROW_LIST:
	case ARROW_MAP:
		return convert_list(view, canon, i, to, b, want.type == ARROW_MAP, err);
	case ARROW_BOOL:
		return arrow_append_bool(b, (int)arrow_view_int(view, i)) ? no_memory(err) : 0;
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		return arrow_append_double(b, arrow_view_double(view, i)) ? no_memory(err) : 0;
	case ARROW_UTF8:
	case ARROW_BINARY:
		p = arrow_view_bytes(view, i, &n);
		return arrow_append_bytes(b, p, n) ? no_memory(err) : 0;
	case ARROW_DECIMAL128:
		if (view->info.type != ARROW_DECIMAL128)
			return convert_to_decimal(view, i, b, err);
		p = arrow_view_bytes(view, i, &n);
		return arrow_append_fixed(b, p) ? no_memory(err) : 0;
	case ARROW_TIMESTAMP:
		return convert_time(view, i, b, err);
	default:
		return is_time_number(view->info.type) ? convert_time(view, i, b, err) : convert_int(view, i, b, err);
	}
}

/* ---- columns ----------------------------------------------------------------------------------------------- */

/* Column k of the dataset from the batch. */
static int build_column(const struct conform *c, int64_t k, const struct arrow_view *rows, int64_t length,
                        struct ArrowArray *ret, struct err *err)
{
	const struct ArrowSchema *to = c->to.children[k];
	int64_t at = c->source[k];
	struct arrow_builder *b = arrow_builder_new(to);
	struct arrow_view column;
	int nanos = 0, r = b ? 0 : no_memory(err);

	if (!r && at >= 0 && arrow_view_child(rows, origin_of(&c->from, at, &nanos), &column))
		r = err_set(err, ERR_INTERNAL, "column '%s' is damaged", to->name);
	for (int64_t i = 0; i < length && !r; i++)
		r = at < 0  ? (arrow_append_null(b) ? no_memory(err) : 0)
		    : nanos ? append_number(&column, i, b, err)
		            : convert(&column, c->canonical.children[at], i, to, b, err);
	if (!r && arrow_builder_finish(b, ret))
		r = no_memory(err);
	arrow_builder_free(b);
	return r;
}

int conform_batch(struct conform *c, struct ArrowArray *batch, struct ArrowArray *ret, struct err *err)
{
	int64_t n = c->to.n_children, length = batch->length;
	struct ArrowArray *columns = calloc((size_t)n + 1, sizeof(*columns));
	struct arrow_view rows;
	int r = columns ? 0 : no_memory(err);

	if (!r && arrow_view_init(&rows, &c->from, batch))
		r = err_set(err, ERR_INTERNAL, "a batch is damaged");
	for (int64_t i = 0; i < n && !r; i++) {
		struct ArrowArray *have = c->moves[i] ? batch->children[c->source[i]] : NULL;

		if (have && !batch->offset && have->length == length) {
			columns[i] = *have;
			have->release = NULL;
		} else {
			r = build_column(c, i, &rows, length, &columns[i], err);
		}
	}
	if (!r && arrow_array_struct(ret, length, columns, n))
		r = no_memory(err);
	for (int64_t i = 0; columns && i < n; i++)
		arrow_array_release(&columns[i]);
	free(columns);
	if (!r)
		arrow_array_release(batch);
	return r;
}
