/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of index plugins: what their segments answer, and the table of all tests. */
#include <stdlib.h>
#include <string.h>

#include "trial.h"

static int oracle(struct index *x)
{
	static const uint64_t sizes[] = {1, 2, 700};
	int r = 0;

	for (int i = 0; i < 3 && !r; i++) {
		uint8_t dead[ROWS_MAX];
		struct lab_store store;
		void *reader;

		x->n = 0;
		r = trial_build(x, &store, sizes[i]);
		if (!r)
			r = trial_reader_open(x, &store, &reader);
		if (r)
			return r;
		for (uint64_t k = 0; k < x->n; k++)
			dead[k] = exam_random(x->exam, 3) == 0;
		r = trial_ask_all(x, reader, 20, NULL);
		if (!r)
			r = trial_ask_all(x, reader, 10, dead);
		trial_reader_close(x, reader);
		lab_store_done(&store);
	}
	return r;
}

static int answers_like_a_scan(struct exam *exam)
{
	return trial_each_format(exam, oracle);
}

#define ESTIMATE_ROWS 1800
#define ESTIMATE_FACTOR 10 /* that an estimate may be wrong by */
#define ESTIMATE_FEW 10    /* so many rows are as good as none */

static int is_near(uint64_t estimate, uint64_t rows)
{
	estimate = estimate > ESTIMATE_FEW ? estimate : ESTIMATE_FEW;
	rows = rows > ESTIMATE_FEW ? rows : ESTIMATE_FEW;
	return estimate <= ESTIMATE_FACTOR * rows && rows <= ESTIMATE_FACTOR * estimate;
}

static int estimate_one(struct index *x, void *reader, uint32_t op)
{
	orasi_term term = {.struct_size = sizeof(term), .op = op, .column = ORASI_STR("key")};
	const orasi_term *terms[] = {&term};
	orasi_query query = {.struct_size = sizeof(query), .terms = terms, .n_terms = 1};
	orasi_error error = exam_no_error();
	uint64_t rows = UINT64_MAX, found;
	struct ArrowSchema type;
	struct ArrowArray values;
	struct question q;
	orasi_status status;

	trial_question(x, &q, op);
	found = trial_count(x, &q);
	keys_literals(op == ORASI_OP_MATCH ? "u" : x->format, q.wanted, q.n, &type, &values);
	term.type = &type;
	term.values = q.n ? &values : NULL;
	status = CALL(x->exam, "estimate", x->f->estimate(reader, &query, &rows, &error));
	arrow_array_release(&values);
	arrow_schema_release(&type);
	if (status)
		return exam_fail(x->exam, "estimate of %s fails: %s", trial_op_name(op), error.message);
	if (rows > x->n)
		return exam_fail(x->exam, "estimate of %s expects %llu rows of %llu", trial_op_name(op),
		                 (unsigned long long)rows, (unsigned long long)x->n);
	if (!is_near(rows, found))
		return exam_fail(x->exam,
		                 "estimate of %s expects %llu rows, a scan finds %llu: within a factor of %d it helps "
		                 "to choose an index, beyond it misleads",
		                 trial_op_name(op), (unsigned long long)rows, (unsigned long long)found,
		                 ESTIMATE_FACTOR);
	return 0;
}

static int estimate_some(struct index *x)
{
	struct lab_store store;
	void *reader;
	int r;

	if (!x->f->estimate)
		return exam_fail(x->exam, "the factory has no estimate");
	x->n = 0;
	r = trial_build(x, &store, ESTIMATE_ROWS);
	if (!r)
		r = trial_reader_open(x, &store, &reader);
	for (uint32_t op = ORASI_OP_EQ; op <= ORASI_OP_MATCH && !r; op++)
		for (int i = 0; i < 8 && trial_can(x, op) && !r; i++)
			r = estimate_one(x, reader, op);
	return r;
}

static int estimates(struct exam *exam)
{
	return trial_each_format(exam, estimate_some);
}

/* ---- for the tests that hold for every kind ---------------------------------------------------------------------- */

static int work_on(struct index *x, struct digest *ret)
{
	struct lab_store store;
	void *reader;
	int r = trial_build(x, &store, 300);

	if (!r && ret)
		digest_add(ret, lab_store_digest(&store));
	if (!r) {
		r = trial_reader_open(x, &store, &reader);
		if (!r) {
			r = trial_ask_all(x, reader, 2, NULL);
			trial_reader_close(x, reader);
		}
	}
	lab_store_done(&store);
	return r;
}

int work_index(struct exam *exam, struct lab *lab, const struct json *config, struct digest *ret)
{
	struct index *x = malloc(sizeof(*x));
	int r = x ? 1 : exam_fail(exam, "out of memory");

	for (int i = 0; r == 1 && keys_format(i) && !guard_has_failed(); i++) {
		r = trial_open(x, exam, lab, config, keys_format(i));
		if (!r) {
			r = work_on(x, ret);
			trial_close(x);
			r = r == 1 ? 0 : r;
		}
	}
	free(x);
	return r == 1 ? 0 : r;
}

#define KIND FOR_KIND(ORASI_KIND_INDEX)
const struct test tests_index[] = {
	{"index.scan", "each operator answers what a look at all rows finds, deleted rows left out", KIND, 0,
         answers_like_a_scan},
	{"index.bytes", "the same rows give the same bytes", KIND, 0, segments_are_the_same},
	{"index.merge", "merged segments answer like one built from the rows that survive", KIND, 0, segments_merge},
	{"index.resume",
         "a cursor that is stopped behind every batch goes on in a fresh reader; tokens of garbage are survived", KIND,
         0, cursors_resume},
	{"index.resume-fresh", "and in a fresh process each, over the segment's bytes", KIND, 0, cursors_resume_fresh},
	{"index.resume-step", NULL, KIND, 0, cursors_step},
	{"index.verify", "verify accepts good segments at every level", KIND, 0, segments_are_accepted},
	{"index.damage", "each flipped bit is survived, and found by verify", KIND, 0, segments_find_damage},
	{"index.abort", "builds can be aborted and leave nothing", KIND, 0, segments_abort},
	{"index.io", "a store that fails is handed on as it came", KIND, 0, segments_hand_on_errors},
	{"index.estimate", "estimates are within a factor of ten of what a scan finds", KIND, 0, estimates},
	{0},
};
