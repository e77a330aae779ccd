/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in, rows out: uploads and queries. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/fakes.h"
#include "api/harness.h"
#include "base/file.h"
#include "base/str.h"

START_TEST(an_upload_becomes_the_source_of_a_task)
{
	char body[256];
	struct buf file;
	struct err err;

	start();
	load_document();
	client_puts(&t.client, "POST /v1/uploads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 100; i++)
		client_puts(&t.client, "5\r\nhello\r\n");
	client_puts(&t.client, "0\r\n\r\n");
	ck_assert_int_eq(client_reply(&t.client, 0), 201);
	json_free(t.reply);
	ck_ok(json_parse(t.client.body.data, t.client.body.len, &t.reply, &err), &err);
	ck_assert_int_eq(json_get_int(t.reply, "bytes", 0), 500);
	buf_init(&file, 0);
	ck_ok(file_read(path_to("%s/uploads/%s", test_dir(), reply_str("/id")), 1000, &file, &err), &err);
	ck_assert_uint_eq(file.len, 500);
	buf_done(&file);
	snprintf(body, sizeof(body), "{\"kind\":\"ingest\",\"dataset\":\"a\",\"source\":{\"upload\":\"%s\"}}",
	         reply_str("/id"));
	ck_assert_int_eq(ask("POST", "/v1/tasks", body), 201);
	ck_assert(str_starts(reply_str("/spec/source/uris/0"), test_dir()));
	finish();
}
END_TEST

static int count_uploads(void)
{
	FILE *out = popen(path_to("ls -A '%s/uploads' | wc -l", test_dir()), "r");
	int n = -1;

	ck_assert_int_eq(fscanf(out, "%d", &n), 1);
	pclose(out);
	return n;
}

START_TEST(an_upload_that_breaks_off_leaves_nothing)
{
	struct client client;

	start();
	client_open(&client, http_server_port(t.server));
	client_puts(&client, "POST /v1/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhello");
	while (!count_uploads())
		usleep(1000);
	client_close(&client);
	while (count_uploads())
		usleep(1000);
	finish();
}
END_TEST

START_TEST(a_large_upload_arrives_whole)
{
	static char block[1 << 16];
	char size[64];

	start();
	memset(block, 'x', sizeof(block));
	snprintf(size, sizeof(size), "Content-Length: %d\r\n\r\n", 300 << 16);
	client_puts(&t.client, "POST /v1/uploads HTTP/1.1\r\nHost: x\r\n");
	client_puts(&t.client, size);
	for (int i = 0; i < 300; i++)
		client_send(&t.client, block, sizeof(block));
	ck_assert_int_eq(client_reply(&t.client, 0), 201);
	ck_assert_ptr_nonnull(strstr(t.client.body.data, "\"bytes\":19660800"));
	finish();
}
END_TEST

/* ---- queries ---------------------------------------------------------------------------- */
START_TEST(rows_stream_in_the_format_that_is_asked_for)
{
	start();
	load_document();
	ck_assert_int_eq(ask("POST", "/v1/query", "{\"sql\":\"rows 3\"}"), 200);
	ck_assert_str_eq(client_header(&t.client, "Content-Type"), "application/x-ndjson");
	ck_assert_uint_eq(t.client.body.len, 3 * 48);
	ck_assert_int_eq(ask("POST", "/v1/query", "{\"sql\":\"rows 0\",\"format\":\"csv\"}"), 200);
	ck_assert_str_eq(client_header(&t.client, "Content-Type"), "text/csv; charset=utf-8");
	ck_assert_int_eq(ask_with("POST", "/v1/query", "Accept: text/csv;q=0.5, image/png\r\n", "{\"sql\":\"rows 1\"}"),
	                 200);
	ck_assert_str_eq(client_header(&t.client, "Content-Type"), "text/csv; charset=utf-8");
	ck_assert_int_eq(ask_with("POST", "/v1/query", "Accept: image/png\r\n", "{\"sql\":\"rows 1\"}"), 406);
	ck_assert_int_eq(ask("POST", "/v1/query", "{\"sql\":\"rows 1\",\"format\":\"xml\"}"), 422);
	ck_assert_int_eq(ask("POST", "/v1/query", "{}"), 422);
	finish();
}
END_TEST

START_TEST(a_query_that_fails_at_once_is_a_problem)
{
	start();
	ck_assert_int_eq(ask("POST", "/v1/query", "{\"sql\":\"fail\"}"), 400);
	ck_assert_str_eq(reply_str("/detail"), "no such column: x");
	finish();
}
END_TEST

START_TEST(a_query_that_fails_later_ends_with_an_error_line_and_a_cut)
{
	start();
	ck_assert_int_eq(ask("POST", "/v1/query", "{\"sql\":\"break\"}"), 200);
	ck_assert_int_eq(t.client.whole, 0);
	ck_assert_ptr_nonnull(strstr(t.client.body.data, "}\n{\"error\":{\"type\":\"urn:orasi:problem:corrupt\""));
	finish();
}
END_TEST

START_TEST(rows_flow_at_the_speed_of_the_client)
{
	start();
	fake_most_ahead = 0;
	client_puts(&t.client, "POST /v1/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	                       "Content-Length: 20\r\n\r\n{\"sql\":\"rows 60000\"}");
	usleep(100000);
	ck_assert_int_eq(client_reply(&t.client, 0), 200);
	ck_assert_uint_eq(t.client.body.len, 60000 * 48);
	ck_assert_int_lt(fake_most_ahead, 100);
	finish();
}
END_TEST

START_TEST(a_client_that_goes_away_cancels_its_query)
{
	struct client client;

	start();
	fake_cancelled = 0;
	client_open(&client, http_server_port(t.server));
	client_puts(&client, "POST /v1/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	                     "Content-Length: 14\r\n\r\n{\"sql\":\"hang\"}");
	usleep(20000);
	client_close(&client);
	while (!fake_cancelled)
		usleep(1000);
	finish();
}
END_TEST

void data_cases(Suite *suite)
{
	TCase *tests = tcase_create("data");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, an_upload_becomes_the_source_of_a_task);
	tcase_add_test(tests, an_upload_that_breaks_off_leaves_nothing);
	tcase_add_test(tests, a_large_upload_arrives_whole);
	tcase_add_test(tests, rows_stream_in_the_format_that_is_asked_for);
	tcase_add_test(tests, a_query_that_fails_at_once_is_a_problem);
	tcase_add_test(tests, a_query_that_fails_later_ends_with_an_error_line_and_a_cut);
	tcase_add_test(tests, rows_flow_at_the_speed_of_the_client);
	tcase_add_test(tests, a_client_that_goes_away_cancels_its_query);
}
