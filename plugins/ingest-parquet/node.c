/* SPDX-License-Identifier: Apache-2.0 */
/* Column trees: shared parts. tree_arrow.c makes them from Arrow schemas, tree_parquet.c from
 * footers. */
#include "node.h"

void tree_free(struct tree *tree)
{
	free(tree->leaves);
	tree->leaves = NULL;
	pool_free(&tree->pool);
}

const struct node *node_child(const struct node *node, int64_t i, const char *name)
{
	if (i < node->n_children && !strcmp(node->children[i]->name, name))
		return node->children[i];
	for (int k = 0; k < node->n_children; k++)
		if (!strcmp(node->children[k]->name, name))
			return node->children[k];
	return NULL;
}

int tree_to_arrow(const struct node *node, struct ArrowSchema *ret)
{
	if (arrow_schema_make(ret, node->format, node->name, node->nullable, node->n_children))
		return -1;
	for (int i = 0; i < node->n_children; i++)
		if (tree_to_arrow(node->children[i], ret->children[i])) {
			arrow_schema_release(ret);
			return -1;
		}
	return 0;
}
