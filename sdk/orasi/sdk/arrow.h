/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers for Arrow C data, linked statically with hidden visibility (liborasi-sdk): schemas, array
 * builders, views for reading, validation. They are no part of the ABI.
 *
 * Source of formats and layouts: https://arrow.apache.org/docs/format/Columnar.html and
 * CDataInterface.html. Thread-safety: distinct objects may be used on distinct threads. Functions
 * that return int give 0, or -1 when out of memory or when the input is malformed. */
#ifndef ORASI_SDK_ARROW_H
#define ORASI_SDK_ARROW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <orasi/arrow.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- types ------------------------------------------------------------------------------- */

enum arrow_type {
	ARROW_NULL,
	ARROW_BOOL,
	ARROW_INT8,
	ARROW_UINT8,
	ARROW_INT16,
	ARROW_UINT16,
	ARROW_INT32,
	ARROW_UINT32,
	ARROW_INT64,
	ARROW_UINT64,
	ARROW_FLOAT16,
	ARROW_FLOAT32,
	ARROW_FLOAT64,
	ARROW_DECIMAL128,
	ARROW_DECIMAL256,
	ARROW_UTF8,
	ARROW_LARGE_UTF8,
	ARROW_BINARY,
	ARROW_LARGE_BINARY,
	ARROW_FIXED_BINARY,
	ARROW_DATE32,
	ARROW_DATE64,
	ARROW_TIME32,
	ARROW_TIME64,
	ARROW_TIMESTAMP,
	ARROW_DURATION,
	ARROW_LIST,
	ARROW_LARGE_LIST,
	ARROW_FIXED_LIST,
	ARROW_STRUCT,
	ARROW_MAP,
};

enum arrow_unit { ARROW_SECOND, ARROW_MILLI, ARROW_MICRO, ARROW_NANO };

struct arrow_type_info {
	enum arrow_type type;
	enum arrow_unit unit;     /* time32/64, timestamp, duration */
	int32_t width;            /* FIXED_BINARY: bytes; FIXED_LIST: items */
	int32_t precision, scale; /* decimals */
	const char *timezone;     /* timestamp; points into the format, "" = local */
};

int arrow_type_parse(const char *format, struct arrow_type_info *ret); /* -1: unknown format */
/* Bytes of one value in the data buffer: 0 for bool, variable and nested types. */
size_t arrow_type_width(const struct arrow_type_info *info);

/* ---- schemas ----------------------------------------------------------------------------- */

/* A field with room for n children, each released (empty) until it is made in place:
 *   arrow_schema_make(&s, "+s", "", 0, 2); arrow_schema_make(s.children[0], "l", "id", 1, 0); … */
int arrow_schema_make(struct ArrowSchema *ret, const char *format, const char *name, int nullable, int64_t n_children);
int arrow_schema_copy(struct ArrowSchema *ret, const struct ArrowSchema *schema);          /* deep */
int arrow_schema_append(struct ArrowSchema *parent, struct ArrowSchema *child);            /* moves child */
int64_t arrow_schema_find(const struct ArrowSchema *parent, const char *name, size_t len); /* or -1 */
/* Same formats, names and children; nullability and metadata only if `strict`. */
int arrow_schema_equal(const struct ArrowSchema *a, const struct ArrowSchema *b, int strict);
void arrow_schema_release(struct ArrowSchema *schema); /* fine on a released one */

/* ---- building ---------------------------------------------------------------------------- */

/* Builds arrays of one type, nested ones through children. All appends return 0 or -1 (memory, or
 * an offset beyond 2 GiB). A list is: append its items to child 0, then arrow_end_list. A struct:
 * append one value to every child, then arrow_end_struct. A map: child 0 is the entries struct. */
struct arrow_builder;

struct arrow_builder *arrow_builder_new(const struct ArrowSchema *schema);
void arrow_builder_free(struct arrow_builder *builder);
struct arrow_builder *arrow_builder_child(struct arrow_builder *builder, int64_t i);
int64_t arrow_builder_length(const struct arrow_builder *builder);
size_t arrow_builder_bytes(const struct arrow_builder *builder); /* memory held, for limits */

int arrow_append_null(struct arrow_builder *builder); /* structs: also to all children */
int arrow_append_bool(struct arrow_builder *builder, int v);
/* Integers, dates, times, timestamps, durations; cut to the type's width without a check. */
int arrow_append_int(struct arrow_builder *builder, int64_t v);
int arrow_append_double(struct arrow_builder *builder, double v);               /* float32/64 */
int arrow_append_bytes(struct arrow_builder *builder, const void *p, size_t n); /* utf8, binary */
int arrow_append_fixed(struct arrow_builder *builder, const void *p);           /* width bytes: decimals, … */
int arrow_end_list(struct arrow_builder *builder);
int arrow_end_struct(struct arrow_builder *builder);
/* Drops everything after the first `length` values, children included: undo of a half-made row. */
void arrow_builder_truncate(struct arrow_builder *builder, int64_t length);
/* Hands the values over as an array (offset 0, exact null_count, 64-byte aligned buffers) and starts
 * anew. The array does not depend on the builder. */
int arrow_builder_finish(struct arrow_builder *builder, struct ArrowArray *ret);

void arrow_array_release(struct ArrowArray *array); /* fine on a released one */
/* Takes the arrays in `children` (moved, length `length` each) into one struct array. */
int arrow_array_struct(struct ArrowArray *ret, int64_t length, struct ArrowArray *children, int64_t n_children);

/* ---- reading ----------------------------------------------------------------------------- */

/* A view of one array for fast access; i counts from 0 within array->offset/length. */
struct arrow_view {
	struct arrow_type_info info;
	const struct ArrowSchema *schema;
	const struct ArrowArray *array;
	int64_t offset, length;
	const uint8_t *validity; /* NULL: no nulls */
	const void *data;        /* values; bool bitmap; bytes of variable types */
	const void *offsets;     /* int32 or int64 */
};

int arrow_view_init(struct arrow_view *view, const struct ArrowSchema *schema, const struct ArrowArray *array);
int arrow_view_child(const struct arrow_view *view, int64_t i, struct arrow_view *ret);

static inline int arrow_bit(const uint8_t *bits, int64_t i)
{
	return bits[i >> 3] >> (i & 7) & 1;
}

static inline int arrow_view_is_null(const struct arrow_view *view, int64_t i)
{
	return view->info.type == ARROW_NULL || (view->validity && !arrow_bit(view->validity, view->offset + i));
}

int64_t arrow_view_int(const struct arrow_view *view, int64_t i);   /* bool, ints, temporal */
double arrow_view_double(const struct arrow_view *view, int64_t i); /* float16/32/64, ints */
/* utf8, binary (large too), fixed binary, decimals. */
const void *arrow_view_bytes(const struct arrow_view *view, int64_t i, size_t *ret_len);
/* list, large list, fixed list, map: the items of i are [*ret_begin, *ret_end) of child 0. */
void arrow_view_list(const struct arrow_view *view, int64_t i, int64_t *ret_begin, int64_t *ret_end);

/* Checks an array against its schema as untrusted input: buffer counts, lengths, offsets in order
 * and in range, child lengths, and with `full` UTF-8 of every string. On -1 msg tells what is
 * wrong. The sizes of buffers themselves cannot be checked through this interface. */
int arrow_validate(const struct ArrowSchema *schema, const struct ArrowArray *array, int full, char *msg,
                   size_t msg_cap);

/* Is it well-formed UTF-8 (RFC 3629)? */
int arrow_utf8_valid(const void *text, size_t n);

/* ---- checksums --------------------------------------------------------------------------- */

/* CRC-32C (Castagnoli, RFC 3720 B.4), continuing from crc (0 to start). */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

#ifdef __cplusplus
}
#endif
#endif
