/* SPDX-License-Identifier: Apache-2.0 */
/* Arrow schemas and Delta's schemaString, both ways; merging. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/near.h"
#include "base/str.h"
#include "table/key.h"
#include "table/log.h"

#define COLUMNS_MAX 10000

static const struct {
	const char *delta, *arrow;
} primitives[] = {
	{"string", "u"}, {"long", "l"},   {"integer", "i"},         {"short", "s"},
	{"byte", "c"},   {"float", "f"},  {"double", "g"},          {"boolean", "b"},
	{"binary", "z"}, {"date", "tdD"}, {"timestamp", "tsu:UTC"},
};
#define N_PRIMITIVES (sizeof(primitives) / sizeof(primitives[0]))

/* ---- to Delta ---------------------------------------------------------------------------------------- */

static struct json *type_to_delta(const struct ArrowSchema *schema, const struct json *old);

static int is_nullable(const struct ArrowSchema *schema)
{
	return (schema->flags & ARROW_FLAG_NULLABLE) != 0;
}

/* Columns only ever join at the end, so those of before are where they were. */
static struct json *struct_to_delta(const struct ArrowSchema *schema, const struct json *old)
{
	struct json *json = json_new_object(), *fields = json_new_array();

	for (int64_t i = 0; i < schema->n_children; i++) {
		const struct json *before = json_at(json_get(old, "fields"), (size_t)i);
		const struct json *metadata = json_get(before, "metadata");
		struct json *field = json_new_object();

		json_set_str(field, "name", schema->children[i]->name);
		json_set(field, "type", type_to_delta(schema->children[i], json_get(before, "type")));
		json_set_bool(field, "nullable", is_nullable(schema->children[i]));
		json_set(field, "metadata", metadata ? json_copy(metadata) : json_new_object());
		if (!metadata && key_is_other(schema->children[i])) {
			size_t len;
			const char *key = key_of(schema->children[i], &len);

			json_set(json_get_mut(field, "metadata"), KEY_METADATA, json_new_strn(key, len));
		}
		json_push(fields, field);
	}
	json_set_str(json, "type", "struct");
	json_set(json, "fields", fields);
	return json;
}

static struct json *list_to_delta(const struct ArrowSchema *schema, const struct json *old)
{
	struct json *json = json_new_object();

	json_set_str(json, "type", "array");
	json_set(json, "elementType", type_to_delta(schema->children[0], json_get(old, "elementType")));
	json_set_bool(json, "containsNull", is_nullable(schema->children[0]));
	return json;
}

static struct json *map_to_delta(const struct ArrowSchema *schema, const struct json *old)
{
	const struct ArrowSchema *entries = schema->children[0];
	struct json *json = json_new_object();

	json_set_str(json, "type", "map");
	json_set(json, "keyType", type_to_delta(entries->children[0], json_get(old, "keyType")));
	json_set(json, "valueType", type_to_delta(entries->children[1], json_get(old, "valueType")));
	json_set_bool(json, "valueContainsNull", is_nullable(entries->children[1]));
	return json;
}

static struct json *type_to_delta(const struct ArrowSchema *schema, const struct json *old)
{
	struct arrow_type_info info;
	char decimal[32];

	if (!strcmp(schema->format, "+s"))
		return struct_to_delta(schema, old);
	if (!strcmp(schema->format, "+l"))
		return list_to_delta(schema, old);
	if (!strcmp(schema->format, "+m"))
		return map_to_delta(schema, old);
	for (size_t i = 0; i < N_PRIMITIVES; i++)
		if (!strcmp(schema->format, primitives[i].arrow))
			return json_new_str(primitives[i].delta);
	arrow_type_parse(schema->format, &info);
	snprintf(decimal, sizeof(decimal), "decimal(%d,%d)", info.precision, info.scale);
	return json_new_str(decimal);
}

struct json *table_schema_to_delta_as(const struct ArrowSchema *schema, const struct json *old)
{
	return struct_to_delta(schema, old);
}

struct json *table_schema_to_delta(const struct ArrowSchema *schema)
{
	return struct_to_delta(schema, NULL);
}

/* ---- from Delta --------------------------------------------------------------------------------------- */

static int type_from_delta(const struct json *type, const char *name, int nullable, int depth, struct ArrowSchema *ret,
                           struct err *err);

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "out of memory for the schema");
}

static int struct_from_delta(const struct json *type, const char *name, int nullable, int depth,
                             struct ArrowSchema *ret, struct err *err)
{
	const struct json *fields = json_get(type, "fields");
	size_t n = json_count(fields);
	int r = 0;

	if (n > COLUMNS_MAX)
		return err_set(err, ERR_LIMIT, "the schema has more than %d columns", COLUMNS_MAX);
	if (arrow_schema_make(ret, "+s", name, nullable, (int64_t)n))
		return no_memory(err);
	for (size_t i = 0; i < n && !r; i++) {
		const struct json *field = json_at(fields, i);
		const char *child = json_get_str(field, "name", NULL), *key;

		r = child ? type_from_delta(json_get(field, "type"), child, json_get_bool(field, "nullable", 1),
		                            depth + 1, ret->children[i], err)
		          : err_set(err, ERR_CORRUPT, "a column of the schema has no name");
		key = json_get_str(json_get(field, "metadata"), KEY_METADATA, NULL);
		if (!r && key && key_set(ret->children[i], key))
			r = no_memory(err);
	}
	if (r)
		arrow_schema_release(ret);
	return r;
}

static int list_from_delta(const struct json *type, const char *name, int nullable, int depth, struct ArrowSchema *ret,
                           struct err *err)
{
	int r;

	if (arrow_schema_make(ret, "+l", name, nullable, 1))
		return no_memory(err);
	r = type_from_delta(json_get(type, "elementType"), "element", json_get_bool(type, "containsNull", 1), depth + 1,
	                    ret->children[0], err);
	if (r)
		arrow_schema_release(ret);
	return r;
}

static int map_from_delta(const struct json *type, const char *name, int nullable, int depth, struct ArrowSchema *ret,
                          struct err *err)
{
	struct ArrowSchema *entries;
	int r;

	if (arrow_schema_make(ret, "+m", name, nullable, 1))
		return no_memory(err);
	entries = ret->children[0];
	if (arrow_schema_make(entries, "+s", "key_value", 0, 2)) {
		arrow_schema_release(ret);
		return no_memory(err);
	}
	r = type_from_delta(json_get(type, "keyType"), "key", 0, depth + 1, entries->children[0], err);
	if (!r)
		r = type_from_delta(json_get(type, "valueType"), "value", json_get_bool(type, "valueContainsNull", 1),
		                    depth + 1, entries->children[1], err);
	if (r)
		arrow_schema_release(ret);
	return r;
}

/* What others call them. */
static const struct {
	const char *theirs, *delta;
} synonyms[] = {
	{"bigint", "long"},    {"int64", "long"},    {"int", "integer"},        {"int32", "integer"},
	{"smallint", "short"}, {"int16", "short"},   {"tinyint", "byte"},       {"int8", "byte"},
	{"bool", "boolean"},   {"text", "string"},   {"varchar", "string"},     {"utf8", "string"},
	{"real", "float"},     {"float32", "float"}, {"float64", "double"},     {"bytes", "binary"},
	{"blob", "binary"},    {"number", "double"}, {"datetime", "timestamp"}, {"uint64", "decimal(20,0)"},
};

static int unknown_type(const char *type, const char *name, struct err *err)
{
	struct near near = {.word = type};
	char hint[NEAR_HINT];
	struct buf known;

	buf_init(&known, 0);
	for (size_t i = 0; i < N_PRIMITIVES; i++) {
		buf_printf(&known, "%s, ", primitives[i].delta);
		near_offer(&near, primitives[i].delta);
	}
	for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
		if (!strcasecmp(type, synonyms[i].theirs))
			near.best = synonyms[i].delta;
	err_set(err, ERR_UNSUPPORTED,
	        "column '%s' has the type '%.60s', which is not known: there are %sdecimal(precision,scale), and of "
	        "them "
	        "array, map and struct%s",
	        name, type, known.data ? known.data : "", near_hint(&near, hint));
	buf_done(&known);
	return ERR_UNSUPPORTED;
}

static int primitive_from_delta(const char *type, const char *name, int nullable, struct ArrowSchema *ret,
                                struct err *err)
{
	char format[32] = "";
	int precision, scale, n = 0;

	for (size_t i = 0; i < N_PRIMITIVES; i++)
		if (!strcmp(type, primitives[i].delta))
			snprintf(format, sizeof(format), "%s", primitives[i].arrow);
	if (!*format && sscanf(type, "decimal(%2d,%2d)%n", &precision, &scale, &n) == 2 && n && !type[n] &&
	    precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision)
		snprintf(format, sizeof(format), "d:%d,%d", precision, scale);
	if (!strcmp(type, "decimal"))
		snprintf(format, sizeof(format), "d:10,0");
	if (!*format)
		return unknown_type(type, name, err);
	return arrow_schema_make(ret, format, name, nullable, 0) ? no_memory(err) : 0;
}

static int type_from_delta(const struct json *type, const char *name, int nullable, int depth, struct ArrowSchema *ret,
                           struct err *err)
{
	const char *kind = json_get_str(type, "type", "");

	if (depth > TABLE_DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "the schema is nested deeper than %d levels", TABLE_DEPTH_MAX);
	if (json_type(type) == JSON_STRING)
		return primitive_from_delta(json_str(type, ""), name, nullable, ret, err);
	if (!strcmp(kind, "struct"))
		return struct_from_delta(type, name, nullable, depth, ret, err);
	if (!strcmp(kind, "array"))
		return list_from_delta(type, name, nullable, depth, ret, err);
	if (!strcmp(kind, "map"))
		return map_from_delta(type, name, nullable, depth, ret, err);
	return err_set(err, ERR_CORRUPT, "column '%s' has a type that is not one of Delta", name);
}

int table_schema_from_delta(const struct json *delta, struct ArrowSchema *ret, struct err *err)
{
	if (strcmp(json_get_str(delta, "type", ""), "struct"))
		return err_set(err, ERR_CORRUPT, "the schema is not a struct");
	return struct_from_delta(delta, "", 0, 0, ret, err);
}

/* ---- merging ------------------------------------------------------------------------------------------------ */

static int64_t find_folded(const struct ArrowSchema *schema, const char *name)
{
	for (int64_t i = 0; i < schema->n_children; i++)
		if (!strcasecmp(schema->children[i]->name, name))
			return i;
	return -1;
}

static int merge_into(struct ArrowSchema *have, const struct ArrowSchema *more, const char *path, struct err *err);

static int merge_child(struct ArrowSchema *have, const struct ArrowSchema *more, const char *path, struct err *err)
{
	int64_t at = find_folded(have, more->name);
	struct ArrowSchema copy;
	char full[300];

	snprintf(full, sizeof(full), "%s%s%s", path, *path ? "." : "", more->name);
	if (at >= 0)
		return merge_into(have->children[at], more, full, err);
	if (arrow_schema_copy(&copy, more))
		return no_memory(err);
	copy.flags |= ARROW_FLAG_NULLABLE;
	if (arrow_schema_append(have, &copy)) {
		arrow_schema_release(&copy);
		return no_memory(err);
	}
	return 0;
}

static int merge_into(struct ArrowSchema *have, const struct ArrowSchema *more, const char *path, struct err *err)
{
	int r = 0;

	if (strcmp(have->format, more->format)) {
		struct json *a = type_to_delta(have, NULL), *b = type_to_delta(more, NULL);

		r = err_set(err, ERR_CONFLICT,
		            "column '%s' is %s in the dataset and %s in the new data: convert it, or "
		            "use another dataset",
		            path, json_text(a), json_text(b));
		err_where(err, "%s", path);
		json_free(a);
		json_free(b);
		return r;
	}
	if (!strcmp(have->format, "+s")) {
		for (int64_t i = 0; i < more->n_children && !r; i++)
			r = merge_child(have, more->children[i], path, err);
		return r;
	}
	for (int64_t i = 0; i < more->n_children && i < have->n_children && !r; i++)
		r = merge_into(have->children[i], more->children[i], path, err);
	return r;
}

int table_schema_merge(const struct ArrowSchema *have, const struct ArrowSchema *more, struct ArrowSchema *ret,
                       struct err *err)
{
	int r;

	if (arrow_schema_copy(ret, have ? have : more))
		return no_memory(err);
	r = have ? merge_into(ret, more, "", err) : 0;
	if (r)
		arrow_schema_release(ret);
	return r;
}
