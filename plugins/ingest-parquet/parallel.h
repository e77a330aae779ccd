/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of a batch side by side, on threads that the host lends for it (orasi.host.pool). Where it lends none, or
 * there is one processor, they come one after the other.
 *
 * Columns of one row group go on several threads, not several row groups: rows come in order, a batch takes the same
 * memory, and a mark means the same, however many threads there are. */
#ifndef PARQUET_PARALLEL_H
#define PARQUET_PARALLEL_H

#include <pthread.h>

#include "bytes.h"

struct parallel {
	const orasi_host *host;
	const orasi_host_pool *pool; /* NULL: no threads */
	orasi_source source;         /* `inner`, for one thread at a time */
	orasi_source *inner;
	pthread_mutex_t lock;
	struct parallel_outcome *outcomes;
	uint32_t n_outcomes;
};

void parallel_init(struct parallel *parallel, const orasi_host *host); /* NULL: no host */
void parallel_done(struct parallel *parallel);
/* The source as several threads may read it; until the next call. */
orasi_source *parallel_share(struct parallel *parallel, orasi_source *source);
/* fn(ctx, i) for i in 0..n-1, in any order when there are threads and `many`. Of those that fail the first by number
 * tells why. */
orasi_status parallel_each(struct parallel *parallel, uint32_t n, int many,
                           orasi_status (*fn)(void *ctx, uint32_t i, orasi_error *err), void *ctx, orasi_error *err);

#endif
