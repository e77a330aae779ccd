/* SPDX-License-Identifier: Apache-2.0 */
/* Which Arrow columns an Avro schema becomes, and how each value of it gets there: a tree of nodes beside the Arrow
 * schema, one per column, item and member. A type that is named in several places has a node in each; where a type
 * stands within itself, which no column can, its values become JSON text. */
#ifndef INGEST_AVRO_SHAPE_H
#define INGEST_AVRO_SHAPE_H

#include <stdbool.h>

#include <orasi/sdk/arrow.h>

#include "schema.h"

#define NODES_MAX 100000 /* columns, items and members of all kinds */

enum op {
	OP_NULL,
	OP_BOOLEAN,
	OP_INT, /* of 32 bits */
	OP_LONG,
	OP_FLOAT,
	OP_DOUBLE,
	OP_BYTES,
	OP_STRING,
	OP_FIXED,
	OP_FIXED_WIDE, /* of more bytes than a null should take */
	OP_ENUM,
	OP_DECIMAL,      /* into 128 bits, from bytes or fixed */
	OP_DECIMAL_TEXT, /* of more than 38 digits */
	OP_UUID,         /* from 16 bytes to text */
	OP_DURATION,     /* from 12 bytes to text */
	OP_ARRAY,
	OP_MAP,
	OP_RECORD,
	OP_NUMBER, /* a union of int and long, or of float and double */
	OP_CHOICE, /* another union: a struct with a member per branch, all but one null */
	OP_JSON,   /* what contains itself, as text */
};

struct node {
	enum op op;
	const struct avro_type *type; /* behind the union with null, if there is one */
	int32_t null_at;              /* the branch that is null, -1: there is none */
	int32_t value_at;             /* the branch of the value in a union of two, -1: it is another union, or none */
	int32_t n;
	struct node *parts; /* n: members, items, key and value of a map, branches */
	int32_t *branch;    /* OP_CHOICE: which part each branch of the union is, -1: null */
	int64_t cost;       /* bytes that a value takes in its column, without what is in it */
	int64_t null_cost;  /* and that a null takes, with all columns below */
	struct arrow_builder *to;
};

struct shape {
	struct node root;
	struct ArrowSchema schema;      /* a struct: the columns */
	const struct avro_type *single; /* the records are no records, but of this type: one column 'value' */
	int64_t *column; /* projected: which column each part of the root is, -1: none; NULL: all in order */
	int64_t *missing, n_missing; /* projected: columns that the file does not have */
	int32_t nodes;
};

/* The schema must outlive the shape. */
orasi_status shape_make(struct shape *ret, const struct schema *schema, orasi_error *err);
/* Only the columns of `want`, in its order; the others are stepped over. A column that the file does not have is null. */
orasi_status shape_project(struct shape *shape, const struct ArrowSchema *want, orasi_error *err);
/* Hands out the builders of `root`, which is of the shape's schema. */
void shape_attach(struct shape *shape, struct arrow_builder *root);
void shape_done(struct shape *shape);

#endif
