/* SPDX-License-Identifier: Apache-2.0 */
/* What the indexes of a table say of its rows.
 *
 * A question goes to every segment; the row ids that come back are places among the rows of the files that the segment
 * covers, and become rows of files. Files of the snapshot that no segment answers for are left to a scan; rows of
 * files that are gone are dropped. An index or a segment that cannot be read costs speed, not the query. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sql/inside.h"

/* A segment that is open. */
struct part {
	const struct json *covers;
	struct segment *segment;
	void *reader;
};

struct index {
	const char *name;
	const struct json *manifest;
	struct indexer indexer;
	orasi_index_caps caps;
	enum { UNTRIED, READY, BROKEN } state;
	struct part *parts;
	size_t n_parts;
	int parts_open;
};

struct indexes {
	struct session *session;
	char *dataset;
	struct blob *blob;
	const struct table_snapshot *snapshot;
	struct json *manifests;
	struct index *all;
	size_t n;
};

struct hit {
	uint64_t row;
	float score;
};

struct hits {
	struct hit *all;
	size_t n, cap;
	uint64_t most; /* rows that there are: no answer has more, or others */
};

/* ---- opening ---------------------------------------------------------------------------------------------- */

int indexes_open(struct session *session, const char *dataset, struct blob *blob, const struct table_snapshot *snapshot,
                 struct indexes **ret, struct err *err)
{
	struct indexes *x = calloc(1, sizeof(*x));
	size_t at = 0;

	if (x) {
		*x = (struct indexes){session, strdup(dataset), blob, snapshot, index_manifest_all(blob, NULL), NULL,
		                      0};
		x->n = json_count(x->manifests);
		x->all = calloc(x->n + 1, sizeof(*x->all));
	}
	if (!x || !x->dataset || !x->all) {
		indexes_close(x);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; json_each(x->manifests, &at, &x->all[i].name, &x->all[i].manifest);)
		i++;
	*ret = x;
	return 0;
}

static void close_parts(struct index *index)
{
	for (size_t i = 0; i < index->n_parts; i++) {
		indexer_close_reader(&index->indexer, index->parts[i].reader);
		segment_close(index->parts[i].segment);
	}
	free(index->parts);
}

void indexes_close(struct indexes *x)
{
	if (!x)
		return;
	for (size_t i = 0; x->all && i < x->n; i++) {
		close_parts(&x->all[i]);
		if (x->all[i].state != UNTRIED)
			indexer_close(&x->all[i].indexer);
	}
	json_free(x->manifests);
	free(x->all);
	free(x->dataset);
	free(x);
}

size_t indexes_count(const struct indexes *x)
{
	return x->n;
}

static int is_ready(struct indexes *x, struct index *index)
{
	struct err ignored;

	if (index->state != UNTRIED)
		return index->state == READY;
	index->state = BROKEN;
	index->caps.struct_size = sizeof(index->caps);
	if (indexer_open(&index->indexer, x->session->loader, index->manifest, &x->snapshot->schema, NULL, 1,
	                 &ignored) ||
	    loader_call(x->session->loader, index->indexer.plugin, "caps",
	                index->indexer.plugin->index->caps(index->indexer.plugin->descriptor->id, &index->caps)))
		return 0;
	index->state = READY;
	return 1;
}

static int is_over(const struct index *index, const char *column)
{
	const struct json *columns = json_get(index->manifest, "columns");

	for (size_t i = 0; i < json_count(columns); i++)
		if (!strcmp(json_str(json_at(columns, i), ""), column))
			return 1;
	return 0;
}

int indexes_answer(struct indexes *x, size_t i, const char *column, uint32_t op)
{
	struct index *index = &x->all[i];

	return op && is_over(index, column) && is_ready(x, index) && (index->caps.ops >> op & 1);
}

void indexes_label(const struct indexes *x, size_t i, char *ret, size_t cap)
{
	snprintf(ret, cap, "%.64s (%.64s)", x->all[i].name, json_get_str(x->all[i].manifest, "plugin", ""));
}

/* ---- segments --------------------------------------------------------------------------------------------- */

static int open_part(struct indexes *x, struct index *index, const struct json *entry, struct part *part)
{
	orasi_segment_info info = {.struct_size = sizeof(info)};
	char name[PATH_MAX], path[PATH_MAX];
	struct err ignored;

	if (!indexer_reads(&index->indexer, entry))
		return -1;
	index_segment_path(index->name, json_get_str(entry, "dir", "_"), NULL, name, sizeof(name));
	*part = (struct part){.covers = json_get(entry, "covers")};
	if (!blob_path(x->blob, name, path, sizeof(path), &ignored) &&
	    !segment_open(path, json_get(entry, "blobs"), &part->segment, &ignored) &&
	    !indexer_open_reader(&index->indexer, part->segment, &part->reader, &info, &ignored) &&
	    (int64_t)info.rows == json_get_int(entry, "rows", -1))
		return 0;
	indexer_close_reader(&index->indexer, part->reader);
	segment_close(part->segment);
	return -1;
}

static int open_parts(struct indexes *x, struct index *index)
{
	const struct json *segments = json_get(index->manifest, "segments");

	if (index->parts_open)
		return 0;
	index->parts = calloc(json_count(segments) + 1, sizeof(*index->parts));
	if (!index->parts)
		return -1;
	for (size_t i = 0; i < json_count(segments); i++)
		index->n_parts += !open_part(x, index, json_at(segments, i), &index->parts[index->n_parts]);
	index->parts_open = 1;
	return 0;
}

/* ---- asking ------------------------------------------------------------------------------------------------- */

static int by_row(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	return x->row < y->row ? -1 : x->row > y->row;
}

/* Ascending, each row once. */
static void tidy(struct hits *hits)
{
	size_t kept = 0;

	if (hits->n)
		qsort(hits->all, hits->n, sizeof(*hits->all), by_row);
	for (size_t i = 0; i < hits->n; i++)
		if (!kept || hits->all[kept - 1].row != hits->all[i].row)
			hits->all[kept++] = hits->all[i];
	hits->n = kept;
}

#define HITS_AT_ONCE 1024

static int add_hits(struct hits *hits, const orasi_hits *more)
{
	if (hits->n + more->n > hits->cap) {
		size_t cap = (hits->n + more->n) * 2;
		struct hit *all = realloc(hits->all, cap * sizeof(*all));

		if (!all)
			return -1;
		hits->all = all;
		hits->cap = cap;
	}
	for (uint32_t i = 0; i < more->n; i++)
		hits->all[hits->n++] = (struct hit){more->row_ids[i], more->scores ? more->scores[i] : 0};
	return 0;
}

/* One question is answered by each row at most once. */
static int are_possible(const struct hits *hits, const orasi_hits *more, size_t begin)
{
	if (!more->n || more->n > HITS_AT_ONCE || hits->n - begin + more->n > hits->most)
		return 0;
	for (uint32_t i = 0; i < more->n; i++)
		if (more->row_ids[i] >= hits->most)
			return 0;
	return 1;
}

static int read_cursor(struct index *index, void *cursor, int scored, struct hits *ret, struct err *err)
{
	const struct loader_plugin *plugin = index->indexer.plugin;
	uint64_t rows[HITS_AT_ONCE];
	float scores[HITS_AT_ONCE];
	orasi_error error = ORASI_NO_ERROR;
	size_t begin = ret->n;
	orasi_status status;

	do {
		orasi_hits hits = {.struct_size = sizeof(hits),
		                   .cap = HITS_AT_ONCE,
		                   .row_ids = rows,
		                   .scores = scored ? scores : NULL};

		status = loader_call(index->indexer.loader, plugin, "next", plugin->index->next(cursor, &hits, &error));
		if (!status && !are_possible(ret, &hits, begin))
			return err_set(err, ERR_PLUGIN,
			               "plugin '%s' gave rows of index '%s' in 'next' that its segment does not have",
			               plugin->descriptor->id, index->name);
		if (!status && add_hits(ret, &hits))
			return err_set(err, ERR_NOMEM, "out of memory for the rows of index '%s'", index->name);
	} while (!status);
	return status == ORASI_END ? 0 : loader_fail(plugin, "next", status, &error, err);
}

static int ask_once(struct index *index, void *reader, const orasi_term *const *terms, uint32_t n, struct hits *ret,
                    struct err *err)
{
	const struct loader_plugin *plugin = index->indexer.plugin;
	int scored = (index->caps.flags & ORASI_INDEX_SCORED) != 0;
	orasi_query query = {.struct_size = sizeof(query),
	                     .flags = scored ? ORASI_QUERY_SCORE : 0,
	                     .terms = terms,
	                     .n_terms = n};
	orasi_error error = ORASI_NO_ERROR;
	void *cursor = NULL;
	int r;
	orasi_status status = loader_call(index->indexer.loader, plugin, "query",
	                                  plugin->index->query(reader, &query, &cursor, &error));

	if (status)
		return loader_fail(plugin, "query", status, &error, err);
	r = read_cursor(index, cursor, scored, ret, err);
	loader_call_void(index->indexer.loader, plugin, "cursor_close", plugin->index->cursor_close(cursor));
	return r;
}

/* Without alternatives one question, else one for each. */
static int ask_reader(struct index *index, void *reader, const struct question *q, struct hits *ret, struct err *err)
{
	const orasi_term **terms;
	int r = 0;

	if (!q->n_any) {
		r = ask_once(index, reader, q->terms, q->n_terms, ret, err);
		tidy(ret);
		return r;
	}
	terms = calloc(q->n_terms + 1u, sizeof(*terms));
	if (!terms)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (uint32_t i = 0; i < q->n_terms; i++)
		terms[i] = q->terms[i];
	for (uint32_t i = 0; i < q->n_any && !r; i++) {
		terms[q->n_terms] = &q->any[i];
		r = ask_once(index, reader, terms, q->n_terms + 1, ret, err);
	}
	free(terms);
	tidy(ret);
	return r;
}

/* ---- rows of files -------------------------------------------------------------------------------------------- */

static int pick(struct picked *picked, const struct hit *hits, size_t n, uint64_t base, struct err *err)
{
	picked->rows = calloc(n + 1, sizeof(*picked->rows));
	picked->scores = calloc(n + 1, sizeof(*picked->scores));
	if (!picked->rows || !picked->scores)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		picked->rows[i] = hits[i].row - base;
		picked->scores[i] = hits[i].score;
	}
	picked->n = n;
	picked->covered = 1;
	return 0;
}

/* Files of a segment follow each other, as the hits do. */
static int spread(const struct indexes *x, const struct part *part, const struct hits *hits, struct picked *ret,
                  struct err *err)
{
	size_t at = 0;
	int r = 0;

	for (size_t i = 0; i < json_count(part->covers) && !r; i++) {
		const struct json *cover = json_at(part->covers, i);
		const struct table_file *file = table_file_at(x->snapshot, json_get_str(cover, "path", ""));
		uint64_t base = (uint64_t)json_get_int(cover, "base", 0);
		uint64_t end = base + (uint64_t)json_get_int(cover, "rows", 0);
		size_t begin;

		while (at < hits->n && hits->all[at].row < base)
			at++;
		for (begin = at; at < hits->n && hits->all[at].row < end;)
			at++;
		if (file && !ret[file - x->snapshot->files].covered)
			r = pick(&ret[file - x->snapshot->files], hits->all + begin, at - begin, base, err);
	}
	return r;
}

static uint64_t rows_of(const struct part *part)
{
	uint64_t rows = 0;

	for (size_t i = 0; i < json_count(part->covers); i++) {
		const struct json *cover = json_at(part->covers, i);
		uint64_t end = (uint64_t)json_get_int(cover, "base", 0) + (uint64_t)json_get_int(cover, "rows", 0);

		rows = end > rows ? end : rows;
	}
	return rows;
}

/* A segment that fails is left to the scan, unless the index is the only way to answer. */
static int ask_part(struct indexes *x, struct index *index, const struct part *part, const struct question *q,
                    struct picked *ret, struct err *err)
{
	struct hits hits = {.most = rows_of(part)};
	struct err own = {0};
	int r = ask_reader(index, part->reader, q, &hits, &own);

	if (r)
		log_warn("index.failed", LOG_STR("index", index->name), LOG_STR("error", own.text),
		         LOG_STR("effect", q->whole ? "the query fails" : "its rows are looked at one by one"));
	if (!r)
		r = spread(x, part, &hits, ret, err);
	else if (!q->whole)
		r = 0;
	else if (err)
		*err = own;
	free(hits.all);
	return r;
}

static int ask_fresh(struct indexes *x, struct index *index, size_t file, const struct question *q, struct picked *ret,
                     struct err *err)
{
	int64_t rows = x->snapshot->files[file].rows;
	struct hits hits = {.most = rows >= 0 ? (uint64_t)rows : INT64_MAX};
	struct fresh *fresh = NULL;
	int r = fresh_open(&index->indexer, x->blob, x->snapshot, &x->snapshot->files[file], &fresh, err);

	if (!r)
		r = ask_reader(index, fresh_reader(fresh), q, &hits, err);
	if (!r)
		r = pick(&ret[file], hits.all, hits.n, 0, err);
	fresh_close(fresh);
	free(hits.all);
	return r;
}

static void note_used(struct indexes *x, const struct index *index)
{
	char name[160];

	snprintf(name, sizeof(name), "%.64s.%.64s", x->dataset, index->name);
	for (size_t i = 0; i < json_count(x->session->used); i++)
		if (!strcmp(json_str(json_at(x->session->used, i), ""), name))
			return;
	json_push(x->session->used, json_new_str(name));
}

int indexes_ask(struct indexes *x, size_t i, const struct question *q, struct picked **ret, struct err *err)
{
	struct index *index = &x->all[i];
	struct picked *picked = calloc(x->snapshot->n_files + 1, sizeof(*picked));
	int r = picked && !open_parts(x, index) ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	for (size_t k = 0; k < index->n_parts && !r; k++)
		r = ask_part(x, index, &index->parts[k], q, picked, err);
	for (size_t k = 0; k < x->snapshot->n_files && !r && q->whole; k++)
		if (!picked[k].covered)
			r = ask_fresh(x, index, k, q, picked, err);
	if (r) {
		picked_free(picked, x->snapshot->n_files);
		return r;
	}
	note_used(x, index);
	*ret = picked;
	return 0;
}

void picked_free(struct picked *picked, size_t n_files)
{
	for (size_t i = 0; picked && i < n_files; i++) {
		free(picked[i].rows);
		free(picked[i].scores);
	}
	free(picked);
}
