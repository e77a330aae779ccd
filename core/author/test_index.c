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

struct flip {
	struct index *x;
	struct lab_store *store;
};

/* One batch of hits from each reader, the next one told where the last one stopped; until there are more than `most`. */
static int ask_in_pieces(struct index *x, struct lab_store *store, struct question *q, size_t most, struct digest *ret)
{
	struct token token = {.len = 0};
	int r = 0;

	for (q->token = &token; !r && !token.ended && ret->n <= most;) {
		void *reader;

		r = trial_reader_open(x, store, &reader);
		if (!r)
			r = trial_ask(x, reader, q, ret);
		if (!r)
			trial_reader_close(x, reader);
	}
	q->token = NULL;
	return r;
}

static int resume_one(struct index *x, struct lab_store *store, void *reader, struct question *q)
{
	struct digest whole = {0}, pieces = {0};
	int r = trial_ask(x, reader, q, &whole);

	if (!r)
		r = ask_in_pieces(x, store, q, whole.n, &pieces);
	if (!r && (whole.n != pieces.n || (whole.n && memcmp(whole.items, pieces.items, whole.n * 8))))
		r = exam_fail(x->exam, "%s, stopped and resumed behind every batch: %zu rows instead of %zu, or others",
		              trial_op_name(q->op), pieces.n, whole.n);
	digest_done(&whole);
	digest_done(&pieces);
	return r;
}

/* In a fork: any answer or refusal will do. */
static int ask_with_garbage(struct exam *exam, void *ctx)
{
	struct flip *flip = ctx;

	for (int i = 0; i < 200; i++) {
		struct token token = {.len = exam_random(exam, 20)};
		struct digest got = {0};
		struct question q;
		void *reader;
		int r;

		for (size_t k = 0; k < token.len; k++)
			token.bytes[k] = (uint8_t)exam_random(exam, 256);
		flip->x->tolerant = 1;
		trial_question(flip->x, &q, ORASI_OP_EQ);
		q.token = &token;
		r = trial_reader_open(flip->x, flip->store, &reader);
		if (!r && trial_can(flip->x, q.op))
			r = trial_ask(flip->x, reader, &q, &got);
		digest_done(&got);
		if (r < 0)
			return -1;
		trial_reader_close(flip->x, reader);
	}
	return 0;
}

static int resume_all(struct index *x)
{
	struct lab_store store;
	void *reader;
	int r;

	x->n = 0;
	r = trial_build(x, &store, 300);
	if (!r)
		r = trial_reader_open(x, &store, &reader);
	for (uint32_t op = ORASI_OP_EQ; op <= ORASI_OP_MATCH && !r; op++)
		for (int i = 0; i < 6 && trial_can(x, op) && !r; i++) {
			struct question q;

			trial_question(x, &q, op);
			r = resume_one(x, &store, reader, &q);
		}
	if (!r)
		r = exam_fork(x->exam, ask_with_garbage, &(struct flip){x, &store});
	if (!r)
		trial_reader_close(x, reader);
	lab_store_done(&store);
	return r;
}

static int resumes(struct exam *exam)
{
	orasi_index_caps caps = {.struct_size = sizeof(caps)};

	CALL(exam, "caps", exam->subject.index->caps(exam->subject.descriptor->id, &caps));
	if (!(caps.flags & ORASI_INDEX_RESUMABLE))
		return exam_skip(exam, "it does not say RESUMABLE");
	return trial_each_format(exam, resume_all);
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
         0, resumes},
	{"index.verify", "verify accepts good segments at every level", KIND, 0, segments_are_accepted},
	{"index.damage", "each flipped bit is survived, and found by verify", KIND, 0, segments_find_damage},
	{"index.abort", "builds can be aborted and leave nothing", KIND, 0, segments_abort},
	{"index.io", "a store that fails is handed on as it came", KIND, 0, segments_hand_on_errors},
	{"index.estimate", "estimates are within a factor of ten of what a scan finds", KIND, 0, estimates},
	{0},
};
