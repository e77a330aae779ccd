/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait for news of a task, or of all: long polls and event streams. Private to the room. */
#ifndef API_WATCH_H
#define API_WATCH_H

#include "api/inside.h"
#include "base/heap.h"

struct watcher {
	struct list link;       /* of its bucket */
	struct heap_node timer; /* by due */
	struct api *api;
	struct http_request *req;
	int64_t id;        /* task; 0 = all */
	int stream;        /* else one answer */
	int64_t due;       /* mono ms: when to answer, or to send a ping */
	const char *etag;  /* answer when it is no longer this; NULL: when the task has ended */
	const char *queue; /* of the stream of all: only tasks of this queue; NULL: any */
	int status;
};

/* In the request's arena; on_gone of the request ends it. NULL: no memory, and it has answered. */
struct watcher *watcher_new(struct api *api, struct http_request *req, int64_t id, int64_t ms);
void watcher_delay(struct watcher *watcher, int64_t ms); /* due in so long from now */
void watcher_end(struct watcher *watcher);

/* events.c: what a stream gets */
void stream_tell(struct watcher *watcher, const char *text, const struct task *task);
void stream_ping(struct watcher *watcher);
void stream_end(struct watcher *watcher);

/* watch.c: tells everybody who waits for this task or for all; `text` is the event as SSE. */
void api_watch_tell(struct api *api, const char *text, const struct task *task);

#endif
