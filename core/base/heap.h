/* SPDX-License-Identifier: Apache-2.0 */
/* A binary min-heap of intrusive nodes that know their place, so that any node can be removed or
 * moved in O(log n). Not thread-safe. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stddef.h>

struct heap_node {
	size_t pos; /* 1-based; 0 = in no heap */
};

struct heap {
	struct heap_node **nodes;
	size_t len, cap;
	int (*less)(const struct heap_node *a, const struct heap_node *b);
};

void heap_init(struct heap *heap, int (*less)(const struct heap_node *a, const struct heap_node *b));
void heap_done(struct heap *heap);

int heap_add(struct heap *heap, struct heap_node *node);    /* 0 or ERR_NOMEM */
struct heap_node *heap_top(const struct heap *heap);        /* NULL if empty */
void heap_del(struct heap *heap, struct heap_node *node);   /* no-op if in no heap */
void heap_moved(struct heap *heap, struct heap_node *node); /* its key has changed */
void heap_rebuild(struct heap *heap);                       /* any keys may have changed */

#endif
