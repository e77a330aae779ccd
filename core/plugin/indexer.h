/* SPDX-License-Identifier: Apache-2.0 */
/* One index as its plugin sees it: the key columns, the options, an instance. For the building of indexes and for
 * queries. The file of a manifest is described in table/table.h; here it is only JSON.
 *
 * Threading: an object at a time per thread. */
#ifndef PLUGIN_INDEXER_H
#define PLUGIN_INDEXER_H

#include <orasi/index.h>
#include <orasi/sdk/arrow.h>

#include "plugin/loader.h"
#include "plugin/segment.h"

struct indexer {
	struct loader *loader;
	const struct loader_plugin *plugin;
	struct ArrowSchema keys; /* the key columns, as a struct */
	struct loader_host host;
	void *self;
};

/* `manifest` must live as long. ERR_CONFLICT when the dataset (`schema`) lacks a key column, ERR_NOTFOUND when there is
 * no such plugin. Close it whatever comes back. */
int indexer_open(struct indexer *indexer, struct loader *loader, const struct json *manifest,
                 const struct ArrowSchema *schema, const char *scratch, int attempt, struct err *err);
void indexer_close(struct indexer *indexer); /* fine on a half-open and on a zeroed one */

/* Does the plugin, as it is now, read what it wrote then? `segment` is one of the manifest's. */
int indexer_reads(const struct indexer *indexer, const struct json *segment);
/* A reader of a segment; it goes with indexer_close_reader, before the segment. */
int indexer_open_reader(struct indexer *indexer, struct segment *segment, void **ret, orasi_segment_info *ret_info,
                        struct err *err);
void indexer_close_reader(struct indexer *indexer, void *reader); /* NULL is fine */

#endif
