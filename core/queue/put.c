/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting tasks: checks and quotas at once, the rest in one transaction. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "queue/inside.h"

#define RETRY_AFTER_MIN_MS 1000
#define RETRY_AFTER_MAX_MS 60000

struct put {
	struct queue *queue;
	struct arena arena;
	struct insert *inserts;
	struct queue_put_result *results;
	size_t n;
	struct idem_call *call; /* with a key; NULL: it has none */
	size_t *places;
	struct queue_put_result *refused; /* at once; a code says that one is */
	struct queue_put_result
		*if_new; /* the same, of those whose unique key another has, should it have it no more */
	int flags;
	struct early early;
	queue_put_fn on_done;
	void *ctx;
};

/* ---- quotas
 * -----------------------------------------------------------------------------------------------
 */

static int is_full(struct err *err, const char *what, const char *name, int64_t have, int64_t n, int64_t max,
                   const char *option)
{
	if (!max || have + n <= max)
		return 0;
	return err_set(err, ERR_LIMIT, "%s%s is full: %lld tasks wait or run, %lld are allowed (%s)", what, name,
	               (long long)have, (long long)max, option);
}

/* How many more there will be: of all, in the queue, of the tenant. */
struct coming {
	int64_t all, queue, tenant;
};

static int check_quota(const struct queue *queue, const struct task_spec *spec, const struct coming *coming,
                       struct err *err)
{
	const struct channel *channel = channel_find(queue, spec->queue ? spec->queue : DEFAULT_QUEUE);
	const char *name = spec->tenant ? spec->tenant : "";
	const struct tenant *tenant = map_get(&queue->tenants, name);
	int64_t depth = (int64_t)(queue->n_live + queue->n_coming);
	int r = is_full(err, "the agent's queue", "", depth, coming->all, queue->config.max_depth, "queue.max_depth");

	if (!r && channel && channel->settings.draining)
		r = err_set(err, ERR_BUSY, "queue '%s' drains: it accepts no tasks", channel->name);
	if (!r && channel)
		r = is_full(err, "queue ", channel->name, channel->n_live + channel->n_coming, coming->queue,
		            channel->settings.max_depth, "max_depth of the queue");
	if (!r)
		r = is_full(err, "the share of tenant ", name, tenant ? tenant->depth + tenant->n_coming : 0,
		            coming->tenant, queue->config.tenant_depth, "queue.tenant_depth");
	return r;
}

static int is_same_quota(const struct task_spec *a, const struct task_spec *b)
{
	return str_eq(a->queue, b->queue) && str_eq(a->tenant, b->tenant);
}

static struct queue_room room(int64_t quota, int64_t used)
{
	return (struct queue_room){quota, quota > used ? quota - used : 0};
}

void queue_room(const struct queue *queue, const char *name, const char *tenant, struct queue_room ret[QUEUE_ROOMS])
{
	const struct channel *channel = channel_find(queue, name ? name : DEFAULT_QUEUE);
	const struct tenant *t = map_get(&queue->tenants, tenant ? tenant : "");

	ret[QUEUE_ROOM_AGENT] = room(queue->config.max_depth, (int64_t)(queue->n_live + queue->n_coming));
	ret[QUEUE_ROOM_TENANT] = room(queue->config.tenant_depth, t ? t->depth + t->n_coming : 0);
	ret[QUEUE_ROOM_QUEUE] = channel ? room(channel->settings.max_depth, channel->n_live + channel->n_coming)
	                                : (struct queue_room){0};
}

int64_t queue_retry_after_ms(const struct queue *queue, const char *name)
{
	const struct channel *channel = channel_find(queue, name ? name : DEFAULT_QUEUE);
	int64_t per_minute = 0, ms;

	if (channel)
		per_minute = channel->ended_last_minute > channel->ended_in_minute ? channel->ended_last_minute
		                                                                   : channel->ended_in_minute;
	ms = per_minute ? 60000 * 10 / per_minute : RETRY_AFTER_MAX_MS; /* until ten have ended */
	return ms < RETRY_AFTER_MIN_MS ? RETRY_AFTER_MIN_MS : ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms;
}

static int check_spec(const struct put *put, const struct task_spec *spec, struct err *err)
{
	return put->flags & QUEUE_CHECKED ? 0 : queue_check_spec(spec, err);
}

/* All of one call are counted against each of its queues: who sends a batch over the edge is refused whole. `repeated`
 * (may be NULL) are not counted. *ret_full: it is for want of room. */
static int check_all(const struct put *put, const struct task_spec *specs, const char *repeated, int *ret_full,
                     struct err *err)
{
	size_t n = put->n;
	int64_t fresh = 0;
	const struct task_spec *before = NULL;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		fresh += !(repeated && repeated[i]);
	*ret_full = 0;
	for (size_t i = 0; i < n && !r; i++) {
		r = check_spec(put, &specs[i], err);
		if (!r && !(repeated && repeated[i]) && !(before && is_same_quota(&specs[i], before))) {
			before = &specs[i];
			r = *ret_full = check_quota(put->queue, before, &(struct coming){fresh, fresh, fresh}, err);
		}
		if (r && n > 1)
			err_where(err, "[%zu]", i);
	}
	return r;
}

static int64_t *counter_of(struct map *counters, const char *name, char mark, struct arena *arena)
{
	const char *key = arena_printf(arena, "%c%s", mark, name);
	int64_t *counter = map_get(counters, key);

	if (counter)
		return counter;
	counter = arena_alloc(arena, sizeof(*counter));
	*counter = 0;
	return map_set(counters, key, counter) ? NULL : counter;
}

static void note_refusal(struct queue_put_result *ret, const struct err *err, struct arena *arena)
{
	*ret = (struct queue_put_result){.code = err->code,
	                                 .error = arena_str(arena, err->text),
	                                 .where = arena_str(arena, err->where)};
}

/* Each for itself: those before it that are accepted count. The result of one that is not has a code. */
static int check_each(struct put *put, const struct task_spec *specs, const char *repeated)
{
	struct arena *arena = &put->arena;
	struct map counters;
	struct err err;
	int64_t all = 0;
	int r = 0;

	map_init(&counters);
	for (size_t i = 0; i < put->n && !r; i++) {
		int64_t *in_queue = counter_of(&counters, specs[i].queue ? specs[i].queue : DEFAULT_QUEUE, 'q', arena);
		int64_t *of_tenant = counter_of(&counters, specs[i].tenant ? specs[i].tenant : "", 't', arena);
		int is_repeated = repeated && repeated[i];
		struct coming coming;

		if (!in_queue || !of_tenant) {
			r = ERR_NOMEM;
			break;
		}
		coming = (struct coming){all + 1, *in_queue + 1, *of_tenant + 1};
		if (check_spec(put, &specs[i], &err) ||
		    (!is_repeated && check_quota(put->queue, &specs[i], &coming, &err))) {
			note_refusal(&put->refused[i], &err, arena);
			continue;
		}
		if (is_repeated)
			continue;
		all++;
		++*in_queue;
		++*of_tenant;
	}
	map_done(&counters);
	return r;
}

/* ---- the put
 * ------------------------------------------------------------------------------------------------
 */

/* With QUEUE_ATOMIC one that is refused refuses all. */
static int refuse_all(const struct put *put, size_t i, struct err *err)
{
	const struct queue_put_result *result = &put->inserts[i].result;

	if (!result->code || !(put->flags & QUEUE_ATOMIC))
		return 0;
	err_set(err, result->code, "%s", result->error);
	err_where(err, "%s", result->where ? result->where : "");
	if (put->n > 1)
		err_where(err, "[%zu]%s", i, result->where ? result->where : "");
	return result->code;
}

/* One of a call that came before is met, all others are inserted. */
static int put_write_one(struct put *put, struct store_db *db, size_t i, struct err *err)
{
	struct insert *in = &put->inserts[i];
	int r = put->call ? idem_call_meet(db, put->call, in, put->places[i], &put->arena, err) : 0;

	if (r)
		return r < 0 ? r : 0;
	r = insert_write(put->queue, db, put->inserts, i, &put->arena, err);
	if (r || !put->call || in->result.code)
		return r;
	put->call->ids[put->places[i]] = in->result.id;
	put->call->is_new = 1;
	return 0;
}

static int put_write(struct store_db *db, void *arg, struct err *err)
{
	struct put *put = arg;
	int r = put->call ? idem_call_find(db, put->call, &put->arena, err) : 0;

	for (size_t i = 0; i < put->n && !r; i++) {
		r = put_write_one(put, db, i, err);
		if (!r)
			r = refuse_all(put, i, err);
	}
	return r || !put->call || !put->call->is_new ? r : idem_call_put(db, put->call, put->inserts[0].now, err);
}

/* A request that came before needs no write: what is durable answers it, also while nothing can be written. 1: it did, and
 * err says with what. */
static int answer_repeated(struct put *put, struct err *err)
{
	struct store_db *db = store_reader(put->queue->store);
	int r = put->call ? idem_call_find(db, put->call, &put->arena, err) : 0;

	if (r)
		return r == ERR_CONFLICT;
	for (size_t i = 0; i < put->n; i++) {
		struct insert *in = &put->inserts[i];

		in->result = (struct queue_put_result){0};
		if (put->call)
			r = idem_call_meet(db, put->call, in, put->places[i], &put->arena, err);
		else
			r = in->spec->idempotency_key ? idem_find(db, in, &put->arena, err) : 0;
		if (r <= 0)
			return 0;
	}
	for (size_t i = 0; i < put->n && !refuse_all(put, i, err); i++)
		;
	return 1;
}

static void put_end(struct put *put, int r, const struct err *err)
{
	struct queue *queue = put->queue;

	list_del(&put->early.link);
	inserts_done(queue, put->inserts, put->n, r);
	for (size_t i = 0; i < put->n; i++)
		put->results[i] = put->inserts[i].result;
	put->on_done(put->ctx, r, put->results, r ? 0 : put->n, err);
	if (!r)
		queue->events.on_ready(queue->events.ctx);
	put_free(&put->early);
}

static void end_unwritten(struct put *put, int r, const struct err *err)
{
	struct err answer = {0};

	if (answer_repeated(put, &answer))
		put_end(put, answer.code, &answer);
	else
		put_end(put, r, err);
}

static void put_done(void *arg, int r, const struct err *err)
{
	if (r == ERR_NOSPACE || r == ERR_READONLY)
		end_unwritten(arg, r, err);
	else
		put_end(arg, r, err);
}

static void take_call(struct put *put, const struct queue_call *call)
{
	struct idem_call *copy = arena_alloc(&put->arena, sizeof(*copy));

	copy->tenant = arena_str(&put->arena, call->tenant ? call->tenant : "");
	copy->key = arena_str(&put->arena, call->key);
	copy->digest = call->digest;
	copy->n = call->places ? call->n : put->n;
	copy->ids = arena_alloc(&put->arena, copy->n * sizeof(*copy->ids));
	put->places = arena_alloc(&put->arena, put->n * sizeof(*put->places));
	for (size_t i = 0; i < put->n; i++)
		put->places[i] = call->places ? call->places[i] : i;
	put->call = copy;
}

/* 1: another has its unique key, and will be the answer. Should it end in between, there is no room for this one. */
static int find_held(struct put *put, const struct task_spec *spec, size_t i, struct err *err)
{
	int64_t n = (int64_t)put->n;
	struct err full = {0};
	int r;

	if (!spec->unique_key || spec->on_conflict == TASK_CONFLICT_REPLACE)
		return 0;
	r = insert_is_held(store_reader(put->queue->store), spec, err);
	if (r > 0 && check_quota(put->queue, spec, &(struct coming){n, n, n}, &full))
		note_refusal(&put->if_new[i], &full, &put->arena);
	return r;
}

/* Those that were put before take no room, nor do those whose unique key another has: what is asked for again is answered,
 * whatever has become full or drains since then. So is a call that comes with the key of another, which is told that. */
static int find_repeated(struct put *put, const struct task_spec *specs, char **ret, struct err *err)
{
	struct store_db *db = store_reader(put->queue->store);
	char *repeated = arena_alloc(&put->arena, put->n);
	int r = put->call ? idem_call_find(db, put->call, &put->arena, err) : 0;
	int is_other = r == ERR_CONFLICT;

	*ret = repeated;
	if (r && !is_other)
		return r;
	put->if_new = arena_alloc(&put->arena, put->n * sizeof(*put->if_new));
	memset(put->if_new, 0, put->n * sizeof(*put->if_new));
	r = 0;
	for (size_t i = 0; i < put->n && r >= 0; i++) {
		const char *key = specs[i].idempotency_key;

		r = key ? idem_has(db, specs[i].tenant, key, &put->arena, err) : 0;
		if (!r)
			r = find_held(put, &specs[i], i, err);
		repeated[i] = r > 0 || is_other || (put->call && put->call->ids[put->places[i]]);
	}
	return r < 0 ? r : 0;
}

static int refuse_some(struct put *put, const struct task_spec *specs, const char *repeated)
{
	put->refused = arena_alloc(&put->arena, put->n * sizeof(*put->refused));
	memset(put->refused, 0, put->n * sizeof(*put->refused));
	return check_each(put, specs, repeated);
}

/* All may go on, or one by one; else it says why not. */
static int check_put(struct put *put, const struct task_spec *specs, struct err *err)
{
	char *repeated = NULL;
	int atomic = put->flags & QUEUE_ATOMIC;
	int is_full, r = check_all(put, specs, NULL, &is_full, err);

	if (!r || (atomic && !is_full))
		return r;
	r = find_repeated(put, specs, &repeated, err);
	if (!r && atomic)
		return check_all(put, specs, repeated, &is_full, err);
	return r ? r : refuse_some(put, specs, repeated);
}

static struct put *put_new(struct queue *queue, const struct queue_call *call, size_t n, int flags,
                           queue_put_fn on_done, void *ctx)
{
	struct arena arena;
	struct put *put;

	arena_init(&arena);
	put = arena_alloc(&arena, sizeof(*put));
	if (!put)
		return NULL;
	put->arena = arena; /* in which it lies itself */
	list_init(&put->early.link);
	put->queue = queue;
	put->n = n;
	put->flags = flags;
	put->on_done = on_done;
	put->ctx = ctx;
	if (call)
		take_call(put, call);
	put->results = arena_alloc(&put->arena, n * sizeof(*put->results));
	return put;
}

void put_free(struct early *early)
{
	struct arena arena = list_entry(early, struct put, early)->arena;

	arena_done(&arena);
}

static int hand_over(struct put *put, const struct task_spec *specs)
{
	struct queue *queue = put->queue;
	size_t n = put->n;
	const struct task_spec *own = (put->flags & QUEUE_LENT ? spec_borrow : spec_copy)(queue, &put->arena, specs, n);
	int r = inserts_prepare(queue, &put->arena, own, n, &put->inserts);

	if (r)
		return r;
	for (size_t i = 0; i < n && put->refused; i++)
		put->inserts[i].refused = put->refused[i].code ? &put->refused[i] : NULL;
	for (size_t i = 0; i < n && put->if_new; i++)
		put->inserts[i].if_new = put->if_new[i].code ? &put->if_new[i] : NULL;
	r = inserts_hand_over(queue, put->inserts, n, &put->arena, 1, put_write, put_done, put);
	if (r)
		inserts_done(queue, put->inserts, n, r);
	return r;
}

int queue_put(struct queue *queue, const struct task_spec *specs, size_t n, int flags, queue_put_fn on_done, void *ctx,
              struct err *err)
{
	return queue_put_call(queue, NULL, specs, n, flags, on_done, ctx, err);
}

static int may_be_repeated(const struct queue_call *call, const struct task_spec *specs, size_t n)
{
	for (size_t i = 0; i < n && !call; i++)
		if (!specs[i].idempotency_key)
			return 0;
	return 1;
}

int queue_put_call(struct queue *queue, const struct queue_call *call, const struct task_spec *specs, size_t n,
                   int flags, queue_put_fn on_done, void *ctx, struct err *err)
{
	struct put *put;
	int r;

	if (store_is_read_only(queue->store) && !may_be_repeated(call, specs, n))
		return err_set(err, ERR_READONLY, "the store takes no writes: see the agent's log");
	put = put_new(queue, call, n, flags, on_done, ctx);
	if (!put)
		return err_set(err, ERR_NOMEM, "out of memory");
	r = check_put(put, specs, err);
	if (!r && hand_over(put, specs))
		r = err_set(err, ERR_NOMEM, "out of memory");
	if (r)
		put_free(&put->early);
	else if (n == 1 && !call && !put->refused)
		early_offer(queue, &put->early, put->inserts, put, flags & QUEUE_END_IS_AWAITED);
	return r;
}
