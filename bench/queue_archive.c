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
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "queue/queue.h"
#include "store/store.h"

#define BODY "{\"source\":\"0123456789\",\"dataset\":\"logs\",\"options\":{\"compression\":\"zstd\"}}"
#define GROUP 100
#define RUNS 5

struct bench {
	char folder[PATH_MAX];
	int wake_fd;
	int64_t pending;
	struct store *store;
	struct queue *queue;
	struct arena arena;
};

struct cost {
	double cpu_us, per_second;
};

static void die(const struct err *err)
{
	fprintf(stderr, "%s\n", err->text);
	exit(EXIT_FAILURE);
}

static double seconds(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void drop_line(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static void nothing(void *ctx)
{
	(void)ctx;
}

static void wake(void *ctx)
{
	struct bench *b = ctx;

	eventfd_write(b->wake_fd, 1);
}

static void on_stop(void *ctx, int64_t id, int64_t fence, int code, const char *why)
{
	(void)ctx;
	(void)id;
	(void)fence;
	(void)code;
	(void)why;
}

static void on_put(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *err)
{
	struct bench *b = ctx;

	(void)results;
	b->pending -= (int64_t)n;
	if (r)
		die(err);
}

static void on_done(void *ctx, int r, const struct err *err)
{
	struct bench *b = ctx;

	b->pending--;
	if (r)
		die(err);
}

static void open_queue(struct bench *b, int64_t archive_after_ms)
{
	static const struct queue_events events = {NULL, nothing, on_stop, NULL, NULL};
	static const struct store_config store_config = {2000, 1000};
	struct queue_config config;
	struct err err = {0};
	char path[PATH_MAX + 16];

	dir_remove(b->folder, NULL);
	if (options_init(queue_options, &config, &err) || dir_make(b->folder, 0700, &err))
		die(&err);
	config.archive_after_ms = archive_after_ms;
	snprintf(path, sizeof(path), "%s/store.db", b->folder);
	if (store_open(path, &store_config, wake, b, &b->store, &err) ||
	    queue_open(b->store, &config, &events, &b->queue, &err))
		die(&err);
}

static void close_queue(struct bench *b)
{
	store_flush(b->store);
	store_close(b->store);
	queue_close(b->queue);
}

/* As the agent's loop does: what is durable is told, time passes when it is due. */
static void turn(struct bench *b)
{
	struct pollfd fd = {.fd = b->wake_fd, .events = POLLIN};
	int64_t due = queue_due_in(b->queue);
	eventfd_t n;

	if (poll(&fd, 1, due < 0 || due > 1000 ? 1000 : (int)due) > 0)
		eventfd_read(b->wake_fd, &n);
	store_drain(b->store);
	if (queue_due_in(b->queue) <= 0)
		queue_tick(b->queue);
}

static void put_group(struct bench *b)
{
	struct task_spec spec = {.kind = "ingest", .dataset = "logs", .body = BODY, .priority = -1};
	struct err err = {0};

	for (int i = 0; i < GROUP; i++, b->pending++)
		if (queue_put(b->queue, &spec, 1, QUEUE_ATOMIC, on_put, b, &err))
			die(&err);
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
		if (queue_claim(b->queue, &ask, &b->arena, &task, &err) || !task ||
		    queue_finish(b->queue, task->id, task->fence, &ok, on_done, b))
			die(&err);
	while (b->pending)
		turn(b);
	arena_done(&b->arena);
}

static struct cost run_load(struct bench *b, int64_t tasks)
{
	double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);

	for (int64_t i = 0; i < tasks; i += GROUP) {
		put_group(b);
		finish_group(b);
	}
	wall = seconds(CLOCK_MONOTONIC) - wall;
	return (struct cost){(seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / (double)tasks, (double)tasks / wall};
}

static int64_t count(struct bench *b)
{
	static const char left[] = "SELECT count(*) FROM done";
	struct store_stmt *stmt;
	int64_t n;
	struct err err = {0};

	if (store_begin(store_reader(b->store), left, &stmt, &err) || store_step(stmt, &err) < 0)
		die(&err);
	n = store_int(stmt, 0);
	store_end(stmt);
	return n;
}

static struct cost run_moves(struct bench *b, int64_t *ret_n)
{
	double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	int64_t n = *ret_n = count(b);

	for (int64_t left = n; left; left = count(b))
		for (int i = 0; i < 100; i++)
			turn(b);
	wall = seconds(CLOCK_MONOTONIC) - wall;
	return (struct cost){n ? (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / (double)n : 0, (double)n / wall};
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

	log_redirect(drop_line, NULL);
	arena_init(&b.arena);
	b.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	snprintf(b.folder, sizeof(b.folder), "%s/orasi-bench-archive", argc > 1 ? argv[1] : "/tmp");
	for (int i = 0; i < RUNS; i++) {
		open_queue(&b, INT32_MAX);
		without[i] = run_load(&b, tasks);
		close_queue(&b);
		open_queue(&b, 100);
		with[i] = run_load(&b, tasks);
		moves[i] = run_moves(&b, &moved);
		close_queue(&b);
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
