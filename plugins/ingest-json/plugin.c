/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin's face: entry, descriptor, options. */
#include "plugin.h"

#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>
#include <orasi/sdk/option.h>
#include <orasi/sdk/single.h>

ORASI_PLUGIN_NOTE(PLUGIN_ID, PLUGIN_VERSION);

/* ---- options ------------------------------------------------------------------------------ */

/* clang-format off */
/* One table: name, default, least, most, help. The schema's text and the reading come from it. */
#define NUMBERS(X)                                                                           \
	X(max_record, 67108864, 1024, 1073741824, "bytes; a longer record is quarantined")    \
	X(max_depth, 128, 1, 1024, "containers inside each other")                            \
	X(max_columns, 2000, 1, 20000, "columns of a schema; objects that would give more "   \
	                               "become JSON text")                                    \
	X(sample_rows, 20000, 1, 10000000, "records that schema inference looks at")          \
	X(sample_bytes, 8388608, 1024, 268435456, "bytes that schema inference looks at")
#define BOOLEANS(X)                                                                          \
	X(infer_timestamps, true, "strings that all are times or dates become such columns")  \
	X(coerce, false, "text columns take other values as their JSON text instead of "      \
	                 "rejecting the record")

#define NUMBER_SCHEMA(name, otherwise, least, most, help)                                    \
	"\"" #name "\":{\"type\":\"integer\",\"default\":" #otherwise ",\"minimum\":" #least  \
	",\"maximum\":" #most ",\"description\":\"" help "\"},"
#define BOOLEAN_SCHEMA(name, otherwise, help)                                                \
	"\"" #name "\":{\"type\":\"boolean\",\"default\":" #otherwise                         \
	",\"description\":\"" help "\"},"

static const char config_schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
	NUMBERS(NUMBER_SCHEMA) BOOLEANS(BOOLEAN_SCHEMA)
	"\"mode\":{\"type\":\"string\",\"enum\":[\"auto\",\"ndjson\",\"concatenated\",\"array\"],"
	"\"default\":\"auto\",\"description\":\"how records follow each other\"},"
	"\"records\":{\"type\":\"string\",\"default\":\"\",\"maxLength\":4096,"
	"\"description\":\"JSON pointer to the array of records inside of one document, such as "
	"/items\"},"
	"\"unknown_fields\":{\"type\":\"string\",\"enum\":[\"evolve\",\"ignore\",\"reject\"],"
	"\"default\":\"evolve\",\"description\":\"what to do with a key that the schema does not "
	"have\"}}}";
/* clang-format on */

static const char *const mode_words[] = {"auto", "ndjson", "concatenated", "array", NULL};
static const char *const unknown_words[] = {"evolve", "ignore", "reject", NULL};

static orasi_status read_pointer(const orasi_config *config, char **ret, orasi_error *err)
{
	orasi_str value = ORASI_STR("");

	config->get_str(config, "/records", &value);
	if (value.len && value.ptr[0] != '/')
		return orasi_fail(err, ORASI_E_CONFIG, "the option 'records' must start with '/'");
	*ret = strndup(value.ptr, value.len);
	return *ret ? ORASI_OK : orasi_fail(err, ORASI_E_NOMEM, "no memory for the options");
}

static orasi_status read_all(const orasi_config *config, struct settings *s, orasi_error *err)
{
	int mode = READER_AUTO, unknown = ROW_GROW;
	int32_t flag;
	orasi_status status = ORASI_OK;

#define NUMBER_READ(name, otherwise, least, most, help) \
	s->name = otherwise;                            \
	if (!status)                                    \
		status = orasi_option_int(config, "/" #name, least, most, &s->name, err);
#define BOOLEAN_READ(name, otherwise, help)         \
	flag = otherwise;                           \
	config->get_bool(config, "/" #name, &flag); \
	s->name = flag;
	NUMBERS(NUMBER_READ)
	BOOLEANS(BOOLEAN_READ)
	if (!status)
		status = orasi_option_word(config, "/mode", mode_words, &mode, err);
	if (!status)
		status = orasi_option_word(config, "/unknown_fields", unknown_words, &unknown, err);
	s->mode = (enum reader_mode)mode;
	s->unknown_fields = (enum row_unknown)unknown;
	return status ? status : read_pointer(config, &s->records, err);
}

orasi_status settings_read(const orasi_config *config, struct settings *ret, orasi_error *err)
{
	struct settings settings = {0};
	orasi_status status = read_all(config, &settings, err);

	if (!status)
		*ret = settings;
	return status;
}

void settings_done(struct settings *settings)
{
	free(settings->records);
	settings->records = NULL;
}

/* ---- entry -------------------------------------------------------------------------------- */

static const char *const features[] = {"format:json",
                                       "format:ndjson",
                                       "ext:.json",
                                       "ext:.ndjson",
                                       "ext:.jsonl",
                                       "mime:application/json",
                                       "mime:application/x-ndjson",
                                       NULL};
static const char *const no_extensions[] = {NULL};

static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_INGEST,
	.flags = ORASI_FLAG_DETERMINISTIC | ORASI_FLAG_SPLITTABLE | ORASI_FLAG_ENCODES,
	.state_version = PLUGIN_STATE_VERSION,
	.state_version_min = PLUGIN_STATE_VERSION,
	.id = PLUGIN_ID,
	.name = "json",
	.version = PLUGIN_VERSION,
	.summary = "JSON: one record per line, values in a row, or an array of records",
	.config_schema = config_schema,
	.features = features,
	.requires_ext = no_extensions,
};

static orasi_status init(const orasi_host *host, orasi_error *err)
{
	(void)host, (void)err;
	scan_init();
	return ORASI_OK;
}

static const void *get_factory(const char *id)
{
	if (!strcmp(id, ORASI_INGEST_FACTORY))
		return &decode_factory;
	return strcmp(id, ORASI_ENCODE_FACTORY) ? NULL : &encode_factory;
}

ORASI_SINGLE_PLUGIN(descriptor, .bundle_id = PLUGIN_ID, .bundle_version = PLUGIN_VERSION, .vendor = "Orasi",
                    .license = "Apache-2.0", .init = init, .get_factory = get_factory)
