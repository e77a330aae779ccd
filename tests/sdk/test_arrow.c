/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "lib/test.h"

/* struct<id: int64, name: utf8, tags: list<utf8>, at: struct<x: double>> */
static void make_schema(struct ArrowSchema *schema)
{
	ck_assert_int_eq(arrow_schema_make(schema, "+s", "", 0, 4), 0);
	ck_assert_int_eq(arrow_schema_make(schema->children[0], "l", "id", 0, 0), 0);
	ck_assert_int_eq(arrow_schema_make(schema->children[1], "u", "name", 1, 0), 0);
	ck_assert_int_eq(arrow_schema_make(schema->children[2], "+l", "tags", 1, 1), 0);
	ck_assert_int_eq(arrow_schema_make(schema->children[2]->children[0], "u", "item", 1, 0), 0);
	ck_assert_int_eq(arrow_schema_make(schema->children[3], "+s", "at", 1, 1), 0);
	ck_assert_int_eq(arrow_schema_make(schema->children[3]->children[0], "g", "x", 1, 0), 0);
}

static void add_row(struct arrow_builder *b, int64_t id)
{
	struct arrow_builder *tags = arrow_builder_child(b, 2), *at = arrow_builder_child(b, 3);

	arrow_append_int(arrow_builder_child(b, 0), id);
	if (id % 3)
		arrow_append_bytes(arrow_builder_child(b, 1), "name", (size_t)id % 4);
	else
		arrow_append_null(arrow_builder_child(b, 1));
	for (int64_t i = 0; i < id % 3; i++)
		arrow_append_bytes(arrow_builder_child(tags, 0), "t", 1);
	arrow_end_list(tags);
	if (id % 2) {
		arrow_append_double(arrow_builder_child(at, 0), (double)id / 2);
		arrow_end_struct(at);
	} else {
		arrow_append_null(at);
	}
	ck_assert_int_eq(arrow_end_struct(b), 0);
}

static void check_rows(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t n)
{
	struct arrow_view root, id, name, tags, at, x;
	char msg[256];

	ck_assert_msg(!arrow_validate(schema, array, 1, msg, sizeof(msg)), "%s", msg);
	ck_assert_int_eq(array->length, n);
	arrow_view_init(&root, schema, array);
	arrow_view_child(&root, 0, &id);
	arrow_view_child(&root, 1, &name);
	arrow_view_child(&root, 2, &tags);
	arrow_view_child(&root, 3, &at);
	arrow_view_child(&at, 0, &x);
	for (int64_t i = 0; i < n; i++) {
		int64_t begin, end;
		size_t len;

		ck_assert_int_eq(arrow_view_int(&id, i), i);
		ck_assert_int_eq(arrow_view_is_null(&name, i), i % 3 == 0);
		if (i % 3) {
			ck_assert_mem_eq(arrow_view_bytes(&name, i, &len), "name", (size_t)i % 4);
			ck_assert_uint_eq(len, (size_t)i % 4);
		}
		arrow_view_list(&tags, i, &begin, &end);
		ck_assert_int_eq(end - begin, i % 3);
		ck_assert_int_eq(arrow_view_is_null(&at, i), i % 2 == 0);
		if (i % 2)
			ck_assert_double_eq(arrow_view_double(&x, i), (double)i / 2);
	}
}

START_TEST(what_was_appended_is_read_back)
{
	struct ArrowSchema schema;
	struct ArrowArray array;
	struct arrow_builder *b;

	make_schema(&schema);
	b = arrow_builder_new(&schema);
	for (int round = 0; round < 2; round++) {
		for (int64_t i = 0; i < 1000; i++)
			add_row(b, i);
		ck_assert_int_eq(arrow_builder_finish(b, &array), 0);
		check_rows(&schema, &array, 1000);
		arrow_array_release(&array);
	}
	arrow_builder_free(b);
	arrow_schema_release(&schema);
}
END_TEST

START_TEST(a_half_made_row_is_undone)
{
	struct ArrowSchema schema;
	struct ArrowArray array;
	struct arrow_builder *b;

	make_schema(&schema);
	b = arrow_builder_new(&schema);
	for (int64_t i = 0; i < 100; i++) {
		for (int64_t junk = 0; junk < i % 3; junk++)
			add_row(b, junk + 7);
		arrow_append_int(arrow_builder_child(b, 0), -1);
		arrow_append_bytes(arrow_builder_child(arrow_builder_child(b, 2), 0), "half", 4);
		arrow_builder_truncate(b, i);
		add_row(b, i);
	}
	ck_assert_int_eq(arrow_builder_finish(b, &array), 0);
	check_rows(&schema, &array, 100);
	arrow_array_release(&array);
	arrow_builder_free(b);
	arrow_schema_release(&schema);
}
END_TEST

START_TEST(a_copy_of_a_schema_is_equal_and_independent)
{
	struct ArrowSchema schema, copy;

	make_schema(&schema);
	ck_assert_int_eq(arrow_schema_copy(&copy, &schema), 0);
	ck_assert(arrow_schema_equal(&schema, &copy, 1));
	arrow_schema_release(&schema);
	ck_assert_int_eq(arrow_schema_find(&copy, "tags", 4), 2);
	ck_assert_int_eq(arrow_schema_find(&copy, "tag", 3), -1);
	arrow_schema_release(&copy);
}
END_TEST

static const struct {
	const char *format;
	enum arrow_type type;
	size_t width;
} formats[] = {
	{"l", ARROW_INT64, 8},
	{"tsu:UTC", ARROW_TIMESTAMP, 8},
	{"d:10,2", ARROW_DECIMAL128, 16},
	{"d:50,2,256", ARROW_DECIMAL256, 32},
	{"w:7", ARROW_FIXED_BINARY, 7},
	{"+w:3", ARROW_FIXED_LIST, 0},
	{"u", ARROW_UTF8, 0},
	{"tdD", ARROW_DATE32, 4},
	{"ttn", ARROW_TIME64, 8},
};

START_TEST(format_strings_are_understood)
{
	struct arrow_type_info info;

	ck_assert_int_eq(arrow_type_parse(formats[_i].format, &info), 0);
	ck_assert_int_eq(info.type, formats[_i].type);
	ck_assert_uint_eq(arrow_type_width(&info), formats[_i].width);
}
END_TEST

static const char *const bad_formats[] = {"", "x", "d:", "d:0,1", "d:39,0", "w:", "w:-1", "tsx:", "ts", "+w:a"};

START_TEST(unknown_formats_are_refused)
{
	struct arrow_type_info info;

	ck_assert_int_eq(arrow_type_parse(bad_formats[_i], &info), -1);
}
END_TEST

START_TEST(an_array_that_lies_is_found_out)
{
	struct ArrowSchema schema;
	struct ArrowArray array;
	struct arrow_builder *b;
	int32_t *offsets;
	char msg[256];

	make_schema(&schema);
	b = arrow_builder_new(&schema);
	for (int64_t i = 0; i < 10; i++)
		add_row(b, i);
	arrow_builder_finish(b, &array);
	offsets = (int32_t *)array.children[2]->buffers[1];
	offsets[10] += 1000;
	ck_assert_int_eq(arrow_validate(&schema, &array, 0, msg, sizeof(msg)), -1);
	ck_assert_str_eq(msg, "column 'tags': offsets point behind the 9 child values");
	offsets[10] -= 1000;
	((char *)array.children[1]->buffers[2])[0] = (char)0xFF;
	ck_assert_int_eq(arrow_validate(&schema, &array, 0, msg, sizeof(msg)), 0);
	ck_assert_int_eq(arrow_validate(&schema, &array, 1, msg, sizeof(msg)), -1);
	array.children[0]->length = 3;
	ck_assert_int_eq(arrow_validate(&schema, &array, 0, msg, sizeof(msg)), -1);
	arrow_array_release(&array);
	arrow_builder_free(b);
	arrow_schema_release(&schema);
}
END_TEST

START_TEST(crc32c_gives_the_published_values)
{
	unsigned char zeros[32] = {0};

	ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xE3069283u);
	ck_assert_uint_eq(crc32c(0, zeros, 32), 0x8A9136AAu);
	ck_assert_uint_eq(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xE3069283u);
}
END_TEST

static void arrow_cases(Suite *suite)
{
	TCase *c = tcase_create("arrow");

	tcase_add_test(c, what_was_appended_is_read_back);
	tcase_add_test(c, a_half_made_row_is_undone);
	tcase_add_test(c, a_copy_of_a_schema_is_equal_and_independent);
	tcase_add_loop_test(c, format_strings_are_understood, 0, sizeof(formats) / sizeof(formats[0]));
	tcase_add_loop_test(c, unknown_formats_are_refused, 0, sizeof(bad_formats) / sizeof(bad_formats[0]));
	tcase_add_test(c, an_array_that_lies_is_found_out);
	tcase_add_test(c, crc32c_gives_the_published_values);
	suite_add_tcase(suite, c);
}

TEST_MAIN("arrow", arrow_cases)
