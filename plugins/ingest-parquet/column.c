/* SPDX-License-Identifier: Apache-2.0 */
/* Values become PLAIN bytes a piece at a time; with a dictionary (numbered.c) only their numbers are kept. A page
 * ends at about 20,000 values or a mebibyte, between rows only (pages.c). */
#include "column_page.h"
#include "hash.h"

void column_tools_done(struct column_tools *tools)
{
	codec_done(&tools->codec);
	bytes_free(&tools->raw);
	bytes_free(&tools->packed);
	bytes_free(&tools->used);
}

void column_init(struct column *c, const struct node *node, struct column_tools *tools)
{
	memset(c, 0, sizeof(*c));
	c->node = node;
	c->tools = tools;
	c->width = plain_width(node);
	dictionary_init(&c->dict, c->width);
	column_start(c);
}

void column_done(struct column *c)
{
	dictionary_done(&c->dict);
	bytes_free(&c->def);
	bytes_free(&c->rep);
	bytes_free(&c->values);
	bytes_free(&c->indices);
	bytes_free(&c->chunk);
	bytes_free(&c->notes);
	bytes_free(&c->hashes);
}

size_t column_size(const struct column *c)
{
	return c->chunk.len + c->values.len + c->indices.len + c->def.len + c->rep.len + dictionary_memory(&c->dict);
}

void column_start(struct column *c)
{
	bounds_reset(&c->group);
	bounds_reset(&c->page);
	dictionary_clear(&c->dict);
	c->chunk.len = c->notes.len = c->hashes.len = c->dict_seen = 0;
	c->chunk_values = c->chunk_rows = c->uncompressed = 0;
	c->dict_pages = c->plain_pages = c->other_pages = 0;
	c->codec = UNDECIDED;
	c->encoding = c->tools->compact ? UNDECIDED : PQ_PLAIN;
	c->use_dictionary = c->node->physical != PQ_BOOLEAN && !c->hopeless;
}

orasi_status column_no_memory(orasi_error *err)
{
	return orasi_fail(err, ORASI_E_NOMEM, "out of memory while writing a column");
}

/* ---- values --------------------------------------------------------------------------------- */

static int add_indices(struct column *c, const uint8_t *values, size_t n)
{
	if (bytes_reserve(&c->indices, n * 4) ||
	    dictionary_put_fixed(&c->dict, values, n, (uint32_t *)(c->indices.data + c->indices.len)))
		return -1;
	c->indices.len += n * 4;
	return 0;
}

static int hash_values(struct column *c, const uint8_t *values, size_t n)
{
	for (size_t i = 0; c->has_bloom && i < n; i++) {
		uint64_t hash = hash_xx64(values + i * c->width, c->width);

		if (bytes_put(&c->hashes, &hash, sizeof(hash)))
			return -1;
	}
	return 0;
}

static orasi_status add_fixed(struct column *c, const struct shred *s, size_t first, size_t n, orasi_error *err)
{
	uint8_t *values = c->tools->values;

	for (size_t end = first + n, step; first < end; first += step) {
		step = end - first < GATHER_MAX ? end - first : GATHER_MAX;
		if (gather_fixed(s, c->node, first, step, values))
			return orasi_fail(err, ORASI_E_INVALID, "column '%.100s': a time in seconds is out of range",
			                  c->node->name);
		if (!c->use_dictionary)
			bounds_add_fixed(&c->page, c->node, values, step);
		if (!c->use_dictionary && hash_values(c, values, step))
			return column_no_memory(err);
		if (c->use_dictionary ? add_indices(c, values, step) : bytes_put(&c->values, values, step * c->width))
			return column_no_memory(err);
	}
	return ORASI_OK;
}

static inline int64_t position(const struct shred *s, size_t i)
{
	return s->leaf.offset + (s->dense ? s->first + (int64_t)i : s->index[i]);
}

static int number_bytes(struct column *c, const struct shred *s, size_t first, size_t n)
{
	struct strings strings;
	uint32_t *to;

	if (bytes_reserve(&c->indices, n * 4) || dictionary_reserve(&c->dict, n))
		return -1;
	strings_open(&strings, &s->leaf);
	to = (uint32_t *)(c->indices.data + c->indices.len);
	for (size_t i = 0; i < n; i++) {
		size_t len;
		const uint8_t *p = strings_at(&strings, position(s, first + i), &len);

		if (dictionary_put_bytes(&c->dict, p, len, &to[i]))
			return -1;
	}
	c->indices.len += n * 4;
	return 0;
}

static int copy_bytes(struct column *c, const struct shred *s, size_t first, size_t n)
{
	size_t prefix = c->width ? 0 : 4;
	struct strings strings;

	strings_open(&strings, &s->leaf);
	for (size_t i = 0; i < n; i++) {
		size_t len;
		const uint8_t *p = strings_at(&strings, position(s, first + i), &len);
		uint32_t narrow = (uint32_t)len;
		uint8_t *to;

		if (bytes_reserve(&c->values, prefix + len))
			return -1;
		to = c->values.data + c->values.len;
		if (prefix)
			memcpy(to, &narrow, 4);
		if (len)
			memcpy(to + prefix, p, len);
		c->values.len += prefix + len;
		bounds_add_bytes(&c->page, p, len);
		if (c->has_bloom) {
			uint64_t hash = hash_xx64(p, len);

			if (bytes_put(&c->hashes, &hash, sizeof(hash)))
				return -1;
		}
	}
	return 0;
}

static orasi_status add_values(struct column *c, const struct shred *s, size_t first, size_t n, orasi_error *err)
{
	if (c->width && c->node->info.type != ARROW_FIXED_BINARY)
		return add_fixed(c, s, first, n, err);
	if (c->use_dictionary ? number_bytes(c, s, first, n) : copy_bytes(c, s, first, n))
		return column_no_memory(err);
	return ORASI_OK;
}

/* Where the piece that begins at level `at` ends, which is between rows, and its count of values.
 */
static size_t piece_end(const struct column *c, const struct shred *s, size_t at, size_t value, size_t *ret_values)
{
	size_t end = at, bytes = 0, len, first = value;
	struct strings strings;

	if (c->width && s->n_values == s->n && !c->node->rep) {
		end = s->n - at < PIECE ? s->n : at + PIECE;
		*ret_values = end - at;
		return end;
	}
	strings_open(&strings, &s->leaf);
	while (end < s->n && ((end - at < PIECE && bytes < PAGE_BYTES) || (c->node->rep && s->rep[end]))) {
		if (s->def[end++] != c->node->def)
			continue;
		if (!c->width) {
			strings_at(&strings, position(s, value), &len);
			bytes += len;
		}
		value++;
	}
	*ret_values = value - first;
	return end;
}

static int64_t count_rows(const struct column *c, const struct shred *s, size_t at, size_t end)
{
	int64_t rows = c->node->rep ? 0 : (int64_t)(end - at);

	for (size_t i = at; c->node->rep && i < end; i++)
		rows += !s->rep[i];
	return rows;
}

static orasi_status add_piece(struct column *c, const struct shred *s, size_t at, size_t end, size_t value, size_t n,
                              orasi_error *err)
{
	orasi_status r;

	if ((c->node->def && bytes_put(&c->def, s->def + at, end - at)) ||
	    (c->node->rep && bytes_put(&c->rep, s->rep + at, end - at)))
		return column_no_memory(err);
	r = add_values(c, s, value, n, err);
	c->page_values += end - at;
	c->page_present += n;
	c->page_rows += count_rows(c, s, at, end);
	c->page.nulls += (int64_t)(end - at - n);
	if (!r && c->use_dictionary) {
		c->dict_seen += n;
		if (!column_dictionary_pays(c))
			r = column_give_up(c, err);
	}
	if (!r && (c->page_values >= PAGE_VALUES || c->values.len >= PAGE_BYTES))
		r = column_flush_page(c, err);
	return r;
}

orasi_status column_add(struct column *c, const struct shred *s, orasi_error *err)
{
	size_t value = 0, n, end;
	orasi_status r = ORASI_OK;

	for (size_t at = 0; at < s->n && !r; at = end) {
		end = piece_end(c, s, at, value, &n);
		r = add_piece(c, s, at, end, value, n, err);
		value += n;
	}
	return r;
}
