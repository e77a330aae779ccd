/* SPDX-License-Identifier: Apache-2.0 */
#include "indexing.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static int load_dataset(struct indexing *in, struct err *err)
{
	const char *location = json_str(json_pointer(in->order, "/dataset/location"), "");
	int64_t generation;
	int r = blob_open(location, &in->blob, err);

	if (!r)
		r = table_snapshot(in->blob, &in->snapshot, err);
	if (!r && in->snapshot.version < 0)
		r = err_set(err, ERR_NOTFOUND, "'%s' has no table yet: ingest something first", location);
	return r ? r : index_manifest_load(in->blob, in->name, &in->manifest, &generation, err);
}

static int add_key(struct indexing *in, const char *name, struct err *err)
{
	int64_t at = arrow_schema_find(&in->snapshot.schema, name, strlen(name));
	struct ArrowSchema key;

	if (at < 0)
		return err_set(err, ERR_CONFLICT, "index '%s' is over column '%s', which the dataset does not have", in->name,
		               name);
	if (arrow_schema_copy(&key, in->snapshot.schema.children[at]))
		return err_set(err, ERR_NOMEM, "out of memory");
	if (arrow_schema_append(&in->keys, &key)) {
		arrow_schema_release(&key);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	return 0;
}

static int make_keys(struct indexing *in, struct err *err)
{
	const struct json *columns = json_get(in->manifest, "columns");
	int r = arrow_schema_make(&in->keys, "+s", "", 0, 0) ? err_set(err, ERR_NOMEM, "out of memory") : 0;

	for (size_t i = 0; i < json_count(columns) && !r; i++)
		r = add_key(in, json_str(json_at(columns, i), ""), err);
	return r;
}

static int make_instance(struct indexing *in, struct err *err)
{
	const char *name = json_get_str(in->manifest, "plugin", "");
	orasi_error error = {.struct_size = sizeof(error)};
	orasi_status status;
	int r = loader_find(in->loader, "index", name, &in->plugin, err);

	if (r)
		return r;
	loader_host_init(&in->host, in->loader, in->staging, (int)json_get_int(in->order, "attempt", 1), INT64_MAX);
	loader_config_init(&in->config, json_get(in->manifest, "options"));
	status = loader_call(in->loader, in->plugin, "create",
	                     in->plugin->index->create(&in->host.host, in->plugin->descriptor->id, &in->config.config,
	                                               &in->keys, &in->self, &error));
	return status ? loader_fail(in->plugin, "create", status, &error, err) : 0;
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
	if (!r)
		r = make_keys(in, err);
	return r ? r : make_instance(in, err);
}

void indexing_close(struct indexing *in)
{
	if (in->self)
		loader_call_void(in->loader, in->plugin, "destroy", in->plugin->index->destroy(in->self));
	loader_host_done(&in->host);
	arrow_schema_release(&in->keys);
	json_free(in->manifest);
	table_snapshot_done(&in->snapshot);
	blob_close(in->blob);
}

static int by_path(const void *path, const void *file)
{
	return strcmp(path, ((const struct table_file *)file)->path);
}

const struct table_file *indexing_file(const struct indexing *in, const char *path)
{
	return bsearch(path, in->snapshot.files, in->snapshot.n_files, sizeof(*in->snapshot.files), by_path);
}

int indexing_is_readable(const struct indexing *in, const struct json *segment)
{
	const orasi_descriptor *d = in->plugin->descriptor;
	int64_t version = json_get_int(segment, "state_version", 0);

	return version >= d->state_version_min && version <= d->state_version;
}

int indexing_segment(const struct indexing *in, const struct json *entry, struct segment **ret, struct err *err)
{
	char name[PATH_MAX], path[PATH_MAX];
	int r;

	index_segment_path(in->name, json_get_str(entry, "dir", "_"), NULL, name, sizeof(name));
	r = blob_path(in->blob, name, path, sizeof(path), err);
	return r ? r : segment_open(path, json_get(entry, "blobs"), ret, err);
}
