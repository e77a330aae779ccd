/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of index plugins. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trial.h"

/* Runs `fn` on an index over each kind of key that the plugin takes. */
static int each_format(struct exam *exam, int (*fn)(struct index *x))
{
	struct index *x = malloc(sizeof(*x));
	int taken = 0, r = x ? 0 : exam_fail(exam, "out of memory");

	for (int i = 0; !r && keys_format(i); i++) {
		r = trial_open(x, exam, &exam->lab, exam->config, keys_format(i));
		if (r == 1) {
			r = 0;
			continue;
		}
		taken++;
		if (!r)
			r = fn(x);
		trial_close(x);
	}
	free(x);
	if (!r && !taken)
		r = exam_skip(exam, "it takes neither an integer, a text nor a number as its key");
	return r;
}

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
	return each_format(exam, oracle);
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
	return each_format(exam, resume_all);
}

static int verify_reader(struct index *x, void *reader, uint32_t level, orasi_error *error)
{
	*error = exam_no_error();
	return CALL(x->exam, "verify", x->f->verify(reader, level, error));
}

/* In a fork: damaged bytes are read, asked and verified; 0 when that was survived and the damage was seen. */
static int look_at_damage(struct exam *exam, void *ctx)
{
	struct flip *flip = ctx;
	orasi_segment_info info = {.struct_size = sizeof(info)};
	orasi_error error = exam_no_error();
	void *reader = NULL;
	orasi_status status;

	alarm(20);
	flip->x->tolerant = 1;
	status = CALL(exam, "open", flip->x->f->open(flip->x->self, &flip->store->store, &reader, &info, &error));
	if (status)
		return exam_error(exam, "open", status, &error);
	for (uint32_t op = ORASI_OP_EQ; op <= ORASI_OP_MATCH; op++)
		if (trial_can(flip->x, op)) {
			struct digest got = {0};
			struct question q;

			trial_question(flip->x, &q, op);
			if (trial_ask(flip->x, reader, &q, &got) < 0) /* any answer or refusal */
				return -1;
			digest_done(&got);
		}
	status = verify_reader(flip->x, reader, 2, &error);
	if (!status)
		return exam_fail(exam, "verify at level 2 does not see it");
	return exam_error(exam, "verify", status, &error);
}

static int flip_bytes(struct index *x)
{
	int rounds = x->exam->level == LEVEL_BASIC ? 80 : 400, r;
	struct lab_store store;

	x->n = 0;
	r = trial_build(x, &store, 120);
	for (int i = 0; i < rounds && !r; i++) {
		struct flip flip = {x, &store};
		uint32_t blob = (uint32_t)exam_random(x->exam, store.n);
		struct buf *bytes = &store.blobs[blob].bytes;
		size_t at = bytes->len ? exam_random(x->exam, bytes->len) : 0;
		uint8_t bit = (uint8_t)(1u << exam_random(x->exam, 8));

		if (!bytes->len)
			continue;
		bytes->data[at] = (char)(bytes->data[at] ^ bit);
		r = exam_fork(x->exam, look_at_damage, &flip);
		bytes->data[at] = (char)(bytes->data[at] ^ bit);
		if (r) {
			size_t len = strlen(x->exam->page->sentence);

			snprintf(x->exam->page->sentence + len, sizeof(x->exam->page->sentence) - len,
			         " (byte %zu of blob '%s' flipped, seed %llu)", at, store.blobs[blob].name,
			         (unsigned long long)x->exam->seed);
		}
	}
	lab_store_done(&store);
	return r;
}

static int finds_damage(struct exam *exam)
{
	if (!exam->subject.index->verify)
		return exam_fail(exam, "the factory has no verify");
	return each_format(exam, flip_bytes);
}

static int verify_good(struct index *x)
{
	struct lab_store store;
	orasi_error error;
	void *reader;
	int r;

	x->n = 0;
	r = trial_build(x, &store, 500);
	if (!r)
		r = trial_reader_open(x, &store, &reader);
	if (r)
		return r;
	for (uint32_t level = 0; level < 3 && !r; level++)
		if (verify_reader(x, reader, level, &error))
			r = exam_fail(x->exam, "verify at level %u refuses a good segment: %s", level, error.message);
	trial_reader_close(x, reader);
	lab_store_done(&store);
	return r;
}

static int accepts_good_segments(struct exam *exam)
{
	return each_format(exam, verify_good);
}

static int build_twice(struct index *x)
{
	struct lab_store a, b;
	uint64_t random = x->exam->random;
	int r;

	x->n = 0;
	r = trial_build(x, &a, 400);
	x->n = 0;
	x->exam->random = random;
	if (!r)
		r = trial_build(x, &b, 400);
	if (!r && lab_store_digest(&a) != lab_store_digest(&b))
		r = exam_fail(x->exam, "it says DETERMINISTIC, but builds other bytes from the same rows");
	if (!r) {
		lab_store_done(&a);
		lab_store_done(&b);
	}
	return r;
}

static int builds_the_same_bytes(struct exam *exam)
{
	if (!(exam->subject.descriptor->flags & ORASI_FLAG_DETERMINISTIC))
		return exam_skip(exam, "it does not say DETERMINISTIC");
	return each_format(exam, build_twice);
}

static int merge_two(struct index *x)
{
	struct lab_store parts[2], merged;
	orasi_store *const sources[] = {&parts[0].store, &parts[1].store};
	uint64_t bases[2] = {0, 300};
	struct rowset drop = {.dead = x->dropped, .n = 300};
	const orasi_rowset *drops[2] = {&drop.set, NULL};
	orasi_index_merge merge = {sizeof(merge), 2, sources, bases, drops, &merged.store};
	orasi_segment_info info = {.struct_size = sizeof(info)};
	orasi_error error = exam_no_error();
	void *reader;
	orasi_status status;
	int r;

	x->n = 0;
	drop.set = (orasi_rowset){sizeof(drop.set), 0, &drop, 0, trial_contains};
	r = trial_build(x, &parts[0], 300);
	if (!r)
		r = trial_build(x, &parts[1], 200);
	if (r)
		return r;
	for (int i = 0; i < 300; i++)
		drop.set.count += x->dropped[i] = exam_random(x->exam, 4) == 0;
	lab_store_init(&merged);
	status = CALL(x->exam, "merge", x->f->merge(x->self, &merge, &info, &error));
	if (status)
		return trial_failed(x, "merge", status, &error);
	lab_store_seal(&merged);
	r = trial_reader_open(x, &merged, &reader);
	if (r)
		return r;
	r = trial_ask_all(x, reader, 15, NULL);
	if (!r && verify_reader(x, reader, 2, &error))
		r = exam_fail(x->exam, "verify refuses a merged segment: %s", error.message);
	trial_reader_close(x, reader);
	memset(x->dropped, 0, sizeof(x->dropped));
	return r;
}

static int merges(struct exam *exam)
{
	if (!exam->subject.index->merge)
		return exam_skip(exam, "it has no merge: the host rebuilds");
	return each_format(exam, merge_two);
}

static int abort_builds(struct index *x)
{
	int64_t before = 0;

	for (int i = 0; i < 12; i++) {
		orasi_error error = exam_no_error();
		struct lab_store store;
		void *build = NULL;

		if (i == 2)
			before = guard_blocks();
		lab_store_init(&store);
		if (CALL(x->exam, "build_begin", x->f->build_begin(x->self, &store.store, &build, &error)))
			return exam_fail(x->exam, "build_begin fails: %s", error.message);
		if (i % 3 && trial_add_rows(x, build, 0, 200, 0))
			return -1;
		CALL_VOID(x->exam, "build_abort", x->f->build_abort(build));
		lab_store_done(&store);
	}
	CALL_VOID(x->exam, "build_abort", x->f->build_abort(NULL));
	if (guard_counts() && guard_blocks() - before >= 5)
		return exam_fail(x->exam, "build_abort leaks: %lld blocks after 10 builds",
		                 (long long)(guard_blocks() - before));
	return 0;
}

static int aborts(struct exam *exam)
{
	return each_format(exam, abort_builds);
}

static int fail_stores(struct index *x)
{
	for (int n = 1; n < 60; n++) {
		struct lab_store store;
		orasi_segment_info info = {.struct_size = sizeof(info)};
		orasi_error error = exam_no_error();
		void *build = NULL;
		orasi_status status;
		const char *function = "build_begin";
		struct ArrowArray keys;

		lab_store_init(&store);
		store.fail_at = n;
		keys_make(x->exam, x->format, 200, x->values, &keys);
		status = CALL(x->exam, function, x->f->build_begin(x->self, &store.store, &build, &error));
		if (!status) {
			function = "build_add";
			status = CALL(x->exam, function, x->f->build_add(build, &keys, 0, &error));
			if (status)
				CALL_VOID(x->exam, "build_abort", x->f->build_abort(build));
		}
		if (!status) {
			function = "build_finish";
			status = CALL(x->exam, function, x->f->build_finish(build, &info, &error));
		}
		arrow_array_release(&keys);
		lab_store_done(&store);
		if (!status)
			return store.calls >= n ? exam_fail(x->exam, "the store failed, and '%s' says that all is well",
			                                    function)
			                        : 0;
		if (status != ORASI_E_IO)
			return exam_fail(x->exam, "the store fails with ORASI_E_IO (-100), and '%s' makes %d of it",
			                 function, status);
		if (exam_error(x->exam, function, status, &error))
			return -1;
	}
	return 0;
}

static int hands_on_store_errors(struct exam *exam)
{
	return each_format(exam, fail_stores);
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
	return each_format(exam, estimate_some);
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
	{"index.bytes", "the same rows give the same bytes", KIND, 0, builds_the_same_bytes},
	{"index.merge", "merged segments answer like one built from the rows that survive", KIND, 0, merges},
	{"index.resume",
         "a cursor that is stopped behind every batch goes on in a fresh reader; tokens of garbage are survived", KIND,
         0, resumes},
	{"index.verify", "verify accepts good segments at every level", KIND, 0, accepts_good_segments},
	{"index.damage", "each flipped bit is survived, and found by verify", KIND, 0, finds_damage},
	{"index.abort", "builds can be aborted and leave nothing", KIND, 0, aborts},
	{"index.io", "a store that fails is handed on as it came", KIND, 0, hands_on_store_errors},
	{"index.estimate", "estimates are within a factor of ten of what a scan finds", KIND, 0, estimates},
	{0},
};
