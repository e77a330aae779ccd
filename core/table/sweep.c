/* SPDX-License-Identifier: Apache-2.0 */
/* Files that nothing needs any more. Sweep takes what was never named, and only by names that we give; vacuum takes
 * what was named once and removed long ago, by the rules of Delta; the log's own old entries go behind a checkpoint.
 *
 * Nobody is asked: readers have as long as the table's properties promise (deletedFileRetentionDuration 7 days,
 * logRetentionDuration 30 days). */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "table/log.h"

#define FOLDERS_MAX 32 /* deep */
#define ROUNDS_MAX 100

/* ---- sweep ------------------------------------------------------------------------------------------------- */

struct sweep {
	struct blob *blob;
	const char *folder; /* "" or ends with a slash */
	const struct table_log *log;
	int64_t before, removed;
	struct err *err;
};

/* A place may hold what others have put there: only names that we give are ours to take. */
static int is_ours(const struct sweep *sweep, const char *name)
{
	if (str_starts(name, ".tmp-"))
		return 1;
	return !*sweep->folder && str_starts(name, "part-") && str_ends(name, ".parquet") &&
	       !map_get(&sweep->log->files, name) && !map_get(&sweep->log->removed, name);
}

static int sweep_file(void *ctx, const char *name, int is_folder)
{
	struct sweep *sweep = ctx;
	int64_t size, modified;
	char full[PATH_MAX];

	if (is_folder || !is_ours(sweep, name))
		return 0;
	snprintf(full, sizeof(full), "%s%s", sweep->folder, name);
	if (blob_size(sweep->blob, full, &size, &modified, NULL) || modified > sweep->before)
		return 0;
	sweep->removed++;
	return blob_delete(sweep->blob, full, sweep->err);
}

int table_sweep(struct blob *blob, const struct table_codec *codec, int64_t older_than_ms, int64_t *ret_removed,
                struct err *err)
{
	struct table_snapshot s;
	struct sweep sweep = {.blob = blob, .folder = "", .before = clock_wall_ms() - older_than_ms, .err = err};
	int r = table_snapshot(blob, codec, &s, err);

	if (r)
		return r;
	if (s.version >= 0) {
		sweep.log = s.log;
		r = blob_list(blob, "", NULL, sweep_file, &sweep, err);
		sweep.folder = "_delta_log/";
		if (!r)
			r = blob_list(blob, "_delta_log", NULL, sweep_file, &sweep, err);
		if (!r)
			r = index_sweep(blob, sweep.before, &sweep.removed, err);
		if (!r)
			r = blob_sweep(blob, sweep.before, &sweep.removed, err);
	}
	table_snapshot_done(&s);
	if (!r)
		*ret_removed = sweep.removed;
	return r;
}

/* ---- vacuum ------------------------------------------------------------------------------------------------ */

struct vacuum {
	struct blob *blob;
	const struct table_log *log;
	const char *folder; /* "" or ends with a slash */
	int depth, dry_run;
	int64_t before;
	struct table_vacuum *ret;
	struct err *err;
};

/* In the table, or taken out of it so lately that readers may be at it. */
static int is_needed(const struct vacuum *v, const char *path)
{
	const struct table_tombstone *gone = map_get(&v->log->removed, path);

	return map_get(&v->log->files, path) || (gone && gone->removed_at > v->before);
}

static int vacuum_file(struct vacuum *v, const char *path)
{
	int64_t size, modified;

	if (!str_ends(path, ".parquet") || is_needed(v, path) || blob_size(v->blob, path, &size, &modified, NULL) ||
	    modified > v->before)
		return 0;
	v->ret->files++;
	v->ret->bytes += size;
	return v->dry_run ? 0 : blob_delete(v->blob, path, v->err);
}

/* Hidden folders hold logs, indexes and what others keep beside their tables; those of partitions may begin alike. */
static int is_hidden(const char *name)
{
	return (*name == '_' || *name == '.') && !strchr(name, '=');
}

static int vacuum_entry(void *ctx, const char *name, int is_folder)
{
	struct vacuum *v = ctx, inner = *v;
	char path[PATH_MAX], folder[PATH_MAX + 1];

	if (is_hidden(name) || (size_t)snprintf(path, sizeof(path), "%s%s", v->folder, name) >= sizeof(path))
		return 0;
	if (!is_folder)
		return vacuum_file(v, path);
	if (v->depth == FOLDERS_MAX)
		return 0;
	snprintf(folder, sizeof(folder), "%s/", path);
	inner.folder = folder;
	inner.depth++;
	return blob_list(v->blob, path, NULL, vacuum_entry, &inner, v->err);
}

int table_vacuum(struct blob *blob, const struct table_codec *codec, int64_t older_than_ms, int force, int dry_run,
                 struct table_vacuum *ret, struct err *err)
{
	struct table_snapshot s;
	struct vacuum vacuum = {.blob = blob, .folder = "", .dry_run = dry_run, .ret = ret, .err = err};
	int64_t retention;
	int r = table_snapshot(blob, codec, &s, err);

	if (r)
		return r;
	*ret = (struct table_vacuum){0};
	retention = table_log_retention(s.log);
	if (older_than_ms < 0)
		older_than_ms = retention;
	if (s.version < 0)
		r = err_set(err, ERR_NOTFOUND, "there is no table at '%s'", blob_location(blob));
	if (!r)
		r = table_log_writable(s.log, err);
	if (!r && older_than_ms < retention && !force)
		r = err_set(err, ERR_INVALID,
		            "the table keeps files for %lld hours after they are taken out, since readers of "
		            "older versions may need them: wait longer, or force it",
		            (long long)(retention / 3600000));
	vacuum.log = s.log;
	vacuum.before = clock_wall_ms() - older_than_ms;
	if (!r)
		r = blob_list(blob, "", NULL, vacuum_entry, &vacuum, err);
	table_snapshot_done(&s);
	return r;
}

/* ---- delete -------------------------------------------------------------------------------------------------- */

static int check_where(const struct table_snapshot *s, const struct json *where, struct err *err)
{
	const struct json *value;
	const char *name;
	size_t at = 0;

	while (json_each(where, &at, &name, &value))
		if (arrow_schema_find(&s->partitions, name, strlen(name)) < 0)
			return err_set(err, ERR_INVALID,
			               "'%.100s' is no partition column of the table: only whole files can be deleted",
			               name);
	return 0;
}

static int is_meant(const struct table_file *file, const struct json *where)
{
	const struct json *value;
	const char *name;
	size_t at = 0;

	while (json_each(where, &at, &name, &value)) {
		const char *have = json_str(json_get(file->partition, name), ""), *wanted = json_str(value, "");

		if (strcmp(have, wanted))
			return 0;
	}
	return 1;
}

static int delete_once(struct blob *blob, const struct table_codec *codec, const struct table_snapshot *s,
                       const struct json *where, struct table_commit *ret, int64_t *ret_files, struct err *err)
{
	const char **paths = calloc(s->n_files + 1, sizeof(*paths));
	struct json *parameters = json_new_object();
	struct table_change change = {.operation = "DELETE", .removes = paths, .parameters = parameters};
	int r = paths ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	json_set_str(parameters, "predicate", where ? json_text(where) : "[]");
	for (size_t i = 0; i < s->n_files && !r; i++)
		if (is_meant(&s->files[i], where))
			paths[change.n_removes++] = s->files[i].path;
	*ret_files = (int64_t)change.n_removes;
	*ret = (struct table_commit){s->version, s->rows, s->bytes, (int64_t)s->n_files, 0};
	if (!r && change.n_removes)
		r = table_commit(blob, codec, &change, ret, err);
	json_free(parameters);
	free(paths);
	return r;
}

/* Somebody took one of them out meanwhile: look again. */
int table_delete(struct blob *blob, const struct table_codec *codec, const struct json *where, struct table_commit *ret,
                 int64_t *ret_files, struct err *err)
{
	int r = ERR_CONFLICT;

	for (int round = 0; round < ROUNDS_MAX && r == ERR_CONFLICT; round++) {
		struct table_snapshot s;

		r = table_snapshot(blob, codec, &s, err);
		if (r)
			return r;
		r = s.version < 0 ? err_set(err, ERR_NOTFOUND, "there is no table at '%s'", blob_location(blob))
		                  : check_where(&s, where, err);
		if (!r)
			r = delete_once(blob, codec, &s, where, ret, ret_files, err);
		table_snapshot_done(&s);
	}
	return r;
}
