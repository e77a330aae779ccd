/* SPDX-License-Identifier: Apache-2.0 */
/* Smallest and largest values, in the order that Parquet's ColumnOrder TYPE_ORDER says, and as the
 * JSON statistics of a Delta file.
 *
 * Rules: a NaN spoils the bounds of its column; zero bounds are widened to -0 and +0; strings are
 * cut at BOUND_MAX bytes (32 characters in JSON), where a cut upper bound is raised, or dropped
 * when it cannot be. */
#include <math.h>
#include <stdarg.h>
#include <time.h>

#include "column.h"
#include "convert.h"

#define JSON_LEAVES 32 /* delta.dataSkippingNumIndexedCols */
#define JSON_CHARS 32
#define SIGN_BIT 0x80
#define HIGHEST "\xF4\x8F\xBF\xBF" /* U+10FFFF */
#define HIGHEST_LEAD 0xF4

/* ORDER_DECIMAL: 16 bytes, big-endian; kept with the sign bit turned, so that they order as bytes.
 */
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

/* ---- into JSON ------------------------------------------------------------------------------ */

static int put_text(struct bytes *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int put_text(struct bytes *out, const char *fmt, ...)
{
	char buf[128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	return bytes_put(out, buf, (size_t)n);
}

static int put_escaped(struct bytes *out, const uint8_t *p, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		if (p[i] == '"' || p[i] == '\\')
			r = put_text(out, "\\%c", p[i]);
		else if (p[i] < 0x20)
			r = put_text(out, "\\u%04x", p[i]);
		else
			r = bytes_put(out, &p[i], 1);
	}
	return r;
}

static int put_json_string(struct bytes *out, const uint8_t *p, size_t n, const char *suffix)
{
	return bytes_put(out, "\"", 1) || put_escaped(out, p, n) || bytes_put(out, suffix, strlen(suffix)) ||
	       bytes_put(out, "\"", 1);
}

/* Bytes of the character at p; 0: it is cut or no UTF-8. */
static size_t utf8_length(const uint8_t *p, size_t n)
{
	size_t len = *p < 0x80 ? 1 : *p < 0xC2 ? 0 : *p < 0xE0 ? 2 : *p < 0xF0 ? 3 : *p < 0xF5 ? 4 : 0;

	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	if ((*p == 0xE0 && p[1] < 0xA0) || (*p == 0xED && p[1] > 0x9F) || (*p == 0xF0 && p[1] < 0x90) ||
	    (*p == 0xF4 && p[1] > 0x8F))
		return 0;
	return len;
}

/* The bytes of at most JSON_CHARS whole characters. */
static size_t text_prefix(const struct bound *bound)
{
	size_t n = 0, step;

	for (int chars = 0; n < bound->len && chars < JSON_CHARS; chars++) {
		step = utf8_length(bound->b + n, bound->len - n);
		if (!step)
			break;
		n += step;
	}
	return n;
}

/* A cut minimum is a bound as it is. A cut maximum becomes one by the highest character of all,
 * unless what follows may be as high. */
static int put_text_bound(struct bytes *out, const struct bound *bound, int is_max)
{
	size_t n = text_prefix(bound);
	int cut = bound->cut || n < bound->len;

	if (is_max && cut && (n == bound->len || bound->b[n] >= HIGHEST_LEAD))
		return 1;
	return put_json_string(out, bound->b, n, is_max && cut ? HIGHEST : "");
}

static int put_decimal(struct bytes *out, const struct node *node, const struct bound *bound)
{
	char digits[48], *at = digits + sizeof(digits);
	__int128 v = bound->i;
	unsigned __int128 left;
	int negative, n = 0;

	if (node->physical == PQ_FIXED) {
		int top = bound->b[0] ^ SIGN_BIT;

		v = top & SIGN_BIT ? top - 256 : top;
		for (int i = 1; i < 16; i++)
			v = (__int128)((unsigned __int128)v << 8 | bound->b[i]);
	}
	negative = v < 0;
	left = negative ? -(unsigned __int128)v : (unsigned __int128)v;
	do {
		if (n == node->scale && n)
			*--at = '.';
		*--at = (char)('0' + (int)(left % 10));
		left /= 10;
		n++;
	} while (left || n <= node->scale);
	if (negative)
		*--at = '-';
	return bytes_put(out, at, (size_t)(digits + sizeof(digits) - at));
}

static int put_time(struct bytes *out, int64_t us, int utc)
{
	int64_t s = us >= 0 ? us / 1000000 : -((-us + 999999) / 1000000), ms = (us - s * 1000000) / 1000;
	time_t t = (time_t)s;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || tm.tm_year < -1899 || tm.tm_year > 8099)
		return 1;
	return put_text(out, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03d%s\"", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
	                tm.tm_hour, tm.tm_min, tm.tm_sec, (int)ms, utc ? "Z" : "");
}

static int put_timestamp(struct bytes *out, const struct node *node, int64_t v, int is_max)
{
	int64_t us = v;

	if (node->info.unit == ARROW_SECOND || node->info.unit == ARROW_MILLI) {
		if (__builtin_mul_overflow(v, 1000, &us))
			return 1;
	} else if (node->info.unit == ARROW_NANO) {
		us = v / 1000 - (v % 1000 < 0);
	}
	/* Milliseconds are all there is: an upper bound must stay one. */
	if (is_max && (us % 1000 || node->info.unit == ARROW_NANO))
		us += 1000;
	return put_time(out, us, *node->info.timezone != '\0');
}

static int put_date(struct bytes *out, int64_t days)
{
	time_t t = (time_t)(days * 86400);
	struct tm tm;

	if (days < -700000 || days > 2900000 || !gmtime_r(&t, &tm))
		return 1;
	return put_text(out, "\"%04d-%02d-%02d\"", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

/* 0 put, 1 there is none, -1 memory (as 1: the caller checks the length). */
static int put_json_bound(struct bytes *out, const struct node *node, const struct bound *bound, int is_max)
{
	switch (node->info.type) {
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
		return put_text_bound(out, bound, is_max);
	case ARROW_DECIMAL128:
		return put_decimal(out, node, bound);
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		return isfinite(bound->d) ? put_text(out, "%.17g", bound->d) : 1;
	case ARROW_DATE32:
	case ARROW_DATE64:
		return put_date(out, bound->i);
	case ARROW_TIMESTAMP:
		return put_timestamp(out, node, bound->i, is_max);
	case ARROW_INT8:
	case ARROW_INT16:
	case ARROW_INT32:
	case ARROW_INT64:
	case ARROW_UINT8:
	case ARROW_UINT16:
	case ARROW_UINT32:
		return put_text(out, "%lld", (long long)bound->i);
	default:
		return 1;
	}
}

enum part { PART_MIN, PART_MAX, PART_NULLS };

static int put_leaf(struct bytes *out, const struct column *c, enum part part)
{
	const struct bounds *b = &c->file;

	if (part == PART_NULLS)
		return put_text(out, "%lld", (long long)b->nulls);
	if (!b->any || b->nan)
		return 1;
	return put_json_bound(out, c->node, part == PART_MIN ? &b->min : &b->max, part == PART_MAX);
}

/* The members of a struct that have something to say; nothing is put for an empty one below the
 * root. */
static int put_struct(struct bytes *out, const struct node *node, const struct column *columns, enum part part)
{
	size_t start = out->len, members = 0;

	bytes_put(out, "{", 1);
	for (int i = 0; i < node->n_children; i++) {
		const struct node *child = node->children[i];
		size_t before = out->len;
		int r = 1;

		if (members)
			bytes_put(out, ",", 1);
		put_json_string(out, (const uint8_t *)child->name, strlen(child->name), "");
		bytes_put(out, ":", 1);
		if (child->kind == NODE_LEAF && child->leaf < JSON_LEAVES)
			r = put_leaf(out, &columns[child->leaf], part);
		else if (child->kind == NODE_STRUCT)
			r = put_struct(out, child, columns, part);
		if (r)
			out->len = before;
		else
			members++;
	}
	if (!members && node->parent) {
		out->len = start;
		return 1;
	}
	bytes_put(out, "}", 1);
	return 0;
}

int bounds_json(const struct tree *tree, const struct column *columns, uint64_t rows, struct bytes *out)
{
	static const struct {
		const char *name;
		enum part part;
	} parts[] = {{",\"minValues\":", PART_MIN}, {",\"maxValues\":", PART_MAX}, {",\"nullCount\":", PART_NULLS}};
	int r = put_text(out, "{\"numRecords\":%llu", (unsigned long long)rows);

	for (int i = 0; i < 3 && !r; i++) {
		r = bytes_put(out, parts[i].name, strlen(parts[i].name));
		if (!r)
			r = put_struct(out, &tree->root, columns, parts[i].part);
	}
	return r || bytes_put(out, "}", 1);
}
