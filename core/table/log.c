/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the log: the newest checkpoint that is whole, then every entry behind it in order.
 *
 * Happy path: _last_checkpoint names a version → the folder is listed from there on → its file (or all of its parts)
 * is applied → the entries behind it are. What may be wrong and what we do then: the name is missing, stale or
 * nonsense: the whole folder is listed. A checkpoint cannot be read: the one before it is tried, and in the end the
 * log from its first entry. Nothing leads to a state: the error of the newest checkpoint is told. A file vanishes
 * while we read, since somebody cleans up: from the start. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "table/log.h"

#define PARTS_MAX 100000
#define ROUNDS_MAX 5
#define LOG_RETENTION_MS (INT64_C(30) * 24 * 3600 * 1000)

/* ---- names --------------------------------------------------------------------------------------------- */

/* One file of a checkpoint; parts 0: it is the only one, and its name says so. */
struct part {
	int64_t version;
	uint32_t part, parts;
};

struct listing {
	int64_t *versions;
	size_t n, cap;
	struct part *parts;
	size_t n_parts, cap_parts;
	int newer; /* there are checkpoints of a kind that only newer protocols have */
};

static void listing_done(struct listing *l)
{
	free(l->versions);
	free(l->parts);
	*l = (struct listing){0};
}

void table_entry_name(int64_t version, char ret[64])
{
	snprintf(ret, 64, "_delta_log/%020" PRId64 ".json", version);
}

static void part_name(const struct part *part, char ret[96])
{
	int n = snprintf(ret, 96, "_delta_log/%020" PRId64 ".checkpoint.", part->version);

	if (part->parts)
		n += snprintf(ret + n, 96 - (size_t)n, "%010" PRIu32 ".%010" PRIu32 ".", part->part, part->parts);
	snprintf(ret + n, 96 - (size_t)n, "parquet");
}

static int digits(const char *name, int n, int64_t *ret)
{
	char text[24];

	for (int i = 0; i < n; i++)
		if (!isdigit((unsigned char)name[i]))
			return -1;
	snprintf(text, sizeof(text), "%.*s", n, name);
	return str_to_i64(text, ret);
}

static int add_version(struct listing *l, int64_t version)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		int64_t *grown = realloc(l->versions, cap * sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		l->versions = grown;
		l->cap = cap;
	}
	l->versions[l->n++] = version;
	return 0;
}

static int add_part(struct listing *l, struct part part)
{
	if (l->n_parts == l->cap_parts) {
		size_t cap = l->cap_parts ? l->cap_parts * 2 : 16;
		struct part *grown = realloc(l->parts, cap * sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		l->parts = grown;
		l->cap_parts = cap;
	}
	l->parts[l->n_parts++] = part;
	return 0;
}

/* ".checkpoint.parquet" or ".checkpoint.0000000001.0000000002.parquet". */
static int note_checkpoint(struct listing *l, int64_t version, const char *rest)
{
	int64_t part, parts;

	if (!strcmp(rest, "parquet"))
		return add_part(l, (struct part){.version = version});
	if (strlen(rest) == 29 && !digits(rest, 10, &part) && rest[10] == '.' && !digits(rest + 11, 10, &parts) &&
	    !strcmp(rest + 21, ".parquet") && part >= 1 && part <= parts && parts <= PARTS_MAX)
		return add_part(l, (struct part){version, (uint32_t)part, (uint32_t)parts});
	l->newer = 1;
	return 0;
}

static int note_file(void *ctx, const char *name, int is_folder)
{
	static const char checkpoint[] = ".checkpoint.";
	struct listing *l = ctx;
	int64_t version;

	if (is_folder || strlen(name) < 25 || digits(name, 20, &version) || version == INT64_MAX)
		return 0;
	if (!strcmp(name + 20, ".json"))
		return add_version(l, version);
	return str_starts(name + 20, checkpoint) ? note_checkpoint(l, version, name + 20 + strlen(checkpoint)) : 0;
}

/* From a version on; -1: all. */
static int list(struct blob *blob, int64_t from, struct listing *ret, struct err *err)
{
	char after[24];

	listing_done(ret);
	snprintf(after, sizeof(after), "%020" PRId64, from);
	return blob_list(blob, "_delta_log", from < 0 ? NULL : after, note_file, ret, err);
}

int table_log_versions(struct blob *blob, int64_t **ret, size_t *ret_n, struct err *err)
{
	struct listing l = {0};
	int r = list(blob, -1, &l, err);

	if (r) {
		listing_done(&l);
		return r;
	}
	*ret = l.versions;
	*ret_n = l.n;
	free(l.parts);
	return 0;
}

/* ---- checkpoints ------------------------------------------------------------------------------------------ */

/* Parts of one checkpoint stand together, in order, since names do; another writer may have made one of as many
 * other parts. The newest whole one before `end`; *ret_n is at least 1. */
static int whole_before(const struct listing *l, size_t end, size_t *ret_at, size_t *ret_n)
{
	while (end > 0) {
		const struct part *last = &l->parts[end - 1];
		size_t n = last->parts ? last->parts : 1, at = end - 1;

		if (last->parts && (last->part != last->parts || n > end))
			n = 0;
		for (size_t i = 0; i < n; i++) {
			const struct part *p = &l->parts[end - n + i];

			if (p->version != last->version || p->parts != last->parts || (p->parts && p->part != i + 1))
				n = 0;
		}
		if (n) {
			*ret_at = end - n;
			*ret_n = n;
			return 1;
		}
		end = at;
	}
	return 0;
}

static int by_version_parts(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->version != y->version)
		return x->version < y->version ? -1 : 1;
	if (x->parts != y->parts)
		return x->parts > y->parts ? -1 : 1; /* the one in a single file is tried first */
	return x->part < y->part ? -1 : x->part > y->part;
}

static int read_checkpoint(struct blob *blob, const struct table_codec *codec, const struct part *parts, size_t n,
                           struct table_log *log, struct err *err)
{
	char name[96];
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		part_name(&parts[i], name);
		r = checkpoint_read(blob, codec, name, log, err);
	}
	if (!r && (!log->metadata || !log->protocol)) {
		part_name(parts, name);
		r = err_set(err, ERR_CORRUPT, "table '%s': checkpoint '%s' has no metaData or no protocol",
		            blob_location(blob), name);
	}
	log->version = log->checkpoint = parts->version;
	return r;
}

/* ---- entries ------------------------------------------------------------------------------------------------ */

/* Others have a copy perhaps; what was before it can be read as it is. */
static int refuse_entry(struct blob *blob, int64_t version, int r, struct err *err)
{
	struct err why = err ? *err : (struct err){0};
	char name[64], before[64] = "";

	table_entry_name(version, name);
	if (version > 0)
		snprintf(before, sizeof(before), ", or read the version before it: NAME@v%" PRId64, version - 1);
	if (r != ERR_CORRUPT)
		return err_set(err, r, "table '%s': log entry '%s': %s", blob_location(blob), name, why.text);
	return err_set(err, r, "table '%s': log entry '%s' is damaged: %s; put the file back from a copy%s",
	               blob_location(blob), name, why.text, before);
}

static int apply_entry(struct table_log *log, struct blob *blob, int64_t version, struct err *err)
{
	struct buf text;
	char name[64];
	int r;

	table_entry_name(version, name);
	buf_init(&text, 0);
	r = blob_get(blob, name, ENTRY_MAX, &text, err);
	if (!r)
		r = table_log_apply(log, text.data ? text.data : "", text.len, err);
	buf_done(&text);
	if (!r)
		log->version = version;
	return r ? refuse_entry(blob, version, r, err) : 0;
}

static int missing_entry(struct blob *blob, int64_t version, struct err *err)
{
	char name[64], before[64] = "";

	table_entry_name(version, name);
	if (version > 0)
		snprintf(before, sizeof(before), ", or read the version before it: NAME@v%" PRId64, version - 1);
	return err_set(
		err, ERR_CORRUPT,
		"table '%s': log entry '%s' is missing, and there are later ones: put the file back from a copy%s",
		blob_location(blob), name, before);
}

/* Those behind where the log stands, up to `version` if that is not -1. */
static int apply_entries(struct table_log *log, struct blob *blob, const struct listing *l, int64_t version,
                         struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < l->n && !r; i++) {
		if (l->versions[i] <= log->version || (version >= 0 && l->versions[i] > version))
			continue;
		if (l->versions[i] != log->version + 1)
			return missing_entry(blob, log->version + 1, err);
		r = apply_entry(log, blob, l->versions[i], err);
	}
	return r;
}

/* ---- a version --------------------------------------------------------------------------------------------- */

static int no_way(struct blob *blob, const struct table_codec *codec, const struct listing *l, int64_t version,
                  struct err *err)
{
	const char *place = blob_location(blob);
	char name[64];

	table_entry_name(0, name);
	if (l->newer && !l->n_parts)
		return err_set(err, ERR_UNSUPPORTED,
		               "table '%s' needs the reader feature 'v2Checkpoint', which is not supported", place);
	if (l->n_parts && !codec)
		return err_set(err, ERR_UNSUPPORTED,
		               "table '%s': its log begins with a checkpoint, which cannot be read here", place);
	if (version >= 0)
		return err_set(err, ERR_NOTFOUND, "table '%s': version %" PRId64 " is not in the log any more", place,
		               version);
	return err_set(
		err, ERR_CORRUPT,
		"table '%s': log entry 0 is missing, and there is no whole checkpoint: put '%s' back from a copy",
		place, name);
}

static int is_ours(int r) /* the machine's trouble, not the checkpoint's */
{
	return r == ERR_NOMEM || r == ERR_CANCELLED;
}

/* Every way to the version, the shortest first. The sentence of the first that failed is kept. */
static int load_listed(struct blob *blob, const struct table_codec *codec, struct listing *l, int64_t version,
                       struct table_log *log, struct err *err)
{
	struct err failed = {0};
	size_t end = codec ? l->n_parts : 0, n;

	if (l->n_parts)
		qsort(l->parts, l->n_parts, sizeof(*l->parts), by_version_parts);
	while (!is_ours(failed.code) && whole_before(l, end, &end, &n)) {
		struct err now = {0};

		if (version >= 0 && l->parts[end].version > version)
			continue;
		table_log_clear(log);
		if (!read_checkpoint(blob, codec, &l->parts[end], n, log, &now))
			return apply_entries(log, blob, l, version, err);
		if (!failed.code || is_ours(now.code))
			failed = now;
	}
	table_log_clear(log);
	if (l->n && !l->versions[0] && !is_ours(failed.code))
		return apply_entries(log, blob, l, version, err);
	if (failed.code)
		return err_set(err, failed.code, "%s", failed.text);
	return l->n || l->n_parts || l->newer ? no_way(blob, codec, l, version, err) : 0;
}

static int check_version(struct blob *blob, const struct table_log *log, int64_t version, struct err *err)
{
	int r = table_log_readable(log, err);

	if (r)
		return r;
	if (log->version >= 0 && !log->schema)
		return err_set(err, ERR_CORRUPT, "table '%s' has a log without metaData or schemaString",
		               blob_location(blob));
	if (version >= 0 && log->version != version)
		return err_set(err, ERR_NOTFOUND, "table '%s' has no version %" PRId64 ": the newest is %" PRId64,
		               blob_location(blob), version, log->version);
	return 0;
}

/* With a hint that leads to a whole checkpoint the listing is short. 1: it does not. */
static int load_hinted(struct blob *blob, const struct table_codec *codec, struct table_log *log)
{
	int64_t hint = codec ? checkpoint_hint(blob) : -1;
	struct listing l = {0};
	size_t at, n;
	int r = 1;

	if (hint >= 0 && !list(blob, hint, &l, NULL)) {
		if (l.n_parts)
			qsort(l.parts, l.n_parts, sizeof(*l.parts), by_version_parts);
		if (whole_before(&l, l.n_parts, &at, &n) && !load_listed(blob, codec, &l, -1, log, NULL))
			r = 0;
	}
	listing_done(&l);
	return r;
}

int table_log_load(struct blob *blob, const struct table_codec *codec, int64_t version, struct table_log *log,
                   struct err *err)
{
	int r = version < 0 ? load_hinted(blob, codec, log) : 1;
	struct listing l = {0};

	/* What was listed may be cleaned up before it is read. */
	for (int round = 0; r > 0 || (r == ERR_NOTFOUND && version < 0 && round < ROUNDS_MAX); round++) {
		table_log_clear(log);
		r = list(blob, -1, &l, err);
		if (!r)
			r = load_listed(blob, codec, &l, version, log, err);
	}
	listing_done(&l);
	return r ? r : check_version(blob, log, version, err);
}

/* ---- cleaning up ----------------------------------------------------------------------------------------- */

static int is_older(struct blob *blob, const char *name, int64_t before)
{
	int64_t size, modified;

	return !blob_size(blob, name, &size, &modified, NULL) && modified <= before;
}

/* The newest whole checkpoint of that age, or -1. */
static int64_t old_checkpoint(struct blob *blob, struct listing *l, int64_t before)
{
	size_t end = l->n_parts, n;
	char name[96];

	if (l->n_parts)
		qsort(l->parts, l->n_parts, sizeof(*l->parts), by_version_parts);
	while (whole_before(l, end, &end, &n)) {
		part_name(&l->parts[end], name);
		if (is_older(blob, name, before))
			return l->parts[end].version;
	}
	return -1;
}

/* The oldest first: whatever is left after a crash has no gap. */
static int delete_before(struct blob *blob, const struct listing *l, int64_t version, struct err *err)
{
	char name[96];
	int r = 0;

	for (size_t i = 0; i < l->n && l->versions[i] < version && !r; i++) {
		table_entry_name(l->versions[i], name);
		r = blob_delete(blob, name, err);
	}
	for (size_t i = 0; i < l->n_parts && l->parts[i].version < version && !r; i++) {
		part_name(&l->parts[i], name);
		r = blob_delete(blob, name, err);
	}
	return r;
}

/* When the first checkpoint was written that has something before it; -1: there is none. The listing is sorted. */
static int64_t first_useful(struct blob *blob, const struct listing *l)
{
	int64_t lowest = l->n ? l->versions[0] : INT64_MAX, size, modified;
	char name[96];

	for (size_t i = 0; i < l->n_parts; i++) {
		lowest = l->parts[i].version < lowest ? l->parts[i].version : lowest;
		if (l->parts[i].version == lowest)
			continue;
		part_name(&l->parts[i], name);
		return blob_size(blob, name, &size, &modified, NULL) ? -1 : modified;
	}
	return -1;
}

/* A listing costs more the longer the log is, so it is left out as long as the one before says that nothing is old. */
int table_log_clean(struct blob *blob, struct table_log *log, struct err *err)
{
	const char *enabled = table_log_property(log, "delta.enableExpiredLogCleanup");
	int64_t age = table_log_interval(log, "delta.logRetentionDuration", LOG_RETENTION_MS), version;
	struct listing l = {0};
	int r;

	if ((enabled && !strcasecmp(enabled, "false")) || log->cleanable > clock_wall_ms() - age)
		return 0;
	r = list(blob, -1, &l, err);
	version = r ? -1 : old_checkpoint(blob, &l, clock_wall_ms() - age);
	log->cleanable = r || version >= 0 ? -1 : first_useful(blob, &l);
	if (!r && version >= 0)
		r = delete_before(blob, &l, version, err);
	listing_done(&l);
	return r;
}
