/* SPDX-License-Identifier: Apache-2.0 */
/* Partition values: texts in the log, values in columns. Source: PROTOCOL.md, "Partition Value Serialization". The
 * folders that many writers sort files into mean nothing; the log alone says what a file's values are. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <orasi/sdk/number.h>

#include "base/str.h"
#include "table/log.h"

int table_partition_schema(const struct table_log *log, const struct ArrowSchema *schema, struct ArrowSchema *ret,
                           struct err *err)
{
	const struct json *names = json_get(log->metadata, "partitionColumns");
	int r = arrow_schema_make(ret, "+s", "", 0, 0) ? err_set(err, ERR_NOMEM, "out of memory") : 0;

	for (size_t i = 0; i < json_count(names) && !r; i++) {
		const char *name = json_str(json_at(names, i), "");
		int64_t at = arrow_schema_find(schema, name, strlen(name));
		struct ArrowSchema copy;

		if (at < 0 || schema->children[at]->n_children)
			r = err_set(err, ERR_CORRUPT, "the partition column '%.100s' is no plain column of the schema",
			            name);
		else if (arrow_schema_copy(&copy, schema->children[at]))
			r = err_set(err, ERR_NOMEM, "out of memory");
		else if (arrow_schema_append(ret, &copy)) {
			arrow_schema_release(&copy);
			r = err_set(err, ERR_NOMEM, "out of memory");
		}
	}
	if (r)
		arrow_schema_release(ret);
	return r;
}

/* ---- from text ---------------------------------------------------------------------------------------------- */

static int parse_date(const char *text, int64_t *ret_days, const char **ret_end)
{
	struct tm tm = {0};
	int y, m, d, n = 0;

	if (sscanf(text, "%d-%2d-%2d%n", &y, &m, &d, &n) != 3 || !n || m < 1 || m > 12 || d < 1 || d > 31 ||
	    y < -9999 || y > 9999)
		return -1;
	tm.tm_year = y - 1900;
	tm.tm_mon = m - 1;
	tm.tm_mday = d;
	*ret_days = (int64_t)timegm(&tm) / 86400;
	*ret_end = text + n;
	return 0;
}

/* "2026-01-31 10:11:12[.123456]" or "2026-01-31T10:11:12.123456Z"; without a zone it is UTC. */
static int parse_timestamp(const char *text, int64_t *ret_us)
{
	int64_t days, us = 0, scale = 100000;
	int h = 0, m = 0, s = 0, n = 0;
	const char *end;

	if (parse_date(text, &days, &end))
		return -1;
	if (*end == ' ' || *end == 'T') {
		if (sscanf(end + 1, "%2d:%2d:%2d%n", &h, &m, &s, &n) != 3 || !n || h < 0 || h > 23 || m < 0 || m > 59 ||
		    s < 0 || s > 60)
			return -1;
		end += 1 + n;
	}
	if (*end == '.')
		for (end++; isdigit((unsigned char)*end); end++, scale /= 10)
			us += (*end - '0') * scale;
	if (*end == 'Z')
		end++;
	*ret_us = ((days * 86400) + h * 3600 + m * 60 + s) * 1000000 + us;
	return *end ? -1 : 0;
}

static int parse_decimal(const char *text, const struct arrow_type_info *info, __int128 *ret)
{
	int negative = *text == '-', fraction = -1, digits = 0;
	__int128 v = 0;

	for (text += negative || *text == '+'; *text; text++) {
		if (*text == '.' && fraction < 0) {
			fraction = 0;
			continue;
		}
		if (!isdigit((unsigned char)*text) || ++digits > 38 || fraction >= info->scale)
			return -1;
		v = v * 10 + (*text - '0');
		fraction += fraction >= 0;
	}
	for (fraction = fraction < 0 ? 0 : fraction; fraction < info->scale; fraction++, digits++)
		v *= 10;
	*ret = negative ? -v : v;
	return digits && digits <= 38 ? 0 : -1;
}

static int append_int(struct arrow_builder *b, const char *text, const struct arrow_type_info *info)
{
	int bits = (int)arrow_type_width(info) * 8;
	int64_t v;

	if (str_to_i64(text, &v) || (bits < 64 && (v < -(INT64_C(1) << (bits - 1)) || v >= INT64_C(1) << (bits - 1))))
		return -1;
	return arrow_append_int(b, v);
}

static int append_double(struct arrow_builder *b, const char *text)
{
	double v;
	char *end;

	if (!strcmp(text, "Infinity") || !strcmp(text, "-Infinity"))
		return arrow_append_double(b, *text == '-' ? -INFINITY : INFINITY);
	if (!strcmp(text, "NaN"))
		return arrow_append_double(b, NAN);
	v = strtod(text, &end);
	return *end || end == text ? -1 : arrow_append_double(b, v);
}

/* An empty text is null, whatever the type. */
static int append_text(struct arrow_builder *b, const char *text, const struct arrow_type_info *info)
{
	__int128 decimal;
	const char *end;
	int64_t v;

	if (!text || !*text)
		return arrow_append_null(b);
	switch (info->type) {
	case ARROW_UTF8:
	case ARROW_BINARY:
		return arrow_append_bytes(b, text, strlen(text));
	case ARROW_BOOL:
		v = !strcasecmp(text, "true");
		return v || !strcasecmp(text, "false") ? arrow_append_bool(b, (int)v) : -1;
	case ARROW_DATE32:
		return parse_date(text, &v, &end) || *end ? -1 : arrow_append_int(b, v);
	case ARROW_TIMESTAMP:
		return parse_timestamp(text, &v) ? -1 : arrow_append_int(b, v);
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		return append_double(b, text);
	case ARROW_DECIMAL128:
		return parse_decimal(text, info, &decimal) ? -1 : arrow_append_fixed(b, &decimal);
	default:
		return append_int(b, text, info);
	}
}

int table_file_partition(const struct table_snapshot *s, const struct table_file *file, struct ArrowArray *ret,
                         struct err *err)
{
	struct arrow_builder *b = arrow_builder_new(&s->partitions);
	int r = b ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	for (int64_t i = 0; i < s->partitions.n_children && !r; i++) {
		const struct ArrowSchema *column = s->partitions.children[i];
		const char *text = json_str(json_get(file->partition, column->name), NULL);
		struct arrow_type_info info;

		if (arrow_type_parse(column->format, &info) || append_text(arrow_builder_child(b, i), text, &info))
			r = err_set(err, ERR_CORRUPT,
			            "data file '%.200s': '%.60s' is no value for the partition column '%.60s'",
			            file->path, text ? text : "", column->name);
	}
	if (!r && (arrow_end_struct(b) || arrow_builder_finish(b, ret)))
		r = err_set(err, ERR_NOMEM, "out of memory");
	arrow_builder_free(b);
	return r;
}

/* ---- to text -------------------------------------------------------------------------------------------------- */

static void put_decimal(struct buf *out, const struct arrow_view *view, int64_t i)
{
	char digits[64];
	__int128 v;
	size_t n, at = sizeof(digits);
	int scale = view->info.scale, negative;

	memcpy(&v, arrow_view_bytes(view, i, &n), sizeof(v));
	negative = v < 0;
	for (int k = 0; v || k <= scale; k++) {
		int digit = (int)(v % 10);

		if (k == scale && k)
			digits[--at] = '.';
		digits[--at] = (char)('0' + (digit < 0 ? -digit : digit));
		v /= 10;
	}
	if (negative)
		digits[--at] = '-';
	buf_add(out, digits + at, sizeof(digits) - at);
}

static void put_time(struct buf *out, int64_t us, int whole)
{
	int64_t s = us / 1000000 - (us % 1000000 < 0);
	time_t t = (time_t)s;
	struct tm tm;

	gmtime_r(&t, &tm);
	buf_printf(out, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	if (whole)
		buf_printf(out, "T%02d:%02d:%02d.%06dZ", tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(us - s * 1000000));
}

static void put_double(struct buf *out, double v)
{
	char text[NUMBER_DOUBLE_MAX];

	if (!isfinite(v)) {
		buf_puts(out, isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
		return;
	}
	number_format_double(text, v, false);
	buf_puts(out, text);
}

/* A text of the log is UTF-8, and ends for most readers at a NUL. Bytes beyond ASCII have no form there that all agree on. */
static int is_sayable(const uint8_t *p, size_t n, int is_text)
{
	for (size_t i = 0; i < n; i++)
		if (!p[i] || (!is_text && p[i] > 0x7F))
			return 0;
	return 1;
}

int table_partition_text(const struct arrow_view *view, int64_t i, struct buf *ret)
{
	const void *p;
	size_t n;

	if (arrow_view_is_null(view, i))
		return 0;
	switch (view->info.type) {
	case ARROW_UTF8:
	case ARROW_BINARY:
		p = arrow_view_bytes(view, i, &n);
		if (!is_sayable(p, n, view->info.type == ARROW_UTF8))
			return -1;
		buf_add(ret, p, n);
		return n > 0; /* the log knows no empty text */
	case ARROW_BOOL:
		buf_puts(ret, arrow_view_int(view, i) ? "true" : "false");
		break;
	case ARROW_DATE32:
		put_time(ret, arrow_view_int(view, i) * 86400000000, 0);
		break;
	case ARROW_TIMESTAMP:
		put_time(ret, arrow_view_int(view, i), 1);
		break;
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		put_double(ret, arrow_view_double(view, i));
		break;
	case ARROW_DECIMAL128:
		put_decimal(ret, view, i);
		break;
	default:
		buf_printf(ret, "%" PRId64, arrow_view_int(view, i));
	}
	return 1;
}
