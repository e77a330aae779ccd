/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for tasks: long poll, preferences, ETags, event streams. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/harness.h"

static void send_get(struct client *client, const char *path, const char *headers)
{
	char text[512];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, headers);
	client_puts(client, text);
}

START_TEST(a_get_with_wait_answers_when_the_task_ends)
{
	struct client waiter;
	char id[32];

	start();
	ask("POST", "/v1/tasks", INGEST);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	client_open(&waiter, http_server_port(t.server));
	send_get(&waiter, path_to("/v1/tasks/%s?wait=50s", id), "");
	work(0);
	ck_assert_int_eq(client_reply(&waiter, 0), 200);
	ck_assert_ptr_nonnull(strstr(waiter.body.data, "\"state\":\"succeeded\""));
	client_close(&waiter);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s?wait=soon", id), NULL), 400);
	finish();
}
END_TEST

START_TEST(a_post_that_prefers_to_wait_gets_the_ended_task)
{
	struct client waiter;

	start();
	client_open(&waiter, http_server_port(t.server));
	client_puts(&waiter, "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	                     "Prefer: wait=50\r\nContent-Length: "
	                     "35\r\n\r\n{\"kind\":\"query\",\"sql\":\"select 1\"}  ");
	while (ask("GET", "/v1/tasks", NULL) == 200 && !json_count(json_get(t.reply, "items")))
		usleep(1000);
	work(0);
	ck_assert_int_eq(client_reply(&waiter, 0), 200);
	ck_assert_str_eq(client_header(&waiter, "Preference-Applied"), "wait");
	client_close(&waiter);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Prefer: wait=0.1\r\n", INGEST), 201);
	ck_assert_int_eq(ask_with("POST", "/v1/tasks", "Prefer: wait=100ms\r\n", INGEST), 201);
	finish();
}
END_TEST

START_TEST(an_etag_saves_sending_the_same_task_again)
{
	char id[32], header[128];

	start();
	ask("POST", "/v1/tasks", INGEST);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	snprintf(header, sizeof(header), "If-None-Match: %s\r\n", client_header(&t.client, "ETag"));
	ck_assert_int_eq(ask_with("GET", path_to("/v1/tasks/%s", id), header, NULL), 304);
	ck_assert_int_eq(ask_with("GET", path_to("/v1/tasks/%s?wait=100ms", id), header, NULL), 304);
	work(0);
	ck_assert_int_eq(ask_with("GET", path_to("/v1/tasks/%s?wait=50s", id), header, NULL), 200);
	finish();
}
END_TEST

START_TEST(a_client_says_what_it_waits_for)
{
	char id[32], header[128];

	start();
	load_document();
	ask("POST", "/v1/tasks", INGEST);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	snprintf(header, sizeof(header), "If-None-Match: %s\r\n", client_header(&t.client, "ETag"));
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s?wait=20ms&until=change", id), NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "ready"); /* nothing has changed in that time */
	ck_assert_int_eq(ask("POST", path_to("/v1/tasks/%s:reschedule", id), "{\"priority\":1}"), 200);
	/* it has changed from what the client has, and has not ended */
	ck_assert_int_eq(ask_with("GET", path_to("/v1/tasks/%s?wait=50s", id), header, NULL), 200);
	ck_assert_int_eq(ask_with("GET", path_to("/v1/tasks/%s?wait=20ms&until=terminal", id), header, NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "ready");
	work(0);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s?wait=50s&until=terminal", id), NULL), 200);
	ck_assert_str_eq(reply_str("/state"), "succeeded");
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s?until=tomorrow", id), NULL), 400);
	finish();
}
END_TEST

START_TEST(the_events_of_a_task_stream_until_it_ends)
{
	struct client stream;
	char id[32];

	start();
	ask("POST", "/v1/tasks", INGEST);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	client_open(&stream, http_server_port(t.server));
	send_get(&stream, path_to("/v1/tasks/%s/events", id), "");
	ck_assert(client_wait_for(&stream, "\"state\":\"ready\""));
	work(0);
	ck_assert_int_eq(client_reply(&stream, 0), 200);
	ck_assert_int_eq(stream.whole, 1);
	ck_assert_ptr_nonnull(strstr(stream.body.data, "event: state\n"));
	ck_assert_ptr_nonnull(strstr(stream.body.data, "\"state\":\"succeeded\""));
	client_close(&stream);
	finish();
}
END_TEST

START_TEST(a_stream_goes_on_behind_the_last_event_that_was_seen)
{
	struct client stream;
	char header[64];

	start();
	client_open(&stream, http_server_port(t.server));
	send_get(&stream, "/v1/events", "");
	ck_assert(client_wait_for(&stream, "retry:"));
	ask("POST", "/v1/tasks", INGEST);
	ck_assert(client_wait_for(&stream, "\"state\":\"ready\""));
	snprintf(header, sizeof(header), "Last-Event-ID: %lld\r\n", atoll(strstr(stream.in.data, "id: ") + 4) - 1);
	client_close(&stream);
	work(0);
	client_open(&stream, http_server_port(t.server));
	send_get(&stream, "/v1/events", header);
	ck_assert(client_wait_for(&stream, "\"state\":\"ready\""));
	ck_assert(client_wait_for(&stream, "\"state\":\"succeeded\""));
	client_close(&stream);
	snprintf(header, sizeof(header), "Last-Event-ID: %lld\r\n", atoll(strchr(header, ' ') + 1) + 1);
	client_open(&stream, http_server_port(t.server));
	send_get(&stream, "/v1/events", header);
	ck_assert(client_wait_for(&stream, "\"state\":\"succeeded\""));
	ck_assert_ptr_null(strstr(stream.in.data, "\"state\":\"ready\"")); /* that one was seen */
	client_close(&stream);
	client_open(&stream, http_server_port(t.server));
	send_get(&stream, "/v1/events", "Last-Event-ID: 5\r\n");
	ck_assert(client_wait_for(&stream, "event: gap"));
	client_close(&stream);
	finish();
}
END_TEST

START_TEST(a_stream_in_which_nothing_happens_has_a_comment_now_and_then)
{
	struct client stream;

	start_with_ping(20);
	client_open(&stream, http_server_port(t.server));
	send_get(&stream, "/v1/events", "");
	ck_assert(client_wait_for(&stream, ": ping"));
	buf_clear(&stream.in);
	ck_assert(client_wait_for(&stream, ": ping"));
	client_close(&stream);
	finish();
}
END_TEST

START_TEST(a_stream_of_an_ended_task_that_was_read_is_not_begun_again)
{
	char id[32], header[64];
	const char *last;

	start();
	ask("POST", "/v1/tasks", INGEST);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	work(0);
	ck_assert_int_eq(ask("GET", path_to("/v1/tasks/%s/events", id), NULL), 200);
	last = strstr(t.client.body.data, "id: ");
	snprintf(header, sizeof(header), "Last-Event-ID: %lld\r\n", atoll(last + 4));
	ck_assert_int_eq(ask_with("GET", path_to("/v1/tasks/%s/events", id), header, NULL), 204);
	finish();
}
END_TEST

START_TEST(stopping_ends_streams_and_answers_who_waits)
{
	struct client stream, waiter;
	char id[32];

	start();
	ask("POST", "/v1/tasks", INGEST);
	snprintf(id, sizeof(id), "%s", reply_str("/id"));
	client_open(&stream, http_server_port(t.server));
	send_get(&stream, "/v1/events", "");
	ck_assert(client_wait_for(&stream, "retry:"));
	client_open(&waiter, http_server_port(t.server));
	send_get(&waiter, path_to("/v1/tasks/%s?wait=50s", id), "");
	ask("GET", "/v1/agent", NULL);
	finish();
	ck_assert_int_eq(client_reply(&stream, 0), 200);
	ck_assert_int_eq(stream.whole, 1);
	client_close(&stream);
	client_close(&waiter);
}
END_TEST

START_TEST(a_stream_may_be_of_one_queue_also_what_was_missed)
{
	struct client stream;

	start();
	client_open(&stream, http_server_port(t.server));
	client_puts(&stream, "GET /v1/events?queue=b HTTP/1.1\r\nHost: x\r\n\r\n");
	ck_assert_int_eq(client_wait_for(&stream, "retry: 2000"), 1);
	ck_assert_int_eq(ask("POST", "/v1/tasks", "{\"kind\":\"query\",\"sql\":\"x\",\"queue\":\"a\"}"), 201);
	ck_assert_int_eq(ask("POST", "/v1/tasks", "{\"kind\":\"query\",\"sql\":\"x\",\"queue\":\"b\"}"), 201);
	ck_assert_int_eq(client_wait_for(&stream, "t_0000000000002"), 1);
	ck_assert_ptr_null(strstr(stream.in.data, "t_0000000000001"));
	client_close(&stream);
	client_open(&stream, http_server_port(t.server));
	client_puts(&stream, "GET /v1/events?queue=b HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 1\r\n\r\n");
	ck_assert_int_eq(client_wait_for(&stream, "t_0000000000002"), 1);
	ck_assert_ptr_null(strstr(stream.in.data, "t_0000000000001"));
	client_close(&stream);
	finish();
}
END_TEST

void waiting_cases(Suite *suite)
{
	TCase *tests = tcase_create("waiting");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, a_get_with_wait_answers_when_the_task_ends);
	tcase_add_test(tests, a_post_that_prefers_to_wait_gets_the_ended_task);
	tcase_add_test(tests, an_etag_saves_sending_the_same_task_again);
	tcase_add_test(tests, a_client_says_what_it_waits_for);
	tcase_add_test(tests, the_events_of_a_task_stream_until_it_ends);
	tcase_add_test(tests, a_stream_goes_on_behind_the_last_event_that_was_seen);
	tcase_add_test(tests, a_stream_in_which_nothing_happens_has_a_comment_now_and_then);
	tcase_add_test(tests, a_stream_of_an_ended_task_that_was_read_is_not_begun_again);
	tcase_add_test(tests, stopping_ends_streams_and_answers_who_waits);
	tcase_add_test(tests, a_stream_may_be_of_one_queue_also_what_was_missed);
}
