/* SPDX-License-Identifier: Apache-2.0 */
/* Parts made true, in the table worker: the dataset first, then its quarantine. Each log knows the task and the
 * number of the part, so repeating the whole after a crash between the two completes it and doubles nothing. */
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "plugin/codec.h"
#include "rejects.h"
#include "table/table.h"

static struct table_add *list_adds(const struct json *files, size_t *ret_n, struct err *err)
{
	size_t n = json_count(files);
	struct table_add *adds = calloc(n + 1, sizeof(*adds));

	if (!adds) {
		err_set(err, ERR_NOMEM, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		const struct json *file = json_at(files, i);

		adds[i] = (struct table_add){json_get_str(file, "staged", NULL), json_get_str(file, "name", ""),
		                             json_get_int(file, "size", -1),     json_get_int(file, "rows", 0),
		                             json_get_str(file, "stats", NULL),  json_get(file, "partition")};
	}
	*ret_n = n;
	return adds;
}

static const char **list_texts(const struct json *array, size_t *ret_n)
{
	const char **ret = calloc(json_count(array) + 1, sizeof(*ret));

	*ret_n = ret ? json_count(array) : 0;
	for (size_t i = 0; i < *ret_n; i++)
		ret[i] = json_str(json_at(array, i), "");
	return ret;
}

static int commit_to(struct loader *loader, const char *location, const struct json *files,
                     const struct ArrowSchema *schema, const struct json *intent, struct table_commit *ret,
                     struct err *err)
{
	struct table_change change = {
		.schema = schema,
		.app_id = json_get_str(intent, "app_id", NULL),
		.txn = json_get_int(intent, "seq", 0),
		.operation = json_get_str(intent, "operation", "WRITE"),
		.parameters = json_get(intent, "parameters"),
		.replaces = json_get_bool(intent, "replaces", 0),
		.rearranges = json_get_bool(intent, "rearranges", 0),
		.partition_by = json_get(intent, "partition_by"),
	};
	const char **removes = list_texts(json_get(intent, "removes"), &change.n_removes);
	struct table_codec codec = CODEC(loader);
	struct table_add *adds = list_adds(files, &change.n_adds, err);
	struct blob *blob;
	int r;

	if (!adds || !removes) {
		free(adds);
		free(removes);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	change.adds = adds;
	change.removes = removes;
	r = blob_open(location, &blob, err);
	if (!r) {
		r = table_commit(blob, &codec, &change, ret, err);
		blob_close(blob);
	}
	free(adds);
	free(removes);
	return r;
}

static int commit_rejects(struct loader *loader, const struct json *order, const struct json *intent,
                          struct table_commit *ret, struct err *err)
{
	const struct json *files = json_pointer(intent, "/rejects/files");
	struct ArrowSchema schema;
	int r;

	ret->version = -1;
	if (!json_count(files))
		return 0;
	r = rejects_schema(&schema, err);
	if (r)
		return r;
	r = commit_to(loader, json_str(json_pointer(order, "/rejects/location"), ""), files, &schema, intent, ret, err);
	arrow_schema_release(&schema);
	return r;
}

static struct json *describe_commit(const struct table_commit *done)
{
	struct json *json = json_new_object();

	json_set_int(json, "version", done->version);
	json_set_int(json, "rows", done->version < 0 ? -1 : done->rows);
	json_set_int(json, "bytes", done->version < 0 ? -1 : done->bytes);
	json_set_int(json, "files", done->version < 0 ? -1 : done->files);
	json_set_bool(json, "already", done->already);
	return json;
}

/* The same rows in other files. When somebody has taken one of the old ones out meanwhile, theirs is the word that
 * counts, and nothing is lost by giving way. */
static int commit_rearranged(struct loader *loader, const struct json *order, const struct json *intent,
                             struct json **ret, struct err *err)
{
	struct table_commit done = {.version = -1, .rows = -1, .bytes = -1, .files = -1};
	int r = commit_to(loader, json_str(json_pointer(order, "/dataset/location"), ""), json_get(intent, "files"),
	                  NULL, intent, &done, err);

	if (r && r != ERR_CONFLICT)
		return r;
	*ret = describe_commit(&done);
	json_set_bool(*ret, "gave_way", r == ERR_CONFLICT);
	return 0;
}

int pipeline_commit(struct loader *loader, const struct json *order, struct json **ret, struct err *err)
{
	const struct json *intent = json_get(order, "intent"), *delta = json_get(intent, "schema");
	struct table_commit main = {.version = -1}, rejects;
	struct ArrowSchema schema = {0};
	int r = 0;

	if (json_get_bool(intent, "rearranges", 0))
		return commit_rearranged(loader, order, intent, ret, err);
	/* No schema: nothing has ever been read, so there is no table to make. */
	if (delta) {
		r = table_schema_from_delta(delta, &schema, err);
		if (!r)
			r = commit_to(loader, json_str(json_pointer(order, "/dataset/location"), ""),
			              json_get(intent, "files"), &schema, intent, &main, err);
		arrow_schema_release(&schema);
	}
	if (!r)
		r = commit_rejects(loader, order, intent, &rejects, err);
	if (r)
		return r;
	*ret = describe_commit(&main);
	json_set_int(*ret, "rejects_version", rejects.version);
	return 0;
}

/* ---- index parts ------------------------------------------------------------------------------------------- */

static int64_t sum(const struct json *segments, const char *member)
{
	int64_t total = 0;

	for (size_t i = 0; i < json_count(segments); i++)
		total += json_get_int(json_at(segments, i), member, 0);
	return total;
}

int pipeline_index_commit(const struct json *order, struct json **ret, struct err *err)
{
	const struct json *intent = json_get(order, "intent"), *segments;
	const char *name = json_str(json_pointer(order, "/index/name"), "");
	struct json *manifest;
	struct blob *blob;
	int64_t generation;
	int already, r = blob_open(json_str(json_pointer(order, "/dataset/location"), ""), &blob, err);

	if (r)
		return r;
	r = index_manifest_commit(blob, name, json_get(intent, "segments"), json_get(intent, "replaces"), &manifest,
	                          &generation, &already, err);
	blob_close(blob);
	if (r)
		return r;
	segments = json_get(manifest, "segments");
	*ret = json_new_object();
	json_set_int(*ret, "generation", generation);
	json_set_int(*ret, "rows", sum(segments, "rows"));
	json_set_int(*ret, "bytes", sum(segments, "bytes"));
	json_set_int(*ret, "segments", (int64_t)json_count(segments));
	json_set_bool(*ret, "already", already);
	json_free(manifest);
	return 0;
}
