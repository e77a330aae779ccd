/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt of a task, from claim to finish.
 *
 * Happy path:
 *   claimed → (a part that an earlier attempt left is committed again, which is harmless) → order to
 *   a worker → for each PART: note it in the queue, durable; commit it in the table; PART_DONE → RESULT
 *   → catalog → queue_finish, with index tasks for a dataset that grew.
 *
 * A part is written down before it is committed and names the task and a number. The table's log
 * remembers that number, so committing twice changes nothing: whatever dies in between, the next
 * attempt repeats the commit and goes on behind it. That is the whole of "exactly once".
 *
 * Failure: the reason goes to queue_finish, which decides about a retry. Time-out and cancel stop the
 * order (flag, grace, SIGKILL); a commit under way is not interrupted. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "supervise/kind.h"

#define ENDING_MAX 1000 /* attempts whose end is on its way to the disk */

enum job_state { JOB_REDO, JOB_RUN, JOB_FINISH };

struct job {
	struct list link;
	struct supervise *sup;
	struct arena arena;
	struct task *task;
	const struct kind *kind;
	struct json *body; /* the task's */
	enum job_state state;
	struct order *order;             /* of the work, or NULL */
	struct order *commit;            /* of the commit, or NULL */
	struct json *part;               /* being committed, or the last committed one */
	struct json *before;             /* the committed one before it, or NULL */
	int part_open;                   /* noted or committing, and not known to be in the table */
	int noting;                      /* the queue will call on_noted */
	int abandoned;                   /* the agent stops: freed as soon as nobody will call back */
	struct json *result, *next, *kv; /* what came with it: tasks, and what the plugin keeps */
	struct err err;                  /* why it failed */
	const struct err *refused;       /* why its part was taken back, or NULL */
	int waits;                       /* its plugin is away */
	struct json *found;              /* the format of a unit of an ingest, see again.c; or NULL */
	int ended;                       /* the work's order has ended */
	struct buf data;                 /* rows of a query task */
	const char *stage;               /* folder of its files, below the worker's; NULL: it commits nothing */
	const char *staging;             /* where that is, of the worker that has begun with it */
	char id[ID_LEN];
	int slots, is_callback, has_begun;
	int is_ahead; /* it waits behind others, and has no slots yet */
	int64_t retry_after_ms;
	int64_t state_seen;      /* what its plugin knew when it began */
	int again;               /* it rests on state, or on a schema, that has changed meanwhile */
	struct task_usage usage; /* of the worker, as far as it is known */
};

static void job_step(struct job *job);

/* Others may have its slots: at the end of its work, before the end is on disk. So the commits of many ends go together,
 * while workers go on. */
static void job_release(struct job *job)
{
	job->sup->slots_used -= job->is_ahead ? 0 : job->slots;
	job->sup->n_ahead -= job->is_ahead;
	job->sup->n_callbacks -= job->is_callback;
	job->slots = job->is_callback = job->is_ahead = 0;
}

static void job_free(struct job *job)
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
static void job_abandon(struct job *job)
{
	job->abandoned = 1;
	if (!job->order && !job->commit && !job->noting)
		job_free(job);
}

static void job_fail(struct job *job, const struct err *err)
{
	if (!job->err.code)
		job->err = *err;
}

/* ---- finish ------------------------------------------------------------------------------------ */

/* Work that is committed leaves its files in a folder of the attempt. Other work has nameless scratch files only, in
 * the folder above: making and removing one is a good part of the cost of a short task. */
static int job_stages(const struct job *job)
{
	return job->kind && job->kind->commit_op;
}

static int job_is_placed(const struct job *job)
{
	return job_stages(job) && !strcmp(job->kind->commit_op, PLACING_OP);
}

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
static void clean_staging(struct job *job)
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

#define AGAIN_MS 20 /* others that are under way have ended by then, most likely */

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

static void job_finish(struct job *job)
{
	struct queue_outcome outcome = {0};
	struct task_spec *next = NULL;
	struct err err = {0};
	int r;

	clean_staging(job);
	if (!job->err.code)
		outcome.n_next = follow_up(job, &next);
	if (!job->err.code)
		outcome.changes = take_state(job);
	outcome.code = job->err.code;
	outcome.retry_after_ms = job->retry_after_ms;
	outcome.usage = job->usage;
	if (job->waits) {
		outcome.snooze = 1;
		outcome.retry_after_ms = missing_wait(job->sup, job->task);
	} else if (job->again) {
		outcome.snooze = 1;
		outcome.retry_after_ms = AGAIN_MS;
	}
	if (outcome.code) {
		tell_rows(job);
		outcome.error = job->err.text;
		outcome.error_where = job->err.where[0] ? job->err.where : NULL;
	} else {
		outcome.result = job->result ? json_text_in(job->result, &job->arena) : "{}";
		outcome.next = next;
	}
	r = queue_finish(job->sup->queue, job->task->id, job->task->fence, &outcome, on_finished, job);
	if (!r) {
		job_release(job);
		job->sup->may_claim = 1;
		return;
	}
	err_set(&err, r, "%s", err_name(r));
	on_finished(job, r, &err);
}

/* ---- parts ------------------------------------------------------------------------------------- */

static void on_committed(void *ctx, const struct json *result, const struct err *err);

static void on_taken_back(void *ctx, int r, const struct err *err)
{
	struct job *job = ctx;
	struct err again;

	job->noting = 0;
	if (r || job->abandoned) {
		on_committed(job, NULL, r ? err : job->refused);
		return;
	}
	json_free(job->part);
	job->part = job->before;
	job->before = NULL;
	job->part_open = 0;
	job->again = 1;
	err_set(&again, ERR_BUSY,
	        "another task changed the schema of the dataset first, and the data is read again: %s",
	        job->refused->text);
	job_fail(job, &again);
	if (job->order)
		order_stop(job->order, again.code, again.text);
	job_step(job);
}

/* Its files have types that the dataset did not have when they were begun, and others by now: whoever was first is
 * right. The part leaves the queue's store, so that the next attempt goes on behind the one before it and meets the
 * dataset as it is; what does not fit is rejected record by record. 0: it cannot be told what was before. */
static int take_back(struct job *job, const struct err *err)
{
	const char *text = job->before ? json_text(job->before) : "null";

	if (err->code != ERR_CONFLICT || !job->kind->rereads || job->err.code || job->refused)
		return 0;
	if (!job->before && json_get_int(job->part, "seq", 0) != 1)
		return 0;
	job->refused = arena_dup(&job->arena, err, sizeof(*err));
	job->noting = !queue_checkpoint(job->sup->queue, job->task->id, job->task->fence, text, on_taken_back, job);
	return job->noting;
}

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

static void commit_part(struct job *job)
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
		commit_part(job);
		return;
	}
	if (!r && !job->abandoned) {
		checkpoint_done(job);
		return;
	}
	job->part_open = 0; /* it never became true */
	on_committed(job, NULL, err);
}

static void note_part(struct job *job)
{
	struct err err = {0};
	int r = queue_checkpoint(job->sup->queue, job->task->id, job->task->fence, json_text(job->part), on_noted, job);

	job->noting = !r;
	if (r) {
		err_set(&err, r, "the part could not be noted: %s", err_name(r));
		on_noted(job, r, &err);
	}
}

static void on_part(void *ctx, const struct json *part)
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

/* ---- the order ---------------------------------------------------------------------------------- */

/* The worker it waited for begins with it: now its time runs. */
static void on_begin(void *ctx)
{
	struct job *job = ctx;

	clean_staging(job); /* of the order before */
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
static struct json *take_member(struct json *result, const char *name)
{
	struct json *value = json_share(json_get(result, name));

	if (json_type(result) == JSON_OBJECT)
		json_del(result, name);
	return value;
}

static void take_result(struct job *job, const struct json *result)
{
	struct err err = {0};

	job->result = job->kind->judge ? job->kind->judge(result, &job->retry_after_ms, &err) : json_share(result);
	if (job->kind->submits)
		job->next = take_member(job->result, "next");
	if (job->kind->keeps)
		job->kv = take_member(job->result, "kv");
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

	job->usage = job->order->usage;
	if (job->part_open && job->order->process)
		job->order->process->spent = 1; /* nobody else shall be where files wait for their commit */
	job->order = NULL;
	job->ended = 1;
	if (job->abandoned || (job->sup->stopping && err->code)) {
		job_abandon(job);
		return;
	}
	if (err->code)
		job_fail(job, err);
	else if (goes_on(job, result))
		job->ended = 0;
	else
		take_result(job, result);
	job_step(job);
}

static const struct order_events work_events = {on_begin, on_progress, on_part, on_data, on_end};

static void set_common(struct job *job, struct json *json)
{
	json_set_str(json, "task", job->id);
	if (job_stages(job))
		json_set_str(json, "app_id", arena_printf(&job->arena, "%s/%s", job->sup->env.agent_id, job->id));
	json_set_int(json, "attempt", job->task->attempt);
	json_set_int(json, "fence", job->task->fence);
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

static void job_step(struct job *job)
{
	switch (job->state) {
	case JOB_REDO:
		if (!job->err.code) {
			job->part_open = 1;
			commit_part(job);
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

/* ---- claiming ----------------------------------------------------------------------------------- */

static int job_prepare(struct job *job)
{
	struct task *task = job->task;
	struct err err = {0};
	int r;

	id_format('t', task->id, job->id);
	job->kind = kind_find(task->kind);
	if (job_stages(job))
		job->stage = arena_printf(&job->arena, "%s-%lld", job->id, (long long)task->fence);
	r = job->body ? 0 : json_parse(task->body, strlen(task->body), &job->body, &err);
	if (!r && !job->kind)
		r = err_set(&err, ERR_UNSUPPORTED, "tasks of kind '%s' are not known to this agent", task->kind);
	if (!r && task->checkpoint && (job->kind->commit_op || job->kind->notes))
		r = json_parse(task->checkpoint, strlen(task->checkpoint), &job->part, &err);
	if (json_type(job->part) == JSON_NULL) { /* its first part was taken back */
		json_free(job->part);
		job->part = NULL;
	}
	if (r)
		job_fail(job, &err);
	job->state = r ? JOB_FINISH : job->part && job->kind->commit_op ? JOB_REDO : JOB_RUN;
	return r;
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

static int claim_one(struct supervise *sup, enum claim claim)
{
	static const char *const callbacks[] = {QUEUE_CALLBACKS, NULL};
	int all = (int)sup->config->tasks, is_callback = claim == CLAIM_CALLBACK;
	struct job *job = calloc(1, sizeof(*job));
	char worker[32];
	struct queue_claim_ask ask = {.worker = worker,
	                              .queues = is_callback ? callbacks : NULL,
	                              .slots = free_slots(sup, claim),
	                              .all_slots = is_callback ? 0 : all,
	                              .begins_later = 1,
	                              .may_start = claim == CLAIM_SLOT ? may_start : NULL,
	                              .ctx = job};
	struct err err = {0};
	int r;

	if (!job)
		return 0;
	arena_init(&job->arena);
	buf_init(&job->data, KIND_RESULT_MAX);
	job->sup = sup;
	snprintf(worker, sizeof(worker), "%s-%d", is_callback ? "callback" : "slot",
	         is_callback             ? sup->n_callbacks + 1
	         : sup->slots_used < all ? sup->slots_used + 1
	                                 : all);
	r = queue_claim(sup->queue, &ask, &job->arena, &job->task, &err);
	if (r || !job->task) {
		if (r)
			log_error("task.claim", LOG_STR("error", err.text));
		json_free(job->body);
		arena_done(&job->arena);
		free(job);
		return 0;
	}
	list_add_tail(&sup->jobs, &job->link);
	job->is_callback = is_callback;
	if (!is_callback)
		job->slots = job->task->policy->slots > 1 ? job->task->policy->slots : 1;
	if (job->slots > all)
		job->slots = all;
	job->is_ahead = claim == CLAIM_AHEAD;
	sup->slots_used += job->is_ahead ? 0 : job->slots;
	sup->n_ahead += job->is_ahead;
	sup->n_callbacks += is_callback;
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
