/* SPDX-License-Identifier: Apache-2.0 */
/* One column of the batches that come out: flat ones as vectors, nested ones row by row, columns
 * that the file does not have as nulls. */
#ifndef PARQUET_OUTPUT_H
#define PARQUET_OUTPUT_H

#include "assemble.h"
#include "vector.h"

struct output {
	struct plan plan;
	struct vector vector;
	struct arrow_builder *builder; /* NULL: it is a vector */
};

/* `node` is NULL when the file has no such column; `leaves` as for plan_make. */
orasi_status output_open(struct output *output, const struct node *node, const struct ArrowSchema *want,
                         struct leaf *leaves, struct buffers *buffers, orasi_error *err);
void output_done(struct output *output);
orasi_status output_read(struct output *output, size_t n, orasi_error *err);
size_t output_bytes(const struct output *output);
int output_finish(struct output *output, struct ArrowArray *ret); /* -1: out of memory */

#endif
