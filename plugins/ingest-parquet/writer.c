/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder: batches are shredded into columns; a row group is written when it has enough rows or
 * bytes; the footer at the end. Memory is bounded by one row group of compressed pages and one page
 * per column.
 *
 *   PAR1 | row groups | FileMetaData | u32 length | PAR1 */
#include "column.h"
#include "plugin.h"

struct writer {
	const orasi_host *host;
	struct writer_config config;
	struct tree tree;
	struct ArrowSchema schema;
	struct column *columns;
	struct column_tools tools;
	struct shred shred;
	orasi_output *output;
	uint64_t at, rows, group_rows;
	struct bytes groups; /* row groups as thrift items, for the footer */
	uint32_t n_groups;
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
	tree_free(&w->tree);
	arrow_schema_release(&w->schema);
	w->groups.len = 0;
	w->n_groups = 0;
	w->at = w->rows = w->group_rows = 0;
	w->open = 0;
}

static orasi_status writer_create(const orasi_host *host, const char *id,
                                  const orasi_config *config, void **ret_self, orasi_error *err)
{
	struct writer *w = calloc(1, sizeof(*w));
	orasi_status r;

	(void)id;
	if (!w)
		return pq_fail(err, ORASI_E_NOMEM, "out of memory");
	w->host = host;
	r = writer_config_read(&w->config, config, err);
	if (r) {
		free(w);
		return r;
	}
	w->tools.codec = (struct codec){.id = w->config.codec, .level = w->config.level};
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
	bytes_free(&w->groups);
	bytes_free(&w->stats);
	free(w);
}

static orasi_status put(struct writer *w, const void *p, size_t n, orasi_error *err)
{
	orasi_status r = w->output->write(w->output, p, n, err);

	w->at += n;
	return r;
}

static orasi_status writer_open(void *self, orasi_output *output, const struct ArrowSchema *schema,
                                orasi_error *err)
{
	struct writer *w = self;
	orasi_status r;

	writer_reset(w);
	w->output = output;
	if (arrow_schema_copy(&w->schema, schema))
		return pq_fail(err, ORASI_E_NOMEM, "out of memory");
	r = tree_from_arrow(&w->tree, &w->schema, err);
	if (!r && !w->tree.n_leaves)
		r = pq_fail(err, ORASI_E_UNSUPPORTED, "a Parquet file needs at least one column");
	if (r)
		return r;
	w->columns = calloc((size_t)w->tree.n_leaves, sizeof(*w->columns));
	if (!w->columns)
		return pq_fail(err, ORASI_E_NOMEM, "out of memory");
	for (int i = 0; i < w->tree.n_leaves; i++)
		column_init(&w->columns[i], w->tree.leaves[i], &w->tools);
	w->open = 1;
	return put(w, magic, 4, err);
}

/* ---- row groups ----------------------------------------------------------------------------- */

static void put_path(struct thrift_writer *t, const struct node *leaf)
{
	const char *parts[2 * NODE_DEPTH_MAX + 2];
	uint32_t n = 0;

	for (const struct node *node = leaf; node->parent; node = node->parent) {
		const struct node *up = node->parent;

		if (up->kind == NODE_LIST) {
			parts[n++] = "element";
			parts[n++] = "list";
		} else if (up->kind == NODE_MAP) {
			parts[n++] = "key_value";
		} else if (up->parent && up->parent->kind == NODE_MAP) {
			parts[n++] = up->children[0] == node ? "key" : "value";
		} else {
			parts[n++] = node->name;
		}
	}
	thrift_put_list(t, 3, THRIFT_BINARY, n);
	while (n-- > 0)
		thrift_item_binary(t, parts[n], strlen(parts[n]));
}

static void put_encodings(struct thrift_writer *t, const struct chunk_meta *m)
{
	thrift_put_list(t, 2, THRIFT_I32, 2 + (uint32_t)m->dict);
	thrift_item_int(t, PQ_PLAIN);
	thrift_item_int(t, PQ_RLE);
	if (m->dict)
		thrift_item_int(t, PQ_RLE_DICTIONARY);
}

static void put_chunk(struct thrift_writer *t, const struct column *c, const struct chunk_meta *m)
{
	thrift_item_struct(t);
	thrift_put_int(t, 2, THRIFT_I64, 0);
	thrift_put_struct(t, 3);
	thrift_put_int(t, 1, THRIFT_I32, c->node->physical);
	put_encodings(t, m);
	put_path(t, c->node);
	thrift_put_int(t, 4, THRIFT_I32, m->codec);
	thrift_put_int(t, 5, THRIFT_I64, m->n_values);
	thrift_put_int(t, 6, THRIFT_I64, m->uncompressed);
	thrift_put_int(t, 7, THRIFT_I64, m->compressed);
	thrift_put_int(t, 9, THRIFT_I64, m->data_offset);
	if (m->dict)
		thrift_put_int(t, 11, THRIFT_I64, m->dict_offset);
	bounds_write(&m->bounds, c->node, t, 12);
	thrift_end(t);
	thrift_end(t);
}

static orasi_status flush_group(struct writer *w, orasi_error *err)
{
	struct thrift_writer t = {.out = w->groups};
	int64_t uncompressed = 0;
	orasi_status r = ORASI_OK;

	if (!w->group_rows)
		return ORASI_OK;
	thrift_item_struct(&t);
	thrift_put_list(&t, 1, THRIFT_STRUCT, (uint32_t)w->tree.n_leaves);
	for (int i = 0; i < w->tree.n_leaves && !r; i++) {
		struct chunk_meta meta;

		r = column_flush(&w->columns[i], w->output, &w->at, &meta, err);
		put_chunk(&t, &w->columns[i], &meta);
		uncompressed += meta.uncompressed;
	}
	thrift_put_int(&t, 2, THRIFT_I64, uncompressed);
	thrift_put_int(&t, 3, THRIFT_I64, (int64_t)w->group_rows);
	thrift_end(&t);
	w->groups = t.out;
	w->n_groups++;
	w->group_rows = 0;
	return !r && t.failed ? pq_fail(err, ORASI_E_NOMEM, "out of memory") : r;
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
	orasi_status r = ORASI_OK;

	for (int i = 0; i < w->tree.n_leaves && !r; i++) {
		if (shred_leaf(&w->shred, w->tree.leaves[i], &w->schema, batch))
			return pq_fail(
			        err, ORASI_E_INVALID,
			        "column '%.100s' of the batch is not what the schema says, or "
			        "memory is out",
			        w->tree.leaves[i]->name);
		r = column_add(&w->columns[i], &w->shred, err);
	}
	w->rows += (uint64_t)batch->length;
	w->group_rows += (uint64_t)batch->length;
	if (!r &&
	    (w->group_rows >= w->config.row_group_rows || held(w) >= w->config.row_group_bytes))
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
		return pq_fail(err, ORASI_E_INVALID, "write before open");
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
	const struct writer *w = self;

	return w->at + (w->open ? held(w) : 0);
}

/* ---- the footer ----------------------------------------------------------------------------- */

static void put_orders(struct thrift_writer *t, uint32_t n)
{
	thrift_put_list(t, 7, THRIFT_STRUCT, n);
	while (n-- > 0) {
		thrift_item_struct(t);
		thrift_put_struct(t, 1);
		thrift_end(t);
		thrift_end(t);
	}
}

static orasi_status put_footer(struct writer *w, orasi_error *err)
{
	static const char made_by[] = "orasi version " ORASI_VERSION " (build 0)";
	struct thrift_writer t = {0};
	orasi_status r = ORASI_OK;
	uint32_t len;

	thrift_put_int(&t, 1, THRIFT_I32, 1);
	tree_write_elements(&w->tree, &t);
	thrift_put_int(&t, 3, THRIFT_I64, (int64_t)w->rows);
	thrift_put_list(&t, 4, THRIFT_STRUCT, w->n_groups);
	t.failed |= bytes_put(&t.out, w->groups.data, w->groups.len);
	thrift_put_binary(&t, 6, made_by, sizeof(made_by) - 1);
	put_orders(&t, (uint32_t)w->tree.n_leaves);
	thrift_end(&t);
	len = (uint32_t)t.out.len;
	t.failed |= bytes_put(&t.out, &len, 4) || bytes_put(&t.out, magic, 4);
	r = t.failed ? pq_fail(err, ORASI_E_NOMEM, "out of memory")
	             : put(w, t.out.data, t.out.len, err);
	bytes_free(&t.out);
	return r;
}

static orasi_status writer_finish(void *self, orasi_encode_info *ret, orasi_error *err)
{
	struct writer *w = self;
	orasi_status r;

	if (!w->open)
		return pq_fail(err, ORASI_E_INVALID, "finish before open");
	r = flush_group(w, err);
	if (!r)
		r = put_footer(w, err);
	if (r)
		return r;
	w->stats.len = 0;
	if (bounds_json(&w->tree, w->columns, w->rows, &w->stats))
		return pq_fail(err, ORASI_E_NOMEM, "out of memory");
	ret->rows = w->rows;
	ret->bytes = w->at;
	ret->stats_json = (orasi_str){(const char *)w->stats.data, w->stats.len};
	writer_reset(w);
	return ORASI_OK;
}

static const void *no_extension(void *self, const char *id)
{
	(void)self;
	(void)id;
	return NULL;
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
        no_extension,
};
