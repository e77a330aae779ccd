/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules: a task again and again.
 *
 * All schedules are in RAM, in a heap by their next time. When it has come, one transaction moves next_at from
 * that very time to the one behind it and inserts the task: if it was moved already, nothing happens. So a
 * time fires once, whatever dies in between. A schedule whose transaction is under way waits for its end. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "queue/cron.h"
#include "queue/inside.h"

#define AGAIN_MS 1000 /* when a firing could not be written */
#define LATE_MS 10000 /* so much is no delay */

struct schedule {
	struct heap_node due; /* in queue.fires, by wake_at; not while settling or paused */
	struct cron cron;
	struct zone *zone;
	struct arena arena; /* of the texts */
	struct queue_schedule public;
	int64_t wake_at; /* next_at, or later when a firing could not be written */
	int settling, is_gone;
	struct schedule *next_version; /* what it becomes when its firing has ended */
};

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

static void schedule_free(struct schedule *schedule)
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

static int64_t next_time(const struct schedule *schedule, int64_t after)
{
	int64_t next;

	return cron_next(&schedule->cron, schedule->zone, after >= 0 ? after / 1000 : 0, &next) ? 0 : next * 1000;
}

static void arm(struct queue *queue, struct schedule *schedule, int64_t not_before)
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

/* ---- fire ---------------------------------------------------------------------------------- */

struct fire {
	struct queue *queue;
	struct arena arena;
	struct schedule *schedule;
	struct insert *insert; /* NULL: skipped */
	int64_t at, next, now, missed;
	int64_t replaces; /* a task to cancel */
	int is_late;      /* too late: the time is missed */
};

static int fire_write(struct store_db *db, void *arg, struct err *err)
{
	struct fire *f = arg;
	int64_t task = 0;
	int r = 0;

	if (f->insert) {
		r = insert_write(f->queue, db, f->insert, 0, &f->arena, err);
		task = f->insert->result.code ? 0 : f->insert->result.id;
	}
	if (!r)
		r = store_run(db, err, statement(SCHEDULE_FIRE), "siiiii", f->schedule->public.name, f->at, f->next,
		              task, (int64_t)(!task && !f->is_late), f->missed);
	if (!r && !store_changes(db))
		r = err_set(err, ERR_CONFLICT, "this time has been fired already");
	return r;
}

static void put_version(struct queue *queue, struct schedule *schedule);

static void note_fired(struct queue *queue, struct fire *f, int64_t task)
{
	struct queue_schedule *p = &f->schedule->public;

	p->next_at = f->next;
	p->skipped += !task && !f->is_late;
	p->missed += f->missed;
	if (!task)
		return;
	p->last_at = f->at;
	p->last_task = task;
	p->fired++;
	if (f->replaces && f->replaces != task)
		queue_cancel(queue, f->replaces, NULL, NULL);
	queue->events.on_ready(queue->events.ctx);
}

static void fire_done(void *arg, int r, const struct err *err)
{
	struct fire *f = arg;
	struct queue *queue = f->queue;
	struct schedule *s = f->schedule;

	if (f->insert)
		inserts_done(queue, f->insert, 1, r);
	if (!r)
		note_fired(queue, f, f->insert && !f->insert->result.code ? f->insert->result.id : 0);
	else if (!s->next_version && !s->is_gone)
		log_warn("schedule.fire", LOG_STR("schedule", s->public.name), LOG_STR("error", err->text));
	s->settling = 0;
	if (s->is_gone)
		schedule_free(s);
	else if (s->next_version)
		put_version(queue, s);
	else
		arm(queue, s, r ? clock_wall_ms() + AGAIN_MS : 0);
	arena_done(&f->arena);
	free(f);
}

/* Times that count from the firing become times. */
static struct task_spec *spec_at(struct queue *queue, struct arena *arena, const struct task_spec *from, int64_t now)
{
	struct task_spec *spec = spec_copy(queue, arena, from, 1);

	spec->run_at = from->run_at ? now + from->run_at : 0;
	spec->expires_at = from->expires_at ? now + from->expires_at : 0;
	spec->deadline = from->deadline ? now + from->deadline : 0;
	return spec;
}

/* Times that are too old are passed over; the one left is fired, or the next one waited for. */
static void pass_missed(const struct schedule *s, struct fire *f)
{
	while (f->at && f->now - f->at > s->public.catchup_ms && f->next && f->next <= f->now) {
		f->missed++;
		f->at = f->next;
		f->next = next_time(s, f->next);
	}
}

static void fire(struct queue *queue, struct schedule *s, int64_t now)
{
	struct live *last = live_find(queue, s->public.last_task);
	struct fire *f = calloc(1, sizeof(*f));
	int64_t from = s->public.next_at;

	heap_del(&queue->fires, &s->due);
	if (!f)
		return;
	arena_init(&f->arena);
	f->queue = queue;
	f->schedule = s;
	f->at = from;
	f->next = next_time(s, from);
	f->now = now;
	pass_missed(s, f);
	f->is_late = now - f->at > s->public.catchup_ms && now - f->at > LATE_MS;
	f->missed += f->is_late;
	f->at = from; /* the time that the store knows */
	if (!f->is_late && !(last && s->public.overlap == QUEUE_OVERLAP_SKIP) &&
	    inserts_prepare(queue, &f->arena, spec_at(queue, &f->arena, s->public.spec, now), 1, &f->insert))
		f->insert = NULL;
	if (last && s->public.overlap == QUEUE_OVERLAP_REPLACE)
		f->replaces = last->id;
	s->settling = 1;
	if (!inserts_hand_over(queue, f->insert, !!f->insert, &f->arena, 0, fire_write, fire_done, f))
		return;
	fire_done(f, ERR_NOMEM, &(struct err){.text = "out of memory"});
}

void schedules_tick(struct queue *queue, int64_t now)
{
	struct heap_node *top;

	while ((top = heap_top(&queue->fires)) && list_entry(top, struct schedule, due)->wake_at <= now) {
		if (store_is_read_only(queue->store)) {
			heap_del(&queue->fires, top); /* nothing can become true any more */
			continue;
		}
		fire(queue, list_entry(top, struct schedule, due), now);
	}
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
static void put_version(struct queue *queue, struct schedule *old)
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
	arm(queue, new, 0);
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
			put_version(queue, old);
	} else if (!map_set(&queue->schedules, set->name, set->schedule)) {
		arm(queue, set->schedule, 0);
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
	new->public.next_at = next_time(new, new->public.created_at);
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
	arm(queue, schedule, 0);
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
