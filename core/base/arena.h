/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is freed in one go, for things that end (a request, a task). Not thread-safe. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena {
	struct arena_chunk *chunks;
	char *at, *end;
};

void arena_init(struct arena *arena);
void arena_done(struct arena *arena); /* frees all; the arena may be used again */

/* Zeroed, aligned for any type. Small allocations never return NULL short of exhaustion of the
 * machine; callers check only where the size comes from outside. */
void *arena_alloc(struct arena *arena, size_t n);
void *arena_dup(struct arena *arena, const void *p, size_t n);
char *arena_str(struct arena *arena, const char *s);            /* NULL gives NULL */
char *arena_strn(struct arena *arena, const char *s, size_t n); /* NUL-terminated copy */
char *arena_printf(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
