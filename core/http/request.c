/* SPDX-License-Identifier: Apache-2.0 */
/* A request: made from the head that the parser has collected, checked, routed, given to its
 * handler, and read by it through the functions at the end. */
#include "http/conn.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

/* ---- from the first byte to the last ---------------------------------------------------- */
#if defined(__SANITIZE_ADDRESS__)
#define SPARE_MAX 0 /* it shall see them come and go */
#else
#define SPARE_MAX 64
#endif
#define SPARE_BODY (4u << 10) /* a larger one is given back */

/* malloc takes what is so large by its slow way, and each request has need of it. */
static struct http_request *take_spare(struct http_server *server)
{
	struct http_request *req;

	if (list_empty(&server->spare))
		return calloc(1, sizeof(*req));
	req = list_entry(server->spare.prev, struct http_request, link); /* what was used last is near */
	list_del(&req->link);
	server->n_spare--;
	return req;
}

static void drop(struct http_request *req)
{
	buf_done(&req->body);
	buf_done(&req->extra);
	free(req);
}

static void keep_spare(struct http_request *req)
{
	struct http_server *server = req->server;

	if (server->n_spare == SPARE_MAX || req->body.cap > SPARE_BODY) {
		drop(req);
		return;
	}
	list_add_tail(&server->spare, &req->link);
	server->n_spare++;
}

void request_free_spare(struct http_server *server)
{
	list_each (item, &server->spare)
		drop(list_entry(item, struct http_request, link));
}

struct http_request *request_new(struct conn *conn)
{
	struct http_request *req = take_spare(conn->server);

	if (!req)
		return NULL;
	memset(req, 0, offsetof(struct http_request, body));
	buf_clear(&req->body);
	buf_clear(&req->extra);
	req->conn = conn;
	req->server = conn->server;
	req->t0 = clock_mono_ns();
	req->method = req->path = "-";
	req->keep_alive = 0;
	arena_init(&req->arena);
	conn->refs++;
	return req;
}

void request_free(struct http_request *req)
{
	if (req->release_who)
		req->release_who(req->who);
	arena_done(&req->arena);
	keep_spare(req);
}

void request_log(struct http_request *req)
{
	struct http_server *server = req->server;
	double ms;
	int class = req->status / 100;

	req->t1 = clock_mono_ns();
	ms = (double)(req->t1 - req->t0) / 1e6;
	metric_observe_ms(&server->seconds, ms);
	if (class >= 1 && class <= 5)
		server->count_status[class]++;
	if (server->config->access_log)
		log_info("http.request", LOG_STR("method", req->method), LOG_STR("path", req->path),
		         LOG_INT("status", req->status), LOG_INT("ms", ms), LOG_INT("bytes", req->sent),
		         LOG_STR("trace", req->trace),
		         req->who_name ? LOG_STR("token", req->who_name) : (struct log_kv){0});
}

void request_answered(struct http_request *req)
{
	request_log(req);
	req->conn->protocol->answered(req);
}

void http1_answered(struct http_request *req)
{
	struct conn *conn = req->conn;
	int go_on = req->keep_alive && req->body_done && !conn->refused && !conn->eof;
	int64_t now = req->t1;

	conn->req = NULL;
	request_free(req);
	if (conn->state != CONN_CLOSED && !go_on) {
		conn_linger(conn);
	} else if (conn->state != CONN_CLOSED) {
		conn->state = CONN_IDLE;
		conn->since = now / 1000000;
		conn_resume(conn);
	}
	conn_unref(conn);
}

/* ---- from head to handler --------------------------------------------------------------- */

void request_hand_over(struct http_request *req)
{
	req->handed = 1;
	req->route->handler(req, req->server->ctx);
}

int request_admit(struct http_request *req, struct err *err)
{
	return req->route && req->route->admit ? req->route->admit(req, req->server->ctx, err) : 0;
}

static int has_body(const struct http_request *req)
{
	const llhttp_t *parser = &req->conn->parser;

	return parser->flags & F_CHUNKED || (parser->flags & F_CONTENT_LENGTH && parser->content_length);
}

/* Who asks for a wrong path, or without a right, in a proper way and without a body keeps the connection. */
static void refuse(struct http_request *req, int status, const struct err *err)
{
	if (status < 401 || status > 405 || has_body(req)) {
		conn_refuse(req->conn, status, err);
		return;
	}
	req->verdict = status;
	req->verdict_err = arena_dup(&req->arena, err, sizeof(*err));
}

void request_begin(struct http_request *req)
{
	struct conn *conn = req->conn;
	char *head = arena_dup(&req->arena, conn->head.data, conn->head.len);
	struct err err;
	int status = request_check(req, head, &err);

	req->keep_alive = llhttp_should_keep_alive(&conn->parser);
	if (!status)
		status = request_admit(req, &err);
	if (!status && req->route)
		status = request_check_length(req, &err);
	if (status) {
		refuse(req, status, &err);
		return;
	}
	if (req->expects_continue && has_body(req))
		conn_send(conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	if (req->route && req->route->flags & HTTP_BODY_STREAM)
		request_hand_over(req);
}

void request_data(struct http_request *req, const char *p, size_t n)
{
	struct conn *conn = req->conn;
	uint64_t max = req->route ? req->route->body_max : 0;

	req->body_got += n;
	if (req->body_got > max) {
		conn->fault = 413;
		err_set(&conn->fault_err, ERR_LIMIT, "the body is larger than the %llu bytes that %s %s takes",
		        (unsigned long long)max, req->method, req->path);
	} else if (req->on_data) {
		req->on_data(req->body_ctx, req, p, n);
	} else if (!req->handed && buf_add(&req->body, p, n)) {
		conn->fault = 503;
		err_set(&conn->fault_err, ERR_NOMEM, "no memory for the body");
	}
}

void request_whole(struct http_request *req)
{
	struct http_problem more = {.status = req->verdict};

	req->body_done = 1;
	if (req->verdict) {
		http_reply_problem(req, req->verdict_err, &more);
	} else if (!req->route) { /* "OPTIONS *" and the like: route_find has set the headers */
		http_reply_empty(req, 204);
	} else if (!req->handed) {
		request_hand_over(req);
	} else if (req->on_end && !req->body_told) {
		req->body_told = 1;
		req->on_end(req->body_ctx, req, NULL);
	}
}

void request_body_failed(struct http_request *req, const struct err *err)
{
	if (req->on_end && !req->body_told && !req->body_done) {
		req->body_told = 1;
		req->on_end(req->body_ctx, req, err);
	}
}

void request_gone(struct http_request *req)
{
	struct err err;

	req->gone = 1;
	if (!req->handed) {
		req->status = req->status ? req->status : 499; /* only for the log: nobody is there */
		request_answered(req);
		return;
	}
	if (req->on_end && !req->body_told && !req->body_done) {
		err_set(&err, ERR_IO, "the client has gone before the body was whole");
		request_body_failed(req, &err);
	} else if (req->on_gone) {
		void (*on_gone)(void *ctx, struct http_request *req) = req->on_gone;

		req->on_gone = NULL;
		on_gone(req->gone_ctx, req);
	}
}

/* ---- what handlers read ----------------------------------------------------------------- */
const char *http_method(const struct http_request *req)
{
	return req->method;
}

const char *http_path(const struct http_request *req)
{
	return req->path;
}

const struct http_route *http_route_of(const struct http_request *req)
{
	return req->route;
}

static const char *pair_find(const struct pair *pairs, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (pair_is(&pairs[i], name))
			return pairs[i].value;
	return NULL;
}

const char *http_param(const struct http_request *req, const char *name)
{
	return pair_find(req->params, req->n_params, name);
}

const char *http_query(const struct http_request *req, const char *name)
{
	return pair_find(req->query, req->n_query, name);
}

int http_query_next(const struct http_request *req, size_t *at, const char **ret_name, const char **ret_value)
{
	if (*at >= req->n_query)
		return 0;
	*ret_name = req->query[*at].name;
	*ret_value = req->query[(*at)++].value;
	return 1;
}

const char *http_header(struct http_request *req, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < req->n_headers && req->letters & LETTER(*name); i++)
		if (pair_is(&req->headers[i], name))
			value = value ? arena_printf(&req->arena, "%s, %s", value, req->headers[i].value)
			              : req->headers[i].value;
	return value;
}

const char *http_traceparent(const struct http_request *req)
{
	return req->trace;
}

struct arena *http_arena(struct http_request *req)
{
	return &req->arena;
}

void http_set_who(struct http_request *req, void *who, const char *name, void (*release)(void *who))
{
	req->who = who;
	req->who_name = name;
	req->release_who = release;
}

void *http_who(const struct http_request *req)
{
	return req->who;
}

void http_set_problem_type(struct http_request *req, const char *type)
{
	req->problem_type = type;
}

const char *http_body(const struct http_request *req, size_t *ret_n)
{
	*ret_n = req->body.len;
	return req->body.len ? req->body.data : "";
}

void http_body_read(struct http_request *req,
                    void (*on_data)(void *ctx, struct http_request *req, const char *p, size_t n),
                    void (*on_end)(void *ctx, struct http_request *req, const struct err *err), void *ctx)
{
	req->on_data = on_data;
	req->on_end = on_end;
	req->body_ctx = ctx;
}

void http_body_pause(struct http_request *req, int pause)
{
	if (req->paused == pause)
		return;
	req->paused = pause;
	conn_resume(req->conn);
}

void http_on_gone(struct http_request *req, void (*on_gone)(void *ctx, struct http_request *req), void *ctx)
{
	req->on_gone = on_gone;
	req->gone_ctx = ctx;
}

/* ---- media types and preferences -------------------------------------------------------- */
/* Does one item of a list, such as "text/csv;q=0.5", allow `type`? Quality 0 forbids. */
static int accept_item(const char *item, size_t n, const char *type)
{
	const char *slash = strchr(type, '/'), *semi = memchr(item, ';', n);
	size_t len = semi ? (size_t)(semi - item) : n;
	const char *q = semi ? memmem(item, n, "q=0", 3) : NULL;

	while (len && isspace((unsigned char)item[len - 1]))
		len--;
	if (q && strspn(q + 3, ".0") == strcspn(q + 3, ";, "))
		return 0;
	if (len == 3 && !memcmp(item, "*/*", 3))
		return 1;
	if (len >= 2 && item[len - 1] == '*')
		return !strncasecmp(item, type, (size_t)(slash - type) + 1) && len == (size_t)(slash - type) + 2;
	return len == strlen(type) && !strncasecmp(item, type, len);
}

int http_accepts(struct http_request *req, const char *type)
{
	const char *at = http_header(req, "accept");

	if (!at || !*at)
		return 1;
	while (*at) {
		size_t n;

		at += strspn(at, ", \t");
		n = strcspn(at, ",");
		if (n && accept_item(at, n, type))
			return 1;
		at += n;
	}
	return 0;
}

/* "0.75" is 750; without one, or with one that is no number, it is 1. */
static int quality_of(const char *item, size_t n)
{
	const char *q = memmem(item, n, "q=", 2);
	int quality = 0, digits = 0;

	if (!q || q[2] != '0')
		return 1000;
	for (q += 3; digits < 3 && q + digits + 1 < item + n && *q == '.' && isdigit((unsigned char)q[digits + 1]);
	     digits++)
		quality = quality * 10 + q[digits + 1] - '0';
	for (; digits < 3; digits++)
		quality *= 10;
	return quality;
}

int http_accept_quality(struct http_request *req, const char *type)
{
	const char *at = http_header(req, "accept");
	size_t n, name;
	int best = 0;

	for (; at && *at; at += n) {
		at += strspn(at, ", \t");
		n = strcspn(at, ",");
		name = strcspn(at, ",; \t");
		if (name == strlen(type) && !strncasecmp(at, type, name) && quality_of(at, n) > best)
			best = quality_of(at, n);
	}
	return best;
}

int http_content_is(struct http_request *req, const char *type)
{
	const char *value = http_header(req, "content-type");
	size_t n = strlen(type);

	return value && !strncasecmp(value, type, n) && strchr("; \t", value[n]);
}

const char *http_prefer(struct http_request *req, const char *name)
{
	const char *at = http_header(req, "prefer");
	size_t n = strlen(name);

	while (at && *at) {
		at += strspn(at, ",; \t");
		if (!strncasecmp(at, name, n) && at[n] == '=')
			return arena_strn(&req->arena, at + n + 1, strcspn(at + n + 1, ",; \t"));
		at += strcspn(at, ",;");
	}
	return NULL;
}
