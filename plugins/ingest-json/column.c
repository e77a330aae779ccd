/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts are those of https://arrow.apache.org/docs/format/Columnar.html. The validity bitmap
 * appears with the first null. Buffers grow by doubling and start with the size that the last batch
 * needed, so that a steady stream allocates each buffer once per batch. */
#include "column.h"

#include <stdio.h>
#include <stdlib.h>

#define ALIGN 64
#define KEY_LOAD 8 /* key_matches loads words: keys keep that many bytes of room */

/* ---- making ------------------------------------------------------------------------------- */

static bool type_is_ours(const struct ArrowSchema *schema, const struct arrow_type_info *info)
{
	switch (info->type) {
	case ARROW_STRUCT:
		return true;
	case ARROW_LIST:
	case ARROW_LARGE_LIST:
		return schema->n_children == 1;
	case ARROW_MAP:
		return schema->n_children == 1 && schema->children[0]->n_children == 2 &&
		       !strcmp(schema->children[0]->children[0]->format, "u");
	case ARROW_BOOL:
	case ARROW_INT8 ... ARROW_UINT64:
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
	case ARROW_DECIMAL128:
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
	case ARROW_BINARY:
	case ARROW_LARGE_BINARY:
	case ARROW_DATE32:
	case ARROW_TIMESTAMP:
		return !schema->dictionary;
	default:
		return false;
	}
}

static bool is_variable(enum arrow_type type)
{
	return type == ARROW_UTF8 || type == ARROW_LARGE_UTF8 || type == ARROW_BINARY || type == ARROW_LARGE_BINARY;
}

static bool is_wide(enum arrow_type type)
{
	return type == ARROW_LARGE_UTF8 || type == ARROW_LARGE_BINARY || type == ARROW_LARGE_LIST;
}

static uint64_t load(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static int make_key(struct column *c)
{
	size_t n = c->name_len + 2;

	for (size_t i = 0; i < c->name_len; i++)
		if ((uint8_t)c->name[i] < 0x20 || c->name[i] == '"' || c->name[i] == '\\')
			return 0;
	c->key = calloc(1, n + KEY_LOAD);
	if (!c->key)
		return -1;
	c->key[0] = c->key[n - 1] = '"';
	memcpy(c->key + 1, c->name, c->name_len);
	c->key_len = n;
	c->key_mask = n < 8 ? (1ULL << (8 * n)) - 1 : UINT64_MAX;
	c->key_head = load(c->key) & c->key_mask;
	c->key_tail = n > 8 ? load(c->key + n - 8) : 0;
	return 0;
}

static int make_children(struct column *c, const struct ArrowSchema **ret_bad)
{
	c->children = calloc((size_t)c->schema->n_children + 1, sizeof(*c->children));
	if (!c->children)
		return -1;
	for (uint32_t i = 0; i < c->schema->n_children; i++) {
		struct column *child = column_new(c->schema->children[i], ret_bad);

		if (!child)
			return -1;
		child->parent = c;
		child->next = i + 1;
		c->children[c->n_children++] = child;
		if (names_put(&c->names, child->name, child->name_len, i))
			return -1;
	}
	return 0;
}

struct column *column_new(const struct ArrowSchema *schema, const struct ArrowSchema **ret_bad)
{
	struct column *c = calloc(1, sizeof(*c));

	*ret_bad = NULL;
	if (!c)
		return NULL;
	if (arrow_type_parse(schema->format, &c->info) || !type_is_ours(schema, &c->info)) {
		*ret_bad = schema;
		goto fail;
	}
	c->schema = schema;
	c->width = arrow_type_width(&c->info);
	c->wide = is_wide(c->info.type);
	c->nullable = (schema->flags & ARROW_FLAG_NULLABLE) != 0;
	c->mode = column_mode_of(schema);
	c->name = schema->name ? schema->name : "";
	c->name_len = strlen(c->name);
	if (make_key(c) || make_children(c, ret_bad))
		goto fail;
	c->row_bytes = 1 + (c->width ? c->width : 8);
	for (uint32_t i = 0; c->info.type == ARROW_STRUCT && i < c->n_children; i++)
		c->row_bytes += c->children[i]->row_bytes;
	return c;
fail:
	column_free(c);
	return NULL;
}

void column_free(struct column *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->n_children; i++)
		column_free(c->children[i]);
	free(c->children);
	names_done(&c->names);
	free(c->key);
	free(c->data.p);
	free(c->offsets.p);
	free(c->validity.p);
	free(c);
}

size_t column_path(const struct column *c, char *ret, size_t cap)
{
	size_t n = 0;

	if (!c->parent) { /* the record itself */
		ret[0] = 0;
		return 0;
	}
	n = column_path(c->parent, ret, cap);
	n += (size_t)snprintf(ret + n, cap - n, "%s%s", n ? "." : "", c->name);
	return n < cap ? n : cap - 1;
}

struct column *column_child(const struct column *c, const void *name, size_t len)
{
	int64_t i = names_find(&c->names, name, len);

	return i < 0 ? NULL : c->children[i];
}

/* ---- appending ---------------------------------------------------------------------------- */

int run_grow(struct run *run, size_t more)
{
	size_t need, cap = run->cap ? run->cap * 2 : run->hint + ALIGN;
	void *p;

	if (__builtin_add_overflow(run->len, more, &need) || need > SIZE_MAX / 4)
		return -1;
	while (cap < need)
		cap *= 2;
	if (posix_memalign(&p, ALIGN, (cap + ALIGN - 1) & ~(size_t)(ALIGN - 1)))
		return -1;
	if (run->len)
		memcpy(p, run->p, run->len);
	free(run->p);
	run->p = p;
	run->cap = cap;
	return 0;
}

/* The end of the value that is being appended, behind a leading 0. */
static inline int put_offset(struct column *c, int64_t end)
{
	struct run *offsets = &c->offsets;

	if (run_reserve(offsets, 16))
		return -1;
	if (!offsets->len) {
		memset(offsets->p, 0, 8);
		offsets->len = c->wide ? 8 : 4;
	}
	if (!c->wide && end > INT32_MAX)
		return -1;
	memcpy(offsets->p + offsets->len, &end, 8); /* little-endian: 4 bytes of it may count */
	offsets->len += c->wide ? 8 : 4;
	return 0;
}

int column_first_null(struct column *c)
{
	size_t bytes = (size_t)(c->length + 7) / 8;

	c->validity.len = 0;
	if (run_reserve(&c->validity, bytes + 1))
		return -1;
	memset(c->validity.p, 0xFF, bytes);
	if (c->length & 7)
		c->validity.p[bytes - 1] = (uint8_t)((1u << (c->length & 7)) - 1);
	c->validity.len = bytes;
	return 0;
}

static int put_null_bit(struct column *c)
{
	if (!c->nulls && column_first_null(c))
		return -1;
	if (!(c->length & 7)) {
		if (run_reserve(&c->validity, 1))
			return -1;
		c->validity.p[c->validity.len++] = 0;
	}
	c->nulls++;
	c->length++;
	return 0;
}

static int put_zero(struct column *c)
{
	if (c->width) {
		if (run_reserve(&c->data, 16))
			return -1;
		memset(c->data.p + c->data.len, 0, 16); /* the widest there is */
		c->data.len += c->width;
		return 0;
	}
	switch (c->info.type) {
	case ARROW_STRUCT:
		for (uint32_t i = 0; i < c->n_children; i++)
			if (column_append_null(c->children[i]))
				return -1;
		return 0;
	case ARROW_BOOL:
		if (c->length & 7)
			return 0;
		if (run_reserve(&c->data, 1))
			return -1;
		c->data.p[c->data.len++] = 0;
		return 0;
	case ARROW_LIST:
	case ARROW_LARGE_LIST:
	case ARROW_MAP:
		return put_offset(c, c->children[0]->length);
	default:
		return put_offset(c, (int64_t)c->data.len);
	}
}

int column_append_null(struct column *c)
{
	return put_zero(c) || put_null_bit(c) ? -1 : 0;
}

int column_append_bool(struct column *c, bool v)
{
	if (put_zero(c))
		return -1;
	c->data.p[c->data.len - 1] |= (uint8_t)(v << (c->length & 7));
	return column_note(c);
}

int column_append_decimal(struct column *c, __int128 v)
{
	if (run_reserve(&c->data, sizeof(v)))
		return -1;
	memcpy(c->data.p + c->data.len, &v, sizeof(v));
	c->data.len += sizeof(v);
	return column_note(c);
}

int column_append_bytes(struct column *c, const void *p, size_t n)
{
	struct run *data = &c->data;

	if (run_reserve(data, n + 1))
		return -1;
	memcpy(data->p + data->len, p, n);
	data->len += n;
	return put_offset(c, (int64_t)data->len) || column_note(c) ? -1 : 0;
}

int column_end_list(struct column *c)
{
	return put_offset(c, c->children[0]->length) || column_note(c) ? -1 : 0;
}

/* ---- undoing ------------------------------------------------------------------------------ */

static int64_t offset_at(const struct column *c, int64_t i)
{
	int32_t narrow;
	int64_t v;

	if (!c->offsets.len)
		return 0;
	if (c->wide) {
		memcpy(&v, c->offsets.p + 8 * i, 8);
		return v;
	}
	memcpy(&narrow, c->offsets.p + 4 * i, 4);
	return narrow;
}

/* Back to `length` bits, the unused ones of the last byte cleared. */
static void truncate_bits(struct run *bits, int64_t length)
{
	bits->len = (size_t)(length + 7) / 8;
	if (length & 7)
		bits->p[bits->len - 1] &= (uint8_t)((1u << (length & 7)) - 1);
}

static void truncate_nulls(struct column *c, int64_t length)
{
	for (int64_t i = length; i < c->length; i++)
		c->nulls -= !arrow_bit(c->validity.p, i);
	if (c->nulls)
		truncate_bits(&c->validity, length);
	else
		c->validity.len = 0;
}

/* Children may stand longer than their parent says: a row that broke off inside. Data may stand
 * one value longer than `length` too, when memory ran out half-way. */
void column_truncate(struct column *c, int64_t length)
{
	int64_t inside = c->info.type == ARROW_STRUCT ? length : 0;

	if (c->info.type != ARROW_STRUCT && c->n_children)
		inside = offset_at(c, length);
	for (uint32_t i = 0; i < c->n_children; i++)
		column_truncate(c->children[i], inside);
	if (c->width)
		c->data.len = (size_t)length * c->width;
	else if (c->info.type == ARROW_BOOL && c->data.len)
		truncate_bits(&c->data, length);
	else if (!c->n_children && c->offsets.len)
		c->data.len = (size_t)offset_at(c, length);
	if (c->offsets.len)
		c->offsets.len = (size_t)(length + 1) * (c->wide ? 8 : 4);
	if (c->nulls)
		truncate_nulls(c, length);
	c->length = length;
}

/* ---- arrays ------------------------------------------------------------------------------- */

static void array_free(struct ArrowArray *array)
{
	for (int64_t i = 0; i < array->n_buffers; i++)
		free((void *)array->buffers[i]);
	for (int64_t i = 0; i < array->n_children; i++) {
		arrow_array_release(array->children[i]);
		free(array->children[i]);
	}
	free(array->buffers);
	free(array->children);
	memset(array, 0, sizeof(*array));
}

static int array_make(struct ArrowArray *ret, int64_t n_buffers, int64_t n_children)
{
	*ret = (struct ArrowArray){.release = array_free};
	ret->buffers = calloc((size_t)n_buffers, sizeof(*ret->buffers));
	ret->children = calloc((size_t)n_children + 1, sizeof(*ret->children));
	if (!ret->buffers || !ret->children)
		goto fail;
	ret->n_buffers = n_buffers;
	for (; ret->n_children < n_children; ret->n_children++) {
		ret->children[ret->n_children] = calloc(1, sizeof(**ret->children));
		if (!ret->children[ret->n_children])
			goto fail;
	}
	return 0;
fail:
	array_free(ret);
	return -1;
}

static const void *take(struct run *run)
{
	void *p = run->p;

	*run = (struct run){.hint = run->len + run->len / 16};
	return p;
}

static int64_t buffers_of(const struct column *c)
{
	if (c->info.type == ARROW_STRUCT)
		return 1;
	return is_variable(c->info.type) ? 3 : 2;
}

/* Consumers expect offsets and data to be there even when nothing is in them. */
static int make_present(struct column *c, int64_t n_buffers)
{
	if ((c->n_children || n_buffers == 3) && n_buffers > 1 && !c->offsets.len) {
		if (run_reserve(&c->offsets, 8))
			return -1;
		memset(c->offsets.p, 0, 8);
	}
	return n_buffers > 1 && !c->n_children ? run_reserve(&c->data, 1) : 0;
}

int column_finish(struct column *c, struct ArrowArray *ret)
{
	int64_t n = buffers_of(c), b = 1;

	if (make_present(c, n) || array_make(ret, n, c->n_children))
		return -1;
	for (uint32_t i = 0; i < c->n_children; i++)
		if (column_finish(c->children[i], ret->children[i])) {
			array_free(ret);
			return -1;
		}
	ret->length = c->length;
	ret->null_count = c->nulls;
	if (c->nulls)
		ret->buffers[0] = take(&c->validity);
	if (c->offsets.p)
		ret->buffers[b++] = take(&c->offsets);
	if (b < n)
		ret->buffers[b] = take(&c->data);
	c->validity.len = 0;
	c->length = c->nulls = 0;
	return 0;
}
