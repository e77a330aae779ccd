/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that are claimed soon are kept, so that nobody has to read them: which ones, how many, and that what is claimed is
 * what was put. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/inside.h"
#include "queue/rig.h"

#define LIST 1000
#define BODY 256
#define ENTRY (88 + BODY + 24) /* of one that is kept: itself, its body, its kind and queue */
#define KEPT_MAX (8 << 20)     /* bytes */
#define DEEP (3 * KEPT_MAX / ENTRY / 2 / LIST * LIST)
#define MIXED 20000

/* No two have the same, and it says which one it is and how long it is. */
static const char *body_of(int64_t n, size_t len)
{
	char *body = arena_alloc(&arena, len + 48);
	int at = sprintf(body, "{\"n\":%lld,\"x\":\"", (long long)n);

	memset(body + at, 'x', len);
	strcpy(body + at + len, "\"}");
	return body;
}

static int64_t first_id;

static void on_list(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *e)
{
	(void)ctx;
	ck_ok(r, e);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(results[i].code, 0);
	first_id = results[0].id;
}

/* The id of the first; they follow each other. */
static int64_t put_list(const char *name, int64_t from, size_t n, size_t len)
{
	struct task_spec *specs = calloc(n, sizeof(*specs));

	for (size_t i = 0; i < n; i++)
		specs[i] = (struct task_spec){.kind = "test", .queue = name, .body = body_of(from + (int64_t)i, len)};
	ck_ok(queue_put(queue, specs, n, QUEUE_ATOMIC, on_list, NULL, &err), &err);
	store_flush(store);
	free(specs);
	return first_id;
}

static size_t kept(int64_t first, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += (size_t)fresh_has(queue, first + (int64_t)i);
	return found;
}

START_TEST(a_burst_of_ten_thousand_tasks_is_kept_until_it_is_claimed)
{
	int64_t first = put_list(NULL, 0, LIST, BODY);
	struct task *task;

	for (int i = 1; i < 10; i++)
		put_list(NULL, (int64_t)i * LIST, LIST, BODY);
	ck_assert_uint_eq(kept(first, 10 * LIST), 10 * LIST);
	for (int64_t i = 0; i < 10 * LIST; i++) {
		ck_assert(fresh_has(queue, first + i));
		ck_ok(queue_claim(queue, &by_w, &arena, &task, &err), &err);
		ck_assert_int_eq(task->id, first + i);
		ck_assert_str_eq(task->body, body_of(i, BODY));
		ck_assert_int_eq(queue_finish(queue, task->id, task->fence, &(struct queue_outcome){0}, NULL, NULL), 0);
	}
	ck_assert_uint_eq(kept(first, 10 * LIST), 0);
}
END_TEST

START_TEST(of_a_deep_backlog_only_the_first_are_kept_and_who_comes_alone)
{
	int64_t first = put_list("deep", 0, LIST, BODY), alone;
	struct task *task;
	size_t n;

	for (int64_t i = LIST; i < DEEP; i += LIST)
		put_list("deep", i, LIST, BODY);
	n = kept(first, DEEP);
	ck_assert_uint_gt(n * ENTRY, KEPT_MAX * 9 / 10);
	ck_assert_uint_lt(n * ENTRY, KEPT_MAX);
	ck_assert_uint_eq(kept(first, n), n);
	for (int i = 0; i < 3 * LIST; i++) {
		alone = put((struct task_spec){.queue = "alone", .body = body_of(i, BODY)});
		ck_assert(fresh_has(queue, alone));
	}
	ck_assert_uint_lt((kept(first, DEEP) + kept(first + DEEP, 3 * LIST)) * ENTRY, KEPT_MAX);
	ck_assert_uint_eq(kept(first, n * 9 / 10), n * 9 / 10);
	task = claim_as((struct queue_claim_ask){.worker = "w", .queues = (const char *[]){"alone", NULL}});
	ck_assert_str_eq(task->body, body_of(0, BODY));
}
END_TEST

/* One of several queues, of which "rest" is never claimed from. */
static struct task *claim_some(void)
{
	static const char *const some[] = {"a", "b", NULL};
	struct task *task;

	ck_ok(queue_claim(queue, &(struct queue_claim_ask){.worker = "w", .queues = some}, &arena, &task, &err), &err);
	return task;
}

START_TEST(whatever_comes_and_goes_what_is_claimed_is_what_was_put)
{
	static const char *const queues[] = {"a", "b", "rest"};
	static struct {
		int64_t n;
		size_t len;
		int ended;
	} all[MIXED];
	static struct task *running[MIXED];
	size_t n_running = 0, ended = 0;
	int64_t n = 0;

	srand(7);
	while (n < MIXED - LIST) {
		size_t len = (size_t)rand() % 2500, many = rand() % 4 ? (size_t)rand() % 300 + 1 : 1;
		int64_t id = put_list(queues[rand() % 16 ? rand() % 2 : 2], n, many, len);

		for (size_t i = 0; i < many; i++, n++) {
			all[id + (int64_t)i].n = n;
			all[id + (int64_t)i].len = len;
		}
		for (int i = rand() % 400; i > 0; i--) {
			struct task *task = claim_some();

			if (!task)
				break;
			ck_assert_str_eq(task->body, body_of(all[task->id].n, all[task->id].len));
			running[n_running++] = task;
		}
		for (int i = rand() % 400; i > 0 && n_running; i--, ended++) {
			size_t which = (size_t)rand() % n_running;
			struct task *task = running[which];

			running[which] = running[--n_running];
			all[task->id].ended = 1;
			ck_assert_int_eq(
				queue_finish(queue, task->id, task->fence, &(struct queue_outcome){0}, NULL, NULL), 0);
		}
		store_flush(store);
	}
	ck_assert_uint_gt(ended, MIXED / 2);
	for (int64_t id = 1; id <= n; id++)
		ck_assert(!all[id].ended || !fresh_has(queue, id));
}
END_TEST

static void keep_one(int64_t id)
{
	const struct live live = {0};

	fresh_put_read(queue, &live,
	               &(struct task){.id = id, .kind = "test", .queue = "default", .body = body_of(id, BODY)});
}

/* Each block that comes to its end has one left: were they to stay there, no room would be left for 200. */
START_TEST(the_few_that_stay_while_others_come_and_go_share_a_block)
{
	int64_t others = 1000;

	for (int64_t id = 1; id <= 200; id++) {
		keep_one(id);
		for (int i = 0; i < 200; i++, others++) {
			keep_one(others);
			fresh_drop(queue, others);
		}
	}
	ck_assert_uint_eq(kept(1, 200), 200);
}
END_TEST

/* So many come and go that the block of the one that has just ended is given back. */
static void others_come_and_go(void)
{
	for (int64_t other = 1000; other < 2000; other++) {
		keep_one(other);
		fresh_drop(queue, other);
	}
}

START_TEST(an_end_is_shown_as_it_was_whatever_comes_and_goes_meanwhile)
{
	put((struct task_spec){.body = body_of(1, BODY), .dataset = "d", .labels = "{\"a\":\"b\"}"});
	while_told = others_come_and_go; /* and then the rig holds what it was told against the store */
	ck_assert_int_eq(finish(claim(), 0), 0);
	ck_assert_str_eq(events[n_events - 1], "succeeded");
}
END_TEST

static void fresh_cases(Suite *suite)
{
	TCase *c = tcase_create("fresh");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_burst_of_ten_thousand_tasks_is_kept_until_it_is_claimed);
	tcase_add_test(c, of_a_deep_backlog_only_the_first_are_kept_and_who_comes_alone);
	tcase_add_test(c, whatever_comes_and_goes_what_is_claimed_is_what_was_put);
	tcase_add_test(c, the_few_that_stay_while_others_come_and_go_share_a_block);
	tcase_add_test(c, an_end_is_shown_as_it_was_whatever_comes_and_goes_meanwhile);
	suite_add_tcase(suite, c);
}

TEST_MAIN("fresh", fresh_cases)
