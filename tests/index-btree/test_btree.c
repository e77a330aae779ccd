/* SPDX-License-Identifier: Apache-2.0 */
/* The B-tree against the plainest of oracles: look at every row. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "index-btree/plugin.h"
#include "index-btree/segment.h"
#include "lib/memstore.h"
#include "lib/test.h"

#define ROWS 3000
#define BATCH 700

static struct memstore store;
static orasi_error error;
static struct ArrowSchema keys;
static struct ArrowArray all; /* the same rows as one batch */
static void *self, *reader;
static orasi_segment_info info;

static void ck_status(orasi_status r)
{
	ck_assert_msg(r == ORASI_OK, "%d: %s", r, error.message);
}

/* ---- rows ------------------------------------------------------------------------------------------------ */

static void append_value(struct arrow_builder *b, const char *format, int i)
{
	char text[16];
	int v = rand() % 200 - 100;

	if (rand() % 10 == 0)
		arrow_append_null(b);
	else if (!strcmp(format, "u"))
		arrow_append_bytes(b, text, (size_t)sprintf(text, "%.*s%d", rand() % 4, "abc", v & 15));
	else if (!strcmp(format, "g"))
		arrow_append_double(b, v % 50 == 0 ? NAN : v % 7 == 0 ? -0.0 : v / 3.0);
	else if (!strcmp(format, "b"))
		arrow_append_bool(b, v & 1);
	else
		arrow_append_int(b, i % 500 == 0 ? INT64_MIN : v);
}

static struct ArrowArray make_rows(const char *format, int first, int n)
{
	struct arrow_builder *b = arrow_builder_new(&keys);
	struct ArrowArray array;

	for (int i = 0; i < n; i++) {
		srand((unsigned)(first + i));
		append_value(arrow_builder_child(b, 0), format, first + i);
		arrow_end_struct(b);
	}
	ck_assert_int_eq(arrow_builder_finish(b, &array), 0);
	arrow_builder_free(b);
	return array;
}

static void build(const char *format, int rows)
{
	void *state;

	memstore_init(&store);
	arrow_schema_make(&keys, "+s", "", 0, 1);
	arrow_schema_make(keys.children[0], format, "k", 1, 0);
	ck_status(btree_factory.create(NULL, BTREE_ID, NULL, &keys, &self, &error));
	ck_status(btree_factory.build_begin(self, &store.store, &state, &error));
	for (int at = 0; at < rows; at += BATCH) {
		int n = rows - at < BATCH ? rows - at : BATCH;
		struct ArrowArray batch = make_rows(format, at, n);

		ck_status(btree_factory.build_add(state, &batch, (uint64_t)at, &error));
		arrow_array_release(&batch);
	}
	ck_status(btree_factory.build_finish(state, &info, &error));
	ck_status(btree_factory.open(self, &store.store, &reader, &info, &error));
	all = make_rows(format, 0, rows);
}

static void teardown(void)
{
	arrow_array_release(&all);
	btree_factory.close(reader);
	btree_factory.destroy(self);
	arrow_schema_release(&keys);
	memstore_done(&store);
}

/* ---- the oracle -------------------------------------------------------------------------------------------- */

static int compare_values(const struct arrow_view *a, int64_t i, const struct arrow_view *b, int64_t k)
{
	if (a->info.type == ARROW_UTF8) {
		size_t n, m;
		const void *p = arrow_view_bytes(a, i, &n), *q = arrow_view_bytes(b, k, &m);

		return bytes_compare(p, n, q, m);
	}
	if (a->info.type == ARROW_FLOAT64) {
		double x = arrow_view_double(a, i), y = arrow_view_double(b, k);

		return x < y ? -1 : x > y;
	}
	return arrow_view_int(a, i) < arrow_view_int(b, k) ? -1 : arrow_view_int(a, i) > arrow_view_int(b, k);
}

static int is_null(const struct arrow_view *view, int64_t i)
{
	return arrow_view_is_null(view, i) || (view->info.type == ARROW_FLOAT64 && isnan(arrow_view_double(view, i)));
}

static int begins_with(const struct arrow_view *a, int64_t i, const struct arrow_view *b)
{
	size_t n, m;
	const void *p = arrow_view_bytes(a, i, &n), *q = arrow_view_bytes(b, 0, &m);

	return n >= m && !memcmp(p, q, m);
}

static int holds(const orasi_term *term, const struct arrow_view *view, int64_t i)
{
	struct arrow_view values;
	int c;

	if (term->op == ORASI_OP_IS_NULL || term->op == ORASI_OP_NOT_NULL)
		return is_null(view, i) == (term->op == ORASI_OP_IS_NULL);
	ck_assert_int_eq(arrow_view_init(&values, term->type, term->values), 0);
	for (int64_t k = 0; k < values.length; k++) {
		if (is_null(view, i) || is_null(&values, k))
			continue;
		c = compare_values(view, i, &values, k);
		if (((term->op == ORASI_OP_EQ || term->op == ORASI_OP_IN) && !c) ||
		    (term->op == ORASI_OP_LT && c < 0) || (term->op == ORASI_OP_LE && c <= 0) ||
		    (term->op == ORASI_OP_GT && c > 0) || (term->op == ORASI_OP_GE && c >= 0) ||
		    (term->op == ORASI_OP_PREFIX && begins_with(view, i, &values)))
			return 1;
	}
	return 0;
}

/* ---- asking --------------------------------------------------------------------------------------------------- */

static size_t ask(const orasi_term *const *terms, uint32_t n, uint32_t flags, uint64_t limit, uint64_t *ret)
{
	orasi_query query = {.struct_size = sizeof(query),
	                     .flags = flags,
	                     .terms = terms,
	                     .n_terms = n,
	                     .limit = limit};
	orasi_hits hits = {.struct_size = sizeof(hits), .cap = 97};
	size_t found = 0;
	void *cursor;

	ck_status(btree_factory.query(reader, &query, &cursor, &error));
	for (;;) {
		hits.row_ids = ret + found;
		if (btree_factory.next(cursor, &hits, &error) == ORASI_END)
			break;
		ck_assert_int_gt(hits.n, 0);
		found += hits.n;
	}
	btree_factory.cursor_close(cursor);
	return found;
}

static void check_query(const orasi_term *const *terms, uint32_t n)
{
	static uint64_t rows[ROWS + 100];
	struct arrow_view root, view;
	size_t found = ask(terms, n, 0, 0, rows), at = 0;

	ck_assert_int_eq(arrow_view_init(&root, &keys, &all) | arrow_view_child(&root, 0, &view), 0);
	for (int64_t i = 0; i < all.length; i++) {
		int wanted = 1;

		for (uint32_t t = 0; t < n; t++)
			wanted &= holds(terms[t], &view, i);
		if (!wanted)
			continue;
		ck_assert_msg(at < found && rows[at] == (uint64_t)i, "row %d is missing, operator %u", (int)i,
		              terms[0]->op);
		at++;
	}
	ck_assert_msg(at == found, "%zu rows too many, operator %u", found - at, terms[0]->op);
}

static struct ArrowArray some_values(const char *format, int n)
{
	struct arrow_builder *b = arrow_builder_new(keys.children[0]);
	struct ArrowArray array;

	for (int i = 0; i < n; i++)
		append_value(b, format, 1);
	ck_assert_int_eq(arrow_builder_finish(b, &array), 0);
	arrow_builder_free(b);
	return array;
}

static void check_random_queries(const char *format)
{
	const uint32_t text = !strcmp(format, "u");

	for (unsigned round = 0; round < 400; round++) {
		struct ArrowArray values[2];
		orasi_term terms[2];
		const orasi_term *list[2] = {&terms[0], &terms[1]};
		uint32_t n;

		srand(90000 + round);
		n = 1 + (uint32_t)rand() % 2;
		for (uint32_t t = 0; t < n; t++) {
			uint32_t op = 1 + (uint32_t)rand() % 9;

			if ((op == ORASI_OP_PREFIX && !text) || (t && op == ORASI_OP_IN))
				op = ORASI_OP_GE;
			values[t] = some_values(format, op == ORASI_OP_IN ? 1 + rand() % 6 : 1);
			terms[t] = (orasi_term){sizeof(terms[t]),
			                        op,
			                        {"k", 1},
			                        keys.children[0],
			                        op >= ORASI_OP_IS_NULL ? NULL : &values[t]};
		}
		check_query(list, n);
		for (uint32_t t = 0; t < n; t++)
			arrow_array_release(&values[t]);
	}
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static const char *const formats[] = {"l", "s", "g", "u", "b", "tsu:UTC", "tdD"};

START_TEST(every_operator_finds_what_a_scan_finds)
{
	build(formats[_i], ROWS);
	ck_assert_uint_eq(info.rows, ROWS);
	check_random_queries(formats[_i]);
	ck_status(btree_factory.verify(reader, 2, &error));
	teardown();
}
END_TEST

START_TEST(rows_come_in_key_order_when_asked)
{
	static uint64_t up[ROWS + 100], down[ROWS + 100];
	struct arrow_view root, view;
	size_t n;

	build("l", ROWS);
	n = ask(NULL, 0, ORASI_QUERY_ORDER, 0, up);
	ck_assert_uint_eq(n, ROWS);
	ck_assert_uint_eq(ask(NULL, 0, ORASI_QUERY_ORDER | ORASI_QUERY_DESC, 0, down), ROWS);
	ck_assert_int_eq(arrow_view_init(&root, &keys, &all) | arrow_view_child(&root, 0, &view), 0);
	for (size_t i = 1; i < n; i++) {
		int was_null = is_null(&view, (int64_t)up[i - 1]), null = is_null(&view, (int64_t)up[i]);

		ck_assert(was_null >= null);
		if (!was_null)
			ck_assert_int_le(compare_values(&view, (int64_t)up[i - 1], &view, (int64_t)up[i]), 0);
		ck_assert_uint_eq(up[i], down[n - 1 - i]);
	}
	ck_assert_uint_eq(ask(NULL, 0, ORASI_QUERY_ORDER, 10, down), 10);
	teardown();
}
END_TEST

START_TEST(an_empty_segment_answers_with_nothing)
{
	uint64_t rows[8];

	build(formats[_i], 0);
	ck_assert_uint_eq(ask(NULL, 0, 0, 0, rows), 0);
	ck_status(btree_factory.verify(reader, 2, &error));
	teardown();
}
END_TEST

START_TEST(a_column_that_cannot_be_ordered_is_refused_by_name)
{
	struct ArrowSchema bad;

	arrow_schema_make(&bad, "+s", "", 0, 1);
	arrow_schema_make(bad.children[0], "+l", "tags", 1, 1);
	arrow_schema_make(bad.children[0]->children[0], "u", "item", 1, 0);
	ck_assert_int_eq(btree_factory.create(NULL, BTREE_ID, NULL, &bad, &self, &error), ORASI_E_CONFIG);
	ck_assert_ptr_nonnull(strstr(error.message, "tags"));
	arrow_schema_release(&bad);
}
END_TEST

/* Whatever byte is wrong: verify says so, and no query crashes or returns a row that is not there. */
START_TEST(a_damaged_byte_is_noticed)
{
	struct memblob *blob;
	uint64_t rows[600];

	build(formats[_i], 60);
	blob = memstore_blob(&store, SEGMENT_BLOB);
	for (uint64_t at = 0; at < blob->size; at++) {
		orasi_query query = {.struct_size = sizeof(query)};
		orasi_hits hits = {.struct_size = sizeof(hits), .cap = 600, .row_ids = rows};
		void *damaged, *cursor;
		int noticed;

		blob->data[at] ^= 0x11;
		noticed = btree_factory.open(self, &store.store, &damaged, &info, &error) != ORASI_OK;
		if (!noticed) {
			noticed = btree_factory.verify(damaged, 2, &error) != ORASI_OK;
			if (btree_factory.query(damaged, &query, &cursor, &error) == ORASI_OK) {
				btree_factory.next(cursor, &hits, &error);
				btree_factory.cursor_close(cursor);
				for (uint32_t i = 0; i < hits.n; i++)
					ck_assert_uint_lt(rows[i], 60);
			}
			btree_factory.close(damaged);
		}
		blob->data[at] ^= 0x11;
		ck_assert_msg(noticed, "byte %d", (int)at);
	}
	teardown();
}
END_TEST

START_TEST(a_cut_segment_is_refused)
{
	struct memblob *blob;
	uint64_t size;
	void *cut;

	build(formats[_i], 60);
	blob = memstore_blob(&store, SEGMENT_BLOB);
	size = blob->size;
	for (blob->size = 0; blob->size < size; blob->size++)
		ck_assert_int_ne(btree_factory.open(self, &store.store, &cut, &info, &error), ORASI_OK);
	teardown();
}
END_TEST

static void btree_cases(Suite *suite)
{
	const int n = sizeof(formats) / sizeof(formats[0]);
	TCase *answers = tcase_create("answers"), *damage = tcase_create("damage");

	tcase_add_loop_test(answers, every_operator_finds_what_a_scan_finds, 0, n);
	tcase_add_test(answers, rows_come_in_key_order_when_asked);
	tcase_add_loop_test(answers, an_empty_segment_answers_with_nothing, 0, n);
	tcase_add_test(answers, a_column_that_cannot_be_ordered_is_refused_by_name);
	suite_add_tcase(suite, answers);
	tcase_add_loop_test(damage, a_damaged_byte_is_noticed, 0, n);
	tcase_add_loop_test(damage, a_cut_segment_is_refused, 0, n);
	suite_add_tcase(suite, damage);
}

TEST_MAIN("btree", btree_cases)
