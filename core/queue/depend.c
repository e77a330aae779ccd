/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that wait for others.
 *
 * A row of `dep` says: child waits for parent. A parent that succeeds takes its rows away and
 * unblocks children that have none left, in the transaction that makes its result visible. A parent
 * that ends otherwise leaves its rows; what then happens is the child's wish (on_dep_failure) and
 * is done behind it, and again at the next start, should a crash come between. A task can only name
 * tasks that exist, so the graph has no cycle. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/id.h"
#include "base/log.h"
#include "queue/inside.h"

/* ---- put, on the writer thread ------------------------------------------------------------- */

static int64_t parent_of(const struct insert *all, size_t i, size_t k)
{
	int64_t id = all[i].spec->depends_on[k];

	if (id > 0)
		return id;
	if (!id || id < -(int64_t)i || all[-id - 1].result.code)
		return 0;
	return all[-id - 1].result.id;
}

/* The state of an ended task, -1 of a live one, ERR_NOTFOUND. 1: it lies in a file by day. */
static int look_up(struct store_db *db, int64_t id, int *ret, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, statement(END_GET), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, id);
	r = store_step(stmt, err);
	if (r > 0)
		*ret = (int)store_int(stmt, 0);
	store_end(stmt);
	if (r)
		return r > 0 ? 0 : r;
	r = archive_state(db, id, ret, err);
	return r ? r : 1;
}

static int is_waited_for(const struct insert *in, int state)
{
	return state < 0 || (state != TASK_SUCCEEDED && in->spec->on_dep_failure != TASK_DEP_RUN);
}

int depend_check(struct store_db *db, struct insert *all, size_t i, struct arena *arena, struct err *err)
{
	struct insert *in = &all[i];
	struct err why = {0};
	int r = 0, state;

	for (size_t k = 0; k < in->spec->n_depends_on && !r; k++) {
		r = look_up(db, parent_of(all, i, k), &state, err);
		if (r == ERR_NOTFOUND) {
			int64_t id = in->spec->depends_on[k];

			if (id < 0)
				err_set(&why, r, "the task before it that it depends on was refused");
			else if (id > in->id || !days_may_have(db, id, &why))
				queue_no_task(&why, id);
			err_where(&why, "/depends_on/%zu", k);
			return insert_refuse(in, why.code, arena, &why);
		}
		r = r < 0 ? r : 0;
	}
	return r;
}

int depend_name(struct insert *all, size_t i, struct arena *arena)
{
	struct insert *in = &all[i];
	struct task_spec spec = *in->spec;
	struct buf text;
	int r;

	buf_init(&text, 0);
	for (size_t k = 0; k < spec.n_depends_on; k++) {
		if (k)
			buf_putc(&text, ' ');
		buf_int(&text, parent_of(all, i, k));
	}
	r = text.failed;
	spec.depended_on = r ? NULL : arena_str(arena, text.data);
	buf_done(&text);
	in->policy = spec_pack(&spec, 0, arena);
	return r;
}

/* Behind all else that the insert does to other tasks: it may just have replaced one that it depends on. */
int depend_write(struct store_db *db, struct insert *all, size_t i, struct err *err)
{
	struct insert *in = &all[i];
	int r = 0, state = -1;

	for (size_t k = 0; k < in->spec->n_depends_on && !r; k++) {
		int64_t parent = parent_of(all, i, k);

		r = look_up(db, parent, &state, err);
		if (r < 0)
			break;
		if (!is_waited_for(in, state)) {
			r = 0;
			continue;
		}
		r = r ? archive_recall(db, parent, err) : 0; /* it is kept as long as others depend on it */
		if (r)
			break;
		in->dep_failed |= state > TASK_SUCCEEDED;
		r = store_run(db, err, statement(DEP_PUT), "ii", in->id, parent);
		in->waiting += !r && store_changes(db) ? 1 : 0; /* one that is named twice counts once */
	}
	return r;
}

/* ---- the end of a parent, on the writer thread --------------------------------------------- */

static int read_ids(struct store_db *db, enum queue_statement id, int64_t bind, struct arena *arena, int64_t **ret,
                    size_t *ret_n, struct err *err)
{
	struct store_stmt *stmt;
	size_t n = 0, cap = 0;
	int64_t *ids = NULL;
	int r = store_begin(db, statement(id), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, bind);
	while ((r = store_step(stmt, err)) > 0) {
		if (n == cap) {
			int64_t *grown = arena_alloc(arena, (cap = cap ? cap * 2 : 16) * sizeof(*grown));

			ids = n ? memcpy(grown, ids, n * sizeof(*ids)) : grown;
		}
		ids[n++] = store_int(stmt, 0);
	}
	store_end(stmt);
	*ret = ids;
	*ret_n = n;
	return r;
}

int depend_end_write(struct queue *queue, struct store_db *db, int64_t id, enum task_state to, struct arena *arena,
                     int64_t **ret_released, size_t *ret_n, struct err *err)
{
	int r;

	*ret_n = 0;
	if (!queue->has_deps)
		return 0;
	r = store_run(db, err, statement(DEP_DROP), "i", id); /* it waits for nobody any more */
	if (r || to != TASK_SUCCEEDED)
		return r;
	r = read_ids(db, DEP_RELEASE, id, arena, ret_released, ret_n, err);
	for (size_t i = 0; i < *ret_n && !r; i++)
		r = store_run(db, err, statement(LIVE_UNBLOCK), "i", (*ret_released)[i]);
	return r;
}

/* ---- on the loop thread -------------------------------------------------------------------- */

void depend_unblock(struct queue *queue, struct live *live)
{
	int64_t no_fence = 0;

	if (live->settling || live_state(live) != TASK_BLOCKED || live->more->waiting > 0)
		return;
	live_leave(queue, live);
	life_step(&live->life, &no_fence, LIFE_RELEASE, 0);
	live_settle(queue, live);
	queue_tell(queue, live->id, "state", live_state(live));
}

void depend_released(struct queue *queue, const int64_t *ids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct live *live = live_find(queue, ids[i]);

		if (!live || live_state(live) != TASK_BLOCKED)
			continue;
		live->more->waiting--;
		depend_unblock(queue, live);
	}
}

struct waive {
	struct queue *queue;
	int64_t child, parent;
	int is_first; /* nobody has done so meanwhile */
};

static int waive_write(struct store_db *db, void *arg, struct err *err)
{
	struct waive *waive = arg;
	int r = store_run(db, err, statement(DEP_WAIVE), "ii", waive->child, waive->parent);

	waive->is_first = !r && store_changes(db) > 0;
	return r ? r : store_run(db, err, statement(LIVE_UNBLOCK), "i", waive->child);
}

static void waive_done(void *arg, int r, const struct err *err)
{
	struct waive *waive = arg;

	(void)err;
	if (!r && waive->is_first)
		depend_released(waive->queue, &waive->child, 1);
	if (!r)
		waive->queue->events.on_ready(waive->queue->events.ctx);
	free(waive);
}

static void go_on_without(struct queue *queue, int64_t child, int64_t parent)
{
	struct waive *waive = malloc(sizeof(*waive));

	if (!waive)
		return; /* the next start asks again */
	*waive = (struct waive){queue, child, parent, 0};
	if (store_write(queue->store, waive_write, waive_done, waive))
		free(waive);
}

static void parent_failed(struct queue *queue, int64_t child, int64_t parent)
{
	struct live *live = live_find(queue, child);
	char name[ID_LEN], why[96];

	if (!live || live_state(live) != TASK_BLOCKED || live->settling || !live->more)
		return;
	if (live->more->on_dep_failure == TASK_DEP_RUN)
		go_on_without(queue, child, parent);
	if (live->more->on_dep_failure != TASK_DEP_CANCEL)
		return;
	id_format('t', parent, name);
	snprintf(why, sizeof(why), "task %s, which it depends on, did not succeed", name);
	cancel_waiting(queue, live, why, NULL, NULL);
}

void depend_failed(struct queue *queue, int64_t parent)
{
	struct arena arena;
	struct err err = {0};
	int64_t *children;
	size_t n;

	if (!queue->has_deps || store_is_read_only(queue->store))
		return;
	arena_init(&arena);
	if (read_ids(store_reader(queue->store), DEP_CHILDREN, parent, &arena, &children, &n, &err))
		log_warn("queue.dependents", LOG_STR("error", err.text));
	else
		for (size_t i = 0; i < n; i++)
			parent_failed(queue, children[i], parent);
	arena_done(&arena);
}

void depend_look_again(struct queue *queue, struct live *live)
{
	int64_t id = live->id, *parents;
	struct arena arena;
	size_t n;

	if (live_state(live) != TASK_BLOCKED || store_is_read_only(queue->store))
		return;
	arena_init(&arena);
	if (!read_ids(store_reader(queue->store), DEP_FAILED_OF, id, &arena, &parents, &n, NULL))
		for (size_t i = 0; i < n; i++)
			parent_failed(queue, id, parents[i]);
	arena_done(&arena);
}

static int recover_counts(struct queue *queue, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(store_reader(queue->store), statement(DEP_COUNTS), &stmt, err);

	if (r)
		return r;
	while ((r = store_step(stmt, err)) > 0) {
		struct live *live = live_find(queue, store_int(stmt, 0));

		queue->has_deps = 1;
		if (live && live->more)
			live->more->waiting = (int)store_int(stmt, 1);
	}
	store_end(stmt);
	return r;
}

int depend_recover(struct queue *queue, struct err *err)
{
	struct arena arena;
	int64_t *parents = NULL;
	size_t n = 0;
	int r = recover_counts(queue, err);

	if (r || !queue->has_deps)
		return r;
	arena_init(&arena);
	r = read_ids(store_reader(queue->store), DEP_FAILED, 0, &arena, &parents, &n, err);
	for (size_t i = 0; i < n && !r; i++)
		depend_failed(queue, parents[i]);
	arena_done(&arena);
	return r;
}
