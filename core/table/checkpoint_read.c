/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a checkpoint into the state that they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "table/checkpoint.h"

/* Texts of a batch, until it is done with. One that no log could hold condemns the whole. */
struct texts {
	struct arena arena;
	int bad;
};

/* The text at row i, or NULL. */
static const char *text_in(struct texts *texts, const struct arrow_view *view, int64_t i)
{
	const char *p;
	size_t n;

	if (arrow_view_is_null(view, i))
		return NULL;
	p = arrow_view_bytes(view, i, &n);
	if (memchr(p, 0, n) || !utf8_valid(p, n)) {
		texts->bad = 1;
		return NULL;
	}
	return arena_strn(&texts->arena, p, n);
}

static const char *text_at(struct texts *texts, const struct arrow_view *parent, int column, int64_t i)
{
	struct arrow_view view;

	return arrow_view_child(parent, column, &view) ? NULL : text_in(texts, &view, i);
}

static int64_t int_at(const struct arrow_view *parent, int column, int64_t i, int64_t otherwise)
{
	struct arrow_view view;

	return arrow_view_child(parent, column, &view) || arrow_view_is_null(&view, i) ? otherwise
	                                                                               : arrow_view_int(&view, i);
}

static int is_null_at(const struct arrow_view *parent, int column, int64_t i)
{
	struct arrow_view view;

	return arrow_view_child(parent, column, &view) || arrow_view_is_null(&view, i);
}

/* A map as an object, a list as an array; NULL when it is null. */
static struct json *json_of(struct texts *texts, const struct arrow_view *parent, int column, int64_t i)
{
	struct arrow_view view, items;
	int64_t begin, end;
	struct json *ret;

	if (arrow_view_child(parent, column, &view) || arrow_view_is_null(&view, i) ||
	    arrow_view_child(&view, 0, &items))
		return NULL;
	arrow_view_list(&view, i, &begin, &end);
	ret = view.info.type == ARROW_MAP ? json_new_object() : json_new_array();
	for (int64_t k = begin; k < end; k++) {
		if (view.info.type == ARROW_MAP) {
			const char *key = text_at(texts, &items, 0, k);

			if (key)
				json_set(ret, key, json_new_str(text_at(texts, &items, 1, k)));
		} else {
			json_push(ret, json_new_str(text_in(texts, &items, k)));
		}
	}
	return ret;
}

static void set_text(struct json *to, const char *name, struct texts *texts, const struct arrow_view *row, int column,
                     int64_t i)
{
	const char *text = text_at(texts, row, column, i);

	if (text)
		json_set_str(to, name, text);
}

static void set_json(struct json *to, const char *name, struct texts *texts, const struct arrow_view *row, int column,
                     int64_t i)
{
	struct json *json = json_of(texts, row, column, i);

	if (json)
		json_set(to, name, json);
}

static int take_txn(struct table_log *log, struct texts *texts, const struct arrow_view *row, int64_t i,
                    struct err *err)
{
	struct table_txn txn = {int_at(row, TXN_VERSION, i, -1), int_at(row, TXN_UPDATED, i, -1)};

	return table_log_txn(log, text_at(texts, row, TXN_APP, i), &txn, err);
}

static int64_t parsed_rows(const struct arrow_view *row, int64_t i)
{
	struct arrow_view parsed;

	return arrow_view_child(row, ADD_PARSED, &parsed) || arrow_view_is_null(&parsed, i) ? -1
	                                                                                    : int_at(&parsed, 0, i, -1);
}

static int take_add(struct table_log *log, struct texts *texts, const struct arrow_view *row, int64_t i,
                    struct err *err)
{
	struct json *partition, *tags;
	struct table_file file = {
		.raw = text_at(texts, row, ADD_PATH, i),
		.stats = text_at(texts, row, ADD_STATS, i),
		.size = int_at(row, ADD_SIZE, i, -1),
		.modified = int_at(row, ADD_MODIFIED, i, 0),
		.rows = parsed_rows(row, i),
		.has_vector = !is_null_at(row, ADD_VECTOR, i),
	};
	int r;

	file.partition = partition = json_of(texts, row, ADD_PARTITION, i);
	file.tags = tags = json_of(texts, row, ADD_TAGS, i);
	r = table_log_add(log, &file, err);
	json_free(partition);
	json_free(tags);
	return r;
}

static int take_remove(struct table_log *log, struct texts *texts, const struct arrow_view *row, int64_t i,
                       struct err *err)
{
	struct json *partition = json_of(texts, row, REMOVE_PARTITION, i);
	struct table_tombstone tombstone = {
		.raw = text_at(texts, row, REMOVE_PATH, i),
		.size = int_at(row, REMOVE_SIZE, i, -1),
		.removed_at = int_at(row, REMOVE_AT, i, 0),
		.partition = partition,
	};
	int r = table_log_remove(log, &tombstone, err);

	json_free(partition);
	return r;
}

static struct json *format_of(struct texts *texts, const struct arrow_view *row, int64_t i)
{
	struct json *format = json_new_object();
	struct arrow_view view;

	if (!arrow_view_child(row, META_FORMAT, &view) && !arrow_view_is_null(&view, i)) {
		set_text(format, "provider", texts, &view, 0, i);
		set_json(format, "options", texts, &view, 1, i);
	}
	return format;
}

static int take_metadata(struct table_log *log, struct texts *texts, const struct arrow_view *row, int64_t i,
                         struct err *err)
{
	struct json *json = json_new_object();
	int64_t created = int_at(row, META_CREATED, i, -1);
	int r;

	set_text(json, "id", texts, row, META_ID, i);
	set_text(json, "name", texts, row, META_NAME, i);
	set_text(json, "description", texts, row, META_DESCRIPTION, i);
	json_set(json, "format", format_of(texts, row, i));
	set_text(json, "schemaString", texts, row, META_SCHEMA, i);
	set_json(json, "partitionColumns", texts, row, META_COLUMNS, i);
	set_json(json, "configuration", texts, row, META_CONFIGURATION, i);
	if (created >= 0)
		json_set_int(json, "createdTime", created);
	r = table_log_metadata(log, json, err);
	json_free(json);
	return r;
}

static int take_protocol(struct table_log *log, struct texts *texts, const struct arrow_view *row, int64_t i,
                         struct err *err)
{
	struct json *json = json_new_object();
	int r;

	json_set_int(json, "minReaderVersion", int_at(row, PROTOCOL_READER, i, 1));
	json_set_int(json, "minWriterVersion", int_at(row, PROTOCOL_WRITER, i, 1));
	set_json(json, "readerFeatures", texts, row, PROTOCOL_READER_FEATURES, i);
	set_json(json, "writerFeatures", texts, row, PROTOCOL_WRITER_FEATURES, i);
	r = table_log_protocol(log, json, err);
	json_free(json);
	return r;
}

/* Some writers say null by a struct of nulls: the column that must be there decides. */
static const struct {
	int (*take)(struct table_log *log, struct texts *texts, const struct arrow_view *row, int64_t i,
	            struct err *err);
	int key;
} takes[ACTIONS] = {
	[TXN] = {take_txn, TXN_APP},
	[ADD] = {take_add, ADD_PATH},
	[REMOVE] = {take_remove, REMOVE_PATH},
	[METADATA] = {take_metadata, META_SCHEMA},
	[PROTOCOL] = {take_protocol, PROTOCOL_READER},
};

int checkpoint_apply(struct table_log *log, const struct ArrowSchema *schema, const struct ArrowArray *rows,
                     struct err *err)
{
	struct arrow_view root, action;
	struct texts texts = {0};
	int r = 0;

	if (arrow_view_init(&root, schema, rows))
		return err_set(err, ERR_CORRUPT, "the checkpoint's rows are no struct");
	arena_init(&texts.arena);
	for (int k = 0; k < ACTIONS && !r; k++) {
		if (arrow_view_child(&root, k, &action))
			r = err_set(err, ERR_CORRUPT, "the checkpoint has no column %d", k);
		for (int64_t i = 0; i < rows->length && !r; i++)
			if (!arrow_view_is_null(&action, i) && !is_null_at(&action, takes[k].key, i))
				r = takes[k].take(log, &texts, &action, i, err);
	}
	if (texts.bad)
		r = err_set(err, ERR_CORRUPT, "the checkpoint holds a text that is no UTF-8");
	arena_done(&texts.arena);
	return r;
}

struct reading {
	struct table_log *log;
	struct ArrowSchema schema;
};

static int on_rows(void *to, const struct ArrowArray *rows, struct err *err)
{
	struct reading *reading = to;

	return checkpoint_apply(reading->log, &reading->schema, rows, err);
}

int checkpoint_read(struct blob *blob, const struct table_codec *codec, const char *name, struct table_log *log,
                    struct err *err)
{
	struct reading reading = {.log = log};
	int r;

	if (checkpoint_schema(0, &reading.schema))
		return err_set(err, ERR_NOMEM, "out of memory");
	r = codec->read(codec->ctx, blob, name, &reading.schema, on_rows, &reading, err);
	arrow_schema_release(&reading.schema);
	if (r)
		err_prefix(err, "table '%s', checkpoint '%s'", blob_location(blob), name);
	return r;
}
