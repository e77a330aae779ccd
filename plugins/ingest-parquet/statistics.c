/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON statistics of a Delta file: the bounds of its first columns as people and other engines read them.
 *
 * Rules: those of bounds.c; and strings are cut at 32 characters, times at milliseconds, and an upper bound that was
 * cut is raised, or left out when it cannot be. */
#include <math.h>
#include <stdarg.h>
#include <time.h>

#include "column.h"

#define JSON_LEAVES 32 /* delta.dataSkippingNumIndexedCols */
#define JSON_CHARS 32
#define HIGHEST "\xF4\x8F\xBF\xBF" /* U+10FFFF */
#define HIGHEST_LEAD 0xF4

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
