/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder.
 *
 *   open    finds the mode, notes a sample of records, settles the schema
 *   next    record by record into the columns, until the batch is full
 *
 * A record that cannot become a row goes to the host's quarantine, and rows given out plus rejects
 * are always the records seen. Without the host's reject extension the first bad record ends the
 * reading.
 *
 * A key without a column makes the schema grow: the record is given back to the reader, the rows
 * before it go out, the records that follow are noted like the sample was, new columns are
 * appended, and the host is told ORASI_SCHEMA. What the sample window holds does not depend on how
 * the source cuts its reads or how large batches are, so neither do the types.
 *
 * Errors and growth that come up while rows are waiting are kept in `pending` until these are out.
 *
 * Fed instead of read, the same happens with ORASI_AGAIN wherever bytes are wanting; the mode and the schema
 * are settled by the first `next` that has enough of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>
#include <orasi/sdk/fed.h>

#include "infer.h"
#include "plugin.h"
#include "state.h"
#include "text.h"

#define BATCH_BYTES_MAX (1ULL << 30) /* keeps 32-bit offsets far from their end */
#define CANCEL_EVERY 256             /* records between two looks at the flag */

struct decoder {
	const orasi_host *host;
	const orasi_host_log *log;
	const orasi_host_job *job;
	const orasi_host_reject *reject;
	struct settings settings;

	/* from open to close */
	struct reader *reader;
	struct ArrowSchema schema; /* what the columns are made from */
	struct column *root;
	struct row_config row_config;
	struct row row;
	struct state state; /* counts, and place of the next record */
	uint64_t range_begin;
	bool unsettled; /* it is fed, and the schema is not known yet */
	bool resumed;
	struct ArrowSchema want; /* what the host wants; release NULL: nothing */
	size_t sample_again;     /* bytes ahead with which a sample is worth another try */
	bool duplicates_told;
	uint32_t max_rows;
	uint64_t max_bytes;
	bool project;
	orasi_status pending;
	orasi_error pending_error;
	uint8_t saved_state[STATE_MAX];
};

static orasi_status no_memory(orasi_error *err)
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

/* ---- schema ------------------------------------------------------------------------------- */

static struct infer_limits limits_of(const struct decoder *d)
{
	return (struct infer_limits){.timestamps = d->settings.infer_timestamps,
	                             .max_columns = (uint32_t)d->settings.max_columns,
	                             .max_depth = (uint32_t)d->settings.max_depth};
}

/* Notes a record if it is a good object; bad ones are met again while decoding. */
static int note_record(struct decoder *d, struct shape *shape, struct record *record)
{
	struct infer_limits limits = limits_of(d);
	uint8_t saved = record->text[record->len];
	struct flaw flaw;
	int r = 0;

	record->text[record->len] = 0;
	if (row_check(record->text, record->len, limits.max_depth, &flaw))
		r = shape_record(shape, scan_space(record->text), &limits);
	record->text[record->len] = saved;
	return r;
}

/* Notes the records that lie within sample_bytes from here, sample_rows at most, and comes back.
 * *ret_end is behind the last of them. ORASI_AGAIN: not all of them are there yet; it begins anew when there are an
 * eighth more, so that the work stays in proportion to the bytes. */
static orasi_status take_sample(struct decoder *d, struct shape *shape, uint64_t *ret_end, orasi_error *err)
{
	struct reader_place place;
	struct record record;
	orasi_status status = ORASI_OK;
	uint64_t limit;

	if (reader_ahead(d->reader) < d->sample_again && !reader_is_last(d->reader))
		return ORASI_AGAIN;
	reader_where(d->reader, &place);
	limit = place.offset + (uint64_t)d->settings.sample_bytes;
	*ret_end = place.offset;
	reader_hold(d->reader);
	for (int64_t i = 0; i < d->settings.sample_rows; i++) {
		status = reader_next(d->reader, &record, err);
		if (status || (record.offset + record.whole > limit && i))
			break;
		if (!record.too_long && note_record(d, shape, &record)) {
			status = no_memory(err);
			break;
		}
		*ret_end = record.offset + record.whole;
	}
	reader_rewind(d->reader);
	d->sample_again = status == ORASI_AGAIN ? reader_ahead(d->reader) * 9 / 8 + 1 : 0;
	/* What is wrong with the source shows again when decoding gets there. */
	if (status == ORASI_E_CORRUPT)
		*err = (orasi_error)ORASI_NO_ERROR;
	return status == ORASI_AGAIN || (status < 0 && status != ORASI_E_CORRUPT) ? status : ORASI_OK;
}

#define U64_TEXT 24

static orasi_kv kv_text(orasi_str key, const char *value)
{
	return (orasi_kv){key, {value, strlen(value)}};
}

static orasi_kv kv_u64(orasi_str key, uint64_t value, char buf[U64_TEXT])
{
	snprintf(buf, U64_TEXT, "%llu", (unsigned long long)value);
	return kv_text(key, buf);
}

static void tell_column(void *ctx, const char *path, const char *format, uint64_t seen, uint64_t nulls,
                        const char *example)
{
	struct decoder *d = ctx;
	char seen_text[U64_TEXT], nulls_text[U64_TEXT];
	const orasi_kv kv[] = {
		kv_text(ORASI_STR("column"), path),         kv_text(ORASI_STR("type"), format),
		kv_u64(ORASI_STR("seen"), seen, seen_text), kv_u64(ORASI_STR("nulls"), nulls, nulls_text),
		kv_text(ORASI_STR("example"), example),
	};

	d->log->log(d->host, ORASI_LOG_INFO, ORASI_STR("inferred column"), kv, 5);
}

static void tell_schema(struct decoder *d, const struct shape *shape)
{
	char records[U64_TEXT];
	const orasi_kv kv[] = {
		kv_text(ORASI_STR("mode"), reader_mode_name(d->reader)),
		kv_u64(ORASI_STR("records"), shape_records(shape), records),
	};

	if (!d->log || d->log->min_level > ORASI_LOG_INFO)
		return;
	d->log->log(d->host, ORASI_LOG_INFO, ORASI_STR("inferred a schema"), kv, 2);
	shape_explain(shape, &d->schema, tell_column, d);
}

static orasi_status make_columns(struct decoder *d, orasi_error *err)
{
	const struct ArrowSchema *wrong;
	struct column *root = column_new(&d->schema, &wrong);

	if (!root && wrong)
		return orasi_fail(err, ORASI_E_UNSUPPORTED,
		                  "the column '%s' has the Arrow type '%s', JSON has no values for it", wrong->name,
		                  wrong->format);
	if (!root)
		return no_memory(err);
	column_free(d->root);
	d->root = root;
	return ORASI_OK;
}

static orasi_status grow_from(struct decoder *d, struct shape *shape, bool *ret_grown, orasi_error *err)
{
	struct infer_limits limits = limits_of(d);
	orasi_status status = take_sample(d, shape, &d->state.grow_after, err);

	if (status)
		return status;
	if (shape_grow(shape, &limits, &d->schema, ret_grown))
		return no_memory(err);
	tell_schema(d, shape);
	return ORASI_OK;
}

/* Adds to the schema what the records from here on have besides. */
static orasi_status grow(struct decoder *d, bool *ret_grown, orasi_error *err)
{
	struct shape *shape = shape_new();
	orasi_status status = shape ? grow_from(d, shape, ret_grown, err) : no_memory(err);

	shape_free(shape);
	return status;
}

static orasi_status infer(struct decoder *d, orasi_error *err)
{
	struct infer_limits limits = limits_of(d);
	struct shape *shape = shape_new();
	uint64_t end;
	orasi_status status = shape ? take_sample(d, shape, &end, err) : no_memory(err);

	if (!status && shape_schema(shape, &limits, &d->schema))
		status = no_memory(err);
	if (!status)
		tell_schema(d, shape);
	shape_free(shape);
	return status;
}

/* The host's columns are fixed. They grow by the sample only at the start: in the middle a resumed
 * reader must do what the first one did, which met its new keys one by one. */
static orasi_status settle_schema(struct decoder *d, const struct ArrowSchema *want, orasi_error *err)
{
	bool grown;
	orasi_status status = ORASI_OK;

	if (!want)
		return infer(d, err);
	arrow_schema_release(&d->schema); /* of a try before */
	d->schema.release = NULL;
	if (arrow_schema_copy(&d->schema, want))
		return no_memory(err);
	if (strcmp(d->schema.format, "+s"))
		return orasi_fail(err, ORASI_E_INVALID, "the wanted schema is no struct");
	if (!d->project && d->row_config.unknown == ROW_GROW && !d->resumed)
		status = grow(d, &grown, err);
	if (status)
		return status;
	return state_modes_apply(&d->state, &d->schema) ? no_memory(err) : ORASI_OK;
}

static orasi_status export_schema(const struct decoder *d, struct ArrowSchema *ret, orasi_error *err)
{
	return arrow_schema_copy(ret, &d->schema) ? no_memory(err) : ORASI_OK;
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
		status = settle_schema(d, open->want, err);
	if (!status)
		status = make_columns(d, err);
	return status ? status : export_schema(d, ret_schema, err);
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
		status = settle_schema(d, d->want.release ? &d->want : NULL, err);
	if (!status)
		status = make_columns(d, err);
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
		status = no_memory(err);
	if (!status)
		status = settle_fed(d, err);
	if (status && status != ORASI_AGAIN)
		return status;
	if (!status)
		return export_schema(d, ret_schema, err);
	return arrow_schema_make(ret_schema, "+s", "", 0, 0) ? no_memory(err) : ORASI_OK;
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

/* ---- rejects ------------------------------------------------------------------------------ */

#define VALUE_SHOWN 80

/* How much of the offending text to show: the value, up to a control byte. */
static int shown(const struct record *record, const struct flaw *flaw)
{
	size_t left = (size_t)(record->text + record->len - flaw->at);
	size_t n = flaw->len && flaw->len < left ? flaw->len : left;

	n = n < VALUE_SHOWN ? n : VALUE_SHOWN;
	for (size_t i = 0; i < n; i++)
		if (flaw->at[i] < 0x20)
			return (int)i;
	return (int)n;
}

static void say_flaw(const struct decoder *d, const struct record *record, const char *column, char *ret, size_t cap)
{
	const struct flaw *flaw = &d->row.flaw;
	size_t at = flaw->at ? (size_t)(flaw->at - record->text) : 0;
	int n;

	if (record->too_long) {
		snprintf(ret, cap, "the record has %llu bytes, max_record allows %lld",
		         (unsigned long long)record->whole, (long long)d->settings.max_record);
		return;
	}
	n = snprintf(ret, cap, "%s%s%s, at byte %zu of the record", column, *column ? ": " : "", flaw->what, at);
	if (strcmp(flaw->code, FLAW_UTF8) && at < record->len && n < (int)cap)
		snprintf(ret + n, cap - (size_t)n, ": %.*s", shown(record, flaw), flaw->at);
}

static orasi_status reject(struct decoder *d, const struct record *record, orasi_error *err)
{
	const char *code = record->too_long ? FLAW_TOO_LONG : d->row.flaw.code;
	int64_t row = (int64_t)(d->state.rows + d->state.rejected);
	char column[256] = "", message[sizeof(err->message) - 64];
	orasi_rejected rejected;
	orasi_status status;

	if (d->row.flaw.column && !record->too_long)
		column_path(d->row.flaw.column, column, sizeof(column));
	text_trim(column);
	say_flaw(d, record, column, message, sizeof(message));
	text_trim(message);
	rejected = (orasi_rejected){.struct_size = sizeof(rejected),
	                            .code = code,
	                            .message = {message, strlen(message)},
	                            .column = {column, strlen(column)},
	                            .byte_offset = (int64_t)record->offset,
	                            .line = record->line,
	                            .row = row,
	                            .raw = {record->text, record->len},
	                            .raw_len = record->whole};
	status = d->reject ? d->reject->reject(d->host, &rejected) : ORASI_E_CORRUPT;
	if (status >= 0) {
		d->state.rejected++;
		return ORASI_OK;
	}
	err->row = row;
	err->offset = (int64_t)record->offset;
	return orasi_fail(err, status, "record %lld at byte %lld, %s: %s", (long long)row, (long long)record->offset,
	                  code, message);
}

/* Once per source, when it ends. */
static void tell_duplicates(struct decoder *d)
{
	char n[U64_TEXT];
	orasi_kv kv = kv_u64(ORASI_STR("count"), d->row.duplicates, n);

	if (!d->row.duplicates || d->duplicates_told || !d->log)
		return;
	d->duplicates_told = true;
	d->log->log(d->host, ORASI_LOG_WARN, ORASI_STR("keys stood twice in their object, the last value counts"), &kv,
	            1);
}

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
		return reject(d, record, err);
	if (d->row.flaw.code == flaw_nomem)
		return no_memory(err);
	if (record->offset < d->state.grow_after) {
		say_no_column(d, record);
		return reject(d, record, err);
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
		tell_duplicates(d);
	if (status != ORASI_SCHEMA)
		return status;
	status = grow(d, &grown, err);
	if (status == ORASI_AGAIN)
		d->pending = ORASI_SCHEMA;
	if (!status && grown)
		status = make_columns(d, err);
	if (status)
		return status;
	*ret_on = !grown;
	return grown ? ORASI_SCHEMA : ORASI_OK;
}

static orasi_status give_batch(struct decoder *d, orasi_status status, struct ArrowArray *ret, orasi_mark *mark,
                               orasi_error *err)
{
	if (column_finish(d->root, ret))
		return no_memory(err);
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
	return export_schema(self, ret_schema, err);
}

static orasi_status decode_close(void *self, orasi_error *err)
{
	(void)err;
	tell_duplicates(self);
	decoder_reset(self);
	return ORASI_OK;
}

static const void *decode_extension(void *self, const char *id)
{
	(void)self;
	return fed_extension(&fed, id);
}

/* ---- sniff -------------------------------------------------------------------------------- */

static bool ends_with(orasi_str name, const char *end)
{
	size_t n = strlen(end);

	return name.len >= n && !memcmp(name.ptr + name.len - n, end, n);
}

/* Does the head look like an object, or an array of them? */
static bool looks_like_json(orasi_bytes head)
{
	const uint8_t *p = head.ptr, *end = p + head.len;
	bool array;

	if (head.len >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3))
		p += 3;
	while (p < end && scan_is_space(*p))
		p++;
	array = p < end && *p == '[';
	if (p < end && (*p == '{' || *p == '['))
		p++;
	else
		return false;
	while (p < end && scan_is_space(*p))
		p++;
	return p < end && (*p == '"' || *p == '}' || (array && (*p == '{' || *p == ']')));
}

static orasi_status decode_sniff(const char *id, orasi_bytes head, orasi_str name, uint32_t *ret_score)
{
	bool named = ends_with(name, ".json") || ends_with(name, ".ndjson") || ends_with(name, ".jsonl");

	(void)id;
	if (looks_like_json(head))
		*ret_score = named ? 95 : 80;
	else
		*ret_score = named ? 30 : 0;
	return ORASI_OK;
}

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
