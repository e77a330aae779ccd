/* SPDX-License-Identifier: Apache-2.0 */
/* Integers, dates, times, booleans and decimals are compared as 128-bit integers, whatever their
 * width and sign; text and bytes as bytes; floats as doubles. A NaN is never left out. */
#include "predicate.h"

#include <math.h>

#include "convert.h"
#include "gather.h"
#include "hash.h"

#define LITERAL_MEMORY_MAX (64u << 20)

/* ---- literals ------------------------------------------------------------------------------- */

static int is_int_like(enum arrow_type type)
{
	return type == ARROW_BOOL || (type >= ARROW_INT8 && type <= ARROW_UINT64) || type == ARROW_DATE32 ||
	       type == ARROW_TIME32 || type == ARROW_TIME64 || type == ARROW_DURATION;
}

static int is_plain_integer(enum arrow_type type)
{
	return type >= ARROW_INT8 && type <= ARROW_UINT64;
}

static int is_float(enum arrow_type type)
{
	return type == ARROW_FLOAT16 || type == ARROW_FLOAT32 || type == ARROW_FLOAT64;
}

static int is_bytes(enum arrow_type type)
{
	return type >= ARROW_UTF8 && type <= ARROW_FIXED_BINARY;
}

static enum domain domain_of(const struct arrow_type_info *have, const struct arrow_type_info *want)
{
	if (have->type == ARROW_TIMESTAMP && want->type == ARROW_TIMESTAMP)
		return DOMAIN_INT;
	if (have->type == ARROW_DECIMAL128 && want->type == ARROW_DECIMAL128)
		return have->scale == want->scale ? DOMAIN_INT : DOMAIN_NONE;
	if (is_plain_integer(have->type) && is_plain_integer(want->type))
		return DOMAIN_INT;
	if (is_int_like(have->type) && have->type == want->type && have->unit == want->unit)
		return DOMAIN_INT;
	if (is_float(have->type) && is_float(want->type))
		return DOMAIN_FLOAT;
	return is_bytes(have->type) && is_bytes(want->type) ? DOMAIN_BYTES : DOMAIN_NONE;
}

static orasi_status take_bytes(struct predicates *ps, const struct arrow_view *view, int64_t i, struct literal *ret,
                               orasi_error *err)
{
	size_t n;
	const void *p = arrow_view_bytes(view, i, &n);
	uint8_t *copy = n > UINT32_MAX ? NULL : pool_alloc(&ps->pool, n + 1);

	if (!copy)
		return orasi_fail(err, ORASI_E_LIMIT, "a value of the condition is too long");
	if (n)
		memcpy(copy, p, n);
	ret->bytes = (struct slice){copy, (uint32_t)n};
	return ORASI_OK;
}

static orasi_status take_literal(struct predicates *ps, const struct predicate *p, const struct arrow_view *view,
                                 int64_t i, struct literal *ret, orasi_error *err)
{
	size_t n;

	if (p->domain == DOMAIN_BYTES)
		return take_bytes(ps, view, i, ret, err);
	if (p->domain == DOMAIN_FLOAT)
		ret->d = arrow_view_double(view, i);
	else if (p->want.type == ARROW_DECIMAL128)
		memcpy(&ret->i, arrow_view_bytes(view, i, &n), 16);
	else
		ret->i = p->want.type == ARROW_UINT64 ? (__int128)(uint64_t)arrow_view_int(view, i)
		                                      : (__int128)arrow_view_int(view, i);
	return ORASI_OK;
}

static orasi_status take_literals(struct predicates *ps, struct predicate *p, const orasi_term *term, orasi_error *err)
{
	struct arrow_view view;
	orasi_status r = ORASI_OK;

	if (!p->node || !term->values || !term->type || term->op == ORASI_OP_MATCH ||
	    arrow_view_init(&view, term->type, term->values))
		return ORASI_OK;
	p->want = view.info;
	p->domain = domain_of(&p->node->info, &view.info);
	if (p->domain == DOMAIN_NONE || (p->op == ORASI_OP_PREFIX && p->domain != DOMAIN_BYTES)) {
		p->domain = DOMAIN_NONE;
		return ORASI_OK;
	}
	p->literals = pool_alloc(&ps->pool, ((size_t)view.length + 1) * sizeof(*p->literals));
	if (!p->literals)
		return orasi_fail(err, ORASI_E_LIMIT, "the condition has too many values");
	for (int64_t i = 0; i < view.length && !r; i++)
		if (!arrow_view_is_null(&view, i))
			r = take_literal(ps, p, &view, i, &p->literals[p->n_literals++], err);
	return r;
}

static const struct node *find_column(const struct tree *tree, orasi_str name)
{
	for (int i = 0; i < tree->root.n_children; i++) {
		const struct node *node = tree->root.children[i];

		if (strlen(node->name) == name.len && !memcmp(node->name, name.ptr, name.len))
			return node;
	}
	return NULL;
}

/* Nested columns are not judged. */
orasi_status predicates_make(struct predicates *ret, const struct tree *tree, const orasi_term *const *terms,
                             uint32_t n_terms, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	memset(ret, 0, sizeof(*ret));
	ret->pool.max = LITERAL_MEMORY_MAX;
	ret->list = pool_alloc(&ret->pool, ((size_t)n_terms + 1) * sizeof(*ret->list));
	if (!ret->list)
		return orasi_fail(err, ORASI_E_LIMIT, "the condition has too many terms");
	for (uint32_t i = 0; i < n_terms && !r; i++) {
		const struct node *node = find_column(tree, terms[i]->column);
		struct predicate *p = &ret->list[ret->n];

		if (node && node->kind != NODE_LEAF)
			continue;
		*p = (struct predicate){.node = node, .op = terms[i]->op};
		ret->n++;
		r = take_literals(ret, p, terms[i], err);
	}
	return r;
}

void predicates_free(struct predicates *ps)
{
	pool_free(&ps->pool);
	memset(ps, 0, sizeof(*ps));
}

/* ---- comparing ------------------------------------------------------------------------------ */

/* A stored value in the domain of the predicate; 0, or -1 when it cannot be compared. */
static int load_value(const struct predicate *p, struct slice value, struct literal *ret)
{
	switch (p->domain) {
	case DOMAIN_BYTES:
		ret->bytes = value;
		return 0;
	case DOMAIN_FLOAT:
		ret->d = convert_to_double(p->node, value);
		return isnan(ret->d) ? -1 : 0;
	case DOMAIN_INT:
		return convert_to_int128(p->node, &p->want, value, &ret->i);
	default:
		return -1;
	}
}

static int compare(enum domain domain, const struct literal *a, const struct literal *b)
{
	uint32_t n;
	int r;

	if (domain == DOMAIN_INT)
		return a->i < b->i ? -1 : a->i > b->i;
	if (domain == DOMAIN_FLOAT)
		return a->d < b->d ? -1 : a->d > b->d;
	n = a->bytes.len < b->bytes.len ? a->bytes.len : b->bytes.len;
	r = n ? memcmp(a->bytes.ptr, b->bytes.ptr, n) : 0;
	return r ? r : a->bytes.len < b->bytes.len ? -1 : a->bytes.len > b->bytes.len;
}

static int begins_with(struct slice value, struct slice prefix)
{
	return value.len >= prefix.len && (!prefix.len || !memcmp(value.ptr, prefix.ptr, prefix.len));
}

static int test(const struct predicate *p, const struct literal *value, const struct literal *literal)
{
	int order;

	if (p->op == ORASI_OP_PREFIX)
		return begins_with(value->bytes, literal->bytes);
	order = compare(p->domain, value, literal);
	switch (p->op) {
	case ORASI_OP_EQ:
	case ORASI_OP_IN:
		return !order;
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

int predicate_takes_null(const struct predicate *p)
{
	return p->op == ORASI_OP_IS_NULL || p->op == ORASI_OP_MATCH;
}

int predicate_takes_value(const struct predicate *p, struct slice stored)
{
	struct literal value = {0};
	int any = 0;

	if (p->op == ORASI_OP_IS_NULL)
		return 0;
	if (p->domain == DOMAIN_NONE || load_value(p, stored, &value))
		return 1;
	for (uint32_t i = 0; i < p->n_literals && !any; i++) {
		any = p->domain == DOMAIN_FLOAT && isnan(p->literals[i].d);
		any |= test(p, &value, &p->literals[i]);
	}
	return any;
}

/* ---- statistics ----------------------------------------------------------------------------- */

/* The deprecated fields compare bytes as signed numbers, so they tell about numbers only. */
static int is_trusted(const struct predicate *p, const struct pq_file *file, int old)
{
	const struct node *node = p->node;
	int is_unsigned = node->info.type == ARROW_UINT8 || node->info.type == ARROW_UINT16 ||
	                  node->info.type == ARROW_UINT32 || node->info.type == ARROW_UINT64;

	if (node->physical == PQ_INT96 || node->spell)
		return 0;
	if (old)
		return !is_unsigned && node->physical != PQ_BYTE_ARRAY && node->physical != PQ_FIXED;
	return (uint32_t)node->leaf < file->n_orders && file->orders[node->leaf] == PQ_ORDER_TYPE;
}

static int load_bound(const struct predicate *p, const struct pq_file *file, int has, int old, struct thrift_str text,
                      struct literal *ret)
{
	size_t width = plain_width(p->node);

	if (!has || !is_trusted(p, file, old) || text.len > UINT32_MAX || (width && text.len != width))
		return 0;
	return !load_value(p, (struct slice){(const uint8_t *)text.ptr, (uint32_t)text.len}, ret);
}

/* Is a literal outside of [min, max], seen from the operator? */
static int is_outside(const struct predicate *p, const struct literal *min, const struct literal *max,
                      const struct literal *v)
{
	struct literal head;

	switch (p->op) {
	case ORASI_OP_EQ:
	case ORASI_OP_IN:
		return (min && compare(p->domain, v, min) < 0) || (max && compare(p->domain, v, max) > 0);
	case ORASI_OP_LT:
		return min && compare(p->domain, min, v) >= 0;
	case ORASI_OP_LE:
		return min && compare(p->domain, min, v) > 0;
	case ORASI_OP_GT:
		return max && compare(p->domain, max, v) <= 0;
	case ORASI_OP_GE:
		return max && compare(p->domain, max, v) < 0;
	case ORASI_OP_PREFIX:
		if (max && compare(p->domain, max, v) < 0)
			return 1;
		if (!min)
			return 0;
		head = *min;
		if (head.bytes.len > v->bytes.len)
			head.bytes.len = v->bytes.len;
		return compare(p->domain, &head, v) > 0;
	default:
		return 0;
	}
}

/* Statistics that contradict themselves tell nothing: bounds of what is said to be all null, or the wrong way round. */
int predicate_may_match(const struct predicate *p, const struct pq_file *file, const struct pq_stats *stats,
                        int only_nulls)
{
	struct literal min, max;
	int has_min, has_max;

	if (p->op == ORASI_OP_MATCH)
		return 1;
	if (!p->node)
		return p->op == ORASI_OP_IS_NULL;
	if (p->op == ORASI_OP_IS_NULL)
		return only_nulls || !stats->has_nulls || stats->nulls > 0;
	if (only_nulls)
		return stats->has_min || stats->has_max;
	if (p->domain == DOMAIN_NONE)
		return 1;
	has_min = load_bound(p, file, stats->has_min, stats->old_min, stats->min, &min);
	has_max = load_bound(p, file, stats->has_max, stats->old_max, stats->max, &max);
	if (has_min && has_max && compare(p->domain, &min, &max) > 0)
		return 1;
	for (uint32_t i = 0; i < p->n_literals; i++)
		if ((p->domain == DOMAIN_FLOAT && isnan(p->literals[i].d)) ||
		    !is_outside(p, has_min ? &min : NULL, has_max ? &max : NULL, &p->literals[i]))
			return 1;
	return 0;
}

/* ---- bloom filters -------------------------------------------------------------------------- */

/* The hash is of the PLAIN bytes, so only literals whose stored form is certain have one. Zeros
 * have two forms, and floats of another width other bytes. */
int predicate_hash(const struct predicate *p, const struct literal *literal, uint64_t *ret)
{
	const struct node *node = p->node;
	size_t width = plain_width(node);
	int64_t number = (int64_t)literal->i;
	float narrow = (float)literal->d;

	if (node->spell)
		return 0;
	switch (p->domain) {
	case DOMAIN_BYTES:
		*ret = hash_xx64(literal->bytes.ptr, literal->bytes.len);
		return 1;
	case DOMAIN_FLOAT:
		if (literal->d == 0 || isnan(literal->d) || width < 4 || (width == 4 && (double)narrow != literal->d))
			return 0;
		*ret = width == 4 ? hash_xx64(&narrow, 4) : hash_xx64(&literal->d, 8);
		return 1;
	case DOMAIN_INT:
		if ((node->physical != PQ_INT32 && node->physical != PQ_INT64) || node->info.unit != p->want.unit)
			return 0;
		*ret = hash_xx64(&number, width);
		return 1;
	default:
		return 0;
	}
}
