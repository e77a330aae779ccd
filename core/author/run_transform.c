/* SPDX-License-Identifier: Apache-2.0 */
/* A transform on what a format reads from a file: the rows that come out on standard output, one JSON object a line.
 * When the columns of the input grow it is flushed and bound again, as in an ingest. */
#include <stdio.h>

#include "flow.h"
#include "run.h"

struct work {
	struct running *run;
	struct flow flow;
	struct lab lab;
	struct digest rows; /* that came out */
	size_t noted;       /* of them */
	int bound;
};

static int print_rows(void *ctx, const struct arrow_view *rows)
{
	struct work *work = ctx;

	for (int64_t i = 0; i < rows->length; i++)
		run_print(work->run, rows, i);
	return 0;
}

static void note(struct work *work, int64_t rows_in)
{
	struct json *json;
	uint64_t hash = 0;

	if (!recording_wanted(&work->run->recording))
		return;
	for (size_t i = work->noted; i < work->rows.n; i++)
		hash = digest_bytes(hash, &work->rows.items[i], sizeof(uint64_t));
	json = json_new_object();
	json_set_int(json, "in", rows_in);
	json_set_int(json, "rows", (int64_t)(work->rows.n - work->noted));
	recording_hash(json, "digest", hash);
	recording_note(&work->run->recording, json);
	work->noted = work->rows.n;
}

static int flush(struct work *work)
{
	if (!work->bound)
		return 0;
	return flow_flush(&work->flow) ? run_misbehaves(work->run) : 0;
}

static int bind(struct work *work, const struct ArrowSchema *schema)
{
	orasi_error error;
	orasi_status status;

	if (work->bound && arrow_schema_equal(&work->flow.in, schema, 1))
		return 0;
	if (flush(work))
		return -1;
	arrow_schema_release(&work->flow.in);
	if (arrow_schema_copy(&work->flow.in, schema))
		return run_fail(work->run, AUTHOR_FAILED, "out of memory");
	status = flow_bind(&work->flow, (orasi_bytes){0}, &error);
	work->bound = !status && !work->flow.r;
	if (work->flow.r)
		return run_misbehaves(work->run);
	return status ? run_status(work->run, "bind", status, &error) : 0;
}

static int transform_batch(struct running *run, void *ctx, const struct ArrowSchema *schema, struct ArrowArray *batch,
                           const struct mark *mark)
{
	struct work *work = ctx;
	struct ArrowArray own;
	int64_t n = batch->length;

	(void)mark;
	if (bind(work, schema))
		return -1;
	own = *batch;
	batch->release = NULL;
	if (flow_feed(&work->flow, &own))
		return run_misbehaves(run);
	note(work, n);
	return 0;
}

/* Rows came, and no batch of them got as far as a transform that is bound. */
static int is_refused(const struct work *work)
{
	return work->run->decode.digest.n && !work->run->batches && !work->flow.out.release;
}

static void tell(const struct work *work)
{
	const struct running *run = work->run;

	run_tell_rejected(&run->decode.lab);
	run_tell_rejected(&work->lab);
	if (!run_has_begun(run) || is_refused(work))
		return;
	run_tell_schema(&work->flow.out);
	fprintf(stderr, "%zu rows in, %zu rows out, %zu rejected by the format, %zu by the transform, %llu batches\n",
	        run->decode.digest.n, work->rows.n, run->decode.lab.rejects.n, work->lab.rejects.n,
	        (unsigned long long)run->batches);
}

int run_transform(struct running *run)
{
	struct work work = {.run = run};

	lab_init(&work.lab, run->exam.subject.descriptor);
	if (flow_create(&work.flow, &run->exam, &work.lab, run->exam.config))
		return run_misbehaves(run), run->code;
	work.flow.digest = &work.rows;
	work.flow.each = print_rows;
	work.flow.ctx = &work;
	if (!run_decode(run, transform_batch, &work) && !flush(&work))
		note(&work, 0);
	tell(&work);
	flow_close(&work.flow);
	if (work.lab.misuse)
		run_fail(run, AUTHOR_FAILED, "it misbehaves: %s", work.lab.misuse);
	digest_done(&work.rows);
	lab_done(&work.lab);
	return run->code;
}
