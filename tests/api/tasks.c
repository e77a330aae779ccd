/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks: put, refused, listed, cancelled, run again. */
#include <stdio.h>
#include <string.h>

#include "api/harness.h"

#define Q(more) "{\"kind\":\"query\",\"sql\":\"SELECT 1\"" more "}"

START_TEST(a_task_is_created_and_found)
{
	char id[32];

	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks", INGEST), 201);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	ck_assert_str_eq(reply_str("/state"), "ready");
	ck_assert_str_eq(reply_str("/spec/format/plugin"), "auto");
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/spec/sink/target_file_bytes"), 0), 128 << 20);
	ck_assert_str_eq(client_header(&t.client, "Location"), path_to("/v1/tasks/%s", id));
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s", id), NULL), 200);
	ck_assert_str_eq(reply_str("/id"), id);
	ck_assert_int_eq(ask("GET", "/v1/tasks?state=ready&kind=ingest&dataset=web", NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/id"), id);
	ck_assert_int_eq(ask("GET", "/v1/tasks?fields=id,spec", NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/id"), id);
	ck_assert_str_eq(reply_str("/items/0/spec/kind"), "ingest");
	ck_assert_uint_eq(json_count(json_pointer(t.reply, "/items/0")), 2);
	ck_assert_int_eq(ask("GET", "/v1/tasks?fields=id,nonsense", NULL), 400);
	ck_assert_int_eq(ask("GET", "/v1/tasks?state=failed", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 0);
	ck_assert_int_eq(ask("GET", "/v1/tasks/t_0000000000zzz", NULL), 404);
	ck_assert_int_eq(ask("GET", "/v1/tasks/nonsense", NULL), 404);
	finish();
}
END_TEST

START_TEST(scheduling_moves_into_the_task_and_out_of_the_order)
{
	start();
	ck_assert_int_eq(ask("POST", "/v1/tasks",
	                     "{\"kind\":\"query\",\"sql\":\"select "
	                     "1\",\"priority\":\"high\",\"queue\":\"q\","
	                     "\"run_at\":\"2999-01-01T00:00:00Z\",\"timeout\":\"1h\",\"max_attempts\":3,"
	                     "\"labels\":{\"team\":\"web\"},\"unique_key\":\"u\"}"),
	                 201);
	ck_assert_str_eq(reply_str("/state"), "scheduled");
	ck_assert_str_eq(reply_str("/queue"), "q");
	ck_assert_str_eq(reply_str("/labels/team"), "web");
	ck_assert_str_eq(reply_str("/run_at"), "2999-01-01T00:00:00.000Z");
	ck_assert_int_eq(json_get_int(t.reply, "priority", -1), 2);
	ck_assert_int_eq(json_get_int(t.reply, "timeout_ms", -1), 3600000);
	ck_assert_int_eq(json_get_int(t.reply, "max_attempts", -1), 3);
	ck_assert_uint_eq(json_count(json_get(t.reply, "spec")), 3);
	ck_assert_int_eq(ask("GET", "/v1/tasks?label.team=web", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 1);
	ck_assert_int_eq(ask("GET", "/v1/tasks?label.team=other", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 0);
	finish();
}
END_TEST

static const struct {
	const char *body, *pointer;
} wrong_tasks[] = {
	{"{}", "/kind"},
	{"{\"kind\":\"query\",\"sql\":\"a\\u0000b\"}", "/sql"},
	{"[]", ""},
	{"{\"kind\":\"fly\"}", "/kind"},
	{"{\"kind\":\"ingest\",\"source\":{\"inline\":\"\"}}", "/dataset"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a b\",\"source\":{\"inline\":\"\"}}", "/dataset"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a__rejects\",\"source\":{\"inline\":\"\"}}", "/dataset"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{}}", "/source"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"inline\":\"\",\"uris\":[\"/x\"]}}", "/source"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"uris\":[\"/x\",\"y\"]}}", "/source/uris/1"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"uris\":[\"/x/../y\"]}}", "/source/uris/0"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"upload\":\"u_../../x\"}}", "/source/upload"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"inline\":\"\"},\"wild\":1}", "/wild"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"inline\":\"\"},\"sink\":{"
         "\"compression\":\"x\"}}",
         "/sink/compression"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"inline\":\"\"},\"format\":{"
         "\"plugin\":\"no\"}}",
         "/format/plugin"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"inline\":\"\"},"
         "\"format\":{\"plugin\":\"json\",\"options\":{\"mode\":\"x\"}}}",
         "/format/options/mode"},
	{"{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"inline\":\"\"},"
         "\"format\":{\"options\":{\"mode\":\"lines\"}}}",
         "/format/options"},
	{"{\"kind\":\"index\",\"dataset\":\"none\",\"index\":\"i\"}", "/dataset"},
	{"{\"kind\":\"query\",\"sql\":\"\"}", "/sql"},
	{"{\"kind\":\"query\",\"sql\":\"x\",\"priority\":\"urgent\"}", "/priority"},
	{"{\"kind\":\"query\",\"sql\":\"x\",\"priority\":10}", "/priority"},
	{"{\"kind\":\"query\",\"sql\":\"x\",\"run_at\":\"tomorrow\"}", "/run_at"},
	{"{\"kind\":\"query\",\"sql\":\"x\",\"expires_at\":\"2001-01-01T00:00:00Z\"}", "/expires_at"},
	{"{\"kind\":\"query\",\"sql\":\"x\",\"labels\":{\"a\":1}}", "/labels/a"},
	{"{\"kind\":\"query\",\"sql\":\"x\",\"queue\":\"a b\"}", "/queue"},
	{"[{\"kind\":\"query\",\"sql\":\"x\"},{\"kind\":\"query\"}]", "/1/sql"},
	{"[{\"kind\":\"query\",\"sql\":\"x\"},7]", "/1"},
};

START_TEST(a_wrong_task_is_refused_with_its_place)
{
	start();
	load_document();
	for (size_t i = 0; i < sizeof(wrong_tasks) / sizeof(wrong_tasks[0]); i++) {
		int status = ask("POST", "/v1/tasks", wrong_tasks[i].body);

		ck_assert_msg(status == 422 || status == 400, "%s: %d", wrong_tasks[i].body, status);
		ck_assert_msg(!strcmp(reply_str("/errors/0/pointer"), wrong_tasks[i].pointer), "%s: %s",
		              wrong_tasks[i].body, t.client.body.data);
	}
	ck_assert_int_eq(ask("GET", "/v1/tasks", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 0);
	finish();
}
END_TEST

START_TEST(all_problems_are_told_at_once)
{
	static const char *const places[] = {"/sql",      "/timeout",    "/heartbeat",    "/retry/max",
	                                     "/priority", "/labels/a b", "/depends_on/0", "/on_conflict"};

	start();
	ck_assert_int_eq(ask("POST", "/v1/tasks",
	                     "[{\"kind\":\"query\",\"sql\":\"x\",\"queue\":\"a b\",\"priority\":77},"
	                     "{\"kind\":\"query\",\"sql\":1,\"more\":2}]"),
	                 422);
	ck_assert_uint_eq(json_count(json_get(t.reply, "errors")), 4);
	ck_assert_int_eq(
		ask("POST", "/v1/tasks",
	            "{\"kind\":\"query\",\"sql\":1,\"timeout\":\"soon\",\"priority\":77,\"labels\":{\"a b\":\"c\"},"
	            "\"depends_on\":[\"x\"],\"heartbeat\":\"400d\",\"retry\":{\"initial\":\"1h\",\"max\":\"1s\"},"
	            "\"on_conflict\":\"reject\"}"),
		422);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		ck_assert_str_eq(json_get_str(json_at(json_get(t.reply, "errors"), i), "pointer", ""), places[i]);
	ck_assert_uint_eq(json_count(json_get(t.reply, "errors")), sizeof(places) / sizeof(places[0]));
	finish();
}
END_TEST

START_TEST(broken_json_and_other_media_types_are_refused)
{
	start();
	ck_assert_int_eq(ask("POST", "/v1/tasks", "{\"kind\":"), 400);
	ck_assert_int_eq(ask("POST", "/v1/tasks", "7"), 422);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Content-Type: text/plain\r\n", INGEST), 415);
	ck_assert_int_eq(ask("GET", "/v1/tasks?sate=ready", NULL), 400);
	ck_assert_int_eq(ask("GET", "/v1/tasks?state=bad", NULL), 400);
	ck_assert_int_eq(ask("GET", "/v1/tasks?limit=0", NULL), 400);
	ck_assert_int_eq(ask("GET", "/v1/tasks?created_after=x", NULL), 400);
	finish();
}
END_TEST

START_TEST(many_tasks_are_put_at_once_as_array_and_as_lines)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks", "[" INGEST "," INGEST "]"), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "tasks")), 2);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Content-Type: application/x-ndjson\r\n",
	                          INGEST "\n\n" INGEST "\r\n" INGEST),
	                 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "tasks")), 3);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Content-Type: application/x-ndjson\r\n", INGEST "\n{oops}\n"),
	                 400);
	ck_assert_ptr_nonnull(strstr(reply_str("/detail"), "line 2"));
	finish();
}
END_TEST

START_TEST(a_list_is_read_page_by_page)
{
	char cursor[256];
	size_t n = 0;

	start();
	ck_assert_int_eq(ask("POST", "/v1/tasks", "[" INGEST "," INGEST "," INGEST "," INGEST "," INGEST "]"), 200);
	ck_assert_int_eq(ask("GET", "/v1/tasks?limit=2", NULL), 200);
	while (1) {
		n += json_count(json_get(t.reply, "items"));
		snprintf(cursor, sizeof(cursor), "%s", reply_str("/next_cursor"));
		if (!*cursor)
			break;
		ck_assert_ptr_nonnull(strstr(client_header(&t.client, "Link"), "rel=\"next\""));
		ck_assert_int_eq(ask("GET", path_to("/v1/tasks?limit=2&cursor=%s", cursor), NULL), 200);
	}
	ck_assert_uint_eq(n, 5);
	finish();
}
END_TEST

START_TEST(a_list_goes_from_the_oldest_on_when_asked)
{
	char cursor[256];

	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks", "[" INGEST "," INGEST "," INGEST "]"), 200);
	ck_assert_int_eq(ask("GET", "/v1/tasks?order=oldest&limit=2", NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/id"), "t_0000000000001");
	ck_assert_str_eq(reply_str("/items/1/id"), "t_0000000000002");
	snprintf(cursor, sizeof(cursor), "%s", reply_str("/next_cursor"));
	ck_assert_ptr_nonnull(strstr(client_header(&t.client, "Link"), "order=oldest"));
	ck_assert_int_eq(ask("POST", "/v1/tasks", INGEST), 201); /* comes behind: it is met */
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks?order=oldest&limit=2&cursor=%s", cursor), NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/id"), "t_0000000000003");
	ck_assert_str_eq(reply_str("/items/1/id"), "t_0000000000004");
	ck_assert_str_eq(reply_str("/next_cursor"), "");
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks?limit=2&cursor=%s", cursor), NULL), 400);
	ck_assert_ptr_nonnull(strstr(reply_str("/detail"), "in this order"));
	ck_assert_int_eq(ask("GET", "/v1/tasks?order=newest", NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/id"), "t_0000000000004");
	ck_assert_int_eq(ask("GET", "/v1/tasks?order=random", NULL), 400);
	finish();
}
END_TEST

START_TEST(an_idempotency_key_gives_the_first_task_again)
{
	char id[32];

	start();
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Idempotency-Key: k1\r\n", INGEST), 201);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Idempotency-Key: k1\r\n", INGEST), 201); /* as the first time */
	ck_assert_str_eq(reply_str("/id"), id);
	ck_assert_str_eq(client_header(&t.client, "Idempotency-Replayed"), "true");
	ck_assert_int_eq(
		ask_with("POST", "/v1/tasks", "Idempotency-Key: k1\r\n", "{\"kind\":\"query\",\"sql\":\"other\"}"),
		422);
	ck_assert_str_eq(reply_str("/type"), "urn:orasi:problem:idempotency-key-reused");
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Idempotency-Key: k2\r\n",
	                          "{\"kind\":\"query\",\"sql\":\"x\",\"idempotency_key\":\"k3\"}"),
	                 422);
	finish();
}
END_TEST

static const char *waits_for(const char *id, int i, const char *member)
{
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s", id), NULL), 200);
	return reply_str(path_to("/waiting_for/%d/%s", i, member));
}

START_TEST(a_task_that_waits_says_what_for)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks",
	                     "[" Q(",\"concurrency_key\":\"c\"") "," Q(",\"concurrency_key\":\"c\"") "," Q(
				     ",\"depends_on\":[\"#0\"],\"on_dep_failure\":"
				     "\"hold\"") "," Q(",\"run_at\":\"2099-01-01T00:00:"
	                                               "00Z\"") "," Q(",\"queue\":"
	                                                              "\"shut\"") "]"),
	                 200);
	ck_assert_int_eq(ask("PATCH", "/v1/queues/shut", "{\"paused\":true}"), 200);
	ck_assert_str_eq(waits_for("t_0000000000001", 0, "type"), "worker");
	ck_assert_str_eq(waits_for("t_0000000000002", 0, "type"), "concurrency_key");
	ck_assert_ptr_nonnull(strstr(waits_for("t_0000000000002", 0, "detail"), "'c' is full: 1 tasks"));
	ck_assert_str_eq(waits_for("t_0000000000003", 0, "type"), "depends_on");
	ck_assert_str_eq(reply_str("/waiting_for/0/detail"), "task t_0000000000001 is ready");
	ck_assert_str_eq(reply_str("/policy/depends_on/0"), "t_0000000000001");
	ck_assert_str_eq(reply_str("/policy/on_dep_failure"), "hold");
	ck_assert_str_eq(waits_for("t_0000000000004", 0, "detail"), "its time is 2099-01-01T00:00:00.000Z");
	ck_assert_str_eq(waits_for("t_0000000000005", 0, "type"), "paused");
	work(ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(waits_for("t_0000000000003", 0, "detail"), "t_0000000000001 is failed, and"));
	ck_assert_int_eq(ask("GET", "/v1/tasks/t_0000000000001", NULL), 200);
	ck_assert_ptr_null(json_pointer(t.reply, "/waiting_for"));
	finish();
}
END_TEST

START_TEST(a_task_that_follows_a_batch_or_is_for_remote_workers_says_so)
{
	char batch[32];

	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/batches", "{\"on_complete\":" Q("") "}"), 201);
	snprintf(batch, sizeof(batch), "%s", reply_str("/on_complete"));
	ck_assert_str_eq(waits_for(batch, 0, "type"), "batch");
	ck_assert_ptr_nonnull(strstr(reply_str("/waiting_for/0/detail"), "is not sealed"));
	ck_assert_int_eq(ask("PUT", "/v1/queues/far", "{\"remote\":true}"), 201);
	ck_assert_int_eq(ask("POST", "/v1/tasks", "{\"kind\":\"remote\",\"queue\":\"far\",\"payload\":1}"), 201);
	snprintf(batch, sizeof(batch), "%s", reply_str("/id"));
	ck_assert_str_eq(waits_for(batch, 0, "type"), "worker");
	ck_assert_ptr_nonnull(strstr(reply_str("/waiting_for/0/detail"), "'far' is for remote workers"));
	finish();
}
END_TEST

START_TEST(a_task_shows_the_policy_that_it_was_asked_to_have)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks",
	                     Q(",\"idempotency_key\":\"i\",\"unique_key\":\"u\",\"unique_scope\":\"queued\",\"fairness_"
	                       "key\":\"f\","
	                       "\"weight\":3,\"rate_key\":\"r\",\"cost\":2,\"slots\":4,\"heartbeat\":\"30s\",\"retry\":"
	                       "{\"initial\":"
	                       "\"1s\",\"factor\":1.5,\"jitter\":\"none\"},\"retry_rules\":[{\"code\":\"io\","
	                       "\"action\":\"fail\"}],"
	                       "\"on_crash\":\"fail\",\"retention\":{\"ok\":\"1h\"}")),
	                 201);
	ck_assert_int_eq(ask("GET", "/v1/tasks/t_0000000000001", NULL), 200);
	ck_assert_str_eq(json_text(json_pointer(t.reply, "/policy")),
	                 "{\"idempotency_key\":\"i\",\"unique_scope\":\"queued\",\"fairness_key\":\"f\",\"weight\":3,"
	                 "\"concurrency_key\":null,\"rate_key\":\"r\",\"cost\":2,\"slots\":4,\"heartbeat_ms\":30000,"
	                 "\"retry\":{\"initial_ms\":1000,\"max_ms\":null,\"factor_percent\":150,\"jitter\":\"none\"},"
	                 "\"retry_rules\":\"io=fail:0\",\"on_crash\":\"fail\",\"retain_ok_ms\":3600000,"
	                 "\"retain_failed_ms\":null,\"depends_on\":[],\"on_dep_failure\":\"cancel\"}");
	finish();
}
END_TEST

START_TEST(a_result_comes_when_the_task_has_succeeded)
{
	char id[32];

	start();
	load_document();
	ask("POST", "/v1/tasks", INGEST);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s/result", id), NULL), 409);
	ck_assert_str_eq(reply_str("/type"), "urn:orasi:problem:not-finished");
	work(0);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s/result", id), NULL), 200);
	ck_assert_str_eq(t.client.body.data, "{\"rows\":7}");
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s/attempts", id), NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/outcome"), "succeeded");
	finish();
}
END_TEST

START_TEST(a_failed_task_runs_again_when_asked)
{
	char id[32];

	start();
	load_document();
	ask("POST", "/v1/tasks", INGEST);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	ck_assert_int_eq(ask("POST", path_to("/v1/tasks/%s:retry", id), NULL), 409);
	work(ERR_INVALID);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s", id), NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "failed");
	ck_assert_str_eq(reply_str("/error/detail"), "it broke");
	ck_assert_int_eq(ask("POST", path_to("/v1/tasks/%s:retry", id), NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "ready");
	ck_assert_int_eq(ask("POST", path_to("/v1/tasks/%s:cancel", id), NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "cancelled");
	ck_assert_int_eq(ask("POST", path_to("/v1/tasks/%s:cancel", id), NULL), 409);
	ck_assert_int_eq(ask("POST", "/v1/tasks/t_0000000000zzz:cancel", NULL), 404);
	finish();
}
END_TEST

START_TEST(the_local_protocol_takes_the_same_tasks)
{
	struct client local;
	char text[1024];

	start();
	client_open_unix(&local, test_path("local"));
	snprintf(text, sizeof(text), "a POST /v1/tasks %zu\n%s", strlen(INGEST), INGEST);
	client_puts(&local, text);
	ck_assert_int_eq(client_wait_for(&local, "\n{\"id\":\"t_0000000000001\""), 1);
	ck_assert_int_eq(strncmp(local.in.data, "a 201 ", 6), 0);
	ck_assert_ptr_nonnull(
		strstr(local.in.data, " . task-durability:fsync location:/v1/tasks/t_0000000000001 etag:\""));
	client_puts(&local, "b GET /v1/tasks/t_0000000000001/events 0\nc GET /v1/tasks/t_0000000000001?wait=30s 0\n");
	ck_assert_int_eq(client_wait_for(&local, "b 200 0 + content-type:text/event-stream"), 1);
	work(0);
	ck_assert_int_eq(client_wait_for(&local, "\nc 200 "), 1);
	ck_assert_int_eq(client_wait_for(&local, "\nb 200 0 .\n"), 1);
	client_puts(&local, "d POST /v1/tasks 2\n{}");
	ck_assert_int_eq(client_wait_for(&local, "\nd 422 "), 1);
	client_close(&local);
	finish();
}
END_TEST

void tasks_cases(Suite *suite)
{
	TCase *tests = tcase_create("tasks");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, a_task_is_created_and_found);
	tcase_add_test(tests, scheduling_moves_into_the_task_and_out_of_the_order);
	tcase_add_test(tests, a_wrong_task_is_refused_with_its_place);
	tcase_add_test(tests, all_problems_are_told_at_once);
	tcase_add_test(tests, broken_json_and_other_media_types_are_refused);
	tcase_add_test(tests, many_tasks_are_put_at_once_as_array_and_as_lines);
	tcase_add_test(tests, a_list_is_read_page_by_page);
	tcase_add_test(tests, a_list_goes_from_the_oldest_on_when_asked);
	tcase_add_test(tests, an_idempotency_key_gives_the_first_task_again);
	tcase_add_test(tests, a_task_that_waits_says_what_for);
	tcase_add_test(tests, a_task_that_follows_a_batch_or_is_for_remote_workers_says_so);
	tcase_add_test(tests, a_task_shows_the_policy_that_it_was_asked_to_have);
	tcase_add_test(tests, a_result_comes_when_the_task_has_succeeded);
	tcase_add_test(tests, a_failed_task_runs_again_when_asked);
	tcase_add_test(tests, the_local_protocol_takes_the_same_tasks);
}
