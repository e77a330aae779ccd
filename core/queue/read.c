/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a task: what the store has, overlaid with what RAM knows better. */
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "queue/inside.h"

#define READ_AHEAD 64
#define READ_AHEAD_MIN 8 /* waiting tasks */

static enum task_state state_of(const struct task *task, const struct store_stmt *stmt)
{
	if (store_text(stmt, 18))
		return (enum task_state)store_int(stmt, 18);
	if (task->fence)
		return TASK_RUNNING;
	if (store_int(stmt, 32))
		return TASK_BLOCKED;
	return task->run_at > clock_wall_ms() ? TASK_SCHEDULED : TASK_READY;
}

static const struct task_spec *read_policy(const struct store_stmt *stmt, struct arena *arena)
{
	struct task_spec *policy = arena_alloc(arena, sizeof(*policy));

	if (store_text(stmt, 31) && spec_unpack(store_text(stmt, 31), arena, policy))
		log_warn("task.policy", LOG_INT("task", store_int(stmt, 0)), LOG_STR("error", "it cannot be read"));
	return policy;
}

/* The columns of TASK_COLUMNS in queue_sql.c. */
struct task *queue_read_task(const struct store_stmt *stmt, struct arena *arena)
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
	t->attempt = (int)store_int(stmt, ended ? 19 : 34);
	t->fence = store_int(stmt, 15);
	t->started_at = store_int(stmt, ended ? 21 : 16);
	t->worker = arena_str(arena, store_text(stmt, ended ? 20 : 17));
	t->finished_at = store_int(stmt, 22);
	t->error_code = (int)store_int(stmt, 24);
	t->error = arena_str(arena, store_text(stmt, 25));
	t->error_where = arena_str(arena, store_text(stmt, 26));
	t->checkpoint = arena_str(arena, store_text(stmt, 27));
	t->tenant = arena_str(arena, store_text(stmt, 28));
	t->batch = store_int(stmt, 29);
	t->unique_key = arena_str(arena, store_text(stmt, 30));
	t->policy = read_policy(stmt, arena);
	t->crashes = (int)store_int(stmt, 33);
	t->state = state_of(t, stmt);
	if (t->state == TASK_SUCCEEDED) /* else it is the last checkpoint that stands there */
		t->result = arena_str(arena, store_text(stmt, 23));
	return t;
}

static void overlay_running(const struct running *run, struct task *task, struct arena *arena)
{
	task->fence = run->fence;
	task->cancel_requested = run->stop == ERR_CANCELLED;
	task->started_at = run->started_at;
	task->worker = arena_str(arena, run->worker);
	task->progress_done = run->done;
	task->progress_total = run->total;
	task->progress_rows = run->rows;
	task->progress_rejected = run->rejected;
	task->progress_note = arena_str(arena, run->note);
	if (run->lease_until)
		task->lease_until = clock_wall_ms() + run->lease_until - clock_mono_ms();
}

/* One that waits to be tried again says why. Whose first attempt is still to come is not looked for. */
void queue_read_last_error(const struct queue *queue, struct task *task, struct arena *arena)
{
	struct store_stmt *stmt;

	if (task->state >= TASK_RUNNING || (!task->attempt && task->run_at <= task->created_at) ||
	    store_begin(store_reader(queue->store), statement(ATTEMPT_LAST), &stmt, NULL))
		return;
	store_bind_int(stmt, 1, task->id);
	if (store_step(stmt, NULL) > 0) {
		task->error_code = (int)store_int(stmt, 0);
		task->error = arena_str(arena, store_text(stmt, 1));
	}
	store_end(stmt);
}

void queue_overlay(const struct queue *queue, struct task *task, struct arena *arena)
{
	const struct live *live = live_find(queue, task->id);

	if (!live || task_state_is_final(task->state))
		return;
	task->state = live_state(live);
	task->attempt = (int)live->life.attempt;
	task->crashes = live->life.crashes;
	task->fence = 0;
	if (live_running(live))
		overlay_running(live->running, task, arena);
}

static int read_ready(struct queue *queue, const struct live *live, struct arena *arena, struct task **ret,
                      struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(store_reader(queue->store), statement(TASK_GET_CLAIMED), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, live->id);
	store_bind_int(stmt, 2, live->due);
	store_bind_int(stmt, 3, live->flags & LIVE_CHECKPOINT);
	r = store_step(stmt, err);
	if (r > 0)
		*ret = queue_read_task(stmt, arena);
	store_end(stmt);
	return r > 0 ? 0 : r ? r : queue_no_task(err, live->id);
}

/* Who is likely to be claimed next is read along: a read alone costs its locks, and whatever of the database a commit in
 * between has made a stranger. */
static void read_ahead(struct queue *queue, const struct live *live)
{
	struct store_db *db = store_reader(queue->store);
	const struct list *fifo = &live->lane->order.fifo[live->priority];
	struct arena arena;
	struct task *task;
	int n = 0;

	if (live->place != PLACE_FIFO || live->lane->order.n < READ_AHEAD_MIN ||
	    store_run(db, NULL, statement(READ_BEGIN), ""))
		return;
	arena_init(&arena);
	for (const struct list *item = fifo->next; item != fifo && n < READ_AHEAD; item = item->next, n++) {
		const struct live *next = list_entry(item, struct live, fifo);

		if (!fresh_has(queue, next->id) && !read_ready(queue, next, &arena, &task, NULL))
			fresh_put_read(queue, next, task);
	}
	store_run(db, NULL, statement(READ_END), "");
	arena_done(&arena);
}

int queue_no_task(struct err *err, int64_t id)
{
	char name[ID_LEN];

	id_format('t', id, name);
	return err_set(err, ERR_NOTFOUND, "there is no task %s", name);
}

int queue_get_ready(struct queue *queue, const struct live *live, struct arena *arena, struct task **ret,
                    struct err *err)
{
	*ret = fresh_take(queue, live->id, arena);
	if (*ret)
		return 0;
	read_ahead(queue, live);
	*ret = fresh_take(queue, live->id, arena);
	return *ret ? 0 : read_ready(queue, live, arena, ret, err);
}

/* One that nobody has claimed, nor ended, since it was put. */
static struct task *get_fresh(struct queue *queue, int64_t id, struct arena *arena)
{
	struct task *task = live_find(queue, id) ? fresh_look(queue, id, arena) : NULL;

	if (task)
		queue_overlay(queue, task, arena);
	return task;
}

/* 1, 0 or an error. */
static int get_stored(struct queue *queue, int64_t id, struct arena *arena, struct task **ret, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(store_reader(queue->store), statement(TASK_GET), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, id);
	r = store_step(stmt, err);
	if (r > 0) {
		*ret = queue_read_task(stmt, arena);
		queue_overlay(queue, *ret, arena);
		queue_read_last_error(queue, *ret, arena);
	}
	store_end(stmt);
	return r;
}

/* In the files by day, or in the database if it has come back there just now: one look at both. */
static int get_archived(struct queue *queue, int64_t id, struct arena *arena, struct task **ret, struct err *err)
{
	struct store_db *db = store_reader(queue->store);
	struct archived found = {0};
	int r = store_run(db, err, statement(BEGIN), "");

	if (r)
		return r;
	r = get_stored(queue, id, arena, ret, err);
	if (!r) {
		r = archive_find(db, id, DAY_GET, &found, err);
		if (r > 0)
			*ret = queue_read_task(found.row, arena);
		store_end(found.row);
	}
	if (!r)
		r = days_may_have(db, id, err);
	store_run(db, NULL, statement(COMMIT), "");
	return r;
}

int queue_get(struct queue *queue, int64_t id, struct arena *arena, struct task **ret, struct err *err)
{
	int r;

	*ret = get_fresh(queue, id, arena);
	if (*ret)
		return 0;
	r = get_stored(queue, id, arena, ret, err);
	if (!r && queue_has_passed(queue, id))
		r = get_archived(queue, id, arena, ret, err);
	if (!r)
		return queue_no_task(err, id);
	return r > 0 ? 0 : r;
}

int queue_place_of(const struct queue *queue, int64_t id, const char **ret_queue, const char **ret_tenant)
{
	const struct live *live = live_find(queue, id);

	if (!live)
		return ERR_NOTFOUND;
	*ret_queue = live->lane->channel->name;
	*ret_tenant = live->lane->tenant->name;
	return 0;
}

int queue_has_passed(const struct queue *queue, int64_t id)
{
	return id > 0 && id <= queue->last_id;
}

static int read_attempts(struct store_db *db, int64_t id, struct arena *arena, struct task_attempt **ret, size_t *ret_n,
                         struct err *err)
{
	struct store_stmt *stmt;
	struct task_attempt *list = NULL;
	size_t n = 0, cap = 0;
	int r = store_begin(db, statement(ATTEMPT_LIST), &stmt, err);

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
			.usage = {(int)store_int(stmt, 8), store_int(stmt, 9), store_int(stmt, 10)},
		};
	}
	store_end(stmt);
	*ret = list;
	*ret_n = n;
	return r;
}

int queue_attempts(struct queue *queue, int64_t id, struct arena *arena, struct task_attempt **ret, size_t *ret_n,
                   struct err *err)
{
	struct store_db *db = store_reader(queue->store);
	struct archived found;
	int r = read_attempts(db, id, arena, ret, ret_n, err);

	if (r || *ret_n)
		return r;
	r = archive_find(db, id, DAY_STATE, &found, err); /* or it has not run yet */
	store_end(found.row);
	return r > 0 ? read_attempts(found.file, id, arena, ret, ret_n, err) : r;
}
