/* SPDX-License-Identifier: Apache-2.0 */
/* The state of each kind, recorded and read again. */
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "batches.h"
#include "flow.h"
#include "golden.h"
#include "trial.h"

#define MARKS_MAX 8
#define SAMPLE_MAX (64u << 10)
#define STEPS 6
#define STEP_ROWS 50
#define SEGMENT_ROWS 200

/* ---- formats ----------------------------------------------------------------------------------------------------- */

static struct json *schema_json(const struct ArrowSchema *schema)
{
	struct json *json = json_new_object(), *children = json_new_array();

	json_set_str(json, "format", schema->format);
	json_set_str(json, "name", schema->name ? schema->name : "");
	json_set_bool(json, "nullable", (schema->flags & ARROW_FLAG_NULLABLE) != 0);
	for (int64_t i = 0; i < schema->n_children; i++)
		json_push(children, schema_json(schema->children[i]));
	if (schema->n_children)
		json_set(json, "children", children);
	else
		json_free(children);
	return json;
}

static int schema_from(const struct json *json, struct ArrowSchema *ret)
{
	const struct json *children = json_get(json, "children");
	int r = arrow_schema_make(ret, json_get_str(json, "format", ""), json_get_str(json, "name", ""),
	                          json_get_bool(json, "nullable", 1), (int64_t)json_count(children));

	for (size_t i = 0; i < json_count(children) && !r; i++)
		r = schema_from(json_at(children, i), ret->children[i]);
	return r;
}

/* Every mark that one can go on from. */
static int note_mark(void *ctx, const struct ArrowSchema *schema, struct ArrowArray *batch, const struct mark *mark)
{
	struct json *one, *marks = ctx;

	(void)batch;
	if (!mark->resumable)
		return 0;
	one = json_new_object();
	json_set_int(one, "row", (int64_t)mark->rows);
	json_set_int(one, "rejects", (int64_t)mark->rejects);
	golden_set_bytes(one, "state", mark->state, mark->len);
	json_set(one, "columns", schema_json(schema));
	json_push(marks, one);
	return 0;
}

static struct json *thin_out(const struct json *marks)
{
	struct json *few = json_new_array();
	size_t n = json_count(marks), step = n / MARKS_MAX + 1;

	for (size_t i = step - 1; i < n; i += step)
		json_push(few, json_copy(json_at(marks, i)));
	return few;
}

static int record_ingest(struct exam *exam, struct json *golden)
{
	const struct sample *sample = &exam->samples[0];
	struct json *marks = json_new_array();
	struct decode d = {.on_batch = note_mark, .ctx = marks, .max_rows = 1};
	int r = 0;

	if (!exam->n_samples)
		return exam_skip(exam, "there is no sample of its format: give one with --sample FILE");
	if (sample->len > SAMPLE_MAX)
		return exam_fail(exam, "sample '%s' has %zu bytes, and a golden keeps it whole: give one of at most %u",
		                 sample->name, sample->len, SAMPLE_MAX);
	r = decode_run(exam, sample, &d);
	if (!r && d.status != ORASI_END)
		r = exam_fail(exam, "sample '%s': '%s' fails (%d): %s", sample->name, d.function, d.status,
		              d.error.message);
	if (!r && !json_count(marks))
		r = exam_skip(exam, "no mark is RESUMABLE: there is no state to record");
	json_set_str(golden, "sample", sample->name);
	golden_set_bytes(golden, "input", sample->data, sample->len);
	json_set(golden, "marks", thin_out(marks));
	json_free(marks);
	decode_done(&d);
	return r;
}

static int resume_at(struct exam *exam, const struct sample *sample, const struct json *config,
                     const struct decode *all, const struct json *mark)
{
	struct decode d = {.config = config};
	uint64_t row = (uint64_t)json_get_int(mark, "row", 0), rejects = (uint64_t)json_get_int(mark, "rejects", 0);
	struct ArrowSchema want = {0};
	uint8_t *state = golden_bytes(mark, "state", &d.state.len);
	char what[64];
	int r;

	d.state.ptr = state;
	d.want = &want;
	snprintf(what, sizeof(what), "resumed behind row %llu", (unsigned long long)row);
	if (!state || schema_from(json_get(mark, "columns"), &want) || row > all->digest.n ||
	    rejects > all->lab.rejects.n)
		r = exam_fail(exam, "the golden is damaged, or its input is not read as it was");
	else
		r = decode_run(exam, sample, &d);
	if (!r)
		r = decode_compare(exam, all, &d, row, rejects, what);
	decode_done(&d);
	arrow_schema_release(&want);
	free(state);
	return r;
}

static int read_ingest(struct exam *exam, const struct json *golden, const struct json *config)
{
	struct sample sample = {.name = json_get_str(golden, "sample", "?")};
	struct decode all = {.config = config};
	const struct json *marks = json_get(golden, "marks");
	int r;

	sample.data = golden_bytes(golden, "input", &sample.len);
	if (!sample.data || !json_count(marks))
		return exam_fail(exam, "the golden is damaged: it has no input, or no marks");
	r = decode_run(exam, &sample, &all);
	if (!r && all.status != ORASI_END)
		r = exam_fail(exam, "its input is not read: '%s' fails (%d): %s", all.function, all.status,
		              all.error.message);
	for (size_t i = 0; i < json_count(marks) && !r; i++)
		r = resume_at(exam, &sample, config, &all, json_at(marks, i));
	decode_done(&all);
	free(sample.data);
	return r;
}

/* ---- transforms -------------------------------------------------------------------------------------------------- */

static int save_step(struct flow *flow, int64_t rows_in, size_t rows_out, struct json *marks)
{
	orasi_error error = exam_no_error();
	orasi_bytes state = {0};
	struct json *one;

	if (CALL(flow->exam, "save", flow->f->save(flow->self, &state, &error)))
		return exam_fail(flow->exam, "save fails: %s", error.message);
	one = json_new_object();
	json_set_int(one, "in", rows_in);
	json_set_int(one, "out", (int64_t)rows_out);
	golden_set_bytes(one, "state", state.ptr, state.len);
	json_push(marks, one);
	return 0;
}

static int record_transform(struct exam *exam, struct json *golden)
{
	struct json *marks = json_new_array();
	struct digest out = {0};
	struct flow flow;
	int r;

	json_set_int(golden, "seed", (int64_t)exam->seed);
	json_set(golden, "marks", marks);
	if (!exam->subject.transform->save)
		return exam_skip(exam, "it says STATELESS: there is no state to record");
	r = flow_open(&flow, exam, &exam->lab, exam->config, (orasi_bytes){0}, &out);
	for (int i = 0; i < STEPS - 1 && !r; i++) {
		r = flow_process(&flow, i * STEP_ROWS, STEP_ROWS);
		if (!r)
			r = save_step(&flow, (i + 1) * STEP_ROWS, out.n, marks);
	}
	flow_close(&flow);
	digest_done(&out);
	return r;
}

/* Rows from `from` on, by a fresh instance. */
static int transform_from(struct exam *exam, const struct json *config, orasi_bytes state, int64_t from,
                          struct digest *ret)
{
	struct flow flow;
	int r = flow_open(&flow, exam, &exam->lab, config, state, ret);

	for (; from < STEPS * STEP_ROWS && !r; from += STEP_ROWS)
		r = flow_process(&flow, from, STEP_ROWS);
	if (!r)
		r = flow_flush(&flow);
	flow_close(&flow);
	return r;
}

static int rebind_at(struct exam *exam, const struct json *config, const struct digest *all, const struct json *mark)
{
	int64_t in = json_get_int(mark, "in", 0);
	size_t out = (size_t)json_get_int(mark, "out", 0), n = 0;
	struct digest got = {0};
	uint8_t *state = golden_bytes(mark, "state", &n);
	int r;

	if (!state || out > all->n)
		r = exam_fail(exam, "the golden is damaged, or fewer rows come out than then");
	else
		r = transform_from(exam, config, (orasi_bytes){state, n}, in, &got);
	if (!r && (got.n != all->n - out || (got.n && memcmp(got.items, all->items + out, got.n * sizeof(*got.items)))))
		r = exam_fail(exam, "bound with the state behind row %lld it gives %zu rows instead of %zu, or others",
		              (long long)in, got.n, all->n - out);
	digest_done(&got);
	free(state);
	return r;
}

static int read_transform(struct exam *exam, const struct json *golden, const struct json *config)
{
	const struct json *marks = json_get(golden, "marks");
	struct digest all = {0};
	int r;

	exam->seed = (uint64_t)json_get_int(golden, "seed", 1);
	if (!json_count(marks))
		return exam_fail(exam, "the golden is damaged: it has no marks");
	r = transform_from(exam, config, (orasi_bytes){0}, 0, &all);
	for (size_t i = 0; i < json_count(marks) && !r; i++)
		r = rebind_at(exam, config, &all, json_at(marks, i));
	digest_done(&all);
	return r;
}

/* ---- indexes ----------------------------------------------------------------------------------------------------- */

static struct json *segment_json(const struct index *x, const struct lab_store *store)
{
	struct json *segment = json_new_object(), *values = json_new_array(), *blobs = json_new_array();

	json_set_str(segment, "format", x->format);
	for (uint64_t i = 0; i < x->n; i++)
		json_push(values, json_new_int(x->values[i]));
	for (uint32_t i = 0; i < store->n; i++) {
		struct json *blob = json_new_object();

		json_set_str(blob, "name", store->blobs[i].name);
		golden_set_bytes(blob, "bytes", store->blobs[i].bytes.data, store->blobs[i].bytes.len);
		json_push(blobs, blob);
	}
	json_set(segment, "values", values);
	json_set(segment, "blobs", blobs);
	return segment;
}

static int record_segment(struct index *x, struct json *segments)
{
	struct lab_store store;
	int r = trial_build(x, &store, SEGMENT_ROWS);

	if (!r)
		json_push(segments, segment_json(x, &store));
	lab_store_done(&store);
	return r;
}

static int record_index(struct exam *exam, struct json *golden)
{
	struct json *segments = json_new_array();
	struct index *x = malloc(sizeof(*x));
	int r = x ? 0 : exam_fail(exam, "out of memory");

	json_set(golden, "segments", segments);
	for (int i = 0; r >= 0 && keys_format(i); i++) {
		r = trial_open(x, exam, &exam->lab, exam->config, keys_format(i));
		if (!r)
			r = record_segment(x, segments);
		if (r >= 0)
			trial_close(x);
	}
	free(x);
	if (r >= 0 && !json_count(segments))
		r = exam_skip(exam, "it takes neither an integer, a text nor a number as its key");
	return r < 0 ? -1 : 0;
}

static int fill_store(struct exam *exam, const struct json *blobs, struct lab_store *store)
{
	lab_store_init(store);
	for (size_t i = 0; i < json_count(blobs); i++) {
		const char *name = json_get_str(json_at(blobs, i), "name", "");
		size_t n = 0;
		uint8_t *bytes = golden_bytes(json_at(blobs, i), "bytes", &n);
		uint64_t handle;
		int r = !bytes || store->store.create(&store->store, name, &handle, NULL) ||
		        store->store.append(&store->store, handle, bytes, n, NULL);

		free(bytes);
		if (r)
			return exam_fail(exam, "the golden is damaged: blob '%.64s'", name);
	}
	lab_store_seal(store);
	return 0;
}

static int fill_values(struct index *x, const struct json *values)
{
	x->n = json_count(values);
	if (!x->n || x->n > ROWS_MAX)
		return exam_fail(x->exam, "the golden is damaged: a segment has no values, or too many");
	for (uint64_t i = 0; i < x->n; i++)
		x->values[i] = (int32_t)json_int(json_at(values, i), -1);
	return 0;
}

static int read_segment(struct index *x, const struct json *segment)
{
	orasi_error error = exam_no_error();
	struct lab_store store;
	void *reader = NULL;
	int r = fill_values(x, json_get(segment, "values"));

	if (r)
		return r;
	r = fill_store(x->exam, json_get(segment, "blobs"), &store);
	if (!r)
		r = trial_reader_open(x, &store, &reader);
	if (!r && CALL(x->exam, "verify", x->f->verify(reader, 2, &error)))
		r = exam_fail(x->exam, "verify refuses a segment of then: %s", error.message);
	if (!r)
		r = trial_ask_all(x, reader, 10, NULL);
	if (!r)
		trial_reader_close(x, reader);
	lab_store_done(&store);
	return r;
}

static int read_index(struct exam *exam, const struct json *golden, const struct json *config)
{
	const struct json *segments = json_get(golden, "segments");
	struct index *x = malloc(sizeof(*x));
	int r = x ? 0 : exam_fail(exam, "out of memory");

	if (!r && !json_count(segments))
		r = exam_fail(exam, "the golden is damaged: it has no segments");
	for (size_t i = 0; i < json_count(segments) && !r; i++) {
		const struct json *segment = json_at(segments, i);

		r = trial_open(x, exam, &exam->lab, config, json_get_str(segment, "format", "l"));
		if (r == 1)
			r = exam_fail(exam, "it does not take keys of format '%.8s' any more",
			              json_get_str(segment, "format", "l"));
		if (!r)
			r = read_segment(x, segment);
		if (!r)
			trial_close(x);
	}
	free(x);
	return r;
}

/* ---- tasks ------------------------------------------------------------------------------------------------------- */

/* It is stopped at its first checkpoint, so that work is left. */
static int record_task(struct exam *exam, struct json *golden)
{
	orasi_status status;
	int r;

	exam->lab.stop_at_checkpoint = 1;
	r = task_run(exam, &exam->lab, exam->config, (orasi_bytes){0}, NULL, &status);
	if (!r && !exam->lab.checkpoint.len)
		r = exam_skip(exam,
		              "it made no checkpoint: there is no state to record (give it more to do with --option)");
	if (!r)
		golden_set_bytes(golden, "checkpoint", exam->lab.checkpoint.data, exam->lab.checkpoint.len);
	return r;
}

static int read_task(struct exam *exam, const struct json *golden, const struct json *config)
{
	struct digest whole = {0}, resumed = {0};
	orasi_status status;
	size_t n = 0;
	uint8_t *state = golden_bytes(golden, "checkpoint", &n);
	int r = state ? task_run(exam, &exam->lab, config, (orasi_bytes){0}, &whole, &status)
	              : exam_fail(exam, "the golden is damaged: it has no checkpoint");

	if (!r)
		r = task_run(exam, &exam->lab, config, (orasi_bytes){state, n}, &resumed, &status);
	if (!r && status)
		r = exam_fail(exam, "resumed from a checkpoint of then, run fails (%d)", status);
	if (!r && exam->subject.descriptor->flags & ORASI_FLAG_DETERMINISTIC &&
	    (whole.n != resumed.n || (whole.n && whole.items[0] != resumed.items[0])))
		r = exam_fail(exam, "resumed from a checkpoint of then, its result is another than in one go");
	digest_done(&whole);
	digest_done(&resumed);
	free(state);
	return r;
}

const struct golden_kind golden_kinds[] = {
	{ORASI_KIND_INGEST, record_ingest, read_ingest},
	{ORASI_KIND_TRANSFORM, record_transform, read_transform},
	{ORASI_KIND_INDEX, record_index, read_index},
	{ORASI_KIND_TASK, record_task, read_task},
	{0},
};
