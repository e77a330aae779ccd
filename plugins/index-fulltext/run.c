/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

orasi_status damaged(orasi_error *err)
{
	return orasi_fail(err, ORASI_E_CORRUPT, "the segment is damaged: rebuild the index");
}

/* ---- varints ---------------------------------------------------------------------------------------------- */

int varint_take(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
		uint8_t byte = *(*at)++;

		v |= (uint64_t)(byte & 0x7F) << shift;
		if (!(byte & 0x80)) {
			*ret = v;
			return shift == 63 && byte > 1 ? -1 : 0;
		}
	}
	return -1;
}

size_t varint_put(uint64_t v, uint8_t ret[10])
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		ret[n++] = (uint8_t)(v | 0x80);
	ret[n++] = (uint8_t)v;
	return n;
}

/* ---- opening ----------------------------------------------------------------------------------------------- */

void run_name(uint32_t i, char ret[16])
{
	snprintf(ret, 16, "run.%u", i);
}

static int is_inside(const struct run *run, uint64_t at, uint64_t n, uint64_t width)
{
	uint64_t len, end;

	return at % 8 == 0 && !__builtin_mul_overflow(n, width, &len) && !__builtin_add_overflow(at, len, &end) &&
	       end <= run->size;
}

/* Sections stand in this order, so what lies between two of them belongs to the first. */
static int sections_fine(const struct run *run)
{
	const struct run_header *h = &run->head;

	return h->postings_at >= sizeof(*h) && h->words_at >= h->postings_at && h->blocks_at >= h->words_at &&
	       is_inside(run, h->words_at, 0, 1) && is_inside(run, h->blocks_at, h->n_blocks, 16) &&
	       is_inside(run, h->lengths_at, h->rows, 4) && is_inside(run, h->sums_at, h->n_sums, 4) &&
	       h->postings_at % 8 == 0;
}

static orasi_status check_header(struct run *run, orasi_error *err)
{
	struct run_header *h = &run->head;

	if (run->size < sizeof(*h))
		return orasi_fail(err, ORASI_E_CORRUPT, "the segment is cut: rebuild the index");
	memcpy(h, run->data, sizeof(*h));
	if (memcmp(h->magic, RUN_MAGIC, 8) || h->crc != crc32c(0, h, offsetof(struct run_header, crc)))
		return damaged(err);
	if (h->version != SEGMENT_VERSION)
		return orasi_fail(err, ORASI_E_UNSUPPORTED,
		                  "the segment has version %u, this plugin reads %d: rebuild the index", h->version,
		                  SEGMENT_VERSION);
	if (!sections_fine(run))
		return damaged(err);
	run->postings = run->data + h->postings_at;
	run->words = run->data + h->words_at;
	run->blocks = (const uint64_t *)(run->data + h->blocks_at);
	run->lengths = (const uint32_t *)(run->data + h->lengths_at);
	run->sums = (const uint32_t *)(run->data + h->sums_at);
	return ORASI_OK;
}

orasi_status run_open(orasi_store *store, uint32_t i, struct run *ret, orasi_error *err)
{
	char name[16];
	orasi_status r;

	*ret = (struct run){0};
	run_name(i, name);
	r = store->open(store, name, &ret->handle, &ret->size, err);
	if (r)
		return r;
	ret->store = store;
	r = store->map(store, ret->handle, &ret->data, err);
	return r ? r : check_header(ret, err);
}

void run_close(struct run *run)
{
	orasi_error ignored = ORASI_NO_ERROR;

	if (run->store)
		run->store->close(run->store, run->handle, &ignored);
	run->store = NULL;
}

/* ---- words ---------------------------------------------------------------------------------------------------- */

static orasi_status enter_block(struct words *w, uint64_t block, orasi_error *err)
{
	const struct run *run = w->run;
	uint64_t size = run->head.blocks_at - run->head.words_at, begin = run->blocks[block * 2];

	w->postings = run->blocks[block * 2 + 1];
	w->postings_n = 0;
	w->block = block;
	w->left = block + 1 < run->head.n_blocks ? BLOCK_TERMS : run->head.terms - block * BLOCK_TERMS;
	w->n = 0;
	if (begin > size || w->left > BLOCK_TERMS || !w->left)
		return damaged(err);
	w->at = run->words + begin;
	w->end = run->words + size;
	return ORASI_OK;
}

static orasi_status take_word(struct words *w, orasi_error *err)
{
	uint64_t shared, rest, rows, size, limit = w->run->head.words_at - w->run->head.postings_at;

	if (varint_take(&w->at, w->end, &shared) || varint_take(&w->at, w->end, &rest) || shared > w->n ||
	    rest > TERM_MAX || shared + rest > TERM_MAX || rest > (uint64_t)(w->end - w->at))
		return damaged(err);
	memcpy(w->term + shared, w->at, rest);
	w->at += rest;
	w->n = (size_t)(shared + rest);
	w->postings += w->postings_n;
	if (varint_take(&w->at, w->end, &rows) || varint_take(&w->at, w->end, &size) || w->postings > limit ||
	    size > limit - w->postings)
		return damaged(err);
	w->rows = rows;
	w->postings_n = size;
	w->left--;
	return ORASI_OK;
}

orasi_status words_next(struct words *w, orasi_error *err)
{
	if (!w->left) {
		orasi_status r;

		if (w->block + 1 >= w->run->head.n_blocks)
			return ORASI_END;
		r = enter_block(w, w->block + 1, err);
		if (r)
			return r;
	}
	return take_word(w, err);
}

static int compare(const void *a, size_t n, const void *b, size_t m)
{
	int r = memcmp(a, b, n < m ? n : m);

	return r ? r : n < m ? -1 : n > m;
}

/* The last block whose first term is not above the given one. */
static orasi_status find_block(struct words *w, const void *term, size_t n, uint64_t *ret, orasi_error *err)
{
	uint64_t low = 0, high = w->run->head.n_blocks;

	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;
		orasi_status r = enter_block(w, middle, err);

		if (!r)
			r = take_word(w, err);
		if (r)
			return r;
		if (compare(w->term, w->n, term, n) > 0)
			high = middle;
		else
			low = middle;
	}
	*ret = low;
	return ORASI_OK;
}

orasi_status words_seek(struct words *w, const struct run *run, const void *term, size_t n, orasi_error *err)
{
	uint64_t block;
	orasi_status r;

	*w = (struct words){.run = run};
	if (!run->head.n_blocks)
		return ORASI_END;
	r = find_block(w, term, n, &block, err);
	if (!r)
		r = enter_block(w, block, err);
	while (!r) {
		r = words_next(w, err);
		if (r || compare(w->term, w->n, term, n) >= 0)
			break;
	}
	return r;
}

orasi_status words_find(struct words *w, const struct run *run, const void *term, size_t n, orasi_error *err)
{
	orasi_status r = words_seek(w, run, term, n, err);

	return r ? r : w->n == n && !memcmp(w->term, term, n) ? ORASI_OK : ORASI_END;
}

/* ---- postings --------------------------------------------------------------------------------------------------- */

void postings_begin(struct postings *p, const struct words *w)
{
	p->run = w->run;
	p->at = w->run->postings + w->postings;
	p->end = p->at + w->postings_n;
	p->row = UINT64_MAX;
	p->n_places = 0;
}

static int add_place(struct postings *p, uint64_t place)
{
	if (p->n_places == p->cap_places) {
		uint32_t cap = p->cap_places ? p->cap_places * 2 : 16;
		uint32_t *places = realloc(p->places, cap * sizeof(*places));

		if (!places)
			return -1;
		p->places = places;
		p->cap_places = cap;
	}
	p->places[p->n_places++] = (uint32_t)place;
	return 0;
}

orasi_status postings_next(struct postings *p, orasi_error *err)
{
	uint64_t delta, place = UINT64_MAX;

	if (p->at == p->end)
		return ORASI_END;
	if (varint_take(&p->at, p->end, &delta) || !delta || delta > p->run->head.rows)
		return damaged(err);
	p->row += delta; /* the first one wraps from -1 */
	if (p->row >= p->run->head.rows)
		return damaged(err);
	p->n_places = 0;
	for (;;) {
		if (varint_take(&p->at, p->end, &delta) || delta > UINT32_MAX)
			return damaged(err);
		if (!delta)
			return p->n_places ? ORASI_OK : damaged(err);
		place += delta;
		if (place >= UINT32_MAX)
			return damaged(err);
		if (add_place(p, place))
			return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	}
}

void postings_done(struct postings *p)
{
	free(p->places);
	*p = (struct postings){0};
}

/* ---- verify ------------------------------------------------------------------------------------------------------- */

static orasi_status verify_postings(struct postings *p, const struct words *w, orasi_error *err)
{
	uint64_t rows = 0;
	orasi_status r;

	postings_begin(p, w);
	while (!(r = postings_next(p, err))) {
		uint32_t length = p->run->lengths[p->row];

		if (length == LENGTH_NULL || p->places[p->n_places - 1] >= length)
			return damaged(err);
		rows++;
	}
	return r != ORASI_END ? r : rows == w->rows ? ORASI_OK : damaged(err);
}

static orasi_status verify_words(const struct run *run, orasi_error *err)
{
	struct postings postings = {0};
	uint8_t before[TERM_MAX];
	size_t n = 0;
	uint64_t terms = 0;
	struct words w;
	orasi_status r = words_seek(&w, run, "", 0, err);

	for (; !r; r = words_next(&w, err)) {
		if (terms++ && compare(before, n, w.term, w.n) >= 0) {
			r = damaged(err);
			break;
		}
		memcpy(before, w.term, w.n);
		n = w.n;
		r = verify_postings(&postings, &w, err);
		if (r)
			break;
	}
	postings_done(&postings);
	return r != ORASI_END ? r : terms == run->head.terms ? ORASI_OK : damaged(err);
}

orasi_status run_verify(const struct run *run, uint32_t level, orasi_error *err)
{
	int64_t bad =
		level ? sealed_check(run->data, sizeof(run->head), run->head.sums_at, run->sums, run->head.n_sums) : -1;

	if (bad >= 0)
		return orasi_fail(err, ORASI_E_CORRUPT,
		                  "the checksum of byte %lld of the segment is wrong: rebuild the index",
		                  (long long)bad);
	return level > 1 ? verify_words(run, err) : ORASI_OK;
}
