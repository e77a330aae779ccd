/* SPDX-License-Identifier: Apache-2.0 */
/* RAM is the scheduler, the store is the record: what the one has at any moment is what a start would read from the
 * other. RAM_ROUNDS says how often, RAM_SEED repeats a run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "queue/load.h"
#include "queue/rig.h"

#define ROUNDS 8
#define SOAK_ROUNDS 300
#define STEPS 400
#define TASKS 4096

struct seen {
	int64_t id, run_at, expires_at;
	int state, attempt, crashes, priority, is_cancelled, is_leased;
};

static int number(const char *name, int otherwise)
{
	return getenv(name) ? atoi(getenv(name)) : otherwise;
}

static size_t look(struct seen *ret)
{
	struct queue_filter filter = {.state = QUEUE_ANY, .limit = 1000, .oldest_first = 1};
	struct arena own;
	struct task **tasks;
	size_t n = 0, page;

	arena_init(&own);
	do {
		ck_ok(queue_list(queue, &filter, &own, &tasks, &page, &filter.cursor, &err), &err);
		for (size_t i = 0; i < page; i++, n++) {
			const struct task *t = tasks[i];
			int runs = t->state == TASK_RUNNING;

			ck_assert_uint_lt(n, TASKS);
			ret[n] = (struct seen){t->id,         runs ? 0 : t->run_at, t->expires_at,
			                       (int)t->state, t->attempt,           t->crashes,
			                       t->priority,   t->cancel_requested,  t->lease_until > 0};
		}
	} while (filter.cursor);
	arena_done(&own);
	return n;
}

/* Those that were told to stop end with the agent; so that it changes nothing else, they do so before. */
static void end_the_cancelled(void)
{
	static struct seen all[TASKS];
	size_t n = look(all);

	for (size_t i = 0; i < n; i++)
		if (all[i].state == TASK_RUNNING && all[i].is_cancelled)
			finish(get(all[i].id), ERR_CANCELLED);
}

/* The others' workers go with the agent, but for remote ones: their turn comes again. */
static void end_with_the_agent(struct seen *task, const struct seen *after)
{
	if (task->state != TASK_RUNNING || task->is_leased)
		return;
	task->state = TASK_READY;
	task->run_at = after->run_at;
}

static void restart_and_compare(unsigned seed)
{
	static struct seen before[TASKS], after[TASKS];
	size_t n, m;

	store_flush(store);
	end_the_cancelled();
	pass(0); /* what is due is due */
	n = look(before);
	close_queue();
	open_queue();
	store_flush(store);
	m = look(after);
	ck_assert_msg(n == m, "seed %u: %zu tasks, and %zu after a start", seed, n, m);
	for (size_t i = 0; i < n; i++) {
		struct seen *a = &before[i], *b = &after[i];

		end_with_the_agent(a, b);
		ck_assert_msg(!memcmp(a, b, sizeof(*a)),
		              "seed %u: task %lld was %s, attempt %d, crashes %d, priority %d, run_at %lld, expires_at "
		              "%lld; after a start task %lld is %s, %d, %d, %d, %lld, %lld",
		              seed, (long long)a->id, task_state_name((enum task_state)a->state), a->attempt,
		              a->crashes, a->priority, (long long)a->run_at, (long long)a->expires_at, (long long)b->id,
		              task_state_name((enum task_state)b->state), b->attempt, b->crashes, b->priority,
		              (long long)b->run_at, (long long)b->expires_at);
	}
}

static struct task *claim_any(void)
{
	static const char *const others[] = {QUEUE_CALLBACKS, "far", NULL};
	struct task *task = claim();

	return task ? task : claim_as((struct queue_claim_ask){.worker = "w", .queues = others});
}

/* What the queue says of one that waits. */
static const char *reasons(int64_t id)
{
	const struct task *task = get(id);
	struct queue_reason *why;
	const char *ret;
	size_t n;

	ret = arena_printf(&arena, "%s in %s, attempt %d, run_at %lld of %lld", task->kind, task->queue, task->attempt,
	                   (long long)task->run_at, (long long)clock_wall_ms());
	ck_ok(queue_why(queue, task, &arena, &why, &n, &err), &err);
	for (size_t i = 0; i < n; i++)
		ret = arena_printf(&arena, "%s; %s: %s", ret, why[i].type, why[i].detail);
	return ret;
}

/* Whatever came before, nobody is forgotten: who is left waits for others. */
static void work_off(unsigned seed)
{
	static struct seen left[TASKS];
	size_t n;

	for (int idle = 0; idle < 3;) {
		struct task *task;

		arena_done(&arena);
		arena_init(&arena);
		task = claim_any();
		idle = task ? 0 : idle + 1;
		if (task)
			finish(task, 0);
		else if (idle < 3) /* behind the last look no time passes: a schedule might put one more */
			pass(200);
	}
	n = look(left);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(task_state_is_final((enum task_state)left[i].state) || left[i].state == TASK_BLOCKED,
		              "seed %u: task %lld is %s, and nobody gets it: %s", seed, (long long)left[i].id,
		              task_state_name((enum task_state)left[i].state), reasons(left[i].id));
}

START_TEST(what_is_in_ram_is_what_a_start_would_read)
{
	unsigned first = (unsigned)number("RAM_SEED", (int)time(NULL) & 0xFFFFFF);
	int rounds = number("RAM_ROUNDS", getenv("SOAK") ? SOAK_ROUNDS : ROUNDS);

	config.retry_initial_ms = 5;
	config.archive_after_ms = 10;
	config.lease_grace_ms = 20;
	for (int round = 0; round < rounds; round++) {
		unsigned seed = first + (unsigned)round;

		close_queue();
		snprintf(path, sizeof(path), "%s/ram-%d", test_dir(), round);
		ck_assert_int_eq(mkdir(path, 0700), 0);
		strcat(path, "/store.db");
		open_queue();
		load_start(seed);
		somebody_looks = (int)(seed % 2);
		for (int i = 0; i < STEPS; i++) {
			load_step(queue);
			if (i % 4 == 0)
				clock_advance(1);
			if (i % 7 == 0)
				store_flush(store);
			if (i % 100 == 99) {
				restart_and_compare(seed);
				load_died();
			}
		}
		work_off(seed);
	}
	printf("# seed %u, %d rounds\n", first, rounds);
}
END_TEST

static void ram_cases(Suite *suite)
{
	TCase *c = tcase_create("ram");

	tcase_set_timeout(c, 3600);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, what_is_in_ram_is_what_a_start_would_read);
	suite_add_tcase(suite, c);
}

TEST_MAIN("queue-ram", ram_cases)
