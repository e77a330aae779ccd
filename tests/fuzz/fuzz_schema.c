/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of a plugin's configuration, a line of JSON, and a value behind it: a problem is told whenever, and only
 * when, the value is refused; one that is taken, defaults and all, can be looked at again. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/plugin.h"

static void check(const struct json *schema, struct json *value)
{
	struct json *errors = json_new_array();
	int r = plugin_config_check(schema, value, "/options", errors);

	if ((r != 0) != (json_count(errors) != 0))
		abort();
	json_free(errors);
	errors = json_new_array();
	plugin_config_check(schema, value, "", errors);
	json_free(errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
	struct json *schema, *value;

	if (!line || json_parse((const char *)data, (size_t)(line - data), &schema, NULL))
		return 0;
	if (!json_parse((const char *)line + 1, size - (size_t)(line + 1 - data), &value, NULL)) {
		if (!plugin_config_schema_check(schema, NULL))
			check(schema, value);
		json_free(value);
	}
	json_free(schema);
	return 0;
}
