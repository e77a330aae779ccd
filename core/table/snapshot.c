/* SPDX-License-Identifier: Apache-2.0 */
/* A version of a table as callers see it, and the history of its commits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table/log.h"

/* ---- snapshot ----------------------------------------------------------------------------------------------- */

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct table_file *)a)->path, ((const struct table_file *)b)->path);
}

static int collect_files(struct table_snapshot *s, struct err *err)
{
	struct map *map = &s->log->files;
	const char *key;
	size_t at = 0, n = 0;
	void *value;

	s->files = calloc(map->len + 1, sizeof(*s->files));
	if (!s->files)
		return err_set(err, ERR_NOMEM, "out of memory");
	while (map_next(map, &at, &key, &value))
		s->files[n++] = *(const struct table_file *)value;
	if (n)
		qsort(s->files, n, sizeof(*s->files), by_path);
	return 0;
}

static int64_t clipped(__int128 n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

int table_snapshot_head(struct table_log *log, struct table_snapshot *ret, struct err *err)
{
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	ret->log = log;
	ret->version = log->version;
	ret->metadata = log->metadata;
	ret->n_files = log->files.len;
	ret->bytes = clipped(log->totals.bytes);
	ret->rows = log->totals.unknown || log->totals.rows > INT64_MAX ? -1 : (int64_t)log->totals.rows;
	if (ret->version >= 0)
		r = table_schema_from_delta(log->schema, &ret->schema, err);
	if (!r && ret->version >= 0)
		r = table_partition_schema(log, &ret->schema, &ret->partitions, err);
	if (r)
		table_snapshot_done(ret);
	return r;
}

int table_snapshot_of(struct table_log *log, struct table_snapshot *ret, struct err *err)
{
	int r = table_snapshot_head(log, ret, err);

	if (!r)
		r = collect_files(ret, err);
	if (r)
		table_snapshot_done(ret);
	return r;
}

int table_snapshot_at(struct blob *blob, const struct table_codec *codec, int64_t version, struct table_snapshot *ret,
                      struct err *err)
{
	struct table_log *log = table_log_new();
	int r;

	memset(ret, 0, sizeof(*ret));
	if (!log)
		return err_set(err, ERR_NOMEM, "out of memory");
	r = table_log_load(blob, codec, version, log, err);
	if (!r)
		return table_snapshot_of(log, ret, err);
	table_log_free(log);
	return r;
}

int table_snapshot(struct blob *blob, const struct table_codec *codec, struct table_snapshot *ret, struct err *err)
{
	return table_snapshot_at(blob, codec, -1, ret, err);
}

void table_snapshot_done(struct table_snapshot *s)
{
	arrow_schema_release(&s->schema);
	arrow_schema_release(&s->partitions);
	free(s->files);
	table_log_free(s->log);
	memset(s, 0, sizeof(*s));
}

static int path_of(const void *path, const void *file)
{
	return strcmp(path, ((const struct table_file *)file)->path);
}

const struct table_file *table_file_at(const struct table_snapshot *snapshot, const char *path)
{
	if (!snapshot->n_files)
		return NULL;
	return bsearch(path, snapshot->files, snapshot->n_files, sizeof(*snapshot->files), path_of);
}

int64_t table_txn(const struct table_snapshot *snapshot, const char *app_id)
{
	const struct table_txn *txn = map_get(&snapshot->log->txns, app_id);

	return txn ? txn->version : -1;
}

/* ---- history -------------------------------------------------------------------------------------------------- */

/* Every line is a JSON object, and commitInfo, if there is one, is copied. */
static int look_into(char *text, struct json **ret, struct err *err)
{
	int n = 1, r = *text ? 0 : err_set(err, ERR_CORRUPT, "it is empty");

	for (char *line = text, *next; line && *line && !r; line = next, n++) {
		struct json *json = NULL;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		r = *line && *line != '\r' ? json_parse(line, strlen(line), &json, err) : 0;
		if (r)
			r = err_set(err, ERR_CORRUPT, "line %d is no JSON", n);
		if (json_get(json, "commitInfo") && !*ret)
			*ret = json_copy(json_get(json, "commitInfo"));
		json_free(json);
	}
	return r;
}

/* What is wrong with an entry stands in "problem". */
static struct json *commit_info(struct blob *blob, int64_t version)
{
	struct json *ret = NULL;
	struct err err = {0};
	struct buf text;
	char name[64];
	int r;

	table_entry_name(version, name);
	buf_init(&text, 0);
	r = blob_get(blob, name, ENTRY_MAX, &text, &err);
	if (!r)
		r = look_into(text.data ? text.data : (char[]){0}, &ret, &err);
	buf_done(&text);
	if (json_type(ret) != JSON_OBJECT) {
		json_free(ret);
		ret = json_new_object();
	}
	if (r) {
		struct err why = err;

		err_set(&err, r, "log entry '%s' is damaged: %s", name, why.text);
		json_set_str(ret, "problem", err.text);
	}
	json_set_int(ret, "version", version);
	return ret;
}

static struct json *gap(int64_t from, int64_t to)
{
	struct json *ret = json_new_object();
	char first[64], last[64], text[256];

	table_entry_name(from, first);
	table_entry_name(to, last);
	if (from == to)
		snprintf(text, sizeof(text), "log entry '%s' is missing", first);
	else
		snprintf(text, sizeof(text), "the log entries from '%s' to '%s' are missing", first, last);
	json_set_str(ret, "problem", text);
	json_set_int(ret, "version", to);
	return ret;
}

struct json *table_history(struct blob *blob, size_t limit, struct err *err)
{
	int64_t *versions = NULL;
	struct json *list;
	size_t n = 0;

	if (table_log_versions(blob, &versions, &n, err))
		return NULL;
	list = json_new_array();
	for (size_t i = n; i > 0 && json_count(list) < limit; i--) {
		if (i < n && versions[i - 1] + 1 < versions[i])
			json_push(list, gap(versions[i - 1] + 1, versions[i] - 1));
		json_push(list, commit_info(blob, versions[i - 1]));
	}
	free(versions);
	return list;
}

/* By what a commit says of itself: the time of a file does not survive a copy. */
static int64_t time_of(struct blob *blob, int64_t version)
{
	struct json *info = commit_info(blob, version);
	int64_t at = json_get_int(info, "inCommitTimestamp", json_get_int(info, "timestamp", -1)), size;
	char name[64];

	json_free(info);
	table_entry_name(version, name);
	if (at < 0 && blob_size(blob, name, &size, &at, NULL))
		at = INT64_MAX;
	return at;
}

int table_version_at(struct blob *blob, int64_t wall_ms, int64_t *ret, struct err *err)
{
	int64_t *versions = NULL;
	size_t n = 0;
	int r = table_log_versions(blob, &versions, &n, err);

	while (!r && n > 0 && time_of(blob, versions[n - 1]) > wall_ms)
		n--;
	if (!r && !n)
		r = err_set(err, ERR_NOTFOUND, "table '%s': the log does not reach back to that time",
		            blob_location(blob));
	if (!r)
		*ret = versions[n - 1];
	free(versions);
	return r;
}

int table_missing(const struct json *place, struct err *err)
{
	const char *name = json_get_str(place, "name", "");
	int64_t version = json_get_int(place, "version", -1);

	if (version < 0)
		return err_set(err, ERR_NOTFOUND, "dataset '%s' has no table yet: nothing was ingested", name);
	return err_set(
		err, ERR_NOTFOUND,
		"dataset '%s' had version %lld, and there is no table in '%.300s' any more: mount or restore it, "
		"or drop the dataset",
		name, (long long)version, json_get_str(place, "location", ""));
}

int table_check_gone(const struct table_snapshot *snapshot, const struct json *place, struct err *err)
{
	return snapshot->version < 0 && json_get_int(place, "version", -1) >= 0 ? table_missing(place, err) : 0;
}
