/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that know each other: dependencies, batches, unique keys, callbacks. */
#include <stdio.h>
#include <string.h>

#include "queue/rig.h"

static int64_t put_after(int64_t parent, int on_failure)
{
	return put((struct task_spec){.depends_on = &parent, .n_depends_on = 1, .on_dep_failure = on_failure});
}

static int64_t ids[16];

static void on_ids(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *e)
{
	(void)ctx;
	(void)e;
	last_code = r;
	for (size_t i = 0; i < n; i++)
		ids[i] = results[i].code ? results[i].code : results[i].id;
}

/* ---- dependencies -------------------------------------------------------------------------- */

START_TEST(a_task_waits_for_those_it_depends_on)
{
	int64_t parents[2] = {put((struct task_spec){0}), put((struct task_spec){0})};
	int64_t child = put((struct task_spec){.depends_on = parents, .n_depends_on = 2, .priority = 0});
	struct task *a = claim(), *b = claim();

	ck_assert_ptr_null(claim());
	ck_assert_int_eq(get(child)->state, TASK_BLOCKED);
	finish(a, 0);
	ck_assert_int_eq(get(child)->state, TASK_BLOCKED);
	finish(b, 0);
	ck_assert_int_eq(get(child)->state, TASK_READY);
	ck_assert_int_eq(claim()->id, child);
}
END_TEST

START_TEST(what_has_succeeded_already_holds_nobody_up)
{
	int64_t parent = put((struct task_spec){0});

	finish(claim(), 0);
	ck_assert_int_eq(get(put_after(parent, 0))->state, TASK_READY);
	parent = 4711;
	ck_assert_int_eq(put_after(parent, 0), ERR_NOTFOUND);
}
END_TEST

START_TEST(a_graph_is_put_in_one_call)
{
	static const int64_t first[] = {-1}, both[] = {-2, -3};
	struct task_spec specs[] = {{.kind = "a"},
	                            {.kind = "b", .depends_on = first, .n_depends_on = 1},
	                            {.kind = "c", .depends_on = first, .n_depends_on = 1},
	                            {.kind = "d", .depends_on = both, .n_depends_on = 2}};

	ck_ok(queue_put(queue, specs, 4, QUEUE_ATOMIC, on_ids, NULL, &err), &err);
	store_flush(store);
	for (int i = 0; i < 4; i++)
		finish(claim(), 0);
	ck_assert_int_eq(get(ids[3])->state, TASK_SUCCEEDED);
	ck_assert_int_ge(get(ids[3])->started_at, get(ids[2])->finished_at);
}
END_TEST

START_TEST(a_task_cannot_depend_on_itself_or_a_later_one)
{
	static const int64_t self[] = {-1}, later[] = {-2};
	struct task_spec specs[] = {{.kind = "a", .depends_on = later, .n_depends_on = 1}, {.kind = "b"}};

	ck_ok(queue_put(queue, &(struct task_spec){.kind = "a", .depends_on = self, .n_depends_on = 1}, 1, 0, on_ids,
	                NULL, &err),
	      &err);
	store_flush(store);
	ck_assert_int_eq(ids[0], ERR_NOTFOUND);
	ck_ok(queue_put(queue, specs, 2, 0, on_ids, NULL, &err), &err);
	store_flush(store);
	ck_assert_int_eq(ids[0], ERR_NOTFOUND);
	ck_assert_int_gt(ids[1], 0);
}
END_TEST

START_TEST(when_a_parent_fails_its_children_do_what_they_were_told)
{
	int64_t parent = put((struct task_spec){0}), cancelled = put_after(parent, TASK_DEP_CANCEL),
		runs = put_after(parent, TASK_DEP_RUN), held = put_after(parent, TASK_DEP_HOLD),
		grandchild = put_after(cancelled, TASK_DEP_CANCEL), late;

	finish(claim(), ERR_INVALID);
	ck_assert_int_eq(get(cancelled)->state, TASK_CANCELLED);
	ck_assert_ptr_nonnull(strstr(get(cancelled)->error, "depends on"));
	ck_assert_int_eq(get(grandchild)->state, TASK_CANCELLED);
	ck_assert_int_eq(get(runs)->state, TASK_READY);
	ck_assert_int_eq(get(held)->state, TASK_BLOCKED);
	late = put_after(parent, TASK_DEP_CANCEL);
	store_flush(store);
	ck_assert_int_eq(get(late)->state, TASK_CANCELLED);
	finish(claim(), 0);
	ck_assert_int_eq(queue_retry(queue, parent, on_done, NULL), 0);
	store_flush(store);
	finish(claim(), 0);
	ck_assert_int_eq(get(held)->state, TASK_READY);
}
END_TEST

START_TEST(dependencies_survive_a_restart)
{
	int64_t parent = put((struct task_spec){0}), child = put_after(parent, TASK_DEP_CANCEL);

	close_queue();
	open_queue();
	ck_assert_int_eq(get(child)->state, TASK_BLOCKED);
	ck_assert_int_eq(claim()->id, parent);
	finish(get(parent), 0);
	ck_assert_int_eq(claim()->id, child);
}
END_TEST

START_TEST(a_blocked_task_can_be_cancelled_expire_and_be_moved)
{
	int64_t parent = put((struct task_spec){0}), a = put_after(parent, 0), c = put_after(parent, 0),
		b = put((struct task_spec){.depends_on = &parent, .n_depends_on = 1, .expires_at = NOW + 100});

	queue_cancel(queue, a, on_done, NULL);
	pass(100);
	ck_assert_int_eq(get(a)->state, TASK_CANCELLED);
	ck_assert_int_eq(get(b)->state, TASK_EXPIRED);
	ck_assert_int_eq(queue_reschedule(queue, c, NOW + 5000, 0, on_done, NULL), 0);
	finish(claim(), 0); /* of the parent, before the move is written */
	ck_assert_int_eq(get(c)->state, TASK_SCHEDULED);
	pass(5000);
	ck_assert_int_eq(claim()->id, c);
}
END_TEST

START_TEST(a_child_that_is_moved_hears_that_its_parent_has_failed)
{
	int64_t parent = put((struct task_spec){.priority = 0}), children[2];
	struct task_spec spec = {.depends_on = &parent, .n_depends_on = 1};
	struct queue_outcome bad = {.code = ERR_INVALID};
	struct task *task = claim();

	children[0] = put(spec);
	spec.on_dep_failure = TASK_DEP_RUN;
	children[1] = put(spec);
	ck_assert_int_eq(queue_finish(queue, task->id, task->fence, &bad, NULL, NULL), 0);
	for (int i = 0; i < 2; i++) /* behind the failure, and before anybody has heard of it */
		ck_assert_int_eq(queue_reschedule(queue, children[i], 0, 3, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(get(children[0])->state, TASK_CANCELLED);
	ck_assert_int_eq(get(children[1])->state, TASK_READY);
}
END_TEST

START_TEST(who_goes_on_without_one_parent_waits_for_the_other)
{
	int64_t parents[2], child;
	struct task_spec late = {.kind = "test"};
	struct queue_outcome bad = {.code = ERR_INVALID};
	struct task *task;

	for (int i = 0; i < 2; i++)
		parents[i] = put((struct task_spec){.priority = i});
	child = put((struct task_spec){.depends_on = parents, .n_depends_on = 2, .on_dep_failure = TASK_DEP_RUN});
	task = claim();
	late.depends_on = parents;
	late.n_depends_on = 1;
	ck_assert_int_eq(queue_finish(queue, task->id, task->fence, &bad, NULL, NULL), 0);
	ck_ok(queue_put(queue, &late, 1, QUEUE_ATOMIC, on_put, NULL, &err),
	      &err); /* asks after its children once more */
	store_flush(store);
	ck_assert_int_eq(get(last_id)->state, TASK_CANCELLED);
	ck_assert_int_eq(get(child)->state, TASK_BLOCKED);
	finish(claim(), 0);
	ck_assert_int_eq(get(child)->state, TASK_READY);
}
END_TEST

/* ---- batches
 * -----------------------------------------------------------------------------------------------------
 */

static int64_t batch_id;

static void on_batch(void *ctx, int r, int64_t id, int is_repeated, const struct err *e)
{
	(void)is_repeated;
	(void)ctx;
	(void)e;
	last_code = r;
	batch_id = id;
}

static struct task_batch batch(void)
{
	struct task_batch ret;

	ck_ok(queue_batch_get(queue, batch_id, &arena, &ret, &err), &err);
	return ret;
}

static void new_batch(const struct task_spec *on_complete)
{
	ck_ok(queue_batch_new(queue, &(struct queue_batch_spec){.name = "night", .on_complete = on_complete}, on_batch,
	                      NULL, &err),
	      &err);
	store_flush(store);
	ck_assert_int_eq(last_code, 0);
}

static void seal(void)
{
	ck_assert_int_eq(queue_batch_seal(queue, batch_id, on_done, NULL), 0);
	store_flush(store);
}

START_TEST(a_batch_counts_its_tasks_and_then_lets_the_last_one_run)
{
	struct task_spec follower = {.kind = "report", .priority = 0};
	int64_t members[3];

	new_batch(&follower);
	for (int i = 0; i < 3; i++)
		members[i] = put((struct task_spec){.batch = batch_id});
	finish(claim(), 0);
	finish(claim(), ERR_INVALID);
	seal();
	close_queue();
	open_queue();
	queue_cancel(queue, members[2], NULL, NULL);
	store_flush(store);
	ck_assert_int_eq(batch().succeeded, 1);
	ck_assert_int_eq(batch().failed, 1);
	ck_assert_int_eq(batch().cancelled, 1);
	ck_assert_int_ne(batch().completed_at, 0);
	ck_assert_str_eq(claim()->kind, "report");
}
END_TEST

START_TEST(an_open_batch_is_not_complete_and_a_sealed_one_takes_no_tasks)
{
	new_batch(&(struct task_spec){.kind = "report"});
	put((struct task_spec){.batch = batch_id});
	finish(claim(), 0);
	ck_assert_ptr_null(claim());
	seal();
	ck_assert_str_eq(claim()->kind, "report");
	ck_assert_int_eq(put((struct task_spec){.batch = batch_id}), ERR_CONFLICT);
	ck_assert_int_eq(put((struct task_spec){.batch = 4711}), ERR_NOTFOUND);
}
END_TEST

START_TEST(a_redriven_member_is_counted_once)
{
	int64_t id;

	new_batch(NULL);
	id = put((struct task_spec){.batch = batch_id});
	put((struct task_spec){.batch = batch_id});
	finish(claim(), ERR_INVALID);
	seal();
	ck_assert_int_eq(queue_retry(queue, id, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(batch().failed, 0);
	finish(claim(), 0);
	finish(claim(), 0);
	ck_assert_int_eq(batch().succeeded, 2);
	ck_assert_int_ne(batch().completed_at, 0);
}
END_TEST

START_TEST(a_member_that_is_replaced_may_be_the_last_of_its_batch)
{
	struct task_spec spec = {.unique_key = "u", .on_conflict = TASK_CONFLICT_REPLACE};
	int64_t other;

	new_batch(&(struct task_spec){.kind = "report", .priority = 0});
	put((struct task_spec){.unique_key = "u", .batch = batch_id});
	seal();
	other = put(spec);
	ck_assert_int_eq(batch().cancelled, 1);
	ck_assert_int_ne(batch().completed_at, 0);
	ck_assert_str_eq(claim()->kind, "report");
	ck_assert_int_eq(claim()->id, other);
}
END_TEST

START_TEST(batches_are_listed_newest_first)
{
	struct task_batch *list;
	size_t n;

	for (int i = 0; i < 3; i++)
		new_batch(NULL);
	ck_ok(queue_batches(queue, NULL, NULL, 0, 2, &arena, &list, &n, &err), &err);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(list[0].id, batch_id);
	ck_ok(queue_batches(queue, NULL, NULL, list[1].id, 2, &arena, &list, &n, &err), &err);
	ck_assert_uint_eq(n, 1);
}
END_TEST

/* ---- unique keys
 * ---------------------------------------------------------------------------------------------------
 */

START_TEST(a_second_task_with_a_key_is_refused_when_it_says_so)
{
	int64_t first = put((struct task_spec){.unique_key = "u"});

	ck_assert_int_eq(put((struct task_spec){.unique_key = "u", .on_conflict = TASK_CONFLICT_REJECT}), ERR_EXISTS);
	ck_assert_int_gt(put((struct task_spec){.unique_key = "u", .tenant = "other"}), first);
}
END_TEST

START_TEST(a_key_of_the_queued_is_free_when_its_task_has_started)
{
	struct task_spec spec = {.unique_key = "u", .unique_scope = TASK_UNIQUE_QUEUED};
	int64_t first = put(spec), second;

	ck_assert_int_eq(put(spec), first);
	claim();
	second = put(spec);
	ck_assert_int_ne(second, first);
	ck_assert_int_eq(put(spec), second);
}
END_TEST

START_TEST(a_key_with_a_time_holds_for_it_whatever_became_of_the_task)
{
	struct task_spec spec = {.unique_key = "u", .unique_scope = TASK_UNIQUE_TTL, .unique_ttl_ms = 60000};
	int64_t first = put(spec);

	finish(claim(), 0);
	ck_assert_int_eq(put(spec), first);
	pass(60000);
	ck_assert_int_ne(put(spec), first);
}
END_TEST

START_TEST(a_waiting_task_is_replaced_and_a_running_one_is_not)
{
	struct task_spec spec = {.unique_key = "u", .on_conflict = TASK_CONFLICT_REPLACE};
	int64_t first = put(spec), second = put(spec);

	ck_assert_int_ne(first, second);
	ck_assert_int_eq(get(first)->state, TASK_CANCELLED);
	ck_assert_ptr_nonnull(strstr(get(first)->error, "replaced"));
	ck_assert_int_eq(claim()->id, second);
	ck_assert_int_eq(put(spec), ERR_EXISTS);
	ck_assert_ptr_null(claim());
}
END_TEST

START_TEST(what_was_replaced_is_kept_as_long_as_it_says_or_its_queue)
{
	struct task_spec spec = {.unique_key = "u", .on_conflict = TASK_CONFLICT_REPLACE, .queue = "short"};
	struct queue_settings settings = settings_of("short");
	int64_t first, second;

	settings.retain_failed_ms = 5000;
	configure("short", settings);
	spec.retain_failed_ms = 1000;
	first = put(spec);
	spec.retain_failed_ms = 0;
	second = put(spec);
	put(spec);
	pass(1001);
	ck_assert_int_eq(queue_get(queue, first, &arena, &(struct task *){NULL}, &err), ERR_NOTFOUND);
	ck_assert_int_eq(get(second)->state, TASK_CANCELLED);
	pass(60000);
	ck_assert_int_eq(queue_get(queue, second, &arena, &(struct task *){NULL}, &err), ERR_NOTFOUND);
}
END_TEST

START_TEST(a_waiting_task_takes_what_is_merged_into_it)
{
	int64_t id = put((struct task_spec){.unique_key = "u", .body = "{\"a\":1,\"b\":2}"});

	ck_assert_int_eq(put((struct task_spec){.unique_key = "u",
	                                        .on_conflict = TASK_CONFLICT_MERGE,
	                                        .body = "{\"b\":null,\"c\":3}"}),
	                 id);
	ck_assert_int_eq(
		put((struct task_spec){.kind = "other", .unique_key = "u", .on_conflict = TASK_CONFLICT_MERGE}),
		ERR_EXISTS);
	ck_assert_int_eq(put((struct task_spec){.dataset = "d", .unique_key = "u", .on_conflict = TASK_CONFLICT_MERGE}),
	                 ERR_EXISTS);
	ck_assert_str_eq(claim()->body, "{\"a\":1,\"c\":3}");
	ck_assert_int_eq(put((struct task_spec){.unique_key = "u", .on_conflict = TASK_CONFLICT_MERGE}), ERR_EXISTS);
}
END_TEST

static int has_not_both(struct task_spec *merged)
{
	return !strstr(merged->body, "\"a\"") || !strstr(merged->body, "\"b\"");
}

#define MERGE(text) \
	((struct task_spec){.kind = "test", .unique_key = "u", .on_conflict = TASK_CONFLICT_MERGE, .body = text})

START_TEST(a_merge_that_gives_a_wrong_task_is_refused_and_changes_nothing)
{
	struct task_spec merge = MERGE("{\"b\":2}");
	int64_t id = put((struct task_spec){.unique_key = "u", .body = "{\"a\":1}"});

	is_merge_fine = has_not_both;
	ck_ok(queue_put(queue, &merge, 1, QUEUE_ATOMIC, on_put, NULL, &err), &err);
	store_flush(store);
	ck_assert_int_eq(last_code, ERR_INVALID);
	ck_assert_str_eq(err.where, "/b");
	ck_assert_ptr_nonnull(strstr(err.text, "has the unique key 'u'"));
	ck_assert_str_eq(get(id)->body, "{\"a\":1}");
	ck_assert_int_eq(put(MERGE("{\"a\":3}")), id);
	ck_assert_str_eq(claim()->body, "{\"a\":3}");
}
END_TEST

START_TEST(those_of_a_call_are_merged_one_upon_the_other_without_the_refused)
{
	struct task_spec specs[] = {MERGE("{\"a\":1}"), MERGE("{\"b\":2}"), MERGE("{\"c\":3}"), MERGE("{\"b\":null}"),
	                            MERGE("{\"a\":null,\"b\":5}")};

	is_merge_fine = has_not_both;
	ck_ok(queue_put(queue, specs, 5, 0, on_ids, NULL, &err), &err);
	store_flush(store);
	ck_assert_int_eq(last_code, 0);
	ck_assert_int_eq(ids[1], ERR_INVALID);
	for (int i = 2; i < 5; i++)
		ck_assert_int_eq(ids[i], ids[0]);
	ck_assert_str_eq(claim()->body, "{\"c\":3,\"b\":5}");
}
END_TEST

static int interferences;

static void on_other(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *e)
{
	(void)ctx;
	(void)results;
	(void)n;
	(void)e;
	ck_assert_int_eq(r, 0);
}

/* Somebody is quicker: the task that it was to be merged into has made room for another. */
static int is_interfered_with(struct task_spec *merged)
{
	struct task_spec other = {.kind = "test",
	                          .unique_key = "u",
	                          .on_conflict = TASK_CONFLICT_REPLACE,
	                          .body = "{\"d\":4}"};

	(void)merged;
	if (interferences > 0 && interferences--)
		ck_ok(queue_put(queue, &other, 1, 0, on_other, NULL, &err), &err);
	return 1;
}

START_TEST(a_merge_is_worked_out_anew_when_somebody_was_quicker)
{
	put((struct task_spec){.unique_key = "u", .body = "{\"a\":1}"});
	is_merge_fine = is_interfered_with;
	interferences = 1;
	ck_assert_int_gt(put(MERGE("{\"b\":2}")), 0);
	ck_assert_str_eq(claim()->body, "{\"d\":4,\"b\":2}");
	ck_assert_ptr_null(claim());
}
END_TEST

START_TEST(who_is_always_too_late_is_told_to_try_again)
{
	put((struct task_spec){.unique_key = "u", .body = "{\"a\":1}"});
	is_merge_fine = is_interfered_with;
	interferences = 1000;
	ck_assert_int_eq(put(MERGE("{\"b\":2}")), ERR_BUSY);
	ck_assert_int_gt(interferences, 900);
	ck_assert_str_eq(claim()->body, "{\"d\":4}");
}
END_TEST

static int n_merged;

static void on_merged(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *e)
{
	(void)ctx;
	(void)e;
	n_merged += !r && n == 1 && !results[0].code;
}

/* How many of a call were accepted. */
static void on_some(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *e)
{
	(void)e;
	ck_assert_int_eq(r, 0);
	for (size_t i = 0; i < n; i++)
		*(int *)ctx += !results[i].code;
}

START_TEST(many_that_merge_into_one_task_all_get_their_turn)
{
	static char bodies[50][32];

	put((struct task_spec){.unique_key = "u", .body = "{\"a\":1}"});
	is_merge_fine = has_not_both;
	n_merged = 0;
	for (int i = 0; i < 50; i++) {
		struct task_spec merge = MERGE(bodies[i]);

		snprintf(bodies[i], sizeof(bodies[i]), "{\"k%d\":%d}", i, i);
		ck_ok(queue_put(queue, &merge, 1, QUEUE_ATOMIC, on_merged, NULL, &err), &err);
		if (i % 7 == 0)
			store_drain(store);
	}
	store_flush(store);
	ck_assert_int_eq(n_merged, 50);
	ck_assert_ptr_nonnull(strstr(claim()->body, "\"k49\":49"));
	ck_assert_int_eq(put(MERGE("{}")), ERR_EXISTS); /* it runs; nobody waits for a turn any more */
}
END_TEST

START_TEST(what_the_merges_of_a_call_work_out_is_bounded)
{
	static struct task_spec specs[400];
	static char body[50000];
	int64_t id = put((struct task_spec){.unique_key = "u"});
	int n = 0;

	snprintf(body, sizeof(body), "{\"a\":\"%0*d\"}", 40000, 7);
	for (int i = 0; i < 400; i++)
		specs[i] = MERGE(body);
	specs[0].body = "{\"b\":2}";
	ck_ok(queue_put(queue, specs, 400, 0, on_some, &n, &err), &err);
	store_flush(store);
	ck_assert_int_gt(n, 100);
	ck_assert_int_lt(n, 400);
	ck_assert_int_eq(claim()->id, id);
}
END_TEST

START_TEST(what_follows_upon_a_success_is_merged_with_the_same_care)
{
	struct task_spec merge = MERGE("{\"b\":2}");
	struct queue_outcome outcome = {.next = &merge, .n_next = 1};
	struct task *task;
	int64_t id;

	is_merge_fine = has_not_both;
	put((struct task_spec){.kind = "parent"});
	task = claim();
	id = put((struct task_spec){.unique_key = "u", .body = "{\"a\":1}"});
	ck_assert_int_eq(queue_finish(queue, task->id, task->fence, &outcome, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(last_code, 0);
	ck_assert_int_eq(get(task->id)->state, TASK_SUCCEEDED);
	ck_assert_str_eq(get(id)->body, "{\"a\":1}");
}
END_TEST

START_TEST(nobody_claims_a_task_that_may_be_merged_into_at_this_moment)
{
	struct task_spec merge = {.kind = "test",
	                          .unique_key = "u",
	                          .on_conflict = TASK_CONFLICT_MERGE,
	                          .body = "{\"b\":2}"};
	struct task *task;

	put((struct task_spec){.unique_key = "u", .body = "{\"a\":1}"});
	ck_ok(queue_put(queue, &merge, 1, 0, on_put, NULL, &err), &err);
	ck_ok(queue_claim(queue, &by_w, &arena, &task, &err), &err);
	ck_assert_ptr_null(task);
	store_flush(store);
	ck_assert_str_eq(claim()->body, "{\"a\":1,\"b\":2}");
}
END_TEST

static int64_t count_writes(void)
{
	for (const struct metric *m = store_metrics(store); m->name; m++)
		if (!strcmp(m->name, "orasi_store_writes_total"))
			return *m->value;
	return -1;
}

/* How many writes it takes until a success has been merged into what others change all the time. */
static int64_t succeed_slowly(int is_cancelled_meanwhile)
{
	struct task_spec merge = MERGE("{\"b\":2}");
	struct queue_outcome outcome = {.next = &merge, .n_next = 1};
	struct task *task;
	int64_t before;

	put((struct task_spec){.kind = "parent"});
	task = claim();
	put((struct task_spec){.unique_key = "u", .body = "{\"a\":1}"});
	is_merge_fine = is_interfered_with;
	interferences = 4;
	before = count_writes();
	ck_assert_int_eq(queue_finish(queue, task->id, task->fence, &outcome, on_done, NULL), 0);
	if (is_cancelled_meanwhile)
		ck_assert_int_eq(queue_cancel(queue, task->id, on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(last_code, is_cancelled_meanwhile ? ERR_CONFLICT : 0);
	ck_assert_int_eq(get(task->id)->state, TASK_SUCCEEDED);
	before = count_writes() - before;
	finish(claim(), 0);
	return before;
}

START_TEST(a_wish_that_meets_a_slow_end_waits_for_it_without_writes_of_its_own)
{
	ck_assert_int_eq(succeed_slowly(1), succeed_slowly(0));
}
END_TEST

START_TEST(one_refused_task_does_not_refuse_the_others_unless_they_are_one)
{
	struct task_spec specs[] = {{.kind = "a", .unique_key = "u"},
	                            {.kind = "b", .unique_key = "u", .on_conflict = TASK_CONFLICT_REJECT},
	                            {.kind = "c"}};

	ck_ok(queue_put(queue, specs, 3, QUEUE_ATOMIC, on_ids, NULL, &err), &err);
	store_flush(store);
	ck_assert_int_eq(last_code, ERR_EXISTS);
	ck_assert_ptr_null(claim());
	ck_ok(queue_put(queue, specs, 3, 0, on_ids, NULL, &err), &err);
	store_flush(store);
	ck_assert_int_eq(last_code, 0);
	ck_assert_int_eq(ids[1], ERR_EXISTS);
	ck_assert_str_eq(claim()->kind, "a");
	ck_assert_str_eq(claim()->kind, "c");
}
END_TEST

/* ---- callbacks
 * ------------------------------------------------------------------------------------------------------
 */

START_TEST(the_end_of_a_task_with_a_callback_is_a_task_of_its_own)
{
	static const char *const names[] = {"callbacks", NULL};
	int64_t id = put((struct task_spec){.callback = "{\"url\":\"https://example.org\"}", .tenant = "t"});
	struct task *told;

	finish(claim(), ERR_INVALID);
	told = claim_as((struct queue_claim_ask){.worker = "c", .queues = names});
	ck_assert_str_eq(told->kind, "callback");
	ck_assert_str_eq(told->body, "{\"url\":\"https://example.org\"}");
	ck_assert_int_eq(told->parent, id);
	ck_assert_str_eq(told->tenant, "t");
}
END_TEST

static void together_cases(Suite *suite)
{
	TCase *c = tcase_create("together");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_task_waits_for_those_it_depends_on);
	tcase_add_test(c, what_has_succeeded_already_holds_nobody_up);
	tcase_add_test(c, a_graph_is_put_in_one_call);
	tcase_add_test(c, a_task_cannot_depend_on_itself_or_a_later_one);
	tcase_add_test(c, when_a_parent_fails_its_children_do_what_they_were_told);
	tcase_add_test(c, dependencies_survive_a_restart);
	tcase_add_test(c, a_blocked_task_can_be_cancelled_expire_and_be_moved);
	tcase_add_test(c, a_batch_counts_its_tasks_and_then_lets_the_last_one_run);
	tcase_add_test(c, an_open_batch_is_not_complete_and_a_sealed_one_takes_no_tasks);
	tcase_add_test(c, a_redriven_member_is_counted_once);
	tcase_add_test(c, a_child_that_is_moved_hears_that_its_parent_has_failed);
	tcase_add_test(c, who_goes_on_without_one_parent_waits_for_the_other);
	tcase_add_test(c, a_member_that_is_replaced_may_be_the_last_of_its_batch);
	tcase_add_test(c, batches_are_listed_newest_first);
	tcase_add_test(c, a_second_task_with_a_key_is_refused_when_it_says_so);
	tcase_add_test(c, a_key_of_the_queued_is_free_when_its_task_has_started);
	tcase_add_test(c, a_key_with_a_time_holds_for_it_whatever_became_of_the_task);
	tcase_add_test(c, a_waiting_task_is_replaced_and_a_running_one_is_not);
	tcase_add_test(c, what_was_replaced_is_kept_as_long_as_it_says_or_its_queue);
	tcase_add_test(c, a_waiting_task_takes_what_is_merged_into_it);
	tcase_add_test(c, a_merge_that_gives_a_wrong_task_is_refused_and_changes_nothing);
	tcase_add_test(c, those_of_a_call_are_merged_one_upon_the_other_without_the_refused);
	tcase_add_test(c, a_merge_is_worked_out_anew_when_somebody_was_quicker);
	tcase_add_test(c, who_is_always_too_late_is_told_to_try_again);
	tcase_add_test(c, many_that_merge_into_one_task_all_get_their_turn);
	tcase_add_test(c, what_the_merges_of_a_call_work_out_is_bounded);
	tcase_add_test(c, what_follows_upon_a_success_is_merged_with_the_same_care);
	tcase_add_test(c, nobody_claims_a_task_that_may_be_merged_into_at_this_moment);
	tcase_add_test(c, a_wish_that_meets_a_slow_end_waits_for_it_without_writes_of_its_own);
	tcase_add_test(c, one_refused_task_does_not_refuse_the_others_unless_they_are_one);
	tcase_add_test(c, the_end_of_a_task_with_a_callback_is_a_task_of_its_own);
	suite_add_tcase(suite, c);
}

TEST_MAIN("queue-together", together_cases)
