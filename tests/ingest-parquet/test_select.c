/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows and columns come out: projections, wanted rows, marks, and rows that are left out by
 * terms. */
#include <stdio.h>

#include <stdlib.h>

#include "ingest-parquet/hash.h"
#include "ingest-parquet/helpers.h"
#include "ingest-parquet/node.h"

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
	ck_assert_ptr_nonnull(strstr(got.data, "{n=19999 t=743139393939}\n{n=20000 t=743230303030}\n"));
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
	orasi_term term = {.struct_size = sizeof(term), .op = ORASI_OP_EQ, .column = ORASI_STR("n")};
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

/* ---- terms on random tables ----------------------------------------------------------------- */

#define ROWS 60000
#define TERMS_MAX 3

static const char *const term_formats[] = {"l", "u", "g", "d:18,3", "tsu:UTC", "I", "L", "tdD", "z", "w:5", "f", "b"};
#define N_COLUMNS (1 + sizeof(term_formats) / sizeof(term_formats[0]))

struct scan {
	const struct arrow_view *columns;
	uint8_t *seen;
	uint64_t rows;
};

/* A row number that only grows, a column that hardly changes, and random ones with nulls. */
static void make_rows(struct ArrowSchema *schema, struct ArrowArray *batch)
{
	struct arrow_builder *b;

	make(schema, "+s", "", 0, (int64_t)N_COLUMNS);
	make(schema->children[0], "l", "row", 0, 0);
	for (size_t i = 1; i < N_COLUMNS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%zu", i);
		make(schema->children[i], term_formats[i - 1], name, 1, 0);
	}
	table_batch(schema, ROWS, 10, table_dice(2) ? 50 : 0, batch);
	b = arrow_builder_new(schema->children[0]);
	for (int64_t i = 0; i < ROWS; i++)
		arrow_append_int(b, i);
	arrow_array_release(batch->children[0]);
	ck_assert_int_eq(arrow_builder_finish(b, batch->children[0]), 0);
	arrow_builder_free(b);
}

static int compare_values(const struct arrow_view *a, int64_t i, const struct arrow_view *b, int64_t k)
{
	size_t n, m;
	const void *p, *q;
	__int128 x, y;
	int r;

	switch (a->info.type) {
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		return arrow_view_double(a, i) < arrow_view_double(b, k)   ? -1
		       : arrow_view_double(a, i) > arrow_view_double(b, k) ? 1
		                                                           : 0;
	case ARROW_DECIMAL128:
		memcpy(&x, arrow_view_bytes(a, i, &n), 16);
		memcpy(&y, arrow_view_bytes(b, k, &n), 16);
		return x < y ? -1 : x > y;
	case ARROW_UTF8:
	case ARROW_BINARY:
	case ARROW_FIXED_BINARY:
		p = arrow_view_bytes(a, i, &n);
		q = arrow_view_bytes(b, k, &m);
		r = n && m ? memcmp(p, q, n < m ? n : m) : 0;
		return r ? r : n < m ? -1 : n > m;
	case ARROW_UINT64:
		return (uint64_t)arrow_view_int(a, i) < (uint64_t)arrow_view_int(b, k)
		               ? -1
		               : (uint64_t)arrow_view_int(a, i) > (uint64_t)arrow_view_int(b, k);
	default:
		return arrow_view_int(a, i) < arrow_view_int(b, k) ? -1 : arrow_view_int(a, i) > arrow_view_int(b, k);
	}
}

static int is_nan(const struct arrow_view *view, int64_t i)
{
	return (view->info.type == ARROW_FLOAT32 || view->info.type == ARROW_FLOAT64) &&
	       arrow_view_double(view, i) != arrow_view_double(view, i);
}

/* What SQL says, row by row, of one value. A NaN is of no order. */
static int holds(const struct arrow_view *column, int64_t row, uint32_t op, const struct arrow_view *literal, int64_t k)
{
	int order;

	if (arrow_view_is_null(column, row) || arrow_view_is_null(literal, k) || is_nan(column, row) ||
	    is_nan(literal, k))
		return 0;
	order = compare_values(column, row, literal, k);
	if (op == ORASI_OP_PREFIX) {
		size_t n, m;
		const void *p = arrow_view_bytes(column, row, &n), *q = arrow_view_bytes(literal, k, &m);

		return n >= m && (!m || !memcmp(p, q, m));
	}
	return op == ORASI_OP_LT   ? order < 0
	       : op == ORASI_OP_LE ? order <= 0
	       : op == ORASI_OP_GT ? order > 0
	       : op == ORASI_OP_GE ? order >= 0
	                           : !order;
}

static int term_holds(const orasi_term *term, const struct arrow_view *column, int64_t row)
{
	struct arrow_view literal;
	int any = 0;

	if (term->op == ORASI_OP_IS_NULL || term->op == ORASI_OP_NOT_NULL)
		return arrow_view_is_null(column, row) == (term->op == ORASI_OP_IS_NULL);
	ck_assert_int_eq(arrow_view_init(&literal, term->type, term->values), 0);
	for (int64_t k = 0; k < literal.length && !any; k++)
		any = holds(column, row, term->op, &literal, k);
	return any;
}

/* The first column of row i of the batch that is not what the table has; -1: all are. */
static int wrong_column(const struct scan *scan, const struct arrow_view *got, int64_t i, uint64_t at)
{
	if (at >= ROWS || scan->seen[at] || arrow_view_int(&got[0], i) != (int64_t)at)
		return 0;
	for (size_t c = 1; c < N_COLUMNS; c++) {
		const struct arrow_view *want = &scan->columns[c];
		int null = arrow_view_is_null(&got[c], i);

		if (null != arrow_view_is_null(want, (int64_t)at) ||
		    (!null && !is_nan(&got[c], i) && compare_values(&got[c], i, want, (int64_t)at)))
			return (int)c;
	}
	return -1;
}

/* Rows come where the mark says, and are those of the table. */
static void on_rows(void *ctx, const struct ArrowSchema *schema, const struct ArrowArray *batch, const orasi_mark *mark)
{
	struct scan *scan = ctx;
	struct arrow_view rows, got[N_COLUMNS];

	ck_assert_int_eq(arrow_view_init(&rows, schema, batch), 0);
	for (size_t c = 0; c < N_COLUMNS; c++)
		ck_assert_int_eq(arrow_view_child(&rows, (int64_t)c, &got[c]), 0);
	ck_assert(mark->flags & ORASI_MARK_PLACED);
	for (int64_t i = 0; i < batch->length; i++) {
		uint64_t at = mark->first_row + (uint64_t)i;
		int wrong = wrong_column(scan, got, i, at);

		if (wrong >= 0)
			ck_abort_msg("row %llu, column %d (TEST_SEED=%llu)", (unsigned long long)at, wrong,
			             (unsigned long long)seed);
		scan->seen[at] = 1;
		scan->rows++;
	}
}

struct query {
	orasi_term terms[TERMS_MAX];
	const orasi_term *list[TERMS_MAX];
	struct ArrowArray literals[TERMS_MAX];
	size_t columns[TERMS_MAX];
	uint32_t n;
};

/* Literals are values of the table, so that something is found. */
static void make_query(struct query *q, const struct ArrowSchema *schema, const struct ArrowArray *batch)
{
	q->n = 1 + (uint32_t)table_dice(TERMS_MAX);
	for (uint32_t i = 0; i < q->n; i++) {
		size_t c = table_dice(3) ? table_dice(N_COLUMNS) : 0;
		const char *format = schema->children[c]->format;
		uint32_t op = 1 + (uint32_t)table_dice(9);

		if (op == ORASI_OP_PREFIX && *format != 'u' && *format != 'z')
			op = ORASI_OP_GE;
		q->columns[i] = c;
		q->literals[i] = *batch->children[c];
		q->literals[i].offset = (int64_t)table_dice(ROWS - 5);
		q->literals[i].length = op == ORASI_OP_IN ? 5 : 1;
		q->terms[i] = (orasi_term){
			.struct_size = sizeof(orasi_term),
			.op = op,
			.column = {schema->children[c]->name, strlen(schema->children[c]->name)},
			.type = schema->children[c],
			.values = op == ORASI_OP_IS_NULL || op == ORASI_OP_NOT_NULL ? NULL : &q->literals[i]};
		q->list[i] = &q->terms[i];
	}
}

static uint64_t check_query(const struct query *q, const struct fakehost_output *file, const struct arrow_view *columns,
                            uint8_t *seen)
{
	orasi_ingest_open open = {.terms = q->list, .n_terms = q->n, .max_rows = 4000};
	struct scan scan = {.columns = columns, .seen = seen};
	uint64_t n;

	memset(seen, 0, ROWS);
	ck_assert_msg(decode_each(file->buf.data, file->buf.len, &open, on_rows, &scan, &n) == ORASI_END,
	              "%s (TEST_SEED=%llu)", error.message, (unsigned long long)seed);
	for (int64_t row = 0; row < ROWS; row++) {
		int all = 1;

		for (uint32_t i = 0; i < q->n; i++)
			all &= term_holds(q->list[i], &columns[q->columns[i]], row);
		if (all && !seen[row])
			ck_abort_msg("row %lld is left out although it matches (TEST_SEED=%llu)", (long long)row,
			             (unsigned long long)seed);
	}
	return n;
}

START_TEST(terms_lose_no_row_and_marks_tell_where_rows_are)
{
	static const char *const options[] = {
		"{\"row_group_rows\":25000,\"bloom_columns\":[\"row\",\"c1\",\"c2\",\"c3\",\"c9\"]"
		"}",
		"{\"row_group_rows\":60000,\"profile\":\"compact\"}",
		"{\"row_group_rows\":20000,\"page_index\":false}",
	};
	struct ArrowSchema schema;
	struct ArrowArray batch;
	struct fakehost_output out;
	struct arrow_view rows, columns[N_COLUMNS];
	uint8_t *seen = malloc(ROWS);
	uint64_t read = 0;

	make_rows(&schema, &batch);
	encode(&out, options[_i], &schema, &batch, 3);
	ck_assert_int_eq(arrow_view_init(&rows, &schema, &batch), 0);
	for (size_t c = 0; c < N_COLUMNS; c++)
		ck_assert_int_eq(arrow_view_child(&rows, (int64_t)c, &columns[c]), 0);
	for (int round = 0; round < 8; round++) {
		struct query q = {0};

		make_query(&q, &schema, &batch);
		read += check_query(&q, &out, columns, seen);
	}
	ck_assert_uint_lt(read, 8 * ROWS);
	free(seen);
	fakehost_output_done(&out);
	arrow_array_release(&batch);
	arrow_schema_release(&schema);
}
END_TEST

/* ---- nested columns beside terms ------------------------------------------------------------ */

static void keep_text(void *ctx, const struct ArrowSchema *schema, const struct ArrowArray *batch,
                      const orasi_mark *mark)
{
	struct arrow_view view;
	struct buf *lines = ctx;

	ck_assert_int_eq(arrow_view_init(&view, schema, batch), 0);
	for (int64_t i = 0; i < batch->length; i++) {
		struct buf *line = &lines[mark->first_row + (uint64_t)i];

		line->len = 0;
		table_row_json(line, &view, i);
	}
}

/* What is jumped over by the offset index must leave nested columns in step. */
START_TEST(nested_columns_keep_in_step_with_rows_that_are_left_out)
{
	struct ArrowSchema schema;
	struct ArrowArray batch, literal;
	struct arrow_builder *b;
	struct fakehost_output out;
	enum { N = 30000 };
	struct buf *all = calloc(N, sizeof(*all)), *some = calloc(N, sizeof(*some));
	orasi_term term = {.struct_size = sizeof(term), .column = ORASI_STR("row")};
	const orasi_term *terms[] = {&term};
	uint64_t n;

	make(&schema, "+s", "", 0, 3);
	make(schema.children[0], "l", "row", 0, 0);
	table_field(schema.children[1], "a", 3, NULL);
	make(schema.children[2], "+l", "list", 1, 1);
	make(schema.children[2]->children[0], "u", "element", 1, 0);
	table_batch(&schema, N, 20, 0, &batch);
	b = arrow_builder_new(schema.children[0]);
	for (int64_t i = 0; i < N; i++)
		arrow_append_int(b, i);
	arrow_array_release(batch.children[0]);
	ck_assert_int_eq(arrow_builder_finish(b, batch.children[0]), 0);
	encode(&out, "{}", &schema, &batch, 5);
	for (int i = 0; i < N; i++) {
		buf_init(&all[i], 0);
		buf_init(&some[i], 0);
	}
	ck_assert_int_eq(decode_each(out.buf.data, out.buf.len, &(orasi_ingest_open){0}, keep_text, all, &n),
	                 ORASI_END);
	for (int round = 0; round < 10; round++) {
		orasi_ingest_open open = {.terms = terms, .n_terms = 1};
		int64_t row = (int64_t)table_dice(N);

		literal = *batch.children[0];
		literal.offset = row;
		literal.length = 1;
		term.type = schema.children[0];
		term.values = &literal;
		term.op = round % 2 ? ORASI_OP_EQ : ORASI_OP_GE;
		ck_assert_msg(decode_each(out.buf.data, out.buf.len, &open, keep_text, some, &n) == ORASI_END,
		              "%s (TEST_SEED=%llu)", error.message, (unsigned long long)seed);
		ck_assert_uint_eq(n, round % 2 ? 1 : (uint64_t)(N - row));
		ck_assert_msg(some[row].len == all[row].len && !memcmp(some[row].data, all[row].data, all[row].len),
		              "row %lld (TEST_SEED=%llu)", (long long)row, (unsigned long long)seed);
	}
	for (int i = 0; i < N; i++) {
		buf_done(&all[i]);
		buf_done(&some[i]);
	}
	free(all);
	free(some);
	arrow_builder_free(b);
	fakehost_output_done(&out);
	arrow_array_release(&batch);
	arrow_schema_release(&schema);
}
END_TEST

/* ---- what the footer says ------------------------------------------------------------------- */

static void parse_footer(const struct fakehost_output *out, struct pq_file *ret)
{
	const uint8_t *end = (const uint8_t *)out->buf.data + out->buf.len;
	uint32_t len;

	memcpy(&len, end - 8, 4);
	ck_assert_int_eq(pq_file_parse(ret, end - 8 - len, len, &error), ORASI_OK);
}

START_TEST(the_page_index_tells_rows_places_and_bounds_of_pages)
{
	struct pq_offset_index places;
	struct pq_column_index index;
	struct fakehost_output out;
	struct ArrowSchema schema;
	struct pq_file file;
	const struct pq_column *column;
	int64_t low, high;

	numbers(&out, 100000, &schema);
	parse_footer(&out, &file);
	column = &file.groups[1].columns[0];
	ck_assert_int_eq(pq_offset_index_parse(&places, (const uint8_t *)out.buf.data + column->offset_index.offset,
	                                       (size_t)column->offset_index.length, &error),
	                 ORASI_OK);
	ck_assert_int_eq(pq_column_index_parse(&index, (const uint8_t *)out.buf.data + column->column_index.offset,
	                                       (size_t)column->column_index.length, &error),
	                 ORASI_OK);
	ck_assert_uint_eq(places.n_pages, 2);
	ck_assert_uint_eq(index.n_pages, 2);
	ck_assert_int_eq(places.pages[0].offset, column->data_offset);
	ck_assert_int_eq(places.pages[1].offset, places.pages[0].offset + places.pages[0].size);
	memcpy(&low, index.pages[1].min.ptr, 8);
	memcpy(&high, index.pages[1].max.ptr, 8);
	ck_assert_int_eq(low, 30000 + places.pages[1].first_row);
	ck_assert_int_eq(high, 59999);
	ck_assert_int_eq(index.pages[1].nulls, 0);
	pq_offset_index_free(&places);
	pq_column_index_free(&index);
	pq_file_free(&file);
	fakehost_output_done(&out);
	arrow_schema_release(&schema);
}
END_TEST

/* Vectors of the specification's reference implementation. */
START_TEST(the_hash_of_bloom_filters_is_xxh64)
{
	ck_assert_uint_eq(hash_xx64("", 0), 0xEF46DB3751D8E999u);
	ck_assert_uint_eq(hash_xx64("a", 1), 0xD24EC4F1A98C6E5Bu);
	ck_assert_uint_eq(hash_xx64("abc", 3), 0x44BC2CF5AD770999u);
}
END_TEST

START_TEST(a_bloom_filter_forgets_nothing_and_is_seldom_wrong)
{
	size_t n = bloom_size(10000, 0.01, 1 << 20), wrong = 0;
	uint8_t *filter = calloc(n, 1);

	for (uint64_t i = 0; i < 10000; i++)
		bloom_add(filter, n, hash_xx64(&i, 8));
	for (uint64_t i = 0; i < 10000; i++)
		ck_assert(bloom_has(filter, n, hash_xx64(&i, 8)));
	for (uint64_t i = 10000; i < 110000; i++)
		wrong += (size_t)bloom_has(filter, n, hash_xx64(&i, 8));
	ck_assert_uint_lt(wrong, 1500);
	free(filter);
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
	tcase_add_loop_test(c, terms_lose_no_row_and_marks_tell_where_rows_are, 0, 3);
	tcase_add_test(c, nested_columns_keep_in_step_with_rows_that_are_left_out);
	tcase_add_test(c, the_page_index_tells_rows_places_and_bounds_of_pages);
	tcase_add_test(c, the_hash_of_bloom_filters_is_xxh64);
	tcase_add_test(c, a_bloom_filter_forgets_nothing_and_is_seldom_wrong);
	suite_add_tcase(suite, c);
}

TEST_MAIN("parquet-select", select_cases)
