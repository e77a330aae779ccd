/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, recovering, time, numbers. */
#include "queue/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "queue/inside.h"

#define PRUNE_EVERY_MS 60000
#define PRUNE_ROWS 500 /* of one round, so that no commit waits long for it */
#define IDEMPOTENCY_MS (24 * 3600 * 1000)

const struct option queue_options[] = {
	{"aging", OPTION_DURATION, offsetof(struct queue_config, aging_ms), "60s", 0, 0, NULL,
	 "A task of one priority step less is passed by tasks younger than this, and by no others."},
	{"max_attempts", OPTION_INT, offsetof(struct queue_config, max_attempts), "5", 1, 1000000, NULL,
	 "How often a task is tried when the reason may go away (disk, network, a crash)."},
	{"timeout", OPTION_DURATION, offsetof(struct queue_config, timeout_ms), "6h", 0, 0, NULL,
	 "How long one attempt may take; 0ms = for ever."},
	{"retry_initial", OPTION_DURATION, offsetof(struct queue_config, retry_initial_ms), "1s", 0, 0, NULL,
	 "Bound of the first wait before another try; doubles each time, with full jitter."},
	{"retry_max", OPTION_DURATION, offsetof(struct queue_config, retry_max_ms), "5m", 0, 0, NULL,
	 "The longest wait before another try."},
	{"max_crashes", OPTION_INT, offsetof(struct queue_config, max_crashes), "3", 1, 1000000, NULL,
	 "A task whose worker died so often is not tried again."},
	{"max_depth", OPTION_INT, offsetof(struct queue_config, max_depth), "1000000", 1, 100000000, NULL,
	 "The most tasks that may wait or run; more are refused with 429."},
	{"retention", OPTION_DURATION, offsetof(struct queue_config, retention_ms), "7d", 0, 0, NULL,
	 "How long ended tasks are kept."},
	OPTION_END,
};

static const char *const state_names[TASK_STATES] = {"scheduled", "ready", "running", "succeeded",
                                                     "failed", "cancelled", "expired"};

const char *task_state_name(enum task_state state)
{
	return state < TASK_STATES ? state_names[state] : "unknown";
}

int task_state_parse(const char *name, enum task_state *ret)
{
	for (int i = 0; i < TASK_STATES; i++)
		if (!strcmp(name, state_names[i])) {
			*ret = (enum task_state)i;
			return 0;
		}
	return ERR_INVALID;
}

int task_priority_parse(const char *name, int *ret)
{
	static const struct {
		const char *name;
		int priority;
	} priorities[] = {{"critical", 0}, {"high", 2}, {"normal", 5}, {"low", 8}};
	int64_t v;

	for (size_t i = 0; i < sizeof(priorities) / sizeof(priorities[0]); i++)
		if (!strcmp(name, priorities[i].name)) {
			*ret = priorities[i].priority;
			return 0;
		}
	if (str_to_i64(name, &v) || v < 0 || v > TASK_PRIORITY_MAX)
		return ERR_INVALID;
	*ret = (int)v;
	return 0;
}

/* ---- open ------------------------------------------------------------------------------------------ */

static int lost_write(struct store_db *db, void *arg, struct err *err)
{
	int r = store_run(db, err, statement(LOST_ATTEMPTS), "ii", clock_wall_ms(), (int64_t)ERR_CRASH);

	(void)arg;
	return r ? r : store_run(db, err, statement(LOST_RUNS), "");
}

static void lost_done(void *arg, int r, const struct err *err)
{
	struct err *ret = arg;

	*ret = *err;
	ret->code = r;
}

static int read_last_id(struct queue *queue, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(store_reader(queue->store), statement(LAST_ID), &stmt, err);

	if (r)
		return r;
	r = store_step(stmt, err);
	if (r > 0)
		queue->last_id = store_int(stmt, 0);
	store_end(stmt);
	return r < 0 ? r : 0;
}

static int recover_live(struct queue *queue, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(store_reader(queue->store), statement(RECOVER), &stmt, err);

	if (r)
		return r;
	while ((r = store_step(stmt, err)) > 0) {
		struct live *live = live_new(queue, store_int(stmt, 0));

		if (!live) {
			r = err_set(err, ERR_NOMEM, "out of memory");
			break;
		}
		live->priority = (int)store_int(stmt, 1);
		live->max_attempts = (int)store_int(stmt, 4);
		live->run_at = store_int(stmt, 5);
		live->attempt = (int)store_int(stmt, 6);
		live->expires_at = live->attempt ? 0 : store_int(stmt, 3);
		live->crashes = (int)store_int(stmt, 7);
		live->vstart = queue_vstart(queue, store_int(stmt, 2), live->run_at, live->priority);
		live_place(queue, live);
	}
	store_end(stmt);
	return r;
}

static void fill_metrics(struct queue *queue)
{
	static const char *const labels[TASK_STATES] = {
		"state=\"scheduled\"", "state=\"ready\"",     "state=\"running\"", "state=\"succeeded\"",
		"state=\"failed\"",    "state=\"cancelled\"", "state=\"expired\""};
	struct metric *m = queue->metrics;

	for (int i = 0; i <= TASK_RUNNING; i++)
		*m++ = (struct metric){"orasi_queue_tasks", METRIC_GAUGE, "Tasks that have not ended.", labels[i],
		                       &queue->gauges[i], NULL, NULL, NULL};
	for (int i = TASK_SUCCEEDED; i < TASK_STATES; i++)
		*m++ = (struct metric){"orasi_queue_finished_total", METRIC_COUNTER, "Tasks that ended.", labels[i],
		                       &queue->finished[i], NULL, NULL, NULL};
	*m++ = (struct metric){"orasi_queue_submitted_total", METRIC_COUNTER, "Tasks accepted.", NULL,
	                       &queue->submitted, NULL, NULL, NULL};
	*m++ = (struct metric){"orasi_queue_retries_total", METRIC_COUNTER, "Attempts that are tried again.", NULL,
	                       &queue->retried, NULL, NULL, NULL};
	*m++ = (struct metric){"orasi_queue_stale_total", METRIC_COUNTER, "Reports refused by their fence.", NULL,
	                       &queue->stale, NULL, NULL, NULL};
	*m++ = (struct metric){"orasi_queue_wait_seconds", METRIC_HISTOGRAM, "Time from due to claimed.", NULL, NULL,
	                       &queue->wait_time, NULL, NULL};
	*m++ = (struct metric){"orasi_queue_run_seconds", METRIC_HISTOGRAM, "Time of an attempt.", NULL, NULL,
	                       &queue->run_time, NULL, NULL};
}

int queue_open(struct store *store, const struct queue_config *config, const struct queue_events *events,
               struct queue **ret, struct err *err)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	struct err lost = {0};
	int r;

	if (!queue || live_init(queue)) {
		free(queue);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	queue->store = store;
	queue->config = *config;
	queue->events = *events;
	fill_metrics(queue);
	r = store_write_new(store, lost_write, lost_done, &lost);
	if (!r) {
		store_flush(store);
		r = lost.code ? err_set(err, lost.code, "%s", lost.text) : 0;
	}
	if (!r)
		r = read_last_id(queue, err);
	if (!r)
		r = recover_live(queue, err);
	if (r) {
		queue_close(queue);
		return r;
	}
	*ret = queue;
	return 0;
}

void queue_close(struct queue *queue)
{
	if (!queue)
		return;
	live_all_free(queue);
	free(queue);
}

/* ---- time -------------------------------------------------------------------------------------------- */

static int prune_write(struct store_db *db, void *arg, struct err *err)
{
	static const enum queue_statement steps[] = {OLD_ATTEMPT, OLD_TASK, OLD_DONE};
	struct queue *queue = arg;
	struct store_stmt *stmt;
	int64_t ids[PRUNE_ROWS], now = clock_wall_ms();
	size_t n = 0;
	int r = store_begin(db, statement(OLD_FIND), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, now - queue->config.retention_ms);
	store_bind_int(stmt, 2, PRUNE_ROWS);
	while ((r = store_step(stmt, err)) > 0)
		ids[n++] = store_int(stmt, 0);
	store_end(stmt);
	queue->prune_more = n == PRUNE_ROWS;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]) && r >= 0; k++)
			r = store_run(db, err, statement(steps[k]), "i", ids[i]);
	return r < 0 ? r : store_run(db, err, statement(OLD_IDEM), "i", now - IDEMPOTENCY_MS);
}

static void prune_done(void *arg, int r, const struct err *err)
{
	struct queue *queue = arg;

	if (r)
		log_warn("queue.prune", LOG_STR("error", err->text));
	else if (queue->prune_more)
		queue->prune_at = 0;
}

void queue_tick(struct queue *queue)
{
	int64_t now = clock_wall_ms();

	queue_wake_timers(queue, now);
	if (now < queue->prune_at)
		return;
	queue->prune_at = now + PRUNE_EVERY_MS;
	if (!store_is_read_only(queue->store))
		store_write(queue->store, prune_write, prune_done, queue);
}

int64_t queue_due_in(const struct queue *queue)
{
	struct heap_node *top = heap_top(&queue->timers);
	int64_t now = clock_wall_ms(), due, prune = queue->prune_at - now;

	if (prune < 0)
		prune = 0;
	if (!top)
		return prune;
	due = live_due(list_entry(top, struct live, timer)) - now;
	if (due < 0)
		due = 0;
	return due < prune ? due : prune;
}

void queue_counts(const struct queue *queue, int64_t ret[TASK_STATES])
{
	for (int i = 0; i < TASK_STATES; i++)
		ret[i] = i <= TASK_RUNNING ? queue->counts[i] : queue->finished[i];
}

const struct metric *queue_metrics(struct queue *queue)
{
	return queue->metrics;
}

/* ---- audit -------------------------------------------------------------------------------------------- */

static int find_bad(struct store_db *db, enum queue_statement id, const char *what, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, statement(id), &stmt, err);

	if (r)
		return r;
	r = store_step(stmt, err);
	if (r > 0)
		r = err_set(err, ERR_CORRUPT, "task %lld %s", (long long)store_int(stmt, 0), what);
	store_end(stmt);
	return r;
}

int queue_check(struct store *store, struct err *err)
{
	static const struct {
		enum queue_statement find;
		const char *what;
	} checks[] = {
		{CHECK_STATES, "is in no state or in two"},
		{CHECK_RUNS, "runs although it has ended"},
		{CHECK_ORPHANS, "has rows but was never put"},
		{CHECK_ENDS, "has ended in a state that is no end"},
		{CHECK_UNIQUE, "and its unique key do not belong together"},
		{CHECK_TWICE, "has succeeded twice"},
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && !r; i++)
		r = find_bad(store_reader(store), checks[i].find, checks[i].what, err);
	return r;
}
