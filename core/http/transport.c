/* SPDX-License-Identifier: Apache-2.0 */
/* The plain transport: a libuv stream. Writes go to the socket at once as far as it takes them;
 * only the rest is copied and queued. */
#include "http/transport.h"

#include <stdlib.h>
#include <string.h>

#include "http/conn.h"

struct write {
	uv_write_t req;
	char bytes[];
};

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct conn *conn = handle->data;

	(void)size;
	*buf = uv_buf_init(conn->server->read_buffer, sizeof(conn->server->read_buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *conn = stream->data;

	if (n > 0)
		conn_input(conn, buf->base, (size_t)n);
	else if (n == UV_EOF)
		conn_eof(conn);
	else if (n < 0)
		conn_close(conn);
}

static void plain_read(struct conn *conn, int on)
{
	if (on)
		uv_read_start(&conn->uv.stream, on_alloc, on_read);
	else
		uv_read_stop(&conn->uv.stream);
}

static void on_write(uv_write_t *req, int status)
{
	struct conn *conn = req->handle->data;

	free(req);
	if (status == UV_ECANCELED)
		return;
	if (status)
		conn_close(conn);
	else
		conn_written(conn);
}

static void plain_write(struct conn *conn, const char *p, size_t n)
{
	struct write *write;
	uv_buf_t buf = uv_buf_init((char *)p, (unsigned)n);
	int done = 0;

	if (!conn->uv.stream.write_queue_size)
		done = uv_try_write(&conn->uv.stream, &buf, 1);
	if (done == (int)n)
		return;
	done = done < 0 ? 0 : done;
	write = malloc(sizeof(*write) + n - (size_t)done);
	if (!write) {
		conn->broken = 1;
		return;
	}
	memcpy(write->bytes, p + done, n - (size_t)done);
	buf = uv_buf_init(write->bytes, (unsigned)(n - (size_t)done));
	if (uv_write(&write->req, &conn->uv.stream, &buf, 1, on_write)) {
		free(write);
		conn->broken = 1;
	}
}

static size_t plain_queued(const struct conn *conn)
{
	return conn->uv.stream.write_queue_size;
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
	struct conn *conn = req->handle->data;

	if (status != UV_ECANCELED && (status || conn->eof))
		conn_close(conn);
}

static void plain_shutdown(struct conn *conn)
{
	if (!conn->shut && uv_shutdown(&conn->shutdown, &conn->uv.stream, on_shutdown))
		conn->broken = 1;
	conn->shut = 1;
}

static void on_close(uv_handle_t *handle)
{
	conn_closed(handle->data);
}

static void plain_close(struct conn *conn)
{
	uv_close(&conn->uv.handle, on_close);
}

const struct transport transport_plain = {plain_read, plain_write, plain_queued, plain_shutdown, plain_close};
