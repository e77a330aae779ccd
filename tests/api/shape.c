/* SPDX-License-Identifier: Apache-2.0 */
#include "api/shape.h"

#include <stdio.h>
#include <string.h>

#include "api/harness.h"
#include "base/str.h"

static int fits(const struct json *schema, const struct json *value);

static int type_fits(const char *type, const struct json *value)
{
	const char *is = json_type_name(json_type(value));

	return str_eq(type, is) || (str_eq(type, "number") && str_eq(is, "integer"));
}

static int any_type_fits(const struct json *type, const struct json *value)
{
	if (json_type(type) == JSON_STRING)
		return type_fits(json_str(type, ""), value);
	for (size_t i = 0; i < json_count(type); i++)
		if (type_fits(json_str(json_at(type, i), ""), value))
			return 1;
	return !type;
}

static int has_key(const struct json *object, const char *wanted)
{
	const struct json *value;
	const char *key;
	size_t at = 0;

	while (json_each(object, &at, &key, &value))
		if (str_eq(key, wanted))
			return 1;
	return 0;
}

static int members_fit(const struct json *schema, const struct json *value)
{
	const struct json *properties = json_get(schema, "properties"), *member;
	const struct json *others = json_get(schema, "additionalProperties");
	const struct json *required = json_get(schema, "required");
	const char *key;
	size_t at = 0;

	for (size_t i = 0; i < json_count(required); i++)
		if (!has_key(value, json_str(json_at(required, i), "")))
			return 0;
	while (json_each(value, &at, &key, &member)) {
		const struct json *own = json_get(properties, key);

		if (own                                ? !fits(own, member)
		    : json_type(others) == JSON_OBJECT ? !fits(others, member)
		                                       : !json_bool(others, 0)) {
			fprintf(stderr, "member '%s' does not fit\n", key);
			return 0;
		}
	}
	return 1;
}

static int one_fits(const struct json *list, const struct json *value)
{
	int n = 0;

	for (size_t i = 0; i < json_count(list); i++)
		n += fits(json_at(list, i), value);
	return n == 1;
}

static int is_listed(const struct json *list, const struct json *value)
{
	for (size_t i = 0; i < json_count(list); i++)
		if (str_eq(json_str(json_at(list, i), ""), json_str(value, "-")))
			return 1;
	return !list;
}

static int fits(const struct json *schema, const struct json *value)
{
	const char *ref = json_get_str(schema, "$ref", NULL);

	if (ref)
		return fits(json_pointer(t.document, ref + 1), value);
	if (json_get(schema, "oneOf"))
		return one_fits(json_get(schema, "oneOf"), value);
	if (!any_type_fits(json_get(schema, "type"), value) || !is_listed(json_get(schema, "enum"), value))
		return 0;
	if (json_type(value) == JSON_OBJECT && json_get(schema, "type"))
		return members_fit(schema, value);
	for (size_t i = 0; i < json_count(value) && json_type(value) == JSON_ARRAY; i++)
		if (json_get(schema, "items") && !fits(json_get(schema, "items"), json_at(value, i)))
			return 0;
	return 1;
}

/* The pattern of the document that a path belongs to: parameters are the parts that differ. */
static int path_fits(const char *pattern, const char *path)
{
	while (*pattern && *path) {
		if (*pattern == '{') {
			pattern += strcspn(pattern, "}") + 1;
			path += strcspn(path, "/:?");
		} else if (*pattern++ != *path++) {
			return 0;
		}
	}
	return !*pattern && (!*path || *path == '?');
}

const struct json *find_operation(const char *method, const char *path)
{
	const struct json *item, *found = NULL;
	const char *pattern;
	char lower[8];
	size_t at = 0;

	snprintf(lower, sizeof(lower), "%s", method);
	for (char *p = lower; *p; p++)
		*p |= 0x20;
	while (json_each(json_get(t.document, "paths"), &at, &pattern, &item))
		if (path_fits(pattern, path) && json_get(item, lower))
			found = json_get(item, lower);
	return found;
}

static const struct json *find_response(const struct json *operation, int status)
{
	const struct json *responses = json_get(operation, "responses"), *response;
	char key[24];

	snprintf(key, sizeof(key), "%d", status);
	response = json_get(responses, key);
	if (response)
		return response;
	snprintf(key, sizeof(key), "%dXX", status / 100);
	return json_get(responses, key) ? json_get(t.document, "components") : NULL;
}

void check_answer(const char *method, const char *path)
{
	const struct json *operation = find_operation(method, path), *response, *media;
	char type[128];

	if (!t.document || t.client.status == 405 || !operation)
		return;
	snprintf(type, sizeof(type), "%s", client_header(&t.client, "Content-Type"));
	type[strcspn(type, ";")] = '\0';
	response = find_response(operation, t.client.status);
	ck_assert_msg(response, "%s %s: %d is not documented", method, path, t.client.status);
	if (str_eq(type, "application/problem+json")) {
		ck_assert_msg(fits(json_pointer(t.document, "/components/schemas/Problem"), t.reply),
		              "%s %s: no proper problem: %s", method, path, t.client.body.data);
		return;
	}
	if (!*type)
		return;
	media = json_get(json_get(response, "content"), type);
	ck_assert_msg(media, "%s %s: %s is not documented", method, path, type);
	ck_assert_msg(!str_eq(type, "application/json") || fits(json_get(media, "schema"), t.reply),
	              "%s %s: not as documented: %s", method, path, t.client.body.data);
}
