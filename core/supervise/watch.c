/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory, processor time and disk do busy workers take? The kernel's limit on data does not count shared mappings,
 * so while a worker is busy its size is looked at, and one that is far beyond its limit is ended
 * before the machine suffers. Idle, nothing is looked at, but for the disk of one with a stranger in it, once a second and
 * until it ends. */
#include "supervise/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_EVERY_MS 100
#define LOOK_IDLE_MS 1000

/* Anonymous and shared memory; pages of files can go at any time. 0: not known. */
static uint64_t read_size(pid_t pid)
{
	uint64_t kib, sum = 0;
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "RssAnon: %lu", &kib) == 1 || sscanf(line, "RssShmem: %lu", &kib) == 1)
			sum += kib << 10;
	if (file)
		fclose(file);
	return sum;
}

/* User and system time since its start: fields 14 and 15 of proc(5), behind the name in parentheses. 0: not known. */
static int64_t read_cpu_ms(pid_t pid)
{
	unsigned long user = 0, system = 0;
	char path[64], line[1024] = "";
	const char *at;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file && !fgets(line, sizeof(line), file))
		line[0] = '\0';
	if (file)
		fclose(file);
	at = strrchr(line, ')');
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		return 0;
	return (int64_t)((user + system) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK));
}

static int look(struct process *process)
{
	uint64_t limit = process->sup->config->memory, size;
	char why[96];

	if (process->state != PROCESS_BUSY || process->killed)
		return 0;
	disk_watch(process);
	size = read_size(loop_child_pid(process->child));
	process->cpu_ms = read_cpu_ms(loop_child_pid(process->child));
	if ((int64_t)(size >> 10) > process->rss_kib)
		process->rss_kib = (int64_t)(size >> 10);
	if (size > limit + limit / 4) {
		snprintf(why, sizeof(why), "took %llu MiB of memory, more than the %llu MiB of workers.memory,",
		         (unsigned long long)(size >> 20), (unsigned long long)(limit >> 20));
		process_kill(process, why);
	}
	return 1;
}

static int look_idle(struct process *process)
{
	if (process->state != PROCESS_IDLE || process->killed || !process->strangers.n)
		return 0;
	disk_watch(process);
	return 1;
}

static void on_time(void *ctx)
{
	struct supervise *sup = ctx;
	int busy = 0, idle = 0;

	for (int role = 0; role < ROLES; role++)
		list_each (item, &sup->pools[role].processes) {
			busy |= look(list_entry(item, struct process, link));
			idle |= look_idle(list_entry(item, struct process, link));
		}
	sup->watching = busy;
	if (busy || idle)
		loop_timer_set(sup->watch_timer, busy ? LOOK_EVERY_MS : LOOK_IDLE_MS);
}

int watch_init(struct supervise *sup, struct err *err)
{
	return loop_timer_new(sup->env.loop, on_time, sup, &sup->watch_timer, err);
}

void watch_busy(struct supervise *sup)
{
	if (!sup->watching)
		loop_timer_set(sup->watch_timer, LOOK_EVERY_MS);
	sup->watching = 1;
}
