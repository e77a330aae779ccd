/* SPDX-License-Identifier: Apache-2.0 */
/* The agent itself: who it is, how it is, what it counts. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/inside.h"
#include "base/clock.h"
#include "base/file.h"
#include "catalog/catalog.h"
#include "health/health.h"
#include "supervise/supervise.h"

#define WORKERS_MAX 600

void handle_agent(struct api *api, struct http_request *req)
{
	struct json *json = json_new_object();
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	json_set_str(json, "name", "orasi-agent");
	json_set_str(json, "version", api->env.version);
	json_set_str(json, "host", host);
	json_set_int(json, "pid", getpid());
	json_set_str(json, "data_dir", api->env.data_dir);
	json_set_time(json, "started_at", api->started_at);
	reply_json(req, 200, json);
}

/* ---- status ----------------------------------------------------------------------------- */
static struct json *task_counts(struct api *api)
{
	struct json *json = json_new_object();
	int64_t counts[TASK_STATES] = {0};

	queue_counts(api->env.queue, counts);
	for (int state = 0; state < TASK_STATES; state++)
		json_set_int(json, task_state_name((enum task_state)state), counts[state]);
	return json;
}

static struct json *worker_json(const struct supervise_worker_info *worker)
{
	struct json *json = json_new_object();
	char id[ID_LEN];

	id_format('t', worker->task, id);
	json_set_str(json, "role", worker->role);
	json_set_str(json, "state", worker->state);
	json_set_int(json, "pid", worker->pid);
	json_set_time(json, "started_at", worker->started_at);
	json_set_int(json, "served", worker->served);
	json_set_str(json, "task", worker->task ? id : NULL);
	return json;
}

static struct json *worker_list(struct api *api, struct arena *arena)
{
	struct supervise_worker_info *workers = arena_alloc(arena, WORKERS_MAX * sizeof(*workers));
	size_t n = supervise_workers(api->env.supervise, workers, WORKERS_MAX);
	struct json *list = json_new_array();

	for (size_t i = 0; i < n && i < WORKERS_MAX; i++)
		json_push(list, worker_json(&workers[i]));
	return list;
}

void handle_workers(struct api *api, struct http_request *req)
{
	struct json *json = json_new_object();

	json_set(json, "items", worker_list(api, http_arena(req)));
	reply_json(req, 200, json);
}

static struct json *dataset_counts(struct api *api, struct arena *arena)
{
	struct json *json = json_new_object();
	const struct catalog_dataset **datasets;
	int64_t rows = 0, bytes = 0;
	size_t n = 0;

	if (!catalog_datasets(api->env.catalog, arena, &datasets, &n))
		for (size_t i = 0; i < n; i++) {
			rows += datasets[i]->rows > 0 ? datasets[i]->rows : 0;
			bytes += datasets[i]->bytes > 0 ? datasets[i]->bytes : 0;
		}
	json_set_int(json, "count", (int64_t)n);
	json_set_int(json, "rows", rows);
	json_set_int(json, "bytes", bytes);
	return json;
}

void handle_status(struct api *api, struct http_request *req)
{
	struct json *json = json_new_object();

	json_set_str(json, "version", api->env.version);
	json_set_time(json, "started_at", api->started_at);
	json_set_int(json, "uptime_ms", clock_wall_ms() - api->started_at);
	json_set_str(json, "health", health_verdict_name(health_check(api->env.health, NULL)));
	json_set_bool(json, "ready", health_is_ready(api->env.health));
	json_set(json, "tasks", task_counts(api));
	json_set(json, "workers", worker_list(api, http_arena(req)));
	json_set(json, "datasets", dataset_counts(api, http_arena(req)));
	reply_json(req, 200, json);
}

/* ---- health ----------------------------------------------------------------------------- */
static void reply_health(struct api *api, struct http_request *req, int is_fine)
{
	struct buf json;

	buf_init(&json, 0);
	health_check(api->env.health, &json);
	http_set_header(req, "Cache-Control", "no-store");
	http_reply_json(req, is_fine ? 200 : 503, json.failed ? "{}" : json.data);
	buf_done(&json);
}

void handle_health(struct api *api, struct http_request *req)
{
	reply_health(api, req, health_check(api->env.health, NULL) != HEALTH_FAILING);
}

/* Alive means that the loop turns: restarting would not help against anything else. */
void handle_health_live(struct api *api, struct http_request *req)
{
	reply_health(api, req, 1);
}

void handle_health_ready(struct api *api, struct http_request *req)
{
	reply_health(api, req, health_is_ready(api->env.health));
}

/* ---- metrics ---------------------------------------------------------------------------- */
static void reply_rendered(struct api *api, struct http_request *req, const char *type,
                           void (*render)(const struct health *health, struct buf *out))
{
	struct buf text;

	buf_init(&text, 0);
	render(api->env.health, &text);
	if (text.failed)
		reply_fail(req, text.failed, "no memory for the metrics");
	else
		http_reply(req, 200, type, text.data, text.len);
	buf_done(&text);
}

/* OpenMetrics for who names it and does not rather have the older text. */
void handle_metrics(struct api *api, struct http_request *req)
{
	int wanted = http_accept_quality(req, "application/openmetrics-text");

	http_set_header(req, "Vary", "Accept");
	if (wanted && wanted >= http_accept_quality(req, "text/plain"))
		reply_rendered(api, req, "application/openmetrics-text; version=1.0.0; charset=utf-8",
		               health_openmetrics);
	else
		reply_rendered(api, req, "text/plain; version=0.0.4; charset=utf-8", health_prometheus);
}

void handle_metrics_json(struct api *api, struct http_request *req)
{
	reply_rendered(api, req, "application/json", health_metrics_json);
}

/* ---- the store: audits and copies ------------------------------------------------------- */
static void on_audited(void *arg, int r, const struct err *err)
{
	struct http_request *req = arg;
	struct json *json;

	if (r && r != ERR_CORRUPT) {
		reply_err(req, err);
		return;
	}
	json = json_new_object();
	json_set_str(json, "status", r ? "corrupt" : "ok");
	json_set_str(json, "detail", r ? err->text : NULL);
	reply_json(req, 200, json);
}

void handle_store_check(struct api *api, struct http_request *req)
{
	struct err err = {0};

	if (!api->env.check_store)
		reply_fail(req, ERR_UNSUPPORTED, "this agent has no audit");
	else if (api->env.check_store(api->env.ctx, on_audited, req, &err))
		reply_err(req, &err);
}

struct copy {
	struct http_request *req;
	const char *path;
};

static void on_copied(void *arg, int r, const struct err *err)
{
	const struct copy *copy = arg;
	struct json *json;
	struct stat st;

	if (r) {
		reply_err(copy->req, err);
		return;
	}
	json = json_new_object();
	json_set_str(json, "path", copy->path);
	json_set_int(json, "bytes", stat(copy->path, &st) ? 0 : st.st_size);
	reply_json(copy->req, 201, json);
}

/* The agent chooses the name: a client cannot make it write anywhere else. */
void handle_store_backup(struct api *api, struct http_request *req)
{
	struct copy *copy = arena_alloc(http_arena(req), sizeof(*copy));
	const char *folder = arena_printf(http_arena(req), "%s/backups", api->env.data_dir);
	char now[CLOCK_RFC3339_LEN];
	struct err err = {0};

	clock_rfc3339(clock_wall_ms(), now);
	copy->req = req;
	copy->path = arena_printf(http_arena(req), "%s/orasi-%s.db", folder, now);
	if (!api->env.copy_store)
		reply_fail(req, ERR_UNSUPPORTED, "this agent makes no copies");
	else if (dir_make(folder, 0700, &err) || api->env.copy_store(api->env.ctx, copy->path, on_copied, copy, &err))
		reply_err(req, &err);
}
