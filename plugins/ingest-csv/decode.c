/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder.
 *
 *   open    the dialect, a sample, the columns (table.c); then to the place where reading begins
 *   next    record by record into the columns, until the batch is full
 *
 * A record that cannot become a row goes to the host's quarantine, and rows given out plus rejects are always the records
 * seen. Fed instead of read, the same happens with ORASI_AGAIN wherever bytes are wanting; the columns are known when the
 * sample is there. Without the host's reject extension the first bad record ends the reading. An error that comes up
 * while rows are waiting is kept in `pending` until these are out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>
#include <orasi/sdk/fed.h>

#include "plugin.h"
#include "state.h"
#include "table.h"

#define BATCH_BYTES_MAX (1ULL << 30) /* keeps 32-bit offsets far from their end */
#define CANCEL_EVERY 256             /* records between two looks at the flag */
#define VALUE_SHOWN 80

#define FLAW_UTF8 "csv.utf8"
#define FLAW_MISSING "csv.missing"
#define FLAW_EXTRA "csv.extra"
#define FLAW_TYPE "type.mismatch"
#define FLAW_NULL "type.null"

struct decoder {
	const orasi_host *host;
	const orasi_host_job *job;
	const orasi_host_reject *reject;
	struct settings settings;

	/* from open to close */
	struct reader *reader;
	struct table table;
	struct arrow_builder *root;
	struct value_scratch scratch;
	struct state state; /* counts, and place of the next record */
	uint32_t max_rows;
	uint64_t max_bytes;
	orasi_status pending;
	orasi_error pending_error;
	uint8_t saved_state[STATE_SIZE];

	/* fed */
	bool unsettled;          /* the columns are not known yet */
	bool going;              /* bytes go by, up to the place of the checkpoint */
	struct ArrowSchema want; /* the host's, or released */
	bool project;
	uint8_t checkpoint[STATE_SIZE];
	size_t checkpoint_len;
};

/* What is wrong with a record. */
struct flaw {
	const char *code, *what;
	int64_t column; /* of the schema, -1: none */
	const struct field *field;
};

static orasi_status no_memory(orasi_error *err)
{
	return orasi_fail(err, ORASI_E_NOMEM, "no memory left for the rows of this batch");
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

/* Back to what create made. */
static void decoder_reset(struct decoder *d)
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

static orasi_status go_to_start(struct decoder *d, const orasi_ingest_open *open, orasi_error *err)
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

static void begin_table(struct decoder *d)
{
	d->table = (struct table){.host = d->host,
	                          .log = d->host->get_extension(d->host, ORASI_HOST_LOG),
	                          .settings = &d->settings};
}

static orasi_status make_root(struct decoder *d, orasi_error *err)
{
	d->root = arrow_builder_new(&d->table.schema);
	return d->root ? ORASI_OK : no_memory(err);
}

static orasi_status open_all(struct decoder *d, const orasi_ingest_open *open, struct ArrowSchema *ret_schema,
                             orasi_error *err)
{
	orasi_status status = reader_open(open->source, d->host, (size_t)d->settings.max_record, &d->reader, err);

	begin_table(d);
	if (!status)
		status = table_open(&d->table, d->reader, err);
	if (!status)
		status = table_columns(&d->table, open->want, open->want && (open->flags & ORASI_OPEN_PROJECT), err);
	if (!status)
		status = go_to_start(d, open, err);
	if (!status)
		status = make_root(d, err);
	if (status)
		return status;
	return arrow_schema_copy(ret_schema, &d->table.schema) ? no_memory(err) : ORASI_OK;
}

static void begin(struct decoder *d, const orasi_ingest_open *open)
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

	begin(d, open);
	status = open_all(d, open, ret_schema, err);
	if (status)
		decoder_reset(d);
	return status;
}

/* ---- fed --------------------------------------------------------------------------------------------------------- */

/* Another try at the columns, with all bytes so far; ORASI_AGAIN until they are enough. */
static orasi_status try_table(struct decoder *d, orasi_error *err)
{
	orasi_status status = reader_grown(d->reader) ? table_open(&d->table, d->reader, err) : ORASI_AGAIN;

	if (status == ORASI_AGAIN) {
		table_done(&d->table);
		begin_table(d);
		reader_restart(d->reader);
	}
	return status;
}

static orasi_status settle_fed(struct decoder *d, orasi_error *err)
{
	const orasi_ingest_open from_there = {.checkpoint = {d->checkpoint, d->checkpoint_len}};
	orasi_status status = try_table(d, err);

	if (status)
		return status;
	reader_settle(d->reader);
	status = table_columns(&d->table, d->want.release ? &d->want : NULL, d->project, err);
	if (!status)
		status = make_root(d, err);
	if (!status)
		status = go_to_start(d, &from_there, err);
	d->going = status == ORASI_AGAIN;
	d->unsettled = status < 0;
	return status < 0 ? status : ORASI_OK;
}

/* Where a row may come from; ORASI_SCHEMA: the columns have become known. */
static orasi_status get_ready(struct decoder *d, orasi_error *err)
{
	orasi_status status;

	if (d->unsettled) {
		status = settle_fed(d, err);
		if (status || d->table.schema.n_children)
			return status ? status : ORASI_SCHEMA;
	}
	status = d->going ? reader_go(d->reader, &d->state.place, err) : ORASI_OK;
	d->going = status != ORASI_OK;
	return status;
}

static orasi_status open_fed(struct decoder *d, const orasi_ingest_open *open, struct ArrowSchema *ret_schema,
                             orasi_error *err)
{
	orasi_status status = reader_open(NULL, d->host, (size_t)d->settings.max_record, &d->reader, err);

	if (status)
		return status;
	if (open->checkpoint.len > sizeof(d->checkpoint))
		return orasi_fail(err, ORASI_E_STATE, "the checkpoint is not of this plugin");
	if (open->checkpoint.len)
		memcpy(d->checkpoint, open->checkpoint.ptr, open->checkpoint.len);
	d->checkpoint_len = open->checkpoint.len;
	d->project = open->want && (open->flags & ORASI_OPEN_PROJECT);
	d->unsettled = true;
	begin_table(d);
	reader_restart(d->reader);
	if (open->want && arrow_schema_copy(&d->want, open->want))
		return no_memory(err);
	return arrow_schema_make(ret_schema, "+s", "", 0, 0) ? no_memory(err) : ORASI_OK;
}

/* It is fed from the first byte on, also behind a checkpoint: the columns stand there. */
static orasi_status decode_open_fed(void *self, const orasi_ingest_open *open, uint64_t *ret_from,
                                    struct ArrowSchema *ret_schema, orasi_error *err)
{
	struct decoder *d = self;
	orasi_status status;

	begin(d, open);
	status = open_fed(d, open, ret_schema, err);
	*ret_from = 0;
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

/* ---- rejects ----------------------------------------------------------------------------------------------------- */

/* How much of the value to show: up to a control byte, characters whole. */
static int shown(const struct field *field)
{
	size_t n = field->len < VALUE_SHOWN ? field->len : VALUE_SHOWN;

	for (size_t i = 0; i < n; i++)
		if (field->p[i] < 0x20)
			return (int)i;
	while (n && n < field->len && (field->p[n] & 0xC0) == 0x80)
		n--;
	return (int)n;
}

static void say(const struct decoder *d, const struct flaw *flaw, const char *column, char *ret, size_t cap)
{
	int n = snprintf(ret, cap, "%s%s%s", column, *column ? ": " : "", flaw->what);

	if (flaw->field && n < (int)cap)
		snprintf(ret + n, cap - (size_t)n, ": %.*s", shown(flaw->field), flaw->field->p);
	else if (!strcmp(flaw->code, FLAW_MISSING) || !strcmp(flaw->code, FLAW_EXTRA))
		snprintf(ret + n, cap - (size_t)n, ": %u, and there are %u", reader_fields(d->reader)->n,
		         d->table.sample.width);
}

/* Characters stay whole at the end of a text that was cut. */
static void trim_text(char *s)
{
	size_t n = strlen(s);

	while (n && !arrow_utf8_valid(s, n))
		s[--n] = '\0';
}

static orasi_status reject(struct decoder *d, const struct record *record, const struct flaw *flaw, orasi_error *err)
{
	int64_t row = (int64_t)(d->state.rows + d->state.rejected);
	char column[256] = "", message[sizeof(err->message) - 64];
	orasi_rejected rejected;
	orasi_status status;

	if (flaw->column >= 0)
		snprintf(column, sizeof(column), "%s", d->table.schema.children[flaw->column]->name);
	trim_text(column);
	say(d, flaw, column, message, sizeof(message));
	trim_text(message);
	rejected = (orasi_rejected){.struct_size = sizeof(rejected),
	                            .code = flaw->code,
	                            .message = {message, strlen(message)},
	                            .column = {column, strlen(column)},
	                            .byte_offset = (int64_t)record->place.offset,
	                            .line = record->place.line,
	                            .row = row,
	                            .raw = {record->text, record->len},
	                            .raw_len = flaw->code == record->flaw ? record->whole : record->len};
	status = d->reject ? d->reject->reject(d->host, &rejected) : ORASI_E_CORRUPT;
	if (status >= 0) {
		d->state.rejected++;
		return ORASI_OK;
	}
	err->row = row;
	err->offset = (int64_t)record->place.offset;
	return orasi_fail(err, status, "record %lld at byte %lld, %s: %s", (long long)row,
	                  (long long)record->place.offset, flaw->code, message);
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
	return flaw.code ? reject(d, record, &flaw, err) : no_memory(err);
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
		return no_memory(err);
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
	status = get_ready(d, err);
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

	return arrow_schema_copy(ret_schema, &d->table.schema) ? no_memory(err) : ORASI_OK;
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
	return fed_extension(&fed, id);
}

/* ---- sniff ------------------------------------------------------------------------------------------------------- */

static const char *const endings[] = {".csv", ".tsv", ".psv"};

static orasi_status decode_sniff(const char *id, orasi_bytes head, orasi_str name, uint32_t *ret_score)
{
	const uint8_t *p = head.ptr;
	size_t n = head.len;
	bool named = false;

	(void)id;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t len = strlen(endings[i]);

		named |= name.len >= len && !memcmp(name.ptr + name.len - len, endings[i], len);
	}
	if (n >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3)) {
		p += 3;
		n -= 3;
	}
	*ret_score = dialect_score(p, n);
	if (named)
		*ret_score = *ret_score ? 95 : 40;
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
