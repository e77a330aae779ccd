/* SPDX-License-Identifier: Apache-2.0 */
#include "wear.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FDS_MORE 8 /* that may come and go with caches of libraries */

/* The links of the folder of threads count them; cheap, since a short task is asked about it too. 0: not known. */
static int count_threads(const struct wear *wear)
{
	struct stat st;

	return fstat(wear->tasks_fd, &st) ? 0 : (int)st.st_nlink;
}

/* The second field of proc(5) statm. 0: not known. */
static uint64_t read_resident(const struct wear *wear)
{
	long long pages;
	char text[128];
	ssize_t n = pread(wear->statm_fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return sscanf(text, "%*s %lld", &pages) == 1 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* The lowest free one. */
static int next_fd(void)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd;
}

void wear_begin(struct wear *wear, uint64_t memory)
{
	wear->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	wear->tasks_fd = open("/proc/self/task", O_PATH | O_DIRECTORY | O_CLOEXEC);
	wear->memory = memory / 2;
	wear->threads = count_threads(wear);
	wear->fd = next_fd();
}

static int is_big(const struct wear *wear)
{
	if (!wear->memory || read_resident(wear) <= wear->memory)
		return 0;
	malloc_trim(0);
	return read_resident(wear) > wear->memory;
}

/* Whoever was made by a plugin that may do so goes with the worker's process group. */
static int has_children(void)
{
	siginfo_t info;

	return !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
}

int wear_is_spent(const struct wear *wear)
{
	int fd = next_fd();

	return fd < 0 || fd > wear->fd + FDS_MORE || is_big(wear) || has_children() ||
	       (wear->threads && count_threads(wear) > wear->threads);
}
