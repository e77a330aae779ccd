/* SPDX-License-Identifier: Apache-2.0 */
/* An open hash table over the entries; a slot has the hash, so that growing and most misses do not
 * look at values. Numbers of 4 and 8 bytes have a loop of their own. */
#include "dictionary.h"

#define BITS_MIN 6
#define BITS_KEPT 14 /* a larger table is given back between row groups */

void dictionary_init(struct dictionary *d, size_t width)
{
	memset(d, 0, sizeof(*d));
	d->width = width;
}

void dictionary_done(struct dictionary *d)
{
	free(d->slots);
	bytes_free(&d->offsets);
	bytes_free(&d->entries);
	dictionary_init(d, d->width);
}

void dictionary_clear(struct dictionary *d)
{
	if (d->bits > BITS_KEPT) {
		dictionary_done(d);
		return;
	}
	if (d->n)
		memset(d->slots, 0, sizeof(*d->slots) << d->bits);
	d->n = d->offsets.len = d->entries.len = 0;
}

size_t dictionary_memory(const struct dictionary *d)
{
	return d->entries.len + d->offsets.len + (d->bits ? sizeof(*d->slots) << d->bits : 0);
}

const uint8_t *dictionary_entry(const struct dictionary *d, uint32_t i, size_t *ret_n)
{
	const uint32_t *offsets = (const uint32_t *)d->offsets.data;

	if (d->width) {
		*ret_n = d->width;
		return d->entries.data + i * d->width;
	}
	*ret_n = (i + 1 < d->n ? offsets[i + 1] : d->entries.len) - offsets[i];
	return d->entries.data + offsets[i];
}

/* ---- the table --------------------------------------------------------------------------------
 */

static inline size_t home(uint32_t hash, int bits)
{
	return hash >> (32 - bits);
}

static int resize(struct dictionary *d, int bits)
{
	size_t mask = ((size_t)1 << bits) - 1;
	struct dictionary_slot *slots = calloc(mask + 1, sizeof(*slots));

	if (!slots)
		return -1;
	for (size_t i = 0; d->bits && i < (size_t)1 << d->bits; i++) {
		size_t at = home(d->slots[i].hash, bits);

		if (!d->slots[i].entry)
			continue;
		while (slots[at].entry)
			at = (at + 1) & mask;
		slots[at] = d->slots[i];
	}
	free(d->slots);
	d->slots = slots;
	d->bits = bits;
	return 0;
}

/* At most half of the slots are taken. */
int dictionary_reserve(struct dictionary *d, size_t more)
{
	int bits = d->bits ? d->bits : BITS_MIN;

	while ((size_t)1 << bits < (d->n + more) * 2)
		bits++;
	if (bits > 31 || (!d->width && bytes_reserve(&d->offsets, more * sizeof(uint32_t))))
		return -1;
	return bits == d->bits ? 0 : resize(d, bits);
}

/* ---- numbers -----------------------------------------------------------------------------------
 */

static inline uint32_t hash_word(uint64_t v)
{
	v *= 0x9E3779B97F4A7C15u;
	return (uint32_t)((v ^ v >> 29) * 0xBF58476D1CE4E5B9u >> 32);
}

static inline __attribute__((always_inline)) uint64_t load(const uint8_t *p, size_t width)
{
	uint64_t v = 0;

	memcpy(&v, p, width);
	return v;
}

static inline __attribute__((always_inline)) void put_words(struct dictionary *d, const uint8_t *values, size_t n,
                                                            size_t width, uint32_t *ret)
{
	size_t mask = ((size_t)1 << d->bits) - 1;

	for (size_t i = 0; i < n; i++) {
		uint64_t v = load(values + i * width, width);
		uint32_t hash = hash_word(v), entry;
		size_t at = home(hash, d->bits);

		while ((entry = d->slots[at].entry) && load(d->entries.data + (entry - 1) * width, width) != v)
			at = (at + 1) & mask;
		if (!entry) {
			memcpy(d->entries.data + d->entries.len, &v, width);
			d->entries.len += width;
			entry = (uint32_t)++d->n;
			d->slots[at] = (struct dictionary_slot){hash, entry};
		}
		ret[i] = entry - 1;
	}
}

int dictionary_put_fixed(struct dictionary *d, const uint8_t *values, size_t n, uint32_t *ret)
{
	int r = 0;

	if (dictionary_reserve(d, n) || bytes_reserve(&d->entries, n * d->width))
		return -1;
	if (d->width == 4)
		put_words(d, values, n, 4, ret);
	else if (d->width == 8)
		put_words(d, values, n, 8, ret);
	else
		for (size_t i = 0; i < n && !r; i++)
			r = dictionary_put_bytes(d, values + i * d->width, d->width, &ret[i]);
	return r;
}

/* ---- bytes -------------------------------------------------------------------------------------
 */

static inline uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0xFF51AFD7ED558CCDu;
	return h ^ h >> 32;
}

static uint32_t hash_bytes(const uint8_t *p, size_t n)
{
	uint64_t h = 0x9E3779B97F4A7C15u ^ n;
	const uint8_t *end = p + n;

	if (n >= 8) {
		for (; end - p > 8; p += 8)
			h = mix(h, load(p, 8));
		h = mix(h, load(end - 8, 8));
	} else if (n >= 4) {
		h = mix(h, load(p, 4) << 32 | load(end - 4, 4));
	} else if (n) {
		h = mix(h, (uint64_t)p[0] << 16 | (uint64_t)p[n / 2] << 8 | end[-1]);
	}
	return (uint32_t)(h * 0xC4CEB9FE1A85EC53u >> 32);
}

static int is_entry(const struct dictionary *d, uint32_t i, const uint8_t *p, size_t n)
{
	const uint8_t *have;

	if (d->width)
		return !memcmp(d->entries.data + i * d->width, p, n);
	have = d->entries.data + ((const uint32_t *)d->offsets.data)[i];
	return load(have, 4) == n && !memcmp(have + 4, p, n);
}

static int add_entry(struct dictionary *d, const uint8_t *p, size_t n)
{
	uint32_t offset = (uint32_t)d->entries.len, len = (uint32_t)n;

	if (!d->width && (bytes_put(&d->offsets, &offset, 4) || bytes_put(&d->entries, &len, 4)))
		return -1;
	d->n++;
	return bytes_put(&d->entries, p, n);
}

int dictionary_put_bytes(struct dictionary *d, const uint8_t *p, size_t n, uint32_t *ret)
{
	size_t mask = ((size_t)1 << d->bits) - 1;
	uint32_t hash = hash_bytes(p, n);
	size_t at = home(hash, d->bits);

	for (; d->slots[at].entry; at = (at + 1) & mask)
		if (d->slots[at].hash == hash && is_entry(d, d->slots[at].entry - 1, p, n))
			break;
	if (!d->slots[at].entry) {
		if (add_entry(d, p, n))
			return -1;
		d->slots[at] = (struct dictionary_slot){hash, (uint32_t)d->n};
	}
	*ret = d->slots[at].entry - 1;
	return 0;
}
