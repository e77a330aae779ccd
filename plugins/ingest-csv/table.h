/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a text before its records are read: dialect, header, columns. The same for every reader of the
 * source, wherever it begins. */
#ifndef INGEST_CSV_TABLE_H
#define INGEST_CSV_TABLE_H

#include "dialect.h"
#include "plugin.h"
#include "reader.h"

struct table {
	const orasi_host *host;
	const orasi_host_log *log;
	const struct settings *settings;
	struct format format;
	struct evidence evidence;
	struct sample sample;
	struct ArrowSchema schema; /* what comes out */
	int64_t *from;             /* per column of the schema: which field, or -1 */
	struct arrow_type_info *types;
	bool whole; /* every field has a column */
};

/* Looks at the beginning and leaves the reader behind the header. A text without records has no columns of its own.
 * ORASI_AGAIN from a reader that is fed: begin anew with an empty table when there is more. */
orasi_status table_open(struct table *table, struct reader *reader, orasi_error *err);
/* The columns that come out: those of the text; or `want`, with what the text has besides unless it is a projection. */
orasi_status table_columns(struct table *table, const struct ArrowSchema *want, bool project, orasi_error *err);
void table_done(struct table *table);

#endif
