/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder.
 *
 *   open    finds the mode, notes a sample of records, settles the schema
 *   next    record by record into the columns, until the batch is full
 *
 * A record that cannot become a row goes to the host's quarantine (reject.c), and rows given out plus rejects are
 * always the records seen. Without the host's reject extension the first bad record ends the reading.
 *
 * A key without a column makes the schema grow: the record is given back to the reader, the rows before it go out,
 * the records that follow are noted like the sample was, new columns are appended (settle.c), and the host is told
 * ORASI_SCHEMA. What the sample window holds does not depend on how the source cuts its reads or how large batches
 * are, so neither do the types.
 *
 * Errors and growth that come up while rows are waiting are kept in `pending` until these are out.
 *
 * Fed instead of read, the same happens with ORASI_AGAIN wherever bytes are wanting; the mode and the schema are
 * settled by the first `next` that has enough of them. */
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

/* ---- making ------------------------------------------------------------------------------- */

static void decoder_free(struct decoder *d);

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
	d->log = host->get_extension(host, ORASI_HOST_LOG);
	d->job = host->get_extension(host, ORASI_HOST_JOB);
	d->reject = host->get_extension(host, ORASI_HOST_REJECT);
	status = settings_read(config, &d->settings, err);
	if (status) {
		decoder_free(d);
		return status;
	}
	*ret_self = d;
	return ORASI_OK;
}

/* Back to what create made. */
static void decoder_reset(struct decoder *d)
{
	reader_close(d->reader);
	column_free(d->root);
	row_done(&d->row);
	arrow_schema_release(&d->schema);
	d->reader = NULL;
	d->root = NULL;
	d->schema.release = NULL;
	arrow_schema_release(&d->want);
	d->want.release = NULL;
	d->unsettled = false;
	d->sample_again = 0;
	state_clear(&d->state);
	d->pending = ORASI_OK;
	d->duplicates_told = false;
}

static void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	decoder_reset(d);
	settings_done(&d->settings);
	free(d);
}

static void decode_destroy(void *self)
{
	decoder_free(self);
}

/* ---- open --------------------------------------------------------------------------------- */

static orasi_status open_reader(struct decoder *d, const orasi_ingest_open *open, bool fed, orasi_error *err)
{
	const struct reader_config config = {d->settings.mode, d->settings.records, (size_t)d->settings.max_record,
	                                     fed};

	d->state.range_begin = open->range_begin;
	d->state.range_end = open->range_end;
	if (d->resumed) {
		orasi_status status = state_read(&d->state, open->checkpoint, err);

		if (status)
			return status;
	}
	return reader_open(open->source, d->host, &config, open->range_begin, open->range_end,
	                   d->resumed ? &d->state.place : NULL, &d->reader, err);
}

static orasi_status open_all(struct decoder *d, const orasi_ingest_open *open, struct ArrowSchema *ret_schema,
                             orasi_error *err)
{
	orasi_status status = open_reader(d, open, false, err);

	if (!status)
		status = decoder_settle(d, open->want, err);
	if (!status)
		status = decoder_make_columns(d, err);
	return status ? status : decoder_export_schema(d, ret_schema, err);
}

static void begin(struct decoder *d, const orasi_ingest_open *open)
{
	decoder_reset(d);
	d->resumed = open->checkpoint.len > 0;
	d->project = open->want && (open->flags & ORASI_OPEN_PROJECT);
	d->row_config.unknown = d->project ? ROW_IGNORE : d->settings.unknown_fields;
	d->row_config.coerce = d->settings.coerce;
	d->row_config.max_depth = (unsigned)d->settings.max_depth;
	d->row = (struct row){.config = &d->row_config};
	d->range_begin = open->range_begin;
	d->max_rows = open->max_rows ? open->max_rows : 1;
	d->max_bytes = open->max_bytes && open->max_bytes < BATCH_BYTES_MAX ? open->max_bytes : BATCH_BYTES_MAX;
}

static orasi_status decode_open(void *self, const orasi_ingest_open *open, struct ArrowSchema *ret_schema,
                                orasi_error *err)
{
	struct decoder *d = self;
	orasi_status status;

	begin(d, open);
	status = open_all(d, open, ret_schema, err);
	if (status)
		decoder_reset(d);
	return status;
}

/* ---- fed ---------------------------------------------------------------------------------- */

/* Mode and schema; ORASI_AGAIN until there are enough bytes to know them. */
static orasi_status settle_fed(struct decoder *d, orasi_error *err)
{
	orasi_status status = reader_start(d->reader, err);

	if (!status)
		status = decoder_settle(d, d->want.release ? &d->want : NULL, err);
	if (!status)
		status = decoder_make_columns(d, err);
	d->unsettled = status != ORASI_OK;
	return status;
}

static orasi_status open_fed(struct decoder *d, const orasi_ingest_open *open, struct ArrowSchema *ret_schema,
                             orasi_error *err)
{
	orasi_status status;

	if (*d->settings.records)
		return orasi_fail(
			err, ORASI_E_UNSUPPORTED,
			"the option 'records' is for documents that can be read as a whole: leave it out, or write "
			"them to a file first");
	status = open_reader(d, open, true, err);
	if (!status && open->want && arrow_schema_copy(&d->want, open->want))
		status = decoder_no_memory(err);
	if (!status)
		status = settle_fed(d, err);
	if (status && status != ORASI_AGAIN)
		return status;
	if (!status)
		return decoder_export_schema(d, ret_schema, err);
	return arrow_schema_make(ret_schema, "+s", "", 0, 0) ? decoder_no_memory(err) : ORASI_OK;
}

static orasi_status decode_open_fed(void *self, const orasi_ingest_open *open, uint64_t *ret_from,
                                    struct ArrowSchema *ret_schema, orasi_error *err)
{
	struct decoder *d = self;
	orasi_status status;

	begin(d, open);
	status = open_fed(d, open, ret_schema, err);
	*ret_from = d->state.place.offset;
	if (status)
		decoder_reset(d);
	return status;
}

static orasi_status decode_feed(void *self, orasi_bytes bytes, uint32_t flags, orasi_error *err)
{
	struct decoder *d = self;

	return d->reader ? reader_feed(d->reader, bytes, flags & FED_LAST, err)
	                 : orasi_fail(err, ORASI_E_INVALID, "feed without open");
}

static const struct fed fed = FED(decode_open_fed, decode_feed);

/* ---- next --------------------------------------------------------------------------------- */

static bool is_cancelled(const struct decoder *d)
{
	return d->job && d->job->cancel_flag && *d->job->cancel_flag;
}

static bool parse(struct decoder *d, struct record *record)
{
	uint8_t saved = record->text[record->len];
	bool ok;

	record->text[record->len] = 0;
	ok = row_parse(&d->row, d->root, record->text, record->len);
	record->text[record->len] = saved;
	return ok;
}

/* A key that did not become a column, unless worse is wrong with the record. */
static void say_no_column(struct decoder *d, struct record *record)
{
	uint8_t saved = record->text[record->len];

	d->row.flaw.code = FLAW_COLUMNS;
	d->row.flaw.what = "a key that cannot become a column, because there are max_columns or it "
			   "holds a NUL";
	record->text[record->len] = 0;
	if (!row_check(record->text, record->len, d->row_config.max_depth, &d->row.flaw))
		d->row.flaw.column = NULL;
	record->text[record->len] = saved;
}

/* A record that did not become a row: undo, then quarantine, or let the schema grow. */
static orasi_status on_flaw(struct decoder *d, struct record *record, int64_t rows, orasi_error *err)
{
	if (!record->too_long)
		column_truncate(d->root, rows);
	if (record->too_long || (d->row.flaw.code != flaw_nomem && d->row.flaw.code != flaw_grow))
		return decoder_reject(d, record, err);
	if (d->row.flaw.code == flaw_nomem)
		return decoder_no_memory(err);
	if (record->offset < d->state.grow_after) {
		say_no_column(d, record);
		return decoder_reject(d, record, err);
	}
	reader_unread(d->reader, record);
	return ORASI_SCHEMA;
}

/* Fills the columns until the batch is full or something else comes up. */
static orasi_status fill_batch(struct decoder *d, int64_t *ret_rows, orasi_error *err)
{
	uint64_t bytes = 0, seen = 0;
	int64_t rows = 0;
	orasi_status status = ORASI_OK;
	struct record record;

	while (!status && rows < d->max_rows && bytes < d->max_bytes) {
		if (++seen % CANCEL_EVERY == 0 && is_cancelled(d)) {
			status = orasi_fail(err, ORASI_E_CANCELLED, "the task was cancelled");
			break;
		}
		reader_where(d->reader, &d->state.place);
		status = reader_next(d->reader, &record, err);
		if (status)
			break;
		if (!record.too_long && parse(d, &record)) {
			rows++;
			d->state.rows++;
			bytes += record.len + d->root->row_bytes;
		} else {
			status = on_flaw(d, &record, rows, err);
		}
	}
	if (status >= 0) /* else the mark stays before what failed */
		reader_where(d->reader, &d->state.place);
	*ret_rows = rows;
	return status;
}

static void fill_mark(struct decoder *d, orasi_mark *mark)
{
	size_t n = state_write(&d->state, &d->schema, d->saved_state);

	mark->flags = n ? ORASI_MARK_RESUMABLE : 0;
	mark->rows_total = d->state.rows;
	mark->bytes_total = d->state.place.offset - d->range_begin;
	mark->state = (orasi_bytes){d->saved_state, n};
}

/* No rows are waiting: what came up is dealt with now. *ret_on: nothing has changed for the host, go on. */
static orasi_status after_rows(struct decoder *d, orasi_status status, bool *ret_on, orasi_error *err)
{
	bool grown = false;

	if (status == ORASI_END)
		decoder_tell_duplicates(d);
	if (status != ORASI_SCHEMA)
		return status;
	status = decoder_grow(d, &grown, err);
	if (status == ORASI_AGAIN)
		d->pending = ORASI_SCHEMA;
	if (!status && grown)
		status = decoder_make_columns(d, err);
	if (status)
		return status;
	*ret_on = !grown;
	return grown ? ORASI_SCHEMA : ORASI_OK;
}

static orasi_status give_batch(struct decoder *d, orasi_status status, struct ArrowArray *ret, orasi_mark *mark,
                               orasi_error *err)
{
	if (column_finish(d->root, ret))
		return decoder_no_memory(err);
	fill_mark(d, mark);
	d->pending = status == ORASI_AGAIN ? ORASI_OK : status;
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
	bool on;

	if (!d->reader)
		return orasi_fail(err, ORASI_E_INVALID, "next without open");
	if (d->unsettled) {
		status = settle_fed(d, err);
		if (status || d->schema.n_children)
			return status ? status : ORASI_SCHEMA;
	}
	do {
		on = false;
		status = d->pending;
		d->pending = ORASI_OK;
		if (status < 0)
			*err = d->pending_error;
		if (!status)
			status = fill_batch(d, &rows, err);
		if (rows)
			return give_batch(d, status, ret_batch, mark, err);
		status = after_rows(d, status, &on, err);
	} while (on);
	if (status == ORASI_AGAIN)
		return status;
	if (status)
		d->pending = status == ORASI_SCHEMA ? ORASI_OK : status;
	if (status < 0)
		d->pending_error = *err;
	return status;
}

static orasi_status decode_schema(void *self, struct ArrowSchema *ret_schema, orasi_error *err)
{
	return decoder_export_schema(self, ret_schema, err);
}

static orasi_status decode_close(void *self, orasi_error *err)
{
	(void)err;
	decoder_tell_duplicates(self);
	decoder_reset(self);
	return ORASI_OK;
}

static const void *decode_extension(void *self, const char *id)
{
	(void)self;
	return fed_extension(&fed, id);
}

/* ---- factory ------------------------------------------------------------------------------ */

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
