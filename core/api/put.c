/* SPDX-License-Identifier: Apache-2.0 */
/* Submitting tasks: POST /v1/tasks (all or none) and POST /v1/tasks:batch (each for itself). The answer
 * waits for the store, and with "Prefer: wait" for the end of the task. */
#include <stdlib.h>
#include <string.h>

#include "api/access.h"
#include "base/clock.h"
#include "base/str.h"

/* A request that waits for the store. Lives in the request's arena. */
struct put {
	struct api *api;
	struct http_request *req;
	struct submission submission; /* its items; trees and specs are gone when the store answers */
	int64_t wait_ms;
	const char *key, *queue, *tenant; /* in flight; of the first task */
	const char **queues;              /* of each task, when each is answered for itself */
	int minimal;
};

static struct put *put_new(struct api *api, struct http_request *req)
{
	struct put *put = arena_alloc(http_arena(req), sizeof(*put));

	put->api = api;
	put->req = req;
	return put;
}

/* ---- errors ----------------------------------------------------------------------------- */
/* A key with another request: 422, as the draft wants it. */
static int is_key_conflict(int code, const char *error)
{
	return code == ERR_CONFLICT && error && str_starts(error, "the idempotency key ");
}

/* "[3]/batch", the task at fault and a place in it, as a pointer into the body. */
static const char *pointer_of(struct http_request *req, const char *where)
{
	size_t n = where[0] == '[' ? strcspn(where, "]") : 0;

	return n ? arena_printf(http_arena(req), "/%.*s%s", (int)n - 1, where + 1, where + n + 1) : where;
}

/* One policy and what is left of it; those before it come first. */
static void add_limit(struct arena *arena, const char **policy, const char **limit, const char *name,
                      const struct queue_room *room, int64_t retry_after_ms)
{
	const char *comma = **policy ? ", " : "";

	*policy = arena_printf(arena, "%s%s\"%s\";q=%lld;qu=\"concurrent-requests\"", *policy, comma, name,
	                       (long long)room->quota);
	*limit = arena_printf(arena, "%s%s\"%s\";r=%lld;t=%lld", *limit, comma, name, (long long)room->left,
	                      (long long)(retry_after_ms + 999) / 1000);
}

/* draft-ietf-httpapi-ratelimit-headers: what waits or runs counts as a concurrent request. Of a tenant with a quota of its
 * own and of all tenants together the one with less room counts: more the caller does not get. */
static void set_rate_limit(struct api *api, struct http_request *req, const char *queue, const char *tenant,
                           int64_t retry_after_ms)
{
	struct queue_room rooms[QUEUE_ROOMS], *own = &rooms[QUEUE_ROOM_TENANT], *all = &rooms[QUEUE_ROOM_AGENT];
	struct arena *arena = http_arena(req);
	const char *policy = "", *limit = "";
	int is_own;

	queue_room(api->env.queue, queue, tenant, rooms);
	is_own = own->quota && (!all->quota || own->left <= all->left);
	if (rooms[QUEUE_ROOM_QUEUE].quota)
		add_limit(arena, &policy, &limit, "queue", &rooms[QUEUE_ROOM_QUEUE], retry_after_ms);
	if (is_own || all->quota)
		add_limit(arena, &policy, &limit, is_own ? "tenant" : "agent", is_own ? own : all, retry_after_ms);
	http_set_header(req, "RateLimit-Policy", policy);
	http_set_header(req, "RateLimit", limit);
}

/* What the answer says besides the error itself. */
static struct http_problem describe(struct api *api, const char *queue, const struct err *err)
{
	struct http_problem more = {0};

	if (err->code == ERR_LIMIT) { /* the queue is full: that passes */
		more.status = 429;
		more.type = "queue-full";
		more.retry_after_ms = queue_retry_after_ms(api->env.queue, queue);
	} else if (is_key_conflict(err->code, err->text)) {
		more.status = 422;
		more.type = "idempotency-key-reused";
	} else if (err->code == ERR_EXISTS) {
		more.type = "unique-conflict";
	} else if (err->code == ERR_NOTFOUND || err->code == ERR_INVALID) {
		more.status = 422; /* what is named in the body is not there; the path is */
	}
	return more;
}

/* `existing`: the task that has the unique key, 0 when nobody said. */
static void reply_refusal(struct api *api, struct http_request *req, const char *queue, const char *tenant,
                          const struct err *err, int64_t existing)
{
	struct http_problem more = describe(api, queue, err);
	struct err said = *err;

	if (err->code == ERR_EXISTS && existing)
		more.extra = arena_printf(http_arena(req), "\"existing\":\"%s\"", task_url(req, existing));
	if (err->code == ERR_LIMIT)
		set_rate_limit(api, req, queue, tenant, more.retry_after_ms);
	err_where(&said, "%s", pointer_of(req, err->where));
	http_reply_problem(req, &said, &more);
}

void reply_put_error(struct api *api, struct http_request *req, const char *queue, const struct err *err)
{
	reply_refusal(api, req, queue, NULL, err, 0);
}

/* ---- answers ---------------------------------------------------------------------------- */
static void reply_minimal(struct http_request *req, int64_t id, int status)
{
	char body[] = "{\"id\":\"t_0000000000000\"}";
	const size_t at = sizeof("{\"id\":\"") - 1;

	id_format('t', id, body + at);
	body[at + ID_LEN - 1] = '"'; /* where it has put its NUL */
	http_set_header(req, "Location", task_url(req, id));
	http_set_header_line(req, "Preference-Applied: return=minimal\r\n");
	http_reply_json(req, status, body);
}

/* The task that a key has found was put by somebody else, perhaps, who has the same tenant. */
static int may_see(struct put *put, int64_t id)
{
	return access_may(put->req, AUTH_READ) && access_sees_task(put->api, put->req, id);
}

static void reply_one(struct put *put, const struct queue_put_result *result)
{
	int status = result->existed == QUEUE_HELD ? 200 : 201;

	if (result->existed == QUEUE_REPEATED)
		http_set_header(put->req, "Idempotency-Replayed", "true");
	if ((put->minimal && !put->wait_ms) || (result->existed && !may_see(put, result->id)))
		reply_minimal(put->req, result->id, status);
	else
		api_watch_task(put->api, put->req, result->id, put->wait_ms, NULL, status);
}

static void put_id(struct buf *out, int64_t id)
{
	char text[ID_LEN];

	id_format('t', id, text);
	buf_puts(out, "{\"id\":\"");
	buf_add(out, text, ID_LEN - 1);
	buf_putc(out, '"');
}

/* All of them were there: an answer from before. */
static int is_repeated(const struct queue_put_result *results, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (results[i].existed != QUEUE_REPEATED)
			return 0;
	return 1;
}

static void reply_list(struct put *put, const struct queue_put_result *results, size_t n)
{
	struct buf out;

	if (put->submission.key && is_repeated(results, n))
		http_set_header(put->req, "Idempotency-Replayed", "true");
	buf_init(&out, 0);
	buf_puts(&out, "{\"tasks\":[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(&out, ',');
		put_id(&out, results[i].id);
		buf_puts(&out, results[i].existed ? ",\"existed\":true}" : ",\"existed\":false}");
	}
	buf_puts(&out, "]}");
	reply_buf(put->req, 200, &out);
}

/* Which one it is, for those that were refused. */
static void put_place(struct put *put, struct buf *out, size_t i, int status)
{
	size_t line = submission_line(put->req, &put->submission, i);

	buf_printf(out, "{\"index\":%zu,", i);
	if (line)
		buf_printf(out, "\"line\":%zu,", line);
	buf_printf(out, "\"status\":%d,\"problem\":", status);
}

static void put_refused(struct put *put, struct buf *out, size_t i, const struct queue_put_result *result)
{
	const char *queue = put->queues[put->submission.items[i].place];
	struct http_problem more;
	struct err err = {0};

	err_set(&err, result->code, "%s", result->error ? result->error : err_name(result->code));
	err_where(&err, "%s", result->where ? result->where : "");
	more = describe(put->api, queue, &err);
	if (result->code == ERR_EXISTS && result->id)
		more.extra = arena_printf(http_arena(put->req), "\"existing\":\"%s\"", task_url(put->req, result->id));
	put_place(put, out, i, more.status ? more.status : http_status_of(result->code));
	buf_puts(out, http_problem_text(put->req, &err, &more));
	buf_putc(out, '}');
}

/* What became of one task of many: as the answer to it alone would have been. */
static void put_item(struct put *put, struct buf *out, size_t i, const struct queue_put_result *results)
{
	const struct submission_item *item = &put->submission.items[i];
	const struct queue_put_result *result = item->place < 0 ? NULL : &results[item->place];

	if (!result) {
		put_place(put, out, i, item->status);
		buf_puts(out, item->problem);
		buf_putc(out, '}');
	} else if (result->code) {
		put_refused(put, out, i, result);
	} else {
		put_id(out, result->id);
		buf_puts(out, result->existed == QUEUE_HELD ? ",\"status\":200}" : ",\"status\":201}");
	}
}

static void reply_items(struct put *put, const struct queue_put_result *results)
{
	const struct submission *s = &put->submission;
	struct buf out;

	buf_init(&out, 0);
	buf_puts(&out, s->is_lines ? "" : "[");
	for (size_t i = 0; i < s->n_items; i++) {
		if (i)
			buf_putc(&out, s->is_lines ? '\n' : ',');
		put_item(put, &out, i, results);
	}
	buf_puts(&out, s->is_lines ? "\n" : "]");
	if (out.failed)
		reply_fail(put->req, out.failed, "no memory for the answer");
	else
		http_reply(put->req, 200, s->is_lines ? "application/x-ndjson" : "application/json", out.data, out.len);
	buf_done(&out);
}

static void on_put(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *err)
{
	struct put *put = ctx;

	key_land(put->api, put->key);
	if (!r)
		http_set_header_line(put->req, "Task-Durability: fsync\r\n");
	if (r)
		reply_refusal(put->api, put->req, put->queue, put->tenant, err,
		              results && put->submission.n == 1 ? results[0].id : 0);
	else if (put->submission.by_item)
		reply_items(put, results);
	else if (put->submission.is_list)
		reply_list(put, results, n);
	else
		reply_one(put, results);
}

/* ---- requests --------------------------------------------------------------------------- */
/* 0, or it has answered: the same key is under way. */
static int fly(struct put *put)
{
	const struct submission *s = &put->submission;
	const char *key = s->key ? s->key : s->n == 1 ? s->specs[0].idempotency_key : NULL;
	const char *tenant = s->key ? s->tenant : s->specs[0].tenant;

	return key ? key_take_off(put->api, put->req, tenant, key, &put->key) : 0;
}

/* Where in the request each of the tasks stood that are fine. */
static const size_t *places_of(struct http_request *req, const struct submission *s)
{
	size_t *places = arena_alloc(http_arena(req), (s->n + 1) * sizeof(*places));

	for (size_t i = 0; i < s->n_items; i++)
		if (s->items[i].place >= 0)
			places[s->items[i].place] = i;
	return places;
}

static int put_all(struct put *put, const struct submission *s, int flags, struct err *err)
{
	struct queue_call call = {s->tenant, s->key, s->digest, s->n_items, NULL};

	flags |= QUEUE_LENT | QUEUE_CHECKED; /* check_task has, and the request lives until it is answered */
	if (!s->key)
		return queue_put(put->api->env.queue, s->specs, s->n, flags, on_put, put, err);
	call.places = places_of(put->req, s);
	return queue_put_call(put->api->env.queue, &call, s->specs, s->n, flags, on_put, put, err);
}

/* The specs are gone when the answer is written. */
static void keep_queues(struct put *put, const struct submission *s)
{
	struct arena *arena = http_arena(put->req);

	put->queues = arena_alloc(arena, s->n * sizeof(*put->queues));
	for (size_t i = 0; i < s->n; i++)
		put->queues[i] = i && str_eq(s->specs[i].queue, s->specs[i - 1].queue)
		                         ? put->queues[i - 1]
		                         : arena_str(arena, s->specs[i].queue);
}

/* Its answer is the end of the task, most likely. */
#define AWAITS_END_MS 500

static void submit(struct put *put, int flags)
{
	struct submission s = put->submission; /* an answer may come at once, and put is gone with it */
	struct err err = {0};
	int r;

	if (!s.n) { /* by item, and none is fine */
		reply_items(put, NULL);
	} else if (!fly(put)) {
		put->queue = arena_str(http_arena(put->req), s.specs[0].queue);
		put->tenant = arena_str(http_arena(put->req), s.specs[0].tenant);
		if (s.by_item)
			keep_queues(put, &s);
		else if (!s.is_list && put->wait_ms >= AWAITS_END_MS)
			flags |= QUEUE_END_IS_AWAITED;
		r = put_all(put, &s, flags, &err);
		if (r)
			on_put(put, r, NULL, 0, &err);
	}
	submission_done(&s);
}

void handle_tasks_post(struct api *api, struct http_request *req)
{
	const char *wait = http_prefer(req, "wait"), *wanted = http_prefer(req, "return");
	struct put *put = put_new(api, req);

	put->minimal = str_eq(wanted, "minimal");
	if (wait)
		put->wait_ms = wait_parse(api, wait);
	if (put->wait_ms < 0)
		put->wait_ms = 0; /* a preference that is not understood is ignored (RFC 7240) */
	if (!submission_read(api, req, 0, &put->submission))
		submit(put, QUEUE_ATOMIC);
}

void handle_tasks_batch(struct api *api, struct http_request *req)
{
	const char *text = http_query(req, "atomic");
	struct put *put = put_new(api, req);
	int atomic = 0;

	if (text && str_to_bool(text, &atomic)) {
		reply_fail(req, ERR_INVALID, "'atomic=%.20s' is neither true nor false", text);
		return;
	}
	if (submission_read(api, req, !atomic, &put->submission))
		return;
	put->submission.by_item = 1; /* the answer is */
	submit(put, atomic ? QUEUE_ATOMIC : 0);
}

/* ---- tasks of the agent's own ------------------------------------------------------------ */
static void on_put_one(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *err)
{
	struct put *put = ctx;

	(void)n;
	if (r)
		reply_put_error(put->api, put->req, NULL, err);
	else
		reply_task(put->api, put->req, results[0].id, 202);
}

void reply_with_task(struct api *api, struct http_request *req, const char *kind, const char *dataset,
                     struct json *body)
{
	struct task_spec spec = {.kind = kind, .dataset = dataset, .priority = -1};
	struct err err;
	int r;

	spec.body = json_text(body);
	spec.trace = http_traceparent(req);
	r = queue_put(api->env.queue, &spec, 1, QUEUE_ATOMIC, on_put_one, put_new(api, req), &err);
	json_free(body);
	if (r)
		reply_put_error(api, req, NULL, &err);
}
