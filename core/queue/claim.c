/* SPDX-License-Identifier: Apache-2.0 */
/* A task is claimed and runs: fences, leases, heartbeats, progress, checkpoints.
 *
 * Who claims gets a fence. A worker of this agent needs no lease: its process is watched, and its
 * end is known at once. A remote worker has a lease and keeps it by heartbeats; it must stop at the
 * lease's end by itself, and a grace later the task is taken from it. A running attempt that should
 * stop (cancel, timeout, deadline, no news) is told so: by on_stop, or with its next heartbeat, and
 * its lease is not extended any more. Times of running attempts are monotonic. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "queue/inside.h"

#define CHECKPOINT_MAX (12u << 20)

/* ---- the timers of what runs --------------------------------------------------------------- */

static int64_t sooner(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

static int64_t running_due(const struct queue *queue, const struct running *run)
{
	int64_t due = run->lease_until ? run->lease_until + queue->config.lease_grace_ms : 0;

	if (!run->stop)
		due = sooner(due, sooner(run->stop_at, run->beat_at));
	return due;
}

static int lease_less(const struct heap_node *a, const struct heap_node *b)
{
	return list_entry(a, struct running, timer)->due < list_entry(b, struct running, timer)->due;
}

void running_set_timer(struct queue *queue, struct running *run)
{
	heap_del(&queue->leases, &run->timer);
	run->due = running_due(queue, run);
	if (run->due)
		heap_add(&queue->leases, &run->timer);
}

void leases_init(struct queue *queue)
{
	heap_init(&queue->leases, lease_less);
	list_init(&queue->running);
}

void running_free(struct queue *queue, struct live *live)
{
	struct running *run = live_running(live);

	if (!run)
		return;
	heap_del(&queue->leases, &run->timer);
	list_del(&run->link);
	free(run);
	live->running = NULL;
}

/* ---- claim
 * ----------------------------------------------------------------------------------------------------
 */

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

int running_unwritten(struct queue *queue, struct live *live)
{
	struct claim *c = live->running->claim;

	if (!c || !c->lazy || !store_take_back(queue->store, c->lazy))
		return 0;
	live->running->claim = NULL;
	free(c);
	return 1;
}

/* From now on it runs. Its limits, on the monotonic clock. */
static void begin(struct queue *queue, struct live *live)
{
	struct running *run = live->running;
	int64_t now = clock_mono_ms(), wall = clock_wall_ms();

	run->started_at = wall;
	run->stop_at = run->timeout_ms ? now + run->timeout_ms : 0;
	if (live->more && live->more->deadline)
		run->stop_at = sooner(run->stop_at, now + live->more->deadline - wall);
	run->beat_at = run->heartbeat_ms ? now + run->heartbeat_ms : 0;
	run->lease_until = run->lease_ms ? now + run->lease_ms : 0;
	running_set_timer(queue, run);
}

/* Until it begins only its deadline counts. */
static void wait_to_begin(struct queue *queue, struct live *live)
{
	struct running *run = live->running;

	run->started_at = clock_wall_ms();
	if (!live->more || !live->more->deadline)
		return;
	run->stop_at = clock_mono_ms() + live->more->deadline - run->started_at;
	running_set_timer(queue, run);
}

static size_t length(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static const char *keep(char **at, const char *s)
{
	char *copy = *at;

	*at += length(s);
	return s ? memcpy(copy, s, length(s)) : NULL;
}

struct running *running_new(const struct task *task)
{
	struct running *run =
		calloc(1, sizeof(*run) + length(task->kind) + length(task->dataset) + length(task->trace));
	char *at = run ? run->texts : NULL;

	if (!run)
		return NULL;
	list_init(&run->link);
	run->kind = keep(&at, task->kind);
	run->dataset = keep(&at, task->dataset);
	run->trace = keep(&at, task->trace);
	return run;
}

void running_start(struct queue *queue, struct live *live, struct running *run, const struct task *task,
                   const struct queue_claim_ask *ask)
{
	live->running = run;
	run->live = live;
	str_copy(run->worker, sizeof(run->worker), ask->worker ? ask->worker : "");
	run->timeout_ms = task->timeout_ms;
	run->heartbeat_ms = task->policy->heartbeat_ms;
	run->lease_ms = run->kept_ms = ask->lease_ms;
	(ask->begins_later ? wait_to_begin : begin)(queue, live);
	metric_observe_ms(&queue->wait_time, (double)(clock_wall_ms() - live->due));
}

static int claim(struct queue *queue, struct live *live, const struct task *task, const struct queue_claim_ask *ask)
{
	struct running *run = running_new(task);

	if (!run)
		return ERR_NOMEM;
	turn_taken(queue, live);
	lane_del(queue, live);
	heap_del(&queue->timers, &live->timer);
	live_count(queue, live, -1);
	life_step(&live->life, &run->fence, LIFE_CLAIM, store_next_fence(queue->store));
	live_count(queue, live, 1);
	limit_started(queue, live, clock_mono_ms());
	if (live->more)
		live->more->expires_at = live->more->deadline; /* it was started in time */
	running_start(queue, live, run, task, ask);
	list_add_tail(&queue->running, &run->link);
	return running_note(queue, live);
}

static int fits(const struct live *live, const struct queue_claim_ask *ask)
{
	int wanted = live->more && live->more->slots ? (int)live->more->slots : 1;

	if (ask->all_slots && wanted > ask->all_slots)
		wanted = ask->all_slots;
	return !ask->slots || wanted <= ask->slots;
}

int queue_claim(struct queue *queue, const struct queue_claim_ask *ask, struct arena *arena, struct task **ret,
                struct err *err)
{
	struct live *live;
	struct task *task;
	int r;

	*ret = NULL;
	if (store_is_read_only(queue->store) || (ask->lease_ms && store_is_full(queue->store)))
		return 0; /* what is claimed now could not be kept */
	live = turn_pick(queue, ask);
	if (!live)
		return early_claim(queue, ask, arena, ret, err);
	if (!fits(live, ask) || (live->flags & LIVE_UNIQUE && queue->n_contested))
		return 0;
	r = queue_get_ready(queue, live, arena, &task, err);
	if (r)
		return r;
	if (claim(queue, live, task, ask))
		return err_set(err, ERR_NOMEM, "out of memory");
	queue_overlay(queue, task, arena);
	*ret = task;
	queue_tell(queue, live->id, "state", TASK_RUNNING);
	return 0;
}

static struct live *find_running(const struct queue *queue, int64_t id)
{
	struct live *live = live_find(queue, id);

	return live ? live : early_find(queue, id);
}

void queue_begin(struct queue *queue, int64_t id, int64_t fence)
{
	struct live *live = find_running(queue, id);

	if (live && live_running(live) && live->running->fence == fence && !live->settling)
		begin(queue, live);
}

/* ---- while it runs ------------------------------------------------------------------------- */

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
	return store_run(db, err, statement(m->statement), "ii", m->id, m->fence);
}

static void mark_done(void *arg, int r, const struct err *err)
{
	struct mark *m = arg;

	if (m->on_done)
		m->on_done(m->ctx, r, err);
	free(m);
}

struct live *running_of(struct queue *queue, int64_t id, int64_t fence, enum life_event event)
{
	struct live *live = find_running(queue, id);
	struct running *run = live ? live_running(live) : NULL;

	if (run && !live->settling && !life_allows(&live->life, run->fence, event, fence))
		return live;
	queue->stale++;
	return NULL;
}

static void lease_kept(void *ctx, int r, const struct err *err)
{
	struct queue *queue = ctx;

	(void)r;
	(void)err;
	queue->n_promises--;
}

/* A later start of the agent gives it as long as it was ever told. */
static void keep_lease(struct queue *queue, struct running *run)
{
	struct mark *mark = mark_new(run, RUN_LEASE, lease_kept, queue);

	if (mark && !store_write(queue->store, mark_write, mark_done, mark))
		queue->n_promises++;
	else
		free(mark);
}

static void beat(struct queue *queue, struct running *run, int64_t lease_ms)
{
	int64_t now = clock_mono_ms();

	if (run->stop)
		return; /* it should stop: no more time */
	if (lease_ms && run->lease_until) {
		run->lease_ms = lease_ms;
		if (lease_ms > run->kept_ms) {
			run->kept_ms = lease_ms;
			keep_lease(queue, run);
		}
	}
	if (run->lease_until)
		run->lease_until = now + run->lease_ms;
	if (run->heartbeat_ms)
		run->beat_at = now + run->heartbeat_ms;
	if (run->lease_until || run->heartbeat_ms)
		running_set_timer(queue, run);
}

int queue_heartbeat(struct queue *queue, int64_t id, int64_t fence, int64_t lease_ms)
{
	struct live *live = running_of(queue, id, fence, LIFE_BEAT);

	if (!live)
		return ERR_STALE;
	beat(queue, live->running, lease_ms);
	return live->running->stop;
}

int queue_progress(struct queue *queue, int64_t id, int64_t fence, int64_t done, int64_t total, int64_t rows,
                   int64_t rejected, const char *note)
{
	struct live *live = running_of(queue, id, fence, LIFE_BEAT);
	struct running *run;

	if (!live)
		return ERR_STALE;
	run = live->running;
	beat(queue, run, 0);
	run->done = done;
	run->total = total;
	run->rows = rows;
	run->rejected = rejected;
	str_copy(run->note, sizeof(run->note), note ? note : "");
	if (!(live->flags & LIVE_EARLY))
		queue_tell(queue, id, "progress", TASK_RUNNING);
	return 0;
}

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
	beat(queue, live->running, 0);
	return 0;
}

/* ---- time is up
 * -------------------------------------------------------------------------------------------------
 */

void running_stop(struct queue *queue, struct live *live, int code, const char *why)
{
	struct running *run = live->running;

	if (run->stop)
		return;
	run->stop = code;
	running_set_timer(queue, run);
	queue->events.on_stop(queue->events.ctx, live->id, run->fence, code, why);
}

int running_cancel(struct queue *queue, struct live *live, queue_done_fn on_done, void *ctx)
{
	struct mark *mark = mark_new(live->running, RUN_CANCEL, on_done, ctx);
	int r = mark ? 0 : ERR_NOMEM;

	if (!r && running_unwritten(queue, live))
		r = write_claim(queue, live, 1);
	if (!r)
		r = store_write(queue->store, mark_write, mark_done, mark);
	if (r)
		free(mark);
	else
		running_stop(queue, live, ERR_CANCELLED, "the task was cancelled");
	return r;
}

static void rescue(struct queue *queue, struct live *live)
{
	struct running *run = live->running;
	struct queue_outcome outcome = {.code = run->stop ? run->stop : ERR_CRASH,
	                                .outcome = "lost",
	                                .error = "the worker's lease ended without news of it"};

	queue->rescued++;
	finish_attempt(queue, live, &outcome, NULL, NULL);
}

static void stop_late(struct queue *queue, struct live *live)
{
	struct running *run = live->running;
	char why[96];

	snprintf(why, sizeof(why), "the attempt took longer than its timeout of %lld ms", (long long)run->timeout_ms);
	if (live->more && live->more->deadline && live->more->deadline <= clock_wall_ms())
		str_copy(why, sizeof(why), "the deadline of the task has passed");
	running_stop(queue, live, ERR_TIMEOUT, why);
}

static void running_time(struct queue *queue, struct live *live, int64_t now)
{
	struct running *run = live->running;

	if (run->lease_until && run->lease_until + queue->config.lease_grace_ms <= now)
		rescue(queue, live);
	else if (run->stop_at && run->stop_at <= now)
		stop_late(queue, live);
	else if (run->beat_at && run->beat_at <= now)
		running_stop(queue, live, ERR_TIMEOUT, "the attempt gave no news for longer than heartbeat_ms");
}

void leases_tick(struct queue *queue, int64_t now)
{
	struct heap_node *top;

	while ((top = heap_top(&queue->leases)) && list_entry(top, struct running, timer)->due <= now) {
		struct running *run = list_entry(top, struct running, timer);

		heap_del(&queue->leases, top);
		if (!store_is_read_only(queue->store))
			running_time(queue, run->live, now);
	}
}
