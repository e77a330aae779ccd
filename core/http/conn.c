/* SPDX-License-Identifier: Apache-2.0 */
/* One connection. One request at a time: what a client sends ahead (pipelining) waits unparsed in
 * `in`, up to a bound, after which we stop reading. We go on reading while a handler works, since
 * that is how we learn that the client has gone.
 *
 *   IDLE → HEAD → BODY → WAIT → IDLE …          the good way
 *   any  → LINGER → CLOSED                      we have refused, or answered before the body's end
 *   any  → CLOSED                               the client has gone, or a deadline has passed
 *
 * LINGER: closing a socket with unread input makes the kernel send a reset, which can destroy the
 * answer on its way (RFC 9112 section 9.6). So we end our side, read on for a moment, then close.
 */
#include "http/conn.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct conn *conn_new(struct http_server *server, const struct transport *transport, const struct protocol *protocol)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->server = server;
	conn->protocol = protocol;
	if (protocol == &protocol_lines && lines_open(conn)) {
		free(conn);
		return NULL;
	}
	conn->transport = transport;
	conn->refs = 1;
	conn->since = clock_mono_ms();
	buf_init(&conn->in, 2 * HTTP_READ_SIZE);
	parse_init(conn);
	list_add_tail(&server->conns, &conn->link);
	server->n_conns++;
	server->count_conns = (int64_t)server->n_conns;
	server_ref(server);
	return conn;
}

void conn_unref(struct conn *conn)
{
	struct http_server *server = conn->server;

	if (--conn->refs)
		return;
	buf_done(&conn->in);
	buf_done(&conn->head);
	lines_close(conn);
	free(conn);
	server_unref(server);
}

/* The transport's last call. The request may live on until its handler answers. */
void conn_closed(struct conn *conn)
{
	list_del(&conn->link);
	conn->server->n_conns--;
	conn->server->count_conns = (int64_t)conn->server->n_conns;
	server_conn_gone(conn->server);
	conn_unref(conn);
}

void conn_close(struct conn *conn)
{
	if (conn->state == CONN_CLOSED)
		return;
	conn->state = CONN_CLOSED;
	conn->protocol->gone(conn);
	conn->transport->close(conn);
}

static void http1_gone(struct conn *conn)
{
	if (conn->req)
		request_gone(conn->req);
}

void conn_linger(struct conn *conn)
{
	if (conn->state == CONN_CLOSED)
		return;
	conn->state = CONN_LINGER;
	conn->since = clock_mono_ms() + HTTP_LINGER_MS;
	buf_clear(&conn->in);
	conn->transport->shutdown(conn);
	if (!conn->eof && conn->state == CONN_LINGER)
		conn->transport->read(conn, 1);
}

/* Where a handler takes the body, it is told and answers; else we answer. */
void conn_refuse(struct conn *conn, int status, const struct err *err)
{
	if (conn->refused)
		return;
	conn->refused = 1;
	conn->fault = status;
	if (!conn->req)
		conn->req = request_new(conn);
	if (!conn->req || conn->req->status)
		conn_close(conn); /* an answer has begun: all we can do is to cut it */
	else if (conn->req->handed)
		request_body_failed(conn->req, err);
	else
		http_reply_problem(conn->req, err, NULL);
}

void conn_send(struct conn *conn, const char *p, size_t n)
{
	if (conn->state == CONN_CLOSED || !n)
		return;
	conn->server->bytes_out += (int64_t)n;
	conn->transport->write(conn, p, n);
}

static int ignores_input(const struct conn *conn)
{
	return conn->refused || conn->state == CONN_LINGER || conn->state == CONN_CLOSED;
}

static int may_parse(const struct conn *conn)
{
	return !conn->refused && (conn->state == CONN_IDLE || conn->state == CONN_HEAD ||
	                          (conn->state == CONN_BODY && !conn->req->paused));
}

/* What the parser has noted since the last look becomes a change of state here, and only here. */
static void advance(struct conn *conn)
{
	if (conn->fault) {
		conn_refuse(conn, conn->fault, &conn->fault_err);
	} else if (conn->state == CONN_HEAD && conn->head_done) {
		conn->state = CONN_BODY;
		conn->req = request_new(conn);
		if (!conn->req) {
			conn_close(conn);
			return;
		}
		conn->window_at = conn->req->t0 / 1000000;
		conn->window_got = 0;
		request_begin(conn->req);
	} else if (conn->state == CONN_BODY && conn->message_done) {
		conn->state = CONN_WAIT;
		request_whole(conn->req);
	}
}

/* Parses as much as may be parsed now; how many bytes were taken. */
static size_t conn_parse(struct conn *conn, const char *p, size_t n)
{
	size_t at = 0;

	conn->parsing = 1;
	while (may_parse(conn) && (at < n || conn->resume)) {
		if (conn->state == CONN_IDLE && at == n)
			break;
		if (conn->state == CONN_IDLE) {
			parse_reset(conn);
			conn->state = CONN_HEAD;
			conn->since = clock_mono_ms();
		}
		at += parse_step(conn, p + at, n - at);
		advance(conn);
	}
	conn->parsing = 0;
	return ignores_input(conn) ? n : at;
}

static void conn_flow(struct conn *conn)
{
	int on = !conn->eof && conn->in.len < HTTP_READ_SIZE && !(conn->state == CONN_BODY && conn->req->paused);

	if (conn->state != CONN_CLOSED && on != conn->reading) {
		conn->reading = on;
		conn->transport->read(conn, on);
	}
}

void conn_resume(struct conn *conn)
{
	conn->protocol->resume(conn);
}

static void http1_resume(struct conn *conn)
{
	if (conn->parsing || conn->state == CONN_CLOSED)
		return;
	if (conn->in.len || conn->resume) {
		size_t used = conn_parse(conn, conn->in.data, conn->in.len);

		buf_consume(&conn->in, used < conn->in.len ? used : conn->in.len);
	}
	if (conn->eof && (conn->state == CONN_IDLE || conn->state == CONN_HEAD))
		conn_close(conn);
	else if (conn->server->stopping && conn->state == CONN_IDLE)
		conn_close(conn);
	else
		conn_flow(conn);
}

void conn_input(struct conn *conn, const char *p, size_t n)
{
	conn->server->bytes_in += (int64_t)n;
	conn->protocol->input(conn, p, n);
}

static void http1_input(struct conn *conn, const char *p, size_t n)
{
	size_t used = 0;

	if (ignores_input(conn))
		return;
	if (!conn->in.len)
		used = conn_parse(conn, p, n);
	if (used < n && buf_add(&conn->in, p + used, n - used)) {
		conn_close(conn);
		return;
	}
	conn_resume(conn);
}

void conn_eof(struct conn *conn)
{
	conn->eof = 1;
	conn->transport->read(conn, 0);
	conn->reading = 0;
	conn->protocol->eof(conn);
}

/* The client has ended its side. It may still wait for the answer to a whole request. */
static void http1_eof(struct conn *conn)
{
	if (conn->state != CONN_WAIT) {
		conn_close(conn);
		return;
	}
	conn->req->keep_alive = 0;
	request_gone(conn->req);
}

void conn_written(struct conn *conn)
{
	conn->protocol->written(conn);
}

static void http1_written(struct conn *conn)
{
	struct http_request *req = conn->req;

	if (req && req->blocked && conn->transport->queued(conn) <= HTTP_WRITE_LOW) {
		req->blocked = 0;
		if (req->on_drain)
			req->on_drain(req->drain_ctx, req);
	}
}

/* A body must come at body_rate bytes a second at least, looked at over windows of body_timeout.
 * Time that the handler holds the flow does not count. */
static int body_is_slow(struct conn *conn, int64_t now)
{
	const struct http_config *config = conn->server->config;
	uint64_t got;

	if (conn->state != CONN_BODY || now - conn->window_at < config->body_timeout_ms)
		return 0;
	got = conn->req->body_got - conn->window_got;
	if (!conn->req->paused && got * 1000 < config->body_rate * (uint64_t)config->body_timeout_ms)
		return 1;
	conn->window_at = now;
	conn->window_got = conn->req->body_got;
	return 0;
}

int conn_stalls(struct conn *conn, int64_t now)
{
	size_t queued = conn->transport->queued(conn);

	if (!queued || queued != conn->stall_queued) {
		conn->stall_queued = queued;
		conn->stall_at = now;
	}
	return queued && now - conn->stall_at > conn->server->config->write_timeout_ms;
}

void conn_sweep(struct conn *conn, int64_t now)
{
	if (conn->state != CONN_CLOSED)
		conn->protocol->sweep(conn, now);
}

static void http1_sweep(struct conn *conn, int64_t now)
{
	const struct http_config *config = conn->server->config;
	struct err err;

	if (conn->broken || conn_stalls(conn, now) ||
	    (conn->state == CONN_LINGER && !conn->stall_queued && now > conn->since) ||
	    (conn->state == CONN_IDLE && now - conn->since > config->idle_timeout_ms)) {
		conn_close(conn);
	} else if (conn->state == CONN_HEAD && now - conn->since > config->header_timeout_ms) {
		err_set(&err, ERR_TIMEOUT, "the headers did not come within %lld ms",
		        (long long)config->header_timeout_ms);
		conn_refuse(conn, 408, &err);
	} else if (body_is_slow(conn, now)) {
		err_set(&err, ERR_TIMEOUT, "the body came slower than %llu bytes a second",
		        (unsigned long long)config->body_rate);
		conn_refuse(conn, 408, &err);
	}
}

const struct protocol protocol_http1 = {
	http1_input, http1_eof,   http1_written, http1_gone, http1_resume, http1_sweep,
	http1_reply, http1_begin, http1_piece,   http1_end,  http1_abort,  http1_answered,
};
