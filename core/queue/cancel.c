/* SPDX-License-Identifier: Apache-2.0 */
/* What people and time do to tasks: cancel, expire, run again, another time. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "queue/inside.h"

/* ---- cancel
 * -------------------------------------------------------------------------------------------------
 */

int cancel_waiting(struct queue *queue, struct live *live, const char *why, queue_done_fn on_done, void *ctx)
{
	struct queue_outcome outcome = {.code = ERR_CANCELLED, .error = why};

	return end_live(queue, live, LIFE_CANCEL, &outcome, 0, on_done, ctx);
}

static int ended_or_unknown(struct queue *queue, int64_t id)
{
	struct arena arena;
	struct task *task;
	int r;

	arena_init(&arena);
	r = queue_get(queue, id, &arena, &task, NULL) ? ERR_NOTFOUND : ERR_CONFLICT;
	arena_done(&arena);
	return r;
}

int queue_cancel(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx)
{
	struct live *live = live_find(queue, id);

	if (!live)
		return ended_or_unknown(queue, id);
	if (live->settling)
		return wish_cancel(queue, id, on_done, ctx);
	if (live_state(live) != TASK_RUNNING)
		return cancel_waiting(queue, live, "the task was cancelled", on_done, ctx);
	return running_cancel(queue, live, on_done, ctx);
}

/* ---- time
 * ---------------------------------------------------------------------------------------------------
 */

void expire(struct queue *queue, struct live *live)
{
	struct queue_outcome outcome = {.code = ERR_TIMEOUT, .error = "the task was not started before expires_at"};

	if (live->life.attempt ||
	    (live->more && live->more->deadline && live->more->deadline == live->more->expires_at))
		outcome.error = "the task had not ended when its deadline came";
	end_live(queue, live, LIFE_EXPIRE, &outcome, 0, NULL, NULL);
}

void wake_timers(struct queue *queue, int64_t now)
{
	struct heap_node *top;
	int woke = 0;

	while ((top = heap_top(&queue->timers))) {
		struct live *live = list_entry(top, struct live, timer);

		if (live_due(live) > now)
			break;
		if (live_expires_at(live) && live_expires_at(live) <= now) {
			expire(queue, live);
			continue;
		}
		live_leave(queue, live);
		live_settle(queue, live);
		queue_tell(queue, live->id, "state", TASK_READY);
		woke = 1;
	}
	if (woke)
		queue->events.on_ready(queue->events.ctx);
}

/* ---- another time or priority -------------------------------------------------------------- */

struct move {
	struct queue *queue;
	int64_t id, run_at;
	int priority;
	queue_done_fn on_done;
	void *ctx;
};

static int move_write(struct store_db *db, void *arg, struct err *err)
{
	struct move *m = arg;
	int r = store_run(db, err, statement(LIVE_MOVE), "iii", m->id, m->run_at, (int64_t)m->priority);

	return r ? r : store_run(db, err, statement(TASK_PRIORITY), "ii", m->id, (int64_t)m->priority);
}

static void move_done(void *arg, int r, const struct err *err)
{
	struct move *m = arg;
	struct queue *queue = m->queue;
	struct live *live = live_find(queue, m->id);
	int64_t no_fence = 0;

	if (live) {
		live_count(queue, live, -1);
		if (!r) {
			live->due = m->run_at;
			live->priority = (uint8_t)m->priority;
			life_step(&live->life, &no_fence, LIFE_MOVE, 0);
		}
		live_settle(queue, live);
		depend_unblock(queue, live); /* what it waited for may have ended meanwhile, well or not */
		depend_look_again(queue, live);
		queue_tell(queue, m->id, "state", live_state(live));
	}
	if (m->on_done)
		m->on_done(m->ctx, r, err);
	wishes_grant(queue, m->id);
	queue->events.on_ready(queue->events.ctx);
	free(m);
}

int queue_reschedule(struct queue *queue, int64_t id, int64_t run_at, int priority, queue_done_fn on_done, void *ctx)
{
	struct live *live = live_find(queue, id);
	struct move *m;

	if (!live)
		return ended_or_unknown(queue, id);
	if (priority > TASK_PRIORITY_MAX)
		return ERR_INVALID;
	if (live->settling)
		return wish_move(queue, id, run_at, priority, on_done, ctx);
	if (live_state(live) == TASK_RUNNING)
		return ERR_CONFLICT;
	m = malloc(sizeof(*m));
	if (!m)
		return ERR_NOMEM;
	*m = (struct move){queue,   id, run_at ? run_at : live->due, priority < 0 ? live->priority : priority,
	                   on_done, ctx};
	if (store_write(queue->store, move_write, move_done, m)) {
		free(m);
		return ERR_NOMEM;
	}
	fresh_drop(queue, id); /* its row changes */
	stand_aside(queue, live);
	live->settling = 1;
	return 0;
}

/* ---- run again ----------------------------------------------------------------------------- */

struct redrive {
	struct queue *queue;
	struct arena arena;
	struct insert *insert;
	struct task *task;
	queue_done_fn on_done;
	void *ctx;
};

static int redrive_write(struct store_db *db, void *arg, struct err *err)
{
	struct redrive *c = arg;
	struct insert *in = c->insert;
	struct lane *lane = in->lane;
	int r = archive_recall(db, in->id, err);

	if (r == ERR_NOTFOUND)
		return err_set(err, ERR_CONFLICT, "the task waits or runs already");
	if (!r)
		r = store_run(db, err, statement(DONE_TO_ATTEMPT), "i", in->id);
	if (!r && in->spec->batch)
		r = batch_end_write(db, in->spec->batch, c->task->state, in->now, -1, NULL, err);
	if (!r)
		r = store_run(db, err, statement(CHECKPOINT_BACK), "i", in->id);
	if (!r)
		r = store_run(db, err, statement(DONE_DEL), "i", in->id);
	if (!r && !store_changes(db))
		return err_set(err, ERR_CONFLICT, "the task waits or runs already");
	if (!r && in->lane_is_new)
		r = store_run(db, err, statement(LANE_PUT), "isssi", lane->id, lane->channel->name, lane->tenant->name,
		              lane_fairness_key(lane), (int64_t)lane->weight);
	if (!r)
		r = store_run(db, err, statement(LIVE_PUT), "iiiiiiiii", in->id, lane->id, (int64_t)in->spec->priority,
		              in->now, in->now, (int64_t)0, (int64_t)in->spec->max_attempts, (int64_t)0,
		              (int64_t)(in->flags & LIVE_STORED));
	if (!r)
		r = store_run(db, err, statement(TASK_ENDLESS), "is", in->id, in->policy);
	if (!r && in->flags & LIVE_UNIQUE)
		r = store_run(db, err, statement(UNIQ_TAKE), "i", in->id);
	if (r == ERR_CONFLICT)
		err_set(err, r, "the task, or one with its unique key, waits or runs already");
	return r;
}

static void redrive_done(void *arg, int r, const struct err *err)
{
	struct redrive *c = arg;
	struct queue *queue = c->queue;

	c->insert->result.id = c->insert->id;
	inserts_done(queue, c->insert, 1, r);
	if (c->on_done)
		c->on_done(c->ctx, r, err);
	if (!r)
		queue->events.on_ready(queue->events.ctx);
	arena_done(&c->arena);
	free(c);
}

/* The task is asked for again as it was, without an end: same id, fresh attempts, which go on behind its last checkpoint. */
static int redrive_prepare(struct redrive *c, const struct task *task)
{
	struct task_spec *spec = arena_dup(&c->arena, task->policy, sizeof(*spec));
	int64_t last_id = c->queue->last_id;
	int r;

	spec->kind = task->kind;
	spec->queue = task->queue;
	spec->tenant = task->tenant;
	spec->unique_key = task->unique_key;
	spec->priority = task->priority;
	spec->max_attempts = task->max_attempts;
	spec->batch = task->batch;
	spec->deadline = 0;
	r = inserts_prepare(c->queue, &c->arena, spec, 1, &c->insert);
	c->queue->last_id = last_id;
	if (!r) {
		c->insert->id = task->id;
		c->insert->is_fresh = 0;
		c->insert->flags |= LIVE_CHECKPOINT;
		fresh_drop(c->queue, task->id);
	}
	return r;
}

int queue_retry(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx)
{
	struct redrive *c = calloc(1, sizeof(*c));
	int r = 0;

	if (!c)
		return ERR_NOMEM;
	arena_init(&c->arena);
	c->queue = queue;
	c->on_done = on_done;
	c->ctx = ctx;
	if (queue_get(queue, id, &c->arena, &c->task, NULL))
		r = ERR_NOTFOUND;
	else if (!life_rule(c->task->state, LIFE_REDRIVE))
		r = ERR_CONFLICT;
	if (!r)
		r = redrive_prepare(c, c->task);
	if (!r && (r = store_write(queue->store, redrive_write, redrive_done, c)))
		inserts_done(queue, c->insert, 1, r);
	if (r) {
		arena_done(&c->arena);
		free(c);
	}
	return r;
}
