/* SPDX-License-Identifier: Apache-2.0 */
#include "ops.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "plugin/indexer.h"
#include "sql/sql.h"
#include "table/table.h"

#define PROGRESS_EVERY_MS 250

/* ---- news of the pipeline -------------------------------------------------------------------------------- */

static void on_progress(void *ctx, int64_t done, int64_t total, int64_t rows, int64_t rejected)
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

/* One part may be on its way while the next is made; a final one is waited for. */
static int on_part(void *ctx, const struct json *part, struct err *err)
{
	struct worker *worker = ctx;
	struct json *json = json_copy(part);
	int r = link_wait_part(worker->link, worker->part, err);

	if (!r) {
		json_set_int(json, "order", worker->order);
		worker->part = json_get_int(part, "seq", 0);
		link_send(worker->link, WIRE_PART, json);
		if (json_get_bool(part, "final", 0))
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
	struct pipeline_events events = {worker, on_progress, on_part, is_cancelled};

	link_reset(worker->link, 0);
	worker->part = 0;
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

/* ---- role table -------------------------------------------------------------------------------------------- */

static int open_dataset(const struct json *order, struct blob **ret, struct err *err)
{
	return blob_open(json_str(json_pointer(order, "/dataset/location"), NULL), ret, err);
}

static int op_commit(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	(void)worker;
	return pipeline_commit(order, ret, err);
}

static int op_index_commit(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	(void)worker;
	return pipeline_index_commit(order, ret, err);
}

static struct json *list_indexes(struct blob *blob)
{
	struct json *all = index_manifest_all(blob, NULL), *list = json_new_array();
	const struct json *manifest;
	const char *name;
	size_t at = 0;

	while (json_each(all, &at, &name, &manifest)) {
		struct json *entry = json_new_object();

		json_set_str(entry, "name", name);
		json_set_str(entry, "plugin", json_get_str(manifest, "plugin", ""));
		json_set(entry, "columns", json_copy(json_get(manifest, "columns")));
		json_set_int(entry, "segments", (int64_t)json_count(json_get(manifest, "segments")));
		json_set_int(entry, "generation", json_get_int(manifest, "generation", -1));
		json_push(list, entry);
	}
	json_free(all);
	return list;
}

static int op_describe(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	struct table_snapshot s;
	struct blob *blob;
	int r = open_dataset(order, &blob, err);

	(void)worker;
	if (!r) {
		r = table_snapshot(blob, &s, err);
		if (!r && s.version < 0) {
			table_snapshot_done(&s);
			r = err_set(err, ERR_NOTFOUND, "the dataset has no table yet: nothing was ingested");
		}
		if (!r) {
			*ret = json_new_object();
			json_set_int(*ret, "version", s.version);
			json_set_int(*ret, "rows", s.rows);
			json_set_int(*ret, "bytes", s.bytes);
			json_set_int(*ret, "files", (int64_t)s.n_files);
			json_set(*ret, "schema", table_schema_to_delta(&s.schema));
			json_set(*ret, "indexes", list_indexes(blob));
			json_set(*ret, "configuration", json_copy(json_get(s.metadata, "configuration")));
			json_set(*ret, "partition_columns", json_copy(json_get(s.metadata, "partitionColumns")));
			table_snapshot_done(&s);
		}
		blob_close(blob);
	}
	return r;
}

static void push_files(const struct table_snapshot *s, const char *after, size_t limit, struct json *ret)
{
	struct json *files = json_new_array();

	for (size_t i = 0; i < s->n_files; i++) {
		const struct table_file *file = &s->files[i];
		struct json *entry;

		if (after && strcmp(file->path, after) <= 0)
			continue;
		if (json_count(files) == limit) {
			json_set_str(ret, "cursor", json_get_str(json_at(files, limit - 1), "path", ""));
			break;
		}
		entry = json_new_object();
		json_set_str(entry, "path", file->path);
		json_set_int(entry, "size", file->size);
		json_set_int(entry, "rows", file->rows);
		json_set_int(entry, "modified", file->modified);
		json_push(files, entry);
	}
	json_set(ret, "files", files);
}

static int op_files(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	int64_t limit = json_get_int(order, "limit", 1000);
	struct table_snapshot s;
	struct blob *blob;
	int r = open_dataset(order, &blob, err);

	(void)worker;
	if (r)
		return r;
	r = table_snapshot(blob, &s, err);
	if (!r) {
		*ret = json_new_object();
		push_files(&s, json_get_str(order, "cursor", NULL), limit > 0 ? (size_t)limit : 1000, *ret);
		table_snapshot_done(&s);
	}
	blob_close(blob);
	return r;
}

static int op_history(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	int64_t limit = json_get_int(order, "limit", 100);
	struct json *commits;
	struct blob *blob;
	int r = open_dataset(order, &blob, err);

	(void)worker;
	if (r)
		return r;
	commits = table_history(blob, limit > 0 ? (size_t)limit : 100, err);
	blob_close(blob);
	if (!commits)
		return err->code;
	*ret = json_new_object();
	json_set(*ret, "commits", commits);
	return 0;
}

static int op_drop(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	struct blob *blob;
	int r = open_dataset(order, &blob, err);

	(void)worker;
	if (r)
		return r;
	r = blob_delete(blob, "", err);
	blob_close(blob);
	*ret = json_new_object();
	return r;
}

static int op_sweep(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	struct blob *blob;
	int64_t removed;
	int r = open_dataset(order, &blob, err);

	(void)worker;
	if (r)
		return r;
	r = table_sweep(blob, json_get_int(order, "older_than_ms", 24 * 3600 * 1000), &removed, err);
	blob_close(blob);
	*ret = json_new_object();
	json_set_int(*ret, "removed", r ? 0 : removed);
	return r;
}

static int check_columns(const struct table_snapshot *s, const struct json *columns, struct err *err)
{
	if (s->version < 0)
		return err_set(err, ERR_NOTFOUND, "the dataset has no table yet: ingest something first");
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
	struct indexer indexer = {0};
	struct table_snapshot s;
	struct blob *blob;
	int r = open_dataset(order, &blob, err);

	if (r)
		return r;
	r = table_snapshot(blob, &s, err);
	blob_close(blob);
	if (r)
		return r;
	r = check_columns(&s, json_get(index, "columns"), err);
	if (!r)
		r = indexer_open(&indexer, worker->loader, index, &s.schema, NULL, 1, err);
	indexer_close(&indexer);
	table_snapshot_done(&s);
	*ret = json_new_object();
	return r;
}

static struct json *new_manifest(const struct json *index)
{
	static const char *const members[] = {"name", "plugin", "columns", "options"};
	struct json *manifest = json_new_object();

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		json_set(manifest, members[i], json_copy(json_get(index, members[i])));
	if (!json_get(manifest, "options"))
		json_set(manifest, "options", json_new_object());
	json_set_int(manifest, "created", clock_wall_ms());
	json_set(manifest, "segments", json_new_array());
	return manifest;
}

static int op_index_create(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	const struct json *index = json_get(order, "index");
	struct json *manifest;
	int64_t generation = 0;
	struct blob *blob;
	int r = open_dataset(order, &blob, err);

	(void)worker;
	if (r)
		return r;
	manifest = new_manifest(index);
	r = index_manifest_create(blob, manifest, &generation, err);
	json_free(manifest);
	blob_close(blob);
	*ret = json_new_object();
	json_set_int(*ret, "generation", generation);
	return r;
}

static int op_index_drop(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	struct blob *blob;
	int r = open_dataset(order, &blob, err);

	(void)worker;
	if (r)
		return r;
	r = index_manifest_drop(blob, json_str(json_pointer(order, "/index/name"), ""), err);
	blob_close(blob);
	*ret = json_new_object();
	return r;
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

/* ---- the table ------------------------------------------------------------------------------------------------- */

static const struct {
	const char *role, *op;
	int (*fn)(struct worker *worker, const struct json *order, struct json **ret, struct err *err);
} ops[] = {
	{"task", "ingest", op_ingest},
	{"task", "index.build", op_index_build},
	{"task", "index.optimize", op_index_optimize},
	{"task", "index.verify", op_index_verify},
	{"table", "table.commit", op_commit},
	{"table", "table.index_commit", op_index_commit},
	{"table", "table.index_create", op_index_create},
	{"table", "table.index_drop", op_index_drop},
	{"table", "table.describe", op_describe},
	{"table", "table.files", op_files},
	{"table", "table.history", op_history},
	{"table", "table.drop", op_drop},
	{"table", "table.sweep", op_sweep},
	{"query", "query", op_query},
	{"query", "query.index_check", op_index_check},
	{"scan", "scan", op_scan},
};

int ops_run(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	const char *op = json_get_str(order, "op", "");

	loader_set_plugins(worker->loader, json_get(order, "plugins"));
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strcmp(ops[i].role, worker->role) && !strcmp(ops[i].op, op))
			return ops[i].fn(worker, order, ret, err);
	return err_set(err, ERR_UNSUPPORTED, "a worker of role '%s' does not do '%s'", worker->role, op);
}
