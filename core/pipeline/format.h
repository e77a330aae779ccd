/* SPDX-License-Identifier: Apache-2.0 */
/* Which plugin reads a source. Inside the pipeline room only. */
#ifndef PIPELINE_FORMAT_H
#define PIPELINE_FORMAT_H

#include "plugin/loader.h"
#include "source.h"

/* The one that is named, or for "auto" the one that is surest that the source is its own. */
int format_choose(struct loader *loader, const char *name, struct source *source, const char *uri,
                  const struct loader_plugin **ret, struct err *err);
/* Does it need rights that this process does not have? They are the bits of ORASI_FLAG_NEEDS_*, shifted down to 1, 2, 4. */
int format_lacks_rights(const struct loader_plugin *plugin, unsigned rights);

#endif
