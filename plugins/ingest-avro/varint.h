/* SPDX-License-Identifier: Apache-2.0 */
/* Whole numbers of variable length, zig-zag coded: int and long of Avro ("Binary encoding"). */
#ifndef INGEST_AVRO_VARINT_H
#define INGEST_AVRO_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define VARINT_MAX 10 /* bytes */

/* Reads one from *p, which moves behind it. -1: it does not end before `end`; -2: it has more than 64 bits. */
static inline int varint_read(const uint8_t **p, const uint8_t *end, int64_t *ret)
{
	const uint8_t *at = *p;
	uint64_t v = 0;

	if (at != end && *at < 0x80) { /* most are small */
		*ret = (int64_t)(*at >> 1) ^ -(int64_t)(*at & 1);
		*p = at + 1;
		return 0;
	}
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte;

		if (at == end)
			return -1;
		byte = *at++;
		if (shift == 63 && byte > 1)
			return -2;
		v |= (uint64_t)(byte & 0x7F) << shift;
		if (byte < 0x80) {
			*p = at;
			*ret = (int64_t)(v >> 1 ^ (~(v & 1) + 1));
			return 0;
		}
	}
	return -2;
}

/* Writes one; how many bytes it has. */
static inline size_t varint_write(uint8_t to[VARINT_MAX], int64_t value)
{
	uint64_t v = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		to[n++] = (uint8_t)(v | 0x80);
	to[n++] = (uint8_t)v;
	return n;
}

#endif
