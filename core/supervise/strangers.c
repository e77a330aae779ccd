/* SPDX-License-Identifier: Apache-2.0 */
/* A process that has loaded a plugin is that plugin's for good: it may have changed whatever is in memory, and what is called
 * next is what it left. So plugins that did not come with the agent, strangers, are kept from each other's tasks, and from
 * those without any: a worker takes an order when each stranger that was ever let into it is one of the order's.
 *
 * Who they are is settled when an order is given, and the worker loads no other: the first one is loaded by our own code,
 * and so is, by the rule above, each that follows. */
#include "supervise/inside.h"

#include <string.h>

#include "plugin/plugin.h"

static int has(const struct strangers *strangers, int64_t who)
{
	for (size_t i = 0; i < strangers->n; i++)
		if (strangers->who[i] == who)
			return 1;
	return 0;
}

void strangers_add(struct strangers *strangers, int64_t who)
{
	if (who && strangers->n < STRANGERS_MAX && !has(strangers, who))
		strangers->who[strangers->n++] = who;
}

void strangers_add_formats(struct order *order)
{
	int64_t formats[STRANGERS_MAX];
	size_t n = plugin_strangers(order->sup->env.plugins, "ingest", formats, STRANGERS_MAX);

	for (size_t i = 0; i < n && i < STRANGERS_MAX; i++)
		strangers_add(&order->strangers, formats[i]);
}

static int are_same(const struct strangers *a, const struct strangers *b)
{
	return a->n == b->n && !memcmp(a->who, b->who, a->n * sizeof(a->who[0]));
}

/* Mostly the next order is of the same plugin. */
static struct json *list_of(struct supervise *sup, const struct strangers *strangers)
{
	if (sup->told_as && are_same(&sup->told, strangers))
		return json_share(sup->told_as);
	json_free(sup->told_as);
	sup->told = *strangers;
	sup->told_as = json_new_array();
	for (size_t i = 0; i < strangers->n; i++)
		json_push(sup->told_as, json_new_int(strangers->who[i]));
	return json_share(sup->told_as);
}

void strangers_tell(struct order *order)
{
	if (order->strangers.n)
		json_set(order->json, "strangers", list_of(order->sup, &order->strangers));
	else
		json_del(order->json, "strangers");
}

void strangers_done(struct supervise *sup)
{
	json_free(sup->told_as);
}

int strangers_fit(const struct strangers *there, const struct strangers *coming)
{
	for (size_t i = 0; i < there->n; i++)
		if (!has(coming, there->who[i]))
			return 0;
	return 1;
}
