/* SPDX-License-Identifier: Apache-2.0 */
#include "hash.h"

#include <math.h>

#define P1 0x9E3779B185EBCA87u
#define P2 0xC2B2AE3D27D4EB4Fu
#define P3 0x165667B19E3779F9u
#define P4 0x85EBCA77C2B2AE63u
#define P5 0x27D4EB2F165667C5u

/* ---- XXH64 ---------------------------------------------------------------------------------- */

static uint64_t rotate(uint64_t v, int by)
{
	return v << by | v >> (64 - by);
}

static uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

static uint64_t round_of(uint64_t acc, uint64_t lane)
{
	return rotate(acc + lane * P2, 31) * P1;
}

static uint64_t merge(uint64_t acc, uint64_t lane)
{
	return (acc ^ round_of(0, lane)) * P1 + P4;
}

static uint64_t stripes(const uint8_t **p, const uint8_t *end)
{
	uint64_t a = P1 + P2, b = P2, c = 0, d = 0 - P1, acc;

	for (; end - *p >= 32; *p += 32) {
		a = round_of(a, load(*p, 8));
		b = round_of(b, load(*p + 8, 8));
		c = round_of(c, load(*p + 16, 8));
		d = round_of(d, load(*p + 24, 8));
	}
	acc = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
	return merge(merge(merge(merge(acc, a), b), c), d);
}

uint64_t hash_xx64(const void *data, size_t n)
{
	const uint8_t *p = data, *end = n ? p + n : p;
	uint64_t h = (n >= 32 ? stripes(&p, end) : P5) + n;

	for (; end - p >= 8; p += 8)
		h = rotate(h ^ round_of(0, load(p, 8)), 27) * P1 + P4;
	if (end - p >= 4) {
		h = rotate(h ^ load(p, 4) * P1, 23) * P2 + P3;
		p += 4;
	}
	for (; p < end; p++)
		h = rotate(h ^ *p * P5, 11) * P1;
	h = (h ^ h >> 33) * P2;
	h = (h ^ h >> 29) * P3;
	return h ^ h >> 32;
}

/* ---- split block bloom filters -------------------------------------------------------------- */

static const uint32_t salts[8] = {0x47b6137bu, 0x44974d91u, 0x8824ad5bu, 0xa2b7289du,
                                  0x705495c7u, 0x2df1424bu, 0x9efc4947u, 0x5c6bfb31u};

/* Eight bits are set for a value: with m bits for n values they are all set for another one with a
 * probability of about (1 - e^(-8n/m))^8. */
size_t bloom_size(size_t distinct, double false_positives, size_t max)
{
	double bits = -8.0 * (double)(distinct ? distinct : 1) / log(1 - pow(false_positives, 1.0 / 8));
	size_t n = BLOOM_BLOCK;

	while (n < max && (double)n * 8 < bits)
		n *= 2;
	return n;
}

size_t bloom_block(size_t n, uint64_t hash)
{
	return (size_t)(((hash >> 32) * (uint64_t)(n / BLOOM_BLOCK)) >> 32) * BLOOM_BLOCK;
}

static uint32_t bit_of(uint64_t hash, int word)
{
	return 1u << ((uint32_t)hash * salts[word] >> 27);
}

void bloom_add(uint8_t *filter, size_t n, uint64_t hash)
{
	uint8_t *block = filter + bloom_block(n, hash);

	for (int i = 0; i < 8; i++) {
		uint32_t word;

		memcpy(&word, block + i * 4, 4);
		word |= bit_of(hash, i);
		memcpy(block + i * 4, &word, 4);
	}
}

int bloom_block_has(const uint8_t block[BLOOM_BLOCK], uint64_t hash)
{
	for (int i = 0; i < 8; i++) {
		uint32_t word;

		memcpy(&word, block + i * 4, 4);
		if (!(word & bit_of(hash, i)))
			return 0;
	}
	return 1;
}

int bloom_has(const uint8_t *filter, size_t n, uint64_t hash)
{
	return bloom_block_has(filter + bloom_block(n, hash), hash);
}
