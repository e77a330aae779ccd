/* SPDX-License-Identifier: Apache-2.0 */
/* Records are noted in a tree of shapes, one per key. */
#include "shape.h"

#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/number.h>
#include <orasi/sdk/stamp.h>

#include "scan.h"
#include "text.h"

/* Deeper than this a value is kept as JSON text: readers of datasets get lost further down. */
#define NEST_MAX 32
/* Keys noted in all, per column allowed: bounds the memory for a hostile sample. */
#define KEYS_PER_COLUMN 4

struct shape *shape_new(void)
{
	return calloc(1, sizeof(struct shape));
}

void shape_drop_children(struct shape *s)
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
	shape_drop_children(s);
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
		shape_drop_children(s);
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
