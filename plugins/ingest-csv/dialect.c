/* SPDX-License-Identifier: Apache-2.0 */
/* Every candidate is tried on the records of the head: the best is the one with which most of them have the same number
 * of fields, and more than one. */
#include "dialect.h"

#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 1000
#define WIDTH_MAX 4096
#define SNIFF_MAX (16 << 10)

static const uint8_t delimiters[] = {',', ';', '\t', '|'};

uint8_t dialect_newline(const uint8_t *p, size_t n)
{
	return !memchr(p, '\n', n) && memchr(p, '\r', n) ? '\r' : '\n';
}

size_t dialect_declared(const uint8_t *p, size_t n, uint8_t *ret_delimiter)
{
	size_t len = 5;

	if (n < 6 || memcmp(p, "sep=", 4) || p[4] < 9 || p[4] > 0x7E)
		return 0;
	len += p[len] == '\r';
	if (len >= n || p[len] != '\n')
		return 0;
	*ret_delimiter = p[4];
	return len + 1;
}

/* Of the records of the text, the last of a text that goes on left out. */
static bool weigh(const struct dialect *d, uint8_t *p, size_t n, bool all, struct evidence *ret)
{
	const uint8_t *at = p, *end = p + n;
	uint32_t *counts = calloc(WIDTH_MAX + 1, sizeof(*counts));
	struct fields fields = {0};

	*ret = (struct evidence){0};
	if (!counts)
		return false;
	scan_seal(d, p + n);
	while (at < end && ret->records < RECORDS_MAX) {
		struct scanned scanned;
		enum scan scan;
		uint32_t width;

		if (d->comment && *at == d->comment) {
			at = scan_line(d, at, end) + 1;
			continue;
		}
		scan = scan_record(d, at, end, all, &fields, &scanned);
		if (scan == SCAN_MORE)
			break;
		if (scan != SCAN_RECORD &&
		    scan != SCAN_FIELDS) { /* it agrees with nothing, not with others like it either */
			at = scan == SCAN_QUOTE ? scanned.next : scan_line(d, at, end) + 1;
			ret->records++;
			continue;
		}
		at = scanned.next;
		if (fields.n == 1 && !fields.at[0].len && !fields.at[0].quoted)
			continue;
		width = fields.n < WIDTH_MAX ? fields.n : WIDTH_MAX;
		counts[width]++;
		if (!ret->records++)
			ret->first = width;
		if (counts[width] > ret->agreeing || (counts[width] == ret->agreeing && width == ret->first)) {
			ret->agreeing = counts[width];
			ret->fields = width;
		}
	}
	fields_done(&fields);
	free(counts);
	return true;
}

static bool is_better(const struct evidence *a, const struct evidence *b)
{
	if ((a->fields > 1) != (b->fields > 1))
		return a->fields > 1;
	if ((a->first == a->fields) != (b->first == b->fields))
		return a->first == a->fields;
	if ((uint64_t)a->agreeing * b->records != (uint64_t)b->agreeing * a->records)
		return (uint64_t)a->agreeing * b->records > (uint64_t)b->agreeing * a->records;
	return a->fields > b->fields;
}

/* Fields in single quotes on both ends, and none in double quotes. */
static uint8_t guess_quote(const struct dialect *d, uint8_t *p, size_t n, bool all)
{
	struct dialect plain = *d;
	const uint8_t *at = p, *end = p + n;
	struct fields fields = {0};
	uint32_t single = 0, twice = 0;

	plain.quote = 0;
	scan_seal(&plain, p + n);
	while (at < end) {
		struct scanned scanned;

		if (scan_record(&plain, at, end, all, &fields, &scanned) != SCAN_RECORD)
			break;
		for (uint32_t i = 0; i < fields.n; i++) {
			const struct field *f = &fields.at[i];

			twice += f->len && f->p[0] == '"';
			single += f->len > 1 && f->p[0] == '\'' && f->p[f->len - 1] == '\'';
		}
		at = scanned.next;
	}
	fields_done(&fields);
	return single && !twice ? '\'' : '"';
}

static bool try_delimiters(struct dialect *d, bool any_quote, uint8_t *p, size_t n, bool all, struct evidence *ret)
{
	struct dialect best = *d;

	for (size_t i = 0; i < sizeof(delimiters); i++) {
		struct dialect one = *d;
		struct evidence evidence;

		one.delimiter = delimiters[i];
		if (any_quote)
			one.quote = guess_quote(&one, p, n, all);
		if (!one.escape)
			one.escape = one.quote;
		if (!weigh(&one, p, n, all, &evidence))
			return false;
		if (i && !is_better(&evidence, ret))
			continue;
		best = one;
		*ret = evidence;
	}
	*d = best;
	return true;
}

bool dialect_guess(struct dialect *d, bool any_quote, uint8_t *p, size_t n, bool all, struct evidence *ret)
{
	if (!d->delimiter)
		return try_delimiters(d, any_quote, p, n, all, ret);
	if (any_quote)
		d->quote = guess_quote(d, p, n, all);
	if (!d->escape)
		d->escape = d->quote;
	return weigh(d, p, n, all, ret);
}

/* Text has no control bytes but white space. */
static bool is_text(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 && p[i] != '\t' && p[i] != '\n' && p[i] != '\r')
			return false;
	return true;
}

static unsigned score(uint8_t *p, size_t n, bool all)
{
	struct dialect d = {.newline = dialect_newline(p, n)};
	struct evidence evidence;

	if (!dialect_guess(&d, true, p, n, all, &evidence) || evidence.fields < 2 || evidence.records < 2)
		return 0;
	if (evidence.first == evidence.fields && evidence.agreeing == evidence.records)
		return 60;
	return evidence.agreeing * 4 >= evidence.records * 3 ? 25 : 0;
}

unsigned dialect_score(const uint8_t *p, size_t n)
{
	size_t some = n < SNIFF_MAX ? n : SNIFF_MAX;
	uint8_t *copy;
	unsigned ret;

	if (!n || *p == '{' || *p == '[' || !is_text(p, some))
		return 0;
	copy = malloc(some + SCAN_PAD);
	if (!copy)
		return 0;
	memcpy(copy, p, some);
	ret = score(copy, some, some == n);
	free(copy);
	return ret;
}
