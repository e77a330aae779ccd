/* SPDX-License-Identifier: Apache-2.0 */
/* Many small files into few large ones.
 *
 * Files of one partition are packed, in order of their names, into groups whose sizes add up to the target; a group
 * of one is left alone, unless rows are to be sorted. Each group is one part: its new files go in and its old ones out
 * in the same commit, with dataChange false. A crash costs the group at hand: what is committed is not small any more,
 * so the next attempt passes it by. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "plugin/codec.h"
#include "plugin/reader.h"
#include "rows.h"
#include "spread.h"
#include "table/table.h"

#define TARGET_BYTES (128 << 20)
#define SORTED_BYTES (512 << 20) /* of rows in memory, in which an order is made */
#define BATCH_ROWS 8192
#define SORT_COLUMNS_MAX 16

struct optimize {
	struct loader *loader;
	const struct json *order, *spec;
	const struct pipeline_events *events;
	struct blob *blob;
	struct table_snapshot snapshot;
	struct ArrowSchema schema; /* of the files: without partition columns */
	struct json *partition_by; /* none: the rows are of one partition anyway */
	int64_t target, seq, files_in, files_out, rows, done, total;
	int sort[SORT_COLUMNS_MAX], n_sort;
};

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "out of memory");
}

/* ---- sorting -------------------------------------------------------------------------------------------------- */

struct heap_row {
	uint32_t batch, row;
};

/* Batches in memory and the order of their rows. */
struct sorter {
	const struct optimize *o;
	struct ArrowArray *batches;
	struct arrow_view *views; /* of all columns of all batches */
	uint32_t n, cap;
	struct heap_row *rows;
	size_t n_rows;
};

static int sorter_add(struct sorter *s, const struct ArrowArray *batch, struct err *err)
{
	const struct ArrowSchema *schema = &s->o->schema;
	struct arrow_builder *b = arrow_builder_new(schema);
	struct arrow_view view;
	int bad = !b || arrow_view_init(&view, schema, batch);

	if (!bad && s->n == s->cap) {
		uint32_t cap = s->cap ? s->cap * 2 : 16;
		struct ArrowArray *grown = realloc(s->batches, cap * sizeof(*grown));

		bad = !grown;
		s->batches = grown ? grown : s->batches;
		s->cap = grown ? cap : s->cap;
	}
	for (int64_t i = 0; i < batch->length && !bad; i++)
		bad = rows_append(b, &view, i);
	bad = bad || arrow_builder_finish(b, &s->batches[s->n]);
	arrow_builder_free(b);
	if (bad)
		return no_memory(err);
	s->n_rows += (size_t)s->batches[s->n++].length;
	return 0;
}

static int by_columns(const void *a, const void *b, void *ctx)
{
	const struct heap_row *x = a, *y = b;
	const struct sorter *s = ctx;
	int64_t n = s->o->schema.n_children;

	for (int i = 0; i < s->o->n_sort; i++) {
		int column = s->o->sort[i];
		int order = rows_compare(&s->views[x->batch * n + column], x->row, &s->views[y->batch * n + column],
		                         y->row);

		if (order)
			return order;
	}
	return x->batch != y->batch ? (x->batch < y->batch ? -1 : 1) : (x->row > y->row) - (x->row < y->row);
}

static int make_order(struct sorter *s, struct err *err)
{
	int64_t columns = s->o->schema.n_children;
	size_t at = 0;

	s->views = calloc((size_t)columns * s->n + 1, sizeof(*s->views));
	s->rows = calloc(s->n_rows + 1, sizeof(*s->rows));
	if (!s->views || !s->rows)
		return no_memory(err);
	for (uint32_t i = 0; i < s->n; i++) {
		struct arrow_view root;

		if (arrow_view_init(&root, &s->o->schema, &s->batches[i]))
			return err_set(err, ERR_INTERNAL, "a batch is no struct");
		for (int64_t k = 0; k < columns; k++)
			if (arrow_view_child(&root, k, &s->views[i * columns + k]))
				return err_set(err, ERR_INTERNAL, "a batch lacks a column");
		for (int64_t k = 0; k < s->batches[i].length; k++)
			s->rows[at++] = (struct heap_row){i, (uint32_t)k};
	}
	qsort_r(s->rows, s->n_rows, sizeof(*s->rows), by_columns, s);
	return 0;
}

static int write_sorted_batch(struct sorter *s, struct spread *out, size_t from, size_t to, struct err *err)
{
	const struct ArrowSchema *schema = &s->o->schema;
	struct arrow_builder *b = arrow_builder_new(schema);
	struct ArrowArray batch;
	int bad = !b, r;

	for (size_t i = from; i < to && !bad; i++) {
		const struct arrow_view *views = &s->views[s->rows[i].batch * schema->n_children];

		for (int64_t k = 0; k < schema->n_children && !bad; k++)
			bad = rows_append(arrow_builder_child(b, k), &views[k], s->rows[i].row);
		bad = bad || arrow_end_struct(b);
	}
	bad = bad || arrow_builder_finish(b, &batch);
	arrow_builder_free(b);
	if (bad)
		return no_memory(err);
	r = spread_write(out, schema, &batch, err);
	arrow_array_release(&batch);
	return r;
}

static int write_sorted(struct sorter *s, struct spread *out, struct err *err)
{
	int r = make_order(s, err);

	for (size_t at = 0; at < s->n_rows && !r; at += BATCH_ROWS)
		r = write_sorted_batch(s, out, at, at + BATCH_ROWS < s->n_rows ? at + BATCH_ROWS : s->n_rows, err);
	return r;
}

static void sorter_done(struct sorter *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		arrow_array_release(&s->batches[i]);
	free(s->batches);
	free(s->views);
	free(s->rows);
}

/* ---- a group ------------------------------------------------------------------------------------------------------ */

static int tell(struct optimize *o, int64_t rows, struct err *err)
{
	o->rows += rows;
	o->events->on_progress(o->events->ctx, o->done, o->total, o->rows, 0);
	return o->events->is_cancelled(o->events->ctx) ? err_set(err, ERR_CANCELLED, "the task was cancelled") : 0;
}

static int read_file(struct optimize *o, const struct table_file *file, struct sorter *sorter, struct spread *out,
                     struct err *err)
{
	struct reader_want want = {.schema = &o->schema};
	const struct ArrowArray *batch;
	struct reader *reader;
	int64_t first, rows = 0;
	int more = 0, r = reader_open(o->loader, o->blob, file->path, &want, &reader, err);

	if (r)
		return r;
	while (!r && (more = reader_next(reader, &batch, &first, err)) > 0) {
		r = o->n_sort ? sorter_add(sorter, batch, err) : spread_write(out, &o->schema, batch, err);
		rows += batch->length;
		if (!r)
			r = tell(o, batch->length, err);
	}
	reader_close(reader);
	o->done += file->size;
	if (!r && more < 0)
		r = more;
	if (!r && file->rows >= 0 && rows != file->rows)
		r = err_set(err, ERR_CORRUPT, "data file '%s' has %" PRId64 " rows, the table's log says %" PRId64,
		            file->path, rows, file->rows);
	return r;
}

static void set_partition(struct json *files, const struct table_file *old)
{
	for (size_t i = 0; i < json_count(files); i++)
		json_set((struct json *)json_at(files, i), "partition",
		         old->partition ? json_copy(old->partition) : json_new_object());
}

static struct json *make_parameters(const struct optimize *o)
{
	struct json *parameters = json_new_object();

	json_set_str(parameters, "predicate", "[]");
	if (o->n_sort)
		json_set_str(parameters, "sortBy", json_text(json_get(o->spec, "sort_by")));
	return parameters;
}

static int send_part(struct optimize *o, struct json *files, const struct table_file *const *old, size_t n,
                     struct err *err)
{
	struct json *part = json_new_object(), *removes = json_new_array(), *counts = json_new_object();
	int r;

	o->files_in += (int64_t)n;
	o->files_out += (int64_t)json_count(files);
	for (size_t i = 0; i < n; i++)
		json_push(removes, json_new_str(old[i]->path));
	json_set_int(counts, "rows", o->rows);
	json_set_int(part, "seq", ++o->seq);
	json_set_bool(part, "final", 0);
	json_set_str(part, "app_id", json_get_str(o->order, "app_id", ""));
	json_set_str(part, "operation", "OPTIMIZE");
	json_set(part, "parameters", make_parameters(o));
	json_set_bool(part, "rearranges", 1);
	json_set(part, "files", files);
	json_set(part, "removes", removes);
	json_set(part, "counts", counts);
	r = o->events->on_part(o->events->ctx, part, err);
	json_free(part);
	return r;
}

/* Files of sorted rows say so. */
static struct json *make_options(const struct optimize *o)
{
	struct json *options = spread_options(o->spec);

	if (o->n_sort)
		json_set(options, "sorted_by", json_copy(json_get(o->spec, "sort_by")));
	return options;
}

static int rewrite(struct optimize *o, const struct table_file *const *old, size_t n, struct err *err)
{
	struct sorter sorter = {.o = o};
	struct json *files = json_new_array(), *options = make_options(o);
	struct spread *out = NULL;
	int r = spread_new(o->loader, json_get_str(o->order, "staging", ""), options, NULL, 0, &out, err);

	for (size_t i = 0; i < n && !r; i++)
		r = read_file(o, old[i], &sorter, out, err);
	if (!r && o->n_sort)
		r = write_sorted(&sorter, out, err);
	if (!r)
		r = spread_finish(out, files, err);
	sorter_done(&sorter);
	spread_free(out);
	json_free(options);
	set_partition(files, old[0]);
	if (!r)
		return send_part(o, files, old, n, err);
	json_free(files);
	return r;
}

/* ---- groups --------------------------------------------------------------------------------------------------------- */

static const char *partition_of(const struct table_file *file)
{
	return file->partition ? json_text(file->partition) : "";
}

static int by_partition(const void *a, const void *b)
{
	const struct table_file *x = *(const struct table_file *const *)a, *y = *(const struct table_file *const *)b;
	int order = strcmp(partition_of(x), partition_of(y));

	return order ? order : strcmp(x->path, y->path);
}

/* What is to be put into a group: files clearly smaller than wanted; all of them when rows are to be sorted. */
static const struct table_file **candidates(struct optimize *o, size_t *ret_n)
{
	const struct table_file **list = calloc(o->snapshot.n_files + 1, sizeof(*list));

	*ret_n = 0;
	for (size_t i = 0; list && i < o->snapshot.n_files; i++) {
		const struct table_file *file = &o->snapshot.files[i];

		if (o->n_sort ? file->size >= 0 : file->size >= 0 && file->size < o->target / 4 * 3) {
			list[(*ret_n)++] = file;
			o->total += file->size;
		}
	}
	if (list)
		qsort(list, *ret_n, sizeof(*list), by_partition);
	return list;
}

/* How many from here on belong together. */
static size_t group_size(const struct optimize *o, const struct table_file *const *list, size_t n)
{
	int64_t limit = o->n_sort && o->target > SORTED_BYTES / 8 ? SORTED_BYTES / 8 : o->target, bytes = list[0]->size;
	size_t i = 1;

	while (i < n && bytes + list[i]->size <= limit && !strcmp(partition_of(list[0]), partition_of(list[i])))
		bytes += list[i++]->size;
	return i;
}

static int run_groups(struct optimize *o, struct err *err)
{
	size_t n, size;
	const struct table_file **list = candidates(o, &n);
	int r = list ? 0 : no_memory(err);

	for (size_t at = 0; at < n && !r; at += size) {
		size = group_size(o, list + at, n - at);
		if (size > 1 || o->n_sort)
			r = rewrite(o, list + at, size, err);
	}
	free(list);
	return r;
}

/* ---- the whole -------------------------------------------------------------------------------------------------------- */

static int choose_schema(struct optimize *o, struct err *err)
{
	const struct ArrowSchema *schema = &o->snapshot.schema;

	if (arrow_schema_make(&o->schema, "+s", "", 0, 0))
		return no_memory(err);
	for (int64_t i = 0; i < schema->n_children; i++) {
		const char *name = schema->children[i]->name;
		struct ArrowSchema copy;

		if (arrow_schema_find(&o->snapshot.partitions, name, strlen(name)) >= 0)
			continue;
		if (arrow_schema_copy(&copy, schema->children[i]) || arrow_schema_append(&o->schema, &copy))
			return no_memory(err);
	}
	return 0;
}

static int choose_order(struct optimize *o, struct err *err)
{
	const struct json *names = json_get(o->spec, "sort_by");

	if (json_count(names) > SORT_COLUMNS_MAX)
		return err_set(err, ERR_LIMIT, "rows can be sorted by at most %d columns", SORT_COLUMNS_MAX);
	for (size_t i = 0; i < json_count(names); i++) {
		const char *name = json_str(json_at(names, i), "");
		int64_t at = arrow_schema_find(&o->schema, name, strlen(name));

		if (at < 0 || o->schema.children[at]->n_children) {
			err_set(err, ERR_INVALID,
			        "rows cannot be sorted by '%.100s': it is no plain column in the files", name);
			err_where(err, "/sort_by/%zu", i);
			return err->code;
		}
		o->sort[o->n_sort++] = (int)at;
	}
	return 0;
}

static int open_table(struct optimize *o, struct err *err)
{
	struct table_codec codec = CODEC(o->loader);
	int r = blob_open(json_str(json_pointer(o->order, "/dataset/location"), ""), &o->blob, err);

	if (!r)
		r = table_snapshot(o->blob, &codec, &o->snapshot, err);
	if (!r && o->snapshot.version < 0)
		r = table_missing(json_get(o->order, "dataset"), err);
	if (!r)
		r = choose_schema(o, err);
	return r ? r : choose_order(o, err);
}

int pipeline_optimize(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                      struct json **ret, struct err *err)
{
	struct optimize o = {.loader = loader, .order = order, .spec = json_get(order, "spec"), .events = events};
	int r;

	o.target = json_get_int(o.spec, "target_file_bytes", TARGET_BYTES);
	o.seq = json_get_int(json_get(order, "checkpoint"), "seq", 0);
	r = open_table(&o, err);
	if (!r)
		r = run_groups(&o, err);
	if (!r) {
		*ret = json_new_object();
		json_set_int(*ret, "files_in", o.files_in);
		json_set_int(*ret, "files_out", o.files_out);
		json_set_int(*ret, "rows", o.rows);
		json_set_int(*ret, "parts", o.seq);
	}
	arrow_schema_release(&o.schema);
	table_snapshot_done(&o.snapshot);
	blob_close(o.blob);
	return r;
}
