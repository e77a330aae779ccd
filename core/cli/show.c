/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that ask one thing and show the answer: datasets, plugins, the agent. */
#include <string.h>

#include "cli.h"

#define PAGE_CAP 1100 /* of a path with limit and cursor */

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

static int list_print(const struct args *args, const struct json *answer, const char *const *columns)
{
	if (args->json)
		printf("%s\n", json_text_pretty(answer));
	else
		table_print(list_of(answer), columns);
	if (!args->json && !args->quiet && json_get_str(answer, "next_cursor", NULL))
		fprintf(stderr, "(more: give --limit, or go on with --cursor %s)\n",
		        json_get_str(answer, "next_cursor", ""));
	return CLI_OK;
}

int show_list(const struct args *args, const char *path, const char *const *columns)
{
	struct json *answer;
	int r = http_json(args, "GET", path, NULL, &answer);

	if (r)
		return r;
	r = list_print(args, answer, columns);
	json_free(answer);
	return r;
}

int show_one(const struct args *args, const char *method, const char *path)
{
	return show_sent(args, method, path, NULL);
}

int show_sent(const struct args *args, const char *method, const char *path, const struct json *body)
{
	struct json *answer;
	int r = http_json(args, method, path, body, &answer);

	if (!r && answer && args->json)
		printf("%s\n", json_text_pretty(answer));
	else if (!r && answer && !args->quiet)
		fields_print(answer);
	json_free(answer);
	return r;
}

const char *path_of(const char *before, const char *name, const char *behind)
{
	static char path[2048];
	char escaped[512];

	http_escape(name, escaped, sizeof(escaped));
	snprintf(path, sizeof(path), "%s%s%s", before, escaped, behind);
	return path;
}

/* ---- datasets ------------------------------------------------------------------------------------------------ */

/* "/files" with the page that was asked for. */
static const char *with_page(const struct args *args, const char *path, char *ret, size_t cap)
{
	static const char *const names[] = {"limit", "cursor"};
	size_t n = (size_t)snprintf(ret, cap, "%s", path);
	char value[512];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (args_has(args, names[i]) && n < cap) {
			http_escape(args_get(args, names[i], ""), value, sizeof(value));
			n += (size_t)snprintf(ret + n, cap - n, "%c%s=%s", strchr(ret, '?') ? '&' : '?', names[i],
			                      value);
		}
	return ret;
}

int cmd_dataset_list(const struct args *args)
{
	char path[PAGE_CAP];

	static const char *const columns[] = {"name", "rows", "files", "bytes", "version", "location", NULL};

	return show_list(args, with_page(args, "/v1/datasets", path, sizeof(path)), columns);
}

int cmd_dataset_show(const struct args *args)
{
	return show_one(args, "GET", path_of("/v1/datasets/", args->words[0], ""));
}

int cmd_dataset_schema(const struct args *args)
{
	static const char *const columns[] = {"name", "type", "nullable", NULL};

	return show_list(args, path_of("/v1/datasets/", args->words[0], "/schema"), columns);
}

int cmd_dataset_files(const struct args *args)
{
	static const char *const columns[] = {"path", "rows", "size", "modified_at", NULL};
	char query[PAGE_CAP];

	return show_list(args,
	                 path_of("/v1/datasets/", args->words[0], with_page(args, "/files", query, sizeof(query))),
	                 columns);
}

/* What is wrong with entries is told at the end, and by the exit code: the others are listed all the same. */
int cmd_dataset_history(const struct args *args)
{
	static const char *const columns[] = {"version", "operation", "timestamp", "engineInfo", NULL};
	char query[PAGE_CAP];
	struct json *answer;
	int r = http_json(args, "GET",
	                  path_of("/v1/datasets/", args->words[0], with_page(args, "/history", query, sizeof(query))),
	                  NULL, &answer);

	if (r)
		return r;
	r = list_print(args, answer, columns);
	for (size_t i = 0; i < json_count(list_of(answer)); i++) {
		const struct json *commit = json_at(list_of(answer), i);

		if (json_get(commit, "problem"))
			r = fail(CLI_FAILED, "version %lld: %s", (long long)json_get_int(commit, "version", 0),
			         json_get_str(commit, "problem", ""));
	}
	json_free(answer);
	return r;
}

int cmd_dataset_drop(const struct args *args)
{
	if (!confirmed(args, "Delete dataset '%s' with all its files?", args->words[0]))
		return fail(CLI_FAILED, "nothing was deleted");
	return show_one(args, "DELETE", path_of("/v1/datasets/", args->words[0], ""));
}

/* ---- plugins, agent ------------------------------------------------------------------------------------------- */

int cmd_plugin_list(const struct args *args)
{
	static const char *const columns[] = {"bundle", "version", "state", "path", "reason", NULL};

	return show_list(args, "/v1/plugins", columns);
}

/* People read the table of options, not the schema that it was made from. */
int cmd_plugin_info(const struct args *args)
{
	struct json *answer;
	int r;

	if (author_is_file(args->words[0]))
		return author_info_file(args);
	r = http_json(args, "GET", path_of("/v1/plugins/", args->words[0], ""), NULL, &answer);
	if (r)
		return r;
	if (args->json) {
		printf("%s\n", json_text_pretty(answer));
	} else {
		json_del(answer, "config_schema");
		fields_print(answer);
	}
	json_free(answer);
	return CLI_OK;
}

int cmd_plugin_rescan(const struct args *args)
{
	return show_one(args, "POST", "/v1/plugins:rescan");
}

int cmd_plugin_clear(const struct args *args)
{
	return show_one(args, "POST", path_of("/v1/plugins/", args->words[0], ":clear"));
}

int cmd_plugin_pin(const struct args *args)
{
	char what[128] = ":pin";

	if (args->n_words > 1)
		snprintf(what, sizeof(what), ":pin?generation=%.100s", args->words[1]);
	return show_one(args, "POST", path_of("/v1/plugins/", args->words[0], what));
}

int cmd_plugin_unpin(const struct args *args)
{
	return show_one(args, "POST", path_of("/v1/plugins/", args->words[0], ":unpin"));
}

int cmd_status(const struct args *args)
{
	return show_one(args, "GET", "/v1/status");
}
