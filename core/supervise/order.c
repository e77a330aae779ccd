/* SPDX-License-Identifier: Apache-2.0 */
/* One order, from the one who gives it: it waits in the pool of its role, a worker does it, it ends once. */
#include "supervise/inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define WAITING_MAX 1024

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

	if (!role_takes_orders(sup, role) || pool->n_waiting >= WAITING_MAX) {
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
	pool_put(order);
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
