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

START_TEST(escapes_and_spellings_survive_a_round_trip)
{
	struct json *json = parse("{\"u\":\"\\u00e9\\ud83d\\ude00\\ud800\\/\\b\",\"d\":[1.50,1e3,-0.0]}"), *copy = json_copy(json);

	ck_assert_str_eq(json_text(copy), "{\"u\":\"\xC3\xA9\xF0\x9F\x98\x80\xEF\xBF\xBD/\\b\",\"d\":[1.50,1e3,-0.0]}");
	ck_assert_str_eq(json_text_pretty(json_get(copy, "d")), "[\n  1.50,\n  1e3,\n  -0.0\n]");
	json_free(json);
	json_free(copy);
}
END_TEST

START_TEST(a_large_object_loses_and_gains_members)
{
	struct json *json = json_new_object(), *again;
	char key[16];
	int wrong = 0;

	for (int i = 0; i < 3000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		json_set_int(json, key, i);
	}
	for (int i = 0; i < 3000; i += 3) {
		snprintf(key, sizeof(key), "k%d", i);
		json_del(json, key);
	}
	again = parse(json_text(json));
	for (int i = 0; i < 3000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		wrong += json_get_int(again, key, -1) != (i % 3 ? i : -1);
	}
	ck_assert_int_eq(wrong, 0);
	ck_assert_uint_eq(json_count(again), 2000);
	json_set(again, "inside", json); /* a tree on the heap in one of a pool */
	json_free(again);
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
	{"[1e]", ""},
	{"nul", ""},
	{"\"\x01\"", "1:2"},
	{"\"\xff\"", ""},
	{"9223372036854775808", "1:20"},
	{"{\"a\":1,\"a\":2}", "1:12"},
	{"{\"a\":[1,{\"b\":[2,x", "1:17"},
	{"[1 2]", "1:4"},
	{"[\"\\x\"]", ""},
	{"[\"\\u12g4\"]", ""},
	{"1e999", "1:6"},
	{"\"abc", "1:5"},
	{"\"abc\\", ""},
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

static void json_cases(Suite *suite)
{
	TCase *c = tcase_create("json");

	tcase_add_test(c, a_tree_is_read_by_key_index_and_pointer);
	tcase_add_test(c, text_and_tree_are_the_same_thing);
	tcase_add_test(c, escapes_and_spellings_survive_a_round_trip);
	tcase_add_test(c, a_large_object_loses_and_gains_members);
	tcase_add_loop_test(c, what_is_not_json_is_refused_with_its_place, 0, sizeof(bad) / sizeof(bad[0]));
	suite_add_tcase(suite, c);
}

TEST_MAIN("json", json_cases)
