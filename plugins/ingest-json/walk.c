/* SPDX-License-Identifier: Apache-2.0 */
#include "walk.h"

#include <string.h>

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

void walk_start(struct walk *w, uint8_t first)
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

const uint8_t *walk_on(struct walk *w, const uint8_t *p, const uint8_t *end)
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
