/* SPDX-License-Identifier: Apache-2.0 */
/* What the disk is told of an attempt that runs, so that it outlives the agent: its claim, a longer lease, that it shall
 * stop, and how far it has come. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "queue/inside.h"

#define CHECKPOINT_MAX (12u << 20)

/* ---- its claim ----------------------------------------------------------------------------- */

struct claim {
	struct queue *queue;
	struct store_lazy *lazy; /* NULL: it was handed over at once */
	int64_t id, fence, attempt, now, lease_ms;
	int frees_key;
	char worker[64];
};

static int claim_write(struct store_db *db, void *arg, struct err *err)
{
	struct claim *c = arg;
	int r = store_run(db, err, statement(RUN_PUT), "iiisii", c->id, c->fence, c->attempt, c->worker, c->now,
	                  c->lease_ms);

	return r || !c->frees_key ? r : store_run(db, err, statement(UNIQ_DEL), "i", c->id);
}

static void claim_done(void *arg, int r, const struct err *err)
{
	struct claim *c = arg;
	struct live *live = live_find(c->queue, c->id);
	struct running *run = live ? live_running(live) : NULL;

	(void)r;
	(void)err;
	if (run && run->claim == c)
		run->claim = NULL;
	c->queue->n_promises -= c->lease_ms > 0;
	free(c);
}

static int write_claim(struct queue *queue, struct live *live, int at_once)
{
	int frees_key = (live->flags & LIVE_UNIQUE_QUEUED) != 0;
	struct running *run = live->running;
	struct claim *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return ERR_NOMEM;
	*c = (struct claim){queue,           NULL,          live->id,  run->fence, live->life.attempt,
	                    run->started_at, run->lease_ms, frees_key, ""};
	str_copy(c->worker, sizeof(c->worker), run->worker);
	if (at_once)
		r = store_write(queue->store, claim_write, claim_done, c);
	else
		r = store_write_lazy(queue->store, claim_write, claim_done, c, &c->lazy);
	if (r) {
		free(c);
		return r;
	}
	run->claim = c;
	queue->n_promises += c->lease_ms > 0;
	return 0;
}

/* A short attempt is over before its claim is written, and then nobody needs the row. Written at once are those
 * whose claim others must see (a key that is free now), those who have brought down a worker before, and leases: their
 * worker outlives the agent and goes on with what it was told. */
int running_note(struct queue *queue, struct live *live)
{
	return write_claim(queue, live, live->flags & LIVE_UNIQUE || live->life.crashes || live->running->lease_ms);
}

int running_unwritten(struct queue *queue, struct live *live)
{
	struct claim *c = live->running->claim;

	if (!c || !c->lazy || !store_take_back(queue->store, c->lazy))
		return 0;
	live->running->claim = NULL;
	free(c);
	return 1;
}

/* ---- leases: others are told of them only when they are on disk ---------------------------- */

static int nothing_write(struct store_db *db, void *arg, struct err *err)
{
	(void)db;
	(void)arg;
	(void)err;
	return 0;
}

struct promise {
	queue_done_fn on_done;
	void *ctx;
};

static void promise_done(void *arg, int r, const struct err *err)
{
	struct promise *promise = arg;

	promise->on_done(promise->ctx, r, err);
	free(promise);
}

int queue_leases_kept(struct queue *queue, queue_done_fn on_done, void *ctx)
{
	struct promise *promise = queue->n_promises ? malloc(sizeof(*promise)) : NULL;
	int r = promise ? 0 : ERR_NOMEM;

	if (!queue->n_promises)
		return 1;
	if (promise) {
		*promise = (struct promise){on_done, ctx};
		r = store_write(queue->store, nothing_write, promise_done, promise);
	}
	if (r)
		free(promise);
	return r;
}

/* ---- marks on it --------------------------------------------------------------------------- */

/* Something about a running attempt that outlives the agent. */
struct mark {
	int64_t id, fence, lease_ms;
	enum queue_statement statement; /* RUN_LEASE, RUN_CANCEL */
	queue_done_fn on_done;
	void *ctx;
};

static struct mark *mark_new(const struct running *run, enum queue_statement id, queue_done_fn on_done, void *ctx)
{
	struct mark *mark = malloc(sizeof(*mark));

	if (mark)
		*mark = (struct mark){run->live->id, run->fence, run->lease_ms, id, on_done, ctx};
	return mark;
}

static int mark_write(struct store_db *db, void *arg, struct err *err)
{
	const struct mark *m = arg;

	if (m->statement == RUN_LEASE)
		return store_run(db, err, statement(RUN_LEASE), "iii", m->id, m->fence, m->lease_ms);
	return running_cancel_write(db, m->id, m->fence, err);
}

static void mark_done(void *arg, int r, const struct err *err)
{
	struct mark *m = arg;

	if (m->on_done)
		m->on_done(m->ctx, r, err);
	free(m);
}

static void lease_kept(void *ctx, int r, const struct err *err)
{
	struct queue *queue = ctx;

	(void)r;
	(void)err;
	queue->n_promises--;
}

/* A later start of the agent gives it as long as it was ever told. */
void running_note_lease(struct queue *queue, struct running *run)
{
	struct mark *mark = mark_new(run, RUN_LEASE, lease_kept, queue);

	if (mark && !store_write(queue->store, mark_write, mark_done, mark))
		queue->n_promises++;
	else
		free(mark);
}

int running_write_down(struct queue *queue, struct live *live)
{
	return running_unwritten(queue, live) ? write_claim(queue, live, 1) : 0;
}

int running_cancel_write(struct store_db *db, int64_t id, int64_t fence, struct err *err)
{
	return store_run(db, err, statement(RUN_CANCEL), "ii", id, fence);
}

int running_cancel(struct queue *queue, struct live *live, queue_done_fn on_done, void *ctx)
{
	struct mark *mark = mark_new(live->running, RUN_CANCEL, on_done, ctx);
	int r = mark ? 0 : ERR_NOMEM;

	if (!r)
		r = running_write_down(queue, live);
	if (!r)
		r = store_write(queue->store, mark_write, mark_done, mark);
	if (r)
		free(mark);
	else
		running_stop(queue, live, ERR_CANCELLED, "the task was cancelled");
	return r;
}

/* ---- how far it has come ------------------------------------------------------------------- */

struct checkpoint {
	int64_t id;
	char *text;
	queue_done_fn on_done;
	void *ctx;
};

static int checkpoint_write(struct store_db *db, void *arg, struct err *err)
{
	struct checkpoint *c = arg;
	int r = store_run(db, err, statement(CHECKPOINT_PUT), "is", c->id, c->text);

	return r || store_changes(db) ? r : err_set(err, ERR_STALE, "the task of the checkpoint was not accepted");
}

static void checkpoint_done(void *arg, int r, const struct err *err)
{
	struct checkpoint *c = arg;

	if (c->on_done)
		c->on_done(c->ctx, r, err);
	free(c->text);
	free(c);
}

int queue_checkpoint(struct queue *queue, int64_t id, int64_t fence, const char *checkpoint, queue_done_fn on_done,
                     void *ctx)
{
	struct live *live = running_of(queue, id, fence, LIFE_BEAT);
	struct checkpoint *c;

	if (!live)
		return ERR_STALE;
	if (strlen(checkpoint) > CHECKPOINT_MAX)
		return ERR_LIMIT;
	c = malloc(sizeof(*c));
	if (!c)
		return ERR_NOMEM;
	*c = (struct checkpoint){id, strdup(checkpoint), on_done, ctx};
	if (!c->text || store_write(queue->store, checkpoint_write, checkpoint_done, c)) {
		free(c->text);
		free(c);
		return ERR_NOMEM;
	}
	live->flags |= LIVE_CHECKPOINT;
	running_beat(queue, live->running, 0);
	return 0;
}
