/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoder makes of delimited text: dialects, headers, types, rejects, marks, ranges; and back again. */
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

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
	fakehost_free(fake);
	fake = fakehost_new();
	fakehost_source_init(&source, text, strlen(text), 1);
	rows_run(&rows, fake, &source.source, &options);
}

/* "code@line code@line" of all rejects. */
static const char *rejects(void)
{
	static char text[1024];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < fakehost_rejects(fake); i++) {
		const struct fakehost_reject *r = fakehost_reject(fake, i);

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s@%lld", i ? " " : "", r->code,
		                      (long long)r->line);
	}
	return text;
}

static void expect(const char *schema, const char *text, const char *rejected)
{
	ck_assert_msg(rows.status == ORASI_END, "status %d: %s", rows.status, rows.error.message);
	ck_assert_str_eq(rows.schema.data, schema);
	ck_assert_str_eq(rows.text.data, text);
	ck_assert_str_eq(rejects(), rejected);
}

/* The text, with these options, becomes these columns, rows and rejects. */
static void is(const char *text, const char *config, const char *schema, const char *wanted, const char *rejected)
{
	run_with(text, (struct rows_options){.config = config});
	expect(schema, wanted, rejected);
}

static void fails(const char *text, const char *config, orasi_status status, const char *words)
{
	run_with(text, (struct rows_options){.config = config});
	ck_assert_int_eq(rows.status, status);
	ck_assert_msg(strstr(rows.error.message, words) != NULL, "%s", rows.error.message);
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

START_TEST(lines_become_rows_with_types)
{
	is("id,name,size,ok\n1,Ann,2.5,true\n2,Bob,3,false\n", NULL, "id:l name:u size:g ok:b",
	   "{id=1 name=\"Ann\" size=2.5 ok=1}\n{id=2 name=\"Bob\" size=3 ok=0}\n", "");
}
END_TEST

START_TEST(quotes_hide_delimiters_line_ends_and_doubled_quotes)
{
	is("a,b\r\n\"x,y\",1\r\n\"two\r\nlines\",2\r\n\"say \"\"hi\"\"\",3\r\n\"\",4", NULL, "a:u b:l",
	   "{a=\"x,y\" b=1}\n{a=\"two\r\nlines\" b=2}\n{a=\"say \"hi\"\" b=3}\n{a=\"\" b=4}\n", "");
}
END_TEST

START_TEST(an_empty_field_is_null_and_an_empty_text_in_quotes_is_none)
{
	is("a,b\n,1\n\"\",\nx,\"\"\n", NULL, "a:u b:l", "{a=null b=1}\n{a=\"\" b=null}\n{a=\"x\" b=null}\n", "");
}
END_TEST

START_TEST(a_quote_inside_of_a_field_is_a_byte)
{
	is("a,b\n5\" pipe,1\nO'Neil \"x\",2\n", NULL, "a:u b:l", "{a=\"5\" pipe\" b=1}\n{a=\"O'Neil \"x\"\" b=2}\n",
	   "");
}
END_TEST

START_TEST(empty_lines_are_no_records_unless_there_is_one_column)
{
	is("a,b\n\n1,2\n  \n3,4\n\n", NULL, "a:l b:l", "{a=1 b=2}\n{a=3 b=4}\n", "");
	is("a\n1\n\n2\n", NULL, "a:l", "{a=1}\n{a=null}\n{a=2}\n", "");
}
END_TEST

START_TEST(line_ends_of_every_system)
{
	is("a,b\r1,x\r2,y\r", NULL, "a:l b:u", "{a=1 b=\"x\"}\n{a=2 b=\"y\"}\n", "");
	is("a,b\r\n1,x\n2,y\r\n", NULL, "a:l b:u", "{a=1 b=\"x\"}\n{a=2 b=\"y\"}\n", "");
	is("a,b\n1,x\r", NULL, "a:l b:u", "{a=1 b=\"x\"}\n", "");
}
END_TEST

START_TEST(a_byte_order_mark_is_no_part_of_the_first_name)
{
	is("\xEF\xBB\xBF"
	   "a,b\n1,2\n",
	   NULL, "a:l b:l", "{a=1 b=2}\n", "");
	fails("\xFF\xFE"
	      "abc",
	      NULL, ORASI_E_UNSUPPORTED, "iconv");
}
END_TEST

START_TEST(an_empty_source_has_no_columns)
{
	is("", NULL, "", "", "");
	is("\n\n", NULL, "", "", "");
	run_with("", (struct rows_options){.want = "a:l"});
	expect("a:l", "", "");
}
END_TEST

/* ---- dialects ---------------------------------------------------------------------------------------------------- */

START_TEST(the_delimiter_is_found)
{
	is("a;b;c\n1,5;x, y;2\n2,5;z, w;3\n", NULL, "a:u b:u c:l",
	   "{a=\"1,5\" b=\"x, y\" c=2}\n{a=\"2,5\" b=\"z, w\" c=3}\n", "");
	is("a\tb\n1\tx y\n", NULL, "a:l b:u", "{a=1 b=\"x y\"}\n", "");
	is("a|b\n1|x,y\n2|z\n", NULL, "a:l b:u", "{a=1 b=\"x,y\"}\n{a=2 b=\"z\"}\n", "");
	is("a,b\n\"1;2;3\",x\n\"4;5;6\",y\n", NULL, "a:u b:u", "{a=\"1;2;3\" b=\"x\"}\n{a=\"4;5;6\" b=\"y\"}\n", "");
}
END_TEST

START_TEST(the_delimiter_between_fields_that_are_all_quoted_is_found)
{
	static const char delimiters[] = {',', ';', '\t', '|'};

	for (size_t i = 0; i < sizeof(delimiters); i++) {
		char text[64];

		snprintf(text, sizeof(text), "'a'%c'b'\n'x, y; z'%c'1'\n", delimiters[i], delimiters[i]);
		is(text, NULL, "a:u b:l", "{a=\"x, y; z\" b=1}\n", "");
		for (char *quote = text; (quote = strchr(quote, '\'')); quote++)
			*quote = '"';
		is(text, NULL, "a:u b:l", "{a=\"x, y; z\" b=1}\n", "");
	}
}
END_TEST

START_TEST(what_spreadsheets_declare_counts)
{
	is("sep=;\r\na;b\r\n1;2\r\n", NULL, "a:l b:l", "{a=1 b=2}\n", "");
	ck_assert_int_eq(fakehost_reject(fake, 0) != NULL, 0);
}
END_TEST

START_TEST(single_quotes_are_found_where_no_others_are)
{
	is("a,b\n'x,y',1\n'it''s',2\n", NULL, "a:u b:l", "{a=\"x,y\" b=1}\n{a=\"it's\" b=2}\n", "");
	is("a,b\n'x,1\n", NULL, "a:u b:l", "{a=\"'x\" b=1}\n", "");
}
END_TEST

START_TEST(the_dialect_may_be_given)
{
	is("a:b\n~x:y~:1\n", "{\"delimiter\":\":\",\"quote\":\"~\"}", "a:u b:l", "{a=\"x:y\" b=1}\n", "");
	is("a,b\n\"x,1\n", "{\"quote\":\"none\"}", "a:u b:l", "{a=\"\"x\" b=1}\n", "");
	is("a,b\n\"x \\\" \\\\ y\",1\n", "{\"escape\":\"\\\\\"}", "a:u b:l", "{a=\"x \" \\ y\" b=1}\n", "");
	is("a , b\n \"x\" , 1 \n", "{\"trim\":true}", "a:u b:l", "{a=\"x\" b=1}\n", "");
	is("# made by hand\na,b\n#1,2\n3,4\n", "{\"comment\":\"#\"}", "a:l b:l", "{a=3 b=4}\n", "");
	is("made by hand\n\na,b\n3,4\n", "{\"skip\":2}", "a:l b:l", "{a=3 b=4}\n", "");
	is("a,b\nNA,-\n1,x\n", "{\"nulls\":[\"NA\",\"-\"]}", "a:l b:u", "{a=null b=null}\n{a=1 b=\"x\"}\n", "");
}
END_TEST

START_TEST(what_cannot_be_is_refused_with_its_option)
{
	fails("a\n", "{\"delimiter\":\"xx\"}", ORASI_E_CONFIG, "delimiter");
	fails("a\n", "{\"delimiter\":\"5\"}", ORASI_E_CONFIG, "delimiter");
	fails("a\n", "{\"delimiter\":\";\",\"quote\":\";\"}", ORASI_E_CONFIG, "two of");
	fails("a\n", "{\"decimal\":\"x\"}", ORASI_E_CONFIG, "decimal");
	fails("a\n", "{\"decimal\":\",\",\"thousands\":\",\"}", ORASI_E_CONFIG, "thousands");
	fails("a,b\n1,2\n", "{\"names\":[\"x\"]}", ORASI_E_CONFIG, "names");
	fails("a,b\n1,2\n", "{\"max_columns\":1}", ORASI_E_LIMIT, "max_columns");
}
END_TEST

START_TEST(lines_before_the_header_are_never_passed_over)
{
	fails("Report of May\na,b,c\n1,2,3\n4,5,6\n7,8,9\n", NULL, ORASI_E_CORRUPT, "option 'skip'");
}
END_TEST

/* ---- headers ----------------------------------------------------------------------------------------------------- */

START_TEST(a_header_is_told_from_values)
{
	is("1,x\n2,y\n", NULL, "column1:l column2:u", "{column1=1 column2=\"x\"}\n{column1=2 column2=\"y\"}\n", "");
	is("00123,x\n00456,y\n", NULL, "column1:u column2:u",
	   "{column1=\"00123\" column2=\"x\"}\n{column1=\"00456\" column2=\"y\"}\n", "");
	is("id,2020,2021\n1,1.5,2\n", NULL, "id:l 2020:g 2021:l", "{id=1 2020=1.5 2021=2}\n", "");
	is("a,b\nx,y\n", NULL, "a:u b:u", "{a=\"x\" b=\"y\"}\n", "");
	is("x,x\ny,z\n", NULL, "column1:u column2:u", "{column1=\"x\" column2=\"x\"}\n{column1=\"y\" column2=\"z\"}\n",
	   "");
	is("a,b\n", NULL, "a:u b:u", "", "");
	is("1,2\n", NULL, "column1:l column2:l", "{column1=1 column2=2}\n", "");
}
END_TEST

START_TEST(a_header_may_be_said_to_be_there_or_not)
{
	is("1,x\n2,y\n", "{\"header\":\"present\"}", "1:l x:u", "{1=2 x=\"y\"}\n", "");
	is("a,b\nx,y\n", "{\"header\":\"absent\"}", "column1:u column2:u",
	   "{column1=\"a\" column2=\"b\"}\n{column1=\"x\" column2=\"y\"}\n", "");
	is("1,x\n", "{\"names\":[\"id\",\"name\"]}", "id:l name:u", "{id=1 name=\"x\"}\n", "");
}
END_TEST

START_TEST(names_that_are_equal_or_missing_get_numbers)
{
	is("x,x,x_2,,x\n1,2,3,4,5\n", NULL, "x:l x_3:l x_2:l column4:l x_4:l", "{x=1 x_3=2 x_2=3 column4=4 x_4=5}\n",
	   "");
}
END_TEST

START_TEST(the_evidence_is_told)
{
	run_with("id;name;n\n1;x;7\n2;y;\n3;z;many\n", (struct rows_options){0});
	ck_assert_uint_eq(
		fakehost_logs_with(fake, "inferred a dialect delimiter=; quote=\" header=present because=text above "
	                                 "a column of other values columns=3 agreeing=4 of=4"),
		1);
	ck_assert_uint_eq(fakehost_logs_with(fake, "inferred column column=id type=l seen=3 nulls=0 example=1"), 1);
	ck_assert_uint_eq(
		fakehost_logs_with(fake, "inferred column column=n type=u seen=2 nulls=1 example=7 because=many"), 1);
}
END_TEST

/* ---- types ------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *values; /* of one column, divided by '|' as the rows */
	const char *type, *rows;
} columns[] = {
	{"9223372036854775807|-9223372036854775808", "l", "9223372036854775807|-9223372036854775808"},
	{"9223372036854775808|1", "u", "\"9223372036854775808\"|\"1\""},
	{"007|008", "u", "\"007\"|\"008\""},
	{"+4912|1", "u", "\"+4912\"|\"1\""},
	{"1|2.5", "g", "1|2.5"},
	{".5|-.25", "g", "0.5|-0.25"},
	{"1e3|5", "g", "1000|5"},
	{"0.12345678901234567890|1.5", "u", "\"0.12345678901234567890\"|\"1.5\""},
	{"12345678901234567.25|1", "u", "\"12345678901234567.25\"|\"1\""},
	{"2.500000000000000000e+00|0.50000000000000000000|-1.50000000000000000000000", "g", "2.5|0.5|-1.5"},
	{"nan|1", "g", "nan|1"},
	{"nan|inf", "u", "\"nan\"|\"inf\""},
	{"TRUE|false", "b", "1|0"},
	{"true|1", "u", "\"true\"|\"1\""},
	{"1970-01-02|1970-01-03", "tdD", "1|2"},
	{"1970-01-01T00:00:01Z|1970-01-02", "tsu:UTC", "1000000|86400000000"},
	{"1970-01-01 00:00:01.5|1970-01-01 01:00:00+01:00", "tsu:UTC", "1500000|0"},
	{"01/31/2026|02/01/2026", "u", "\"01/31/2026\"|\"02/01/2026\""},
	{" 1|2 ", "l", "1|2"},
	{" x|y ", "u", "\" x\"|\"y \""},
	{"|", "u", "null|null"},
	{"1|  ", "l", "1|null"},
};

/* Each part of `parts` between the two texts. */
static void spread(struct buf *ret, const char *before, const char *parts, const char *behind)
{
	for (;; parts++) {
		size_t n = strcspn(parts, "|");

		buf_printf(ret, "%s%.*s%s", before, (int)n, parts, behind);
		parts += n;
		if (!*parts)
			return;
	}
}

START_TEST(a_column_gets_the_type_of_its_values)
{
	struct buf text, wanted;
	char schema[32];

	buf_init(&text, 0);
	buf_init(&wanted, 0);
	buf_puts(&text, "name,v\n");
	spread(&text, "x,", columns[_i].values, "\n");
	spread(&wanted, "{name=\"x\" v=", columns[_i].rows, "}\n");
	snprintf(schema, sizeof(schema), "name:u v:%s", columns[_i].type);
	is(text.data, NULL, schema, wanted.data, "");
	buf_done(&text);
	buf_done(&wanted);
}
END_TEST

START_TEST(decimal_commas_and_groups)
{
	is("a;b\n1.234,5;x\n-1.234.567;y\n,25;z\n12.34;w\n",
	   "{\"decimal\":\",\",\"thousands\":\".\",\"sample_rows\":3}", "a:g b:u",
	   "{a=1234.5 b=\"x\"}\n{a=-1234567 b=\"y\"}\n{a=0.25 b=\"z\"}\n", "type.mismatch@5");
	is("a;b\n1.5;x\n", "{\"decimal\":\",\"}", "a:u b:u", "{a=\"1.5\" b=\"x\"}\n", "");
}
END_TEST

START_TEST(types_may_be_left_alone)
{
	is("a,b\n1,2026-01-01\n", "{\"infer_types\":false}", "a:u b:u", "{a=\"1\" b=\"2026-01-01\"}\n", "");
	is("a,b\n1,2026-01-01\n", "{\"infer_timestamps\":false}", "a:l b:u", "{a=1 b=\"2026-01-01\"}\n", "");
}
END_TEST

START_TEST(columns_that_are_wanted_keep_their_types)
{
	run_with("b,a,c\n1,7,true\n2,x,false\n3,,\n",
	         (struct rows_options){.want = "a:s b:u d:L", .config = "{\"unknown_columns\":\"ignore\"}"});
	expect("a:s b:u d:L", "{a=7 b=\"1\" d=null}\n{a=null b=\"3\" d=null}\n", "type.mismatch@3");
	run_with("b,a,c\n1,7,true\n", (struct rows_options){.want = "a:s b:u"});
	expect("a:s b:u c:b", "{a=7 b=\"1\" c=1}\n", "");
	run_with("b,a,c\n1,7,true\n", (struct rows_options){.want = "c:b", .flags = ORASI_OPEN_PROJECT});
	expect("c:b", "{c=1}\n", "");
	run_with("b,a,c\n1,7,true\n",
	         (struct rows_options){.want = "a:l", .config = "{\"unknown_columns\":\"reject\"}"});
	ck_assert_int_eq(rows.status, ORASI_E_CONFIG);
	run_with("a,b\n1.25,3\n1.255,4\n", (struct rows_options){.want = "a:d:9,2 b:C"});
	expect("a:d:9,2 b:C", "{a=7d00000000000000 b=3}\n", "type.mismatch@3");
}
END_TEST

/* ---- rejects ----------------------------------------------------------------------------------------------------- */

START_TEST(a_bad_record_harms_no_other)
{
	is("a,b\n1,2\n3\n4,5,6\n7,\"x\"y\n8,\xFF\n9,10\n", "{\"sample_rows\":1}", "a:l b:l", "{a=1 b=2}\n{a=9 b=10}\n",
	   "csv.missing@3 csv.extra@4 csv.quote@5 csv.utf8@6");
	ck_assert_int_eq(fakehost_reject(fake, 0)->byte_offset, 8);
	ck_assert_str_eq((const char *)fakehost_reject(fake, 0)->raw, "3");
	ck_assert_int_eq(fakehost_reject(fake, 0)->row, 1);
	ck_assert_ptr_nonnull(
		strstr(fakehost_reject(fake, 0)->message, "fewer fields than columns: 1, and there are 2"));
	ck_assert_str_eq((const char *)fakehost_reject(fake, 2)->raw, "7,\"x\"y");
}
END_TEST

START_TEST(a_value_of_another_type_is_shown_with_its_column)
{
	is("a,b\n1,2\nmany,3\n", "{\"sample_rows\":1}", "a:l b:l", "{a=1 b=2}\n", "type.mismatch@3");
	ck_assert_str_eq(fakehost_reject(fake, 0)->column, "a");
	ck_assert_str_eq(fakehost_reject(fake, 0)->message, "a: not a number: many");
}
END_TEST

START_TEST(one_stray_quote_costs_one_line)
{
	is("a,b\n1,2\n3,\"x\n4,5\n6,7\n", "{\"sample_rows\":1}", "a:l b:l", "{a=1 b=2}\n{a=4 b=5}\n{a=6 b=7}\n",
	   "csv.unclosed@3");
	ck_assert_str_eq((const char *)fakehost_reject(fake, 0)->raw, "3,\"x");
}
END_TEST

START_TEST(what_is_too_long_goes_and_what_follows_is_read)
{
	char *text = malloc(20000), *p = text;

	p += sprintf(p, "a,b\n1,");
	memset(p, 'x', 5000);
	p += 5000;
	p += sprintf(p, "\n2,\"");
	memset(p, 'y', 900);
	p += 900;
	p += sprintf(p, "\n");
	memset(p, 'z', 900);
	p += 900;
	sprintf(p, "\"\n3,4\n");
	is(text, "{\"max_record\":1024,\"sample_bytes\":1024}", "a:u b:u", "{a=\"3\" b=\"4\"}\n",
	   "csv.too-long@2 csv.unclosed@3 csv.missing@4");
	ck_assert_uint_eq(fakehost_reject(fake, 0)->raw_len, 5003);
	free(text);
}
END_TEST

START_TEST(short_records_may_be_filled)
{
	is("a,b,c\n1\n2,x\n3,y,z\n4,y,z,w\n", "{\"fill\":true}", "a:l b:u c:u",
	   "{a=1 b=null c=null}\n{a=2 b=\"x\" c=null}\n{a=3 b=\"y\" c=\"z\"}\n", "csv.extra@5");
}
END_TEST

START_TEST(a_delimiter_at_the_end_of_a_record_is_no_field)
{
	is("a,b\n1,2,\n3,4\n", NULL, "a:l b:l", "{a=1 b=2}\n{a=3 b=4}\n", "");
	is("a,b,\n1,2,\n", NULL, "a:l b:l column3:u", "{a=1 b=2 column3=null}\n", "");
}
END_TEST

START_TEST(without_a_quarantine_the_first_bad_record_ends_it)
{
	struct fakehost_source source;
	const char *text = "a,b\n1,2\n3\n4,5\n6,7\n8,9\n";

	fakehost_hide(fake, ORASI_HOST_REJECT);
	fakehost_source_init(&source, text, strlen(text), 1);
	rows_run(&rows, fake, &source.source, &(struct rows_options){0});
	ck_assert_int_eq(rows.status, ORASI_E_CORRUPT);
	ck_assert_int_eq(rows.error.row, 1);
	ck_assert_str_eq(rows.text.data, "{a=1 b=2}\n");
}
END_TEST

/* ---- places ------------------------------------------------------------------------------------------------------ */

static const char many[] = "a,b\n1,\"x\ny\"\n\n2,\"say \"\"1,2\"\"\"\n3\n4,\"\n\n\"\n5,z\r\n6,\"w\"\n";
#define MANY_ROWS 5

START_TEST(ranges_give_each_record_once_wherever_they_are_cut)
{
	struct buf all;

	run_with(many, (struct rows_options){0});
	buf_init(&all, 0);
	buf_add(&all, rows.text.data, rows.text.len);
	for (size_t cut = 1; cut < sizeof(many); cut++) {
		struct rows first;
		size_t rejected;

		run_with(many, (struct rows_options){.range_end = cut});
		first = rows;
		memset(&rows, 0, sizeof(rows));
		rejected = fakehost_rejects(fake);
		run_with(many, (struct rows_options){.range_begin = cut, .range_end = sizeof(many)});
		ck_assert_int_eq(first.status, ORASI_END);
		ck_assert_int_eq(rows.status, ORASI_END);
		buf_add(&first.text, rows.text.data, rows.text.len);
		ck_assert_msg(first.text.len == all.len && !memcmp(first.text.data, all.data, all.len),
		              "cut at %zu: %.*s", cut, (int)first.text.len, first.text.data);
		ck_assert_uint_eq(rejected + fakehost_rejects(fake), 1);
		rows_done(&first);
	}
	buf_done(&all);
}
END_TEST

START_TEST(reading_goes_on_at_every_mark)
{
	struct rows whole;

	run_with(many, (struct rows_options){.max_rows = 1, .keep_marks = 100});
	whole = rows;
	memset(&rows, 0, sizeof(rows));
	ck_assert_uint_eq(whole.n_marks, MANY_ROWS);
	for (size_t i = 0; i < whole.n_marks; i++) {
		orasi_bytes state = {(uint8_t *)whole.marks[i].data, whole.marks[i].len};

		run_with(many, (struct rows_options){.checkpoint = state});
		ck_assert_int_eq(rows.status, ORASI_END);
		ck_assert_str_eq(rows.text.data, whole.text.data + whole.mark_rows[i]);
		ck_assert_uint_eq(whole.mark_rejects[i] + fakehost_rejects(fake), 1);
	}
	run_with("a;b\n1;2\n",
	         (struct rows_options){.checkpoint = {(uint8_t *)whole.marks[0].data, whole.marks[0].len}});
	ck_assert_int_eq(rows.status, ORASI_E_STATE);
	run_with(many, (struct rows_options){.checkpoint = {(const uint8_t *)"nonsense", 8}});
	ck_assert_int_eq(rows.status, ORASI_E_STATE);
	rows_done(&whole);
}
END_TEST

START_TEST(it_does_not_matter_how_the_source_cuts_its_reads)
{
	struct buf all;

	run_with(many, (struct rows_options){0});
	buf_init(&all, 0);
	buf_add(&all, rows.text.data, rows.text.len + 1);
	for (size_t piece = 1; piece < 20; piece++) {
		struct fakehost_source source;

		fakehost_source_init(&source, many, sizeof(many) - 1, 0);
		source.max_read = piece;
		rows_done(&rows);
		rows_run(&rows, fake, &source.source, &(struct rows_options){.max_rows = 2});
		ck_assert_str_eq(rows.text.data, all.data);
	}
	buf_done(&all);
}
END_TEST

START_TEST(cancelling_ends_it)
{
	fakehost_cancel(fake, 1);
	struct fakehost_source source;

	fakehost_source_init(&source, many, sizeof(many) - 1, 1);
	rows_run(&rows, fake, &source.source, &(struct rows_options){0});
	ck_assert_int_eq(rows.status, ORASI_E_CANCELLED);
}
END_TEST

/* ---- sniffing ---------------------------------------------------------------------------------------------------- */

static const struct {
	const char *head, *name;
	uint32_t least, most;
} sniffs[] = {
	{"a,b\n1,2\n", "x.csv", 90, 100},
	{"a,b\n1,2\n", "x", 50, 70},
	{"a\n1\n", "x.csv", 30, 50},
	{"{\"a\":1,\"b\":2}\n{\"a\":1,\"b\":2}\n", "x", 0, 0},
	{"Once upon a time.\nThere", "x", 0, 0},
	{"", "x", 0, 0},
	{"a\tb\n1\t2\n", "x.tsv", 90, 100},
	{"\x00\x01,\n\x02,", "x", 0, 0},
	{"a,b\n\"1,\n2\",3\n", "x", 50, 70},
	{"\"a\";\"b\"\n\"1\";\"2\"\n", "x", 50, 70},
	{"Dear Sir,\nplease, send, money\n", "x", 0, 0},
};

START_TEST(delimited_text_is_told_from_other)
{
	const orasi_ingest_factory *factory = orasi_plugin_entry_v1()->get_factory(ORASI_INGEST_FACTORY);
	orasi_bytes head = {(const uint8_t *)sniffs[_i].head, strlen(sniffs[_i].head)};
	orasi_str name = {sniffs[_i].name, strlen(sniffs[_i].name)};
	uint32_t score = 999;

	ck_assert_int_eq(factory->sniff("org.orasi.ingest.csv", head, name, &score), ORASI_OK);
	ck_assert_msg(score >= sniffs[_i].least && score <= sniffs[_i].most, "%s: %u", sniffs[_i].head, score);
}
END_TEST

void write_cases(Suite *suite); /* test_write.c */

static void cases(Suite *suite)
{
	TCase *tests = tcase_create("decode");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, lines_become_rows_with_types);
	tcase_add_test(tests, quotes_hide_delimiters_line_ends_and_doubled_quotes);
	tcase_add_test(tests, an_empty_field_is_null_and_an_empty_text_in_quotes_is_none);
	tcase_add_test(tests, a_quote_inside_of_a_field_is_a_byte);
	tcase_add_test(tests, empty_lines_are_no_records_unless_there_is_one_column);
	tcase_add_test(tests, line_ends_of_every_system);
	tcase_add_test(tests, a_byte_order_mark_is_no_part_of_the_first_name);
	tcase_add_test(tests, an_empty_source_has_no_columns);
	tcase_add_test(tests, the_delimiter_is_found);
	tcase_add_test(tests, the_delimiter_between_fields_that_are_all_quoted_is_found);
	tcase_add_test(tests, what_spreadsheets_declare_counts);
	tcase_add_test(tests, single_quotes_are_found_where_no_others_are);
	tcase_add_test(tests, the_dialect_may_be_given);
	tcase_add_test(tests, what_cannot_be_is_refused_with_its_option);
	tcase_add_test(tests, lines_before_the_header_are_never_passed_over);
	tcase_add_test(tests, a_header_is_told_from_values);
	tcase_add_test(tests, a_header_may_be_said_to_be_there_or_not);
	tcase_add_test(tests, names_that_are_equal_or_missing_get_numbers);
	tcase_add_test(tests, the_evidence_is_told);
	tcase_add_loop_test(tests, a_column_gets_the_type_of_its_values, 0, sizeof(columns) / sizeof(columns[0]));
	tcase_add_test(tests, decimal_commas_and_groups);
	tcase_add_test(tests, types_may_be_left_alone);
	tcase_add_test(tests, columns_that_are_wanted_keep_their_types);
	tcase_add_test(tests, a_bad_record_harms_no_other);
	tcase_add_test(tests, a_value_of_another_type_is_shown_with_its_column);
	tcase_add_test(tests, one_stray_quote_costs_one_line);
	tcase_add_test(tests, what_is_too_long_goes_and_what_follows_is_read);
	tcase_add_test(tests, short_records_may_be_filled);
	tcase_add_test(tests, a_delimiter_at_the_end_of_a_record_is_no_field);
	tcase_add_test(tests, without_a_quarantine_the_first_bad_record_ends_it);
	tcase_add_test(tests, ranges_give_each_record_once_wherever_they_are_cut);
	tcase_add_test(tests, reading_goes_on_at_every_mark);
	tcase_add_test(tests, it_does_not_matter_how_the_source_cuts_its_reads);
	tcase_add_test(tests, cancelling_ends_it);
	tcase_add_loop_test(tests, delimited_text_is_told_from_other, 0, sizeof(sniffs) / sizeof(sniffs[0]));
	suite_add_tcase(suite, tests);
	write_cases(suite);
}

TEST_MAIN("ingest-csv", cases)
