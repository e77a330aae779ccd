/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the log: every entry in order, the newest word on each file, transaction, schema and protocol. An
 * unknown action or member is ignored; an unknown reader feature is refused by name. */
#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"
#include "table/log.h"

#define ENTRY_MAX (256u << 20)
#define COUNT_MAX (INT64_C(1) << 53) /* bytes or rows of one file */
#define FEATURES_VERSION_READER 3 /* from here on the protocol lists features by name */
#define FEATURES_VERSION_WRITER 7
#define WRITER_VERSION_MAX 2

/* ---- names of entries --------------------------------------------------------------------------------- */

struct entries {
	int64_t *versions;
	size_t n, cap;
	int checkpoints;
};

void table_entry_name(int64_t version, char ret[64])
{
	snprintf(ret, 64, "_delta_log/%020" PRId64 ".json", version);
}

static int entry_version(const char *name, int64_t *ret)
{
	char digits[24];

	for (int i = 0; i < 20; i++)
		if (!isdigit((unsigned char)name[i]))
			return -1;
	snprintf(digits, sizeof(digits), "%.20s", name);
	return str_to_i64(digits, ret);
}

static int note_entry(void *ctx, const char *name, int is_folder)
{
	struct entries *entries = ctx;
	int64_t version;

	if (is_folder || strlen(name) < 25 || entry_version(name, &version))
		return 0;
	if (strstr(name, ".checkpoint"))
		entries->checkpoints = 1;
	if (strcmp(name + 20, ".json"))
		return 0;
	if (entries->n == entries->cap) {
		size_t cap = entries->cap ? entries->cap * 2 : 64;
		int64_t *grown = realloc(entries->versions, cap * sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		entries->versions = grown;
		entries->cap = cap;
	}
	entries->versions[entries->n++] = version;
	return 0;
}

static int list_entries(struct blob *blob, struct entries *ret, struct err *err)
{
	int r = blob_list(blob, "_delta_log", NULL, note_entry, ret, err);

	if (r)
		return r;
	for (size_t i = 0; i < ret->n; i++) {
		if (!i && ret->versions[0] && ret->checkpoints)
			return err_set(err, ERR_UNSUPPORTED, "table '%s': its log begins with a checkpoint, which is not read yet",
			               blob_location(blob));
		if (ret->versions[i] != (int64_t)i)
			return err_set(err, ERR_CORRUPT, "table '%s': log entry %zu is missing", blob_location(blob), i);
	}
	return 0;
}

/* ---- actions -------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-decoding by RFC 2396; a plus stays a plus. */
static char *decode_path(struct arena *arena, const char *path)
{
	char *ret = arena_str(arena, path), *to = ret;

	for (; *path; path++)
		if (*path == '%' && hex_digit(path[1]) >= 0 && hex_digit(path[2]) >= 0) {
			*to++ = (char)(hex_digit(path[1]) << 4 | hex_digit(path[2]));
			path += 2;
		} else {
			*to++ = *path;
		}
	*to = '\0';
	return ret;
}

/* The first feature that is not among ours, or NULL. */
static const char *foreign_feature(const struct json *features, const char *const *ours)
{
	for (size_t i = 0; i < json_count(features); i++) {
		const char *name = json_str(json_at(features, i), "?");
		size_t k = 0;

		while (ours[k] && strcmp(ours[k], name))
			k++;
		if (!ours[k])
			return name;
	}
	return NULL;
}

/* Version 2 is column mapping, which metaData turns on and on_metadata refuses. */
static int on_protocol(struct table_log *log, const struct json *action, struct err *err)
{
	static const char *const ours[] = {"columnMapping", NULL};
	int64_t reader = json_get_int(action, "minReaderVersion", 1);
	const char *foreign = foreign_feature(json_get(action, "readerFeatures"), ours);

	if (foreign)
		return err_set(err, ERR_UNSUPPORTED, "the table needs the reader feature '%.60s', which is not supported",
		               foreign);
	if (reader > FEATURES_VERSION_READER)
		return err_set(err, ERR_UNSUPPORTED, "the table needs reader version %" PRId64 ", this is version %d", reader,
		               FEATURES_VERSION_READER);
	json_free(log->protocol);
	log->protocol = json_copy(action);
	return 0;
}

int table_log_writable(const struct table_log *log, struct err *err)
{
	static const char *const ours[] = {"appendOnly", "invariants", NULL};
	int64_t writer = json_get_int(log->protocol, "minWriterVersion", 1);
	const char *foreign = foreign_feature(json_get(log->protocol, "writerFeatures"), ours);

	if (foreign)
		return err_set(err, ERR_UNSUPPORTED, "the table needs the writer feature '%.60s', which is not supported",
		               foreign);
	if (writer > WRITER_VERSION_MAX && writer != FEATURES_VERSION_WRITER)
		return err_set(err, ERR_UNSUPPORTED, "the table needs writer version %" PRId64 ", this is version %d", writer,
		               WRITER_VERSION_MAX);
	if (json_count(json_get(log->metadata, "partitionColumns")))
		return err_set(err, ERR_UNSUPPORTED, "the table has partition columns, which can be read and not written");
	if (strstr(json_get_str(log->metadata, "schemaString", ""), "\"delta.invariants\""))
		return err_set(err, ERR_UNSUPPORTED, "the table has delta.invariants, which cannot be checked here");
	return 0;
}

static int on_metadata(struct table_log *log, const struct json *action, struct err *err)
{
	const char *text = json_get_str(action, "schemaString", NULL);
	const char *mode = json_str(json_pointer(action, "/configuration/delta.columnMapping.mode"), "none");

	if (!text)
		return err_set(err, ERR_CORRUPT, "metaData without schemaString");
	if (strcmp(mode, "none"))
		return err_set(err, ERR_UNSUPPORTED, "the table uses column mapping (%s), which is not supported", mode);
	json_free(log->metadata);
	json_free(log->schema);
	log->schema = NULL;
	log->metadata = json_copy(action);
	return json_parse(text, strlen(text), &log->schema, err);
}

/* Sizes and counts come from outside and are added up. */
static int64_t plausible(int64_t n)
{
	return n < 0 || n > COUNT_MAX ? -1 : n;
}

static int64_t stats_rows(const char *stats)
{
	struct json *json;
	int64_t rows;

	if (!stats || json_parse(stats, strlen(stats), &json, NULL))
		return -1;
	rows = json_get_int(json, "numRecords", -1);
	json_free(json);
	return plausible(rows);
}

static int on_add(struct table_log *log, const struct json *action, struct err *err)
{
	const char *path = json_get_str(action, "path", NULL);
	struct table_file *file;

	if (!path || !*path)
		return err_set(err, ERR_CORRUPT, "add without path");
	if (json_get(action, "deletionVector"))
		return err_set(err, ERR_UNSUPPORTED, "the table uses deletion vectors, which are not supported");
	file = arena_alloc(&log->arena, sizeof(*file));
	file->path = decode_path(&log->arena, path);
	file->stats = arena_str(&log->arena, json_get_str(action, "stats", NULL));
	file->size = plausible(json_get_int(action, "size", -1));
	file->modified = json_get_int(action, "modificationTime", 0);
	file->rows = stats_rows(file->stats);
	if (json_count(json_get(action, "partitionValues"))) {
		struct json *values = json_copy(json_get(action, "partitionValues"));

		json_push(log->kept, values);
		file->partition = values;
	}
	return map_set(&log->files, file->path, file);
}

static int on_remove(struct table_log *log, const struct json *action, struct err *err)
{
	const char *path = json_get_str(action, "path", NULL);

	if (!path)
		return err_set(err, ERR_CORRUPT, "remove without path");
	path = decode_path(&log->arena, path);
	map_del(&log->files, path);
	return map_set(&log->removed, path, log);
}

static int on_txn(struct table_log *log, const struct json *action, struct err *err)
{
	const char *app = json_get_str(action, "appId", NULL);
	int64_t version = json_get_int(action, "version", -1), *kept;

	if (!app || version < 0)
		return err_set(err, ERR_CORRUPT, "txn without appId or version");
	kept = arena_alloc(&log->arena, sizeof(*kept));
	*kept = version;
	return map_set(&log->txns, app, kept);
}

static const struct {
	const char *name;
	int (*fn)(struct table_log *log, const struct json *action, struct err *err);
} actions[] = {
	{"add", on_add}, {"remove", on_remove}, {"metaData", on_metadata}, {"protocol", on_protocol}, {"txn", on_txn},
};

static int apply_line(struct table_log *log, const char *line, size_t n, struct err *err)
{
	struct json *json;
	int r = json_parse(line, n, &json, err);

	if (r && err)
		err->code = ERR_CORRUPT;
	if (r)
		return ERR_CORRUPT;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]) && !r; i++) {
		const struct json *action = json_get(json, actions[i].name);

		if (action)
			r = actions[i].fn(log, action, err);
	}
	json_free(json);
	return r;
}

int table_log_apply(struct table_log *log, const char *text, size_t n, struct err *err)
{
	int line = 0, r = 0;

	while (n && !r) {
		const char *end = memchr(text, '\n', n);
		size_t len = end ? (size_t)(end - text) : n;

		line++;
		if (len && !(len == 1 && *text == '\r'))
			r = apply_line(log, text, len, err);
		if (r)
			err_prefix(err, "line %d", line);
		len += end != NULL;
		text += len;
		n -= len;
	}
	return r;
}

static int apply_entry(struct table_log *log, struct blob *blob, int64_t version, struct err *err)
{
	struct buf text;
	char name[64];
	int r;

	table_entry_name(version, name);
	buf_init(&text, 0);
	r = blob_get(blob, name, ENTRY_MAX, &text, err);
	if (!r)
		r = table_log_apply(log, text.data ? text.data : "", text.len, err);
	buf_done(&text);
	if (r)
		err_prefix(err, "table '%s', log entry %" PRId64, blob_location(blob), version);
	return r;
}

/* ---- the log as an object --------------------------------------------------------------------------------- */

struct table_log *table_log_new(void)
{
	struct table_log *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	arena_init(&log->arena);
	map_init(&log->files);
	map_init(&log->removed);
	map_init(&log->txns);
	log->kept = json_new_array();
	log->version = -1;
	return log;
}

void table_log_free(struct table_log *log)
{
	if (!log)
		return;
	map_done(&log->files);
	map_done(&log->removed);
	map_done(&log->txns);
	json_free(log->protocol);
	json_free(log->metadata);
	json_free(log->schema);
	json_free(log->kept);
	arena_done(&log->arena);
	free(log);
}

int table_log_load(struct blob *blob, struct table_log *log, struct err *err)
{
	struct entries entries = {0};
	int r = list_entries(blob, &entries, err);

	for (size_t i = 0; i < entries.n && !r; i++) {
		r = apply_entry(log, blob, entries.versions[i], err);
		log->version = entries.versions[i];
	}
	free(entries.versions);
	if (!r && log->version >= 0 && !log->schema)
		r = err_set(err, ERR_CORRUPT, "table '%s' has a log without metaData", blob_location(blob));
	return r;
}

/* ---- snapshot ----------------------------------------------------------------------------------------------- */

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct table_file *)a)->path, ((const struct table_file *)b)->path);
}

static int collect_files(struct table_snapshot *s, struct err *err)
{
	struct map *map = &s->log->files;
	const char *key;
	size_t at = 0;
	void *value;

	s->files = calloc(map->len + 1, sizeof(*s->files));
	if (!s->files)
		return err_set(err, ERR_NOMEM, "out of memory");
	while (map_next(map, &at, &key, &value)) {
		const struct table_file *file = value;

		s->files[s->n_files++] = *file;
		if (__builtin_add_overflow(s->bytes, file->size > 0 ? file->size : 0, &s->bytes))
			s->bytes = INT64_MAX;
		if (s->rows < 0 || file->rows < 0 || __builtin_add_overflow(s->rows, file->rows, &s->rows))
			s->rows = -1;
	}
	qsort(s->files, s->n_files, sizeof(*s->files), by_path);
	return 0;
}

int table_snapshot(struct blob *blob, struct table_snapshot *ret, struct err *err)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->log = table_log_new();
	if (!ret->log)
		return err_set(err, ERR_NOMEM, "out of memory");
	r = table_log_load(blob, ret->log, err);
	ret->version = ret->log->version;
	ret->metadata = ret->log->metadata;
	if (!r && ret->version >= 0)
		r = table_schema_from_delta(ret->log->schema, &ret->schema, err);
	if (!r)
		r = collect_files(ret, err);
	if (r)
		table_snapshot_done(ret);
	return r;
}

void table_snapshot_done(struct table_snapshot *s)
{
	arrow_schema_release(&s->schema);
	free(s->files);
	table_log_free(s->log);
	memset(s, 0, sizeof(*s));
}

static int path_of(const void *path, const void *file)
{
	return strcmp(path, ((const struct table_file *)file)->path);
}

const struct table_file *table_file_at(const struct table_snapshot *snapshot, const char *path)
{
	if (!snapshot->n_files)
		return NULL;
	return bsearch(path, snapshot->files, snapshot->n_files, sizeof(*snapshot->files), path_of);
}

int64_t table_txn(const struct table_snapshot *snapshot, const char *app_id)
{
	const int64_t *version = map_get(&snapshot->log->txns, app_id);

	return version ? *version : -1;
}

/* ---- history -------------------------------------------------------------------------------------------------- */

static struct json *commit_info(struct blob *blob, int64_t version)
{
	struct json *ret = NULL, *json;
	struct buf text;
	char name[64];

	table_entry_name(version, name);
	buf_init(&text, 0);
	if (!blob_get(blob, name, ENTRY_MAX, &text, NULL))
		for (char *line = text.data, *next; line && *line && !ret; line = next) {
			next = strchr(line, '\n');
			if (next)
				*next++ = '\0';
			if (strstr(line, "\"commitInfo\"") && !json_parse(line, strlen(line), &json, NULL)) {
				ret = json_copy(json_get(json, "commitInfo"));
				json_free(json);
			}
		}
	buf_done(&text);
	if (!ret)
		ret = json_new_object();
	json_set_int(ret, "version", version);
	return ret;
}

struct json *table_history(struct blob *blob, size_t limit, struct err *err)
{
	struct entries entries = {0};
	struct json *list;

	if (list_entries(blob, &entries, err)) {
		free(entries.versions);
		return NULL;
	}
	list = json_new_array();
	for (size_t i = entries.n; i > 0 && json_count(list) < limit; i--)
		json_push(list, commit_info(blob, entries.versions[i - 1]));
	free(entries.versions);
	return list;
}
