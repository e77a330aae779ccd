/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins from the shell, by kind; inside the author room only. */
#ifndef AUTHOR_RUN_H
#define AUTHOR_RUN_H

#include <orasi/sdk/arrow.h>

#include "exam.h"
#include "input.h"
#include "recording.h"

struct running {
	const struct typed *typed;
	struct exam exam;    /* the plugin that is run */
	struct exam *format; /* what reads the input: the same, or another plugin */
	struct page *page;
	struct decode decode;
	struct input input;
	struct buf bytes; /* all of the input, unless it is fed as it comes */
	struct recording recording;
	int64_t limit, printed, kill_after, read_max;
	uint64_t batches;
	int code;            /* AUTHOR_OK, or why it stops, which `sentence` says */
	char sentence[1024]; /* told last, behind all that came out */
};

/* All of the input, batch by batch; `each` takes one over, or leaves it, and returns what run_fail does to stop. Returns
 * run->code. */
typedef int (*run_each)(struct running *run, void *ctx, const struct ArrowSchema *schema, struct ArrowArray *batch,
                        const struct mark *mark);
int run_decode(struct running *run, run_each each, void *ctx);
/* A row on standard output, unless there were enough. */
void run_print(struct running *run, const struct arrow_view *rows, int64_t i);
/* Why it stops; the first one counts. -1. */
int run_fail(struct running *run, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int run_status(struct running *run, const char *function, orasi_status status, const orasi_error *error);
int run_misbehaves(struct running *run); /* the exam has failed: its sentence */
void run_tell_schema(const struct ArrowSchema *schema);
void run_tell_rejected(const struct lab *lab);
/* The format was opened. Before that there is nothing to tell but why it was not. */
int run_has_begun(const struct running *run);

/* What comes of each kind; run->code. */
int run_format(struct running *run);
int run_transform(struct running *run);
int run_index(struct running *run);
int run_once(struct running *run); /* one attempt of a task or a notifier */

/* A plugin file into this process, and init; then the plugin of that name or id (NULL: its first), with the options that
 * --<option> K=V gives. 0 or AUTHOR_FAILED, with a sentence. */
int run_open(struct running *run, struct exam *exam, const char *file);
int run_choose(struct running *run, struct exam *exam, const char *plugin, const char *option);
/* Sets run->format: the one that --format names, or the surest that there is for these first bytes. */
int run_find_format(struct running *run, orasi_bytes head);

#endif
