/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that have just been put are likely to be shown and claimed at once: the texts of some of them are kept, so that
 * the answer to their submit and their claim ask nobody. So are those of tasks that will be claimed next, read many at a
 * time. A slot per id; whoever comes later takes it. Nothing is kept longer than to the end of the attempt, which is shown
 * from it to who waits, so that an idle queue keeps nothing. Not kept: large ones, those of a list that are for later, and
 * those whose row may change while they wait. */
#include <stdlib.h>
#include <string.h>

#include "queue/inside.h"

#define TEXT_MAX 2048

struct fresh {
	int64_t id;
	int for_claim;    /* read for it: what is shown has more */
	int is_claimed;   /* kept for its end only */
	struct task task; /* its texts stand behind it */
	char texts[];
};

static struct fresh **slot_of(struct queue *queue, int64_t id)
{
	return &queue->fresh[(uint64_t)id % QUEUE_FRESH];
}

static size_t length(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static const char *keep(char **at, const char *s)
{
	size_t n = length(s);
	char *copy = *at;

	if (!s)
		return NULL;
	memcpy(copy, s, n);
	*at += n;
	return copy;
}

static void put(struct queue *queue, const struct task *task, int for_claim)
{
	struct fresh **slot = slot_of(queue, task->id), *fresh;
	size_t n = length(task->kind) + length(task->queue) + length(task->tenant) + length(task->dataset) +
	           length(task->body) + length(task->labels) + length(task->trace);
	char *at;

	fresh = n > TEXT_MAX ? NULL : malloc(sizeof(*fresh) + n);
	if (!fresh)
		return;
	free(*slot);
	*slot = fresh;
	at = fresh->texts;
	fresh->id = task->id;
	fresh->for_claim = for_claim;
	fresh->is_claimed = 0;
	fresh->task = *task;
	fresh->task.kind = keep(&at, task->kind);
	fresh->task.queue = keep(&at, task->queue);
	fresh->task.tenant = keep(&at, task->tenant);
	fresh->task.dataset = keep(&at, task->dataset);
	fresh->task.body = keep(&at, task->body);
	fresh->task.labels = keep(&at, task->labels);
	fresh->task.trace = keep(&at, task->trace);
	fresh->task.policy = NULL;
}

struct task fresh_task(const struct insert *in)
{
	const struct task_spec *s = in->spec;

	return (struct task){.id = in->id,
	                     .kind = s->kind,
	                     .queue = s->queue,
	                     .tenant = s->tenant,
	                     .dataset = s->dataset,
	                     .body = s->body,
	                     .labels = s->labels,
	                     .trace = s->trace,
	                     .priority = s->priority,
	                     .max_attempts = s->max_attempts,
	                     .created_at = in->now,
	                     .run_at = s->run_at,
	                     .expires_at = in->expires_at,
	                     .timeout_ms = s->timeout_ms,
	                     .parent = s->parent};
}

void fresh_put(struct queue *queue, const struct insert *in)
{
	struct task task = fresh_task(in);

	if (in->is_fresh && !in->policy && !in->spec->unique_key)
		put(queue, &task, 0);
}

void fresh_put_read(struct queue *queue, const struct live *live, const struct task *task)
{
	if (!(live->flags & LIVE_POLICY) && !live->life.attempt && !task->unique_key && !task->checkpoint)
		put(queue, task, 1);
}

static struct fresh *find(const struct queue *queue, int64_t id)
{
	struct fresh *fresh = queue->fresh[(uint64_t)id % QUEUE_FRESH];

	return fresh && fresh->id == id ? fresh : NULL;
}

int fresh_has(const struct queue *queue, int64_t id)
{
	const struct fresh *fresh = find(queue, id);

	return fresh && !fresh->is_claimed;
}

struct task *fresh_copy(const struct task *from, struct arena *arena)
{
	struct task *task = arena_dup(arena, from, sizeof(*task));

	task->kind = arena_str(arena, task->kind);
	task->queue = arena_str(arena, task->queue);
	task->tenant = arena_str(arena, task->tenant);
	task->dataset = arena_str(arena, task->dataset);
	task->body = arena_str(arena, task->body);
	task->labels = arena_str(arena, task->labels);
	task->trace = arena_str(arena, task->trace);
	task->policy = arena_alloc(arena, sizeof(*task->policy));
	return task;
}

struct task *fresh_look(struct queue *queue, int64_t id, struct arena *arena)
{
	const struct fresh *fresh = find(queue, id);

	return fresh && !fresh->is_claimed && !fresh->for_claim ? fresh_copy(&fresh->task, arena) : NULL;
}

struct task *fresh_take(struct queue *queue, int64_t id, struct arena *arena)
{
	struct fresh *fresh = find(queue, id);
	struct task *task;

	if (!fresh || fresh->is_claimed)
		return NULL;
	task = fresh_copy(&fresh->task, arena);
	fresh->is_claimed = 1;
	if (fresh->for_claim)
		fresh_drop(queue, id);
	return task;
}

void fresh_put_claimed(struct queue *queue, const struct insert *in)
{
	struct fresh *fresh;

	fresh_put(queue, in);
	fresh = find(queue, in->id);
	if (fresh)
		fresh->is_claimed = 1;
}

const struct task *fresh_claimed(const struct queue *queue, int64_t id)
{
	const struct fresh *fresh = find(queue, id);

	return fresh && fresh->is_claimed ? &fresh->task : NULL;
}

void fresh_drop(struct queue *queue, int64_t id)
{
	struct fresh **slot = slot_of(queue, id);

	if (!find(queue, id))
		return;
	free(*slot);
	*slot = NULL;
}

void fresh_free(struct queue *queue)
{
	for (int i = 0; i < QUEUE_FRESH; i++)
		free(queue->fresh[i]);
}
