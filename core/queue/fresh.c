/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that have just been put are likely to be shown and claimed at once: they are kept, so that the answer to their
 * submit and their claim ask nobody. So are those that will be claimed next, read many at a time. Nothing is kept longer
 * than to the end of the attempt, which is shown from it to who waits. Not kept: large ones, those of a list that are for
 * later, and those whose row may change while they wait.
 *
 * They stand one behind the other in blocks, in the order in which they came, and that is the order in which most of them
 * go: a block that nobody stands in any more is given back, and the few that are left in one move on, so that no block is
 * less than an eighth full but the last. With BLOCKS_MAX of them the backlog is deep: whoever comes last is claimed last,
 * so of a list nobody is kept any more, and what is put or read alone takes the place of the newest block but one. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "queue/inside.h"

#define TEXT_MAX 2048
#define BLOCK_BYTES (64u << 10)
#define SPARSE (BLOCK_BYTES / 8)
/* 8 MiB: some 20,000 tasks with 256 bytes each, more than what runs in a second. With a million that wait it is 8 bytes for
 * each, with few it is not there. */
#define BLOCKS_MAX 128
#define BUCKETS 1024
#define PAGE 4096u /* what an idle queue may keep */

static const size_t texts[] = {offsetof(struct task, kind),   offsetof(struct task, queue),
                               offsetof(struct task, tenant), offsetof(struct task, dataset),
                               offsetof(struct task, body),   offsetof(struct task, labels),
                               offsetof(struct task, trace)};
#define TEXTS (sizeof(texts) / sizeof(*texts))

struct fresh {
	struct fresh *next; /* of the hash bucket */
	struct block *block;
	int64_t id, created_at, run_at, expires_at, timeout_ms, parent;
	int32_t max_attempts;
	uint16_t size;                           /* with its texts */
	uint8_t priority, for_claim, is_claimed; /* for_claim: read for it, what is shown has more; is_claimed: kept for
	                                            its end only */
	uint8_t is_gone;
	uint16_t lengths[TEXTS]; /* with the NUL; 0: there is none */
	char texts[];
};

struct block {
	struct list link; /* in kept.blocks, the oldest first */
	uint32_t used, in_use;
	_Alignas(struct fresh) char data[];
};
#define BLOCK_ROOM (BLOCK_BYTES - (uint32_t)sizeof(struct block))

struct kept {
	struct fresh **buckets;
	size_t n_buckets, n;
	struct list blocks;
	int n_blocks;
};

static void *pages_new(size_t n)
{
	void *pages = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return pages == MAP_FAILED ? NULL : pages;
}

int fresh_init(struct queue *queue)
{
	struct kept *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return ERR_NOMEM;
	list_init(&kept->blocks);
	kept->n_buckets = BUCKETS;
	kept->buckets = pages_new(BUCKETS * sizeof(*kept->buckets));
	queue->fresh = kept;
	return kept->buckets ? 0 : ERR_NOMEM;
}

/* ---- by id --------------------------------------------------------------------------------- */

static struct fresh **bucket(const struct kept *kept, int64_t id)
{
	return &kept->buckets[(uint64_t)id & (kept->n_buckets - 1)]; /* ids are dense */
}

static struct fresh *find(const struct queue *queue, int64_t id)
{
	struct fresh *fresh = *bucket(queue->fresh, id);

	while (fresh && fresh->id != id)
		fresh = fresh->next;
	return fresh;
}

static void link_in(struct kept *kept, struct fresh *fresh)
{
	struct fresh **to = bucket(kept, fresh->id);

	fresh->next = *to;
	*to = fresh;
}

static struct fresh **pointer_to(const struct kept *kept, const struct fresh *fresh)
{
	struct fresh **at = bucket(kept, fresh->id);

	while (*at != fresh)
		at = &(*at)->next;
	return at;
}

static void resize(struct kept *kept, size_t n)
{
	struct fresh **old = kept->buckets, **buckets = pages_new(n * sizeof(*buckets));
	size_t n_old = kept->n_buckets;

	if (!buckets)
		return; /* longer chains, still right */
	kept->buckets = buckets;
	kept->n_buckets = n;
	for (size_t i = 0; i < n_old; i++)
		while (old[i]) {
			struct fresh *fresh = old[i];

			old[i] = fresh->next;
			link_in(kept, fresh);
		}
	munmap(old, n_old * sizeof(*old));
}

/* ---- blocks -------------------------------------------------------------------------------- */

static void block_free(struct kept *kept, struct block *block)
{
	list_del(&block->link);
	kept->n_blocks--;
	munmap(block, BLOCK_BYTES);
}

static struct block *newest(const struct kept *kept)
{
	return list_empty(&kept->blocks) ? NULL : list_entry(kept->blocks.prev, struct block, link);
}

static struct block *block_new(struct kept *kept)
{
	struct block *block = pages_new(BLOCK_BYTES);

	if (!block)
		return NULL;
	list_add_tail(&kept->blocks, &block->link);
	kept->n_blocks++;
	return block;
}

static void leave(struct kept *kept, struct fresh *fresh)
{
	*pointer_to(kept, fresh) = fresh->next;
	fresh->is_gone = 1;
	fresh->block->in_use -= fresh->size;
	kept->n--;
}

static void forget_newest_but_one(struct kept *kept)
{
	struct block *block = list_entry(newest(kept)->link.prev, struct block, link);

	for (uint32_t at = 0; at < block->used;) {
		struct fresh *fresh = (struct fresh *)(block->data + at);

		at += fresh->size;
		if (!fresh->is_gone)
			leave(kept, fresh);
	}
	block_free(kept, block);
}

static int is_full(const struct kept *kept, uint32_t size)
{
	return kept->n_blocks == BLOCKS_MAX && newest(kept)->used + size > BLOCK_ROOM;
}

static void move_on(struct kept *kept, struct block *block);

/* One with room. Of those in the one before, which is the newest no more, there may be few by now. */
static struct block *block_for(struct kept *kept, uint32_t size)
{
	struct block *before = newest(kept);

	if (before && before->used + size <= BLOCK_ROOM)
		return before;
	if (is_full(kept, size))
		forget_newest_but_one(kept);
	if (!block_new(kept))
		return NULL;
	if (before && before->in_use <= SPARSE)
		move_on(kept, before);
	return newest(kept);
}

static struct fresh *take_memory(struct kept *kept, uint32_t size)
{
	struct block *block = block_for(kept, size);
	struct fresh *fresh;

	if (!block)
		return NULL;
	fresh = (struct fresh *)(block->data + block->used);
	fresh->block = block;
	block->used += size;
	block->in_use += size;
	return fresh;
}

/* The few that are left of one block stand in the newest from now on, or nowhere without memory. */
static void move_on(struct kept *kept, struct block *block)
{
	list_del(&block->link);
	kept->n_blocks--;
	for (uint32_t at = 0; at < block->used;) {
		struct fresh *from = (struct fresh *)(block->data + at), *to;

		at += from->size;
		if (from->is_gone)
			continue;
		to = take_memory(kept, from->size);
		if (to) {
			struct block *home = to->block;

			memcpy(to, from, from->size);
			to->block = home;
			*pointer_to(kept, from) = to;
		} else {
			leave(kept, from);
		}
	}
	munmap(block, BLOCK_BYTES);
}

static void give_back(struct kept *kept, struct block *block)
{
	if (block != newest(kept)) {
		if (!block->in_use)
			block_free(kept, block);
		else if (block->in_use <= SPARSE)
			move_on(kept, block);
	} else if (!block->in_use && block->used > PAGE) {
		block_free(kept, block);
	} else if (!block->in_use) {
		block->used = 0;
	}
	if (!kept->n && kept->n_buckets > BUCKETS)
		resize(kept, BUCKETS);
}

/* ---- tasks --------------------------------------------------------------------------------- */

static const char **text_of(struct task *task, size_t i)
{
	return (const char **)((char *)task + texts[i]);
}

static const char *text(const struct task *task, size_t i)
{
	return *(const char *const *)((const char *)task + texts[i]);
}

/* How long each of its texts is, and all of them. */
static size_t measure(const struct task *task, size_t ret[TEXTS])
{
	size_t all = 0;

	for (size_t i = 0; i < TEXTS; i++) {
		ret[i] = text(task, i) ? strlen(text(task, i)) + 1 : 0;
		all += ret[i];
	}
	return all;
}

static void put(struct queue *queue, const struct task *task, int is_one_of_many, int for_claim)
{
	struct kept *kept = queue->fresh;
	size_t lengths[TEXTS], n = measure(task, lengths), size = sizeof(struct fresh) + n;
	struct fresh *fresh;
	char *at;

	size = (size + _Alignof(struct fresh) - 1) & ~(_Alignof(struct fresh) - 1);
	fresh_drop(queue, task->id);
	if (n > TEXT_MAX || (is_one_of_many && is_full(kept, (uint32_t)size)))
		return;
	fresh = take_memory(kept, (uint32_t)size);
	if (!fresh)
		return;
	*fresh = (struct fresh){.block = fresh->block,
	                        .id = task->id,
	                        .created_at = task->created_at,
	                        .run_at = task->run_at,
	                        .expires_at = task->expires_at,
	                        .timeout_ms = task->timeout_ms,
	                        .parent = task->parent,
	                        .max_attempts = task->max_attempts,
	                        .size = (uint16_t)size,
	                        .priority = (uint8_t)task->priority,
	                        .for_claim = (uint8_t)for_claim};
	at = fresh->texts;
	for (size_t i = 0; i < TEXTS; at += lengths[i++]) {
		fresh->lengths[i] = (uint16_t)lengths[i];
		memcpy(at, lengths[i] ? text(task, i) : "", lengths[i]);
	}
	if (kept->n++ >= kept->n_buckets)
		resize(kept, kept->n_buckets * 2);
	link_in(kept, fresh);
}

static const struct task_spec no_policy;

/* `at`: its texts. */
static void show(const struct fresh *fresh, const char *at, struct task *ret)
{
	*ret = (struct task){.id = fresh->id,
	                     .priority = fresh->priority,
	                     .max_attempts = fresh->max_attempts,
	                     .created_at = fresh->created_at,
	                     .run_at = fresh->run_at,
	                     .expires_at = fresh->expires_at,
	                     .timeout_ms = fresh->timeout_ms,
	                     .parent = fresh->parent,
	                     .policy = &no_policy};
	for (size_t i = 0; i < TEXTS; at += fresh->lengths[i++])
		if (fresh->lengths[i])
			*text_of(ret, i) = at;
}

static struct task *copy(const struct fresh *fresh, struct arena *arena)
{
	size_t n = fresh->size - sizeof(*fresh);
	struct task *task = arena_alloc(arena, sizeof(*task) + n);

	show(fresh, memcpy(task + 1, fresh->texts, n), task);
	return task;
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
	                     .parent = s->parent,
	                     .policy = &no_policy};
}

struct task *fresh_copy(const struct task *from, struct arena *arena)
{
	size_t lengths[TEXTS], n = measure(from, lengths);
	struct task *task = arena_alloc(arena, sizeof(*task) + n);
	char *at = (char *)(task + 1);

	*task = *from;
	for (size_t i = 0; i < TEXTS; at += lengths[i++])
		if (lengths[i])
			*text_of(task, i) = memcpy(at, text(from, i), lengths[i]);
	return task;
}

void fresh_put(struct queue *queue, const struct insert *in)
{
	struct task task = fresh_task(in);

	if (in->is_fresh && !in->policy && !in->spec->unique_key)
		put(queue, &task, in->is_one_of_many, 0);
}

void fresh_put_read(struct queue *queue, const struct live *live, const struct task *task)
{
	if (!(live->flags & LIVE_POLICY) && !live->life.attempt && !task->unique_key && !task->checkpoint)
		put(queue, task, 0, 1);
}

int fresh_has(const struct queue *queue, int64_t id)
{
	const struct fresh *fresh = find(queue, id);

	return fresh && !fresh->is_claimed;
}

struct task *fresh_look(struct queue *queue, int64_t id, struct arena *arena)
{
	const struct fresh *fresh = find(queue, id);

	return fresh && !fresh->is_claimed && !fresh->for_claim ? copy(fresh, arena) : NULL;
}

struct task *fresh_take(struct queue *queue, int64_t id, struct arena *arena)
{
	struct fresh *fresh = find(queue, id);
	struct task *task;

	if (!fresh || fresh->is_claimed)
		return NULL;
	task = copy(fresh, arena);
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

struct task *fresh_claimed(const struct queue *queue, int64_t id, struct arena *arena)
{
	const struct fresh *fresh = find(queue, id);

	return fresh && fresh->is_claimed ? copy(fresh, arena) : NULL;
}

void fresh_drop(struct queue *queue, int64_t id)
{
	struct fresh *fresh = find(queue, id);

	if (!fresh)
		return;
	leave(queue->fresh, fresh);
	give_back(queue->fresh, fresh->block);
}

void fresh_free(struct queue *queue)
{
	struct kept *kept = queue->fresh;

	if (!kept)
		return;
	list_each (item, &kept->blocks)
		block_free(kept, list_entry(item, struct block, link));
	if (kept->buckets)
		munmap(kept->buckets, kept->n_buckets * sizeof(*kept->buckets));
	free(kept);
}
