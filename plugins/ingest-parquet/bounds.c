/* SPDX-License-Identifier: Apache-2.0 */
/* Smallest and largest values, in the order that Parquet's ColumnOrder TYPE_ORDER says, and as the footer has them.
 * What becomes of them in the log of a table is in statistics.c.
 *
 * Rules: a NaN spoils the bounds of its column; zero bounds are widened to -0 and +0; strings are cut at BOUND_MAX
 * bytes, where a cut upper bound is raised, or dropped when it cannot be. */
#include <math.h>

#include "column.h"
#include "convert.h"

/* ORDER_DECIMAL: 16 bytes, big-endian; kept with the sign bit turned, so that they order as bytes. */
enum order { ORDER_SIGNED, ORDER_UNSIGNED, ORDER_FLOAT, ORDER_BYTES, ORDER_DECIMAL, ORDER_NONE };

static enum order order_of(const struct node *node)
{
	switch (node->info.type) {
	case ARROW_FLOAT16:
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		return ORDER_FLOAT;
	case ARROW_UINT8:
	case ARROW_UINT16:
	case ARROW_UINT32:
	case ARROW_UINT64:
		return ORDER_UNSIGNED;
	case ARROW_NULL:
		return ORDER_NONE;
	case ARROW_DECIMAL128:
		return node->physical == PQ_FIXED ? ORDER_DECIMAL : ORDER_SIGNED;
	default:
		return node->physical == PQ_BYTE_ARRAY || node->physical == PQ_FIXED ? ORDER_BYTES : ORDER_SIGNED;
	}
}

void bounds_reset(struct bounds *b)
{
	memset(b, 0, sizeof(*b));
}

/* The first 8 bytes as a number that orders like them; shorter values are padded with zeros. */
static uint64_t head_of(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n < 8 ? n : 8);
	return __builtin_bswap64(v);
}

static int compare_bytes(const struct bound *a, const uint8_t *p, size_t n)
{
	size_t len = a->len < n ? a->len : n;
	int r = memcmp(a->b, p, len);

	return r ? r : a->len < n ? -1 : a->len > n;
}

static void set_bytes(struct bound *b, const uint8_t *p, size_t n, int cut)
{
	b->len = (uint32_t)(n < BOUND_MAX ? n : BOUND_MAX);
	b->cut = cut || n > BOUND_MAX;
	memcpy(b->b, p, b->len);
	b->head = head_of(p, n);
}

static void add_bytes(struct bounds *b, const uint8_t *p, size_t n, int cut)
{
	if (!b->any || compare_bytes(&b->min, p, n) > 0)
		set_bytes(&b->min, p, n, cut);
	/* A cut maximum equals its value as far as it goes, and stays one that is cut. */
	if (!b->any || compare_bytes(&b->max, p, n < BOUND_MAX ? n : BOUND_MAX) < 0)
		set_bytes(&b->max, p, n, cut);
	else if (n > BOUND_MAX && !compare_bytes(&b->max, p, BOUND_MAX))
		b->max.cut = 1;
	b->any = 1;
}

void bounds_add_bytes(struct bounds *b, const uint8_t *p, size_t n)
{
	uint64_t head = head_of(p, n);

	if (!b->any || head <= b->min.head || head >= b->max.head)
		add_bytes(b, p, n, 0);
}

static void add_float(struct bounds *b, double v)
{
	if (isnan(v)) {
		b->nan = 1;
		return;
	}
	if (!b->any || v < b->min.d)
		b->min.d = v;
	if (!b->any || v > b->max.d)
		b->max.d = v;
	b->any = 1;
}

static void add_int(struct bounds *b, int64_t v, int is_unsigned)
{
	int less = is_unsigned ? (uint64_t)v < (uint64_t)b->min.i : v < b->min.i;
	int more = is_unsigned ? (uint64_t)v > (uint64_t)b->max.i : v > b->max.i;

	if (!b->any || less)
		b->min.i = v;
	if (!b->any || more)
		b->max.i = v;
	b->any = 1;
}

/* ---- many values at once -------------------------------------------------------------------- */

/* The extremes of n > 0 values of one C type, then one step of `add` for each. */
#define ADD_RANGE(type, add, ...)                                       \
	do {                                                            \
		type low, high, v;                                      \
                                                                        \
		memcpy(&low, p, sizeof(type));                          \
		high = low;                                             \
		for (size_t i = 1; i < n; i++) {                        \
			memcpy(&v, p + i * sizeof(type), sizeof(type)); \
			low = v < low ? v : low;                        \
			high = v > high ? v : high;                     \
		}                                                       \
		add(b, low, ##__VA_ARGS__);                             \
		add(b, high, ##__VA_ARGS__);                            \
	} while (0)

static void add_ints(struct bounds *b, const uint8_t *p, size_t n, size_t width)
{
	if (width == 1)
		ADD_RANGE(uint8_t, add_int, 0);
	else if (width == 4)
		ADD_RANGE(int32_t, add_int, 0);
	else
		ADD_RANGE(int64_t, add_int, 0);
}

static void add_unsigned64(struct bounds *b, uint64_t v)
{
	add_int(b, (int64_t)v, 1);
}

static void add_unsigned(struct bounds *b, const uint8_t *p, size_t n, size_t width)
{
	if (width == 4)
		ADD_RANGE(uint32_t, add_int, 1);
	else
		ADD_RANGE(uint64_t, add_unsigned64);
}

static void add_floats(struct bounds *b, const uint8_t *p, size_t n, size_t width)
{
	uint16_t half;
	float narrow;
	double wide;

	for (size_t i = 0; i < n; i++) {
		if (width == 2) {
			memcpy(&half, p + i * 2, 2);
			wide = half_to_double(half);
		} else if (width == 4) {
			memcpy(&narrow, p + i * 4, 4);
			wide = (double)narrow;
		} else {
			memcpy(&wide, p + i * 8, 8);
		}
		add_float(b, wide);
	}
}

static void add_decimals(struct bounds *b, const uint8_t *p, size_t n)
{
	uint8_t value[16];

	for (size_t i = 0; i < n; i++) {
		memcpy(value, p + i * 16, 16);
		value[0] ^= SIGN_BIT;
		bounds_add_bytes(b, value, 16);
	}
}

void bounds_add_fixed(struct bounds *b, const struct node *node, const uint8_t *p, size_t n)
{
	size_t width = plain_width(node);

	if (!n)
		return;
	switch (order_of(node)) {
	case ORDER_SIGNED:
		add_ints(b, p, n, width);
		break;
	case ORDER_UNSIGNED:
		add_unsigned(b, p, n, width);
		break;
	case ORDER_FLOAT:
		add_floats(b, p, n, width);
		break;
	case ORDER_DECIMAL:
		add_decimals(b, p, n);
		break;
	default:
		break;
	}
}

void bounds_merge(struct bounds *into, const struct bounds *from, const struct node *node)
{
	enum order order = order_of(node);

	into->nulls += from->nulls;
	into->nan |= from->nan;
	if (!from->any)
		return;
	if (order == ORDER_BYTES || order == ORDER_DECIMAL) {
		add_bytes(into, from->min.b, from->min.len, from->min.cut);
		add_bytes(into, from->max.b, from->max.len, from->max.cut);
		if (from->max.cut && !compare_bytes(&into->max, from->max.b, from->max.len))
			into->max.cut = 1;
	} else if (order == ORDER_FLOAT) {
		add_float(into, from->min.d);
		add_float(into, from->max.d);
	} else {
		add_int(into, from->min.i, order == ORDER_UNSIGNED);
		add_int(into, from->max.i, order == ORDER_UNSIGNED);
	}
}

int bounds_compare(const struct node *node, const struct bound *a, const struct bound *b)
{
	switch (order_of(node)) {
	case ORDER_BYTES:
	case ORDER_DECIMAL:
		return compare_bytes(a, b->b, b->len);
	case ORDER_FLOAT:
		return a->d < b->d ? -1 : a->d > b->d;
	case ORDER_UNSIGNED:
		return (uint64_t)a->i < (uint64_t)b->i ? -1 : (uint64_t)a->i > (uint64_t)b->i;
	default:
		return a->i < b->i ? -1 : a->i > b->i;
	}
}

/* ---- into the footer ------------------------------------------------------------------------ */

static size_t float_bytes(double d, size_t width, int is_max, uint8_t *ret)
{
	float narrow;
	uint16_t half;

	if (d == 0)
		d = is_max ? 0.0 : -0.0;
	narrow = (float)d;
	half = half_from_double(d);
	memcpy(ret, width == 2 ? (const void *)&half : width == 4 ? (const void *)&narrow : &d, width);
	return width;
}

/* The bound as it is written; the count of bytes. */
static size_t bound_bytes(const struct bound *bound, const struct node *node, int is_max, uint8_t ret[BOUND_MAX])
{
	switch (order_of(node)) {
	case ORDER_BYTES:
		memcpy(ret, bound->b, bound->len);
		return bound->len;
	case ORDER_DECIMAL:
		memcpy(ret, bound->b, 16);
		ret[0] ^= SIGN_BIT;
		return 16;
	case ORDER_FLOAT:
		return float_bytes(bound->d, plain_width(node), is_max, ret);
	default:
		memcpy(ret, &bound->i, 8);
		return plain_width(node);
	}
}

static void put_bound(struct thrift_writer *w, int id, const struct node *node, const struct bound *bound, int is_max)
{
	uint8_t bytes[BOUND_MAX];
	size_t n = bound_bytes(bound, node, is_max, bytes);

	thrift_put_binary(w, id, bytes, n);
}

void bounds_item(const struct bound *bound, const struct node *node, int is_max, struct thrift_writer *w)
{
	uint8_t bytes[BOUND_MAX];
	size_t n = bound_bytes(bound, node, is_max, bytes);

	thrift_item_binary(w, bytes, n);
}

/* The smallest bytes above all values that begin with the cut bound; 0 when there are none. */
static int raise_cut(const struct node *node, struct bound *bound)
{
	int text = node->info.type == ARROW_UTF8 || node->info.type == ARROW_LARGE_UTF8;

	while (bound->len && (text ? (bound->b[bound->len - 1] & 0x80) || bound->b[bound->len - 1] == 0x7F
	                           : bound->b[bound->len - 1] == 0xFF))
		bound->len--;
	if (!bound->len)
		return 0;
	bound->b[bound->len - 1]++;
	return 1;
}

static void trim_text(const struct node *node, struct bound *bound)
{
	if (node->info.type != ARROW_UTF8 && node->info.type != ARROW_LARGE_UTF8)
		return;
	while (bound->len && (bound->b[bound->len - 1] & 0xC0) == 0x80)
		bound->len--;
	if (bound->len && (bound->b[bound->len - 1] & 0xC0) == 0xC0)
		bound->len--;
}

/* 0: there are none; 1: only a minimum; 2: both. Readers expect the whole width of fixed ones. */
static int usable(const struct bounds *b, const struct node *node, struct bound *min, struct bound *max)
{
	*min = b->min;
	*max = b->max;
	if (!b->any || b->nan || (node->physical == PQ_FIXED && (min->cut || max->cut)))
		return 0;
	if (min->cut)
		trim_text(node, min);
	return !max->cut || raise_cut(node, max) ? 2 : 1;
}

int bounds_usable(const struct bounds *bounds, const struct node *node, struct bound *ret_min, struct bound *ret_max)
{
	return usable(bounds, node, ret_min, ret_max) == 2;
}

void bounds_write(const struct bounds *b, const struct node *node, struct thrift_writer *w, int id)
{
	struct bound min, max;
	int n = usable(b, node, &min, &max);

	thrift_put_struct(w, id);
	thrift_put_int(w, 3, THRIFT_I64, b->nulls);
	if (n > 1)
		put_bound(w, 5, node, &max, 1);
	if (n)
		put_bound(w, 6, node, &min, 0);
	if (n > 1)
		thrift_put_bool(w, 7, !max.cut);
	if (n)
		thrift_put_bool(w, 8, !min.cut);
	thrift_end(w);
}
