/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks move between files while the agent is killed, or the power cut, at each single write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/powercut.h"
#include "queue/archive.h"

#define STORY 12
enum { UNKNOWN = -1, DELETED = -2 };
static struct {
	int64_t id;
	int known; /* a state, or of the above */
} told[STORY];

struct promise {
	int at, known;
};

static void kept(void *ctx, int r, const struct err *e)
{
	struct promise *promise = ctx;

	(void)e;
	if (!r)
		told[promise->at].known = promise->known;
	free(promise);
}

static struct promise *promise(int at, int known)
{
	struct promise *ret = malloc(sizeof(*ret));

	*ret = (struct promise){at, known};
	told[at].known = UNKNOWN;
	return ret;
}

static void tell_put(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *e)
{
	(void)ctx;
	(void)e;
	for (size_t i = 0; i < n && !r; i++) {
		told[i].id = results[i].id;
		told[i].known = TASK_READY;
	}
}

static void act(int at, int known, int (*fn)(struct queue *, int64_t, queue_done_fn, void *))
{
	int was = told[at].known;
	struct promise *p;

	if (!told[at].id)
		return;
	p = promise(at, known);
	if (fn(queue, told[at].id, kept, p)) {
		told[at].known = was;
		free(p);
	}
}

static void end_all(int code)
{
	struct queue_outcome outcome = {.code = code, .result = code ? NULL : "{}", .error = code ? "broken" : NULL};
	struct task *task;

	while (!queue_claim(queue, &by_w, &arena, &task, NULL) && task)
		for (int i = 0; i < STORY; i++)
			if (told[i].id == task->id) {
				struct promise *p = promise(i, code ? TASK_FAILED : TASK_SUCCEEDED);

				if (queue_finish(queue, task->id, task->fence, &outcome, kept, p))
					free(p);
			}
	store_flush(store);
}

static void turn(int64_t ms)
{
	clock_advance(ms);
	for (int i = 0; i < 4; i++) {
		queue_tick(queue);
		store_flush(store);
	}
}

/* Everything that happens to ended tasks, in files of two days. */
static void tell_story(void)
{
	static struct task_spec specs[STORY];

	for (int i = 0; i < STORY; i++)
		specs[i] = (struct task_spec){.kind = "s", .body = "{}", .max_attempts = 1, .retain_failed_ms = DAY};
	queue_put(queue, specs, STORY / 2, QUEUE_ATOMIC, tell_put, NULL, NULL);
	store_flush(store);
	end_all(ERR_INVALID);
	turn(MINUTE + 1); /* six are in the file of tomorrow */
	act(0, TASK_READY, queue_retry);
	act(1, DELETED, queue_delete);
	act(2, TASK_READY, queue_retry);
	store_flush(store);
	end_all(0);
	act(0, DELETED, queue_delete); /* from the database, where it has just ended again */
	turn(MINUTE + 1);              /* what has gone leaves the file, the ended are moved again, into another file */
	act(2, DELETED, queue_delete);
	act(3, TASK_READY, queue_retry);
	turn(MINUTE + 1);
}

static void hold_against(const char *how, int n)
{
	const char *all = ids_of((struct queue_filter){.state = QUEUE_ANY}, 3);
	struct task *task;
	char word[32], text[1000];

	snprintf(text, sizeof(text), " %s ", all);
	for (int i = 0; i < STORY; i++) {
		int r;

		if (!told[i].id)
			continue;
		r = queue_get(queue, told[i].id, &arena, &task, &err);
		ck_assert_msg(!r || r == ERR_NOTFOUND, "%s %d: %s", how, n, err.text);
		snprintf(word, sizeof(word), " %lld ", (long long)told[i].id);
		ck_assert_msg(!r == (strstr(text, word) != NULL), "%s %d: task %d is not listed as it is", how, n, i);
		ck_assert_msg(r || !strstr(strstr(text, word) + 1, word), "%s %d: task %d is listed twice", how, n, i);
		if (told[i].known == DELETED)
			ck_assert_msg(r == ERR_NOTFOUND, "%s %d: task %d was deleted and is there", how, n, i);
		else if (told[i].known != UNKNOWN)
			ck_assert_msg(!r && (int)task->state == told[i].known, "%s %d: task %d is lost or %s", how, n,
			              i, r ? "gone" : task_state_name(task->state));
	}
}

/* Whether the end came before the story's. */
static int live_and_die(int n, int is_kill)
{
	const char *how = is_kill ? "kill" : "cut";
	int happened;

	memset(told, 0, sizeof(told));
	snprintf(path, sizeof(path), "%s/%s-%d", test_dir(), how, n);
	mkdir(path, 0700);
	strcat(path, "/store.db");
	clock_freeze(NOW);
	powercut_start((unsigned)n);
	powercut_is_kill(is_kill);
	open_queue();
	powercut_after(n);
	tell_story();
	happened = powercut_happened();
	powercut_after(0);
	store_flush(store);
	store_close(store);
	queue_close(queue);
	powercut_restore();
	ck_assert_msg(!try_open(), "%s %d: %s", how, n, err.text);
	ck_assert_msg(!queue_check(store, &err), "%s %d: %s", how, n, err.text);
	hold_against(how, n);
	turn(MINUTE + 1);
	turn(MINUTE + 1);
	ck_assert_msg(!queue_check(store, &err), "%s %d, later: %s", how, n, err.text);
	hold_against(how, n);
	clock_advance(9 * DAY);
	turn(0);
	ck_assert_msg(!queue_check(store, &err), "%s %d, in the end: %s", how, n, err.text);
	ck_assert_uint_eq(files(), 0);
	close_queue();
	arena_done(&arena);
	return happened;
}

START_TEST(whoever_dies_at_whichever_write_finds_every_task_once)
{
	int n = 1;

	close_queue();
	while (live_and_die(n, _i))
		n++;
	printf("# %s at each of %d writes\n", _i ? "killed" : "cut", n);
	ck_assert_int_gt(n, 100);
	open_queue();
}
END_TEST

static void moving_cases(Suite *suite)
{
	TCase *c = tcase_create("moving");

	tcase_set_timeout(c, 3600);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_loop_test(c, whoever_dies_at_whichever_write_finds_every_task_once, 0, 2);
	suite_add_tcase(suite, c);
}

TEST_MAIN("moving", moving_cases)
