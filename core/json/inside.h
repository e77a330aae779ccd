/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the json room only: struct json is json-c's object under another name, and the casts stay here. json-c has
 * no object for null, so a null is kept as a NULL child and json_get answers NULL for it, which reads the same through
 * every getter. */
#ifndef JSON_INSIDE_H
#define JSON_INSIDE_H

/* json-c's typedefs json_bool and json_type collide with our function names, so they get others here. */
#define json_bool jsonc_bool
#define json_type jsonc_type
#include <json-c/json.h>
#undef json_bool
#undef json_type

#include <stdlib.h>
#include <string.h>

#include "json/json.h"

static inline struct json_object *in(const struct json *json)
{
	return (struct json_object *)json;
}

static inline struct json *out(struct json_object *object)
{
	return (struct json *)object;
}

const char *json_kept_text(const struct json *object); /* NULL: none */

/* Few members are looked at one by one sooner than the hash of a name is made. */
#define FEW 8
static inline struct lh_entry *find_among_few(const struct lh_table *table, const char *key)
{
	struct lh_entry *entry = table->head;

	while (entry && (*(const char *)lh_entry_k(entry) != *key || strcmp(lh_entry_k(entry), key)))
		entry = entry->next;
	return entry;
}

static inline void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

#endif
