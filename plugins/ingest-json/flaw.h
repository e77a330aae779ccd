/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a record: found deep inside the scanner, told by the decoder. Functions that
 * walk over text return the place behind what they read, or NULL with the flaw filled. */
#ifndef INGEST_JSON_FLAW_H
#define INGEST_JSON_FLAW_H

#include <stddef.h>
#include <stdint.h>

struct column;

struct flaw {
	const char *code;            /* one of FLAW_… */
	const char *what;            /* half a sentence: "a comma or '}' is missing" */
	const uint8_t *at;           /* the offending byte */
	size_t len;                  /* of the offending value there, 0 if it is not a value */
	const struct column *column; /* the column that was being filled, or NULL */
};

#define FLAW_SYNTAX "json.syntax"
#define FLAW_UTF8 "json.utf8"
#define FLAW_DEPTH "json.depth"
#define FLAW_TOO_LONG "json.too-long"
#define FLAW_SURROGATE "json.surrogate"
#define FLAW_NOT_OBJECT "json.not-object"
#define FLAW_COLUMNS "json.columns" /* a key that cannot become a column */
#define FLAW_MISMATCH "type.mismatch"
#define FLAW_NULL "type.null"       /* no value for a column that needs one */
#define FLAW_UNKNOWN "type.unknown" /* a key without a column, and unknown_fields says reject */

/* Not the record's fault; compared by pointer. */
extern const char flaw_nomem[]; /* no memory for the row */
extern const char flaw_grow[];  /* a key without a column: the schema must grow first */

static inline const uint8_t *flaw_set(struct flaw *flaw, const char *code, const uint8_t *at, const char *what)
{
	flaw->code = code;
	flaw->at = at;
	flaw->len = 0;
	flaw->what = what;
	return (const uint8_t *)0;
}

#endif
