/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/rig.h"

#include <string.h>

#include "base/log.h"

struct store *store;
struct queue *queue;
struct arena arena;
struct err err;
struct queue_config config;
struct store_config store_config = {2000, 1000};
char path[4096];
int ready_calls, last_code, put_existed, stop_code, somebody_looks = 1;
const struct queue_claim_ask by_w = {.worker = "w"};
int64_t cancelled_id, last_id;
char events[64][24];
int n_events;

static void nothing(void *ctx)
{
	(void)ctx;
}

static void on_ready(void *ctx)
{
	(void)ctx;
	ready_calls++;
}

static void on_stop(void *ctx, int64_t id, int64_t fence, int code, const char *why)
{
	(void)ctx;
	(void)fence;
	(void)why;
	cancelled_id = id;
	stop_code = code;
}

static void is_same(const char *told, const char *stored)
{
	ck_assert_msg(!told == !stored, "told: %s, stored: %s", told, stored);
	if (told)
		ck_assert_str_eq(told, stored);
}

/* What is told of an end, mostly without the store, is what the store has, unless the group of writes has driven it anew. */
static void is_as_stored(const struct task *told)
{
	struct err why = {0};
	struct arena own;
	struct task *stored;

	arena_init(&own);
	ck_ok(queue_get(queue, told->id, &own, &stored, &why), &why);
	if (!task_state_is_final(stored->state)) {
		arena_done(&own);
		return;
	}
	is_same(told->kind, stored->kind);
	is_same(told->queue, stored->queue);
	is_same(told->tenant, stored->tenant);
	is_same(told->dataset, stored->dataset);
	is_same(told->body, stored->body);
	is_same(told->labels, stored->labels);
	is_same(told->trace, stored->trace);
	is_same(told->worker, stored->worker);
	is_same(told->result, stored->result);
	is_same(told->error, stored->error);
	is_same(told->error_where, stored->error_where);
	is_same(told->checkpoint, stored->checkpoint);
	is_same(told->unique_key, stored->unique_key);
	ck_assert_int_eq(told->state, stored->state);
	ck_assert_int_eq(told->priority, stored->priority);
	ck_assert_int_eq(told->attempt, stored->attempt);
	ck_assert_int_eq(told->max_attempts, stored->max_attempts);
	ck_assert_int_eq(told->crashes, stored->crashes);
	ck_assert_int_eq(told->created_at, stored->created_at);
	ck_assert_int_eq(told->run_at, stored->run_at);
	ck_assert_int_eq(told->expires_at, stored->expires_at);
	ck_assert_int_eq(told->started_at, stored->started_at);
	ck_assert_int_eq(told->finished_at, stored->finished_at);
	ck_assert_int_eq(told->timeout_ms, stored->timeout_ms);
	ck_assert_int_eq(told->parent, stored->parent);
	ck_assert_int_eq(told->batch, stored->batch);
	ck_assert_int_eq(told->fence, stored->fence);
	arena_done(&own);
}

static int wants_task(void *ctx, int64_t id, enum task_state state)
{
	(void)ctx;
	(void)id;
	(void)state;
	return somebody_looks;
}

void (*while_told)(void);

static void on_event(void *ctx, const struct task_event *event)
{
	(void)ctx;
	if (!event->task)
		return;
	if (task_state_is_final(event->task->state) && while_told)
		while_told();
	if (task_state_is_final(event->task->state))
		is_as_stored(event->task);
	if (!strcmp(event->type, "state") && n_events < 64)
		strcpy(events[n_events++], task_state_name(event->task->state));
}

static void drop_line(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

int (*is_merge_fine)(struct task_spec *merged);

static int check_merged(void *ctx, struct task_spec *merged, struct arena *in, struct err *e)
{
	(void)ctx;
	(void)in;
	if (!is_merge_fine || is_merge_fine(merged))
		return 0;
	err_set(e, ERR_INVALID, "it has both");
	err_where(e, "/b");
	return ERR_INVALID;
}

int try_open(void)
{
	struct queue_events callbacks = {NULL, on_ready, on_stop, on_event, wants_task, check_merged};

	queue = NULL;
	store = NULL;
	return store_open(path, &store_config, nothing, NULL, &store, &err) ||
	       queue_open(store, &config, &callbacks, &queue, &err);
}

void open_queue(void)
{
	ck_ok(try_open(), &err);
}

void close_queue(void)
{
	store_flush(store);
	ck_ok(queue_check(store, &err), &err);
	store_close(store);
	queue_close(queue);
}

void set_up(void)
{
	is_merge_fine = NULL;
	while_told = NULL;
	strcpy(path, test_path("store.db"));
	log_redirect(drop_line, NULL);
	clock_freeze(NOW);
	arena_init(&arena);
	ck_ok(options_init(queue_options, &config, &err), &err);
	open_queue();
}

void tear_down(void)
{
	close_queue();
	arena_done(&arena);
}

void on_put(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *e)
{
	(void)ctx;
	last_code = r;
	if (r)
		err = *e;
	if (n) {
		last_id = results[n - 1].id;
		put_existed = results[n - 1].existed;
		last_code = results[n - 1].code;
	}
}

int64_t put(struct task_spec spec)
{
	if (!spec.kind)
		spec.kind = "test";
	ck_ok(queue_put(queue, &spec, 1, QUEUE_ATOMIC, on_put, NULL, &err), &err);
	store_flush(store);
	return last_code ? last_code : last_id;
}

struct task *claim_as(struct queue_claim_ask ask)
{
	struct task *task;

	ck_ok(queue_claim(queue, &ask, &arena, &task, &err), &err);
	store_flush(store);
	return task;
}

struct task *claim(void)
{
	return claim_as(by_w);
}

struct task *get(int64_t id)
{
	struct task *task;

	ck_ok(queue_get(queue, id, &arena, &task, &err), &err);
	return task;
}

void on_done(void *ctx, int r, const struct err *e)
{
	(void)ctx;
	(void)e;
	last_code = r;
}

int finish(const struct task *task, int code)
{
	struct queue_outcome outcome = {.code = code,
	                                .result = code ? NULL : "{\"n\":1}",
	                                .error = code ? "it broke" : NULL};
	int r = queue_finish(queue, task->id, task->fence, &outcome, on_done, NULL);

	store_flush(store);
	return r;
}

void pass(int64_t ms)
{
	clock_advance(ms);
	queue_tick(queue);
	store_flush(store);
}

struct queue_settings settings_of(const char *name)
{
	struct queue_settings settings;

	queue_settings_get(queue, name, &settings);
	return settings;
}

void configure(const char *name, struct queue_settings settings)
{
	ck_ok(queue_settings_set(queue, name, &settings, on_done, NULL, &err), &err);
	store_flush(store);
	ck_assert_int_eq(last_code, 0);
}
