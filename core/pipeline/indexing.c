/* SPDX-License-Identifier: Apache-2.0 */
#include "indexing.h"

#include <limits.h>

static int load_dataset(struct indexing *in, struct err *err)
{
	const char *location = json_str(json_pointer(in->order, "/dataset/location"), "");
	struct table_codec codec = CODEC(in->loader);
	int64_t generation;
	int r = blob_open(location, &in->blob, err);

	if (!r)
		r = table_snapshot(in->blob, &codec, &in->snapshot, err);
	if (!r && in->snapshot.version < 0)
		r = table_missing(json_get(in->order, "dataset"), err);
	return r ? r : index_manifest_load(in->blob, in->name, &in->manifest, &generation, err);
}

int indexing_open(struct indexing *in, struct loader *loader, const struct json *order,
                  const struct pipeline_events *events, struct err *err)
{
	int r;

	*in = (struct indexing){
		.loader = loader,
		.order = order,
		.events = events,
		.name = json_str(json_pointer(order, "/index/name"), ""),
		.staging = json_get_str(order, "staging", NULL),
	};
	r = load_dataset(in, err);
	return r ? r
	         : indexer_open(&in->indexer, loader, in->manifest, &in->snapshot.schema, in->staging,
	                        (int)json_get_int(order, "attempt", 1), err);
}

void indexing_close(struct indexing *in)
{
	indexer_close(&in->indexer);
	json_free(in->manifest);
	table_snapshot_done(&in->snapshot);
	blob_close(in->blob);
}

int indexing_segment(const struct indexing *in, const struct json *entry, struct segment **ret, struct err *err)
{
	char name[PATH_MAX], path[PATH_MAX];
	int r;

	index_segment_path(in->name, json_get_str(entry, "dir", "_"), NULL, name, sizeof(name));
	r = blob_path(in->blob, name, path, sizeof(path), err);
	return r ? r : segment_open(path, json_get(entry, "blobs"), ret, err);
}
