/* SPDX-License-Identifier: Apache-2.0 */
/* What does a durable task cost, and how much does it gain from company in a commit?
 *
 *   queue_put_finish [folder [waiting]]            queue_put_finish /var/tmp 1000000
 *
 * For groups of 1 … 1000 tasks that wait for the same fsync: tasks/s, CPU time and fsyncs per task, of put
 * and of claim + finish with a result. With a second argument it then lets so many tasks wait, and prints
 * what that takes: memory, the time of the next start, of one page of a list that matches nothing. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alone.h"

#define BATCH 1000

struct bench {
	char path[PATH_MAX];
	struct alone q;
};

struct meter {
	double wall, cpu;
	int64_t commits;
};

static struct meter read_meter(struct bench *b)
{
	return (struct meter){alone_seconds(CLOCK_MONOTONIC), alone_seconds(CLOCK_PROCESS_CPUTIME_ID),
	                      *store_metrics(b->q.store)[0].value};
}

static void print(const char *what, int64_t group, int64_t n, const struct meter *from, const struct meter *to)
{
	printf("%-14s %6" PRId64 " %10.0f %10.1f %10.3f\n", what, group, (double)n / (to->wall - from->wall),
	       (to->cpu - from->cpu) * 1e6 / (double)n, (double)(to->commits - from->commits) / (double)n);
}

static void on_put(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *err)
{
	(void)ctx;
	(void)results;
	(void)n;
	if (r)
		alone_die(err);
}

static void on_done(void *ctx, int r, const struct err *err)
{
	(void)ctx;
	if (r)
		alone_die(err);
}

static void open_queue(struct bench *b)
{
	struct queue_config config;
	struct err err = {0};

	if (options_init(queue_options, &config, &err))
		alone_die(&err);
	config.max_depth = INT32_MAX;
	alone_open(&b->q, b->path, &config, alone_nothing, NULL);
}

static void put(struct bench *b, size_t n)
{
	static struct task_spec specs[BATCH];
	struct err err = {0};

	for (size_t i = 0; i < n; i++)
		specs[i] = (struct task_spec){.kind = "ingest", .dataset = "logs", .body = ALONE_BODY, .priority = -1};
	if (queue_put(b->q.queue, specs, n, QUEUE_ATOMIC, on_put, NULL, &err))
		alone_die(&err);
}

static void finish(struct bench *b)
{
	static const struct queue_claim_ask ask = {.worker = "slot-1"};
	struct queue_outcome ok = {.result = "{\"rows\":1000,\"rejected\":0}"};
	struct err err = {0};
	struct task *task;

	if (queue_claim(b->q.queue, &ask, &b->q.arena, &task, &err) || !task ||
	    queue_finish(b->q.queue, task->id, task->fence, &ok, on_done, NULL))
		alone_die(&err);
}

static void run_group(struct bench *b, int64_t group)
{
	int64_t n = group < 100 ? group * 1000 : 100000;
	struct meter at[3];

	at[0] = read_meter(b);
	for (int64_t i = 0; i < n; i += group) {
		for (int64_t k = 0; k < group; k++)
			put(b, 1);
		store_flush(b->q.store);
	}
	at[1] = read_meter(b);
	for (int64_t i = 0; i < n; i += group) {
		for (int64_t k = 0; k < group; k++)
			finish(b);
		store_flush(b->q.store);
		arena_done(&b->q.arena);
	}
	at[2] = read_meter(b);
	print("put", group, n, &at[0], &at[1]);
	print("claim+finish", group, n, &at[1], &at[2]);
}

static int64_t resident_bytes(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file) {
		if (fscanf(file, "%*d %ld", &pages) != 1)
			pages = 0;
		fclose(file);
	}
	return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static void let_wait(struct bench *b, int64_t n)
{
	struct queue_filter none = {.state = TASK_FAILED, .limit = 100};
	int64_t before = resident_bytes();
	struct err err = {0};
	struct task **tasks;
	const char *cursor;
	double start, cpu;
	size_t found;

	for (int64_t i = 0; i < n; i += BATCH) {
		put(b, BATCH);
		store_flush(b->q.store);
	}
	printf("%" PRId64 " waiting: %.0f bytes of memory each\n", n, (double)(resident_bytes() - before) / (double)n);
	alone_close(&b->q);
	start = alone_seconds(CLOCK_MONOTONIC);
	cpu = alone_seconds(CLOCK_THREAD_CPUTIME_ID);
	open_queue(b);
	printf("next start: %.2f s, %.2f s of CPU\n", alone_seconds(CLOCK_MONOTONIC) - start,
	       alone_seconds(CLOCK_THREAD_CPUTIME_ID) - cpu);
	start = alone_seconds(CLOCK_MONOTONIC);
	if (queue_list(b->q.queue, &none, &b->q.arena, &tasks, &found, &cursor, &err))
		alone_die(&err);
	printf("a page that matches nothing: %.3f s\n", alone_seconds(CLOCK_MONOTONIC) - start);
	start = alone_seconds(CLOCK_MONOTONIC);
	queue_tick(b->q.queue);
	store_flush(b->q.store);
	printf("a round of forgetting: %.3f s\n", alone_seconds(CLOCK_MONOTONIC) - start);
}

int main(int argc, char **argv)
{
	static const int64_t groups[] = {1, 10, 100, 1000};
	struct bench b = {0};

	snprintf(b.path, sizeof(b.path), "%s/queue_put_finish-%d.db", argc > 1 ? argv[1] : ".", (int)getpid());
	open_queue(&b);
	printf("%-14s %6s %10s %10s %10s\n", "what", "group", "tasks/s", "CPU us", "fsyncs");
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		run_group(&b, groups[i]);
	if (argc > 2)
		let_wait(&b, strtoll(argv[2], NULL, 10));
	alone_close(&b.q);
	arena_done(&b.q.arena);
	unlink(b.path);
	strcat(b.path, ".lock");
	unlink(b.path);
	return EXIT_SUCCESS;
}
