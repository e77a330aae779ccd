/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"

struct map_slot {
	char *key; /* NULL = never used; &gone = deleted */
	void *value;
};

static char gone;

static uint64_t seed(void)
{
	static uint64_t value;

	if (!value && getrandom(&value, sizeof(value), 0) != sizeof(value))
		value = (uintptr_t)&value;
	return value | 1;
}

static size_t hash(const char *key)
{
	uint64_t h = seed();

	for (; *key; key++) {
		h ^= (unsigned char)*key;
		h *= 0x9E3779B97F4A7C15u;
		h ^= h >> 29;
	}
	return (size_t)(h ^ h >> 32);
}

void map_init(struct map *map)
{
	memset(map, 0, sizeof(*map));
}

void map_done(struct map *map)
{
	for (size_t i = 0; i < map->cap; i++)
		if (map->slots[i].key != &gone)
			free(map->slots[i].key);
	free(map->slots);
	map_init(map);
}

static struct map_slot *find(const struct map *map, const char *key)
{
	if (!map->cap)
		return NULL;
	for (size_t i = hash(key) & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
		struct map_slot *slot = &map->slots[i];

		if (!slot->key)
			return NULL;
		if (slot->key != &gone && !strcmp(slot->key, key))
			return slot;
	}
}

static void insert(struct map *map, char *key, void *value)
{
	size_t i = hash(key) & (map->cap - 1);

	while (map->slots[i].key)
		i = (i + 1) & (map->cap - 1);
	map->slots[i] = (struct map_slot){key, value};
	map->len++;
	map->used++;
}

static int grow(struct map *map)
{
	struct map old = *map;
	size_t cap = 16;

	while (cap < (map->len + 1) * 2)
		cap *= 2;
	map->slots = calloc(cap, sizeof(*map->slots));
	if (!map->slots) {
		*map = old;
		return ERR_NOMEM;
	}
	map->cap = cap;
	map->len = map->used = 0;
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].key && old.slots[i].key != &gone)
			insert(map, old.slots[i].key, old.slots[i].value);
	free(old.slots);
	return 0;
}

int map_set(struct map *map, const char *key, void *value)
{
	struct map_slot *slot = find(map, key);
	char *copy;

	if (slot) {
		slot->value = value;
		return 0;
	}
	if ((map->used + 1) * 4 > map->cap * 3 && grow(map))
		return ERR_NOMEM;
	copy = strdup(key);
	if (!copy)
		return ERR_NOMEM;
	insert(map, copy, value);
	return 0;
}

void *map_get(const struct map *map, const char *key)
{
	struct map_slot *slot = find(map, key);

	return slot ? slot->value : NULL;
}

void *map_del(struct map *map, const char *key)
{
	struct map_slot *slot = find(map, key);
	void *value;

	if (!slot)
		return NULL;
	value = slot->value;
	free(slot->key);
	*slot = (struct map_slot){&gone, NULL};
	map->len--;
	return value;
}

int map_next(const struct map *map, size_t *at, const char **ret_key, void **ret_value)
{
	for (; *at < map->cap; (*at)++) {
		const struct map_slot *slot = &map->slots[*at];

		if (slot->key && slot->key != &gone) {
			*ret_key = slot->key;
			*ret_value = slot->value;
			(*at)++;
			return 1;
		}
	}
	return 0;
}
