/* SPDX-License-Identifier: Apache-2.0 */
#include "wear.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FDS_MORE 8 /* that may come and go with caches of libraries */

/* Fields 20 and 24 of proc(5) stat; the second, the name, may have spaces and ends with the last
 * ')'. */
static int read_stat(const struct wear *wear, int *ret_threads, uint64_t *ret_resident)
{
	char text[1024], *at;
	ssize_t n = pread(wear->stat_fd, text, sizeof(text) - 1, 0);
	long long threads, pages;

	if (n <= 0)
		return -1;
	text[n] = '\0';
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1,
	                  " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
	                  "%lld %*s %*s %*s %lld",
	                  &threads, &pages) != 2)
		return -1;
	*ret_threads = (int)threads;
	*ret_resident = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
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
	uint64_t ignored;

	wear->stat_fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	wear->memory = memory / 2;
	wear->threads = 0;
	wear->fd = next_fd();
	read_stat(wear, &wear->threads, &ignored);
}

static int is_big(const struct wear *wear)
{
	uint64_t resident = 0;
	int threads;

	if (!wear->memory || read_stat(wear, &threads, &resident) || resident <= wear->memory)
		return 0;
	malloc_trim(0);
	return !read_stat(wear, &threads, &resident) && resident > wear->memory;
}

int wear_is_spent(const struct wear *wear)
{
	int fd = next_fd(), threads = 0;
	uint64_t resident;

	if (fd < 0 || fd > wear->fd + FDS_MORE || is_big(wear))
		return 1;
	return !read_stat(wear, &threads, &resident) && wear->threads && threads > wear->threads;
}
