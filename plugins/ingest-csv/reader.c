/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the window (window.c): whole ones, lines that are too long, quotes that do not close, lines that are
 * none; and the places to begin at, and to go back to. */
#include "window.h"

#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#define LOOK_AHEAD 4
#define EXCERPT_MAX (64 << 10) /* of a line that is too long; hosts keep no more */

struct place reader_where(const struct reader *r)
{
	return r->aside ? r->before : place_of(r);
}

const struct fields *reader_fields(const struct reader *r)
{
	return &r->fields;
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

/* Of a record whose end is not in sight yet, a few bytes more than its maximum must be there: what follows its last
 * byte tells whether it is the last. */
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
		status = reader_fill(r, err);
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
			status = reader_fill(r, err);
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
		status = reader_fill(r, err);
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
