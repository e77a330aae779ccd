/* SPDX-License-Identifier: Apache-2.0 */
/* A B-tree index for Orasi: sorted keys of one column with the rows that have them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>
#include <orasi/sdk/single.h>

#include "plugin.h"
#include "segment.h"

ORASI_PLUGIN_NOTE(BTREE_ID, ORASI_VERSION);

static const char *const features[] = {"index:btree", NULL};
static const char *const requires_ext[] = {NULL};

static const orasi_descriptor descriptor = {
	.struct_size = sizeof(orasi_descriptor),
	.kind = ORASI_KIND_INDEX,
	.flags = ORASI_FLAG_DETERMINISTIC,
	.state_version = SEGMENT_VERSION,
	.state_version_min = SEGMENT_VERSION,
	.id = BTREE_ID,
	.name = "btree",
	.version = ORASI_VERSION,
	.summary = "Sorted keys: points, ranges, prefixes, IN, NULL",
	.config_schema = "{\"type\":\"object\",\"properties\":{\"memory\":{\"type\":\"string\",\"format\":\"bytes\","
			 "\"default\":\"512MiB\",\"description\":\"Memory that building one segment may take\"}}}",
	.features = features,
	.requires_ext = requires_ext,
};

static orasi_status caps(const char *id, orasi_index_caps *ret)
{
	(void)id;
	ret->ops = 1u << ORASI_OP_EQ | 1u << ORASI_OP_LT | 1u << ORASI_OP_LE | 1u << ORASI_OP_GT | 1u << ORASI_OP_GE |
	           1u << ORASI_OP_IN | 1u << ORASI_OP_PREFIX | 1u << ORASI_OP_IS_NULL | 1u << ORASI_OP_NOT_NULL;
	ret->flags = ORASI_INDEX_ORDERED | ORASI_INDEX_RESUMABLE;
	ret->max_columns = 1;
	return ORASI_OK;
}

static void destroy(void *self)
{
	struct index *index = self;

	if (!index)
		return;
	arrow_schema_release(&index->keys);
	free(index);
}

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config,
                           const struct ArrowSchema *keys, void **ret, orasi_error *err)
{
	struct index *index;
	int64_t memory = 512 << 20;

	if (strcmp(id, BTREE_ID))
		return orasi_fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	if (keys->n_children != 1)
		return orasi_fail(err, ORASI_E_CONFIG, "a B-tree takes one column, not %lld",
		                  (long long)keys->n_children);
	index = calloc(1, sizeof(*index));
	if (!index || arrow_schema_copy(&index->keys, keys)) {
		free(index);
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	}
	snprintf(index->format, sizeof(index->format), "%s", keys->children[0]->format);
	if (arrow_type_parse(index->keys.children[0]->format, &index->info) ||
	    (!key_is_fixed(&index->info) && !key_is_bytes(&index->info))) {
		orasi_fail(err, ORASI_E_CONFIG,
		           "column '%.100s' is of a type that a B-tree cannot order: use a number, text, time "
		           "or boolean",
		           keys->children[0]->name);
		destroy(index);
		return ORASI_E_CONFIG;
	}
	if (config)
		config->get_i64(config, "/memory", &memory);
	index->memory = memory > 0 ? (uint64_t)memory : 0;
	index->job = host ? host->get_extension(host, ORASI_HOST_JOB) : NULL;
	*ret = index;
	return ORASI_OK;
}

static void reader_close(void *self)
{
	struct reader *reader = self;
	orasi_error ignored = ORASI_NO_ERROR;

	if (!reader)
		return;
	reader->store->close(reader->store, reader->handle, &ignored);
	free(reader);
}

static orasi_status reader_open(void *self, orasi_store *src, void **ret, orasi_segment_info *info, orasi_error *err)
{
	const struct index *index = self;
	struct reader *reader = calloc(1, sizeof(*reader));
	const uint8_t *data;
	uint64_t size;
	orasi_status r;

	if (!reader)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	reader->store = src;
	reader->info = index->info;
	r = src->open(src, SEGMENT_BLOB, &reader->handle, &size, err);
	if (r) {
		free(reader);
		return r;
	}
	r = src->map(src, reader->handle, &data, err);
	if (!r)
		r = segment_check(&reader->segment, data, size, err);
	if (!r && strncmp(reader->segment.head.format, index->format, sizeof(index->format)))
		r = orasi_fail(err, ORASI_E_STATE,
		               "the segment was built for another type of column: rebuild the index");
	if (r) {
		reader_close(reader);
		return r;
	}
	*info = (orasi_segment_info){sizeof(*info),
	                             SEGMENT_VERSION,
	                             reader->segment.head.rows,
	                             reader->segment.head.entries,
	                             reader->segment.head.distinct,
	                             size};
	*ret = reader;
	return ORASI_OK;
}

static orasi_status reader_verify(void *self, uint32_t level, orasi_error *err)
{
	return segment_verify(&((const struct reader *)self)->segment, level, err);
}

const orasi_index_factory btree_factory = {
	sizeof(orasi_index_factory),
	0,
	caps,
	create,
	destroy,
	build_begin,
	build_add,
	build_finish,
	build_abort,
	NULL,
	reader_open,
	reader_close,
	reader_query,
	cursor_next,
	cursor_close,
	reader_estimate,
	reader_verify,
	orasi_no_extension,
};

static const void *plugin_factory(const char *factory_id)
{
	return strcmp(factory_id, ORASI_INDEX_FACTORY) ? NULL : &btree_factory;
}

ORASI_SINGLE_PLUGIN(descriptor, .bundle_id = BTREE_ID, .bundle_version = ORASI_VERSION, .vendor = "Orasi",
                    .license = "Apache-2.0", .init = orasi_init_nothing, .get_factory = plugin_factory)
