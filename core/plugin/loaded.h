/* SPDX-License-Identifier: Apache-2.0 */
/* One plugin file in this process: opened, judged, initialised, its plugins known. It stays until the process ends.
 * Inside the plugin room only.
 *
 * Threading: of the loader. */
#ifndef PLUGIN_LOADED_H
#define PLUGIN_LOADED_H

#include "plugin/loader.h"

struct loaded;

/* Once, before any file. */
int loaded_start(struct err *err);
/* `host` is what its init gets; the loader's page says what runs meanwhile. The file stays the loader's. */
int loaded_open(struct loader *loader, const orasi_host *host, const char *path, struct loaded **ret, struct err *err);
const char *loaded_path(const struct loaded *file);
/* NULL: it has none of this kind with this id or name. */
const struct loader_plugin *loaded_find(const struct loaded *file, const char *kind, const char *id_or_name);
int loaded_describe(const struct loaded *file, struct json **ret, struct err *err);

#endif
