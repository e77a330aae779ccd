/* SPDX-License-Identifier: Apache-2.0 */
/* What the encoder writes, and that the decoder reads it back. */
#include "lib/test.h"

#include <math.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "base/file.h"
#include "ingest-json/rows.h"

static struct fakehost *fake;
static struct fakehost_config *config;
static struct fakehost_output output;
static const orasi_encode_factory *factory;
static orasi_error error;
static void *encoder;

static void setup(void)
{
	const orasi_entry *entry = orasi_plugin_entry_v1();

	fake = fakehost_new();
	config = fakehost_config_new(NULL);
	fakehost_output_init(&output);
	entry->init(fakehost_host(fake), &error);
	factory = entry->get_factory(ORASI_ENCODE_FACTORY);
	ck_assert_int_eq(
		factory->create(fakehost_host(fake), entry->describe(0)->id, fakehost_config(config), &encoder, &error),
		ORASI_OK);
}

static void teardown(void)
{
	factory->destroy(encoder);
	fakehost_output_done(&output);
	fakehost_config_free(config);
	fakehost_free(fake);
}

/* Makes one column of `format` with the builder's help and expects the lines. */
struct column {
	struct ArrowSchema schema;
	struct arrow_builder *builder;
};

static void column_start(struct column *column, const char *format)
{
	ck_assert_int_eq(arrow_schema_make(&column->schema, "+s", "", 0, 1), 0);
	ck_assert_int_eq(arrow_schema_make(column->schema.children[0], format, "a", 1, 0), 0);
	column->builder = arrow_builder_new(column->schema.children[0]);
}

static void column_expect(struct column *column, const char *lines)
{
	struct ArrowArray child, batch;
	orasi_encode_info info = {.struct_size = sizeof(info)};
	int64_t n = arrow_builder_length(column->builder);

	ck_assert_int_eq(arrow_builder_finish(column->builder, &child), 0);
	ck_assert_int_eq(arrow_array_struct(&batch, n, &child, 1), 0);
	ck_assert_int_eq(
		factory->open(encoder,
	                      &(orasi_encode_open){sizeof(orasi_encode_open), 0, &output.output, &column->schema},
	                      &error),
		ORASI_OK);
	ck_assert_int_eq(factory->write(encoder, &batch, &error), ORASI_OK);
	ck_assert_int_eq(factory->finish(encoder, &info, &error), ORASI_OK);
	ck_assert_uint_eq(info.rows, (uint64_t)n);
	ck_assert_uint_eq(info.bytes, output.buf.len);
	ck_assert_str_eq(output.buf.data, lines);
	arrow_array_release(&batch);
	arrow_schema_release(&column->schema);
	arrow_builder_free(column->builder);
	buf_clear(&output.buf);
}

START_TEST(doubles_read_back_as_the_same_doubles)
{
	struct column c;

	column_start(&c, "g");
	arrow_append_double(c.builder, 0.1);
	arrow_append_double(c.builder, 3);
	arrow_append_double(c.builder, 1.0 / 3);
	arrow_append_double(c.builder, 5e-324);
	arrow_append_double(c.builder, -1e300);
	arrow_append_double(c.builder, NAN);
	arrow_append_double(c.builder, -INFINITY);
	column_expect(&c, "{\"a\":0.1}\n{\"a\":3.0}\n{\"a\":0.3333333333333333}\n"
	                  "{\"a\":4.94065645841247e-324}\n{\"a\":-1e+300}\n{\"a\":null}\n{\"a\":null}\n");
}
END_TEST

START_TEST(decimals_have_their_point)
{
	static const int64_t values[] = {12345, -5, 0, 100};
	struct column c;

	column_start(&c, "d:10,2");
	for (size_t i = 0; i < 4; i++) {
		__int128 v = values[i];

		arrow_append_fixed(c.builder, &v);
	}
	column_expect(&c, "{\"a\":123.45}\n{\"a\":-0.05}\n{\"a\":0.00}\n{\"a\":1.00}\n");
}
END_TEST

START_TEST(times_are_strings)
{
	struct column c;

	column_start(&c, "tsu:UTC");
	arrow_append_int(c.builder, 1500000);
	arrow_append_int(c.builder, -1);
	column_expect(&c, "{\"a\":\"1970-01-01T00:00:01.500000Z\"}\n"
	                  "{\"a\":\"1969-12-31T23:59:59.999999Z\"}\n");
	column_start(&c, "tss:");
	arrow_append_int(c.builder, 86399);
	column_expect(&c, "{\"a\":\"1970-01-01T23:59:59\"}\n");
	column_start(&c, "tdD");
	arrow_append_int(c.builder, -1);
	column_expect(&c, "{\"a\":\"1969-12-31\"}\n");
	column_start(&c, "ttm");
	arrow_append_int(c.builder, 3661001);
	column_expect(&c, "{\"a\":\"01:01:01.001\"}\n");
}
END_TEST

START_TEST(binary_is_base64)
{
	struct column c;

	column_start(&c, "z");
	arrow_append_bytes(c.builder, "", 0);
	arrow_append_bytes(c.builder, "f", 1);
	arrow_append_bytes(c.builder, "fo", 2);
	arrow_append_bytes(c.builder, "foo", 3);
	arrow_append_null(c.builder);
	column_expect(&c, "{\"a\":\"\"}\n{\"a\":\"Zg==\"}\n{\"a\":\"Zm8=\"}\n{\"a\":\"Zm9v\"}\n"
	                  "{\"a\":null}\n");
}
END_TEST

START_TEST(unsigned_integers_go_to_their_end)
{
	struct column c;

	column_start(&c, "L");
	arrow_append_int(c.builder, -1);
	column_expect(&c, "{\"a\":18446744073709551615}\n");
}
END_TEST

START_TEST(a_type_without_a_form_is_refused_by_name)
{
	struct ArrowSchema schema;

	schema_make(&schema, "big:d:50,2,256");
	ck_assert_int_eq(factory->open(encoder,
	                               &(orasi_encode_open){sizeof(orasi_encode_open), 0, &output.output, &schema},
	                               &error),
	                 ORASI_E_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(error.message, "'big'"));
	arrow_schema_release(&schema);
}
END_TEST

/* ---- there and back ----------------------------------------------------------------------- */

/* Decodes the text and encodes what comes; the schema must not grow. */
static void encode_text(const char *text, size_t len)
{
	const orasi_ingest_factory *decode = orasi_plugin_entry_v1()->get_factory(ORASI_INGEST_FACTORY);
	struct fakehost_source source;
	orasi_ingest_open open = {.struct_size = sizeof(open),
	                          .source = &source.source,
	                          .max_rows = 100,
	                          .max_bytes = 1 << 24};
	orasi_mark mark = {.struct_size = sizeof(mark)};
	orasi_encode_info info = {.struct_size = sizeof(info)};
	struct ArrowSchema schema;
	struct ArrowArray batch;
	void *self;

	fakehost_source_init(&source, text, len, 0);
	ck_assert_int_eq(
		decode->create(fakehost_host(fake), "org.orasi.ingest.json", fakehost_config(config), &self, &error),
		0);
	ck_assert_int_eq(decode->open(self, &open, &schema, &error), 0);
	ck_assert_int_eq(factory->open(encoder,
	                               &(orasi_encode_open){sizeof(orasi_encode_open), 0, &output.output, &schema},
	                               &error),
	                 0);
	while (!decode->next(self, &batch, &mark, &error)) {
		ck_assert_int_eq(factory->write(encoder, &batch, &error), 0);
		arrow_array_release(&batch);
	}
	ck_assert_int_eq(factory->finish(encoder, &info, &error), 0);
	arrow_schema_release(&schema);
	decode->destroy(self);
}

static void expect_same(const char *text, size_t len)
{
	struct fakehost_source source;
	struct rows before, after;

	buf_clear(&output.buf);
	encode_text(text, len);
	fakehost_source_init(&source, text, len, 0);
	rows_run(&before, fake, &source.source, &(struct rows_options){0});
	fakehost_source_init(&source, output.buf.data, output.buf.len, 0);
	rows_run(&after, fake, &source.source, &(struct rows_options){0});
	ck_assert_str_eq(after.schema.data, before.schema.data);
	ck_assert_str_eq(after.text.data, before.text.data);
	ck_assert_uint_eq(fakehost_rejects(fake), 0);
	rows_done(&before);
	rows_done(&after);
}

START_TEST(what_is_written_reads_back_the_same)
{
	static const char text[] = "{\"a\":1,\"b\":1.5,\"c\":\"x\\u0000\\\"\\\\\\n\\u20ac/"
				   "\",\"d\":true,\"t\":\"2020-01-01T00:00:00.5Z\","
				   "\"e\":\"2020-02-29\",\"s\":{\"x\":[1,2,null],\"y\":{\"z\":[]}},"
				   "\"m\":1,\"j\":{\"q\": [1,\n2]}}"
				   "{\"a\":-9223372036854775808,\"b\":1e300,\"c\":\"\",\"s\":null,"
				   "\"m\":\"1\",\"j\":\"str\"}"
				   "{\"k\\\"ey\":[[{\"l\":[{}]}]],\"j\":[]}";

	expect_same(text, strlen(text));
}
END_TEST

START_TEST(real_documents_come_back_the_same)
{
	static const char *const names[] = {"json/twitter.json", "json/canada.json", "json/citm_catalog.json",
	                                    "logs/nginxplus_json_logs"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *path = test_corpus(names[i]);
		struct buf data;
		struct err err;

		if (!path)
			continue;
		buf_init(&data, 0);
		ck_ok(file_read(path, 64 << 20, &data, &err), &err);
		expect_same(data.data, data.len);
		buf_done(&data);
	}
}
END_TEST

static void encode_cases(Suite *suite)
{
	TCase *encode = tcase_create("encode");

	tcase_add_checked_fixture(encode, setup, teardown);
	tcase_add_test(encode, doubles_read_back_as_the_same_doubles);
	tcase_add_test(encode, decimals_have_their_point);
	tcase_add_test(encode, times_are_strings);
	tcase_add_test(encode, binary_is_base64);
	tcase_add_test(encode, unsigned_integers_go_to_their_end);
	tcase_add_test(encode, a_type_without_a_form_is_refused_by_name);
	tcase_add_test(encode, what_is_written_reads_back_the_same);
	tcase_add_test(encode, real_documents_come_back_the_same);
	suite_add_tcase(suite, encode);
}

TEST_MAIN("ingest-json encode", encode_cases)
