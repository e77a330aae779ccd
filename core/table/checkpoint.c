/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: the whole state at one version as rows of a file, one row an action, so that nobody has to read the
 * entries before it. Source: PROTOCOL.md, "Checkpoints" (classic, version 1).
 *
 * Writing: the file by a temporary name, renamed into place, then _last_checkpoint. Whatever is missing after a crash
 * costs readers time and nothing else. Tombstones stay in it as long as their files may be (deletedFileRetentionDuration,
 * 7 days if not set). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "table/log.h"

#define ROWS_PER_BATCH 4096
#define HINT "_delta_log/_last_checkpoint"
#define HINT_MAX (1u << 20)
#define EVERY 10 /* commits, as everybody does */

/* ---- the columns ------------------------------------------------------------------------------------------ */

enum { TXN, ADD, REMOVE, METADATA, PROTOCOL, ACTIONS };
enum { TXN_APP, TXN_VERSION, TXN_UPDATED };
enum { ADD_PATH, ADD_PARTITION, ADD_SIZE, ADD_MODIFIED, ADD_CHANGE, ADD_STATS, ADD_TAGS, ADD_VECTOR, ADD_PARSED };
enum { REMOVE_PATH, REMOVE_AT, REMOVE_CHANGE, REMOVE_EXTENDED, REMOVE_PARTITION, REMOVE_SIZE };
enum { META_ID, META_NAME, META_DESCRIPTION, META_FORMAT, META_SCHEMA, META_COLUMNS, META_CREATED, META_CONFIGURATION };
enum { PROTOCOL_READER, PROTOCOL_WRITER, PROTOCOL_READER_FEATURES, PROTOCOL_WRITER_FEATURES };

/* Depth first. What we only look for in others' checkpoints comes last in its struct. */
static const struct field {
	const char *name, *format;
	int children, only_read;
} fields[] = {
	{"", "+s", ACTIONS, 0},
	{"txn", "+s", 3, 0},
	{"appId", "u", 0, 0},
	{"version", "l", 0, 0},
	{"lastUpdated", "l", 0, 0},
	{"add", "+s", 9, 0},
	{"path", "u", 0, 0},
	{"partitionValues", "+m", 0, 0},
	{"size", "l", 0, 0},
	{"modificationTime", "l", 0, 0},
	{"dataChange", "b", 0, 0},
	{"stats", "u", 0, 0},
	{"tags", "+m", 0, 0},
	{"deletionVector", "+s", 1, 1},
	{"storageType", "u", 0, 1},
	{"stats_parsed", "+s", 1, 1},
	{"numRecords", "l", 0, 1},
	{"remove", "+s", 6, 0},
	{"path", "u", 0, 0},
	{"deletionTimestamp", "l", 0, 0},
	{"dataChange", "b", 0, 0},
	{"extendedFileMetadata", "b", 0, 0},
	{"partitionValues", "+m", 0, 0},
	{"size", "l", 0, 0},
	{"metaData", "+s", 8, 0},
	{"id", "u", 0, 0},
	{"name", "u", 0, 0},
	{"description", "u", 0, 0},
	{"format", "+s", 2, 0},
	{"provider", "u", 0, 0},
	{"options", "+m", 0, 0},
	{"schemaString", "u", 0, 0},
	{"partitionColumns", "+l", 0, 0},
	{"createdTime", "l", 0, 0},
	{"configuration", "+m", 0, 0},
	{"protocol", "+s", 4, 0},
	{"minReaderVersion", "i", 0, 0},
	{"minWriterVersion", "i", 0, 0},
	{"readerFeatures", "+l", 0, 0},
	{"writerFeatures", "+l", 0, 0},
};

static int make_map(struct ArrowSchema *ret, const char *name)
{
	if (arrow_schema_make(ret, "+m", name, 1, 1) || arrow_schema_make(ret->children[0], "+s", "key_value", 0, 2) ||
	    arrow_schema_make(ret->children[0]->children[0], "u", "key", 0, 0))
		return -1;
	return arrow_schema_make(ret->children[0]->children[1], "u", "value", 1, 0);
}

static int make_list(struct ArrowSchema *ret, const char *name)
{
	return arrow_schema_make(ret, "+l", name, 1, 1) || arrow_schema_make(ret->children[0], "u", "element", 1, 0);
}

/* Others' integers may be wider than the specification says. */
static int make_field(size_t *at, int for_writing, struct ArrowSchema *ret)
{
	const struct field *field = &fields[(*at)++];
	int n = field->children, r;

	if (!strcmp(field->format, "+m"))
		return make_map(ret, field->name);
	if (!strcmp(field->format, "+l"))
		return make_list(ret, field->name);
	if (for_writing && !strcmp(field->name, "add"))
		n = ADD_VECTOR;
	r = arrow_schema_make(ret, !for_writing && !strcmp(field->format, "i") ? "l" : field->format, field->name,
	                      *at > 1, n);
	for (int i = 0; i < n && !r; i++)
		r = make_field(at, for_writing, ret->children[i]);
	while (for_writing && *at < sizeof(fields) / sizeof(fields[0]) && fields[*at].only_read)
		++*at;
	return r;
}

int checkpoint_schema(int for_writing, struct ArrowSchema *ret)
{
	size_t at = 0;

	*ret = (struct ArrowSchema){0};
	if (!make_field(&at, for_writing, ret))
		return 0;
	arrow_schema_release(ret);
	return -1;
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

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

int64_t checkpoint_hint(struct blob *blob)
{
	struct json *json = NULL;
	struct buf text;
	int64_t ret = -1;

	buf_init(&text, 0);
	if (!blob_get(blob, HINT, HINT_MAX, &text, NULL) &&
	    !json_parse(text.data ? text.data : "", text.len, &json, NULL))
		ret = json_get_int(json, "version", -1);
	json_free(json);
	buf_done(&text);
	return ret < INT64_MAX ? ret : -1;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

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

static int write_rows(const struct table_codec *codec, struct writing *w, struct buf *ret, struct err *err)
{
	struct ArrowSchema schema;
	int r;

	if (checkpoint_schema(1, &schema))
		return err_set(err, ERR_NOMEM, "out of memory");
	w->rows = arrow_builder_new(&schema);
	r = w->rows ? codec->write(codec->ctx, &schema, next_rows, w, ret, err)
	            : err_set(err, ERR_NOMEM, "out of memory");
	arrow_builder_free(w->rows);
	arrow_schema_release(&schema);
	return r;
}

/* An older one of another writer must not hide ours, nor ours a newer one. */
static int write_hint(struct blob *blob, int64_t version, const struct writing *w, size_t bytes, struct err *err)
{
	struct json *json;
	const char *text;
	int r;

	if (checkpoint_hint(blob) > version)
		return 0;
	json = json_new_object();
	json_set_int(json, "version", version);
	json_set_int(json, "size", w->n_rows);
	json_set_int(json, "sizeInBytes", (int64_t)bytes);
	json_set_int(json, "numOfAddFiles", w->n_files);
	text = json_text(json);
	r = blob_put(blob, HINT, text, strlen(text), err);
	json_free(json);
	return r;
}

int checkpoint_write(const struct table_codec *codec, const struct table_log *log, struct buf *ret, struct err *err)
{
	struct writing w = {.log = log, .keep_after = clock_wall_ms() - table_log_retention(log)};

	return write_rows(codec, &w, ret, err);
}

int table_checkpoint(struct blob *blob, const struct table_codec *codec, int64_t *ret_version, struct err *err)
{
	struct writing w = {0};
	struct table_log *log = table_log_new();
	struct buf file;
	char name[96];
	int r = log ? table_log_load(blob, codec, -1, log, err) : err_set(err, ERR_NOMEM, "out of memory");

	buf_init(&file, CHECKPOINT_MAX);
	if (!r && log->version < 0)
		r = err_set(err, ERR_NOTFOUND, "there is no table at '%s'", blob_location(blob));
	if (!r)
		r = table_log_writable(log, err);
	if (!r) {
		w.log = log;
		w.keep_after = clock_wall_ms() - table_log_retention(log);
		r = write_rows(codec, &w, &file, err);
	}
	if (!r) {
		snprintf(name, sizeof(name), "_delta_log/%020" PRId64 ".checkpoint.parquet", log->version);
		r = blob_put(blob, name, file.data, file.len, err);
	}
	if (!r)
		r = write_hint(blob, log->version, &w, file.len, err);
	if (!r)
		r = table_log_clean(blob, log, err);
	if (!r && ret_version)
		*ret_version = log->version;
	buf_done(&file);
	table_log_free(log);
	return r;
}

void table_checkpoint_if_due(struct blob *blob, const struct table_codec *codec, struct table_log *log, int64_t version)
{
	int64_t every = EVERY;
	const char *set = table_log_property(log, "delta.checkpointInterval");
	struct err err = {0};

	if (set && (str_to_i64(set, &every) || every < 1))
		every = EVERY;
	if (!codec || !version || (version % every && version - log->checkpoint < 2 * every))
		return;
	if (table_checkpoint(blob, codec, NULL, &err))
		log_warn("table.checkpoint", LOG_STR("table", blob_location(blob)), LOG_STR("error", err.text));
	else
		log->checkpoint = version;
}
