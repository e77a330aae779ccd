/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the page index and the head of a bloom filter into structs.
 * Source: parquet-format, PageIndex.md and BloomFilter.md. */
#include "format.h"

#define INDEX_MEMORY_MAX (64u << 20)

static orasi_status damaged(orasi_error *err, const char *what)
{
	return orasi_fail(err, ORASI_E_CORRUPT, "the %s of the Parquet file is damaged", what);
}

/* ---- offset index --------------------------------------------------------------------------- */

static void read_place(struct thrift_reader *r, struct pq_page_place *place)
{
	struct thrift_field f;

	place->first_row = -1;
	each_field(r, f)
	{
		if (f.id == 1 && f.type == THRIFT_I64)
			place->offset = thrift_int(r);
		else if (f.id == 2 && f.type == THRIFT_I32)
			place->size = (int32_t)thrift_int(r);
		else if (f.id == 3 && f.type == THRIFT_I64)
			place->first_row = thrift_int(r);
		else
			thrift_skip(r, f.type);
	}
}

static void read_places(struct thrift_reader *r, struct pq_offset_index *index)
{
	enum thrift_type item;
	uint32_t n = thrift_list(r, &item);

	index->pages = pool_alloc(&index->pool, (n + 1) * sizeof(*index->pages));
	r->bad |= !index->pages || item != THRIFT_STRUCT;
	for (uint32_t i = 0; i < n && !r->bad; i++) {
		const struct pq_page_place *at = &index->pages[i];

		read_place(r, &index->pages[i]);
		r->bad |= at->offset < 4 || at->size <= 0 || at->first_row < 0;
		if (i)
			r->bad |= at->offset < at[-1].offset || at->first_row < at[-1].first_row;
		else
			r->bad |= at->first_row != 0;
		index->n_pages = i + 1;
	}
}

orasi_status pq_offset_index_parse(struct pq_offset_index *ret, const uint8_t *text, size_t n, orasi_error *err)
{
	struct thrift_reader reader = {text, text + n, 0, 0}, *r = &reader;
	struct thrift_field f;

	memset(ret, 0, sizeof(*ret));
	ret->pool.max = INDEX_MEMORY_MAX;
	each_field(r, f)
	{
		if (f.id == 1 && f.type == THRIFT_LIST && !ret->pages)
			read_places(r, ret);
		else
			thrift_skip(r, f.type);
	}
	return r->bad || !ret->n_pages ? damaged(err, "offset index") : ORASI_OK;
}

void pq_offset_index_free(struct pq_offset_index *index)
{
	pool_free(&index->pool);
	memset(index, 0, sizeof(*index));
}

/* ---- column index --------------------------------------------------------------------------- */

/* The first list says how many pages there are; the others must agree. */
static uint32_t open_list(struct thrift_reader *r, struct pq_column_index *index, enum thrift_type *ret_item)
{
	uint32_t n = thrift_list(r, ret_item);

	if (!index->pages) {
		index->pages = pool_alloc(&index->pool, (n + 1) * sizeof(*index->pages));
		index->only_nulls = pool_alloc(&index->pool, n + 1);
		index->n_pages = n;
	}
	r->bad |= !index->pages || !index->only_nulls || index->n_pages != n;
	return n;
}

static void read_flags(struct thrift_reader *r, struct pq_column_index *index)
{
	enum thrift_type item;
	uint32_t n = open_list(r, index, &item);

	r->bad |= item != THRIFT_TRUE && item != THRIFT_FALSE;
	for (uint32_t i = 0; i < n && !r->bad; i++) {
		r->bad |= r->at >= r->end;
		index->only_nulls[i] = r->bad ? 0 : *r->at++ == 1;
	}
}

static void read_bounds(struct thrift_reader *r, struct pq_column_index *index, int max)
{
	enum thrift_type item;
	uint32_t n = open_list(r, index, &item);

	r->bad |= item != THRIFT_BINARY;
	for (uint32_t i = 0; i < n && !r->bad; i++) {
		struct pq_stats *page = &index->pages[i];

		*(max ? &page->max : &page->min) = thrift_binary(r);
		*(max ? &page->has_max : &page->has_min) = 1;
	}
}

static void read_nulls(struct thrift_reader *r, struct pq_column_index *index)
{
	enum thrift_type item;
	uint32_t n = open_list(r, index, &item);

	r->bad |= item != THRIFT_I64;
	for (uint32_t i = 0; i < n && !r->bad; i++) {
		index->pages[i].nulls = thrift_int(r);
		index->pages[i].has_nulls = index->pages[i].nulls >= 0;
	}
}

/* A page of nulls has empty bounds, which mean nothing; others contradict it. */
static void drop_bounds_of_nulls(struct pq_column_index *index)
{
	for (uint32_t i = 0; i < index->n_pages; i++) {
		struct pq_stats *page = &index->pages[i];

		if (index->only_nulls[i] && !page->min.len && !page->max.len)
			page->has_min = page->has_max = 0;
	}
}

orasi_status pq_column_index_parse(struct pq_column_index *ret, const uint8_t *text, size_t n, orasi_error *err)
{
	struct thrift_reader reader = {text, text + n, 0, 0}, *r = &reader;
	struct thrift_field f;

	memset(ret, 0, sizeof(*ret));
	ret->pool.max = INDEX_MEMORY_MAX;
	each_field(r, f)
	{
		if (f.type != THRIFT_LIST)
			thrift_skip(r, f.type);
		else if (f.id == 1)
			read_flags(r, ret);
		else if (f.id == 2 || f.id == 3)
			read_bounds(r, ret, f.id == 3);
		else if (f.id == 5)
			read_nulls(r, ret);
		else
			thrift_skip(r, f.type);
	}
	if (r->bad || !ret->n_pages)
		return damaged(err, "column index");
	drop_bounds_of_nulls(ret);
	return ORASI_OK;
}

void pq_column_index_free(struct pq_column_index *index)
{
	pool_free(&index->pool);
	memset(index, 0, sizeof(*index));
}

/* ---- bloom filter --------------------------------------------------------------------------- */

/* The member of a union that has empty members only. */
static int read_choice(struct thrift_reader *r)
{
	struct thrift_field f;
	int id = 0;

	each_field(r, f)
	{
		id = f.id;
		thrift_skip(r, f.type);
	}
	return id;
}

orasi_status pq_bloom_header_parse(struct pq_bloom_header *ret, const uint8_t *p, size_t n, orasi_error *err)
{
	struct thrift_reader reader = {p, p + n, 0, 0}, *r = &reader;
	struct thrift_field f;
	int known = 0;

	memset(ret, 0, sizeof(*ret));
	each_field(r, f)
	{
		if (f.id == 1 && f.type == THRIFT_I32)
			ret->bytes = (int32_t)thrift_int(r);
		else if (f.id >= 2 && f.id <= 4 && f.type == THRIFT_STRUCT)
			known += read_choice(r) == 1;
		else
			thrift_skip(r, f.type);
	}
	if (r->bad || ret->bytes < 32 || ret->bytes % 32)
		return damaged(err, "bloom filter");
	ret->is_known = known == 3;
	ret->size = (size_t)(r->at - p);
	return ORASI_OK;
}
