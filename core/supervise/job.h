/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt of a task, shared by the files that tell its stages: claim.c, job.c, part.c, ending.c. Inside the supervise
 * room only. */
#ifndef SUPERVISE_JOB_H
#define SUPERVISE_JOB_H

#include "base/id.h"
#include "supervise/kind.h"

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
	const char *result_text;         /* instead of `result`: what the worker wrote; or NULL */
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

/* Decides what comes next; what it calls may free the job. */
void job_step(struct job *job);
void job_fail(struct job *job, const struct err *err); /* the first reason stands */
void job_free(struct job *job);
void job_abandon(struct job *job);
void job_release(struct job *job);
int job_stages(const struct job *job);
int job_is_placed(const struct job *job);

/* ---- its parts: part.c ------------------------------------------------------------------------------------ */

void job_commit_part(struct job *job);                                       /* job->part, which is noted */
int job_take_checkpoint(struct job *job, const char *text, struct err *err); /* its part, and the one before it */
void job_on_part(void *ctx, const struct json *part);                        /* another one has come (order_events) */

/* ---- its end: ending.c ------------------------------------------------------------------------------------ */

void job_finish(struct job *job);
void job_clean_staging(struct job *job);

#endif
