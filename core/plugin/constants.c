/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/constants.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "out of memory");
}

static int split(struct constants *c, const struct ArrowSchema *whole)
{
	for (int64_t i = 0; i < whole->n_children; i++) {
		const struct ArrowSchema *column = whole->children[i];
		int64_t at = arrow_schema_find(&c->schema, column->name, strlen(column->name));
		struct ArrowSchema copy;

		c->from[i] = at >= 0 ? -1 - at : c->own.n_children;
		if (at >= 0)
			continue;
		if (arrow_schema_copy(&copy, column))
			return -1;
		if (arrow_schema_append(&c->own, &copy)) {
			arrow_schema_release(&copy);
			return -1;
		}
	}
	return 0;
}

int constants_init(struct constants *c, const struct ArrowSchema *whole, const struct ArrowSchema *schema,
                   struct ArrowArray *values, struct err *err)
{
	memset(c, 0, sizeof(*c));
	c->values = *values;
	values->release = NULL;
	c->from = calloc((size_t)whole->n_children + 1, sizeof(*c->from));
	if (!c->from || arrow_schema_copy(&c->whole, whole) || arrow_schema_copy(&c->schema, schema) ||
	    arrow_schema_make(&c->own, "+s", "", 0, 0) || split(c, whole)) {
		constants_done(c);
		return no_memory(err);
	}
	return 0;
}

void constants_done(struct constants *c)
{
	arrow_array_release(&c->batch);
	arrow_array_release(&c->values);
	arrow_schema_release(&c->whole);
	arrow_schema_release(&c->own);
	arrow_schema_release(&c->schema);
	free(c->from);
	memset(c, 0, sizeof(*c));
}

/* ---- terms -------------------------------------------------------------------------------------------------- */

static int64_t position(const struct constants *c, const orasi_term *term)
{
	return c->from ? arrow_schema_find(&c->schema, term->column.ptr, term->column.len) : -1;
}

int constants_has(const struct constants *c, const orasi_term *term)
{
	return position(c, term) >= 0;
}

static int compare_texts(const struct arrow_view *a, const struct arrow_view *b, int64_t i)
{
	size_t n, m;
	const char *x = arrow_view_bytes(a, 0, &n), *y = arrow_view_bytes(b, i, &m);
	int order = memcmp(x, y, n < m ? n : m);

	return order ? order : n < m ? -1 : n > m;
}

/* -1, 0, 1; 2: who knows. */
static int compare(const struct arrow_view *a, const struct arrow_view *b, int64_t i)
{
	int64_t x, y;

	switch (a->info.type) {
	case ARROW_UTF8:
		return compare_texts(a, b, i);
	case ARROW_BOOL:
	case ARROW_INT8:
	case ARROW_INT16:
	case ARROW_INT32:
	case ARROW_INT64:
	case ARROW_DATE32:
	case ARROW_TIMESTAMP:
		x = arrow_view_int(a, 0);
		y = arrow_view_int(b, i);
		return x < y ? -1 : x > y;
	default:
		return 2;
	}
}

static int value_allows(const struct arrow_view *have, const struct arrow_view *wanted, int64_t i, uint32_t op)
{
	int order = compare(have, wanted, i);

	if (order == 2)
		return 1;
	switch (op) {
	case ORASI_OP_EQ:
	case ORASI_OP_IN:
		return order == 0;
	case ORASI_OP_LT:
		return order < 0;
	case ORASI_OP_LE:
		return order <= 0;
	case ORASI_OP_GT:
		return order > 0;
	case ORASI_OP_GE:
		return order >= 0;
	default:
		return 1;
	}
}

int constants_allow(const struct constants *c, const orasi_term *term)
{
	struct arrow_view root, have, wanted;

	if (arrow_view_init(&root, &c->schema, &c->values) || arrow_view_child(&root, position(c, term), &have))
		return 1;
	if (term->op == ORASI_OP_IS_NULL || term->op == ORASI_OP_NOT_NULL)
		return arrow_view_is_null(&have, 0) == (term->op == ORASI_OP_IS_NULL);
	if (arrow_view_is_null(&have, 0))
		return 0;
	if (arrow_view_init(&wanted, term->type, term->values) || wanted.info.type != have.info.type)
		return 1;
	for (int64_t i = 0; i < wanted.length; i++)
		if (!arrow_view_is_null(&wanted, i) && value_allows(&have, &wanted, i, term->op))
			return 1;
	return 0;
}

/* ---- batches -------------------------------------------------------------------------------------------------- */

static int append_copy(struct arrow_builder *b, const struct arrow_view *value)
{
	const void *p;
	size_t n;

	if (arrow_view_is_null(value, 0))
		return arrow_append_null(b);
	switch (value->info.type) {
	case ARROW_BOOL:
		return arrow_append_bool(b, arrow_view_int(value, 0) != 0);
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		return arrow_append_double(b, arrow_view_double(value, 0));
	case ARROW_DECIMAL128:
		return arrow_append_fixed(b, arrow_view_bytes(value, 0, &n));
	case ARROW_UTF8:
	case ARROW_BINARY:
		p = arrow_view_bytes(value, 0, &n);
		return arrow_append_bytes(b, p, n);
	default:
		return arrow_append_int(b, arrow_view_int(value, 0));
	}
}

static int repeat(const struct constants *c, int64_t column, int64_t n, struct ArrowArray *ret)
{
	struct arrow_builder *b = arrow_builder_new(c->schema.children[column]);
	struct arrow_view root, value;
	int bad = !b || arrow_view_init(&root, &c->schema, &c->values) || arrow_view_child(&root, column, &value);

	for (int64_t i = 0; i < n && !bad; i++)
		bad = append_copy(b, &value);
	bad = bad || arrow_builder_finish(b, ret);
	arrow_builder_free(b);
	return bad;
}

int constants_join(struct constants *c, struct ArrowArray *batch, const struct ArrowArray **ret, struct err *err)
{
	int64_t n = c->whole.n_children, rows = batch->length, done = 0;
	struct ArrowArray *columns = calloc((size_t)n + 1, sizeof(*columns));
	int bad = !columns || batch->offset;

	arrow_array_release(&c->batch);
	for (; done < n && !bad; done++) {
		if (c->from[done] < 0) {
			bad = repeat(c, -1 - c->from[done], rows, &columns[done]);
			continue;
		}
		columns[done] = *batch->children[c->from[done]]; /* moved, by the rules of Arrow's C interface */
		batch->children[c->from[done]]->release = NULL;
	}
	bad = bad || arrow_array_struct(&c->batch, rows, columns, n);
	for (int64_t i = 0; i < done && bad; i++)
		arrow_array_release(&columns[i]);
	free(columns);
	arrow_array_release(batch);
	*ret = &c->batch;
	return bad ? no_memory(err) : 0;
}
