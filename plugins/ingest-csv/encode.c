/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder: record batches as CSV (RFC 4180) with a header and CRLF line ends, so that what was written reads back
 * with the same columns.
 *
 *   null                    nothing; the empty text is "" in quotes
 *   bool                    true, false
 *   integers, decimals      with all their digits
 *   float, double           the shortest text that reads back the same; nan, inf, -inf
 *   utf8                    in quotes when it holds a delimiter, a quote, a line end, a blank at an end, or nothing
 *   date, timestamp, time   as in RFC 3339; a timestamp without zone has none
 *
 * Binary and nested columns have no form in CSV and are refused with their name. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>
#include <orasi/sdk/number.h>
#include <orasi/sdk/single.h>
#include <orasi/sdk/stamp.h>

#include "plugin.h"

#define FLUSH_AT (256 << 10)
#define SCALAR_MAX 128 /* bytes of any number or time */

struct encoder {
	orasi_output *output;
	struct settings settings;
	struct ArrowSchema schema;
	struct arrow_view *views;
	uint8_t *buf;
	size_t len, cap;
	uint64_t rows, written;
	char stats[64];
	bool failed; /* out of memory while a row was written */
};

/* ---- buffer ------------------------------------------------------------------------------------------------------ */

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
	uint8_t *at = n ? room(e, n) : NULL;

	if (!at)
		return;
	memcpy(at, p, n);
	e->len += n;
}

static orasi_status flush(struct encoder *e, orasi_error *err)
{
	orasi_status status = ORASI_OK;

	if (e->len)
		status = e->output->write(e->output, e->buf, e->len, err);
	if (status)
		return status;
	e->written += e->len;
	e->len = 0;
	return ORASI_OK;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bool needs_quotes(const struct encoder *e, const uint8_t *p, size_t n)
{
	if (!n || *p == ' ' || *p == '\t' || p[n - 1] == ' ' || p[n - 1] == '\t')
		return true;
	for (size_t i = 0; i < n; i++)
		if (p[i] == e->settings.delimiter || p[i] == e->settings.quote || p[i] == '\n' || p[i] == '\r' ||
		    (e->settings.comment && p[i] == e->settings.comment))
			return true;
	for (uint32_t i = 0; i < e->settings.nulls.n; i++)
		if (strlen(e->settings.nulls.at[i]) == n && !memcmp(e->settings.nulls.at[i], p, n))
			return true;
	return false;
}

static void put_text(struct encoder *e, const uint8_t *p, size_t n)
{
	uint8_t quote = e->settings.quote, escape = e->settings.escape, *at;

	if (!needs_quotes(e, p, n)) {
		put(e, p, n);
		return;
	}
	at = room(e, 2 * n + 2);
	if (!at)
		return;
	*at++ = quote;
	for (size_t i = 0; i < n; i++) {
		if (p[i] == quote || p[i] == escape)
			*at++ = escape;
		*at++ = p[i];
	}
	*at++ = quote;
	e->len = (size_t)(at - e->buf);
}

/* The shortest text that reads back the same, with a fraction or an exponent; in any locale. */
static void put_double(struct encoder *e, double v, bool narrow)
{
	char text[SCALAR_MAX];
	size_t n;

	if (!isfinite(v)) {
		const char *word = isnan(v) ? "nan" : v < 0 ? "-inf" : "inf";

		put(e, word, strlen(word));
		return;
	}
	n = number_format_double(text, v, narrow);
	if (!strpbrk(text, ".,e"))
		n += (size_t)snprintf(text + n, 3, ".0");
	for (size_t i = 0; i < n; i++)
		if (text[i] == '.' || text[i] == ',')
			text[i] = (char)e->settings.decimal;
	put_text(e, (const uint8_t *)text, n);
}

static void put_time(struct encoder *e, const struct arrow_view *view, int64_t v)
{
	static const int64_t days_ms = 86400000;
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
	put_text(e, (const uint8_t *)text + from, n - from);
}

static void put_int(struct encoder *e, const struct arrow_view *view, int64_t v)
{
	char text[SCALAR_MAX];
	int n = view->info.type == ARROW_UINT64 ? snprintf(text, sizeof(text), "%llu", (unsigned long long)v)
	                                        : snprintf(text, sizeof(text), "%lld", (long long)v);

	put(e, text, (size_t)n);
}

static void put_decimal(struct encoder *e, const struct arrow_view *view, int64_t i)
{
	char text[NUMBER_DECIMAL_MAX];
	number_int128 v;
	size_t n;

	memcpy(&v, arrow_view_bytes(view, i, &n), sizeof(v));
	n = number_format_decimal(text, v, view->info.scale, (char)e->settings.decimal);
	put_text(e, (const uint8_t *)text, n);
}

static void put_value(struct encoder *e, const struct arrow_view *view, int64_t i)
{
	const uint8_t *p;
	size_t n;

	if (arrow_view_is_null(view, i))
		return;
	switch (view->info.type) {
	case ARROW_BOOL:
		put(e, arrow_view_int(view, i) ? "true" : "false", arrow_view_int(view, i) ? 4 : 5);
		break;
	case ARROW_FLOAT16:
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		put_double(e, arrow_view_double(view, i), view->info.type != ARROW_FLOAT64);
		break;
	case ARROW_DECIMAL128:
		put_decimal(e, view, i);
		break;
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
		p = arrow_view_bytes(view, i, &n);
		put_text(e, p, n);
		break;
	case ARROW_DATE32:
	case ARROW_DATE64:
	case ARROW_TIME32:
	case ARROW_TIME64:
	case ARROW_TIMESTAMP:
		put_time(e, view, arrow_view_int(view, i));
		break;
	default:
		put_int(e, view, arrow_view_int(view, i));
	}
}

/* ---- factory ----------------------------------------------------------------------------------------------------- */

static bool can_write(const struct ArrowSchema *schema)
{
	struct arrow_type_info info;

	if (arrow_type_parse(schema->format, &info) || schema->dictionary || info.scale > 38 || info.scale < -38)
		return false;
	switch (info.type) {
	case ARROW_BINARY:
	case ARROW_LARGE_BINARY:
	case ARROW_FIXED_BINARY:
	case ARROW_DECIMAL256:
	case ARROW_LIST:
	case ARROW_LARGE_LIST:
	case ARROW_FIXED_LIST:
	case ARROW_STRUCT:
	case ARROW_MAP:
		return false;
	default:
		return true;
	}
}

static void encoder_reset(struct encoder *e)
{
	arrow_schema_release(&e->schema);
	free(e->views);
	e->schema.release = NULL;
	e->views = NULL;
	e->output = NULL;
	e->len = 0;
	e->rows = e->written = 0;
	e->failed = false;
}

static void encode_destroy(void *self)
{
	struct encoder *e = self;

	if (!e)
		return;
	encoder_reset(e);
	settings_done(&e->settings);
	free(e->buf);
	free(e);
}

static orasi_status encode_create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                                  orasi_error *err)
{
	struct encoder *e;
	orasi_status status;

	(void)host;
	if (strcmp(id, PLUGIN_ID))
		return orasi_fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	e = calloc(1, sizeof(*e));
	if (!e)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for an encoder");
	status = settings_read(config, &e->settings, err);
	if (status) {
		encode_destroy(e);
		return status;
	}
	if (!e->settings.delimiter)
		e->settings.delimiter = ',';
	if (!e->settings.quote)
		e->settings.quote = '"';
	if (!e->settings.escape)
		e->settings.escape = e->settings.quote;
	*ret_self = e;
	return ORASI_OK;
}

static void put_row(struct encoder *e, int64_t i)
{
	for (int64_t k = 0; k < e->schema.n_children; k++) {
		if (k)
			put(e, &e->settings.delimiter, 1);
		put_value(e, &e->views[k], i);
	}
	put(e, "\r\n", 2);
}

static void put_header(struct encoder *e)
{
	for (int64_t k = 0; k < e->schema.n_children; k++) {
		const char *name = e->schema.children[k]->name ? e->schema.children[k]->name : "";

		if (k)
			put(e, &e->settings.delimiter, 1);
		put_text(e, (const uint8_t *)name, strlen(name));
	}
	put(e, "\r\n", 2);
}

static const char *in_words(const struct ArrowSchema *schema)
{
	static const struct {
		const char *format, *words; /* format: how it begins */
	} types[] = {
		{"+l", "a list"},
		{"+L", "a list"},
		{"+w", "a list"},
		{"+s", "a struct"},
		{"+m", "a map"},
		{"+u", "a union"},
		{"z", "binary"},
		{"Z", "binary"},
		{"w", "binary"},
		{"ti", "an interval"},
		{"d", "a decimal of more than 38 digits"},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strncmp(schema->format, types[i].format, strlen(types[i].format)))
			return types[i].words;
	return "of a type";
}

static orasi_status encode_open(void *self, const orasi_encode_open *open, orasi_error *err)
{
	const struct ArrowSchema *schema = open->schema;
	struct encoder *e = self;

	encoder_reset(e);
	if (strcmp(schema->format, "+s"))
		return orasi_fail(err, ORASI_E_INVALID, "the schema is no struct");
	for (int64_t i = 0; i < schema->n_children; i++)
		if (!can_write(schema->children[i]))
			return orasi_fail(
				err, ORASI_E_UNSUPPORTED,
				"the column '%s' is %s, which CSV has no form for: write JSON or Parquet, or only "
				"plain columns",
				schema->children[i]->name, in_words(schema->children[i]));
	e->views = calloc((size_t)schema->n_children + 1, sizeof(*e->views));
	if (!e->views || arrow_schema_copy(&e->schema, schema)) {
		e->schema.release = NULL;
		encoder_reset(e);
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for the schema");
	}
	e->output = open->output;
	if (e->settings.header != HEADER_ABSENT && schema->n_children)
		put_header(e);
	return ORASI_OK;
}

static orasi_status encode_write(void *self, const struct ArrowArray *batch, orasi_error *err)
{
	struct encoder *e = self;
	struct arrow_view root;

	if (!e->output)
		return orasi_fail(err, ORASI_E_INVALID, "write without open");
	if (arrow_view_init(&root, &e->schema, batch))
		return orasi_fail(err, ORASI_E_INVALID, "the batch does not fit the schema of the file");
	for (int64_t k = 0; k < e->schema.n_children; k++)
		if (arrow_view_child(&root, k, &e->views[k]))
			return orasi_fail(err, ORASI_E_INVALID, "the batch does not fit the schema of the file");
	for (int64_t i = 0; i < root.length; i++) {
		orasi_status status = ORASI_OK;

		put_row(e, i);
		if (e->failed)
			return orasi_fail(err, ORASI_E_NOMEM, "no memory for row %lld of the batch", (long long)i);
		if (e->len >= FLUSH_AT)
			status = flush(e, err);
		if (status)
			return status;
		e->rows++;
	}
	return ORASI_OK;
}

static uint64_t encode_size_estimate(void *self)
{
	struct encoder *e = self;

	return e->written + e->len;
}

static orasi_status encode_finish(void *self, orasi_encode_info *ret_info, orasi_error *err)
{
	struct encoder *e = self;
	orasi_status status;
	int n;

	if (!e->output)
		return orasi_fail(err, ORASI_E_INVALID, "finish without open");
	status = flush(e, err);
	if (status)
		return status;
	n = snprintf(e->stats, sizeof(e->stats), "{\"numRecords\":%llu}", (unsigned long long)e->rows);
	ret_info->rows = e->rows;
	ret_info->bytes = e->written;
	ret_info->stats_json = (orasi_str){e->stats, (size_t)n};
	encoder_reset(e);
	return ORASI_OK;
}

const orasi_encode_factory encode_factory = {
	.struct_size = sizeof(encode_factory),
	.create = encode_create,
	.destroy = encode_destroy,
	.open = encode_open,
	.write = encode_write,
	.size_estimate = encode_size_estimate,
	.finish = encode_finish,
	.get_extension = orasi_no_extension,
};
