/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 server without business: it takes connections, reads requests, finds the row of a
 * route table that they belong to, calls its handler and writes what the handler answers.
 *
 *   accept → head (bounded in bytes and time) → route → body (buffered, or streamed to the handler)
 *   → handler → reply (whole, or streamed with flow control) → next request of the connection
 *
 * A request lives from its handler's call until it is answered: every handler must, now or later on
 * the loop thread, call exactly one of http_reply*, http_stream_end or http_stream_abort, and not
 * touch the request after that. A client that goes away does not change this: on_gone tells the
 * handler, what is still written goes nowhere, and the answer is due all the same. So a pointer to
 * a request may be given to any callback that is certain to come.
 *
 * What a client may get wrong, and what happens: a message that two readers could understand in two
 * ways (RFC 9112 section 11.2) is 400 and the connection ends; too long a head 431; too slow a head
 * or body 408; too large a body 413; too many connections 503; a reply that is not read is given up
 * after write_timeout. HTTP by RFC 9110 and 9112, problems by RFC 9457. No TLS yet: transports are
 * a table, see transport.h.
 *
 * Threading: everything on the thread of the loop. Strings lent by a request live as long as it. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/metric.h"
#include "base/option.h"

struct http_server;
struct http_request;

struct http_config {
	char *listen;       /* "host:port", "[::1]:port"; port 0: any; "" = none */
	char *unix_socket;  /* path, "" = none */
	char *local_socket; /* path, "" = none: the local protocol instead of HTTP */
	int64_t max_connections, header_timeout_ms, idle_timeout_ms, body_timeout_ms, write_timeout_ms;
	uint64_t body_rate, max_head;
	int access_log;
	int open_sockets; /* no option: every user may connect to the Unix sockets, since http_route.admit looks who it is */
};
extern const struct option http_options[];

typedef void (*http_handler)(struct http_request *req, void *ctx);

enum http_route_flags {
	HTTP_BODY_STREAM = 1,  /* the handler is called before the body and takes it with http_body_read */
	HTTP_REPLY_STREAM = 2, /* may answer without end: HEAD is not offered */
};

/* Rows end with a NULL method. A segment of a pattern is literal text, or a parameter "{name}" with
 * literal text behind it or not: "/v1/tasks/{id}:cancel". A parameter takes no ':' unless it is
 * written as %3A, so that a verb is never taken for a part of a name. */
struct http_route {
	const char *method, *pattern;
	http_handler handler;
	uint64_t body_max; /* bytes; 0: the request must not have a body */
	unsigned flags;
	const char *help;
	/* Before the body is read: 0, or the status to refuse with and why. NULL: everybody is welcome. */
	int (*admit)(struct http_request *req, void *ctx, struct err *err);
};

/* Listens when it returns. `routes` and `config` are the caller's and outlive the server. The process
 * ignores SIGPIPE from here on. */
int http_server_new(uv_loop_t *loop, const struct http_config *config, const struct http_route *routes, void *ctx,
                    struct http_server **ret, struct err *err);
int http_server_port(const struct http_server *server); /* the TCP port, 0 if none */
/* Accepts no more, closes idle connections, lets running requests end with "Connection: close";
 * what is left after `grace_ms` is cut. on_stopped is called (never at once) when all connections
 * are closed. */
void http_server_stop(struct http_server *server, int64_t grace_ms, void (*on_stopped)(void *ctx), void *ctx);
/* After on_stopped. Requests that still wait for their handler's answer keep what they need. */
void http_server_free(struct http_server *server);
/* The rows point into the server and die with it. */
const struct metric *http_metrics(struct http_server *server);

/* ---- the request ------------------------------------------------------------------------ */
const char *http_method(const struct http_request *req); /* as sent: HEAD stays HEAD */
const char *http_path(const struct http_request *req);   /* raw, without the query */
const struct http_route *http_route_of(const struct http_request *req);
const char *http_param(const struct http_request *req, const char *name); /* decoded; NULL if none */
const char *http_query(const struct http_request *req, const char *name); /* decoded; NULL if absent */
/* Walks the query in its order: `at` starts at 0; returns 0 at the end. */
int http_query_next(const struct http_request *req, size_t *at, const char **ret_name, const char **ret_value);
/* `name` in lower case. Repeated headers are joined by ", ". NULL if absent. */
const char *http_header(struct http_request *req, const char *name);
/* A valid traceparent (W3C Trace Context) of the client, or a new one. */
const char *http_traceparent(const struct http_request *req);
struct arena *http_arena(struct http_request *req);

/* Who is at the other end. Of a Unix socket the kernel names user and groups, as they were when it connected. */
#define HTTP_GROUPS_MAX 32 /* more are not looked at */
struct http_peer {
	int is_unix;
	uint32_t uid;
	uint32_t groups[HTTP_GROUPS_MAX];
	size_t n_groups;
};
const struct http_peer *http_peer(const struct http_request *req);
const char *http_peer_name(struct http_request *req); /* "192.0.2.1", "uid 1000"; in the request's arena */
/* What admit has found out, for the handlers, and what the access log calls it; `release` is called when the request
 * ends. */
void http_set_who(struct http_request *req, void *who, const char *name, void (*release)(void *who));
void *http_who(const struct http_request *req); /* NULL: nothing was set */
/* For admit: the type of the problem, when the error's own name says too little. Not copied. */
void http_set_problem_type(struct http_request *req, const char *type);
const char *http_body(const struct http_request *req, size_t *ret_n); /* whole and NUL-terminated */

/* Takes the body of an HTTP_BODY_STREAM route as it comes; call it in the handler. on_end has err
 * NULL when it came whole, else why not (client gone, too slow, too large): answer then with err.
 * http_body_pause stops the flow; data read already, at most 64 KiB, may still come. */
void http_body_read(struct http_request *req,
                    void (*on_data)(void *ctx, struct http_request *req, const char *p, size_t n),
                    void (*on_end)(void *ctx, struct http_request *req, const struct err *err), void *ctx);
void http_body_pause(struct http_request *req, int pause);

/* Called at most once, when the client has gone (or closed its side) before the answer was
 * complete. */
void http_on_gone(struct http_request *req, void (*on_gone)(void *ctx, struct http_request *req), void *ctx);

/* ---- the answer ------------------------------------------------------------------------- */
/* Before the answer begins. Both are copied; `value` loses what does not belong into a header. */
void http_set_header(struct http_request *req, const char *name, const char *value);
/* The same for one that is a literal, "Name: value\r\n". */
void http_set_header_line(struct http_request *req, const char *line);

void http_reply(struct http_request *req, int status, const char *content_type, const void *body, size_t n);
void http_reply_json(struct http_request *req, int status, const char *json_text);
void http_reply_empty(struct http_request *req, int status);

/* application/problem+json. The status comes from the code by one table unless `status` is given.
 */
struct http_problem {
	int status;             /* 0 = by code */
	const char *type;       /* last part of the type URN; NULL = err_name(code) */
	const char *errors;     /* JSON array of {"pointer","detail"}; NULL = from err->where, or none */
	const char *extra;      /* more members as JSON text `"existing":"…"`, or NULL */
	int64_t retry_after_ms; /* 0 = a second when the code is transient */
};
void http_reply_problem(struct http_request *req, const struct err *err, const struct http_problem *more);
int http_status_of(int code); /* by the same table */
/* The problem's JSON text without a reply, for lines inside a stream. In the request's arena. */
const char *http_problem_text(struct http_request *req, const struct err *err, const struct http_problem *more);

/* A reply of unknown length: chunked, or until the connection ends for HTTP/1.0. http_stream_write
 * copies; it returns 1 when so much waits that the caller should pause until on_drain, else 0. Who
 * waits for on_drain must set on_gone too: once the client has gone, no on_drain comes. */
void http_stream_begin(struct http_request *req, int status, const char *content_type);
int http_stream_write(struct http_request *req, const void *p, size_t n);
void http_on_drain(struct http_request *req, void (*on_drain)(void *ctx, struct http_request *req), void *ctx);
size_t http_stream_queued(const struct http_request *req); /* bytes not yet taken by the socket */
void http_stream_end(struct http_request *req);
void http_stream_abort(struct http_request *req); /* the client sees that the reply is cut */

/* Sets the ETag (without quotes here) and answers 304 if If-None-Match has it: returns 1, answered.
 */
int http_etag(struct http_request *req, const char *etag);

/* ---- pieces ----------------------------------------------------------------------------- */
/* Does Accept allow `type` ("application/json")? Without the header everything is. */
int http_accepts(struct http_request *req, const char *type);
/* How much Accept wants `type` where it names it, not by a wildcard: 1 … 1000, 0: it does not. */
int http_accept_quality(struct http_request *req, const char *type);
/* Is the body of media type `type`, whatever its parameters? */
int http_content_is(struct http_request *req, const char *type);
/* "wait=10" of Prefer (RFC 7240) and the like; NULL if absent. */
const char *http_prefer(struct http_request *req, const char *name);

#endif
