/* SPDX-License-Identifier: Apache-2.0 */
/* The door: open, close, and the loop thread's side. A write is an entry in one of two lists: waiting (towards the writer, see
 * writer.c) and ended (towards the loop); the mutex guards the lists and the flags, nothing else. The WAL is moved
 * into the database by a second thread, so that no commit waits for it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "store/inside.h"

#define EPOCH_SHIFT 40
#define GATHER_MAX 16 /* writes that the loop collects before it hands them over */

const struct option store_options[] = {
	{"group_max", OPTION_INT, offsetof(struct store_config, group_max), "2000", 1, 100000, NULL,
         "The most writes in one transaction."},
	{"checkpoint_pages", OPTION_INT, offsetof(struct store_config, checkpoint_pages), "1000", 100, 1000000, NULL,
         "The write-ahead log is moved into the database when it has grown by so many pages."},
	OPTION_END,
};

/* ---- open and close ------------------------------------------------------------------------ */

static int take_lock(struct store *store, const char *path, struct err *err)
{
	char name[PATH_MAX], pid[32] = "";
	ssize_t n;

	if ((size_t)snprintf(name, sizeof(name), "%s.lock", path) >= sizeof(name))
		return err_set(err, ERR_INVALID, "the path '%.100s…' is too long", path);
	store->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (store->lock_fd < 0)
		return err_errno(err, errno, "cannot open '%s'", name);
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB)) {
		n = read(store->lock_fd, pid, sizeof(pid) - 1);
		pid[n > 0 ? n : 0] = '\0';
		return err_set(err, ERR_BUSY,
		               "the data folder is in use by process %s (lock '%s'): stop that agent "
		               "or choose another folder",
		               *pid ? pid : "unknown", name);
	}
	n = snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (ftruncate(store->lock_fd, 0) || pwrite(store->lock_fd, pid, (size_t)n, 0) != n)
		return err_errno(err, errno, "cannot write '%s'", name);
	return 0;
}

/* Who ends in order leaves no write-ahead log behind. */
static int has_log(const char *path)
{
	char name[PATH_MAX];
	struct stat st;

	snprintf(name, sizeof(name), "%s-wal", path);
	return !stat(name, &st) && st.st_size > 0;
}

static int next_epoch(struct store *store, struct err *err)
{
	static const char bump[] = "UPDATE meta SET value = value + 1 WHERE key = 'boot_epoch'";
	static const char get[] = "SELECT value FROM meta WHERE key = 'boot_epoch'";
	struct store_stmt *stmt;
	int r = store_run(&store->writer, err, bump, "");

	if (!r)
		r = store_begin(&store->writer, get, &stmt, err);
	if (r)
		return r;
	r = store_step(stmt, err);
	if (r > 0)
		store->epoch = store_int(stmt, 0);
	store_end(stmt);
	return r < 0 ? r : 0;
}

static void fill_metrics(struct store *store)
{
	struct metric *m = store->metrics;

	*m++ = metric_counter("orasi_store_commits_total", "Transactions committed with an fsync.", &store->commits);
	*m++ = metric_counter("orasi_store_writes_total", "Writes handed to the store.", &store->writes);
	*m++ = metric_gauge("orasi_store_read_only", "1 when the store takes no writes.", &store->read_only_gauge);
	*m++ = metric_gauge("orasi_store_full", "1 while the disk of the data folder is full.", &store->full_gauge);
	*m++ = metric_times("orasi_store_commit_seconds", "Time of a group, fsync included.", &store->commit_time);
}

static int start_threads(struct store *store, struct err *err)
{
	int r = pthread_create(&store->thread, NULL, writer_main, store);

	if (r)
		return err_errno(err, r, "cannot start the writer");
	store->started = 1;
	r = pthread_create(&store->checkpoint_thread, NULL, checkpoint_main, store);
	if (r)
		return err_errno(err, r, "cannot start the checkpointer");
	store->started = 2;
	return 0;
}

struct store *store_new(void)
{
	struct store *store = calloc(1, sizeof(*store));
	pthread_condattr_t monotonic;

	if (!store)
		return NULL;
	store->lock_fd = store->still_fd = -1;
	list_init(&store->gathered);
	list_init(&store->deferred);
	list_init(&store->waiting);
	list_init(&store->ended);
	list_init(&store->lazy);
	pthread_mutex_init(&store->mutex, NULL);
	pthread_mutex_init(&store->writing, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&store->more, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_cond_init(&store->idle, NULL);
	pthread_cond_init(&store->wal_grew, NULL);
	return store;
}

static int open_files(struct store *store, const char *path, struct err *err)
{
	int r = take_lock(store, path, err);

	store->was_unclean = !r && has_log(path);
	if (!r)
		r = db_open(path, 0, &store->writer, err);
	if (!r)
		r = db_migrate(&store->writer, store_schema, store_schema_steps, err);
	if (!r)
		r = next_epoch(store, err);
	if (!r)
		r = db_open(path, 1, &store->reader, err);
	if (!r)
		r = db_open(path, 0, &store->checkpointer, err);
	if (!r)
		r = shelf_open(path, &store->shelf, err);
	if (!r) /* who made a file by day may have died before its name was on disk */
		r = shelf_sync(store->shelf, err);
	return r;
}

int store_open(const char *path, const struct store_config *config, void (*wake)(void *ctx), void *ctx,
               struct store **ret, struct err *err)
{
	struct store *store = store_new();
	int r;

	if (!store)
		return err_set(err, ERR_NOMEM, "out of memory");
	store->config = *config;
	store->wake = wake;
	store->ctx = ctx;
	fill_metrics(store);
	r = open_files(store, path, err);
	if (!r) {
		store->writer.shelf = store->reader.shelf = store->shelf;
		sqlite3_wal_hook(store->writer.handle, checkpoint_on_wal, store);
		r = start_threads(store, err);
	}
	if (r) {
		err_prefix(err, "cannot open the store '%s'", path);
		store_close(store);
		return r;
	}
	*ret = store;
	return 0;
}

static void stop_threads(struct store *store)
{
	store_hurry(store);
	pthread_mutex_lock(&store->mutex);
	store->stop = 1;
	pthread_cond_broadcast(&store->more);
	pthread_cond_broadcast(&store->wal_grew);
	pthread_mutex_unlock(&store->mutex);
	if (store->started > 0)
		pthread_join(store->thread, NULL);
	if (store->started > 1)
		pthread_join(store->checkpoint_thread, NULL);
	days_join(store);
	backup_join(store);
	audit_join(store);
}

void store_close(struct store *store)
{
	if (!store)
		return;
	stop_threads(store);
	list_each (item, &store->ended)
		free(list_entry(item, struct write, link));
	db_close(&store->reader);
	db_close(&store->checkpointer);
	if (store->writer.handle && !store->read_only)
		sqlite3_wal_checkpoint_v2(store->writer.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	db_close(&store->writer);
	shelf_close(store->shelf);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	if (store->still_fd >= 0)
		close(store->still_fd);
	pthread_mutex_destroy(&store->mutex);
	pthread_mutex_destroy(&store->writing);
	pthread_cond_destroy(&store->more);
	pthread_cond_destroy(&store->idle);
	pthread_cond_destroy(&store->wal_grew);
	free(store);
}

/* ---- for the loop thread ------------------------------------------------------------------- */

void store_post(struct store *store, store_done_fn on_done, void *arg, int r, const struct err *err)
{
	struct write *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return;
	entry->on_done = on_done;
	entry->arg = arg;
	write_end(entry, r, err);
	pthread_mutex_lock(&store->mutex);
	list_add_tail(&store->ended, &entry->link);
	store->wake(store->ctx);
	pthread_mutex_unlock(&store->mutex);
}

static void move_to_writer(struct store *store, struct list *from)
{
	list_each (item, from) {
		store->n_waiting++;
		store->n_pressing += !list_entry(item, struct write, link)->is_soon;
	}
	writes_move(from, &store->waiting);
}

/* The deferred ones first: what comes with them may build on them. The writer is not woken for those that may wait, but
 * for the first, as it sleeps without a limit. */
static void give(struct store *store)
{
	int was_idle;

	store->n_gathered = 0;
	pthread_mutex_lock(&store->mutex);
	was_idle = list_empty(&store->waiting);
	move_to_writer(store, &store->deferred);
	move_to_writer(store, &store->gathered);
	if (was_idle)
		store->soon_until = writer_time(STORE_SOON_MS);
	if (was_idle || store->n_pressing || store->n_waiting >= STORE_SOON_MAX)
		pthread_cond_signal(&store->more);
	pthread_mutex_unlock(&store->mutex);
}

void store_give(struct store *store)
{
	if (!list_empty(&store->gathered))
		give(store);
}

void store_hurry(struct store *store)
{
	if (!list_empty(&store->gathered) || !list_empty(&store->deferred))
		give(store);
}

int store_defer(struct store *store, const void *arg)
{
	list_each (item, &store->gathered)
		if (list_entry(item, struct write, link)->arg == arg) {
			list_del(item);
			list_add_tail(&store->deferred, item);
			store->n_gathered--;
			return 1;
		}
	return 0;
}

void store_gather(struct store *store, int on)
{
	store->gather_max = on ? GATHER_MAX : 0;
	store_give(store);
}

static struct write *write_new(struct store *store, store_write_fn write, store_done_fn on_done, void *arg)
{
	struct write *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->write = write;
	entry->on_done = on_done;
	entry->arg = arg;
	store->writes++;
	return entry;
}

static int hand_over(struct store *store, struct write *entry)
{
	if (!entry)
		return ERR_NOMEM;
	list_add_tail(&store->gathered, &entry->link);
	if (++store->n_gathered >= store->gather_max)
		store_give(store);
	return 0;
}

int store_write(struct store *store, store_write_fn write, store_done_fn on_done, void *arg)
{
	return hand_over(store, write_new(store, write, on_done, arg));
}

int store_write_soon(struct store *store, store_write_fn write, store_done_fn on_done, void *arg)
{
	struct write *entry = write_new(store, write, on_done, arg);

	if (entry)
		entry->is_soon = 1;
	return hand_over(store, entry);
}

int store_write_new(struct store *store, store_write_fn write, store_done_fn on_done, void *arg)
{
	struct write *entry = write_new(store, write, on_done, arg);

	if (entry)
		entry->is_new = 1;
	return hand_over(store, entry);
}

int store_write_lazy(struct store *store, store_write_fn write, store_done_fn on_done, void *arg,
                     struct store_lazy **ret)
{
	struct write *entry = write_new(store, write, on_done, arg);

	if (!entry)
		return ERR_NOMEM;
	entry->is_lazy = 1;
	pthread_mutex_lock(&store->mutex);
	if (list_empty(&store->lazy)) {
		store->lazy_until = writer_time(STORE_LAZY_MS);
		if (!store->busy) /* it sleeps without a limit */
			pthread_cond_signal(&store->more);
	}
	list_add_tail(&store->lazy, &entry->link);
	pthread_mutex_unlock(&store->mutex);
	*ret = (struct store_lazy *)entry;
	return 0;
}

int store_take_back(struct store *store, struct store_lazy *lazy)
{
	struct write *entry = (struct write *)lazy;
	int taken;

	pthread_mutex_lock(&store->mutex);
	taken = !entry->is_lazy;
	if (!taken)
		list_del(&entry->link);
	pthread_mutex_unlock(&store->mutex);
	if (!taken)
		free(entry);
	return !taken;
}

void store_drain(struct store *store)
{
	struct list ended;

	list_init(&ended);
	pthread_mutex_lock(&store->mutex);
	writes_move(&store->ended, &ended);
	pthread_mutex_unlock(&store->mutex);
	while (!list_empty(&ended)) {
		struct write *write = list_entry(ended.next, struct write, link);

		list_del(&write->link);
		if (write->on_done)
			write->on_done(write->arg, write->r, &write->err);
		free(write);
	}
}

static int is_quiet(struct store *store)
{
	return list_empty(&store->waiting) && list_empty(&store->lazy) && !store->busy && !days_are_busy(store);
}

void store_flush(struct store *store)
{
	int more;

	do {
		store_hurry(store);
		pthread_mutex_lock(&store->mutex);
		while (!is_quiet(store)) {
			store->hurry = 1;
			pthread_cond_signal(&store->more);
			pthread_cond_wait(&store->idle, &store->mutex);
		}
		pthread_mutex_unlock(&store->mutex);
		store_drain(store);
		pthread_mutex_lock(&store->mutex);
		more = !is_quiet(store) || !list_empty(&store->ended) || !list_empty(&store->gathered) ||
		       !list_empty(&store->deferred);
		pthread_mutex_unlock(&store->mutex);
	} while (more);
}

int store_is_read_only(const struct store *store)
{
	return store->read_only_gauge != 0;
}

int store_is_full(const struct store *store)
{
	return store->full_gauge != 0;
}

struct store_db *store_reader(struct store *store)
{
	return &store->reader;
}

int64_t store_next_fence(struct store *store)
{
	return store->epoch << EPOCH_SHIFT | ++store->sequence;
}

const struct metric *store_metrics(struct store *store)
{
	return store->metrics;
}
