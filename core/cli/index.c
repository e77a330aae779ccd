/* SPDX-License-Identifier: Apache-2.0 */
/* orasi index and orasi search. */
#include <string.h>

#include "cli.h"

static void index_path(const struct args *args, const char *behind, char *ret, size_t cap)
{
	char dataset[512], index[512] = "";

	http_escape(args->words[0], dataset, sizeof(dataset));
	if (args->n_words > 1)
		http_escape(args->words[1], index, sizeof(index));
	snprintf(ret, cap, "/v1/datasets/%s/indexes%s%s%s", dataset, *index ? "/" : "", index, behind);
}

/* ---- tasks ------------------------------------------------------------------------------------------------ */

static void print_result(const struct args *args, const struct json *task)
{
	const struct json *result = json_get(task, "result");
	const char *key;
	const struct json *value;
	size_t at = 0;
	int n = 0;

	if (args->quiet)
		return;
	if (args->json) {
		printf("%s\n", json_text_pretty(task));
		return;
	}
	while (json_each(result, &at, &key, &value))
		if (strcmp(key, "problems"))
			printf("%s%s %s", n++ ? ", " : "", key, json_text(value));
	printf("%s\n", n ? "" : json_get_str(task, "state", ""));
}

/* What verify found is a failure of the command, and each a line; also beside --json. */
static int tell_problems(const struct json *problems)
{
	size_t n = json_count(problems);

	if (!n)
		return CLI_OK;
	fail(CLI_FAILED, n == 1 ? "1 problem:" : "%zu problems:", n);
	for (size_t i = 0; i < n; i++) {
		const struct json *one = json_at(problems, i);
		const char *where = json_get_str(one, "file", json_get_str(one, "segment", ""));

		fprintf(stderr, "  %s%s%s\n", where, *where ? ": " : "", json_get_str(one, "problem", json_text(one)));
	}
	return CLI_FAILED;
}

int task_run_to_end(const struct args *args, const char *id)
{
	struct json *task = NULL;
	int r;

	if (args_has(args, "no-wait")) {
		printf("%s\n", id);
		return CLI_OK;
	}
	r = task_follow(args, id, &task);
	if (!r && strcmp(json_get_str(task, "state", ""), "succeeded"))
		r = fail(CLI_FAILED, "%s: %s", json_get_str(task, "state", ""),
		         json_str(json_pointer(task, "/error/detail"), "see 'orasi task get'"));
	if (!r) {
		print_result(args, task);
		r = tell_problems(json_pointer(task, "/result/problems"));
	}
	json_free(task);
	return r;
}

static int run_op(const struct args *args, const char *op)
{
	struct json *task;
	char path[2048];
	int r;

	index_path(args, op, path, sizeof(path));
	r = http_submit(args, path, NULL, &task);
	if (r)
		return r;
	r = task_run_to_end(args, json_get_str(task, "id", ""));
	json_free(task);
	return r;
}

int cmd_index_build(const struct args *args)
{
	return run_op(args, ":build");
}

int cmd_index_verify(const struct args *args)
{
	return run_op(args, ":verify");
}

int cmd_index_optimize(const struct args *args)
{
	return run_op(args, ":optimize");
}

int cmd_index_create(const struct args *args)
{
	struct json *body = json_new_object(), *columns = json_new_array(), *options = json_new_object(),
		    *answer = NULL;
	struct args dataset = *args;
	const char *column;
	char path[2048];
	int r;

	json_set_str(body, "name", args->words[1]);
	json_set_str(body, "plugin", args_get(args, "plugin", "btree"));
	for (int i = 0; (column = args_nth(args, "column", i)); i++)
		json_push(columns, json_new_str(column));
	json_set(body, "columns", columns);
	json_set(body, "options", options);
	r = json_count(columns) ? put_pairs(args, "option", options, 0)
	                        : fail(CLI_USAGE, "which column? Give --column C");
	dataset.n_words = 1;
	index_path(&dataset, "", path, sizeof(path));
	if (!r)
		r = http_submit(args, path, body, &answer);
	if (!r)
		r = task_run_to_end(args, json_get_str(answer, "task", ""));
	json_free(answer);
	json_free(body);
	return r;
}

/* ---- showing ------------------------------------------------------------------------------------------------ */

int cmd_index_list(const struct args *args)
{
	static const char *const columns[] = {"name",     "plugin", "columns",    "rows",
	                                      "segments", "bytes",  "updated_at", NULL};
	char path[2048];

	index_path(args, "", path, sizeof(path));
	return show_list(args, path, columns);
}

int cmd_index_show(const struct args *args)
{
	char path[2048];

	index_path(args, "", path, sizeof(path));
	return show_one(args, "GET", path);
}

int cmd_index_drop(const struct args *args)
{
	char path[2048];

	index_path(args, "", path, sizeof(path));
	return show_one(args, "DELETE", path);
}

/* ---- searching ------------------------------------------------------------------------------------------------ */

/* Of the first full-text index of the dataset. 0 or an exit code. */
static int find_column(const struct args *args, struct buf *ret)
{
	struct json *answer;
	const struct json *items;
	struct args dataset = *args;
	char path[2048];
	int r;

	dataset.n_words = 1;
	index_path(&dataset, "", path, sizeof(path));
	r = http_json(args, "GET", path, NULL, &answer);
	if (r)
		return r;
	items = json_get(answer, "items");
	for (size_t i = 0; i < json_count(items) && !ret->len; i++)
		if (!strcmp(json_get_str(json_at(items, i), "plugin", ""), "fulltext"))
			buf_puts(ret, json_str(json_pointer(json_at(items, i), "/columns/0"), ""));
	json_free(answer);
	if (!ret->len)
		return fail(
			CLI_FAILED,
			"dataset '%s' has no full-text index: orasi index create %s text --plugin fulltext --column C",
			args->words[0], args->words[0]);
	return 0;
}

/* Between quotes of SQL, which are doubled inside. */
static void put_quoted(struct buf *sql, char quote, const char *text)
{
	buf_add(sql, &quote, 1);
	for (; *text; text++) {
		if (*text == quote)
			buf_add(sql, &quote, 1);
		buf_add(sql, text, 1);
	}
	buf_add(sql, &quote, 1);
}

static void put_search(const struct args *args, const char *column, const char *limit, struct buf *sql)
{
	buf_printf(sql, "SELECT round(_score, 3) AS score, %s FROM ", args_get(args, "select", "*"));
	put_quoted(sql, '"', args->words[0]);
	buf_puts(sql, " WHERE ");
	put_quoted(sql, '"', column);
	buf_puts(sql, " MATCH ");
	put_quoted(sql, '\'', args->words[1]);
	buf_printf(sql, " ORDER BY _score DESC LIMIT %s", limit);
}

int cmd_search(const struct args *args)
{
	const char *limit = args_get(args, "limit", "10");
	struct json *body;
	struct buf column, sql;
	int r = 0;

	if (!*limit || strspn(limit, "0123456789") != strlen(limit))
		return fail(CLI_USAGE, "--limit %s is no number", limit);
	buf_init(&column, 1 << 10);
	buf_init(&sql, 1 << 20);
	if (args_has(args, "column"))
		buf_puts(&column, args_get(args, "column", ""));
	else
		r = find_column(args, &column);
	if (!r) {
		put_search(args, column.data, limit, &sql);
		body = json_new_object();
		json_set_str(body, "sql", sql.failed ? "" : sql.data);
		r = run_query(args, body);
		json_free(body);
	}
	buf_done(&column);
	buf_done(&sql);
	return r;
}
