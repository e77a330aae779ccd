/* SPDX-License-Identifier: Apache-2.0 */
/* Arrow array builders. A builder keeps, per column, a validity bitmap (made at the first null), an
 * offsets buffer for variable types and a data buffer; finish moves the buffers into an array. */
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#define ALIGN 64
#define BEFORE_MAX (4 << 20) /* bytes: one large value does not make the next array large */

struct store {
	uint8_t *data;
	size_t len, cap; /* bytes */
	size_t before;   /* what the array before needed, within reason: most are alike, and growing costs copies */
};

struct arrow_builder {
	struct arrow_type_info info;
	size_t width;
	int offset_width; /* 0, 4 or 8 */
	int64_t length, nulls;
	struct store validity, offsets, data;
	struct arrow_builder **children;
	int64_t n_children;
};

static int grow(struct store *store, size_t more)
{
	size_t need, cap = store->cap ? store->cap : 256;
	void *data;

	if (__builtin_add_overflow(store->len, more, &need) || need > SIZE_MAX / 4)
		return -1;
	if (!store->cap && store->before >= cap)
		cap = (store->before + store->before / 16 + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	while (cap < need)
		cap *= 2;
	if (posix_memalign(&data, ALIGN, cap))
		return -1;
	if (store->len)
		memcpy(data, store->data, store->len);
	free(store->data);
	store->data = data;
	store->cap = cap;
	return 0;
}

static inline int reserve(struct store *store, size_t more)
{
	return store->cap - store->len >= more ? 0 : grow(store, more);
}

static inline int put(struct store *store, const void *p, size_t n)
{
	if (reserve(store, n))
		return -1;
	if (n)
		memcpy(store->data + store->len, p, n);
	store->len += n;
	return 0;
}

static void put_bit(struct store *store, int64_t i, int v)
{
	uint8_t *byte = &store->data[i >> 3];

	*byte = (uint8_t)((*byte & ~(1u << (i & 7))) | (unsigned)!!v << (i & 7));
}

static int reserve_bit(struct store *store, int64_t i)
{
	size_t need = (size_t)(i >> 3) + 1;

	if (need > store->len) {
		if (reserve(store, need - store->len))
			return -1;
		memset(store->data + store->len, 0, need - store->len);
		store->len = need;
	}
	return 0;
}

static int offset_width_of(enum arrow_type type)
{
	switch (type) {
	case ARROW_UTF8:
	case ARROW_BINARY:
	case ARROW_LIST:
	case ARROW_MAP:
		return 4;
	case ARROW_LARGE_UTF8:
	case ARROW_LARGE_BINARY:
	case ARROW_LARGE_LIST:
		return 8;
	default:
		return 0;
	}
}

struct arrow_builder *arrow_builder_new(const struct ArrowSchema *schema)
{
	struct arrow_builder *b = calloc(1, sizeof(*b));

	if (!b || arrow_type_parse(schema->format, &b->info))
		goto fail;
	b->width = arrow_type_width(&b->info);
	b->offset_width = offset_width_of(b->info.type);
	b->info.timezone = "";
	if (schema->n_children) {
		b->children = calloc((size_t)schema->n_children, sizeof(*b->children));
		if (!b->children)
			goto fail;
	}
	for (; b->n_children < schema->n_children; b->n_children++) {
		b->children[b->n_children] = arrow_builder_new(schema->children[b->n_children]);
		if (!b->children[b->n_children])
			goto fail;
	}
	return b;
fail:
	arrow_builder_free(b);
	return NULL;
}

void arrow_builder_free(struct arrow_builder *b)
{
	if (!b)
		return;
	for (int64_t i = 0; i < b->n_children; i++)
		arrow_builder_free(b->children[i]);
	free(b->children);
	free(b->validity.data);
	free(b->offsets.data);
	free(b->data.data);
	free(b);
}

struct arrow_builder *arrow_builder_child(struct arrow_builder *b, int64_t i)
{
	return b->children[i];
}

int64_t arrow_builder_length(const struct arrow_builder *b)
{
	return b->length;
}

size_t arrow_builder_bytes(const struct arrow_builder *b)
{
	size_t n = b->validity.len + b->offsets.len + b->data.len;

	for (int64_t i = 0; i < b->n_children; i++)
		n += arrow_builder_bytes(b->children[i]);
	return n;
}

/* The end offset of value `length`, appended after a leading 0. */
static int put_offset(struct arrow_builder *b, int64_t end)
{
	int32_t narrow = (int32_t)end, zero32 = 0;
	int64_t zero64 = 0;

	if (b->offset_width == 4) {
		if (end > INT32_MAX)
			return -1;
		if (!b->offsets.len && put(&b->offsets, &zero32, 4))
			return -1;
		return put(&b->offsets, &narrow, 4);
	}
	if (!b->offsets.len && put(&b->offsets, &zero64, 8))
		return -1;
	return put(&b->offsets, &end, 8);
}

/* Marks value `length` and moves on. The bitmap appears with the first null. */
static int note(struct arrow_builder *b, int valid)
{
	if (!valid && !b->nulls) {
		int64_t old = b->length;

		if (reserve_bit(&b->validity, old))
			return -1;
		memset(b->validity.data, 0xFF, (size_t)(old >> 3));
		for (int64_t i = old & ~7LL; i < old; i++)
			put_bit(&b->validity, i, 1);
	}
	if (b->nulls || !valid) {
		if (reserve_bit(&b->validity, b->length))
			return -1;
		put_bit(&b->validity, b->length, valid);
	}
	b->nulls += !valid;
	b->length++;
	return 0;
}

static int64_t end_of_values(const struct arrow_builder *b)
{
	return b->info.type == ARROW_LIST || b->info.type == ARROW_LARGE_LIST || b->info.type == ARROW_MAP
	               ? b->children[0]->length
	               : (int64_t)b->data.len;
}

static int put_zero(struct arrow_builder *b)
{
	if (b->info.type == ARROW_BOOL)
		return reserve_bit(&b->data, b->length);
	if (b->width) {
		if (reserve(&b->data, b->width))
			return -1;
		memset(b->data.data + b->data.len, 0, b->width);
		b->data.len += b->width;
		return 0;
	}
	if (b->offset_width)
		return put_offset(b, end_of_values(b));
	if (b->info.type == ARROW_STRUCT)
		for (int64_t i = 0; i < b->n_children; i++)
			if (arrow_append_null(b->children[i]))
				return -1;
	if (b->info.type == ARROW_FIXED_LIST)
		for (int32_t i = 0; i < b->info.width; i++)
			if (arrow_append_null(b->children[0]))
				return -1;
	return 0;
}

int arrow_append_null(struct arrow_builder *b)
{
	if (b->info.type == ARROW_NULL) {
		b->length++;
		b->nulls++;
		return 0;
	}
	return put_zero(b) || note(b, 0) ? -1 : 0;
}

int arrow_append_bool(struct arrow_builder *b, int v)
{
	if (reserve_bit(&b->data, b->length))
		return -1;
	put_bit(&b->data, b->length, v);
	return note(b, 1);
}

int arrow_append_int(struct arrow_builder *b, int64_t v)
{
	return put(&b->data, &v, b->width) || note(b, 1) ? -1 : 0; /* little-endian: low bytes */
}

int arrow_append_double(struct arrow_builder *b, double v)
{
	float narrow = (float)v;
	int r = b->width == 4 ? put(&b->data, &narrow, 4) : put(&b->data, &v, 8);

	return r || note(b, 1) ? -1 : 0;
}

int arrow_append_bytes(struct arrow_builder *b, const void *p, size_t n)
{
	size_t old = b->data.len;

	if (put(&b->data, p, n))
		return -1;
	if (put_offset(b, (int64_t)b->data.len)) {
		b->data.len = old;
		return -1;
	}
	return note(b, 1);
}

int arrow_append_fixed(struct arrow_builder *b, const void *p)
{
	return put(&b->data, p, b->width) || note(b, 1) ? -1 : 0;
}

int arrow_end_list(struct arrow_builder *b)
{
	if (b->offset_width && put_offset(b, b->children[0]->length))
		return -1;
	return note(b, 1);
}

int arrow_end_struct(struct arrow_builder *b)
{
	return note(b, 1);
}

static int64_t offset_at(const struct arrow_builder *b, int64_t i)
{
	if (!b->offsets.len)
		return 0;
	return b->offset_width == 4 ? ((const int32_t *)b->offsets.data)[i] : ((const int64_t *)b->offsets.data)[i];
}

static void truncate_children(struct arrow_builder *b, int64_t length)
{
	int64_t n = length;

	if (b->offset_width)
		n = offset_at(b, length);
	else if (b->info.type == ARROW_FIXED_LIST)
		n = length * b->info.width;
	for (int64_t i = 0; i < b->n_children; i++)
		arrow_builder_truncate(b->children[i], n);
}

void arrow_builder_truncate(struct arrow_builder *b, int64_t length)
{
	if (b->n_children)
		truncate_children(b, length);
	if (length >= b->length)
		return;
	if (b->nulls && b->info.type == ARROW_NULL)
		b->nulls = length;
	else if (b->nulls)
		for (int64_t i = length; i < b->length; i++)
			b->nulls -= !arrow_bit(b->validity.data, i);
	if (!b->nulls)
		b->validity.len = 0;
	if (b->offset_width) {
		if (!b->n_children)
			b->data.len = (size_t)offset_at(b, length);
		if (b->offsets.len)
			b->offsets.len = (size_t)(length + 1) * (size_t)b->offset_width;
	} else if (b->width) {
		b->data.len = (size_t)length * b->width;
	}
	b->length = length;
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

static int array_make(struct ArrowArray *ret, int64_t length, int64_t n_buffers, int64_t n_children)
{
	memset(ret, 0, sizeof(*ret));
	ret->length = length;
	ret->release = array_free;
	ret->buffers = calloc((size_t)n_buffers + 1, sizeof(*ret->buffers));
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

/* Hands the memory over; up to the next 64 bytes it is defined. */
static const void *take(struct store *store)
{
	size_t rest = -store->len & (ALIGN - 1), room = store->cap - store->len;
	void *data = store->data;

	if (data)
		memset(store->data + store->len, 0, rest < room ? rest : room);
	*store = (struct store){.before = store->len < BEFORE_MAX ? store->len : BEFORE_MAX};
	return data;
}

static int64_t buffers_of(const struct arrow_builder *b)
{
	if (b->info.type == ARROW_NULL)
		return 0;
	if (b->info.type == ARROW_STRUCT || b->info.type == ARROW_FIXED_LIST)
		return 1;
	return b->offset_width && !b->n_children ? 3 : 2;
}

int arrow_builder_finish(struct arrow_builder *b, struct ArrowArray *ret)
{
	/* Consumers may not expect a NULL offsets or data buffer, so even an empty one gets memory. */
	if (b->offset_width && !b->offsets.len && put(&b->offsets, &(int64_t){0}, (size_t)b->offset_width))
		return -1;
	if (buffers_of(b) > 1 && !b->n_children && reserve(&b->data, 8))
		return -1;
	if (array_make(ret, b->length, buffers_of(b), b->n_children))
		return -1;
	for (int64_t i = 0; i < b->n_children; i++)
		if (arrow_builder_finish(b->children[i], ret->children[i])) {
			array_free(ret);
			return -1;
		}
	ret->null_count = b->nulls;
	if (ret->n_buffers) {
		if (b->nulls)
			ret->buffers[0] = take(&b->validity);
		if (b->offset_width)
			ret->buffers[1] = take(&b->offsets);
		if (!b->n_children)
			ret->buffers[ret->n_buffers - 1] = take(&b->data);
	}
	b->validity.len = 0;
	b->length = b->nulls = 0;
	return 0;
}

void arrow_array_release(struct ArrowArray *array)
{
	if (array->release)
		array->release(array);
}

int arrow_array_struct(struct ArrowArray *ret, int64_t length, struct ArrowArray *children, int64_t n_children)
{
	if (array_make(ret, length, 1, n_children))
		return -1;
	for (int64_t i = 0; i < n_children; i++) {
		*ret->children[i] = children[i];
		children[i].release = NULL;
	}
	return 0;
}
