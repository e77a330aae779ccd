/* SPDX-License-Identifier: Apache-2.0 */
/* What a mark holds: the block and the record in it that come next, the counts so far, and the marker of the file that it
 * is of.
 *
 * Layout, little-endian, 72 bytes: "OA" u8 version, 5 × u8 0, u64 block, u64 record, u64 rows, u64 rejected, u64 range
 * begin and end, 16 bytes marker. */
#ifndef INGEST_AVRO_STATE_H
#define INGEST_AVRO_STATE_H

#include "container.h"

#define STATE_VERSION 1
#define STATE_SIZE 72

struct state {
	uint64_t block;  /* where it begins in the source */
	uint64_t record; /* of the block, that comes next */
	uint64_t rows, rejected;
	uint64_t range_begin, range_end;
	uint8_t sync[SYNC];
};

/* Refuses the state of another version or, as `now` tells, of another file or range. */
orasi_status state_read(struct state *ret, const struct state *now, orasi_bytes bytes, orasi_error *err);
void state_write(const struct state *state, uint8_t ret[STATE_SIZE]);

#endif
