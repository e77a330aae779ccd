/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP API, version 1: what people and programs ask the agent, turned into calls of the rooms
 * that do it. It keeps no state of its own but the streams that are open and the last events.
 *
 * A task that is answered with 2xx is durable: the reply waits for the store. Every task is checked
 * completely before it is accepted, with all problems in one answer (docs/API.md).
 *
 * Threading: loop thread. */
#ifndef API_API_H
#define API_API_H

#include "base/err.h"
#include "base/metric.h"
#include "base/option.h"
#include "http/http.h"
#include "queue/queue.h"

struct api;
struct auth;
struct catalog;
struct health;
struct loop;
struct plugin_registry;
struct supervise;

struct api_config {
	uint64_t upload_max;   /* bytes of one upload */
	int64_t upload_age_ms; /* uploads older than this are removed */
	int64_t wait_max_ms;   /* longest wait of a request for a task */
	int64_t ping_ms;       /* between two comments of a stream */
};
extern const struct option api_options[];

/* The rooms behind the API and a few facts; all outlive it. */
struct api_env {
	struct loop *loop;
	const struct api_config *config;
	struct queue *queue;
	struct catalog *catalog;
	struct supervise *supervise;
	struct plugin_registry *plugins;
	struct health *health;
	struct auth *auth;    /* NULL: everybody may do everything */
	const char *data_dir; /* absolute */
	const char *version;
	/* Beside all else; NULL: there is none. on_done, once: 0 or ERR_CORRUPT, or what kept it from looking. */
	int (*check_store)(void *ctx, queue_done_fn on_done, void *arg, struct err *err);
	/* Copies the store into this file, which must not be there. NULL: there is none. */
	int (*copy_store)(void *ctx, const char *path, queue_done_fn on_done, void *arg, struct err *err);
	void *ctx;
};

/* Makes <data_dir>/uploads and sweeps it, now and every hour. */
int api_new(const struct api_env *env, struct api **ret, struct err *err);
/* For http_server_new, with the api as ctx. They die with the api. */
const struct http_route *api_routes(const struct api *api);
/* For queue_events.on_event: wakes who waits for the task and feeds the event streams. */
void api_on_event(void *api, const struct task_event *event);
/* Tasks that a task submits, by the rules of POST /v1/tasks: one spec per body, in `arena` and pointing into `bodies`.
 * ERR_INVALID with the first problem. */
struct json;
int api_check_tasks(struct api *api, struct json *bodies, struct arena *arena, struct task_spec **ret, struct err *err);
/* For queue_events.check_merged: by the same rules, but for what scheduling says, which a merge leaves alone. */
int api_check_merged(struct api *api, struct task_spec *merged, struct arena *arena, struct err *err);
/* For queue_events.on_ready: lets remote workers that wait have tasks. */
void api_on_ready(struct api *api);
/* What a worker said about the task with this id, as text. */
void api_on_log(struct api *api, const char *task, const char *level, const char *line);
/* For queue_events.wants_task: whether anybody looks at events of this task that lead to this state. */
int api_wants_task(const struct api *api, int64_t id, enum task_state state);
/* Tokens may have been revoked: ends the streams and the waits of those. */
void api_on_auth(struct api *api);
/* Ends event streams and answers waiting requests at once; call before http_server_stop. */
void api_stop(struct api *api);
/* After the HTTP server is gone and everything asked of the other rooms has been answered. */
void api_free(struct api *api);

#endif
