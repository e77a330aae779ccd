/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the json room only: what a value is made of.
 *
 * A parsed text is one tree in one pool: its values, keys and strings lie in a few blocks that the
 * root owns and that are freed with it. Values made one by one are on the heap. The two mix:
 * whatever is put into a parsed tree later is on the heap, or the root of a pool of its own, and
 * freed by the walk of json_free. */
#ifndef JSON_INSIDE_H
#define JSON_INSIDE_H

#include "json/json.h"

struct pool; /* blocks of a parsed tree */

struct member {
	char *key;
	uint32_t len;
	int owned; /* the key is on the heap */
	struct json *value;
};

enum { JSON_POOLED = 1, JSON_ROOT = 2, JSON_LIST_OWNED = 4 };

struct json {
	uint8_t type;  /* enum json_type; a null is a NULL pointer and has no struct */
	uint8_t flags; /* pooled: lies in a pool; root: owns it; list owned: items or members are on
	                  the heap */
	uint32_t n, cap; /* bytes, items, members */
	union {
		int64_t i; /* or bool */
		double d;
		char *s; /* NUL behind it */
		struct json **items;
		struct member *members;
	};
	union {
		const char *spelled; /* of a double: as it stood in the text, or NULL */
		uint32_t
		        *index; /* of a large object: a hash table of member numbers + 1, or NULL */
	};
	struct pool *pool; /* of a root */
	char *text;        /* what json_text gave last, or NULL */
};

void *pool_alloc(struct pool **pool, size_t n);
void pool_free(struct pool *pool);

/* Adds a member that is known to be new. The key is taken if owned, else lent by the pool. */
void object_add(struct json *object, char *key, size_t len, int owned, struct json *value);
/* The member's number, or -1. */
int64_t object_find(const struct json *object, const char *key, size_t len);

#endif
