/* SPDX-License-Identifier: Apache-2.0 */
/* A column without nesting on its way into an Arrow array, many rows at a time. */
#ifndef PARQUET_VECTOR_H
#define PARQUET_VECTOR_H

#include "buffers.h"
#include "convert.h"

struct vector {
	struct leaf *leaf;
	struct arrow_type_info want;
	size_t width;        /* of a value in `data`, 0 for booleans and bytes */
	size_t offset_width; /* 4 or 8 for bytes */
	int copy;            /* values need no conversion */
	struct buffers *buffers;
	struct vector_buffer {
		uint8_t *data; /* 64-byte aligned */
		size_t len, cap;
		size_t usual; /* bytes that the batch before had */
	} validity, offsets, data;
	size_t length, nulls;
};

/* `buffers` must live until vector_done. */
void vector_init(struct vector *v, struct leaf *leaf, const struct arrow_type_info *want, struct buffers *buffers);
void vector_done(struct vector *v);
/* Appends the next n rows of the leaf; ORASI_E_CORRUPT when it has fewer. */
orasi_status vector_read(struct vector *v, size_t n, orasi_error *err);
size_t vector_bytes(const struct vector *v);
/* Hands the rows over and starts anew. -1: out of memory. */
int vector_finish(struct vector *v, struct ArrowArray *ret);

#endif
