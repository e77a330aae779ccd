/* SPDX-License-Identifier: Apache-2.0 */
/* A task comes into being: by a put, or with the end of another.
 *
 * On the loop thread it gets an id and a lane; on the writer thread it is deduplicated by its
 * idempotency and its unique key, checked against what it names, and inserted; after the fsync, on
 * the loop thread, it gets its place in RAM and the news. A refusal changes nothing in the store,
 * so that the others of a transaction need no savepoint. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "queue/inside.h"

/* Tasks of one call mostly stand in one lane. */
static int is_same_lane(const struct task_spec *a, const struct task_spec *b)
{
	return str_eq(a->queue, b->queue) && str_eq(a->tenant, b->tenant) && str_eq(a->fairness_key, b->fairness_key) &&
	       a->weight == b->weight;
}

/* It may replace another, or change it. */
static int is_contested(const struct task_spec *spec)
{
	return spec->unique_key && spec->on_conflict >= TASK_CONFLICT_REPLACE;
}

int inserts_prepare(struct queue *queue, struct arena *arena, const struct task_spec *specs, size_t n,
                    struct insert **ret)
{
	struct insert *all = arena_alloc(arena, n * sizeof(*all));
	struct merges *merges = NULL;
	int64_t now = clock_wall_ms();

	for (size_t i = 0; i < n; i++) {
		const struct task_spec *spec = &specs[i];
		struct lane *lane = i && is_same_lane(spec, spec - 1) ? all[i - 1].lane : lane_get(queue, spec);
		const char *policy = spec_pack(spec, 0, arena);

		if (!lane) {
			inserts_done(queue, all, i, ERR_NOMEM);
			return ERR_NOMEM;
		}
		lane_hold(lane);
		queue->n_coming++;
		if (spec->n_depends_on)
			queue->has_deps = 1;
		all[i] = (struct insert){.spec = spec,
		                         .policy = policy,
		                         .lane = lane,
		                         .id = ++queue->last_id,
		                         .now = now,
		                         .expires_at = spec->expires_at,
		                         .flags = spec_flags(spec, policy),
		                         .lane_is_new = !lane->is_stored,
		                         .is_fresh = n == 1 || spec->run_at <= now,
		                         .is_one_of_many = n > 1,
		                         .merge = merge_new(spec, &merges, arena),
		                         .is_contested = is_contested(spec)};
		queue->n_contested += all[i].is_contested;
		if (spec->idempotency_key)
			all[i].digest = idem_digest(spec, arena);
		if (spec->deadline && (!spec->expires_at || spec->deadline < spec->expires_at))
			all[i].expires_at = spec->deadline;
	}
	*ret = all;
	return 0;
}

/* ---- on the writer thread ------------------------------------------------------------------ */

int insert_refuse(struct insert *in, int code, struct arena *arena, const struct err *err)
{
	in->result.code = code;
	in->result.error = arena_str(arena, err->text);
	in->result.where = arena_str(arena, err->where);
	return 0;
}

static int is_waiting(struct store_db *db, int64_t id, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, statement(WAITS), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, id);
	r = store_step(stmt, err);
	store_end(stmt);
	return r;
}

static int resolve_conflict(struct queue *queue, struct store_db *db, struct insert *in, struct arena *arena,
                            struct err *err)
{
	struct err why = {0};
	char name[ID_LEN];
	int waits;

	if (in->spec->on_conflict == TASK_CONFLICT_RETURN) {
		in->result.existed = QUEUE_HELD;
		return 1;
	}
	waits = in->spec->on_conflict == TASK_CONFLICT_REJECT ? 0 : is_waiting(db, in->result.id, err);
	if (waits < 0)
		return waits;
	if (waits && in->spec->on_conflict == TASK_CONFLICT_MERGE) {
		int r = merge_write(db, in, arena, err);

		return r ? r : 1;
	}
	if (waits) {
		in->replaced = in->result.id;
		return end_write_replaced(queue, db, in, err);
	}
	id_format('t', in->result.id, name);
	err_set(&why, ERR_EXISTS, "task %s has the unique key '%s'", name, in->spec->unique_key);
	err_where(&why, "/unique_key");
	insert_refuse(in, ERR_EXISTS, arena, &why);
	return 1;
}

/* 1: a task has the unique key. */
static int get_holder(struct store_db *db, const struct task_spec *spec, int64_t now, int64_t *ret, struct err *err)
{
	struct store_stmt *stmt;
	int64_t until = 0;
	int r = store_begin(db, statement(UNIQ_GET), &stmt, err);

	if (r)
		return r;
	store_bind_text(stmt, 1, spec->tenant ? spec->tenant : "");
	store_bind_text(stmt, 2, spec->unique_key);
	r = store_step(stmt, err);
	if (r > 0) {
		*ret = store_int(stmt, 0);
		until = store_int(stmt, 1);
	}
	store_end(stmt);
	return r > 0 ? !until || until > now : r;
}

int insert_is_held(struct store_db *db, const struct task_spec *spec, struct err *err)
{
	return get_holder(db, spec, clock_wall_ms(), &(int64_t){0}, err);
}

static int find_unique(struct queue *queue, struct store_db *db, struct insert *in, struct arena *arena,
                       struct err *err)
{
	int r = get_holder(db, in->spec, in->now, &in->result.id, err);

	return r > 0 ? resolve_conflict(queue, db, in, arena, err) : r;
}

static int write_keys(struct store_db *db, const struct insert *in, struct err *err)
{
	const struct task_spec *spec = in->spec;
	int64_t until = spec->unique_scope == TASK_UNIQUE_TTL ? in->now + spec->unique_ttl_ms : 0;
	int r = 0;

	if (spec->idempotency_key)
		r = idem_put(db, in, err);
	if (!r && spec->unique_key)
		r = store_run(db, err, statement(UNIQ_PUT), "ssii", spec->tenant, spec->unique_key, in->id, until);
	return r;
}

static int write_rows(struct store_db *db, const struct insert *in, struct err *err)
{
	const struct task_spec *s = in->spec;
	const struct lane *lane = in->lane;
	int r = 0;

	if (in->lane_is_new)
		r = store_run(db, err, statement(LANE_PUT), "isssi", lane->id, lane->channel->name, lane->tenant->name,
		              lane_fairness_key(lane), (int64_t)lane->weight);
	if (!r)
		r = store_run(db, err, statement(TASK_PUT), "issssssiiiiiissis", in->id, s->kind, s->queue, s->dataset,
		              s->body, s->labels, s->trace, (int64_t)s->priority, in->now, in->expires_at,
		              s->timeout_ms, (int64_t)s->max_attempts, s->parent, s->unique_key, s->tenant, s->batch,
		              in->policy);
	if (!r)
		r = store_run(db, err, statement(LIVE_PUT), "iiiiiiiii", in->id, lane->id, (int64_t)s->priority,
		              in->now, s->run_at, in->expires_at, (int64_t)s->max_attempts,
		              (int64_t)(in->is_blocked || in->waiting), (int64_t)in->flags);
	return r;
}

int insert_write(struct queue *queue, struct store_db *db, struct insert *all, size_t i, struct arena *arena,
                 struct err *err)
{
	struct insert *in = &all[i];
	int r = 0;

	in->result = (struct queue_put_result){0}; /* a write may be called again */
	in->waiting = in->dep_failed = 0;
	in->replaced = in->complete = 0;
	if (in->refused) {
		in->result = *in->refused;
		return 0;
	}
	if (in->spec->idempotency_key)
		r = idem_find(db, in, arena, err);
	if (!r && in->spec->n_depends_on)
		r = depend_check(db, all, i, arena, err);
	if (!r && !in->result.code && in->spec->batch)
		r = batch_check(db, in, arena, err);
	if (!r && !in->result.code && in->spec->unique_key)
		r = find_unique(queue, db, in, arena, err);
	if (!r && !in->result.code && in->if_new)
		in->result = *in->if_new;
	if (r || in->result.code)
		return r < 0 ? r : 0;
	in->result.id = in->id;
	if (in->spec->n_depends_on)
		r = depend_name(all, i, arena);
	if (!r && in->spec->n_depends_on)
		r = depend_write(db, all, i, err);
	if (!r)
		r = write_rows(db, in, err);
	if (!r)
		r = write_keys(db, in, err);
	if (!r && in->spec->batch)
		r = store_run(db, err, statement(BATCH_ADD), "i", in->spec->batch);
	return r;
}

/* ---- on the loop thread -------------------------------------------------------------------- */

int live_equip(struct queue *queue, struct live *live, const struct task_spec *spec, const char *policy)
{
	size_t n = policy ? strlen(policy) + 1 : 1;
	struct more *more = calloc(1, sizeof(*more) + n);

	if (!more)
		return ERR_NOMEM;
	if (policy)
		memcpy(more->policy, policy, n);
	more->deadline = spec->deadline;
	more->batch = spec->batch;
	more->cost = (uint32_t)spec->cost;
	more->slots = (uint32_t)spec->slots;
	more->on_dep_failure = (uint8_t)spec->on_dep_failure;
	live->more = more;
	return limit_attach(queue, live, spec);
}

void live_settle(struct queue *queue, struct live *live)
{
	int64_t no_fence = 0;

	if (live_state(live) == TASK_SCHEDULED && live->due <= clock_wall_ms())
		life_step(&live->life, &no_fence, LIFE_DUE, 0);
	live_enter(queue, live);
}

static int admit(struct queue *queue, const struct insert *in)
{
	const struct task_spec *spec = in->spec;
	struct live *live;

	if (in->started) {
		early_admit(queue, in);
		return 0;
	}
	live = live_new(queue, in->id, in->lane);
	if (!live)
		return ERR_NOMEM; /* durable all the same: the next start finds it */
	live->priority = (uint8_t)spec->priority;
	live->due = spec->run_at > in->now ? spec->run_at : in->now;
	live->life.max_attempts = (uint32_t)spec->max_attempts;
	live->life.state = TASK_SCHEDULED;
	live->flags = (uint8_t)in->flags;
	if (((in->flags & LIVE_POLICY) || in->is_blocked || in->expires_at) &&
	    live_equip(queue, live, spec, in->policy)) {
		live_del(queue, live);
		return ERR_NOMEM;
	}
	if (live->more)
		live->more->expires_at = in->expires_at;
	if (in->waiting || in->is_blocked) {
		live->life.state = TASK_BLOCKED;
		live->more->waiting = in->waiting + in->is_blocked;
	}
	fresh_put(queue, in);
	live_settle(queue, live);
	queue->submitted++;
	queue_tell(queue, in->id, "state", live_state(live));
	return 0;
}

static void drop_replaced(struct queue *queue, const struct insert *in)
{
	int64_t id = in->replaced;
	struct live *live = live_find(queue, id);

	if (!live)
		return;
	live_leave(queue, live);
	channel_ended(live->lane->channel, clock_mono_ms());
	live_del(queue, live);
	queue->finished[TASK_CANCELLED]++;
	queue_tell(queue, id, "state", TASK_CANCELLED);
	depend_failed(queue, id);
	if (in->complete)
		depend_released(queue, &in->complete, 1);
}

void inserts_done(struct queue *queue, struct insert *all, size_t n, int r)
{
	for (size_t i = 0; i < n; i++) {
		struct insert *in = &all[i];
		int is_new = !r && !in->result.code && !in->result.existed;

		queue->n_coming--;
		queue->n_contested -= in->is_contested;
		if (is_new)
			in->lane->is_stored = 1;
		if (!r && in->replaced)
			drop_replaced(queue, in);
		if (is_new)
			admit(queue, in);
		else if (in->started)
			early_drop(queue, in);
		lane_unhold(queue, in->lane);
		if (is_new && in->dep_failed)
			for (size_t k = 0; k < in->spec->n_depends_on; k++)
				depend_failed(queue, in->spec->depends_on[k] > 0
				                             ? in->spec->depends_on[k]
				                             : all[-in->spec->depends_on[k] - 1].result.id);
	}
}
