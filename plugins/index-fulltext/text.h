/* SPDX-License-Identifier: Apache-2.0 */
/* Text into terms. A term is a run of letters, digits and '_' in lower case; every ideograph and kana is a term of its
 * own. Terms longer than TERM_MAX are cut. The same rules hold for rows and for queries, so they must not change
 * without a new SEGMENT_VERSION. */
#ifndef FULLTEXT_TEXT_H
#define FULLTEXT_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TERM_MAX 255

struct text {
	const uint8_t *at, *end;
	uint8_t term[TERM_MAX + 4];
	size_t n;
};

void text_begin(struct text *text, const void *p, size_t n);
int text_next(struct text *text); /* 1: the next term is in term, n; 0: the end */

#endif
