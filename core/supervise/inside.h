/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the supervise room only: processes take orders, jobs give them. */
#ifndef SUPERVISE_INSIDE_H
#define SUPERVISE_INSIDE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "loop/loop.h"
#include "queue/queue.h"
#include "supervise/supervise.h"
#include "wire/wire.h"

enum role { ROLE_TASK, ROLE_TABLE, ROLE_QUERY, ROLE_SCAN, ROLE_FETCH, ROLE_PLACE, ROLES };

enum process_state { PROCESS_STARTING, PROCESS_IDLE, PROCESS_BUSY, PROCESS_STOPPING };

/* Plugins that did not come with the agent (plugin_stranger), see strangers.c. */
#define STRANGERS_MAX 64
struct strangers {
	int64_t who[STRANGERS_MAX];
	size_t n;
};

/* ---- an order: something a worker of one role is to do -------------------------------------- */

struct order_events {
	void (*on_begin)(
		void *ctx); /* a worker begins with it; again when it came back and is begun anew. May be NULL */
	void (*on_progress)(void *ctx, const struct json *message);
	void (*on_part)(void *ctx, const struct json *part);
	void (*on_data)(void *ctx, const void *p, size_t n);
	/* Is the text of its result all that on_end needs? Then there is no tree of it. May be NULL: no. */
	int (*takes_text)(void *ctx, const char *text, size_t n);
	/* Once, never from within order_new; the order is freed afterwards. err->code 0: fine. */
	void (*on_end)(void *ctx, const struct json *result, const struct err *err);
};

struct order {
	struct list link; /* in pool.waiting, or in process.ahead; unlinked while it runs */
	struct supervise *sup;
	enum role role;
	uint32_t number;
	struct json *json;
	const struct order_events *events;
	void *ctx;
	struct process *process;    /* NULL while it waits for one */
	uint64_t likeness;          /* orders with the same may take alike long; 0: it goes alone */
	unsigned rights;            /* what its plugin needs and was granted, see confine.c */
	size_t places;              /* how many of sup->places its worker must have been told of */
	struct strangers strangers; /* that it calls */
	uint64_t plugins_mark;      /* of the plugins by which the above was settled */
	struct task_usage usage;    /* known at its end */
	struct err stop;            /* code != 0: somebody wants it to end, and why */
	const char *result;         /* during on_end, the text that was taken for its result; or NULL */
	size_t result_len;
};

/* Takes `json`. ERR_BUSY when too many wait. */
int order_new(struct supervise *sup, const char *op, struct json *json, const struct order_events *events, void *ctx,
              struct order **ret, struct err *err);
void order_part_done(struct order *order, int64_t seq);
void order_credit(struct order *order, size_t n);
/* The cancel flag, then after the grace SIGKILL; on_end comes with `code` and `text`. */
void order_stop(struct order *order, int code, const char *text);
void order_end(struct order *order, const struct json *result, const struct err *err);

/* ---- the roles of workers: role.c ------------------------------------------------------------ */

const char *role_name(enum role role);
enum role role_of(const char *op);
size_t role_size(const struct supervise *sup, enum role role); /* how many workers it may have */
int role_is_warm(enum role role);                              /* one is kept alive however idle */
int role_takes_orders(const struct supervise *sup, enum role role);

/* The last lines of output, for the report of a death. */
struct tail {
	char text[400];
	size_t len;
};

/* So many things a second; the others are counted. */
struct budget {
	int64_t since, used, dropped;
};

/* ---- a process: one worker ------------------------------------------------------------------- */

struct process {
	struct list link; /* in pool.processes */
	struct supervise *sup;
	enum role role;
	enum process_state state;
	struct loop_child *child;
	struct loop_stream *stream, *output;
	struct loop_watch *file_watch; /* it asks for files, see confine.c */
	int files_fd;
	char abi_minor[12];                              /* for its arguments */
	struct strangers strangers;                      /* that were ever let into it */
	char *staging;                                   /* its folder, see staging.c; NULL: it writes nothing */
	struct disk_look *disk_look;                     /* under way, see disk.c */
	int64_t disk_used, disk_looked_ms, disk_written; /* at the last look: bytes, when, and what it had written */
	int is_cut; /* its order was ended for what it took, and not asked to stop */
	unsigned rights;
	size_t places;
	struct loop_timer *timer; /* start-up limit, then grace of a stop */
	struct wire_page *page;
	struct buf in, line;
	struct order *order; /* at hand */
	struct list ahead;   /* orders that wait in the worker */
	size_t n_ahead;
	uint32_t recalled_at; /* what was at hand when they were recalled, 0 = they are not */
	uint64_t likeness;    /* of its last orders, */
	int64_t mean_ns;      /* and how long each took */
	int64_t begun_ns;     /* mono, of the order at hand */
	struct buf out;       /* messages until process_flush */
	int is_dead;          /* it has ended, and what it said is still being read */
	struct ask *ask;      /* its request over HTTP that is under way, see fetch.c */
	struct json *plugins; /* that it was told of, and their mark */
	uint64_t plugins_mark;
	int64_t started_at, idle_since, served;
	int output_fd;           /* the same pipe as `output`: what is left in it at the end is read at once */
	int killed;              /* SIGKILL has been sent */
	int is_broken;           /* what it says cannot be trusted any more */
	int wanted;              /* that it ends: nobody is to blame */
	int leaf;                /* of a cgroup, its folder; -1: none */
	int64_t cpu_given_ms;    /* of the leaf, when it got its order; -1: not known */
	int64_t cpu_told_ms;     /* by it, of the orders that it has done */
	int64_t cpu_ms, rss_kib; /* as the kernel says, when it was looked at last */
	int spent;               /* it gets no more orders */
	int is_worn;             /* it has said so itself, and begins with none of those that wait there */
	char why[160];           /* why we ended it, "" = it ended by itself */
	struct tail tail;        /* what it printed last */
	struct budget words;     /* of lines and progress */
};

/* `order` tells what it must be able to do; NULL: nothing special. */
int process_new(struct supervise *sup, enum role role, const struct order *order, struct process **ret,
                struct err *err);
void process_put(struct process *process, enum wire_type type, const struct json *json); /* goes with the next flush */
void process_flush(struct process *process);
void process_send(struct process *process, enum wire_type type, const struct json *json); /* at once */
void process_interrupt(struct process *process); /* cancel flag, grace, SIGKILL */
void process_kill(struct process *process, const char *why);
void process_retire(struct process *process); /* ends it because it is not needed any more */
void process_free(struct process *process);   /* kills it; its order is not told */

/* ---- the orders that it has been given: given.c */

/* For an order of which nothing is known: too long to send any ahead behind it. */
#define ORDER_UNKNOWN_NS INT64_C(10000000)

void process_give(struct process *process, struct order *order); /* behind those it has; goes with the next flush */
void process_finished(struct process *process, const struct json *result, const struct err *err); /* the one at hand */
void process_note_time(struct process *process, int64_t took_ns);                                 /* for it */
/* How many more orders like this one may wait in the worker. */
size_t process_room(const struct process *process, uint64_t likeness);
void process_recall(struct process *process);                            /* those that wait */
void process_recall_late(struct process *process, int somebody_is_idle); /* when they wait for too long */
void process_back(struct process *process, const struct json *json);     /* the answer to that */
void process_take_back(struct process *process); /* without asking: it takes none of them any more */
void process_spend(struct process *process);     /* it gets no more, and goes when it has done what it has begun */

/* ---- what it says: hear.c */

void process_hear(void *ctx, const char *p, size_t n);
void process_hear_end(void *ctx, const struct err *err);
void process_hear_held(struct process *process); /* it is dead: what it had not sent yet */

/* ---- what it prints: output.c */

void process_output(void *ctx, const char *p, size_t n);
void process_output_end(void *ctx, const struct err *err);
void process_read_rest(struct process *process); /* of its output, when it is dead */
/* A worker may be made to shout: 0 when this is too much, and is to be dropped. */
int process_may_say(struct process *process);

/* ---- the pool -------------------------------------------------------------------------------- */

struct pool {
	struct list waiting;   /* orders */
	struct list processes; /* of this role */
	size_t n_waiting, n_processes;
};

void pool_put(struct order *order); /* it waits, behind all others */
/* It waits again, before all others. */
void pool_take_back(struct order *order);
/* Is a worker for tasks idle that has exactly these rights, and no strangers but these (NULL: any)? */
int pool_is_idle(const struct supervise *sup, unsigned rights, const struct strangers *coming);
/* How many tasks may be claimed for workers that are busy. */
size_t pool_room(const struct supervise *sup);
void pool_watch_ahead(struct supervise *sup); /* some wait in a worker */
int pool_is_spent(const struct process *process);

int pool_init(struct supervise *sup, struct err *err);
void pool_done(struct supervise *sup);
void pool_dispatch(struct supervise *sup, enum role role);
int pool_warm(struct supervise *sup, enum role role, struct err *err);
void pool_refuse(struct supervise *sup);                       /* what waits and is not taken any more */
void pool_idle(struct process *process);                       /* it can take an order */
void pool_dead(struct process *process, int code, int signal); /* it has ended; frees it */

/* ---- the end of a process: death.c ----------------------------------------------------------- */

/* Before it is freed: why it ended; tells its order what was used and, if it was stopped, how; counts it and holds it
 * against the plugin that was at work. */
void death_settle(struct process *process, int code, int signal, struct err *ret_why);

/* ---- what workers may do -------------------------------------------------------------------- */

/* Rights and places that the order needs, and who comes with it. Again when the plugins are others. */
void confine_order(struct order *order);
int confine_fits(const struct process *process, const struct order *order);
/* The arguments that tell a new worker what it may do; all of `argv` points into `sup`, is `disk` or static. */
#define CONFINE_ARGS_MAX 160
size_t confine_arguments(struct process *process, const char *disk, const char **argv);
/* *ret is the caller's to free, its texts are not; NULL: the agent's own, all of it. */
int confine_environment(const struct process *process, const char ***ret, struct err *err);
/* Watches for files it asks for. Takes over nothing. */
int confine_watch(struct process *process, struct err *err);
void confine_done(struct supervise *sup);

/* naming.c: `each` plugin that may be called for an order, by kind and id or name */
typedef void (*naming_fn)(void *ctx, const char *kind, const char *id_or_name);
void naming_each(const struct order *order, naming_fn each, void *ctx);
int naming_asks_all(const struct order *order); /* also all formats, what its files are */
/* The plugin that has the order for itself: it calls no other, and has no datasets. NULL: it is no such order. */
const char *naming_own(const struct order *order, const char **ret_kind);

void strangers_add(struct strangers *strangers, int64_t who); /* plugin_stranger; 0: nobody */
void strangers_add_formats(struct order *order);              /* all of them */
void strangers_tell(struct order *order);                     /* the worker */
void strangers_done(struct supervise *sup);
/* Whether an order with `coming` may be given to a process in which `there` are. */
int strangers_fit(const struct strangers *there, const struct strangers *coming);

/* ---- cgroups: cgroup.c ----------------------------------------------------------------------- */

struct cgroup {
	int dir; /* -1: none */
	char path[2200];
	int memory, pids; /* controllers that are there */
	int64_t last;     /* leaf */
};
void cgroup_init(struct supervise *sup); /* finds one, or says why there is none */
void cgroup_done(struct supervise *sup);
void cgroup_enter(struct process *process);           /* a leaf for it, before it has anything to do */
void cgroup_leave(struct process *process);           /* ends whatever is in it */
int64_t cgroup_cpu_ms(const struct process *process); /* of all that is or was in its leaf; -1: not known */
int cgroup_ran_out(const struct process *process);    /* of memory, and the kernel has ended it */

/* ---- requests over HTTP ---------------------------------------------------------------------- */

struct fetch_target {
	char host[256];
	unsigned port;
};
int fetch_target(const char *url, struct fetch_target *ret, struct err *err);
void fetch_ask(struct process *process, const struct json *message); /* of the order it is at */
void fetch_forget(struct process *process);                          /* an answer will find nobody */
void fetch_done(struct supervise *sup);

/* ---- plugins that are away ------------------------------------------------------------------- */

#define WAITERS_MAX 4096

/* 0, or ERR_BUSY with what the task waits for. */
int missing_plugin(struct supervise *sup, const char *kind, const struct json *body, struct err *err);
int64_t missing_wait(struct supervise *sup, const struct task *task); /* ms; notes that it waits */

/* ---- where workers write: staging.c ---------------------------------------------------------------- */

int staging_init(struct supervise *sup, struct err *err);
void staging_start(struct supervise *sup);
void staging_done(struct supervise *sup);
int staging_enter(struct process *process, struct err *err); /* makes its folder, before it starts */
void staging_leave(struct process *process);                 /* it is dead: what nobody needs goes */
void staging_discard(struct supervise *sup, const char *path);
void staging_look(struct supervise *sup);  /* something that was kept may not be needed any more */
void staging_sweep(struct supervise *sup); /* of what workers have left, all that nobody needs */

/* ---- exports on the way to their place: placing.c ------------------------------------------------- */

int supervise_is_over(struct supervise *sup,
                      const char *name); /* the task whose id `name` begins with; or it is gone */

#define PLACING_OP "place.export"
int placing_init(struct supervise *sup, struct err *err);
void placing_done(struct supervise *sup);
void placing_fill(struct supervise *sup, const char *task, const struct json *body, struct json *order);
void placing_look(struct supervise *sup); /* takes away what tasks that are over have left */
int placing_has(const struct supervise *sup, const char *task_folder); /* its staged files are still needed for that */

/* ---- room on the disk: disk.c ------------------------------------------------------------------------- */

void disk_init(struct supervise *sup);
void disk_watch(struct process *process);                   /* has a look, if one is due */
void disk_forget(struct process *process);                  /* a look that is under way finds nobody */
void disk_note_signal(struct process *process, int signal); /* it has died: of a file that was too large? */

/* ---- memory ---------------------------------------------------------------------------------- */

int watch_init(struct supervise *sup, struct err *err);
void watch_busy(struct supervise *sup); /* a worker has begun with an order */

/* ---- jobs: attempts of tasks ----------------------------------------------------------------- */

void jobs_claim(struct supervise *sup);
void jobs_stop(struct supervise *sup, int64_t id, int64_t fence, int code, const char *why);
void jobs_forget(struct supervise *sup); /* at the end: attempts stay "running" in the store */

struct supervise_stats {
	_Atomic int64_t processes[ROLES], starts, crashes, kills, jobs, parts, rows, rejected, orders, ahead;
};

/* The second when the grace is over: what still runs is killed. */
enum stopping { NOT_STOPPING, STOPS_WHEN_DONE, STOPS_NOW };

struct supervise {
	struct supervise_env env;
	const struct supervise_config *config;
	struct queue *queue;
	struct pool pools[ROLES];
	struct cgroup cgroup;
	struct loop_timer *idle_timer, *soon_timer, *stop_timer, *watch_timer, *recall_timer, *placing_timer,
		*staging_timer;
	int64_t disk_limit;           /* bytes, of each worker */
	int staging_kept;             /* some worker that has ended left what may be needed */
	int watching, recalls;        /* the timers run */
	int64_t waiters[WAITERS_MAX]; /* tasks that wait for a plugin */
	size_t n_waiters;
	char **places; /* dataset folders outside of the data folder */
	size_t n_places;
	struct strangers told; /* of the order before, */
	struct json *told_as;  /* as its worker was told of them */
	struct list asks;
	struct list jobs;
	size_t n_jobs;
	int slots_used, n_callbacks, n_ahead; /* n_ahead: claimed, and not begun */
	int may_claim;                        /* something has changed since the last look */
	uint32_t last_order;
	enum stopping stopping;
	int said_no_sandbox;
	void (*on_stopped)(void *ctx);
	void *stopped_ctx;
	struct supervise_stats stats;
	struct metric metrics[20];
};

#endif
