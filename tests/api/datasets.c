/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets and their indexes. */
#include <string.h>

#include "api/fakes.h"
#include "api/harness.h"
#include "base/str.h"

START_TEST(a_dataset_is_created_described_and_dropped)
{
	start();
	load_document();
	ck_assert_int_eq(ask("GET", "/v1/datasets/web", NULL), 404);
	ck_assert_int_eq(ask("PUT", "/v1/datasets/web", NULL), 201);
	ck_assert(str_ends(reply_str("/location"), "/datasets/web"));
	ck_assert_int_eq(ask("PUT", "/v1/datasets/web", "{}"), 200);
	ck_assert_int_eq(ask("PUT", "/v1/datasets/web", "{\"location\":\"/elsewhere\"}"), 409);
	ck_assert_int_eq(ask("PUT", "/v1/datasets/x__rejects", NULL), 422);
	ck_assert_int_eq(ask("PUT", "/v1/datasets/a%20b", NULL), 422);
	ck_assert_int_eq(ask("PUT", "/v1/datasets/y", "{\"location\":\"../x\"}"), 422);
	ck_assert_int_eq(ask("GET", "/v1/datasets", NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/name"), "web");
	ck_assert_int_eq(ask("PUT", "/v1/datasets/xyz", NULL), 201);
	ck_assert_int_eq(ask("GET", "/v1/datasets?limit=1", NULL), 200);
	ck_assert_str_eq(reply_str("/next_cursor"), "web");
	ck_assert_int_eq(ask("GET", "/v1/datasets?limit=1&cursor=web", NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/name"), "xyz");
	ck_assert_ptr_null(json_get_str(t.reply, "next_cursor", NULL));
	ck_assert_int_eq(ask("GET", "/v1/datasets/web", NULL), 200);
	ck_assert_int_eq(json_get_int(t.reply, "rows", -1), 10);
	ck_assert_int_eq(ask("GET", "/v1/datasets/web/schema", NULL), 200);
	ck_assert_int_eq(ask("GET", "/v1/datasets/web/files?limit=5", NULL), 200);
	ck_assert_int_eq(ask("GET", "/v1/datasets/web/history", NULL), 200);
	ck_assert_int_eq(ask("DELETE", "/v1/datasets/web", NULL), 204);
	ck_assert_str_eq(fake_last_op, "table.drop");
	ck_assert_int_eq(ask("DELETE", "/v1/datasets/web", NULL), 404);
	finish();
}
END_TEST

START_TEST(a_dataset_can_be_forgotten_without_its_data)
{
	start();
	ask("PUT", "/v1/datasets/web", NULL);
	strcpy(fake_last_op, "");
	ck_assert_int_eq(ask("DELETE", "/v1/datasets/web?keep_data=true", NULL), 204);
	ck_assert_str_eq(fake_last_op, "");
	ck_assert_int_eq(ask("GET", "/v1/datasets/web", NULL), 404);
	finish();
}
END_TEST

START_TEST(what_the_table_worker_cannot_do_is_told)
{
	start();
	ask("PUT", "/v1/datasets/web", NULL);
	fake_call_error = "the disk makes noises";
	ck_assert_int_eq(ask("GET", "/v1/datasets/web", NULL), 503);
	ck_assert_str_eq(reply_str("/detail"), "the disk makes noises");
	ck_assert_int_eq(ask("DELETE", "/v1/datasets/web", NULL), 503);
	fake_call_error = NULL;
	ck_assert_int_eq(ask("GET", "/v1/datasets/web", NULL), 200);
	finish();
}
END_TEST

#define INDEX "{\"name\":\"by_a\",\"plugin\":\"btree\",\"columns\":[\"a\"]}"

START_TEST(an_index_is_created_with_a_task_that_builds_it)
{
	start();
	load_document();
	ask("PUT", "/v1/datasets/web", NULL);
	ck_assert_int_eq(ask("POST", "/v1/datasets/web/indexes", INDEX), 201);
	ck_assert_ptr_nonnull(strstr(reply_str("/task"), "t_"));
	ck_assert_int_eq(ask("POST", "/v1/datasets/web/indexes", INDEX), 200);
	ck_assert_int_eq(
		ask("POST", "/v1/datasets/web/indexes", "{\"name\":\"by_a\",\"plugin\":\"btree\",\"columns\":[\"b\"]}"),
		409);
	ck_assert_int_eq(
		ask("POST", "/v1/datasets/web/indexes", "{\"name\":\"a b\",\"plugin\":\"none\",\"columns\":[\"b\"]}"),
		422);
	ck_assert_uint_eq(json_count(json_get(t.reply, "errors")), 2);
	ck_assert_int_eq(ask("POST", "/v1/datasets/none/indexes", INDEX), 404);
	ck_assert_int_eq(ask("GET", "/v1/datasets/web/indexes", NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/name"), "by_a");
	ck_assert_int_eq(ask("GET", "/v1/datasets/web/indexes/by_a", NULL), 200);
	ck_assert_int_eq(ask("POST", "/v1/datasets/web/indexes/by_a:verify", NULL), 202);
	ck_assert_str_eq(reply_str("/spec/op"), "verify");
	ck_assert_int_eq(ask("POST", "/v1/datasets/web/indexes/by_a:optimize", NULL), 202);
	ck_assert_int_eq(ask("POST", "/v1/datasets/web/indexes/by_a:build", NULL), 202);
	ck_assert_int_eq(ask("POST", "/v1/tasks", "{\"kind\":\"index\",\"dataset\":\"web\",\"index\":\"by_a\"}"), 201);
	ck_assert_int_eq(ask("POST", "/v1/tasks", "{\"kind\":\"index\",\"dataset\":\"web\",\"index\":\"no\"}"), 422);
	ck_assert_int_eq(ask("DELETE", "/v1/datasets/web/indexes/by_a", NULL), 204);
	ck_assert_int_eq(ask("GET", "/v1/datasets/web/indexes/by_a", NULL), 404);
	finish();
}
END_TEST

void datasets_cases(Suite *suite)
{
	TCase *tests = tcase_create("datasets");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, a_dataset_is_created_described_and_dropped);
	tcase_add_test(tests, a_dataset_can_be_forgotten_without_its_data);
	tcase_add_test(tests, what_the_table_worker_cannot_do_is_told);
	tcase_add_test(tests, an_index_is_created_with_a_task_that_builds_it);
}
