/* SPDX-License-Identifier: Apache-2.0 */
/* Writing one column: values into pages, pages into the chunk of a row group, bounds for statistics. */
#ifndef PARQUET_COLUMN_H
#define PARQUET_COLUMN_H

#include "codec.h"
#include "node.h"
#include "rle.h"
#include "shred.h"

#define BOUND_MAX 64 /* bytes of a string bound in the file's statistics */

/* Smallest and largest value. Numbers in `i` or `d`; bytes in b, cut at BOUND_MAX when `cut`. */
struct bound {
	int64_t i;
	double d;
	uint8_t b[BOUND_MAX];
	uint32_t len;
	int cut;
};

struct bounds {
	struct bound min, max;
	int any, nan;
	int64_t nulls, values;
};

struct dictionary {
	uint32_t *slots; /* entry + 1, 0 = free */
	uint32_t *hashes;
	uint32_t *offsets; /* of entry i in `entries`, for byte arrays */
	size_t n_slots, n, cap;
	struct bytes entries; /* PLAIN */
};

struct column {
	const struct node *node;
	struct codec codec;
	int store;          /* this chunk does not get smaller by compression */
	int use_dictionary; /* in this row group */
	int hopeless;       /* a dictionary did not pay: not tried again */
	struct dictionary dict;
	/* the page being filled */
	struct bytes def, rep, values, indices;
	size_t page_values;
	/* the chunk being filled */
	struct bytes chunk, raw;
	int64_t chunk_values, uncompressed;
	int wrote_dict_pages, wrote_plain_pages;
	struct bounds group, file;
};

int column_init(struct column *column, const struct node *node, int codec, int level);
void column_done(struct column *column);
orasi_status column_add(struct column *column, const struct shred *shred, orasi_error *err);
size_t column_size(const struct column *column); /* bytes held */

/* What the footer needs to know of a finished chunk. */
struct chunk_meta {
	int codec;
	int64_t n_values, uncompressed, compressed, data_offset, dict_offset;
	int dict, plain;
	struct bounds bounds;
};
/* Ends the row group for this column: writes its pages at file offset *at. */
orasi_status column_flush(struct column *column, orasi_output *output, uint64_t *at, struct chunk_meta *ret,
                          orasi_error *err);

/* bounds.c */
void bounds_reset(struct bounds *bounds);
void bounds_add(struct bounds *bounds, const struct node *node, const uint8_t *p, size_t n);
void bounds_merge(struct bounds *into, const struct bounds *from, const struct node *node);
/* The statistics struct of a column chunk, as field `id`. */
void bounds_write(const struct bounds *bounds, const struct node *node, struct thrift_writer *w, int id);
/* The Delta-style statistics of a file: JSON text appended to out. -1: memory. */
int bounds_json(const struct tree *tree, const struct column *columns, uint64_t rows, struct bytes *out);

#endif
