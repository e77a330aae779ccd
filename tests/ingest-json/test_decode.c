/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoder makes of text: types, modes, rejects. */
#include "lib/test.h"

#include <string.h>

#include <orasi/sdk/arrow.h>

#include "base/str.h"
#include "ingest-json/decoding.h"

/* ---- types -------------------------------------------------------------------------------- */

START_TEST(lines_become_rows_with_types)
{
	run("{\"a\":1,\"b\":\"x\",\"c\":true,\"d\":1.5}\n{\"a\":-2,\"b\":\"y\",\"c\":false,\"d\":2}"
	    "\n");
	expect("a:l b:u c:b d:g", "{a=1 b=\"x\" c=1 d=1.5}\n{a=-2 b=\"y\" c=0 d=2}\n");
}
END_TEST

START_TEST(integers_go_to_the_ends_of_int64)
{
	expect_value("{\"a\":[9223372036854775807,-9223372036854775808,0,-0]}", "a:+l(item:l)",
	             "{a=[9223372036854775807 -9223372036854775808 0 0]}\n");
}
END_TEST

START_TEST(integers_beyond_int64_make_a_double_column)
{
	expect_value("{\"a\":[9223372036854775808,1]}", "a:+l(item:g)", "{a=[9.2233720368547758e+18 1]}\n");
}
END_TEST

START_TEST(times_become_timestamps_and_days_become_dates)
{
	expect_value("{\"a\":\"1970-01-01T00:00:01.5Z\",\"b\":\"1970-01-02\"}", "a:tsu:UTC b:tdD", "{a=1500000 b=1}\n");
}
END_TEST

START_TEST(one_string_that_is_no_time_makes_the_column_text)
{
	run("{\"a\":\"1970-01-01T00:00:01Z\"}\n{\"a\":\"soon\"}\n");
	expect("a:u", "{a=\"1970-01-01T00:00:01Z\"}\n{a=\"soon\"}\n");
}
END_TEST

START_TEST(times_stay_text_when_nobody_wants_them_found)
{
	run_with("{\"a\":\"1970-01-02\"}", (struct rows_options){.config = "{\"infer_timestamps\":false}"});
	expect("a:u", "{a=\"1970-01-02\"}\n");
}
END_TEST

START_TEST(objects_become_structs_and_arrays_lists)
{
	run("{\"a\":{\"b\":1,\"c\":[{\"d\":\"x\"},null]}}\n{\"a\":null}\n{}\n");
	expect("a:+s(b:l c:+l(item:+s(d:u)))", "{a={b=1 c=[{d=\"x\"} null]}}\n{a=null}\n{a=null}\n");
}
END_TEST

START_TEST(a_column_of_nothing_but_null_is_text)
{
	expect_value("{\"a\":null,\"b\":[]}", "a:u b:+l(item:u)", "{a=null b=[]}\n");
}
END_TEST

START_TEST(scalars_of_several_kinds_become_their_text)
{
	run("{\"a\":\"x\"}\n{\"a\":1.50}\n{\"a\":true}\n{\"a\":null}\n");
	expect("a:u", "{a=\"x\"}\n{a=\"1.50\"}\n{a=\"true\"}\n{a=null}\n");
}
END_TEST

START_TEST(scalars_mixed_with_containers_become_json_text)
{
	run("{\"a\":\"x\"}\n{\"a\": { \"b\" : [1, 2] } }\n{\"a\":7}\n{\"a\":null}\n");
	expect("a:u", "{a=\"\"x\"\"}\n{a=\"{ \"b\" : [1, 2] }\"}\n{a=\"7\"}\n{a=null}\n");
}
END_TEST

START_TEST(an_object_without_keys_becomes_json_text)
{
	expect_value("{\"a\":{}}", "a:u", "{a=\"{}\"}\n");
}
END_TEST

START_TEST(escapes_are_resolved_in_values_and_keys)
{
	expect_value("{\"\\u0061\\n\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u20ac\\ud83d\\ude00\"}", "a\n:u",
	             "{a\n=\"\"\\/\b\f\n\r\t\xE2\x82\xAC\xF0\x9F\x98\x80\"}\n");
}
END_TEST

START_TEST(a_nul_may_stand_in_a_string)
{
	run("{\"a\":\"x\\u0000y\"}");
	ck_assert_uint_eq(rows.text.len, 10);
	ck_assert_int_eq(memcmp(rows.text.data, "{a=\"x\0y\"}\n", 10), 0);
}
END_TEST

START_TEST(the_last_of_two_equal_keys_counts_and_is_told_once)
{
	run("{\"a\":1,\"b\":{\"c\":1,\"c\":2},\"a\":3}\n{\"a\":1,\"a\":null}\n");
	expect("a:l b:+s(c:l)", "{a=3 b={c=2}}\n{a=null b=null}\n");
	ck_assert_uint_eq(fakehost_logs_with(fake, "keys stood twice"), 1);
	ck_assert_uint_eq(fakehost_logs_with(fake, "count=3"), 1);
}
END_TEST

START_TEST(evidence_is_told_for_every_column)
{
	run("{\"a\":1,\"b\":{\"c\":\"x\"}}\n{\"a\":null}\n");
	ck_assert_uint_eq(fakehost_logs_with(fake, "inferred column column=a type=l seen=1 nulls=1 example=1"), 1);
	ck_assert_uint_eq(fakehost_logs_with(fake, "column=b.c type=u seen=1 nulls=0 example=\"x\""), 1);
}
END_TEST

START_TEST(an_object_with_too_many_keys_becomes_json_text)
{
	run_with("{\"a\":{\"x\":1,\"y\":2,\"z\":3},\"b\":1}", (struct rows_options){.config = "{\"max_columns\":2}"});
	expect("a:u b:l", "{a=\"{\"x\":1,\"y\":2,\"z\":3}\" b=1}\n");
}
END_TEST

/* ---- modes -------------------------------------------------------------------------------- */

START_TEST(an_array_of_objects_is_its_items)
{
	run(" [ {\"a\":1} ,\n{\"a\":2}\n]\n ");
	expect("a:l", "{a=1}\n{a=2}\n");
	run("[]");
	expect("", "");
}
END_TEST

START_TEST(values_may_follow_each_other_in_any_way)
{
	run("{\"a\":1}{\"a\":2} {\n\"a\":3\n}\n\n{\"a\":4}");
	expect("a:l", "{a=1}\n{a=2}\n{a=3}\n{a=4}\n");
}
END_TEST

START_TEST(one_object_over_many_lines_is_one_record)
{
	run("{\n  \"a\": 1,\n  \"b\": {\"c\": 2}\n}\n");
	expect("a:l b:+s(c:l)", "{a=1 b={c=2}}\n");
}
END_TEST

START_TEST(a_broken_first_line_does_not_hide_that_these_are_lines)
{
	run("{\"a\":1\n{\"a\":2}\n{\"a\":3}\n");
	expect("a:l", "{a=2}\n{a=3}\n");
	expect_reject(0, "json.syntax", 0, 1, "{\"a\":1");
}
END_TEST

START_TEST(a_pointer_leads_to_the_array_inside_of_the_document)
{
	run_with("{\"skip\":{\"items\":[1]},\"r/"
	         "s\":{\"x\":\"}\",\"items\":[{\"a\":1},{\"a\":2}],\"y\":[{}]}, \"z\":0}\n",
	         (struct rows_options){.config = "{\"records\":\"/r~1s/items\"}"});
	expect("a:l", "{a=1}\n{a=2}\n");
}
END_TEST

START_TEST(a_pointer_to_nothing_is_said)
{
	run_with("{\"a\":{\"b\":1}}", (struct rows_options){.config = "{\"records\":\"/a/c\"}"});
	ck_assert_int_eq(rows.status, ORASI_E_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(rows.error.message, "/a/c"));
}
END_TEST

START_TEST(blank_lines_carriage_returns_and_a_mark_at_the_start_are_nothing)
{
	run("\xEF\xBB\xBF{\"a\":1}\r\n\r\n   \n{\"a\":2}\r\n{\"a\":x}\r\n");
	expect("a:l", "{a=1}\n{a=2}\n");
	expect_reject(0, "json.syntax", 2, 5, "{\"a\":x}\r");
}
END_TEST

START_TEST(utf16_is_recognised_and_refused)
{
	run("\xFF\xFE{");
	ck_assert_int_eq(rows.status, ORASI_E_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(rows.error.message, "UTF-16"));
}
END_TEST

START_TEST(an_empty_source_has_no_rows)
{
	run("");
	expect("", "");
	run("\n \n");
	expect("", "");
	run_with("", (struct rows_options){.config = "{\"mode\":\"array\"}"});
	expect("", "");
}
END_TEST

START_TEST(what_an_array_lacks_is_corrupt_and_says_where)
{
	const struct {
		const char *text;
		int64_t offset;
	} cases[] = {
		{"[{\"a\":1},{\"a\":2}", 16}, {"[{\"a\":1} {\"a\":2}]", 9}, {"[{\"a\":1},]", 9},
		{"[{\"a\":1}]x", 9},          {"[{\"a\":[1}]", 8},          {"[{\"a\":1},{\"a\":", 9},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		run(cases[i].text);
		ck_assert_msg(rows.status == ORASI_E_CORRUPT, "%s: %d", cases[i].text, rows.status);
		ck_assert_msg(rows.error.offset == cases[i].offset, "%s: %lld", cases[i].text,
		              (long long)rows.error.offset);
		ck_assert_uint_eq(rows.rows, i == 5 || i == 1 || i == 2 || i == 3 ? 1 : i == 0 ? 2 : 0);
	}
}
END_TEST

START_TEST(a_bad_item_of_an_array_is_rejected_alone)
{
	run("[{\"a\":1},{\"a\":01},\n7,{\"a\":2}]");
	expect("a:l", "{a=1}\n{a=2}\n");
	expect_reject(0, "json.syntax", 1, 1, "{\"a\":01}");
	expect_reject(1, "json.not-object", 2, 2, "7");
}
END_TEST

/* ---- rejects ------------------------------------------------------------------------------ */

static void reject_of(const char *record, const char *code, const char *column)
{
	size_t n = fakehost_rejects(fake);
	struct buf text;

	buf_init(&text, 0);
	buf_printf(&text, "{\"a\":1,\"s\":{\"t\":[\"x\"]}}\n%s\n{\"a\":2}\n", record);
	run_with(text.data, (struct rows_options){.config = "{\"max_depth\":8,\"max_record\":1024,\"sample_rows\":1}"});
	ck_assert_msg(rows.rows == 2, "%s: %llu rows, %s", record, (unsigned long long)rows.rows, rows.error.message);
	ck_assert_uint_eq(fakehost_rejects(fake), n + 1);
	ck_assert_str_eq(fakehost_reject(fake, n)->code, code);
	ck_assert_str_eq(fakehost_reject(fake, n)->column, column);
	ck_assert_int_eq(fakehost_reject(fake, n)->byte_offset, 24);
	ck_assert_int_eq(fakehost_reject(fake, n)->line, 2);
	ck_assert_int_eq(fakehost_reject(fake, n)->row, 1);
	ck_assert_uint_eq(fakehost_reject(fake, n)->raw_len, strlen(record));
	buf_done(&text);
}

START_TEST(every_kind_of_bad_record_has_its_code)
{
	char longer[2000];

	reject_of("{\"a\":1", "json.syntax", "");
	reject_of("{\"a\":1,}", "json.syntax", "");
	reject_of("{\"a\" 1}", "json.syntax", "");
	reject_of("{a:1}", "json.syntax", "");
	reject_of("{\"a\":1}{\"a\":2}", "json.syntax", "");
	reject_of("{\"a\":1} x", "json.syntax", "");
	reject_of("{\"a\":tru}", "json.syntax", "");
	reject_of("{\"a\":nul}", "json.syntax", "");
	reject_of("{\"s\":{\"t\":[\"x\",]}}", "json.syntax", "");
	reject_of("{\"s\":{\"t\":[\"\t\"]}}", "json.syntax", "");
	reject_of("{\"s\":{\"t\":[\"\\x\"]}}", "json.syntax", "");
	reject_of("{\"s\":{\"t\":[\"\\u12g4\"]}}", "json.syntax", "");
	reject_of("{\"s\":{\"t\":[\"\xC0\xAF\"]}}", "json.utf8", "");
	reject_of("{\"s\":{\"t\":[\"\xED\xA0\x80\"]}}", "json.utf8", "");
	reject_of("{\"s\":{\"t\":[\"\\ud800\"]}}", "json.surrogate", "");
	reject_of("{\"s\":{\"t\":[\"\\udc00\"]}}", "json.surrogate", "");
	reject_of("{\"s\":{\"t\":[\"\\ud800\\u0041\"]}}", "json.surrogate", "");
	reject_of("{\"q\":[[[[[[[[1]]]]]]]]}", "json.depth", "");
	reject_of("7", "json.not-object", "");
	reject_of("[{}]", "json.not-object", "");
	reject_of("\"x\"", "json.not-object", "");
	reject_of("{\"a\":\"1\"}", "type.mismatch", "a");
	reject_of("{\"a\":1.5}", "type.mismatch", "a");
	reject_of("{\"a\":9223372036854775808}", "type.mismatch", "a");
	reject_of("{\"s\":{\"t\":[7]}}", "type.mismatch", "s.t.item");
	reject_of("{\"s\":{\"t\":{}}}", "type.mismatch", "s.t");
	reject_of("{\"s\":[]}", "type.mismatch", "s");
	memset(longer, 'x', sizeof(longer));
	memcpy(longer, "{\"a\":\"", 6);
	longer[1900] = 0;
	reject_of(longer, "json.too-long", "");
}
END_TEST

START_TEST(a_reject_names_column_and_value)
{
	run("{\"a\":1}\n{\"a\":1}\n{\"a\":\"many\"}\n");
	/* The sample has seen the text, so that the column is text; a wanted int64 is not. */
	run_with("{\"a\":1}\n{\"a\":\"many\"}\n", (struct rows_options){.want = "a:l"});
	ck_assert_uint_eq(fakehost_rejects(fake), 1);
	ck_assert_str_eq(fakehost_reject(fake, 0)->message, "a: not a number, at byte 5 of the record: \"many\"");
}
END_TEST

START_TEST(what_a_reject_says_is_utf8_whatever_the_record_holds)
{
	struct buf text;

	buf_init(&text, 0);
	buf_puts(&text, "{\"a\":x\xC3\xA9\xFF\n{\"a\":y");
	for (int i = 0; i < 100; i++)
		buf_puts(&text, "\xE2\x82\xAC");
	buf_puts(&text, "\n{\"a\":\"\xC3\"}\n{\"a\":z\x01\n");
	run_with(text.data, (struct rows_options){.config = "{\"mode\":\"ndjson\"}"});
	ck_assert_uint_eq(fakehost_rejects(fake), 4);
	for (size_t i = 0; i < 4; i++) {
		const char *message = fakehost_reject(fake, i)->message;

		ck_assert_msg(utf8_valid(message, strlen(message)), "%s", message);
		ck_assert_ptr_nonnull(strstr(message, "at byte "));
	}
	ck_assert_ptr_nonnull(strstr(fakehost_reject(fake, 0)->message, "x\xC3\xA9"));
	buf_done(&text);
}
END_TEST

START_TEST(without_a_quarantine_a_bad_record_fails)
{
	fakehost_hide(fake, ORASI_HOST_REJECT);
	run("{\"a\":1}\n{\"a\":\n{\"a\":2}\n");
	ck_assert_int_eq(rows.status, ORASI_E_CORRUPT);
	ck_assert_uint_eq(rows.rows, 1);
	ck_assert_int_eq(rows.error.row, 1);
	ck_assert_int_eq(rows.error.offset, 8);
}
END_TEST

START_TEST(a_spent_budget_of_rejects_ends_the_reading)
{
	fakehost_reject_budget(fake, 2);
	run("{\"a\":1}\nx\n{\"a\":2}\ny\n{\"a\":3}\n");
	ck_assert_int_eq(rows.status, ORASI_E_BUDGET);
	ck_assert_uint_eq(rows.rows, 2);
}
END_TEST

START_TEST(a_cancelled_task_stops)
{
	fakehost_cancel(fake, 1);
	run("{\"a\":1}\n");
	ck_assert_int_eq(rows.status, ORASI_E_CANCELLED);
}
END_TEST

START_TEST(a_source_error_comes_through)
{
	const char text[] = "{\"a\":1}\n{\"a\":2}\n";
	struct fakehost_source source;

	fakehost_source_init(&source, text, strlen(text), 1);
	source.fail = ORASI_E_IO;
	source.fail_at = 8;
	source.max_read = 4;
	rows_run(&rows, fake, &source.source, &(struct rows_options){0});
	ck_assert_int_eq(rows.status, ORASI_E_IO);
}
END_TEST

START_TEST(ten_thousand_containers_inside_each_other_are_rejected)
{
	struct buf text;

	buf_init(&text, 0);
	buf_puts(&text, "{\"a\":1}\n{\"q\":");
	for (int i = 0; i < 10000; i++)
		buf_puts(&text, "[");
	for (int i = 0; i < 10000; i++)
		buf_puts(&text, "]");
	buf_puts(&text, "}\n{\"a\":2}\n");
	run(text.data);
	expect("a:l", "{a=1}\n{a=2}\n");
	ck_assert_str_eq(fakehost_reject(fake, 0)->code, "json.depth");
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '\n')
			text.data[i] = i + 1 < text.len ? ' ' : '\n';
	run(text.data);
	expect("a:l", "{a=1}\n{a=2}\n");
	ck_assert_uint_eq(fakehost_rejects(fake), 2);
	buf_done(&text);
}
END_TEST

static void decode_cases(Suite *suite)
{
	const TTest *const types[] = {
		lines_become_rows_with_types,
		integers_go_to_the_ends_of_int64,
		integers_beyond_int64_make_a_double_column,
		times_become_timestamps_and_days_become_dates,
		one_string_that_is_no_time_makes_the_column_text,
		times_stay_text_when_nobody_wants_them_found,
		objects_become_structs_and_arrays_lists,
		a_column_of_nothing_but_null_is_text,
		scalars_of_several_kinds_become_their_text,
		scalars_mixed_with_containers_become_json_text,
		an_object_without_keys_becomes_json_text,
		escapes_are_resolved_in_values_and_keys,
		a_nul_may_stand_in_a_string,
		the_last_of_two_equal_keys_counts_and_is_told_once,
		evidence_is_told_for_every_column,
		an_object_with_too_many_keys_becomes_json_text,
	};
	const TTest *const modes[] = {
		an_array_of_objects_is_its_items,
		values_may_follow_each_other_in_any_way,
		one_object_over_many_lines_is_one_record,
		a_broken_first_line_does_not_hide_that_these_are_lines,
		a_pointer_leads_to_the_array_inside_of_the_document,
		a_pointer_to_nothing_is_said,
		blank_lines_carriage_returns_and_a_mark_at_the_start_are_nothing,
		an_empty_source_has_no_rows,
		utf16_is_recognised_and_refused,
		what_an_array_lacks_is_corrupt_and_says_where,
		a_bad_item_of_an_array_is_rejected_alone,
	};
	const TTest *const rejects[] = {
		every_kind_of_bad_record_has_its_code,
		a_reject_names_column_and_value,
		what_a_reject_says_is_utf8_whatever_the_record_holds,
		without_a_quarantine_a_bad_record_fails,
		a_spent_budget_of_rejects_ends_the_reading,
		a_cancelled_task_stops,
		a_source_error_comes_through,
		ten_thousand_containers_inside_each_other_are_rejected,
	};

	decoding_case(suite, "types", types, sizeof(types) / sizeof(types[0]));
	decoding_case(suite, "modes", modes, sizeof(modes) / sizeof(modes[0]));
	decoding_case(suite, "rejects", rejects, sizeof(rejects) / sizeof(rejects[0]));
}

TEST_MAIN("ingest-json", decode_cases)
