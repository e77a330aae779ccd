/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that read the pages of a column: leaf.c, levels.c, seek.c. */
#ifndef PARQUET_LEAF_PAGE_H
#define PARQUET_LEAF_PAGE_H

#include "leaf.h"

/* ORASI_E_CORRUPT, with the column and the place of the page. */
orasi_status leaf_damaged(const struct leaf *leaf, orasi_error *err, const char *what);
/* The first byte of the chunk. Some writers say 0 for "no dictionary", some point behind the data. */
int64_t leaf_start(const struct pq_column *column);

/* Stands on the next data page; dictionaries on the way are read. ORASI_END behind the last. */
orasi_status leaf_next_page(struct leaf *leaf, struct pq_page_header *h, orasi_error *err);
/* Reads the one it stands on. */
orasi_status leaf_load_page(struct leaf *leaf, const struct pq_page_header *h, orasi_error *err);
/* Or goes by. */
void leaf_pass_page(struct leaf *leaf, const struct pq_page_header *h);
/* The dictionary must be read before the pages that are jumped over. */
orasi_status leaf_pass_dictionary(struct leaf *leaf, orasi_error *err);

/* levels.c: the levels of a page at *at, which is moved behind them; how many of its first n have a value. */
orasi_status leaf_read_levels(struct leaf *leaf, const struct pq_page_header *h, const uint8_t **at, const uint8_t *end,
                              orasi_error *err);
size_t leaf_count_values(const struct leaf *leaf, size_t n);

#endif
