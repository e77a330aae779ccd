/* SPDX-License-Identifier: Apache-2.0 */
#include "alone.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

void alone_die(const struct err *err)
{
	fprintf(stderr, "%s\n", err->text);
	exit(EXIT_FAILURE);
}

double alone_seconds(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void alone_nothing(void *ctx)
{
	(void)ctx;
}

static void drop_line(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static void on_stop(void *ctx, int64_t id, int64_t fence, int code, const char *why)
{
	(void)ctx;
	(void)id;
	(void)fence;
	(void)code;
	(void)why;
}

void alone_open(struct alone *a, const char *path, const struct queue_config *config, void (*wake)(void *ctx),
                void *ctx)
{
	static const struct queue_events events = {NULL, alone_nothing, on_stop, NULL, NULL, NULL};
	static const struct store_config store_config = {2000, 1000};
	struct err err = {0};

	log_redirect(drop_line, NULL);
	if (store_open(path, &store_config, wake, ctx, &a->store, &err) ||
	    queue_open(a->store, config, &events, &a->queue, &err))
		alone_die(&err);
}

void alone_close(struct alone *a)
{
	store_flush(a->store);
	store_close(a->store);
	queue_close(a->queue);
}
