/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an attempt, on its way: decided on the loop thread (verdict.c), written on that of the writer (end.c), and taken
 * over into RAM on the loop thread again (finish.c). Private to these, and to whoever ends a task in a write of his own. */
#ifndef QUEUE_END_H
#define QUEUE_END_H

#include "queue/inside.h"

struct end {
	struct queue *queue;
	struct arena arena;
	int64_t id, fence, now;
	enum life_event event;
	enum task_state to;                      /* a final state, or SCHEDULED for another try */
	int attempt, crashes, flags, is_written; /* is_written: there is a row of the run */
	int64_t run_at, started_at, batch, expires_at, retain_ms;
	const char *worker;
	struct task *brief; /* NULL: it did not run */
	struct queue_outcome outcome;
	struct insert *next, *always; /* tasks that come into being with a success, with any end */
	size_t n_next, n_always;
	struct state_write *state; /* that changes with a success, or NULL */
	/* what the writer leaves */
	int is_stopped; /* no other try: there is the mark of a cancellation that RAM does not have yet */
	int64_t *released, complete;
	size_t n_released;
	queue_done_fn on_done;
	void *ctx;
};

/* ---- verdict.c: what becomes of a task whose attempt has ended so ---------------------------- */
struct verdict {
	enum life_event event;
	int64_t run_at; /* of another try */
};
struct verdict verdict_of(const struct queue *queue, const struct live *live, const struct queue_outcome *outcome);
/* The word for the attempt; NULL: it succeeded. */
const char *verdict_outcome(const struct queue_outcome *outcome, enum life_event event);
/* How long its end is kept. */
int64_t verdict_retain_ms(const struct end *e, const struct task_spec *policy, const struct queue_settings *settings);

/* ---- end.c, a store_write_fn: `end` is a struct end ------------------------------------------- */
int end_write(struct store_db *db, void *end, struct err *err);

/* ---- finish.c: an end within the write of another --------------------------------------------- */
/* Of one that waits; it is settling from now on. NULL without memory: nothing has happened. */
struct end *end_begin(struct queue *queue, struct live *live, enum life_event event,
                      const struct queue_outcome *outcome);
/* What became of end_write; r: nothing, and the task stands where it stood. Frees it. */
void end_settle(struct end *e, int r);

#endif
