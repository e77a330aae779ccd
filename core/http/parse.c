/* SPDX-License-Identifier: Apache-2.0 */
/* llhttp's callbacks. The parser is stopped (HPE_PAUSED) at the end of a head and at the end of a
 * message, so that nothing of ours is decided inside a callback; within a head the pieces are only
 * collected: the url, then name and value in turn, each with its NUL.
 *
 * llhttp (strict build) refuses what makes requests ambiguous: length beside chunked, two lengths,
 * a space before the colon, bare LF, NUL, bad chunk sizes. It lets obsolete line folding pass, so
 * that is looked for in the raw bytes (RFC 9112 section 5.2 asks to refuse or to repair it). */
#include "http/conn.h"

#include <string.h>

static int fault(struct conn *conn, int status, int code, const char *sentence)
{
	conn->fault = status;
	err_set(&conn->fault_err, code, "%s", sentence);
	return -1;
}

static int head_too_large(struct conn *conn)
{
	err_set(&conn->fault_err, ERR_LIMIT, "the request line and headers are larger than %llu bytes",
	        (unsigned long long)conn->server->config->max_head);
	conn->fault = 431;
	return -1;
}

static int add_piece(struct conn *conn, const char *p, size_t n)
{
	return buf_add(&conn->head, p, n) ? head_too_large(conn) : 0;
}

static int end_piece(struct conn *conn)
{
	if (conn->n_marks + 1 >= sizeof(conn->marks) / sizeof(conn->marks[0]))
		return fault(conn, 431, ERR_LIMIT, "the request has more than 127 headers");
	if (buf_putc(&conn->head, '\0'))
		return head_too_large(conn);
	conn->marks[++conn->n_marks] = (uint32_t)conn->head.len;
	return 0;
}

static int on_url(llhttp_t *parser, const char *p, size_t n)
{
	return add_piece(parser->data, p, n);
}

static int on_url_complete(llhttp_t *parser)
{
	return end_piece(parser->data);
}

static int count_trailer(struct conn *conn, size_t n)
{
	conn->trailer_bytes += n + 1;
	if (conn->trailer_bytes > HTTP_TRAILER_MAX)
		return fault(conn, 431, ERR_LIMIT, "chunk extensions and trailers are too large");
	return 0;
}

static int on_piece(llhttp_t *parser, const char *p, size_t n)
{
	struct conn *conn = parser->data;

	return conn->head_done ? count_trailer(conn, n) : add_piece(conn, p, n);
}

static int on_piece_complete(llhttp_t *parser)
{
	struct conn *conn = parser->data;

	return conn->head_done ? count_trailer(conn, 0) : end_piece(conn);
}

static int on_extension(llhttp_t *parser, const char *p, size_t n)
{
	(void)p;
	return count_trailer(parser->data, n);
}

static int on_headers_complete(llhttp_t *parser)
{
	struct conn *conn = parser->data;

	parser->upgrade = 0; /* "Upgrade" is an offer that we do not take (RFC 9110 section 7.8) */
	conn->head_done = 1;
	return HPE_PAUSED;
}

static int on_body(llhttp_t *parser, const char *p, size_t n)
{
	struct conn *conn = parser->data;

	if (conn->state != CONN_BODY)
		return HPE_PAUSED; /* answered before its end; the connection is closing */
	request_data(conn->req, p, n);
	if (conn->fault)
		return -1;
	return conn->state == CONN_BODY ? 0 : HPE_PAUSED;
}

static int on_message_complete(llhttp_t *parser)
{
	struct conn *conn = parser->data;

	conn->message_done = 1;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_url = on_url,
	.on_url_complete = on_url_complete,
	.on_header_field = on_piece,
	.on_header_field_complete = on_piece_complete,
	.on_header_value = on_piece,
	.on_header_value_complete = on_piece_complete,
	.on_headers_complete = on_headers_complete,
	.on_chunk_extension_name = on_extension,
	.on_chunk_extension_value = on_extension,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

void parse_init(struct conn *conn)
{
	llhttp_init(&conn->parser, HTTP_REQUEST, &settings);
	conn->parser.data = conn;
	buf_init(&conn->head, conn->server->config->max_head);
	parse_reset(conn);
}

void parse_reset(struct conn *conn)
{
	buf_clear(&conn->head);
	conn->head_bytes = conn->trailer_bytes = conn->n_marks = 0;
	conn->marks[0] = 0;
	conn->head_last = '\0';
	conn->head_done = conn->message_done = 0;
}

/* Behind the next line feed. */
static const char *next_line(const char *p, const char *end)
{
	const char *feed = memchr(p, '\n', (size_t)(end - p));

	return feed ? feed + 1 : end;
}

/* A line of the head that begins with a space continues the one before: refused. */
static void check_folding(struct conn *conn, const char *p, size_t n)
{
	const char *end = p + n, *line = conn->head_last == '\n' ? p : next_line(p, end);

	for (; line < end; line = next_line(line, end))
		if (*line == ' ' || *line == '\t') {
			fault(conn, 400, ERR_INVALID, "a header is folded over lines, which HTTP has given up");
			return;
		}
	if (n)
		conn->head_last = end[-1];
}

static void check_head(struct conn *conn, const char *p, size_t n)
{
	conn->head_bytes += n;
	if (!conn->fault)
		check_folding(conn, p, n);
	if (!conn->fault && conn->head_bytes > conn->server->config->max_head)
		head_too_large(conn);
}

static void parser_fault(struct conn *conn)
{
	const char *reason = llhttp_get_error_reason(&conn->parser);

	err_set(&conn->fault_err, ERR_INVALID, "this is not a proper HTTP/1.1 request: %s",
	        reason && *reason ? reason : llhttp_errno_name(llhttp_get_errno(&conn->parser)));
	conn->fault = 400;
}

size_t parse_step(struct conn *conn, const char *p, size_t n)
{
	int in_head = !conn->head_done;
	llhttp_errno_t e = llhttp_execute(&conn->parser, p, n);
	size_t used = n;

	conn->resume = e == HPE_PAUSED;
	if (e == HPE_PAUSED) {
		used = (size_t)(llhttp_get_error_pos(&conn->parser) - p);
		llhttp_resume(&conn->parser);
	} else if (e != HPE_OK && !conn->fault) {
		parser_fault(conn);
	}
	if (in_head)
		check_head(conn, p, used);
	return used;
}
