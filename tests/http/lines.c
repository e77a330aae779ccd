/* SPDX-License-Identifier: Apache-2.0 */
/* The local protocol: requests and answers as lines with counted bodies, over a Unix socket. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/harness.h"

static struct client client;

static void begin(void)
{
	struct err err;

	start();
	ck_ok(option_set(option_find(http_options, "local_socket"), &s.config, test_path("local"), &err), &err);
	s.config.header_timeout_ms = 200;
	go();
	client_open_unix(&client, test_path("local"));
}

static void end(void)
{
	client_close(&client);
	finish();
}

/* Sends, and the whole text must come. */
static void says(const char *text, const char *wanted)
{
	client_puts(&client, text);
	ck_assert_msg(client_wait_for(&client, wanted), "wanted: %s\ngot: %s", wanted,
	              client.in.len ? client.in.data : "nothing");
}

START_TEST(a_line_is_a_request_and_a_line_with_a_body_its_answer)
{
	begin();
	says("1 GET /hello 0\n", "1 200 14 .\n{\"hello\":true}\n");
	says("2 POST /hello 5\nabcde", "2 200 5 . content-type:application/octet-stream\nabcde\n");
	says("3 GET /things/a%20b?q=x+y 0\n", "3 200");
	ck_assert_ptr_nonnull(strstr(client.in.data, "show|a b|x y"));
	says("4 GET /tagged if-none-match:%22v7%22 0\n", "4 304 0 . etag:\"v7\"\n\n");
	says("\r\n\n5 GET /hello 0\r\n", "5 200 14 .");
	end();
}
END_TEST

START_TEST(answers_come_as_they_are_ready_not_as_they_were_asked)
{
	begin();
	says("slow GET /hold 0\nfast GET /hello 0\n", "fast 200 14 .\n{\"hello\":true}\n");
	ck_assert_ptr_null(strstr(client.in.data, "slow"));
	says("go GET /let-go 0\n", "slow 200 6 .\n\"held\"\n");
	end();
}
END_TEST

START_TEST(a_thousand_requests_are_sent_without_waiting)
{
	char text[64];

	begin();
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d POST /hello 3\nabc\n", i);
		client_puts(&client, text);
	}
	ck_assert_int_eq(client_wait_for(&client, "999 200 3 ."), 1);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "\n%d 200 3 . content-type:application/octet-stream\nabc\n", i);
		ck_assert_msg(!i || strstr(client.in.data, text), "%d", i);
	}
	end();
}
END_TEST

START_TEST(a_wrong_request_is_a_problem_and_the_next_one_is_served)
{
	begin();
	says("1 GET /nothing 0\n", "1 404 ");
	says("2 DELETE /hello 0\n", "2 405 ");
	says("3 GET /hello 4\nbody", "3 413 ");
	says("4 POST /hello 101\n", "4 413 ");
	for (int i = 0; i < 101; i++)
		client_puts(&client, "x");
	says("5 GET /hello nonsense 0\n", "5 400 ");
	says("6 GET /hello?%zz 0\n", "6 400 ");
	says("7 GET /problem 0\n", "7 503 ");
	says("8 OPTIONS * 0\n", "8 405 ");
	says("9 GET /hello 0\n", "9 200 14 .");
	end();
}
END_TEST

static const char *const senseless[] = {
	"GET /hello\n",
	"1 GET\n",
	"1\n",
	"1 GET /hello x\n",
	"1 GET /hello -1\n",
	"1 GET /hello 99999999999999999999\n",
	"GET / HTTP/1.1\r\n",
	" GET /hello 0\n",
	"\x01 GET /hello 0\n",
	"{\"id\":1}\n",
	"0123456789012345678901234567890123456789012345678901234567890123456789 GET /hello 0\n",
};

START_TEST(a_line_that_cannot_be_understood_ends_the_connection)
{
	begin();
	says(senseless[_i], "- 400 ");
	ck_assert_int_eq(client_at_end(&client), 0);
	while (!client_at_end(&client))
		buf_clear(&client.in);
	end();
}
END_TEST

START_TEST(an_endless_line_and_a_request_that_stops_are_cut)
{
	static char long_line[64 << 10];

	begin();
	memset(long_line, 'x', sizeof(long_line) - 1);
	client_puts(&client, long_line);
	ck_assert_int_eq(client_at_end(&client), 1);
	client_close(&client);
	client_open_unix(&client, test_path("local"));
	client_puts(&client, "1 POST /hello 5\nab");
	ck_assert_int_eq(client_at_end(&client), 1);
	end();
}
END_TEST

START_TEST(a_stream_comes_in_pieces_and_says_when_it_is_cut)
{
	begin();
	says("1 GET /cut 0\n", "1 200 4 +\nhalf\n1 200 0 !\n\n");
	says("2 GET /hello 0\n", "2 200");
	end();
}
END_TEST

START_TEST(an_upload_streams_through)
{
	static char block[64 << 10];

	begin();
	client_puts(&client, "1 POST /upload 8388608\n");
	for (int i = 0; i < 128; i++)
		client_send(&client, block, sizeof(block));
	says("2 GET /hello 0\n", "1 200 7 .\n8388608\n");
	ck_assert_int_eq(client_wait_for(&client, "2 200"), 1);
	end();
}
END_TEST

START_TEST(who_does_not_read_holds_only_itself)
{
	struct client other;

	begin();
	for (int i = 0; i < 50; i++)
		client_puts(&client, "1 GET /big 0\n");
	client_open_unix(&other, test_path("local"));
	client_puts(&other, "1 GET /hello 0\n");
	ck_assert_int_eq(client_wait_for(&other, "1 200"), 1);
	client_close(&other);
	ck_assert_int_lt(s.most_queued, 1 << 20);
	end();
}
END_TEST

START_TEST(a_program_that_ends_its_side_still_gets_its_answers)
{
	struct client other;

	begin();
	client_puts(&client, "1 GET /hold 0\n2 GET /hello 0\n");
	shutdown(client.fd, SHUT_WR);
	ck_assert_int_eq(client_wait_for(&client, "2 200"), 1);
	other = connected();
	ck_assert_int_eq(client_ask(&other, "GET /let-go HTTP/1.1\r\n" HOST "\r\n"), 200);
	client_close(&other);
	ck_assert_int_eq(client_wait_for(&client, "1 200 6 ."), 1);
	end();
}
END_TEST

START_TEST(a_program_that_vanishes_leaves_nothing)
{
	begin();
	client_puts(&client, "1 GET /hold 0\n2 POST /upload 100\nabc");
	while (!s.held)
		usleep(500);
	client_close(&client);
	client_open_unix(&client, test_path("local"));
	says("3 GET /let-go 0\n", "3 200");
	while (!s.upload_ended)
		usleep(500);
	end();
}
END_TEST

START_TEST(stopping_lets_a_request_end)
{
	begin();
	client_puts(&client, "1 GET /hold 0\n");
	while (!s.held)
		usleep(500);
	command(stop_gently);
	says("2 GET /let-go 0\n", "1 200 6 .");
	while (!client_at_end(&client))
		buf_clear(&client.in);
	client_close(&client);
	join();
}
END_TEST

void lines_cases(Suite *suite)
{
	TCase *tests = tcase_create("lines");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, a_line_is_a_request_and_a_line_with_a_body_its_answer);
	tcase_add_test(tests, answers_come_as_they_are_ready_not_as_they_were_asked);
	tcase_add_test(tests, a_thousand_requests_are_sent_without_waiting);
	tcase_add_test(tests, a_wrong_request_is_a_problem_and_the_next_one_is_served);
	tcase_add_loop_test(tests, a_line_that_cannot_be_understood_ends_the_connection, 0,
	                    sizeof(senseless) / sizeof(senseless[0]));
	tcase_add_test(tests, an_endless_line_and_a_request_that_stops_are_cut);
	tcase_add_test(tests, a_stream_comes_in_pieces_and_says_when_it_is_cut);
	tcase_add_test(tests, an_upload_streams_through);
	tcase_add_test(tests, who_does_not_read_holds_only_itself);
	tcase_add_test(tests, a_program_that_ends_its_side_still_gets_its_answers);
	tcase_add_test(tests, a_program_that_vanishes_leaves_nothing);
	tcase_add_test(tests, stopping_lets_a_request_end);
}
