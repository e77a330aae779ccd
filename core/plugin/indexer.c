/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/indexer.h"

#include <string.h>

static int add_key(struct indexer *x, const struct ArrowSchema *schema, const char *index, const char *name,
                   struct err *err)
{
	int64_t at = arrow_schema_find(schema, name, strlen(name));
	struct ArrowSchema key;

	if (at < 0)
		return err_set(err, ERR_CONFLICT, "index '%s' is over column '%s', which the dataset does not have",
		               index, name);
	if (arrow_schema_copy(&key, schema->children[at]))
		return err_set(err, ERR_NOMEM, "out of memory");
	if (arrow_schema_append(&x->keys, &key)) {
		arrow_schema_release(&key);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	return 0;
}

static int make_keys(struct indexer *x, const struct json *manifest, const struct ArrowSchema *schema, struct err *err)
{
	const struct json *columns = json_get(manifest, "columns");
	int r = arrow_schema_make(&x->keys, "+s", "", 0, 0) ? err_set(err, ERR_NOMEM, "out of memory") : 0;

	for (size_t i = 0; i < json_count(columns) && !r; i++)
		r = add_key(x, schema, json_get_str(manifest, "name", ""), json_str(json_at(columns, i), ""), err);
	return r;
}

static int make_instance(struct indexer *x, const struct json *manifest, const char *scratch, int attempt,
                         struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	struct loader_config config;
	orasi_status status;
	int r = loader_find(x->loader, "index", json_get_str(manifest, "plugin", ""), &x->plugin, err);

	if (r)
		return r;
	loader_host_init(&x->host, x->loader, scratch, attempt, INT64_MAX);
	r = loader_host_for(&x->host, x->plugin, err);
	if (r)
		return r;
	loader_config_init(&config, x->plugin, json_get(manifest, "options"));
	status = loader_call(x->loader, x->plugin, "create",
	                     x->plugin->index->create(&x->host.host, x->plugin->descriptor->id, &config.config,
	                                              &x->keys, &x->self, &error));
	loader_config_done(&config);
	return status ? loader_fail(x->plugin, "create", status, &error, err) : 0;
}

int indexer_open(struct indexer *x, struct loader *loader, const struct json *manifest,
                 const struct ArrowSchema *schema, const char *scratch, int attempt, struct err *err)
{
	int r;

	*x = (struct indexer){.loader = loader};
	r = make_keys(x, manifest, schema, err);
	return r ? r : make_instance(x, manifest, scratch, attempt, err);
}

void indexer_close(struct indexer *x)
{
	if (x->self)
		loader_call_void(x->loader, x->plugin, "destroy", x->plugin->index->destroy(x->self));
	x->self = NULL;
	loader_host_done(&x->host);
	arrow_schema_release(&x->keys);
}

int indexer_reads(const struct indexer *x, const struct json *segment)
{
	const orasi_descriptor *d = x->plugin->descriptor;
	int64_t version = json_get_int(segment, "state_version", 0);

	return version >= d->state_version_min && version <= d->state_version;
}

int indexer_open_reader(struct indexer *x, struct segment *segment, void **ret, orasi_segment_info *ret_info,
                        struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	orasi_status status =
		loader_call(x->loader, x->plugin, "open",
	                    x->plugin->index->open(x->self, segment_store(segment), ret, ret_info, &error));

	return status ? loader_fail(x->plugin, "open", status, &error, err) : 0;
}

void indexer_close_reader(struct indexer *x, void *reader)
{
	if (reader)
		loader_call_void(x->loader, x->plugin, "close", x->plugin->index->close(reader));
}
