/* SPDX-License-Identifier: Apache-2.0 */
/* An index task's world: the dataset, the index's manifest, an instance of its plugin. Inside the pipeline room
 * only. */
#ifndef PIPELINE_INDEXING_H
#define PIPELINE_INDEXING_H

#include "pipeline.h"
#include "plugin/codec.h"
#include "plugin/indexer.h"
#include "table/table.h"

struct indexing {
	struct loader *loader;
	const struct json *order;
	const struct pipeline_events *events;
	const char *name, *staging;
	struct blob *blob;
	struct table_snapshot snapshot;
	struct json *manifest;
	struct indexer indexer;
};

int indexing_open(struct indexing *in, struct loader *loader, const struct json *order,
                  const struct pipeline_events *events, struct err *err);
void indexing_close(struct indexing *in); /* fine on a half-open one */

/* Opens a segment of the manifest. */
int indexing_segment(const struct indexing *in, const struct json *entry, struct segment **ret, struct err *err);

#endif
