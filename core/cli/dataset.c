/* SPDX-License-Identifier: Apache-2.0 */
/* orasi dataset attach, create, delete, export, optimize, vacuum, verify: datasets as tables that are taken care of. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "cli.h"

/* ---- making ----------------------------------------------------------------------------------------------- */

static int put(const struct args *args, const struct json *body)
{
	struct json *answer = NULL;
	int r = http_json(args, "PUT", path_of("/v1/datasets/", args->words[0], ""), body, &answer);

	json_free(answer);
	return r ? r : show_one(args, "GET", path_of("/v1/datasets/", args->words[0], ""));
}

/* The agent has another working directory: a path is looked up here, and what became of it is said. */
static int absolute_location(const struct args *args, const char *location, char ret[PATH_MAX])
{
	if (*location == '/' || strstr(location, "://")) {
		str_copy(ret, PATH_MAX, location);
		return 0;
	}
	if (!realpath(location, ret))
		return fail(CLI_FAILED,
		            "there is no folder '%s' here: a table lies in a folder, or in s3://bucket/prefix",
		            location);
	if (!args->quiet && !args->json)
		fprintf(stderr, "(%s is %s)\n", location, ret);
	return 0;
}

int cmd_dataset_attach(const struct args *args)
{
	struct json *body = json_new_object();
	char location[PATH_MAX];
	int r = absolute_location(args, args->words[1], location);

	json_set_str(body, "location", location);
	json_set_bool(body, "must_exist", 1);
	if (!r)
		r = put(args, body);
	json_free(body);
	return r;
}

/* NAME:TYPE, a type of Delta. */
static int add_column(struct json *fields, const char *text)
{
	const char *colon = strrchr(text, ':');
	struct json *field;

	if (!colon || colon == text || !colon[1])
		return fail(CLI_USAGE, "--column %s: write NAME:TYPE, e.g. id:long, day:date, price:decimal(10,2)",
		            text);
	field = json_new_object();
	json_set(field, "name", json_new_strn(text, (size_t)(colon - text)));
	json_set_str(field, "type", colon + 1);
	json_set_bool(field, "nullable", 1);
	json_set(field, "metadata", json_new_object());
	json_push(fields, field);
	return 0;
}

static struct json *list_of_option(const struct args *args, const char *option)
{
	struct json *list = json_new_array();
	const char *value;

	for (int i = 0; (value = args_nth(args, option, i)); i++)
		json_push(list, json_new_str(value));
	return list;
}

static const char *slash_of_folder(const char *path)
{
	struct stat st;

	return !str_ends(path, "/") && !stat(path, &st) && S_ISDIR(st.st_mode) ? "/" : "";
}

/* The agent has another working directory: the folder that the place is in is looked up here. It must be there. */
static int absolute_place(const char *option, const char *out, char *ret, size_t cap)
{
	char text[PATH_MAX], folder[PATH_MAX], *slash;
	size_t n;

	if (str_starts(out, "s3://")) {
		str_copy(ret, cap, out);
		return 0;
	}
	if ((size_t)snprintf(text, sizeof(text), "%s%s%s", *out == '/' ? "" : "./", out, slash_of_folder(out)) >=
	    sizeof(text))
		return fail(CLI_USAGE, "--%s: the path is too long", option);
	for (n = strlen(text); n > 1 && text[n - 1] == '/';)
		n--;
	slash = memrchr(text, '/', n);
	snprintf(folder, sizeof(folder), "%.*s", slash == text ? 1 : (int)(slash - text), text);
	if (!realpath(folder, ret))
		return fail(CLI_FAILED, "--%s %s: there is no folder '%s'", option, out, folder);
	n = strcmp(ret, "/") ? strlen(ret) : 0;
	if ((size_t)snprintf(ret + n, cap - n, "%s", slash) >= cap - n)
		return fail(CLI_USAGE, "--%s: the path is too long", option);
	return 0;
}

int cmd_dataset_create(const struct args *args)
{
	struct json *body = json_new_object(), *schema = json_new_object(), *fields = json_new_array();
	struct json *properties = json_new_object();
	char place[2 * PATH_MAX];
	const char *column;
	int r = put_pairs(args, "property", properties, 1);

	for (int i = 0; !r && (column = args_nth(args, "column", i)); i++)
		r = add_column(fields, column);
	if (!r && !json_count(fields))
		r = fail(CLI_USAGE, "which columns? Give --column NAME:TYPE");
	json_set_str(schema, "type", "struct");
	json_set(schema, "fields", fields);
	json_set(body, "schema", schema);
	json_set(body, "partition_by", list_of_option(args, "partition-by"));
	json_set(body, "properties", properties);
	if (!r && args_has(args, "location"))
		r = absolute_place("location", args_get(args, "location", ""), place, sizeof(place));
	if (!r && args_has(args, "location"))
		json_set_str(body, "location", place);
	if (!r)
		r = put(args, body);
	json_free(body);
	return r;
}

/* ---- care -------------------------------------------------------------------------------------------------- */

static struct json *new_task(const struct args *args, const char *op)
{
	struct json *body = json_new_object();

	json_set_str(body, "kind", "maintain");
	json_set_str(body, "dataset", args->words[0]);
	json_set_str(body, "op", op);
	return body;
}

/* Takes the body. */
static int run(const struct args *args, struct json *body)
{
	struct json *task = NULL;
	int r = http_submit(args, "/v1/tasks", body, &task);

	if (!r)
		r = task_run_to_end(args, json_get_str(task, "id", ""));
	json_free(task);
	json_free(body);
	return r;
}

int cmd_dataset_optimize(const struct args *args)
{
	struct json *body = new_task(args, "optimize");
	uint64_t target;

	if (args_has(args, "sort-by"))
		json_set(body, "sort_by", list_of_option(args, "sort-by"));
	if (args_has(args, "bloom"))
		json_set(body, "bloom_columns", list_of_option(args, "bloom"));
	if (args_has(args, "target-bytes")) {
		if (str_to_bytes(args_get(args, "target-bytes", ""), &target)) {
			json_free(body);
			return fail(CLI_USAGE, "--target-bytes %s: write a size, e.g. 128MiB",
			            args_get(args, "target-bytes", ""));
		}
		json_set_int(body, "target_file_bytes", (int64_t)target);
	}
	return run(args, body);
}

/* ---- export ------------------------------------------------------------------------------------------------ */

static int make_export(const struct args *args, struct json *body)
{
	struct json *format = json_new_object(), *options = json_new_object();
	const char *out = args_get(args, "out", "");
	char place[2 * PATH_MAX];
	int r;

	json_set(body, "format", format);
	json_set(format, "options", options);
	json_set_str(format, "plugin", args_get(args, "format", "auto"));
	json_set_bool(body, "overwrite", args_has(args, "overwrite"));
	if (args_has(args, "at"))
		json_set_str(body, "at", args_get(args, "at", ""));
	if (args_has(args, "target-bytes"))
		json_set_str(body, "target_file_bytes", args_get(args, "target-bytes", ""));
	r = put_number(args, "version", body, "version");
	if (!r)
		r = put_pairs(args, "option", options, 0);
	if (!r && !*out)
		r = fail(CLI_USAGE, "where to? Give --out FILE, --out FOLDER/ or --out s3://bucket/key");
	if (!r)
		r = absolute_place("out", out, place, sizeof(place));
	if (!r)
		json_set_str(body, "to", place);
	return r;
}

int cmd_dataset_export(const struct args *args)
{
	struct json *body = json_new_object();
	int r;

	json_set_str(body, "kind", "export");
	json_set_str(body, "dataset", args->words[0]);
	r = make_export(args, body);
	if (!r)
		return run(args, body);
	json_free(body);
	return r;
}

int cmd_dataset_vacuum(const struct args *args)
{
	struct json *body = new_task(args, "vacuum");
	int64_t age;

	if (args_has(args, "older-than")) {
		if (str_to_duration_ms(args_get(args, "older-than", ""), &age)) {
			json_free(body);
			return fail(CLI_USAGE, "--older-than %s: write a duration, e.g. 7d or 12h",
			            args_get(args, "older-than", ""));
		}
		json_set_int(body, "older_than_ms", age);
	}
	json_set_bool(body, "force", args_has(args, "force"));
	json_set_bool(body, "dry_run", args_has(args, "dry-run"));
	return run(args, body);
}

int cmd_dataset_verify(const struct args *args)
{
	return run(args, new_task(args, "verify"));
}

int cmd_dataset_delete(const struct args *args)
{
	struct json *body = new_task(args, "delete"), *where = json_new_object();
	int r = put_pairs(args, "where", where, 1);

	if (!r && !json_count(where) && !args_has(args, "all"))
		r = fail(CLI_USAGE, "which files? Give --where COLUMN=VALUE of a partition, or --all");
	if (json_count(where))
		json_set(body, "where", where);
	else
		json_free(where);
	if (!r)
		return run(args, body);
	json_free(body);
	return r;
}
