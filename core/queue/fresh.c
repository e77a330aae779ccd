/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that have just been put are likely to be shown and claimed at once: the texts of some of them are kept, so that
 * the answer to their submit and their claim ask nobody. A slot per id; whoever comes later takes it. A claim takes its
 * task out, so that an idle queue keeps nothing. Not kept: large ones, those of a list that are for later, and those
 * whose row may change while they wait. */
#include <stdlib.h>
#include <string.h>

#include "queue/inside.h"

#define TEXT_MAX 2048

struct fresh {
	int64_t id;
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

void fresh_put(struct queue *queue, const struct insert *in)
{
	const struct task_spec *s = in->spec;
	struct fresh **slot = slot_of(queue, in->id), *fresh;
	size_t n = length(s->kind) + length(s->queue) + length(s->tenant) + length(s->dataset) + length(s->body) +
	           length(s->labels) + length(s->trace);
	char *at;

	if (!in->is_fresh || in->policy || s->unique_key || n > TEXT_MAX)
		return;
	fresh = malloc(sizeof(*fresh) + n);
	if (!fresh)
		return;
	free(*slot);
	*slot = fresh;
	at = fresh->texts;
	fresh->id = in->id;
	fresh->task = (struct task){.id = in->id,
	                            .kind = keep(&at, s->kind),
	                            .queue = keep(&at, s->queue),
	                            .tenant = keep(&at, s->tenant),
	                            .dataset = keep(&at, s->dataset),
	                            .body = keep(&at, s->body),
	                            .labels = keep(&at, s->labels),
	                            .trace = keep(&at, s->trace),
	                            .priority = s->priority,
	                            .max_attempts = s->max_attempts,
	                            .created_at = in->now,
	                            .run_at = s->run_at,
	                            .expires_at = in->expires_at,
	                            .timeout_ms = s->timeout_ms,
	                            .parent = s->parent};
}

struct task *fresh_look(struct queue *queue, int64_t id, struct arena *arena)
{
	const struct fresh *fresh = *slot_of(queue, id);
	struct task *task;

	if (!fresh || fresh->id != id)
		return NULL;
	task = arena_dup(arena, &fresh->task, sizeof(*task));
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

struct task *fresh_take(struct queue *queue, int64_t id, struct arena *arena)
{
	struct task *task = fresh_look(queue, id, arena);

	if (task)
		fresh_drop(queue, id);
	return task;
}

void fresh_drop(struct queue *queue, int64_t id)
{
	struct fresh **slot = slot_of(queue, id);

	if (!*slot || (*slot)->id != id)
		return;
	free(*slot);
	*slot = NULL;
}

void fresh_free(struct queue *queue)
{
	for (int i = 0; i < QUEUE_FRESH; i++)
		free(queue->fresh[i]);
}
