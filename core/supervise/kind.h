/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between kinds of tasks, as a table: which order to give, which commit makes its parts
 * true, what to note afterwards and what follows. Inside the supervise room only. */
#ifndef SUPERVISE_KIND_H
#define SUPERVISE_KIND_H

#include "supervise/inside.h"

#define KIND_RESULT_MAX (1 << 20)

struct kind {
	const char *name;
	const char *commit_op; /* NULL: its parts are only noted */
	int notes;             /* it sends parts, which are checkpoints and nothing more */
	int submits;           /* its result has tasks that follow, in "next" */
	int rereads;           /* a part that the table refuses is taken back, and read again by another attempt */
	int keeps;             /* its plugin has state: "kv" of the order and of the result, see state.c */
	int is_early;          /* its work may begin before the task is on disk, see early.c */
	int is_plugins;        /* its body is its plugin's, and nobody here looks at more of it than who that is */
	/* Fills the order and returns the op (static storage), or NULL with err. */
	const char *(*fill)(struct supervise *sup, const struct task *task, const struct json *body, struct json *order,
	                    struct err *err);
	/* What the worker's answer means, where it is not itself the result: the result, or err->code and perhaps when to
	 * try again. May be NULL. */
	struct json *(*judge)(const struct json *answer, int64_t *ret_retry_after_ms, struct err *err);
	/* A part has been committed with this answer of the table worker. May be NULL. */
	void (*committed)(struct supervise *sup, const struct task *task, const struct json *body,
	                  const struct json *result);
	/* Tasks that become visible with the success; in `arena`. May be NULL. */
	size_t (*follow_up)(struct supervise *sup, const struct task *task, const struct json *body,
	                    struct arena *arena, struct task_spec **ret);
};

const struct kind *kind_find(const char *name); /* NULL: unknown */
/* The body of a task, as far as it is looked at here; an order that has it gets all of its text, which it points to. */
int kind_read_body(const struct kind *kind, const struct task *task, struct json **ret, struct err *err);
void kind_keep_text(struct json *body, const struct task *task); /* the task has another place, with the same text */
/* May a part of such a task take rows out that are in? One that appends may not, whatever its worker says. */
int kind_takes_out(const struct kind *kind, const struct json *body);

/* {"name","location"} of dataset `name` + `suffix`: as the catalog says, else the default place. */
struct json *kind_dataset(struct supervise *sup, const char *name, const char *suffix);
struct json *kind_index(const struct json *body); /* {"name"} or null */

/* ---- again.c: a format that is found needs another worker ------------------------------------------------------- */
/* 1: the order is to be given again, with *found (owned by the caller, NULL at first); 0: the result is the result; or an
 * error: the worker lies. */
int again_take(struct supervise *sup, const struct task *task, const struct json *body, const struct json *result,
               struct json **found, struct err *err);

/* ---- early.c: work that begins before its task is on disk ------------------------------------------------------ */
/* May this one (queue_claim_ask.may_start)? If so, *ret_body is its body, the caller's. */
int early_may_start(struct supervise *sup, const struct task *task, struct json **ret_body);

/* ---- state.c: what plugins remember from task to task ---------------------------------------------------------- */
int state_show(struct supervise *sup, const char *plugin, struct json *order, int64_t *ret_seen, struct err *err);
/* Fills reads and puts, which point into `report`. ERR_PLUGIN. */
int state_take(const struct json *report, struct arena *arena, struct queue_changes *ret, struct err *err);

/* ---- callback.c: a task's end is told to a URL ----------------------------------------------------------------- */
#define CALLBACKS_AT_ONCE 2
const char *callback_fill(struct supervise *sup, const struct task *task, const struct json *body, struct json *order,
                          struct err *err);
struct json *callback_judge(const struct json *answer, int64_t *ret_retry_after_ms, struct err *err);

#endif
