/* SPDX-License-Identifier: Apache-2.0 */
/* The door: start and stop, short calls, queries, numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "supervise/inside.h"

static const char *const sandbox_modes[] = {"off", "log", "enforce", NULL};

const struct option supervise_options[] = {
	{"program", OPTION_STR, offsetof(struct supervise_config, program), "", 0, 0, NULL,
         "The orasi-worker program; empty: beside the agent, else the installed one."},
	{"tasks", OPTION_INT, offsetof(struct supervise_config, tasks), "2", 1, 256, NULL,
         "How many tasks run at the same time, each in a worker process."},
	{"queries", OPTION_INT, offsetof(struct supervise_config, queries), "2", 1, 256, NULL,
         "How many queries run at the same time, each in a worker process."},
	{"cancel_grace", OPTION_DURATION, offsetof(struct supervise_config, cancel_grace_ms), "5s", 0, 600000, NULL,
         "How long a cancelled worker may take to stop before it is killed."},
	{"scan_limit", OPTION_DURATION, offsetof(struct supervise_config, scan_limit_ms), "5s", 100, 600000, NULL,
         "How long a new plugin may take to describe itself."},
	{"idle", OPTION_DURATION, offsetof(struct supervise_config, idle_ms), "60s", 100, 86400000, NULL,
         "Workers idle for longer end; one for tasks and one for queries stay."},
	{"orders_per_worker", OPTION_INT, offsetof(struct supervise_config, orders_per_worker), "10000", 1, 1000000,
         NULL, "A worker that served so many orders is replaced."},
	{"memory", OPTION_BYTES, offsetof(struct supervise_config, memory), "1GiB", 64 << 20, INT64_MAX, NULL,
         "Memory limit of one worker."},
	{"disk", OPTION_BYTES, offsetof(struct supervise_config, disk), "0", 0, INT64_MAX, NULL,
         "The most that one worker may take of the disk: staged files that are not committed yet, scratch files,\n"
         "copies of index segments from S3. A task that takes more fails, and is not tried again. An export is\n"
         "staged as a whole. 0: a quarter of the file system that <data>/staging is on, and 1 GiB at least."},
	{"sandbox", OPTION_ENUM, offsetof(struct supervise_config, sandbox), "enforce", 0, 0, sandbox_modes,
         "Walls around workers that run plugins: which files, system calls and networks they can use.\n"
         "enforce: what the kernel offers of Landlock and seccomp; log: forbidden calls are logged by the\n"
         "kernel and let through; off: none. See docs/PLUGIN-TRUST.md."},
	{"cgroup", OPTION_STR, offsetof(struct supervise_config, cgroup), "", 0, 0, NULL,
         "A cgroup (version 2) below which each worker gets a leaf of its own, with limits of memory and processes:\n"
         "a folder that the agent's user can write; empty: the agent's own, if that was delegated to it (systemd:\n"
         "Delegate=yes); off: none. See docs/PLUGIN-TRUST.md."},
	OPTION_END,
};

const struct option supervise_callback_options[] = {
	{"allow", OPTION_STR, offsetof(struct supervise_config, callback_hosts), "", 0, 0, NULL,
         "Hosts that callbacks may go to, separated by blanks: host, host:port, *.domain or *.domain:port.\n"
         "Empty: none, and tasks with a callback are refused."},
	{"timeout", OPTION_DURATION, offsetof(struct supervise_config, callback_timeout_ms), "15s", 100, 60000, NULL,
         "How long a receiver may take to answer."},
	OPTION_END,
};

/* ---- start and stop ---------------------------------------------------------------------------- */

static void fill_metrics(struct supervise *sup)
{
	static const char *const labels[ROLES] = {"role=\"task\"", "role=\"table\"", "role=\"query\"",
	                                          "role=\"scan\"", "role=\"fetch\"", "role=\"place\""};
	struct supervise_stats *stats = &sup->stats;
	struct metric *m = sup->metrics;

	for (int role = 0; role < ROLES; role++)
		*m++ = metric_row(METRIC_GAUGE, "orasi_workers", labels[role], "Worker processes alive.",
		                  &stats->processes[role]);
	*m++ = metric_counter("orasi_worker_starts_total", "Worker processes started.", &stats->starts);
	*m++ = metric_counter("orasi_worker_crashes_total", "Workers that died without being told to.",
	                      &stats->crashes);
	*m++ = metric_counter("orasi_worker_kills_total", "Workers killed by the agent.", &stats->kills);
	*m++ = metric_counter("orasi_worker_orders_total", "Orders given to workers.", &stats->orders);
	*m++ = metric_counter("orasi_worker_orders_ahead_total",
	                      "Orders that waited in a worker for those before them.", &stats->ahead);
	*m++ = metric_gauge("orasi_tasks_running", "Attempts under way.", &stats->jobs);
	*m++ = metric_counter("orasi_parts_committed_total", "Parts of tasks committed to tables and indexes.",
	                      &stats->parts);
}

int supervise_new(const struct supervise_env *env, const struct supervise_config *config, struct supervise **ret,
                  struct err *err)
{
	struct supervise *sup = calloc(1, sizeof(*sup));
	int r;

	if (!sup)
		return err_set(err, ERR_NOMEM, "out of memory");
	sup->env = *env;
	sup->config = config;
	list_init(&sup->jobs);
	sup->cgroup.dir = -1;
	fill_metrics(sup);
	r = pool_init(sup, err);
	if (!r)
		r = placing_init(sup, err);
	if (!r)
		r = staging_init(sup, err);
	if (r) {
		supervise_free(sup);
		return r;
	}
	*ret = sup;
	return 0;
}

int supervise_is_over(struct supervise *sup, const char *name)
{
	char id[ID_LEN];
	struct arena arena;
	struct task *task;
	int64_t number;
	int over;

	snprintf(id, sizeof(id), "%.15s", name);
	if (id_parse('t', id, &number))
		return 1;
	arena_init(&arena);
	over = queue_get(sup->queue, number, &arena, &task, NULL) || task_state_is_final(task->state);
	arena_done(&arena);
	return over;
}

int supervise_start(struct supervise *sup, struct queue *queue, struct plugin_registry *plugins, struct err *err)
{
	int r;

	sup->queue = queue;
	sup->env.plugins = plugins;
	staging_start(sup);
	disk_init(sup);
	cgroup_init(sup);
	r = pool_warm(sup, ROLE_TASK, err);
	if (!r)
		r = pool_warm(sup, ROLE_QUERY, err);
	if (!r)
		placing_look(sup);
	return r;
}

static void on_grace_over(void *ctx)
{
	struct supervise *sup = ctx;

	sup->stopping = STOPS_NOW;
	pool_refuse(sup);
	loop_timer_set(sup->soon_timer, 0);
	for (int role = 0; role < ROLES; role++)
		list_each (item, &sup->pools[role].processes)
			process_kill(list_entry(item, struct process, link), "had no more time: the agent is stopping");
}

static void kill_idle(struct supervise *sup)
{
	for (int role = 0; role < ROLES; role++)
		list_each (item, &sup->pools[role].processes) {
			struct process *process = list_entry(item, struct process, link);

			if (process->state != PROCESS_BUSY)
				process_retire(process);
		}
}

void supervise_stop(struct supervise *sup, int64_t grace_ms, void (*on_stopped)(void *ctx), void *ctx)
{
	sup->stopping = STOPS_WHEN_DONE;
	sup->on_stopped = on_stopped;
	sup->stopped_ctx = ctx;
	pool_refuse(sup);
	kill_idle(sup);
	if (!loop_timer_new(sup->env.loop, on_grace_over, sup, &sup->stop_timer, NULL))
		loop_timer_set(sup->stop_timer, grace_ms);
	loop_timer_set(sup->soon_timer, 0);
}

void supervise_free(struct supervise *sup)
{
	if (!sup)
		return;
	jobs_forget(sup);
	placing_done(sup);
	pool_done(sup);
	staging_done(sup);
	cgroup_done(sup);
	loop_timer_free(sup->stop_timer);
	free(sup);
}

void supervise_on_ready(struct supervise *sup)
{
	sup->may_claim = 1;
}

/* What is claimed may end at once, and then something may be claimed again. */
void supervise_step(struct supervise *sup)
{
	while (sup->may_claim) {
		sup->may_claim = 0;
		jobs_claim(sup);
	}
	for (int role = 0; role < ROLES; role++)
		list_each (item, &sup->pools[role].processes)
			process_flush(list_entry(item, struct process, link));
}

void supervise_on_stop(void *sup, int64_t id, int64_t fence, int code, const char *why)
{
	jobs_stop(sup, id, fence, code, why);
}

/* ---- short calls -------------------------------------------------------------------------------- */

struct call {
	supervise_reply_fn on_reply;
	void *ctx;
};

static void on_call_end(void *ctx, const struct json *result, const struct err *err)
{
	struct call *call = ctx;

	call->on_reply(call->ctx, result, err);
	free(call);
}

static const struct order_events call_events = {.on_end = on_call_end};

int supervise_call(struct supervise *sup, const char *op, struct json *json, supervise_reply_fn on_reply, void *ctx,
                   struct err *err)
{
	struct call *call = calloc(1, sizeof(*call));
	struct order *order;
	int r;

	if (!call) {
		json_free(json);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	call->on_reply = on_reply;
	call->ctx = ctx;
	r = order_new(sup, op, json, &call_events, call, &order, err);
	if (r)
		free(call);
	return r;
}

/* ---- queries ------------------------------------------------------------------------------------ */

struct supervise_query {
	struct supervise_query_events events;
	struct order *order;
};

static void on_query_data(void *ctx, const void *p, size_t n)
{
	struct supervise_query *query = ctx;

	query->events.on_data(query->events.ctx, p, n);
}

static void on_query_end(void *ctx, const struct json *result, const struct err *err)
{
	struct supervise_query *query = ctx;

	query->order = NULL;
	query->events.on_end(query->events.ctx, result, err);
	free(query);
}

static const struct order_events query_events = {.on_data = on_query_data, .on_end = on_query_end};

int supervise_query(struct supervise *sup, struct json *json, const struct supervise_query_events *events,
                    struct supervise_query **ret, struct err *err)
{
	struct supervise_query *query = calloc(1, sizeof(*query));
	int r;

	if (!query) {
		json_free(json);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	query->events = *events;
	r = order_new(sup, "query", json, &query_events, query, &query->order, err);
	if (r) {
		free(query);
		return r;
	}
	*ret = query;
	return 0;
}

void supervise_query_more(struct supervise_query *query, size_t n)
{
	if (query->order)
		order_credit(query->order, n);
}

void supervise_query_cancel(struct supervise_query *query)
{
	if (query->order)
		order_stop(query->order, ERR_CANCELLED, "the client went away");
}

/* ---- numbers ------------------------------------------------------------------------------------ */

size_t supervise_workers(const struct supervise *sup, struct supervise_worker_info *ret, size_t cap)
{
	static const char *const states[] = {"starting", "idle", "busy", "stopping"};
	size_t n = 0;

	for (int role = 0; role < ROLES; role++)
		list_each (item, (struct list *)&sup->pools[role].processes) {
			const struct process *process = list_entry(item, struct process, link);
			int64_t task = 0;

			if (process->order)
				id_parse('t', json_get_str(process->order->json, "task", ""), &task);
			if (n++ < cap)
				ret[n - 1] = (struct supervise_worker_info){role_name((enum role)role),
				                                            states[process->state],
				                                            (int)loop_child_pid(process->child),
				                                            process->started_at,
				                                            process->served,
				                                            task};
		}
	return n;
}

const struct metric *supervise_metrics(struct supervise *sup)
{
	return sup->metrics;
}
