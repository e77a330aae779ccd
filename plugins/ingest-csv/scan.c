/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

void scan_seal(const struct dialect *dialect, uint8_t *end)
{
	memset(end, 0, SCAN_PAD);
	end[0] = dialect->newline;
	end[1] = dialect->quote;
}

void fields_done(struct fields *fields)
{
	free(fields->at);
	*fields = (struct fields){0};
}

/* ---- inner loops ------------------------------------------------------------------------------------------------- */

/* The first a or b at or behind p; one stands in the pad. */
static inline const uint8_t *find(const uint8_t *p, uint8_t a, uint8_t b)
{
#ifdef __SSE2__
	const __m128i va = _mm_set1_epi8((char)a), vb = _mm_set1_epi8((char)b);

	for (;; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		int mask = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, va), _mm_cmpeq_epi8(v, vb)));

		if (mask)
			return p + __builtin_ctz((unsigned)mask);
	}
#else
	while (*p != a && *p != b)
		p++;
	return p;
#endif
}

const uint8_t *scan_line(const struct dialect *dialect, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *line = memchr(p, dialect->newline, (size_t)(end - p));

	return line ? line : end;
}

static inline bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

static int fields_grow(struct fields *fields)
{
	uint32_t cap = fields->cap ? fields->cap * 2 : 32;
	struct field *at = realloc(fields->at, cap * sizeof(*at));

	if (!at)
		return -1;
	fields->at = at;
	fields->cap = cap;
	return 0;
}

/* From behind the opening quote to the closing one; NULL: it is not in the text. */
static const uint8_t *close_quote(const struct dialect *d, const uint8_t *p, const uint8_t *end, bool all,
                                  bool *escaped)
{
	for (;;) {
		p = find(p, d->quote, d->escape);
		if (p >= end)
			return NULL;
		if (*p == d->quote && d->escape != d->quote)
			return p;
		/* An escape, or a quote that may be doubled: what follows tells. */
		if (p + 1 >= end)
			return *p == d->quote && all ? p : NULL;
		if (d->escape == d->quote && p[1] != d->quote)
			return p;
		*escaped = true;
		p += 2;
	}
}

static void trim(struct field *field)
{
	while (field->len && is_blank(*field->p)) {
		field->p++;
		field->len--;
	}
	while (field->len && is_blank(field->p[field->len - 1]))
		field->len--;
}

/* Does the record end at p, and where does the next begin? */
static bool is_end(const struct dialect *d, const uint8_t *p, const uint8_t *end, bool all, const uint8_t **ret_next)
{
	if (p < end && *p == d->newline) {
		*ret_next = p + 1;
		return true;
	}
	if (d->newline == '\n' && p + 1 < end && *p == '\r' && p[1] == '\n') {
		*ret_next = p + 2;
		return true;
	}
	*ret_next = end;
	return all && (p >= end || (p + 1 == end && *p == '\r'));
}

/* Where a quoted field begins, behind blanks if these do not count; NULL: it is not quoted. */
static const uint8_t *quoted_at(const struct dialect *d, const uint8_t *p, const uint8_t *end)
{
	if (!d->quote)
		return NULL;
	if (d->trim && *p != d->delimiter)
		while (p < end && is_blank(*p) && *p != d->delimiter)
			p++;
	return p < end && *p == d->quote ? p : NULL;
}

enum scan scan_record(const struct dialect *d, const uint8_t *p, const uint8_t *end, bool all, struct fields *fields,
                      struct scanned *ret)
{
	ret->quotes = false;
	for (fields->n = 0;; p++) {
		const uint8_t *open = quoted_at(d, p, end), *stop;
		struct field field = {.p = p};

		if (fields->n == SCAN_FIELDS_MAX) {
			ret->end = scan_line(d, p, end);
			ret->next = ret->end < end ? ret->end + 1 : end;
			return ret->end < end || all ? SCAN_FIELDS : SCAN_MORE;
		}
		if (open) {
			ret->quotes = field.quoted = true;
			field.p = open + 1;
			stop = close_quote(d, open + 1, end, all, &field.escaped);
			ret->at = open;
			if (!stop)
				return all ? SCAN_UNCLOSED : SCAN_MORE;
			field.len = (size_t)(stop - field.p);
			for (stop++; d->trim && stop < end && is_blank(*stop) && *stop != d->delimiter;)
				stop++;
			if (stop + 1 >= end && !all)
				return SCAN_MORE;
		} else {
			stop = find(p, d->delimiter, d->newline);
			if (stop >= end && !all)
				return SCAN_MORE;
			stop = stop < end ? stop : end;
			field.len = (size_t)(stop - p);
			if ((stop == end || *stop == '\n') && field.len && stop[-1] == '\r' && d->newline == '\n') {
				field.len--;
				stop--;
			}
			if (d->trim)
				trim(&field);
		}
		if (fields->n == fields->cap && fields_grow(fields))
			return SCAN_NOMEM;
		fields->at[fields->n++] = field;
		if (stop < end && *stop == d->delimiter) {
			p = stop;
			continue;
		}
		ret->end = stop;
		if (is_end(d, stop, end, all, &ret->next))
			return SCAN_RECORD;
		ret->at = stop;
		ret->end = scan_line(d, stop, end);
		ret->next = ret->end < end ? ret->end + 1 : end;
		return ret->end < end || all ? SCAN_QUOTE : SCAN_MORE;
	}
}

size_t scan_unescape(const struct dialect *d, uint8_t *dst, const uint8_t *p, size_t n)
{
	uint8_t *start = dst;

	for (const uint8_t *end = p + n; p < end; p++) {
		if (*p == d->escape && p + 1 < end)
			p++;
		*dst++ = *p;
	}
	return (size_t)(dst - start);
}
