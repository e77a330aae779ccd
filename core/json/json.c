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
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
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
 * control characters in strings that json-c's strict mode lets through; it counts the keys on its way. */
struct scan {
	const char *at, *end, *begin;
	struct err *err;
	size_t keys;
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
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r' || *s->at == '\n'))
		s->at++;
}

static int scan_string(struct scan *s)
{
	for (s->at = json_plain_end(s->at + 1, s->end); s->at < s->end && *s->at != '"';
	     s->at = json_plain_end(s->at + 1, s->end)) {
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
			s->keys += *s->at++ == ':';
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

/* One value with nothing but space around it. */
static int scan_text(struct scan *scan)
{
	int r;

	if (!utf8_valid(scan->begin, (size_t)(scan->end - scan->begin)))
		return err_set(scan->err, ERR_INVALID, "the JSON text is not valid UTF-8");
	scan_space(scan);
	if (scan->at == scan->end)
		return err_set(scan->err, ERR_INVALID, "the JSON text is empty");
	r = scan_value(scan, 0);
	if (r)
		return r;
	scan_space(scan);
	return 0;
}

/* Of a text that the walk has been over, with so many keys; scan->at is behind its value. */
static int parse_with(struct json_tokener *tokener, struct scan *scan, struct json **ret)
{
	size_t n = (size_t)(scan->end - scan->begin);
	struct json_object *value;
	enum json_tokener_error problem;

	value = json_tokener_parse_ex(tokener, scan->begin, (int)n);
	problem = json_tokener_get_error(tokener);
	scan->at = scan->begin + json_tokener_get_parse_end(tokener);
	if (problem == json_tokener_continue) { /* a bare number or word ends only with what follows it */
		value = json_tokener_parse_ex(tokener, " ", 1), problem = json_tokener_get_error(tokener);
		scan->at = scan->end;
	}
	if (problem != json_tokener_success) {
		json_object_put(value);
		return scan_fail(scan, ERR_INVALID, json_tokener_error_desc(problem));
	}
	scan_space(scan);
	if (scan->at < scan->end) {
		json_object_put(value);
		return scan_fail(scan, ERR_INVALID, "text after the JSON value");
	}
	if (scan->keys != count_keys_in_tree(value)) {
		json_object_put(value);
		return err_set(scan->err, ERR_INVALID, "an object has the same key twice");
	}
	*ret = out(value);
	return 0;
}

/* Each thread's tokener is made once: its stack for 66 levels is most of the work of a small text. Of a large one it would
 * keep the longest string. */
#define KEPT_MAX 65536
#define TEXT_USUAL 1024

static pthread_once_t tokener_once = PTHREAD_ONCE_INIT;
static pthread_key_t tokener_key;

static void free_tokener(void *tokener)
{
	json_tokener_free(tokener);
}

static void make_key(void)
{
	pthread_key_create(&tokener_key, free_tokener);
}

static struct json_tokener *new_tokener(void)
{
	struct json_tokener *tokener = must(json_tokener_new_ex(JSON_DEPTH_MAX + 2));

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	return tokener;
}

static struct json_tokener *kept_tokener(void)
{
	struct json_tokener *tokener;

	pthread_once(&tokener_once, make_key);
	tokener = pthread_getspecific(tokener_key);
	if (!tokener)
		pthread_setspecific(tokener_key, tokener = new_tokener());
	return tokener;
}

static int parse_scanned(struct scan *scan, struct json **ret)
{
	int is_large = scan->end - scan->begin > KEPT_MAX;
	struct json_tokener *tokener = is_large ? new_tokener() : kept_tokener();
	int r = parse_with(tokener, scan, ret);

	if (is_large)
		json_tokener_free(tokener);
	else
		json_tokener_reset(tokener);
	return r;
}

int json_parse(const char *text, size_t n, struct json **ret, struct err *err)
{
	struct scan scan = {text, text + n, text, err, 0};
	int r = n > INT_MAX / 2 ? err_set(err, ERR_LIMIT, "the JSON text is too large") : scan_text(&scan);

	return r ? r : parse_scanned(&scan, ret);
}

/* ---- one value a line ---------------------------------------------------------------------------------- */

static int is_blank(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && (p[i] == ' ' || p[i] == '\t' || p[i] == '\r'))
		i++;
	return i == n;
}

static int parse_each_line(const char *text, size_t n, struct json *list, struct err *err)
{
	const char *at = text, *end = text + n;

	for (size_t line = 1; at < end; line++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at);
		struct json *value = NULL;

		if (!is_blank(at, len)) {
			int r = json_parse(at, len, &value, err);

			if (r) {
				err_prefix(err, "line %zu", line);
				return r;
			}
			json_push(list, value);
		}
		at += len + 1;
	}
	return 0;
}

/* The lines as the text of one array, when the walk finds one value in each; else an error. What stands before a
 * comma is whole then, so the array has the values of the lines and no other. */
static int join_lines(const char *text, size_t n, char *array, struct scan *ret)
{
	const char *at = text, *end = text + n;
	char *to = array;

	*to++ = '[';
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		struct scan scan = {at, stop ? stop : end, at, ret->err, 0};
		const char *from;

		scan_space(&scan);
		from = scan.at;
		at = scan.end + 1;
		if (from == scan.end)
			continue;
		if (scan_value(&scan, 1))
			return ERR_INVALID;
		scan_space(&scan);
		if (scan.at < scan.end)
			return ERR_INVALID;
		if (to > array + 1)
			*to++ = ',';
		memcpy(to, from, (size_t)(scan.end - from));
		to += scan.end - from;
		ret->keys += scan.keys;
	}
	*to++ = ']';
	ret->begin = ret->at = array;
	ret->end = to;
	return 0;
}

static int parse_joined(const char *text, size_t n, struct json **ret)
{
	struct err err = {0};
	struct scan scan = {.err = &err};
	char *array;
	int r;

	if (n > INT_MAX / 2 || !utf8_valid(text, n))
		return ERR_INVALID;
	array = must(malloc(n + 3));
	r = join_lines(text, n, array, &scan);
	if (!r)
		r = parse_scanned(&scan, ret);
	free(array);
	return r;
}

int json_parse_lines(const char *text, size_t n, struct json **ret, struct err *err)
{
	int r = parse_joined(text, n, ret);

	if (!r)
		return 0;
	*ret = json_new_array(); /* the slow way tells the line */
	r = parse_each_line(text, n, *ret, err);
	if (r) {
		json_free(*ret);
		*ret = NULL;
	}
	return r;
}

void json_free(struct json *json)
{
	json_object_put(in(json));
}

/* What is attached to an object is not copied; what json-c attaches (the digits of a double) is. */
static int copy_bare(json_object *from, json_object *parent, const char *key, size_t index, json_object **ret)
{
	int r = json_c_shallow_copy_default(from, parent, key, index, ret);

	return r == 1 && json_object_is_type(from, json_type_object) ? 2 : r;
}

struct json *json_copy(const struct json *json)
{
	struct json_object *copy = NULL;

	if (json)
		json_object_deep_copy(in(json), &copy, copy_bare);
	return out(copy);
}

struct json *json_share(const struct json *json)
{
	return out(json_object_get(in(json)));
}

/* json-c hands itself to whom it deletes. */
struct attached {
	void *data;
	void (*drop)(void *data);
};

static void drop_attached(struct json_object *object, void *ctx)
{
	struct attached *attached = ctx;

	(void)object;
	attached->drop(attached->data);
	free(attached);
}

void json_attach(struct json *object, void *data, void (*drop)(void *data))
{
	struct attached *attached = must(malloc(sizeof(*attached)));

	*attached = (struct attached){data, drop};
	json_object_set_userdata(in(object), attached, drop_attached);
}

void *json_attached(const struct json *object)
{
	struct attached *attached = json_type(object) == JSON_OBJECT ? json_object_get_userdata(in(object)) : NULL;

	return attached ? attached->data : NULL;
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

/* `at` is the address of the entry that was last. */
int json_each(const struct json *object, size_t *at, const char **ret_key, const struct json **ret_value)
{
	const struct lh_entry *entry;

	if (json_type(object) != JSON_OBJECT)
		return 0;
	entry = *at ? ((const struct lh_entry *)*at)->next : json_object_get_object(in(object))->head;
	if (!entry)
		return 0;
	*ret_key = lh_entry_k(entry);
	*ret_value = out((struct json_object *)lh_entry_v(entry));
	*at = (size_t)entry;
	return 1;
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

void json_set_time(struct json *object, const char *key, int64_t wall_ms)
{
	char text[CLOCK_RFC3339_LEN];

	if (wall_ms > 0)
		clock_rfc3339(wall_ms, text);
	json_set(object, key, wall_ms > 0 ? json_new_str(text) : json_new_null());
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

/* ---- written by ourselves ------------------------------------------------------------------------------------------ */

static void write_object(struct buf *out, const struct json *object)
{
	const char *key, *comma = "";
	const struct json *value;
	size_t at = 0;

	buf_putc(out, '{');
	while (json_each(object, &at, &key, &value)) {
		buf_puts(out, comma);
		buf_json_str(out, key, strlen(key));
		buf_putc(out, ':');
		json_write(out, value);
		comma = ",";
	}
	buf_putc(out, '}');
}

static void write_array(struct buf *out, const struct json *array)
{
	size_t n = json_count(array);

	buf_putc(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(out, ',');
		json_write(out, json_at(array, i));
	}
	buf_putc(out, ']');
}

void json_write(struct buf *out, const struct json *json)
{
	switch (json_type(json)) {
	case JSON_NULL:
		buf_puts(out, "null");
		return;
	case JSON_BOOL:
		buf_puts(out, json_bool(json, 0) ? "true" : "false");
		return;
	case JSON_INT:
		buf_int(out, json_int(json, 0));
		return;
	case JSON_DOUBLE: /* with the digits that it came with */
		buf_puts(out, json_text(json));
		return;
	case JSON_STRING:
		buf_json_str(out, json_str(json, ""), json_str_len(json));
		return;
	case JSON_ARRAY:
		write_array(out, json);
		return;
	case JSON_OBJECT:
		write_object(out, json);
		return;
	}
}

char *json_text_in(const struct json *json, struct arena *arena)
{
	struct buf buf;
	char *text;

	buf_init(&buf, 0);
	buf_reserve(&buf, TEXT_USUAL);
	json_write(&buf, json);
	text = buf.failed ? NULL : arena_strn(arena, buf.data, buf.len);
	buf_done(&buf);
	return text;
}
