/* SPDX-License-Identifier: Apache-2.0 */
/* orasi task: tasks of any kind, as JSON in, as tables and bars out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli.h"

#define BODY_MAX (16u << 20)

/* ---- submit --------------------------------------------------------------------------------------------------- */

static int read_text(const char *word, struct buf *ret)
{
	FILE *in;
	int r;

	if (*word == '{' || *word == '[')
		return buf_puts(ret, word) ? fail(CLI_USAGE, "the task is too long") : 0;
	if (!strcmp(word, "-"))
		return read_all(stdin, "standard input", ret);
	in = fopen(word, "re");
	if (!in)
		return fail(CLI_FAILED, "cannot open '%s': %s (give JSON, a file with JSON, or - for standard input)",
		            word, strerror(errno));
	r = read_all(in, word, ret);
	fclose(in);
	return r;
}

int read_order(const char *word, struct json **ret)
{
	struct buf text;
	struct err err;
	int r;

	buf_init(&text, BODY_MAX);
	r = read_text(word, &text);
	if (!r && json_parse(text.len ? text.data : "", text.len, ret, &err))
		r = fail(CLI_USAGE, "the task is not JSON: %s", err.text);
	buf_done(&text);
	return r;
}

/* Options that become members of the task. */
static const struct {
	const char *option, *member;
	int as_text;
} members[] = {
	{"kind", "kind", 1},
	{"dataset", "dataset", 1},
	{"queue", "queue", 1},
	{"priority", "priority", 0},
	{"run-at", "run_at", 1},
	{"expires-at", "expires_at", 1},
	{"timeout", "timeout", 1},
	{"unique-key", "unique_key", 1},
	{"idempotency-key", "idempotency_key", 1},
	{"sql", "sql", 1},
	{"max-attempts", "max_attempts", 0},
	{"tenant", "tenant", 1},
	{"deadline", "deadline", 1},
	{"batch", "batch", 1},
	{"concurrency-key", "concurrency_key", 1},
	{"unique-scope", "unique_scope", 1},
	{"unique-ttl", "unique_ttl", 1},
	{"on-conflict", "on_conflict", 1},
	{"fairness-key", "fairness_key", 1},
	{"weight", "weight", 0},
	{"rate-key", "rate_key", 1},
	{"cost", "cost", 0},
	{"slots", "slots", 0},
	{"heartbeat", "heartbeat", 1},
	{"on-dep-failure", "on_dep_failure", 1},
};

/* An option that may come more than once. */
static struct json *all_of(const struct args *args, const char *option)
{
	struct json *list = json_new_array();
	const char *value;

	for (int i = 0; (value = args_nth(args, option, i)); i++)
		json_push(list, json_new_str(value));
	return list;
}

static int put_members(const struct args *args, struct json *task)
{
	struct json *labels;
	const char *value;
	int r;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if ((value = args_get(args, members[i].option, NULL)))
			json_set(task, members[i].member,
			         members[i].as_text ? json_new_str(value) : typed_value(value));
	if ((value = args_get(args, "callback", NULL))) {
		struct json *callback = json_new_object();

		json_set_str(callback, "url", value);
		if ((value = args_get(args, "callback-secret", NULL)))
			json_set_str(callback, "secret", value);
		json_set(task, "callback", callback);
	}
	if (args_has(args, "depends-on"))
		json_set(task, "depends_on", all_of(args, "depends-on"));
	if (!args_has(args, "label"))
		return 0;
	labels = json_new_object();
	r = put_pairs(args, "label", labels, 1);
	json_set(task, "labels", labels);
	return r;
}

/* All but the key, which a list may have as a whole. */
static int is_tuned(const struct args *args)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (args_has(args, members[i].option) && strcmp(members[i].option, "idempotency-key"))
			return 1;
	return args_has(args, "label") || args_has(args, "callback") || args_has(args, "depends-on");
}

static int is_lines_file(const char *word)
{
	return word && (str_ends(word, ".ndjson") || str_ends(word, ".jsonl"));
}

/* One object, an array, or one object a line: then *ret_lines. */
static int parse_order(const struct args *args, const struct buf *text, struct json **ret, int *ret_lines)
{
	const char *word = args->n_words ? args->words[0] : NULL;
	struct err err, line;
	int r = 0;

	*ret_lines = is_lines_file(word);
	if (!text->len)
		*ret = json_new_object();
	else if (!*ret_lines && (r = json_parse(text->data, text->len, ret, &err)))
		*ret_lines =
			memchr(text->data, '\n', text->len - 1) && !json_parse_lines(text->data, text->len, ret, &line);
	if (text->len && is_lines_file(word))
		*ret = json_new_array(); /* the agent tells which line is wrong */
	else if (r && !*ret_lines)
		return fail(CLI_USAGE, "the task is not JSON: %s", err.text);
	if (json_type(*ret) == JSON_OBJECT)
		return put_members(args, *ret);
	if (is_tuned(args))
		return fail(CLI_USAGE, "options belong to one task: write them into each task of the list");
	return 0;
}

/* What the answer says about the new task or tasks; waits for one if asked to. */
static int show_submitted(const struct args *args, const struct json *answer)
{
	const struct json *list = json_get(answer, "tasks");
	const char *id = json_get_str(answer, "id", "");
	struct json *end = NULL;
	int r;

	if (!args_has(args, "wait") || list) {
		if (args->json)
			printf("%s\n", json_text_pretty(answer));
		for (size_t i = 0; !args->json && i < json_count(list); i++)
			printf("%s\n", json_get_str(json_at(list, i), "id", ""));
		if (!args->json && !list)
			printf("%s\n", id);
		return CLI_OK;
	}
	r = task_follow(args, id, &end);
	if (!r && args->json)
		printf("%s\n", json_text_pretty(end));
	if (!r)
		r = task_verdict(end);
	if (!r && !args->json && !args->quiet)
		fields_print(json_get(end, "result"));
	json_free(end);
	return r;
}

static int send_order(const struct args *args, const char *path, const struct buf *text, const struct json *task,
                      int is_lines, struct json **ret)
{
	if (json_type(task) == JSON_OBJECT)
		return http_submit(args, path, task, ret);
	return http_many(args, path, text->data, is_lines, args_get(args, "idempotency-key", NULL), ret);
}

int cmd_task_submit(const struct args *args)
{
	struct json *task = NULL, *answer = NULL;
	struct buf text;
	int r = 0, is_lines = 0;

	buf_init(&text, BODY_MAX);
	if (args->n_words)
		r = read_text(args->words[0], &text);
	if (!r)
		r = parse_order(args, &text, &task, &is_lines);
	if (!r)
		r = send_order(args, "/v1/tasks", &text, task, is_lines, &answer);
	if (!r)
		r = show_submitted(args, answer);
	buf_done(&text);
	json_free(task);
	json_free(answer);
	return r;
}

/* What is wrong in a line is told with it by the agent; what its queue says of the task is not. */
static void say_refusal(int64_t line, size_t i, const char *detail)
{
	if (line && str_starts(detail, "line "))
		fprintf(stderr, "orasi: %s\n", detail);
	else
		fprintf(stderr, "orasi: %s %lld: %s\n", line ? "line" : "task",
		        (long long)(line ? line : (int64_t)i + 1), detail);
}

/* An id for each that was accepted, and why each other one was not. */
static int show_items(const struct args *args, const struct json *items)
{
	size_t refused = 0;

	if (args->json)
		printf("%s\n", json_text_pretty(items));
	for (size_t i = 0; i < json_count(items); i++) {
		const struct json *item = json_at(items, i), *problem = json_get(item, "problem");
		int64_t line = json_get_int(item, "line", 0);

		refused += problem != NULL;
		if (problem && !args->json)
			say_refusal(line, i, json_get_str(problem, "detail", ""));
		else if (!problem && !args->json && !args->quiet)
			printf("%s\n", json_get_str(item, "id", ""));
	}
	return refused ? fail(CLI_FAILED, "%zu of %zu tasks were refused", refused, json_count(items)) : CLI_OK;
}

int cmd_task_batch(const struct args *args)
{
	const char *path = args_has(args, "atomic") ? "/v1/tasks:batch?atomic=true" : "/v1/tasks:batch";
	struct json *task = NULL, *answer = NULL;
	struct buf text;
	int r, is_lines = 0;

	buf_init(&text, BODY_MAX);
	r = read_text(args->words[0], &text);
	if (!r && !text.len)
		r = fail(CLI_USAGE, "'%s' is empty", args->words[0]);
	if (!r)
		r = parse_order(args, &text, &task, &is_lines);
	if (!r)
		r = http_many(args, path, text.data, is_lines, args_get(args, "idempotency-key", NULL), &answer);
	if (!r)
		r = show_items(args, answer);
	buf_done(&text);
	json_free(task);
	json_free(answer);
	return r;
}

int cmd_task_promote(const struct args *args)
{
	return show_one(args, "POST", path_of("/v1/tasks/", args->words[0], ":promote"));
}

int cmd_task_reschedule(const struct args *args)
{
	struct json *body = json_new_object();
	int r = 0;

	if (args_has(args, "run-at"))
		json_set_str(body, "run_at", args_get(args, "run-at", ""));
	if (args_has(args, "priority"))
		json_set(body, "priority", typed_value(args_get(args, "priority", "")));
	if (!json_count(body))
		r = fail(CLI_USAGE, "what is to change? Give --run-at T, --priority P, or both");
	if (!r)
		r = show_sent(args, "POST", path_of("/v1/tasks/", args->words[0], ":reschedule"), body);
	json_free(body);
	return r;
}

/* ---- the others ------------------------------------------------------------------------------------------------- */

static int put_label(const char *pair, char *path, size_t cap)
{
	const char *equals = strchr(pair, '=');
	char name[512], value[512];
	size_t n = strlen(path);

	if (!equals)
		return fail(CLI_USAGE, "--label %s: write it as KEY=VALUE", pair);
	snprintf(value, sizeof(value), "%.*s", (int)(equals - pair), pair);
	http_escape(value, name, sizeof(name));
	http_escape(equals + 1, value, sizeof(value));
	snprintf(path + n, cap - n, "label.%s=%s&", name, value);
	return 0;
}

int cmd_task_list(const struct args *args)
{
	static const char *const columns[] = {"id", "kind", "dataset", "state", "attempt", "created_at", NULL};
	static const char *const filters[] = {"state",  "kind",  "dataset", "queue", "tenant",
	                                      "parent", "batch", "order",   "limit", "cursor"};
	char path[4096] = "/v1/tasks?", value[512];

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		size_t n = strlen(path);

		if (!args_has(args, filters[i]))
			continue;
		http_escape(args_get(args, filters[i], ""), value, sizeof(value));
		snprintf(path + n, sizeof(path) - n, "%s=%s&", filters[i], value);
	}
	if (args_has(args, "label") && put_label(args_get(args, "label", ""), path, sizeof(path)))
		return CLI_USAGE;
	path[strlen(path) - 1] = '\0';
	return show_list(args, path, columns);
}

int cmd_task_get(const struct args *args)
{
	return show_one(args, "GET", path_of("/v1/tasks/", args->words[0], ""));
}

int cmd_task_wait(const struct args *args)
{
	struct json *task = NULL;
	int r = task_follow(args, args->words[0], &task);

	if (!r && args->json)
		printf("%s\n", json_text_pretty(task));
	if (!r)
		r = task_verdict(task);
	if (!r && !args->json && !args->quiet)
		printf("%s\n", json_get_str(task, "state", ""));
	json_free(task);
	return r;
}

/* One task by its id, or with filters all that match. */
static int put_filter(const struct args *args, struct json *body)
{
	static const char *const texts[] = {"state",  "kind",  "queue",         "tenant",        "dataset",
	                                    "parent", "batch", "created-after", "created-before"};
	struct json *labels;
	const char *value;
	char key[32];
	int r = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(key, sizeof(key), "%s", texts[i]);
		for (char *p = key; *p; p++)
			*p = *p == '-' ? '_' : *p;
		if ((value = args_get(args, texts[i], NULL)))
			json_set_str(body, key, value);
	}
	if (args_has(args, "label")) {
		labels = json_new_object();
		r = put_pairs(args, "label", labels, 1);
		json_set(body, "labels", labels);
	}
	if (args_has(args, "all"))
		json_set_bool(body, "all", 1);
	if (args_has(args, "dry-run"))
		json_set_bool(body, "dry_run", 1);
	if (args_has(args, "max"))
		json_set(body, "max", typed_value(args_get(args, "max", "")));
	return r;
}

static int change(const struct args *args, const char *method, const char *verb)
{
	struct json *body;
	char path[64];
	int r;

	if (args->n_words)
		return show_one(args, method,
		                path_of("/v1/tasks/", args->words[0], strcmp(method, "DELETE") ? verb : ""));
	body = json_new_object();
	r = put_filter(args, body);
	if (!r && !json_count(body))
		r = fail(CLI_USAGE, "which task? Give its ID, or a filter such as --queue Q, or --all");
	snprintf(path, sizeof(path), "/v1/tasks%s", verb);
	if (!r)
		r = operate(args, path, body);
	json_free(body);
	return r;
}

int cmd_task_cancel(const struct args *args)
{
	return change(args, "POST", ":cancel");
}

int cmd_task_redrive(const struct args *args)
{
	return change(args, "POST", ":redrive");
}

int cmd_task_retry(const struct args *args)
{
	return cmd_task_redrive(args);
}

int cmd_task_delete(const struct args *args)
{
	return change(args, "DELETE", ":delete");
}

int cmd_task_attempts(const struct args *args)
{
	static const char *const columns[] = {"attempt",     "outcome",     "started_at", "finished_at", "cpu_ms",
	                                      "max_rss_kib", "exit_signal", "error",      NULL};

	return show_list(args, path_of("/v1/tasks/", args->words[0], "/attempts"), columns);
}

int cmd_task_logs(const struct args *args)
{
	struct json *answer;
	const struct json *items;
	int r = http_json(args, "GET", path_of("/v1/tasks/", args->words[0], "/logs"), NULL, &answer);

	if (r)
		return r;
	items = json_get(answer, "items");
	if (args->json)
		printf("%s\n", json_text_pretty(answer));
	for (size_t i = 0; i < json_count(items) && !args->json; i++) {
		char *text = text_for_people(json_get_str(json_at(items, i), "line", ""), 0);

		printf("%s  %-5s  %s\n", json_get_str(json_at(items, i), "time", ""),
		       json_get_str(json_at(items, i), "level", ""), text ? text : "");
		free(text);
	}
	json_free(answer);
	return CLI_OK;
}
