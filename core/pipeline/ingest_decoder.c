/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin of the unit at hand: chosen, made, opened at its mark, fed, closed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "format.h"
#include "ingest.h"
#include "plugin/batch.h"
#include "table/table.h"

#define BATCH_ROWS 16384
#define BATCH_BYTES (8u << 20)
#define BATCH_BYTES_MIN (64u << 10)

/* The order may say what the unit is: an earlier one has found it out, see pipeline.h. */
static const char *format_of_unit(const struct ingest *in)
{
	const struct json *found = json_get(in->order, "found");

	if (json_get_int(found, "unit", -1) == (int64_t)in->unit)
		return json_get_str(found, "plugin", "");
	return json_str(json_pointer(in->spec, "/format/plugin"), "auto");
}

/* Who read the unit up to its mark goes on with it, also when another would now be surer that it is his. NULL: nobody. */
static const char *reader_of_unit(const struct ingest *in)
{
	const struct json *unit = ingest_unit(in);

	return json_get(unit, "mark") ? json_str(json_pointer(unit, "/by/plugin"), NULL) : NULL;
}

/* What is found by content gets no rights here that it would not have by name: another order is to be given for it. */
int ingest_choose_plugin(struct ingest *in, const char *uri, struct err *err)
{
	const char *name = format_of_unit(in), *reader = reader_of_unit(in);
	int is_found = !strcmp(name, "auto");
	int r = format_choose(in->loader, is_found && reader ? reader : name, in->source, uri, &in->plugin, err);

	if (!r && reader)
		r = loader_check_state(in->plugin, json_get(ingest_unit(in), "by"), err);
	if (r || !is_found || !format_lacks_rights(in->plugin, in->events->rights))
		return r;
	in->lacking = in->plugin->descriptor->id;
	return err_set(err, ERR_PERM,
	               "'%.300s' is of the format '%s', which needs rights that this worker does not have", uri,
	               in->plugin->descriptor->name);
}

int ingest_plugin_failed(struct ingest *in, const char *function, orasi_status status, const orasi_error *error,
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

int ingest_make_decoder(struct ingest *in, struct err *err)
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
	return status ? ingest_plugin_failed(in, "create", status, &error, err) : 0;
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
		               json_get_str(ingest_unit(in), "uri", ""));
	return 0;
}

/* A file ends between batches, so those of small files are small. */
static uint64_t batch_bytes(const struct ingest *in)
{
	uint64_t part = in->target_bytes / 4;

	return part < BATCH_BYTES_MIN ? BATCH_BYTES_MIN : part < BATCH_BYTES ? part : BATCH_BYTES;
}

/* What the source has next, to a decoder that waits for it. */
int ingest_feed(struct ingest *in, struct err *err)
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
	return status ? ingest_plugin_failed(in, function, status, &error, err) : 0;
}

/* With options that it cannot be fed with, a fresh instance reads. */
static int begin_anew(struct ingest *in, struct err *err)
{
	feed_done(&in->feed);
	loader_call_void(in->loader, in->plugin, "destroy", in->plugin->ingest->destroy(in->self));
	in->self = NULL;
	loader_host_done(&in->host);
	return ingest_make_decoder(in, err);
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

int ingest_open_decoder(struct ingest *in, struct err *err)
{
	const char *mark = json_get_str(ingest_unit(in), "mark", "");
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
		               json_get_str(ingest_unit(in), "uri", ""));
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
		return in->self ? ingest_plugin_failed(in, "open", status, &error, err) : err->code;
	in->opened = 1;
	if (in->feed.table && ingest_feed(in, err))
		return err->code;
	return loader_check_schema(in->loader, in->plugin, "open", &in->schema, err);
}

void ingest_close_decoder(struct ingest *in)
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
	in->opened = in->marked = 0;
	in->conform = NULL;
	in->source = NULL;
	in->plugin = NULL;
	memset(&in->mark, 0, sizeof(in->mark));
}
