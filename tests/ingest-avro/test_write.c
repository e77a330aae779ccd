/* SPDX-License-Identifier: Apache-2.0 */
/* What the encoder writes, and that the decoder reads it again. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "ingest-avro/making.h"

static struct ArrowSchema schema;
static struct arrow_builder *root;
static struct fakehost_output output;
static orasi_error error;

static void setup(void)
{
	making_setup();
	fakehost_output_init(&output);
	schema.release = NULL;
	root = NULL;
}

static void teardown(void)
{
	arrow_builder_free(root);
	arrow_schema_release(&schema);
	fakehost_output_done(&output);
	making_teardown();
}

/* The columns of what is written: "a:l b:u", all nullable. */
static void columns(const char *text)
{
	arrow_builder_free(root);
	arrow_schema_release(&schema);
	schema_make(&schema, text);
	root = arrow_builder_new(&schema);
	ck_assert_ptr_nonnull(root);
}

static struct arrow_builder *column(int64_t i)
{
	return arrow_builder_child(root, i);
}

static void end_row(void)
{
	ck_assert_int_eq(arrow_end_struct(root), 0);
}

/* Writes the rows that were built, in one batch. */
static orasi_status write_rows(const char *config_text, orasi_encode_info *ret_info)
{
	const orasi_entry *entry = orasi_plugin_entry_v1();
	const orasi_encode_factory *factory = entry->get_factory(ORASI_ENCODE_FACTORY);
	struct fakehost_config *config = fakehost_config_new(config_text);
	orasi_encode_open open = {.struct_size = sizeof(open), .output = &output.output, .schema = &schema};
	struct ArrowArray batch;
	orasi_status status;
	void *self = NULL;

	error = (orasi_error)ORASI_NO_ERROR;
	buf_clear(&output.buf);
	status = factory->create(fakehost_host(fake), entry->describe(0)->id, fakehost_config(config), &self, &error);
	ck_assert_int_eq(arrow_builder_finish(root, &batch), 0);
	if (!status)
		status = factory->open(self, &open, &error);
	if (!status)
		status = factory->write(self, &batch, &error);
	if (!status)
		status = factory->finish(self, ret_info, &error);
	arrow_array_release(&batch);
	factory->destroy(self);
	fakehost_config_free(config);
	return status;
}

static void write_all(const char *config)
{
	orasi_encode_info info = {.struct_size = sizeof(info)};

	ck_assert_msg(!write_rows(config, &info), "%s", error.message);
	ck_assert_uint_eq(info.bytes, output.buf.len);
}

/* What was written reads back as these columns and rows. */
static void reads_back(const char *wanted, const char *text)
{
	struct buf file = output.buf;

	buf_init(&output.buf, 0);
	read_file(&file, (struct rows_options){0});
	gives(wanted, text, "");
	buf_done(&file);
}

static void append_all(int64_t n, int64_t v)
{
	for (int64_t i = 0; i < n; i++)
		ck_assert_int_eq(arrow_append_int(column(i), v), 0);
	end_row();
	for (int64_t i = 0; i < n; i++)
		ck_assert_int_eq(arrow_append_null(column(i)), 0);
	end_row();
}

START_TEST(whole_numbers_are_int_or_long)
{
	columns("a:c b:C c:s d:S e:i f:I g:l");
	append_all(7, 100);
	write_all(NULL);
	reads_back("a:i b:i c:i d:i e:i f:l g:l", "{a=100 b=100 c=100 d=100 e=100 f=100 g=100}\n"
	                                          "{a=null b=null c=null d=null e=null f=null g=null}\n");
}
END_TEST

START_TEST(dates_and_times_keep_their_unit_where_avro_has_it)
{
	columns("a:tdD b:ttm c:ttu d:tsm:UTC e:tsu:UTC f:tsn:UTC g:tsu: h:tDu");
	append_all(8, 100);
	write_all(NULL);
	reads_back("a:tdD b:ttm c:ttu d:tsm:UTC e:tsu:UTC f:tsn:UTC g:tsu: h:l",
	           "{a=100 b=100 c=100 d=100 e=100 f=100 g=100 h=100}\n"
	           "{a=null b=null c=null d=null e=null f=null g=null h=null}\n");
	columns("a:tss:UTC b:tts c:tdm");
	append_all(2, -3);
	ck_assert_int_eq(arrow_append_int(column(2), -1), 0);
	ck_assert_int_eq(arrow_append_null(column(2)), 0);
	write_all(NULL);
	reads_back("a:tsm:UTC b:ttm c:tdD", "{a=-3000 b=-3000 c=-1}\n{a=null b=null c=null}\n");
}
END_TEST

START_TEST(numbers_with_fractions_text_and_bytes_are_themselves)
{
	columns("a:f b:g c:u d:z e:b f:n");
	ck_assert_int_eq(arrow_append_double(column(0), 1.5), 0);
	ck_assert_int_eq(arrow_append_double(column(1), -0.1), 0);
	ck_assert_int_eq(arrow_append_bytes(column(2), "q\u20ac", 4), 0);
	ck_assert_int_eq(arrow_append_bytes(column(3), "", 0), 0);
	ck_assert_int_eq(arrow_append_bool(column(4), 1), 0);
	ck_assert_int_eq(arrow_append_null(column(5)), 0);
	end_row();
	write_all(NULL);
	reads_back("a:f b:g c:u d:z e:b f:n", "{a=1.5 b=-0.10000000000000001 c=\"q\u20ac\" d=\"\" e=1 f=null}\n");
}
END_TEST

START_TEST(decimals_are_as_short_as_they_can_be)
{
	static const int64_t values[] = {0, 127, 128, -128, -129, INT64_MAX, INT64_MIN};
	static const size_t bytes[] = {1, 1, 2, 1, 2, 8, 8};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		__extension__ __int128 wide = values[i];
		char text[64], hex[17] = "";

		columns("a:d:38,2");
		ck_assert_int_eq(arrow_append_fixed(column(0), &wide), 0);
		end_row();
		write_all("{\"compression\":\"null\"}");
		/* behind the header: count, size, branch, length, the bytes */
		ck_assert_int_eq(output.buf.data[output.buf.len - 16 - bytes[i] - 1], (char)(bytes[i] * 2));
		for (int k = 0; k < 8; k++)
			snprintf(hex + 2 * k, 3, "%02x", (unsigned)(uint8_t)((uint64_t)values[i] >> 8 * k));
		snprintf(text, sizeof(text), "{a=%s}\n", hex);
		reads_back("a:d:38,2", text);
	}
}
END_TEST

START_TEST(unsigned_numbers_of_64_bits_are_decimals)
{
	columns("a:L");
	ck_assert_int_eq(arrow_append_int(column(0), -1), 0);
	end_row();
	write_all(NULL);
	reads_back("a:d:20,0", "{a=ffffffffffffffff}\n");
}
END_TEST

/* x: a list of structs {k: long} that may be null */
START_TEST(lists_and_structs_are_arrays_and_records)
{
	struct arrow_builder *list, *item;
	struct ArrowSchema field;

	ck_assert_int_eq(arrow_schema_make(&schema, "+s", "", 0, 0), 0);
	ck_assert_int_eq(arrow_schema_make(&field, "+l", "x", 1, 1), 0);
	ck_assert_int_eq(arrow_schema_make(field.children[0], "+s", "item", 1, 1), 0);
	ck_assert_int_eq(arrow_schema_make(field.children[0]->children[0], "l", "k", 0, 0), 0);
	ck_assert_int_eq(arrow_schema_append(&schema, &field), 0);
	root = arrow_builder_new(&schema);
	list = column(0);
	item = arrow_builder_child(list, 0);
	ck_assert_int_eq(arrow_append_int(arrow_builder_child(item, 0), 7), 0);
	ck_assert_int_eq(arrow_end_struct(item), 0);
	ck_assert_int_eq(arrow_append_null(item), 0);
	ck_assert_int_eq(arrow_end_list(list), 0);
	end_row();
	ck_assert_int_eq(arrow_end_list(list), 0);
	end_row();
	ck_assert_int_eq(arrow_append_null(list), 0);
	end_row();
	write_all(NULL);
	reads_back("x:+l(item:+s(k:l))", "{x=[{k=7} null]}\n{x=[]}\n{x=null}\n");
}
END_TEST

static void make_map(const char *key_format)
{
	struct ArrowSchema field;

	arrow_builder_free(root);
	arrow_schema_release(&schema);
	ck_assert_int_eq(arrow_schema_make(&schema, "+s", "", 0, 0), 0);
	ck_assert_int_eq(arrow_schema_make(&field, "+m", "x", 0, 1), 0);
	ck_assert_int_eq(arrow_schema_make(field.children[0], "+s", "entries", 0, 2), 0);
	ck_assert_int_eq(arrow_schema_make(field.children[0]->children[0], key_format, "key", 0, 0), 0);
	ck_assert_int_eq(arrow_schema_make(field.children[0]->children[1], "l", "value", 1, 0), 0);
	ck_assert_int_eq(arrow_schema_append(&schema, &field), 0);
	root = arrow_builder_new(&schema);
}

START_TEST(maps_with_other_keys_than_text_are_lists_of_their_entries)
{
	make_map("u");
	ck_assert_int_eq(arrow_append_bytes(arrow_builder_child(arrow_builder_child(column(0), 0), 0), "k", 1), 0);
	ck_assert_int_eq(arrow_append_int(arrow_builder_child(arrow_builder_child(column(0), 0), 1), 5), 0);
	ck_assert_int_eq(arrow_end_struct(arrow_builder_child(column(0), 0)), 0);
	ck_assert_int_eq(arrow_end_list(column(0)), 0);
	end_row();
	write_all(NULL);
	reads_back("x:+m(entries:+s(key:u value:l))", "{x=[{key=\"k\" value=5}]}\n");
	make_map("i");
	ck_assert_int_eq(arrow_append_int(arrow_builder_child(arrow_builder_child(column(0), 0), 0), 3), 0);
	ck_assert_int_eq(arrow_append_null(arrow_builder_child(arrow_builder_child(column(0), 0), 1)), 0);
	ck_assert_int_eq(arrow_end_struct(arrow_builder_child(column(0), 0)), 0);
	ck_assert_int_eq(arrow_end_list(column(0)), 0);
	end_row();
	write_all(NULL);
	reads_back("x:+l(item:+s(key:i value:l))", "{x=[{key=3 value=null}]}\n");
}
END_TEST

START_TEST(keys_and_entries_of_maps_are_there_whatever_the_schema_says)
{
	static const char *const formats[] = {"u", "i"};
	orasi_encode_info info = {.struct_size = sizeof(info)};
	struct arrow_builder *entries;

	for (int nullable = 0; nullable < 2; nullable++) {
		make_map(formats[_i]);
		schema.children[0]->children[0]->flags |= ARROW_FLAG_NULLABLE;
		schema.children[0]->children[0]->children[0]->flags |= ARROW_FLAG_NULLABLE;
		entries = arrow_builder_child(column(0), 0);
		if (nullable)
			ck_assert_int_eq(arrow_append_null(arrow_builder_child(entries, 0)), 0);
		else if (_i)
			ck_assert_int_eq(arrow_append_int(arrow_builder_child(entries, 0), 3), 0);
		else
			ck_assert_int_eq(arrow_append_bytes(arrow_builder_child(entries, 0), "k", 1), 0);
		ck_assert_int_eq(arrow_append_int(arrow_builder_child(entries, 1), 5), 0);
		ck_assert_int_eq(arrow_end_struct(entries), 0);
		ck_assert_int_eq(arrow_end_list(column(0)), 0);
		end_row();
		if (nullable) {
			ck_assert_int_eq(write_rows(NULL, &info), ORASI_E_UNSUPPORTED);
			ck_assert_ptr_nonnull(strstr(error.message, "or its key, is null"));
		} else {
			write_all(NULL);
			reads_back(_i ? "x:+l(item:+s(key:i value:l))" : "x:+m(entries:+s(key:u value:l))",
			           _i ? "{x=[{key=3 value=5}]}\n" : "{x=[{key=\"k\" value=5}]}\n");
		}
	}
}
END_TEST

START_TEST(dates_beyond_32_bits_are_told)
{
	orasi_encode_info info = {.struct_size = sizeof(info)};

	columns("x:tdm");
	append_all(1, INT64_MAX);
	ck_assert_int_eq(write_rows(NULL, &info), ORASI_E_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(error.message, "beyond the 32 bits"));
	columns("x:tts");
	append_all(1, INT32_MAX);
	ck_assert_int_eq(write_rows(NULL, &info), ORASI_E_UNSUPPORTED);
}
END_TEST

START_TEST(names_become_what_avro_allows)
{
	static const char *const names[] = {"a b", "a_b", "a-b", "1st", "\u00e9", "", "fine"};
	struct ArrowSchema field;

	ck_assert_int_eq(arrow_schema_make(&schema, "+s", "", 0, 0), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ck_assert_int_eq(arrow_schema_make(&field, "i", names[i], 1, 0), 0);
		ck_assert_int_eq(arrow_schema_append(&schema, &field), 0);
	}
	root = arrow_builder_new(&schema);
	write_all(NULL);
	reads_back("a_b:i a_b_2:i a_b_3:i _1st:i _:i __6:i fine:i", "");
}
END_TEST

START_TEST(each_codec_writes_blocks_that_read_back)
{
	static const char *const codecs[] = {"null", "deflate", "snappy", "zstandard", "bzip2", "xz"};
	char config[128];

	columns("x:l");
	for (int64_t i = 0; i < 10000; i++) {
		ck_assert_int_eq(arrow_append_int(column(0), i), 0);
		end_row();
	}
	snprintf(config, sizeof(config), "{\"compression\":\"%s\",\"block_bytes\":1024}", codecs[_i]);
	write_all(config);
	read_file(&output.buf, (struct rows_options){0});
	ck_assert_msg(rows.status == ORASI_END, "%s", rows.error.message);
	ck_assert_uint_eq(rows.rows, 10000);
	ck_assert_ptr_nonnull(strstr(rows.text.data, "{x=9999}\n"));
}
END_TEST

/* A reader that is careful takes a block of more for damage. */
START_TEST(rows_of_no_bytes_go_into_blocks_of_a_million)
{
	size_t header;

	columns("x:n");
	write_all("{\"compression\":\"null\"}");
	header = output.buf.len;
	for (int64_t i = 0; i < 5 << 19; i++) {
		arrow_append_null(column(0));
		arrow_end_struct(root);
	}
	write_all("{\"compression\":\"null\"}");
	ck_assert_uint_eq(output.buf.len - header, 2 * (4 + 1 + 16) + 3 + 1 + 16); /* count, size, marker */
}
END_TEST

START_TEST(rows_of_no_bytes_are_written_with_every_codec)
{
	static const char *const codecs[] = {"null", "deflate", "snappy", "zstandard", "bzip2", "xz"};
	char config[64];

	columns("x:n");
	ck_assert_int_eq(arrow_append_null(column(0)), 0);
	end_row();
	snprintf(config, sizeof(config), "{\"compression\":\"%s\"}", codecs[_i]);
	write_all(config);
	reads_back("x:n", "{x=null}\n");
}
END_TEST

START_TEST(what_avro_has_nothing_for_is_refused_by_name)
{
	orasi_encode_info info = {.struct_size = sizeof(info)};

	columns("x:l y:ttn");
	ck_assert_int_eq(write_rows(NULL, &info), ORASI_E_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(error.message, "the column 'y' has the Arrow type 'ttn'"));
	columns("x:d:50,2,256");
	ck_assert_int_eq(write_rows(NULL, &info), ORASI_E_UNSUPPORTED);
	columns("x:d:5,-2");
	ck_assert_int_eq(write_rows(NULL, &info), ORASI_E_UNSUPPORTED);
}
END_TEST

START_TEST(a_value_that_avro_cannot_hold_is_told_with_its_row)
{
	orasi_encode_info info = {.struct_size = sizeof(info)};

	columns("x:tss:UTC");
	append_all(1, 5);
	append_all(1, INT64_MAX);
	ck_assert_int_eq(write_rows(NULL, &info), ORASI_E_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(error.message, "the column 'x' in row 2"));
	columns("x:l");
	schema.children[0]->flags = 0;
	ck_assert_int_eq(arrow_append_null(column(0)), 0);
	end_row();
	ck_assert_int_eq(write_rows(NULL, &info), ORASI_E_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(error.message, "the column 'x' in row 0: it is null"));
}
END_TEST

static void write_cases(Suite *suite)
{
	TCase *tc = tcase_create("write");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, whole_numbers_are_int_or_long);
	tcase_add_test(tc, dates_and_times_keep_their_unit_where_avro_has_it);
	tcase_add_test(tc, numbers_with_fractions_text_and_bytes_are_themselves);
	tcase_add_test(tc, decimals_are_as_short_as_they_can_be);
	tcase_add_test(tc, unsigned_numbers_of_64_bits_are_decimals);
	tcase_add_test(tc, lists_and_structs_are_arrays_and_records);
	tcase_add_test(tc, maps_with_other_keys_than_text_are_lists_of_their_entries);
	tcase_add_loop_test(tc, keys_and_entries_of_maps_are_there_whatever_the_schema_says, 0, 2);
	tcase_add_test(tc, dates_beyond_32_bits_are_told);
	tcase_add_test(tc, names_become_what_avro_allows);
	tcase_add_loop_test(tc, each_codec_writes_blocks_that_read_back, 0, 6);
	tcase_add_test(tc, rows_of_no_bytes_go_into_blocks_of_a_million);
	tcase_add_loop_test(tc, rows_of_no_bytes_are_written_with_every_codec, 0, 6);
	tcase_add_test(tc, what_avro_has_nothing_for_is_refused_by_name);
	tcase_add_test(tc, a_value_that_avro_cannot_hold_is_told_with_its_row);
	suite_add_tcase(suite, tc);
}

TEST_MAIN("ingest-avro write", write_cases)
