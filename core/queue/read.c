/* SPDX-License-Identifier: Apache-2.0 */
/* Reading tasks: what the store has, overlaid with what RAM knows better; lists; the news. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
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
	t->attempt = (int)store_int(stmt, ended ? 19 : 34);
	t->fence = store_int(stmt, 15);
	t->started_at = store_int(stmt, ended ? 21 : 16);
	t->worker = arena_str(arena, store_text(stmt, ended ? 20 : 17));
	t->finished_at = store_int(stmt, 22);
	t->result = arena_str(arena, store_text(stmt, 23));
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
static void read_last_error(const struct queue *queue, struct task *task, struct arena *arena)
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
		*ret = read_task(stmt, arena);
	store_end(stmt);
	return r > 0 ? 0 : r ? r : err_set(err, ERR_NOTFOUND, "there is no such task");
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
		*ret = read_task(stmt, arena);
		queue_overlay(queue, *ret, arena);
		read_last_error(queue, *ret, arena);
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
			*ret = read_task(found.row, arena);
		store_end(found.row);
	}
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
		return err_set(err, ERR_NOTFOUND, "there is no such task");
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

/* ---- lists --------------------------------------------------------------------------------- */

static int read_cursor(const char *cursor, int64_t *ret, struct err *err)
{
	*ret = INT64_MAX;
	if (cursor && id_parse('c', cursor, ret))
		return err_set(err, ERR_INVALID, "the cursor is not one that this agent gave");
	return 0;
}

static void bind_filter(struct store_stmt *stmt, const struct queue_filter *f, int64_t before, int64_t from)
{
	store_bind_int(stmt, 1, before);
	store_bind_int(stmt, 2, -1);
	store_bind_int(stmt, 3, f->state);
	store_bind_text(stmt, 4, f->kind);
	store_bind_text(stmt, 5, f->queue);
	store_bind_text(stmt, 6, f->dataset);
	store_bind_text(stmt, 7, f->tenant);
	store_bind_text(stmt, 8, f->label_key);
	store_bind_text(stmt, 9, f->label_value);
	store_bind_int(stmt, 10, f->created_after);
	store_bind_int(stmt, 11, f->created_before);
	store_bind_int(stmt, 12, f->parent);
	store_bind_int(stmt, 13, f->batch);
	store_bind_int(stmt, 14, from);
	store_bind_int(stmt, 15, clock_wall_ms());
	store_bind_text(stmt, 16, f->tenant_like);
	store_bind_text(stmt, 17, f->queue_like);
}

static int state_matches(int wanted, enum task_state state)
{
	switch (wanted) {
	case QUEUE_ANY:
		return 1;
	case QUEUE_LIVE:
		return !task_state_is_final(state);
	case QUEUE_ENDED:
		return task_state_is_final(state);
	case QUEUE_UNSUCCESSFUL:
		return state > TASK_SUCCEEDED;
	case QUEUE_WAITING:
		return state < TASK_RUNNING;
	default:
		return (int)state == wanted;
	}
}

/* Where to look for them: the smallest table that has them all. */
static enum queue_statement list_of(int state)
{
	if (state == QUEUE_ANY || state == QUEUE_ENDED)
		return LIST_ALL;
	if (state == QUEUE_UNSUCCESSFUL)
		return LIST_BAD;
	if (state == TASK_SUCCEEDED)
		return LIST_DONE;
	return state > TASK_SUCCEEDED ? LIST_UNSUCCESSFUL : LIST_LIVE;
}

struct page {
	struct task **tasks;
	size_t n, limit;
};

/* Reads on until the page is full: live states are those of RAM. */
static int read_page(struct queue *queue, const struct queue_filter *f, enum queue_statement id, int64_t before,
                     int64_t from, struct arena *arena, struct page *page, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(store_reader(queue->store), statement(id), &stmt, err);

	if (r)
		return r;
	bind_filter(stmt, f, before, from);
	while (page->n < page->limit && (r = store_step(stmt, err)) > 0) {
		struct task *task = read_task(stmt, arena);

		queue_overlay(queue, task, arena);
		if (!state_matches(f->state, task->state))
			continue;
		read_last_error(queue, task, arena);
		page->tasks[page->n++] = task;
	}
	store_end(stmt);
	return r < 0 ? r : 0;
}

static int newest_first(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x < y) - (x > y);
}

/* Few run, and RAM knows which. */
static int read_running(struct queue *queue, const struct queue_filter *f, int64_t before, struct arena *arena,
                        struct page *page, struct err *err)
{
	int64_t *ids = arena_alloc(arena, ((size_t)queue->counts[TASK_RUNNING] + 1) * sizeof(*ids));
	size_t n = 0;
	int r = 0;

	list_each (item, &queue->running) {
		const struct live *live = list_entry(item, struct running, link)->live;

		if (live->id < before)
			ids[n++] = live->id;
	}
	if (n)
		qsort(ids, n, sizeof(*ids), newest_first);
	for (size_t i = 0; i < n && !r && page->n < page->limit; i++)
		r = read_page(queue, f, LIST_LIVE, ids[i] + 1, ids[i], arena, page, err);
	return r;
}

/* ---- lists over the files by day: each is read in turn, and its tasks take their places in the page ---- */

static int may_have_ended(int state)
{
	return state == QUEUE_ANY || state == QUEUE_ENDED || state == QUEUE_UNSUCCESSFUL || state >= TASK_SUCCEEDED;
}

static enum queue_statement day_list_of(int state)
{
	if (state == QUEUE_UNSUCCESSFUL)
		return DAY_LIST_BAD;
	return state > TASK_SUCCEEDED ? DAY_LIST_UNSUCCESSFUL : DAY_LIST;
}

/* The last id that has a place in it; a page that is full takes only newer ones. */
static int64_t last_of(const struct page *page)
{
	return page->n < page->limit ? 0 : page->tasks[page->n - 1]->id;
}

static size_t place_in(const struct page *page, int64_t id)
{
	size_t at = page->n;

	while (at && page->tasks[at - 1]->id <= id)
		at--;
	return at;
}

static int is_in(const struct page *page, size_t at, int64_t id)
{
	return at < page->n && page->tasks[at]->id == id;
}

static void put_in(struct page *page, size_t at, struct task *task)
{
	if (page->n == page->limit)
		page->n--;
	memmove(&page->tasks[at + 1], &page->tasks[at], (page->n++ - at) * sizeof(struct task *));
	page->tasks[at] = task;
}

static int read_day(struct store_db *db, const struct queue_filter *f, const struct store_day *day, int64_t before,
                    struct arena *arena, struct page *page, struct err *err)
{
	struct store_db *file;
	struct store_stmt *stmt;
	int r = store_day_open(db, day->day, &file, err);

	if (!r)
		r = store_begin(file, statement(day_list_of(f->state)), &stmt, err);
	if (r)
		return r == ERR_NOTFOUND ? 0 : r;
	bind_filter(stmt, f, before, 0);
	while ((r = store_step(stmt, err)) > 0) {
		int64_t id = store_int(stmt, 0);
		size_t at = place_in(page, id);

		if (id < last_of(page))
			break;
		if (is_in(page, at, id)) /* it is just moving */
			continue;
		r = archive_has_gone(db, id, day->day, err);
		if (r < 0)
			break;
		if (!r)
			put_in(page, at, read_task(stmt, arena));
	}
	store_end(stmt);
	return r < 0 ? r : 0;
}

static int read_days(struct store_db *db, const struct queue_filter *f, int64_t before, struct arena *arena,
                     struct page *page, struct err *err)
{
	struct store_day day = {.day = INT64_MAX};
	int r = 0;

	while (!r && store_day_before(db, day.day, &day))
		if (day.first < before && day.last > last_of(page))
			r = read_day(db, f, &day, before, arena, page, err);
	return r;
}

/* One look at the database for all: what moves meanwhile is neither missed nor there twice. */
static int read_list(struct queue *queue, const struct queue_filter *f, int64_t before, struct arena *arena,
                     struct page *page, struct err *err)
{
	struct store_db *db = store_reader(queue->store);
	int r;

	if (f->state == TASK_RUNNING)
		return read_running(queue, f, before, arena, page, err);
	r = store_run(db, err, statement(BEGIN), "");
	if (r)
		return r;
	r = read_page(queue, f, list_of(f->state), before, 0, arena, page, err);
	if (!r && may_have_ended(f->state))
		r = read_days(db, f, before, arena, page, err);
	store_run(db, NULL, statement(COMMIT), "");
	return r;
}

int queue_list(struct queue *queue, const struct queue_filter *filter, struct arena *arena, struct task ***ret,
               size_t *ret_n, const char **ret_cursor, struct err *err)
{
	struct page page = {.limit = filter->limit + 1};
	int64_t before;
	int r = read_cursor(filter->cursor, &before, err);

	if (!r && (filter->limit < 1 || filter->limit > 1000))
		r = err_set(err, ERR_INVALID, "limit %zu is out of range: allowed is 1 to 1000", filter->limit);
	if (r)
		return r;
	page.tasks = arena_alloc(arena, page.limit * sizeof(struct task *));
	r = read_list(queue, filter, before, arena, &page, err);
	*ret_cursor = NULL;
	if (page.n > filter->limit) {
		char cursor[ID_LEN];

		id_format('c', page.tasks[--page.n - 1]->id, cursor);
		*ret_cursor = arena_str(arena, cursor);
	}
	*ret = page.tasks;
	*ret_n = page.n;
	return r;
}

/* ---- the news ------------------------------------------------------------------------------ */

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
