/* SPDX-License-Identifier: Apache-2.0 */
/* A table that is read as a whole, in ranges of ids, by several threads at once. SQLite takes most of the time of such a
 * walk to take rows apart, so each thread has a connection and hands on rows of plain numbers; they come in through an
 * aggregate function, which costs a third less than to step from row to row. The caller's thread gets the ranges in
 * their order. No more than a few of them are in memory. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/inside.h"

#define RANGE 16384 /* ids */
#define THREADS 3   /* the caller's works too */
#define BLOCKS (2 * THREADS)

/* The rows of a range. */
struct block {
	int64_t begin; /* the range is [begin, begin + RANGE) */
	int64_t *values;
	size_t n, cap; /* values */
	int is_full;   /* and waits for the caller */
	int r;
	struct err err;
};

struct walk {
	struct store *store;
	const struct store_walk *what;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int64_t next, last; /* next: the first id of the range that nobody has yet */
	uint64_t given, told;
	int stop;
	struct block blocks[BLOCKS];
};

/* ---- one range ----------------------------------------------------------------------------- */

static int make_room(struct block *block, size_t n)
{
	size_t cap = block->cap ? block->cap * 2 : 1024;
	int64_t *values;

	if (block->n + n <= block->cap)
		return 0;
	while (cap < block->n + n)
		cap *= 2;
	values = realloc(block->values, cap * sizeof(*values));
	if (!values)
		return ERR_NOMEM;
	block->values = values;
	block->cap = cap;
	return 0;
}

static void take_row(sqlite3_context *context, int n, sqlite3_value **values)
{
	struct block *const *block = sqlite3_user_data(context);
	int64_t *to;

	if (make_room(*block, (size_t)n)) {
		sqlite3_result_error_nomem(context);
		return;
	}
	to = (*block)->values + (*block)->n;
	for (int i = 0; i < n; i++)
		to[i] = sqlite3_value_int64(values[i]);
	(*block)->n += (size_t)n;
}

static void rows_over(sqlite3_context *context)
{
	sqlite3_result_null(context);
}

/* `at`: where take_row finds the block at hand. */
static int open_walker(struct walk *walk, struct block **at, struct store_db *db, struct err *err)
{
	int r = db_open(sqlite3_db_filename(walk->store->reader.handle, "main"), 1, db, err);

	if (!r && sqlite3_create_function_v2(db->handle, "walk", walk->what->columns, SQLITE_UTF8, at, NULL, take_row,
	                                     rows_over, NULL))
		r = db_fail(db, "cannot make a function", err);
	return r;
}

static int read_range(struct walk *walk, struct store_db *db, struct block *block, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, walk->what->range, &stmt, err);

	block->n = 0;
	if (r)
		return r;
	store_bind_int(stmt, 1, block->begin);
	store_bind_int(stmt, 2, block->begin + RANGE);
	r = store_step(stmt, err);
	store_end(stmt);
	return r < 0 ? r : 0;
}

/* Ids are given out for ever, and what waits may lie far apart. */
static int skip_gap(struct walk *walk, struct store_db *db, int64_t from, struct err *err)
{
	struct store_stmt *stmt;
	int64_t id = 0;
	int r = store_begin(db, walk->what->ends, &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, from);
	r = store_step(stmt, err);
	if (r > 0)
		id = store_int(stmt, 0);
	store_end(stmt);
	pthread_mutex_lock(&walk->mutex);
	if (r > 0 && id > walk->next)
		walk->next = id;
	pthread_mutex_unlock(&walk->mutex);
	return r < 0 ? r : 0;
}

static int fill(struct walk *walk, struct store_db *db, struct block *block, struct err *err)
{
	int r = read_range(walk, db, block, err);

	return r || block->n ? r : skip_gap(walk, db, block->begin + RANGE, err);
}

/* ---- threads ------------------------------------------------------------------------------- */

/* With the mutex. NULL: there is no more to do. */
static struct block *take_range(struct walk *walk)
{
	struct block *block;

	while (!walk->stop && walk->next <= walk->last && walk->given - walk->told == BLOCKS)
		pthread_cond_wait(&walk->changed, &walk->mutex);
	if (walk->stop || walk->next > walk->last)
		return NULL;
	block = &walk->blocks[walk->given++ % BLOCKS];
	block->begin = walk->next;
	walk->next += RANGE;
	return block;
}

static void *walker_main(void *arg)
{
	struct walk *walk = arg;
	struct store_db db = {0};
	struct block *block = NULL;
	struct err err = {0};
	int r = open_walker(walk, &block, &db, &err);

	pthread_mutex_lock(&walk->mutex);
	while ((block = take_range(walk))) {
		pthread_mutex_unlock(&walk->mutex);
		if (!r)
			r = fill(walk, &db, block, &err);
		pthread_mutex_lock(&walk->mutex);
		block->r = r;
		block->err = err;
		block->is_full = 1;
		pthread_cond_broadcast(&walk->changed);
	}
	pthread_mutex_unlock(&walk->mutex);
	db_close(&db);
	return NULL;
}

/* ---- the caller's thread ------------------------------------------------------------------- */

static int tell_block(const struct walk *walk, const struct block *block, store_walk_fn on_row, void *arg,
                      struct err *err)
{
	size_t columns = (size_t)walk->what->columns;
	int r = block->r;

	if (r)
		*err = block->err;
	for (size_t i = 0; i < block->n && !r; i += columns)
		r = on_row(arg, block->values + i, err);
	return r;
}

static int tell_all(struct walk *walk, store_walk_fn on_row, void *arg, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&walk->mutex);
	while (!r && (walk->told < walk->given || walk->next <= walk->last)) {
		struct block *block = &walk->blocks[walk->told % BLOCKS];

		if (walk->told == walk->given || !block->is_full) {
			pthread_cond_wait(&walk->changed, &walk->mutex);
			continue;
		}
		pthread_mutex_unlock(&walk->mutex);
		r = tell_block(walk, block, on_row, arg, err);
		pthread_mutex_lock(&walk->mutex);
		block->is_full = 0;
		walk->told++;
		pthread_cond_broadcast(&walk->changed);
	}
	walk->stop = 1;
	pthread_cond_broadcast(&walk->changed);
	pthread_mutex_unlock(&walk->mutex);
	return r;
}

/* One range needs no thread. */
static int walk_alone(struct walk *walk, store_walk_fn on_row, void *arg, struct err *err)
{
	struct block *block = &walk->blocks[0];
	struct store_db db = {0};
	int r = open_walker(walk, &block, &db, err);

	block->begin = walk->next;
	if (!r)
		r = read_range(walk, &db, block, err);
	db_close(&db);
	return r ? r : tell_block(walk, block, on_row, arg, err);
}

static void note_walks(struct store *store, int by)
{
	pthread_mutex_lock(&store->mutex);
	store->walks += by;
	pthread_mutex_unlock(&store->mutex);
}

static int walk_together(struct walk *walk, store_walk_fn on_row, void *arg, struct err *err)
{
	pthread_t threads[THREADS];
	int n = 0, r = 0;

	note_walks(walk->store, 1);
	while (n < THREADS && !(r = pthread_create(&threads[n], NULL, walker_main, walk)))
		n++;
	r = n ? tell_all(walk, on_row, arg, err) : err_errno(err, r, "cannot start a thread");
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	note_walks(walk->store, -1);
	return r;
}

static int find_ends(struct walk *walk, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(&walk->store->reader, walk->what->ends, &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, INT64_MIN);
	r = store_step(stmt, err);
	if (r > 0 && store_text(stmt, 0)) {
		walk->next = store_int(stmt, 0);
		walk->last = store_int(stmt, 1);
	}
	store_end(stmt);
	if (walk->next < 0 || walk->last > INT64_MAX / 2)
		return err_set(err, ERR_CORRUPT, "store: there are ids from %lld to %lld: see store check",
		               (long long)walk->next, (long long)walk->last);
	return r < 0 ? r : 0;
}

int store_walk(struct store *store, const struct store_walk *what, store_walk_fn on_row, void *arg, struct err *err)
{
	struct walk walk = {.store = store, .what = what, .next = 1};
	int r = find_ends(&walk, err);

	if (r || walk.next > walk.last)
		return r;
	pthread_mutex_init(&walk.mutex, NULL);
	pthread_cond_init(&walk.changed, NULL);
	r = walk.last - walk.next < RANGE ? walk_alone(&walk, on_row, arg, err)
	                                  : walk_together(&walk, on_row, arg, err);
	for (int i = 0; i < BLOCKS; i++)
		free(walk.blocks[i].values);
	pthread_mutex_destroy(&walk.mutex);
	pthread_cond_destroy(&walk.changed);
	return r;
}
