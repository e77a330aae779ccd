/* SPDX-License-Identifier: Apache-2.0 */
#include "shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#define DEPTH_MAX 64      /* of columns within columns */
#define DECIMAL_DIGITS 38 /* of a decimal of 128 bits */
#define FORMAT_MAX 32
#define FIXED_WIDE 256 /* bytes; a fixed that is wider becomes binary of any length */
#define ENDS 4         /* bytes that say where a text or a list ends */

/* What is being made of which type, up to the root: a record that is among them stands within itself. */
struct within {
	const struct avro_type *type;
	const struct within *outer;
	int depth;
};

struct making {
	struct shape *shape;
	orasi_error *err;
};

static orasi_status make(struct making *m, const struct within *outer, const struct avro_type *type, const char *name,
                         struct ArrowSchema *field, struct node *node);

static orasi_status no_memory(orasi_error *err)
{
	return orasi_fail(err, ORASI_E_NOMEM, "no memory left for the columns");
}

/* ---- single types ------------------------------------------------------------------------------------------------ */

/* The Arrow format and the op of types without parts. */
static const struct {
	enum op op;
	const char *format;
} plain[] = {
	[AVRO_NULL] = {OP_NULL, "n"},    [AVRO_BOOLEAN] = {OP_BOOLEAN, "b"}, [AVRO_INT] = {OP_INT, "i"},
	[AVRO_LONG] = {OP_LONG, "l"},    [AVRO_FLOAT] = {OP_FLOAT, "f"},     [AVRO_DOUBLE] = {OP_DOUBLE, "g"},
	[AVRO_BYTES] = {OP_BYTES, "z"},  [AVRO_STRING] = {OP_STRING, "u"},   [AVRO_ENUM] = {OP_ENUM, "u"},
	[AVRO_FIXED] = {OP_FIXED, "w:"},
};

static const char *const formats[] = {
	[LOGICAL_DATE] = "tdD",
	[LOGICAL_TIME_MILLIS] = "ttm",
	[LOGICAL_TIME_MICROS] = "ttu",
	[LOGICAL_TIMESTAMP_MILLIS] = "tsm:UTC",
	[LOGICAL_TIMESTAMP_MICROS] = "tsu:UTC",
	[LOGICAL_TIMESTAMP_NANOS] = "tsn:UTC",
	[LOGICAL_LOCAL_MILLIS] = "tsm:",
	[LOGICAL_LOCAL_MICROS] = "tsu:",
	[LOGICAL_LOCAL_NANOS] = "tsn:",
	[LOGICAL_DURATION] = "u",
};

static enum op choose(const struct avro_type *type, char format[FORMAT_MAX])
{
	snprintf(format, FORMAT_MAX, "%s", plain[type->kind].format);
	if (type->logical == LOGICAL_DECIMAL && type->precision <= DECIMAL_DIGITS) {
		snprintf(format, FORMAT_MAX, "d:%d,%d", type->precision, type->scale);
		return OP_DECIMAL;
	}
	if (type->logical == LOGICAL_DECIMAL || (type->logical == LOGICAL_UUID && type->kind == AVRO_FIXED)) {
		snprintf(format, FORMAT_MAX, "u");
		return type->logical == LOGICAL_UUID ? OP_UUID : OP_DECIMAL_TEXT;
	}
	if (type->logical > LOGICAL_UUID)
		snprintf(format, FORMAT_MAX, "%s", formats[type->logical]);
	else if (type->kind == AVRO_FIXED && type->size > FIXED_WIDE)
		return snprintf(format, FORMAT_MAX, "z"), OP_FIXED_WIDE;
	else if (type->kind == AVRO_FIXED)
		snprintf(format, FORMAT_MAX, "w:%u", type->size);
	return type->logical == LOGICAL_DURATION ? OP_DURATION : plain[type->kind].op;
}

/* ---- types with parts -------------------------------------------------------------------------------------------- */

static orasi_status make_parts(struct making *m, struct node *node, int64_t n)
{
	if (n > NODES_MAX || m->shape->nodes + n > NODES_MAX)
		return orasi_fail(m->err, ORASI_E_LIMIT,
		                  "the schema has more than %d columns, counting those within others", NODES_MAX);
	m->shape->nodes += (int32_t)n;
	node->parts = calloc((size_t)n + 1, sizeof(*node->parts));
	if (!node->parts)
		return no_memory(m->err);
	node->n = (int32_t)n;
	return ORASI_OK;
}

static orasi_status make_record(struct making *m, const struct within *within, const struct avro_type *type,
                                struct ArrowSchema *field, struct node *node)
{
	orasi_status status = make_parts(m, node, type->n);

	for (uint32_t i = 0; i < type->n && !status; i++)
		status = make(m, within, type->parts[i], type->names[i], field->children[i], &node->parts[i]);
	return status;
}

static orasi_status make_array(struct making *m, const struct within *within, const struct avro_type *type,
                               struct ArrowSchema *field, struct node *node)
{
	orasi_status status = make_parts(m, node, 1);

	return status ? status : make(m, within, type->parts[0], "item", field->children[0], &node->parts[0]);
}

static orasi_status make_map(struct making *m, const struct within *within, const struct avro_type *type,
                             struct ArrowSchema *field, struct node *node)
{
	static const struct avro_type key = {.kind = AVRO_STRING, .sized = true};
	struct ArrowSchema *entries = field->children[0];
	orasi_status status = make_parts(m, node, 2);

	if (status)
		return status;
	if (arrow_schema_make(entries, "+s", "entries", 0, 2))
		return no_memory(m->err);
	status = make(m, within, &key, "key", entries->children[0], &node->parts[0]);
	return status ? status : make(m, within, type->parts[0], "value", entries->children[1], &node->parts[1]);
}

/* A struct with a member for each branch that is not null, as Spark has it. */
static orasi_status make_choice(struct making *m, const struct within *within, const struct avro_type *type,
                                struct ArrowSchema *field, struct node *node)
{
	orasi_status status = make_parts(m, node, field->n_children);
	int32_t at = 0;

	node->branch = calloc((size_t)type->n + 1, sizeof(*node->branch));
	if (!node->branch)
		return no_memory(m->err);
	for (uint32_t i = 0; i < type->n && !status; i++) {
		char name[32];

		node->branch[i] = type->parts[i]->kind == AVRO_NULL ? -1 : at;
		if (node->branch[i] < 0)
			continue;
		snprintf(name, sizeof(name), "member%d", at);
		status = make(m, within, type->parts[i], name, field->children[at], &node->parts[at]);
		field->children[at]->flags |= ARROW_FLAG_NULLABLE;
		at++;
	}
	return status;
}

/* ---- unions ------------------------------------------------------------------------------------------------------ */

static bool are_kinds(const struct avro_type *type, enum avro_kind a, enum avro_kind b)
{
	for (uint32_t i = 0; i < type->n; i++) {
		const struct avro_type *part = type->parts[i];

		if (part->kind != AVRO_NULL && (part->logical || (part->kind != a && part->kind != b)))
			return false;
	}
	return true;
}

static int64_t values_of(const struct avro_type *type)
{
	int64_t n = 0;

	for (uint32_t i = 0; i < type->n; i++)
		n += type->parts[i]->kind != AVRO_NULL;
	return n;
}

/* What a union of one type, or of one and null, stands for; others stay what they are. */
static const struct avro_type *open_union(const struct avro_type *type, struct node *node)
{
	const struct avro_type *ret = type;

	node->null_at = node->value_at = -1;
	if (type->kind != AVRO_UNION)
		return type;
	for (uint32_t i = 0; i < type->n; i++)
		if (type->parts[i]->kind == AVRO_NULL)
			node->null_at = (int32_t)i;
	if (type->n > 2 || values_of(type) > 1)
		return type;
	for (uint32_t i = 0; i < type->n; i++) {
		bool is_value = type->parts[i]->kind != AVRO_NULL || type->n == 1;

		if (is_value || ret == type)
			ret = type->parts[i];
		if (is_value)
			node->value_at = (int32_t)i;
	}
	return ret;
}

static bool stands_within(const struct within *within, const struct avro_type *type)
{
	for (; within; within = within->outer)
		if (within->type == type)
			return true;
	return false;
}

/* What the type, no longer one of null and another, becomes: its op and the format, and how many children it has. */
static enum op choose_op(const struct within *outer, const struct avro_type *type, char format[FORMAT_MAX],
                         int64_t *ret_children)
{
	*ret_children = 0;
	switch (type->kind) {
	case AVRO_RECORD:
		if (stands_within(outer, type)) {
			snprintf(format, FORMAT_MAX, "u");
			return OP_JSON;
		}
		snprintf(format, FORMAT_MAX, "+s");
		*ret_children = type->n;
		return OP_RECORD;
	case AVRO_ARRAY:
		snprintf(format, FORMAT_MAX, "+l");
		*ret_children = 1;
		return OP_ARRAY;
	case AVRO_MAP:
		snprintf(format, FORMAT_MAX, "+m");
		*ret_children = 1;
		return OP_MAP;
	case AVRO_UNION:
		snprintf(format, FORMAT_MAX, "%s",
		         are_kinds(type, AVRO_INT, AVRO_LONG)       ? "l"
		         : are_kinds(type, AVRO_FLOAT, AVRO_DOUBLE) ? "g"
		                                                    : "+s");
		if (format[0] != '+')
			return OP_NUMBER;
		*ret_children = values_of(type);
		return OP_CHOICE;
	default:
		return choose(type, format);
	}
}

static orasi_status make_node(struct making *m, const struct within *outer, const struct avro_type *type,
                              const char *name, struct ArrowSchema *field, struct node *node)
{
	const struct avro_type *value = open_union(type, node);
	const struct within within = {value, outer, outer ? outer->depth + 1 : 0};
	char format[FORMAT_MAX];
	int64_t n;

	if (within.depth > DEPTH_MAX)
		return orasi_fail(m->err, ORASI_E_LIMIT, "the schema has types that stand deeper within others than %d",
		                  DEPTH_MAX);
	node->type = value;
	node->op = choose_op(outer, value, format, &n);
	if (arrow_schema_make(field, format, name, node->null_at >= 0 || value->kind == AVRO_NULL, n))
		return no_memory(m->err);
	switch (node->op) {
	case OP_RECORD:
		return make_record(m, &within, value, field, node);
	case OP_ARRAY:
		return make_array(m, &within, value, field, node);
	case OP_MAP:
		return make_map(m, &within, value, field, node);
	case OP_CHOICE:
		return make_choice(m, &within, value, field, node);
	default:
		return ORASI_OK;
	}
}

/* The nodes below have theirs. */
static void note_costs(struct node *node, const char *format)
{
	struct arrow_type_info info = {0};
	size_t width;

	arrow_type_parse(format, &info);
	width = arrow_type_width(&info);
	node->cost = width                                                                ? (int64_t)width
	             : strcmp(format, "+s") && strcmp(format, "b") && strcmp(format, "n") ? ENDS
	                                                                                  : 1;
	node->null_cost = node->cost;
	for (int32_t i = 0; (node->op == OP_RECORD || node->op == OP_CHOICE) && i < node->n; i++)
		node->null_cost += node->parts[i].null_cost;
}

static orasi_status make(struct making *m, const struct within *outer, const struct avro_type *type, const char *name,
                         struct ArrowSchema *field, struct node *node)
{
	orasi_status status = make_node(m, outer, type, name, field, node);

	if (!status)
		note_costs(node, field->format);
	return status;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

/* Records that are no records become a column. */
static orasi_status make_single(struct making *m, const struct avro_type *type)
{
	struct shape *shape = m->shape;
	orasi_status status;

	shape->single = type;
	shape->root.null_at = shape->root.value_at = -1;
	shape->root.op = OP_RECORD;
	if (arrow_schema_make(&shape->schema, "+s", "", 0, 1))
		return no_memory(m->err);
	status = make_parts(m, &shape->root, 1);
	return status ? status : make(m, NULL, type, "value", shape->schema.children[0], &shape->root.parts[0]);
}

orasi_status shape_make(struct shape *ret, const struct schema *schema, orasi_error *err)
{
	struct making making = {ret, err};
	orasi_status status;

	*ret = (struct shape){0};
	if (schema->root->kind == AVRO_RECORD)
		status = make(&making, NULL, schema->root, "", &ret->schema, &ret->root);
	else
		status = make_single(&making, schema->root);
	if (status)
		shape_done(ret);
	return status;
}

static orasi_status check_wanted(const struct shape *shape, const struct ArrowSchema *want, int64_t at,
                                 orasi_error *err)
{
	const struct ArrowSchema *have = shape->schema.children[at];

	if (arrow_schema_equal(have, want, 0))
		return ORASI_OK;
	return orasi_fail(err, ORASI_E_UNSUPPORTED,
	                  "the column '%s' is wanted as '%s', the file has it as '%s': it is given as the file has it",
	                  want->name, want->format, have->format);
}

orasi_status shape_project(struct shape *shape, const struct ArrowSchema *want, orasi_error *err)
{
	struct ArrowSchema schema;
	orasi_status status = ORASI_OK;

	shape->column = calloc((size_t)shape->root.n + 1, sizeof(*shape->column));
	shape->missing = calloc((size_t)want->n_children + 1, sizeof(*shape->missing));
	if (!shape->column || !shape->missing)
		return no_memory(err);
	for (int32_t i = 0; i < shape->root.n; i++)
		shape->column[i] = -1;
	for (int64_t i = 0; i < want->n_children && !status; i++) {
		const char *name = want->children[i]->name;
		int64_t at = arrow_schema_find(&shape->schema, name, strlen(name));

		if (at < 0) {
			shape->missing[shape->n_missing++] = i;
			continue;
		}
		status = shape->column[at] < 0
		                 ? check_wanted(shape, want->children[i], at, err)
		                 : orasi_fail(err, ORASI_E_INVALID, "the column '%s' is wanted twice", name);
		shape->column[at] = i;
	}
	if (status)
		return status;
	if (arrow_schema_copy(&schema, want))
		return no_memory(err);
	arrow_schema_release(&shape->schema);
	shape->schema = schema;
	return ORASI_OK;
}

static void attach(struct node *node, struct arrow_builder *to)
{
	struct arrow_builder *parts = to;

	node->to = to;
	if (node->op == OP_MAP)
		parts = arrow_builder_child(to, 0);
	for (int32_t i = 0; i < node->n; i++)
		attach(&node->parts[i], arrow_builder_child(parts, i));
}

void shape_attach(struct shape *shape, struct arrow_builder *root)
{
	shape->root.to = root;
	for (int32_t i = 0; i < shape->root.n; i++) {
		int64_t at = shape->column ? shape->column[i] : i;

		if (at >= 0)
			attach(&shape->root.parts[i], arrow_builder_child(root, at));
	}
}

static void node_done(struct node *node)
{
	for (int32_t i = 0; i < node->n; i++)
		node_done(&node->parts[i]);
	free(node->parts);
	free(node->branch);
}

void shape_done(struct shape *shape)
{
	node_done(&shape->root);
	arrow_schema_release(&shape->schema);
	free(shape->column);
	free(shape->missing);
	*shape = (struct shape){0};
}
