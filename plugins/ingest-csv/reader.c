/* SPDX-License-Identifier: Apache-2.0 */
/* The window: buf[pos..end) is read and not yet given out, buf[0] is byte `base` of the source. The pad behind `end` is
 * sealed for the scanner after each read. */
#include "reader.h"

#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#define CHUNK ((size_t)256 << 10)
#define LOOK_AHEAD 4
#define EXCERPT_MAX (64 << 10) /* of a line that is too long; hosts keep no more */

struct reader {
	orasi_source *source;
	const orasi_host_job *job;
	struct dialect dialect;
	bool blanks_count;
	size_t max_record;
	uint64_t range_end;
	bool by_place; /* read with pread */
	bool eof, holding;
	uint8_t *buf;
	size_t cap, pos, end; /* cap does not count the pad */
	uint64_t base;
	int64_t line;
	struct place held;
	struct fields fields;
	uint8_t *excerpt;
	size_t excerpt_len;

	bool fed, keeping; /* keeping: all bytes, until it is settled */
	size_t tried;      /* how many there were at the last restart */
	uint64_t looked;   /* the record at `pos` does not end before this byte; 0: nobody has looked */
	enum { ASIDE_NOT, ASIDE_LONG, ASIDE_COMMENT } aside; /* a line that goes by, and may go on when more is fed */
	struct place before;                                 /* it */
};

static struct place place_of(const struct reader *r)
{
	return (struct place){r->base + r->pos, r->line};
}

struct place reader_where(const struct reader *r)
{
	return r->aside ? r->before : place_of(r);
}

const struct fields *reader_fields(const struct reader *r)
{
	return &r->fields;
}

/* ---- window ------------------------------------------------------------------------------------------------------ */

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

/* At least as much again as is waiting of a long record, so that looking at it anew each time stays cheap; or sets eof. */
static orasi_status fill(struct reader *r, orasi_error *err)
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
		orasi_status status = fill(r, err);

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
		status = fill(r, err);
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

/* ---- records ----------------------------------------------------------------------------------------------------- */

static void take(struct reader *r, struct record *ret, size_t len, size_t whole)
{
	*ret = (struct record){.text = r->buf + r->pos, .len = len, .whole = whole, .place = place_of(r)};
}

static void count_lines(struct reader *r, const uint8_t *p, const uint8_t *end)
{
	for (; r->line > 0 && (p = memchr(p, r->dialect.newline, (size_t)(end - p))); p++)
		r->line++;
}

static void set_aside(struct reader *r, int aside)
{
	r->before = place_of(r);
	r->aside = aside;
}

/* The rest of a line that was set aside. */
static orasi_status pass_line(struct reader *r, orasi_error *err)
{
	orasi_status status = reader_skip_line(r, r->dialect.newline, err);

	if (!status)
		r->aside = ASIDE_NOT;
	return status;
}

static orasi_status pass_long_line(struct reader *r, struct record *ret, orasi_error *err)
{
	orasi_status status = pass_line(r, err);

	if (status)
		return status;
	*ret = (struct record){.text = r->excerpt,
	                       .len = r->excerpt_len,
	                       .whole = place_of(r).offset - r->before.offset,
	                       .place = r->before,
	                       .flaw = FLAW_TOO_LONG,
	                       .what = "the line is longer than max_record"};
	return ORASI_OK;
}

/* A line that does not end within max_record bytes: its beginning is kept, the rest is read and dropped. */
static orasi_status take_long_line(struct reader *r, struct record *ret, orasi_error *err)
{
	if (r->holding)
		return READER_LONG;
	if (!r->excerpt && !(r->excerpt = malloc(EXCERPT_MAX)))
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for a line that is too long");
	r->excerpt_len = r->max_record < EXCERPT_MAX ? r->max_record : EXCERPT_MAX;
	memcpy(r->excerpt, r->buf + r->pos, r->excerpt_len);
	set_aside(r, ASIDE_LONG);
	return pass_long_line(r, ret, err);
}

/* The first line alone, of a record whose quote does not close. */
static void take_first_line(struct reader *r, struct record *ret, size_t len)
{
	size_t whole = len + (r->pos + len < r->end);

	if (len && r->buf[r->pos + len - 1] == '\r')
		take(r, ret, len - 1, whole);
	else
		take(r, ret, len, whole);
	ret->flaw = FLAW_UNCLOSED;
	ret->what = "a quote opens that does not close within max_record bytes or before the end";
	reader_skip(r, whole, 1);
}

static orasi_status take_too_long(struct reader *r, struct record *ret, orasi_error *err)
{
	const uint8_t *p = r->buf + r->pos, *line = memchr(p, r->dialect.newline, r->max_record);

	if (!line)
		return take_long_line(r, ret, err);
	if (r->holding)
		return READER_LONG;
	take_first_line(r, ret, (size_t)(line - p));
	return ORASI_OK;
}

static const struct {
	enum scan scan;
	const char *flaw, *what;
} flaws[] = {
	{SCAN_QUOTE, FLAW_QUOTE, "something follows a closing quote"},
	{SCAN_FIELDS, FLAW_TOO_LONG, "more fields than a record may have"},
};

static void take_scanned(struct reader *r, enum scan scan, const struct scanned *scanned, struct record *ret)
{
	const uint8_t *p = r->buf + r->pos;

	take(r, ret, (size_t)(scanned->end - p), (size_t)(scanned->next - p));
	for (size_t i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++)
		if (flaws[i].scan == scan) {
			ret->flaw = flaws[i].flaw;
			ret->what = flaws[i].what;
		}
	if (scanned->quotes)
		count_lines(r, p, scanned->next);
	else if (r->line > 0)
		r->line++;
	r->pos += ret->whole;
}

/* Of a record whose end is not in sight yet, a few bytes more than its maximum must be there: what follows its last byte
 * tells whether it is the last. */
static bool is_too_long(const struct reader *r, enum scan scan, const struct scanned *scanned)
{
	size_t waiting = r->end - r->pos;

	if (scan == SCAN_MORE)
		return waiting > r->max_record + LOOK_AHEAD;
	if (scan == SCAN_UNCLOSED)
		return waiting > r->max_record;
	return (size_t)(scanned->end - (r->buf + r->pos)) > r->max_record;
}

/* Fed, and no line has ended since the record was looked at: it has not either, and is not scanned once more. */
static bool is_known(const struct reader *r)
{
	size_t from = (size_t)(r->looked - r->base);

	return r->looked > r->base + r->pos && !r->eof && r->end - r->pos <= r->max_record + LOOK_AHEAD &&
	       !memchr(r->buf + from, r->dialect.newline, r->end - from);
}

static orasi_status next_any(struct reader *r, struct record *ret, orasi_error *err)
{
	if (r->aside == ASIDE_LONG)
		return pass_long_line(r, ret, err);
	for (;;) {
		const uint8_t *p = r->buf + r->pos, *end = r->buf + r->end;
		struct scanned scanned;
		enum scan scan;
		orasi_status status;

		if (r->base + r->pos >= r->range_end || (p == end && r->eof))
			return ORASI_END;
		scan = p == end || is_known(r) ? SCAN_MORE
		                               : scan_record(&r->dialect, p, end, r->eof, &r->fields, &scanned);
		r->looked = 0;
		if (scan == SCAN_NOMEM)
			return orasi_fail(err, ORASI_E_NOMEM, "no memory for the fields of a record");
		if (is_too_long(r, scan, &scanned))
			return take_too_long(r, ret, err);
		if (scan == SCAN_UNCLOSED) {
			take_first_line(r, ret, (size_t)(scan_line(&r->dialect, p, end) - p));
			return ORASI_OK;
		}
		if (scan != SCAN_MORE) {
			take_scanned(r, scan, &scanned, ret);
			return ORASI_OK;
		}
		status = fill(r, err);
		if (status == ORASI_AGAIN)
			r->looked = r->base + r->end;
		if (status)
			return status;
	}
}

static orasi_status skip_comments(struct reader *r, orasi_error *err)
{
	while (r->dialect.comment && r->aside != ASIDE_LONG) {
		orasi_status status = ORASI_OK;

		if (r->pos == r->end && !r->eof)
			status = fill(r, err);
		if (!status && !r->aside) {
			if (r->pos == r->end || r->buf[r->pos] != r->dialect.comment)
				return ORASI_OK;
			set_aside(r, ASIDE_COMMENT);
		}
		if (!status)
			status = pass_line(r, err);
		if (status)
			return status;
	}
	return ORASI_OK;
}

static bool is_blank(const struct record *record, const struct fields *fields)
{
	if (record->flaw || fields->n > 1 || fields->at[0].quoted)
		return false;
	for (size_t i = 0; i < record->len; i++)
		if (record->text[i] != ' ' && record->text[i] != '\t')
			return false;
	return true;
}

orasi_status reader_next(struct reader *r, struct record *ret, orasi_error *err)
{
	orasi_status status;

	do {
		status = skip_comments(r, err);
		if (!status)
			status = next_any(r, ret, err);
	} while (!status && !r->blanks_count && is_blank(ret, &r->fields));
	return status;
}

/* ---- places ------------------------------------------------------------------------------------------------------ */

void reader_hold(struct reader *r)
{
	r->held = place_of(r);
	r->holding = true;
}

void reader_rewind(struct reader *r)
{
	r->pos = (size_t)(r->held.offset - r->base);
	r->line = r->held.line;
	r->looked = 0;
	r->holding = false;
}

/* Forward only without pread. */
static orasi_status go_to(struct reader *r, uint64_t offset, orasi_error *err)
{
	if (offset >= r->base && offset <= r->base + r->end) {
		r->pos = (size_t)(offset - r->base);
		return ORASI_OK;
	}
	if (r->source && (r->source->flags & ORASI_SOURCE_SEEK) && ORASI_HAS(r->source, pread)) {
		r->by_place = true;
		r->eof = false;
		r->base = offset;
		r->pos = r->end = 0;
		scan_seal(&r->dialect, r->buf);
		return ORASI_OK;
	}
	while (r->base + r->end < offset && !r->eof) {
		orasi_status status;

		r->pos = r->end;
		status = fill(r, err);
		if (status)
			return status;
	}
	r->pos = r->base + r->end < offset ? r->end : (size_t)(offset - r->base);
	return ORASI_OK;
}

orasi_status reader_go(struct reader *r, const struct place *place, orasi_error *err)
{
	orasi_status status = go_to(r, place->offset, err);

	r->line = place->line;
	if (!status && r->base + r->pos < place->offset)
		return orasi_fail(err, ORASI_E_STATE, "the source is shorter than it was at the checkpoint");
	return status;
}

orasi_status reader_find(struct reader *r, uint64_t offset, orasi_error *err)
{
	struct record record;
	orasi_status status = ORASI_OK;

	if (r->base + r->pos >= offset)
		return ORASI_OK;
	if (!r->dialect.quote) {
		status = go_to(r, offset - 1, err);
		if (!status)
			status = reader_skip_line(r, r->dialect.newline, err);
		r->line = -1;
		return status;
	}
	while (!status && r->base + r->pos < offset)
		status = next_any(r, &record, err);
	return status == ORASI_END ? ORASI_OK : status;
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
