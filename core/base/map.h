/* SPDX-License-Identifier: Apache-2.0 */
/* A map from strings to pointers: open addressing, seeded hash (safe against chosen keys), keys are
 * copied. Not thread-safe. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>

struct map {
	struct map_slot *slots;
	size_t cap, len, used;
};

void map_init(struct map *map);
void map_done(struct map *map); /* values are the caller's */

int map_set(struct map *map, const char *key, void *value); /* replaces; 0 or ERR_NOMEM */
void *map_get(const struct map *map, const char *key);      /* NULL if absent */
void *map_del(struct map *map, const char *key);            /* the old value, NULL if absent */

/* Walks all pairs in no order: `at` starts at 0; returns 0 at the end. No changes meanwhile. */
int map_next(const struct map *map, size_t *at, const char **ret_key, void **ret_value);

#endif
