/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of a plugin into the dataset's schema: columns by name, types by the rules of table_schema_canonical,
 * nulls for what is missing. Inside the pipeline room only. */
#ifndef PIPELINE_CONFORM_H
#define PIPELINE_CONFORM_H

#include <orasi/sdk/arrow.h>

#include "base/err.h"

struct conform;

/* Both schemas are copied. ERR_CONFLICT when a column cannot become what the dataset has. */
int conform_new(const struct ArrowSchema *from, const struct ArrowSchema *to, struct conform **ret, struct err *err);
void conform_free(struct conform *conform);
/* Takes `batch` on success. A value that does not fit (a u64 beyond int64) is an error naming column and row. */
int conform_batch(struct conform *conform, struct ArrowArray *batch, struct ArrowArray *ret, struct err *err);

#endif
