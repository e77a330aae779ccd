/* SPDX-License-Identifier: Apache-2.0 */
/* A reader from inside: window.c holds its bytes, reader.c finds records in them. */
#ifndef INGEST_CSV_WINDOW_H
#define INGEST_CSV_WINDOW_H

#include "reader.h"

struct reader {
	orasi_source *source;
	const orasi_host_job *job;
	struct dialect dialect;
	bool blanks_count;
	size_t max_record;
	uint64_t range_end;
	bool by_place; /* read with pread */
	bool eof, holding;
	uint8_t *buf;
	size_t cap, pos, end; /* cap does not count the pad */
	uint64_t base;
	int64_t line;
	struct place held;
	struct fields fields;
	uint8_t *excerpt;
	size_t excerpt_len;

	bool fed, keeping; /* keeping: all bytes, until it is settled */
	size_t tried;      /* how many there were at the last restart */
	uint64_t looked;   /* the record at `pos` does not end before this byte; 0: nobody has looked */
	enum { ASIDE_NOT, ASIDE_LONG, ASIDE_COMMENT } aside; /* a line that goes by, and may go on when more is fed */
	struct place before;                                 /* it */
};

static inline struct place place_of(const struct reader *r)
{
	return (struct place){r->base + r->pos, r->line};
}

/* At least as much again as is waiting of a long record, so that looking at it anew each time stays cheap; or sets
 * eof. */
orasi_status reader_fill(struct reader *r, orasi_error *err);

#endif
