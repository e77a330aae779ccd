/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder, shared by the files that make it up: decode.c, fed.c, reject.c, sniff.c. */
#ifndef INGEST_CSV_DECODE_H
#define INGEST_CSV_DECODE_H

#include <orasi/sdk/fed.h>

#include "plugin.h"
#include "state.h"
#include "table.h"

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

orasi_status decoder_no_memory(orasi_error *err);
/* Back to what create made; then what every open begins with. */
void decoder_reset(struct decoder *d);
void decoder_begin(struct decoder *d, const orasi_ingest_open *open);
void decoder_begin_table(struct decoder *d);
orasi_status decoder_make_root(struct decoder *d, orasi_error *err);
/* Where reading begins, or goes on. */
orasi_status decoder_go_to_start(struct decoder *d, const orasi_ingest_open *open, orasi_error *err);

/* fed.c */
extern const struct fed decode_fed;
/* To where a row may come from; ORASI_SCHEMA: the columns have become known. */
orasi_status decoder_get_ready(struct decoder *d, orasi_error *err);

/* reject.c: the record goes to quarantine. */
orasi_status decoder_reject(struct decoder *d, const struct record *record, const struct flaw *flaw, orasi_error *err);

/* sniff.c */
orasi_status decode_sniff(const char *id, orasi_bytes head, orasi_str name, uint32_t *ret_score);

#endif
