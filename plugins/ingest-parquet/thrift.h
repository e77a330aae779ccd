/* SPDX-License-Identifier: Apache-2.0 */
/* Thrift's compact protocol, as much of it as Parquet uses.
 * Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 *
 * The reader works on bytes of a stranger: every read is bounded, a failure sticks (`bad`) and
 * makes all further reads answer zero, so that a parser checks once at its end. */
#ifndef PARQUET_THRIFT_H
#define PARQUET_THRIFT_H

#include "bytes.h"

enum thrift_type {
	THRIFT_STOP,
	THRIFT_TRUE,
	THRIFT_FALSE,
	THRIFT_BYTE,
	THRIFT_I16,
	THRIFT_I32,
	THRIFT_I64,
	THRIFT_DOUBLE,
	THRIFT_BINARY,
	THRIFT_LIST,
	THRIFT_SET,
	THRIFT_MAP,
	THRIFT_STRUCT,
};

struct thrift_reader {
	const uint8_t *at, *end;
	int depth;
	int bad;
};

struct thrift_field {
	int id;
	enum thrift_type type;
};

struct thrift_str {
	const char *ptr;
	size_t len;
};

/* Runs its body for each field of the struct that the reader stands in; the body must take the
 * value. */
#define each_field(r, f) \
	for (int f##_last = (thrift_enter(r), 0); thrift_next(r, &f##_last, &(f)) || (thrift_leave(r), 0);)

/* Walks the fields of a struct: `last` starts at 0; 0 at the end. */
int thrift_next(struct thrift_reader *r, int *last, struct thrift_field *ret);
int64_t thrift_int(struct thrift_reader *r);       /* any integer type */
int thrift_bool(const struct thrift_field *field); /* the value is in the field's type */
struct thrift_str thrift_binary(struct thrift_reader *r);
/* Items of a list; each takes at least one byte, so that the count is bounded by the input. */
uint32_t thrift_list(struct thrift_reader *r, enum thrift_type *ret_type);
void thrift_skip(struct thrift_reader *r, enum thrift_type type);
void thrift_enter(struct thrift_reader *r); /* bounds the nesting; leave when done */
void thrift_leave(struct thrift_reader *r);

struct thrift_writer {
	struct bytes out;
	int last[16], depth;
	int failed;
};

void thrift_put_int(struct thrift_writer *w, int id, enum thrift_type type, int64_t v);
void thrift_put_bool(struct thrift_writer *w, int id, int v);
void thrift_put_binary(struct thrift_writer *w, int id, const void *p, size_t n);
void thrift_put_struct(struct thrift_writer *w, int id); /* until thrift_end */
void thrift_put_list(struct thrift_writer *w, int id, enum thrift_type type, uint32_t n);
void thrift_item_struct(struct thrift_writer *w); /* a struct as list item, until thrift_end */
void thrift_item_int(struct thrift_writer *w, int64_t v);
void thrift_item_binary(struct thrift_writer *w, const void *p, size_t n);
void thrift_item_bool(struct thrift_writer *w, int v);
void thrift_end(struct thrift_writer *w);
/* A struct that another writer has finished. */
void thrift_put_made(struct thrift_writer *w, int id, const void *p, size_t n);

#endif
