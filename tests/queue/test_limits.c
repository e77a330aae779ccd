/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is, and what holds a task back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/rig.h"

static int running_of_kind(const char *kind, struct task **tasks, int n)
{
	int found = 0;

	for (int i = 0; i < n; i++)
		found += !strcmp(tasks[i]->kind, kind);
	return found;
}

/* ---- turns
 * ------------------------------------------------------------------------------------------------
 */

START_TEST(queues_take_turns_by_their_weight)
{
	struct queue_settings heavy = settings_of("heavy");
	struct task *tasks[12];

	heavy.weight = 3;
	configure("heavy", heavy);
	for (int i = 0; i < 20; i++) {
		put((struct task_spec){.kind = "a", .queue = "heavy"});
		put((struct task_spec){.kind = "b", .queue = "light"});
	}
	for (int i = 0; i < 12; i++)
		tasks[i] = claim();
	ck_assert_int_eq(running_of_kind("a", tasks, 12), 9);
	ck_assert_int_eq(running_of_kind("b", tasks, 12), 3);
}
END_TEST

START_TEST(a_tenant_with_ten_tasks_is_not_behind_the_thousands_of_another)
{
	static struct task_spec many[5000];

	for (int i = 0; i < 5000; i++)
		many[i] = (struct task_spec){.kind = "big", .tenant = "a", .priority = -1};
	ck_ok(queue_put(queue, many, 5000, QUEUE_ATOMIC, on_put, NULL, &err), &err);
	store_flush(store);
	clock_advance(1000);
	for (int i = 0; i < 10; i++)
		put((struct task_spec){.kind = "small", .tenant = "b"});
	for (int i = 0, small = 0; i < 20; i++) {
		small += !strcmp(claim()->kind, "small");
		ck_assert_int_ge(small, i / 2);
	}
}
END_TEST

static void put_many(const char *tenant, size_t n)
{
	static struct task_spec many[100];

	for (size_t i = 0; i < n; i++)
		many[i] = (struct task_spec){.kind = tenant, .tenant = tenant, .priority = -1};
	ck_ok(queue_put(queue, many, n, QUEUE_ATOMIC, on_put, NULL, &err), &err);
	store_flush(store);
}

/* Of the next n that are claimed. */
static int how_many(const char *tenant, int n)
{
	int found = 0;

	while (n-- > 0)
		found += !strcmp(claim()->tenant, tenant);
	return found;
}

START_TEST(a_tenant_that_had_nothing_waiting_takes_more_in_its_first_turn)
{
	put_many("a", 100);
	ck_assert_int_eq(how_many("a", 2), 2);
	put_many("b", 17);
	ck_assert_int_eq(how_many("b", 12), 11); /* its weight and ten, behind one of the others */
	ck_assert_int_eq(how_many("b", 12), 6);  /* then they take turns */
	put_many("b", 5);                        /* it had nothing again, */
	ck_assert_int_eq(how_many("b", 4), 2);   /* but not for long enough */
	ck_assert_int_eq(how_many("b", 6), 3);
	clock_advance(1000);
	put_many("b", 5);
	ck_assert_int_ge(how_many("b", 6), 5);
}
END_TEST

START_TEST(a_head_start_is_over_soon)
{
	put_many("a", 100);
	ck_assert_int_eq(how_many("a", 2), 2);
	put_many("b", 17);
	ck_assert_int_eq(how_many("b", 3), 2);
	clock_advance(101); /* they take long */
	ck_assert_int_eq(how_many("b", 9), 5);
}
END_TEST

START_TEST(a_tenant_that_asks_for_little_soon_has_a_head_start_again)
{
	put_many("a", 100);
	put_many("a", 100);
	put_many("b", 5); /* 80 tasks later it may have the next one: two of them have turns */
	ck_assert_int_eq(how_many("b", 80), 5);
	put_many("b", 5);
	ck_assert_int_ge(how_many("b", 6), 5);
}
END_TEST

START_TEST(a_second_key_of_a_tenant_that_has_tasks_waiting_takes_its_turn)
{
	for (int i = 0; i < 20; i++)
		put((struct task_spec){.kind = "a", .tenant = "t", .fairness_key = "x"});
	put_many("other", 20);
	for (int i = 0; i < 20; i++)
		put((struct task_spec){.kind = "b", .tenant = "t", .fairness_key = "y"});
	ck_assert_int_eq(how_many("other", 11), 10); /* it came second, and had nothing */
	ck_assert_int_eq(how_many("other", 3), 1);
}
END_TEST

START_TEST(fairness_keys_of_one_queue_take_turns_by_their_weight)
{
	struct task *tasks[9];

	for (int i = 0; i < 9; i++) {
		put((struct task_spec){.kind = "a", .fairness_key = "x", .weight = 2});
		put((struct task_spec){.kind = "b", .fairness_key = "y"});
	}
	for (int i = 0; i < 9; i++)
		tasks[i] = claim();
	ck_assert_int_eq(running_of_kind("a", tasks, 9), 6);
}
END_TEST

/* ---- queues as a whole --------------------------------------------------------------------- */

START_TEST(a_paused_queue_waits_and_others_go_on_also_after_a_restart)
{
	struct queue_settings paused = settings_of("slow");
	int64_t waiting, id;

	paused.paused = 1;
	configure("slow", paused);
	waiting = put((struct task_spec){.queue = "slow"});
	id = put((struct task_spec){.queue = "other"});
	ck_assert_int_eq(claim()->id, id);
	ck_assert_ptr_null(claim());
	close_queue();
	open_queue();
	ck_assert_int_eq(claim()->id, id);
	ck_assert_ptr_null(claim());
	paused.paused = 0;
	configure("slow", paused);
	ck_assert_int_eq(claim()->id, waiting);
}
END_TEST

START_TEST(a_draining_queue_accepts_nothing_and_ends_what_it_has)
{
	struct queue_settings draining = settings_of("q");
	int64_t id = put((struct task_spec){.queue = "q"});

	draining.draining = 1;
	configure("q", draining);
	ck_assert_int_eq(queue_put(queue, &(struct task_spec){.kind = "test", .queue = "q"}, 1, QUEUE_ATOMIC, on_put,
	                           NULL, &err),
	                 ERR_BUSY);
	ck_assert_int_eq(claim()->id, id);
}
END_TEST

START_TEST(a_queue_runs_no_more_tasks_than_it_may)
{
	struct queue_settings two = settings_of("q");
	struct task *first;

	two.max_running = 2;
	configure("q", two);
	for (int i = 0; i < 4; i++)
		put((struct task_spec){.queue = "q"});
	first = claim();
	ck_assert_ptr_nonnull(claim());
	ck_assert_ptr_null(claim());
	finish(first, 0);
	ck_assert_ptr_nonnull(claim());
	ck_assert_ptr_null(claim());
}
END_TEST

START_TEST(a_queue_starts_no_more_tasks_than_its_rate)
{
	struct queue_settings rate = settings_of("q");

	rate.rate = 10;
	rate.rate_burst = 2;
	configure("q", rate);
	for (int i = 0; i < 100; i++)
		put((struct task_spec){.queue = "q"});
	ck_assert_ptr_nonnull(claim());
	ck_assert_ptr_nonnull(claim());
	ck_assert_ptr_null(claim());
	ck_assert_int_le(queue_due_in(queue), 100);
	for (int i = 0; i < 20; i++) {
		pass(100);
		ck_assert_ptr_nonnull(claim());
		ck_assert_ptr_null(claim());
	}
}
END_TEST

START_TEST(depths_are_limited_by_queue_and_tenant)
{
	struct task_spec in_q = {.kind = "test", .queue = "q"}, of_t = {.kind = "test", .tenant = "t"};
	struct queue_settings two = settings_of("q");

	config.tenant_depth = 1;
	close_queue();
	open_queue();
	two.max_depth = 2;
	configure("q", two);
	put((struct task_spec){.queue = "q"});
	put((struct task_spec){.queue = "q", .tenant = "u"});
	ck_assert_int_eq(queue_put(queue, &in_q, 1, QUEUE_ATOMIC, on_put, NULL, &err), ERR_LIMIT);
	ck_assert_ptr_nonnull(strstr(err.text, "queue q"));
	ck_ok(queue_put(queue, &in_q, 1, 0, on_put, NULL, &err), &err); /* each for itself: in its result */
	store_flush(store);
	ck_assert_int_eq(last_code, ERR_LIMIT);
	ck_assert_int_ge(queue_retry_after_ms(queue, "q"), 1000);
	put((struct task_spec){.tenant = "t"});
	ck_assert_int_eq(queue_put(queue, &of_t, 1, QUEUE_ATOMIC, on_put, NULL, &err), ERR_LIMIT);
	ck_assert_ptr_nonnull(strstr(err.text, "tenant t"));
}
END_TEST

START_TEST(tasks_of_a_remote_queue_are_for_those_who_name_it)
{
	static const char *const names[] = {"far", NULL};
	struct queue_settings remote = settings_of("far");
	int64_t id;

	remote.remote = 1;
	configure("far", remote);
	id = put((struct task_spec){.queue = "far"});
	ck_assert_ptr_null(claim());
	ck_assert_int_eq(claim_as((struct queue_claim_ask){.worker = "r", .queues = names, .lease_ms = 1000})->id, id);
}
END_TEST

START_TEST(settings_out_of_range_are_refused_by_name)
{
	struct queue_settings bad = settings_of("q");

	bad.weight = 0;
	ck_assert_int_eq(queue_settings_set(queue, "q", &bad, NULL, NULL, &err), ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.text, "weight"));
	ck_assert_int_eq(queue_settings_set(queue, "no name!", &bad, NULL, NULL, &err), ERR_INVALID);
}
END_TEST

START_TEST(queues_are_listed_with_their_numbers)
{
	struct queue_info *infos, info;
	size_t n;

	put((struct task_spec){.queue = "b"});
	put((struct task_spec){.queue = "a", .run_at = NOW + 1000});
	put((struct task_spec){.queue = "a"});
	ck_assert_int_eq(queue_infos(queue, NULL, 10, &arena, &infos, &n), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(infos[0].name, "a");
	ck_assert_int_eq(infos[0].counts[TASK_SCHEDULED], 1);
	ck_assert_int_eq(infos[0].counts[TASK_READY], 1);
	ck_assert_int_eq(queue_infos(queue, "a", 10, &arena, &infos, &n), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(queue_info(queue, "nobody", &arena, &info), ERR_NOTFOUND);
}
END_TEST

START_TEST(a_hundred_thousand_queues_leave_no_more_than_a_few_behind)
{
	static char names[1000][16];
	static struct task_spec specs[1000];
	struct queue_info *infos;
	size_t n;

	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 1000; i++) {
			snprintf(names[i], sizeof(names[i]), "q%d", round * 1000 + i);
			specs[i] = (struct task_spec){.kind = "test", .queue = names[i]};
		}
		ck_ok(queue_put(queue, specs, 1000, QUEUE_ATOMIC, on_put, NULL, &err), &err);
		store_flush(store);
		for (int i = 0; i < 1000; i++) {
			struct task *task;

			ck_ok(queue_claim(queue, &by_w, &arena, &task, &err), &err);
			ck_assert_int_eq(
				queue_finish(queue, task->id, task->fence, &(struct queue_outcome){0}, NULL, NULL), 0);
		}
		store_flush(store);
		arena_done(&arena);
	}
	queue_infos(queue, NULL, 1000000, &arena, &infos, &n);
	ck_assert_uint_le(n, 1025);
}
END_TEST

/* ---- keys
 * ------------------------------------------------------------------------------------------------------
 */

START_TEST(a_full_concurrency_key_holds_back_nobody_else)
{
	int64_t first = put((struct task_spec){.concurrency_key = "db"}),
		second = put((struct task_spec){.concurrency_key = "db", .priority = 0}), free_one;
	struct task *task;

	put((struct task_spec){.concurrency_key = "db", .priority = 9});
	free_one = put((struct task_spec){.concurrency_key = "other", .priority = 9});
	task = claim();
	ck_assert_int_eq(task->id, first);
	ck_assert_int_eq(claim()->id, free_one);
	ck_assert_ptr_null(claim());
	finish(task, 0);
	ck_assert_int_eq(claim()->id, second);
	ck_assert_ptr_null(claim());
}
END_TEST

START_TEST(a_concurrency_key_may_have_more_than_one_place)
{
	struct queue_settings three = settings_of("default");
	int running = 0;

	for (int i = 0; i < 10; i++)
		put((struct task_spec){.concurrency_key = "k"});
	three.key_running = 3;
	configure("default", three);
	while (claim())
		running++;
	ck_assert_int_eq(running, 3);
}
END_TEST

START_TEST(a_cancelled_holder_makes_room_and_a_waiting_one_can_be_cancelled)
{
	int64_t holder = put((struct task_spec){.concurrency_key = "k"}),
		waiting = put((struct task_spec){.concurrency_key = "k"}),
		last = put((struct task_spec){.concurrency_key = "k"});

	queue_cancel(queue, waiting, NULL, NULL);
	queue_cancel(queue, holder, NULL, NULL);
	store_flush(store);
	ck_assert_int_eq(claim()->id, last);
}
END_TEST

START_TEST(a_retry_waits_outside_of_its_key)
{
	int64_t other;
	struct task *task;

	put((struct task_spec){.concurrency_key = "k", .retry_initial_ms = 1000, .retry_jitter = TASK_JITTER_NONE});
	other = put((struct task_spec){.concurrency_key = "k"});
	task = claim();
	finish(task, ERR_IO);
	ck_assert_int_eq(claim()->id, other);
	pass(1000);
	ck_assert_ptr_null(claim());
	finish(get(other), 0);
	ck_assert_int_eq(claim()->id, task->id);
}
END_TEST

START_TEST(a_rate_key_lets_one_after_another_start_and_counts_costs)
{
	struct queue_settings rate = settings_of("default");
	int64_t a, b, dear, last, free_one;

	rate.key_rate = 1;
	configure("default", rate);
	a = put((struct task_spec){.rate_key = "api"});
	b = put((struct task_spec){.rate_key = "api"});
	dear = put((struct task_spec){.rate_key = "api", .cost = 5});
	last = put((struct task_spec){.rate_key = "api"});
	free_one = put((struct task_spec){.rate_key = "other"});
	ck_assert_int_eq(claim()->id, a);
	ck_assert_int_eq(claim()->id, free_one);
	ck_assert_ptr_null(claim());
	pass(1000);
	ck_assert_int_eq(claim()->id, b);
	pass(1000);
	ck_assert_int_eq(claim()->id, dear);
	pass(4999);
	ck_assert_ptr_null(claim());
	pass(1);
	ck_assert_int_eq(claim()->id, last);
}
END_TEST

START_TEST(a_rate_key_is_remembered_although_no_task_has_it)
{
	struct queue_settings rate = settings_of("default");

	rate.key_rate = 1;
	configure("default", rate);
	put((struct task_spec){.rate_key = "api"});
	finish(claim(), 0);
	put((struct task_spec){.rate_key = "api"});
	ck_assert_ptr_null(claim());
	pass(1000);
	ck_assert_ptr_nonnull(claim());
}
END_TEST

START_TEST(a_task_with_two_keys_waits_for_both_and_holds_neither_meanwhile)
{
	struct queue_settings rate = settings_of("default");
	int64_t a, both, same_lock;

	rate.key_rate = 1;
	configure("default", rate);
	a = put((struct task_spec){.rate_key = "api"});
	both = put((struct task_spec){.rate_key = "api", .concurrency_key = "lock"});
	same_lock = put((struct task_spec){.concurrency_key = "lock"});
	ck_assert_int_eq(claim()->id, a);
	ck_assert_int_eq(claim()->id, same_lock);
	pass(1000);
	ck_assert_ptr_null(claim());
	finish(get(same_lock), 0);
	ck_assert_int_eq(claim()->id, both);
}
END_TEST

START_TEST(the_sum_of_what_runs_is_within_every_limit_whatever_happens)
{
	struct queue_settings settings = settings_of("default");
	struct task *running[64];
	int n = 0, by_key[4] = {0};

	srand(7);
	settings.max_running = 9;
	settings.key_running = 3;
	configure("default", settings);
	for (int step = 0; step < 3000; step++) {
		char key[2] = {(char)('0' + rand() % 4), '\0'};
		struct task *task;
		int i;

		switch (rand() % 4) {
		case 0:
		case 1:
			put((struct task_spec){.concurrency_key = key,
			                       .priority = rand() % 10,
			                       .run_at = NOW + rand() % 1000});
			break;
		case 2:
			task = claim();
			if (!task)
				break;
			by_key[task->policy->concurrency_key[0] - '0']++;
			running[n++] = task;
			break;
		default:
			pass(1);
			if (!n)
				break;
			i = rand() % n;
			by_key[running[i]->policy->concurrency_key[0] - '0']--;
			ck_assert_int_eq(finish(running[i], rand() % 2 ? 0 : ERR_IO), 0);
			running[i] = running[--n];
		}
		ck_assert_int_le(n, 9);
		for (int k = 0; k < 4; k++)
			ck_assert_int_le(by_key[k], 3);
	}
	for (int i = 0; i < n; i++)
		finish(running[i], 0);
	for (int i = 0; i < 10000; i++) { /* all get their turn */
		struct task *task = claim();

		if (task)
			finish(task, 0);
		else if (queue_due_in(queue) > 400000)
			break;
		else
			pass(1000);
	}
	int64_t counts[TASK_STATES];
	queue_counts(queue, counts);
	ck_assert_int_eq(counts[TASK_READY] + counts[TASK_SCHEDULED] + counts[TASK_RUNNING], 0);
}
END_TEST

START_TEST(a_task_of_many_slots_waits_until_they_are_free_and_is_not_passed)
{
	struct queue_claim_ask three = {.worker = "w", .slots = 3, .all_slots = 4};
	int64_t big = put((struct task_spec){.slots = 4}), small = put((struct task_spec){0});

	ck_assert_ptr_null(claim_as(three));
	three.slots = 4;
	ck_assert_int_eq(claim_as(three)->id, big);
	ck_assert_int_eq(claim_as(three)->id, small);
}
END_TEST

static void limit_cases(Suite *suite)
{
	TCase *c = tcase_create("limits");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, queues_take_turns_by_their_weight);
	tcase_add_test(c, a_tenant_with_ten_tasks_is_not_behind_the_thousands_of_another);
	tcase_add_test(c, a_tenant_that_had_nothing_waiting_takes_more_in_its_first_turn);
	tcase_add_test(c, a_head_start_is_over_soon);
	tcase_add_test(c, a_tenant_that_asks_for_little_soon_has_a_head_start_again);
	tcase_add_test(c, a_second_key_of_a_tenant_that_has_tasks_waiting_takes_its_turn);
	tcase_add_test(c, fairness_keys_of_one_queue_take_turns_by_their_weight);
	tcase_add_test(c, a_paused_queue_waits_and_others_go_on_also_after_a_restart);
	tcase_add_test(c, a_draining_queue_accepts_nothing_and_ends_what_it_has);
	tcase_add_test(c, a_queue_runs_no_more_tasks_than_it_may);
	tcase_add_test(c, a_queue_starts_no_more_tasks_than_its_rate);
	tcase_add_test(c, depths_are_limited_by_queue_and_tenant);
	tcase_add_test(c, tasks_of_a_remote_queue_are_for_those_who_name_it);
	tcase_add_test(c, settings_out_of_range_are_refused_by_name);
	tcase_add_test(c, queues_are_listed_with_their_numbers);
	tcase_add_test(c, a_hundred_thousand_queues_leave_no_more_than_a_few_behind);
	tcase_add_test(c, a_full_concurrency_key_holds_back_nobody_else);
	tcase_add_test(c, a_concurrency_key_may_have_more_than_one_place);
	tcase_add_test(c, a_cancelled_holder_makes_room_and_a_waiting_one_can_be_cancelled);
	tcase_add_test(c, a_retry_waits_outside_of_its_key);
	tcase_add_test(c, a_rate_key_lets_one_after_another_start_and_counts_costs);
	tcase_add_test(c, a_rate_key_is_remembered_although_no_task_has_it);
	tcase_add_test(c, a_task_with_two_keys_waits_for_both_and_holds_neither_meanwhile);
	tcase_add_test(c, the_sum_of_what_runs_is_within_every_limit_whatever_happens);
	tcase_add_test(c, a_task_of_many_slots_waits_until_they_are_free_and_is_not_passed);
	suite_add_tcase(suite, c);
}

TEST_MAIN("queue-limits", limit_cases)
