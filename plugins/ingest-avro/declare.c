/* SPDX-License-Identifier: Apache-2.0 */
#include "declare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>
#include <orasi/sdk/fail.h>

#define NAME_BYTES 256
#define DEPTH_MAX 64

struct declaring {
	struct jsonw *json;
	orasi_error *err;
	int named; /* types so far: each name is of its own */
	int depth;
};

static orasi_status declare(struct declaring *d, const struct ArrowSchema *field);

static void put_word(struct declaring *d, const char *key, const char *word)
{
	if (key)
		jsonw_key(d->json, key);
	jsonw_string(d->json, word, strlen(word));
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Each character that is not allowed becomes an underscore. */
static size_t allowed_name(const char *name, char ret[NAME_BYTES])
{
	size_t n = 0;

	if (!*name || is_digit(*name))
		ret[n++] = '_';
	for (; *name && n < NAME_BYTES - 16; name++)
		if (((uint8_t)*name & 0xC0) != 0x80) /* not within a character */
			ret[n++] = (char)(is_letter(*name) || is_digit(*name) ? *name : '_');
	ret[n] = '\0';
	return n;
}

static bool is_taken(char (*names)[NAME_BYTES], int64_t n, const char *name)
{
	for (int64_t i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* Of the fields of one record. */
static void choose_name(char (*names)[NAME_BYTES], int64_t n, const char *wanted)
{
	char name[NAME_BYTES];
	size_t len = allowed_name(wanted, name);

	for (int64_t suffix = n + 1; is_taken(names, n, name); suffix++) /* mostly its place is free at once */
		snprintf(name + len, sizeof(name) - len, "_%lld", (long long)suffix);
	memcpy(names[n], name, sizeof(name));
}

/* Of a type: after the field, and with a number that no other has. */
static void put_type_name(struct declaring *d, const struct ArrowSchema *field)
{
	char name[NAME_BYTES];
	size_t len;

	if (!d->named++) {
		put_word(d, "name", "row");
		return;
	}
	len = allowed_name(field->name ? field->name : "", name);
	snprintf(name + len, sizeof(name) - len, "_%d", d->named);
	put_word(d, "name", name);
}

/* ---- types ------------------------------------------------------------------------------------------------------- */

static void declare_logical(struct declaring *d, const char *type, const char *logical)
{
	jsonw_object(d->json);
	put_word(d, "type", type);
	put_word(d, "logicalType", logical);
	jsonw_end_object(d->json);
}

static void declare_decimal(struct declaring *d, int precision, int scale)
{
	jsonw_object(d->json);
	put_word(d, "type", "bytes");
	put_word(d, "logicalType", "decimal");
	jsonw_key(d->json, "precision");
	jsonw_int(d->json, precision);
	jsonw_key(d->json, "scale");
	jsonw_int(d->json, scale);
	jsonw_end_object(d->json);
}

static void declare_fixed(struct declaring *d, const struct ArrowSchema *field, int32_t size)
{
	jsonw_object(d->json);
	put_word(d, "type", "fixed");
	put_type_name(d, field);
	jsonw_key(d->json, "size");
	jsonw_int(d->json, size);
	jsonw_end_object(d->json);
}

static void declare_timestamp(struct declaring *d, const struct arrow_type_info *info)
{
	static const char *const units[] = {"millis", "millis", "micros", "nanos"};
	char logical[64];

	snprintf(logical, sizeof(logical), "%stimestamp-%s", *info->timezone ? "" : "local-", units[info->unit]);
	declare_logical(d, "long", logical);
}

static orasi_status declare_record(struct declaring *d, const struct ArrowSchema *field)
{
	char(*names)[NAME_BYTES] = malloc(((size_t)field->n_children + 1) * sizeof(*names));
	orasi_status status = ORASI_OK;

	if (!names)
		return orasi_fail(d->err, ORASI_E_NOMEM, "no memory for the schema");
	jsonw_object(d->json);
	put_word(d, "type", "record");
	put_type_name(d, field);
	jsonw_key(d->json, "fields");
	jsonw_array(d->json);
	for (int64_t i = 0; i < field->n_children && !status; i++) {
		choose_name(names, i, field->children[i]->name ? field->children[i]->name : "");
		jsonw_object(d->json);
		put_word(d, "name", names[i]);
		jsonw_key(d->json, "type");
		status = declare(d, field->children[i]);
		if (field->children[i]->flags & ARROW_FLAG_NULLABLE) {
			jsonw_key(d->json, "default");
			jsonw_null(d->json);
		}
		jsonw_end_object(d->json);
	}
	jsonw_end_array(d->json);
	jsonw_end_object(d->json);
	free(names);
	return status;
}

bool declare_is_map(const struct ArrowSchema *field)
{
	return !strcmp(field->format, "+m") && !strcmp(field->children[0]->children[0]->format, "u");
}

static orasi_status declare_list(struct declaring *d, const struct ArrowSchema *field)
{
	struct ArrowSchema items = *field->children[0];
	bool is_map = declare_is_map(field);
	orasi_status status;

	if (!strcmp(field->format, "+m"))
		items.flags &= ~(int64_t)ARROW_FLAG_NULLABLE; /* an entry is there, whatever the schema says */
	jsonw_object(d->json);
	put_word(d, "type", is_map ? "map" : "array");
	jsonw_key(d->json, is_map ? "values" : "items");
	status = declare(d, is_map ? items.children[1] : &items);
	jsonw_end_object(d->json);
	return status;
}

static orasi_status refuse(struct declaring *d, const struct ArrowSchema *field)
{
	return orasi_fail(
		d->err, ORASI_E_UNSUPPORTED,
		"the column '%.200s' has the Arrow type '%.100s', which Avro has no type for: leave it out, or "
		"write Parquet",
		field->name ? field->name : "", field->format);
}

static orasi_status declare_value(struct declaring *d, const struct ArrowSchema *field,
                                  const struct arrow_type_info *info)
{
	switch (info->type) {
	case ARROW_NULL:
		put_word(d, NULL, "null");
		break;
	case ARROW_BOOL:
		put_word(d, NULL, "boolean");
		break;
	case ARROW_INT8:
	case ARROW_UINT8:
	case ARROW_INT16:
	case ARROW_UINT16:
	case ARROW_INT32:
		put_word(d, NULL, "int");
		break;
	case ARROW_UINT32:
	case ARROW_INT64:
	case ARROW_DURATION:
		put_word(d, NULL, "long");
		break;
	case ARROW_UINT64:
		declare_decimal(d, 20, 0);
		break;
	case ARROW_FLOAT16:
	case ARROW_FLOAT32:
		put_word(d, NULL, "float");
		break;
	case ARROW_FLOAT64:
		put_word(d, NULL, "double");
		break;
	case ARROW_DECIMAL128:
		if (info->scale < 0 || info->scale > info->precision)
			return refuse(d, field);
		declare_decimal(d, info->precision, info->scale);
		break;
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
		put_word(d, NULL, "string");
		break;
	case ARROW_BINARY:
	case ARROW_LARGE_BINARY:
		put_word(d, NULL, "bytes");
		break;
	case ARROW_FIXED_BINARY:
		declare_fixed(d, field, info->width);
		break;
	case ARROW_DATE32:
	case ARROW_DATE64:
		declare_logical(d, "int", "date");
		break;
	case ARROW_TIME32:
		declare_logical(d, "int", "time-millis");
		break;
	case ARROW_TIME64:
		if (info->unit != ARROW_MICRO)
			return refuse(d, field);
		declare_logical(d, "long", "time-micros");
		break;
	case ARROW_TIMESTAMP:
		declare_timestamp(d, info);
		break;
	case ARROW_LIST:
	case ARROW_LARGE_LIST:
	case ARROW_FIXED_LIST:
	case ARROW_MAP:
		return declare_list(d, field);
	case ARROW_STRUCT:
		return declare_record(d, field);
	default:
		return refuse(d, field);
	}
	return ORASI_OK;
}

static orasi_status declare(struct declaring *d, const struct ArrowSchema *field)
{
	struct arrow_type_info info;
	bool nullable = field->flags & ARROW_FLAG_NULLABLE;
	orasi_status status;

	if (arrow_type_parse(field->format, &info) || field->dictionary || d->depth >= DEPTH_MAX)
		return refuse(d, field);
	nullable &= info.type != ARROW_NULL;
	if (nullable) {
		jsonw_array(d->json);
		put_word(d, NULL, "null");
	}
	d->depth++;
	status = declare_value(d, field, &info);
	d->depth--;
	if (nullable)
		jsonw_end_array(d->json);
	return status;
}

orasi_status declare_rows(const struct ArrowSchema *schema, struct jsonw *ret, orasi_error *err)
{
	struct declaring declaring = {.json = ret, .err = err};
	orasi_status status;

	if (strcmp(schema->format, "+s"))
		return orasi_fail(err, ORASI_E_INVALID, "the schema is no struct");
	status = declare_record(&declaring, schema);
	if (!status && !jsonw_finish(ret))
		status = orasi_fail(err, ORASI_E_NOMEM, "no memory for the schema");
	return status;
}
