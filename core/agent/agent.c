/* SPDX-License-Identifier: Apache-2.0 */
/* The rooms in order, from the store up to the HTTP server, and down again:
 *
 *   data folder → store → catalog → supervise → queue → plugins → auth → api → http → ready
 *   SIGTERM → http drains → workers end or are killed → queue, store close
 *
 * Everything that a room wants to tell upwards is connected here and in the files beside it, and nowhere else. */
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/inside.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

/* ---- the store's completions --------------------------------------------------------------------- */

static void queue_time(struct agent *agent)
{
	if (agent->queue)
		loop_timer_set(agent->queue_timer, queue_due_in(agent->queue));
}

static void store_wakes(void *ctx)
{
	struct agent *agent = ctx;

	loop_wake_now(agent->store_wake);
}

static void on_store(void *ctx)
{
	struct agent *agent = ctx;

	store_drain(agent->store);
	queue_time(agent);
}

static void on_queue_due(void *ctx)
{
	struct agent *agent = ctx;

	queue_tick(agent->queue);
	queue_time(agent);
}

/* ---- the queue's news ---------------------------------------------------------------------------- */

static void on_ready(void *ctx)
{
	struct agent *agent = ctx;

	if (agent->ready)
		supervise_on_ready(agent->supervise);
	if (agent->api)
		api_on_ready(agent->api);
}

/* Then every step is logged, with the task's trace. */
static int wants_task(void *ctx, int64_t id, enum task_state state)
{
	struct agent *agent = ctx;

	return log_enabled(LOG_DEBUG) || (agent->api && api_wants_task(agent->api, id, state));
}

static void on_stop(void *ctx, int64_t id, int64_t fence, int code, const char *why)
{
	struct agent *agent = ctx;

	supervise_on_stop(agent->supervise, id, fence, code, why);
}

static void on_event(void *ctx, const struct task_event *event)
{
	struct agent *agent = ctx;

	if (agent->api)
		api_on_event(agent->api, event);
}

/* ---- start ----------------------------------------------------------------------------------------- */

static int find_places(struct agent *agent, struct err *err)
{
	const struct agent_config *config = agent->config;
	static const char *const folders[] = {"",         "/staging",       "/datasets",   "/uploads",
	                                      "/placing", "/plugins/local", "/plugins/cas"};
	char path[PATH_MAX + 32], *slash;
	ssize_t n = readlink("/proc/self/exe", agent->here, sizeof(agent->here) - 1);

	agent->here[n > 0 ? n : 0] = '\0';
	slash = strrchr(agent->here, '/');
	if (slash)
		*slash = '\0';
	if (dir_make(config->data, 0755, err))
		return err->code;
	if (!realpath(config->data, agent->data))
		return err_errno(err, errno, "data folder '%s'", config->data);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", agent->data, folders[i]);
		if (dir_make(path, 0755, err))
			return err->code;
	}
	return 0;
}

/* A name for ever, made at the first start. */
static int find_identity(struct agent *agent, struct err *err)
{
	char path[PATH_MAX + 16];
	struct buf text;
	int r;

	snprintf(path, sizeof(path), "%s/agent-id", agent->data);
	buf_init(&text, 0);
	if (access(path, F_OK)) {
		uuid_new(agent->id);
		r = file_create(path, agent->id, strlen(agent->id), err);
	} else {
		r = file_read(path, 4096, &text, err);
		if (!r && text.len != UUID_LEN - 1)
			r = err_set(err, ERR_CORRUPT,
			            "'%s' is damaged: restore it, or delete it if the data folder is new", path);
		if (!r)
			str_copy(agent->id, sizeof(agent->id), text.data);
	}
	buf_done(&text);
	return r;
}

static int find_worker(struct agent *agent, struct err *err)
{
	agent->workers = agent->config->workers;
	if (*agent->workers.program) {
		str_copy(agent->program, sizeof(agent->program), agent->workers.program);
	} else {
		if ((size_t)snprintf(agent->program, sizeof(agent->program), "%s/orasi-worker", agent->here) >=
		            sizeof(agent->program) ||
		    access(agent->program, X_OK))
			str_copy(agent->program, sizeof(agent->program), ORASI_LIBEXECDIR "/orasi-worker");
	}
	agent->workers.program = agent->program;
	if (access(agent->program, X_OK))
		return err_errno(err, errno, "the worker program '%s' cannot be run (workers.program)", agent->program);
	return 0;
}

static int open_store(struct agent *agent, struct err *err)
{
	char path[PATH_MAX + 32];
	int r = loop_wake_new(agent->loop, on_store, agent, &agent->store_wake, err);

	snprintf(path, sizeof(path), "%s/store.db", agent->data);
	if (!r)
		r = store_open(path, &agent->config->store, store_wakes, agent, &agent->store, err);
	if (!r)
		r = catalog_open(agent->store, &agent->catalog, err);
	return r;
}

static int check_tasks(void *ctx, struct json *bodies, struct arena *arena, struct task_spec **ret, struct err *err)
{
	struct agent *agent = ctx;

	return api_check_tasks(agent->api, bodies, arena, ret, err);
}

static int check_merged(void *ctx, struct task_spec *merged, struct arena *arena, struct err *err)
{
	struct agent *agent = ctx;

	return agent->api ? api_check_merged(agent->api, merged, arena, err)
	                  : err_set(err, ERR_BUSY, "the agent is not ready yet");
}

static void on_log(void *ctx, const char *task, const char *level, const char *line)
{
	struct agent *agent = ctx;

	if (agent->api)
		api_on_log(agent->api, task, level, line);
}

static int open_work(struct agent *agent, struct err *err)
{
	struct supervise_env env = {
		.loop = agent->loop,
		.catalog = agent->catalog,
		.data_dir = agent->data,
		.agent_id = agent->id,
		.check_tasks = check_tasks,
		.on_log = on_log,
		.ctx = agent,
	};
	struct queue_events events = {agent, on_ready, on_stop, on_event, wants_task, check_merged};
	int r = supervise_new(&env, &agent->workers, &agent->supervise, err);

	if (!r)
		r = loop_timer_new(agent->loop, on_queue_due, agent, &agent->queue_timer, err);
	if (!r)
		r = queue_open(agent->store, &agent->config->queue, &events, &agent->queue, err);
	if (!r)
		r = agent_open_plugins(agent, err);
	if (!r)
		r = supervise_start(agent->supervise, agent->queue, agent->plugins, err);
	if (!r)
		agent_step_plugins(agent);
	if (!r)
		queue_time(agent);
	return r;
}

static enum health_verdict probe_store(void *ctx, char *detail, size_t cap)
{
	struct agent *agent = ctx;

	if (store_is_read_only(agent->store))
		str_copy(detail, cap, "the store takes no writes: see the log for the disk error, mend it and restart");
	else if (store_is_full(agent->store))
		str_copy(detail, cap, "the disk of the data folder is full: make room, the agent goes on by itself");
	else
		return HEALTH_OK;
	return HEALTH_FAILING;
}

static void on_count(void *ctx, const struct metric *row)
{
	struct agent *agent = ctx;
	struct err err;

	if (health_add_metrics(agent->health, row, &err))
		log_warn("plugin.metric", LOG_STR("name", row->name), LOG_STR("error", err.text));
}

static int open_health(struct agent *agent, struct err *err)
{
	const struct metric *rows[] = {store_metrics(agent->store), queue_metrics(agent->queue),
	                               supervise_metrics(agent->supervise), plugin_metrics(agent->plugins)};
	int r = health_new(&agent->health, err);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && !r; i++)
		r = health_add_metrics(agent->health, rows[i], err);
	if (!r)
		plugin_on_count(agent->plugins, on_count, agent);
	return r ? r : health_add_probe(agent->health, "store", probe_store, agent, err);
}

static int check_store(void *ctx, queue_done_fn on_done, void *arg, struct err *err)
{
	struct agent *agent = ctx;

	return store_audit(agent->store, queue_check, on_done, arg, err);
}

static int copy_store(void *ctx, const char *path, queue_done_fn on_done, void *arg, struct err *err)
{
	struct agent *agent = ctx;

	return store_backup(agent->store, path, on_done, arg, err);
}

static int open_api(struct agent *agent, struct err *err)
{
	struct api_env env = {
		.loop = agent->loop,
		.config = &agent->config->api,
		.queue = agent->queue,
		.catalog = agent->catalog,
		.supervise = agent->supervise,
		.plugins = agent->plugins,
		.health = agent->health,
		.auth = agent_needs_auth(agent->config) ? agent->auth : NULL,
		.data_dir = agent->data,
		.version = ORASI_VERSION,
		.check_store = check_store,
		.copy_store = copy_store,
		.ctx = agent,
	};
	int r = api_new(&env, &agent->api, err);

	if (!r)
		r = http_server_new(loop_uv(agent->loop), &agent->config->http, api_routes(agent->api), agent->api,
		                    &agent->http, err);
	if (!r)
		r = health_add_metrics(agent->health, http_metrics(agent->http), err);
	return r;
}

/* ---- stop ------------------------------------------------------------------------------------------- */

static void step_stopped(struct agent *agent)
{
	if (++agent->stopped == 2)
		loop_stop(agent->loop);
}

static void on_part_stopped(void *ctx)
{
	step_stopped(ctx);
}

static void on_stop_signal(void *ctx, int signum)
{
	struct agent *agent = ctx;
	int64_t grace = agent->config->shutdown_grace_ms;

	if (agent->stopping++) {
		log_warn("agent.killed", LOG_STR("reason", "a second signal: not waiting any longer"));
		_exit(1);
	}
	log_info("agent.stopping", LOG_INT("signal", signum), LOG_INT("grace_ms", grace));
	health_set_ready(agent->health, 0);
	api_stop(agent->api);
	http_server_stop(agent->http, grace, on_part_stopped, agent);
	supervise_stop(agent->supervise, grace, on_part_stopped, agent);
}

static void on_rescan_signal(void *ctx, int signum)
{
	struct agent *agent = ctx;

	(void)signum;
	auth_reload(agent->auth);
	api_on_auth(agent->api);
	plugin_registry_rescan(agent->plugins);
	agent_step_plugins(agent);
}

static int catch_signals(struct agent *agent, struct err *err)
{
	int r = loop_signal_new(agent->loop, SIGTERM, on_stop_signal, agent, &agent->on_term, err);

	if (!r)
		r = loop_signal_new(agent->loop, SIGINT, on_stop_signal, agent, &agent->on_int, err);
	if (!r)
		r = loop_signal_new(agent->loop, SIGHUP, on_rescan_signal, agent, &agent->on_hup, err);
	return r;
}

/* ---- the door ---------------------------------------------------------------------------------------- */

int agent_start(const struct agent_config *config, struct agent **ret, struct err *err)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	int r;

	if (!agent)
		return err_set(err, ERR_NOMEM, "out of memory");
	agent->config = config;
	r = loop_new(&agent->loop, err);
	if (!r)
		r = find_places(agent, err);
	if (!r)
		r = find_identity(agent, err);
	if (!r)
		r = find_worker(agent, err);
	if (!r)
		r = open_store(agent, err);
	if (!r)
		r = open_work(agent, err);
	if (!r)
		r = open_health(agent, err);
	if (!r)
		r = agent_open_auth(agent, err);
	if (!r)
		r = open_api(agent, err);
	if (!r)
		r = catch_signals(agent, err);
	if (r) {
		agent_free(agent);
		return r;
	}
	agent_step_plugins(agent);
	*ret = agent;
	return 0;
}

void agent_ready(struct agent *agent)
{
	const struct agent_config *config = agent->config;
	struct err err = {0};

	agent->ready = 1;
	health_set_ready(agent->health, 1);
	if (agent_write_address(agent, &err))
		log_error("agent.address", LOG_STR("error", err.text));
	log_info("agent.ready", LOG_STR("version", ORASI_VERSION), LOG_STR("listen", config->http.listen),
	         LOG_INT("port", http_server_port(agent->http)), LOG_STR("socket", config->http.unix_socket),
	         LOG_STR("data", agent->data), LOG_INT("pid", getpid()));
	supervise_on_ready(agent->supervise);
	malloc_trim(0); /* a start takes more memory than the wait that follows */
}

/* What the events of one turn have left to do, once for all of them. */
static void on_sleep(void *ctx)
{
	struct agent *agent = ctx;

	supervise_step(agent->supervise);
	if (queue_is_due_soon(agent->queue))
		queue_time(agent);
	store_give(agent->store);
	log_flush();
}

int agent_run(struct agent *agent)
{
	loop_on_sleep(agent->loop, on_sleep, agent);
	log_defer(1);
	store_gather(agent->store, 1);
	loop_run(agent->loop);
	store_gather(agent->store, 0);
	agent_remove_address(agent);
	log_info("agent.stopped", LOG_INT("pid", getpid()));
	log_defer(0);
	return EXIT_SUCCESS;
}

void agent_free(struct agent *agent)
{
	if (!agent)
		return;
	http_server_free(agent->http);
	api_free(agent->api);
	loop_watch_free(agent->auth_watch);
	auth_free(agent->auth);
	health_free(agent->health);
	supervise_free(agent->supervise);
	loop_watch_free(agent->plugin_watch);
	plugin_registry_free(agent->plugins);
	store_close(agent->store); /* takes what is still written, then tells no more */
	queue_close(agent->queue);
	catalog_close(agent->catalog);
	loop_timer_free(agent->queue_timer);
	loop_timer_free(agent->plugin_timer);
	loop_wake_free(agent->store_wake);
	loop_signal_free(agent->on_term);
	loop_signal_free(agent->on_int);
	loop_signal_free(agent->on_hup);
	loop_free(agent->loop);
	free(agent);
}
