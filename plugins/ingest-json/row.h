/* SPDX-License-Identifier: Apache-2.0 */
/* One record into one row, directed by the columns that exist: each value is parsed as what its
 * column is, without a tree in between. */
#ifndef INGEST_JSON_ROW_H
#define INGEST_JSON_ROW_H

#include "column.h"
#include "flaw.h"
#include "scan.h"

enum row_unknown {
	ROW_GROW,   /* fail with flaw_grow, unless the value is null */
	ROW_IGNORE, /* check the value and drop it */
	ROW_REJECT,
};

/* Items of lists may be tiny in the text and wide in their columns: a record that would take more
 * memory than this is rejected. */
#define ROW_ITEMS_MAX (512 << 20)

struct row_config {
	enum row_unknown unknown;
	bool coerce; /* utf8 columns take numbers, booleans and containers as JSON text */
	unsigned max_depth;
};

struct row {
	const struct row_config *config;
	struct flaw flaw;
	unsigned depth;
	size_t items;        /* bytes that items of lists took so far, see ROW_ITEMS_MAX */
	uint64_t duplicates; /* keys that came again in their object: the last one counts */
	uint8_t *scratch;    /* for strings with escapes */
	size_t scratch_cap;
};

void row_done(struct row *row);

/* Is the record one well-formed object? */
bool row_check(const uint8_t *text, size_t len, unsigned max_depth, struct flaw *flaw);

/* Appends the record at `text` (NUL behind it, see scan.h) to `root`. False with row->flaw; then
 * the columns hold half a row, which column_truncate takes away. */
bool row_parse(struct row *row, struct column *root, const uint8_t *text, size_t len);

#endif
