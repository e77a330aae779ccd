/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of server-sent events (WHATWG HTML section 9.2): of one task until it has ended, or of all.
 *
 * Every event gets a number and is kept for a while, so that a stream that broke off goes on behind
 * the Last-Event-ID that its client sends. A number that is too old is answered with an event
 * "gap": the client should read the state anew. A client that does not keep up is cut off; it comes
 * back the same way. A stream of one task begins with its state and ends with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/access.h"
#include "api/watch.h"
#include "base/str.h"

#define QUEUED_MAX (1u << 20)

/* ---- streams ---------------------------------------------------------------------------- */
void stream_end(struct watcher *watcher)
{
	watcher_end(watcher);
	http_stream_end(watcher->req);
}

/* 0, or -1: the client does not keep up, and the watcher is gone. */
static int stream_send(struct watcher *watcher, const char *text)
{
	if (http_stream_queued(watcher->req) <= QUEUED_MAX) {
		http_stream_write(watcher->req, text, strlen(text));
		return 0;
	}
	watcher_end(watcher);
	http_stream_abort(watcher->req);
	return -1;
}

void stream_ping(struct watcher *watcher)
{
	watcher_delay(watcher, watcher->api->env.config->ping_ms);
	stream_send(watcher, ": ping\n\n");
}

/* Is it of the queue that was asked for, and his who asked? */
static int may_see(const struct watcher *watcher, const char *queue, const char *tenant)
{
	return (!watcher->queue || str_eq(watcher->queue, queue)) && access_sees(watcher->req, tenant, queue);
}

void stream_tell(struct watcher *watcher, const char *text, const struct task *task)
{
	if (!may_see(watcher, task->queue, task->tenant))
		return;
	if (!stream_send(watcher, text) && watcher->id && task_state_is_final(task->state))
		stream_end(watcher);
}

static char *event_text(int64_t seq, const char *type, const struct task *task)
{
	struct buf text;

	buf_init(&text, 0);
	buf_printf(&text, "id: %lld\nevent: %s\ndata: ", (long long)seq, type);
	task_write(&text, task, TASK_BRIEF);
	buf_puts(&text, "\n\n");
	return buf_steal(&text);
}

static struct kept_event *event_at(struct api *api, int64_t seq)
{
	struct kept_event *event = &api->events[seq % EVENTS_KEPT];

	return event->text && event->seq == seq ? event : NULL;
}

/* Its text. Until the first stream opens, nobody can ask for an event again: none is kept. */
static const char *keep(struct api *api, const struct task_event *event)
{
	int64_t seq = ++api->last_seq;
	struct kept_event *kept = &api->events[seq % EVENTS_KEPT];

	if (!api->listened) {
		api->first_seq = seq + 1;
		return "";
	}
	free(kept->text);
	free(kept->queue);
	free(kept->tenant);
	*kept = (struct kept_event){seq, event->task->id, event_text(seq, event->type, event->task),
	                            strdup(event->task->queue), strdup(event->task->tenant)};
	return kept->text;
}

void events_free(struct api *api)
{
	for (size_t i = 0; i < EVENTS_KEPT; i++) {
		free(api->events[i].text);
		free(api->events[i].queue);
		free(api->events[i].tenant);
	}
}

void api_on_event(void *ctx, const struct task_event *event)
{
	struct api *api = ctx;
	const char *text = event->task ? keep(api, event) : NULL;

	if (text)
		api_watch_tell(api, text, event->task);
}

/* The number behind which a stream goes on; -1: it begins. */
static int64_t last_event_id(struct http_request *req)
{
	const char *text = http_header(req, "last-event-id");
	int64_t seq;

	return text && !str_to_i64(text, &seq) && seq >= 0 ? seq : -1;
}

static int64_t oldest_kept(const struct api *api)
{
	int64_t from = api->last_seq - EVENTS_KEPT + 1;

	return from < api->first_seq ? api->first_seq : from;
}

/* Is there anything about the task behind that number, as far as we know? */
static int has_news(struct api *api, int64_t id, int64_t behind)
{
	for (int64_t seq = behind + 1; seq >= oldest_kept(api) && seq <= api->last_seq; seq++)
		if (event_at(api, seq) && event_at(api, seq)->task == id)
			return 1;
	return behind + 1 < oldest_kept(api);
}

/* Sends what was missed; how many, or -1: the watcher is gone. */
static int replay(struct watcher *watcher, int64_t behind)
{
	struct api *api = watcher->api;
	int64_t from = oldest_kept(api), id = watcher->id;
	int n = 0;

	if (behind + 1 < from && stream_send(watcher, "event: gap\ndata: {}\n\n"))
		return -1;
	for (int64_t seq = behind + 1 > from ? behind + 1 : from; seq <= api->last_seq; seq++) {
		struct kept_event *event = event_at(api, seq);

		if (!event || (id && id != event->task) || !may_see(watcher, event->queue, event->tenant))
			continue;
		if (stream_send(watcher, event->text))
			return -1;
		n++;
	}
	return n;
}

static struct watcher *stream_begin(struct api *api, struct http_request *req, int64_t id)
{
	struct watcher *watcher = watcher_new(api, req, id, api->env.config->ping_ms);

	if (!watcher)
		return NULL;
	watcher->stream = api->listened = 1;
	http_set_header(req, "Cache-Control", "no-store");
	http_stream_begin(req, 200, "text/event-stream");
	http_stream_write(req, "retry: 2000\n\n", 13);
	return watcher;
}

static void stream_task(struct api *api, struct http_request *req, const struct task *task, int64_t behind)
{
	struct watcher *watcher = stream_begin(api, req, task->id);
	int ends = task_state_is_final(task->state), n;
	char *text;

	if (!watcher)
		return;
	n = behind < 0 ? 0 : replay(watcher, behind);
	if (!n) {
		text = event_text(api->last_seq, "state", task);
		n = text ? stream_send(watcher, text) : 0;
		free(text);
	}
	if (n >= 0 && ends)
		stream_end(watcher);
}

void handle_task_events(struct api *api, struct http_request *req)
{
	int64_t behind = last_event_id(req), id = 0;
	struct task *task;
	struct err err;

	if (id_parse('t', http_param(req, "id"), &id))
		reply_fail(req, ERR_NOTFOUND, "'%.40s' is not the id of a task", http_param(req, "id"));
	else if (find_task(api, req, id, &task, &err))
		reply_no_task(api, req, id, &err);
	else if (behind >= 0 && task_state_is_final(task->state) && !has_news(api, id, behind))
		http_reply_empty(req, 204); /* all was sent: an EventSource must not come again */
	else if (api->stopping)
		reply_fail(req, ERR_BUSY, "the agent is stopping");
	else
		stream_task(api, req, task, behind);
}

void handle_events(struct api *api, struct http_request *req)
{
	int64_t behind = last_event_id(req);
	struct watcher *watcher;

	if (api->stopping) {
		reply_fail(req, ERR_BUSY, "the agent is stopping");
		return;
	}
	watcher = stream_begin(api, req, 0);
	if (watcher)
		watcher->queue = http_query(req, "queue");
	if (watcher && behind >= 0)
		replay(watcher, behind);
}
