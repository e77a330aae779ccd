/* SPDX-License-Identifier: Apache-2.0 */
/* The server over real sockets: it runs in a thread of its own, the test is the client. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "http/client.h"
#include "http/http.h"
#include "lib/test.h"

#define BIG (8u << 20)
#define SINK_MAX (64u << 20)

typedef void (*todo_fn)(void);

static struct {
	uv_loop_t loop;
	uv_async_t command;
	pthread_t thread;
	struct http_server *server;
	struct http_config config;
	_Atomic(todo_fn) todo;
	atomic_int stopped, gone, drained, most_queued, upload_ended;
	struct http_request *_Atomic held;
} s;

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
	                arena_printf(http_arena(req), "%s|%s|%s", http_route_of(req)->help,
	                             http_param(req, "id"), q ? q : "-"));
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

static const struct http_route routes[] = {
	{"GET", "/hello", hello, 0, 0, "hello"},
	{"POST", "/hello", echo, 100, 0, "echo"},
	{"GET", "/things/{id}", show, 0, 0, "show"},
	{"POST", "/things/{id}:mark", show, 0, 0, "mark"},
	{"GET", "/things/{id}/parts", show, 0, 0, "parts"},
	{"GET", "/hold", hold, 0, 0, "hold"},
	{"GET", "/let-go", let_go, 0, 0, "let go"},
	{"GET", "/big", big, 0, HTTP_REPLY_STREAM, "big"},
	{"GET", "/cut", cut, 0, HTTP_REPLY_STREAM, "cut"},
	{"POST", "/upload", upload, SINK_MAX, HTTP_BODY_STREAM, "upload"},
	{"POST", "/paused", paused_upload, SINK_MAX, HTTP_BODY_STREAM, "paused"},
	{"GET", "/unpause", unpause, 0, 0, "unpause"},
	{"POST", "/hasty", hasty, SINK_MAX, HTTP_BODY_STREAM, "hasty"},
	{"GET", "/problem", problem, 0, 0, "problem"},
	{"GET", "/tagged", tagged, 0, 0, "tagged"},
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
	todo_fn todo = s.todo;

	(void)async;
	if (todo)
		todo();
}

static void *run(void *ctx)
{
	(void)ctx;
	uv_run(&s.loop, UV_RUN_DEFAULT);
	return NULL;
}

static void start(void)
{
	struct err err;

	memset(&s, 0, sizeof(s));
	ck_ok(options_init(http_options, &s.config, &err), &err);
	ck_ok(option_set(option_find(http_options, "listen"), &s.config, "127.0.0.1:0", &err),
	      &err);
	log_setup(LOG_TEXT, LOG_ERROR, "test");
}

static void go(void)
{
	struct err err;

	uv_loop_init(&s.loop);
	uv_async_init(&s.loop, &s.command, on_command);
	ck_ok(http_server_new(&s.loop, &s.config, routes, NULL, &s.server, &err), &err);
	ck_assert_int_eq(pthread_create(&s.thread, NULL, run, NULL), 0);
}

static void stop_now(void)
{
	http_server_stop(s.server, 100, on_stopped, NULL);
}

static void stop_gently(void)
{
	http_server_stop(s.server, 60000, on_stopped, NULL);
}

static void command(todo_fn todo)
{
	s.todo = todo;
	uv_async_send(&s.command);
}

static void join(void)
{
	pthread_join(s.thread, NULL);
	ck_assert_int_eq(s.stopped, 1);
	http_server_free(s.server);
	ck_assert_int_eq(uv_loop_close(&s.loop), 0);
	options_done(http_options, &s.config);
}

static void finish(void)
{
	command(stop_now);
	join();
}

static struct client connected(void)
{
	struct client client;

	client_open(&client, http_server_port(s.server));
	return client;
}

#define HOST "Host: x\r\n"

/* ---- requests that two readers could read in two ways ----------------------------------- */
static const struct {
	const char *what, *bytes;
	int status;
} ambiguous[] = {
	{"length beside chunked",
	 "POST /hello HTTP/1.1\r\n" HOST
	 "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	 400},
	{"chunked before length",
	 "POST /hello HTTP/1.1\r\n" HOST
	 "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
	 400},
	{"two lengths",
	 "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
	 400},
	{"the same length twice",
	 "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", 400},
	{"a list of lengths", "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 4, 4\r\n\r\nabcd",
	 400},
	{"chunked, then identity",
	 "POST /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
	 400},
	{"an unknown coding",
	 "POST /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
	{"a space before the colon",
	 "POST /hello HTTP/1.1\r\n" HOST "Content-Length : 4\r\n\r\nabcd", 400},
	{"a bare CR in a value", "GET /hello HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", 400},
	{"bare LF lines", "GET /hello HTTP/1.1\nHost: x\n\n", 400},
	{"bare LF behind a chunk",
	 "POST /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n",
	 400},
	{"bare LF behind a chunk size",
	 "POST /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
	 400},
	{"a chunk size beyond 64 bits",
	 "POST /hello HTTP/1.1\r\n" HOST
	 "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\nabc",
	 400},
	{"a negative length", "POST /hello HTTP/1.1\r\n" HOST "Content-Length: -4\r\n\r\n", 400},
	{"a length with a plus", "POST /hello HTTP/1.1\r\n" HOST "Content-Length: +4\r\n\r\nabcd",
	 400},
	{"a length beyond 64 bits",
	 "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", 400},
	{"a hexadecimal length", "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 0x4\r\n\r\nabcd",
	 400},
	{"a folded header", "GET /hello HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", 400},
	{"a folded first header", "GET /hello HTTP/1.1\r\n Host: x\r\n\r\n", 400},
	{"no Host", "GET /hello HTTP/1.1\r\n\r\n", 400},
	{"two Hosts", "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
	{"a Host that is none", "GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
	{"an unknown version", "GET /hello HTTP/3.7\r\n" HOST "\r\n", 400},
	{"an unknown method", "FLY /hello HTTP/1.1\r\n" HOST "\r\n", 400},
	{"not HTTP", "\x16\x03\x01\x02\x01\x01\x01\x01\x01\x01\x01\r\n\r\n", 400},
};

START_TEST(an_ambiguous_request_is_refused_and_the_connection_ends)
{
	struct client client;

	start();
	go();
	client = connected();
	client_puts(&client, ambiguous[_i].bytes);
	client_puts(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
	ck_assert_msg(client_reply(&client, 0) == ambiguous[_i].status, "%s: %d",
	              ambiguous[_i].what, client.status);
	ck_assert_str_eq(client_header(&client, "Connection"), "close");
	ck_assert_msg(client_at_end(&client), "%s: a second request was read", ambiguous[_i].what);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_nul_in_a_header_is_refused)
{
	struct client client;

	start();
	go();
	client = connected();
	client_send(&client, "GET /hello HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", 41);
	ck_assert_int_eq(client_reply(&client, 0), 400);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(an_ambiguous_request_is_refused_byte_by_byte_too)
{
	struct client client;
	const char *text = "GET /hello HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n";

	start();
	go();
	client = connected();
	for (; *text; text++) {
		client_send(&client, text, 1);
		usleep(500);
	}
	ck_assert_int_eq(client_reply(&client, 0), 400);
	client_close(&client);
	finish();
}
END_TEST

/* ---- good requests ---------------------------------------------------------------------- */
START_TEST(a_connection_serves_one_request_after_another)
{
	struct client client;

	start();
	go();
	client = connected();
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
		ck_assert_str_eq(client.body.data, "{\"hello\":true}");
	}
	client_close(&client);
	finish();
}
END_TEST

START_TEST(requests_sent_ahead_are_answered_in_their_order)
{
	struct client client;
	char id[16];

	start();
	go();
	client = connected();
	for (int i = 0; i < 200; i++) {
		char text[128];

		snprintf(text, sizeof(text), "GET /things/%d HTTP/1.1\r\n" HOST "\r\n", i);
		client_puts(&client, text);
	}
	for (int i = 0; i < 200; i++) {
		ck_assert_int_eq(client_reply(&client, 0), 200);
		snprintf(id, sizeof(id), "show|%d|-", i);
		ck_assert_str_eq(client.body.data, id);
	}
	client_close(&client);
	finish();
}
END_TEST

START_TEST(what_is_sent_ahead_waits_for_the_answer_before)
{
	struct client client, other;

	start();
	go();
	client = connected();
	other = connected();
	client_puts(&client,
	            "GET /hold HTTP/1.1\r\n" HOST "\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n");
	while (client_ask(&other, "GET /let-go HTTP/1.1\r\n" HOST "\r\n") == 200 && !s.gone &&
	       recv(client.fd, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
		;
	client_reply(&client, 0);
	ck_assert_str_eq(client.body.data, "\"held\"");
	client_reply(&client, 0);
	ck_assert_str_eq(client.body.data, "{\"hello\":true}");
	client_close(&client);
	client_close(&other);
	finish();
}
END_TEST

START_TEST(a_body_comes_whole_with_length_and_in_chunks)
{
	struct client client;

	start();
	go();
	client = connected();
	client_ask(&client, "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabcde");
	ck_assert_str_eq(client.body.data, "abcde");
	client_ask(
	        &client,
	        "POST /hello HTTP/1.1\r\n" HOST
	        "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n");
	ck_assert_str_eq(client.body.data, "abcde");
	client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
	ck_assert_str_eq(client.body.data, "{\"hello\":true}");
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_client_that_expects_100_gets_it_before_it_sends)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "POST /hello HTTP/1.1\r\n" HOST
	                                     "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
	                 100);
	ck_assert_int_eq(client_ask(&client, "ab"), 200);
	ck_assert_str_eq(client.body.data, "ab");
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_client_that_expects_100_is_refused_before_it_sends)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "POST /hello HTTP/1.1\r\n" HOST
	                                     "Expect: 100-continue\r\nContent-Length: 200\r\n\r\n"),
	                 413);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(parameters_and_queries_are_decoded)
{
	struct client client;

	start();
	go();
	client = connected();
	client_ask(&client, "GET /things/a%2Fb%20c?q=1%2B+2&r HTTP/1.1\r\n" HOST "\r\n");
	ck_assert_str_eq(client.body.data, "show|a/b c|1+ 2");
	client_ask(&client, "POST /things/a:mark HTTP/1.1\r\n" HOST "\r\n");
	ck_assert_str_eq(client.body.data, "mark|a|-");
	client_ask(&client, "GET http://x/things/b/parts?q=%C3%A4 HTTP/1.1\r\n" HOST "\r\n");
	ck_assert_str_eq(client.body.data, "parts|b|\xC3\xA4");
	ck_assert_int_eq(client_ask(&client, "GET /things/%00 HTTP/1.1\r\n" HOST "\r\n"), 400);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(an_unknown_path_is_404_and_a_wrong_method_405_with_allow)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /nothing HTTP/1.1\r\n" HOST "\r\n"), 404);
	ck_assert_int_eq(client_ask(&client, "DELETE /hello HTTP/1.1\r\n" HOST "\r\n"), 405);
	ck_assert_str_eq(client_header(&client, "Allow"), "GET, HEAD, POST, OPTIONS");
	ck_assert_int_eq(client_ask(&client, "OPTIONS /hello HTTP/1.1\r\n" HOST "\r\n"), 204);
	ck_assert_str_eq(client_header(&client, "Allow"), "GET, HEAD, POST, OPTIONS");
	ck_assert_int_eq(client_ask(&client, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 204);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(head_has_the_headers_of_get_and_no_body)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "HEAD /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	ck_assert_str_eq(client_header(&client, "Content-Length"), "14");
	ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	ck_assert_int_eq(client_ask(&client, "HEAD /big HTTP/1.1\r\n" HOST "\r\n"), 405);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(http_1_0_gets_its_reply_and_the_end)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /big HTTP/1.0\r\n\r\n"), 200);
	ck_assert_str_eq(client_header(&client, "Transfer-Encoding"), "");
	ck_assert_uint_eq(client.body.len, BIG);
	ck_assert(client_at_end(&client));
	client_close(&client);
	finish();
}
END_TEST

START_TEST(an_offer_to_upgrade_is_not_taken)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST
	                                     "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
	                 200);
	ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_page_of_another_site_cannot_change_anything)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client,
	                            "POST /hello HTTP/1.1\r\nHost: a:1\r\nOrigin: http://a:1\r\n"
	                            "Content-Length: 1\r\n\r\nx"),
	                 200);
	ck_assert_int_eq(client_ask(&client,
	                            "POST /hello HTTP/1.1\r\nHost: a:1\r\nOrigin: http://b\r\n"
	                            "Content-Length: 1\r\n\r\nx"),
	                 403);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_trace_goes_on_and_a_broken_one_is_replaced)
{
	struct client client;
	const char *trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
	char text[256];

	start();
	go();
	client = connected();
	snprintf(text, sizeof(text), "GET /things/a HTTP/1.1\r\n" HOST "traceparent: %s\r\n\r\n",
	         trace);
	client_ask(&client, text);
	ck_assert_str_eq(client_header(&client, "X-Trace"), trace);
	client_ask(&client, "GET /things/a HTTP/1.1\r\n" HOST "traceparent: 00-0-0-0\r\n\r\n");
	ck_assert_uint_eq(strlen(client_header(&client, "X-Trace")), 55);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_problem_names_code_place_and_whether_to_retry)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /problem HTTP/1.1\r\n" HOST "\r\n"), 503);
	ck_assert_str_eq(client_header(&client, "Content-Type"), "application/problem+json");
	ck_assert_str_eq(client_header(&client, "Retry-After"), "1");
	ck_assert_str_eq(
	        client.body.data,
	        "{\"type\":\"urn:orasi:problem:busy\",\"title\":\"Too busy\",\"status\":503,"
	        "\"detail\":\"it is \\\"busy\\\"\",\"instance\":\"/problem\",\"retryable\":true,"
	        "\"retry_after_ms\":1000,\"errors\":[{\"pointer\":\"/a/0\","
	        "\"detail\":\"it is \\\"busy\\\"\"}]}");
	client_close(&client);
	finish();
}
END_TEST

START_TEST(an_etag_that_the_client_has_gives_304)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /tagged HTTP/1.1\r\n" HOST "\r\n"), 200);
	ck_assert_str_eq(client_header(&client, "ETag"), "\"v7\"");
	ck_assert_int_eq(client_ask(&client, "GET /tagged HTTP/1.1\r\n" HOST
	                                     "If-None-Match: \"v6\", W/\"v7\"\r\n\r\n"),
	                 304);
	ck_assert_int_eq(client_ask(&client, "GET /tagged HTTP/1.1\r\n" HOST
	                                     "If-None-Match: \"v77\"\r\n\r\n"),
	                 200);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_unix_socket_serves_too_and_only_its_owner)
{
	struct client client;
	struct err err;
	const char *path = test_path("api.sock");

	start();
	ck_ok(option_set(option_find(http_options, "unix_socket"), &s.config, path, &err), &err);
	go();
	ck_assert_int_eq(access(path, R_OK | W_OK), 0);
	client_open_unix(&client, path);
	ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	client_close(&client);
	finish();
}
END_TEST

/* ---- sizes and times -------------------------------------------------------------------- */
START_TEST(too_large_a_head_is_431)
{
	struct client client;
	static char line[40000];

	start();
	go();
	memset(line, 'a', sizeof(line) - 1);
	client = connected();
	client_puts(&client, "GET /hello HTTP/1.1\r\n" HOST "X: ");
	client_puts(&client, line);
	ck_assert_int_eq(client_reply(&client, 0), 431);
	client_close(&client);
	client = connected();
	client_puts(&client, "GET /");
	client_puts(&client, line);
	ck_assert_int_eq(client_reply(&client, 0), 431);
	client_close(&client);
	memset(line, ' ', sizeof(line) - 1);
	client = connected();
	client_puts(&client, "GET /hello HTTP/1.1\r\n" HOST "X:");
	client_puts(&client, line);
	ck_assert_int_eq(client_reply(&client, 0), 431);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(too_many_headers_are_431)
{
	struct client client;

	start();
	go();
	client = connected();
	client_puts(&client, "GET /hello HTTP/1.1\r\n" HOST);
	for (int i = 0; i < 200; i++)
		client_puts(&client, "X: y\r\n");
	ck_assert_int_eq(client_reply(&client, 0), 431);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(an_empty_header_keeps_its_place)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\nX:\r\nY: \r\n" HOST "\r\n"),
	                 200);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(too_large_a_body_is_413_by_length_and_by_chunks)
{
	struct client client;
	static char chunk[256];

	start();
	go();
	client = connected();
	ck_assert_int_eq(
	        client_ask(&client, "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 101\r\n\r\n"),
	        413);
	ck_assert(client_at_end(&client));
	client_close(&client);
	client = connected();
	memset(chunk, 'x', 101);
	client_puts(&client,
	            "POST /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n65\r\n");
	client_puts(&client, chunk);
	ck_assert_int_eq(client_reply(&client, 0), 413);
	client_close(&client);
	client = connected();
	ck_assert_int_eq(
	        client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx"),
	        413);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(endless_trailers_are_431)
{
	struct client client;

	start();
	go();
	client = connected();
	client_puts(&client,
	            "POST /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n");
	for (int i = 0; i < 3000; i++)
		client_puts(&client, "Trailer-X: yyyyyyyy\r\n");
	ck_assert_int_eq(client_reply(&client, 0), 431);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(headers_that_trickle_in_are_cut_at_the_deadline)
{
	struct client client;

	start();
	s.config.header_timeout_ms = 200;
	go();
	client = connected();
	client_puts(&client, "GET /hello HTTP/1.1\r\n" HOST);
	while (recv(client.fd, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) < 0) {
		client_puts(&client, "X: y\r\n");
		usleep(20000);
	}
	ck_assert_int_eq(client_reply(&client, 0), 408);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_body_that_trickles_in_is_cut)
{
	struct client client;

	start();
	s.config.body_timeout_ms = 200;
	s.config.body_rate = 10000;
	go();
	client = connected();
	client_puts(&client, "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 90\r\n\r\nx");
	ck_assert_int_eq(client_reply(&client, 0), 408);
	client_close(&client);
	client = connected();
	client_puts(&client, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 90\r\n\r\nx");
	ck_assert_int_eq(client_reply(&client, 0), 408);
	ck_assert_int_eq(s.upload_ended, 1);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(an_idle_connection_is_closed_in_the_end)
{
	struct client client;

	start();
	s.config.idle_timeout_ms = 100;
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	ck_assert(client_at_end(&client));
	client_close(&client);
	finish();
}
END_TEST

START_TEST(one_connection_too_many_gets_503)
{
	struct client first, second;

	start();
	s.config.max_connections = 1;
	go();
	first = connected();
	ck_assert_int_eq(client_ask(&first, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	second = connected();
	ck_assert_int_eq(client_reply(&second, 0), 503);
	ck_assert(client_at_end(&second));
	client_close(&second);
	ck_assert_int_eq(client_ask(&first, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	client_close(&first);
	finish();
}
END_TEST

/* ---- flow ------------------------------------------------------------------------------- */
START_TEST(a_slow_reader_holds_the_handler_not_the_memory)
{
	struct client client;

	start();
	go();
	client = connected();
	client_puts(&client, "GET /big HTTP/1.1\r\n" HOST "\r\n");
	usleep(50000);
	ck_assert_int_eq(client_reply(&client, 0), 200);
	ck_assert_uint_eq(client.body.len, BIG);
	ck_assert_int_gt(s.drained, 0);
	ck_assert_int_lt(s.most_queued, 1 << 20);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_reader_that_stops_is_given_up)
{
	struct client client;

	start();
	s.config.write_timeout_ms = 200;
	go();
	client = connected();
	client_puts(&client, "GET /big HTTP/1.1\r\n" HOST "\r\n");
	ck_assert(client_wait_for(&client, "200 OK"));
	sleep(1);
	client_reply(&client, 0);
	ck_assert_int_eq(client.whole, 0);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_large_upload_streams_through)
{
	struct client client;
	static char block[65536];

	start();
	go();
	client = connected();
	client_puts(&client, "POST /upload HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 100; i++) {
		client_puts(&client, "10000\r\n");
		client_send(&client, block, sizeof(block));
		client_puts(&client, "\r\n");
	}
	client_puts(&client, "0\r\n\r\n");
	ck_assert_int_eq(client_reply(&client, 0), 200);
	ck_assert_str_eq(client.body.data, "6553600");
	ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	client_close(&client);
	finish();
}
END_TEST

static size_t send_until_full(struct client *client, size_t n)
{
	static char block[65536];
	size_t sent = 0;

	for (int idle = 0; idle < 20 && sent < n;) {
		ssize_t done =
		        send(client->fd, block, n - sent < sizeof(block) ? n - sent : sizeof(block),
		             MSG_DONTWAIT | MSG_NOSIGNAL);

		if (done > 0) {
			sent += (size_t)done;
			idle = 0;
		} else {
			idle++;
			usleep(10000);
		}
	}
	return sent;
}

START_TEST(a_paused_body_fills_the_socket_not_the_memory)
{
	struct client client, other;
	size_t n = 60u << 20, sent;

	start();
	go();
	client = connected();
	client_puts(&client, "POST /paused HTTP/1.1\r\n" HOST "Content-Length: 62914560\r\n\r\n");
	sent = send_until_full(&client, n);
	ck_assert_uint_lt(sent, n);
	other = connected();
	ck_assert_int_eq(client_ask(&other, "GET /unpause HTTP/1.1\r\n" HOST "\r\n"), 204);
	while (sent < n)
		sent += send_until_full(&client, n - sent);
	ck_assert_int_eq(client_reply(&client, 0), 200);
	ck_assert_str_eq(client.body.data, "62914560");
	client_close(&client);
	client_close(&other);
	finish();
}
END_TEST

START_TEST(an_answer_before_the_end_of_the_body_arrives)
{
	struct client client;
	static char block[65536];

	start();
	go();
	client = connected();
	client_puts(&client, "POST /hasty HTTP/1.1\r\n" HOST "Content-Length: 8388608\r\n\r\n");
	for (int i = 0; i < 128; i++)
		client_send(&client, block, sizeof(block));
	ck_assert_int_eq(client_reply(&client, 0), 200);
	ck_assert_str_eq(client_header(&client, "Connection"), "close");
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_cut_stream_looks_cut)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /cut HTTP/1.1\r\n" HOST "\r\n"), 200);
	ck_assert_str_eq(client.body.data, "half");
	ck_assert_int_eq(client.whole, 0);
	client_close(&client);
	finish();
}
END_TEST

static void wait_for(atomic_int *value)
{
	while (!*value)
		usleep(1000);
}

START_TEST(a_handler_hears_that_its_client_has_gone)
{
	struct client client, other;

	start();
	go();
	client = connected();
	client_puts(&client, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	client_close(&client);
	wait_for(&s.gone);
	other = connected();
	ck_assert_int_eq(client_ask(&other, "GET /let-go HTTP/1.1\r\n" HOST "\r\n"), 200);
	client_close(&other);
	finish();
	ck_assert_int_eq(s.gone, 1);
}
END_TEST

START_TEST(an_upload_that_breaks_off_ends_with_an_error)
{
	struct client client;

	start();
	go();
	client = connected();
	client_puts(&client, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nabc");
	client_close(&client);
	wait_for(&s.upload_ended);
	finish();
}
END_TEST

START_TEST(a_client_that_ends_its_side_still_gets_the_answer)
{
	struct client client, other;

	start();
	go();
	client = connected();
	client_puts(&client, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	shutdown(client.fd, SHUT_WR);
	wait_for(&s.gone);
	other = connected();
	client_ask(&other, "GET /let-go HTTP/1.1\r\n" HOST "\r\n");
	ck_assert_int_eq(client_reply(&client, 0), 200);
	client_close(&client);
	client_close(&other);
	finish();
}
END_TEST

/* ---- stopping --------------------------------------------------------------------------- */
static void answer_held(void)
{
	http_reply_json(s.held, 200, "\"late\"");
	s.held = NULL;
}

START_TEST(stopping_lets_a_running_request_end_and_takes_no_other)
{
	struct client idle, client;

	start();
	go();
	idle = connected();
	client_ask(&idle, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
	client = connected();
	client_puts(&client, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	while (!s.held)
		usleep(1000);
	command(stop_gently);
	ck_assert(client_at_end(&idle));
	command(answer_held);
	ck_assert_int_eq(client_reply(&client, 0), 200);
	ck_assert_str_eq(client_header(&client, "Connection"), "close");
	ck_assert(client_at_end(&client));
	client_close(&client);
	client_close(&idle);
	join();
}
END_TEST

START_TEST(stopping_cuts_what_does_not_end)
{
	struct client client;

	start();
	go();
	client = connected();
	client_puts(&client, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	while (!s.held)
		usleep(1000);
	command(stop_now);
	ck_assert(client_at_end(&client));
	pthread_join(s.thread, NULL);
	ck_assert_int_eq(s.gone, 1);
	http_server_free(s.server);
	http_reply_empty(s.held, 204); /* goes nowhere, and is due all the same */
	uv_loop_close(&s.loop);
	options_done(http_options, &s.config);
	client_close(&client);
}
END_TEST

START_TEST(a_port_that_is_taken_is_named)
{
	struct http_server *second;
	struct err err;
	char listen[32];
	uv_loop_t loop;
	struct http_config config;

	start();
	go();
	snprintf(listen, sizeof(listen), "127.0.0.1:%d", http_server_port(s.server));
	ck_ok(options_init(http_options, &config, &err), &err);
	ck_ok(option_set(option_find(http_options, "listen"), &config, listen, &err), &err);
	uv_loop_init(&loop);
	ck_assert_int_eq(http_server_new(&loop, &config, routes, NULL, &second, &err), ERR_EXISTS);
	ck_assert(strstr(err.text, listen));
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	options_done(http_options, &config);
	finish();
}
END_TEST

static void http_cases(Suite *suite)
{
	TCase *reading = tcase_create("reading"), *limits = tcase_create("limits"),
	      *flow = tcase_create("flow"), *ending = tcase_create("ending");

	suite_add_tcase(suite, reading);
	tcase_add_loop_test(reading, an_ambiguous_request_is_refused_and_the_connection_ends, 0,
	                    sizeof(ambiguous) / sizeof(ambiguous[0]));
	tcase_add_test(reading, a_nul_in_a_header_is_refused);
	tcase_add_test(reading, an_ambiguous_request_is_refused_byte_by_byte_too);
	tcase_add_test(reading, a_connection_serves_one_request_after_another);
	tcase_add_test(reading, requests_sent_ahead_are_answered_in_their_order);
	tcase_add_test(reading, what_is_sent_ahead_waits_for_the_answer_before);
	tcase_add_test(reading, a_body_comes_whole_with_length_and_in_chunks);
	tcase_add_test(reading, a_client_that_expects_100_gets_it_before_it_sends);
	tcase_add_test(reading, a_client_that_expects_100_is_refused_before_it_sends);
	tcase_add_test(reading, parameters_and_queries_are_decoded);
	tcase_add_test(reading, an_unknown_path_is_404_and_a_wrong_method_405_with_allow);
	tcase_add_test(reading, head_has_the_headers_of_get_and_no_body);
	tcase_add_test(reading, http_1_0_gets_its_reply_and_the_end);
	tcase_add_test(reading, an_offer_to_upgrade_is_not_taken);
	tcase_add_test(reading, a_page_of_another_site_cannot_change_anything);
	tcase_add_test(reading, a_trace_goes_on_and_a_broken_one_is_replaced);
	tcase_add_test(reading, a_problem_names_code_place_and_whether_to_retry);
	tcase_add_test(reading, an_etag_that_the_client_has_gives_304);
	tcase_add_test(reading, a_unix_socket_serves_too_and_only_its_owner);
	tcase_add_test(reading, an_empty_header_keeps_its_place);
	suite_add_tcase(suite, limits);
	tcase_add_test(limits, too_large_a_head_is_431);
	tcase_add_test(limits, too_many_headers_are_431);
	tcase_add_test(limits, too_large_a_body_is_413_by_length_and_by_chunks);
	tcase_add_test(limits, endless_trailers_are_431);
	tcase_add_test(limits, headers_that_trickle_in_are_cut_at_the_deadline);
	tcase_add_test(limits, a_body_that_trickles_in_is_cut);
	tcase_add_test(limits, an_idle_connection_is_closed_in_the_end);
	tcase_add_test(limits, one_connection_too_many_gets_503);
	suite_add_tcase(suite, flow);
	tcase_add_test(flow, a_slow_reader_holds_the_handler_not_the_memory);
	tcase_add_test(flow, a_reader_that_stops_is_given_up);
	tcase_add_test(flow, a_large_upload_streams_through);
	tcase_add_test(flow, a_paused_body_fills_the_socket_not_the_memory);
	tcase_add_test(flow, an_answer_before_the_end_of_the_body_arrives);
	tcase_add_test(flow, a_cut_stream_looks_cut);
	tcase_add_test(flow, a_handler_hears_that_its_client_has_gone);
	tcase_add_test(flow, an_upload_that_breaks_off_ends_with_an_error);
	tcase_add_test(flow, a_client_that_ends_its_side_still_gets_the_answer);
	suite_add_tcase(suite, ending);
	tcase_add_test(ending, stopping_lets_a_running_request_end_and_takes_no_other);
	tcase_add_test(ending, stopping_cuts_what_does_not_end);
	tcase_add_test(ending, a_port_that_is_taken_is_named);
}

TEST_MAIN("http", http_cases)
