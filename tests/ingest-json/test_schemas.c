/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas that are wanted, and schemas that grow. */
#include "lib/test.h"

#include <string.h>

#include <orasi/sdk/arrow.h>

#include "base/str.h"
#include "ingest-json/decoding.h"

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
	const orasi_ingest_factory *factory = orasi_plugin_entry_v1()->get_factory(ORASI_INGEST_FACTORY);

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

static void schema_cases(Suite *suite)
{
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

	decoding_case(suite, "schemas", schemas, sizeof(schemas) / sizeof(schemas[0]));
}

TEST_MAIN("ingest-json: schemas", schema_cases)
