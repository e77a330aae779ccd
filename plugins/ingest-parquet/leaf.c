/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of one column chunk: header, checksum, decompression, values. Their levels are read in levels.c, and what is
 * not read at all is passed in seek.c. */
#include "leaf_page.h"

#include <zlib.h>

#define WINDOW (256u << 10)
#define HEADER_MAX (16u << 20) /* statistics may be in it */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define PAGE_MAX (64u << 20) /* a fuzzer counts what is allocated, not what is used */
#define PAGE_VALUES_MAX (1u << 20)
#else
#define PAGE_MAX INT32_MAX
#define PAGE_VALUES_MAX (128u << 20)
#endif

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
	pq_offset_index_free(&leaf->places);
	memset(leaf, 0, sizeof(*leaf));
}

orasi_status leaf_damaged(const struct leaf *leaf, orasi_error *err, const char *what)
{
	return orasi_fail(err, ORASI_E_CORRUPT, "column '%.100s', page at byte %llu: %s", leaf->node->name,
	                  (unsigned long long)leaf->at, what);
}

int64_t leaf_start(const struct pq_column *column)
{
	int64_t dict = column->dict_offset;

	return dict > 0 && dict < column->data_offset ? dict : column->data_offset;
}

static orasi_status check_chunk(const struct leaf *leaf, int64_t *ret_end, orasi_error *err)
{
	const struct pq_column *column = leaf->column;
	const char *name = leaf->node->name;
	int64_t start = leaf_start(column);

	if (column->encrypted)
		return orasi_fail(err, ORASI_E_UNSUPPORTED, "column '%.100s' is encrypted, which is not supported",
		                  name);
	if (column->elsewhere)
		return orasi_fail(err, ORASI_E_UNSUPPORTED,
		                  "the values of column '%.100s' are in another file, which is not "
		                  "supported",
		                  name);
	if (!column->has_meta || start < 4 || column->total_compressed < 0 || column->n_values < 0 ||
	    __builtin_add_overflow(start, column->total_compressed, ret_end) || *ret_end > leaf->source->size ||
	    column->physical != leaf->node->physical)
		return orasi_fail(err, ORASI_E_CORRUPT, "column '%.100s': its place in the file makes no sense", name);
	if (!leaf->node->rep && (uint64_t)column->n_values != leaf->rows)
		return orasi_fail(err, ORASI_E_CORRUPT, "column '%.100s' has %lld values in a row group of %llu rows",
		                  name, (long long)column->n_values, (unsigned long long)leaf->rows);
	return ORASI_OK;
}

orasi_status leaf_open(struct leaf *leaf, const struct node *node, const struct pq_column *column, uint64_t rows,
                       orasi_source *source, orasi_error *err)
{
	int64_t end = 0;
	orasi_status r;

	leaf->node = node;
	leaf->column = column;
	leaf->source = source;
	leaf->rows = rows;
	leaf->codec.id = column->codec;
	r = check_chunk(leaf, &end, err);
	if (r)
		return r;
	leaf->at = (uint64_t)leaf_start(column);
	/* Some writers forget the dictionary in the chunk's size; the count of values is what ends
	 * it. */
	leaf->end = (uint64_t)source->size;
	leaf->chunk_end = (uint64_t)end;
	leaf->values_left = column->n_values;
	leaf->window.len = 0;
	leaf->n = leaf->pos = leaf->n_values = leaf->value_pos = 0;
	leaf->row = 0;
	leaf->has_dict = leaf->use_dict = leaf->by_places = 0;
	leaf->places_state = PLACES_UNKNOWN;
	pq_offset_index_free(&leaf->places);
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
static orasi_status fetch(struct leaf *leaf, uint64_t at, size_t len, const uint8_t **ret, size_t *ret_len,
                          orasi_error *err)
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
			return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
		r = leaf->source->pread(leaf->source, at + keep, window->data + keep, want - keep, &got, err);
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
			return leaf_damaged(leaf, err, "the chunk ends within a page header");
		want = got * 4 > want ? got * 4 : want * 4;
	} while (1);
	if (r)
		return r;
	if ((uint64_t)ret->compressed > leaf->end - leaf->at - ret->size)
		return leaf_damaged(leaf, err, "the page is longer than its chunk");
	if ((uint32_t)ret->uncompressed > PAGE_MAX || (uint32_t)ret->n_values > PAGE_VALUES_MAX)
		return leaf_damaged(leaf, err, "the page has more bytes or values than are allowed");
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
static orasi_status read_body(struct leaf *leaf, const struct pq_page_header *h, struct bytes *to, orasi_error *err)
{
	size_t levels = h->type == PQ_DATA_PAGE_V2 ? (size_t)h->def_bytes + (size_t)h->rep_bytes : 0, got;
	struct codec plain = {.id = PQ_UNCOMPRESSED};
	struct codec *codec = h->type == PQ_DATA_PAGE_V2 && !h->v2_compressed ? &plain : &leaf->codec;
	const uint8_t *p;
	orasi_status r = fetch(leaf, leaf->at + h->size, (size_t)h->compressed, &p, &got, err);

	if (r)
		return r;
	if (got < (size_t)h->compressed)
		return leaf_damaged(leaf, err, "the file ends within a page");
	if (h->has_crc && !checksum_matches(p, (size_t)h->compressed, h->crc))
		return leaf_damaged(leaf, err, "its checksum does not match: the file is corrupt");
	if (levels > (size_t)h->compressed || levels > (size_t)h->uncompressed)
		return leaf_damaged(leaf, err, "its levels are longer than the page");
	if (!codec_can_fill(codec, (size_t)h->compressed - levels, (size_t)h->uncompressed - levels))
		return leaf_damaged(leaf, err, "it says that it is longer than its bytes can make it");
	to->len = 0;
	if (bytes_reserve(to, (size_t)h->uncompressed + SLACK))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	if (levels)
		memcpy(to->data, p, levels);
	to->len = (size_t)h->uncompressed;
	return codec_decompress(codec, p + levels, (size_t)h->compressed - levels, to->data + levels, to->len - levels,
	                        err);
}

/* What a value may have at most, for the size of batches. */
static size_t longest_value(const struct values *v)
{
	size_t longest = v->width;

	for (size_t i = 0; !v->width && i < v->n; i++)
		longest = v->slices[i].len > longest ? v->slices[i].len : longest;
	return longest;
}

static orasi_status check_text(const struct leaf *leaf, const struct values *v, orasi_error *err)
{
	if (!leaf->checks_text || leaf->node->info.type != ARROW_UTF8 || leaf->node->spell || v->width)
		return ORASI_OK;
	for (size_t i = 0; i < v->n; i++)
		if (!arrow_utf8_valid(v->slices[i].ptr, v->slices[i].len))
			return orasi_fail(
				err, ORASI_E_CORRUPT,
				"column '%.100s', page at byte %llu: value %zu is text by its type and no valid "
				"UTF-8: have it written as bytes (in ClickHouse: "
				"output_format_parquet_string_as_string = 0)",
				leaf->node->name, (unsigned long long)leaf->at, i);
	return ORASI_OK;
}

static orasi_status read_dictionary(struct leaf *leaf, const struct pq_page_header *h, orasi_error *err)
{
	orasi_status r;

	if (leaf->has_dict)
		return leaf_damaged(leaf, err, "a second dictionary");
	if (h->encoding != PQ_PLAIN && h->encoding != PQ_PLAIN_DICTIONARY)
		return leaf_damaged(leaf, err, "a dictionary that is not PLAIN");
	r = read_body(leaf, h, &leaf->dict_page, err);
	if (!r)
		r = values_decode(&leaf->dict, leaf->node, PQ_PLAIN, leaf->dict_page.data, leaf->dict_page.len,
		                  (size_t)h->n_values, err);
	if (!r)
		r = check_text(leaf, &leaf->dict, err);
	leaf->has_dict = 1;
	leaf->longest = r ? 0 : longest_value(&leaf->dict);
	return r;
}

/* ---- data pages ----------------------------------------------------------------------------- */

/* A dictionary that does not stand in front of its chunk. */
static orasi_status find_dictionary(struct leaf *leaf, orasi_error *err)
{
	struct pq_page_header h;
	uint64_t at = leaf->at;
	orasi_status r;

	if (leaf->has_dict)
		return ORASI_OK;
	if (leaf->column->dict_offset < 4 || leaf->column->dict_offset >= leaf->source->size)
		return leaf_damaged(leaf, err, "dictionary indices without a dictionary");
	leaf->at = (uint64_t)leaf->column->dict_offset;
	r = read_header(leaf, &h, err);
	if (!r && h.type != PQ_DICTIONARY_PAGE)
		r = leaf_damaged(leaf, err, "dictionary indices without a dictionary");
	if (!r)
		r = read_dictionary(leaf, &h, err);
	leaf->at = at;
	return r;
}

static orasi_status read_indices(struct leaf *leaf, const uint8_t *p, size_t len, orasi_error *err)
{
	struct rle_reader rle;
	uint32_t *indices, highest = 0;
	size_t n = leaf->n_values;
	orasi_status r;

	leaf->indices.len = 0;
	if (bytes_reserve(&leaf->indices, n * 4 + 4))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	if (!n)
		return ORASI_OK;
	r = find_dictionary(leaf, err);
	if (r)
		return r;
	if (!len || *p > 32)
		return leaf_damaged(leaf, err, "the width of its indices is out of range");
	indices = (uint32_t *)leaf->indices.data;
	rle_open(&rle, p + 1, len - 1, *p);
	if (rle_decode(&rle, indices, n))
		return leaf_damaged(leaf, err, "its indices end early");
	if (rle.hollow)
		return leaf_damaged(leaf, err, "many of its indices are bit-packed with no bits each");
	for (size_t i = 0; i < n; i++)
		highest = indices[i] > highest ? indices[i] : highest;
	if (highest >= leaf->dict.n)
		return leaf_damaged(leaf, err, "an index points behind the dictionary");
	return ORASI_OK;
}

/* Rows that begin in the page. */
static int64_t count_rows(const struct leaf *leaf)
{
	int64_t rows = leaf->node->rep ? 0 : (int64_t)leaf->n;

	for (size_t i = 0; leaf->node->rep && i < leaf->n; i++)
		rows += !leaf->rep.data[i];
	return rows;
}

static orasi_status check_page(const struct leaf *leaf, const struct pq_page_header *h, orasi_error *err)
{
	const struct pq_page_place *place;
	int starts = leaf->values_left == leaf->column->n_values || leaf->by_places;

	if (leaf->node->rep && leaf->n && leaf->rep.data[0] && starts)
		return leaf_damaged(leaf, err, "its first row continues one that is not there");
	if (!leaf->node->def && h->n_nulls)
		return leaf_damaged(leaf, err, "it has nulls in a column that must not have any");
	if (leaf->by_places && leaf->place + 1 < leaf->places.n_pages) {
		place = &leaf->places.pages[leaf->place];
		if (place[1].first_row - place[0].first_row != count_rows(leaf))
			return leaf_damaged(leaf, err, "it has other rows than the offset index says");
	}
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
	r = leaf_read_levels(leaf, h, &at, end, err);
	if (!r)
		r = check_page(leaf, h, err);
	if (r)
		return r;
	leaf->n_values = leaf_count_values(leaf, leaf->n);
	leaf->use_dict = h->encoding == PQ_PLAIN_DICTIONARY || h->encoding == PQ_RLE_DICTIONARY;
	if (leaf->use_dict)
		return read_indices(leaf, at, (size_t)(end - at), err);
	r = values_decode(&leaf->plain, leaf->node, h->encoding, at, (size_t)(end - at), leaf->n_values, err);
	return r ? r : check_text(leaf, &leaf->plain, err);
}

static int is_over(const struct leaf *leaf)
{
	return leaf->by_places ? leaf->place >= leaf->places.n_pages : leaf->values_left <= 0;
}

/* Between the dictionary and the first data page there may be a gap. */
static void pass_page(struct leaf *leaf, const struct pq_page_header *h)
{
	uint64_t first = (uint64_t)leaf->column->data_offset;

	leaf->at += h->size + (uint64_t)h->compressed;
	if (h->type == PQ_DICTIONARY_PAGE && leaf->at < first)
		leaf->at = first;
}

orasi_status leaf_next_page(struct leaf *leaf, struct pq_page_header *h, orasi_error *err)
{
	orasi_status r;

	for (;;) {
		if (is_over(leaf))
			return ORASI_END;
		if (leaf->at >= leaf->end)
			return leaf_damaged(leaf, err, "the chunk has fewer values than it says");
		r = read_header(leaf, h, err);
		if (r)
			return r;
		if (h->type == PQ_DATA_PAGE || h->type == PQ_DATA_PAGE_V2)
			return !leaf->by_places && h->n_values > leaf->values_left
			               ? leaf_damaged(leaf, err, "it has more values than its chunk")
			               : ORASI_OK;
		if (h->type == PQ_DICTIONARY_PAGE) {
			r = read_dictionary(leaf, h, err);
			if (r)
				return r;
		}
		pass_page(leaf, h);
	}
}

void leaf_pass_page(struct leaf *leaf, const struct pq_page_header *h)
{
	leaf->values_left -= leaf->by_places ? 0 : h->n_values;
	leaf->place += (uint32_t)leaf->by_places;
	leaf->at += h->size + (uint64_t)h->compressed;
	if (leaf->by_places && leaf->place < leaf->places.n_pages)
		leaf->at = (uint64_t)leaf->places.pages[leaf->place].offset;
}

orasi_status leaf_load_page(struct leaf *leaf, const struct pq_page_header *h, orasi_error *err)
{
	orasi_status r = read_data(leaf, h, err);

	leaf_pass_page(leaf, h);
	return r;
}

orasi_status leaf_pass_dictionary(struct leaf *leaf, orasi_error *err)
{
	struct pq_page_header h;
	orasi_status r = ORASI_OK;

	while (!r && !leaf->has_dict && leaf->at < (uint64_t)leaf->places.pages[0].offset) {
		r = read_header(leaf, &h, err);
		if (!r && h.type == PQ_DICTIONARY_PAGE)
			r = read_dictionary(leaf, &h, err);
		if (!r)
			pass_page(leaf, &h);
	}
	return r;
}

orasi_status leaf_ready(struct leaf *leaf, orasi_error *err)
{
	struct pq_page_header h;

	while (leaf->pos >= leaf->n) {
		orasi_status r = leaf_next_page(leaf, &h, err);

		if (!r)
			r = leaf_load_page(leaf, &h, err);
		if (r)
			return r;
	}
	return ORASI_OK;
}

orasi_status leaf_check_end(struct leaf *leaf, orasi_error *err)
{
	return leaf->pos < leaf->n || (!leaf->by_places && leaf->values_left > 0)
	               ? leaf_damaged(leaf, err, "the chunk has more rows than its group")
	               : ORASI_OK;
}
