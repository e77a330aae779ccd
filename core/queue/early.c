/* SPDX-License-Identifier: Apache-2.0 */
/* A task starts while its put is on its way to the disk.
 *
 * Until the fsync nobody has been promised anything, and nothing hinders a worker that is idle from beginning: only what is
 * seen must wait. So the attempt stands outside of all that others look into (tasks by id, lists, counts, news) until its
 * put is durable, and is then admitted as one that runs. What it writes meanwhile, a checkpoint or its end, is handed to the
 * writer behind the put, goes with the same group or a later one, and insists on the row of the task. So when the put is
 * refused (the disk is full, the commit failed) all of it is, and the worker is told to stop.
 *
 * Offered are single tasks about which nobody has to decide anything: no key, no limit, nothing they wait for, no time.
 * They are taken when nobody else may run, so that they pass nobody. */
#include <stdlib.h>

#include "base/clock.h"
#include "queue/inside.h"

/* With more of them that wait, or are under way, a worker gets more at once when they are durable. */
#define OFFERED_MAX 4
#define COMING_MAX 8
#define HOLD_MS 5 /* so long a put waits for the end of its task, if nobody waits for anything else */

void early_init(struct queue *queue)
{
	list_init(&queue->offered);
	list_init(&queue->started);
}

/* ---- offered ------------------------------------------------------------------------------- */

/* Limits of the whole queue are counted by tasks that are known. */
static int is_open(const struct channel *channel)
{
	const struct queue_settings *s = &channel->settings;

	return !s->paused && !s->remote && !channel->is_apart && !s->max_running && !s->rate;
}

static int is_plain(const struct insert *in)
{
	const struct task_spec *s = in->spec;

	return !in->policy && !in->flags && !in->expires_at && !s->idempotency_key && !s->unique_key && !s->batch &&
	       !s->n_depends_on && s->run_at <= in->now;
}

void early_offer(struct queue *queue, struct early *early, struct insert *in, const void *put, int may_wait)
{
	if (!is_plain(in) || !is_open(in->lane->channel))
		return;
	early->in = in;
	early->put = put;
	early->may_wait = may_wait;
	list_add_tail(&queue->offered, &early->link);
	queue->events.on_ready(queue->events.ctx);
}

static int64_t vstart_of(const struct insert *in)
{
	return in->now + in->spec->priority * in->lane->channel->aging_ms;
}

static struct early *first_offered(const struct queue *queue)
{
	struct early *first = NULL;
	int n = 0;

	list_each (item, (struct list *)&queue->offered) {
		struct early *early = list_entry(item, struct early, link);

		if (++n > OFFERED_MAX)
			return NULL;
		if (is_open(early->in->lane->channel) && (!first || vstart_of(early->in) < vstart_of(first->in)))
			first = early;
	}
	return first;
}

/* ---- started ------------------------------------------------------------------------------- */

static void hold_put(struct queue *queue, struct early *early)
{
	if (early->may_wait && store_defer(queue->store, early->put))
		early->held_until = clock_mono_ms() + HOLD_MS;
}

static int start(struct queue *queue, struct early *early, const struct queue_claim_ask *ask, struct task *task)
{
	struct insert *in = early->in;
	struct running *run = running_new(task);
	struct live *live = run ? live_make(queue, in->id, in->lane) : NULL;

	if (!live) {
		free(run);
		return ERR_NOMEM; /* it starts when it is durable */
	}
	live->priority = (uint8_t)in->spec->priority;
	live->due = in->now;
	live->flags = LIVE_EARLY;
	live->life = (struct life){.max_attempts = (uint32_t)in->spec->max_attempts, .state = TASK_READY};
	life_step(&live->life, &run->fence, LIFE_CLAIM, store_next_fence(queue->store));
	running_start(queue, live, run, task, ask);
	in->started = live;
	list_add_tail(&queue->started, &early->link);
	hold_put(queue, early);
	queue->early++;
	task->state = TASK_RUNNING;
	task->attempt = (int)live->life.attempt;
	task->fence = run->fence;
	task->started_at = run->started_at;
	return 0;
}

int early_claim(struct queue *queue, const struct queue_claim_ask *ask, struct arena *arena, struct task **ret,
                struct err *err)
{
	struct early *early;
	struct task task;

	if (!ask->may_start || ask->queues || queue->n_coming > COMING_MAX || store_is_full(queue->store))
		return 0;
	while ((early = first_offered(queue))) {
		list_del(&early->link); /* asked once */
		task = fresh_task(early->in);
		if (!ask->may_start(ask->ctx, &task))
			continue;
		*ret = fresh_copy(&task, arena);
		if (!start(queue, early, ask, *ret))
			return 0;
		*ret = NULL;
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	return 0;
}

struct live *early_find(const struct queue *queue, int64_t id)
{
	list_each (item, (struct list *)&queue->started) {
		const struct early *early = list_entry(item, struct early, link);

		if (early->in->id == id)
			return early->in->started;
	}
	return NULL;
}

/* ---- what becomes of it -------------------------------------------------------------------- */

void early_admit(struct queue *queue, const struct insert *in)
{
	struct live *live = in->started;

	live_link(queue, live);
	live->flags &= (uint8_t)~LIVE_EARLY;
	live_count(queue, live, 1);
	list_add_tail(&queue->running, &live->running->link);
	fresh_put_claimed(queue, in);
	queue->submitted++;
	if (!live->settling)
		running_note(queue, live);
	queue_tell(queue, live->id, "state", TASK_READY);
	queue_tell(queue, live->id, "state", TASK_RUNNING);
}

void early_drop(struct queue *queue, const struct insert *in)
{
	struct live *live = in->started;

	if (!live->settling)
		queue->events.on_stop(queue->events.ctx, live->id, live->running->fence, ERR_CANCELLED,
		                      "the task was not accepted");
	running_free(queue, live);
	live_forget(queue, live);
}

/* The store is closed: nobody will tell what became of them. */
void early_free(struct queue *queue)
{
	list_each (item, &queue->started) {
		struct early *early = list_entry(item, struct early, link);

		running_free(queue, early->in->started);
		put_free(early);
	}
	list_each (item, &queue->offered)
		put_free(list_entry(item, struct early, link));
}

/* ---- puts that wait for the end ------------------------------------------------------------ */

int64_t early_due(const struct queue *queue)
{
	list_each (item, (struct list *)&queue->started) {
		const struct early *early = list_entry(item, struct early, link);

		if (early->held_until)
			return early->held_until; /* the first is the oldest */
	}
	return 0;
}

void early_tick(struct queue *queue, int64_t now)
{
	if (!early_due(queue) || early_due(queue) > now)
		return;
	list_each (item, &queue->started)
		list_entry(item, struct early, link)->held_until = 0;
	store_hurry(queue->store);
}
