/* SPDX-License-Identifier: Apache-2.0 */
/* What the encoder must remember until the end of the file: its metadata and the page index. The
 * index comes after all row groups, because readers fetch it in one piece; so the metadata of a
 * chunk is kept as made, and its places are added at the end. */
#ifndef PARQUET_FOOTER_H
#define PARQUET_FOOTER_H

#include "column.h"
#include "sorting.h"

struct footer_group {
	int64_t offset, rows, uncompressed, compressed;
	int sorted;
	uint32_t first_chunk, n_chunks;
};

struct footer {
	struct bytes groups; /* struct footer_group */
	struct bytes chunks; /* struct footer_chunk of footer.c */
	struct bytes metas;  /* ColumnMetaData, one behind the other */
	struct bytes column_indexes, offset_indexes;
	size_t tail; /* footer_make: bytes in front of the FileMetaData */
};

void footer_clear(struct footer *footer);
void footer_done(struct footer *footer);

/* A group: start, then for each column add_pages (or add_no_pages) and add_chunk, then end. */
orasi_status footer_start_group(struct footer *footer, int n_columns, orasi_error *err);
orasi_status footer_add_pages(struct footer *footer, const struct column *column, const struct chunk_meta *meta,
                              orasi_error *err);
orasi_status footer_add_no_pages(struct footer *footer, orasi_error *err);
orasi_status footer_add_chunk(struct footer *footer, int column, const struct column *c, const struct chunk_meta *meta,
                              orasi_error *err);
void footer_end_group(struct footer *footer, const struct footer_group *group);
/* Page index and FileMetaData, for a file that has `at` bytes so far. */
orasi_status footer_make(struct footer *footer, const struct tree *tree, const struct sorting *sorting, uint64_t at,
                         uint64_t rows, struct bytes *ret, orasi_error *err);

#endif
