/* SPDX-License-Identifier: Apache-2.0 */
/* A decoder that is handed its bytes: all of them are kept until they are enough to know the columns. */
#include <string.h>

#include <orasi/sdk/fail.h>

#include "decode.h"

/* Another try at the columns, with all bytes so far; ORASI_AGAIN until they are enough. */
static orasi_status try_table(struct decoder *d, orasi_error *err)
{
	orasi_status status = reader_grown(d->reader) ? table_open(&d->table, d->reader, err) : ORASI_AGAIN;

	if (status == ORASI_AGAIN) {
		table_done(&d->table);
		decoder_begin_table(d);
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
		status = decoder_make_root(d, err);
	if (!status)
		status = decoder_go_to_start(d, &from_there, err);
	d->going = status == ORASI_AGAIN;
	d->unsettled = status < 0;
	return status < 0 ? status : ORASI_OK;
}

orasi_status decoder_get_ready(struct decoder *d, orasi_error *err)
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
	decoder_begin_table(d);
	reader_restart(d->reader);
	if (open->want && arrow_schema_copy(&d->want, open->want))
		return decoder_no_memory(err);
	return arrow_schema_make(ret_schema, "+s", "", 0, 0) ? decoder_no_memory(err) : ORASI_OK;
}

/* It is fed from the first byte on, also behind a checkpoint: the columns stand there. */
static orasi_status decode_open_fed(void *self, const orasi_ingest_open *open, uint64_t *ret_from,
                                    struct ArrowSchema *ret_schema, orasi_error *err)
{
	struct decoder *d = self;
	orasi_status status;

	decoder_begin(d, open);
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

const struct fed decode_fed = FED(decode_open_fed, decode_feed);
