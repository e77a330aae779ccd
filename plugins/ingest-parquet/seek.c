/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that nobody wants: over whole pages where the file tells their places, by their headers where it does not, and
 * level by level only where rows are nested. And how far one can read before looking up. */
#include "leaf_page.h"

#define PLACE_MAX (64u << 20)
#define JUMP_MIN 64 /* rows that are not worth to look for the places of pages */

/* ---- places of pages ------------------------------------------------------------------------ */

orasi_status leaf_read_place(orasi_source *source, const struct pq_place *place, struct bytes *ret, orasi_error *err)
{
	size_t got = 0;
	orasi_status r;

	if (place->offset < 4 || place->length <= 0 || place->length > PLACE_MAX ||
	    place->offset > source->size - place->length)
		return orasi_fail(err, ORASI_E_CORRUPT, "an index has no place in the file");
	ret->len = 0;
	if (bytes_reserve(ret, (size_t)place->length))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	r = source->pread(source, (uint64_t)place->offset, ret->data, (size_t)place->length, &got, err);
	ret->len = got;
	return r;
}

/* The index must lie within the chunk and speak of its rows, else it is not used. */
static int places_make_sense(const struct leaf *leaf)
{
	const struct pq_offset_index *places = &leaf->places;
	const struct pq_page_place *last = &places->pages[places->n_pages - 1];

	return places->pages[0].offset >= leaf_start(leaf->column) &&
	       (uint64_t)last->offset + (uint64_t)last->size <= leaf->chunk_end &&
	       (uint64_t)last->first_row < leaf->rows;
}

const struct pq_offset_index *leaf_places(struct leaf *leaf)
{
	struct bytes text = {0};

	if (leaf->places_state == PLACES_UNKNOWN) {
		leaf->places_state = PLACES_NONE;
		if (!leaf_read_place(leaf->source, &leaf->column->offset_index, &text, NULL) &&
		    !pq_offset_index_parse(&leaf->places, text.data, text.len, NULL) && places_make_sense(leaf))
			leaf->places_state = PLACES_READ;
		bytes_free(&text);
	}
	return leaf->places_state == PLACES_READ ? &leaf->places : NULL;
}

/* The page that has a row of the group. */
static uint32_t page_of(const struct pq_offset_index *places, uint64_t row)
{
	uint32_t low = 0, high = places->n_pages;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if ((uint64_t)places->pages[middle].first_row <= row)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* To the start of the page that has the row, when it is another one than now and known. */
static orasi_status jump(struct leaf *leaf, uint64_t row, orasi_error *err)
{
	const struct pq_offset_index *places;
	uint32_t page;
	orasi_status r;

	if (row - leaf->row < JUMP_MIN || (!leaf->node->rep && row - leaf->row < leaf->n - leaf->pos))
		return ORASI_OK;
	places = leaf_places(leaf);
	if (!places || row >= leaf->rows)
		return ORASI_OK;
	page = page_of(places, row);
	if (page == page_of(places, leaf->row))
		return ORASI_OK;
	r = leaf_pass_dictionary(leaf, err);
	leaf->by_places = 1;
	leaf->place = page;
	leaf->at = (uint64_t)places->pages[page].offset;
	leaf->row = (uint64_t)places->pages[page].first_row;
	leaf->n = leaf->pos = leaf->value_pos = 0;
	return r;
}

/* ---- sizes ---------------------------------------------------------------------------------- */

static size_t rows_within(const struct leaf *leaf, size_t budget)
{
	size_t left = leaf->n - leaf->pos, total = 0, i = 0;

	if (leaf->use_dict)
		return leaf->longest > budget / left ? budget / leaf->longest + 1 : left;
	if (leaf->page.len <= budget)
		return left;
	for (; i < left && leaf->value_pos + i < leaf->n_values && total < budget; i++)
		total += leaf_value_at(leaf, leaf->value_pos + i).len;
	return i ? i : left;
}

orasi_status leaf_rows_ahead(struct leaf *leaf, size_t budget, size_t *ret, orasi_error *err)
{
	orasi_status r;

	*ret = SIZE_MAX;
	if (leaf->node->physical != PQ_BYTE_ARRAY)
		return ORASI_OK;
	r = leaf_ready(leaf, err);
	if (r)
		return r == ORASI_END ? ORASI_OK : r;
	if (!leaf->node->rep)
		*ret = rows_within(leaf, budget);
	else if (leaf->use_dict ? leaf->longest > budget / 1024 : leaf->page.len > budget)
		*ret = 1;
	return ORASI_OK;
}

/* ---- skipping ------------------------------------------------------------------------------- */

static orasi_status skip_nested(struct leaf *leaf, uint64_t rows, orasi_error *err)
{
	orasi_status r = rows ? leaf_ready(leaf, err) : ORASI_OK;

	while (!r && rows > 0) {
		leaf_next(leaf);
		r = leaf->pos < leaf->n ? ORASI_OK : leaf_ready(leaf, err);
		if (r == ORASI_END && rows == 1)
			return ORASI_OK;
		if (!r && !leaf_rep(leaf))
			rows--;
	}
	return r == ORASI_END ? leaf_damaged(leaf, err, "the chunk has fewer rows than its group") : r;
}

static void skip_in_page(struct leaf *leaf, size_t n)
{
	size_t values = 0;

	if (leaf->n_values == leaf->n)
		values = n;
	else
		for (size_t i = 0; i < n; i++)
			values += leaf->def.data[leaf->pos + i] == leaf->node->def;
	leaf->pos += n;
	leaf->value_pos += values;
}

/* A flat column has one value a row, so that whole pages are passed by their headers. */
static orasi_status skip_flat(struct leaf *leaf, uint64_t rows, orasi_error *err)
{
	struct pq_page_header h;
	orasi_status r;

	while (rows > 0) {
		size_t left = leaf->n - leaf->pos;

		if (left) {
			size_t step = rows < left ? (size_t)rows : left;

			skip_in_page(leaf, step);
			rows -= step;
			continue;
		}
		r = leaf_next_page(leaf, &h, err);
		if (!r && (uint64_t)h.n_values <= rows) {
			rows -= (uint64_t)h.n_values;
			leaf_pass_page(leaf, &h);
			continue;
		}
		if (!r)
			r = leaf_load_page(leaf, &h, err);
		if (r)
			return r == ORASI_END ? leaf_damaged(leaf, err, "the chunk has fewer rows than its group") : r;
	}
	return ORASI_OK;
}

orasi_status leaf_seek(struct leaf *leaf, uint64_t row, orasi_error *err)
{
	orasi_status r = row > leaf->row ? jump(leaf, row, err) : ORASI_OK;

	if (r || row <= leaf->row)
		return r;
	r = leaf->node->rep ? skip_nested(leaf, row - leaf->row, err) : skip_flat(leaf, row - leaf->row, err);
	leaf->row = row;
	return r;
}
