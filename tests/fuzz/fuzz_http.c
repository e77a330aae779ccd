/* SPDX-License-Identifier: Apache-2.0 */
/* One connection fed from memory. The first byte of the input decides how the rest is cut into
 * reads; handlers must see the same requests whether the bytes come in one piece or in many. Its highest
 * bit chooses the local protocol instead of HTTP, where a request that is held does not hold the next, so
 * that the order may differ. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/conn.h"

static struct {
	uv_loop_t loop;
	struct http_config config;
	struct http_server *server;
	struct http_request *held;
	struct buf *seen; /* what the handlers have been given */
	int closed, shut;
} f;

/* ---- a transport without a socket ------------------------------------------------------- */
static void memory_read(struct conn *conn, int on)
{
	(void)conn;
	(void)on;
}

static void memory_write(struct conn *conn, const char *p, size_t n)
{
	(void)conn;
	(void)p;
	(void)n;
}

static size_t memory_queued(const struct conn *conn)
{
	(void)conn;
	return 0;
}

static void memory_shutdown(struct conn *conn)
{
	(void)conn;
	f.shut = 1;
}

static void memory_close(struct conn *conn)
{
	(void)conn;
	f.closed = 1;
}

static const struct transport transport_memory = {memory_read, memory_write, memory_queued, memory_shutdown,
                                                  memory_close};

struct body {
	size_t n;
	char bytes[400];
};

/* ---- handlers --------------------------------------------------------------------------- */
static void touch(struct http_request *req)
{
	const char *name, *value;
	size_t at = 0;

	while (http_query_next(req, &at, &name, &value))
		if (strlen(name) + strlen(value) > (1u << 20))
			abort();
	http_accepts(req, "application/json");
	http_content_is(req, "application/json");
	http_prefer(req, "wait");
	http_param(req, "id");
	buf_printf(f.seen, "%s %s ", http_method(req), http_path(req));
}

static void whole(struct http_request *req, void *ctx)
{
	size_t n;
	const char *body = http_body(req, &n);

	(void)ctx;
	touch(req);
	buf_add(f.seen, body, n);
	if (!http_etag(req, "v1"))
		http_reply(req, 200, "text/plain", body, n);
}

/* Only whole bodies count: where one breaks off depends on how it was cut. */
static void on_data(void *ctx, struct http_request *req, const char *p, size_t n)
{
	struct body *body = ctx;

	if (body->n + n > sizeof(body->bytes)) {
		http_stream_abort(req);
		return;
	}
	memcpy(body->bytes + body->n, p, n);
	body->n += n;
}

static void on_end(void *ctx, struct http_request *req, const struct err *err)
{
	struct body *body = ctx;

	if (err) {
		http_reply_problem(req, err, NULL);
		return;
	}
	buf_add(f.seen, body->bytes, body->n);
	http_reply_empty(req, 204);
}

static void streamed(struct http_request *req, void *ctx)
{
	(void)ctx;
	touch(req);
	http_body_read(req, on_data, on_end, arena_alloc(http_arena(req), sizeof(struct body)));
}

static void held(struct http_request *req, void *ctx)
{
	(void)ctx;
	touch(req);
	if (f.held)
		http_reply_empty(req, 204);
	else
		f.held = req;
}

/* Refuses as one does who asks for a token, before the body. */
static int admit(struct http_request *req, void *ctx, struct err *err)
{
	(void)ctx;
	if (http_header(req, "authorization"))
		return 0;
	http_set_header(req, "WWW-Authenticate", http_peer_name(req));
	http_set_problem_type(req, "unauthenticated");
	return err_set(err, ERR_PERM, "no") ? 401 : 0;
}

static const struct http_route routes[] = {
	{"GET", "/a", whole, 0, 0, "", NULL},
	{"POST", "/a/{id}", whole, 1000, 0, "", NULL},
	{"PUT", "/s", streamed, 500, HTTP_BODY_STREAM, "", NULL},
	{"GET", "/h", held, 0, 0, "", NULL},
	{"GET", "/k", whole, 0, 0, "", admit},
	{"POST", "/k", whole, 1000, 0, "", admit},
	{"PUT", "/k", streamed, 500, HTTP_BODY_STREAM, "", admit},
	{0},
};

static void release(void)
{
	struct http_request *req = f.held;

	f.held = NULL;
	if (!req)
		return;
	http_stream_begin(req, 200, "text/plain");
	http_stream_write(req, "x", 1);
	http_stream_end(req);
}

static void setup(void)
{
	struct err err;

	options_init(http_options, &f.config, &err);
	option_set(option_find(http_options, "listen"), &f.config, "", &err);
	f.config.max_head = 1024;
	log_setup(LOG_TEXT, LOG_ERROR, "fuzz");
	clock_freeze(1000000000000);
	uv_loop_init(&f.loop);
	if (http_server_new(&f.loop, &f.config, routes, NULL, &f.server, &err))
		abort();
}

static void serve(const struct protocol *protocol, const uint8_t *data, size_t n, size_t step, struct buf *seen)
{
	struct conn *conn = conn_new(f.server, &transport_memory, protocol);

	f.seen = seen;
	f.closed = f.shut = 0;
	conn->refs++; /* so that it outlives its close until we have looked */
	for (size_t at = 0; at < n && !f.closed; at += step) {
		conn_input(conn, (const char *)data + at, n - at < step ? n - at : step);
		while (f.held)
			release();
	}
	if (!f.closed)
		conn_eof(conn);
	release();
	if (!f.closed)
		conn_close(conn);
	conn_closed(conn);
	conn_unref(conn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct protocol *protocol = size && data[0] & 0x80 ? &protocol_lines : &protocol_http1;
	struct buf one, many;

	if (!f.server)
		setup();
	if (size < 2 || size > 60000)
		return 0;
	buf_init(&one, 0);
	buf_init(&many, 0);
	serve(protocol, data + 1, size - 1, size, &one);
	serve(protocol, data + 1, size - 1, (size_t)(data[0] & 0x7F) % 37 + 1, &many);
	if (protocol == &protocol_http1 && (one.len != many.len || (one.len && memcmp(one.data, many.data, one.len)))) {
		fprintf(stderr, "in one piece:\n%s\nin pieces:\n%s\n", one.len ? one.data : "",
		        many.len ? many.data : "");
		abort();
	}
	buf_done(&one);
	buf_done(&many);
	return 0;
}
