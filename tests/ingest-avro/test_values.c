/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of each type of Avro, and of values that cannot be. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "ingest-avro/making.h"

#define NAMED(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define RECORD(fields) NAMED("r", fields)
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"

/* One record with one field `x` of the type. */
#define X(type, records) read_records(RECORD(FIELD("x", type)), 1, RECORDS(records), NULL)

/* ---- primitive types --------------------------------------------------------------------------------------------- */

START_TEST(each_primitive_type_has_its_column)
{
	read_records(
		RECORD(FIELD("a", "\"null\"") "," FIELD("b", "\"boolean\"") "," FIELD("c", "\"int\"") "," FIELD(
			"d",
			"\"long\"") "," FIELD("e",
	                                      "\"float\"") "," FIELD("f",
	                                                             "\"double\"") "," FIELD("g",
	                                                                                     "\"bytes\"") "," FIELD("h",
	                                                                                                            "\""
	                                                                                                            "st"
	                                                                                                            "ri"
	                                                                                                            "ng"
	                                                                                                            "\"")),
		1,
		RECORDS("\x01"
	                "\x03"
	                "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"
	                "\x00\x00\xC0\x3F"
	                "\x00\x00\x00\x00\x00\x00\x04\xC0"
	                "\x04hi"
	                "\x06\xE2\x82\xAC"),
		NULL);
	gives("a:n b:b c:i d:l e:f f:g g:z h:u",
	      "{a=null b=1 c=-2 d=9223372036854775807 e=1.5 f=-2.5 g=\"hi\" h=\"€\"}\n", "");
}
END_TEST

START_TEST(numbers_reach_from_their_least_to_their_most)
{
	X("\"int\"", "\xFF\xFF\xFF\xFF\x0F");
	gives("x:i", "{x=-2147483648}\n", "");
	X("\"int\"", "\xFE\xFF\xFF\xFF\x0F");
	gives("x:i", "{x=2147483647}\n", "");
	X("\"long\"", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01");
	gives("x:l", "{x=-9223372036854775808}\n", "");
	X("\"long\"", "\x80\x00");
	gives("x:l", "{x=0}\n", "");
}
END_TEST

START_TEST(an_enum_is_the_text_of_its_symbol)
{
	X("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"RED\",\"GREEN\"]}", "\x02");
	gives("x:u", "{x=\"GREEN\"}\n", "");
}
END_TEST

START_TEST(records_stand_within_records)
{
	X(NAMED("s", FIELD("a", "\"long\"") "," FIELD("b", NAMED("t", FIELD("c", "\"string\"")))), "\x02\x02q");
	gives("x:+s(a:l b:+s(c:u))", "{x={a=1 b={c=\"q\"}}}\n", "");
}
END_TEST

START_TEST(lists_and_maps_come_in_blocks_with_and_without_a_size)
{
	X("{\"type\":\"array\",\"items\":\"long\"}", "\x04\x02\x04\x03\x04\x06\x08\x00");
	gives("x:+l(item:l)", "{x=[1 2 3 4]}\n", "");
	X("{\"type\":\"array\",\"items\":\"long\"}", "\x00");
	gives("x:+l(item:l)", "{x=[]}\n", "");
	X("{\"type\":\"map\",\"values\":\"int\"}", "\x02\x02k\x02\x01\x06\x02l\x04\x00");
	gives("x:+m(entries:+s(key:u value:i))", "{x=[{key=\"k\" value=1} {key=\"l\" value=2}]}\n", "");
}
END_TEST

/* ---- unions ------------------------------------------------------------------------------------------------------ */

START_TEST(a_union_with_null_is_a_column_that_may_be_null)
{
	X("[\"null\",\"string\"]", "\x02\x02q");
	gives("x:u", "{x=\"q\"}\n", "");
	X("[\"null\",\"string\"]", "\x00");
	gives("x:u", "{x=null}\n", "");
	X("[\"string\",\"null\"]", "\x02");
	gives("x:u", "{x=null}\n", "");
	X("[\"long\"]", "\x00\x02");
	gives("x:l", "{x=1}\n", "");
	X("[\"null\"]", "\x00");
	gives("x:n", "{x=null}\n", "");
	X("[\"null\",{\"type\":\"array\",\"items\":[\"null\",\"long\"]}]", "\x02\x04\x00\x02\x02\x00");
	gives("x:+l(item:l)", "{x=[null 1]}\n", "");
}
END_TEST

START_TEST(a_union_of_numbers_is_the_wider_of_them)
{
	X("[\"int\",\"long\",\"null\"]", "\x00\x02");
	gives("x:l", "{x=1}\n", "");
	X("[\"int\",\"long\",\"null\"]", "\x02\x04");
	gives("x:l", "{x=2}\n", "");
	X("[\"int\",\"long\",\"null\"]", "\x04");
	gives("x:l", "{x=null}\n", "");
	X("[\"float\",\"double\"]", "\x00\x00\x00\xC0\x3F");
	gives("x:g", "{x=1.5}\n", "");
}
END_TEST

START_TEST(another_union_is_a_struct_with_a_member_for_each_of_its_types)
{
	X("[\"null\",\"long\",\"string\"]", "\x04\x02q");
	gives("x:+s(member0:l member1:u)", "{x={member0=null member1=\"q\"}}\n", "");
	X("[\"null\",\"long\",\"string\"]", "\x00");
	gives("x:+s(member0:l member1:u)", "{x=null}\n", "");
	X("[\"boolean\",\"long\"]", "\x02\x02");
	gives("x:+s(member0:b member1:l)", "{x={member0=null member1=1}}\n", "");
}
END_TEST

/* ---- logical types ----------------------------------------------------------------------------------------------- */

START_TEST(dates_and_times_are_columns_of_their_own)
{
	static const struct {
		const char *type, *logical, *columns;
	} times[] = {
		{"int", "date", "x:tdD"},
		{"int", "time-millis", "x:ttm"},
		{"long", "time-micros", "x:ttu"},
		{"long", "timestamp-millis", "x:tsm:UTC"},
		{"long", "timestamp-micros", "x:tsu:UTC"},
		{"long", "timestamp-nanos", "x:tsn:UTC"},
		{"long", "local-timestamp-millis", "x:tsm:"},
		{"long", "local-timestamp-micros", "x:tsu:"},
		{"long", "local-timestamp-nanos", "x:tsn:"},
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		char schema[256];

		snprintf(schema, sizeof(schema), RECORD(FIELD("x", "{\"type\":\"%s\",\"logicalType\":\"%s\"}")),
		         times[i].type, times[i].logical);
		read_records(schema, 1, RECORDS("\x90\x03"), NULL);
		gives(times[i].columns, "{x=200}\n", "");
	}
}
END_TEST

START_TEST(decimals_keep_their_value_from_bytes_of_any_length)
{
	static const char type[] =
		RECORD(FIELD("x", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}"));

	read_records(type, 4,
	             RECORDS("\x02\x7F\x02\x80\x00\x28\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
	                     "\xFF\xFF\xFE\x0C"),
	             NULL);
	gives("x:d:9,2", "{x=7f00000000000000}\n{x=80ffffffffffffff}\n{x=0000000000000000}\n{x=0cfeffffffffffff}\n",
	      "");
	read_records(type, 2, RECORDS("\x08\x3B\x9A\xC9\xFF\x08\x3B\x9A\xCA\x00"), NULL); /* 10^9 - 1, 10^9 */
	gives("x:d:9,2", "{x=ffc99a3b00000000}\n", "avro.range:x");
}
END_TEST

START_TEST(a_decimal_of_more_than_38_digits_is_text)
{
	static const char type[] =
		RECORD(FIELD("x", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":41,\"scale\":3}"));

	read_records(type, 4,
	             RECORDS("\x00"
	                     "\x02\xFF"
	                     "\x04\x04\xD2"
	                     "\x22\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
	             NULL);
	gives("x:u",
	      "{x=\"0.000\"}\n{x=\"-0.001\"}\n{x=\"1.234\"}\n{x=\"43556142965880123323311949751266331066.367\"}\n", "");
}
END_TEST

START_TEST(uuids_and_durations_are_text)
{
	X("{\"type\":\"fixed\",\"name\":\"u\",\"size\":16,\"logicalType\":\"uuid\"}",
	  "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xAA\xBB\xCC\xDD\xEE\xFF");
	gives("x:u", "{x=\"00112233-4455-6677-8899-aabbccddeeff\"}\n", "");
	X("{\"type\":\"string\",\"logicalType\":\"uuid\"}", "\x02q");
	gives("x:u", "{x=\"q\"}\n", "");
	X("{\"type\":\"fixed\",\"name\":\"d\",\"size\":12,\"logicalType\":\"duration\"}",
	  "\x01\x00\x00\x00\x02\x00\x00\x00\xC4\x09\x00\x00");
	gives("x:u", "{x=\"P1M2DT2.500S\"}\n", "");
}
END_TEST

START_TEST(a_logical_type_that_does_not_fit_is_ignored)
{
	X("{\"type\":\"string\",\"logicalType\":\"date\"}", "\x02q");
	gives("x:u", "{x=\"q\"}\n", "");
	X("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":2,\"scale\":3}", "\x02q");
	gives("x:z", "{x=\"q\"}\n", "");
	X("{\"type\":\"bytes\",\"logicalType\":\"decimal\"}", "\x02q");
	gives("x:z", "{x=\"q\"}\n", "");
	X("{\"type\":\"fixed\",\"name\":\"f\",\"size\":2,\"logicalType\":\"decimal\",\"precision\":5}", "qq");
	gives("x:w:2", "{x=0}\n", ""); /* shown as 0 */
	X("{\"type\":\"long\",\"logicalType\":\"of-tomorrow\"}", "\x02");
	gives("x:l", "{x=1}\n", "");
}
END_TEST

/* ---- types within themselves ------------------------------------------------------------------------------------- */

START_TEST(what_contains_itself_is_json_where_it_does)
{
	static const char list[] = RECORD(FIELD("v", "\"long\"") "," FIELD("next", "[\"null\",\"r\"]"));

	read_records(list, 1, RECORDS("\x02\x02\x04\x02\x06\x00"), NULL);
	gives("v:l next:u", "{v=1 next=\"{\"v\":2,\"next\":{\"v\":3,\"next\":null}}\"}\n", "");
}
END_TEST

START_TEST(json_holds_every_type)
{
	static const char schema[] = RECORD(FIELD("n", "[\"null\",\"r\"]") "," FIELD("a", "\"boolean\"") "," FIELD("b", "\"double\"") "," FIELD(
		"c",
		"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,"
		"\"scale\":2}") "," FIELD("d",
	                                  "\"bytes\"") "," FIELD("e",
	                                                         "{\"type\":\"map\","
	                                                         "\"values\":"
	                                                         "\"float\"}") "," FIELD("f",
	                                                                                 "{\"type\":"
	                                                                                 "\"array\","
	                                                                                 "\"items\":"
	                                                                                 "\"string\"}") "," FIELD("g",
	                                                                                                          "{\"t"
	                                                                                                          "ype"
	                                                                                                          "\":"
	                                                                                                          "\"en"
	                                                                                                          "um\""
	                                                                                                          ",\"n"
	                                                                                                          "ame"
	                                                                                                          "\":"
	                                                                                                          "\"e"
	                                                                                                          "\","
	                                                                                                          "\"sy"
	                                                                                                          "mbol"
	                                                                                                          "s\":"
	                                                                                                          "[\"A"
	                                                                                                          "\"]"
	                                                                                                          "}"));

	read_records(schema, 1,
	             RECORDS("\x02"
	                     "\x00\x01\x00\x00\x00\x00\x00\x00\xF8\x7F\x02\x64\x04\xFF\x00\x02\x02k\x00\x00\xC0\x3F\x00"
	                     "\x02\x02q\x00\x00"
	                     "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
	             NULL);
	gives("n:u a:b b:g c:d:4,2 d:z e:+m(entries:+s(key:u value:f)) f:+l(item:u) g:u",
	      "{n=\"{\"n\":null,\"a\":true,\"b\":\"NaN\",\"c\":1.00,\"d\":\"/wA=\",\"e\":{\"k\":1.5},\"f\":[\"q\"],"
	      "\"g\":\"A\"}\" a=0 b=0 c=0000000000000000 d=\"\" e=[] f=[] g=\"A\"}\n",
	      "");
}
END_TEST

/* Where it is JSON, what is wrong with a value is told too. */
START_TEST(a_flaw_within_json_rejects_the_record)
{
	static const struct {
		const char *type, *records;
		size_t n;
		const char *code;
	} flaws[] = {
		{"\"boolean\"", RECORDS("\x02\x00\x07\x00"), "avro.range:n"},
		{"\"int\"", RECORDS("\x02\x00\x80\x80\x80\x80\x10\x00"), "avro.range:n"},
		{"\"string\"", RECORDS("\x02\x00\x02\xFF\x00"), "avro.utf8:n"},
		{"{\"type\":\"map\",\"values\":\"null\"}", RECORDS("\x02\x00\x02\x02\xFF\x00\x00"), "avro.utf8:n"},
		{"{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"]}", RECORDS("\x02\x00\x02\x00"),
	         "avro.symbol:n"},
		{"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":2}", RECORDS("\x02\x00\x02\x64\x00"),
	         "avro.range:n"},
	};

	for (size_t i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
		char schema[256];

		snprintf(schema, sizeof(schema), RECORD(FIELD("n", "[\"null\",\"r\"]") "," FIELD("x", "%s")),
		         flaws[i].type);
		read_records(schema, 1, flaws[i].records, flaws[i].n, NULL);
		ck_assert_msg(rows.status == ORASI_END, "%s: %s", flaws[i].type, rows.error.message);
		ck_assert_uint_eq(rows.rows, 0);
		ck_assert_uint_eq(fakehost_rejects(fake), 1);
		ck_assert_str_eq(fakehost_reject(fake, 0)->column, "n");
		ck_assert(!strncmp(fakehost_reject(fake, 0)->code, flaws[i].code, strlen(flaws[i].code) - 2));
	}
}
END_TEST

START_TEST(values_too_deep_within_each_other_are_told)
{
	static const char list[] = RECORD(FIELD("next", "[\"null\",\"r\"]"));
	char links[3000];

	memset(links, 2, sizeof(links));
	links[sizeof(links) - 1] = 0;
	read_records(list, 1, links, sizeof(links), NULL);
	fails(ORASI_E_LIMIT, "deeper within each other than 1000");
}
END_TEST

/* ---- values that cannot be --------------------------------------------------------------------------------------- */

START_TEST(a_record_with_a_value_that_cannot_be_is_rejected_and_the_next_is_read)
{
	static const char pair[] = RECORD(FIELD("a", "\"string\"") "," FIELD("b", "\"long\""));

	read_records(pair, 3, RECORDS("\x02q\x02\x02\xFF\x04\x02r\x06"), NULL);
	gives("a:u b:l", "{a=\"q\" b=1}\n{a=\"r\" b=3}\n", "avro.utf8:a");
	ck_assert_uint_eq(fakehost_reject(fake, 0)->raw_len, 3);
	ck_assert_mem_eq(fakehost_reject(fake, 0)->raw, "\x02\xFF\x04", 3);
	ck_assert_int_eq(fakehost_reject(fake, 0)->row, 1);
	X("\"boolean\"", "\x02");
	gives("x:b", "", "avro.range:x");
	X("\"int\"", "\x80\x80\x80\x80\x10");
	gives("x:i", "", "avro.range:x");
	X("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"]}", "\x02");
	gives("x:u", "", "avro.symbol:x");
	X("{\"type\":\"map\",\"values\":\"int\"}", "\x02\x02\xFF\x02\x00");
	gives("x:+m(entries:+s(key:u value:i))", "", "avro.utf8:x");
}
END_TEST

START_TEST(where_the_next_value_begins_is_known_or_the_block_is_damaged)
{
	static const struct {
		const char *type, *records;
		size_t n;
		const char *words;
	} damages[] = {
		{"\"long\"", RECORDS("\x80"), "ends within a number"},
		{"\"long\"", RECORDS("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"), "more than 64 bits"},
		{"\"string\"", RECORDS("\x04q"), "longer than its block"},
		{"\"string\"", RECORDS("\x01"), "longer than its block"},
		{"\"double\"", RECORDS("1234567"), "ends within a value"},
		{"[\"null\",\"long\"]", RECORDS("\x04"), "no branch of that number"},
		{"[\"null\",\"long\"]", RECORDS("\x01"), "no branch of that number"},
		{"[\"boolean\",\"long\"]", RECORDS("\x04"), "no branch of that number"},
		{"{\"type\":\"array\",\"items\":\"long\"}", RECORDS("\x06\x02"), "more items than its block"},
		{"{\"type\":\"array\",\"items\":[\"null\",\"long\"]}", RECORDS("\x02\x04\x00"),
	         "no branch of that number"},
		{"{\"type\":\"map\",\"values\":[\"null\",\"long\"]}", RECORDS("\x02\x02k\x04\x00"),
	         "no branch of that number"},
		{"\"null\"", RECORDS("\x01"), "bytes follow its last record"},
	};

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		char schema[256];

		snprintf(schema, sizeof(schema), RECORD(FIELD("x", "%s")), damages[i].type);
		read_records(schema, 1, damages[i].records, damages[i].n, NULL);
		fails(ORASI_E_CORRUPT, damages[i].words);
	}
}
END_TEST

/* Where it is JSON, too, and in what is stepped over. */
START_TEST(damage_within_items_is_not_passed_over)
{
	static const char in_json[] = RECORD(FIELD("n", "[\"null\",\"r\"]") "," FIELD("x", "%s"));
	static const char *const types[] = {"{\"type\":\"array\",\"items\":[\"null\",\"long\"]}",
	                                    "{\"type\":\"map\",\"values\":[\"null\",\"long\"]}"};
	static const char records[][9] = {"\x02\x00\x02\x04\x00\x00", "\x02\x00\x02\x02k\x04\x00\x00"};
	static const size_t sizes[] = {6, 8};
	char schema[256];

	snprintf(schema, sizeof(schema), in_json, types[_i]);
	read_records(schema, 1, records[_i], sizes[_i], NULL);
	fails(ORASI_E_CORRUPT, "no branch of that number");
	for (int projected = 0; projected < 2; projected++) {
		struct buf file = {0};

		snprintf(schema, sizeof(schema), RECORD(FIELD("x", "%s") "," FIELD("y", "\"boolean\"")), types[_i]);
		put_header(&file, schema, NULL);
		put_block(&file, 1, records[_i] + 2, sizes[_i] - 2);
		read_file(&file, (struct rows_options){.want = "y:b", .flags = projected ? ORASI_OPEN_PROJECT : 0});
		fails(ORASI_E_CORRUPT, "no branch of that number");
		buf_done(&file);
	}
}
END_TEST

START_TEST(rows_before_the_damage_are_given_out)
{
	read_records(RECORD(FIELD("x", "\"long\"")), 3, RECORDS("\x02\x04\x80"), NULL);
	fails(ORASI_E_CORRUPT, "the block at byte 102 is damaged at its record 2: the block ends within a number");
	ck_assert_str_eq(rows.text.data, "{x=1}\n{x=2}\n");
}
END_TEST

/* ---- bounds ------------------------------------------------------------------------------------------------------ */

START_TEST(a_million_values_of_no_bytes_need_none)
{
	read_records(RECORD(FIELD("x", "\"null\"")), 1000000, "", 0, NULL);
	ck_assert_int_eq(rows.status, ORASI_END);
	ck_assert_uint_eq(rows.rows, 1000000);
}
END_TEST

/* By a few bytes one could ask for work without end. */
START_TEST(more_values_of_no_bytes_than_a_file_may_have_are_told)
{
	read_records(RECORD(FIELD("x", "\"null\"")), 1LL << 40, "", 0, NULL);
	fails(ORASI_E_LIMIT, "more values without a byte than a file may have");
	X("{\"type\":\"array\",\"items\":\"null\"}", "\x80\x80\x80\x80\x80\x01\x00");
	fails(ORASI_E_LIMIT, "more values without a byte than a file may have");
	X("{\"type\":\"array\",\"items\":" NAMED("i", FIELD("a", "\"null\"") "," FIELD("b", "\"null\"")) "}",
	  "\x80\x80\x80\x08\x00"); /* 8 million, of three each */
	fails(ORASI_E_LIMIT, "more values without a byte than a file may have");
	X("{\"type\":\"array\",\"items\":" NAMED("i", FIELD("a", "\"i\"")) "}", "\x02\x00"); /* it has no end */
	fails(ORASI_E_LIMIT, "more values without a byte than a file may have");
}
END_TEST

static void read_with_bound(const char *type, const char *records, size_t n, int64_t count)
{
	struct buf file = {0};
	char schema[1024];

	snprintf(schema, sizeof(schema), RECORD(FIELD("x", "%s")), type);
	put_header(&file, schema, NULL);
	put_block(&file, count, records, n);
	read_file(&file, (struct rows_options){.max_bytes = 10000});
	buf_done(&file);
}

/* A byte in the file may be many in the columns. */
START_TEST(a_batch_is_bounded_by_what_its_columns_take)
{
	char ones[1000];

	memset(ones, 0, sizeof(ones));
	read_with_bound("[\"null\",{\"type\":\"fixed\",\"name\":\"f\",\"size\":200}]", ones, sizeof(ones),
	                sizeof(ones));
	ck_assert_uint_eq(rows.rows, sizeof(ones));
	ck_assert_uint_ge(rows.batches, 20);
	read_with_bound("[\"null\",{\"type\":\"fixed\",\"name\":\"f\",\"size\":200000000}]", ones, sizeof(ones),
	                sizeof(ones));
	ck_assert_uint_eq(rows.rows, sizeof(ones));
	ck_assert_uint_eq(rows.batches, 1);
	read_with_bound(
		"{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A_SYMBOL_THAT_IS_AS_LONG_AS_ONE_CAN_BE_HERE\"]}",
		ones, sizeof(ones), sizeof(ones));
	ck_assert_uint_eq(rows.rows, sizeof(ones));
	ck_assert_uint_ge(rows.batches, 4);
	read_with_bound("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":2000,\"scale\":1000}", ones,
	                sizeof(ones), sizeof(ones));
	ck_assert_uint_eq(rows.rows, sizeof(ones));
	ck_assert_uint_ge(rows.batches, 90);
}
END_TEST

/* Each turn of the list is a symbol of 1000 bytes. */
START_TEST(a_record_of_more_than_512_mib_is_told)
{
	struct buf schema = {0}, records = {0};

	buf_puts(&schema, "{\"type\":\"array\",\"items\":{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"");
	for (int i = 0; i < 1000; i++)
		buf_putc(&schema, 'A');
	buf_puts(&schema, "\"]}}");
	put_long(&records, 600000);
	for (int i = 0; i < 600000; i++)
		buf_putc(&records, 0);
	put_long(&records, 0);
	read_records(schema.data, 1, records.data, records.len, NULL);
	fails(ORASI_E_LIMIT, "becomes larger than 512 MiB");
	buf_done(&schema);
	buf_done(&records);
}
END_TEST

static void value_cases(Suite *suite)
{
	TCase *tc = tcase_create("values");

	tcase_add_checked_fixture(tc, making_setup, making_teardown);
	tcase_add_test(tc, each_primitive_type_has_its_column);
	tcase_add_test(tc, numbers_reach_from_their_least_to_their_most);
	tcase_add_test(tc, an_enum_is_the_text_of_its_symbol);
	tcase_add_test(tc, records_stand_within_records);
	tcase_add_test(tc, lists_and_maps_come_in_blocks_with_and_without_a_size);
	tcase_add_test(tc, a_union_with_null_is_a_column_that_may_be_null);
	tcase_add_test(tc, a_union_of_numbers_is_the_wider_of_them);
	tcase_add_test(tc, another_union_is_a_struct_with_a_member_for_each_of_its_types);
	tcase_add_test(tc, dates_and_times_are_columns_of_their_own);
	tcase_add_test(tc, decimals_keep_their_value_from_bytes_of_any_length);
	tcase_add_test(tc, a_decimal_of_more_than_38_digits_is_text);
	tcase_add_test(tc, uuids_and_durations_are_text);
	tcase_add_test(tc, a_logical_type_that_does_not_fit_is_ignored);
	tcase_add_test(tc, what_contains_itself_is_json_where_it_does);
	tcase_add_test(tc, json_holds_every_type);
	tcase_add_test(tc, a_flaw_within_json_rejects_the_record);
	tcase_add_test(tc, values_too_deep_within_each_other_are_told);
	tcase_add_test(tc, a_record_with_a_value_that_cannot_be_is_rejected_and_the_next_is_read);
	tcase_add_test(tc, where_the_next_value_begins_is_known_or_the_block_is_damaged);
	tcase_add_loop_test(tc, damage_within_items_is_not_passed_over, 0, 2);
	tcase_add_test(tc, rows_before_the_damage_are_given_out);
	tcase_add_test(tc, a_million_values_of_no_bytes_need_none);
	tcase_add_test(tc, more_values_of_no_bytes_than_a_file_may_have_are_told);
	tcase_add_test(tc, a_batch_is_bounded_by_what_its_columns_take);
	tcase_add_test(tc, a_record_of_more_than_512_mib_is_told);
	suite_add_tcase(suite, tc);
}

TEST_MAIN("ingest-avro values", value_cases)
