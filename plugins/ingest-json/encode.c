/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder: record batches into NDJSON, one object per line, every column of every row, nulls
 * too, so that what was written reads back with the same columns.
 *
 *   integers, decimals      numbers with all their digits
 *   float, double           15 digits, or up to 17 if these do not read back the same; always with
 *                           a fraction or an exponent; NaN and infinities become null
 *   utf8                    strings; JSON text (arrow.json) as the value that it is
 *   binary                  strings in base64 (RFC 4648)
 *   date, timestamp, time   strings as in RFC 3339; a timestamp without zone has none
 *   duration                a number of its unit
 *   list, struct, map       arrays and objects; keys of maps are strings */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>
#include <orasi/sdk/number.h>
#include <orasi/sdk/single.h>
#include <orasi/sdk/stamp.h>

#include "column.h"
#include "plugin.h"
#include "scan.h"
#include "text.h"

#define FLUSH_AT (256 << 10)
#define SCALAR_MAX 128 /* bytes of any number or time */

/* One column: how it is called in the text, and where its values of this batch are. */
struct field {
	uint8_t *key; /* "name": with quotes and colon */
	size_t key_len;
	enum column_mode mode;
	struct field *children;
	int64_t n_children;
	struct arrow_view view;
};

struct encoder {
	orasi_output *output;
	struct ArrowSchema schema;
	struct field root;
	locale_t c_locale;
	uint8_t *buf;
	size_t len, cap;
	uint8_t *scratch; /* JSON text that is checked */
	size_t scratch_cap;
	uint64_t rows, written;
	char stats[64];
	bool failed; /* out of memory while a row was written */
};

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

/* ---- fields ------------------------------------------------------------------------------- */

static void field_done(struct field *f)
{
	for (int64_t i = 0; i < f->n_children; i++)
		field_done(&f->children[i]);
	free(f->children);
	free(f->key);
	*f = (struct field){0};
}

static int make_key(struct field *f, const char *name)
{
	size_t n = strlen(name);

	f->key = malloc(6 * n + 3);
	if (!f->key)
		return -1;
	f->key[0] = '"';
	n = text_escape(f->key + 1, (const uint8_t *)name, n);
	memcpy(f->key + 1 + n, "\":", 2);
	f->key_len = n + 3;
	return 0;
}

static bool can_write(const struct ArrowSchema *schema)
{
	struct arrow_type_info info;

	if (arrow_type_parse(schema->format, &info) || schema->dictionary || info.type == ARROW_DECIMAL256 ||
	    info.scale > 38)
		return false;
	if (info.type == ARROW_MAP)
		return schema->n_children == 1 && schema->children[0]->n_children == 2 &&
		       !strcmp(schema->children[0]->children[0]->format, "u");
	return true;
}

static orasi_status field_make(struct field *f, const struct ArrowSchema *schema, orasi_error *err)
{
	const char *name = schema->name ? schema->name : "";

	if (!can_write(schema))
		return orasi_fail(err, ORASI_E_UNSUPPORTED,
		                  "the column '%s' has the Arrow type '%s', JSON has no form for it", name,
		                  schema->format);
	f->mode = column_mode_of(schema);
	f->children = calloc((size_t)schema->n_children + 1, sizeof(*f->children));
	if (!f->children || make_key(f, name))
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for the column '%s'", name);
	for (; f->n_children < schema->n_children;) {
		int64_t i = f->n_children++;
		orasi_status status = field_make(&f->children[i], schema->children[i], err);

		if (status)
			return status;
	}
	return ORASI_OK;
}

/* Children are looked at within their parent's offset. */
static int field_bind(struct field *f)
{
	for (int64_t i = 0; i < f->n_children; i++)
		if (arrow_view_child(&f->view, i, &f->children[i].view) || field_bind(&f->children[i]))
			return -1;
	return 0;
}

/* ---- factory ------------------------------------------------------------------------------ */

static void encoder_reset(struct encoder *e)
{
	field_done(&e->root);
	arrow_schema_release(&e->schema);
	e->schema.release = NULL;
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
	if (e->c_locale)
		freelocale(e->c_locale);
	free(e->buf);
	free(e->scratch);
	free(e);
}

static orasi_status encode_create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                                  orasi_error *err)
{
	struct encoder *e;

	(void)host, (void)config;
	if (strcmp(id, PLUGIN_ID))
		return orasi_fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	e = calloc(1, sizeof(*e));
	if (!e || !(e->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0))) {
		encode_destroy(e);
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for an encoder");
	}
	*ret_self = e;
	return ORASI_OK;
}

static orasi_status encode_open(void *self, const orasi_encode_open *open, orasi_error *err)
{
	struct encoder *e = self;
	orasi_status status = ORASI_OK;

	encoder_reset(e);
	if (strcmp(open->schema->format, "+s"))
		return orasi_fail(err, ORASI_E_INVALID, "the schema is no struct");
	if (arrow_schema_copy(&e->schema, open->schema)) {
		e->schema.release = NULL;
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for the schema");
	}
	status = field_make(&e->root, &e->schema, err);
	if (status)
		encoder_reset(e);
	else
		e->output = open->output;
	return status;
}

static orasi_status write_rows(struct encoder *e, orasi_error *err)
{
	for (int64_t i = 0; i < e->root.view.length; i++) {
		orasi_status status = ORASI_OK;

		put_struct(e, &e->root, i);
		put_char(e, '\n');
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

static orasi_status encode_write(void *self, const struct ArrowArray *batch, orasi_error *err)
{
	struct encoder *e = self;
	orasi_status status;
	locale_t before;

	if (!e->output)
		return orasi_fail(err, ORASI_E_INVALID, "write without open");
	if (arrow_view_init(&e->root.view, &e->schema, batch) || field_bind(&e->root))
		return orasi_fail(err, ORASI_E_INVALID, "the batch does not fit the schema of the file");
	before = uselocale(e->c_locale);
	status = write_rows(e, err);
	uselocale(before);
	return status;
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
