/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>
#include <orasi/sdk/fail.h>

#include "tree.h"

#define PLACE_MAX 256

static const char *const kinds[] = {
	[AVRO_NULL] = "null",     [AVRO_BOOLEAN] = "boolean", [AVRO_INT] = "int",     [AVRO_LONG] = "long",
	[AVRO_FLOAT] = "float",   [AVRO_DOUBLE] = "double",   [AVRO_BYTES] = "bytes", [AVRO_STRING] = "string",
	[AVRO_RECORD] = "record", [AVRO_ENUM] = "enum",       [AVRO_ARRAY] = "array", [AVRO_MAP] = "map",
	[AVRO_UNION] = "union",   [AVRO_FIXED] = "fixed",
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Which type each logical type may stand on; "fixed" of a size, where it says so. */
static const struct {
	const char *name;
	enum avro_logical logical;
	enum avro_kind kind;
	uint32_t size;
} logicals[] = {
	{"decimal", LOGICAL_DECIMAL, AVRO_BYTES, 0},
	{"decimal", LOGICAL_DECIMAL, AVRO_FIXED, 0},
	{"uuid", LOGICAL_UUID, AVRO_STRING, 0},
	{"uuid", LOGICAL_UUID, AVRO_FIXED, 16},
	{"date", LOGICAL_DATE, AVRO_INT, 0},
	{"time-millis", LOGICAL_TIME_MILLIS, AVRO_INT, 0},
	{"time-micros", LOGICAL_TIME_MICROS, AVRO_LONG, 0},
	{"timestamp-millis", LOGICAL_TIMESTAMP_MILLIS, AVRO_LONG, 0},
	{"timestamp-micros", LOGICAL_TIMESTAMP_MICROS, AVRO_LONG, 0},
	{"timestamp-nanos", LOGICAL_TIMESTAMP_NANOS, AVRO_LONG, 0},
	{"local-timestamp-millis", LOGICAL_LOCAL_MILLIS, AVRO_LONG, 0},
	{"local-timestamp-micros", LOGICAL_LOCAL_MICROS, AVRO_LONG, 0},
	{"local-timestamp-nanos", LOGICAL_LOCAL_NANOS, AVRO_LONG, 0},
	{"duration", LOGICAL_DURATION, AVRO_FIXED, 12},
};

/* Where the reading stands: for names without a namespace, and for messages. */
struct reading {
	struct schema *schema;
	orasi_error *err;
	orasi_status status; /* of the failure */
	const char *space;   /* the enclosing namespace, "" for none */
	int depth;
	char place[PLACE_MAX]; /* a JSON pointer */
};

static struct avro_type *read_type(struct reading *r, const struct tree_node *json);

/* ---- failing ----------------------------------------------------------------------------------------------------- */

static void *fail(struct reading *r, const char *what, const char *which)
{
	r->status = orasi_fail(r->err, ORASI_E_CORRUPT, "the schema at '%s': %s%s%.200s%s", r->place, what,
	                       *which ? " '" : "", which, *which ? "'" : "");
	return NULL;
}

/* A bound of ours, which a schema may lie beyond. */
static void *beyond(struct reading *r, const char *what)
{
	r->status = orasi_fail(r->err, ORASI_E_LIMIT, "the schema at '%s': %s", r->place, what);
	return NULL;
}

static void *no_memory(struct reading *r)
{
	r->status = orasi_fail(r->err, ORASI_E_NOMEM, "no memory left for the schema");
	return NULL;
}

const char *type_shown(const struct avro_type *type)
{
	static _Thread_local char text[256];

	snprintf(text, sizeof(text), "%s%s%.200s", kinds[type->kind], type->name ? " " : "",
	         type->name ? type->name : "");
	return text;
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

/* Text without a NUL, or NULL. */
static const char *text_of(const struct tree_node *json)
{
	return json && json->kind == TREE_STRING && strlen(json->text) == json->len ? json->text : NULL;
}

/* A member that is a whole number within the bounds; -1: it is another; `otherwise`: it is not there. */
static int64_t number_of(const struct tree_node *json, const char *key, int64_t least, int64_t most, int64_t otherwise)
{
	const struct tree_node *value = tree_member(json, key);
	char *end;
	int64_t n;

	if (!value)
		return otherwise;
	if (value->kind != TREE_NUMBER || value->len > 18)
		return -1;
	n = strtoll(value->text, &end, 10);
	return *end || n < least || n > most ? -1 : n;
}

static const struct tree_node *array_of(const struct tree_node *json, const char *key)
{
	const struct tree_node *value = tree_member(json, key);

	return value && value->kind == TREE_ARRAY ? value : NULL;
}

/* ---- types ------------------------------------------------------------------------------------------------------- */

static struct avro_type *new_type(struct reading *r, enum avro_kind kind)
{
	struct avro_type *type;

	if (r->schema->n >= SCHEMA_TYPES)
		return beyond(r, "it has more than 20000 types");
	type = calloc(1, sizeof(*type));
	if (!type)
		return no_memory(r);
	type->kind = kind;
	type->next = r->schema->all;
	r->schema->all = type;
	r->schema->n++;
	return type;
}

static int make_parts(struct reading *r, struct avro_type *type, size_t n)
{
	if (n > SCHEMA_TYPES)
		return beyond(r, "a type has more than 20000 parts"), -1;
	type->parts = calloc(n + 1, sizeof(*type->parts));
	type->names = calloc(n + 1, sizeof(*type->names));
	if (!type->parts || !type->names)
		return no_memory(r), -1;
	return 0;
}

/* Reads what stands at `step` below this place. */
static struct avro_type *read_below(struct reading *r, const struct tree_node *json, const char *step, size_t at)
{
	size_t here = strlen(r->place);
	struct avro_type *type;

	if (at == SIZE_MAX)
		snprintf(r->place + here, sizeof(r->place) - here, "/%s", step);
	else
		snprintf(r->place + here, sizeof(r->place) - here, "/%s%s%zu", step, *step ? "/" : "", at);
	type = read_type(r, json);
	if (type)
		r->place[here] = '\0';
	return type;
}

/* "org.acme.Click": a name with a dot is whole, another one stands in a namespace. */
static char *full_name(const char *name, const char *space)
{
	char *ret;

	if (strchr(name, '.') || !*space)
		return strdup(name);
	return asprintf(&ret, "%s.%s", space, name) < 0 ? NULL : ret;
}

/* FNV-1a */
static uint32_t hash_of(const char *name)
{
	uint32_t hash = 2166136261U;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619U;
	return hash;
}

/* Where a type of that name stands, or would stand. */
static struct avro_type **slot_of(const struct schema *schema, const char *name)
{
	uint32_t mask = schema->cap_named - 1, at = hash_of(name) & mask;

	while (schema->named[at] && strcmp(schema->named[at]->name, name))
		at = (at + 1) & mask;
	return &schema->named[at];
}

static struct avro_type *find_named(const struct schema *schema, const char *name)
{
	return schema->cap_named ? *slot_of(schema, name) : NULL;
}

static int widen_names(struct reading *r)
{
	struct schema *schema = r->schema;
	struct schema wide = {.cap_named = schema->cap_named ? 2 * schema->cap_named : 64};

	if (2 * schema->n_named < schema->cap_named)
		return 0;
	wide.named = calloc(wide.cap_named, sizeof(*wide.named));
	if (!wide.named)
		return no_memory(r), -1;
	for (uint32_t i = 0; i < schema->cap_named; i++)
		if (schema->named[i])
			*slot_of(&wide, schema->named[i]->name) = schema->named[i];
	free(schema->named);
	schema->named = wide.named;
	schema->cap_named = wide.cap_named;
	return 0;
}

static int note_name(struct reading *r, struct avro_type *type)
{
	if (find_named(r->schema, type->name))
		return fail(r, "two types have the name", type->name), -1;
	if (widen_names(r))
		return -1;
	*slot_of(r->schema, type->name) = type;
	r->schema->n_named++;
	return 0;
}

/* Gives the type its name; the namespace that holds within it is *ret_space, the caller's to free. */
static int name_type(struct reading *r, struct avro_type *type, const struct tree_node *json, char **ret_space)
{
	const char *name = text_of(tree_member(json, "name")), *space = text_of(tree_member(json, "namespace"));
	const char *dot;

	if (!name || !*name || !arrow_utf8_valid(name, strlen(name)))
		return fail(r, "a type needs a name:", kinds[type->kind]), -1;
	if (strlen(name) > NAME_MOST || (space && strlen(space) > NAME_MOST))
		return beyond(r, "a name has more than 1024 bytes"), -1;
	type->name = full_name(name, space ? space : r->space);
	if (!type->name)
		return no_memory(r), -1;
	if (note_name(r, type))
		return -1;
	dot = strrchr(type->name, '.');
	*ret_space = strndup(type->name, dot ? (size_t)(dot - type->name) : 0);
	return *ret_space ? 0 : (no_memory(r), -1);
}

static int add_name(struct reading *r, struct avro_type *type, const char *name)
{
	if (!name || !arrow_utf8_valid(name, strlen(name)))
		return fail(r, "names must be text, in", type->name), -1;
	if (strlen(name) > NAME_MOST)
		return beyond(r, "a name has more than 1024 bytes"), -1;
	type->names[type->n] = strdup(name);
	return type->names[type->n] ? 0 : (no_memory(r), -1);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The name that is there twice, or NULL. */
static int check_distinct(struct reading *r, const struct avro_type *type, const char *what)
{
	char **sorted = malloc((type->n + 1) * sizeof(*sorted));
	const char *twice = NULL;

	if (!sorted)
		return no_memory(r), -1;
	memcpy(sorted, type->names, type->n * sizeof(*sorted));
	qsort(sorted, type->n, sizeof(*sorted), compare_names);
	for (uint32_t i = 1; i < type->n && !twice; i++)
		if (!strcmp(sorted[i - 1], sorted[i]))
			twice = sorted[i];
	free(sorted);
	return twice ? (fail(r, what, twice), -1) : 0;
}

static int read_fields(struct reading *r, struct avro_type *type, const struct tree_node *json)
{
	const struct tree_node *fields = array_of(json, "fields");

	if (!fields)
		return fail(r, "a record needs 'fields':", type->name), -1;
	if (make_parts(r, type, fields->n))
		return -1;
	for (const struct tree_node *field = fields->first; field; field = field->next) {
		const struct tree_node *below = tree_member(field, "type");
		uint32_t i = type->n;

		if (!below)
			return fail(r, "a field is an object with 'name' and 'type', in", type->name), -1;
		if (add_name(r, type, text_of(tree_member(field, "name"))))
			return -1;
		type->n++;
		type->parts[i] = read_below(r, below, "fields", i);
		if (!type->parts[i])
			return -1;
	}
	return check_distinct(r, type, "two fields of a record have the name");
}

static int read_symbols(struct reading *r, struct avro_type *type, const struct tree_node *json)
{
	const struct tree_node *symbols = array_of(json, "symbols");

	if (!symbols)
		return fail(r, "an enum needs 'symbols':", type->name), -1;
	if (make_parts(r, type, symbols->n))
		return -1;
	for (const struct tree_node *symbol = symbols->first; symbol; symbol = symbol->next) {
		if (add_name(r, type, text_of(symbol)))
			return -1;
		type->n++;
	}
	return check_distinct(r, type, "two symbols of an enum are");
}

static int read_size(struct reading *r, struct avro_type *type, const struct tree_node *json)
{
	int64_t size = number_of(json, "size", 0, INT64_MAX, -1);

	if (size < 0)
		return fail(r, "a fixed type needs a 'size':", type->name), -1;
	if (size > FIXED_MAX)
		return beyond(r, "a fixed type has more than 2^28 bytes"), -1;
	type->size = (uint32_t)size;
	return 0;
}

static struct avro_type *read_named(struct reading *r, enum avro_kind kind, const struct tree_node *json)
{
	struct avro_type *type = new_type(r, kind);
	const char *outer = r->space;
	char *space = NULL;
	int failed;

	if (!type || name_type(r, type, json, &space)) {
		free(space);
		return NULL;
	}
	r->space = space;
	failed = kind == AVRO_RECORD ? read_fields(r, type, json)
	         : kind == AVRO_ENUM ? read_symbols(r, type, json)
	                             : read_size(r, type, json);
	r->space = outer;
	free(space);
	return failed ? NULL : type;
}

/* An array or a map. */
static struct avro_type *read_holder(struct reading *r, enum avro_kind kind, const struct tree_node *json)
{
	const char *key = kind == AVRO_ARRAY ? "items" : "values";
	struct avro_type *type = new_type(r, kind);
	const struct tree_node *below = tree_member(json, key);

	if (!type)
		return NULL;
	if (!below)
		return fail(r, kind == AVRO_ARRAY ? "an array needs" : "a map needs", key);
	if (make_parts(r, type, 1))
		return NULL;
	type->parts[0] = read_below(r, below, key, SIZE_MAX);
	return type->parts[0] ? type : NULL;
}

/* Named types may be there often, of the others one each; -1 when this one is there already. */
static int check_branch(struct avro_type *branch, const struct avro_type *of, uint32_t *kinds_seen)
{
	bool twice = branch->name ? branch->in == of : *kinds_seen >> branch->kind & 1;

	branch->in = of;
	*kinds_seen |= branch->name ? 0 : 1U << branch->kind;
	return twice ? -1 : 0;
}

static struct avro_type *read_union(struct reading *r, const struct tree_node *json)
{
	uint32_t kinds_seen = 0;
	struct avro_type *type = new_type(r, AVRO_UNION);

	if (!type || make_parts(r, type, json->n))
		return NULL;
	for (const struct tree_node *branch = json->first; branch; branch = branch->next) {
		uint32_t i = type->n;

		type->parts[i] = read_below(r, branch, "", i);
		if (!type->parts[i])
			return NULL;
		type->n++;
		if (type->parts[i]->kind == AVRO_UNION)
			return fail(r, "a union stands within a union", "");
		if (check_branch(type->parts[i], type, &kinds_seen))
			return fail(r, "two branches of a union are", type_shown(type->parts[i]));
	}
	return type->n ? type : fail(r, "a union has no branch", "");
}

/* ---- logical types ----------------------------------------------------------------------------------------------- */

/* How many digits fit into so many bytes of two's complement: floor((8n - 1) log10 2). */
static int64_t digits_of(uint32_t bytes)
{
	return bytes ? (int64_t)((8.0 * bytes - 1) * 0.30102999566398120) : 0;
}

static void read_decimal(struct avro_type *type, const struct tree_node *json)
{
	int64_t precision = number_of(json, "precision", 1, PRECISION_MAX, -1);
	int64_t scale = number_of(json, "scale", 0, PRECISION_MAX, 0);

	if (precision < 1 || scale < 0 || scale > precision ||
	    (type->kind == AVRO_FIXED && precision > digits_of(type->size)))
		return;
	type->logical = LOGICAL_DECIMAL;
	type->precision = (int32_t)precision;
	type->scale = (int32_t)scale;
}

static void read_logical(struct avro_type *type, const struct tree_node *json)
{
	const char *name = text_of(tree_member(json, "logicalType"));

	for (size_t i = 0; name && i < sizeof(logicals) / sizeof(logicals[0]); i++) {
		if (strcmp(logicals[i].name, name) || logicals[i].kind != type->kind ||
		    (logicals[i].size && logicals[i].size != type->size))
			continue;
		if (logicals[i].logical == LOGICAL_DECIMAL)
			read_decimal(type, json);
		else
			type->logical = logicals[i].logical;
	}
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static int kind_of(const char *name)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (!strcmp(kinds[i], name))
			return (int)i;
	return strcmp(name, "error") ? -1 : AVRO_RECORD;
}

/* The name of a primitive type, or of one that was declared before. */
static struct avro_type *read_name(struct reading *r, const char *name)
{
	int kind = kind_of(name);
	struct avro_type *type;
	char *full;

	if (kind >= AVRO_NULL && kind <= AVRO_STRING)
		return new_type(r, (enum avro_kind)kind);
	full = full_name(name, r->space);
	if (!full)
		return no_memory(r);
	type = find_named(r->schema, full);
	free(full);
	if (!type)
		type = find_named(r->schema, name); /* some write it without its namespace */
	return type ? type : fail(r, "there is no type", name);
}

static struct avro_type *read_declared(struct reading *r, const struct tree_node *json)
{
	const struct tree_node *below = tree_member(json, "type");
	const char *name = text_of(below);
	struct avro_type *type;
	int kind;

	if (!below)
		return fail(r, "an object needs 'type'", "");
	if (!name)
		return read_below(r, below, "type", SIZE_MAX);
	kind = kind_of(name);
	switch (kind) {
	case AVRO_RECORD:
	case AVRO_ENUM:
	case AVRO_FIXED:
		type = read_named(r, (enum avro_kind)kind, json);
		break;
	case AVRO_ARRAY:
	case AVRO_MAP:
		type = read_holder(r, (enum avro_kind)kind, json);
		break;
	default:
		type = read_name(r, name);
	}
	if (type && (type->kind <= AVRO_STRING || kind == AVRO_FIXED))
		read_logical(type, json);
	return type;
}

static struct avro_type *read_type(struct reading *r, const struct tree_node *json)
{
	struct avro_type *type;

	if (r->depth >= SCHEMA_DEPTH)
		return beyond(r, "types stand deeper within each other than 64");
	r->depth++;
	if (text_of(json))
		type = read_name(r, json->text);
	else if (json->kind == TREE_ARRAY)
		type = read_union(r, json);
	else if (json->kind == TREE_OBJECT)
		type = read_declared(r, json);
	else
		type = fail(r, "a type is a name, a list or an object", "");
	r->depth--;
	return type;
}

static bool is_sized(const struct avro_type *type)
{
	bool sized = type->kind != AVRO_NULL && type->kind != AVRO_RECORD && (type->kind != AVRO_FIXED || type->size);

	for (uint32_t i = 0; type->kind == AVRO_RECORD && i < type->n && !sized; i++)
		sized = type->parts[i]->sized;
	return sized;
}

/* The weight of a type without a byte whose parts have theirs; 0: one has none yet. */
static int32_t weigh(const struct avro_type *type)
{
	int64_t weight = 1;

	for (uint32_t i = 0; type->kind == AVRO_RECORD && i < type->n; i++) {
		if (!type->parts[i]->weight)
			return 0;
		weight += type->parts[i]->weight;
	}
	return weight < WEIGHT_MAX ? (int32_t)weight : WEIGHT_MAX;
}

/* Those that others are made of come first in the list, but for what is named before. */
static void note_sizes(struct schema *schema)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (struct avro_type *t = schema->all; t; t = t->next)
			if (!t->sized && is_sized(t))
				t->sized = changed = true;
	}
	for (changed = true; changed;) {
		changed = false;
		for (struct avro_type *t = schema->all; t; t = t->next)
			if (!t->sized && !t->weight && (t->weight = weigh(t)))
				changed = true;
	}
	for (struct avro_type *t = schema->all; t; t = t->next)
		if (!t->weight)
			t->weight = t->sized ? 1 : WEIGHT_MAX; /* it contains itself, and never ends */
}

orasi_status schema_read(struct schema *ret, const char *text, size_t len, orasi_error *err)
{
	struct reading reading = {.schema = ret, .err = err, .space = ""};
	struct tree tree;
	orasi_status status;

	*ret = (struct schema){0};
	if (len > SCHEMA_MAX)
		return orasi_fail(err, ORASI_E_LIMIT, "the schema has %zu bytes, more than %d", len, SCHEMA_MAX);
	status = tree_read(&tree, text, len, err);
	if (status)
		return status;
	ret->root = read_type(&reading, tree.root);
	status = reading.status;
	tree_done(&tree);
	if (status)
		schema_done(ret);
	note_sizes(ret);
	return status;
}

void schema_done(struct schema *schema)
{
	while (schema->all) {
		struct avro_type *type = schema->all;

		schema->all = type->next;
		for (uint32_t i = 0; type->names && i < type->n; i++)
			free(type->names[i]);
		free(type->names);
		free(type->parts);
		free(type->name);
		free(type);
	}
	free(schema->named);
	*schema = (struct schema){0};
}
