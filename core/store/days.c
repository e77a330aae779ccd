/* SPDX-License-Identifier: Apache-2.0 */
/* Files by day: which there are, connections to them, the thread that alone writes them.
 *
 * A file is a database of its own in WAL mode. It is made, filled and emptied by the days' thread, in jobs that its
 * owner hands over one at a time, and read by whoever has a connection to the database: each such connection keeps
 * a few connections to files beside it, so that every thread has its own. A file is dropped by unlinking it; who still
 * reads it goes on with what it had.
 *
 * A job holds the lock file of the folder. Auditors and copiers hold it too, so that no row moves while they look at
 * several files, in whatever process they are; a job that finds it held is put off. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "store/inside.h"

#define DAY_MAX 2932896 /* 9999-12-31: file names have four digits for the year */
#define CHECKPOINT_PAGES "1000"

struct shelf_day {
	struct store_day day;
	int is_known; /* the range of ids is */
};

struct shelf {
	pthread_mutex_t mutex;
	char folder[PATH_MAX], path[PATH_MAX]; /* path: of the database */
	struct shelf_day *days;                /* by day */
	size_t n, cap;
};

struct day_file {
	int64_t day;
	unsigned used; /* the turn of its last use */
	struct store_db db;
};

/* ---- names --------------------------------------------------------------------------------- */

int64_t store_day_of(int64_t wall_ms)
{
	int64_t day = wall_ms < 0 ? 0 : wall_ms / STORE_DAY_MS;

	return day < DAY_MAX ? day : DAY_MAX;
}

void store_day_name(int64_t day, char ret[STORE_DAY_NAME])
{
	time_t seconds = (time_t)(day * (STORE_DAY_MS / 1000));
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(ret, STORE_DAY_NAME, "done-%Y%m%d.db", &tm);
}

/* Also of what SQLite has beside a file; -1: another name. */
static int64_t day_of_name(const char *name)
{
	struct tm tm = {0};
	char again[STORE_DAY_NAME];
	int64_t day;

	if (sscanf(name, "done-%4d%2d%2d.db", &tm.tm_year, &tm.tm_mon, &tm.tm_mday) != 3)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	day = timegm(&tm) / (STORE_DAY_MS / 1000);
	if (day < 0 || day > DAY_MAX)
		return -1;
	store_day_name(day, again);
	return strncmp(name, again, strlen(again)) ? -1 : day;
}

static int path_of(const struct shelf *shelf, int64_t day, const char *suffix, char *ret, size_t cap, struct err *err)
{
	char name[STORE_DAY_NAME];

	store_day_name(day, name);
	if ((size_t)snprintf(ret, cap, "%s/%s%s", shelf->folder, name, suffix) >= cap)
		return err_set(err, ERR_INVALID, "the path '%.100s…' is too long", shelf->folder);
	return 0;
}

int shelf_path(const struct shelf *shelf, int64_t day, char *ret, size_t cap, struct err *err)
{
	return path_of(shelf, day, "", ret, cap, err);
}

/* ---- the shelf ------------------------------------------------------------------------------ */

/* With the mutex: of the first that is not before `day`. */
static size_t place_of(const struct shelf *shelf, int64_t day)
{
	size_t from = 0, to = shelf->n;

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (shelf->days[middle].day.day < day)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static struct shelf_day *find(struct shelf *shelf, int64_t day)
{
	size_t i = place_of(shelf, day);

	return i < shelf->n && shelf->days[i].day.day == day ? &shelf->days[i] : NULL;
}

static int has_day(struct shelf *shelf, int64_t day)
{
	int found;

	pthread_mutex_lock(&shelf->mutex);
	found = find(shelf, day) != NULL;
	pthread_mutex_unlock(&shelf->mutex);
	return found;
}

static int shelf_add(struct shelf *shelf, int64_t day)
{
	size_t at;

	pthread_mutex_lock(&shelf->mutex);
	at = place_of(shelf, day);
	if (at == shelf->n || shelf->days[at].day.day != day) {
		if (shelf->n == shelf->cap) {
			size_t cap = shelf->cap ? shelf->cap * 2 : 16;
			struct shelf_day *grown = realloc(shelf->days, cap * sizeof(*grown));

			if (!grown) {
				pthread_mutex_unlock(&shelf->mutex);
				return ERR_NOMEM;
			}
			shelf->days = grown;
			shelf->cap = cap;
		}
		memmove(&shelf->days[at + 1], &shelf->days[at], (shelf->n++ - at) * sizeof(*shelf->days));
		shelf->days[at] = (struct shelf_day){{day, INT64_MIN, INT64_MAX}, 0};
	}
	pthread_mutex_unlock(&shelf->mutex);
	return 0;
}

static void shelf_del(struct shelf *shelf, int64_t day)
{
	struct shelf_day *found;

	pthread_mutex_lock(&shelf->mutex);
	found = find(shelf, day);
	if (found)
		memmove(found, found + 1, (size_t)(&shelf->days[--shelf->n] - found) * sizeof(*found));
	pthread_mutex_unlock(&shelf->mutex);
}

/* The files that there are. */
static int read_folder(struct shelf *shelf, struct err *err)
{
	DIR *dir = opendir(shelf->folder);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return err_errno(err, errno, "cannot read the folder '%s'", shelf->folder);
	while (!r && (entry = readdir(dir)))
		if (day_of_name(entry->d_name) >= 0)
			r = shelf_add(shelf, day_of_name(entry->d_name));
	closedir(dir);
	return r ? err_set(err, r, "out of memory") : 0;
}

int shelf_open(const char *path, struct shelf **ret, struct err *err)
{
	struct shelf *shelf = calloc(1, sizeof(*shelf));
	char *slash;
	int r;

	if (!shelf)
		return err_set(err, ERR_NOMEM, "out of memory");
	pthread_mutex_init(&shelf->mutex, NULL);
	snprintf(shelf->path, sizeof(shelf->path), "%s", path);
	snprintf(shelf->folder, sizeof(shelf->folder), "%s", path);
	slash = strrchr(shelf->folder, '/');
	if (slash)
		slash[slash == shelf->folder] = '\0';
	else
		strcpy(shelf->folder, ".");
	r = read_folder(shelf, err);
	if (r) {
		shelf_close(shelf);
		return r;
	}
	*ret = shelf;
	return 0;
}

void shelf_close(struct shelf *shelf)
{
	if (!shelf)
		return;
	pthread_mutex_destroy(&shelf->mutex);
	free(shelf->days);
	free(shelf);
}

int shelf_sync(const struct shelf *shelf, struct err *err)
{
	return shelf->n ? dir_sync(shelf->folder, err) : 0;
}

int shelf_lock(const struct shelf *shelf, int how)
{
	char name[PATH_MAX + 16];
	int fd;

	snprintf(name, sizeof(name), "%s/done.lock", shelf->folder);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || !flock(fd, how)) /* where nothing can be written nothing moves */
		return fd;
	close(fd);
	return -1;
}

/* ---- for who reads --------------------------------------------------------------------------- */

int store_day_before(struct store_db *db, int64_t day, struct store_day *ret)
{
	struct shelf *shelf = db->shelf;
	size_t at;

	if (!shelf)
		return 0;
	pthread_mutex_lock(&shelf->mutex);
	at = place_of(shelf, day);
	if (at)
		*ret = shelf->days[at - 1].day;
	pthread_mutex_unlock(&shelf->mutex);
	return at > 0;
}

int store_day_is_there(struct store_db *db, int64_t day)
{
	char path[PATH_MAX];

	return db->shelf && has_day(db->shelf, day) && !shelf_path(db->shelf, day, path, sizeof(path), NULL) &&
	       !access(path, F_OK);
}

static void file_close(struct store_db *db, size_t i)
{
	if (!db->files[i])
		return;
	db_close(&db->files[i]->db);
	free(db->files[i]);
	db->files[i] = NULL;
}

void day_files_close(struct store_db *db)
{
	for (size_t i = 0; i < STORE_DAYS_OPEN; i++)
		file_close(db, i);
}

void store_day_tidy(struct store_db *db)
{
	for (size_t i = 0; i < STORE_DAYS_OPEN; i++)
		if (db->files[i] && (db->files[i]->used <= db->tidied || !has_day(db->shelf, db->files[i]->day)))
			file_close(db, i);
	db->tidied = db->turn;
}

/* Where the next file goes: a free place, or that of the one that was used longest ago. */
static size_t make_place(struct store_db *db)
{
	size_t oldest = 0;

	for (size_t i = 0; i < STORE_DAYS_OPEN; i++) {
		if (!db->files[i])
			return i;
		if (db->files[i]->used < db->files[oldest]->used)
			oldest = i;
	}
	file_close(db, oldest);
	return oldest;
}

static int read_range(struct shelf *shelf, int64_t day, struct store_db *file, struct err *err)
{
	static const char range[] = "SELECT ifnull((SELECT min(id) FROM done), 9223372036854775807),"
				    " ifnull((SELECT max(id) FROM done), 0)";
	struct store_stmt *stmt;
	struct shelf_day *found;
	int r = store_begin(file, range, &stmt, err);

	if (r)
		return r;
	r = store_step(stmt, err);
	pthread_mutex_lock(&shelf->mutex);
	found = find(shelf, day);
	if (r > 0 && found && !found->is_known) {
		found->day.first = store_int(stmt, 0);
		found->day.last = store_int(stmt, 1);
		found->is_known = 1;
	}
	pthread_mutex_unlock(&shelf->mutex);
	store_end(stmt);
	return r < 0 ? r : 0;
}

/* Of a file that the power went while it was made there is nothing to read. */
static int open_to_read(struct shelf *shelf, int64_t day, struct store_db *ret, struct err *err)
{
	char path[PATH_MAX];
	int version = 0, r = shelf_path(shelf, day, path, sizeof(path), err);

	if (r)
		return r;
	if (access(path, F_OK))
		return err_set(err, ERR_NOTFOUND, "there is no file '%s'", path);
	r = db_open(path, 1, ret, err);
	if (r)
		return r;
	r = db_version(ret, &version, err);
	if (!r && !version)
		r = err_set(err, ERR_NOTFOUND, "'%s' is empty", path);
	if (!r && version != day_schema_steps)
		r = err_set(err, ERR_UNSUPPORTED, "'%s' is of version %d, this program knows %d: upgrade it", path,
		            version, day_schema_steps);
	if (!r)
		r = read_range(shelf, day, ret, err);
	if (r && r != ERR_NOTFOUND)
		err_prefix(err, "'%s' (restore it from a copy, or move it away)", path);
	if (r)
		db_close(ret);
	return r;
}

int store_day_open(struct store_db *db, int64_t day, struct store_db **ret, struct err *err)
{
	struct day_file *file;
	size_t at;
	int r;

	if (!has_day(db->shelf, day))
		return err_set(err, ERR_NOTFOUND, "there is no such file any more");
	for (at = 0; at < STORE_DAYS_OPEN; at++)
		if (db->files[at] && db->files[at]->day == day)
			break;
	if (at == STORE_DAYS_OPEN) {
		file = calloc(1, sizeof(*file));
		if (!file)
			return err_set(err, ERR_NOMEM, "out of memory");
		r = open_to_read(db->shelf, day, &file->db, err);
		if (r) {
			free(file);
			return r;
		}
		file->day = day;
		at = make_place(db);
		db->files[at] = file;
	}
	db->files[at]->used = ++db->turn;
	*ret = &db->files[at]->db;
	return 0;
}

/* ---- for who writes: the thread ---------------------------------------------------------------- */

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
	int r = days->source.handle ? 0 : db_open(shelf->path, 1, &days->source, err);

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
		r = attach_source(ret, shelf->path, err);
	if (!r && is_new)
		r = dir_sync(shelf->folder, err);
	if (!r && shelf_add(shelf, day))
		r = err_set(err, ERR_NOMEM, "out of memory");
	if (!r)
		r = read_range(shelf, day, ret, err);
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
	return has_day(days->store->shelf, day);
}

void store_days_extend(struct store_days *days, int64_t day, int64_t id)
{
	struct shelf *shelf = days->store->shelf;
	struct shelf_day *found;

	pthread_mutex_lock(&shelf->mutex);
	found = find(shelf, day);
	if (found && id < found->day.first)
		found->day.first = id;
	if (found && id > found->day.last)
		found->day.last = id;
	pthread_mutex_unlock(&shelf->mutex);
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
		r = path_of(shelf, day, suffixes[i], path, sizeof(path), err);
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
