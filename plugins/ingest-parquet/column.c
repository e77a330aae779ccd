/* SPDX-License-Identifier: Apache-2.0 */
/* Values are turned into their PLAIN bytes once; with a dictionary only new ones are kept. A page ends at 20,000
 * values or a mebibyte. A dictionary that grows beyond a mebibyte, or in which most values are new, is given up:
 * its pages stay, the rest of the chunk is PLAIN, and later row groups do not try again. */
#include "column.h"

#include <zlib.h>

#define PAGE_VALUES 20000
#define PAGE_BYTES (1u << 20)
#define DICT_BYTES (1u << 20)
#define DICT_PROBE 20000 /* values after which a dictionary must have paid */
#define GAIN_MIN 0.95

int column_init(struct column *c, const struct node *node, int codec, int level)
{
	memset(c, 0, sizeof(*c));
	c->node = node;
	c->codec.id = codec;
	c->codec.level = level;
	c->use_dictionary = node->physical != PQ_BOOLEAN;
	bounds_reset(&c->group);
	bounds_reset(&c->file);
	return 0;
}

static void dict_free(struct dictionary *d)
{
	free(d->slots);
	free(d->hashes);
	free(d->offsets);
	bytes_free(&d->entries);
	memset(d, 0, sizeof(*d));
}

void column_done(struct column *c)
{
	codec_done(&c->codec);
	dict_free(&c->dict);
	bytes_free(&c->def);
	bytes_free(&c->rep);
	bytes_free(&c->values);
	bytes_free(&c->indices);
	bytes_free(&c->chunk);
	bytes_free(&c->raw);
}

size_t column_size(const struct column *c)
{
	return c->chunk.len + c->values.len + c->indices.len + c->def.len + c->dict.entries.len;
}

/* ---- dictionary ------------------------------------------------------------------------------------ */

static uint32_t hash_bytes(const uint8_t *p, size_t n)
{
	uint64_t h = 0x9E3779B97F4A7C15u ^ n, v;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&v, p, 8);
		h = (h ^ v) * 0xFF51AFD7ED558CCDu;
		h ^= h >> 32;
	}
	if (n) {
		v = 0;
		memcpy(&v, p, n);
		h = (h ^ v) * 0xFF51AFD7ED558CCDu;
		h ^= h >> 32;
	}
	h *= 0xC4CEB9FE1A85EC53u;
	return (uint32_t)(h >> 32);
}

static int dict_grow(struct dictionary *d)
{
	size_t n = d->n_slots ? d->n_slots * 2 : 1024;
	uint32_t *slots = calloc(n, sizeof(*slots));
	uint32_t *hashes = realloc(d->hashes, n / 2 * sizeof(*hashes));

	if (hashes)
		d->hashes = hashes;
	d->cap = n / 2;
	if (slots && hashes) {
		uint32_t *offsets = realloc(d->offsets, d->cap * sizeof(*offsets));

		if (offsets)
			d->offsets = offsets;
		else
			hashes = NULL;
	}
	if (!slots || !hashes) {
		free(slots);
		return -1;
	}
	for (size_t i = 0; i < d->n; i++) {
		size_t at = d->hashes[i] & (n - 1);

		while (slots[at])
			at = (at + 1) & (n - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(d->slots);
	d->slots = slots;
	d->n_slots = n;
	return 0;
}

static int dict_equal(const struct dictionary *d, uint32_t entry, const uint8_t *p, size_t n, size_t prefix)
{
	const uint8_t *have = d->entries.data + d->offsets[entry];
	uint32_t len;

	if (prefix) {
		memcpy(&len, have, 4);
		if (len != n)
			return 0;
	}
	return !memcmp(have + prefix, p, n);
}

/* Entry number of the value, made if it is new (*ret_new). -1: out of memory. */
static int64_t dict_put(struct dictionary *d, const uint8_t *p, size_t n, size_t prefix, int *ret_new)
{
	uint32_t hash = hash_bytes(p, n), len = (uint32_t)n;
	size_t at;

	if (d->n >= d->cap && dict_grow(d))
		return -1;
	for (at = hash & (d->n_slots - 1); d->slots[at]; at = (at + 1) & (d->n_slots - 1)) {
		uint32_t entry = d->slots[at] - 1;

		if (d->hashes[entry] == hash && dict_equal(d, entry, p, n, prefix))
			return entry;
	}
	d->offsets[d->n] = (uint32_t)d->entries.len;
	if ((prefix && bytes_put(&d->entries, &len, 4)) || bytes_put(&d->entries, p, n))
		return -1;
	d->hashes[d->n] = hash;
	d->slots[at] = (uint32_t)d->n + 1;
	*ret_new = 1;
	return (int64_t)d->n++;
}

/* ---- pages ----------------------------------------------------------------------------------------- */

static orasi_status no_memory(orasi_error *err)
{
	return pq_fail(err, ORASI_E_NOMEM, "out of memory while writing a column");
}

static int put_page_header(struct bytes *out, int type, size_t raw, size_t packed, uint32_t crc, size_t n_values,
                           int encoding)
{
	struct thrift_writer w = {.out = *out};

	thrift_put_int(&w, 1, THRIFT_I32, type);
	thrift_put_int(&w, 2, THRIFT_I32, (int64_t)raw);
	thrift_put_int(&w, 3, THRIFT_I32, (int64_t)packed);
	thrift_put_int(&w, 4, THRIFT_I32, (int32_t)crc);
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

/* The first page of a chunk tells whether compression pays for it. */
static orasi_status compress_page(struct column *c, const struct bytes *raw, struct bytes *ret, orasi_error *err)
{
	struct codec plain = {.id = PQ_UNCOMPRESSED};
	orasi_status r;

	if (c->store)
		return codec_compress(&plain, raw->data, raw->len, ret, err);
	r = codec_compress(&c->codec, raw->data, raw->len, ret, err);
	if (r || c->chunk.len || (double)ret->len < GAIN_MIN * (double)raw->len)
		return r;
	c->store = 1;
	ret->len = 0;
	return codec_compress(&plain, raw->data, raw->len, ret, err);
}

static orasi_status put_page(struct column *c, struct bytes *out, int type, const struct bytes *raw,
                             size_t n_values, int encoding, orasi_error *err)
{
	struct bytes packed = {0};
	size_t before = out->len;
	orasi_status r = compress_page(c, raw, &packed, err);

	if (!r && (put_page_header(out, type, raw->len, packed.len,
	                           (uint32_t)crc32(0, packed.data, (uInt)packed.len), n_values, encoding) ||
	           bytes_put(out, packed.data, packed.len)))
		r = no_memory(err);
	if (!r)
		c->uncompressed += (int64_t)(out->len - before - packed.len + raw->len);
	bytes_free(&packed);
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

static int put_indices(struct column *c, struct bytes *out)
{
	uint8_t width = (uint8_t)bit_width(c->dict.n > 1 ? (uint32_t)c->dict.n - 1 : 1);

	return bytes_put(out, &width, 1) ||
	       rle_encode(out, (const uint32_t *)c->indices.data, c->indices.len / 4, width);
}

static orasi_status flush_page(struct column *c, orasi_error *err)
{
	struct bytes *raw = &c->raw;
	int dict = c->use_dictionary, r = 0;
	orasi_status status;

	if (!c->page_values)
		return ORASI_OK;
	raw->len = 0;
	if (c->node->rep)
		r = rle_encode_levels(raw, c->rep.data, c->rep.len, c->node->rep);
	if (!r && c->node->def)
		r = rle_encode_levels(raw, c->def.data, c->def.len, c->node->def);
	if (!r && dict)
		r = put_indices(c, raw);
	else if (!r && c->node->physical == PQ_BOOLEAN)
		r = put_booleans(raw, &c->values);
	else if (!r)
		r = bytes_put(raw, c->values.data, c->values.len);
	if (r)
		return no_memory(err);
	status = put_page(c, &c->chunk, PQ_DATA_PAGE, raw, c->page_values, dict ? PQ_RLE_DICTIONARY : PQ_PLAIN, err);
	if (dict)
		c->wrote_dict_pages = 1;
	else
		c->wrote_plain_pages = 1;
	c->chunk_values += (int64_t)c->page_values;
	c->page_values = 0;
	c->def.len = c->rep.len = c->values.len = c->indices.len = 0;
	return status;
}

static orasi_status check_dictionary(struct column *c, orasi_error *err)
{
	size_t seen = (size_t)c->group.values;
	orasi_status r;

	if (!c->use_dictionary)
		return ORASI_OK;
	if (c->dict.entries.len < DICT_BYTES && (seen < DICT_PROBE || c->dict.n * 2 < seen))
		return ORASI_OK;
	r = flush_page(c, err);
	c->use_dictionary = 0;
	c->hopeless = 1;
	return r;
}

/* ---- values ---------------------------------------------------------------------------------------- */

static int put_value(struct column *c, const uint8_t *p, size_t n, size_t prefix)
{
	uint32_t len = (uint32_t)n, entry;
	int64_t at;
	int fresh = 0;

	c->group.values++;
	if (!c->use_dictionary) {
		bounds_add(&c->group, c->node, p, n);
		return (prefix && bytes_put(&c->values, &len, 4)) || bytes_put(&c->values, p, n) ? -1 : 0;
	}
	at = dict_put(&c->dict, p, n, prefix, &fresh);
	if (at < 0)
		return -1;
	if (fresh)
		bounds_add(&c->group, c->node, p, n);
	entry = (uint32_t)at;
	return bytes_put(&c->indices, &entry, 4);
}

static void big_endian(uint8_t *ret, const uint8_t *little, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = little[n - 1 - i];
}

/* The PLAIN bytes of value i, for types that are not byte arrays. */
static size_t fixed_value(const struct node *node, const struct arrow_view *view, int64_t i, uint8_t ret[16])
{
	int64_t v;
	size_t n;

	switch (node->info.type) {
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
	case ARROW_FLOAT16:
		n = arrow_type_width(&node->info);
		memcpy(ret, (const uint8_t *)view->data + (size_t)(view->offset + i) * n, n);
		return n;
	case ARROW_DECIMAL128:
		if (node->physical == PQ_FIXED) {
			big_endian(ret, (const uint8_t *)view->data + (size_t)(view->offset + i) * 16, 16);
			return 16;
		}
		n = node->physical == PQ_INT32 ? 4 : 8;
		memcpy(ret, (const uint8_t *)view->data + (size_t)(view->offset + i) * 16, n);
		return n;
	case ARROW_DATE64:
		v = arrow_view_int(view, i) / 86400000;
		break;
	case ARROW_TIMESTAMP:
		v = arrow_view_int(view, i) * (node->info.unit == ARROW_SECOND ? 1000 : 1);
		break;
	case ARROW_TIME32:
		v = arrow_view_int(view, i) * (node->info.unit == ARROW_SECOND ? 1000 : 1);
		break;
	default:
		v = arrow_view_int(view, i);
	}
	memcpy(ret, &v, 8);
	return node->physical == PQ_INT32 ? 4 : node->physical == PQ_BOOLEAN ? 1 : 8;
}

static int add_value(struct column *c, const struct arrow_view *view, int64_t i)
{
	uint8_t fixed[16];
	const uint8_t *p;
	size_t n;

	if (c->node->physical == PQ_BYTE_ARRAY) {
		p = arrow_view_bytes(view, i, &n);
		return put_value(c, p, n, 4);
	}
	if (c->node->info.type == ARROW_FIXED_BINARY) {
		p = arrow_view_bytes(view, i, &n);
		return put_value(c, p, n, 0);
	}
	n = fixed_value(c->node, view, i, fixed);
	return put_value(c, fixed, n, 0);
}

orasi_status column_add(struct column *c, const struct shred *s, orasi_error *err)
{
	size_t value = 0;

	for (size_t i = 0; i < s->n; i++) {
		int present = s->def[i] == c->node->def;
		orasi_status r;

		/* A page ends between rows only. */
		if (!s->rep[i] && (c->page_values >= PAGE_VALUES || c->values.len >= PAGE_BYTES)) {
			r = flush_page(c, err);
			if (!r)
				r = check_dictionary(c, err);
			if (r)
				return r;
		}
		if ((c->node->def && bytes_put(&c->def, &s->def[i], 1)) ||
		    (c->node->rep && bytes_put(&c->rep, &s->rep[i], 1)) ||
		    (present && add_value(c, &s->leaf, s->index[value++])))
			return no_memory(err);
		c->group.nulls += !present;
		c->page_values++;
		if (c->dict.entries.len >= DICT_BYTES && c->use_dictionary) {
			r = s->rep[i] || c->node->rep ? ORASI_OK : check_dictionary(c, err);
			if (r)
				return r;
		}
	}
	return ORASI_OK;
}

/* ---- the end of a row group -------------------------------------------------------------------------- */

static orasi_status write_out(orasi_output *output, const struct bytes *b, uint64_t *at, orasi_error *err)
{
	orasi_status r = b->len ? output->write(output, b->data, b->len, err) : ORASI_OK;

	*at += b->len;
	return r;
}

static orasi_status write_dictionary(struct column *c, orasi_output *output, uint64_t *at, orasi_error *err)
{
	struct bytes page = {0};
	orasi_status r = put_page(c, &page, PQ_DICTIONARY_PAGE, &c->dict.entries, c->dict.n, PQ_PLAIN, err);

	if (!r)
		r = write_out(output, &page, at, err);
	bytes_free(&page);
	return r;
}

orasi_status column_flush(struct column *c, orasi_output *output, uint64_t *at, struct chunk_meta *ret,
                          orasi_error *err)
{
	uint64_t start = *at;
	orasi_status r = flush_page(c, err);

	memset(ret, 0, sizeof(*ret));
	if (!r && c->wrote_dict_pages) {
		ret->dict_offset = (int64_t)*at;
		r = write_dictionary(c, output, at, err);
	}
	ret->data_offset = (int64_t)*at;
	if (!r)
		r = write_out(output, &c->chunk, at, err);
	ret->codec = c->store ? PQ_UNCOMPRESSED : c->codec.id;
	ret->n_values = c->chunk_values;
	ret->uncompressed = c->uncompressed;
	ret->compressed = (int64_t)(*at - start);
	ret->dict = c->wrote_dict_pages;
	ret->plain = c->wrote_plain_pages;
	ret->bounds = c->group;
	bounds_merge(&c->file, &c->group, c->node);
	bounds_reset(&c->group);
	dict_free(&c->dict);
	c->chunk.len = 0;
	c->chunk_values = c->uncompressed = 0;
	c->wrote_dict_pages = c->wrote_plain_pages = c->store = 0;
	c->use_dictionary = c->node->physical != PQ_BOOLEAN && !c->hopeless;
	return r;
}
