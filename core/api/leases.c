/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/leases: workers that are no processes of this agent. They lease tasks of queues that are for them
 * (settings.remote), keep the lease by heartbeats and settle it, which is settle.c.
 *
 * A lease is told when it is on disk: it outlives the agent, and so does the worker that was told of it.
 *
 * Who asks and gets nothing may wait; who waits longest is served first. A client that goes away while it
 * waits gets nothing. One that goes away while its answer is on its way has leased tasks nobody works on: the
 * lease ends, and another gets them. */
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
	struct buf out = grant->out; /* the answer is the end of the request, and of what it owns */

	if (!r) {
		reply_buf(grant->req, 200, &out);
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

/* Those that were looked at, in their order. */
static void wish_again(struct api *api, struct list *wishes)
{
	while (!list_empty(wishes)) {
		struct list *item = wishes->next;

		list_del(item);
		list_add_tail(&api->wishes, item);
	}
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
	wish_again(api, &asked);
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
	wish_again(api, &looked_at);
}

void api_leases_done(struct api *api)
{
	loop_timer_free(api->wish_timer);
	loop_timer_free(api->grant_timer);
	heap_done(&api->wishes_due);
}

/* One without an end would keep its task for ever when its worker dies. */
int lease_check_length(struct http_request *req, const struct json *body)
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
	struct wish *wish = body && !lease_check_length(req, body) ? read_wish(api, req, body) : NULL;

	json_free(body);
	if (!wish || serve(wish))
		return;
	if (api->stopping || wish->due <= clock_mono_ms() || wish_begin(wish))
		http_reply_empty(req, 204);
	else
		time_wishes(api);
}
