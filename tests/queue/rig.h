/* SPDX-License-Identifier: Apache-2.0 */
/* A queue on a store of its own with a clock that stands still, and short ways to use it. */
#ifndef TESTS_QUEUE_RIG_H
#define TESTS_QUEUE_RIG_H

#include "base/clock.h"
#include "lib/test.h"
#include "queue/queue.h"
#include "store/store.h"

#define NOW 1700000000000

extern struct store *store;
extern struct queue *queue;
extern struct arena arena;
extern struct err err;
extern struct queue_config config;
extern struct store_config store_config;
extern char path[4096];
extern int ready_calls, last_code, put_existed, stop_code;
extern int somebody_looks; /* 1 at first; 0: events have no task, and ends may wait for company */
extern const struct queue_claim_ask by_w;
extern int64_t cancelled_id, last_id;
extern char events[64][24];
extern int n_events;

/* What somebody does while he is told of an end; NULL: nothing. */
extern void (*while_told)(void);

/* What comes of a merge: 0 refuses it at "/b"; NULL: all is fine. */
extern int (*is_merge_fine)(struct task_spec *merged);

void on_put(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *e);
void on_done(void *ctx, int r, const struct err *e);

int try_open(void);
void open_queue(void);
void close_queue(void); /* holds it against the audit first */
void set_up(void);
void tear_down(void);

int64_t put(struct task_spec spec); /* its id, or why not; kind "test" unless given */
struct task *claim(void);
struct task *claim_as(struct queue_claim_ask ask);
struct task *get(int64_t id);
int finish(const struct task *task, int code);
void pass(int64_t ms); /* time, with a tick */
void configure(const char *name, struct queue_settings settings);
struct queue_settings settings_of(const char *name);

#endif
