/* SPDX-License-Identifier: Apache-2.0 */
/* Program orasi-worker: one role, one order after the other, until the agent goes away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "crash.h"
#include "ops.h"
#include "plugin/plugin.h"
#include "sandbox.h"
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

static void say_hello(struct worker *worker, const char *missing)
{
	struct json *json = json_new_object();

	json_set_str(json, "build", ORASI_VERSION);
	json_set_int(json, "pid", getpid());
	json_set_str(json, "role", worker->role);
	json_set_str(json, "no_sandbox", missing);
	link_send(worker->link, WIRE_HELLO, json);
	json_free(json);
}

static void tell_metrics(struct worker *worker)
{
	struct json *json = loader_take_metrics(worker->loader);

	if (json)
		link_send(worker->link, WIRE_METRICS, json);
	json_free(json);
}

static struct json *reason(int r, const struct err *err)
{
	struct json *json = json_new_object();

	json_set_str(json, "code", err_name(r));
	json_set_str(json, "text", err->text);
	json_set_str(json, "where", err->where);
	return json;
}

/* Takes `result`. Returns whether it was the last one. */
static int answer(struct worker *worker, int r, struct json *result, const struct err *err, int64_t began_ns)
{
	int64_t now = clock_mono_ns();
	struct wear_seen seen = wear_look(&worker->wear, began_ns, now, link_has_next(worker->link));
	struct wire_end end = {.order = worker->order,
	                       .spent = seen.is_spent || loader_is_stale(worker->loader),
	                       .cpu_ms = seen.cpu_ms,
	                       .ns = now - began_ns,
	                       .rss_kib = seen.rss_kib};
	struct json *json = r ? reason(r, err) : result;

	link_send_end(worker->link, r ? WIRE_FAIL : WIRE_RESULT, &end, json);
	json_free(json);
	return (int)end.spent;
}

static void serve(struct worker *worker)
{
	for (int is_spent = 0; !is_spent;) {
		struct json *order = link_order(worker->link), *result = NULL;
		int64_t began_ns = clock_mono_ns();
		struct err err = {0};
		int r;

		worker->order = (uint32_t)json_get_int(order, "order", 0);
		r = ops_run(worker, order, &result, &err);
		tell_metrics(worker);
		if (r)
			json_free(result);
		is_spent = answer(worker, r, result, &err, began_ns);
		json_free(order);
	}
	link_rest(worker->link); /* what was sent ahead is for another */
}

/* ---- arguments -------------------------------------------------------------------------------------------- */

#define READS_MAX 64

struct arguments {
	uint64_t memory, disk, files, rights;
	struct sandbox sandbox;
	const char *reads[READS_MAX + 1];
	size_t n_reads;
};

static enum sandbox_mode mode_of(const char *word)
{
	return !strcmp(word, "enforce") ? SANDBOX_ENFORCE : !strcmp(word, "log") ? SANDBOX_LOG : SANDBOX_OFF;
}

static void take_argument(struct worker *worker, struct arguments *arguments, const char *name, const char *value)
{
	uint64_t number;

	if (!strcmp(name, "--role"))
		worker->role = value;
	else if (!strcmp(name, "--memory"))
		str_to_u64(value, &arguments->memory);
	else if (!strcmp(name, "--disk"))
		str_to_u64(value, &arguments->disk);
	else if (!strcmp(name, "--files"))
		str_to_u64(value, &arguments->files);
	else if (!strcmp(name, "--sandbox"))
		arguments->sandbox.mode = mode_of(value);
	else if (!strcmp(name, "--rights"))
		str_to_u64(value, &arguments->rights);
	else if (!strcmp(name, "--data"))
		arguments->sandbox.data = value;
	else if (!strcmp(name, "--staging"))
		worker->staging = arguments->sandbox.staging = value;
	else if (!strcmp(name, "--read") && arguments->n_reads < READS_MAX)
		arguments->reads[arguments->n_reads++] = value;
	else if (!strcmp(name, "--abi-minor") && !str_to_u64(value, &number))
		plugin_set_abi_minor((unsigned)number);
}

static int open_by_agent(const char *path)
{
	return wire_open_file(WIRE_FILES_FD, path);
}

/* Everything a plugin could misuse is taken away before the first thread and the first plugin. */
static int confine(struct arguments *arguments, struct err *err)
{
	struct sandbox *box = &arguments->sandbox;

	crash_confine(arguments->memory, arguments->disk, arguments->files);
	box->rights = (unsigned)arguments->rights;
	box->reads = arguments->reads;
	if (!box->data)
		return 0;
	if (box->staging)
		setenv("TMPDIR", box->staging, 1);
	if (box->mode == SANDBOX_ENFORCE)
		pipeline_set_opener(open_by_agent);
	return sandbox_enter(box, err);
}

int main(int argc, char **argv)
{
	struct worker worker = {.role = "task"};
	struct arguments arguments = {0};
	struct err err = {0};

	for (int i = 1; i + 1 < argc; i += 2)
		take_argument(&worker, &arguments, argv[i], argv[i + 1]);
	if (argc < 2) {
		fprintf(stderr, "orasi-worker is started by orasi-agent, with a socket as descriptor 3.\n");
		return 2;
	}
	if (confine(&arguments, &err) || link_start(&worker.link, &err) ||
	    loader_new(link_page(worker.link), &worker.loader, &err)) {
		fprintf(stderr, "orasi-worker: %s\n", err.text);
		return 1;
	}
	crash_catch(link_page(worker.link));
	worker.memory = (int64_t)arguments.memory;
	worker.rights = (unsigned)arguments.rights;
	/* A query worker maps segments and keeps files open as it likes. */
	wear_begin(&worker.wear, strcmp(worker.role, "query") ? arguments.memory : 0);
	log_link = worker.link;
	log_setup(LOG_TEXT, LOG_INFO, "orasi-worker");
	log_redirect(log_to_agent, NULL);
	say_hello(&worker, arguments.sandbox.missing);
	serve(&worker);
}
