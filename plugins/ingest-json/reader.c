/* SPDX-License-Identifier: Apache-2.0 */
/* The window: buf[pos..end) is read and not yet given out, buf[0] is byte `base` of the source. At
 * buf[end] stands a NUL and SCAN_PAD bytes may be read behind it. A window that is held keeps
 * everything from `held.offset` on.
 *
 *   read ──fill──> [ … held … pos ····· end ] ──> record
 *
 * Failure: a source error is handed on as it is. An array whose brackets or commas are wrong, or
 * that the end of the source cuts off, is ORASI_E_CORRUPT with the byte where that was seen. */
#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "scan.h"
#include "text.h"

#define CHUNK (256 << 10)
#define EXCERPT_MAX (64 << 10) /* of a record that is too long; hosts keep no more */
#define HEAD_MAX (64 << 10)    /* what the mode is guessed from */
#define POINTER_KEY_MAX (64 << 10)

struct reader {
	orasi_source *source;
	const orasi_host_job *job;
	const char *pointer;
	size_t max_record;
	uint64_t range_end;
	bool by_place; /* read with pread */
	bool eof;
	bool holding;
	uint8_t *buf;
	size_t cap, pos, end; /* cap does not count the pad */
	uint64_t base;
	int64_t line;
	enum reader_mode mode;
	enum reader_phase phase;
	uint16_t levels;
	struct reader_place held;
	uint8_t *excerpt; /* of the record that is too long */
};

static const char *const mode_names[] = {"auto", "ndjson", "concatenated", "array"};

static uint64_t offset_of(const struct reader *r)
{
	return r->base + r->pos;
}

static orasi_status corrupt(const struct reader *r, orasi_error *err, uint64_t offset, const char *what)
{
	err->offset = (int64_t)offset;
	return fail(err, ORASI_E_CORRUPT, "%.*s: %s at byte %llu", (int)r->source->uri.len, r->source->uri.ptr, what,
	            (unsigned long long)offset);
}

/* ---- window ------------------------------------------------------------------------------- */

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

static int resize(struct reader *r, size_t cap)
{
	uint8_t *buf = realloc(r->buf, cap + SCAN_PAD + 1);

	if (!buf)
		return -1;
	r->buf = buf;
	r->cap = cap;
	return 0;
}

/* Room for at least one chunk behind `end`. A window that one long record has blown up shrinks. */
static int make_room(struct reader *r)
{
	slide(r);
	if (r->cap > 16 * CHUNK && r->end < CHUNK)
		return resize(r, 2 * CHUNK);
	if (r->cap - r->end >= CHUNK)
		return 0;
	return resize(r, r->cap * 2 > r->end + CHUNK ? r->cap * 2 : r->end + CHUNK);
}

/* Reads some more into the window, or sets eof. */
static orasi_status fill(struct reader *r, orasi_error *err)
{
	size_t got = 0;
	orasi_status status;

	if (r->job && r->job->cancel_flag && *r->job->cancel_flag)
		return fail(err, ORASI_E_CANCELLED, "the task was cancelled");
	if (make_room(r))
		return fail(err, ORASI_E_NOMEM, "no memory for a window of %zu bytes", r->cap);
	if (r->by_place)
		status = r->source->pread(r->source, r->base + r->end, r->buf + r->end, CHUNK, &got, err);
	else
		status = r->source->read(r->source, r->buf + r->end, CHUNK, &got, err);
	if (status < 0)
		return status;
	r->eof = !got;
	r->end += got;
	memset(r->buf + r->end, 0, SCAN_PAD);
	return ORASI_OK;
}

/* Moves pos to `offset`, which is not before it. */
static orasi_status skip_to(struct reader *r, uint64_t offset, orasi_error *err)
{
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

/* Moves pos on and counts the lines that end on the way. */
static void advance(struct reader *r, size_t n)
{
	const uint8_t *p = r->buf + r->pos, *end = p + n;

	r->pos += n;
	if (r->line < 0)
		return;
	for (; (p = memchr(p, '\n', (size_t)(end - p))); p++)
		r->line++;
}

/* Steps over white space. *ret: the byte there, or -1 at the end of the source. */
static orasi_status next_byte(struct reader *r, int *ret, orasi_error *err)
{
	for (;;) {
		size_t n = 0;
		orasi_status status;

		while (r->pos + n < r->end && scan_is_space(r->buf[r->pos + n]))
			n++;
		advance(r, n);
		if (r->pos < r->end) {
			*ret = r->buf[r->pos];
			return ORASI_OK;
		}
		*ret = -1;
		if (r->eof)
			return ORASI_OK;
		status = fill(r, err);
		if (status)
			return status;
	}
}

/* ---- extents ------------------------------------------------------------------------------ */

/* Follows one value through the window, as far as brackets and quotes go. */
struct walk {
	bool line;   /* the value is a line, whatever is in it */
	bool loose;  /* kinds of brackets are not known and not compared */
	bool scalar; /* a number or a word, ends before a delimiter */
	bool string, escape;
	bool done, mismatch;
	uint32_t level;
	uint8_t kinds[SCAN_DEPTH_MAX / 8]; /* 1: object; deeper levels are not compared */
};

static void walk_open(struct walk *w, bool object)
{
	if (w->level < SCAN_DEPTH_MAX) {
		uint8_t bit = (uint8_t)(1u << (w->level & 7));

		if (object)
			w->kinds[w->level >> 3] |= bit;
		else
			w->kinds[w->level >> 3] &= (uint8_t)~bit;
	}
	w->level++;
}

static void walk_close(struct walk *w, bool object)
{
	w->level--;
	if (w->level < SCAN_DEPTH_MAX && !w->loose && (w->kinds[w->level >> 3] >> (w->level & 7) & 1) != object)
		w->mismatch = true;
	w->done = !w->level || w->mismatch;
}

static void walk_start(struct walk *w, uint8_t first)
{
	*w = (struct walk){.scalar = first != '"' && first != '{' && first != '['};
}

/* One step outside of strings; p is at what `bracket` found. */
static void walk_step(struct walk *w, uint8_t c)
{
	if (c == '"')
		w->string = true;
	else if (c == '{' || c == '[')
		walk_open(w, c == '{');
	else if (c == '}' || c == ']')
		walk_close(w, c == '}');
}

static const uint8_t *walk_string(struct walk *w, const uint8_t *p)
{
	unsigned high;

	if (w->escape) {
		w->escape = false;
		return p + 1;
	}
	p = scan_ops->plain(p, &high);
	if (*p == '\\') {
		w->escape = true;
	} else if (*p == '"') {
		w->string = false;
		w->done = !w->level;
	}
	return p + 1; /* cppcheck-suppress returnDanglingLifetime ; p is of the input */
}

static const uint8_t *walk_scalar(struct walk *w, const uint8_t *p, const uint8_t *end)
{
	while (p < end && !scan_is_space(*p) && !memchr(",]}[{\"", *p, 6))
		p++;
	w->done = p < end;
	return p;
}

static const uint8_t *walk_line(struct walk *w, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *newline = memchr(p, '\n', (size_t)(end - p));

	w->done = newline != NULL;
	return newline ? newline : end;
}

/* From p to `end` (where a NUL stands), or to the end of the value: w->done. */
static const uint8_t *walk_on(struct walk *w, const uint8_t *p, const uint8_t *end)
{
	if (w->line)
		return walk_line(w, p, end);
	if (w->scalar)
		return walk_scalar(w, p, end);
	while (p < end && !w->done) {
		if (w->string) {
			p = walk_string(w, p);
		} else {
			p = scan_ops->bracket(p);
			if (p < end)
				walk_step(w, *p++);
		}
	}
	/* A step inside a string may have taken the NUL behind the window for a byte of it. */
	return p < end ? p : end;
}

/* Goes on behind the excerpt of a record that is longer than `limit`, dropping what it reads. */
static orasi_status take_long(struct reader *r, struct walk *w, size_t seen, struct record *ret, orasi_error *err)
{
	size_t keep = seen < EXCERPT_MAX ? seen : EXCERPT_MAX;
	orasi_status status;

	if (!r->excerpt && !(r->excerpt = malloc(EXCERPT_MAX + SCAN_PAD)))
		return fail(err, ORASI_E_NOMEM, "no memory for a record that is too long");
	memcpy(r->excerpt, r->buf + r->pos, keep);
	*ret = (struct record){.text = r->excerpt,
	                       .len = keep,
	                       .offset = offset_of(r),
	                       .line = r->line,
	                       .too_long = true};
	for (;;) {
		advance(r, seen);
		if (w->done || r->eof)
			break;
		status = fill(r, err);
		if (status)
			return status;
		seen = (size_t)(walk_on(w, r->buf + r->pos, r->buf + r->end) - (r->buf + r->pos));
	}
	ret->whole = offset_of(r) - ret->offset;
	return ORASI_OK;
}

/* Gives what stands at pos and moves behind it. */
static orasi_status take(struct reader *r, struct walk *w, size_t limit, struct record *ret, orasi_error *err)
{
	size_t seen = 0;
	orasi_status status;

	for (;;) {
		const uint8_t *at = r->buf + r->pos;

		seen = (size_t)(walk_on(w, at + seen, r->buf + r->end) - at);
		if (seen > limit)
			return r->holding ? ORASI_AGAIN : take_long(r, w, seen, ret, err);
		if (w->done || r->eof)
			break;
		status = fill(r, err);
		if (status)
			return status;
	}
	*ret = (struct record){.text = r->buf + r->pos,
	                       .len = seen,
	                       .offset = offset_of(r),
	                       .whole = seen,
	                       .line = r->line};
	if (w->line)
		r->pos += seen;
	else
		advance(r, seen);
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

		if (offset_of(r) >= r->range_end)
			return ORASI_END;
		status = take(r, &w, r->max_record, ret, err);
		if (status)
			return status;
		if (w.done)
			advance(r, 1);
		else if (!ret->whole)
			return ORASI_END;
	} while (!ret->too_long && is_blank(ret));
	return ORASI_OK;
}

/* ---- values ------------------------------------------------------------------------------- */

/* The value at pos; white space is behind us. */
static orasi_status take_value(struct reader *r, size_t limit, struct record *ret, orasi_error *err)
{
	uint64_t start = offset_of(r);
	struct walk w;
	orasi_status status;

	walk_start(&w, r->buf[r->pos]);
	status = take(r, &w, limit, ret, err);
	if (status)
		return status;
	if (w.mismatch)
		return corrupt(r, err, offset_of(r) - 1,
		               "a bracket closes what it did not open, records cannot be told apart");
	if (!ret->whole)
		return corrupt(r, err, start, "a value is missing");
	if (!w.done && !w.scalar)
		return corrupt(r, err, start, "the source ends inside of the value that starts");
	return ORASI_OK;
}

static orasi_status next_value(struct reader *r, struct record *ret, orasi_error *err)
{
	int c;
	orasi_status status = next_byte(r, &c, err);

	if (status)
		return status;
	return c < 0 ? ORASI_END : take_value(r, r->max_record, ret, err);
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
		return corrupt(r, err, offset_of(r), "the source ends inside of the document");
	r->levels = 0;
	if (!status)
		status = next_byte(r, &c, err);
	if (status)
		return status;
	return c < 0 ? ORASI_END : corrupt(r, err, offset_of(r), "more text follows the document");
}

static orasi_status next_item(struct reader *r, struct record *ret, orasi_error *err)
{
	int c;
	orasi_status status;

	if (r->phase == READER_DONE)
		return end_document(r, err);
	status = next_byte(r, &c, err);
	if (!status && r->phase == READER_AFTER && c == ',') {
		r->pos++;
		r->phase = READER_ITEM;
		status = next_byte(r, &c, err);
	}
	if (status)
		return status;
	if (c == ']' && r->phase != READER_ITEM) {
		r->pos++;
		r->phase = READER_DONE;
		return end_document(r, err);
	}
	if (c < 0)
		return corrupt(r, err, offset_of(r), "the source ends inside of the array");
	if (r->phase == READER_AFTER)
		return corrupt(r, err, offset_of(r), "a comma or ']' is missing between records");
	status = take_value(r, r->max_record, ret, err);
	if (!status)
		r->phase = READER_AFTER;
	return status;
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
	*ret = (struct reader_place){offset_of(r), r->line, (uint8_t)r->mode, (uint8_t)r->phase, r->levels};
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
	r->holding = false;
}

const char *reader_mode_name(const struct reader *r)
{
	return mode_names[r->mode];
}

/* ---- the mode ----------------------------------------------------------------------------- */

/* A line that is one object and nothing else. */
static bool is_object_line(const uint8_t *p, const uint8_t *end)
{
	struct walk w;

	p = scan_space(p);
	if (*p != '{')
		return false;
	walk_start(&w, '{');
	p = walk_on(&w, p, end);
	while (p < end && scan_is_space(*p))
		p++;
	return w.done && !w.mismatch && p == end;
}

/* Of the whole lines behind the first, are most of them objects? */
static bool most_lines_are_objects(const uint8_t *p, const uint8_t *end, bool is_all)
{
	size_t objects = 0, lines = 0;

	while (p < end) {
		const uint8_t *newline = memchr(p, '\n', (size_t)(end - p));

		if (!newline && !is_all)
			break;
		newline = newline ? newline : end;
		if (scan_space(p) < newline) {
			lines++;
			objects += is_object_line(p, newline);
		}
		p = newline + 1;
	}
	return objects * 2 > lines;
}

/* A document that starts with '{' or '[' is a value of its own, or the first line of many. The
 * head may be cut, and its first record may be broken. */
static enum reader_mode guess(const uint8_t *p, const uint8_t *end, bool is_all)
{
	const uint8_t *newline, *behind;
	struct walk w;

	p = scan_space(p);
	if (p >= end || (*p != '{' && *p != '['))
		return READER_LINES;
	newline = memchr(p, '\n', (size_t)(end - p));
	walk_start(&w, *p);
	behind = walk_on(&w, p, end);
	if (*p == '[')
		return w.done && newline && behind <= newline && scan_space(behind) > newline &&
		                       scan_space(behind) < end
		               ? READER_LINES
		               : READER_ARRAY;
	if (w.done && (!newline || behind <= newline))
		return scan_space(behind) < (newline ? newline : end) ? READER_VALUES : READER_LINES;
	if (!newline)
		return READER_LINES;
	return most_lines_are_objects(newline + 1, end, is_all) ? READER_LINES : READER_VALUES;
}

static orasi_status look_at_head(struct reader *r, orasi_error *err)
{
	size_t n;

	while (r->end < HEAD_MAX && !r->eof) {
		orasi_status status = fill(r, err);

		if (status)
			return status;
	}
	if (r->end >= 2 && (!memcmp(r->buf, "\xFF\xFE", 2) || !memcmp(r->buf, "\xFE\xFF", 2)))
		return fail(err, ORASI_E_UNSUPPORTED,
		            "%.*s: this is UTF-16, JSON is UTF-8: convert it with iconv -f UTF-16",
		            (int)r->source->uri.len, r->source->uri.ptr);
	if (r->end >= 3 && !memcmp(r->buf, "\xEF\xBB\xBF", 3))
		r->pos = 3;
	n = r->end < HEAD_MAX ? r->end : HEAD_MAX;
	if (r->mode == READER_AUTO) {
		uint8_t saved = r->buf[n];

		r->buf[n] = 0;
		r->mode = guess(r->buf + r->pos, r->buf + n, n == r->end && r->eof);
		r->buf[n] = saved;
	}
	return ORASI_OK;
}

/* ---- the pointer -------------------------------------------------------------------------- */

/* One token of an RFC 6901 pointer, "~1" and "~0" resolved; *at moves behind it. */
static size_t pointer_token(const char **at, char *ret)
{
	const char *p = *at + 1;
	size_t n = 0;

	for (; *p && *p != '/'; p++) {
		if (*p == '~' && (p[1] == '0' || p[1] == '1'))
			ret[n++] = *++p == '0' ? '~' : '/';
		else
			ret[n++] = *p;
	}
	*at = p;
	return n;
}

static orasi_status expect(struct reader *r, int want, const char *what, orasi_error *err)
{
	int c;
	orasi_status status = next_byte(r, &c, err);

	if (status)
		return status;
	if (c != want)
		return corrupt(r, err, offset_of(r), what);
	r->pos++;
	return ORASI_OK;
}

static bool key_equals(const struct record *key, const char *token, size_t len)
{
	struct flaw flaw;
	struct text text;
	uint8_t plain[POINTER_KEY_MAX];

	if (key->too_long || key->len < 2 || !scan_string(key->text + 1, &text, &flaw))
		return false;
	if (!text.escaped)
		return text.len == len && !memcmp(text.p, token, len);
	return text_unescape(plain, text.p, text.len) == len && !memcmp(plain, token, len);
}

/* Inside an object: moves to the value of a key. */
static orasi_status find_key(struct reader *r, const char *token, size_t len, orasi_error *err)
{
	for (;;) {
		struct record record;
		bool found;
		int c;
		orasi_status status = next_byte(r, &c, err);

		if (!status && c != '"')
			return c == '}' ? fail(err, ORASI_E_NOTFOUND,
			                       "the document has nothing at the option 'records' "
			                       "(%s)",
			                       r->pointer)
			                : corrupt(r, err, offset_of(r), "a key is missing");
		if (!status)
			status = take_value(r, POINTER_KEY_MAX, &record, err);
		found = !status && key_equals(&record, token, len);
		if (!status)
			status = expect(r, ':', "a colon is missing", err);
		if (status || found)
			return status;
		status = next_byte(r, &c, err);
		if (!status && c < 0)
			return corrupt(r, err, offset_of(r), "the source ends inside of the document");
		if (!status)
			status = take_value(r, 0, &record, err);
		if (!status)
			status = next_byte(r, &c, err);
		if (status)
			return status;
		r->pos += c == ',';
	}
}

/* Goes down to the array that the pointer names, and into it. */
static orasi_status descend(struct reader *r, orasi_error *err)
{
	const char *at = r->pointer;
	char token[POINTER_KEY_MAX];
	orasi_status status;

	if (strlen(at) >= sizeof(token))
		return fail(err, ORASI_E_CONFIG, "the option 'records' is too long");
	while (*at) {
		size_t len = pointer_token(&at, token);

		status = expect(r, '{', "an object was expected on the way to 'records'", err);
		if (!status)
			status = find_key(r, token, len, err);
		if (status)
			return status;
		r->levels++;
	}
	r->phase = READER_FIRST;
	return expect(r, '[', "an array of records was expected", err);
}

/* ---- opening ------------------------------------------------------------------------------ */

/* Goes to `offset` by pread where the source has it, else by reading. */
static orasi_status go_to(struct reader *r, uint64_t offset, orasi_error *err)
{
	if (offset >= r->base && offset <= r->base + r->end) {
		r->pos = (size_t)(offset - r->base);
		return ORASI_OK;
	}
	if (!(r->source->flags & ORASI_SOURCE_SEEK) || !ORASI_HAS(r->source, pread))
		return skip_to(r, offset, err);
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
	if (!status && offset_of(r) < place->offset)
		return fail(err, ORASI_E_STATE, "%.*s: shorter than it was at the checkpoint", (int)r->source->uri.len,
		            r->source->uri.ptr);
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
		advance(r, 1);
	return status;
}

static orasi_status start(struct reader *r, uint64_t begin, const struct reader_place *place, orasi_error *err)
{
	orasi_status status;
	int c;

	if (place)
		return go_to_place(r, place, err);
	status = look_at_head(r, err);
	if (status)
		return status;
	if (begin)
		return go_to_range(r, begin, err);
	if (r->mode != READER_ARRAY)
		return ORASI_OK;
	status = next_byte(r, &c, err);
	if (status || c >= 0)
		return status ? status : descend(r, err);
	r->phase = READER_DONE; /* an empty source has no records */
	return ORASI_OK;
}

orasi_status reader_open(orasi_source *source, const orasi_host *host, const struct reader_config *config,
                         uint64_t begin, uint64_t end, const struct reader_place *place, struct reader **ret,
                         orasi_error *err)
{
	struct reader *r = calloc(1, sizeof(*r));
	orasi_status status;

	if (!r)
		return fail(err, ORASI_E_NOMEM, "no memory for a reader");
	r->source = source;
	r->job = host->get_extension(host, ORASI_HOST_JOB);
	r->pointer = config->pointer ? config->pointer : "";
	r->mode = *r->pointer ? READER_ARRAY : config->mode;
	r->max_record = config->max_record;
	r->range_end = end ? end : UINT64_MAX;
	r->line = 1;
	status =
		resize(r, 2 * CHUNK) ? fail(err, ORASI_E_NOMEM, "no memory for a window") : start(r, begin, place, err);
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
