/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: a row that counts its tasks, in the transactions that accept and end them. The task that
 * follows a complete batch exists from the start, blocked; the transaction that ends the last task
 * unblocks it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "queue/inside.h"

/* ---- on the writer thread ------------------------------------------------------------------ */

int queue_no_batch(struct err *err, int64_t id)
{
	char name[ID_LEN];

	id_format('b', id, name);
	return err_set(err, ERR_NOTFOUND, "there is no batch %s", name);
}

int batch_check(struct store_db *db, struct insert *in, struct arena *arena, struct err *err)
{
	struct err why = {0};
	struct store_stmt *stmt;
	int sealed = 0, r = store_begin(db, statement(BATCH_GET), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, in->spec->batch);
	r = store_step(stmt, err);
	if (r > 0)
		sealed = (int)store_int(stmt, 10);
	store_end(stmt);
	if (r < 0 || (r > 0 && !sealed))
		return r < 0 ? r : 0;
	r = r ? err_set(&why, ERR_CONFLICT, "the batch is sealed") : queue_no_batch(&why, in->spec->batch);
	err_where(&why, "/batch");
	return insert_refuse(in, r, arena, &why);
}

/* When it is complete now, its follower is unblocked and told. */
static int complete(struct store_db *db, int64_t batch, int64_t now, int64_t *ret_complete, struct err *err)
{
	struct store_stmt *stmt;
	int64_t follower = 0;
	int r = store_begin(db, statement(BATCH_COMPLETE), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, batch);
	store_bind_int(stmt, 2, now);
	while ((r = store_step(stmt, err)) > 0)
		follower = store_int(stmt, 0);
	store_end(stmt);
	if (r || !follower)
		return r;
	*ret_complete = follower;
	return store_run(db, err, statement(LIVE_UNBLOCK), "i", follower);
}

int batch_end_write(struct store_db *db, int64_t batch, enum task_state to, int64_t now, int by, int64_t *ret_complete,
                    struct err *err)
{
	int r = store_run(db, err, statement(BATCH_END), "iii", batch, (int64_t)to, (int64_t)by);

	if (ret_complete)
		*ret_complete = 0;
	return r || by < 0 ? r : complete(db, batch, now, ret_complete, err);
}

/* ---- new and seal -------------------------------------------------------------------------- */

struct batch {
	struct queue *queue;
	struct arena arena;
	int64_t id, now, complete;
	const char *tenant, *name;
	struct idem_batch idem; /* without a key when it has none */
	int64_t repeated;       /* what the key has made before, 0 = nothing */
	struct insert *follower;
	size_t n_follower;
	queue_batch_fn on_new;
	queue_done_fn on_done;
	void *ctx;
};

/* On any thread, that of `db`. */
static int find_repeated(struct batch *b, struct store_db *db, struct err *err)
{
	int64_t id = 0;
	int r = b->idem.key ? idem_batch_find(db, &b->idem, &b->arena, &id, err) : 0;

	b->repeated = r > 0 ? id : 0; /* a write may be called again */
	return r < 0 ? r : 0;
}

static int new_write(struct store_db *db, void *arg, struct err *err)
{
	struct batch *b = arg;
	int r = find_repeated(b, db, err);

	if (r || b->repeated)
		return r;
	r = store_run(db, err, statement(BATCH_PUT), "iissi", b->id, b->now, b->tenant, b->name,
	              b->n_follower ? b->follower->id : (int64_t)0);
	if (!r && b->idem.key)
		r = idem_batch_put(db, &b->idem, b->id, b->now, err);
	if (!r && b->n_follower)
		r = insert_write(b->queue, db, b->follower, 0, &b->arena, err);
	if (!r && b->n_follower && (b->follower->result.code || b->follower->result.existed))
		r = err_set(err, ERR_EXISTS, "on_complete: a task with its key exists already");
	return r;
}

static void batch_free(struct batch *b)
{
	arena_done(&b->arena);
	free(b);
}

static void new_done(void *arg, int r, const struct err *err)
{
	struct batch *b = arg;

	inserts_done(b->queue, b->follower, b->n_follower, b->repeated ? ERR_EXISTS : r);
	b->on_new(b->ctx, r, r ? 0 : b->repeated ? b->repeated : b->id, !r && b->repeated, err);
	batch_free(b);
}

static struct batch *batch_new(struct queue *queue, int64_t id, void *ctx)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	arena_init(&b->arena);
	b->queue = queue;
	b->id = id;
	b->now = clock_wall_ms();
	b->ctx = ctx;
	return b;
}

static int check_follower(const struct task_spec *spec, struct err *err)
{
	if (spec->n_depends_on || spec->batch) {
		err_set(err, ERR_INVALID, "what follows a batch waits for it alone: leave this out");
		err_where(err, "/on_complete/%s", spec->batch ? "batch" : "depends_on");
		return ERR_INVALID;
	}
	return queue_check_spec(spec, err);
}

static int prepare_follower(struct batch *b, const struct task_spec *spec)
{
	int r = inserts_prepare(b->queue, &b->arena, spec_copy(b->queue, &b->arena, spec, 1), 1, &b->follower);

	b->n_follower = !r;
	if (!r)
		b->follower->is_blocked = 1;
	return r;
}

static int hand_over(struct batch *b, const struct task_spec *follower, struct err *err)
{
	int r = follower ? prepare_follower(b, follower) : 0;

	if (!r && (r = store_write_new(b->queue->store, new_write, new_done, b)))
		inserts_done(b->queue, b->follower, b->n_follower, r);
	return r ? err_set(err, r, "out of memory") : 0;
}

static void take_spec(struct batch *b, const struct queue_batch_spec *spec)
{
	b->tenant = arena_str(&b->arena, spec->tenant ? spec->tenant : "");
	b->name = arena_str(&b->arena, spec->name ? spec->name : "");
	if (spec->idempotency_key)
		b->idem = (struct idem_batch){b->tenant, arena_str(&b->arena, spec->idempotency_key),
		                              idem_batch_digest(spec, &b->arena)};
}

/* What the key has made before needs neither room nor a write. */
int queue_batch_new(struct queue *queue, const struct queue_batch_spec *spec, queue_batch_fn on_done, void *ctx,
                    struct err *err)
{
	int r = spec->on_complete ? check_follower(spec->on_complete, err) : 0;
	struct batch *b = r ? NULL : batch_new(queue, 0, ctx);

	if (!b)
		return r ? r : err_set(err, ERR_NOMEM, "out of memory");
	take_spec(b, spec);
	b->on_new = on_done;
	r = find_repeated(b, store_reader(queue->store), err);
	if (!r && b->repeated) {
		new_done(b, 0, NULL);
		return 0;
	}
	b->id = ++queue->last_id;
	if (!r)
		r = hand_over(b, spec->on_complete, err);
	if (r)
		batch_free(b);
	return r;
}

static int seal_write(struct store_db *db, void *arg, struct err *err)
{
	struct batch *b = arg;
	int r = store_run(db, err, statement(BATCH_SEAL), "i", b->id);

	b->complete = 0;
	if (!r && !store_changes(db))
		r = queue_no_batch(err, b->id);
	return r ? r : complete(db, b->id, b->now, &b->complete, err);
}

static void seal_done(void *arg, int r, const struct err *err)
{
	struct batch *b = arg;

	if (!r && b->complete)
		depend_released(b->queue, &b->complete, 1);
	if (b->on_done)
		b->on_done(b->ctx, r, err);
	if (!r)
		b->queue->events.on_ready(b->queue->events.ctx);
	batch_free(b);
}

int queue_batch_seal(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx)
{
	struct batch *b = batch_new(queue, id, ctx);
	int r;

	if (!b)
		return ERR_NOMEM;
	b->on_done = on_done;
	r = store_write(queue->store, seal_write, seal_done, b);
	if (r)
		batch_free(b);
	return r;
}

/* ---- read
 * ---------------------------------------------------------------------------------------------------------
 */

static void read_batch(const struct store_stmt *stmt, struct arena *arena, struct task_batch *ret)
{
	*ret = (struct task_batch){.id = store_int(stmt, 0),
	                           .tenant = arena_str(arena, store_text(stmt, 1)),
	                           .name = arena_str(arena, store_text(stmt, 2)),
	                           .created_at = store_int(stmt, 3),
	                           .completed_at = store_int(stmt, 4),
	                           .total = store_int(stmt, 5),
	                           .succeeded = store_int(stmt, 6),
	                           .failed = store_int(stmt, 7),
	                           .cancelled = store_int(stmt, 8),
	                           .expired = store_int(stmt, 9),
	                           .sealed = (int)store_int(stmt, 10),
	                           .on_complete = store_int(stmt, 11)};
}

int queue_batch_get(struct queue *queue, int64_t id, struct arena *arena, struct task_batch *ret, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(store_reader(queue->store), statement(BATCH_GET), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, id);
	r = store_step(stmt, err);
	if (r > 0)
		read_batch(stmt, arena, ret);
	store_end(stmt);
	return r > 0 ? 0 : r ? r : queue_no_batch(err, id);
}

int queue_batches(struct queue *queue, const char *tenant, const char *tenant_like, int64_t before, size_t limit,
                  struct arena *arena, struct task_batch **ret, size_t *ret_n, struct err *err)
{
	struct store_stmt *stmt;
	size_t n = 0;
	int r = store_begin(store_reader(queue->store), statement(BATCH_LIST), &stmt, err);

	if (r)
		return r;
	*ret = arena_alloc(arena, (limit ? limit : 1) * sizeof(**ret));
	store_bind_int(stmt, 1, before ? before : INT64_MAX);
	store_bind_int(stmt, 2, (int64_t)limit);
	store_bind_text(stmt, 3, tenant);
	store_bind_text(stmt, 4, tenant_like);
	while (n < limit && (r = store_step(stmt, err)) > 0)
		read_batch(stmt, arena, &(*ret)[n++]);
	store_end(stmt);
	*ret_n = n;
	return r < 0 ? r : 0;
}
