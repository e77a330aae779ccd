/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of growing Arrow columns, made for appending parsed values fast: the hot appends are
 * inline, a half-made row is undone by column_truncate, and a struct column knows its keys.
 * Functions that return int give 0, or -1 when out of memory. One thread at a time. */
#ifndef INGEST_JSON_COLUMN_H
#define INGEST_JSON_COLUMN_H

#include <stdbool.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "names.h"

/* What a utf8 column takes besides strings. The mode is kept in the field's metadata. */
enum column_mode {
	COLUMN_PLAIN, /* strings only */
	COLUMN_TEXT,  /* scalars: strings as they are, numbers and booleans as their JSON text */
	COLUMN_JSON,  /* everything as its JSON text, strings with their quotes */
};

struct run {
	uint8_t *p;
	size_t len, cap;
	size_t hint; /* where the last batch ended: the next starts with room for that */
};

struct column {
	struct arrow_type_info info;
	size_t width; /* of one value, 0 if variable, nested or bool */
	int wide;     /* offsets are int64 */
	enum column_mode mode;
	bool nullable;
	const struct ArrowSchema *schema; /* lent by the maker */
	struct column *parent;

	const char *name; /* in the schema */
	size_t name_len;
	/* The name in quotes as it stands in the text, for a guess; key_len 0: needs escapes. Up to
	 * 8 bytes: (text & mask) == head. Longer: the first and the last 8 bytes, then the middle.
	 */
	uint8_t *key;
	size_t key_len;
	uint64_t key_head, key_tail, key_mask;
	uint32_t next; /* the sibling that came behind this one the last time */

	struct column **children;
	uint32_t n_children;
	uint32_t first; /* the child that came first the last time */
	struct names names;

	struct run data, offsets, validity;
	int64_t length, nulls;
	size_t row_bytes; /* what a row takes at least, children of structs included */
};

/* `schema` must outlive the column. NULL: no memory, or a type JSON has no values for; the latter
 * fills *ret_bad with the field. */
struct column *column_new(const struct ArrowSchema *schema, const struct ArrowSchema **ret_bad);
void column_free(struct column *column); /* NULL is fine */

/* "a.b.c"; cut to cap. */
size_t column_path(const struct column *column, char *ret, size_t cap);
/* The child called so, or NULL. */
struct column *column_child(const struct column *column, const void *name, size_t len);

int run_grow(struct run *run, size_t more);
int column_append_null(struct column *column); /* nested: whatever children need */
int column_append_bool(struct column *column, bool v);
int column_append_decimal(struct column *column, __int128 v);
int column_append_bytes(struct column *column, const void *p, size_t n);
int column_end_list(struct column *column);
int column_first_null(struct column *column); /* makes the bitmap */
void column_truncate(struct column *column, int64_t length);
/* Hands the values over as one array (offset 0) and starts anew. */
int column_finish(struct column *column, struct ArrowArray *ret);

/* mode.c */
enum column_mode column_mode_of(const struct ArrowSchema *schema);
int column_mode_set(struct ArrowSchema *schema, enum column_mode mode);

static inline int run_reserve(struct run *run, size_t more)
{
	return run->cap - run->len >= more ? 0 : run_grow(run, more);
}

/* Counts one more value, valid. */
static inline int column_note(struct column *column)
{
	if (__builtin_expect(column->nulls != 0, 0)) {
		struct run *bits = &column->validity;
		unsigned bit = (unsigned)(column->length & 7);

		if (!bit) {
			if (run_reserve(bits, 1))
				return -1;
			bits->p[bits->len++] = 0;
		}
		bits->p[bits->len - 1] |= (uint8_t)(1u << bit);
	}
	column->length++;
	return 0;
}

/* Little-endian: the low `width` bytes of v. */
static inline int column_append_word(struct column *column, uint64_t v)
{
	struct run *data = &column->data;

	if (run_reserve(data, 8))
		return -1;
	memcpy(data->p + data->len, &v, 8);
	data->len += column->width;
	return column_note(column);
}

#endif
