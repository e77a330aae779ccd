/* SPDX-License-Identifier: Apache-2.0 */
/* A schema as its keywords. Private to the room. */
#ifndef PLUGIN_SCHEMA_H
#define PLUGIN_SCHEMA_H

#include "plugin/plugin.h"

#define SCHEMA_DEPTH_MAX 32
#define SCHEMA_BOUNDS 4

/* Worked out at its first use and kept with it: looking each of them up in the tree for
 * every value was most of the cost of a check. */
struct schema {
	const char *type; /* NULL: any */
	unsigned fits;    /* of enum json_type, as bits: those that are of the type, whatever their value */
	const struct schema_format *format; /* NULL: none that says anything */
	const struct json *list, *only, *otherwise, *bounds[SCHEMA_BOUNDS];
	struct schema_need *needs;
	size_t n_needs;
	int64_t min_length, max_length, min_items, max_items;
	int is_set, allows_more;
	struct schema *items, *more;
	struct member *members, **defaults; /* in the order of `properties`; those that have one */
	size_t n_members, n_defaults, mask;
	uint32_t *slots; /* hash of the name → place in members + 1 */
};

struct member {
	const char *name;
	struct schema *schema;
	struct json *have;   /* during the check of an object: its member of this name */
	struct member *next; /* then: the one that it has behind this */
};

struct schema_need {
	const char *name;
	struct member *member; /* NULL: it is not among `properties` */
};

struct check;
struct place;

/* What a text must be besides. 1: it stands for the number in *ret, which takes its place. */
struct schema_format {
	const char *name;
	int (*check)(struct check *c, const char *text, const struct place *place, int64_t *ret);
};
const struct schema_format *schema_format_of(const char *name); /* check.c */

extern const struct schema_bound {
	const char *keyword, *text;
	int exclusive, upper;
} schema_bounds[SCHEMA_BOUNDS];

/* Lives as long as the tree, which must not change any more. */
struct schema *schema_of(struct json *json);
struct member *schema_member(const struct schema *schema, const char *name);

#endif
