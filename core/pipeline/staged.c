/* SPDX-License-Identifier: Apache-2.0 */
/* What a part names as staged, looked at before it is moved. The part comes from a process that ran plugins, and the one
 * that moves has no walls around it: what is not in a staging folder of this task, or leads out of it by a link, is
 * not touched. What was moved already is gone, and that is fine. */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "pipeline.h"

#define DEPTH 8 /* folders that are open at a time */

static int refuse(const char *path, const char *why, struct err *err)
{
	return err_set(err, ERR_PLUGIN, "the part names '%.200s' as staged, which %s: its worker was not itself", path,
	               why);
}

static int is_of(const char *folder, const char *task)
{
	size_t n = strlen(task);

	return n && !strncmp(folder, task, n) && folder[n] == '-';
}

/* <staging>/<worker>/<task>-…; of an agent whose workers had no folders: <staging>/<task>-… */
static int is_below(const char *path, const char *staging, const char *task)
{
	size_t n = strlen(staging);
	const char *inside;

	if (strncmp(path, staging, n) != 0 || path[n] != '/')
		return 0;
	inside = strchr(path + n + 1, '/');
	return is_of(path + n + 1, task) || (inside && is_of(inside + 1, task));
}

/* A program that runs with our rights is none that a plugin may put anywhere. */
static int is_strange(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)path;
	(void)at;
	return type != FTW_D && (type != FTW_F || !S_ISREG(st->st_mode) || (st->st_mode & (S_ISUID | S_ISGID)));
}

static int check_one(const char *path, const char *staging, const char *task, struct err *err)
{
	char real[PATH_MAX], root[PATH_MAX];
	struct stat st;

	if (!is_below(path, staging, task) || strstr(path, "/../") || str_ends(path, "/.."))
		return refuse(path, "is not in a staging folder of its task", err);
	if (lstat(path, &st))
		return errno == ENOENT ? 0 : err_errno(err, errno, "staged '%s'", path);
	if (!realpath(path, real))
		return refuse(path, "leads nowhere", err);
	if (!realpath(staging, root))
		return err_errno(err, errno, "cannot look at '%s'", staging);
	if (!is_below(real, root, task))
		return refuse(path, "leads out of the staging folder", err);
	return nftw(path, is_strange, DEPTH, FTW_PHYS) ? refuse(path, "is or holds what is no file", err) : 0;
}

static int check_all(const struct json *list, const char *staging, const char *task, struct err *err)
{
	const char *staged;
	int r = 0;

	for (size_t i = 0; i < json_count(list) && !r; i++)
		if ((staged = json_get_str(json_at(list, i), "staged", NULL)))
			r = check_one(staged, staging, task, err);
	return r;
}

/* What the log remembers of a part is its task's: in the name of another one it would have that one's rows taken for
 * committed. "agent/task", or the task alone. */
static int check_whose(const struct json *intent, const char *task, struct err *err)
{
	const char *whose = json_get_str(intent, "app_id", task), *slash = strrchr(whose, '/');

	if (strcmp(slash ? slash + 1 : whose, task))
		return err_set(err, ERR_PLUGIN, "the part speaks for '%.200s': its worker was not itself", whose);
	return 0;
}

static int check_taken_out(const struct json *order, const struct json *intent, struct err *err)
{
	if (json_get_bool(order, "takes_out", 0) ||
	    (!json_get_bool(intent, "replaces", 0) && !json_get_bool(intent, "rearranges", 0) &&
	     !json_count(json_get(intent, "removes"))))
		return 0;
	return err_set(err, ERR_PLUGIN, "the part takes out rows that its task leaves in: its worker was not itself");
}

int pipeline_check_staged(const struct json *order, struct err *err)
{
	const struct json *intent = json_get(order, "intent");
	const char *staging = json_get_str(order, "staging", ""), *task = json_get_str(order, "task", "");
	const char *folder = json_get_str(intent, "folder", NULL);
	int r = check_whose(intent, task, err);

	if (!r)
		r = check_taken_out(order, intent, err);
	if (!r && folder)
		r = check_one(folder, staging, task, err);
	if (!r)
		r = check_all(json_get(intent, "files"), staging, task, err);
	if (!r)
		r = check_all(json_pointer(intent, "/rejects/files"), staging, task, err);
	return r ? r : check_all(json_get(intent, "segments"), staging, task, err);
}
