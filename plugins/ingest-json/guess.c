/* SPDX-License-Identifier: Apache-2.0 */
#include "guess.h"

#include <string.h>

#include "scan.h"
#include "walk.h"

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

enum reader_mode guess_mode(const uint8_t *p, const uint8_t *end, bool is_all)
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
