/* SPDX-License-Identifier: Apache-2.0 */
/* Values of an Arrow leaf as the PLAIN bytes of Parquet, a piece at a time. */
#ifndef PARQUET_GATHER_H
#define PARQUET_GATHER_H

#include "shred.h"

#define GATHER_MAX 1024 /* values at a time */

size_t plain_width(const struct node *node); /* of one value; 0: byte arrays */

/* Writes n <= GATHER_MAX present values from number `first` on. Booleans are a byte each. -1: a
 * time in seconds is too large for milliseconds. */
int gather_fixed(const struct shred *s, const struct node *node, size_t first, size_t n, uint8_t *ret);

/* A look at byte arrays and fixed binaries by position in the array. */
struct strings {
	const uint8_t *data;
	const int32_t *narrow; /* offsets, one of both or none */
	const int64_t *wide;
	size_t width;
};

void strings_open(struct strings *ret, const struct arrow_view *leaf);

static inline const uint8_t *strings_at(const struct strings *s, int64_t i, size_t *ret_n)
{
	int64_t begin = s->narrow ? s->narrow[i] : s->wide ? s->wide[i] : i * (int64_t)s->width;
	int64_t end = s->narrow ? s->narrow[i + 1] : s->wide ? s->wide[i + 1] : begin + (int64_t)s->width;

	*ret_n = (size_t)(end - begin);
	return s->data + begin;
}

#endif
