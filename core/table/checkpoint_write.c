/* SPDX-License-Identifier: Apache-2.0 */
/* A state into rows of a checkpoint, one row an action, a batch at a time. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "table/checkpoint.h"

#define ROWS_PER_BATCH 4096

struct writing {
	const struct table_log *log;
	struct arrow_builder *rows;
	int stage; /* what comes next */
	size_t at; /* in the map of that stage */
	int64_t keep_after, n_rows, n_files;
	int failed;
};

static struct arrow_builder *column(struct arrow_builder *b, int i)
{
	return arrow_builder_child(b, i);
}

static int put_text(struct arrow_builder *b, int i, const char *text)
{
	return text ? arrow_append_bytes(column(b, i), text, strlen(text)) : arrow_append_null(column(b, i));
}

static int put_int(struct arrow_builder *b, int i, int64_t n, int known)
{
	return known ? arrow_append_int(column(b, i), n) : arrow_append_null(column(b, i));
}

static int put_map(struct arrow_builder *b, int i, const struct json *object)
{
	struct arrow_builder *map = column(b, i), *entries = arrow_builder_child(map, 0);
	const struct json *value;
	const char *key;
	size_t at = 0;
	int bad = 0;

	while (json_each(object, &at, &key, &value) && !bad)
		bad = put_text(entries, 0, key) || put_text(entries, 1, json_str(value, NULL)) ||
		      arrow_end_struct(entries);
	return bad || arrow_end_list(map);
}

/* A list that is not there is null. */
static int put_list(struct arrow_builder *b, int i, const struct json *array)
{
	struct arrow_builder *list = column(b, i);
	int bad = 0;

	if (json_type(array) != JSON_ARRAY)
		return arrow_append_null(list);
	for (size_t k = 0; k < json_count(array) && !bad; k++)
		bad = put_text(list, 0, json_str(json_at(array, k), ""));
	return bad || arrow_end_list(list);
}

/* Ends a row in which one action has its values: the others are null. */
static int end_row(struct writing *w, int action, int bad)
{
	bad = bad || arrow_end_struct(column(w->rows, action));
	for (int k = 0; k < ACTIONS && !bad; k++)
		if (k != action)
			bad = arrow_append_null(column(w->rows, k));
	w->n_rows++;
	return bad || arrow_end_struct(w->rows);
}

static int put_protocol(struct writing *w)
{
	struct arrow_builder *b = column(w->rows, PROTOCOL);
	const struct json *p = w->log->protocol;

	return end_row(w, PROTOCOL,
	               put_int(b, PROTOCOL_READER, json_get_int(p, "minReaderVersion", 1), 1) ||
	                       put_int(b, PROTOCOL_WRITER, json_get_int(p, "minWriterVersion", 2), 1) ||
	                       put_list(b, PROTOCOL_READER_FEATURES, json_get(p, "readerFeatures")) ||
	                       put_list(b, PROTOCOL_WRITER_FEATURES, json_get(p, "writerFeatures")));
}

static int put_metadata(struct writing *w)
{
	struct arrow_builder *b = column(w->rows, METADATA), *format = column(b, META_FORMAT);
	const struct json *m = w->log->metadata;
	int64_t created = json_get_int(m, "createdTime", -1);
	int bad = put_text(format, 0, json_str(json_pointer(m, "/format/provider"), "parquet")) ||
	          put_map(format, 1, json_pointer(m, "/format/options")) || arrow_end_struct(format);

	return end_row(w, METADATA,
	               bad || put_text(b, META_ID, json_get_str(m, "id", "")) ||
	                       put_text(b, META_NAME, json_get_str(m, "name", NULL)) ||
	                       put_text(b, META_DESCRIPTION, json_get_str(m, "description", NULL)) ||
	                       put_text(b, META_SCHEMA, json_get_str(m, "schemaString", "")) ||
	                       put_list(b, META_COLUMNS, json_get(m, "partitionColumns")) ||
	                       put_int(b, META_CREATED, created, created >= 0) ||
	                       put_map(b, META_CONFIGURATION, json_get(m, "configuration")));
}

static int put_txn(struct writing *w, const char *app_id, const struct table_txn *txn)
{
	struct arrow_builder *b = column(w->rows, TXN);

	return end_row(w, TXN,
	               put_text(b, TXN_APP, app_id) || put_int(b, TXN_VERSION, txn->version, 1) ||
	                       put_int(b, TXN_UPDATED, txn->updated, txn->updated >= 0));
}

/* Statistics that only a foreign checkpoint had, in columns of their own, shrink to the count. */
static int put_stats(struct arrow_builder *b, const struct table_file *file)
{
	char count[48];

	snprintf(count, sizeof(count), "{\"numRecords\":%" PRId64 "}", file->rows);
	return put_text(b, ADD_STATS, file->stats || file->rows < 0 ? file->stats : count);
}

static int put_file(struct writing *w, const struct table_file *file)
{
	struct arrow_builder *b = column(w->rows, ADD);

	w->n_files++;
	return end_row(
		w, ADD,
		put_text(b, ADD_PATH, file->raw) || put_map(b, ADD_PARTITION, file->partition) ||
			put_int(b, ADD_SIZE, file->size > 0 ? file->size : 0, 1) ||
			put_int(b, ADD_MODIFIED, file->modified, 1) || arrow_append_bool(column(b, ADD_CHANGE), 0) ||
			put_stats(b, file) ||
			(file->tags ? put_map(b, ADD_TAGS, file->tags) : arrow_append_null(column(b, ADD_TAGS))));
}

static int put_tombstone(struct writing *w, const struct table_tombstone *t)
{
	struct arrow_builder *b = column(w->rows, REMOVE);

	if (t->removed_at < w->keep_after)
		return 0;
	return end_row(w, REMOVE,
	               put_text(b, REMOVE_PATH, t->raw) || put_int(b, REMOVE_AT, t->removed_at, 1) ||
	                       arrow_append_bool(column(b, REMOVE_CHANGE), 0) ||
	                       arrow_append_bool(column(b, REMOVE_EXTENDED), t->size >= 0) ||
	                       put_map(b, REMOVE_PARTITION, t->partition) ||
	                       put_int(b, REMOVE_SIZE, t->size, t->size >= 0));
}

/* The next action into the rows. 0: there is none any more. */
static int put_next(struct writing *w)
{
	enum { WALKS = 2, TXNS = WALKS, FILES, TOMBSTONES, END };
	const struct map *walked[] = {&w->log->txns, &w->log->files, &w->log->removed};
	const char *key;
	void *value;

	if (w->stage < WALKS) {
		w->failed = w->stage++ ? put_metadata(w) : put_protocol(w);
		return 1;
	}
	for (; w->stage < END; w->stage++, w->at = 0)
		if (map_next(walked[w->stage - WALKS], &w->at, &key, &value)) {
			w->failed = w->stage == TXNS    ? put_txn(w, key, value)
			            : w->stage == FILES ? put_file(w, value)
			                                : put_tombstone(w, value);
			return 1;
		}
	return 0;
}

static int next_rows(void *from, struct ArrowArray *ret, struct err *err)
{
	struct writing *w = from;

	while (!w->failed && arrow_builder_length(w->rows) < ROWS_PER_BATCH && put_next(w))
		;
	if (w->failed)
		return err_set(err, ERR_NOMEM, "out of memory for the checkpoint");
	if (!arrow_builder_length(w->rows))
		return 0;
	return arrow_builder_finish(w->rows, ret) ? err_set(err, ERR_NOMEM, "out of memory for the checkpoint") : 1;
}

int checkpoint_rows(const struct table_codec *codec, const struct table_log *log, struct buf *ret,
                    struct checkpoint_counts *ret_counts, struct err *err)
{
	struct writing w = {.log = log, .keep_after = clock_wall_ms() - table_log_retention(log)};
	struct ArrowSchema schema;
	int r;

	if (checkpoint_schema(1, &schema))
		return err_set(err, ERR_NOMEM, "out of memory");
	w.rows = arrow_builder_new(&schema);
	r = w.rows ? codec->write(codec->ctx, &schema, next_rows, &w, ret, err)
	           : err_set(err, ERR_NOMEM, "out of memory");
	arrow_builder_free(w.rows);
	arrow_schema_release(&schema);
	*ret_counts = (struct checkpoint_counts){w.n_rows, w.n_files};
	return r;
}
