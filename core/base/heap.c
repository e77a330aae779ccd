/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void heap_init(struct heap *heap, int (*less)(const struct heap_node *a, const struct heap_node *b))
{
	memset(heap, 0, sizeof(*heap));
	heap->less = less;
}

void heap_done(struct heap *heap)
{
	free(heap->nodes);
	heap_init(heap, heap->less);
}

static void put(struct heap *heap, size_t i, struct heap_node *node)
{
	heap->nodes[i] = node;
	node->pos = i + 1;
}

static void sift_up(struct heap *heap, size_t i)
{
	struct heap_node *node = heap->nodes[i];

	while (i && heap->less(node, heap->nodes[(i - 1) / 2])) {
		put(heap, i, heap->nodes[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(heap, i, node);
}

static void sift_down(struct heap *heap, size_t i)
{
	struct heap_node *node = heap->nodes[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < heap->len && heap->less(heap->nodes[child + 1], heap->nodes[child]))
			child++;
		if (child >= heap->len || !heap->less(heap->nodes[child], node))
			break;
		put(heap, i, heap->nodes[child]);
		i = child;
	}
	put(heap, i, node);
}

int heap_add(struct heap *heap, struct heap_node *node)
{
	if (heap->len == heap->cap) {
		size_t cap = heap->cap ? heap->cap * 2 : 64;
		struct heap_node **nodes = realloc(heap->nodes, cap * sizeof(*nodes));

		if (!nodes)
			return ERR_NOMEM;
		heap->nodes = nodes;
		heap->cap = cap;
	}
	put(heap, heap->len++, node);
	sift_up(heap, heap->len - 1);
	return 0;
}

struct heap_node *heap_top(const struct heap *heap)
{
	return heap->len ? heap->nodes[0] : NULL;
}

void heap_moved(struct heap *heap, struct heap_node *node)
{
	sift_up(heap, node->pos - 1);
	sift_down(heap, node->pos - 1);
}

void heap_del(struct heap *heap, struct heap_node *node)
{
	struct heap_node *last;
	size_t i;

	if (!node->pos)
		return;
	i = node->pos - 1;
	last = heap->nodes[--heap->len];
	node->pos = 0;
	if (last == node)
		return;
	put(heap, i, last);
	heap_moved(heap, last);
}

void heap_rebuild(struct heap *heap)
{
	for (size_t i = heap->len / 2; i-- > 0;)
		sift_down(heap, i);
}
