/* SPDX-License-Identifier: Apache-2.0 */
/* Files by day, and the thread that alone writes them. Which there are is shelf.c, reading them day_files.c.
 *
 * A file is a database of its own in WAL mode. It is made, filled and emptied by the days' thread, in jobs that its
 * owner hands over one at a time, and read by whoever has a connection to the database: each such connection keeps
 * a few connections to files beside it, so that every thread has its own. A file is dropped by unlinking it; who still
 * reads it goes on with what it had.
 *
 * A job holds the lock file of the folder. Auditors and copiers hold it too, so that no row moves while they look at
 * several files, in whatever process they are; a job that finds it held is put off. */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "store/inside.h"

#define CHECKPOINT_PAGES "1000"

/* ---- the thread ------------------------------------------------------------------------------- */

struct store_days {
	struct store *store;
	pthread_t thread;
	pthread_cond_t more;
	/* with the store's mutex */
	struct write *job; /* arg and on_done; its end when it is over */
	store_days_fn work;
	int is_busy;
	/* the thread's own */
	struct store_db source, file;
	int64_t file_day; /* -1: none is open */
};

static int days_job(struct store_days *days, struct write *job)
{
	int fd = shelf_lock(days->store->shelf, LOCK_EX | LOCK_NB), r;

	if (fd < 0)
		return err_set(&job->err, ERR_BUSY, "somebody looks at the files");
	r = days->work(days, job->arg, &job->err);
	close(fd);
	return r;
}

static void *days_main(void *arg)
{
	struct store_days *days = arg;
	struct store *store = days->store;

	pthread_mutex_lock(&store->mutex);
	for (;;) {
		while (!days->job && !store->stop)
			pthread_cond_wait(&days->more, &store->mutex);
		if (!days->job)
			break;
		pthread_mutex_unlock(&store->mutex);
		days->job->r = days_job(days, days->job);
		pthread_mutex_lock(&store->mutex);
		list_add_tail(&store->ended, &days->job->link);
		days->job = NULL;
		days->is_busy = 0;
		pthread_cond_broadcast(&store->idle);
		store->wake(store->ctx);
	}
	pthread_mutex_unlock(&store->mutex);
	return NULL;
}

static int days_start(struct store *store)
{
	struct store_days *days = calloc(1, sizeof(*days));

	if (!days)
		return ERR_NOMEM;
	days->store = store;
	days->file_day = -1;
	pthread_cond_init(&days->more, NULL);
	if (pthread_create(&days->thread, NULL, days_main, days)) {
		pthread_cond_destroy(&days->more);
		free(days);
		return ERR_NOMEM;
	}
	store->days = days;
	return 0;
}

int store_days_run(struct store *store, store_days_fn work, store_done_fn on_done, void *arg)
{
	struct write *job = NULL;
	int r = 0;

	if (!store->days)
		r = days_start(store);
	if (!r)
		job = calloc(1, sizeof(*job));
	if (!job)
		return ERR_NOMEM;
	job->on_done = on_done;
	job->arg = arg;
	pthread_mutex_lock(&store->mutex);
	if (store->days->is_busy) {
		r = ERR_BUSY;
	} else {
		store->days->is_busy = 1;
		store->days->work = work;
		store->days->job = job;
		pthread_cond_signal(&store->days->more);
	}
	pthread_mutex_unlock(&store->mutex);
	if (r)
		free(job);
	return r;
}

int days_are_busy(const struct store *store)
{
	return store->days && store->days->is_busy;
}

/* The store has stopped: what is under way ends, nothing else begins. */
void days_join(struct store *store)
{
	struct store_days *days = store->days;

	if (!days)
		return;
	pthread_mutex_lock(&store->mutex);
	pthread_cond_signal(&days->more);
	pthread_mutex_unlock(&store->mutex);
	pthread_join(days->thread, NULL);
	store_days_rest(days);
	db_close(&days->source);
	pthread_cond_destroy(&days->more);
	free(days);
	store->days = NULL;
}

/* ---- in a job ---------------------------------------------------------------------------------- */

int store_days_source(struct store_days *days, struct store_db **ret, struct err *err)
{
	struct shelf *shelf = days->store->shelf;
	int r = days->source.handle ? 0 : db_open(shelf_database(shelf), 1, &days->source, err);

	days->source.shelf = shelf;
	*ret = &days->source;
	return r;
}

void store_days_rest(struct store_days *days)
{
	if (days->file_day >= 0)
		db_close(&days->file); /* the last one who leaves moves the log into it */
	days->file_day = -1;
}

static int attach_source(struct store_db *file, const char *path, struct err *err)
{
	sqlite3_stmt *stmt;
	int r = 0;

	if (sqlite3_prepare_v2(file->handle, "ATTACH ?1 AS source", -1, &stmt, NULL) ||
	    sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC) || sqlite3_step(stmt) != SQLITE_DONE)
		r = db_fail(file, "cannot attach the database", err);
	sqlite3_finalize(stmt);
	return r;
}

static int open_to_write(struct shelf *shelf, int64_t day, struct store_db *ret, struct err *err)
{
	char path[PATH_MAX];
	int is_new, r = shelf_path(shelf, day, path, sizeof(path), err);

	if (r)
		return r;
	is_new = access(path, F_OK) != 0;
	r = db_open(path, 0, ret, err);
	if (r)
		return r;
	r = db_exec(ret, "PRAGMA wal_autocheckpoint=" CHECKPOINT_PAGES "; PRAGMA cache_size=-2048", err);
	if (!r)
		r = db_migrate(ret, day_schema, day_schema_steps, err);
	if (!r)
		r = attach_source(ret, shelf_database(shelf), err);
	if (!r && is_new)
		r = dir_sync(shelf_folder(shelf), err);
	if (!r && shelf_add(shelf, day))
		r = err_set(err, ERR_NOMEM, "out of memory");
	if (!r)
		r = day_read_range(shelf, day, ret, err);
	if (r) {
		err_prefix(err, "'%s'", path);
		db_close(ret);
	}
	return r;
}

int store_days_write(struct store_days *days, int64_t day, struct store_db **ret, struct err *err)
{
	int r = 0;

	*ret = &days->file;
	if (days->file_day == day)
		return 0;
	store_days_rest(days);
	r = open_to_write(days->store->shelf, day, &days->file, err);
	if (!r)
		days->file_day = day;
	return r;
}

int store_days_has(struct store_days *days, int64_t day)
{
	return shelf_has(days->store->shelf, day);
}

void store_days_extend(struct store_days *days, int64_t day, int64_t id)
{
	shelf_extend(days->store->shelf, day, id);
}

/* Through SQLite, so that whoever stands between it and the disk knows. */
static int unlink_synced(const char *path, struct err *err)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	int code = vfs->xDelete(vfs, path, 1);

	if (code && code != SQLITE_IOERR_DELETE_NOENT)
		return err_set(err, ERR_IO, "cannot delete '%s'", path);
	return 0;
}

static int drop(struct shelf *shelf, int64_t day, struct err *err)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char path[PATH_MAX], name[STORE_DAY_NAME];
	int r = 0;

	shelf_del(shelf, day);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]) && !r; i++) {
		r = shelf_beside(shelf, day, suffixes[i], path, sizeof(path), err);
		if (!r)
			r = unlink_synced(path, err);
	}
	store_day_name(day, name);
	if (r)
		shelf_add(shelf, day); /* it is tried again */
	else
		log_info("store.day-dropped", LOG_STR("file", name));
	return r;
}

int store_days_drop(struct store_days *days, int64_t before, struct err *err)
{
	struct store_db asks = {.shelf = days->store->shelf};
	struct store_day last;
	int r = 0;

	if (days->file_day >= 0 && days->file_day < before)
		store_days_rest(days);
	while (!r && store_day_before(&asks, before, &last))
		r = drop(asks.shelf, last.day, err);
	return r;
}
