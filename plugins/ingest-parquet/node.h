/* SPDX-License-Identifier: Apache-2.0 */
/* A column tree as Arrow sees it, with the levels that Parquet needs (Dremel encoding).
 *
 * A node is present when the definition level is at least `def`. The items of a list (or the
 * entries of a map) exist when it is at least `item_def`; a new item of the same list has
 * repetition level `rep`. Source: https://parquet.apache.org/docs/file-format/nestedencoding/ */
#ifndef PARQUET_NODE_H
#define PARQUET_NODE_H

#include <orasi/sdk/arrow.h>

#include "format.h"

#define NODE_DEPTH_MAX 64

/* Leaves that Arrow and Delta have no type for are read as text. */
enum node_spell { SPELL_NO, SPELL_DECIMAL, SPELL_UUID, SPELL_INTERVAL };

enum node_kind { NODE_LEAF, NODE_STRUCT, NODE_LIST, NODE_MAP };

struct node {
	struct node *parent;
	const char *name;
	enum node_kind kind;
	int nullable, def, rep, item_def;
	struct node **children; /* list: the item; map: one struct of key and value */
	int n_children;
	/* leaf */
	int leaf, physical, type_length, precision, scale;
	enum node_spell spell;
	struct arrow_type_info info;
	char format[48]; /* Arrow's, of this node */
	struct node *first_leaf;
	int is_variant; /* a struct that is read as text: see variant.h */
};

struct tree {
	struct pool pool;
	struct node root; /* a struct that is always there */
	struct node **leaves;
	int n_leaves;
};

void tree_free(struct tree *tree);
/* The child of a struct with this name: the i-th if it has it, as names may repeat. NULL: none. */
const struct node *node_child(const struct node *node, int64_t i, const char *name);
/* The names from the root down as Parquet has them; the parts are valid as long as the tree. */
int tree_parts(const struct node *leaf, const char *parts[2 * NODE_DEPTH_MAX + 2]);
int tree_path(const struct node *leaf, char *ret, size_t cap); /* "a.b"; -1: too long */
/* For writing: from an Arrow struct schema. E_UNSUPPORTED names the column. */
orasi_status tree_from_arrow(struct tree *tree, const struct ArrowSchema *schema, orasi_error *err);
/* For reading: from the elements of a footer; old list layouts are understood. */
orasi_status tree_from_parquet(struct tree *tree, const struct pq_file *file, orasi_error *err);
int tree_to_arrow(const struct node *node, struct ArrowSchema *ret); /* -1: memory */
void tree_write_elements(const struct tree *tree, struct thrift_writer *w);

#endif
