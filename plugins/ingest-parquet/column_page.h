/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that write a column: column.c, measure.c, numbered.c, pages.c, chunk.c. */
#ifndef PARQUET_COLUMN_PAGE_H
#define PARQUET_COLUMN_PAGE_H

#include "column.h"

#define PIECE GATHER_MAX
#define PAGE_VALUES (20 * PIECE)
#define PAGE_BYTES (1u << 20)
#define UNDECIDED (-1)

orasi_status column_no_memory(orasi_error *err);

/* measure.c: compresses into tools->packed; the best codec for the page, or a faster one that is nearly as good; the
 * encoding for the values of the page. */
orasi_status column_pack(struct column *c, int codec, const struct bytes *raw, orasi_error *err);
orasi_status column_choose_codec(struct column *c, const struct bytes *raw, orasi_error *err);
orasi_status column_choose_encoding(struct column *c, orasi_error *err);

/* pages.c: one page, appended to `out`; the page being filled, into the chunk. */
orasi_status column_put_page(struct column *c, struct bytes *out, int type, const struct bytes *raw, size_t n_values,
                             int encoding, orasi_error *err);
orasi_status column_flush_page(struct column *c, orasi_error *err);

/* numbered.c: whether the dictionary is worth it so far; when not, it is given up. */
int column_dictionary_pays(const struct column *c);
orasi_status column_give_up(struct column *c, orasi_error *err);
/* The entries that the page has, into its bounds; all of them, into the bloom filter. -1: out of memory. */
int column_add_numbered(struct column *c);
int column_hash_entries(struct column *c);

#endif
