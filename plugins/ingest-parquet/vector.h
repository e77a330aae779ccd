/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a leaf on their way into an Arrow array, many at a time; and the shape of a struct or list: which of them
 * are there, and where each ends. */
#ifndef PARQUET_VECTOR_H
#define PARQUET_VECTOR_H

#include "buffers.h"
#include "convert.h"

struct vector {
	struct leaf *leaf; /* NULL: a shape */
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
/* Appends n slots, of which `present` have the next values of the page; `def` may be NULL when all have. The leaf's levels
 * are passed by the caller. */
orasi_status vector_take(struct vector *v, const uint8_t *def, size_t n, size_t present, orasi_error *err);
/* A struct (offset_width 0) or list. -1: out of memory. */
void vector_init_shape(struct vector *v, size_t offset_width, struct buffers *buffers);
int vector_add_shape(struct vector *v, const uint8_t *def, int there, size_t n); /* is there: def at least `there` */
int vector_add_ends(struct vector *v, const size_t *ends, size_t n);
/* Gives an array of vector_finish room for n children, empty; it releases them. -1: out of memory. */
int vector_adopt(struct ArrowArray *array, int64_t n);
size_t vector_bytes(const struct vector *v);
/* Hands the rows over and starts anew. -1: out of memory. */
int vector_finish(struct vector *v, struct ArrowArray *ret);

#endif
