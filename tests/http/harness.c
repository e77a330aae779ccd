/* SPDX-License-Identifier: Apache-2.0 */
#include "http/harness.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

struct harness s;

/* ---- handlers --------------------------------------------------------------------------- */
static void hello(struct http_request *req, void *ctx)
{
	(void)ctx;
	http_reply_json(req, 200, "{\"hello\":true}");
}

static void echo(struct http_request *req, void *ctx)
{
	size_t n;
	const char *body = http_body(req, &n);

	(void)ctx;
	http_reply(req, 200, "application/octet-stream", body, n);
}

static void show(struct http_request *req, void *ctx)
{
	const char *q = http_query(req, "q");

	(void)ctx;
	http_set_header(req, "X-Trace", http_traceparent(req));
	http_reply_json(req, 200,
	                arena_printf(http_arena(req), "%s|%s|%s", http_route_of(req)->help, http_param(req, "id"),
	                             q ? q : "-"));
}

static void on_held_gone(void *ctx, struct http_request *req)
{
	(void)ctx;
	(void)req;
	s.gone++;
}

static void hold(struct http_request *req, void *ctx)
{
	(void)ctx;
	s.held = req;
	http_on_gone(req, on_held_gone, NULL);
}

static void let_go(struct http_request *req, void *ctx)
{
	(void)ctx;
	if (s.held)
		http_reply_json(s.held, 200, "\"held\"");
	s.held = NULL;
	http_reply_json(req, 200, "\"let go\"");
}

struct pump {
	size_t left;
};

static void pump_some(void *ctx, struct http_request *req)
{
	static char block[16384];
	struct pump *pump = ctx;

	while (pump->left) {
		size_t n = pump->left < sizeof(block) ? pump->left : sizeof(block);
		int pause = http_stream_write(req, block, n);

		pump->left -= n;
		if ((int)http_stream_queued(req) > s.most_queued)
			s.most_queued = (int)http_stream_queued(req);
		if (pause)
			return;
	}
	http_stream_end(req);
}

static void pump_drained(void *ctx, struct http_request *req)
{
	s.drained++;
	pump_some(ctx, req);
}

static void pump_gone(void *ctx, struct http_request *req)
{
	(void)ctx;
	s.gone++;
	http_stream_abort(req);
}

static void big(struct http_request *req, void *ctx)
{
	struct pump *pump = arena_alloc(http_arena(req), sizeof(*pump));

	(void)ctx;
	pump->left = BIG;
	http_on_drain(req, pump_drained, pump);
	http_on_gone(req, pump_gone, pump);
	http_stream_begin(req, 200, "application/octet-stream");
	pump_some(pump, req);
}

static void cut(struct http_request *req, void *ctx)
{
	(void)ctx;
	http_stream_begin(req, 200, "text/plain");
	http_stream_write(req, "half", 4);
	http_stream_abort(req);
}

struct sink {
	size_t got;
};

static void sink_data(void *ctx, struct http_request *req, const char *p, size_t n)
{
	struct sink *sink = ctx;

	(void)req;
	(void)p;
	sink->got += n;
}

static void sink_end(void *ctx, struct http_request *req, const struct err *err)
{
	struct sink *sink = ctx;

	s.upload_ended++;
	if (err)
		http_reply_problem(req, err, NULL);
	else
		http_reply_json(req, 200, arena_printf(http_arena(req), "%zu", sink->got));
}

static void upload(struct http_request *req, void *ctx)
{
	(void)ctx;
	http_body_read(req, sink_data, sink_end, arena_alloc(http_arena(req), sizeof(struct sink)));
}

static void paused_upload(struct http_request *req, void *ctx)
{
	upload(req, ctx);
	s.held = req;
	http_body_pause(req, 1);
}

static void unpause(struct http_request *req, void *ctx)
{
	(void)ctx;
	http_body_pause(s.held, 0);
	s.held = NULL;
	http_reply_empty(req, 204);
}

static void hasty(struct http_request *req, void *ctx)
{
	(void)ctx;
	http_reply_json(req, 200, "\"did not read it\"");
}

static void problem(struct http_request *req, void *ctx)
{
	struct err err;

	(void)ctx;
	err_set(&err, ERR_BUSY, "it is \"busy\"");
	err_where(&err, "/a/0");
	http_reply_problem(req, &err, NULL);
}

static void tagged(struct http_request *req, void *ctx)
{
	(void)ctx;
	if (!http_etag(req, "v7"))
		http_reply_json(req, 200, "7");
}

const struct http_route routes[] = {
	{"GET", "/hello", hello, 0, 0, "hello", NULL},
	{"POST", "/hello", echo, 100, 0, "echo", NULL},
	{"GET", "/things/{id}", show, 0, 0, "show", NULL},
	{"POST", "/things/{id}:mark", show, 0, 0, "mark", NULL},
	{"GET", "/things/{id}/parts", show, 0, 0, "parts", NULL},
	{"GET", "/hold", hold, 0, 0, "hold", NULL},
	{"GET", "/let-go", let_go, 0, 0, "let go", NULL},
	{"GET", "/big", big, 0, HTTP_REPLY_STREAM, "big", NULL},
	{"GET", "/cut", cut, 0, HTTP_REPLY_STREAM, "cut", NULL},
	{"POST", "/upload", upload, SINK_MAX, HTTP_BODY_STREAM, "upload", NULL},
	{"POST", "/paused", paused_upload, SINK_MAX, HTTP_BODY_STREAM, "paused", NULL},
	{"GET", "/unpause", unpause, 0, 0, "unpause", NULL},
	{"POST", "/hasty", hasty, SINK_MAX, HTTP_BODY_STREAM, "hasty", NULL},
	{"GET", "/problem", problem, 0, 0, "problem", NULL},
	{"GET", "/tagged", tagged, 0, 0, "tagged", NULL},
	{0},
};

/* ---- the server's thread ---------------------------------------------------------------- */
static void on_stopped(void *ctx)
{
	(void)ctx;
	s.stopped = 1;
	uv_close((uv_handle_t *)&s.command, NULL);
}

static void on_command(uv_async_t *async)
{
	deed_fn deed = s.deed;

	(void)async;
	if (deed)
		deed();
}

static void *run(void *ctx)
{
	(void)ctx;
	uv_run(&s.loop, UV_RUN_DEFAULT);
	return NULL;
}

void start(void)
{
	struct err err;

	memset(&s, 0, sizeof(s));
	ck_ok(options_init(http_options, &s.config, &err), &err);
	ck_ok(option_set(option_find(http_options, "listen"), &s.config, "127.0.0.1:0", &err), &err);
	log_setup(LOG_TEXT, LOG_ERROR, "test");
}

void go(void)
{
	struct err err;

	uv_loop_init(&s.loop);
	uv_async_init(&s.loop, &s.command, on_command);
	ck_ok(http_server_new(&s.loop, &s.config, routes, NULL, &s.server, &err), &err);
	ck_assert_int_eq(pthread_create(&s.thread, NULL, run, NULL), 0);
}

void stop_now(void)
{
	http_server_stop(s.server, 100, on_stopped, NULL);
}

void stop_gently(void)
{
	http_server_stop(s.server, 60000, on_stopped, NULL);
}

void command(deed_fn deed)
{
	s.deed = deed;
	uv_async_send(&s.command);
}

void join(void)
{
	pthread_join(s.thread, NULL);
	ck_assert_int_eq(s.stopped, 1);
	http_server_free(s.server);
	ck_assert_int_eq(uv_loop_close(&s.loop), 0);
	options_done(http_options, &s.config);
}

void finish(void)
{
	command(stop_now);
	join();
}

struct client connected(void)
{
	struct client client;

	client_open(&client, http_server_port(s.server));
	return client;
}
