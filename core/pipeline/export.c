/* SPDX-License-Identifier: Apache-2.0 */
/* A version of a dataset as files of any format whose plugin encodes.
 *
 * Happy path: the version is chosen → each data file is read and its rows go through the encoder into files in staging,
 * synced → one PART, which is final, says where they are to go → it is noted durably → a worker of the role place moves them to their
 * place (export_commit.c). Until then nothing is to be seen there. What can fail: the encoder refuses a type, a data file
 * is broken or was vacuumed meanwhile, the disk is full: the attempt fails and leaves nothing.
 *
 * "to" with a slash at its end is a folder of files of about "target_file_bytes", else one file. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "output.h"
#include "pipeline.h"
#include "plugin/codec.h"
#include "plugin/reader.h"
#include "table/table.h"

#define TARGET_BYTES (INT64_C(256) << 20)

struct export
{
	struct loader *loader;
	const struct json *order, *spec;
	const struct pipeline_events *events;
	struct blob *blob;
	struct table_snapshot snapshot;
	struct output *output;
	char folder[PATH_MAX]; /* where files are staged */
	struct json *files;    /* finished ones */
	int in_folder;         /* many files, not one */
	int64_t target, rows, bytes, done;
};

/* ---- the rows --------------------------------------------------------------------------------------------------- */

/* The task and a number: an export into the same place of a bucket meets no other. */
static int name_file(struct export *e, struct json *file, struct err *err)
{
	const char *staged = json_get_str(file, "staged", "");
	char name[128], path[PATH_MAX + 130];

	snprintf(name, sizeof(name), "part-%05zu-%.64s%.16s", json_count(e->files), json_get_str(e->order, "task", ""),
	         output_ending(e->output));
	snprintf(path, sizeof(path), "%s/%s", e->folder, name);
	if (rename(staged, path))
		return err_errno(err, errno, "cannot move '%s' to '%s'", staged, path);
	json_set_str(file, "name", name);
	json_set_str(file, "staged", path);
	return dir_sync(e->folder, err);
}

static int end_file(struct export *e, struct err *err)
{
	int r = output_finish(e->output, e->files, err);
	struct json *file = r ? NULL : (struct json *)json_at(e->files, json_count(e->files) - 1);

	if (r)
		return r;
	json_del(file, "stats");
	e->bytes += json_get_int(file, "size", 0);
	return name_file(e, file, err);
}

static int write_rows(struct export *e, const struct ArrowArray *batch, struct err *err)
{
	int r = output_is_open(e->output) ? 0 : output_begin(e->output, &e->snapshot.schema, err);

	if (!r)
		r = output_write(e->output, batch, err);
	e->rows += batch->length;
	if (!r && e->in_folder && output_size(e->output) >= (uint64_t)e->target)
		r = end_file(e, err);
	return r;
}

static int tell(struct export *e, struct err *err)
{
	e->events->on_progress(e->events->ctx, e->done, e->snapshot.bytes, e->rows, 0);
	return e->events->is_cancelled(e->events->ctx) ? err_set(err, ERR_CANCELLED, "the task was cancelled") : 0;
}

static int read_rows(struct export *e, struct reader *reader, int64_t *ret_rows, struct err *err)
{
	const struct ArrowArray *batch;
	int64_t first;
	int more = 0, r = 0;

	while (!r && (more = reader_next(reader, &batch, &first, err)) > 0) {
		*ret_rows += batch->length;
		r = write_rows(e, batch, err);
		if (!r)
			r = tell(e, err);
	}
	return r ? r : more;
}

static int export_file(struct export *e, const struct table_file *file, struct err *err)
{
	struct ArrowArray constants = {0};
	struct reader_want want = {.schema = &e->snapshot.schema,
	                           .constants_schema = &e->snapshot.partitions,
	                           .constants = &constants};
	struct reader *reader;
	int64_t rows = 0;
	int r = table_file_partition(&e->snapshot, file, &constants, err);

	if (!r)
		r = reader_open(e->loader, e->blob, file->path, &want, &reader, err);
	if (r)
		return r;
	r = read_rows(e, reader, &rows, err);
	reader_close(reader);
	e->done += file->size > 0 ? file->size : 0;
	if (!r && file->rows >= 0 && rows != file->rows)
		r = err_set(err, ERR_CORRUPT, "data file '%s' has %" PRId64 " rows, the table's log says %" PRId64,
		            file->path, rows, file->rows);
	return r;
}

/* A table without rows becomes a file without rows. */
static int export_all(struct export *e, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < e->snapshot.n_files && !r; i++)
		r = export_file(e, &e->snapshot.files[i], err);
	if (!r && !output_is_open(e->output) && !json_count(e->files))
		r = output_begin(e->output, &e->snapshot.schema, err);
	return !r && output_is_open(e->output) ? end_file(e, err) : r;
}

/* ---- what is handed over ------------------------------------------------------------------------------------------ */

static struct json *make_counts(const struct export *e)
{
	struct json *counts = json_new_object();

	json_set_str(counts, "to", json_get_str(e->spec, "to", ""));
	json_set_int(counts, "version", e->snapshot.version);
	json_set_int(counts, "rows", e->rows);
	json_set_int(counts, "files", (int64_t)json_count(e->files));
	json_set_int(counts, "bytes", e->bytes);
	return counts;
}

static int send_part(struct export *e, struct err *err)
{
	struct json *part = json_new_object();
	int r;

	json_set_int(part, "seq", 1);
	json_set_bool(part, "final", 1);
	json_set_str(part, "app_id", json_get_str(e->order, "app_id", ""));
	json_set_str(part, "operation", "EXPORT");
	json_set_str(part, "to", json_get_str(e->spec, "to", ""));
	json_set_bool(part, "overwrite", json_get_bool(e->spec, "overwrite", 0));
	if (e->in_folder)
		json_set_str(part, "folder", e->folder);
	json_set(part, "files", json_copy(e->files));
	json_set(part, "counts", make_counts(e));
	r = e->events->on_part(e->events->ctx, part, err);
	json_free(part);
	return r;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

static int open_table(struct export *e, struct err *err)
{
	struct table_codec codec = CODEC(e->loader);
	const char *at = json_get_str(e->spec, "at", NULL);
	int64_t version = json_get_int(e->spec, "version", -1), wall_ms;
	int r = blob_open(json_str(json_pointer(e->order, "/dataset/location"), ""), &e->blob, err);

	if (!r && at)
		r = clock_from_rfc3339(at, &wall_ms) ? err_set(err, ERR_INVALID, "'%.60s' is not a time", at)
		                                     : table_version_at(e->blob, wall_ms, &version, err);
	if (!r)
		r = table_snapshot_at(e->blob, &codec, version, &e->snapshot, err);
	if (!r && e->snapshot.version < 0)
		r = table_missing(json_get(e->order, "dataset"), err);
	return r;
}

static int open_output(struct export *e, struct err *err)
{
	int n = snprintf(e->folder, sizeof(e->folder), "%s/export", json_get_str(e->order, "staging", ""));
	int r = n < 0 || (size_t)n >= sizeof(e->folder)
	                ? err_set(err, ERR_INVALID, "the staging folder's path is too long")
	                : dir_make(e->folder, 0755, err);

	return r ? r
	         : output_new_as(e->loader, e->folder, json_str(json_pointer(e->spec, "/format/plugin"), ""),
	                         json_pointer(e->spec, "/format/options"), &e->output, err);
}

int pipeline_export(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                    struct json **ret, struct err *err)
{
	struct export e = {.loader = loader, .order = order, .spec = json_get(order, "spec"), .events = events};
	int r;

	e.files = json_new_array();
	e.in_folder = str_ends(json_get_str(e.spec, "to", ""), "/");
	e.target = json_get_int(e.spec, "target_file_bytes", TARGET_BYTES);
	r = open_table(&e, err);
	if (!r)
		r = open_output(&e, err);
	if (!r)
		r = export_all(&e, err);
	if (!r)
		r = send_part(&e, err);
	if (!r)
		*ret = make_counts(&e);
	output_free(e.output);
	json_free(e.files);
	table_snapshot_done(&e.snapshot);
	blob_close(e.blob);
	return r;
}
