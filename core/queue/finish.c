/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an attempt, and of a task: one write each, the RAM follows when it is durable. In
 * between the task is settling: its fence is good for nothing any more, and nobody moves it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "queue/end.h"

#define RESULT_MAX (1u << 20)
/* A receiver may be away for a night: with the bound doubling up to two hours these are more than a day. */
#define CALLBACK_ATTEMPTS 24
#define CALLBACK_RETRY_MAX_MS (2 * 3600 * 1000)
#define CALLBACK_TIMEOUT_MS (60 * 1000)

/* ---- afterwards, on the loop thread -------------------------------------------------------- */

static void end_free(struct end *e)
{
	arena_done(&e->arena);
	free(e);
}

/* RAM goes where the store is. */
static enum task_state take_step(struct queue *queue, struct live *live, struct end *e)
{
	enum task_state to = e->to;
	int64_t fence = e->fence;

	live_leave(queue, live);
	life_step(&live->life, &fence, e->event, e->fence);
	if (to == TASK_SCHEDULED) {
		live->due = e->run_at;
		queue->retried += e->event != LIFE_SNOOZE;
		live_settle(queue, live);
		return live_state(live);
	}
	queue->finished[to]++;
	channel_ended(live->lane->channel, clock_mono_ms());
	live_del(queue, live);
	return to;
}

/* A follow-up that its unique key refuses does not undo the success, and nobody waits for the answer. */
static void tell_refused(const struct end *e)
{
	char name[ID_LEN];

	id_format('t', e->id, name);
	for (size_t i = 0; i < e->n_next; i++)
		if (e->next[i].result.code)
			log_warn("task.follow-up-refused", LOG_STR("task", name),
			         LOG_STR("kind", e->next[i].spec->kind), LOG_STR("error", e->next[i].result.error));
}

static void follow(struct end *e, int r)
{
	struct queue *queue = e->queue;

	if (!r && e->to == TASK_SUCCEEDED)
		tell_refused(e);

	inserts_done(queue, e->next, e->n_next, r ? r : e->to == TASK_SUCCEEDED ? 0 : ERR_CANCELLED);
	inserts_done(queue, e->always, e->n_always, r ? r : e->to == TASK_SCHEDULED ? ERR_CANCELLED : 0);
	if (e->state)
		state_end(queue, e->state, r);
	if (r || e->to == TASK_SCHEDULED)
		return;
	depend_released(queue, e->released, e->n_released);
	if (e->complete)
		depend_released(queue, &e->complete, 1);
	if (e->to != TASK_SUCCEEDED)
		depend_failed(queue, e->id);
}

/* As it is shown now that it has succeeded at its first attempt, if that is known without the store; or NULL. */
static const struct task *show_end(struct end *e)
{
	struct task *ret =
		e->to == TASK_SUCCEEDED && e->attempt == 1 ? fresh_claimed(e->queue, e->id, &e->arena) : NULL;

	if (!ret)
		return NULL;
	ret->state = e->to;
	ret->attempt = e->attempt;
	ret->crashes = e->crashes;
	ret->run_at = 0;
	ret->worker = e->worker;
	ret->started_at = e->started_at;
	ret->finished_at = e->now;
	ret->result = e->outcome.result;
	return ret;
}

/* Who is told may ask for something else at once: what is shown is ours, whatever becomes of the queue meanwhile. */
static void tell_end(struct end *e, enum task_state state)
{
	const struct task *whole = show_end(e);

	queue_tell_end(e->queue, e->id, state, whole ? whole : e->brief, whole != NULL);
}

/* No other try: whatever it was that ended so, the task was cancelled. */
static int end_for_good(struct end *e, struct live *live)
{
	struct queue_outcome outcome = e->outcome;

	outcome.n_next = 0;
	outcome.changes = NULL;
	live->settling = 0;
	live->running->stop = ERR_CANCELLED;
	return finish_attempt(e->queue, live, &outcome, e->on_done, e->ctx);
}

static void end_done(void *arg, int r, const struct err *err)
{
	struct end *e = arg;
	struct queue *queue = e->queue;
	struct live *live = live_find(queue, e->id);

	if (r && e->is_stopped && live && !end_for_good(e, live)) {
		follow(e, r);
		end_free(e);
		return;
	}
	if (!r && e->fence)
		metric_observe_ms(&queue->run_time, (double)(e->now - e->started_at));
	if (!r && live) {
		enum task_state now_in = take_step(queue, live, e);

		tell_end(e, now_in);
		fresh_drop(queue, e->id);
	} else if (live) {
		live->settling = 0;
	}
	follow(e, r);
	if (e->on_done)
		e->on_done(e->ctx, r, err);
	wishes_grant(queue, e->id);
	if (!r)
		queue->events.on_ready(queue->events.ctx);
	end_free(e);
}

/* ---- the request --------------------------------------------------------------------------- */

static int prepare_next(struct end *e, const struct queue_outcome *outcome)
{
	const struct task_spec *specs = spec_copy(e->queue, &e->arena, outcome->next, outcome->n_next);
	int r = inserts_prepare(e->queue, &e->arena, specs, outcome->n_next, &e->next);

	if (!r)
		e->n_next = outcome->n_next;
	return r;
}

/* The callback is a task of its own: it is retried and never holds up the end. */
static int prepare_callback(struct end *e, const struct live *live, const struct task_spec *policy)
{
	struct task_spec spec = {.kind = "callback",
	                         .queue = QUEUE_CALLBACKS,
	                         .priority = -1,
	                         .parent = e->id,
	                         .max_attempts = CALLBACK_ATTEMPTS,
	                         .retry_max_ms = CALLBACK_RETRY_MAX_MS,
	                         .timeout_ms = CALLBACK_TIMEOUT_MS};
	struct arena *arena = &e->arena;
	int r;

	if (!policy->callback || e->to == TASK_SCHEDULED)
		return 0;
	if (policy->callback_states && !(policy->callback_states & 1 << e->to))
		return 0;
	spec.body = policy->callback;
	spec.tenant = live->lane->tenant->name;
	r = inserts_prepare(e->queue, arena, spec_copy(e->queue, arena, &spec, 1), 1, &e->always);
	if (!r)
		e->n_always = 1;
	return r;
}

static int prepare(struct end *e, const struct live *live, const struct queue_outcome *outcome)
{
	const struct queue_settings *settings = &live->lane->channel->settings;
	struct task_spec policy = {0};

	if (live->more)
		spec_unpack(live->more->policy, &e->arena, &policy);
	e->retain_ms = verdict_retain_ms(e, &policy, settings);
	if (outcome->n_next && prepare_next(e, outcome))
		return ERR_NOMEM;
	if (e->to == TASK_SUCCEEDED && outcome->changes && outcome->changes->n_puts &&
	    state_begin(e->queue, &e->arena, outcome->changes, &e->state))
		return ERR_NOMEM;
	return prepare_callback(e, live, &policy);
}

static struct task *brief_of(struct arena *arena, const struct running *run, int attempt)
{
	struct task *task = arena_alloc(arena, sizeof(*task));

	task->kind = arena_str(arena, run->kind);
	task->dataset = arena_str(arena, run->dataset);
	task->trace = arena_str(arena, run->trace);
	task->attempt = attempt;
	return task;
}

static struct end *end_new(struct queue *queue, struct live *live, enum life_event event,
                           const struct queue_outcome *outcome)
{
	struct running *run = live_running(live);
	struct end *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	arena_init(&e->arena);
	e->queue = queue;
	e->id = live->id;
	e->now = clock_wall_ms();
	e->event = event;
	e->to = life_rule(live_state(live), event)->to;
	e->flags = live->flags;
	e->attempt = (int)live->life.attempt - (event == LIFE_SNOOZE);
	e->crashes = live->life.crashes + (event == LIFE_LOST);
	e->batch = live->more ? live->more->batch : 0;
	e->expires_at = live_expires_at(live);
	if (run) {
		e->fence = run->fence;
		e->is_written = !(live->flags & LIVE_EARLY) && !running_unwritten(queue, live);
		e->started_at = run->started_at;
		e->worker = arena_str(&e->arena, run->worker);
		e->brief = brief_of(&e->arena, run, e->attempt);
	}
	e->outcome = *outcome;
	e->outcome.result = arena_str(&e->arena, outcome->result);
	e->outcome.error = arena_str(&e->arena, outcome->error);
	e->outcome.error_where = arena_str(&e->arena, outcome->error_where);
	e->outcome.outcome = arena_str(&e->arena, outcome->outcome);
	if (prepare(e, live, outcome)) {
		follow(e, ERR_NOMEM);
		end_free(e);
		return NULL;
	}
	return e;
}

/* It stands nowhere any more, so that no loop meets it again while its end is written. */
void stand_aside(struct queue *queue, struct live *live)
{
	heap_del(&queue->timers, &live->timer);
	if (live_state(live) == TASK_RUNNING) {
		heap_del(&queue->leases, &live->running->timer);
		return;
	}
	if (live->place == PLACE_FIFO || live->place == PLACE_HEAP)
		lane_del(queue, live);
	limit_leave(queue, live);
}

/* Somebody goes on when it is durable: who asked, a remote worker, a task that is behind it or a limit that it holds. */
static int is_awaited(const struct queue *queue, const struct live *live, const struct end *e)
{
	const struct queue_events *events = &queue->events;
	const struct running *run = live_running(live);

	if (e->to != TASK_SUCCEEDED || live->more || live->flags || !run || run->lease_ms)
		return 1;
	if (e->n_next || e->n_always || e->state || queue->has_deps || live->lane->channel->settings.max_running)
		return 1;
	return events->on_event && (!events->wants_task || events->wants_task(events->ctx, e->id, e->to));
}

static int hand_over(struct queue *queue, const struct live *live, struct end *e)
{
	if (!is_awaited(queue, live, e))
		return store_write_soon(queue->store, end_write, end_done, e);
	return inserts_hand_over(queue, e->next, e->to == TASK_SUCCEEDED ? e->n_next : 0, &e->arena, 0, end_write,
	                         end_done, e);
}

int end_live(struct queue *queue, struct live *live, enum life_event event, const struct queue_outcome *outcome,
             int64_t run_at, queue_done_fn on_done, void *ctx)
{
	struct end *e = end_new(queue, live, event, outcome);
	int r;

	stand_aside(queue, live); /* also without memory */
	if (!e)
		return ERR_NOMEM;
	e->run_at = run_at;
	e->on_done = on_done;
	e->ctx = ctx;
	r = hand_over(queue, live, e);
	if (r) {
		follow(e, r);
		end_free(e);
		return r;
	}
	live->settling = 1;
	return 0;
}

struct end *end_begin(struct queue *queue, struct live *live, enum life_event event,
                      const struct queue_outcome *outcome)
{
	struct end *e = end_new(queue, live, event, outcome);

	if (!e)
		return NULL;
	stand_aside(queue, live);
	live->settling = 1;
	return e;
}

/* What it waits for may have ended meanwhile, well or not. */
static void stand_again(struct queue *queue, struct live *live)
{
	live_count(queue, live, -1);
	live_settle(queue, live);
	depend_unblock(queue, live);
	depend_look_again(queue, live);
}

/* Nobody moves it meanwhile, but who takes its unique key from it ends it on the writer thread. */
void end_settle(struct end *e, int r)
{
	struct queue *queue = e->queue;
	struct live *live = live_find(queue, e->id);

	if (!r) {
		end_done(e, 0, NULL);
		return;
	}
	if (live)
		stand_again(queue, live);
	follow(e, r);
	wishes_grant(queue, e->id);
	queue->events.on_ready(queue->events.ctx); /* who looked meanwhile has not seen it */
	end_free(e);
}

int finish_attempt(struct queue *queue, struct live *live, const struct queue_outcome *outcome, queue_done_fn on_done,
                   void *ctx)
{
	struct verdict verdict = verdict_of(queue, live, outcome);

	return end_live(queue, live, verdict.event, outcome, verdict.run_at, on_done, ctx);
}

int queue_finish(struct queue *queue, int64_t id, int64_t fence, const struct queue_outcome *outcome,
                 queue_done_fn on_done, void *ctx)
{
	struct live *live = running_of(queue, id, fence, outcome->code ? LIFE_FAIL : LIFE_SUCCEED);

	if (!live)
		return ERR_STALE;
	if (outcome->result && strlen(outcome->result) > RESULT_MAX)
		return ERR_LIMIT;
	return finish_attempt(queue, live, outcome, on_done, ctx);
}
