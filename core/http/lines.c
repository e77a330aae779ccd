/* SPDX-License-Identifier: Apache-2.0 */
/* The local protocol (docs/LOCAL-PROTOCOL.md): the routes of HTTP over a Unix socket, for programs on the same
 * machine that do not want to speak HTTP. A message is a line and a counted body:
 *
 *   TAG METHOD TARGET [NAME:VALUE…] N LF  N bytes       a request
 *   TAG STATUS N FLAG [NAME:VALUE…] LF  N bytes LF      an answer; FLAG: . the last, + more follows, ! cut
 *
 * Requests are sent without waiting; answers come as they are ready, known by the client's tag. What a client
 * may get wrong: a line that cannot be understood is answered with the tag "-" and ends the connection, since
 * nobody knows where the next message begins; everything else is an answer with its problem. At most
 * REQUESTS_MAX run at a time and HTTP_WRITE_HIGH bytes wait: more is not read, so a slow reader holds itself.
 * A client that ends its side still gets its answers. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "http/conn.h"

#define REQUESTS_MAX 256
#define TAG_MAX 64

struct lines {
	struct list requests;
	size_t n_requests;
	struct http_request *current; /* whose body is coming; NULL: it is thrown away */
	uint64_t left;                /* bytes of that body */
	size_t at;                    /* of conn->in, taken already */
};

int lines_open(struct conn *conn)
{
	conn->lines = calloc(1, sizeof(*conn->lines));
	if (!conn->lines)
		return ERR_NOMEM;
	list_init(&conn->lines->requests);
	return 0;
}

void lines_close(struct conn *conn)
{
	free(conn->lines);
}

/* ---- answers ---------------------------------------------------------------------------- */
/* The headers that a handler has set, "Name: value" CRLF each, as words. */
static void put_headers(struct buf *out, const struct buf *headers)
{
	const char *at = headers->len ? headers->data : "", *stop;

	for (; (stop = strstr(at, "\r\n")); at = stop + 2) {
		const char *colon = strchr(at, ':');

		buf_putc(out, ' ');
		for (; at <= colon; at++)
			buf_putc(out, (char)tolower((unsigned char)*at));
		for (at += *at == ' '; at < stop; at++)
			if (*at > ' ' && *at != '%')
				buf_putc(out, *at);
			else
				buf_printf(out, "%%%02X", (unsigned char)*at);
	}
}

static void send_message(struct http_request *req, int status, char flag, const char *type, const void *body, size_t n)
{
	struct buf out;

	buf_init(&out, 0);
	buf_puts(&out, req->tag ? req->tag : "-");
	buf_putc(&out, ' ');
	buf_int(&out, status);
	buf_putc(&out, ' ');
	buf_int(&out, (int64_t)n);
	buf_putc(&out, ' ');
	buf_putc(&out, flag);
	if (type && !str_eq(type, "application/json"))
		buf_printf(&out, " content-type:%.*s", (int)strcspn(type, "; "), type);
	put_headers(&out, &req->extra);
	buf_clear(&req->extra);
	buf_putc(&out, '\n');
	buf_add(&out, body, n);
	buf_putc(&out, '\n');
	if (out.failed)
		req->conn->broken = 1;
	else
		conn_send(req->conn, out.data, out.len);
	buf_done(&out);
}

static void lines_reply(struct http_request *req, int status, const char *type, const void *body, size_t n)
{
	send_message(req, status, '.', type, body, n);
}

static void lines_begin(struct http_request *req, int status, const char *type)
{
	send_message(req, status, '+', type, NULL, 0);
}

static void lines_piece(struct http_request *req, const void *p, size_t n)
{
	send_message(req, req->status, '+', NULL, p, n);
}

static void lines_end(struct http_request *req)
{
	send_message(req, req->status, '.', NULL, NULL, 0);
}

static void lines_abort(struct http_request *req)
{
	send_message(req, req->status, '!', NULL, NULL, 0);
}

/* ---- the flow --------------------------------------------------------------------------- */
static int is_held(const struct conn *conn)
{
	const struct lines *lines = conn->lines;

	return lines->n_requests >= REQUESTS_MAX || conn->transport->queued(conn) > HTTP_WRITE_HIGH ||
	       (lines->current && lines->current->paused);
}

static size_t unread(const struct conn *conn)
{
	return conn->in.len - conn->lines->at;
}

/* What the connection does next, after anything has happened on it. */
static void flow(struct conn *conn)
{
	struct lines *lines = conn->lines;
	int idle = !lines->n_requests && !lines->left && !unread(conn), on;

	if (conn->state == CONN_CLOSED)
		return;
	conn->state = idle ? CONN_IDLE : CONN_WAIT;
	if (!lines->n_requests && (conn->refused || (idle && conn->server->stopping) || conn->eof)) {
		conn_linger(conn);
		return;
	}
	on = !conn->eof && !conn->refused && !is_held(conn);
	if (on != conn->reading) {
		conn->reading = on;
		conn->transport->read(conn, on);
	}
}

static void lines_answered(struct http_request *req)
{
	struct conn *conn = req->conn;

	if (conn->lines->current == req)
		conn->lines->current = NULL; /* answered before its body was whole: the rest is thrown away */
	if (!list_empty(&req->link))
		conn->lines->n_requests--;
	list_del(&req->link);
	request_free(req);
	conn_resume(conn);
	conn_unref(conn);
}

/* ---- requests --------------------------------------------------------------------------- */
static int take_header(struct http_request *req, char *word, struct err *err)
{
	char *colon = strchr(word, ':');

	if (!colon || colon == word || req->n_headers == HTTP_HEADERS_MAX || percent_decode(colon + 1, 0)) {
		err_set(err, ERR_INVALID, "'%.60s' is not NAME:VALUE", word);
		return 400;
	}
	*colon = '\0';
	for (char *p = word; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	request_add_header(req, word, colon + 1);
	return 0;
}

/* METHOD, TARGET and the headers; 0, or the status to refuse with. */
static int take_request(struct http_request *req, char *rest, struct err *err)
{
	char *target;
	int status = 0;

	req->method = strsep(&rest, " ");
	target = strsep(&rest, " ");
	for (char *word; !status && (word = strsep(&rest, " "));)
		status = take_header(req, word, err);
	if (!http_header(req, "content-type") && req->n_headers < HTTP_HEADERS_MAX)
		request_add_header(req, arena_str(&req->arena, "content-type"),
		                   arena_str(&req->arena, "application/json"));
	request_take_trace(req);
	if (!status)
		status = request_take_url(req, target, err);
	if (!status)
		status = route_find(req, err);
	if (!status && !req->route) {
		err_set(err, ERR_UNSUPPORTED, "the method %.20s is not served", req->method);
		status = 405;
	}
	if (!status)
		status = request_admit(req, err);
	return status;
}

/* The last word of a line is the length of the body; the words before it go on in *ret_rest. */
static int take_length(char *line, uint64_t *ret)
{
	char *last = strrchr(line, ' ');

	if (!last || !isdigit((unsigned char)last[1]) || str_to_u64(last + 1, ret))
		return -1;
	*last = '\0';
	return 0;
}

static int tag_is_fine(const char *tag, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (tag[i] <= ' ' || tag[i] >= 0x7F)
			return 0;
	return n >= 1 && n <= TAG_MAX;
}

static void refuse_line(struct conn *conn, struct http_request *req, const char *why)
{
	struct err err;

	conn->refused = 1;
	req->tag = NULL;
	conn->fault = 400;
	err_set(&err, ERR_INVALID, "%s: a request is TAG METHOD TARGET [NAME:VALUE…] LENGTH", why);
	http_reply_problem(req, &err, NULL);
}

static void refuse_request(struct http_request *req, int status, const struct err *err)
{
	struct http_problem more = {.status = status};

	http_reply_problem(req, err, &more);
}

/* A whole line, without its end. */
static void begin_request(struct conn *conn, const char *p, size_t n)
{
	struct lines *lines = conn->lines;
	struct http_request *req = request_new(conn);
	struct err err = {0};
	char *line, *space;
	int status;

	if (!req) {
		conn_close(conn);
		return;
	}
	list_init(&req->link);
	list_add_tail(&lines->requests, &req->link);
	lines->n_requests++;
	line = arena_strn(&req->arena, p, n);
	space = strchr(line, ' ');
	if (strlen(line) != n || !space || !tag_is_fine(line, (size_t)(space - line)) || !strchr(space + 1, ' ') ||
	    take_length(space + 1, &lines->left)) {
		refuse_line(conn, req, "the line is not understood");
		return;
	}
	*space = '\0';
	req->tag = line;
	status = strchr(space + 1, ' ') ? take_request(req, space + 1, &err) : 400;
	if (!status && lines->left > req->route->body_max) {
		err_set(&err, ERR_LIMIT, "the body has %llu bytes; %s %s takes %llu at most",
		        (unsigned long long)lines->left, req->method, req->route->pattern,
		        (unsigned long long)req->route->body_max);
		status = 413;
	}
	if (status) {
		if (!err.code)
			err_set(&err, ERR_INVALID, "a request is TAG METHOD TARGET [NAME:VALUE…] LENGTH");
		refuse_request(req, status, &err);
		return;
	}
	lines->current = req;
	if (req->route->flags & HTTP_BODY_STREAM)
		request_hand_over(req);
}

/* Every byte of the body has come. */
static void end_request(struct conn *conn)
{
	struct http_request *req = conn->lines->current;

	conn->lines->current = NULL;
	if (req)
		request_whole(req);
}

static size_t take_body(struct conn *conn, const char *p, size_t n)
{
	struct lines *lines = conn->lines;

	if (n > lines->left)
		n = (size_t)lines->left;
	lines->left -= n;
	if (lines->current)
		request_data(lines->current, p, n);
	if (conn->fault) /* no memory for it */
		conn_close(conn);
	return n;
}

/* One step of the conversation; how many bytes it took, 0: it needs more. */
static size_t step(struct conn *conn, const char *p, size_t n)
{
	const char *stop;
	size_t len;

	if (conn->lines->left)
		return take_body(conn, p, n);
	stop = memchr(p, '\n', n);
	if (!stop) {
		if (n > conn->server->config->max_head)
			conn_close(conn);
		return 0;
	}
	len = (size_t)(stop - p);
	if (len && p[len - 1] == '\r')
		len--;
	if (len)
		begin_request(conn, p, len);
	return (size_t)(stop - p) + 1;
}

static void lines_resume(struct conn *conn)
{
	struct lines *lines = conn->lines;

	if (conn->parsing || conn->state == CONN_CLOSED || conn->state == CONN_LINGER)
		return;
	conn->refs++; /* a handler may answer, and that may be the end of the connection */
	conn->parsing = 1;
	while (conn->state != CONN_CLOSED && !conn->refused && !is_held(conn)) {
		size_t n = unread(conn) ? step(conn, conn->in.data + lines->at, unread(conn)) : 0;

		lines->at += n;
		if (!lines->left && lines->current)
			end_request(conn);
		else if (!n)
			break;
	}
	conn->parsing = 0;
	buf_consume(&conn->in, lines->at);
	lines->at = 0;
	conn->since = clock_mono_ms();
	flow(conn);
	conn_unref(conn);
}

static void lines_input(struct conn *conn, const char *p, size_t n)
{
	if (conn->refused || conn->state == CONN_LINGER)
		return;
	if (buf_add(&conn->in, p, n)) {
		conn_close(conn);
		return;
	}
	lines_resume(conn);
}

static void lines_eof(struct conn *conn)
{
	struct http_request *cut = conn->lines->current;

	if (conn->state == CONN_LINGER) {
		conn_close(conn);
		return;
	}
	conn->lines->current = NULL;
	if (cut)
		request_gone(cut);
	flow(conn);
}

static void lines_gone(struct conn *conn)
{
	struct list told;

	list_init(&told);
	conn->lines->current = NULL;
	while (!list_empty(&conn->lines->requests)) {
		struct http_request *req = list_entry(conn->lines->requests.next, struct http_request, link);

		list_del(&req->link);
		list_add_tail(&told, &req->link);
		request_gone(req);
	}
	while (!list_empty(&told)) {
		struct list *item = told.next;

		list_del(item);
		list_add_tail(&conn->lines->requests, item);
	}
}

static void lines_written(struct conn *conn)
{
	if (conn->transport->queued(conn) > HTTP_WRITE_LOW)
		return;
	list_each (item, &conn->lines->requests) {
		struct http_request *req = list_entry(item, struct http_request, link);

		if (!req->blocked)
			continue;
		req->blocked = 0;
		if (req->on_drain) {
			req->on_drain(req->drain_ctx, req);
			break; /* it may have ended others; the next write tells the next */
		}
	}
	conn_resume(conn);
}

/* An idle program keeps its connection; one that stops in the middle of a request does not. */
static void lines_sweep(struct conn *conn, int64_t now)
{
	const struct http_config *config = conn->server->config;
	int half = conn->lines->left || unread(conn);

	if (conn->broken || conn_stalls(conn, now) ||
	    (conn->state == CONN_LINGER && !conn->stall_queued && now > conn->since) ||
	    (half && !is_held(conn) && conn->state != CONN_LINGER && now - conn->since > config->header_timeout_ms))
		conn_close(conn);
}

const struct protocol protocol_lines = {
	lines_input, lines_eof,   lines_written, lines_gone, lines_resume, lines_sweep,
	lines_reply, lines_begin, lines_piece,   lines_end,  lines_abort,  lines_answered,
};
