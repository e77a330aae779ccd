/* SPDX-License-Identifier: Apache-2.0 */
/* Commits: files into place, then the next log entry by put-if-absent.
 *
 * Happy path: read the log → is our txn there? then all is done → merge the schema → move the staged files →
 * write entry version + 1. Somebody was first: read what they wrote and try again behind it, with the same files.
 * A crash before the entry leaves files that nobody names: the same commit repeated finds them in place, and
 * table_sweep removes those that never are named. A file that is to be removed and is not there any more was
 * rewritten or deleted by somebody: ERR_CONFLICT, and who asked decides anew. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/id.h"
#include "base/str.h"
#include "table/entry.h"

#define RACES_MAX 1000

/* ---- one try ------------------------------------------------------------------------------------------- */

static int is_plain_name(const char *name)
{
	for (; *name; name++)
		if (!((*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9') || strchr("-._", *name)))
			return 0;
	return 1;
}

/* A file that is in place already, with the right size, was moved by the same commit before a crash. */
static int check_in_place(struct blob *blob, const struct table_add *add, struct err *err)
{
	int64_t size;
	int r = blob_size(blob, add->name, &size, NULL, err);

	if (!r && size != add->size)
		r = err_set(err, ERR_CORRUPT, "'%s/%s' has %" PRId64 " bytes, the commit says %" PRId64,
		            blob_location(blob), add->name, size, add->size);
	return r;
}

/* Looks again when the move fails: another process may be carrying out the same commit. */
static int adopt(struct blob *blob, const struct table_add *add, struct err *err)
{
	struct err failed = {0};
	int r;

	if (!is_plain_name(add->name))
		return err_set(err, ERR_INVALID, "'%s' is no name for a data file", add->name);
	r = check_in_place(blob, add, err);
	if (r != ERR_NOTFOUND || !add->staged)
		return r;
	r = blob_adopt_later(blob, add->staged, add->name, &failed);
	if (!r || !check_in_place(blob, add, err))
		return 0;
	return r == ERR_EXISTS ? ERR_CORRUPT : err_set(err, r, "%s", failed.text);
}

static int check_partition_columns(const struct table_change *change, const struct ArrowSchema *schema, struct err *err)
{
	for (size_t i = 0; i < json_count(change->partition_by); i++) {
		const char *name = json_str(json_at(change->partition_by, i), "");
		int64_t at = arrow_schema_find(schema, name, strlen(name));

		if (at < 0 || schema->children[at]->n_children)
			return err_set(err, ERR_INVALID,
			               "the partition column '%.100s' is no plain column of the schema", name);
	}
	return 0;
}

static int merge_schema(const struct table_snapshot *s, const struct table_change *change, struct ArrowSchema *ret,
                        int *ret_grown, struct err *err)
{
	const struct ArrowSchema *have = s->version >= 0 ? &s->schema : NULL;
	int r;

	*ret_grown = 0;
	r = have ? table_log_writable(s->log, err) : 0;
	if (r)
		return r;
	if (!change->schema)
		return have ? 0 : err_set(err, ERR_NOTFOUND, "there is no table, and no schema to make one");
	r = table_schema_merge(have, change->schema, ret, err);
	if (!r)
		*ret_grown = !have || !arrow_schema_equal(have, ret, 0);
	return r || have ? r : check_partition_columns(change, ret, err);
}

static const struct table_file *next_file(const struct table_log *log, size_t *at)
{
	const char *path;
	void *file;

	return map_next(&log->files, at, &path, &file) ? file : NULL;
}

static int plan_removes(struct change_plan *plan, struct err *err)
{
	const struct table_snapshot *s = plan->before;
	const struct table_change *change = plan->change;
	size_t n = change->replaces ? s->n_files : change->n_removes;
	const char *append_only = table_log_property(s->log, "delta.appendOnly");

	if (!n)
		return 0;
	if (!change->rearranges && append_only && !strcasecmp(append_only, "true"))
		return err_set(err, ERR_UNSUPPORTED,
		               "the table is append-only (delta.appendOnly): nothing can be deleted");
	plan->removes = calloc(n, sizeof(*plan->removes));
	if (!plan->removes)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (size_t i = 0, at = 0; i < n; i++) {
		const struct table_file *file =
			change->replaces ? next_file(s->log, &at) : map_get(&s->log->files, change->removes[i]);

		if (!file)
			return err_set(err, ERR_CONFLICT,
			               "data file '%s' is not in the table any more: another commit has replaced it",
			               change->removes[i]);
		plan->removes[plan->n_removes++] = file;
		plan->removed_bytes += file->size > 0 ? file->size : 0;
		plan->removed_rows = plan->removed_rows < 0 || file->rows < 0 ? -1 : plan->removed_rows + file->rows;
	}
	return 0;
}

static int write_entry(struct blob *blob, const struct change_plan *plan, struct err *err)
{
	struct buf text;
	char name[64];
	int r;

	buf_init(&text, ENTRY_MAX);
	table_entry_name(plan->before->version + 1, name);
	r = entry_write(plan, &text, err);
	if (!r)
		r = blob_put_new(blob, name, text.data, text.len, err);
	buf_done(&text);
	return r;
}

static void count_up(const struct change_plan *plan, struct table_commit *ret)
{
	const struct table_snapshot *s = plan->before;

	ret->version = s->version + !ret->already;
	ret->files = (int64_t)(s->n_files - plan->n_removes);
	ret->rows = plan->removed_rows < 0 || s->rows < 0 ? -1 : s->rows - plan->removed_rows;
	ret->bytes = s->bytes - plan->removed_bytes;
	if (ret->already)
		return;
	ret->files += (int64_t)plan->change->n_adds;
	ret->bytes += plan->added_bytes;
	ret->rows += ret->rows >= 0 ? plan->added_rows : 0;
}

static int carry_out(struct blob *blob, struct change_plan *plan, struct err *err)
{
	const struct table_change *change = plan->change;
	struct ArrowSchema schema = {0};
	int r = merge_schema(plan->before, change, &schema, &plan->grown, err);

	plan->schema = &schema;
	if (!r)
		r = plan_removes(plan, err);
	for (size_t i = 0; i < change->n_adds && !r; i++) {
		r = adopt(blob, &change->adds[i], err);
		plan->added_rows += change->adds[i].rows;
		plan->added_bytes += change->adds[i].size;
	}
	/* Also what another process has moved, who may die before it is durable. */
	if (!r && change->n_adds)
		r = blob_settle(blob, "", err);
	if (!r)
		r = write_entry(blob, plan, err);
	arrow_schema_release(&schema);
	plan->schema = NULL;
	return r;
}

static int try_commit(struct blob *blob, const struct table_codec *codec, const struct table_change *change,
                      struct table_commit *ret, struct err *err)
{
	struct table_snapshot s;
	struct change_plan plan = {.change = change, .before = &s};
	struct table_log *log;
	int due = 0, r = table_log_newest(blob, codec, &log, err);

	if (!r)
		r = table_snapshot_head(log, &s, err);
	if (r)
		return r;
	memset(ret, 0, sizeof(*ret));
	ret->already = change->app_id && table_txn(&s, change->app_id) >= change->txn;
	if (change->creates && s.version >= 0 && !ret->already)
		r = err_set(err, ERR_CONFLICT, "there is a table at '%s' already", blob_location(blob));
	if (!r && !ret->already)
		r = carry_out(blob, &plan, err);
	count_up(&plan, ret);
	due = !r && !ret->already && codec && table_checkpoint_is_due(s.log, ret->version);
	free(plan.removes);
	if (!r || r == ERR_EXISTS) { /* the next commit begins here */
		table_log_keep(blob, s.log);
		s.log = NULL;
	}
	table_snapshot_done(&s);
	if (due)
		table_checkpoint_newest(blob, codec);
	return r;
}

static void wait_a_little(int round)
{
	struct timespec ts = {0, (long)(random_u64() % (uint64_t)(1000000 * (round < 20 ? round + 1 : 20)))};

	nanosleep(&ts, NULL);
}

int table_commit(struct blob *blob, const struct table_codec *codec, const struct table_change *change,
                 struct table_commit *ret, struct err *err)
{
	for (int round = 0; round < RACES_MAX; round++) {
		int r = try_commit(blob, codec, change, ret, err);

		if (r != ERR_EXISTS)
			return r;
		wait_a_little(round);
	}
	return err_set(err, ERR_BUSY, "table '%s': other writers were first %d times", blob_location(blob), RACES_MAX);
}
