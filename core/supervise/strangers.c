/* SPDX-License-Identifier: Apache-2.0 */
/* A process that has loaded a plugin is that plugin's for good: it may have changed whatever is in memory, and what is called
 * next is what it left. So plugins that did not come with the agent, strangers, are kept from each other's tasks, and from
 * those without any: a worker takes an order when each stranger that was ever let into it is one of the order's.
 *
 * Who they are is settled when an order is given, and the worker loads no other: the first one is loaded by our own code,
 * and so is, by the rule above, each that follows. */
#include "supervise/inside.h"

#include "plugin/plugin.h"

static int has(const struct strangers *strangers, int64_t who)
{
	for (size_t i = 0; i < strangers->n; i++)
		if (strangers->who[i] == who)
			return 1;
	return 0;
}

static void add(struct strangers *strangers, int64_t who)
{
	if (who && strangers->n < STRANGERS_MAX && !has(strangers, who))
		strangers->who[strangers->n++] = who;
}

struct finding {
	const struct plugin_registry *plugins;
	struct strangers *found;
};

static void find(void *ctx, const char *kind, const char *id_or_name)
{
	struct finding *finding = ctx;

	add(finding->found, plugin_stranger(finding->plugins, kind, id_or_name));
}

void strangers_find(struct order *order)
{
	const struct plugin_registry *plugins = order->sup->env.plugins;
	struct finding finding = {plugins, &order->strangers};
	int64_t formats[STRANGERS_MAX];
	struct json *list;
	size_t n;

	order->strangers.n = 0;
	naming_each(order, find, &finding);
	n = naming_asks_all(order) ? plugin_strangers(plugins, "ingest", formats, STRANGERS_MAX) : 0;
	for (size_t i = 0; i < n && i < STRANGERS_MAX; i++)
		add(&order->strangers, formats[i]);
	json_del(order->json, "strangers");
	if (!order->strangers.n)
		return;
	list = json_new_array();
	for (size_t i = 0; i < order->strangers.n; i++)
		json_push(list, json_new_int(order->strangers.who[i]));
	json_set(order->json, "strangers", list);
}

int strangers_fit(const struct strangers *there, const struct strangers *coming)
{
	for (size_t i = 0; i < there->n; i++)
		if (!has(coming, there->who[i]))
			return 0;
	return 1;
}
