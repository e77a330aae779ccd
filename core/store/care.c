/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps a store well: checkpoints, a check after a bad end, copies, and a door for auditors. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "store/inside.h"

#define QUIET_S 1
#define CHECK_AFTER_S 2 /* a bad end */

/* ---- checkpoints --------------------------------------------------------------------------- */

/* With every commit, on the writer thread. */
int checkpoint_on_wal(void *arg, sqlite3 *handle, const char *name, int pages)
{
	struct store *store = arg;
	int is_first;

	(void)handle;
	(void)name;
	pthread_mutex_lock(&store->mutex);
	is_first = !store->wal_pages;
	store->wal_pages = pages;
	if (is_first || pages >= store->config.checkpoint_pages)
		pthread_cond_signal(&store->wal_grew);
	pthread_mutex_unlock(&store->mutex);
	return SQLITE_OK;
}

/* With the mutex: until the log has grown, or has been quiet for a while. Returns the kind of checkpoint, -1 to stop. */
static int wait_for_log(struct store *store)
{
	struct timespec until;
	int pages;

	while (!store->stop) {
		pages = store->wal_pages;
		if (pages >= store->config.checkpoint_pages)
			return SQLITE_CHECKPOINT_PASSIVE;
		if (!pages) {
			pthread_cond_wait(&store->wal_grew, &store->mutex);
			continue;
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += QUIET_S;
		if (pthread_cond_timedwait(&store->wal_grew, &store->mutex, &until) == ETIMEDOUT &&
		    store->wal_pages == pages)
			return SQLITE_CHECKPOINT_RESTART;
	}
	return -1;
}

/* With the mutex, for so long. */
static void sleep_a_while(struct store *store, int seconds)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	while (!store->stop && pthread_cond_timedwait(&store->wal_grew, &store->mutex, &until) != ETIMEDOUT)
		;
}

/* The start, which reads a good part of them too, goes first. */
static void wait_for_start(struct store *store)
{
	pthread_mutex_lock(&store->mutex);
	do
		sleep_a_while(store, CHECK_AFTER_S);
	while (store->walks && !store->stop);
	pthread_mutex_unlock(&store->mutex);
}

static void check_pages(struct store *store)
{
	struct err err = {0};

	if (db_quick_check(&store->checkpointer, &err) != ERR_CORRUPT)
		return;
	log_error("store.damaged", LOG_STR("error", err.text), LOG_STR("remedy", "restore a copy"));
	pthread_mutex_lock(&store->mutex);
	err_set(&store->broken, ERR_READONLY, "the store takes no writes since it is damaged: %s", err.text);
	store->is_corrupt = 1;
	pthread_mutex_unlock(&store->mutex);
}

/* Most is moved while commits go on, and what they added meanwhile while they wait a moment: only a log of which
 * everything is moved begins anew and is written over. Else it grows for as long as there is work, and to sync a file
 * that grows costs the file system a transaction of its own. */
static void move_log(struct store *store)
{
	int pages = 0, moved = 0;

	sqlite3_wal_checkpoint_v2(store->checkpointer.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
	if (moved < pages) /* somebody reads an older state */
		return;
	pthread_mutex_lock(&store->writing);
	sqlite3_wal_checkpoint_v2(store->checkpointer.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	pthread_mutex_unlock(&store->writing);
}

void *checkpoint_main(void *arg)
{
	struct store *store = arg;
	int kind;

	sqlite3_busy_timeout(store->checkpointer.handle, 0); /* it never makes a commit wait for a reader */
	if (store->was_unclean) {
		wait_for_start(store);
		check_pages(store);
	}
	pthread_mutex_lock(&store->mutex);
	while ((kind = wait_for_log(store)) >= 0) {
		int pages = store->wal_pages;

		pthread_mutex_unlock(&store->mutex);
		if (kind == SQLITE_CHECKPOINT_PASSIVE)
			move_log(store);
		else
			sqlite3_wal_checkpoint_v2(store->checkpointer.handle, NULL, kind, NULL, NULL);
		pthread_mutex_lock(&store->mutex);
		if (store->wal_pages == pages)                                /* else what came meanwhile asks again */
			store->wal_pages = kind == SQLITE_CHECKPOINT_PASSIVE; /* to be reset when it is quiet */
	}
	pthread_mutex_unlock(&store->mutex);
	return NULL;
}

/* ---- copies -------------------------------------------------------------------------------- */

struct backup {
	struct store *store;
	pthread_t thread;
	char path[PATH_MAX], part[PATH_MAX + 8];
	store_done_fn on_done;
	void *arg;
	int r, is_over;
	struct err err;
};

/* The files by day become part of the copy, so that a copy is one file and needs no other. */
static int fold_day(struct store_db *copy, const struct shelf *shelf, int64_t day, struct err *err)
{
	char path[PATH_MAX];
	sqlite3_stmt *stmt;
	int r = shelf_path(shelf, day, path, sizeof(path), err);

	if (!r && (sqlite3_prepare_v2(copy->handle, "ATTACH ?1 AS day", -1, &stmt, NULL) ||
	           sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC) || sqlite3_step(stmt) != SQLITE_DONE))
		r = db_fail(copy, "cannot attach a file", err);
	if (r)
		return r;
	sqlite3_finalize(stmt);
	r = rows_fold(copy, day, err);
	if (!r)
		r = db_exec(copy, "DETACH day", err);
	return r ? err_prefix(err, "'%s'", path) : 0;
}

/* Who goes back to the copy does not know what was made since. New tasks get ids, and leases fences, that nothing of then
 * can have had: else a new ingest would be taken for one that is in its dataset already, and the lease of a task of then
 * for that of a task of now. */
static const char go_ahead[] = "UPDATE meta SET value = value + 1024 WHERE key = 'boot_epoch';"
			       "UPDATE meta SET value = (1 << 32) + max(value, (SELECT ifnull(max(id), 0) FROM task),"
			       " (SELECT ifnull(max(id), 0) FROM batch)) WHERE key = 'last_id'";

static int fold_days(struct backup *backup, struct err *err)
{
	static const char pragmas[] = "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8192";
	struct store_db copy = {0}, files = {.shelf = backup->store->shelf}, *file;
	struct store_day day = {.day = INT64_MAX};
	int r = 0;

	if (sqlite3_open_v2(backup->part, &copy.handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
		r = db_fail(&copy, "cannot open the copy", err);
	if (!r)
		r = db_exec(&copy, pragmas, err);
	while (!r && store_day_before(&files, day.day, &day)) {
		r = store_day_open(&files, day.day, &file, err);
		if (!r)
			r = fold_day(&copy, files.shelf, day.day, err);
		else if (r == ERR_NOTFOUND) /* dropped, or never filled */
			r = 0;
	}
	if (!r)
		r = db_exec(&copy, "DELETE FROM gone; DELETE FROM day_file", err);
	if (!r)
		r = db_exec(&copy, go_ahead, err);
	db_close(&files);
	db_close(&copy);
	return r;
}

static int copy_all(struct backup *backup, struct err *err)
{
	struct store_db db;
	sqlite3_stmt *stmt;
	int r = db_open(sqlite3_db_filename(backup->store->reader.handle, "main"), 0, &db, err);

	if (r)
		return r;
	if (sqlite3_prepare_v2(db.handle, "VACUUM INTO ?1", -1, &stmt, NULL) ||
	    sqlite3_bind_text(stmt, 1, backup->part, -1, SQLITE_STATIC) || sqlite3_step(stmt) != SQLITE_DONE)
		r = db_fail(&db, "cannot copy the database", err);
	sqlite3_finalize(stmt);
	db_close(&db);
	return r;
}

static int make_durable(const char *part, const char *path, struct err *err)
{
	char folder[PATH_MAX];
	char *slash;
	int fd = open(part, O_RDWR | O_CLOEXEC),
	    r = fd < 0 || fsync(fd) ? err_errno(err, errno, "cannot sync '%s'", part) : 0;

	if (fd >= 0)
		close(fd);
	if (!r)
		r = file_rename_new(part, path, err);
	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	return r ? r : dir_sync(slash ? folder : ".", err);
}

static void backup_told(void *arg, int r, const struct err *err)
{
	struct backup *backup = arg;

	backup->is_over = 1;
	backup->on_done(backup->arg, r, err);
}

static void *backup_main(void *arg)
{
	struct backup *backup = arg;
	int still_fd = shelf_lock(backup->store->shelf, LOCK_SH);

	backup->r = copy_all(backup, &backup->err);
	if (!backup->r)
		backup->r = fold_days(backup, &backup->err);
	if (still_fd >= 0)
		close(still_fd);
	if (!backup->r)
		backup->r = make_durable(backup->part, backup->path, &backup->err);
	if (backup->r)
		unlink(backup->part);
	store_post(backup->store, backup_told, backup, backup->r, &backup->err);
	return NULL;
}

void backup_join(struct store *store)
{
	if (!store->backup)
		return;
	pthread_join(store->backup->thread, NULL);
	free(store->backup);
	store->backup = NULL;
}

int store_backup(struct store *store, const char *path, store_done_fn on_done, void *arg, struct err *err)
{
	struct backup *backup;
	int r;

	if (store->backup && !store->backup->is_over)
		return err_set(err, ERR_BUSY, "a copy is being made already");
	backup_join(store);
	if (!access(path, F_OK))
		return err_set(err, ERR_EXISTS, "'%s' exists already", path);
	if (strlen(path) >= PATH_MAX)
		return err_set(err, ERR_INVALID, "the path '%.100s…' is too long", path);
	backup = calloc(1, sizeof(*backup));
	if (!backup)
		return err_set(err, ERR_NOMEM, "out of memory");
	backup->store = store;
	backup->on_done = on_done;
	backup->arg = arg;
	snprintf(backup->path, sizeof(backup->path), "%s", path);
	snprintf(backup->part, sizeof(backup->part), "%s.part", path);
	unlink(backup->part); /* of a copy that was not finished */
	r = pthread_create(&backup->thread, NULL, backup_main, backup);
	if (r) {
		free(backup);
		return err_errno(err, r, "cannot start the copy");
	}
	store->backup = backup;
	return 0;
}

/* ---- auditors ------------------------------------------------------------------------------ */

int store_open_reader(const char *path, struct store **ret, struct err *err)
{
	struct store *store;
	int version = 0, r;

	if (access(path, F_OK))
		return err_set(err, ERR_NOTFOUND, "there is no store '%s'", path);
	store = store_new();
	if (!store)
		return err_set(err, ERR_NOMEM, "out of memory");
	r = shelf_open(path, &store->shelf, err);
	if (!r)
		store->still_fd = shelf_lock(store->shelf, LOCK_SH);
	if (!r)
		r = db_open(path, 1, &store->reader, err);
	store->reader.shelf = store->shelf;
	if (!r)
		r = db_version(&store->reader, &version, err);
	if (!r && version != store_schema_steps)
		r = err_set(err, ERR_UNSUPPORTED, "store '%s' is of version %d, this program knows %d: %s", path,
		            version, store_schema_steps,
		            version < store_schema_steps ? "start the agent once" : "upgrade it");
	if (r) {
		store_close(store);
		return r;
	}
	*ret = store;
	return 0;
}

int store_quick_check(struct store *store, struct err *err)
{
	struct store_day day = {.day = INT64_MAX};
	struct store_db *file;
	char path[PATH_MAX];
	int r = db_quick_check(&store->reader, err);

	while (!r && store_day_before(&store->reader, day.day, &day)) {
		r = store_day_open(&store->reader, day.day, &file, err);
		if (r == ERR_NOTFOUND) {
			r = 0;
			continue;
		}
		if (!r)
			r = db_quick_check(file, err);
		if (r && !shelf_path(store->shelf, day.day, path, sizeof(path), NULL))
			err_prefix(err, "'%s'", path);
	}
	return r;
}

struct audit {
	struct store *store;
	pthread_t thread;
	int (*audit)(struct store *reader, struct err *err);
	store_done_fn on_done;
	void *arg;
	int r, is_over;
	struct err err;
};

static void audit_told(void *arg, int r, const struct err *err)
{
	struct audit *audit = arg;

	audit->is_over = 1;
	audit->on_done(audit->arg, r, err);
}

static void *audit_main(void *arg)
{
	struct audit *audit = arg;
	struct store *reader;

	audit->r = store_open_reader(sqlite3_db_filename(audit->store->reader.handle, "main"), &reader, &audit->err);
	if (!audit->r) {
		audit->r = audit->audit(reader, &audit->err);
		store_close(reader);
	}
	store_post(audit->store, audit_told, audit, audit->r, &audit->err);
	return NULL;
}

void audit_join(struct store *store)
{
	if (!store->audit)
		return;
	pthread_join(store->audit->thread, NULL);
	free(store->audit);
	store->audit = NULL;
}

int store_audit(struct store *store, int (*fn)(struct store *reader, struct err *err), store_done_fn on_done, void *arg,
                struct err *err)
{
	struct audit *audit;
	int r;

	if (store->audit && !store->audit->is_over)
		return err_set(err, ERR_BUSY, "an audit is under way already");
	audit_join(store);
	audit = calloc(1, sizeof(*audit));
	if (!audit)
		return err_set(err, ERR_NOMEM, "out of memory");
	audit->store = store;
	audit->audit = fn;
	audit->on_done = on_done;
	audit->arg = arg;
	r = pthread_create(&audit->thread, NULL, audit_main, audit);
	if (r) {
		free(audit);
		return err_errno(err, r, "cannot start the audit");
	}
	store->audit = audit;
	return 0;
}
