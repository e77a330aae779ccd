/* SPDX-License-Identifier: Apache-2.0 */
/* Index segments are made: new ones over data files that have none (build), one out of many (optimise).
 *
 * Happy path of a build: the files of the snapshot that no segment covers → their key columns, a batch at a time →
 * the plugin → a sealed folder in staging → a PART. A segment ends with the file that brings it to ROWS_MAX, and
 * each is a part of its own: after a crash only the files of the last one are read again, since the manifest tells
 * what is covered. A row's id is its place among all rows of the files that its segment covers.
 *
 * A segment whose files are all gone, or that the plugin no longer reads, is taken out; the files it covered are
 * built anew. Optimising merges neighbours while they have together at most ROWS_MAX rows: through the plugin, or,
 * when it cannot merge or some of the files are gone, by building over the files that are left. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/id.h"
#include "base/map.h"
#include "indexing.h"
#include "plugin/reader.h"

#define ROWS_MAX 5000000

/* The segment that is being made. */
struct fresh {
	char dir[64], folder[PATH_MAX];
	struct segment *segment;
	void *state; /* the plugin's */
	struct json *covers;
	int64_t rows;
};

struct build {
	struct indexing in;
	struct fresh fresh;
	struct json *replaces; /* of the part at hand */
	int64_t seq, rows, segments, files, bytes, done, total;
	int64_t rows_max;
};

static int cancelled(const struct build *b, struct err *err)
{
	return b->in.events->is_cancelled(b->in.events->ctx) ? err_set(err, ERR_CANCELLED, "the task was cancelled")
	                                                     : 0;
}

/* ---- parts ----------------------------------------------------------------------------------------------- */

static int send_part(struct build *b, struct json *segment, int final, struct err *err)
{
	struct json *part = json_new_object(), *segments = json_new_array();
	int r;

	if (segment)
		json_push(segments, segment);
	json_set_int(part, "seq", ++b->seq);
	json_set_bool(part, "final", final);
	json_set_str(part, "app_id", json_get_str(b->in.order, "app_id", ""));
	json_set(part, "segments", segments);
	json_set(part, "replaces", b->replaces);
	b->replaces = json_new_array();
	r = b->in.events->on_part(b->in.events->ctx, part, err);
	json_free(part);
	return r;
}

/* ---- one segment ----------------------------------------------------------------------------------------- */

static void fresh_done(struct build *b)
{
	struct fresh *f = &b->fresh;

	if (f->state)
		loader_call_void(b->in.loader, b->in.indexer.plugin, "build_abort",
		                 b->in.indexer.plugin->index->build_abort(f->state));
	segment_close(f->segment);
	json_free(f->covers);
	memset(f, 0, sizeof(*f));
}

static int fresh_folder(struct build *b, struct err *err)
{
	struct fresh *f = &b->fresh;
	char uuid[UUID_LEN];

	uuid_new(uuid);
	snprintf(f->dir, sizeof(f->dir), "seg-%s", uuid);
	if (!b->in.staging ||
	    (size_t)snprintf(f->folder, sizeof(f->folder), "%s/%s", b->in.staging, f->dir) >= sizeof(f->folder))
		return err_set(err, ERR_INVALID, "the order has no staging folder, or one with too long a path");
	f->covers = json_new_array();
	return segment_create(f->folder, &f->segment, err);
}

static int fresh_begin(struct build *b, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	orasi_status status;
	int r = fresh_folder(b, err);

	if (r)
		return r;
	status = loader_call(b->in.loader, b->in.indexer.plugin, "build_begin",
	                     b->in.indexer.plugin->index->build_begin(
				     b->in.indexer.self, segment_store(b->fresh.segment), &b->fresh.state, &error));
	return status ? loader_fail(b->in.indexer.plugin, "build_begin", status, &error, err) : 0;
}

static struct json *describe(struct build *b, const orasi_segment_info *info, struct json *blobs, int64_t bytes)
{
	struct json *segment = json_new_object();

	json_set_str(segment, "staged", b->fresh.folder);
	json_set_str(segment, "dir", b->fresh.dir);
	json_set(segment, "covers", b->fresh.covers);
	json_set_int(segment, "rows", b->fresh.rows);
	json_set_int(segment, "entries", (int64_t)info->entries);
	json_set_int(segment, "bytes", bytes);
	json_set(segment, "blobs", blobs);
	json_set_int(segment, "state_version", b->in.indexer.plugin->descriptor->state_version);
	b->fresh.covers = NULL;
	return segment;
}

/* Seals what the plugin has finished, and hands it over. */
static int fresh_hand_over(struct build *b, const orasi_segment_info *info, int final, struct err *err)
{
	struct json *blobs;
	int64_t bytes;
	int r = segment_seal(b->fresh.segment, &blobs, &bytes, err);

	if (!r)
		r = dir_sync(b->in.staging, err) ? (json_free(blobs), err->code) : 0;
	if (r)
		return r;
	b->rows += b->fresh.rows;
	b->bytes += bytes;
	b->files += (int64_t)json_count(b->fresh.covers);
	b->segments++;
	return send_part(b, describe(b, info, blobs, bytes), final, err);
}

static int fresh_end(struct build *b, int final, struct err *err)
{
	orasi_segment_info info = {.struct_size = sizeof(info)};
	orasi_error error = ORASI_NO_ERROR;
	void *state = b->fresh.state;
	orasi_status status;
	int r;

	b->fresh.state = NULL; /* build_finish frees it */
	status = loader_call(b->in.loader, b->in.indexer.plugin, "build_finish",
	                     b->in.indexer.plugin->index->build_finish(state, &info, &error));
	r = status ? loader_fail(b->in.indexer.plugin, "build_finish", status, &error, err)
	           : fresh_hand_over(b, &info, final, err);
	fresh_done(b);
	return r;
}

/* ---- files ----------------------------------------------------------------------------------------------- */

static void cover(struct fresh *f, const char *path, int64_t rows)
{
	struct json *entry = json_new_object();

	json_set_str(entry, "path", path);
	json_set_int(entry, "rows", rows);
	json_set_int(entry, "base", f->rows);
	json_push(f->covers, entry);
	f->rows += rows;
}

static int add_batch(struct build *b, const struct ArrowArray *keys, int64_t first_row, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	orasi_status status =
		loader_call(b->in.loader, b->in.indexer.plugin, "build_add",
	                    b->in.indexer.plugin->index->build_add(b->fresh.state, keys, (uint64_t)first_row, &error));

	if (status)
		return loader_fail(b->in.indexer.plugin, "build_add", status, &error, err);
	b->done += keys->length;
	b->in.events->on_progress(b->in.events->ctx, b->done, b->total, b->rows + b->fresh.rows, 0);
	return cancelled(b, err);
}

static int add_file(struct build *b, const struct table_file *file, struct err *err)
{
	const struct ArrowArray *keys;
	struct reader *reader;
	int64_t rows = 0, first;
	struct ArrowArray constants = {0};
	struct reader_want want = {.schema = &b->in.indexer.keys,
	                           .constants_schema = &b->in.snapshot.partitions,
	                           .constants = &constants};
	int r = table_file_partition(&b->in.snapshot, file, &constants, err);

	if (!r)
		r = reader_open(b->in.loader, b->in.blob, file->path, &want, &reader, err);
	if (r)
		return r;
	while ((r = reader_next(reader, &keys, &first, err)) > 0) {
		r = add_batch(b, keys, b->fresh.rows + first, err);
		if (r)
			break;
		rows += keys->length;
	}
	reader_close(reader);
	if (!r && file->rows >= 0 && rows != file->rows)
		r = err_set(err, ERR_CORRUPT, "data file '%s' has %" PRId64 " rows, the table's log says %" PRId64,
		            file->path, rows, file->rows);
	if (!r)
		cover(&b->fresh, file->path, rows);
	return r;
}

/* Segments over these files. Empty files are covered too, so that they do not come up again. */
static int build_over(struct build *b, const struct table_file *const *files, size_t n, int final, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		if (!b->fresh.segment)
			r = fresh_begin(b, err);
		if (!r)
			r = add_file(b, files[i], err);
		if (!r && (b->fresh.rows >= b->rows_max || i + 1 == n))
			r = fresh_end(b, final && i + 1 == n, err);
	}
	return r;
}

/* ---- what there is to do --------------------------------------------------------------------------------- */

static int all_gone(const struct indexing *in, const struct json *covers)
{
	for (size_t i = 0; i < json_count(covers); i++)
		if (table_file_at(&in->snapshot, json_get_str(json_at(covers, i), "path", "")))
			return 0;
	return 1;
}

static int note_covered(struct map *covered, const struct json *covers, struct err *err)
{
	for (size_t i = 0; i < json_count(covers); i++)
		if (map_set(covered, json_get_str(json_at(covers, i), "path", ""), covered))
			return err_set(err, ERR_NOMEM, "out of memory");
	return 0;
}

/* Segments that stay cover their files; the others are replaced. */
static int judge_segments(struct build *b, struct map *covered, struct err *err)
{
	const struct json *segments = json_get(b->in.manifest, "segments");
	int r = 0;

	for (size_t i = 0; i < json_count(segments) && !r; i++) {
		const struct json *segment = json_at(segments, i), *covers = json_get(segment, "covers");

		if (indexer_reads(&b->in.indexer, segment) && !all_gone(&b->in, covers))
			r = note_covered(covered, covers, err);
		else
			json_push(b->replaces, json_new_str(json_get_str(segment, "dir", "")));
	}
	return r;
}

static int list_missing(struct build *b, const struct table_file ***ret, size_t *ret_n, struct err *err)
{
	const struct table_snapshot *s = &b->in.snapshot;
	const struct table_file **files = calloc(s->n_files + 1, sizeof(*files));
	struct map covered;
	int r;

	if (!files)
		return err_set(err, ERR_NOMEM, "out of memory");
	map_init(&covered);
	*ret_n = 0;
	r = judge_segments(b, &covered, err);
	for (size_t i = 0; i < s->n_files && !r; i++)
		if (!map_get(&covered, s->files[i].path)) {
			files[(*ret_n)++] = &s->files[i];
			b->total += s->files[i].rows > 0 ? s->files[i].rows : 0;
		}
	map_done(&covered);
	*ret = files;
	return r;
}

/* ---- tasks ----------------------------------------------------------------------------------------------- */

static int build_open(struct build *b, struct loader *loader, const struct json *order,
                      const struct pipeline_events *events, struct err *err)
{
	memset(b, 0, sizeof(*b));
	b->replaces = json_new_array();
	b->seq = json_int(json_pointer(order, "/checkpoint/seq"), 0);
	b->rows_max = json_get_int(order, "segment_rows", ROWS_MAX);
	return indexing_open(&b->in, loader, order, events, err);
}

static void build_close(struct build *b, int r, struct json **ret)
{
	if (!r) {
		*ret = json_new_object();
		json_set_int(*ret, "rows", b->rows);
		json_set_int(*ret, "segments", b->segments);
		json_set_int(*ret, "files", b->files);
		json_set_int(*ret, "bytes", b->bytes);
	}
	fresh_done(b);
	json_free(b->replaces);
	indexing_close(&b->in);
}

int pipeline_index_build(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                         struct json **ret, struct err *err)
{
	const struct table_file **files = NULL;
	struct build b;
	size_t n = 0;
	int r = build_open(&b, loader, order, events, err);

	if (!r)
		r = list_missing(&b, &files, &n, err);
	if (!r)
		r = build_over(&b, files, n, 1, err);
	if (!r && json_count(b.replaces)) /* nothing to build, something to take out */
		r = send_part(&b, NULL, 1, err);
	free(files);
	build_close(&b, r, ret);
	return r;
}

/* ---- optimise -------------------------------------------------------------------------------------------- */

/* Neighbours [begin, end) of the manifest's segments, to become one. */
struct group {
	size_t begin, end;
	int64_t rows;
	int stale; /* some file is gone, or a segment cannot be read: merging will not do */
};

static int is_stale(const struct indexing *in, const struct json *segment)
{
	const struct json *covers = json_get(segment, "covers");

	for (size_t i = 0; i < json_count(covers); i++)
		if (!table_file_at(&in->snapshot, json_get_str(json_at(covers, i), "path", "")))
			return 1;
	return !indexer_reads(&in->indexer, segment);
}

static struct group next_group(const struct build *b, size_t begin)
{
	const struct json *segments = json_get(b->in.manifest, "segments");
	struct group g = {begin, begin, 0, 0};

	for (; g.end < json_count(segments); g.end++) {
		const struct json *segment = json_at(segments, g.end);
		int64_t rows = json_get_int(segment, "rows", 0);

		if (g.end > g.begin && g.rows + rows > b->rows_max)
			break;
		g.rows += rows;
		g.stale |= is_stale(&b->in, segment);
	}
	return g;
}

static int rebuild_group(struct build *b, const struct group *g, int final, struct err *err)
{
	const struct json *segments = json_get(b->in.manifest, "segments");
	const struct table_file **files = calloc(b->in.snapshot.n_files + 1, sizeof(*files)), *file;
	size_t n = 0;
	int r;

	if (!files)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (size_t i = g->begin; i < g->end; i++) {
		const struct json *covers = json_get(json_at(segments, i), "covers");

		for (size_t k = 0; k < json_count(covers) && n < b->in.snapshot.n_files; k++) {
			file = table_file_at(&b->in.snapshot, json_get_str(json_at(covers, k), "path", ""));
			if (file)
				files[n++] = file;
		}
	}
	r = n ? build_over(b, files, n, final, err) : send_part(b, NULL, final, err);
	free(files);
	return r;
}

/* What the plugin needs for a merge, `n` of each. */
struct sources {
	struct segment **segments;
	orasi_store **stores;
	uint64_t *bases;
	const orasi_rowset **drops;
	uint32_t n;
};

static void sources_close(struct sources *s)
{
	for (uint32_t i = 0; s->segments && i < s->n; i++)
		segment_close(s->segments[i]);
	free(s->segments);
	free(s->stores);
	free(s->bases);
	free(s->drops);
}

static int sources_open(struct build *b, const struct group *g, struct sources *s, struct err *err)
{
	const struct json *segments = json_get(b->in.manifest, "segments");
	size_t n = g->end - g->begin;
	int r = 0;

	*s = (struct sources){calloc(n, sizeof(*s->segments)), calloc(n, sizeof(*s->stores)),
	                      calloc(n, sizeof(*s->bases)), calloc(n, sizeof(*s->drops)), 0};
	if (!s->segments || !s->stores || !s->bases || !s->drops)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (size_t i = g->begin; i < g->end && !r; i++) {
		const struct json *entry = json_at(segments, i), *covers = json_get(entry, "covers");

		r = indexing_segment(&b->in, entry, &s->segments[s->n], err);
		if (r)
			break;
		s->stores[s->n] = segment_store(s->segments[s->n]);
		s->bases[s->n++] = (uint64_t)b->fresh.rows;
		for (size_t k = 0; k < json_count(covers); k++)
			cover(&b->fresh, json_get_str(json_at(covers, k), "path", ""),
			      json_get_int(json_at(covers, k), "rows", 0));
	}
	return r;
}

static int merge_group(struct build *b, const struct group *g, int final, struct err *err)
{
	orasi_segment_info info = {.struct_size = sizeof(info)};
	orasi_index_merge merge = {.struct_size = sizeof(merge)};
	orasi_error error = ORASI_NO_ERROR;
	struct sources s = {0};
	orasi_status status;
	int r = fresh_folder(b, err);

	if (!r)
		r = sources_open(b, g, &s, err);
	if (!r) {
		merge.n = s.n;
		merge.src = s.stores;
		merge.base = s.bases;
		merge.drop = s.drops;
		merge.dst = segment_store(b->fresh.segment);
		status = loader_call(b->in.loader, b->in.indexer.plugin, "merge",
		                     b->in.indexer.plugin->index->merge(b->in.indexer.self, &merge, &info, &error));
		r = status ? loader_fail(b->in.indexer.plugin, "merge", status, &error, err)
		           : fresh_hand_over(b, &info, final, err);
	}
	sources_close(&s);
	fresh_done(b);
	return r;
}

static int optimize_group(struct build *b, const struct group *g, int final, struct err *err)
{
	const struct json *segments = json_get(b->in.manifest, "segments");
	int r = cancelled(b, err);

	if (r)
		return r;
	for (size_t i = g->begin; i < g->end; i++)
		json_push(b->replaces, json_new_str(json_get_str(json_at(segments, i), "dir", "")));
	return g->stale || !b->in.indexer.plugin->index->merge ? rebuild_group(b, g, final, err)
	                                                       : merge_group(b, g, final, err);
}

/* Groups that a merge makes better, in order; `ret` has room for one per segment. */
static size_t list_groups(struct build *b, struct group *ret)
{
	size_t n = json_count(json_get(b->in.manifest, "segments")), groups = 0;
	struct group g = {0};

	while (g.end < n) {
		g = next_group(b, g.end);
		if (g.end - g.begin < 2 && !g.stale)
			continue;
		ret[groups++] = g;
		b->total += g.rows;
	}
	return groups;
}

int pipeline_index_optimize(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                            struct json **ret, struct err *err)
{
	struct group *groups = NULL;
	struct build b;
	size_t n = 0;
	int r = build_open(&b, loader, order, events, err);

	if (!r && !(groups = calloc(json_count(json_get(b.in.manifest, "segments")) + 1, sizeof(*groups))))
		r = err_set(err, ERR_NOMEM, "out of memory");
	if (!r)
		n = list_groups(&b, groups);
	for (size_t i = 0; i < n && !r; i++)
		r = optimize_group(&b, &groups[i], i + 1 == n, err);
	free(groups);
	build_close(&b, r, ret);
	return r;
}
