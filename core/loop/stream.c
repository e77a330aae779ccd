/* SPDX-License-Identifier: Apache-2.0 */
/* Byte streams. A write in flight keeps its own copy of the bytes; the stream itself is freed in the
 * close callback, after libuv has given back every pending write with UV_ECANCELED. */
#include "loop/loop.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop/inside.h"

struct loop_stream {
	uv_pipe_t uv;
	struct loop_stream_events events;
	int ended;
};

struct write {
	uv_write_t uv;
	char bytes[];
};

#define REST_MAX 1024 /* reads: whoever holds the other end and never stops is not listened to for ever */

static void read_rest(struct loop_stream *stream)
{
	uv_buf_t buf = loop_read_buffer(stream->uv.loop);
	uv_os_fd_t fd;
	ssize_t n;

	if (uv_fileno((uv_handle_t *)&stream->uv, &fd))
		return;
	for (int i = 0; i < REST_MAX && (n = read(fd, buf.base, buf.len)) > 0; i++)
		stream->events.on_bytes(stream->events.ctx, buf.base, (size_t)n);
}

/* When it is a write that finds nobody there, what they said before has not been read yet. */
static void stream_end(struct loop_stream *stream, int r)
{
	struct err err = {0};

	if (stream->ended || uv_is_closing((uv_handle_t *)&stream->uv))
		return;
	stream->ended = 1;
	uv_read_stop((uv_stream_t *)&stream->uv);
	if (r != UV_EOF)
		read_rest(stream);
	if (r && r != UV_EOF)
		loop_uv_error(&err, r, "the connection broke");
	stream->events.on_end(stream->events.ctx, &err);
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	(void)suggested;
	*ret = loop_read_buffer(handle->loop);
}

static void on_read(uv_stream_t *uv, ssize_t n, const uv_buf_t *buf)
{
	struct loop_stream *stream = (struct loop_stream *)uv;

	if (n < 0)
		stream_end(stream, (int)n);
	else if (n > 0)
		stream->events.on_bytes(stream->events.ctx, buf->base, (size_t)n);
}

int loop_stream_new(struct loop *loop, int fd, const struct loop_stream_events *events, struct loop_stream **ret,
                    struct err *err)
{
	struct loop_stream *stream = calloc(1, sizeof(*stream));
	int r;

	if (!stream) {
		close(fd);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	stream->events = *events;
	uv_pipe_init(loop_uv(loop), &stream->uv, 0);
	r = uv_pipe_open(&stream->uv, fd);
	if (r)
		close(fd);
	else
		r = uv_read_start((uv_stream_t *)&stream->uv, give_buffer, on_read);
	if (r) {
		loop_stream_free(stream);
		return loop_uv_error(err, r, "cannot open a stream");
	}
	*ret = stream;
	return 0;
}

static void on_written(uv_write_t *uv, int r)
{
	struct loop_stream *stream = (struct loop_stream *)uv->handle;

	free(uv);
	if (r && r != UV_ECANCELED)
		stream_end(stream, r);
}

/* What the socket takes at once is not copied, and not watched for. */
static size_t write_now(struct loop_stream *stream, const void *p, size_t n)
{
	uv_buf_t buf = uv_buf_init((char *)p, (unsigned)n);
	int done = stream->uv.write_queue_size ? 0 : uv_try_write((uv_stream_t *)&stream->uv, &buf, 1);

	return done > 0 ? (size_t)done : 0;
}

void loop_stream_write(struct loop_stream *stream, const void *p, size_t n)
{
	struct write *write;
	uv_buf_t buf;
	size_t done;

	if (stream->ended || !n)
		return;
	done = write_now(stream, p, n);
	if (done == n)
		return;
	n -= done;
	write = malloc(sizeof(*write) + n);
	if (!write) {
		stream_end(stream, UV_ENOMEM);
		return;
	}
	memcpy(write->bytes, (const char *)p + done, n);
	buf = uv_buf_init(write->bytes, (unsigned)n);
	if (uv_write(&write->uv, (uv_stream_t *)&stream->uv, &buf, 1, on_written)) {
		free(write);
		stream_end(stream, UV_EPIPE);
	}
}

void loop_stream_read_rest(struct loop_stream *stream)
{
	if (!stream->ended)
		read_rest(stream);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

void loop_stream_free(struct loop_stream *stream)
{
	if (stream)
		uv_close((uv_handle_t *)&stream->uv, on_closed);
}
