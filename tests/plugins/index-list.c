/* SPDX-License-Identifier: Apache-2.0 */
/* An index for tests: the keys of one int64 column with their row ids, as they come, in one blob. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/plugin.h>
#include <orasi/sdk/arrow.h>

ORASI_PLUGIN_NOTE("org.orasi.test.list", "1.0.0");

#define BLOB "keys"

struct pair {
	int64_t key;
	uint64_t row;
};

struct list {
	struct ArrowSchema keys;
	orasi_store *store;
	uint64_t handle, rows;
};

static orasi_status fail(orasi_error *err, const char *text)
{
	snprintf(err->message, sizeof(err->message), "%s", text);
	return ORASI_E_CORRUPT;
}

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config,
                           const struct ArrowSchema *keys, void **ret, orasi_error *err)
{
	struct list *list = calloc(1, sizeof(*list));

	(void)host;
	(void)id;
	(void)config;
	if (!list || arrow_schema_copy(&list->keys, keys))
		return fail(err, "out of memory");
	*ret = list;
	return ORASI_OK;
}

static void destroy(void *self)
{
	struct list *list = self;

	arrow_schema_release(&list->keys);
	free(list);
}

static orasi_status build_begin(void *self, orasi_store *dst, void **ret, orasi_error *err)
{
	struct list *list = self;

	list->store = dst;
	list->rows = 0;
	*ret = list;
	return dst->create(dst, BLOB, &list->handle, err);
}

static orasi_status build_add(void *build, const struct ArrowArray *keys, uint64_t first_row, orasi_error *err)
{
	struct list *list = build;
	struct arrow_view root, view;
	orasi_status status = ORASI_OK;

	if (arrow_view_init(&root, &list->keys, keys) || arrow_view_child(&root, 0, &view))
		return fail(err, "the keys are damaged");
	for (int64_t i = 0; i < keys->length && !status; i++) {
		struct pair pair = {arrow_view_is_null(&view, i) ? INT64_MIN : arrow_view_int(&view, i),
		                    first_row + (uint64_t)i};

		if (pair.row != list->rows++)
			return fail(err, "the rows are not in order");
		status = list->store->append(list->store, list->handle, &pair, sizeof(pair), err);
	}
	return status;
}

static orasi_status build_finish(void *build, orasi_segment_info *ret, orasi_error *err)
{
	struct list *list = build;

	ret->rows = ret->entries = list->rows;
	return list->store->close(list->store, list->handle, err);
}

static void build_abort(void *build)
{
	(void)build;
}

static orasi_status copy(orasi_store *src, uint64_t base, orasi_store *dst, uint64_t to, uint64_t *rows,
                         orasi_error *err)
{
	uint64_t from, size;
	struct pair pair;
	orasi_status status = src->open(src, BLOB, &from, &size, err);

	for (uint64_t at = 0; !status && at < size; at += sizeof(pair)) {
		status = src->pread(src, from, at, &pair, sizeof(pair), err);
		pair.row += base;
		if (!status)
			status = dst->append(dst, to, &pair, sizeof(pair), err);
		++*rows;
	}
	return status ? status : src->close(src, from, err);
}

static orasi_status merge(void *self, const orasi_index_merge *merge, orasi_segment_info *ret, orasi_error *err)
{
	orasi_store *dst = merge->dst;
	uint64_t to;
	orasi_status status = dst->create(dst, BLOB, &to, err);

	(void)self;
	for (uint32_t i = 0; i < merge->n && !status; i++)
		status = copy(merge->src[i], merge->base[i], dst, to, &ret->rows, err);
	ret->entries = ret->rows;
	return status ? status : dst->close(dst, to, err);
}

static orasi_status open_segment(void *self, orasi_store *src, void **ret, orasi_segment_info *info, orasi_error *err)
{
	struct list *list = self;
	uint64_t size;
	orasi_status status = src->open(src, BLOB, &list->handle, &size, err);

	list->store = src;
	list->rows = info->rows = info->entries = status ? 0 : size / sizeof(struct pair);
	*ret = list;
	return status;
}

static void close_segment(void *reader)
{
	struct list *list = reader;
	orasi_error err = ORASI_NO_ERROR;

	list->store->close(list->store, list->handle, &err);
}

static orasi_status verify(void *reader, uint32_t level, orasi_error *err)
{
	struct list *list = reader;
	const struct pair *pairs;
	const uint8_t *bytes;
	orasi_status status = list->store->map(list->store, list->handle, &bytes, err);

	(void)level;
	pairs = (const struct pair *)bytes;
	for (uint64_t i = 0; i < list->rows && !status; i++)
		if (pairs[i].row != i)
			status = fail(err, "the rows are not in order");
	return status;
}

/* It is for building and verifying; nobody asks it. */
static orasi_status caps(const char *id, orasi_index_caps *ret)
{
	(void)id;
	ret->ops = 1u << ORASI_OP_EQ;
	ret->max_columns = 1;
	return ORASI_OK;
}

static orasi_status query(void *reader, const orasi_query *query, void **ret, orasi_error *err)
{
	(void)reader;
	(void)query;
	(void)ret;
	return fail(err, "a list of keys answers nothing");
}

static orasi_status next(void *cursor, orasi_hits *hits, orasi_error *err)
{
	(void)cursor;
	(void)hits;
	(void)err;
	return ORASI_END;
}

static void cursor_close(void *cursor)
{
	(void)cursor;
}

static orasi_status estimate(void *reader, const orasi_query *query, uint64_t *ret, orasi_error *err)
{
	(void)query;
	(void)err;
	*ret = ((struct list *)reader)->rows;
	return ORASI_OK;
}

static const orasi_index_factory factory = {.struct_size = sizeof(factory),
                                            .caps = caps,
                                            .create = create,
                                            .destroy = destroy,
                                            .build_begin = build_begin,
                                            .build_add = build_add,
                                            .build_finish = build_finish,
                                            .build_abort = build_abort,
                                            .merge = merge,
                                            .open = open_segment,
                                            .close = close_segment,
                                            .query = query,
                                            .next = next,
                                            .cursor_close = cursor_close,
                                            .estimate = estimate,
                                            .verify = verify};
static const char *const none[] = {NULL};
static const orasi_descriptor descriptor = {.struct_size = sizeof(descriptor),
                                            .kind = ORASI_KIND_INDEX,
                                            .state_version = 1,
                                            .state_version_min = 1,
                                            .id = "org.orasi.test.list",
                                            .name = "list",
                                            .version = "1.0.0",
                                            .summary = "Keys as they come",
                                            .config_schema = "{\"type\":\"object\"}",
                                            .features = none,
                                            .requires_ext = none};

static orasi_status init(const orasi_host *host, orasi_error *err)
{
	(void)host;
	(void)err;
	return ORASI_OK;
}

static uint32_t count(void)
{
	return 1;
}

static const orasi_descriptor *describe(uint32_t i)
{
	return i ? NULL : &descriptor;
}

static const void *get_factory(const char *id)
{
	return strcmp(id, ORASI_INDEX_FACTORY) ? NULL : &factory;
}

ORASI_EXPORT const orasi_entry *orasi_plugin_entry_v1(void)
{
	static const orasi_entry entry = {.struct_size = sizeof(entry),
	                                  .abi_major = ORASI_ABI_MAJOR,
	                                  .abi_target_minor = ORASI_TARGET_MINOR,
	                                  .bundle_id = "org.orasi.test.list",
	                                  .bundle_version = "1.0.0",
	                                  .vendor = "test",
	                                  .license = "Apache-2.0",
	                                  .init = init,
	                                  .count = count,
	                                  .describe = describe,
	                                  .get_factory = get_factory};

	return &entry;
}
