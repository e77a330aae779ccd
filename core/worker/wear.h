/* SPDX-License-Identifier: Apache-2.0 */
/* Has a plugin left something behind? A worker that has grown too big, or has more threads or descriptors than it
 * began with, asks to be replaced. Inside the worker room only. */
#ifndef WORKER_WEAR_H
#define WORKER_WEAR_H

#include <dirent.h>
#include <stdint.h>

struct wear {
	int statm_fd, tasks_fd, fds_fd, fds, threads; /* fds and threads: at the beginning */
	DIR *fds_folder;
	uint64_t memory; /* bytes, resident or more than `data`, that are too much; 0: no limit */
	uint64_t data;   /* at the beginning */
};

void wear_begin(struct wear *wear, uint64_t memory);
int wear_is_spent(const struct wear *wear);

#endif
