/* SPDX-License-Identifier: Apache-2.0 */
/* A schedule in RAM: schedule.c keeps them, fire.c makes their tasks. Private to the two; on the loop thread. */
#ifndef QUEUE_SCHEDULE_H
#define QUEUE_SCHEDULE_H

#include "queue/cron.h"
#include "queue/inside.h"

struct schedule {
	struct heap_node due; /* in queue.fires, by wake_at; not while settling or paused */
	struct cron cron;
	struct zone *zone;
	struct arena arena; /* of the texts */
	struct queue_schedule public;
	int64_t wake_at; /* next_at, or later when a firing could not be written */
	int settling, is_gone;
	struct schedule *next_version; /* what it becomes when its firing has ended */
};

int64_t schedule_next(const struct schedule *schedule, int64_t after); /* 0 = never */
/* Into the heap by its next time, if it has one and nothing is under way. */
void schedule_arm(struct queue *queue, struct schedule *schedule, int64_t not_before);
/* The old one makes room for what it has become; what it has lived through stays. */
void schedule_put_version(struct queue *queue, struct schedule *old);
void schedule_free(struct schedule *schedule); /* NULL is fine */

#endif
