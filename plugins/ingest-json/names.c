/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <stdlib.h>
#include <string.h>

struct name_slot {
	const void *key; /* NULL: free */
	uint32_t len, number;
};

static uint32_t hash(const uint8_t *p, size_t n)
{
	uint64_t h = 0x9E3779B97F4A7C15 ^ n;

	for (; n >= 8; n -= 8, p += 8) {
		uint64_t eight;

		memcpy(&eight, p, 8);
		h = (h ^ eight) * 0xFF51AFD7ED558CCD;
		h ^= h >> 32;
	}
	for (; n; n--)
		h = (h ^ *p++) * 0x100000001B3;
	return (uint32_t)(h ^ h >> 29);
}

/* The slot of the key, or the free one where it belongs. */
static struct name_slot *slot_of(const struct names *names, const void *key, size_t len)
{
	uint32_t i = hash(key, len) & (names->cap - 1);

	for (;; i = (i + 1) & (names->cap - 1)) {
		struct name_slot *slot = &names->slots[i];

		if (!slot->key || (slot->len == len && !memcmp(slot->key, key, len)))
			return slot;
	}
}

static int grow(struct names *names)
{
	struct names bigger = {.cap = names->cap ? names->cap * 2 : 16, .len = names->len};

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -1;
	for (uint32_t i = 0; i < names->cap; i++)
		if (names->slots[i].key)
			*slot_of(&bigger, names->slots[i].key, names->slots[i].len) = names->slots[i];
	free(names->slots);
	*names = bigger;
	return 0;
}

int names_put(struct names *names, const void *key, size_t len, uint32_t number)
{
	if (names->len >= names->cap / 2 && grow(names))
		return -1;
	*slot_of(names, key, len) = (struct name_slot){key, (uint32_t)len, number};
	names->len++;
	return 0;
}

int64_t names_find(const struct names *names, const void *key, size_t len)
{
	const struct name_slot *slot;

	if (!names->cap)
		return -1;
	slot = slot_of(names, key, len);
	return slot->key ? (int64_t)slot->number : -1;
}

void names_done(struct names *names)
{
	free(names->slots);
	*names = (struct names){0};
}
