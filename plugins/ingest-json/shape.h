/* SPDX-License-Identifier: Apache-2.0 */
/* What was seen under one key; inside of infer.h only: shape.c notes it, infer.c reads it. */
#ifndef INGEST_JSON_SHAPE_H
#define INGEST_JSON_SHAPE_H

#include "infer.h"
#include "names.h"

#define EXAMPLE_MAX 64

enum kind {
	KIND_BOOL = 1,
	KIND_INT = 2,
	KIND_DOUBLE = 4,
	KIND_STRING = 8,
	KIND_OBJECT = 16,
	KIND_ARRAY = 32,
};
#define KIND_NUMBER (KIND_INT | KIND_DOUBLE)
#define KIND_NESTED (KIND_OBJECT | KIND_ARRAY)

struct shape {
	char *name; /* NUL-terminated; may hold NUL bytes, see name_len */
	size_t name_len;
	unsigned kinds;         /* of the values so far, null does not count */
	uint64_t seen, nulls;   /* seen includes nulls */
	uint64_t stamps, dates; /* strings that are such */
	uint64_t strings;
	bool opaque; /* too many keys or too deep: JSON text */
	char example[EXAMPLE_MAX + 1];
	struct shape **children; /* keys of objects; or one, the items of arrays */
	uint32_t n_children, cap;
	struct names names;
	struct shape *item;
	uint32_t keys; /* root only: shapes below it */
};

void shape_drop_children(struct shape *s);

#endif
