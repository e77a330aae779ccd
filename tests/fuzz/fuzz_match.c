/* SPDX-License-Identifier: Apache-2.0 */
/* The query language of MATCH: any text is an error with a sentence, or a tree within its limits. */
#include "fuzz/fuzz.h"

#include <stdlib.h>

#include "index-fulltext/parse.h"

static size_t nodes(const struct node *node, int depth)
{
	if (!node)
		return 0;
	if (depth > QUERY_NODES_MAX)
		abort();
	for (size_t i = 0; i < node->n_terms; i++)
		if (node->terms[i].n > TERM_MAX)
			abort();
	return 1 + nodes(node->left, depth + 1) + nodes(node->right, depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	orasi_error error = ORASI_NO_ERROR;
	struct node *node = NULL;

	if (query_parse((const char *)data, size, &node, &error)) {
		if (!error.message[0])
			abort();
		return 0;
	}
	if (nodes(node, 0) > 2 * QUERY_NODES_MAX)
		abort();
	query_free(node);
	return 0;
}
