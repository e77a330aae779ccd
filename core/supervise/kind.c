/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/kind.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "catalog/catalog.h"
#include "plugin/plugin.h"

struct json *kind_dataset(struct supervise *sup, const char *name, const char *suffix)
{
	const struct catalog_dataset *known;
	struct json *json = json_new_object();
	char full[160], location[4096];

	snprintf(full, sizeof(full), "%s%s", name, suffix);
	known = catalog_dataset(sup->env.catalog, name);
	if (known && str_starts(known->location, "s3://")) /* what belongs to it lies beside it */
		snprintf(location, sizeof(location), "%s%s", known->location, suffix);
	else
		snprintf(location, sizeof(location), "%s/datasets/%s", sup->env.data_dir, full);
	known = catalog_dataset(sup->env.catalog, full);
	json_set_str(json, "name", full);
	json_set_str(json, "location", known ? known->location : location);
	if (known && known->version >= 0)
		json_set_int(json, "version", known->version);
	return json;
}

struct json *kind_index(const struct json *body)
{
	const char *name = json_get_str(body, "index", NULL);
	struct json *json;

	if (!name)
		return json_new_null();
	json = json_new_object();
	json_set_str(json, "name", name);
	return json;
}

static void on_noted(void *ctx, int r, const struct err *err)
{
	(void)ctx;
	if (r)
		log_error("catalog.write", LOG_STR("error", err->text));
}

/* ---- ingest ------------------------------------------------------------------------------------ */

static const char *fill_ingest(struct supervise *sup, const struct task *task, const struct json *body,
                               struct json *order, struct err *err)
{
	const char *name = json_get_str(body, "dataset", "");

	(void)task;
	if (catalog_check_name(sup->env.catalog, name, err))
		return NULL;
	json_set(order, "dataset", kind_dataset(sup, name, ""));
	json_set(order, "rejects", kind_dataset(sup, name, "__rejects"));
	json_set(order, "spec", json_copy(body));
	return "ingest";
}

static void note_dataset(struct supervise *sup, const char *name, const char *suffix, struct catalog_dataset *dataset)
{
	struct json *place = kind_dataset(sup, name, suffix);
	const struct catalog_dataset *known;

	dataset->name = json_get_str(place, "name", "");
	dataset->location = json_get_str(place, "location", "");
	known = catalog_dataset(sup->env.catalog, dataset->name);
	dataset->updated_at = clock_wall_ms();
	dataset->created_at = known ? known->created_at : dataset->updated_at;
	catalog_put_dataset(sup->env.catalog, dataset, on_noted, NULL);
	json_free(place);
}

static void committed_ingest(struct supervise *sup, const struct task *task, const struct json *body,
                             const struct json *result)
{
	const char *name = json_get_str(body, "dataset", "");
	struct catalog_dataset dataset = {
		.version = json_get_int(result, "version", -1),
		.rows = json_get_int(result, "rows", -1),
		.bytes = json_get_int(result, "bytes", -1),
		.files = json_get_int(result, "files", -1),
	};
	struct catalog_dataset rejects = {.version = json_get_int(result, "rejects_version", -1),
	                                  .rows = -1,
	                                  .bytes = -1,
	                                  .files = -1};

	(void)task;
	if (dataset.version >= 0)
		note_dataset(sup, name, "", &dataset);
	if (rejects.version >= 0)
		note_dataset(sup, name, "__rejects", &rejects);
}

/* A dataset that grew has indexes that lag: one build task each. */
static size_t follow_ingest(struct supervise *sup, const struct task *task, const struct json *body,
                            struct arena *arena, struct task_spec **ret)
{
	const char *dataset = json_get_str(body, "dataset", "");
	const struct catalog_index **indexes;
	size_t n;

	if (!strcmp(json_get_str(body, "indexes", "all"), "none") || json_get_bool(body, "dry_run", 0) ||
	    catalog_indexes(sup->env.catalog, dataset, arena, &indexes, &n))
		return 0;
	*ret = arena_alloc(arena, n * sizeof(**ret));
	for (size_t i = 0; i < n; i++)
		(*ret)[i] = (struct task_spec){
			.kind = "index",
			.queue = task->queue,
			.tenant = task->tenant,
			.dataset = dataset,
			.body = arena_printf(arena, "{\"kind\":\"index\",\"dataset\":\"%s\",\"index\":\"%s\"}", dataset,
		                             indexes[i]->name),
			.trace = task->trace,
			.priority = task->priority,
			.parent = task->id,
		};
	return n;
}

/* ---- index ------------------------------------------------------------------------------------- */

static const char *fill_index(struct supervise *sup, const struct task *task, const struct json *body,
                              struct json *order, struct err *err)
{
	static const struct {
		const char *name, *op;
	} ops[] = {{"build", "index.build"}, {"optimize", "index.optimize"}, {"verify", "index.verify"}};
	const char *wanted = json_get_str(body, "op", "build");

	(void)task;
	json_set(order, "dataset", kind_dataset(sup, json_get_str(body, "dataset", ""), ""));
	json_set(order, "index", kind_index(body));
	json_set_int(order, "level", json_get_int(body, "level", 2));
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strcmp(ops[i].name, wanted))
			return ops[i].op;
	err_set(err, ERR_INVALID, "index tasks do not know the op '%s': use build, optimize or verify", wanted);
	err_where(err, "/op");
	return NULL;
}

static void committed_index(struct supervise *sup, const struct task *task, const struct json *body,
                            const struct json *result)
{
	const struct catalog_index *known =
		catalog_index(sup->env.catalog, json_get_str(body, "dataset", ""), json_get_str(body, "index", ""));
	struct catalog_index index;

	(void)task;
	if (!known)
		return; /* dropped meanwhile */
	index = *known;
	index.updated_at = clock_wall_ms();
	index.generation = json_get_int(result, "generation", -1);
	index.rows = json_get_int(result, "rows", -1);
	index.bytes = json_get_int(result, "bytes", -1);
	index.segments = json_get_int(result, "segments", -1);
	catalog_put_index(sup->env.catalog, &index, on_noted, NULL);
}

/* ---- maintain ---------------------------------------------------------------------------------- */

static const char *fill_maintain(struct supervise *sup, const struct task *task, const struct json *body,
                                 struct json *order, struct err *err)
{
	static const struct {
		const char *name, *op;
		int64_t older_than_ms; /* -1: as the table says */
	} ops[] = {
		{"sweep", "table.sweep", 24 * 3600 * 1000},
		{"checkpoint", "table.checkpoint", 0},
		{"vacuum", "table.vacuum", -1},
		{"delete", "table.delete", 0},
		{"optimize", "optimize", 0},
		{"verify", "verify", 0},
	};
	const char *wanted = json_get_str(body, "op", "sweep");

	(void)task;
	json_set(order, "dataset", kind_dataset(sup, json_get_str(body, "dataset", ""), ""));
	json_set(order, "spec", json_copy(body));
	json_set(order, "where", json_copy(json_get(body, "where")));
	json_set_bool(order, "force", json_get_bool(body, "force", 0));
	json_set_bool(order, "dry_run", json_get_bool(body, "dry_run", 0));
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strcmp(ops[i].name, wanted)) {
			json_set_int(order, "older_than_ms", json_get_int(body, "older_than_ms", ops[i].older_than_ms));
			return ops[i].op;
		}
	err_set(err, ERR_INVALID,
	        "maintain tasks do not know the op '%s': use sweep, checkpoint, vacuum, delete, optimize or verify",
	        wanted);
	err_where(err, "/op");
	return NULL;
}

/* Files in a new arrangement are not in the indexes yet. */
static size_t follow_maintain(struct supervise *sup, const struct task *task, const struct json *body,
                              struct arena *arena, struct task_spec **ret)
{
	return strcmp(json_get_str(body, "op", ""), "optimize") ? 0 : follow_ingest(sup, task, body, arena, ret);
}

/* ---- export ------------------------------------------------------------------------------------ */

static const char *fill_export(struct supervise *sup, const struct task *task, const struct json *body,
                               struct json *order, struct err *err)
{
	(void)task;
	(void)err;
	json_set(order, "dataset", kind_dataset(sup, json_get_str(body, "dataset", ""), ""));
	json_set(order, "spec", json_copy(body));
	return "export";
}

/* ---- query ------------------------------------------------------------------------------------- */

struct json *supervise_query_datasets(struct supervise *sup)
{
	struct json *list = json_new_array();
	const struct catalog_dataset **datasets;
	struct arena arena;
	size_t n = 0;

	arena_init(&arena);
	if (!catalog_datasets(sup->env.catalog, &arena, &datasets, &n))
		for (size_t i = 0; i < n; i++)
			json_push(list, kind_dataset(sup, datasets[i]->name, ""));
	arena_done(&arena);
	return list;
}

static const char *fill_query(struct supervise *sup, const struct task *task, const struct json *body,
                              struct json *order, struct err *err)
{
	(void)task;
	(void)err;
	json_set_str(order, "sql", json_get_str(body, "sql", ""));
	json_set_str(order, "format", "json");
	json_set_int(order, "limit", json_get_int(body, "limit", 0));
	json_set_int(order, "window", KIND_RESULT_MAX);
	json_set(order, "datasets", supervise_query_datasets(sup));
	return "query";
}

/* ---- custom, notify ------------------------------------------------------------------------------ */

static void fill_plugin(struct supervise *sup, const struct json *body, struct json *order)
{
	struct json *secrets = plugin_secrets(sup->env.plugins, json_get_str(body, "plugin", ""));

	json_set(order, "spec", json_share(body));
	if (plugin_asks(sup->env.plugins, json_get_str(body, "plugin", "")))
		json_set_bool(order, "http", 1);
	if (secrets)
		json_set(order, "secrets", secrets);
}

static const char *fill_custom(struct supervise *sup, const struct task *task, const struct json *body,
                               struct json *order, struct err *err)
{
	(void)task;
	(void)err;
	fill_plugin(sup, body, order);
	return "custom";
}

static const char *fill_notify(struct supervise *sup, const struct task *task, const struct json *body,
                               struct json *order, struct err *err)
{
	(void)task;
	(void)err;
	fill_plugin(sup, body, order);
	return "notify";
}

static const struct kind kinds[] = {
	{"ingest", .commit_op = "table.commit", .rereads = 1, .fill = fill_ingest, .committed = committed_ingest,
         .follow_up = follow_ingest},
	{"index", .commit_op = "table.index_commit", .rereads = 1, .fill = fill_index, .committed = committed_index},
	{"maintain", .commit_op = "table.commit", .fill = fill_maintain, .committed = committed_ingest,
         .follow_up = follow_maintain},
	{"export", .commit_op = "place.export", .fill = fill_export},
	{"query", .fill = fill_query},
	{"custom", .notes = 1, .submits = 1, .keeps = 1, .is_early = 1, .is_plugins = 1, .fill = fill_custom},
	{"notify", .notes = 1, .keeps = 1, .is_plugins = 1, .fill = fill_notify},
	{"callback", .fill = callback_fill, .judge = callback_judge},
};

const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

void kind_keep_text(struct json *body, const struct task *task)
{
	if (json_type(body) == JSON_OBJECT)
		json_keep_text(body, task->body);
}

int kind_read_body(const struct kind *kind, const struct task *task, struct json **ret, struct err *err)
{
	const char *plugin;
	size_t n;
	int r = 0;

	if (kind && kind->is_plugins && json_peek(task->body, strlen(task->body), "plugin", &plugin, &n)) {
		*ret = json_new_object();
		json_set(*ret, "plugin", json_new_strn(plugin, n));
	} else {
		r = json_parse(task->body, strlen(task->body), ret, err);
	}
	if (!r)
		kind_keep_text(*ret, task);
	return r;
}

int kind_takes_out(const struct kind *kind, const struct json *body)
{
	return strcmp(kind->name, "ingest") != 0 ||
	       !strcmp(json_str(json_pointer(body, "/sink/mode"), "append"), "overwrite");
}
