/* SPDX-License-Identifier: Apache-2.0 */
/* Random tables of every type, nesting and null density, and rows as JSON for comparison with other
 * readers. The same seed makes the same tables. Out of memory ends the program. */
#ifndef TESTS_PARQUET_TABLES_H
#define TESTS_PARQUET_TABLES_H

#include <orasi/sdk/arrow.h>

#include "base/buf.h"

extern const char *const table_formats[];
extern const size_t n_table_formats;

void table_seed(uint64_t seed);
uint64_t table_dice(uint64_t n); /* 0 … n - 1 */

/* A field in place. `format` NULL: any type, nested at most `depth` deep. */
void table_field(struct ArrowSchema *ret, const char *name, int depth, const char *format);
/* `nulls` in percent; `distinct` 0: as many different values as there are. */
void table_batch(const struct ArrowSchema *schema, int64_t rows, int nulls, int distinct, struct ArrowArray *ret);

/* The type of a column tree, and row i, as JSON. Numbers are text: integers and times in decimal
 * (seconds as milliseconds, as Parquet has them), floats as the bits of a double, bytes in hex. */
void table_type_json(struct buf *out, const struct ArrowSchema *schema);
void table_row_json(struct buf *out, const struct arrow_view *view, int64_t i);

#endif
