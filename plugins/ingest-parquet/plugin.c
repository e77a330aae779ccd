/* SPDX-License-Identifier: Apache-2.0 */
/* Parquet for Orasi: the entry, what the plugin can do, and its configuration. */
#include "plugin.h"

#include <orasi/sdk/single.h>

#include "codec.h"

ORASI_PLUGIN_NOTE(PARQUET_ID, ORASI_VERSION);

static const char *const features[] = {"format:parquet", "ext:.parquet", "mime:application/vnd.apache.parquet", "raw",
                                       NULL};
static const char *const requires_ext[] = {NULL};

static const char config_schema[] =
	"{\"type\":\"object\",\"properties\":{"
	"\"compression\":{\"type\":\"string\",\"enum\":[\"zstd\",\"snappy\",\"gzip\",\"lz4_raw\","
	"\"none\",\"auto\"],\"default\":\"zstd\","
	"\"description\":\"Page compression when writing; auto takes what a sample of each column "
	"says\"},"
	"\"compression_level\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":19,\"default\":1,"
	"\"description\":\"Level for zstd (1-19) and gzip (1-9)\"},"
	"\"profile\":{\"type\":\"string\",\"enum\":[\"compatible\",\"compact\"],"
	"\"default\":\"compatible\",\"description\":\"compact also uses delta and split encodings, "
	"which readers of before 2022 may not know\"},"
	"\"row_group_rows\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10000000,"
	"\"default\":250000,\"description\":\"A row group is ended at so many rows\"},"
	"\"row_group_bytes\":{\"type\":\"string\",\"format\":\"bytes\",\"default\":\"32MiB\","
	"\"description\":\"A row group is ended when it holds so many compressed bytes\"},"
	"\"page_index\":{\"type\":\"boolean\",\"default\":true,"
	"\"description\":\"Write where pages begin and the bounds of each\"},"
	"\"bloom_columns\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},"
	"\"description\":\"Columns that get a bloom filter, as paths like a.b\"},"
	"\"bloom_false_positives\":{\"type\":\"number\",\"minimum\":0.0001,\"maximum\":0.5,"
	"\"default\":0.01,\"description\":\"How often a bloom filter may be wrong\"},"
	"\"sorted_by\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},"
	"\"description\":\"Columns by which rows come sorted, -name for descending; noted for row "
	"groups in which it holds\"}}}";

static const orasi_descriptor descriptor = {
	.struct_size = sizeof(orasi_descriptor),
	.kind = ORASI_KIND_INGEST,
	.flags = ORASI_FLAG_DETERMINISTIC | ORASI_FLAG_RANDOM_ACCESS | ORASI_FLAG_SPLITTABLE | ORASI_FLAG_PUSHDOWN |
                 ORASI_FLAG_ROWS | ORASI_FLAG_ENCODES,
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

/* ---- configuration -------------------------------------------------------------------------- */

static void free_words(char **words, uint32_t n)
{
	for (uint32_t i = 0; words && i < n; i++)
		free(words[i]);
	free(words);
}

void writer_config_free(struct writer_config *config)
{
	free_words(config->bloom, config->n_bloom);
	free_words(config->sorted, config->n_sorted);
	memset(config, 0, sizeof(*config));
}

/* An array of strings; a config without it leaves the result empty. */
static int read_words(const orasi_config *config, const char *ptr, char ***ret, uint32_t *ret_n)
{
	uint32_t n = 0;
	char item[64];

	if (config->count(config, ptr, &n) || !n)
		return 0;
	*ret = calloc(n, sizeof(**ret));
	for (uint32_t i = 0; *ret && i < n; i++) {
		orasi_str word = {"", 0};

		snprintf(item, sizeof(item), "%s/%u", ptr, i);
		config->get_str(config, item, &word);
		(*ret)[i] = strndup(word.ptr, word.len);
		if (!(*ret)[i])
			return -1;
		*ret_n = i + 1;
	}
	return *ret ? 0 : -1;
}

static int read_options(struct writer_config *ret, const orasi_config *config, orasi_str *codec)
{
	int64_t level = 1, rows = 250000, bytes = 32 << 20;
	orasi_str profile = ORASI_STR("compatible");
	int32_t page_index = 1;

	ret->false_positives = 0.01;
	if (config) {
		config->get_str(config, "/compression", codec);
		config->get_str(config, "/profile", &profile);
		config->get_i64(config, "/compression_level", &level);
		config->get_i64(config, "/row_group_rows", &rows);
		config->get_i64(config, "/row_group_bytes", &bytes);
		config->get_bool(config, "/page_index", &page_index);
		config->get_f64(config, "/bloom_false_positives", &ret->false_positives);
		if (read_words(config, "/bloom_columns", &ret->bloom, &ret->n_bloom) ||
		    read_words(config, "/sorted_by", &ret->sorted, &ret->n_sorted))
			return -1;
	}
	ret->level = (int)level;
	ret->compact = profile.len == 7 && !memcmp(profile.ptr, "compact", 7);
	ret->page_index = page_index;
	ret->row_group_rows = rows > 0 ? (uint64_t)rows : 1;
	ret->row_group_bytes = bytes > 0 ? (uint64_t)bytes : 1;
	return 0;
}

orasi_status writer_config_read(struct writer_config *ret, const orasi_config *config, orasi_error *err)
{
	orasi_str codec = ORASI_STR("zstd");

	memset(ret, 0, sizeof(*ret));
	if (read_options(ret, config, &codec))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	ret->auto_codec = codec.len == 4 && !memcmp(codec.ptr, "auto", 4);
	ret->codec = ret->auto_codec ? PQ_ZSTD : codec_by_name(codec.ptr, codec.len);
	if (ret->codec < 0 || ret->codec == PQ_LZO || ret->codec == PQ_LZ4 || ret->codec == PQ_BROTLI)
		return orasi_fail(err, ORASI_E_CONFIG,
		                  "compression '%.*s' cannot be written: use zstd, snappy, gzip, lz4_raw, "
		                  "none or auto",
		                  (int)codec.len, codec.ptr);
	if (ret->codec == PQ_GZIP && ret->level > 9)
		ret->level = 9;
	return ORASI_OK;
}

static const void *plugin_factory(const char *factory_id)
{
	if (!strcmp(factory_id, ORASI_INGEST_FACTORY))
		return &parquet_ingest_factory;
	return strcmp(factory_id, ORASI_ENCODE_FACTORY) ? NULL : &parquet_encode_factory;
}

ORASI_SINGLE_PLUGIN(descriptor, .bundle_id = PARQUET_ID, .bundle_version = ORASI_VERSION, .vendor = "Orasi",
                    .license = "Apache-2.0", .init = orasi_init_nothing, .get_factory = plugin_factory)
