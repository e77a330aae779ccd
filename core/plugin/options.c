/* SPDX-License-Identifier: Apache-2.0 */
/* The options of an instance as its plugin asks for them, and the defaults of those that nobody gave. */
#include <string.h>

#include "plugin/loader.h"
#include "plugin/plugin.h"

static const struct json *at(const orasi_config *config, const char *ptr)
{
	return json_pointer(((const struct loader_config *)config->ctx)->json, ptr);
}

/* Something of another type is as good as nothing. */
static orasi_status get_i64(const orasi_config *config, const char *ptr, int64_t *ret)
{
	const struct json *v = at(config, ptr);

	if (json_type(v) != JSON_INT && (json_type(v) != JSON_DOUBLE || json_int(v, 0) != json_int(v, 1)))
		return ORASI_E_NOTFOUND;
	*ret = json_int(v, 0);
	return ORASI_OK;
}

static orasi_status get_f64(const orasi_config *config, const char *ptr, double *ret)
{
	const struct json *v = at(config, ptr);

	if (json_type(v) != JSON_INT && json_type(v) != JSON_DOUBLE)
		return ORASI_E_NOTFOUND;
	*ret = json_double(v, 0);
	return ORASI_OK;
}

static orasi_status get_bool(const orasi_config *config, const char *ptr, int32_t *ret)
{
	const struct json *v = at(config, ptr);

	if (json_type(v) != JSON_BOOL)
		return ORASI_E_NOTFOUND;
	*ret = json_bool(v, 0) != 0;
	return ORASI_OK;
}

static orasi_status get_str(const orasi_config *config, const char *ptr, orasi_str *ret)
{
	const struct json *v = at(config, ptr);

	if (json_type(v) != JSON_STRING)
		return ORASI_E_NOTFOUND;
	*ret = (orasi_str){json_str(v, ""), json_str_len(v)};
	return ORASI_OK;
}

static orasi_status count(const orasi_config *config, const char *ptr, uint32_t *ret)
{
	const struct json *v = at(config, ptr);

	if (json_type(v) != JSON_ARRAY && json_type(v) != JSON_OBJECT)
		return ORASI_E_NOTFOUND;
	*ret = (uint32_t)json_count(v);
	return ORASI_OK;
}

/* What the schema makes of no options at all; those that must be given have no default, and that is fine. */
static struct json *make_defaults(const char *config_schema)
{
	struct json *defaults = json_new_object(), *schema, *errors;

	if (json_parse(config_schema, strlen(config_schema), &schema, NULL))
		return defaults;
	errors = json_new_array();
	plugin_config_check(schema, defaults, "", errors);
	json_free(errors);
	json_free(schema);
	return defaults;
}

static const struct json *defaults_of(const struct loader_plugin *plugin)
{
	if (!*plugin->defaults)
		*plugin->defaults = make_defaults(plugin->descriptor->config_schema);
	return *plugin->defaults;
}

/* The order's own, as long as nothing is missing in it. */
static struct json *complete(const struct json *defaults, const struct json *json)
{
	struct json *copy = json ? NULL : json_new_object();
	const struct json *value;
	const char *key;
	size_t at = 0;

	while (json_each(defaults, &at, &key, &value)) {
		if (json_get(json, key))
			continue;
		if (!copy)
			copy = json_copy(json);
		json_set(copy, key, json_copy(value));
	}
	return copy ? copy : json_share(json);
}

void loader_config_init(struct loader_config *config, const struct loader_plugin *plugin, const struct json *json)
{
	orasi_str text;

	config->json = complete(defaults_of(plugin), json);
	buf_init(&config->text, 0);
	json_write(&config->text, config->json);
	text = config->text.failed ? (orasi_str){"", 0} : (orasi_str){config->text.data, config->text.len};
	config->config =
		(orasi_config){sizeof(config->config), 0, config, text, get_i64, get_f64, get_bool, get_str, count};
}

void loader_config_done(struct loader_config *config)
{
	json_free(config->json);
	config->json = NULL;
	buf_done(&config->text);
}
