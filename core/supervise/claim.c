/* SPDX-License-Identifier: Apache-2.0 */
/* Claims tasks for whoever is free, and starts an attempt of each: for a slot, to wait behind others in a worker that is
 * quick, or for the queue of callbacks, which has slots of its own. */
#include "supervise/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define ENDING_MAX 1000 /* attempts whose end is on its way to the disk */

/* From the text of the task; what cannot be read is the end of it, with the reason. */
static void job_prepare(struct job *job)
{
	struct task *task = job->task;
	struct err err = {0};
	int r = 0;

	id_format('t', task->id, job->id);
	job->kind = kind_find(task->kind);
	if (job_stages(job))
		job->stage = arena_printf(&job->arena, "%s-%lld", job->id, (long long)task->fence);
	if (job->body) /* read before the task was ours: its text is, by now */
		kind_keep_text(job->body, task);
	else
		r = kind_read_body(job->kind, task, &job->body, &err);
	if (!r && !job->kind)
		r = err_set(&err, ERR_UNSUPPORTED, "tasks of kind '%s' are not known to this agent", task->kind);
	if (!r && task->checkpoint && (job->kind->commit_op || job->kind->notes))
		r = job_take_checkpoint(job, task->checkpoint, &err);
	if (r)
		job_fail(job, &err);
	job->state = r ? JOB_FINISH : job->part && job->kind->commit_op ? JOB_REDO : JOB_RUN;
}

/* For a free slot, to wait behind others, for the queue of callbacks. */
enum claim { CLAIM_SLOT, CLAIM_AHEAD, CLAIM_CALLBACK };

static int free_slots(const struct supervise *sup, enum claim claim)
{
	return claim == CLAIM_SLOT ? (int)sup->config->tasks - sup->slots_used : claim == CLAIM_AHEAD;
}

static int may_start(void *ctx, const struct task *task)
{
	struct job *job = ctx;

	return early_may_start(job->sup, task, &job->body);
}

/* Its name in the list of who is at work. */
static void worker_name(const struct supervise *sup, enum claim claim, char *ret, size_t cap)
{
	int all = (int)sup->config->tasks;

	if (claim == CLAIM_CALLBACK)
		snprintf(ret, cap, "callback-%d", sup->n_callbacks + 1);
	else
		snprintf(ret, cap, "slot-%d", sup->slots_used < all ? sup->slots_used + 1 : all);
}

/* 0: there is none for it. */
static int claim_task(struct job *job, enum claim claim)
{
	static const char *const callbacks[] = {QUEUE_CALLBACKS, NULL};
	struct supervise *sup = job->sup;
	int is_callback = claim == CLAIM_CALLBACK;
	char worker[32];
	struct queue_claim_ask ask = {.worker = worker,
	                              .queues = is_callback ? callbacks : NULL,
	                              .slots = free_slots(sup, claim),
	                              .all_slots = is_callback ? 0 : (int)sup->config->tasks,
	                              .begins_later = 1,
	                              .may_start = claim == CLAIM_SLOT ? may_start : NULL,
	                              .ctx = job};
	struct err err = {0};
	int r;

	worker_name(sup, claim, worker, sizeof(worker));
	r = queue_claim(sup->queue, &ask, &job->arena, &job->task, &err);
	if (r)
		log_error("task.claim", LOG_STR("error", err.text));
	return !r && job->task;
}

static void take_slots(struct job *job, enum claim claim)
{
	struct supervise *sup = job->sup;
	int all = (int)sup->config->tasks;

	job->is_callback = claim == CLAIM_CALLBACK;
	if (!job->is_callback)
		job->slots = job->task->policy->slots > 1 ? job->task->policy->slots : 1;
	if (job->slots > all)
		job->slots = all;
	job->is_ahead = claim == CLAIM_AHEAD;
	sup->slots_used += job->is_ahead ? 0 : job->slots;
	sup->n_ahead += job->is_ahead;
	sup->n_callbacks += job->is_callback;
}

static int claim_one(struct supervise *sup, enum claim claim)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return 0;
	arena_init(&job->arena);
	buf_init(&job->data, KIND_RESULT_MAX);
	job->sup = sup;
	if (!claim_task(job, claim)) {
		json_free(job->body);
		arena_done(&job->arena);
		free(job);
		return 0;
	}
	list_add_tail(&sup->jobs, &job->link);
	take_slots(job, claim);
	sup->n_jobs++;
	sup->stats.jobs++;
	job_prepare(job);
	job_step(job);
	return 1;
}

static int may_claim(const struct supervise *sup)
{
	return !sup->stopping && sup->queue && sup->n_jobs < (size_t)sup->config->tasks + ENDING_MAX;
}

void jobs_claim(struct supervise *sup)
{
	while (may_claim(sup) && sup->slots_used < sup->config->tasks && claim_one(sup, CLAIM_SLOT))
		;
	while (may_claim(sup) && pool_room(sup) && claim_one(sup, CLAIM_AHEAD))
		;
	while (may_claim(sup) && sup->n_callbacks < CALLBACKS_AT_ONCE && claim_one(sup, CLAIM_CALLBACK))
		;
}

void jobs_stop(struct supervise *sup, int64_t id, int64_t fence, int code, const char *why)
{
	list_each (item, &sup->jobs) {
		struct job *job = list_entry(item, struct job, link);

		if (job->task->id == id && job->task->fence == fence && job->order)
			order_stop(job->order, code, why);
	}
}

void jobs_forget(struct supervise *sup)
{
	list_each (item, &sup->jobs)
		job_free(list_entry(item, struct job, link));
}
