/* SPDX-License-Identifier: Apache-2.0 */
/* Object container files, made by hand byte for byte, and what the decoder makes of them. */
#ifndef TESTS_INGEST_AVRO_MAKING_H
#define TESTS_INGEST_AVRO_MAKING_H

#include "base/buf.h"
#include "ingest-json/rows.h"

#define MARKER "<-- a marker -->" /* between the blocks of all files here */

extern struct fakehost *fake;
extern struct rows rows;

void making_setup(void);
void making_teardown(void);

void put_long(struct buf *buf, int64_t v);
void put_text(struct buf *buf, const char *text);
void put_bytes(struct buf *buf, const void *p, size_t n); /* as they are */

/* codec NULL: the header does not name one. */
void put_header(struct buf *buf, const char *schema, const char *codec);
void put_block(struct buf *buf, int64_t count, const void *p, size_t n);

/* A file of one block without codec, read with these options. */
void read_records(const char *schema, int64_t count, const void *p, size_t n, const char *config);
void read_file(const struct buf *file, struct rows_options options);

/* All was read: these columns, rows and rejects, the last as "code:column code:column". */
void gives(const char *columns, const char *text, const char *rejected);
/* It failed so, with these words in its sentence. */
void fails(orasi_status status, const char *words);

/* Records of literal bytes: RECORDS("\x02\x04"). */
#define RECORDS(literal) (literal), sizeof(literal) - 1

#endif
