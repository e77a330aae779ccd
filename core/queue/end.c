/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an attempt, and of a task, on the writer thread: all that it changes in the store, in one transaction. */
#include "queue/end.h"

#include "base/id.h"

static int write_inserts(struct end *e, struct store_db *db, struct insert *all, size_t n, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++)
		r = insert_write(e->queue, db, all, i, &e->arena, err);
	return r;
}

static int write_attempt(struct end *e, struct store_db *db, struct err *err)
{
	const struct queue_outcome *o = &e->outcome;

	return store_run(db, err, statement(ATTEMPT_PUT), "iiisiisisiii", e->id, e->fence, (int64_t)e->attempt,
	                 e->worker, e->started_at, e->now, verdict_outcome(o, e->event), (int64_t)o->code, o->error,
	                 (int64_t)o->usage.exit, o->usage.cpu_ms, o->usage.rss_kib);
}

static int write_done(struct end *e, struct store_db *db, struct err *err)
{
	const struct queue_outcome *o = &e->outcome;

	return store_run(db, err, statement(DONE_PUT), "iiisiisissisiiii", e->id, (int64_t)e->to, (int64_t)e->attempt,
	                 e->worker, e->started_at, e->now, o->result, (int64_t)o->code, o->error, o->error_where,
	                 e->fence, verdict_outcome(o, e->event), (int64_t)o->usage.exit, o->usage.cpu_ms,
	                 o->usage.rss_kib, e->now + e->retain_ms);
}

/* Nothing ends that was never accepted: the put that this attempt was ahead of has been refused. */
static int is_there(const struct end *e, const struct store_db *db, struct err *err)
{
	if (!(e->flags & LIVE_EARLY) || store_changes(db))
		return 0;
	return err_set(err, ERR_STALE, "the task was not accepted");
}

static int write_end(struct end *e, struct store_db *db, struct err *err)
{
	int r = write_done(e, db, err);

	if (!r)
		r = store_run(db, err, statement(LIVE_DEL), "i", e->id);
	if (!r)
		r = is_there(e, db, err);
	if (!r && e->flags & LIVE_UNIQUE)
		r = store_run(db, err, statement(UNIQ_DEL), "i", e->id);
	if (!r && e->flags & LIVE_CHECKPOINT && e->to != TASK_SUCCEEDED)
		r = store_run(db, err, statement(CHECKPOINT_KEEP), "i", e->id);
	if (!r && e->flags & LIVE_CHECKPOINT)
		r = store_run(db, err, statement(CHECKPOINT_DEL), "i", e->id);
	if (!r)
		r = depend_end_write(e->queue, db, e->id, e->to, &e->arena, &e->released, &e->n_released, err);
	if (!r && e->batch)
		r = batch_end_write(db, e->batch, e->to, e->now, 1, &e->complete, err);
	if (!r && e->to == TASK_SUCCEEDED)
		r = write_inserts(e, db, e->next, e->n_next, err);
	if (!r && e->state)
		r = state_write(db, e->state, err);
	return r ? r : write_inserts(e, db, e->always, e->n_always, err);
}

/* Its verdict was spoken before, and its row must not go with the mark on it. */
static int is_cancelled(struct end *e, struct store_db *db, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, statement(RUN_CANCELLED), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, e->id);
	r = store_step(stmt, err);
	store_end(stmt);
	e->is_stopped = r > 0;
	return r > 0 ? err_set(err, ERR_CANCELLED, "the task was cancelled") : r;
}

int end_write(struct store_db *db, void *arg, struct err *err)
{
	struct end *e = arg;
	int r = 0;

	e->is_stopped = 0;
	if (e->is_written && e->to == TASK_SCHEDULED)
		r = is_cancelled(e, db, err);
	if (!r && e->is_written)
		r = store_run(db, err, statement(RUN_DEL), "i", e->id);
	if (r)
		return r;
	if (e->to != TASK_SCHEDULED)
		return write_end(e, db, err);
	r = write_attempt(e, db, err);
	if (!r)
		r = store_run(db, err, statement(LIVE_SET), "iiiii", e->id, e->run_at, (int64_t)e->attempt,
		              (int64_t)e->crashes, e->expires_at);
	return r ? r : is_there(e, db, err);
}

/* What its end has to know of a task that waits, and how long it is kept behind it. */
static int read_replaced(struct end *e, struct store_db *db, struct err *err)
{
	struct queue_settings settings;
	struct task_spec policy = {0};
	struct store_stmt *stmt;
	int r = store_begin(db, statement(REPLACED_GET), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, e->id);
	r = store_step(stmt, err);
	if (r > 0) {
		e->batch = store_int(stmt, 0);
		r = spec_unpack(store_text(stmt, 1), &e->arena, &policy);
		settings_from_text(&settings, store_text(stmt, 2));
	}
	store_end(stmt);
	if (!r)
		e->retain_ms = verdict_retain_ms(e, &policy, &settings);
	return r;
}

int end_write_replaced(struct queue *queue, struct store_db *db, struct insert *in, struct err *err)
{
	struct end e = {.queue = queue,
	                .id = in->replaced,
	                .now = in->now,
	                .event = LIFE_CANCEL,
	                .to = TASK_CANCELLED,
	                .flags = LIVE_UNIQUE | LIVE_CHECKPOINT};
	char name[ID_LEN];
	int r;

	id_format('t', in->id, name);
	arena_init(&e.arena);
	e.outcome = (struct queue_outcome){.code = ERR_CANCELLED,
	                                   .outcome = "cancelled",
	                                   .error = arena_printf(&e.arena, "replaced by task %s", name)};
	r = read_replaced(&e, db, err);
	if (!r)
		r = write_end(&e, db, err);
	in->complete = e.complete;
	arena_done(&e.arena);
	return r;
}
