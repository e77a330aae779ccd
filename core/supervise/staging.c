/* SPDX-License-Identifier: Apache-2.0 */
/* Where workers write: <data>/staging/<worker>/, a folder for each process, which alone can write there (worker/sandbox.h)
 * and has its scratch files in it. Below it <task>-<fence>/ of each attempt whose work is committed.
 *
 * A worker that ends takes its folder with it, but for what a part that has been noted may still need: that stays until
 * the task is over. The same is done at the start for those of an earlier life.
 *
 * What goes is moved aside by one rename, out of reach of who made it, and removed by a thread: it may be large, and it
 * may have been made to be. */
#include "supervise/inside.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"

#define WORKER "w-"
#define GONE ".gone-"
#define KEPT_MAX 16 /* attempts in one folder; a worker has one at a time */
#define SWEEP_EVERY_MS 60000

/* ---- removing ------------------------------------------------------------------------------------ */

struct removal {
	char path[PATH_MAX];
	struct err err;
};

static void remove_path(void *ctx)
{
	struct removal *removal = ctx;

	if (unlink(removal->path))
		dir_remove(removal->path, &removal->err);
}

static void on_removed(void *ctx)
{
	struct removal *removal = ctx;

	if (removal->err.code)
		log_warn("staging.remove", LOG_STR("error", removal->err.text));
	free(removal);
}

static void remove_later(struct supervise *sup, const char *path)
{
	struct removal *removal = calloc(1, sizeof(*removal));
	struct err err = {0};

	if (!removal)
		return; /* the next start finds it */
	str_copy(removal->path, sizeof(removal->path), path);
	if (loop_work(sup->env.loop, remove_path, on_removed, removal, &err)) {
		log_warn("staging.remove", LOG_STR("error", err.text));
		free(removal);
	}
}

void staging_discard(struct supervise *sup, const char *path)
{
	char aside[PATH_MAX], uuid[UUID_LEN];

	uuid_new(uuid);
	if ((size_t)snprintf(aside, sizeof(aside), "%s/staging/" GONE "%s", sup->env.data_dir, uuid) >= sizeof(aside))
		return;
	if (!rename(path, aside))
		remove_later(sup, aside);
	else if (errno != ENOENT)
		log_warn("staging.remove", LOG_STR("path", path), LOG_STR("error", strerror(errno)));
}

/* ---- what is still needed ------------------------------------------------------------------------- */

static int is_needed(struct supervise *sup, const char *name)
{
	return str_starts(name, "t_") && (!supervise_is_over(sup, name) || placing_has(sup, name));
}

static int is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

struct kept {
	char names[KEPT_MAX][64];
	size_t n;
};

static void find_kept(struct supervise *sup, const char *folder, struct kept *ret)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	ret->n = 0;
	while (dir && ret->n < KEPT_MAX && (entry = readdir(dir)))
		if (strlen(entry->d_name) < sizeof(ret->names[0]) && is_needed(sup, entry->d_name))
			str_copy(ret->names[ret->n++], sizeof(ret->names[0]), entry->d_name);
	if (dir)
		closedir(dir);
}

static int is_kept(const struct kept *kept, const char *name)
{
	for (size_t i = 0; i < kept->n; i++)
		if (!strcmp(kept->names[i], name))
			return 1;
	return 0;
}

/* The folder of a worker that has ended. Returns whether something in it is needed. */
static int sweep_worker(struct supervise *sup, const char *folder)
{
	char path[PATH_MAX];
	struct dirent *entry;
	struct kept kept;
	DIR *dir;

	find_kept(sup, folder, &kept);
	if (!kept.n) {
		staging_discard(sup, folder);
		return 0;
	}
	dir = opendir(folder);
	while (dir && (entry = readdir(dir)))
		if (!is_dots(entry->d_name) && !is_kept(&kept, entry->d_name) &&
		    (size_t)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) < sizeof(path))
			staging_discard(sup, path);
	if (dir)
		closedir(dir);
	return 1;
}

static int is_alive(const struct supervise *sup, const char *folder)
{
	for (int role = 0; role < ROLES; role++)
		list_each (item, (struct list *)&sup->pools[role].processes) {
			const struct process *process = list_entry(item, struct process, link);

			if (process->staging && !strcmp(process->staging, folder))
				return 1;
		}
	return 0;
}

static void keep(struct supervise *sup)
{
	sup->staging_kept = 1;
	loop_timer_set(sup->staging_timer, SWEEP_EVERY_MS);
}

void staging_sweep(struct supervise *sup)
{
	char root[PATH_MAX - NAME_MAX - 2], path[PATH_MAX];
	struct dirent *entry;
	int kept = 0;
	DIR *dir;

	snprintf(root, sizeof(root), "%s/staging", sup->env.data_dir);
	dir = opendir(root);
	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;

		snprintf(path, sizeof(path), "%s/%s", root, name);
		if (is_dots(name) || is_alive(sup, path))
			continue;
		if (str_starts(name, WORKER))
			kept |= sweep_worker(sup, path);
		else if (is_needed(sup, name)) /* of an agent whose workers had no folders */
			kept = 1;
		else if (!str_starts(name, GONE))
			staging_discard(sup, path);
	}
	if (dir)
		closedir(dir);
	sup->staging_kept = 0;
	if (kept)
		keep(sup);
}

/* What was moved aside by one that died before it was removed. */
static void remove_rest(struct supervise *sup)
{
	char root[PATH_MAX - NAME_MAX - 2], path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(root, sizeof(root), "%s/staging", sup->env.data_dir);
	dir = opendir(root);
	while (dir && (entry = readdir(dir)))
		if (str_starts(entry->d_name, GONE)) {
			snprintf(path, sizeof(path), "%s/%s", root, entry->d_name);
			remove_later(sup, path);
		}
	if (dir)
		closedir(dir);
}

/* ---- the folder of a worker ------------------------------------------------------------------------ */

static int may_write(enum role role)
{
	return role != ROLE_SCAN && role != ROLE_FETCH;
}

/* A query does without as long as it keeps nothing: it shall be answered when the disk is full, too. */
int staging_enter(struct process *process, struct err *err)
{
	char path[PATH_MAX], uuid[UUID_LEN];

	if (!may_write(process->role))
		return 0;
	uuid_new(uuid);
	if ((size_t)snprintf(path, sizeof(path), "%s/staging/" WORKER "%s", process->sup->env.data_dir, uuid) >=
	    sizeof(path))
		return err_set(err, ERR_INVALID, "the path of the staging folder is too long");
	if (mkdir(path, 0700)) {
		err_errno(err, errno, "cannot make the staging folder of a worker, '%s'", path);
		return process->role == ROLE_TASK ? err->code : 0;
	}
	process->staging = strdup(path);
	return process->staging ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

void staging_leave(struct process *process)
{
	if (process->staging && sweep_worker(process->sup, process->staging))
		keep(process->sup);
	free(process->staging);
	process->staging = NULL;
}

/* ---- start and end --------------------------------------------------------------------------------- */

static void on_time(void *ctx)
{
	staging_sweep(ctx);
}

void staging_look(struct supervise *sup)
{
	if (sup->staging_kept)
		loop_timer_set(sup->staging_timer, 0);
	sup->staging_kept = 0;
}

void staging_start(struct supervise *sup)
{
	remove_rest(sup);
	staging_sweep(sup);
}

int staging_init(struct supervise *sup, struct err *err)
{
	return loop_timer_new(sup->env.loop, on_time, sup, &sup->staging_timer, err);
}

void staging_done(struct supervise *sup)
{
	loop_timer_free(sup->staging_timer);
	sup->staging_timer = NULL;
}
