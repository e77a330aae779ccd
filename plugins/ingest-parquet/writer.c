/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder: batches are shredded into columns; a row group is written when it has enough rows or
 * bytes; the footer at the end. Memory is bounded by one row group of compressed pages, one page
 * per column, and what the footer will say.
 *
 *   PAR1 | row groups, each with its bloom filters | column indexes | offset indexes | FileMetaData
 *        | u32 length | PAR1 */
#include <orasi/sdk/single.h>

#include "column.h"
#include "footer.h"
#include "plugin.h"
#include "sorting.h"

struct writer {
	const orasi_host *host;
	struct writer_config config;
	struct tree tree;
	struct ArrowSchema schema;
	struct column *columns;
	struct column_tools tools;
	struct shred shred;
	struct sorting sorting;
	orasi_output *output;
	uint64_t at, rows, group_rows;
	struct footer footer;
	struct bytes stats;
	int open;
};

static const char magic[] = "PAR1";

static void writer_reset(struct writer *w)
{
	for (int i = 0; w->columns && i < w->tree.n_leaves; i++)
		column_done(&w->columns[i]);
	free(w->columns);
	w->columns = NULL;
	sorting_done(&w->sorting);
	tree_free(&w->tree);
	arrow_schema_release(&w->schema);
	footer_clear(&w->footer);
	w->at = w->rows = w->group_rows = 0;
	w->open = 0;
}

static orasi_status writer_create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                                  orasi_error *err)
{
	struct writer *w;
	orasi_status r;

	if (strcmp(id, PARQUET_ID))
		return orasi_fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	w = calloc(1, sizeof(*w));
	if (!w)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	w->host = host;
	r = writer_config_read(&w->config, config, err);
	if (r) {
		writer_config_free(&w->config);
		free(w);
		return r;
	}
	w->tools.codec = (struct codec){.id = w->config.codec, .level = w->config.level};
	w->tools.codec_id = w->config.codec;
	w->tools.auto_codec = w->config.auto_codec;
	w->tools.compact = w->config.compact;
	w->tools.false_positives = w->config.false_positives;
	*ret_self = w;
	return ORASI_OK;
}

static void writer_destroy(void *self)
{
	struct writer *w = self;

	if (!w)
		return;
	writer_reset(w);
	shred_done(&w->shred);
	column_tools_done(&w->tools);
	footer_done(&w->footer);
	writer_config_free(&w->config);
	bytes_free(&w->stats);
	free(w);
}

static orasi_status put(struct writer *w, const void *p, size_t n, orasi_error *err)
{
	orasi_status r = w->output->write(w->output, p, n, err);

	w->at += n;
	return r;
}

/* The column with this path, as in "a.b"; -1: there is none. */
static int find_column(const struct writer *w, const char *path)
{
	for (int i = 0; i < w->tree.n_leaves; i++) {
		char name[1024];

		if (!tree_path(w->tree.leaves[i], name, sizeof(name)) && !strcmp(name, path))
			return i;
	}
	return -1;
}

static orasi_status choose_blooms(struct writer *w, orasi_error *err)
{
	for (uint32_t i = 0; i < w->config.n_bloom; i++) {
		int column = find_column(w, w->config.bloom[i]);

		if (column < 0 || w->tree.leaves[column]->physical == PQ_BOOLEAN)
			return orasi_fail(err, ORASI_E_CONFIG,
			                  "bloom_columns names '%.100s', which is not a column that can "
			                  "have a bloom filter",
			                  w->config.bloom[i]);
		w->columns[column].has_bloom = 1;
	}
	return ORASI_OK;
}

static orasi_status writer_open(void *self, const orasi_encode_open *open, orasi_error *err)
{
	struct writer *w = self;
	orasi_status r;

	writer_reset(w);
	w->output = open->output;
	if (arrow_schema_copy(&w->schema, open->schema))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	r = tree_from_arrow(&w->tree, &w->schema, err);
	if (!r && !w->tree.n_leaves)
		r = orasi_fail(err, ORASI_E_UNSUPPORTED, "a Parquet file needs at least one column");
	if (r)
		return r;
	w->columns = calloc((size_t)w->tree.n_leaves, sizeof(*w->columns));
	if (!w->columns)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (int i = 0; i < w->tree.n_leaves; i++)
		column_init(&w->columns[i], w->tree.leaves[i], &w->tools);
	r = choose_blooms(w, err);
	if (!r)
		r = sorting_open(&w->sorting, &w->tree, w->config.sorted, w->config.n_sorted, err);
	if (r)
		return r;
	w->open = 1;
	return put(w, magic, 4, err);
}

/* ---- row groups ----------------------------------------------------------------------------- */

static orasi_status flush_column(struct writer *w, int i, struct chunk_meta *metas, orasi_error *err)
{
	orasi_status r = column_flush(&w->columns[i], w->output, &w->at, &metas[i], err);

	if (!r && w->config.page_index)
		r = footer_add_pages(&w->footer, &w->columns[i], &metas[i], err);
	else if (!r)
		r = footer_add_no_pages(&w->footer, err);
	return r;
}

/* The pages of all columns first, so that they lie together, then the bloom filters. */
static orasi_status flush_columns(struct writer *w, struct chunk_meta *metas, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	for (int i = 0; i < w->tree.n_leaves && !r; i++)
		r = flush_column(w, i, metas, err);
	for (int i = 0; i < w->tree.n_leaves && !r; i++)
		r = column_flush_bloom(&w->columns[i], w->output, &w->at, &metas[i], err);
	for (int i = 0; i < w->tree.n_leaves && !r; i++)
		r = footer_add_chunk(&w->footer, i, &w->columns[i], &metas[i], err);
	return r;
}

static orasi_status flush_group(struct writer *w, orasi_error *err)
{
	struct footer_group group = {.offset = (int64_t)w->at,
	                             .rows = (int64_t)w->group_rows,
	                             .sorted = w->sorting.n && w->sorting.holds};
	struct chunk_meta *metas;
	orasi_status r;

	if (!w->group_rows)
		return ORASI_OK;
	metas = calloc((size_t)w->tree.n_leaves, sizeof(*metas));
	r = metas ? footer_start_group(&w->footer, w->tree.n_leaves, err)
	          : orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	if (!r)
		r = flush_columns(w, metas, err);
	for (int i = 0; i < w->tree.n_leaves && !r; i++) {
		group.uncompressed += metas[i].uncompressed;
		group.compressed += metas[i].compressed;
		column_start(&w->columns[i]);
	}
	free(metas);
	if (!r)
		footer_end_group(&w->footer, &group);
	sorting_start(&w->sorting);
	w->group_rows = 0;
	return r;
}

static uint64_t held(const struct writer *w)
{
	uint64_t n = 0;

	for (int i = 0; i < w->tree.n_leaves; i++)
		n += column_size(&w->columns[i]);
	return n;
}

static orasi_status write_rows(struct writer *w, const struct ArrowArray *batch, orasi_error *err)
{
	orasi_status r =
		w->sorting.n && w->sorting.holds ? sorting_check(&w->sorting, &w->schema, batch, err) : ORASI_OK;

	for (int i = 0; i < w->tree.n_leaves && !r; i++) {
		if (shred_leaf(&w->shred, w->tree.leaves[i], &w->schema, batch))
			return orasi_fail(err, ORASI_E_INVALID,
			                  "column '%.100s' of the batch is not what the schema says, or "
			                  "memory is out",
			                  w->tree.leaves[i]->name);
		r = column_add(&w->columns[i], &w->shred, err);
	}
	w->rows += (uint64_t)batch->length;
	w->group_rows += (uint64_t)batch->length;
	if (!r && (w->group_rows >= w->config.row_group_rows || held(w) >= w->config.row_group_bytes))
		r = flush_group(w, err);
	return r;
}

/* A big batch is taken in slices, so that row groups keep their size. */
static orasi_status writer_write(void *self, const struct ArrowArray *batch, orasi_error *err)
{
	struct writer *w = self;
	struct ArrowArray slice = *batch;
	orasi_status r = ORASI_OK;

	if (!w->open)
		return orasi_fail(err, ORASI_E_INVALID, "write before open");
	for (int64_t done = 0; done < batch->length && !r; done += slice.length) {
		uint64_t room = w->config.row_group_rows - w->group_rows;

		slice.offset = batch->offset + done;
		slice.length = batch->length - done;
		if ((uint64_t)slice.length > room)
			slice.length = (int64_t)room;
		r = write_rows(w, &slice, err);
	}
	return r;
}

static uint64_t writer_size(void *self)
{
	struct writer *w = self;
	uint64_t n = w->at;

	for (int i = 0; w->open && i < w->tree.n_leaves; i++)
		n += column_estimate(&w->columns[i]);
	return n;
}

/* ---- the footer ----------------------------------------------------------------------------- */

static orasi_status put_footer(struct writer *w, orasi_error *err)
{
	struct bytes out = {0};
	orasi_status r = footer_make(&w->footer, &w->tree, &w->sorting, w->at, w->rows, &out, err);
	uint32_t len = (uint32_t)(out.len - w->footer.tail);

	if (!r && (bytes_put(&out, &len, 4) || bytes_put(&out, magic, 4)))
		r = orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	if (!r)
		r = put(w, out.data, out.len, err);
	bytes_free(&out);
	return r;
}

static orasi_status writer_finish(void *self, orasi_encode_info *ret, orasi_error *err)
{
	struct writer *w = self;
	orasi_status r;

	if (!w->open)
		return orasi_fail(err, ORASI_E_INVALID, "finish before open");
	r = flush_group(w, err);
	if (!r)
		r = put_footer(w, err);
	if (r)
		return r;
	w->stats.len = 0;
	if (bounds_json(&w->tree, w->columns, w->rows, &w->stats))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	ret->rows = w->rows;
	ret->bytes = w->at;
	ret->stats_json = (orasi_str){(const char *)w->stats.data, w->stats.len};
	writer_reset(w);
	return ORASI_OK;
}

const orasi_encode_factory parquet_encode_factory = {
	sizeof(orasi_encode_factory),
	0,
	writer_create,
	writer_destroy,
	writer_open,
	writer_write,
	writer_size,
	writer_finish,
	orasi_no_extension,
};
