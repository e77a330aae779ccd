/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest-parquet/tables.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *const table_formats[] = {
	"b",       "c",   "C",   "s",   "S",     "i",      "I",      "l",     "L",       "e",      "f",
	"g",       "u",   "U",   "z",   "Z",     "w:5",    "tdD",    "tdm",   "tsu:UTC", "tsm:",   "tss:",
	"tsn:UTC", "tts", "ttm", "ttu", "d:9,2", "d:18,3", "d:38,4", "d:1,0", "d:10,9",  "d:19,0", "d:38,37",
};
const size_t n_table_formats = sizeof(table_formats) / sizeof(table_formats[0]);

static uint64_t state;

void table_seed(uint64_t seed)
{
	state = seed;
}

uint64_t table_dice(uint64_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % n;
}

static void must(int failed)
{
	if (failed) {
		fprintf(stderr, "out of memory\n");
		abort();
	}
}

/* ---- schemas -------------------------------------------------------------------------------- */

static void list_field(struct ArrowSchema *ret, const char *name, int nullable, int depth)
{
	static const char *const formats[] = {"+l", "+L", "+w:3"};

	must(arrow_schema_make(ret, formats[table_dice(3)], name, nullable, 1));
	table_field(ret->children[0], "element", depth - 1, NULL);
}

static void struct_field(struct ArrowSchema *ret, const char *name, int nullable, int depth)
{
	static const char *const names[] = {"x", "y", "z"};
	int64_t n = 1 + (int64_t)table_dice(3);

	must(arrow_schema_make(ret, "+s", name, nullable, n));
	for (int64_t i = 0; i < n; i++)
		table_field(ret->children[i], names[i], depth - 1, NULL);
}

static void map_field(struct ArrowSchema *ret, const char *name, int nullable, int depth)
{
	must(arrow_schema_make(ret, "+m", name, nullable, 1));
	must(arrow_schema_make(ret->children[0], "+s", "key_value", 0, 2));
	must(arrow_schema_make(ret->children[0]->children[0], table_dice(2) ? "u" : "i", "key", 0, 0));
	table_field(ret->children[0]->children[1], "value", depth - 1, NULL);
}

void table_field(struct ArrowSchema *ret, const char *name, int depth, const char *format)
{
	uint64_t kind = format || depth <= 0 ? 9 : table_dice(6);
	int nullable = table_dice(3) > 0;

	if (kind == 0)
		list_field(ret, name, nullable, depth);
	else if (kind == 1)
		struct_field(ret, name, nullable, depth);
	else if (kind == 2)
		map_field(ret, name, nullable, depth);
	else
		must(arrow_schema_make(ret, format ? format : table_formats[table_dice(n_table_formats)], name,
		                       nullable, 0));
}

/* ---- values --------------------------------------------------------------------------------- */

struct dice {
	int nulls, distinct;
};

static uint64_t any_number(const struct dice *d)
{
	static const uint64_t edges[] = {0, 1, UINT64_MAX, INT64_MAX, 1ULL << 63, UINT32_MAX, 127};

	if (d->distinct)
		return table_dice((uint64_t)d->distinct) * 0x9E3779B97F4A7C15u;
	if (!table_dice(8))
		return edges[table_dice(sizeof(edges) / sizeof(edges[0]))];
	return table_dice(1u << 31) << 33 ^ table_dice(1u << 31) << 11 ^ table_dice(1u << 20);
}

static double any_double(uint64_t v, int narrow)
{
	static const double wide[] = {0.0, -0.0, INFINITY, -INFINITY, 1.5, DBL_MAX, -DBL_MIN, 5e-324};
	static const double narrow_ones[] = {0.0, -0.0, INFINITY, -INFINITY, 1.5, FLT_MAX, -FLT_MIN, 0x1p-149};

	if (v % 7 == 0)
		return v % 3 ? (narrow ? narrow_ones : wide)[v / 7 % 8] : NAN;
	return narrow ? (double)(float)((int64_t)v / 1e9) : (double)(int64_t)v / 1e9;
}

/* Within what all engines keep: the years 1915 to 2243. */
static int64_t any_day(uint64_t v)
{
	return (int64_t)(v % 120000) - 20000;
}

static int64_t any_time(const struct arrow_type_info *info, uint64_t v)
{
	static const int64_t per_second[] = {1, 1000, 1000000, 1000000000};
	int64_t part = (int64_t)(v >> 20) % per_second[info->unit];

	switch (info->type) {
	case ARROW_DATE32:
		return any_day(v);
	case ARROW_DATE64:
		return any_day(v) * 86400000;
	case ARROW_TIME32:
	case ARROW_TIME64:
		return (int64_t)(v % 86400) * per_second[info->unit] + part;
	default:
		return any_day(v) * 86400 * per_second[info->unit] + part;
	}
}

/* Some are longer than bounds in statistics are, and alike as far as these go; with bytes and characters among them that
 * nothing is above. */
static void any_text(struct arrow_builder *b, uint64_t v, int binary)
{
	static const char *const letters[] = {"a", "\xF4\x8F\xBF\xBF", "ä", "語", "😀", "\"", "\\", " "};
	char text[400];
	size_t n = 0, count = v % 23 == 0 ? 40 : v % 12;

	for (size_t i = 0; v % 29 < 2 && i < 64 + v % 7; i++) {
		if (v % 29 && binary)
			text[n++] = (char)0xFF;
		else if (v % 29 && i < 24)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", letters[1]);
		else
			text[n++] = 'p';
	}
	for (size_t i = 0; i < count; i++, v = v * 31 + 7) {
		const char *letter = letters[v >> 7 & 7];

		if (binary)
			text[n++] = (char)(v >> 5);
		else
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", letter);
	}
	must(arrow_append_bytes(b, text, n));
}

static void any_decimal(struct arrow_builder *b, const struct arrow_type_info *info, uint64_t v)
{
	__int128 limit = 1, n = (__int128)(int64_t)v * (int64_t)(v | 1);

	for (int i = 0; i < info->precision; i++)
		limit *= 10;
	n %= limit;
	must(arrow_append_fixed(b, &n));
}

static void any_value(struct arrow_builder *b, const struct ArrowSchema *schema, const struct dice *d);

/* Keys are unique within a map. */
static void any_map(struct arrow_builder *b, const struct ArrowSchema *schema, const struct dice *d)
{
	const struct ArrowSchema *pair = schema->children[0];
	struct arrow_builder *entries = arrow_builder_child(b, 0), *keys = arrow_builder_child(entries, 0);
	int n = (int)table_dice(4), first = (int)table_dice(50);

	for (int i = first; i < first + n; i++) {
		char text[16];

		if (*pair->children[0]->format == 'i')
			must(arrow_append_int(keys, i));
		else
			must(arrow_append_bytes(keys, text, (size_t)snprintf(text, sizeof(text), "k%02d", i)));
		any_value(arrow_builder_child(entries, 1), pair->children[1], d);
		must(arrow_end_struct(entries));
	}
	must(arrow_end_list(b));
}

static void any_items(struct arrow_builder *b, const struct ArrowSchema *schema, const struct arrow_type_info *info,
                      const struct dice *d)
{
	uint64_t n = info->type == ARROW_FIXED_LIST ? (uint64_t)info->width : table_dice(4);

	while (n-- > 0)
		any_value(arrow_builder_child(b, 0), schema->children[0], d);
	must(arrow_end_list(b));
}

static void any_struct(struct arrow_builder *b, const struct ArrowSchema *schema, const struct dice *d)
{
	for (int64_t i = 0; i < schema->n_children; i++)
		any_value(arrow_builder_child(b, i), schema->children[i], d);
	must(arrow_end_struct(b));
}

static void any_value(struct arrow_builder *b, const struct ArrowSchema *schema, const struct dice *d)
{
	static const uint16_t halves[] = {0, 0x8000, 0x3C00, 0xC500, 0x7C00, 0xFC00, 0x0001, 0x7BFF};
	struct arrow_type_info info;
	uint64_t v = any_number(d);

	arrow_type_parse(schema->format, &info);
	if ((schema->flags & ARROW_FLAG_NULLABLE) && table_dice(100) < (uint64_t)d->nulls) {
		must(arrow_append_null(b));
		return;
	}
	switch (info.type) {
	case ARROW_STRUCT:
		any_struct(b, schema, d);
		break;
	case ARROW_LIST:
	case ARROW_LARGE_LIST:
	case ARROW_FIXED_LIST:
		any_items(b, schema, &info, d);
		break;
	case ARROW_MAP:
		any_map(b, schema, d);
		break;
	case ARROW_BOOL:
		must(arrow_append_bool(b, (int)(v >> 40 & 1)));
		break;
	case ARROW_FLOAT16:
		must(arrow_append_fixed(b, &halves[v >> 9 & 7]));
		break;
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		must(arrow_append_double(b, any_double(v, info.type == ARROW_FLOAT32)));
		break;
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
		any_text(b, v, 0);
		break;
	case ARROW_BINARY:
	case ARROW_LARGE_BINARY:
		any_text(b, v, 1);
		break;
	case ARROW_FIXED_BINARY:
		must(arrow_append_fixed(b, &v));
		break;
	case ARROW_DECIMAL128:
		any_decimal(b, &info, v);
		break;
	case ARROW_DATE32:
	case ARROW_DATE64:
	case ARROW_TIME32:
	case ARROW_TIME64:
	case ARROW_TIMESTAMP:
		must(arrow_append_int(b, any_time(&info, v)));
		break;
	default:
		must(arrow_append_int(b, (int64_t)v));
	}
}

void table_batch(const struct ArrowSchema *schema, int64_t rows, int nulls, int distinct, struct ArrowArray *ret)
{
	struct arrow_builder *b = arrow_builder_new(schema);
	const struct dice dice = {nulls, distinct};

	must(!b);
	for (int64_t i = 0; i < rows; i++)
		any_value(b, schema, &dice);
	must(arrow_builder_finish(b, ret));
	arrow_builder_free(b);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static const char *const kinds[] = {
	[ARROW_NULL] = "null",
	[ARROW_BOOL] = "bool",
	[ARROW_INT8] = "int",
	[ARROW_UINT8] = "uint",
	[ARROW_INT16] = "int",
	[ARROW_UINT16] = "uint",
	[ARROW_INT32] = "int",
	[ARROW_UINT32] = "uint",
	[ARROW_INT64] = "int",
	[ARROW_UINT64] = "uint",
	[ARROW_FLOAT16] = "float",
	[ARROW_FLOAT32] = "float",
	[ARROW_FLOAT64] = "float",
	[ARROW_DECIMAL128] = "decimal",
	[ARROW_UTF8] = "text",
	[ARROW_LARGE_UTF8] = "text",
	[ARROW_BINARY] = "bytes",
	[ARROW_LARGE_BINARY] = "bytes",
	[ARROW_FIXED_BINARY] = "bytes",
	[ARROW_DATE32] = "date",
	[ARROW_DATE64] = "date",
	[ARROW_TIME32] = "time",
	[ARROW_TIME64] = "time",
	[ARROW_TIMESTAMP] = "timestamp",
	[ARROW_LIST] = "list",
	[ARROW_LARGE_LIST] = "list",
	[ARROW_FIXED_LIST] = "list",
	[ARROW_STRUCT] = "struct",
	[ARROW_MAP] = "map",
};

void table_type_json(struct buf *out, const struct ArrowSchema *schema)
{
	static const char *const units[] = {"ms", "ms", "us", "ns"};
	struct arrow_type_info info;

	arrow_type_parse(schema->format, &info);
	buf_printf(out, "{\"name\":\"%s\",\"kind\":\"%s\",\"unit\":\"%s\",\"scale\":%d,\"children\":[", schema->name,
	           kinds[info.type], units[info.unit], info.scale);
	for (int64_t i = 0; i < schema->n_children; i++) {
		buf_puts(out, i ? "," : "");
		table_type_json(out, schema->children[i]);
	}
	buf_puts(out, "]}");
}

static void put_float(struct buf *out, const struct arrow_view *view, int64_t i)
{
	double v = arrow_view_double(view, i);
	uint64_t bits;

	memcpy(&bits, &v, 8);
	if (isnan(v))
		buf_puts(out, "\"nan\"");
	else
		buf_printf(out, "\"%016" PRIx64 "\"", bits);
}

static void put_hex(struct buf *out, const struct arrow_view *view, int64_t i)
{
	size_t n;
	const uint8_t *p = arrow_view_bytes(view, i, &n);

	buf_puts(out, "\"");
	for (size_t k = 0; k < n; k++)
		buf_printf(out, "%02x", p[k]);
	buf_puts(out, "\"");
}

static void put_decimal(struct buf *out, const struct arrow_view *view, int64_t i)
{
	char text[48], *at = text + sizeof(text);
	unsigned __int128 left;
	__int128 v;
	size_t n;

	memcpy(&v, arrow_view_bytes(view, i, &n), 16);
	left = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
	*--at = '\0';
	do {
		*--at = (char)('0' + (int)(left % 10));
		left /= 10;
	} while (left);
	buf_printf(out, "\"%s%s\"", v < 0 ? "-" : "", at);
}

static void put_int(struct buf *out, const struct arrow_view *view, int64_t i)
{
	int64_t v = arrow_view_int(view, i);

	if (view->info.type == ARROW_UINT64) {
		buf_printf(out, "\"%" PRIu64 "\"", (uint64_t)v);
		return;
	}
	if (view->info.type == ARROW_DATE64)
		v = v / 86400000 - (v % 86400000 < 0);
	if (view->info.unit == ARROW_SECOND && (view->info.type == ARROW_TIME32 || view->info.type == ARROW_TIMESTAMP))
		v *= 1000;
	buf_printf(out, "\"%" PRId64 "\"", v);
}

static void put_items(struct buf *out, const struct arrow_view *view, int64_t i)
{
	struct arrow_view child;
	int64_t begin, end;

	must(arrow_view_child(view, 0, &child));
	arrow_view_list(view, i, &begin, &end);
	buf_puts(out, "[");
	for (int64_t k = begin; k < end; k++) {
		buf_puts(out, k > begin ? "," : "");
		table_row_json(out, &child, k);
	}
	buf_puts(out, "]");
}

/* Structs are arrays too: their names are in the type. */
static void put_members(struct buf *out, const struct arrow_view *view, int64_t i)
{
	struct arrow_view child;

	buf_puts(out, "[");
	for (int64_t k = 0; k < view->schema->n_children; k++) {
		must(arrow_view_child(view, k, &child));
		buf_puts(out, k ? "," : "");
		table_row_json(out, &child, i);
	}
	buf_puts(out, "]");
}

void table_row_json(struct buf *out, const struct arrow_view *view, int64_t i)
{
	if (arrow_view_is_null(view, i)) {
		buf_puts(out, "null");
		return;
	}
	switch (view->info.type) {
	case ARROW_STRUCT:
		put_members(out, view, i);
		break;
	case ARROW_LIST:
	case ARROW_LARGE_LIST:
	case ARROW_FIXED_LIST:
	case ARROW_MAP:
		put_items(out, view, i);
		break;
	case ARROW_BOOL:
		buf_puts(out, arrow_view_int(view, i) ? "true" : "false");
		break;
	case ARROW_FLOAT16:
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		put_float(out, view, i);
		break;
	case ARROW_DECIMAL128:
		put_decimal(out, view, i);
		break;
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
	case ARROW_BINARY:
	case ARROW_LARGE_BINARY:
	case ARROW_FIXED_BINARY:
		put_hex(out, view, i);
		break;
	default:
		put_int(out, view, i);
	}
}
