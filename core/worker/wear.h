/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker has become by its orders: has a plugin left something behind, and what have they cost? One that has grown
 * too big, or has more threads or descriptors than it began with, asks to be replaced. Inside the worker room only.
 *
 * A look takes as long as a small order. So it is for each order that took its time, and for the last before the worker
 * waits; when quick ones follow each other one look is for several of them: for one, two, four... sixteen, as long as
 * nothing becomes more, and after LOOK_NS at the latest. Who leaves something behind each time is found at once, who
 * begins to do so later sixteen orders after it. */
#ifndef WORKER_WEAR_H
#define WORKER_WEAR_H

#include <dirent.h>
#include <stdint.h>

struct wear {
	int statm_fd, tasks_fd, fds_fd, fds, threads; /* fds and threads: at the beginning */
	DIR *fds_folder;
	uint64_t memory; /* bytes, resident or more than `data`, that are too much; 0: no limit */
	uint64_t data;   /* at the beginning */
	int64_t looked_ns;
	unsigned orders, patience; /* since then; after so many is the next look */
	int fds_seen;
	int64_t cpu_ms, rss_kib; /* at the last look: of all that the process has done, at most */
};

struct wear_seen {
	int64_t cpu_ms;  /* of all orders since the last look, none of it twice and none lost; 0: there was none */
	int64_t rss_kib; /* the most that it ever was, at the last look */
	int is_spent;
};

void wear_begin(struct wear *wear, uint64_t memory);
/* After each order; `others_wait`: the next one is there already. */
struct wear_seen wear_look(struct wear *wear, int64_t began_ns, int64_t ended_ns, int others_wait);

#endif
