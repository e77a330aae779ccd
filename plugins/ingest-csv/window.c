/* SPDX-License-Identifier: Apache-2.0 */
/* The window: buf[pos..end) is read, or was fed, and is not yet given out, buf[0] is byte `base` of the source. The
 * pad behind `end` is sealed for the scanner after each read. */
#include "window.h"

#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#define CHUNK ((size_t)256 << 10)

static void slide(struct reader *r)
{
	size_t drop = r->keeping ? 0 : r->holding ? (size_t)(r->held.offset - r->base) : r->pos;

	if (!drop)
		return;
	memmove(r->buf, r->buf + drop, r->end - drop);
	r->base += drop;
	r->pos -= drop;
	r->end -= drop;
}

static int resize(struct reader *r, size_t cap)
{
	uint8_t *buf = realloc(r->buf, cap + SCAN_PAD);

	if (!buf)
		return -1;
	r->buf = buf;
	r->cap = cap;
	return 0;
}

/* Room for `more` bytes behind `end`. A window that one long record has blown up shrinks. */
static int make_room(struct reader *r, size_t more)
{
	slide(r);
	if (r->cap > 16 * CHUNK && r->end + more < 2 * CHUNK)
		return resize(r, 2 * CHUNK);
	return r->cap - r->end >= more ? 0 : resize(r, r->end + 2 * more);
}

static orasi_status read_some(struct reader *r, size_t cap, orasi_error *err)
{
	uint8_t *to = r->buf + r->end;
	size_t got = 0;
	orasi_status status;

	if (r->job && r->job->cancel_flag && *r->job->cancel_flag)
		return orasi_fail(err, ORASI_E_CANCELLED, "the task was cancelled");
	if (r->by_place)
		status = r->source->pread(r->source, r->base + r->end, to, cap, &got, err);
	else
		status = r->source->read(r->source, to, cap, &got, err);
	if (status < 0)
		return status;
	r->eof = !got;
	r->end += got;
	return ORASI_OK;
}

orasi_status reader_fill(struct reader *r, orasi_error *err)
{
	size_t waiting = r->end - r->pos, room = waiting > CHUNK ? waiting : CHUNK, got = 0;
	orasi_status status = ORASI_OK;

	if (r->fed)
		return r->eof ? ORASI_OK : ORASI_AGAIN;
	if (make_room(r, room))
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for a window of %zu bytes", r->end + room);
	do {
		size_t before = r->end;

		status = read_some(r, room - got, err);
		got += r->end - before;
	} while (!status && !r->eof && waiting > CHUNK && got < room);
	scan_seal(&r->dialect, r->buf + r->end);
	return status;
}

/* ---- fed --------------------------------------------------------------------------------------------------------- */

orasi_status reader_feed(struct reader *r, orasi_bytes bytes, bool last, orasi_error *err)
{
	if (make_room(r, bytes.len))
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for a window of %zu bytes", r->end + bytes.len);
	if (bytes.len)
		memcpy(r->buf + r->end, bytes.ptr, bytes.len);
	r->end += bytes.len;
	r->eof = last;
	scan_seal(&r->dialect, r->buf + r->end);
	return ORASI_OK;
}

void reader_restart(struct reader *r)
{
	r->dialect = (struct dialect){0};
	r->blanks_count = r->holding = false;
	r->pos = 0;
	r->line = 1;
	r->looked = 0;
	r->aside = ASIDE_NOT;
	r->tried = r->end;
	scan_seal(&r->dialect, r->buf + r->end);
}

void reader_settle(struct reader *r)
{
	r->keeping = false;
}

bool reader_grown(const struct reader *r)
{
	return r->eof || r->end > r->tried + r->tried / 8;
}

/* ---- the head ---------------------------------------------------------------------------------------------------- */

orasi_status reader_head(struct reader *r, const uint8_t **ret, size_t *ret_len, bool *ret_all, orasi_error *err)
{
	while (r->end - r->pos < READER_HEAD && !r->eof) {
		orasi_status status = reader_fill(r, err);

		if (status)
			return status;
	}
	*ret = r->buf + r->pos;
	*ret_len = r->end - r->pos < READER_HEAD ? r->end - r->pos : READER_HEAD;
	*ret_all = r->eof && *ret_len == r->end - r->pos;
	return ORASI_OK;
}

void reader_skip(struct reader *r, size_t n, int lines)
{
	r->pos += n;
	if (r->line > 0)
		r->line += lines;
}

orasi_status reader_skip_line(struct reader *r, uint8_t newline, orasi_error *err)
{
	for (;;) {
		const uint8_t *p = r->buf + r->pos, *line = memchr(p, newline, r->end - r->pos);
		orasi_status status;

		if (line) {
			reader_skip(r, (size_t)(line - p) + 1, 1);
			return ORASI_OK;
		}
		r->pos = r->end;
		if (r->eof)
			return ORASI_OK;
		status = reader_fill(r, err);
		if (status)
			return status;
	}
}

void reader_set(struct reader *r, const struct dialect *dialect, bool blanks_count)
{
	r->dialect = *dialect;
	r->blanks_count = blanks_count;
	scan_seal(dialect, r->buf + r->end);
}

void reader_set_end(struct reader *r, uint64_t end)
{
	r->range_end = end ? end : UINT64_MAX;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

orasi_status reader_open(orasi_source *source, const orasi_host *host, size_t max_record, struct reader **ret,
                         orasi_error *err)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (!r || resize(r, 2 * CHUNK)) {
		free(r);
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for a reader");
	}
	r->source = source;
	r->fed = r->keeping = !source;
	r->job = host->get_extension(host, ORASI_HOST_JOB);
	r->max_record = max_record;
	r->range_end = UINT64_MAX;
	r->line = 1;
	scan_seal(&r->dialect, r->buf);
	*ret = r;
	return ORASI_OK;
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	free(r->buf);
	free(r->excerpt);
	fields_done(&r->fields);
	free(r);
}
