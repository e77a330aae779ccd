/* SPDX-License-Identifier: Apache-2.0 */
/* Can a row group hold rows for which all terms are true? Only integers, floats, dates, timestamps
 * and text are judged, and only when the bounds mean what they say; everything else may. */
#include "prune.h"

#include <math.h>

enum verdict { MAY, CANNOT };

static const struct node *find_leaf(const struct tree *tree, orasi_str name)
{
	for (int i = 0; i < tree->root.n_children; i++) {
		const struct node *node = tree->root.children[i];

		if (node->kind == NODE_LEAF && strlen(node->name) == name.len &&
		    !memcmp(node->name, name.ptr, name.len))
			return node;
	}
	return NULL;
}

/* -1, 0, 1 of a bound against a literal; 2 = not comparable. */
static int compare_int(const struct node *node, struct thrift_str bound,
                       const struct arrow_view *lit)
{
	int64_t b = 0, v = arrow_view_int(lit, 0);

	if (bound.len != (node->physical == PQ_INT32 ? 4u : 8u))
		return 2;
	memcpy(&b, bound.ptr, bound.len);
	if (bound.len == 4)
		b = (int32_t)b;
	return b < v ? -1 : b > v;
}

static int compare_float(struct thrift_str bound, const struct arrow_view *lit)
{
	double b, v = arrow_view_double(lit, 0);
	float narrow;

	if (bound.len == 4) {
		memcpy(&narrow, bound.ptr, 4);
		b = (double)narrow;
	} else if (bound.len == 8) {
		memcpy(&b, bound.ptr, 8);
	} else {
		return 2;
	}
	return isnan(b) || isnan(v) ? 2 : b < v ? -1 : b > v;
}

static int compare_text(struct thrift_str bound, const void *p, size_t n)
{
	size_t len = bound.len < n ? bound.len : n;
	int r = len ? memcmp(bound.ptr, p, len) : 0;

	return r ? (r < 0 ? -1 : 1) : bound.len < n ? -1 : bound.len > n;
}

static int compare(const struct node *node, struct thrift_str bound, const struct arrow_view *lit)
{
	const void *p;
	size_t n;

	if (node->info.type != lit->info.type || node->info.unit != lit->info.unit)
		return 2;
	switch (node->info.type) {
	case ARROW_INT8:
	case ARROW_INT16:
	case ARROW_INT32:
	case ARROW_INT64:
	case ARROW_DATE32:
	case ARROW_TIMESTAMP:
		return node->physical == PQ_INT96 ? 2 : compare_int(node, bound, lit);
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		return compare_float(bound, lit);
	case ARROW_UTF8:
		p = arrow_view_bytes(lit, 0, &n);
		return compare_text(bound, p, n);
	default:
		return 2;
	}
}

static enum verdict judge_range(const struct node *node, const struct pq_stats *s,
                                const orasi_term *term)
{
	struct arrow_view lit;
	int low, high;

	if (!term->values || term->values->length != 1 ||
	    arrow_view_init(&lit, term->type, term->values) || arrow_view_is_null(&lit, 0))
		return MAY;
	low = s->has_min ? compare(node, s->min, &lit) : 2;
	high = s->has_max ? compare(node, s->max, &lit) : 2;
	switch (term->op) {
	case ORASI_OP_EQ:
		return low == 1 || high == -1 ? CANNOT : MAY;
	case ORASI_OP_LT:
		return low == 0 || low == 1 ? CANNOT : MAY;
	case ORASI_OP_LE:
		return low == 1 ? CANNOT : MAY;
	case ORASI_OP_GT:
		return high == 0 || high == -1 ? CANNOT : MAY;
	case ORASI_OP_GE:
		return high == -1 ? CANNOT : MAY;
	default:
		return MAY;
	}
}

static enum verdict judge(const struct node *node, const struct pq_column *column,
                          const orasi_term *term)
{
	const struct pq_stats *s = &column->stats;

	if (term->op == ORASI_OP_IS_NULL)
		return s->has_nulls && !s->nulls ? CANNOT : MAY;
	if (s->has_nulls && s->nulls == column->n_values && term->op != ORASI_OP_MATCH)
		return CANNOT;
	return judge_range(node, s, term);
}

int prune_group(const struct tree *tree, const struct pq_file *file,
                const struct pq_row_group *group, const orasi_term *const *terms, uint32_t n_terms)
{
	for (uint32_t i = 0; i < n_terms && file->has_orders; i++) {
		const struct node *leaf = find_leaf(tree, terms[i]->column);

		if (leaf && judge(leaf, &group->columns[leaf->leaf], terms[i]) == CANNOT)
			return 1;
	}
	return 0;
}
