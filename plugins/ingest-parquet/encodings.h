/* SPDX-License-Identifier: Apache-2.0 */
/* The writing half of the encodings: PLAIN values of one page in other forms.
 * Source: parquet-format, Encodings.md. */
#ifndef PARQUET_ENCODINGS_H
#define PARQUET_ENCODINGS_H

#include "node.h"

#define ENCODINGS_MAX 3 /* that a type may have, PLAIN among them */

/* The encodings that are worth to be tried for a column, PLAIN first; their count. */
int encodings_of(const struct node *node, int ret[ENCODINGS_MAX]);

/* Appends n values to `out`. They come as PLAIN bytes, but booleans a byte each. -1: out of memory.
 */
int encoding_put(struct bytes *out, int encoding, const struct node *node, const uint8_t *values, size_t len, size_t n);

/* How many bytes the first values have, at most `max` of them; *ret_n tells how many. */
size_t encoding_head(const struct node *node, const uint8_t *values, size_t len, size_t max, size_t *ret_n);

#endif
