/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of what the load has asked for. */
#ifndef TESTS_QUEUE_LEDGER_H
#define TESTS_QUEUE_LEDGER_H

#include "queue/load.h"

#define TASKS 4096
#define RUNNING 64
#define PER_PUT 8
#define KEYS 64
#define MINUTE 60000

#define GONE (-2) /* as an end: it was deleted */

/* What is known of a task. `end` is the final state that was acknowledged, -1 while there is none, with `result` of a
 * success; `stopped`: so was, while it ran, that it is cancelled; `open` counts requests under way that may change it. */
struct known {
	int64_t id, result;
	int end, open, stopped, followers; /* followers: tasks that its success has left */
	int may_be_gone;                   /* it was to be deleted, and nobody has said whether it is */
};

struct pending {
	int64_t id, result;
	int end, stops, followers, counted; /* counted: in known.open */
};

extern struct load {
	unsigned long long random;
	int is_plain; /* nobody depends on another, and many say nothing about how they shall run */
	struct known tasks[TASKS];
	int n_tasks, acknowledged;
	struct {
		int64_t id, fence;
	} running[RUNNING];
	int n_running;
	int64_t batch, keyed[KEYS]; /* keyed: the task that was acknowledged for the key of this number, 0 = none */
	int n_keys;
} load;

void load_on_keyed(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *err);
struct task_spec load_keyed_spec(int key);

#endif
