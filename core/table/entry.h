/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a log entry. Inside the table room only. */
#ifndef TABLE_ENTRY_H
#define TABLE_ENTRY_H

#include "table/log.h"

/* What a change is to a state of the table. */
struct change_plan {
	const struct table_change *change;
	const struct table_snapshot *before;
	const struct ArrowSchema *schema; /* after it */
	int grown;                        /* the metaData changes */
	const struct table_file **removes;
	size_t n_removes;
	int64_t removed_rows, removed_bytes, added_rows, added_bytes; /* rows -1: not known */
};

/* ERR_INVALID when an add lacks a value of a partition column. */
int entry_write(const struct change_plan *plan, struct buf *ret, struct err *err);

#endif
