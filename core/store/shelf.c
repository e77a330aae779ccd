/* SPDX-License-Identifier: Apache-2.0 */
/* The files by day that there are: their names, and which ids are in which. In memory, for all threads. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "store/inside.h"

#define DAY_MAX 2932896 /* 9999-12-31: file names have four digits for the year */

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

int shelf_beside(const struct shelf *shelf, int64_t day, const char *suffix, char *ret, size_t cap, struct err *err)
{
	char name[STORE_DAY_NAME];

	store_day_name(day, name);
	if ((size_t)snprintf(ret, cap, "%s/%s%s", shelf->folder, name, suffix) >= cap)
		return err_set(err, ERR_INVALID, "the path '%.100s…' is too long", shelf->folder);
	return 0;
}

int shelf_path(const struct shelf *shelf, int64_t day, char *ret, size_t cap, struct err *err)
{
	return shelf_beside(shelf, day, "", ret, cap, err);
}

const char *shelf_folder(const struct shelf *shelf)
{
	return shelf->folder;
}

const char *shelf_database(const struct shelf *shelf)
{
	return shelf->path;
}

/* ---- which there are ------------------------------------------------------------------------ */

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

int shelf_has(struct shelf *shelf, int64_t day)
{
	int found;

	pthread_mutex_lock(&shelf->mutex);
	found = find(shelf, day) != NULL;
	pthread_mutex_unlock(&shelf->mutex);
	return found;
}

/* With the mutex. */
static int put_at(struct shelf *shelf, size_t at, int64_t day)
{
	if (shelf->n == shelf->cap) {
		size_t cap = shelf->cap ? shelf->cap * 2 : 16;
		struct shelf_day *grown = realloc(shelf->days, cap * sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		shelf->days = grown;
		shelf->cap = cap;
	}
	memmove(&shelf->days[at + 1], &shelf->days[at], (shelf->n++ - at) * sizeof(*shelf->days));
	shelf->days[at] = (struct shelf_day){{day, INT64_MIN, INT64_MAX}, 0};
	return 0;
}

int shelf_add(struct shelf *shelf, int64_t day)
{
	int r;

	pthread_mutex_lock(&shelf->mutex);
	r = find(shelf, day) ? 0 : put_at(shelf, place_of(shelf, day), day);
	pthread_mutex_unlock(&shelf->mutex);
	return r;
}

void shelf_del(struct shelf *shelf, int64_t day)
{
	struct shelf_day *found;

	pthread_mutex_lock(&shelf->mutex);
	found = find(shelf, day);
	if (found)
		memmove(found, found + 1, (size_t)(&shelf->days[--shelf->n] - found) * sizeof(*found));
	pthread_mutex_unlock(&shelf->mutex);
}

int shelf_before(struct shelf *shelf, int64_t day, struct store_day *ret)
{
	size_t at;

	pthread_mutex_lock(&shelf->mutex);
	at = place_of(shelf, day);
	if (at)
		*ret = shelf->days[at - 1].day;
	pthread_mutex_unlock(&shelf->mutex);
	return at > 0;
}

void shelf_learn(struct shelf *shelf, int64_t day, int64_t first, int64_t last)
{
	struct shelf_day *found;

	pthread_mutex_lock(&shelf->mutex);
	found = find(shelf, day);
	if (found && !found->is_known)
		*found = (struct shelf_day){{day, first, last}, 1};
	pthread_mutex_unlock(&shelf->mutex);
}

void shelf_extend(struct shelf *shelf, int64_t day, int64_t id)
{
	struct shelf_day *found;

	pthread_mutex_lock(&shelf->mutex);
	found = find(shelf, day);
	if (found && id < found->day.first)
		found->day.first = id;
	if (found && id > found->day.last)
		found->day.last = id;
	pthread_mutex_unlock(&shelf->mutex);
}

/* ---- the folder ----------------------------------------------------------------------------- */

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
