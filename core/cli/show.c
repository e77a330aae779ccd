/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that ask one thing and show the answer: tasks, datasets, plugins, the agent. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* The list in an answer, whatever its member is called. */
static const struct json *list_of(const struct json *answer)
{
	const struct json *value;
	const char *key;
	size_t at = 0;

	if (json_type(answer) == JSON_ARRAY)
		return answer;
	while (json_each(answer, &at, &key, &value))
		if (json_type(value) == JSON_ARRAY)
			return value;
	return NULL;
}

int show_list(const struct args *args, const char *path, const char *const *columns)
{
	struct json *answer;
	int r = http_json(args, "GET", path, NULL, &answer);

	if (r)
		return r;
	if (args->json)
		printf("%s\n", json_text_pretty(answer));
	else
		table_print(list_of(answer), columns);
	json_free(answer);
	return CLI_OK;
}

int show_one(const struct args *args, const char *method, const char *path)
{
	struct json *answer;
	int r = http_json(args, method, path, NULL, &answer);

	if (!r && answer && !args->quiet)
		printf("%s\n", json_text_pretty(answer));
	json_free(answer);
	return r;
}

static const char *path_of(const char *before, const char *name, const char *behind)
{
	static char path[1024];
	char escaped[512];

	http_escape(name, escaped, sizeof(escaped));
	snprintf(path, sizeof(path), "%s%s%s", before, escaped, behind);
	return path;
}

/* ---- tasks --------------------------------------------------------------------------------------------------- */

int cmd_task_list(const struct args *args)
{
	static const char *const columns[] = {"id", "kind", "dataset", "state", "attempt", "created_at", NULL};
	static const char *const filters[] = {"state", "kind", "dataset", "limit"};
	char path[2048] = "/v1/tasks?", value[512];

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		size_t n = strlen(path);

		if (!args_has(args, filters[i]))
			continue;
		http_escape(args_get(args, filters[i], ""), value, sizeof(value));
		snprintf(path + n, sizeof(path) - n, "%s=%s&", filters[i], value);
	}
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

	if (!r && !args->quiet)
		printf("%s\n", args->json ? json_text_pretty(task) : json_get_str(task, "state", ""));
	if (!r && strcmp(json_get_str(task, "state", ""), "succeeded"))
		r = CLI_FAILED;
	json_free(task);
	return r;
}

int cmd_task_cancel(const struct args *args)
{
	return show_one(args, "POST", path_of("/v1/tasks/", args->words[0], ":cancel"));
}

int cmd_task_retry(const struct args *args)
{
	return show_one(args, "POST", path_of("/v1/tasks/", args->words[0], ":retry"));
}

int cmd_task_attempts(const struct args *args)
{
	static const char *const columns[] = {"attempt", "outcome", "started_at", "finished_at", "error", NULL};

	return show_list(args, path_of("/v1/tasks/", args->words[0], "/attempts"), columns);
}

/* ---- datasets ------------------------------------------------------------------------------------------------ */

int cmd_dataset_list(const struct args *args)
{
	static const char *const columns[] = {"name", "rows", "files", "bytes", "version", "location", NULL};

	return show_list(args, "/v1/datasets", columns);
}

int cmd_dataset_show(const struct args *args)
{
	return show_one(args, "GET", path_of("/v1/datasets/", args->words[0], ""));
}

int cmd_dataset_schema(const struct args *args)
{
	return show_one(args, "GET", path_of("/v1/datasets/", args->words[0], "/schema"));
}

int cmd_dataset_files(const struct args *args)
{
	static const char *const columns[] = {"path", "rows", "size", "modified", NULL};

	return show_list(args, path_of("/v1/datasets/", args->words[0], "/files"), columns);
}

int cmd_dataset_history(const struct args *args)
{
	static const char *const columns[] = {"version", "operation", "timestamp", "engineInfo", NULL};

	return show_list(args, path_of("/v1/datasets/", args->words[0], "/history"), columns);
}

int cmd_dataset_drop(const struct args *args)
{
	char line[16] = "";

	if (!args_has(args, "yes")) {
		fprintf(stderr, "Delete dataset '%s' with all its files? Type yes: ", args->words[0]);
		if (!fgets(line, sizeof(line), stdin) || strcmp(line, "yes\n"))
			return fail(CLI_FAILED, "nothing was deleted");
	}
	return show_one(args, "DELETE", path_of("/v1/datasets/", args->words[0], ""));
}

/* ---- plugins, agent ------------------------------------------------------------------------------------------- */

int cmd_plugin_list(const struct args *args)
{
	static const char *const columns[] = {"bundle", "version", "state", "path", "reason", NULL};

	return show_list(args, "/v1/plugins", columns);
}

int cmd_plugin_info(const struct args *args)
{
	return show_one(args, "GET", path_of("/v1/plugins/", args->words[0], ""));
}

int cmd_plugin_rescan(const struct args *args)
{
	return show_one(args, "POST", "/v1/plugins:rescan");
}

int cmd_plugin_clear(const struct args *args)
{
	return show_one(args, "POST", path_of("/v1/plugins/", args->words[0], ":clear"));
}

int cmd_status(const struct args *args)
{
	return show_one(args, "GET", "/v1/status");
}
