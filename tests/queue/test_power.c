/* SPDX-License-Identifier: Apache-2.0 */
/* The power goes at random moments under a mixed load; then everything acknowledged is there and every
 * invariant holds. POWER_CUTS says how often, POWER_SEED repeats a run; a soak makes a thousand. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/powercut.h"
#include "queue/load.h"
#include "queue/rig.h"

#define CUTS 60
#define SOAK_CUTS 1000
#define STEPS 400

static int number(const char *name, int otherwise)
{
	return getenv(name) ? atoi(getenv(name)) : otherwise;
}

static void work_until_the_cut(unsigned seed)
{
	powercut_start(seed);
	powercut_after(5 + (int)(seed * 7919u % 600u));
	if (!try_open())
		for (int i = 0; i < STEPS && !powercut_happened(); i++) {
			load_step(queue);
			if (i % 4 == 0)
				clock_advance(1);
			if (i % 7 == 0)
				store_flush(store);
			else
				store_drain(store);
		}
	powercut_after(0); /* at the latest */
	if (store)
		store_flush(store); /* what was asked for hears that it failed */
	store_close(store);
	queue_close(queue);
	powercut_restore();
	load_died();
}

static void hold_against_the_ledger(unsigned seed, int cut)
{
	const char *wrong;

	ck_assert_msg(!try_open(), "seed %u, cut %d: %s", seed, cut, err.text);
	ck_assert_msg(!queue_check(store, &err), "seed %u, cut %d: %s", seed, cut, err.text);
	wrong = load_verify(queue, store);
	ck_assert_msg(!wrong, "seed %u, cut %d: %s", seed, cut, wrong);
}

START_TEST(whenever_the_power_goes_what_was_acknowledged_is_there)
{
	unsigned seed = (unsigned)number("POWER_SEED", (int)time(NULL) & 0xFFFFFF);
	int cuts = number("POWER_CUTS", getenv("SOAK") ? SOAK_CUTS : CUTS), acknowledged = 0;

	tear_down();
	store_config.checkpoint_pages = 50; /* so that cuts meet checkpoints too */
	config.retry_initial_ms = 5;
	config.archive_after_ms = 10; /* and the moves of what has ended */
	for (int cut = 0; cut < cuts; cut++) {
		if (cut % 10 == 0) { /* a fresh one now and then: a cut may meet the making of the database */
			acknowledged += load_acknowledged();
			load_start(seed + (unsigned)cut);
			somebody_looks = (int)(seed + (unsigned)cut / 10) % 2;
			snprintf(path, sizeof(path), "%s/power-%d", test_dir(), cut);
			ck_assert_int_eq(mkdir(path, 0700), 0);
			strcat(path, "/store.db");
		}
		work_until_the_cut(seed + (unsigned)cut);
		hold_against_the_ledger(seed, cut);
		store_flush(store);
		store_close(store);
		queue_close(queue);
	}
	printf("# seed %u, %d cuts, %d acknowledgements\n", seed, cuts, acknowledged + load_acknowledged());
	ck_assert_int_gt(acknowledged + load_acknowledged(), cuts);
	open_queue();
	arena_init(&arena);
}
END_TEST

/* ---- one write for a task and the one that it replaces ------------------------------------------- */

/* What the first one does when it is replaced. */
enum { WAITS, RUNS, FAILS_BEFORE, FAILS_MEANWHILE, FIRSTS };

static void break_off(const struct task *task)
{
	struct queue_outcome outcome = {.code = ERR_IO, .error = "it broke"};

	if (task)
		ck_assert_int_eq(queue_finish(queue, task->id, task->fence, &outcome, NULL, NULL), 0);
}

static void fire(const struct task *fails_before, const struct task *fails_meanwhile)
{
	clock_advance(60000);
	break_off(fails_before);
	queue_tick(queue);
	break_off(fails_meanwhile);
	for (int i = 0; i < 3; i++) {
		store_flush(store);
		clock_advance(10);
		queue_tick(queue);
	}
	store_flush(store);
}

static int64_t start_replacing(int does, struct task **ret)
{
	struct task_spec spec = {.kind = "nightly", .priority = -1, .body = "{}", .max_attempts = 5};
	struct queue_schedule s = {.name = "s",
	                           .cron = "* * * * *",
	                           .catchup_ms = 600000,
	                           .overlap = QUEUE_OVERLAP_REPLACE,
	                           .spec = &spec};

	ck_ok(queue_schedule_set(queue, &s, on_done, NULL, &err), &err);
	store_flush(store);
	fire(NULL, NULL);
	ck_assert_int_eq(queue_schedule_get(queue, "s", &arena, &s), 0);
	ck_assert_int_eq(s.fired, 1);
	*ret = does == WAITS ? NULL : claim();
	return s.last_task;
}

/* Whether the end came before the second task and the end of the first were there. */
static int replace_and_die(int n, int does)
{
	struct queue_schedule s;
	struct task *task;
	int64_t first;
	int happened, is_cancelled;

	snprintf(path, sizeof(path), "%s/replace-%d-%d", test_dir(), does, n);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	strcat(path, "/store.db");
	clock_freeze(NOW);
	powercut_start((unsigned)n);
	powercut_is_kill(1);
	open_queue();
	first = start_replacing(does, &task);
	powercut_after(n);
	fire(does == FAILS_BEFORE ? task : NULL, does == FAILS_MEANWHILE ? task : NULL);
	happened = powercut_happened();
	powercut_after(0);
	store_flush(store);
	store_close(store);
	queue_close(queue);
	powercut_restore();
	open_queue();
	store_flush(store); /* who was to be cancelled is */
	is_cancelled = get(first)->state == TASK_CANCELLED;
	ck_assert_int_eq(queue_schedule_get(queue, "s", &arena, &s), 0);
	ck_assert_msg(s.fired == 1 + is_cancelled,
	              "killed at write %d: the schedule fired %lld times, its first task %s", n, (long long)s.fired,
	              is_cancelled ? "is cancelled" : "lives on");
	close_queue();
	return happened;
}

START_TEST(whenever_a_schedule_replaces_its_task_dies_both_are_done_or_neither)
{
	int n = 1;

	close_queue();
	while (replace_and_die(n, _i))
		n++;
	ck_assert_int_gt(n, 3);
	open_queue();
}
END_TEST

static void power_cases(Suite *suite)
{
	TCase *c = tcase_create("power");

	tcase_set_timeout(c, 3600);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_loop_test(c, whenever_a_schedule_replaces_its_task_dies_both_are_done_or_neither, 0, FIRSTS);
	tcase_add_test(c, whenever_the_power_goes_what_was_acknowledged_is_there);
	suite_add_tcase(suite, c);
}

TEST_MAIN("queue-power", power_cases)
