/* SPDX-License-Identifier: Apache-2.0 */
/* Live tasks in RAM: a hash table by id, a heap of what may run, a heap of what waits for a time. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "queue/inside.h"

static int ready_less(const struct heap_node *a, const struct heap_node *b)
{
	const struct live *x = list_entry(a, struct live, ready), *y = list_entry(b, struct live, ready);

	return x->vstart != y->vstart ? x->vstart < y->vstart : x->id < y->id;
}

/* A scheduled task wakes at run_at; one that waits or is ready ends at expires_at. */
int64_t live_due(const struct live *live)
{
	if (live->state == TASK_SCHEDULED && (!live->expires_at || live->run_at < live->expires_at))
		return live->run_at;
	return live->expires_at;
}

static int timer_less(const struct heap_node *a, const struct heap_node *b)
{
	return live_due(list_entry(a, struct live, timer)) < live_due(list_entry(b, struct live, timer));
}

int live_init(struct queue *queue)
{
	heap_init(&queue->ready, ready_less);
	heap_init(&queue->timers, timer_less);
	queue->n_buckets = 1024;
	queue->buckets = calloc(queue->n_buckets, sizeof(*queue->buckets));
	return queue->buckets ? 0 : ERR_NOMEM;
}

static struct live **bucket(const struct queue *queue, int64_t id)
{
	return &queue->buckets[(uint64_t)id & (queue->n_buckets - 1)]; /* ids are dense */
}

struct live *live_find(const struct queue *queue, int64_t id)
{
	struct live *live = *bucket(queue, id);

	while (live && live->id != id)
		live = live->next;
	return live;
}

static void grow(struct queue *queue)
{
	struct live **old = queue->buckets;
	size_t n = queue->n_buckets;
	struct live **buckets = calloc(n * 2, sizeof(*buckets));

	if (!buckets)
		return; /* longer chains, still right */
	queue->buckets = buckets;
	queue->n_buckets = n * 2;
	for (size_t i = 0; i < n; i++)
		while (old[i]) {
			struct live *live = old[i], **to = bucket(queue, live->id);

			old[i] = live->next;
			live->next = *to;
			*to = live;
		}
	free(old);
}

struct live *live_new(struct queue *queue, int64_t id)
{
	struct live *live = calloc(1, sizeof(*live)), **to;

	if (!live)
		return NULL;
	if (queue->n_live >= queue->n_buckets)
		grow(queue);
	to = bucket(queue, id);
	live->id = id;
	live->next = *to;
	live->state = TASK_STATES;
	*to = live;
	queue->n_live++;
	return live;
}

static void count(struct queue *queue, enum task_state state, int by)
{
	if (state == TASK_STATES)
		return;
	queue->counts[state] += by;
	queue->gauges[state] = queue->counts[state];
}

void live_del(struct queue *queue, struct live *live)
{
	struct live **at = bucket(queue, live->id);

	heap_del(&queue->ready, &live->ready);
	heap_del(&queue->timers, &live->timer);
	count(queue, live->state, -1);
	while (*at != live)
		at = &(*at)->next;
	*at = live->next;
	queue->n_live--;
	free(live);
}

void live_enter(struct queue *queue, struct live *live, enum task_state state)
{
	heap_del(&queue->ready, &live->ready);
	heap_del(&queue->timers, &live->timer);
	count(queue, live->state, -1);
	live->state = state;
	count(queue, state, 1);
	if (state == TASK_READY)
		heap_add(&queue->ready, &live->ready);
	if ((state == TASK_SCHEDULED || state == TASK_READY) && live_due(live))
		heap_add(&queue->timers, &live->timer);
}

void live_place(struct queue *queue, struct live *live)
{
	live->settling = 0;
	live->fence = 0;
	live_enter(queue, live, live->run_at > clock_wall_ms() ? TASK_SCHEDULED : TASK_READY);
}

void live_all_free(struct queue *queue)
{
	for (size_t i = 0; queue->buckets && i < queue->n_buckets; i++)
		while (queue->buckets[i]) {
			struct live *live = queue->buckets[i];

			queue->buckets[i] = live->next;
			free(live);
		}
	free(queue->buckets);
	heap_done(&queue->ready);
	heap_done(&queue->timers);
}
