/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <orasi/sdk/number.h>

#include "base/str.h"

static void print_value(const struct arrow_view *v, int64_t i, int sparse, struct buf *ret);

static void print_double(double d, struct buf *ret)
{
	char text[NUMBER_DOUBLE_MAX];

	if (!isfinite(d)) {
		buf_printf(ret, "\"%s\"", isnan(d) ? "NaN" : d < 0 ? "-Infinity" : "Infinity");
		return;
	}
	number_format_double(text, d, false);
	buf_puts(ret, text);
}

/* Days since 1970 to a date, by the proleptic Gregorian calendar. */
static void print_date(int64_t days, struct buf *ret)
{
	struct tm tm;
	time_t t = (time_t)days * 86400;

	if (days > 1000000000 || days < -1000000000 || !gmtime_r(&t, &tm))
		buf_printf(ret, "%lld", (long long)days);
	else
		buf_printf(ret, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static void print_timestamp(const struct arrow_view *v, int64_t value, struct buf *ret)
{
	static const struct {
		int64_t per_second;
		int digits;
	} units[] = {{1, 0}, {1000, 3}, {1000000, 6}, {1000000000, 9}};
	int64_t per = units[v->info.unit].per_second, seconds = value / per, rest = value % per;
	int64_t days, of_day;

	if (rest < 0) {
		rest += per;
		seconds--;
	}
	days = seconds / 86400;
	of_day = seconds % 86400;
	if (of_day < 0) {
		of_day += 86400;
		days--;
	}
	buf_putc(ret, '"');
	print_date(days, ret);
	buf_printf(ret, "T%02d:%02d:%02d", (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60));
	if (units[v->info.unit].digits)
		buf_printf(ret, ".%0*lld", units[v->info.unit].digits, (long long)rest);
	buf_puts(ret, v->info.timezone && *v->info.timezone ? "Z\"" : "\"");
}

static void print_bytes(const struct arrow_view *v, int64_t i, struct buf *ret)
{
	size_t n;
	const uint8_t *p = arrow_view_bytes(v, i, &n);

	if (v->info.type == ARROW_UTF8 || v->info.type == ARROW_LARGE_UTF8) {
		buf_json_str(ret, (const char *)p, n);
		return;
	}
	buf_puts(ret, "\"0x");
	for (size_t k = 0; k < n; k++)
		buf_printf(ret, "%02x", p[k]);
	buf_putc(ret, '"');
}

static void print_list(const struct arrow_view *v, int64_t i, int sparse, struct buf *ret)
{
	struct arrow_view items;
	int64_t begin, end;

	arrow_view_list(v, i, &begin, &end);
	buf_putc(ret, '[');
	if (!arrow_view_child(v, 0, &items))
		for (int64_t k = begin; k < end; k++) {
			if (k > begin)
				buf_putc(ret, ',');
			print_value(&items, k, sparse, ret);
		}
	buf_putc(ret, ']');
}

static void print_struct(const struct arrow_view *v, int64_t i, int sparse, struct buf *ret)
{
	const char *comma = "";

	buf_putc(ret, '{');
	for (int64_t k = 0; k < v->schema->n_children; k++) {
		const char *name = v->schema->children[k]->name ? v->schema->children[k]->name : "";
		struct arrow_view child;

		if (arrow_view_child(v, k, &child) || (sparse && arrow_view_is_null(&child, i)))
			continue;
		buf_puts(ret, comma);
		buf_json_str(ret, name, strlen(name));
		buf_putc(ret, ':');
		print_value(&child, i, sparse, ret);
		comma = ",";
	}
	buf_putc(ret, '}');
}

static void print_value(const struct arrow_view *v, int64_t i, int sparse, struct buf *ret)
{
	if (arrow_view_is_null(v, i)) {
		buf_puts(ret, "null");
		return;
	}
	switch (v->info.type) {
	case ARROW_BOOL:
		buf_puts(ret, arrow_view_int(v, i) ? "true" : "false");
		break;
	case ARROW_UINT64:
		buf_printf(ret, "%llu", (unsigned long long)arrow_view_int(v, i));
		break;
	case ARROW_FLOAT16:
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		print_double(arrow_view_double(v, i), ret);
		break;
	case ARROW_DATE32:
		buf_putc(ret, '"');
		print_date(arrow_view_int(v, i), ret);
		buf_putc(ret, '"');
		break;
	case ARROW_TIMESTAMP:
		print_timestamp(v, arrow_view_int(v, i), ret);
		break;
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
	case ARROW_BINARY:
	case ARROW_LARGE_BINARY:
	case ARROW_FIXED_BINARY:
	case ARROW_DECIMAL128:
	case ARROW_DECIMAL256:
		print_bytes(v, i, ret);
		break;
	case ARROW_LIST:
	case ARROW_LARGE_LIST:
	case ARROW_FIXED_LIST:
	case ARROW_MAP:
		print_list(v, i, sparse, ret);
		break;
	case ARROW_STRUCT:
		print_struct(v, i, sparse, ret);
		break;
	default:
		buf_printf(ret, "%lld", (long long)arrow_view_int(v, i));
	}
}

void rows_print(const struct arrow_view *batch, int64_t i, int sparse, struct buf *ret)
{
	print_struct(batch, i, sparse, ret);
}

void rows_type(const struct ArrowSchema *schema, struct buf *ret)
{
	static const char *const names[] = {
		"null",      "bool",     "int8",    "uint8",   "int16",   "uint16",  "int32",   "uint32",
		"int64",     "uint64",   "float16", "float32", "float64", "decimal", "decimal", "text",
		"text",      "binary",   "binary",  "binary",  "date",    "date",    "time",    "time",
		"timestamp", "duration", "list",    "list",    "list",    "struct",  "map"};
	static const char *const units[] = {"s", "ms", "us", "ns"};
	struct arrow_type_info info;

	if (arrow_type_parse(schema->format, &info)) {
		buf_printf(ret, "unknown '%s'", schema->format);
		return;
	}
	buf_puts(ret, names[info.type]);
	if (info.type == ARROW_TIMESTAMP)
		buf_printf(ret, "[%s%s%s]", units[info.unit], info.timezone && *info.timezone ? ", " : "",
		           info.timezone ? info.timezone : "");
	else if (info.type == ARROW_DECIMAL128 || info.type == ARROW_DECIMAL256)
		buf_printf(ret, "(%d,%d)", info.precision, info.scale);
	if (!schema->n_children)
		return;
	buf_putc(ret, '<');
	for (int64_t i = 0; i < schema->n_children; i++) {
		buf_printf(ret, "%s%s: ", i ? ", " : "", schema->children[i]->name ? schema->children[i]->name : "");
		rows_type(schema->children[i], ret);
	}
	buf_putc(ret, '>');
}
