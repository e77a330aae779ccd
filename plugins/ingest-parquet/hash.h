/* SPDX-License-Identifier: Apache-2.0 */
/* XXH64 with seed 0, the hash of Parquet's bloom filters, and the filters themselves.
 * Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md (XXH64) and
 * parquet-format, BloomFilter.md (split block bloom filter). */
#ifndef PARQUET_HASH_H
#define PARQUET_HASH_H

#include "bytes.h"

#define BLOOM_BLOCK 32 /* bytes */

uint64_t hash_xx64(const void *p, size_t n);

/* Bytes of a filter for so many distinct values, a power of two of at most `max`. */
size_t bloom_size(size_t distinct, double false_positives, size_t max);
void bloom_add(uint8_t *filter, size_t n, uint64_t hash);
/* 0: it was certainly not added. */
int bloom_has(const uint8_t *filter, size_t n, uint64_t hash);
/* The block of a filter of n bytes that tells about a hash, as an offset. */
size_t bloom_block(size_t n, uint64_t hash);
int bloom_block_has(const uint8_t block[BLOOM_BLOCK], uint64_t hash);

#endif
