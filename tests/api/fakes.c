/* SPDX-License-Identifier: Apache-2.0 */
#include "api/fakes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "catalog/catalog.h"
#include "loop/loop.h"
#include "plugin/plugin.h"
#include "supervise/supervise.h"
#include "json/json.h"

#define LINE "{\"a\":1,\"b\":\"some text to make the line longer\"}\n"

atomic_int fake_cancelled, fake_most_ahead;
char fake_last_op[64];
const char *fake_call_error;

struct supervise {
	struct loop *loop;
	struct catalog *catalog;
};

struct supervise *fake_supervise_new(struct loop *loop, struct catalog *catalog)
{
	struct supervise *sup = calloc(1, sizeof(*sup));

	sup->loop = loop;
	sup->catalog = catalog;
	return sup;
}

void fake_supervise_free(struct supervise *sup)
{
	free(sup);
}

int supervise_check_callback(const struct supervise *sup, const char *url, struct err *err)
{
	(void)sup;
	return str_starts(url, "https://hooks.test/") ? 0 : err_set(err, ERR_PERM, "it is not allowed");
}

/* ---- short calls ------------------------------------------------------------------------ */
static const struct {
	const char *op, *answer;
} answers[] = {
	{"table.describe", "{\"version\":3,\"rows\":10,\"bytes\":1000,\"files\":2,\"schema\":{"
                           "\"type\":\"struct\",\"fields\":[]},"
                           "\"indexes\":[],\"configuration\":{},\"partition_columns\":[]}"},
	{"table.files", "{\"items\":[{\"path\":\"a.parquet\",\"size\":1,\"rows\":1,"
                        "\"modified_at\":null}],\"next_cursor\":null}"},
	{"table.history", "{\"items\":[{\"version\":3}],\"next_cursor\":null}"},
	{"table.index_create", "{\"generation\":1}"},
	{"table.index_drop", "{}"},
	{"table.drop", "{}"},
};

struct call {
	struct loop_timer *timer;
	const char *op;
	supervise_reply_fn on_reply;
	void *ctx;
};

static void on_call_due(void *ctx)
{
	struct call *call = ctx;
	struct err err = {0};
	struct json *result = NULL;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (str_eq(answers[i].op, call->op))
			json_parse(answers[i].answer, strlen(answers[i].answer), &result, &err);
	if (fake_call_error)
		err_set(&err, ERR_IO, "%s", fake_call_error);
	call->on_reply(call->ctx, fake_call_error ? NULL : result, &err);
	json_free(result);
	loop_timer_free(call->timer);
	free(call);
}

int supervise_call(struct supervise *sup, const char *op, struct json *order, supervise_reply_fn on_reply, void *ctx,
                   struct err *err)
{
	struct call *call = calloc(1, sizeof(*call));

	call->op = op;
	call->on_reply = on_reply;
	call->ctx = ctx;
	snprintf(fake_last_op, sizeof(fake_last_op), "%s", op);
	json_free(order);
	if (loop_timer_new(sup->loop, on_call_due, call, &call->timer, err))
		return ERR_NOMEM;
	loop_timer_set(call->timer, 0);
	return 0;
}

/* ---- queries ---------------------------------------------------------------------------- */
struct supervise_query {
	struct supervise_query_events events;
	struct loop_timer *timer;
	char what[32];
	long rows;
	int64_t window;
	int cancelled;
};

static void query_end(struct supervise_query *query, int code, const char *text)
{
	struct err err = {0};

	if (code)
		err_set(&err, code, "%s", text);
	query->events.on_end(query->events.ctx, NULL, &err);
	loop_timer_free(query->timer);
	free(query);
}

static void send_line(struct supervise_query *query)
{
	query->window -= (int64_t)strlen(LINE);
	if (-query->window > fake_most_ahead)
		fake_most_ahead = (int)-query->window;
	query->events.on_data(query->events.ctx, LINE, strlen(LINE));
}

static void on_query_due(void *ctx)
{
	struct supervise_query *query = ctx;

	while (query->rows > 0 && query->window > 0 && !query->cancelled) {
		send_line(query);
		query->rows--;
	}
	if (query->cancelled)
		query_end(query, ERR_CANCELLED, "the client went away");
	else if (str_eq(query->what, "fail"))
		query_end(query, ERR_INVALID, "no such column: x");
	else if (str_eq(query->what, "break") && !query->rows)
		query_end(query, ERR_CORRUPT, "file 'x' is damaged");
	else if (str_eq(query->what, "rows") && !query->rows)
		query_end(query, 0, NULL);
}

int supervise_query(struct supervise *sup, struct json *order, const struct supervise_query_events *events,
                    struct supervise_query **ret, struct err *err)
{
	struct supervise_query *query = calloc(1, sizeof(*query));

	query->events = *events;
	query->window = json_get_int(order, "window", 0);
	if (sscanf(json_get_str(order, "sql", ""), "%31s %ld", query->what, &query->rows) < 2)
		query->rows = str_eq(query->what, "break");
	json_free(order);
	if (loop_timer_new(sup->loop, on_query_due, query, &query->timer, err))
		return ERR_NOMEM;
	loop_timer_set(query->timer, 0);
	*ret = query;
	return 0;
}

void supervise_query_more(struct supervise_query *query, size_t n)
{
	query->window += (int64_t)n;
	loop_timer_set(query->timer, 0);
}

void supervise_query_cancel(struct supervise_query *query)
{
	query->cancelled = 1;
	fake_cancelled++;
	loop_timer_set(query->timer, 0);
}

struct json *supervise_query_datasets(struct supervise *sup)
{
	(void)sup;
	return json_new_array();
}

size_t supervise_workers(const struct supervise *sup, struct supervise_worker_info *ret, size_t cap)
{
	(void)sup;
	if (cap)
		ret[0] = (struct supervise_worker_info){"task", "idle", 7, 1700000000000, 3, 0};
	return 1;
}

/* ---- the plugin registry ---------------------------------------------------------------- */
static const char plugin_text[] =
	"{\"id\":\"org.orasi.json\",\"name\":\"json\",\"kind\":\"ingest\",\"version\":\"1.0\","
	"\"config_schema\":"
	"{\"type\":\"object\",\"properties\":{\"mode\":{\"type\":\"string\",\"enum\":[\"lines\","
	"\"array\"],"
	"\"default\":\"lines\",\"description\":\"How values are laid out.\"}}}}";
static struct json *plugin;

const struct json *plugin_find(const struct plugin_registry *registry, const char *kind, const char *id_or_name,
                               struct err *err)
{
	(void)registry;
	if (!plugin)
		json_parse(plugin_text, strlen(plugin_text), &plugin, err);
	if ((!kind || str_eq(kind, "ingest") || str_eq(kind, "task")) &&
	    (str_eq(id_or_name, "json") || str_eq(id_or_name, "org.orasi.json")))
		return plugin;
	if (str_eq(kind, "index") && str_eq(id_or_name, "btree"))
		return plugin;
	err_set(err, ERR_NOTFOUND, "there is no %s plugin '%s'", kind, id_or_name);
	return NULL;
}

const struct json *plugin_find_type(const struct plugin_registry *registry, const char *kind, const char *name,
                                    const char *type, struct err *err)
{
	(void)type;
	return plugin_find(registry, kind, name, err);
}

const struct json *plugin_find_encoder(const struct plugin_registry *registry, const char *id_or_name, const char *path,
                                       struct err *err)
{
	(void)path;
	return plugin_find(registry, "ingest", str_eq(id_or_name, "auto") ? "json" : id_or_name, err);
}

struct json *plugin_list(const struct plugin_registry *registry)
{
	struct json *list = json_new_array(), *item = json_new_object();

	(void)registry;
	json_set_str(item, "file", "json.so");
	json_set_str(item, "state", "active");
	json_push(list, item);
	return list;
}

void plugin_registry_rescan(struct plugin_registry *registry)
{
	(void)registry;
}

int plugin_registry_busy(const struct plugin_registry *registry)
{
	(void)registry;
	return 0;
}

int plugin_clear(struct plugin_registry *registry, const char *bundle_or_id, struct err *err)
{
	(void)registry;
	return str_eq(bundle_or_id, "json") ? 0 : err_set(err, ERR_NOTFOUND, "no plugin '%s'", bundle_or_id);
}

int plugin_pin(struct plugin_registry *registry, const char *bundle_or_id, const char *generation, struct err *err)
{
	(void)generation;
	return plugin_clear(registry, bundle_or_id, err);
}

int plugin_unpin(struct plugin_registry *registry, const char *bundle_or_id, struct err *err)
{
	return plugin_clear(registry, bundle_or_id, err);
}
