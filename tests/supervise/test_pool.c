/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets an order that waits. The worker is one in name: it is given orders and never runs. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "lib/test.h"
#include "plugin/plugin.h"
#include "supervise/inside.h"

static struct supervise sup;
static struct supervise_config config = {.tasks = 1, .orders_per_worker = 1000};
static struct process worker;
static struct order first, second;
static const struct order_events no_events;
static struct err err;

static void no_scan(void *ctx, const char *cas_path)
{
	(void)ctx;
	(void)cas_path;
}

static void order_init(struct order *order, uint32_t number)
{
	*order = (struct order){.sup = &sup, .role = ROLE_TASK, .number = number, .events = &no_events, .likeness = 7};
	order->json = json_new_object();
	order->plugins_mark = plugin_orders_mark(sup.env.plugins);
}

static void worker_init(void)
{
	worker =
		(struct process){.sup = &sup, .role = ROLE_TASK, .state = PROCESS_IDLE, .likeness = 7, .mean_ns = 1000};
	list_init(&worker.link);
	list_init(&worker.ahead);
	buf_init(&worker.out, 0);
	list_add_tail(&sup.pools[ROLE_TASK].processes, &worker.link);
	sup.pools[ROLE_TASK].n_processes = 1;
}

static void set_up(void)
{
	const char *dirs[] = {test_path("plugins"), NULL};

	sup = (struct supervise){.config = &config, .watching = 1, .recalls = 1};
	for (int role = 0; role < ROLES; role++) {
		list_init(&sup.pools[role].waiting);
		list_init(&sup.pools[role].processes);
	}
	ck_ok(plugin_registry_new(dirs, test_path("state"), no_scan, NULL, &sup.env.plugins, &err), &err);
	clock_freeze(1000); /* the order at hand takes no time */
	worker_init();
	order_init(&first, 1);
	order_init(&second, 2);
}

static void tear_down(void)
{
	json_free(first.json);
	json_free(second.json);
	json_free(worker.plugins);
	buf_done(&worker.out);
	plugin_registry_free(sup.env.plugins);
}

static void give(struct order *order)
{
	pool_put(order);
	pool_dispatch(&sup, ROLE_TASK);
}

static void can_claim(int may)
{
	ck_assert_int_eq(pool_is_idle(&sup, 0, NULL), may);
	ck_assert_int_eq(pool_room(&sup) > 0, 0);
}

START_TEST(an_order_goes_to_a_worker_that_is_idle_and_the_next_one_behind_it)
{
	can_claim(1);
	give(&first);
	ck_assert_ptr_eq(worker.order, &first);
	ck_assert_uint_gt(pool_room(&sup), 0);
	give(&second);
	ck_assert_ptr_eq(second.process, &worker);
	ck_assert_uint_eq(worker.n_ahead, 1);
}
END_TEST

/* It has been killed; or it has died, and what it said is still being read. */
START_TEST(a_worker_that_ends_gets_no_order_though_it_was_idle)
{
	worker.killed = _i == 0;
	worker.is_dead = _i == 1;
	can_claim(0);
	give(&first);
	ck_assert_ptr_null(first.process);
	ck_assert_ptr_null(worker.order);
	pool_idle(&worker); /* its last word makes no difference */
	ck_assert_ptr_null(first.process);
	ck_assert_uint_eq(sup.pools[ROLE_TASK].n_waiting, 1);
}
END_TEST

START_TEST(a_worker_that_ends_gets_none_behind_the_one_that_it_is_at)
{
	give(&first);
	worker.killed = _i == 0;
	worker.is_dead = _i == 1;
	worker.spent = _i == 2; /* it is at its last order */
	ck_assert_uint_eq(pool_room(&sup), 0);
	give(&second);
	ck_assert_ptr_null(second.process);
	ck_assert_uint_eq(worker.n_ahead, 0);
}
END_TEST

/* ---- what comes back ------------------------------------------------------------------------------ */

static int says_plugins(const struct order *order)
{
	return json_get(order->json, "plugins") != NULL;
}

START_TEST(a_list_of_plugins_that_came_back_unread_is_told_again)
{
	give(&first);
	worker.plugins_mark = 0; /* they have changed */
	give(&second);
	ck_assert(says_plugins(&second));
	process_take_back(&worker);
	ck_assert_ptr_null(second.process);
	pool_dispatch(&sup, ROLE_TASK);
	ck_assert_ptr_eq(second.process, &worker);
	ck_assert(says_plugins(&second));
}
END_TEST

START_TEST(a_list_that_an_order_brings_from_another_worker_is_not_told)
{
	give(&first);
	ck_assert(says_plugins(&first));
	json_set(second.json, "plugins", json_new_array());
	give(&second);
	ck_assert(!says_plugins(&second));
}
END_TEST

/* Its socket, of which the other end is ours. */
static struct loop *connect_worker(int *ret_fd)
{
	static const struct loop_stream_events no_events_of_it;
	struct loop *loop;
	int pair[2];

	ck_ok(loop_new(&loop, &err), &err);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_ok(loop_stream_new(loop, pair[0], &no_events_of_it, &worker.stream, &err), &err);
	*ret_fd = pair[1];
	return loop;
}

static enum wire_type last_said(int fd)
{
	enum wire_type type = WIRE_HELLO;
	struct wire_message message;
	struct buf in;
	size_t at = 0;
	ssize_t n;

	buf_init(&in, 0);
	buf_reserve(&in, 1 << 16);
	n = recv(fd, in.data, 1 << 16, MSG_DONTWAIT);
	in.len = n > 0 ? (size_t)n : 0;
	while (wire_take(&in, &at, &message, &err) > 0) {
		type = message.type;
		wire_message_done(&message);
	}
	buf_done(&in);
	return type;
}

START_TEST(who_is_spent_is_asked_for_what_waits_there_and_gets_no_more)
{
	struct json *answer;
	struct loop *loop;
	int fd;

	loop = connect_worker(&fd);
	give(&first);
	give(&second);
	process_spend(&worker);
	ck_assert_int_eq(last_said(fd), WIRE_RECALL);
	ck_assert_ptr_eq(second.process, &worker); /* it may have begun there */
	ck_assert_uint_eq(pool_room(&sup), 0);
	ck_assert_int_eq(json_parse("{\"orders\":[2]}", 14, &answer, &err), 0);
	process_back(&worker, answer);
	json_free(answer);
	ck_assert_ptr_null(second.process);
	ck_assert_uint_eq(sup.pools[ROLE_TASK].n_waiting, 1);
	ck_assert_ptr_eq(worker.order, &first);
	close(fd);
	loop_stream_free(worker.stream);
	loop_free(loop);
}
END_TEST

static void pool_cases(Suite *suite)
{
	TCase *c = tcase_create("pool");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, an_order_goes_to_a_worker_that_is_idle_and_the_next_one_behind_it);
	tcase_add_loop_test(c, a_worker_that_ends_gets_no_order_though_it_was_idle, 0, 2);
	tcase_add_loop_test(c, a_worker_that_ends_gets_none_behind_the_one_that_it_is_at, 0, 3);
	tcase_add_test(c, a_list_of_plugins_that_came_back_unread_is_told_again);
	tcase_add_test(c, a_list_that_an_order_brings_from_another_worker_is_not_told);
	tcase_add_test(c, who_is_spent_is_asked_for_what_waits_there_and_gets_no_more);
	suite_add_tcase(suite, c);
}

TEST_MAIN("pool", pool_cases)
