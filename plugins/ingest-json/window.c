/* SPDX-License-Identifier: Apache-2.0 */
#include "window.h"

#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#include "scan.h"

orasi_status reader_corrupt(const struct reader *r, orasi_error *err, uint64_t offset, const char *what)
{
	err->offset = (int64_t)offset;
	return orasi_fail(err, ORASI_E_CORRUPT, "%.*s: %s at byte %llu", (int)r->source->uri.len, r->source->uri.ptr,
	                  what, (unsigned long long)offset);
}

static size_t first_kept(const struct reader *r)
{
	return r->holding ? (size_t)(r->held.offset - r->base) : r->pos;
}

static void slide(struct reader *r)
{
	size_t drop = first_kept(r);

	if (!drop)
		return;
	memmove(r->buf, r->buf + drop, r->end - drop);
	r->base += drop;
	r->pos -= drop;
	r->end -= drop;
}

int window_resize(struct reader *r, size_t cap)
{
	uint8_t *buf = realloc(r->buf, cap + SCAN_PAD + 1);

	if (!buf)
		return -1;
	r->buf = buf;
	r->cap = cap;
	return 0;
}

/* Room for at least n bytes behind `end`. A window that one long record has blown up shrinks. */
static int make_room(struct reader *r, size_t n)
{
	slide(r);
	if (r->cap > 16 * WINDOW_CHUNK && r->end < WINDOW_CHUNK && n <= WINDOW_CHUNK)
		return window_resize(r, 2 * WINDOW_CHUNK);
	if (r->cap - r->end >= n)
		return 0;
	return window_resize(r, r->cap * 2 > r->end + n ? r->cap * 2 : r->end + n);
}

orasi_status reader_feed(struct reader *r, orasi_bytes bytes, bool last, orasi_error *err)
{
	if (make_room(r, bytes.len))
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for a window of %zu bytes", r->end + bytes.len);
	if (bytes.len)
		memcpy(r->buf + r->end, bytes.ptr, bytes.len);
	r->end += bytes.len;
	memset(r->buf + r->end, 0, SCAN_PAD);
	r->eof = last;
	return ORASI_OK;
}

orasi_status window_fill(struct reader *r, orasi_error *err)
{
	size_t got = 0;
	orasi_status status;

	if (r->job && r->job->cancel_flag && *r->job->cancel_flag)
		return orasi_fail(err, ORASI_E_CANCELLED, "the task was cancelled");
	if (r->fed)
		return ORASI_AGAIN;
	if (make_room(r, WINDOW_CHUNK))
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for a window of %zu bytes", r->cap);
	if (r->by_place)
		status = r->source->pread(r->source, r->base + r->end, r->buf + r->end, WINDOW_CHUNK, &got, err);
	else
		status = r->source->read(r->source, r->buf + r->end, WINDOW_CHUNK, &got, err);
	if (status < 0)
		return status;
	r->eof = !got;
	r->end += got;
	memset(r->buf + r->end, 0, SCAN_PAD);
	return ORASI_OK;
}

orasi_status window_skip_to(struct reader *r, uint64_t offset, orasi_error *err)
{
	while (r->base + r->end < offset && !r->eof) {
		orasi_status status;

		r->pos = r->end;
		status = window_fill(r, err);
		if (status)
			return status;
	}
	r->pos = r->base + r->end < offset ? r->end : (size_t)(offset - r->base);
	return ORASI_OK;
}

void window_advance(struct reader *r, size_t n)
{
	const uint8_t *p = r->buf + r->pos, *end = p + n;

	r->pos += n;
	if (r->line < 0)
		return;
	for (; (p = memchr(p, '\n', (size_t)(end - p))); p++)
		r->line++;
}

orasi_status window_next_byte(struct reader *r, int *ret, orasi_error *err)
{
	for (;;) {
		size_t n = 0;
		orasi_status status;

		while (r->pos + n < r->end && scan_is_space(r->buf[r->pos + n]))
			n++;
		window_advance(r, n);
		if (r->pos < r->end) {
			*ret = r->buf[r->pos];
			return ORASI_OK;
		}
		*ret = -1;
		if (r->eof)
			return ORASI_OK;
		status = window_fill(r, err);
		if (status)
			return status;
	}
}
