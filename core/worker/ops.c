/* SPDX-License-Identifier: Apache-2.0 */
#include "custom.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "plugin/codec.h"
#include "plugin/indexer.h"
#include "sql/sql.h"
#include "table/table.h"

#define PROGRESS_EVERY_MS 250

/* ---- news of the pipeline -------------------------------------------------------------------------------- */

void worker_progress(void *ctx, int64_t done, int64_t total, int64_t rows, int64_t rejected)
{
	struct worker *worker = ctx;
	int64_t now = clock_mono_ms();
	struct json *json;

	if (now - worker->told_at < PROGRESS_EVERY_MS)
		return;
	worker->told_at = now;
	json = json_new_object();
	json_set_int(json, "order", worker->order);
	json_set_int(json, "done", done);
	json_set_int(json, "total", total);
	json_set_int(json, "rows", rows);
	json_set_int(json, "rejected", rejected);
	link_send(worker->link, WIRE_PROGRESS, json);
	json_free(json);
}

/* One part may be on its way while the next is made; the last of an order is waited for. */
static int on_part(void *ctx, const struct json *part, struct err *err)
{
	struct worker *worker = ctx;
	struct json *json = json_copy(part);
	int r = link_wait_part(worker->link, worker->part, err);

	if (!r) {
		json_set_int(json, "order", worker->order);
		worker->part = json_get_int(part, "seq", 0);
		link_send(worker->link, WIRE_PART, json);
		if (json_get_bool(part, "final", 0) || json_get_bool(part, "pauses", 0))
			r = link_wait_part(worker->link, worker->part, err);
	}
	json_free(json);
	return r;
}

static int is_cancelled(void *ctx)
{
	struct worker *worker = ctx;

	return link_page(worker->link)->cancel != 0;
}

/* ---- role task -------------------------------------------------------------------------------------------- */

typedef int (*pipeline_fn)(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                           struct json **ret, struct err *err);

static int run_pipeline(struct worker *worker, pipeline_fn fn, const struct json *order, struct json **ret,
                        struct err *err)
{
	struct pipeline_events events = {worker, worker_progress, on_part, is_cancelled, worker->rights};
	const char *staging = json_get_str(order, "staging", "");

	link_reset(worker->link, 0);
	worker->part = 0;
	if (mkdir(staging, 0700) && errno != EEXIST)
		return err_errno(err, errno, "cannot make the staging folder '%s'", staging);
	return fn(worker->loader, order, &events, ret, err);
}

static int op_ingest(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	return run_pipeline(worker, pipeline_ingest, order, ret, err);
}

static int op_index_build(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	return run_pipeline(worker, pipeline_index_build, order, ret, err);
}

static int op_index_optimize(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	return run_pipeline(worker, pipeline_index_optimize, order, ret, err);
}

static int op_index_verify(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	return run_pipeline(worker, pipeline_index_verify, order, ret, err);
}

static int check_columns(const struct table_snapshot *s, const struct json *columns, struct err *err)
{
	for (size_t i = 0; i < json_count(columns); i++) {
		const char *name = json_str(json_at(columns, i), "");

		if (arrow_schema_find(&s->schema, name, strlen(name)) < 0) {
			err_set(err, ERR_INVALID, "the dataset has no column '%s'", name);
			err_where(err, "/columns/%zu", i);
			return err->code;
		}
	}
	return 0;
}

/* Would the plugin index these columns with these options? In a query worker: that of tables runs no plugins. */
static int op_index_check(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	const struct json *index = json_get(order, "index");
	struct table_codec codec = CODEC(worker->loader);
	struct indexer indexer = {0};
	struct table_snapshot s;
	struct blob *blob;
	int r = ops_open_dataset(order, &blob, err);

	if (r)
		return r;
	r = table_snapshot(blob, &codec, &s, err);
	blob_close(blob);
	if (r)
		return r;
	r = s.version < 0 ? table_missing(json_get(order, "dataset"), err)
	                  : check_columns(&s, json_get(index, "columns"), err);
	if (!r)
		r = indexer_open(&indexer, worker->loader, index, &s.schema, NULL, 1, err);
	indexer_close(&indexer);
	table_snapshot_done(&s);
	*ret = json_new_object();
	return r;
}

static int op_optimize(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	return run_pipeline(worker, pipeline_optimize, order, ret, err);
}

static int op_verify(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	return run_pipeline(worker, pipeline_table_verify, order, ret, err);
}

static int op_export(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	return run_pipeline(worker, pipeline_export, order, ret, err);
}

/* ---- role place -------------------------------------------------------------------------------------------- */

/* Not in the table worker: a copy to another file system or an upload may take minutes, and commits shall not wait. */
static int op_place_export(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	int r = pipeline_check_staged(order, err);

	(void)worker;
	return r ? r : pipeline_export_commit(order, ret, err);
}

static int op_place_undo(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	(void)worker;
	return pipeline_export_undo(order, ret, err);
}

/* ---- roles query and scan ------------------------------------------------------------------------------------ */

static int send_rows(void *ctx, const void *p, size_t n, struct err *err)
{
	struct worker *worker = ctx;

	return link_send_data(worker->link, worker->order, p, n, err);
}

static int op_query(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	struct sql_sink sink = {worker, send_rows, is_cancelled};

	link_reset(worker->link, json_get_int(order, "window", 1 << 20));
	return sql_run(worker->loader, order, &sink, ret, err);
}

static int op_scan(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	return loader_describe(worker->loader, json_get_str(order, "path", ""), ret, err);
}

/* ---- by role --------------------------------------------------------------------------------------------------- */

static const struct op task_ops[] = {
	{"ingest", op_ingest},
	{"custom", op_custom},
	{"notify", op_notify},
	{"index.build", op_index_build},
	{"index.optimize", op_index_optimize},
	{"index.verify", op_index_verify},
	{"optimize", op_optimize},
	{"verify", op_verify},
	{"export", op_export},
	{NULL, NULL},
};
static const struct op query_ops[] = {{"query", op_query}, {"query.index_check", op_index_check}, {NULL, NULL}};
static const struct op fetch_ops[] = {{"fetch", op_fetch}, {NULL, NULL}};
static const struct op place_ops[] = {{"place.export", op_place_export}, {"place.undo", op_place_undo}, {NULL, NULL}};
static const struct op scan_ops[] = {{"scan", op_scan}, {NULL, NULL}};

static const struct {
	const char *role;
	const struct op *ops;
} roles[] = {{"task", task_ops}, {"table", table_ops}, {"query", query_ops},
             {"scan", scan_ops}, {"fetch", fetch_ops}, {"place", place_ops}};

int ops_run(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	const char *name = json_get_str(order, "op", "");
	int64_t timeout = json_get_int(order, "timeout_ms", 0);

	if (json_get(order, "plugins")) /* else as before */
		loader_set_plugins(worker->loader, json_get(order, "plugins"));
	loader_set_strangers(worker->loader, json_get(order, "strangers"));
	/* A quarter of the memory is for the rest of the process. */
	loader_set_limits(worker->loader, worker->memory / 4 * 3,
	                  timeout > 0 ? (clock_mono_ms() + timeout) * 1000000 : 0);
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		for (const struct op *op = roles[i].ops; op->name && !strcmp(roles[i].role, worker->role); op++)
			if (!strcmp(op->name, name))
				return op->fn(worker, order, ret, err);
	return err_set(err, ERR_UNSUPPORTED, "a worker of role '%s' does not do '%s'", worker->role, name);
}
