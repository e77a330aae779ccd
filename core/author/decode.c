/* SPDX-License-Identifier: Apache-2.0 */
/* A format plugin from create to destroy, every answer held against the contract of orasi/ingest.h. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <orasi/sdk/arrow.h>

#include "exam.h"
#include "rows.h"

#define POISON 0xA5

struct run {
	struct exam *exam;
	const struct sample *sample;
	struct decode *d;
	struct lab_source source;
	struct lab_config config;
	void *self;
	uint64_t rows_total, bytes_total;
	uint32_t max_rows, since_cancel; /* batches */
	const orasi_ingest_feed *feed;   /* NULL: it reads */
	size_t fed;                      /* bytes of the sample */
	int last;                        /* it was told that nothing follows */
};

/* What the plugin fills, with bytes behind it that are not its to touch. */
struct guarded_mark {
	orasi_mark mark;
	uint8_t behind[64];
};

static int failed(struct run *run, const char *function, orasi_status status)
{
	struct decode *d = run->d;

	d->status = status;
	snprintf(d->function, sizeof(d->function), "%s", function);
	return exam_error(run->exam, function, status, &d->error);
}

/* ---- schema ------------------------------------------------------------------------------------------------------ */

static int check_schema(struct run *run, const char *function, const struct ArrowSchema *schema)
{
	struct arrow_type_info info;

	if (!schema->release)
		return exam_fail(run->exam, "'%s' returned ORASI_OK without a schema", function);
	if (!schema->format || strcmp(schema->format, "+s"))
		return exam_fail(run->exam, "'%s' gave a schema that is no struct ('+s')", function);
	for (int64_t i = 0; i < schema->n_children; i++) {
		const struct ArrowSchema *child = schema->children[i];

		if (!child->name)
			return exam_fail(run->exam, "'%s' gave a schema whose column %lld has no name", function,
			                 (long long)i);
		if (arrow_type_parse(child->format, &info))
			return exam_fail(run->exam, "'%s' gave column '%.60s' the unknown format '%.20s'", function,
			                 child->name, child->format);
		if (!run->d->damaged && arrow_schema_find(schema, child->name, strlen(child->name)) != i)
			return exam_fail(run->exam, "'%s' gave two columns the name '%.60s'", function, child->name);
	}
	return 0;
}

/* Old columns stay where they were. */
static int check_growth(struct run *run, const struct ArrowSchema *grown)
{
	const struct ArrowSchema *before = &run->d->schema;

	for (int64_t i = 0; i < before->n_children; i++)
		if (i >= grown->n_children || strcmp(before->children[i]->name, grown->children[i]->name))
			return exam_fail(run->exam, "the schema grew, but column '%.60s' is not where it was",
			                 before->children[i]->name);
	return 0;
}

static int ask_schema(struct run *run)
{
	struct ArrowSchema grown = {0};
	orasi_status status;
	int r;

	if (!run->exam->subject.ingest->schema)
		return exam_fail(run->exam, "'next' returned ORASI_SCHEMA, but the factory has no 'schema'");
	run->d->error = exam_no_error();
	status = CALL(run->exam, "schema", run->exam->subject.ingest->schema(run->self, &grown, &run->d->error));
	if (status)
		return failed(run, "schema", status);
	r = check_schema(run, "schema", &grown);
	if (!r)
		r = check_growth(run, &grown);
	arrow_schema_release(&run->d->schema);
	run->d->schema = grown;
	return r;
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

static int check_batch(struct run *run, const struct ArrowArray *batch)
{
	char message[256];

	if (!batch->release)
		return exam_fail(run->exam, "'next' returned ORASI_OK without a batch");
	if (arrow_validate(&run->d->schema, batch, 1, message, sizeof(message)))
		return exam_fail(run->exam, "'next' gave a batch that is not of its schema: %s", message);
	if (batch->length < 1)
		return exam_fail(run->exam, "'next' gave a batch without rows");
	if (batch->length > run->max_rows)
		return exam_fail(run->exam, "'next' gave %lld rows, at most %u were allowed", (long long)batch->length,
		                 run->max_rows);
	if (batch->null_count > 0)
		return exam_fail(run->exam, "'next' gave a batch with nulls at the top");
	return 0;
}

static int check_mark(struct run *run, const struct guarded_mark *guarded, const struct ArrowArray *batch)
{
	const orasi_mark *mark = &guarded->mark;
	const uint8_t *behind = (const uint8_t *)mark + mark->struct_size;

	for (const uint8_t *p = behind; p < guarded->behind + sizeof(guarded->behind); p++)
		if (*p != POISON)
			return exam_fail(run->exam, "'next' wrote behind the end of the mark (struct_size %u)",
			                 mark->struct_size);
	if (mark->flags & ~(ORASI_MARK_RESUMABLE | ORASI_MARK_PLACED))
		return exam_fail(run->exam, "'next' set flags of the mark that do not exist: 0x%x", mark->flags);
	if (run->d->n_marks || !run->d->state.len)
		if (mark->rows_total != run->rows_total + (uint64_t)batch->length)
			return exam_fail(run->exam, "rows_total of the mark is %llu behind %llu + %lld rows",
			                 (unsigned long long)mark->rows_total, (unsigned long long)run->rows_total,
			                 (long long)batch->length);
	if (mark->bytes_total < run->bytes_total)
		return exam_fail(run->exam, "bytes_total of the mark has gone back from %llu to %llu",
		                 (unsigned long long)run->bytes_total, (unsigned long long)mark->bytes_total);
	if (mark->flags & ORASI_MARK_RESUMABLE && (!mark->state.len || mark->state.len > 64 << 10))
		return exam_fail(run->exam, "a RESUMABLE mark has a state of %zu bytes, it must be 1 to 65536",
		                 mark->state.len);
	run->rows_total = mark->rows_total;
	run->bytes_total = mark->bytes_total;
	return 0;
}

static int keep_rows(struct run *run, const struct ArrowArray *batch)
{
	struct arrow_view view;
	struct buf text;

	if (arrow_view_init(&view, &run->d->schema, batch))
		return exam_fail(run->exam, "a batch cannot be read by its schema");
	buf_init(&text, 0);
	for (int64_t i = 0; i < batch->length; i++) {
		buf_clear(&text);
		rows_print(&view, i, 1, &text);
		digest_add(&run->d->digest, digest_bytes(0, text.data, text.len));
	}
	buf_done(&text);
	return 0;
}

static struct mark *keep_mark(struct run *run, const orasi_mark *mark)
{
	struct decode *d = run->d;
	struct mark *kept;

	if (!(d->n_marks & (d->n_marks + 1))) {
		d->marks = realloc(d->marks, 2 * (d->n_marks + 1) * sizeof(*d->marks));
		if (!d->marks)
			abort();
	}
	kept = &d->marks[d->n_marks++];
	*kept = (struct mark){.rows = d->digest.n,
	                      .rejects = d->lab.rejects.n,
	                      .rows_total = mark->rows_total,
	                      .resumable = mark->flags & ORASI_MARK_RESUMABLE};
	if (kept->resumable) {
		kept->len = mark->state.len;
		kept->state = malloc(kept->len);
		if (!kept->state)
			abort();
		memcpy(kept->state, mark->state.ptr, kept->len);
	}
	return kept;
}

static int take_batch(struct run *run, const struct guarded_mark *guarded, struct ArrowArray *batch)
{
	struct decode *d = run->d;
	const struct mark *mark;
	int r = check_batch(run, batch);

	if (!r && d->lab.cancel && ++run->since_cancel > 100)
		r = exam_fail(run->exam, "it was cancelled, and goes on: look at *job->cancel_flag");
	if (!r)
		r = check_mark(run, guarded, batch);
	if (!r)
		r = keep_rows(run, batch);
	if (r)
		return r;
	mark = keep_mark(run, &guarded->mark);
	if (d->on_batch)
		r = d->on_batch(d->ctx, &d->schema, batch, mark);
	if (d->kill_after && d->n_marks >= (size_t)d->kill_after && mark->resumable)
		kill(getpid(), SIGKILL);
	return r;
}

/* ---- bytes that are handed in ------------------------------------------------------------------------------------ */

const orasi_ingest_feed *decode_feed(struct exam *exam, void *self)
{
	const orasi_ingest_factory *f = exam->subject.ingest;
	const orasi_ingest_feed *feed =
		f->get_extension ? CALL(exam, "get_extension", f->get_extension(self, ORASI_INGEST_FEED)) : NULL;

	if (!feed || (ORASI_COVERS(feed, feed) && !feed->reserved && feed->open && feed->feed))
		return feed;
	exam_fail(exam, "its table '" ORASI_INGEST_FEED "' is too short, lacks a function, or has a reserved member "
	                "that is not 0");
	return NULL;
}

int decode_can_feed(struct exam *exam)
{
	orasi_error error = exam_no_error();
	const orasi_ingest_feed *feed;
	struct lab lab;
	void *self = NULL;
	int r = -1;

	lab_init(&lab, exam->subject.descriptor);
	if (instance_create(exam, &lab, NULL, exam->config, &self, &error)) {
		exam_fail(exam, "create fails: %s", error.message);
	} else {
		feed = decode_feed(exam, self);
		r = feed ? 1 : exam->page->outcome == OUTCOME_NONE ? 0 : -1;
		instance_destroy(exam, self);
	}
	lab_done(&lab);
	return r;
}

static orasi_status never_read(orasi_source *source, void *buf, size_t cap, size_t *got, orasi_error *err)
{
	(void)source, (void)buf, (void)cap, (void)got;
	strcpy(err->message, "a source that is fed is not to be read");
	return ORASI_E_INVALID;
}

#define FEED_PIECE (64u << 10)

/* Of the sample: a block that ends where the piece does, and is gone afterwards. Whether nothing follows is told with the
 * bytes, or behind them. */
static uint8_t *cut_piece(struct run *run, size_t *ret)
{
	size_t left = run->sample->len - run->fed, n = run->d->fed == FEED_BYTES ? 1 : exam_random(run->exam, 400);
	uint8_t *piece;

	n = n < left ? n : left;
	run->last = n == left && (!n || run->d->fed == FEED_BYTES || exam_random(run->exam, 2));
	piece = malloc(n + !n);
	if (!piece)
		abort();
	if (n)
		memcpy(piece, run->sample->data + run->fed, n);
	*ret = n;
	return piece;
}

/* Of a pipe: what has come. A status below 0: it broke. */
static orasi_status read_piece(struct run *run, uint8_t **ret, size_t *ret_n)
{
	uint8_t *piece = malloc(FEED_PIECE);
	int64_t n;

	if (!piece)
		abort();
	n = run->d->more(run->d->from, piece, FEED_PIECE, &run->d->error);
	run->last = n <= 0;
	*ret_n = n > 0 ? (size_t)n : 0;
	*ret = piece;
	return n < 0 ? (orasi_status)n : ORASI_OK;
}

/* 1: go on, 0: it failed, -1. */
static int feed_more(struct run *run)
{
	uint8_t *piece;
	size_t n;
	orasi_status status;

	run->d->error = exam_no_error();
	if (run->d->fed == FEED_STREAM) {
		status = read_piece(run, &piece, &n);
	} else {
		piece = cut_piece(run, &n);
		status = ORASI_OK;
	}
	if (status) {
		free(piece);
		return failed(run, "read", status) ? -1 : 0;
	}
	run->fed += n;
	status = CALL(run->exam, "feed",
	              run->feed->feed(run->self, (orasi_bytes){n ? piece : NULL, n}, run->last ? ORASI_FEED_LAST : 0,
	                              &run->d->error));
	memset(piece, POISON, n);
	free(piece);
	if (status)
		return failed(run, "feed", status) ? -1 : 0;
	return 1;
}

static int on_again(struct run *run)
{
	if (!run->feed)
		return failed(run, "next", ORASI_AGAIN);
	if (run->last)
		return exam_fail(run->exam,
		                 "all bytes were fed, with ORASI_FEED_LAST, and 'next' returned ORASI_AGAIN");
	return feed_more(run);
}

/* 1: go on, 0: the end, -1. */
static int step(struct run *run)
{
	struct guarded_mark guarded;
	struct ArrowArray batch = {0};
	orasi_status status;
	int r;

	memset(&guarded, POISON, sizeof(guarded));
	memset(&guarded.mark, 0, run->d->old_structs ? offsetof(orasi_mark, first_row) : sizeof(guarded.mark));
	guarded.mark.struct_size = run->d->old_structs ? offsetof(orasi_mark, first_row) : sizeof(guarded.mark);
	run->d->error = exam_no_error();
	status = CALL(run->exam, "next",
	              run->exam->subject.ingest->next(run->self, &batch, &guarded.mark, &run->d->error));
	if (status != ORASI_OK && batch.release)
		return exam_fail(run->exam, "'next' returned %d and a batch: only ORASI_OK comes with one", status);
	if (status == ORASI_SCHEMA)
		return ask_schema(run) ? -1 : run->d->status ? 0 : 1;
	if (status == ORASI_AGAIN)
		return on_again(run);
	if (status == ORASI_END && run->feed && !run->last)
		return exam_fail(run->exam, "'next' returned ORASI_END before ORASI_FEED_LAST: more could have come");
	if (status == ORASI_END) {
		run->d->status = status;
		return 0;
	}
	if (status)
		return failed(run, "next", status);
	r = take_batch(run, &guarded, &batch);
	if (batch.release)
		CALL_VOID(run->exam, "release", batch.release(&batch));
	if (!r && batch.release)
		return exam_fail(run->exam, "the release of a batch must set its 'release' to NULL");
	return r ? -1 : 1;
}

/* ---- open, all, close -------------------------------------------------------------------------------------------- */

static int open_source(struct run *run)
{
	struct decode *d = run->d;
	/* What is handed in is read-only, and nothing may be read behind it. */
	size_t map_len = 0;
	uint8_t *map = d->state.len ? guard_page_copy(d->state.ptr, d->state.len, &map_len) : NULL;
	orasi_ingest_open open = {
		.struct_size = sizeof(open),
		.flags = d->flags,
		.source = &run->source.source,
		.range_begin = d->range_begin,
		.range_end = d->range_end,
		.checkpoint = {map ? map + map_len - ((d->state.len + 7) & ~(size_t)7) : NULL, d->state.len},
		.want = d->want,
		.max_rows = run->max_rows,
		.max_bytes = 1 << 20,
		.rows = d->rows,
		.n_rows = d->n_rows,
	};
	uint64_t from = 0;
	orasi_status status;

	d->error = exam_no_error();
	if (run->feed)
		status = CALL(run->exam, "open", run->feed->open(run->self, &open, &from, &d->schema, &d->error));
	else
		status = CALL(run->exam, "open",
		              run->exam->subject.ingest->open(run->self, &open, &d->schema, &d->error));
	if (map)
		guard_page_free(map, map_len);
	if (status)
		return failed(run, "open", status);
	if (from > run->sample->len || (from && !d->state.len))
		return exam_fail(run->exam, "'open' wants to be fed from byte %llu on; the source has %zu%s",
		                 (unsigned long long)from, run->sample->len,
		                 d->state.len ? "" : ", and it starts anew");
	run->fed = from;
	return check_schema(run, "open", &d->schema);
}

/* 0; -1. */
static int prepare_feed(struct run *run)
{
	if (!run->d->fed)
		return 0;
	run->feed = decode_feed(run->exam, run->self);
	run->source.source.flags = 0;
	run->source.source.read = never_read;
	run->source.source.pread = NULL;
	return run->feed ? 0 : exam_fail(run->exam, "it does not offer '" ORASI_INGEST_FEED "' any more");
}

static int close_source(struct run *run)
{
	orasi_error error = exam_no_error();
	orasi_status status = CALL(run->exam, "close", run->exam->subject.ingest->close(run->self, &error));

	return status && run->d->status == ORASI_END ? exam_error(run->exam, "close", status, &error) : 0;
}

static int needs_seek(const struct exam *exam)
{
	return (exam->subject.descriptor->flags & ORASI_FLAG_RANDOM_ACCESS) != 0;
}

int decode_run(struct exam *exam, const struct sample *sample, struct decode *d)
{
	struct run run = {exam, sample, d, .max_rows = d->max_rows ? d->max_rows : 1024};
	int r, opened = 0;

	lab_init(&d->lab, exam->subject.descriptor);
	d->lab.minimal = d->minimal;
	lab_source_init(&run.source, sample->data, sample->len, needs_seek(exam) || !d->no_seek);
	run.source.max_read = d->max_read;
	run.source.repeat = d->repeat;
	run.source.fail_at = d->fail_read;
	run.source.script = d->script;
	run.source.record = d->record;
	run.source.cancel = d->cancel_at ? &d->lab.cancel : NULL;
	run.source.cancel_at = d->cancel_at;
	d->status = ORASI_OK;
	d->error = exam_no_error();
	d->status = instance_create(exam, &d->lab, NULL, d->config ? d->config : exam->config, &run.self, &d->error);
	if (d->status)
		return failed(&run, "create", d->status);
	r = prepare_feed(&run);
	if (!r)
		r = open_source(&run);
	opened = !r && !d->status;
	if (opened && run.feed)
		r = feed_more(&run) < 0 ? -1 : 0;
	while (!r && !d->status) {
		r = step(&run);
		r = r < 0 ? r : !r && !d->status ? exam_fail(exam, "the reader has stopped without a status") : 0;
	}
	if (opened && !r)
		r = close_source(&run);
	instance_destroy(exam, run.self);
	if (!r && d->lab.misuse)
		r = exam_fail(exam, "%s", d->lab.misuse);
	return r;
}

int decode_whole(struct exam *exam, const struct sample *sample, struct decode *ret)
{
	int r;

	*ret = (struct decode){0};
	r = decode_run(exam, sample, ret);
	if (!r && ret->status != ORASI_END)
		r = exam_fail(exam, "sample '%s': '%s' fails (%d): %s", sample->name, ret->function, ret->status,
		              ret->error.message);
	return r;
}

void decode_done(struct decode *d)
{
	for (size_t i = 0; i < d->n_marks; i++)
		free(d->marks[i].state);
	free(d->marks);
	digest_done(&d->digest);
	arrow_schema_release(&d->schema);
	lab_done(&d->lab);
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

static int compare(struct exam *exam, const char *things, const struct digest *a, const struct digest *b, size_t from,
                   const char *what)
{
	if (a->n - from != b->n)
		return exam_fail(exam, "%s: %zu %s, but %zu in one go", what, b->n, things, a->n - from);
	for (size_t i = 0; i < b->n; i++)
		if (a->items[from + i] != b->items[i])
			return exam_fail(exam, "%s: number %zu of the %s is not the same as in one go", what, from + i,
			                 things);
	return 0;
}

int decode_compare(struct exam *exam, const struct decode *a, const struct decode *b, size_t row, size_t reject,
                   const char *what)
{
	if (a->status == ORASI_END && b->status != ORASI_END)
		return exam_fail(exam, "%s: it fails in '%s' (%d): %s", what, b->function, b->status, b->error.message);
	if (compare(exam, "rows", &a->digest, &b->digest, row, what))
		return -1;
	return compare(exam, "rejected records", &a->lab.rejects, &b->lab.rejects, reject, what);
}
