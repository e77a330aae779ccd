/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a task as data: which event leads from which state to which, and what else it does.
 * The queue takes every step through life_step, and the explorer of tests/queue walks the same
 * table. Pure: no clock, no memory, no store. */
#ifndef QUEUE_LIFE_H
#define QUEUE_LIFE_H

#include <stdint.h>

#include "queue/queue.h"

enum life_event {
	LIFE_RELEASE, /* the last task it depends on is settled */
	LIFE_DUE,     /* run_at has come */
	LIFE_CLAIM,
	LIFE_BEAT, /* heartbeat, progress or checkpoint of the running attempt */
	LIFE_SUCCEED,
	LIFE_RETRY, /* the attempt failed and another follows */
	LIFE_FAIL,
	LIFE_SNOOZE,  /* the attempt does not count */
	LIFE_STOPPED, /* a running task that was cancelled has stopped */
	LIFE_LOST,    /* nobody runs it any more: the lease or the worker ended; another attempt
	                 follows */
	LIFE_CANCEL,  /* of one that does not run */
	LIFE_EXPIRE,
	LIFE_MOVE, /* another time or priority */
	LIFE_REDRIVE,
	LIFE_EVENTS
};

enum {
	LIFE_FENCED = 1,    /* only who shows the current fence */
	LIFE_NEW_FENCE = 2, /* the number shown becomes the fence */
	LIFE_NO_FENCE = 4,  /* nobody holds it any more */
	LIFE_COUNT = 8,     /* attempt + 1 */
	LIFE_UNCOUNT = 16,  /* attempt - 1 */
	LIFE_CRASHED = 32,  /* crashes + 1 */
	LIFE_ANEW = 64,     /* attempt and crashes 0 */
};

struct life_rule {
	enum task_state from;
	enum life_event event;
	enum task_state to;
	int effects;
};
extern const struct life_rule life_rules[];
extern const int life_n_rules;

struct life {
	uint32_t attempt, max_attempts;
	uint8_t state, crashes; /* enum task_state; crashes stop at 255 */
};

/* The rule for an event, NULL when there is none. */
const struct life_rule *life_rule(enum task_state from, enum life_event event);
/* Whether life_step would take it: 0, ERR_STALE (the fence) or ERR_CONFLICT (no such rule). */
int life_allows(const struct life *life, int64_t fence, enum life_event event, int64_t shown);
/* Takes the step; *fence is the fence of the running attempt, 0 = none. */
int life_step(struct life *life, int64_t *fence, enum life_event event, int64_t shown);

/* What the end of an attempt means. */
struct life_outcome {
	int code;             /* 0 = ok, else ERR_ */
	int cancel_requested; /* somebody asked it to stop */
	int snooze;           /* it asks to be called again */
	int lost;             /* nobody reported: the worker or the agent died */
	int may_retry;        /* the code and its rules allow another attempt; before the deadline */
	int max_crashes;
};
enum life_event life_verdict(const struct life *life, const struct life_outcome *outcome);

#endif
