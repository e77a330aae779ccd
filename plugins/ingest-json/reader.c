/* SPDX-License-Identifier: Apache-2.0 */
/* Failure: a source error is handed on as it is. An array whose brackets or commas are wrong, or
 * that the end of the source cuts off, is ORASI_E_CORRUPT with the byte where that was seen. */
#include "reader.h"

#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#include "guess.h"
#include "scan.h"
#include "walk.h"
#include "window.h"

#define EXCERPT_MAX (64 << 10) /* of a record that is too long; hosts keep no more */
#define HEAD_MAX (64 << 10)    /* what the mode is guessed from */

static const char *const mode_names[] = {"auto", "ndjson", "concatenated", "array"};

/* ---- extents ------------------------------------------------------------------------------ */

/* There are no more bytes now: what was seen of the record is not walked twice. */
static orasi_status break_off(struct reader *r, const struct walk *w, size_t seen, const struct record *dropped)
{
	r->unfinished = (struct unfinished){.on = true, .dropping = dropped != NULL, .walk = *w, .seen = seen};
	if (dropped)
		r->unfinished.record = *dropped;
	return ORASI_AGAIN;
}

/* The first bytes of a record that is too long, however many come at once. */
static void excerpt_add(struct reader *r, struct record *record, size_t n)
{
	n = n < EXCERPT_MAX - record->len ? n : EXCERPT_MAX - record->len;
	memcpy(r->excerpt + record->len, r->buf + r->pos, n);
	record->len += n;
}

/* A record that is too long goes by, `seen` bytes of it stand in the window. */
static orasi_status drop_rest(struct reader *r, struct walk *w, size_t seen, struct record *ret, orasi_error *err)
{
	for (;;) {
		orasi_status status;

		excerpt_add(r, ret, seen);
		window_advance(r, seen);
		if (w->done || r->eof)
			break;
		status = window_fill(r, err);
		if (status)
			return status == ORASI_AGAIN ? break_off(r, w, 0, ret) : status;
		seen = (size_t)(walk_on(w, r->buf + r->pos, r->buf + r->end) - (r->buf + r->pos));
	}
	ret->whole = reader_offset(r) - ret->offset;
	return ORASI_OK;
}

/* A record that is longer than `limit`: only its beginning is kept. */
static orasi_status take_long(struct reader *r, struct walk *w, size_t seen, struct record *ret, orasi_error *err)
{
	if (!r->excerpt && !(r->excerpt = malloc(EXCERPT_MAX + SCAN_PAD)))
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for a record that is too long");
	*ret = (struct record){.text = r->excerpt, .offset = reader_offset(r), .line = r->line, .too_long = true};
	return drop_rest(r, w, seen, ret, err);
}

/* More of a record that broke off while it was dropped. */
static orasi_status drop_on(struct reader *r, struct walk *w, struct record *ret, orasi_error *err)
{
	size_t seen = (size_t)(walk_on(w, r->buf + r->pos, r->buf + r->end) - (r->buf + r->pos));

	*ret = r->unfinished.record;
	return drop_rest(r, w, seen, ret, err);
}

/* Gives what stands at pos and moves behind it. */
static orasi_status take(struct reader *r, struct walk *w, size_t limit, struct record *ret, orasi_error *err)
{
	size_t seen = 0;
	orasi_status status;

	if (r->unfinished.on) {
		r->unfinished.on = false;
		*w = r->unfinished.walk;
		seen = r->unfinished.seen;
		if (r->unfinished.dropping)
			return drop_on(r, w, ret, err);
	}
	for (;;) {
		const uint8_t *at = r->buf + r->pos;

		seen = (size_t)(walk_on(w, at + seen, r->buf + r->end) - at);
		if (seen > limit)
			return r->holding ? ORASI_END : take_long(r, w, seen, ret, err);
		if (w->done || r->eof)
			break;
		status = window_fill(r, err);
		if (status)
			return status == ORASI_AGAIN ? break_off(r, w, seen, NULL) : status;
	}
	*ret = (struct record){.text = r->buf + r->pos,
	                       .len = seen,
	                       .offset = reader_offset(r),
	                       .whole = seen,
	                       .line = r->line};
	if (w->line)
		r->pos += seen;
	else
		window_advance(r, seen);
	return ORASI_OK;
}

/* ---- lines -------------------------------------------------------------------------------- */

static bool is_blank(const struct record *record)
{
	size_t i = 0;

	while (i < record->len && scan_is_space(record->text[i]))
		i++;
	return i == record->len;
}

static orasi_status next_line(struct reader *r, struct record *ret, orasi_error *err)
{
	do {
		struct walk w = {.line = true};
		orasi_status status;

		if (reader_offset(r) >= r->range_end)
			return ORASI_END;
		status = take(r, &w, r->max_record, ret, err);
		if (status)
			return status;
		if (w.done)
			window_advance(r, 1);
		else if (!ret->whole)
			return ORASI_END;
	} while (!ret->too_long && is_blank(ret));
	return ORASI_OK;
}

static bool is_dropping(const struct reader *r)
{
	return r->unfinished.on && r->unfinished.dropping;
}

/* ---- values ------------------------------------------------------------------------------- */

orasi_status reader_take_value(struct reader *r, size_t limit, struct record *ret, orasi_error *err)
{
	uint64_t start = is_dropping(r) ? r->unfinished.record.offset : reader_offset(r);
	struct walk w;
	orasi_status status;

	walk_start(&w, r->buf[r->pos]);
	status = take(r, &w, limit, ret, err);
	if (status)
		return status;
	if (w.mismatch)
		return reader_corrupt(r, err, reader_offset(r) - 1,
		                      "a bracket closes what it did not open, records cannot be told apart");
	if (!ret->whole)
		return reader_corrupt(r, err, start, "a value is missing");
	if (!w.done && !w.scalar)
		return reader_corrupt(r, err, start, "the source ends inside of the value that starts");
	return ORASI_OK;
}

static orasi_status next_value(struct reader *r, struct record *ret, orasi_error *err)
{
	int c = 0;
	orasi_status status = is_dropping(r) ? ORASI_OK : window_next_byte(r, &c, err);

	if (status)
		return status;
	return c < 0 ? ORASI_END : reader_take_value(r, r->max_record, ret, err);
}

/* ---- arrays ------------------------------------------------------------------------------- */

/* Behind the array: the containers around it must close, and nothing may follow. */
static orasi_status end_document(struct reader *r, orasi_error *err)
{
	struct walk w = {.loose = true, .level = r->levels};
	struct record rest;
	orasi_status status = ORASI_OK;
	int c;

	if (r->levels)
		status = take(r, &w, 0, &rest, err);
	if (!status && r->levels && !w.done)
		return reader_corrupt(r, err, reader_offset(r), "the source ends inside of the document");
	r->levels = 0;
	if (!status)
		status = window_next_byte(r, &c, err);
	if (status)
		return status;
	return c < 0 ? ORASI_END : reader_corrupt(r, err, reader_offset(r), "more text follows the document");
}

static orasi_status take_item(struct reader *r, struct record *ret, orasi_error *err)
{
	orasi_status status = reader_take_value(r, r->max_record, ret, err);

	if (!status)
		r->phase = READER_AFTER;
	return status;
}

static orasi_status next_item(struct reader *r, struct record *ret, orasi_error *err)
{
	int c;
	orasi_status status;

	if (is_dropping(r))
		return take_item(r, ret, err);
	if (r->phase == READER_DONE)
		return end_document(r, err);
	status = window_next_byte(r, &c, err);
	if (!status && r->phase == READER_AFTER && c == ',') {
		r->pos++;
		r->phase = READER_ITEM;
		status = window_next_byte(r, &c, err);
	}
	if (status)
		return status;
	if (c == ']' && r->phase != READER_ITEM) {
		r->pos++;
		r->phase = READER_DONE;
		return end_document(r, err);
	}
	if (c < 0)
		return reader_corrupt(r, err, reader_offset(r), "the source ends inside of the array");
	if (r->phase == READER_AFTER)
		return reader_corrupt(r, err, reader_offset(r), "a comma or ']' is missing between records");
	return take_item(r, ret, err);
}

orasi_status reader_next(struct reader *r, struct record *ret, orasi_error *err)
{
	if (r->mode == READER_LINES)
		return next_line(r, ret, err);
	return r->mode == READER_ARRAY ? next_item(r, ret, err) : next_value(r, ret, err);
}

void reader_unread(struct reader *r, const struct record *record)
{
	r->pos = (size_t)(record->offset - r->base);
	r->line = record->line;
	r->phase = READER_ITEM;
}

void reader_where(const struct reader *r, struct reader_place *ret)
{
	*ret = (struct reader_place){reader_offset(r), r->line, (uint8_t)r->mode, (uint8_t)r->phase, r->levels};
	if (is_dropping(r)) { /* not before it is reported */
		ret->offset = r->unfinished.record.offset;
		ret->line = r->unfinished.record.line;
	}
}

void reader_hold(struct reader *r)
{
	reader_where(r, &r->held);
	r->holding = true;
}

void reader_rewind(struct reader *r)
{
	r->pos = (size_t)(r->held.offset - r->base);
	r->line = r->held.line;
	r->phase = (enum reader_phase)r->held.phase;
	r->levels = r->held.levels;
	r->unfinished.on = false;
	r->holding = false;
}

const char *reader_mode_name(const struct reader *r)
{
	return mode_names[r->mode];
}

/* ---- opening ------------------------------------------------------------------------------ */

/* Goes to `offset` by pread where the source has it, else by reading. */
static orasi_status go_to(struct reader *r, uint64_t offset, orasi_error *err)
{
	if (r->fed) { /* what comes begins there */
		r->base = offset;
		return ORASI_OK;
	}
	if (offset >= r->base && offset <= r->base + r->end) {
		r->pos = (size_t)(offset - r->base);
		return ORASI_OK;
	}
	if (!(r->source->flags & ORASI_SOURCE_SEEK) || !ORASI_HAS(r->source, pread))
		return window_skip_to(r, offset, err);
	r->by_place = true;
	r->eof = false;
	r->base = offset;
	r->pos = r->end = 0;
	return ORASI_OK;
}

static orasi_status go_to_place(struct reader *r, const struct reader_place *place, orasi_error *err)
{
	r->mode = (enum reader_mode)place->mode;
	r->phase = (enum reader_phase)place->phase;
	r->levels = place->levels;
	orasi_status status = go_to(r, place->offset, err);

	r->line = place->line;
	if (!status && reader_offset(r) < place->offset)
		return orasi_fail(err, ORASI_E_STATE, "%.*s: shorter than it was at the checkpoint",
		                  (int)r->source->uri.len, r->source->uri.ptr);
	return status;
}

/* The first line that starts at `begin` or later is ours: the byte before tells if one starts
 * there. */
static orasi_status go_to_range(struct reader *r, uint64_t begin, orasi_error *err)
{
	struct walk w = {.line = true};
	struct record rest;
	orasi_status status;

	if (r->mode != READER_LINES) { /* one reader takes it all: the one of the first byte */
		r->mode = READER_LINES;
		r->range_end = 0;
		return ORASI_OK;
	}
	status = go_to(r, begin - 1, err);
	r->line = -1;
	if (!status)
		status = take(r, &w, 0, &rest, err);
	if (!status && w.done)
		window_advance(r, 1);
	return status;
}

static orasi_status look_at_head(struct reader *r, orasi_error *err)
{
	size_t n, needed = r->mode == READER_AUTO ? HEAD_MAX : 3;

	while (r->end < needed && !r->eof) {
		orasi_status status = window_fill(r, err);

		if (status)
			return status;
	}
	if (r->end >= 2 && (!memcmp(r->buf, "\xFF\xFE", 2) || !memcmp(r->buf, "\xFE\xFF", 2)))
		return orasi_fail(err, ORASI_E_UNSUPPORTED,
		                  "%.*s: this is UTF-16, JSON is UTF-8: convert it with iconv -f UTF-16",
		                  (int)r->source->uri.len, r->source->uri.ptr);
	if (r->end >= 3 && !memcmp(r->buf, "\xEF\xBB\xBF", 3))
		r->pos = 3;
	n = r->end < HEAD_MAX ? r->end : HEAD_MAX;
	if (r->mode == READER_AUTO) {
		uint8_t saved = r->buf[n];

		r->buf[n] = 0;
		r->mode = guess_mode(r->buf + r->pos, r->buf + n, n == r->end && r->eof);
		r->buf[n] = saved;
	}
	r->headed = true;
	return ORASI_OK;
}

static orasi_status enter_array(struct reader *r, orasi_error *err)
{
	int c;
	orasi_status status = window_next_byte(r, &c, err);

	if (status || c >= 0)
		return status ? status : reader_descend(r, err);
	r->phase = READER_DONE; /* an empty source has no records */
	return ORASI_OK;
}

static orasi_status start(struct reader *r, uint64_t begin, const struct reader_place *place, orasi_error *err)
{
	orasi_status status = ORASI_OK;

	if (place)
		return go_to_place(r, place, err);
	if (!r->headed)
		status = look_at_head(r, err);
	if (status)
		return status;
	if (begin)
		return go_to_range(r, begin, err);
	return r->mode == READER_ARRAY ? enter_array(r, err) : ORASI_OK;
}

orasi_status reader_start(struct reader *r, orasi_error *err)
{
	orasi_status status = r->started ? ORASI_OK : start(r, 0, NULL, err);

	r->started = !status;
	return status;
}

size_t reader_ahead(const struct reader *r)
{
	return r->end - r->pos;
}

bool reader_is_last(const struct reader *r)
{
	return r->eof;
}

orasi_status reader_open(orasi_source *source, const orasi_host *host, const struct reader_config *config,
                         uint64_t begin, uint64_t end, const struct reader_place *place, struct reader **ret,
                         orasi_error *err)
{
	struct reader *r = calloc(1, sizeof(*r));
	orasi_status status;

	if (!r)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for a reader");
	r->source = source;
	r->job = host->get_extension(host, ORASI_HOST_JOB);
	r->pointer = config->pointer ? config->pointer : "";
	r->mode = *r->pointer ? READER_ARRAY : config->mode;
	r->max_record = config->max_record;
	r->range_end = end ? end : UINT64_MAX;
	r->line = 1;
	r->fed = config->fed;
	r->started = place || !r->fed;
	status = window_resize(r, 2 * WINDOW_CHUNK) ? orasi_fail(err, ORASI_E_NOMEM, "no memory for a window")
	         : r->started                       ? start(r, begin, place, err)
	                                            : ORASI_OK;
	if (status) {
		reader_close(r);
		return status;
	}
	*ret = r;
	return ORASI_OK;
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	free(r->buf);
	free(r->excerpt);
	free(r);
}
