/* SPDX-License-Identifier: Apache-2.0 */
/* Growing bytes, and memory freed in one go: the two allocators of this plugin. */
#ifndef PARQUET_BYTES_H
#define PARQUET_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/plugin.h>
#include <orasi/sdk/fail.h>

struct bytes {
	uint8_t *data;
	size_t len, cap;
};

static inline int bytes_reserve(struct bytes *b, size_t more)
{
	size_t need, cap = b->cap ? b->cap : 256;
	uint8_t *data;

	if (__builtin_add_overflow(b->len, more, &need) || need > SIZE_MAX / 4)
		return -1;
	if (need <= b->cap)
		return 0;
	while (cap < need)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data)
		return -1;
	b->data = data;
	b->cap = cap;
	return 0;
}

static inline int bytes_put(struct bytes *b, const void *p, size_t n)
{
	if (bytes_reserve(b, n))
		return -1;
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	return 0;
}

static inline void bytes_free(struct bytes *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

/* A pool of small objects with one end of life. */
struct pool {
	struct pool_block {
		struct pool_block *next;
		size_t len, cap;
		_Alignas(16) uint8_t data[];
	} * blocks;
	size_t total, max; /* max: refuse beyond; input may ask for anything */
};

static inline void *pool_alloc(struct pool *pool, size_t n)
{
	struct pool_block *block = pool->blocks;
	void *p;

	if (n > pool->max || pool->total > pool->max - n)
		return NULL;
	n = (n + 15) & ~(size_t)15;
	if (!block || block->cap - block->len < n) {
		size_t cap = n > 8192 ? n : 8192;

		block = malloc(sizeof(*block) + cap);
		if (!block)
			return NULL;
		block->next = pool->blocks;
		block->len = 0;
		block->cap = cap;
		pool->blocks = block;
	}
	p = block->data + block->len;
	block->len += n;
	pool->total += n;
	return memset(p, 0, n);
}

static inline void pool_free(struct pool *pool)
{
	while (pool->blocks) {
		struct pool_block *next = pool->blocks->next;

		free(pool->blocks);
		pool->blocks = next;
	}
	pool->total = 0;
}

#endif
