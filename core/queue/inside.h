/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the queue room only: the queue and its live tasks in RAM. */
#ifndef QUEUE_INSIDE_H
#define QUEUE_INSIDE_H

#include "base/heap.h"
#include "queue/queue.h"
#include "queue/queue_sql.h"
#include "store/store.h"

/* A task that has not ended. Found by id in a hash table; in the ready heap or the timer heap. */
struct live {
	struct live *next; /* of the hash bucket */
	struct heap_node ready, timer;
	int64_t id, vstart, run_at, expires_at, fence, started_at;
	int attempt, max_attempts, crashes, priority;
	enum task_state state;
	int cancel_requested;
	int settling; /* a write that ends or moves it is under way */
	int64_t done, total, rows, rejected;
	char note[64], worker[32];
};

struct queue {
	struct store *store;
	struct queue_config config;
	struct queue_events events;
	struct live **buckets;
	size_t n_buckets, n_live, n_coming; /* coming: accepted, not yet durable */
	struct heap ready, timers;
	int64_t last_id, counts[TASK_STATES], prune_at;
	int prune_more; /* the last round left some; written by the writer, read at its completion */
	_Atomic int64_t gauges[TASK_STATES], submitted, finished[TASK_STATES], retried, stale;
	struct metric_histogram wait_time, run_time;
	struct metric metrics[TASK_STATES * 2 + 8];
};

#define statement(id) queue_sql[id]

/* live.c */
struct live *live_find(const struct queue *queue, int64_t id);
struct live *live_new(struct queue *queue, int64_t id);
void live_del(struct queue *queue, struct live *live);
void live_enter(struct queue *queue, struct live *live, enum task_state state);
void live_place(struct queue *queue, struct live *live); /* scheduled or ready, by run_at */
void live_all_free(struct queue *queue);
int live_init(struct queue *queue);
int64_t live_due(const struct live *live); /* when time changes it, 0 = never */

/* run.c */
void queue_wake_timers(struct queue *queue, int64_t now);

/* read.c */
/* One event, one log line. The store may be ahead of the news: the event shows the task in `state`. */
void queue_tell(struct queue *queue, int64_t id, const char *type, enum task_state state);
/* What RAM knows better, copied into the arena. */
void queue_overlay(const struct queue *queue, struct task *task, struct arena *arena);

/* put.c */
int queue_insert(struct queue *queue, struct store_db *db, const struct task_spec *spec, int64_t id,
                 int64_t now, struct queue_put_result *ret, struct err *err);
int queue_admit(struct queue *queue, const struct task_spec *spec, int64_t id, int64_t now);
int64_t queue_vstart(const struct queue *queue, int64_t created_at, int64_t run_at, int priority);
struct task_spec *queue_copy_specs(struct queue *queue, struct arena *arena, const struct task_spec *specs,
                                   size_t n);

#endif
