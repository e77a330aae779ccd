/* SPDX-License-Identifier: Apache-2.0 */
/* Claim, checkpoint, finish, retry, cancel: the changes of a task's state.
 *
 * RAM decides (fence, state), the writer writes, and when it is durable RAM follows and the news goes out.
 * Between the two the task is `settling`: nobody else may move it. Only the claim runs ahead of its write:
 * a power cut then loses an attempt count and nothing else. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/list.h"
#include "base/str.h"
#include "queue/inside.h"

struct change {
	struct queue *queue;
	struct arena arena;
	int64_t id, fence, now;
	enum task_state to;       /* a final state, or SCHEDULED for another try */
	int attempt, crashes, keeps_run;
	int64_t run_at, started_at;
	const char *worker, *checkpoint;
	struct queue_outcome outcome;
	struct task_spec *next;
	struct queue_put_result *next_results;
	int64_t *next_ids;
	queue_done_fn on_done;
	void *ctx;
};

static struct change *change_new(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx)
{
	struct change *change = calloc(1, sizeof(*change));

	if (!change)
		return NULL;
	arena_init(&change->arena);
	change->queue = queue;
	change->id = id;
	change->now = clock_wall_ms();
	change->on_done = on_done;
	change->ctx = ctx;
	return change;
}

static void change_free(struct change *change)
{
	arena_done(&change->arena);
	free(change);
}

static int change_submit(struct change *change, store_write_fn write, store_done_fn done)
{
	int r = store_write(change->queue->store, write, done, change);

	if (r)
		change_free(change);
	return r;
}

static void change_told(struct change *change, int r, const struct err *err)
{
	if (change->on_done)
		change->on_done(change->ctx, r, err);
	change_free(change);
}

static int end_live(struct queue *queue, struct live *live, enum task_state to,
                    const struct queue_outcome *outcome, queue_done_fn on_done, void *ctx);

/* ---- claim --------------------------------------------------------------------------------------- */

static int claim_write(struct store_db *db, void *arg, struct err *err)
{
	struct change *c = arg;
	int r = store_run(db, err, statement(RUN_PUT), "iiisi", c->id, c->fence, (int64_t)c->attempt, c->worker,
	                  c->now);

	return r ? r : store_run(db, err, statement(LIVE_SET), "iiii", c->id, c->run_at, (int64_t)c->attempt,
	                         (int64_t)c->crashes);
}

static void claim_done(void *arg, int r, const struct err *err)
{
	struct change *change = arg;

	if (!r)
		queue_tell(change->queue, change->id, "state", TASK_RUNNING);
	change_told(change, r, err);
}

static int claim(struct queue *queue, struct live *live, const char *worker)
{
	struct change *change = change_new(queue, live->id, NULL, NULL);

	if (!change)
		return ERR_NOMEM;
	live->attempt++;
	live->fence = store_next_fence(queue->store);
	live->started_at = change->now;
	live->done = live->total = live->rows = live->rejected = 0;
	live->note[0] = '\0';
	live->cancel_requested = 0;
	live->expires_at = 0; /* it was started in time */
	str_copy(live->worker, sizeof(live->worker), worker ? worker : "");
	metric_observe_ms(&queue->wait_time, (double)(change->now - live->run_at));
	live_enter(queue, live, TASK_RUNNING);
	change->fence = live->fence;
	change->attempt = live->attempt;
	change->crashes = live->crashes;
	change->run_at = live->run_at;
	change->worker = arena_str(&change->arena, live->worker);
	return change_submit(change, claim_write, claim_done);
}

static int is_wanted(const char *const *kinds, const char *kind)
{
	if (!kinds)
		return 1;
	for (; *kinds; kinds++)
		if (!strcmp(*kinds, kind))
			return 1;
	return 0;
}

static void expire(struct queue *queue, struct live *live)
{
	struct queue_outcome outcome = {.code = ERR_TIMEOUT,
	                                .error = "the task was not started before expires_at"};

	live->started_at = 0;
	end_live(queue, live, TASK_EXPIRED, &outcome, NULL, NULL);
}

/* The first that may run; those whose end came before the tick that would have told are ended here. */
static struct live *first_ready(struct queue *queue)
{
	struct heap_node *top;
	int64_t now = clock_wall_ms();

	while ((top = heap_top(&queue->ready))) {
		struct live *live = list_entry(top, struct live, ready);

		if (!live->expires_at || live->expires_at > now)
			return live;
		expire(queue, live);
	}
	return NULL;
}

int queue_claim(struct queue *queue, const char *const *kinds, const char *worker, struct arena *arena,
                struct task **ret, struct err *err)
{
	struct live *live;
	struct task *task;
	int r;

	*ret = NULL;
	live = store_is_read_only(queue->store) ? NULL : first_ready(queue);
	if (!live)
		return 0;
	r = queue_get(queue, live->id, arena, &task, err);
	if (r || !is_wanted(kinds, task->kind))
		return r;
	r = claim(queue, live, worker);
	if (r)
		return err_set(err, r, "out of memory");
	queue_overlay(queue, task, arena);
	*ret = task;
	return 0;
}

/* ---- while it runs --------------------------------------------------------------------------------- */

static struct live *running(struct queue *queue, int64_t id, int64_t fence)
{
	struct live *live = live_find(queue, id);

	if (live && live->state == TASK_RUNNING && live->fence == fence && !live->settling)
		return live;
	queue->stale++;
	return NULL;
}

int queue_progress(struct queue *queue, int64_t id, int64_t fence, int64_t done, int64_t total, int64_t rows,
                   int64_t rejected, const char *note)
{
	struct live *live = running(queue, id, fence);

	if (!live)
		return ERR_STALE;
	live->done = done;
	live->total = total;
	live->rows = rows;
	live->rejected = rejected;
	str_copy(live->note, sizeof(live->note), note ? note : "");
	queue_tell(queue, id, "progress", TASK_RUNNING);
	return 0;
}

static int checkpoint_write(struct store_db *db, void *arg, struct err *err)
{
	struct change *change = arg;

	return store_run(db, err, statement(CHECKPOINT_PUT), "is", change->id, change->checkpoint);
}

static void checkpoint_done(void *arg, int r, const struct err *err)
{
	change_told(arg, r, err);
}

int queue_checkpoint(struct queue *queue, int64_t id, int64_t fence, const char *checkpoint,
                     queue_done_fn on_done, void *ctx)
{
	struct change *change;

	if (!running(queue, id, fence))
		return ERR_STALE;
	if (strlen(checkpoint) > 1 << 20)
		return ERR_LIMIT;
	change = change_new(queue, id, on_done, ctx);
	if (!change)
		return ERR_NOMEM;
	change->checkpoint = arena_str(&change->arena, checkpoint);
	return change_submit(change, checkpoint_write, checkpoint_done);
}

/* ---- the end of an attempt --------------------------------------------------------------------------- */

static const char *outcome_of(const struct queue_outcome *outcome)
{
	if (outcome->outcome)
		return outcome->outcome;
	switch (outcome->code) {
	case 0:
		return "succeeded";
	case ERR_CANCELLED:
		return "cancelled";
	case ERR_TIMEOUT:
		return "timeout";
	case ERR_CRASH:
		return "crashed";
	default:
		return "failed";
	}
}

/* Full jitter: anywhere between nothing and the exponential bound. */
static int64_t backoff(const struct queue *queue, int attempt, int64_t hint)
{
	int64_t bound = queue->config.retry_initial_ms;

	if (hint > 0)
		return hint;
	for (int i = 1; i < attempt && bound < queue->config.retry_max_ms; i++)
		bound *= 2;
	if (bound > queue->config.retry_max_ms)
		bound = queue->config.retry_max_ms;
	return bound > 0 ? (int64_t)(random_u64() % (uint64_t)(bound + 1)) : 0;
}

static enum task_state decide(const struct queue *queue, struct live *live, const struct queue_outcome *outcome)
{
	if (!outcome->code)
		return TASK_SUCCEEDED;
	if (live->cancel_requested || outcome->code == ERR_CANCELLED)
		return TASK_CANCELLED;
	live->crashes += outcome->code == ERR_CRASH;
	if (err_is_transient(outcome->code) && live->attempt < live->max_attempts &&
	    live->crashes < queue->config.max_crashes)
		return TASK_SCHEDULED;
	return TASK_FAILED;
}

static int write_end(struct change *c, struct store_db *db, struct err *err)
{
	const struct queue_outcome *o = &c->outcome;
	int r = store_run(db, err, statement(DONE_PUT), "iiisiisiss", c->id, (int64_t)c->to, (int64_t)c->attempt,
	                  c->worker, c->started_at, c->now, o->result, (int64_t)o->code, o->error, o->error_where);

	if (!r)
		r = store_run(db, err, statement(UNIQ_DEL), "i", c->id);
	if (!r)
		r = store_run(db, err, statement(LIVE_DEL), "i", c->id);
	if (!r)
		r = store_run(db, err, statement(CHECKPOINT_DEL), "i", c->id);
	for (size_t i = 0; i < o->n_next && !r && c->to == TASK_SUCCEEDED; i++)
		r = queue_insert(c->queue, db, &c->next[i], c->next_ids[i], c->now, &c->next_results[i], err);
	return r;
}

static int finish_write(struct store_db *db, void *arg, struct err *err)
{
	struct change *c = arg;
	int r = 0;

	if (c->fence) {
		r = store_run(db, err, statement(RUN_DEL), "ii", c->id, c->fence);
		if (!r)
			r = store_run(db, err, statement(ATTEMPT_PUT), "iiisiisis", c->id, c->fence, (int64_t)c->attempt,
			              c->worker, c->started_at, c->now, outcome_of(&c->outcome),
			              (int64_t)c->outcome.code, c->outcome.error);
	}
	if (r)
		return r;
	if (c->to == TASK_SCHEDULED)
		return store_run(db, err, statement(LIVE_SET), "iiii", c->id, c->run_at, (int64_t)c->attempt,
		                 (int64_t)c->crashes);
	return write_end(c, db, err);
}

static void follow(struct change *c)
{
	struct queue *queue = c->queue;

	for (size_t i = 0; i < c->outcome.n_next && c->to == TASK_SUCCEEDED; i++)
		if (!c->next_results[i].existed)
			queue_admit(queue, &c->next[i], c->next_ids[i], c->now);
}

static void finish_done(void *arg, int r, const struct err *err)
{
	struct change *c = arg;
	struct queue *queue = c->queue;
	struct live *live = live_find(queue, c->id);
	enum task_state now_in = c->to;

	if (!r && live) {
		if (c->fence)
			metric_observe_ms(&queue->run_time, (double)(c->now - c->started_at));
		if (c->to == TASK_SCHEDULED) {
			live->run_at = c->run_at;
			live->vstart = queue_vstart(queue, 0, c->run_at, live->priority);
			queue->retried++;
			live_place(queue, live);
			now_in = live->state;
		} else {
			queue->finished[c->to]++;
			live_del(queue, live);
		}
		queue_tell(queue, c->id, "state", now_in);
		follow(c);
	} else if (live) {
		live->settling = 0;
	}
	if (c->on_done)
		c->on_done(c->ctx, r, err);
	if (!r)
		queue->events.on_ready(queue->events.ctx);
	change_free(c);
}

static int end_live(struct queue *queue, struct live *live, enum task_state to,
                    const struct queue_outcome *outcome, queue_done_fn on_done, void *ctx)
{
	struct change *c = change_new(queue, live->id, on_done, ctx);

	/* also without memory: a task whose time is over must not be met again by the same loop */
	heap_del(&queue->ready, &live->ready);
	heap_del(&queue->timers, &live->timer);
	if (!c)
		return ERR_NOMEM;
	c->to = to;
	c->fence = live->fence;
	c->attempt = live->attempt;
	c->crashes = live->crashes;
	c->started_at = live->started_at;
	c->worker = arena_str(&c->arena, live->worker);
	c->outcome = *outcome;
	c->outcome.result = arena_str(&c->arena, outcome->result);
	c->outcome.error = arena_str(&c->arena, outcome->error);
	c->outcome.error_where = arena_str(&c->arena, outcome->error_where);
	c->outcome.outcome = arena_str(&c->arena, outcome->outcome);
	c->next = queue_copy_specs(queue, &c->arena, outcome->next, outcome->n_next);
	c->next_results = arena_alloc(&c->arena, outcome->n_next * sizeof(*c->next_results));
	c->next_ids = arena_alloc(&c->arena, outcome->n_next * sizeof(*c->next_ids));
	for (size_t i = 0; i < outcome->n_next; i++)
		c->next_ids[i] = ++queue->last_id;
	if (to == TASK_SCHEDULED)
		c->run_at = c->now + backoff(queue, live->attempt, outcome->retry_after_ms);
	live->settling = 1;
	return change_submit(c, finish_write, finish_done);
}

int queue_finish(struct queue *queue, int64_t id, int64_t fence, const struct queue_outcome *outcome,
                 queue_done_fn on_done, void *ctx)
{
	struct live *live = running(queue, id, fence);

	if (!live)
		return ERR_STALE;
	if (outcome->result && strlen(outcome->result) > 1 << 20)
		return ERR_LIMIT;
	return end_live(queue, live, decide(queue, live, outcome), outcome, on_done, ctx);
}

/* ---- cancel, expire, retry --------------------------------------------------------------------------- */

int queue_cancel(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx)
{
	struct queue_outcome outcome = {.code = ERR_CANCELLED, .error = "the task was cancelled"};
	struct live *live = live_find(queue, id);
	struct arena arena;
	struct task *task;
	int r;

	if (!live) {
		arena_init(&arena);
		r = queue_get(queue, id, &arena, &task, NULL) ? ERR_NOTFOUND : ERR_CONFLICT;
		arena_done(&arena);
		return r;
	}
	if (live->settling)
		return ERR_CONFLICT;
	if (live->state != TASK_RUNNING) {
		live->started_at = 0;
		live->worker[0] = '\0';
		return end_live(queue, live, TASK_CANCELLED, &outcome, on_done, ctx);
	}
	live->cancel_requested = 1;
	queue->events.on_cancel(queue->events.ctx, id, live->fence);
	if (on_done)
		on_done(ctx, 0, &(struct err){0});
	return 0;
}

void queue_wake_timers(struct queue *queue, int64_t now)
{
	struct heap_node *top;
	int woke = 0;

	while ((top = heap_top(&queue->timers))) {
		struct live *live = list_entry(top, struct live, timer);

		if (live->expires_at && live->expires_at <= now) {
			expire(queue, live);
			continue;
		}
		if (live->state != TASK_SCHEDULED || live->run_at > now)
			break;
		live_enter(queue, live, TASK_READY);
		queue_tell(queue, live->id, "state", TASK_READY);
		woke = 1;
	}
	if (woke)
		queue->events.on_ready(queue->events.ctx);
}

static int retry_write(struct store_db *db, void *arg, struct err *err)
{
	struct change *c = arg;
	int r = store_run(db, err, statement(DONE_DEL), "i", c->id);

	if (!r)
		r = store_run(db, err, statement(LIVE_PUT), "iiii", c->id, c->now, (int64_t)0, (int64_t)0);
	if (!r)
		r = store_run(db, err, statement(TASK_ENDLESS), "i", c->id);
	if (!r)
		r = store_run(db, err, statement(UNIQ_TAKE), "i", c->id);
	if (r == ERR_CONFLICT)
		err_set(err, r, "the task, or one with its unique key, waits or runs already");
	return r;
}

static void retry_done(void *arg, int r, const struct err *err)
{
	struct change *c = arg;
	struct queue *queue = c->queue;
	struct task_spec spec = {.priority = c->attempt, .run_at = c->now, .max_attempts = c->crashes};

	if (!r && !live_find(queue, c->id))
		queue_admit(queue, &spec, c->id, c->now);
	if (!r)
		queue->events.on_ready(queue->events.ctx);
	change_told(c, r, err);
}

int queue_retry(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx)
{
	struct change *change;
	struct arena arena;
	struct task *task;
	int r = 0, priority = 0, max_attempts = 0;

	arena_init(&arena);
	if (queue_get(queue, id, &arena, &task, NULL))
		r = ERR_NOTFOUND;
	else if (!task_state_is_final(task->state) || task->state == TASK_SUCCEEDED)
		r = ERR_CONFLICT;
	else {
		priority = task->priority;
		max_attempts = task->max_attempts;
	}
	arena_done(&arena);
	if (r)
		return r;
	change = change_new(queue, id, on_done, ctx);
	if (!change)
		return ERR_NOMEM;
	change->attempt = priority;
	change->crashes = max_attempts;
	return change_submit(change, retry_write, retry_done);
}
