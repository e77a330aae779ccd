/* SPDX-License-Identifier: Apache-2.0 */
/* Text to tree. json-c's own reader lets the last duplicate win, clamps integers beyond int64, takes numbers and control
 * characters that RFC 8259 does not have, and keeps half a surrogate from a text that broke off for the next one: each
 * would change what was written without a word. This one takes what the RFC says and nothing else, in one walk, and
 * makes json-c's objects as it goes. */
#include "json/inside.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define SMALL_DIGITS 18 /* no more of them can be too large for 64 bits */
#define NAMES_USUAL 256 /* bytes of the keys on the way to a value, and of a number */

struct reader {
	const char *at, *end, *begin;
	struct err *err;
	int depth_max;
	struct buf text; /* keys of the objects at hand, and behind them the string or number at hand */
};

static int fail(struct reader *r, int code, const char *what)
{
	int line = 1, column = 1;

	for (const char *p = r->begin; p < r->at && p < r->end; p++) {
		column = *p == '\n' ? 1 : column + 1;
		line += *p == '\n';
	}
	err_set(r->err, code, "%s at line %d, column %d", what, line, column);
	err_where(r->err, "%d:%d", line, column);
	return code;
}

static int unexpected(struct reader *r, const char *at_end)
{
	return fail(r, ERR_INVALID, r->at < r->end ? "unexpected character" : at_end);
}

static void skip_space(struct reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r' || *r->at == '\n'))
		r->at++;
}

/* Whether c is next; it is taken then. */
static int take(struct reader *r, char c)
{
	int is_next = r->at < r->end && *r->at == c;

	r->at += is_next;
	return is_next;
}

/* What stands in r->text from there on, which ends with a NUL. */
static const char *text_from(const struct reader *r, size_t at)
{
	if (r->text.failed)
		abort();
	return r->text.data + at;
}

/* ---- strings */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_hex(struct reader *r, unsigned *ret)
{
	*ret = 0;
	for (int i = 0; i < 4; i++, r->at++) {
		int digit = r->at < r->end ? hex_value(*r->at) : -1;

		if (digit < 0)
			return fail(r, ERR_INVALID, "\\u without four hexadecimal digits");
		*ret = *ret << 4 | (unsigned)digit;
	}
	return 0;
}

static void put_utf8(struct buf *text, unsigned c)
{
	if (c < 0x80) {
		buf_putc(text, (char)c);
		return;
	}
	if (c >= 0x10000) {
		buf_putc(text, (char)(0xF0 | c >> 18));
		buf_putc(text, (char)(0x80 | (c >> 12 & 0x3F)));
	} else if (c >= 0x800) {
		buf_putc(text, (char)(0xE0 | c >> 12));
	}
	buf_putc(text, (char)(c >= 0x800 ? 0x80 | (c >> 6 & 0x3F) : 0xC0 | c >> 6));
	buf_putc(text, (char)(0x80 | (c & 0x3F)));
}

/* Behind "\u". Half of a pair without the other becomes U+FFFD. */
static int read_code(struct reader *r)
{
	unsigned c, low;
	int e = read_hex(r, &c);

	if (e)
		return e;
	if (c >> 10 == 0xD800 >> 10 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
		const char *behind = r->at;

		r->at += 2;
		e = read_hex(r, &low);
		if (e)
			return e;
		if (low >> 10 == 0xDC00 >> 10)
			c = 0x10000 + ((c & 0x3FF) << 10 | (low & 0x3FF));
		else
			r->at = behind; /* is read for itself */
	}
	put_utf8(&r->text, c >> 11 == 0xD800 >> 11 ? 0xFFFD : c);
	return 0;
}

static int read_escape(struct reader *r)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *letter;

	r->at++;
	if (take(r, 'u'))
		return read_code(r);
	letter = r->at < r->end && *r->at ? strchr(letters, *r->at) : NULL;
	if (!letter)
		return unexpected(r, "string without an end");
	r->at++;
	buf_putc(&r->text, meant[letter - letters]);
	return 0;
}

/* From its opening quote to behind the closing one, into r->text. */
static int read_text(struct reader *r)
{
	for (r->at++;;) {
		const char *stop = json_plain_end(r->at, r->end);
		int e;

		buf_add(&r->text, r->at, (size_t)(stop - r->at));
		r->at = stop;
		if (take(r, '"'))
			return 0;
		if (r->at == r->end)
			return fail(r, ERR_INVALID, "string without an end");
		if (*r->at != '\\')
			return fail(r, ERR_INVALID, "control character in a string");
		e = read_escape(r);
		if (e)
			return e;
	}
}

static int read_string(struct reader *r, struct json_object **ret)
{
	const char *begin = r->at + 1, *end = json_plain_end(begin, r->end);
	size_t before = r->text.len;
	int e;

	if (end < r->end && *end == '"') { /* nothing in it is spelled otherwise */
		r->at = end + 1;
		*ret = must(json_object_new_string_len(begin, (int)(end - begin)));
		return 0;
	}
	e = read_text(r);
	if (!e)
		*ret = must(json_object_new_string_len(text_from(r, before), (int)(r->text.len - before)));
	r->text.len = before;
	return e;
}

/* ---- numbers and words */

static size_t skip_digits(struct reader *r)
{
	const char *begin = r->at;

	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return (size_t)(r->at - begin);
}

/* Walks over it; *ret_is_whole: without a fraction and an exponent. */
static int skip_number(struct reader *r, int *ret_is_whole)
{
	int fine;

	take(r, '-');
	fine = take(r, '0') || skip_digits(r);
	*ret_is_whole = 1;
	if (fine && take(r, '.')) {
		*ret_is_whole = 0;
		fine = skip_digits(r) > 0;
	}
	if (fine && (take(r, 'e') || take(r, 'E'))) {
		*ret_is_whole = 0;
		if (!take(r, '+'))
			take(r, '-');
		fine = skip_digits(r) > 0;
	}
	return fine ? 0 : fail(r, ERR_INVALID, "a number without its digits");
}

/* The usual ones: so few digits that they fit. */
static int64_t small_integer(const char *at, const char *end)
{
	int is_negative = *at == '-';
	int64_t v = 0;

	for (at += is_negative; at < end; at++)
		v = v * 10 + (*at - '0');
	return is_negative ? -v : v;
}

/* One with a fraction keeps its digits, to be written as it came. */
static int read_number(struct reader *r, struct json_object **ret)
{
	const char *begin = r->at, *text;
	size_t before = r->text.len;
	int is_whole, e = skip_number(r, &is_whole);
	int64_t v;

	if (e)
		return e;
	if (is_whole && r->at - begin <= SMALL_DIGITS) {
		*ret = must(json_object_new_int64(small_integer(begin, r->at)));
		return 0;
	}
	buf_add(&r->text, begin, (size_t)(r->at - begin));
	text = text_from(r, before);
	r->text.len = before;
	if (!is_whole)
		*ret = must(json_object_new_double_s(strtod(text, NULL), text));
	else if (str_to_i64(text, &v))
		return fail(r, ERR_LIMIT, "integer does not fit 64 bits");
	else
		*ret = must(json_object_new_int64(v));
	return 0;
}

static int take_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);
	int is_next = (size_t)(r->end - r->at) >= n && !memcmp(r->at, word, n);

	r->at += is_next ? n : 0;
	return is_next;
}

static int read_word(struct reader *r, struct json_object **ret)
{
	if (take_word(r, "true"))
		*ret = must(json_object_new_boolean(1));
	else if (take_word(r, "false"))
		*ret = must(json_object_new_boolean(0));
	else if (!take_word(r, "null"))
		return unexpected(r, "no value");
	return 0;
}

/* ---- arrays and objects */

#define NO_END "array or object without an end"

static int read_value(struct reader *r, int depth, struct json_object **ret);

/* Behind an item: whether another one follows. */
static int goes_on(struct reader *r, char close, int *ret_error)
{
	skip_space(r);
	if (take(r, ','))
		return 1;
	if (!take(r, close))
		*ret_error = unexpected(r, NO_END);
	return 0;
}

static int read_item(struct reader *r, int depth, struct json_object *array)
{
	struct json_object *value = NULL;
	int e = read_value(r, depth, &value);

	if (!e && json_object_array_add(array, value))
		abort();
	return e;
}

#define TWICE "an object has the same key twice"

/* Takes value. The second of a name is found at once among few members; else it takes the place of the first, and one is
 * missing at the end. */
static int add_member(struct reader *r, struct json_object *object, const char *key, struct json_object *value)
{
	const struct lh_table *members = json_object_get_object(object);
	unsigned options = members->count <= FEW ? JSON_C_OBJECT_ADD_KEY_IS_NEW : 0;

	if (options && find_among_few(members, key)) {
		json_object_put(value);
		return err_set(r->err, ERR_INVALID, TWICE);
	}
	if (json_object_object_add_ex(object, key, value, options))
		abort();
	return 0;
}

static int read_member(struct reader *r, int depth, struct json_object *object)
{
	struct json_object *value = NULL;
	size_t key = r->text.len;
	int e;

	skip_space(r);
	if (r->at == r->end || *r->at != '"')
		return unexpected(r, NO_END);
	e = read_text(r);
	if (e)
		return e;
	buf_putc(&r->text, '\0');
	skip_space(r);
	e = take(r, ':') ? read_value(r, depth, &value) : unexpected(r, NO_END);
	if (!e)
		e = add_member(r, object, text_from(r, key), value);
	r->text.len = key;
	return e;
}

static int read_array(struct reader *r, int depth, struct json_object **ret)
{
	struct json_object *array = must(json_object_new_array());
	int e = 0;

	r->at++;
	skip_space(r);
	if (!take(r, ']'))
		do
			e = read_item(r, depth + 1, array);
		while (!e && goes_on(r, ']', &e));
	if (e)
		json_object_put(array);
	else
		*ret = array;
	return e;
}

static int read_object(struct reader *r, int depth, struct json_object **ret)
{
	struct json_object *object = must(json_object_new_object());
	int n = 0, e = 0;

	r->at++;
	skip_space(r);
	if (!take(r, '}'))
		do
			e = read_member(r, depth + 1, object);
		while (++n && !e && goes_on(r, '}', &e));
	if (!e && n != json_object_object_length(object))
		e = err_set(r->err, ERR_INVALID, TWICE);
	if (e)
		json_object_put(object);
	else
		*ret = object;
	return e;
}

static int too_deep(struct reader *r)
{
	char text[64];

	snprintf(text, sizeof(text), "nested deeper than %d levels", r->depth_max);
	return fail(r, ERR_LIMIT, text);
}

static int read_value(struct reader *r, int depth, struct json_object **ret)
{
	skip_space(r);
	if (r->at == r->end)
		return fail(r, ERR_INVALID, NO_END);
	if (depth > r->depth_max)
		return too_deep(r);
	switch (*r->at) {
	case '"':
		return read_string(r, ret);
	case '{':
		return read_object(r, depth, ret);
	case '[':
		return read_array(r, depth, ret);
	case '-':
	case '0' ... '9':
		return read_number(r, ret);
	default:
		return read_word(r, ret);
	}
}

/* One value with nothing but space around it. */
static int read_whole(struct reader *r, struct json_object **ret)
{
	int e;

	if (!utf8_valid(r->begin, (size_t)(r->end - r->begin)))
		return err_set(r->err, ERR_INVALID, "the JSON text is not valid UTF-8");
	skip_space(r);
	if (r->at == r->end)
		return err_set(r->err, ERR_INVALID, "the JSON text is empty");
	e = read_value(r, 0, ret);
	if (e)
		return e;
	skip_space(r);
	if (r->at == r->end)
		return 0;
	json_object_put(*ret);
	*ret = NULL;
	return fail(r, ERR_INVALID, "text after the JSON value");
}

static int parse(const char *text, size_t n, int depth_max, struct json **ret, struct err *err)
{
	struct reader r = {.at = text, .end = text + n, .begin = text, .err = err, .depth_max = depth_max};
	struct json_object *value = NULL;
	char usual[NAMES_USUAL];
	int e;

	if (n > INT_MAX / 2)
		return err_set(err, ERR_LIMIT, "the JSON text is too large");
	buf_init_in(&r.text, usual, sizeof(usual));
	e = read_whole(&r, &value);
	buf_done(&r.text);
	if (!e)
		*ret = out(value);
	return e;
}

int json_parse(const char *text, size_t n, struct json **ret, struct err *err)
{
	return parse(text, n, JSON_DEPTH_MAX, ret, err);
}

int json_parse_own(const char *text, size_t n, struct json **ret, struct err *err)
{
	return parse(text, n, JSON_DEPTH_OWN_MAX, ret, err);
}

/* ---- one value a line ---------------------------------------------------------------------------------- */

static int is_blank(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && (p[i] == ' ' || p[i] == '\t' || p[i] == '\r'))
		i++;
	return i == n;
}

int json_parse_lines(const char *text, size_t n, struct json **ret, struct err *err)
{
	struct json *list = json_new_array();
	const char *at = text, *end = text + n;

	for (size_t line = 1; at < end; line++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at);
		struct json *value = NULL;

		if (!is_blank(at, len)) {
			int r = json_parse(at, len, &value, err);

			if (r) {
				json_free(list);
				err_prefix(err, "line %zu", line);
				return r;
			}
			json_push(list, value);
		}
		at += len + 1;
	}
	*ret = list;
	return 0;
}
