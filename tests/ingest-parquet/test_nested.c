/* SPDX-License-Identifier: Apache-2.0 */
/* Levels into lists and structs, with levels as a page could have them: those of a list of {a, b}, all of it nullable. */
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest-parquet/nested.h"

/* Definition levels: 0 the list is null, 1 it is empty, 2 the item is null, 3 the value is, 4 it is there. */
enum { NO_LIST, EMPTY, NO_ITEM, NO_VALUE, VALUE };

static struct ArrowSchema schema;
static struct tree tree;
static struct leaf leaves[2];
static struct plan plan;
static struct nested_column column;
static struct buffers *buffers;
static orasi_error err;

/* "0 3 4+ 4+": a level each, + for those that go on in the list before. Values are numbers of their own. */
static void set_leaf(int at, const char *text, int64_t first)
{
	struct leaf *leaf = &leaves[at];

	leaf->one_level = -1;
	for (; *text; text++) {
		uint8_t rep = text[1] == '+', def;

		if (*text < '0' || *text > '4')
			continue;
		def = (uint8_t)(*text - '0');
		bytes_put(&leaf->def, &def, 1);
		bytes_put(&leaf->rep, &rep, 1);
		leaf->n++;
		if (def == VALUE) {
			bytes_put(&leaf->plain.own, &first, sizeof(first));
			leaf->n_values++;
			first++;
		}
	}
	bytes_reserve(&leaf->plain.own, SLACK);
	leaf->plain.base = leaf->plain.own.data;
	leaf->plain.width = sizeof(first);
}

static orasi_status read_rows(size_t n)
{
	err = (orasi_error){.struct_size = sizeof(err)};
	return nested_read(&column, n, &err);
}

static void setup(void)
{
	struct ArrowSchema *list;

	memset(leaves, 0, sizeof(leaves));
	memset(&column, 0, sizeof(column));
	ck_assert_int_eq(arrow_schema_make(&schema, "+s", "", 0, 1), 0);
	list = schema.children[0];
	ck_assert_int_eq(arrow_schema_make(list, "+l", "list", 1, 1), 0);
	ck_assert_int_eq(arrow_schema_make(list->children[0], "+s", "item", 1, 2), 0);
	ck_assert_int_eq(arrow_schema_make(list->children[0]->children[0], "l", "a", 1, 0), 0);
	ck_assert_int_eq(arrow_schema_make(list->children[0]->children[1], "l", "b", 1, 0), 0);
	ck_assert_int_eq(tree_from_arrow(&tree, &schema, &err), ORASI_OK);
	ck_assert_int_eq(tree.n_leaves, 2);
	ck_assert_int_eq(tree.leaves[0]->def, VALUE);
	ck_assert_int_eq(plan_make(&plan, tree.root.children[0], list, leaves, &err), ORASI_OK);
	buffers = buffers_new();
	ck_assert_int_eq(nested_open(&column, &plan, list, buffers, &err), ORASI_OK);
}

static void teardown(void)
{
	nested_close(&column);
	plan_done(&plan);
	buffers_close(buffers);
	for (int i = 0; i < 2; i++)
		leaf_done(&leaves[i]);
	tree_free(&tree);
	arrow_schema_release(&schema);
}

/* The rows as text: "[{1,10},null] null []". */
static void show(struct ArrowArray *array, char *ret)
{
	struct arrow_view list, item, value;

	ck_assert_int_eq(arrow_validate(schema.children[0], array, 1, ret, 200), 0);
	ck_assert_int_eq(arrow_view_init(&list, schema.children[0], array), 0);
	ck_assert_int_eq(arrow_view_child(&list, 0, &item), 0);
	*ret = '\0';
	for (int64_t i = 0; i < array->length; i++) {
		int64_t begin, end;

		arrow_view_list(&list, i, &begin, &end);
		ret += sprintf(ret, "%s", i ? " " : "");
		if (arrow_view_is_null(&list, i)) {
			ck_assert_int_eq(begin, end);
			ret += sprintf(ret, "null");
			continue;
		}
		ret += sprintf(ret, "[");
		for (int64_t k = begin; k < end; k++) {
			ret += sprintf(ret, "%s", k > begin ? "," : "");
			if (arrow_view_is_null(&item, k)) {
				ret += sprintf(ret, "null");
				continue;
			}
			for (int64_t c = 0; c < 2; c++) {
				ck_assert_int_eq(arrow_view_child(&item, c, &value), 0);
				ret += arrow_view_is_null(&value, k) ? sprintf(ret, c ? ",-}" : "{-")
				                                     : sprintf(ret, c ? ",%lld}" : "{%lld",
				                                               (long long)arrow_view_int(&value, k));
			}
		}
		ret += sprintf(ret, "]");
	}
	arrow_array_release(array);
}

static void assert_rows(const char *wanted)
{
	struct ArrowArray array;
	char text[1000];

	ck_assert_int_eq(nested_finish(&column, &array, &err), 0);
	show(&array, text);
	ck_assert_str_eq(text, wanted);
}

START_TEST(levels_become_lists_of_structs)
{
	set_leaf(0, "4 4+ 0 1 2 3+ 4+ 4", 1);
	set_leaf(1, "4 3+ 0 1 2 4+ 3+ 4", 10);
	ck_assert_msg(!read_rows(5), "%s", err.message);
	assert_rows("[{1,10},{2,-}] null [] [null,{-,11},{3,-}] [{4,12}]");
}
END_TEST

/* The buffers of a batch begin anew, and steps of one batch go on behind each other. */
START_TEST(rows_may_come_in_steps_and_batches)
{
	set_leaf(0, "4 4+ 0 1 2 3+ 4+ 4", 1);
	set_leaf(1, "4 3+ 0 1 2 4+ 3+ 4", 10);
	ck_assert_msg(!read_rows(1), "%s", err.message);
	ck_assert_msg(!read_rows(2), "%s", err.message);
	assert_rows("[{1,10},{2,-}] null []");
	ck_assert_msg(!read_rows(2), "%s", err.message);
	assert_rows("[null,{-,11},{3,-}] [{4,12}]");
}
END_TEST

static const struct {
	const char *a, *b;
	size_t rows;
	const char *says;
} damaged[] = {
	{"4 4+ 4", "4 4 4", 2, "'a' and 'b' do not fit"},  /* b has its items in other rows than a */
	{"4 4+ 4+", "4 4+", 1, "'a' and 'b' do not fit"},  /* and fewer */
	{"4 4+ 4", "4 4 4+", 2, "'a' and 'b' do not fit"}, /* as many, of other rows */
	{"2 4+", "4 2+", 1, "'a' and 'b' do not fit"},     /* another item is null */
	{"0 4", "4 0", 2, "'a' and 'b' do not fit"},       /* another list is */
	{"1 4 4+", "0 4 4+", 2, "'a' and 'b' do not fit"}, /* which one has empty */
	{"0 4+", "0 4+", 1, "do not fit"},                 /* a null list goes on */
	{"1 4+ 4", "1 4+ 4", 2, "do not fit"},             /* an empty one too */
	{"4 1+ 4", "4 4+ 4", 2, "do not fit"},             /* an item that says that the list is empty */
	{"4 4 4", "4 4", 3, "fewer rows"},                 /* a leaf ends early */
	{"", "", 1, "fewer rows"},
};

START_TEST(leaves_that_disagree_are_an_error)
{
	set_leaf(0, damaged[_i].a, 1);
	set_leaf(1, damaged[_i].b, 1);
	ck_assert_int_eq(read_rows(damaged[_i].rows), ORASI_E_CORRUPT);
	ck_assert_msg(strstr(err.message, damaged[_i].says) != NULL, "%s", err.message);
}
END_TEST

static void nested_cases(Suite *suite)
{
	TCase *tc = tcase_create("nested");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, levels_become_lists_of_structs);
	tcase_add_test(tc, rows_may_come_in_steps_and_batches);
	tcase_add_loop_test(tc, leaves_that_disagree_are_an_error, 0, sizeof(damaged) / sizeof(damaged[0]));
	suite_add_tcase(suite, tc);
}

TEST_MAIN("nested", nested_cases)
