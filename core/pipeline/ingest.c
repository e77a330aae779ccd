/* SPDX-License-Identifier: Apache-2.0 */
/* Ingest: units (files) one after the other through the way of the data.
 *
 * Happy path of a unit: open → choose the plugin → open the decoder with the schema that the dataset has → batches,
 * through the transforms, conformed and written → the decoder ends. A file that has its size is finished and becomes a PART with the
 * decoder's mark, behind which another attempt resumes. The last PART says `final`.
 *
 * A schema that grows (a new column) ends the file at hand; the next one has the column. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "conform.h"
#include "feed.h"
#include "format.h"
#include "looks.h"
#include "pipeline.h"
#include "plugin/batch.h"
#include "plugin/codec.h"
#include "rejects.h"
#include "source.h"
#include "spread.h"
#include "table/table.h"
#include "transform.h"

#define BATCH_ROWS 16384
#define BATCH_BYTES (8u << 20)
#define BATCH_BYTES_MIN (64u << 10)
#define PREVIEW_ROWS 100
#define MARK_MAX (64u << 10)
#define GROWN_MAX 1000

struct ingest {
	struct loader *loader;
	const struct json *order, *spec;
	const struct pipeline_events *events;
	const char *staging, *task;
	int dry_run, overwrites;
	struct ArrowSchema target; /* of the dataset, as far as known; release NULL = nothing is known */
	struct json *partition_by;
	struct spread *output;
	struct rejects *rejects;
	struct json *files, *reject_files; /* of the part at hand */
	struct json *units;                /* state */
	size_t unit, n_done;               /* n_done: units of this order */
	const char *lacking;               /* the plugin of the unit at hand that needs another worker, or NULL */
	int64_t seq, rows, rows_decoded, bytes_done, bytes_total, n_files;
	uint64_t target_bytes;
	/* the unit at hand */
	struct source *source;
	const struct loader_plugin *plugin;
	struct loader_host host;
	void *self;
	struct feed feed;              /* of a source that comes as a stream */
	int opened, grown;             /* grown: how often the schema did, since the last row */
	struct ArrowSchema schema;     /* the plugin's */
	struct transforms *transforms; /* NULL: none */
	struct conform *conform;
	orasi_mark mark;
};

/* ---- units and state ------------------------------------------------------------------------------------- */

static struct json *unit_at(const struct ingest *in)
{
	return (struct json *)json_at(in->units, in->unit);
}

static void add_unit(struct ingest *in, const char *uri)
{
	struct json *unit = json_new_object();

	json_set_str(unit, "uri", uri);
	json_set_bool(unit, "done", 0);
	json_push(in->units, unit);
}

static void make_units(struct ingest *in)
{
	const struct json *uris = json_pointer(in->spec, "/source/uris");

	in->units = json_new_array();
	for (size_t i = 0; i < json_count(uris); i++)
		add_unit(in, json_str(json_at(uris, i), ""));
	if (!uris)
		add_unit(in, "inline");
}

static void resume(struct ingest *in, const struct json *checkpoint)
{
	const struct json *counts = json_get(checkpoint, "counts");

	in->units = json_copy(json_pointer(checkpoint, "/state/units"));
	in->seq = json_get_int(checkpoint, "seq", 0);
	in->rows = json_get_int(counts, "rows", 0);
	in->rows_decoded = json_get_int(counts, "rows_in", 0) - json_get_int(counts, "rejected", 0);
	in->n_files = json_get_int(counts, "files", 0);
	in->bytes_done = json_get_int(counts, "bytes_in", 0);
	rejects_set_count(in->rejects, json_get_int(counts, "rejected", 0));
	rejects_seen(in->rejects, in->rows_decoded);
}

/* ---- parts ------------------------------------------------------------------------------------------------- */

static struct json *make_counts(const struct ingest *in)
{
	struct json *counts = json_new_object();
	int64_t rejected = rejects_count(in->rejects);

	json_set_int(counts, "rows_in", in->rows_decoded + rejected);
	json_set_int(counts, "rows", in->rows);
	json_set_int(counts, "rejected", rejected);
	json_set_int(counts, "bytes_in", in->bytes_done);
	json_set_int(counts, "files", in->n_files);
	return counts;
}

static struct json *make_parameters(const struct ingest *in)
{
	struct json *parameters = json_new_object();

	json_set_str(parameters, "mode", in->overwrites ? "Overwrite" : "Append");
	json_set_str(parameters, "partitionBy", json_text(in->partition_by));
	return parameters;
}

static struct json *make_part(struct ingest *in, int final, int pauses)
{
	struct json *part = json_new_object(), *rejects = json_new_object(), *state = json_new_object();

	json_set_int(part, "seq", ++in->seq);
	json_set_bool(part, "final", final);
	json_set_bool(part, "pauses", pauses);
	json_set_str(part, "app_id", json_get_str(in->order, "app_id", in->task));
	json_set_str(part, "operation", "WRITE");
	json_set(part, "parameters", make_parameters(in));
	json_set_bool(part, "replaces", in->overwrites);
	json_set(part, "partition_by", json_copy(in->partition_by));
	json_set(part, "files", in->files);
	json_set(rejects, "files", in->reject_files);
	json_set(part, "rejects", rejects);
	json_set(part, "schema", in->target.release ? table_schema_to_delta(&in->target) : json_new_null());
	json_set(part, "counts", make_counts(in));
	json_set(state, "units", json_copy(in->units));
	json_set(part, "state", state);
	in->files = json_new_array();
	in->reject_files = json_new_array();
	return part;
}

static int note_mark(struct ingest *in, struct err *err)
{
	size_t n = in->mark.state.len;
	char *text;

	if (!(in->mark.flags & ORASI_MARK_RESUMABLE))
		return 0;
	if (n > MARK_MAX || (n && !in->mark.state.ptr))
		return err_set(err, ERR_PLUGIN,
		               "plugin '%s' gave a mark of %zu bytes in 'next': at most 64 KiB are kept",
		               in->plugin->descriptor->id, n);
	text = malloc(base64_len(n));
	if (!text)
		return err_set(err, ERR_NOMEM, "out of memory");
	base64_encode(in->mark.state.ptr, n, text);
	json_set_str(unit_at(in), "mark", text);
	free(text);
	return 0;
}

static int finish_file(struct ingest *in, struct err *err)
{
	size_t before = json_count(in->files);
	int r = in->output ? spread_finish(in->output, in->files, err) : 0;

	in->n_files += (int64_t)(json_count(in->files) - before);
	return r;
}

/* final: the task is done; pauses: the order is, and another one goes on behind this part */
static int send_part(struct ingest *in, int final, int pauses, struct err *err)
{
	struct json *part;
	int r = finish_file(in, err);

	if (!r)
		r = rejects_flush(in->rejects, in->reject_files, err);
	if (r)
		return r;
	part = make_part(in, final, pauses);
	r = in->events->on_part(in->events->ctx, part, err);
	json_free(part);
	return r;
}

/* ---- choosing the plugin -------------------------------------------------------------------------------------- */

/* The order may say what the unit is: an earlier one has found it out, see pipeline.h. */
static const char *format_of_unit(const struct ingest *in)
{
	const struct json *found = json_get(in->order, "found");

	if (json_get_int(found, "unit", -1) == (int64_t)in->unit)
		return json_get_str(found, "plugin", "");
	return json_str(json_pointer(in->spec, "/format/plugin"), "auto");
}

/* What is found by content gets no rights here that it would not have by name: another order is to be given for it. */
static int choose_plugin(struct ingest *in, const char *uri, struct err *err)
{
	const char *name = format_of_unit(in);
	int r = format_choose(in->loader, name, in->source, uri, &in->plugin, err);

	if (r || strcmp(name, "auto") || !format_lacks_rights(in->plugin, in->events->rights))
		return r;
	in->lacking = in->plugin->descriptor->id;
	return err_set(err, ERR_PERM,
	               "'%.300s' is of the format '%s', which needs rights that this worker does not have", uri,
	               in->plugin->descriptor->name);
}

/* ---- the decoder ------------------------------------------------------------------------------------------------ */

static void close_unit(struct ingest *in)
{
	orasi_error error = ORASI_NO_ERROR;

	if (in->opened)
		loader_call(in->loader, in->plugin, "close", in->plugin->ingest->close(in->self, &error));
	if (in->self)
		loader_call_void(in->loader, in->plugin, "destroy", in->plugin->ingest->destroy(in->self));
	feed_done(&in->feed);
	loader_host_done(&in->host);
	conform_free(in->conform);
	transforms_free(in->transforms);
	in->transforms = NULL;
	arrow_schema_release(&in->schema);
	source_close(in->source);
	in->self = NULL;
	in->opened = 0;
	in->conform = NULL;
	in->source = NULL;
	in->plugin = NULL;
	memset(&in->mark, 0, sizeof(in->mark));
}

static int plugin_failed(struct ingest *in, const char *function, orasi_status status, const orasi_error *error,
                         struct err *err)
{
	if (status != ORASI_E_BUDGET && !rejects_over(in->rejects))
		return loader_fail(in->plugin, function, status, error, err);
	return err_set(err, ERR_INVALID,
	               "too many records were rejected: %lld of %lld (errors.max_rejected, "
	               "errors.max_rejected_percent); the first: %.250s",
	               (long long)rejects_count(in->rejects),
	               (long long)(in->rows_decoded + rejects_count(in->rejects)), rejects_first(in->rejects));
}

static int open_source(struct ingest *in, const char *uri, struct err *err)
{
	const char *text = json_str(json_pointer(in->spec, "/source/inline"), NULL);

	if (text)
		return source_memory(text, strlen(text), &in->source, err);
	return source_open(uri, json_str(json_pointer(in->spec, "/source/compression"), "auto"), &in->source, err);
}

/* A file that changed since the mark was made would give other rows behind it. */
static int check_identity(struct ingest *in, struct err *err)
{
	struct json *unit = unit_at(in);
	int64_t size = source_size(in->source), modified = source_modified(in->source);

	if (json_get(unit, "mark") &&
	    (json_get_int(unit, "size", -1) != size || json_get_int(unit, "modified", -1) != modified))
		return err_set(err, ERR_CONFLICT,
		               "'%s' has changed since the attempt before: what was read of it is in the "
		               "dataset; ingest the new content as a new task",
		               json_get_str(unit, "uri", ""));
	json_set_int(unit, "size", size);
	json_set_int(unit, "modified", modified);
	return 0;
}

static int make_instance(struct ingest *in, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	orasi_status status;
	struct loader_config config;
	int r;

	loader_host_init(&in->host, in->loader, in->staging, (int)json_get_int(in->order, "attempt", 1), INT64_MAX);
	in->host.on_reject = rejects_add;
	in->host.ctx = in->rejects;
	r = loader_host_for(&in->host, in->plugin, err);
	if (r)
		return r;
	loader_config_init(&config, in->plugin, json_pointer(in->spec, "/format/options"));
	status = loader_call(in->loader, in->plugin, "create",
	                     in->plugin->ingest->create(&in->host.host, in->plugin->descriptor->id, &config.config,
	                                                &in->self, &error));
	loader_config_done(&config);
	return status ? plugin_failed(in, "create", status, &error, err) : 0;
}

/* Bytes of the source whose records are ours; 0 and 0: all. */
static int take_range(const struct ingest *in, orasi_ingest_open *open, struct err *err)
{
	const struct json *range = json_pointer(in->spec, "/source/range");

	if (!range)
		return 0;
	open->range_begin = (uint64_t)json_get_int(range, "begin", 0);
	open->range_end = (uint64_t)json_get_int(range, "end", 0);
	if (!(in->plugin->descriptor->flags & ORASI_FLAG_SPLITTABLE))
		return err_set(err, ERR_UNSUPPORTED,
		               "plugin '%s' cannot read a range of a file: leave source.range out",
		               in->plugin->descriptor->id);
	if (!(source_abi(in->source)->flags & ORASI_SOURCE_SEEK))
		return err_set(err, ERR_UNSUPPORTED, "'%s' is compressed and has no ranges: leave source.range out",
		               json_get_str(unit_at(in), "uri", ""));
	return 0;
}

static int64_t range_size(const struct ingest *in)
{
	const struct json *range = json_pointer(in->spec, "/source/range");
	int64_t size = source_size(in->source), begin = json_get_int(range, "begin", 0),
		end = json_get_int(range, "end", size);

	end = end < size ? end : size;
	return begin < end ? end - begin : 0;
}

/* A file ends between batches, so those of small files are small. */
static uint64_t batch_bytes(const struct ingest *in)
{
	uint64_t part = in->target_bytes / 4;

	return part < BATCH_BYTES_MIN ? BATCH_BYTES_MIN : part < BATCH_BYTES ? part : BATCH_BYTES;
}

/* What the source has next, to a decoder that waits for it. */
static int feed_next(struct ingest *in, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	const char *function;
	orasi_status status;

	if (in->events->is_cancelled(in->events->ctx))
		return err_set(err, ERR_CANCELLED, "the task was cancelled");
	if (in->feed.last)
		return err_set(err, ERR_PLUGIN,
		               "plugin '%s' misbehaves: all bytes were fed, and 'next' returned ORASI_AGAIN",
		               in->plugin->descriptor->id);
	status = feed_more(&in->feed, &function, &error);
	return status ? plugin_failed(in, function, status, &error, err) : 0;
}

/* With options that it cannot be fed with, a fresh instance reads. */
static int begin_anew(struct ingest *in, struct err *err)
{
	feed_done(&in->feed);
	loader_call_void(in->loader, in->plugin, "destroy", in->plugin->ingest->destroy(in->self));
	in->self = NULL;
	loader_host_done(&in->host);
	return make_instance(in, err);
}

/* Fed where it can be, else the plugin reads. */
static orasi_status call_open(struct ingest *in, const orasi_ingest_open *open, orasi_error *error, struct err *err)
{
	orasi_status status;

	if (in->feed.table) {
		status = feed_open(&in->feed, open, &in->schema, error);
		if (status != ORASI_E_UNSUPPORTED || begin_anew(in, err))
			return status;
		*error = (orasi_error)ORASI_NO_ERROR;
	}
	return loader_call(in->loader, in->plugin, "open",
	                   in->plugin->ingest->open(in->self, open, &in->schema, error));
}

static int open_decoder(struct ingest *in, struct err *err)
{
	const char *mark = json_get_str(unit_at(in), "mark", "");
	size_t n = strlen(mark);
	uint8_t *state = malloc(n + 1);
	orasi_error error = ORASI_NO_ERROR;
	struct ArrowSchema want = {0};
	orasi_ingest_open open = {
		.struct_size = sizeof(open),
		.source = source_abi(in->source),
		.max_rows = BATCH_ROWS,
		.max_bytes = batch_bytes(in),
	};
	int64_t len = state ? base64_decode(mark, n, state, n) : ERR_NOMEM;
	orasi_status status;

	if (len >= 0 && take_range(in, &open, err)) {
		free(state);
		return err->code;
	}
	if (len < 0) {
		free(state);
		return err_set(err, ERR_CORRUPT, "the checkpoint of '%s' is damaged",
		               json_get_str(unit_at(in), "uri", ""));
	}
	/* The dataset's columns are those behind the transforms. */
	if (in->target.release && !in->transforms && table_schema_at_source(&in->target, &want, err)) {
		free(state);
		return err->code;
	}
	open.want = want.release ? &want : NULL;
	open.checkpoint = (orasi_bytes){state, (size_t)len};
	status = call_open(in, &open, &error, err);
	arrow_schema_release(&want);
	free(state);
	if (status)
		return in->self ? plugin_failed(in, "open", status, &error, err) : err->code;
	in->opened = 1;
	if (in->feed.table && feed_next(in, err))
		return err->code;
	return loader_check_schema(in->loader, in->plugin, "open", &in->schema, err);
}

/* ---- schema ---------------------------------------------------------------------------------------------------- */

/* The dataset's schema gains what the plugin's has. A file at hand keeps its schema, so it ends. */
static int take_schema(struct ingest *in, const struct ArrowSchema *schema, struct err *err)
{
	struct ArrowSchema canonical = {0}, merged = {0};
	int grown, r = table_schema_canonical(schema, in->target.release ? &in->target : NULL, &canonical, err);

	if (!r)
		r = table_schema_merge(in->target.release ? &in->target : NULL, &canonical, &merged, err);
	arrow_schema_release(&canonical);
	if (r)
		return r;
	grown = !in->target.release || !arrow_schema_equal(&in->target, &merged, 0);
	if (grown)
		r = finish_file(in, err);
	arrow_schema_release(&in->target);
	in->target = merged;
	conform_free(in->conform);
	in->conform = NULL;
	return r ? r : conform_new(schema, &in->target, &in->conform, err);
}

/* What comes out of the transforms counts, once they know what comes in. */
static int shape(struct ingest *in, const struct json *states, struct err *err)
{
	int r;

	if (!in->transforms)
		return take_schema(in, &in->schema, err);
	r = transforms_bind(in->transforms, &in->schema, states, err);
	return r ? r : take_schema(in, transforms_schema(in->transforms), err);
}

static int grow_schema(struct ingest *in, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	orasi_status status;
	int first = !in->schema.n_children; /* nothing was known yet, nor were the transforms bound */
	int r = in->transforms && !first ? transforms_flush(in->transforms, err) : 0;

	if (r)
		return r;
	arrow_schema_release(&in->schema);
	status = loader_call(in->loader, in->plugin, "schema",
	                     in->plugin->ingest->schema(in->self, &in->schema, &error));
	if (status)
		return plugin_failed(in, "schema", status, &error, err);
	if (++in->grown > GROWN_MAX)
		return err_set(err, ERR_PLUGIN,
		               "plugin '%s' said %d times in 'next' that its schema has grown, without a row",
		               in->plugin->descriptor->id, GROWN_MAX);
	r = loader_check_schema(in->loader, in->plugin, "schema", &in->schema, err);
	return r ? r : shape(in, first ? json_get(unit_at(in), "transforms") : NULL, err);
}

/* ---- batches ---------------------------------------------------------------------------------------------------- */

/* Takes the batch over. */
static int write_batch(void *ctx, struct ArrowArray *batch, struct err *err)
{
	struct ingest *in = ctx;
	struct ArrowArray conformed;
	int r = conform_batch(in->conform, batch, &conformed, err);

	if (r) {
		arrow_array_release(batch);
		return r;
	}
	if (!in->dry_run)
		r = spread_write(in->output, &in->target, &conformed, err);
	in->rows += conformed.length;
	arrow_array_release(&conformed);
	return r;
}

static int take_batch(struct ingest *in, struct ArrowArray *batch, struct err *err)
{
	int r = loader_check_batch(in->loader, in->plugin, "next", &in->schema, batch, err);

	if (!r && !in->schema.n_children && batch->length)
		r = err_set(
			err, ERR_INVALID,
			"the records have no members at all, so there are no columns to make a table of: put a record "
			"with members first, or ingest other data into the dataset before");
	if (r) {
		arrow_array_release(batch);
		return r;
	}
	in->rows_decoded += batch->length;
	rejects_seen(in->rejects, in->rows_decoded);
	return in->transforms ? transforms_push(in->transforms, batch, err) : write_batch(in, batch, err);
}

static void tell_progress(struct ingest *in)
{
	in->events->on_progress(in->events->ctx, in->bytes_done + source_position(in->source), in->bytes_total,
	                        in->rows, rejects_count(in->rejects));
}

/* At the place that the mark names. */
static int save_transforms(struct ingest *in, struct err *err)
{
	struct json *states = NULL;
	int r = in->transforms ? transforms_save(in->transforms, &states, err) : 0;

	if (states)
		json_set(unit_at(in), "transforms", states);
	return r;
}

static int after_batch(struct ingest *in, struct err *err)
{
	int r = note_mark(in, err);

	if (r)
		return r;
	tell_progress(in);
	if (in->events->is_cancelled(in->events->ctx))
		return err_set(err, ERR_CANCELLED, "the task was cancelled");
	/* What overwrites goes in one commit or not at all. */
	if (in->overwrites || !(in->mark.flags & ORASI_MARK_RESUMABLE) || !spread_is_due(in->output))
		return 0;
	r = save_transforms(in, err);
	return r ? r : send_part(in, 0, 0, err);
}

static int read_batches(struct ingest *in, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	orasi_status status;
	int r = 0;

	while (!r) {
		struct ArrowArray batch = {0};

		in->mark.struct_size = sizeof(in->mark);
		status = loader_call(in->loader, in->plugin, "next",
		                     in->plugin->ingest->next(in->self, &batch, &in->mark, &error));
		if (status == ORASI_AGAIN && in->feed.table) {
			r = feed_next(in, err);
			continue;
		}
		if (status == ORASI_END && in->feed.table && !in->feed.last)
			return err_set(err, ERR_PLUGIN,
			               "plugin '%s' misbehaves: 'next' returned ORASI_END before all bytes were fed",
			               in->plugin->descriptor->id);
		if (status == ORASI_END)
			return in->transforms && in->schema.n_children ? transforms_flush(in->transforms, err) : 0;
		if (status == ORASI_SCHEMA) {
			r = grow_schema(in, err);
			continue;
		}
		if (status)
			return plugin_failed(in, "next", status, &error, err);
		r = take_batch(in, &batch, err);
		in->grown = 0;
		if (!r)
			r = after_batch(in, err);
		if (in->dry_run && in->rows >= PREVIEW_ROWS)
			break;
	}
	return r;
}

/* A format that is to be found out cannot be, of nothing: there is no record in it, and that is fine, unless a plugin
 * claims the name: an empty file is fine JSON and no Parquet. */
static int holds_nothing(struct ingest *in, const char *uri)
{
	const struct loader_plugin *claims;
	struct err broken = {0};
	orasi_bytes head;

	if (strcmp(json_str(json_pointer(in->spec, "/format/plugin"), "auto"), "auto"))
		return 0;
	head = source_head(in->source, &broken);
	return !broken.code && head.len < SOURCE_HEAD && looks_blank(head.ptr, head.len) &&
	       format_choose(in->loader, "auto", in->source, uri, &claims, &broken);
}

static int decode_unit(struct ingest *in, const char *uri, struct err *err)
{
	const struct transforms_env env = {
		.loader = in->loader,
		.steps = json_get(in->spec, "transform"),
		.staging = in->staging,
		.attempt = (int)json_get_int(in->order, "attempt", 1),
		.rejects = in->rejects,
		.on_batch = write_batch,
		.ctx = in,
	};
	int r = choose_plugin(in, uri, err);

	if (!r)
		r = make_instance(in, err);
	if (!r)
		r = transforms_new(&env, &in->transforms, err);
	if (!r)
		r = feed_init(&in->feed, in->loader, in->plugin, in->self, source_abi(in->source), err);
	if (!r)
		r = open_decoder(in, err);
	/* A source without records has no columns either, and changes nothing. */
	if (!r && in->schema.n_children)
		r = shape(in, json_get(unit_at(in), "transforms"), err);
	return r ? r : read_batches(in, err);
}

static int run_unit(struct ingest *in, struct err *err)
{
	struct json *unit = unit_at(in);
	const char *uri = json_get_str(unit, "uri", "");
	int64_t size;
	int r;

	rejects_from(in->rejects, uri);
	r = open_source(in, uri, err);
	if (!r)
		r = check_identity(in, err);
	if (!r && !holds_nothing(in, uri))
		r = decode_unit(in, uri, err);
	size = in->source ? range_size(in) : 0;
	close_unit(in);
	if (r) {
		if (err && r != ERR_CANCELLED && !strstr(err->text, uri)) /* of which file, a plugin does not know */
			err_prefix(err, "'%.300s'", uri);
		return r;
	}
	in->bytes_done += size;
	in->n_done++;
	json_set_bool(unit, "done", 1);
	json_del(unit, "mark");
	json_del(unit, "transforms");
	return 0;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

/* Those of the table, which the task may repeat; a new table has those of the task. */
static int choose_partitions(struct ingest *in, const struct table_snapshot *s, struct err *err)
{
	const struct json *wanted = json_pointer(in->spec, "/sink/partition_by");
	const struct json *have = json_get(s->metadata, "partitionColumns");

	if (s->version >= 0 && json_count(wanted) && strcmp(json_text(wanted), have ? json_text(have) : "[]")) {
		err_set(err, ERR_CONFLICT,
		        "the dataset is partitioned by %s, not by %s: that is decided when it is made",
		        have ? json_text(have) : "[]", json_text(wanted));
		err_where(err, "/sink/partition_by");
		return err->code;
	}
	have = s->version >= 0 ? have : wanted;
	in->partition_by = have ? json_copy(have) : json_new_array();
	return 0;
}

static int load_target(struct ingest *in, struct err *err)
{
	const char *location = json_str(json_pointer(in->order, "/dataset/location"), "");
	struct table_codec codec = CODEC(in->loader);
	struct table_snapshot snapshot;
	struct blob *blob;
	int r = blob_open(location, &blob, err);

	if (r)
		return r;
	r = table_snapshot(blob, &codec, &snapshot, err);
	if (!r) {
		r = table_check_gone(&snapshot, json_get(in->order, "dataset"), err);
		if (!r && snapshot.version >= 0 && arrow_schema_copy(&in->target, &snapshot.schema))
			r = err_set(err, ERR_NOMEM, "out of memory");
		if (!r)
			r = choose_partitions(in, &snapshot, err);
		table_snapshot_done(&snapshot);
	}
	blob_close(blob);
	return r;
}

static int open_output(struct ingest *in, struct err *err)
{
	struct json *options = spread_options(json_get(in->spec, "sink"));
	int r = spread_new(in->loader, in->staging, options, in->partition_by, in->target_bytes, &in->output, err);
	json_free(options);
	return r;
}

static int start(struct ingest *in, struct err *err)
{
	const struct json *checkpoint = json_get(in->order, "checkpoint");
	struct rejects_limits limits = {json_int(json_pointer(in->spec, "/errors/max_rejected"), -1),
	                                json_double(json_pointer(in->spec, "/errors/max_rejected_percent"), 100)};
	int r;

	in->target_bytes = (uint64_t)json_int(json_pointer(in->spec, "/sink/target_file_bytes"), 128 << 20);
	r = rejects_new(in->loader, in->staging, in->task, (int)json_get_int(in->order, "attempt", 1), &limits,
	                &in->rejects, err);
	if (!r)
		r = load_target(in, err);
	if (!r)
		r = open_output(in, err);
	if (r)
		return r;
	in->files = json_new_array();
	in->reject_files = json_new_array();
	if (json_pointer(checkpoint, "/state/units"))
		resume(in, checkpoint);
	else
		make_units(in);
	return 0;
}

static void measure(struct ingest *in)
{
	struct err ignored;
	struct source *source;

	if (!json_pointer(in->spec, "/source/uris"))
		return; /* the only unit is text of the order */
	for (size_t i = 0; i < json_count(in->units); i++)
		if (!source_open(json_get_str(json_at(in->units, i), "uri", ""), "none", &source, &ignored)) {
			in->bytes_total += source_size(source);
			source_close(source);
		}
}

static struct json *make_result(struct ingest *in)
{
	struct json *result = make_counts(in);

	json_set_int(result, "parts", in->seq);
	json_set(result, "first_rejected", rejects_sample(in->rejects));
	if (in->target.release)
		json_set(result, "schema", table_schema_to_delta(&in->target));
	return result;
}

static struct json *make_again(const struct ingest *in)
{
	struct json *again = json_new_object(), *found = json_new_object();

	if (in->lacking) {
		json_set_int(found, "unit", (int64_t)in->unit);
		json_set_str(found, "plugin", in->lacking);
	}
	json_set(again, "again", found);
	return again;
}

/* All that are not done; of an order with "found" only that one, because the others have no claim to its rights. *again:
 * what is left is for another order. */
static int run_units(struct ingest *in, struct json **again, struct err *err)
{
	int64_t only = json_int(json_pointer(in->order, "/found/unit"), -1);
	size_t left = 0;

	for (; in->unit < json_count(in->units); in->unit++) {
		int r = 0;

		if (json_get_bool(unit_at(in), "done", 0))
			continue;
		if (only >= 0 && (int64_t)in->unit != only)
			left++;
		else
			r = run_unit(in, err);
		if (r && !in->lacking)
			return r;
		if (r)
			break;
	}
	if (in->lacking || (left && !in->dry_run))
		*again = make_again(in);
	return 0;
}

int pipeline_ingest(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                    struct json **ret, struct err *err)
{
	struct ingest in = {
		.loader = loader,
		.order = order,
		.spec = json_get(order, "spec"),
		.events = events,
		.staging = json_get_str(order, "staging", ""),
		.task = json_get_str(order, "task", ""),
	};
	struct json *again = NULL;
	int r;

	in.dry_run = json_get_bool(in.spec, "dry_run", 0);
	in.overwrites = !strcmp(json_str(json_pointer(in.spec, "/sink/mode"), "append"), "overwrite");
	r = start(&in, err);
	if (!r)
		measure(&in);
	if (!r)
		r = run_units(&in, &again, err);
	if (!r && rejects_over(in.rejects))
		r = err_set(err, ERR_INVALID, "too many records were rejected: %lld; the first: %.300s",
		            (long long)rejects_count(in.rejects), rejects_first(in.rejects));
	if (!r && !in.dry_run && (!again || in.n_done))
		r = send_part(&in, !again, again != NULL, err);
	if (!r)
		*ret = again ? again : make_result(&in);
	else
		json_free(again);
	close_unit(&in);
	spread_free(in.output);
	json_free(in.partition_by);
	rejects_free(in.rejects);
	arrow_schema_release(&in.target);
	json_free(in.files);
	json_free(in.reject_files);
	json_free(in.units);
	return r;
}
