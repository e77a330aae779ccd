/* SPDX-License-Identifier: Apache-2.0 */
/* Values are of 1 or 4 bytes; what is inlined here gets the size as a constant, so that there is
 * one loop for each. */
#include "rle.h"

#define INLINE static inline __attribute__((always_inline))

INLINE uint32_t get(const void *values, size_t size, size_t i)
{
	return size == 1 ? ((const uint8_t *)values)[i] : ((const uint32_t *)values)[i];
}

INLINE void set(void *values, size_t size, size_t i, uint32_t v)
{
	if (size == 1)
		((uint8_t *)values)[i] = (uint8_t)v;
	else
		((uint32_t *)values)[i] = v;
}

/* ---- writing -------------------------------------------------------------------------------- */

static int put_varint(struct bytes *out, uint64_t v)
{
	uint8_t buf[10];
	size_t n = 0;

	do {
		buf[n++] = (uint8_t)((v & 127) | (v > 127 ? 128 : 0));
		v >>= 7;
	} while (v);
	return bytes_put(out, buf, n);
}

static int put_run(struct bytes *out, uint32_t value, size_t n, int width)
{
	if (put_varint(out, (uint64_t)n << 1))
		return -1;
	return bytes_put(out, &value, (size_t)(width + 7) / 8);
}

/* Eight values at a time, the last ones padded with zeros. */
INLINE int put_packed(struct bytes *out, const void *values, size_t size, size_t from, size_t n, int width)
{
	size_t groups = (n + 7) / 8, len = groups * (size_t)width;
	uint64_t acc = 0;
	int have = 0;
	uint8_t *to;

	if (put_varint(out, (uint64_t)groups << 1 | 1) || bytes_reserve(out, len + 8))
		return -1;
	to = out->data + out->len;
	for (size_t i = 0; i < groups * 8; i++) {
		acc |= (uint64_t)(i < n ? get(values, size, from + i) : 0) << have;
		have += width;
		if (have >= 32) {
			uint32_t low = (uint32_t)acc;

			memcpy(to, &low, 4);
			to += 4;
			acc >>= 32;
			have -= 32;
		}
	}
	memcpy(to, &acc, 8);
	out->len += len;
	return 0;
}

INLINE size_t run_length(const void *values, size_t size, size_t from, size_t max)
{
	uint32_t first = get(values, size, from);
	size_t n = 1;

	while (n < max && get(values, size, from + n) == first)
		n++;
	return n;
}

INLINE int encode(struct bytes *out, const void *values, size_t size, size_t n, int width)
{
	size_t i = 0;

	while (i < n) {
		size_t run = run_length(values, size, i, n - i), begin = i;

		if (run >= 8) {
			if (put_run(out, get(values, size, i), run, width))
				return -1;
			i += run;
			continue;
		}
		while (i < n && (n - i < 8 || run_length(values, size, i, 8) < 8))
			i += n - i < 8 ? n - i : 8;
		if (put_packed(out, values, size, begin, i - begin, width))
			return -1;
	}
	return 0;
}

int rle_encode(struct bytes *out, const uint32_t *values, size_t n, int width)
{
	return encode(out, values, 4, n, width);
}

int rle_encode_levels(struct bytes *out, const uint8_t *levels, size_t n, int max)
{
	int width = bit_width((uint32_t)max), r;
	size_t start = out->len;
	uint32_t len = 0;

	if (bytes_put(out, &len, 4))
		return -1;
	if (n && !memcmp(levels, levels + 1, n - 1))
		r = put_run(out, levels[0], n, width);
	else
		r = encode(out, levels, 1, n, width);
	len = (uint32_t)(out->len - start - 4);
	memcpy(out->data + start, &len, 4);
	return r;
}

/* ---- reading -------------------------------------------------------------------------------- */

void rle_open(struct rle_reader *r, const uint8_t *p, size_t n, int width)
{
	memset(r, 0, sizeof(*r));
	r->at = p;
	r->end = p + n;
	r->width = width;
}

static int next_run(struct rle_reader *r)
{
	uint64_t head = 0, bytes;
	int shift = 0;

	do {
		if (r->at >= r->end || shift > 35)
			return -1;
		head |= (uint64_t)(*r->at & 127) << shift;
		shift += 7;
	} while (*r->at++ & 128);
	if (head & 1) {
		/* The last group may be cut; what is missing is padding. */
		bytes = (head >> 1) * (uint64_t)r->width;
		if (head >> 1 > 1u << 28)
			return -1;
		if (bytes > (uint64_t)(r->end - r->at))
			bytes = (uint64_t)(r->end - r->at);
		r->packed = r->width ? (uint32_t)(bytes * 8 / (uint64_t)r->width) : (uint32_t)(head >> 1) * 8;
		r->hollow |= !r->width && head >> 1 > 1;
		r->bits = r->at;
		r->bit = 0;
		r->at += bytes;
		return r->packed ? 0 : -1;
	}
	bytes = (uint64_t)(r->width + 7) / 8;
	if (bytes > (uint64_t)(r->end - r->at) || head >> 1 > INT32_MAX || !(head >> 1))
		return -1;
	r->value = 0;
	memcpy(&r->value, r->at, bytes);
	r->at += bytes;
	r->run = (uint32_t)(head >> 1);
	return 0;
}

/* A value of up to 32 bits at any bit, from bytes that end at `end`. */
INLINE uint32_t unpack_one(const struct rle_reader *r, uint64_t bit, uint64_t mask, int near_end)
{
	const uint8_t *p = r->bits + (bit >> 3);
	uint64_t v = 0;

	if (near_end)
		memcpy(&v, p, r->end - p < 8 ? (size_t)(r->end - p) : 8);
	else
		memcpy(&v, p, 8);
	return (uint32_t)(v >> (bit & 7) & mask);
}

INLINE void unpack(struct rle_reader *r, void *ret, size_t size, size_t from, size_t n)
{
	uint64_t mask = ((uint64_t)1 << r->width) - 1, width = (uint64_t)r->width;
	uint64_t last = r->bit + n * width;
	int near_end = (uint64_t)(r->end - r->bits) < (last >> 3) + 8;

	if (near_end)
		for (size_t i = 0; i < n; i++)
			set(ret, size, from + i, unpack_one(r, r->bit + i * width, mask, 1));
	else
		for (size_t i = 0; i < n; i++)
			set(ret, size, from + i, unpack_one(r, r->bit + i * width, mask, 0));
	r->bit = last;
}

INLINE int decode(struct rle_reader *r, void *ret, size_t size, size_t n)
{
	for (size_t at = 0, take; at < n; at += take) {
		if (!r->run && !r->packed && next_run(r))
			return -1;
		take = r->run ? r->run : r->packed;
		take = take < n - at ? take : n - at;
		if (r->run) {
			for (size_t i = 0; i < take; i++)
				set(ret, size, at + i, r->value);
			r->run -= (uint32_t)take;
		} else {
			unpack(r, ret, size, at, take);
			r->packed -= (uint32_t)take;
		}
	}
	return 0;
}

int rle_decode(struct rle_reader *r, uint32_t *ret, size_t n)
{
	return decode(r, ret, 4, n);
}

int rle_decode_levels(struct rle_reader *r, uint8_t *ret, size_t n)
{
	return decode(r, ret, 1, n);
}

int rle_is_one_run(const struct rle_reader *r, size_t n, uint32_t *ret)
{
	struct rle_reader ahead = *r;

	if (next_run(&ahead) || ahead.run < n)
		return 0;
	*ret = ahead.value;
	return 1;
}
