/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_MIN 4096
#define CHUNK_MAX (64u << 10) /* who takes much gets more at a time */

struct arena_chunk {
	struct arena_chunk *next;
	alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena)
{
	memset(arena, 0, sizeof(*arena));
}

void arena_done(struct arena *arena)
{
	struct arena_chunk *chunk = arena->chunks;

	while (chunk) {
		struct arena_chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	arena_init(arena);
}

static int arena_grow(struct arena *arena, size_t n)
{
	size_t last = arena->chunks ? (size_t)(arena->end - arena->chunks->data) : 0, size = 2 * last;
	struct arena_chunk *chunk;

	if (size < CHUNK_MIN || size > CHUNK_MAX)
		size = size < CHUNK_MIN ? CHUNK_MIN : CHUNK_MAX;
	if (size < n)
		size = n;
	chunk = malloc(sizeof(*chunk) + size);

	if (!chunk)
		return -1;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->at = chunk->data;
	arena->end = chunk->data + size;
	return 0;
}

static void *take(struct arena *arena, size_t n)
{
	void *p;

	if (n > SIZE_MAX - 2 * CHUNK_MIN)
		return NULL;
	n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if ((size_t)(arena->end - arena->at) < n && arena_grow(arena, n))
		return NULL;
	p = arena->at;
	arena->at += n;
	return p;
}

void *arena_alloc(struct arena *arena, size_t n)
{
	void *p = take(arena, n);

	return p ? memset(p, 0, n) : NULL;
}

void *arena_dup(struct arena *arena, const void *p, size_t n)
{
	void *copy = take(arena, n);

	return copy && n ? memcpy(copy, p, n) : copy;
}

char *arena_strn(struct arena *arena, const char *s, size_t n)
{
	char *copy = take(arena, n + 1);

	if (!copy)
		return NULL;
	if (n)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *arena_str(struct arena *arena, const char *s)
{
	return s ? arena_strn(arena, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list ap, again;
	char *s = NULL;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0)
		s = arena_alloc(arena, (size_t)n + 1);
	if (s)
		vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return s;
}
