/* SPDX-License-Identifier: Apache-2.0 */
/* Parquet for Orasi: the entry, what the plugin can do, and its configuration. */
#include "plugin.h"

#include "codec.h"

ORASI_PLUGIN_NOTE(PARQUET_ID, ORASI_VERSION);

static const char *const features[] = {"format:parquet", "ext:.parquet",
                                       "mime:application/vnd.apache.parquet", "raw", NULL};
static const char *const requires_ext[] = {NULL};

static const char config_schema[] =
        "{\"type\":\"object\",\"properties\":{"
        "\"compression\":{\"type\":\"string\",\"enum\":[\"zstd\",\"snappy\",\"gzip\",\"lz4_raw\","
        "\"none\"],"
        "\"default\":\"zstd\",\"description\":\"Page compression when writing\"},"
        "\"compression_level\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":19,\"default\":1,"
        "\"description\":\"Level for zstd (1-19) and gzip (1-9)\"},"
        "\"row_group_rows\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10000000,\"default\":"
        "250000,"
        "\"description\":\"A row group is ended at so many rows\"},"
        "\"row_group_bytes\":{\"type\":\"string\",\"format\":\"bytes\",\"default\":\"32MiB\","
        "\"description\":\"A row group is ended when it holds so many compressed bytes\"}}}";

static const orasi_descriptor descriptor = {
        .struct_size = sizeof(orasi_descriptor),
        .kind = ORASI_KIND_INGEST,
        .flags = ORASI_FLAG_DETERMINISTIC | ORASI_FLAG_RANDOM_ACCESS | ORASI_FLAG_SPLITTABLE |
                 ORASI_FLAG_PUSHDOWN | ORASI_FLAG_ROWS | ORASI_FLAG_ENCODES,
        .state_version = 1,
        .state_version_min = 1,
        .id = PARQUET_ID,
        .name = "parquet",
        .version = ORASI_VERSION,
        .summary = "Apache Parquet files, read and written",
        .config_schema = config_schema,
        .features = features,
        .requires_ext = requires_ext,
};

orasi_status writer_config_read(struct writer_config *ret, const orasi_config *config,
                                orasi_error *err)
{
	int64_t level = 1, rows = 250000, bytes = 32 << 20;
	orasi_str codec = ORASI_STR("zstd");

	if (config) {
		config->get_str(config, "/compression", &codec);
		config->get_i64(config, "/compression_level", &level);
		config->get_i64(config, "/row_group_rows", &rows);
		config->get_i64(config, "/row_group_bytes", &bytes);
	}
	ret->codec = codec_by_name(codec.ptr, codec.len);
	if (ret->codec < 0 || ret->codec == PQ_LZO || ret->codec == PQ_LZ4 ||
	    ret->codec == PQ_BROTLI)
		return pq_fail(
		        err, ORASI_E_CONFIG,
		        "compression '%.*s' cannot be written: use zstd, snappy, gzip, lz4_raw "
		        "or none",
		        (int)codec.len, codec.ptr);
	ret->level = (int)(ret->codec == PQ_GZIP && level > 9 ? 9 : level);
	ret->row_group_rows = rows > 0 ? (uint64_t)rows : 1;
	ret->row_group_bytes = bytes > 0 ? (uint64_t)bytes : 1;
	return ORASI_OK;
}

static orasi_status plugin_init(const orasi_host *host, orasi_error *err)
{
	(void)host;
	(void)err;
	return ORASI_OK;
}

static uint32_t plugin_count(void)
{
	return 1;
}

static const orasi_descriptor *plugin_describe(uint32_t index)
{
	return index ? NULL : &descriptor;
}

static const void *plugin_factory(const char *factory_id)
{
	if (!strcmp(factory_id, ORASI_INGEST_FACTORY))
		return &parquet_ingest_factory;
	return strcmp(factory_id, ORASI_ENCODE_FACTORY) ? NULL : &parquet_encode_factory;
}

static const orasi_entry entry = {
        .struct_size = sizeof(orasi_entry),
        .abi_major = ORASI_ABI_MAJOR,
        .abi_minor = ORASI_ABI_MINOR,
        .bundle_id = PARQUET_ID,
        .bundle_version = ORASI_VERSION,
        .vendor = "Orasi",
        .license = "Apache-2.0",
        .init = plugin_init,
        .count = plugin_count,
        .describe = plugin_describe,
        .get_factory = plugin_factory,
};

ORASI_EXPORT const orasi_entry *orasi_plugin_entry_v0(void)
{
	return &entry;
}
