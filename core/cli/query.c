/* SPDX-License-Identifier: Apache-2.0 */
/* orasi sql */
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

static int read_stdin(struct buf *sql)
{
	char piece[4096];
	size_t n;

	while ((n = fread(piece, 1, sizeof(piece), stdin)) > 0)
		if (buf_add(sql, piece, n))
			return fail(CLI_USAGE, "the statement is too long");
	return 0;
}

int cmd_sql(const struct args *args)
{
	const char *format = args_get(args, "format", args->json ? "json" : "table");
	struct json *body = json_new_object();
	struct buf sql;
	int table = !strcmp(format, "table"), r = 0;

	buf_init(&sql, 1 << 20);
	if (!strcmp(args->words[0], "-"))
		r = read_stdin(&sql);
	else
		buf_puts(&sql, args->words[0]);
	json_set_str(body, "sql", sql.data ? sql.data : "");
	json_set_str(body, "format", table ? "json" : format);
	if (args_has(args, "limit")) {
		struct json *limit;
		const char *text = args_get(args, "limit", "");

		if (json_parse(text, strlen(text), &limit, NULL))
			r = fail(CLI_USAGE, "--limit %s is no number", text);
		else
			json_set(body, "limit", limit);
	}
	if (!r)
		r = table ? print_table(args, body) : http_stream(args, "POST", "/v1/query", body, stdout);
	buf_done(&sql);
	json_free(body);
	return r;
}
