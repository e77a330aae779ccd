/* SPDX-License-Identifier: Apache-2.0 */
/* What batches of any types become in a dataset. */
#include <orasi/sdk/arrow.h>

#include "lib/test.h"
#include "pipeline/conform.h"
#include "table/table.h"

static struct ArrowSchema from, to;
static struct ArrowArray batch, got;
static struct err err;

static void make(struct ArrowSchema *s, const char *format, const char *name, int64_t n)
{
	ck_assert_int_eq(arrow_schema_make(s, format, name, 1, n), 0);
}

/* Through the canonical schema, as a new dataset has it. */
static int conform(void)
{
	struct conform *c;
	int r;

	ck_ok(table_schema_canonical(&from, NULL, &to, &err), &err);
	ck_ok(conform_new(&from, &to, &c, &err), &err);
	r = conform_batch(c, &batch, &got, &err);
	conform_free(c);
	return r;
}

static const struct arrow_view *column(const struct arrow_view *parent, const char *name)
{
	static struct arrow_view views[4];
	static int turn;
	struct arrow_view *view = &views[turn++ % 4];
	int64_t at = arrow_schema_find(parent->schema, name, strlen(name));

	ck_assert_msg(at >= 0, "there is no column '%s'", name);
	ck_assert_int_eq(arrow_view_child(parent, at, view), 0);
	return view;
}

static struct arrow_view rows(void)
{
	struct arrow_view view;

	ck_assert_int_eq(arrow_view_init(&view, &to, &got), 0);
	return view;
}

static void finish(struct arrow_builder *b)
{
	ck_assert_int_eq(arrow_builder_finish(b, &batch), 0);
	arrow_builder_free(b);
}

static void tear_down(void)
{
	arrow_schema_release(&from);
	arrow_schema_release(&to);
	arrow_array_release(&batch);
	arrow_array_release(&got);
}

START_TEST(nanoseconds_are_kept_twice)
{
	struct arrow_builder *b;
	struct arrow_view view, inner;

	make(&from, "+s", "", 2);
	make(from.children[0], "tsn:UTC", "at", 0);
	make(from.children[1], "+s", "s", 1);
	make(from.children[1]->children[0], "ttn", "time", 0);
	b = arrow_builder_new(&from);
	arrow_append_int(arrow_builder_child(b, 0), -1);
	arrow_append_int(arrow_builder_child(arrow_builder_child(b, 1), 0), 5000000123);
	arrow_end_struct(arrow_builder_child(b, 1));
	arrow_end_struct(b);
	arrow_append_null(b);
	finish(b);
	ck_ok(conform(), &err);
	view = rows();
	inner = *column(&view, "s");
	ck_assert_int_eq(arrow_view_int(column(&view, "at"), 0), -1);
	ck_assert_int_eq(arrow_view_int(column(&view, "at_ns"), 0), -1);
	ck_assert(arrow_view_is_null(column(&view, "at_ns"), 1));
	ck_assert_int_eq(arrow_view_int(column(&inner, "time"), 0), 5000000);
	ck_assert_int_eq(arrow_view_int(column(&inner, "time_ns"), 0), 5000000123);
}
END_TEST

START_TEST(times_of_any_unit_are_microseconds)
{
	static const char *const formats[] = {"tts", "ttm", "ttu", "ttn", "tDm"};
	static const int64_t values[] = {7, 7000, 7000000, 7000000000, 7000};
	char name[2] = "a";
	struct arrow_builder *b;
	struct arrow_view view;

	make(&from, "+s", "", 5);
	for (int i = 0; i < 5; i++, name[0]++)
		make(from.children[i], formats[i], name, 0);
	b = arrow_builder_new(&from);
	for (int i = 0; i < 5; i++)
		arrow_append_int(arrow_builder_child(b, i), values[i]);
	arrow_end_struct(b);
	finish(b);
	ck_ok(conform(), &err);
	view = rows();
	for (name[0] = 'a'; name[0] <= 'e'; name[0]++)
		ck_assert_int_eq(arrow_view_int(column(&view, name), 0), 7000000);
}
END_TEST

static void list_of_nanos(int64_t value)
{
	struct arrow_builder *b;

	make(&from, "+s", "", 1);
	make(from.children[0], "+l", "l", 1);
	make(from.children[0]->children[0], "tsn:", "item", 0);
	b = arrow_builder_new(&from);
	arrow_append_int(arrow_builder_child(arrow_builder_child(b, 0), 0), value);
	arrow_end_list(arrow_builder_child(b, 0));
	arrow_end_struct(b);
	finish(b);
}

START_TEST(nanoseconds_in_a_list_are_refused_where_they_would_be_lost)
{
	list_of_nanos(1001);
	ck_assert_int_eq(conform(), ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.text, "nanoseconds"));
}
END_TEST

START_TEST(whole_microseconds_in_a_list_are_none_the_worse)
{
	struct arrow_view view, list, items;

	list_of_nanos(2000);
	ck_ok(conform(), &err);
	view = rows();
	list = *column(&view, "l");
	ck_assert_int_eq(arrow_view_child(&list, 0, &items), 0);
	ck_assert_int_eq(arrow_view_int(&items, 0), 2);
}
END_TEST

/* A name that Delta forbids is another one in the dataset, at any depth. */
START_TEST(members_are_found_under_their_new_names)
{
	struct arrow_builder *b;
	struct arrow_view view, inner;

	make(&from, "+s", "", 1);
	make(from.children[0], "+s", "s", 1);
	make(from.children[0]->children[0], "i", "a b", 0);
	b = arrow_builder_new(&from);
	arrow_append_int(arrow_builder_child(arrow_builder_child(b, 0), 0), 42);
	arrow_end_struct(arrow_builder_child(b, 0));
	arrow_end_struct(b);
	finish(b);
	ck_ok(conform(), &err);
	view = rows();
	inner = *column(&view, "s");
	ck_assert_int_eq(arrow_view_int(column(&inner, "a_b"), 0), 42);
}
END_TEST

static void conform_cases(Suite *suite)
{
	TCase *c = tcase_create("conform");

	tcase_add_checked_fixture(c, NULL, tear_down);
	tcase_add_test(c, nanoseconds_are_kept_twice);
	tcase_add_test(c, times_of_any_unit_are_microseconds);
	tcase_add_test(c, nanoseconds_in_a_list_are_refused_where_they_would_be_lost);
	tcase_add_test(c, whole_microseconds_in_a_list_are_none_the_worse);
	tcase_add_test(c, members_are_found_under_their_new_names);
	suite_add_tcase(suite, c);
}

TEST_MAIN("conform", conform_cases)
