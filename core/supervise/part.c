/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of an attempt: each is noted in the queue, then committed in the table, then acknowledged to the worker.
 *
 * A part is written down before it is committed and names the task and a number. The table's log
 * remembers that number, so committing twice changes nothing: whatever dies in between, the next
 * attempt repeats the commit and goes on behind it. That is the whole of "exactly once". */
#include "supervise/job.h"

#include <string.h>

#define NOTED_MAX (8u << 20) /* bytes of two parts; the queue takes 12 MiB */

static void on_committed(void *ctx, const struct json *result, const struct err *err);

/* ---- a part that goes back -------------------------------------------------------------------- */

static void tell_again(const struct job *job, struct err *ret)
{
	if (job->refused->code == ERR_CONFLICT)
		err_set(ret, ERR_BUSY, "another task changed the dataset first, and the data is read again: %s",
		        job->refused->text);
	else
		err_set(ret, ERR_BUSY, "the files of part %lld have gone, and its data is read again: %s",
		        (long long)json_get_int(job->part, "seq", 0), job->refused->text);
}

static void on_taken_back(void *ctx, int r, const struct err *err)
{
	struct job *job = ctx;
	struct err again;

	job->noting = 0;
	if (r || job->abandoned) {
		on_committed(job, NULL, r ? err : job->refused);
		return;
	}
	tell_again(job, &again);
	json_free(job->part);
	job->part = job->before;
	job->before = NULL;
	job->part_open = 0;
	job->again = 1;
	job_fail(job, &again);
	if (job->order)
		order_stop(job->order, again.code, again.text);
	job_step(job);
}

/* Its files have types that the dataset did not have when they were begun, and others by now, or its segment covers some files
 * that another has covered by now: whoever was first is right. */
static int comes_late(const struct job *job, const struct err *err)
{
	return err->code == ERR_CONFLICT && job->kind->rereads;
}

/* Its task had ended before it was committed, and was called again: what is staged goes with the end of a task. */
static int is_lost(const struct job *job, const struct err *err)
{
	return err->code == ERR_NOTFOUND && job->state == JOB_REDO;
}

/* The part leaves the queue's store, so that the next attempt goes on behind the one before it and meets the dataset as it
 * is; what does not fit is rejected record by record. 0: it cannot be told what was before. */
static int take_back(struct job *job, const struct err *err)
{
	const char *text = job->before ? json_text(job->before) : "null";

	if ((!comes_late(job, err) && !is_lost(job, err)) || job->err.code || job->refused)
		return 0;
	if (!job->before && json_get_int(job->part, "seq", 0) != 1)
		return 0;
	job->refused = arena_dup(&job->arena, err, sizeof(*err));
	job->noting = !queue_checkpoint(job->sup->queue, job->task->id, job->task->fence, text, on_taken_back, job);
	return job->noting;
}

/* ---- a part that is committed ------------------------------------------------------------------- */

static void on_committed(void *ctx, const struct json *result, const struct err *err)
{
	struct job *job = ctx;

	job->commit = NULL;
	if (job->abandoned || (job->sup->stopping && err->code)) {
		job_abandon(job);
		return;
	}
	if (err->code && take_back(job, err))
		return;
	if (err->code) {
		job_fail(job, err);
		if (job->order)
			order_stop(job->order, err->code, err->text);
		job_step(job);
		return;
	}
	job->part_open = 0;
	job->sup->stats.parts++;
	if (job->kind->committed)
		job->kind->committed(job->sup, job->task, job->body, result);
	if (job->order && job->order->process)
		order_part_done(job->order, json_get_int(job->part, "seq", 0));
	if (job->state == JOB_REDO) /* a final part that had been noted is the whole result */
		job->state = json_get_bool(job->part, "final", 0) ? JOB_FINISH : JOB_RUN;
	if (job->state == JOB_FINISH)
		job->result = json_copy(json_get(job->part, "counts"));
	job_step(job);
}

static const struct order_events commit_events = {.on_end = on_committed};

void job_commit_part(struct job *job)
{
	struct json *json = json_new_object();
	struct err err = {0};

	json_set(json, "dataset", kind_dataset(job->sup, json_get_str(job->body, "dataset", ""), ""));
	json_set(json, "rejects", kind_dataset(job->sup, json_get_str(job->body, "dataset", ""), "__rejects"));
	json_set(json, "index", kind_index(job->body));
	json_set(json, "intent", json_copy(job->part));
	json_set_str(json, "task", job->id);
	json_set_bool(json, "takes_out", kind_takes_out(job->kind, job->body));
	json_set_str(json, "staging", arena_printf(&job->arena, "%s/staging", job->sup->env.data_dir));
	if (job_is_placed(job))
		placing_fill(job->sup, job->id, job->body, json);
	if (order_new(job->sup, job->kind->commit_op, json, &commit_events, job, &job->commit, &err))
		on_committed(job, NULL, &err);
}

/* Of a kind whose parts are checkpoints: it is on disk, that is all. */
static void checkpoint_done(struct job *job)
{
	job->part_open = 0;
	if (job->order && job->order->process)
		order_part_done(job->order, json_get_int(job->part, "seq", 0));
	job_step(job);
}

static void on_noted(void *ctx, int r, const struct err *err)
{
	struct job *job = ctx;

	job->noting = 0;
	if (!r && !job->abandoned && job->kind->commit_op) {
		job_commit_part(job);
		return;
	}
	if (!r && !job->abandoned) {
		checkpoint_done(job);
		return;
	}
	job->part_open = 0; /* it never became true */
	on_committed(job, NULL, err);
}

/* "null": its first part was taken back. */
int job_take_checkpoint(struct job *job, const char *text, struct err *err)
{
	int r = json_parse(text, strlen(text), &job->part, err);

	if (r || !job->kind->commit_op)
		return r;
	job->before = json_share(json_get(job->part, "before"));
	if (job->before)
		json_del(job->part, "before");
	return 0;
}

/* The caller's. With the committed part before it, to which it may go back: but for one of very many files, of which each
 * takes a place. */
static struct json *noted_form(const struct job *job)
{
	struct json *form = json_copy(job->part);

	if (job->before && job->kind->commit_op &&
	    strlen(json_text(form)) + strlen(json_text(job->before)) <= NOTED_MAX)
		json_set(form, "before", json_share(job->before));
	return form;
}

static void note_part(struct job *job)
{
	struct json *form = noted_form(job);
	struct err err = {0};
	int r = queue_checkpoint(job->sup->queue, job->task->id, job->task->fence, json_text(form), on_noted, job);

	json_free(form);
	job->noting = !r;
	if (r) {
		err_set(&err, r, "the part could not be noted: %s", err_name(r));
		on_noted(job, r, &err);
	}
}

void job_on_part(void *ctx, const struct json *part)
{
	struct job *job = ctx;
	struct err err = {0};

	if (job->part_open || (!job->kind->commit_op && !job->kind->notes)) {
		err_set(&err, ERR_INTERNAL, "the worker sent a part out of turn");
		job_fail(job, &err);
		order_stop(job->order, err.code, err.text);
		return;
	}
	json_free(job->before);
	job->before = job->part;
	job->part = json_copy(part);
	job->part_open = 1;
	note_part(job);
}
