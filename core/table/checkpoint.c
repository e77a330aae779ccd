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

#include "base/log.h"
#include "base/str.h"
#include "table/checkpoint.h"

#define HINT "_delta_log/_last_checkpoint"
#define HINT_MAX (1u << 20)
#define EVERY 10 /* commits, as everybody does */

/* ---- the columns ------------------------------------------------------------------------------------------ */

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

/* ---- the newest one ------------------------------------------------------------------------------------------ */

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

/* An older one of another writer must not hide ours, nor ours a newer one. */
static int write_hint(struct blob *blob, int64_t version, const struct checkpoint_counts *counts, size_t bytes,
                      struct err *err)
{
	struct json *json;
	const char *text;
	int r;

	if (checkpoint_hint(blob) > version)
		return 0;
	json = json_new_object();
	json_set_int(json, "version", version);
	json_set_int(json, "size", counts->rows);
	json_set_int(json, "sizeInBytes", (int64_t)bytes);
	json_set_int(json, "numOfAddFiles", counts->files);
	text = json_text(json);
	r = blob_put(blob, HINT, text, strlen(text), err);
	json_free(json);
	return r;
}

int checkpoint_write(const struct table_codec *codec, const struct table_log *log, struct buf *ret, struct err *err)
{
	struct checkpoint_counts counts;

	return checkpoint_rows(codec, log, ret, &counts, err);
}

static int write_of(struct blob *blob, const struct table_codec *codec, struct table_log *log, struct err *err)
{
	struct checkpoint_counts counts;
	struct buf file;
	char name[96];
	int r = log->version < 0 ? err_set(err, ERR_NOTFOUND, "there is no table at '%s'", blob_location(blob))
	                         : table_log_writable(log, err);

	buf_init(&file, CHECKPOINT_MAX);
	if (!r)
		r = checkpoint_rows(codec, log, &file, &counts, err);
	if (!r) {
		snprintf(name, sizeof(name), "_delta_log/%020" PRId64 ".checkpoint.parquet", log->version);
		r = blob_put(blob, name, file.data, file.len, err);
	}
	if (!r)
		r = write_hint(blob, log->version, &counts, file.len, err);
	if (!r)
		r = table_log_clean(blob, log, err);
	if (!r)
		log->checkpoint = log->version;
	buf_done(&file);
	return r;
}

/* Who asks for it gets the log cleaned too, whatever was known of its age. */
static int checkpoint(struct blob *blob, const struct table_codec *codec, int is_asked, int64_t *ret_version,
                      struct err *err)
{
	struct table_log *log;
	int r = table_log_newest(blob, codec, &log, err);

	if (r)
		return r;
	if (is_asked)
		log->cleanable = -1;
	r = write_of(blob, codec, log, err);
	if (!r && ret_version)
		*ret_version = log->version;
	table_log_keep(blob, log);
	return r;
}

int table_checkpoint(struct blob *blob, const struct table_codec *codec, int64_t *ret_version, struct err *err)
{
	return checkpoint(blob, codec, 1, ret_version, err);
}

int table_checkpoint_is_due(const struct table_log *log, int64_t version)
{
	int64_t every = EVERY;
	const char *set = table_log_property(log, "delta.checkpointInterval");

	if (set && (str_to_i64(set, &every) || every < 1))
		every = EVERY;
	return version && (!(version % every) || version - log->checkpoint >= 2 * every);
}

void table_checkpoint_newest(struct blob *blob, const struct table_codec *codec)
{
	struct err err = {0};

	if (checkpoint(blob, codec, 0, NULL, &err))
		log_warn("table.checkpoint", LOG_STR("table", blob_location(blob)), LOG_STR("error", err.text));
}
