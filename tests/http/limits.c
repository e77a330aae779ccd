/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes and times. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/harness.h"

START_TEST(too_large_a_head_is_431)
{
	struct client client;
	static char line[40000];

	start();
	go();
	memset(line, 'a', sizeof(line) - 1);
	client = connected();
	client_puts(&client, "GET /hello HTTP/1.1\r\n" HOST "X: ");
	client_puts(&client, line);
	ck_assert_int_eq(client_reply(&client, 0), 431);
	client_close(&client);
	client = connected();
	client_puts(&client, "GET /");
	client_puts(&client, line);
	ck_assert_int_eq(client_reply(&client, 0), 431);
	client_close(&client);
	memset(line, ' ', sizeof(line) - 1);
	client = connected();
	client_puts(&client, "GET /hello HTTP/1.1\r\n" HOST "X:");
	client_puts(&client, line);
	ck_assert_int_eq(client_reply(&client, 0), 431);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(too_many_headers_are_431)
{
	struct client client;

	start();
	go();
	client = connected();
	client_puts(&client, "GET /hello HTTP/1.1\r\n" HOST);
	for (int i = 0; i < 200; i++)
		client_puts(&client, "X: y\r\n");
	ck_assert_int_eq(client_reply(&client, 0), 431);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(an_empty_header_keeps_its_place)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\nX:\r\nY: \r\n" HOST "\r\n"), 200);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(too_large_a_body_is_413_by_length_and_by_chunks)
{
	struct client client;
	static char chunk[256];

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 101\r\n\r\n"), 413);
	ck_assert(client_at_end(&client));
	client_close(&client);
	client = connected();
	memset(chunk, 'x', 101);
	client_puts(&client, "POST /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n65\r\n");
	client_puts(&client, chunk);
	ck_assert_int_eq(client_reply(&client, 0), 413);
	client_close(&client);
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx"), 413);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(endless_trailers_are_431)
{
	struct client client;

	start();
	go();
	client = connected();
	client_puts(&client, "POST /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n");
	for (int i = 0; i < 3000; i++)
		client_puts(&client, "Trailer-X: yyyyyyyy\r\n");
	ck_assert_int_eq(client_reply(&client, 0), 431);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(headers_that_trickle_in_are_cut_at_the_deadline)
{
	struct client client;

	start();
	s.config.header_timeout_ms = 200;
	go();
	client = connected();
	client_puts(&client, "GET /hello HTTP/1.1\r\n" HOST);
	while (recv(client.fd, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) < 0) {
		client_puts(&client, "X: y\r\n");
		usleep(20000);
	}
	ck_assert_int_eq(client_reply(&client, 0), 408);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_body_that_trickles_in_is_cut)
{
	struct client client;

	start();
	s.config.body_timeout_ms = 200;
	s.config.body_rate = 10000;
	go();
	client = connected();
	client_puts(&client, "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 90\r\n\r\nx");
	ck_assert_int_eq(client_reply(&client, 0), 408);
	client_close(&client);
	client = connected();
	client_puts(&client, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 90\r\n\r\nx");
	ck_assert_int_eq(client_reply(&client, 0), 408);
	ck_assert_int_eq(s.upload_ended, 1);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(an_idle_connection_is_closed_in_the_end)
{
	struct client client;

	start();
	s.config.idle_timeout_ms = 100;
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	ck_assert(client_at_end(&client));
	client_close(&client);
	finish();
}
END_TEST

START_TEST(one_connection_too_many_gets_503)
{
	struct client first, second;

	start();
	s.config.max_connections = 1;
	go();
	first = connected();
	ck_assert_int_eq(client_ask(&first, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	second = connected();
	ck_assert_int_eq(client_reply(&second, 0), 503);
	ck_assert(client_at_end(&second));
	client_close(&second);
	ck_assert_int_eq(client_ask(&first, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	client_close(&first);
	finish();
}
END_TEST

void limits_cases(Suite *suite)
{
	TCase *tests = tcase_create("limits");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, too_large_a_head_is_431);
	tcase_add_test(tests, too_many_headers_are_431);
	tcase_add_test(tests, an_empty_header_keeps_its_place);
	tcase_add_test(tests, too_large_a_body_is_413_by_length_and_by_chunks);
	tcase_add_test(tests, endless_trailers_are_431);
	tcase_add_test(tests, headers_that_trickle_in_are_cut_at_the_deadline);
	tcase_add_test(tests, a_body_that_trickles_in_is_cut);
	tcase_add_test(tests, an_idle_connection_is_closed_in_the_end);
	tcase_add_test(tests, one_connection_too_many_gets_503);
}
