/* SPDX-License-Identifier: Apache-2.0 */
/* The encodings of values. Source: parquet-format, Encodings.md. All lengths come from a stranger:
 * each decoder checks before it reads, and never writes beyond n values. */
#include "gather.h"
#include "leaf.h"

#define BOOLEAN_WIDTH 1
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define JOINED_MAX (64u << 20) /* a fuzzer counts what is allocated, not what is used */
#else
#define JOINED_MAX (1u << 31)
#endif

void values_done(struct values *v)
{
	bytes_free(&v->own);
	bytes_free(&v->own_slices);
	memset(v, 0, sizeof(*v));
}

static orasi_status damaged(orasi_error *err, const char *what)
{
	return orasi_fail(err, ORASI_E_CORRUPT, "a page is damaged: %s", what);
}

static struct slice *make_slices(struct values *v, size_t n)
{
	v->own_slices.len = 0;
	if (n > SIZE_MAX / sizeof(struct slice) || bytes_reserve(&v->own_slices, n * sizeof(struct slice) + 1))
		return NULL;
	v->slices = (struct slice *)v->own_slices.data;
	return v->slices;
}

static int make_fixed(struct values *v, size_t n, size_t width)
{
	size_t len;

	v->own.len = 0;
	if (__builtin_mul_overflow(n, width, &len) || bytes_reserve(&v->own, len + SLACK))
		return -1;
	v->own.len = len;
	v->base = v->own.data;
	v->width = width;
	return 0;
}

/* ---- PLAIN ---------------------------------------------------------------------------------- */

static orasi_status plain_slices(struct values *v, const uint8_t *p, size_t len, size_t n, orasi_error *err)
{
	struct slice *slices = n > len / 4 ? NULL : make_slices(v, n);

	if (n > len / 4)
		return damaged(err, "it has fewer values than it says");
	if (!slices)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		uint32_t size;

		if (len < 4)
			return damaged(err, "it ends within a value");
		memcpy(&size, p, 4);
		p += 4;
		len -= 4;
		if (size > len)
			return damaged(err, "a value is longer than the page");
		slices[i] = (struct slice){p, size};
		p += size;
		len -= size;
	}
	return ORASI_OK;
}

static orasi_status plain_booleans(struct values *v, const uint8_t *p, size_t len, size_t n, orasi_error *err)
{
	if (n > len * 8)
		return damaged(err, "it has fewer booleans than it says");
	if (make_fixed(v, n, BOOLEAN_WIDTH))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		v->own.data[i] = p[i / 8] >> (i & 7) & 1;
	return ORASI_OK;
}

static orasi_status plain(struct values *v, const struct node *node, const uint8_t *p, size_t len, size_t n,
                          orasi_error *err)
{
	size_t width = plain_width(node), need;

	if (node->physical == PQ_BYTE_ARRAY)
		return plain_slices(v, p, len, n, err);
	if (node->physical == PQ_BOOLEAN)
		return plain_booleans(v, p, len, n, err);
	if (__builtin_mul_overflow(n, width, &need) || need != len)
		return damaged(err, "its size is not that of its values");
	v->base = p;
	v->width = width;
	return ORASI_OK;
}

static orasi_status rle_booleans(struct values *v, const uint8_t *p, size_t len, size_t n, orasi_error *err)
{
	struct rle_reader rle;
	uint32_t size;

	if (len < 4)
		return damaged(err, "it has no length");
	memcpy(&size, p, 4);
	if (size > len - 4)
		return damaged(err, "its runs are longer than the page");
	if (make_fixed(v, n, BOOLEAN_WIDTH))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	rle_open(&rle, p + 4, size, 1);
	if (rle_decode_levels(&rle, v->own.data, n))
		return damaged(err, "it has fewer booleans than it says");
	return ORASI_OK;
}

/* ---- DELTA_BINARY_PACKED -------------------------------------------------------------------- */

struct delta {
	const uint8_t *at, *end;
	int bad;
};

static uint64_t delta_varint(struct delta *d)
{
	uint64_t v = 0;

	for (int shift = 0; shift < 64; shift += 7) {
		if (d->at >= d->end) {
			d->bad = 1;
			return 0;
		}
		v |= (uint64_t)(*d->at & 127) << shift;
		if (!(*d->at++ & 128))
			return v;
	}
	d->bad = 1;
	return 0;
}

static int64_t delta_zigzag(struct delta *d)
{
	uint64_t v = delta_varint(d);

	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static uint64_t unpack(const uint8_t *p, size_t len, uint64_t bit, int width)
{
	uint64_t v = 0;

	for (int got = 0; got < width;) {
		size_t byte = (size_t)((bit + (uint64_t)got) >> 3);
		int off = (int)((bit + (uint64_t)got) & 7), take = 8 - off;

		if (byte >= len)
			return v;
		if (take > width - got)
			take = width - got;
		v |= (uint64_t)(p[byte] >> off & ((1u << take) - 1)) << got;
		got += take;
	}
	return v;
}

static int delta_miniblock(struct delta *d, int width, uint64_t per_mini, int64_t min_delta, uint64_t *last,
                           int64_t *ret, size_t *at, size_t n)
{
	size_t len = (size_t)(per_mini / 8 * (uint64_t)width), have = (size_t)(d->end - d->at);

	if (width > 64 || (len > have && *at >= n))
		return -1;
	for (uint64_t i = 0; i < per_mini && *at < n; i++) {
		if ((i + 1) * (uint64_t)width > have * 8)
			return -1;
		*last += (uint64_t)min_delta + unpack(d->at, have, i * (uint64_t)width, width);
		ret[(*at)++] = (int64_t)*last;
	}
	d->at += len < have ? len : have;
	return 0;
}

/* Decodes exactly n values; *ret_end is behind them. */
static orasi_status delta_ints(const uint8_t *p, size_t len, size_t n, int64_t *ret, const uint8_t **ret_end,
                               orasi_error *err)
{
	struct delta d = {p, p + len, 0};
	uint64_t block = delta_varint(&d), minis = delta_varint(&d), total = delta_varint(&d), per_mini, last;
	size_t at = 0;

	last = (uint64_t)delta_zigzag(&d);
	if (d.bad || !minis || minis > 1024 || block > 1u << 24 || block % minis || (per_mini = block / minis) % 8 ||
	    !per_mini || total < n)
		return damaged(err, "the head of its deltas makes no sense");
	if (n)
		ret[at++] = (int64_t)last;
	while (at < n) {
		int64_t min_delta = delta_zigzag(&d);
		const uint8_t *widths = d.at;

		if (d.bad || minis > (uint64_t)(d.end - d.at))
			return damaged(err, "its deltas end early");
		d.at += minis;
		for (uint64_t m = 0; m < minis && at < n; m++)
			if (delta_miniblock(&d, widths[m], per_mini, min_delta, &last, ret, &at, n))
				return damaged(err, "its deltas end early");
	}
	*ret_end = d.at;
	return ORASI_OK;
}

static orasi_status delta_binary(struct values *v, const struct node *node, const uint8_t *p, size_t len, size_t n,
                                 orasi_error *err)
{
	size_t width = plain_width(node);
	const uint8_t *end;
	int64_t *wide;
	orasi_status r;

	if (node->physical != PQ_INT32 && node->physical != PQ_INT64)
		return damaged(err, "deltas of a type that is no integer");
	if (make_fixed(v, n, 8))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	wide = (int64_t *)v->own.data;
	r = delta_ints(p, len, n, wide, &end, err);
	if (r)
		return r;
	for (size_t i = 0; width == 4 && i < n; i++)
		memmove(v->own.data + i * 4, &wide[i], 4);
	v->width = width;
	return ORASI_OK;
}

/* ---- DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY ---------------------------------------------- */

static orasi_status delta_lengths(const uint8_t *p, size_t len, size_t n, int64_t **ret, const uint8_t **ret_end,
                                  orasi_error *err)
{
	int64_t *lengths = malloc((n + 1) * sizeof(*lengths));
	orasi_status r;

	if (!lengths)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	r = delta_ints(p, len, n, lengths, ret_end, err);
	for (size_t i = 0; i < n && !r; i++)
		if (lengths[i] < 0 || lengths[i] > INT32_MAX)
			r = damaged(err, "a length is out of range");
	if (r) {
		free(lengths);
		return r;
	}
	*ret = lengths;
	return ORASI_OK;
}

static orasi_status delta_length_array(struct values *v, const uint8_t *p, size_t len, size_t n, orasi_error *err)
{
	struct slice *slices = make_slices(v, n);
	const uint8_t *at, *end = p + len;
	int64_t *lengths;
	orasi_status r;

	if (!slices)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	r = delta_lengths(p, len, n, &lengths, &at, err);
	if (r)
		return r;
	for (size_t i = 0; i < n && !r; i++) {
		if (lengths[i] > end - at)
			r = damaged(err, "a value is longer than the page");
		else
			slices[i] = (struct slice){at, (uint32_t)lengths[i]};
		at += r ? 0 : lengths[i];
	}
	free(lengths);
	return r;
}

/* How long all values are together. Every length is held against what is there before memory is taken. */
static orasi_status measure_joined(const int64_t *prefixes, const int64_t *suffixes, size_t room, size_t n, size_t *ret,
                                   orasi_error *err)
{
	size_t total = 0, before = 0;

	for (size_t i = 0; i < n; i++) {
		size_t prefix = (size_t)prefixes[i], suffix = (size_t)suffixes[i];

		if (suffix > room || prefix > before)
			return damaged(err, "a prefix or suffix is too long");
		room -= suffix;
		before = prefix + suffix;
		total += before;
		if (total > JOINED_MAX)
			return damaged(err, "its values are too long");
	}
	*ret = total;
	return ORASI_OK;
}

/* Each value is a prefix of the one before and a suffix of its own. */
static orasi_status join_prefixes(struct values *v, const int64_t *prefixes, const int64_t *suffixes, const uint8_t *at,
                                  const uint8_t *end, size_t n, orasi_error *err)
{
	struct slice *slices = make_slices(v, n);
	size_t total = 0, to = 0;
	orasi_status r = measure_joined(prefixes, suffixes, (size_t)(end - at), n, &total, err);

	if (r)
		return r;
	v->own.len = 0;
	if (!slices || bytes_reserve(&v->own, total + SLACK))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		size_t prefix = (size_t)prefixes[i], suffix = (size_t)suffixes[i];

		slices[i] = (struct slice){v->own.data + to, (uint32_t)(prefix + suffix)};
		if (prefix)
			memmove(v->own.data + to, slices[i - 1].ptr, prefix);
		memcpy(v->own.data + to + prefix, at, suffix);
		to += prefix + suffix;
		at += suffix;
	}
	return ORASI_OK;
}

static orasi_status delta_byte_array(struct values *v, const struct node *node, const uint8_t *p, size_t len, size_t n,
                                     orasi_error *err)
{
	int64_t *prefixes, *suffixes = NULL;
	const uint8_t *at, *end = p + len;
	orasi_status r = delta_lengths(p, len, n, &prefixes, &at, err);

	if (r)
		return r;
	r = delta_lengths(at, (size_t)(end - at), n, &suffixes, &at, err);
	if (!r)
		r = join_prefixes(v, prefixes, suffixes, at, end, n, err);
	for (size_t i = 0; i < n && !r && node->physical == PQ_FIXED; i++)
		if (v->slices[i].len != (uint32_t)node->type_length)
			r = damaged(err, "a value has not the length of its type");
	free(prefixes);
	free(suffixes);
	return r;
}

/* ---- BYTE_STREAM_SPLIT ---------------------------------------------------------------------- */

static orasi_status byte_stream_split(struct values *v, const struct node *node, const uint8_t *p, size_t len, size_t n,
                                      orasi_error *err)
{
	size_t width = plain_width(node), need;

	if (node->physical == PQ_BOOLEAN || !width || __builtin_mul_overflow(n, width, &need) || need > len)
		return damaged(err, "its byte streams are too short");
	if (make_fixed(v, n, width))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (size_t k = 0; k < width; k++)
		for (size_t i = 0; i < n; i++)
			v->own.data[i * width + k] = p[k * n + i];
	return ORASI_OK;
}

static orasi_status decode(struct values *v, const struct node *node, int encoding, const uint8_t *p, size_t len,
                           size_t n, orasi_error *err)
{
	switch (encoding) {
	case PQ_PLAIN:
		return plain(v, node, p, len, n, err);
	case PQ_RLE:
		if (node->physical == PQ_BOOLEAN)
			return rle_booleans(v, p, len, n, err);
		break;
	case PQ_DELTA_BINARY_PACKED:
		return delta_binary(v, node, p, len, n, err);
	case PQ_DELTA_LENGTH_BYTE_ARRAY:
		if (node->physical == PQ_BYTE_ARRAY)
			return delta_length_array(v, p, len, n, err);
		break;
	case PQ_DELTA_BYTE_ARRAY:
		if (node->physical == PQ_BYTE_ARRAY || node->physical == PQ_FIXED)
			return delta_byte_array(v, node, p, len, n, err);
		break;
	case PQ_BYTE_STREAM_SPLIT:
		return byte_stream_split(v, node, p, len, n, err);
	}
	return orasi_fail(err, ORASI_E_UNSUPPORTED, "encoding %d of column '%.100s' is not known for its type",
	                  encoding, node->name);
}

orasi_status values_decode(struct values *v, const struct node *node, int encoding, const uint8_t *p, size_t len,
                           size_t n, orasi_error *err)
{
	orasi_status r;

	v->n = n;
	v->width = 0;
	v->base = NULL;
	v->slices = NULL;
	r = decode(v, node, encoding, p, len, n, err);
	return !r && node->spell ? values_spell(v, node, err) : r;
}
