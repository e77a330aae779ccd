/* SPDX-License-Identifier: Apache-2.0 */
/* Without partition columns batches go straight into one file. With them, rows are taken apart: each partition gathers
 * its own in memory, and writes them into its file when they make a batch or all that is gathered is too much.
 *
 * A file ends when it is as large as wanted, whatever the others are. Open files cost memory, each at most a row group:
 * the more there are, the smaller are the row groups of the next. Of too many the largest is ended, since it gains the
 * least from more rows. docs/decisions/0036 has the numbers. */
#include "spread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "output.h"
#include "rows.h"
#include "table/table.h"

#define OPEN_MAX 64     /* files */
#define FILES_EACH 4    /* of a partition, before all that were written are worth a commit */
#define PARTS_MAX 16384 /* that gather rows */
#define BATCH_ROWS 4096 /* of a partition, which are written together */
#define LOOK_ROWS 128
#define NOTES_BYTES (6u << 20)      /* of what is said of files in a part: then it is time for a commit, */
#define NOTES_MAX (10u << 20)       /* and more of it cannot be noted */
#define GATHERED_MAX (64u << 20)    /* bytes of rows that all partitions gather */
#define GROUPS_BYTES (96u << 20)    /* shared by the row groups of open files, */
#define GROUP_BYTES_MIN (3u << 20)  /* of which each gets at least this */
#define GROUP_BYTES_MAX (32u << 20) /* and at most this, as the plugin does by itself */

struct part {
	struct json *values;   /* NULL without partition columns */
	struct output *output; /* NULL: no file is open */
	struct arrow_builder *rows;
};

struct spread {
	struct loader *loader;
	char *staging;
	struct json *options, *columns, *done;   /* done: files that have ended */
	uint64_t target, done_bytes, note_bytes; /* of `done`: the files, what is said of them */
	struct ArrowSchema schema;               /* of the files; released: not known yet */
	struct map parts;                        /* the values as text → struct part */
	struct map seen;                         /* the values of parts there were, OPEN_MAX of them at most */
	size_t n_open;                           /* files */
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
               uint64_t target, struct spread **ret, struct err *err)
{
	struct spread *s = calloc(1, sizeof(*s));

	if (!s)
		return no_memory(err);
	map_init(&s->parts);
	map_init(&s->seen);
	s->target = target;
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
	s->n_open = 0;
}

void spread_free(struct spread *s)
{
	if (!s)
		return;
	drop_parts(s);
	map_done(&s->parts);
	map_done(&s->seen);
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

static int add_part(struct spread *s, const char *key, struct json *values, struct part **ret, struct err *err)
{
	struct part *part = calloc(1, sizeof(*part));

	if (!part) {
		json_free(values);
		return no_memory(err);
	}
	part->values = values;
	if ((s->columns && !(part->rows = arrow_builder_new(&s->schema))) ||
	    (s->seen.len < OPEN_MAX && map_set(&s->seen, key, s)) || map_set(&s->parts, key, part)) {
		part_free(part);
		return no_memory(err);
	}
	*ret = part;
	return 0;
}

static void set_group_bytes(const struct spread *s, struct json *options)
{
	unsigned share = GROUPS_BYTES / (unsigned)(s->n_open + 1);
	char text[16];

	if (!s->columns)
		return;
	share = share < GROUP_BYTES_MIN ? GROUP_BYTES_MIN : share > GROUP_BYTES_MAX ? GROUP_BYTES_MAX : share;
	snprintf(text, sizeof(text), "%u", share);
	json_set_str(options, "row_group_bytes", text);
}

static int end_file(struct spread *s, struct part *part, struct err *err);
static int flush(struct spread *s, struct part *part, struct err *err);

static int end_largest(struct spread *s, struct err *err)
{
	struct part *largest = NULL;
	uint64_t most = 0;
	const char *key;
	size_t at = 0;
	void *part;
	int r;

	while (map_next(&s->parts, &at, &key, &part)) {
		struct output *output = ((struct part *)part)->output;
		uint64_t size = output ? output_size(output) : 0;

		if (output && (!largest || size > most)) {
			largest = part;
			most = size;
		}
	}
	r = flush(s, largest, err);
	return r || !largest->output ? r : end_file(s, largest, err);
}

static int open_file(struct spread *s, struct part *part, struct err *err)
{
	struct json *options;
	int r = s->n_open >= OPEN_MAX ? end_largest(s, err) : 0;

	if (r)
		return r;
	options = json_copy(s->options);
	set_group_bytes(s, options);
	r = output_new(s->loader, s->staging, options, &part->output, err);
	json_free(options);
	s->n_open += !r;
	return r ? r : output_begin(part->output, &s->schema, err);
}

static int write_rows(struct spread *s, struct part *part, const struct ArrowArray *batch, struct err *err)
{
	int r = part->output ? 0 : open_file(s, part, err);

	if (!r)
		r = output_write(part->output, batch, err);
	return !r && s->target && output_size(part->output) >= s->target ? end_file(s, part, err) : r;
}

/* What it has gathered goes into its file. */
static int flush(struct spread *s, struct part *part, struct err *err)
{
	struct ArrowArray batch;
	int r;

	if (!part->rows || !arrow_builder_length(part->rows))
		return 0;
	if (arrow_builder_finish(part->rows, &batch))
		return no_memory(err);
	r = write_rows(s, part, &batch, err);
	arrow_array_release(&batch);
	return r;
}

static int too_many(const struct spread *s, struct err *err)
{
	return err_set(
		err, ERR_LIMIT,
		"the data goes into %zu files at a time, more than a commit can name: the partition columns %.200s "
		"have too many values; partition the dataset by columns with fewer",
		json_count(s->done), json_text(s->columns));
}

/* The part goes on, with another file when there are more rows. */
static int end_file(struct spread *s, struct part *part, struct err *err)
{
	size_t n = json_count(s->done);
	uint64_t size = output_size(part->output);
	struct json *file;
	int r = output_finish(part->output, s->done, err);

	output_free(part->output);
	part->output = NULL;
	s->n_open--;
	if (r)
		return r;
	s->done_bytes += size;
	file = (struct json *)json_at(s->done, n);
	if (part->values)
		json_set(file, "partition", json_copy(part->values));
	s->note_bytes += strlen(json_text(file));
	return s->note_bytes <= NOTES_MAX ? 0 : too_many(s, err);
}

static int end_all(struct spread *s, struct err *err)
{
	const char *key;
	void *part;
	size_t at = 0;
	int r = 0;

	while (!r && map_next(&s->parts, &at, &key, &part)) {
		r = flush(s, part, err);
		if (!r && ((struct part *)part)->output)
			r = end_file(s, part, err);
	}
	drop_parts(s);
	return r;
}

/* ---- partitions ---------------------------------------------------------------------------------------------- */

static struct json *values_of(const struct spread *s, const struct arrow_view *columns, int64_t i, struct err *err)
{
	struct json *values = json_new_object();
	struct buf text;
	int r = 0;

	buf_init(&text, 0);
	for (size_t k = 0; k < json_count(s->columns) && r >= 0; k++) {
		const char *name = json_str(json_at(s->columns, k), "");

		buf_clear(&text);
		r = table_partition_text(&columns[k], i, &text);
		if (r < 0)
			err_set(err, ERR_INVALID,
			        "the partition column '%.100s' has a value with a NUL character, or bytes that are no "
			        "ASCII text, "
			        "which the log of a Delta table cannot hold: partition by another column",
			        name);
		else
			json_set(values, name, r ? json_new_strn(text.data, text.len) : json_new_null());
	}
	buf_done(&text);
	if (r >= 0)
		return values;
	json_free(values);
	return NULL;
}

static int part_of(struct spread *s, const struct arrow_view *columns, int64_t i, struct part **ret, struct err *err)
{
	struct json *values = values_of(s, columns, i, err);
	char *key = values ? strdup(json_text(values)) : NULL;
	int r = !values ? err->code : key ? 0 : no_memory(err);

	*ret = r ? NULL : map_get(&s->parts, key);
	if (!r && !*ret && s->parts.len >= PARTS_MAX)
		r = end_all(s, err);
	if (r || *ret)
		json_free(values);
	else
		r = add_part(s, key, values, ret, err);
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

/* Files of small size want small batches. Looked at now and then: it goes through all columns. */
static int is_batch(const struct spread *s, const struct part *part)
{
	int64_t n = arrow_builder_length(part->rows);

	return n >= BATCH_ROWS || (s->target && n % LOOK_ROWS == 0 && arrow_builder_bytes(part->rows) >= s->target / 4);
}

static int take_row(struct spread *s, struct part *part, const struct arrow_view *values, int64_t n, int64_t i,
                    struct err *err)
{
	for (int64_t k = 0; k < n; k++)
		if (rows_append(arrow_builder_child(part->rows, k), &values[k], i))
			return no_memory(err);
	if (arrow_end_struct(part->rows))
		return no_memory(err);
	return is_batch(s, part) ? flush(s, part, err) : 0;
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
			r = take_row(s, part, values, s->schema.n_children, i, err);
	}
	return r;
}

static int by_bytes(const void *a, const void *b)
{
	size_t x = arrow_builder_bytes((*(struct part *const *)a)->rows);
	size_t y = arrow_builder_bytes((*(struct part *const *)b)->rows);

	return (x < y) - (x > y);
}

/* Too many rows in memory: those who have most write theirs, until half of it is left. */
static int bound_gathered(struct spread *s, struct err *err)
{
	struct part **parts;
	const char *key;
	size_t at = 0, n = 0, bytes = 0;
	void *part;
	int r = 0;

	while (map_next(&s->parts, &at, &key, &part))
		bytes += arrow_builder_bytes(((struct part *)part)->rows);
	if (bytes <= GATHERED_MAX)
		return 0;
	parts = calloc(s->parts.len, sizeof(*parts));
	if (!parts)
		return no_memory(err);
	for (at = 0; map_next(&s->parts, &at, &key, &part);)
		parts[n++] = part;
	qsort(parts, n, sizeof(*parts), by_bytes);
	for (size_t i = 0; i < n && !r && bytes > GATHERED_MAX / 2; i++) {
		bytes -= arrow_builder_bytes(parts[i]->rows);
		r = flush(s, parts[i], err);
	}
	free(parts);
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
	return r ? r : bound_gathered(s, err);
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
		r = add_part(s, "", NULL, &part, err);
	return r ? r : write_rows(s, part, batch, err);
}

/* As much as is said of files, when all have ended. */
static uint64_t notes(const struct spread *s)
{
	size_t n = json_count(s->done);
	uint64_t each = n ? s->note_bytes / n : 512 + 128 * (uint64_t)s->schema.n_children;

	return s->note_bytes + s->parts.len * each;
}

int spread_is_due(struct spread *s)
{
	uint64_t size = s->done_bytes;
	const char *key;
	size_t at = 0, n;
	void *part;

	while (map_next(&s->parts, &at, &key, &part))
		if (((struct part *)part)->output)
			size += output_size(((struct part *)part)->output);
	n = s->columns ? s->seen.len * FILES_EACH : 1;
	if (s->columns && notes(s) >= NOTES_BYTES)
		return 1;
	return s->seen.len && size >= s->target * (n < OPEN_MAX ? n : OPEN_MAX);
}

int spread_finish(struct spread *s, struct json *files, struct err *err)
{
	int r = end_all(s, err);

	for (size_t i = 0; i < json_count(s->done) && !r; i++)
		json_push(files, json_copy(json_at(s->done, i)));
	json_free(s->done);
	s->done = json_new_array();
	s->done_bytes = s->note_bytes = 0;
	map_done(&s->seen);
	map_init(&s->seen);
	return r;
}
