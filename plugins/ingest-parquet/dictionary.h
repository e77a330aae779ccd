/* SPDX-License-Identifier: Apache-2.0 */
/* The distinct values of a column chunk, numbered in the order in which they came. Entries are kept
 * as their PLAIN bytes, which are the dictionary page. Functions give -1 when out of memory. */
#ifndef PARQUET_DICTIONARY_H
#define PARQUET_DICTIONARY_H

#include "bytes.h"

struct dictionary {
	struct dictionary_slot {
		uint32_t hash, entry; /* entry + 1, 0 = free */
	} * slots;
	int bits; /* of the number of slots, 0 = none yet */
	size_t n;
	size_t width;         /* of an entry; 0: a u32 length and so many bytes */
	struct bytes offsets; /* u32 of each entry, when the width is 0 */
	struct bytes entries;
};

void dictionary_init(struct dictionary *d, size_t width);
void dictionary_done(struct dictionary *d);
void dictionary_clear(struct dictionary *d); /* forgets the entries, keeps some memory */
size_t dictionary_memory(const struct dictionary *d);

/* Numbers n values of the dictionary's width. */
int dictionary_put_fixed(struct dictionary *d, const uint8_t *values, size_t n, uint32_t *ret);
/* Numbers one value; call dictionary_reserve for them first. */
int dictionary_put_bytes(struct dictionary *d, const uint8_t *p, size_t n, uint32_t *ret);
int dictionary_reserve(struct dictionary *d, size_t more);
/* The PLAIN bytes of an entry. */
const uint8_t *dictionary_entry(const struct dictionary *d, uint32_t i, size_t *ret_n);

#endif
