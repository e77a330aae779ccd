/* SPDX-License-Identifier: Apache-2.0 */
#include "sorting.h"

#include <math.h>

static const struct node *find_leaf(const struct tree *tree, const char *name)
{
	for (int i = 0; i < tree->root.n_children; i++)
		if (tree->root.children[i]->kind == NODE_LEAF && !strcmp(tree->root.children[i]->name, name))
			return tree->root.children[i];
	return NULL;
}

orasi_status sorting_open(struct sorting *s, const struct tree *tree, char **names, uint32_t n, orasi_error *err)
{
	s->columns = calloc((size_t)n + 1, sizeof(*s->columns));
	if (!s->columns)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (uint32_t i = 0; i < n; i++) {
		int descending = names[i][0] == '-';
		const struct node *node = find_leaf(tree, names[i] + descending);

		if (!node)
			return orasi_fail(err, ORASI_E_CONFIG,
			                  "sorted_by names column '%.100s', which the rows do not have "
			                  "or which is nested",
			                  names[i] + descending);
		s->columns[i].node = node;
		s->columns[i].descending = descending;
		s->n = i + 1;
	}
	sorting_start(s);
	return ORASI_OK;
}

void sorting_done(struct sorting *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		bytes_free(&s->columns[i].text);
	free(s->columns);
	memset(s, 0, sizeof(*s));
}

void sorting_start(struct sorting *s)
{
	s->any = 0;
	s->holds = 1;
}

/* ---- one row -------------------------------------------------------------------------------- */

static int is_float(enum arrow_type type)
{
	return type == ARROW_FLOAT16 || type == ARROW_FLOAT32 || type == ARROW_FLOAT64;
}

static int is_text(const struct node *node)
{
	return (node->physical == PQ_BYTE_ARRAY || node->physical == PQ_FIXED) && node->info.type != ARROW_DECIMAL128 &&
	       node->info.type != ARROW_FLOAT16;
}

static int load(const struct sort_column *c, const struct arrow_view *view, int64_t row, struct sort_column *ret)
{
	size_t n;
	const void *p;

	ret->null = arrow_view_is_null(view, row);
	if (ret->null)
		return 0;
	if (is_float(c->node->info.type)) {
		ret->d = arrow_view_double(view, row);
		return isnan(ret->d) ? -1 : 0;
	}
	if (c->node->info.type == ARROW_DECIMAL128) {
		memcpy(&ret->i, arrow_view_bytes(view, row, &n), 16);
		return 0;
	}
	if (is_text(c->node)) {
		p = arrow_view_bytes(view, row, &n);
		ret->text = (struct bytes){(uint8_t *)p, n, n};
		return 0;
	}
	ret->i = view->info.type == ARROW_UINT64 ? (__int128)(uint64_t)arrow_view_int(view, row)
	                                         : (__int128)arrow_view_int(view, row);
	return 0;
}

static int compare(const struct sort_column *a, const struct sort_column *b, const struct node *node)
{
	size_t n;
	int r;

	if (a->null || b->null)
		return b->null - a->null;
	if (is_float(node->info.type))
		return a->d < b->d ? -1 : a->d > b->d;
	if (!is_text(node))
		return a->i < b->i ? -1 : a->i > b->i;
	n = a->text.len < b->text.len ? a->text.len : b->text.len;
	r = n ? memcmp(a->text.data, b->text.data, n) : 0;
	return r ? r : a->text.len < b->text.len ? -1 : a->text.len > b->text.len;
}

static int keep(struct sort_column *c, const struct sort_column *value)
{
	c->null = value->null;
	c->i = value->i;
	c->d = value->d;
	c->text.len = 0;
	return value->null || !is_text(c->node) ? 0 : bytes_put(&c->text, value->text.data, value->text.len);
}

/* -1: out of memory. */
static int check_row(struct sorting *s, const struct arrow_view *views, int64_t row)
{
	int decided = !s->any;

	for (uint32_t i = 0; i < s->n && s->holds; i++) {
		struct sort_column value = {0}, *c = &s->columns[i];
		int order;

		if (load(c, &views[i], row, &value)) {
			s->holds = 0;
			break;
		}
		order = decided ? 0 : compare(c, &value, c->node);
		order = c->descending ? -order : order;
		if (order > 0)
			s->holds = 0;
		decided |= order < 0;
		if (keep(c, &value))
			return -1;
	}
	s->any = 1;
	return 0;
}

orasi_status sorting_check(struct sorting *s, const struct ArrowSchema *schema, const struct ArrowArray *batch,
                           orasi_error *err)
{
	struct arrow_view rows, *views = calloc((size_t)s->n + 1, sizeof(*views));
	orasi_status r = ORASI_OK;

	if (!views || arrow_view_init(&rows, schema, batch))
		r = orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (uint32_t i = 0; i < s->n && !r; i++) {
		const struct node *node = s->columns[i].node, *root = node->parent;
		int64_t at = 0;

		while (root->children[at] != node)
			at++;
		if (arrow_view_child(&rows, at, &views[i]))
			r = orasi_fail(err, ORASI_E_INVALID, "column '%.100s' of the batch is not what the schema says",
			               node->name);
	}
	for (int64_t row = 0; row < batch->length && s->holds && !r; row++)
		if (check_row(s, views, row))
			r = orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	free(views);
	return r;
}

void sorting_write(const struct sorting *s, struct thrift_writer *w, int id)
{
	thrift_put_list(w, id, THRIFT_STRUCT, s->n);
	for (uint32_t i = 0; i < s->n; i++) {
		thrift_item_struct(w);
		thrift_put_int(w, 1, THRIFT_I32, s->columns[i].node->leaf);
		thrift_put_bool(w, 2, s->columns[i].descending);
		thrift_put_bool(w, 3, !s->columns[i].descending);
		thrift_end(w);
	}
}
