/* SPDX-License-Identifier: Apache-2.0 */
/* Queues with settings, batches, and workers that lease their tasks. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/harness.h"
#include "base/id.h"

#define REMOTE "{\"kind\":\"remote\",\"queue\":\"far\",\"type\":\"resize\",\"payload\":{\"w\":7}}"

/* ---- queues ------------------------------------------------------------------------------ */
START_TEST(a_queue_has_settings_and_counts)
{
	char headers[128];

	start();
	load_document();
	ck_assert_int_eq(ask("GET", "/v1/queues/web", NULL), 404);
	ck_assert_int_eq(ask("PUT", "/v1/queues/web", "{\"weight\":5,\"max_depth\":2}"), 201);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/settings/weight"), 0), 5);
	ck_assert_int_eq(ask("PATCH", "/v1/queues/web", "{\"max_running\":3}"), 200);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/settings/weight"), 0), 5);
	snprintf(headers, sizeof(headers), "If-Match: %s\r\n", client_header(&t.client, "ETag"));
	ck_assert_int_eq(ask("PUT", "/v1/queues/web", "{\"max_depth\":2}"), 200);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/settings/weight"), 0), 1);
	ck_assert_int_eq(ask_with("PATCH", "/v1/queues/web", headers, "{\"weight\":2}"), 412);
	ck_assert_int_eq(ask("POST", "/v1/tasks", "{\"kind\":\"query\",\"sql\":\"x\",\"queue\":\"web\"}"), 201);
	ck_assert_int_eq(ask("GET", "/v1/queues/web", NULL), 200);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/tasks/ready"), 0), 1);
	ck_assert_int_eq(ask("GET", "/v1/queues?limit=1", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 1);
	finish();
}
END_TEST

static const char *const wrong_settings[] = {
	"{\"weight\":0}",      "{\"weight\":1001}",
	"{\"max_depth\":-1}",  "{\"paused\":1}",
	"{\"rate\":1.5}",      "{\"rate_period_ms\":10}",
	"{\"nope\":1}",        "[]",
	"{\"key_rate\":1e99}", "{\"max_running\":99999999999999999999}",
};

START_TEST(a_wrong_setting_changes_nothing)
{
	start();
	load_document();
	ck_assert_msg(ask("PUT", "/v1/queues/web", wrong_settings[_i]) == 422 || t.client.status == 400, "%d: %s",
	              t.client.status, wrong_settings[_i]);
	ck_assert_int_eq(ask("GET", "/v1/queues/web", NULL), 404);
	ck_assert_int_eq(ask("PUT", "/v1/queues/a%20b", "{}"), 404);
	finish();
}
END_TEST

#define IN_WEB "{\"kind\":\"query\",\"sql\":\"x\",\"queue\":\"web\"}"

START_TEST(a_full_queue_says_when_to_come_again)
{
	start();
	load_document();
	ck_assert_int_eq(ask("PUT", "/v1/queues/web", "{\"max_depth\":1}"), 201);
	ck_assert_int_eq(ask("POST", "/v1/tasks", "{\"kind\":\"query\",\"sql\":\"x\",\"queue\":\"web\"}"), 201);
	ck_assert_int_eq(ask("POST", "/v1/tasks", "{\"kind\":\"query\",\"sql\":\"x\",\"queue\":\"web\"}"), 429);
	ck_assert_str_eq(client_header(&t.client, "RateLimit-Policy"),
	                 "\"queue\";q=1;qu=\"concurrent-requests\", \"agent\";q=1000000;qu=\"concurrent-requests\"");
	ck_assert_ptr_nonnull(strstr(client_header(&t.client, "RateLimit"), "\"queue\";r=0;t="));
	ck_assert_ptr_nonnull(strstr(client_header(&t.client, "RateLimit"), "\"agent\";r=999999;t="));
	ck_assert_str_eq(reply_str("/type"), "urn:orasi:problem:queue-full");
	ck_assert_int_ge(json_int(json_pointer(t.reply, "/retry_after_ms"), 0), 1000);
	ck_assert_str_ne(client_header(&t.client, "Retry-After"), "");
	finish();
}
END_TEST

START_TEST(a_full_queue_answers_what_it_has_accepted_before)
{
	static const char list[] = "[{\"kind\":\"query\",\"sql\":\"x\",\"queue\":\"web\"}]";

	start();
	load_document();
	ck_assert_int_eq(ask("PUT", "/v1/queues/web", "{\"max_depth\":2}"), 201);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Idempotency-Key: a\r\n", IN_WEB), 201);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Idempotency-Key: l\r\n", list), 200);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Idempotency-Key: b\r\n", IN_WEB), 429);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Idempotency-Key: a\r\n", IN_WEB), 201);
	ck_assert_str_eq(client_header(&t.client, "Idempotency-Replayed"), "true");
	ck_assert_int_eq(ask("POST", "/v1/queues/web:drain", NULL), 200);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Idempotency-Key: a\r\n", IN_WEB), 201);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Idempotency-Key: l\r\n", list), 200);
	ck_assert_str_eq(client_header(&t.client, "Idempotency-Replayed"), "true");
	ck_assert_int_eq(ask_with("POST", "/v1/tasks:batch", "Idempotency-Key: l\r\n", list), 200);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/0/status"), 0), 201);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Idempotency-Key: b\r\n", IN_WEB), 503);
	finish();
}
END_TEST

START_TEST(a_tenant_is_told_what_is_left_for_it)
{
	static const char of_acme[] = "{\"kind\":\"query\",\"sql\":\"x\",\"tenant\":\"acme\"}";

	start_with_share(1);
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/tasks", of_acme), 201);
	ck_assert_int_eq(ask("POST", "/v1/tasks", of_acme), 429);
	ck_assert_str_eq(client_header(&t.client, "RateLimit-Policy"), "\"tenant\";q=1;qu=\"concurrent-requests\"");
	ck_assert_ptr_nonnull(strstr(client_header(&t.client, "RateLimit"), "\"tenant\";r=0;t="));
	ck_assert_ptr_null(strstr(client_header(&t.client, "RateLimit"), "agent"));
	ck_assert_int_eq(ask("POST", "/v1/tasks", "{\"kind\":\"query\",\"sql\":\"x\",\"tenant\":\"other\"}"), 201);
	finish();
}
END_TEST

START_TEST(a_queue_tells_its_numbers)
{
	start();
	load_document();
	ck_assert_int_eq(ask("GET", "/v1/queues/web/stats", NULL), 404);
	ck_assert_int_eq(ask("PUT", "/v1/queues/web", "{\"max_depth\":3}"), 201);
	ck_assert_int_eq(ask("GET", "/v1/queues/web/stats", NULL), 200);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/longest_wait_ms"), -1), 0);
	ck_assert_int_eq(ask("POST", "/v1/tasks", IN_WEB), 201);
	ck_assert_int_eq(
		ask("POST", "/v1/tasks",
	            "{\"kind\":\"query\",\"sql\":\"x\",\"queue\":\"web\",\"run_at\":\"2099-01-01T00:00:00Z\"}"),
		201);
	do {
		ck_assert_int_eq(ask("GET", "/v1/queues/web/stats", NULL), 200);
	} while (!json_int(json_pointer(t.reply, "/longest_wait_ms"), 0));
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/tasks/ready"), 0), 1);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/tasks/scheduled"), 0), 1);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/depth"), 0), 2);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/left"), 0), 1);
	ck_assert_int_eq(ask("GET", "/v1/queues/a%20b/stats", NULL), 404);
	finish();
}
END_TEST

START_TEST(a_queue_is_paused_drained_and_resumed)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/queues/web:pause", NULL), 404);
	ck_assert_int_eq(ask("PUT", "/v1/queues/web", "{}"), 201);
	ck_assert_int_eq(ask("POST", "/v1/queues/web:pause", NULL), 200);
	ck_assert_int_eq(json_bool(json_pointer(t.reply, "/settings/paused"), 0), 1);
	ck_assert_int_eq(ask("POST", "/v1/tasks", "{\"kind\":\"query\",\"sql\":\"x\",\"queue\":\"web\"}"), 201);
	ck_assert_int_eq(ask("POST", "/v1/queues/web:drain", NULL), 200);
	ck_assert_int_eq(ask("POST", "/v1/tasks", "{\"kind\":\"query\",\"sql\":\"x\",\"queue\":\"web\"}"), 503);
	ck_assert_int_eq(ask("POST", "/v1/queues/web:resume", NULL), 200);
	ck_assert_int_eq(json_bool(json_pointer(t.reply, "/settings/paused"), 1), 0);
	ck_assert_int_eq(ask("POST", "/v1/tasks", "{\"kind\":\"query\",\"sql\":\"x\",\"queue\":\"web\"}"), 201);
	finish();
}
END_TEST

/* ---- batches ----------------------------------------------------------------------------- */
START_TEST(a_batch_counts_its_tasks_and_is_followed)
{
	char batch[32], follower[32], body[256];

	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/batches",
	                     "{\"name\":\"night\",\"on_complete\":{\"kind\":\"query\",\"sql\":\"SELECT 2\"}}"),
	                 201);
	snprintf(batch, sizeof(batch), "%s", reply_str("/id"));
	snprintf(follower, sizeof(follower), "%s", reply_str("/on_complete"));
	ck_assert_str_eq(client_header(&t.client, "Location"), path_to("/v1/batches/%s", batch));
	snprintf(body, sizeof(body), "{\"kind\":\"query\",\"sql\":\"x\",\"batch\":\"%s\"}", batch);
	ck_assert_int_eq(ask("POST", "/v1/tasks", body), 201);
	ck_assert_str_eq(reply_str("/batch"), batch);
	ck_assert_int_eq(ask("POST", path_to("/v1/batches/%s:seal", batch), NULL), 200);
	ck_assert_int_eq(ask("POST", "/v1/tasks", body), 409);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s", follower), NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "blocked");
	work(0);
	ck_assert_int_eq(ask("GET", path_to("/v1/batches/%s", batch), NULL), 200);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/succeeded"), 0), 1);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s", follower), NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "ready");
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks?batch=%s", batch), NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 1);
	ck_assert_int_eq(ask("GET", "/v1/batches", NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/id"), batch);
	finish();
}
END_TEST

#define KEY "Idempotency-Key: k\r\n"
#define OPENED "{\"name\":\"night\",\"on_complete\":{\"kind\":\"query\",\"sql\":\"SELECT 2\"}}"

START_TEST(a_batch_that_is_opened_again_with_its_key_is_the_first)
{
	char batch[32], follower[32];

	start();
	load_document();
	ck_assert_int_eq(ask_with("POST", "/v1/batches", KEY, OPENED), 201);
	snprintf(batch, sizeof(batch), "%s", reply_str("/id"));
	snprintf(follower, sizeof(follower), "%s", reply_str("/on_complete"));
	ck_assert_str_eq(client_header(&t.client, "Idempotency-Replayed"), "");
	ck_assert_int_eq(ask_with("POST", "/v1/batches", KEY, OPENED), 201);
	ck_assert_str_eq(client_header(&t.client, "Idempotency-Replayed"), "true");
	ck_assert_str_eq(client_header(&t.client, "Location"), path_to("/v1/batches/%s", batch));
	ck_assert_str_eq(reply_str("/id"), batch);
	ck_assert_str_eq(reply_str("/on_complete"), follower);
	ck_assert_int_eq(ask_with("POST", "/v1/batches", KEY, "{\"name\":\"day\"}"), 422);
	ck_assert_str_eq(reply_str("/type"), "urn:orasi:problem:idempotency-key-reused");
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", KEY, "{\"kind\":\"query\",\"sql\":\"x\"}"), 422);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", KEY, "[{\"kind\":\"query\",\"sql\":\"x\"}]"), 422);
	ck_assert_str_eq(reply_str("/type"), "urn:orasi:problem:idempotency-key-reused");
	ck_assert_int_eq(ask_with("POST", "/v1/batches", "Idempotency-Key: \r\n", OPENED), 400);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s", follower), NULL), 200);
	ck_assert_ptr_null(json_str(json_pointer(t.reply, "/policy/idempotency_key"), NULL)); /* that is the batch's */
	ck_assert_int_eq(ask("GET", "/v1/batches", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 1);
	finish();
}
END_TEST

START_TEST(a_batch_whose_key_is_under_way_is_a_conflict)
{
	struct client other;

	start();
	client_open_unix(&other, test_path("local"));
	client_puts(&other, "1 POST /v1/batches idempotency-key:k 2\n{}2 POST /v1/batches idempotency-key:k 2\n{}");
	ck_assert_int_eq(client_wait_for(&other, "2 409"), 1);
	ck_assert_ptr_nonnull(strstr(other.in.data, "idempotency-key-in-flight"));
	ck_assert_int_eq(client_wait_for(&other, "1 201"), 1);
	client_puts(&other, "3 POST /v1/batches idempotency-key:k 2\n{}");
	ck_assert_int_eq(client_wait_for(&other, "3 201"), 1);
	client_close(&other);
	finish();
}
END_TEST

START_TEST(a_wrong_batch_is_refused)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/batches", "{\"on_complete\":{\"kind\":\"nope\"}}"), 422);
	ck_assert_str_eq(reply_str("/errors/0/pointer"), "/on_complete/kind");
	ck_assert_int_eq(ask("POST", "/v1/batches", "{\"size\":3}"), 422);
	ck_assert_int_eq(ask("GET", "/v1/batches/b_0000000009999", NULL), 404);
	ck_assert_int_eq(ask("GET", "/v1/batches/t_0000000000001", NULL), 404);
	ck_assert_int_eq(ask("POST", "/v1/batches/b_0000000009999:seal", NULL), 404);
	ck_assert_int_eq(ask("POST", "/v1/tasks", "{\"kind\":\"query\",\"sql\":\"x\",\"batch\":\"b_0000000009999\"}"),
	                 422);
	finish();
}
END_TEST

/* ---- leases ------------------------------------------------------------------------------ */
static void open_far(void)
{
	start();
	load_document();
	ck_assert_int_eq(ask("PUT", "/v1/queues/far", "{\"remote\":true}"), 201);
}

static void lease(char task[32], char id[32])
{
	ck_assert_int_eq(ask("POST", "/v1/leases", "{\"queues\":[\"far\"],\"worker\":\"w1\"}"), 200);
	snprintf(task, 32, "%s", reply_str("/leases/0/task/id"));
	snprintf(id, 32, "%s", reply_str("/leases/0/lease_id"));
}

static int settle(const char *task, const char *id, const char *more)
{
	char body[512];

	snprintf(body, sizeof(body), "{\"leases\":[{\"task\":\"%s\",\"lease_id\":\"%s\",%s}]}", task, id, more);
	ck_assert_int_eq(ask("POST", "/v1/leases:settle", body), 200);
	return (int)json_int(json_pointer(t.reply, "/items/0/status"), 0);
}

START_TEST(a_remote_worker_leases_a_task_and_completes_it)
{
	char task[32], id[32], body[512];

	open_far();
	ck_assert_int_eq(ask("POST", "/v1/leases", "{\"queues\":[\"far\"],\"worker\":\"w1\"}"), 204);
	ck_assert_int_eq(ask("POST", "/v1/tasks", REMOTE), 201);
	lease(task, id);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/leases/0/task/spec/payload/w"), 0), 7);
	ck_assert_str_eq(reply_str("/leases/0/task/worker"), "w1");
	snprintf(body, sizeof(body),
	         "{\"leases\":[{\"task\":\"%s\",\"lease_id\":\"%s\",\"checkpoint\":{\"at\":3},"
	         "\"progress\":{\"done\":1,\"total\":2}}]}",
	         task, id);
	ck_assert_int_eq(ask("POST", "/v1/leases:heartbeat", body), 200);
	ck_assert_int_eq(json_bool(json_pointer(t.reply, "/items/0/stop"), 1), 0);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s", task), NULL), 200);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/progress/done"), 0), 1);
	ck_assert_int_eq(settle(task, id, "\"outcome\":\"complete\",\"result\":{\"ok\":true}"), 200);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s/result", task), NULL), 200);
	ck_assert_int_eq(json_bool(json_get(t.reply, "ok"), 0), 1);
	finish();
}
END_TEST

START_TEST(a_stale_lease_changes_nothing)
{
	char task[32], id[32], body[512];

	open_far();
	ck_assert_int_eq(ask("POST", "/v1/tasks", REMOTE), 201);
	lease(task, id);
	ck_assert_int_eq(settle(task, "l_0000000000001", "\"outcome\":\"complete\""), 409);
	ck_assert_str_eq(reply_str("/items/0/problem/type"), "urn:orasi:problem:stale-lease");
	ck_assert_int_eq(settle(task, id, "\"outcome\":\"complete\""), 200);
	ck_assert_int_eq(settle(task, id, "\"outcome\":\"fail\""), 409);
	snprintf(body, sizeof(body),
	         "{\"leases\":[{\"task\":\"%s\",\"lease_id\":\"%s\"},{\"task\":\"x\",\"lease_id\":\"y\"}]}", task, id);
	ck_assert_int_eq(ask("POST", "/v1/leases:heartbeat", body), 200);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/items/0/status"), 0), 409);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/items/1/status"), 0), 400);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s", task), NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "succeeded");
	finish();
}
END_TEST

START_TEST(a_lease_is_snoozed_failed_and_told_to_stop)
{
	char task[32], id[32], body[512];

	open_far();
	ck_assert_int_eq(ask("POST", "/v1/tasks", REMOTE), 201);
	lease(task, id);
	ck_assert_int_eq(settle(task, id, "\"outcome\":\"snooze\",\"retry_after\":\"1h\""), 200);
	ck_assert_int_eq(ask("POST", path_to("/v1/tasks/%s:promote", task), NULL), 200);
	lease(task, id);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/leases/0/task/attempt"), 0), 1);
	ck_assert_int_eq(ask("POST", path_to("/v1/tasks/%s:cancel", task), NULL), 200);
	snprintf(body, sizeof(body), "{\"leases\":[{\"task\":\"%s\",\"lease_id\":\"%s\"}]}", task, id);
	ck_assert_int_eq(ask("POST", "/v1/leases:heartbeat", body), 200);
	ck_assert_int_eq(json_bool(json_pointer(t.reply, "/items/0/stop"), 0), 1);
	ck_assert_int_eq(
		settle(task, id, "\"outcome\":\"fail\",\"error\":{\"code\":\"cancelled\",\"detail\":\"as you wish\"}"),
		200);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s", task), NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "cancelled");
	ck_assert_int_eq(ask("POST", "/v1/tasks", REMOTE), 201);
	lease(task, id);
	ck_assert_int_eq(settle(task, id, "\"outcome\":\"fail\",\"error\":{\"detail\":\"no such image\"}"), 200);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s", task), NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "failed");
	ck_assert_str_eq(reply_str("/error/detail"), "no such image");
	finish();
}
END_TEST

static void ready(void)
{
	api_on_ready(t.api);
}

/* Until the server has read what was sent before. It looks at all of its sockets in turn: once it takes a connection, once
 * it reads from it, and then it has come to the end of what was there. */
static void let_it_read(void)
{
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ask("GET", "/v1/tasks", NULL), 200);
}

START_TEST(a_worker_that_waits_gets_the_next_task)
{
	struct client waiting[3];
	static const char request[] =
		"POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		"Content-Length: 45\r\n\r\n{\"queues\":[\"far\"],\"worker\":\"w1\",\"wait\":\"30s\"}";

	open_far();
	for (int i = 0; i < 3; i++) {
		client_open(&waiting[i], http_server_port(t.server));
		client_puts(&waiting[i], request);
		let_it_read();
	}
	client_close(&waiting[0]); /* gone: it gets nothing */
	let_it_read();
	ck_assert_int_eq(ask("POST", "/v1/tasks", REMOTE), 201);
	on_loop(ready);
	ck_assert_int_eq(client_reply(&waiting[1], 0), 200);
	ck_assert_ptr_nonnull(strstr(waiting[1].body.data, "t_0000000000001"));
	ck_assert_int_eq(ask("POST", "/v1/tasks", REMOTE), 201);
	on_loop(ready);
	ck_assert_int_eq(client_reply(&waiting[2], 0), 200);
	ck_assert_ptr_nonnull(strstr(waiting[2].body.data, "t_0000000000002"));
	for (int i = 1; i < 3; i++)
		client_close(&waiting[i]);
	finish();
}
END_TEST

static const struct {
	const char *path, *body;
	int status;
} wrong_leases[] = {
	{"/v1/leases", "{}", 422},
	{"/v1/leases", "{\"queues\":[],\"worker\":\"w\"}", 422},
	{"/v1/leases", "{\"queues\":[\"near\"],\"worker\":\"w\"}", 409},
	{"/v1/leases", "{\"queues\":[\"far\"]}", 422},
	{"/v1/leases", "{\"queues\":[\"far\"],\"worker\":\"w\",\"max\":0}", 422},
	{"/v1/leases", "{\"queues\":[\"far\"],\"worker\":\"w\",\"max\":1001}", 422},
	{"/v1/leases", "{\"queues\":[\"far\"],\"worker\":\"w\",\"wait\":\"soon\"}", 422},
	{"/v1/leases", "{\"queues\":[\"far\"],\"worker\":\"w\",\"lease\":true}", 422},
	{"/v1/leases", "{\"queues\":[\"far\"],\"worker\":\"w\",\"lease\":\"0s\"}", 422},
	{"/v1/leases", "{\"queues\":[\"far\"],\"worker\":\"w\",\"lease\":\"100d\"}", 422},
	{"/v1/tasks", "{\"kind\":\"query\",\"sql\":\"SELECT 1\",\"queue\":\"far\"}", 422},
	{"/v1/leases:heartbeat", "{\"leases\":[]}", 422},
	{"/v1/leases:heartbeat", "{\"leases\":[{\"task\":\"t_0000000000001\"}]}", 422},
	{"/v1/leases:settle", "{\"leases\":[{\"task\":\"a\",\"lease_id\":\"b\",\"outcome\":\"win\"}]}", 422},
	{"/v1/leases:settle", "{\"leases\":7}", 422},
	{"/v1/tasks", "{\"kind\":\"remote\",\"queue\":\"near\"}", 422},
	{"/v1/tasks", "{\"kind\":\"remote\"}", 422},
};

START_TEST(an_error_code_that_nobody_knows_is_refused_and_the_lease_goes_on)
{
	char task[32], id[32];

	open_far();
	ck_assert_int_eq(ask("POST", "/v1/tasks", REMOTE), 201);
	lease(task, id);
	ck_assert_int_eq(settle(task, id, "\"outcome\":\"fail\",\"error\":{\"code\":\"E42\"}"), 422);
	ck_assert_str_eq(reply_str("/items/0/problem/errors/0/pointer"), "/error/code");
	ck_assert_ptr_nonnull(strstr(reply_str("/items/0/problem/detail"), "timeout, busy"));
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s", task), NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "running");
	ck_assert_int_eq(settle(task, id, "\"outcome\":\"fail\",\"error\":{\"code\":\"corrupt\"}"), 200);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s", task), NULL), 200);
	ck_assert_str_eq(reply_str("/error/code"), "corrupt");
	finish();
}
END_TEST

static const struct {
	const char *body, *pointer, *says;
} wrong_schedules[] = {
	{"{\"cron\":\"0 25 * * *\",\"task\":%s}", "/cron", "'25' is no hour: that is 0 to 23"},
	{"{\"cron\":\"0 1 * *\",\"task\":%s}", "/cron", "the day of week is missing"},
	{"{\"cron\":\"1,7-3 1 * * *\",\"task\":%s}", "/cron", "'7-3' is no minute: the range ends before it begins"},
	{"{\"cron\":\"*/0 1 * * *\",\"task\":%s}", "/cron", "'*/0' is no minute: a step is 1 to 59"},
	{"{\"cron\":\"0 1 * foo *\",\"task\":%s}", "/cron", "'foo' is no month: that is 1 to 12 or jan to dec"},
	{"{\"cron\":\"@often\",\"task\":%s}", "/cron", "'@often' is none of @hourly, @daily"},
	{"{\"cron\":\"0 1 30 2 *\",\"task\":%s}", "/cron", "never comes"},
	{"{\"cron\":\"@daily\",\"zone\":\"Mars/Olympus\",\"task\":%s}", "/zone", "'Mars/Olympus' is not known"},
	{"{\"cron\":\"@daily\",\"start_after\":\"2h\",\"expires_after\":\"1h\",\"task\":%s}", "/expires_after",
         "not longer than start_after"},
};

START_TEST(a_wrong_schedule_is_refused_with_the_part_that_is_wrong)
{
	char body[512];

	start();
	load_document();
	snprintf(body, sizeof(body), wrong_schedules[_i].body, "{\"kind\":\"query\",\"sql\":\"SELECT 1\"}");
	ck_assert_int_eq(ask("PUT", "/v1/schedules/s", body), 422);
	ck_assert_str_eq(reply_str("/errors/0/pointer"), wrong_schedules[_i].pointer);
	ck_assert_msg(strstr(reply_str("/errors/0/detail"), wrong_schedules[_i].says) != NULL, "%s",
	              reply_str("/errors/0/detail"));
	finish();
}
END_TEST

START_TEST(a_wrong_lease_is_refused)
{
	open_far();
	ck_assert_msg(ask("POST", wrong_leases[_i].path, wrong_leases[_i].body) == wrong_leases[_i].status, "%s: %d %s",
	              wrong_leases[_i].body, t.client.status, t.client.body.data);
	finish();
}
END_TEST

void queues_cases(Suite *suite)
{
	TCase *tests = tcase_create("queues");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, a_queue_has_settings_and_counts);
	tcase_add_loop_test(tests, a_wrong_setting_changes_nothing, 0,
	                    sizeof(wrong_settings) / sizeof(wrong_settings[0]));
	tcase_add_test(tests, a_full_queue_says_when_to_come_again);
	tcase_add_test(tests, a_full_queue_answers_what_it_has_accepted_before);
	tcase_add_test(tests, a_tenant_is_told_what_is_left_for_it);
	tcase_add_test(tests, a_queue_tells_its_numbers);
	tcase_add_test(tests, a_queue_is_paused_drained_and_resumed);
	tcase_add_test(tests, a_batch_counts_its_tasks_and_is_followed);
	tcase_add_test(tests, a_batch_that_is_opened_again_with_its_key_is_the_first);
	tcase_add_test(tests, a_batch_whose_key_is_under_way_is_a_conflict);
	tcase_add_test(tests, a_wrong_batch_is_refused);
	tcase_add_test(tests, a_remote_worker_leases_a_task_and_completes_it);
	tcase_add_test(tests, a_stale_lease_changes_nothing);
	tcase_add_test(tests, a_lease_is_snoozed_failed_and_told_to_stop);
	tcase_add_test(tests, a_worker_that_waits_gets_the_next_task);
	tcase_add_test(tests, an_error_code_that_nobody_knows_is_refused_and_the_lease_goes_on);
	tcase_add_loop_test(tests, a_wrong_schedule_is_refused_with_the_part_that_is_wrong, 0,
	                    sizeof(wrong_schedules) / sizeof(wrong_schedules[0]));
	tcase_add_loop_test(tests, a_wrong_lease_is_refused, 0, sizeof(wrong_leases) / sizeof(wrong_leases[0]));
}
