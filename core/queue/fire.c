/* SPDX-License-Identifier: Apache-2.0 */
/* The time of a schedule has come. One transaction moves next_at from that very time to the one behind it and inserts the
 * task: if it was moved already, nothing happens. So a time fires once, whatever dies in between. The task that is replaced
 * is cancelled in it, too: there are never two of them, and never none. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "queue/end.h"
#include "queue/schedule.h"

#define AGAIN_MS 1000 /* when a firing could not be written */
#define SOON_MS 5     /* when the task that it replaces is about to change: that lasts a write */
#define LATE_MS 10000 /* so much is no delay */

struct fire {
	struct queue *queue;
	struct arena arena;
	struct schedule *schedule;
	struct insert *insert; /* NULL: skipped */
	int64_t at, next, now, missed;
	int is_late; /* too late: the time is missed */
	/* a task to cancel, 0 = none: */
	int64_t replaces, fence; /* its attempt that runs, 0 = none */
	struct end *end;         /* of one that waits, or NULL */
	int is_replaced;         /* has the writer done so */
};

/* ---- the task that is replaced ---------------------------------------------------------------- */

/* Nobody moves it until the firing is written. An attempt that runs may end meanwhile: end.c. */
static int replace_begin(struct queue *queue, struct fire *f, struct live *last)
{
	struct queue_outcome outcome = {.code = ERR_CANCELLED};
	char name[ID_LEN];

	f->replaces = last->id;
	if (live_state(last) == TASK_RUNNING) {
		f->fence = last->running->fence;
		return running_write_down(queue, last);
	}
	id_format('t', f->insert->id, name);
	outcome.error = arena_printf(&f->arena, "replaced by task %s", name);
	f->end = end_begin(queue, last, LIFE_CANCEL, &outcome);
	return f->end ? 0 : ERR_NOMEM;
}

/* On the writer thread, for the sake of `task`. */
static int replace_write(struct fire *f, struct store_db *db, int64_t task, struct err *err)
{
	int r = 0;

	f->is_replaced = task && f->replaces != task && f->insert->replaced != f->replaces;
	if (f->is_replaced && f->end)
		r = end_write(db, f->end, err);
	else if (f->is_replaced && f->fence)
		r = running_cancel_write(db, f->replaces, f->fence, err);
	return r;
}

static void replace_done(struct fire *f, int r)
{
	struct queue *queue = f->queue;
	struct live *last;

	if (f->end)
		end_settle(f->end, r ? r : f->is_replaced ? 0 : ERR_CANCELLED);
	if (r || !f->is_replaced || f->end)
		return;
	last = live_find(queue, f->replaces);
	if (last && !last->settling && live_running(last) && last->running->fence == f->fence)
		running_stop(queue, last, ERR_CANCELLED, "the task was cancelled");
	else if (last)
		queue_cancel(queue, f->replaces, NULL, NULL);
}

/* ---- the firing --------------------------------------------------------------------------------- */

static int fire_write(struct store_db *db, void *arg, struct err *err)
{
	struct fire *f = arg;
	int64_t task = 0;
	int r = 0;

	if (f->insert) {
		r = insert_write(f->queue, db, f->insert, 0, &f->arena, err);
		task = f->insert->result.code ? 0 : f->insert->result.id;
	}
	if (!r && f->replaces)
		r = replace_write(f, db, task, err);
	if (!r)
		r = store_run(db, err, statement(SCHEDULE_FIRE), "siiiii", f->schedule->public.name, f->at, f->next,
		              task, (int64_t)(!task && !f->is_late), f->missed);
	if (!r && !store_changes(db))
		r = err_set(err, ERR_CONFLICT, "this time has been fired already");
	return r;
}

static void note_fired(struct queue *queue, struct fire *f, int64_t task)
{
	struct queue_schedule *p = &f->schedule->public;

	p->next_at = f->next;
	p->skipped += !task && !f->is_late;
	p->missed += f->missed;
	if (!task)
		return;
	p->last_at = f->at;
	p->last_task = task;
	p->fired++;
	queue->events.on_ready(queue->events.ctx);
}

static void fire_done(void *arg, int r, const struct err *err)
{
	struct fire *f = arg;
	struct queue *queue = f->queue;
	struct schedule *s = f->schedule;

	if (f->insert)
		inserts_done(queue, f->insert, 1, r);
	if (f->replaces)
		replace_done(f, r);
	if (!r)
		note_fired(queue, f, f->insert && !f->insert->result.code ? f->insert->result.id : 0);
	else if (!s->next_version && !s->is_gone)
		log_warn("schedule.fire", LOG_STR("schedule", s->public.name), LOG_STR("error", err->text));
	s->settling = 0;
	if (s->is_gone)
		schedule_free(s);
	else if (s->next_version)
		schedule_put_version(queue, s);
	else
		schedule_arm(queue, s, r ? clock_wall_ms() + AGAIN_MS : 0);
	arena_done(&f->arena);
	free(f);
}

/* Times that count from the firing become times. */
static struct task_spec *spec_at(struct queue *queue, struct arena *arena, const struct task_spec *from, int64_t now)
{
	struct task_spec *spec = spec_copy(queue, arena, from, 1);

	spec->run_at = from->run_at ? now + from->run_at : 0;
	spec->expires_at = from->expires_at ? now + from->expires_at : 0;
	spec->deadline = from->deadline ? now + from->deadline : 0;
	return spec;
}

/* Times that are too old are passed over; the one left is fired, or the next one waited for. */
static void pass_missed(const struct schedule *s, struct fire *f)
{
	while (f->at && f->now - f->at > s->public.catchup_ms && f->next && f->next <= f->now) {
		f->missed++;
		f->at = f->next;
		f->next = schedule_next(s, f->next);
	}
}

static void fire(struct queue *queue, struct schedule *s, int64_t now)
{
	struct live *last = live_find(queue, s->public.last_task);
	struct fire *f = calloc(1, sizeof(*f));
	int64_t from = s->public.next_at;
	int r = 0;

	heap_del(&queue->fires, &s->due);
	if (!f)
		return;
	arena_init(&f->arena);
	f->queue = queue;
	f->schedule = s;
	f->at = from;
	f->next = schedule_next(s, from);
	f->now = now;
	pass_missed(s, f);
	f->is_late = now - f->at > s->public.catchup_ms && now - f->at > LATE_MS;
	f->missed += f->is_late;
	f->at = from; /* the time that the store knows */
	if (!f->is_late && !(last && s->public.overlap == QUEUE_OVERLAP_SKIP) &&
	    inserts_prepare(queue, &f->arena, spec_at(queue, &f->arena, s->public.spec, now), 1, &f->insert))
		f->insert = NULL;
	if (last && f->insert && s->public.overlap == QUEUE_OVERLAP_REPLACE)
		r = replace_begin(queue, f, last);
	s->settling = 1;
	if (!r)
		r = inserts_hand_over(queue, f->insert, !!f->insert, &f->arena, 0, fire_write, fire_done, f);
	if (r)
		fire_done(f, ERR_NOMEM, &(struct err){.text = "out of memory"});
}

/* What becomes of it could not be part of the firing's write. */
static int is_too_early(const struct queue *queue, const struct schedule *s)
{
	const struct live *last =
		s->public.overlap == QUEUE_OVERLAP_REPLACE ? live_find(queue, s->public.last_task) : NULL;

	return last && last->settling;
}

void schedules_tick(struct queue *queue, int64_t now)
{
	struct heap_node *top;

	while ((top = heap_top(&queue->fires)) && list_entry(top, struct schedule, due)->wake_at <= now) {
		struct schedule *s = list_entry(top, struct schedule, due);

		if (store_is_read_only(queue->store))
			heap_del(&queue->fires, top); /* nothing can become true any more */
		else if (is_too_early(queue, s))
			schedule_arm(queue, s, now + SOON_MS);
		else
			fire(queue, s, now);
	}
}
