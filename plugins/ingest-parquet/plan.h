/* SPDX-License-Identifier: Apache-2.0 */
/* Which column of the file becomes which that is wanted. A plan mirrors the wanted schema; each of its nodes reads from
 * a node of the file, or gives nulls when the file has none. */
#ifndef PARQUET_PLAN_H
#define PARQUET_PLAN_H

#include "leaf.h"

struct plan {
	const struct node *node; /* NULL: the file has no such column */
	struct arrow_type_info want;
	char format[48];
	struct plan *children;
	int64_t n_children;
	struct ArrowSchema inner; /* of a variant: the columns that are read instead */
	struct leaf *leaf;        /* of a leaf node */
	struct leaf *probe;       /* tells whether a struct or list is there */
	int own_probe;            /* the probe is read for this node only, and steps with it */
};

/* `leaves` has one entry per leaf of the tree; those that are needed get their node set. */
orasi_status plan_make(struct plan *plan, const struct node *node, const struct ArrowSchema *want, struct leaf *leaves,
                       orasi_error *err);
void plan_done(struct plan *plan);

#endif
