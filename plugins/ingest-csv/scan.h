/* SPDX-License-Identifier: Apache-2.0 */
/* One record of delimited text into its fields (RFC 4180 and what is written besides).
 *
 * Text handed in here has SCAN_PAD readable bytes behind its end, made by scan_seal: they hold a line end and a quote,
 * so the inner loops need no length. A quote opens a field only as its first byte; elsewhere it is a byte like any other.
 * Thread-safe. */
#ifndef INGEST_CSV_SCAN_H
#define INGEST_CSV_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCAN_PAD 64
#define SCAN_FIELDS_MAX 20000

struct dialect {
	uint8_t delimiter;
	uint8_t quote;   /* 0: none */
	uint8_t escape;  /* before a quote inside of quotes; the quote itself: doubled */
	uint8_t comment; /* at the start of a line; 0: none */
	uint8_t newline; /* '\n', with or without a '\r' before it, or '\r' */
	bool trim;       /* blanks around a field are no part of it */
};

struct field {
	const uint8_t *p; /* between the quotes */
	size_t len;
	bool quoted, escaped; /* escaped: scan_unescape before use */
};

struct fields {
	struct field *at;
	uint32_t n, cap;
};

enum scan {
	SCAN_RECORD,
	SCAN_MORE,     /* the record does not end in the text */
	SCAN_UNCLOSED, /* a quote opens that never closes, and the text is all there is */
	SCAN_QUOTE,    /* something follows a closing quote; the record goes to the end of that line */
	SCAN_FIELDS,   /* more than SCAN_FIELDS_MAX fields */
	SCAN_NOMEM,
};

struct scanned {
	const uint8_t *end;  /* of the record */
	const uint8_t *next; /* behind its line end */
	const uint8_t *at;   /* SCAN_QUOTE, SCAN_UNCLOSED: the place */
	bool quotes;         /* line ends may be inside */
};

void scan_seal(const struct dialect *dialect, uint8_t *end); /* writes SCAN_PAD bytes there */
/* `all`: nothing follows `end`. Fields are of the text. */
enum scan scan_record(const struct dialect *dialect, const uint8_t *p, const uint8_t *end, bool all,
                      struct fields *fields, struct scanned *ret);
/* The line end at or behind p, or `end`. */
const uint8_t *scan_line(const struct dialect *dialect, const uint8_t *p, const uint8_t *end);
/* Without doubled quotes and escapes, into dst, which has room for n bytes. */
size_t scan_unescape(const struct dialect *dialect, uint8_t *dst, const uint8_t *p, size_t n);
void fields_done(struct fields *fields);

#endif
