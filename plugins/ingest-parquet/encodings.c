/* SPDX-License-Identifier: Apache-2.0 */
#include "encodings.h"

#include "gather.h"
#include "rle.h"

#define BLOCK 128 /* deltas */
#define MINI 32
#define MINIS (BLOCK / MINI)

int encodings_of(const struct node *node, int ret[ENCODINGS_MAX])
{
	int n = 0;

	ret[n++] = PQ_PLAIN;
	switch (node->physical) {
	case PQ_BOOLEAN:
		ret[n++] = PQ_RLE;
		break;
	case PQ_INT32:
	case PQ_INT64:
		ret[n++] = PQ_DELTA_BINARY_PACKED;
		break;
	case PQ_FLOAT:
	case PQ_DOUBLE:
		ret[n++] = PQ_BYTE_STREAM_SPLIT;
		break;
	case PQ_BYTE_ARRAY:
		ret[n++] = PQ_DELTA_LENGTH_BYTE_ARRAY;
		ret[n++] = PQ_DELTA_BYTE_ARRAY;
		break;
	default:
		break;
	}
	return n;
}

/* ---- DELTA_BINARY_PACKED -------------------------------------------------------------------- */

/* Integers that come one by one. Differences wrap around at `width` bytes, as the format says. */
struct delta_writer {
	struct bytes *out;
	size_t width, n; /* n: deltas in the block */
	int64_t last;
	int64_t deltas[BLOCK];
	int failed;
};

static void put_varint(struct delta_writer *w, uint64_t v)
{
	uint8_t buf[10];
	size_t n = 0;

	do {
		buf[n++] = (uint8_t)((v & 127) | (v > 127 ? 128 : 0));
		v >>= 7;
	} while (v);
	w->failed |= bytes_put(w->out, buf, n);
}

static void put_zigzag(struct delta_writer *w, int64_t v)
{
	put_varint(w, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static int64_t wrap(const struct delta_writer *w, uint64_t v)
{
	return w->width == 4 ? (int32_t)v : (int64_t)v;
}

static void delta_open(struct delta_writer *w, struct bytes *out, size_t width, size_t count, int64_t first)
{
	memset(w, 0, sizeof(*w));
	w->out = out;
	w->width = width;
	w->last = first;
	put_varint(w, BLOCK);
	put_varint(w, MINIS);
	put_varint(w, count);
	put_zigzag(w, first);
}

static int bits_of(uint64_t v)
{
	return v ? 64 - __builtin_clzll(v) : 0;
}

static void pack(struct delta_writer *w, const uint64_t *values, int bits)
{
	uint8_t packed[MINI * 8 + 1] = {0};

	for (size_t i = 0; i < MINI; i++) {
		size_t bit = i * (size_t)bits;
		unsigned __int128 v = (unsigned __int128)values[i] << (bit & 7);

		for (uint8_t *to = packed + (bit >> 3); v; v >>= 8)
			*to++ |= (uint8_t)v;
	}
	w->failed |= bytes_put(w->out, packed, MINI / 8 * (size_t)bits);
}

static void flush_block(struct delta_writer *w)
{
	uint64_t packed[BLOCK] = {0};
	uint8_t widths[MINIS] = {0};
	int64_t least = w->deltas[0];

	for (size_t i = 1; i < w->n; i++)
		least = w->deltas[i] < least ? w->deltas[i] : least;
	for (size_t i = 0; i < w->n; i++) {
		packed[i] = (uint64_t)w->deltas[i] - (uint64_t)least;
		if (w->width == 4)
			packed[i] &= UINT32_MAX;
		if (bits_of(packed[i]) > widths[i / MINI])
			widths[i / MINI] = (uint8_t)bits_of(packed[i]);
	}
	put_zigzag(w, least);
	w->failed |= bytes_put(w->out, widths, MINIS);
	for (size_t m = 0; m * MINI < w->n; m++)
		pack(w, packed + m * MINI, widths[m]);
	w->n = 0;
}

static void delta_put(struct delta_writer *w, int64_t v)
{
	w->deltas[w->n++] = wrap(w, (uint64_t)v - (uint64_t)w->last);
	w->last = v;
	if (w->n == BLOCK)
		flush_block(w);
}

static int delta_close(struct delta_writer *w)
{
	if (w->n)
		flush_block(w);
	return -w->failed;
}

static int64_t integer_at(const uint8_t *values, size_t width, size_t i)
{
	int64_t wide;
	int32_t narrow;

	if (width == 8) {
		memcpy(&wide, values + i * 8, 8);
		return wide;
	}
	memcpy(&narrow, values + i * 4, 4);
	return narrow;
}

static int put_deltas(struct bytes *out, const uint8_t *values, size_t width, size_t n)
{
	struct delta_writer w;

	delta_open(&w, out, width, n, n ? integer_at(values, width, 0) : 0);
	for (size_t i = 1; i < n; i++)
		delta_put(&w, integer_at(values, width, i));
	return delta_close(&w);
}

/* ---- byte arrays ---------------------------------------------------------------------------- */

static size_t length_at(const uint8_t *p)
{
	uint32_t len;

	memcpy(&len, p, 4);
	return len;
}

static int put_delta_lengths(struct bytes *out, const uint8_t *values, size_t n)
{
	struct delta_writer w;
	const uint8_t *p = values;

	delta_open(&w, out, 4, n, n ? (int64_t)length_at(p) : 0);
	for (size_t i = 0; i < n; i++, p += 4 + length_at(p))
		if (i)
			delta_put(&w, (int64_t)length_at(p));
	if (delta_close(&w))
		return -1;
	p = values;
	for (size_t i = 0; i < n; i++, p += 4 + length_at(p))
		if (bytes_put(out, p + 4, length_at(p)))
			return -1;
	return 0;
}

static size_t common_prefix(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	size_t n = 0, max = a_len < b_len ? a_len : b_len;

	while (n < max && a[n] == b[n])
		n++;
	return n;
}

/* Prefixes in front, and what is left of the values as PLAIN bytes. */
static int split_prefixes(struct bytes *prefixes, struct bytes *rest, const uint8_t *values, size_t n)
{
	const uint8_t *p = values, *last = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t len = length_at(p), last_len = last ? length_at(last) : 0;
		uint32_t prefix = last ? (uint32_t)common_prefix(last + 4, last_len, p + 4, len) : 0;
		uint32_t suffix = (uint32_t)len - prefix;

		if (bytes_put(prefixes, &prefix, 4) || bytes_put(rest, &suffix, 4) ||
		    bytes_put(rest, p + 4 + prefix, suffix))
			return -1;
		last = p;
		p += 4 + len;
	}
	return 0;
}

static int put_delta_bytes(struct bytes *out, const uint8_t *values, size_t n)
{
	struct bytes prefixes = {0}, rest = {0};
	int r = split_prefixes(&prefixes, &rest, values, n);

	if (!r)
		r = put_deltas(out, prefixes.data, 4, n);
	if (!r)
		r = put_delta_lengths(out, rest.data, n);
	bytes_free(&prefixes);
	bytes_free(&rest);
	return r;
}

/* ---- the others ----------------------------------------------------------------------------- */

static int put_split(struct bytes *out, const uint8_t *values, size_t width, size_t n)
{
	uint8_t *to;

	if (bytes_reserve(out, n * width))
		return -1;
	to = out->data + out->len;
	for (size_t k = 0; k < width; k++)
		for (size_t i = 0; i < n; i++)
			to[k * n + i] = values[i * width + k];
	out->len += n * width;
	return 0;
}

static int put_bits(struct bytes *out, const uint8_t *values, size_t n)
{
	size_t len = (n + 7) / 8;

	if (bytes_reserve(out, len))
		return -1;
	memset(out->data + out->len, 0, len);
	for (size_t i = 0; i < n; i++)
		out->data[out->len + i / 8] |= (uint8_t)(values[i] << (i & 7));
	out->len += len;
	return 0;
}

int encoding_put(struct bytes *out, int encoding, const struct node *node, const uint8_t *values, size_t len, size_t n)
{
	switch (encoding) {
	case PQ_RLE:
		return rle_encode_levels(out, values, n, 1);
	case PQ_DELTA_BINARY_PACKED:
		return put_deltas(out, values, plain_width(node), n);
	case PQ_DELTA_LENGTH_BYTE_ARRAY:
		return put_delta_lengths(out, values, n);
	case PQ_DELTA_BYTE_ARRAY:
		return put_delta_bytes(out, values, n);
	case PQ_BYTE_STREAM_SPLIT:
		return put_split(out, values, plain_width(node), n);
	default:
		return node->physical == PQ_BOOLEAN ? put_bits(out, values, n) : bytes_put(out, values, len);
	}
}

size_t encoding_head(const struct node *node, const uint8_t *values, size_t len, size_t max, size_t *ret_n)
{
	size_t width = plain_width(node), at = 0;

	*ret_n = 0;
	while (at < len && *ret_n < max) {
		at += width ? width : 4 + length_at(values + at);
		++*ret_n;
	}
	return at;
}
