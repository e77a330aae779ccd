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
	int n = node->is_variant ? 0 : node->n_children;

	if (arrow_schema_make(ret, node->format, node->name, node->nullable, n))
		return -1;
	for (int i = 0; i < n; i++)
		if (tree_to_arrow(node->children[i], ret->children[i])) {
			arrow_schema_release(ret);
			return -1;
		}
	return 0;
}

int tree_parts(const struct node *leaf, const char *parts[2 * NODE_DEPTH_MAX + 2])
{
	int n = 0;

	for (const struct node *node = leaf; node->parent; node = node->parent) {
		const struct node *up = node->parent;

		if (up->kind == NODE_LIST) {
			parts[n++] = "element";
			parts[n++] = "list";
		} else if (up->kind == NODE_MAP) {
			parts[n++] = "key_value";
		} else if (up->parent && up->parent->kind == NODE_MAP) {
			parts[n++] = up->children[0] == node ? "key" : "value";
		} else {
			parts[n++] = node->name;
		}
	}
	for (int i = 0; i < n / 2; i++) {
		const char *part = parts[i];

		parts[i] = parts[n - 1 - i];
		parts[n - 1 - i] = part;
	}
	return n;
}

int tree_path(const struct node *leaf, char *ret, size_t cap)
{
	const char *parts[2 * NODE_DEPTH_MAX + 2];
	int n = tree_parts(leaf, parts);
	size_t len = 0;

	for (int i = 0; i < n; i++) {
		int more = snprintf(ret + len, cap - len, "%s%s", i ? "." : "", parts[i]);

		if (more < 0 || (size_t)more >= cap - len)
			return -1;
		len += (size_t)more;
	}
	return 0;
}
