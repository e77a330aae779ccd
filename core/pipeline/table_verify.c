/* SPDX-License-Identifier: Apache-2.0 */
/* Every data file of a table is read and held against the log: is it there, has it the size and the rows that the log
 * says, does every page decode? Problems are listed, not failed with: the answer is the list. */
#include <inttypes.h>
#include <stdio.h>

#include "pipeline.h"
#include "plugin/codec.h"
#include "plugin/reader.h"
#include "table/table.h"

#define PROBLEMS_MAX 1000

struct check {
	struct loader *loader;
	const struct pipeline_events *events;
	struct blob *blob;
	struct table_snapshot snapshot;
	struct json *problems;
	int64_t rows, bytes;
};

static void note(struct check *c, const struct table_file *file, const char *what)
{
	struct json *problem;

	if (json_count(c->problems) >= PROBLEMS_MAX)
		return;
	problem = json_new_object();
	json_set_str(problem, "file", file->path);
	json_set_str(problem, "problem", what);
	json_push(c->problems, problem);
}

/* ERR_CANCELLED; everything else is a problem of the file. */
static int read_rows(struct check *c, const struct table_file *file, int64_t *ret_rows, struct err *err)
{
	struct ArrowArray constants = {0};
	struct reader_want want = {.schema = &c->snapshot.schema,
	                           .constants_schema = &c->snapshot.partitions,
	                           .constants = &constants};
	const struct ArrowArray *batch;
	struct reader *reader;
	int64_t first;
	int more = 0, r = table_file_partition(&c->snapshot, file, &constants, err);

	if (!r)
		r = reader_open(c->loader, c->blob, file->path, &want, &reader, err);
	if (r)
		return r;
	while (!r && (more = reader_next(reader, &batch, &first, err)) > 0) {
		*ret_rows += batch->length;
		if (c->events->is_cancelled(c->events->ctx))
			r = err_set(err, ERR_CANCELLED, "the task was cancelled");
	}
	reader_close(reader);
	return more < 0 ? more : r;
}

static int check_file(struct check *c, const struct table_file *file, struct err *err)
{
	struct err reason = {0};
	int64_t size = -1, rows = 0;
	char text[200];
	int r = blob_size(c->blob, file->path, &size, NULL, &reason);

	if (!r && file->size >= 0 && size != file->size) {
		snprintf(text, sizeof(text), "it has %" PRId64 " bytes, the log says %" PRId64, size, file->size);
		note(c, file, text);
	}
	if (!r)
		r = read_rows(c, file, &rows, &reason);
	if (r == ERR_CANCELLED)
		return err_set(err, r, "%s", reason.text);
	if (r)
		note(c, file, reason.text);
	else if (file->rows >= 0 && rows != file->rows) {
		snprintf(text, sizeof(text), "it has %" PRId64 " rows, the log says %" PRId64, rows, file->rows);
		note(c, file, text);
	}
	c->rows += rows;
	c->bytes += size > 0 ? size : 0;
	c->events->on_progress(c->events->ctx, c->bytes, c->snapshot.bytes, c->rows, 0);
	return 0;
}

int pipeline_table_verify(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                          struct json **ret, struct err *err)
{
	struct check c = {.loader = loader, .events = events, .problems = json_new_array()};
	struct table_codec codec = CODEC(loader);
	int r = blob_open(json_str(json_pointer(order, "/dataset/location"), ""), &c.blob, err);

	if (!r)
		r = table_snapshot(c.blob, &codec, &c.snapshot, err);
	for (size_t i = 0; i < c.snapshot.n_files && !r; i++)
		r = check_file(&c, &c.snapshot.files[i], err);
	if (!r) {
		*ret = json_new_object();
		json_set_int(*ret, "version", c.snapshot.version);
		json_set_int(*ret, "files", (int64_t)c.snapshot.n_files);
		json_set_int(*ret, "rows", c.rows);
		json_set_int(*ret, "bytes", c.bytes);
		json_set(*ret, "problems", json_copy(c.problems));
	}
	json_free(c.problems);
	table_snapshot_done(&c.snapshot);
	blob_close(c.blob);
	return r;
}
