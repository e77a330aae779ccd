/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/plugins: what the registry knows, and the options of a plugin as a list for people. */
#include <string.h>

#include "api/inside.h"
#include "base/str.h"
#include "plugin/plugin.h"

void handle_plugins_get(struct api *api, struct http_request *req)
{
	struct json *json = json_new_object();

	json_set(json, "items", plugin_list(api->env.plugins));
	json_set_bool(json, "busy", plugin_registry_busy(api->env.plugins));
	reply_json(req, 200, json);
}

static int is_listed(const struct json *list, const char *name)
{
	for (size_t i = 0; i < json_count(list); i++)
		if (str_eq(json_str(json_at(list, i), NULL), name))
			return 1;
	return 0;
}

/* One line per option: {name, type, default, required, description}; members of objects as "a.b".
 */
static void add_options(struct json *options, const struct json *schema, const char *prefix, struct arena *arena)
{
	const struct json *member, *properties = json_get(schema, "properties");
	const char *key;
	size_t at = 0;

	while (json_each(properties, &at, &key, &member)) {
		const char *name = arena_printf(arena, "%s%s", prefix, key);
		struct json *option = json_new_object();

		json_set_str(option, "name", name);
		json_set_str(option, "type", json_get_str(member, "format", json_get_str(member, "type", "any")));
		json_set(option, "default", json_copy(json_get(member, "default")));
		json_set(option, "allowed", json_copy(json_get(member, "enum")));
		json_set_bool(option, "required", is_listed(json_get(schema, "required"), key));
		json_set_str(option, "description",
		             json_get_str(member, "description", json_get_str(member, "title", "")));
		json_push(options, option);
		if (json_get(member, "properties"))
			add_options(options, member, arena_printf(arena, "%s.", name), arena);
	}
}

void handle_plugin_get(struct api *api, struct http_request *req)
{
	struct err err = {.code = ERR_NOTFOUND};
	const struct json *plugin = plugin_find(api->env.plugins, NULL, http_param(req, "id"), &err);
	struct json *json, *options;

	if (!plugin) {
		err.code = ERR_NOTFOUND;
		reply_err(req, &err);
		return;
	}
	json = json_copy(plugin);
	options = json_new_array();
	add_options(options, json_get(plugin, "config_schema"), "", http_arena(req));
	json_set(json, "options", options);
	reply_json(req, 200, json);
}

void handle_plugins_rescan(struct api *api, struct http_request *req)
{
	struct json *json = json_new_object();

	plugin_registry_rescan(api->env.plugins);
	json_set_bool(json, "busy", plugin_registry_busy(api->env.plugins));
	reply_json(req, 202, json);
}

static void reply_done(struct http_request *req, int r, const struct err *err)
{
	if (r)
		reply_err(req, err);
	else
		http_reply_empty(req, 204);
}

void handle_plugin_clear(struct api *api, struct http_request *req)
{
	struct err err = {0};
	int r = plugin_clear(api->env.plugins, http_param(req, "id"), &err);

	reply_done(req, r, &err);
}

void handle_plugin_pin(struct api *api, struct http_request *req)
{
	const char *generation = http_query(req, "generation");
	struct err err = {0};
	int r = plugin_pin(api->env.plugins, http_param(req, "id"), generation ? generation : "", &err);

	reply_done(req, r, &err);
}

void handle_plugin_unpin(struct api *api, struct http_request *req)
{
	struct err err = {0};
	int r = plugin_unpin(api->env.plugins, http_param(req, "id"), &err);

	reply_done(req, r, &err);
}
