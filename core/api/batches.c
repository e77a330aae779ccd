/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/batches: tasks that belong together, their counts, and a task that follows when all have ended. */
#include <string.h>

#include "api/access.h"
#include "api/check.h"
#include "base/str.h"

#define LIST_DEFAULT 100
#define LIST_MAX 1000

static const char *id_text(struct http_request *req, char prefix, int64_t id)
{
	char text[ID_LEN];

	id_format(prefix, id, text);
	return id ? arena_str(http_arena(req), text) : NULL;
}

static struct json *batch_json(struct http_request *req, const struct task_batch *batch)
{
	struct json *json = json_new_object();

	json_set_str(json, "id", id_text(req, 'b', batch->id));
	json_set_str(json, "name", batch->name);
	json_set_str(json, "tenant", batch->tenant);
	json_set_time(json, "created_at", batch->created_at);
	json_set_time(json, "completed_at", batch->completed_at);
	json_set_bool(json, "sealed", batch->sealed);
	json_set_int(json, "total", batch->total);
	json_set_int(json, "succeeded", batch->succeeded);
	json_set_int(json, "failed", batch->failed);
	json_set_int(json, "cancelled", batch->cancelled);
	json_set_int(json, "expired", batch->expired);
	json_set_str(json, "on_complete", id_text(req, 't', batch->on_complete));
	return json;
}

/* One of another tenant is not there. */
static int find_batch(struct api *api, struct http_request *req, int64_t id, struct task_batch *ret, struct err *err)
{
	int r = queue_batch_get(api->env.queue, id, http_arena(req), ret, err);

	return r || access_has_tenant(req, ret->tenant) ? r : queue_no_batch(err, id);
}

static void reply_batch(struct api *api, struct http_request *req, int64_t id, int status)
{
	struct task_batch batch;
	struct err err;

	if (find_batch(api, req, id, &batch, &err)) {
		reply_err(req, &err);
		return;
	}
	if (status == 201)
		http_set_header(req, "Location",
		                arena_printf(http_arena(req), "/v1/batches/%s", id_text(req, 'b', id)));
	reply_json(req, status, batch_json(req, &batch));
}

/* ---- new -------------------------------------------------------------------------------- */
struct opening {
	struct api *api;
	struct http_request *req;
	const char *queue, *key; /* of the task that follows; in flight */
};

static void on_new(void *ctx, int r, int64_t id, int is_repeated, const struct err *err)
{
	struct opening *opening = ctx;

	key_land(opening->api, opening->key);
	if (is_repeated)
		http_set_header(opening->req, "Idempotency-Replayed", "true");
	if (r)
		reply_put_error(opening->api, opening->req, opening->queue, err);
	else
		reply_batch(opening->api, opening->req, id, 201);
}

/* The task that follows, checked like any other; 0, or it has answered. */
static int read_follower(struct api *api, struct http_request *req, struct json *body, struct task_spec *spec)
{
	struct json *errors = json_new_array();
	struct check c = {api, http_arena(req), json_get_mut(body, "on_complete"), errors, "/on_complete", 0, req, 0};
	int r = 0;

	check_task(&c, req, NULL, 0, spec);
	if (json_count(errors)) {
		reply_refused(req, errors, c.denied);
		r = ERR_INVALID;
	}
	json_free(errors);
	return r;
}

/* What comes of it may be known at once: then it is answered when this comes back. */
static void open_batch(struct api *api, struct http_request *req, const struct queue_batch_spec *batch)
{
	struct opening *opening = arena_alloc(http_arena(req), sizeof(*opening));
	const struct task_spec *next = batch->on_complete;
	const char *key = batch->idempotency_key;
	struct err err = {0};
	int r;

	*opening = (struct opening){api, req, next ? arena_str(http_arena(req), next->queue) : NULL, NULL};
	if (key && key_take_off(api, req, batch->tenant, key, &opening->key))
		return;
	r = queue_batch_new(api->env.queue, batch, on_new, opening, &err);
	if (r)
		on_new(opening, r, 0, 0, &err);
}

void handle_batches_post(struct api *api, struct http_request *req)
{
	struct json *body = body_checked(api, req, "BatchPost");
	struct task_spec spec = {0};
	int follows = body && json_get(body, "on_complete");
	struct queue_batch_spec batch = {.on_complete = follows ? &spec : NULL};

	if (body && !key_read(req, &batch.idempotency_key))
		batch.tenant = access_tenant(req, json_get_str(body, "tenant", NULL));
	batch.name = json_get_str(body, "name", NULL);
	if (batch.tenant && (!follows || !read_follower(api, req, body, &spec)))
		open_batch(api, req, &batch);
	json_free(body);
}

/* ---- the others ------------------------------------------------------------------------- */
static int path_batch(struct http_request *req, int64_t *ret)
{
	if (!id_parse('b', http_param(req, "id"), ret))
		return 0;
	reply_fail(req, ERR_NOTFOUND, "'%.40s' is not the id of a batch", http_param(req, "id"));
	return ERR_NOTFOUND;
}

void handle_batch_get(struct api *api, struct http_request *req)
{
	int64_t id;

	if (!path_batch(req, &id))
		reply_batch(api, req, id, 200);
}

void handle_batches_get(struct api *api, struct http_request *req)
{
	int64_t limit = query_number(req, "limit", LIST_DEFAULT, LIST_MAX), before = 0;
	const char *cursor = http_query(req, "cursor");
	struct task_batch *batches;
	struct json *json, *items;
	struct err err;
	size_t n;

	if (limit < 0)
		return;
	if (cursor && id_parse('b', cursor, &before)) {
		reply_fail(req, ERR_INVALID, "the cursor is not one that this agent gave");
		return;
	}
	if (queue_batches(api->env.queue, http_query(req, "tenant"), access_tenants(req), before, (size_t)limit + 1,
	                  http_arena(req), &batches, &n, &err)) {
		reply_err(req, &err);
		return;
	}
	json = json_new_object();
	items = json_new_array();
	for (size_t i = 0; i < n && i < (size_t)limit; i++)
		json_push(items, batch_json(req, &batches[i]));
	json_set(json, "items", items);
	json_set_str(json, "next_cursor", n > (size_t)limit ? id_text(req, 'b', batches[limit - 1].id) : NULL);
	reply_json(req, 200, json);
}

static void on_sealed(void *ctx, int r, const struct err *err)
{
	struct pending *pending = ctx;

	if (r)
		reply_err(pending->req, err);
	else
		reply_batch(pending->api, pending->req, pending->id, 200);
}

void handle_batch_seal(struct api *api, struct http_request *req)
{
	struct pending *pending = pending_new(api, req);
	struct task_batch batch;
	struct err err;
	int r;

	if (path_batch(req, &pending->id))
		return;
	if (access_is_narrow(req) && find_batch(api, req, pending->id, &batch, &err)) {
		reply_err(req, &err);
		return;
	}
	r = queue_batch_seal(api->env.queue, pending->id, on_sealed, pending);
	if (r)
		reply_fail(req, r, "the batch cannot be sealed: %s", err_name(r));
}
