/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/datasets: the catalog says what there is; what is in a table is asked of a table worker. */
#include <string.h>

#include "api/access.h"
#include "base/clock.h"
#include "base/str.h"
#include "catalog/catalog.h"
#include "supervise/supervise.h"

#define PAGE_DEFAULT 1000
#define PAGE_MAX 10000

struct asked {
	struct api *api;
	struct http_request *req;
	const char *name;
	int status;
	const char *location; /* of a dataset that is to be made */
	int must_exist;       /* a table must be there already */
};

static struct asked *asked_new(struct api *api, struct http_request *req, const char *name)
{
	struct asked *asked = arena_alloc(http_arena(req), sizeof(*asked));

	asked->api = api;
	asked->req = req;
	asked->name = arena_str(http_arena(req), name);
	return asked;
}

int dataset_is_reserved(const char *name)
{
	return str_ends(name, "__rejects");
}

int path_is_plain(const char *path)
{
	if (*path != '/')
		return 0;
	while (*path) {
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if ((n == 1 && path[0] == '.') || (n == 2 && !memcmp(path, "..", 2)))
			return 0;
		path += n;
	}
	return 1;
}

int location_is_far(const char *location)
{
	return str_starts(location, "s3://") && path_is_plain(location + strlen("s3:/"));
}

const struct catalog_dataset *path_dataset(struct api *api, struct http_request *req)
{
	const char *name = http_param(req, "dataset");
	const struct catalog_dataset *dataset = catalog_dataset(api->env.catalog, name);

	if (!dataset)
		reply_fail(req, ERR_NOTFOUND, "there is no dataset '%.128s'", name);
	return dataset;
}

struct json *order_with_dataset(const struct catalog_dataset *dataset)
{
	struct json *order = json_new_object(), *place = json_new_object();

	json_set_str(place, "name", dataset->name);
	json_set_str(place, "location", dataset->location);
	if (dataset->version >= 0)
		json_set_int(place, "version", dataset->version);
	json_set(order, "dataset", place);
	return order;
}

static void call(struct api *api, struct http_request *req, const char *op, struct json *order,
                 supervise_reply_fn on_reply, void *ctx)
{
	struct err err;

	if (supervise_call(api->env.supervise, op, order, on_reply, ctx, &err))
		reply_err(req, &err);
}

/* ---- list and describe ------------------------------------------------------------------ */
static size_t keep_visible(struct http_request *req, const struct catalog_dataset **datasets, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (access_has_dataset(req, datasets[i]->name))
			datasets[kept++] = datasets[i];
	return kept;
}

void handle_datasets_get(struct api *api, struct http_request *req)
{
	int64_t limit = query_number(req, "limit", PAGE_DEFAULT, PAGE_MAX);
	const char *after = http_query(req, "cursor");
	const struct catalog_dataset **datasets;
	struct json *json, *items;
	size_t n = 0, at = 0, end;

	if (limit < 0)
		return;
	if (catalog_datasets(api->env.catalog, http_arena(req), &datasets, &n)) {
		reply_fail(req, ERR_NOMEM, "no memory for the list");
		return;
	}
	n = keep_visible(req, datasets, n);
	while (after && at < n && strcmp(datasets[at]->name, after) <= 0)
		at++;
	end = n - at > (size_t)limit ? at + (size_t)limit : n;
	json = json_new_object();
	items = json_new_array();
	for (; at < end; at++)
		json_push(items, dataset_json(datasets[at]));
	json_set(json, "items", items);
	json_set_str(json, "next_cursor", end < n ? datasets[end - 1]->name : NULL);
	reply_json(req, 200, json);
}

static const char *const described[] = {"version",           "rows",    "bytes", "files", "schema", "configuration",
                                        "partition_columns", "indexes", NULL};

/* What the table says goes over what the catalog remembers. A table without a first commit is not
 * an error: the dataset is known and empty. */
static void on_described(void *ctx, const struct json *result, const struct err *err)
{
	struct asked *asked = ctx;
	const struct catalog_dataset *dataset = catalog_dataset(asked->api->env.catalog, asked->name);
	struct json *json;

	if (!dataset) {
		reply_fail(asked->req, ERR_NOTFOUND, "dataset '%s' has been dropped", asked->name);
		return;
	}
	if (err && err->code && err->code != ERR_NOTFOUND) {
		reply_err(asked->req, err);
		return;
	}
	json = dataset_json(dataset);
	for (size_t i = 0; described[i]; i++) {
		const struct json *value = json_get(result, described[i]);

		if (value || !json_get(json, described[i]))
			json_set(json, described[i], json_copy(value));
	}
	reply_json(asked->req, 200, json);
}

/* With ?version=, as it was then. NULL: it has answered. */
static struct json *order_with_version(struct http_request *req, const struct catalog_dataset *dataset)
{
	const char *text = http_query(req, "version");
	int64_t version = -1;
	struct json *order;

	if (text && (str_to_i64(text, &version) || version < 0)) {
		reply_fail(req, ERR_INVALID, "'version=%.40s' is not the number of a version", text);
		return NULL;
	}
	order = order_with_dataset(dataset);
	json_set_int(order, "version", version);
	return order;
}

static void describe(struct api *api, struct http_request *req, supervise_reply_fn on_reply)
{
	const struct catalog_dataset *dataset = path_dataset(api, req);
	struct json *order = dataset ? order_with_version(req, dataset) : NULL;

	if (order)
		call(api, req, "table.describe", order, on_reply, asked_new(api, req, dataset->name));
}

void handle_dataset_get(struct api *api, struct http_request *req)
{
	describe(api, req, on_described);
}

static void on_schema(void *ctx, const struct json *result, const struct err *err)
{
	struct asked *asked = ctx;

	if (err && err->code)
		reply_err(asked->req, err);
	else if (!json_get(result, "schema"))
		reply_fail(asked->req, ERR_NOTFOUND, "dataset '%s' is empty and has no schema yet", asked->name);
	else
		http_reply_json(asked->req, 200, json_text(json_get(result, "schema")));
}

void handle_dataset_schema(struct api *api, struct http_request *req)
{
	describe(api, req, on_schema);
}

static void on_result(void *ctx, const struct json *result, const struct err *err)
{
	struct asked *asked = ctx;

	if (err && err->code)
		reply_err(asked->req, err);
	else
		http_reply_json(asked->req, 200, json_text(result));
}

static void page_of(struct api *api, struct http_request *req, const char *op)
{
	const char *cursor = http_query(req, "cursor");
	const struct catalog_dataset *dataset = path_dataset(api, req);
	int64_t limit = dataset ? query_number(req, "limit", PAGE_DEFAULT, PAGE_MAX) : -1;
	struct json *order;

	if (limit < 0)
		return;
	order = order_with_version(req, dataset);
	if (!order)
		return;
	json_set_int(order, "limit", limit);
	if (cursor)
		json_set_str(order, "cursor", cursor);
	call(api, req, op, order, on_result, asked_new(api, req, dataset->name));
}

void handle_dataset_files(struct api *api, struct http_request *req)
{
	page_of(api, req, "table.files");
}

void handle_dataset_history(struct api *api, struct http_request *req)
{
	page_of(api, req, "table.history");
}

/* ---- create ----------------------------------------------------------------------------- */
static void on_created(void *ctx, int r, const struct err *err)
{
	struct asked *asked = ctx;
	const struct catalog_dataset *dataset = catalog_dataset(asked->api->env.catalog, asked->name);

	if (r || !dataset) {
		reply_err(asked->req, err);
		return;
	}
	http_set_header(asked->req, "Location", arena_printf(http_arena(asked->req), "/v1/datasets/%s", dataset->name));
	reply_json(asked->req, asked->status, dataset_json(dataset));
}

static int check_new_dataset(struct api *api, struct http_request *req, const char *name, const char *location)
{
	struct json *errors = json_new_array();
	struct err err = {0};
	int r = 0;

	if (!str_is_name(name))
		errors_add(errors, "", "'%.128s' is not a name: letters, digits, '_', '.' and '-'", name);
	else if (dataset_is_reserved(name))
		errors_add(errors, "", "names that end in '__rejects' are made by ingest itself");
	else if (catalog_check_name(api->env.catalog, name, &err))
		errors_add(errors, "", "%s", err.text);
	if (!path_is_plain(location) && !location_is_far(location))
		errors_add(errors, "/location",
		           "'%.200s' is neither an absolute path (without '.' and '..') nor "
		           "s3://bucket/prefix",
		           location);
	if (json_count(errors)) {
		reply_invalid(req, errors);
		r = ERR_INVALID;
	}
	json_free(errors);
	return r;
}

/* `seen`: what lies there, or NULL. */
static void put_dataset(struct api *api, struct http_request *req, const char *name, const char *location,
                        const struct json *seen)
{
	struct catalog_dataset dataset = {
		.name = name,
		.location = location,
		.created_at = clock_wall_ms(),
		.updated_at = clock_wall_ms(),
		.version = json_get_int(seen, "version", -1),
		.rows = json_get_int(seen, "rows", -1),
		.bytes = json_get_int(seen, "bytes", -1),
		.files = json_get_int(seen, "files", -1),
	};
	struct asked *asked = asked_new(api, req, name);
	int r;

	asked->status = 201;
	r = catalog_put_dataset(api->env.catalog, &dataset, on_created, asked);
	if (r)
		reply_fail(req, r, "dataset '%s' cannot be written down: %s", name, err_name(r));
}

/* What lies there decides whether the dataset becomes known: a table that cannot be read is refused
 * with the reason. Nothing there is fine, unless one was to be found or made. */
static void on_looked(void *ctx, const struct json *result, const struct err *err)
{
	struct asked *asked = ctx;

	if (err && err->code == ERR_NOTFOUND && asked->must_exist)
		reply_fail(asked->req, ERR_NOTFOUND,
		           "there is no table at '%s': no _delta_log with a commit lies there", asked->location);
	else if (err && err->code && err->code != ERR_NOTFOUND)
		reply_err(asked->req, err);
	else
		put_dataset(asked->api, asked->req, asked->name, asked->location, result);
}

/* With a schema a table is made, else the one that may be there is looked at. */
static void look_or_make(struct api *api, struct http_request *req, const char *name, const char *location,
                         const struct json *body)
{
	static const char *const members[] = {"schema", "partition_by", "properties"};
	struct catalog_dataset place = {.name = name, .location = location, .version = -1};
	struct json *order = order_with_dataset(&place);
	struct asked *asked = asked_new(api, req, name);

	asked->location = location;
	asked->must_exist = json_get_bool(body, "must_exist", 0);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (json_get(body, members[i]))
			json_set(order, members[i], json_copy(json_get(body, members[i])));
	call(api, req, json_get(body, "schema") ? "table.create" : "table.describe", order, on_looked, asked);
}

void handle_dataset_put(struct api *api, struct http_request *req)
{
	int looks;

	const char *name = http_param(req, "dataset"), *location;
	const struct catalog_dataset *known = catalog_dataset(api->env.catalog, name);
	struct json *body = body_checked(api, req, "DatasetPut");

	if (!body)
		return;
	location = json_get_str(body, "location", NULL);
	location = location ? arena_str(http_arena(req), location)
	           : known  ? known->location
	                    : arena_printf(http_arena(req), "%s/datasets/%s", api->env.data_dir, name);
	looks = json_get(body, "location") || json_get(body, "schema") || json_get(body, "must_exist");
	if (known && str_eq(known->location, location))
		reply_json(req, 200, dataset_json(known));
	else if (known)
		reply_fail(req, ERR_EXISTS, "dataset '%s' exists at '%s': a dataset does not move", name,
		           known->location);
	else if (!check_new_dataset(api, req, name, location)) {
		if (looks)
			look_or_make(api, req, name, location, body);
		else
			put_dataset(api, req, name, location, NULL);
	}
	json_free(body);
}

/* ---- drop ------------------------------------------------------------------------------- */
static void forget(struct asked *asked)
{
	int r = catalog_drop_dataset(asked->api->env.catalog, asked->name, reply_gone, asked->req);

	if (r)
		reply_fail(asked->req, r, "dataset '%s' cannot be dropped: %s", asked->name, err_name(r));
}

static void on_dropped(void *ctx, const struct json *result, const struct err *err)
{
	struct asked *asked = ctx;

	(void)result;
	if (err && err->code && err->code != ERR_NOTFOUND)
		reply_err(asked->req, err);
	else
		forget(asked);
}

static int is_worked_on(struct api *api, struct http_request *req, const char *name)
{
	struct queue_filter filter = {.state = TASK_RUNNING, .dataset = name, .limit = 1};
	const char *cursor;
	struct task **tasks;
	size_t n = 0;

	if (queue_list(api->env.queue, &filter, http_arena(req), &tasks, &n, &cursor, NULL) || !n)
		return 0;
	reply_fail(req, ERR_CONFLICT, "a task is running on dataset '%s': cancel it or wait", name);
	return 1;
}

/* The files go first: if we die in between, the name is still there to drop again. */
void handle_dataset_delete(struct api *api, struct http_request *req)
{
	const char *keep = http_query(req, "keep_data");
	const struct catalog_dataset *dataset = path_dataset(api, req);
	int keeps = 0;

	if (!dataset)
		return;
	if (keep && str_to_bool(keep, &keeps))
		reply_fail(req, ERR_INVALID, "'keep_data=%.40s' is neither true nor false", keep);
	else if (is_worked_on(api, req, dataset->name))
		return;
	else if (keeps)
		forget(asked_new(api, req, dataset->name));
	else
		call(api, req, "table.drop", order_with_dataset(dataset), on_dropped,
		     asked_new(api, req, dataset->name));
}
