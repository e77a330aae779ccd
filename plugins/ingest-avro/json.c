/* SPDX-License-Identifier: Apache-2.0 */
/* Values as JSON text, where a type contains itself. Nothing of them is lost. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/json.h>
#include <orasi/sdk/spell.h>

#include "value.h"

struct writing {
	struct values *v;
	struct jsonw json;
};

static enum taken write_value(struct writing *w, const struct avro_type *type);

/* RFC 4648, with padding. */
static enum taken write_base64(struct writing *w, const uint8_t *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc(n / 3 * 4 + 5), *at = text;

	if (!text)
		return NO_MEMORY_VALUE;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t three = (uint32_t)p[i] << 16 | (uint32_t)(i + 1 < n ? p[i + 1] : 0) << 8 |
		                 (uint32_t)(i + 2 < n ? p[i + 2] : 0);

		*at++ = digits[three >> 18];
		*at++ = digits[three >> 12 & 63];
		*at++ = i + 1 < n ? digits[three >> 6 & 63] : '=';
		*at++ = i + 2 < n ? digits[three & 63] : '=';
	}
	jsonw_string(&w->json, text, (size_t)(at - text));
	free(text);
	return TAKEN;
}

static enum taken write_decimal(struct writing *w, const struct avro_type *type, const uint8_t *p, size_t n)
{
	char text[SPELLED_DECIMAL_MAX];
	size_t len = spell_decimal(text, p, n, type->scale);

	if (!len || count_digits(text, len) > type->precision)
		values_flawed(w->v, FLAW_RANGE, FLAW_DIGITS);
	if (len)
		jsonw_number(&w->json, text, len);
	else
		jsonw_null(&w->json);
	return TAKEN;
}

/* Decimals with all their digits, UUIDs and durations as text, other bytes in base64. */
static enum taken write_bytes(struct writing *w, const struct avro_type *type)
{
	char text[SPELLED_INTERVAL_MAX];
	const uint8_t *p;
	size_t n;
	enum taken taken = take_unscaled(w->v, type, &p, &n);

	if (taken)
		return taken;
	if (type->logical == LOGICAL_NONE)
		return write_base64(w, p, n);
	if (type->logical == LOGICAL_DECIMAL)
		return write_decimal(w, type, p, n);
	jsonw_string(&w->json, text, type->logical == LOGICAL_UUID ? spell_uuid(text, p) : spell_interval(text, p));
	return TAKEN;
}

static enum taken write_text(struct writing *w)
{
	const uint8_t *p;
	size_t n;
	enum taken taken = take_bytes(w->v, &p, &n);

	if (taken)
		return taken;
	if (!arrow_utf8_valid(p, n))
		values_flawed(w->v, FLAW_UTF8, "a text is not UTF-8");
	jsonw_string(&w->json, (const char *)p, n);
	return TAKEN;
}

static enum taken write_real(struct writing *w, enum avro_kind kind)
{
	const uint8_t *p;
	enum taken taken = take_raw(w->v, kind == AVRO_FLOAT ? 4 : 8, &p);
	double value;
	float narrow;

	if (taken)
		return taken;
	memcpy(kind == AVRO_FLOAT ? (void *)&narrow : (void *)&value, p, kind == AVRO_FLOAT ? 4 : 8);
	if (kind == AVRO_FLOAT)
		value = (double)narrow;
	if (isfinite(value))
		jsonw_double(&w->json, value);
	else
		jsonw_string(&w->json,
		             isnan(value) ? "NaN"
		             : value > 0  ? "Infinity"
		                          : "-Infinity",
		             isnan(value) ? 3
		             : value > 0  ? 8
		                          : 9);
	return TAKEN;
}

static enum taken write_number(struct writing *w, const struct avro_type *type)
{
	int64_t n;
	enum taken taken = take_long(w->v, &n);

	if (taken)
		return taken;
	if (type->kind == AVRO_INT && (n < INT32_MIN || n > INT32_MAX))
		values_flawed(w->v, FLAW_RANGE, "an int has more than 32 bits");
	if (type->kind != AVRO_ENUM)
		jsonw_int(&w->json, n);
	else if (n >= 0 && n < type->n)
		jsonw_string(&w->json, type->names[n], strlen(type->names[n]));
	else
		values_flawed(w->v, FLAW_SYMBOL, "an enum has no symbol of that number");
	return TAKEN;
}

static enum taken write_items(struct writing *w, const struct avro_type *type)
{
	enum taken taken;
	int64_t n;

	jsonw_array(&w->json);
	do {
		taken = take_count(w->v, type->parts[0], &n);
		for (int64_t i = 0; i < n && !taken; i++) {
			taken = values_turn(w->v);
			if (!taken)
				taken = write_value(w, type->parts[0]);
		}
	} while (!taken && n);
	jsonw_end_array(&w->json);
	return taken;
}

static enum taken write_entry(struct writing *w, const struct avro_type *value)
{
	const uint8_t *key;
	size_t len;
	enum taken taken = values_turn(w->v);

	if (!taken)
		taken = take_bytes(w->v, &key, &len);
	if (taken)
		return taken;
	if (!arrow_utf8_valid(key, len))
		values_flawed(w->v, FLAW_UTF8, "the key of a map is not UTF-8");
	jsonw_keyn(&w->json, (const char *)key, len);
	return write_value(w, value);
}

static enum taken write_entries(struct writing *w, const struct avro_type *type)
{
	static const struct avro_type key = {.kind = AVRO_STRING, .sized = true};
	enum taken taken;
	int64_t n;

	jsonw_object(&w->json);
	do {
		taken = take_count(w->v, &key, &n);
		for (int64_t i = 0; i < n && !taken; i++)
			taken = write_entry(w, type->parts[0]);
	} while (!taken && n);
	jsonw_end_object(&w->json);
	return taken;
}

static enum taken write_record(struct writing *w, const struct avro_type *type)
{
	enum taken taken = TAKEN;

	jsonw_object(&w->json);
	for (uint32_t i = 0; i < type->n && !taken; i++) {
		jsonw_key(&w->json, type->names[i]);
		taken = write_value(w, type->parts[i]);
	}
	jsonw_end_object(&w->json);
	return taken;
}

static enum taken write_any(struct writing *w, const struct avro_type *type)
{
	const uint8_t *p;
	int64_t branch;
	enum taken taken;

	switch (type->kind) {
	case AVRO_NULL:
		jsonw_null(&w->json);
		return TAKEN;
	case AVRO_BOOLEAN:
		taken = take_raw(w->v, 1, &p);
		if (!taken && *p > 1)
			values_flawed(w->v, FLAW_RANGE, "a boolean is neither 0 nor 1");
		if (!taken)
			jsonw_bool(&w->json, *p);
		return taken;
	case AVRO_INT:
	case AVRO_LONG:
	case AVRO_ENUM:
		return write_number(w, type);
	case AVRO_FLOAT:
	case AVRO_DOUBLE:
		return write_real(w, type->kind);
	case AVRO_STRING:
		return write_text(w);
	case AVRO_BYTES:
	case AVRO_FIXED:
		return write_bytes(w, type);
	case AVRO_ARRAY:
		return write_items(w, type);
	case AVRO_MAP:
		return write_entries(w, type);
	case AVRO_RECORD:
		return write_record(w, type);
	default:
		taken = take_branch(w->v, type, &branch);
		return taken ? taken : write_value(w, type->parts[branch]);
	}
}

static enum taken write_value(struct writing *w, const struct avro_type *type)
{
	enum taken taken;

	if (w->v->depth >= VALUE_DEPTH)
		return values_too_large(w->v, "values stand deeper within each other than 1000");
	if ((int64_t)w->json.len > w->v->cost_max - w->v->cost)
		return values_too_large(w->v, "it becomes larger than 512 MiB");
	w->v->depth++;
	taken = write_any(w, type);
	w->v->depth--;
	return taken;
}

enum taken values_spell_json(struct values *v, const struct avro_type *type)
{
	struct writing w = {.v = v};
	enum taken taken = write_value(&w, type);

	if (!taken && (!jsonw_finish(&w.json) || buffer_put(&v->text, w.json.data, w.json.len)))
		taken = NO_MEMORY_VALUE;
	jsonw_done(&w.json);
	return taken;
}
