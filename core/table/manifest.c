/* SPDX-License-Identifier: Apache-2.0 */
/* Index manifests: full states under growing numbers, created by put-if-absent like the table's own log.
 *
 * Old states are emptied, not removed: were a number free again, a writer who read the state before it and then slept
 * would win it, and believe in a state that never is in force. A sweep removes them after hours. */
#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/str.h"
#include "table/log.h"

#define FOLDER "_orasi/indexes"
#define MANIFEST_MAX (256u << 20)
#define RACES_MAX 1000

void index_segment_path(const char *index, const char *dir, const char *blob, char *ret, size_t cap)
{
	snprintf(ret, cap, FOLDER "/%s/%s%s%s", index, dir, blob ? "/" : "", blob ? blob : "");
}

static void state_name(const char *index, int64_t generation, char *ret, size_t cap)
{
	snprintf(ret, cap, FOLDER "/%s/%020" PRId64 ".json", index, generation);
}

/* ---- loading -------------------------------------------------------------------------------------------- */

static int highest(void *ctx, const char *name, int is_folder)
{
	int64_t *best = ctx, v;
	char digits[24];

	if (is_folder || strlen(name) != 25 || !str_ends(name, ".json"))
		return 0;
	snprintf(digits, sizeof(digits), "%.20s", name);
	if (!str_to_i64(digits, &v) && v > *best && v < INT64_MAX) /* a next one must fit */
		*best = v;
	return 0;
}

/* A manifest steers reads of files: check what readers rely on. */
static int check_manifest(const struct json *m, const char *name, struct err *err)
{
	const struct json *segments = json_get(m, "segments");

	if (json_type(segments) != JSON_ARRAY || json_type(json_get(m, "columns")) != JSON_ARRAY ||
	    !json_get_str(m, "plugin", NULL))
		return err_set(err, ERR_CORRUPT, "the manifest of index '%s' is damaged", name);
	for (size_t i = 0; i < json_count(segments); i++) {
		const struct json *s = json_at(segments, i), *covers = json_get(s, "covers");
		int64_t rows = 0;

		if (!str_is_name(json_get_str(s, "dir", "")) || json_type(covers) != JSON_ARRAY)
			return err_set(err, ERR_CORRUPT, "segment %zu of index '%s' is damaged", i, name);
		for (size_t k = 0; k < json_count(covers); k++) {
			const struct json *c = json_at(covers, k);
			int64_t n = json_get_int(c, "rows", -1);

			if (!json_get_str(c, "path", NULL) || n < 0 || json_get_int(c, "base", -1) != rows ||
			    __builtin_add_overflow(rows, n, &rows))
				return err_set(err, ERR_CORRUPT,
				               "segment %zu of index '%s' covers rows that make no sense", i, name);
		}
	}
	return 0;
}

static int highest_state(struct blob *blob, const char *name, int64_t *ret, struct err *err)
{
	char folder[300];
	int r;

	*ret = -1;
	snprintf(folder, sizeof(folder), FOLDER "/%s", name);
	r = blob_list(blob, folder, NULL, highest, ret, err);
	if (!r && *ret < 0)
		r = err_set(err, ERR_NOTFOUND, "there is no index '%s' on '%s'", name, blob_location(blob));
	return r;
}

/* The text of the state in force. One that is empty or gone has been replaced since the folder was listed; it is
 * damaged if the next list says the same. */
static int read_state(struct blob *blob, const char *name, struct buf *ret, int64_t *ret_generation, struct err *err)
{
	char path[PATH_MAX];
	int64_t before = -1;
	int r;

	for (;; before = *ret_generation) {
		r = highest_state(blob, name, ret_generation, err);
		if (r)
			return r;
		if (*ret_generation == before)
			return err_set(err, ERR_CORRUPT, "the manifest of index '%s' is empty", name);
		state_name(name, *ret_generation, path, sizeof(path));
		r = blob_get(blob, path, MANIFEST_MAX, ret, err);
		if (r != ERR_NOTFOUND && (r || ret->len))
			return r;
	}
}

int index_manifest_load(struct blob *blob, const char *name, struct json **ret, int64_t *ret_generation,
                        struct err *err)
{
	struct json *manifest = NULL;
	struct buf text;
	int r;

	if (!str_is_name(name))
		return err_set(err, ERR_INVALID, "'%s' is no name for an index", name);
	buf_init(&text, 0);
	r = read_state(blob, name, &text, ret_generation, err);
	if (!r && json_parse(text.data, text.len, &manifest, NULL))
		r = err_set(err, ERR_CORRUPT, "the manifest of index '%s' is no JSON", name);
	if (!r)
		r = check_manifest(manifest, name, err);
	buf_done(&text);
	if (r)
		json_free(manifest);
	else
		*ret = manifest;
	return r;
}

struct all {
	struct blob *blob;
	struct json *list;
};

static int add_index(void *ctx, const char *name, int is_folder)
{
	struct all *all = ctx;
	struct json *manifest;
	int64_t generation;

	if (is_folder && !index_manifest_load(all->blob, name, &manifest, &generation, NULL)) {
		json_set_int(manifest, "generation", generation);
		json_set(all->list, name, manifest);
	}
	return 0;
}

struct json *index_manifest_all(struct blob *blob, struct err *err)
{
	struct all all = {blob, json_new_object()};

	if (!blob_list(blob, FOLDER, NULL, add_index, &all, err))
		return all.list;
	json_free(all.list);
	return NULL;
}

/* ---- writing -------------------------------------------------------------------------------------------- */

static int put_state(struct blob *blob, const char *name, const struct json *manifest, int64_t generation,
                     struct err *err)
{
	const char *text = json_text(manifest);
	char path[PATH_MAX];

	state_name(name, generation, path, sizeof(path));
	return blob_put_new(blob, path, text, strlen(text), err);
}

static int same_index(const struct json *a, const struct json *b)
{
	return str_eq(json_get_str(a, "plugin", ""), json_get_str(b, "plugin", "")) &&
	       !strcmp(json_text(json_get(a, "columns")), json_text(json_get(b, "columns"))) &&
	       !strcmp(json_text(json_get(a, "options")), json_text(json_get(b, "options")));
}

int index_manifest_create(struct blob *blob, const struct json *manifest, int64_t *ret_generation, struct err *err)
{
	const char *name = json_get_str(manifest, "name", "");
	struct err missing = {0};
	struct json *have;
	int r = index_manifest_load(blob, name, &have, ret_generation, &missing);

	if (!r) {
		r = same_index(have, manifest) ? 0
		                               : err_set(err, ERR_CONFLICT,
		                                         "there is another index '%s' already, of plugin "
		                                         "'%s': drop it first",
		                                         name, json_get_str(have, "plugin", ""));
		json_free(have);
		return r;
	}
	if (missing.code != ERR_NOTFOUND)
		return err_set(err, missing.code, "%s", missing.text);
	r = check_manifest(manifest, name, err);
	if (!r)
		r = put_state(blob, name, manifest, 0, err);
	*ret_generation = 0;
	return r == ERR_EXISTS ? index_manifest_create(blob, manifest, ret_generation, err) : r;
}

static int has_segment(const struct json *segments, const char *dir)
{
	for (size_t i = 0; i < json_count(segments); i++)
		if (!strcmp(json_get_str(json_at(segments, i), "dir", ""), dir))
			return 1;
	return 0;
}

static int is_listed(const struct json *list, const char *text)
{
	for (size_t i = 0; i < json_count(list); i++)
		if (!strcmp(json_str(json_at(list, i), ""), text))
			return 1;
	return 0;
}

static int adopt_segment(struct blob *blob, const char *index, const struct json *segment, struct err *err)
{
	const char *dir = json_get_str(segment, "dir", ""), *staged = json_get_str(segment, "staged", NULL);
	char path[PATH_MAX];
	int64_t size;
	int r;

	if (!str_is_name(dir))
		return err_set(err, ERR_INVALID, "'%s' is no name for a segment", dir);
	index_segment_path(index, dir, NULL, path, sizeof(path));
	if (!blob_size(blob, path, &size, NULL, NULL))
		return 0; /* moved by the same commit before a crash */
	if (!staged)
		return err_set(err, ERR_NOTFOUND, "segment '%s' of index '%s' is missing", dir, index);
	r = blob_adopt(blob, staged, path, err);
	return r && !blob_size(blob, path, &size, NULL, NULL) ? 0 : r; /* another process was first with the same */
}

/* The segments that stay, then the new ones; `staged` is nobody's business afterwards. */
static struct json *next_segments(const struct json *have, const struct json *add, const struct json *drop)
{
	struct json *list = json_new_array();

	for (size_t i = 0; i < json_count(have); i++)
		if (!is_listed(drop, json_get_str(json_at(have, i), "dir", "")))
			json_push(list, json_copy(json_at(have, i)));
	for (size_t i = 0; i < json_count(add); i++) {
		struct json *segment = json_copy(json_at(add, i));

		json_del(segment, "staged");
		json_push(list, segment);
	}
	return list;
}

static int all_in(const struct json *have, const struct json *add)
{
	for (size_t i = 0; i < json_count(add); i++)
		if (!has_segment(have, json_get_str(json_at(add, i), "dir", "")))
			return 0;
	return json_count(add) > 0;
}

/* ---- two that cover the same ---------------------------------------------------------------------------- */

static int note_covers(struct map *covered, const struct json *segment)
{
	const struct json *covers = json_get(segment, "covers");

	for (size_t i = 0; i < json_count(covers); i++)
		if (map_set(covered, json_get_str(json_at(covers, i), "path", ""), covered))
			return ERR_NOMEM;
	return 0;
}

/* Of files: those that other segments cover too, those of them that what is replaced covered as well, and all others. */
struct covers {
	struct map others, replaced;
	size_t twice, own, once;
};

static void count_covers(struct covers *count, const struct json *segment)
{
	const struct json *covers = json_get(segment, "covers");

	for (size_t i = 0; i < json_count(covers); i++) {
		const char *path = json_get_str(json_at(covers, i), "path", "");

		if (!map_get(&count->others, path))
			count->once++;
		else if (map_get(&count->replaced, path))
			count->own++;
		else
			count->twice++;
	}
}

static int count_all(struct covers *count, const struct json *have, const struct json *add, const struct json *drop)
{
	int r = 0;

	for (size_t i = 0; i < json_count(have) && !r; i++) {
		int is_replaced = is_listed(drop, json_get_str(json_at(have, i), "dir", ""));

		r = note_covers(is_replaced ? &count->replaced : &count->others, json_at(have, i));
	}
	for (size_t i = 0; i < json_count(add) && !r; i++)
		count_covers(count, json_at(add, i));
	return r;
}

/* Two tasks that began at one state have made segments over the same files. The first to commit keeps its own; what
 * the second has is left out when all of it is covered by then (1), and otherwise begun anew (ERR_CONFLICT). Not so
 * when what it replaces has been beside the other all the time, as agents of before left it: anew it would be the same. */
static int is_covered(const char *name, const struct json *have, const struct json *add, const struct json *drop,
                      struct err *err)
{
	struct covers count = {.twice = 0};
	int r;

	map_init(&count.others);
	map_init(&count.replaced);
	r = count_all(&count, have, add, drop);
	map_done(&count.others);
	map_done(&count.replaced);
	if (r)
		return err_set(err, r, "out of memory");
	if (count.twice && count.once)
		return err_set(err, ERR_CONFLICT,
		               "index '%s': another task has indexed some of the same files meanwhile", name);
	return !count.once && count.twice + count.own > 0;
}

static void retire_old(struct blob *blob, const char *name, int64_t generation, const struct json *replaces)
{
	char path[PATH_MAX];

	state_name(name, generation - 2, path, sizeof(path)); /* one stays for readers that are under way */
	if (generation >= 2)
		blob_put(blob, path, "", 0, NULL);
	for (size_t i = 0; i < json_count(replaces); i++) {
		index_segment_path(name, json_str(json_at(replaces, i), "_"), NULL, path, sizeof(path));
		blob_delete(blob, path, NULL);
	}
}

static int any_in(const struct json *have, const struct json *dirs)
{
	for (size_t i = 0; i < json_count(dirs); i++)
		if (has_segment(have, json_str(json_at(dirs, i), "")))
			return 1;
	return 0;
}

/* What there is to take in, and whether there is anything to do. What a segment that is left out was to replace goes all the
 * same: others cover its files too. */
static int judge_change(const char *name, const struct json *have, const struct json **segments,
                        const struct json *replaces, int *ret_already, struct err *err)
{
	int r;

	*ret_already = all_in(have, *segments);
	if (*ret_already)
		return 0;
	r = is_covered(name, have, *segments, replaces, err);
	if (r <= 0)
		return r;
	*segments = NULL;
	*ret_already = !any_in(have, replaces);
	return 0;
}

static int try_commit(struct blob *blob, const char *name, const struct json *segments, const struct json *replaces,
                      struct json **ret, int64_t *ret_generation, int *ret_already, struct err *err)
{
	const struct json *have;
	struct json *manifest;
	int r = index_manifest_load(blob, name, &manifest, ret_generation, err);

	if (r)
		return r;
	have = json_get(manifest, "segments");
	r = judge_change(name, have, &segments, replaces, ret_already, err);
	for (size_t i = 0; i < json_count(segments) && !r && !*ret_already; i++)
		r = adopt_segment(blob, name, json_at(segments, i), err);
	if (!r && !*ret_already) {
		json_set(manifest, "segments", next_segments(have, segments, replaces));
		json_set_int(manifest, "updated", clock_wall_ms());
		r = put_state(blob, name, manifest, ++*ret_generation, err);
		if (!r)
			retire_old(blob, name, *ret_generation, replaces);
	}
	if (r)
		json_free(manifest);
	else
		*ret = manifest;
	return r;
}

int index_manifest_commit(struct blob *blob, const char *name, const struct json *segments, const struct json *replaces,
                          struct json **ret, int64_t *ret_generation, int *ret_already, struct err *err)
{
	for (int round = 0; round < RACES_MAX; round++) {
		int r = try_commit(blob, name, segments, replaces, ret, ret_generation, ret_already, err);

		if (r != ERR_EXISTS)
			return r;
	}
	return err_set(err, ERR_BUSY, "index '%s': other writers were first %d times", name, RACES_MAX);
}

int index_manifest_drop(struct blob *blob, const char *name, struct err *err)
{
	char folder[300];

	if (!str_is_name(name))
		return err_set(err, ERR_INVALID, "'%s' is no name for an index", name);
	snprintf(folder, sizeof(folder), FOLDER "/%s", name);
	return blob_delete(blob, folder, err);
}

/* ---- sweeping ------------------------------------------------------------------------------------------- */

struct sweep {
	struct blob *blob;
	const char *index;
	const struct json *segments;
	int64_t generation, before, removed;
	struct err *err;
};

static int is_in_force(const struct sweep *sweep, const char *name, int is_folder)
{
	int64_t v = -1;

	if (str_starts(name, ".tmp-"))
		return 0;
	if (is_folder)
		return has_segment(sweep->segments, name);
	highest(&v, name, 0);
	return v < 0 || v >= sweep->generation - 1;
}

struct newest {
	struct blob *blob;
	const char *folder;
	int64_t modified;
};

static int note_newest(void *ctx, const char *name, int is_folder)
{
	struct newest *newest = ctx;
	int64_t size, modified;
	char path[PATH_MAX];

	(void)is_folder;
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", newest->folder, name) >= sizeof(path) ||
	    blob_size(newest->blob, path, &size, &modified, NULL))
		return 0;
	newest->modified = modified > newest->modified ? modified : newest->modified;
	return 0;
}

/* A folder on S3 that a crash has left half-made has no time of its own: the newest of what is in it counts. */
static int modified_at(struct blob *blob, const char *path, int is_folder, int64_t *ret)
{
	struct newest newest = {blob, path, -1};
	int64_t size;

	if (!blob_size(blob, path, &size, ret, NULL))
		return 0;
	if (!is_folder || blob_list(blob, path, NULL, note_newest, &newest, NULL) || newest.modified < 0)
		return -1;
	*ret = newest.modified;
	return 0;
}

static int sweep_entry(void *ctx, const char *name, int is_folder)
{
	struct sweep *sweep = ctx;
	int64_t modified;
	char path[PATH_MAX];

	if (is_in_force(sweep, name, is_folder))
		return 0;
	index_segment_path(sweep->index, name, NULL, path, sizeof(path));
	if (modified_at(sweep->blob, path, is_folder, &modified) || modified > sweep->before)
		return 0;
	sweep->removed++;
	return blob_delete(sweep->blob, path, sweep->err);
}

/* An index that cannot be read keeps all it has: somebody may want to look. */
static int sweep_index(void *ctx, const char *name, int is_folder)
{
	struct sweep *sweep = ctx;
	struct json *manifest;
	char folder[300];
	int r;

	if (!is_folder || index_manifest_load(sweep->blob, name, &manifest, &sweep->generation, NULL))
		return 0;
	sweep->index = name;
	sweep->segments = json_get(manifest, "segments");
	snprintf(folder, sizeof(folder), FOLDER "/%s", name);
	r = blob_list(sweep->blob, folder, NULL, sweep_entry, sweep, sweep->err);
	json_free(manifest);
	return r;
}

int index_sweep(struct blob *blob, int64_t before_ms, int64_t *removed, struct err *err)
{
	struct sweep sweep = {.blob = blob, .before = before_ms, .err = err};
	int r = blob_list(blob, FOLDER, NULL, sweep_index, &sweep, err);

	*removed += sweep.removed;
	return r;
}
