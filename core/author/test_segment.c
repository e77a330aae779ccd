/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the segments of an index plugin: that they are built, merged and verified, and of a disk that is damaged or
 * fails. What they answer is tested in test_index.c. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trial.h"

struct flip {
	struct index *x;
	struct lab_store *store;
};

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
	status = trial_verify(flip->x, reader, 2, &error);
	if (!status)
		return exam_fail(exam, "verify at level 2 does not see it");
	return exam_error(exam, "verify", status, &error);
}

static int flip_one(struct index *x, struct lab_store *store, uint32_t blob, size_t at)
{
	struct flip flip = {x, store};
	struct buf *bytes = &store->blobs[blob].bytes;
	uint8_t bit = (uint8_t)(1u << exam_random(x->exam, 8));
	size_t len;

	bytes->data[at] = (char)(bytes->data[at] ^ bit);
	if (!exam_fork(x->exam, look_at_damage, &flip)) {
		bytes->data[at] = (char)(bytes->data[at] ^ bit);
		return 0;
	}
	len = strlen(x->exam->page->sentence);
	snprintf(x->exam->page->sentence + len, sizeof(x->exam->page->sentence) - len,
	         " (byte %zu of blob '%s' flipped, seed %llu)", at, store->blobs[blob].name,
	         (unsigned long long)x->exam->seed);
	return -1;
}

/* Some of the bytes; at level stress each of them. */
static int flip_bytes(struct index *x)
{
	int rounds = x->exam->level == LEVEL_BASIC ? 80 : 400, r;
	struct lab_store store;

	x->n = 0;
	r = trial_build(x, &store, 120);
	for (int i = 0; i < rounds && !r && x->exam->level != LEVEL_STRESS; i++) {
		uint32_t blob = (uint32_t)exam_random(x->exam, store.n);
		size_t n = store.blobs[blob].bytes.len;

		r = n ? flip_one(x, &store, blob, exam_random(x->exam, n)) : 0;
	}
	for (uint32_t blob = 0; blob < store.n && !r && x->exam->level == LEVEL_STRESS; blob++)
		for (size_t at = 0; at < store.blobs[blob].bytes.len && !r; at++)
			r = flip_one(x, &store, blob, at);
	lab_store_done(&store);
	return r;
}

int segments_find_damage(struct exam *exam)
{
	if (!exam->subject.index->verify)
		return exam_fail(exam, "the factory has no verify");
	return trial_each_format(exam, flip_bytes);
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
		if (trial_verify(x, reader, level, &error))
			r = exam_fail(x->exam, "verify at level %u refuses a good segment: %s", level, error.message);
	trial_reader_close(x, reader);
	lab_store_done(&store);
	return r;
}

int segments_are_accepted(struct exam *exam)
{
	return trial_each_format(exam, verify_good);
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

int segments_are_the_same(struct exam *exam)
{
	if (!(exam->subject.descriptor->flags & ORASI_FLAG_DETERMINISTIC))
		return exam_skip(exam, "it does not say DETERMINISTIC");
	return trial_each_format(exam, build_twice);
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
	if (!r && trial_verify(x, reader, 2, &error))
		r = exam_fail(x->exam, "verify refuses a merged segment: %s", error.message);
	trial_reader_close(x, reader);
	memset(x->dropped, 0, sizeof(x->dropped));
	return r;
}

int segments_merge(struct exam *exam)
{
	if (!exam->subject.index->merge)
		return exam_skip(exam, "it has no merge: the host rebuilds");
	return trial_each_format(exam, merge_two);
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

int segments_abort(struct exam *exam)
{
	return trial_each_format(exam, abort_builds);
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

int segments_hand_on_errors(struct exam *exam)
{
	return trial_each_format(exam, fail_stores);
}
