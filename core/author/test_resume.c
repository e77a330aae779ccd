/* SPDX-License-Identifier: Apache-2.0 */
/* A format plugin that is killed behind every batch, and resumed in a fresh process from what was durable then. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "exam.h"
#include "parcel.h"

struct commit {
	struct exam *exam;
	struct decode *d;
};

/* What a host makes durable at a mark: rows, rejects, schema and state, all or nothing. */
static int commit(void *ctx, const struct ArrowSchema *schema, struct ArrowArray *batch, const struct mark *mark)
{
	struct commit *c = ctx;
	struct buf parcel;
	int r;

	(void)batch;
	if (!mark->resumable)
		return 0;
	buf_init(&parcel, 0);
	parcel_put(&parcel, c->d->digest.items, mark->rows * sizeof(uint64_t));
	parcel_put(&parcel, c->d->lab.rejects.items, mark->rejects * sizeof(uint64_t));
	parcel_put(&parcel, mark->state, mark->len);
	parcel_put_schema(&parcel, schema);
	r = parcel_keep(c->exam, "commit", &parcel);
	buf_done(&parcel);
	return r;
}

static int resume_step(struct exam *exam)
{
	struct decode d = {.on_batch = commit};
	struct commit ctx = {exam, &d};
	struct ArrowSchema want = {0};
	struct buf before = {0};
	const char *at;
	size_t left, n;
	int r;

	d.ctx = &ctx;
	d.kill_after = 1;
	d.max_rows = (uint32_t)strtoul(typed_get(exam->typed, "batch", "7"), NULL, 10);
	if (!parcel_fetch(exam, "resume", &before)) {
		at = before.data;
		left = before.len;
		d.state.ptr = parcel_take(&at, &left, &d.state.len);
		if (!d.state.ptr || parcel_take_schema(&at, &left, &want))
			return exam_fail(exam, "the state between two steps cannot be read");
		d.want = &want;
	}
	r = decode_run(exam, &exam->samples[0], &d);
	if (!r && d.status != ORASI_END)
		r = exam_fail(exam, "%s: '%s' fails (%d): %s",
		              d.state.len ? "resumed from its state" : "from the start", d.function, d.status,
		              d.error.message);
	if (r)
		return r;
	n = d.digest.n;
	before.len = 0;
	parcel_put(&before, d.digest.items, n * sizeof(uint64_t));
	parcel_put(&before, d.lab.rejects.items, d.lab.rejects.n * sizeof(uint64_t));
	return parcel_keep(exam, "end", &before);
}

static int gather(struct exam *exam, const struct buf *parcel, struct digest *rows, struct digest *rejects)
{
	const char *at = parcel->data;
	size_t left = parcel->len, n, state_len;
	const uint8_t *items = parcel_take(&at, &left, &n), *state;
	struct buf next;
	int r;

	for (size_t i = 0; items && i < n / 8; i++) {
		uint64_t hash;

		memcpy(&hash, items + 8 * i, 8);
		digest_add(rows, hash);
	}
	items = parcel_take(&at, &left, &n);
	for (size_t i = 0; items && i < n / 8; i++) {
		uint64_t hash;

		memcpy(&hash, items + 8 * i, 8);
		digest_add(rejects, hash);
	}
	if (!left)
		return 0;
	state = parcel_take(&at, &left, &state_len);
	buf_init(&next, 0);
	parcel_put(&next, state, state_len);
	buf_add(&next, at, left); /* the schema */
	r = parcel_keep(exam, "resume", &next);
	buf_done(&next);
	return r;
}

/* Kills the reader behind every batch until one run reaches the end. */
static int chain_of_kills(struct exam *exam, const char *batch, struct digest *rows, struct digest *rejects, int *kills)
{
	const char *const more[] = {"--batch", batch, NULL};
	struct buf parcel;

	parcel_forget(exam, "resume");
	for (*kills = 0; *kills < 2000; ++*kills) {
		int code, r;

		parcel_forget(exam, "commit");
		parcel_forget(exam, "end");
		code = exam_again(exam, "ingest.resume-step", more);
		if (code && code != -SIGKILL)
			return exam->page->outcome != OUTCOME_NONE
			               ? -1
			               : exam_fail(exam, "it died of signal %d (%s) in '%s', resumed from its state",
			                           -code, strsignal(-code), exam->page->function);
		if (parcel_fetch(exam, code ? "commit" : "end", &parcel))
			return exam_fail(exam, "a step has left nothing behind");
		r = gather(exam, &parcel, rows, rejects);
		buf_done(&parcel);
		if (r || !code)
			return r;
	}
	return exam_fail(exam, "after 2000 kills the end is not reached: does it resume where it was?");
}

static int count_rows(struct exam *exam, void *ctx)
{
	struct buf *ret = ctx;
	struct decode d;
	int r = decode_whole(exam, &exam->samples[0], &d), marks = 0;

	if (r)
		return r;
	for (size_t i = 0; i < d.n_marks; i++)
		marks += d.marks[i].resumable;
	parcel_put(ret, d.digest.items, d.digest.n * sizeof(uint64_t));
	parcel_put(ret, d.lab.rejects.items, d.lab.rejects.n * sizeof(uint64_t));
	return marks || !d.digest.n ? 0
	                            : exam_skip(exam, "no mark is RESUMABLE: an attempt begins again from the start");
}

static int survives_kills(struct exam *exam)
{
	struct digest rows = {0}, rejects = {0};
	struct digest all = {0}, all_rejects = {0};
	struct buf parcel;
	char batch[24];
	int kills, r;

	buf_init(&parcel, 0);
	r = count_rows(exam, &parcel);
	if (!r)
		r = gather(exam, &parcel, &all, &all_rejects);
	snprintf(batch, sizeof(batch), "%zu", all.n / 40 + 1);
	if (!r)
		r = chain_of_kills(exam, batch, &rows, &rejects, &kills);
	if (!r && (rows.n != all.n || (rows.n && memcmp(rows.items, all.items, rows.n * 8))))
		r = exam_fail(
			exam,
			"killed behind every batch and resumed it gives %zu rows, in one go %zu, or others: the state "
			"of a mark must give exactly the rows that follow",
			rows.n, all.n);
	if (!r &&
	    (rejects.n != all_rejects.n || (rejects.n && memcmp(rejects.items, all_rejects.items, rejects.n * 8))))
		r = exam_fail(exam,
		              "killed behind every batch and resumed it rejects %zu records, in one go %zu, or others",
		              rejects.n, all_rejects.n);
	if (!r)
		exam_note(exam, "%d kills", kills);
	return r;
}

#define KIND FOR_KIND(ORASI_KIND_INGEST)
const struct test tests_resume[] = {
	{"ingest.kill",
         "killed with SIGKILL behind every batch and resumed in a fresh process: the same rows and rejects", KIND,
         TEST_SAMPLE, survives_kills},
	{"ingest.resume-step", NULL, KIND, TEST_SAMPLE, resume_step},
	{0},
};
