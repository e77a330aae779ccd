/* SPDX-License-Identifier: Apache-2.0 */
/* One column of the batches that come out: a flat one, a nested one, or nulls for one that the file does not have. */
#ifndef PARQUET_OUTPUT_H
#define PARQUET_OUTPUT_H

#include "nested.h"

struct output {
	struct plan plan;
	struct vector vector;        /* of a flat column */
	struct nested_column nested; /* of every other */
};

/* `node` is NULL when the file has no such column; `leaves` as for plan_make. */
orasi_status output_open(struct output *output, const struct node *node, const struct ArrowSchema *want,
                         struct leaf *leaves, struct buffers *buffers, orasi_error *err);
void output_done(struct output *output);
orasi_status output_read(struct output *output, size_t n, orasi_error *err);
size_t output_bytes(const struct output *output);
orasi_status output_finish(struct output *output, struct ArrowArray *ret, orasi_error *err);

#endif
