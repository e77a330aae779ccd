/* SPDX-License-Identifier: Apache-2.0 */
/* Writing one column: values into pages, pages into the chunk of a row group, bounds for
 * statistics. */
#ifndef PARQUET_COLUMN_H
#define PARQUET_COLUMN_H

#include "codec.h"
#include "dictionary.h"
#include "gather.h"
#include "rle.h"

#define BOUND_MAX 64 /* bytes of a string bound in the file's statistics */

/* Smallest and largest value. Numbers in `i` or `d`; bytes in b, cut at BOUND_MAX when `cut`. */
struct bound {
	int64_t i;
	double d;
	uint64_t head; /* the first 8 bytes of b, big-endian: most comparisons end there */
	uint8_t b[BOUND_MAX];
	uint32_t len;
	int cut;
};

struct bounds {
	struct bound min, max;
	int any, nan;
	int64_t nulls;
};

/* Working space that the columns of a file share. */
struct column_tools {
	struct codec codec;
	struct bytes raw, packed; /* a page before and after compression */
	uint8_t values[GATHER_MAX * 16];
};

void column_tools_done(struct column_tools *tools);

struct column {
	const struct node *node;
	struct column_tools *tools;
	size_t width;       /* of a PLAIN value, 0 = byte arrays */
	int store;          /* this chunk does not get smaller by compression */
	int use_dictionary; /* in this row group */
	int hopeless;       /* a dictionary did not pay: not tried again */
	struct dictionary dict;
	size_t dict_seen; /* values that went through it */
	/* the page being filled */
	struct bytes def, rep, values, indices;
	size_t page_values;
	/* the chunk being filled */
	struct bytes chunk;
	int64_t chunk_values, uncompressed;
	int wrote_dict_pages;
	struct bounds group, file;
};

void column_init(struct column *column, const struct node *node, struct column_tools *tools);
void column_done(struct column *column);
orasi_status column_add(struct column *column, const struct shred *shred, orasi_error *err);
size_t column_size(const struct column *column); /* bytes held */

/* What the footer needs to know of a finished chunk. */
struct chunk_meta {
	int codec;
	int64_t n_values, uncompressed, compressed, data_offset, dict_offset;
	int dict;
	struct bounds bounds;
};
/* Ends the row group for this column: writes its pages at file offset *at. */
orasi_status column_flush(struct column *column, orasi_output *output, uint64_t *at,
                          struct chunk_meta *ret, orasi_error *err);

/* bounds.c */
void bounds_reset(struct bounds *bounds);
/* n PLAIN values of the node's width, booleans a byte each. */
void bounds_add_fixed(struct bounds *bounds, const struct node *node, const uint8_t *values,
                      size_t n);
void bounds_add_bytes(struct bounds *bounds, const uint8_t *p, size_t n);
void bounds_merge(struct bounds *into, const struct bounds *from, const struct node *node);
/* The statistics struct of a column chunk, as field `id`. */
void bounds_write(const struct bounds *bounds, const struct node *node, struct thrift_writer *w,
                  int id);
/* The Delta-style statistics of a file: JSON text appended to out. -1: memory. */
int bounds_json(const struct tree *tree, const struct column *columns, uint64_t rows,
                struct bytes *out);

#endif
