/* SPDX-License-Identifier: Apache-2.0 */
/* Which plugins may be called for an order: those that it names, those of the indexes that it may open, and the one that
 * datasets are made of. A task that names no format asks all of them what a file is. Tasks and events of a plugin are its
 * alone, whatever else stands in them. */
#include "supervise/inside.h"

#include <string.h>

#include "catalog/catalog.h"

#define DATASETS "parquet" /* plugin/reader.h, plugin/codec.h */

struct naming {
	const struct order *order;
	naming_fn each;
	void *ctx;
};

static void name(const struct naming *naming, const char *kind, const char *id_or_name)
{
	if (id_or_name && *id_or_name)
		naming->each(naming->ctx, kind, id_or_name);
}

static const char *format_of(const struct order *order)
{
	const char *found = json_str(json_pointer(order->json, "/found/plugin"), NULL);

	return found ? found : json_str(json_pointer(order->json, "/spec/format/plugin"), "auto");
}

int naming_asks_all(const struct order *order)
{
	const char *op = json_get_str(order->json, "op", "");

	return (!strcmp(op, "ingest") || !strcmp(op, "export")) && !strcmp(format_of(order), "auto");
}

const char *naming_own(const struct order *order, const char **ret_kind)
{
	const char *op = order->role == ROLE_TASK ? json_get_str(order->json, "op", "") : "";

	*ret_kind = !strcmp(op, "custom") ? "task" : !strcmp(op, "notify") ? "notifier" : NULL;
	return *ret_kind ? json_get_str(json_get(order->json, "spec"), "plugin", "") : NULL;
}

static void name_of_task(const struct naming *naming)
{
	const struct json *json = naming->order->json, *steps = json_pointer(json, "/spec/transform");
	const char *index_name = json_str(json_pointer(json, "/index/name"), NULL);
	const struct catalog_index *index =
		index_name ? catalog_index(naming->order->sup->env.catalog,
	                                   json_str(json_pointer(json, "/dataset/name"), ""), index_name)
			   : NULL;

	if (strcmp(format_of(naming->order), "auto") != 0)
		name(naming, "ingest", format_of(naming->order));
	for (size_t i = 0; i < json_count(steps); i++)
		name(naming, "transform", json_get_str(json_at(steps, i), "name", ""));
	if (index)
		name(naming, "index", index->plugin);
}

/* Of the indexes of the datasets that its text names. An index that is about to be made is named itself. */
static void name_of_query(const struct naming *naming)
{
	const struct json *datasets = json_get(naming->order->json, "datasets");
	const char *sql = json_get_str(naming->order->json, "sql", "");
	const struct catalog *catalog = naming->order->sup->env.catalog;
	const struct catalog_index **indexes;
	struct arena arena;
	size_t n;

	name(naming, "index", json_str(json_pointer(naming->order->json, "/index/plugin"), ""));
	arena_init(&arena);
	for (size_t i = 0; i < json_count(datasets); i++) {
		const char *dataset = json_get_str(json_at(datasets, i), "name", "");

		if (!strcasestr(sql, dataset) || catalog_indexes(catalog, dataset, &arena, &indexes, &n))
			continue;
		for (size_t k = 0; k < n; k++)
			name(naming, "index", indexes[k]->plugin);
	}
	arena_done(&arena);
}

void naming_each(const struct order *order, naming_fn each, void *ctx)
{
	struct naming naming = {order, each, ctx};

	if (order->role == ROLE_TASK)
		name_of_task(&naming);
	if (order->role == ROLE_QUERY)
		name_of_query(&naming);
	if (order->role == ROLE_TASK || order->role == ROLE_QUERY)
		name(&naming, "ingest", DATASETS);
}
