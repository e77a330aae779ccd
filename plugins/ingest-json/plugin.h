/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the plugin share: its identity, its options, its two factories. */
#ifndef INGEST_JSON_PLUGIN_H
#define INGEST_JSON_PLUGIN_H

#include <stdbool.h>

#include <orasi/plugin.h>

#include "reader.h"
#include "row.h"

#define PLUGIN_ID "org.orasi.ingest.json"
#define PLUGIN_VERSION "0.1.0"
#define PLUGIN_STATE_VERSION 1

struct settings {
	enum reader_mode mode;
	char *records; /* pointer, "" if none */
	int64_t max_record, max_depth, max_columns;
	int64_t sample_rows, sample_bytes;
	bool infer_timestamps, coerce;
	enum row_unknown unknown_fields;
};

orasi_status settings_read(const orasi_config *config, struct settings *ret, orasi_error *err);
void settings_done(struct settings *settings);

extern const orasi_ingest_factory decode_factory;
extern const orasi_encode_factory encode_factory;

#endif
