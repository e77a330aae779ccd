/* SPDX-License-Identifier: Apache-2.0 */
/* The window of a reader: buf[pos..end) is read and not yet given out, buf[0] is byte `base` of the source. At
 * buf[end] stands a NUL and SCAN_PAD bytes may be read behind it. A window that is held keeps
 * everything from `held.offset` on.
 *
 *   read ──fill──> [ … held … pos ····· end ] ──> record
 *
 * Inside of the reader only. */
#ifndef INGEST_JSON_WINDOW_H
#define INGEST_JSON_WINDOW_H

#include "reader.h"
#include "walk.h"

#define WINDOW_CHUNK (256 << 10)

struct reader {
	orasi_source *source;
	const orasi_host_job *job;
	const char *pointer;
	size_t max_record;
	uint64_t range_end;
	bool by_place; /* read with pread */
	bool fed;      /* not read at all: reader_feed */
	bool started, headed;
	bool eof;
	bool holding;
	uint8_t *buf;
	size_t cap, pos, end; /* cap does not count the pad */
	uint64_t base;
	int64_t line;
	enum reader_mode mode;
	enum reader_phase phase;
	uint16_t levels;
	struct reader_place held;
	uint8_t *excerpt; /* of the record that is too long */
	struct unfinished {
		bool on, dropping; /* dropping: what is too long goes by */
		struct walk walk;
		size_t seen;
		struct record record; /* the one that is dropped */
	} unfinished;                 /* where a record broke off for want of bytes */
};

static inline uint64_t reader_offset(const struct reader *r)
{
	return r->base + r->pos;
}

/* Says which byte is wrong; returns ORASI_E_CORRUPT. */
orasi_status reader_corrupt(const struct reader *r, orasi_error *err, uint64_t offset, const char *what);

int window_resize(struct reader *r, size_t cap);
/* Reads some more into the window, or sets eof. ORASI_AGAIN: it is fed, and what there was is used up. */
orasi_status window_fill(struct reader *r, orasi_error *err);
/* Moves pos to `offset`, which is not before it. */
orasi_status window_skip_to(struct reader *r, uint64_t offset, orasi_error *err);
/* Moves pos on and counts the lines that end on the way. */
void window_advance(struct reader *r, size_t n);
/* Steps over white space. *ret: the byte there, or -1 at the end of the source. */
orasi_status window_next_byte(struct reader *r, int *ret, orasi_error *err);

/* The value at pos; white space is behind us. */
orasi_status reader_take_value(struct reader *r, size_t limit, struct record *ret, orasi_error *err);
/* Goes down to the array that the pointer names, and into it. */
orasi_status reader_descend(struct reader *r, orasi_error *err);

#endif
