/* SPDX-License-Identifier: Apache-2.0 */
/* A variant's binaries → JSON. What JSON has no form for is a string: dates and times as in RFC 3339, binary in base64,
 * UUIDs as in RFC 9562, and the numbers that are none by their names.
 *
 * Offsets come from outside, and several members may point to the same bytes: whoever nests that can make much of
 * little, so the length of the text is what ends it. */
#include "variant.h"

#include <math.h>

#include <orasi/sdk/number.h>
#include <orasi/sdk/stamp.h>

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define TEXT_MAX (1u << 20)
#else
#define TEXT_MAX (64u << 20)
#endif

enum basic_type { BASIC_PRIMITIVE, BASIC_SHORT_STRING, BASIC_OBJECT, BASIC_ARRAY };

enum primitive {
	PRIMITIVE_NULL,
	PRIMITIVE_TRUE,
	PRIMITIVE_FALSE,
	PRIMITIVE_INT8,
	PRIMITIVE_INT16,
	PRIMITIVE_INT32,
	PRIMITIVE_INT64,
	PRIMITIVE_DOUBLE,
	PRIMITIVE_DECIMAL4,
	PRIMITIVE_DECIMAL8,
	PRIMITIVE_DECIMAL16,
	PRIMITIVE_DATE,
	PRIMITIVE_TIMESTAMP,
	PRIMITIVE_TIMESTAMP_NTZ,
	PRIMITIVE_FLOAT,
	PRIMITIVE_BINARY,
	PRIMITIVE_STRING,
	PRIMITIVE_TIME_NTZ,
	PRIMITIVE_TIMESTAMP_NANOS,
	PRIMITIVE_TIMESTAMP_NTZ_NANOS,
	PRIMITIVE_UUID,
	N_PRIMITIVES
};

int variant_is_long(const struct jsonw *out)
{
	return out->len > TEXT_MAX;
}

/* ---- bytes ----------------------------------------------------------------------------------------------------- */

/* Little-endian, of 1 to 4 bytes. */
static uint32_t load_uint(const uint8_t *p, uint32_t width)
{
	uint32_t v = 0;

	for (uint32_t i = 0; i < width; i++)
		v |= (uint32_t)p[i] << 8 * i;
	return v;
}

/* Two's complement, little-endian, of up to 16 bytes. */
static __int128 load_int(const uint8_t *p, size_t width)
{
	unsigned __int128 v = p[width - 1] & 0x80 ? ~(unsigned __int128)0 : 0;

	for (size_t i = width; i-- > 0;)
		v = v << 8 | p[i];
	return (__int128)v;
}

/* The first n bytes of what is left; NULL: there are fewer. */
static const uint8_t *take(struct variant_bytes *left, size_t n)
{
	const uint8_t *p = left->ptr;

	if (n > left->len)
		return NULL;
	left->ptr += n;
	left->len -= n;
	return p;
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

enum variant_flaw variant_names_open(struct variant_names *ret, struct variant_bytes metadata)
{
	const uint8_t *head = take(&metadata, 1), *count;

	if (!head)
		return VARIANT_DAMAGED;
	if ((*head & 15) != 1)
		return VARIANT_UNKNOWN;
	ret->width = (uint32_t)(*head >> 6) + 1;
	count = take(&metadata, ret->width);
	if (!count)
		return VARIANT_DAMAGED;
	ret->n = load_uint(count, ret->width);
	ret->offsets = take(&metadata, ((size_t)ret->n + 1) * ret->width);
	ret->text = metadata.ptr;
	ret->len = metadata.len;
	return ret->offsets ? VARIANT_FINE : VARIANT_DAMAGED;
}

static enum variant_flaw name_of(const struct variant_names *names, uint32_t id, struct variant_bytes *ret)
{
	uint32_t begin, end;

	if (id >= names->n)
		return VARIANT_DAMAGED;
	begin = load_uint(names->offsets + (size_t)id * names->width, names->width);
	end = load_uint(names->offsets + ((size_t)id + 1) * names->width, names->width);
	if (begin > end || end > names->len)
		return VARIANT_DAMAGED;
	*ret = (struct variant_bytes){names->text + begin, end - begin};
	return VARIANT_FINE;
}

/* ---- plain values ------------------------------------------------------------------------------------------------ */

void variant_put_decimal(struct jsonw *out, __int128 v, int scale)
{
	char text[NUMBER_DECIMAL_MAX];

	jsonw_number(out, text, number_format_decimal(text, v, scale, '.'));
}

void variant_put_double(struct jsonw *out, double v)
{
	const char *name = isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity";

	if (isfinite(v))
		jsonw_double(out, v);
	else
		jsonw_string(out, name, strlen(name));
}

void variant_put_date(struct jsonw *out, int64_t days)
{
	char text[STAMP_TEXT_MAX];

	jsonw_string(out, text, stamp_format_date(text, days));
}

void variant_put_time(struct jsonw *out, int64_t us)
{
	int64_t s = us / 1000000;
	char text[64];

	if (us < 0 || s >= 86400) { /* no time of a day */
		jsonw_int(out, us);
		return;
	}
	jsonw_string(out, text,
	             (size_t)snprintf(text, sizeof(text), "%02lld:%02lld:%02lld.%06lld", (long long)(s / 3600),
	                              (long long)(s / 60 % 60), (long long)(s % 60), (long long)(us % 1000000)));
}

void variant_put_timestamp(struct jsonw *out, int64_t v, enum arrow_unit unit, int utc)
{
	char text[STAMP_TEXT_MAX];

	jsonw_string(out, text, stamp_format(text, v, unit, utc ? "Z" : ""));
}

void variant_put_binary(struct jsonw *out, const uint8_t *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc((n + 2) / 3 * 4 + 1), *at = text;

	if (!text) {
		out->failed = 1;
		return;
	}
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v =
			(uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);

		*at++ = digits[v >> 18];
		*at++ = digits[v >> 12 & 63];
		*at++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*at++ = i + 2 < n ? digits[v & 63] : '=';
	}
	jsonw_string(out, text, (size_t)(at - text));
	free(text);
}

static void put_uuid(struct jsonw *out, const uint8_t *p)
{
	char text[40];

	for (int i = 0, n = 0; i < 16; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%02x",
		              i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", p[i]);
	jsonw_string(out, text, strlen(text));
}

/* ---- primitives ---------------------------------------------------------------------------------------------------- */

/* Bytes of the value; those of text and binary tell how many follow. */
static const uint8_t widths[N_PRIMITIVES] = {
	[PRIMITIVE_INT8] = 1,      [PRIMITIVE_INT16] = 2,           [PRIMITIVE_INT32] = 4,
	[PRIMITIVE_INT64] = 8,     [PRIMITIVE_DOUBLE] = 8,          [PRIMITIVE_DECIMAL4] = 5,
	[PRIMITIVE_DECIMAL8] = 9,  [PRIMITIVE_DECIMAL16] = 17,      [PRIMITIVE_DATE] = 4,
	[PRIMITIVE_TIMESTAMP] = 8, [PRIMITIVE_TIMESTAMP_NTZ] = 8,   [PRIMITIVE_FLOAT] = 4,
	[PRIMITIVE_BINARY] = 4,    [PRIMITIVE_STRING] = 4,          [PRIMITIVE_TIME_NTZ] = 8,
	[PRIMITIVE_UUID] = 16,     [PRIMITIVE_TIMESTAMP_NANOS] = 8, [PRIMITIVE_TIMESTAMP_NTZ_NANOS] = 8,
};

static double load_double(const uint8_t *p)
{
	double v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static double load_float(const uint8_t *p)
{
	float v;

	memcpy(&v, p, sizeof(v));
	return (double)v;
}

static enum variant_flaw put_sized(struct jsonw *out, enum primitive type, const uint8_t *size,
                                   struct variant_bytes left)
{
	size_t n = load_uint(size, 4);
	const uint8_t *p = take(&left, n);

	if (!p)
		return VARIANT_DAMAGED;
	if (type == PRIMITIVE_STRING)
		jsonw_string(out, (const char *)p, n);
	else
		variant_put_binary(out, p, n);
	return VARIANT_FINE;
}

static enum variant_flaw put_decimal(struct jsonw *out, const uint8_t *p, size_t width)
{
	if (*p > 38)
		return VARIANT_DAMAGED;
	variant_put_decimal(out, load_int(p + 1, width - 1), *p);
	return VARIANT_FINE;
}

static enum variant_flaw put_primitive(struct jsonw *out, unsigned type, struct variant_bytes left)
{
	const uint8_t *p = type < N_PRIMITIVES ? take(&left, widths[type]) : NULL;
	enum variant_flaw r = VARIANT_FINE;

	if (type >= N_PRIMITIVES)
		return VARIANT_UNKNOWN;
	if (!p)
		return VARIANT_DAMAGED;
	switch ((enum primitive)type) {
	case PRIMITIVE_TRUE:
	case PRIMITIVE_FALSE:
		jsonw_bool(out, type == PRIMITIVE_TRUE);
		break;
	case PRIMITIVE_INT8:
	case PRIMITIVE_INT16:
	case PRIMITIVE_INT32:
	case PRIMITIVE_INT64:
		jsonw_int(out, (int64_t)load_int(p, widths[type]));
		break;
	case PRIMITIVE_DOUBLE:
		variant_put_double(out, load_double(p));
		break;
	case PRIMITIVE_FLOAT:
		variant_put_double(out, load_float(p));
		break;
	case PRIMITIVE_DECIMAL4:
	case PRIMITIVE_DECIMAL8:
	case PRIMITIVE_DECIMAL16:
		r = put_decimal(out, p, widths[type]);
		break;
	case PRIMITIVE_DATE:
		variant_put_date(out, (int64_t)load_int(p, 4));
		break;
	case PRIMITIVE_TIME_NTZ:
		variant_put_time(out, (int64_t)load_int(p, 8));
		break;
	case PRIMITIVE_TIMESTAMP:
	case PRIMITIVE_TIMESTAMP_NTZ:
		variant_put_timestamp(out, (int64_t)load_int(p, 8), ARROW_MICRO, type == PRIMITIVE_TIMESTAMP);
		break;
	case PRIMITIVE_TIMESTAMP_NANOS:
	case PRIMITIVE_TIMESTAMP_NTZ_NANOS:
		variant_put_timestamp(out, (int64_t)load_int(p, 8), ARROW_NANO, type == PRIMITIVE_TIMESTAMP_NANOS);
		break;
	case PRIMITIVE_BINARY:
	case PRIMITIVE_STRING:
		r = put_sized(out, (enum primitive)type, p, left);
		break;
	case PRIMITIVE_UUID:
		put_uuid(out, p);
		break;
	default:
		jsonw_null(out);
	}
	return r;
}

/* ---- objects and arrays ------------------------------------------------------------------------------------------- */

/* What stands in front of the values of an object or array. */
struct items {
	uint32_t n, id_width, offset_width;
	const uint8_t *ids, *offsets;
	struct variant_bytes values;
};

/* `ids`: of an object, whose header has their width. */
static enum variant_flaw open_items(struct items *ret, unsigned header, int ids, struct variant_bytes left)
{
	uint32_t count_width = header >> (ids ? 4 : 2) & 1 ? 4 : 1;
	const uint8_t *count = take(&left, count_width);

	if (!count)
		return VARIANT_DAMAGED;
	ret->n = load_uint(count, count_width);
	ret->offset_width = (header & 3) + 1;
	ret->id_width = ids ? (header >> 2 & 3) + 1 : 0;
	ret->ids = take(&left, (size_t)ret->n * ret->id_width);
	ret->offsets = ret->ids ? take(&left, ((size_t)ret->n + 1) * ret->offset_width) : NULL;
	ret->values = left;
	return ret->offsets ? VARIANT_FINE : VARIANT_DAMAGED;
}

/* From where it begins to the end of all: a value knows its own length. */
static enum variant_flaw put_item(struct jsonw *out, const struct variant_names *names, const struct items *items,
                                  uint32_t i, int depth)
{
	uint32_t at = load_uint(items->offsets + (size_t)i * items->offset_width, items->offset_width);

	if (at >= items->values.len)
		return VARIANT_DAMAGED;
	return variant_put(out, names, (struct variant_bytes){items->values.ptr + at, items->values.len - at},
	                   depth + 1);
}

static enum variant_flaw put_array(struct jsonw *out, const struct variant_names *names, unsigned header,
                                   struct variant_bytes left, int depth)
{
	struct items items;
	enum variant_flaw r = open_items(&items, header, 0, left);

	jsonw_array(out);
	for (uint32_t i = 0; !r && i < items.n; i++)
		r = put_item(out, names, &items, i, depth);
	jsonw_end_array(out);
	return r;
}

/* Names stand in order, so those that are equal stand together. */
static int is_same(struct variant_bytes a, struct variant_bytes b)
{
	return a.len == b.len && (!a.len || !memcmp(a.ptr, b.ptr, a.len));
}

enum variant_flaw variant_put_members(struct jsonw *out, const struct variant_names *names, struct variant_bytes value,
                                      int depth, int (*is_other)(const void *ctx, const uint8_t *name, size_t n),
                                      const void *ctx)
{
	const uint8_t *head = take(&value, 1);
	struct variant_bytes name, before = {0};
	struct items items;
	enum variant_flaw r;

	if (!head || (*head & 3) != BASIC_OBJECT)
		return VARIANT_DAMAGED;
	r = open_items(&items, *head >> 2, 1, value);
	for (uint32_t i = 0; !r && i < items.n; i++, before = name) {
		r = name_of(names, load_uint(items.ids + (size_t)i * items.id_width, items.id_width), &name);
		if (!r && i && is_same(name, before))
			r = VARIANT_DAMAGED;
		if (r || (is_other && is_other(ctx, name.ptr, name.len)))
			continue;
		jsonw_keyn(out, (const char *)name.ptr, name.len);
		r = put_item(out, names, &items, i, depth);
	}
	return r;
}

static enum variant_flaw put_object(struct jsonw *out, const struct variant_names *names, struct variant_bytes value,
                                    int depth)
{
	enum variant_flaw r;

	jsonw_object(out);
	r = variant_put_members(out, names, value, depth, NULL, NULL);
	jsonw_end_object(out);
	return r;
}

enum variant_flaw variant_put(struct jsonw *out, const struct variant_names *names, struct variant_bytes value,
                              int depth)
{
	struct variant_bytes left = value;
	const uint8_t *head = take(&left, 1), *text;

	if (!head)
		return VARIANT_DAMAGED;
	if (depth > VARIANT_DEPTH_MAX)
		return VARIANT_DEEP;
	if (variant_is_long(out))
		return VARIANT_LONG;
	switch ((enum basic_type)(*head & 3)) {
	case BASIC_SHORT_STRING:
		text = take(&left, *head >> 2);
		if (!text)
			return VARIANT_DAMAGED;
		jsonw_string(out, (const char *)text, *head >> 2);
		return VARIANT_FINE;
	case BASIC_OBJECT:
		return put_object(out, names, value, depth);
	case BASIC_ARRAY:
		return put_array(out, names, *head >> 2, left, depth);
	default:
		return put_primitive(out, *head >> 2, left);
	}
}
