/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the plugin that its entry brings together. */
#ifndef PARQUET_PLUGIN_H
#define PARQUET_PLUGIN_H

#include "bytes.h"

#define PARQUET_ID "org.orasi.ingest.parquet"

/* Columns are named by their path, as in "a.b". */
struct writer_config {
	int codec, auto_codec, level, compact, page_index;
	uint64_t row_group_rows, row_group_bytes;
	double false_positives;
	char **bloom, **sorted;
	uint32_t n_bloom, n_sorted;
};

orasi_status writer_config_read(struct writer_config *ret, const orasi_config *config, orasi_error *err);
void writer_config_free(struct writer_config *config);

extern const orasi_encode_factory parquet_encode_factory;
extern const orasi_ingest_factory parquet_ingest_factory;

#endif
