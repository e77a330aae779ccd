/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as numbers, and checking a segment that may be damaged. */
#include "segment.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#define SIGN (1ull << 63)

/* ---- keys ----------------------------------------------------------------------------------------------- */

int key_is_fixed(const struct arrow_type_info *info)
{
	switch (info->type) {
	case ARROW_BOOL:
	case ARROW_INT8:
	case ARROW_UINT8:
	case ARROW_INT16:
	case ARROW_UINT16:
	case ARROW_INT32:
	case ARROW_UINT32:
	case ARROW_INT64:
	case ARROW_UINT64:
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
	case ARROW_DATE32:
	case ARROW_TIME32:
	case ARROW_TIME64:
	case ARROW_TIMESTAMP:
		return 1;
	default:
		return 0;
	}
}

int key_is_bytes(const struct arrow_type_info *info)
{
	return info->type == ARROW_UTF8 || info->type == ARROW_BINARY || info->type == ARROW_LARGE_UTF8 ||
	       info->type == ARROW_LARGE_BINARY;
}

int key_fixed(const struct arrow_view *view, int64_t i, uint64_t *ret)
{
	double v;
	uint64_t bits;

	if (view->info.type == ARROW_UINT64) {
		*ret = (uint64_t)arrow_view_int(view, i);
		return 0;
	}
	if (view->info.type != ARROW_FLOAT32 && view->info.type != ARROW_FLOAT64) {
		*ret = (uint64_t)arrow_view_int(view, i) ^ SIGN;
		return 0;
	}
	v = arrow_view_double(view, i);
	if (isnan(v))
		return -1;
	if (v == 0)
		v = 0.0; /* -0 and +0 are one key */
	memcpy(&bits, &v, sizeof(bits));
	*ret = bits & SIGN ? ~bits : bits | SIGN;
	return 0;
}

/* ---- checking -------------------------------------------------------------------------------------------- */

static int section(const struct segment *s, uint64_t at, uint64_t n, uint64_t width)
{
	uint64_t len, end;

	return at % 8 || __builtin_mul_overflow(n, width, &len) || __builtin_add_overflow(at, len, &end) ||
	       end > s->size;
}

static uint32_t header_crc(const struct segment_header *head)
{
	return crc32c(0, head, offsetof(struct segment_header, crc));
}

orasi_status segment_check(struct segment *s, const uint8_t *data, uint64_t size, orasi_error *err)
{
	struct segment_header *h = &s->head;
	uint64_t n_keys;

	memset(s, 0, sizeof(*s));
	s->data = data;
	s->size = size;
	if (size < sizeof(*h))
		return orasi_fail(err, ORASI_E_CORRUPT, "the segment is cut");
	memcpy(h, data, sizeof(*h));
	if (memcmp(h->magic, SEGMENT_MAGIC, 8) || h->crc != header_crc(h))
		return orasi_fail(err, ORASI_E_CORRUPT, "the header of the segment is damaged");
	if (h->version != SEGMENT_VERSION)
		return orasi_fail(err, ORASI_E_UNSUPPORTED,
		                  "the segment has version %u, this plugin reads %d: rebuild the index", h->version,
		                  SEGMENT_VERSION);
	n_keys = h->entries + (h->kind == SEGMENT_BYTES);
	if ((h->kind != SEGMENT_FIXED && h->kind != SEGMENT_BYTES) || n_keys < h->entries ||
	    section(s, h->keys_at, n_keys, 8) || section(s, h->rows_at, h->entries, 8) ||
	    section(s, h->nulls_at, h->nulls, 8) || section(s, h->sums_at, h->sums_n, 4) ||
	    section(s, h->bytes_at, h->bytes_len, 1))
		return orasi_fail(err, ORASI_E_CORRUPT, "the sections of the segment lie outside of it");
	s->keys = (const uint64_t *)(data + h->keys_at);
	s->rows = (const uint64_t *)(data + h->rows_at);
	s->nulls = (const uint64_t *)(data + h->nulls_at);
	s->sums = (const uint32_t *)(data + h->sums_at);
	s->bytes = data + h->bytes_at;
	return ORASI_OK;
}

static orasi_status check_sums(const struct segment *s, orasi_error *err)
{
	int64_t bad = sealed_check(s->data, sizeof(s->head), s->head.sums_at, s->sums, s->head.sums_n);

	if (bad >= 0)
		return orasi_fail(err, ORASI_E_CORRUPT, "the checksum of byte %lld of the segment is wrong",
		                  (long long)bad);
	return ORASI_OK;
}

/* Do entries i - 1 and i follow each other? */
static int in_order(const struct segment *s, uint64_t i)
{
	const uint8_t *before, *here;
	size_t n, m;
	int r;

	if (s->head.kind == SEGMENT_FIXED) {
		r = s->keys[i - 1] < s->keys[i] ? -1 : s->keys[i - 1] > s->keys[i];
	} else {
		if (segment_bytes(s, i - 1, &before, &n) || segment_bytes(s, i, &here, &m))
			return 0;
		r = bytes_compare(before, n, here, m);
	}
	return r < 0 || (!r && s->rows[i - 1] < s->rows[i]);
}

static int entry_fine(const struct segment *s, uint64_t i)
{
	const uint8_t *p;
	size_t n;

	if (s->rows[i] >= s->head.rows || (s->head.kind == SEGMENT_BYTES && segment_bytes(s, i, &p, &n)))
		return 0;
	return !i || in_order(s, i);
}

orasi_status segment_verify(const struct segment *s, uint32_t level, orasi_error *err)
{
	orasi_status r = level > 0 ? check_sums(s, err) : ORASI_OK;

	for (uint64_t i = 0; !r && level > 1 && i < s->head.entries; i++)
		if (!entry_fine(s, i))
			r = orasi_fail(err, ORASI_E_CORRUPT, "entry %llu of the segment is out of order",
			               (unsigned long long)i);
	for (uint64_t i = 0; !r && level > 1 && i < s->head.nulls; i++)
		if (s->nulls[i] >= s->head.rows || (i && s->nulls[i - 1] >= s->nulls[i]))
			r = orasi_fail(err, ORASI_E_CORRUPT, "null %llu of the segment is out of order",
			               (unsigned long long)i);
	return r;
}
