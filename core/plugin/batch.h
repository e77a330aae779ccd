/* SPDX-License-Identifier: Apache-2.0 */
/* What plugins hand out is looked at before anybody works on it, while the crash page still names them: a batch that
 * claims memory it does not have takes the worker down here, and the right one is blamed. */
#ifndef PLUGIN_BATCH_H
#define PLUGIN_BATCH_H

#include "plugin/loader.h"

#define BATCH_COLUMNS_MAX 10000

/* Bounded, complete, of known types; `schema` is what `function` gave. */
int loader_check_schema(struct loader *loader, const struct loader_plugin *plugin, const char *function,
                        const struct ArrowSchema *schema, struct err *err);
/* Valid by the schema, and every page of its buffers is there. */
int loader_check_batch(struct loader *loader, const struct loader_plugin *plugin, const char *function,
                       const struct ArrowSchema *schema, const struct ArrowArray *batch, struct err *err);

#endif
