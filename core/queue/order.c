/* SPDX-License-Identifier: Apache-2.0 */
/* The order of ready tasks. Most become ready in the order of their time, so that a FIFO per
 * priority costs nothing however many wait; who comes out of order (a retry, a delayed task) goes
 * into a heap. */
#include "queue/inside.h"

int64_t live_vstart(const struct live *live)
{
	return live->due + live->priority * live->lane->channel->aging_ms;
}

int live_is_before(const struct live *a, const struct live *b)
{
	int64_t x = live_vstart(a), y = live_vstart(b);

	return x != y ? x < y : a->id < b->id;
}

static int heap_less(const struct heap_node *a, const struct heap_node *b)
{
	return live_is_before(list_entry(a, struct live, node), list_entry(b, struct live, node));
}

void order_init(struct order *order)
{
	for (int i = 0; i <= TASK_PRIORITY_MAX; i++)
		list_init(&order->fifo[i]);
	order->in_use = 0;
	order->n = 0;
	heap_init(&order->heap, heap_less);
}

void order_done(struct order *order)
{
	heap_done(&order->heap);
}

static int is_in_order(const struct list *fifo, const struct live *live)
{
	const struct live *last;

	if (list_empty(fifo))
		return 1;
	last = list_entry(fifo->prev, struct live, fifo);
	return last->due != live->due ? last->due < live->due : last->id < live->id;
}

void order_add(struct order *order, struct live *live)
{
	struct list *fifo = &order->fifo[live->priority];

	order->n++;
	live->place = PLACE_HEAP;
	live->node.pos = 0;
	if (!is_in_order(fifo, live) && !heap_add(&order->heap, &live->node))
		return;
	live->place = PLACE_FIFO; /* also without memory: out of order, but not lost */
	list_add_tail(fifo, &live->fifo);
	order->in_use |= 1u << live->priority;
}

void order_del(struct order *order, struct live *live)
{
	if (live->place == PLACE_HEAP)
		heap_del(&order->heap, &live->node);
	else
		list_del(&live->fifo);
	if (list_empty(&order->fifo[live->priority]))
		order->in_use &= ~(1u << live->priority);
	order->n--;
	live->place = PLACE_NONE;
}

struct live *order_first(const struct order *order)
{
	struct heap_node *top = heap_top(&order->heap);
	struct live *first = top ? list_entry(top, struct live, node) : NULL;

	for (unsigned left = order->in_use; left; left &= left - 1) {
		struct live *live = list_entry(order->fifo[__builtin_ctz(left)].next, struct live, fifo);

		if (!first || live_is_before(live, first))
			first = live;
	}
	return first;
}
