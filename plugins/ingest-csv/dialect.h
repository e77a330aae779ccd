/* SPDX-License-Identifier: Apache-2.0 */
/* How a text is delimited, guessed from its beginning. What is guessed is told with its evidence, and nothing is
 * skipped because of a guess. Thread-safe. */
#ifndef INGEST_CSV_DIALECT_H
#define INGEST_CSV_DIALECT_H

#include "scan.h"

struct evidence {
	uint32_t records;  /* looked at */
	uint32_t agreeing; /* with the number of fields that most have */
	uint32_t fields;   /* of those */
	uint32_t first;    /* fields of the first record */
};

/* '\n', or '\r' where no line ends otherwise. */
uint8_t dialect_newline(const uint8_t *p, size_t n);
/* "sep=;" and its line end, as spreadsheets write it: the delimiter and the length; 0: it is not there. */
size_t dialect_declared(const uint8_t *p, size_t n, uint8_t *ret_delimiter);
/* Fills what is 0 in `dialect` (delimiter) or open (quote, if `any_quote`); SCAN_PAD readable bytes are behind p + n, and
 * they are written to. `all`: this is the whole text. False: out of memory. */
bool dialect_guess(struct dialect *dialect, bool any_quote, uint8_t *p, size_t n, bool all, struct evidence *ret);
/* How sure it is, 0 to 100, that this is delimited text. A copy of the text is made. */
unsigned dialect_score(const uint8_t *p, size_t n);

#endif
