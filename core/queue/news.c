/* SPDX-License-Identifier: Apache-2.0 */
/* The news: each step of a task as an event for who listens, and as a line of the log. */
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "queue/inside.h"

static void show_in(struct task *task, enum task_state state)
{
	int had_ended = task_state_is_final(task->state);

	task->state = state;
	if (task_state_is_final(state) || !had_ended)
		return;
	task->finished_at = 0;
	task->error_code = 0;
	task->result = task->error = task->error_where = NULL;
}

static void log_state(int64_t id, enum task_state state, const struct task *task)
{
	enum log_level level = task_state_is_final(state) ? LOG_INFO : LOG_DEBUG;
	char name[ID_LEN];

	if (!log_enabled(level))
		return;
	id_format('t', id, name);
	if (task)
		log_at(level, "task.state", LOG_STR("task", name), LOG_STR("kind", task->kind),
		       LOG_STR("state", task_state_name(state)), LOG_INT("attempt", task->attempt),
		       LOG_STR("dataset", task->dataset), LOG_STR("trace", task->trace), LOG_STR("error", task->error));
	else
		log_at(level, "task.state", LOG_STR("task", name), LOG_STR("state", task_state_name(state)));
}

/* The line of an end shows the task with its trace; one of a failure always does. */
static int is_logged(const char *type, enum task_state state)
{
	return state > TASK_SUCCEEDED || (state == TASK_SUCCEEDED && !strcmp(type, "state") && log_enabled(LOG_INFO));
}

/* The task itself is read only when somebody looks: it costs more than the step that is told. What is known of it without
 * that: enough for its log line, or all. */
struct known {
	const struct task *task;
	int is_whole;
};

static void tell(struct queue *queue, int64_t id, const char *type, enum task_state state, struct known known)
{
	const struct queue_events *events = &queue->events;
	struct task_event event = {type, ++queue->event_seq, id, state, NULL};
	int wanted = events->on_event && (!events->wants_task || events->wants_task(events->ctx, id, state));
	struct arena arena;
	struct task *task;

	arena_init(&arena);
	if (known.is_whole) {
		event.task = wanted ? known.task : NULL;
	} else if ((wanted || (is_logged(type, state) && !known.task)) && !queue_get(queue, id, &arena, &task, NULL)) {
		show_in(task, state);
		event.task = task;
	}
	if (!strcmp(type, "state"))
		log_state(id, state, event.task ? event.task : known.task);
	if (events->on_event && (event.task || !wanted))
		events->on_event(events->ctx, &event);
	arena_done(&arena);
}

void queue_tell(struct queue *queue, int64_t id, const char *type, enum task_state state)
{
	tell(queue, id, type, state, (struct known){0});
}

void queue_tell_end(struct queue *queue, int64_t id, enum task_state state, const struct task *task, int is_whole)
{
	struct known known = {task, is_whole};

	tell(queue, id, "state", state,
	     state == TASK_SUCCEEDED ? known : (struct known){0}); /* a failure has more to say */
}
