/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows of a row group are worth reading: first by the footer's statistics and bloom filters
 * (whole groups), then by the page index (ranges of rows), then by the values of the columns that
 * have conditions, so that the other columns are decoded for the rows only that may match. */
#ifndef PARQUET_SELECT_H
#define PARQUET_SELECT_H

#include "predicate.h"

#define SELECT_BLOCK 4096 /* rows whose values are looked at together */

struct row_range {
	uint64_t begin, end; /* rows of the group */
};

struct select {
	const struct pq_file *file;
	struct predicates predicates;
	struct leaf **leaves; /* of each predicate; NULL: its values are not looked at */
	uint8_t **matches;    /* of each predicate: which entries of the chunk's dictionary match */
	int filters;          /* some predicate looks at values */
	struct row_range *ranges;
	size_t n_ranges, cap_ranges, at_range;
	uint64_t block, block_end; /* the rows that `mask` tells about */
	uint8_t mask[SELECT_BLOCK];
};

/* Copies the terms. `leaves` has one entry per leaf of the tree; those that a condition needs get
 * their node set. */
orasi_status select_open(struct select *select, const struct tree *tree, const struct pq_file *file,
                         const orasi_term *const *terms, uint32_t n_terms, struct leaf *leaves, orasi_error *err);
void select_done(struct select *select);
/* 1: no row of the group can match. */
int select_skips_group(const struct select *select, const struct pq_row_group *group, orasi_source *source);
/* The leaves stand at the start of a group of so many rows. */
orasi_status select_start(struct select *select, const struct pq_row_group *group, struct leaf *leaves,
                          orasi_error *err);
/* The next rows at or behind `row` that may match; *ret_n is 0 when there are none. */
orasi_status select_next(struct select *select, uint64_t row, uint64_t max, uint64_t *ret_from, uint64_t *ret_n,
                         orasi_error *err);

#endif
