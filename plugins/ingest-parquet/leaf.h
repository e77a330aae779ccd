/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one leaf column of a row group: pages become levels and values; a cursor walks over them.
 */
#ifndef PARQUET_LEAF_H
#define PARQUET_LEAF_H

#include "codec.h"
#include "node.h"
#include "rle.h"

#define SLACK 16 /* bytes that may be read behind any value of a page */

struct slice {
	const uint8_t *ptr;
	uint32_t len;
};

/* Values, either all of one width in a row, or slices. */
struct values {
	const uint8_t *base;
	size_t width; /* 0: slices */
	struct slice *slices;
	size_t n;
	struct bytes own; /* what base points to, when decoded */
	struct bytes own_slices;
};

struct leaf {
	const struct node *node;
	const struct pq_column *column;
	orasi_source *source;
	struct codec codec;
	uint64_t at, end;    /* in the file: the next page, and what reading must stop at */
	uint64_t chunk_end;  /* where the chunk says it ends: some writers are wrong */
	int64_t values_left; /* not yet in a page */
	struct bytes window; /* bytes of the chunk read ahead */
	uint64_t window_at;
	struct bytes page; /* decompressed */
	struct bytes dict_page;
	struct values dict, plain;
	struct bytes indices; /* u32 per value, when the page is dictionary-encoded */
	int use_dict, has_dict;
	struct bytes def, rep; /* a byte each */
	int one_level;         /* that all definition levels of the page have, or -1 */
	size_t n, pos;         /* levels of the page, and where we are */
	size_t n_values, value_pos;
	size_t longest;     /* bytes that a value of the page has at most */
	uint64_t row, rows; /* of the group: where the cursor is, and how many there are */
	struct pq_offset_index places;
	enum { PLACES_UNKNOWN, PLACES_NONE, PLACES_READ } places_state;
	int by_places;    /* the cursor has jumped: the end is that of the last place */
	uint32_t place;   /* then: the next page */
	int only_filters; /* its values are looked at, but are no part of the batch */
	int checks_text;  /* what is called text must be UTF-8 */
};

void leaf_done(struct leaf *leaf);
/* `rows`: of the row group. */
orasi_status leaf_open(struct leaf *leaf, const struct node *node, const struct pq_column *column, uint64_t rows,
                       orasi_source *source, orasi_error *err);
/* Makes sure that the cursor is on a level: ORASI_END when the chunk is over. */
orasi_status leaf_ready(struct leaf *leaf, orasi_error *err);
/* Goes on to a row of the group, over pages where the file tells their places. */
orasi_status leaf_seek(struct leaf *leaf, uint64_t row, orasi_error *err);
/* Where the file tells the places of the chunk's pages; NULL: it does not. */
const struct pq_offset_index *leaf_places(struct leaf *leaf);
/* How many rows can be read before the next page must be looked at, or before their bytes may
 * exceed the budget. */
orasi_status leaf_rows_ahead(struct leaf *leaf, size_t budget, size_t *ret, orasi_error *err);
/* All rows were read: is there something left? */
orasi_status leaf_check_end(struct leaf *leaf, orasi_error *err);
/* Reads a small piece of the file that the footer points to. ORASI_E_CORRUPT when it is out of
 * range. */
orasi_status leaf_read_place(orasi_source *source, const struct pq_place *place, struct bytes *ret, orasi_error *err);

static inline int leaf_def(const struct leaf *leaf)
{
	return leaf->node->def ? leaf->def.data[leaf->pos] : 0;
}

static inline int leaf_rep(const struct leaf *leaf)
{
	return leaf->node->rep ? leaf->rep.data[leaf->pos] : 0;
}

/* Value i of the page. Cannot fail: counts and indices were checked when the page was read. */
static inline struct slice leaf_value_at(const struct leaf *leaf, size_t i)
{
	const struct values *v = leaf->use_dict ? &leaf->dict : &leaf->plain;

	if (leaf->use_dict)
		i = ((const uint32_t *)leaf->indices.data)[i];
	if (v->width)
		return (struct slice){v->base + i * v->width, (uint32_t)v->width};
	return v->slices[i];
}

/* The value under the cursor; only when leaf_def is the node's def. */
static inline struct slice leaf_value(const struct leaf *leaf)
{
	return leaf_value_at(leaf, leaf->value_pos);
}

static inline void leaf_next(struct leaf *leaf)
{
	leaf->value_pos += leaf_def(leaf) == leaf->node->def;
	leaf->pos++;
}

/* values.c: decodes `n` values of one page. */
orasi_status values_decode(struct values *ret, const struct node *node, int encoding, const uint8_t *p, size_t len,
                           size_t n, orasi_error *err);
void values_done(struct values *values);
/* spell.c: turns values of a column that is read as text into it. */
orasi_status values_spell(struct values *values, const struct node *node, orasi_error *err);

#endif
