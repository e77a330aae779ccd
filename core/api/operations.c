/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs on all tasks that match: POST /v1/tasks:cancel, :redrive, :delete and POST /v1/queues/{queue}:purge. The
 * queue goes through them in slices; how far it is, is an operation at /v1/operations/{id}. Operations are in RAM:
 * what a dead agent had not reached is simply still there, and the request may be sent again. */
#include <stdlib.h>
#include <string.h>

#include "api/access.h"
#include "base/clock.h"
#include "base/str.h"

struct operation {
	int64_t id, created_at, finished_at;
	const char *verb; /* static */
	int dry_run, running;
	char owner[AUTH_ID_LEN]; /* token that asked for it, "" = none */
	struct queue_bulk_counts counts;
	struct err err;
	struct api *api;
	struct http_request *req; /* a dry run answers when it is done */
};

static const char *const verb_names[] = {
	[QUEUE_CANCEL] = "cancel", [QUEUE_REDRIVE] = "redrive", [QUEUE_DELETE] = "delete"};

/* ---- the ring of operations ---------------------------------------------------------------- */
static struct operation *operation_find(struct api *api, int64_t id)
{
	struct operation *operation = api->operations[(uint64_t)id % OPERATIONS_KEPT];

	return operation && operation->id == id ? operation : NULL;
}

/* NULL: no memory, or the one whose place it would take still runs. */
static struct operation *operation_new(struct api *api)
{
	int64_t id = api->last_operation + 1;
	struct operation **place = &api->operations[(uint64_t)id % OPERATIONS_KEPT];
	struct operation *operation;

	if (*place && (*place)->running)
		return NULL;
	operation = calloc(1, sizeof(*operation));
	if (!operation)
		return NULL;
	free(*place);
	*place = operation;
	api->last_operation = operation->id = id;
	operation->api = api;
	operation->created_at = clock_wall_ms();
	operation->running = 1;
	return operation;
}

void operations_free(struct api *api)
{
	for (size_t i = 0; i < OPERATIONS_KEPT; i++)
		free(api->operations[i]);
}

static struct json *operation_json(const struct operation *operation)
{
	struct json *json = json_new_object();
	char id[ID_LEN];

	id_format('o', operation->id, id);
	json_set_str(json, "id", id);
	json_set_str(json, "verb", operation->verb);
	json_set_str(json, "state", operation->running ? "running" : operation->err.code ? "failed" : "done");
	json_set_bool(json, "dry_run", operation->dry_run);
	json_set_int(json, "matched", operation->counts.matched);
	json_set_int(json, "done", operation->counts.done);
	json_set_int(json, "refused", operation->counts.refused);
	json_set_time(json, "created_at", operation->created_at);
	json_set_time(json, "finished_at", operation->finished_at);
	json_set_str(json, "error", operation->err.code ? operation->err.text : NULL);
	return json;
}

static void reply_operation(struct http_request *req, const struct operation *operation, int status)
{
	char id[ID_LEN];

	id_format('o', operation->id, id);
	if (status == 202)
		http_set_header(req, "Location", arena_printf(http_arena(req), "/v1/operations/%s", id));
	reply_json(req, status, operation_json(operation));
}

void handle_operation_get(struct api *api, struct http_request *req)
{
	struct operation *operation = NULL;
	int64_t id;

	if (!id_parse('o', http_param(req, "id"), &id))
		operation = operation_find(api, id);
	if (operation && (!access_is_narrow(req) || str_eq(operation->owner, access_id(req))))
		reply_operation(req, operation, 200);
	else
		reply_fail(req, ERR_NOTFOUND,
		           "there is no operation '%.40s': the last %d since the agent's start are known",
		           http_param(req, "id"), OPERATIONS_KEPT);
}

/* ---- running -------------------------------------------------------------------------------- */
static void on_slice(void *ctx, const struct queue_bulk_counts *counts)
{
	struct operation *operation = ctx;

	operation->counts = *counts;
}

static void on_done(void *ctx, int r, const struct queue_bulk_counts *counts, const struct err *err)
{
	struct operation *operation = ctx;
	struct http_request *req = operation->req;

	operation->counts = *counts;
	operation->running = 0;
	operation->finished_at = clock_wall_ms();
	operation->req = NULL;
	if (r)
		operation->err = *err;
	if (req && r)
		reply_err(req, err);
	else if (req)
		reply_operation(req, operation, 200);
}

static void start(struct api *api, struct http_request *req, struct queue_bulk_ask *ask)
{
	struct operation *operation = operation_new(api);
	struct err err = {0};
	int r;

	if (!operation) {
		reply_fail(req, ERR_BUSY, "%d operations are running: wait for one to end", OPERATIONS_KEPT);
		return;
	}
	operation->verb = verb_names[ask->verb];
	str_copy(operation->owner, sizeof(operation->owner), access_id(req));
	access_narrow(req, &ask->filter);
	operation->dry_run = ask->dry_run;
	operation->req = ask->dry_run ? req : NULL;
	ask->on_slice = on_slice;
	ask->on_done = on_done;
	ask->ctx = operation;
	r = queue_bulk(api->env.queue, ask, &err);
	if (r) {
		operation->running = 0;
		operation->err = err;
		reply_err(req, &err);
	} else if (!ask->dry_run) {
		reply_operation(req, operation, 202);
	}
}

/* ---- the filter ------------------------------------------------------------------------------ */
static int bad(struct http_request *req, const char *pointer, const char *why)
{
	reply_wrong(req, pointer, why);
	return ERR_INVALID;
}

static int read_state(struct http_request *req, const struct json *body, enum queue_verb verb, int *ret)
{
	static const int usual[] =
		{[QUEUE_CANCEL] = QUEUE_LIVE, [QUEUE_REDRIVE] = QUEUE_UNSUCCESSFUL, [QUEUE_DELETE] = QUEUE_ENDED};
	const char *text = json_get_str(body, "state", NULL);

	*ret = usual[verb];
	return text && state_parse(text, ret) ? bad(req, "/state", "it is not a state: " STATES_KNOWN) : 0;
}

static int read_ids(struct http_request *req, const struct json *body, struct queue_filter *filter)
{
	const char *parent = json_get_str(body, "parent", NULL), *batch = json_get_str(body, "batch", NULL);

	if (parent && id_parse('t', parent, &filter->parent))
		return bad(req, "/parent", "it is not the id of a task");
	return batch && id_parse('b', batch, &filter->batch) ? bad(req, "/batch", "it is not the id of a batch") : 0;
}

static int read_label(struct http_request *req, const struct json *body, struct queue_filter *filter)
{
	const struct json *labels = json_get(body, "labels"), *value;
	size_t at = 0;

	if (json_count(labels) > 1)
		return bad(req, "/labels", "only one label can be asked for at a time");
	if (json_each(labels, &at, &filter->label_key, &value))
		filter->label_value = json_str(value, "");
	return 0;
}

static int read_filter(struct http_request *req, const struct json *body, enum queue_verb verb,
                       struct queue_filter *filter)
{
	*filter = (struct queue_filter){
		.kind = json_get_str(body, "kind", NULL),
		.queue = json_get_str(body, "queue", NULL),
		.dataset = json_get_str(body, "dataset", NULL),
		.tenant = json_get_str(body, "tenant", NULL),
	};
	clock_from_rfc3339(json_get_str(body, "created_after", ""), &filter->created_after);
	clock_from_rfc3339(json_get_str(body, "created_before", ""), &filter->created_before);
	return read_state(req, body, verb, &filter->state) || read_ids(req, body, filter) ||
	       read_label(req, body, filter);
}

/* Nobody means all tasks of the agent by leaving something out. */
static int is_bounded(const struct json *body)
{
	static const char *const filters[] = {"state",  "kind",   "queue", "tenant",        "dataset",
	                                      "labels", "parent", "batch", "created_after", "created_before"};

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		if (json_get(body, filters[i]))
			return 1;
	return json_get_bool(body, "all", 0);
}

static void bulk(struct api *api, struct http_request *req, enum queue_verb verb)
{
	struct json *body = body_checked(api, req, "TaskFilter");
	struct queue_bulk_ask ask = {.verb = verb};

	if (!body)
		return;
	ask.dry_run = json_get_bool(body, "dry_run", 0);
	ask.max = json_get_int(body, "max", 0);
	if (!is_bounded(body))
		reply_fail(req, ERR_INVALID,
		           "which tasks? Give a filter, such as {\"queue\":\"default\"}, or {\"all\":true}");
	else if (!read_filter(req, body, verb, &ask.filter))
		start(api, req, &ask);
	json_free(body);
}

void handle_tasks_cancel(struct api *api, struct http_request *req)
{
	bulk(api, req, QUEUE_CANCEL);
}

void handle_tasks_redrive(struct api *api, struct http_request *req)
{
	bulk(api, req, QUEUE_REDRIVE);
}

void handle_tasks_delete(struct api *api, struct http_request *req)
{
	bulk(api, req, QUEUE_DELETE);
}

/* Cancels what waits in it; what runs goes on. */
void handle_queue_purge(struct api *api, struct http_request *req)
{
	struct queue_bulk_ask ask = {.verb = QUEUE_CANCEL};
	struct queue_info info;

	ask.filter.state = QUEUE_WAITING;
	ask.filter.queue = http_param(req, "queue");
	if (queue_info(api->env.queue, ask.filter.queue, http_arena(req), &info))
		reply_fail(req, ERR_NOTFOUND, "there is no queue '%.100s'", ask.filter.queue);
	else
		start(api, req, &ask);
}
