/* SPDX-License-Identifier: Apache-2.0 */
/* Why a task waits, in words: what is to happen before it runs, each with what somebody could do about it. On the loop
 * thread, from RAM and a look into the store; asked for one task at a time, by people. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "queue/inside.h"

#define REASONS_MAX 16
#define PARENTS_MAX 8 /* are named, and the rest counted */

struct answer {
	struct queue *queue;
	const struct task *task;
	struct arena *arena;
	struct queue_reason *reasons;
	size_t n;
};

static void add(struct answer *a, const char *type, const char *detail)
{
	if (a->n < REASONS_MAX)
		a->reasons[a->n++] = (struct queue_reason){type, detail};
}

static const char *name_of(struct answer *a, char prefix, int64_t id)
{
	char name[ID_LEN];

	id_format(prefix, id, name);
	return arena_str(a->arena, name);
}

static const char *time_of(struct answer *a, int64_t wall_ms)
{
	char text[CLOCK_RFC3339_LEN];

	clock_rfc3339(wall_ms, text);
	return arena_str(a->arena, text);
}

/* ---- blocked ------------------------------------------------------------------------------- */

static void say_parent(struct answer *a, int64_t id, int ended)
{
	const struct live *live = live_find(a->queue, id);
	const char *name = name_of(a, 't', id);

	if (ended < 0)
		add(a, "depends_on",
		    arena_printf(a->arena, "task %s is %s", name, live ? task_state_name(live_state(live)) : "ending"));
	else if (a->task->policy->on_dep_failure == TASK_DEP_HOLD)
		add(a, "depends_on",
		    arena_printf(a->arena,
		                 "task %s is %s, and on_dep_failure is hold: redrive it, or promote or cancel this one",
		                 name, task_state_name((enum task_state)ended)));
	else
		add(a, "depends_on",
		    arena_printf(a->arena, "task %s is %s: this one follows it", name,
		                 task_state_name((enum task_state)ended)));
}

static int say_parents(struct answer *a, struct err *err)
{
	struct store_stmt *stmt;
	int64_t more = 0;
	int r = store_begin(store_reader(a->queue->store), statement(DEP_PARENTS), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, a->task->id);
	while ((r = store_step(stmt, err)) > 0)
		if (a->n < PARENTS_MAX)
			say_parent(a, store_int(stmt, 0), store_text(stmt, 1) ? (int)store_int(stmt, 1) : -1);
		else
			more++;
	store_end(stmt);
	if (more)
		add(a, "depends_on", arena_printf(a->arena, "and %" PRId64 " more tasks", more));
	return r;
}

/* It follows a batch. */
static int say_batch(struct answer *a, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(store_reader(a->queue->store), statement(BATCH_FOLLOWED), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, a->task->id);
	r = store_step(stmt, err);
	if (r > 0)
		add(a, "batch",
		    arena_printf(a->arena, "batch %s is not complete: %" PRId64 " of its tasks have not ended%s",
		                 name_of(a, 'b', store_int(stmt, 0)), store_int(stmt, 1),
		                 store_int(stmt, 2) ? "" : ", and it is not sealed"));
	store_end(stmt);
	return r < 0 ? r : 0;
}

/* ---- scheduled and ready -------------------------------------------------------------------- */

static void say_time(struct answer *a, const struct live *live)
{
	const char *at = time_of(a, live->due);

	if (a->task->error_code)
		add(a, "run_at",
		    arena_printf(a->arena, "its last attempt ended with '%s' (%s); the next is at %s",
		                 err_name(a->task->error_code), a->task->error ? a->task->error : "", at));
	else
		add(a, "run_at", arena_printf(a->arena, "its time is %s", at));
}

/* What the settings of its queue hold back, whatever the task is. */
static void say_queue(struct answer *a, const struct channel *channel)
{
	const struct queue_settings *s = &channel->settings;
	int64_t now = clock_mono_ms(),
		opens = rate_opens_at(&channel->rate, s->rate, s->rate_period_ms, s->rate_burst, now);

	if (store_is_read_only(a->queue->store))
		add(a, "read_only", "the store takes no writes: see the agent's log");
	if (s->paused)
		add(a, "paused",
		    arena_printf(a->arena, "queue '%s' is paused: POST /v1/queues/%s:resume", channel->name,
		                 channel->name));
	if (s->max_running && channel->counts[TASK_RUNNING] >= s->max_running)
		add(a, "max_running",
		    arena_printf(a->arena, "%" PRId64 " tasks of queue '%s' run, %" PRId64 " may (max_running)",
		                 channel->counts[TASK_RUNNING], channel->name, s->max_running));
	if (opens > now)
		add(a, "rate",
		    arena_printf(a->arena, "the rate of queue '%s' lets the next one start at %s", channel->name,
		                 time_of(a, clock_wall_ms() + opens - now)));
}

static void say_key(struct answer *a, const struct live *live)
{
	const struct queue_settings *s = &live->lane->channel->settings;

	if (live->place == PLACE_CONCURRENCY)
		add(a, "concurrency_key",
		    arena_printf(a->arena,
		                 "the concurrency key '%s' is full: %" PRId64 " tasks with it run or are next, %" PRId64
		                 " may (key_running of the queue)",
		                 a->task->policy->concurrency_key ? a->task->policy->concurrency_key : "",
		                 live->more->concurrency->used, s->key_running));
	else if (live->place == PLACE_RATE)
		add(a, "rate_key",
		    arena_printf(a->arena,
		                 "the rate key '%s' lets %" PRId64 " start every %" PRId64
		                 " ms, and others are before it (key_rate of the queue)",
		                 a->task->policy->rate_key ? a->task->policy->rate_key : "", s->key_rate,
		                 s->key_rate_period_ms));
}

static void say_turn(struct answer *a, const struct live *live)
{
	const struct channel *channel = live->lane->channel;
	int slots = a->task->policy->slots;

	if (channel->settings.remote) {
		add(a, "worker",
		    arena_printf(a->arena, "queue '%s' is for remote workers: the next one that asks may get it",
		                 channel->name));
		return;
	}
	add(a, "worker",
	    arena_printf(a->arena,
	                 "it is ready, with %" PRId64
	                 " others of queue '%s': it starts when its turn comes and a worker has %s free "
	                 "(%" PRId64 " tasks run)",
	                 channel->n_ready - 1, channel->name,
	                 slots > 1 ? arena_printf(a->arena, "%d slots", slots) : "a slot",
	                 a->queue->counts[TASK_RUNNING]));
}

static int explain(struct answer *a, const struct live *live, struct err *err)
{
	int r = 0;

	switch (live_state(live)) {
	case TASK_BLOCKED:
		r = say_parents(a, err);
		if (!r && !a->n)
			r = say_batch(a, err);
		if (live->due > clock_wall_ms())
			say_time(a, live);
		break;
	case TASK_SCHEDULED:
		say_time(a, live);
		break;
	case TASK_READY:
		say_queue(a, live->lane->channel);
		say_key(a, live);
		if (!a->n)
			say_turn(a, live);
		break;
	default:
		break;
	}
	return r;
}

int queue_why(struct queue *queue, const struct task *task, struct arena *arena, struct queue_reason **ret,
              size_t *ret_n, struct err *err)
{
	const struct live *live = live_find(queue, task->id);
	struct answer a = {queue, task, arena, NULL, 0};
	int r = 0;

	if (live && live_state(live) < TASK_RUNNING) {
		a.reasons = arena_alloc(arena, REASONS_MAX * sizeof(*a.reasons));
		r = explain(&a, live, err);
	}
	*ret = a.reasons;
	*ret_n = a.n;
	return r;
}
