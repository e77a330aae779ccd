/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text (RFC 8259) as a tree, for schemas. It is our own because a plugin must outlive an allocation that fails, and
 * json-c's parser does not. */
#ifndef INGEST_AVRO_TREE_H
#define INGEST_AVRO_TREE_H

#include <orasi/plugin.h>

#define TREE_DEPTH 256
#define TREE_NODES 1000000

enum tree_kind { TREE_NULL, TREE_BOOL, TREE_NUMBER, TREE_STRING, TREE_ARRAY, TREE_OBJECT };

struct tree_node {
	enum tree_kind kind;
	char *key;  /* of a member, NUL-terminated */
	char *text; /* of a string, without escapes; of a number, as it stands; NUL-terminated */
	size_t len; /* of the text, which may hold a NUL */
	size_t n;   /* items or members */
	struct tree_node *first, *next;
};

struct tree {
	struct tree_node *root;
	struct tree_block *blocks;
};

/* A failure tells the byte of the text. */
orasi_status tree_read(struct tree *ret, const char *text, size_t len, orasi_error *err);
void tree_done(struct tree *tree);

/* The last member of that name, as most readers have it, or NULL. */
const struct tree_node *tree_member(const struct tree_node *object, const char *key);

#endif
