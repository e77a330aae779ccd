/* SPDX-License-Identifier: Apache-2.0 */
/* A task or a notifier from the shell, without an agent: one attempt on the host of the examination. What it remembers is
 * in memory, or in the file that --state names. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "exam.h"
#include "plugin/kv.h"
#include "run.h"

#define EVENTS_BYTES_MAX (64u << 20)
#define STATE_BYTES_MAX (64u << 20)
#define EVENTS_MAX 1000

/* ---- state ------------------------------------------------------------------------------------------------------- */

static int read_json(const char *path, struct json **ret, struct err *err)
{
	struct buf text;
	int r;

	buf_init(&text, 0);
	r = file_read(path, STATE_BYTES_MAX, &text, err);
	if (!r)
		r = json_parse(text.data, text.len, ret, err);
	buf_done(&text);
	return r;
}

/* A file that is not there yet is an empty state. */
static int load_state(struct exam *exam, const char *path, struct json **ret, struct err *err)
{
	struct kv *kv;
	int r = path ? read_json(path, ret, err) : 0;

	if (r == ERR_NOTFOUND)
		r = 0;
	if (!*ret)
		*ret = json_new_object();
	if (!r)
		r = kv_new(*ret, &kv, err);
	if (r)
		return r;
	kv_free(exam->lab.kv);
	exam->lab.kv = kv;
	return 0;
}

static int keep_state(const struct exam *exam, const char *path, struct json *state, struct err *err)
{
	const struct json *text;
	struct json *report;
	const char *key;
	size_t at = 0;
	int r = kv_report(exam->lab.kv, &report, err);

	if (r)
		return r;
	while (json_each(json_get(report, "changed"), &at, &key, &text)) {
		fprintf(stderr, "%s '%s'\n", json_type(text) == JSON_NULL ? "forgets" : "remembers", key);
		if (json_type(text) == JSON_NULL)
			json_del(state, key);
		else
			json_set(state, key, json_copy(text));
	}
	json_free(report);
	return path ? file_replace(path, json_text(state), strlen(json_text(state)), err) : 0;
}

/* ---- one attempt ------------------------------------------------------------------------------------------------- */

static int work_task_once(struct running *run)
{
	struct exam *exam = &run->exam;
	orasi_task_run args = {.struct_size = sizeof(args), .attempt = 1, .task_id = ORASI_STR("t_shell")};
	orasi_error error = exam_no_error();
	orasi_str result = {0};
	void *self;
	orasi_status status;

	if (run->typed->n_words > 1)
		return run_fail(run, AUTHOR_USAGE, "a task reads no input: give it what it needs with --option");
	status = instance_create(exam, &exam->lab, NULL, exam->config, &self, &error);
	if (status)
		return run_status(run, "create", status, &error);
	status = CALL(exam, "run", exam->subject.task->run(self, &args, &result, &error));
	if (!status)
		printf("%.*s\n", result.len ? (int)result.len : 2, result.len ? result.ptr : "{}");
	instance_destroy(exam, self);
	return status ? run_status(run, "run", status, &error) : 0;
}

static orasi_str str_of(const struct json *object, const char *key, const char *otherwise)
{
	const char *text = json_get_str(object, key, otherwise);

	return (orasi_str){text, strlen(text)};
}

static void print_statuses(const orasi_event *events, const orasi_status *each, uint32_t n)
{
	struct buf text;

	buf_init(&text, 0);
	for (uint32_t i = 0; i < n; i++) {
		buf_clear(&text);
		buf_json_str(&text, events[i].id.ptr, events[i].id.len);
		printf("{\"id\":%s,\"status\":%d}\n", text.data, each[i]);
	}
	buf_done(&text);
}

static int deliver(struct running *run, const struct json *list)
{
	static orasi_event events[EVENTS_MAX];
	static const orasi_event *pointers[EVENTS_MAX];
	static orasi_status each[EVENTS_MAX];
	struct exam *exam = &run->exam;
	uint32_t n = 0;
	orasi_error error = exam_no_error();
	void *self;
	orasi_status status = instance_create(exam, &exam->lab, NULL, exam->config, &self, &error);

	if (status)
		return run_status(run, "create", status, &error);
	for (; n < json_count(list); n++) {
		const struct json *one = json_at(list, n);
		const char *text = json_text(one);

		events[n] = (orasi_event){.struct_size = sizeof(events[n]),
		                          .severity = ORASI_SEVERITY_INFO,
		                          .id = str_of(one, "id", "event"),
		                          .type = str_of(one, "type", "test"),
		                          .json = {text, strlen(text)}};
		pointers[n] = &events[n];
		each[n] = ORASI_E_IO;
	}
	status = CALL(exam, "deliver", exam->subject.notifier->deliver(self, pointers, n, each, &error));
	print_statuses(events, each, n);
	instance_destroy(exam, self);
	return status ? run_status(run, "deliver", status, &error) : 0;
}

static int work_notifier_once(struct running *run)
{
	const char *path = run->typed->words[1];
	struct json *list = NULL;
	struct err err = {0};
	struct buf text;
	int r;

	if (!path)
		return run_fail(run, AUTHOR_USAGE, "a notifier needs a file of events, a JSON object a line");
	buf_init(&text, 0);
	r = file_read(path, EVENTS_BYTES_MAX, &text, &err);
	if (!r)
		r = json_parse_lines(text.data, text.len, &list, &err);
	if (!r && json_count(list) > EVENTS_MAX)
		r = err_set(&err, ERR_LIMIT, "more than %d events: make several files of them", EVENTS_MAX);
	r = r ? run_fail(run, AUTHOR_FAILED, "events '%s': %s", path, err.text) : deliver(run, list);
	buf_done(&text);
	json_free(list);
	return r;
}

int run_once(struct running *run)
{
	const char *path = typed_get(run->typed, "state", NULL);
	struct exam *exam = &run->exam;
	struct json *state = NULL;
	struct err err = {0};

	if (load_state(exam, path, &state, &err)) {
		json_free(state);
		return run_fail(run, AUTHOR_FAILED, "state '%s': %s", path ? path : "", err.text), run->code;
	}
	if (exam->subject.task)
		work_task_once(run);
	else
		work_notifier_once(run);
	fflush(stdout);
	fwrite(exam->lab.said.data, 1, exam->lab.said.len, stderr);
	if (exam->lab.misuse)
		run_fail(run, AUTHOR_FAILED, "it misbehaves: %s", exam->lab.misuse);
	if (!run->code && keep_state(exam, path, state, &err))
		run_fail(run, AUTHOR_FAILED, "state: %s", err.text);
	json_free(state);
	return run->code;
}
