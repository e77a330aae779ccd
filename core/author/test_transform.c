/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of transforms: what goes in comes out the same however it is cut, saved and resumed. */
#include <string.h>

#include "batches.h"
#include "flow.h"

#define BATCHES 6

int work_transform(struct exam *exam, struct lab *lab, const struct json *config, struct digest *ret)
{
	struct flow flow;
	int r = flow_open(&flow, exam, lab, config, (orasi_bytes){0}, ret);

	for (int i = 0; i < BATCHES && !r; i++)
		r = flow_process(&flow, i * 50, 50);
	if (!r)
		r = flow_flush(&flow);
	flow_close(&flow);
	return r == 1 ? 0 : r;
}

static int same_rows(struct exam *exam, const struct digest *a, const struct digest *b, const char *what)
{
	if (a->n != b->n)
		return exam_fail(exam, "%s: %zu rows instead of %zu", what, b->n, a->n);
	for (size_t i = 0; i < a->n; i++)
		if (a->items[i] != b->items[i])
			return exam_fail(exam, "%s: row %zu is another", what, i);
	return 0;
}

static int cut_differently(struct exam *exam)
{
	static const int64_t sizes[] = {1, 7, 300};
	struct digest all = {0};
	int r = work_transform(exam, &exam->lab, exam->config, &all);

	for (int k = 0; k < 3 && !r; k++) {
		struct digest got = {0};
		struct flow flow;
		char what[64];

		snprintf(what, sizeof(what), "fed %lld rows at once", (long long)sizes[k]);
		r = flow_open(&flow, exam, &exam->lab, exam->config, (orasi_bytes){0}, &got);
		for (int64_t at = 0; at < BATCHES * 50 && !r; at += sizes[k])
			r = flow_process(&flow, at, sizes[k] < BATCHES * 50 - at ? sizes[k] : BATCHES * 50 - at);
		if (!r)
			r = flow_flush(&flow);
		if (!r)
			r = same_rows(exam, &all, &got, what);
		flow_close(&flow);
		digest_done(&got);
	}
	return r;
}

static int save_and_go_on(struct exam *exam)
{
	struct digest all = {0}, got = {0};
	uint8_t kept[65536];
	orasi_bytes state = {0};
	int r = work_transform(exam, &exam->lab, exam->config, &all);

	if (!exam->subject.transform->save)
		return exam->subject.descriptor->flags & ORASI_FLAG_STATELESS
		               ? exam_skip(exam, "it says STATELESS")
		               : exam_fail(exam, "the factory has no save, and the descriptor does not say STATELESS");
	for (int i = 0; i < BATCHES && !r; i++) {
		orasi_error error = exam_no_error();
		struct flow flow;
		orasi_bytes saved = {0};

		r = flow_open(&flow, exam, &exam->lab, exam->config, state, &got);
		if (!r)
			r = flow_process(&flow, i * 50, 50);
		if (!r && i == BATCHES - 1)
			r = flow_flush(&flow);
		else if (!r && CALL(exam, "save", flow.f->save(flow.self, &saved, &error)))
			r = exam_fail(exam, "save fails: %s", error.message);
		if (!r && saved.len > sizeof(kept))
			r = exam_fail(exam, "save gives %zu bytes, at most 65536 are allowed", saved.len);
		if (!r && saved.len)
			memcpy(kept, saved.ptr, saved.len);
		state = (orasi_bytes){kept, r ? 0 : saved.len};
		flow_close(&flow);
	}
	return r ? r : same_rows(exam, &all, &got, "saved behind every batch and bound again");
}

/* Rows without a column have a number all the same. A refusal in bind is fine. */
static int takes_no_columns(struct exam *exam)
{
	struct flow flow;
	orasi_transform_bind bind = {.struct_size = sizeof(bind), .in = &flow.in};
	orasi_error error = exam_no_error();
	struct ArrowArray batch;
	orasi_status status;
	int r = flow_create(&flow, exam, &exam->lab, exam->config);

	if (r)
		return r;
	if (arrow_schema_make(&flow.in, "+s", "", 0, 0) || arrow_array_struct(&batch, 3, NULL, 0))
		return exam_fail(exam, "no memory for a batch");
	status = CALL(exam, "bind", flow.f->bind(flow.self, &bind, &flow.out, &error));
	if (status) {
		r = exam_error(exam, "bind", status, &error);
		arrow_array_release(&batch);
	} else {
		r = flow_feed(&flow, &batch);
	}
	flow_close(&flow);
	return r;
}

static int takes_odd_batches(struct exam *exam)
{
	struct ArrowArray nulls;
	struct flow flow;
	int r = flow_open(&flow, exam, &exam->lab, exam->config, (orasi_bytes){0}, NULL);

	if (!r)
		r = flow_process(&flow, 0, 0);
	if (!r)
		r = flow_process(&flow, 0, 1);
	if (!r) {
		flow_nulls(20, &nulls);
		r = flow_feed(&flow, &nulls);
	}
	if (!r)
		r = flow_flush(&flow);
	flow_close(&flow);
	return r ? r : takes_no_columns(exam);
}

static int stops_with_the_sink(struct exam *exam)
{
	struct flow flow;
	int r = flow_open(&flow, exam, &exam->lab, exam->config, (orasi_bytes){0}, NULL);

	flow.answer = ORASI_E_CANCELLED;
	for (int i = 0; i < BATCHES && !r && !flow.pushes; i++) {
		orasi_error error = exam_no_error();
		struct ArrowArray batch;
		orasi_status status;

		flow_make(exam->seed, i * 50, 50, &batch);
		status = CALL(exam, "process", flow.f->process(flow.self, &batch, &flow.sink, &error));
		if (batch.release)
			r = exam_fail(exam, "process must release its input, or move it on, whatever it returns");
		else if (flow.pushes && status != ORASI_E_CANCELLED)
			r = exam_fail(exam,
			              "push answered ORASI_E_CANCELLED, and process returned %d: return it as it came",
			              status);
	}
	flow_close(&flow);
	return r;
}

static int survives_states(struct exam *exam)
{
	uint8_t state[300];

	for (int i = 0; i < 30; i++) {
		orasi_error error = exam_no_error();
		struct ArrowSchema in, out = {0};
		orasi_transform_bind bind = {.struct_size = sizeof(bind), .in = &in};
		orasi_status status;
		void *self;

		for (size_t k = 0; k < sizeof(state); k++)
			state[k] = (uint8_t)exam_random(exam, 256);
		status = instance_create(exam, &exam->lab, NULL, exam->config, &self, &error);
		if (status)
			return exam_fail(exam, "create fails: %s", error.message);
		flow_schema(&in);
		bind.state = (orasi_bytes){state, 1 + exam_random(exam, sizeof(state))};
		status = CALL(exam, "bind", exam->subject.transform->bind(self, &bind, &out, &error));
		arrow_schema_release(&in);
		arrow_schema_release(&out);
		instance_destroy(exam, self);
		if (status && exam_error(exam, "bind", status, &error))
			return -1;
	}
	return 0;
}

#define TRANSFORM FOR_KIND(ORASI_KIND_TRANSFORM)
const struct test tests_transform[] = {
	{"transform.batches", "rows do not depend on how they are fed", TRANSFORM, 0, cut_differently},
	{"transform.save", "saved behind every batch and bound again: the same rows", TRANSFORM, 0, save_and_go_on},
	{"transform.odd", "empty batches, single rows, rows of nulls and rows without columns are fine", TRANSFORM, 0,
         takes_odd_batches},
	{"transform.stop", "a sink that has enough is obeyed", TRANSFORM, 0, stops_with_the_sink},
	{"transform.state", "a state of garbage does not crash it", TRANSFORM, 0, survives_states},
	{0},
};
