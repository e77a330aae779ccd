/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt of a task, from claim to finish.
 *
 * Happy path:
 *   claimed → (a part that an earlier attempt left is committed again, which is harmless) → order to
 *   a worker → for each PART: note it in the queue, durable; commit it in the table; PART_DONE → RESULT
 *   → catalog → queue_finish, with index tasks for a dataset that grew.
 * Claiming is claim.c, parts and why they are true once is part.c, the end is ending.c.
 *
 * Failure: the reason goes to queue_finish, which decides about a retry. Time-out and cancel stop the
 * order (flag, grace, SIGKILL); a commit under way is not interrupted. */
#include "supervise/job.h"

#include <stdlib.h>
#include <string.h>

/* Others may have its slots: at the end of its work, before the end is on disk. So the commits of many ends go together,
 * while workers go on. */
void job_release(struct job *job)
{
	job->sup->slots_used -= job->is_ahead ? 0 : job->slots;
	job->sup->n_ahead -= job->is_ahead;
	job->sup->n_callbacks -= job->is_callback;
	job->slots = job->is_callback = job->is_ahead = 0;
}

void job_free(struct job *job)
{
	if (job->sup->stopping)
		loop_timer_set(job->sup->soon_timer, 0);
	list_del(&job->link);
	job->sup->n_jobs--;
	job_release(job);
	job->sup->stats.jobs--;
	json_free(job->body);
	json_free(job->part);
	json_free(job->before);
	json_free(job->result);
	json_free(job->found);
	json_free(job->next);
	json_free(job->kv);
	buf_done(&job->data);
	arena_done(&job->arena);
	free(job);
}

/* The attempt stays "running" in the store and is ready again at the next start. */
void job_abandon(struct job *job)
{
	job->abandoned = 1;
	if (!job->order && !job->commit && !job->noting)
		job_free(job);
}

void job_fail(struct job *job, const struct err *err)
{
	if (!job->err.code)
		job->err = *err;
}

/* Work that is committed leaves its files in a folder of the attempt. Other work has nameless scratch files only, in
 * the folder above: making and removing one is a good part of the cost of a short task. */
int job_stages(const struct job *job)
{
	return job->kind && job->kind->commit_op;
}

int job_is_placed(const struct job *job)
{
	return job_stages(job) && !strcmp(job->kind->commit_op, PLACING_OP);
}

/* The worker it waited for begins with it: now its time runs. */
static void on_begin(void *ctx)
{
	struct job *job = ctx;

	job_clean_staging(job); /* of the order before */
	if (job->stage && job->order->process->staging)
		job->staging = arena_printf(&job->arena, "%s/%s", job->order->process->staging, job->stage);
	if (job->is_ahead)
		job->sup->slots_used += job->slots;
	job->sup->n_ahead -= job->is_ahead;
	job->is_ahead = 0;
	if (!job->has_begun)
		queue_begin(job->sup->queue, job->task->id, job->task->fence);
	job->has_begun = 1;
}

static void on_progress(void *ctx, const struct json *json)
{
	struct job *job = ctx;

	queue_progress(job->sup->queue, job->task->id, job->task->fence, json_get_int(json, "done", 0),
	               json_get_int(json, "total", 0), json_get_int(json, "rows", 0), json_get_int(json, "rejected", 0),
	               json_get_str(json, "note", ""));
}

static void on_data(void *ctx, const void *p, size_t n)
{
	struct job *job = ctx;

	buf_add(&job->data, p, n);
	order_credit(job->order, n);
}

/* What is not for the one who asked. */
static struct json *take_member(struct job *job, const char *name)
{
	struct json *value = json_share(json_get(job->result, name));

	if (value)
		json_del(job->result, name);
	return value;
}

/* An object on one line, so that nobody has to write it once more, and nothing in it is for us. */
static int takes_text(void *ctx, const char *text, size_t n)
{
	static const char *const ours[] = {"next", "kv", "again"};
	const struct job *job = ctx;
	const char *values[3];

	return job->kind->is_plugins && !memchr(text, '\n', n) && !memchr(text, '\r', n) &&
	       json_peek_members(text, n, ours, 3, values) && !values[0] && !values[1] && !values[2];
}

static void take_result(struct job *job, const struct json *result)
{
	struct err err = {0};

	if (json_type(result) != JSON_OBJECT) { /* of our workers each gives one */
		err_set(&err, ERR_PLUGIN, "the worker's answer is no JSON object: its plugin has changed it");
		job_fail(job, &err);
		return;
	}
	job->result = job->kind->judge ? job->kind->judge(result, &job->retry_after_ms, &err) : json_share(result);
	if (job->kind->submits)
		job->next = take_member(job, "next");
	if (job->kind->keeps)
		job->kv = take_member(job, "kv");
	if (job->data.failed)
		err_set(&err, ERR_LIMIT,
		        "the result is larger than the %d bytes a task may keep: use POST "
		        "/v1/query, which streams, or add a LIMIT",
		        KIND_RESULT_MAX);
	else if (job->data.len) {
		struct json *page;

		if (!json_parse(job->data.data, job->data.len, &page, &err))
			json_set(job->result, "page", page);
	}
	if (err.code)
		job_fail(job, &err);
}

/* Whether the work goes on with another order. What was read is committed: the worker waits for that. */
static int goes_on(struct job *job, const struct json *result)
{
	struct err err = {0};
	int r;

	if ((job->commit || job->noting) && json_get(result, "again"))
		r = err_set(&err, ERR_INTERNAL, "the worker asks for another order while a part is on its way");
	else
		r = again_take(job->sup, job->task, job->body, result, &job->found, &err);
	if (err.code)
		job_fail(job, &err);
	return r == 1;
}

static void on_end(void *ctx, const struct json *result, const struct err *err)
{
	struct job *job = ctx;
	const struct order *order = job->order;

	job->usage = order->usage;
	if (job->part_open && job->order->process)
		process_spend(job->order->process); /* nobody else shall be where files wait for their commit */
	job->order = NULL;
	job->ended = 1;
	if (job->abandoned || (job->sup->stopping && err->code)) {
		job_abandon(job);
		return;
	}
	if (err->code)
		job_fail(job, err);
	else if (order->result)
		job->result_text = arena_strn(&job->arena, order->result, order->result_len);
	else if (goes_on(job, result))
		job->ended = 0;
	else
		take_result(job, result);
	job_step(job);
}

static const struct order_events work_events = {on_begin, on_progress, job_on_part, on_data, takes_text, on_end};

static void set_common(struct job *job, struct json *json)
{
	json_set_str(json, "task", job->id);
	if (job_stages(job))
		json_set_str(json, "app_id", arena_printf(&job->arena, "%s/%s", job->sup->env.agent_id, job->id));
	json_set_int(json, "attempt", job->task->attempt);
	json_set_str(json, "trace", job->task->trace);
	json_set_int(json, "timeout_ms", job->task->timeout_ms);
	if (job->stage)
		json_set_str(json, "stage", job->stage);
	if (job->part)
		json_set(json, "checkpoint", json_copy(job->part));
	if (json_get(job->found, "plugin"))
		json_set(json, "found", json_copy(job->found));
}

static void job_run(struct job *job)
{
	struct json *json = json_new_object();
	struct err err = {0};
	const char *op;
	int r;

	if (job->sup->stopping) {
		json_free(json);
		job_abandon(job);
		return;
	}
	set_common(job, json);
	job->waits = missing_plugin(job->sup, job->task->kind, job->body, &err) != 0;
	op = job->waits ? NULL : job->kind->fill(job->sup, job->task, job->body, json, &err);
	if (op && job->kind->keeps &&
	    state_show(job->sup, json_get_str(job->body, "plugin", ""), json, &job->state_seen, &err))
		op = NULL;
	if (op) {
		r = order_new(job->sup, op, json, &work_events, job, &job->order, &err);
		if (!r)
			return;
	} else {
		json_free(json);
	}
	job_fail(job, &err);
	job->ended = 1;
	job->state = JOB_FINISH;
	job_finish(job);
}

void job_step(struct job *job)
{
	switch (job->state) {
	case JOB_REDO:
		if (!job->err.code) {
			job->part_open = 1;
			job_commit_part(job);
			return;
		}
		break;
	case JOB_RUN:
		if (!job->order && !job->ended) {
			job_run(job);
			return;
		}
		if (!job->ended || job->commit || job->noting)
			return;
		break;
	case JOB_FINISH:
		break;
	}
	job->state = JOB_FINISH;
	job_finish(job);
}
