/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's end of the wire, with this test as the agent. */
#include "worker/link.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/test.h"

static int agent; /* our end */
static struct link *the_link;
static struct err err;

static void set_up(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	agent = fcntl(ends[0], F_DUPFD, 20);
	ck_assert_int_eq(dup2(ends[1], WIRE_FD), WIRE_FD);
	close(WIRE_PAGE_FD); /* there is none */
	ck_ok(link_start(&the_link, &err), &err);
}

static void tell(enum wire_type type, int64_t order)
{
	struct json *json = json_new_object();

	json_set_int(json, "order", order);
	ck_assert_int_eq(wire_send(agent, type, json, &err), 0);
	json_free(json);
}

static void hear_back(struct wire_message *ret)
{
	static struct buf in;
	size_t at = 0;
	int r;

	buf_init(&in, WIRE_JSON_MAX);
	while (!(r = wire_take(&in, &at, ret, &err))) {
		char bytes[4096];
		ssize_t n = read(agent, bytes, sizeof(bytes));

		ck_assert_int_gt(n, 0);
		buf_add(&in, bytes, (size_t)n);
	}
	ck_assert_int_gt(r, 0);
	ck_assert_int_eq(ret->type, WIRE_BACK);
	buf_done(&in);
}

static int64_t begin(void)
{
	struct json *order = link_order(the_link);
	int64_t number = json_get_int(order, "order", 0);

	json_free(order);
	return number;
}

/* Those that come back when the order is at hand for the agent, first and last; in between are all. */
static void recall(int64_t at_hand, int64_t first, int64_t last)
{
	struct wire_message message;
	const struct json *orders;

	tell(WIRE_RECALL, at_hand);
	hear_back(&message);
	orders = json_get(message.json, "orders");
	ck_assert_int_eq((int64_t)json_count(orders), last - first + 1);
	for (int64_t i = first; i <= last; i++)
		ck_assert_int_eq(json_int(json_at(orders, (size_t)(i - first)), 0), i);
	wire_message_done(&message);
}

START_TEST(those_behind_the_order_at_hand_go_back)
{
	for (int64_t order = 1; order <= 4; order++)
		tell(WIRE_ORDER, order);
	ck_assert_int_eq(begin(), 1);
	recall(1, 2, 4);
	tell(WIRE_ORDER, 5);
	ck_assert_int_eq(begin(), 5);
}
END_TEST

/* The agent has heard the answer to the first one, and the worker has not yet gone on to the second. */
START_TEST(the_one_that_is_about_to_begin_stays)
{
	for (int64_t order = 1; order <= 4; order++)
		tell(WIRE_ORDER, order);
	ck_assert_int_eq(begin(), 1);
	recall(2, 3, 4);
	ck_assert_int_eq(begin(), 2);
}
END_TEST

static void link_cases(Suite *suite)
{
	TCase *c = tcase_create("link");

	tcase_add_checked_fixture(c, set_up, NULL);
	tcase_add_test(c, those_behind_the_order_at_hand_go_back);
	tcase_add_test(c, the_one_that_is_about_to_begin_stays);
	suite_add_tcase(suite, c);
}

TEST_MAIN("link", link_cases)
