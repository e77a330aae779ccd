/* SPDX-License-Identifier: Apache-2.0 */
/* A nested column on its way into an Arrow array, many rows at a time: the assembling half of the Dremel encoding.
 * Source: https://parquet.apache.org/docs/file-format/nestedencoding/ */
#ifndef PARQUET_NESTED_H
#define PARQUET_NESTED_H

#include "plan.h"
#include "vector.h"

/* The levels of one leaf for the rows at hand. */
struct levels {
	struct leaf *leaf;
	struct vector *vector;      /* takes its values; NULL: only the levels are wanted */
	int slot_def;               /* what has less has no slot: a list around it is null or empty */
	int shared_rep, shared_def; /* with the levels before: of the innermost node around both */
	struct bytes def, rep, slots;
	size_t n;
};

struct nested {
	struct plan *plan;
	int slot_def,
		slot_rep;      /* a slot begins where repetition is at most the one and definition at least the other */
	struct levels *levels; /* those that tell its shape; of a leaf its own */
	struct vector vector;  /* values, or a shape */
	struct arrow_builder *nulls; /* the file has no such column */
	size_t items;                /* of a list */
	struct nested *children;
	int64_t n_children;
};

/* A whole column. `plan` and `buffers` must live until nested_close. */
struct nested_column {
	struct nested root;
	struct levels *levels;
	int n_levels;
	struct bytes slots, ends; /* working space */
};

orasi_status nested_open(struct nested_column *c, struct plan *plan, const struct ArrowSchema *want,
                         struct buffers *buffers, orasi_error *err);
void nested_close(struct nested_column *c); /* fine on a zeroed one */
/* Appends the next n rows. */
orasi_status nested_read(struct nested_column *c, size_t n, orasi_error *err);
size_t nested_bytes(const struct nested_column *c);
orasi_status nested_finish(struct nested_column *c, struct ArrowArray *ret, orasi_error *err);

#endif
