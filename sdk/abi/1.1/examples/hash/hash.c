/* SPDX-License-Identifier: Apache-2.0 */
/* An index plugin for Orasi: equality and IN on one column of any simple type.
 *
 * A segment is one blob: for every row that is not null the pair (hash of the value, row id),
 * sorted. A value is found by a binary search for its hash. Two values may have one hash, so an
 * answer may hold rows too many: the index says that it is LOSSY and the host looks at the rows
 * again. Bytes of a segment are hostile when they are read: the only thing taken from them is row
 * ids, and those are held against the number of rows. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/plugin.h>
#include <orasi/sdk/arrow.h>

#define PLUGIN_ID "com.example.hash"
#define PLUGIN_NAME "hash"
#define PLUGIN_VERSION "1.0.0"

ORASI_PLUGIN_NOTE(PLUGIN_ID, PLUGIN_VERSION);

#define BLOB "pairs"
#define MAGIC 0x3148534148ull /* "HASH1" */

struct header {
	uint64_t magic, rows, pairs, crc;
};

struct pair {
	uint64_t hash, row;
};

static orasi_status fail(orasi_error *err, orasi_status status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(err->message, sizeof(err->message), format, ap);
	va_end(ap);
	return status;
}

/* ---- values
 * ------------------------------------------------------------------------------------------------------
 */

static int is_number(enum arrow_type type)
{
	return type == ARROW_BOOL || (type >= ARROW_INT8 && type <= ARROW_UINT64) ||
	       (type >= ARROW_DATE32 && type <= ARROW_DURATION);
}

static int is_text(enum arrow_type type)
{
	return type == ARROW_UTF8 || type == ARROW_LARGE_UTF8 || type == ARROW_BINARY || type == ARROW_LARGE_BINARY;
}

/* FNV-1a, 64 bits, and a mix of the result. */
static uint64_t hash_bytes(const void *p, size_t n)
{
	const uint8_t *bytes = p;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ bytes[i]) * 0x100000001b3u;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	return h ^ h >> 33;
}

static uint64_t hash_value(const struct arrow_view *view, int64_t i)
{
	int64_t number;
	const void *p;
	size_t n;

	if (is_text(view->info.type)) {
		p = arrow_view_bytes(view, i, &n);
		return hash_bytes(p, n);
	}
	number = arrow_view_int(view, i);
	return hash_bytes(&number, sizeof(number));
}

/* ---- an instance
 * -------------------------------------------------------------------------------------------------
 */

struct hash {
	struct ArrowSchema keys;
};

static void destroy(void *self)
{
	struct hash *hash = self;

	if (!hash)
		return;
	arrow_schema_release(&hash->keys);
	free(hash);
}

static orasi_status caps(const char *id, orasi_index_caps *ret)
{
	(void)id;
	ret->ops = 1u << ORASI_OP_EQ | 1u << ORASI_OP_IN;
	ret->flags = ORASI_INDEX_LOSSY;
	ret->max_columns = 1;
	return ORASI_OK;
}

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config,
                           const struct ArrowSchema *keys, void **ret, orasi_error *err)
{
	struct arrow_type_info info;
	struct hash *hash;

	(void)host, (void)config;
	if (strcmp(id, PLUGIN_ID))
		return fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	if (keys->n_children != 1)
		return fail(err, ORASI_E_CONFIG, "a hash index takes one column, not %lld",
		            (long long)keys->n_children);
	if (arrow_type_parse(keys->children[0]->format, &info) || (!is_number(info.type) && !is_text(info.type)))
		return fail(err, ORASI_E_CONFIG,
		            "column '%.100s' cannot be hashed: use one of integers, booleans, "
		            "times, text or bytes",
		            keys->children[0]->name);
	hash = calloc(1, sizeof(*hash));
	if (!hash || arrow_schema_copy(&hash->keys, keys)) {
		free(hash);
		return fail(err, ORASI_E_NOMEM, "out of memory");
	}
	*ret = hash;
	return ORASI_OK;
}

/* ---- building
 * ----------------------------------------------------------------------------------------------------
 */

struct build {
	const struct hash *hash;
	orasi_store *store;
	struct pair *pairs;
	uint64_t n, cap, rows;
};

static void build_abort(void *self)
{
	struct build *build = self;

	if (!build)
		return;
	free(build->pairs);
	free(build);
}

static orasi_status build_begin(void *self, orasi_store *dst, void **ret, orasi_error *err)
{
	struct build *build = calloc(1, sizeof(*build));

	if (!build)
		return fail(err, ORASI_E_NOMEM, "out of memory");
	build->hash = self;
	build->store = dst;
	*ret = build;
	return ORASI_OK;
}

static int add_pair(struct build *build, struct pair pair)
{
	if (build->n == build->cap) {
		uint64_t cap = build->cap ? 2 * build->cap : 1024;
		struct pair *pairs = realloc(build->pairs, cap * sizeof(*pairs));

		if (!pairs)
			return -1;
		build->pairs = pairs;
		build->cap = cap;
	}
	build->pairs[build->n++] = pair;
	return 0;
}

static orasi_status build_add(void *self, const struct ArrowArray *keys, uint64_t first_row, orasi_error *err)
{
	struct build *build = self;
	struct arrow_view root, view;

	if (arrow_view_init(&root, &build->hash->keys, keys) || arrow_view_child(&root, 0, &view))
		return fail(err, ORASI_E_INVALID, "the keys are not of the schema that was given");
	for (int64_t i = 0; i < keys->length; i++)
		if (!arrow_view_is_null(&view, i) &&
		    add_pair(build, (struct pair){hash_value(&view, i), first_row + (uint64_t)i}))
			return fail(err, ORASI_E_NOMEM, "no memory for %llu rows", (unsigned long long)build->n);
	if (build->rows < first_row + (uint64_t)keys->length)
		build->rows = first_row + (uint64_t)keys->length;
	return ORASI_OK;
}

static int by_hash_and_row(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static uint64_t checksum(const struct header *header, const struct pair *pairs)
{
	uint32_t crc = crc32c(0, &header->rows, 2 * sizeof(uint64_t));

	return crc32c(crc, pairs, header->pairs * sizeof(*pairs));
}

static orasi_status write_blob(struct build *build, const struct header *header, orasi_error *err)
{
	uint64_t handle;
	orasi_status status = build->store->create(build->store, BLOB, &handle, err);

	if (!status)
		status = build->store->append(build->store, handle, header, sizeof(*header), err);
	if (!status && build->n)
		status =
			build->store->append(build->store, handle, build->pairs, build->n * sizeof(*build->pairs), err);
	return status ? status : build->store->close(build->store, handle, err);
}

static orasi_status build_finish(void *self, orasi_segment_info *ret, orasi_error *err)
{
	struct build *build = self;
	struct header header = {MAGIC, build->rows, build->n, 0};
	orasi_status status;

	if (build->n)
		qsort(build->pairs, build->n, sizeof(*build->pairs), by_hash_and_row);
	header.crc = checksum(&header, build->pairs);
	status = write_blob(build, &header, err);
	if (!status) {
		ret->format_version = 1;
		ret->rows = build->rows;
		ret->entries = build->n;
		ret->bytes = sizeof(header) + build->n * sizeof(*build->pairs);
	}
	build_abort(build);
	return status;
}

/* ---- reading
 * -----------------------------------------------------------------------------------------------------
 */

struct reader {
	orasi_store *store;
	uint64_t handle;
	const struct header *header;
	const struct pair *pairs;
};

static void close_reader(void *self)
{
	struct reader *reader = self;
	orasi_error ignored = ORASI_NO_ERROR;

	if (!reader)
		return;
	reader->store->close(reader->store, reader->handle, &ignored);
	free(reader);
}

static orasi_status map_blob(struct reader *reader, uint64_t size, orasi_error *err)
{
	const uint8_t *bytes;
	orasi_status status = reader->store->map(reader->store, reader->handle, &bytes, err);

	if (status)
		return status;
	reader->header = (const struct header *)bytes;
	reader->pairs = (const struct pair *)(bytes + sizeof(*reader->header));
	if (size < sizeof(*reader->header) || reader->header->magic != MAGIC ||
	    reader->header->pairs != (size - sizeof(*reader->header)) / sizeof(*reader->pairs) ||
	    (size - sizeof(*reader->header)) % sizeof(*reader->pairs))
		return fail(err, ORASI_E_CORRUPT, "the segment is damaged: its header and its size do not agree");
	return ORASI_OK;
}

static orasi_status open_reader(void *self, orasi_store *src, void **ret, orasi_segment_info *info, orasi_error *err)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	uint64_t size;
	orasi_status status;

	(void)self;
	if (!reader)
		return fail(err, ORASI_E_NOMEM, "out of memory");
	reader->store = src;
	status = src->open(src, BLOB, &reader->handle, &size, err);
	if (status) {
		free(reader);
		return status;
	}
	status = map_blob(reader, size, err);
	if (status) {
		close_reader(reader);
		return status;
	}
	info->format_version = 1;
	info->rows = reader->header->rows;
	info->entries = reader->header->pairs;
	info->bytes = size;
	*ret = reader;
	return ORASI_OK;
}

static orasi_status verify(void *self, uint32_t level, orasi_error *err)
{
	const struct reader *reader = self;

	if (level && checksum(reader->header, reader->pairs) != reader->header->crc)
		return fail(err, ORASI_E_CORRUPT, "the segment is damaged: its checksum is wrong");
	for (uint64_t i = 0; level > 1 && i < reader->header->pairs; i++)
		if (reader->pairs[i].row >= reader->header->rows ||
		    (i && by_hash_and_row(&reader->pairs[i - 1], &reader->pairs[i]) >= 0))
			return fail(err, ORASI_E_CORRUPT, "the segment is damaged: entry %llu is out of order",
			            (unsigned long long)i);
	return ORASI_OK;
}

/* ---- queries
 * -----------------------------------------------------------------------------------------------------
 */

struct cursor {
	uint64_t *rows, n, at, cap;
};

/* The first pair with this hash or a greater one. */
static uint64_t lower_bound(const struct reader *reader, uint64_t hash)
{
	uint64_t low = 0, high = reader->header->pairs;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (reader->pairs[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int add_row(struct cursor *cursor, uint64_t row)
{
	if (cursor->n == cursor->cap) {
		uint64_t cap = cursor->cap ? 2 * cursor->cap : 64;
		uint64_t *rows = realloc(cursor->rows, cap * sizeof(*rows));

		if (!rows)
			return -1;
		cursor->rows = rows;
		cursor->cap = cap;
	}
	cursor->rows[cursor->n++] = row;
	return 0;
}

static orasi_status add_hash(const struct reader *reader, const orasi_rowset *deleted, uint64_t hash,
                             struct cursor *cursor, orasi_error *err)
{
	for (uint64_t i = lower_bound(reader, hash); i < reader->header->pairs && reader->pairs[i].hash == hash; i++) {
		uint64_t row = reader->pairs[i].row;

		if (row >= reader->header->rows)
			return fail(err, ORASI_E_CORRUPT, "the segment is damaged: row %llu of %llu",
			            (unsigned long long)row, (unsigned long long)reader->header->rows);
		if (deleted && deleted->contains(deleted, row))
			continue;
		if (add_row(cursor, row))
			return fail(err, ORASI_E_NOMEM, "no memory for %llu hits", (unsigned long long)cursor->n);
	}
	return ORASI_OK;
}

/* The host looks at every row again, so one term is enough to find those that come into question.
 */
static orasi_status add_term(const struct reader *reader, const orasi_query *query, struct cursor *cursor,
                             orasi_error *err)
{
	const orasi_term *term = query->n_terms ? query->terms[0] : NULL;
	struct arrow_view values;
	orasi_status status = ORASI_OK;

	if (!term || (term->op != ORASI_OP_EQ && term->op != ORASI_OP_IN))
		return fail(err, ORASI_E_UNSUPPORTED, "a hash index answers = and IN only");
	if (arrow_view_init(&values, term->type, term->values))
		return fail(err, ORASI_E_INVALID, "the values of the query are damaged");
	for (int64_t i = 0; i < values.length && !status; i++)
		if (!arrow_view_is_null(&values, i))
			status = add_hash(reader, query->deleted, hash_value(&values, i), cursor, err);
	return status;
}

static int by_row(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Ascending, each row once: IN may name a value twice. */
static void sort_rows(struct cursor *cursor)
{
	uint64_t kept = 0;

	if (cursor->n)
		qsort(cursor->rows, cursor->n, sizeof(*cursor->rows), by_row);
	for (uint64_t i = 0; i < cursor->n; i++)
		if (!i || cursor->rows[i] != cursor->rows[i - 1])
			cursor->rows[kept++] = cursor->rows[i];
	cursor->n = kept;
}

static void close_cursor(void *self)
{
	struct cursor *cursor = self;

	if (!cursor)
		return;
	free(cursor->rows);
	free(cursor);
}

static orasi_status query_reader(void *self, const orasi_query *query, void **ret, orasi_error *err)
{
	struct cursor *cursor = calloc(1, sizeof(*cursor));
	orasi_status status = cursor ? add_term(self, query, cursor, err) : fail(err, ORASI_E_NOMEM, "out of memory");

	if (status) {
		close_cursor(cursor);
		return status;
	}
	sort_rows(cursor);
	*ret = cursor;
	return ORASI_OK;
}

static orasi_status next(void *self, orasi_hits *hits, orasi_error *err)
{
	struct cursor *cursor = self;
	uint64_t left = cursor->n - cursor->at;

	(void)err;
	hits->n = left < hits->cap ? (uint32_t)left : hits->cap;
	if (!hits->n)
		return ORASI_END;
	memcpy(hits->row_ids, cursor->rows + cursor->at, hits->n * sizeof(*hits->row_ids));
	cursor->at += hits->n;
	return ORASI_OK;
}

static orasi_status estimate(void *self, const orasi_query *query, uint64_t *ret, orasi_error *err)
{
	struct cursor cursor = {0};
	orasi_status status = add_term(self, query, &cursor, err);

	free(cursor.rows);
	*ret = cursor.n;
	return status;
}

static const void *no_extension(void *self, const char *id)
{
	(void)self, (void)id;
	return NULL;
}

static const orasi_index_factory factory = {
	.struct_size = sizeof(factory),
	.caps = caps,
	.create = create,
	.destroy = destroy,
	.build_begin = build_begin,
	.build_add = build_add,
	.build_finish = build_finish,
	.build_abort = build_abort,
	.open = open_reader,
	.close = close_reader,
	.query = query_reader,
	.next = next,
	.cursor_close = close_cursor,
	.estimate = estimate,
	.verify = verify,
	.get_extension = no_extension,
};

/* ---- the face of the file
 * ------------------------------------------------------------------------------------ */

static const char *const features[] = {"index:" PLUGIN_NAME, NULL};
static const char *const requires_ext[] = {NULL};

static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_INDEX,
	.flags = ORASI_FLAG_DETERMINISTIC,
	.state_version = 1,
	.state_version_min = 1,
	.id = PLUGIN_ID,
	.name = PLUGIN_NAME,
	.version = PLUGIN_VERSION,
	.summary = "Equality and IN by hashes",
	.config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}",
	.features = features,
	.requires_ext = requires_ext,
};

static orasi_status init(const orasi_host *host, orasi_error *err)
{
	(void)host, (void)err;
	return ORASI_OK;
}

static uint32_t count(void)
{
	return 1;
}

static const orasi_descriptor *describe(uint32_t index)
{
	return index ? NULL : &descriptor;
}

static const void *get_factory(const char *id)
{
	return strcmp(id, ORASI_INDEX_FACTORY) ? NULL : &factory;
}

static const orasi_entry entry = {
	.struct_size = sizeof(entry),
	.abi_major = ORASI_ABI_MAJOR,
	.abi_target_minor = ORASI_TARGET_MINOR,
	.bundle_id = PLUGIN_ID,
	.bundle_version = PLUGIN_VERSION,
	.vendor = "Example",
	.license = "Apache-2.0",
	.init = init,
	.count = count,
	.describe = describe,
	.get_factory = get_factory,
};

ORASI_EXPORT const orasi_entry *orasi_plugin_entry_v1(void)
{
	return &entry;
}
