/* SPDX-License-Identifier: Apache-2.0 */
/* SQL over datasets: SQLite in the worker, every dataset a virtual table that is read through the plugin it is
 * stored with.
 *
 * Columns are the dataset's; hidden ones are _file, _row and _score (of MATCH). Types: integers, doubles and text as they are; booleans
 * as 0 and 1 (true and false in JSON output); timestamps as 'YYYY-MM-DDTHH:MM:SS.ffffffZ', dates as 'YYYY-MM-DD', so
 * that both compare and sort as text; decimals without a scale as integers while 64 bits hold them, others as doubles (15 digits are kept); structs, lists and maps as JSON text (JSON in JSON output);
 * binary as BLOB (base64 in JSON and CSV).
 *
 * Only one statement that reads is allowed. Comparisons of columns with constants are handed to the decoder, which
 * leaves out what cannot match, or to an index of the column; SQLite checks every row again. MATCH needs a full-text
 * index and sees rows that it does not have yet as well.
 *
 * Threading: one query at a time per process. */
#ifndef SQL_SQL_H
#define SQL_SQL_H

#include <stddef.h>

#include "base/err.h"
#include "json/json.h"

struct loader;

struct sql_sink {
	void *ctx;
	int (*write)(void *ctx, const void *p, size_t n, struct err *err); /* may wait */
	int (*is_cancelled)(void *ctx);
};

/* `order`: {"sql","datasets":[{"name","location"}],"format":"ndjson"|"csv"|"json","limit"} (0 = no limit). The result
 * is {"rows","truncated","columns":[{"name","type"}],"elapsed_ms","scanned_rows","indexes":
 * ["dataset.index"]}. */
int sql_run(struct loader *loader, const struct json *order, const struct sql_sink *sink, struct json **ret,
            struct err *err);

#endif
