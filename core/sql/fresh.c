/* SPDX-License-Identifier: Apache-2.0 */
/* Full text has no other way to answer than an index, so a file that no segment covers yet is indexed for the query
 * alone: in a scratch folder, gone afterwards. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "sql/inside.h"

struct fresh {
	struct indexer *indexer;
	char folder[4096], inside[4096 + 16];
	struct segment *segment;
	void *reader;
};

struct fresh_file {
	struct blob *blob;
	const struct table_snapshot *snapshot;
	const struct table_file *file;
};

static int add_rows(struct indexer *x, void *build, const struct fresh_file *file, struct err *err)
{
	struct ArrowArray constants = {0};
	struct reader_want want = {.schema = &x->keys,
	                           .constants_schema = &file->snapshot->partitions,
	                           .constants = &constants};
	const struct ArrowArray *keys;
	struct reader *reader;
	int64_t first;
	int r = table_file_partition(file->snapshot, file->file, &constants, err);

	if (!r)
		r = reader_open(x->loader, file->blob, file->file->path, &want, &reader, err);
	if (r)
		return r;
	while ((r = reader_next(reader, &keys, &first, err)) > 0) {
		orasi_error error = ORASI_NO_ERROR;
		orasi_status status = loader_call(x->loader, x->plugin, "build_add",
		                                  x->plugin->index->build_add(build, keys, (uint64_t)first, &error));

		if (status) {
			r = loader_fail(x->plugin, "build_add", status, &error, err);
			break;
		}
	}
	reader_close(reader);
	return r;
}

static int build(struct fresh *f, const struct fresh_file *file, struct err *err)
{
	struct indexer *x = f->indexer;
	orasi_segment_info info = {.struct_size = sizeof(info)};
	orasi_error error = ORASI_NO_ERROR;
	void *state = NULL;
	orasi_status status =
		loader_call(x->loader, x->plugin, "build_begin",
	                    x->plugin->index->build_begin(x->self, segment_store(f->segment), &state, &error));
	int r;

	if (status)
		return loader_fail(x->plugin, "build_begin", status, &error, err);
	r = add_rows(x, state, file, err);
	if (r) {
		loader_call_void(x->loader, x->plugin, "build_abort", x->plugin->index->build_abort(state));
		return r;
	}
	status =
		loader_call(x->loader, x->plugin, "build_finish", x->plugin->index->build_finish(state, &info, &error));
	return status ? loader_fail(x->plugin, "build_finish", status, &error, err) : 0;
}

/* Sealed and opened again, as every segment is before it is read. */
static int reopen(struct fresh *f, struct err *err)
{
	orasi_segment_info info = {.struct_size = sizeof(info)};
	struct json *blobs;
	int64_t bytes;
	int r = segment_seal(f->segment, &blobs, &bytes, err);

	if (r)
		return r;
	segment_close(f->segment);
	f->segment = NULL;
	r = segment_open(f->inside, blobs, &f->segment, err);
	json_free(blobs);
	return r ? r : indexer_open_reader(f->indexer, f->segment, &f->reader, &info, err);
}

int fresh_open(struct indexer *indexer, struct blob *blob, const struct table_snapshot *snapshot,
               const struct table_file *file, struct fresh **ret, struct err *err)
{
	struct fresh_file whole = {blob, snapshot, file};
	struct fresh *f = calloc(1, sizeof(*f));
	const char *place = getenv("TMPDIR");
	int r;

	if (!f)
		return err_set(err, ERR_NOMEM, "out of memory");
	f->indexer = indexer;
	snprintf(f->folder, sizeof(f->folder), "%s/orasi-query-XXXXXX", place ? place : "/tmp");
	if (!mkdtemp(f->folder)) {
		free(f);
		return err_errno(err, errno, "cannot make a scratch folder in %s", place ? place : "/tmp");
	}
	snprintf(f->inside, sizeof(f->inside), "%s/segment", f->folder);
	r = segment_create(f->inside, &f->segment, err);
	if (!r)
		r = build(f, &whole, err);
	if (!r)
		r = reopen(f, err);
	if (r) {
		fresh_close(f);
		return r;
	}
	*ret = f;
	return 0;
}

void *fresh_reader(const struct fresh *f)
{
	return f->reader;
}

void fresh_close(struct fresh *f)
{
	struct err ignored;

	if (!f)
		return;
	indexer_close_reader(f->indexer, f->reader);
	segment_close(f->segment);
	dir_remove(f->folder, &ignored);
	free(f);
}
