/* SPDX-License-Identifier: Apache-2.0 */
/* An intrusive doubly linked list. The head is a struct list that points to itself when empty. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define list_entry(item, type, member) ((type *)((char *)(item)-offsetof(type, member)))

/* The body may unlink the current item. */
#define list_each(item, head)                                                             \
	for (struct list *item = (head)->next, *item##_next = item->next; item != (head); \
	     item = item##_next, item##_next = item->next)

static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline int list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_add_tail(struct list *head, struct list *item)
{
	item->prev = head->prev;
	item->next = head;
	head->prev->next = item;
	head->prev = item;
}

/* Leaves item as an empty list, so that unlinking twice is harmless. */
static inline void list_del(struct list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}

#endif
