/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Schemas of schemas.json, which the build turns into a C string. */
#include <string.h>

#include "api/inside.h"

static void add_common(struct json *kind, const struct json *common)
{
	const struct json *member;
	const char *key;
	size_t at = 0;

	while (json_each(common, &at, &key, &member))
		json_set(json_get_mut(kind, "properties"), key, json_copy(member));
}

int schemas_load(struct api *api, struct err *err)
{
	const struct json *kind, *tasks;
	const char *name;
	size_t at = 0;
	int r = json_parse(api_schemas_text, strlen(api_schemas_text), &api->schemas, err);

	if (r)
		return r;
	tasks = json_get(api->schemas, "tasks");
	while (json_each(tasks, &at, &name, &kind))
		if (strcmp(name, "common"))
			add_common((struct json *)kind, json_get(tasks, "common"));
	return 0;
}

void schemas_free(struct api *api)
{
	json_free(api->schemas);
}

const struct json *schema_find(const struct api *api, const char *name)
{
	return json_get(json_get(api->schemas, "schemas"), name);
}

struct json *kind_schema(const struct api *api, const char *kind)
{
	return json_get_mut(json_get_mut(api->schemas, "tasks"), kind);
}
