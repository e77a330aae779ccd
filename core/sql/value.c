/* SPDX-License-Identifier: Apache-2.0 */
/* Values between Arrow and SQLite, both ways. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <orasi/sdk/number.h>

#include "base/clock.h"
#include "base/str.h"
#include "sql/inside.h"

/* The first word is the type that people see. Times are TEXT to SQLite, which would else take the constant '2025' for
 * a number, and any text is greater than a number. */
const char *value_sql_type(const struct ArrowSchema *schema)
{
	struct arrow_type_info info;

	if (arrow_type_parse(schema->format, &info))
		return "BLOB";
	switch (info.type) {
	case ARROW_BOOL:
		return "BOOLEAN";
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		return "REAL";
	case ARROW_DECIMAL128:
		return "DECIMAL";
	case ARROW_UTF8:
		return "TEXT";
	case ARROW_TIMESTAMP:
		return "TIMESTAMP TEXT";
	case ARROW_DATE32:
		return "DATE TEXT";
	case ARROW_STRUCT:
	case ARROW_LIST:
	case ARROW_MAP:
		return "JSON";
	case ARROW_BINARY:
		return "BLOB";
	default:
		return "INTEGER";
	}
}

/* ---- times as text -------------------------------------------------------------------------------------- */

static int format_timestamp(int64_t us, char *ret, size_t cap)
{
	int64_t s = us / 1000000 - (us % 1000000 < 0);
	time_t t = (time_t)s;
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return snprintf(ret, cap, "%" PRId64 "us", us);
	return snprintf(ret, cap, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
	                tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(us - s * 1000000));
}

static int format_date(int64_t days, char *ret, size_t cap)
{
	time_t t = (time_t)(days * 86400);
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return snprintf(ret, cap, "%" PRId64 "d", days);
	return snprintf(ret, cap, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

/* ---- decimals ------------------------------------------------------------------------------------------- */

/* Numbers of 15 digits are the doubles that SQLite makes of the same constants: the power is exact up to 10^22, and the
 * division rounds once. */
static double decimal_real(const struct arrow_view *view, __int128 v)
{
	return (double)v / pow(10, view->info.scale);
}

/* Whole ones (scale 0) are integers as long as 64 bits hold them: keys of other databases come as DECIMAL(38,0). With a
 * scale even 5.00 is a double, so that half of it is 2.5. 0: *ret_real. */
static int decimal_is_int(const struct arrow_view *view, int64_t i, int64_t *ret_int, double *ret_real)
{
	__int128 v;
	size_t n;

	memcpy(&v, arrow_view_bytes(view, i, &n), sizeof(v));
	*ret_int = (int64_t)v;
	*ret_real = decimal_real(view, v);
	return !view->info.scale && v >= INT64_MIN && v <= INT64_MAX;
}

/* ---- JSON of nested values -------------------------------------------------------------------------------- */

static void put_json(struct buf *out, const struct arrow_view *view, int64_t i);

static void put_double(struct buf *out, double v)
{
	char text[NUMBER_DOUBLE_MAX];

	if (!isfinite(v)) {
		buf_puts(out, "null");
		return;
	}
	number_format_double(text, v, false);
	buf_puts(out, text);
	if (!strpbrk(text, ".e"))
		buf_puts(out, ".0");
}

static void put_struct(struct buf *out, const struct arrow_view *view, int64_t i)
{
	struct arrow_view child;

	buf_putc(out, '{');
	for (int64_t k = 0; k < view->schema->n_children; k++) {
		const char *name = view->schema->children[k]->name;

		buf_puts(out, k ? "," : "");
		buf_json_str(out, name, strlen(name));
		buf_putc(out, ':');
		if (arrow_view_child(view, k, &child))
			buf_puts(out, "null");
		else
			put_json(out, &child, i);
	}
	buf_putc(out, '}');
}

static void put_entry(struct buf *out, const struct arrow_view *entries, int64_t i)
{
	struct arrow_view key, value;
	struct buf text;

	if (arrow_view_child(entries, 0, &key) || arrow_view_child(entries, 1, &value))
		return;
	buf_init(&text, 0);
	put_json(&text, &key, i);
	if (text.len && text.data[0] == '"')
		buf_add(out, text.data, text.len);
	else
		buf_json_str(out, text.data ? text.data : "", text.len);
	buf_done(&text);
	buf_putc(out, ':');
	put_json(out, &value, i);
}

static void put_list(struct buf *out, const struct arrow_view *view, int64_t i)
{
	int is_map = view->info.type == ARROW_MAP;
	int64_t begin, end;
	struct arrow_view child;

	arrow_view_list(view, i, &begin, &end);
	buf_putc(out, is_map ? '{' : '[');
	for (int64_t k = begin; k < end && !arrow_view_child(view, 0, &child); k++) {
		buf_puts(out, k > begin ? "," : "");
		if (is_map)
			put_entry(out, &child, k);
		else
			put_json(out, &child, k);
	}
	buf_putc(out, is_map ? '}' : ']');
}

static void put_base64(struct buf *out, const void *p, size_t n)
{
	char *text = malloc(base64_len(n));

	if (text)
		base64_encode(p, n, text);
	buf_printf(out, "\"%s\"", text ? text : "");
	free(text);
}

static void put_json(struct buf *out, const struct arrow_view *view, int64_t i)
{
	char text[48];
	const char *p;
	int64_t whole;
	double real;
	size_t n;

	if (arrow_view_is_null(view, i)) {
		buf_puts(out, "null");
		return;
	}
	switch (view->info.type) {
	case ARROW_STRUCT:
		put_struct(out, view, i);
		break;
	case ARROW_LIST:
	case ARROW_MAP:
		put_list(out, view, i);
		break;
	case ARROW_UTF8:
		p = arrow_view_bytes(view, i, &n);
		buf_json_str(out, p, n);
		break;
	case ARROW_BINARY:
		p = arrow_view_bytes(view, i, &n);
		put_base64(out, p, n);
		break;
	case ARROW_BOOL:
		buf_puts(out, arrow_view_int(view, i) ? "true" : "false");
		break;
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		put_double(out, arrow_view_double(view, i));
		break;
	case ARROW_DECIMAL128:
		if (decimal_is_int(view, i, &whole, &real))
			buf_printf(out, "%" PRId64, whole);
		else
			put_double(out, real);
		break;
	case ARROW_TIMESTAMP:
		format_timestamp(arrow_view_int(view, i), text, sizeof(text));
		buf_printf(out, "\"%s\"", text);
		break;
	case ARROW_DATE32:
		format_date(arrow_view_int(view, i), text, sizeof(text));
		buf_printf(out, "\"%s\"", text);
		break;
	default:
		buf_printf(out, "%" PRId64, arrow_view_int(view, i));
	}
}

/* ---- to SQLite ---------------------------------------------------------------------------------------------- */

static void result_json(sqlite3_context *context, const struct arrow_view *view, int64_t i)
{
	struct buf out;

	buf_init(&out, 0);
	put_json(&out, view, i);
	if (out.failed)
		sqlite3_result_error_nomem(context);
	else
		sqlite3_result_text(context, out.data, (int)out.len, SQLITE_TRANSIENT);
	sqlite3_result_subtype(context, 'J');
	buf_done(&out);
}

void value_result(sqlite3_context *context, const struct arrow_view *view, int64_t i)
{
	char text[48];
	const void *p;
	int64_t whole;
	double real;
	size_t n;

	if (arrow_view_is_null(view, i)) {
		sqlite3_result_null(context);
		return;
	}
	switch (view->info.type) {
	case ARROW_UTF8:
		p = arrow_view_bytes(view, i, &n);
		sqlite3_result_text64(context, p, n, SQLITE_TRANSIENT, SQLITE_UTF8);
		break;
	case ARROW_BINARY:
		p = arrow_view_bytes(view, i, &n);
		sqlite3_result_blob64(context, n ? p : "", n, SQLITE_TRANSIENT);
		break;
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		sqlite3_result_double(context, arrow_view_double(view, i));
		break;
	case ARROW_DECIMAL128:
		if (decimal_is_int(view, i, &whole, &real))
			sqlite3_result_int64(context, whole);
		else
			sqlite3_result_double(context, real);
		break;
	case ARROW_TIMESTAMP:
		sqlite3_result_text(context, text, format_timestamp(arrow_view_int(view, i), text, sizeof(text)),
		                    SQLITE_TRANSIENT);
		break;
	case ARROW_DATE32:
		sqlite3_result_text(context, text, format_date(arrow_view_int(view, i), text, sizeof(text)),
		                    SQLITE_TRANSIENT);
		break;
	case ARROW_STRUCT:
	case ARROW_LIST:
	case ARROW_MAP:
		result_json(context, view, i);
		break;
	default:
		sqlite3_result_int64(context, arrow_view_int(view, i));
	}
}

/* ---- from SQLite: constants ------------------------------------------------------------------------------------ */

static const struct {
	int sqlite;
	uint32_t ours;
} ops[] = {
	{SQLITE_INDEX_CONSTRAINT_EQ, ORASI_OP_EQ},
	{SQLITE_INDEX_CONSTRAINT_LT, ORASI_OP_LT},
	{SQLITE_INDEX_CONSTRAINT_LE, ORASI_OP_LE},
	{SQLITE_INDEX_CONSTRAINT_GT, ORASI_OP_GT},
	{SQLITE_INDEX_CONSTRAINT_GE, ORASI_OP_GE},
	{SQLITE_INDEX_CONSTRAINT_ISNULL, ORASI_OP_IS_NULL},
	{SQLITE_INDEX_CONSTRAINT_ISNOTNULL, ORASI_OP_NOT_NULL},
	{SQLITE_INDEX_CONSTRAINT_GLOB, ORASI_OP_PREFIX},
	{SQLITE_INDEX_CONSTRAINT_MATCH, ORASI_OP_MATCH},
};

uint32_t value_op(int sqlite_op)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (ops[i].sqlite == sqlite_op)
			return ops[i].ours;
	return 0;
}

#define TIMESTAMP_LEN 27 /* YYYY-MM-DDTHH:MM:SS.ffffffZ */
#define SECONDS_LEN 19   /* of it, up to the seconds */

/* A whole or partial time as microseconds of its first moment; *ret_whole when nothing is missing. */
static int parse_time(const char *text, int64_t *ret, int *ret_whole)
{
	static const char rest[] = "0000-01-01T00:00:00Z";
	char full[64];
	size_t n = strlen(text);
	int64_t ms, micros = 0;
	const char *dot = strchr(text, '.');

	*ret_whole = n >= 20;
	if (*ret_whole) {
		str_copy(full, sizeof(full), text);
		if (dot) {
			int scale = 100000;

			for (dot++; *dot >= '0' && *dot <= '9'; dot++, scale /= 10)
				micros += (*dot - '0') * scale;
			if (strcmp(dot, "Z") || n > 27)
				return -1;
		}
	} else if (n == 4 || n == 7 || n == 10) {
		snprintf(full, sizeof(full), "%s%s", text, rest + n);
	} else {
		return -1;
	}
	if (clock_from_rfc3339(full, &ms))
		return -1;
	*ret = ms / 1000 * 1000000 + (ms % 1000 < 0 ? ms % 1000 * 1000 : micros);
	return ms < 0 ? -1 : 0;
}

/* NULL if it is none. The type is asked first: who asks for the text of a blob makes it one, and SQLite, which compares
 * with the same value, takes it for text from then on. */
static const char *text_of(sqlite3_value *value)
{
	return sqlite3_value_type(value) == SQLITE_TEXT ? (const char *)sqlite3_value_text(value) : NULL;
}

/* Times compare as text, so only text that reads like the formatted time can be a bound. A partial time is smaller
 * than all that it begins. A whole one with fewer digits than the format is greater than all of its second that it
 * begins ('.' and digits come before 'Z'): the second is left in. The operators get weaker, never stronger. */
static int term_time(sqlite3_value *value, uint32_t *op, struct arrow_builder *b)
{
	const char *text = text_of(value);
	int n = text ? sqlite3_value_bytes(value) : 0, whole, is_exact = n == TIMESTAMP_LEN;
	char formatted[48];
	int64_t us;

	if (!text || parse_time(text, &us, &whole))
		return -1;
	format_timestamp(us, formatted, sizeof(formatted));
	if (strncmp(formatted, text, whole && !is_exact ? SECONDS_LEN : (size_t)n) || (*op == ORASI_OP_EQ && !is_exact))
		return -1;
	if (*op == ORASI_OP_GT)
		*op = ORASI_OP_GE;
	if (*op == ORASI_OP_LT)
		*op = ORASI_OP_LE;
	if (*op == ORASI_OP_LE && whole && !is_exact)
		us += 1000000;
	return arrow_append_int(b, us);
}

static int term_int(sqlite3_value *value, struct arrow_builder *b, size_t width)
{
	int64_t v = sqlite3_value_int64(value), limit = width >= 8 ? INT64_MAX : (int64_t)(1ull << (width * 8 - 1)) - 1;

	if (sqlite3_value_type(value) != SQLITE_INTEGER || v > limit || v < -limit - 1)
		return -1;
	return arrow_append_int(b, v);
}

static int term_double(sqlite3_value *value, struct arrow_builder *b)
{
	int type = sqlite3_value_type(value);
	double v = sqlite3_value_double(value);

	if ((type != SQLITE_FLOAT && type != SQLITE_INTEGER) || (type == SQLITE_INTEGER && fabs(v) > 9e15))
		return -1;
	return arrow_append_double(b, v);
}

/* Of a GLOB pattern the part up to the first special character: a weaker condition, but one that an index knows. */
static int term_text(sqlite3_value *value, uint32_t op, struct arrow_builder *b)
{
	const char *text = text_of(value);
	size_t n = text ? (size_t)sqlite3_value_bytes(value) : 0;

	if (!text)
		return -1;
	if (op == ORASI_OP_PREFIX)
		n = strcspn(text, "*?[");
	return op == ORASI_OP_PREFIX && !n ? -1 : arrow_append_bytes(b, text, n);
}

static int fill_term(const struct arrow_type_info *info, sqlite3_value *value, uint32_t *op, struct arrow_builder *b)
{
	if ((*op == ORASI_OP_PREFIX || *op == ORASI_OP_MATCH) && info->type != ARROW_UTF8)
		return -1;
	switch (info->type) {
	case ARROW_INT8:
	case ARROW_INT16:
	case ARROW_INT32:
	case ARROW_INT64:
		return term_int(value, b, arrow_type_width(info));
	case ARROW_FLOAT64:
		return term_double(value, b);
	case ARROW_UTF8:
		return term_text(value, *op, b);
	case ARROW_TIMESTAMP:
		return term_time(value, op, b);
	default:
		return -1;
	}
}

int value_term(const struct ArrowSchema *column, int sqlite_op, sqlite3_value *value, uint32_t *ret_op,
               struct ArrowArray *ret)
{
	struct arrow_type_info info;
	struct arrow_builder *b;
	int r = -1;

	*ret_op = value_op(sqlite_op);
	memset(ret, 0, sizeof(*ret));
	if (!*ret_op || arrow_type_parse(column->format, &info))
		return -1;
	if (*ret_op == ORASI_OP_IS_NULL && (info.type == ARROW_FLOAT32 || info.type == ARROW_FLOAT64))
		return -1; /* to SQLite NaN is null as well */
	if (*ret_op == ORASI_OP_IS_NULL || *ret_op == ORASI_OP_NOT_NULL)
		return 0;
	b = arrow_builder_new(column);
	if (b && !fill_term(&info, value, ret_op, b))
		r = arrow_builder_finish(b, ret);
	arrow_builder_free(b);
	return r;
}
