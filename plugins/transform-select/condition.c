/* SPDX-License-Identifier: Apache-2.0 */
#include "condition.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <orasi/sdk/fail.h>
#include <orasi/sdk/number.h>
#include <orasi/sdk/stamp.h>

#define NUMBER_MAX 64

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static const struct {
	const char *sign;
	enum operation operation;
} signs[] = {{"!=", OPERATOR_NE}, {"<>", OPERATOR_NE}, {"<=", OPERATOR_LE}, {">=", OPERATOR_GE},
             {"==", OPERATOR_EQ}, {"=", OPERATOR_EQ},  {"<", OPERATOR_LT},  {">", OPERATOR_GT}};

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && *p == ' ')
		p++;
	return p;
}

/* A name is one word, or in double quotes. */
static const char *read_name(const char *p, const char *end, struct condition *ret)
{
	const char *start = p, *stop;

	if (p < end && *p == '"') {
		start++;
		stop = memchr(start, '"', (size_t)(end - start));
		p = stop ? stop + 1 : NULL;
	} else {
		while (p < end && !strchr(" =<>!'\"", *p))
			p++;
		stop = p;
	}
	if (!stop || stop == start || !(ret->column = strndup(start, (size_t)(stop - start))))
		return NULL;
	return p;
}

static int is_word(const char *p, const char *end, const char *word)
{
	return (size_t)(end - p) == strlen(word) && !strncasecmp(p, word, strlen(word));
}

/* Doubled quotes inside are one. */
static int read_literal(const char *p, const char *end, struct condition *ret)
{
	while (end > p && end[-1] == ' ')
		end--;
	ret->quoted = end - p >= 2 && *p == '\'' && end[-1] == '\'';
	ret->text = p < end ? malloc((size_t)(end - p) + 1) : NULL;
	if (!ret->text)
		return -1;
	for (p += ret->quoted, end -= ret->quoted; p < end; p++) {
		if (*p == '\'') {
			if (!ret->quoted || p + 1 == end || *++p != '\'')
				return -1;
		}
		ret->text[ret->len++] = *p;
	}
	ret->text[ret->len] = '\0';
	return 0;
}

static int read_rest(const char *p, const char *end, struct condition *ret)
{
	if (is_word(p, end, "is null") || is_word(p, end, "is not null")) {
		ret->operation = is_word(p, end, "is null") ? OPERATOR_NULL : OPERATOR_NOT_NULL;
		return 0;
	}
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		size_t n = strlen(signs[i].sign);

		if ((size_t)(end - p) <= n || memcmp(p, signs[i].sign, n))
			continue;
		ret->operation = signs[i].operation;
		return read_literal(skip_blanks(p + n, end), end, ret);
	}
	return -1;
}

orasi_status condition_parse(struct condition *ret, orasi_str text, orasi_error *err)
{
	const char *end = text.ptr + text.len, *p;

	while (end > text.ptr && end[-1] == ' ')
		end--;
	p = read_name(skip_blanks(text.ptr, end), end, ret);
	if (p && !read_rest(skip_blanks(p, end), end, ret))
		return ORASI_OK;
	return orasi_fail(err, ORASI_E_CONFIG,
	                  "the condition '%.*s' is none such as: status >= 500, level = 'error', note is not null",
	                  (int)(text.len < 200 ? text.len : 200), text.ptr);
}

void condition_done(struct condition *c)
{
	free(c->column);
	free(c->text);
	*c = (struct condition){0};
}

/* ---- binding ----------------------------------------------------------------------------------------------------- */

static int is_whole(enum arrow_type type)
{
	return type >= ARROW_INT8 && type <= ARROW_UINT64;
}

static int is_real(enum arrow_type type)
{
	return type == ARROW_FLOAT16 || type == ARROW_FLOAT32 || type == ARROW_FLOAT64;
}

static int is_text(enum arrow_type type)
{
	return type == ARROW_UTF8 || type == ARROW_LARGE_UTF8;
}

static int bind_number(struct condition *c, const struct arrow_type_info *info)
{
	uint8_t buf[NUMBER_MAX + 16] = {0};
	struct number number;

	if (c->quoted || !c->len || c->len > NUMBER_MAX)
		return -1;
	memcpy(buf, c->text, c->len);
	if (number_scan(buf, &number) != buf + c->len || !number_double(&number, &c->real))
		return -1;
	c->is_real = is_real(info->type) || !number_int64(&number, &c->number);
	return 0;
}

static int bind_time(struct condition *c, const struct arrow_type_info *info)
{
	struct stamp stamp = {0};
	int32_t days;

	if (stamp_parse_date((const uint8_t *)c->text, c->len, &days)) {
		c->number = days;
		stamp.seconds = (int64_t)days * 86400;
	} else if (info->type == ARROW_DATE32 || !stamp_parse((const uint8_t *)c->text, c->len, &stamp)) {
		return -1;
	}
	return info->type == ARROW_DATE32 || stamp_in(&stamp, info->unit, &c->number) ? 0 : -1;
}

static int bind_literal(struct condition *c, const struct arrow_type_info *info)
{
	if (c->operation == OPERATOR_NULL || c->operation == OPERATOR_NOT_NULL)
		return 0;
	if (is_text(info->type))
		return c->quoted ? 0 : -1;
	if (is_whole(info->type) || is_real(info->type))
		return bind_number(c, info);
	if (info->type == ARROW_DATE32 || info->type == ARROW_TIMESTAMP)
		return c->quoted ? bind_time(c, info) : -1;
	c->number = !strcmp(c->text, "true");
	return info->type == ARROW_BOOL && !c->quoted && (c->number || !strcmp(c->text, "false")) ? 0 : -1;
}

orasi_status condition_bind(struct condition *c, const struct ArrowSchema *schema, orasi_error *err)
{
	struct arrow_type_info info;

	c->at = arrow_schema_find(schema, c->column, strlen(c->column));
	if (c->at < 0)
		return orasi_fail(err, ORASI_E_CONFIG, "the filter names the column '%.100s', which is not there",
		                  c->column);
	if (arrow_type_parse(schema->children[c->at]->format, &info) || bind_literal(c, &info))
		return orasi_fail(err, ORASI_E_CONFIG,
		                  "the column '%.100s' has the Arrow type '%s', it cannot be compared with %s%.100s%s",
		                  c->column, schema->children[c->at]->format, c->quoted ? "'" : "", c->text,
		                  c->quoted ? "'" : "");
	return ORASI_OK;
}

/* ---- deciding ---------------------------------------------------------------------------------------------------- */

static int order_text(const struct condition *c, const struct arrow_view *view, int64_t i)
{
	size_t n, least;
	const void *p = arrow_view_bytes(view, i, &n);
	int r;

	least = n < c->len ? n : c->len;
	r = least ? memcmp(p, c->text, least) : 0;
	return r ? r : (n > c->len) - (n < c->len);
}

/* Below, equal, above; *ret_unordered for what is neither (NaN). */
static int order(const struct condition *c, const struct arrow_view *view, int64_t i, int *ret_unordered)
{
	int64_t v;
	double d;

	*ret_unordered = 0;
	if (is_text(view->info.type))
		return order_text(c, view, i);
	if (c->is_real) {
		d = view->info.type == ARROW_UINT64 ? (double)(uint64_t)arrow_view_int(view, i)
		                                    : arrow_view_double(view, i);
		*ret_unordered = d != d;
		return (d > c->real) - (d < c->real);
	}
	v = arrow_view_int(view, i);
	if (view->info.type == ARROW_UINT64 && v < 0)
		return 1;
	return (v > c->number) - (v < c->number);
}

int condition_holds(const struct condition *c, const struct arrow_view *view, int64_t i)
{
	int r, unordered;

	if (arrow_view_is_null(view, i) || c->operation == OPERATOR_NULL)
		return arrow_view_is_null(view, i) && c->operation == OPERATOR_NULL;
	if (c->operation == OPERATOR_NOT_NULL)
		return 1;
	r = order(c, view, i, &unordered);
	if (unordered)
		return c->operation == OPERATOR_NE;
	switch (c->operation) {
	case OPERATOR_EQ:
		return r == 0;
	case OPERATOR_NE:
		return r != 0;
	case OPERATOR_LT:
		return r < 0;
	case OPERATOR_LE:
		return r <= 0;
	case OPERATOR_GT:
		return r > 0;
	default:
		return r >= 0;
	}
}
