/* SPDX-License-Identifier: Apache-2.0 */
/* From shapes (shape.c) to a schema: what each key becomes, which of them still fit, and the evidence for people. */
#include <stdio.h>
#include <string.h>

#include "column.h"
#include "shape.h"
#include "text.h"

/* ---- schema ------------------------------------------------------------------------------- */

struct choice {
	const char *format;
	enum column_mode mode;
};

static struct choice choose_scalar(const struct shape *s)
{
	if (!s->kinds)
		return (struct choice){"u", COLUMN_PLAIN};
	if (s->kinds == KIND_BOOL)
		return (struct choice){"b", COLUMN_PLAIN};
	if (s->kinds == KIND_INT)
		return (struct choice){"l", COLUMN_PLAIN};
	if (!(s->kinds & ~KIND_NUMBER))
		return (struct choice){"g", COLUMN_PLAIN};
	if (s->kinds != KIND_STRING)
		return (struct choice){"u", COLUMN_TEXT};
	if (s->stamps == s->strings)
		return (struct choice){"tsu:UTC", COLUMN_PLAIN};
	return (struct choice){s->dates == s->strings ? "tdD" : "u", COLUMN_PLAIN};
}

static struct choice choose(const struct shape *s)
{
	if (s->opaque)
		return (struct choice){"u", COLUMN_JSON};
	if (s->kinds == KIND_OBJECT)
		return s->n_children ? (struct choice){"+s", COLUMN_PLAIN} : (struct choice){"u", COLUMN_JSON};
	if (s->kinds == KIND_ARRAY)
		return (struct choice){"+l", COLUMN_PLAIN};
	if (s->kinds & KIND_NESTED)
		return (struct choice){"u", COLUMN_JSON};
	return choose_scalar(s);
}

/* A schema's names are C strings. */
static bool name_fits(const struct shape *s)
{
	return !memchr(s->name, 0, s->name_len);
}

static uint32_t leaves(const struct shape *s)
{
	uint32_t n = 0;

	if (choose(s).format[0] != '+')
		return 1;
	for (uint32_t i = 0; i < s->n_children; i++)
		n += leaves(s->children[i]);
	return n + (s->item ? leaves(s->item) : 0);
}

/* The struct below `s` with the most children. */
static void widest(struct shape *s, struct shape **best)
{
	if (choose(s).format[0] != '+')
		return;
	if (!*best || s->n_children > (*best)->n_children)
		*best = s;
	for (uint32_t i = 0; i < s->n_children; i++)
		widest(s->children[i], best);
	if (s->item)
		widest(s->item, best);
}

/* Makes the widest structs below the root opaque until the whole fits. */
static void narrow(struct shape *root, const struct infer_limits *limits)
{
	while (leaves(root) > limits->max_columns) {
		struct shape *best = NULL;

		for (uint32_t i = 0; i < root->n_children; i++)
			widest(root->children[i], &best);
		if (!best)
			return;
		best->opaque = true;
		shape_drop_children(best);
	}
}

static int field_make(const struct shape *s, struct ArrowSchema *ret);

static int children_make(const struct shape *s, struct ArrowSchema *ret)
{
	for (uint32_t i = 0; i < s->n_children; i++) {
		struct ArrowSchema field;

		if (!name_fits(s->children[i]))
			continue;
		if (field_make(s->children[i], &field))
			return -1;
		if (arrow_schema_append(ret, &field)) {
			arrow_schema_release(&field);
			return -1;
		}
	}
	return 0;
}

static int field_make(const struct shape *s, struct ArrowSchema *ret)
{
	struct choice choice = choose(s);
	int is_list = !strcmp(choice.format, "+l"), r;

	if (arrow_schema_make(ret, choice.format, s->name, 1, is_list))
		return -1;
	if (is_list)
		r = field_make(s->item, ret->children[0]);
	else if (!strcmp(choice.format, "+s"))
		r = children_make(s, ret);
	else
		r = column_mode_set(ret, choice.mode);
	if (r)
		arrow_schema_release(ret);
	return r;
}

int shape_schema(struct shape *root, const struct infer_limits *limits, struct ArrowSchema *ret)
{
	narrow(root, limits);
	if (arrow_schema_make(ret, "+s", "", 0, 0))
		return -1;
	if (!root->opaque && children_make(root, ret)) {
		arrow_schema_release(ret);
		return -1;
	}
	return 0;
}

/* ---- growing ------------------------------------------------------------------------------ */

static uint32_t schema_leaves(const struct ArrowSchema *schema)
{
	uint32_t n = 0;

	for (int64_t i = 0; i < schema->n_children; i++)
		n += schema_leaves(schema->children[i]);
	return n ? n : 1;
}

struct growth {
	uint32_t room; /* columns that may still come */
	bool grown;
};

static int grow(struct growth *growth, struct shape *s, struct ArrowSchema *schema);

static int grow_child(struct growth *growth, struct shape *child, struct ArrowSchema *schema)
{
	struct ArrowSchema field;
	int64_t i;

	if (!name_fits(child) || !(child->kinds || child->opaque))
		return 0;
	i = arrow_schema_find(schema, child->name, child->name_len);
	if (i >= 0)
		return grow(growth, child, schema->children[i]);
	if (leaves(child) > growth->room)
		return 0;
	growth->room -= leaves(child);
	if (field_make(child, &field))
		return -1;
	if (arrow_schema_append(schema, &field)) {
		arrow_schema_release(&field);
		return -1;
	}
	growth->grown = true;
	return 0;
}

static int grow(struct growth *growth, struct shape *s, struct ArrowSchema *schema)
{
	if (!strcmp(schema->format, "+l") || !strcmp(schema->format, "+L"))
		return s->item ? grow(growth, s->item, schema->children[0]) : 0;
	if (strcmp(schema->format, "+s"))
		return 0;
	for (uint32_t i = 0; i < s->n_children; i++)
		if (grow_child(growth, s->children[i], schema))
			return -1;
	return 0;
}

int shape_grow(struct shape *root, const struct infer_limits *limits, struct ArrowSchema *schema, bool *ret_grown)
{
	uint32_t have = schema_leaves(schema);
	struct growth growth = {.room = have < limits->max_columns ? limits->max_columns - have : 0};
	int r = grow(&growth, root, schema);

	*ret_grown = growth.grown;
	return r;
}

/* ---- evidence ----------------------------------------------------------------------------- */

#define PATH_CAP 512

struct evidence {
	shape_evidence tell;
	void *ctx;
	uint64_t parents; /* how often the object around was there */
};

static void explain(const struct evidence *e, const struct shape *s, const struct ArrowSchema *schema, const char *path)
{
	struct evidence below = *e;
	char longer[PATH_CAP];

	below.parents = s->seen - s->nulls;
	if (schema->format[0] != '+')
		e->tell(e->ctx, path, schema->format, s->seen - s->nulls,
		        e->parents > s->seen - s->nulls ? e->parents - (s->seen - s->nulls) : 0, s->example);
	else if (s->item && schema->n_children == 1) {
		snprintf(longer, sizeof(longer), "%s.item", path);
		below.parents = s->item->seen;
		explain(&below, s->item, schema->children[0], longer);
	}
	for (uint32_t i = 0; !strcmp(schema->format, "+s") && i < s->n_children; i++) {
		const struct shape *child = s->children[i];
		int64_t at = arrow_schema_find(schema, child->name, child->name_len);

		if (at < 0)
			continue;
		snprintf(longer, sizeof(longer), "%s%s%s", path, *path ? "." : "", child->name);
		text_trim(longer);
		explain(&below, child, schema->children[at], longer);
	}
}

void shape_explain(const struct shape *root, const struct ArrowSchema *schema, shape_evidence tell, void *ctx)
{
	struct evidence evidence = {tell, ctx, root->seen};

	explain(&evidence, root, schema, "");
}
