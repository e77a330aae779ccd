/* SPDX-License-Identifier: Apache-2.0 */
/* State that attempts leave to later ones: true with a success, in its transaction, and only if what it rests on is. */
#include <stdlib.h>
#include <string.h>

#include "queue/rig.h"

static const char *value_of(const char *owner, const char *key)
{
	struct queue_state *all;
	int64_t seen;
	size_t n;

	ck_ok(queue_state_get(queue, owner, &arena, &all, &n, &seen, &err), &err);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i].key, key))
			return all[i].text;
	return "-";
}

static int64_t seen_now(const char *owner)
{
	struct queue_state *all;
	int64_t seen;
	size_t n;

	ck_ok(queue_state_get(queue, owner, &arena, &all, &n, &seen, &err), &err);
	return seen;
}

static struct task *new_task(void)
{
	put((struct task_spec){.kind = "test", .max_attempts = 5});
	return claim();
}

/* The end of an attempt that began at `seen`, has read `read` (or NULL) and puts key = text. */
static int end(const struct task *task, int code, int64_t seen, const char *read, const char *key, const char *text)
{
	struct queue_state one = {key, text};
	struct queue_changes changes =
		{.owner = "p", .seen = seen, .reads = &read, .n_reads = read != NULL, .puts = &one, .n_puts = 1};
	struct queue_outcome outcome = {.code = code,
	                                .result = "{}",
	                                .error = code ? "it broke" : NULL,
	                                .changes = &changes};
	int r = code ? 0 : queue_state_check(queue, &changes, &err);

	return r ? r : queue_finish(queue, task->id, task->fence, &outcome, on_done, NULL);
}

START_TEST(what_a_success_leaves_is_there_for_the_next_and_after_a_restart)
{
	struct task *task = new_task();

	ck_assert_int_eq(end(task, 0, seen_now("p"), NULL, "a", "MQ=="), 0);
	store_flush(store);
	ck_assert_str_eq(value_of("p", "a"), "MQ==");
	ck_assert_str_eq(value_of("another", "a"), "-");
	close_queue();
	open_queue();
	ck_assert_str_eq(value_of("p", "a"), "MQ==");
	ck_assert_int_eq(end(new_task(), 0, seen_now("p"), "a", "a", NULL), 0);
	store_flush(store);
	ck_assert_str_eq(value_of("p", "a"), "-");
}
END_TEST

START_TEST(a_failure_and_a_stale_attempt_leave_nothing)
{
	struct task *task = new_task();
	int64_t fence = task->fence;

	ck_assert_int_eq(end(task, ERR_IO, seen_now("p"), NULL, "a", "MQ=="), 0);
	store_flush(store);
	ck_assert_str_eq(value_of("p", "a"), "-");
	pass(config.retry_max_ms);
	task = claim();
	ck_assert_ptr_nonnull(task);
	ck_assert_int_ne(task->fence, fence);
	task->fence = fence;
	ck_assert_int_eq(end(task, 0, seen_now("p"), NULL, "a", "MQ=="), ERR_STALE);
	store_flush(store);
	ck_assert_str_eq(value_of("p", "a"), "-");
}
END_TEST

START_TEST(who_has_read_what_another_has_changed_may_not_end)
{
	struct task *first = new_task(), *second = new_task();
	int64_t seen = seen_now("p");

	ck_assert_int_eq(end(first, 0, seen, "a", "a", "MQ=="), 0);
	/* the change is on its way, then true: both are too late for the other */
	ck_assert_int_eq(end(second, 0, seen, "a", "a", "Mg=="), ERR_BUSY);
	store_flush(store);
	ck_assert_int_eq(end(second, 0, seen, "a", "a", "Mg=="), ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(err.text, "'a'"));
	ck_assert_int_eq(end(second, 0, seen_now("p"), "a", "a", "Mg=="), 0);
	store_flush(store);
	ck_assert_str_eq(value_of("p", "a"), "Mg==");
}
END_TEST

START_TEST(who_has_read_something_else_or_nothing_may)
{
	struct task *first = new_task(), *second = new_task(), *third = new_task();
	int64_t seen = seen_now("p");

	ck_assert_int_eq(end(first, 0, seen, "a", "a", "MQ=="), 0);
	ck_assert_int_eq(end(second, 0, seen, "b", "b", "Mg=="), 0);
	ck_assert_int_eq(end(third, 0, seen, NULL, "a", "Mw=="), 0);
	store_flush(store);
	ck_assert_str_eq(value_of("p", "a"), "Mw==");
	ck_assert_str_eq(value_of("p", "b"), "Mg==");
}
END_TEST

START_TEST(what_was_missing_and_what_was_listed_count_as_read)
{
	struct task *first = new_task(), *second = new_task();
	int64_t seen = seen_now("p");
	struct queue_changes all = {.owner = "p", .seen = seen, .reads_all = 1};

	ck_assert_int_eq(queue_state_check(queue, &all, &err), 0);
	ck_assert_int_eq(end(first, 0, seen, NULL, "new", "MQ=="), 0);
	store_flush(store);
	ck_assert_int_eq(queue_state_check(queue, &all, &err), ERR_BUSY);
	ck_assert_int_eq(end(second, 0, seen, "new", "other", "MQ=="), ERR_BUSY);
	finish(second, 0);
}
END_TEST

START_TEST(an_owner_has_so_much_and_no_more)
{
	static char text[QUEUE_STATE_MAX / 2 + 100];

	memset(text, 'A', sizeof(text) - 1);
	ck_assert_int_eq(end(new_task(), 0, seen_now("p"), NULL, "a", text), 0);
	store_flush(store);
	ck_assert_int_eq(end(new_task(), 0, seen_now("p"), NULL, "b", text), ERR_LIMIT);
	ck_assert_int_eq(end(new_task(), 0, seen_now("p"), NULL, "a", text), 0);
	store_flush(store);
}
END_TEST

START_TEST(more_keys_than_are_told_apart_are_never_taken_for_unchanged)
{
	enum { MANY = 6000 };
	static struct queue_state puts[MANY];
	struct task *task = new_task();
	int64_t seen = seen_now("p");
	struct queue_changes changes = {.owner = "p", .seen = seen, .puts = puts, .n_puts = MANY};
	struct queue_outcome outcome = {.result = "{}", .changes = &changes};

	for (int i = 0; i < MANY; i++)
		puts[i] = (struct queue_state){arena_printf(&arena, "k%d", i), NULL};
	ck_assert_int_eq(queue_finish(queue, task->id, task->fence, &outcome, on_done, NULL), 0);
	store_flush(store);
	for (int i = 0; i < MANY; i += 7) {
		struct queue_changes reads = {.owner = "p", .seen = seen, .reads = &puts[i].key, .n_reads = 1};

		ck_assert_int_eq(queue_state_check(queue, &reads, &err), ERR_BUSY);
	}
}
END_TEST

static void state_cases(Suite *suite)
{
	TCase *c = tcase_create("state");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, what_a_success_leaves_is_there_for_the_next_and_after_a_restart);
	tcase_add_test(c, a_failure_and_a_stale_attempt_leave_nothing);
	tcase_add_test(c, who_has_read_what_another_has_changed_may_not_end);
	tcase_add_test(c, who_has_read_something_else_or_nothing_may);
	tcase_add_test(c, what_was_missing_and_what_was_listed_count_as_read);
	tcase_add_test(c, an_owner_has_so_much_and_no_more);
	tcase_add_test(c, more_keys_than_are_told_apart_are_never_taken_for_unchanged);
	suite_add_tcase(suite, c);
}

TEST_MAIN("state", state_cases)
