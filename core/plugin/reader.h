/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of one data file, a batch at a time, through the decoder of the plugin that datasets are made of. For
 * queries and for the building of indexes.
 *
 * Threading: an object at a time per thread. */
#ifndef PLUGIN_READER_H
#define PLUGIN_READER_H

#include <orasi/sdk/arrow.h>

#include "blob/blob.h"
#include "plugin/loader.h"

struct reader;

/* All must live as long as the reader. */
struct reader_want {
	const struct ArrowSchema
		*schema; /* the columns that are wanted, in this order; one that the file lacks is null */
	const orasi_term *const *terms; /* may leave out rows for which they cannot hold */
	uint32_t n_terms;
	int by_rows; /* just the rows below, ascending ordinals in the file; without terms */
	const uint64_t *rows;
	uint64_t n_rows;
	/* Columns with one value in the whole of the file, which do not stand in it: a schema and one row, whose array
	 * the reader takes over. NULL, or no columns: none. */
	const struct ArrowSchema *constants_schema;
	struct ArrowArray *constants;
};
int reader_open(struct loader *loader, struct blob *blob, const char *name, const struct reader_want *want,
                struct reader **ret, struct err *err);
/* 1: a batch, until the next call, and the ordinal of its first row: in the file, or by_rows in `rows`; 0: the end. */
int reader_next(struct reader *reader, const struct ArrowArray **ret, int64_t *ret_first, struct err *err);
void reader_close(struct reader *reader); /* NULL is fine */

#endif
