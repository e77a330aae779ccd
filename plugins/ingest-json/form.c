/* SPDX-License-Identifier: Apache-2.0 */
/* The form of each value in NDJSON:
 *
 *   integers, decimals      numbers with all their digits
 *   float, double           15 digits, or up to 17 if these do not read back the same; always with
 *                           a fraction or an exponent; NaN and infinities become null
 *   utf8                    strings; JSON text (arrow.json) as the value that it is
 *   binary                  strings in base64 (RFC 4648)
 *   date, timestamp, time   strings as in RFC 3339; a timestamp without zone has none
 *   duration                a number of its unit
 *   list, struct, map       arrays and objects; keys of maps are strings */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/number.h>
#include <orasi/sdk/stamp.h>

#include "encode.h"
#include "scan.h"
#include "text.h"

#define SCALAR_MAX 128 /* bytes of any number or time */

/* ---- buffer ------------------------------------------------------------------------------- */

/* Room for n more bytes, or NULL and failed. */
static uint8_t *room(struct encoder *e, size_t n)
{
	size_t need, cap = e->cap ? e->cap : 2 * FLUSH_AT;
	uint8_t *buf;

	if (e->cap - e->len >= n)
		return e->buf + e->len;
	if (__builtin_add_overflow(e->len, n, &need) || need > SIZE_MAX / 4) {
		e->failed = true;
		return NULL;
	}
	while (cap < need)
		cap *= 2;
	buf = realloc(e->buf, cap);
	if (!buf) {
		e->failed = true;
		return NULL;
	}
	e->buf = buf;
	e->cap = cap;
	return e->buf + e->len;
}

static void put(struct encoder *e, const void *p, size_t n)
{
	uint8_t *at = room(e, n);

	if (!at)
		return;
	memcpy(at, p, n);
	e->len += n;
}

static void put_char(struct encoder *e, char c)
{
	put(e, &c, 1);
}

static void put_string(struct encoder *e, const void *p, size_t n)
{
	uint8_t *at = room(e, 6 * n + 2);

	if (!at)
		return;
	*at = '"';
	n = text_escape(at + 1, p, n);
	at[n + 1] = '"';
	e->len += n + 2;
}

/* ---- scalars ------------------------------------------------------------------------------ */

static void put_double(struct encoder *e, double v, bool narrow)
{
	char text[SCALAR_MAX];
	size_t n;

	if (!isfinite(v)) {
		put(e, "null", 4);
		return;
	}
	n = number_format_double(text, v, narrow);
	if (!memchr(text, '.', n) && !memchr(text, 'e', n))
		n += (size_t)snprintf(text + n, 3, ".0");
	put(e, text, n);
}

static void put_float(struct encoder *e, const struct field *f, int64_t i)
{
	put_double(e, arrow_view_double(&f->view, i), f->view.info.type != ARROW_FLOAT64);
}

static void put_bool(struct encoder *e, const struct field *f, int64_t i)
{
	if (arrow_view_int(&f->view, i))
		put(e, "true", 4);
	else
		put(e, "false", 5);
}

static void put_int(struct encoder *e, const struct field *f, int64_t i)
{
	int64_t v = arrow_view_int(&f->view, i);
	char text[SCALAR_MAX];
	int n = f->view.info.type == ARROW_UINT64 ? snprintf(text, sizeof(text), "%llu", (unsigned long long)v)
	                                          : snprintf(text, sizeof(text), "%lld", (long long)v);

	put(e, text, (size_t)n);
}

static void put_decimal(struct encoder *e, const struct field *f, int64_t i)
{
	char text[NUMBER_DECIMAL_MAX];
	number_int128 v;
	size_t n;

	memcpy(&v, arrow_view_bytes(&f->view, i, &n), sizeof(v));
	n = number_format_decimal(text, v, f->view.info.scale, '.');
	put(e, text, n);
}

static void put_binary(struct encoder *e, const struct field *f, int64_t i)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n;
	const uint8_t *p = arrow_view_bytes(&f->view, i, &n);
	uint8_t *at = room(e, n / 3 * 4 + 6);

	if (!at)
		return;
	*at++ = '"';
	for (size_t k = 0; k < n; k += 3) {
		uint32_t v =
			(uint32_t)p[k] << 16 | (k + 1 < n ? (uint32_t)p[k + 1] << 8 : 0) | (k + 2 < n ? p[k + 2] : 0);

		*at++ = (uint8_t)alphabet[v >> 18];
		*at++ = (uint8_t)alphabet[v >> 12 & 63];
		*at++ = (uint8_t)(k + 1 < n ? alphabet[v >> 6 & 63] : '=');
		*at++ = (uint8_t)(k + 2 < n ? alphabet[v & 63] : '=');
	}
	*at++ = '"';
	e->len = (size_t)(at - e->buf);
}

static void put_time(struct encoder *e, const struct field *f, int64_t i)
{
	const struct arrow_view *view = &f->view;
	static const int64_t days_ms = 86400000;
	int64_t v = arrow_view_int(view, i);
	char text[STAMP_TEXT_MAX];
	size_t n, from = 0;

	switch (view->info.type) {
	case ARROW_DATE32:
		n = stamp_format_date(text, v);
		break;
	case ARROW_DATE64:
		n = stamp_format_date(text, v / days_ms - (v % days_ms < 0));
		break;
	case ARROW_TIMESTAMP:
		n = stamp_format(text, v, view->info.unit, *view->info.timezone ? "Z" : "");
		break;
	default: /* a time of day: what stands behind the T of 1970-01-01 */
		n = stamp_format(text, v, view->info.unit, "");
		from = 11;
	}
	put_char(e, '"');
	put(e, text + from, n - from);
	put_char(e, '"');
}

/* Text that says it is JSON goes out as such if it is; a line break in it is white space. */
static bool put_json(struct encoder *e, const uint8_t *p, size_t n)
{
	const uint8_t *end;
	struct flaw flaw;

	if (!n)
		return false;
	if (n + SCAN_PAD > e->scratch_cap) {
		uint8_t *scratch = realloc(e->scratch, 2 * n + SCAN_PAD);

		if (!scratch) {
			e->failed = true;
			return true;
		}
		e->scratch = scratch;
		e->scratch_cap = 2 * n + SCAN_PAD;
	}
	memcpy(e->scratch, p, n);
	memset(e->scratch + n, 0, SCAN_PAD);
	end = scan_value(scan_space(e->scratch), 0, SCAN_DEPTH_MAX, &flaw);
	if (!end || scan_space(end) != e->scratch + n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (e->scratch[i] == '\n' || e->scratch[i] == '\r')
			e->scratch[i] = ' ';
	put(e, e->scratch, n);
	return true;
}

static void put_text(struct encoder *e, const struct field *f, int64_t i)
{
	size_t n;
	const void *p = arrow_view_bytes(&f->view, i, &n);

	if (f->mode != COLUMN_JSON || !put_json(e, p, n))
		put_string(e, p, n);
}

/* ---- rows --------------------------------------------------------------------------------- */

static void put_value(struct encoder *e, const struct field *f, int64_t i);

static void put_struct(struct encoder *e, const struct field *f, int64_t i)
{
	put_char(e, '{');
	for (int64_t k = 0; k < f->n_children; k++) {
		if (k)
			put_char(e, ',');
		put(e, f->children[k].key, f->children[k].key_len);
		put_value(e, &f->children[k], i);
	}
	put_char(e, '}');
}

static void put_list(struct encoder *e, const struct field *f, int64_t i)
{
	int64_t begin, end;

	arrow_view_list(&f->view, i, &begin, &end);
	put_char(e, '[');
	for (int64_t k = begin; k < end; k++) {
		if (k > begin)
			put_char(e, ',');
		put_value(e, f->children, k);
	}
	put_char(e, ']');
}

static void put_map(struct encoder *e, const struct field *f, int64_t i)
{
	const struct field *entries = f->children;
	int64_t begin, end;

	arrow_view_list(&f->view, i, &begin, &end);
	put_char(e, '{');
	for (int64_t k = begin; k < end; k++) {
		if (k > begin)
			put_char(e, ',');
		put_value(e, &entries->children[0], k);
		put_char(e, ':');
		put_value(e, &entries->children[1], k);
	}
	put_char(e, '}');
}

typedef void put_fn(struct encoder *e, const struct field *f, int64_t i);

/* By Arrow type; put_int for those that are not here. */
static put_fn *const put_by_type[] = {
	[ARROW_BOOL] = put_bool,           [ARROW_FLOAT16] = put_float,
	[ARROW_FLOAT32] = put_float,       [ARROW_FLOAT64] = put_float,
	[ARROW_DECIMAL128] = put_decimal,  [ARROW_UTF8] = put_text,
	[ARROW_LARGE_UTF8] = put_text,     [ARROW_BINARY] = put_binary,
	[ARROW_LARGE_BINARY] = put_binary, [ARROW_FIXED_BINARY] = put_binary,
	[ARROW_DATE32] = put_time,         [ARROW_DATE64] = put_time,
	[ARROW_TIME32] = put_time,         [ARROW_TIME64] = put_time,
	[ARROW_TIMESTAMP] = put_time,      [ARROW_LIST] = put_list,
	[ARROW_LARGE_LIST] = put_list,     [ARROW_FIXED_LIST] = put_list,
	[ARROW_STRUCT] = put_struct,       [ARROW_MAP] = put_map,
};

static void put_value(struct encoder *e, const struct field *f, int64_t i)
{
	put_fn *put_it = put_by_type[f->view.info.type];

	if (arrow_view_is_null(&f->view, i))
		put(e, "null", 4);
	else if (put_it)
		put_it(e, f, i);
	else
		put_int(e, f, i);
}

void encoder_put_row(struct encoder *e, int64_t i)
{
	put_struct(e, &e->root, i);
	put_char(e, '\n');
}
