/* SPDX-License-Identifier: Apache-2.0 */
/* Text into a tree, strictly by RFC 8259, in one pass. Half a surrogate pair becomes U+FFFD. What
 * is refused is told with line and column. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "json/inside.h"

#define NUMBER_MAX 400 /* digits of a double that anybody would write */

struct parse {
	const char *at, *end, *begin;
	struct pool *pool;
	struct err *err;
};

static int fail(struct parse *p, int code, const char *what)
{
	int line = 1, column = 1;

	for (const char *s = p->begin; s < p->at && s < p->end; s++) {
		column = *s == '\n' ? 1 : column + 1;
		line += *s == '\n';
	}
	err_set(p->err, code, "%s at line %d, column %d", what, line, column);
	err_where(p->err, "%d:%d", line, column);
	return code;
}

static void skip_space(struct parse *p)
{
	while (p->at < p->end &&
	       (*p->at == ' ' || *p->at == '\t' || *p->at == '\r' || *p->at == '\n'))
		p->at++;
}

/* The byte there; 0 at the end, where no byte of a JSON text can be 0. */
static char peek(const struct parse *p)
{
	return p->at < p->end ? *p->at : '\0';
}

static struct json *make(struct parse *p, enum json_type type)
{
	struct json *json = pool_alloc(&p->pool, sizeof(*json));

	*json = (struct json){.type = (uint8_t)type, .flags = JSON_POOLED};
	return json;
}

/* ---- strings ------------------------------------------------------------------------------------
 */

static int hex4(const char *s, unsigned *ret)
{
	*ret = 0;
	for (int i = 0; i < 4; i++) {
		char c = s[i];
		unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
		                 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
		                 : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
		                                        : 16;

		if (digit > 15)
			return -1;
		*ret = *ret << 4 | digit;
	}
	return 0;
}

static char *put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xC0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3F));
	} else if (c < 0x10000) {
		*to++ = (char)(0xE0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3F));
		*to++ = (char)(0x80 | (c & 0x3F));
	} else {
		*to++ = (char)(0xF0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3F));
		*to++ = (char)(0x80 | (c >> 6 & 0x3F));
		*to++ = (char)(0x80 | (c & 0x3F));
	}
	return to;
}

/* p->at is at the 'u'. */
static int unescape_unit(struct parse *p, char **to)
{
	unsigned unit, low;

	if (p->end - p->at < 5 || hex4(p->at + 1, &unit))
		return fail(p, ERR_INVALID, "\\u needs four hexadecimal digits");
	p->at += 5;
	if (unit >= 0xD800 && unit < 0xDC00 && p->end - p->at >= 6 && p->at[0] == '\\' &&
	    p->at[1] == 'u' && !hex4(p->at + 2, &low) && low >= 0xDC00 && low < 0xE000) {
		unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
		p->at += 6;
	} else if (unit >= 0xD800 && unit < 0xE000) {
		unit = 0xFFFD;
	}
	*to = put_utf8(*to, unit);
	return 0;
}

static int unescape(struct parse *p, char **to)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *letter;

	p->at++;
	if (peek(p) == 'u')
		return unescape_unit(p, to);
	letter = peek(p) ? strchr(letters, *p->at) : NULL;
	if (!letter)
		return fail(p, ERR_INVALID,
		            "a backslash is followed by something else than one of \" \\ / b f n r "
		            "t u");
	p->at++;
	*(*to)++ = bytes[letter - letters];
	return 0;
}

/* Where the string ends, its escapes not looked at; NULL with the error set. */
static const char *string_end(struct parse *p)
{
	const char *begin = p->at++;

	for (; p->at < p->end && *p->at != '"'; p->at++) {
		if ((unsigned char)*p->at < 0x20) {
			fail(p, ERR_INVALID, "control character in a string");
			return NULL;
		}
		p->at += *p->at == '\\';
	}
	if (p->at >= p->end) {
		p->at = p->end;
		fail(p, ERR_INVALID, "string without an end");
		return NULL;
	}
	{
		const char *end = p->at;

		p->at = begin + 1;
		return end;
	}
}

/* p->at is at the quote. An escape is never shorter than what it stands for. */
static int parse_string(struct parse *p, char **ret, size_t *ret_n)
{
	const char *end = string_end(p);
	char *to;
	int r = 0;

	if (!end)
		return p->err->code;
	to = *ret = pool_alloc(&p->pool, (size_t)(end - p->at) + 1);
	while (p->at < end && !r) {
		const char *slash = memchr(p->at, '\\', (size_t)(end - p->at));
		size_t n = (size_t)((slash ? slash : end) - p->at);

		memcpy(to, p->at, n);
		to += n;
		p->at += n;
		if (slash)
			r = unescape(p, &to);
	}
	*to = '\0';
	*ret_n = (size_t)(to - *ret);
	p->at++;
	return r;
}

static int parse_string_value(struct parse *p, struct json **ret)
{
	size_t n = 0;
	int r;

	*ret = make(p, JSON_STRING);
	r = parse_string(p, &(*ret)->s, &n);
	(*ret)->n = (uint32_t)n;
	return r;
}

/* ---- numbers and words
 * ------------------------------------------------------------------------------ */

static int skip_digits(struct parse *p)
{
	const char *begin = p->at;

	while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
		p->at++;
	return p->at > begin;
}

static int parse_double(struct parse *p, const char *begin, struct json **ret)
{
	size_t n = (size_t)(p->at - begin);
	char *spelled = pool_alloc(&p->pool, n + 1);

	memcpy(spelled, begin, n);
	spelled[n] = '\0';
	*ret = make(p, JSON_DOUBLE);
	(*ret)->d = strtod(spelled, NULL);
	(*ret)->spelled = spelled;
	return n <= NUMBER_MAX && isfinite((*ret)->d)
	               ? 0
	               : fail(p, ERR_LIMIT, "number beyond the range of a double");
}

static int parse_int(struct parse *p, const char *begin, struct json **ret)
{
	int negative = *begin == '-';
	uint64_t v = 0, max = (uint64_t)INT64_MAX + (uint64_t)negative;

	for (const char *s = begin + negative; s < p->at; s++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v) || v > max)
			return fail(p, ERR_LIMIT, "integer does not fit 64 bits");
	*ret = make(p, JSON_INT);
	(*ret)->i = (int64_t)(negative ? 0 - v : v);
	return 0;
}

static int parse_number(struct parse *p, struct json **ret)
{
	const char *begin = p->at;
	int is_double = 0;

	p->at += *p->at == '-';
	if (peek(p) == '0')
		p->at++;
	else if (!skip_digits(p))
		return fail(p, ERR_INVALID, "a number without digits");
	if (peek(p) == '.') {
		p->at++;
		is_double = 1;
		if (!skip_digits(p))
			return fail(p, ERR_INVALID, "a number without digits behind the point");
	}
	if (peek(p) == 'e' || peek(p) == 'E') {
		p->at++;
		p->at += peek(p) == '+' || peek(p) == '-';
		is_double = 1;
		if (!skip_digits(p))
			return fail(p, ERR_INVALID, "a number without digits in its exponent");
	}
	return is_double ? parse_double(p, begin, ret) : parse_int(p, begin, ret);
}

static int parse_word(struct parse *p, struct json **ret)
{
	static const struct {
		const char *word;
		size_t len;
		int is_null, value;
	} words[] = {{"true", 4, 0, 1}, {"false", 5, 0, 0}, {"null", 4, 1, 0}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if ((size_t)(p->end - p->at) < words[i].len ||
		    memcmp(p->at, words[i].word, words[i].len))
			continue;
		p->at += words[i].len;
		*ret = words[i].is_null ? NULL : make(p, JSON_BOOL);
		if (*ret)
			(*ret)->i = words[i].value;
		return 0;
	}
	return fail(p, ERR_INVALID, "unexpected character");
}

/* ---- arrays and objects
 * -------------------------------------------------------------------------------- */

static int parse_value(struct parse *p, int depth, struct json **ret);

/* Behind a value: 1 another follows, 0 the end, else an error. */
static int parse_more(struct parse *p, char close)
{
	skip_space(p);
	if (peek(p) == close) {
		p->at++;
		return 0;
	}
	if (p->at >= p->end)
		return fail(p, ERR_INVALID, "array or object without an end");
	if (*p->at != ',')
		return fail(p, ERR_INVALID,
		            close == ']' ? "a comma or ']' is missing"
		                         : "a comma or '}' is missing");
	p->at++;
	skip_space(p);
	return 1;
}

/* 1: it is empty, and passed. */
static int parse_empty(struct parse *p, char close)
{
	p->at++;
	skip_space(p);
	if (peek(p) != close)
		return 0;
	p->at++;
	return 1;
}

static int parse_array(struct parse *p, int depth, struct json **ret)
{
	struct json *array = make(p, JSON_ARRAY), *value;
	int r;

	*ret = array;
	if (parse_empty(p, ']'))
		return 0;
	do {
		value = NULL;
		r = parse_value(p, depth + 1, &value);
		json_push(array, value); /* half a value too, so that it is freed */
		if (!r)
			r = parse_more(p, ']');
	} while (r > 0);
	return r;
}

static int parse_member(struct parse *p, int depth, struct json *object)
{
	struct json *value = NULL;
	char *key;
	size_t len;
	int r;

	if (peek(p) != '"')
		return fail(p, ERR_INVALID,
		            p->at < p->end ? "a key in quotes is missing"
		                           : "array or object without an end");
	r = parse_string(p, &key, &len);
	if (!r && strlen(key) != len) /* callers know keys as C strings */
		r = fail(p, ERR_INVALID, "a key with a NUL character");
	if (r)
		return r;
	skip_space(p);
	if (peek(p) != ':')
		return fail(p, ERR_INVALID, "a colon is missing behind a key");
	p->at++;
	if (object_find(object, key, len) >= 0)
		return fail(p, ERR_INVALID, "an object has the same key twice");
	skip_space(p);
	r = parse_value(p, depth + 1, &value);
	object_add(object, key, len, 0, value); /* half a value too, so that it is freed */
	return r;
}

static int parse_object(struct parse *p, int depth, struct json **ret)
{
	int r;

	*ret = make(p, JSON_OBJECT);
	if (parse_empty(p, '}'))
		return 0;
	do {
		r = parse_member(p, depth, *ret);
		if (!r)
			r = parse_more(p, '}');
	} while (r > 0);
	return r;
}

static int parse_value(struct parse *p, int depth, struct json **ret)
{
	if (depth > JSON_DEPTH_MAX)
		return fail(p, ERR_LIMIT, "nested deeper than 64 levels");
	switch (peek(p)) {
	case '"':
		return parse_string_value(p, ret);
	case '{':
		return parse_object(p, depth, ret);
	case '[':
		return parse_array(p, depth, ret);
	case '-':
	case '0' ... '9':
		return parse_number(p, ret);
	default:
		return p->at < p->end ? parse_word(p, ret)
		                      : fail(p, ERR_INVALID, "a value is missing");
	}
}

int json_parse(const char *text, size_t n, struct json **ret, struct err *err)
{
	struct err ignored;
	struct parse p = {text, text + n, text, NULL, err ? err : &ignored};
	struct json *value = NULL;
	int r;

	if (n > INT32_MAX / 2)
		return err_set(err, ERR_LIMIT, "the JSON text is too large");
	if (!utf8_valid(text, n))
		return err_set(err, ERR_INVALID, "the JSON text is not valid UTF-8");
	skip_space(&p);
	if (p.at == p.end)
		return err_set(err, ERR_INVALID, "the JSON text is empty");
	r = parse_value(&p, 0, &value);
	skip_space(&p);
	if (!r && p.at < p.end)
		r = fail(&p, ERR_INVALID, "text after the JSON value");
	if (value) {
		value->flags |= JSON_ROOT;
		value->pool = p.pool;
	} else {
		pool_free(p.pool);
	}
	if (r)
		json_free(value);
	else
		*ret = value;
	return r;
}
