/* SPDX-License-Identifier: Apache-2.0 */
/* Values become PLAIN bytes a piece at a time; with a dictionary only their numbers are kept. A
 * page ends at about 20,000 values or a mebibyte, between rows only.
 *
 * A dictionary that grows too large, or in which most values are new, is given up: if no page was
 * made with it yet the chunk is as if it had never been, else the rest of the chunk is PLAIN. Later
 * row groups do not try again.
 *
 * Whether compression pays is asked of the first page of a PLAIN chunk. Dictionary pages and their
 * numbers are small, and are always compressed. */
#include "column.h"

#include <zlib.h>

#define PIECE GATHER_MAX
#define PAGE_VALUES (20 * PIECE)
#define PAGE_BYTES (1u << 20)
#define DICT_BYTES (1u << 20)
#define DICT_VALUES (1u << 16)
#define GAIN_MIN 0.95
#define GAIN_PROBE (16u << 10) /* smaller pages say nothing about the chunk */
#define SPELL_MAX (2 * PAGE_BYTES)

void column_tools_done(struct column_tools *tools)
{
	codec_done(&tools->codec);
	bytes_free(&tools->raw);
	bytes_free(&tools->packed);
}

void column_init(struct column *c, const struct node *node, struct column_tools *tools)
{
	memset(c, 0, sizeof(*c));
	c->node = node;
	c->tools = tools;
	c->width = plain_width(node);
	c->use_dictionary = node->physical != PQ_BOOLEAN;
	dictionary_init(&c->dict, c->width);
}

void column_done(struct column *c)
{
	dictionary_done(&c->dict);
	bytes_free(&c->def);
	bytes_free(&c->rep);
	bytes_free(&c->values);
	bytes_free(&c->indices);
	bytes_free(&c->chunk);
}

size_t column_size(const struct column *c)
{
	return c->chunk.len + c->values.len + c->indices.len + c->def.len + c->rep.len +
	       dictionary_memory(&c->dict);
}

static orasi_status no_memory(orasi_error *err)
{
	return pq_fail(err, ORASI_E_NOMEM, "out of memory while writing a column");
}

/* ---- pages ---------------------------------------------------------------------------------- */

static int put_page_header(struct bytes *out, int type, const struct bytes *raw,
                           const struct bytes *packed, size_t n_values, int encoding)
{
	struct thrift_writer w = {.out = *out};

	thrift_put_int(&w, 1, THRIFT_I32, type);
	thrift_put_int(&w, 2, THRIFT_I32, (int64_t)raw->len);
	thrift_put_int(&w, 3, THRIFT_I32, (int64_t)packed->len);
	thrift_put_int(&w, 4, THRIFT_I32, (int32_t)crc32(0, packed->data, (uInt)packed->len));
	thrift_put_struct(&w, type == PQ_DICTIONARY_PAGE ? 7 : 5);
	thrift_put_int(&w, 1, THRIFT_I32, (int64_t)n_values);
	thrift_put_int(&w, 2, THRIFT_I32, encoding);
	if (type == PQ_DATA_PAGE) {
		thrift_put_int(&w, 3, THRIFT_I32, PQ_RLE);
		thrift_put_int(&w, 4, THRIFT_I32, PQ_RLE);
	}
	thrift_end(&w);
	thrift_end(&w);
	*out = w.out;
	return w.failed ? -1 : 0;
}

static orasi_status compress_page(struct column *c, const struct bytes *raw, int may_store,
                                  orasi_error *err)
{
	struct codec plain = {.id = PQ_UNCOMPRESSED};
	struct bytes *packed = &c->tools->packed;
	orasi_status r = ORASI_OK;

	packed->len = 0;
	if (!c->store)
		r = codec_compress(&c->tools->codec, raw->data, raw->len, packed, err);
	if (!r && may_store && (double)packed->len >= GAIN_MIN * (double)raw->len)
		c->store = 1;
	if (r || !c->store)
		return r;
	packed->len = 0;
	return codec_compress(&plain, raw->data, raw->len, packed, err);
}

static orasi_status put_page(struct column *c, struct bytes *out, int type, const struct bytes *raw,
                             size_t n_values, int encoding, orasi_error *err)
{
	const struct bytes *packed = &c->tools->packed;
	size_t before = out->len;
	orasi_status r;

	if (raw->len > INT32_MAX)
		return pq_fail(err, ORASI_E_LIMIT, "column '%.100s': one row has more than 2 GiB",
		               c->node->name);
	r = compress_page(c, raw, !c->use_dictionary && !c->chunk.len && raw->len >= GAIN_PROBE,
	                  err);
	if (!r && (put_page_header(out, type, raw, packed, n_values, encoding) ||
	           bytes_put(out, packed->data, packed->len)))
		r = no_memory(err);
	if (!r)
		c->uncompressed += (int64_t)(out->len - before - packed->len + raw->len);
	return r;
}

static int put_booleans(struct bytes *out, const struct bytes *values)
{
	size_t n = (values->len + 7) / 8;

	if (bytes_reserve(out, n))
		return -1;
	memset(out->data + out->len, 0, n);
	for (size_t i = 0; i < values->len; i++)
		out->data[out->len + i / 8] |= (uint8_t)(values->data[i] << (i & 7));
	out->len += n;
	return 0;
}

static int put_indices(const struct column *c, struct bytes *out)
{
	uint8_t width = (uint8_t)bit_width(c->dict.n > 1 ? (uint32_t)c->dict.n - 1 : 1);

	return bytes_put(out, &width, 1) ||
	       rle_encode(out, (const uint32_t *)c->indices.data, c->indices.len / 4, width);
}

/* A page of nulls only needs no dictionary. */
static int is_numbered(const struct column *c)
{
	return c->use_dictionary && c->indices.len;
}

/* The page as it is before compression: levels, then values. */
static int assemble_page(const struct column *c, struct bytes *raw)
{
	raw->len = 0;
	if (c->node->rep && rle_encode_levels(raw, c->rep.data, c->rep.len, c->node->rep))
		return -1;
	if (c->node->def && rle_encode_levels(raw, c->def.data, c->def.len, c->node->def))
		return -1;
	if (is_numbered(c))
		return put_indices(c, raw);
	if (c->node->physical == PQ_BOOLEAN)
		return put_booleans(raw, &c->values);
	return bytes_put(raw, c->values.data, c->values.len);
}

static orasi_status flush_page(struct column *c, orasi_error *err)
{
	orasi_status r;

	if (!c->page_values)
		return ORASI_OK;
	if (assemble_page(c, &c->tools->raw))
		return no_memory(err);
	r = put_page(c, &c->chunk, PQ_DATA_PAGE, &c->tools->raw, c->page_values,
	             is_numbered(c) ? PQ_RLE_DICTIONARY : PQ_PLAIN, err);
	c->wrote_dict_pages |= is_numbered(c);
	c->chunk_values += (int64_t)c->page_values;
	c->page_values = 0;
	c->def.len = c->rep.len = c->values.len = c->indices.len = 0;
	return r;
}

/* ---- giving up a dictionary ----------------------------------------------------------------- */

static int pays(const struct column *c)
{
	size_t n = c->dict.n, seen = c->dict_seen;

	if (n >= DICT_VALUES || c->dict.entries.len >= DICT_BYTES)
		return 0;
	if (seen < 4 * PIECE)
		return 1;
	return seen < PAGE_VALUES ? n < seen - seen / 8 : n < seen / 2;
}

static size_t spelled_size(const struct column *c)
{
	const uint32_t *indices = (const uint32_t *)c->indices.data;
	size_t total = 0, n;

	for (size_t i = 0; i < c->indices.len / 4; i++) {
		dictionary_entry(&c->dict, indices[i], &n);
		total += n;
	}
	return total;
}

/* The values of the page being filled, from their numbers. */
static int spell_out(struct column *c)
{
	const uint32_t *indices = (const uint32_t *)c->indices.data;

	for (size_t i = 0; i < c->indices.len / 4; i++) {
		size_t n;
		const uint8_t *p = dictionary_entry(&c->dict, indices[i], &n);

		if (bytes_put(&c->values, p, n))
			return -1;
	}
	c->indices.len = 0;
	return 0;
}

/* Bounds of a chunk are those of its dictionary and of the values that went past it. */
static void take_bounds(struct column *c)
{
	size_t n;

	if (c->width && c->node->info.type != ARROW_FIXED_BINARY) {
		bounds_add_fixed(&c->group, c->node, c->dict.entries.data, c->dict.n);
		return;
	}
	for (uint32_t i = 0; i < c->dict.n; i++) {
		const uint8_t *p = dictionary_entry(&c->dict, i, &n);
		size_t prefix = c->width ? 0 : 4;

		bounds_add_bytes(&c->group, p + prefix, n - prefix);
	}
}

static orasi_status give_up(struct column *c, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	if (c->wrote_dict_pages || spelled_size(c) > SPELL_MAX) {
		r = flush_page(c, err);
	} else {
		if (spell_out(c))
			return no_memory(err);
		take_bounds(c);
		dictionary_done(&c->dict);
	}
	c->use_dictionary = 0;
	c->hopeless = 1;
	return r;
}

/* ---- values --------------------------------------------------------------------------------- */

static int add_indices(struct column *c, const uint8_t *values, size_t n)
{
	if (bytes_reserve(&c->indices, n * 4) ||
	    dictionary_put_fixed(&c->dict, values, n,
	                         (uint32_t *)(c->indices.data + c->indices.len)))
		return -1;
	c->indices.len += n * 4;
	return 0;
}

static orasi_status add_fixed(struct column *c, const struct shred *s, size_t first, size_t n,
                              orasi_error *err)
{
	uint8_t *values = c->tools->values;

	for (size_t end = first + n, step; first < end; first += step) {
		step = end - first < GATHER_MAX ? end - first : GATHER_MAX;
		if (gather_fixed(s, c->node, first, step, values))
			return pq_fail(err, ORASI_E_INVALID,
			               "column '%.100s': a time in seconds is out of range",
			               c->node->name);
		if (!c->use_dictionary)
			bounds_add_fixed(&c->group, c->node, values, step);
		if (c->use_dictionary ? add_indices(c, values, step)
		                      : bytes_put(&c->values, values, step * c->width))
			return no_memory(err);
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
		bounds_add_bytes(&c->group, p, len);
	}
	return 0;
}

static orasi_status add_values(struct column *c, const struct shred *s, size_t first, size_t n,
                               orasi_error *err)
{
	if (c->width && c->node->info.type != ARROW_FIXED_BINARY)
		return add_fixed(c, s, first, n, err);
	if (c->use_dictionary ? number_bytes(c, s, first, n) : copy_bytes(c, s, first, n))
		return no_memory(err);
	return ORASI_OK;
}

/* Where the piece that begins at level `at` ends, which is between rows, and its count of values.
 */
static size_t piece_end(const struct column *c, const struct shred *s, size_t at, size_t value,
                        size_t *ret_values)
{
	size_t end = at, bytes = 0, len, first = value;
	struct strings strings;

	if (c->width && s->n_values == s->n && !c->node->rep) {
		end = s->n - at < PIECE ? s->n : at + PIECE;
		*ret_values = end - at;
		return end;
	}
	strings_open(&strings, &s->leaf);
	while (end < s->n &&
	       ((end - at < PIECE && bytes < PAGE_BYTES) || (c->node->rep && s->rep[end]))) {
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

static orasi_status add_piece(struct column *c, const struct shred *s, size_t at, size_t end,
                              size_t value, size_t n, orasi_error *err)
{
	orasi_status r;

	if ((c->node->def && bytes_put(&c->def, s->def + at, end - at)) ||
	    (c->node->rep && bytes_put(&c->rep, s->rep + at, end - at)))
		return no_memory(err);
	r = add_values(c, s, value, n, err);
	c->page_values += end - at;
	c->group.nulls += (int64_t)(end - at - n);
	if (!r && c->use_dictionary) {
		c->dict_seen += n;
		if (!pays(c))
			r = give_up(c, err);
	}
	if (!r && (c->page_values >= PAGE_VALUES || c->values.len >= PAGE_BYTES))
		r = flush_page(c, err);
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

/* ---- the end of a row group ----------------------------------------------------------------- */

static orasi_status write_out(orasi_output *output, const struct bytes *b, uint64_t *at,
                              orasi_error *err)
{
	orasi_status r = b->len ? output->write(output, b->data, b->len, err) : ORASI_OK;

	*at += b->len;
	return r;
}

static orasi_status write_dictionary(struct column *c, orasi_output *output, uint64_t *at,
                                     orasi_error *err)
{
	struct bytes page = {0};
	orasi_status r =
	        put_page(c, &page, PQ_DICTIONARY_PAGE, &c->dict.entries, c->dict.n, PQ_PLAIN, err);

	if (!r)
		r = write_out(output, &page, at, err);
	bytes_free(&page);
	return r;
}

static void start_chunk(struct column *c)
{
	bounds_reset(&c->group);
	dictionary_clear(&c->dict);
	c->chunk.len = c->dict_seen = 0;
	c->chunk_values = c->uncompressed = 0;
	c->wrote_dict_pages = c->store = 0;
	c->use_dictionary = c->node->physical != PQ_BOOLEAN && !c->hopeless;
}

orasi_status column_flush(struct column *c, orasi_output *output, uint64_t *at,
                          struct chunk_meta *ret, orasi_error *err)
{
	uint64_t start = *at;
	orasi_status r = flush_page(c, err);

	memset(ret, 0, sizeof(*ret));
	if (!r && c->wrote_dict_pages) {
		take_bounds(c);
		ret->dict_offset = (int64_t)*at;
		r = write_dictionary(c, output, at, err);
	}
	ret->data_offset = (int64_t)*at;
	if (!r)
		r = write_out(output, &c->chunk, at, err);
	ret->codec = c->store ? PQ_UNCOMPRESSED : c->tools->codec.id;
	ret->n_values = c->chunk_values;
	ret->uncompressed = c->uncompressed;
	ret->compressed = (int64_t)(*at - start);
	ret->dict = c->wrote_dict_pages;
	ret->bounds = c->group;
	bounds_merge(&c->file, &c->group, c->node);
	start_chunk(c);
	return r;
}
