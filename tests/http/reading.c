/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: ambiguous ones are refused, good ones are understood. */
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "http/harness.h"

/* ---- requests that two readers could read in two ways ----------------------------------- */
static const struct {
	const char *what, *bytes;
	int status;
} ambiguous[] = {
	{"length beside chunked",
         "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"chunked before length",
         "POST /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400},
	{"two lengths", "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400},
	{"the same length twice", "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
         400},
	{"a list of lengths", "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 4, 4\r\n\r\nabcd", 400},
	{"chunked, then identity",
         "POST /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400},
	{"an unknown coding", "POST /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
	{"a space before the colon", "POST /hello HTTP/1.1\r\n" HOST "Content-Length : 4\r\n\r\nabcd", 400},
	{"a bare CR in a value", "GET /hello HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", 400},
	{"bare LF lines", "GET /hello HTTP/1.1\nHost: x\n\n", 400},
	{"bare LF behind a chunk",
         "POST /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n", 400},
	{"bare LF behind a chunk size",
         "POST /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", 400},
	{"a chunk size beyond 64 bits",
         "POST /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\nabc", 400},
	{"a negative length", "POST /hello HTTP/1.1\r\n" HOST "Content-Length: -4\r\n\r\n", 400},
	{"a length with a plus", "POST /hello HTTP/1.1\r\n" HOST "Content-Length: +4\r\n\r\nabcd", 400},
	{"a length beyond 64 bits", "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n",
         400},
	{"a hexadecimal length", "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 0x4\r\n\r\nabcd", 400},
	{"a folded header", "GET /hello HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", 400},
	{"a folded first header", "GET /hello HTTP/1.1\r\n Host: x\r\n\r\n", 400},
	{"no Host", "GET /hello HTTP/1.1\r\n\r\n", 400},
	{"two Hosts", "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
	{"a Host that is none", "GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
	{"an unknown version", "GET /hello HTTP/3.7\r\n" HOST "\r\n", 400},
	{"an unknown method", "FLY /hello HTTP/1.1\r\n" HOST "\r\n", 400},
	{"not HTTP", "\x16\x03\x01\x02\x01\x01\x01\x01\x01\x01\x01\r\n\r\n", 400},
};

START_TEST(an_ambiguous_request_is_refused_and_the_connection_ends)
{
	struct client client;

	start();
	go();
	client = connected();
	client_puts(&client, ambiguous[_i].bytes);
	client_puts(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
	ck_assert_msg(client_reply(&client, 0) == ambiguous[_i].status, "%s: %d", ambiguous[_i].what, client.status);
	ck_assert_str_eq(client_header(&client, "Connection"), "close");
	ck_assert_msg(client_at_end(&client), "%s: a second request was read", ambiguous[_i].what);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_nul_in_a_header_is_refused)
{
	struct client client;

	start();
	go();
	client = connected();
	client_send(&client, "GET /hello HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", 41);
	ck_assert_int_eq(client_reply(&client, 0), 400);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(an_ambiguous_request_is_refused_byte_by_byte_too)
{
	struct client client;
	const char *text = "GET /hello HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n";

	start();
	go();
	client = connected();
	for (; *text; text++) {
		client_send(&client, text, 1);
		usleep(500);
	}
	ck_assert_int_eq(client_reply(&client, 0), 400);
	client_close(&client);
	finish();
}
END_TEST

/* ---- good requests ---------------------------------------------------------------------- */
START_TEST(a_connection_serves_one_request_after_another)
{
	struct client client;

	start();
	go();
	client = connected();
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
		ck_assert_str_eq(client.body.data, "{\"hello\":true}");
	}
	client_close(&client);
	finish();
}
END_TEST

START_TEST(requests_sent_ahead_are_answered_in_their_order)
{
	struct client client;
	char id[16];

	start();
	go();
	client = connected();
	for (int i = 0; i < 200; i++) {
		char text[128];

		snprintf(text, sizeof(text), "GET /things/%d HTTP/1.1\r\n" HOST "\r\n", i);
		client_puts(&client, text);
	}
	for (int i = 0; i < 200; i++) {
		ck_assert_int_eq(client_reply(&client, 0), 200);
		snprintf(id, sizeof(id), "show|%d|-", i);
		ck_assert_str_eq(client.body.data, id);
	}
	client_close(&client);
	finish();
}
END_TEST

START_TEST(what_is_sent_ahead_waits_for_the_answer_before)
{
	struct client client, other;

	start();
	go();
	client = connected();
	other = connected();
	client_puts(&client, "GET /hold HTTP/1.1\r\n" HOST "\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n");
	while (client_ask(&other, "GET /let-go HTTP/1.1\r\n" HOST "\r\n") == 200 && !s.gone &&
	       recv(client.fd, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
		;
	client_reply(&client, 0);
	ck_assert_str_eq(client.body.data, "\"held\"");
	client_reply(&client, 0);
	ck_assert_str_eq(client.body.data, "{\"hello\":true}");
	client_close(&client);
	client_close(&other);
	finish();
}
END_TEST

START_TEST(a_body_comes_whole_with_length_and_in_chunks)
{
	struct client client;

	start();
	go();
	client = connected();
	client_ask(&client, "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabcde");
	ck_assert_str_eq(client.body.data, "abcde");
	client_ask(&client, "POST /hello HTTP/1.1\r\n" HOST
	                    "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n");
	ck_assert_str_eq(client.body.data, "abcde");
	client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
	ck_assert_str_eq(client.body.data, "{\"hello\":true}");
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_client_that_expects_100_gets_it_before_it_sends)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "POST /hello HTTP/1.1\r\n" HOST
	                                     "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
	                 100);
	ck_assert_int_eq(client_ask(&client, "ab"), 200);
	ck_assert_str_eq(client.body.data, "ab");
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_client_that_expects_100_is_refused_before_it_sends)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "POST /hello HTTP/1.1\r\n" HOST
	                                     "Expect: 100-continue\r\nContent-Length: 200\r\n\r\n"),
	                 413);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(parameters_and_queries_are_decoded)
{
	struct client client;

	start();
	go();
	client = connected();
	client_ask(&client, "GET /things/a%2Fb%20c?q=1%2B+2&r HTTP/1.1\r\n" HOST "\r\n");
	ck_assert_str_eq(client.body.data, "show|a/b c|1+ 2");
	client_ask(&client, "POST /things/a:mark HTTP/1.1\r\n" HOST "\r\n");
	ck_assert_str_eq(client.body.data, "mark|a|-");
	client_ask(&client, "GET http://x/things/b/parts?q=%C3%A4 HTTP/1.1\r\n" HOST "\r\n");
	ck_assert_str_eq(client.body.data, "parts|b|\xC3\xA4");
	ck_assert_int_eq(client_ask(&client, "GET /things/%00 HTTP/1.1\r\n" HOST "\r\n"), 400);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(an_unknown_path_is_404_and_a_wrong_method_405_with_allow)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /nothing HTTP/1.1\r\n" HOST "\r\n"), 404);
	ck_assert_int_eq(client_ask(&client, "DELETE /hello HTTP/1.1\r\n" HOST "\r\n"), 405);
	ck_assert_str_eq(client_header(&client, "Allow"), "GET, HEAD, POST, OPTIONS");
	ck_assert_int_eq(client_ask(&client, "OPTIONS /hello HTTP/1.1\r\n" HOST "\r\n"), 204);
	ck_assert_str_eq(client_header(&client, "Allow"), "GET, HEAD, POST, OPTIONS");
	ck_assert_int_eq(client_ask(&client, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 204);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(head_has_the_headers_of_get_and_no_body)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "HEAD /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	ck_assert_str_eq(client_header(&client, "Content-Length"), "14");
	ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	ck_assert_int_eq(client_ask(&client, "HEAD /big HTTP/1.1\r\n" HOST "\r\n"), 405);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(http_1_0_gets_its_reply_and_the_end)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /big HTTP/1.0\r\n\r\n"), 200);
	ck_assert_str_eq(client_header(&client, "Transfer-Encoding"), "");
	ck_assert_uint_eq(client.body.len, BIG);
	ck_assert(client_at_end(&client));
	client_close(&client);
	finish();
}
END_TEST

START_TEST(an_offer_to_upgrade_is_not_taken)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(
		client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"), 200);
	ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_page_of_another_site_cannot_change_anything)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "POST /hello HTTP/1.1\r\nHost: a:1\r\nOrigin: http://a:1\r\n"
	                                     "Content-Length: 1\r\n\r\nx"),
	                 200);
	ck_assert_int_eq(client_ask(&client, "POST /hello HTTP/1.1\r\nHost: a:1\r\nOrigin: http://b\r\n"
	                                     "Content-Length: 1\r\n\r\nx"),
	                 403);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_trace_goes_on_and_a_broken_one_is_replaced)
{
	struct client client;
	const char *trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
	char text[256];

	start();
	go();
	client = connected();
	snprintf(text, sizeof(text), "GET /things/a HTTP/1.1\r\n" HOST "traceparent: %s\r\n\r\n", trace);
	client_ask(&client, text);
	ck_assert_str_eq(client_header(&client, "X-Trace"), trace);
	client_ask(&client, "GET /things/a HTTP/1.1\r\n" HOST "traceparent: 00-0-0-0\r\n\r\n");
	ck_assert_uint_eq(strlen(client_header(&client, "X-Trace")), 55);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_problem_names_code_place_and_whether_to_retry)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /problem HTTP/1.1\r\n" HOST "\r\n"), 503);
	ck_assert_str_eq(client_header(&client, "Content-Type"), "application/problem+json");
	ck_assert_str_eq(client_header(&client, "Retry-After"), "1");
	ck_assert_str_eq(client.body.data,
	                 "{\"type\":\"urn:orasi:problem:busy\",\"title\":\"Too busy\",\"status\":503,"
	                 "\"detail\":\"it is \\\"busy\\\"\",\"instance\":\"/problem\",\"retryable\":true,"
	                 "\"retry_after_ms\":1000,\"errors\":[{\"pointer\":\"/a/0\","
	                 "\"detail\":\"it is \\\"busy\\\"\"}]}");
	client_close(&client);
	finish();
}
END_TEST

START_TEST(an_etag_that_the_client_has_gives_304)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /tagged HTTP/1.1\r\n" HOST "\r\n"), 200);
	ck_assert_str_eq(client_header(&client, "ETag"), "\"v7\"");
	ck_assert_int_eq(client_ask(&client, "GET /tagged HTTP/1.1\r\n" HOST "If-None-Match: \"v6\", W/\"v7\"\r\n\r\n"),
	                 304);
	ck_assert_int_eq(client_ask(&client, "GET /tagged HTTP/1.1\r\n" HOST "If-None-Match: \"v77\"\r\n\r\n"), 200);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_unix_socket_serves_too_and_only_its_owner)
{
	struct client client;
	struct err err;
	const char *path = test_path("api.sock");

	start();
	ck_ok(option_set(option_find(http_options, "unix_socket"), &s.config, path, &err), &err);
	go();
	ck_assert_int_eq(access(path, R_OK | W_OK), 0);
	client_open_unix(&client, path);
	ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	client_close(&client);
	finish();
}
END_TEST

static int refused_at(const char *path, const char *because)
{
	static char none[] = "";
	struct http_server *other = NULL;
	struct http_config config = s.config;
	struct err err = {0};
	uv_loop_t loop;

	config.listen = none;
	config.local_socket = none;
	config.unix_socket = (char *)path;
	uv_loop_init(&loop);
	ck_assert_int_ne(http_server_new(&loop, &config, NULL, NULL, &other, &err), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	return strstr(err.text, because) != NULL;
}

START_TEST(a_unix_socket_at_which_another_listens_is_left_to_it)
{
	struct client client;
	struct err err;
	const char *path = test_path("api.sock");

	start();
	ck_ok(option_set(option_find(http_options, "unix_socket"), &s.config, path, &err), &err);
	go();
	ck_assert(refused_at(path, "another process listens there"));
	client_open_unix(&client, path);
	ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	client_close(&client);
	finish();
}
END_TEST

/* As one who is not root. */
static void lose_rights(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {{0}};

	ck_assert(!syscall(SYS_capset, &header, none));
}

START_TEST(a_unix_socket_of_which_nobody_can_know_whether_one_listens_there_is_left_as_it_is)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct err err;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const char *path = test_path("api.sock");

	start();
	ck_ok(option_set(option_find(http_options, "unix_socket"), &s.config, path, &err), &err);
	go();
	str_copy(addr.sun_path, sizeof(addr.sun_path), test_path("other.sock"));
	ck_assert(!bind(fd, (const struct sockaddr *)&addr, sizeof(addr)));
	ck_assert(refused_at(addr.sun_path, "wrong type for socket"));
	ck_assert(!access(addr.sun_path, F_OK));
	close(fd);
	ck_assert(!chmod(path, 0));
	lose_rights();
	ck_assert(refused_at(path, "Permission denied"));
	ck_assert(!access(path, F_OK));
	finish();
}
END_TEST

START_TEST(a_path_at_which_no_unix_socket_can_be_is_refused_with_the_reason)
{
	char path[200];

	start();
	go();
	ck_assert(refused_at(test_path("missing/api.sock"), "the folder"));
	ck_assert(refused_at(test_path("missing/api.sock"), "No such file"));
	ck_assert(refused_at(test_dir(), "it is no socket"));
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert(refused_at(path, "at most 107 bytes"));
	finish();
}
END_TEST

void reading_cases(Suite *suite)
{
	TCase *tests = tcase_create("reading");

	suite_add_tcase(suite, tests);
	tcase_add_loop_test(tests, an_ambiguous_request_is_refused_and_the_connection_ends, 0,
	                    sizeof(ambiguous) / sizeof(ambiguous[0]));
	tcase_add_test(tests, a_nul_in_a_header_is_refused);
	tcase_add_test(tests, an_ambiguous_request_is_refused_byte_by_byte_too);
	tcase_add_test(tests, a_connection_serves_one_request_after_another);
	tcase_add_test(tests, requests_sent_ahead_are_answered_in_their_order);
	tcase_add_test(tests, what_is_sent_ahead_waits_for_the_answer_before);
	tcase_add_test(tests, a_body_comes_whole_with_length_and_in_chunks);
	tcase_add_test(tests, a_client_that_expects_100_gets_it_before_it_sends);
	tcase_add_test(tests, a_client_that_expects_100_is_refused_before_it_sends);
	tcase_add_test(tests, parameters_and_queries_are_decoded);
	tcase_add_test(tests, an_unknown_path_is_404_and_a_wrong_method_405_with_allow);
	tcase_add_test(tests, head_has_the_headers_of_get_and_no_body);
	tcase_add_test(tests, http_1_0_gets_its_reply_and_the_end);
	tcase_add_test(tests, an_offer_to_upgrade_is_not_taken);
	tcase_add_test(tests, a_page_of_another_site_cannot_change_anything);
	tcase_add_test(tests, a_trace_goes_on_and_a_broken_one_is_replaced);
	tcase_add_test(tests, a_problem_names_code_place_and_whether_to_retry);
	tcase_add_test(tests, an_etag_that_the_client_has_gives_304);
	tcase_add_test(tests, a_unix_socket_serves_too_and_only_its_owner);
	tcase_add_test(tests, a_unix_socket_at_which_another_listens_is_left_to_it);
	tcase_add_test(tests, a_unix_socket_of_which_nobody_can_know_whether_one_listens_there_is_left_as_it_is);
	tcase_add_test(tests, a_path_at_which_no_unix_socket_can_be_is_refused_with_the_reason);
}
