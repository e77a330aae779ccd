/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: levels and values put together, compressed, with their header and checksum; what a page holds is noted, for
 * the page index, and bounds of the chunk are those of its pages. Dictionary pages and their numbers are small, and
 * are always compressed. */
#include "column_page.h"
#include "encodings.h"

#include <zlib.h>

#define GAIN_PROBE (16u << 10) /* smaller pages say nothing about the chunk */

static int put_page_header(struct bytes *out, int type, const struct bytes *raw, const struct bytes *packed,
                           size_t n_values, int encoding)
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

/* Small pages say nothing about the chunk; so the codec stays open only while they come. */
static orasi_status compress_page(struct column *c, const struct bytes *raw, orasi_error *err)
{
	orasi_status r;

	if (c->codec == UNDECIDED && !c->use_dictionary && !c->chunk.len && raw->len >= GAIN_PROBE) {
		r = column_choose_codec(c, raw, err);
		if (r || c->codec == c->tools->codec.id)
			return r;
	}
	if (c->codec == UNDECIDED)
		c->codec = c->tools->codec_id;
	return column_pack(c, c->codec, raw, err);
}

orasi_status column_put_page(struct column *c, struct bytes *out, int type, const struct bytes *raw, size_t n_values,
                             int encoding, orasi_error *err)
{
	const struct bytes *packed = &c->tools->packed;
	size_t before = out->len;
	orasi_status r;

	if (raw->len > INT32_MAX)
		return orasi_fail(err, ORASI_E_LIMIT, "column '%.100s': one row has more than 2 GiB", c->node->name);
	r = compress_page(c, raw, err);
	if (!r &&
	    (put_page_header(out, type, raw, packed, n_values, encoding) || bytes_put(out, packed->data, packed->len)))
		r = column_no_memory(err);
	if (!r)
		c->uncompressed += (int64_t)(out->len - before - packed->len + raw->len);
	c->raw += raw->len;
	c->packed += packed->len;
	return r;
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
static int assemble_page(const struct column *c, int encoding, struct bytes *raw)
{
	raw->len = 0;
	if (c->node->rep && rle_encode_levels(raw, c->rep.data, c->rep.len, c->node->rep))
		return -1;
	if (c->node->def && rle_encode_levels(raw, c->def.data, c->def.len, c->node->def))
		return -1;
	if (is_numbered(c))
		return put_indices(c, raw);
	return encoding_put(raw, encoding, c->node, c->values.data, c->values.len, c->page_present);
}

/* ---- ending a page -------------------------------------------------------------------------- */

static int note_page(struct column *c, size_t at)
{
	const struct page_note note = {.at = at,
	                               .size = c->chunk.len - at,
	                               .first_row = c->chunk_rows,
	                               .n_values = (int64_t)c->page_values,
	                               .bounds = c->page};

	return bytes_put(&c->notes, &note, sizeof(note));
}

static orasi_status end_page(struct column *c, size_t at, int encoding, orasi_error *err)
{
	if (note_page(c, at))
		return column_no_memory(err);
	*(encoding == PQ_RLE_DICTIONARY ? &c->dict_pages
	  : encoding == PQ_PLAIN        ? &c->plain_pages
	                                : &c->other_pages) += 1;
	bounds_merge(&c->group, &c->page, c->node);
	bounds_reset(&c->page);
	c->chunk_values += (int64_t)c->page_values;
	c->chunk_rows += c->page_rows;
	c->page_values = c->page_present = 0;
	c->page_rows = 0;
	c->def.len = c->rep.len = c->values.len = c->indices.len = 0;
	return ORASI_OK;
}

orasi_status column_flush_page(struct column *c, orasi_error *err)
{
	size_t at = c->chunk.len;
	int encoding;
	orasi_status r = ORASI_OK;

	if (!c->page_values)
		return ORASI_OK;
	if (!is_numbered(c) && c->values.len && c->encoding == UNDECIDED)
		r = column_choose_encoding(c, err);
	/* Without values every encoding is empty, and all readers know PLAIN. */
	encoding = is_numbered(c) ? PQ_RLE_DICTIONARY : c->values.len ? c->encoding : PQ_PLAIN;
	if (!r && (assemble_page(c, encoding, &c->tools->raw) || (is_numbered(c) && column_add_numbered(c))))
		r = column_no_memory(err);
	if (!r)
		r = column_put_page(c, &c->chunk, PQ_DATA_PAGE, &c->tools->raw, c->page_values, encoding, err);
	return r ? r : end_page(c, at, encoding, err);
}
