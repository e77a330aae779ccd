/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of a configuration: its keywords in a form that is quick to ask, and whether it is in the subset at all. */
#include "plugin/schema.h"

#include <stdlib.h>
#include <string.h>

/* ---- the keywords of a schema ---------------------------------------------------------------------------- */

const struct schema_bound schema_bounds[SCHEMA_BOUNDS] = {{"minimum", "at least", 0, 0},
                                                          {"maximum", "at most", 0, 1},
                                                          {"exclusiveMinimum", "more than", 1, 0},
                                                          {"exclusiveMaximum", "less than", 1, 1}};

static void schema_free(void *p)
{
	struct schema *schema = p;

	if (!schema)
		return;
	for (size_t i = 0; i < schema->n_members; i++)
		schema_free(schema->members[i].schema);
	schema_free(schema->items);
	schema_free(schema->more);
	free(schema->members);
	free(schema->defaults);
	free(schema->needs);
	free(schema->slots);
	free(schema);
}

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		abort(); /* like the trees that it stands for */
	return p;
}

static size_t hash_of(const char *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return hash;
}

struct member *schema_member(const struct schema *schema, const char *name)
{
	if (!schema->n_members)
		return NULL;
	for (size_t i = hash_of(name) & schema->mask; schema->slots[i]; i = (i + 1) & schema->mask)
		if (!strcmp(schema->members[schema->slots[i] - 1].name, name))
			return &schema->members[schema->slots[i] - 1];
	return NULL;
}

static struct schema *schema_new(const struct json *json, int depth);

static void add_members(struct schema *schema, const struct json *properties, int depth)
{
	const struct json *child;
	const char *name;
	size_t at = 0, n = json_count(properties), size = 4;

	if (!n)
		return;
	while (size < 2 * n)
		size *= 2;
	schema->members = zeroed(n, sizeof(*schema->members));
	schema->defaults = zeroed(n, sizeof(*schema->defaults));
	schema->slots = zeroed(size, sizeof(*schema->slots));
	schema->mask = size - 1;
	while (json_each(properties, &at, &name, &child)) {
		size_t slot = hash_of(name) & schema->mask;

		while (schema->slots[slot])
			slot = (slot + 1) & schema->mask;
		schema->members[schema->n_members] =
			(struct member){.name = name, .schema = schema_new(child, depth + 1)};
		if (schema->members[schema->n_members].schema->otherwise)
			schema->defaults[schema->n_defaults++] = &schema->members[schema->n_members];
		schema->slots[slot] = (uint32_t)++schema->n_members;
	}
}

static void add_needs(struct schema *schema, const struct json *required)
{
	schema->n_needs = json_count(required);
	schema->needs = zeroed(schema->n_needs, sizeof(*schema->needs));
	for (size_t i = 0; i < schema->n_needs; i++) {
		const char *name = json_str(json_at(required, i), "");

		schema->needs[i] = (struct schema_need){name, schema_member(schema, name)};
	}
}

/* A text with a format may come as the number that it stands for. */
static unsigned fitting(const char *type, int has_format)
{
	unsigned fits = 0;

	for (int i = JSON_NULL; i <= JSON_OBJECT; i++)
		if (!type || !strcmp(type, json_type_name((enum json_type)i)) ||
		    (i == JSON_INT && (!strcmp(type, "number") || (has_format && !strcmp(type, "string")))))
			fits |= 1u << i;
	return fits;
}

static struct schema *schema_new(const struct json *json, int depth)
{
	struct schema *schema = zeroed(1, sizeof(*schema));
	const struct json *more = json_get(json, "additionalProperties"), *items = json_get(json, "items");

	schema->type = json_get_str(json, "type", NULL);
	schema->format = schema_format_of(json_get_str(json, "format", ""));
	schema->fits = fitting(schema->type, json_get(json, "format") != NULL);
	schema->list = json_get(json, "enum");
	schema->only = json_get(json, "const");
	schema->otherwise = json_get(json, "default");
	for (size_t i = 0; i < SCHEMA_BOUNDS; i++)
		schema->bounds[i] = json_get(json, schema_bounds[i].keyword);
	schema->min_length = json_get_int(json, "minLength", 0);
	schema->max_length = json_get_int(json, "maxLength", INT64_MAX);
	schema->min_items = json_get_int(json, "minItems", 0);
	schema->max_items = json_get_int(json, "maxItems", INT64_MAX);
	schema->is_set = json_get_bool(json, "uniqueItems", 0);
	schema->allows_more = json_bool(more, 0);
	if (depth >= SCHEMA_DEPTH_MAX) /* a value that deep is refused before its schema is looked at */
		return schema;
	if (items)
		schema->items = schema_new(items, depth + 1);
	if (json_type(more) == JSON_OBJECT)
		schema->more = schema_new(more, depth + 1);
	add_members(schema, json_get(json, "properties"), depth);
	add_needs(schema, json_get(json, "required"));
	return schema;
}

struct schema *schema_of(struct json *json)
{
	struct schema *schema = json_attached(json);

	if (!schema) {
		schema = schema_new(json, 0);
		json_attach(json, schema, schema_free);
	}
	return schema;
}

/* ---- the schema itself -------------------------------------------------------------------------------------- */

static const char *const keywords[] = {"type",
                                       "properties",
                                       "required",
                                       "enum",
                                       "const",
                                       "default",
                                       "minimum",
                                       "maximum",
                                       "exclusiveMinimum",
                                       "exclusiveMaximum",
                                       "minLength",
                                       "maxLength",
                                       "items",
                                       "minItems",
                                       "maxItems",
                                       "uniqueItems",
                                       "additionalProperties",
                                       "description",
                                       "examples",
                                       "deprecated",
                                       "title",
                                       "format",
                                       "x-secret",
                                       "x-env",
                                       "x-since",
                                       "x-advanced",
                                       "x-replaces",
                                       NULL};

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

	if (json_type(schema) != JSON_OBJECT || depth > SCHEMA_DEPTH_MAX)
		return err_set(err, ERR_INVALID, "a schema must be an object, at most %d deep", SCHEMA_DEPTH_MAX);
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
