/* SPDX-License-Identifier: Apache-2.0 */
/* Worker processes: a claimed task meets a free worker, its parts are committed, its result is noted;
 * and short orders of the API (describe a table, run a query) meet one too.
 *
 * Workers start by posix_spawn in one role (task, table, query, scan), are reused, and are replaced
 * when they die, grow too big or have served long. A worker is stopped by the cancel flag, then after
 * a grace by SIGKILL through its pidfd. All of it lives on the loop thread. */
#ifndef SUPERVISE_SUPERVISE_H
#define SUPERVISE_SUPERVISE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/metric.h"
#include "base/option.h"

struct arena;
struct catalog;
struct json;
struct loop;
struct plugin_registry;
struct queue;
struct supervise;
struct task_spec;

struct supervise_config {
	char *program; /* the orasi-worker program */
	char *cgroup;  /* "": its own if it was given one, "off", or a folder */
	int64_t tasks, queries, cancel_grace_ms, scan_limit_ms, idle_ms, orders_per_worker;
	uint64_t memory, disk;
	int64_t open_files; /* the soft limit of a worker, 0: as ours */
	int sandbox;        /* index into off, log, enforce */
	/* of callbacks */
	char *callback_hosts;
	int64_t callback_timeout_ms;
};
extern const struct option supervise_options[], supervise_callback_options[]; /* both of the one struct */

/* The rooms it works for; all must live longer. `queue` may be set later (supervise_start). */
struct supervise_env {
	struct loop *loop;
	struct catalog *catalog;
	struct plugin_registry *plugins; /* may be NULL until supervise_start */
	const char *data_dir;            /* absolute */
	const char *agent_id;            /* unique in the world: tables remember who committed what */
	/* Judges tasks that a plugin submits: one spec per body, in `arena`. */
	int (*check_tasks)(void *ctx, struct json *bodies, struct arena *arena, struct task_spec **ret,
	                   struct err *err);
	/* What a worker said about a task (its id as text); may be NULL. */
	void (*on_log)(void *ctx, const char *task, const char *level, const char *line);
	void *ctx;
};

int supervise_new(const struct supervise_env *env, const struct supervise_config *config, struct supervise **ret,
                  struct err *err);
/* Sweeps staging folders of tasks that have ended and warms two workers. Claims begin with supervise_on_ready. */
int supervise_start(struct supervise *sup, struct queue *queue, struct plugin_registry *plugins, struct err *err);
/* No new work; running attempts get `grace_ms` to end, then they are killed and become ready again at
 * the next start. on_stopped is called when no worker is left. */
void supervise_stop(struct supervise *sup, int64_t grace_ms, void (*on_stopped)(void *ctx), void *ctx);
void supervise_free(struct supervise *sup);

/* Something may be claimed now; supervise_step does it. */
void supervise_on_ready(struct supervise *sup);
/* Before the loop sleeps: claims what may be claimed, and sends each worker in one go what it is to do. */
void supervise_step(struct supervise *sup);
void supervise_on_stop(void *sup, int64_t id, int64_t fence, int code, const char *why);

/* A plugin has become usable: tasks that wait for one are called again. */
void supervise_on_plugin(struct supervise *sup);

/* May a callback go to this URL? ERR_INVALID: it is none; ERR_PERM: its host is not allowed. */
int supervise_check_callback(const struct supervise *sup, const char *url, struct err *err);

/* A short order on a worker of the role that op belongs to (see worker/worker.h). `order` is taken.
 * on_reply is called exactly once, later; result lives during the call; err->code 0 = fine. */
typedef void (*supervise_reply_fn)(void *ctx, const struct json *result, const struct err *err);
int supervise_call(struct supervise *sup, const char *op, struct json *order, supervise_reply_fn on_reply, void *ctx,
                   struct err *err);

/* A query whose bytes stream back. Flow control: at most `window` bytes are under way; call
 * supervise_query_more as they are passed on. */
struct supervise_query;
struct supervise_query_events {
	void *ctx;
	void (*on_data)(void *ctx, const void *p, size_t n);
	void (*on_end)(void *ctx, const struct json *result, const struct err *err); /* frees the query */
};
int supervise_query(struct supervise *sup, struct json *order, const struct supervise_query_events *events,
                    struct supervise_query **ret, struct err *err);
/* [{"name","location"}] of all known datasets: the `datasets` of a query order. Caller frees. */
struct json *supervise_query_datasets(struct supervise *sup);
void supervise_query_more(struct supervise_query *query, size_t n);
void supervise_query_cancel(struct supervise_query *query); /* on_end still comes */

struct supervise_worker_info {
	const char *role, *state; /* "starting", "idle", "busy", "stopping" */
	int pid;
	int64_t started_at, served, task; /* task id or 0 */
};
/* Fills at most cap; returns how many there are. */
size_t supervise_workers(const struct supervise *sup, struct supervise_worker_info *ret, size_t cap);

const struct metric *supervise_metrics(struct supervise *sup);

#endif
