/* SPDX-License-Identifier: Apache-2.0 */
#include "cast.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <orasi/sdk/json.h>
#include <orasi/sdk/number.h>
#include <orasi/sdk/stamp.h>

#define DAY 86400
#define NUMBER_MAX 128

/* ---- types ------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *format;
} names[] = {
	{"bool", "b"},    {"int8", "c"},   {"int16", "s"},  {"int32", "i"},           {"int64", "l"},
	{"uint8", "C"},   {"uint16", "S"}, {"uint32", "I"}, {"uint64", "L"},          {"float32", "f"},
	{"float64", "g"}, {"text", "u"},   {"date", "tdD"}, {"timestamp", "tsu:UTC"},
};

const char *cast_format(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == len && !memcmp(names[i].name, name, len))
			return names[i].format;
	return NULL;
}

enum family { FAMILY_OTHER, FAMILY_BOOL, FAMILY_INT, FAMILY_FLOAT, FAMILY_TEXT, FAMILY_DATE, FAMILY_STAMP };

static enum family family_of(const struct arrow_type_info *info)
{
	switch (info->type) {
	case ARROW_BOOL:
		return FAMILY_BOOL;
	case ARROW_INT8 ... ARROW_UINT64:
		return FAMILY_INT;
	case ARROW_FLOAT16:
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		return FAMILY_FLOAT;
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
		return FAMILY_TEXT;
	case ARROW_DATE32:
		return FAMILY_DATE;
	case ARROW_TIMESTAMP:
		return FAMILY_STAMP;
	default:
		return FAMILY_OTHER;
	}
}

/* Rows: from. Everything becomes text, and text becomes everything. */
static const unsigned known[] = {
	[FAMILY_BOOL] = 1u << FAMILY_BOOL | 1u << FAMILY_INT | 1u << FAMILY_TEXT,
	[FAMILY_INT] = 1u << FAMILY_BOOL | 1u << FAMILY_INT | 1u << FAMILY_FLOAT | 1u << FAMILY_TEXT,
	[FAMILY_FLOAT] = 1u << FAMILY_INT | 1u << FAMILY_FLOAT | 1u << FAMILY_TEXT,
	[FAMILY_TEXT] = 1u << FAMILY_BOOL | 1u << FAMILY_INT | 1u << FAMILY_FLOAT | 1u << FAMILY_TEXT |
                        1u << FAMILY_DATE | 1u << FAMILY_STAMP,
	[FAMILY_DATE] = 1u << FAMILY_TEXT | 1u << FAMILY_DATE | 1u << FAMILY_STAMP,
	[FAMILY_STAMP] = 1u << FAMILY_TEXT | 1u << FAMILY_DATE | 1u << FAMILY_STAMP,
};

int cast_is_known(const struct arrow_type_info *from, const struct arrow_type_info *to)
{
	enum family a = family_of(from), b = family_of(to);

	return a != FAMILY_OTHER && b != FAMILY_OTHER && known[a] >> b & 1u;
}

/* ---- copies ------------------------------------------------------------------------------------------------------ */

static int copy_items(struct arrow_builder *to, const struct arrow_view *view, int64_t i)
{
	struct arrow_view items;
	int64_t begin, end;

	if (arrow_view_child(view, 0, &items))
		return -1;
	arrow_view_list(view, i, &begin, &end);
	for (int64_t k = begin; k < end; k++)
		if (copy_value(arrow_builder_child(to, 0), &items, k))
			return -1;
	return arrow_end_list(to);
}

static int copy_struct(struct arrow_builder *to, const struct arrow_view *view, int64_t i)
{
	for (int64_t k = 0; k < view->schema->n_children; k++) {
		struct arrow_view child;

		if (arrow_view_child(view, k, &child) || copy_value(arrow_builder_child(to, k), &child, i))
			return -1;
	}
	return arrow_end_struct(to);
}

int copy_value(struct arrow_builder *to, const struct arrow_view *view, int64_t i)
{
	const void *p;
	size_t n;

	if (arrow_view_is_null(view, i))
		return arrow_append_null(to);
	switch (view->info.type) {
	case ARROW_BOOL:
		return arrow_append_bool(to, arrow_view_int(view, i) != 0);
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		return arrow_append_double(to, arrow_view_double(view, i));
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
	case ARROW_BINARY:
	case ARROW_LARGE_BINARY:
		p = arrow_view_bytes(view, i, &n);
		return arrow_append_bytes(to, p, n);
	case ARROW_FLOAT16:
		return arrow_append_fixed(to, (const uint8_t *)view->data + 2 * (view->offset + i));
	case ARROW_FIXED_BINARY:
	case ARROW_DECIMAL128:
	case ARROW_DECIMAL256:
		return arrow_append_fixed(to, arrow_view_bytes(view, i, &n));
	case ARROW_LIST:
	case ARROW_LARGE_LIST:
	case ARROW_FIXED_LIST:
	case ARROW_MAP:
		return copy_items(to, view, i);
	case ARROW_STRUCT:
		return copy_struct(to, view, i);
	default:
		return arrow_append_int(to, arrow_view_int(view, i));
	}
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

static size_t show_double(double v, char *ret, size_t cap)
{
	struct jsonw w = {0};
	size_t n;

	if (!isfinite(v))
		return (size_t)snprintf(ret, cap, "%s", isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
	jsonw_double(&w, v);
	n = (size_t)snprintf(ret, cap, "%s", jsonw_finish(&w) ? w.data : "");
	jsonw_done(&w);
	return n;
}

size_t cast_show(const struct arrow_view *view, int64_t i, char *ret, size_t cap)
{
	int64_t v = arrow_view_is_null(view, i) ? 0 : arrow_view_int(view, i);
	char stamp[STAMP_TEXT_MAX];
	const char *text;
	size_t n;

	if (arrow_view_is_null(view, i))
		return (size_t)snprintf(ret, cap, "null");
	switch (family_of(&view->info)) {
	case FAMILY_TEXT:
		text = arrow_view_bytes(view, i, &n);
		n = n < cap ? n : cap - 1;
		memcpy(ret, text, n);
		ret[n] = '\0';
		return n;
	case FAMILY_BOOL:
		return (size_t)snprintf(ret, cap, "%s", v ? "true" : "false");
	case FAMILY_FLOAT:
		return show_double(arrow_view_double(view, i), ret, cap);
	case FAMILY_DATE:
		n = stamp_format_date(stamp, v);
		return (size_t)snprintf(ret, cap, "%.*s", (int)n, stamp);
	case FAMILY_STAMP:
		n = stamp_format(stamp, v, view->info.unit, *view->info.timezone ? "Z" : "");
		return (size_t)snprintf(ret, cap, "%.*s", (int)n, stamp);
	case FAMILY_INT:
		return (size_t)snprintf(ret, cap, view->info.type == ARROW_UINT64 ? "%llu" : "%lld", (long long)v);
	default:
		return (size_t)snprintf(ret, cap, "?");
	}
}

/* ---- casts ------------------------------------------------------------------------------------------------------- */

static enum cast done(int r)
{
	return r ? CAST_NOMEM : CAST_OK;
}

struct text {
	const char *p;
	size_t n;
};

static struct text text_of(const struct arrow_view *view, int64_t i)
{
	struct text t;

	t.p = arrow_view_bytes(view, i, &t.n);
	while (t.n && (*t.p == ' ' || *t.p == '\t')) {
		t.p++;
		t.n--;
	}
	while (t.n && (t.p[t.n - 1] == ' ' || t.p[t.n - 1] == '\t'))
		t.n--;
	return t;
}

/* `buf` holds the digits: a number's text may be read a little behind its end. */
static int read_number(struct text t, uint8_t buf[NUMBER_MAX + 16], struct number *ret)
{
	if (!t.n || t.n > NUMBER_MAX)
		return 0;
	memset(buf, 0, NUMBER_MAX + 16);
	memcpy(buf, t.p, t.n);
	return number_scan(buf, ret) == buf + t.n;
}

static int fits(const struct arrow_type_info *to, int64_t v, int is_unsigned)
{
	unsigned bits = (unsigned)(8 * arrow_type_width(to));

	if (to->type == ARROW_UINT64)
		return is_unsigned || v >= 0;
	if (is_unsigned && v < 0)
		return 0;
	if (bits == 64)
		return 1;
	if (to->type == ARROW_INT8 || to->type == ARROW_INT16 || to->type == ARROW_INT32)
		return v >= -(1LL << (bits - 1)) && v < 1LL << (bits - 1);
	return v >= 0 && v < 1LL << bits;
}

static enum cast to_int(struct arrow_builder *b, const struct arrow_type_info *to, const struct arrow_view *view,
                        int64_t i)
{
	uint8_t buf[NUMBER_MAX + 16];
	struct number number;
	int64_t v = 0;
	double d;

	switch (family_of(&view->info)) {
	case FAMILY_FLOAT:
		d = arrow_view_double(view, i);
		if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0) || d != floor(d) ||
		    !fits(to, (int64_t)d, 0))
			return CAST_MISFIT;
		return done(arrow_append_int(b, (int64_t)d));
	case FAMILY_TEXT:
		if (!read_number(text_of(view, i), buf, &number))
			return CAST_MISFIT;
		if (to->type == ARROW_UINT64 ? !number_uint64(&number, (uint64_t *)&v)
		                             : !number_int64(&number, &v) || !fits(to, v, 0))
			return CAST_MISFIT;
		return done(arrow_append_int(b, v));
	default:
		v = arrow_view_int(view, i);
		return fits(to, v, view->info.type == ARROW_UINT64) ? done(arrow_append_int(b, v)) : CAST_MISFIT;
	}
}

static enum cast to_float(struct arrow_builder *b, const struct arrow_view *view, int64_t i)
{
	uint8_t buf[NUMBER_MAX + 16];
	struct number number;
	double d;

	if (family_of(&view->info) != FAMILY_TEXT)
		return done(arrow_append_double(b, view->info.type == ARROW_UINT64
		                                           ? (double)(uint64_t)arrow_view_int(view, i)
		                                           : arrow_view_double(view, i)));
	if (!read_number(text_of(view, i), buf, &number) || !number_double(&number, &d))
		return CAST_MISFIT;
	return done(arrow_append_double(b, d));
}

static enum cast to_bool(struct arrow_builder *b, const struct arrow_view *view, int64_t i)
{
	static const struct {
		const char *word;
		int value;
	} words[] = {{"true", 1}, {"false", 0}, {"1", 1}, {"0", 0}};
	struct text t;
	int64_t v;

	if (family_of(&view->info) != FAMILY_TEXT) {
		v = arrow_view_int(view, i);
		return v == 0 || v == 1 ? done(arrow_append_bool(b, (int)v)) : CAST_MISFIT;
	}
	t = text_of(view, i);
	for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
		if (t.n == strlen(words[k].word) && !memcmp(t.p, words[k].word, t.n))
			return done(arrow_append_bool(b, words[k].value));
	return CAST_MISFIT;
}

/* Any time, as a stamp. */
static int read_stamp(const struct arrow_view *view, int64_t i, struct stamp *ret)
{
	static const int64_t per_second[] = {1, 1000, 1000000, 1000000000};
	struct text t;
	int64_t v, scale;
	int32_t days;

	*ret = (struct stamp){0};
	switch (family_of(&view->info)) {
	case FAMILY_TEXT:
		t = text_of(view, i);
		if (!stamp_parse_date((const uint8_t *)t.p, t.n, &days))
			return stamp_parse((const uint8_t *)t.p, t.n, ret);
		ret->seconds = (int64_t)days * DAY;
		return 1;
	case FAMILY_DATE:
		ret->seconds = arrow_view_int(view, i) * DAY;
		return 1;
	default:
		v = arrow_view_int(view, i);
		scale = per_second[view->info.unit];
		ret->seconds = v / scale - (v % scale < 0);
		ret->nanos = (int32_t)((v - ret->seconds * scale) * (1000000000 / scale));
		return 1;
	}
}

static enum cast to_time(struct arrow_builder *b, const struct arrow_type_info *to, const struct arrow_view *view,
                         int64_t i)
{
	struct stamp stamp;
	int64_t v;

	if (!read_stamp(view, i, &stamp))
		return CAST_MISFIT;
	if (to->type == ARROW_DATE32)
		return done(arrow_append_int(b, stamp.seconds / DAY - (stamp.seconds % DAY < 0)));
	return stamp_in(&stamp, to->unit, &v) ? done(arrow_append_int(b, v)) : CAST_MISFIT;
}

static enum cast to_text(struct arrow_builder *b, const struct arrow_view *view, int64_t i)
{
	char text[NUMBER_MAX];

	if (family_of(&view->info) == FAMILY_TEXT)
		return done(copy_value(b, view, i));
	return done(arrow_append_bytes(b, text, cast_show(view, i, text, sizeof(text))));
}

enum cast cast_value(struct arrow_builder *builder, const struct arrow_type_info *to, const struct arrow_view *view,
                     int64_t i)
{
	if (arrow_view_is_null(view, i))
		return done(arrow_append_null(builder));
	switch (family_of(to)) {
	case FAMILY_BOOL:
		return to_bool(builder, view, i);
	case FAMILY_INT:
		return to_int(builder, to, view, i);
	case FAMILY_FLOAT:
		return to_float(builder, view, i);
	case FAMILY_TEXT:
		return to_text(builder, view, i);
	default:
		return to_time(builder, to, view, i);
	}
}
