/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoder gives: schemas that grow, and batches through the transforms into files. */
#include <stdlib.h>

#include "base/str.h"
#include "ingest.h"
#include "plugin/batch.h"
#include "table/table.h"

#define PREVIEW_ROWS 100
#define MARK_MAX (64u << 10)
#define GROWN_MAX 1000

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
		r = ingest_finish_file(in, err);
	arrow_schema_release(&in->target);
	in->target = merged;
	conform_free(in->conform);
	in->conform = NULL;
	return r ? r : conform_new(schema, &in->target, &in->conform, err);
}

/* What comes out of the transforms counts, once they know what comes in. */
int ingest_shape(struct ingest *in, const struct json *states, struct err *err)
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
		return ingest_plugin_failed(in, "schema", status, &error, err);
	if (++in->grown > GROWN_MAX)
		return err_set(err, ERR_PLUGIN,
		               "plugin '%s' said %d times in 'next' that its schema has grown, without a row",
		               in->plugin->descriptor->id, GROWN_MAX);
	r = loader_check_schema(in->loader, in->plugin, "schema", &in->schema, err);
	return r ? r : ingest_shape(in, first ? json_get(ingest_unit(in), "transforms") : NULL, err);
}

/* Takes the batch over. */
int ingest_write_batch(void *ctx, struct ArrowArray *batch, struct err *err)
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
	return in->transforms ? transforms_push(in->transforms, batch, err) : ingest_write_batch(in, batch, err);
}

static void tell_progress(struct ingest *in)
{
	in->events->on_progress(in->events->ctx, in->bytes_done + source_position(in->source), in->bytes_total,
	                        in->rows, rejects_count(in->rejects));
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
	json_set_str(ingest_unit(in), "mark", text);
	free(text);
	if (!in->marked)
		json_set(ingest_unit(in), "by", loader_sign_state(in->plugin));
	in->marked = 1;
	return 0;
}

/* At the place that the mark names. */
static int save_transforms(struct ingest *in, struct err *err)
{
	struct json *states = NULL;
	int r = in->transforms ? transforms_save(in->transforms, &states, err) : 0;

	if (states)
		json_set(ingest_unit(in), "transforms", states);
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
	return r ? r : ingest_send_part(in, 0, 0, err);
}

int ingest_read_batches(struct ingest *in, struct err *err)
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
			r = ingest_feed(in, err);
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
			return ingest_plugin_failed(in, "next", status, &error, err);
		r = take_batch(in, &batch, err);
		in->grown = 0;
		if (!r)
			r = after_batch(in, err);
		if (in->dry_run && in->rows >= PREVIEW_ROWS)
			break;
	}
	return r;
}
