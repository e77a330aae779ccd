/* SPDX-License-Identifier: Apache-2.0 */
#include "buffers.h"

#include <pthread.h>
#include <stdlib.h>

#define ALIGN 64
#define KEPT_MAX 128
#define KEPT_BYTES (24u << 20) /* more is given back to the system */
#define SMALLEST 4096

struct buffers {
	pthread_mutex_t lock;
	int refs, closed;
	size_t n, bytes;
	struct {
		void *data;
		size_t cap;
	} kept[KEPT_MAX];
};

struct buffers *buffers_new(void)
{
	struct buffers *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	pthread_mutex_init(&b->lock, NULL);
	b->refs = 1;
	return b;
}

struct buffers *buffers_ref(struct buffers *b)
{
	pthread_mutex_lock(&b->lock);
	b->refs++;
	pthread_mutex_unlock(&b->lock);
	return b;
}

void buffers_unref(struct buffers *b)
{
	int refs;

	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	refs = --b->refs;
	pthread_mutex_unlock(&b->lock);
	if (refs)
		return;
	for (size_t i = 0; i < b->n; i++)
		free(b->kept[i].data);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

void buffers_close(struct buffers *b)
{
	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	b->closed = 1;
	for (size_t i = 0; i < b->n; i++)
		free(b->kept[i].data);
	b->n = b->bytes = 0;
	pthread_mutex_unlock(&b->lock);
	buffers_unref(b);
}

/* The smallest that is large enough, but not one that is much too large. */
static void *take_kept(struct buffers *b, size_t need, size_t *ret_cap)
{
	size_t best = KEPT_MAX;
	void *data;

	for (size_t i = 0; i < b->n; i++)
		if (b->kept[i].cap >= need && b->kept[i].cap / 4 <= need &&
		    (best == KEPT_MAX || b->kept[i].cap < b->kept[best].cap))
			best = i;
	if (best == KEPT_MAX)
		return NULL;
	data = b->kept[best].data;
	*ret_cap = b->kept[best].cap;
	b->bytes -= *ret_cap;
	b->kept[best] = b->kept[--b->n];
	return data;
}

void *buffers_get(struct buffers *b, size_t need, size_t *ret_cap)
{
	size_t cap = SMALLEST;
	void *data;

	while (cap < need)
		cap *= 2;
	pthread_mutex_lock(&b->lock);
	data = take_kept(b, need, ret_cap);
	pthread_mutex_unlock(&b->lock);
	if (data || posix_memalign(&data, ALIGN, cap))
		return data;
	*ret_cap = cap;
	return data;
}

void buffers_put(struct buffers *b, void *data, size_t cap)
{
	if (!data)
		return;
	pthread_mutex_lock(&b->lock);
	if (!b->closed && b->n < KEPT_MAX && cap <= KEPT_BYTES - b->bytes) {
		b->kept[b->n].data = data;
		b->kept[b->n++].cap = cap;
		b->bytes += cap;
		data = NULL;
	}
	pthread_mutex_unlock(&b->lock);
	free(data);
}
