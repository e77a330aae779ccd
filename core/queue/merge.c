/* SPDX-License-Identifier: Apache-2.0 */
/* on_conflict "merge": a task that waits gets the body of another as a JSON merge patch (RFC 7396), if what comes of it is
 * a task that would have been accepted. Who knows that works on the loop thread (queue_events.check_merged), and what the
 * patch meets is certain on the writer thread only. So a write that meets a body for which it has no verdict undoes
 * itself and leaves the body; the loop thread works the merge out and has it checked; and the write runs again, where the
 * verdict counts if the body is still the same. Nothing is answered, and nothing is written, before that.
 *
 * Calls that do not meet go side by side. When one finds that another was quicker, they take turns until nobody waits:
 * else of many that meet only a few would get through, each upon the other's work. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/str.h"
#include "queue/inside.h"

/* How often others may be quicker. Two of a call never are: all of its merges are worked out one upon the other. */
#define ROUNDS_MAX 8
#define BYTES_MAX (8u << 20) /* of bodies that the merges of a call work out, all on the loop thread */

/* Of a call: bodies that are kept, and the last one that was met, which the next mostly meets, too. */
struct merges {
	int64_t id;
	const char *base;
	size_t bytes;
	int is_open; /* in this run of the write one was met that is */
};

struct merge {
	struct merges *shared;
	int64_t id;                      /* of the task that has the key, 0 = not met yet */
	const char *queue, *base, *body; /* its body, and what comes of it */
	struct queue_put_result refused; /* with a code: that may not be */
	int is_open;                     /* `base` is new: nobody has checked it */
};

struct merging {
	struct list turn; /* in queue.merging; the first has its turn */
	struct queue *queue;
	struct arena *arena;
	struct insert *all;
	size_t n;
	struct merges *merges;
	store_write_fn write;
	store_done_fn on_done;
	void *arg;
	int is_new, rounds;
};

struct merge *merge_new(const struct task_spec *spec, struct merges **shared, struct arena *arena)
{
	struct merge *merge;

	if (!spec->unique_key || spec->on_conflict != TASK_CONFLICT_MERGE)
		return NULL;
	if (!*shared)
		*shared = arena_alloc(arena, sizeof(**shared));
	merge = arena_alloc(arena, sizeof(*merge));
	merge->shared = *shared;
	return merge;
}

static int is_too_much(const struct merges *shared, struct err *err)
{
	if (shared->bytes <= BYTES_MAX)
		return 0;
	return err_set(err, ERR_INVALID,
	               "the tasks of this call would merge more than %u MiB of bodies: send fewer at a time",
	               BYTES_MAX >> 20);
}

static int keep(struct merges *shared, const char *text, struct arena *arena, const char **ret, struct err *err)
{
	int r;

	shared->bytes += strlen(text);
	r = is_too_much(shared, err);
	if (!r)
		*ret = arena_str(arena, text);
	return r;
}

/* ---- on the writer thread ------------------------------------------------------------------ */

/* The columns of MERGE_BASE: kind, dataset, queue, body. */
static int is_same_sort(const struct store_stmt *stmt, const struct task_spec *spec)
{
	const char *dataset = store_text(stmt, 1);

	return str_eq(store_text(stmt, 0), spec->kind) &&
	       str_eq(dataset ? dataset : "", spec->dataset ? spec->dataset : "");
}

static int meet(struct merge *merge, int64_t id, const struct store_stmt *stmt, struct arena *arena, struct err *err)
{
	struct merges *shared = merge->shared;
	const char *body = store_text(stmt, 3);
	int r = 0;

	merge->is_open |= merge->id != id || !str_eq(merge->base, body);
	if (!merge->is_open)
		return 0;
	shared->is_open = 1;
	if (shared->id != id || !str_eq(shared->base, body)) {
		shared->id = id;
		r = keep(shared, body, arena, &shared->base, err);
	}
	merge->id = id;
	merge->queue = arena_str(arena, store_text(stmt, 2));
	merge->base = shared->base;
	return r;
}

static int refuse_sort(struct insert *in, struct arena *arena)
{
	struct err why = {0};
	char name[ID_LEN];

	id_format('t', in->result.id, name);
	err_set(&why, ERR_EXISTS,
	        "task %s has the unique key '%s' and is of another kind or dataset: it cannot be merged with it", name,
	        in->spec->unique_key);
	err_where(&why, "/unique_key");
	return insert_refuse(in, ERR_EXISTS, arena, &why);
}

int merge_write(struct store_db *db, struct insert *in, struct arena *arena, struct err *err)
{
	struct merge *merge = in->merge;
	struct store_stmt *stmt;
	int r = store_begin(db, statement(MERGE_BASE), &stmt, err), is_same;

	if (r)
		return r;
	store_bind_int(stmt, 1, in->result.id);
	r = store_step(stmt, err);
	is_same = r > 0 && is_same_sort(stmt, in->spec);
	if (r >= 0)
		r = is_same ? meet(merge, in->result.id, stmt, arena, err) : 0;
	store_end(stmt);
	if (r)
		return r;
	in->result.existed = QUEUE_HELD;
	if (!is_same)
		return refuse_sort(in, arena);
	if (merge->is_open)
		return 0;
	if (merge->refused.code) {
		in->result = merge->refused;
		return 0;
	}
	return store_run(db, err, statement(TASK_MERGE), "is", merge->id, merge->body);
}

static int write_all(struct store_db *db, void *arg, struct err *err)
{
	struct merging *m = arg;
	int r;

	m->merges->is_open = 0;
	r = m->write(db, m->arg, err);
	if (r || !m->merges->is_open)
		return r;
	return err_set(err, ERR_BUSY, "the task that has the unique key is changed by others all the time: try again");
}

/* ---- on the loop thread -------------------------------------------------------------------- */

static int patch(struct queue *queue, struct merge *merge, const char *with, struct arena *arena, const char **ret,
                 struct err *err)
{
	struct store_stmt *stmt;
	int r = is_too_much(merge->shared, err);

	if (!r)
		r = store_begin(store_reader(queue->store), statement(MERGE_PATCH), &stmt, err);
	if (r)
		return r;
	store_bind_text(stmt, 1, merge->base);
	store_bind_text(stmt, 2, with);
	r = store_step(stmt, err);
	if (r > 0)
		r = keep(merge->shared, store_text(stmt, 0), arena, ret, err);
	else if (!r)
		r = err_set(err, ERR_INVALID, "one of the two bodies is not JSON");
	store_end(stmt);
	return r;
}

/* What comes of it, and whether that may be. */
static void judge(struct queue *queue, struct insert *in, const char *base, struct arena *arena)
{
	struct merge *merge = in->merge;
	struct task_spec merged = *in->spec;
	struct err why = {0};
	char name[ID_LEN];
	int r;

	merged.queue = merge->queue;
	merge->base = base;
	merge->is_open = 0;
	r = patch(queue, merge, in->spec->body, arena, &merged.body, &why);
	if (!r && queue->events.check_merged)
		r = queue->events.check_merged(queue->events.ctx, &merged, arena, &why);
	if (!r)
		r = queue_check_spec(&merged, &why);
	merge->body = merged.body;
	r = r == ERR_LIMIT ? ERR_INVALID : r; /* no queue is full */
	merge->refused = (struct queue_put_result){.id = merge->id, .code = r};
	if (!r)
		return;
	id_format('t', merge->id, name);
	err_prefix(&why, "merged into task %s, which has the unique key '%.64s', it would be wrong", name,
	           in->spec->unique_key);
	merge->refused.error = arena_str(arena, why.text);
	merge->refused.where = arena_str(arena, why.where);
}

/* One upon the other, since a task may be merged into by several of a call. */
static int judge_all(struct merging *m)
{
	struct map bodies; /* by id: as it is behind those before */
	int r = 0;

	map_init(&bodies);
	for (size_t i = 0; i < m->n && !r; i++) {
		struct merge *merge = m->all[i].merge;
		const char *name, *base;

		if (!merge || !merge->id)
			continue;
		name = arena_printf(m->arena, "%" PRId64, merge->id);
		base = map_get(&bodies, name);
		base = base ? base : merge->base;
		if (merge->is_open || !str_eq(base, merge->base))
			judge(m->queue, &m->all[i], base, m->arena);
		if (!merge->refused.code)
			r = map_set(&bodies, name, (void *)merge->body);
	}
	map_done(&bodies);
	return r;
}

static void all_done(void *arg, int r, const struct err *err);

static int hand_over(struct merging *m)
{
	return m->is_new ? store_write_new(m->queue->store, write_all, all_done, m)
	                 : store_write(m->queue->store, write_all, all_done, m);
}

/* 1: it waits for the others before it. */
static int wait_for_turn(struct merging *m)
{
	if (list_empty(&m->turn))
		list_add_tail(&m->queue->merging, &m->turn);
	return m->queue->merging.next != &m->turn;
}

/* The next one begins from what is there now. */
static void end_turn(struct merging *m)
{
	struct list *turns = &m->queue->merging;
	struct merging *next;

	list_del(&m->turn);
	while (!list_empty(turns)) {
		struct err err = {.code = ERR_NOMEM, .text = "out of memory"};

		next = list_entry(turns->next, struct merging, turn);
		if (!hand_over(next))
			return;
		list_del(&next->turn);
		next->on_done(next->arg, ERR_NOMEM, &err);
	}
}

static void all_done(void *arg, int r, const struct err *err)
{
	struct merging *m = arg;

	struct err no_memory = {.code = ERR_NOMEM, .text = "out of memory"};

	if (r == ERR_BUSY && m->merges->is_open && ++m->rounds < ROUNDS_MAX) {
		if (m->rounds > 1 && wait_for_turn(m))
			return;
		r = judge_all(m) ? ERR_NOMEM : hand_over(m);
		if (!r)
			return;
		err = &no_memory;
	}
	if (!list_empty(&m->turn))
		end_turn(m);
	m->on_done(m->arg, r, err);
}

static struct merges *merges_of(const struct insert *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].merge)
			return all[i].merge->shared;
	return NULL;
}

int inserts_hand_over(struct queue *queue, struct insert *all, size_t n, struct arena *arena, int is_new,
                      store_write_fn write, store_done_fn on_done, void *arg)
{
	struct merges *merges = merges_of(all, n);
	struct merging *m;

	if (!merges)
		return is_new ? store_write_new(queue->store, write, on_done, arg)
		              : store_write(queue->store, write, on_done, arg);
	m = arena_alloc(arena, sizeof(*m));
	*m = (struct merging){{NULL}, queue, arena, all, n, merges, write, on_done, arg, is_new, 0};
	list_init(&m->turn);
	return list_empty(&queue->merging) || !wait_for_turn(m) ? hand_over(m) : 0;
}
