/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "http/harness.h"

static void answer_held(void)
{
	http_reply_json(s.held, 200, "\"late\"");
	s.held = NULL;
}

START_TEST(stopping_lets_a_running_request_end_and_takes_no_other)
{
	struct client idle, client;

	start();
	go();
	idle = connected();
	client_ask(&idle, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
	client = connected();
	client_puts(&client, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	while (!s.held)
		usleep(1000);
	command(stop_gently);
	ck_assert(client_at_end(&idle));
	command(answer_held);
	ck_assert_int_eq(client_reply(&client, 0), 200);
	ck_assert_str_eq(client_header(&client, "Connection"), "close");
	ck_assert(client_at_end(&client));
	client_close(&client);
	client_close(&idle);
	join();
}
END_TEST

START_TEST(stopping_cuts_what_does_not_end)
{
	struct client client;

	start();
	go();
	client = connected();
	client_puts(&client, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	while (!s.held)
		usleep(1000);
	command(stop_now);
	ck_assert(client_at_end(&client));
	pthread_join(s.thread, NULL);
	ck_assert_int_eq(s.gone, 1);
	http_server_free(s.server);
	http_reply_empty(s.held, 204); /* goes nowhere, and is due all the same */
	uv_loop_close(&s.loop);
	options_done(http_options, &s.config);
	client_close(&client);
}
END_TEST

START_TEST(a_port_that_is_taken_is_named)
{
	struct http_server *second;
	struct err err;
	char listen[32];
	uv_loop_t loop;
	struct http_config config;

	start();
	go();
	snprintf(listen, sizeof(listen), "127.0.0.1:%d", http_server_port(s.server));
	ck_ok(options_init(http_options, &config, &err), &err);
	ck_ok(option_set(option_find(http_options, "listen"), &config, listen, &err), &err);
	uv_loop_init(&loop);
	ck_assert_int_eq(http_server_new(&loop, &config, routes, NULL, &second, &err), ERR_EXISTS);
	ck_assert(strstr(err.text, listen));
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	options_done(http_options, &config);
	finish();
}
END_TEST

void ending_cases(Suite *suite)
{
	TCase *tests = tcase_create("ending");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, stopping_lets_a_running_request_end_and_takes_no_other);
	tcase_add_test(tests, stopping_cuts_what_does_not_end);
	tcase_add_test(tests, a_port_that_is_taken_is_named);
}
