/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the plugin share: its identity, its options, its two factories. */
#ifndef INGEST_AVRO_PLUGIN_H
#define INGEST_AVRO_PLUGIN_H

#include <orasi/plugin.h>

#include "codec.h"
#include "state.h"

#define PLUGIN_ID "org.orasi.ingest.avro"
#define PLUGIN_VERSION "0.1.0"
#define PLUGIN_STATE_VERSION STATE_VERSION
#define BLOCK_MOST (512 << 20) /* bytes, in whatever direction */

struct settings {
	int64_t max_block;   /* bytes, packed and unpacked */
	enum codec codec;    /* of what is written */
	int level;           /* as the codec has it */
	int64_t block_bytes; /* of what is written, unpacked */
};

orasi_status settings_read(const orasi_config *config, struct settings *ret, orasi_error *err);

extern const orasi_ingest_factory decode_factory;
extern const orasi_encode_factory encode_factory;

#endif
