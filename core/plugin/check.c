/* SPDX-License-Identifier: Apache-2.0 */
/* The subset of JSON Schema that configurations are checked by. One function per keyword group, chosen by the
 * type of the value; every problem becomes an entry {"pointer","detail"}. */
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "plugin/plugin.h"

#define DEPTH_MAX 32

struct check {
	struct json *errors;
	int depth;
};

static void problem(struct check *c, const char *pointer, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void problem(struct check *c, const char *pointer, const char *fmt, ...)
{
	struct json *entry = json_new_object();
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_set_str(entry, "pointer", pointer);
	json_set_str(entry, "detail", text);
	json_push(c->errors, entry);
}

static void check_value(struct check *c, const struct json *schema, struct json *value, const char *pointer);

/* ---- type, enum, const --------------------------------------------------------------------------------- */

static int type_fits(const char *type, const struct json *value)
{
	enum json_type have = json_type(value);

	if (!strcmp(type, "number"))
		return have == JSON_INT || have == JSON_DOUBLE;
	if (!strcmp(type, "integer"))
		return have == JSON_INT || (have == JSON_DOUBLE && json_int(value, INT64_MIN) != INT64_MIN);
	return !strcmp(type, json_type_name(have));
}

static int equal(const struct json *a, const struct json *b)
{
	return json_type(a) == json_type(b) && !strcmp(json_text(a), json_text(b));
}

static void check_enum(struct check *c, const struct json *schema, const struct json *value, const char *pointer)
{
	const struct json *list = json_get(schema, "enum"), *only = json_get(schema, "const");
	char allowed[400] = "";

	if (only && !equal(only, value))
		problem(c, pointer, "it must be %s", json_text(only));
	if (!list)
		return;
	for (size_t i = 0; i < json_count(list); i++) {
		size_t n = strlen(allowed);

		if (equal(json_at(list, i), value))
			return;
		snprintf(allowed + n, sizeof(allowed) - n, "%s%s", i ? ", " : "", json_text(json_at(list, i)));
	}
	problem(c, pointer, "%.80s is not one of %s", json_text(value), allowed);
}

/* ---- numbers --------------------------------------------------------------------------------------------- */

static void check_number(struct check *c, const struct json *schema, const struct json *value, const char *pointer)
{
	static const struct {
		const char *keyword, *text;
		int exclusive, upper;
	} bounds[] = {{"minimum", "at least", 0, 0},
	              {"maximum", "at most", 0, 1},
	              {"exclusiveMinimum", "more than", 1, 0},
	              {"exclusiveMaximum", "less than", 1, 1}};
	double v = json_double(value, 0);

	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		const struct json *bound = json_get(schema, bounds[i].keyword);
		double b = json_double(bound, 0);

		if (bound && (bounds[i].upper ? v > b || (bounds[i].exclusive && v == b)
		                              : v < b || (bounds[i].exclusive && v == b)))
			problem(c, pointer, "%s is out of range: it must be %s %s", json_text(value), bounds[i].text,
			        json_text(bound));
	}
}

/* ---- text ------------------------------------------------------------------------------------------------ */

static size_t count_chars(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xC0) != 0x80;
	return n;
}

static int is_regex(const char *s)
{
	regex_t regex;
	int r = regcomp(&regex, s, REG_EXTENDED | REG_NOSUB);

	if (!r)
		regfree(&regex);
	return !r;
}

/* 1 when the text must be replaced by the number in *ret. */
static int check_format(struct check *c, const char *format, const char *text, const char *pointer, int64_t *ret)
{
	uint64_t bytes;

	if (!strcmp(format, "bytes")) {
		if (!str_to_bytes(text, &bytes) && bytes <= INT64_MAX) {
			*ret = (int64_t)bytes;
			return 1;
		}
		problem(c, pointer, "'%.60s' is not a size: write for example 64MiB", text);
	} else if (!strcmp(format, "duration")) {
		if (!str_to_duration_ms(text, ret))
			return 1;
		problem(c, pointer, "'%.60s' is not a duration: write for example 30s or 5m", text);
	} else if (!strcmp(format, "timestamp") && clock_from_rfc3339(text, ret)) {
		problem(c, pointer, "'%.60s' is not a time: write for example 2026-01-31T12:00:00Z", text);
	} else if (!strcmp(format, "regex") && !is_regex(text)) {
		problem(c, pointer, "'%.60s' is not a regular expression", text);
	} else if (!strcmp(format, "column") && !*text) {
		problem(c, pointer, "a column needs a name");
	}
	return 0;
}

static void check_length(struct check *c, const struct json *schema, const char *text, const char *pointer)
{
	int64_t n = (int64_t)count_chars(text), min = json_get_int(schema, "minLength", 0),
	        max = json_get_int(schema, "maxLength", INT64_MAX);

	if (n < min)
		problem(c, pointer, "it is shorter than %lld characters", (long long)min);
	if (n > max)
		problem(c, pointer, "it is longer than %lld characters", (long long)max);
}

/* ---- arrays, objects ------------------------------------------------------------------------------------- */

static void check_array(struct check *c, const struct json *schema, struct json *value, const char *pointer)
{
	int64_t n = (int64_t)json_count(value), min = json_get_int(schema, "minItems", 0),
	        max = json_get_int(schema, "maxItems", INT64_MAX);
	const struct json *items = json_get(schema, "items");
	char child[512];

	if (n < min)
		problem(c, pointer, "it has fewer than %lld items", (long long)min);
	if (n > max) {
		problem(c, pointer, "it has more than %lld items", (long long)max);
		return;
	}
	for (int64_t i = 0; i < n; i++) {
		snprintf(child, sizeof(child), "%s/%lld", pointer, (long long)i);
		if (items)
			check_value(c, items, (struct json *)json_at(value, (size_t)i), child);
		for (int64_t k = 0; k < i && json_get_bool(schema, "uniqueItems", 0); k++)
			if (equal(json_at(value, (size_t)i), json_at(value, (size_t)k)))
				problem(c, child, "it is the same as item %lld", (long long)k);
	}
}

static void escape(const char *name, char *ret, size_t cap)
{
	size_t n = 0;

	for (; *name && n + 3 < cap; name++) {
		if (*name == '~' || *name == '/') {
			ret[n++] = '~';
			ret[n++] = *name == '~' ? '0' : '1';
		} else {
			ret[n++] = *name;
		}
	}
	ret[n] = '\0';
}

static void set_converted(struct json *object, const char *key, const struct json *schema, struct check *c,
                          const char *pointer)
{
	const struct json *value = json_get(object, key);
	const char *format = json_get_str(schema, "format", NULL);
	int64_t number;

	if (format && json_type(value) == JSON_STRING &&
	    check_format(c, format, json_str(value, ""), pointer, &number))
		json_set_int(object, key, number);
}

static void check_members(struct check *c, const struct json *properties, struct json *value, const char *pointer)
{
	const struct json *schema;
	const char *key;
	char child[512], name[256];
	size_t at = 0;

	while (json_each(properties, &at, &key, &schema)) {
		struct json *have = json_get_mut(value, key);
		const struct json *otherwise = json_get(schema, "default");

		escape(key, name, sizeof(name));
		snprintf(child, sizeof(child), "%s/%s", pointer, name);
		if (have)
			check_value(c, schema, have, child);
		else if (otherwise)
			json_set(value, key, json_copy(otherwise));
		set_converted(value, key, schema, c, child);
	}
}

static void check_object(struct check *c, const struct json *schema, struct json *value, const char *pointer)
{
	const struct json *properties = json_get(schema, "properties"), *required = json_get(schema, "required"),
	                  *ignored, *more = json_get(schema, "additionalProperties");
	const char *key;
	char child[512], name[256];
	size_t at = 0;

	for (size_t i = 0; i < json_count(required); i++) {
		key = json_str(json_at(required, i), "");
		escape(key, name, sizeof(name));
		snprintf(child, sizeof(child), "%s/%s", pointer, name);
		if (!json_get(value, key))
			problem(c, child, "'%s' is missing", key);
	}
	while (json_each(value, &at, &key, &ignored)) {
		if (json_get(properties, key))
			continue;
		escape(key, name, sizeof(name));
		snprintf(child, sizeof(child), "%s/%s", pointer, name);
		if (json_type(more) == JSON_OBJECT)
			check_value(c, more, json_get_mut(value, key), child);
		else if (!json_bool(more, 0))
			problem(c, child, "'%.100s' is not known", key);
	}
	check_members(c, properties, value, pointer);
}

static void check_value(struct check *c, const struct json *schema, struct json *value, const char *pointer)
{
	const char *type = json_get_str(schema, "type", NULL);

	if (++c->depth > DEPTH_MAX)
		problem(c, pointer, "it is nested too deeply");
	else if (type && !type_fits(type, value) &&
	         !(json_get(schema, "format") && !strcmp(type, "string") && json_type(value) == JSON_INT))
		problem(c, pointer, "it is %s, it must be %s", json_type_name(json_type(value)), type);
	else {
		check_enum(c, schema, value, pointer);
		switch (json_type(value)) {
		case JSON_INT:
		case JSON_DOUBLE:
			check_number(c, schema, value, pointer);
			break;
		case JSON_STRING:
			check_length(c, schema, json_str(value, ""), pointer);
			break;
		case JSON_ARRAY:
			check_array(c, schema, value, pointer);
			break;
		case JSON_OBJECT:
			check_object(c, schema, value, pointer);
			break;
		default:
			break;
		}
	}
	c->depth--;
}

int plugin_config_check(const struct json *schema, struct json *value, const char *pointer, struct json *errors)
{
	struct check check = {errors, 0};
	size_t before = json_count(errors);

	check_value(&check, schema, value, pointer);
	return json_count(errors) > before ? ERR_INVALID : 0;
}

/* ---- the schema itself -------------------------------------------------------------------------------------- */

static const char *const keywords[] = {
	"type", "properties", "required", "enum", "const", "default", "minimum", "maximum", "exclusiveMinimum",
	"exclusiveMaximum", "minLength", "maxLength", "items", "minItems", "maxItems", "uniqueItems",
	"additionalProperties", "description", "examples", "deprecated", "title", "format", "x-secret", "x-env",
	"x-since", "x-advanced", "x-replaces", NULL};

static int is_keyword(const char *word)
{
	for (int i = 0; keywords[i]; i++)
		if (!strcmp(keywords[i], word))
			return 1;
	return 0;
}

static int check_schema(const struct json *schema, int depth, struct err *err)
{
	const struct json *value, *child;
	const char *key;
	size_t at = 0;
	int r = 0;

	if (json_type(schema) != JSON_OBJECT || depth > DEPTH_MAX)
		return err_set(err, ERR_INVALID, "a schema must be an object, at most %d deep", DEPTH_MAX);
	while (json_each(schema, &at, &key, &value))
		if (!is_keyword(key))
			return err_set(err, ERR_UNSUPPORTED, "the schema keyword '%s' is not supported", key);
	at = 0;
	while (!r && json_each(json_get(schema, "properties"), &at, &key, &child))
		r = check_schema(child, depth + 1, err);
	if (!r && json_get(schema, "items"))
		r = check_schema(json_get(schema, "items"), depth + 1, err);
	if (!r && json_type(json_get(schema, "additionalProperties")) == JSON_OBJECT)
		r = check_schema(json_get(schema, "additionalProperties"), depth + 1, err);
	return r;
}

int plugin_config_schema_check(const struct json *schema, struct err *err)
{
	return check_schema(schema, 0, err);
}
