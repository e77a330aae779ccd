/* SPDX-License-Identifier: Apache-2.0 */
/* Avro for Orasi: the entry, what the plugin can do, and its options. */
#include "plugin.h"

#include <string.h>

#include <orasi/sdk/fail.h>
#include <orasi/sdk/option.h>
#include <orasi/sdk/single.h>

ORASI_PLUGIN_NOTE(PLUGIN_ID, PLUGIN_VERSION);

#define BLOCK_LEAST 1024
#define BLOCK_MAX (256 << 20)  /* of what is read, unless said otherwise */
#define BLOCK_BYTES (64 << 10) /* of what is written; what Avro's own writers take */

static const char config_schema[] =
	"{\"type\":\"object\",\"properties\":{"
	"\"max_block\":{\"type\":\"string\",\"format\":\"bytes\",\"default\":\"256MiB\","
	"\"description\":\"A block that is larger, packed or unpacked, ends the reading; 1KiB to 512MiB\"},"
	"\"compression\":{\"type\":\"string\",\"enum\":[\"deflate\",\"null\",\"snappy\",\"zstandard\",\"bzip2\",\"xz\"]"
	","
	"\"default\":\"deflate\",\"description\":\"Codec when writing; every reader has deflate and null\"},"
	"\"compression_level\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":19,"
	"\"description\":\"For deflate and xz (at most 9) and zstandard (at most 19); their own when it is not "
	"there\"},"
	"\"block_bytes\":{\"type\":\"string\",\"format\":\"bytes\",\"default\":\"64KiB\","
	"\"description\":\"A block is ended when it holds so many bytes, unpacked; 1KiB to 512MiB\"}}}";

/* The levels of each codec: what holds when none is given, and the highest. */
static const struct {
	int otherwise, most;
} levels[] = {
	[CODEC_NULL] = {1, 19},      [CODEC_DEFLATE] = {6, 9}, [CODEC_SNAPPY] = {1, 19},
	[CODEC_ZSTANDARD] = {3, 19}, [CODEC_BZIP2] = {9, 19},  [CODEC_XZ] = {6, 9},
};

static orasi_status read_size(const orasi_config *config, const char *ptr, int64_t *ret, orasi_error *err)
{
	return orasi_option_int(config, ptr, BLOCK_LEAST, BLOCK_MOST, ret, err);
}

orasi_status settings_read(const orasi_config *config, struct settings *ret, orasi_error *err)
{
	orasi_str codec = ORASI_STR("deflate");
	int64_t level = 0;
	orasi_status status;
	int id;

	*ret = (struct settings){.max_block = BLOCK_MAX, .block_bytes = BLOCK_BYTES};
	status = read_size(config, "/max_block", &ret->max_block, err);
	if (!status)
		status = read_size(config, "/block_bytes", &ret->block_bytes, err);
	if (status)
		return status;
	config->get_str(config, "/compression", &codec);
	config->get_i64(config, "/compression_level", &level);
	id = codec_by_name(codec.ptr, codec.len);
	if (id < 0)
		return orasi_fail(err, ORASI_E_CONFIG,
		                  "compression '%.*s' is not there: use deflate, null, snappy, zstandard, bzip2 or xz",
		                  (int)codec.len, codec.ptr);
	ret->codec = (enum codec)id;
	ret->level = level <= 0 ? levels[id].otherwise : level < levels[id].most ? (int)level : levels[id].most;
	return ORASI_OK;
}

static const char *const features[] = {"format:avro", "ext:.avro", "mime:application/avro", "mime:avro/binary", NULL};
static const char *const no_extensions[] = {NULL};

static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_INGEST,
	.flags = ORASI_FLAG_DETERMINISTIC | ORASI_FLAG_SPLITTABLE | ORASI_FLAG_ENCODES,
	.state_version = PLUGIN_STATE_VERSION,
	.state_version_min = PLUGIN_STATE_VERSION,
	.id = PLUGIN_ID,
	.name = "avro",
	.version = PLUGIN_VERSION,
	.summary = "Apache Avro object container files, read and written",
	.config_schema = config_schema,
	.features = features,
	.requires_ext = no_extensions,
};

static const void *get_factory(const char *id)
{
	if (!strcmp(id, ORASI_INGEST_FACTORY))
		return &decode_factory;
	return strcmp(id, ORASI_ENCODE_FACTORY) ? NULL : &encode_factory;
}

ORASI_SINGLE_PLUGIN(descriptor, .bundle_id = PLUGIN_ID, .bundle_version = PLUGIN_VERSION, .vendor = "Orasi",
                    .license = "Apache-2.0", .init = orasi_init_nothing, .get_factory = get_factory)
