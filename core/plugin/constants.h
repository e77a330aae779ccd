/* SPDX-License-Identifier: Apache-2.0 */
/* Columns that have one value in the whole of a file and do not stand in it: a partition's. Inside the plugin room
 * only. */
#ifndef PLUGIN_CONSTANTS_H
#define PLUGIN_CONSTANTS_H

#include <orasi/plugin.h>
#include <orasi/sdk/arrow.h>

#include "base/err.h"

struct constants {
	struct ArrowSchema whole; /* what the caller wants */
	struct ArrowSchema own;   /* of it, what the file holds */
	struct ArrowSchema schema;
	struct ArrowArray values; /* one row */
	int64_t *from;            /* per column of `whole`: ≥ 0 in `own`, else -1 - in `values` */
	struct ArrowArray batch;
};

/* Takes `values` over, whatever comes out. */
int constants_init(struct constants *c, const struct ArrowSchema *whole, const struct ArrowSchema *schema,
                   struct ArrowArray *values, struct err *err);
void constants_done(struct constants *c); /* fine on a zeroed one */
int constants_has(const struct constants *c, const orasi_term *term);
/* Can the term, on one of them, hold in this file? */
int constants_allow(const struct constants *c, const orasi_term *term);
/* The batch of the file with the constants in between; takes what is in `batch`. */
int constants_join(struct constants *c, struct ArrowArray *batch, const struct ArrowArray **ret, struct err *err);

#endif
