/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of format plugins that can be fed: the bytes give what they give when they are read, however they are cut and
 * wherever it is resumed, by being fed or by reading. */
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "exam.h"

#define ROUNDS 12

/* 0; 1: it cannot be fed, and the test is skipped; -1. */
static int skip_unless_fed(struct exam *exam)
{
	int can = decode_can_feed(exam);

	if (!can)
		exam_skip(exam, "it does not offer '" ORASI_INGEST_FEED "'");
	return can < 0 ? -1 : !can;
}

/* 0; 1: it refuses to be fed with these options, as it may; -1. */
static int feed_it(struct exam *exam, const struct sample *sample, struct decode *d)
{
	int r = decode_run(exam, sample, d);

	if (r || d->status != ORASI_E_UNSUPPORTED || strcmp(d->function, "open"))
		return r;
	exam_skip(exam, "with these options it cannot be fed: %s", d->error.message);
	return 1;
}

static int hold_against(struct exam *exam, const struct decode *read, const struct decode *fed, const char *what)
{
	int r = decode_compare(exam, read, fed, 0, 0, what);

	if (!r && read->status != fed->status)
		r = exam_fail(exam, "%s: it ends with %d, read with %d", what, fed->status, read->status);
	if (!r && read->status == ORASI_END && !arrow_schema_equal(&read->schema, &fed->schema, 0))
		r = exam_fail(exam, "%s: the columns are others than when it is read", what);
	return r;
}

static int feed_sample(struct exam *exam, const struct sample *sample)
{
	struct decode read = {0};
	int r = decode_run(exam, sample, &read);

	for (int i = 0; i < ROUNDS && !r; i++) {
		static const uint32_t rows[] = {0, 1, 7};
		struct decode d = {.fed = i ? FEED_ANY : FEED_BYTES, .max_rows = rows[i % 3]};
		char what[160];

		snprintf(what, sizeof(what), "sample '%s' fed %s", sample->name,
		         i ? "in pieces" : "one byte at a time");
		r = feed_it(exam, sample, &d);
		if (!r)
			r = hold_against(exam, &read, &d, what);
		decode_done(&d);
	}
	decode_done(&read);
	return r;
}

static int gives_the_same_when_fed(struct exam *exam)
{
	int r = skip_unless_fed(exam);

	for (size_t s = 0; s < exam->n_samples && !r; s++)
		r = feed_sample(exam, &exam->samples[s]);
	return r;
}

/* From one mark on, by being fed or by reading. */
static int go_on(struct exam *exam, const struct decode *all, const struct mark *mark, enum feeding fed)
{
	struct decode d = {.fed = fed, .state = {mark->state, mark->len}, .want = &all->schema};
	char what[160];
	int r;

	snprintf(what, sizeof(what), "fed, and from the mark behind row %llu on %s", (unsigned long long)mark->rows,
	         fed ? "fed again" : "read");
	r = decode_run(exam, &exam->samples[0], &d);
	if (!r)
		r = decode_compare(exam, all, &d, mark->rows, mark->rejects, what);
	decode_done(&d);
	return r;
}

static int resumes_fed_and_read(struct exam *exam)
{
	struct decode all = {.fed = FEED_ANY, .max_rows = 7};
	int tried = 0, r = skip_unless_fed(exam);

	if (r)
		return r;
	r = feed_it(exam, &exam->samples[0], &all);
	for (int i = 0; i < ROUNDS && !r && all.n_marks && all.status == ORASI_END; i++) {
		const struct mark *mark = &all.marks[exam_random(exam, all.n_marks)];

		if (!mark->resumable)
			continue;
		tried++;
		r = go_on(exam, &all, mark, FEED_ANY);
		if (!r)
			r = go_on(exam, &all, mark, FEED_NOT);
	}
	decode_done(&all);
	if (!r)
		exam_note(exam, "%d marks", tried);
	return r;
}

static int decode_fed(struct exam *exam, void *ctx)
{
	struct decode d = {.fed = FEED_ANY, .damaged = 1};

	return decode_run(exam, ctx, &d);
}

static int survives_damage_when_fed(struct exam *exam)
{
	struct sample damaged = exam->samples[0];
	int r = skip_unless_fed(exam), rounds = exam->level == LEVEL_BASIC ? 30 : 150;

	if (r || !damaged.len)
		return r;
	damaged.data = malloc(damaged.len);
	if (!damaged.data)
		abort();
	for (int i = 0; i < rounds && !r; i++) {
		int n = 1 + (int)exam_random(exam, 4);

		memcpy(damaged.data, exam->samples[0].data, damaged.len);
		while (n--)
			damaged.data[exam_random(exam, damaged.len)] ^= (uint8_t)(1u << exam_random(exam, 8));
		r = exam_fork(exam, decode_fed, &damaged);
	}
	free(damaged.data);
	return r;
}

#define KIND FOR_KIND(ORASI_KIND_INGEST)
const struct test tests_feed[] = {
	{"ingest.feed", "fed in pieces cut anywhere: the rows, rejects and columns of reading", KIND, TEST_SAMPLE,
         gives_the_same_when_fed},
	{"ingest.feed-resume", "fed, stopped and resumed: the rows that follow, fed again or read", KIND, TEST_SAMPLE,
         resumes_fed_and_read},
	{"ingest.feed-flipped", "fed with flipped bits it does not crash", KIND, TEST_SAMPLE, survives_damage_when_fed},
	{0},
};
