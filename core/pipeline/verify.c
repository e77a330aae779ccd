/* SPDX-License-Identifier: Apache-2.0 */
/* Is an index what it claims to be? Every segment is opened and checked by its plugin, its blobs against their
 * checksums, and what it covers against the table. Problems are listed, not failed with: the answer is the list.
 * Files that no segment covers yet are no problem but a lag, and counted. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "indexing.h"

struct verify {
	struct indexing in;
	uint32_t level;
	struct json *problems;
	struct map covered; /* path → whichever segment had it first */
	int64_t rows;
};

static void problem(struct verify *v, const struct json *segment, const char *text)
{
	struct json *entry = json_new_object();

	json_set_str(entry, "segment", json_get_str(segment, "dir", ""));
	json_set_str(entry, "problem", text);
	json_push(v->problems, entry);
}

/* ---- the plugin's part ----------------------------------------------------------------------------------- */

static int check_reader(struct verify *v, void *reader, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	orasi_status status = loader_call(v->in.loader, v->in.indexer.plugin, "verify",
	                                  v->in.indexer.plugin->index->verify(reader, v->level, &error));

	return status ? loader_fail(v->in.indexer.plugin, "verify", status, &error, err) : 0;
}

static int check_segment(struct verify *v, const struct json *entry, struct err *err)
{
	orasi_segment_info info = {.struct_size = sizeof(info)};
	struct segment *segment;
	void *reader = NULL;
	int r = indexing_segment(&v->in, entry, &segment, err);

	if (r)
		return r;
	if (v->level)
		r = segment_check(segment, err);
	if (!r)
		r = indexer_open_reader(&v->in.indexer, segment, &reader, &info, err);
	if (!r && (int64_t)info.rows != json_get_int(entry, "rows", -1))
		r = err_set(err, ERR_CORRUPT, "it has %" PRIu64 " rows, the manifest says %" PRId64, info.rows,
		            json_get_int(entry, "rows", -1));
	if (!r)
		r = check_reader(v, reader, err);
	indexer_close_reader(&v->in.indexer, reader);
	segment_close(segment);
	return r;
}

/* ---- the table's part ------------------------------------------------------------------------------------ */

static void check_cover(struct verify *v, const struct json *entry, const struct json *cover)
{
	const char *path = json_get_str(cover, "path", "");
	const struct table_file *file = table_file_at(&v->in.snapshot, path);
	int64_t rows = json_get_int(cover, "rows", -1);
	char text[512];

	if (file && file->rows >= 0 && file->rows != rows) {
		snprintf(text, sizeof(text), "it covers %" PRId64 " rows of '%.300s', which has %" PRId64, rows, path,
		         file->rows);
		problem(v, entry, text);
	}
	if (map_get(&v->covered, path)) {
		snprintf(text, sizeof(text), "it covers '%.300s', and so does another segment", path);
		problem(v, entry, text);
	}
	map_set(&v->covered, path, v);
}

static int64_t count_missing(const struct verify *v)
{
	int64_t n = 0;

	for (size_t i = 0; i < v->in.snapshot.n_files; i++)
		n += !map_get(&v->covered, v->in.snapshot.files[i].path);
	return n;
}

static int verify_one(struct verify *v, const struct json *entry, struct err *err)
{
	const struct json *covers = json_get(entry, "covers");
	struct err bad = {0};

	if (v->in.events->is_cancelled(v->in.events->ctx))
		return err_set(err, ERR_CANCELLED, "the task was cancelled");
	if (!indexer_reads(&v->in.indexer, entry))
		problem(v, entry, "this version of the plugin does not read it: the next build makes it anew");
	else if (check_segment(v, entry, &bad))
		problem(v, entry, bad.text);
	for (size_t i = 0; i < json_count(covers); i++)
		check_cover(v, entry, json_at(covers, i));
	v->rows += json_get_int(entry, "rows", 0);
	return 0;
}

int pipeline_index_verify(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                          struct json **ret, struct err *err)
{
	struct verify v = {.level = (uint32_t)json_get_int(order, "level", 2), .problems = json_new_array()};
	int r = indexing_open(&v.in, loader, order, events, err);
	const struct json *segments = json_get(v.in.manifest, "segments");

	map_init(&v.covered);
	for (size_t i = 0; i < json_count(segments) && !r; i++)
		r = verify_one(&v, json_at(segments, i), err);
	if (!r) {
		*ret = json_new_object();
		json_set_int(*ret, "segments", (int64_t)json_count(segments));
		json_set_int(*ret, "rows", v.rows);
		json_set_int(*ret, "files", (int64_t)v.in.snapshot.n_files);
		json_set_int(*ret, "missing_files", count_missing(&v));
		json_set(*ret, "problems", json_copy(v.problems));
	}
	map_done(&v.covered);
	json_free(v.problems);
	indexing_close(&v.in);
	return r;
}
