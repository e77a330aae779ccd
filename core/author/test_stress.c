/* SPDX-License-Identifier: Apache-2.0 */
/* Tests that take long, for the level stress. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "exam.h"

#define RUNS 1000
#define TINY_BATCHES 1000000

static int64_t resident_bytes(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file && fscanf(file, "%*d %ld", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

static int work_often(struct exam *exam, int runs)
{
	int r = 0;

	for (int i = 0; i < runs && !r; i++) {
		struct lab lab;

		lab_init(&lab, exam->subject.descriptor);
		exam->random = exam->seed;
		r = instance_work(exam, &lab, exam->config, NULL);
		lab_done(&lab);
	}
	return r;
}

/* What is left behind by every run shows as growth, also what no allocator of ours counts: maps, arenas of threads. */
static int keeps_its_size(struct exam *exam)
{
	int64_t before, after;

	if (work_often(exam, RUNS / 5))
		return -1;
	before = resident_bytes();
	if (work_often(exam, RUNS))
		return -1;
	after = resident_bytes();
	exam_note(exam, "%lld KiB, then %lld KiB", (long long)before >> 10, (long long)after >> 10);
	return after <= before + before / 4 + (4 << 20)
	               ? 0
	               : exam_fail(exam, "it has grown from %lld to %lld KiB in %d runs from create to destroy",
	                           (long long)before >> 10, (long long)after >> 10, RUNS);
}

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A number to compare with later versions, not a limit. */
static int counts_tiny_batches(struct exam *exam)
{
	double spent = cpu_s();
	size_t batches = 0;

	while (batches < TINY_BATCHES && cpu_s() - spent < 30) {
		struct decode d = {.max_rows = 1, .repeat = 1000};
		int r = decode_run(exam, &exam->samples[0], &d);

		batches += d.n_marks;
		if (!r && !d.n_marks)
			r = exam_skip(exam, "its sample has no rows");
		decode_done(&d);
		if (r)
			return r;
	}
	spent = cpu_s() - spent;
	exam_note(exam, "%zu batches of one row, %.0f a second of CPU", batches, (double)batches / spent);
	return 0;
}

const struct test tests_stress[] = {
	{"stress.memory", "it does not grow over a thousand runs", 0, TEST_STRESS, keeps_its_size},
	{"stress.batches", "a million batches of one row", FOR_KIND(ORASI_KIND_INGEST), TEST_STRESS | TEST_SAMPLE,
         counts_tiny_batches},
	{0},
};
