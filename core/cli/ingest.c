/* SPDX-License-Identifier: Apache-2.0 */
/* orasi ingest: files become one task; its progress is shown, its end summed up. */
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli.h"

/* ---- the request -------------------------------------------------------------------------------------------- */

/* true, false and numbers become JSON of that type; the rest is text. */
struct json *typed_value(const char *value)
{
	struct json *json;

	if (!strcmp(value, "true") || !strcmp(value, "false"))
		return json_new_bool(*value == 't');
	if (strchr("-0123456789", *value) && *value && !json_parse(value, strlen(value), &json, NULL))
		return json;
	return json_new_str(value);
}

int put_pairs(const struct args *args, const char *option, struct json *object, int as_text)
{
	const char *pair;

	for (int i = 0; (pair = args_nth(args, option, i)); i++) {
		const char *equals = strchr(pair, '=');
		char key[256];

		if (!equals)
			return fail(CLI_USAGE, "--%s %s: write it as KEY=VALUE", option, pair);
		snprintf(key, sizeof(key), "%.*s", (int)(equals - pair), pair);
		json_set(object, key, as_text ? json_new_str(equals + 1) : typed_value(equals + 1));
	}
	return 0;
}

static int add_file(const char *name, struct json *uris)
{
	char path[PATH_MAX];

	if (!realpath(name, path))
		return fail(CLI_FAILED, "cannot find '%s'", name);
	json_push(uris, json_new_str(path));
	return 0;
}

/* Patterns are for quoted ones: a shell has expanded the others. */
static int add_pattern(const char *pattern, struct json *uris)
{
	glob_t found;
	int r = 0;

	if (!strpbrk(pattern, "*?[") || !access(pattern, F_OK))
		return add_file(pattern, uris);
	if (glob(pattern, 0, NULL, &found))
		return fail(CLI_FAILED, "no file matches '%s'", pattern);
	for (size_t i = 0; i < found.gl_pathc && !r; i++)
		r = add_file(found.gl_pathv[i], uris);
	globfree(&found);
	return r;
}

static int upload_stdin(const struct args *args, struct json *source)
{
	struct json *answer;
	int r = http_upload(args, "/v1/uploads", stdin, &answer);

	if (!r)
		json_set_str(source, "upload", json_get_str(answer, "id", ""));
	json_free(answer);
	return r;
}

static int make_source(const struct args *args, struct json *source)
{
	struct json *uris;
	int r = 0;

	if (args->n_words == 1 && !strcmp(args->words[0], "-"))
		return upload_stdin(args, source);
	uris = json_new_array();
	for (int i = 0; i < args->n_words && !r; i++)
		r = add_pattern(args->words[i], uris);
	json_set(source, "uris", uris);
	return r;
}

int put_number(const struct args *args, const char *option, struct json *object, const char *member)
{
	const char *text = args_get(args, option, NULL);
	struct json *number;

	if (!text)
		return 0;
	number = typed_value(text);
	if (json_type(number) == JSON_INT || json_type(number) == JSON_DOUBLE) {
		json_set(object, member, number);
		return 0;
	}
	json_free(number);
	return fail(CLI_USAGE, "--%s %s is no number", option, text);
}

/* NAME, NAME:K=V,K=V or NAME:{…}. */
static int add_step(const char *text, struct json *steps)
{
	struct json *step = json_new_object(), *config = NULL;
	const char *colon = strchr(text, ':');
	char *pairs, *next, *pair;
	int r = 0;

	json_push(steps, step);
	json_set_str(step, "op", "plugin");
	json_set(step, "name", json_new_strn(text, colon ? (size_t)(colon - text) : strlen(text)));
	if (!colon)
		return 0;
	if (colon[1] == '{') {
		if (json_parse(colon + 1, strlen(colon + 1), &config, NULL))
			return fail(CLI_USAGE, "--transform %s: what follows the colon is no JSON", text);
		json_set(step, "config", config);
		return 0;
	}
	config = json_new_object();
	json_set(step, "config", config);
	next = pairs = strdup(colon + 1);
	while (pairs && !r && (pair = strsep(&next, ","))) {
		char *equals = strchr(pair, '=');

		if (!equals) {
			r = fail(CLI_USAGE, "--transform %s: write it as NAME, NAME:KEY=VALUE,… or NAME:{…}", text);
			break;
		}
		*equals = '\0';
		json_set(config, pair, typed_value(equals + 1));
	}
	free(pairs);
	return r;
}

static int put_steps(const struct args *args, struct json *task)
{
	struct json *steps = json_new_array();
	const char *text;
	int r = 0;

	json_set(task, "transform", steps);
	for (int i = 0; !r && (text = args_nth(args, "transform", i)); i++)
		r = add_step(text, steps);
	return r;
}

static int make_task(const struct args *args, struct json *task)
{
	struct json *source = json_new_object(), *format = json_new_object(), *options = json_new_object(),
		    *errors = json_new_object(), *labels = json_new_object();
	int r;

	json_set_str(task, "kind", "ingest");
	json_set_str(task, "dataset", args_get(args, "dataset", ""));
	json_set(task, "source", source);
	json_set(task, "format", format);
	json_set(format, "options", options);
	json_set_str(format, "plugin", args_get(args, "format", "auto"));
	json_set(task, "errors", errors);
	json_set(task, "labels", labels);
	if (args_has(args, "compression"))
		json_set_str(source, "compression", args_get(args, "compression", ""));
	if (args_has(args, "priority"))
		json_set(task, "priority", typed_value(args_get(args, "priority", "")));
	if (args_has(args, "dry-run"))
		json_set_bool(task, "dry_run", 1);
	r = put_number(args, "max-rejected", errors, "max_rejected");
	if (!r)
		r = put_number(args, "max-rejected-percent", errors, "max_rejected_percent");
	if (!r)
		r = put_pairs(args, "option", options, 0);
	if (!r)
		r = put_pairs(args, "label", labels, 1);
	if (!r && args_has(args, "transform"))
		r = put_steps(args, task);
	return r ? r : make_source(args, source);
}

/* ---- the end ------------------------------------------------------------------------------------------------- */

static int sum_up(const struct args *args, const struct json *task)
{
	const struct json *result = json_get(task, "result");
	int64_t rejected = json_get_int(result, "rejected", 0);
	char in[32], rows[32], bad[32];

	if (args->json)
		printf("%s\n", json_text_pretty(task));
	if (task_verdict(task))
		return CLI_FAILED;
	number_with_commas(json_get_int(result, "rows_in", 0), in);
	number_with_commas(json_get_int(result, "rows", 0), rows);
	number_with_commas(rejected, bad);
	if (!args->json && !args->quiet) {
		printf("%s rows in = %s written + %s rejected", in, rows, bad);
		if (rejected)
			printf("  (see %s__rejects)", args_get(args, "dataset", ""));
		printf("\n");
	}
	return rejected && args_has(args, "strict") ? CLI_REJECTED : CLI_OK;
}

int cmd_ingest(const struct args *args)
{
	struct json *task, *answer = NULL, *end = NULL;
	int r;

	if (!args_has(args, "dataset"))
		return fail(CLI_USAGE, "ingest needs --dataset NAME");
	task = json_new_object();
	r = make_task(args, task);
	if (!r)
		r = http_submit(args, "/v1/tasks", task, &answer);
	if (!r && args_has(args, "no-wait"))
		printf("%s\n", json_get_str(answer, "id", ""));
	else if (!r)
		r = task_follow(args, json_get_str(answer, "id", ""), &end);
	if (!r && end)
		r = sum_up(args, end);
	json_free(task);
	json_free(answer);
	json_free(end);
	return r;
}
