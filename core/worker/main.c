/* SPDX-License-Identifier: Apache-2.0 */
/* Program orasi-worker: one role, one order after the other, until the agent goes away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "crash.h"
#include "ops.h"
#include "wear.h"

static struct link *log_link;

/* A line is an event of the agent's log; it carries the order's task there. */
static void log_to_agent(void *ctx, enum log_level level, const char *line)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	struct json *json = json_new_object();
	size_t n = strlen(line);

	(void)ctx;
	while (n && line[n - 1] == '\n')
		n--;
	json_set_str(json, "level", levels[level]);
	json_set_str(json, "event", "worker.log");
	json_set(json, "line", json_new_strn(line, n < 8000 ? n : 8000));
	link_send(log_link, WIRE_LOG, json);
	json_free(json);
}

static void say_hello(struct worker *worker)
{
	struct json *json = json_new_object();

	json_set_str(json, "build", ORASI_VERSION);
	json_set_int(json, "pid", getpid());
	json_set_str(json, "role", worker->role);
	link_send(worker->link, WIRE_HELLO, json);
	json_free(json);
}

static void answer(struct worker *worker, int r, struct json *result, const struct err *err)
{
	struct json *json = json_new_object();

	json_set_int(json, "order", worker->order);
	json_set_bool(json, "spent", wear_is_spent(&worker->wear));
	if (!r) {
		json_set(json, "result", result);
		link_send(worker->link, WIRE_RESULT, json);
	} else {
		json_set_str(json, "code", err_name(r));
		json_set_str(json, "text", err->text);
		json_set_str(json, "where", err->where);
		link_send(worker->link, WIRE_FAIL, json);
	}
	json_free(json);
}

static void serve(struct worker *worker)
{
	for (;;) {
		struct json *order = link_order(worker->link), *result = NULL;
		struct err err = {0};
		int r;

		worker->order = (uint32_t)json_get_int(order, "order", 0);
		r = ops_run(worker, order, &result, &err);
		if (r)
			json_free(result);
		answer(worker, r, result, &err);
		json_free(order);
	}
}

int main(int argc, char **argv)
{
	struct worker worker = {.role = "task"};
	uint64_t memory = 0;
	struct err err = {0};

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--role"))
			worker.role = argv[i + 1];
		else if (!strcmp(argv[i], "--memory"))
			str_to_u64(argv[i + 1], &memory);
	}
	if (argc < 2) {
		fprintf(stderr, "orasi-worker is started by orasi-agent, with a socket as descriptor 3.\n");
		return 2;
	}
	crash_confine(memory);
	if (link_start(&worker.link, &err) || loader_new(link_page(worker.link), &worker.loader, &err)) {
		fprintf(stderr, "orasi-worker: %s\n", err.text);
		return 1;
	}
	crash_catch(link_page(worker.link));
	/* A query worker maps segments and keeps files open as it likes. */
	wear_begin(&worker.wear, strcmp(worker.role, "query") ? memory : 0);
	log_link = worker.link;
	log_setup(LOG_TEXT, LOG_INFO, "orasi-worker");
	log_redirect(log_to_agent, NULL);
	say_hello(&worker);
	serve(&worker);
}
