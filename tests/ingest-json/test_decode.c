/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoder makes of text: modes, types, rejects, growth, marks, ranges. */
#include "lib/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <orasi/sdk/arrow.h>

#include "base/file.h"
#include "base/str.h"
#include "ingest-json/rows.h"

static struct fakehost *fake;
static struct rows rows;

static void setup(void)
{
	fake = fakehost_new();
	memset(&rows, 0, sizeof(rows));
}

static void teardown(void)
{
	rows_done(&rows);
	fakehost_free(fake);
}

static void run_with(const char *text, struct rows_options options)
{
	struct fakehost_source source;

	rows_done(&rows);
	fakehost_source_init(&source, text, strlen(text), 1);
	rows_run(&rows, fake, &source.source, &options);
}

static void run(const char *text)
{
	run_with(text, (struct rows_options){0});
}

static void expect(const char *schema, const char *text)
{
	ck_assert_msg(rows.status == ORASI_END, "status %d: %s", rows.status, rows.error.message);
	ck_assert_str_eq(rows.schema.data, schema);
	ck_assert_str_eq(rows.text.data, text);
}

static void expect_reject(size_t i, const char *code, int64_t row, int64_t line, const char *raw)
{
	const struct fakehost_reject *reject = fakehost_reject(fake, i);

	ck_assert_ptr_nonnull(reject);
	ck_assert_str_eq(reject->code, code);
	ck_assert_int_eq(reject->row, row);
	ck_assert_int_eq(reject->line, line);
	ck_assert_str_eq((const char *)reject->raw, raw);
	ck_assert_uint_eq(reject->raw_len, strlen(raw));
}

/* One record that becomes one row of one column. */
static void expect_value(const char *record, const char *schema, const char *row)
{
	run(record);
	expect(schema, row);
	ck_assert_uint_eq(fakehost_rejects(fake), 0);
}

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

/* ---- wanted schemas ----------------------------------------------------------------------- */

START_TEST(wanted_types_are_filled)
{
	run_with(
		"{\"i8\":-128,\"u16\":65535,\"f\":0.5,\"d\":3,\"t\":\"1970-01-01T00:00:00.25Z\","
		"\"u\":18446744073709551615,\"L\":\"x\"}",
		(struct rows_options){.want = "i8:c u16:S f:f d:g t:tsm: u:L L:U none:l", .flags = ORASI_OPEN_PROJECT});
	expect("i8:c u16:S f:f d:g t:tsm: u:L L:U none:l",
	       "{i8=-128 u16=65535 f=0.5 d=3 t=250 u=-1 L=\"x\" none=null}\n");
}
END_TEST

START_TEST(floats_beyond_their_range_are_rejected)
{
	run_with("{\"f\":1e300}\n{\"d\":-1e400}\n{\"f\":3e38,\"d\":1e308}\n", (struct rows_options){.want = "f:f d:g"});
	ck_assert_uint_eq(rows.rows, 1);
	ck_assert_uint_eq(fakehost_rejects(fake), 2);
	ck_assert_str_eq(fakehost_reject(fake, 0)->code, "type.mismatch");
}
END_TEST

START_TEST(wanted_decimals_are_exact)
{
	run_with("{\"a\":123.45}\n{\"a\":-0.05}\n{\"a\":1e2}\n{\"a\":1.005}\n{\"a\":1000}\n{\"a\":"
	         "1.50e-1}\n",
	         (struct rows_options){.want = "a:d:5,2"});
	expect("a:d:5,2", "{a=3930000000000000}\n{a=fbffffffffffffff}\n{a=1027000000000000}\n"
	                  "{a=0f00000000000000}\n");
	ck_assert_uint_eq(fakehost_rejects(fake), 2);
	run_with("{\"a\":-12345678901234567890123456789012345678}\n", (struct rows_options){.want = "a:d:38,0"});
	ck_assert_uint_eq(rows.rows, 1);
}
END_TEST

START_TEST(wanted_bytes_are_base64)
{
	run_with("{\"a\":\"Zm9v\"}\n{\"a\":\"Zg==\"}\n{\"a\":\"\"}\n{\"a\":\"Zg=\"}\n{\"a\":\"Z==="
	         "\"}\n"
	         "{\"a\":\"====\"}\n{\"a\":\"Zm\\u0039v\"}\n",
	         (struct rows_options){.want = "a:z"});
	expect("a:z", "{a=\"foo\"}\n{a=\"f\"}\n{a=\"\"}\n{a=\"foo\"}\n");
	ck_assert_uint_eq(fakehost_rejects(fake), 3);
}
END_TEST

START_TEST(wide_tables_make_batches_of_fewer_rows)
{
	struct buf want, text;

	buf_init(&want, 0);
	buf_init(&text, 0);
	for (int i = 0; i < 500; i++)
		buf_printf(&want, "c%d:l ", i);
	for (int i = 0; i < 1000; i++)
		buf_puts(&text, "{\"c1\":1}\n");
	run_with(text.data, (struct rows_options){.want = want.data, .max_bytes = 450000});
	ck_assert_uint_eq(rows.rows, 1000);
	ck_assert_uint_eq(rows.batches, 10);
	buf_done(&want);
	buf_done(&text);
}
END_TEST

START_TEST(values_beyond_a_wanted_type_are_rejected)
{
	run_with("{\"a\":128}\n{\"a\":-129}\n{\"a\":12}\n{\"a\":1e1}\n{\"a\":0.5}\n",
	         (struct rows_options){.want = "a:c"});
	expect("a:c", "{a=12}\n{a=10}\n");
	ck_assert_uint_eq(fakehost_rejects(fake), 3);
}
END_TEST

START_TEST(a_projection_has_exactly_the_wanted_columns_in_their_order)
{
	run_with("{\"a\":1,\"b\":2,\"c\":{\"d\":[1,{}]}}\n{\"b\":5}\n",
	         (struct rows_options){.want = "b:l a:l", .flags = ORASI_OPEN_PROJECT});
	expect("b:l a:l", "{b=2 a=1}\n{b=5 a=null}\n");
}
END_TEST

START_TEST(a_wanted_text_column_takes_numbers_only_when_told_so)
{
	run_with("{\"a\":1}\n{\"a\":\"x\"}\n", (struct rows_options){.want = "a:u"});
	expect("a:u", "{a=\"x\"}\n");
	ck_assert_uint_eq(fakehost_rejects(fake), 1);
	run_with("{\"a\":1}\n{\"a\":{\"b\":2}}\n{\"a\":\"x\"}\n",
	         (struct rows_options){.want = "a:u", .config = "{\"coerce\":true}"});
	expect("a:u", "{a=\"1\"}\n{a=\"{\"b\":2}\"}\n{a=\"x\"}\n");
}
END_TEST

START_TEST(a_wanted_type_that_json_has_not_is_refused_by_name)
{
	run_with("{}", (struct rows_options){.want = "a:w:16"});
	ck_assert_int_eq(rows.status, ORASI_E_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(rows.error.message, "'a'"));
}
END_TEST

START_TEST(the_sample_adds_to_the_wanted_columns)
{
	run_with("{\"b\":1,\"a\":1,\"n\":null}", (struct rows_options){.want = "a:g"});
	expect("a:g b:l", "{a=1 b=1}\n");
}
END_TEST

START_TEST(a_column_that_needs_values_rejects_records_without)
{
	struct ArrowSchema schema;

	schema_make(&schema, "a:l b:l");
	schema.children[1]->flags = 0;
	run_with("{\"a\":1}\n{\"a\":1,\"b\":2}\n{\"b\":null}\n", (struct rows_options){.want_schema = &schema});
	expect("a:l b:l", "{a=1 b=2}\n");
	ck_assert_uint_eq(fakehost_rejects(fake), 2);
	ck_assert_str_eq(fakehost_reject(fake, 0)->code, "type.null");
	ck_assert_str_eq(fakehost_reject(fake, 1)->column, "b");
	arrow_schema_release(&schema);
}
END_TEST

START_TEST(heads_are_recognised_by_what_they_hold_and_by_name)
{
	static const struct {
		const char *head, *name;
		uint32_t least, most;
	} cases[] = {
		{"{\"a\":1}\n", "x.ndjson", 90, 100},
		{" [ {", "x", 70, 90},
		{"{\"a", "", 70, 90},
		{"PAR1", "x.json", 1, 50},
		{"a,b,c\n", "x.csv", 0, 0},
		{"", "x.jsonl", 1, 50},
		{"[1,2]", "x", 0, 0},
		{"{", "x", 0, 0},
	};
	const orasi_ingest_factory *factory = orasi_plugin_entry_v0()->get_factory(ORASI_INGEST_FACTORY);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t score = 1000;
		orasi_bytes head = {(const uint8_t *)cases[i].head, strlen(cases[i].head)};
		orasi_str name = {cases[i].name, strlen(cases[i].name)};

		ck_assert_int_eq(factory->sniff("org.orasi.ingest.json", head, name, &score), 0);
		ck_assert_msg(score >= cases[i].least && score <= cases[i].most, "%s: %u", cases[i].head, score);
	}
}
END_TEST

/* ---- growth ------------------------------------------------------------------------------- */

#define SMALL_SAMPLE "{\"sample_rows\":1}"

START_TEST(a_new_key_after_the_sample_grows_the_schema)
{
	run_with("{\"a\":1}\n{\"a\":2,\"b\":\"x\"}\n{\"a\":3}\n", (struct rows_options){.config = SMALL_SAMPLE});
	expect("a:l b:u", "{a=1}\n{a=2 b=\"x\"}\n{a=3 b=null}\n");
	ck_assert_uint_eq(rows.schemas, 1);
}
END_TEST

START_TEST(structs_grow_inside_too)
{
	run_with("{\"s\":{\"a\":1},\"l\":[{\"x\":1}]}\n{\"s\":{\"b\":true},\"l\":[{\"y\":2}]}\n",
	         (struct rows_options){.config = SMALL_SAMPLE});
	expect("s:+s(a:l b:b) l:+l(item:+s(x:l y:l))", "{s={a=1} l=[{x=1}]}\n{s={a=null b=1} l=[{x=null y=2}]}\n");
}
END_TEST

START_TEST(a_new_key_that_is_null_does_not_grow_anything)
{
	run_with("{\"a\":1}\n{\"b\":null}\n{\"b\":5}\n", (struct rows_options){.config = SMALL_SAMPLE});
	expect("a:l b:l", "{a=1}\n{a=null}\n{a=null b=5}\n");
}
END_TEST

START_TEST(new_keys_are_ignored_or_rejected_when_told_so)
{
	run_with("{\"a\":1}\n{\"b\":[1,{\"c\":2}],\"a\":2}\n",
	         (struct rows_options){.config = "{\"sample_rows\":1,\"unknown_fields\":\"ignore\"}"});
	expect("a:l", "{a=1}\n{a=2}\n");
	run_with("{\"a\":1}\n{\"b\":1}\n",
	         (struct rows_options){.config = "{\"sample_rows\":1,\"unknown_fields\":\"reject\"}"});
	expect("a:l", "{a=1}\n");
	ck_assert_str_eq(fakehost_reject(fake, 0)->code, "type.unknown");
}
END_TEST

START_TEST(a_key_that_cannot_become_a_column_rejects_its_record)
{
	run_with("{\"a\":1}\n{\"b\":1}\n{\"a\\u0000\":1}\n{\"a\":2}\n",
	         (struct rows_options){.config = "{\"max_columns\":1}"});
	expect("a:l", "{a=1}\n{a=2}\n");
	ck_assert_uint_eq(fakehost_rejects(fake), 2);
	ck_assert_str_eq(fakehost_reject(fake, 0)->code, "json.columns");
}
END_TEST

START_TEST(records_with_such_keys_are_not_each_sampled_again)
{
	struct buf text;

	buf_init(&text, 0);
	buf_puts(&text, "{\"a\":1}\n");
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "{\"a\":1,\"b%d\":2%s\n", i, i % 2 ? "}" : "");
	run_with(text.data, (struct rows_options){.config = "{\"max_columns\":1}"});
	expect("a:l", "{a=1}\n");
	ck_assert_uint_eq(fakehost_rejects(fake), 1000);
	ck_assert_str_eq(fakehost_reject(fake, 0)->code, "json.syntax");
	ck_assert_str_eq(fakehost_reject(fake, 1)->code, "json.columns");
	ck_assert_uint_eq(fakehost_logs_with(fake, "inferred a schema"), 2);
	buf_done(&text);
}
END_TEST

START_TEST(a_growing_record_may_be_longer_than_the_sample)
{
	struct buf text;

	buf_init(&text, 0);
	buf_puts(&text, "{\"a\":1}\n{\"b\":\"");
	for (int i = 0; i < 3000; i++)
		buf_putc(&text, 'x');
	buf_puts(&text, "\"}\n{\"c\":1}\n");
	run_with(text.data, (struct rows_options){.config = "{\"sample_bytes\":1024,\"sample_rows\":1}"});
	ck_assert_int_eq(rows.status, ORASI_END);
	ck_assert_uint_eq(rows.rows, 3);
	ck_assert_str_eq(rows.schema.data, "a:l b:u c:l");
	buf_done(&text);
}
END_TEST

/* ---- marks, ranges, batches --------------------------------------------------------------- */

/* Lines with everything: growth, rejects, blank lines, text modes, nested values. */
static const char mixed[] = "{\"a\":1,\"m\":1,\"j\":\"x\",\"s\":{\"x\":1}}\n{\"a\":2,\"m\":\"two\",\"j\":[2]}\r\n\n"
			    "{\"a\":\"bad\"}\n{\"a\":3,\"b\":1.5}\nnot json\n{\"m\":true,\"s\":{\"y\":[1,2]}}\n  \n"
			    "{\"a\":4,\"b\":2,\"c\":\"2020-01-01\"}\n{\"c\":\"2020-01-02\",\"s\":{\"x\":2,\"y\":[]}}\n"
			    "{\"a\":5,\"a\":6}\n{\"a\":7,\"j\":{\"k\":1}}";
#define MIXED_CONFIG "{\"sample_rows\":2}"

static const char mixed_array[] = "[{\"a\":1,\"m\":1,\"j\":\"x\"},{\"a\":2,\"m\":\"two\",\"j\":[2]},\n"
				  "{\"a\":\"bad\"},{\"a\":3,\"b\":1.5},7,{\"m\":true,\"s\":{\"y\":[1,2]}}\n,\n"
				  "{\"a\":4,\"b\":2}, {\"a\":7,\"j\":{\"k\":1}} ]\n";

static const char mixed_values[] = "{\"a\":1,\"m\":1}{\"a\":2,\"m\":\"two\"}\n{\"a\":\"bad\"} "
				   "{\"a\":3,\"b\":1.5}\n7 {\"m\":true}{\"a\":4}";

static const char mixed_document[] =
	"{\"x\":[1,{\"items\":0}],\"items\":[{\"a\":1},{\"a\":2},{\"b\":true}],\"y\":\"]\"}";

static const struct {
	const char *text, *config;
} mixes[] = {
	{mixed, MIXED_CONFIG},
	{mixed_array, MIXED_CONFIG},
	{mixed_values, MIXED_CONFIG},
	{mixed_document, "{\"sample_rows\":1,\"records\":\"/items\"}"},
};
#define MIXES ((int)(sizeof(mixes) / sizeof(mixes[0])))

/* Columns that a batch does not have yet show nothing: rows are compared without them. Growth cuts
 * batches at the same rows whatever their size, so the text is equal as a whole. */
START_TEST(rows_do_not_depend_on_batch_sizes_or_short_reads)
{
	static const uint32_t sizes[] = {1, 2, 7, 65536};
	struct rows whole;

	run_with(mixes[_i].text, (struct rows_options){.config = mixes[_i].config});
	ck_assert_int_eq(rows.status, ORASI_END);
	whole = rows;
	memset(&rows, 0, sizeof(rows));
	for (int i = 0; i < 40; i++) {
		struct fakehost_source source;
		struct fakehost *other = fakehost_new();

		rows_done(&rows);
		fakehost_source_init(&source, mixes[_i].text, strlen(mixes[_i].text), 0);
		source.max_read = i % 2 ? 1 : 9;
		source.random = (uint64_t)i / 2 + 1;
		rows_run(&rows, other, &source.source,
		         &(struct rows_options){.config = mixes[_i].config, .max_rows = sizes[i % 4]});
		ck_assert_str_eq(rows.text.data, whole.text.data);
		ck_assert_str_eq(rows.schema.data, whole.schema.data);
		ck_assert_uint_eq(fakehost_rejects(other), fakehost_rejects(fake));
		fakehost_free(other);
	}
	rows_done(&whole);
}
END_TEST

#define MARKS_MAX 16

static void resume(int mix, struct rows *whole, size_t i, const struct ArrowSchema *schema, int seek)
{
	struct fakehost *other = fakehost_new();
	struct fakehost_source source;
	orasi_bytes state = {(const uint8_t *)whole->marks[i].data, whole->marks[i].len};

	rows_done(&rows);
	fakehost_source_init(&source, mixes[mix].text, strlen(mixes[mix].text), seek);
	source.max_read = 5;
	rows_run(&rows, other, &source.source,
	         &(struct rows_options){.config = mixes[mix].config, .want_schema = schema, .checkpoint = state});
	ck_assert_msg(rows.status == ORASI_END, "%s", rows.error.message);
	ck_assert_str_eq(rows.text.data, whole->text.data + whole->mark_rows[i]);
	ck_assert_str_eq(rows.schema.data, whole->schema.data);
	ck_assert_uint_eq(fakehost_rejects(other), fakehost_rejects(fake) - whole->mark_rejects[i]);
	fakehost_free(other);
}

/* A host that keeps types and loses metadata. */
static void forget_metadata(struct ArrowSchema *schema)
{
	free((char *)schema->metadata);
	schema->metadata = NULL;
	for (int64_t i = 0; i < schema->n_children; i++)
		forget_metadata(schema->children[i]);
}

START_TEST(reading_on_from_any_mark_gives_the_rows_that_follow)
{
	struct ArrowSchema schemas[MARKS_MAX];
	struct rows whole;

	run_with(mixes[_i].text, (struct rows_options){.config = mixes[_i].config,
	                                               .max_rows = 1,
	                                               .keep_marks = MARKS_MAX,
	                                               .ret_schemas = schemas});
	ck_assert_int_eq(rows.status, ORASI_END);
	ck_assert_uint_ge(rows.n_marks, 3);
	whole = rows;
	memset(&rows, 0, sizeof(rows));
	for (size_t i = 0; i < whole.n_marks; i++) {
		resume(_i, &whole, i, &schemas[i], i % 2);
		forget_metadata(&schemas[i]);
		resume(_i, &whole, i, &schemas[i], 0);
		arrow_schema_release(&schemas[i]);
	}
	rows_done(&whole);
}
END_TEST

START_TEST(a_checkpoint_of_something_else_is_refused)
{
	run_with("{}", (struct rows_options){.checkpoint = {(const uint8_t *)"nonsense", 8}});
	ck_assert_int_eq(rows.status, ORASI_E_STATE);
}
END_TEST

START_TEST(two_ranges_have_every_row_once_wherever_the_cut_is)
{
	const char *want = "a:l m:u j:u b:g c:tdD";
	struct rows whole, first;
	size_t len = strlen(mixed), rejects;

	run_with(mixed, (struct rows_options){.want = want, .flags = ORASI_OPEN_PROJECT});
	ck_assert_int_eq(rows.status, ORASI_END);
	rejects = fakehost_rejects(fake);
	whole = rows;
	for (size_t cut = 1; cut <= len; cut++) {
		size_t before = fakehost_rejects(fake);

		memset(&rows, 0, sizeof(rows));
		run_with(mixed, (struct rows_options){.want = want, .flags = ORASI_OPEN_PROJECT, .range_end = cut});
		first = rows;
		memset(&rows, 0, sizeof(rows));
		run_with(mixed, (struct rows_options){.want = want,
		                                      .flags = ORASI_OPEN_PROJECT,
		                                      .range_begin = cut,
		                                      .range_end = len});
		ck_assert_int_eq(rows.status, ORASI_END);
		buf_add(&first.text, rows.text.data, rows.text.len);
		ck_assert_str_eq(first.text.data, whole.text.data);
		ck_assert_uint_eq(fakehost_rejects(fake) - before, rejects);
		rows_done(&first);
		rows_done(&rows);
	}
	memset(&rows, 0, sizeof(rows));
	rows_done(&whole);
}
END_TEST

/* ---- limits ------------------------------------------------------------------------------- */

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

/* A source that makes up a huge record between two small ones. */
#define HUGE_LEN (1ULL << 30)

static orasi_status huge_read(orasi_source *source, void *buf, size_t cap, size_t *got, orasi_error *err)
{
	uint64_t *at = source->ctx;
	static const char head[] = "{\"a\":1}\n{\"a\":\"", tail[] = "\"}\n{\"a\":2}\n";

	(void)err;
	*got = 0;
	for (; *got < cap && *at < HUGE_LEN + strlen(tail); (*at)++) {
		if (*at >= strlen(head) && *at < HUGE_LEN) {
			size_t n = cap - *got < HUGE_LEN - *at ? cap - *got : (size_t)(HUGE_LEN - *at);

			memset((char *)buf + *got, 'x', n);
			*got += n - 1;
			*at += n - 1;
		} else {
			((char *)buf)[*got] = *at < HUGE_LEN ? head[*at] : tail[*at - HUGE_LEN];
		}
		(*got)++;
	}
	return ORASI_OK;
}

START_TEST(a_line_of_a_gigabyte_is_rejected_in_little_memory)
{
	uint64_t at = 0;
	struct rlimit old, small;
	orasi_source source = {.struct_size = sizeof(source),
	                       .ctx = &at,
	                       .size = -1,
	                       .uri = ORASI_STR("huge"),
	                       .read = huge_read};

	getrlimit(RLIMIT_DATA, &old);
	small = old;
	small.rlim_cur = 256 << 20;
#ifdef __SANITIZE_ADDRESS__ /* its shadow alone is larger */
	small = old;
#endif
	setrlimit(RLIMIT_DATA, &small);
	rows_run(&rows, fake, &source, &(struct rows_options){.config = "{\"max_record\":1048576}"});
	setrlimit(RLIMIT_DATA, &old);
	expect("a:l", "{a=1}\n{a=2}\n");
	ck_assert_str_eq(fakehost_reject(fake, 0)->code, "json.too-long");
	ck_assert_uint_eq(fakehost_reject(fake, 0)->raw_len, HUGE_LEN - 8 + 2);
	ck_assert_uint_le(fakehost_reject(fake, 0)->raw_have, 65536);
}
END_TEST

/* ---- corpus ------------------------------------------------------------------------------- */

static int run_corpus(const char *name, const char *config)
{
	const char *path = test_corpus(name);
	struct fakehost_source source;
	struct buf data;
	struct err err;

	if (!path)
		return 0;
	buf_init(&data, 0);
	ck_ok(file_read(path, 64 << 20, &data, &err), &err);
	rows_done(&rows);
	fakehost_source_init(&source, data.data, data.len, 1);
	rows_run(&rows, fake, &source.source, &(struct rows_options){.config = config});
	buf_done(&data);
	return 1;
}

START_TEST(real_documents_are_read_whole)
{
	const struct {
		const char *name, *config;
		uint64_t rows;
	} files[] = {
		{"json/twitter.json", "{\"records\":\"/statuses\"}", 100},
		{"json/twitter.json", "{}", 1},
		{"json/canada.json", "{}", 1},
		{"json/canada.json", "{\"records\":\"/features\"}", 1},
		{"json/citm_catalog.json", "{}", 1},
		{"json/citm_catalog.json", "{\"records\":\"/performances\"}", 243},
		{"logs/nginxplus_json_logs", "{}", 500},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!run_corpus(files[i].name, files[i].config))
			continue;
		ck_assert_msg(rows.status == ORASI_END, "%s: %s", files[i].name, rows.error.message);
		ck_assert_msg(!fakehost_rejects(fake), "%s: %s", files[i].name,
		              fakehost_rejects(fake) ? fakehost_reject(fake, 0)->message : "");
		ck_assert_msg(rows.rows == files[i].rows, "%s: %llu rows", files[i].name,
		              (unsigned long long)rows.rows);
	}
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
	const TTest *const schemas[] = {
		wanted_types_are_filled,
		a_column_that_needs_values_rejects_records_without,
		heads_are_recognised_by_what_they_hold_and_by_name,
		floats_beyond_their_range_are_rejected,
		wanted_decimals_are_exact,
		wanted_bytes_are_base64,
		wide_tables_make_batches_of_fewer_rows,
		values_beyond_a_wanted_type_are_rejected,
		a_projection_has_exactly_the_wanted_columns_in_their_order,
		a_wanted_text_column_takes_numbers_only_when_told_so,
		a_wanted_type_that_json_has_not_is_refused_by_name,
		the_sample_adds_to_the_wanted_columns,
		a_new_key_after_the_sample_grows_the_schema,
		structs_grow_inside_too,
		a_new_key_that_is_null_does_not_grow_anything,
		new_keys_are_ignored_or_rejected_when_told_so,
		a_key_that_cannot_become_a_column_rejects_its_record,
		records_with_such_keys_are_not_each_sampled_again,
		a_growing_record_may_be_longer_than_the_sample,
	};
	const struct {
		const char *name;
		const TTest *const *tests;
		size_t n;
	} cases[] = {
		{"types", types, sizeof(types) / sizeof(types[0])},
		{"modes", modes, sizeof(modes) / sizeof(modes[0])},
		{"rejects", rejects, sizeof(rejects) / sizeof(rejects[0])},
		{"schemas", schemas, sizeof(schemas) / sizeof(schemas[0])},
	};
	TCase *whole = tcase_create("whole files");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		TCase *one = tcase_create(cases[i].name);

		tcase_add_checked_fixture(one, setup, teardown);
		for (size_t k = 0; k < cases[i].n; k++)
			tcase_add_test(one, cases[i].tests[k]);
		suite_add_tcase(suite, one);
	}
	tcase_add_checked_fixture(whole, setup, teardown);
	tcase_add_loop_test(whole, rows_do_not_depend_on_batch_sizes_or_short_reads, 0, MIXES);
	tcase_add_loop_test(whole, reading_on_from_any_mark_gives_the_rows_that_follow, 0, MIXES);
	tcase_add_test(whole, a_checkpoint_of_something_else_is_refused);
	tcase_add_test(whole, two_ranges_have_every_row_once_wherever_the_cut_is);
	tcase_add_test(whole, a_line_of_a_gigabyte_is_rejected_in_little_memory);
	tcase_add_test(whole, real_documents_are_read_whole);
	suite_add_tcase(suite, whole);
}

TEST_MAIN("ingest-json", decode_cases)
