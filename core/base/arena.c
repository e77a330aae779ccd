/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_MIN 4096
#define CHUNK_MAX (64u << 10) /* who takes much gets more at a time */
#define SPARE_MAX 128         /* two each for the 64 requests that may wait for one commit */

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	alignas(max_align_t) char data[];
};

/* Chunks of the smallest size are kept for the next arena of the thread: malloc takes and gives back what is so large by its
 * slow way, and a request or a task needs a few each. A sanitizer shall see them come and go. */
#if defined(__SANITIZE_ADDRESS__)
static struct arena_chunk *take_spare(void)
{
	return NULL;
}

static int keep_spare(struct arena_chunk *chunk)
{
	(void)chunk;
	return 0;
}
#else
static pthread_once_t spare_once = PTHREAD_ONCE_INIT;
static pthread_key_t spare_key;
static _Thread_local struct arena_chunk *spare;
static _Thread_local int n_spare;

static void free_spare(void *ignored)
{
	(void)ignored;
	while (spare) {
		struct arena_chunk *next = spare->next;

		free(spare);
		spare = next;
	}
	n_spare = 0;
}

static void make_key(void)
{
	pthread_key_create(&spare_key, free_spare);
}

static struct arena_chunk *take_spare(void)
{
	struct arena_chunk *chunk = spare;

	if (chunk) {
		spare = chunk->next;
		n_spare--;
	}
	return chunk;
}

static int keep_spare(struct arena_chunk *chunk)
{
	if (n_spare == SPARE_MAX)
		return 0;
	if (!n_spare) { /* to be called when the thread ends */
		pthread_once(&spare_once, make_key);
		pthread_setspecific(spare_key, &spare_key);
	}
	chunk->next = spare;
	spare = chunk;
	n_spare++;
	return 1;
}
#endif

void arena_init(struct arena *arena)
{
	memset(arena, 0, sizeof(*arena));
}

void arena_done(struct arena *arena)
{
	struct arena_chunk *chunk = arena->chunks;

	while (chunk) {
		struct arena_chunk *next = chunk->next;

		if (chunk->size != CHUNK_MIN || !keep_spare(chunk))
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
	chunk = size == CHUNK_MIN ? take_spare() : NULL;
	if (!chunk)
		chunk = malloc(sizeof(*chunk) + size);
	if (!chunk)
		return -1;
	chunk->size = size;
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

/* Into what is left of the chunk, which take() then hands out, or once more when that was too little. */
char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	size_t room = (size_t)(arena->end - arena->at);
	char *s = arena->at;
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(s, room, fmt, ap);
	if (n >= 0 && (size_t)n < room)
		s = take(arena, (size_t)n + 1);
	else if (n >= 0 && (s = take(arena, (size_t)n + 1)))
		vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return n < 0 ? NULL : s;
}
