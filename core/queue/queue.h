/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that wait, run and end. A task is always in exactly one state, and every change of state is
 * one database transaction: a crash loses work, never a task. docs/QUEUE.md tells the whole model.
 *
 *   blocked → scheduled → ready → running → succeeded | failed | cancelled | expired
 *   running → scheduled (retry with backoff, snooze)    failed, cancelled, expired → ready (by
 * hand)
 *
 * Order: queues take turns by weight, in a queue its fairness keys take turns by weight, and of one
 * fairness key the task with the smallest max(created, run_at) + priority * aging is first:
 * priority 0 before 9, nothing starves, FIFO within. Who waits for a limit stands aside and blocks
 * nobody. The order is kept in RAM and rebuilt at start.
 *
 * Fences: each claim gets a number larger than all before (also over restarts). Whoever reports on
 * a running task must show it; a stale one changes nothing and gets ERR_STALE.
 *
 * Threading: all functions on the loop thread. Writes go through the store's writer thread in
 * groups; `on_done` is called on the loop thread after the fsync, and only then is the thing true.
 * Strings in arguments are copied. After the store turned read-only every write gives ERR_READONLY.
 */
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
	TASK_BLOCKED, /* waits for tasks it depends on */
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

/* The queue of callbacks: only who names it gets its tasks, so that slow receivers take no place from others. */
#define QUEUE_CALLBACKS "callbacks"

#define TASK_DURATION_MAX_MS (366LL * 24 * 3600 * 1000) /* of whatever a task asks for */
#define TASK_PRIORITY_MAX 9
#define TASK_PRIORITY_DEFAULT 5
/* "critical" 0, "high" 2, "normal" 5, "low" 8; or "0" … "9". */
int task_priority_parse(const char *name, int *ret);

/* ---- what is asked for --------------------------------------------------------------------- */

enum task_jitter { TASK_JITTER_FULL, TASK_JITTER_EQUAL, TASK_JITTER_NONE };
enum task_scope {
	TASK_UNIQUE_ACTIVE, /* while a task with the key waits or runs */
	TASK_UNIQUE_QUEUED, /* while it waits: a second is accepted as soon as the first has started
	                     */
	TASK_UNIQUE_TTL,    /* for unique_ttl_ms since the first was accepted, whatever became of it */
};
enum task_conflict {
	TASK_CONFLICT_RETURN,  /* the id of the first is the answer */
	TASK_CONFLICT_REJECT,  /* ERR_EXISTS */
	TASK_CONFLICT_REPLACE, /* the first is cancelled if it does not run yet; else ERR_EXISTS */
	TASK_CONFLICT_MERGE,   /* the first gets the body as a JSON merge patch (RFC 7396) if it does
	                        not run yet, and if what comes of it is fine: queue_events.check_merged */
};
enum task_dep_failure { TASK_DEP_CANCEL, TASK_DEP_RUN, TASK_DEP_HOLD };

/* The words of an enum above, NULL-ended: "full", "active", "return", "cancel", … */
extern const char *const task_jitter_names[], *const task_scope_names[], *const task_conflict_names[],
										 *const task_dep_failure_names[];

/* 0 and NULL mean: the default. Names and keys are at most 256 bytes without control characters. */
struct task_spec {
	const char *kind;            /* "ingest", "index", … */
	const char *queue;           /* default "default" */
	const char *tenant;          /* default "" */
	const char *dataset;         /* for filters; may be NULL */
	const char *body;            /* JSON text of the order, at most 256 KiB */
	const char *labels;          /* JSON object of strings, or NULL */
	const char *trace;           /* W3C traceparent, or NULL */
	const char *idempotency_key; /* of the tenant: same key within 24 h gives the first task
	                                again; ERR_GONE when that is kept no more */
	const char *unique_key;      /* of the tenant: see task_scope and task_conflict */
	int unique_scope, on_conflict;
	int64_t unique_ttl_ms;
	int priority;         /* -1 = default */
	int64_t run_at;       /* wall ms */
	int64_t expires_at;   /* wall ms: not started by then = expired */
	int64_t deadline;     /* wall ms: not ended by then = expired, or failed if it runs; no retry
	                       behind it */
	int64_t timeout_ms;   /* per attempt */
	int64_t heartbeat_ms; /* a running attempt without news for so long is stopped */
	int max_attempts;
	int64_t retry_initial_ms, retry_max_ms; /* bounds of the wait before the second and any attempt */
	int retry_factor_percent;               /* growth of the bound, default 200 */
	int retry_jitter;
	const char *retry_rules;                /* "CODE=retry|fail|snooze[:MS],…", CODE an error's name or "*";
	                            first match */
	int crash_is_final;                     /* a died worker is no reason to try again */
	int64_t retain_ok_ms, retain_failed_ms; /* how long it is kept after its end */
	const char *fairness_key;               /* default: the tenant */
	int weight;                             /* of the fairness key, 1 … 100 */
	const char *concurrency_key;            /* at most settings.key_running tasks of the queue with it run
	                                at a time */
	const char *rate_key;                   /* settings.key_rate holds for it */
	int cost;                               /* in the rate limits, default 1 */
	int slots;                              /* of the worker, default 1 */
	const int64_t *depends_on;              /* task ids; -1, -2, … = first, second … task of the same call,
	                              before this */
	size_t n_depends_on;                    /* at most 1000 */
	const char *depended_on;                /* by the queue: the same as text, "12 13", of a task that is read */
	int on_dep_failure;
	int64_t batch;        /* batch id or 0 */
	const char *callback; /* when it ends, a task of kind "callback" in QUEUE_CALLBACKS gets this body */
	int callback_states;  /* the ends that are told: bits 1 << TASK_SUCCEEDED …, 0 = all */
	int64_t parent;       /* task id or 0 */
};

struct task {
	int64_t id;
	const char *kind, *queue, *tenant, *dataset, *body, *labels, *trace;
	enum task_state state;
	int priority, attempt, max_attempts, crashes, cancel_requested;
	int64_t created_at, run_at, expires_at, started_at, finished_at; /* wall ms, 0 = not */
	int64_t timeout_ms, parent, batch;
	int64_t fence;       /* of the running attempt */
	int64_t lease_until; /* wall ms; 0 = a worker of this agent */
	const char *worker;  /* of the running or last attempt */
	const char *unique_key;
	const char *checkpoint;          /* JSON text or NULL */
	const char *result;              /* JSON text or NULL */
	int error_code;                  /* ERR_, 0 = none; of the last attempt while it waits for the next */
	const char *error, *error_where; /* sentence; JSON pointer or place */
	const struct task_spec *policy;  /* the fields of task_spec that are not here; never NULL */
	/* of the running attempt, in RAM only */
	int64_t progress_done, progress_total, progress_rows, progress_rejected;
	const char *progress_note;
};

/* What the operating system says about a worker that ended, as far as it is known. */
struct task_usage {
	int exit;                /* the signal that ended it; -code: it exited; 0: it lives on, or nobody knows */
	int64_t cpu_ms, rss_kib; /* user + system of the attempt; the largest of the process so far */
};

struct task_attempt {
	int attempt;
	int64_t fence, started_at, finished_at;
	const char *worker, *outcome; /* "succeeded", "failed", "crashed", "timeout", "cancelled",
	                                 "lost", "snoozed" */
	int error_code;
	const char *error;
	struct task_usage usage;
};

/* One event per fact. `seq` grows, also over restarts. The event lives during the call. */
struct task_event {
	const char *type; /* "state", "progress" */
	int64_t seq, id;
	enum task_state state;
	const struct task *task; /* NULL when queue_events.wants_task says so */
};

struct queue_config {
	int64_t aging_ms, max_attempts, timeout_ms, retry_initial_ms, retry_max_ms, max_depth, tenant_depth;
	int64_t max_crashes, retention_ms, lease_grace_ms, archive_after_ms;
};
extern const struct option queue_options[];

struct queue_events {
	void *ctx;
	void (*on_ready)(void *ctx); /* something may be claimed now */
	/* A running task should stop: ERR_CANCELLED, or ERR_TIMEOUT (timeout, deadline, heartbeat).
	 * The end comes with queue_finish. */
	void (*on_stop)(void *ctx, int64_t id, int64_t fence, int code, const char *why);
	void (*on_event)(void *ctx, const struct task_event *event); /* may be NULL */
	/* Whether event.task is worth a look into the store; NULL: always. */
	int (*wants_task)(void *ctx, int64_t id, enum task_state state);
	/* Whether what came of a merge (TASK_CONFLICT_MERGE) may be put as it is: kind, dataset, queue and tenant are those
	 * of the task that it was merged into. May give it another body, in the arena. 0, or ERR_INVALID with err->where a
	 * JSON pointer into the task. NULL: everything may. */
	int (*check_merged)(void *ctx, struct task_spec *merged, struct arena *arena, struct err *err);
};

/* Reads what waits; attempts that the last agent's own workers ran become ready again ("lost"), leases go on. */
int queue_open(struct store *store, const struct queue_config *config, const struct queue_events *events,
               struct queue **ret, struct err *err);
void queue_close(struct queue *queue); /* NULL is fine; drain the store before */

/* ---- put ----------------------------------------------------------------------------------- */

/* Accepts n tasks in one transaction. on_done gets a result per task: its id, whether it existed already (idempotency or
 * unique key), or why it was refused: ERR_CONFLICT (same idempotency key, other body), ERR_GONE (the task of the idempotency
 * key has ended and is kept no more), ERR_EXISTS (unique key; id is the other's), ERR_NOTFOUND (depends_on, batch), ERR_LIMIT
 * and ERR_BUSY as below (who had its unique key has ended meanwhile). With QUEUE_ATOMIC one refused task refuses all, and
 * on_done gets its code (n is 0; a call of one task has its result all the same); else the others are accepted, and also
 * what is refused at once is told as the result of the task. At once: ERR_INVALID (a field), ERR_LIMIT (a depth:
 * queue_retry_after_ms), ERR_BUSY (the queue drains); err->where is "[i]" for the task at fault, and a JSON pointer within
 * it. What an idempotency key answers, it answers also while nothing can be written. */
/* QUEUE_END_IS_AWAITED: nobody waits for on_done of this one task, only for its end; so if it starts at once, both may come
 * with one fsync, and on_done a few ms later. */
/* QUEUE_LENT: the texts of the specs live until on_done, and are not copied. QUEUE_CHECKED: queue_check_spec has found
 * every spec fine. */
enum { QUEUE_ATOMIC = 1, QUEUE_END_IS_AWAITED = 2, QUEUE_LENT = 4, QUEUE_CHECKED = 8 };
enum { QUEUE_REPEATED = 1, QUEUE_HELD = 2 };
struct queue_put_result {
	int64_t id;
	int existed; /* QUEUE_REPEATED: the idempotency key's; QUEUE_HELD: the unique key's */
	int code;
	const char *error, *where; /* where: JSON pointer within the task, "" or NULL: all of it */
};
typedef void (*queue_put_fn)(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *err);
int queue_put(struct queue *queue, const struct task_spec *specs, size_t n, int flags, queue_put_fn on_done, void *ctx,
              struct err *err);
/* The same with an idempotency key of the whole call: the same call (digest and n) gets the same tasks, another one
 * ERR_CONFLICT. One task that was refused is tried again. The tasks have no such keys of their own. */
struct queue_call {
	const char *tenant, *key;
	int64_t digest;       /* of all that was asked for, not 0 */
	size_t n;             /* of places */
	const size_t *places; /* of each task in the call, which may have had more; NULL: they are all */
};
int queue_put_call(struct queue *queue, const struct queue_call *call, const struct task_spec *specs, size_t n,
                   int flags, queue_put_fn on_done, void *ctx, struct err *err);
/* Checks one task like queue_put does, without putting it. */
int queue_check_spec(const struct task_spec *spec, struct err *err);
/* How many tasks may wait or run, and how many more there is room for; quota 0: any number. */
struct queue_room {
	int64_t quota, left;
};
enum { QUEUE_ROOM_QUEUE, QUEUE_ROOM_TENANT, QUEUE_ROOM_AGENT, QUEUE_ROOMS }; /* in one queue, of a tenant, in all */
void queue_room(const struct queue *queue, const char *name, const char *tenant, struct queue_room ret[QUEUE_ROOMS]);
/* When a full queue is likely to have room: from how fast its tasks end, 1 s … 60 s. */
int64_t queue_retry_after_ms(const struct queue *queue, const char *name);

/* ---- run ----------------------------------------------------------------------------------- */

typedef void (*queue_done_fn)(void *ctx, int r, const struct err *err);

/* Takes the next task into `arena`; *ret NULL: nothing may run now. The claim is written with a
 * later group commit; a power cut loses an attempt count at worst. One with a lease is handed over at once: see
 * queue_leases_kept. A task that takes more slots
 * than are free is not passed by others. */
struct queue_claim_ask {
	const char *worker;
	const char *const *queues; /* NULL-ended; NULL: all but QUEUE_CALLBACKS and those with settings.remote */
	int slots, all_slots;      /* free ones and all, 0 = any; who wants more than all gets all */
	int64_t lease_ms;          /* 0: a worker of this agent, whose end is known without a lease */
	int begins_later;          /* with queue_begin: until then only a deadline can end it */
	/* When nobody else may run: whether a task (lent) may start whose put is on its way to the disk. It is claimed like
	 * any other, but nobody sees it yet, and if its put is refused it never was: on_stop, and whatever is told of it
	 * afterwards is stale. NULL: none may. */
	int (*may_start)(void *ctx, const struct task *task);
	void *ctx;
};
int queue_claim(struct queue *queue, const struct queue_claim_ask *ask, struct arena *arena, struct task **ret,
                struct err *err);

/* Before a remote worker is told of its lease, or of a longer one: on_done comes when all leases given so far are on disk, and
 * outlive the agent. 1: they are already, and it does not come. */
int queue_leases_kept(struct queue *queue, queue_done_fn on_done, void *ctx);

/* Its worker begins with it now: time-outs count from here. Stale: nothing happens. */
void queue_begin(struct queue *queue, int64_t id, int64_t fence);

/* Extends the lease and tells what the worker should know: 0, ERR_STALE, or ERR_CANCELLED /
 * ERR_TIMEOUT: it holds the task but should stop. lease_ms 0: as long as before. */
int queue_heartbeat(struct queue *queue, int64_t id, int64_t fence, int64_t lease_ms);
/* RAM only; counts as a heartbeat and makes a progress event. ERR_STALE at once. */
int queue_progress(struct queue *queue, int64_t id, int64_t fence, int64_t done, int64_t total, int64_t rows,
                   int64_t rejected, const char *note);
/* Kept over retries and restarts. At most 12 MiB. */
int queue_checkpoint(struct queue *queue, int64_t id, int64_t fence, const char *checkpoint, queue_done_fn on_done,
                     void *ctx);

/* Small state that attempts leave to later ones, by owner (a plugin) and key. What an attempt changes comes true with its
 * success, in the same transaction (queue_outcome.changes). What it has read must not have changed since it began, so
 * queue_state_check comes before queue_finish: ERR_BUSY: it may not end so, let it run again; ERR_LIMIT: the owner would
 * have more than QUEUE_STATE_MAX. */
#define QUEUE_STATE_MAX (96 << 10) /* characters of all keys and texts; 64 KiB in base64 fit */
struct queue_state {
	const char *key, *text;
};
struct queue_changes {
	const char *owner;
	int64_t seen;             /* of queue_state_get */
	const char *const *reads; /* keys */
	size_t n_reads;
	int reads_all;
	const struct queue_state *puts; /* text NULL: it goes */
	size_t n_puts;
};
/* All of an owner, by key; *ret_seen tells later what "since" means. */
int queue_state_get(struct queue *queue, const char *owner, struct arena *arena, struct queue_state **ret,
                    size_t *ret_n, int64_t *ret_seen, struct err *err);
int queue_state_check(struct queue *queue, const struct queue_changes *changes, struct err *err);

/* Ends an attempt. ok: succeeded with `result`. Else: the code and the retry rules decide between
 * retry with backoff and failed (without a rule err_is_transient); ERR_CANCELLED makes it
 * cancelled. `next` are tasks that become visible with the success, in the same transaction. */
struct queue_outcome {
	int code; /* 0 = ok, else ERR_ */
	const char *result, *error, *error_where;
	int64_t retry_after_ms; /* hint, 0 = backoff */
	int snooze;             /* with a code: call again after retry_after_ms, the attempt does not count */
	const char *outcome;    /* for the attempts list; NULL = from code */
	struct task_usage usage;
	const struct task_spec *next;
	size_t n_next;
	const struct queue_changes *changes; /* of state, with a success; may be NULL */
};
int queue_finish(struct queue *queue, int64_t id, int64_t fence, const struct queue_outcome *outcome,
                 queue_done_fn on_done, void *ctx);

/* Waiting: cancelled at once. Running: on_stop is called and the end comes with queue_finish.
 * ERR_NOTFOUND; ERR_CONFLICT when it has ended already, which on_done gets when its end was being written. */
int queue_cancel(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx);
/* failed, cancelled or expired → ready, attempt 0, no expires_at nor deadline any more, history
 * kept. ERR_CONFLICT otherwise; on_done gets it when another task has the unique key by now. */
int queue_retry(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx);
/* Waiting tasks get another time or priority (-1: as it was). ERR_CONFLICT when it runs or has
 * ended, which on_done gets when its end was being written. */
int queue_reschedule(struct queue *queue, int64_t id, int64_t run_at, int priority, queue_done_fn on_done, void *ctx);

/* ---- batches ------------------------------------------------------------------------------- */

/* Tasks that belong together (task_spec.batch). It is complete when it is sealed and all its tasks
 * have ended; then `on_complete`, a task that was blocked so far, may run. */
struct task_batch {
	int64_t id;
	const char *tenant, *name;
	int64_t created_at, completed_at;
	int64_t total, succeeded, failed, cancelled, expired;
	int sealed;
	int64_t on_complete; /* task id or 0 */
};
/* is_repeated: it is what the key has made before. */
typedef void (*queue_batch_fn)(void *ctx, int r, int64_t id, int is_repeated, const struct err *err);
struct queue_batch_spec {
	const char *tenant, *name;
	const char *idempotency_key;         /* of all this, or NULL: as that of a queue_call */
	const struct task_spec *on_complete; /* NULL: nothing follows */
};
/* on_done may come before it returns, when it is known already what comes of it. */
int queue_batch_new(struct queue *queue, const struct queue_batch_spec *spec, queue_batch_fn on_done, void *ctx,
                    struct err *err);
int queue_batch_seal(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx); /* no tasks come any more */
int queue_batch_get(struct queue *queue, int64_t id, struct arena *arena, struct task_batch *ret, struct err *err);
/* Newest first, those before `before` (0 starts); `tenant` NULL: of any, `tenant_like` as in queue_filter. */
int queue_batches(struct queue *queue, const char *tenant, const char *tenant_like, int64_t before, size_t limit,
                  struct arena *arena, struct task_batch **ret, size_t *ret_n, struct err *err);

/* ---- read ---------------------------------------------------------------------------------- */

/* ERR_NOTFOUND, in the words of who looks for one. */
int queue_no_task(struct err *err, int64_t id);
int queue_no_batch(struct err *err, int64_t id);
int queue_get(struct queue *queue, int64_t id, struct arena *arena, struct task **ret, struct err *err);
/* Where a live task stands, without a look into the store; lent until it ends. ERR_NOTFOUND. */
int queue_place_of(const struct queue *queue, int64_t id, const char **ret_queue, const char **ret_tenant);
/* What is to happen before a task that waits runs, each with what can be done about it; none for one that does not wait.
 * `task` is that of queue_get just now. */
struct queue_reason {
	const char *
		type; /* "depends_on", "batch", "run_at", "paused", "max_running", "rate", "concurrency_key", "rate_key",
	                     "worker", "read_only" */
	const char *detail; /* a sentence */
};
int queue_why(struct queue *queue, const struct task *task, struct arena *arena, struct queue_reason **ret,
              size_t *ret_n, struct err *err);
/* Has the number been given away, so that a task with it that is not there was there once? */
int queue_has_passed(const struct queue *queue, int64_t id);
int queue_attempts(struct queue *queue, int64_t id, struct arena *arena, struct task_attempt **ret, size_t *ret_n,
                   struct err *err);

/* Newest first, or oldest. The cursor is opaque text, of one order; NULL starts, *ret_cursor NULL
 * ends. Stable under inserts. */
enum { QUEUE_ANY = -1, QUEUE_LIVE = -2, QUEUE_ENDED = -3, QUEUE_UNSUCCESSFUL = -4, QUEUE_WAITING = -5 };
struct queue_filter {
	int state; /* a task_state, or one of the sets above */
	const char *kind, *queue, *dataset, *tenant;
	const char *tenant_like, *queue_like; /* patterns of SQLite's GLOB, NULL = any: whose eyes look */
	const char *label_key, *label_value;
	int64_t created_after, created_before; /* wall ms, 0 = any */
	int64_t parent, batch;
	size_t limit; /* 1 … 1000 */
	const char *cursor;
	int oldest_first;
};
int queue_list(struct queue *queue, const struct queue_filter *filter, struct arena *arena, struct task ***ret,
               size_t *ret_n, const char **ret_cursor, struct err *err);

/* ---- many at once -------------------------------------------------------------------------- */

/* Cancels, redrives or deletes all that match, in slices of a transaction each, so that others get their
 * turn. Deleting is for ended tasks. Purging a queue is cancelling what is QUEUE_WAITING in it. The filter's
 * limit and cursor do not count; `max` 0 is no limit. on_slice (may be NULL) comes behind each slice; on_done
 * once. Closing the queue ends it without on_done. */
enum queue_verb { QUEUE_CANCEL, QUEUE_REDRIVE, QUEUE_DELETE };
struct queue_bulk_counts {
	int64_t matched, done, refused; /* dry_run: only matched */
};
struct queue_bulk_ask {
	enum queue_verb verb;
	struct queue_filter filter;
	int dry_run;
	int64_t max;
	void (*on_slice)(void *ctx, const struct queue_bulk_counts *counts);
	void (*on_done)(void *ctx, int r, const struct queue_bulk_counts *counts, const struct err *err);
	void *ctx;
};
int queue_bulk(struct queue *queue, const struct queue_bulk_ask *ask, struct err *err);
/* One ended task and its attempts are forgotten. ERR_CONFLICT: it is live, or others depend on it. */
int queue_delete(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx);

/* ---- schedules ----------------------------------------------------------------------------- */

enum queue_overlap {
	QUEUE_OVERLAP_SKIP,    /* while the last one waits or runs, no other is made */
	QUEUE_OVERLAP_QUEUE,   /* another one all the same */
	QUEUE_OVERLAP_REPLACE, /* the last one is cancelled */
};
extern const char *const queue_overlap_names[];
/* A task again and again. Each firing and its task are one transaction that moves next_at: no time fires
 * twice, whoever dies. Times missed by no more than catchup_ms are fired late, one by one; older ones are
 * counted as missed. */
struct queue_schedule {
	const char *name;
	const char *cron; /* five fields, or @daily and the like: docs/QUEUE.md */
	const char *zone; /* of the TZ database; NULL: UTC */
	int overlap, paused;
	int64_t catchup_ms;
	const struct task_spec *spec; /* its run_at, expires_at and deadline are ms behind the firing */
	/* when read */
	int64_t next_at, last_at, last_task, created_at; /* wall ms; next_at 0: never */
	int64_t fired, skipped, missed;
};
int queue_schedule_set(struct queue *queue, const struct queue_schedule *schedule, queue_done_fn on_done, void *ctx,
                       struct err *err);
/* ERR_NOTFOUND at once. Tasks that exist stay. */
int queue_schedule_delete(struct queue *queue, const char *name, queue_done_fn on_done, void *ctx);
int queue_schedule_get(struct queue *queue, const char *name, struct arena *arena, struct queue_schedule *ret);
/* By name, behind `after` (NULL starts). */
int queue_schedules(struct queue *queue, const char *after, size_t limit, struct arena *arena,
                    struct queue_schedule **ret, size_t *ret_n);
/* The next n times behind `after` (wall ms); fewer when there are no more. */
int queue_schedule_times(const char *cron, const char *zone, int64_t after, int64_t *ret, size_t n, size_t *ret_n,
                         struct err *err);

/* ---- queues by name ------------------------------------------------------------------------ */

/* Kept in the store. A queue without settings has the defaults; it comes into being with its first
 * task. */
struct queue_settings {
	int paused;                               /* nothing is claimed */
	int draining;                             /* nothing is accepted */
	int remote;                               /* only who names it in queue_claim gets its tasks */
	int64_t weight;                           /* turns among queues, 1 … 1000, default 1 */
	int64_t max_running;                      /* 0 = any */
	int64_t max_depth;                        /* that may wait or run, 0 = any */
	int64_t aging_ms;                         /* -1 = the agent's */
	int64_t rate, rate_period_ms, rate_burst; /* cost that may start per period; 0 = any */
	int64_t key_running;                      /* tasks per concurrency_key that run at a time, default 1 */
	int64_t key_rate, key_rate_period_ms, key_rate_burst; /* per rate_key; 0 = any */
	int64_t retain_ok_ms, retain_failed_ms; /* of tasks that do not say it themselves; 0 = the agent's */
};
extern const struct option queue_settings_options[]; /* key, range, default and help of each field */
void queue_settings_get(const struct queue *queue, const char *name, struct queue_settings *ret);
int queue_settings_set(struct queue *queue, const char *name, const struct queue_settings *settings,
                       queue_done_fn on_done, void *ctx, struct err *err);

struct queue_info {
	const char *name; /* in the arena */
	struct queue_settings settings;
	int64_t counts[TASK_RUNNING + 1]; /* of the live states */
	int64_t finished_per_minute;
};
/* How long those that are next have waited already: the longest of a queue, 0: none does, or there is no such queue. */
int64_t queue_longest_wait_ms(const struct queue *queue, const char *name);
/* All that have settings or live tasks, by name. `after` NULL starts; at most `limit`. */
int queue_infos(struct queue *queue, const char *after, size_t limit, struct arena *arena, struct queue_info **ret,
                size_t *ret_n);
/* ERR_NOTFOUND when nobody ever spoke of it. */
int queue_info(struct queue *queue, const char *name, struct arena *arena, struct queue_info *ret);

/* ---- time, numbers, audit ------------------------------------------------------------------ */

/* Lets time pass: delays, expiries, leases, limits, retention. Call when queue_due_in says so. */
void queue_tick(struct queue *queue);
int64_t queue_due_in(const struct queue *queue);  /* ms from now, -1 = nothing is timed */
int queue_is_due_soon(const struct queue *queue); /* a claim may have brought it forward */

/* Verifies the invariants of what is stored: every task in exactly one state, at most one success,
 * a unique key held by the one live task that has it, nothing without its task. 0 or ERR_CORRUPT.
 */
int queue_check(struct store *store, struct err *err);

void queue_counts(const struct queue *queue, int64_t ret[TASK_STATES]); /* live states exact */
const struct metric *queue_metrics(struct queue *queue);

#endif
