/* SPDX-License-Identifier: Apache-2.0 */
#include "table/entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"

static void put_line(struct buf *out, const char *action, struct json *json)
{
	struct json *line = json_new_object();

	json_set(line, action, json);
	buf_puts(out, json_text(line));
	buf_putc(out, '\n');
	json_free(line);
}

/* ---- commitInfo ------------------------------------------------------------------------------------------- */

/* Metrics are texts, in Spark's names. */
static void set_metric(struct json *metrics, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	if (value >= 0)
		json_set_str(metrics, name, text);
}

static struct json *make_metrics(const struct change_plan *plan)
{
	struct json *metrics = json_new_object();
	const struct table_change *change = plan->change;

	if (change->rearranges) {
		set_metric(metrics, "numAddedFiles", (int64_t)change->n_adds);
		set_metric(metrics, "numAddedBytes", plan->added_bytes);
	} else if (change->n_adds || !plan->n_removes) {
		set_metric(metrics, "numFiles", (int64_t)change->n_adds);
		set_metric(metrics, "numOutputRows", plan->added_rows);
		set_metric(metrics, "numOutputBytes", plan->added_bytes);
	}
	if (plan->n_removes || change->rearranges) {
		set_metric(metrics, "numRemovedFiles", (int64_t)plan->n_removes);
		set_metric(metrics, "numRemovedBytes", plan->removed_bytes);
		if (!change->rearranges)
			set_metric(metrics, "numDeletedRows", plan->removed_rows);
	}
	return metrics;
}

static const char *operation_of(const struct change_plan *plan)
{
	return plan->before->version < 0 && !plan->change->n_adds ? "CREATE TABLE" : plan->change->operation;
}

static void put_commit_info(struct buf *out, const struct change_plan *plan)
{
	const struct json *parameters = plan->change->parameters;
	struct json *info = json_new_object();
	char uuid[UUID_LEN];

	uuid_new(uuid);
	json_set_int(info, "timestamp", clock_wall_ms());
	json_set_str(info, "operation", operation_of(plan));
	json_set(info, "operationParameters", parameters ? json_copy(parameters) : json_new_object());
	json_set_int(info, "readVersion", plan->before->version);
	if (plan->before->version < 0)
		json_del(info, "readVersion");
	json_set_bool(info, "isBlindAppend", !plan->n_removes && !plan->change->replaces);
	json_set_str(info, "engineInfo", "Orasi/" ORASI_VERSION);
	json_set_str(info, "txnId", uuid);
	json_set(info, "operationMetrics", make_metrics(plan));
	put_line(out, "commitInfo", info);
}

/* ---- protocol and metadata ----------------------------------------------------------------------------------- */

static void put_protocol(struct buf *out)
{
	struct json *protocol = json_new_object();

	json_set_int(protocol, "minReaderVersion", 1);
	json_set_int(protocol, "minWriterVersion", 2);
	put_line(out, "protocol", protocol);
}

static struct json *new_metadata(const struct table_change *change)
{
	struct json *metadata = json_new_object(), *format = json_new_object();
	char uuid[UUID_LEN];

	uuid_new(uuid);
	json_set_str(metadata, "id", uuid);
	json_set_str(format, "provider", "parquet");
	json_set(format, "options", json_new_object());
	json_set(metadata, "format", format);
	json_set(metadata, "partitionColumns",
	         change->partition_by ? json_copy(change->partition_by) : json_new_array());
	json_set(metadata, "configuration", change->properties ? json_copy(change->properties) : json_new_object());
	json_set_int(metadata, "createdTime", clock_wall_ms());
	return metadata;
}

static void put_metadata(struct buf *out, const struct change_plan *plan)
{
	const struct table_log *log = plan->before->log;
	struct json *metadata = log->metadata ? json_copy(log->metadata) : new_metadata(plan->change);
	struct json *delta = table_schema_to_delta_as(plan->schema, log->schema);

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

/* ---- files ----------------------------------------------------------------------------------------------------- */

/* Exactly the partition columns, null where there is no value. */
static int set_partition(struct json *add, const struct change_plan *plan, const struct json *values, struct err *err)
{
	const struct json *columns = plan->before->version >= 0 ? json_get(plan->before->metadata, "partitionColumns")
	                                                        : plan->change->partition_by;
	struct json *object = json_new_object();
	int r = 0;

	for (size_t i = 0; i < json_count(columns) && !r; i++) {
		const char *name = json_str(json_at(columns, i), "");

		if (!values)
			r = err_set(err, ERR_UNSUPPORTED,
			            "the table has the partition column '%s': a file that may hold any of its "
			            "values cannot be added",
			            name);
		else
			json_set(object, name, json_new_str(json_str(json_get(values, name), NULL)));
	}
	json_set(add, "partitionValues", object);
	return r;
}

static int put_add(struct buf *out, const struct change_plan *plan, const struct table_add *add, struct err *err)
{
	struct json *json = json_new_object();
	int r;

	json_set_str(json, "path", add->name); /* names of ours need no encoding */
	r = set_partition(json, plan, add->partition, err);
	json_set_int(json, "size", add->size);
	json_set_int(json, "modificationTime", clock_wall_ms());
	json_set_bool(json, "dataChange", !plan->change->rearranges);
	if (add->stats)
		json_set_str(json, "stats", add->stats);
	put_line(out, "add", json);
	return r;
}

static void put_remove(struct buf *out, const struct change_plan *plan, const struct table_file *file)
{
	struct json *json = json_new_object();

	json_set_str(json, "path", file->raw);
	json_set_int(json, "deletionTimestamp", clock_wall_ms());
	json_set_bool(json, "dataChange", !plan->change->rearranges);
	json_set_bool(json, "extendedFileMetadata", 1);
	json_set(json, "partitionValues", file->partition ? json_copy(file->partition) : json_new_object());
	json_set_int(json, "size", file->size > 0 ? file->size : 0);
	put_line(out, "remove", json);
}

int entry_write(const struct change_plan *plan, struct buf *ret, struct err *err)
{
	const struct table_change *change = plan->change;
	int r = 0;

	put_commit_info(ret, plan);
	if (plan->before->version < 0)
		put_protocol(ret);
	if (plan->grown)
		put_metadata(ret, plan);
	if (change->app_id)
		put_txn(ret, change);
	for (size_t i = 0; i < change->n_adds && !r; i++)
		r = put_add(ret, plan, &change->adds[i], err);
	for (size_t i = 0; i < plan->n_removes; i++)
		put_remove(ret, plan, plan->removes[i]);
	return r ? r : ret->failed ? err_set(err, ret->failed, "the log entry is too large") : 0;
}
