/* SPDX-License-Identifier: Apache-2.0 */
/* Listening, accepting, deadlines, stopping. Deadlines of all connections are looked at by one
 * timer, which only runs while there are connections: an idle agent does nothing. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "http/conn.h"

#define BACKLOG 511
#define REFUSALS_MAX 64 /* above the limit so many get a polite answer; more are just closed */

#define AT(member) offsetof(struct http_config, member)
const struct option http_options[] = {
	{"listen", OPTION_ADDRESS, AT(listen), "127.0.0.1:8470", 0, 0, NULL,
         "Host:port of the HTTP API; empty: no TCP port."},
	{"unix_socket", OPTION_STR, AT(unix_socket), "", 0, 0, NULL,
         "Path of a Unix socket for the HTTP API; empty: none."},
	{"local_socket", OPTION_STR, AT(local_socket), "", 0, 0, NULL,
         "Path of a Unix socket for the local protocol (docs/LOCAL-PROTOCOL.md); empty: none."},
	{"max_connections", OPTION_INT, AT(max_connections), "4096", 1, 1000000, NULL,
         "More connections are refused with 503. Where the limit of open files is too low for so many, fewer are\n"
         "allowed, and the log says so (agent.descriptors)."},
	{"header_timeout", OPTION_DURATION, AT(header_timeout_ms), "10s", 1, 3600000, NULL,
         "Time from the first to the last byte of the headers of a request."},
	{"idle_timeout", OPTION_DURATION, AT(idle_timeout_ms), "75s", 1, 86400000, NULL,
         "How long a connection without a request is kept."},
	{"body_timeout", OPTION_DURATION, AT(body_timeout_ms), "20s", 1, 3600000, NULL,
         "Over how long the rate of a request body is measured."},
	{"write_timeout", OPTION_DURATION, AT(write_timeout_ms), "60s", 1, 86400000, NULL,
         "How long a client may take nothing of a reply."},
	{"body_rate", OPTION_BYTES, AT(body_rate), "512", 0, 0, NULL,
         "Bytes a second that a request body must come with."},
	{"max_head", OPTION_BYTES, AT(max_head), "32KiB", 1024, 1048576, NULL, "Size of request line and headers."},
	{"access_log", OPTION_BOOL, AT(access_log), "true", 0, 0, NULL, "One log line per request."},
	OPTION_END,
};

static const char *const class_labels[] = {
	NULL, "class=\"1xx\"", "class=\"2xx\"", "class=\"3xx\"", "class=\"4xx\"", "class=\"5xx\""};

static int make_metrics(struct http_server *server)
{
	struct metric rows[] = {
		{"orasi_http_connections", METRIC_GAUGE, "Open connections.", NULL, &server->count_conns, NULL, NULL,
	         NULL},
		{"orasi_http_refused_connections_total", METRIC_COUNTER,
	         "Connections refused because there were too many.", NULL, &server->count_refused, NULL, NULL, NULL},
		{"orasi_http_received_bytes_total", METRIC_COUNTER, "Bytes received.", NULL, &server->bytes_in, NULL,
	         NULL, NULL},
		{"orasi_http_sent_bytes_total", METRIC_COUNTER, "Bytes sent.", NULL, &server->bytes_out, NULL, NULL,
	         NULL},
		{"orasi_http_request_seconds", METRIC_HISTOGRAM, "Time from a request's head to its end.", NULL, NULL,
	         &server->seconds, NULL, NULL},
	};
	size_t n = sizeof(rows) / sizeof(rows[0]);

	server->metrics = calloc(n + 5, sizeof(*server->metrics));
	if (!server->metrics)
		return ERR_NOMEM;
	memcpy(server->metrics, rows, sizeof(rows));
	for (int i = 2; i <= 5; i++)
		server->metrics[n++] = (struct metric){
			.name = "orasi_http_requests_total",
			.type = METRIC_COUNTER,
			.help = "Requests answered, by class of status.",
			.labels = class_labels[i],
			.value = &server->count_status[i],
		};
	return 0;
}

const struct metric *http_metrics(struct http_server *server)
{
	return server->metrics;
}

int http_server_port(const struct http_server *server)
{
	return server->port;
}

void server_ref(struct http_server *server)
{
	server->refs++;
}

void server_unref(struct http_server *server)
{
	if (--server->refs)
		return;
	free(server->metrics);
	buf_done(&server->begin.text);
	request_free_spare(server);
	free(server);
}

void http_server_free(struct http_server *server)
{
	if (server)
		server_unref(server);
}

/* ---- deadlines and stopping ------------------------------------------------------------- */
static void on_handle_closed(uv_handle_t *handle);

static void check_stopped(struct http_server *server)
{
	void (*on_stopped)(void *ctx) = server->on_stopped;

	if (!server->stopping || server->n_conns || server->n_handles)
		return;
	server->on_stopped = NULL;
	if (on_stopped)
		on_stopped(server->stopped_ctx);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct http_server *server = handle->data;

	server->n_handles--;
	check_stopped(server);
	server_unref(server);
}

static void close_handle(struct http_server *server, void *handle)
{
	server_ref(server);
	uv_close(handle, on_handle_closed);
}

static void on_timer(uv_timer_t *timer)
{
	struct http_server *server = timer->data;
	int64_t now = clock_mono_ms();

	list_each (item, &server->conns) {
		struct conn *conn = list_entry(item, struct conn, link);

		if (server->stopping && now >= server->stop_at)
			conn_close(conn);
		else
			conn_sweep(conn, now);
	}
}

static int64_t min_i64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void timer_start(struct http_server *server)
{
	const struct http_config *c = server->config;
	int64_t every = min_i64(min_i64(c->header_timeout_ms, c->idle_timeout_ms),
	                        min_i64(c->body_timeout_ms, c->write_timeout_ms)) /
	                4;

	if (server->timer_on || server->stopping)
		return;
	every = every < 10 ? 10 : min_i64(every, 1000);
	uv_timer_start(&server->timer, on_timer, (uint64_t)every, (uint64_t)every);
	server->timer_on = 1;
}

/* Called when a connection has closed. */
void server_conn_gone(struct http_server *server)
{
	if (server->n_conns)
		return;
	if (server->stopping) {
		if (!uv_is_closing((uv_handle_t *)&server->timer))
			close_handle(server, &server->timer);
		check_stopped(server);
	} else if (server->timer_on) {
		uv_timer_stop(&server->timer);
		server->timer_on = 0;
	}
}

static void close_listeners(struct http_server *server)
{
	if (server->has_tcp)
		close_handle(server, &server->tcp);
	if (server->has_pipe)
		close_handle(server, &server->pipe);
	if (server->has_local)
		close_handle(server, &server->local);
	server->has_tcp = server->has_pipe = server->has_local = 0;
}

void http_server_stop(struct http_server *server, int64_t grace_ms, void (*on_stopped)(void *ctx), void *ctx)
{
	server->stopping = 1;
	server->stop_at = clock_mono_ms() + grace_ms;
	server->on_stopped = on_stopped;
	server->stopped_ctx = ctx;
	close_listeners(server);
	list_each (item, &server->conns) {
		struct conn *conn = list_entry(item, struct conn, link);

		if (conn->state == CONN_IDLE)
			conn_close(conn);
	}
	if (!server->n_conns)
		server_conn_gone(server);
	else
		uv_timer_start(&server->timer, on_timer, 10, 20);
}

/* ---- accepting -------------------------------------------------------------------------- */
static void refuse_conn(struct conn *conn)
{
	struct err err;

	conn->server->count_refused++;
	err_set(&err, ERR_BUSY, "%lld connections are open, which is all that are allowed",
	        (long long)conn->server->config->max_connections);
	conn_refuse(conn, 503, &err);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct http_server *server = listener->data;
	int64_t over = (int64_t)server->n_conns - server->config->max_connections;
	struct conn *conn;

	if (status < 0) {
		server->count_refused++; /* no descriptor is left, mostly */
		return;
	}
	conn = conn_new(server, &transport_plain,
	                listener == (uv_stream_t *)&server->local ? &protocol_lines : &protocol_http1);
	if (!conn)
		return; /* stays in the backlog; the next connection tries again */
	if (listener->type == UV_TCP)
		uv_tcp_init(server->loop, &conn->uv.tcp);
	else
		uv_pipe_init(server->loop, &conn->uv.pipe, 0);
	conn->uv.handle.data = conn;
	timer_start(server);
	if (uv_accept(listener, &conn->uv.stream) || over >= REFUSALS_MAX) {
		conn_close(conn);
		return;
	}
	if (listener->type == UV_TCP)
		uv_tcp_nodelay(&conn->uv.tcp, 1);
	else
		peer_look(conn);
	if (over >= 0 && conn->protocol == &protocol_lines)
		conn_close(conn);
	else if (over >= 0)
		refuse_conn(conn);
	else
		conn_resume(conn);
}

static int uv_error(struct err *err, int r, const char *what, const char *where)
{
	int code = r == UV_EADDRINUSE ? ERR_EXISTS : r == UV_EACCES ? ERR_PERM : ERR_IO;

	return err_set(err, code, "%s '%s': %s", what, where, uv_strerror(r));
}

/* "host:port" or "[v6]:port" → address. Names are resolved once, here. */
static int parse_listen(const char *listen, struct sockaddr_storage *ret, struct err *err)
{
	const char *colon = strrchr(listen, ':');
	char host[256];
	int64_t port;
	size_t n = colon ? (size_t)(colon - listen) : 0;
	int r;

	if (!colon || n >= sizeof(host) || str_to_i64(colon + 1, &port) || port < 0 || port > 65535)
		return err_set(err, ERR_INVALID, "'listen: %s' is not host:port, such as 127.0.0.1:8470", listen);
	snprintf(host, sizeof(host), "%.*s", (int)n, listen);
	if (host[0] == '[' && n > 2 && host[n - 1] == ']') {
		host[n - 1] = '\0';
		r = uv_ip6_addr(host + 1, (int)port, (struct sockaddr_in6 *)ret);
	} else {
		r = uv_ip4_addr(str_eq(host, "localhost") ? "127.0.0.1"
		                : n                       ? host
		                                          : "0.0.0.0",
		                (int)port, (struct sockaddr_in *)ret);
	}
	return r ? err_set(err, ERR_INVALID, "'listen: %s': the host must be an IP address or localhost", listen) : 0;
}

static int listen_tcp(struct http_server *server, struct err *err)
{
	const char *where = server->config->listen;
	struct sockaddr_storage addr;
	int len = sizeof(addr), r;

	if (!where || !*where)
		return 0;
	r = parse_listen(where, &addr, err);
	if (r)
		return r;
	uv_tcp_init(server->loop, &server->tcp);
	server->tcp.data = server;
	server->has_tcp = 1;
	server->n_handles++;
	r = uv_tcp_bind(&server->tcp, (struct sockaddr *)&addr, 0);
	if (!r)
		r = uv_listen((uv_stream_t *)&server->tcp, BACKLOG, on_connection);
	if (!r)
		r = uv_tcp_getsockname(&server->tcp, (struct sockaddr *)&addr, &len);
	if (r)
		return uv_error(err, r, "cannot listen on", where);
	server->port = ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&addr)->sin6_port
	                                                : ((struct sockaddr_in *)&addr)->sin_port);
	return 0;
}

/* Only the owner may connect, unless each request is asked who sends it. */
static int listen_unix(struct http_server *server, const char *path, uv_pipe_t *pipe, int *ret_has, struct err *err)
{
	mode_t mask;
	int r;

	if (!path || !*path)
		return 0;
	r = socket_make_room(path, err);
	if (r)
		return r;
	uv_pipe_init(server->loop, pipe, 0);
	pipe->data = server;
	*ret_has = 1;
	server->n_handles++;
	mask = umask(server->config->open_sockets ? 0111 : 0177);
	r = uv_pipe_bind(pipe, path);
	umask(mask);
	if (!r)
		r = uv_listen((uv_stream_t *)pipe, BACKLOG, on_connection);
	return r ? uv_error(err, r, "cannot listen on", path) : 0;
}

int http_server_new(uv_loop_t *loop, const struct http_config *config, const struct http_route *routes, void *ctx,
                    struct http_server **ret, struct err *err)
{
	struct http_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server || make_metrics(server)) {
		free(server);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	signal(SIGPIPE, SIG_IGN); /* a client that has gone is an error of a write, not the end */
	server->loop = loop;
	server->config = config;
	server->routes = routes;
	server->ctx = ctx;
	server->refs = 1;
	list_init(&server->conns);
	list_init(&server->spare);
	uv_timer_init(loop, &server->timer);
	server->timer.data = server;
	server->n_handles = 1;
	r = listen_tcp(server, err);
	if (!r)
		r = listen_unix(server, config->unix_socket, &server->pipe, &server->has_pipe, err);
	if (!r)
		r = listen_unix(server, config->local_socket, &server->local, &server->has_local, err);
	if (r) {
		http_server_stop(server, 0, NULL, NULL);
		http_server_free(server);
		return r;
	}
	*ret = server;
	return 0;
}
