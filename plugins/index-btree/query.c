/* SPDX-License-Identifier: Apache-2.0 */
/* Queries: the terms become ranges of entries; their rows come out ascending, or in key order when asked for. */
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#include "segment.h"

struct range {
	uint64_t begin, end;
};

/* What the terms leave: some of the entries inside of `within`, and perhaps the nulls. */
struct plan {
	const struct reader *reader;
	struct range within;
	struct range *points; /* of IN, ascending, apart from each other; NULL: all of `within` */
	uint64_t n_points;
	int keys, nulls; /* may they match? */
	int damaged;     /* a search met offsets that lie outside of the segment */
};

struct cursor {
	uint64_t *rows, n, at; /* `at` is the token: how many hits were given */
};

/* ---- searching -------------------------------------------------------------------------------------------- */

struct key {
	uint64_t number;
	const void *p;
	size_t n;
};

static int compare(struct plan *plan, uint64_t i, const struct key *key)
{
	const struct segment *s = &plan->reader->segment;
	const uint8_t *have;
	size_t n;

	if (s->head.kind == SEGMENT_FIXED)
		return s->keys[i] < key->number ? -1 : s->keys[i] > key->number;
	plan->damaged |= segment_bytes(s, i, &have, &n);
	return bytes_compare(have, n, key->p, key->n);
}

static int starts_with(struct plan *plan, uint64_t i, const struct key *prefix)
{
	const uint8_t *have;
	size_t n;

	plan->damaged |= segment_bytes(&plan->reader->segment, i, &have, &n);
	return n >= prefix->n && !memcmp(have, prefix->p, prefix->n);
}

enum side { BEFORE_EQUAL, BEHIND_EQUAL };

static uint64_t bound(struct plan *plan, const struct key *key, enum side side)
{
	uint64_t low = 0, high = plan->reader->segment.head.entries;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		int r = compare(plan, middle, key);

		if (r < 0 || (r == 0 && side == BEHIND_EQUAL))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first entry behind all that begin with the prefix; `begin` is where they begin. */
static uint64_t prefix_end(struct plan *plan, uint64_t begin, const struct key *prefix)
{
	uint64_t low = begin, high = plan->reader->segment.head.entries;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (starts_with(plan, middle, prefix))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- terms ------------------------------------------------------------------------------------------------- */

/* -1: the value is null or NaN, which equals nothing. */
static int take_key(const struct arrow_view *view, int64_t i, struct key *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (arrow_view_is_null(view, i))
		return -1;
	if (key_is_fixed(&view->info))
		return key_fixed(view, i, &ret->number);
	ret->p = arrow_view_bytes(view, i, &ret->n);
	return 0;
}

static void narrow(struct range *range, uint64_t begin, uint64_t end)
{
	if (begin > range->begin)
		range->begin = begin;
	if (end < range->end)
		range->end = end;
	if (range->end < range->begin)
		range->end = range->begin;
}

/* Only values of the column's own type compare as its keys do. */
static orasi_status view_values(const struct plan *plan, const orasi_term *term, struct arrow_view *ret,
                                orasi_error *err)
{
	const struct arrow_type_info *have = &plan->reader->info;

	if (!term->values || !term->type || arrow_view_init(ret, term->type, term->values))
		return orasi_fail(err, ORASI_E_INVALID, "operator %u needs values", term->op);
	if (ret->info.type != have->type || ret->info.unit != have->unit)
		return orasi_fail(err, ORASI_E_INVALID, "the values of operator %u are of another type than the column",
		                  term->op);
	return ORASI_OK;
}

static orasi_status apply_comparison(struct plan *plan, const orasi_term *term, orasi_error *err)
{
	struct range all = {0, plan->reader->segment.head.entries};
	struct arrow_view view;
	struct key key;
	orasi_status r = view_values(plan, term, &view, err);

	if (r)
		return r;
	if (term->values->length != 1)
		return orasi_fail(err, ORASI_E_INVALID, "operator %u needs one value, not %lld", term->op,
		                  (long long)term->values->length);
	if (term->op == ORASI_OP_PREFIX && plan->reader->segment.head.kind != SEGMENT_BYTES)
		return orasi_fail(err, ORASI_E_INVALID, "a prefix needs a text or binary column");
	if (take_key(&view, 0, &key)) {
		plan->within.end = plan->within.begin;
		return ORASI_OK;
	}
	if (term->op == ORASI_OP_EQ || term->op == ORASI_OP_GE || term->op == ORASI_OP_PREFIX)
		all.begin = bound(plan, &key, BEFORE_EQUAL);
	if (term->op == ORASI_OP_GT)
		all.begin = bound(plan, &key, BEHIND_EQUAL);
	if (term->op == ORASI_OP_EQ || term->op == ORASI_OP_LE)
		all.end = bound(plan, &key, BEHIND_EQUAL);
	if (term->op == ORASI_OP_LT)
		all.end = bound(plan, &key, BEFORE_EQUAL);
	if (term->op == ORASI_OP_PREFIX)
		all.end = prefix_end(plan, all.begin, &key);
	narrow(&plan->within, all.begin, all.end);
	return ORASI_OK;
}

static int by_begin(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* Equal values give equal ranges; one of them is enough. */
static void drop_equal_points(struct plan *plan)
{
	uint64_t kept = 0;

	qsort(plan->points, plan->n_points, sizeof(*plan->points), by_begin);
	for (uint64_t i = 0; i < plan->n_points; i++)
		if (!kept || plan->points[kept - 1].begin != plan->points[i].begin)
			plan->points[kept++] = plan->points[i];
	plan->n_points = kept;
}

static orasi_status apply_in(struct plan *plan, const orasi_term *term, orasi_error *err)
{
	struct arrow_view view;
	struct key key;
	orasi_status r = view_values(plan, term, &view, err);

	if (r)
		return r;
	if (plan->points)
		return orasi_fail(err, ORASI_E_UNSUPPORTED, "a B-tree takes one IN of a column at a time");
	plan->points = calloc((size_t)term->values->length + 1, sizeof(*plan->points));
	if (!plan->points)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (int64_t i = 0; i < term->values->length; i++) {
		struct range *point = &plan->points[plan->n_points];

		if (take_key(&view, i, &key))
			continue;
		*point = (struct range){bound(plan, &key, BEFORE_EQUAL), bound(plan, &key, BEHIND_EQUAL)};
		plan->n_points += point->end > point->begin;
	}
	drop_equal_points(plan);
	return ORASI_OK;
}

static orasi_status apply_term(struct plan *plan, const orasi_term *term, orasi_error *err)
{
	if (term->op == ORASI_OP_IS_NULL)
		plan->keys = 0;
	else
		plan->nulls = 0;
	switch (term->op) {
	case ORASI_OP_IS_NULL:
	case ORASI_OP_NOT_NULL:
		return ORASI_OK;
	case ORASI_OP_IN:
		return apply_in(plan, term, err);
	case ORASI_OP_EQ:
	case ORASI_OP_LT:
	case ORASI_OP_LE:
	case ORASI_OP_GT:
	case ORASI_OP_GE:
	case ORASI_OP_PREFIX:
		return apply_comparison(plan, term, err);
	default:
		return orasi_fail(err, ORASI_E_UNSUPPORTED, "operator %u is not one of a B-tree", term->op);
	}
}

static orasi_status make_plan(const struct reader *reader, const orasi_query *query, struct plan *plan,
                              orasi_error *err)
{
	orasi_status r = ORASI_OK;

	*plan = (struct plan){.reader = reader, .within = {0, reader->segment.head.entries}, .keys = 1, .nulls = 1};
	for (uint32_t i = 0; i < query->n_terms && !r; i++)
		r = apply_term(plan, query->terms[i], err);
	for (uint64_t i = 0; i < plan->n_points; i++)
		narrow(&plan->points[i], plan->within.begin, plan->within.end);
	if (!r && plan->damaged)
		r = orasi_fail(err, ORASI_E_CORRUPT, "the segment is damaged: rebuild the index");
	return r;
}

static void plan_done(struct plan *plan)
{
	free(plan->points);
}

static uint64_t count_rows(const struct plan *plan)
{
	uint64_t n = plan->nulls ? plan->reader->segment.head.nulls : 0;

	if (plan->keys && !plan->points)
		n += plan->within.end - plan->within.begin;
	for (uint64_t i = 0; plan->keys && i < plan->n_points; i++)
		n += plan->points[i].end - plan->points[i].begin;
	return n;
}

/* ---- the cursor ------------------------------------------------------------------------------------------------ */

static int by_row(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static orasi_status add_rows(struct cursor *c, const struct plan *plan, const uint64_t *rows, struct range range,
                             orasi_error *err)
{
	for (uint64_t i = range.begin; i < range.end; i++) {
		if (rows[i] >= plan->reader->segment.head.rows)
			return orasi_fail(err, ORASI_E_CORRUPT, "the segment is damaged: rebuild the index");
		c->rows[c->n++] = rows[i];
	}
	return ORASI_OK;
}

static void drop_deleted(struct cursor *c, const orasi_rowset *deleted)
{
	uint64_t kept = 0;

	for (uint64_t i = 0; i < c->n; i++)
		if (!deleted->contains(deleted, c->rows[i]))
			c->rows[kept++] = c->rows[i];
	c->n = kept;
}

static void reverse(struct cursor *c)
{
	for (uint64_t i = 0; i < c->n / 2; i++) {
		uint64_t row = c->rows[i];

		c->rows[i] = c->rows[c->n - 1 - i];
		c->rows[c->n - 1 - i] = row;
	}
}

/* In key order, nulls first. */
static orasi_status collect(const struct plan *plan, struct cursor *c, orasi_error *err)
{
	const struct segment *s = &plan->reader->segment;
	orasi_status r = ORASI_OK;

	c->rows = malloc((size_t)(count_rows(plan) + 1) * sizeof(*c->rows));
	if (!c->rows)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory for the rows found");
	if (plan->nulls)
		r = add_rows(c, plan, s->nulls, (struct range){0, s->head.nulls}, err);
	if (!r && plan->keys && !plan->points)
		r = add_rows(c, plan, s->rows, plan->within, err);
	for (uint64_t i = 0; !r && plan->keys && i < plan->n_points; i++)
		r = add_rows(c, plan, s->rows, plan->points[i], err);
	return r;
}

static void arrange(struct cursor *c, const orasi_query *query)
{
	if (!(query->flags & ORASI_QUERY_ORDER))
		qsort(c->rows, c->n, sizeof(*c->rows), by_row);
	else if (query->flags & ORASI_QUERY_DESC)
		reverse(c);
	if (query->deleted)
		drop_deleted(c, query->deleted);
	if (query->limit && c->n > query->limit)
		c->n = query->limit;
}

/* The same query over the same segment gives the same rows, so the token is how many of them are known. */
static int go_on(struct cursor *c, orasi_bytes token)
{
	uint64_t given = 0;

	if (token.len && token.len != sizeof(given))
		return -1;
	if (token.len)
		memcpy(&given, token.ptr, sizeof(given));
	if (given > c->n)
		return -1;
	c->at = given;
	return 0;
}

orasi_status reader_query(void *self, const orasi_query *query, void **ret, orasi_error *err)
{
	struct cursor *c = calloc(1, sizeof(*c));
	struct plan plan;
	orasi_status r;

	if (!c)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	r = make_plan(self, query, &plan, err);
	if (!r)
		r = collect(&plan, c, err);
	plan_done(&plan);
	if (r) {
		cursor_close(c);
		return r;
	}
	arrange(c, query);
	if (go_on(c, query->resume)) {
		cursor_close(c);
		return orasi_fail(err, ORASI_E_STATE, "the token of the query is none of this segment");
	}
	*ret = c;
	return ORASI_OK;
}

orasi_status reader_estimate(void *self, const orasi_query *query, uint64_t *ret, orasi_error *err)
{
	struct plan plan;
	orasi_status r = make_plan(self, query, &plan, err);

	if (!r)
		*ret = count_rows(&plan);
	plan_done(&plan);
	return r;
}

orasi_status cursor_next(void *self, orasi_hits *hits, orasi_error *err)
{
	struct cursor *c = self;
	uint64_t n = c->n - c->at < hits->cap ? c->n - c->at : hits->cap;

	(void)err;
	hits->n = (uint32_t)n;
	if (!n)
		return ORASI_END;
	memcpy(hits->row_ids, c->rows + c->at, n * sizeof(*c->rows));
	c->at += n;
	hits->resume = (orasi_bytes){(const uint8_t *)&c->at, sizeof(c->at)};
	return ORASI_OK;
}

void cursor_close(void *self)
{
	struct cursor *c = self;

	if (!c)
		return;
	free(c->rows);
	free(c);
}
