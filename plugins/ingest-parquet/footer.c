/* SPDX-License-Identifier: Apache-2.0 */
#include "footer.h"

enum boundary_order { UNORDERED, ASCENDING, DESCENDING };

struct footer_chunk {
	size_t meta, meta_len;                      /* in metas */
	struct pq_place column_index, offset_index; /* in their buffers */
};

void footer_clear(struct footer *f)
{
	f->groups.len = f->chunks.len = f->metas.len = 0;
	f->column_indexes.len = f->offset_indexes.len = 0;
}

void footer_done(struct footer *f)
{
	bytes_free(&f->groups);
	bytes_free(&f->chunks);
	bytes_free(&f->metas);
	bytes_free(&f->column_indexes);
	bytes_free(&f->offset_indexes);
}

static orasi_status no_memory(orasi_error *err)
{
	return orasi_fail(err, ORASI_E_NOMEM, "out of memory for the footer");
}

static struct footer_group *last_group(struct footer *f)
{
	return (struct footer_group *)(f->groups.data + f->groups.len) - 1;
}

/* ---- page index ----------------------------------------------------------------------------- */

static const struct page_note *notes_of(const struct column *c, size_t *ret_n)
{
	*ret_n = c->notes.len / sizeof(struct page_note);
	return (const struct page_note *)c->notes.data;
}

static int only_nulls(const struct page_note *note)
{
	return note->bounds.nulls == note->n_values;
}

/* -1: a page has values but no bounds that readers may use. */
static int order_of_pages(const struct column *c)
{
	const struct page_note *notes, *last = NULL;
	int up = 1, down = 1;
	size_t n;

	notes = notes_of(c, &n);
	for (size_t i = 0; i < n; i++) {
		struct bound min, max, last_min, last_max;

		if (only_nulls(&notes[i]))
			continue;
		if (!bounds_usable(&notes[i].bounds, c->node, &min, &max))
			return -1;
		if (last) {
			bounds_usable(&last->bounds, c->node, &last_min, &last_max);
			up &= bounds_compare(c->node, &last_min, &min) <= 0 &&
			      bounds_compare(c->node, &last_max, &max) <= 0;
			down &= bounds_compare(c->node, &last_min, &min) >= 0 &&
			        bounds_compare(c->node, &last_max, &max) >= 0;
		}
		last = &notes[i];
	}
	return up ? ASCENDING : down ? DESCENDING : UNORDERED;
}

static void put_bounds(struct thrift_writer *w, const struct column *c, int is_max)
{
	const struct page_note *notes;
	size_t n;

	notes = notes_of(c, &n);
	thrift_put_list(w, is_max ? 3 : 2, THRIFT_BINARY, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		struct bound min, max;

		if (only_nulls(&notes[i])) {
			thrift_item_binary(w, "", 0);
			continue;
		}
		bounds_usable(&notes[i].bounds, c->node, &min, &max);
		bounds_item(is_max ? &max : &min, c->node, is_max, w);
	}
}

static int put_column_index(struct bytes *out, const struct column *c, int order)
{
	struct thrift_writer w = {.out = *out};
	const struct page_note *notes;
	size_t n;

	notes = notes_of(c, &n);
	thrift_put_list(&w, 1, THRIFT_TRUE, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		thrift_item_bool(&w, only_nulls(&notes[i]));
	put_bounds(&w, c, 0);
	put_bounds(&w, c, 1);
	thrift_put_int(&w, 4, THRIFT_I32, order);
	thrift_put_list(&w, 5, THRIFT_I64, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		thrift_item_int(&w, notes[i].bounds.nulls);
	thrift_end(&w);
	*out = w.out;
	return -w.failed;
}

static int put_offset_index(struct bytes *out, const struct column *c, int64_t start)
{
	struct thrift_writer w = {.out = *out};
	const struct page_note *notes;
	size_t n;

	notes = notes_of(c, &n);
	thrift_put_list(&w, 1, THRIFT_STRUCT, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		thrift_item_struct(&w);
		thrift_put_int(&w, 1, THRIFT_I64, start + (int64_t)notes[i].at);
		thrift_put_int(&w, 2, THRIFT_I32, (int64_t)notes[i].size);
		thrift_put_int(&w, 3, THRIFT_I64, notes[i].first_row);
		thrift_end(&w);
	}
	thrift_end(&w);
	*out = w.out;
	return -w.failed;
}

orasi_status footer_add_pages(struct footer *f, const struct column *c, const struct chunk_meta *meta, orasi_error *err)
{
	struct footer_chunk chunk = {.column_index.offset = (int64_t)f->column_indexes.len,
	                             .offset_index.offset = (int64_t)f->offset_indexes.len};
	int order = order_of_pages(c);

	if ((order >= 0 && put_column_index(&f->column_indexes, c, order)) ||
	    put_offset_index(&f->offset_indexes, c, meta->data_offset))
		return no_memory(err);
	chunk.column_index.length = (int64_t)f->column_indexes.len - chunk.column_index.offset;
	chunk.offset_index.length = (int64_t)f->offset_indexes.len - chunk.offset_index.offset;
	return bytes_put(&f->chunks, &chunk, sizeof(chunk)) ? no_memory(err) : ORASI_OK;
}

orasi_status footer_add_no_pages(struct footer *f, orasi_error *err)
{
	const struct footer_chunk chunk = {0};

	return bytes_put(&f->chunks, &chunk, sizeof(chunk)) ? no_memory(err) : ORASI_OK;
}

/* ---- chunks --------------------------------------------------------------------------------- */

static void put_path(struct thrift_writer *t, const struct node *leaf)
{
	const char *parts[2 * NODE_DEPTH_MAX + 2];
	int n = tree_parts(leaf, parts);

	thrift_put_list(t, 3, THRIFT_BINARY, (uint32_t)n);
	for (int i = 0; i < n; i++)
		thrift_item_binary(t, parts[i], strlen(parts[i]));
}

static void put_encodings(struct thrift_writer *t, const struct chunk_meta *m)
{
	int plain = m->dict_pages || m->plain_pages || !m->other_pages;

	thrift_put_list(t, 2, THRIFT_I32,
	                1 + (uint32_t)plain + !!m->dict_pages + (m->other_pages && m->encoding != PQ_RLE));
	thrift_item_int(t, PQ_RLE);
	if (plain)
		thrift_item_int(t, PQ_PLAIN);
	if (m->dict_pages)
		thrift_item_int(t, PQ_RLE_DICTIONARY);
	if (m->other_pages && m->encoding != PQ_RLE)
		thrift_item_int(t, m->encoding);
}

static void put_page_count(struct thrift_writer *t, int page, int encoding, uint32_t n)
{
	if (!n)
		return;
	thrift_item_struct(t);
	thrift_put_int(t, 1, THRIFT_I32, page);
	thrift_put_int(t, 2, THRIFT_I32, encoding);
	thrift_put_int(t, 3, THRIFT_I32, n);
	thrift_end(t);
}

static void put_page_counts(struct thrift_writer *t, const struct chunk_meta *m)
{
	thrift_put_list(t, 13, THRIFT_STRUCT, 2 * (uint32_t) !!m->dict_pages + !!m->plain_pages + !!m->other_pages);
	put_page_count(t, PQ_DICTIONARY_PAGE, PQ_PLAIN, m->dict_pages ? 1 : 0);
	put_page_count(t, PQ_DATA_PAGE, PQ_RLE_DICTIONARY, m->dict_pages);
	put_page_count(t, PQ_DATA_PAGE, PQ_PLAIN, m->plain_pages);
	put_page_count(t, PQ_DATA_PAGE, m->encoding, m->other_pages);
}

static void put_meta(struct thrift_writer *t, const struct column *c, const struct chunk_meta *m)
{
	thrift_put_int(t, 1, THRIFT_I32, c->node->physical);
	put_encodings(t, m);
	put_path(t, c->node);
	thrift_put_int(t, 4, THRIFT_I32, m->codec);
	thrift_put_int(t, 5, THRIFT_I64, m->n_values);
	thrift_put_int(t, 6, THRIFT_I64, m->uncompressed);
	thrift_put_int(t, 7, THRIFT_I64, m->compressed);
	thrift_put_int(t, 9, THRIFT_I64, m->data_offset);
	if (m->dict_pages)
		thrift_put_int(t, 11, THRIFT_I64, m->dict_offset);
	bounds_write(&m->bounds, c->node, t, 12);
	put_page_counts(t, m);
	if (m->bloom.length) {
		thrift_put_int(t, 14, THRIFT_I64, m->bloom.offset);
		thrift_put_int(t, 15, THRIFT_I32, m->bloom.length);
	}
	thrift_end(t);
}

orasi_status footer_add_chunk(struct footer *f, int column, const struct column *c, const struct chunk_meta *meta,
                              orasi_error *err)
{
	struct footer_group *group = last_group(f);
	struct footer_chunk *chunk = (struct footer_chunk *)f->chunks.data + group->first_chunk + column;
	struct thrift_writer w = {.out = f->metas};

	chunk->meta = f->metas.len;
	put_meta(&w, c, meta);
	f->metas = w.out;
	chunk->meta_len = f->metas.len - chunk->meta;
	return w.failed ? no_memory(err) : ORASI_OK;
}

/* ---- row groups ----------------------------------------------------------------------------- */

orasi_status footer_start_group(struct footer *f, int n_columns, orasi_error *err)
{
	const struct footer_group group = {.first_chunk = (uint32_t)(f->chunks.len / sizeof(struct footer_chunk)),
	                                   .n_chunks = (uint32_t)n_columns};

	return bytes_put(&f->groups, &group, sizeof(group)) ? no_memory(err) : ORASI_OK;
}

void footer_end_group(struct footer *f, const struct footer_group *group)
{
	struct footer_group *last = last_group(f);
	uint32_t first = last->first_chunk, n = last->n_chunks;

	*last = *group;
	last->first_chunk = first;
	last->n_chunks = n;
}

/* ---- the end of the file -------------------------------------------------------------------- */

static void put_place(struct thrift_writer *t, int id, const struct pq_place *place, int64_t base)
{
	if (!place->length)
		return;
	thrift_put_int(t, id, THRIFT_I64, base + place->offset);
	thrift_put_int(t, id + 1, THRIFT_I32, place->length);
}

static void put_group(const struct footer *f, const struct footer_group *group, int ordinal,
                      const struct sorting *sorting, const int64_t bases[2], struct thrift_writer *t)
{
	const struct footer_chunk *chunks = (const struct footer_chunk *)f->chunks.data;

	thrift_item_struct(t);
	thrift_put_list(t, 1, THRIFT_STRUCT, group->n_chunks);
	for (uint32_t i = 0; i < group->n_chunks; i++) {
		const struct footer_chunk *chunk = &chunks[group->first_chunk + i];

		thrift_item_struct(t);
		thrift_put_int(t, 2, THRIFT_I64, 0);
		thrift_put_made(t, 3, f->metas.data + chunk->meta, chunk->meta_len);
		put_place(t, 4, &chunk->offset_index, bases[1]);
		put_place(t, 6, &chunk->column_index, bases[0]);
		thrift_end(t);
	}
	thrift_put_int(t, 2, THRIFT_I64, group->uncompressed);
	thrift_put_int(t, 3, THRIFT_I64, group->rows);
	if (group->sorted)
		sorting_write(sorting, t, 4);
	thrift_put_int(t, 5, THRIFT_I64, group->offset);
	thrift_put_int(t, 6, THRIFT_I64, group->compressed);
	if (ordinal <= INT16_MAX)
		thrift_put_int(t, 7, THRIFT_I16, ordinal);
	thrift_end(t);
}

static void put_orders(struct thrift_writer *t, uint32_t n)
{
	thrift_put_list(t, 7, THRIFT_STRUCT, n);
	while (n-- > 0) {
		thrift_item_struct(t);
		thrift_put_struct(t, PQ_ORDER_TYPE);
		thrift_end(t);
		thrift_end(t);
	}
}

orasi_status footer_make(struct footer *f, const struct tree *tree, const struct sorting *sorting, uint64_t at,
                         uint64_t rows, struct bytes *ret, orasi_error *err)
{
	static const char made_by[] = "orasi version " ORASI_VERSION " (build 0)";
	const struct footer_group *groups = (const struct footer_group *)f->groups.data;
	const int64_t bases[2] = {(int64_t)at, (int64_t)at + (int64_t)f->column_indexes.len};
	uint32_t n_groups = (uint32_t)(f->groups.len / sizeof(*groups));
	struct thrift_writer t = {0};

	if (bytes_put(&t.out, f->column_indexes.data, f->column_indexes.len) ||
	    bytes_put(&t.out, f->offset_indexes.data, f->offset_indexes.len)) {
		bytes_free(&t.out);
		return no_memory(err);
	}
	f->tail = t.out.len;
	thrift_put_int(&t, 1, THRIFT_I32, 1);
	tree_write_elements(tree, &t);
	thrift_put_int(&t, 3, THRIFT_I64, (int64_t)rows);
	thrift_put_list(&t, 4, THRIFT_STRUCT, n_groups);
	for (uint32_t i = 0; i < n_groups; i++)
		put_group(f, &groups[i], (int)i, sorting, bases, &t);
	thrift_put_binary(&t, 6, made_by, sizeof(made_by) - 1);
	put_orders(&t, (uint32_t)tree->n_leaves);
	thrift_end(&t);
	*ret = t.out;
	return t.failed ? no_memory(err) : ORASI_OK;
}
