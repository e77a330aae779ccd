/* SPDX-License-Identifier: Apache-2.0 */
/* On several threads a file is what it is on one: the same rows in the same order, marks that mean the same, and the
 * same sentence about what is wrong. */
#include <stdio.h>

#include "ingest-parquet/helpers.h"

#define ROWS 30000

/* What came of a file, with the marks in between. */
struct seen {
	struct buf text;
	uint64_t marks[64][2];
	size_t n_marks;
};

static void see(void *ctx, const struct ArrowSchema *schema, const struct ArrowArray *batch, const orasi_mark *mark)
{
	struct seen *seen = ctx;
	struct arrow_view view;

	ck_assert_int_eq(arrow_view_init(&view, schema, batch), 0);
	for (int64_t i = 0; i < batch->length; i++) {
		table_row_json(&seen->text, &view, i);
		buf_puts(&seen->text, "\n");
	}
	if (seen->n_marks < sizeof(seen->marks) / sizeof(seen->marks[0]))
		memcpy(seen->marks[seen->n_marks++], mark->state.ptr, mark->state.len);
}

static orasi_status read_file(const struct buf *file, int threads, orasi_ingest_open *open, struct seen *ret)
{
	uint64_t n;

	memset(ret, 0, sizeof(*ret));
	buf_init(&ret->text, 0);
	helpers_threads(threads);
	open->max_rows = 8192;
	return decode_each(file->data, file->len, open, see, ret, &n);
}

static void assert_same(const struct seen *one, const struct seen *several)
{
	ck_assert_uint_eq(one->text.len, several->text.len);
	ck_assert_msg(!memcmp(one->text.data, several->text.data, one->text.len), "rows differ (TEST_SEED=%llu)",
	              (unsigned long long)seed);
	ck_assert_uint_eq(one->n_marks, several->n_marks);
	ck_assert(!memcmp(one->marks, several->marks, sizeof(one->marks)));
}

static void seen_done(struct seen *seen)
{
	buf_done(&seen->text);
}

/* Flat columns of all sorts and nested ones, in three row groups. */
static void make_file(struct fakehost_output *out, const char *options)
{
	static const char *const formats[] = {"l", "u", "g", "u", "d:38,4", "z", "tsu:UTC"};
	struct ArrowSchema schema;
	struct ArrowArray batch;
	char name[16];

	make(&schema, "+s", "", 0, 9);
	for (int i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		table_field(schema.children[i], name, i < 7 ? 0 : 2, i < 7 ? formats[i] : NULL);
	}
	table_batch(&schema, ROWS, 10, 0, &batch);
	encode(out, options, &schema, &batch, 3);
	arrow_array_release(&batch);
	arrow_schema_release(&schema);
}

START_TEST(rows_and_marks_are_the_same_on_one_thread_and_on_several)
{
	static const char *const ways[] = {"{\"row_group_rows\":12500}",
	                                   "{\"row_group_rows\":12500,\"page_index\":false,\"profile\":\"compact\"}"};
	struct fakehost_output out;
	struct seen one, several;

	make_file(&out, ways[_i]);
	ck_assert_int_eq(read_file(&out.buf, 0, &(orasi_ingest_open){0}, &one), ORASI_END);
	ck_assert_uint_eq(helpers_threads_used(), 0);
	ck_assert_int_eq(read_file(&out.buf, 1, &(orasi_ingest_open){0}, &several), ORASI_END);
	ck_assert_uint_gt(helpers_threads_used(), 0);
	assert_same(&one, &several);
	fakehost_output_done(&out);
	seen_done(&one);
	seen_done(&several);
}
END_TEST

START_TEST(a_mark_of_several_threads_is_one_of_one)
{
	struct fakehost_output out;
	struct seen all;

	make_file(&out, "{\"row_group_rows\":12500}");
	ck_assert_int_eq(read_file(&out.buf, 1, &(orasi_ingest_open){0}, &all), ORASI_END);
	for (size_t i = 0; i < all.n_marks; i++) {
		orasi_ingest_open open = {.checkpoint = {(const uint8_t *)all.marks[i], sizeof(all.marks[i])}};
		struct seen rest;

		ck_assert_int_eq(read_file(&out.buf, (int)(i % 2), &open, &rest), ORASI_END);
		ck_assert_uint_le(rest.text.len, all.text.len);
		ck_assert(!rest.text.len ||
		          !memcmp(rest.text.data, all.text.data + all.text.len - rest.text.len, rest.text.len));
		seen_done(&rest);
	}
	fakehost_output_done(&out);
	seen_done(&all);
}
END_TEST

START_TEST(what_is_wrong_is_said_alike)
{
	struct fakehost_output out;
	struct seen seen;
	char why[sizeof(error.message)];
	uint64_t rows[2];

	make_file(&out, "{\"row_group_rows\":12500}");
	for (size_t at = 1; at < 8; at++) {
		out.buf.data[out.buf.len * at / 9] ^= 0x10;
		for (int threads = 0; threads < 2; threads++) {
			ck_assert_int_eq(read_file(&out.buf, threads, &(orasi_ingest_open){0}, &seen), ORASI_E_CORRUPT);
			rows[threads] = seen.n_marks;
			seen_done(&seen);
			if (threads)
				ck_assert_str_eq(error.message, why);
			snprintf(why, sizeof(why), "%s", error.message);
		}
		ck_assert_uint_eq(rows[0], rows[1]);
		out.buf.data[out.buf.len * at / 9] ^= 0x10;
	}
	fakehost_output_done(&out);
}
END_TEST

static void parallel_cases(Suite *suite)
{
	TCase *c = tcase_create("parallel");

	tcase_add_checked_fixture(c, helpers_set_up, helpers_tear_down);
	tcase_add_loop_test(c, rows_and_marks_are_the_same_on_one_thread_and_on_several, 0, 2);
	tcase_add_test(c, a_mark_of_several_threads_is_one_of_one);
	tcase_add_test(c, what_is_wrong_is_said_alike);
	suite_add_tcase(suite, c);
}

TEST_MAIN("parallel", parallel_cases)
