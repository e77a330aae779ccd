/* SPDX-License-Identifier: Apache-2.0 */
/* Leaving out row groups by their statistics. */
#ifndef PARQUET_PRUNE_H
#define PARQUET_PRUNE_H

#include "node.h"

/* 1: no row of the group can satisfy all terms. */
int prune_group(const struct tree *tree, const struct pq_file *file,
                const struct pq_row_group *group, const orasi_term *const *terms, uint32_t n_terms);

#endif
