/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of this process, under the names that all Prometheus clients give them. */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "health/inside.h"

static double resident_bytes(void *ctx)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long total = 0, resident = 0;

	(void)ctx;
	if (!file)
		return 0;
	if (fscanf(file, "%ld %ld", &total, &resident) != 2)
		resident = 0;
	fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double cpu_seconds(void *ctx)
{
	struct rusage usage;

	(void)ctx;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double open_fds(void *ctx)
{
	DIR *dir = opendir("/proc/self/fd");
	double n = 0;

	(void)ctx;
	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 3; /* ".", ".." and the folder itself */
}

static double max_fds(void *ctx)
{
	struct rlimit limit;

	(void)ctx;
	return getrlimit(RLIMIT_NOFILE, &limit) ? 0 : (double)limit.rlim_cur;
}

static double start_seconds(void *ctx)
{
	int64_t *started = ctx;

	return (double)*started / 1000;
}

static int64_t started;

static const struct metric rows[] = {
	{"process_resident_memory_bytes", METRIC_GAUGE, "Resident memory size in bytes.", NULL, NULL, NULL,
         resident_bytes, NULL},
	{"process_cpu_seconds_total", METRIC_COUNTER, "Total user and system CPU time spent in seconds.", NULL, NULL,
         NULL, cpu_seconds, NULL},
	{"process_open_fds", METRIC_GAUGE, "Number of open file descriptors.", NULL, NULL, NULL, open_fds, NULL},
	{"process_max_fds", METRIC_GAUGE, "Maximum number of open file descriptors.", NULL, NULL, NULL, max_fds, NULL},
	{"process_start_time_seconds", METRIC_GAUGE, "Start time of the process since unix epoch in seconds.", NULL,
         NULL, NULL, start_seconds, &started},
	METRIC_END,
};

const struct metric *process_metrics(void)
{
	if (!started)
		started = clock_wall_ms();
	return rows;
}
