/* SPDX-License-Identifier: Apache-2.0 */
/* A segment of the index, one blob "run", little-endian, never changed once it is written:
 *
 *   header   128 bytes: magic, version, kind, counts, where the sections are, checksum of the header
 *   keys     fixed-width kinds: u64 per entry, order-preserving, ascending
 *            byte kinds: u64 offset per entry and one behind the last, then the bytes
 *   rows     u64 row id per entry; ascending within equal keys
 *   nulls    u64 row ids, ascending
 *   sums     CRC-32C of each 64 KiB of all between header and here
 *
 * A search is a binary search over the mapped keys, so it touches a page per step and the segment is never read as a
 * whole. NaN counts as null, as it does in SQL here. */
#ifndef BTREE_SEGMENT_H
#define BTREE_SEGMENT_H

#include <orasi/plugin.h>
#include <orasi/sdk/arrow.h>
#include <orasi/sdk/sealed.h>

#define SEGMENT_BLOB "run"
#define SEGMENT_MAGIC "ORBTREE1"
#define SEGMENT_VERSION 1

enum segment_kind { SEGMENT_FIXED = 1, SEGMENT_BYTES = 2 };

struct segment_header {
	char magic[8];
	uint32_t version, kind;
	uint64_t rows, entries, nulls, distinct;
	uint64_t keys_at, bytes_at, bytes_len, rows_at, nulls_at, sums_at, sums_n;
	char format[16]; /* Arrow's, of the keys */
	uint32_t reserved, crc;
};

/* An opened segment; pointers into the mapped blob, all checked against its size. */
struct segment {
	struct segment_header head;
	const uint8_t *data;
	uint64_t size;
	const uint64_t *keys, *rows, *nulls;
	const uint32_t *sums;
	const uint8_t *bytes;
};

orasi_status segment_check(struct segment *segment, const uint8_t *data, uint64_t size, orasi_error *err);
orasi_status segment_verify(const struct segment *segment, uint32_t level, orasi_error *err);

/* Value i of a column as an order-preserving number; -1: it is NaN. */
int key_fixed(const struct arrow_view *view, int64_t i, uint64_t *ret);
int key_is_fixed(const struct arrow_type_info *info);
int key_is_bytes(const struct arrow_type_info *info);

/* The bytes of entry i; -1: its offsets are damaged, and it counts as empty. */
static inline int segment_bytes(const struct segment *s, uint64_t i, const uint8_t **ret, size_t *ret_n)
{
	uint64_t begin = s->keys[i], end = s->keys[i + 1];
	int damaged = begin > end || end > s->head.bytes_len;

	*ret = s->bytes + (damaged ? 0 : begin);
	*ret_n = damaged ? 0 : (size_t)(end - begin);
	return damaged ? -1 : 0;
}

/* memcmp, and the shorter first. */
static inline int bytes_compare(const void *a, size_t n, const void *b, size_t m)
{
	size_t least = n < m ? n : m;
	int r = least ? __builtin_memcmp(a, b, least) : 0;

	return r ? r : n < m ? -1 : n > m;
}

struct build;
orasi_status build_begin(void *self, orasi_store *dst, void **ret, orasi_error *err);
orasi_status build_add(void *build, const struct ArrowArray *keys, uint64_t first_row, orasi_error *err);
orasi_status build_finish(void *build, orasi_segment_info *ret, orasi_error *err);
void build_abort(void *build);

/* What create made. */
struct index {
	const orasi_host_job *job;
	struct ArrowSchema keys;
	struct arrow_type_info info;
	char format[16];
	uint64_t memory;
};

orasi_status reader_query(void *reader, const orasi_query *query, void **ret_cursor, orasi_error *err);
orasi_status reader_estimate(void *reader, const orasi_query *query, uint64_t *ret, orasi_error *err);
orasi_status cursor_next(void *cursor, orasi_hits *hits, orasi_error *err);
void cursor_close(void *cursor);

struct reader {
	struct segment segment;
	struct arrow_type_info info; /* of the column */
	orasi_store *store;
	uint64_t handle;
};

#endif
