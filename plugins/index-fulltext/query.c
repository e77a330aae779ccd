/* SPDX-License-Identifier: Apache-2.0 */
/* Queries: the tree of a query is evaluated over each run into a list of rows, then arranged as asked.
 *
 * Scores are BM25 with k1 = 1.2 and b = 0.75 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009) and
 * idf = ln(1 + (N - n + 0.5) / (n + 0.5)), N and n counted over the segment. A phrase weighs as the sum of its words'
 * idf, what begins with a prefix as 1, what NOT leaves as 0. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#include "parse.h"
#include "run.h"

#define K1 1.2f
#define B 0.75f

struct cursor {
	struct list list;
	size_t at;
};

/* One run under evaluation. */
struct search {
	const struct reader *reader;
	const struct run *run;
	orasi_error *err;
};

static orasi_status no_memory(const struct search *s)
{
	return orasi_fail(s->err, ORASI_E_NOMEM, "out of memory for the rows found");
}

/* ---- scores ------------------------------------------------------------------------------------------------- */

static orasi_status term_idf(const struct search *s, const struct term_text *term, float *ret)
{
	double n = 0, all = (double)s->reader->docs;

	for (uint32_t i = 0; i < s->reader->n_runs; i++) {
		struct words words;
		orasi_status r = words_find(&words, &s->reader->runs[i], term->bytes, term->n, s->err);

		if (r && r != ORASI_END)
			return r;
		n += r ? 0 : (double)words.rows;
	}
	*ret = n <= all ? (float)log(1 + (all - n + 0.5) / (n + 0.5)) : 0;
	return ORASI_OK;
}

static orasi_status words_idf(const struct search *s, const struct node *node, float *ret)
{
	orasi_status r = ORASI_OK;
	float sum = 0, idf = 0;

	for (size_t i = 0; i < node->n_terms && !r; i++) {
		r = term_idf(s, &node->terms[i], &idf);
		sum += idf;
	}
	*ret = sum;
	return r;
}

static float score(const struct search *s, float idf, uint64_t row, uint32_t times)
{
	float average = s->reader->docs ? (float)s->reader->tokens / (float)s->reader->docs : 1;
	float length = (float)s->run->lengths[row], tf = (float)times;

	return idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * length / (average > 0 ? average : 1)));
}

/* ---- words and phrases ---------------------------------------------------------------------------------------- */

/* How often the terms stand one behind the other in the row that all have reached. Places ascend, so each list is
 * walked once. */
static uint32_t count_phrase(const struct postings *all, uint32_t *at, size_t n)
{
	uint32_t times = 0;

	memset(at, 0, n * sizeof(*at));
	for (uint32_t i = 0; i < all[0].n_places; i++) {
		size_t k = 1;

		for (; k < n; k++) {
			uint64_t wanted = (uint64_t)all[0].places[i] + k;

			while (at[k] < all[k].n_places && all[k].places[at[k]] < wanted)
				at[k]++;
			if (at[k] == all[k].n_places || all[k].places[at[k]] != wanted)
				break;
		}
		times += k == n;
	}
	return times;
}

/* Moves all to the next row that each of them has. */
static orasi_status next_common(struct postings *all, size_t n, orasi_error *err)
{
	orasi_status r = postings_next(&all[0], err);

	for (size_t k = 1; k < n && !r; k++) {
		while (!r && (all[k].row == UINT64_MAX || all[k].row < all[0].row))
			r = postings_next(&all[k], err);
		if (!r && all[k].row > all[0].row) {
			while (!r && all[0].row < all[k].row)
				r = postings_next(&all[0], err);
			k = 0;
		}
	}
	return r;
}

static orasi_status match_postings(const struct search *s, struct postings *all, size_t n, float idf, float fixed,
                                   struct list *ret)
{
	uint32_t *at = calloc(n, sizeof(*at)), times;
	orasi_status r = at ? ORASI_OK : no_memory(s);

	while (!r && !(r = next_common(all, n, s->err))) {
		uint64_t row = all[0].row;

		times = n == 1 ? all[0].n_places : count_phrase(all, at, n);
		if (times && list_add(ret, row, fixed > 0 ? fixed : score(s, idf, row, times)))
			r = no_memory(s);
	}
	free(at);
	return r == ORASI_END ? ORASI_OK : r;
}

/* The terms in this order, the last of them where `last` stands, if it is given. */
static orasi_status match_terms(const struct search *s, const struct node *node, const struct words *last, float idf,
                                struct list *ret)
{
	struct postings *all = calloc(node->n_terms, sizeof(*all));
	struct words words;
	orasi_status r = all ? ORASI_OK : no_memory(s);

	for (size_t i = 0; i < node->n_terms && !r; i++) {
		if (last && i + 1 == node->n_terms)
			words = *last;
		else
			r = words_find(&words, s->run, node->terms[i].bytes, node->terms[i].n, s->err);
		if (!r)
			postings_begin(&all[i], &words);
	}
	if (!r)
		r = match_postings(s, all, node->n_terms, idf, last ? 1 : 0, ret);
	for (size_t i = 0; all && i < node->n_terms; i++)
		postings_done(&all[i]);
	free(all);
	return r == ORASI_END ? ORASI_OK : r;
}

static void all_score_one(struct list *list)
{
	for (size_t i = 0; i < list->n; i++)
		list->all[i].score = 1;
}

static orasi_status match_prefix(const struct search *s, const struct node *node, struct list *ret)
{
	const struct term_text *begin = &node->terms[node->n_terms - 1];
	struct words words;
	orasi_status r = words_seek(&words, s->run, begin->bytes, begin->n, s->err);

	for (; !r && words.n >= begin->n && !memcmp(words.term, begin->bytes, begin->n);
	     r = words_next(&words, s->err)) {
		struct list one = {0};

		r = match_terms(s, node, &words, 0, &one);
		if (!r && list_or(ret, &one))
			r = no_memory(s);
		list_done(&one);
		if (r)
			break;
	}
	all_score_one(ret);
	return r == ORASI_END ? ORASI_OK : r;
}

static orasi_status match_words(const struct search *s, const struct node *node, struct list *ret)
{
	float idf;
	orasi_status r = words_idf(s, node, &idf);

	return r ? r : match_terms(s, node, NULL, idf, ret);
}

/* ---- the tree ----------------------------------------------------------------------------------------------------- */

static orasi_status evaluate(const struct search *s, const struct node *node, struct list *ret);

/* All rows that are not null and not in the list. */
static orasi_status complement(const struct search *s, struct list *list)
{
	struct list rest = {0};
	int bad = 0;

	for (uint64_t row = 0; row < s->run->head.rows && !bad; row++)
		if (s->run->lengths[row] != LENGTH_NULL)
			bad = list_add(&rest, row, 0);
	list_without(&rest, list);
	list_done(list);
	*list = rest;
	return bad ? no_memory(s) : ORASI_OK;
}

static orasi_status match_two(const struct search *s, const struct node *node, struct list *ret)
{
	int without = node->kind == NODE_AND && node->right->kind == NODE_NOT;
	struct list right = {0};
	orasi_status r = evaluate(s, node->left, ret);

	if (!r)
		r = evaluate(s, without ? node->right->left : node->right, &right);
	if (!r && without)
		list_without(ret, &right);
	else if (!r && node->kind == NODE_AND)
		list_and(ret, &right);
	else if (!r && list_or(ret, &right))
		r = no_memory(s);
	list_done(&right);
	return r;
}

static orasi_status evaluate(const struct search *s, const struct node *node, struct list *ret)
{
	orasi_status r;

	switch (node->kind) {
	case NODE_WORDS:
		return match_words(s, node, ret);
	case NODE_PREFIX:
		return match_prefix(s, node, ret);
	case NODE_NOT:
		r = evaluate(s, node->left, ret);
		return r ? r : complement(s, ret);
	default:
		return match_two(s, node, ret);
	}
}

/* ---- terms of the host --------------------------------------------------------------------------------------------- */

static orasi_status match_term(const struct search *s, const orasi_term *term, struct list *ret)
{
	struct arrow_view view;
	struct node *node;
	const char *text;
	size_t n;
	orasi_status r;

	if (term->op != ORASI_OP_MATCH || !term->values || !term->type || term->values->length != 1 ||
	    arrow_view_init(&view, term->type, term->values) ||
	    (view.info.type != ARROW_UTF8 && view.info.type != ARROW_LARGE_UTF8))
		return orasi_fail(s->err, ORASI_E_INVALID,
		                  "a full-text index answers MATCH with one text, nothing else");
	if (arrow_view_is_null(&view, 0))
		return ORASI_OK;
	text = arrow_view_bytes(&view, 0, &n);
	r = query_parse(text, n, &node, s->err);
	if (r)
		return r;
	r = evaluate(s, node, ret);
	query_free(node);
	return r;
}

static orasi_status match_all(const struct search *s, const orasi_query *query, struct list *ret)
{
	orasi_status r = query->n_terms ? match_term(s, query->terms[0], ret) : complement(s, ret);

	for (uint32_t i = 1; i < query->n_terms && !r; i++) {
		struct list more = {0};

		r = match_term(s, query->terms[i], &more);
		list_and(ret, &more);
		list_done(&more);
	}
	return r;
}

static int add_run(struct list *all, const struct list *list, const struct run *run, const orasi_rowset *deleted)
{
	int bad = 0;

	for (size_t i = 0; i < list->n && !bad; i++) {
		uint64_t row = run->head.first_row + list->all[i].row;

		if (!deleted || !deleted->contains(deleted, row))
			bad = list_add(all, row, list->all[i].score);
	}
	return bad;
}

static orasi_status search_all(const struct reader *reader, const orasi_query *query, struct list *ret,
                               orasi_error *err)
{
	orasi_status r = ORASI_OK;

	for (uint32_t i = 0; i < reader->n_runs && !r; i++) {
		struct search s = {reader, &reader->runs[i], err};
		struct list list = {0};

		r = match_all(&s, query, &list);
		if (!r && add_run(ret, &list, s.run, query->deleted))
			r = no_memory(&s);
		list_done(&list);
	}
	return r;
}

/* ---- the cursor ------------------------------------------------------------------------------------------------------ */

static int best_first(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* The same query over the same segment gives the same rows, so the token is how many of them are known. */
static int go_on(struct cursor *c, orasi_bytes token)
{
	uint64_t given = 0;

	if (token.len && token.len != sizeof(given))
		return -1;
	if (token.len)
		memcpy(&given, token.ptr, sizeof(given));
	if (given > c->list.n)
		return -1;
	c->at = given;
	return 0;
}

orasi_status reader_query(void *self, const orasi_query *query, void **ret, orasi_error *err)
{
	struct cursor *c = calloc(1, sizeof(*c));
	orasi_status r = c ? search_all(self, query, &c->list, err) : orasi_fail(err, ORASI_E_NOMEM, "out of memory");

	if (r) {
		cursor_close(c);
		return r;
	}
	if (c->list.n && query->flags & ORASI_QUERY_SCORE)
		qsort(c->list.all, c->list.n, sizeof(*c->list.all), best_first);
	if (query->limit && c->list.n > query->limit)
		c->list.n = query->limit;
	if (go_on(c, query->resume)) {
		cursor_close(c);
		return orasi_fail(err, ORASI_E_STATE, "the token of the query is none of this segment");
	}
	*ret = c;
	return ORASI_OK;
}

orasi_status reader_estimate(void *self, const orasi_query *query, uint64_t *ret, orasi_error *err)
{
	struct list list = {0};
	orasi_status r = search_all(self, query, &list, err);

	*ret = list.n;
	list_done(&list);
	return r;
}

orasi_status cursor_next(void *self, orasi_hits *hits, orasi_error *err)
{
	struct cursor *c = self;

	(void)err;
	for (hits->n = 0; hits->n < hits->cap && c->at < c->list.n; c->at++) {
		hits->row_ids[hits->n] = c->list.all[c->at].row;
		if (hits->scores)
			hits->scores[hits->n] = c->list.all[c->at].score;
		hits->n++;
	}
	hits->resume = (orasi_bytes){(const uint8_t *)&c->at, sizeof(c->at)};
	return hits->n ? ORASI_OK : ORASI_END;
}

void cursor_close(void *self)
{
	struct cursor *c = self;

	if (!c)
		return;
	list_done(&c->list);
	free(c);
}
