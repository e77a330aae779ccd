/* SPDX-License-Identifier: Apache-2.0 */
/* What does it cost that ended tasks move into files by day?
 *
 *   queue_archive [folder [tasks]]            queue_archive /var/tmp 100000
 *
 * The same load, put + claim + finish in groups of 100, with the moves put off and with them going on, in turns: CPU
 * time per task and tasks/s, the median of five each. Then the moves alone, when the load has ended: CPU time per
 * task that moves. */
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alone.h"
#include "base/file.h"

#define GROUP 100
#define RUNS 5

struct bench {
	char folder[PATH_MAX];
	int wake_fd;
	int64_t pending;
	struct alone q;
};

struct cost {
	double cpu_us, per_second;
};

static void wake(void *ctx)
{
	struct bench *b = ctx;

	eventfd_write(b->wake_fd, 1);
}

static void on_put(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *err)
{
	struct bench *b = ctx;

	(void)results;
	b->pending -= (int64_t)n;
	if (r)
		alone_die(err);
}

static void on_done(void *ctx, int r, const struct err *err)
{
	struct bench *b = ctx;

	b->pending--;
	if (r)
		alone_die(err);
}

static void open_queue(struct bench *b, int64_t archive_after_ms)
{
	struct queue_config config;
	struct err err = {0};
	char path[PATH_MAX + 16];

	dir_remove(b->folder, NULL);
	if (options_init(queue_options, &config, &err) || dir_make(b->folder, 0700, &err))
		alone_die(&err);
	config.archive_after_ms = archive_after_ms;
	snprintf(path, sizeof(path), "%s/store.db", b->folder);
	alone_open(&b->q, path, &config, wake, b);
}

/* As the agent's loop does: what is durable is told, time passes when it is due. */
static void turn(struct bench *b)
{
	struct pollfd fd = {.fd = b->wake_fd, .events = POLLIN};
	int64_t due = queue_due_in(b->q.queue);
	eventfd_t n;

	if (poll(&fd, 1, due < 0 || due > 1000 ? 1000 : (int)due) > 0)
		eventfd_read(b->wake_fd, &n);
	store_drain(b->q.store);
	if (queue_due_in(b->q.queue) <= 0)
		queue_tick(b->q.queue);
}

static void put_group(struct bench *b)
{
	struct task_spec spec = {.kind = "ingest", .dataset = "logs", .body = ALONE_BODY, .priority = -1};
	struct err err = {0};

	for (int i = 0; i < GROUP; i++, b->pending++)
		if (queue_put(b->q.queue, &spec, 1, QUEUE_ATOMIC, on_put, b, &err))
			alone_die(&err);
	while (b->pending)
		turn(b);
}

static void finish_group(struct bench *b)
{
	static const struct queue_claim_ask ask = {.worker = "slot-1"};
	struct queue_outcome ok = {.result = "{\"rows\":1000,\"rejected\":0}"};
	struct err err = {0};
	struct task *task;

	for (int i = 0; i < GROUP; i++, b->pending++)
		if (queue_claim(b->q.queue, &ask, &b->q.arena, &task, &err) || !task ||
		    queue_finish(b->q.queue, task->id, task->fence, &ok, on_done, b))
			alone_die(&err);
	while (b->pending)
		turn(b);
	arena_done(&b->q.arena);
}

static struct cost run_load(struct bench *b, int64_t tasks)
{
	double wall = alone_seconds(CLOCK_MONOTONIC), cpu = alone_seconds(CLOCK_PROCESS_CPUTIME_ID);

	for (int64_t i = 0; i < tasks; i += GROUP) {
		put_group(b);
		finish_group(b);
	}
	wall = alone_seconds(CLOCK_MONOTONIC) - wall;
	return (struct cost){(alone_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / (double)tasks,
	                     (double)tasks / wall};
}

static int64_t count(struct bench *b)
{
	static const char left[] = "SELECT count(*) FROM done";
	struct store_stmt *stmt;
	int64_t n;
	struct err err = {0};

	if (store_begin(store_reader(b->q.store), left, &stmt, &err) || store_step(stmt, &err) < 0)
		alone_die(&err);
	n = store_int(stmt, 0);
	store_end(stmt);
	return n;
}

static struct cost run_moves(struct bench *b, int64_t *ret_n)
{
	double wall = alone_seconds(CLOCK_MONOTONIC), cpu = alone_seconds(CLOCK_PROCESS_CPUTIME_ID);
	int64_t n = *ret_n = count(b);

	for (int64_t left = n; left; left = count(b))
		for (int i = 0; i < 100; i++)
			turn(b);
	wall = alone_seconds(CLOCK_MONOTONIC) - wall;
	return (struct cost){n ? (alone_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / (double)n : 0,
	                     (double)n / wall};
}

static int by_cpu(const void *a, const void *b)
{
	double x = ((const struct cost *)a)->cpu_us, y = ((const struct cost *)b)->cpu_us;

	return (x > y) - (x < y);
}

static struct cost median(struct cost costs[RUNS])
{
	qsort(costs, RUNS, sizeof(*costs), by_cpu);
	return costs[RUNS / 2];
}

int main(int argc, char **argv)
{
	static struct bench b;
	int64_t tasks = argc > 2 ? atoll(argv[2]) : 100000, moved = 0;
	struct cost without[RUNS], with[RUNS], moves[RUNS], a, c;

	arena_init(&b.q.arena);
	b.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	snprintf(b.folder, sizeof(b.folder), "%s/orasi-bench-archive", argc > 1 ? argv[1] : "/tmp");
	for (int i = 0; i < RUNS; i++) {
		open_queue(&b, INT32_MAX);
		without[i] = run_load(&b, tasks);
		alone_close(&b.q);
		open_queue(&b, 100);
		with[i] = run_load(&b, tasks);
		moves[i] = run_moves(&b, &moved);
		alone_close(&b.q);
	}
	dir_remove(b.folder, NULL);
	a = median(without);
	c = median(with);
	printf("moves put off   %8.1f us of CPU a task %10.0f tasks/s\n", a.cpu_us, a.per_second);
	printf("moves going on  %8.1f us of CPU a task %10.0f tasks/s   %.2f times the CPU\n", c.cpu_us, c.per_second,
	       c.cpu_us / a.cpu_us);
	c = median(moves);
	printf("moves alone     %8.1f us of CPU a task %10.0f tasks/s   %" PRId64 " were left of %" PRId64 "\n",
	       c.cpu_us, c.per_second, moved, tasks);
	return 0;
}
