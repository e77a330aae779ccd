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
