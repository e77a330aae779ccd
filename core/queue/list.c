/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of tasks, by age, page by page: rows of the store, what runs as RAM knows it, and the files by day. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "queue/inside.h"

/* A cursor is the last id of a page; the letter says in which order. */
static char letter_of(const struct queue_filter *f)
{
	return f->oldest_first ? 'a' : 'c';
}

static int read_cursor(const struct queue_filter *f, int64_t *ret, struct err *err)
{
	*ret = f->oldest_first ? 0 : INT64_MAX;
	if (f->cursor && id_parse(letter_of(f), f->cursor, ret))
		return err_set(err, ERR_INVALID, "the cursor is not one that this agent gave for a list in this order");
	return 0;
}

static void bind_filter(struct store_stmt *stmt, const struct queue_filter *f, int64_t behind, int64_t from)
{
	store_bind_int(stmt, 1, behind);
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

/* Where to look for them: the smallest table that has them all. The statement for the oldest first is the next one. */
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
	int is_up; /* the oldest first */
};

/* Does a come before b in it? */
static int is_before(const struct page *page, int64_t a, int64_t b)
{
	return page->is_up ? a < b : a > b;
}

/* Reads on until the page is full: live states are those of RAM. */
static int read_page(struct queue *queue, const struct queue_filter *f, enum queue_statement id, int64_t behind,
                     int64_t from, struct arena *arena, struct page *page, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(store_reader(queue->store), statement(id), &stmt, err);

	if (r)
		return r;
	bind_filter(stmt, f, behind, from);
	while (page->n < page->limit && (r = store_step(stmt, err)) > 0) {
		struct task *task = queue_read_task(stmt, arena);

		queue_overlay(queue, task, arena);
		if (!state_matches(f->state, task->state))
			continue;
		queue_read_last_error(queue, task, arena);
		page->tasks[page->n++] = task;
	}
	store_end(stmt);
	return r < 0 ? r : 0;
}

static int oldest_first(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int newest_first(const void *a, const void *b)
{
	return oldest_first(b, a);
}

/* Few run, and RAM knows which. */
static int read_running(struct queue *queue, const struct queue_filter *f, int64_t behind, struct arena *arena,
                        struct page *page, struct err *err)
{
	int64_t *ids = arena_alloc(arena, ((size_t)queue->counts[TASK_RUNNING] + 1) * sizeof(*ids));
	size_t n = 0;
	int r = 0;

	list_each (item, &queue->running) {
		const struct live *live = list_entry(item, struct running, link)->live;

		if (is_before(page, behind, live->id))
			ids[n++] = live->id;
	}
	if (n)
		qsort(ids, n, sizeof(*ids), page->is_up ? oldest_first : newest_first);
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

/* The last id that has a place in it; a page that is full takes only those before it. */
static int64_t last_of(const struct page *page)
{
	if (page->n < page->limit)
		return page->is_up ? INT64_MAX : 0;
	return page->tasks[page->n - 1]->id;
}

static size_t place_in(const struct page *page, int64_t id)
{
	size_t at = page->n;

	while (at && !is_before(page, page->tasks[at - 1]->id, id))
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

static int read_day(struct store_db *db, const struct queue_filter *f, const struct store_day *day, int64_t behind,
                    struct arena *arena, struct page *page, struct err *err)
{
	struct store_db *file;
	struct store_stmt *stmt;
	int r = store_day_open(db, day->day, &file, err);

	if (!r)
		r = store_begin(file, statement(day_list_of(f->state) + page->is_up), &stmt, err);
	if (r)
		return r == ERR_NOTFOUND ? 0 : r;
	bind_filter(stmt, f, behind, 0);
	while ((r = store_step(stmt, err)) > 0) {
		int64_t id = store_int(stmt, 0);
		size_t at = place_in(page, id);

		if (is_before(page, last_of(page), id))
			break;
		if (is_in(page, at, id)) /* it is just moving */
			continue;
		r = archive_has_gone(db, id, day->day, err);
		if (r < 0)
			break;
		if (!r)
			put_in(page, at, queue_read_task(stmt, arena));
	}
	store_end(stmt);
	return r < 0 ? r : 0;
}

/* Are there ids in it that come behind one and before another? */
static int has_between(const struct page *page, const struct store_day *day, int64_t behind, int64_t before)
{
	return page->is_up ? day->last > behind && day->first < before : day->first < behind && day->last > before;
}

static int read_days(struct store_db *db, const struct queue_filter *f, int64_t behind, struct arena *arena,
                     struct page *page, struct err *err)
{
	struct store_day day = {.day = INT64_MAX};
	int r = 0;

	while (!r && store_day_before(db, day.day, &day))
		if (has_between(page, &day, behind, last_of(page)))
			r = read_day(db, f, &day, behind, arena, page, err);
	return r;
}

/* One look at the database for all: what moves meanwhile is neither missed nor there twice. */
static int read_list(struct queue *queue, const struct queue_filter *f, int64_t behind, struct arena *arena,
                     struct page *page, struct err *err)
{
	struct store_db *db = store_reader(queue->store);
	int r;

	if (f->state == TASK_RUNNING)
		return read_running(queue, f, behind, arena, page, err);
	r = store_run(db, err, statement(BEGIN), "");
	if (r)
		return r;
	r = read_page(queue, f, list_of(f->state) + page->is_up, behind, 0, arena, page, err);
	if (!r && may_have_ended(f->state))
		r = read_days(db, f, behind, arena, page, err);
	store_run(db, NULL, statement(COMMIT), "");
	return r;
}

int queue_list(struct queue *queue, const struct queue_filter *filter, struct arena *arena, struct task ***ret,
               size_t *ret_n, const char **ret_cursor, struct err *err)
{
	struct page page = {.limit = filter->limit + 1, .is_up = filter->oldest_first};
	int64_t behind;
	int r = read_cursor(filter, &behind, err);

	if (!r && (filter->limit < 1 || filter->limit > 1000))
		r = err_set(err, ERR_INVALID, "limit %zu is out of range: allowed is 1 to 1000", filter->limit);
	if (r)
		return r;
	page.tasks = arena_alloc(arena, page.limit * sizeof(struct task *));
	r = read_list(queue, filter, behind, arena, &page, err);
	*ret_cursor = NULL;
	if (page.n > filter->limit) {
		char cursor[ID_LEN];

		id_format(letter_of(filter), page.tasks[--page.n - 1]->id, cursor);
		*ret_cursor = arena_str(arena, cursor);
	}
	*ret = page.tasks;
	*ret_n = page.n;
	return r;
}
