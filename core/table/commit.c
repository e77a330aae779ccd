/* SPDX-License-Identifier: Apache-2.0 */
/* Commits: files into place, then the next log entry by put-if-absent.
 *
 * Happy path: read the log → is our txn there? then all is done → merge the schema → move the staged files →
 * write entry version + 1. Somebody was first: read what they wrote and try again behind it, with the same files.
 * A crash before the entry leaves files that nobody names: the same commit repeated finds them in place, and
 * table_sweep removes those that never are named. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "table/log.h"

#define RACES_MAX 1000

/* ---- the text of an entry ---------------------------------------------------------------------------- */

static void put_line(struct buf *out, const char *action, struct json *json)
{
	struct json *line = json_new_object();

	json_set(line, action, json);
	buf_puts(out, json_text(line));
	buf_putc(out, '\n');
	json_free(line);
}

static void put_commit_info(struct buf *out, const struct table_change *change, int creates)
{
	struct json *info = json_new_object(), *metrics = json_new_object();
	char uuid[UUID_LEN], text[32];
	int64_t rows = 0, bytes = 0;

	for (size_t i = 0; i < change->n_adds; i++) {
		rows += change->adds[i].rows;
		bytes += change->adds[i].size;
	}
	uuid_new(uuid);
	json_set_int(info, "timestamp", clock_wall_ms());
	json_set_str(info, "operation", creates && !change->n_adds ? "CREATE TABLE" : change->operation);
	json_set(info, "operationParameters", json_new_object());
	json_set_bool(info, "isBlindAppend", 1);
	json_set_str(info, "engineInfo", "Orasi/" ORASI_VERSION);
	json_set_str(info, "txnId", uuid);
	snprintf(text, sizeof(text), "%zu", change->n_adds);
	json_set_str(metrics, "numFiles", text);
	snprintf(text, sizeof(text), "%" PRId64, rows);
	json_set_str(metrics, "numOutputRows", text);
	snprintf(text, sizeof(text), "%" PRId64, bytes);
	json_set_str(metrics, "numOutputBytes", text);
	json_set(info, "operationMetrics", metrics);
	put_line(out, "commitInfo", info);
}

static void put_protocol(struct buf *out)
{
	struct json *protocol = json_new_object();

	json_set_int(protocol, "minReaderVersion", 1);
	json_set_int(protocol, "minWriterVersion", 2);
	put_line(out, "protocol", protocol);
}

static struct json *new_metadata(void)
{
	struct json *metadata = json_new_object(), *format = json_new_object();
	char uuid[UUID_LEN];

	uuid_new(uuid);
	json_set_str(metadata, "id", uuid);
	json_set_str(format, "provider", "parquet");
	json_set(format, "options", json_new_object());
	json_set(metadata, "format", format);
	json_set(metadata, "partitionColumns", json_new_array());
	json_set(metadata, "configuration", json_new_object());
	json_set_int(metadata, "createdTime", clock_wall_ms());
	return metadata;
}

static void put_metadata(struct buf *out, const struct table_log *log, const struct ArrowSchema *schema)
{
	struct json *metadata = log->metadata ? json_copy(log->metadata) : new_metadata();
	struct json *delta = table_schema_to_delta_as(schema, log->schema);

	json_set_str(metadata, "schemaString", json_text(delta));
	put_line(out, "metaData", metadata);
	json_free(delta);
}

static void put_txn(struct buf *out, const struct table_change *change)
{
	struct json *txn = json_new_object();

	json_set_str(txn, "appId", change->app_id);
	json_set_int(txn, "version", change->txn);
	json_set_int(txn, "lastUpdated", clock_wall_ms());
	put_line(out, "txn", txn);
}

static void put_add(struct buf *out, const struct table_add *add)
{
	struct json *json = json_new_object();

	json_set_str(json, "path", add->name); /* names of ours need no encoding */
	json_set(json, "partitionValues", json_new_object());
	json_set_int(json, "size", add->size);
	json_set_int(json, "modificationTime", clock_wall_ms());
	json_set_bool(json, "dataChange", 1);
	if (add->stats)
		json_set_str(json, "stats", add->stats);
	put_line(out, "add", json);
}

/* ---- one try ------------------------------------------------------------------------------------------- */

static int is_plain_name(const char *name)
{
	for (; *name; name++)
		if (!((*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9') || strchr("-._", *name)))
			return 0;
	return 1;
}

/* A file that is in place already, with the right size, was moved by the same commit before a crash. */
static int check_in_place(struct blob *blob, const struct table_add *add, struct err *err)
{
	int64_t size;
	int r = blob_size(blob, add->name, &size, NULL, err);

	if (!r && size != add->size)
		r = err_set(err, ERR_CORRUPT, "'%s/%s' has %" PRId64 " bytes, the commit says %" PRId64, blob_location(blob),
		            add->name, size, add->size);
	return r;
}

/* Looks again when the move fails: another process may be carrying out the same commit. */
static int adopt(struct blob *blob, const struct table_add *add, struct err *err)
{
	struct err failed = {0};
	int r;

	if (!is_plain_name(add->name))
		return err_set(err, ERR_INVALID, "'%s' is no name for a data file", add->name);
	r = check_in_place(blob, add, err);
	if (r != ERR_NOTFOUND || !add->staged)
		return r;
	r = blob_adopt(blob, add->staged, add->name, &failed);
	if (!r || !check_in_place(blob, add, err))
		return 0;
	return r == ERR_EXISTS ? ERR_CORRUPT : err_set(err, r, "%s", failed.text);
}

static int merge_schema(const struct table_snapshot *s, const struct table_change *change, struct ArrowSchema *ret,
                        int *ret_grown, struct err *err)
{
	const struct ArrowSchema *have = s->version >= 0 ? &s->schema : NULL;
	int r;

	*ret_grown = 0;
	r = have ? table_log_writable(s->log, err) : 0;
	if (r)
		return r;
	if (!change->schema)
		return have ? 0 : err_set(err, ERR_NOTFOUND, "there is no table, and no schema to make one");
	r = table_schema_merge(have, change->schema, ret, err);
	if (!r)
		*ret_grown = !have || !arrow_schema_equal(have, ret, 0);
	return r;
}

static int write_entry(struct blob *blob, const struct table_snapshot *s, const struct table_change *change,
                       const struct ArrowSchema *schema, int grown, struct err *err)
{
	struct buf text;
	char name[64];
	int r;

	buf_init(&text, 0);
	put_commit_info(&text, change, s->version < 0);
	if (s->version < 0)
		put_protocol(&text);
	if (grown)
		put_metadata(&text, s->log, schema);
	if (change->app_id)
		put_txn(&text, change);
	for (size_t i = 0; i < change->n_adds; i++)
		put_add(&text, &change->adds[i]);
	table_entry_name(s->version + 1, name);
	r = text.failed ? err_set(err, text.failed, "the log entry is too large")
	                : blob_put_new(blob, name, text.data, text.len, err);
	buf_done(&text);
	return r;
}

static int try_commit(struct blob *blob, const struct table_codec *codec, const struct table_change *change,
                      struct table_commit *ret, struct err *err)
{
	struct table_snapshot s;
	struct ArrowSchema schema = {0};
	int grown, r = table_snapshot(blob, codec, &s, err);

	if (r)
		return r;
	memset(ret, 0, sizeof(*ret));
	ret->already = change->app_id && table_txn(&s, change->app_id) >= change->txn;
	if (!ret->already) {
		r = merge_schema(&s, change, &schema, &grown, err);
		for (size_t i = 0; i < change->n_adds && !r; i++)
			r = adopt(blob, &change->adds[i], err);
		if (!r)
			r = write_entry(blob, &s, change, &schema, grown, err);
	}
	ret->version = s.version + !ret->already;
	ret->files = (int64_t)s.n_files;
	ret->rows = s.rows;
	ret->bytes = s.bytes;
	for (size_t i = 0; i < change->n_adds && !ret->already; i++) {
		ret->files++;
		ret->bytes += change->adds[i].size;
		ret->rows += ret->rows >= 0 ? change->adds[i].rows : 0;
	}
	if (!r && !ret->already)
		table_checkpoint_if_due(blob, codec, s.log, ret->version);
	arrow_schema_release(&schema);
	table_snapshot_done(&s);
	return r;
}

static void wait_a_little(int round)
{
	struct timespec ts = {0, (long)(random_u64() % (uint64_t)(1000000 * (round < 20 ? round + 1 : 20)))};

	nanosleep(&ts, NULL);
}

int table_commit(struct blob *blob, const struct table_codec *codec, const struct table_change *change,
                 struct table_commit *ret, struct err *err)
{
	for (int round = 0; round < RACES_MAX; round++) {
		int r = try_commit(blob, codec, change, ret, err);

		if (r != ERR_EXISTS)
			return r;
		wait_a_little(round);
	}
	return err_set(err, ERR_BUSY, "table '%s': other writers were first %d times", blob_location(blob), RACES_MAX);
}

/* ---- sweep ------------------------------------------------------------------------------------------------- */

struct sweep {
	struct blob *blob;
	const char *folder; /* "" or ends with a slash */
	const struct table_log *log;
	int64_t before, removed;
	struct err *err;
};

/* A place may hold what others have put there: only names that we give are ours to take. */
static int is_ours(const struct sweep *sweep, const char *name)
{
	if (str_starts(name, ".tmp-"))
		return 1;
	return !*sweep->folder && str_starts(name, "part-") && str_ends(name, ".parquet") &&
	       !map_get(&sweep->log->files, name) && !map_get(&sweep->log->removed, name);
}

static int sweep_file(void *ctx, const char *name, int is_folder)
{
	struct sweep *sweep = ctx;
	int64_t size, modified;
	char full[PATH_MAX];

	if (is_folder || !is_ours(sweep, name))
		return 0;
	snprintf(full, sizeof(full), "%s%s", sweep->folder, name);
	if (blob_size(sweep->blob, full, &size, &modified, NULL) || modified > sweep->before)
		return 0;
	sweep->removed++;
	return blob_delete(sweep->blob, full, sweep->err);
}

int table_sweep(struct blob *blob, const struct table_codec *codec, int64_t older_than_ms, int64_t *ret_removed,
                struct err *err)
{
	struct table_snapshot s;
	struct sweep sweep = {.blob = blob, .folder = "", .before = clock_wall_ms() - older_than_ms, .err = err};
	int r = table_snapshot(blob, codec, &s, err);

	if (r)
		return r;
	if (s.version >= 0) {
		sweep.log = s.log;
		r = blob_list(blob, "", NULL, sweep_file, &sweep, err);
		sweep.folder = "_delta_log/";
		if (!r)
			r = blob_list(blob, "_delta_log", NULL, sweep_file, &sweep, err);
		if (!r)
			r = index_sweep(blob, sweep.before, &sweep.removed, err);
	}
	table_snapshot_done(&s);
	if (!r)
		*ret_removed = sweep.removed;
	return r;
}
