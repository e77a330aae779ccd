/* SPDX-License-Identifier: Apache-2.0 */
/* Without partition columns batches go straight into one file. With them, rows are taken apart: each partition gathers
 * its own, and writes them when they make a batch. Many partitions at a time cost memory, so beyond some the files at
 * hand are ended and new ones begun. */
#include "spread.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "output.h"
#include "rows.h"
#include "table/table.h"

#define OPEN_MAX 64
#define GATHERED_ROWS 4096

struct part {
	struct json *values; /* NULL without partition columns */
	struct output *output;
	struct arrow_builder *rows;
};

struct spread {
	struct loader *loader;
	char *staging;
	struct json *options, *columns, *done; /* done: files ended early */
	struct ArrowSchema schema;             /* of the files; released: not known yet */
	struct map parts;                      /* the values as text → struct part */
};

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "out of memory");
}

struct json *spread_options(const struct json *wishes)
{
	static const char *const names[] = {"compression", "profile", "bloom_columns"};
	struct json *options = json_new_object();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_get(wishes, names[i]))
			json_set(options, names[i], json_copy(json_get(wishes, names[i])));
	return options;
}

int spread_new(struct loader *loader, const char *staging, const struct json *options, const struct json *columns,
               struct spread **ret, struct err *err)
{
	struct spread *s = calloc(1, sizeof(*s));

	if (!s)
		return no_memory(err);
	map_init(&s->parts);
	s->loader = loader;
	s->staging = strdup(staging);
	s->options = options ? json_copy(options) : json_new_object();
	s->columns = json_count(columns) ? json_copy(columns) : NULL;
	s->done = json_new_array();
	if (!s->staging) {
		spread_free(s);
		return no_memory(err);
	}
	*ret = s;
	return 0;
}

static void part_free(struct part *part)
{
	output_free(part->output);
	arrow_builder_free(part->rows);
	json_free(part->values);
	free(part);
}

static void drop_parts(struct spread *s)
{
	const char *key;
	void *part;
	size_t at = 0;

	while (map_next(&s->parts, &at, &key, &part))
		part_free(part);
	map_done(&s->parts);
	map_init(&s->parts);
}

void spread_free(struct spread *s)
{
	if (!s)
		return;
	drop_parts(s);
	map_done(&s->parts);
	arrow_schema_release(&s->schema);
	json_free(s->columns);
	json_free(s->done);
	json_free(s->options);
	free(s->staging);
	free(s);
}

static int is_partition(const struct spread *s, const char *name)
{
	for (size_t i = 0; i < json_count(s->columns); i++)
		if (!strcmp(json_str(json_at(s->columns, i), ""), name))
			return 1;
	return 0;
}

static int take_schema(struct spread *s, const struct ArrowSchema *schema, struct err *err)
{
	arrow_schema_release(&s->schema);
	if (arrow_schema_make(&s->schema, "+s", "", 0, 0))
		return no_memory(err);
	for (int64_t i = 0; i < schema->n_children; i++) {
		struct ArrowSchema copy;

		if (is_partition(s, schema->children[i]->name))
			continue;
		if (arrow_schema_copy(&copy, schema->children[i]))
			return no_memory(err);
		if (arrow_schema_append(&s->schema, &copy)) {
			arrow_schema_release(&copy);
			return no_memory(err);
		}
	}
	return 0;
}

/* ---- one file ---------------------------------------------------------------------------------------------- */

static int open_part(struct spread *s, const char *key, struct json *values, struct part **ret, struct err *err)
{
	struct part *part = calloc(1, sizeof(*part));
	int r;

	if (!part) {
		json_free(values);
		return no_memory(err);
	}
	part->values = values;
	r = output_new(s->loader, s->staging, s->options, &part->output, err);
	if (!r)
		r = output_begin(part->output, &s->schema, err);
	if (!r && s->columns && !(part->rows = arrow_builder_new(&s->schema)))
		r = no_memory(err);
	if (!r && map_set(&s->parts, key, part))
		r = no_memory(err);
	if (r) {
		part_free(part);
		return r;
	}
	*ret = part;
	return 0;
}

static int flush(struct part *part, struct err *err)
{
	struct ArrowArray batch;
	int r;

	if (!part->rows || !arrow_builder_length(part->rows))
		return 0;
	if (arrow_builder_finish(part->rows, &batch))
		return no_memory(err);
	r = output_write(part->output, &batch, err);
	arrow_array_release(&batch);
	return r;
}

static int end_part(struct part *part, struct json *files, struct err *err)
{
	int r = flush(part, err);

	if (!r)
		r = output_finish(part->output, files, err);
	if (!r && part->values)
		json_set((struct json *)json_at(files, json_count(files) - 1), "partition", json_copy(part->values));
	return r;
}

static int end_all(struct spread *s, struct err *err)
{
	const char *key;
	void *part;
	size_t at = 0;
	int r = 0;

	while (!r && map_next(&s->parts, &at, &key, &part))
		r = end_part(part, s->done, err);
	drop_parts(s);
	return r;
}

/* ---- partitions ---------------------------------------------------------------------------------------------- */

static struct json *values_of(const struct spread *s, const struct arrow_view *columns, int64_t i)
{
	struct json *values = json_new_object();
	struct buf text;

	buf_init(&text, 0);
	for (size_t k = 0; k < json_count(s->columns); k++) {
		buf_clear(&text);
		if (table_partition_text(&columns[k], i, &text))
			json_set(values, json_str(json_at(s->columns, k), ""), json_new_strn(text.data, text.len));
		else
			json_set(values, json_str(json_at(s->columns, k), ""), json_new_null());
	}
	buf_done(&text);
	return values;
}

static int part_of(struct spread *s, const struct arrow_view *columns, int64_t i, struct part **ret, struct err *err)
{
	struct json *values = values_of(s, columns, i);
	char *key = strdup(json_text(values));
	int r = key ? 0 : no_memory(err);

	*ret = r ? NULL : map_get(&s->parts, key);
	if (!r && !*ret && s->parts.len >= OPEN_MAX)
		r = end_all(s, err);
	if (r || *ret)
		json_free(values);
	else
		r = open_part(s, key, values, ret, err);
	free(key);
	return r;
}

static int same_as_before(const struct spread *s, const struct arrow_view *columns, int64_t i)
{
	for (size_t k = 0; k < json_count(s->columns); k++)
		if (rows_compare(&columns[k], i, &columns[k], i - 1))
			return 0;
	return 1;
}

static int take_row(struct part *part, const struct arrow_view *values, int64_t n, int64_t i, struct err *err)
{
	for (int64_t k = 0; k < n; k++)
		if (rows_append(arrow_builder_child(part->rows, k), &values[k], i))
			return no_memory(err);
	if (arrow_end_struct(part->rows))
		return no_memory(err);
	return arrow_builder_length(part->rows) < GATHERED_ROWS ? 0 : flush(part, err);
}

static int take_apart(struct spread *s, const struct arrow_view *columns, const struct arrow_view *values, int64_t rows,
                      struct err *err)
{
	struct part *part = NULL;
	int r = 0;

	for (int64_t i = 0; i < rows && !r; i++) {
		if (!i || !same_as_before(s, columns, i))
			r = part_of(s, columns, i, &part, err);
		if (!r)
			r = take_row(part, values, s->schema.n_children, i, err);
	}
	return r;
}

static int split(struct spread *s, const struct ArrowSchema *schema, const struct ArrowArray *batch, struct err *err)
{
	size_t n = json_count(s->columns);
	struct arrow_view root, *columns = calloc(n + (size_t)s->schema.n_children + 1, sizeof(*columns));
	struct arrow_view *values = columns + n;
	int r = columns ? 0 : no_memory(err);

	if (!r && arrow_view_init(&root, schema, batch))
		r = err_set(err, ERR_INTERNAL, "a batch is no struct");
	for (size_t i = 0; i < n && !r; i++) {
		const char *name = json_str(json_at(s->columns, i), "");
		int64_t at = arrow_schema_find(schema, name, strlen(name));

		if (at < 0 || arrow_view_child(&root, at, &columns[i]))
			r = err_set(err, ERR_INVALID,
			            "the data has no column '%s', which the dataset is partitioned by", name);
	}
	for (int64_t i = 0, k = 0; i < schema->n_children && !r; i++)
		if (!is_partition(s, schema->children[i]->name) && arrow_view_child(&root, i, &values[k++]))
			r = err_set(err, ERR_INTERNAL, "a batch lacks a column");
	if (!r)
		r = take_apart(s, columns, values, batch->length, err);
	free(columns);
	return r;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

int spread_write(struct spread *s, const struct ArrowSchema *schema, const struct ArrowArray *batch, struct err *err)
{
	struct part *part;
	int r = s->parts.len ? 0 : take_schema(s, schema, err);

	if (r)
		return r;
	if (s->columns)
		return split(s, schema, batch, err);
	part = map_get(&s->parts, "");
	if (!part)
		r = open_part(s, "", NULL, &part, err);
	return r ? r : output_write(part->output, batch, err);
}

uint64_t spread_size(struct spread *s)
{
	const char *key;
	uint64_t size = 0;
	size_t at = 0;
	void *part;

	while (map_next(&s->parts, &at, &key, &part))
		size += output_size(((struct part *)part)->output);
	return size;
}

int spread_finish(struct spread *s, struct json *files, struct err *err)
{
	int r = end_all(s, err);

	for (size_t i = 0; i < json_count(s->done) && !r; i++)
		json_push(files, json_copy(json_at(s->done, i)));
	json_free(s->done);
	s->done = json_new_array();
	return r;
}
