/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the room: one connection and the request on it. */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include <llhttp.h>
#include <string.h>
#include <uv.h>

#include "base/buf.h"
#include "base/list.h"
#include "http/http.h"
#include "http/transport.h"

#define HTTP_READ_SIZE (64u << 10)   /* one read, and how much pipelined input may wait */
#define HTTP_WRITE_HIGH (256u << 10) /* more waits: the handler is told to pause */
#define HTTP_WRITE_LOW (64u << 10)   /* less waits: it may go on */
#define HTTP_TRAILER_MAX (16u << 10) /* bytes of chunk extensions and trailers */
#define HTTP_HEADERS_MAX 128
#define HTTP_PARAMS_MAX 8
#define HTTP_LINGER_MS 2000
#define HTTP_TRACEPARENT_LEN 56

enum conn_state {
	CONN_IDLE,   /* between requests */
	CONN_HEAD,   /* a head has begun */
	CONN_BODY,   /* the head is whole, the body is not */
	CONN_WAIT,   /* the request is whole, the answer is not */
	CONN_LINGER, /* all is said; input is thrown away so that the client can read our last words
	              */
	CONN_CLOSED,
};

struct pair {
	char *name, *value;
};

/* Most are told apart by their first letter. */
static inline int pair_is(const struct pair *pair, const char *name)
{
	return pair->name[0] == name[0] && !strcmp(pair->name, name);
}

#define LETTER(c) (UINT32_C(1) << ((c)&31))

/* What is spoken on a connection: how input becomes requests and how answers are framed. http1.c is in conn.c
 * and reply.c; lines.c is the local protocol. */
struct protocol {
	void (*input)(struct conn *conn, const char *p, size_t n);
	void (*eof)(struct conn *conn);
	void (*written)(struct conn *conn); /* the socket has taken what waited */
	void (*gone)(struct conn *conn);    /* closed: tells all requests */
	void (*resume)(struct conn *conn);  /* something that held it has ended */
	void (*sweep)(struct conn *conn, int64_t now);
	void (*reply)(struct http_request *req, int status, const char *type, const void *body, size_t n);
	void (*begin)(struct http_request *req, int status, const char *type);
	void (*piece)(struct http_request *req, const void *p, size_t n);
	void (*end)(struct http_request *req);
	void (*abort)(struct http_request *req);
	void (*answered)(struct http_request *req); /* the request is over: frees it */
};
extern const struct protocol protocol_http1, protocol_lines;

struct conn {
	struct list link;
	struct http_server *server;
	const struct transport *transport;
	const struct protocol *protocol;
	struct lines *lines; /* of protocol_lines */
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	uv_shutdown_t shutdown;
	enum conn_state state;
	int refs;    /* the transport, and the request */
	int parsing; /* conn_parse is on the stack */
	int resume;  /* the parser has something to say without more input */
	int eof, reading, refused, shut;
	struct http_peer peer;
	int broken; /* a write has failed: the sweep closes it, never a call on the stack */
	llhttp_t parser;
	struct buf in;     /* read and not yet parsed */
	struct buf head;   /* url, names and values of the head being read, NUL-separated */
	size_t head_bytes; /* all bytes of it, also those the parser skips */
	char head_last;    /* the last of them */
	size_t trailer_bytes;
	size_t n_marks;
	uint32_t marks[2 * HTTP_HEADERS_MAX + 1]; /* where in `head` the pieces begin */
	int head_done, message_done;
	int fault; /* status to refuse with; may be set inside the parser */
	struct err fault_err;
	int64_t since;     /* IDLE: since when; HEAD: since the first byte; LINGER: until when */
	int64_t window_at; /* BODY: start of the rate window and what had come by then */
	uint64_t window_got;
	size_t stall_queued;
	int64_t stall_at;
	struct http_request *req;
};

struct http_request {
	struct list link; /* of the requests of a connection of protocol_lines; of the spare ones */
	const char *tag;  /* there: by which its answer is known */
	struct conn *conn;
	struct http_server *server;
	struct arena arena;
	int64_t t0, t1; /* ns: its head was whole, its answer is */
	const char *method, *path, *query_text, *trace;
	const struct http_route *route;
	struct pair params[HTTP_PARAMS_MAX];
	size_t n_headers, n_params, n_query;
	uint32_t letters; /* with which names of headers begin: LETTER of each */
	struct pair *query;
	int http_1_0, head_only, keep_alive, expects_continue;
	void *who; /* of http_set_who */
	const char *who_name;
	void (*release_who)(void *who);
	const char *problem_type;
	int verdict; /* status to refuse with once the request is whole, and why */
	const struct err *verdict_err;
	uint64_t body_got;
	int body_done, body_told, paused;
	void (*on_data)(void *ctx, struct http_request *req, const char *p, size_t n);
	void (*on_end)(void *ctx, struct http_request *req, const struct err *err);
	void *body_ctx;
	void (*on_gone)(void *ctx, struct http_request *req);
	void *gone_ctx;
	void (*on_drain)(void *ctx, struct http_request *req);
	void *drain_ctx;
	int handed; /* the handler has been called: only its answer ends the request */
	int gone, blocked, streaming, status;
	uint64_t sent;
	/* request_new leaves these as they come */
	struct buf body, extra; /* extra: rendered headers of http_set_header */
	struct pair headers[HTTP_HEADERS_MAX];
};

/* How the answer before began. */
struct http_begin {
	int status; /* 0: its type was too long to be told from others */
	int64_t at; /* wall seconds */
	char type[64];
	struct buf text;
};

struct http_server {
	uv_loop_t *loop;
	const struct http_config *config;
	const struct http_route *routes;
	void *ctx;
	uv_tcp_t tcp;
	uv_pipe_t pipe, local;
	uv_timer_t timer;
	int has_tcp, has_pipe, has_local, n_handles, timer_on, port;
	int refs; /* the owner, and every connection */
	struct http_begin begin;
	struct list conns, spare; /* requests that were answered, for those that come */
	size_t n_conns, n_spare;
	int stopping;
	int64_t stop_at;
	void (*on_stopped)(void *ctx);
	void *stopped_ctx;
	char read_buffer[HTTP_READ_SIZE];
	_Atomic int64_t count_conns, count_refused, count_status[6], bytes_in, bytes_out;
	struct metric_histogram seconds;
	struct metric *metrics;
};

/* conn.c: what happens to a connection */
struct conn *conn_new(struct http_server *server, const struct transport *transport, const struct protocol *protocol);
void conn_input(struct conn *conn, const char *p, size_t n);
void conn_eof(struct conn *conn);
void conn_written(struct conn *conn);
void conn_closed(struct conn *conn);
void conn_send(struct conn *conn, const char *p, size_t n);
void conn_resume(struct conn *conn); /* looks again whether there is something to do */
void conn_linger(struct conn *conn);
void conn_close(struct conn *conn);
void conn_sweep(struct conn *conn, int64_t now);
void conn_refuse(struct conn *conn, int status, const struct err *err); /* answers and ends */
void conn_unref(struct conn *conn);

/* parse.c: llhttp's callbacks */
void parse_init(struct conn *conn);
void parse_reset(struct conn *conn); /* before each head */
/* Runs the parser over at most n bytes; how many were taken. A fault is noted in conn->fault. */
size_t parse_step(struct conn *conn, const char *p, size_t n);

int conn_stalls(struct conn *conn, int64_t now); /* nothing of what waits was taken for write_timeout */

/* lines.c */
int lines_open(struct conn *conn); /* 0 or ERR_NOMEM */
void lines_close(struct conn *conn);

/* head.c. There is room for it: HTTP_HEADERS_MAX. Its texts live as long as the request. */
void request_add_header(struct http_request *req, char *name, char *value);
/* 0, or the status to refuse with */
int request_take_url(struct http_request *req, char *url, struct err *err);
int request_check(struct http_request *req, char *head, struct err *err);
int request_check_length(struct http_request *req, struct err *err); /* once the route's limit is known */
void request_take_trace(struct http_request *req);

/* request.c */
int request_admit(struct http_request *req, struct err *err); /* 0, or the status to refuse with */
void request_hand_over(struct http_request *req);
void request_log(struct http_request *req);
void request_free(struct http_request *req);
void request_free_spare(struct http_server *server);
struct http_request *request_new(struct conn *conn);
void request_begin(struct http_request *req); /* the head is whole: checks, route, maybe the handler */
void request_data(struct http_request *req, const char *p, size_t n);
void request_whole(struct http_request *req);                              /* the body is whole */
void request_body_failed(struct http_request *req, const struct err *err); /* tells the handler */
void request_gone(struct http_request *req);     /* tells the handler; without one the request ends */
void request_answered(struct http_request *req); /* logs, counts, frees, lets the connection go on */

/* route.c: 0, or the status to refuse with */
int route_find(struct http_request *req, struct err *err);
int percent_decode(char *s, int plus_is_space); /* in place; 0 or ERR_INVALID (also for %00) */

/* reply.c, request.c: answers of HTTP/1.1 */
void http1_reply(struct http_request *req, int status, const char *type, const void *body, size_t n);
void http1_begin(struct http_request *req, int status, const char *type);
void http1_piece(struct http_request *req, const void *p, size_t n);
void http1_end(struct http_request *req);
void http1_abort(struct http_request *req);
void http1_answered(struct http_request *req);
const char *status_text(int status);

/* server.c */
void server_ref(struct http_server *server);
void server_unref(struct http_server *server);
void server_conn_gone(struct http_server *server);

/* socket.c: makes room for a socket at `path`, or says why none can be there */
int socket_make_room(const char *path, struct err *err);

/* peer.c: for a connection that has just been accepted */
void peer_look(struct conn *conn);

#endif
