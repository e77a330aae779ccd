/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for what. Watchers of a task are found by its id, so that an event costs the same however
 * many clients wait for other tasks; one timer is set for the earliest of all.
 *
 * Telling one may end others: a reply can make a connection go on with its next request, which may be
 * another long poll. So a bucket is emptied into a list of its own first, and each is put back before it
 * is told. */
#include "api/watch.h"
#include "api/access.h"

#include <string.h>

#include "base/clock.h"
#include "loop/loop.h"

static struct list *bucket_of(struct api *api, int64_t id)
{
	return &api->watchers[(uint64_t)id % API_BUCKETS];
}

static int is_earlier(const struct heap_node *a, const struct heap_node *b)
{
	return list_entry(a, struct watcher, timer)->due < list_entry(b, struct watcher, timer)->due;
}

void api_watch_init(struct api *api)
{
	for (size_t i = 0; i < API_BUCKETS; i++)
		list_init(&api->watchers[i]);
	heap_init(&api->due, is_earlier);
}

void api_watch_done(struct api *api)
{
	heap_done(&api->due);
}

/* ---- one watcher ------------------------------------------------------------------------ */
void watcher_end(struct watcher *watcher)
{
	list_del(&watcher->link); /* its memory is the request's */
	heap_del(&watcher->api->due, &watcher->timer);
	http_on_gone(watcher->req, NULL, NULL);
	watcher->api->n_watchers--;
}

static void on_gone(void *ctx, struct http_request *req)
{
	struct watcher *watcher = ctx;

	watcher_end(watcher);
	if (watcher->stream)
		http_stream_abort(req);
	else
		http_reply_empty(req, 204);
}

static void timer_set(struct api *api)
{
	struct heap_node *top = heap_top(&api->due);
	int64_t due = top ? list_entry(top, struct watcher, timer)->due : 0;

	if (due == api->timer_at)
		return;
	api->timer_at = due;
	if (due)
		loop_timer_set(api->timer, due > clock_mono_ms() ? due - clock_mono_ms() : 0);
}

struct watcher *watcher_new(struct api *api, struct http_request *req, int64_t id, int64_t ms)
{
	struct watcher *watcher = arena_alloc(http_arena(req), sizeof(*watcher));

	watcher->api = api;
	watcher->req = req;
	watcher->id = id;
	watcher->due = clock_mono_ms() + ms;
	if (heap_add(&api->due, &watcher->timer)) {
		reply_fail(req, ERR_NOMEM, "no memory to wait");
		return NULL;
	}
	list_add_tail(bucket_of(api, id), &watcher->link);
	http_on_gone(req, on_gone, watcher);
	api->n_watchers++;
	timer_set(api);
	return watcher;
}

void watcher_delay(struct watcher *watcher, int64_t ms)
{
	watcher->due = clock_mono_ms() + ms;
	heap_moved(&watcher->api->due, &watcher->timer);
}

/* ---- long poll -------------------------------------------------------------------------- */
static int has_happened(const struct watcher *watcher, const struct task *task)
{
	struct buf text;
	int same;

	if (!watcher->etag)
		return task_state_is_final(task->state);
	buf_init(&text, 0);
	task_write(&text, task, TASK_FULL);
	same = !text.failed && strstr(watcher->etag, etag_of(watcher->req, text.data));
	buf_done(&text);
	return !same;
}

/* `task` as it is now; NULL: it is looked up. */
static void answer(struct watcher *watcher, int happened, const struct task *task)
{
	watcher_end(watcher);
	if (happened && watcher->status == 201) { /* a POST with "Prefer: wait" that was in time */
		http_set_header(watcher->req, "Preference-Applied", "wait");
		watcher->status = 200;
	}
	if (task)
		reply_known_task(watcher->api, watcher->req, task, watcher->status);
	else
		reply_task(watcher->api, watcher->req, watcher->id, watcher->status);
}

void api_watch_task(struct api *api, struct http_request *req, int64_t id, int64_t ms, const char *etag, int status)
{
	struct watcher *watcher;
	struct task *task;

	if (!ms || api->stopping || queue_get(api->env.queue, id, http_arena(req), &task, NULL)) {
		reply_task(api, req, id, status);
		return;
	}
	watcher = watcher_new(api, req, id, ms);
	if (!watcher)
		return;
	watcher->etag = etag;
	watcher->status = status;
	if (has_happened(watcher, task))
		answer(watcher, 1, task);
}

/* Its token is no longer good: it learns nothing more. 1: the watcher is gone. */
static int is_shut_out(struct watcher *watcher)
{
	if (access_is_live(watcher->req))
		return 0;
	if (watcher->stream) {
		stream_end(watcher);
		return 1;
	}
	watcher_end(watcher);
	access_reply_dead(watcher->api, watcher->req);
	return 1;
}

/* ---- news ------------------------------------------------------------------------------- */
static void tell(struct watcher *watcher, const char *text, const struct task *task)
{
	if (is_shut_out(watcher))
		return;
	if (watcher->stream)
		stream_tell(watcher, text, task);
	else if (has_happened(watcher, task))
		answer(watcher, 1, task);
}

static void move_all(struct list *from, struct list *to)
{
	list_init(to);
	while (!list_empty(from)) {
		struct list *item = from->next;

		list_del(item);
		list_add_tail(to, item);
	}
}

static void tell_bucket(struct list *bucket, int64_t id, const char *text, const struct task *task)
{
	struct list told;

	move_all(bucket, &told);
	while (!list_empty(&told)) {
		struct watcher *watcher = list_entry(told.next, struct watcher, link);

		list_del(&watcher->link);
		list_add_tail(bucket, &watcher->link);
		if (watcher->id == id)
			tell(watcher, text, task);
	}
}

void api_watch_tell(struct api *api, const char *text, const struct task *task)
{
	if (!api->n_watchers)
		return;
	if (!list_empty(bucket_of(api, task->id)))
		tell_bucket(bucket_of(api, task->id), task->id, text, task);
	if (!list_empty(bucket_of(api, 0)))
		tell_bucket(bucket_of(api, 0), 0, text, task);
}

/* Events are kept for streams from the first stream on. Who waits for the end of a task does not mind what it does before. */
int api_wants_task(const struct api *api, int64_t id, enum task_state state)
{
	if (api->listened)
		return 1;
	if (!api->n_watchers)
		return 0;
	list_each (item, (struct list *)&api->watchers[(uint64_t)id % API_BUCKETS]) {
		const struct watcher *watcher = list_entry(item, struct watcher, link);

		if (watcher->id == id && (watcher->etag || task_state_is_final(state)))
			return 1;
	}
	return 0;
}

/* ---- time ------------------------------------------------------------------------------- */
void api_watch_tick(void *ctx)
{
	struct api *api = ctx;
	int64_t now = clock_mono_ms();
	struct heap_node *top;

	while ((top = heap_top(&api->due)) && list_entry(top, struct watcher, timer)->due <= now) {
		struct watcher *watcher = list_entry(top, struct watcher, timer);

		if (is_shut_out(watcher))
			continue;
		if (watcher->stream)
			stream_ping(watcher);
		else
			answer(watcher, 0, NULL);
	}
	api->timer_at = -1;
	timer_set(api);
}

void api_watch_sweep(struct api *api)
{
	struct list looked_at;

	for (size_t i = 0; i < API_BUCKETS && api->n_watchers; i++) {
		move_all(&api->watchers[i], &looked_at);
		while (!list_empty(&looked_at)) {
			struct watcher *watcher = list_entry(looked_at.next, struct watcher, link);

			list_del(&watcher->link);
			list_add_tail(&api->watchers[i], &watcher->link);
			is_shut_out(watcher);
		}
	}
}

void api_watch_stop(struct api *api)
{
	struct heap_node *top;

	while ((top = heap_top(&api->due))) {
		struct watcher *watcher = list_entry(top, struct watcher, timer);

		if (watcher->stream)
			stream_end(watcher);
		else
			answer(watcher, 0, NULL);
	}
}
