/* SPDX-License-Identifier: Apache-2.0 */
/* Rows taken out of batches one by one: into partitions, into another order. Inside the pipeline room only. */
#ifndef PIPELINE_ROWS_H
#define PIPELINE_ROWS_H

#include <orasi/sdk/arrow.h>

/* Appends value i of the view to a builder of the same type. 0, or -1 when out of memory. */
int rows_append(struct arrow_builder *builder, const struct arrow_view *view, int64_t i);
/* Orders two values of one plain type: nulls first, NaN last. */
int rows_compare(const struct arrow_view *a, int64_t i, const struct arrow_view *b, int64_t k);

#endif
