/* SPDX-License-Identifier: Apache-2.0 */
/* orasi sql */
#include <errno.h>
#include <string.h>

#include "cli.h"

static int print_table(const struct args *args, const struct json *body)
{
	struct json *page;
	int r = http_json(args, "POST", "/v1/query", body, &page);

	if (r)
		return r;
	table_print_page(page);
	if (json_get_bool(page, "truncated", 0) && !args->quiet)
		fprintf(stderr, "(more rows: give --limit)\n");
	json_free(page);
	return CLI_OK;
}

int read_all(FILE *in, const char *name, struct buf *ret)
{
	char piece[4096];
	size_t n;

	while ((n = fread(piece, 1, sizeof(piece), in)) > 0)
		if (buf_add(ret, piece, n))
			return fail(CLI_USAGE, "%s has more than the %zu bytes that are allowed", name, ret->max);
	if (cli_interrupted)
		return CLI_INTERRUPTED;
	return ferror(in) ? fail(CLI_FAILED, "cannot read %s: %s", name, strerror(errno)) : 0;
}

static int put_limit(const struct args *args, struct json *body)
{
	const char *text = args_get(args, "limit", NULL);
	struct json *limit;

	if (!text)
		return 0;
	if (json_parse(text, strlen(text), &limit, NULL) || json_type(limit) != JSON_INT)
		return fail(CLI_USAGE, "--limit %s is no number", text);
	json_set(body, "limit", limit);
	return 0;
}

int run_query(const struct args *args, struct json *body)
{
	const char *format = args_get(args, "format", args->json ? "json" : "table");
	int table = !strcmp(format, "table");

	json_set_str(body, "format", table ? "json" : format);
	return table ? print_table(args, body) : http_stream(args, "POST", "/v1/query", body, stdout);
}

int cmd_sql(const struct args *args)
{
	struct json *body = json_new_object();
	struct buf sql;
	int r = 0;

	buf_init(&sql, 1 << 20);
	if (!strcmp(args->words[0], "-"))
		r = read_all(stdin, "standard input", &sql);
	else
		buf_puts(&sql, args->words[0]);
	json_set_str(body, "sql", sql.data ? sql.data : "");
	if (!r)
		r = put_limit(args, body);
	if (!r)
		r = run_query(args, body);
	buf_done(&sql);
	json_free(body);
	return r;
}
