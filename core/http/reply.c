/* SPDX-License-Identifier: Apache-2.0 */
/* Writing answers: whole ones, problems, streams. To a connection that is gone nothing is written,
 * but the request ends all the same. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "http/conn.h"

#define ANSWER_USUAL 4096 /* bytes of one */
#define HEAD_USUAL 384    /* bytes of an answer's head, without what its handler adds */

static const struct {
	int status;
	const char *text;
} statuses[] = {
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{304, "Not Modified"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{415, "Unsupported Media Type"},
	{417, "Expectation Failed"},
	{422, "Unprocessable Content"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
	{507, "Insufficient Storage"},
};

const char *status_text(int status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].status == status)
			return statuses[i].text;
	return "Status";
}

static const struct problem_row {
	int code, status;
	const char *title;
} problems[] = {
	{ERR_INVALID, 400, "The request is wrong"},
	{ERR_NOTFOUND, 404, "Not found"},
	{ERR_EXISTS, 409, "It exists already"},
	{ERR_CONFLICT, 409, "It is not in a state for this"},
	{ERR_CORRUPT, 500, "Stored bytes are damaged"},
	{ERR_UNSUPPORTED, 422, "Not supported"},
	{ERR_LIMIT, 413, "A limit is exceeded"},
	{ERR_PERM, 403, "Not allowed"},
	{ERR_CANCELLED, 409, "It was cancelled"},
	{ERR_STALE, 409, "The lease is no longer valid"},
	{ERR_PLUGIN, 502, "A plugin failed"},
	{ERR_INTERNAL, 500, "Internal error"},
	{ERR_GONE, 410, "It is no longer there"},
	{ERR_IO, 503, "Reading or writing failed"},
	{ERR_NOMEM, 503, "Out of memory"},
	{ERR_NOSPACE, 507, "The disk is full"},
	{ERR_TIMEOUT, 504, "It took too long"},
	{ERR_BUSY, 503, "Too busy"},
	{ERR_READONLY, 503, "The store takes no writes"},
	{ERR_CRASH, 502, "A worker died"},
};

static const struct problem_row *problem_row(int code)
{
	static const struct problem_row unknown = {ERR_INTERNAL, 500, "Internal error"};

	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++)
		if (problems[i].code == code)
			return &problems[i];
	return &unknown;
}

int http_status_of(int code)
{
	return problem_row(code)->status;
}

/* ---- heads ------------------------------------------------------------------------------ */
/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7), whatever the locale. */
static void put_date(struct buf *head, time_t now)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;

	gmtime_r(&now, &tm);
	buf_printf(head, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n", days + 3 * tm.tm_wday, tm.tm_mday,
	           months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void write_begin(struct buf *head, int status, const char *type, time_t now)
{
	buf_clear(head);
	buf_printf(head, "HTTP/1.1 %d %s\r\n", status, status_text(status));
	put_date(head, now);
	if (*type)
		buf_printf(head, "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\n", type);
}

/* Status, date and type: mostly those of the answer before. */
static void put_begin(struct http_server *server, struct buf *head, int status, const char *type)
{
	struct http_begin *begin = &server->begin;
	time_t now = (time_t)(clock_wall_ms() / 1000);

	if (begin->status != status || begin->at != now || strcmp(begin->type, type)) {
		begin->status = str_copy(begin->type, sizeof(begin->type), type) < sizeof(begin->type) ? status : 0;
		begin->at = now;
		write_begin(&begin->text, status, type, now);
	}
	if (begin->text.failed) {
		head->failed = begin->text.failed;
		begin->status = 0; /* the next one tries again */
	} else {
		buf_add(head, begin->text.data, begin->text.len);
	}
}

/* A control character would be a header of its own. */
static void put_plain(struct buf *out, const char *value, size_t n)
{
	if (!str_has_control(value, n)) {
		buf_add(out, value, n);
		return;
	}
	for (; n; n--, value++)
		if ((unsigned char)*value >= ' ' && *value != 0x7F)
			buf_putc(out, *value);
}

void http_set_header(struct http_request *req, const char *name, const char *value)
{
	buf_puts(&req->extra, name);
	buf_add(&req->extra, ": ", 2);
	put_plain(&req->extra, value, strlen(value));
	buf_add(&req->extra, "\r\n", 2);
}

void http_set_header_line(struct http_request *req, const char *line)
{
	buf_puts(&req->extra, line);
}

static void decide_keep_alive(struct http_request *req)
{
	struct conn *conn = req->conn;

	if (!req->body_done || conn->refused || conn->eof || req->server->stopping)
		req->keep_alive = 0;
}

static void put_head(struct http_request *req, struct buf *head, int status, const char *type)
{
	decide_keep_alive(req);
	put_begin(req->server, head, status, type ? type : "");
	if (!req->keep_alive)
		buf_puts(head, "Connection: close\r\n");
	else if (req->http_1_0)
		buf_puts(head, "Connection: keep-alive\r\n");
	if (req->extra.len)
		buf_add(head, req->extra.data, req->extra.len);
}

/* ---- whole answers ---------------------------------------------------------------------- */
static int has_no_body(int status)
{
	return status == 204 || status == 304;
}

void http_reply(struct http_request *req, int status, const char *content_type, const void *body, size_t n)
{
	req->status = status;
	if (has_no_body(status))
		n = 0;
	req->sent += req->head_only ? 0 : n;
	req->conn->protocol->reply(req, status, has_no_body(status) ? NULL : content_type, body, n);
	request_answered(req);
}

void http1_reply(struct http_request *req, int status, const char *content_type, const void *body, size_t n)
{
	char usual[ANSWER_USUAL];
	struct buf out;

	buf_init_in(&out, usual, sizeof(usual));
	buf_reserve(&out, HEAD_USUAL + req->extra.len + n);
	put_head(req, &out, status, content_type);
	if (!has_no_body(status)) {
		buf_puts(&out, "Content-Length: ");
		buf_int(&out, (int64_t)n);
		buf_puts(&out, "\r\n");
	}
	buf_puts(&out, "\r\n");
	if (!req->head_only && n)
		buf_add(&out, body, n);
	if (out.failed)
		req->conn->broken = 1;
	else
		conn_send(req->conn, out.data, out.len);
	buf_done(&out);
}

void http_reply_json(struct http_request *req, int status, const char *json_text)
{
	http_reply(req, status, "application/json", json_text, strlen(json_text));
}

void http_reply_empty(struct http_request *req, int status)
{
	http_reply(req, status, NULL, NULL, 0);
}

/* ---- problems --------------------------------------------------------------------------- */
static void put_member(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "\"%s\":", name);
	buf_json_str(out, value, strlen(value));
	buf_putc(out, ',');
}

static void put_errors(struct buf *out, const struct err *err, const struct http_problem *more)
{
	if (more->errors) {
		buf_printf(out, ",\"errors\":%s", more->errors);
	} else if (err->where[0] == '/') {
		buf_puts(out, ",\"errors\":[{");
		put_member(out, "pointer", err->where);
		buf_puts(out, "\"detail\":");
		buf_json_str(out, err->text, strlen(err->text));
		buf_puts(out, "}]");
	} else if (err->where[0]) {
		buf_puts(out, ",\"position\":");
		buf_json_str(out, err->where, strlen(err->where));
	}
}

static int64_t retry_after(const struct err *err, const struct http_problem *more)
{
	if (more->retry_after_ms)
		return more->retry_after_ms;
	return err_is_transient(err->code) ? 1000 : 0;
}

static int problem_status(const struct http_request *req, const struct err *err, const struct http_problem *more)
{
	if (req->conn->refused)
		return req->conn->fault;
	return more->status ? more->status : http_status_of(err->code);
}

static void put_problem(struct http_request *req, struct buf *out, const struct err *err,
                        const struct http_problem *more)
{
	int64_t after = retry_after(err, more);

	buf_printf(out, "{\"type\":\"urn:orasi:problem:%s\",",
	           more->type          ? more->type
	           : req->problem_type ? req->problem_type
	                               : err_name(err->code));
	put_member(out, "title", problem_row(err->code)->title);
	buf_printf(out, "\"status\":%d,", problem_status(req, err, more));
	put_member(out, "detail", err->text);
	put_member(out, "instance", req->path);
	buf_printf(out, "\"retryable\":%s", after ? "true" : "false");
	if (after)
		buf_printf(out, ",\"retry_after_ms\":%lld", (long long)after);
	put_errors(out, err, more);
	if (more->extra)
		buf_printf(out, ",%s", more->extra);
	buf_putc(out, '}');
}

void http_reply_problem(struct http_request *req, const struct err *err, const struct http_problem *more)
{
	static const struct http_problem none;
	struct buf out;
	char seconds[24];
	int status;

	more = more ? more : &none;
	status = problem_status(req, err, more);
	if (retry_after(err, more) && (status == 429 || status == 503)) {
		snprintf(seconds, sizeof(seconds), "%lld", (long long)(retry_after(err, more) + 999) / 1000);
		http_set_header(req, "Retry-After", seconds);
	}
	buf_init(&out, 0);
	put_problem(req, &out, err, more);
	http_reply(req, status, "application/problem+json", out.failed ? "" : out.data, out.failed ? 0 : out.len);
	buf_done(&out);
}

const char *http_problem_text(struct http_request *req, const struct err *err, const struct http_problem *more)
{
	static const struct http_problem none;
	const char *text;
	struct buf out;

	buf_init(&out, 0);
	put_problem(req, &out, err, more ? more : &none);
	text = arena_str(&req->arena, out.failed ? "{}" : out.data);
	buf_done(&out);
	return text;
}

/* ---- streams ---------------------------------------------------------------------------- */
void http_stream_begin(struct http_request *req, int status, const char *content_type)
{
	req->streaming = 1;
	req->status = status;
	req->conn->protocol->begin(req, status, content_type);
}

void http1_begin(struct http_request *req, int status, const char *content_type)
{
	struct buf out;

	buf_init(&out, 0);
	if (req->http_1_0)
		req->keep_alive = 0; /* its end is the end of the connection */
	put_head(req, &out, status, content_type);
	buf_puts(&out, req->http_1_0 ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n");
	if (out.failed)
		req->conn->broken = 1;
	else
		conn_send(req->conn, out.data, out.len);
	buf_done(&out);
}

size_t http_stream_queued(const struct http_request *req)
{
	return req->conn->state == CONN_CLOSED ? 0 : req->conn->transport->queued(req->conn);
}

int http_stream_write(struct http_request *req, const void *p, size_t n)
{
	if (!n || req->conn->state == CONN_CLOSED)
		return 0;
	req->sent += n;
	req->conn->protocol->piece(req, p, n);
	req->blocked = http_stream_queued(req) > HTTP_WRITE_HIGH;
	return req->blocked;
}

void http1_piece(struct http_request *req, const void *p, size_t n)
{
	char size[24];
	struct buf out;

	buf_init(&out, 0);
	snprintf(size, sizeof(size), "%zx\r\n", n);
	if (!req->http_1_0)
		buf_puts(&out, size);
	buf_add(&out, p, n);
	if (!req->http_1_0)
		buf_puts(&out, "\r\n");
	if (out.failed)
		req->conn->broken = 1;
	else
		conn_send(req->conn, out.data, out.len);
	buf_done(&out);
}

void http_on_drain(struct http_request *req, void (*on_drain)(void *ctx, struct http_request *req), void *ctx)
{
	req->on_drain = on_drain;
	req->drain_ctx = ctx;
}

void http_stream_end(struct http_request *req)
{
	req->conn->protocol->end(req);
	request_answered(req);
}

void http1_end(struct http_request *req)
{
	if (!req->http_1_0)
		conn_send(req->conn, "0\r\n\r\n", 5);
}

void http_stream_abort(struct http_request *req)
{
	req->conn->protocol->abort(req);
	request_answered(req);
}

/* Without the last chunk the client knows that something is missing; what was written still goes
 * out. */
void http1_abort(struct http_request *req)
{
	req->keep_alive = 0;
}

/* ---- conditions ------------------------------------------------------------------------- */
/* RFC 9110 section 13.1.2, weak comparison. */
static int etag_listed(const char *list, const char *etag)
{
	size_t n = strlen(etag);

	while (list && *list) {
		list += strspn(list, ", \t");
		if (*list == '*')
			return 1;
		if (!strncmp(list, "W/", 2))
			list += 2;
		if (*list == '"' && !strncmp(list + 1, etag, n) && list[n + 1] == '"')
			return 1;
		list += strcspn(list, ",");
	}
	return 0;
}

int http_etag(struct http_request *req, const char *etag)
{
	http_set_header(req, "ETag", arena_printf(&req->arena, "\"%s\"", etag));
	if (!etag_listed(http_header(req, "if-none-match"), etag))
		return 0;
	http_reply_empty(req, 304);
	return 1;
}
