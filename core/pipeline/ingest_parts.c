/* SPDX-License-Identifier: Apache-2.0 */
/* What is done of the task: units, counts, and the PARTs that carry them to the agent. */
#include "ingest.h"
#include "table/table.h"

struct json *ingest_unit(const struct ingest *in)
{
	return (struct json *)json_at(in->units, in->unit);
}

static void add_unit(struct ingest *in, const char *uri)
{
	struct json *unit = json_new_object();

	json_set_str(unit, "uri", uri);
	json_set_bool(unit, "done", 0);
	json_push(in->units, unit);
}

void ingest_make_units(struct ingest *in)
{
	const struct json *uris = json_pointer(in->spec, "/source/uris");

	in->units = json_new_array();
	for (size_t i = 0; i < json_count(uris); i++)
		add_unit(in, json_str(json_at(uris, i), ""));
	if (!uris)
		add_unit(in, "inline");
}

void ingest_resume(struct ingest *in, const struct json *checkpoint)
{
	const struct json *counts = json_get(checkpoint, "counts");

	in->units = json_copy(json_pointer(checkpoint, "/state/units"));
	in->seq = json_get_int(checkpoint, "seq", 0);
	in->rows = json_get_int(counts, "rows", 0);
	in->rows_decoded = json_get_int(counts, "rows_in", 0) - json_get_int(counts, "rejected", 0);
	in->n_files = json_get_int(counts, "files", 0);
	in->bytes_done = json_get_int(counts, "bytes_in", 0);
	rejects_set_count(in->rejects, json_get_int(counts, "rejected", 0));
	rejects_seen(in->rejects, in->rows_decoded);
}

struct json *ingest_counts(const struct ingest *in)
{
	struct json *counts = json_new_object();
	int64_t rejected = rejects_count(in->rejects);

	json_set_int(counts, "rows_in", in->rows_decoded + rejected);
	json_set_int(counts, "rows", in->rows);
	json_set_int(counts, "rejected", rejected);
	json_set_int(counts, "bytes_in", in->bytes_done);
	json_set_int(counts, "files", in->n_files);
	return counts;
}

static struct json *make_parameters(const struct ingest *in)
{
	struct json *parameters = json_new_object();

	json_set_str(parameters, "mode", in->overwrites ? "Overwrite" : "Append");
	json_set_str(parameters, "partitionBy", json_text(in->partition_by));
	return parameters;
}

static struct json *make_part(struct ingest *in, int final, int pauses)
{
	struct json *part = json_new_object(), *rejects = json_new_object(), *state = json_new_object();

	json_set_int(part, "seq", ++in->seq);
	json_set_bool(part, "final", final);
	json_set_bool(part, "pauses", pauses);
	json_set_str(part, "app_id", json_get_str(in->order, "app_id", in->task));
	json_set_str(part, "operation", "WRITE");
	json_set(part, "parameters", make_parameters(in));
	json_set_bool(part, "replaces", in->overwrites);
	json_set(part, "partition_by", json_copy(in->partition_by));
	json_set(part, "files", in->files);
	json_set(rejects, "files", in->reject_files);
	json_set(part, "rejects", rejects);
	json_set(part, "schema", in->target.release ? table_schema_to_delta(&in->target) : json_new_null());
	json_set(part, "counts", ingest_counts(in));
	json_set(state, "units", json_copy(in->units));
	json_set(part, "state", state);
	in->files = json_new_array();
	in->reject_files = json_new_array();
	return part;
}

int ingest_finish_file(struct ingest *in, struct err *err)
{
	size_t before = json_count(in->files);
	int r = in->output ? spread_finish(in->output, in->files, err) : 0;

	in->n_files += (int64_t)(json_count(in->files) - before);
	return r;
}

/* final: the task is done; pauses: the order is, and another one goes on behind this part */
int ingest_send_part(struct ingest *in, int final, int pauses, struct err *err)
{
	struct json *part;
	int r = ingest_finish_file(in, err);

	if (!r)
		r = rejects_flush(in->rejects, in->reject_files, err);
	if (r)
		return r;
	part = make_part(in, final, pauses);
	r = in->events->on_part(in->events->ctx, part, err);
	json_free(part);
	return r;
}
