/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of format plugins on samples: the sequence of rows is the same however it is asked for, and damaged bytes are
 * refused, not obeyed. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "exam.h"

/* Runs `variant` on every sample and holds it against the whole. */
static int all_the_same(struct exam *exam, void (*vary)(struct exam *exam, struct decode *d, int i), int variants,
                        const char *what)
{
	int r = 0;

	for (size_t s = 0; s < exam->n_samples && !r; s++) {
		struct decode all;

		r = decode_whole(exam, &exam->samples[s], &all);
		for (int i = 0; i < variants && !r; i++) {
			struct decode d = {0};
			char text[160];

			vary(exam, &d, i);
			snprintf(text, sizeof(text), "sample '%s' %s (%u rows a batch, reads of %zu)",
			         exam->samples[s].name, what, d.max_rows ? d.max_rows : 1024, d.max_read);
			r = decode_run(exam, &exam->samples[s], &d);
			if (!r)
				r = decode_compare(exam, &all, &d, 0, 0, text);
			decode_done(&d);
		}
		decode_done(&all);
	}
	return r;
}

static int reads_the_samples(struct exam *exam)
{
	for (size_t i = 0; i < exam->n_samples; i++) {
		struct decode d;

		if (decode_whole(exam, &exam->samples[i], &d))
			return -1;
		exam_note(exam, "%s: %zu rows, %zu rejected", exam->samples[i].name, d.digest.n, d.lab.rejects.n);
		if (!d.digest.n && !d.lab.rejects.n && exam->samples[i].len)
			return exam_fail(exam, "sample '%s' gives neither rows nor rejected records",
			                 exam->samples[i].name);
		decode_done(&d);
	}
	return 0;
}

static void vary_batch(struct exam *exam, struct decode *d, int i)
{
	static const uint32_t rows[] = {1, 7, 65536};

	(void)exam;
	d->max_rows = rows[i];
}

static int does_not_depend_on_batches(struct exam *exam)
{
	return all_the_same(exam, vary_batch, 3, "in other batches");
}

static void vary_reads(struct exam *exam, struct decode *d, int i)
{
	static const size_t sizes[] = {1, 2, 3, 7, 13, 997, 65521};

	(void)exam;
	d->max_read = sizes[i];
	d->no_seek = 1;
}

static int takes_short_reads(struct exam *exam)
{
	return all_the_same(exam, vary_reads, 7, "with short reads");
}

static void vary_structs(struct exam *exam, struct decode *d, int i)
{
	(void)exam, (void)i;
	d->old_structs = 1;
}

static int respects_struct_size(struct exam *exam)
{
	return all_the_same(exam, vary_structs, 1, "on a host with shorter structs");
}

/* ---- failing and damaged sources --------------------------------------------------------------------------------- */

static int hands_on_read_errors(struct exam *exam)
{
	for (uint64_t n = 1; n <= 40; n++) {
		struct decode d = {.fail_read = n, .max_read = exam->samples[0].len / 30 + 1};
		int r = decode_run(exam, &exam->samples[0], &d);
		orasi_status status = d.status;

		decode_done(&d);
		if (r)
			return r;
		if (status == ORASI_END)
			return n > 1 ? 0 : exam_fail(exam, "the first read fails, and it says that all is well");
		if (status != ORASI_E_IO)
			return exam_fail(
				exam,
				"a read fails with ORASI_E_IO (-100), and '%s' makes %d of it: return it as it came",
				d.function, status);
	}
	return 0;
}

struct damage {
	struct sample sample;
	struct decode decode;
};

static int decode_damaged(struct exam *exam, void *ctx)
{
	struct damage *damage = ctx;

	alarm(20);
	return decode_run(exam, &damage->sample, &damage->decode);
}

static int try_damaged(struct exam *exam, struct sample sample, const char *what)
{
	struct damage damage = {.sample = sample, .decode = {.damaged = 1}};
	size_t len;

	if (!exam_fork(exam, decode_damaged, &damage))
		return 0;
	len = strlen(exam->page->sentence);
	snprintf(exam->page->sentence + len, sizeof(exam->page->sentence) - len, " (sample '%s' %s, seed %llu)",
	         sample.name, what, (unsigned long long)exam->seed);
	return -1;
}

static int survives_cut_samples(struct exam *exam)
{
	for (size_t s = 0; s < exam->n_samples; s++) {
		struct sample cut = exam->samples[s];
		size_t step = cut.len / (exam->level == LEVEL_BASIC ? 40 : 200) + 1;
		char what[64];

		for (size_t n = 0; n < exam->samples[s].len; n += step) {
			cut.len = n;
			snprintf(what, sizeof(what), "cut behind %zu bytes", n);
			if (try_damaged(exam, cut, what))
				return -1;
		}
	}
	return 0;
}

static int survives_flipped_bits(struct exam *exam)
{
	int rounds = exam->level == LEVEL_BASIC ? 60 : exam->level == LEVEL_FULL ? 300 : 5000;

	for (size_t s = 0; s < exam->n_samples; s++) {
		struct sample flipped = exam->samples[s];
		char what[64];

		if (!flipped.len)
			continue;
		flipped.data = malloc(flipped.len);
		for (int i = 0; i < rounds && flipped.data; i++) {
			int n = 1 + (int)exam_random(exam, 4);

			memcpy(flipped.data, exam->samples[s].data, flipped.len);
			while (n--)
				flipped.data[exam_random(exam, flipped.len)] ^= (uint8_t)(1u << exam_random(exam, 8));
			snprintf(what, sizeof(what), "with flipped bits, round %d", i);
			if (try_damaged(exam, flipped, what))
				return -1;
		}
		free(flipped.data);
	}
	return 0;
}

static int refuses_foreign_states(struct exam *exam)
{
	uint8_t state[256];

	for (int i = 0; i < 40; i++) {
		struct decode d = {.state = {state, 1 + exam_random(exam, sizeof(state))}};
		int r;

		for (size_t k = 0; k < sizeof(state); k++)
			state[k] = (uint8_t)exam_random(exam, 256);
		r = decode_run(exam, &exam->samples[0], &d);
		decode_done(&d);
		if (r)
			return r;
	}
	return 0;
}

/* ---- cancel ------------------------------------------------------------------------------------------------------ */

static int stops_when_cancelled(struct exam *exam)
{
	struct decode d = {.repeat = SIZE_MAX, .cancel_at = 3, .no_seek = 1, .max_rows = 64};
	const struct sample *sample = &exam->samples[0];
	int r;

	if (exam->subject.descriptor->flags & ORASI_FLAG_RANDOM_ACCESS)
		return exam_skip(exam, "it reads at places: an endless source cannot be made for it");
	if (!sample->len)
		return exam_skip(exam, "the sample is empty");
	alarm(60);
	r = decode_run(exam, sample, &d);
	if (!r && d.status != ORASI_E_CANCELLED && d.lab.cancel)
		r = d.status == ORASI_E_CORRUPT || d.status == ORASI_END
		            ? exam_skip(exam, "the sample repeated is no input: %s", d.error.message)
		            : exam_fail(exam, "it was cancelled, and '%s' returned %d instead of ORASI_E_CANCELLED",
		                        d.function, d.status);
	if (!r && !d.lab.cancel)
		r = exam_skip(exam, "it ended before it could be cancelled: %s", d.error.message);
	decode_done(&d);
	return r;
}

/* ---- sniff ------------------------------------------------------------------------------------------------------- */

static int knows_its_own(struct exam *exam)
{
	uint8_t head[512];
	uint32_t score;

	if (!exam->subject.ingest->sniff)
		return exam_skip(exam, "it has no sniff");
	for (int i = 0; i < 200; i++) {
		size_t n = exam_random(exam, sizeof(head)), len = 0;
		uint8_t *map;

		for (size_t k = 0; k < n; k++)
			head[k] = (uint8_t)exam_random(exam, 256);
		map = guard_page_copy(head, (n + 7) & ~(size_t)7, &len);
		score = 0;
		if (CALL(exam, "sniff",
		         exam->subject.ingest->sniff(exam->subject.descriptor->id,
		                                     (orasi_bytes){map + len - ((n + 7) & ~(size_t)7), n},
		                                     ORASI_STR("x"), &score)))
			return exam_fail(exam, "sniff fails; it must answer 0 for what it does not know");
		guard_page_free(map, len);
		if (score > 100)
			return exam_fail(exam, "sniff answers %u, the most is 100", score);
	}
	for (size_t i = 0; i < exam->n_samples; i++) {
		const struct sample *s = &exam->samples[i];

		score = 0;
		CALL(exam, "sniff",
		     exam->subject.ingest->sniff(exam->subject.descriptor->id,
		                                 (orasi_bytes){s->data, s->len < 4096 ? s->len : 4096},
		                                 (orasi_str){s->name, strlen(s->name)}, &score));
		exam_note(exam, "%s: %u of 100", s->name, score);
	}
	return 0;
}

/* ---- batches that outlive their maker ---------------------------------------------------------------------------- */

struct kept_batch {
	struct ArrowArray batches[32];
	size_t n;
};

static int move_batch(void *ctx, const struct ArrowSchema *schema, struct ArrowArray *batch, const struct mark *mark)
{
	struct kept_batch *kept = ctx;

	(void)schema, (void)mark;
	if (kept->n < 32) {
		kept->batches[kept->n++] = *batch; /* moved: memcpy, and the source is released no more */
		batch->release = NULL;
	}
	return 0;
}

static void *release_all(void *arg)
{
	struct kept_batch *kept = arg;

	for (size_t i = 0; i < kept->n; i++)
		kept->batches[i].release(&kept->batches[i]);
	return NULL;
}

static int lets_batches_go(struct exam *exam)
{
	struct kept_batch kept = {.n = 0};
	struct decode d = {.on_batch = move_batch, .ctx = &kept, .max_rows = 7};
	pthread_t thread;
	int r = decode_run(exam, &exam->samples[0], &d);

	if (!r) {
		snprintf(exam->page->function, sizeof(exam->page->function), "release");
		if (pthread_create(&thread, NULL, release_all, &kept))
			r = exam_fail(exam, "cannot start a thread");
		else
			pthread_join(thread, NULL);
		exam->page->function[0] = '\0';
	}
	for (size_t i = 0; i < kept.n && !r; i++)
		if (kept.batches[i].release)
			r = exam_fail(exam, "release must set 'release' of the array that it was given to NULL, also "
			                    "of a moved one");
	decode_done(&d);
	return r;
}

#define KIND FOR_KIND(ORASI_KIND_INGEST)
const struct test tests_ingest[] = {
	{"ingest.samples", "the samples are read", KIND, TEST_SAMPLE, reads_the_samples},
	{"ingest.batches", "rows do not depend on the size of batches", KIND, TEST_SAMPLE, does_not_depend_on_batches},
	{"ingest.reads", "rows do not depend on how reads are cut", KIND, TEST_SAMPLE, takes_short_reads},
	{"ingest.struct-size", "nothing is written behind struct_size", KIND, TEST_SAMPLE, respects_struct_size},
	{"ingest.io", "a read that fails is handed on as it came", KIND, TEST_SAMPLE, hands_on_read_errors},
	{"ingest.cut", "cut input does not crash it", KIND, TEST_SAMPLE, survives_cut_samples},
	{"ingest.flipped", "flipped bits do not crash it", KIND, TEST_SAMPLE, survives_flipped_bits},
	{"ingest.state", "a state of garbage does not crash it", KIND, TEST_SAMPLE, refuses_foreign_states},
	{"ingest.cancel", "it stops when it is cancelled", KIND, TEST_SAMPLE, stops_when_cancelled},
	{"ingest.release", "batches can be released on another thread, behind destroy, and when moved", KIND,
         TEST_SAMPLE, lets_batches_go},
	{"ingest.sniff", "sniff answers 0 to 100, also for garbage", KIND, 0, knows_its_own},
	{0},
};
