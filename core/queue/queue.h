/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that wait, run and end. A task is always in exactly one state, and every change of state is
 * one database transaction: a crash loses work, never a task.
 *
 *   scheduled → ready → running → succeeded | failed | cancelled | expired
 *   running → scheduled (retry with backoff)      failed → ready (retry by hand)
 *
 * Order: priority 0 (first) … 9 with aging: a task's place is max(created, run_at) + priority *
 * aging_ms, so nothing starves; FIFO within. The order is kept in RAM and rebuilt at start.
 *
 * Fences: each claim gets a number larger than all before (also over restarts). Whoever reports on a
 * running task must show it; a stale one changes nothing and gets ERR_STALE.
 *
 * Threading: all functions on the loop thread. Writes go through the store's writer thread in groups;
 * `on_done` is called on the loop thread after the fsync, and only then is the thing true. Strings in
 * arguments are copied. After the store turned read-only every write gives ERR_READONLY. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/metric.h"
#include "base/option.h"

struct store;
struct queue;

enum task_state {
	TASK_SCHEDULED,
	TASK_READY,
	TASK_RUNNING,
	TASK_SUCCEEDED,
	TASK_FAILED,
	TASK_CANCELLED,
	TASK_EXPIRED,
	TASK_STATES
};

const char *task_state_name(enum task_state state);
int task_state_parse(const char *name, enum task_state *ret); /* 0 or ERR_INVALID */
static inline int task_state_is_final(enum task_state state)
{
	return state >= TASK_SUCCEEDED;
}

#define TASK_PRIORITY_MAX 9
#define TASK_PRIORITY_DEFAULT 5
/* "critical" 0, "high" 2, "normal" 5, "low" 8; or "0" … "9". */
int task_priority_parse(const char *name, int *ret);

/* What is asked for; 0 and NULL mean: the default. */
struct task_spec {
	const char *kind;    /* "ingest", "index", … */
	const char *queue;   /* default "default" */
	const char *dataset; /* for filters; may be NULL */
	const char *body;    /* JSON text of the order, at most 256 KiB */
	const char *labels;  /* JSON object of strings, or NULL */
	const char *trace;   /* W3C traceparent, or NULL */
	const char *idempotency_key; /* same key within 24 h gives the first task again */
	const char *unique_key;      /* while a task with it waits or runs, a second is not made */
	int priority;        /* -1 = default */
	int64_t run_at;      /* wall ms */
	int64_t expires_at;  /* wall ms: not started by then = expired */
	int64_t timeout_ms;  /* per attempt */
	int max_attempts;
	int64_t parent;      /* task id or 0 */
};

struct task {
	int64_t id;
	const char *kind, *queue, *dataset, *body, *labels, *trace;
	enum task_state state;
	int priority, attempt, max_attempts, cancel_requested;
	int64_t created_at, run_at, expires_at, started_at, finished_at; /* wall ms, 0 = not */
	int64_t timeout_ms, parent;
	int64_t fence;          /* of the running attempt */
	const char *worker;     /* of the running or last attempt */
	const char *checkpoint; /* JSON text or NULL */
	const char *result;     /* JSON text or NULL */
	int error_code;         /* ERR_, 0 = none */
	const char *error, *error_where; /* sentence; JSON pointer or place */
	/* of the running attempt, in RAM only */
	int64_t progress_done, progress_total, progress_rows, progress_rejected;
	const char *progress_note;
};

struct task_attempt {
	int attempt;
	int64_t fence, started_at, finished_at;
	const char *worker, *outcome; /* "succeeded", "failed", "crashed", "timeout", "cancelled", "lost" */
	int error_code;
	const char *error;
};

/* One event per fact; `task` lives during the call. */
struct task_event {
	const char *type; /* "state", "progress" */
	const struct task *task;
};

struct queue_config {
	int64_t aging_ms, max_attempts, timeout_ms, retry_initial_ms, retry_max_ms, max_depth, max_crashes;
	int64_t retention_ms;
};
extern const struct option queue_options[];

struct queue_events {
	void *ctx;
	void (*on_ready)(void *ctx);                            /* something may be claimed now */
	void (*on_cancel)(void *ctx, int64_t id, int64_t fence); /* a running task should stop */
	void (*on_event)(void *ctx, const struct task_event *event);
};

/* Reads what waits; attempts that ran when the last agent died become ready again ("lost"). */
int queue_open(struct store *store, const struct queue_config *config,
               const struct queue_events *events, struct queue **ret, struct err *err);
void queue_close(struct queue *queue); /* NULL is fine; drain the store before */

/* Accepts n tasks in one transaction: all or none. on_done gets their ids and, per task, whether it
 * existed already (idempotency or unique key). ERR_CONFLICT: same idempotency key, other body.
 * ERR_LIMIT: the queue is full. */
struct queue_put_result {
	int64_t id;
	int existed;
};
int queue_put(struct queue *queue, const struct task_spec *specs, size_t n,
              void (*on_done)(void *ctx, int r, const struct queue_put_result *results, size_t n,
                              const struct err *err),
              void *ctx, struct err *err);

/* Takes the next due task into `arena`; *ret NULL: nothing is due, or what is first is none of `kinds`
 * (NULL-ended, NULL for any): it is not passed by others. The claim is written with the next group
 * commit; a power cut loses an attempt count at worst. */
int queue_claim(struct queue *queue, const char *const *kinds, const char *worker,
                struct arena *arena, struct task **ret, struct err *err);

typedef void (*queue_done_fn)(void *ctx, int r, const struct err *err);

/* RAM only; makes a progress event. ERR_STALE at once. */
int queue_progress(struct queue *queue, int64_t id, int64_t fence, int64_t done, int64_t total,
                   int64_t rows, int64_t rejected, const char *note);
/* Kept over retries and restarts. At most 1 MiB. */
int queue_checkpoint(struct queue *queue, int64_t id, int64_t fence, const char *checkpoint,
                     queue_done_fn on_done, void *ctx);

/* Ends an attempt. ok: succeeded with `result`. Else: the code decides (err_is_transient) between
 * retry with backoff and failed; ERR_CANCELLED makes it cancelled. `next` are tasks that become
 * visible with the success, in the same transaction. */
struct queue_outcome {
	int code; /* 0 = ok, else ERR_ */
	const char *result, *error, *error_where;
	int64_t retry_after_ms; /* hint, 0 = backoff */
	const char *outcome;    /* for the attempts list; NULL = from code */
	const struct task_spec *next;
	size_t n_next;
};
int queue_finish(struct queue *queue, int64_t id, int64_t fence, const struct queue_outcome *outcome,
                 queue_done_fn on_done, void *ctx);

/* Waiting: cancelled at once. Running: on_cancel is called and the end comes with queue_finish.
 * ERR_NOTFOUND; ERR_CONFLICT when it has ended already. */
int queue_cancel(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx);
/* failed, cancelled or expired → ready, attempt 0, no expires_at any more, history kept. ERR_CONFLICT
 * otherwise; on_done gets it when another task has the unique key by now. */
int queue_retry(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx);

int queue_get(struct queue *queue, int64_t id, struct arena *arena, struct task **ret, struct err *err);
int queue_attempts(struct queue *queue, int64_t id, struct arena *arena, struct task_attempt **ret,
                   size_t *ret_n, struct err *err);

/* Newest first. Set `state` to -1 for any. The cursor is opaque text; NULL starts, *ret_cursor NULL
 * ends. Stable under inserts. */
struct queue_filter {
	int state;
	const char *kind, *queue, *dataset;
	const char *label_key, *label_value;
	int64_t created_after, created_before; /* wall ms, 0 = any */
	int64_t parent;
	size_t limit; /* 1 … 1000 */
	const char *cursor;
};
int queue_list(struct queue *queue, const struct queue_filter *filter, struct arena *arena,
               struct task ***ret, size_t *ret_n, const char **ret_cursor, struct err *err);

/* Lets time pass: delays, expiries, retention. Call when queue_due_in says so. */
void queue_tick(struct queue *queue);
int64_t queue_due_in(const struct queue *queue); /* ms from now, -1 = nothing is timed */

/* Verifies the invariants of what is stored: every task in exactly one state, at most one success, a
 * unique key held by the one live task that has it, nothing without its task. 0 or ERR_CORRUPT. */
int queue_check(struct store *store, struct err *err);

void queue_counts(const struct queue *queue, int64_t ret[TASK_STATES]); /* live states exact */
const struct metric *queue_metrics(struct queue *queue);

#endif
