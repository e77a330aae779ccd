/* SPDX-License-Identifier: Apache-2.0 */
/* Where a value or a line ends, told by brackets and quotes alone, through text that comes in pieces. */
#ifndef INGEST_JSON_WALK_H
#define INGEST_JSON_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "scan.h"

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

/* At a value that begins with `first`; for a line: (struct walk){.line = true}. */
void walk_start(struct walk *w, uint8_t first);
/* From p to `end` (where a NUL stands), or to the end of the value: w->done. */
const uint8_t *walk_on(struct walk *w, const uint8_t *p, const uint8_t *end);

#endif
