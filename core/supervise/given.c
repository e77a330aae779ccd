/* SPDX-License-Identifier: Apache-2.0 */
/* The orders that a worker has been given: the one at hand, and some that wait in it.
 *
 * Orders are sent ahead to a worker that does them so fast that waiting for the next would be most of its time. When one
 * takes longer than anybody thought, those behind it are recalled and wait in the pool again. */
#include "supervise/inside.h"

#include <limits.h>
#include <stdio.h>

#include "base/clock.h"
#include "plugin/plugin.h"

#define QUICK_NS INT64_C(1000000) /* an order that may be followed by others takes less */
#define AHEAD_NS INT64_C(500000)  /* and all that wait this: whoever comes next waits behind them */
#define AHEAD_MAX 32
/* One takes longer than anybody thought: soon when others are idle, later when it may be the machine that is busy. */
#define RECALL_NS INT64_C(10000000)
#define RECALL_BUSY_NS INT64_C(50000000)

static void begin(struct process *process, struct order *order)
{
	process->state = PROCESS_BUSY;
	process->order = order;
	process->begun_ns = clock_mono_ns();
	process->cpu_given_ms = cgroup_cpu_ms(process);
	process->tail.len = 0;
	process->tail.text[0] = '\0';
	if (process->role == ROLE_SCAN)
		loop_timer_set(process->timer, process->sup->config->scan_limit_ms);
	if (order->events->on_begin)
		order->events->on_begin(order->ctx);
	if (order->stop.code)
		process_interrupt(process);
	watch_busy(process->sup);
}

static void unlink_ahead(struct process *process, struct order *order)
{
	list_del(&order->link);
	process->n_ahead--;
}

/* The worker goes on with the next one that waits there, or is idle. */
static void go_on(struct process *process)
{
	struct order *order;

	if (!process->n_ahead) {
		process->state = PROCESS_IDLE;
		return;
	}
	order = list_entry(process->ahead.next, struct order, link);
	unlink_ahead(process, order);
	begin(process, order);
}

void process_finished(struct process *process, const struct json *result, const struct err *err)
{
	struct order *order = process->order;

	process->order = NULL;
	process->served++;
	loop_timer_set(process->timer, -1);
	if (process->is_worn)
		process_take_back(process);
	go_on(process);
	if (pool_is_spent(process))
		process_recall(process);
	order_end(order, result, err);
	if (process->state == PROCESS_IDLE && !process->is_dead)
		pool_idle(process);
}

static struct order *find_ahead(struct process *process, int64_t number)
{
	list_each (item, &process->ahead) {
		struct order *order = list_entry(item, struct order, link);

		if (order->number == number)
			return order;
	}
	return NULL;
}

/* The worker has never looked into it: were it told of the plugins with this one, it is not. */
static void leaves(struct process *process, const struct order *order)
{
	if (json_get(order->json, "plugins"))
		process->plugins_mark = 0;
}

static void take_back(struct process *process, int64_t number)
{
	struct order *order = find_ahead(process, number);

	if (order) {
		unlink_ahead(process, order);
	} else if (process->order && process->order->number == number && number != process->recalled_at) {
		order = process->order; /* its turn came while the recall was on its way */
		process->order = NULL;
	}
	if (!order)
		return;
	leaves(process, order);
	pool_take_back(order);
}

/* The last ones first, so that they wait in their order again. */
void process_back(struct process *process, const struct json *json)
{
	const struct json *orders = json_get(json, "orders");

	if (!process->recalled_at)
		return;
	for (size_t i = json_count(orders); i-- > 0;)
		take_back(process, json_int(json_at(orders, i), 0));
	process->recalled_at = 0;
	if (!process->order)
		go_on(process);
	if (process->state == PROCESS_IDLE)
		pool_idle(process);
	else
		pool_dispatch(process->sup, process->role);
}

void process_take_back(struct process *process)
{
	while (process->n_ahead) {
		struct order *order = list_entry(process->ahead.prev, struct order, link);

		unlink_ahead(process, order);
		leaves(process, order);
		pool_take_back(order);
	}
}

/* So many that they are done in AHEAD_NS, when those before were quick and the one at hand is no exception. */
size_t process_room(const struct process *process, uint64_t likeness)
{
	const struct order *order = process->order;
	int64_t depth;

	if (process->state != PROCESS_BUSY || process->killed || process->is_dead || process->recalled_at ||
	    process->spent || !likeness || likeness != process->likeness || likeness != order->likeness ||
	    order->stop.code || process->mean_ns > QUICK_NS || clock_mono_ns() - process->begun_ns > AHEAD_NS)
		return 0;
	depth = process->mean_ns > AHEAD_NS / AHEAD_MAX ? AHEAD_NS / process->mean_ns : AHEAD_MAX;
	if (depth > process->sup->config->orders_per_worker - process->served - 1)
		depth = process->sup->config->orders_per_worker - process->served - 1;
	if ((int64_t)process->n_ahead > depth / 2) /* several at a time: each message wakes somebody */
		return 0;
	return depth > (int64_t)process->n_ahead ? (size_t)depth - process->n_ahead : 0;
}

void process_recall(struct process *process)
{
	struct json *json;

	if (!process->n_ahead || process->recalled_at || process->killed)
		return;
	process->recalled_at = process->order->number;
	json = json_new_object();
	json_set_int(json, "order", process->recalled_at);
	process_send(process, WIRE_RECALL, json);
	json_free(json);
}

/* It does not know of it, and may have begun with what waits there: it is asked what it has not. */
void process_spend(struct process *process)
{
	process->spent = 1;
	process_recall(process);
}

void process_recall_late(struct process *process, int somebody_is_idle)
{
	if (clock_mono_ns() - process->begun_ns > (somebody_is_idle ? RECALL_NS : RECALL_BUSY_NS))
		process_recall(process);
}

/* As the worker says: here it would include how long its word has waited. */
void process_note_time(struct process *process, int64_t took)
{
	const struct order *order = process->order;

	if (!order->likeness)
		return;
	if (order->likeness != process->likeness)
		process->mean_ns = ORDER_UNKNOWN_NS;
	process->likeness = order->likeness;
	if (took > 4 * process->mean_ns) /* one that was held up proves little, several do */
		took = 4 * process->mean_ns;
	process->mean_ns += (took - process->mean_ns) / 4;
}

/* The list is most of a small order, and hardly ever changes: it is told with the first order, and when it is another. */
static void tell_plugins(struct process *process, struct order *order)
{
	uint64_t mark = plugin_orders_mark(process->sup->env.plugins);
	int own_only = process->role == ROLE_TABLE || process->role == ROLE_PLACE; /* they have no walls */

	if (process->plugins && process->plugins_mark == mark) {
		json_del(order->json, "plugins"); /* of another that it was given to before */
		return;
	}
	json_free(process->plugins);
	process->plugins = plugin_orders(process->sup->env.plugins, own_only);
	process->plugins_mark = mark;
	json_set(order->json, "plugins", json_copy(process->plugins));
}

/* Its own folder in that of the worker, which makes it. Who leaves no files has none: the worker's own is known there. */
static void tell_place(const struct process *process, const struct order *order)
{
	const char *stage = json_get_str(order->json, "stage", NULL);
	char path[PATH_MAX];

	if (!stage || !process->staging || process->role != ROLE_TASK)
		return;
	snprintf(path, sizeof(path), "%s/%s", process->staging, stage);
	json_set_str(order->json, "staging", path);
}

void process_give(struct process *process, struct order *order)
{
	if (order->strangers.n)
		process->strangers = order->strangers; /* those that are there are among them */
	tell_place(process, order);
	tell_plugins(process, order);
	process_put(process, WIRE_ORDER, order->json);
	order->process = process;
	if (!process->order) {
		begin(process, order);
		return;
	}
	list_add_tail(&process->ahead, &order->link);
	process->n_ahead++;
	process->sup->stats.ahead++;
	pool_watch_ahead(process->sup);
}
