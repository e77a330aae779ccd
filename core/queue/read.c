/* SPDX-License-Identifier: Apache-2.0 */
/* Reading tasks: what the store has, overlaid with what RAM knows better; lists; the news. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "queue/inside.h"

static enum task_state state_of(const struct task *task, const struct store_stmt *stmt)
{
	if (store_text(stmt, 18))
		return (enum task_state)store_int(stmt, 18);
	if (task->fence)
		return TASK_RUNNING;
	return task->run_at > clock_wall_ms() ? TASK_SCHEDULED : TASK_READY;
}

/* The columns of TASK_COLUMNS in queue_sql.c. */
static struct task *read_task(const struct store_stmt *stmt, struct arena *arena)
{
	struct task *t = arena_alloc(arena, sizeof(*t));
	int ended = store_text(stmt, 18) != NULL;

	t->id = store_int(stmt, 0);
	t->kind = arena_str(arena, store_text(stmt, 1));
	t->queue = arena_str(arena, store_text(stmt, 2));
	t->dataset = arena_str(arena, store_text(stmt, 3));
	t->body = arena_str(arena, store_text(stmt, 4));
	t->labels = arena_str(arena, store_text(stmt, 5));
	t->trace = arena_str(arena, store_text(stmt, 6));
	t->priority = (int)store_int(stmt, 7);
	t->created_at = store_int(stmt, 8);
	t->expires_at = store_int(stmt, 9);
	t->timeout_ms = store_int(stmt, 10);
	t->max_attempts = (int)store_int(stmt, 11);
	t->parent = store_int(stmt, 12);
	t->run_at = store_int(stmt, 13);
	t->attempt = (int)store_int(stmt, ended ? 19 : 14);
	t->fence = store_int(stmt, 15);
	t->started_at = store_int(stmt, ended ? 21 : 16);
	t->worker = arena_str(arena, store_text(stmt, ended ? 20 : 17));
	t->finished_at = store_int(stmt, 22);
	t->result = arena_str(arena, store_text(stmt, 23));
	t->error_code = (int)store_int(stmt, 24);
	t->error = arena_str(arena, store_text(stmt, 25));
	t->error_where = arena_str(arena, store_text(stmt, 26));
	t->checkpoint = arena_str(arena, store_text(stmt, 27));
	t->state = state_of(t, stmt);
	return t;
}

void queue_overlay(const struct queue *queue, struct task *task, struct arena *arena)
{
	const struct live *live = live_find(queue, task->id);

	if (!live || task_state_is_final(task->state))
		return;
	task->state = live->state;
	task->attempt = live->attempt;
	task->fence = live->fence;
	task->run_at = live->run_at;
	task->cancel_requested = live->cancel_requested;
	if (live->state == TASK_RUNNING) {
		task->started_at = live->started_at;
		task->worker = arena_str(arena, live->worker);
		task->progress_done = live->done;
		task->progress_total = live->total;
		task->progress_rows = live->rows;
		task->progress_rejected = live->rejected;
		task->progress_note = arena_str(arena, live->note);
	}
}

int queue_get(struct queue *queue, int64_t id, struct arena *arena, struct task **ret, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(store_reader(queue->store), statement(TASK_GET), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, id);
	r = store_step(stmt, err);
	if (r > 0) {
		*ret = read_task(stmt, arena);
		queue_overlay(queue, *ret, arena);
	}
	store_end(stmt);
	if (!r)
		return err_set(err, ERR_NOTFOUND, "there is no such task");
	return r > 0 ? 0 : r;
}

int queue_attempts(struct queue *queue, int64_t id, struct arena *arena, struct task_attempt **ret,
                   size_t *ret_n, struct err *err)
{
	struct store_stmt *stmt;
	struct task_attempt *list = NULL;
	size_t n = 0, cap = 0;
	int r = store_begin(store_reader(queue->store), statement(ATTEMPT_LIST), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, id);
	while ((r = store_step(stmt, err)) > 0) {
		if (n == cap) {
			struct task_attempt *grown = arena_alloc(arena, (cap = cap ? cap * 2 : 8) * sizeof(*grown));

			list = n ? memcpy(grown, list, n * sizeof(*grown)) : grown;
		}
		list[n++] = (struct task_attempt){
			.attempt = (int)store_int(stmt, 0),
			.fence = store_int(stmt, 1),
			.worker = arena_str(arena, store_text(stmt, 2)),
			.started_at = store_int(stmt, 3),
			.finished_at = store_int(stmt, 4),
			.outcome = arena_str(arena, store_text(stmt, 5)),
			.error_code = (int)store_int(stmt, 6),
			.error = arena_str(arena, store_text(stmt, 7)),
		};
	}
	store_end(stmt);
	*ret = list;
	*ret_n = n;
	return r;
}

/* ---- lists ---------------------------------------------------------------------------------------- */

static int read_cursor(const char *cursor, int64_t *ret, struct err *err)
{
	*ret = INT64_MAX;
	if (cursor && id_parse('c', cursor, ret))
		return err_set(err, ERR_INVALID, "the cursor is not one that this agent gave");
	return 0;
}

static void bind_filter(struct store_stmt *stmt, const struct queue_filter *f, int64_t before)
{
	store_bind_int(stmt, 1, before);
	store_bind_int(stmt, 2, (int64_t)f->limit + 1);
	store_bind_int(stmt, 3, f->state);
	store_bind_int(stmt, 4, clock_wall_ms());
	store_bind_text(stmt, 5, f->kind);
	store_bind_text(stmt, 6, f->queue);
	store_bind_text(stmt, 7, f->dataset);
	store_bind_text(stmt, 8, f->label_key);
	store_bind_text(stmt, 9, f->label_value);
	store_bind_int(stmt, 10, f->created_after);
	store_bind_int(stmt, 11, f->created_before);
	store_bind_int(stmt, 12, f->parent);
}

int queue_list(struct queue *queue, const struct queue_filter *filter, struct arena *arena, struct task ***ret,
               size_t *ret_n, const char **ret_cursor, struct err *err)
{
	struct task **list;
	struct store_stmt *stmt;
	int64_t before;
	size_t n = 0;
	int r = read_cursor(filter->cursor, &before, err);

	if (!r && (filter->limit < 1 || filter->limit > 1000))
		r = err_set(err, ERR_INVALID, "limit %zu is out of range: allowed is 1 to 1000", filter->limit);
	if (!r)
		r = store_begin(store_reader(queue->store), statement(TASK_LIST), &stmt, err);
	if (r)
		return r;
	list = arena_alloc(arena, (filter->limit + 1) * sizeof(struct task *));
	bind_filter(stmt, filter, before);
	while ((r = store_step(stmt, err)) > 0) {
		list[n] = read_task(stmt, arena);
		queue_overlay(queue, list[n++], arena);
	}
	store_end(stmt);
	*ret_cursor = NULL;
	if (n > filter->limit) {
		char cursor[ID_LEN];

		id_format('c', list[--n - 1]->id, cursor);
		*ret_cursor = arena_str(arena, cursor);
	}
	*ret = list;
	*ret_n = n;
	return r;
}

/* ---- the news -------------------------------------------------------------------------------------- */

static void show_in(struct task *task, enum task_state state)
{
	task->state = state;
	if (task_state_is_final(state))
		return;
	task->finished_at = 0;
	task->error_code = 0;
	task->result = task->error = task->error_where = NULL;
}

void queue_tell(struct queue *queue, int64_t id, const char *type, enum task_state state)
{
	struct task_event event = {.type = type};
	struct arena arena;
	struct task *task;
	char name[ID_LEN];

	arena_init(&arena);
	if (!queue_get(queue, id, &arena, &task, NULL)) {
		show_in(task, state);
		id_format('t', id, name);
		if (!strcmp(type, "state"))
			log_info("task.state", LOG_STR("task", name), LOG_STR("kind", task->kind),
			         LOG_STR("state", task_state_name(task->state)), LOG_INT("attempt", task->attempt),
			         LOG_STR("dataset", task->dataset), LOG_STR("trace", task->trace),
			         LOG_STR("error", task->error));
		event.task = task;
		if (queue->events.on_event)
			queue->events.on_event(queue->events.ctx, &event);
	}
	arena_done(&arena);
}
