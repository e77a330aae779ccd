/* SPDX-License-Identifier: Apache-2.0 */
#include "rle.h"

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
	return put_varint(out, (uint64_t)n << 1) || bytes_put(out, &value, (size_t)(width + 7) / 8)
	               ? -1
	               : 0;
}

static int put_packed(struct bytes *out, const uint32_t *values, size_t n, int width)
{
	size_t groups = (n + 7) / 8, len = groups * (size_t)width;
	uint64_t acc = 0;
	int have = 0;
	uint8_t *to;

	if (put_varint(out, (uint64_t)groups << 1 | 1) || bytes_reserve(out, len + 8))
		return -1;
	to = out->data + out->len;
	for (size_t i = 0; i < groups * 8; i++) {
		acc |= (uint64_t)(i < n ? values[i] : 0) << have;
		for (have += width; have >= 8; have -= 8, acc >>= 8)
			*to++ = (uint8_t)acc;
	}
	out->len += len;
	return 0;
}

static size_t run_length(const uint32_t *values, size_t n)
{
	size_t i = 1;

	while (i < n && values[i] == values[0])
		i++;
	return i;
}

int rle_encode(struct bytes *out, const uint32_t *values, size_t n, int width)
{
	size_t i = 0;

	while (i < n) {
		size_t run = run_length(values + i, n - i), begin = i;

		if (run >= 8) {
			if (put_run(out, values[i], run, width))
				return -1;
			i += run;
			continue;
		}
		while (i < n && (n - i < 8 || run_length(values + i, 8) < 8))
			i += n - i < 8 ? n - i : 8;
		if (put_packed(out, values + begin, i - begin, width))
			return -1;
	}
	return 0;
}

static int all_equal(const uint8_t *levels, size_t n)
{
	return n < 2 || !memcmp(levels, levels + 1, n - 1);
}

int rle_encode_levels(struct bytes *out, const uint8_t *levels, size_t n, int max)
{
	size_t start = out->len;
	int width = bit_width((uint32_t)max), r;
	uint32_t len = 0, *wide;

	if (bytes_put(out, &len, 4))
		return -1;
	if (all_equal(levels, n)) {
		r = n ? put_run(out, levels[0], n, width) : 0;
	} else {
		wide = malloc(n * sizeof(*wide));
		if (!wide)
			return -1;
		for (size_t i = 0; i < n; i++)
			wide[i] = levels[i];
		r = rle_encode(out, wide, n, width);
		free(wide);
	}
	len = (uint32_t)(out->len - start - 4);
	memcpy(out->data + start, &len, 4);
	return r;
}

/* ---- reading
 * ---------------------------------------------------------------------------------------- */

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
		r->packed = r->width ? (uint32_t)(bytes * 8 / (uint64_t)r->width)
		                     : (uint32_t)(head >> 1) * 8;
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

static uint32_t unpack_one(struct rle_reader *r)
{
	uint64_t v = 0;
	const uint8_t *p = r->bits + (r->bit >> 3);
	size_t left = (size_t)(r->end - p);

	if (!r->width)
		return 0;
	if (left >= 8)
		memcpy(&v, p, 8);
	else
		memcpy(&v, p, left);
	v = v >> (r->bit & 7) & ((1ull << r->width) - 1);
	r->bit += (uint64_t)r->width;
	return (uint32_t)v;
}

int rle_decode(struct rle_reader *r, uint32_t *ret, size_t n)
{
	while (n) {
		size_t take;

		if (!r->run && !r->packed && next_run(r))
			return -1;
		take = r->run ? r->run : r->packed;
		if (take > n)
			take = n;
		if (r->run) {
			for (size_t i = 0; i < take; i++)
				ret[i] = r->value;
			r->run -= (uint32_t)take;
		} else {
			for (size_t i = 0; i < take; i++)
				ret[i] = unpack_one(r);
			r->packed -= (uint32_t)take;
		}
		ret += take;
		n -= take;
	}
	return 0;
}
