/* SPDX-License-Identifier: Apache-2.0 */
/* The codecs of object container files. Source: Apache Avro 1.12 Specification, "Object Container Files", "Required
 * Codecs" and "Optional Codecs": deflate is raw (RFC 1951), snappy is followed by the CRC-32 of what it holds,
 * big-endian; bzip2, xz and zstandard are whole streams. */
#ifndef INGEST_AVRO_CODEC_H
#define INGEST_AVRO_CODEC_H

#include <orasi/plugin.h>

enum codec { CODEC_NULL, CODEC_DEFLATE, CODEC_SNAPPY, CODEC_ZSTANDARD, CODEC_BZIP2, CODEC_XZ };

/* Bytes that grow. */
struct buffer {
	uint8_t *p;
	size_t len, cap;
};

/* Room for n more bytes, or NULL; the second takes no more memory than that. */
uint8_t *buffer_room(struct buffer *buffer, size_t n);
uint8_t *buffer_room_exact(struct buffer *buffer, size_t n);
int buffer_put(struct buffer *buffer, const void *p, size_t n); /* -1: no memory */
void buffer_done(struct buffer *buffer);

/* NULL when there is none of that name. */
const char *codec_name(enum codec codec);
int codec_by_name(const char *name, size_t len); /* or -1 */

struct packed {
	const uint8_t *p;
	size_t n;
	size_t max;                /* bytes that it may become */
	const orasi_host_job *job; /* for its flag; or NULL */
};

/* Puts into *ret what a block holds; what was there goes. */
orasi_status codec_unpack(enum codec codec, const struct packed *packed, struct buffer *ret, orasi_error *err);
/* Appends the block that holds these bytes to *ret. `level` as the codec has it. */
orasi_status codec_pack(enum codec codec, int level, const uint8_t *p, size_t n, struct buffer *ret, orasi_error *err);

#endif
