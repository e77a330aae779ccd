/* SPDX-License-Identifier: Apache-2.0 */
/* struct json is json-c's object under another name: the casts stay in this file. json-c has no
 * object for null, so a null is kept as a NULL child and json_get answers NULL for it, which reads
 * the same through every getter. */
/* json-c's typedefs json_bool and json_type collide with our function names, so they get others here. */
#define json_bool jsonc_bool
#define json_type jsonc_type
#include <json-c/json.h>
#undef json_bool
#undef json_type

#include "json/json.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static struct json_object *in(const struct json *json)
{
	return (struct json_object *)json;
}

static struct json *out(struct json_object *object)
{
	return (struct json *)object;
}

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

/* json-c lets the last duplicate win and takes integers beyond int64 by clamping: both would
 * change what the user wrote without a word. This walk over the text refuses them, along with
 * control characters in strings that json-c's strict mode lets through. */
struct scan {
	const char *at, *end, *begin;
	struct err *err;
};

static int scan_fail(struct scan *s, int code, const char *what)
{
	int line = 1, column = 1;

	for (const char *p = s->begin; p < s->at && p < s->end; p++) {
		column = *p == '\n' ? 1 : column + 1;
		line += *p == '\n';
	}
	err_set(s->err, code, "%s at line %d, column %d", what, line, column);
	err_where(s->err, "%d:%d", line, column);
	return code;
}

static void scan_space(struct scan *s)
{
	while (s->at < s->end && strchr(" \t\r\n", *s->at) && *s->at)
		s->at++;
}

static int scan_string(struct scan *s)
{
	for (s->at++; s->at < s->end && *s->at != '"'; s->at++) {
		if ((unsigned char)*s->at < 0x20)
			return scan_fail(s, ERR_INVALID, "control character in a string");
		if (*s->at == '\\')
			s->at++;
	}
	if (s->at >= s->end)
		return scan_fail(s, ERR_INVALID, "string without an end");
	s->at++;
	return 0;
}

static int scan_number(struct scan *s)
{
	const char *begin = s->at;
	char digits[32];
	int64_t v;
	size_t n;

	while (s->at < s->end && *s->at && strchr("+-0123456789.eE", *s->at))
		s->at++;
	n = (size_t)(s->at - begin);
	if (memchr(begin, '.', n) || memchr(begin, 'e', n) || memchr(begin, 'E', n))
		return 0;
	if (n >= sizeof(digits))
		return scan_fail(s, ERR_LIMIT, "integer does not fit 64 bits");
	memcpy(digits, begin, n);
	digits[n] = '\0';
	if (str_to_i64(digits, &v) == ERR_LIMIT)
		return scan_fail(s, ERR_LIMIT, "integer does not fit 64 bits");
	return 0;
}

static int scan_value(struct scan *s, int depth);

static int scan_members(struct scan *s, char close, int depth)
{
	s->at++;
	for (;;) {
		int r;

		scan_space(s);
		if (s->at < s->end && *s->at == close) {
			s->at++;
			return 0;
		}
		if (s->at >= s->end)
			return scan_fail(s, ERR_INVALID, "array or object without an end");
		if (*s->at == ',' || *s->at == ':') {
			s->at++;
			continue;
		}
		r = scan_value(s, depth);
		if (r)
			return r;
	}
}

static int scan_value(struct scan *s, int depth)
{
	if (depth > JSON_DEPTH_MAX)
		return scan_fail(s, ERR_LIMIT, "nested deeper than 64 levels");
	switch (*s->at) {
	case '"':
		return scan_string(s);
	case '{':
		return scan_members(s, '}', depth + 1);
	case '[':
		return scan_members(s, ']', depth + 1);
	default:
		if (strchr("-0123456789", *s->at) && *s->at)
			return scan_number(s);
		if (strchr("truefalsn", *s->at) && *s->at) {
			while (s->at < s->end && *s->at >= 'a' && *s->at <= 'z')
				s->at++;
			return 0;
		}
		return scan_fail(s, ERR_INVALID, "unexpected character");
	}
}

static size_t key_count(const struct json_object *object)
{
	return (size_t)json_object_object_length(object);
}

/* json-c drops duplicates silently; counting colons at each level in the text finds them. */
static size_t count_keys_in_tree(struct json_object *value)
{
	size_t n = 0;

	if (json_object_is_type(value, json_type_object)) {
		n = key_count(value);
		json_object_object_foreach(value, key, child)
		{
			(void)key;
			n += count_keys_in_tree(child);
		}
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			n += count_keys_in_tree(json_object_array_get_idx(value, i));
	}
	return n;
}

static size_t count_keys_in_text(const char *text, size_t n)
{
	size_t keys = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] == ':')
			keys++;
		if (text[i] != '"')
			continue;
		for (i++; i < n && text[i] != '"'; i++)
			i += text[i] == '\\';
	}
	return keys;
}

int json_parse(const char *text, size_t n, struct json **ret, struct err *err)
{
	struct scan scan = {text, text + n, text, err};
	struct json_tokener *tokener;
	struct json_object *value;
	enum json_tokener_error problem;
	int r;

	if (n > INT_MAX / 2)
		return err_set(err, ERR_LIMIT, "the JSON text is too large");
	if (!utf8_valid(text, n))
		return err_set(err, ERR_INVALID, "the JSON text is not valid UTF-8");
	scan_space(&scan);
	if (scan.at == scan.end)
		return err_set(err, ERR_INVALID, "the JSON text is empty");
	r = scan_value(&scan, 0);
	if (r)
		return r;
	tokener = must(json_tokener_new_ex(JSON_DEPTH_MAX + 2));
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	value = json_tokener_parse_ex(tokener, text, (int)n);
	problem = json_tokener_get_error(tokener);
	scan.at = text + json_tokener_get_parse_end(tokener);
	if (problem == json_tokener_continue) { /* a bare number or word ends only with what follows it */
		value = json_tokener_parse_ex(tokener, " ", 1), problem = json_tokener_get_error(tokener);
		scan.at = scan.end;
	}
	json_tokener_free(tokener);
	if (problem != json_tokener_success) {
		json_object_put(value);
		return scan_fail(&scan, ERR_INVALID, json_tokener_error_desc(problem));
	}
	scan_space(&scan);
	if (scan.at < scan.end) {
		json_object_put(value);
		return scan_fail(&scan, ERR_INVALID, "text after the JSON value");
	}
	if (count_keys_in_text(text, n) != count_keys_in_tree(value)) {
		json_object_put(value);
		return err_set(err, ERR_INVALID, "an object has the same key twice");
	}
	*ret = out(value);
	return 0;
}

void json_free(struct json *json)
{
	json_object_put(in(json));
}

struct json *json_copy(const struct json *json)
{
	struct json_object *copy = NULL;

	if (json)
		json_object_deep_copy(in(json), &copy, NULL);
	return out(copy);
}

enum json_type json_type(const struct json *json)
{
	switch (json_object_get_type(in(json))) {
	case json_type_boolean:
		return JSON_BOOL;
	case json_type_int:
		return JSON_INT;
	case json_type_double:
		return JSON_DOUBLE;
	case json_type_string:
		return JSON_STRING;
	case json_type_array:
		return JSON_ARRAY;
	case json_type_object:
		return JSON_OBJECT;
	case json_type_null:
		break;
	}
	return JSON_NULL;
}

const char *json_type_name(enum json_type type)
{
	static const char *const type_names[] = {"null", "boolean", "integer", "number", "string", "array", "object"};

	return type_names[type];
}

struct json *json_get_mut(struct json *object, const char *key)
{
	struct json_object *value = NULL;

	if (json_type(object) == JSON_OBJECT)
		json_object_object_get_ex(in(object), key, &value);
	return out(value);
}

const struct json *json_get(const struct json *object, const char *key)
{
	return json_get_mut((struct json *)object, key);
}

const struct json *json_at(const struct json *array, size_t i)
{
	if (json_type(array) != JSON_ARRAY)
		return NULL;
	return out(json_object_array_get_idx(in(array), i));
}

size_t json_count(const struct json *json)
{
	switch (json_type(json)) {
	case JSON_ARRAY:
		return json_object_array_length(in(json));
	case JSON_OBJECT:
		return key_count(in(json));
	default:
		return 0;
	}
}

const struct json *json_pointer(const struct json *json, const char *pointer)
{
	struct json_object *value = NULL;

	if (!*pointer)
		return json;
	if (!json || json_pointer_get(in(json), pointer, &value))
		return NULL;
	return out(value);
}

const char *json_str(const struct json *json, const char *otherwise)
{
	return json_type(json) == JSON_STRING ? json_object_get_string(in(json)) : otherwise;
}

size_t json_str_len(const struct json *json)
{
	return json_type(json) == JSON_STRING ? (size_t)json_object_get_string_len(in(json)) : 0;
}

int64_t json_int(const struct json *json, int64_t otherwise)
{
	double v;

	if (json_type(json) == JSON_INT)
		return json_object_get_int64(in(json));
	v = json_double(json, NAN);
	return v == floor(v) && fabs(v) < 9.2e18 ? (int64_t)v : otherwise;
}

double json_double(const struct json *json, double otherwise)
{
	enum json_type type = json_type(json);

	return type == JSON_INT || type == JSON_DOUBLE ? json_object_get_double(in(json)) : otherwise;
}

int json_bool(const struct json *json, int otherwise)
{
	return json_type(json) == JSON_BOOL ? json_object_get_boolean(in(json)) : otherwise;
}

int json_each(const struct json *object, size_t *at, const char **ret_key, const struct json **ret_value)
{
	struct lh_entry *entry;
	size_t i = 0;

	if (json_type(object) != JSON_OBJECT)
		return 0;
	for (entry = json_object_get_object(in(object))->head; entry; entry = entry->next, i++)
		if (i == *at) {
			*ret_key = lh_entry_k(entry);
			*ret_value = out((struct json_object *)lh_entry_v(entry));
			(*at)++;
			return 1;
		}
	return 0;
}

struct json *json_new_object(void)
{
	return must(json_object_new_object());
}

struct json *json_new_array(void)
{
	return must(json_object_new_array());
}

struct json *json_new_str(const char *s)
{
	return s ? json_new_strn(s, strlen(s)) : NULL;
}

struct json *json_new_strn(const char *s, size_t n)
{
	return must(json_object_new_string_len(s, (int)n));
}

struct json *json_new_int(int64_t v)
{
	return must(json_object_new_int64(v));
}

struct json *json_new_double(double v)
{
	return isfinite(v) ? must(json_object_new_double(v)) : NULL;
}

struct json *json_new_bool(int v)
{
	return must(json_object_new_boolean(v));
}

struct json *json_new_null(void)
{
	return NULL;
}

void json_set(struct json *object, const char *key, struct json *value)
{
	if (json_object_object_add(in(object), key, in(value)))
		abort();
}

void json_push(struct json *array, struct json *value)
{
	if (json_object_array_add(in(array), in(value)))
		abort();
}

void json_del(struct json *object, const char *key)
{
	json_object_object_del(in(object), key);
}

const char *json_text(const struct json *json)
{
	return json_object_to_json_string_ext(in(json), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

const char *json_text_pretty(const struct json *json)
{
	return json_object_to_json_string_ext(in(json), JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
	                                                        JSON_C_TO_STRING_NOSLASHESCAPE);
}
