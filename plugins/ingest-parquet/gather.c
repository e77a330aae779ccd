/* SPDX-License-Identifier: Apache-2.0 */
/* One loop per pair of Arrow and Parquet types; what is the same on both sides is copied. */
#include "gather.h"

#define MS_PER_DAY 86400000

size_t plain_width(const struct node *node)
{
	switch (node->physical) {
	case PQ_BOOLEAN:
		return 1;
	case PQ_INT32:
	case PQ_FLOAT:
		return 4;
	case PQ_INT64:
	case PQ_DOUBLE:
		return 8;
	case PQ_INT96:
		return 12;
	case PQ_FIXED:
		return (size_t)node->type_length;
	default:
		return 0;
	}
}

void strings_open(struct strings *ret, const struct arrow_view *leaf)
{
	memset(ret, 0, sizeof(*ret));
	ret->data = leaf->data ? leaf->data : (const uint8_t *)"";
	switch (leaf->info.type) {
	case ARROW_UTF8:
	case ARROW_BINARY:
		ret->narrow = leaf->offsets;
		break;
	case ARROW_LARGE_UTF8:
	case ARROW_LARGE_BINARY:
		ret->wide = leaf->offsets;
		break;
	default:
		ret->width = arrow_type_width(&leaf->info);
	}
}

/* Parquet has no times in seconds; they become milliseconds. */
static int in_seconds(const struct node *node)
{
	return node->info.unit == ARROW_SECOND &&
	       (node->info.type == ARROW_TIMESTAMP || node->info.type == ARROW_TIME32);
}

#define GATHER(from, to)                                          \
	for (size_t i = 0; i < n; i++) {                          \
		to value = (to)((const from *)data)[at[i]];       \
                                                                  \
		memcpy(ret + i * sizeof(to), &value, sizeof(to)); \
	}                                                         \
	return 0

static int gather_seconds32(const int32_t *data, const int64_t *at, size_t n, uint8_t *ret)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++) {
		int32_t ms;

		bad |= __builtin_mul_overflow(data[at[i]], 1000, &ms);
		memcpy(ret + i * 4, &ms, 4);
	}
	return -bad;
}

static int gather_seconds64(const int64_t *data, const int64_t *at, size_t n, uint8_t *ret)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++) {
		int64_t ms;

		bad |= __builtin_mul_overflow(data[at[i]], 1000, &ms);
		memcpy(ret + i * 8, &ms, 8);
	}
	return -bad;
}

static int gather_days(const int64_t *data, const int64_t *at, size_t n, uint8_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		int64_t ms = data[at[i]];
		int32_t days = (int32_t)(ms / MS_PER_DAY - (ms % MS_PER_DAY < 0));

		memcpy(ret + i * 4, &days, 4);
	}
	return 0;
}

static int gather_bits(const uint8_t *data, const int64_t *at, size_t n, uint8_t *ret)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)arrow_bit(data, at[i]);
	return 0;
}

/* Decimals come as 16 bytes, little-endian; `keep` of them are enough, or all in big-endian. */
static int gather_decimals(const uint8_t *data, const int64_t *at, size_t n, size_t keep, uint8_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t *from = data + at[i] * 16;

		if (keep < 16)
			memcpy(ret + i * keep, from, keep);
		else
			for (size_t k = 0; k < 16; k++)
				ret[i * 16 + k] = from[15 - k];
	}
	return 0;
}

static int convert(const struct node *node, const void *data, const int64_t *at, size_t n, uint8_t *ret)
{
	int seconds = in_seconds(node);

	switch (node->info.type) {
	case ARROW_BOOL:
		return gather_bits(data, at, n, ret);
	case ARROW_INT8:
		GATHER(int8_t, int32_t);
	case ARROW_UINT8:
		GATHER(uint8_t, int32_t);
	case ARROW_INT16:
		GATHER(int16_t, int32_t);
	case ARROW_UINT16:
		GATHER(uint16_t, int32_t);
	case ARROW_FLOAT16:
		GATHER(uint16_t, uint16_t);
	case ARROW_INT32:
	case ARROW_UINT32:
	case ARROW_FLOAT32:
	case ARROW_DATE32:
		GATHER(uint32_t, uint32_t);
	case ARROW_TIME32:
		if (seconds)
			return gather_seconds32(data, at, n, ret);
		GATHER(uint32_t, uint32_t);
	case ARROW_DATE64:
		return gather_days(data, at, n, ret);
	case ARROW_DECIMAL128:
		return gather_decimals(data, at, n, plain_width(node), ret);
	case ARROW_TIMESTAMP:
		if (seconds)
			return gather_seconds64(data, at, n, ret);
		GATHER(uint64_t, uint64_t);
	default:
		GATHER(uint64_t, uint64_t);
	}
}

static int is_same(const struct node *node)
{
	return node->info.type != ARROW_DECIMAL128 && node->info.type != ARROW_BOOL && !in_seconds(node) &&
	       plain_width(node) == arrow_type_width(&node->info);
}

int gather_fixed(const struct shred *s, const struct node *node, size_t first, size_t n, uint8_t *ret)
{
	int64_t at[GATHER_MAX], base = s->leaf.offset + (s->dense ? s->first + (int64_t)first : 0);
	size_t width = plain_width(node);

	if (node->info.type == ARROW_NULL || !n)
		return 0;
	if (s->dense && is_same(node)) {
		memcpy(ret, (const uint8_t *)s->leaf.data + (size_t)base * width, n * width);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		at[i] = base + (s->dense ? (int64_t)i : s->index[first + i]);
	return convert(node, s->leaf.data, at, n, ret);
}
