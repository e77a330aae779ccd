/* SPDX-License-Identifier: Apache-2.0 */
/* An index task's world: the dataset, the index's manifest, an instance of its plugin. Inside the pipeline room
 * only. */
#ifndef PIPELINE_INDEXING_H
#define PIPELINE_INDEXING_H

#include "pipeline.h"
#include "plugin/loader.h"
#include "plugin/segment.h"
#include "table/table.h"

struct indexing {
	struct loader *loader;
	const struct json *order;
	const struct pipeline_events *events;
	const char *name, *staging;
	struct blob *blob;
	struct table_snapshot snapshot;
	struct json *manifest;
	const struct loader_plugin *plugin;
	struct ArrowSchema keys; /* the key columns, as a struct */
	struct loader_host host;
	struct loader_config config;
	void *self;
};

int indexing_open(struct indexing *in, struct loader *loader, const struct json *order,
                  const struct pipeline_events *events, struct err *err);
void indexing_close(struct indexing *in); /* fine on a half-open one */

/* The live file of that path, or NULL. */
const struct table_file *indexing_file(const struct indexing *in, const char *path);
/* Does the plugin, as it is now, read what it wrote then? */
int indexing_is_readable(const struct indexing *in, const struct json *segment);
/* Opens a segment of the manifest. */
int indexing_segment(const struct indexing *in, const struct json *entry, struct segment **ret, struct err *err);

#endif
