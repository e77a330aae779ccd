/* SPDX-License-Identifier: Apache-2.0 */
#include "value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <orasi/sdk/number.h>
#include <orasi/sdk/stamp.h>

#define NUMBER_MAX 128 /* bytes of a number that is rewritten; number_scan may read 8 more */

struct text {
	const uint8_t *p;
	size_t n;
};

/* Blanks around what is no text never count. */
static struct text trimmed(const struct field *field)
{
	struct text t = {field->p, field->len};

	while (t.n && (*t.p == ' ' || *t.p == '\t')) {
		t.p++;
		t.n--;
	}
	while (t.n && (t.p[t.n - 1] == ' ' || t.p[t.n - 1] == '\t'))
		t.n--;
	return t;
}

static bool is_word(struct text t, const char *word)
{
	return t.n == strlen(word) && !strncasecmp((const char *)t.p, word, t.n);
}

bool value_is_null(const struct format *format, const struct field *field)
{
	if (field->quoted)
		return false;
	if (!field->len)
		return true;
	for (uint32_t i = 0; i < format->n_nulls; i++)
		if (strlen(format->nulls[i]) == field->len && !memcmp(format->nulls[i], field->p, field->len))
			return true;
	return false;
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

/* Digits in groups of three between separators: the length without these into dst, or 0. */
static size_t ungroup(const struct format *format, struct text t, uint8_t *dst)
{
	size_t n = 0, group = 0, groups = 0;
	bool whole = true;

	for (size_t i = 0; i < t.n; i++) {
		uint8_t c = t.p[i];
		bool digit = (uint8_t)(c - '0') < 10;

		if (whole && c == format->thousands) {
			if (!group || group > 3 || (groups && group != 3))
				return 0;
			groups++;
			group = 0;
			continue;
		}
		if (whole && !digit && (i || c != '-')) {
			if (groups && group != 3)
				return 0;
			whole = false;
		}
		group += whole && digit;
		dst[n++] = c == format->decimal ? '.' : c;
	}
	return whole && groups && group != 3 ? 0 : n;
}

/* Into the grammar of number_scan: a point for the decimal comma, a zero before a leading point. */
static bool rewrite(const struct format *format, struct text *t, uint8_t buf[NUMBER_MAX + 16])
{
	size_t n, sign;

	if (!t->n || t->n > NUMBER_MAX - 1 ||
	    (format->decimal == ',' && memchr(t->p, '.', t->n) && format->thousands != '.'))
		return false;
	memset(buf, 0, NUMBER_MAX + 16);
	n = ungroup(format, *t, buf);
	sign = n && buf[0] == '-';
	if (n > sign && buf[sign] == '.') {
		memmove(buf + sign + 1, buf + sign, n - sign);
		buf[sign] = '0';
		n++;
	}
	*t = (struct text){buf, n};
	return n > 0;
}

static bool is_number(const struct format *format, struct text t, struct number *ret, uint8_t buf[NUMBER_MAX + 16])
{
	bool as_is = format->decimal == '.' && !format->thousands && t.n && *t.p != '.' &&
	             !(*t.p == '-' && t.n > 1 && t.p[1] == '.');

	if (!as_is && !rewrite(format, &t, buf))
		return false;
	return t.n && number_scan(t.p, ret) == t.p + t.n;
}

static bool is_nan(struct text t, double *ret)
{
	static const struct {
		const char *word;
		double value;
	} words[] = {{"nan", NAN},
	             {"inf", INFINITY},
	             {"-inf", -INFINITY},
	             {"infinity", INFINITY},
	             {"-infinity", -INFINITY}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_word(t, words[i].word)) {
			*ret = words[i].value;
			return true;
		}
	return false;
}

/* ---- digits ------------------------------------------------------------------------------------------------------ */

#define DIGITS_SAFE 15 /* every number of so many is told apart by a double */
#define DIGITS_MAX 64

/* The digits of a number without zeros in front and at the end, up to its exponent; how many. */
static size_t digits_of(const char *text, size_t len, char ret[DIGITS_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < len && (text[i] | 0x20) != 'e' && n <= DIGITS_MAX; i++)
		if (text[i] >= '0' && text[i] <= '9' && (n || text[i] != '0'))
			ret[n++] = text[i];
	while (n && n <= DIGITS_MAX && ret[n - 1] == '0')
		n--;
	return n;
}

/* Do all digits come back from the double? Programs write doubles with up to 19 digits, which do. */
static bool keeps_digits(const struct number *number, double v)
{
	char typed[DIGITS_MAX + 1], kept[DIGITS_MAX + 1], text[DIGITS_MAX + 16];
	size_t n = digits_of((const char *)number->text, number->len, typed);
	int len;

	if (n <= DIGITS_SAFE)
		return true;
	if (n > DIGITS_MAX)
		return false;
	len = snprintf(text, sizeof(text), "%.*e", (int)n - 1, v);
	return digits_of(text, (size_t)len, kept) == n && !memcmp(typed, kept, n);
}

/* ---- kinds ------------------------------------------------------------------------------------------------------- */

unsigned value_kind(const struct format *format, const struct field *field)
{
	struct text t = trimmed(field);
	uint8_t buf[NUMBER_MAX + 16];
	struct number number;
	struct stamp stamp;
	int64_t whole;
	int32_t days;
	double v;

	if (is_number(format, t, &number, buf)) {
		if (!number.integer)
			return number_double(&number, &v) && keeps_digits(&number, v) ? VALUE_DOUBLE : VALUE_TEXT;
		return number_int64(&number, &whole) ? VALUE_INT : VALUE_TEXT;
	}
	if (is_word(t, "true") || is_word(t, "false"))
		return VALUE_BOOL;
	if (is_nan(t, &v))
		return VALUE_NAN;
	if (format->stamps && stamp_parse_date(t.p, t.n, &days))
		return VALUE_DATE;
	return format->stamps && stamp_parse(t.p, t.n, &stamp) ? VALUE_STAMP : VALUE_TEXT;
}

const char *value_type(unsigned kinds)
{
	static const struct {
		unsigned needs, may;
		const char *type;
	} types[] = {
		{VALUE_BOOL, VALUE_BOOL, "b"},
		{VALUE_INT, VALUE_INT, "l"},
		{VALUE_DOUBLE, VALUE_INT | VALUE_DOUBLE | VALUE_NAN, "g"},
		{VALUE_INT, VALUE_INT | VALUE_NAN, "g"},
		{VALUE_DATE, VALUE_DATE, "tdD"},
		{VALUE_STAMP, VALUE_DATE | VALUE_STAMP, "tsu:UTC"},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((kinds & types[i].needs) && !(kinds & ~types[i].may))
			return types[i].type;
	return "u";
}

/* ---- columns ----------------------------------------------------------------------------------------------------- */

bool value_can(const struct arrow_type_info *info)
{
	switch (info->type) {
	case ARROW_BOOL:
	case ARROW_INT8 ... ARROW_UINT64:
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
	case ARROW_DECIMAL128:
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
	case ARROW_DATE32:
	case ARROW_TIMESTAMP:
		return true;
	default:
		return false;
	}
}

static enum value done(int r)
{
	return r ? VALUE_NOMEM : VALUE_OK;
}

static enum value mismatch(const char *what, const char **ret_what)
{
	*ret_what = what;
	return VALUE_MISMATCH;
}

static enum value append_text(const struct format *format, struct arrow_builder *to, const struct field *field,
                              struct value_scratch *scratch)
{
	if (!field->escaped)
		return done(arrow_append_bytes(to, field->p, field->len));
	if (field->len > scratch->cap) {
		uint8_t *p = realloc(scratch->p, 2 * field->len);

		if (!p)
			return VALUE_NOMEM;
		scratch->p = p;
		scratch->cap = 2 * field->len;
	}
	return done(
		arrow_append_bytes(to, scratch->p, scan_unescape(&format->dialect, scratch->p, field->p, field->len)));
}

static enum value append_bool(struct arrow_builder *to, struct text t, const char **ret_what)
{
	if (is_word(t, "true") || is_word(t, "1"))
		return done(arrow_append_bool(to, 1));
	if (is_word(t, "false") || is_word(t, "0"))
		return done(arrow_append_bool(to, 0));
	return mismatch("neither true nor false", ret_what);
}

/* Does the integer fit a narrower column? */
static bool fits(const struct arrow_type_info *info, int64_t v)
{
	unsigned bits = (unsigned)(8 * arrow_type_width(info));

	if (bits == 64)
		return true;
	if (info->type == ARROW_INT8 || info->type == ARROW_INT16 || info->type == ARROW_INT32)
		return v >= -(1LL << (bits - 1)) && v < 1LL << (bits - 1);
	return v >= 0 && v < 1LL << bits;
}

static enum value append_number(struct arrow_builder *to, const struct arrow_type_info *info,
                                const struct number *number, const char **ret_what)
{
	number_int128 decimal;
	int64_t v;
	double d;

	switch (info->type) {
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		if (!number_double(number, &d) || (info->type == ARROW_FLOAT32 && isinf((float)d)))
			return mismatch("a number beyond the range of the column", ret_what);
		return done(arrow_append_double(to, d));
	case ARROW_DECIMAL128:
		if (!number_decimal(number, info->precision, info->scale, &decimal))
			return mismatch("a number with more digits than the decimal column has", ret_what);
		return done(arrow_append_fixed(to, &decimal));
	case ARROW_UINT64:
		if (!number_uint64(number, (uint64_t *)&v))
			return mismatch("not a whole number in the range of the column", ret_what);
		return done(arrow_append_int(to, v));
	default:
		if (!number_int64(number, &v) || !fits(info, v))
			return mismatch("not a whole number in the range of the column", ret_what);
		return done(arrow_append_int(to, v));
	}
}

static enum value append_stamp(struct arrow_builder *to, const struct arrow_type_info *info, struct text t,
                               const char **ret_what)
{
	struct stamp stamp = {0};
	int32_t days;
	int64_t v;

	if (stamp_parse_date(t.p, t.n, &days))
		stamp.seconds = (int64_t)days * 86400;
	else if (!stamp_parse(t.p, t.n, &stamp))
		return mismatch("not a time such as 2026-01-31T23:59:59.5Z", ret_what);
	if (!stamp_in(&stamp, info->unit, &v))
		return mismatch("a time beyond the range of the column", ret_what);
	return done(arrow_append_int(to, v));
}

static enum value append_date(struct arrow_builder *to, struct text t, const char **ret_what)
{
	int32_t days;

	if (!stamp_parse_date(t.p, t.n, &days))
		return mismatch("not a date such as 2026-01-31", ret_what);
	return done(arrow_append_int(to, days));
}

enum value value_append(const struct format *format, struct arrow_builder *to, const struct arrow_type_info *info,
                        const struct field *field, struct value_scratch *scratch, const char **ret_what)
{
	struct text t;
	uint8_t buf[NUMBER_MAX + 16];
	struct number number;
	double v;

	if (info->type == ARROW_UTF8 || info->type == ARROW_LARGE_UTF8)
		return append_text(format, to, field, scratch);
	t = trimmed(field);
	switch (info->type) {
	case ARROW_BOOL:
		return append_bool(to, t, ret_what);
	case ARROW_DATE32:
		return append_date(to, t, ret_what);
	case ARROW_TIMESTAMP:
		return append_stamp(to, info, t, ret_what);
	default:
		break;
	}
	if (is_number(format, t, &number, buf))
		return append_number(to, info, &number, ret_what);
	if ((info->type == ARROW_FLOAT32 || info->type == ARROW_FLOAT64) && is_nan(t, &v))
		return done(arrow_append_double(to, v));
	return mismatch("not a number", ret_what);
}
