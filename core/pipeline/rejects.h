/* SPDX-License-Identifier: Apache-2.0 */
/* The quarantine: records that do not fit, as rows of the table <dataset>__rejects. Inside the pipeline room only. */
#ifndef PIPELINE_REJECTS_H
#define PIPELINE_REJECTS_H

#include <orasi/sdk/arrow.h>

#include "output.h"

struct rejects;

/* Limits: more than `max` records, or `max_percent` of what was seen, end the task; -1 and 100 are none. */
struct rejects_limits {
	int64_t max;
	double max_percent;
};

int rejects_new(struct loader *loader, const char *staging, const char *task, int attempt,
                const struct rejects_limits *limits, struct rejects **ret, struct err *err);
void rejects_free(struct rejects *rejects);
/* Where the next ones come from, and how many rows have been seen so far (for the percentage). */
void rejects_from(struct rejects *rejects, const char *uri);
void rejects_seen(struct rejects *rejects, int64_t rows);
orasi_status rejects_add(void *rejects, const orasi_rejected *rejected); /* for loader_host */
int64_t rejects_count(const struct rejects *rejects);
void rejects_set_count(struct rejects *rejects, int64_t count); /* what earlier attempts had */
/* What has come since the last call, as a finished staged file pushed to `files`; nothing for none. */
int rejects_flush(struct rejects *rejects, struct json *files, struct err *err);
/* The first reason, "" if none: for the sentence of a task that fails by its limits. */
const char *rejects_first(const struct rejects *rejects);
/* Is the limit passed? */
int rejects_over(const struct rejects *rejects);
/* [{"line","byte_offset","code","column","message","raw"}] of the first few, for a preview. */
struct json *rejects_sample(const struct rejects *rejects);
int rejects_schema(struct ArrowSchema *ret, struct err *err); /* of the quarantine's table */

#endif
