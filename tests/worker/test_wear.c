/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker has become by its orders, with this process as the worker. Times are given, not measured. */
#include "worker/wear.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/test.h"

#define US INT64_C(1000)
#define MS INT64_C(1000000)
#define MEMORY (UINT64_C(1) << 30)

static struct wear wear;
static int64_t now;

static void set_up(void)
{
	memset(&wear, 0, sizeof(wear));
	now = 3600 * 1000 * MS;
	wear_begin(&wear, MEMORY);
}

/* A quick order, behind which others wait. */
static struct wear_seen quick(void)
{
	int64_t began = now;

	now += 20 * US;
	return wear_look(&wear, began, now, 1);
}

static void open_many(void)
{
	for (int i = 0; i < 20; i++)
		ck_assert_int_ge(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
}

/* How many quick orders go by until one is told to be the last. */
static int orders_until_spent(void)
{
	for (int n = 1; n < 1000; n++)
		if (quick().is_spent)
			return n;
	return 1000;
}

START_TEST(who_leaves_nothing_behind_goes_on)
{
	ck_assert_int_eq(orders_until_spent(), 1000);
}
END_TEST

START_TEST(what_the_first_order_leaves_behind_is_found_at_once)
{
	open_many();
	ck_assert_int_eq(orders_until_spent(), 1);
}
END_TEST

START_TEST(what_a_later_one_leaves_behind_is_found_sixteen_orders_later)
{
	for (int i = 0; i < 100; i++)
		quick();
	open_many();
	ck_assert_int_le(orders_until_spent(), 16);
}
END_TEST

static void after_many_quick_ones(void)
{
	for (int i = 0; i < 63; i++) /* 1 + 2 + 4 + 8 + 16 + 16 and 16 more: the next look is far away */
		quick();
	open_many();
	ck_assert(!quick().is_spent);
}

START_TEST(the_last_one_before_the_worker_waits_is_looked_at)
{
	after_many_quick_ones();
	ck_assert(wear_look(&wear, now, now + 20 * US, 0).is_spent);
}
END_TEST

START_TEST(so_is_one_that_takes_its_time)
{
	after_many_quick_ones();
	ck_assert(wear_look(&wear, now, now + 2 * MS, 1).is_spent);
}
END_TEST

START_TEST(so_is_one_that_ends_a_while_after_the_last_look)
{
	after_many_quick_ones();
	now += 10 * MS;
	ck_assert(quick().is_spent);
}
END_TEST

START_TEST(a_little_more_brings_the_next_look_nearer)
{
	for (int i = 0; i < 100; i++)
		quick();
	ck_assert_int_ge(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	for (int i = 0; i < 16 && wear.patience > 1; i++)
		quick();
	ck_assert_int_eq(wear.patience, 1);
	ck_assert_int_eq(orders_until_spent(), 1000);
}
END_TEST

static void *sleep_on(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

START_TEST(a_thread_is_found)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, sleep_on, NULL), 0);
	ck_assert_int_eq(orders_until_spent(), 1);
}
END_TEST

START_TEST(a_child_is_found)
{
	pid_t pid = test_victim();

	if (!pid)
		sleep_on(NULL);
	ck_assert_int_eq(orders_until_spent(), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(memory_is_found_also_when_nobody_has_touched_it)
{
	void *p = malloc(MEMORY / 2 + (16 << 20));

	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(orders_until_spent(), 1);
	free(p);
}
END_TEST

START_TEST(what_is_half_of_too_much_is_watched)
{
	void *p = malloc(MEMORY / 4 + (16 << 20));

	ck_assert_ptr_nonnull(p);
	for (int i = 0; i < 100; i++)
		ck_assert(!quick().is_spent);
	ck_assert_int_eq(wear.patience, 1);
	free(p);
}
END_TEST

static int64_t cpu_ms(void)
{
	struct timespec spent;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
	return spent.tv_sec * 1000 + spent.tv_nsec / 1000000;
}

START_TEST(the_time_of_quick_orders_is_told_once_and_whole)
{
	int64_t told = 0, before = wear.cpu_ms, silent = 0, rss_kib = 0;

	while (cpu_ms() < before + 51) { /* of which a microsecond may be rounded away */
		struct wear_seen seen = quick();

		told += seen.cpu_ms;
		silent += !seen.cpu_ms;
		ck_assert_int_ge(seen.rss_kib, rss_kib);
		rss_kib = seen.rss_kib;
	}
	told += wear_look(&wear, now, now, 0).cpu_ms;
	ck_assert_int_ge(told, 50);
	ck_assert_int_le(told, cpu_ms() - before);
	ck_assert_int_gt(silent, 0);
	ck_assert_int_gt(rss_kib, 0);
}
END_TEST

static void wear_cases(Suite *suite)
{
	TCase *c = tcase_create("wear");

	tcase_add_checked_fixture(c, set_up, NULL);
	tcase_add_test(c, who_leaves_nothing_behind_goes_on);
	tcase_add_test(c, what_the_first_order_leaves_behind_is_found_at_once);
	tcase_add_test(c, what_a_later_one_leaves_behind_is_found_sixteen_orders_later);
	tcase_add_test(c, the_last_one_before_the_worker_waits_is_looked_at);
	tcase_add_test(c, so_is_one_that_takes_its_time);
	tcase_add_test(c, so_is_one_that_ends_a_while_after_the_last_look);
	tcase_add_test(c, a_little_more_brings_the_next_look_nearer);
	tcase_add_test(c, a_thread_is_found);
	tcase_add_test(c, a_child_is_found);
	tcase_add_test(c, memory_is_found_also_when_nobody_has_touched_it);
	tcase_add_test(c, what_is_half_of_too_much_is_watched);
	tcase_add_test(c, the_time_of_quick_orders_is_told_once_and_whole);
	suite_add_tcase(suite, c);
}

TEST_MAIN("wear", wear_cases)
