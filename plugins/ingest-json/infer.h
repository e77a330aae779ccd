/* SPDX-License-Identifier: Apache-2.0 */
/* What a sample of records tells about their schema. Every record is noted in a tree of shapes, one
 * per key; the tree then becomes a new schema, or adds its new keys to one that exists.
 *
 *   true, false              bool
 *   whole numbers            int64; with a fraction, an exponent or beyond int64 among them: double
 *   strings                  utf8; every one a time with date: timestamp[us, UTC]; a date: date32
 *   objects                  struct of their keys; without any key ever: utf8 with JSON text
 *   arrays                   list of what their items are
 *   strings and numbers …    utf8, numbers and booleans as text          (COLUMN_TEXT)
 *   scalars and containers   utf8 with JSON text                         (COLUMN_JSON)
 *   only null                utf8 in a new schema; nothing in a schema that grows
 *
 * An object with very many keys has names of things there rather than of fields ({"id17": …}): it
 * becomes utf8 with JSON text as a whole instead of thousands of columns. */
#ifndef INGEST_JSON_INFER_H
#define INGEST_JSON_INFER_H

#include <stdbool.h>

#include <orasi/sdk/arrow.h>

#include "flaw.h"

struct infer_limits {
	bool timestamps;      /* look for dates and times in strings */
	uint32_t max_columns; /* leaves of the whole schema, and keys of one object */
	uint32_t max_depth;
};

struct shape; /* of a record, or of a value in it */

struct shape *shape_new(void);
void shape_free(struct shape *shape); /* NULL is fine */

/* Notes the record at `text` (an object, scan_value found it good). 0 or -1: out of memory. */
int shape_record(struct shape *root, const uint8_t *text, const struct infer_limits *limits);
uint64_t shape_records(const struct shape *root);

/* A schema for the records; never fails because of what they hold. 0 or -1: out of memory. */
int shape_schema(struct shape *root, const struct infer_limits *limits, struct ArrowSchema *ret);
/* Appends what `schema` does not have, inside structs too. Stops at max_columns. *ret_grown tells
 * if there was anything. */
int shape_grow(struct shape *root, const struct infer_limits *limits, struct ArrowSchema *schema, bool *ret_grown);

/* Calls back per column of `schema` that the records had: path, Arrow format, values seen, nulls
 * among the records, and the first value's text. */
typedef void (*shape_evidence)(void *ctx, const char *path, const char *format, uint64_t seen, uint64_t nulls,
                               const char *example);
void shape_explain(const struct shape *root, const struct ArrowSchema *schema, shape_evidence tell, void *ctx);

#endif
