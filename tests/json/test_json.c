/* SPDX-License-Identifier: Apache-2.0 */
#include "json/json.h"

#include <stdio.h>

#include <string.h>

#include "lib/test.h"

static struct err err;

static struct json *parse(const char *text)
{
	struct json *json = NULL;

	ck_ok(json_parse(text, strlen(text), &json, &err), &err);
	return json;
}

START_TEST(a_tree_is_read_by_key_index_and_pointer)
{
	struct json *json = parse("{\"a\":[1,{\"b/c\":\"x\"}],\"n\":null,\"d\":2.5,\"t\":true}");

	ck_assert_int_eq(json_int(json_at(json_get(json, "a"), 0), -1), 1);
	ck_assert_str_eq(json_str(json_pointer(json, "/a/1/b~1c"), ""), "x");
	ck_assert_ptr_eq(json_pointer(json, ""), json);
	ck_assert_ptr_null(json_pointer(json, "a"));
	ck_assert_ptr_null(json_pointer(json, "/a/"));
	ck_assert_ptr_null(json_pointer(json, "/a/2"));
	ck_assert_ptr_null(json_pointer(json, "/a/00"));
	ck_assert_ptr_null(json_pointer(json, "/a/-1"));
	ck_assert_ptr_null(json_pointer(json, "/t/deeper"));
	ck_assert_int_eq(json_type(json_get(json, "n")), JSON_NULL);
	ck_assert_double_eq(json_get_double(json, "d", 0), 2.5);
	ck_assert_int_eq(json_get_int(json, "d", -1), -1);
	ck_assert_int_eq(json_get_bool(json, "t", 0), 1);
	ck_assert_str_eq(json_get_str(json, "missing", "otherwise"), "otherwise");
	json_free(json);
}
END_TEST

START_TEST(text_and_tree_are_the_same_thing)
{
	struct json *json = json_new_object();

	json_set_str(json, "s", "a/\"b\"\n");
	json_set_int(json, "i", INT64_MIN);
	json_set(json, "l", json_new_array());
	json_push(json_get_mut(json, "l"), json_new_bool(0));
	ck_assert_str_eq(json_text(json), "{\"s\":\"a/\\\"b\\\"\\n\",\"i\":-9223372036854775808,\"l\":[false]}");
	json_free(json);
}
END_TEST

START_TEST(what_is_written_into_a_buffer_is_the_text)
{
	static const char *const texts[] = {
		"null",
		"true",
		"-0.0",
		"[]",
		"{}",
		"[1.50,1e300,-9223372036854775808,[],{}]",
		"{\"a/b\":\"c/"
		"d\",\"\\u0000\":\"\\u0000\\u001f\\b\\t\\n\\f\\r\\\"\\\\\",\"n\":null,\"t\":[false,{\"x\":"
		"\"\u00e4\\u007f\"}]}",
	};
	struct arena arena;
	struct buf buf;

	arena_init(&arena);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json *json = parse(texts[i]);

		buf_init(&buf, 0);
		json_write(&buf, json);
		ck_assert_str_eq(buf.data, json_text(json));
		ck_assert_str_eq(json_text_in(json, &arena), json_text(json));
		buf_done(&buf);
		json_free(json);
	}
	arena_done(&arena);
}
END_TEST

START_TEST(a_character_may_be_spelled_by_its_number)
{
	static const struct {
		const char *text, *meant;
	} all[] = {
		{"\"\\u0041\\u00E4\\u20ac\"", "A\u00e4\u20ac"},
		{"\"\\ud83d\\uDE00!\"", "\U0001F600!"},
		{"\"\\ud83d!\"", "\ufffd!"},
		{"\"\\ud83d\\u0041\"", "\ufffdA"},
		{"\"\\ude00\\ud83d\\ude00\"", "\ufffd\U0001F600"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct json *json = parse(all[i].text);

		ck_assert_str_eq(json_str(json, ""), all[i].meant);
		json_free(json);
	}
}
END_TEST

START_TEST(a_text_that_broke_off_leaves_nothing_to_the_next)
{
	struct json *json = NULL;

	ck_assert_int_ne(json_parse("\"\\ud83d", 7, &json, &err), 0);
	json = parse("\"\\ude00\\u0041\"");
	ck_assert_str_eq(json_str(json, ""), "\ufffdA");
	json_free(json);
}
END_TEST

static const struct {
	const char *text, *where;
} bad[] = {
	{"", ""},
	{"{\"a\":1", "1:7"},
	{"{\"a\":1}x", "1:8"},
	{"[1,\n 2,]", ""},
	{"{'a':1}", "1:2"},
	{"{\"a\":01}", ""},
	{"[1e]", "1:4"},
	{"00.5", "1:2"},
	{"-.0", "1:2"},
	{"1.", "1:3"},
	{"-", "1:2"},
	{"+1", "1:1"},
	{"[1 2]", "1:4"},
	{"[,]", "1:2"},
	{"{\"a\",1}", "1:5"},
	{"{\"a\":1,}", "1:8"},
	{"\"\\x\"", "1:3"},
	{"\"\\u12g4\"", "1:6"},
	{"\"\\ud83d\\u12\"", "1:12"},
	{"nul", ""},
	{"\"\x01\"", "1:2"},
	{"\"\xff\"", ""},
	{"9223372036854775808", "1:20"},
	{"{\"a\":1,\"a\":2}", ""},
	{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "1:66"},
};

START_TEST(what_is_not_json_is_refused_with_its_place)
{
	struct json *json = NULL;

	memset(&err, 0, sizeof(err));
	ck_assert_int_ne(json_parse(bad[_i].text, strlen(bad[_i].text), &json, &err), 0);
	ck_assert_ptr_null(json);
	ck_assert_int_gt(strlen(err.text), 0);
	if (*bad[_i].where)
		ck_assert_str_eq(err.where, bad[_i].where);
}
END_TEST

START_TEST(lines_are_the_values_that_they_would_be_alone)
{
	static const char text[] = "{\"a\":\"},[\\\"\"}\n\n  [1, 2]\t\n7\r\nnull\n\"x\"";
	struct json *json = NULL;

	ck_ok(json_parse_lines(text, strlen(text), &json, &err), &err);
	ck_assert_str_eq(json_text(json), "[{\"a\":\"},[\\\"\"},[1,2],7,null,\"x\"]");
	json_free(json);
	ck_ok(json_parse_lines("\n", 1, &json, &err), &err);
	ck_assert_uint_eq(json_count(json), 0);
	json_free(json);
}
END_TEST

/* None of them is a value a line, whatever it would be with its neighbours. */
static const char *const bad_lines[] = {
	"1\n2,3", "1\n[2\n3]", "1\n2]",  "1\n{\"a\":1},", "1\n,", "1\n2 3", "1\n{\"a\":1,\"a\":2}",
	"1\ntru", "1\n\"a",    "1\n]\n["};

START_TEST(a_bad_line_is_named)
{
	struct json *json = NULL;

	memset(&err, 0, sizeof(err));
	ck_assert_int_ne(json_parse_lines(bad_lines[_i], strlen(bad_lines[_i]), &json, &err), 0);
	ck_assert_ptr_null(json);
	ck_assert_ptr_nonnull(strstr(err.text, "line 2"));
}
END_TEST

static int n_dropped;

static void drop(void *data)
{
	n_dropped += *(int *)data;
}

START_TEST(what_is_attached_goes_with_its_object_and_not_with_copies)
{
	struct json *json = parse("{\"a\":{\"d\":0.10}}"), *copy;
	int one = 1;

	json_attach(json, &one, drop);
	ck_assert_ptr_eq(json_attached(json), &one);
	copy = json_copy(json);
	ck_assert_ptr_null(json_attached(copy));
	ck_assert_str_eq(json_text(copy), "{\"a\":{\"d\":0.10}}");
	json_free(copy);
	ck_assert_int_eq(n_dropped, 0);
	json_free(json);
	ck_assert_int_eq(n_dropped, 1);
}
END_TEST

START_TEST(an_object_is_written_as_the_text_that_it_keeps_and_its_copies_are_not)
{
	struct json *outer = parse("{\"a\":1}"), *inner = parse("{\"b\":2}"), *copy;
	struct buf out;

	json_keep_text(inner, "{ \"b\" : 2 }");
	json_set(outer, "inner", inner);
	copy = json_copy(outer);
	buf_init(&out, 0);
	json_write(&out, outer);
	buf_putc(&out, ' ');
	json_write(&out, copy);
	buf_putc(&out, '\0');
	ck_assert_str_eq(out.data, "{\"a\":1,\"inner\":{ \"b\" : 2 }} {\"a\":1,\"inner\":{\"b\":2}}");
	buf_done(&out);
	json_free(copy);
	json_free(outer);
}
END_TEST

static const struct {
	const char *text, *plugin; /* NULL: it is not seen */
} peeked[] = {
	{"{\"plugin\":\"a.b\"}", "a.b"},
	{" { \"kind\" : \"custom\" , \"plugin\" : \"x\" , \"n\" : [1, -0.5e+3, {\"plugin\": \"other\"}, []] } ", "x"},
	{"{\"s\":\"\\u00e4\\\"plugin\\\":\",\"plugin\":\"\",\"t\":true,\"u\":null}", ""},
	{"{\"config\":{\"plugin\":\"inner\"}}", NULL},
	{"{\"plugin\":\"a\\u0062\"}", NULL}, /* spelled otherwise */
	{"{\"plugin\":7}", NULL},
	{"{}", NULL},
	{"", NULL},
	{"[\"plugin\"]", NULL},
	{"{\"plugin\":\"x\"", NULL},
	{"{\"plugin\":\"x\"} y", NULL},
	{"{\"plugin\":\"x\",}", NULL},
	{"{\"plugin\":\"x\",\"n\":01}", NULL},
	{"{\"plugin\":\"x\",\"n\":9223372036854775808}", NULL},
	{"{\"plugin\":\"x\",\"n\":1.}", NULL},
	{"{\"plugin\":\"x\",\"n\":-}", NULL},
	{"{\"plugin\":\"x\",\"n\":1e}", NULL},
	{"{\"plugin\":\"x\",\"s\":\"\\u12g4\"}", NULL},
	{"{\"plugin\":\"x\",\"s\":\"\\x\"}", NULL},
	{"{\"plugin\":\"x\",\"s\":\"a\nb\"}", NULL},
	{"{\"plugin\":\"x\",\"s\":\"\xff\"}", NULL},
	{"{\"plugin\":\"x\",\"w\":nul}", NULL},
	{"{\"plugin\":\"x\" \"y\":1}", NULL},
	{"{\"plugin\":\"x\",\"n\":[1 2]}", NULL},
};

START_TEST(a_member_is_seen_without_a_tree_only_where_the_tree_would_have_it)
{
	const char *text = peeked[_i].text, *found;
	size_t n;
	int r = json_peek(text, strlen(text), "plugin", &found, &n);

	ck_assert_msg(r == (peeked[_i].plugin != NULL), "%s", text);
	if (!r)
		return;
	ck_assert_uint_eq(n, strlen(peeked[_i].plugin));
	ck_assert_mem_eq(found, peeked[_i].plugin, n);
}
END_TEST

START_TEST(nesting_has_the_same_end_with_and_without_a_tree)
{
	char text[512];

	for (int depth = JSON_DEPTH_MAX - 3; depth < JSON_DEPTH_MAX + 3; depth++) {
		struct json *json = NULL;
		const char *found;
		size_t n, len = (size_t)snprintf(
				  text, sizeof(text), "{\"plugin\":\"x\",\"n\":%.*s%.*s}", depth,
				  "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", depth,
				  "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");

		ck_assert_int_eq(json_peek(text, len, "plugin", &found, &n), !json_parse(text, len, &json, &err));
		json_free(json);
	}
}
END_TEST

START_TEST(what_we_put_around_a_text_may_be_deeper)
{
	char text[2 * JSON_DEPTH_OWN_MAX + 8];

	for (int depth = JSON_DEPTH_MAX - 1; depth < JSON_DEPTH_OWN_MAX + 3; depth++) {
		struct json *json = NULL;

		memset(text, '[', (size_t)depth + 1);
		memset(text + depth + 1, ']', (size_t)depth + 1);
		ck_assert_int_eq(!json_parse(text, 2 * (size_t)depth + 2, &json, &err), depth <= JSON_DEPTH_MAX);
		json_free(json);
		json = NULL;
		ck_assert_int_eq(!json_parse_own(text, 2 * (size_t)depth + 2, &json, &err),
		                 depth <= JSON_DEPTH_OWN_MAX);
		json_free(json);
	}
	ck_assert_str_eq(err.text, "nested deeper than 80 levels at line 1, column 82");
}
END_TEST

static void json_cases(Suite *suite)
{
	TCase *c = tcase_create("json");

	tcase_add_test(c, a_tree_is_read_by_key_index_and_pointer);
	tcase_add_test(c, text_and_tree_are_the_same_thing);
	tcase_add_test(c, what_is_written_into_a_buffer_is_the_text);
	tcase_add_test(c, a_character_may_be_spelled_by_its_number);
	tcase_add_test(c, a_text_that_broke_off_leaves_nothing_to_the_next);
	tcase_add_loop_test(c, what_is_not_json_is_refused_with_its_place, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(c, lines_are_the_values_that_they_would_be_alone);
	tcase_add_loop_test(c, a_bad_line_is_named, 0, sizeof(bad_lines) / sizeof(bad_lines[0]));
	tcase_add_test(c, what_is_attached_goes_with_its_object_and_not_with_copies);
	tcase_add_test(c, an_object_is_written_as_the_text_that_it_keeps_and_its_copies_are_not);
	tcase_add_loop_test(c, a_member_is_seen_without_a_tree_only_where_the_tree_would_have_it, 0,
	                    sizeof(peeked) / sizeof(peeked[0]));
	tcase_add_test(c, what_we_put_around_a_text_may_be_deeper);
	tcase_add_test(c, nesting_has_the_same_end_with_and_without_a_tree);
	suite_add_tcase(suite, c);
}

TEST_MAIN("json", json_cases)
