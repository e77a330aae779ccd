/* SPDX-License-Identifier: Apache-2.0 */
/* The orders as a table: op, role, function. Inside the worker room only. */
#ifndef WORKER_OPS_H
#define WORKER_OPS_H

#include "blob/blob.h"
#include "link.h"
#include "pipeline/pipeline.h"
#include "plugin/loader.h"
#include "wear.h"

struct worker {
	const char *role;
	const char *staging; /* the folder that is its own, where an order names none; NULL: it writes nothing */
	struct link *link;
	struct loader *loader;
	uint32_t order;
	int64_t part;  /* the last part sent */
	int64_t asked; /* requests over HTTP */
	int64_t told_at;
	unsigned rights; /* that it was started with */
	int64_t memory;  /* bytes, 0: no limit */
	struct wear wear;
};

struct op {
	const char *name;
	int (*fn)(struct worker *worker, const struct json *order, struct json **ret, struct err *err);
};
extern const struct op table_ops[]; /* ends with a NULL name */

/* The place of the order's dataset. */
int ops_open_dataset(const struct json *order, struct blob **ret, struct err *err);

/* Does one order; the result belongs to the caller. ERR_UNSUPPORTED: not of this role. */
int ops_run(struct worker *worker, const struct json *order, struct json **ret, struct err *err);

/* Passes the news on, at most four times a second. `ctx` is the worker. */
void worker_progress(void *ctx, int64_t done, int64_t total, int64_t rows, int64_t rejected);

#endif
