/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the api room only. */
#ifndef API_INSIDE_H
#define API_INSIDE_H

#include "api/api.h"
#include "base/buf.h"
#include "base/heap.h"
#include "base/id.h"
#include "base/list.h"
#include "base/map.h"
#include "json/json.h"

struct catalog_dataset;
struct catalog_index;

/* ---- routes ----------------------------------------------------------------------------- */
typedef void (*api_handler)(struct api *api, struct http_request *req);

/* What a client sends and gets, for checking and for the OpenAPI document. */
struct api_route {
	const char *method, *pattern;
	api_handler handler;
	uint64_t body_max; /* of an upload: by config */
	unsigned flags;
	const char *operation; /* operationId */
	const char *help;
	const char *query;   /* names of allowed query parameters, see api_params; NULL = none */
	const char *body;    /* component of the JSON body, or a media type; NULL = none */
	const char *answers; /* "201:Task 200:Task 204": status and component or media type */
	unsigned needs;      /* verbs and flags of auth/auth.h */
};
extern const struct api_route api_table[]; /* ends with a NULL method */

int takes_lines(const struct api_route *route); /* also application/x-ndjson */

struct api_param {
	const char *name, *schema, *help;
};
extern const struct api_param api_params[]; /* query parameters; ends with a NULL name */

/* schemas.json: "schemas" for the OpenAPI document and for bodies, "tasks" by kind and what all kinds
 * have in common. They are of the subset in plugin/plugin.h. */
extern const char api_schemas_text[];
int schemas_load(struct api *api, struct err *err);
void schemas_free(struct api *api);
const struct json *schema_find(const struct api *api, const char *name); /* lent; NULL if unknown */
const struct json *kind_schema(const struct api *api, const char *kind); /* the same; with what all kinds have */
/* For the OpenAPI document, which is made when it is first asked for; caller frees. */
struct json *schema_of_kind(const struct api *api, const char *kind);
struct json *schemas_of_shapes(const struct api *api); /* all but those of tasks */

/* The document as JSON text; caller frees. */
char *openapi_text(const struct api *api);

/* ---- the api ---------------------------------------------------------------------------- */
#define EVENTS_KEPT 1024
#define API_BUCKETS 1024
#define OPERATIONS_KEPT 64
#define LOGS_KEPT 4096

struct kept_event {
	int64_t seq, task;
	char *text, *queue, *tenant; /* a whole SSE message; of which queue and tenant */
};

struct api {
	struct api_env env;
	struct http_route *routes;
	struct schemas *schemas;
	char *openapi;
	int64_t started_at;
	struct loop_timer *timer, *hourly;
	struct list watchers[API_BUCKETS]; /* by task id; that of 0 has the streams of all */
	size_t n_watchers;
	struct heap due;                       /* watchers, the earliest first */
	int64_t timer_at;                      /* mono ms: when `timer` is due, 0 = it is not set */
	struct kept_event events[EVENTS_KEPT]; /* a ring: seq modulo its size */
	int64_t last_seq, first_seq;           /* of the ring; nothing is kept before somebody listens */
	int listened;
	int stopping;
	struct kept_line *lines[LOGS_KEPT];            /* a ring of what workers said */
	size_t n_lines;                                /* ever */
	struct operation *operations[OPERATIONS_KEPT]; /* a ring: id modulo its size */
	int64_t last_operation;
	struct list wishes; /* for leases; who waits longest first */
	struct heap wishes_due;
	struct loop_timer *wish_timer, *grant_timer;
	struct map in_flight;   /* idempotency keys of submits that are not durable yet */
	struct json *no_errors; /* an empty list of problems, or NULL */
};

/* ---- replies and requests --------------------------------------------------------------- */
void reply_json(struct http_request *req, int status, struct json *json); /* takes json */
void reply_buf(struct http_request *req, int status, struct buf *out);    /* JSON text; ends out */
void reply_err(struct http_request *req, const struct err *err);
void reply_fail(struct http_request *req, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void reply_not_json(struct http_request *req, struct err *err);
/* A list of {"pointer","detail"}: 422, or with the status that is given. */
void reply_invalid(struct http_request *req, const struct json *errors);
void reply_errors(struct http_request *req, const struct json *errors, int status);
/* The same problem as text, in the request's arena. */
const char *invalid_text(struct http_request *req, const struct json *errors, int status);
/* 400: these lines of the body are not JSON. */
void reply_broken_lines(struct http_request *req, const struct json *errors);

/* The body as a JSON object (`{}` when there is none). On error it has answered and returns NULL.
 */
struct json *body_object(struct http_request *req);
/* The body, checked against a component of the document; same. */
struct json *body_checked(struct api *api, struct http_request *req, const char *component);
/* The number of a query parameter, `otherwise` if absent; -1: it has answered. */
int64_t query_number(struct http_request *req, const char *name, int64_t otherwise, int64_t max);
/* Milliseconds of "30s", "1500ms" or bare seconds "30", cut to the longest wait; -1 if it is none.
 */
int64_t wait_parse(const struct api *api, const char *text);

/* 422 for one member of the body that is wrong. */
void reply_wrong(struct http_request *req, const char *pointer, const char *detail);
/* critical, high, normal, low, or 0 to 9, as task_priority_parse; *ret stays when there is none. */
int read_priority(const struct json *value, struct arena *arena, int *ret);
#define PRIORITY_WRONG "it is critical, high, normal, low, or a number from 0 to 9"
void errors_add(struct json *errors, const char *pointer, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- idempotency keys: key.c ------------------------------------------------------------ */
/* That of the header, or NULL; 0, or it has answered. */
int key_read(struct http_request *req, const char **ret);
/* A request with the key is under way from now on, until key_land of *ret; 0, or it has answered: one is already. */
int key_take_off(struct api *api, struct http_request *req, const char *tenant, const char *key, const char **ret);
void key_land(struct api *api, const char *mark); /* NULL is fine */

/* ---- things as JSON --------------------------------------------------------------------- */
enum { TASK_BRIEF, TASK_FULL };                                                    /* full: with its spec and result */
void task_write(struct buf *out, const struct task *task, int how);                /* JSON text */
const char *task_text(struct http_request *req, const struct task *task, int how); /* in the arena, or NULL */
/* The same with its policy, and why it waits. They are no part of the ETag: one never changes, the other changes with
 * others. */
const char *task_text_whole(struct api *api, struct http_request *req, const struct task *task, const char *text);
struct json *attempt_json(const struct task_attempt *attempt);
struct json *dataset_json(const struct catalog_dataset *dataset);
struct json *index_json(const struct catalog_index *index);
struct json *stored_json(const char *text); /* JSON that the agent has written itself */
/* A strong ETag (without quotes) of a text, in the request's arena. */
const char *etag_of(struct http_request *req, const char *text);

/* ---- tasks ------------------------------------------------------------------------------ */
/* Tasks of a request, read, checked and completed; strings live in the request's arena. */
struct submission {
	struct json *trees; /* of a list an array, or NULL: its lines are read one by one; else the task */
	struct task_spec *specs;
	size_t n; /* of specs: tasks that are fine */
	struct submission_item {
		int64_t place;       /* of its spec; -1: it is wrong */
		int status;          /* then */
		const char *problem; /* then: a problem document, when asked for by item */
	} * items;
	size_t n_items;
	int is_list, is_lines, by_item;
	int has_no_nul;   /* no text in it can have a NUL */
	const char *text; /* of the body, and its lines that have a task each, from 1; made when somebody asks */
	size_t n_text, *lines;
	const char *key, *tenant; /* of a list: its Idempotency-Key, or NULL; of its first task */
	int64_t digest;           /* then: of all that came */
};
/* 0, or it has answered. by_item: what is wrong with one task is for the answer, the others go on. */
int submission_read(struct api *api, struct http_request *req, int by_item, struct submission *ret);
void submission_done(struct submission *submission);
/* The line that item i stands in, from 1; 0: the body has no lines. */
size_t submission_line(struct http_request *req, struct submission *submission, size_t i);
extern const char *const kind_names[]; /* NULL-ended */

/* Puts one task with this body; the answer has it as 202 with Location. */
void reply_with_task(struct api *api, struct http_request *req, const char *kind, const char *dataset,
                     struct json *body);
/* queue_get, but for tasks that are not his who asks: they are not there. */
int find_task(struct api *api, struct http_request *req, int64_t id, struct task **ret, struct err *err);
/* Why there is no such task: 410 for one that was there and is not kept any more. */
void reply_no_task(struct api *api, struct http_request *req, int64_t id, const struct err *err);
void reply_task(struct api *api, struct http_request *req, int64_t id, int status);
void reply_known_task(struct api *api, struct http_request *req, const struct task *task, int status);
const char *task_url(struct http_request *req, int64_t id);
void reply_put_error(struct api *api, struct http_request *req, const char *queue, const struct err *err);

/* ---- waiting and events ----------------------------------------------------------------- */
/* Answers with the task when it has ended, or has changed from `etag` (if not NULL), or after `ms`,
 * then with `status`. */
void api_watch_task(struct api *api, struct http_request *req, int64_t id, int64_t ms, const char *etag, int status);
void api_watch_init(struct api *api);
void api_watch_done(struct api *api);
void api_watch_tick(void *api);
void api_watch_stop(struct api *api);
void api_watch_sweep(struct api *api); /* ends those whose token is no longer good */
void events_free(struct api *api);
void handle_task_events(struct api *api, struct http_request *req);
void handle_events(struct api *api, struct http_request *req);

void logs_free(struct api *api);

/* ---- operations ------------------------------------------------------------------------- */
void operations_free(struct api *api);
/* A state, or "waiting", "live", "ended", "unsuccessful". */
#define STATES_KNOWN                                                                                           \
	"blocked, scheduled, ready, running, succeeded, failed, cancelled, expired, or waiting, live, ended, " \
	"unsuccessful"
int state_parse(const char *text, int *ret);

/* ---- requests that wait for the store ------------------------------------------------------ */
/* Lives in the request's arena. */
struct pending {
	struct api *api;
	struct http_request *req;
	int64_t id;
};
struct pending *pending_new(struct api *api, struct http_request *req);
/* The end of a write that takes something away: 204, or why not. `ctx` is the request. */
void reply_gone(void *ctx, int r, const struct err *err);

/* ---- leases ------------------------------------------------------------------------------ */
int api_leases_init(struct api *api, struct err *err);
void api_leases_stop(struct api *api); /* answers who waits */
void api_leases_sweep(struct api *api);
void api_leases_done(struct api *api);
/* Of the lease that a body asks for; 0, or it has been answered. */
int lease_check_length(struct http_request *req, const struct json *body);

/* ---- handlers --------------------------------------------------------------------------- */
void handle_tasks_batch(struct api *api, struct http_request *req);
void handle_task_reschedule(struct api *api, struct http_request *req);
void handle_task_promote(struct api *api, struct http_request *req);
void handle_tasks_post(struct api *api, struct http_request *req);
void handle_tasks_get(struct api *api, struct http_request *req);
void handle_task_get(struct api *api, struct http_request *req);
void handle_task_attempts(struct api *api, struct http_request *req);
void handle_task_result(struct api *api, struct http_request *req);
void handle_task_cancel(struct api *api, struct http_request *req);
void handle_task_retry(struct api *api, struct http_request *req);
void handle_task_delete(struct api *api, struct http_request *req);
void handle_tasks_cancel(struct api *api, struct http_request *req);
void handle_tasks_redrive(struct api *api, struct http_request *req);
void handle_tasks_delete(struct api *api, struct http_request *req);
void handle_operation_get(struct api *api, struct http_request *req);
void handle_queue_purge(struct api *api, struct http_request *req);
void handle_schedules_get(struct api *api, struct http_request *req);
void handle_schedule_get(struct api *api, struct http_request *req);
void handle_schedule_put(struct api *api, struct http_request *req);
void handle_schedule_delete(struct api *api, struct http_request *req);
void handle_schedule_pause(struct api *api, struct http_request *req);
void handle_schedule_resume(struct api *api, struct http_request *req);
void handle_task_logs(struct api *api, struct http_request *req);
void handle_store_check(struct api *api, struct http_request *req);
void handle_store_backup(struct api *api, struct http_request *req);
void handle_queues_get(struct api *api, struct http_request *req);
void handle_queue_get(struct api *api, struct http_request *req);
void handle_queue_stats(struct api *api, struct http_request *req);
void handle_queue_put(struct api *api, struct http_request *req);
void handle_queue_patch(struct api *api, struct http_request *req);
void handle_queue_pause(struct api *api, struct http_request *req);
void handle_queue_resume(struct api *api, struct http_request *req);
void handle_queue_drain(struct api *api, struct http_request *req);
void handle_batches_get(struct api *api, struct http_request *req);
void handle_batches_post(struct api *api, struct http_request *req);
void handle_batch_get(struct api *api, struct http_request *req);
void handle_batch_seal(struct api *api, struct http_request *req);
void handle_leases_post(struct api *api, struct http_request *req);
void handle_leases_heartbeat(struct api *api, struct http_request *req);
void handle_leases_settle(struct api *api, struct http_request *req);
void handle_workers(struct api *api, struct http_request *req);
void handle_upload_post(struct api *api, struct http_request *req);
void handle_query(struct api *api, struct http_request *req);
void handle_datasets_get(struct api *api, struct http_request *req);
void handle_dataset_get(struct api *api, struct http_request *req);
void handle_dataset_put(struct api *api, struct http_request *req);
void handle_dataset_delete(struct api *api, struct http_request *req);
void handle_dataset_schema(struct api *api, struct http_request *req);
void handle_dataset_files(struct api *api, struct http_request *req);
void handle_dataset_history(struct api *api, struct http_request *req);
void handle_indexes_get(struct api *api, struct http_request *req);
void handle_indexes_post(struct api *api, struct http_request *req);
void handle_index_get(struct api *api, struct http_request *req);
void handle_index_delete(struct api *api, struct http_request *req);
void handle_index_build(struct api *api, struct http_request *req);
void handle_index_verify(struct api *api, struct http_request *req);
void handle_index_optimize(struct api *api, struct http_request *req);
void handle_plugins_get(struct api *api, struct http_request *req);
void handle_plugin_get(struct api *api, struct http_request *req);
void handle_plugins_rescan(struct api *api, struct http_request *req);
void handle_plugin_clear(struct api *api, struct http_request *req);
void handle_plugin_pin(struct api *api, struct http_request *req);
void handle_plugin_unpin(struct api *api, struct http_request *req);
void handle_agent(struct api *api, struct http_request *req);
void handle_status(struct api *api, struct http_request *req);
void handle_health(struct api *api, struct http_request *req);
void handle_health_live(struct api *api, struct http_request *req);
void handle_health_ready(struct api *api, struct http_request *req);
void handle_metrics(struct api *api, struct http_request *req);
void handle_metrics_json(struct api *api, struct http_request *req);
void handle_openapi(struct api *api, struct http_request *req);

/* ---- datasets and uploads --------------------------------------------------------------- */
/* The dataset that the path names, or NULL: it has answered 404. */
const struct catalog_dataset *path_dataset(struct api *api, struct http_request *req);
struct json *order_with_dataset(const struct catalog_dataset *dataset);
int dataset_is_reserved(const char *name); /* "…__rejects": made by ingest only */
/* An absolute path without "." and ".." parts. */
int path_is_plain(const char *path);
int location_is_far(const char *location); /* s3://bucket/prefix */
/* <data_dir>/uploads/<id> if there is such an upload, else NULL. */
const char *upload_path(struct api *api, const char *id, struct arena *arena);
void uploads_sweep(void *api);

#endif
