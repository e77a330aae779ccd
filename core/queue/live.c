/* SPDX-License-Identifier: Apache-2.0 */
/* Live tasks in RAM: memory in chunks, a hash table by id, timers of those that wait. The chunks are the kernel's pages
 * and not the allocator's: among requests, which come and go, they would leave holes that nothing fits into. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "queue/inside.h"

#define CHUNK_BYTES (1u << 20)
#define CHAIN 2 /* lives per bucket before the table grows */

struct live_chunk {
	struct live_chunk *next;
	size_t used;
	struct live lives[];
};
#define CHUNK_LIVES ((CHUNK_BYTES - sizeof(struct live_chunk)) / sizeof(struct live))

/* A scheduled task wakes at its time; whoever waits ends at expires_at. */
int64_t live_due(const struct live *live)
{
	int64_t expires_at = live_expires_at(live);

	return live_state(live) == TASK_SCHEDULED && (!expires_at || live->due < expires_at) ? live->due : expires_at;
}

static int timer_less(const struct heap_node *a, const struct heap_node *b)
{
	return live_due(list_entry(a, struct live, timer)) < live_due(list_entry(b, struct live, timer));
}

int live_init(struct queue *queue)
{
	heap_init(&queue->timers, timer_less);
	queue->n_buckets = 1024;
	queue->buckets = calloc(queue->n_buckets, sizeof(struct live *));
	return queue->buckets ? 0 : ERR_NOMEM;
}

void live_done(struct queue *queue)
{
	for (size_t i = 0; queue->buckets && i < queue->n_buckets; i++)
		for (struct live *live = queue->buckets[i]; live; live = live->next) {
			if (live_running(live))
				free(live->running->claim); /* the store is closed: nobody will */
			running_free(queue, live);
			free(live->more);
		}
	while (queue->chunks) {
		struct live_chunk *chunk = queue->chunks;

		queue->chunks = chunk->next;
		munmap(chunk, CHUNK_BYTES);
	}
	free(queue->buckets);
	heap_done(&queue->timers);
}

/* ---- by id --------------------------------------------------------------------------------- */

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
	struct live **buckets = calloc(n * 2, sizeof(struct live *));

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

/* Of the first only what is used is memory; whoever needs more of them needs all of their pages, at once for less. */
static struct live_chunk *chunk_new(struct queue *queue)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | (queue->chunks ? MAP_POPULATE : 0);
	struct live_chunk *chunk = mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (chunk == MAP_FAILED)
		return NULL;
	chunk->next = queue->chunks;
	queue->chunks = chunk;
	return chunk;
}

static struct live *take_memory(struct queue *queue)
{
	struct live *live = queue->free_lives;
	struct live_chunk *chunk = queue->chunks;

	if (live) {
		queue->free_lives = live->next;
		memset(live, 0, sizeof(*live));
		return live;
	}
	if (!chunk || chunk->used == CHUNK_LIVES)
		chunk = chunk_new(queue);
	return chunk ? &chunk->lives[chunk->used++] : NULL;
}

struct live *live_make(struct queue *queue, int64_t id, struct lane *lane)
{
	struct live *live = take_memory(queue);

	if (live) {
		live->id = id;
		live->lane = lane;
	}
	return live;
}

void live_link(struct queue *queue, struct live *live)
{
	struct lane *lane = live->lane;
	struct live **to;

	if (queue->n_live >= queue->n_buckets * CHAIN)
		grow(queue);
	to = bucket(queue, live->id);
	live->next = *to;
	*to = live;
	lane->n_live++;
	lane->channel->n_live++;
	lane->tenant->depth++;
	queue->n_live++;
}

void live_forget(struct queue *queue, struct live *live)
{
	live->next = queue->free_lives;
	queue->free_lives = live;
}

struct live *live_new(struct queue *queue, int64_t id, struct lane *lane)
{
	struct live *live = live_make(queue, id, lane);

	if (live)
		live_link(queue, live);
	return live;
}

void live_del(struct queue *queue, struct live *live)
{
	struct live **at = bucket(queue, live->id);
	struct lane *lane = live->lane;

	while (*at != live)
		at = &(*at)->next;
	*at = live->next;
	queue->n_live--;
	limit_detach(queue, live);
	free(live->more);
	lane->n_live--;
	lane->channel->n_live--;
	lane->tenant->depth--;
	lane_release(queue, lane);
	live_forget(queue, live);
}

/* ---- where it stands ----------------------------------------------------------------------- */

void live_count(struct queue *queue, struct live *live, int by)
{
	enum task_state state = live_state(live);

	queue->counts[state] += by;
	queue->gauges[state] = queue->counts[state];
	live->lane->channel->counts[state] += by;
}

void live_leave(struct queue *queue, struct live *live)
{
	heap_del(&queue->timers, &live->timer);
	if (live_state(live) == TASK_RUNNING) {
		limit_ended(queue, live);
		running_free(queue, live);
	} else if (live->place == PLACE_FIFO || live->place == PLACE_HEAP) {
		lane_del(queue, live);
		limit_leave(queue, live);
	} else if (live->place != PLACE_NONE) {
		limit_leave(queue, live);
	}
	live_count(queue, live, -1);
	channel_wake(queue, live->lane->channel);
}

void live_enter(struct queue *queue, struct live *live)
{
	live->settling = 0;
	live_count(queue, live, 1);
	if (live_state(live) == TASK_READY && limit_enter(queue, live))
		lane_add(queue, live);
	if (live_state(live) < TASK_RUNNING && live_due(live))
		heap_add(&queue->timers, &live->timer);
}
