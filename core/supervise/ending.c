/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an attempt: what came of it goes to queue_finish, which decides about a retry, with the tasks that follow and
 * what the plugin keeps, in one transaction. */
#include "supervise/job.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define AGAIN_MS 20 /* others that are under way have ended by then, most likely */

static void on_finished(void *ctx, int r, const struct err *err)
{
	struct job *job = ctx;
	struct supervise *sup = job->sup;

	if (r)
		log_error("task.finish", LOG_STR("task", job->id), LOG_STR("error", err->text));
	if (job->err.code && job_is_placed(job))
		placing_look(sup);
	if (job_stages(job))
		staging_look(sup);
	job_free(job);
	sup->may_claim = 1;
}

/* Staged files of a part that is not yet known to be committed are needed for the redo. */
void job_clean_staging(struct job *job)
{
	if (job->staging && !job->part_open)
		staging_discard(job->sup, job->staging);
	job->staging = NULL;
}

/* Parts are committed as they come, so a failure may leave rows: whoever reads the reason shall know of them. */
static void tell_rows(struct job *job)
{
	const struct json *counts = json_get(job->part, "counts");
	int64_t rows = json_get_int(counts, "rows", 0), rejected = json_get_int(counts, "rejected", 0);
	size_t n = strlen(job->err.text);

	if (strcmp(job->task->kind, "ingest") || job->part_open || rows + rejected == 0)
		return;
	snprintf(job->err.text + n, sizeof(job->err.text) - n,
	         "; %lld rows before that are in the dataset, %lld rejected", (long long)rows, (long long)rejected);
}

/* A task begets tasks of its own tenant, whatever its configuration made the plugin say. One without a tenant may name
 * any. */
static int keep_tenant(struct job *job, struct task_spec *spec, struct err *err)
{
	const char *own = job->task->tenant;

	if (own && *own && spec->tenant && strcmp(spec->tenant, own))
		return err_set(err, ERR_PLUGIN, "a submitted task is of the tenant '%.100s', and this one of '%.100s'",
		               spec->tenant, own);
	if (!spec->tenant)
		spec->tenant = own;
	return 0;
}

/* What the plugin submitted comes true with its own success, or fails it. */
static size_t take_submitted(struct job *job, struct task_spec **ret)
{
	size_t n = json_count(job->next);
	struct err err = {0};
	int r = n ? job->sup->env.check_tasks(job->sup->env.ctx, job->next, &job->arena, ret, &err) : 0;

	for (size_t i = 0; i < n && !r; i++)
		r = keep_tenant(job, &(*ret)[i], &err);
	if (r) {
		err_prefix(&err, "plugin '%s' in 'run'", json_get_str(job->body, "plugin", ""));
		err.code = ERR_PLUGIN;
		job_fail(job, &err);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		(*ret)[i].parent = job->task->id;
		(*ret)[i].trace = job->task->trace;
	}
	return n;
}

/* The specs point into what was submitted, which lives as long as the job. */
static size_t follow_up(struct job *job, struct task_spec **ret)
{
	if (job->kind->follow_up)
		return job->kind->follow_up(job->sup, job->task, job->body, &job->arena, ret);
	return job->kind->submits ? take_submitted(job, ret) : 0;
}

/* NULL: nothing changes, or it must not, and job->err says why. */
static const struct queue_changes *take_state(struct job *job)
{
	const struct json *report = job->kind && job->kind->keeps ? job->kv : NULL;
	struct queue_changes *changes;
	struct err err = {0};
	int r;

	if (!report)
		return NULL;
	changes = arena_alloc(&job->arena, sizeof(*changes));
	changes->owner = json_get_str(job->body, "plugin", "");
	changes->seen = job->state_seen;
	r = state_take(report, &job->arena, changes, &err);
	if (!r)
		r = queue_state_check(job->sup->queue, changes, &err);
	if (!r)
		return changes;
	job->again = r == ERR_BUSY;
	job_fail(job, &err);
	return NULL;
}

/* Waits for its plugin, or shall be done anew soon: neither is a failure. */
static void take_snooze(struct job *job, struct queue_outcome *outcome)
{
	if (!job->waits && !job->again)
		return;
	outcome->snooze = 1;
	outcome->retry_after_ms = job->waits ? missing_wait(job->sup, job->task) : AGAIN_MS;
}

static const char *result_of(struct job *job)
{
	if (job->result_text)
		return job->result_text;
	return job->result ? json_text_in(job->result, &job->arena) : "{}";
}

void job_finish(struct job *job)
{
	struct queue_outcome outcome = {0};
	struct task_spec *next = NULL;
	struct err err = {0};
	int r;

	job_clean_staging(job);
	if (!job->err.code)
		outcome.n_next = follow_up(job, &next);
	if (!job->err.code)
		outcome.changes = take_state(job);
	outcome.code = job->err.code;
	outcome.retry_after_ms = job->retry_after_ms;
	outcome.usage = job->usage;
	take_snooze(job, &outcome);
	if (outcome.code) {
		tell_rows(job);
		outcome.error = job->err.text;
		outcome.error_where = job->err.where[0] ? job->err.where : NULL;
	} else {
		outcome.result = result_of(job);
		outcome.next = next;
	}
	r = queue_finish(job->sup->queue, job->task->id, job->task->fence, &outcome, on_finished, job);
	if (r == ERR_LIMIT && !job->err.code) {
		err_set(&err, r, "the result is larger than the 1 MiB that is kept of one");
		job_fail(job, &err);
		job_finish(job);
		return;
	}
	if (!r) {
		job_release(job);
		job->sup->may_claim = 1;
		return;
	}
	err_set(&err, r, "%s", err_name(r));
	on_finished(job, r, &err);
}
