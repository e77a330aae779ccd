/* SPDX-License-Identifier: Apache-2.0 */
/* A leaf of a cgroup (version 2) for each worker, where the operator has given the agent a part of the tree: limits that
 * count shared mappings, page cache and whatever a worker starts; processor time that nobody can lie about; and an end for
 * all that is in it. Without one everything works as ever, by resource limits and by looking.
 *
 * Source: Documentation/admin-guide/cgroup-v2.rst of Linux; what systemd delegates:
 * https://systemd.io/CGROUP_DELEGATION. Processes may only be in leaves, so an agent that uses its own cgroup first moves
 * into a leaf of it. */
#include "supervise/inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

#define LEAF "orasi-worker-"
#define OWN_LEAF "orasi-agent"
#define PIDS_MAX 512 /* threads count too */

/* ---- files of a cgroup: small texts ----------------------------------------------------------------------------------- */

static int read_at(int dir, const char *name, char *ret, size_t cap)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, cap - 1);

	if (fd >= 0)
		close(fd);
	ret[n > 0 ? n : 0] = '\0';
	return n < 0 ? -1 : 0;
}

static int write_at(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

/* The number behind `word` at the beginning of a line; -1: there is none. */
static int64_t number_in(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = text; at && *at; at = strchr(at, '\n'), at += at != NULL)
		if (!strncmp(at, word, n) && at[n] == ' ')
			return strtoll(at + n, NULL, 10);
	return -1;
}

static int has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += n)
		if ((at == text || strchr(" \n", at[-1])) && (!at[n] || strchr(" \n", at[n])))
			return 1;
	return 0;
}

/* ---- which one -------------------------------------------------------------------------------------------------------- */

/* proc(5): the fourth field of mountinfo is what is mounted, the fifth where, the word behind " - " the type. Mounts of a
 * part of the tree only are not looked through. */
static int is_mount(const char *line, char place[1024])
{
	char root[1024];

	return strstr(line, " - cgroup2 ") && sscanf(line, "%*s %*s %*s %1023s %1023s", root, place) == 2 &&
	       !strcmp(root, "/");
}

static int is_own(const char *line, char path[1024])
{
	return sscanf(line, "0::%1023[^\n]", path) == 1;
}

/* What `take` finds in the first line that it likes; "" when there is none. */
static void find_line(const char *name, int (*take)(const char *line, char ret[1024]), char ret[1024])
{
	FILE *file = fopen(name, "re");
	char line[4096];
	int found = 0;

	while (file && !found && fgets(line, sizeof(line), file))
		found = take(line, ret);
	if (!found)
		ret[0] = '\0';
	if (file)
		fclose(file);
}

static int own_folder(char *ret, size_t cap)
{
	char place[1024], path[1024];

	find_line("/proc/self/mountinfo", is_mount, place);
	find_line("/proc/self/cgroup", is_own, path);
	if (!*place || !*path)
		return -1;
	return (size_t)snprintf(ret, cap, "%s%s", place, path) < cap && strcmp(path, "/") != 0 ? 0 : -1;
}

static int is_alone(int dir)
{
	char text[4096], own[32];

	snprintf(own, sizeof(own), "%d\n", (int)getpid());
	return !read_at(dir, "cgroup.procs", text, sizeof(text)) && !strcmp(text, own);
}

/* What is left of workers of an earlier life. One that still has a process stays. */
static void sweep(int dir)
{
	int copy = dup(dir);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (copy >= 0 && !list)
		close(copy);
	if (list)
		rewinddir(list);
	while (list && (entry = readdir(list)))
		if (str_starts(entry->d_name, LEAF))
			unlinkat(dir, entry->d_name, AT_REMOVEDIR);
	if (list)
		closedir(list);
}

/* The agent's own cgroup may be used if it is somebody's gift: nobody else is in it, and it can be written. */
static int take_own(struct supervise *sup, const char **ret_why)
{
	char path[2200], number[32];
	int dir;

	if (own_folder(path, sizeof(path))) {
		*ret_why = "this process is in no cgroup of version 2 below the root";
		return -1;
	}
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || faccessat(dir, "cgroup.procs", W_OK, 0) || faccessat(dir, "cgroup.subtree_control", W_OK, 0)) {
		*ret_why = "its own cgroup is not delegated to it";
	} else if (!is_alone(dir)) {
		*ret_why = "others are in its cgroup too";
	} else {
		snprintf(number, sizeof(number), "%d", (int)getpid());
		if ((!mkdirat(dir, OWN_LEAF, 0755) || errno == EEXIST) &&
		    !write_at(dir, OWN_LEAF "/cgroup.procs", number)) {
			str_copy(sup->cgroup.path, sizeof(sup->cgroup.path), path);
			sup->cgroup.dir = dir;
			return 0;
		}
		*ret_why = "it cannot move into a leaf of its own cgroup";
	}
	if (dir >= 0)
		close(dir);
	return -1;
}

static int take_named(struct supervise *sup, const char *path, const char **ret_why)
{
	char text[64];
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir >= 0 && !read_at(dir, "cgroup.type", text, sizeof(text)) && !faccessat(dir, "cgroup.procs", W_OK, 0)) {
		str_copy(sup->cgroup.path, sizeof(sup->cgroup.path), path);
		sup->cgroup.dir = dir;
		return 0;
	}
	*ret_why = dir < 0 ? strerror(errno) : "it is no cgroup of version 2 below the root that this user can write";
	if (dir >= 0)
		close(dir);
	return -1;
}

/* Those that are there; the others are done without. */
static void enable_controllers(struct supervise *sup)
{
	char there[512];

	write_at(sup->cgroup.dir, "cgroup.subtree_control", "+memory");
	write_at(sup->cgroup.dir, "cgroup.subtree_control", "+pids");
	if (read_at(sup->cgroup.dir, "cgroup.subtree_control", there, sizeof(there)))
		return;
	sup->cgroup.memory = has_word(there, "memory");
	sup->cgroup.pids = has_word(there, "pids");
}

void cgroup_init(struct supervise *sup)
{
	const char *wanted = sup->config->cgroup ? sup->config->cgroup : "", *why = "";
	int named = *wanted == '/';

	sup->cgroup.dir = -1;
	if (!strcmp(wanted, "off"))
		return;
	if (named ? take_named(sup, wanted, &why) : take_own(sup, &why)) {
		log_at(named ? LOG_WARN : LOG_INFO, "worker.cgroup", LOG_STR("folder", named ? wanted : "none"),
		       LOG_STR("reason", why),
		       LOG_STR("effect", "workers are held by resource limits and by looking (workers.cgroup)"));
		return;
	}
	enable_controllers(sup);
	sweep(sup->cgroup.dir);
	log_info("worker.cgroup", LOG_STR("folder", sup->cgroup.path),
	         LOG_STR("limits", sup->cgroup.memory && sup->cgroup.pids ? "memory and pids"
	                           : sup->cgroup.memory                   ? "memory"
	                           : sup->cgroup.pids                     ? "pids"
	                                                                  : "none: these controllers are not here"));
}

void cgroup_done(struct supervise *sup)
{
	if (sup->cgroup.dir < 0)
		return;
	sweep(sup->cgroup.dir);
	close(sup->cgroup.dir);
	sup->cgroup.dir = -1;
}

/* ---- a leaf ------------------------------------------------------------------------------------------------------------- */

static void set_limits(const struct process *process)
{
	const struct supervise *sup = process->sup;
	char number[32];

	snprintf(number, sizeof(number), "%llu",
	         (unsigned long long)(sup->config->memory + sup->config->memory / 4)); /* as in watch.c */
	if (sup->cgroup.memory) {
		write_at(process->leaf, "memory.max", number);
		write_at(process->leaf, "memory.swap.max", "0");
		write_at(process->leaf, "memory.oom.group", "1");
	}
	snprintf(number, sizeof(number), "%d", PIDS_MAX);
	if (sup->cgroup.pids)
		write_at(process->leaf, "pids.max", number);
}

/* It has not been given anything to do yet, so nothing has escaped. */
void cgroup_enter(struct process *process)
{
	struct cgroup *group = &process->sup->cgroup;
	char name[64], number[32];

	if (group->dir < 0)
		return;
	sweep(group->dir);
	snprintf(name, sizeof(name), LEAF "%lld", (long long)++group->last);
	snprintf(number, sizeof(number), "%d", (int)loop_child_pid(process->child));
	if (!mkdirat(group->dir, name, 0755) || errno == EEXIST)
		process->leaf = openat(group->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (process->leaf >= 0)
		set_limits(process);
	if (process->leaf >= 0 && !write_at(process->leaf, "cgroup.procs", number))
		return;
	log_warn("worker.cgroup", LOG_STR("leaf", name), LOG_STR("error", strerror(errno)));
	if (process->leaf >= 0)
		close(process->leaf);
	process->leaf = -1;
}

int64_t cgroup_cpu_ms(const struct process *process)
{
	char text[512];
	int64_t us;

	if (process->leaf < 0 || read_at(process->leaf, "cpu.stat", text, sizeof(text)))
		return -1;
	us = number_in(text, "usage_usec");
	return us < 0 ? -1 : us / 1000;
}

int cgroup_ran_out(const struct process *process)
{
	char text[512];

	return process->leaf >= 0 && !read_at(process->leaf, "memory.events", text, sizeof(text)) &&
	       number_in(text, "oom_kill") > 0;
}

/* The folder goes with the next sweep, when nobody is in it any more. */
void cgroup_leave(struct process *process)
{
	if (process->leaf < 0)
		return;
	write_at(process->leaf, "cgroup.kill", "1");
	close(process->leaf);
	process->leaf = -1;
}
