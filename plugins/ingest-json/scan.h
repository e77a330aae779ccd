/* SPDX-License-Identifier: Apache-2.0 */
/* The lowest layer: JSON tokens (RFC 8259) in memory.
 *
 * Text handed in here ends with a NUL byte that the caller put behind it, and SCAN_PAD more bytes
 * may be read. A NUL is no legal JSON outside of an escape, so every loop ends there by itself and
 * no function needs to know the length. SIMD variants of the two inner loops are chosen once at
 * start; all give the same results. Thread-safe after scan_init. */
#ifndef INGEST_JSON_SCAN_H
#define INGEST_JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "flaw.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SCAN_PAD 64
#define SCAN_DEPTH_MAX 1024 /* upper bound of the option max_depth */

struct scan_ops {
	const char *name;
	/* The first byte at or behind p that is '"', '\\' or below 0x20. *high |= 0x80 if a byte
	 * before it has the top bit set. */
	const uint8_t *(*plain)(const uint8_t *p, unsigned *high);
	/* The first of "{}[] or NUL at or behind p. */
	const uint8_t *(*bracket)(const uint8_t *p);
};

extern const struct scan_ops *scan_ops;

void scan_init(void); /* picks the best variant of this machine */
/* Variant i that this machine can run, NULL behind the last. */
const struct scan_ops *scan_variant(unsigned i);

/* A string token between its quotes. */
struct text {
	const uint8_t *p;
	size_t len;
	int escaped; /* it holds backslashes: text_unescape before use */
};

/* p is behind the opening quote; checks escapes and UTF-8. Returns the place behind the closing
 * quote. */
const uint8_t *scan_string(const uint8_t *p, struct text *ret, struct flaw *flaw);

/* Checks one whole value of any kind at p. `depth` containers are around it, `max_depth` may be. */
const uint8_t *scan_value(const uint8_t *p, unsigned depth, unsigned max_depth, struct flaw *flaw);

/* "true", "false", "null" at p: the place behind it, or NULL without a flaw. */
static inline const uint8_t *scan_word(const uint8_t *p, const char *word, size_t len)
{
	return memcmp(p, word, len) ? NULL : p + len;
}

static inline int scan_is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static inline const uint8_t *scan_space(const uint8_t *p)
{
	while (scan_is_space(*p))
		p++;
	return p;
}

static inline const uint8_t *scan_plain(const uint8_t *p, unsigned *high)
{
#ifdef __SSE2__
	/* Most strings end within 16 bytes: no call for those. */
	__m128i v = _mm_loadu_si128((const __m128i *)p);
	__m128i stop = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
	unsigned mask, top = (unsigned)_mm_movemask_epi8(v);

	stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1F)), v));
	mask = (unsigned)_mm_movemask_epi8(stop);
	if (mask) {
		unsigned n = (unsigned)__builtin_ctz(mask);

		*high |= top & ((1u << n) - 1) ? 0x80 : 0;
		return p + n;
	}
	*high |= top ? 0x80 : 0;
	p += 16;
#endif
	return scan_ops->plain(p, high);
}

#endif
