/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of an examined plugin. */
#include "lab.h"

#include <string.h>

static const struct json *config_at(const orasi_config *config, const char *ptr)
{
	return json_pointer(((const struct lab_config *)config->ctx)->json, ptr);
}

/* Something of another type is as good as nothing. */
static orasi_status get_i64(const orasi_config *config, const char *ptr, int64_t *ret)
{
	const struct json *v = config_at(config, ptr);

	if (json_type(v) != JSON_INT && (json_type(v) != JSON_DOUBLE || json_int(v, 0) != json_int(v, 1)))
		return ORASI_E_NOTFOUND;
	*ret = json_int(v, 0);
	return ORASI_OK;
}

static orasi_status get_f64(const orasi_config *config, const char *ptr, double *ret)
{
	const struct json *v = config_at(config, ptr);

	if (json_type(v) != JSON_INT && json_type(v) != JSON_DOUBLE)
		return ORASI_E_NOTFOUND;
	*ret = json_double(v, 0);
	return ORASI_OK;
}

static orasi_status get_bool(const orasi_config *config, const char *ptr, int32_t *ret)
{
	const struct json *v = config_at(config, ptr);

	if (json_type(v) != JSON_BOOL)
		return ORASI_E_NOTFOUND;
	*ret = json_bool(v, 0) != 0;
	return ORASI_OK;
}

static orasi_status get_str(const orasi_config *config, const char *ptr, orasi_str *ret)
{
	const struct json *v = config_at(config, ptr);

	if (json_type(v) != JSON_STRING)
		return ORASI_E_NOTFOUND;
	*ret = (orasi_str){json_str(v, ""), json_str_len(v)};
	return ORASI_OK;
}

static orasi_status get_count(const orasi_config *config, const char *ptr, uint32_t *ret)
{
	const struct json *v = config_at(config, ptr);

	if (json_type(v) != JSON_ARRAY && json_type(v) != JSON_OBJECT)
		return ORASI_E_NOTFOUND;
	*ret = (uint32_t)json_count(v);
	return ORASI_OK;
}

void lab_config_init(struct lab_config *c, const struct json *json)
{
	const char *text = json_text(json);

	c->json = json;
	c->config = (orasi_config){sizeof(c->config), 0,       c,        {text, strlen(text)}, get_i64, get_f64,
	                           get_bool,          get_str, get_count};
}
