/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/catalog.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "lib/fakedisk.h"
#include "lib/test.h"
#include "store/store.h"

static struct store *store;
static struct catalog *catalog;
static struct arena arena;
static struct err err;
static char path[4096];
static int done_code, done_count;

static void nothing(void *ctx)
{
	(void)ctx;
}

static void drop_line(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static void open_catalog(void)
{
	static const struct store_config config = {2000, 1000};

	ck_ok(store_open(path, &config, nothing, NULL, &store, &err), &err);
	ck_ok(catalog_open(store, &catalog, &err), &err);
}

static void close_catalog(void)
{
	store_flush(store);
	store_close(store);
	catalog_close(catalog);
}

static void set_up(void)
{
	strcpy(path, test_path("store.db"));
	log_redirect(drop_line, NULL);
	arena_init(&arena);
	open_catalog();
}

static void tear_down(void)
{
	close_catalog();
	arena_done(&arena);
}

static void on_done(void *ctx, int r, const struct err *e)
{
	(void)ctx;
	(void)e;
	done_count++;
	done_code = r;
}

static int put_dataset(const char *name, int64_t rows)
{
	struct catalog_dataset dataset = {name, "/data/x", 1, 2, 3, rows, 5, 6};
	int r = catalog_put_dataset(catalog, &dataset, on_done, NULL);

	store_flush(store);
	return r ? r : done_code;
}

static int put_index(const char *dataset, const char *name, int64_t rows)
{
	struct catalog_index index = {dataset, name, "btree", "[\"a\"]", "{}", 1, 2, 3, rows, 5, 6};
	int r = catalog_put_index(catalog, &index, on_done, NULL);

	store_flush(store);
	return r ? r : done_code;
}

static size_t count_indexes(const char *dataset)
{
	const struct catalog_index **indexes;
	size_t n = 0;

	ck_assert_int_eq(catalog_indexes(catalog, dataset, &arena, &indexes, &n), 0);
	return n;
}

START_TEST(a_dataset_is_known_when_its_completion_comes_and_not_before)
{
	struct catalog_dataset dataset = {.name = "a", .location = "/data/a"};

	ck_assert_int_eq(catalog_put_dataset(catalog, &dataset, on_done, NULL), 0);
	ck_assert_ptr_null(catalog_dataset(catalog, "a"));
	store_flush(store);
	ck_assert_int_eq(done_count, 1);
	ck_assert_str_eq(catalog_dataset(catalog, "a")->location, "/data/a");
	ck_assert_ptr_null(catalog_dataset(catalog, "b"));
}
END_TEST

START_TEST(what_is_given_is_copied)
{
	char name[] = "abc";

	put_dataset(name, 1);
	strcpy(name, "xyz");
	ck_assert_str_eq(catalog_dataset(catalog, "abc")->name, "abc");
}
END_TEST

START_TEST(a_second_put_replaces_the_first)
{
	const struct catalog_dataset **all;
	size_t n;

	put_dataset("a", 1);
	put_dataset("a", 2);
	put_index("a", "i", 1);
	put_index("a", "i", 2);
	ck_assert_int_eq(catalog_datasets(catalog, &arena, &all, &n), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(all[0]->rows, 2);
	ck_assert_uint_eq(count_indexes("a"), 1);
	ck_assert_int_eq(catalog_index(catalog, "a", "i")->rows, 2);
}
END_TEST

START_TEST(lists_are_sorted_and_indexes_filtered)
{
	const struct catalog_dataset **all;
	const struct catalog_index **indexes;
	size_t n;

	put_dataset("b", 1);
	put_dataset("a", 1);
	put_index("b", "y", 1);
	put_index("b", "x", 1);
	put_index("a", "z", 1);
	ck_assert_int_eq(catalog_datasets(catalog, &arena, &all, &n), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(all[0]->name, "a");
	ck_assert_int_eq(catalog_indexes(catalog, "b", &arena, &indexes, &n), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(indexes[0]->name, "x");
	ck_assert_uint_eq(count_indexes(NULL), 3);
}
END_TEST

START_TEST(a_dataset_is_dropped_with_its_indexes_and_no_others)
{
	put_dataset("a", 1);
	put_dataset("ab", 1);
	put_index("a", "i", 1);
	put_index("ab", "i", 1);
	ck_assert_int_eq(catalog_drop_dataset(catalog, "a", on_done, NULL), 0);
	store_flush(store);
	ck_assert_ptr_null(catalog_dataset(catalog, "a"));
	ck_assert_ptr_null(catalog_index(catalog, "a", "i"));
	ck_assert_ptr_nonnull(catalog_dataset(catalog, "ab"));
	ck_assert_uint_eq(count_indexes(NULL), 1);
	ck_assert_int_eq(catalog_drop_dataset(catalog, "a", on_done, NULL), ERR_NOTFOUND);
}
END_TEST

START_TEST(an_index_is_dropped_alone)
{
	put_dataset("a", 1);
	put_index("a", "i", 1);
	put_index("a", "j", 1);
	ck_assert_int_eq(catalog_drop_index(catalog, "a", "i", on_done, NULL), 0);
	store_flush(store);
	ck_assert_ptr_null(catalog_index(catalog, "a", "i"));
	ck_assert_ptr_nonnull(catalog_index(catalog, "a", "j"));
	ck_assert_ptr_nonnull(catalog_dataset(catalog, "a"));
	ck_assert_int_eq(catalog_drop_index(catalog, "a", "i", on_done, NULL), ERR_NOTFOUND);
}
END_TEST

START_TEST(all_of_it_is_there_after_a_restart)
{
	const struct catalog_dataset *dataset;
	const struct catalog_index *index;

	put_dataset("a", 4);
	put_index("a", "i", 4);
	put_index("a", "gone", 4);
	catalog_drop_index(catalog, "a", "gone", NULL, NULL);
	close_catalog();
	open_catalog();
	dataset = catalog_dataset(catalog, "a");
	index = catalog_index(catalog, "a", "i");
	ck_assert_str_eq(dataset->location, "/data/x");
	ck_assert(dataset->created_at == 1 && dataset->updated_at == 2 && dataset->version == 3 && dataset->rows == 4 &&
	          dataset->bytes == 5 && dataset->files == 6);
	ck_assert_str_eq(index->plugin, "btree");
	ck_assert_str_eq(index->columns, "[\"a\"]");
	ck_assert_str_eq(index->options, "{}");
	ck_assert(index->created_at == 1 && index->updated_at == 2 && index->generation == 3 && index->rows == 4 &&
	          index->bytes == 5 && index->segments == 6);
	ck_assert_uint_eq(count_indexes(NULL), 1);
}
END_TEST

START_TEST(what_the_disk_refused_is_not_known)
{
	close_catalog();
	fakedisk_start();
	open_catalog();
	put_dataset("a", 1);
	fakedisk_fail_syncs();
	ck_assert_int_eq(put_dataset("b", 1), ERR_READONLY);
	ck_assert_int_eq(catalog_drop_dataset(catalog, "a", on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(done_code, ERR_READONLY);
	ck_assert_ptr_null(catalog_dataset(catalog, "b"));
	ck_assert_ptr_nonnull(catalog_dataset(catalog, "a"));
}
END_TEST

static void catalog_cases(Suite *suite)
{
	TCase *c = tcase_create("catalog");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_dataset_is_known_when_its_completion_comes_and_not_before);
	tcase_add_test(c, what_is_given_is_copied);
	tcase_add_test(c, a_second_put_replaces_the_first);
	tcase_add_test(c, lists_are_sorted_and_indexes_filtered);
	tcase_add_test(c, a_dataset_is_dropped_with_its_indexes_and_no_others);
	tcase_add_test(c, an_index_is_dropped_alone);
	tcase_add_test(c, all_of_it_is_there_after_a_restart);
	tcase_add_test(c, what_the_disk_refused_is_not_known);
	suite_add_tcase(suite, c);
}

TEST_MAIN("catalog", catalog_cases)
