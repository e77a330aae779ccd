/* SPDX-License-Identifier: Apache-2.0 */
/* One leaf of a batch as levels and value positions: the shredding half of the Dremel encoding. */
#ifndef PARQUET_SHRED_H
#define PARQUET_SHRED_H

#include "node.h"

struct shred {
	uint8_t *def, *rep; /* rep: only when the leaf is in a list */
	int64_t *index;     /* positions in the leaf's array, of present values only */
	int dense;          /* they are `first` and those behind it; index is not filled */
	int64_t first;
	size_t n, n_values, cap;
	struct arrow_view leaf;
	/* working space */
	struct slot *slots, *spare;
	size_t cap_slots, cap_spare;
};

void shred_done(struct shred *shred);
int shred_leaf(struct shred *shred, const struct node *leaf, const struct ArrowSchema *schema,
               const struct ArrowArray *batch); /* -1: memory, or not as the schema says */

#endif
