/* SPDX-License-Identifier: Apache-2.0 */
/* A segment is one or more runs, the blobs "run.0", "run.1", …: each is a whole index of the rows that fitted into the
 * memory of the build. A run, little-endian, never changed once it is written:
 *
 *   header    128 bytes: magic, version, rows, counts, where the sections are, checksum of the header
 *   postings  per term and row that has it: varint row - previous row (the first: row + 1), then per place
 *             varint place - previous place (the first: place + 1), then 0
 *   words     terms ascending, in blocks of BLOCK_TERMS: varint bytes shared with the term before (0 at the start of
 *             a block), varint length of the rest, the rest, varint rows, varint bytes of postings
 *   blocks    u64 where the block begins in words, u64 where its first postings begin
 *   lengths   u32 terms per row; LENGTH_NULL: the row is null
 *   sums      CRC-32C of each 64 KiB of all between header and here
 *
 * Rows are counted from the run's first one. Every byte is checked when it is followed. */
#ifndef FULLTEXT_RUN_H
#define FULLTEXT_RUN_H

#include <orasi/plugin.h>
#include <orasi/sdk/arrow.h>
#include <orasi/sdk/sealed.h>

#include "text.h"

#define RUN_MAGIC "ORFTEXT1"
#define RUNS_MAX 60
#define SEGMENT_VERSION 1
#define BLOCK_TERMS 64
#define LENGTH_NULL UINT32_MAX

struct run_header {
	char magic[8];
	uint32_t version, runs; /* how many runs the segment has; in the last one, else 0 */
	uint64_t first_row, rows, docs, tokens, terms;
	uint64_t postings_at, words_at, blocks_at, n_blocks, lengths_at, sums_at, n_sums;
	uint32_t reserved[3], crc;
};

struct run {
	orasi_store *store;
	uint64_t handle;
	struct run_header head;
	const uint8_t *data, *postings, *words;
	uint64_t size;
	const uint64_t *blocks;
	const uint32_t *lengths, *sums;
};

struct reader {
	struct run *runs;
	uint32_t n_runs;
	uint64_t rows, docs, tokens, terms, bytes;
};

orasi_status damaged(orasi_error *err); /* fail with the remedy */

void run_name(uint32_t i, char ret[16]);
orasi_status run_open(orasi_store *store, uint32_t i, struct run *ret, orasi_error *err);
void run_close(struct run *run); /* fine on a zeroed one */
orasi_status run_verify(const struct run *run, uint32_t level, orasi_error *err);

/* Walks terms in order. */
struct words {
	const struct run *run;
	const uint8_t *at, *end;
	uint64_t block, left; /* terms left in the block */
	uint8_t term[TERM_MAX + 1];
	size_t n;
	uint64_t rows; /* that have it */
	uint64_t postings, postings_n;
};
/* At the first term that is not below the given one. */
orasi_status words_seek(struct words *words, const struct run *run, const void *term, size_t n, orasi_error *err);
/* ORASI_OK, ORASI_END, or the run is damaged. */
orasi_status words_next(struct words *words, orasi_error *err);
/* The very term, or ORASI_END. */
orasi_status words_find(struct words *words, const struct run *run, const void *term, size_t n, orasi_error *err);

/* Walks the rows of the term that `words` stands at. */
struct postings {
	const struct run *run;
	const uint8_t *at, *end;
	uint64_t row;
	uint32_t *places, n_places, cap_places;
};
void postings_begin(struct postings *postings, const struct words *words); /* keeps its memory */
orasi_status postings_next(struct postings *postings, orasi_error *err);
void postings_done(struct postings *postings);

/* A varint in [*at, end); -1: cut or longer than 64 bits. */
int varint_take(const uint8_t **at, const uint8_t *end, uint64_t *ret);
size_t varint_put(uint64_t v, uint8_t ret[10]);

/* list.c: rows that match, ascending, with their scores. All give 0, or -1 without memory. */
struct list {
	struct hit {
		uint64_t row;
		float score;
	} * all;
	size_t n, cap;
};
int list_add(struct list *list, uint64_t row, float score);
void list_done(struct list *list);
/* Into `a`; scores add up. */
void list_and(struct list *a, const struct list *b);
int list_or(struct list *a, const struct list *b);
void list_without(struct list *a, const struct list *b);

/* build.c */
struct index {
	const orasi_host_job *job;
	struct ArrowSchema keys;
	uint64_t memory;
};
orasi_status build_begin(void *self, orasi_store *dst, void **ret, orasi_error *err);
orasi_status build_add(void *build, const struct ArrowArray *keys, uint64_t first_row, orasi_error *err);
orasi_status build_finish(void *build, orasi_segment_info *ret, orasi_error *err);
void build_abort(void *build);

/* query.c */
orasi_status reader_query(void *reader, const orasi_query *query, void **ret_cursor, orasi_error *err);
orasi_status reader_estimate(void *reader, const orasi_query *query, uint64_t *ret, orasi_error *err);
orasi_status cursor_next(void *cursor, orasi_hits *hits, orasi_error *err);
void cursor_close(void *cursor);

#endif
