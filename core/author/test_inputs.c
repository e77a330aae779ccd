/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin is handed is not its own: arrays lie in pages that cannot be written, and end where a page begins that
 * cannot be touched. Each test runs in a fork, because a breach ends it. */
#include <stdlib.h>
#include <string.h>

#include "batches.h"
#include "exam.h"

/* ---- an array in such pages -------------------------------------------------------------------------------------- */

struct sealed {
	const void *buffers[3];
	uint8_t *maps[3];
	size_t lens[3];
	struct ArrowArray *children;
	struct ArrowArray **pointers;
	int64_t n_children;
};

static void release_sealed(struct ArrowArray *array)
{
	struct sealed *own = array->private_data;
	int armed = guard_pause();

	for (int64_t i = 0; i < own->n_children; i++)
		arrow_array_release(&own->children[i]);
	for (int i = 0; i < 3; i++)
		if (own->maps[i])
			guard_page_free(own->maps[i], own->lens[i]);
	free(own->children);
	free(own->pointers);
	free(own);
	array->release = NULL;
	guard_resume(armed);
}

/* Of the formats that batches.c makes. */
static size_t buffer_size(const char *format, const struct ArrowArray *array, int i)
{
	size_t n = (size_t)array->length;

	if (!array->buffers[i] || i == 0)
		return array->buffers[i] ? (n + 7) / 8 : 0;
	switch (*format) {
	case 'b':
		return (n + 7) / 8;
	case 'u':
		return i == 1 ? (n + 1) * 4 : (size_t)((const int32_t *)array->buffers[1])[n];
	default:
		return n * 8;
	}
}

/* A copy of `array` that nobody can write to. */
static int seal(const struct ArrowSchema *schema, const struct ArrowArray *array, struct ArrowArray *ret)
{
	struct sealed *own = calloc(1, sizeof(*own));

	if (!own)
		return -1;
	own->n_children = array->n_children;
	own->children = calloc((size_t)array->n_children + 1, sizeof(*own->children));
	own->pointers = calloc((size_t)array->n_children + 1, sizeof(*own->pointers));
	*ret = *array;
	ret->private_data = own;
	ret->release = release_sealed;
	if (!own->children || !own->pointers)
		own->n_children = 0;
	for (int i = 0; i < array->n_buffers && i < 3; i++) {
		size_t n = buffer_size(schema->format, array, i);

		if (!array->buffers[i])
			continue;
		own->maps[i] = guard_page_copy(array->buffers[i], n, &own->lens[i]);
		own->buffers[i] = own->maps[i] + own->lens[i] - ((n + 7) & ~(size_t)7);
	}
	for (int64_t i = 0; i < own->n_children; i++) {
		seal(schema->children[i], array->children[i], &own->children[i]);
		own->pointers[i] = &own->children[i];
	}
	ret->buffers = own->buffers;
	ret->children = own->n_children ? own->pointers : NULL;
	return own->n_children == array->n_children ? 0 : -1;
}

/* ---- indexes ------------------------------------------------------------------------------------------------------- */

struct rows {
	struct exam *exam;
	const orasi_index_factory *f;
	const char *format;
	void *self;
};

/* The first kind of key that it takes. */
static int open_index(struct rows *x)
{
	struct lab_config config;

	lab_config_init(&config, x->exam->config);
	for (int i = 0; (x->format = keys_format(i)); i++) {
		struct ArrowSchema keys;
		orasi_error error = exam_no_error();
		orasi_status status;

		keys_schema(&keys, x->format);
		status = CALL(x->exam, "create",
		              x->f->create(&x->exam->lab.host, x->exam->subject.descriptor->id, &config.config, &keys,
		                           &x->self, &error));
		arrow_schema_release(&keys);
		if (!status)
			return 0;
	}
	return exam_skip(x->exam, "it takes none of the keys of the examination");
}

static int build(struct rows *x, struct lab_store *store)
{
	orasi_segment_info info = {.struct_size = sizeof(info)};
	orasi_error error = exam_no_error();
	struct ArrowArray keys, sealed;
	struct ArrowSchema schema;
	int32_t values[100];
	orasi_status status;
	void *b;

	lab_store_init(store);
	keys_schema(&schema, x->format);
	keys_make(x->exam, x->format, 100, values, &keys);
	if (seal(&schema, &keys, &sealed))
		return exam_fail(x->exam, "no memory for a batch");
	status = CALL(x->exam, "build_begin", x->f->build_begin(x->self, &store->store, &b, &error));
	if (!status)
		status = CALL(x->exam, "build_add", x->f->build_add(b, &sealed, 0, &error));
	if (!status)
		status = CALL(x->exam, "build_finish", x->f->build_finish(b, &info, &error));
	arrow_array_release(&sealed);
	arrow_array_release(&keys);
	arrow_schema_release(&schema);
	lab_store_seal(store);
	return status ? exam_fail(x->exam, "building fails (%d): %s", status, error.message) : 0;
}

static int ask(struct rows *x, struct lab_store *store)
{
	orasi_segment_info info = {.struct_size = sizeof(info)};
	orasi_term term = {.struct_size = sizeof(term), .op = ORASI_OP_EQ, .column = ORASI_STR("key")};
	const orasi_term *terms[] = {&term};
	orasi_query query = {.struct_size = sizeof(query), .terms = terms, .n_terms = 1};
	orasi_error error = exam_no_error();
	struct ArrowArray values, sealed;
	struct ArrowSchema type;
	void *reader, *cursor;
	int32_t wanted = 7;
	orasi_status status;

	status = CALL(x->exam, "open", x->f->open(x->self, &store->store, &reader, &info, &error));
	if (status)
		return exam_fail(x->exam, "open fails (%d): %s", status, error.message);
	keys_literals(x->format, &wanted, 1, &type, &values);
	if (seal(&type, &values, &sealed))
		return exam_fail(x->exam, "no memory for a batch");
	term.type = &type;
	term.values = &sealed;
	if (!CALL(x->exam, "query", x->f->query(reader, &query, &cursor, &error)))
		CALL_VOID(x->exam, "cursor_close", x->f->cursor_close(cursor));
	arrow_array_release(&sealed);
	arrow_array_release(&values);
	arrow_schema_release(&type);
	CALL_VOID(x->exam, "close", x->f->close(reader));
	return 0;
}

static int index_reads_only(struct exam *exam)
{
	struct rows x = {.exam = exam, .f = exam->subject.index};
	struct lab_store store;
	int r = open_index(&x);

	if (!r)
		r = build(&x, &store);
	if (!r)
		r = ask(&x, &store);
	return r;
}

/* ---- transforms ----------------------------------------------------------------------------------------------------- */

static orasi_status drop(orasi_sink *sink, struct ArrowArray *batch)
{
	int armed = guard_pause();

	(void)sink;
	arrow_array_release(batch);
	guard_resume(armed);
	return ORASI_OK;
}

static int transform_reads_only(struct exam *exam)
{
	const orasi_transform_factory *f = exam->subject.transform;
	orasi_sink sink = {sizeof(sink), 0, NULL, drop};
	orasi_error error = exam_no_error();
	struct ArrowArray batch, sealed;
	struct ArrowSchema in, out = {0};
	orasi_transform_bind bind = {.struct_size = sizeof(bind), .in = &in};
	orasi_status status;
	void *self;

	if (instance_create(exam, &exam->lab, NULL, exam->config, &self, &error))
		return exam_fail(exam, "create fails: %s", error.message);
	flow_schema(&in);
	if (CALL(exam, "bind", f->bind(self, &bind, &out, &error)))
		return exam_skip(exam, FLOW_REFUSED, error.message);
	flow_make(exam->seed, 0, 50, &batch);
	if (seal(&in, &batch, &sealed))
		return exam_fail(exam, "no memory for a batch");
	status = CALL(exam, "process", f->process(self, &sealed, &sink, &error));
	return status ? exam_error(exam, "process", status, &error) : 0;
}

/* ---- the test --------------------------------------------------------------------------------------------------------- */

static int in_fork(struct exam *exam, void *ctx)
{
	(void)ctx;
	return exam->subject.descriptor->kind == ORASI_KIND_INDEX ? index_reads_only(exam) : transform_reads_only(exam);
}

static int leaves_inputs_alone(struct exam *exam)
{
	size_t n;

	if (!exam_fork(exam, in_fork, NULL))
		return 0;
	n = strlen(exam->page->sentence);
	if (strstr(exam->page->sentence, "died of signal"))
		snprintf(exam->page->sentence + n, sizeof(exam->page->sentence) - n,
		         ": what it is handed cannot be written here, nor read behind its end");
	return -1;
}

const struct test tests_inputs[] = {
	{"own.input", "what it is handed is neither changed nor read behind its end",
         FOR_KIND(ORASI_KIND_INDEX) | FOR_KIND(ORASI_KIND_TRANSFORM), 0, leaves_inputs_alone},
	{0},
};
