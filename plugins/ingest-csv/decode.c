/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder.
 *
 *   open    the dialect, a sample, the columns (table.c); then to the place where reading begins
 *   next    record by record into the columns, until the batch is full
 *
 * A record that cannot become a row goes to the host's quarantine (reject.c), and rows given out plus rejects are
 * always the records seen. Fed instead of read (fed.c), the same happens with ORASI_AGAIN wherever bytes are wanting;
 * the columns are known when the sample is there. Without the host's reject extension the first bad record ends the
 * reading. An error that comes up while rows are waiting is kept in `pending` until these are out. */
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>
#include <orasi/sdk/fed.h>

#include "decode.h"

#define BATCH_BYTES_MAX (1ULL << 30) /* keeps 32-bit offsets far from their end */
#define CANCEL_EVERY 256             /* records between two looks at the flag */

orasi_status decoder_no_memory(orasi_error *err)
{
	return orasi_fail(err, ORASI_E_NOMEM, "no memory left for the rows of this batch");
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

void decoder_reset(struct decoder *d)
{
	reader_close(d->reader);
	table_done(&d->table);
	arrow_builder_free(d->root);
	free(d->scratch.p);
	d->reader = NULL;
	d->root = NULL;
	d->scratch = (struct value_scratch){0};
	d->table = (struct table){0};
	d->state = (struct state){0};
	d->pending = ORASI_OK;
	d->unsettled = d->going = false;
	arrow_schema_release(&d->want);
	d->want.release = NULL;
}

static void decode_destroy(void *self)
{
	struct decoder *d = self;

	if (!d)
		return;
	decoder_reset(d);
	settings_done(&d->settings);
	free(d);
}

static orasi_status decode_create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                                  orasi_error *err)
{
	struct decoder *d;
	orasi_status status;

	if (strcmp(id, PLUGIN_ID))
		return orasi_fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	d = calloc(1, sizeof(*d));
	if (!d)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for a decoder");
	d->host = host;
	d->job = host->get_extension(host, ORASI_HOST_JOB);
	d->reject = host->get_extension(host, ORASI_HOST_REJECT);
	status = settings_read(config, &d->settings, err);
	if (status) {
		decode_destroy(d);
		return status;
	}
	*ret_self = d;
	return ORASI_OK;
}

/* ---- open -------------------------------------------------------------------------------------------------------- */

/* The beginning of the source is what it was when the checkpoint was taken. */
static orasi_status check_same(const struct decoder *d, const struct state *before, orasi_error *err)
{
	const struct dialect *now = &d->table.format.dialect, *then = &before->dialect;

	if (now->delimiter == then->delimiter && now->quote == then->quote && now->escape == then->escape &&
	    now->newline == then->newline && d->table.sample.width == before->width)
		return ORASI_OK;
	return orasi_fail(err, ORASI_E_STATE, "the source begins otherwise than it did at the checkpoint");
}

orasi_status decoder_go_to_start(struct decoder *d, const orasi_ingest_open *open, orasi_error *err)
{
	struct state before;
	orasi_status status;

	reader_set_end(d->reader, open->range_end);
	d->state.range_begin = open->range_begin;
	d->state.range_end = open->range_end;
	d->state.dialect = d->table.format.dialect;
	d->state.width = d->table.sample.width;
	if (!open->checkpoint.len)
		return open->range_begin ? reader_find(d->reader, open->range_begin, err) : ORASI_OK;
	status = state_read(&before, &d->state, open->checkpoint, err);
	if (!status)
		status = check_same(d, &before, err);
	if (status)
		return status;
	d->state = before;
	return reader_go(d->reader, &before.place, err);
}

void decoder_begin_table(struct decoder *d)
{
	d->table = (struct table){.host = d->host,
	                          .log = d->host->get_extension(d->host, ORASI_HOST_LOG),
	                          .settings = &d->settings};
}

orasi_status decoder_make_root(struct decoder *d, orasi_error *err)
{
	d->root = arrow_builder_new(&d->table.schema);
	return d->root ? ORASI_OK : decoder_no_memory(err);
}

static orasi_status open_all(struct decoder *d, const orasi_ingest_open *open, struct ArrowSchema *ret_schema,
                             orasi_error *err)
{
	orasi_status status = reader_open(open->source, d->host, (size_t)d->settings.max_record, &d->reader, err);

	decoder_begin_table(d);
	if (!status)
		status = table_open(&d->table, d->reader, err);
	if (!status)
		status = table_columns(&d->table, open->want, open->want && (open->flags & ORASI_OPEN_PROJECT), err);
	if (!status)
		status = decoder_go_to_start(d, open, err);
	if (!status)
		status = decoder_make_root(d, err);
	if (status)
		return status;
	return arrow_schema_copy(ret_schema, &d->table.schema) ? decoder_no_memory(err) : ORASI_OK;
}

void decoder_begin(struct decoder *d, const orasi_ingest_open *open)
{
	decoder_reset(d);
	d->max_rows = open->max_rows ? open->max_rows : 1;
	d->max_bytes = open->max_bytes && open->max_bytes < BATCH_BYTES_MAX ? open->max_bytes : BATCH_BYTES_MAX;
}

static orasi_status decode_open(void *self, const orasi_ingest_open *open, struct ArrowSchema *ret_schema,
                                orasi_error *err)
{
	struct decoder *d = self;
	orasi_status status;

	decoder_begin(d, open);
	status = open_all(d, open, ret_schema, err);
	if (status)
		decoder_reset(d);
	return status;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static bool is_text(const struct arrow_type_info *info)
{
	return info->type == ARROW_UTF8 || info->type == ARROW_LARGE_UTF8;
}

/* Blanks in a column of numbers are null, as is an empty text in quotes. */
static bool is_blank(const struct field *field)
{
	for (size_t i = 0; i < field->len; i++)
		if (field->p[i] != ' ' && field->p[i] != '\t')
			return false;
	return true;
}

static enum value append_field(struct decoder *d, int64_t i, const struct field *field, struct flaw *flaw)
{
	const struct ArrowSchema *schema = d->table.schema.children[i];
	const struct arrow_type_info *info = &d->table.types[i];
	struct arrow_builder *to = arrow_builder_child(d->root, i);

	if (!field || value_is_null(&d->table.format, field) || (!is_text(info) && is_blank(field))) {
		if (schema->flags & ARROW_FLAG_NULLABLE)
			return arrow_append_null(to) ? VALUE_NOMEM : VALUE_OK;
		*flaw = (struct flaw){FLAW_NULL, "no value for a column that needs one", i, NULL};
		return VALUE_MISMATCH;
	}
	*flaw = (struct flaw){FLAW_TYPE, NULL, i, field};
	return value_append(&d->table.format, to, info, field, &d->scratch, &flaw->what);
}

/* False with the flaw; its code is NULL when memory ran out. Then the columns may hold half a row. */
static bool append_row(struct decoder *d, const struct record *record, struct flaw *flaw)
{
	const struct fields *fields = reader_fields(d->reader);
	uint32_t width = d->table.sample.width;

	*flaw = (struct flaw){record->flaw, record->what, -1, NULL};
	if (record->flaw)
		return false;
	if (!fields_fit(fields, width) && (fields->n > width || !d->settings.fill)) {
		flaw->code = fields->n > width ? FLAW_EXTRA : FLAW_MISSING;
		flaw->what = fields->n > width ? "more fields than columns" : "fewer fields than columns";
		return false;
	}
	if (!arrow_utf8_valid(record->text, record->len)) {
		*flaw = (struct flaw){FLAW_UTF8, "not UTF-8", -1, NULL};
		return false;
	}
	for (int64_t i = 0; i < d->table.schema.n_children; i++) {
		int64_t from = d->table.from[i];
		enum value value = append_field(d, i, from >= 0 && from < fields->n ? &fields->at[from] : NULL, flaw);

		if (value == VALUE_NOMEM)
			flaw->code = NULL;
		if (value != VALUE_OK)
			return false;
	}
	if (arrow_end_struct(d->root)) {
		flaw->code = NULL;
		return false;
	}
	return true;
}

/* ---- next -------------------------------------------------------------------------------------------------------- */

static orasi_status take_record(struct decoder *d, const struct record *record, int64_t *rows, uint64_t *bytes,
                                orasi_error *err)
{
	struct flaw flaw;

	if (append_row(d, record, &flaw)) {
		++*rows;
		d->state.rows++;
		*bytes += record->len + 8 * (uint64_t)d->table.schema.n_children;
		return ORASI_OK;
	}
	arrow_builder_truncate(d->root, *rows);
	return flaw.code ? decoder_reject(d, record, &flaw, err) : decoder_no_memory(err);
}

/* Fills the columns until the batch is full or something else comes up. */
static orasi_status fill_batch(struct decoder *d, int64_t *rows, orasi_error *err)
{
	uint64_t bytes = 0, seen = 0;
	orasi_status status = ORASI_OK;
	struct record record;

	while (!status && *rows < d->max_rows && bytes < d->max_bytes) {
		if (seen++ % CANCEL_EVERY == 0 && d->job && d->job->cancel_flag && *d->job->cancel_flag)
			return orasi_fail(err, ORASI_E_CANCELLED, "the task was cancelled");
		d->state.place = reader_where(d->reader);
		status = reader_next(d->reader, &record, err);
		if (!status)
			status = take_record(d, &record, rows, &bytes, err);
	}
	if (status >= 0) /* else the mark stays before what failed */
		d->state.place = reader_where(d->reader);
	return status;
}

static orasi_status give_batch(struct decoder *d, orasi_status status, struct ArrowArray *ret, orasi_mark *mark,
                               orasi_error *err)
{
	if (arrow_builder_finish(d->root, ret))
		return decoder_no_memory(err);
	state_write(&d->state, d->saved_state);
	mark->flags = ORASI_MARK_RESUMABLE;
	mark->rows_total = d->state.rows;
	mark->bytes_total = d->state.place.offset - d->state.range_begin;
	mark->state = (orasi_bytes){d->saved_state, STATE_SIZE};
	d->pending = status;
	if (status < 0) {
		d->pending_error = *err;
		*err = (orasi_error)ORASI_NO_ERROR;
	}
	return ORASI_OK;
}

static orasi_status decode_next(void *self, struct ArrowArray *ret_batch, orasi_mark *mark, orasi_error *err)
{
	struct decoder *d = self;
	orasi_status status;
	int64_t rows = 0;

	if (!d->reader)
		return orasi_fail(err, ORASI_E_INVALID, "next without open");
	status = decoder_get_ready(d, err);
	if (status)
		return status;
	status = d->pending == ORASI_AGAIN ? ORASI_OK : d->pending;
	if (status < 0)
		*err = d->pending_error;
	if (!status)
		status = fill_batch(d, &rows, err);
	if (rows)
		return give_batch(d, status, ret_batch, mark, err);
	d->pending = status;
	if (status < 0)
		d->pending_error = *err;
	return status;
}

static orasi_status decode_schema(void *self, struct ArrowSchema *ret_schema, orasi_error *err)
{
	struct decoder *d = self;

	return arrow_schema_copy(ret_schema, &d->table.schema) ? decoder_no_memory(err) : ORASI_OK;
}

static orasi_status decode_close(void *self, orasi_error *err)
{
	(void)err;
	decoder_reset(self);
	return ORASI_OK;
}

static const void *decode_extension(void *self, const char *id)
{
	(void)self;
	return fed_extension(&decode_fed, id);
}

/* ---- factory ------------------------------------------------------------------------------------------------------ */

const orasi_ingest_factory decode_factory = {
	.struct_size = sizeof(decode_factory),
	.sniff = decode_sniff,
	.create = decode_create,
	.destroy = decode_destroy,
	.open = decode_open,
	.next = decode_next,
	.schema = decode_schema,
	.close = decode_close,
	.get_extension = decode_extension,
};
