/* SPDX-License-Identifier: Apache-2.0 */
#include "infer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/number.h>
#include <orasi/sdk/stamp.h>

#include "column.h"
#include "names.h"
#include "scan.h"
#include "text.h"

#define EXAMPLE_MAX 64
/* Deeper than this a value is kept as JSON text: readers of datasets get lost further down. */
#define NEST_MAX 32
/* Keys noted in all, per column allowed: bounds the memory for a hostile sample. */
#define KEYS_PER_COLUMN 4

enum kind {
	KIND_BOOL = 1,
	KIND_INT = 2,
	KIND_DOUBLE = 4,
	KIND_STRING = 8,
	KIND_OBJECT = 16,
	KIND_ARRAY = 32,
};
#define KIND_NUMBER (KIND_INT | KIND_DOUBLE)
#define KIND_NESTED (KIND_OBJECT | KIND_ARRAY)

struct shape {
	char *name; /* NUL-terminated; may hold NUL bytes, see name_len */
	size_t name_len;
	unsigned kinds;         /* of the values so far, null does not count */
	uint64_t seen, nulls;   /* seen includes nulls */
	uint64_t stamps, dates; /* strings that are such */
	uint64_t strings;
	bool opaque; /* too many keys or too deep: JSON text */
	char example[EXAMPLE_MAX + 1];
	struct shape **children; /* keys of objects; or one, the items of arrays */
	uint32_t n_children, cap;
	struct names names;
	struct shape *item;
	uint32_t keys; /* root only: shapes below it */
};

struct shape *shape_new(void)
{
	return calloc(1, sizeof(struct shape));
}

static void drop_children(struct shape *s)
{
	for (uint32_t i = 0; i < s->n_children; i++)
		shape_free(s->children[i]);
	free(s->children);
	shape_free(s->item);
	names_done(&s->names);
	s->children = NULL;
	s->n_children = s->cap = 0;
	s->item = NULL;
}

void shape_free(struct shape *s)
{
	if (!s)
		return;
	drop_children(s);
	free(s->name);
	free(s);
}

uint64_t shape_records(const struct shape *root)
{
	return root->seen;
}

/* ---- noting ------------------------------------------------------------------------------- */

/* The walk over one record. Text was found good before, so nothing is checked twice. */
struct walk {
	const struct infer_limits *limits;
	struct shape *root;
	unsigned depth;
	bool failed; /* out of memory */
};

static const uint8_t *walk_value(struct walk *walk, struct shape *s, const uint8_t *p);

static struct shape *add_child(struct shape *s, const void *name, size_t len)
{
	struct shape *child = shape_new();

	if (s->n_children == s->cap) {
		uint32_t cap = s->cap ? s->cap * 2 : 8;
		struct shape **children = realloc(s->children, cap * sizeof(*children));

		if (!children)
			goto fail;
		s->children = children;
		s->cap = cap;
	}
	if (!child || !(child->name = malloc(len + 1)))
		goto fail;
	memcpy(child->name, name, len);
	child->name[len] = 0;
	child->name_len = len;
	if (names_put(&s->names, child->name, len, s->n_children))
		goto fail;
	s->children[s->n_children++] = child;
	return child;
fail:
	shape_free(child);
	return NULL;
}

static bool is_full(const struct walk *walk, const struct shape *s)
{
	return s->n_children >= walk->limits->max_columns ||
	       walk->root->keys >= KEYS_PER_COLUMN * walk->limits->max_columns;
}

/* The shape of a member; NULL with walk->failed, or when there are too many: then the object is
 * opaque, or as the record itself goes on without that key. */
static struct shape *child_of(struct walk *walk, struct shape *s, const struct text *key)
{
	uint8_t *plain = NULL;
	const uint8_t *name = key->p;
	size_t len = key->len;
	struct shape *child;
	int64_t i;

	if (key->escaped) {
		plain = malloc(len + 1);
		if (!plain) {
			walk->failed = true;
			return NULL;
		}
		len = text_unescape(plain, key->p, len);
		name = plain;
	}
	i = names_find(&s->names, name, len);
	if (i >= 0) {
		child = s->children[i];
	} else if (is_full(walk, s)) {
		s->opaque = s != walk->root;
		child = NULL;
	} else {
		child = add_child(s, name, len);
		walk->root->keys++;
		walk->failed |= !child;
	}
	free(plain);
	return child;
}

static const uint8_t *skip(struct walk *walk, const uint8_t *p)
{
	struct flaw flaw;

	return scan_value(p, walk->depth, SCAN_DEPTH_MAX, &flaw);
}

static const uint8_t *walk_object(struct walk *walk, struct shape *s, const uint8_t *p)
{
	struct flaw flaw;
	struct text key;

	p = scan_space(p + 1);
	while (p && *p != '}' && !walk->failed) {
		struct shape *child;

		p = scan_string(p + 1, &key, &flaw);
		p = p ? scan_space(scan_space(p) + 1) : NULL;
		if (!p)
			break;
		child = s->opaque ? NULL : child_of(walk, s, &key);
		p = child ? walk_value(walk, child, p) : skip(walk, p);
		p = p ? scan_space(p) : NULL;
		if (p && *p == ',')
			p = scan_space(p + 1);
	}
	if (s->opaque)
		drop_children(s);
	return p ? p + 1 : NULL;
}

static const uint8_t *walk_array(struct walk *walk, struct shape *s, const uint8_t *p)
{
	p = scan_space(p + 1);
	if (!s->item && !s->opaque) {
		s->item = shape_new();
		if (s->item)
			s->item->name = strdup("item");
		walk->failed |= !s->item || !s->item->name;
	}
	while (p && *p != ']' && !walk->failed) {
		p = s->opaque ? skip(walk, p) : walk_value(walk, s->item, p);
		p = p ? scan_space(p) : NULL;
		if (p && *p == ',')
			p = scan_space(p + 1);
	}
	return p ? p + 1 : NULL;
}

static const uint8_t *walk_nested(struct walk *walk, struct shape *s, const uint8_t *p)
{
	s->kinds |= *p == '{' ? KIND_OBJECT : KIND_ARRAY;
	if (walk->depth >= NEST_MAX || s->opaque) {
		s->opaque = true;
		return skip(walk, p);
	}
	walk->depth++;
	p = *p == '{' ? walk_object(walk, s, p) : walk_array(walk, s, p);
	walk->depth--;
	return p;
}

static const uint8_t *walk_string(struct walk *walk, struct shape *s, const uint8_t *p)
{
	struct flaw flaw;
	struct stamp stamp;
	struct text text;
	int32_t days;

	p = scan_string(p + 1, &text, &flaw);
	s->kinds |= KIND_STRING;
	if (p && walk->limits->timestamps && !text.escaped && s->stamps + s->dates == s->strings) {
		s->stamps += stamp_parse(text.p, text.len, &stamp);
		s->dates += stamp_parse_date(text.p, text.len, &days);
	}
	s->strings++;
	return p;
}

static const uint8_t *walk_number(struct shape *s, const uint8_t *p)
{
	struct number number;
	int64_t v;

	p = number_scan(p, &number);
	if (p)
		s->kinds |= number.integer && number_int64(&number, &v) ? KIND_INT : KIND_DOUBLE;
	return p;
}

/* A short piece of the value, for people; characters stay whole. */
static void keep_example(struct shape *s, const uint8_t *p, const uint8_t *end)
{
	size_t n = (size_t)(end - p);

	if (n > EXAMPLE_MAX)
		for (n = EXAMPLE_MAX; n && (p[n] & 0xC0) == 0x80; n--)
			;
	memcpy(s->example, p, n);
	s->example[n] = 0;
}

static const uint8_t *walk_value(struct walk *walk, struct shape *s, const uint8_t *p)
{
	const uint8_t *start = p;

	s->seen++;
	switch (*p) {
	case '{':
	case '[':
		p = walk_nested(walk, s, p);
		break;
	case '"':
		p = walk_string(walk, s, p);
		break;
	case 'n':
		s->nulls++;
		return p + 4;
	case 't':
	case 'f':
		s->kinds |= KIND_BOOL;
		p += *p == 't' ? 4 : 5;
		break;
	default:
		p = walk_number(s, p);
	}
	if (p && !s->example[0])
		keep_example(s, start, p);
	return p;
}

int shape_record(struct shape *root, const uint8_t *text, const struct infer_limits *limits)
{
	struct walk walk = {.limits = limits, .root = root};

	return walk_value(&walk, root, text) && !walk.failed ? 0 : -1;
}

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
		drop_children(best);
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
