/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that vanish, that do not read, and that ask for very much: each costs itself only, and memory stays bounded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/harness.h"
#include "base/buf.h"
#include "health/health.h"

#define WAITING 300
#define TASKS 10000
#define ROUNDS 10
#define LABELS 10

static int64_t open_connections(void)
{
	const struct json *metrics;

	ck_assert_int_eq(ask("GET", "/v1/metrics", NULL), 200);
	metrics = json_get(t.reply, "metrics");
	for (size_t i = 0; i < json_count(metrics); i++)
		if (!strcmp(json_get_str(json_at(metrics, i), "name", ""), "orasi_http_connections"))
			return json_int(json_pointer(json_at(metrics, i), "/value"),
			                json_get_int(json_at(metrics, i), "value", -1));
	return -1;
}

static void add_metrics(void)
{
	struct err err;

	ck_ok(health_add_metrics(t.health, http_metrics(t.server), &err), &err);
}

static void wait_alone(void)
{
	while (open_connections() > 1)
		usleep(2000);
}

static const char *const waits[] = {
	"GET /v1/tasks/t_0000000000001?wait=60s HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /v1/tasks/t_0000000000001/events HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 45\r\n\r\n"
	"{\"queues\":[\"far\"],\"worker\":\"w1\",\"wait\":\"60s\"}",
	"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
	"1000\r\n\r\n{\"kind\":",
};

START_TEST(clients_that_vanish_in_mid_wait_leave_nothing)
{
	static struct client clients[WAITING];

	start();
	on_loop(add_metrics);
	ck_assert_int_eq(ask("PUT", "/v1/queues/far", "{\"remote\":true}"), 201);
	ck_assert_int_eq(ask("POST", "/v1/tasks", INGEST), 201);
	for (int i = 0; i < WAITING; i++) {
		client_open(&clients[i], http_server_port(t.server));
		client_puts(&clients[i], waits[_i]);
	}
	for (int i = 0; i < WAITING; i++)
		client_close(&clients[i]);
	wait_alone();
	work(0);
	ck_assert_int_eq(ask("GET", "/v1/tasks/t_0000000000001?wait=60s", NULL), 200);
	finish();
}
END_TEST

/* The events of so many tasks are more than the sockets and the queue of a stream take. */
static void put_many(const char *queue, int round)
{
	char head[160];
	struct buf body;

	buf_init(&body, 0);
	for (int i = 0; i < TASKS; i++) {
		buf_printf(&body, "{\"kind\":\"query\",\"sql\":\"SELECT 1\",\"queue\":\"%s", queue);
		if (round >= 0)
			buf_printf(&body, "%d\",\"labels\":{", round * TASKS + i);
		for (int k = 0; k < LABELS && round >= 0; k++)
			buf_printf(&body, "%s\"l%d_%d\":\"v%d\"", k ? "," : "", round * TASKS + i, k, k);
		buf_puts(&body, round >= 0 ? "}}\n" : "\"}\n");
	}
	snprintf(head, sizeof(head),
	         "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
	         "Content-Length: %zu\r\n\r\n",
	         body.len);
	client_puts(&t.client, head);
	client_send(&t.client, body.data, body.len);
	ck_assert_int_eq(client_reply(&t.client, 0), 200);
	buf_done(&body);
}

START_TEST(a_stream_that_is_not_read_is_cut_and_goes_on_behind_a_gap)
{
	struct client stream;

	start();
	client_open(&stream, http_server_port(t.server));
	client_puts(&stream, "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
	ck_assert_int_eq(client_wait_for(&stream, "retry: 2000"), 1);
	for (int i = 0; i < 2; i++)
		put_many("default", -1);
	while (!client_at_end(&stream))
		buf_clear(&stream.in);
	client_close(&stream);
	client_open(&stream, http_server_port(t.server));
	client_puts(&stream, "GET /v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 1\r\n\r\n");
	ck_assert_int_eq(client_wait_for(&stream, "event: gap"), 1);
	client_close(&stream);
	finish();
}
END_TEST

/* Of all that is in RAM: the server with its stand-ins and the test. */
static long resident_mib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	ck_assert_int_eq(fscanf(file, "%*d %ld", &pages), 1);
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE) / (1 << 20);
}

/* A name of a queue costs what it must, a label nothing. Sanitizers have their own idea of memory. */
static void memory_is_bounded(long before)
{
	long grown = resident_mib() - before;

	printf("# %d queues with a task of %d labels each: %ld MiB\n", TASKS * ROUNDS, LABELS, grown);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	ck_assert_int_lt(grown, 300);
#endif
}

START_TEST(a_hundred_thousand_queues_and_a_million_labels)
{
	const char *cursor;
	int seen = 0;
	long before;

	start();
	before = resident_mib();
	for (int round = 0; round < ROUNDS; round++)
		put_many("q", round);
	ck_assert_int_eq(ask("GET", "/v1/queues?limit=1000", NULL), 200);
	for (; (cursor = json_get_str(t.reply, "next_cursor", NULL)) && seen < 3; seen++)
		ck_assert_int_eq(ask("GET", path_to("/v1/queues?limit=1000&cursor=%s", cursor), NULL), 200);
	ck_assert_int_eq(seen, 3);
	ck_assert_int_eq(ask("GET", "/v1/queues/q99999", NULL), 200);
	ck_assert_int_eq(json_int(json_pointer(t.reply, "/tasks/ready"), 0), 1);
	ck_assert_int_eq(ask("GET", "/v1/tasks?label.l99999_9=v9&queue=q99999", NULL), 200);
	ck_assert_uint_eq(json_count(json_get(t.reply, "items")), 1);
	memory_is_bounded(before);
	finish();
}
END_TEST

void hostile_cases(Suite *suite)
{
	TCase *tests = tcase_create("hostile");

	suite_add_tcase(suite, tests);
	tcase_add_loop_test(tests, clients_that_vanish_in_mid_wait_leave_nothing, 0, sizeof(waits) / sizeof(waits[0]));
	tcase_add_test(tests, a_stream_that_is_not_read_is_cut_and_goes_on_behind_a_gap);
	tcase_add_test(tests, a_hundred_thousand_queues_and_a_million_labels);
}
