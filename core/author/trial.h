/* SPDX-License-Identifier: Apache-2.0 */
/* An index plugin on trial: an index over made-up keys, and questions whose answers are held against a look at all
 * rows. Inside the author room only.
 *
 * 0: fine; -1: the plugin has failed the test, and why is said; 1: it refused as it may. */
#ifndef AUTHOR_TRIAL_H
#define AUTHOR_TRIAL_H

#include "batches.h"
#include "exam.h"

#define ROWS_MAX 2000
#define TOKEN_MAX 1024

/* An index over made-up keys, and the rows it was built from. */
struct index {
	struct exam *exam;
	const orasi_index_factory *f;
	const char *format;
	struct lab *lab;
	orasi_index_caps caps;
	void *self;
	int32_t values[ROWS_MAX];
	uint64_t n;
	uint8_t dropped[ROWS_MAX]; /* by a merge */
	int tolerant;              /* of damaged bytes: a refusal with a reason is fine */
};

/* Where a cursor stopped. */
struct token {
	uint8_t bytes[TOKEN_MAX];
	size_t len;
	int ended;
};

struct question {
	struct token *token; /* ask from here, and only once; NULL: all */
	uint32_t op, flags, cap;
	int32_t wanted[4];
	int64_t n;
	uint64_t limit;
	const uint8_t *dead;
};

/* Rows that are deleted: `contains` of a set is trial_contains, its ctx this. */
struct rowset {
	orasi_rowset set;
	const uint8_t *dead;
	uint64_t n;
};

int32_t trial_contains(const orasi_rowset *set, uint64_t row);

int trial_failed(const struct index *x, const char *function, orasi_status status, const orasi_error *error);
/* 1: it does not take keys of this format. */
int trial_open(struct index *x, struct exam *exam, struct lab *lab, const struct json *config, const char *format);
void trial_close(struct index *x);
/* Rows from..from+n-1 into a build that calls row `base` its first. */
int trial_add_rows(struct index *x, void *build, uint64_t from, uint64_t n, uint64_t base);
/* A segment over n new rows, whose ids begin at 0. */
int trial_build(struct index *x, struct lab_store *store, uint64_t n);
/* Runs `fn` on an index over each kind of key that the plugin takes. */
int trial_each_format(struct exam *exam, int (*fn)(struct index *x));
int trial_reader_open(struct index *x, struct lab_store *store, void **ret);
void trial_reader_close(struct index *x, void *reader);
int trial_verify(struct index *x, void *reader, uint32_t level, orasi_error *error);

const char *trial_op_name(uint32_t op);
int trial_can(const struct index *x, uint32_t op);
void trial_question(struct index *x, struct question *q, uint32_t op);
/* How many rows a look at all of them finds. */
uint64_t trial_count(const struct index *x, const struct question *q);
/* The rows that the index answers. */
int trial_ask(struct index *x, void *reader, const struct question *q, struct digest *ret);
/* Every operator, `rounds` times, against the rows. */
int trial_ask_all(struct index *x, void *reader, int rounds, const uint8_t *dead);

/* ---- tests of segments: test_segment.c */

int segments_are_the_same(struct exam *exam);
int segments_merge(struct exam *exam);
int segments_are_accepted(struct exam *exam);
int segments_find_damage(struct exam *exam);
int segments_abort(struct exam *exam);
int segments_hand_on_errors(struct exam *exam);

/* ---- tests of cursors that are stopped: test_cursor.c */

int cursors_resume(struct exam *exam);
int cursors_resume_fresh(struct exam *exam);
int cursors_step(struct exam *exam); /* of the one before, in its process */

#endif
