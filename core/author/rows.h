/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as JSON text: for people, and to compare rows whatever batches they came in. */
#ifndef AUTHOR_ROWS_H
#define AUTHOR_ROWS_H

#include <orasi/sdk/arrow.h>

#include "base/buf.h"

/* Row i of a record batch as one object. Columns without a value are left out when `sparse`: then a row is the same
 * before and after its schema has grown. */
void rows_print(const struct arrow_view *batch, int64_t i, int sparse, struct buf *ret);
/* "timestamp[us, UTC]" and the like. */
void rows_type(const struct ArrowSchema *schema, struct buf *ret);

#endif
