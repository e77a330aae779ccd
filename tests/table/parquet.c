/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugin/loader.h"
#include "tables.h"

struct loader *tables_loader(void)
{
	static struct loader *loader;
	struct json *list, *plugin;
	const char *build = getenv("ORASI_BUILDDIR");
	char path[PATH_MAX];
	struct err err;

	if (loader)
		return loader;
	list = json_new_array();
	plugin = json_new_object();
	snprintf(path, sizeof(path), "%s/plugins/ingest-parquet/.libs/ingest-parquet.so", build ? build : ".");
	json_set_str(plugin, "kind", "ingest");
	json_set_str(plugin, "id", "org.orasi.ingest.parquet");
	json_set_str(plugin, "name", "parquet");
	json_set_str(plugin, "path", path);
	json_push(list, plugin);
	ck_ok(loader_new(NULL, &loader, &err), &err);
	loader_set_plugins(loader, list);
	json_free(list);
	return loader;
}
