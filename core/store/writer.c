/* SPDX-License-Identifier: Apache-2.0 */
/* The writer thread: takes what waits as one group, commits it, gives it back as ended. A write that fails fails alone, a full
 * disk is waited for, a commit that fails for another reason is the last one. */
#include <pthread.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "store/inside.h"

#define FULL_RETRY_MS 1000
#define FULL_ROOM (1 << 20) /* less than this is no room: a small write may fit where the next does not */

/* ---- the writer ---------------------------------------------------------------------------- */

/* Prepared once, found again by their address. */
static const char begin[] = "BEGIN IMMEDIATE", commit[] = "COMMIT", savepoint[] = "SAVEPOINT one",
		  release[] = "RELEASE one";

static void run_write_apart(struct store *store, struct write *write)
{
	write->r = store_run(&store->writer, &write->err, savepoint, "");
	if (!write->r)
		write->r = write->write(&store->writer, write->arg, &write->err);
	if (!write->r)
		write->r = store_run(&store->writer, &write->err, release, "");
	else
		db_exec(&store->writer, "ROLLBACK TO one; RELEASE one", NULL);
}

static int is_stopping(struct store *store)
{
	int stop;

	pthread_mutex_lock(&store->mutex);
	stop = store->stop;
	pthread_mutex_unlock(&store->mutex);
	return stop;
}

/* Another process that writes (somebody's sqlite3) says nothing about our disk: it is waited for. */
static int begin_group(struct store *store, struct err *err)
{
	int r = store_run(&store->writer, err, begin, "");

	while (r == ERR_BUSY && !is_stopping(store)) {
		log_warn("store.busy", LOG_STR("error", err->text));
		r = store_run(&store->writer, err, begin, "");
	}
	return r;
}

/* An error that the whole transaction does not survive: SQLite has rolled back, or is about to. */
static int is_lost(struct store *store, const struct write *write)
{
	return write->r == ERR_NOSPACE || sqlite3_get_autocommit(store->writer.handle);
}

/* Stops at the first that fails. */
static int run_together(struct store *store, struct list *group)
{
	list_each (item, group) {
		struct write *write = list_entry(item, struct write, link);

		write->r = write->write(&store->writer, write->arg, &write->err);
		if (write->r)
			return write->r;
	}
	return 0;
}

static int run_apart(struct store *store, struct list *group, struct err *err)
{
	list_each (item, group) {
		struct write *write = list_entry(item, struct write, link);

		run_write_apart(store, write);
		if (is_lost(store, write)) {
			*err = write->err;
			return write->r;
		}
	}
	return 0;
}

/* A savepoint copies every page that is touched behind it. Nearly always all writes of a group succeed, so they run
 * without; when one fails the group begins anew, each write in a savepoint of its own. */
static int run_group(struct store *store, struct list *group, struct err *err)
{
	int r;

	pthread_mutex_lock(&store->writing);
	r = begin_group(store, err);
	if (!r && run_together(store, group)) {
		db_exec(&store->writer, "ROLLBACK", NULL); /* fails when SQLite has done it already */
		r = begin_group(store, err);
		if (!r)
			r = run_apart(store, group, err);
	}
	if (!r)
		r = store_run(&store->writer, err, commit, "");
	if (r)
		db_exec(&store->writer, "ROLLBACK", NULL);
	pthread_mutex_unlock(&store->writing);
	return r;
}

void write_end(struct write *write, int r, const struct err *err)
{
	write->r = r;
	write->err = *err;
	write->err.code = r;
}

static void fail_group(struct list *group, const struct err *err)
{
	list_each (item, group)
		write_end(list_entry(item, struct write, link), ERR_READONLY, err);
}

void writes_move(struct list *from, struct list *to)
{
	while (!list_empty(from)) {
		struct list *item = from->next;

		list_del(item);
		list_add_tail(to, item);
	}
}

/* ---- a full disk --------------------------------------------------------------------------- */

static void set_full(struct store *store, const struct err *err)
{
	if (store->full_gauge == !!err)
		return;
	store->full_gauge = !!err;
	if (err)
		log_error("store.full", LOG_STR("error", err->text), LOG_STR("remedy", "make room; nothing is lost"));
	else
		log_info("store.has-room");
}

static int refuse(struct list *from, struct list *ended)
{
	struct err err;
	int n = 0;

	err_set(&err, ERR_NOSPACE, "the disk of the data folder is full: make room, and try again");
	list_each (item, from) {
		struct write *write = list_entry(item, struct write, link);

		if (!write->is_new)
			continue;
		list_del(item);
		write_end(write, ERR_NOSPACE, &err);
		list_add_tail(ended, item);
		n++;
	}
	return n;
}

/* With the mutex. */
static void refuse_waiting(struct store *store)
{
	int n = refuse(&store->waiting, &store->ended);

	store->n_waiting -= n;
	store->n_pressing -= n;
	store->wake(store->ctx);
}

/* New work of the group and of what waits is answered; the rest waits a while for room. Returns whether to go on. */
static int wait_for_room(struct store *store, struct list *group, const struct err *err)
{
	struct timespec until = writer_time(FULL_RETRY_MS);
	int stop;

	set_full(store, err);
	pthread_mutex_lock(&store->mutex);
	refuse(group, &store->ended);
	refuse_waiting(store);
	while (!store->stop && !pthread_cond_timedwait(&store->more, &store->mutex, &until)) {
		refuse_waiting(store);
	}
	stop = store->stop;
	pthread_mutex_unlock(&store->mutex);
	return !stop;
}

static int has_room(const struct store *store)
{
	struct statvfs fs;

	return statvfs(sqlite3_db_filename(store->writer.handle, "main"), &fs) ||
	       (double)fs.f_bavail * (double)fs.f_frsize >= FULL_ROOM;
}

static int try_write(struct store *store, struct err *err)
{
	static const char same[] = "UPDATE meta SET value = value WHERE key = 'boot_epoch'";

	return has_room(store) ? db_exec(&store->writer, same, err) : ERR_NOSPACE;
}

/* Until there is room again, also when nothing but new work had been written. */
static int run_until_room(struct store *store, struct list *group, struct err *err)
{
	int r = run_group(store, group, err);

	while (r == ERR_NOSPACE && wait_for_room(store, group, err)) {
		r = try_write(store, err);
		if (!r)
			r = run_group(store, group, err);
	}
	if (!r)
		set_full(store, NULL);
	return r;
}

static void go_read_only(struct store *store)
{
	store->read_only = 1;
	store->read_only_gauge = 1;
	log_error("store.read-only", LOG_STR("error", store->broken.text));
}

static void commit_group(struct store *store, struct list *group)
{
	struct err err = {0};
	int64_t start = clock_mono_ns();
	int r;

	if (store->is_corrupt && !store->read_only)
		go_read_only(store);
	if (store->read_only) {
		fail_group(group, &store->broken);
		return;
	}
	r = run_until_room(store, group, &err);
	if (!r) {
		store->commits++;
		metric_observe_ms(&store->commit_time, (double)(clock_mono_ns() - start) / 1e6);
		return;
	}
	err_set(&store->broken, ERR_READONLY, "the store takes no writes since a commit failed: %s", err.text);
	fail_group(group, &store->broken);
	if (r == ERR_NOSPACE)
		return; /* the agent stops, and what waited for room is done again at the next start */
	go_read_only(store);
}

/* ---- writes that may wait for company ------------------------------------------------------ */

struct timespec writer_time(int64_t ms)
{
	struct timespec ret;

	clock_gettime(CLOCK_MONOTONIC, &ret);
	ret.tv_sec += ms / 1000;
	ret.tv_nsec += ms % 1000 * 1000000;
	if (ret.tv_nsec >= 1000000000) {
		ret.tv_sec++;
		ret.tv_nsec -= 1000000000;
	}
	return ret;
}

static int is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

static int is_past(const struct timespec *until)
{
	struct timespec now = writer_time(0);

	return !is_before(&now, until);
}

/* With the mutex. */
static int lazy_are_due(const struct store *store)
{
	return !list_empty(&store->lazy) && (store->stop || store->hurry || is_past(&store->lazy_until));
}

/* With the mutex: somebody waits for one of them, or they have waited for company long enough. */
static int waiting_are_due(const struct store *store)
{
	return !list_empty(&store->waiting) && (store->n_pressing || store->n_waiting >= STORE_SOON_MAX ||
	                                        store->stop || store->hurry || is_past(&store->soon_until));
}

static const struct timespec *next_due(const struct store *store)
{
	if (list_empty(&store->waiting))
		return list_empty(&store->lazy) ? NULL : &store->lazy_until;
	return list_empty(&store->lazy) || is_before(&store->soon_until, &store->lazy_until) ? &store->soon_until
	                                                                                     : &store->lazy_until;
}

/* With the mutex: until there is something to write. 0: the store stops. */
static int wait_for_work(struct store *store)
{
	while (!waiting_are_due(store) && !lazy_are_due(store)) {
		const struct timespec *due = next_due(store);

		if (store->stop)
			return 0;
		if (due)
			pthread_cond_timedwait(&store->more, &store->mutex, due);
		else
			pthread_cond_wait(&store->more, &store->mutex);
	}
	return 1;
}

static void take_waiting(struct store *store, struct list *group)
{
	for (int64_t n = 0; n < store->config.group_max && !list_empty(&store->waiting); n++) {
		struct list *item = store->waiting.next;

		store->n_waiting--;
		store->n_pressing -= !list_entry(item, struct write, link)->is_soon;
		list_del(item);
		list_add_tail(group, item);
	}
}

/* The lazy ones first: each is older than whatever builds on it. They do not come before their time, also when others do:
 * most are taken back meanwhile. */
static void take_group(struct store *store, struct list *group)
{
	list_init(group);
	if (lazy_are_due(store)) {
		list_each (item, &store->lazy)
			list_entry(item, struct write, link)->is_lazy = 0;
		writes_move(&store->lazy, group);
	}
	take_waiting(store, group);
	store->hurry = 0;
}

void *writer_main(void *arg)
{
	struct store *store = arg;
	struct list group;

	pthread_mutex_lock(&store->mutex);
	while (wait_for_work(store)) {
		take_group(store, &group);
		store->busy = 1;
		pthread_mutex_unlock(&store->mutex);
		commit_group(store, &group);
		pthread_mutex_lock(&store->mutex);
		store->busy = 0;
		writes_move(&group, &store->ended);
		pthread_cond_broadcast(&store->idle);
		store->wake(store->ctx);
	}
	pthread_mutex_unlock(&store->mutex);
	return NULL;
}
