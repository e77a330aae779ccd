/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the plugin share: its identity, its options, its two factories. */
#ifndef INGEST_CSV_PLUGIN_H
#define INGEST_CSV_PLUGIN_H

#include <orasi/plugin.h>

#include "sample.h"

#define PLUGIN_ID "org.orasi.ingest.csv"
#define PLUGIN_VERSION "0.1.0"
#define PLUGIN_STATE_VERSION 1

enum unknown { UNKNOWN_EVOLVE, UNKNOWN_IGNORE, UNKNOWN_REJECT };

struct words { /* a list of texts */
	char **at;
	uint32_t n;
};

struct settings {
	uint8_t delimiter; /* 0: guess */
	uint8_t quote;
	bool any_quote; /* guess */
	uint8_t escape; /* 0: the quote, doubled */
	uint8_t comment, decimal, thousands;
	enum header header;
	enum unknown unknown_columns;
	bool fill; /* what is missing at the end of a record is null */
	bool trim, infer_types, infer_timestamps;
	int64_t skip, max_record, max_columns, sample_rows, sample_bytes;
	struct words names, nulls;
};

orasi_status settings_read(const orasi_config *config, struct settings *ret, orasi_error *err);
void settings_done(struct settings *settings);

extern const orasi_ingest_factory decode_factory;
extern const orasi_encode_factory encode_factory;

#endif
