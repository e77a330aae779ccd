/* SPDX-License-Identifier: Apache-2.0 */
/* Submitting: many at once, each for itself; keys; preferences; and every member that can be wrong. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/harness.h"

#define Q(more) "{\"kind\":\"query\",\"sql\":\"SELECT 1\"" more "}"

/* ---- each for itself --------------------------------------------------------------------- */
START_TEST(of_many_tasks_the_fine_ones_are_accepted)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks:batch", "[" Q("") "," Q(",\"nope\":1") ",7," Q("") "]"), 200);
	ck_assert_uint_eq(json_count(t.reply), 4);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/0/status"), 0), 201);
	ck_assert_str_eq(reply_str("/0/id"), "t_0000000000001");
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/1/status"), 0), 422);
	ck_assert_str_eq(reply_str("/1/problem/errors/0/pointer"), "/nope");
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/2/status"), 0), 422);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/3/status"), 0), 201);
	ck_assert_int_eq(ask("GET", "/v1/tasks", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 2);
	finish();
}
END_TEST

START_TEST(of_many_tasks_none_is_accepted_when_they_shall_be_atomic)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks:batch?atomic=true", "[" Q("") "," Q(",\"nope\":1") "]"), 422);
	ck_assert_str_eq(reply_str("/errors/0/pointer"), "/1/nope");
	ck_assert_int_eq(ask("POST", "/v1/tasks:batch?atomic=true", "[" Q("") "," Q("") "]"), 200);
	ck_assert_uint_eq(json_count(t.reply), 2);
	ck_assert_int_eq(ask("POST", "/v1/tasks:batch?atomic=perhaps", "[" Q("") "]"), 400);
	ck_assert_int_eq(ask("GET", "/v1/tasks", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 2);
	finish();
}
END_TEST

START_TEST(lines_are_answered_as_lines)
{
	start();
	ck_assert_int_eq(ask_with("POST", "/v1/tasks:batch", "Content-Type: application/x-ndjson\r\n",
	                          Q("") "\n{}\n" Q("") "\n"),
	                 200);
	ck_assert_str_eq(client_header(&t.client, "Content-Type"), "application/x-ndjson");
	ck_assert_ptr_eq(strstr(t.client.body.data,
	                        "{\"id\":\"t_0000000000001\",\"status\":201}\n{\"index\":1,\"line\":2,\"status\":422,"),
	                 t.client.body.data);
	ck_assert_ptr_nonnull(strstr(t.client.body.data, "}\n{\"id\":\"t_0000000000002\",\"status\":201}\n"));
	finish();
}
END_TEST

#define LINES "Content-Type: application/x-ndjson\r\n"

/* Line i of an answer in lines, as JSON in t.reply. */
static void read_line(int i)
{
	const char *at = t.client.body.data;

	while (i--)
		at = strchr(at, '\n') + 1;
	json_free(t.reply);
	t.reply = NULL;
	ck_assert_int_eq(json_parse(at, strcspn(at, "\n"), &t.reply, NULL), 0);
}

START_TEST(a_line_that_is_broken_costs_only_itself)
{
	start();
	ck_assert_int_eq(
		ask_with("POST", "/v1/tasks:batch", LINES, "\n" Q("") "\n{\"kind\":\n\n" Q(",\"x\":1") "\n" Q("")),
		200);
	read_line(0);
	ck_assert_str_eq(reply_str("/id"), "t_0000000000001");
	read_line(1);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/index"), -1), 1);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/line"), -1), 3);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/status"), -1), 400);
	ck_assert_str_eq(reply_str("/problem/type"), "urn:orasi:problem:invalid");
	ck_assert_ptr_nonnull(strstr(reply_str("/problem/detail"), "line 3: the line is not JSON: "));
	read_line(2);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/line"), -1), 5);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/problem/errors/0/line"), -1), 5);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/problem/errors/0/index"), -1), 2);
	ck_assert_str_eq(reply_str("/problem/errors/0/pointer"), "/x");
	read_line(3);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/status"), -1), 201);
	finish();
}
END_TEST

START_TEST(of_lines_that_belong_together_each_problem_has_its_line)
{
	start();
	load_document();
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", LINES, Q("") "\n\n{\n[\n"), 400);
	ck_assert_uint_eq(json_count(json_get(t.reply, "errors")), 2);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/errors/1/line"), -1), 4);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", LINES, Q("") "\n\n" Q(",\"x\":1") "\n"), 422);
	ck_assert_str_eq(reply_str("/detail"), "line 3, /x: 'x' is not known");
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/errors/0/index"), -1), 1);
	ck_assert_int_eq(ask("GET", "/v1/tasks", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 0);
	finish();
}
END_TEST

START_TEST(a_queue_that_is_full_or_drains_refuses_only_its_own)
{
	start();
	load_document();
	ck_assert_int_eq(ask("PATCH", "/v1/queues/small", "{\"max_depth\":1}"), 200);
	ck_assert_int_eq(ask("PATCH", "/v1/queues/shut", "{\"draining\":true}"), 200);
	ck_assert_int_eq(ask("POST", "/v1/tasks:batch",
	                     "[" Q(",\"queue\":\"small\"") "," Q(",\"queue\":\"small\"") "," Q(
				     ",\"queue\":\"shut\"") "," Q("") "," Q(",\"depends_on\":[\"#1\"]") "]"),
	                 200);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/0/status"), 0), 201);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/1/status"), 0), 429);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/1/index"), 0), 1);
	ck_assert_str_eq(reply_str("/1/problem/type"), "urn:orasi:problem:queue-full");
	ck_assert_int_gt(json_int(json_pointer(t.reply, "/1/problem/retry_after_ms"), 0), 0);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/2/status"), 0), 503);
	ck_assert_str_eq(reply_str("/2/problem/type"), "urn:orasi:problem:busy");
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/3/status"), 0), 201);
	ck_assert_str_eq(reply_str("/4/problem/errors/0/pointer"), "/depends_on/0");
	ck_assert_str_eq(reply_str("/4/problem/errors/0/detail"), "the task before it that it depends on was refused");
	ck_assert_int_eq(ask("POST", "/v1/tasks", "[" Q("") "," Q(",\"queue\":\"shut\"") "]"), 503);
	ck_assert_int_eq(ask("GET", "/v1/tasks", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 2);
	finish();
}
END_TEST

START_TEST(what_an_item_is_refused_for_has_the_name_it_would_have_alone)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks", Q(",\"idempotency_key\":\"k\",\"unique_key\":\"u\"")), 201);
	ck_assert_int_eq(
		ask("POST", "/v1/tasks:batch",
	            "[" Q(",\"idempotency_key\":\"k\"") "," Q(",\"unique_key\":\"u\",\"on_conflict\":\"reject\"") "," Q(
			    ",\"batch\":\"b_0000000000009\"") "]"),
		200);
	ck_assert_str_eq(reply_str("/0/problem/type"), "urn:orasi:problem:idempotency-key-reused");
	ck_assert_str_eq(reply_str("/0/problem/errors/0/pointer"), "/idempotency_key");
	ck_assert_str_eq(reply_str("/1/problem/type"), "urn:orasi:problem:unique-conflict");
	ck_assert_str_eq(reply_str("/1/problem/existing"), "/v1/tasks/t_0000000000001");
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/2/problem/status"), 0), 422);
	ck_assert_str_eq(reply_str("/2/problem/type"), "urn:orasi:problem:not-found");
	ck_assert_str_eq(reply_str("/2/problem/errors/0/pointer"), "/batch");
	ck_assert_int_eq(ask("POST", "/v1/tasks", Q(",\"unique_key\":\"u\",\"on_conflict\":\"reject\"")), 409);
	ck_assert_str_eq(reply_str("/existing"), "/v1/tasks/t_0000000000001");
	ck_assert_int_eq(ask("POST", "/v1/tasks", "[" Q("") "," Q(",\"batch\":\"b_0000000000009\"") "]"), 422);
	ck_assert_str_eq(reply_str("/errors/0/pointer"), "/1/batch");
	finish();
}
END_TEST

START_TEST(a_task_may_depend_on_one_before_it_in_the_list)
{
	start();
	ck_assert_int_eq(ask("POST", "/v1/tasks:batch",
	                     "[{}," Q("") "," Q(",\"depends_on\":[\"#1\"]") "," Q(",\"depends_on\":[\"#0\"]") "," Q(
				     ",\"depends_on\":[\"#4\"]") "," Q(",\"depends_on\":[\"t_0000000009999\"]") "]"),
	                 200);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/2/status"), 0), 201);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/3/status"), 0), 422);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/4/status"), 0), 422);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/5/status"), 0), 422);
	ck_assert_int_eq(ask("GET", "/v1/tasks/t_0000000000002", NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "blocked");
	work(0);
	ck_assert_int_eq(ask("GET", "/v1/tasks/t_0000000000002", NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "ready");
	finish();
}
END_TEST

/* ---- depth --------------------------------------------------------------------------------- */

/* A task so deep: of a kind that takes any JSON. */
static const char *nested(int depth)
{
	static char text[400];
	int at = sprintf(text, "{\"kind\":\"remote\",\"queue\":\"far\",\"payload\":");

	memset(text + at, '[', (size_t)depth);
	memset(text + at + depth, ']', (size_t)depth);
	strcpy(text + at + 2 * depth, "}");
	return text;
}

START_TEST(a_task_that_is_nested_too_deeply_is_refused_whichever_way_it_comes)
{
	const char *too_deep;
	struct client other;
	char text[600];

	start();
	load_document();
	ck_assert_int_eq(ask("PATCH", "/v1/queues/far", "{\"remote\":true}"), 200);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Prefer: return=minimal\r\n", nested(JSON_DEPTH_MAX)), 201);
	too_deep = nested(JSON_DEPTH_MAX + 1);
	ck_assert_int_eq(ask("POST", "/v1/tasks", too_deep), 400);
	ck_assert_ptr_nonnull(strstr(reply_str("/detail"), "nested deeper than 64 levels at line 1, column "));
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", LINES, too_deep), 400);
	ck_assert_ptr_nonnull(strstr(reply_str("/detail"), "nested deeper than 64 levels"));
	snprintf(text, sizeof(text), "[%s]", too_deep);
	ck_assert_int_eq(ask("POST", "/v1/tasks:batch", text), 400);
	snprintf(text, sizeof(text), "{\"cron\":\"@daily\",\"task\":%s}", too_deep);
	ck_assert_int_eq(ask("PUT", "/v1/schedules/s", text), 400);
	snprintf(text, sizeof(text), "{\"on_complete\":%s}", too_deep);
	ck_assert_int_eq(ask("POST", "/v1/batches", text), 400);
	client_open_unix(&other, test_path("local"));
	snprintf(text, sizeof(text), "1 POST /v1/tasks %zu\n%s", strlen(too_deep), too_deep);
	client_puts(&other, text);
	ck_assert_int_eq(client_wait_for(&other, "1 400"), 1);
	ck_assert_ptr_nonnull(strstr(other.in.data, "nested deeper than 64 levels"));
	client_close(&other);
	finish();
}
END_TEST

/* ---- keys --------------------------------------------------------------------------------- */
START_TEST(a_key_that_is_under_way_is_a_conflict)
{
	static const char one[] = "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
				  "Idempotency-Key: k\r\nContent-Length: 33\r\n\r\n" Q("");
	char text[sizeof(one) * 2];
	struct client other;
	int statuses[2];

	start();
	client_open_unix(&other, test_path("local"));
	snprintf(text, sizeof(text),
	         "1 POST /v1/tasks idempotency-key:k 33\n" Q("") "2 POST /v1/tasks idempotency-key:k 33\n" Q(""));
	client_puts(&other, text); /* both come with one read: the second is there before the first is durable */
	ck_assert_int_eq(client_wait_for(&other, "2 409"), 1);
	ck_assert_ptr_nonnull(strstr(other.in.data, "idempotency-key-in-flight"));
	ck_assert_int_eq(client_wait_for(&other, "1 201"), 1);
	statuses[0] = client_ask(&t.client, one);
	statuses[1] = client_ask(&t.client, one);
	ck_assert_int_eq(statuses[0], 201);
	ck_assert_int_eq(statuses[1], 201);
	client_close(&other);
	finish();
}
END_TEST

#define KEY "Idempotency-Key: k\r\n"

START_TEST(the_key_of_an_array_is_that_of_all_of_it)
{
	start();
	load_document();
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", KEY, "[" Q("") "," Q(",\"priority\":3") "]"), 200);
	ck_assert_str_eq(client_header(&t.client, "Idempotency-Replayed"), "");
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", KEY, "[" Q("") ", " Q(", \"priority\":3") "]"), 200);
	ck_assert_str_eq(reply_str("/tasks/1/id"), "t_0000000000002");
	ck_assert_str_eq(client_header(&t.client, "Idempotency-Replayed"), "true");
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", KEY, "[" Q("") "]"), 422);
	ck_assert_str_eq(reply_str("/type"), "urn:orasi:problem:idempotency-key-reused");
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", KEY, "[" Q("") "," Q(",\"priority\":4") "]"), 422);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", KEY, "[" Q("") "," Q(",\"priority\":3") "," Q("") "]"), 422);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", KEY, Q("")), 422);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", KEY, "[" Q(",\"idempotency_key\":\"own\"") "]"), 422);
	ck_assert_str_eq(reply_str("/errors/0/pointer"), "/0/idempotency_key");
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Idempotency-Key: k#0\r\n", Q("")), 201);
	ck_assert_str_eq(client_header(&t.client, "Idempotency-Replayed"), "");
	finish();
}
END_TEST

START_TEST(the_key_of_a_batch_answers_what_was_accepted_and_tries_the_rest)
{
	start();
	load_document();
	ck_assert_int_eq(ask_with("POST", "/v1/tasks:batch", KEY, "[{\"kind\":\"x\"}," Q("") "]"), 200);
	ck_assert_str_eq(reply_str("/1/id"), "t_0000000000001");
	ck_assert_int_eq(ask_with("POST", "/v1/tasks:batch", KEY, "[{\"kind\":\"x\"}," Q("") "]"), 200);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/0/status"), 0), 422);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/1/status"), 0), 201);
	ck_assert_str_eq(reply_str("/1/id"), "t_0000000000001");
	ck_assert_int_eq(ask_with("POST", "/v1/tasks:batch", KEY, "[{\"kind\":\"y\"}," Q("") "]"), 422);
	ck_assert_str_eq(reply_str("/type"), "urn:orasi:problem:idempotency-key-reused");
	finish();
}
END_TEST

START_TEST(a_key_whose_task_is_kept_no_more_is_gone)
{
	start();
	load_document();
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", KEY, Q("")), 201);
	work(0);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", KEY, Q("")), 201);
	ck_assert_int_eq(ask("DELETE", "/v1/tasks/t_0000000000001", NULL), 204);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", KEY, Q("")), 410);
	ck_assert_str_eq(reply_str("/type"), "urn:orasi:problem:gone");
	ck_assert_ptr_nonnull(strstr(reply_str("/detail"), "t_0000000000001"));
	finish();
}
END_TEST

START_TEST(a_unique_key_gives_the_first_or_refuses)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks", Q(",\"unique_key\":\"u\"")), 201);
	ck_assert_int_eq(ask("POST", "/v1/tasks", Q(",\"unique_key\":\"u\"")), 200);
	ck_assert_int_eq(ask("POST", "/v1/tasks", Q(",\"unique_key\":\"u\",\"on_conflict\":\"reject\"")), 409);
	ck_assert_str_eq(reply_str("/type"), "urn:orasi:problem:unique-conflict");
	ck_assert_int_eq(ask("POST", "/v1/tasks", Q(",\"unique_key\":\"u\",\"tenant\":\"other\"")), 201);
	finish();
}
END_TEST

START_TEST(a_unique_key_replaces_merges_and_is_free_when_its_scope_ends)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks", Q(",\"unique_key\":\"u\"")), 201);
	ck_assert_int_eq(ask("POST", "/v1/tasks", Q(",\"unique_key\":\"u\",\"on_conflict\":\"replace\"")), 201);
	ck_assert_str_eq(reply_str("/id"), "t_0000000000002");
	ck_assert_int_eq(ask("GET", "/v1/tasks/t_0000000000001", NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "cancelled");
	ck_assert_ptr_nonnull(strstr(reply_str("/error/detail"), "replaced by task t_0000000000002"));
	ck_assert_int_eq(
		ask("POST", "/v1/tasks",
	            "{\"kind\":\"query\",\"sql\":\"SELECT 2\",\"unique_key\":\"u\",\"on_conflict\":\"merge\"}"),
		200);
	ck_assert_str_eq(reply_str("/id"), "t_0000000000002");
	ck_assert_str_eq(reply_str("/spec/sql"), "SELECT 2");
	work(0);
	ck_assert_int_eq(ask("POST", "/v1/tasks", Q(",\"unique_key\":\"u\",\"on_conflict\":\"reject\"")), 201);
	ck_assert_int_eq(
		ask("POST", "/v1/tasks", Q(",\"unique_key\":\"v\",\"unique_scope\":\"ttl\",\"unique_ttl\":\"1h\"")),
		201);
	work(0);
	work(0);
	ck_assert_int_eq(ask("POST", "/v1/tasks", Q(",\"unique_key\":\"v\",\"on_conflict\":\"reject\"")), 409);
	finish();
}
END_TEST

#define IN(source, more) "{\"kind\":\"ingest\",\"dataset\":\"web\",\"source\":{" source "}" more "}"
#define MERGED ",\"unique_key\":\"u\",\"on_conflict\":\"merge\""

START_TEST(what_would_be_wrong_together_is_not_merged)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks", IN("\"uris\":[\"/a\"]", ",\"unique_key\":\"u\"")), 201);
	ck_assert_int_eq(ask("POST", "/v1/tasks", IN("\"inline\":\"{}\"", MERGED)), 422);
	ck_assert_str_eq(reply_str("/errors/0/pointer"), "/source");
	ck_assert_ptr_nonnull(strstr(reply_str("/detail"), "merged into task t_0000000000001"));
	ck_assert_ptr_nonnull(strstr(reply_str("/detail"), "exactly one of uris, upload and inline"));
	ck_assert_int_eq(ask("POST", "/v1/tasks", IN("\"uris\":[\"/b\"],\"range\":{\"begin\":0,\"end\":9}", MERGED)),
	                 200);
	ck_assert_str_eq(reply_str("/spec/source/uris/0"), "/b");
	ck_assert_int_eq(ask("POST", "/v1/tasks", IN("\"uris\":[\"/b\",\"/c\"]", MERGED)), 422);
	ck_assert_str_eq(reply_str("/errors/0/pointer"), "/source/range");
	ck_assert_int_eq(ask("POST", "/v1/tasks:batch", "[" IN("\"uris\":[\"/b\",\"/c\"]", MERGED) "," Q("") "]"), 200);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/0/status"), 0), 422);
	ck_assert_str_eq(reply_str("/0/problem/errors/0/pointer"), "/source/range");
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/1/status"), 0), 201);
	ck_assert_int_eq(ask("GET", "/v1/tasks/t_0000000000001", NULL), 200);
	ck_assert_uint_eq(json_count(json_pointer(t.reply, "/spec/source/uris")), 1);
	finish();
}
END_TEST

START_TEST(a_merge_does_not_make_a_task_too_large)
{
	static char body[300 << 10];
	const char *form =
		"{\"kind\":\"remote\",\"queue\":\"far\",\"type\":\"t\",\"payload\":{\"%s\":\"%0*d\"}" MERGED "}";

	start();
	load_document();
	ck_assert_int_eq(ask("PATCH", "/v1/queues/far", "{\"remote\":true}"), 200);
	snprintf(body, sizeof(body), form, "a", 200000, 0);
	ck_assert_int_eq(ask("POST", "/v1/tasks", body), 201);
	snprintf(body, sizeof(body), form, "b", 200000, 0);
	ck_assert_int_eq(ask("POST", "/v1/tasks", body), 422);
	ck_assert_ptr_nonnull(strstr(reply_str("/detail"), "more than 262144"));
	snprintf(body, sizeof(body), form, "b", 9, 0);
	ck_assert_int_eq(ask("POST", "/v1/tasks", body), 200);
	ck_assert_str_eq(reply_str("/spec/payload/b"), "000000000");
	finish();
}
END_TEST

/* ---- preferences ---------------------------------------------------------------------------- */
START_TEST(a_client_may_want_the_id_alone)
{
	start();
	load_document();
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Prefer: return=minimal\r\n", Q("")), 201);
	ck_assert_str_eq(t.client.body.data, "{\"id\":\"t_0000000000001\"}");
	ck_assert_str_eq(client_header(&t.client, "Location"), "/v1/tasks/t_0000000000001");
	ck_assert_str_eq(client_header(&t.client, "Preference-Applied"), "return=minimal");
	finish();
}
END_TEST

START_TEST(a_change_can_be_bound_to_what_was_seen)
{
	char headers[128];

	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks", Q("")), 201);
	snprintf(headers, sizeof(headers), "If-Match: %s\r\n", client_header(&t.client, "ETag"));
	ck_assert_int_eq(ask("POST", "/v1/tasks/t_0000000000001:reschedule", "{\"priority\":\"low\"}"), 200);
	ck_assert_int_eq(ask("POST", "/v1/tasks/t_0000000000001:reschedule", "{\"priority\":\"soon\"}"), 422);
	ck_assert_int_eq(ask("POST", "/v1/tasks/t_0000000000001:reschedule", "{\"priority\":1}"), 200);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks/t_0000000000001:cancel", headers, ""), 412);
	ck_assert_str_eq(reply_str("/type"), "urn:orasi:problem:changed");
	ck_assert_int_eq(ask("GET", "/v1/tasks/t_0000000000001", NULL), 200);
	snprintf(headers, sizeof(headers), "If-Match: %s\r\n", client_header(&t.client, "ETag"));
	ck_assert_int_eq(ask_with("POST", "/v1/tasks/t_0000000000001:cancel", headers, ""), 200);
	finish();
}
END_TEST

START_TEST(a_task_that_waits_is_moved_and_promoted)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks", Q(",\"run_at\":\"2099-01-01T00:00:00Z\"")), 201);
	ck_assert_int_eq(ask("POST", "/v1/tasks/t_0000000000001:reschedule", "{\"run_at\":\"2098-01-01T00:00:00Z\"}"),
	                 200);
	ck_assert_str_eq(reply_str("/run_at"), "2098-01-01T00:00:00.000Z");
	ck_assert_int_eq(ask("POST", "/v1/tasks/t_0000000000001:reschedule", "{\"priority\":10}"), 422);
	ck_assert_int_eq(ask("POST", "/v1/tasks/t_0000000000001:promote", NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "ready");
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/priority"), -1), 0);
	work(0);
	ck_assert_int_eq(ask("POST", "/v1/tasks/t_0000000000001:promote", NULL), 409);
	finish();
}
END_TEST

/* ---- every member --------------------------------------------------------------------------- */
START_TEST(every_member_is_taken)
{
	start();
	load_document();
	ck_assert_int_eq(
		ask("POST", "/v1/tasks",
	            Q(",\"tenant\":\"acme\",\"deadline\":\"2099-01-01T00:00:00Z\",\"heartbeat\":\"30s\",\"timeout\":"
	              "\"1h\","
	              "\"retry\":{\"initial\":\"1s\",\"max\":60000,\"factor\":1.5,\"jitter\":\"equal\"},"
	              "\"retry_rules\":[{\"code\":\"busy\",\"action\":\"snooze\",\"after\":\"5s\"},"
	              "{\"code\":\"*\",\"action\":\"fail\"}],\"on_crash\":\"fail\",\"retention\":{\"ok\":\"1h\","
	              "\"failed\":\"7d\"},"
	              "\"fairness_key\":\"f\",\"weight\":3,\"concurrency_key\":\"c\",\"rate_key\":\"r\",\"cost\":2,"
	              "\"slots\":2,"
	              "\"unique_key\":\"u\",\"unique_scope\":\"ttl\",\"unique_ttl\":\"1m\",\"on_conflict\":\"merge\","
	              "\"on_dep_failure\":\"run\",\"max_attempts\":7,\"priority\":\"low\",\"labels\":{\"a\":\"b\"}")),
		201);
	ck_assert_str_eq(reply_str("/tenant"), "acme");
	ck_assert_str_eq(reply_str("/deadline"), "2099-01-01T00:00:00.000Z");
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/timeout_ms"), 0), 3600000);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/max_attempts"), 0), 7);
	ck_assert_uint_eq(json_count(json_pointer(t.reply, "/spec")), 3); /* kind, sql, limit: all else is policy */
	ck_assert_int_eq(ask("GET", "/v1/tasks?tenant=acme&label.a=b", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 1);
	ck_assert_int_eq(ask("GET", "/v1/tasks?tenant=other", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 0);
	finish();
}
END_TEST

static const struct {
	const char *members, *pointer;
} wrong[] = {
	{",\"tenant\":\"\"", "/tenant"},
	{",\"tenant\":7", "/tenant"},
	{",\"tenant\":\"a\\u0007\"", "/tenant"},
	{",\"queue\":\"a b\"", "/queue"},
	{",\"queue\":\"-x\"", "/queue"},
	{",\"deadline\":\"tomorrow\"", "/deadline"},
	{",\"deadline\":\"2001-01-01T00:00:00Z\"", "/deadline"},
	{",\"expires_at\":\"2001-01-01T00:00:00Z\"", "/expires_at"},
	{",\"run_at\":\"2026-13-01T00:00:00Z\"", "/run_at"},
	{",\"run_at\":\"2026-01-01\"", "/run_at"},
	{",\"heartbeat\":\"soon\"", "/heartbeat"},
	{",\"timeout\":-1", ""},
	{",\"timeout\":\"9999999999999d\"", "/timeout"},
	{",\"max_attempts\":0", "/max_attempts"},
	{",\"max_attempts\":1.5", "/max_attempts"},
	{",\"max_attempts\":99999999999", "/max_attempts"},
	{",\"retry\":[]", "/retry"},
	{",\"retry\":{\"initial\":true}", "/retry/initial"},
	{",\"retry\":{\"factor\":0.5}", "/retry/factor"},
	{",\"retry\":{\"jitter\":\"some\"}", "/retry/jitter"},
	{",\"retry\":{\"first\":1}", "/retry/first"},
	{",\"retry_rules\":{}", "/retry_rules"},
	{",\"retry_rules\":[{\"code\":\"busy\"}]", "/retry_rules/0/action"},
	{",\"retry_rules\":[{\"code\":\"busy\",\"action\":\"shout\"}]", "/retry_rules/0/action"},
	{",\"retry_rules\":[{\"code\":\"no such code\",\"action\":\"fail\"}]", "/retry_rules/0/code"},
	{",\"retry_rules\":[{\"code\":\"*\",\"action\":\"snooze\"}]", "/retry_rules/0/after"},
	{",\"run_at\":\"2098-01-02T00:00:00Z\",\"expires_at\":\"2098-01-01T00:00:00Z\"", "/expires_at"},
	{",\"run_at\":\"2098-01-02T00:00:00Z\",\"deadline\":\"2098-01-02T00:00:00Z\"", "/deadline"},
	{",\"durability\":\"async\"", "/durability"},
	{",\"durability\":\"none\"", "/durability"},
	{",\"durability\":1", "/durability"},
	{",\"retry_rules\":[{\"code\":\"a=b,c\",\"action\":\"fail\"}]", "/retry_rules/0/code"},
	{",\"on_crash\":\"panic\"", "/on_crash"},
	{",\"retention\":{\"ok\":\"x\"}", "/retention/ok"},
	{",\"weight\":0", "/weight"},
	{",\"weight\":101", "/weight"},
	{",\"cost\":0", "/cost"},
	{",\"slots\":-1", "/slots"},
	{",\"depends_on\":\"t_1\"", "/depends_on"},
	{",\"depends_on\":[\"t_1\"]", "/depends_on/0"},
	{",\"depends_on\":[\"#0\"]", "/depends_on/0"},
	{",\"depends_on\":[7]", "/depends_on/0"},
	{",\"on_dep_failure\":\"cry\"", "/on_dep_failure"},
	{",\"batch\":\"t_0000000000001\"", "/batch"},
	{",\"unique_scope\":\"world\"", "/unique_scope"},
	{",\"unique_key\":\"u\",\"unique_scope\":\"ttl\"", "/unique_ttl"},
	{",\"on_conflict\":\"fight\"", "/on_conflict"},
	{",\"labels\":{\"a\":1}", "/labels/a"},
	{",\"labels\":{\"a b\":\"c\"}", "/labels/a b"},
	{",\"labels\":[]", "/labels"},
	{",\"priority\":10", "/priority"},
	{",\"priority\":-1", "/priority"},
	{",\"priority\":\"urgent\"", "/priority"},
	{",\"unknown\":1", "/unknown"},
	{",\"sql\\u0000\":1", ""},
};

START_TEST(an_answer_says_that_it_is_durable_and_less_is_refused)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks", Q(",\"durability\":\"fsync\"")), 201);
	ck_assert_str_eq(client_header(&t.client, "Task-Durability"), "fsync");
	ck_assert_ptr_null(json_pointer(t.reply, "/spec/durability"));
	ck_assert_int_eq(ask("POST", "/v1/tasks:batch", "[" Q("") "]"), 200);
	ck_assert_str_eq(client_header(&t.client, "Task-Durability"), "fsync");
	ck_assert_int_eq(ask("POST", "/v1/tasks", Q(",\"durability\":\"async\"")), 422);
	ck_assert_ptr_nonnull(strstr(reply_str("/detail"), "every task is on disk before it is answered"));
	finish();
}
END_TEST

START_TEST(a_task_cannot_be_moved_behind_its_end)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks",
	                     Q(",\"run_at\":\"2098-01-01T00:00:00Z\",\"expires_at\":\"2098-01-02T00:00:00Z\"")),
	                 201);
	ck_assert_int_eq(ask("POST", "/v1/tasks/t_0000000000001:reschedule", "{\"run_at\":\"2098-01-02T00:00:00Z\"}"),
	                 422);
	ck_assert_str_eq(reply_str("/errors/0/pointer"), "/run_at");
	ck_assert_int_eq(ask("POST", "/v1/tasks/t_0000000000001:reschedule", "{\"run_at\":\"2098-01-01T12:00:00Z\"}"),
	                 200);
	finish();
}
END_TEST

START_TEST(a_member_that_is_wrong_is_named_and_nothing_is_accepted)
{
	char body[512];

	start();
	load_document();
	snprintf(body, sizeof(body), "{\"kind\":\"query\",\"sql\":\"SELECT 1\"%s}", wrong[_i].members);
	ck_assert_msg(ask("POST", "/v1/tasks", body) / 10 == 42 || t.client.status == 400, "%s: %d", body,
	              t.client.status);
	if (*wrong[_i].pointer)
		ck_assert_str_eq(reply_str("/errors/0/pointer"), wrong[_i].pointer);
	ck_assert_msg(strlen(reply_str("/detail")) > 5, "%s", t.client.body.data);
	ck_assert_int_eq(ask("GET", "/v1/tasks", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 0);
	finish();
}
END_TEST

START_TEST(of_many_wrong_members_the_first_are_told_and_the_rest_counted)
{
	static char body[1 << 20];
	size_t n = (size_t)snprintf(body, sizeof(body), "{\"kind\":\"query\",\"sqll\":\"SELECT 1\"");

	start();
	load_document();
	for (int i = 0; i < 10000; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, ",\"nobody-knows-%d\":0", i);
	snprintf(body + n, sizeof(body) - n, "}");
	ck_assert_int_eq(ask("POST", "/v1/tasks", body), 422);
	ck_assert_uint_eq(json_count(json_get(t.reply, "errors")), 33);
	ck_assert_str_eq(reply_str("/errors/1/detail"), "'sqll' is not known; did you mean 'sql'?");
	ck_assert_str_eq(reply_str("/errors/32/detail"), "and 9970 more problems");
	finish();
}
END_TEST

START_TEST(too_much_is_refused_with_its_measure)
{
	static char body[1 << 20];
	size_t n = (size_t)snprintf(body, sizeof(body), "{\"kind\":\"query\",\"sql\":\"SELECT 1\",\"labels\":{");

	start();
	for (int i = 0; i < 17; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, "%s\"l%d\":\"x\"", i ? "," : "", i);
	snprintf(body + n, sizeof(body) - n, "}}");
	ck_assert_int_eq(ask("POST", "/v1/tasks", body), 422);
	ck_assert_str_eq(reply_str("/errors/0/pointer"), "/labels");
	n = (size_t)snprintf(body, sizeof(body), "{\"kind\":\"query\",\"sql\":\"");
	memset(body + n, 'x', 300 << 10);
	snprintf(body + n + (300 << 10), 8, "\"}");
	ck_assert_int_eq(ask("POST", "/v1/tasks", body), 422);
	ck_assert_str_eq(reply_str("/errors/0/pointer"), "/sql");
	finish();
}
END_TEST

void submit_cases(Suite *suite)
{
	TCase *tests = tcase_create("submit");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, of_many_tasks_the_fine_ones_are_accepted);
	tcase_add_test(tests, of_many_tasks_none_is_accepted_when_they_shall_be_atomic);
	tcase_add_test(tests, lines_are_answered_as_lines);
	tcase_add_test(tests, a_line_that_is_broken_costs_only_itself);
	tcase_add_test(tests, of_lines_that_belong_together_each_problem_has_its_line);
	tcase_add_test(tests, a_queue_that_is_full_or_drains_refuses_only_its_own);
	tcase_add_test(tests, what_an_item_is_refused_for_has_the_name_it_would_have_alone);
	tcase_add_test(tests, a_task_may_depend_on_one_before_it_in_the_list);
	tcase_add_test(tests, a_task_that_is_nested_too_deeply_is_refused_whichever_way_it_comes);
	tcase_add_test(tests, a_key_that_is_under_way_is_a_conflict);
	tcase_add_test(tests, the_key_of_an_array_is_that_of_all_of_it);
	tcase_add_test(tests, the_key_of_a_batch_answers_what_was_accepted_and_tries_the_rest);
	tcase_add_test(tests, a_key_whose_task_is_kept_no_more_is_gone);
	tcase_add_test(tests, a_unique_key_gives_the_first_or_refuses);
	tcase_add_test(tests, a_unique_key_replaces_merges_and_is_free_when_its_scope_ends);
	tcase_add_test(tests, what_would_be_wrong_together_is_not_merged);
	tcase_add_test(tests, a_merge_does_not_make_a_task_too_large);
	tcase_add_test(tests, a_client_may_want_the_id_alone);
	tcase_add_test(tests, a_change_can_be_bound_to_what_was_seen);
	tcase_add_test(tests, a_task_that_waits_is_moved_and_promoted);
	tcase_add_test(tests, every_member_is_taken);
	tcase_add_test(tests, an_answer_says_that_it_is_durable_and_less_is_refused);
	tcase_add_test(tests, a_task_cannot_be_moved_behind_its_end);
	tcase_add_loop_test(tests, a_member_that_is_wrong_is_named_and_nothing_is_accepted, 0,
	                    sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tests, of_many_wrong_members_the_first_are_told_and_the_rest_counted);
	tcase_add_test(tests, too_much_is_refused_with_its_measure);
}
