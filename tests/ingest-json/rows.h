/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the decoder over text and shows what came as text again, one line per row and value names in
 * schema order: {a=1 b=null c=[1 2]}. Strings stand in quotes, not escaped. */
#ifndef TESTS_INGEST_JSON_ROWS_H
#define TESTS_INGEST_JSON_ROWS_H

#include "lib/fakehost.h"

struct rows {
	struct buf text;   /* the rows */
	struct buf schema; /* "a:l b:u c:+l(item:l)" at the end */
	uint64_t rows, batches, schemas;
	orasi_status status; /* ORASI_END, or how it failed */
	orasi_error error;
	struct buf *marks;          /* the state behind each batch, if wanted; */
	size_t n_marks, *mark_rows; /* and the length of `text` there */
	size_t *mark_rejects;
};

struct rows_options {
	const char *config; /* JSON text */
	uint32_t max_rows;  /* 0: 65536 */
	uint64_t max_bytes;
	uint64_t range_begin, range_end;
	const char *want; /* "a:l b:u", see schema_make */
	uint32_t flags;
	orasi_bytes checkpoint;
	const struct ArrowSchema *want_schema;
	int keep_marks;
	struct ArrowSchema *ret_schemas; /* the schema in force at each mark; as many as keep_marks says */
	size_t feed_piece;               /* not read but fed, up to so many bytes at a time; 0: read */
};

void rows_run(struct rows *rows, struct fakehost *fake, orasi_source *source, const struct rows_options *options);
void rows_done(struct rows *rows);

/* A flat struct schema from "name:format …". */
void schema_make(struct ArrowSchema *ret, const char *text);

#endif
