/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of tasks and notifiers: what they are told to do is done however often they are told, stopped and resumed. */
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "exam.h"

/* ---- tasks --------------------------------------------------------------------------------------------------------- */

int task_run(struct exam *exam, struct lab *lab, const struct json *config, orasi_bytes checkpoint, struct digest *ret,
             orasi_status *ret_status)
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
	int r = task_run(exam, lab, config, (orasi_bytes){0}, ret, &status);

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
	r = task_run(exam, &exam->lab, exam->config, (orasi_bytes){0}, NULL, &status);
	if (!r && status)
		exam_note(exam, "run refuses these options (%d): give them with --option", status);
	return r;
}

static int stops_at_once(struct exam *exam)
{
	orasi_status status;
	int r;

	exam->lab.cancel = 1;
	r = task_run(exam, &exam->lab, exam->config, (orasi_bytes){0}, NULL, &status);
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
	r = task_run(exam, &exam->lab, exam->config, (orasi_bytes){0}, NULL, &status);
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
	int r = task_run(exam, &exam->lab, exam->config, (orasi_bytes){0}, NULL, &first);

	if (!r)
		r = task_run(exam, &exam->lab, exam->config, (orasi_bytes){0}, NULL, &second);
	if (!r && !first && second)
		r = exam_fail(exam, "run succeeds, and fails (%d) when the same task runs again", second);
	return r;
}

static int resumes(struct exam *exam)
{
	uint8_t state[64];
	orasi_status status;
	int r = task_run(exam, &exam->lab, exam->config, (orasi_bytes){0}, NULL, &status);

	if (!r && exam->lab.checkpoint.len) {
		struct buf last = exam->lab.checkpoint;

		buf_init(&exam->lab.checkpoint, 0);
		r = task_run(exam, &exam->lab, exam->config, (orasi_bytes){(uint8_t *)last.data, last.len}, NULL,
		             &status);
		if (!r && status)
			r = exam_fail(exam, "resumed from its last checkpoint, run fails (%d)", status);
		buf_done(&last);
	}
	for (int i = 0; i < 20 && !r; i++) {
		for (size_t k = 0; k < sizeof(state); k++)
			state[k] = (uint8_t)exam_random(exam, 256);
		r = task_run(exam, &exam->lab, exam->config, (orasi_bytes){state, 1 + exam_random(exam, sizeof(state))},
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

/* EVENTS events through a fresh instance, whose request number `fail_at` gets no answer (0: all do). */
static int deliver_all(struct exam *exam, int fail_at, orasi_status each[EVENTS], orasi_status *ret)
{
	static const char json[] = "{\"task\":\"examination\",\"state\":\"failed\"}";
	orasi_event events[EVENTS];
	const orasi_event *list[EVENTS];
	orasi_error error = exam_no_error();
	void *self;

	for (int i = 0; i < EVENTS; i++) {
		events[i] = (orasi_event){sizeof(events[i]),        1,
		                          1700000000000000000,      ORASI_STR("event-1"),
		                          ORASI_STR("task.failed"), {json, sizeof(json) - 1}};
		list[i] = &events[i];
		each[i] = ORASI_E_IO;
	}
	exam->lab.http_asked = 0;
	exam->lab.http_fail_at = fail_at;
	if (instance_create(exam, &exam->lab, NULL, exam->config, &self, &error))
		return exam_fail(exam, "create fails: %s", error.message);
	*ret = CALL(exam, "deliver", exam->subject.notifier->deliver(self, list, EVENTS, each, &error));
	instance_destroy(exam, self);
	return 0;
}

/* One of its requests gets no answer: that event comes again, the others are done. */
static int delivers_the_rest(struct exam *exam)
{
	orasi_status each[EVENTS], status = ORASI_OK;
	int again = 0, done = 0, one_by_one;

	if (deliver_all(exam, 0, each, &status))
		return -1;
	one_by_one = exam->lab.http_asked == EVENTS;
	if (deliver_all(exam, 2, each, &status))
		return -1;
	if (exam->lab.http_asked < 2)
		return exam_skip(exam, "it makes fewer requests than there are events");
	for (int i = 0; i < EVENTS; i++) {
		again += each[i] <= -100 && each[i] > -200;
		done += each[i] == ORASI_OK;
	}
	if (!again || (one_by_one && each[1] == ORASI_OK) || (status <= 0 && status > -100 && status != ORASI_OK))
		return exam_fail(exam, "a request got no answer, and its event is not to be delivered again: give it a "
		                       "transient status");
	return done ? 0
	            : exam_fail(exam, "one of %d requests got no answer, and none of the events counts as delivered",
	                        EVENTS);
}

#define NOTIFIER FOR_KIND(ORASI_KIND_NOTIFIER)
#define TASK FOR_KIND(ORASI_KIND_TASK)
const struct test tests_task[] = {
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
