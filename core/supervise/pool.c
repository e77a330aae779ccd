/* SPDX-License-Identifier: Apache-2.0 */
/* Orders wait per role until a worker of that role is idle or may be started. A role has its own
 * number of workers, so that a long ingest never makes a commit wait. */
#include "supervise/inside.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "plugin/plugin.h"

#define WAITING_MAX 1024
#define RECALL_EVERY_MS 5
#define WARM_PER_ROLE 1
#define FETCHERS 4 /* callbacks take half of them at most */

static const struct {
	const char *name, *op_prefix;
	int warm; /* one is kept alive however idle */
} roles[ROLES] = {
	[ROLE_TABLE] = {"table", "table.", 0}, [ROLE_QUERY] = {"query", "query", 1},  [ROLE_SCAN] = {"scan", "scan", 0},
	[ROLE_FETCH] = {"fetch", "fetch", 0},  [ROLE_PLACE] = {"place", "place.", 0}, [ROLE_TASK] = {"task", "", 1},
};

const char *role_name(enum role role)
{
	return roles[role].name;
}

static enum role role_of(const char *op)
{
	for (int role = ROLE_TABLE; role < ROLES; role++)
		if (str_starts(op, roles[role].op_prefix))
			return (enum role)role;
	return ROLE_TASK;
}

static size_t role_size(const struct supervise *sup, enum role role)
{
	switch (role) {
	case ROLE_TASK:
		return (size_t)sup->config->tasks;
	case ROLE_QUERY:
		return (size_t)sup->config->queries;
	case ROLE_FETCH:
		return FETCHERS;
	default:
		return 1;
	}
}

/* An agent that stops lets what runs come to its end, for which parts must be committed. */
static int takes_orders(const struct supervise *sup, enum role role)
{
	return !sup->stopping || (sup->stopping == STOPS_WHEN_DONE && (role == ROLE_TABLE || role == ROLE_FETCH));
}

/* ---- orders ------------------------------------------------------------------------------------ */

/* First attempts of one plugin's tasks are taken to be alike. Who has failed before goes alone: it may be what brings a
 * worker down. So do those of a plugin that keeps something, as each shall know what the one before has made of it. */
static uint64_t likeness_of(const char *op, const struct json *json)
{
	const char *plugin = json_str(json_pointer(json, "/spec/plugin"), "");

	if (strcmp(op, "custom") || json_get_int(json, "attempt", 0) != 1 || json_count(json_get(json, "kv")))
		return 0;
	return hash_bytes(HASH_BEGIN, plugin, strlen(plugin)) | 1;
}

int order_new(struct supervise *sup, const char *op, struct json *json, const struct order_events *events, void *ctx,
              struct order **ret, struct err *err)
{
	enum role role = role_of(op);
	struct pool *pool = &sup->pools[role];
	struct order *order;

	if (!takes_orders(sup, role) || pool->n_waiting >= WAITING_MAX) {
		json_free(json);
		return err_set(err, ERR_BUSY, sup->stopping ? "the agent is stopping" : "too many orders wait");
	}
	order = calloc(1, sizeof(*order));
	if (!order) {
		json_free(json);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	order->sup = sup;
	order->role = role;
	order->number = ++sup->last_order;
	order->json = json;
	order->events = events;
	order->ctx = ctx;
	order->likeness = likeness_of(op, json);
	json_set_int(json, "order", order->number);
	json_set_str(json, "op", op);
	confine_order(order);
	list_add_tail(&pool->waiting, &order->link);
	pool->n_waiting++;
	sup->stats.orders++;
	*ret = order;
	pool_dispatch(sup, role);
	return 0;
}

void order_part_done(struct order *order, int64_t seq)
{
	struct json *json = json_new_object();

	json_set_int(json, "order", order->number);
	json_set_int(json, "seq", seq);
	process_send(order->process, WIRE_PART_DONE, json);
	json_free(json);
}

void order_credit(struct order *order, size_t n)
{
	struct json *json;

	if (!order->process)
		return;
	json = json_new_object();
	json_set_int(json, "order", order->number);
	json_set_int(json, "bytes", (int64_t)n);
	process_send(order->process, WIRE_CREDIT, json);
	json_free(json);
}

void order_stop(struct order *order, int code, const char *text)
{
	if (order->stop.code)
		return;
	err_set(&order->stop, code, "%s", text);
	if (order->process && order->process->order == order)
		process_interrupt(order->process);
	else if (order->process)
		process_recall(order->process);
	else /* waits: the next dispatch ends it, from the loop and not from the caller's stack */
		loop_timer_set(order->sup->soon_timer, 0);
}

/* A stop that was asked for is the reason, whatever the worker made of it, unless it succeeded. */
void order_end(struct order *order, const struct json *result, const struct err *err)
{
	const struct err *reason = err->code && order->stop.code ? &order->stop : err;

	order->events->on_end(order->ctx, result, reason);
	json_free(order->json);
	free(order);
}

/* ---- dispatch ---------------------------------------------------------------------------------- */

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

/* Rather one that nobody else could use than one that everybody could. */
static struct process *find_idle(struct pool *pool, const struct order *order)
{
	struct process *found = NULL;

	list_each (item, &pool->processes) {
		struct process *process = list_entry(item, struct process, link);

		if (process->state != PROCESS_IDLE || !confine_fits(process, order))
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

		if (process->state == PROCESS_IDLE && process->rights == rights &&
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
	return roles[role].warm && !sup->pools[role].n_processes ? start_process(sup, role, NULL, err) : 0;
}

int pool_is_spent(const struct process *process)
{
	return process->role == ROLE_SCAN || process->spent ||
	       process->served >= process->sup->config->orders_per_worker;
}

void pool_idle(struct process *process)
{
	struct supervise *sup = process->sup;

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

static void copy_text(char *ret, size_t cap, const char *from)
{
	memcpy(ret, from, cap - 1);
	ret[cap - 1] = '\0';
	for (char *c = ret; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '?';
}

/* Who was at work, from the page; the worker's bytes are not to be trusted. */
struct blame {
	char plugin[64], function[32];
	uint64_t calls; /* into plugins, in this order */
	int inside;     /* of a call; else it is the last one that was made */
};

static struct blame read_blame(const struct process *process)
{
	const struct wire_page *page = process->page;
	struct blame blame = {.inside = 0};

	copy_text(blame.plugin, sizeof(blame.plugin), page->plugin);
	copy_text(blame.function, sizeof(blame.function), page->function);
	blame.calls = page->calls;
	blame.inside = *blame.plugin != '\0';
	if (!blame.inside) {
		copy_text(blame.plugin, sizeof(blame.plugin), page->last_plugin);
		copy_text(blame.function, sizeof(blame.function), page->last_function);
	}
	return blame;
}

static void describe_blame(const struct blame *blame, char *ret, size_t cap)
{
	if (blame->inside)
		snprintf(ret, cap, "in plugin '%s', function '%s', call %llu", blame->plugin, blame->function,
		         (unsigned long long)blame->calls);
	else if (*blame->plugin)
		snprintf(ret, cap, "outside of any plugin; the last call was to plugin '%s', function '%s'",
		         blame->plugin, blame->function);
	else
		snprintf(ret, cap, "outside of any plugin");
}

static void describe_death(const struct process *process, int code, int signal, const struct blame *blame,
                           struct err *err)
{
	char how[200], where[240];
	size_t n;

	describe_blame(blame, where, sizeof(where));
	if (*process->why)
		snprintf(how, sizeof(how), "%s and was killed,", process->why);
	else if (signal)
		snprintf(how, sizeof(how), "was killed by signal %d (%s)", signal, strsignal(signal));
	else
		snprintf(how, sizeof(how), "ended with code %d", code);
	err_set(err, ERR_CRASH, "the worker %s %s", how, where);
	n = strlen(err->text);
	if (process->tail.len)
		snprintf(err->text + n, sizeof(err->text) - n, "; it printed last: %s", process->tail.text);
}

/* An order that was stopped and did not obey, or was not asked: the reason, and who was at work. */
static void describe_stop(struct order *order, const struct blame *blame, int is_cut)
{
	char where[240];
	size_t n = strlen(order->stop.text);

	describe_blame(blame, where, sizeof(where));
	snprintf(order->stop.text + n, sizeof(order->stop.text) - n, is_cut ? ", %s" : "; it did not stop by itself %s",
	         where);
}

/* The copy that the plugin of its last order came from, or NULL. */
static const char *path_of(const struct process *process, const char *plugin)
{
	const struct json *list = process->plugins;

	for (size_t i = 0; i < json_count(list); i++)
		if (!strcmp(json_get_str(json_at(list, i), "id", ""), plugin))
			return json_get_str(json_at(list, i), "path", NULL);
	return NULL;
}

/* A stranger can write into the page whatever it likes: what came with the agent is not held to what is said in its
 * presence, nor is any other. */
static int may_blame(const struct process *process, const struct blame *blame)
{
	struct strangers blamed = {{plugin_stranger(process->sup->env.plugins, NULL, blame->plugin)}, 1};

	return blame->inside && (!process->strangers.n || strangers_fit(&blamed, &process->strangers));
}

static int64_t cpu_of_order(const struct process *process)
{
	int64_t measured = cgroup_cpu_ms(process), ms = process->cpu_ms - process->cpu_told_ms;

	if (measured >= 0 && process->cpu_given_ms >= 0)
		ms = measured - process->cpu_given_ms;
	return ms > 0 ? ms : 0;
}

/* The kernel's end of a leaf that is too large comes before that of ours, and is as good a reason. */
static void note_memory(struct process *process)
{
	if (!*process->why && cgroup_ran_out(process))
		snprintf(process->why, sizeof(process->why), "took more memory than the %llu MiB of workers.memory",
		         (unsigned long long)(process->sup->config->memory >> 20));
}

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
	struct pool *pool = &sup->pools[role];
	struct order *order = process->order;
	struct blame blame = read_blame(process);
	struct err err = {0};
	int stopped, natural, wanted = process->wanted;

	struct task_usage usage = {signal ? signal : -code, cpu_of_order(process), process->rss_kib};

	disk_note_signal(process, signal);
	stopped = order && order->stop.code;
	natural = process->wanted || stopped || sup->stopping;
	process_read_rest(process);
	note_memory(process);
	describe_death(process, code, signal, &blame, &err);
	sup->stats.kills += process->killed;
	if (!process->wanted)
		log_warn("worker.died", LOG_INT("pid", loop_child_pid(process->child)),
		         LOG_STR("role", role_name(role)), LOG_STR("reason", err.text));
	if (stopped)
		describe_stop(order, &blame, process->is_cut);
	if (!natural) {
		sup->stats.crashes++;
		/* SIGKILL from elsewhere (an operator, the out-of-memory killer) proves nothing against the plugin. Ours has a
		 * reason, except when the socket has ended, which it does a little before such a death is told. */
		if (may_blame(process, &blame) && role != ROLE_SCAN && (*process->why || signal != SIGKILL))
			plugin_crashed(sup->env.plugins, blame.plugin, path_of(process, blame.plugin), blame.function,
			               signal);
	}
	pool->n_processes--;
	sup->stats.processes[role]--;
	process->order = NULL;
	process_take_back(process);
	process_free(process);
	if (order) {
		order->process = NULL;
		order->usage = usage;
		order_end(order, NULL, &err);
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
	size_t keep = roles[role].warm ? WARM_PER_ROLE : 0;
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
		if (list_entry(item, struct process, link)->state == PROCESS_IDLE)
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
		if (!takes_orders(sup, (enum role)role))
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
