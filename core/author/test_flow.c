/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of transforms and tasks: what goes in comes out the same however it is cut, saved and resumed. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "batches.h"
#include "exam.h"
#include "rows.h"

#define BATCHES 6

/* ---- transforms: where batches go --------------------------------------------------------------------------------- */

struct flow {
	struct exam *exam;
	const orasi_transform_factory *f;
	void *self;
	struct ArrowSchema in, out;
	orasi_sink sink;
	struct digest *digest;
	int r;               /* of what the sink saw */
	orasi_status answer; /* of the sink: to stop it */
	uint64_t pushes;
};

static orasi_status on_push(orasi_sink *sink, struct ArrowArray *batch)
{
	struct flow *flow = sink->ctx;
	int armed = guard_pause();
	struct arrow_view view;
	char message[256];
	struct buf text;

	flow->pushes++;
	if (!batch || !batch->release) {
		flow->r = exam_fail(flow->exam, "a released batch was pushed");
	} else if (arrow_validate(&flow->out, batch, 1, message, sizeof(message)) ||
	           arrow_view_init(&view, &flow->out, batch)) {
		flow->r = exam_fail(flow->exam, "a batch was pushed that is not of the schema that bind gave: %s",
		                    message);
	} else {
		buf_init(&text, 0);
		for (int64_t i = 0; flow->digest && i < batch->length; i++) {
			buf_clear(&text);
			rows_print(&view, i, 0, &text);
			digest_add(flow->digest, digest_bytes(0, text.data, text.len));
		}
		buf_done(&text);
	}
	arrow_array_release(batch);
	guard_resume(armed);
	return flow->r ? ORASI_E_INTERNAL : flow->answer;
}

/* 0; 1: refused as it may; -1. */
static int flow_open(struct flow *flow, struct exam *exam, struct lab *lab, const struct json *config,
                     orasi_bytes state, struct digest *digest)
{
	orasi_transform_bind bind = {.struct_size = sizeof(bind), .in = &flow->in, .state = state};
	orasi_error error = exam_no_error();
	orasi_status status;

	*flow = (struct flow){.exam = exam, .f = exam->subject.transform, .digest = digest};
	flow->sink = (orasi_sink){sizeof(flow->sink), 0, flow, on_push};
	flow_schema(&flow->in);
	status = instance_create(exam, lab, NULL, config, &flow->self, &error);
	if (status)
		return work_failed(exam, "create", status, &error) ? -1 : 1;
	status = CALL(exam, "bind", flow->f->bind(flow->self, &bind, &flow->out, &error));
	if (status == ORASI_E_CONFIG && error.message[0])
		return exam_skip(exam, FLOW_REFUSED, error.message);
	if (status)
		return work_failed(exam, "bind", status, &error) ? -1 : 1;
	if (!flow->out.release || !flow->out.format || strcmp(flow->out.format, "+s"))
		return exam_fail(exam, "bind gave a schema that is no struct");
	return 0;
}

static void flow_close(struct flow *flow)
{
	if (flow->self)
		instance_destroy(flow->exam, flow->self);
	arrow_schema_release(&flow->in);
	arrow_schema_release(&flow->out);
}

/* Takes the batch over. */
static int flow_feed(struct flow *flow, struct ArrowArray *batch)
{
	orasi_error error = exam_no_error();
	orasi_status status = CALL(flow->exam, "process", flow->f->process(flow->self, batch, &flow->sink, &error));

	if (flow->r)
		return flow->r;
	if (batch->release)
		return exam_fail(flow->exam, "process must release its input, or move it on, whatever it returns");
	if (status && status == flow->answer)
		return 0;
	if (status)
		return work_failed(flow->exam, "process", status, &error) ? -1 : 1;
	return 0;
}

static int flow_process(struct flow *flow, int64_t first, int64_t n)
{
	struct ArrowArray batch;

	flow_make(flow->exam->seed, first, n, &batch);
	return flow_feed(flow, &batch);
}

static int flow_end(struct flow *flow)
{
	orasi_error error = exam_no_error();
	orasi_status status;

	if (!flow->f->flush) {
		if (flow->exam->subject.descriptor->flags & ORASI_FLAG_STATELESS)
			return 0;
		return exam_fail(flow->exam, "the factory has no flush, and the descriptor does not say STATELESS");
	}
	status = CALL(flow->exam, "flush", flow->f->flush(flow->self, &flow->sink, &error));
	if (flow->r)
		return flow->r;
	return status ? work_failed(flow->exam, "flush", status, &error) ? -1 : 1 : 0;
}

int work_transform(struct exam *exam, struct lab *lab, const struct json *config, struct digest *ret)
{
	struct flow flow;
	int r = flow_open(&flow, exam, lab, config, (orasi_bytes){0}, ret);

	for (int i = 0; i < BATCHES && !r; i++)
		r = flow_process(&flow, i * 50, 50);
	if (!r)
		r = flow_end(&flow);
	flow_close(&flow);
	return r == 1 ? 0 : r;
}

/* ---- transforms: tests -------------------------------------------------------------------------------------------- */

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
			r = flow_end(&flow);
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
			r = flow_end(&flow);
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
	struct flow flow = {.exam = exam, .f = exam->subject.transform};
	orasi_transform_bind bind = {.struct_size = sizeof(bind), .in = &flow.in};
	orasi_error error = exam_no_error();
	struct ArrowArray batch;
	orasi_status status = instance_create(exam, &exam->lab, NULL, exam->config, &flow.self, &error);
	int r = 0;

	if (status)
		return exam_fail(exam, "create fails: %s", error.message);
	flow.sink = (orasi_sink){sizeof(flow.sink), 0, &flow, on_push};
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
		r = flow_end(&flow);
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

/* ---- tasks --------------------------------------------------------------------------------------------------------- */

static int run_task(struct exam *exam, struct lab *lab, const struct json *config, orasi_bytes checkpoint,
                    struct digest *ret, orasi_status *ret_status)
{
	orasi_task_run run = {.struct_size = sizeof(run),
	                      .attempt = 1,
	                      .task_id = ORASI_STR("examination-1"),
	                      .checkpoint = checkpoint};
	orasi_error error = exam_no_error();
	orasi_str result = {0};
	struct json *json = NULL;
	struct err err = {0};
	void *self;
	orasi_status status = instance_create(exam, lab, NULL, config, &self, &error);
	int r = 0;

	*ret_status = status;
	if (status)
		return work_failed(exam, "create", status, &error);
	alarm(60);
	*ret_status = status = CALL(exam, "run", exam->subject.task->run(self, &run, &result, &error));
	if (status)
		r = exam_error(exam, "run", status, &error);
	else if (result.len > 1 << 20)
		r = exam_fail(exam, "the result has %zu bytes, at most 1 MiB is allowed", result.len);
	else if (result.len && (json_parse(result.ptr, result.len, &json, &err) || json_type(json) != JSON_OBJECT))
		r = exam_fail(exam, "the result is no JSON object: %s", err.text);
	if (!r && ret && result.len)
		digest_add(ret, digest_bytes(0, result.ptr, result.len));
	json_free(json);
	instance_destroy(exam, self);
	return r;
}

int work_task(struct exam *exam, struct lab *lab, const struct json *config, struct digest *ret)
{
	orasi_status status;
	int r = run_task(exam, lab, config, (orasi_bytes){0}, ret, &status);

	/* A task may need options that nobody can guess; what counts is that it says so. */
	return r;
}

static int gives_its_result(struct exam *exam)
{
	const char *text =
		exam->subject.task->result_schema
			? CALL(exam, "result_schema", exam->subject.task->result_schema(exam->subject.descriptor->id))
			: NULL;
	struct json *schema = NULL;
	struct err err = {0};
	orasi_status status;
	int r;

	if (text && (json_parse(text, strlen(text), &schema, &err) || plugin_config_schema_check(schema, &err)))
		return exam_fail(exam, "result_schema: %s", err.text);
	json_free(schema);
	r = run_task(exam, &exam->lab, exam->config, (orasi_bytes){0}, NULL, &status);
	if (!r && status)
		exam_note(exam, "run refuses these options (%d): give them with --option", status);
	return r;
}

static int stops_at_once(struct exam *exam)
{
	orasi_status status;
	int r;

	exam->lab.cancel = 1;
	r = run_task(exam, &exam->lab, exam->config, (orasi_bytes){0}, NULL, &status);
	if (!r && status && status != ORASI_E_CANCELLED)
		exam_note(exam, "run ended with %d before it looked at the cancel flag", status);
	return r;
}

/* Set from another thread; what the task's own thread spends afterwards is counted, not the wall's time. */
struct canceller {
	struct exam *exam;
	clockid_t clock; /* of the task's thread */
	double at;       /* when it was cancelled; 0: it was not */
	volatile int over;
};

static double seconds_of(clockid_t clock)
{
	struct timespec t = {0};

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *cancel_later(void *arg)
{
	struct canceller *c = arg;

	for (int i = 0; i < 20 && !c->over; i++)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	if (!c->over) {
		c->at = seconds_of(c->clock);
		c->exam->lab.cancel = 1;
	}
	return NULL;
}

#define OBEYS_WITHIN_S 0.5

static int stops_when_told(struct exam *exam)
{
	struct canceller c = {.exam = exam};
	orasi_status status;
	pthread_t thread;
	double spent;
	int r;

	if (pthread_getcpuclockid(pthread_self(), &c.clock) || pthread_create(&thread, NULL, cancel_later, &c))
		return exam_fail(exam, "cannot start a thread");
	r = run_task(exam, &exam->lab, exam->config, (orasi_bytes){0}, NULL, &status);
	spent = seconds_of(c.clock);
	c.over = 1;
	pthread_join(thread, NULL);
	if (r)
		return r;
	if (!c.at || c.at > spent)
		exam_note(exam, "it had ended before it was cancelled: give it more to do with --option");
	else if (spent - c.at > OBEYS_WITHIN_S)
		return exam_fail(
			exam, "it was cancelled while it ran, and went on for %.1f s of CPU: look at *job->cancel_flag",
			spent - c.at);
	return 0;
}

/* The same task again, as after a death behind its last effect. */
static int runs_again(struct exam *exam)
{
	orasi_status first, second;
	int r = run_task(exam, &exam->lab, exam->config, (orasi_bytes){0}, NULL, &first);

	if (!r)
		r = run_task(exam, &exam->lab, exam->config, (orasi_bytes){0}, NULL, &second);
	if (!r && !first && second)
		r = exam_fail(exam, "run succeeds, and fails (%d) when the same task runs again", second);
	return r;
}

static int resumes(struct exam *exam)
{
	uint8_t state[64];
	orasi_status status;
	int r = run_task(exam, &exam->lab, exam->config, (orasi_bytes){0}, NULL, &status);

	if (!r && exam->lab.checkpoint.len) {
		struct buf last = exam->lab.checkpoint;

		buf_init(&exam->lab.checkpoint, 0);
		r = run_task(exam, &exam->lab, exam->config, (orasi_bytes){(uint8_t *)last.data, last.len}, NULL,
		             &status);
		if (!r && status)
			r = exam_fail(exam, "resumed from its last checkpoint, run fails (%d)", status);
		buf_done(&last);
	}
	for (int i = 0; i < 20 && !r; i++) {
		for (size_t k = 0; k < sizeof(state); k++)
			state[k] = (uint8_t)exam_random(exam, 256);
		r = run_task(exam, &exam->lab, exam->config, (orasi_bytes){state, 1 + exam_random(exam, sizeof(state))},
		             NULL, &status);
	}
	return r;
}

/* ---- notifiers ---------------------------------------------------------------------------------------------------- */

#define EVENTS 3

static int delivers(struct exam *exam)
{
	static const char *const json = "{\"task\":\"examination\",\"state\":\"failed\"}";
	orasi_event events[EVENTS];
	const orasi_event *list[EVENTS];
	orasi_status each[EVENTS + 1], status;
	orasi_error error = exam_no_error();
	void *self;

	for (uint32_t i = 0; i < EVENTS; i++) {
		events[i] = (orasi_event){sizeof(events[i]),        i + 1,
		                          1700000000000000000,      ORASI_STR("event-1"),
		                          ORASI_STR("task.failed"), {json, strlen(json)}};
		list[i] = &events[i];
		each[i] = ORASI_E_IO;
	}
	each[EVENTS] = 0x5A5A;
	status = instance_create(exam, &exam->lab, NULL, exam->config, &self, &error);
	if (status)
		return exam_fail(exam, "create fails: %s", error.message);
	alarm(60);
	status = CALL(exam, "deliver", exam->subject.notifier->deliver(self, list, EVENTS, each, &error));
	instance_destroy(exam, self);
	if (each[EVENTS] != 0x5A5A)
		return exam_fail(exam, "deliver wrote a status behind those of its events");
	for (int i = 0; i < EVENTS; i++)
		if (each[i] > 0)
			return exam_fail(exam, "deliver gave event %d the status %d, which does not belong there", i,
			                 each[i]);
	if (status)
		return exam_error(exam, "deliver", status, &error);
	for (int i = 0; i < EVENTS; i++)
		if (each[i] == ORASI_E_IO && !error.message[0])
			return exam_fail(exam, "deliver returned ORASI_OK and told nothing of event %d", i);
	return 0;
}

/* One of its requests gets no answer: that event comes again, the others are done. */
static int delivers_the_rest(struct exam *exam)
{
	static const char json[] = "{\"task\":\"examination\",\"state\":\"failed\"}";
	orasi_event events[EVENTS];
	const orasi_event *list[EVENTS];
	orasi_status each[EVENTS], status;
	orasi_error error = exam_no_error();
	int again = 0, done = 0;
	void *self;

	for (int i = 0; i < EVENTS; i++) {
		events[i] = (orasi_event){sizeof(events[i]),        1,
		                          1700000000000000000,      ORASI_STR("event-1"),
		                          ORASI_STR("task.failed"), {json, sizeof(json) - 1}};
		list[i] = &events[i];
		each[i] = ORASI_E_IO;
	}
	exam->lab.http_fail_at = 2;
	if (instance_create(exam, &exam->lab, NULL, exam->config, &self, &error))
		return exam_fail(exam, "create fails: %s", error.message);
	status = CALL(exam, "deliver", exam->subject.notifier->deliver(self, list, EVENTS, each, &error));
	instance_destroy(exam, self);
	if (exam->lab.http_asked < 2)
		return exam_skip(exam, "it makes fewer requests than there are events");
	for (int i = 0; i < EVENTS; i++) {
		again += each[i] <= -100 && each[i] > -200;
		done += each[i] == ORASI_OK;
	}
	if (!again || (status <= 0 && status > -100 && status != ORASI_OK))
		return exam_fail(
			exam,
			"a request got no answer, and no event is to be delivered again: give it a transient status");
	return done ? 0
	            : exam_fail(exam, "one of %d requests got no answer, and none of the events counts as delivered",
	                        EVENTS);
}

#define NOTIFIER FOR_KIND(ORASI_KIND_NOTIFIER)
#define TRANSFORM FOR_KIND(ORASI_KIND_TRANSFORM)
#define TASK FOR_KIND(ORASI_KIND_TASK)
const struct test tests_flow[] = {
	{"transform.batches", "rows do not depend on how they are fed", TRANSFORM, 0, cut_differently},
	{"transform.save", "saved behind every batch and bound again: the same rows", TRANSFORM, 0, save_and_go_on},
	{"transform.odd", "empty batches, single rows, rows of nulls and rows without columns are fine", TRANSFORM, 0,
         takes_odd_batches},
	{"transform.stop", "a sink that has enough is obeyed", TRANSFORM, 0, stops_with_the_sink},
	{"transform.state", "a state of garbage does not crash it", TRANSFORM, 0, survives_states},
	{"task.result", "the result is a JSON object, its schema is one", TASK, 0, gives_its_result},
	{"task.cancel", "cancelled before it begins, it ends", TASK, 0, stops_at_once},
	{"task.stop", "cancelled while it runs, it stops", TASK, 0, stops_when_told},
	{"task.twice", "the same task can run again", TASK, 0, runs_again},
	{"task.resume", "it resumes from its checkpoint, and refuses garbage without a crash", TASK, 0, resumes},
	{"notifier.deliver", "every event has a status of its own, nothing is written behind them", NOTIFIER, 0,
         delivers},
	{"notifier.partial", "a request without an answer costs its event only", NOTIFIER, 0, delivers_the_rest},
	{0},
};
