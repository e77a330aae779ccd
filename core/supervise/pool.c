/* SPDX-License-Identifier: Apache-2.0 */
/* Orders wait per role until a worker of that role is idle or may be started. A role has its own
 * number of workers, so that a long ingest never makes a commit wait. */
#include "supervise/inside.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "plugin/plugin.h"

#define RECALL_EVERY_MS 5
#define WARM_PER_ROLE 1

void pool_put(struct order *order)
{
	struct pool *pool = &order->sup->pools[order->role];

	list_add_tail(&pool->waiting, &order->link);
	pool->n_waiting++;
}

static void take_waiting(struct pool *pool, struct order *order)
{
	list_del(&order->link);
	pool->n_waiting--;
}

void pool_take_back(struct order *order)
{
	struct pool *pool = &order->sup->pools[order->role];

	list_del(&order->link);
	list_add_tail(pool->waiting.next, &order->link); /* before whoever was the first */
	pool->n_waiting++;
	order->process = NULL;
	if (order->stop.code)
		loop_timer_set(order->sup->soon_timer, 0);
}

static void end_stopped(struct pool *pool)
{
	list_each (item, &pool->waiting) {
		struct order *order = list_entry(item, struct order, link);

		if (!order->stop.code)
			continue;
		take_waiting(pool, order);
		order_end(order, NULL, &order->stop);
	}
}

/* One that ends, or is dead already, takes no order any more, whatever it said last. */
static int is_free(const struct process *process)
{
	return process->state == PROCESS_IDLE && !process->killed && !process->is_dead;
}

/* Rather one that nobody else could use than one that everybody could. */
static struct process *find_idle(struct pool *pool, const struct order *order)
{
	struct process *found = NULL;

	list_each (item, &pool->processes) {
		struct process *process = list_entry(item, struct process, link);

		if (!is_free(process) || !confine_fits(process, order))
			continue;
		if (process->strangers.n == order->strangers.n)
			return process;
		found = process;
	}
	return found;
}

/* The one that has most room for it behind what it is at. */
static struct process *find_room(struct pool *pool, const struct order *order)
{
	struct process *found = NULL;
	size_t most = 0;

	list_each (item, &pool->processes) {
		struct process *process = list_entry(item, struct process, link);
		size_t room = process_room(process, order->likeness);

		if (room > most && confine_fits(process, order)) {
			most = room;
			found = process;
		}
	}
	return found;
}

int pool_is_idle(const struct supervise *sup, unsigned rights, const struct strangers *coming)
{
	const struct pool *pool = &sup->pools[ROLE_TASK];

	if (pool->n_waiting)
		return 0;
	list_each (item, (struct list *)&pool->processes) {
		const struct process *process = list_entry(item, struct process, link);

		if (is_free(process) && process->rights == rights &&
		    (!coming || strangers_fit(&process->strangers, coming)))
			return 1;
	}
	return 0;
}

size_t pool_room(const struct supervise *sup)
{
	const struct pool *pool = &sup->pools[ROLE_TASK];
	size_t room = 0;

	list_each (item, (struct list *)&pool->processes) {
		const struct process *process = list_entry(item, struct process, link);

		room += process_room(process, process->likeness);
	}
	return pool->n_waiting ? 0 : room;
}

static int start_process(struct supervise *sup, enum role role, const struct order *order, struct err *err)
{
	struct pool *pool = &sup->pools[role];
	struct process *process;
	int r = process_new(sup, role, order, &process, err);

	if (r)
		return r;
	list_add_tail(&pool->processes, &process->link);
	pool->n_processes++;
	sup->stats.processes[role]++;
	sup->stats.starts++;
	return 0;
}

/* Nobody serves these orders and nobody can be started to do so. */
static void fail_waiting(struct pool *pool, const struct err *err)
{
	for (size_t n = pool->n_waiting; n && !list_empty(&pool->waiting); n--) {
		struct order *order = list_entry(pool->waiting.next, struct order, link);

		take_waiting(pool, order);
		order_end(order, NULL, err);
	}
}

/* Idle, but of no use to the order that is next: it makes room for one that is. */
static int retire_unfit(struct pool *pool, const struct order *order)
{
	list_each (item, &pool->processes) {
		struct process *process = list_entry(item, struct process, link);

		if (process->state == PROCESS_IDLE && !confine_fits(process, order)) {
			process_retire(process);
			return 1;
		}
	}
	return 0;
}

/* Is one starting that fits, for each order that waits? */
static size_t starting_for(struct pool *pool, const struct order *order)
{
	size_t n = 0;

	list_each (item, &pool->processes) {
		struct process *process = list_entry(item, struct process, link);

		n += process->state == PROCESS_STARTING && confine_fits(process, order);
	}
	return n;
}

static void give_waiting(struct pool *pool)
{
	list_each (item, &pool->waiting) {
		struct order *order = list_entry(item, struct order, link);
		struct process *process = find_idle(pool, order);

		if (!process)
			process = find_room(pool, order);
		if (!process)
			continue;
		take_waiting(pool, order);
		process_give(process, order);
	}
}

static size_t alike_waiting(struct pool *pool, const struct order *order)
{
	size_t n = 0;

	list_each (item, &pool->waiting) {
		struct order *other = list_entry(item, struct order, link);

		n += other->rights == order->rights && other->places <= order->places;
	}
	return n;
}

/* Plugins have come or gone since. */
static void settle_again(struct pool *pool)
{
	uint64_t mark = 0;

	list_each (item, &pool->waiting) {
		struct order *order = list_entry(item, struct order, link);

		if (!mark)
			mark = plugin_orders_mark(order->sup->env.plugins);
		if (order->plugins_mark != mark)
			confine_order(order);
	}
}

void pool_dispatch(struct supervise *sup, enum role role)
{
	struct pool *pool = &sup->pools[role];
	struct err err = {0};

	settle_again(pool);
	give_waiting(pool);
	list_each (item, &pool->waiting) {
		struct order *order = list_entry(item, struct order, link);

		if (starting_for(pool, order) >= alike_waiting(pool, order))
			continue;
		if (pool->n_processes >= role_size(sup, role)) {
			retire_unfit(pool, order); /* its death dispatches again */
			return;
		}
		if (start_process(sup, role, order, &err)) {
			log_error("worker.start", LOG_STR("error", err.text));
			/* Deferred through the timer, so that nobody's on_end runs inside order_new. */
			loop_timer_set(sup->soon_timer, 1000);
			return;
		}
	}
}

int pool_warm(struct supervise *sup, enum role role, struct err *err)
{
	return role_is_warm(role) && !sup->pools[role].n_processes ? start_process(sup, role, NULL, err) : 0;
}

int pool_is_spent(const struct process *process)
{
	return process->role == ROLE_SCAN || process->spent ||
	       process->served >= process->sup->config->orders_per_worker;
}

void pool_idle(struct process *process)
{
	struct supervise *sup = process->sup;

	if (!is_free(process))
		return;
	process->idle_since = clock_mono_ms();
	if (process->served && pool_is_spent(process)) {
		process_retire(process);
		return;
	}
	pool_dispatch(sup, process->role);
	if (process->state == PROCESS_IDLE && sup->stopping)
		process_retire(process);
	else if (process->state == PROCESS_IDLE)
		loop_timer_set(sup->idle_timer, sup->config->idle_ms);
}

/* ---- the end of a process ---------------------------------------------------------------------- */

/* The last one has gone, for what it had been used for: another is there for whoever comes next. */
static void keep_warm(struct supervise *sup, enum role role)
{
	struct err err = {0};

	if (pool_warm(sup, role, &err))
		log_error("worker.start", LOG_STR("error", err.text));
}

void pool_dead(struct process *process, int code, int signal)
{
	struct supervise *sup = process->sup;
	enum role role = process->role;
	struct order *order = process->order;
	struct err why = {0};
	int wanted = process->wanted;

	death_settle(process, code, signal, &why);
	sup->pools[role].n_processes--;
	sup->stats.processes[role]--;
	process->order = NULL;
	process_take_back(process);
	process_free(process);
	if (order) {
		order->process = NULL;
		order_end(order, NULL, &why);
	}
	if (sup->stopping)
		pool_refuse(sup); /* what came back */
	if (sup->stopping != STOPS_NOW)
		pool_dispatch(sup, role);
	if (wanted && !sup->stopping)
		keep_warm(sup, role);
	if (sup->stopping)
		loop_timer_set(sup->soon_timer, 0);
}

/* ---- time passes ------------------------------------------------------------------------------- */

static void retire_idle(struct supervise *sup, enum role role)
{
	struct pool *pool = &sup->pools[role];
	size_t keep = role_is_warm(role) ? WARM_PER_ROLE : 0;
	int64_t limit = clock_mono_ms() - sup->config->idle_ms;

	list_each (item, &pool->processes) {
		struct process *process = list_entry(item, struct process, link);

		if (process->state != PROCESS_IDLE || process->idle_since > limit ||
		    (pool->n_processes <= keep && !process->strangers.n))
			continue;
		process_retire(process);
		keep++; /* it still counts until it is dead */
	}
}

static int all_gone(const struct supervise *sup)
{
	for (int role = 0; role < ROLES; role++)
		if (sup->pools[role].n_processes)
			return 0;
	return 1;
}

static void on_time(void *ctx)
{
	struct supervise *sup = ctx;
	struct err err = {0};

	for (int role = 0; role < ROLES; role++) {
		struct pool *pool = &sup->pools[role];

		end_stopped(pool);
		retire_idle(sup, (enum role)role);
		if (sup->stopping != STOPS_NOW && !list_empty(&pool->waiting) && !pool->n_processes &&
		    start_process(sup, (enum role)role, list_entry(pool->waiting.next, struct order, link), &err))
			fail_waiting(pool, &err);
		else if (pool->n_processes && sup->stopping != STOPS_NOW)
			pool_dispatch(sup, (enum role)role); /* one that fits could not be started just now */
	}
	if (sup->stopping && all_gone(sup) && (!sup->n_jobs || sup->stopping == STOPS_NOW) && sup->on_stopped) {
		void (*on_stopped)(void *) = sup->on_stopped;

		sup->on_stopped = NULL;
		on_stopped(sup->stopped_ctx);
	}
}

static int has_free(const struct supervise *sup, enum role role)
{
	const struct pool *pool = &sup->pools[role];

	list_each (item, (struct list *)&pool->processes)
		if (is_free(list_entry(item, struct process, link)))
			return 1;
	return pool->n_processes < role_size(sup, role);
}

static void on_recall_time(void *ctx)
{
	struct supervise *sup = ctx;
	int more = 0, is_free = has_free(sup, ROLE_TASK);

	list_each (item, &sup->pools[ROLE_TASK].processes) {
		struct process *process = list_entry(item, struct process, link);

		process_recall_late(process, is_free);
		more |= process->n_ahead > 0;
	}
	loop_timer_set(sup->recall_timer, more ? RECALL_EVERY_MS : -1);
	sup->recalls = more;
}

void pool_watch_ahead(struct supervise *sup)
{
	if (!sup->recalls)
		loop_timer_set(sup->recall_timer, RECALL_EVERY_MS);
	sup->recalls = 1;
}

void pool_refuse(struct supervise *sup)
{
	struct err err = {0};

	err_set(&err, ERR_BUSY, "the agent is stopping");
	for (int role = 0; role < ROLES; role++)
		if (!role_takes_orders(sup, (enum role)role))
			fail_waiting(&sup->pools[role], &err);
}

int pool_init(struct supervise *sup, struct err *err)
{
	int r;

	list_init(&sup->asks);
	for (int role = 0; role < ROLES; role++) {
		list_init(&sup->pools[role].waiting);
		list_init(&sup->pools[role].processes);
	}
	r = watch_init(sup, err);
	if (!r)
		r = loop_timer_new(sup->env.loop, on_time, sup, &sup->idle_timer, err);
	if (!r)
		r = loop_timer_new(sup->env.loop, on_recall_time, sup, &sup->recall_timer, err);
	return r ? r : loop_timer_new(sup->env.loop, on_time, sup, &sup->soon_timer, err);
}

void pool_done(struct supervise *sup)
{
	for (int role = 0; role < ROLES; role++) {
		struct pool *pool = &sup->pools[role];

		list_each (item, &pool->processes) {
			struct process *process = list_entry(item, struct process, link);

			process_take_back(process);
			if (process->order) {
				json_free(process->order->json);
				free(process->order);
			}
			process_free(process);
		}
		list_each (item, &pool->waiting) {
			struct order *order = list_entry(item, struct order, link);

			json_free(order->json);
			free(order);
		}
	}
	loop_timer_free(sup->idle_timer);
	loop_timer_free(sup->soon_timer);
	loop_timer_free(sup->recall_timer);
	loop_timer_free(sup->watch_timer);
	fetch_done(sup);
	confine_done(sup);
}
