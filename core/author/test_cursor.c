/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of cursors that are stopped: the token of the last hits, a segment and the same question are all that the
 * next one is given, be it in a fresh reader or in a fresh process. */
#include <stdlib.h>
#include <string.h>

#include "parcel.h"
#include "trial.h"

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

static int compare(const struct index *x, uint32_t op, const struct digest *whole, const struct digest *pieces,
                   const char *how)
{
	if (whole->n == pieces->n && (!whole->n || !memcmp(whole->items, pieces->items, whole->n * sizeof(uint64_t))))
		return 0;
	return exam_fail(x->exam, "%s, %s: %zu rows instead of %zu, or others", trial_op_name(op), how, pieces->n,
	                 whole->n);
}

static int resume_one(struct index *x, struct lab_store *store, void *reader, struct question *q)
{
	struct digest whole = {0}, pieces = {0};
	int r = trial_ask(x, reader, q, &whole);

	if (!r)
		r = ask_in_pieces(x, store, q, whole.n, &pieces);
	if (!r)
		r = compare(x, q->op, &whole, &pieces, "stopped and resumed behind every batch");
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

static int is_resumable(struct exam *exam)
{
	orasi_index_caps caps = {.struct_size = sizeof(caps)};

	CALL(exam, "caps", exam->subject.index->caps(exam->subject.descriptor->id, &caps));
	return caps.flags & ORASI_INDEX_RESUMABLE ? 0 : exam_skip(exam, "it does not say RESUMABLE");
}

int cursors_resume(struct exam *exam)
{
	int r = is_resumable(exam);

	return r ? r : trial_each_format(exam, resume_all);
}

/* ---- in a fresh process ------------------------------------------------------------------------------------------ */

/* What the next process is given: the type of the keys, a question, where it stopped, and the segment. */
static void put_order(struct index *x, const struct lab_store *store, const struct question *q,
                      const struct token *token, struct buf *parcel)
{
	buf_clear(parcel);
	parcel_put(parcel, x->format, strlen(x->format) + 1);
	parcel_put(parcel, q, sizeof(*q));
	parcel_put(parcel, token, sizeof(*token));
	for (uint32_t i = 0; i < store->n; i++) {
		parcel_put(parcel, store->blobs[i].name, strlen(store->blobs[i].name) + 1);
		parcel_put(parcel, store->blobs[i].bytes.data, store->blobs[i].bytes.len);
	}
}

static int take_blobs(const char *at, size_t left, struct lab_store *ret)
{
	lab_store_init(ret);
	while (left) {
		size_t n;
		const char *name = (const char *)parcel_take(&at, &left, &n);
		const uint8_t *bytes = name ? parcel_take(&at, &left, &n) : NULL;
		uint64_t handle;

		if (!bytes || ret->store.create(&ret->store, name, &handle, NULL) ||
		    ret->store.append(&ret->store, handle, bytes, n, NULL))
			return -1;
	}
	lab_store_seal(ret);
	return 0;
}

static int take_order(const struct buf *parcel, const char **ret_format, struct question *ret_q,
                      struct token *ret_token, struct lab_store *ret_store)
{
	const char *at = parcel->data;
	size_t left = parcel->len, n;
	const uint8_t *format = parcel_take(&at, &left, &n), *q = parcel_take(&at, &left, &n),
		      *token = parcel_take(&at, &left, &n);

	if (!format || !q || !token)
		return -1;
	*ret_format = (const char *)format;
	memcpy(ret_q, q, sizeof(*ret_q));
	memcpy(ret_token, token, sizeof(*ret_token));
	return take_blobs(at, left, ret_store);
}

/* One batch of hits, in a process that has nothing but the order. */
static int answer(struct index *x, struct lab_store *store, struct question *q, struct token *token)
{
	struct digest got = {0};
	struct buf parcel;
	void *reader;
	int r = trial_reader_open(x, store, &reader);

	q->token = token;
	if (!r)
		r = trial_ask(x, reader, q, &got);
	if (r)
		return r;
	trial_reader_close(x, reader);
	buf_init(&parcel, 0);
	parcel_put(&parcel, token, sizeof(*token));
	parcel_put(&parcel, got.items, got.n * sizeof(uint64_t));
	r = parcel_keep(x->exam, "hits", &parcel);
	buf_done(&parcel);
	digest_done(&got);
	return r;
}

int cursors_step(struct exam *exam)
{
	struct index *x = malloc(sizeof(*x));
	const char *format = NULL;
	struct lab_store store;
	struct question q;
	struct token token;
	struct buf parcel;
	int r = x ? 0 : exam_fail(exam, "out of memory");

	if (!r && (parcel_fetch(exam, "order", &parcel) || take_order(&parcel, &format, &q, &token, &store)))
		r = exam_fail(exam, "the question between two processes cannot be read");
	if (!r)
		r = trial_open(x, exam, &exam->lab, exam->config, format);
	if (!r) {
		r = answer(x, &store, &q, &token);
		trial_close(x);
	}
	free(x);
	return r;
}

/* The hits of one process more, and where it stopped. */
static int take_hits(struct exam *exam, struct token *token, struct digest *ret)
{
	struct buf parcel;
	const char *at;
	size_t left, n;
	const uint8_t *p;
	int r = -1;

	if (parcel_fetch(exam, "hits", &parcel))
		return exam_fail(exam, "a process has left no hits behind");
	at = parcel.data;
	left = parcel.len;
	p = parcel_take(&at, &left, &n);
	if (p) {
		memcpy(token, p, sizeof(*token));
		p = parcel_take(&at, &left, &n);
	}
	for (size_t i = 0; p && i < n / sizeof(uint64_t); i++) {
		uint64_t row;

		memcpy(&row, p + i * sizeof(row), sizeof(row));
		digest_add(ret, row);
	}
	r = p ? 0 : exam_fail(exam, "the hits between two processes cannot be read");
	buf_done(&parcel);
	return r;
}

static int ask_in_processes(struct index *x, struct lab_store *store, const struct question *q, size_t most,
                            struct digest *ret)
{
	static const char *const nothing[] = {NULL};
	struct token token = {.len = 0};
	struct buf order;
	int r = 0;

	buf_init(&order, 0);
	while (!r && !token.ended && ret->n <= most) {
		parcel_forget(x->exam, "hits");
		put_order(x, store, q, &token, &order);
		r = parcel_keep(x->exam, "order", &order);
		if (!r && exam_again(x->exam, "index.resume-step", nothing))
			r = x->exam->page->outcome != OUTCOME_NONE
			            ? -1
			            : exam_fail(x->exam, "it died in '%s', resumed from its token",
			                        x->exam->page->function);
		if (!r)
			r = take_hits(x->exam, &token, ret);
	}
	buf_done(&order);
	return r;
}

#define PIECES 3

/* In so many pieces that there is something to go on from. */
static int resume_fresh(struct index *x, struct lab_store *store, void *reader, uint32_t op)
{
	struct digest whole = {0}, pieces = {0};
	struct question q;
	int r;

	trial_question(x, &q, op);
	q.limit = 0;
	q.cap = 63;
	r = trial_ask(x, reader, &q, &whole);
	q.cap = (uint32_t)(whole.n / PIECES + 1);
	if (q.cap > 63)
		q.cap = 63;
	if (!r)
		r = ask_in_processes(x, store, &q, whole.n, &pieces);
	if (!r)
		r = compare(x, op, &whole, &pieces, "stopped behind every batch and resumed in a fresh process");
	digest_done(&whole);
	digest_done(&pieces);
	return r;
}

static int resume_all_fresh(struct index *x)
{
	struct lab_store store;
	void *reader;
	int r;

	x->n = 0;
	r = trial_build(x, &store, 300);
	if (!r)
		r = trial_reader_open(x, &store, &reader);
	for (uint32_t op = ORASI_OP_EQ; op <= ORASI_OP_MATCH && !r; op++)
		if (trial_can(x, op))
			r = resume_fresh(x, &store, reader, op);
	if (!r)
		trial_reader_close(x, reader);
	lab_store_done(&store);
	return r;
}

int cursors_resume_fresh(struct exam *exam)
{
	int r = is_resumable(exam);

	return r ? r : trial_each_format(exam, resume_all_fresh);
}
