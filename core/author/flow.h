/* SPDX-License-Identifier: Apache-2.0 */
/* A transform at work: batches in, what it pushes is held against the schema that it gave. Inside the author room only.
 *
 * 0: fine; -1: the plugin has failed the exam, and why is said; 1: it refused as it may. */
#ifndef AUTHOR_FLOW_H
#define AUTHOR_FLOW_H

#include <orasi/sdk/arrow.h>

#include "exam.h"

struct flow {
	struct exam *exam;
	const orasi_transform_factory *f;
	void *self;
	struct ArrowSchema in, out;
	orasi_sink sink;
	struct digest *digest; /* of the rows that are pushed; or NULL */
	/* Shown every batch that is pushed; or NULL. */
	int (*each)(void *ctx, const struct arrow_view *rows);
	void *ctx;
	int r;               /* of what the sink saw */
	orasi_status answer; /* of the sink: to stop it */
	uint64_t pushes;
};

/* An instance that is not bound yet. */
int flow_create(struct flow *flow, struct exam *exam, struct lab *lab, const struct json *config);
/* Binds it to flow->in. ORASI_E_CONFIG is its right: it is returned, with its sentence, and fails nothing; any other
 * failure has been told. */
orasi_status flow_bind(struct flow *flow, orasi_bytes state, orasi_error *ret);
/* Created and bound to the columns of the examination; when it does not take them the exam is skipped. */
int flow_open(struct flow *flow, struct exam *exam, struct lab *lab, const struct json *config, orasi_bytes state,
              struct digest *digest);
void flow_close(struct flow *flow);
int flow_feed(struct flow *flow, struct ArrowArray *batch); /* takes the batch over */
/* Rows [first, first + n) of the examination. */
int flow_process(struct flow *flow, int64_t first, int64_t n);
int flow_flush(struct flow *flow);

#endif
