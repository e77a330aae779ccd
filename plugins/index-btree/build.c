/* SPDX-License-Identifier: Apache-2.0 */
/* Building: entries are collected, sorted once, and written section by section with running checksums. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#include "segment.h"

struct entry {
	uint64_t key; /* fixed: the key; bytes: where it begins in `bytes` */
	uint64_t row;
	uint32_t len;
};

struct build {
	const struct index *index;
	struct sealed out;
	struct entry *entries;
	uint64_t n, cap;
	uint64_t *nulls, n_nulls, cap_nulls;
	uint8_t *bytes;
	uint64_t bytes_len, bytes_cap;
	uint64_t rows;
	int is_bytes;
};

static int grow(void **p, uint64_t *cap, uint64_t need, size_t width)
{
	uint64_t n = *cap ? *cap : 1024;
	void *data;

	if (need <= *cap)
		return 0;
	while (n < need)
		n *= 2;
	data = realloc(*p, n * width);
	if (!data)
		return -1;
	*p = data;
	*cap = n;
	return 0;
}

void build_abort(void *self)
{
	struct build *b = self;

	if (!b)
		return;
	sealed_abort(&b->out);
	free(b->entries);
	free(b->nulls);
	free(b->bytes);
	free(b);
}

orasi_status build_begin(void *self, orasi_store *dst, void **ret, orasi_error *err)
{
	struct build *b = calloc(1, sizeof(*b));
	orasi_status r;

	if (!b)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	b->index = self;
	b->is_bytes = key_is_bytes(&b->index->info);
	r = sealed_create(&b->out, dst, SEGMENT_BLOB, sizeof(struct segment_header), err);
	if (r) {
		build_abort(b);
		return r;
	}
	*ret = b;
	return ORASI_OK;
}

static int add_null(struct build *b, uint64_t row)
{
	if (grow((void **)&b->nulls, &b->cap_nulls, b->n_nulls + 1, sizeof(*b->nulls)))
		return -1;
	b->nulls[b->n_nulls++] = row;
	return 0;
}

static int add_entry(struct build *b, const struct arrow_view *view, int64_t i, uint64_t row)
{
	struct entry *e;
	const void *p;
	size_t n;

	if (grow((void **)&b->entries, &b->cap, b->n + 1, sizeof(*b->entries)))
		return -1;
	e = &b->entries[b->n];
	e->row = row;
	if (!b->is_bytes) {
		if (key_fixed(view, i, &e->key))
			return add_null(b, row);
		b->n++;
		return 0;
	}
	p = arrow_view_bytes(view, i, &n);
	if (grow((void **)&b->bytes, &b->bytes_cap, b->bytes_len + n + 1, 1))
		return -1;
	if (n)
		memcpy(b->bytes + b->bytes_len, p, n);
	e->key = b->bytes_len;
	e->len = (uint32_t)n;
	b->bytes_len += n;
	b->n++;
	return 0;
}

orasi_status build_add(void *self, const struct ArrowArray *keys, uint64_t first_row, orasi_error *err)
{
	struct build *b = self;
	struct arrow_view root, view;

	if (arrow_view_init(&root, &b->index->keys, keys) || arrow_view_child(&root, 0, &view))
		return orasi_fail(err, ORASI_E_INVALID, "the keys are not what create was told");
	for (int64_t i = 0; i < keys->length; i++) {
		uint64_t row = first_row + (uint64_t)i;

		if (arrow_view_is_null(&view, i) ? add_null(b, row) : add_entry(b, &view, i, row))
			return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	}
	b->rows = first_row + (uint64_t)keys->length;
	if (b->n * sizeof(struct entry) + b->bytes_len > b->index->memory)
		return orasi_fail(err, ORASI_E_QUOTA,
		                  "the index needs more than its %llu bytes of memory: raise the option 'memory'",
		                  (unsigned long long)b->index->memory);
	if (b->index->job && *b->index->job->cancel_flag)
		return orasi_fail(err, ORASI_E_CANCELLED, "cancelled");
	return ORASI_OK;
}

/* ---- sorting -------------------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static int by_bytes(const void *a, const void *b, void *ctx)
{
	const struct entry *x = a, *y = b;
	const uint8_t *bytes = ctx;
	int r = bytes_compare(bytes + x->key, x->len, bytes + y->key, y->len);

	return r ? r : x->row < y->row ? -1 : x->row > y->row;
}

static void sort(struct build *b)
{
	if (b->n && b->is_bytes)
		qsort_r(b->entries, b->n, sizeof(*b->entries), by_bytes, b->bytes);
	else if (b->n)
		qsort(b->entries, b->n, sizeof(*b->entries), by_number);
}

static uint64_t count_distinct(const struct build *b)
{
	uint64_t n = b->n ? 1 : 0;

	for (uint64_t i = 1; i < b->n; i++) {
		const struct entry *x = &b->entries[i - 1], *y = &b->entries[i];

		n += b->is_bytes ? x->len != y->len || memcmp(b->bytes + x->key, b->bytes + y->key, x->len)
		                 : x->key != y->key;
	}
	return n;
}

/* ---- writing -------------------------------------------------------------------------------------------- */

#define BLOCK 4096

/* One u64 of each entry, chosen by `what`, in blocks. */
static orasi_status put_numbers(struct build *b, uint64_t (*what)(const struct build *b, uint64_t i), uint64_t n,
                                orasi_error *err)
{
	uint64_t block[BLOCK];
	orasi_status r = ORASI_OK;

	for (uint64_t i = 0; i < n && !r; i += BLOCK) {
		uint64_t take = n - i < BLOCK ? n - i : BLOCK;

		for (uint64_t k = 0; k < take; k++)
			block[k] = what(b, i + k);
		r = sealed_put(&b->out, block, take * 8, err);
	}
	return r;
}

static uint64_t key_of(const struct build *b, uint64_t i)
{
	return b->entries[i].key;
}

static uint64_t row_of(const struct build *b, uint64_t i)
{
	return b->entries[i].row;
}

static uint64_t null_of(const struct build *b, uint64_t i)
{
	return b->nulls[i];
}

static orasi_status put_bytes(struct build *b, struct segment_header *h, orasi_error *err)
{
	uint64_t end = 0;
	orasi_status r = ORASI_OK;

	for (uint64_t i = 0; i <= b->n && !r; i++) {
		r = sealed_put(&b->out, &end, 8, err);
		end += i < b->n ? b->entries[i].len : 0;
	}
	h->bytes_at = b->out.at;
	h->bytes_len = end;
	for (uint64_t i = 0; i < b->n && !r; i++)
		r = sealed_put(&b->out, b->bytes + b->entries[i].key, b->entries[i].len, err);
	return r ? r : sealed_align(&b->out, err);
}

static orasi_status put_sections(struct build *b, struct segment_header *h, orasi_error *err)
{
	orasi_status r;

	h->keys_at = h->bytes_at = b->out.at;
	r = b->is_bytes ? put_bytes(b, h, err) : put_numbers(b, key_of, b->n, err);
	h->rows_at = b->out.at;
	if (!r)
		r = put_numbers(b, row_of, b->n, err);
	h->nulls_at = b->out.at;
	if (!r)
		r = put_numbers(b, null_of, b->n_nulls, err);
	if (!r)
		r = sealed_sums(&b->out, err);
	h->sums_at = b->out.at;
	h->sums_n = b->out.n_sums;
	return r;
}

orasi_status build_finish(void *self, orasi_segment_info *ret, orasi_error *err)
{
	struct build *b = self;
	struct segment_header h = {.version = SEGMENT_VERSION};
	orasi_status r;

	sort(b);
	memcpy(h.magic, SEGMENT_MAGIC, 8);
	memcpy(h.format, b->index->format, sizeof(h.format));
	h.kind = b->is_bytes ? SEGMENT_BYTES : SEGMENT_FIXED;
	h.rows = b->rows;
	h.entries = b->n;
	h.nulls = b->n_nulls;
	h.distinct = count_distinct(b);
	r = put_sections(b, &h, err);
	h.crc = crc32c(0, &h, offsetof(struct segment_header, crc));
	*ret = (orasi_segment_info){sizeof(*ret), SEGMENT_VERSION, b->rows, b->n, h.distinct, sealed_size(&b->out)};
	if (!r)
		r = sealed_close(&b->out, &h, err);
	build_abort(b);
	return r;
}
