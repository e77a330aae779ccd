/* SPDX-License-Identifier: Apache-2.0 */
/* What both ways of making a column tree need. */
#ifndef PARQUET_TREE_H
#define PARQUET_TREE_H

#include "node.h"

/* A child of parent with room for n children; NULL: out of memory or limits. */
struct node *tree_node(struct tree *tree, struct node *parent, const char *name, size_t name_len, enum node_kind kind,
                       int nullable, int n_children);
int tree_leaf(struct tree *tree, struct node *node);

#endif
