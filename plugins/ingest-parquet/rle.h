/* SPDX-License-Identifier: Apache-2.0 */
/* The RLE / bit-packing hybrid of levels (a byte each), dictionary indices and booleans.
 * Source: parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid". */
#ifndef PARQUET_RLE_H
#define PARQUET_RLE_H

#include "bytes.h"

static inline int bit_width(uint32_t max)
{
	return max ? 32 - __builtin_clz(max) : 0;
}

/* Appends; -1: out of memory. */
int rle_encode(struct bytes *out, const uint32_t *values, size_t n, int width);
int rle_encode_levels(struct bytes *out, const uint8_t *levels, size_t n, int max); /* with u32 length */

struct rle_reader {
	const uint8_t *at, *end;
	int width;
	uint32_t run, value; /* repeats left of `value` */
	uint32_t packed;     /* bit-packed values left */
	int hollow;          /* many values were bit-packed with no bits each */
	const uint8_t *bits;
	uint64_t bit; /* position in `bits` */
};

void rle_open(struct rle_reader *r, const uint8_t *p, size_t n, int width);
/* Decodes n values; 0, or -1 when there are fewer. Levels are cut to a byte. */
int rle_decode(struct rle_reader *r, uint32_t *ret, size_t n);
int rle_decode_levels(struct rle_reader *r, uint8_t *ret, size_t n);
/* 1 when the first n values are one run, whose value is *ret. */
int rle_is_one_run(const struct rle_reader *r, size_t n, uint32_t *ret);

#endif
