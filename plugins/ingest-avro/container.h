/* SPDX-License-Identifier: Apache-2.0 */
/* Object container files: a header with schema and codec, then blocks of records, each closed by the marker that the
 * header ends with. Source: Apache Avro 1.12 Specification, "Object Container Files".
 *
 *   "Obj" 1 │ map of metadata │ sync ║ count │ size │ records, packed │ sync ║ count │ …
 *
 * A block belongs to the range of the source in which the marker before it begins. One user at a time. */
#ifndef INGEST_AVRO_CONTAINER_H
#define INGEST_AVRO_CONTAINER_H

#include "codec.h"
#include "input.h"

#define SYNC 16

struct block {
	uint64_t at;    /* where its count stands in the source */
	uint64_t count; /* of records, as it says */
	const uint8_t *p;
	size_t len; /* unpacked */
};

struct container {
	struct input input;
	size_t max_block;   /* bytes, packed and unpacked */
	uint64_t range_end; /* 0: the end of the source */
	enum codec codec;
	uint8_t sync[SYNC];
	char *schema; /* JSON text, NUL-terminated behind schema_len */
	size_t schema_len;
	size_t held; /* bytes of the window that the block before still uses */
	struct buffer unpacked;
};

void container_done(struct container *c);

/* From the start of the source: schema, codec and marker. The window stands before the first block. ORASI_AGAIN: fed,
 * and more must come; begin again then. */
orasi_status container_header(struct container *c, orasi_error *err);
/* Goes behind the first marker that begins at `begin` or later, or to the end. */
orasi_status container_find(struct container *c, uint64_t begin, orasi_error *err);
/* Goes to a block that a mark has noted; ORASI_E_STATE when no block begins there. */
orasi_status container_go(struct container *c, uint64_t at, orasi_error *err);
/* The next block that holds records; its bytes live until the next call. ORASI_END, ORASI_AGAIN. */
orasi_status container_next(struct container *c, struct block *ret, orasi_error *err);
/* Where the next block begins. */
uint64_t container_offset(const struct container *c);

#endif
