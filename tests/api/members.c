/* SPDX-License-Identifier: Apache-2.0 */
/* Every member of a task, as the document tells it, gets every value that the document forbids: of another type, out of
 * its range, too long, not one of its words, no time, unknown. Each is refused at its place, and nothing is accepted. */
#include <stdio.h>
#include <string.h>

#include "api/harness.h"
#include "base/arena.h"
#include "base/str.h"

static struct arena memory;
static struct json *base; /* a task that is fine */
static int tried;

/* Among all that is wrong by now: what an object lacks besides is told too. */
static int is_told(const char *pointer)
{
	const struct json *errors = json_get(t.reply, "errors");

	for (size_t i = 0; i < json_count(errors); i++)
		if (str_starts(json_get_str(json_at(errors, i), "pointer", ""), pointer))
			return 1;
	return 0;
}

static void refused(const char *pointer, const char *body)
{
	int status = ask("POST", "/v1/tasks", body);

	tried++;
	ck_assert_msg(status == 422 || status == 400, "%.300s: %d", body, status);
	if (status == 422)
		ck_assert_msg(is_told(pointer), "%.300s: %s", body, t.client.body.data);
	ck_assert_uint_gt(strlen(reply_str("/detail")), 5);
}

/* The base with this JSON text as the member. */
static void try_text(const char *pointer, const char *text)
{
	struct json *task = json_copy(base), *object = task;
	char path[256], *rest = path, *name;
	const char *whole, *mark;

	snprintf(path, sizeof(path), "%s", pointer + 1);
	while ((name = strsep(&rest, "/")) && rest) {
		if (!json_get(object, name))
			json_set(object, name, json_new_object());
		object = json_get_mut(object, name);
	}
	json_set(object, name, json_new_str("@here@"));
	whole = json_text(task);
	mark = strstr(whole, "\"@here@\"");
	refused(pointer,
	        arena_printf(&memory, "%.*s%s%s", (int)(mark - whole), whole, text, mark + strlen("\"@here@\"")));
	json_free(task);
	arena_done(&memory);
}

static const char *repeat(const char *open, const char *what, const char *between, size_t n, const char *close)
{
	struct buf text;
	const char *ret;

	buf_init(&text, 0);
	buf_puts(&text, open);
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s%s", i ? between : "", what);
	buf_puts(&text, close);
	ret = arena_str(&memory, text.data);
	buf_done(&text);
	return ret;
}

/* ---- what a type forbids ------------------------------------------------------------------------ */

static void try_string(const char *pointer, const struct json *schema)
{
	static const char *const no_times[] = {"\"tomorrow\"", "\"2026-02-30T00:00:00Z\"", "\"2026-01-01\""};
	static const char *const no_durations[] = {"\"soon\"", "\"-1s\"", "\"1 parsec\"", "\"99999999999999999999d\""};
	const char *format = json_get_str(schema, "format", "");
	int64_t longest = json_get_int(schema, "maxLength", 0);

	if (!*format)
		try_text(pointer, "7");
	try_text(pointer, "true");
	try_text(pointer, "[\"a\"]");
	try_text(pointer, "{\"a\":1}");
	try_text(pointer, "\"a\\u0000b\"");
	if (json_get_int(schema, "minLength", 0))
		try_text(pointer, "\"\"");
	if (longest)
		try_text(pointer, repeat("\"", "x", "", (size_t)longest + 1, "\""));
	if (json_get(schema, "enum"))
		try_text(pointer, "\"no such word\"");
	for (size_t i = 0; i < 3 && !strcmp(format, "timestamp"); i++)
		try_text(pointer, no_times[i]);
	for (size_t i = 0; i < 4 && !strcmp(format, "duration"); i++)
		try_text(pointer, no_durations[i]);
}

static void try_number(const char *pointer, const struct json *schema, int is_whole)
{
	static const char *const never[] = {"\"x\"", "true", "[]", "{}", "1e999", "99999999999999999999999"};

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		try_text(pointer, never[i]);
	if (is_whole)
		try_text(pointer, "1.5");
	if (json_get(schema, "minimum"))
		try_text(pointer, arena_printf(&memory, "%.17g", json_get_double(schema, "minimum", 0) - 1));
	if (json_get(schema, "maximum"))
		try_text(pointer, arena_printf(&memory, "%.17g", json_get_double(schema, "maximum", 0) + 1));
}

static void try_array(const char *pointer, const struct json *schema)
{
	int64_t most = json_get_int(schema, "maxItems", 0);

	try_text(pointer, "7");
	try_text(pointer, "\"x\"");
	try_text(pointer, "{\"a\":1}");
	try_text(pointer, "[[7]]");
	if (most)
		try_text(pointer, repeat("[", "\"x\"", ",", (size_t)most + 1, "]"));
}

static void try_members(const char *pointer, const struct json *schema);

static void try_object(const char *pointer, const struct json *schema)
{
	try_text(pointer, "7");
	try_text(pointer, "\"x\"");
	try_text(pointer, "[1]");
	if (json_get(schema, "properties") && !json_get_bool(schema, "additionalProperties", 0))
		try_text(pointer, "{\"no_such_member\":1}");
	try_members(pointer, schema);
}

static void try_member(const char *pointer, const struct json *schema)
{
	const char *type = json_str(json_get(schema, "type"), "");

	if (!strcmp(type, "string"))
		try_string(pointer, schema);
	else if (!strcmp(type, "integer") || !strcmp(type, "number"))
		try_number(pointer, schema, !strcmp(type, "integer"));
	else if (!strcmp(type, "boolean"))
		try_text(pointer, "\"perhaps\"");
	else if (!strcmp(type, "array"))
		try_array(pointer, schema);
	else if (!strcmp(type, "object"))
		try_object(pointer, schema);
}

static void try_members(const char *pointer, const struct json *schema)
{
	const struct json *member;
	const char *name;
	size_t at = 0;

	while (json_each(json_get(schema, "properties"), &at, &name, &member)) {
		char below[256];

		snprintf(below, sizeof(below), "%s/%s", pointer, name);
		if (strcmp(below, "/kind"))
			try_member(below, member);
	}
}

static const struct {
	const char *component, *task;
} kinds[] = {
	{"QueryTask", "{\"kind\":\"query\",\"sql\":\"SELECT 1\"}"},
	{"IngestTask", INGEST},
	{"MaintainTask", "{\"kind\":\"maintain\",\"dataset\":\"web\",\"op\":\"optimize\"}"},
	{"ExportTask", "{\"kind\":\"export\",\"dataset\":\"web\",\"to\":\"/tmp/x.json\"}"},
	{"IndexTask", "{\"kind\":\"index\",\"dataset\":\"web\",\"index\":\"i\"}"},
	{"RemoteTask", "{\"kind\":\"remote\",\"queue\":\"far\",\"type\":\"x\"}"},
};

START_TEST(whatever_the_document_forbids_of_a_member_is_refused_at_its_place)
{
	const struct json *schema;

	start();
	load_document();
	arena_init(&memory);
	ck_assert_int_eq(json_parse(kinds[_i].task, strlen(kinds[_i].task), &base, NULL), 0);
	schema = json_get(json_pointer(t.document, "/components/schemas"), kinds[_i].component);
	ck_assert_ptr_nonnull(schema);
	try_members("", schema);
	refused("/no_such_member",
	        arena_printf(&memory, "%.*s,\"no_such_member\":1}", (int)strlen(kinds[_i].task) - 1, kinds[_i].task));
	ck_assert_int_gt(tried, 100);
	ck_assert_int_eq(ask("GET", "/v1/tasks", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 0);
	json_free(base);
	arena_done(&memory);
	finish();
}
END_TEST

void members_cases(Suite *suite)
{
	TCase *tests = tcase_create("members");

	suite_add_tcase(suite, tests);
	tcase_add_loop_test(tests, whatever_the_document_forbids_of_a_member_is_refused_at_its_place, 0,
	                    sizeof(kinds) / sizeof(kinds[0]));
}
