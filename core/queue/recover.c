/* SPDX-License-Identifier: Apache-2.0 */
/* At a start: tasks that wait get their place in RAM again, and those that run on, go on. With a long backlog this is
 * all that a start takes, so that the table of what waits has nothing but numbers, and is read by many
 * (store_walk). */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "queue/inside.h"

/* RECOVER and RECOVER_RUNS begin with these columns. */
struct row {
	int64_t id, lane, priority, created_at, run_at, expires_at, attempt, max_attempts, crashes, blocked, flags;
};
#define COLUMNS ((int)(sizeof(struct row) / sizeof(int64_t)))

struct recovery {
	struct queue *queue;
	struct lane **lanes; /* by id, as `live` names them */
	int64_t n_lanes, now;
};

static int load_lanes(struct recovery *rec, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(store_reader(rec->queue->store), statement(LANE_ALL), &stmt, err);

	if (r)
		return r;
	while ((r = store_step(stmt, err)) > 0) {
		int64_t id = store_int(stmt, 0);
		struct lane *lane = lane_load(rec->queue, store_text(stmt, 1), store_text(stmt, 2), store_text(stmt, 3),
		                              (int)store_int(stmt, 4), id);
		struct lane **grown = realloc(rec->lanes, (size_t)(id + 1) * sizeof(struct lane *));

		if (!lane || !grown) {
			r = err_set(err, ERR_NOMEM, "out of memory");
			break;
		}
		memset(grown + rec->n_lanes, 0, (size_t)(id + 1 - rec->n_lanes) * sizeof(struct lane *));
		rec->lanes = grown;
		rec->n_lanes = id + 1;
		grown[id] = lane;
	}
	store_end(stmt);
	return r;
}

/* ---- one task ------------------------------------------------------------------------------ */

static int equip(struct queue *queue, struct live *live, const char *policy, int64_t expires_at)
{
	struct task_spec spec = {0};
	struct arena arena;
	int r;

	arena_init(&arena);
	r = spec_unpack(policy, &arena, &spec);
	if (!r)
		r = live_equip(queue, live, &spec, policy);
	arena_done(&arena);
	if (!r) /* one that was started was started in time */
		live->more->expires_at = live->life.attempt ? spec.deadline : expires_at;
	return r;
}

static int equip_stored(struct queue *queue, struct live *live, const struct row *row, struct err *err)
{
	struct store_stmt *stmt = NULL;
	int r = 0;

	if (row->flags & LIVE_POLICY) {
		r = store_begin(store_reader(queue->store), statement(RECOVER_POLICY), &stmt, err);
		if (r)
			return r;
		store_bind_int(stmt, 1, row->id);
		r = store_step(stmt, err);
	}
	if (r >= 0)
		r = equip(queue, live, r ? store_text(stmt, 0) : NULL, row->expires_at);
	store_end(stmt);
	return r ? err_set(err, r, "task %lld: its policy cannot be read", (long long)live->id) : 0;
}

static int recover_one(struct recovery *rec, const struct row *row, struct live **ret, struct err *err)
{
	struct live *live;

	if (row->lane < 0 || row->lane >= rec->n_lanes || !rec->lanes[row->lane])
		return err_set(err, ERR_CORRUPT, "task %lld stands in no lane: see store check", (long long)row->id);
	*ret = live = live_new(rec->queue, row->id, rec->lanes[row->lane]);
	if (!live)
		return err_set(err, ERR_NOMEM, "out of memory");
	live->priority = (uint8_t)row->priority;
	live->due = row->run_at > row->created_at ? row->run_at : row->created_at;
	live->life = (struct life){.attempt = (uint32_t)row->attempt,
	                           .max_attempts = (uint32_t)row->max_attempts,
	                           .crashes = (uint8_t)row->crashes,
	                           .state = row->blocked            ? TASK_BLOCKED
	                                    : live->due <= rec->now ? TASK_READY
	                                                            : TASK_SCHEDULED};
	live->flags = (uint8_t)row->flags | LIVE_CHECKPOINT;
	return row->flags & LIVE_POLICY || row->expires_at || row->blocked ? equip_stored(rec->queue, live, row, err)
	                                                                   : 0;
}

/* ---- all ----------------------------------------------------------------------------------- */

static int recover_runs(struct recovery *rec, struct err *err)
{
	struct queue *queue = rec->queue;
	struct store_stmt *stmt;
	struct live *live;
	struct row row;
	int r = store_begin(store_reader(queue->store), statement(RECOVER_RUNS), &stmt, err);

	if (r)
		return r;
	while ((r = store_step(stmt, err)) > 0) {
		for (int i = 0; i < COLUMNS; i++)
			((int64_t *)&row)[i] = store_int(stmt, i);
		if ((r = recover_one(rec, &row, &live, err)) || (r = running_resume(queue, live, stmt, err)))
			break;
	}
	store_end(stmt);
	return r;
}

static int on_row(void *arg, const int64_t *values, struct err *err)
{
	struct recovery *rec = arg;
	struct live *live;
	struct row row;
	int r;

	memcpy(&row, values, sizeof(row));
	if (rec->queue->counts[TASK_RUNNING] && live_find(rec->queue, row.id))
		return 0;
	r = recover_one(rec, &row, &live, err);
	if (!r)
		live_enter(rec->queue, live);
	return r;
}

static int recover_waiting(struct recovery *rec, struct err *err)
{
	const struct store_walk walk = {statement(RECOVER), statement(RECOVER_ENDS), COLUMNS};

	return store_walk(rec->queue->store, &walk, on_row, rec, err);
}

/* What runs on comes first: it holds its keys before others ask for them. Lanes without a task are kept for a while, or
 * forgotten. */
int lives_recover(struct queue *queue, struct err *err)
{
	struct recovery rec = {.queue = queue, .now = clock_wall_ms()};
	int r = load_lanes(&rec, err);

	if (!r)
		r = recover_runs(&rec, err);
	if (!r)
		r = recover_waiting(&rec, err);
	for (int64_t i = 0; i < rec.n_lanes && !r; i++)
		if (rec.lanes[i])
			lane_release(queue, rec.lanes[i]);
	free(rec.lanes);
	return r;
}
