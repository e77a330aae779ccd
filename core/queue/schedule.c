/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules: a task again and again. All of them are in RAM, in a heap by their next time; what happens then is in fire.c. A
 * schedule whose transaction is under way waits for its end. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "queue/schedule.h"

const char *const queue_overlap_names[] = {"skip", "queue", "replace", NULL};

static int due_less(const struct heap_node *a, const struct heap_node *b)
{
	return list_entry(a, struct schedule, due)->wake_at < list_entry(b, struct schedule, due)->wake_at;
}

void schedules_init(struct queue *queue)
{
	map_init(&queue->schedules);
	heap_init(&queue->fires, due_less);
}

void schedule_free(struct schedule *schedule)
{
	if (!schedule)
		return;
	zone_close(schedule->zone);
	arena_done(&schedule->arena);
	free(schedule);
}

void schedules_free(struct queue *queue)
{
	const char *name;
	void *value;
	size_t at = 0;

	while (map_next(&queue->schedules, &at, &name, &value))
		schedule_free(value);
	map_done(&queue->schedules);
	heap_done(&queue->fires);
}

int64_t schedules_due(const struct queue *queue)
{
	struct heap_node *top = heap_top(&queue->fires);

	return top ? list_entry(top, struct schedule, due)->wake_at : 0;
}

int64_t schedule_next(const struct schedule *schedule, int64_t after)
{
	int64_t next;

	return cron_next(&schedule->cron, schedule->zone, after >= 0 ? after / 1000 : 0, &next) ? 0 : next * 1000;
}

void schedule_arm(struct queue *queue, struct schedule *schedule, int64_t not_before)
{
	heap_del(&queue->fires, &schedule->due);
	schedule->wake_at = schedule->public.next_at > not_before ? schedule->public.next_at : not_before;
	if (!schedule->settling && !schedule->public.paused && schedule->public.next_at)
		heap_add(&queue->fires, &schedule->due);
}

/* ---- a schedule in RAM --------------------------------------------------------------------- */

static int schedule_new(const struct queue *queue, const struct queue_schedule *from, struct schedule **ret,
                        struct err *err)
{
	struct schedule *s = calloc(1, sizeof(*s));
	struct task_spec *spec;
	int r;

	if (!s)
		return err_set(err, ERR_NOMEM, "out of memory");
	arena_init(&s->arena);
	s->public = *from;
	s->public.name = arena_str(&s->arena, from->name);
	s->public.cron = arena_str(&s->arena, from->cron);
	s->public.zone = arena_str(&s->arena, from->zone && *from->zone ? from->zone : "UTC");
	spec = arena_dup(&s->arena, from->spec, sizeof(*spec));
	if (from->spec->priority < 0)
		spec->priority = TASK_PRIORITY_DEFAULT;
	s->public.spec = spec_copy(queue, &s->arena, spec, 1);
	r = cron_parse(s->public.cron, &s->cron, err);
	if (!r && (r = zone_open(s->public.zone, &s->zone, err)))
		err_where(err, "/zone");
	if (r) {
		schedule_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

static int check_schedule(const struct queue_schedule *schedule, struct err *err)
{
	const struct task_spec *spec = schedule->spec;

	if (!schedule->name || !str_is_name(schedule->name))
		return err_set(err, ERR_INVALID, "'%.100s' is no name of a schedule",
		               schedule->name ? schedule->name : "");
	if (!schedule->cron || schedule->overlap < 0 || schedule->overlap > QUEUE_OVERLAP_REPLACE ||
	    schedule->catchup_ms < 0)
		return err_set(err, ERR_INVALID,
		               "a schedule needs cron, an overlap policy and catchup_ms of 0 or more");
	if (spec->idempotency_key || spec->n_depends_on || spec->batch) {
		err_set(err, ERR_INVALID, "a scheduled task can have no idempotency key, dependency or batch");
		err_where(err, "/task/%s",
		          spec->idempotency_key ? "idempotency_key"
		          : spec->batch         ? "batch"
		                                : "depends_on");
		return ERR_INVALID;
	}
	return queue_check_spec(spec, err);
}

/* ---- set and delete ------------------------------------------------------------------------ */

struct set {
	struct queue *queue;
	struct schedule *schedule; /* NULL: delete */
	char *name, *spec;
	queue_done_fn on_done;
	void *ctx;
};

static int set_write(struct store_db *db, void *arg, struct err *err)
{
	struct set *set = arg;
	const struct queue_schedule *p = set->schedule ? &set->schedule->public : NULL;

	if (!p)
		return store_run(db, err, statement(SCHEDULE_DEL), "s", set->name);
	return store_run(db, err, statement(SCHEDULE_PUT), "sssiiisii", p->name, p->cron, p->zone, (int64_t)p->overlap,
	                 (int64_t)p->paused, p->catchup_ms, set->spec, p->next_at, p->created_at);
}

/* The old one makes room for what it has become; what it has lived through stays. */
void schedule_put_version(struct queue *queue, struct schedule *old)
{
	struct schedule *new = old->next_version;

	new->public.created_at = old->public.created_at;
	new->public.last_at = old->public.last_at;
	new->public.last_task = old->public.last_task;
	new->public.fired = old->public.fired;
	new->public.skipped = old->public.skipped;
	new->public.missed = old->public.missed;
	heap_del(&queue->fires, &old->due);
	map_set(&queue->schedules, new->public.name, new);
	schedule_free(old);
	schedule_arm(queue, new, 0);
}

static void set_done(void *arg, int r, const struct err *err)
{
	struct set *set = arg;
	struct queue *queue = set->queue;
	struct schedule *old = map_get(&queue->schedules, set->name);

	if (r) {
		schedule_free(set->schedule);
	} else if (!set->schedule) {
		if (old) {
			map_del(&queue->schedules, set->name);
			heap_del(&queue->fires, &old->due);
			schedule_free(old->next_version);
			old->next_version = NULL;
			old->is_gone = 1;
			if (!old->settling)
				schedule_free(old);
		}
	} else if (old) {
		schedule_free(old->next_version);
		old->next_version = set->schedule;
		if (!old->settling)
			schedule_put_version(queue, old);
	} else if (!map_set(&queue->schedules, set->name, set->schedule)) {
		schedule_arm(queue, set->schedule, 0);
	}
	if (set->on_done)
		set->on_done(set->ctx, r, err);
	free(set->name);
	free(set->spec);
	free(set);
}

static int submit(struct queue *queue, struct schedule *schedule, const char *name, queue_done_fn on_done, void *ctx)
{
	struct set *set = calloc(1, sizeof(*set));
	struct arena arena;

	if (!set)
		return ERR_NOMEM;
	arena_init(&arena);
	*set = (struct set){queue,        schedule,
	                    strdup(name), schedule ? strdup(spec_pack(schedule->public.spec, 1, &arena)) : NULL,
	                    on_done,      ctx};
	arena_done(&arena);
	if (set->name && (set->spec || !schedule) && !store_write(queue->store, set_write, set_done, set))
		return 0;
	free(set->name);
	free(set->spec);
	free(set);
	return ERR_NOMEM;
}

int queue_schedule_set(struct queue *queue, const struct queue_schedule *schedule, queue_done_fn on_done, void *ctx,
                       struct err *err)
{
	struct schedule *new;
	int r = check_schedule(schedule, err);

	if (!r)
		r = schedule_new(queue, schedule, &new, err);
	if (r)
		return r;
	new->public.created_at = clock_wall_ms();
	new->public.next_at = schedule_next(new, new->public.created_at);
	if (!new->public.next_at) {
		r = err_set(err, ERR_INVALID, "cron: '%.100s' never comes in the next eight years", schedule->cron);
		err_where(err, "/cron");
	}
	if (!r && submit(queue, new, schedule->name, on_done, ctx))
		r = err_set(err, ERR_NOMEM, "out of memory");
	if (r)
		schedule_free(new);
	return r;
}

int queue_schedule_delete(struct queue *queue, const char *name, queue_done_fn on_done, void *ctx)
{
	const struct schedule *schedule = map_get(&queue->schedules, name);

	return schedule ? submit(queue, NULL, name, on_done, ctx) : ERR_NOTFOUND;
}

/* ---- read ---------------------------------------------------------------------------------- */

static int load_one(struct queue *queue, const struct store_stmt *stmt, struct err *err)
{
	struct task_spec spec = {0};
	struct schedule *schedule;
	struct arena arena;
	int r;

	arena_init(&arena);
	r = spec_unpack(store_text(stmt, 6), &arena, &spec);
	if (!r) {
		struct queue_schedule public = {
			.name = store_text(stmt, 0),
			.cron = store_text(stmt, 1),
			.zone = store_text(stmt, 2),
			.overlap = (int)store_int(stmt, 3),
			.paused = (int)store_int(stmt, 4),
			.catchup_ms = store_int(stmt, 5),
			.spec = &spec,
			.next_at = store_int(stmt, 7),
			.last_at = store_int(stmt, 8),
			.last_task = store_int(stmt, 9),
			.created_at = store_int(stmt, 10),
			.fired = store_int(stmt, 11),
			.skipped = store_int(stmt, 12),
			.missed = store_int(stmt, 13),
		};

		r = schedule_new(queue, &public, &schedule, err);
	}
	arena_done(&arena);
	if (r) { /* a zone that has gone is no reason not to start */
		log_error("schedule.load", LOG_STR("schedule", store_text(stmt, 0)),
		          LOG_STR("error", err ? err->text : ""));
		return 0;
	}
	if (map_set(&queue->schedules, schedule->public.name, schedule))
		return err_set(err, ERR_NOMEM, "out of memory");
	schedule_arm(queue, schedule, 0);
	return 0;
}

int schedules_load(struct queue *queue, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(store_reader(queue->store), statement(SCHEDULE_ALL), &stmt, err);

	if (r)
		return r;
	while ((r = store_step(stmt, err)) > 0 && !(r = load_one(queue, stmt, err)))
		;
	store_end(stmt);
	return r;
}

static void copy_out(const struct queue *queue, const struct schedule *schedule, struct arena *arena,
                     struct queue_schedule *ret)
{
	*ret = schedule->public;
	ret->name = arena_str(arena, ret->name);
	ret->cron = arena_str(arena, ret->cron);
	ret->zone = arena_str(arena, ret->zone);
	ret->spec = spec_copy(queue, arena, ret->spec, 1);
}

int queue_schedule_get(struct queue *queue, const char *name, struct arena *arena, struct queue_schedule *ret)
{
	const struct schedule *schedule = map_get(&queue->schedules, name);

	if (!schedule)
		return ERR_NOTFOUND;
	copy_out(queue, schedule, arena, ret);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct queue_schedule *)a)->name, ((const struct queue_schedule *)b)->name);
}

int queue_schedules(struct queue *queue, const char *after, size_t limit, struct arena *arena,
                    struct queue_schedule **ret, size_t *ret_n)
{
	struct queue_schedule *all = arena_alloc(arena, (queue->schedules.len + 1) * sizeof(*all));
	size_t n = 0, at = 0;
	const char *name;
	void *value;

	while (map_next(&queue->schedules, &at, &name, &value))
		if (!after || strcmp(name, after) > 0)
			copy_out(queue, value, arena, &all[n++]);
	if (n)
		qsort(all, n, sizeof(*all), by_name);
	*ret = all;
	*ret_n = n < limit ? n : limit;
	return 0;
}

int queue_schedule_times(const char *text, const char *zone_name, int64_t after, int64_t *ret, size_t n, size_t *ret_n,
                         struct err *err)
{
	struct zone *zone;
	struct cron cron;
	int r = cron_parse(text, &cron, err);

	*ret_n = 0;
	if (!r)
		r = zone_open(zone_name, &zone, err);
	if (r)
		return r;
	after = after >= 0 ? after / 1000 : 0;
	while (*ret_n < n && !cron_next(&cron, zone, after, &after))
		ret[(*ret_n)++] = after * 1000;
	zone_close(zone);
	return 0;
}
