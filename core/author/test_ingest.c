/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of format plugins on samples: the sequence of rows is the same however it is asked for, whatever dies in
 * between, and damaged bytes are refused, not obeyed. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "base/file.h"
#include "exam.h"
#include "parcel.h"
#include "rows.h"

/* All of a sample in one go, which must work. */
static int whole(struct exam *exam, const struct sample *sample, struct decode *ret)
{
	int r;

	*ret = (struct decode){0};
	r = decode_run(exam, sample, ret);
	if (!r && ret->status != ORASI_END)
		r = exam_fail(exam, "sample '%s': '%s' fails (%d): %s", sample->name, ret->function, ret->status,
		              ret->error.message);
	return r;
}

/* Runs `variant` on every sample and holds it against the whole. */
static int all_the_same(struct exam *exam, void (*vary)(struct exam *exam, struct decode *d, int i), int variants,
                        const char *what)
{
	int r = 0;

	for (size_t s = 0; s < exam->n_samples && !r; s++) {
		struct decode all;

		r = whole(exam, &exam->samples[s], &all);
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

		if (whole(exam, &exam->samples[i], &d))
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

/* ---- kill and resume --------------------------------------------------------------------------------------------- */

/* A step in a process of its own; what is durable goes into files below --scratch before anything may die. */
static int keep(struct exam *exam, const char *name, const void *p, size_t n)
{
	char path[512];
	struct err err = {0};

	snprintf(path, sizeof(path), "%s/%s", exam->scratch, name);
	return file_replace(path, p, n, &err) ? exam_fail(exam, "%s", err.text) : 0;
}

static int fetch_kept(struct exam *exam, const char *name, struct buf *ret)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", exam->scratch, name);
	buf_init(ret, 0);
	return file_read(path, 1u << 30, ret, NULL);
}

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
	r = keep(c->exam, "commit", parcel.data, parcel.len);
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
	if (!fetch_kept(exam, "resume", &before)) {
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
	return keep(exam, "end", before.data, before.len);
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
	r = keep(exam, "resume", next.data, next.len);
	buf_done(&next);
	return r;
}

static void forget(struct exam *exam, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", exam->scratch, name);
	remove(path);
}

/* Kills the reader behind every batch until one run reaches the end. */
static int chain_of_kills(struct exam *exam, const char *batch, struct digest *rows, struct digest *rejects, int *kills)
{
	const char *const more[] = {"--batch", batch, NULL};
	struct buf parcel;

	forget(exam, "resume");
	for (*kills = 0; *kills < 2000; ++*kills) {
		int code, r;

		forget(exam, "commit");
		forget(exam, "end");
		code = exam_again(exam, "ingest.resume-step", more);
		if (code && code != -SIGKILL)
			return exam->page->outcome != OUTCOME_NONE
			               ? -1
			               : exam_fail(exam, "it died of signal %d (%s) in '%s', resumed from its state",
			                           -code, strsignal(-code), exam->page->function);
		if (fetch_kept(exam, code ? "commit" : "end", &parcel))
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
	int r = whole(exam, &exam->samples[0], &d), marks = 0;

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

/* ---- what its flags promise -------------------------------------------------------------------------------------- */

static int splits(struct exam *exam)
{
	const struct sample *sample = &exam->samples[0];
	struct decode all;
	int r;

	if (!(exam->subject.descriptor->flags & ORASI_FLAG_SPLITTABLE))
		return exam_skip(exam, "it does not say SPLITTABLE");
	r = whole(exam, sample, &all);
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
	r = whole(exam, &exam->samples[0], &all);
	for (int round = 0; round < 20 && !r; round++) {
		uint64_t rows[64], n = 0, at = 0;
		struct decode d = {.flags = ORASI_OPEN_ROWS, .rows = rows};

		while (n < 64 && (at += exam_random(exam, 1 + all.digest.n / 8)) < all.digest.n)
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
	orasi_encode_info info = {.struct_size = sizeof(info)};
	orasi_error error = exam_no_error();
	struct json *stats;
	struct err err = {0};
	orasi_status status = CALL(e->exam, "finish", f->finish(e->self, &info, &error));

	if (status)
		return exam_error(e->exam, "finish", status, &error)
		               ? -1
		               : exam_fail(e->exam, "finish fails: %s", error.message);
	if (info.rows != rows || info.bytes != e->output.bytes.len)
		return exam_fail(e->exam,
		                 "finish says %llu rows and %llu bytes, it was given %llu rows and wrote %zu bytes",
		                 (unsigned long long)info.rows, (unsigned long long)info.bytes,
		                 (unsigned long long)rows, e->output.bytes.len);
	if (!info.stats_json.len)
		return 0;
	if (json_parse(info.stats_json.ptr, info.stats_json.len, &stats, &err))
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
const struct test tests_ingest[] = {
	{"ingest.samples", "the samples are read", KIND, TEST_SAMPLE, reads_the_samples},
	{"ingest.batches", "rows do not depend on the size of batches", KIND, TEST_SAMPLE, does_not_depend_on_batches},
	{"ingest.reads", "rows do not depend on how reads are cut", KIND, TEST_SAMPLE, takes_short_reads},
	{"ingest.kill",
         "killed with SIGKILL behind every batch and resumed in a fresh process: the same rows and rejects", KIND,
         TEST_SAMPLE, survives_kills},
	{"ingest.resume-step", NULL, KIND, TEST_SAMPLE, resume_step},
	{"ingest.struct-size", "nothing is written behind struct_size", KIND, TEST_SAMPLE, respects_struct_size},
	{"ingest.io", "a read that fails is handed on as it came", KIND, TEST_SAMPLE, hands_on_read_errors},
	{"ingest.cut", "cut input does not crash it", KIND, TEST_SAMPLE, survives_cut_samples},
	{"ingest.flipped", "flipped bits do not crash it", KIND, TEST_SAMPLE, survives_flipped_bits},
	{"ingest.state", "a state of garbage does not crash it", KIND, TEST_SAMPLE, refuses_foreign_states},
	{"ingest.cancel", "it stops when it is cancelled", KIND, TEST_SAMPLE, stops_when_cancelled},
	{"ingest.release", "batches can be released on another thread, behind destroy, and when moved", KIND,
         TEST_SAMPLE, lets_batches_go},
	{"ingest.sniff", "sniff answers 0 to 100, also for garbage", KIND, 0, knows_its_own},
	{"ingest.split", "ranges of bytes together give all rows once", KIND, TEST_SAMPLE, splits},
	{"ingest.rows", "rows that are asked for by number are those", KIND, TEST_SAMPLE, finds_rows},
	{"ingest.encode", "what it writes it reads again", KIND, TEST_SAMPLE, writes_what_it_reads},
	{0},
};
