/* SPDX-License-Identifier: Apache-2.0 */
/* What a mark holds: the place between two records, the counts so far, and by what dialect the text was read; names and
 * types come from the beginning of the source each time.
 *
 * Layout, little-endian, 64 bytes: "OC" u8 version, u8 delimiter, quote, escape, newline, 0, u64 offset, i64 line,
 * u64 rows, u64 rejected, u64 range begin and end, u32 columns, u32 0. */
#ifndef INGEST_CSV_STATE_H
#define INGEST_CSV_STATE_H

#include "reader.h"

#define STATE_SIZE 64

struct state {
	struct dialect dialect; /* the four characters of the layout */
	struct place place;
	uint64_t rows, rejected;
	uint64_t range_begin, range_end;
	uint32_t width;
};

/* Refuses the state of another version or, as `now` tells, of another range. */
orasi_status state_read(struct state *ret, const struct state *now, orasi_bytes bytes, orasi_error *err);
void state_write(const struct state *state, uint8_t ret[STATE_SIZE]);

#endif
