/* SPDX-License-Identifier: Apache-2.0 */
/* Building: rows are cut into terms, and each term collects its postings in memory as they will be written. When that
 * memory is used up, all of it becomes a run and the next one begins. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#include "run.h"

/* A term on its way, its bytes behind it. */
struct term {
	uint64_t row, rows; /* last row + 1, how many */
	uint32_t place;     /* in that row, last one + 1 */
	uint32_t hash, n;
	uint32_t len, cap;
	uint8_t *postings;
	uint8_t bytes[];
};

struct build {
	const struct index *index;
	orasi_store *store;
	struct term **table; /* open addressing; a power of two */
	uint64_t cap, n;
	uint32_t *lengths;
	uint64_t rows, cap_rows, first_row, docs, tokens;
	uint64_t used; /* bytes of memory */
	uint32_t runs;
	uint64_t all_terms, all_bytes;
};

/* ---- memory ------------------------------------------------------------------------------------------------ */

static void forget_terms(struct build *b)
{
	for (uint64_t i = 0; i < b->cap; i++)
		if (b->table[i]) {
			free(b->table[i]->postings);
			free(b->table[i]);
		}
	free(b->table);
	b->table = NULL;
	b->cap = b->n = b->used = 0;
}

void build_abort(void *self)
{
	struct build *b = self;

	if (!b)
		return;
	forget_terms(b);
	free(b->lengths);
	free(b);
}

orasi_status build_begin(void *self, orasi_store *dst, void **ret, orasi_error *err)
{
	struct build *b = calloc(1, sizeof(*b));

	if (!b)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	b->index = self;
	b->store = dst;
	*ret = b;
	return ORASI_OK;
}

/* ---- terms --------------------------------------------------------------------------------------------------- */

static uint32_t hash_of(const uint8_t *p, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h ^ h >> 15;
}

static int grow_table(struct build *b)
{
	uint64_t cap = b->cap ? b->cap * 2 : 4096;
	struct term **table = calloc(cap, sizeof(*table));

	if (!table)
		return -1;
	for (uint64_t i = 0; i < b->cap; i++)
		if (b->table[i]) {
			uint64_t at = b->table[i]->hash & (cap - 1);

			while (table[at])
				at = (at + 1) & (cap - 1);
			table[at] = b->table[i];
		}
	b->used += (cap - b->cap) * sizeof(*table);
	free(b->table);
	b->table = table;
	b->cap = cap;
	return 0;
}

static struct term *find_term(struct build *b, const uint8_t *p, size_t n)
{
	uint32_t hash = hash_of(p, n);
	struct term *term;
	uint64_t at;

	if (b->n * 4 >= b->cap * 3 && grow_table(b))
		return NULL;
	for (at = hash & (b->cap - 1); b->table[at]; at = (at + 1) & (b->cap - 1))
		if (b->table[at]->hash == hash && b->table[at]->n == n && !memcmp(b->table[at]->bytes, p, n))
			return b->table[at];
	term = calloc(1, sizeof(*term) + n);
	if (!term)
		return NULL;
	term->hash = hash;
	term->n = (uint32_t)n;
	memcpy(term->bytes, p, n);
	b->table[at] = term;
	b->n++;
	b->used += sizeof(*term) + n + 16;
	return term;
}

static int append(struct build *b, struct term *term, const uint8_t *p, size_t n)
{
	if (term->len + n > term->cap) {
		uint32_t cap = term->cap ? term->cap * 2 : 16;
		uint8_t *postings = cap > term->cap ? realloc(term->postings, cap) : NULL;

		if (!postings)
			return -1;
		b->used += cap - term->cap;
		term->postings = postings;
		term->cap = cap;
	}
	memcpy(term->postings + term->len, p, n);
	term->len += (uint32_t)n;
	return 0;
}

/* The end of a row's places is written when the next row begins, or the run ends. */
static int add_place(struct build *b, struct term *term, uint64_t row, uint32_t place)
{
	uint8_t bytes[32];
	size_t n = 0;

	if (term->row != row + 1) {
		if (term->row)
			bytes[n++] = 0;
		n += varint_put(row + 1 - term->row, bytes + n);
		term->row = row + 1;
		term->rows++;
		term->place = 0;
	}
	n += varint_put(place + 1 - term->place, bytes + n);
	term->place = place + 1;
	return append(b, term, bytes, n);
}

static int add_text(struct build *b, const void *p, size_t n, uint32_t *ret_length)
{
	struct text text;
	uint32_t place = 0;

	for (text_begin(&text, p, n); text_next(&text); place++) {
		struct term *term = find_term(b, text.term, text.n);

		if (!term || add_place(b, term, b->rows, place))
			return -1;
	}
	*ret_length = place;
	b->tokens += place;
	b->docs++;
	return 0;
}

static int add_row(struct build *b, const struct arrow_view *view, int64_t i)
{
	uint32_t length = LENGTH_NULL;
	const void *p;
	size_t n;

	if (b->rows == b->cap_rows) {
		uint64_t cap = b->cap_rows ? b->cap_rows * 2 : 4096;
		uint32_t *lengths = realloc(b->lengths, cap * sizeof(*lengths));

		if (!lengths)
			return -1;
		b->lengths = lengths;
		b->cap_rows = cap;
	}
	if (!arrow_view_is_null(view, i)) {
		p = arrow_view_bytes(view, i, &n);
		if (add_text(b, p, n, &length))
			return -1;
	}
	b->lengths[b->rows++] = length;
	return 0;
}

/* ---- writing a run -------------------------------------------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b)
{
	const struct term *x = *(struct term *const *)a, *y = *(struct term *const *)b;
	int r = memcmp(x->bytes, y->bytes, x->n < y->n ? x->n : y->n);

	return r ? r : x->n < y->n ? -1 : x->n > y->n;
}

/* The table becomes a list: the terms in front, in order. */
static orasi_status sort_terms(struct build *b, orasi_error *err)
{
	static const uint8_t end = 0;
	uint64_t n = 0;

	for (uint64_t i = 0; i < b->cap; i++)
		if (b->table[i]) {
			struct term *term = b->table[i];

			b->table[i] = NULL;
			b->table[n++] = term;
			if (append(b, term, &end, 1))
				return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
		}
	if (n)
		qsort(b->table, n, sizeof(*b->table), by_bytes);
	return ORASI_OK;
}

static orasi_status put_postings(const struct build *b, struct sealed *out, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	for (uint64_t i = 0; i < b->n && !r; i++)
		r = sealed_put(out, b->table[i]->postings, b->table[i]->len, err);
	return r ? r : sealed_align(out, err);
}

static orasi_status put_word(const struct term *term, const struct term *before, struct sealed *out, orasi_error *err)
{
	uint8_t bytes[10 * 4 + TERM_MAX];
	uint32_t shared = 0;
	size_t n;

	while (before && shared < before->n && shared < term->n && before->bytes[shared] == term->bytes[shared])
		shared++;
	n = varint_put(shared, bytes);
	n += varint_put(term->n - shared, bytes + n);
	memcpy(bytes + n, term->bytes + shared, term->n - shared);
	n += term->n - shared;
	n += varint_put(term->rows, bytes + n);
	n += varint_put(term->len, bytes + n);
	return sealed_put(out, bytes, n, err);
}

static orasi_status put_words(const struct build *b, struct sealed *out, uint64_t *blocks, orasi_error *err)
{
	uint64_t begin = out->at, postings = 0;
	orasi_status r = ORASI_OK;

	for (uint64_t i = 0; i < b->n && !r; i++) {
		if (i % BLOCK_TERMS == 0) {
			blocks[i / BLOCK_TERMS * 2] = out->at - begin;
			blocks[i / BLOCK_TERMS * 2 + 1] = postings;
		}
		r = put_word(b->table[i], i % BLOCK_TERMS ? b->table[i - 1] : NULL, out, err);
		postings += b->table[i]->len;
	}
	return r ? r : sealed_align(out, err);
}

static orasi_status put_sections(const struct build *b, struct sealed *out, struct run_header *h, orasi_error *err)
{
	uint64_t *blocks = calloc(b->n / BLOCK_TERMS + 1, 2 * sizeof(*blocks));
	orasi_status r;

	if (!blocks)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	h->n_blocks = (b->n + BLOCK_TERMS - 1) / BLOCK_TERMS;
	h->postings_at = out->at;
	r = put_postings(b, out, err);
	h->words_at = out->at;
	if (!r)
		r = put_words(b, out, blocks, err);
	h->blocks_at = out->at;
	if (!r)
		r = sealed_put(out, blocks, h->n_blocks * 2 * sizeof(*blocks), err);
	h->lengths_at = out->at;
	if (!r)
		r = sealed_put(out, b->lengths, b->rows * sizeof(*b->lengths), err);
	if (!r)
		r = sealed_align(out, err);
	if (!r)
		r = sealed_sums(out, err);
	h->sums_at = out->at;
	h->n_sums = out->n_sums;
	free(blocks);
	return r;
}

static orasi_status write_run(struct build *b, int is_last, orasi_error *err)
{
	struct run_header h = {.version = SEGMENT_VERSION,
	                       .runs = is_last ? b->runs + 1 : 0,
	                       .first_row = b->first_row,
	                       .rows = b->rows,
	                       .docs = b->docs,
	                       .tokens = b->tokens,
	                       .terms = b->n};
	struct sealed out;
	char name[16];
	orasi_status r = sort_terms(b, err);

	run_name(b->runs++, name);
	if (r)
		return r;
	memcpy(h.magic, RUN_MAGIC, 8);
	r = sealed_create(&out, b->store, name, sizeof(h), err);
	if (!r)
		r = put_sections(b, &out, &h, err);
	h.crc = crc32c(0, &h, offsetof(struct run_header, crc));
	b->all_terms += b->n;
	b->all_bytes += sealed_size(&out);
	if (!r)
		r = sealed_close(&out, &h, err);
	sealed_abort(&out);
	forget_terms(b);
	b->first_row += b->rows;
	b->rows = b->docs = b->tokens = 0;
	return r;
}

orasi_status build_add(void *self, const struct ArrowArray *keys, uint64_t first_row, orasi_error *err)
{
	struct build *b = self;
	struct arrow_view root, view;
	orasi_status r = ORASI_OK;

	if (arrow_view_init(&root, &b->index->keys, keys) || arrow_view_child(&root, 0, &view))
		return orasi_fail(err, ORASI_E_INVALID, "the keys are not what create was told");
	if (first_row != b->first_row + b->rows)
		return orasi_fail(err, ORASI_E_INVALID, "rows are missing before row %llu",
		                  (unsigned long long)first_row);
	for (int64_t i = 0; i < keys->length && !r; i++) {
		if (add_row(b, &view, i))
			return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
		if (b->used + b->rows * sizeof(*b->lengths) > b->index->memory)
			r = b->runs + 1 < RUNS_MAX ? write_run(b, 0, err)
			                           : orasi_fail(err, ORASI_E_QUOTA,
			                                        "the segment has more than %d runs: raise the option "
			                                        "'memory'",
			                                        RUNS_MAX);
	}
	if (!r && b->index->job && *b->index->job->cancel_flag)
		r = orasi_fail(err, ORASI_E_CANCELLED, "cancelled");
	return r;
}

orasi_status build_finish(void *self, orasi_segment_info *ret, orasi_error *err)
{
	struct build *b = self;
	orasi_status r = write_run(b, 1, err);

	if (!r)
		*ret = (orasi_segment_info){sizeof(*ret), SEGMENT_VERSION, b->first_row, b->all_terms, 0, b->all_bytes};
	build_abort(b);
	return r;
}
