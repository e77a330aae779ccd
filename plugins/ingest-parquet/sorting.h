/* SPDX-License-Identifier: Apache-2.0 */
/* Do rows come in the order that the configuration says? What a footer claims must be true, so it
 * is looked at row by row. Nulls are first when ascending and last when descending. */
#ifndef PARQUET_SORTING_H
#define PARQUET_SORTING_H

#include "node.h"

struct sorting {
	struct sort_column {
		const struct node *node;
		int descending;
		int null;
		__int128 i;
		double d;
		struct bytes text;
	} * columns;
	uint32_t n;
	int any;   /* a row of the group was seen: the columns hold its values */
	int holds; /* so far, in this row group */
};

/* "name" or "-name" of columns without nesting; E_CONFIG names one that is not there. */
orasi_status sorting_open(struct sorting *sorting, const struct tree *tree, char **names, uint32_t n, orasi_error *err);
void sorting_done(struct sorting *sorting);
void sorting_start(struct sorting *sorting); /* a new row group */
orasi_status sorting_check(struct sorting *sorting, const struct ArrowSchema *schema, const struct ArrowArray *batch,
                           orasi_error *err);
void sorting_write(const struct sorting *sorting, struct thrift_writer *w, int id);

#endif
