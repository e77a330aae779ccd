/* SPDX-License-Identifier: Apache-2.0 */
/* How much of the disk does a worker take? Its folder in staging is looked through, and the files that it holds open and no
 * folder shows: by a thread, since a plugin makes them as many as it likes, and only as far as it is allowed to.
 *
 * A look is due each second while a worker is busy, and before that when it has written so much since the last that it may
 * be over the limit. An idle one is looked at if a stranger is in it, which may go on by itself. One that is over is ended
 * at once: within the time for a cancel it could take as much again. A single file ends with the signal of RLIMIT_FSIZE,
 * without a look.
 *
 * Source: proc(5), of /proc/<pid>/io and /proc/<pid>/fd. */
#include "supervise/inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#define LOOK_EVERY_MS 1000
#define NAMES_MAX 100000 /* files and folders of one worker */
#define DEPTH_MAX 32     /* of folders in folders */
#define NAMELESS_MAX 1024
#define LEAST_LIMIT (INT64_C(1) << 30)

/* ---- a look, in a thread ---------------------------------------------------------------------------- */

struct disk_look {
	struct process *process; /* NULL: it has gone meanwhile */
	uint32_t order;          /* at hand when it began, 0: none */
	char folder[PATH_MAX];
	pid_t pid;
	int64_t bytes, names;
	int has_strangers;
	int is_hidden; /* there is what cannot be looked at */
};

static int64_t bytes_of(const struct stat *st)
{
	return (int64_t)st->st_blocks * 512;
}

/* Takes over `fd`. */
static void look_through(struct disk_look *look, int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	struct stat st;

	if (!dir)
		close(fd);
	while (dir && look->names <= NAMES_MAX && (entry = readdir(dir))) {
		int inner;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		look->names++;
		look->bytes += bytes_of(&st);
		if (!S_ISDIR(st.st_mode))
			continue;
		inner = depth < DEPTH_MAX ? openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
		                          : -1;
		if (inner >= 0)
			look_through(look, inner, depth + 1);
		else
			look->is_hidden |= depth == DEPTH_MAX || errno != ENOENT;
	}
	if (dir)
		closedir(dir);
}

/* Files that no folder shows any more. */
struct nameless {
	ino_t seen[NAMELESS_MAX];
	size_t n;
};

static int is_seen(const struct nameless *nameless, ino_t inode)
{
	for (size_t i = 0; i < nameless->n; i++)
		if (nameless->seen[i] == inode)
			return 1;
	return 0;
}

static int is_of(const struct disk_look *look, const char *path)
{
	size_t n = strlen(look->folder);

	return !strncmp(path, look->folder, n) && path[n] == '/' && str_ends(path, " (deleted)");
}

static void look_at_open(struct disk_look *look, struct nameless *nameless)
{
	char path[64], target[PATH_MAX];
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)look->pid);
	dir = opendir(path);
	while (dir && nameless->n < NAMELESS_MAX && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		if (!is_of(look, target) || fstatat(dirfd(dir), entry->d_name, &st, 0) || is_seen(nameless, st.st_ino))
			continue;
		nameless->seen[nameless->n++] = st.st_ino;
		look->bytes += bytes_of(&st);
	}
	look->is_hidden |= nameless->n == NAMELESS_MAX;
	if (dir)
		closedir(dir);
}

/* One that is mapped and not open cannot be asked how large it is. Our own code may do so with a copy that is too old. */
static void look_at_mapped(struct disk_look *look, const struct nameless *nameless)
{
	char path[64], line[PATH_MAX + 256];
	unsigned long inode;
	FILE *file;
	int at;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)look->pid);
	file = look->has_strangers ? fopen(path, "re") : NULL;
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%*s %*s %*s %*s %lu %n", &inode, &at) == 1 && is_of(look, line + at) &&
		    !is_seen(nameless, inode))
			look->is_hidden = 1;
	}
	if (file)
		fclose(file);
}

static void look_now(void *ctx)
{
	struct disk_look *look = ctx;
	int fd = open(look->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct nameless nameless = {.n = 0};

	if (fd < 0)
		return;
	look_at_open(look, &nameless);
	look_at_mapped(look, &nameless);
	look_through(look, fd, 0);
}

/* ---- what comes of it --------------------------------------------------------------------------------- */

static long long mib(int64_t bytes)
{
	return (long long)(bytes >> 20);
}

/* The order at hand is told why, and that trying again is no use. */
static void end_now(struct process *process, const char *text)
{
	struct order *order = process->order;

	if (!order) {
		log_warn("worker.disk", LOG_INT("pid", loop_child_pid(process->child)), LOG_STR("reason", text));
		process_retire(process);
		return;
	}
	process->is_cut = 1;
	if (!order->stop.code)
		err_set(&order->stop, ERR_LIMIT, "%s", text);
	process_kill(process, "took too much of the disk");
}

static void judge(struct process *process, const struct disk_look *look)
{
	int64_t limit = process->sup->disk_limit;
	char text[256] = "";

	if (look->bytes > limit)
		snprintf(text, sizeof(text),
		         "its worker took %lld MiB of the disk for staged and scratch files, more than "
		         "the %lld MiB of workers.disk",
		         mib(look->bytes), mib(limit));
	else if (look->names > NAMES_MAX)
		snprintf(text, sizeof(text),
		         "its worker made more than %d files and folders, which is the most "
		         "beside workers.disk",
		         NAMES_MAX);
	else if (look->is_hidden)
		snprintf(text, sizeof(text),
		         "its worker has files that cannot be looked at (mapped, without name and descriptor; or too "
		         "many), or "
		         "folders that cannot, or are more than %d deep: workers.disk could not be kept",
		         DEPTH_MAX);
	process->disk_used = look->bytes;
	if (look->bytes > limit / 2)
		process_spend(process); /* room for the next, who did not take it */
	if (!*text || process->killed)
		return;
	if (process->order && process->order->number != look->order)
		process_spend(process); /* another's doing: the next look will tell */
	else
		end_now(process, text);
}

static void on_looked(void *ctx)
{
	struct disk_look *look = ctx;
	struct process *process = look->process;

	if (process) {
		process->disk_look = NULL;
		judge(process, look);
	}
	free(look);
}

/* ---- when -------------------------------------------------------------------------------------------------- */

/* That it has caused to be written since its start; -1: the kernel does not count it. */
static int64_t read_written(pid_t pid)
{
	long long bytes = -1;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/io", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "write_bytes: %lld", &bytes) == 1)
			break;
	if (file)
		fclose(file);
	return bytes;
}

static int is_due(struct process *process, int64_t now)
{
	int64_t since = process->disk_written;

	process->disk_written = read_written(loop_child_pid(process->child));
	if (now - process->disk_looked_ms >= LOOK_EVERY_MS)
		return 1;
	if (since < 0 || process->disk_used + process->disk_written - since <= process->sup->disk_limit) {
		process->disk_written = since;
		return 0;
	}
	return 1;
}

void disk_watch(struct process *process)
{
	int64_t now = clock_mono_ms();
	struct disk_look *look;

	if (!process->staging || process->disk_look || process->killed || !is_due(process, now))
		return;
	look = calloc(1, sizeof(*look));
	if (!look)
		return;
	look->process = process;
	look->order = process->order ? process->order->number : 0;
	look->pid = loop_child_pid(process->child);
	look->has_strangers = process->strangers.n > 0;
	str_copy(look->folder, sizeof(look->folder), process->staging);
	process->disk_looked_ms = now;
	if (loop_work(process->sup->env.loop, look_now, on_looked, look, NULL))
		free(look);
	else
		process->disk_look = look;
}

void disk_forget(struct process *process)
{
	if (process->disk_look)
		process->disk_look->process = NULL;
	process->disk_look = NULL;
}

void disk_note_signal(struct process *process, int signal)
{
	struct order *order = process->order;

	if (signal != SIGXFSZ || !order || order->stop.code)
		return;
	process->is_cut = 1;
	err_set(&order->stop, ERR_LIMIT, "its worker wrote a file larger than the %lld MiB of workers.disk",
	        mib(process->sup->disk_limit));
}

void disk_init(struct supervise *sup)
{
	char path[PATH_MAX];
	struct statvfs fs;

	sup->disk_limit = (int64_t)sup->config->disk;
	if (sup->disk_limit)
		return;
	snprintf(path, sizeof(path), "%s/staging", sup->env.data_dir);
	sup->disk_limit = statvfs(path, &fs) ? 0 : (int64_t)(fs.f_blocks / 4) * (int64_t)fs.f_frsize;
	if (sup->disk_limit < LEAST_LIMIT)
		sup->disk_limit = LEAST_LIMIT;
}
