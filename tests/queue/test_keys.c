/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: the same request twice, and tasks of which there may be one. */
#include <sched.h>
#include <string.h>

#include "base/id.h"
#include "lib/fakedisk.h"
#include "queue/rig.h"

START_TEST(the_same_idempotency_key_gives_the_first_task_again)
{
	int64_t id = put((struct task_spec){.body = "{}", .idempotency_key = "k"});

	ck_assert_int_eq(put((struct task_spec){.body = "{}", .idempotency_key = "k"}), id);
	ck_assert_int_eq(put_existed, 1);
	ck_assert_int_eq(put((struct task_spec){.body = "{\"other\":1}", .idempotency_key = "k"}), ERR_CONFLICT);
	claim();
	ck_assert_ptr_null(claim());
}
END_TEST

START_TEST(an_idempotency_key_is_of_all_that_was_asked_for)
{
	struct task_spec spec = {.body = "{}", .idempotency_key = "k", .trace = "00-1-1-00", .priority = 5};
	int64_t id = put(spec);

	spec.trace = "00-2-2-00"; /* of the repeated request itself */
	ck_assert_int_eq(put(spec), id);
	spec.priority = 3;
	ck_assert_int_eq(put(spec), ERR_CONFLICT);
	spec.priority = 5;
	spec.tenant = "other";
	ck_assert_int_gt(put(spec), id);
}
END_TEST

START_TEST(an_idempotency_key_whose_task_is_kept_no_more_runs_nothing_again)
{
	struct task_spec spec = {.body = "{}", .idempotency_key = "k"};
	char id[ID_LEN];

	id_format('t', put(spec), id);
	ck_assert_int_eq(finish(claim(), 0), 0);
	ck_assert_int_eq(queue_delete(queue, last_id, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(put(spec), ERR_GONE);
	ck_assert_ptr_nonnull(strstr(err.text, id));
	ck_assert_ptr_nonnull(strstr(err.text, "use another key"));
	ck_assert_ptr_null(claim());
	pass(25 * 3600 * 1000); /* so long a key is kept */
	ck_assert_int_gt(put(spec), 1);
}
END_TEST

/* ---- idempotency keys of calls with many tasks */

static struct queue_put_result call_results[4];
static size_t call_n;

static void on_call(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *e)
{
	(void)ctx;
	last_code = r;
	if (r)
		err = *e;
	call_n = n;
	if (n)
		memcpy(call_results, results, n * sizeof(*results));
	if (n && results[n - 1].code) /* its text lives during the call */
		err_set(&err, results[n - 1].code, "%s", results[n - 1].error);
}

static int put_call(int64_t digest, const struct task_spec *specs, size_t n, int flags)
{
	struct queue_call call = {.key = "k", .digest = digest};

	ck_ok(queue_put_call(queue, &call, specs, n, flags, on_call, NULL, &err), &err);
	store_flush(store);
	return last_code;
}

START_TEST(the_key_of_a_call_gives_all_its_tasks_again_or_none)
{
	const struct task_spec specs[] = {{.kind = "t", .body = "5"}, {.kind = "t", .body = "6"}, {.kind = "t"}};
	int64_t first;

	ck_assert_int_eq(put_call(56, specs, 2, QUEUE_ATOMIC), 0);
	first = call_results[0].id;
	ck_assert_int_eq(call_results[1].existed, 0);
	close_queue();
	open_queue();
	ck_assert_int_eq(put_call(56, specs, 2, QUEUE_ATOMIC), 0);
	ck_assert_int_eq(call_results[0].id, first);
	ck_assert_int_eq(call_results[1].id, first + 1);
	ck_assert_int_eq(call_results[1].existed, QUEUE_REPEATED);
	ck_assert_int_eq(put_call(5, specs, 1, QUEUE_ATOMIC), ERR_CONFLICT);
	ck_assert_int_eq(put_call(56, specs, 3, 0), ERR_CONFLICT);
	ck_assert_int_eq(put((struct task_spec){.body = "5", .idempotency_key = "k"}), ERR_CONFLICT);
	ck_assert_int_gt(put((struct task_spec){.body = "5", .idempotency_key = "k#0"}),
	                 first); /* a key like any other */
	ck_assert_int_eq(finish(claim(), 0), 0);
	ck_assert_int_eq(queue_delete(queue, first, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(put_call(56, specs, 2, QUEUE_ATOMIC), ERR_GONE);
	ck_assert_int_eq(put_call(56, specs, 2, 0), 0); /* each for itself */
	ck_assert_int_eq(call_results[0].code, ERR_GONE);
	ck_assert_int_eq(call_results[1].id, first + 1);
}
END_TEST

START_TEST(what_was_refused_in_a_call_is_tried_again_with_its_key)
{
	struct task_spec specs[] = {{.kind = "t", .unique_key = "u", .on_conflict = TASK_CONFLICT_REJECT},
	                            {.kind = "t"}};
	int64_t held = put((struct task_spec){.unique_key = "u"}), second;

	ck_assert_int_eq(put_call(1, specs, 2, 0), 0);
	ck_assert_int_eq(call_results[0].code, ERR_EXISTS);
	second = call_results[1].id;
	ck_assert_int_eq(queue_cancel(queue, held, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(put_call(1, specs, 2, 0), 0);
	ck_assert_int_eq(call_results[0].code, 0);
	ck_assert_int_eq(call_results[0].existed, 0);
	ck_assert_int_eq(call_results[1].id, second);
	held = call_results[0].id;
	ck_assert_int_eq(put_call(1, specs, 2, 0), 0);
	ck_assert_int_eq(call_results[0].id, held);
	ck_assert_int_eq(call_results[0].existed, QUEUE_REPEATED);
}
END_TEST

START_TEST(what_is_asked_for_again_is_answered_though_the_queue_is_full_or_drains)
{
	struct queue_settings hard[2] = {settings_of("default"), settings_of("default")};
	struct task_spec first = {.idempotency_key = "k"}, specs[3] = {{.kind = "test", .idempotency_key = "k"},
	                                                               {.kind = "test", .idempotency_key = "new"},
	                                                               {.kind = "test", .idempotency_key = "k"}};
	int64_t id = put(first);

	hard[0].max_depth = 1;
	hard[1].draining = 1;
	for (int i = 0; i < 2; i++) {
		configure("default", hard[i]);
		ck_assert_int_eq(put(first), id);
		ck_assert_int_eq(put_existed, QUEUE_REPEATED);
		first.priority = 9; /* another request */
		ck_assert_int_eq(put(first), ERR_CONFLICT);
		first.priority = 0;
		ck_ok(queue_put(queue, specs, 3, 0, on_call, NULL, &err), &err);
		store_flush(store);
		ck_assert_int_eq(call_results[0].id, id);
		ck_assert_int_eq(call_results[1].code, i ? ERR_BUSY : ERR_LIMIT);
		ck_assert_int_eq(call_results[2].id, id);
		ck_assert_int_ne(queue_put(queue, specs, 2, QUEUE_ATOMIC, on_call, NULL, &err), 0);
		ck_assert_str_eq(err.where, "[1]");
	}
}
END_TEST

START_TEST(a_repeated_task_takes_no_room_from_a_new_one)
{
	struct task_spec specs[3] = {{.kind = "test", .idempotency_key = "k"},
	                             {.kind = "test", .idempotency_key = "k"},
	                             {.kind = "test", .idempotency_key = "new"}};
	struct queue_settings settings = settings_of("default");
	int64_t id = put(specs[0]);

	settings.max_depth = 2;
	configure("default", settings);
	ck_ok(queue_put(queue, specs, 3, QUEUE_ATOMIC, on_call, NULL, &err), &err);
	store_flush(store);
	ck_assert_int_eq(call_results[1].id, id);
	ck_assert_int_gt(call_results[2].id, id);
	ck_assert_int_eq(call_results[2].existed, 0);
}
END_TEST

START_TEST(a_call_that_is_sent_again_is_answered_though_the_queue_is_full)
{
	struct task_spec specs[3] = {{.kind = "test"}, {.kind = "test"}, {.kind = "test"}};
	struct queue_settings settings = settings_of("default");
	int64_t first;

	ck_assert_int_eq(put_call(7, specs, 3, QUEUE_ATOMIC), 0);
	first = call_results[0].id;
	settings.max_depth = 3;
	configure("default", settings);
	ck_assert_int_eq(put_call(7, specs, 3, QUEUE_ATOMIC), 0);
	ck_assert_int_eq(call_results[0].id, first);
	ck_assert_int_eq(call_results[2].existed, QUEUE_REPEATED);
	ck_assert_int_eq(put_call(8, specs, 3, QUEUE_ATOMIC), ERR_CONFLICT);
	ck_assert_int_eq(put_call(7, specs, 3, 0), 0);
	ck_assert_int_eq(call_results[1].id, first + 1);
}
END_TEST

/* ---- what is asked for again while nothing can be written */

static void on_fake_disk(void)
{
	close_queue();
	fakedisk_start();
	strcpy(path, test_path("fake.db"));
	open_queue();
}

/* What the queue says, at once or when it has tried. */
static int answer_to(struct task_spec spec)
{
	spec.kind = "test";
	last_code = -1;
	if (queue_put(queue, &spec, 1, QUEUE_ATOMIC, on_call, NULL, &err))
		return err.code;
	store_gather(store, 0);
	for (; last_code == -1; store_drain(store))
		sched_yield();
	return last_code;
}

static void ask_again_while_nothing_is_written(const struct task_spec *first, int64_t id, int otherwise)
{
	struct task_spec other = *first;

	ck_assert_int_eq(answer_to(*first), 0);
	ck_assert_int_eq(call_results[0].id, id);
	ck_assert_int_eq(call_results[0].existed, QUEUE_REPEATED);
	other.body = "{\"other\":1}";
	ck_assert_int_eq(answer_to(other), ERR_CONFLICT);
	other.idempotency_key = "new";
	ck_assert_int_eq(answer_to(other), otherwise);
	other.idempotency_key = NULL;
	ck_assert_int_eq(answer_to(other), otherwise);
}

START_TEST(what_is_asked_for_again_is_answered_though_the_disk_is_full)
{
	struct task_spec spec = {.body = "{}", .idempotency_key = "one"};
	struct task_spec two[2] = {{.kind = "test"}, {.kind = "test"}};
	int64_t id;

	on_fake_disk();
	id = put(spec);
	ck_assert_int_eq(put_call(7, two, 2, QUEUE_ATOMIC), 0);
	fakedisk_fill();
	ask_again_while_nothing_is_written(&spec, id, ERR_NOSPACE);
	ck_ok(queue_put_call(queue, &(struct queue_call){NULL, "k", 7, 2, NULL}, two, 2, QUEUE_ATOMIC, on_call, NULL,
	                     &err),
	      &err);
	for (call_n = 0; !call_n; store_drain(store))
		sched_yield();
	ck_assert_int_eq(call_results[1].id, id + 2);
	fakedisk_heal();
	store_flush(store);
	ck_assert_int_eq(claim()->id, id);
}
END_TEST

START_TEST(what_is_asked_for_again_is_answered_though_the_store_takes_no_writes)
{
	struct task_spec spec = {.body = "{}", .idempotency_key = "k"};
	int64_t id;

	on_fake_disk();
	id = put(spec);
	fakedisk_fail_syncs();
	ck_assert_int_eq(answer_to((struct task_spec){.body = "{}"}), ERR_READONLY);
	ck_assert(store_is_read_only(store));
	ask_again_while_nothing_is_written(&spec, id, ERR_READONLY);
	fakedisk_heal();
}
END_TEST

/* ---- idempotency keys of batches */

static int64_t batch_id;
static int batch_repeated, n_batches;

static void on_batch(void *ctx, int r, int64_t id, int is_repeated, const struct err *e)
{
	(void)ctx;
	if (e)
		err = *e;
	batch_id = r ? r : id;
	batch_repeated = is_repeated;
	n_batches++;
}

/* Its id, or why not. */
static int64_t open_batch(struct queue_batch_spec spec)
{
	int r = queue_batch_new(queue, &spec, on_batch, NULL, &err);

	store_flush(store);
	return r ? r : batch_id;
}

#define REPORT                                 \
	&(struct task_spec)                    \
	{                                      \
		.kind = "report", .body = "{}" \
	}
#define NIGHT                                                                                 \
	(struct queue_batch_spec)                                                             \
	{                                                                                     \
		.name = "night", .tenant = "a", .idempotency_key = "k", .on_complete = REPORT \
	}

static size_t count_batches(void)
{
	struct task_batch *batches;
	size_t n;

	ck_ok(queue_batches(queue, NULL, NULL, 0, 10, &arena, &batches, &n, &err), &err);
	return n;
}

START_TEST(the_key_of_a_batch_gives_it_again_with_the_task_that_follows)
{
	int64_t id = open_batch(NIGHT);
	struct task_batch first, again;

	ck_assert_int_gt(id, 0);
	ck_assert_int_eq(batch_repeated, 0);
	ck_ok(queue_batch_get(queue, id, &arena, &first, &err), &err);
	close_queue();
	open_queue();
	ck_assert_int_eq(open_batch(NIGHT), id);
	ck_assert_int_eq(batch_repeated, 1);
	ck_ok(queue_batch_get(queue, id, &arena, &again, &err), &err);
	ck_assert_int_eq(again.on_complete, first.on_complete);
	ck_assert_uint_eq(count_batches(), 1);
	ck_ok(queue_batch_new(queue, &(struct queue_batch_spec){.idempotency_key = "two"}, on_batch, NULL, &err), &err);
	ck_ok(queue_batch_new(queue, &(struct queue_batch_spec){.idempotency_key = "two"}, on_batch, NULL, &err), &err);
	n_batches = 0;
	store_flush(store); /* the second came before the first was written */
	ck_assert_int_eq(n_batches, 2);
	ck_assert_int_eq(batch_repeated, 1);
	ck_assert_uint_eq(count_batches(), 2);
}
END_TEST

/* It met the first one in a group of writes that did not become durable. */
START_TEST(a_batch_that_failed_repeats_nothing)
{
	on_fake_disk();
	store_gather(store, 1);
	ck_ok(queue_batch_new(queue, &NIGHT, on_batch, NULL, &err), &err);
	ck_ok(queue_batch_new(queue, &NIGHT, on_batch, NULL, &err), &err);
	n_batches = 0;
	fakedisk_fail_syncs();
	store_flush(store);
	ck_assert_int_eq(n_batches, 2);
	ck_assert_int_eq(batch_id, ERR_READONLY);
	ck_assert_int_eq(batch_repeated, 0);
	fakedisk_heal();
	store_close(store);
	queue_close(queue);
	open_queue();
}
END_TEST

START_TEST(the_key_of_a_batch_is_of_one_request)
{
	struct queue_batch_spec spec = NIGHT;
	int64_t id = open_batch(spec);

	spec.name = "day";
	ck_assert_int_eq(open_batch(spec), ERR_CONFLICT);
	spec = NIGHT;
	spec.on_complete = &(struct task_spec){.kind = "report", .body = "{}", .priority = 9};
	ck_assert_int_eq(open_batch(spec), ERR_CONFLICT);
	spec.on_complete = NULL;
	ck_assert_int_eq(open_batch(spec), ERR_CONFLICT);
	ck_assert_int_eq(put((struct task_spec){.tenant = "a", .idempotency_key = "k"}), ERR_CONFLICT);
	ck_assert_int_gt(put((struct task_spec){.tenant = "a", .idempotency_key = "task"}), 0);
	spec.idempotency_key = "task";
	ck_assert_int_eq(open_batch(spec), ERR_CONFLICT);
	spec = NIGHT;
	spec.tenant = "b";
	ck_assert_int_gt(open_batch(spec), id);
	ck_assert_uint_eq(count_batches(), 2);
}
END_TEST

START_TEST(the_key_of_a_batch_that_is_kept_no_more_makes_no_other)
{
	struct queue_batch_spec spec = NIGHT;
	char name[ID_LEN];

	spec.on_complete = NULL;
	config.retention_ms = 60000;
	close_queue();
	open_queue();
	id_format('b', open_batch(spec), name);
	ck_assert_int_eq(queue_batch_seal(queue, batch_id, on_done, NULL), 0);
	store_flush(store);
	for (int i = 0; i < 4; i++)
		pass(3600 * 1000);
	ck_assert_uint_eq(count_batches(), 0);
	ck_assert_int_eq(open_batch(spec), ERR_GONE);
	ck_assert_ptr_nonnull(strstr(err.text, name));
	for (int i = 0; i < 24; i++) /* so long a key is kept */
		pass(3600 * 1000);
	ck_assert_int_gt(open_batch(spec), 0);
}
END_TEST

START_TEST(a_batch_that_is_asked_for_again_needs_no_disk)
{
	int64_t id;

	on_fake_disk();
	id = open_batch(NIGHT);
	fakedisk_fail_syncs();
	ck_assert_int_eq(answer_to((struct task_spec){.body = "{}"}), ERR_READONLY);
	batch_id = 0;
	ck_ok(queue_batch_new(queue, &NIGHT, on_batch, NULL, &err), &err);
	ck_assert_int_eq(batch_id, id);
	ck_assert_int_eq(batch_repeated, 1);
	fakedisk_heal();
}
END_TEST

START_TEST(who_has_a_unique_key_is_the_answer_though_the_queue_is_full_or_drains)
{
	struct task_spec spec = {.body = "{\"a\":1}", .unique_key = "u"};
	struct queue_settings settings = settings_of("default");
	int64_t id = put(spec);

	settings.max_depth = 1;
	for (int drains = 0; drains < 2; drains++) {
		settings.draining = drains;
		configure("default", settings);
		spec.on_conflict = TASK_CONFLICT_RETURN;
		ck_assert_int_eq(put(spec), id);
		ck_assert_int_eq(put_existed, QUEUE_HELD);
		spec.on_conflict = TASK_CONFLICT_REJECT;
		ck_assert_int_eq(answer_to(spec), ERR_EXISTS);
		spec.on_conflict = TASK_CONFLICT_MERGE;
		ck_assert_int_eq(put(spec), id);
		spec.on_conflict = TASK_CONFLICT_REPLACE; /* that is a new task */
		ck_assert_int_eq(answer_to(spec), drains ? ERR_BUSY : ERR_LIMIT);
		ck_assert_int_eq(answer_to((struct task_spec){.unique_key = "v"}), drains ? ERR_BUSY : ERR_LIMIT);
	}
}
END_TEST

START_TEST(who_counts_on_a_unique_key_that_is_freed_meanwhile_meets_the_quota)
{
	struct task_spec specs[2] = {{.kind = "test", .unique_key = "u"}, {.kind = "test", .unique_key = "u"}};
	struct queue_settings settings = settings_of("default");
	struct queue_outcome ok = {0};
	struct task *task;

	put(specs[0]);
	settings.max_depth = 1;
	configure("default", settings);
	for (int each = 0; each < 2; each++) {
		task = claim();
		ck_assert_int_eq(queue_finish(queue, task->id, task->fence, &ok, NULL, NULL), 0);
		ck_ok(queue_put(queue, specs, 1 + (size_t)each, each ? 0 : QUEUE_ATOMIC, on_call, NULL, &err), &err);
		store_flush(store);
		ck_assert_int_eq(each ? call_results[1].code : last_code, ERR_LIMIT);
		ck_assert_ptr_nonnull(strstr(err.text, "is full"));
		ck_assert_int_gt(put(specs[0]), task->id);
	}
}
END_TEST

START_TEST(a_unique_key_is_free_again_when_its_task_has_ended)
{
	int64_t id = put((struct task_spec){.unique_key = "u"});

	ck_assert_int_eq(put((struct task_spec){.unique_key = "u"}), id);
	finish(claim(), 0);
	ck_assert_int_ne(put((struct task_spec){.unique_key = "u"}), id);
}
END_TEST

START_TEST(a_retry_takes_its_unique_key_or_is_refused)
{
	int64_t first = put((struct task_spec){.unique_key = "u"}), second;

	finish(claim(), ERR_INVALID);
	second = put((struct task_spec){.unique_key = "u"});
	ck_assert_int_eq(queue_retry(queue, first, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(last_code, ERR_CONFLICT);
	ck_assert_int_eq(get(first)->state, TASK_FAILED);
	finish(claim(), 0);
	ck_assert_int_eq(get(second)->state, TASK_SUCCEEDED);
	ck_assert_int_eq(queue_retry(queue, first, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(put((struct task_spec){.unique_key = "u"}), first);
}
END_TEST

static void keys_cases(Suite *suite)
{
	TCase *c = tcase_create("keys");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, the_same_idempotency_key_gives_the_first_task_again);
	tcase_add_test(c, an_idempotency_key_is_of_all_that_was_asked_for);
	tcase_add_test(c, an_idempotency_key_whose_task_is_kept_no_more_runs_nothing_again);
	tcase_add_test(c, the_key_of_a_call_gives_all_its_tasks_again_or_none);
	tcase_add_test(c, what_was_refused_in_a_call_is_tried_again_with_its_key);
	tcase_add_test(c, what_is_asked_for_again_is_answered_though_the_queue_is_full_or_drains);
	tcase_add_test(c, a_repeated_task_takes_no_room_from_a_new_one);
	tcase_add_test(c, a_call_that_is_sent_again_is_answered_though_the_queue_is_full);
	tcase_add_test(c, what_is_asked_for_again_is_answered_though_the_disk_is_full);
	tcase_add_test(c, what_is_asked_for_again_is_answered_though_the_store_takes_no_writes);
	tcase_add_test(c, the_key_of_a_batch_gives_it_again_with_the_task_that_follows);
	tcase_add_test(c, a_batch_that_failed_repeats_nothing);
	tcase_add_test(c, the_key_of_a_batch_is_of_one_request);
	tcase_add_test(c, the_key_of_a_batch_that_is_kept_no_more_makes_no_other);
	tcase_add_test(c, a_batch_that_is_asked_for_again_needs_no_disk);
	tcase_add_test(c, who_has_a_unique_key_is_the_answer_though_the_queue_is_full_or_drains);
	tcase_add_test(c, who_counts_on_a_unique_key_that_is_freed_meanwhile_meets_the_quota);
	tcase_add_test(c, a_unique_key_is_free_again_when_its_task_has_ended);
	tcase_add_test(c, a_retry_takes_its_unique_key_or_is_refused);
	suite_add_tcase(suite, c);
}

TEST_MAIN("keys", keys_cases)
