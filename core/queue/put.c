/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting tasks: on the writer thread one insert each, deduplicated by idempotency and unique key; on the
 * loop thread, after the fsync, their place in RAM and the news. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "queue/inside.h"

#define BODY_MAX (256u << 10)

struct put {
	struct queue *queue;
	struct arena arena;
	struct task_spec *specs;
	struct queue_put_result *results;
	int64_t *ids;
	size_t n;
	int64_t now;
	void (*on_done)(void *ctx, int r, const struct queue_put_result *results, size_t n,
	                const struct err *err);
	void *ctx;
};

int64_t queue_vstart(const struct queue *queue, int64_t created_at, int64_t run_at, int priority)
{
	return (run_at > created_at ? run_at : created_at) + priority * queue->config.aging_ms;
}

static int lookup(struct store_db *db, const char *sql, const char *key, const char *body, int64_t *ret,
                  struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, sql, &stmt, err);

	if (r)
		return r;
	store_bind_text(stmt, 1, key);
	r = store_step(stmt, err);
	if (r > 0)
		*ret = store_int(stmt, 0);
	if (r > 0 && body && strcmp(store_text(stmt, 1), body))
		r = err_set(err, ERR_CONFLICT, "the idempotency key '%s' was used for another request", key);
	store_end(stmt);
	return r;
}

/* 1: there is such a task already, its id is in ret. */
static int find_existing(struct store_db *db, const struct task_spec *spec, int64_t *ret, struct err *err)
{
	int r = 0;

	if (spec->idempotency_key)
		r = lookup(db, statement(IDEM_GET), spec->idempotency_key, spec->body, ret, err);
	if (!r && spec->unique_key)
		r = lookup(db, statement(UNIQ_GET), spec->unique_key, NULL, ret, err);
	return r;
}

int queue_insert(struct queue *queue, struct store_db *db, const struct task_spec *spec, int64_t id,
                 int64_t now, struct queue_put_result *ret, struct err *err)
{
	int64_t existing = 0;
	int r = find_existing(db, spec, &existing, err);

	(void)queue;
	if (r < 0)
		return r;
	ret->existed = r;
	ret->id = r ? existing : id;
	if (r)
		return 0;
	r = store_run(db, err, statement(TASK_PUT), "issssssiiiiiis", id, spec->kind, spec->queue,
	              spec->dataset, spec->body, spec->labels, spec->trace, (int64_t)spec->priority, now,
	              spec->expires_at, spec->timeout_ms, (int64_t)spec->max_attempts, spec->parent,
	              spec->unique_key);
	if (!r)
		r = store_run(db, err, statement(LIVE_PUT), "iiii", id, spec->run_at, (int64_t)0, (int64_t)0);
	if (!r && spec->idempotency_key)
		r = store_run(db, err, statement(IDEM_PUT), "sii", spec->idempotency_key, id, now);
	if (!r && spec->unique_key)
		r = store_run(db, err, statement(UNIQ_PUT), "si", spec->unique_key, id);
	return r;
}

int queue_admit(struct queue *queue, const struct task_spec *spec, int64_t id, int64_t now)
{
	struct live *live = live_new(queue, id);

	if (!live)
		return ERR_NOMEM; /* durable all the same: the next start finds it */
	live->priority = spec->priority;
	live->run_at = spec->run_at;
	live->expires_at = spec->expires_at;
	live->max_attempts = spec->max_attempts;
	live->vstart = queue_vstart(queue, now, spec->run_at, spec->priority);
	live_place(queue, live);
	queue->submitted++;
	queue_tell(queue, id, "state", live->state);
	return 0;
}

static int put_write(struct store_db *db, void *arg, struct err *err)
{
	struct put *put = arg;
	int r = 0;

	for (size_t i = 0; i < put->n && !r; i++)
		r = queue_insert(put->queue, db, &put->specs[i], put->ids[i], put->now, &put->results[i], err);
	return r;
}

static void put_done(void *arg, int r, const struct err *err)
{
	struct put *put = arg;
	struct queue *queue = put->queue;

	queue->n_coming -= put->n;
	for (size_t i = 0; i < put->n && !r; i++)
		if (!put->results[i].existed)
			queue_admit(queue, &put->specs[i], put->ids[i], put->now);
	put->on_done(put->ctx, r, put->results, r ? 0 : put->n, err);
	if (!r)
		queue->events.on_ready(queue->events.ctx);
	arena_done(&put->arena);
	free(put);
}

struct task_spec *queue_copy_specs(struct queue *queue, struct arena *arena, const struct task_spec *specs,
                                   size_t n)
{
	struct task_spec *copy = arena_dup(arena, specs, n * sizeof(*specs));

	for (size_t i = 0; i < n; i++) {
		struct task_spec *s = &copy[i];

		s->kind = arena_str(arena, s->kind);
		s->queue = arena_str(arena, s->queue ? s->queue : "default");
		s->dataset = arena_str(arena, s->dataset);
		s->body = arena_str(arena, s->body ? s->body : "{}");
		s->labels = arena_str(arena, s->labels);
		s->trace = arena_str(arena, s->trace);
		s->idempotency_key = arena_str(arena, s->idempotency_key);
		s->unique_key = arena_str(arena, s->unique_key);
		if (s->priority < 0)
			s->priority = TASK_PRIORITY_DEFAULT;
		if (!s->max_attempts)
			s->max_attempts = (int)queue->config.max_attempts;
		if (!s->timeout_ms)
			s->timeout_ms = queue->config.timeout_ms;
	}
	return copy;
}

static int check_spec(const struct task_spec *spec, struct err *err)
{
	if (!spec->kind || !*spec->kind)
		return err_set(err, ERR_INVALID, "a task needs a kind");
	if (spec->body && strlen(spec->body) > BODY_MAX)
		return err_set(err, ERR_LIMIT, "the task is larger than the %u bytes allowed", BODY_MAX);
	if (spec->priority > TASK_PRIORITY_MAX)
		return err_set(err, ERR_INVALID, "priority %d is out of range: allowed is 0 to 9", spec->priority);
	return 0;
}

int queue_put(struct queue *queue, const struct task_spec *specs, size_t n,
              void (*on_done)(void *ctx, int r, const struct queue_put_result *results, size_t n,
                              const struct err *err),
              void *ctx, struct err *err)
{
	size_t depth = queue->n_live + queue->n_coming;
	struct put *put;
	int r = 0;

	for (size_t i = 0; i < n && !r; i++)
		r = check_spec(&specs[i], err);
	if (!r && depth + n > (size_t)queue->config.max_depth)
		r = err_set(err, ERR_LIMIT, "the queue is full: %zu tasks wait or run, %lld are allowed "
		            "(queue.max_depth)", depth, (long long)queue->config.max_depth);
	if (!r && store_is_read_only(queue->store))
		r = err_set(err, ERR_READONLY, "the store takes no writes: see the agent's log");
	put = r ? NULL : calloc(1, sizeof(*put));
	if (!put)
		return r ? r : err_set(err, ERR_NOMEM, "out of memory");
	arena_init(&put->arena);
	put->queue = queue;
	put->n = n;
	put->now = clock_wall_ms();
	put->on_done = on_done;
	put->ctx = ctx;
	put->specs = queue_copy_specs(queue, &put->arena, specs, n);
	put->results = arena_alloc(&put->arena, n * sizeof(*put->results));
	put->ids = arena_alloc(&put->arena, n * sizeof(*put->ids));
	for (size_t i = 0; i < n; i++)
		put->ids[i] = ++queue->last_id;
	r = store_write_new(queue->store, put_write, put_done, put);
	if (r) {
		arena_done(&put->arena);
		free(put);
		return err_set(err, r, "out of memory");
	}
	queue->n_coming += n;
	return 0;
}
