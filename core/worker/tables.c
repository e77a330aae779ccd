/* SPDX-License-Identifier: Apache-2.0 */
/* The orders of a table worker: what makes things true, and what only looks. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "ops.h"
#include "plugin/codec.h"
#include "table/table.h"

int ops_open_dataset(const struct json *order, struct blob **ret, struct err *err)
{
	return blob_open(json_str(json_pointer(order, "/dataset/location"), NULL), ret, err);
}

static int op_commit(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	int r = pipeline_check_staged(order, err);

	return r ? r : pipeline_commit(worker->loader, order, ret, err);
}

static int op_index_commit(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	int r = pipeline_check_staged(order, err);

	(void)worker;
	return r ? r : pipeline_index_commit(order, ret, err);
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

/* As the order wants it: "version", or the newest. */
static int open_snapshot(struct worker *worker, const struct json *order, struct blob *blob, struct table_snapshot *ret,
                         struct err *err)
{
	struct table_codec codec = CODEC(worker->loader);

	return table_snapshot_at(blob, &codec, json_get_int(order, "version", -1), ret, err);
}

static int op_describe(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	struct table_snapshot s;
	struct blob *blob;
	int r = ops_open_dataset(order, &blob, err);

	if (!r) {
		r = open_snapshot(worker, order, blob, &s, err);
		if (!r && s.version < 0) {
			table_snapshot_done(&s);
			r = table_missing(json_get(order, "dataset"), err);
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
	const char *next = NULL;

	for (size_t i = 0; i < s->n_files; i++) {
		const struct table_file *file = &s->files[i];
		struct json *entry;

		if (after && strcmp(file->path, after) <= 0)
			continue;
		if (json_count(files) == limit) {
			next = json_get_str(json_at(files, limit - 1), "path", NULL);
			break;
		}
		entry = json_new_object();
		json_set_str(entry, "path", file->path);
		json_set_int(entry, "size", file->size);
		json_set_int(entry, "rows", file->rows);
		json_set_time(entry, "modified_at", file->modified);
		if (json_count(file->partition))
			json_set(entry, "partition", json_copy(file->partition));
		json_push(files, entry);
	}
	json_set_str(ret, "next_cursor", next);
	json_set(ret, "items", files);
}

static int op_files(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	int64_t limit = json_get_int(order, "limit", 1000);
	struct table_snapshot s;
	struct blob *blob;
	int r = ops_open_dataset(order, &blob, err);

	if (r)
		return r;
	r = open_snapshot(worker, order, blob, &s, err);
	if (!r) {
		*ret = json_new_object();
		push_files(&s, json_get_str(order, "cursor", NULL), limit > 0 ? (size_t)limit : 1000, *ret);
		table_snapshot_done(&s);
	}
	blob_close(blob);
	return r;
}

/* The commits from the newest down to `limit` below version `before` (-1: the newest of all), and one more. */
static struct json *read_history(struct blob *blob, int64_t before, int64_t limit, struct err *err)
{
	struct json *newest = before < 0 ? NULL : table_history(blob, 1, err);
	int64_t above = newest ? json_get_int(json_at(newest, 0), "version", -1) - before + 1 : 0;

	if (before >= 0 && !newest)
		return NULL;
	json_free(newest);
	return table_history(blob, (size_t)((above > 0 ? above : 0) + limit + 1), err);
}

static struct json *page_of_commits(const struct json *commits, int64_t before, int64_t limit)
{
	static const char *const times[] = {"timestamp", "inCommitTimestamp"};
	struct json *page = json_new_object(), *items = json_new_array();
	char cursor[32] = "";

	for (size_t i = 0; i < json_count(commits) && !*cursor; i++) {
		struct json *commit = json_copy(json_at(commits, i));
		int64_t version = json_get_int(commit, "version", -1);

		if (before >= 0 && version >= before) {
			json_free(commit);
			continue;
		}
		for (size_t k = 0; k < sizeof(times) / sizeof(times[0]); k++)
			if (json_get(commit, times[k]))
				json_set_time(commit, times[k], json_get_int(commit, times[k], 0));
		json_push(items, commit);
		if ((int64_t)json_count(items) == limit && i + 1 < json_count(commits))
			snprintf(cursor, sizeof(cursor), "%" PRId64, version);
	}
	json_set(page, "items", items);
	json_set_str(page, "next_cursor", *cursor ? cursor : NULL);
	return page;
}

static int op_history(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	int64_t limit = json_get_int(order, "limit", 100), before = -1;
	const char *cursor = json_get_str(order, "cursor", NULL);
	struct json *commits;
	struct blob *blob;
	int r;

	(void)worker;
	if (cursor && (str_to_i64(cursor, &before) || before < 0))
		return err_set(err, ERR_INVALID, "'cursor=%.40s' is not next_cursor of a page", cursor);
	r = ops_open_dataset(order, &blob, err);
	if (r)
		return r;
	commits = read_history(blob, before, limit, err);
	blob_close(blob);
	if (!commits)
		return err->code;
	*ret = page_of_commits(commits, before, limit);
	json_free(commits);
	return 0;
}

static int op_drop(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	struct blob *blob;
	int r = ops_open_dataset(order, &blob, err);

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
	struct table_codec codec = CODEC(worker->loader);
	struct blob *blob;
	int64_t removed;
	int r = ops_open_dataset(order, &blob, err);

	if (r)
		return r;
	r = table_sweep(blob, &codec, json_get_int(order, "older_than_ms", 24 * 3600 * 1000), &removed, err);
	blob_close(blob);
	*ret = json_new_object();
	json_set_int(*ret, "removed", r ? 0 : removed);
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
	int r = ops_open_dataset(order, &blob, err);

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
	int r = ops_open_dataset(order, &blob, err);

	(void)worker;
	if (r)
		return r;
	r = index_manifest_drop(blob, json_str(json_pointer(order, "/index/name"), ""), err);
	blob_close(blob);
	*ret = json_new_object();
	return r;
}

static int op_checkpoint(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	struct table_codec codec = CODEC(worker->loader);
	struct blob *blob;
	int64_t version;
	int r = ops_open_dataset(order, &blob, err);

	if (r)
		return r;
	r = table_checkpoint(blob, &codec, &version, err);
	blob_close(blob);
	if (r)
		return r;
	*ret = json_new_object();
	json_set_int(*ret, "version", version);
	return 0;
}

static int op_vacuum(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	struct table_codec codec = CODEC(worker->loader);
	struct table_vacuum done;
	struct blob *blob;
	int r = ops_open_dataset(order, &blob, err);

	if (r)
		return r;
	r = table_vacuum(blob, &codec, json_get_int(order, "older_than_ms", -1), json_get_bool(order, "force", 0),
	                 json_get_bool(order, "dry_run", 0), &done, err);
	blob_close(blob);
	if (r)
		return r;
	*ret = json_new_object();
	json_set_int(*ret, "files", done.files);
	json_set_int(*ret, "bytes", done.bytes);
	return 0;
}

static int op_delete(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	struct table_codec codec = CODEC(worker->loader);
	struct table_commit done;
	struct blob *blob;
	int64_t files;
	int r = ops_open_dataset(order, &blob, err);

	if (r)
		return r;
	r = table_delete(blob, &codec, json_get(order, "where"), &done, &files, err);
	blob_close(blob);
	if (r)
		return r;
	*ret = json_new_object();
	json_set_int(*ret, "version", done.version);
	json_set_int(*ret, "rows", done.rows);
	json_set_int(*ret, "bytes", done.bytes);
	json_set_int(*ret, "files", done.files);
	json_set_int(*ret, "removed_files", files);
	return 0;
}

/* A table without rows, from {"schema","partition_by","properties"}. */
static int op_create(struct worker *worker, const struct json *order, struct json **ret, struct err *err)
{
	struct table_codec codec = CODEC(worker->loader);
	struct table_change change = {.operation = "CREATE TABLE",
	                              .partition_by = json_get(order, "partition_by"),
	                              .properties = json_get(order, "properties"),
	                              .creates = 1};
	struct ArrowSchema asked, schema;
	struct table_commit done;
	struct blob *blob;
	int r = table_schema_from_delta(json_get(order, "schema"), &asked, err);

	if (r)
		return r;
	r = table_schema_canonical(&asked, NULL, &schema, err); /* names as an ingest would make them */
	arrow_schema_release(&asked);
	if (r)
		return r;
	change.schema = &schema;
	r = ops_open_dataset(order, &blob, err);
	if (!r) {
		r = table_commit(blob, &codec, &change, &done, err);
		blob_close(blob);
	}
	arrow_schema_release(&schema);
	*ret = json_new_object();
	json_set_int(*ret, "version", r ? -1 : done.version);
	return r;
}

const struct op table_ops[] = {
	{"table.create", op_create},
	{"table.commit", op_commit},
	{"table.index_commit", op_index_commit},
	{"table.index_create", op_index_create},
	{"table.index_drop", op_index_drop},
	{"table.describe", op_describe},
	{"table.files", op_files},
	{"table.history", op_history},
	{"table.drop", op_drop},
	{"table.sweep", op_sweep},
	{"table.checkpoint", op_checkpoint},
	{"table.vacuum", op_vacuum},
	{"table.delete", op_delete},
	{NULL, NULL},
};
