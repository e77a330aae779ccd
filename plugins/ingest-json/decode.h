/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder, shared by the files that make it up: decode.c, settle.c, reject.c, sniff.c. */
#ifndef INGEST_JSON_DECODE_H
#define INGEST_JSON_DECODE_H

#include "infer.h"
#include "plugin.h"
#include "state.h"
#include "text.h"

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

orasi_status decoder_no_memory(orasi_error *err);

/* settle.c. The host's columns (NULL: none) and what a sample has besides; ORASI_AGAIN while more bytes are wanted. */
orasi_status decoder_settle(struct decoder *d, const struct ArrowSchema *want, orasi_error *err);
/* Adds to the schema what the records from here on have besides. */
orasi_status decoder_grow(struct decoder *d, bool *ret_grown, orasi_error *err);
orasi_status decoder_make_columns(struct decoder *d, orasi_error *err);
orasi_status decoder_export_schema(const struct decoder *d, struct ArrowSchema *ret, orasi_error *err);
/* How many keys stood twice: once per source, when it ends. */
void decoder_tell_duplicates(struct decoder *d);

/* reject.c: the record and its flaw (d->row) go to quarantine. */
orasi_status decoder_reject(struct decoder *d, const struct record *record, orasi_error *err);

/* sniff.c */
orasi_status decode_sniff(const char *id, orasi_bytes head, orasi_str name, uint32_t *ret_score);

#endif
