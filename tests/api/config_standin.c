/* SPDX-License-Identifier: Apache-2.0 */
/* As much of plugin_config_check as the API's schemas use. */
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "plugin/plugin.h"

static struct arena arena;

static void complain(struct json *errors, const char *pointer, const char *detail)
{
	struct json *error = json_new_object();

	json_set_str(error, "pointer", pointer);
	json_set_str(error, "detail", detail);
	json_push(errors, error);
}

static int type_fits(const char *type, const struct json *value)
{
	const char *is = json_type_name(json_type(value));

	return str_eq(type, is) || (str_eq(type, "number") && str_eq(is, "integer"));
}

static int listed(const struct json *list, const struct json *value)
{
	for (size_t i = 0; i < json_count(list); i++)
		if (str_eq(json_str(json_at(list, i), ""), json_str(value, "-")))
			return 1;
	return !list;
}

static void check_object(const struct json *schema, struct json *value, const char *pointer,
                         struct json *errors)
{
	const struct json *properties = json_get(schema, "properties"), *member;
	const char *key;
	size_t at = 0;
	int64_t number;
	uint64_t bytes;

	while (json_each(value, &at, &key, &member))
		if (!json_get(properties, key) && !json_get_bool(schema, "additionalProperties", 0))
			complain(errors, arena_printf(&arena, "%s/%s", pointer, key),
			         "unknown member");
	for (size_t i = 0; i < json_count(json_get(schema, "required")); i++)
		if (!json_get(value, json_str(json_at(json_get(schema, "required"), i), "")))
			complain(errors,
			         arena_printf(
			                 &arena, "%s/%s", pointer,
			                 json_str(json_at(json_get(schema, "required"), i), "")),
			         "missing");
	for (at = 0; json_each(properties, &at, &key, &member);) {
		const char *format = json_get_str(member, "format", "");

		if (!json_get(value, key) && json_get(member, "default"))
			json_set(value, key, json_copy(json_get(member, "default")));
		if (json_get(value, key))
			plugin_config_check(member, json_get_mut(value, key),
			                    arena_printf(&arena, "%s/%s", pointer, key), errors);
		if (str_eq(format, "bytes") && !str_to_bytes(json_get_str(value, key, "x"), &bytes))
			json_set_int(value, key, (int64_t)bytes);
		if (str_eq(format, "duration") &&
		    !str_to_duration_ms(json_get_str(value, key, "x"), &number))
			json_set_int(value, key, number);
	}
}

int plugin_config_check(const struct json *schema, struct json *value, const char *pointer,
                        struct json *errors)
{
	size_t before = json_count(errors);
	const char *type = json_get_str(schema, "type", NULL);

	if (type && !type_fits(type, value))
		complain(errors, pointer, "wrong type");
	else if (str_eq(type, "object"))
		check_object(schema, value, pointer, errors);
	else if (!listed(json_get(schema, "enum"), value) ||
	         (json_get(schema, "minimum") &&
	          json_double(value, 0) < json_get_double(schema, "minimum", 0)) ||
	         (json_get(schema, "maximum") &&
	          json_double(value, 0) > json_get_double(schema, "maximum", 0)) ||
	         (str_eq(type, "string") &&
	          (int64_t)json_str_len(value) < json_get_int(schema, "minLength", 0)) ||
	         (str_eq(type, "array") &&
	          (int64_t)json_count(value) < json_get_int(schema, "minItems", 0)))
		complain(errors, pointer, "not allowed");
	return json_count(errors) > before ? ERR_INVALID : 0;
}
