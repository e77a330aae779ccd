/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder.
 *
 *   open    header, schema, columns (container.c, schema.c, shape.c); then to the block where reading begins
 *   next    record by record into the columns (value.c), block after block, until the batch is full
 *
 * A record with a value that cannot be (a flaw) goes to the host's quarantine with its bytes. Damage ends the reading:
 * where the next record begins is not known any more. An error that comes up while rows are waiting is kept in
 * `pending` until these are out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>
#include <orasi/sdk/fed.h>

#include "plugin.h"
#include "value.h"

#define BATCH_BYTES_MAX (1ULL << 30) /* with a record of RECORD_MAX behind them, 32-bit offsets do not end */
#define NAME_SHOWN 200
#define CANCEL_EVERY 256 /* records between two looks at the flag */

struct decoder {
	const orasi_host *host;
	const orasi_host_job *job;
	const orasi_host_reject *reject;
	struct settings settings;

	/* from open to close */
	struct container container;
	struct schema schema;
	struct shape shape;
	struct arrow_builder *root;
	struct values values; /* of the open block */
	struct block block;
	bool in_block;
	struct state state; /* the counts, and the record that comes next */
	uint32_t max_rows;
	uint64_t max_bytes;
	orasi_status pending;
	orasi_error pending_error;
	uint8_t saved_state[STATE_SIZE];
	bool open;

	/* fed */
	bool unsettled;          /* the header is not whole yet */
	bool going;              /* bytes go by, up to the block of the checkpoint */
	struct ArrowSchema want; /* the host's, or released */
	uint8_t checkpoint[STATE_SIZE];
	size_t checkpoint_len;
};

static orasi_status no_memory(orasi_error *err)
{
	return orasi_fail(err, ORASI_E_NOMEM, "no memory left for the rows of this batch");
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

/* Back to what create made. */
static void decoder_reset(struct decoder *d)
{
	arrow_builder_free(d->root);
	shape_done(&d->shape);
	schema_done(&d->schema);
	container_done(&d->container);
	buffer_done(&d->values.text);
	arrow_schema_release(&d->want);
	d->root = NULL;
	d->want.release = NULL;
	d->container = (struct container){0};
	d->values = (struct values){0};
	d->state = (struct state){0};
	d->pending = ORASI_OK;
	d->open = d->in_block = d->unsettled = d->going = false;
}

static void decode_destroy(void *self)
{
	struct decoder *d = self;

	if (!d)
		return;
	decoder_reset(d);
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

static void begin(struct decoder *d, const orasi_ingest_open *open, orasi_source *source)
{
	decoder_reset(d);
	d->max_rows = open->max_rows ? open->max_rows : 1;
	d->max_bytes = open->max_bytes && open->max_bytes < BATCH_BYTES_MAX ? open->max_bytes : BATCH_BYTES_MAX;
	d->container.max_block = (size_t)d->settings.max_block;
	d->container.range_end = open->range_end;
	d->state.range_begin = open->range_begin;
	d->state.range_end = open->range_end;
	d->values.empties = EMPTIES_FREE;
	d->values.job = d->job;
	d->open = true;
	input_open(&d->container.input, source, d->job);
}

/* The header is there: what columns come out. */
static orasi_status make_columns(struct decoder *d, const struct ArrowSchema *project, orasi_error *err)
{
	orasi_status status = schema_read(&d->schema, d->container.schema, d->container.schema_len, err);

	if (!status)
		status = shape_make(&d->shape, &d->schema, err);
	if (!status && project)
		status = shape_project(&d->shape, project, err);
	if (status)
		return status;
	d->root = arrow_builder_new(&d->shape.schema);
	if (!d->root)
		return no_memory(err);
	shape_attach(&d->shape, d->root);
	memcpy(d->state.sync, d->container.sync, SYNC);
	d->state.block = container_offset(&d->container);
	return ORASI_OK;
}

static orasi_status go_to_start(struct decoder *d, orasi_bytes checkpoint, orasi_error *err)
{
	struct state before;
	orasi_status status;

	if (!checkpoint.len)
		return container_find(&d->container, d->state.range_begin, err);
	status = state_read(&before, &d->state, checkpoint, err);
	if (status)
		return status;
	if (before.block < d->state.block || before.block < before.range_begin + (before.range_begin ? SYNC : 0))
		return orasi_fail(err, ORASI_E_STATE, "the checkpoint lies before the first block");
	d->state = before;
	return container_go(&d->container, before.block, err);
}

static orasi_status decode_open(void *self, const orasi_ingest_open *open, struct ArrowSchema *ret_schema,
                                orasi_error *err)
{
	struct decoder *d = self;
	orasi_status status;

	begin(d, open, open->source);
	status = container_header(&d->container, err);
	if (!status)
		status = make_columns(d, open->flags & ORASI_OPEN_PROJECT ? open->want : NULL, err);
	if (!status)
		status = go_to_start(d, open->checkpoint, err);
	if (!status && arrow_schema_copy(ret_schema, &d->shape.schema))
		status = no_memory(err);
	if (status)
		decoder_reset(d);
	return status;
}

/* ---- fed --------------------------------------------------------------------------------------------------------- */

/* It is fed from the first byte on, also behind a checkpoint: the schema stands there. */
static orasi_status decode_open_fed(void *self, const orasi_ingest_open *open, uint64_t *ret_from,
                                    struct ArrowSchema *ret_schema, orasi_error *err)
{
	struct decoder *d = self;

	begin(d, open, NULL);
	*ret_from = 0;
	d->container.range_end = d->state.range_begin = d->state.range_end = 0;
	d->unsettled = true;
	if (open->checkpoint.len > sizeof(d->checkpoint))
		return orasi_fail(err, ORASI_E_STATE, "the checkpoint is not of this plugin");
	if (open->checkpoint.len)
		memcpy(d->checkpoint, open->checkpoint.ptr, open->checkpoint.len);
	d->checkpoint_len = open->checkpoint.len;
	if (open->want && (open->flags & ORASI_OPEN_PROJECT) && arrow_schema_copy(&d->want, open->want))
		return no_memory(err);
	return arrow_schema_make(ret_schema, "+s", "", 0, 0) ? no_memory(err) : ORASI_OK;
}

static orasi_status decode_feed(void *self, orasi_bytes bytes, uint32_t flags, orasi_error *err)
{
	struct decoder *d = self;

	return d->open ? input_feed(&d->container.input, bytes, flags & FED_LAST, err)
	               : orasi_fail(err, ORASI_E_INVALID, "feed without open");
}

static const struct fed fed = FED(decode_open_fed, decode_feed);

/* Where a row may come from; ORASI_SCHEMA: the columns have become known. */
static orasi_status get_ready(struct decoder *d, orasi_error *err)
{
	orasi_status status = ORASI_OK;

	if (d->unsettled) {
		status = container_header(&d->container, err);
		if (!status)
			status = make_columns(d, d->want.release ? &d->want : NULL, err);
		if (!status)
			status = go_to_start(d, (orasi_bytes){d->checkpoint, d->checkpoint_len}, err);
		if (status == ORASI_AGAIN && !d->root)
			return status;
		d->unsettled = false;
		d->going = status == ORASI_AGAIN;
		return status < 0 || !d->shape.schema.n_children ? status : ORASI_SCHEMA;
	}
	if (d->going)
		status = container_go(&d->container, d->state.block, err);
	d->going = status != ORASI_OK;
	return status;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* Why a value was not taken. */
static orasi_status not_taken(const struct decoder *d, enum taken taken, orasi_error *err)
{
	if (taken == NO_MEMORY_VALUE)
		return no_memory(err);
	if (taken == CANCELLED_VALUE)
		return orasi_fail(err, ORASI_E_CANCELLED, "the task was cancelled");
	err->row = (int64_t)(d->state.rows + d->state.rejected);
	err->offset = (int64_t)d->block.at;
	return taken == TOO_LARGE_VALUE
	               ? orasi_fail(
				 err, ORASI_E_LIMIT, "the block at byte %llu is beyond a bound at its record %llu: %s",
				 (unsigned long long)d->block.at, (unsigned long long)d->state.record, d->values.damage)
	               : orasi_fail(err, ORASI_E_CORRUPT, "the block at byte %llu is damaged at its record %llu: %s",
	                            (unsigned long long)d->block.at, (unsigned long long)d->state.record,
	                            d->values.damage);
}

static bool is_cancelled(const struct decoder *d)
{
	return d->job && d->job->cancel_flag && *d->job->cancel_flag;
}

/* Steps over the records of the block that a checkpoint has behind it. */
static orasi_status pass_records(struct decoder *d, uint64_t n, orasi_error *err)
{
	for (d->state.record = 0; d->state.record < n; d->state.record++) {
		enum taken taken = d->state.record % CANCEL_EVERY == 0 && is_cancelled(d)
		                           ? CANCELLED_VALUE
		                           : values_skip(&d->values, d->schema.root);

		if (taken)
			return not_taken(d, taken, err);
	}
	return ORASI_OK;
}

/* Has the block as many records as it says? Of those without a byte nobody can tell. */
static enum taken check_count(struct decoder *d)
{
	struct values *v = &d->values;

	v->empties += EMPTIES_PER_BYTE * (int64_t)d->block.len;
	if (d->schema.root->sized)
		return d->block.count > d->block.len ? values_damaged(v, "it has more records than bytes") : TAKEN;
	return values_empty(v, d->schema.root, d->block.count > INT64_MAX ? INT64_MAX : (int64_t)d->block.count);
}

static orasi_status next_block(struct decoder *d, orasi_error *err)
{
	uint64_t record = d->state.record, at = d->state.block;
	enum taken taken;
	orasi_status status;

	d->in_block = false;
	d->state.block = container_offset(&d->container);
	status = container_next(&d->container, &d->block, err);
	if (status)
		return status;
	if (record && (d->block.at != at || d->block.count < record))
		return orasi_fail(err, ORASI_E_STATE,
		                  "the checkpoint says record %llu of the block at byte %llu, which "
		                  "has none",
		                  (unsigned long long)record, (unsigned long long)at);
	d->in_block = true;
	d->state.block = d->block.at;
	d->state.record = 0;
	d->values.p = d->block.p;
	d->values.end = d->block.p + d->block.len;
	taken = check_count(d);
	return taken ? not_taken(d, taken, err) : pass_records(d, record, err);
}

static orasi_status end_block(struct decoder *d, orasi_error *err)
{
	d->in_block = false;
	if (d->values.p == d->values.end) {
		d->state.record = 0;
		d->state.block = container_offset(&d->container);
		return ORASI_OK;
	}
	return not_taken(d, values_damaged(&d->values, "bytes follow its last record"), err);
}

/* ---- rejects ----------------------------------------------------------------------------------------------------- */

/* How much of a name to show, characters whole. */
static int shown(const char *name)
{
	size_t n = strlen(name);

	if (n <= NAME_SHOWN)
		return (int)n;
	for (n = NAME_SHOWN; n && ((uint8_t)name[n] & 0xC0) == 0x80;)
		n--;
	return (int)n;
}

static orasi_status reject(struct decoder *d, const uint8_t *record, orasi_error *err)
{
	int64_t row = (int64_t)(d->state.rows + d->state.rejected);
	const struct values *v = &d->values;
	const char *column = d->shape.single ? "value" : d->shape.root.type->names[v->column];
	char message[sizeof(err->message) - 64];
	orasi_rejected rejected;
	orasi_status status;

	snprintf(message, sizeof(message), "%.*s: %s, in record %llu of the block at byte %llu", shown(column), column,
	         v->what, (unsigned long long)d->state.record, (unsigned long long)d->block.at);
	rejected = (orasi_rejected){.struct_size = sizeof(rejected),
	                            .code = v->flaw,
	                            .message = {message, strlen(message)},
	                            .column = {column, strlen(column)},
	                            .byte_offset = (int64_t)d->block.at,
	                            .line = -1,
	                            .row = row,
	                            .raw = {record, (size_t)(v->p - record)},
	                            .raw_len = (uint64_t)(v->p - record)};
	status = d->reject ? d->reject->reject(d->host, &rejected) : ORASI_E_CORRUPT;
	if (status >= 0) {
		d->state.rejected++;
		return ORASI_OK;
	}
	err->row = row;
	err->offset = (int64_t)d->block.at;
	return orasi_fail(err, status, "row %lld, %s: %s", (long long)row, v->flaw, message);
}

/* ---- next -------------------------------------------------------------------------------------------------------- */

static orasi_status take_record(struct decoder *d, int64_t *rows, orasi_error *err)
{
	const uint8_t *record = d->values.p;
	int64_t cost = d->values.cost;
	enum taken taken = values_take(&d->values, &d->shape);
	orasi_status status = ORASI_OK;

	if (taken || d->values.flaw) {
		arrow_builder_truncate(d->root, *rows);
		d->values.cost = cost;
	}
	if (taken)
		return not_taken(d, taken, err);
	if (d->values.flaw) {
		status = reject(d, record, err);
	} else {
		++*rows;
		d->state.rows++;
	}
	if (!status)
		d->state.record++;
	return status;
}

/* Fills the columns until the batch is full or something else comes up. */
static orasi_status fill_batch(struct decoder *d, int64_t *rows, orasi_error *err)
{
	uint64_t seen = 0;
	orasi_status status = ORASI_OK;

	d->values.cost = 0;
	while (!status && *rows < d->max_rows && (uint64_t)d->values.cost < d->max_bytes) {
		if (!d->in_block) {
			status = next_block(d, err);
		} else if (d->state.record == d->block.count) {
			status = end_block(d, err);
		} else if (seen++ % CANCEL_EVERY == 0 && is_cancelled(d)) {
			return orasi_fail(err, ORASI_E_CANCELLED, "the task was cancelled");
		} else {
			status = take_record(d, rows, err);
		}
	}
	if (!status && d->in_block && d->state.record == d->block.count)
		status = end_block(d, err); /* what is wrong with it belongs to its last row's batch */
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
	mark->bytes_total = d->state.block - d->state.range_begin;
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

	if (!d->open)
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

	return arrow_schema_copy(ret_schema, &d->shape.schema) ? no_memory(err) : ORASI_OK;
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

/* Of what ends within the first bytes the name decides: such a file has lost its content on the way. */
static orasi_status decode_sniff(const char *id, orasi_bytes head, orasi_str name, uint32_t *ret_score)
{
	static const char ending[] = ".avro", magic[4] = {'O', 'b', 'j', 1};
	size_t n = sizeof(ending) - 1;
	bool is_named = name.len >= n && !memcmp(name.ptr + name.len - n, ending, n);

	(void)id;
	*ret_score = (head.len < sizeof(magic) ? is_named : !memcmp(head.ptr, magic, sizeof(magic))) ? 100 : 0;
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
