/* SPDX-License-Identifier: Apache-2.0 */
/* The queue in a program of its own, without an agent: what its benchmarks share. */
#ifndef BENCH_ALONE_H
#define BENCH_ALONE_H

#include <time.h>

#include "base/arena.h"
#include "queue/queue.h"
#include "store/store.h"

#define ALONE_BODY "{\"source\":\"0123456789\",\"dataset\":\"logs\",\"options\":{\"compression\":\"zstd\"}}"

struct alone {
	struct store *store;
	struct queue *queue;
	struct arena arena;
};

void alone_die(const struct err *err) __attribute__((noreturn));
double alone_seconds(clockid_t id);
void alone_nothing(void *ctx);
/* Opens both; `wake` is the store's. The log is silent from here on. */
void alone_open(struct alone *a, const char *path, const struct queue_config *config, void (*wake)(void *ctx),
                void *ctx);
void alone_close(struct alone *a);

#endif
