/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes flow at the speed of the slower side, and what breaks off is told. */
#include <sys/socket.h>
#include <unistd.h>

#include "http/harness.h"

static void wait_for(atomic_int *value)
{
	while (!*value)
		usleep(1000);
}

START_TEST(a_slow_reader_holds_the_handler_not_the_memory)
{
	struct client client;

	start();
	go();
	client = connected();
	client_puts(&client, "GET /big HTTP/1.1\r\n" HOST "\r\n");
	usleep(50000);
	ck_assert_int_eq(client_reply(&client, 0), 200);
	ck_assert_uint_eq(client.body.len, BIG);
	ck_assert_int_gt(s.drained, 0);
	ck_assert_int_lt(s.most_queued, 1 << 20);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_reader_that_stops_is_given_up)
{
	struct client client;

	start();
	s.config.write_timeout_ms = 200;
	go();
	client = connected();
	client_puts(&client, "GET /big HTTP/1.1\r\n" HOST "\r\n");
	ck_assert(client_wait_for(&client, "200 OK"));
	wait_for(&s.gone);
	client_reply(&client, 0);
	ck_assert_int_eq(client.whole, 0);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_large_upload_streams_through)
{
	struct client client;
	static char block[65536];

	start();
	go();
	client = connected();
	client_puts(&client, "POST /upload HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 100; i++) {
		client_puts(&client, "10000\r\n");
		client_send(&client, block, sizeof(block));
		client_puts(&client, "\r\n");
	}
	client_puts(&client, "0\r\n\r\n");
	ck_assert_int_eq(client_reply(&client, 0), 200);
	ck_assert_str_eq(client.body.data, "6553600");
	ck_assert_int_eq(client_ask(&client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
	client_close(&client);
	finish();
}
END_TEST

static size_t send_until_full(struct client *client, size_t n)
{
	static char block[65536];
	size_t sent = 0;

	for (int idle = 0; idle < 20 && sent < n;) {
		ssize_t done = send(client->fd, block, n - sent < sizeof(block) ? n - sent : sizeof(block),
		                    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (done > 0) {
			sent += (size_t)done;
			idle = 0;
		} else {
			idle++;
			usleep(10000);
		}
	}
	return sent;
}

START_TEST(a_paused_body_fills_the_socket_not_the_memory)
{
	struct client client, other;
	size_t n = 60u << 20, sent;

	start();
	go();
	client = connected();
	client_puts(&client, "POST /paused HTTP/1.1\r\n" HOST "Content-Length: 62914560\r\n\r\n");
	sent = send_until_full(&client, n);
	ck_assert_uint_lt(sent, n);
	other = connected();
	ck_assert_int_eq(client_ask(&other, "GET /unpause HTTP/1.1\r\n" HOST "\r\n"), 204);
	while (sent < n)
		sent += send_until_full(&client, n - sent);
	ck_assert_int_eq(client_reply(&client, 0), 200);
	ck_assert_str_eq(client.body.data, "62914560");
	client_close(&client);
	client_close(&other);
	finish();
}
END_TEST

START_TEST(an_answer_before_the_end_of_the_body_arrives)
{
	struct client client;
	static char block[65536];

	start();
	go();
	client = connected();
	client_puts(&client, "POST /hasty HTTP/1.1\r\n" HOST "Content-Length: 8388608\r\n\r\n");
	for (int i = 0; i < 128; i++)
		client_send(&client, block, sizeof(block));
	ck_assert_int_eq(client_reply(&client, 0), 200);
	ck_assert_str_eq(client_header(&client, "Connection"), "close");
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_cut_stream_looks_cut)
{
	struct client client;

	start();
	go();
	client = connected();
	ck_assert_int_eq(client_ask(&client, "GET /cut HTTP/1.1\r\n" HOST "\r\n"), 200);
	ck_assert_str_eq(client.body.data, "half");
	ck_assert_int_eq(client.whole, 0);
	client_close(&client);
	finish();
}
END_TEST

START_TEST(a_handler_hears_that_its_client_has_gone)
{
	struct client client, other;

	start();
	go();
	client = connected();
	client_puts(&client, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	client_close(&client);
	wait_for(&s.gone);
	other = connected();
	ck_assert_int_eq(client_ask(&other, "GET /let-go HTTP/1.1\r\n" HOST "\r\n"), 200);
	client_close(&other);
	finish();
	ck_assert_int_eq(s.gone, 1);
}
END_TEST

START_TEST(an_upload_that_breaks_off_ends_with_an_error)
{
	struct client client;

	start();
	go();
	client = connected();
	client_puts(&client, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nabc");
	client_close(&client);
	wait_for(&s.upload_ended);
	finish();
}
END_TEST

START_TEST(a_client_that_ends_its_side_still_gets_the_answer)
{
	struct client client, other;

	start();
	go();
	client = connected();
	client_puts(&client, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	shutdown(client.fd, SHUT_WR);
	wait_for(&s.gone);
	other = connected();
	client_ask(&other, "GET /let-go HTTP/1.1\r\n" HOST "\r\n");
	ck_assert_int_eq(client_reply(&client, 0), 200);
	client_close(&client);
	client_close(&other);
	finish();
}
END_TEST

void flow_cases(Suite *suite)
{
	TCase *tests = tcase_create("flow");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, a_slow_reader_holds_the_handler_not_the_memory);
	tcase_add_test(tests, a_reader_that_stops_is_given_up);
	tcase_add_test(tests, a_large_upload_streams_through);
	tcase_add_test(tests, a_paused_body_fills_the_socket_not_the_memory);
	tcase_add_test(tests, an_answer_before_the_end_of_the_body_arrives);
	tcase_add_test(tests, a_cut_stream_looks_cut);
	tcase_add_test(tests, a_handler_hears_that_its_client_has_gone);
	tcase_add_test(tests, an_upload_that_breaks_off_ends_with_an_error);
	tcase_add_test(tests, a_client_that_ends_its_side_still_gets_the_answer);
}
