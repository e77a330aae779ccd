/* SPDX-License-Identifier: Apache-2.0 */
/* Ingest: units (files) one after the other through the way of the data.
 *
 * Happy path of a unit: open → choose the plugin → open the decoder with the schema that the dataset has → batches,
 * through the transforms, conformed and written → the decoder ends. A file that has its size is finished and becomes a PART with the
 * decoder's mark, behind which another attempt resumes. The last PART says `final`.
 *
 * A schema that grows (a new column) ends the file at hand; the next one has the column. */
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "ingest.h"
#include "looks.h"
#include "table/table.h"

static int open_source(struct ingest *in, const char *uri, struct err *err)
{
	const char *text = json_str(json_pointer(in->spec, "/source/inline"), NULL);

	if (text)
		return source_memory(text, strlen(text), &in->source, err);
	return source_open(uri, json_str(json_pointer(in->spec, "/source/compression"), "auto"), &in->source, err);
}

/* A file that changed since the mark was made would give other rows behind it. */
static int check_identity(struct ingest *in, struct err *err)
{
	struct json *unit = ingest_unit(in);
	int64_t size = source_size(in->source), modified = source_modified(in->source);

	if (json_get(unit, "mark") &&
	    (json_get_int(unit, "size", -1) != size || json_get_int(unit, "modified", -1) != modified))
		return err_set(err, ERR_CONFLICT,
		               "'%s' has changed since the attempt before: what was read of it is in the "
		               "dataset; ingest the new content as a new task",
		               json_get_str(unit, "uri", ""));
	json_set_int(unit, "size", size);
	json_set_int(unit, "modified", modified);
	return 0;
}

static int64_t range_size(const struct ingest *in)
{
	const struct json *range = json_pointer(in->spec, "/source/range");
	int64_t size = source_size(in->source), begin = json_get_int(range, "begin", 0),
		end = json_get_int(range, "end", size);

	end = end < size ? end : size;
	return begin < end ? end - begin : 0;
}

/* A format that is to be found out cannot be, of nothing: there is no record in it, and that is fine, unless a plugin
 * claims the name: an empty file is fine JSON and no Parquet. */
static int holds_nothing(struct ingest *in, const char *uri)
{
	const struct loader_plugin *claims;
	struct err broken = {0};
	orasi_bytes head;

	if (strcmp(json_str(json_pointer(in->spec, "/format/plugin"), "auto"), "auto"))
		return 0;
	head = source_head(in->source, &broken);
	return !broken.code && head.len < SOURCE_HEAD && looks_blank(head.ptr, head.len) &&
	       format_choose(in->loader, "auto", in->source, uri, &claims, &broken);
}

static int decode_unit(struct ingest *in, const char *uri, struct err *err)
{
	const struct transforms_env env = {
		.loader = in->loader,
		.steps = json_get(in->spec, "transform"),
		.staging = in->staging,
		.attempt = (int)json_get_int(in->order, "attempt", 1),
		.rejects = in->rejects,
		.on_batch = ingest_write_batch,
		.ctx = in,
	};
	int r = ingest_choose_plugin(in, uri, err);

	if (!r)
		r = ingest_make_decoder(in, err);
	if (!r)
		r = transforms_new(&env, &in->transforms, err);
	if (!r)
		r = feed_init(&in->feed, in->loader, in->plugin, in->self, source_abi(in->source), err);
	if (!r)
		r = ingest_open_decoder(in, err);
	/* A source without records has no columns either, and changes nothing. */
	if (!r && in->schema.n_children)
		r = ingest_shape(in, json_get(ingest_unit(in), "transforms"), err);
	return r ? r : ingest_read_batches(in, err);
}

static int run_unit(struct ingest *in, struct err *err)
{
	struct json *unit = ingest_unit(in);
	const char *uri = json_get_str(unit, "uri", "");
	int64_t size;
	int r;

	rejects_from(in->rejects, uri);
	r = open_source(in, uri, err);
	if (!r)
		r = check_identity(in, err);
	if (!r && !holds_nothing(in, uri))
		r = decode_unit(in, uri, err);
	size = in->source ? range_size(in) : 0;
	ingest_close_decoder(in);
	if (r) {
		if (err && r != ERR_CANCELLED && !strstr(err->text, uri)) /* of which file, a plugin does not know */
			err_prefix(err, "'%.300s'", uri);
		return r;
	}
	in->bytes_done += size;
	in->n_done++;
	json_set_bool(unit, "done", 1);
	json_del(unit, "mark");
	json_del(unit, "by");
	json_del(unit, "transforms");
	return 0;
}

/* Those of the table, which the task may repeat; a new table has those of the task. */
static int choose_partitions(struct ingest *in, const struct table_snapshot *s, struct err *err)
{
	const struct json *wanted = json_pointer(in->spec, "/sink/partition_by");
	const struct json *have = json_get(s->metadata, "partitionColumns");

	if (s->version >= 0 && json_count(wanted) && strcmp(json_text(wanted), have ? json_text(have) : "[]")) {
		err_set(err, ERR_CONFLICT,
		        "the dataset is partitioned by %s, not by %s: that is decided when it is made",
		        have ? json_text(have) : "[]", json_text(wanted));
		err_where(err, "/sink/partition_by");
		return err->code;
	}
	have = s->version >= 0 ? have : wanted;
	in->partition_by = have ? json_copy(have) : json_new_array();
	return 0;
}

/* The log counts the parts of this task. When it knows one that the order does not, nobody knows any more where the rows of
 * that one ended: those that are read now would not be the ones that are missing. */
static int check_history(const struct ingest *in, const struct table_snapshot *snapshot, struct err *err)
{
	int64_t seq = json_get_int(json_get(in->order, "checkpoint"), "seq", 0);
	int64_t committed = in->dry_run ? -1 : table_txn(snapshot, json_get_str(in->order, "app_id", in->task));

	if (committed <= seq)
		return 0;
	return err_set(err, ERR_CONFLICT,
	               "part %lld of this task is in the dataset already, and its store has forgotten it: see what is "
	               "there, and ingest the rest as a new task",
	               (long long)committed);
}

static int load_target(struct ingest *in, struct err *err)
{
	const char *location = json_str(json_pointer(in->order, "/dataset/location"), "");
	struct table_codec codec = CODEC(in->loader);
	struct table_snapshot snapshot;
	struct blob *blob;
	int r = blob_open(location, &blob, err);

	if (r)
		return r;
	r = table_snapshot(blob, &codec, &snapshot, err);
	if (!r) {
		r = table_check_gone(&snapshot, json_get(in->order, "dataset"), err);
		if (!r)
			r = check_history(in, &snapshot, err);
		if (!r && snapshot.version >= 0 && arrow_schema_copy(&in->target, &snapshot.schema))
			r = err_set(err, ERR_NOMEM, "out of memory");
		if (!r)
			r = choose_partitions(in, &snapshot, err);
		table_snapshot_done(&snapshot);
	}
	blob_close(blob);
	return r;
}

static int open_output(struct ingest *in, struct err *err)
{
	struct json *options = spread_options(json_get(in->spec, "sink"));
	int r = spread_new(in->loader, in->staging, options, in->partition_by, in->target_bytes, &in->output, err);
	json_free(options);
	return r;
}

static int start(struct ingest *in, struct err *err)
{
	const struct json *checkpoint = json_get(in->order, "checkpoint");
	struct rejects_limits limits = {json_int(json_pointer(in->spec, "/errors/max_rejected"), -1),
	                                json_double(json_pointer(in->spec, "/errors/max_rejected_percent"), 100)};
	int r;

	in->target_bytes = (uint64_t)json_int(json_pointer(in->spec, "/sink/target_file_bytes"), 128 << 20);
	r = rejects_new(in->loader, in->staging, in->task, (int)json_get_int(in->order, "attempt", 1), &limits,
	                &in->rejects, err);
	if (!r)
		r = load_target(in, err);
	if (!r)
		r = open_output(in, err);
	if (r)
		return r;
	in->files = json_new_array();
	in->reject_files = json_new_array();
	if (json_pointer(checkpoint, "/state/units"))
		ingest_resume(in, checkpoint);
	else
		ingest_make_units(in);
	return 0;
}

static void measure(struct ingest *in)
{
	struct err ignored;
	struct source *source;

	if (!json_pointer(in->spec, "/source/uris"))
		return; /* the only unit is text of the order */
	for (size_t i = 0; i < json_count(in->units); i++)
		if (!source_open(json_get_str(json_at(in->units, i), "uri", ""), "none", &source, &ignored)) {
			in->bytes_total += source_size(source);
			source_close(source);
		}
}

static struct json *make_result(struct ingest *in)
{
	struct json *result = ingest_counts(in);

	json_set_int(result, "parts", in->seq);
	json_set(result, "first_rejected", rejects_sample(in->rejects));
	if (in->target.release)
		json_set(result, "schema", table_schema_to_delta(&in->target));
	return result;
}

static struct json *make_again(const struct ingest *in)
{
	struct json *again = json_new_object(), *found = json_new_object();

	if (in->lacking) {
		json_set_int(found, "unit", (int64_t)in->unit);
		json_set_str(found, "plugin", in->lacking);
	}
	json_set(again, "again", found);
	return again;
}

/* All that are not done; of an order with "found" only that one, because the others have no claim to its rights. *again:
 * what is left is for another order. */
static int run_units(struct ingest *in, struct json **again, struct err *err)
{
	int64_t only = json_int(json_pointer(in->order, "/found/unit"), -1);
	size_t left = 0;

	for (; in->unit < json_count(in->units); in->unit++) {
		int r = 0;

		if (json_get_bool(ingest_unit(in), "done", 0))
			continue;
		if (only >= 0 && (int64_t)in->unit != only)
			left++;
		else
			r = run_unit(in, err);
		if (r && !in->lacking)
			return r;
		if (r)
			break;
	}
	if (in->lacking || (left && !in->dry_run))
		*again = make_again(in);
	return 0;
}

int pipeline_ingest(struct loader *loader, const struct json *order, const struct pipeline_events *events,
                    struct json **ret, struct err *err)
{
	struct ingest in = {
		.loader = loader,
		.order = order,
		.spec = json_get(order, "spec"),
		.events = events,
		.staging = json_get_str(order, "staging", ""),
		.task = json_get_str(order, "task", ""),
	};
	struct json *again = NULL;
	int r;

	in.dry_run = json_get_bool(in.spec, "dry_run", 0);
	in.overwrites = !strcmp(json_str(json_pointer(in.spec, "/sink/mode"), "append"), "overwrite");
	r = start(&in, err);
	if (!r)
		measure(&in);
	if (!r)
		r = run_units(&in, &again, err);
	if (!r && rejects_over(in.rejects))
		r = err_set(err, ERR_INVALID, "too many records were rejected: %lld; the first: %.300s",
		            (long long)rejects_count(in.rejects), rejects_first(in.rejects));
	if (!r && !in.dry_run && (!again || in.n_done))
		r = ingest_send_part(&in, !again, again != NULL, err);
	if (!r)
		*ret = again ? again : make_result(&in);
	else
		json_free(again);
	ingest_close_decoder(&in);
	spread_free(in.output);
	json_free(in.partition_by);
	rejects_free(in.rejects);
	arrow_schema_release(&in.target);
	json_free(in.files);
	json_free(in.reject_files);
	json_free(in.units);
	return r;
}
