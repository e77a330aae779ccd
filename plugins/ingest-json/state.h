/* SPDX-License-Identifier: Apache-2.0 */
/* What a mark holds: the place between two records, the counts so far, and the modes of text
 * columns, which a host that keeps types but no metadata would lose.
 *
 * Layout, little-endian: "OJ" u8 version u8 mode u8 phase u8 0 u16 levels, u64 offset, i64 line,
 * u64 rows, u64 rejected, u64 range begin and end, u64 grow_after; then per column u8 mode u16
 * length and its path as an RFC 6901 pointer. */
#ifndef INGEST_JSON_STATE_H
#define INGEST_JSON_STATE_H

#include "column.h"
#include "reader.h"

#define STATE_MAX 65536

struct state {
	struct reader_place place;
	uint64_t rows, rejected;
	uint64_t range_begin, range_end;
	/* Records before this offset were looked at when the schema grew: what they have besides
	 * cannot become columns. */
	uint64_t grow_after;
	uint8_t *modes; /* as in the layout */
	size_t modes_len;
};

void state_clear(struct state *state);
/* `state` has the range that is asked for; a state of another range is refused. */
orasi_status state_read(struct state *state, orasi_bytes bytes, orasi_error *err);
/* `ret` has STATE_MAX bytes. 0: it does not fit. */
size_t state_write(const struct state *state, const struct ArrowSchema *schema, uint8_t *ret);
/* Sets the modes in a schema that came back from the host. 0 or -1: out of memory. */
int state_modes_apply(const struct state *state, struct ArrowSchema *schema);

#endif
