/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the queue room only: what is kept in RAM about tasks that have not ended.
 *
 *   channel  a queue by name: settings, its share of the turns, its lanes
 *   lane     one fairness key (and tenant) of a channel: its ready tasks in order
 *   live     one task, at most 100 bytes with its share of the tables
 *   more     what only some tasks have: limits, times that end it, policy
 *   running  what only a running attempt has */
#ifndef QUEUE_INSIDE_H
#define QUEUE_INSIDE_H

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "queue/life.h"
#include "queue/queue.h"
#include "queue/queue_sql.h"
#include "store/store.h"

enum live_place { PLACE_NONE, PLACE_FIFO, PLACE_HEAP, PLACE_CONCURRENCY, PLACE_RATE };
enum {                         /* live.flags; the first three are kept in the store */
       LIVE_UNIQUE = 1,        /* has a unique key */
       LIVE_POLICY = 2,        /* task.policy says more */
       LIVE_UNIQUE_QUEUED = 4, /* the key is free when the task is claimed */
       LIVE_STORED = 7,
       LIVE_CHECKPOINT = 8, /* may have a checkpoint row */
       LIVE_EARLY = 16,     /* it runs, and its put is on its way to the disk, see early.c */
};

struct live {
	struct live *next; /* of the hash bucket */
	int64_t id, due;   /* due: max(created, run_at) */
	struct lane *lane;
	struct more *more;
	union {
		struct list fifo;
		struct heap_node node;
		struct running *running;
	};
	struct heap_node timer;
	struct life life;
	uint8_t priority, place, flags;
	uint8_t settling; /* a write that ends or moves it is under way */
};

struct more {
	struct key *concurrency, *rate;
	int64_t expires_at; /* of a waiting one, 0 = never */
	int64_t deadline, batch;
	uint32_t cost, slots;
	int waiting; /* tasks it still depends on */
	uint8_t on_dep_failure, holds_concurrency, holds_rate;
	char policy[]; /* packed, see spec.c */
};

struct running {
	struct list link; /* in queue.running */
	struct live *live;
	struct heap_node timer; /* in queue.leases, by due; all times but started_at are mono ms */
	int64_t due, fence, started_at;
	int64_t stop_at, timeout_ms;   /* stop_at: timeout or deadline, 0 = never */
	int64_t lease_ms, lease_until; /* 0 = none */
	int64_t kept_ms;               /* the longest lease_ms, which is in the store */
	int64_t heartbeat_ms, beat_at; /* 0 = none; beat_at: when it is missed */
	int64_t done, total, rows, rejected;
	struct claim *claim; /* not written yet, or under way */
	int stop;            /* ERR_CANCELLED or ERR_TIMEOUT: it was asked to stop */
	char note[64], worker[64];
	const char *kind, *dataset, *trace; /* for the log line of its end; in texts */
	char texts[];
};

/* Ready tasks: FIFO per priority for those that come in order, a heap for the others. */
struct order {
	struct list fifo[TASK_PRIORITY_MAX + 1];
	unsigned in_use; /* bit per FIFO */
	struct heap heap;
	size_t n;
};

struct tenant {
	char *name;
	int64_t depth, n_coming, n_ready;
	int64_t start_at, start_after; /* mono ms, tasks taken: when it may have a head start again */
	size_t n_lanes;
};

struct lane {
	struct list turn; /* in channel.turns while it has ready tasks */
	struct channel *channel;
	struct tenant *tenant;
	char *name; /* tenant, 0x1F, fairness key */
	int64_t id;
	int weight, credit;
	size_t n_live, n_coming;
	int is_stored;
	struct list idle; /* in queue.idle while it has no task */
	struct order order;
};

/* Generic cell rate algorithm (ITU-T I.371): `tat` is when the allowance is whole again.
 * Nanoseconds. */
struct rate {
	int64_t tat;
};

struct channel {
	struct list turn; /* in queue.turns while something of it may run */
	char *name;
	struct queue_settings settings;
	int is_set;       /* has settings of its own */
	int is_apart;     /* QUEUE_CALLBACKS */
	int64_t aging_ms; /* its own or the agent's */
	struct map lanes;
	struct list turns; /* lanes that have ready tasks */
	int64_t n_turns;
	struct rate rate;
	struct heap_node opens; /* in queue.throttled, by opens_at */
	int64_t opens_at;
	int64_t credit, n_ready, n_live, n_coming, n_keys, counts[TASK_RUNNING + 1];
	int64_t ended_in_minute, minute, ended_last_minute;
};

/* Something of which only so much may run. Tasks that wait for it stand here and not in their lane.
 */
struct key {
	char *name; /* in queue.keys: channel, 0x1F, 'c' or 'r', key */
	struct channel *channel;
	int is_rate;
	int64_t used; /* tasks that stand in a lane or run with it */
	struct rate rate;
	struct heap waiting;
	struct heap_node opens; /* in queue.closed, by opens_at */
	int64_t opens_at;
	size_t n_live;
	struct list opened; /* in queue.opened: has room, somebody should look */
};

struct queue {
	struct store *store;
	struct queue_config config;
	struct queue_events events;
	struct kept *fresh; /* tasks that are likely to be asked for soon, see fresh.c */
	struct live **buckets, *free_lives;
	struct live_chunk *chunks;
	size_t n_buckets, n_live, n_coming; /* coming: accepted, not yet durable */
	struct heap timers, leases, throttled, closed;
	struct list running, turns, opened, idle; /* idle: lanes, the longest first */
	struct list offered, started;             /* puts on their way, see early.c */
	size_t n_idle, named_turn;
	int64_t taken; /* tasks that were claimed, since the start */
	struct map channels, tenants, keys, schedules, states;
	struct channel *last_channel; /* that was asked for; NULL: none */
	struct heap fires;            /* schedules, by next_at */
	struct list bulks, wishes;
	int64_t last_id, last_lane, state_changes, counts[TASK_STATES], prune_at, event_seq;
	_Atomic int has_deps; /* somebody depends, or did since the start */
	int n_promises;       /* leases under way to the disk */
	struct list merging;  /* merges that take turns */
	int n_contested;      /* puts under way that may replace or merge: unique tasks are not claimed
	                    meanwhile */
	struct sweep *sweep;  /* of ended tasks, see retain.c */
	_Atomic int64_t gauges[TASK_STATES], submitted, finished[TASK_STATES], retried, stale, rescued, early;
	struct metric_histogram wait_time, run_time;
	struct metric metrics[TASK_STATES * 2 + 8];
};

#define statement(id) queue_sql[id]
#define DEFAULT_QUEUE "default"
#define CLOCK_LOOK_MS 10000 /* who waits for a time of the day finds a clock that was set this late */

/* ---- spec.c: the fields of a task_spec as a table ------------------------------------------ */
struct task_spec *spec_copy(const struct queue *queue, struct arena *arena, const struct task_spec *specs, size_t n);
/* The same with texts that stay the caller's. */
struct task_spec *spec_borrow(const struct queue *queue, struct arena *arena, const struct task_spec *specs, size_t n);
/* The fields that have no column (`whole`: all), as text; NULL when all have their default. */
char *spec_pack(const struct task_spec *spec, int whole, struct arena *arena);
int spec_unpack(const char *text, struct arena *arena, struct task_spec *ret);
/* LIVE_STORED bits. `packed`: what spec_pack has made of it. */
int spec_flags(const struct task_spec *spec, const char *packed);
int spec_check_rules(const char *rules, struct err *err);
/* The rule for a code: 0 when there is none. */
enum rule_action { RULE_NONE, RULE_RETRY, RULE_FAIL, RULE_SNOOZE };
enum rule_action spec_rule(const char *rules, int code, int64_t *ret_after_ms);

/* ---- live.c -------------------------------------------------------------------------------- */
int live_init(struct queue *queue);
void live_done(struct queue *queue);
struct live *live_find(const struct queue *queue, int64_t id);
struct live *live_new(struct queue *queue, int64_t id, struct lane *lane); /* in no place yet */
void live_del(struct queue *queue, struct live *live);
/* The two halves of live_new: one that nobody finds nor counts, which live_forget frees, and what makes it known. */
struct live *live_make(struct queue *queue, int64_t id, struct lane *lane);
void live_link(struct queue *queue, struct live *live);
void live_forget(struct queue *queue, struct live *live);
int64_t live_due(const struct live *live); /* when time changes a waiting one, 0 = never */
/* Takes it out of wherever it stands, and puts it where its state belongs. */
void live_leave(struct queue *queue, struct live *live);
void live_enter(struct queue *queue, struct live *live);
void live_count(struct queue *queue, struct live *live, int by);
static inline enum task_state live_state(const struct live *live)
{
	return (enum task_state)live->life.state;
}
static inline int64_t live_expires_at(const struct live *live)
{
	return live->more ? live->more->expires_at : 0;
}
static inline struct running *live_running(const struct live *live)
{
	return live->life.state == TASK_RUNNING ? live->running : NULL;
}

/* ---- order.c ------------------------------------------------------------------------------- */
void order_init(struct order *order);
void order_done(struct order *order);
void order_add(struct order *order, struct live *live);
void order_del(struct order *order, struct live *live);
struct live *order_first(const struct order *order);
int64_t live_vstart(const struct live *live);
int live_is_before(const struct live *a, const struct live *b);

/* ---- channel.c: queues by name, lanes, tenants; whose turn it is --------------------------- */
void channels_init(struct queue *queue);
struct channel *channel_get(struct queue *queue, const char *name); /* makes it; NULL without memory */
struct channel *channel_find(const struct queue *queue, const char *name);
struct lane *lane_get(struct queue *queue, const struct task_spec *spec);
struct lane *lane_load(struct queue *queue, const char *channel, const char *tenant, const char *key, int weight,
                       int64_t id);
const char *lane_fairness_key(const struct lane *lane);
void lane_hold(struct lane *lane); /* a task of it is on its way */
void lane_unhold(struct queue *queue, struct lane *lane);
void lane_release(struct queue *queue, struct lane *lane); /* it may be idle now */
void channel_release(struct queue *queue, struct channel *channel);
void lane_add(struct queue *queue, struct live *live);
void lane_del(struct queue *queue, struct live *live);
void channel_wake(struct queue *queue, struct channel *channel); /* it may have its turn again */
/* The next to run; NULL: nobody may. */
struct live *turn_pick(struct queue *queue, const struct queue_claim_ask *ask);
void turn_taken(struct queue *queue, struct live *live);
void channel_ended(struct channel *channel, int64_t now);
void channel_reorder(struct channel *channel); /* aging has changed */
void channels_tick(struct queue *queue, int64_t now);
void channels_free(struct queue *queue);

/* ---- limit.c ------------------------------------------------------------------------------- */
void limits_init(struct queue *queue);
int limit_attach(struct queue *queue, struct live *live, const struct task_spec *spec); /* its keys */
void limit_detach(struct queue *queue, struct live *live);
int limit_enter(struct queue *queue, struct live *live);  /* 1: it may stand in its lane; 0: it waits here */
void limit_leave(struct queue *queue, struct live *live); /* it left its lane, or the key's heap */
void limit_started(struct queue *queue, struct live *live, int64_t now);
void limit_resumed(struct live *live); /* it runs already, whatever the limits are now */
void limit_ended(struct queue *queue, struct live *live);
void limits_settle(struct queue *queue); /* those behind keys that have room now go on */
void limits_tick(struct queue *queue, int64_t now);
void limits_free(struct queue *queue);
void limits_changed(struct queue *queue, struct channel *channel);
int64_t rate_opens_at(const struct rate *rate, int64_t per, int64_t period_ms, int64_t burst, int64_t now_ms);
void rate_take(struct rate *rate, int64_t cost, int64_t per, int64_t period_ms, int64_t now_ms);

/* ---- settings.c ---------------------------------------------------------------------------- */
void settings_default(struct queue_settings *ret);
void settings_from_text(struct queue_settings *ret, const char *text); /* as it is stored; NULL: the default */
int settings_load(struct queue *queue, struct err *err);

/* ---- insert.c: a task comes into being, by a put or with the end of another ---------------- */
struct insert {
	const struct task_spec *spec;
	const char *policy;
	struct lane *lane;
	int64_t id, now, expires_at;
	int flags, lane_is_new, is_blocked;     /* is_blocked: until its batch is complete */
	int is_fresh;                           /* the spec has all of the task */
	int is_one_of_many;                     /* of its call */
	int is_contested;                       /* it may replace or change another */
	struct merge *merge;                    /* NULL: it does not ask to be merged into another */
	const struct queue_put_result *refused; /* before anybody looked into the store; NULL: it was not */
	const struct queue_put_result *if_new;  /* there is room only if another has its unique key; NULL: there is */
	struct live *started;                   /* it runs already, see early.c; NULL: it does not */
	/* what the writer leaves for the loop thread */
	int waiting;      /* tasks it depends on that have not succeeded */
	int dep_failed;   /* one of them has ended otherwise */
	int64_t replaced; /* task that was cancelled for it, 0 = none */
	int64_t complete; /* what follows its batch, which had waited for that one only; 0 = none */
	int64_t digest;   /* of what is asked for, when it has an idempotency key */
	struct queue_put_result result;
};
/* Takes `specs` (copied already), gives ids, holds the lanes. ERR_NOMEM. */
int inserts_prepare(struct queue *queue, struct arena *arena, const struct task_spec *specs, size_t n,
                    struct insert **ret);
/* On the writer thread; a refusal goes into result.code, an error of the store is returned. */
int insert_write(struct queue *queue, struct store_db *db, struct insert *all, size_t i, struct arena *arena,
                 struct err *err);
int insert_is_held(struct store_db *db, const struct task_spec *spec,
                   struct err *err); /* on any thread, that of `db` */
int insert_refuse(struct insert *in, int code, struct arena *arena, const struct err *err);
void inserts_done(struct queue *queue, struct insert *all, size_t n, int r); /* r != 0: nothing came of it */
/* Hands `write`, in which these are inserted, to the store, and merges those that meet the task they are to be merged
 * into: merge.c. is_new as store_write_new. The arena lives until on_done. */
int inserts_hand_over(struct queue *queue, struct insert *all, size_t n, struct arena *arena, int is_new,
                      store_write_fn write, store_done_fn on_done, void *arg);
/* Makes `more` from a policy. */
int live_equip(struct queue *queue, struct live *live, const struct task_spec *spec, const char *policy);
/* A scheduled task whose time has come is ready; either way it gets its place. */
void live_settle(struct queue *queue, struct live *live);

/* ---- merge.c: a task is merged into the one that has its unique key ------------------------- */
struct merges; /* of one call, made with the first */
struct merge *merge_new(const struct task_spec *spec, struct merges **shared,
                        struct arena *arena); /* NULL: it is not */
/* On the writer thread, when in->result.id waits: as insert_write. */
int merge_write(struct store_db *db, struct insert *in, struct arena *arena, struct err *err);

/* ---- early.c: a task starts while its put is on its way to the disk ------------------------ */
struct early {
	struct list link; /* in queue.offered, then in queue.started, then in none */
	struct insert *in;
	const void *put;    /* as the store knows it */
	int may_wait;       /* nobody waits for the put, only for the end of the task */
	int64_t held_until; /* mono ms; the put waits for the end, but not for longer. 0: it does not */
};
void put_free(struct early *early); /* put.c: with what it is part of */
void early_init(struct queue *queue);
void early_free(struct queue *queue);
/* The one task of a put that has just been handed to the store, if nobody has to decide anything about it. */
void early_offer(struct queue *queue, struct early *early, struct insert *in, const void *put, int may_wait);
int early_claim(struct queue *queue, const struct queue_claim_ask *ask, struct arena *arena, struct task **ret,
                struct err *err);                               /* when nobody else may run; *ret NULL: none */
struct live *early_find(const struct queue *queue, int64_t id); /* that runs */
/* What became of its put: from now on it is a running task like any other; or it never was. */
void early_admit(struct queue *queue, const struct insert *in);
void early_drop(struct queue *queue, const struct insert *in);
void early_tick(struct queue *queue, int64_t now);
int64_t early_due(const struct queue *queue); /* mono ms, 0 = never */

/* ---- idem.c: idempotency keys, on the writer thread ----------------------------------------- */
/* On any thread, that of `db`: 1: there is a request with the key. */
int idem_has(struct store_db *db, const char *tenant, const char *key, struct arena *arena, struct err *err);
int64_t idem_digest(const struct task_spec *spec, struct arena *arena);
/* 1: the request is answered by an earlier task, or refused for it. */
int idem_find(struct store_db *db, struct insert *in, struct arena *arena, struct err *err);
int idem_put(struct store_db *db, const struct insert *in, struct err *err);
/* The same of a call: what became of it before, by place. */
struct idem_call {
	const char *tenant, *key;
	int64_t digest, *ids; /* 0: there is none */
	size_t n;
	int is_new; /* or has got new ones: its row must be written */
};
int idem_call_find(struct store_db *db, struct idem_call *call, struct arena *arena, struct err *err);
int idem_call_meet(struct store_db *db, const struct idem_call *call, struct insert *in, size_t place,
                   struct arena *arena, struct err *err); /* as idem_find */
int idem_call_put(struct store_db *db, const struct idem_call *call, int64_t now, struct err *err);
/* The same of a batch. 1: *ret is what became of it; ERR_GONE: that is kept no more. On any thread, that of `db`. */
struct idem_batch {
	const char *tenant, *key;
	int64_t digest;
};
int64_t idem_batch_digest(const struct queue_batch_spec *spec, struct arena *arena);
int idem_batch_find(struct store_db *db, const struct idem_batch *batch, struct arena *arena, int64_t *ret,
                    struct err *err);
int idem_batch_put(struct store_db *db, const struct idem_batch *batch, int64_t id, int64_t now, struct err *err);

/* ---- depend.c: tasks that wait for others, batches ----------------------------------------- */
int depend_check(struct store_db *db, struct insert *all, size_t i, struct arena *arena, struct err *err);
int depend_name(struct insert *all, size_t i, struct arena *arena); /* into its policy, for who reads it */
int depend_write(struct store_db *db, struct insert *all, size_t i, struct err *err);
/* On the writer thread, at the end of a task: who waited for it. */
int depend_end_write(struct queue *queue, struct store_db *db, int64_t id, enum task_state to, struct arena *arena,
                     int64_t **ret_released, size_t *ret_n, struct err *err);
void depend_released(struct queue *queue, const int64_t *ids, size_t n);
void depend_unblock(struct queue *queue, struct live *live);    /* when it waits for nobody any more */
void depend_failed(struct queue *queue, int64_t parent);        /* it ended without success */
void depend_look_again(struct queue *queue, struct live *live); /* it was about to change when one of them ended so */
int depend_recover(struct queue *queue, struct err *err);
int batch_check(struct store_db *db, struct insert *insert, struct arena *arena, struct err *err);
int batch_end_write(struct store_db *db, int64_t batch, enum task_state to, int64_t now, int by, int64_t *ret_complete,
                    struct err *err);

/* ---- the rest
 * ------------------------------------------------------------------------------------------------
 */
/* running.c */
void leases_init(struct queue *queue);
void leases_tick(struct queue *queue, int64_t now);
struct live *running_of(struct queue *queue, int64_t id, int64_t fence, enum life_event event); /* NULL: stale */
void running_free(struct queue *queue, struct live *live);
struct running *running_new(const struct task *task); /* with its kind, dataset and trace */
/* It runs for who asks, in no list yet. */
void running_start(struct queue *queue, struct live *live, struct running *run, const struct task *task,
                   const struct queue_claim_ask *ask);
void running_set_timer(struct queue *queue, struct running *run);
void running_beat(struct queue *queue, struct running *run, int64_t lease_ms); /* there is news of it; 0: no lease */
void running_stop(struct queue *queue, struct live *live, int code, const char *why);

/* noted.c */
int running_note(struct queue *queue, struct live *live);          /* its claim is written */
void running_note_lease(struct queue *queue, struct running *run); /* and how long that lasts */
/* Its claim need not be written any more. 1: there is no row of it and there will be none. */
int running_unwritten(struct queue *queue, struct live *live);
/* It is asked to stop, and that outlives the agent. */
int running_cancel(struct queue *queue, struct live *live, queue_done_fn on_done, void *ctx);
/* The same in the write of another, which is handed over behind this: there is a row of the run by then. */
int running_write_down(struct queue *queue, struct live *live);
int running_cancel_write(struct store_db *db, int64_t id, int64_t fence, struct err *err);

/* recover.c: at a start, what waits and what runs on. */
int lives_recover(struct queue *queue, struct err *err);

/* resume.c, at a start: with the columns of RECOVER_RUNS, an attempt goes on; those that were cancelled, and whose worker
 * went with the agent, are ended. */
int running_resume(struct queue *queue, struct live *live, const struct store_stmt *stmt, struct err *err);
void runs_end_cancelled(struct queue *queue);

/* finish.c */
int finish_attempt(struct queue *queue, struct live *live, const struct queue_outcome *outcome, queue_done_fn on_done,
                   void *ctx);
int end_live(struct queue *queue, struct live *live, enum life_event event, const struct queue_outcome *outcome,
             int64_t run_at, queue_done_fn on_done, void *ctx);
/* It stands nowhere any more, so that nobody meets it again while its next state is written. */
void stand_aside(struct queue *queue, struct live *live);
/* On the writer thread: a waiting task is cancelled for the sake of another. */
int end_write_replaced(struct queue *queue, struct store_db *db, struct insert *in, struct err *err);

/* cancel.c */
int cancel_waiting(struct queue *queue, struct live *live, const char *why, queue_done_fn on_done, void *ctx);
void expire(struct queue *queue, struct live *live);
void wake_timers(struct queue *queue, int64_t now);

/* wish.c: what is wished of a task while it is settling. Whoever ends that says so. */
int wish_cancel(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx);
int wish_move(struct queue *queue, int64_t id, int64_t run_at, int priority, queue_done_fn on_done, void *ctx);
void wishes_grant(struct queue *queue, int64_t id);
void wishes_free(struct queue *queue);

/* bulk.c */
void bulks_free(struct queue *queue);

/* state.c */
int states_load(struct queue *queue, struct err *err);
void states_free(struct queue *queue);
/* Changes on their way: others see that they will come. Copied into `arena`, where *ret lives too. */
struct state_write;
int state_begin(struct queue *queue, struct arena *arena, const struct queue_changes *changes,
                struct state_write **ret);
int state_write(struct store_db *db, const struct state_write *write, struct err *err); /* on the writer thread */
void state_end(struct queue *queue, struct state_write *write, int r);                  /* r: what became of it */

/* schedule.c */
void schedules_init(struct queue *queue);
int schedules_load(struct queue *queue, struct err *err);
void schedules_tick(struct queue *queue, int64_t now);
int64_t schedules_due(const struct queue *queue); /* wall ms, 0 = never */
void schedules_free(struct queue *queue);

/* retain.c */
int sweep_new(struct queue *queue);
void sweep_free(struct queue *queue);
void prune(struct queue *queue, int64_t now);
/* archive.c: on the thread of `db`, a connection to the database. */
struct archived {
	struct store_db *file;
	int64_t day;
	struct store_stmt *row;         /* where `statement` found it: to be ended; NULL: nowhere */
	enum queue_statement statement; /* binds the id and the time of now, DAY_GET and the like */
};
/* The id in a file by day: 1, 0 or an error. Where another write may come between this and a look into the database,
 * both belong into one transaction. */
int archive_find(struct store_db *db, int64_t id, enum queue_statement statement, struct archived *ret,
                 struct err *err);
int archive_state(struct store_db *db, int64_t id, int *ret, struct err *err); /* ERR_NOTFOUND */
/* 1: what the file of `day` has of it counts no more. */
int archive_has_gone(struct store_db *db, int64_t id, int64_t day, struct err *err);
/* On the writer thread: an ended task is in the database (again), and no copy of it counts. ERR_NOTFOUND. */
int archive_recall(struct store_db *db, int64_t id, struct err *err);
/* The same without bringing it back: 0, it is forgotten; 1, it is in the database still. ERR_NOTFOUND. */
int archive_forget(struct store_db *db, int64_t id, struct err *err);
/* days.c: which files by day there must be. On the writer thread: tasks were moved into one; one in it counts no more. */
struct day_file {
	int64_t day, tasks; /* tasks: in it and nowhere else */
	int is_exact;       /* the number is; else it was there before anybody counted */
};
int day_gains(struct store_db *db, int64_t day, int64_t n, struct err *err);
int day_loses_one(struct store_db *db, int64_t day, struct err *err);
int days_load(struct queue *queue, struct err *err); /* at a start: says which are missing */
/* On the thread of `db`: those whose day is not over, which tasks hang on, and which are not there. */
int days_missing(struct store_db *db, void (*tell)(void *ctx, const struct day_file *file), void *ctx, struct err *err);
int days_lack(struct store_db *db, struct err *err); /* ERR_CORRUPT: one of them is missing; with what to do */
int day_is_missing(const struct day_file *file, struct err *err);
/* Of an id that was given away and is nowhere: ERR_CORRUPT: it may be in a file that is missing; 0: it is no more. */
int days_may_have(struct store_db *db, int64_t id, struct err *err);
int day_read(struct store_db *db, int64_t day, struct day_file *ret, struct err *err); /* 1, 0 or an error */
/* One event, one log line: the task as it is now, in `state`. */
void queue_tell(struct queue *queue, int64_t id, const char *type, enum task_state state); /* news.c */
/* `task`: what the log line needs, so that nobody reads the task for it, or the whole task; NULL: not known. */
void queue_tell_end(struct queue *queue, int64_t id, enum task_state state, const struct task *task, int is_whole);
/* What RAM knows better, copied into the arena. */
void queue_overlay(const struct queue *queue, struct task *task, struct arena *arena); /* read.c */
/* A row of a task's statement, in the arena's memory; and what its last attempt failed of, when it did. */
struct task *queue_read_task(const struct store_stmt *stmt, struct arena *arena);
void queue_read_last_error(const struct queue *queue, struct task *task, struct arena *arena);
/* A ready task for who claims it: only what RAM does not have is read. */
int queue_get_ready(struct queue *queue, const struct live *live, struct arena *arena, struct task **ret,
                    struct err *err);

/* ---- fresh.c: tasks that are likely to be asked for soon ----------------------------------- */
int fresh_init(struct queue *queue);
void fresh_put(struct queue *queue, const struct insert *insert);
void fresh_put_claimed(struct queue *queue, const struct insert *insert); /* for its end only */
struct task fresh_task(const struct insert *insert);                      /* its texts are those of the insert */
struct task *fresh_copy(const struct task *task, struct arena *arena);
void fresh_put_read(struct queue *queue, const struct live *live, const struct task *task); /* for its claim */
int fresh_has(const struct queue *queue, int64_t id);
struct task *fresh_look(struct queue *queue, int64_t id, struct arena *arena); /* NULL: ask the store */
struct task *fresh_take(struct queue *queue, int64_t id, struct arena *arena); /* for its claim, once */
struct task *fresh_claimed(const struct queue *queue, int64_t id,
                           struct arena *arena); /* what was taken so; its end drops it */
void fresh_drop(struct queue *queue, int64_t id);
void fresh_free(struct queue *queue);

#endif
