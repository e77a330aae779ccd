/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a plugin as one attempt sees it: what it reads, what it changes, and what is told of that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test.h"
#include "plugin/kv.h"

static struct err err;
static struct kv *kv;

static struct json *parse(const char *text)
{
	struct json *json;

	ck_ok(json_parse(text, strlen(text), &json, &err), &err);
	return json;
}

static void open_with(const char *stored)
{
	struct json *json = parse(stored);

	ck_ok(kv_new(json, &kv, &err), &err);
	json_free(json);
}

static orasi_str key(const char *text)
{
	return (orasi_str){text, strlen(text)};
}

static orasi_status put(const char *k, const char *value)
{
	orasi_error error = ORASI_NO_ERROR;
	orasi_status status = kv_put(kv, key(k), (orasi_bytes){(const uint8_t *)value, strlen(value)}, &error);

	ck_assert(!status || error.message[0]);
	return status;
}

static void is(const char *k, const char *value)
{
	orasi_bytes got;

	ck_assert_int_eq(kv_get(kv, key(k), &got), value ? ORASI_OK : ORASI_E_NOTFOUND);
	if (value)
		ck_assert(got.len == strlen(value) && !memcmp(got.ptr, value, got.len));
}

static void told(const char *wanted)
{
	struct json *report;

	ck_ok(kv_report(kv, &report, &err), &err);
	ck_assert_str_eq(json_text(report), wanted);
	ck_ok(kv_report_check(report, &err), &err);
	json_free(report);
	kv_free(kv);
	kv = NULL;
}

START_TEST(what_is_stored_can_be_read_and_what_is_put_is_seen_at_once)
{
	open_with("{\"a\":\"MQ==\",\"b\":\"\"}");
	is("a", "1");
	is("b", "");
	is("c", NULL);
	ck_assert_int_eq(put("c", "3"), ORASI_OK);
	ck_assert_int_eq(put("a", "10"), ORASI_OK);
	is("a", "10");
	is("c", "3");
	told("{\"read\":[\"a\",\"b\",\"c\"],\"read_all\":false,\"changed\":{\"a\":\"MTA=\",\"c\":\"Mw==\"}}");
}
END_TEST

START_TEST(what_only_was_put_was_not_read)
{
	open_with("{\"a\":\"MQ==\"}");
	ck_assert_int_eq(put("a", "2"), ORASI_OK);
	is("a", "2");
	ck_assert_int_eq(kv_remove(kv, key("gone"), NULL), ORASI_OK);
	told("{\"read\":[],\"read_all\":false,\"changed\":{\"a\":\"Mg==\",\"gone\":null}}");
}
END_TEST

START_TEST(keys_come_in_order_and_what_was_removed_does_not)
{
	orasi_str at = {"", 0};
	char all[64] = "";

	open_with("{\"b\":\"\",\"a\":\"\",\"ab\":\"\"}");
	ck_assert_int_eq(put("aa", ""), ORASI_OK);
	ck_assert_int_eq(kv_remove(kv, key("ab"), NULL), ORASI_OK);
	while (!kv_next(kv, at, &at)) {
		strncat(all, at.ptr, at.len);
		strcat(all, " ");
	}
	ck_assert_str_eq(all, "a aa b ");
	told("{\"read\":[],\"read_all\":true,\"changed\":{\"aa\":\"\",\"ab\":null}}");
}
END_TEST

START_TEST(bounds_are_kept_to_the_byte)
{
	char *big = calloc(1, KV_BYTES_MAX + 1), name[32];

	memset(big, 'x', KV_BYTES_MAX);
	open_with("{}");
	ck_assert_int_eq(put("a", big), ORASI_E_LIMIT);
	big[KV_BYTES_MAX - 1] = '\0';
	ck_assert_int_eq(put("a", big), ORASI_OK);
	ck_assert_int_eq(put("b", ""), ORASI_E_LIMIT);
	ck_assert_int_eq(put("a", "small"), ORASI_OK);
	for (int i = 1; i < KV_KEYS_MAX; i++) {
		snprintf(name, sizeof(name), "key %d", i);
		ck_assert_int_eq(put(name, ""), ORASI_OK);
	}
	ck_assert_int_eq(put("one more", ""), ORASI_E_LIMIT);
	ck_assert_int_eq(kv_remove(kv, key("a"), NULL), ORASI_OK);
	ck_assert_int_eq(put("one more", ""), ORASI_OK);
	kv_free(kv);
	free(big);
}
END_TEST

START_TEST(keys_are_text)
{
	static const struct {
		const char *p;
		size_t n;
	} bad[] = {{"", 0}, {NULL, 5}, {"a\nb", 3}, {"a\0b", 3}, {"\xff", 1}, {"a\x7f", 2}};
	char longest[KV_KEY_MAX + 1];
	orasi_bytes got;

	open_with("{}");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(kv_put(kv, (orasi_str){bad[i].p, bad[i].n}, (orasi_bytes){0}, NULL), ORASI_E_INVALID);
		ck_assert_int_eq(kv_get(kv, (orasi_str){bad[i].p, bad[i].n}, &got), ORASI_E_INVALID);
		ck_assert_int_eq(kv_remove(kv, (orasi_str){bad[i].p, bad[i].n}, NULL), ORASI_E_INVALID);
	}
	memset(longest, 'k', sizeof(longest));
	ck_assert_int_eq(kv_put(kv, (orasi_str){longest, KV_KEY_MAX}, (orasi_bytes){0}, NULL), ORASI_OK);
	ck_assert_int_eq(kv_put(kv, (orasi_str){longest, KV_KEY_MAX + 1}, (orasi_bytes){0}, NULL), ORASI_E_INVALID);
	kv_free(kv);
}
END_TEST

START_TEST(reports_that_lie_are_refused)
{
	static const char *const bad[] = {
		"null",
		"[]",
		"{}",
		"{\"read\":[],\"changed\":[]}",
		"{\"read\":{},\"changed\":{}}",
		"{\"read\":[1],\"changed\":{}}",
		"{\"read\":[\"\"],\"changed\":{}}",
		"{\"read\":[\"a\\u0000b\"],\"changed\":{}}",
		"{\"read\":[],\"changed\":{\"a\":1}}",
		"{\"read\":[],\"changed\":{\"a\":\"no base64!\"}}",
		"{\"read\":[],\"changed\":{\"\":\"\"}}",
		"{\"read\":[],\"changed\":{\"a\\nb\":\"\"}}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct json *json = parse(bad[i]);

		ck_assert_msg(kv_report_check(json, &err) == ERR_PLUGIN, "%s", bad[i]);
		json_free(json);
	}
}
END_TEST

START_TEST(damaged_state_is_refused)
{
	struct json *json = parse("{\"a\":\"no base64!\"}");

	ck_assert_int_eq(kv_new(json, &kv, &err), ERR_CORRUPT);
	json_free(json);
}
END_TEST

static void kv_cases(Suite *suite)
{
	TCase *c = tcase_create("kv");

	tcase_add_test(c, what_is_stored_can_be_read_and_what_is_put_is_seen_at_once);
	tcase_add_test(c, what_only_was_put_was_not_read);
	tcase_add_test(c, keys_come_in_order_and_what_was_removed_does_not);
	tcase_add_test(c, bounds_are_kept_to_the_byte);
	tcase_add_test(c, keys_are_text);
	tcase_add_test(c, reports_that_lie_are_refused);
	tcase_add_test(c, damaged_state_is_refused);
	suite_add_tcase(suite, c);
}

TEST_MAIN("kv", kv_cases)
