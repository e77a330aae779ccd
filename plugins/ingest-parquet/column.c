/* SPDX-License-Identifier: Apache-2.0 */
/* Values become PLAIN bytes a piece at a time; with a dictionary only their numbers are kept. A
 * page ends at about 20,000 values or a mebibyte, between rows only. What a page holds is noted,
 * for the page index; bounds of the chunk are those of its pages.
 *
 * A dictionary that grows too large, or in which most values are new, is given up: if no page was
 * made with it yet the chunk is as if it had never been, else the rest of the chunk is PLAIN. Later
 * row groups do not try again.
 *
 * How a chunk without a dictionary is written is measured on its first page: the encoding (profile
 * "compact") on a sample of it, then which codec pays, or none. Dictionary pages and their numbers
 * are small, and are always compressed. */
#include "column.h"

#include "encodings.h"
#include "hash.h"

#include <zlib.h>

#define PIECE GATHER_MAX
#define PAGE_VALUES (20 * PIECE)
#define PAGE_BYTES (1u << 20)
#define DICT_BYTES (1u << 20)
#define DICT_VALUES (1u << 16)
#define GAIN_MIN 0.95
#define GAIN_PROBE (16u << 10) /* smaller pages say nothing about the chunk */
#define SPELL_MAX (2 * PAGE_BYTES)
#define SAMPLE 4096        /* values on which encodings are tried */
#define ENCODING_GAIN 0.98 /* of PLAIN's size: less is not worth an encoding that few readers knew */
#define CHEAPER 1.03       /* a fast codec may make so much more than the best one */
#define BLOOM_MAX (1u << 20)
#define UNDECIDED (-1)
#define PROBE_MIN (4u << 10)
#define PROBE_MAX (256u << 10)

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

static orasi_status no_memory(orasi_error *err)
{
	return orasi_fail(err, ORASI_E_NOMEM, "out of memory while writing a column");
}

static orasi_status pack(struct column *c, int codec, const struct bytes *raw, orasi_error *err)
{
	c->tools->packed.len = 0;
	c->tools->codec.id = codec;
	return codec_compress(&c->tools->codec, raw->data, raw->len, &c->tools->packed, err);
}

/* Indices take as many bits as the dictionary needs; levels nearly nothing. */
static size_t pending(const struct column *c)
{
	size_t numbers = c->indices.len / 4 * (size_t)bit_width((uint32_t)c->dict.n) / 8;

	return c->values.len + numbers + c->dict.entries.len + (c->def.len + c->rep.len) / 16;
}

/* What compression makes of the values at hand, tried again when there are twice as many. */
static void try_sample(struct column *c)
{
	const struct bytes *from = c->values.len ? &c->values : &c->dict.entries;
	struct bytes sample = {from->data, from->len < PROBE_MAX ? from->len : PROBE_MAX, 0};

	if (sample.len < PROBE_MIN || sample.len < 2 * c->tried || pack(c, c->tools->codec_id, &sample, NULL))
		return;
	c->tried = sample.len;
	c->tried_packed = c->tools->packed.len < sample.len ? c->tools->packed.len : sample.len;
}

/* Pages that were written tell how those that come will shrink. */
size_t column_estimate(struct column *c)
{
	double ratio = 1;

	if (c->raw < PROBE_MAX)
		try_sample(c);
	if (c->raw >= PROBE_MAX)
		ratio = (double)c->packed / (double)c->raw;
	else if (c->tried)
		ratio = (double)c->tried_packed / (double)c->tried;
	return c->chunk.len + (size_t)(ratio * (double)pending(c));
}

/* ---- how to write, by trying it ------------------------------------------------------------- */

/* The best codec, or a faster one that is nearly as good; none when nothing pays. */
static orasi_status choose_codec(struct column *c, const struct bytes *raw, orasi_error *err)
{
	const int all[] = {c->tools->codec_id, PQ_LZ4_RAW, PQ_SNAPPY};
	double best = GAIN_MIN * (double)raw->len, slack = 1;
	int n = c->tools->auto_codec ? 3 : 1, chosen = PQ_UNCOMPRESSED;
	orasi_status r = ORASI_OK;

	for (int i = 0; i < n && !r; i++) {
		double size;

		r = pack(c, all[i], raw, err);
		size = (double)c->tools->packed.len;
		if (r || size >= best * slack)
			continue;
		chosen = all[i];
		best = size < best ? size : best;
		slack = CHEAPER;
	}
	c->codec = chosen;
	return r;
}

static orasi_status measure(struct column *c, int encoding, size_t len, size_t n, size_t *ret, orasi_error *err)
{
	struct bytes *raw = &c->tools->raw;
	orasi_status r;

	raw->len = 0;
	if (encoding_put(raw, encoding, c->node, c->values.data, len, n))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory while writing a column");
	r = pack(c, c->tools->codec_id, raw, err);
	*ret = c->tools->packed.len;
	return r;
}

static orasi_status choose_encoding(struct column *c, orasi_error *err)
{
	int encodings[ENCODINGS_MAX], n_encodings = encodings_of(c->node, encodings);
	size_t n, size = 0, len = encoding_head(c->node, c->values.data, c->values.len, SAMPLE, &n);
	double best = 0;
	orasi_status r = ORASI_OK;

	c->encoding = PQ_PLAIN;
	for (int i = 0; i < n_encodings && n_encodings > 1 && !r; i++) {
		r = measure(c, encodings[i], len, n, &size, err);
		if (i && (double)size >= best)
			continue;
		c->encoding = encodings[i];
		best = (double)size * (i ? 1 : ENCODING_GAIN);
	}
	return r;
}

/* ---- pages ---------------------------------------------------------------------------------- */

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
		r = choose_codec(c, raw, err);
		if (r || c->codec == c->tools->codec.id)
			return r;
	}
	if (c->codec == UNDECIDED)
		c->codec = c->tools->codec_id;
	return pack(c, c->codec, raw, err);
}

static orasi_status put_page(struct column *c, struct bytes *out, int type, const struct bytes *raw, size_t n_values,
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
		r = no_memory(err);
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

/* ---- bounds of what a dictionary numbers ---------------------------------------------------- */

static void add_entries(struct column *c, struct bounds *bounds, uint32_t first, uint32_t n)
{
	size_t len;

	if (c->width && c->node->info.type != ARROW_FIXED_BINARY) {
		bounds_add_fixed(bounds, c->node, c->dict.entries.data + first * c->width, n);
		return;
	}
	for (uint32_t i = first; i < first + n; i++) {
		const uint8_t *p = dictionary_entry(&c->dict, i, &len);
		size_t prefix = c->width ? 0 : 4;

		bounds_add_bytes(bounds, p + prefix, len - prefix);
	}
}

/* Of the entries that the page has, run by run. */
static int add_numbered(struct column *c)
{
	const uint32_t *indices = (const uint32_t *)c->indices.data;
	struct bytes *used = &c->tools->used;
	uint32_t first = 0, n = (uint32_t)c->dict.n;

	used->len = 0;
	if (bytes_reserve(used, n + 1))
		return -1;
	memset(used->data, 0, n);
	for (size_t i = 0; i < c->indices.len / 4; i++)
		used->data[indices[i]] = 1;
	while (first < n) {
		uint32_t end = first;

		while (end < n && used->data[end])
			end++;
		if (end > first)
			add_entries(c, &c->page, first, end - first);
		first = end + 1;
	}
	return 0;
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
		return no_memory(err);
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

static orasi_status flush_page(struct column *c, orasi_error *err)
{
	size_t at = c->chunk.len;
	int encoding;
	orasi_status r = ORASI_OK;

	if (!c->page_values)
		return ORASI_OK;
	if (!is_numbered(c) && c->values.len && c->encoding == UNDECIDED)
		r = choose_encoding(c, err);
	/* Without values every encoding is empty, and all readers know PLAIN. */
	encoding = is_numbered(c) ? PQ_RLE_DICTIONARY : c->values.len ? c->encoding : PQ_PLAIN;
	if (!r && (assemble_page(c, encoding, &c->tools->raw) || (is_numbered(c) && add_numbered(c))))
		r = no_memory(err);
	if (!r)
		r = put_page(c, &c->chunk, PQ_DATA_PAGE, &c->tools->raw, c->page_values, encoding, err);
	return r ? r : end_page(c, at, encoding, err);
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

static int hash_entries(struct column *c)
{
	size_t prefix = c->width ? 0 : 4, n;

	for (uint32_t i = 0; c->has_bloom && i < c->dict.n; i++) {
		const uint8_t *p = dictionary_entry(&c->dict, i, &n);
		uint64_t hash = hash_xx64(p + prefix, n - prefix);

		if (bytes_put(&c->hashes, &hash, sizeof(hash)))
			return -1;
	}
	return 0;
}

static orasi_status give_up(struct column *c, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	if (c->dict_pages || spelled_size(c) > SPELL_MAX) {
		r = flush_page(c, err);
	} else {
		if (spell_out(c) || hash_entries(c))
			return no_memory(err);
		add_entries(c, &c->page, 0, (uint32_t)c->dict.n);
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
			return no_memory(err);
		if (c->use_dictionary ? add_indices(c, values, step) : bytes_put(&c->values, values, step * c->width))
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
		return no_memory(err);
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
		return no_memory(err);
	r = add_values(c, s, value, n, err);
	c->page_values += end - at;
	c->page_present += n;
	c->page_rows += count_rows(c, s, at, end);
	c->page.nulls += (int64_t)(end - at - n);
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

orasi_status column_flush(struct column *c, orasi_output *output, uint64_t *at, struct chunk_meta *ret,
                          orasi_error *err)
{
	uint64_t start = *at;
	orasi_status r = flush_page(c, err);

	memset(ret, 0, sizeof(*ret));
	if (!r && c->dict_pages) {
		ret->dict_offset = (int64_t)*at;
		r = hash_entries(c) ? no_memory(err) : write_dictionary(c, output, at, err);
	}
	ret->data_offset = (int64_t)*at;
	if (!r)
		r = write_out(output, &c->chunk, at, err);
	ret->codec = c->codec == UNDECIDED ? c->tools->codec_id : c->codec;
	ret->encoding = c->encoding == UNDECIDED ? PQ_PLAIN : c->encoding;
	ret->dict_pages = c->dict_pages;
	ret->plain_pages = c->plain_pages;
	ret->other_pages = c->other_pages;
	ret->n_values = c->chunk_values;
	ret->uncompressed = c->uncompressed;
	ret->compressed = (int64_t)(*at - start);
	ret->bounds = c->group;
	bounds_merge(&c->file, &c->group, c->node);
	return r;
}

static int put_bloom(const struct column *c, struct bytes *out)
{
	size_t n = c->hashes.len / sizeof(uint64_t);
	size_t size = bloom_size(n, c->tools->false_positives, BLOOM_MAX);
	struct thrift_writer w = {.out = *out};

	thrift_put_int(&w, 1, THRIFT_I32, (int64_t)size);
	for (int id = 2; id <= 4; id++) { /* split blocks, XXH64, uncompressed */
		thrift_put_struct(&w, id);
		thrift_put_struct(&w, 1);
		thrift_end(&w);
		thrift_end(&w);
	}
	thrift_end(&w);
	*out = w.out;
	if (w.failed || bytes_reserve(out, size))
		return -1;
	memset(out->data + out->len, 0, size);
	for (size_t i = 0; i < n; i++)
		bloom_add(out->data + out->len, size, ((const uint64_t *)c->hashes.data)[i]);
	out->len += size;
	return 0;
}

orasi_status column_flush_bloom(struct column *c, orasi_output *output, uint64_t *at, struct chunk_meta *meta,
                                orasi_error *err)
{
	struct bytes out = {0};
	orasi_status r = ORASI_OK;

	if (!c->has_bloom)
		return ORASI_OK;
	meta->bloom.offset = (int64_t)*at;
	r = put_bloom(c, &out) ? no_memory(err) : write_out(output, &out, at, err);
	meta->bloom.length = (int64_t)out.len;
	bytes_free(&out);
	return r;
}
