/* SPDX-License-Identifier: Apache-2.0 */
/* An index over what a format reads from a file: a segment in memory, opened, verified, and asked what --query says. Hits
 * on standard output, with the keys of their rows, one JSON object a line; without a query what was built. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "query.h"
#include "rows.h"
#include "run.h"

#define COLUMNS_MAX 16
#define HITS_MAX 256

struct work {
	struct running *run;
	const orasi_index_factory *f;
	orasi_index_caps caps;
	struct lab lab;
	void *self, *build, *reader;
	struct ArrowSchema keys;
	struct lab_store store;
	orasi_segment_info info;
	uint64_t rows, hits, hash;
	struct buf text;      /* the keys of all rows as JSON, each with its NUL */
	struct digest places; /* where each begins */
};

/* ---- keys --------------------------------------------------------------------------------------------------------- */

static int which_column(struct work *work, const struct ArrowSchema *schema)
{
	struct buf names;

	buf_init(&names, 0);
	for (int64_t i = 0; i < schema->n_children && i < 20; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", schema->children[i]->name);
	run_fail(work->run, AUTHOR_USAGE, "--column NAME: say which column is the key; there are %.500s", names.data);
	buf_done(&names);
	return -1;
}

static int add_key(struct work *work, const struct ArrowSchema *schema, const char *name, int i)
{
	int64_t column = arrow_schema_find(schema, name, strlen(name));

	if (column < 0)
		return run_fail(work->run, AUTHOR_FAILED, "--column %s: the input has no such column", name);
	return arrow_schema_copy(work->keys.children[i], schema->children[column])
	               ? run_fail(work->run, AUTHOR_FAILED, "out of memory")
	               : 0;
}

static int choose_keys(struct work *work, const struct ArrowSchema *schema)
{
	const struct typed *typed = work->run->typed;
	int n = 0, r = 0;

	while (typed_nth(typed, "column", n))
		n++;
	if (!n && schema->n_children != 1)
		return which_column(work, schema);
	if (n > COLUMNS_MAX || (n && (uint32_t)n > work->caps.max_columns))
		return run_fail(work->run, AUTHOR_USAGE, "--column: at most %u columns go into such an index",
		                work->caps.max_columns < COLUMNS_MAX ? work->caps.max_columns : COLUMNS_MAX);
	if (arrow_schema_make(&work->keys, "+s", "", 0, n ? n : 1))
		return run_fail(work->run, AUTHOR_FAILED, "out of memory");
	for (int i = 0; i < (n ? n : 1) && !r; i++)
		r = add_key(work, schema, n ? typed_nth(typed, "column", i) : schema->children[0]->name, i);
	return r;
}

static void keep(struct ArrowArray *array)
{
	array->release = NULL; /* what is in it is the batch's */
}

/* The key columns of a batch, as a struct of their own that lives as long. */
static int take_keys(struct work *work, const struct ArrowSchema *schema, const struct ArrowArray *batch,
                     struct ArrowArray **children, struct ArrowArray *ret)
{
	static const void *no_buffers[1];
	int64_t n = work->keys.n_children;

	for (int64_t i = 0; i < n; i++) {
		const char *name = work->keys.children[i]->name;
		int64_t column = arrow_schema_find(schema, name, strlen(name));

		if (column < 0 || !arrow_schema_equal(work->keys.children[i], schema->children[column], 0))
			return run_fail(work->run, AUTHOR_FAILED, "the type of column '%s' has changed on the way",
			                name);
		children[i] = batch->children[column];
	}
	*ret = (struct ArrowArray){.length = batch->length,
	                           .offset = batch->offset,
	                           .n_buffers = 1,
	                           .n_children = n,
	                           .buffers = no_buffers,
	                           .children = children,
	                           .release = keep};
	return 0;
}

static int keep_texts(struct work *work, const struct ArrowArray *keys)
{
	struct arrow_view view;

	if (arrow_view_init(&view, &work->keys, keys))
		return run_fail(work->run, AUTHOR_FAILED, "a batch cannot be read by its schema");
	for (int64_t i = 0; i < keys->length; i++) {
		digest_add(&work->places, work->text.len);
		rows_print(&view, i, 0, &work->text);
		buf_putc(&work->text, '\0');
	}
	return work->text.failed ? run_fail(work->run, AUTHOR_FAILED, "out of memory") : 0;
}

/* ---- building ------------------------------------------------------------------------------------------------------ */

static int begin(struct work *work, const struct ArrowSchema *schema)
{
	struct exam *exam = &work->run->exam;
	orasi_error error = exam_no_error();
	struct lab_config config;
	orasi_status status;

	if (choose_keys(work, schema))
		return -1;
	lab_config_init(&config, exam->config);
	status = CALL(exam, "create",
	              work->f->create(&work->lab.host, exam->subject.descriptor->id, &config.config, &work->keys,
	                              &work->self, &error));
	if (status)
		return run_status(work->run, "create", status, &error);
	lab_store_init(&work->store);
	status = CALL(exam, "build_begin", work->f->build_begin(work->self, &work->store.store, &work->build, &error));
	return status ? run_status(work->run, "build_begin", status, &error) : 0;
}

static int build_batch(struct running *run, void *ctx, const struct ArrowSchema *schema, struct ArrowArray *batch,
                       const struct mark *mark)
{
	struct ArrowArray keys, *children[COLUMNS_MAX];
	struct work *work = ctx;
	orasi_error error = exam_no_error();
	orasi_status status;

	(void)mark;
	if (!work->self && begin(work, schema))
		return -1;
	if (take_keys(work, schema, batch, children, &keys) || keep_texts(work, &keys))
		return -1;
	status = CALL(&run->exam, "build_add", work->f->build_add(work->build, &keys, work->rows, &error));
	if (!keys.release)
		return run_fail(run, AUTHOR_FAILED, "build_add has released the keys, which stay the host's");
	work->rows += (uint64_t)batch->length;
	return status ? run_status(run, "build_add", status, &error) : 0;
}

static int finish(struct work *work)
{
	struct running *run = work->run;
	orasi_error error = exam_no_error();
	void *build = work->build;
	orasi_status status;

	work->build = NULL;
	work->info.struct_size = sizeof(work->info);
	status = CALL(&run->exam, "build_finish", work->f->build_finish(build, &work->info, &error));
	if (status)
		return run_status(run, "build_finish", status, &error);
	if (work->store.misuse)
		return run_fail(run, AUTHOR_FAILED, "the store: %s", work->store.misuse);
	lab_store_seal(&work->store);
	return 0;
}

static struct json *segment_json(const struct work *work)
{
	struct json *json = json_new_object(), *blobs = json_new_array();

	json_set_int(json, "rows", (int64_t)work->info.rows);
	json_set_int(json, "entries", (int64_t)work->info.entries);
	json_set_int(json, "distinct", (int64_t)work->info.distinct);
	for (uint32_t i = 0; i < work->store.n; i++) {
		struct json *blob = json_new_object();

		json_set_str(blob, "name", work->store.blobs[i].name);
		json_set_int(blob, "bytes", (int64_t)work->store.blobs[i].bytes.len);
		json_push(blobs, blob);
	}
	json_set(json, "blobs", blobs);
	return json;
}

static int open_segment(struct work *work)
{
	struct running *run = work->run;
	orasi_segment_info info = {.struct_size = sizeof(info)};
	orasi_error error = exam_no_error();
	orasi_status status =
		CALL(&run->exam, "open", work->f->open(work->self, &work->store.store, &work->reader, &info, &error));

	if (status)
		return run_status(run, "open", status, &error);
	status = CALL(&run->exam, "verify", work->f->verify(work->reader, 2, &error));
	return status ? run_status(run, "verify", status, &error) : 0;
}

/* ---- asking -------------------------------------------------------------------------------------------------------- */

static void print_hit(struct work *work, uint64_t row, const float *score)
{
	work->hits++;
	work->hash = digest_bytes(work->hash, &row, sizeof(row));
	if (work->run->printed++ >= work->run->limit)
		return;
	printf("{\"row\":%llu", (unsigned long long)row);
	if (score)
		printf(",\"score\":%g", (double)*score);
	printf(",\"keys\":%s}\n", work->text.data + work->places.items[row]);
}

static int print_hits(struct work *work, void *cursor, int scored)
{
	struct running *run = work->run;
	uint64_t rows[HITS_MAX];
	float scores[HITS_MAX];

	for (;;) {
		orasi_hits hits = {.struct_size = sizeof(hits),
		                   .cap = HITS_MAX,
		                   .row_ids = rows,
		                   .scores = scored ? scores : NULL};
		orasi_error error = exam_no_error();
		orasi_status status = CALL(&run->exam, "next", work->f->next(cursor, &hits, &error));

		if (status == ORASI_END)
			return 0;
		if (status)
			return run_status(run, "next", status, &error);
		if (!hits.n || hits.n > HITS_MAX)
			return run_fail(run, AUTHOR_FAILED,
			                "next returned ORASI_OK with %u hits, there was room for %d", hits.n, HITS_MAX);
		for (uint32_t i = 0; i < hits.n; i++) {
			if (rows[i] >= work->rows)
				return run_fail(run, AUTHOR_FAILED, "next gave row %llu of %llu",
				                (unsigned long long)rows[i], (unsigned long long)work->rows);
			print_hit(work, rows[i], scored ? &scores[i] : NULL);
		}
	}
}

static int ask(struct work *work, const struct query *query)
{
	struct running *run = work->run;
	int scored = work->caps.flags & ORASI_INDEX_SCORED && query->ops & 1u << ORASI_OP_MATCH;
	orasi_query args = {.struct_size = sizeof(args),
	                    .flags = scored ? ORASI_QUERY_SCORE : 0,
	                    .terms = query->list,
	                    .n_terms = query->n,
	                    .limit = run->limit < INT64_MAX ? (uint64_t)run->limit : 0};
	orasi_error error = exam_no_error();
	uint64_t estimate = 0;
	void *cursor = NULL;
	orasi_status status;
	int r;

	status = CALL(&run->exam, "estimate", work->f->estimate(work->reader, &args, &estimate, &error));
	if (status)
		return run_status(run, "estimate", status, &error);
	status = CALL(&run->exam, "query", work->f->query(work->reader, &args, &cursor, &error));
	if (status)
		return run_status(run, "query", status, &error);
	r = print_hits(work, cursor, scored);
	CALL_VOID(&run->exam, "cursor_close", work->f->cursor_close(cursor));
	fprintf(stderr, "%llu hits, %llu estimated%s\n", (unsigned long long)work->hits, (unsigned long long)estimate,
	        work->caps.flags & ORASI_INDEX_LOSSY ? "; LOSSY: the host looks again, some may not fit" : "");
	return r;
}

static int take_query(struct work *work, struct query *query)
{
	struct running *run = work->run;
	struct err err = {0};
	const char *text;

	for (int i = 0; (text = typed_nth(run->typed, "query", i)); i++) {
		if (query_add(query, text, &work->keys, &err))
			return run_fail(run, AUTHOR_USAGE, "%s", err.text);
		if (!(work->caps.ops >> query->terms[i].op & 1))
			return run_fail(run, AUTHOR_USAGE, "--query \"%s\": this index does not answer %s", text,
			                query_op_name(query->terms[i].op));
	}
	return 0;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

static void note(struct work *work)
{
	int same = (work->run->exam.subject.descriptor->flags & ORASI_FLAG_DETERMINISTIC) != 0;
	struct json *json;

	if (!recording_wanted(&work->run->recording))
		return;
	json = segment_json(work);
	if (same)
		recording_hash(json, "segment", lab_store_digest(&work->store));
	else
		json_del(json, "blobs");
	json_set_int(json, "hits", (int64_t)work->hits);
	recording_hash(json, "digest", work->hash);
	recording_note(&work->run->recording, json);
}

static int build_and_ask(struct work *work)
{
	struct running *run = work->run;
	struct query query = {.n = 0};
	struct json *segment;
	int r;

	if (run_decode(run, build_batch, work))
		return -1;
	if (!work->self)
		return run_fail(run, AUTHOR_FAILED, "'%s' has no rows: there is nothing to index",
		                run->typed->words[1]);
	if (take_query(work, &query) || finish(work) || open_segment(work)) {
		query_done(&query);
		return -1;
	}
	segment = segment_json(work);
	fprintf(query.n ? stderr : stdout, "%s\n", json_text(segment));
	json_free(segment);
	r = query.n ? ask(work, &query) : 0;
	if (!r)
		note(work);
	query_done(&query);
	return r;
}

static void tell(const struct work *work)
{
	const struct running *run = work->run;

	run_tell_rejected(&run->decode.lab);
	if (run_has_begun(run) && (work->self || !run->decode.digest.n)) /* it is made when the first rows come */
		fprintf(stderr, "%llu rows, %zu rejected by the format, %llu batches\n", (unsigned long long)work->rows,
		        run->decode.lab.rejects.n, (unsigned long long)run->batches);
}

int run_index(struct running *run)
{
	struct work *work = calloc(1, sizeof(*work));
	struct exam *exam = &run->exam;

	if (!work)
		return run_fail(run, AUTHOR_FAILED, "out of memory"), run->code;
	work->run = run;
	work->f = exam->subject.index;
	work->caps.struct_size = sizeof(work->caps);
	buf_init(&work->text, 0);
	lab_init(&work->lab, exam->subject.descriptor);
	if (CALL(exam, "caps", work->f->caps(exam->subject.descriptor->id, &work->caps)))
		run_fail(run, AUTHOR_FAILED, "caps fails");
	else
		build_and_ask(work);
	if (work->build)
		CALL_VOID(exam, "build_abort", work->f->build_abort(work->build));
	if (work->reader)
		CALL_VOID(exam, "close", work->f->close(work->reader));
	if (work->self)
		CALL_VOID(exam, "destroy", work->f->destroy(work->self));
	tell(work);
	if (work->lab.misuse)
		run_fail(run, AUTHOR_FAILED, "it misbehaves: %s", work->lab.misuse);
	arrow_schema_release(&work->keys);
	lab_store_done(&work->store);
	lab_done(&work->lab);
	buf_done(&work->text);
	digest_done(&work->places);
	free(work);
	return run->code;
}
