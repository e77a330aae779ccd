/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of one column chunk: header, checksum, decompression, levels, values. */
#include "leaf.h"

#include <zlib.h>

#define WINDOW (256u << 10)
#define HEADER_MAX (16u << 20) /* statistics may be in it */
#define PAGE_MAX (512u << 20)
#define PAGE_VALUES_MAX (64u << 20)

void leaf_done(struct leaf *leaf)
{
	codec_done(&leaf->codec);
	bytes_free(&leaf->window);
	bytes_free(&leaf->page);
	bytes_free(&leaf->dict_page);
	values_done(&leaf->dict);
	values_done(&leaf->plain);
	bytes_free(&leaf->indices);
	bytes_free(&leaf->def);
	bytes_free(&leaf->rep);
}

static orasi_status damaged(const struct leaf *leaf, orasi_error *err, const char *what)
{
	return pq_fail(err, ORASI_E_CORRUPT, "column '%.100s', page at byte %llu: %s",
	               leaf->node->name, (unsigned long long)leaf->at, what);
}

orasi_status leaf_open(struct leaf *leaf, const struct node *node, const struct pq_column *column,
                       orasi_source *source, orasi_error *err)
{
	int64_t start = column->data_offset, end;

	leaf->node = node;
	leaf->column = column;
	leaf->source = source;
	leaf->codec.id = column->codec;
	/* Some writers say 0 for "no dictionary", some point behind the data. */
	if (column->dict_offset > 0 && column->dict_offset < start)
		start = column->dict_offset;
	if (column->encrypted)
		return pq_fail(err, ORASI_E_UNSUPPORTED,
		               "column '%.100s' is encrypted, which is not supported", node->name);
	if (start < 4 || column->total_compressed < 0 || column->n_values < 0 ||
	    __builtin_add_overflow(start, column->total_compressed, &end) || end > source->size ||
	    column->physical != node->physical)
		return pq_fail(err, ORASI_E_CORRUPT,
		               "column '%.100s': its place in the file makes no sense", node->name);
	leaf->at = (uint64_t)start;
	/* Some writers forget the dictionary in the chunk's size; the count of values is what ends
	 * it. */
	leaf->end = (uint64_t)source->size;
	leaf->chunk_end = (uint64_t)end;
	leaf->values_left = column->n_values;
	leaf->window.len = 0;
	leaf->n = leaf->pos = leaf->n_values = leaf->value_pos = 0;
	leaf->has_dict = leaf->use_dict = 0;
	return ORASI_OK;
}

/* How far to read from `at` for `len` bytes: ahead, but not beyond the end that the chunk claims.
 */
static size_t read_ahead(const struct leaf *leaf, uint64_t at, size_t len)
{
	uint64_t end = at + len <= leaf->chunk_end ? leaf->chunk_end : leaf->end;
	size_t want = len > WINDOW ? len : WINDOW;

	return want < end - at ? want : (size_t)(end - at);
}

/* Bytes [at, at+len) of the chunk, as far as there are; *ret_len tells how many. What the window
 * has of them is not read again. */
static orasi_status fetch(struct leaf *leaf, uint64_t at, size_t len, const uint8_t **ret,
                          size_t *ret_len, orasi_error *err)
{
	struct bytes *window = &leaf->window;
	uint64_t have_end = leaf->window_at + window->len;
	size_t want = read_ahead(leaf, at, len), got = 0;
	orasi_status r = ORASI_OK;

	if (at < leaf->window_at || at > have_end)
		have_end = at;
	if (at + len > have_end) {
		size_t keep = (size_t)(have_end - at);

		if (keep)
			memmove(window->data, window->data + (at - leaf->window_at), keep);
		leaf->window_at = at;
		window->len = keep;
		if (bytes_reserve(window, want - keep + 1))
			return pq_fail(err, ORASI_E_NOMEM, "out of memory");
		r = leaf->source->pread(leaf->source, at + keep, window->data + keep, want - keep,
		                        &got, err);
		window->len += got;
	}
	*ret = window->data + (at - leaf->window_at);
	*ret_len = (size_t)(leaf->window_at + window->len - at);
	return r;
}

static orasi_status read_header(struct leaf *leaf, struct pq_page_header *ret, orasi_error *err)
{
	size_t want = 64, got;
	const uint8_t *p;
	orasi_status r;

	do {
		if (want > leaf->end - leaf->at)
			want = (size_t)(leaf->end - leaf->at);
		r = fetch(leaf, leaf->at, want, &p, &got, err);
		if (r)
			return r;
		r = pq_page_header_parse(ret, p, got, err);
		if (r != ORASI_AGAIN)
			break;
		if (want >= leaf->end - leaf->at || want > HEADER_MAX)
			return damaged(leaf, err, "the chunk ends within a page header");
		want = got * 4 > want ? got * 4 : want * 4;
	} while (1);
	if (r)
		return r;
	if ((uint64_t)ret->compressed > leaf->end - leaf->at - ret->size)
		return damaged(leaf, err, "the page is longer than its chunk");
	if ((uint32_t)ret->uncompressed > PAGE_MAX || (uint32_t)ret->n_values > PAGE_VALUES_MAX)
		return damaged(leaf, err, "the page is larger than 512 MiB or 64 M values");
	return ORASI_OK;
}

/* Mutated pages must get past this when they are tried by a fuzzer. */
static int checksum_matches(const uint8_t *p, size_t n, uint32_t want)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	(void)p, (void)n, (void)want;
	return 1;
#else
	return (uint32_t)crc32(0, p, (uInt)n) == want;
#endif
}

/* The page's bytes, decompressed into `to`. V2 pages keep their levels in front as they are. */
static orasi_status read_body(struct leaf *leaf, const struct pq_page_header *h, struct bytes *to,
                              orasi_error *err)
{
	size_t levels =
	               h->type == PQ_DATA_PAGE_V2 ? (size_t)h->def_bytes + (size_t)h->rep_bytes : 0,
	       got;
	struct codec plain = {.id = PQ_UNCOMPRESSED};
	const uint8_t *p;
	orasi_status r = fetch(leaf, leaf->at + h->size, (size_t)h->compressed, &p, &got, err);

	if (r)
		return r;
	if (got < (size_t)h->compressed)
		return damaged(leaf, err, "the file ends within a page");
	if (h->has_crc && !checksum_matches(p, (size_t)h->compressed, h->crc))
		return damaged(leaf, err, "its checksum does not match: the file is corrupt");
	if (levels > (size_t)h->compressed || levels > (size_t)h->uncompressed)
		return damaged(leaf, err, "its levels are longer than the page");
	to->len = 0;
	if (bytes_reserve(to, (size_t)h->uncompressed + SLACK))
		return pq_fail(err, ORASI_E_NOMEM, "out of memory");
	memcpy(to->data, p, levels);
	to->len = (size_t)h->uncompressed;
	if (h->type == PQ_DATA_PAGE_V2 && !h->v2_compressed)
		return codec_decompress(&plain, p + levels, (size_t)h->compressed - levels,
		                        to->data + levels, to->len - levels, err);
	return codec_decompress(&leaf->codec, p + levels, (size_t)h->compressed - levels,
	                        to->data + levels, to->len - levels, err);
}

static orasi_status read_dictionary(struct leaf *leaf, const struct pq_page_header *h,
                                    orasi_error *err)
{
	orasi_status r;

	if (leaf->has_dict)
		return damaged(leaf, err, "a second dictionary");
	r = read_body(leaf, h, &leaf->dict_page, err);
	if (!r)
		r = values_decode(&leaf->dict, leaf->node, PQ_PLAIN, leaf->dict_page.data,
		                  leaf->dict_page.len, (size_t)h->n_values, err);
	leaf->has_dict = 1;
	return r;
}

/* ---- levels --------------------------------------------------------------------------------- */

static orasi_status decode_levels(struct leaf *leaf, struct bytes *ret, const uint8_t *p,
                                  size_t len, size_t n, int max, int encoding, orasi_error *err)
{
	struct rle_reader rle;
	int width = bit_width((uint32_t)max);
	uint8_t highest = 0;

	ret->len = 0;
	if (bytes_reserve(ret, n + 1))
		return pq_fail(err, ORASI_E_NOMEM, "out of memory");
	if (encoding == PQ_BIT_PACKED) {
		/* The deprecated form: most significant bit first, no runs. */
		if (n * (size_t)width > len * 8)
			return damaged(leaf, err, "its levels end early");
		for (size_t i = 0, bit = 0; i < n; i++) {
			ret->data[i] = 0;
			for (int k = 0; k < width; k++, bit++)
				ret->data[i] = (uint8_t)(ret->data[i] << 1 |
				                         (p[bit / 8] >> (7 - bit % 8) & 1u));
		}
	} else {
		rle_open(&rle, p, len, width);
		if (rle_decode_levels(&rle, ret->data, n))
			return damaged(leaf, err, "its levels end early");
	}
	for (size_t i = 0; i < n; i++)
		highest = ret->data[i] > highest ? ret->data[i] : highest;
	if (highest > max)
		return damaged(leaf, err, "a level is higher than the schema allows");
	ret->len = n;
	return ORASI_OK;
}

/* V1: a u32 length in front of RLE levels; bit-packed ones have the length that their count gives.
 */
static orasi_status levels_v1(struct leaf *leaf, struct bytes *ret, const uint8_t **at,
                              const uint8_t *end, size_t n, int max, int encoding, orasi_error *err)
{
	uint32_t len;
	orasi_status r;

	if (!max)
		return ORASI_OK;
	if (encoding == PQ_BIT_PACKED) {
		len = (uint32_t)((n * (size_t)bit_width((uint32_t)max) + 7) / 8);
	} else {
		if (end - *at < 4)
			return damaged(leaf, err, "its levels have no length");
		memcpy(&len, *at, 4);
		*at += 4;
	}
	if (len > (size_t)(end - *at))
		return damaged(leaf, err, "its levels are longer than the page");
	r = decode_levels(leaf, ret, *at, len, n, max, encoding, err);
	*at += len;
	return r;
}

static orasi_status read_levels(struct leaf *leaf, const struct pq_page_header *h,
                                const uint8_t **at, const uint8_t *end, orasi_error *err)
{
	size_t n = (size_t)h->n_values;
	orasi_status r;

	if (h->type == PQ_DATA_PAGE) {
		r = levels_v1(leaf, &leaf->rep, at, end, n, leaf->node->rep, h->rep_encoding, err);
		return r ? r
		         : levels_v1(leaf, &leaf->def, at, end, n, leaf->node->def, h->def_encoding,
		                     err);
	}
	r = leaf->node->rep ? decode_levels(leaf, &leaf->rep, *at, (size_t)h->rep_bytes, n,
	                                    leaf->node->rep, PQ_RLE, err)
	                    : ORASI_OK;
	*at += h->rep_bytes;
	if (!r && leaf->node->def)
		r = decode_levels(leaf, &leaf->def, *at, (size_t)h->def_bytes, n, leaf->node->def,
		                  PQ_RLE, err);
	*at += h->def_bytes;
	return r;
}

static size_t count_values(const struct leaf *leaf, size_t n)
{
	size_t values = 0;

	if (!leaf->node->def)
		return n;
	for (size_t i = 0; i < n; i++)
		values += leaf->def.data[i] == leaf->node->def;
	return values;
}

/* ---- data pages ----------------------------------------------------------------------------- */

static orasi_status read_indices(struct leaf *leaf, const uint8_t *p, size_t len, orasi_error *err)
{
	struct rle_reader rle;
	uint32_t *indices;
	size_t n = leaf->n_values;

	if (!leaf->has_dict)
		return damaged(leaf, err, "dictionary indices without a dictionary");
	leaf->indices.len = 0;
	if (bytes_reserve(&leaf->indices, n * 4 + 4))
		return pq_fail(err, ORASI_E_NOMEM, "out of memory");
	if (!n)
		return ORASI_OK;
	if (!len || *p > 32)
		return damaged(leaf, err, "the width of its indices is out of range");
	indices = (uint32_t *)leaf->indices.data;
	rle_open(&rle, p + 1, len - 1, *p);
	if (rle_decode(&rle, indices, n))
		return damaged(leaf, err, "its indices end early");
	for (size_t i = 0; i < n; i++)
		if (indices[i] >= leaf->dict.n)
			return damaged(leaf, err, "an index points behind the dictionary");
	return ORASI_OK;
}

static orasi_status read_data(struct leaf *leaf, const struct pq_page_header *h, orasi_error *err)
{
	const uint8_t *at, *end;
	orasi_status r = read_body(leaf, h, &leaf->page, err);

	if (r)
		return r;
	at = leaf->page.data;
	end = at + leaf->page.len;
	leaf->n = (size_t)h->n_values;
	leaf->pos = leaf->value_pos = 0;
	r = read_levels(leaf, h, &at, end, err);
	if (r)
		return r;
	if (leaf->node->rep && leaf->n && leaf->rep.data[0] &&
	    leaf->values_left == leaf->column->n_values)
		return damaged(leaf, err, "its first row continues one that is not there");
	leaf->n_values = count_values(leaf, leaf->n);
	leaf->use_dict = h->encoding == PQ_PLAIN_DICTIONARY || h->encoding == PQ_RLE_DICTIONARY;
	if (leaf->use_dict)
		return read_indices(leaf, at, (size_t)(end - at), err);
	return values_decode(&leaf->plain, leaf->node, h->encoding, at, (size_t)(end - at),
	                     leaf->n_values, err);
}

static orasi_status next_page(struct leaf *leaf, struct pq_page_header *h, orasi_error *err)
{
	orasi_status r;

	for (;;) {
		if (leaf->values_left <= 0)
			return ORASI_END;
		if (leaf->at >= leaf->end)
			return damaged(leaf, err, "the chunk has fewer values than it says");
		r = read_header(leaf, h, err);
		if (r)
			return r;
		if (h->type == PQ_DATA_PAGE || h->type == PQ_DATA_PAGE_V2)
			return h->n_values > leaf->values_left
			               ? damaged(leaf, err, "it has more values than its chunk")
			               : ORASI_OK;
		if (h->type == PQ_DICTIONARY_PAGE) {
			r = read_dictionary(leaf, h, err);
			if (r)
				return r;
		}
		leaf->at += h->size + (uint64_t)h->compressed;
	}
}

static orasi_status load_page(struct leaf *leaf, const struct pq_page_header *h, orasi_error *err)
{
	orasi_status r = read_data(leaf, h, err);

	leaf->at += h->size + (uint64_t)h->compressed;
	leaf->values_left -= h->n_values;
	return r;
}

orasi_status leaf_ready(struct leaf *leaf, orasi_error *err)
{
	struct pq_page_header h;

	while (leaf->pos >= leaf->n) {
		orasi_status r = next_page(leaf, &h, err);

		if (!r)
			r = load_page(leaf, &h, err);
		if (r)
			return r;
	}
	return ORASI_OK;
}

/* ---- skipping ------------------------------------------------------------------------------- */

static orasi_status skip_nested(struct leaf *leaf, uint64_t rows, orasi_error *err)
{
	orasi_status r = leaf_ready(leaf, err);

	while (!r && rows > 0) {
		leaf_next(leaf);
		r = leaf_ready(leaf, err);
		if (r == ORASI_END && rows == 1)
			return ORASI_OK;
		if (!r && !leaf_rep(leaf))
			rows--;
	}
	return r == ORASI_END ? damaged(leaf, err, "the chunk has fewer rows than its group") : r;
}

/* A flat column has one value a row, so that whole pages are passed by their headers. */
orasi_status leaf_skip_rows(struct leaf *leaf, uint64_t rows, orasi_error *err)
{
	struct pq_page_header h;
	orasi_status r;

	if (leaf->node->rep)
		return skip_nested(leaf, rows, err);
	while (rows > 0) {
		size_t left = leaf->n - leaf->pos;

		if (left) {
			size_t step = rows < left ? (size_t)rows : left;

			for (size_t i = 0; i < step; i++)
				leaf_next(leaf);
			rows -= step;
			continue;
		}
		r = next_page(leaf, &h, err);
		if (!r && (uint64_t)h.n_values <= rows) {
			leaf->at += h.size + (uint64_t)h.compressed;
			leaf->values_left -= h.n_values;
			rows -= (uint64_t)h.n_values;
			continue;
		}
		if (!r)
			r = load_page(leaf, &h, err);
		if (r)
			return r == ORASI_END ? damaged(leaf, err,
			                                "the chunk has fewer rows than its group")
			                      : r;
	}
	return ORASI_OK;
}
