/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/leases: workers that are no processes of this agent. They lease tasks of queues that are for them
 * (settings.remote), keep the lease by heartbeats and settle it: complete, fail or snooze. A lease is known by
 * the fence of its attempt; a stale one changes nothing and is told 409 stale-lease, item by item.
 *
 * A lease is told when it is on disk: it outlives the agent, and so does the worker that was told of it.
 *
 * Who asks and gets nothing may wait; who waits longest is served first. A client that goes away while it
 * waits gets nothing. One that goes away while its answer is on its way has leased tasks nobody works on: the
 * lease ends, and another gets them. */
#include <string.h>

#include "api/access.h"
#include "base/clock.h"
#include "base/str.h"
#include "loop/loop.h"

#define QUEUES_MAX 64
#define LEASE_DEFAULT_MS 30000
#define LEASE_MIN_MS 1000
#define LEASE_MAX_MS (24 * 3600 * 1000)

/* A request that wants tasks. Lives in the request's arena. */
struct wish {
	struct list link; /* of api->wishes */
	struct heap_node timer;
	struct api *api;
	struct http_request *req;
	const char *queues[QUEUES_MAX + 1];
	const char *worker;
	int64_t max, lease_ms, due;
};

/* ---- leasing ---------------------------------------------------------------------------- */
static void put_lease(struct http_request *req, struct buf *out, const struct task *task)
{
	char id[ID_LEN];

	(void)req;
	id_format('l', task->fence, id);
	buf_printf(out, "{\"lease_id\":\"%s\",\"task\":", id);
	task_write(out, task, TASK_FULL);
	buf_puts(out, ",\"checkpoint\":");
	buf_puts(out, task->checkpoint ? task->checkpoint : "null");
	buf_putc(out, '}');
}

/* Leases that wait for the disk. Lives in the request's arena. */
struct grant {
	struct http_request *req;
	struct buf out;
};

static void on_kept(void *ctx, int r, const struct err *err)
{
	struct grant *grant = ctx;

	if (!r) {
		reply_buf(grant->req, 200, &grant->out);
		return;
	}
	buf_done(&grant->out);
	reply_err(grant->req, err); /* nobody works on them: the leases end */
}

static void tell_when_kept(struct wish *wish, const struct buf *out)
{
	struct grant *grant = arena_alloc(http_arena(wish->req), sizeof(*grant));
	struct err err = {0};
	int r;

	*grant = (struct grant){wish->req, *out};
	r = queue_leases_kept(wish->api->env.queue, on_kept, grant);
	if (r < 0)
		err_set(&err, r, "no memory for the lease");
	if (r)
		on_kept(grant, r < 0 ? r : 0, &err);
}

/* 1: it has answered, or will. */
static int serve(struct wish *wish)
{
	struct queue_claim_ask ask = {.worker = wish->worker, .queues = wish->queues, .lease_ms = wish->lease_ms};
	struct err err = {0};
	struct task *task;
	struct buf out;
	int64_t n = 0;
	int r = 0;

	buf_init(&out, 0);
	buf_puts(&out, "{\"leases\":[");
	while (n < wish->max && !r) {
		task = NULL;
		r = queue_claim(wish->api->env.queue, &ask, http_arena(wish->req), &task, &err);
		if (r || !task)
			break;
		buf_puts(&out, n++ ? "," : "");
		put_lease(wish->req, &out, task);
	}
	buf_puts(&out, "]}");
	if (n) {
		tell_when_kept(wish, &out);
		return 1;
	}
	buf_done(&out);
	if (r)
		reply_err(wish->req, &err);
	return r != 0;
}

static void wish_end(struct wish *wish)
{
	list_del(&wish->link);
	heap_del(&wish->api->wishes_due, &wish->timer);
	http_on_gone(wish->req, NULL, NULL);
}

static void on_gone(void *ctx, struct http_request *req)
{
	wish_end(ctx);
	http_reply_empty(req, 204);
}

static int wish_begin(struct wish *wish)
{
	int r = heap_add(&wish->api->wishes_due, &wish->timer);

	if (r)
		return r;
	list_add_tail(&wish->api->wishes, &wish->link);
	http_on_gone(wish->req, on_gone, wish);
	return 0;
}

/* The earliest first. */
static int is_earlier(const struct heap_node *a, const struct heap_node *b)
{
	return list_entry(a, struct wish, timer)->due < list_entry(b, struct wish, timer)->due;
}

static void time_wishes(struct api *api)
{
	struct heap_node *top = heap_top(&api->wishes_due);
	int64_t ms = top ? list_entry(top, struct wish, timer)->due - clock_mono_ms() : 0;

	if (top)
		loop_timer_set(api->wish_timer, ms > 0 ? ms : 0);
}

static void on_wish_due(void *ctx)
{
	struct api *api = ctx;
	struct heap_node *top;

	while ((top = heap_top(&api->wishes_due)) && list_entry(top, struct wish, timer)->due <= clock_mono_ms()) {
		struct wish *wish = list_entry(top, struct wish, timer);

		wish_end(wish);
		http_reply_empty(wish->req, 204);
	}
	time_wishes(api);
}

static int same_queues(const struct wish *a, const struct wish *b)
{
	size_t i = 0;

	while (a->queues[i] && b->queues[i] && str_eq(a->queues[i], b->queues[i]))
		i++;
	return !a->queues[i] && !b->queues[i];
}

/* Something may be claimed. After a wish that got nothing, others of the same queues need not ask. */
static void grant(void *ctx)
{
	struct api *api = ctx;
	struct wish *in_vain = NULL;
	struct list asked;

	list_init(&asked);
	while (!list_empty(&api->wishes)) {
		struct wish *wish = list_entry(api->wishes.next, struct wish, link);

		list_del(&wish->link);
		if (in_vain && same_queues(in_vain, wish)) {
			list_add_tail(&asked, &wish->link);
			continue;
		}
		wish_end(wish); /* its answer ends its memory */
		if (!access_is_live(wish->req)) {
			access_reply_dead(api, wish->req);
			continue;
		}
		if (serve(wish))
			continue;
		wish_begin(wish);
		list_del(&wish->link);
		list_add_tail(&asked, &wish->link);
		in_vain = wish;
	}
	while (!list_empty(&asked)) {
		struct list *item = asked.next;

		list_del(item);
		list_add_tail(&api->wishes, item);
	}
}

void api_on_ready(struct api *api)
{
	if (!list_empty(&api->wishes))
		loop_timer_set(api->grant_timer, 0);
}

int api_leases_init(struct api *api, struct err *err)
{
	int r = loop_timer_new(api->env.loop, on_wish_due, api, &api->wish_timer, err);

	list_init(&api->wishes);
	heap_init(&api->wishes_due, is_earlier);
	return r ? r : loop_timer_new(api->env.loop, grant, api, &api->grant_timer, err);
}

void api_leases_stop(struct api *api)
{
	while (!list_empty(&api->wishes)) {
		struct wish *wish = list_entry(api->wishes.next, struct wish, link);

		wish_end(wish);
		http_reply_empty(wish->req, 204);
	}
}

void api_leases_sweep(struct api *api)
{
	struct list looked_at;

	list_init(&looked_at);
	while (!list_empty(&api->wishes)) {
		struct wish *wish = list_entry(api->wishes.next, struct wish, link);

		list_del(&wish->link);
		list_add_tail(&looked_at, &wish->link);
		if (access_is_live(wish->req))
			continue;
		wish_end(wish);
		access_reply_dead(api, wish->req);
	}
	while (!list_empty(&looked_at)) {
		struct list *item = looked_at.next;

		list_del(item);
		list_add_tail(&api->wishes, item);
	}
}

void api_leases_done(struct api *api)
{
	loop_timer_free(api->wish_timer);
	loop_timer_free(api->grant_timer);
	heap_done(&api->wishes_due);
}

/* One without an end would keep its task for ever when its worker dies. */
static int check_length(struct http_request *req, const struct json *body)
{
	int64_t ms = json_get_int(body, "lease", LEASE_DEFAULT_MS);

	if (ms >= LEASE_MIN_MS && ms <= LEASE_MAX_MS)
		return 0;
	reply_wrong(req, "/lease", "a lease is from 1s to 24h long");
	return ERR_INVALID;
}

static int read_queues(struct wish *wish, const struct json *list)
{
	for (size_t i = 0; i < json_count(list) && i < QUEUES_MAX; i++) {
		const char *name = json_str(json_at(list, i), "");
		struct queue_settings settings;

		if (!access_has_queue(wish->req, name)) {
			access_deny(
				wish->req, arena_printf(http_arena(wish->req), "/queues/%zu", i),
				arena_printf(http_arena(wish->req), "the token is not for the queue '%.100s'", name));
			return ERR_PERM;
		}
		queue_settings_get(wish->api->env.queue, name, &settings);
		if (!str_is_name(name) || !settings.remote) {
			reply_fail(wish->req, ERR_CONFLICT,
			           "the queue '%.100s' is not for remote workers: PATCH /v1/queues/%.100s with "
			           "{\"remote\":true}",
			           name, name);
			return ERR_CONFLICT;
		}
		wish->queues[i] = arena_str(http_arena(wish->req), name);
	}
	return 0;
}

static struct wish *read_wish(struct api *api, struct http_request *req, const struct json *body)
{
	struct wish *wish = arena_alloc(http_arena(req), sizeof(*wish));
	int64_t wait = json_get_int(body, "wait", 0);

	wish->api = api;
	wish->req = req;
	list_init(&wish->link);
	wish->worker = arena_str(http_arena(req), json_get_str(body, "worker", ""));
	wish->max = json_get_int(body, "max", 1);
	wish->lease_ms = json_get_int(body, "lease", LEASE_DEFAULT_MS);
	wish->due = clock_mono_ms() + (wait > api->env.config->wait_max_ms ? api->env.config->wait_max_ms : wait);
	return read_queues(wish, json_get(body, "queues")) ? NULL : wish;
}

void handle_leases_post(struct api *api, struct http_request *req)
{
	struct json *body = body_checked(api, req, "LeaseAsk");
	struct wish *wish = body && !check_length(req, body) ? read_wish(api, req, body) : NULL;

	json_free(body);
	if (!wish || serve(wish))
		return;
	if (api->stopping || wish->due <= clock_mono_ms() || wish_begin(wish))
		http_reply_empty(req, 204);
	else
		time_wishes(api);
}

/* ---- many leases in one request ----------------------------------------------------------- */
/* What is said of each; answered when all is durable. Lives in the request's arena. */
struct round {
	struct api *api;
	struct http_request *req;
	struct json *answers; /* array */
	size_t left;
};

struct step {
	struct round *round;
	struct json *answer; /* in round->answers */
};

static void round_step(struct round *round)
{
	struct json *json;

	if (--round->left)
		return;
	json = json_new_object();
	json_set(json, "items", round->answers);
	reply_json(round->req, 200, json);
}

static void say_error(struct step *step, const struct err *err, int status, const char *type)
{
	struct http_problem more = {.type = type, .status = status};

	json_set_int(step->answer, "status", status);
	json_set(step->answer, "problem", stored_json(http_problem_text(step->round->req, err, &more)));
}

static void say(struct step *step, int code, const char *detail)
{
	struct err err;

	if (!code) {
		json_set_int(step->answer, "status", 200);
		return;
	}
	err_set(&err, code, "%s",
	        detail && *detail   ? detail
	        : code == ERR_STALE ? "the lease is over: somebody else has the task, or it has ended"
	                            : err_name(code));
	say_error(step, &err, http_status_of(code), code == ERR_STALE ? "stale-lease" : NULL);
}

/* The task and the fence of an item; 0, or it has been said what is wrong. */
static int read_lease(struct step *step, const struct json *item, int64_t *ret_id, int64_t *ret_fence)
{
	const char *task = json_get_str(item, "task", ""), *lease = json_get_str(item, "lease_id", "");

	json_set_str(step->answer, "task", task);
	if (!id_parse('t', task, ret_id) && !id_parse('l', lease, ret_fence)) {
		if (access_holds_lease(step->round->api, step->round->req, *ret_id))
			return 0;
		say(step, ERR_STALE, NULL); /* numbers can be guessed */
		return ERR_STALE;
	}
	say(step, ERR_INVALID, "task and lease_id are those of the answer to POST /v1/leases");
	return ERR_INVALID;
}

static struct round *round_new(struct api *api, struct http_request *req, size_t n)
{
	struct round *round = arena_alloc(http_arena(req), sizeof(*round));

	*round = (struct round){api, req, json_new_array(), n + 1}; /* one for ourselves */
	return round;
}

static struct step *step_new(struct round *round)
{
	struct step *step = arena_alloc(http_arena(round->req), sizeof(*step));

	step->round = round;
	step->answer = json_new_object();
	json_push(round->answers, step->answer);
	return step;
}

static void on_durable(void *ctx, int r, const struct err *err)
{
	struct step *step = ctx;

	say(step, r, err ? err->text : NULL);
	round_step(step->round);
}

/* ---- heartbeats --------------------------------------------------------------------------- */
static void note_progress(struct api *api, int64_t id, int64_t fence, const struct json *progress)
{
	if (progress)
		queue_progress(api->env.queue, id, fence, json_get_int(progress, "done", 0),
		               json_get_int(progress, "total", 0), json_get_int(progress, "rows", 0),
		               json_get_int(progress, "rejected", 0), json_get_str(progress, "note", ""));
}

static void beat(struct step *step, const struct json *item, int64_t lease_ms)
{
	struct api *api = step->round->api;
	const struct json *checkpoint = json_get(item, "checkpoint");
	int64_t id, fence;
	int r;

	if (read_lease(step, item, &id, &fence)) {
		round_step(step->round);
		return;
	}
	r = queue_heartbeat(api->env.queue, id, fence, lease_ms);
	json_set_bool(step->answer, "stop", r != 0);
	if (!r || r != ERR_STALE)
		note_progress(api, id, fence, json_get(item, "progress"));
	if (r != ERR_STALE && checkpoint) {
		r = queue_checkpoint(api->env.queue, id, fence, json_text(checkpoint), on_durable, step);
		if (!r)
			return;
	}
	say(step, r == ERR_CANCELLED || r == ERR_TIMEOUT ? 0 : r, NULL);
	round_step(step->round);
}

static void on_longer(void *ctx, int r, const struct err *err)
{
	struct round *round = ctx;

	for (size_t i = 0; r && i < json_count(round->answers); i++) {
		struct step step = {round, (struct json *)json_at(round->answers, i)};

		say(&step, r, err->text);
	}
	round_step(round);
}

/* One that asked for more time has it when that is on disk. */
static void answer_when_kept(struct round *round)
{
	struct err err = {0};
	int r = queue_leases_kept(round->api->env.queue, on_longer, round);

	if (r < 0)
		err_set(&err, r, "no memory");
	if (r)
		on_longer(round, r < 0 ? r : 0, &err);
}

void handle_leases_heartbeat(struct api *api, struct http_request *req)
{
	struct json *body = body_checked(api, req, "Heartbeats");
	const struct json *items = json_get(body, "leases");
	struct round *round;

	if (!body || check_length(req, body)) {
		json_free(body);
		return;
	}
	round = round_new(api, req, json_count(items));
	for (size_t i = 0; i < json_count(items); i++)
		beat(step_new(round), json_at(items, i), json_get_int(body, "lease", 0));
	json_free(body);
	answer_when_kept(round);
}

/* ---- settling ----------------------------------------------------------------------------- */
static int error_code(const struct json *error)
{
	const char *name = json_get_str(error, "code", NULL);

	if (name)
		return err_from_name(name);
	return json_get_bool(error, "retryable", 0) ? ERR_BUSY : ERR_PLUGIN;
}

/* 0, or it has been said: what stands here decides whether the task is tried again. */
static int check_code(struct step *step, const struct json *error)
{
	const char *name = json_get_str(error, "code", NULL);
	struct err err;

	if (!name || err_is_name(name))
		return 0;
	err_set(&err, ERR_INVALID, "'%s' is no error code; leave it out and say retryable, or give one of: %s", name,
	        err_all_names());
	err_where(&err, "/error/code");
	say_error(step, &err, 422, NULL);
	return ERR_INVALID;
}

static void settle(struct step *step, const struct json *item)
{
	const char *outcome = json_get_str(item, "outcome", "");
	const struct json *error = json_get(item, "error"), *result = json_get(item, "result");
	struct queue_outcome end = {.retry_after_ms = json_get_int(item, "retry_after", 0)};
	int64_t id, fence;
	int r;

	if (read_lease(step, item, &id, &fence) || check_code(step, error)) {
		round_step(step->round);
		return;
	}
	if (str_eq(outcome, "complete")) {
		end.result = result ? json_text(result) : "null";
	} else {
		end.snooze = str_eq(outcome, "snooze");
		end.code = end.snooze ? ERR_BUSY : error_code(error);
		end.error = json_get_str(error, "detail", end.snooze ? "snoozed" : "the worker gave no reason");
	}
	r = queue_finish(step->round->api->env.queue, id, fence, &end, on_durable, step);
	if (!r)
		return;
	say(step, r, r == ERR_LIMIT ? "a result has at most 1 MiB: put data into a dataset" : NULL);
	round_step(step->round);
}

void handle_leases_settle(struct api *api, struct http_request *req)
{
	struct json *body = body_checked(api, req, "Settlements");
	const struct json *items = json_get(body, "leases");
	struct round *round;

	if (!body)
		return;
	round = round_new(api, req, json_count(items));
	for (size_t i = 0; i < json_count(items); i++)
		settle(step_new(round), json_at(items, i));
	json_free(body);
	round_step(round);
}
