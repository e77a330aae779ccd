/* SPDX-License-Identifier: Apache-2.0 */
/* What a log says, word by word. An unknown action or member is ignored; an unknown reader feature is refused by
 * name. Words come as lines of JSON or as rows of a checkpoint; both end in the same few functions. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "table/log.h"

#define COUNT_MAX (INT64_C(1) << 53) /* bytes or rows of one file */
#define FEATURES_VERSION_READER 3    /* from here on the protocol lists features by name */
#define FEATURES_VERSION_WRITER 7
#define WRITER_VERSION_MAX 2

/* ---- the log as an object ------------------------------------------------------------------------------ */

static void init(struct table_log *log)
{
	memset(log, 0, sizeof(*log));
	arena_init(&log->arena);
	map_init(&log->files);
	map_init(&log->removed);
	map_init(&log->txns);
	log->kept = json_new_array();
	log->version = -1;
	log->checkpoint = -1;
	log->begun = -1;
	log->cleanable = -1;
}

static void done(struct table_log *log)
{
	map_done(&log->files);
	map_done(&log->removed);
	map_done(&log->txns);
	json_free(log->protocol);
	json_free(log->metadata);
	json_free(log->schema);
	json_free(log->kept);
	arena_done(&log->arena);
}

struct table_log *table_log_new(void)
{
	struct table_log *log = calloc(1, sizeof(*log));

	if (log)
		init(log);
	return log;
}

void table_log_clear(struct table_log *log)
{
	done(log);
	init(log);
}

void table_log_free(struct table_log *log)
{
	if (!log)
		return;
	done(log);
	free(log);
}

/* ---- protocol and metadata ------------------------------------------------------------------------------- */

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

int table_log_protocol(struct table_log *log, const struct json *action, struct err *err)
{
	(void)err;
	json_free(log->protocol);
	log->protocol = json_copy(action);
	return 0;
}

int64_t table_log_retention(const struct table_log *log)
{
	return table_log_interval(log, "delta.deletedFileRetentionDuration", INT64_C(7) * 24 * 3600 * 1000);
}

/* Only the newest word counts: features come and go. Version 2 is column mapping, which a property turns on. */
int table_log_readable(const struct table_log *log, struct err *err)
{
	static const char *const ours[] = {"columnMapping", NULL};
	const char *mode = table_log_property(log, "delta.columnMapping.mode");
	int64_t reader = json_get_int(log->protocol, "minReaderVersion", 1);
	const char *foreign = foreign_feature(json_get(log->protocol, "readerFeatures"), ours), *path;
	void *file;
	size_t at = 0;

	if (foreign)
		return err_set(err, ERR_UNSUPPORTED,
		               "the table needs the reader feature '%.60s', which is not supported", foreign);
	if (reader > FEATURES_VERSION_READER)
		return err_set(err, ERR_UNSUPPORTED, "the table needs reader version %" PRId64 ", this is version %d",
		               reader, FEATURES_VERSION_READER);
	if (mode && strcmp(mode, "none"))
		return err_set(err, ERR_UNSUPPORTED, "the table uses column mapping (%.20s), which is not supported",
		               mode);
	while (map_next(&log->files, &at, &path, &file)) {
		if (((struct table_file *)file)->has_vector)
			return err_set(err, ERR_UNSUPPORTED,
			               "the table uses deletion vectors, which are not supported");
		if (table_path_is_absolute(((struct table_file *)file)->raw))
			return err_set(err, ERR_UNSUPPORTED,
			               "the table names '%.200s' by an absolute path, which is not supported (a "
			               "shallow clone?): copy its files into it",
			               ((struct table_file *)file)->raw);
	}
	return 0;
}

const char *table_log_property(const struct table_log *log, const char *name)
{
	return json_str(json_get(json_get(log->metadata, "configuration"), name), NULL);
}

/* Spark's calendar intervals: "interval 1 week", "interval 2 days 12 hours". */
int64_t table_log_interval(const struct table_log *log, const char *name, int64_t otherwise)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"week", 7 * 86400000ll}, {"day", 86400000}, {"hour", 3600000},
	             {"minute", 60000},        {"second", 1000},  {"millisecond", 1}};
	const char *text = table_log_property(log, name);
	int64_t total = 0;
	int n, used;
	char unit[16];

	if (!text || !str_starts(text, "interval"))
		return otherwise;
	for (text += strlen("interval"); sscanf(text, " %9d %15[a-z]%n", &n, unit, &used) == 2; text += used) {
		size_t len = strlen(unit), k = 0;

		if (len && unit[len - 1] == 's')
			unit[len - 1] = '\0';
		while (k < sizeof(units) / sizeof(units[0]) && strcmp(units[k].unit, unit))
			k++;
		if (k == sizeof(units) / sizeof(units[0]) || n < 0 ||
		    __builtin_add_overflow(total, n * units[k].ms, &total))
			return otherwise;
	}
	return text[strspn(text, " ")] ? otherwise : total;
}

int table_log_writable(const struct table_log *log, struct err *err)
{
	static const char *const ours[] = {"appendOnly", "invariants", NULL};
	int64_t writer = json_get_int(log->protocol, "minWriterVersion", 1);
	const char *foreign = foreign_feature(json_get(log->protocol, "writerFeatures"), ours);

	if (foreign)
		return err_set(err, ERR_UNSUPPORTED,
		               "the table needs the writer feature '%.60s', which is not supported", foreign);
	if (writer > WRITER_VERSION_MAX && writer != FEATURES_VERSION_WRITER)
		return err_set(err, ERR_UNSUPPORTED, "the table needs writer version %" PRId64 ", this is version %d",
		               writer, WRITER_VERSION_MAX);
	if (strstr(json_get_str(log->metadata, "schemaString", ""), "\"delta.invariants\""))
		return err_set(err, ERR_UNSUPPORTED, "the table has delta.invariants, which cannot be checked here");
	return 0;
}

int table_log_metadata(struct table_log *log, const struct json *action, struct err *err)
{
	const char *text = json_get_str(action, "schemaString", NULL);

	json_free(log->metadata);
	json_free(log->schema);
	log->schema = NULL;
	log->metadata = json_copy(action);
	return text ? json_parse(text, strlen(text), &log->schema, err) : 0; /* one may follow */
}

/* ---- files -------------------------------------------------------------------------------------------------- */

/* Sizes and counts come from outside and are added up. */
static int64_t plausible(int64_t n)
{
	return n < 0 || n > COUNT_MAX ? -1 : n;
}

/* Most writers, we too, begin with the one number that is wanted of every file. */
static int64_t stats_rows(const char *stats)
{
	static const char usual[] = "{\"numRecords\":";
	struct json *json;
	int64_t rows;

	if (!stats)
		return -1;
	if (str_starts(stats, usual)) {
		char *end;

		rows = strtoll(stats + strlen(usual), &end, 10);
		if (end > stats + strlen(usual) && (*end == ',' || *end == '}'))
			return plausible(rows);
	}
	if (json_parse(stats, strlen(stats), &json, NULL))
		return -1;
	rows = json_get_int(json, "numRecords", -1);
	json_free(json);
	return plausible(rows);
}

/* NULL when there is nothing in it. */
static const struct json *keep(struct table_log *log, const struct json *values)
{
	struct json *copy;

	if (!json_count(values))
		return NULL;
	copy = json_copy(values);
	json_push(log->kept, copy);
	return copy;
}

/* A file comes in (+1) or goes out (-1). */
static void count(struct table_log *log, const struct table_file *file, int sign)
{
	if (!file)
		return;
	log->totals.bytes += sign * (file->size > 0 ? file->size : 0);
	log->totals.rows += sign * (file->rows > 0 ? file->rows : 0);
	log->totals.unknown += (size_t)(file->rows < 0 ? sign : 0);
}

int table_log_add(struct table_log *log, const struct table_file *file, struct err *err)
{
	struct table_file *kept;
	int64_t rows;

	const char *path = table_path_decode(&log->arena, file->raw);

	if (!path)
		return err_set(err, ERR_CORRUPT, "add without a path that can be one (of UTF-8, without NUL)");
	kept = arena_alloc(&log->arena, sizeof(*kept));
	kept->raw = arena_str(&log->arena, file->raw);
	kept->path = path;
	kept->stats = arena_str(&log->arena, file->stats);
	kept->size = plausible(file->size);
	kept->modified = file->modified;
	kept->has_vector = file->has_vector;
	rows = stats_rows(kept->stats);
	kept->rows = rows >= 0 ? rows : plausible(file->rows);
	kept->partition = keep(log, file->partition);
	kept->tags = keep(log, file->tags);
	map_del(&log->removed, kept->path);
	count(log, map_get(&log->files, kept->path), -1);
	count(log, kept, 1);
	return map_set(&log->files, kept->path, kept);
}

int table_log_remove(struct table_log *log, const struct table_tombstone *tombstone, struct err *err)
{
	const char *path = table_path_decode(&log->arena, tombstone->raw);
	struct table_tombstone *kept;

	if (!path)
		return err_set(err, ERR_CORRUPT, "remove without a path that can be one (of UTF-8, without NUL)");
	kept = arena_alloc(&log->arena, sizeof(*kept));
	*kept = *tombstone;
	kept->raw = arena_str(&log->arena, tombstone->raw);
	kept->partition = keep(log, tombstone->partition);
	count(log, map_del(&log->files, path), -1);
	return map_set(&log->removed, path, kept);
}

int table_log_txn(struct table_log *log, const char *app_id, const struct table_txn *txn, struct err *err)
{
	if (!app_id || txn->version < 0)
		return err_set(err, ERR_CORRUPT, "txn without appId or version");
	return map_set(&log->txns, app_id, arena_dup(&log->arena, txn, sizeof(*txn)));
}

/* ---- lines --------------------------------------------------------------------------------------------------- */

static int on_add(struct table_log *log, const struct json *action, struct err *err)
{
	struct table_file file = {
		.raw = json_get_str(action, "path", NULL),
		.stats = json_get_str(action, "stats", NULL),
		.size = json_get_int(action, "size", -1),
		.modified = json_get_int(action, "modificationTime", 0),
		.rows = -1,
		.partition = json_get(action, "partitionValues"),
		.tags = json_get(action, "tags"),
		.has_vector = json_get(action, "deletionVector") != NULL,
	};

	return table_log_add(log, &file, err);
}

static int on_remove(struct table_log *log, const struct json *action, struct err *err)
{
	struct table_tombstone tombstone = {
		.raw = json_get_str(action, "path", NULL),
		.size = json_get_int(action, "size", -1),
		.removed_at = json_get_int(action, "deletionTimestamp", 0),
		.partition = json_get(action, "partitionValues"),
	};

	return table_log_remove(log, &tombstone, err);
}

static int on_txn(struct table_log *log, const struct json *action, struct err *err)
{
	struct table_txn txn = {json_get_int(action, "version", -1), json_get_int(action, "lastUpdated", -1)};

	return table_log_txn(log, json_get_str(action, "appId", NULL), &txn, err);
}

static const struct {
	const char *name;
	int (*fn)(struct table_log *log, const struct json *action, struct err *err);
} actions[] = {
	{"add", on_add}, {"remove", on_remove}, {"metaData", table_log_metadata}, {"protocol", table_log_protocol},
	{"txn", on_txn},
};

/* The parser says "… at line 1, column 5" of the text that it saw: the line is ours to tell. */
static int broken_json(struct err *err)
{
	struct err why = err ? *err : (struct err){0};
	char *at = strstr(why.text, " at line 1, column ");

	if (at)
		*at = '\0';
	return err_set(err, ERR_CORRUPT, "%s%s%s", why.text, at ? " at column " : "",
	               at ? at + strlen(" at line 1, column ") : "");
}

static int apply_line(struct table_log *log, const char *line, size_t n, struct err *err)
{
	struct json *json;
	int r = json_parse(line, n, &json, err);

	if (r)
		return broken_json(err);
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
