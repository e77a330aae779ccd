/* SPDX-License-Identifier: Apache-2.0 */
/* A task is claimed and begins.
 *
 * Who claims gets a fence. A worker of this agent needs no lease: its process is watched, and its
 * end is known at once. A remote worker has a lease and keeps it by heartbeats, see running.c. What of it is written, and
 * when, is noted.c. */
#include "base/clock.h"
#include "queue/inside.h"

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
