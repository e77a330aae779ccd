/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows and columns come out: projections, wanted rows, marks, and rows that are left out by
 * terms. */
#include <stdio.h>

#include "ingest-parquet/helpers.h"

START_TEST(wanted_rows_are_found_across_pages_and_groups)
{
	static const uint64_t rows[] = {0, 1, 19999, 20000, 29999, 30000, 64999, 99999};
	orasi_ingest_open open = {.flags = ORASI_OPEN_ROWS, .rows = rows, .n_rows = 8};
	struct fakehost_output out;
	struct ArrowSchema schema;
	struct buf got;
	uint64_t n;

	buf_init(&got, 0);
	numbers(&out, 100000, &schema);
	ck_assert_int_eq(decode(out.buf.data, out.buf.len, &open, &got, &n), ORASI_END);
	ck_assert_uint_eq(n, 8);
	ck_assert_ptr_nonnull(
	        strstr(got.data, "{n=19999 t=743139393939}\n{n=20000 t=743230303030}\n"));
	ck_assert_ptr_nonnull(strstr(got.data, "{n=99999 t=743939393939}\n"));
	fakehost_output_done(&out);
	arrow_schema_release(&schema);
	buf_done(&got);
}
END_TEST

START_TEST(a_projection_gives_its_columns_and_nulls_for_unknown_ones)
{
	orasi_ingest_open open = {.flags = ORASI_OPEN_PROJECT};
	struct fakehost_output out;
	struct ArrowSchema schema, want;
	struct buf got;
	uint64_t n;

	buf_init(&got, 0);
	numbers(&out, 3, &schema);
	make(&want, "+s", "", 0, 2);
	make(want.children[0], "g", "new", 1, 0);
	make(want.children[1], "u", "t", 1, 0);
	open.want = &want;
	ck_assert_int_eq(decode(out.buf.data, out.buf.len, &open, &got, &n), ORASI_END);
	ck_assert_str_eq(got.data, "{new=null t=7430}\n{new=null t=7431}\n{new=null t=7432}\n");
	fakehost_output_done(&out);
	arrow_schema_release(&schema);
	arrow_schema_release(&want);
	buf_done(&got);
}
END_TEST

START_TEST(rows_that_cannot_match_are_left_out)
{
	struct ArrowSchema schema, type;
	struct ArrowArray value;
	struct arrow_builder *b;
	orasi_term term = {
	        .struct_size = sizeof(term), .op = ORASI_OP_EQ, .column = ORASI_STR("n")};
	const orasi_term *terms[] = {&term};
	orasi_ingest_open open = {.terms = terms, .n_terms = 1};
	struct fakehost_output out;
	uint64_t n;

	numbers(&out, 100000, &schema);
	make(&type, "l", "", 0, 0);
	b = arrow_builder_new(&type);
	arrow_append_int(b, 45000);
	arrow_builder_finish(b, &value);
	term.type = &type;
	term.values = &value;
	ck_assert_int_eq(decode(out.buf.data, out.buf.len, &open, NULL, &n), ORASI_END);
	ck_assert_uint_eq(n, 1);
	arrow_builder_free(b);
	arrow_array_release(&value);
	arrow_schema_release(&type);
	arrow_schema_release(&schema);
	fakehost_output_done(&out);
}
END_TEST

START_TEST(a_column_wanted_twice_is_refused)
{
	orasi_ingest_open open = {.flags = ORASI_OPEN_PROJECT};
	struct fakehost_output out;
	struct ArrowSchema schema, want;
	uint64_t n;

	numbers(&out, 3, &schema);
	make(&want, "+s", "", 0, 2);
	make(want.children[0], "l", "n", 0, 0);
	make(want.children[1], "l", "n", 0, 0);
	open.want = &want;
	ck_assert_int_eq(decode(out.buf.data, out.buf.len, &open, NULL, &n), ORASI_E_INVALID);
	ck_assert_ptr_nonnull(strstr(error.message, "wanted twice"));
	fakehost_output_done(&out);
	arrow_schema_release(&schema);
	arrow_schema_release(&want);
}
END_TEST

START_TEST(a_reader_resumes_behind_any_mark)
{
	struct fakehost_output out;
	struct ArrowSchema schema;
	uint64_t n;

	numbers(&out, 70000, &schema);
	for (uint64_t row = 0; row <= 70000; row += 8750) {
		const uint64_t state[] = {row, row};
		orasi_ingest_open open = {.checkpoint = {(const uint8_t *)state, sizeof(state)}};

		ck_assert_int_eq(decode(out.buf.data, out.buf.len, &open, NULL, &n), ORASI_END);
		ck_assert_uint_eq(n, 70000 - row);
	}
	fakehost_output_done(&out);
	arrow_schema_release(&schema);
}
END_TEST

static void select_cases(Suite *suite)
{
	TCase *c = tcase_create("select");

	tcase_add_checked_fixture(c, helpers_set_up, helpers_tear_down);
	tcase_add_test(c, wanted_rows_are_found_across_pages_and_groups);
	tcase_add_test(c, a_projection_gives_its_columns_and_nulls_for_unknown_ones);
	tcase_add_test(c, rows_that_cannot_match_are_left_out);
	tcase_add_test(c, a_column_wanted_twice_is_refused);
	tcase_add_test(c, a_reader_resumes_behind_any_mark);
	suite_add_tcase(suite, c);
}

TEST_MAIN("parquet-select", select_cases)
