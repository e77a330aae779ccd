/* SPDX-License-Identifier: Apache-2.0 */
/* What the flags of a format plugin promise: ranges of bytes, rows by number, and writing. */
#include <stdlib.h>
#include <string.h>

#include "exam.h"

/* ---- ranges and rows --------------------------------------------------------------------------------------------- */

static int splits(struct exam *exam)
{
	const struct sample *sample = &exam->samples[0];
	struct decode all;
	int r;

	if (!(exam->subject.descriptor->flags & ORASI_FLAG_SPLITTABLE))
		return exam_skip(exam, "it does not say SPLITTABLE");
	r = decode_whole(exam, sample, &all);
	for (int round = 0; round < 30 && !r && sample->len > 2; round++) {
		uint64_t at = 1 + exam_random(exam, sample->len - 1);
		struct decode first = {.range_end = at, .want = &all.schema};
		struct decode second = {.range_begin = at, .range_end = sample->len, .want = &all.schema};

		r = decode_run(exam, sample, &first);
		if (!r && first.status != ORASI_END)
			r = first.status == ORASI_E_UNSUPPORTED || first.status == ORASI_E_CONFIG
			            ? exam_skip(exam, "this sample cannot be split: %s", first.error.message)
			            : exam_fail(exam, "the range up to byte %llu: '%s' fails: %s",
			                        (unsigned long long)at, first.function, first.error.message);
		if (!r)
			r = decode_run(exam, sample, &second);
		for (size_t i = 0; i < second.digest.n; i++)
			digest_add(&first.digest, second.digest.items[i]);
		if (!r && (first.digest.n != all.digest.n ||
		           (all.digest.n && memcmp(first.digest.items, all.digest.items, all.digest.n * 8))))
			r = exam_fail(exam, "split at byte %llu it gives %zu rows, in one go %zu, or others",
			              (unsigned long long)at, first.digest.n, all.digest.n);
		decode_done(&second);
		decode_done(&first);
	}
	decode_done(&all);
	return r;
}

static int finds_rows(struct exam *exam)
{
	struct decode all;
	int r;

	if (!(exam->subject.descriptor->flags & ORASI_FLAG_ROWS))
		return exam_skip(exam, "it does not say ROWS");
	r = decode_whole(exam, &exam->samples[0], &all);
	for (int round = 0; round < 20 && !r; round++) {
		uint64_t rows[64], n = 0, at = 0;
		struct decode d = {.flags = ORASI_OPEN_ROWS, .rows = rows};

		while (n < 64 && (at += exam_random(exam, 2 + all.digest.n / 8)) < all.digest.n)
			rows[n++] = at++;
		d.n_rows = n;
		r = decode_run(exam, &exam->samples[0], &d);
		if (!r && (d.status != ORASI_END || d.digest.n != n))
			r = exam_fail(exam, "asked for %llu rows it gives %zu: %s", (unsigned long long)n, d.digest.n,
			              d.error.message);
		for (uint64_t i = 0; i < n && !r; i++)
			if (d.digest.items[i] != all.digest.items[rows[i]])
				r = exam_fail(exam, "asked for row %llu it gives another", (unsigned long long)rows[i]);
		decode_done(&d);
	}
	decode_done(&all);
	return r;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

struct encoding {
	struct exam *exam;
	void *self;
	struct lab_output output;
	int opened;
	struct digest rows;
};

static int encode_batch(void *ctx, const struct ArrowSchema *schema, struct ArrowArray *batch, const struct mark *mark)
{
	struct encoding *e = ctx;
	const orasi_encode_factory *f = e->exam->subject.encode;
	orasi_encode_open open = {sizeof(open), 0, &e->output.output, schema};
	orasi_error error = exam_no_error();
	orasi_status status = ORASI_OK;

	(void)mark;
	if (!e->opened)
		status = CALL(e->exam, "encode open", f->open(e->self, &open, &error));
	e->opened = 1;
	if (!status)
		status = CALL(e->exam, "write", f->write(e->self, batch, &error));
	if (!status && !batch->release)
		return exam_fail(e->exam, "write has released the batch, which stays the host's");
	if (status)
		return exam_error(e->exam, "write", status, &error)
		               ? -1
		               : exam_fail(e->exam, "write fails: %s", error.message);
	return 0;
}

static int finish_encoding(struct encoding *e, uint64_t rows)
{
	const orasi_encode_factory *f = e->exam->subject.encode;
	EXAM_GUARDED(orasi_encode_info) guarded;
	const orasi_encode_info *info = &guarded.it;
	orasi_error error = exam_no_error();
	struct json *stats;
	struct err err = {0};
	orasi_status status;

	EXAM_GUARD(guarded);
	status = CALL(e->exam, "finish", f->finish(e->self, &guarded.it, &error));
	if (exam_check_behind(e->exam, guarded.behind, "finish", "info"))
		return -1;
	if (status)
		return exam_error(e->exam, "finish", status, &error)
		               ? -1
		               : exam_fail(e->exam, "finish fails: %s", error.message);
	if (info->rows != rows || info->bytes != e->output.bytes.len)
		return exam_fail(e->exam,
		                 "finish says %llu rows and %llu bytes, it was given %llu rows and wrote %zu bytes",
		                 (unsigned long long)info->rows, (unsigned long long)info->bytes,
		                 (unsigned long long)rows, e->output.bytes.len);
	if (!info->stats_json.len)
		return 0;
	if (json_parse(info->stats_json.ptr, info->stats_json.len, &stats, &err))
		return exam_fail(e->exam, "stats_json of finish is no JSON: %s", err.text);
	if (json_get_int(stats, "numRecords", -1) != (int64_t)rows)
		return exam_fail(e->exam, "numRecords of stats_json is not the number of rows");
	json_free(stats);
	return 0;
}

static int writes_what_it_reads(struct exam *exam)
{
	struct encoding e = {.exam = exam};
	struct decode d = {.on_batch = encode_batch, .ctx = &e}, back = {0};
	orasi_error error = exam_no_error();
	struct sample written = {.name = "its own output"};
	struct json *none = json_new_object();
	struct lab_config config;
	orasi_status status;
	int r;

	if (!exam->subject.encode)
		return exam_skip(exam, "it does not say ENCODES");
	lab_output_init(&e.output);
	lab_config_init(&config, none);
	status = CALL(exam, "encode create",
	              exam->subject.encode->create(&exam->lab.host, exam->subject.descriptor->id, &config.config,
	                                           &e.self, &error));
	if (status)
		return exam_error(exam, "create", status, &error)
		               ? -1
		               : exam_fail(exam, "encode create fails: %s", error.message);
	r = decode_run(exam, &exam->samples[0], &d);
	if (!r && !e.opened)
		return exam_skip(exam, "the sample has no rows");
	if (!r)
		r = finish_encoding(&e, d.digest.n);
	CALL_VOID(exam, "encode destroy", exam->subject.encode->destroy(e.self));
	written.data = (uint8_t *)e.output.bytes.data;
	written.len = e.output.bytes.len;
	back.want = &d.schema;
	back.config = none;
	if (!r)
		r = decode_run(exam, &written, &back);
	if (!r && (back.digest.n != d.digest.n || memcmp(back.digest.items, d.digest.items, d.digest.n * 8)))
		r = exam_fail(exam, "read, written and read again the rows are %zu instead of %zu, or others: %s",
		              back.digest.n, d.digest.n, back.error.message);
	return r;
}

#define KIND FOR_KIND(ORASI_KIND_INGEST)
const struct test tests_promises[] = {
	{"ingest.split", "ranges of bytes together give all rows once", KIND, TEST_SAMPLE, splits},
	{"ingest.rows", "rows that are asked for by number are those", KIND, TEST_SAMPLE, finds_rows},
	{"ingest.encode", "what it writes it reads again", KIND, TEST_SAMPLE, writes_what_it_reads},
	{0},
};
