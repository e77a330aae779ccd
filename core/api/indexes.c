/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/datasets/{dataset}/indexes: an index is first shown to its plugin, which looks at the
 * columns, then made known to the table, then to the catalog; building it is a task. */
#include <string.h>

#include "api/inside.h"
#include "base/clock.h"
#include "base/str.h"
#include "catalog/catalog.h"
#include "plugin/plugin.h"
#include "supervise/supervise.h"

/* A request on its way. Strings are in the request's arena. */
struct asked {
	struct api *api;
	struct http_request *req;
	struct catalog_index index;
	int build, status;
};

static struct asked *asked_new(struct api *api, struct http_request *req)
{
	struct asked *asked = arena_alloc(http_arena(req), sizeof(*asked));

	asked->api = api;
	asked->req = req;
	return asked;
}

static const struct catalog_index *path_index(struct api *api, struct http_request *req)
{
	const char *name = http_param(req, "index");
	const struct catalog_dataset *dataset = path_dataset(api, req);
	const struct catalog_index *index = dataset ? catalog_index(api->env.catalog, dataset->name, name) : NULL;

	if (dataset && !index)
		reply_fail(req, ERR_NOTFOUND, "dataset '%s' has no index '%.128s'", dataset->name, name);
	return index;
}

static struct json *order_with_index(struct api *api, const struct catalog_index *index)
{
	struct json *order = order_with_dataset(catalog_dataset(api->env.catalog, index->dataset));
	struct json *json = json_new_object();

	json_set_str(json, "name", index->name);
	json_set_str(json, "plugin", index->plugin);
	json_set(json, "columns", stored_json(index->columns));
	json_set(json, "options", stored_json(index->options));
	json_set(order, "index", json);
	return order;
}

/* ---- list and get ----------------------------------------------------------------------- */
void handle_indexes_get(struct api *api, struct http_request *req)
{
	const struct catalog_dataset *dataset = path_dataset(api, req);
	const struct catalog_index **indexes;
	struct json *json, *items;
	size_t n = 0;

	if (!dataset)
		return;
	json = json_new_object();
	items = json_new_array();
	if (!catalog_indexes(api->env.catalog, dataset->name, http_arena(req), &indexes, &n))
		for (size_t i = 0; i < n; i++)
			json_push(items, index_json(indexes[i]));
	json_set(json, "items", items);
	reply_json(req, 200, json);
}

void handle_index_get(struct api *api, struct http_request *req)
{
	const struct catalog_index *index = path_index(api, req);

	if (index)
		reply_json(req, 200, index_json(index));
}

/* ---- create ----------------------------------------------------------------------------- */
static void reply_created(struct asked *asked, const char *task)
{
	const struct catalog_index *index =
		catalog_index(asked->api->env.catalog, asked->index.dataset, asked->index.name);
	struct json *json = index_json(index ? index : &asked->index);

	json_set_str(json, "task", task);
	http_set_header(asked->req, "Location",
	                arena_printf(http_arena(asked->req), "/v1/datasets/%s/indexes/%s", asked->index.dataset,
	                             asked->index.name));
	reply_json(asked->req, asked->status, json);
}

static void on_build_put(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *err)
{
	struct asked *asked = ctx;
	char id[ID_LEN];

	(void)n;
	if (r) {
		reply_err(asked->req, err);
		return;
	}
	id_format('t', results[0].id, id);
	reply_created(asked, id);
}

static struct json *index_task(const char *dataset, const char *index, const char *op)
{
	struct json *body = json_new_object();

	json_set_str(body, "kind", "index");
	json_set_str(body, "dataset", dataset);
	json_set_str(body, "index", index);
	json_set_str(body, "op", op);
	json_set_int(body, "level", 2);
	return body;
}

static void put_build(struct asked *asked)
{
	struct json *body = index_task(asked->index.dataset, asked->index.name, "build");
	struct task_spec spec = {.kind = "index", .dataset = asked->index.dataset, .priority = -1};
	struct err err;
	int r;

	spec.body = json_text(body);
	spec.trace = http_traceparent(asked->req);
	r = queue_put(asked->api->env.queue, &spec, 1, QUEUE_ATOMIC, on_build_put, asked, &err);
	json_free(body);
	if (r)
		reply_err(asked->req, &err);
}

static void on_known(void *ctx, int r, const struct err *err)
{
	struct asked *asked = ctx;

	if (r)
		reply_err(asked->req, err);
	else if (asked->build)
		put_build(asked);
	else
		reply_created(asked, NULL);
}

static void on_created(void *ctx, const struct json *result, const struct err *err)
{
	struct asked *asked = ctx;
	int r;

	if (err && err->code) {
		reply_err(asked->req, err);
		return;
	}
	asked->index.generation = json_get_int(result, "generation", -1);
	r = catalog_put_index(asked->api->env.catalog, &asked->index, on_known, asked);
	if (r)
		reply_fail(asked->req, r, "index '%s' cannot be written down: %s", asked->index.name, err_name(r));
}

static void check_plugin(struct asked *asked, struct json *body, struct json *errors)
{
	struct err err = {0};
	const struct json *plugin =
		plugin_find(asked->api->env.plugins, "index", json_get_str(body, "plugin", ""), &err);

	if (!plugin) {
		errors_add(errors, "/plugin", "%s", err.text);
		return;
	}
	if (!json_get(body, "options"))
		json_set(body, "options", json_new_object());
	plugin_config_check(json_get(plugin, "config_schema"), json_get_mut(body, "options"), "/options", errors);
	asked->index.plugin = arena_str(http_arena(asked->req), json_get_str(plugin, "name", ""));
}

/* Fills asked->index; 0, or it has answered. */
static int take_body(struct asked *asked, struct json *body)
{
	struct arena *arena = http_arena(asked->req);
	struct json *errors = json_new_array();
	int r = 0;

	asked->index.name = arena_str(arena, json_get_str(body, "name", ""));
	asked->build = json_get_bool(body, "build", 1);
	if (!str_is_name(asked->index.name))
		errors_add(errors, "/name", "'%.128s' is not a name: letters, digits, '_', '.' and '-'",
		           asked->index.name);
	check_plugin(asked, body, errors);
	asked->index.columns = arena_str(arena, json_text(json_get(body, "columns")));
	asked->index.options = arena_str(arena, json_text(json_get(body, "options")));
	if (json_count(errors)) {
		reply_invalid(asked->req, errors);
		r = ERR_INVALID;
	}
	json_free(errors);
	return r;
}

/* 1: the same index exists and is fine; 0: there is none; negative: it has answered. */
static int compare_known(struct asked *asked)
{
	const struct catalog_index *known =
		catalog_index(asked->api->env.catalog, asked->index.dataset, asked->index.name);

	if (!known)
		return 0;
	if (str_eq(known->plugin, asked->index.plugin) && str_eq(known->columns, asked->index.columns) &&
	    str_eq(known->options, asked->index.options))
		return 1;
	reply_fail(asked->req, ERR_EXISTS, "dataset '%s' has another index of the name '%s': drop it first",
	           asked->index.dataset, asked->index.name);
	return ERR_EXISTS;
}

static void on_checked(void *ctx, const struct json *result, const struct err *err)
{
	struct asked *asked = ctx;
	struct err failed;

	(void)result;
	if (err && err->code)
		reply_err(asked->req, err);
	else if (supervise_call(asked->api->env.supervise, "table.index_create",
	                        order_with_index(asked->api, &asked->index), on_created, asked, &failed))
		reply_err(asked->req, &failed);
}

static void create(struct asked *asked)
{
	struct err err;
	int r = compare_known(asked);

	if (r < 0)
		return;
	asked->status = r ? 200 : 201;
	if (r)
		on_known(asked, 0, NULL);
	else if (supervise_call(asked->api->env.supervise, "query.index_check",
	                        order_with_index(asked->api, &asked->index), on_checked, asked, &err))
		reply_err(asked->req, &err);
}

void handle_indexes_post(struct api *api, struct http_request *req)
{
	const struct catalog_dataset *dataset = path_dataset(api, req);
	struct json *body = dataset ? body_checked(api, req, "IndexPost") : NULL;
	struct asked *asked;

	if (!body)
		return;
	asked = asked_new(api, req);
	asked->index.dataset = arena_str(http_arena(req), dataset->name);
	asked->index.created_at = asked->index.updated_at = clock_wall_ms();
	asked->index.generation = asked->index.rows = asked->index.bytes = asked->index.segments = -1;
	if (!take_body(asked, body))
		create(asked);
	json_free(body);
}

/* ---- drop and maintain ------------------------------------------------------------------ */
static void on_dropped(void *ctx, const struct json *result, const struct err *err)
{
	struct asked *asked = ctx;
	int r;

	(void)result;
	if (err && err->code && err->code != ERR_NOTFOUND) {
		reply_err(asked->req, err);
		return;
	}
	r = catalog_drop_index(asked->api->env.catalog, asked->index.dataset, asked->index.name, reply_gone,
	                       asked->req);
	if (r)
		reply_fail(asked->req, r, "index '%s' cannot be dropped: %s", asked->index.name, err_name(r));
}

void handle_index_delete(struct api *api, struct http_request *req)
{
	const struct catalog_index *index = path_index(api, req);
	struct asked *asked;
	struct err err;

	if (!index)
		return;
	asked = asked_new(api, req);
	asked->index.dataset = arena_str(http_arena(req), index->dataset);
	asked->index.name = arena_str(http_arena(req), index->name);
	if (supervise_call(api->env.supervise, "table.index_drop", order_with_index(api, index), on_dropped, asked,
	                   &err))
		reply_err(req, &err);
}

static void put_op(struct api *api, struct http_request *req, const char *op)
{
	const struct catalog_index *index = path_index(api, req);

	if (index)
		reply_with_task(api, req, "index", index->dataset, index_task(index->dataset, index->name, op));
}

void handle_index_build(struct api *api, struct http_request *req)
{
	put_op(api, req, "build");
}

void handle_index_verify(struct api *api, struct http_request *req)
{
	put_op(api, req, "verify");
}

void handle_index_optimize(struct api *api, struct http_request *req)
{
	put_op(api, req, "optimize");
}
