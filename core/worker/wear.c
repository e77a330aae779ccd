/* SPDX-License-Identifier: Apache-2.0 */
#include "wear.h"

#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* That may come and go with caches: of libraries, or (where memory is not limited) of files that queries read. */
#define FDS_MORE 8
#define FDS_MORE_OF_QUERIES 256

#define QUICK_NS INT64_C(1000000) /* an order that may go without a look of its own */
#define LOOK_NS INT64_C(5000000)
#define PATIENCE_MAX 16

/* The links of the folder of threads count them; cheap, since a short task is asked about it too. 0: not known. */
static int count_threads(const struct wear *wear)
{
	struct stat st;

	return fstat(wear->tasks_fd, &st) ? 0 : (int)st.st_nlink;
}

struct size {
	uint64_t resident, data; /* data: what the limit counts (RLIMIT_DATA), touched or not */
};

/* The second and the sixth field of proc(5) statm. 0: not known. */
static struct size read_size(const struct wear *wear)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), fields[6];
	char text[128], *at = text;
	ssize_t n = pread(wear->statm_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	for (int i = 0; i < 6; i++)
		fields[i] = strtoull(at, &at, 10);
	return (struct size){fields[1] * page, fields[5] * page};
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

static int64_t us_of(const struct timeval *time)
{
	return (int64_t)time->tv_sec * 1000000 + time->tv_usec;
}

/* Of all threads, user and system. */
static void read_usage(struct wear *wear)
{
	struct rusage usage = {0};

	getrusage(RUSAGE_SELF, &usage);
	wear->cpu_ms = (us_of(&usage.ru_utime) + us_of(&usage.ru_stime)) / 1000;
	wear->rss_kib = usage.ru_maxrss;
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
	wear->fds = wear->fds_seen = count_fds(wear, INT_MAX);
	wear->patience = 1;
	read_usage(wear);
}

static int is_over(const struct wear *wear, uint64_t limit)
{
	struct size size = read_size(wear);

	return size.resident > limit || size.data > wear->data + limit;
}

static int is_big(const struct wear *wear)
{
	if (!is_over(wear, wear->memory))
		return 0;
	malloc_trim(0);
	return is_over(wear, wear->memory);
}

/* Whoever was made by a plugin that may do so goes with the worker's process group. */
static int has_children(void)
{
	siginfo_t info;

	return !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
}

/* Has anything become more, though it may? Then the next look is after the next order. */
static int look(struct wear *wear, int *ret_grows)
{
	int most = wear->fds + (wear->memory ? FDS_MORE : FDS_MORE_OF_QUERIES), fds = count_fds(wear, most + 1);
	int is_half = wear->memory && is_over(wear, wear->memory / 2);

	*ret_grows = fds > wear->fds_seen || is_half;
	wear->fds_seen = fds;
	return fds > most || (is_half && is_big(wear)) || has_children() ||
	       (wear->threads && count_threads(wear) > wear->threads);
}

static int is_due(struct wear *wear, int64_t began_ns, int64_t ended_ns, int others_wait)
{
	return ++wear->orders >= wear->patience || !others_wait || ended_ns - began_ns >= QUICK_NS ||
	       ended_ns - wear->looked_ns >= LOOK_NS;
}

struct wear_seen wear_look(struct wear *wear, int64_t began_ns, int64_t ended_ns, int others_wait)
{
	struct wear_seen seen = {0, wear->rss_kib, 0};
	int64_t cpu_ms = wear->cpu_ms;
	int grows;

	if (!is_due(wear, began_ns, ended_ns, others_wait))
		return seen;
	seen.is_spent = look(wear, &grows);
	wear->patience = grows ? 1 : wear->patience < PATIENCE_MAX ? wear->patience * 2 : PATIENCE_MAX;
	wear->orders = 0;
	wear->looked_ns = ended_ns;
	read_usage(wear);
	return (struct wear_seen){wear->cpu_ms - cpu_ms, wear->rss_kib, seen.is_spent};
}
