/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

enum sort { SEPARATOR, LETTER, WHOLE };

struct span {
	uint32_t begin, end; /* inclusive */
	enum sort sort;
};

/* What is no letter among the characters from U+00C0 on, and those that are words by themselves; sorted. The rest are
 * letters: a script that is not listed here is found by its words between spaces. */
static const struct span spans[] = {
	{0x00D7, 0x00D7, SEPARATOR},    {0x00F7, 0x00F7, SEPARATOR},   {0x02C2, 0x02DF, SEPARATOR},
	{0x037E, 0x037E, SEPARATOR},    {0x0387, 0x0387, SEPARATOR},   {0x055A, 0x055F, SEPARATOR},
	{0x0589, 0x058F, SEPARATOR},    {0x060C, 0x060D, SEPARATOR},   {0x061B, 0x061F, SEPARATOR},
	{0x066A, 0x066D, SEPARATOR},    {0x06D4, 0x06D4, SEPARATOR},   {0x0964, 0x0965, SEPARATOR},
	{0x2000, 0x206F, SEPARATOR},    {0x207A, 0x207E, SEPARATOR},   {0x208A, 0x208E, SEPARATOR},
	{0x20A0, 0x20CF, SEPARATOR},    {0x2190, 0x2BFF, SEPARATOR},   {0x2E00, 0x2E7F, SEPARATOR},
	{0x2E80, 0x2FFF, WHOLE},        {0x3000, 0x3004, SEPARATOR},   {0x3008, 0x3020, SEPARATOR},
	{0x3030, 0x3030, SEPARATOR},    {0x303D, 0x303F, SEPARATOR},   {0x3041, 0x30FA, WHOLE},
	{0x30FB, 0x30FB, SEPARATOR},    {0x31F0, 0x31FF, WHOLE},       {0x3400, 0x4DBF, WHOLE},
	{0x4E00, 0x9FFF, WHOLE},        {0xE000, 0xF8FF, SEPARATOR},   {0xF900, 0xFAFF, WHOLE},
	{0xFE10, 0xFE1F, SEPARATOR},    {0xFE30, 0xFE6F, SEPARATOR},   {0xFEFF, 0xFF0F, SEPARATOR},
	{0xFF1A, 0xFF20, SEPARATOR},    {0xFF3B, 0xFF40, SEPARATOR},   {0xFF5B, 0xFF65, SEPARATOR},
	{0xFFE0, 0xFFFF, SEPARATOR},    {0x1F000, 0x1FAFF, SEPARATOR}, {0x20000, 0x3FFFF, WHOLE},
	{0xE0000, 0x10FFFF, SEPARATOR},
};

static enum sort sort_of(uint32_t c)
{
	size_t low = 0, high = sizeof(spans) / sizeof(spans[0]);

	if (c < 0x80)
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'
		               ? LETTER
		               : SEPARATOR;
	if (c < 0xC0)
		return c == 0xAA || c == 0xB5 || c == 0xBA ? LETTER : SEPARATOR;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (c > spans[middle].end)
			low = middle + 1;
		else if (c < spans[middle].begin)
			high = middle;
		else
			return spans[middle].sort;
	}
	return LETTER;
}

/* Simple case folding of Latin, Greek and Cyrillic. Source: Unicode CaseFolding.txt, status C. */
static uint32_t lower(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	if ((c >= 0xC0 && c <= 0xDE) || (c >= 0x391 && c <= 0x3AB) || (c >= 0x410 && c <= 0x42F))
		return c + 32;
	if (c == 0x178)
		return 0xFF;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E))
		return c + (c & 1);
	if ((c >= 0x100 && c <= 0x137 && c != 0x130 && c != 0x131) || (c >= 0x14A && c <= 0x177) ||
	    (c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF) || (c >= 0x1E00 && c <= 0x1E95) ||
	    (c >= 0x1EA0 && c <= 0x1EFF))
		return c | 1;
	if (c >= 0x400 && c <= 0x40F)
		return c + 80;
	return c;
}

/* The next character; bytes that are no UTF-8 separate. */
static uint32_t take(const uint8_t **at, const uint8_t *end)
{
	const uint8_t *p = *at;
	uint32_t c = *p;
	int more = c < 0x80                ? 0
	           : c >= 0xC2 && c < 0xE0 ? 1
	           : c >= 0xE0 && c < 0xF0 ? 2
	           : c >= 0xF0 && c < 0xF5 ? 3
	                                   : -1;

	*at = p + 1;
	if (more <= 0)
		return more ? ' ' : c;
	if (end - p <= more)
		return ' ';
	c &= 0x3Fu >> more;
	for (int i = 1; i <= more; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return ' ';
		c = c << 6 | (p[i] & 0x3F);
	}
	*at = p + more + 1;
	return c;
}

static void put(struct text *text, uint32_t c)
{
	uint8_t *p = text->term + text->n;

	if (text->n + (c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4) > TERM_MAX)
		return;
	if (c < 0x80) {
		*p++ = (uint8_t)c;
	} else if (c < 0x800) {
		*p++ = (uint8_t)(0xC0 | c >> 6);
		*p++ = (uint8_t)(0x80 | (c & 0x3F));
	} else if (c < 0x10000) {
		*p++ = (uint8_t)(0xE0 | c >> 12);
		*p++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
		*p++ = (uint8_t)(0x80 | (c & 0x3F));
	} else {
		*p++ = (uint8_t)(0xF0 | c >> 18);
		*p++ = (uint8_t)(0x80 | (c >> 12 & 0x3F));
		*p++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
		*p++ = (uint8_t)(0x80 | (c & 0x3F));
	}
	text->n = (size_t)(p - text->term);
}

void text_begin(struct text *text, const void *p, size_t n)
{
	text->at = p;
	text->end = text->at + n;
	text->n = 0;
}

int text_next(struct text *text)
{
	text->n = 0;
	while (text->at < text->end) {
		const uint8_t *before = text->at;
		uint32_t c = take(&text->at, text->end);
		enum sort sort = sort_of(c);

		if (sort == LETTER) {
			put(text, lower(c));
			continue;
		}
		if (sort == WHOLE && !text->n) {
			put(text, c);
			return 1;
		}
		if (text->n) {
			text->at = sort == WHOLE ? before : text->at;
			return 1;
		}
	}
	return text->n > 0;
}
