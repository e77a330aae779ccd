/* SPDX-License-Identifier: Apache-2.0 */
/* A task runs: what is known of it, news, and the time that it has.
 *
 * A remote worker keeps its lease by heartbeats; it must stop at the
 * lease's end by itself, and a grace later the task is taken from it. A running attempt that should
 * stop (cancel, timeout, deadline, no news) is told so: by on_stop, or with its next heartbeat, and
 * its lease is not extended any more. Times of running attempts are monotonic. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "queue/inside.h"

/* ---- the timers of what runs --------------------------------------------------------------- */

static int64_t sooner(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

static int64_t running_due(const struct queue *queue, const struct running *run)
{
	int64_t due = run->lease_until ? run->lease_until + queue->config.lease_grace_ms : 0;

	if (!run->stop)
		due = sooner(due, sooner(run->stop_at, run->beat_at));
	return due;
}

static int lease_less(const struct heap_node *a, const struct heap_node *b)
{
	return list_entry(a, struct running, timer)->due < list_entry(b, struct running, timer)->due;
}

void running_set_timer(struct queue *queue, struct running *run)
{
	heap_del(&queue->leases, &run->timer);
	run->due = running_due(queue, run);
	if (run->due)
		heap_add(&queue->leases, &run->timer);
}

void leases_init(struct queue *queue)
{
	heap_init(&queue->leases, lease_less);
	list_init(&queue->running);
}

void running_free(struct queue *queue, struct live *live)
{
	struct running *run = live_running(live);

	if (!run)
		return;
	heap_del(&queue->leases, &run->timer);
	list_del(&run->link);
	free(run);
	live->running = NULL;
}

/* ---- it starts ----------------------------------------------------------------------------- */

static size_t length(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static const char *keep(char **at, const char *s)
{
	char *copy = *at;

	*at += length(s);
	return s ? memcpy(copy, s, length(s)) : NULL;
}

struct running *running_new(const struct task *task)
{
	struct running *run =
		calloc(1, sizeof(*run) + length(task->kind) + length(task->dataset) + length(task->trace));
	char *at = run ? run->texts : NULL;

	if (!run)
		return NULL;
	list_init(&run->link);
	run->kind = keep(&at, task->kind);
	run->dataset = keep(&at, task->dataset);
	run->trace = keep(&at, task->trace);
	return run;
}

/* From now on it runs. Its limits, on the monotonic clock. */
static void begin(struct queue *queue, struct live *live)
{
	struct running *run = live->running;
	int64_t now = clock_mono_ms(), wall = clock_wall_ms();

	run->started_at = wall;
	run->stop_at = run->timeout_ms ? now + run->timeout_ms : 0;
	if (live->more && live->more->deadline)
		run->stop_at = sooner(run->stop_at, now + live->more->deadline - wall);
	run->beat_at = run->heartbeat_ms ? now + run->heartbeat_ms : 0;
	run->lease_until = run->lease_ms ? now + run->lease_ms : 0;
	running_set_timer(queue, run);
}

/* Until it begins only its deadline counts. */
static void wait_to_begin(struct queue *queue, struct live *live)
{
	struct running *run = live->running;

	run->started_at = clock_wall_ms();
	if (!live->more || !live->more->deadline)
		return;
	run->stop_at = clock_mono_ms() + live->more->deadline - run->started_at;
	running_set_timer(queue, run);
}

void running_start(struct queue *queue, struct live *live, struct running *run, const struct task *task,
                   const struct queue_claim_ask *ask)
{
	live->running = run;
	run->live = live;
	str_copy(run->worker, sizeof(run->worker), ask->worker ? ask->worker : "");
	run->timeout_ms = task->timeout_ms;
	run->heartbeat_ms = task->policy->heartbeat_ms;
	run->lease_ms = run->kept_ms = ask->lease_ms;
	(ask->begins_later ? wait_to_begin : begin)(queue, live);
	metric_observe_ms(&queue->wait_time, (double)(clock_wall_ms() - live->due));
}

static struct live *find_running(const struct queue *queue, int64_t id)
{
	struct live *live = live_find(queue, id);

	return live ? live : early_find(queue, id);
}

void queue_begin(struct queue *queue, int64_t id, int64_t fence)
{
	struct live *live = find_running(queue, id);

	if (live && live_running(live) && live->running->fence == fence && !live->settling)
		begin(queue, live);
}

/* ---- news ---------------------------------------------------------------------------------- */

struct live *running_of(struct queue *queue, int64_t id, int64_t fence, enum life_event event)
{
	struct live *live = find_running(queue, id);
	struct running *run = live ? live_running(live) : NULL;

	if (run && !live->settling && !life_allows(&live->life, run->fence, event, fence))
		return live;
	queue->stale++;
	return NULL;
}

void running_beat(struct queue *queue, struct running *run, int64_t lease_ms)
{
	int64_t now = clock_mono_ms();

	if (run->stop)
		return; /* it should stop: no more time */
	if (lease_ms && run->lease_until) {
		run->lease_ms = lease_ms;
		if (lease_ms > run->kept_ms) {
			run->kept_ms = lease_ms;
			running_note_lease(queue, run);
		}
	}
	if (run->lease_until)
		run->lease_until = now + run->lease_ms;
	if (run->heartbeat_ms)
		run->beat_at = now + run->heartbeat_ms;
	if (run->lease_until || run->heartbeat_ms)
		running_set_timer(queue, run);
}

int queue_heartbeat(struct queue *queue, int64_t id, int64_t fence, int64_t lease_ms)
{
	struct live *live = running_of(queue, id, fence, LIFE_BEAT);

	if (!live)
		return ERR_STALE;
	running_beat(queue, live->running, lease_ms);
	return live->running->stop;
}

int queue_progress(struct queue *queue, int64_t id, int64_t fence, int64_t done, int64_t total, int64_t rows,
                   int64_t rejected, const char *note)
{
	struct live *live = running_of(queue, id, fence, LIFE_BEAT);
	struct running *run;

	if (!live)
		return ERR_STALE;
	run = live->running;
	running_beat(queue, run, 0);
	run->done = done;
	run->total = total;
	run->rows = rows;
	run->rejected = rejected;
	str_copy(run->note, sizeof(run->note), note ? note : "");
	if (!(live->flags & LIVE_EARLY))
		queue_tell(queue, id, "progress", TASK_RUNNING);
	return 0;
}

/* ---- time is up ---------------------------------------------------------------------------- */

void running_stop(struct queue *queue, struct live *live, int code, const char *why)
{
	struct running *run = live->running;

	if (run->stop) {
		run->stop = code == ERR_CANCELLED ? code : run->stop; /* it stops already; and nothing follows */
		return;
	}
	run->stop = code;
	running_set_timer(queue, run);
	queue->events.on_stop(queue->events.ctx, live->id, run->fence, code, why);
}

static void rescue(struct queue *queue, struct live *live)
{
	struct running *run = live->running;
	struct queue_outcome outcome = {.code = run->stop ? run->stop : ERR_CRASH,
	                                .outcome = "lost",
	                                .error = "the worker's lease ended without news of it"};

	queue->rescued++;
	finish_attempt(queue, live, &outcome, NULL, NULL);
}

static void stop_late(struct queue *queue, struct live *live)
{
	struct running *run = live->running;
	char why[96];

	snprintf(why, sizeof(why), "the attempt took longer than its timeout of %lld ms", (long long)run->timeout_ms);
	if (live->more && live->more->deadline && live->more->deadline <= clock_wall_ms())
		str_copy(why, sizeof(why), "the deadline of the task has passed");
	running_stop(queue, live, ERR_TIMEOUT, why);
}

static void running_time(struct queue *queue, struct live *live, int64_t now)
{
	struct running *run = live->running;

	if (run->lease_until && run->lease_until + queue->config.lease_grace_ms <= now)
		rescue(queue, live);
	else if (run->stop_at && run->stop_at <= now)
		stop_late(queue, live);
	else if (run->beat_at && run->beat_at <= now)
		running_stop(queue, live, ERR_TIMEOUT, "the attempt gave no news for longer than heartbeat_ms");
}

void leases_tick(struct queue *queue, int64_t now)
{
	struct heap_node *top;

	while ((top = heap_top(&queue->leases)) && list_entry(top, struct running, timer)->due <= now) {
		struct running *run = list_entry(top, struct running, timer);

		heap_del(&queue->leases, top);
		if (!store_is_read_only(queue->store))
			running_time(queue, run->live, now);
	}
}
