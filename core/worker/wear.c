/* SPDX-License-Identifier: Apache-2.0 */
#include "wear.h"

#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* That may come and go with caches: of libraries, or (where memory is not limited) of files that queries read. */
#define FDS_MORE 8
#define FDS_MORE_OF_QUERIES 256

/* The links of the folder of threads count them; cheap, since a short task is asked about it too. 0: not known. */
static int count_threads(const struct wear *wear)
{
	struct stat st;

	return fstat(wear->tasks_fd, &st) ? 0 : (int)st.st_nlink;
}

struct size {
	uint64_t resident, data; /* data: what the limit counts (RLIMIT_DATA), touched or not */
};

/* Fields of proc(5) statm. 0: not known. */
static struct size read_size(const struct wear *wear)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	long long resident, data;
	char text[128];
	ssize_t n = pread(wear->statm_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%*s %lld %*s %*s %*s %lld", &resident, &data) != 2)
		return (struct size){0, 0};
	return (struct size){(uint64_t)resident * page, (uint64_t)data * page};
}

/* Since Linux 6.2 the size of the folder is their number; before, its entries are counted, as far as it matters. */
static int count_fds(const struct wear *wear, int enough)
{
	struct stat st;
	struct dirent *entry;
	int n = 0;

	if (!fstat(wear->fds_fd, &st) && st.st_size > 0)
		return (int)st.st_size;
	if (!wear->fds_folder)
		return 0;
	rewinddir(wear->fds_folder);
	while (n < enough && (entry = readdir(wear->fds_folder)))
		n += entry->d_name[0] != '.';
	return n;
}

void wear_begin(struct wear *wear, uint64_t memory)
{
	wear->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	wear->tasks_fd = open("/proc/self/task", O_PATH | O_DIRECTORY | O_CLOEXEC);
	wear->fds_fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	wear->fds_folder = wear->fds_fd < 0 ? NULL : fdopendir(wear->fds_fd);
	wear->memory = memory / 2;
	wear->data = read_size(wear).data;
	wear->threads = count_threads(wear);
	wear->fds = count_fds(wear, INT_MAX);
}

static int is_over(const struct wear *wear)
{
	struct size size = read_size(wear);

	return size.resident > wear->memory || size.data > wear->data + wear->memory;
}

static int is_big(const struct wear *wear)
{
	if (!wear->memory || !is_over(wear))
		return 0;
	malloc_trim(0);
	return is_over(wear);
}

/* Whoever was made by a plugin that may do so goes with the worker's process group. */
static int has_children(void)
{
	siginfo_t info;

	return !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
}

int wear_is_spent(const struct wear *wear)
{
	int most = wear->fds + (wear->memory ? FDS_MORE : FDS_MORE_OF_QUERIES);

	return count_fds(wear, most + 1) > most || is_big(wear) || has_children() ||
	       (wear->threads && count_threads(wear) > wear->threads);
}
