/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that have lost their task go on reporting. None is ever believed. */
#include <stdlib.h>
#include <string.h>

#include "queue/rig.h"

#define TASKS 200
#define ZOMBIES 4000
#define RACES 1000000

static struct {
	int64_t id, fence;
} zombies[ZOMBIES];
static int n_zombies;

static int64_t stale_metric(void)
{
	for (const struct metric *m = queue_metrics(queue); m->name; m++)
		if (!strcmp(m->name, "orasi_queue_stale_total"))
			return *m->value;
	return -1;
}

static void remember(int64_t id, int64_t fence)
{
	if (n_zombies == ZOMBIES)
		return;
	zombies[n_zombies].id = id;
	zombies[n_zombies++].fence = fence;
}

/* Attempts of every fate, over three lives of the agent; each leaves a worker that does not know. */
static void make_zombies(void)
{
	static const int codes[] = {ERR_IO, ERR_CRASH, ERR_IO, 0, ERR_INVALID};

	for (int life = 0; life < 3; life++) {
		for (int i = 0; i < 400; i++) {
			struct task *task =
				claim_as((struct queue_claim_ask){.worker = "w", .lease_ms = i % 7 ? 0 : 10});

			if (!task) {
				pass(config.retry_max_ms);
				continue;
			}
			remember(task->id, task->fence);
			if (i % 7)
				finish(task, codes[i % 5]);
			else if (i % 2)
				pass(10 + config.lease_grace_ms);
		}
		close_queue();
		open_queue();
	}
}

static int report(int how, int64_t id, int64_t fence)
{
	struct queue_outcome ok = {.result = "{}"}, failed = {.code = ERR_IO};

	switch (how % 5) {
	case 0:
		return queue_finish(queue, id, fence, &failed, NULL, NULL);
	case 1:
		return queue_heartbeat(queue, id, fence, 1000);
	case 2:
		return queue_progress(queue, id, fence, 1, 2, 3, 4, "still here");
	case 3:
		return queue_checkpoint(queue, id, fence, "{}", NULL, NULL);
	default:
		return queue_finish(queue, id, fence, &ok, NULL, NULL);
	}
}

START_TEST(of_a_million_reports_of_workers_that_lost_their_task_none_is_accepted)
{
	int64_t before[TASK_STATES], after[TASK_STATES], stale;
	struct task *running[8];

	srand(11);
	for (int i = 0; i < TASKS; i++)
		put((struct task_spec){.max_attempts = 1000});
	config.max_crashes = 1000;
	close_queue();
	open_queue();
	make_zombies();
	for (int i = 0; i < 8; i++)
		put((struct task_spec){0});
	pass(config.retry_max_ms);
	for (int i = 0; i < 8; i++)
		ck_assert_ptr_nonnull(running[i] = claim());
	ck_assert_int_gt(n_zombies, 500);
	queue_counts(queue, before);
	stale = stale_metric();
	for (int i = 0; i < RACES; i++) {
		int z = rand() % n_zombies;
		int64_t id = zombies[z].id, fence = zombies[z].fence;

		if (i % 3 == 0) /* a guess near the truth */
			fence = running[i % 8]->fence - 1 - rand() % 3, id = running[i % 8]->id;
		if (report(rand(), id, fence) != ERR_STALE) /* an assertion of Check each time takes too long */
			ck_abort_msg("fence %lld of task %lld was believed", (long long)fence, (long long)id);
	}
	store_flush(store);
	queue_counts(queue, after);
	ck_assert_int_eq(stale_metric() - stale, RACES);
	ck_assert_mem_eq(before, after, sizeof(before));
	for (int i = 0; i < 8; i++) /* those who hold their task are heard */
		ck_assert_int_eq(finish(running[i], 0), 0);
}
END_TEST

static void fence_cases(Suite *suite)
{
	TCase *c = tcase_create("fence");

	tcase_set_timeout(c, 3600);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, of_a_million_reports_of_workers_that_lost_their_task_none_is_accepted);
	suite_add_tcase(suite, c);
}

TEST_MAIN("queue-fence", fence_cases)
