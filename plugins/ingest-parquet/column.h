/* SPDX-License-Identifier: Apache-2.0 */
/* Writing one column: values into pages, pages into the chunk of a row group, bounds for
 * statistics. */
#ifndef PARQUET_COLUMN_H
#define PARQUET_COLUMN_H

#include "codec.h"
#include "dictionary.h"
#include "gather.h"
#include "rle.h"

#define BOUND_MAX 64  /* bytes of a string bound in the file's statistics */
#define SIGN_BIT 0x80 /* of the first byte of a decimal, turned in a bound */

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

/* What the columns of a file share: how to write, and working space. */
struct column_tools {
	struct codec codec;
	int codec_id, auto_codec; /* auto: the codec of a chunk is measured, codec_id is zstd then */
	int compact;              /* encodings that are measured, not PLAIN and dictionary only */
	double false_positives;   /* of bloom filters */
	struct bytes raw, packed; /* a page before and after compression */
	struct bytes used;        /* which entries of a dictionary a page has */
	uint8_t values[GATHER_MAX * 16];
};

/* A page in the chunk being filled, for the page index. */
struct page_note {
	size_t at, size; /* in the chunk, header included */
	int64_t first_row, n_values;
	struct bounds bounds;
};

void column_tools_done(struct column_tools *tools);

struct column {
	const struct node *node;
	struct column_tools *tools;
	size_t width;       /* of a PLAIN value, 0 = byte arrays */
	int use_dictionary; /* in this row group */
	int hopeless;       /* a dictionary did not pay: not tried again */
	int has_bloom;
	struct dictionary dict;
	size_t dict_seen; /* values that went through it */
	/* the page being filled */
	struct bytes def, rep, values, indices;
	size_t page_values, page_present; /* levels, and values that are not null */
	int64_t page_rows;
	struct bounds page;
	/* the chunk being filled */
	struct bytes chunk;
	struct bytes notes;  /* a struct page_note of each page */
	struct bytes hashes; /* u64 of values for the bloom filter */
	int64_t chunk_values, chunk_rows, uncompressed;
	int codec, encoding;        /* of the chunk and of its pages without numbers; -1: not chosen */
	uint64_t raw, packed;       /* bytes of the file's pages before and after compression */
	size_t tried, tried_packed; /* the same of a sample, while there are none */
	uint32_t dict_pages, plain_pages, other_pages; /* data pages by encoding */
	struct bounds group, file;
};

void column_init(struct column *column, const struct node *node, struct column_tools *tools);
void column_done(struct column *column);
orasi_status column_add(struct column *column, const struct shred *shred, orasi_error *err);
size_t column_size(const struct column *column); /* bytes held */
size_t column_estimate(struct column *column);   /* bytes that what is held will have in the file */

/* What the footer needs to know of a finished chunk. */
struct chunk_meta {
	int codec, encoding; /* encoding: of other_pages */
	uint32_t dict_pages, plain_pages, other_pages;
	int64_t n_values, uncompressed, compressed, data_offset, dict_offset;
	struct pq_place bloom;
	struct bounds bounds;
};
/* Ends the row group for this column: writes its pages at file offset *at. The notes of its pages
 * stay until column_start. */
orasi_status column_flush(struct column *column, orasi_output *output, uint64_t *at, struct chunk_meta *ret,
                          orasi_error *err);
/* Writes the bloom filter, if the column has one. */
orasi_status column_flush_bloom(struct column *column, orasi_output *output, uint64_t *at, struct chunk_meta *meta,
                                orasi_error *err);
void column_start(struct column *column); /* forgets the chunk */

/* bounds.c */
void bounds_reset(struct bounds *bounds);
/* n PLAIN values of the node's width, booleans a byte each. */
void bounds_add_fixed(struct bounds *bounds, const struct node *node, const uint8_t *values, size_t n);
void bounds_add_bytes(struct bounds *bounds, const uint8_t *p, size_t n);
/* Of two bounds: below 0, 0, above 0. */
int bounds_compare(const struct node *node, const struct bound *a, const struct bound *b);
void bounds_merge(struct bounds *into, const struct bounds *from, const struct node *node);
/* The statistics struct of a column chunk, as field `id`. */
void bounds_write(const struct bounds *bounds, const struct node *node, struct thrift_writer *w, int id);
/* One page's lists in a column index. 0: it has no bounds that readers may use. */
int bounds_usable(const struct bounds *bounds, const struct node *node, struct bound *ret_min, struct bound *ret_max);
void bounds_item(const struct bound *bound, const struct node *node, int is_max, struct thrift_writer *w);
/* statistics.c: the Delta-style statistics of a file: JSON text appended to out. -1: memory. */
int bounds_json(const struct tree *tree, const struct column *columns, uint64_t rows, struct bytes *out);

#endif
