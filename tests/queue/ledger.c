/* SPDX-License-Identifier: Apache-2.0 */
/* Holds what was acknowledged against what is there after a death. */
#include "queue/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

static char wrong[160];

static int is_its_result(const struct known *known, const struct task *task)
{
	char result[40];

	snprintf(result, sizeof(result), "{\"by\":%lld}", (long long)known->result);
	return known->end != TASK_SUCCEEDED || (task->result && !strcmp(task->result, result));
}

/* They are there if and only if the success is. */
static const char *verify_followers(struct queue *queue, const struct known *known)
{
	struct queue_filter filter = {.state = QUEUE_ANY, .kind = "next", .parent = known->id, .limit = 10};
	struct task **tasks;
	struct arena arena;
	const char *cursor;
	size_t n = 0;

	if (known->open || known->may_be_gone || known->end != TASK_SUCCEEDED || known->followers < 0)
		return NULL;
	arena_init(&arena);
	queue_list(queue, &filter, &arena, &tasks, &n, &cursor, NULL);
	arena_done(&arena);
	if ((int)n == known->followers)
		return NULL;
	snprintf(wrong, sizeof(wrong), "task %lld has left %d tasks, and %zu are there", (long long)known->id,
	         known->followers, n);
	return wrong;
}

static const char *verify_task(const struct known *known, const struct task *task)
{
	long long id = (long long)known->id;

	if (!task && (known->end == GONE || known->may_be_gone))
		return NULL;
	else if (!task)
		snprintf(wrong, sizeof(wrong), "task %lld was accepted and is gone", id);
	else if (known->end == GONE && !known->open)
		snprintf(wrong, sizeof(wrong), "task %lld was deleted and is %s", id, task_state_name(task->state));
	else if (known->open)
		return NULL;
	else if (known->end >= 0 && (int)task->state != known->end)
		snprintf(wrong, sizeof(wrong), "task %lld ended %s and is %s", id,
		         task_state_name((enum task_state)known->end), task_state_name(task->state));
	else if (known->end >= 0 && !is_its_result(known, task))
		snprintf(wrong, sizeof(wrong), "task %lld ended with another result than %s", id, task->result);
	else if (known->stopped && !task_state_is_final(task->state) && !task->cancel_requested)
		snprintf(wrong, sizeof(wrong), "task %lld was cancelled while it ran, and is %s", id,
		         task_state_name(task->state));
	else
		return NULL;
	return wrong;
}

/* A request that is sent again gets the task that was acknowledged. */
static const char *verify_keys(struct queue *queue, struct store *store)
{
	for (int i = 0; i < load.n_keys; i++) {
		struct task_spec spec = load_keyed_spec(i);
		int64_t before = load.keyed[i];

		queue_put(queue, &spec, 1, QUEUE_ATOMIC, load_on_keyed, &load.keyed[i], NULL);
		store_flush(store);
		if (before && load.keyed[i] != before) {
			snprintf(wrong, sizeof(wrong), "key %d was that of task %lld, and is that of %lld", i,
			         (long long)before, (long long)load.keyed[i]);
			return wrong;
		}
	}
	return NULL;
}

/* Each time that has passed since the schedule was set made one task. */
static const char *verify_schedule(struct queue *queue)
{
	struct queue_filter filter = {.state = QUEUE_ANY, .queue = "clock", .limit = 1000};
	struct queue_schedule schedule = {0};
	struct task **tasks;
	struct arena arena;
	const char *cursor;
	size_t n = 0;
	int r;

	arena_init(&arena);
	r = queue_schedule_get(queue, "clock", &arena, &schedule) ||
	    queue_list(queue, &filter, &arena, &tasks, &n, &cursor, NULL);
	arena_done(&arena);
	if (r || ((int64_t)n == schedule.fired && !schedule.missed && !schedule.skipped))
		return NULL;
	snprintf(wrong, sizeof(wrong), "the schedule fired %lld times, missed %lld, and made %zu tasks",
	         (long long)schedule.fired, (long long)schedule.missed, n);
	return wrong;
}

static void take_as_it_is(struct known *known, const struct task *task)
{
	known->may_be_gone = known->stopped = known->open = 0;
	known->end = !task ? GONE : task_state_is_final(task->state) ? (int)task->state : -1;
	if (!task)
		return;
	known->result = task->result ? strtoll(task->result + strlen("{\"by\":"), NULL, 10) : 0;
	known->followers = -1; /* nobody knows */
}

const char *load_verify(struct queue *queue, struct store *store)
{
	struct arena arena;
	struct task *task;
	const char *found = NULL;

	for (int i = 0; i < load.n_tasks && !found; i++) {
		arena_init(&arena);
		found = verify_task(&load.tasks[i],
		                    queue_get(queue, load.tasks[i].id, &arena, &task, NULL) ? NULL : task);
		arena_done(&arena);
		found = found ? found : verify_followers(queue, &load.tasks[i]);
	}
	found = found ? found : verify_schedule(queue);
	if (found)
		return found;
	for (int i = 0; i < load.n_tasks; i++) /* what was open is settled now: take it as it is */
		if (load.tasks[i].open || load.tasks[i].may_be_gone) {
			arena_init(&arena);
			take_as_it_is(&load.tasks[i],
			              queue_get(queue, load.tasks[i].id, &arena, &task, NULL) ? NULL : task);
			arena_done(&arena);
		}
	return verify_keys(queue, store);
}
