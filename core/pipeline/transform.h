/* SPDX-License-Identifier: Apache-2.0 */
/* The transforms of an ingest, one behind the other: batches of the decoder go in, batches to be written come out.
 * Inside the pipeline room only.
 *
 * Every plugin gives its batches to a sink that checks them (plugin/batch.h) before the next one sees them. What a
 * transform keeps between batches is saved beside the decoder's mark and handed to the next attempt. */
#ifndef PIPELINE_TRANSFORM_H
#define PIPELINE_TRANSFORM_H

#include <orasi/transform.h>

#include "plugin/loader.h"
#include "rejects.h"
#include "json/json.h"

struct transforms;

/* Takes over a batch that has come through all of them. */
typedef int (*transforms_fn)(void *ctx, struct ArrowArray *batch, struct err *err);

struct transforms_env {
	struct loader *loader;
	const struct json *steps; /* [{"op":"plugin","name","config"}]; must live as long */
	const char *staging;
	int attempt;
	struct rejects *rejects;
	transforms_fn on_batch;
	void *ctx;
};
/* *ret NULL when there are no steps. */
int transforms_new(const struct transforms_env *env, struct transforms **ret, struct err *err);
void transforms_free(struct transforms *t); /* NULL is fine */

/* What comes has this schema. `states`: as saved, or NULL. */
int transforms_bind(struct transforms *t, const struct ArrowSchema *in, const struct json *states, struct err *err);
const struct ArrowSchema *transforms_schema(const struct transforms *t);              /* of what goes */
int transforms_push(struct transforms *t, struct ArrowArray *batch, struct err *err); /* takes it over */
int transforms_flush(struct transforms *t, struct err *err);
/* Of each step {"state","by"}; the caller frees. */
int transforms_save(struct transforms *t, struct json **ret, struct err *err);

#endif
