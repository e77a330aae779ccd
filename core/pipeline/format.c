/* SPDX-License-Identifier: Apache-2.0 */
#include "format.h"

#include <string.h>

#include "looks.h"

#define PLUGINS_MAX 64
#define SNIFF_MIN 1

static uint32_t ask(struct loader *loader, const struct loader_plugin *plugin, orasi_bytes head, const char *uri)
{
	uint32_t score = 0;

	loader_call(loader, plugin, "sniff",
	            plugin->ingest->sniff(plugin->descriptor->id, head, (orasi_str){uri, strlen(uri)}, &score));
	return score <= 100 ? score : 0;
}

int format_choose(struct loader *loader, const char *name, struct source *source, const char *uri,
                  const struct loader_plugin **ret, struct err *err)
{
	const struct loader_plugin *all[PLUGINS_MAX];
	struct err head_err = {0};
	uint32_t best = 0;
	orasi_bytes head;
	size_t n;

	if (strcmp(name, "auto"))
		return loader_find(loader, "ingest", name, ret, err);
	head = source_head(source, &head_err);
	n = loader_all(loader, "ingest", all, PLUGINS_MAX);
	for (size_t i = 0; i < n; i++) {
		uint32_t score = ask(loader, all[i], head, uri);

		if (score > best) {
			best = score;
			*ret = all[i];
		}
	}
	if (best >= SNIFF_MIN)
		return 0;
	if (head_err.code)
		return err_set(err, head_err.code, "%s", head_err.text);
	return err_set(err, ERR_INVALID,
	               "'%.300s' looks like %s, which no plugin here recognises: convert it, add a plugin, "
	               "or name one with format.plugin (see 'orasi plugin list')",
	               uri, looks_like(head.ptr, head.len));
}

int format_lacks_rights(const struct loader_plugin *plugin, unsigned rights)
{
	return (plugin->descriptor->flags / ORASI_FLAG_NEEDS_NET & 7u & ~rights) != 0;
}
