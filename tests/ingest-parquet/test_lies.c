/* SPDX-License-Identifier: Apache-2.0 */
/* Files that say wrong things about themselves, each told by changing what our encoder has written: what contradicts itself
 * leaves no row out, and what can be held against the pages is. */
#include "ingest-parquet/helpers.h"

#define ROWS 40 /* one byte of a varint counts them */

struct pattern {
	const uint8_t *bytes;
	size_t len;
};

/* A table of "n" from 1 to 40 in one page. */
static void write_numbers(struct fakehost_output *out, const char *options)
{
	struct ArrowSchema schema;
	struct ArrowArray batch;
	struct arrow_builder *b;

	make(&schema, "+s", "", 0, 1);
	make(schema.children[0], "l", "n", 1, 0);
	b = arrow_builder_new(&schema);
	for (int64_t i = 1; i <= ROWS; i++) {
		arrow_append_int(arrow_builder_child(b, 0), i);
		arrow_end_struct(b);
	}
	ck_assert_int_eq(arrow_builder_finish(b, &batch), 0);
	encode(out, options, &schema, &batch, 1);
	arrow_builder_free(b);
	arrow_array_release(&batch);
	arrow_schema_release(&schema);
}

/* Wherever the bytes stand. Says how often. */
static int change(struct fakehost_output *out, struct pattern from, struct pattern to)
{
	uint8_t *data = (uint8_t *)out->buf.data;
	int n = 0;

	for (size_t i = 0; i + from.len <= out->buf.len; i++)
		if (!memcmp(data + i, from.bytes, from.len)) {
			memcpy(data + i, to.bytes, to.len);
			n++;
		}
	return n;
}

#define PATTERN(...) ((struct pattern){(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})})
#define BOUND(n) 8, n, 0, 0, 0, 0, 0, 0, 0

static void on_rows(void *ctx, const struct ArrowSchema *schema, const struct ArrowArray *batch, const orasi_mark *mark)
{
	struct arrow_view rows, n;

	(void)mark;
	ck_assert_int_eq(arrow_view_init(&rows, schema, batch), 0);
	ck_assert_int_eq(arrow_view_child(&rows, 0, &n), 0);
	for (int64_t i = 0; i < batch->length; i++)
		*(int *)ctx |= !arrow_view_is_null(&n, i) && arrow_view_int(&n, i) == 7;
}

/* Whether the row with 7 comes, asked for by an operator. */
static int finds_seven(const struct fakehost_output *out, uint32_t op)
{
	struct ArrowSchema type;
	struct ArrowArray literal;
	struct arrow_builder *b;
	int found = 0;
	uint64_t n;

	make(&type, "l", "n", 0, 0);
	b = arrow_builder_new(&type);
	arrow_append_int(b, 7);
	ck_assert_int_eq(arrow_builder_finish(b, &literal), 0);
	arrow_builder_free(b);
	{
		orasi_term term = {.struct_size = sizeof(term),
		                   .op = op,
		                   .column = {"n", 1},
		                   .type = &type,
		                   .values = op == ORASI_OP_NOT_NULL ? NULL : &literal};
		const orasi_term *terms[] = {&term};
		orasi_ingest_open open = {.terms = terms, .n_terms = 1};

		ck_assert_msg(decode_each(out->buf.data, out->buf.len, &open, on_rows, &found, &n) == ORASI_END, "%s",
		              error.message);
	}
	arrow_array_release(&literal);
	arrow_schema_release(&type);
	return found;
}

static const uint32_t operators[] = {ORASI_OP_EQ, ORASI_OP_LE, ORASI_OP_GE, ORASI_OP_IN, ORASI_OP_NOT_NULL};
static const char *const ways[] = {"{\"compression\":\"none\"}", "{\"compression\":\"none\",\"page_index\":false}"};

static void assert_found(const struct fakehost_output *out)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		ck_assert_msg(finds_seven(out, operators[i]), "operator %u", operators[i]);
}

START_TEST(bounds_that_are_the_wrong_way_round_leave_nothing_out)
{
	struct fakehost_output out;

	write_numbers(&out, ways[_i]);
	ck_assert_int_ge(change(&out, PATTERN(BOUND(1)), PATTERN(BOUND(50))), 1);
	assert_found(&out);
	fakehost_output_done(&out);
}
END_TEST

START_TEST(bounds_of_what_is_said_to_be_all_null_leave_nothing_out)
{
	struct fakehost_output out;

	write_numbers(&out, ways[_i]);
	/* null_count 0, then max_value */
	ck_assert_int_ge(change(&out, PATTERN(0x36, 0, 0x28, BOUND(ROWS)), PATTERN(0x36, 2 * ROWS, 0x28, BOUND(ROWS))),
	                 1);
	/* null_pages [false] */
	if (_i == 0)
		ck_assert_int_eq(change(&out, PATTERN(0x19, 0x11, 2), PATTERN(0x19, 0x11, 1)), 1);
	assert_found(&out);
	fakehost_output_done(&out);
}
END_TEST

/* ---- counts ------------------------------------------------------------------------------------ */

/* Of the footer: `field` begins with its header, the count is the byte behind. */
static void refuses(struct pattern from, struct pattern to)
{
	struct fakehost_output out;
	uint64_t n;

	write_numbers(&out, ways[0]);
	ck_assert_int_ge(change(&out, from, to), 1);
	ck_assert_int_eq(decode(out.buf.data, out.buf.len, &(orasi_ingest_open){0}, NULL, &n), ORASI_E_CORRUPT);
	ck_assert_uint_gt(strlen(error.message), 10);
	fakehost_output_done(&out);
}

START_TEST(counts_that_disagree_are_refused)
{
	/* num_rows of the file: field 3 behind the schema, before the row groups */
	refuses(PATTERN(0x16, 2 * ROWS, 0x19, 0x1C), PATTERN(0x16, 2 * ROWS - 2, 0x19, 0x1C));
	/* as many row groups as no footer holds: 0x1C is a list of one struct, 0xFC one whose length follows */
	refuses(PATTERN(0x16, 2 * ROWS, 0x19, 0x1C), PATTERN(0x16, 2 * ROWS, 0x19, 0xEC));
}
END_TEST

static void lies_cases(Suite *suite)
{
	TCase *c = tcase_create("lies");

	tcase_add_checked_fixture(c, helpers_set_up, helpers_tear_down);
	tcase_add_loop_test(c, bounds_that_are_the_wrong_way_round_leave_nothing_out, 0, 2);
	tcase_add_loop_test(c, bounds_of_what_is_said_to_be_all_null_leave_nothing_out, 0, 2);
	tcase_add_test(c, counts_that_disagree_are_refused);
	suite_add_tcase(suite, c);
}

TEST_MAIN("lies", lies_cases)
