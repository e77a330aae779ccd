/* SPDX-License-Identifier: Apache-2.0 */
/* Which plugin writes a file: one that is named, or the one that claims the ending of the file's name. */
#include <string.h>

#include <orasi/abi.h>

#include "base/str.h"
#include "plugin/plugin.h"

static int claims(const struct json *plugin, const char *path)
{
	const struct json *features = json_get(plugin, "features");

	if (strcmp(json_get_str(plugin, "kind", ""), "ingest"))
		return 0;
	for (size_t i = 0; i < json_count(features); i++) {
		const char *feature = json_str(json_at(features, i), "");

		if (str_starts(feature, "ext:") && str_ends(path, feature + strlen("ext:")))
			return 1;
	}
	return 0;
}

static const struct json *find_by_ending(const struct plugin_registry *registry, const char *path, struct err *err)
{
	struct json *all = plugin_orders(registry, 0);
	const struct json *found = NULL;

	for (size_t i = 0; i < json_count(all) && !found; i++)
		if (claims(json_at(all, i), path))
			found = plugin_find(registry, "ingest", json_get_str(json_at(all, i), "id", ""), err);
	json_free(all);
	if (!found)
		err_set(err, ERR_NOTFOUND, "no plugin claims files named as '%.200s': name the format", path);
	return found;
}

const struct json *plugin_find_encoder(const struct plugin_registry *registry, const char *id_or_name, const char *path,
                                       struct err *err)
{
	const struct json *plugin = strcmp(id_or_name, "auto") ? plugin_find(registry, "ingest", id_or_name, err)
	                                                       : find_by_ending(registry, path, err);

	if (plugin && !(json_get_int(plugin, "flags", 0) & ORASI_FLAG_ENCODES)) {
		err_set(err, ERR_UNSUPPORTED, "plugin '%s' reads its format and does not write it",
		        json_get_str(plugin, "name", ""));
		return NULL;
	}
	return plugin;
}
