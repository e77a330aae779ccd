/* SPDX-License-Identifier: Apache-2.0 */
/* The columns that come out of a reader: row group by row group they go to a row together, read some from there on, and
 * become a batch. */
#ifndef PARQUET_COLUMNS_H
#define PARQUET_COLUMNS_H

#include "output.h"
#include "parallel.h"

struct columns {
	const struct tree *tree;
	struct parallel *parallel;
	struct leaf *leaves; /* one per leaf of the tree; those without a node are not read */
	struct output *outputs;
	int64_t n;
	struct buffers *buffers; /* of the batches */
	/* Work that may go on side by side, the largest first: going to a row, and reading. */
	struct columns_leaf {
		struct leaf *leaf;
		uint64_t bytes; /* in this row group */
		size_t ahead;   /* rows */
	} * used;
	struct columns_output {
		struct output *output;
		uint64_t bytes;
	} * turns;
	uint32_t n_used;
	uint64_t row_bytes; /* of this row group, as its footer has it */
	uint64_t row, step; /* what is being done */
};

/* `tree` and `parallel` must live as long; fields of `schema` that the file lacks become null. */
orasi_status columns_open(struct columns *columns, const struct tree *tree, const struct ArrowSchema *schema,
                          struct parallel *parallel, orasi_error *err);
/* Behind it leaves are what they are: which are read, and which only looked at. With checks_text what they call text must
 * be UTF-8. */
void columns_settle(struct columns *columns, int checks_text);
void columns_done(struct columns *columns); /* fine on a zeroed one */
orasi_status columns_start(struct columns *columns, const struct pq_row_group *group, orasi_source *source,
                           orasi_error *err);
/* To a row of the group. *n is lowered when byte arrays are so large that a batch could not hold as many. */
orasi_status columns_seek(struct columns *columns, uint64_t row, uint64_t *n, orasi_error *err);
/* The next n rows into the batch. */
orasi_status columns_read(struct columns *columns, uint64_t n, orasi_error *err);
uint64_t columns_bytes(const struct columns *columns); /* of the batch */
orasi_status columns_finish(struct columns *columns, uint64_t rows, struct ArrowArray *ret, orasi_error *err);
/* Columns that were read to the end must be at their end. */
orasi_status columns_check_end(struct columns *columns, const struct pq_row_group *group, orasi_error *err);
int columns_are_parallel(const struct columns *columns);

#endif
