/* SPDX-License-Identifier: Apache-2.0 */
/* What ran when the last agent ended. Its own workers went with it; remote ones did not, and their leases go on: the
 * row of the run has how long the longest was that its worker was told, and no worker was told a time behind the end of
 * the agent and that. Whoever was asked to stop is not given out again. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/str.h"
#include "queue/inside.h"

/* The lease is as long as ever from now on: longer than its worker was told, as the agent was away in between. */
static void go_on(struct queue *queue, struct live *live)
{
	struct running *run = live->running;
	int64_t now = clock_mono_ms(), wall = clock_wall_ms(), deadline = 0;

	run->stop_at = run->timeout_ms ? now + run->started_at + run->timeout_ms - wall : 0;
	if (live->more && live->more->deadline)
		deadline = now + live->more->deadline - wall;
	if (deadline && (!run->stop_at || deadline < run->stop_at))
		run->stop_at = deadline;
	run->beat_at = run->heartbeat_ms ? now + run->heartbeat_ms : 0;
	run->lease_until = run->lease_ms ? now + run->lease_ms : 0;
	running_set_timer(queue, run);
}

static int heartbeat_of(const struct live *live, int64_t *ret)
{
	struct task_spec policy = {0};
	struct arena arena;
	int r = 0;

	arena_init(&arena);
	if (live->more)
		r = spec_unpack(live->more->policy, &arena, &policy);
	*ret = policy.heartbeat_ms;
	arena_done(&arena);
	return r;
}

int running_resume(struct queue *queue, struct live *live, const struct store_stmt *stmt, struct err *err)
{
	const struct task task = {.kind = store_text(stmt, 16),
	                          .dataset = store_text(stmt, 17),
	                          .trace = store_text(stmt, 18)};
	struct running *run = running_new(&task);

	if (!run || heartbeat_of(live, &run->heartbeat_ms)) {
		free(run);
		return err_set(err, ERR_NOMEM, "task %lld cannot go on", (long long)live->id);
	}
	live->life.state = TASK_READY; /* as it was when it was claimed */
	life_step(&live->life, &run->fence, LIFE_CLAIM, store_int(stmt, 11));
	live->running = run;
	run->live = live;
	str_copy(run->worker, sizeof(run->worker), store_text(stmt, 12) ? store_text(stmt, 12) : "");
	run->started_at = store_int(stmt, 13);
	run->lease_ms = run->kept_ms = store_int(stmt, 14);
	run->stop = store_int(stmt, 15) ? ERR_CANCELLED : 0;
	run->timeout_ms = store_int(stmt, 19);
	live_count(queue, live, 1);
	limit_resumed(live);
	if (live->more)
		live->more->expires_at = live->more->deadline;
	list_add_tail(&queue->running, &run->link);
	go_on(queue, live);
	return 0;
}

/* The workers of the agent went with it: who was to stop has stopped. */
void runs_end_cancelled(struct queue *queue)
{
	struct queue_outcome outcome = {.code = ERR_CANCELLED,
	                                .outcome = "lost",
	                                .error = "the task was cancelled, and the agent ended"};

	for (struct list *item = queue->running.next, *next; item != &queue->running; item = next) {
		struct running *run = list_entry(item, struct running, link);

		next = item->next;
		if (run->stop && !run->lease_ms)
			finish_attempt(queue, run->live, &outcome, NULL, NULL);
	}
}
