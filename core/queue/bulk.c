/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs on all tasks that match a filter: a page is read, its tasks are acted upon (their writes share a
 * transaction), and when all of that is written the next page follows. */
#include <stdlib.h>
#include <string.h>

#include "queue/inside.h"

#define SLICE 200

struct bulk {
	struct list link; /* in queue.bulks */
	struct queue *queue;
	struct queue_bulk_ask ask;
	struct arena arena; /* of the filter */
	char *cursor;
	struct queue_bulk_counts counts;
	size_t pending; /* of this slice */
	int stepping, over, r;
	struct err err;
};

/* ---- delete one ---------------------------------------------------------------------------- */

struct del {
	struct queue *queue;
	int64_t id;
	queue_done_fn on_done;
	void *ctx;
};

static int delete_write(struct store_db *db, void *arg, struct err *err)
{
	struct del *del = arg;
	int r = store_run(db, err, statement(KEEP_LAST_ID), "");

	if (r)
		return r;
	r = archive_forget(db, del->id, err);
	if (r <= 0)
		return r == ERR_NOTFOUND ? err_set(err, ERR_CONFLICT, "the task has not ended") : r;
	r = store_run(db, err, statement(DELETE_TASK), "i", del->id);
	if (!r && !store_changes(db))
		return err_set(err, ERR_CONFLICT, "the task has not ended, or others depend on it");
	if (!r)
		r = store_run(db, err, statement(OLD_ATTEMPT), "i", del->id);
	return r ? r : store_run(db, err, statement(OLD_TASK), "i", del->id);
}

static void delete_done(void *arg, int r, const struct err *err)
{
	struct del *del = arg;

	if (del->on_done)
		del->on_done(del->ctx, r, err);
	free(del);
}

int queue_delete(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx)
{
	struct del *del;
	struct arena arena;
	struct task *task;
	int r;

	arena_init(&arena);
	r = queue_get(queue, id, &arena, &task, NULL);
	if (!r && !task_state_is_final(task->state))
		r = ERR_CONFLICT;
	arena_done(&arena);
	if (r)
		return r;
	del = malloc(sizeof(*del));
	if (!del)
		return ERR_NOMEM;
	*del = (struct del){queue, id, on_done, ctx};
	r = store_write(queue->store, delete_write, delete_done, del);
	if (r)
		free(del);
	return r;
}

/* ---- many ---------------------------------------------------------------------------------- */

static const struct {
	int (*act)(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx);
	int default_state; /* for QUEUE_ANY */
} verbs[] = {
	[QUEUE_CANCEL] = {queue_cancel, QUEUE_LIVE},
	[QUEUE_REDRIVE] = {queue_retry, QUEUE_UNSUCCESSFUL},
	[QUEUE_DELETE] = {queue_delete, QUEUE_ENDED},
};

static void bulk_free(struct bulk *bulk)
{
	list_del(&bulk->link);
	arena_done(&bulk->arena);
	free(bulk->cursor);
	free(bulk);
}

void bulks_free(struct queue *queue)
{
	list_each (item, &queue->bulks)
		bulk_free(list_entry(item, struct bulk, link));
}

static void bulk_end(struct bulk *bulk, int r, const struct err *err)
{
	bulk->ask.on_done(bulk->ask.ctx, r, &bulk->counts, err);
	bulk_free(bulk);
}

static void step(struct bulk *bulk);

static void on_acted(void *ctx, int r, const struct err *err)
{
	struct bulk *bulk = ctx;

	(void)err;
	bulk->counts.done += !r;
	bulk->counts.refused += r != 0;
	if (--bulk->pending || bulk->stepping)
		return;
	step(bulk);
}

static void act(struct bulk *bulk, int64_t id)
{
	int r;

	bulk->counts.matched++;
	if (bulk->ask.dry_run)
		return;
	bulk->pending++;
	r = verbs[bulk->ask.verb].act(bulk->queue, id, on_acted, bulk);
	if (r)
		on_acted(bulk, r, NULL);
}

static int slice(struct bulk *bulk, struct err *err)
{
	struct queue_filter filter = bulk->ask.filter;
	const char *cursor;
	struct arena arena;
	struct task **tasks;
	size_t n;
	int r;

	arena_init(&arena);
	filter.cursor = bulk->cursor;
	filter.limit = SLICE;
	if (bulk->ask.max && bulk->ask.max - bulk->counts.matched < SLICE)
		filter.limit = (size_t)(bulk->ask.max - bulk->counts.matched);
	r = queue_list(bulk->queue, &filter, &arena, &tasks, &n, &cursor, err);
	if (!r) {
		free(bulk->cursor);
		bulk->cursor = cursor ? strdup(cursor) : NULL;
		bulk->over = !bulk->cursor || (bulk->ask.max && bulk->counts.matched + (int64_t)n >= bulk->ask.max);
		for (size_t i = 0; i < n; i++)
			act(bulk, tasks[i]->id);
	}
	arena_done(&arena);
	return r;
}

static int nothing_write(struct store_db *db, void *arg, struct err *err)
{
	(void)db;
	(void)arg;
	(void)err;
	return 0;
}

static void turn_done(void *arg, int r, const struct err *err)
{
	struct bulk *bulk = arg;

	if (r)
		bulk_end(bulk, r, err);
	else
		step(bulk);
}

/* The next slice comes behind what is on its way, from the loop: others get their turn. */
static int next_turn(struct bulk *bulk)
{
	return store_write(bulk->queue->store, nothing_write, turn_done, bulk);
}

static void step(struct bulk *bulk)
{
	if (bulk->counts.matched && bulk->ask.on_slice)
		bulk->ask.on_slice(bulk->ask.ctx, &bulk->counts);
	if (!bulk->over) {
		bulk->stepping = 1;
		bulk->r = slice(bulk, &bulk->err);
		bulk->over |= bulk->r != 0;
		bulk->stepping = 0;
		if (bulk->pending)
			return;
		if (!bulk->over && !next_turn(bulk))
			return;
	}
	bulk_end(bulk, bulk->r, &bulk->err);
}

static struct queue_filter copy_filter(struct arena *arena, const struct queue_filter *from)
{
	struct queue_filter filter = *from;

	filter.kind = arena_str(arena, from->kind);
	filter.queue = arena_str(arena, from->queue);
	filter.dataset = arena_str(arena, from->dataset);
	filter.tenant = arena_str(arena, from->tenant);
	filter.tenant_like = arena_str(arena, from->tenant_like);
	filter.queue_like = arena_str(arena, from->queue_like);
	filter.label_key = arena_str(arena, from->label_key);
	filter.label_value = arena_str(arena, from->label_value);
	return filter;
}

int queue_bulk(struct queue *queue, const struct queue_bulk_ask *ask, struct err *err)
{
	struct bulk *bulk = calloc(1, sizeof(*bulk));
	int r;

	if (!bulk)
		return err_set(err, ERR_NOMEM, "out of memory");
	arena_init(&bulk->arena);
	bulk->queue = queue;
	bulk->ask = *ask;
	bulk->ask.filter = copy_filter(&bulk->arena, &ask->filter);
	if (bulk->ask.filter.state == QUEUE_ANY)
		bulk->ask.filter.state = verbs[ask->verb].default_state;
	list_add_tail(&queue->bulks, &bulk->link);
	r = next_turn(bulk);
	if (!r)
		return 0;
	bulk_free(bulk);
	return err_set(err, r, "out of memory");
}
