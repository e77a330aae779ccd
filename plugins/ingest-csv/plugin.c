/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin's face: entry, descriptor, options. */
#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>
#include <orasi/sdk/number.h>
#include <orasi/sdk/option.h>
#include <orasi/sdk/single.h>

ORASI_PLUGIN_NOTE(PLUGIN_ID, PLUGIN_VERSION);

/* ---- options ----------------------------------------------------------------------------------------------------- */

/* clang-format off */
/* One table each: name, default, …, help. The schema's text and the reading come from it. */
#define NUMBERS(X)                                                                                                   \
	X(skip, 0, 0, 1000000, "lines before the header that are no part of the table")                               \
	X(max_record, 16777216, 1024, 1073741824, "bytes; a longer record is quarantined")                            \
	X(max_columns, 2000, 1, 20000, "columns of a table")                                                          \
	X(sample_rows, 20000, 1, 10000000, "records that the types of columns are inferred from")                     \
	X(sample_bytes, 8388608, 1024, 268435456, "bytes that the types of columns are inferred from")
#define BOOLEANS(X)                                                                                                  \
	X(trim, false, "blanks around fields are no part of them")                                                    \
	X(fill, false, "fields that are missing at the end of a record are null; without it the record is quarantined") \
	X(infer_types, true, "columns get the type of their values; without it all are text")                         \
	X(infer_timestamps, true, "columns of times or dates become such")
/* One ASCII character each, or a word for it. */
#define CHARACTERS(X)                                                                                                \
	X(delimiter, "auto", "between fields: a character, tab, or auto")                                             \
	X(quote, "auto", "around fields: a character, none, or auto")                                                 \
	X(escape, "", "before a quote inside of quotes; empty: the quote is doubled")                                 \
	X(comment, "", "lines that begin with it are left out; empty: no line is")                                    \
	X(decimal, ".", "the decimal point: . or ,")                                                                  \
	X(thousands, "", "between groups of three digits; empty: nothing is")

#define NUMBER_SCHEMA(name, otherwise, least, most, help)                                                            \
	"\"" #name "\":{\"type\":\"integer\",\"default\":" #otherwise ",\"minimum\":" #least                          \
	",\"maximum\":" #most ",\"description\":\"" help "\"},"
#define BOOLEAN_SCHEMA(name, otherwise, help)                                                                        \
	"\"" #name "\":{\"type\":\"boolean\",\"default\":" #otherwise ",\"description\":\"" help "\"},"
#define CHARACTER_SCHEMA(name, otherwise, help)                                                                      \
	"\"" #name "\":{\"type\":\"string\",\"default\":\"" otherwise "\",\"maxLength\":4,\"description\":\"" help "\"},"
#define WORDS_SCHEMA(name, help)                                                                                     \
	"\"" #name "\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":256},\"maxItems\":20000,"     \
	"\"default\":[],\"description\":\"" help "\"},"

static const char config_schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
	CHARACTERS(CHARACTER_SCHEMA) NUMBERS(NUMBER_SCHEMA) BOOLEANS(BOOLEAN_SCHEMA)
	WORDS_SCHEMA(names, "names of the columns, instead of those of the header")
	WORDS_SCHEMA(nulls, "texts without quotes that mean null, as an empty field does")
	"\"header\":{\"type\":\"string\",\"enum\":[\"auto\",\"present\",\"absent\"],\"default\":\"auto\","
	"\"description\":\"is the first record the names of the columns\"},"
	"\"unknown_columns\":{\"type\":\"string\",\"enum\":[\"evolve\",\"ignore\",\"reject\"],\"default\":\"evolve\","
	"\"description\":\"what to do with a column that the dataset does not have\"}}}";
/* clang-format on */

/* Words and what they stand for; 0: nothing, -1: guess. */
static const struct {
	const char *word;
	int c;
} characters[] = {{"auto", -1}, {"", 0}, {"none", 0}, {"tab", '\t'}, {"\\t", '\t'}};

/* What numbers and lines are made of cannot be between fields. */
static bool is_fit(uint8_t c)
{
	return c == '\t' || (c > ' ' && c < 0x7F && !strchr("0123456789-+eE", c)) || c == ' ';
}

static orasi_status read_character(const orasi_config *config, const char *ptr, const char *otherwise, int *ret,
                                   orasi_error *err)
{
	orasi_str value = {otherwise, strlen(otherwise)};

	config->get_str(config, ptr, &value);
	for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++)
		if (strlen(characters[i].word) == value.len && !memcmp(characters[i].word, value.ptr, value.len)) {
			*ret = characters[i].c;
			return ORASI_OK;
		}
	if (value.len == 1 && is_fit((uint8_t)*value.ptr)) {
		*ret = (uint8_t)*value.ptr;
		return ORASI_OK;
	}
	return orasi_fail(err, ORASI_E_CONFIG,
	                  "the option '%s' is '%.*s', it must be one ASCII character that numbers do not need", ptr + 1,
	                  (int)value.len, value.ptr);
}

static void words_done(struct words *words)
{
	for (uint32_t i = 0; i < words->n; i++)
		free(words->at[i]);
	free(words->at);
	*words = (struct words){0};
}

static orasi_status read_words(const orasi_config *config, const char *ptr, struct words *ret, orasi_error *err)
{
	uint32_t n = 0;

	config->count(config, ptr, &n);
	ret->at = calloc((size_t)n + 1, sizeof(*ret->at));
	for (; ret->at && ret->n < n; ret->n++) {
		orasi_str value = ORASI_STR("");
		char item[64];

		snprintf(item, sizeof(item), "%s/%u", ptr, ret->n);
		config->get_str(config, item, &value);
		ret->at[ret->n] = strndup(value.ptr, value.len);
		if (!ret->at[ret->n])
			break;
	}
	return ret->at && ret->n == n ? ORASI_OK : orasi_fail(err, ORASI_E_NOMEM, "no memory for the options");
}

/* No character may have two meanings. */
static orasi_status check_characters(const struct settings *s, orasi_error *err)
{
	const uint8_t all[] = {s->delimiter, s->any_quote ? '"' : s->quote, s->comment};

	for (size_t i = 0; i < sizeof(all); i++)
		for (size_t k = 0; k < i; k++)
			if (all[i] && all[i] == all[k])
				return orasi_fail(err, ORASI_E_CONFIG,
				                  "the character '%c' stands for two of delimiter, quote and comment",
				                  all[i]);
	if (s->decimal != '.' && s->decimal != ',')
		return orasi_fail(err, ORASI_E_CONFIG, "the option 'decimal' must be '.' or ','");
	if (s->decimal == s->thousands)
		return orasi_fail(err, ORASI_E_CONFIG, "the options 'decimal' and 'thousands' are the same");
	if (s->escape && s->escape == s->delimiter)
		return orasi_fail(err, ORASI_E_CONFIG, "the options 'escape' and 'delimiter' are the same");
	return ORASI_OK;
}

static orasi_status read_all(const orasi_config *config, struct settings *s, orasi_error *err)
{
	static const char *const headers[] = {"auto", "present", "absent", NULL};
	static const char *const unknowns[] = {"evolve", "ignore", "reject", NULL};
	int delimiter = -1, quote = -1, escape = 0, comment = 0, decimal = '.', thousands = 0;
	int header = HEADER_AUTO, unknown = UNKNOWN_EVOLVE;
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
#define CHARACTER_READ(name, otherwise, help) \
	if (!status)                          \
		status = read_character(config, "/" #name, otherwise, &(name), err);
	NUMBERS(NUMBER_READ)
	BOOLEANS(BOOLEAN_READ)
	CHARACTERS(CHARACTER_READ)
	s->any_quote = quote < 0;
	s->delimiter = (uint8_t)(delimiter < 0 ? 0 : delimiter);
	s->quote = (uint8_t)(quote < 0 ? 0 : quote);
	s->escape = (uint8_t)(escape < 0 ? 0 : escape);
	s->comment = (uint8_t)(comment < 0 ? 0 : comment);
	s->decimal = (uint8_t)(decimal < 0 ? '.' : decimal);
	s->thousands = (uint8_t)(thousands < 0 ? 0 : thousands);
	if (!status)
		status = orasi_option_word(config, "/header", headers, &header, err);
	if (!status)
		status = orasi_option_word(config, "/unknown_columns", unknowns, &unknown, err);
	if (!status)
		status = check_characters(s, err);
	s->header = (enum header)header;
	s->unknown_columns = (enum unknown)unknown;
	if (!status)
		status = read_words(config, "/names", &s->names, err);
	return status ? status : read_words(config, "/nulls", &s->nulls, err);
}

orasi_status settings_read(const orasi_config *config, struct settings *ret, orasi_error *err)
{
	orasi_status status = read_all(config, ret, err);

	if (status)
		settings_done(ret);
	return status;
}

void settings_done(struct settings *settings)
{
	words_done(&settings->names);
	words_done(&settings->nulls);
}

/* ---- entry ------------------------------------------------------------------------------------------------------- */

static const char *const features[] = {"format:csv",
                                       "format:tsv",
                                       "ext:.csv",
                                       "ext:.tsv",
                                       "ext:.psv",
                                       "mime:text/csv",
                                       "mime:text/tab-separated-values",
                                       NULL};
static const char *const no_extensions[] = {NULL};

static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_INGEST,
	.flags = ORASI_FLAG_DETERMINISTIC | ORASI_FLAG_SPLITTABLE | ORASI_FLAG_ENCODES,
	.state_version = PLUGIN_STATE_VERSION,
	.state_version_min = PLUGIN_STATE_VERSION,
	.id = PLUGIN_ID,
	.name = "csv",
	.version = PLUGIN_VERSION,
	.summary = "CSV and its relatives: delimited text with or without a header",
	.config_schema = config_schema,
	.features = features,
	.requires_ext = no_extensions,
};

static orasi_status init(const orasi_host *host, orasi_error *err)
{
	(void)host, (void)err;
	number_init();
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
