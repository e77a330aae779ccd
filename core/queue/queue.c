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

const struct option queue_options[] = {
	{"aging", OPTION_DURATION, offsetof(struct queue_config, aging_ms), "60s", 0, 0, NULL,
         "A task of one priority step less is passed by tasks younger than this, and by no "
         "others."},
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
	{"tenant_depth", OPTION_INT, offsetof(struct queue_config, tenant_depth), "0", 0, 100000000, NULL,
         "The most tasks of one tenant that may wait or run; 0 = any number."},
	{"lease_grace", OPTION_DURATION, offsetof(struct queue_config, lease_grace_ms), "2s", 0, 600000, NULL,
         "A remote worker must stop when its lease ends; so much later its task is given to "
         "another."},
	{"retention", OPTION_DURATION, offsetof(struct queue_config, retention_ms), "7d", 0, 0, NULL,
         "How long ended tasks are kept."},
	{"archive_after", OPTION_DURATION, offsetof(struct queue_config, archive_after_ms), "1m", 0, 0, NULL,
         "So long after its end a task moves from the database into the file of the day on which it is to be "
         "forgotten."},
	OPTION_END,
};

static const char *const state_names[TASK_STATES] = {"blocked",   "scheduled", "ready",     "running",
                                                     "succeeded", "failed",    "cancelled", "expired"};

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

/* ---- open ---------------------------------------------------------------------------------- */

static int lost_write(struct store_db *db, void *arg, struct err *err)
{
	int r = store_run(db, err, statement(LOST_ATTEMPTS), "ii", clock_wall_ms(), (int64_t)ERR_CRASH);

	(void)arg;
	if (!r)
		r = store_run(db, err, statement(LOST_LIVES), "");
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

static void fill_metrics(struct queue *queue)
{
	static const char *const labels[TASK_STATES] = {
		"state=\"blocked\"",   "state=\"scheduled\"", "state=\"ready\"",     "state=\"running\"",
		"state=\"succeeded\"", "state=\"failed\"",    "state=\"cancelled\"", "state=\"expired\""};
	struct metric *m = queue->metrics;

	for (int i = 0; i <= TASK_RUNNING; i++)
		*m++ = metric_row(METRIC_GAUGE, "orasi_queue_tasks", labels[i], "Tasks that have not ended.",
		                  &queue->gauges[i]);
	for (int i = TASK_SUCCEEDED; i < TASK_STATES; i++)
		*m++ = metric_row(METRIC_COUNTER, "orasi_queue_finished_total", labels[i], "Tasks that ended.",
		                  &queue->finished[i]);
	*m++ = metric_counter("orasi_queue_submitted_total", "Tasks accepted.", &queue->submitted);
	*m++ = metric_counter("orasi_queue_retries_total", "Attempts that are tried again.", &queue->retried);
	*m++ = metric_counter("orasi_queue_stale_total", "Reports refused by their fence.", &queue->stale);
	*m++ = metric_counter("orasi_queue_rescued_total", "Attempts whose lease ended without news.", &queue->rescued);
	*m++ = metric_counter("orasi_queue_early_total", "Tasks that were started before they were on disk.",
	                      &queue->early);
	*m++ = metric_times("orasi_queue_wait_seconds", "Time from due to claimed.", &queue->wait_time);
	*m++ = metric_times("orasi_queue_run_seconds", "Time of an attempt.", &queue->run_time);
}

/* Runs in the order in which things name each other. */
static int recover(struct queue *queue, struct err *err)
{
	int r = read_last_id(queue, err);

	queue->event_seq = store_next_fence(queue->store);
	if (!r)
		r = settings_load(queue, err);
	if (!r)
		r = lives_recover(queue, err);
	if (!r)
		r = depend_recover(queue, err);
	if (!r)
		r = states_load(queue, err);
	if (!r)
		r = schedules_load(queue, err);
	if (!r)
		r = days_load(queue, err);
	if (!r)
		runs_end_cancelled(queue);
	return r;
}

int queue_open(struct store *store, const struct queue_config *config, const struct queue_events *events,
               struct queue **ret, struct err *err)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	struct err lost = {0};
	int r;

	if (!queue || live_init(queue) || sweep_new(queue) || fresh_init(queue)) {
		free(queue);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	queue->store = store;
	queue->config = *config;
	queue->events = *events;
	map_init(&queue->states);
	channels_init(queue);
	limits_init(queue);
	leases_init(queue);
	early_init(queue);
	list_init(&queue->bulks);
	list_init(&queue->wishes);
	list_init(&queue->merging);
	schedules_init(queue);
	fill_metrics(queue);
	r = store_write_new(store, lost_write, lost_done, &lost);
	if (!r) {
		store_flush(store);
		r = lost.code ? err_set(err, lost.code, "%s", lost.text) : 0;
	}
	if (!r)
		r = recover(queue, err);
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
	bulks_free(queue);
	wishes_free(queue);
	schedules_free(queue);
	states_free(queue);
	fresh_free(queue);
	sweep_free(queue);
	early_free(queue);
	live_done(queue);
	limits_free(queue);
	channels_free(queue);
	heap_done(&queue->leases);
	free(queue);
}

/* ---- time ---------------------------------------------------------------------------------- */

void queue_tick(struct queue *queue)
{
	int64_t wall = clock_wall_ms(), mono = clock_mono_ms();
	size_t closed = queue->closed.len + queue->throttled.len;

	schedules_tick(queue, wall);
	wake_timers(queue, wall);
	leases_tick(queue, mono);
	early_tick(queue, mono);
	limits_tick(queue, mono);
	channels_tick(queue, mono);
	prune(queue, wall);
	if (queue->closed.len + queue->throttled.len < closed)
		queue->events.on_ready(queue->events.ctx);
}

static int64_t sooner(int64_t ms, int64_t other)
{
	if (other < 0)
		other = 0;
	return other < ms ? other : ms;
}

/* Until a time of the day. Timers do not notice that the clock is set, or that the machine slept: so it is looked at. */
static int64_t until(int64_t at, int64_t wall)
{
	return at - wall < CLOCK_LOOK_MS ? at - wall : CLOCK_LOOK_MS;
}

int64_t queue_due_in(const struct queue *queue)
{
	int64_t wall = clock_wall_ms(), mono = clock_mono_ms(), ms = sooner(INT64_MAX, queue->prune_at - wall);
	struct heap_node *top;

	if ((top = heap_top(&queue->timers)))
		ms = sooner(ms, until(live_due(list_entry(top, struct live, timer)), wall));
	if (schedules_due(queue))
		ms = sooner(ms, until(schedules_due(queue), wall));
	if ((top = heap_top(&queue->leases)))
		ms = sooner(ms, list_entry(top, struct running, timer)->due - mono);
	if (early_due(queue))
		ms = sooner(ms, early_due(queue) - mono);
	if ((top = heap_top(&queue->closed)))
		ms = sooner(ms, list_entry(top, struct key, opens)->opens_at - mono);
	if ((top = heap_top(&queue->throttled)))
		ms = sooner(ms, list_entry(top, struct channel, opens)->opens_at - mono);
	return ms;
}

int queue_is_due_soon(const struct queue *queue)
{
	return early_due(queue) != 0;
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
