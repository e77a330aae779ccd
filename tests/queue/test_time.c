/* SPDX-License-Identifier: Apache-2.0 */
/* Cron, time zones, schedules. The zone files are those of the machine; libc is the second opinion. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "queue/cron.h"
#include "queue/rig.h"

static int64_t at(const char *text)
{
	int64_t ms;

	ck_assert_msg(!clock_from_rfc3339(text, &ms), "%s is no time", text);
	return ms;
}

/* The times of a cron expression as text, to read in a test. */
static const char *times(const char *cron, const char *zone, const char *after, size_t n)
{
	static char text[1024];
	int64_t list[16];
	char one[CLOCK_RFC3339_LEN];

	text[0] = '\0';
	ck_ok(queue_schedule_times(cron, zone, at(after), list, n, &n, &err), &err);
	for (size_t i = 0; i < n; i++) {
		clock_rfc3339(list[i], one);
		sprintf(text + strlen(text), "%s%.16s", i ? " " : "", one);
	}
	return text;
}

/* ---- cron ---------------------------------------------------------------------------------- */

START_TEST(cron_fields_are_lists_ranges_steps_and_names)
{
	ck_assert_str_eq(times("*/20 * * * *", NULL, "2024-01-01T00:00:00Z", 3),
	                 "2024-01-01T00:20 2024-01-01T00:40 2024-01-01T01:00");
	ck_assert_str_eq(times("30 8-10/2,23 * * *", NULL, "2024-01-01T00:00:00Z", 4),
	                 "2024-01-01T08:30 2024-01-01T10:30 2024-01-01T23:30 2024-01-02T08:30");
	ck_assert_str_eq(times("0 9 * * mon-fri", NULL, "2024-03-01T10:00:00Z", 2),
	                 "2024-03-04T09:00 2024-03-05T09:00");
	ck_assert_str_eq(times("0 0 * JAN sun", NULL, "2024-01-20T00:00:00Z", 3),
	                 "2024-01-21T00:00 2024-01-28T00:00 2025-01-05T00:00");
	ck_assert_str_eq(times("0 0 * * 7", NULL, "2024-01-20T00:00:00Z", 1), "2024-01-21T00:00");
	ck_assert_str_eq(times("@monthly", NULL, "2024-01-20T00:00:00Z", 2), "2024-02-01T00:00 2024-03-01T00:00");
	ck_assert_str_eq(times("0 12 29 2 *", NULL, "2097-01-01T00:00:00Z", 1), "2104-02-29T12:00");
}
END_TEST

START_TEST(when_both_days_are_given_either_may_match)
{
	ck_assert_str_eq(times("0 0 13 * 5", NULL, "2024-09-01T00:00:00Z", 3),
	                 "2024-09-06T00:00 2024-09-13T00:00 2024-09-20T00:00");
}
END_TEST

START_TEST(bad_expressions_are_refused_with_the_field)
{
	static const char *const bad[][2] = {{"61 * * * *", "minute"},
	                                     {"* 24 * * *", "hour"},
	                                     {"* * 0 * *", "day of month"},
	                                     {"* * * 13 *", "month"},
	                                     {"* * * * 8", "day of week"},
	                                     {"* * * *", "day of week"},
	                                     {"* * * * * *", "five"},
	                                     {"5-1 * * * *", "minute"},
	                                     {"*/0 * * * *", "minute"},
	                                     {"1,,2 * * * *", "minute"},
	                                     {"", "minute"},
	                                     {"@never", "minute"}};
	struct cron cron;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(cron_parse(bad[i][0], &cron, &err) == ERR_INVALID, "'%s' is taken", bad[i][0]);
		ck_assert_msg(strstr(err.text, bad[i][1]) != NULL, "'%s': %s", bad[i][0], err.text);
	}
}
END_TEST

/* ---- zones --------------------------------------------------------------------------------- */

static int has_zones(void)
{
	if (!access("/usr/share/zoneinfo/Europe/Berlin", R_OK))
		return 1;
	fprintf(stderr, "skipped: the package tzdata is not installed\n");
	return 0;
}

START_TEST(every_zone_agrees_with_libc_for_a_century)
{
	static const char *const names[] = {"Europe/Berlin",     "America/New_York", "Australia/Lord_Howe",
	                                    "Asia/Kathmandu",    "America/St_Johns", "Europe/Dublin",
	                                    "Africa/Casablanca", "Pacific/Apia",     "America/Santiago",
	                                    "Asia/Tehran",       "Antarctica/Troll", "Asia/Gaza"};

	if (!has_zones())
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct zone *zone;
		struct tm tm;

		setenv("TZ", names[i], 1);
		tzset();
		ck_ok(zone_open(names[i], &zone, &err), &err);
		for (time_t t = at("1960-01-01T00:00:00Z") / 1000; t < at("2080-01-01T00:00:00Z") / 1000;
		     t += 7 * 3600 + 11) {
			localtime_r(&t, &tm);
			ck_assert_msg(zone_offset(zone, t) == tm.tm_gmtoff, "%s at %lld: %lld, libc says %ld", names[i],
			              (long long)t, (long long)zone_offset(zone, t), tm.tm_gmtoff);
		}
		zone_close(zone);
	}
}
END_TEST

START_TEST(a_local_time_that_is_skipped_fires_behind_the_gap_and_one_that_comes_twice_fires_once)
{
	if (!has_zones())
		return;
	ck_assert_str_eq(times("30 2 * * *", "Europe/Berlin", "2024-03-30T12:00:00Z", 2),
	                 "2024-03-31T01:30 2024-04-01T00:30");
	ck_assert_str_eq(times("30 2 * * *", "Europe/Berlin", "2024-10-26T12:00:00Z", 2),
	                 "2024-10-27T00:30 2024-10-28T01:30");
}
END_TEST

START_TEST(every_hour_means_every_real_hour)
{
	if (!has_zones())
		return;
	ck_assert_str_eq(times("0 * * * *", "Europe/Berlin", "2024-10-26T23:30:00Z", 4),
	                 "2024-10-27T00:00 2024-10-27T01:00 2024-10-27T02:00 2024-10-27T03:00");
	ck_assert_str_eq(times("0 * * * *", "Europe/Berlin", "2024-03-31T00:30:00Z", 2),
	                 "2024-03-31T01:00 2024-03-31T02:00");
	ck_assert_str_eq(times("0 * * * *", "Asia/Kathmandu", "2024-03-31T00:30:00Z", 2),
	                 "2024-03-31T01:15 2024-03-31T02:15");
}
END_TEST

START_TEST(zones_that_are_none_are_refused)
{
	struct zone *zone;
	char bytes[200] = "TZif2";

	ck_assert_int_eq(zone_open("Mars/Olympus", &zone, &err), ERR_NOTFOUND);
	ck_assert_int_eq(zone_open("../../../etc/passwd", &zone, &err), ERR_INVALID);
	ck_assert_int_eq(zone_open("/etc/passwd", &zone, &err), ERR_INVALID);
	ck_assert_int_eq(zone_parse(bytes, sizeof(bytes), &zone, &err), ERR_CORRUPT);
}
END_TEST

/* ---- schedules ----------------------------------------------------------------------------- */

static void schedule(struct queue_schedule s)
{
	static struct task_spec spec = {.kind = "nightly", .priority = -1};

	if (!s.name)
		s.name = "s";
	if (!s.spec)
		s.spec = &spec;
	if (!s.catchup_ms)
		s.catchup_ms = 600000; /* the clock of these tests jumps */
	ck_ok(queue_schedule_set(queue, &s, on_done, NULL, &err), &err);
	store_flush(store);
	ck_assert_int_eq(last_code, 0);
}

static struct queue_schedule schedule_now(void)
{
	struct queue_schedule ret;

	ck_assert_int_eq(queue_schedule_get(queue, "s", &arena, &ret), 0);
	return ret;
}

static int count_tasks(int state)
{
	struct queue_filter filter = {.state = state, .limit = 1000};
	struct task **tasks;
	size_t n;

	ck_ok(queue_list(queue, &filter, &arena, &tasks, &n, &filter.cursor, &err), &err);
	return (int)n;
}

START_TEST(a_schedule_makes_a_task_at_each_of_its_times)
{
	schedule((struct queue_schedule){.cron = "*/10 * * * *", .overlap = QUEUE_OVERLAP_QUEUE});
	ck_assert_int_eq(schedule_now().next_at % 600000, 0);
	ck_assert_int_le(queue_due_in(queue), 600000);
	for (int i = 1; i <= 5; i++) {
		pass(600000);
		ck_assert_int_eq(count_tasks(QUEUE_ANY), i);
	}
	ck_assert_str_eq(claim()->kind, "nightly");
	ck_assert_int_eq(schedule_now().fired, 5);
}
END_TEST

START_TEST(a_clock_that_is_set_is_noticed_while_something_waits_for_a_time)
{
	schedule((struct queue_schedule){.cron = "0 3 1 1 *"});
	pass(0);
	ck_assert_int_gt(queue_due_in(queue), 0);
	ck_assert_int_le(queue_due_in(queue), 10000);
}
END_TEST

START_TEST(no_time_fires_twice_although_the_agent_dies_behind_the_commit)
{
	int64_t next;

	schedule((struct queue_schedule){.cron = "0 * * * *", .catchup_ms = 3600000});
	next = schedule_now().next_at;
	pass(next - NOW);
	close_queue();
	clock_freeze(next); /* the same moment again */
	open_queue();
	queue_tick(queue);
	store_flush(store);
	ck_assert_int_eq(count_tasks(QUEUE_ANY), 1);
	ck_assert_int_eq(schedule_now().fired, 1);
	ck_assert_int_eq(schedule_now().next_at, next + 3600000);
}
END_TEST

START_TEST(missed_times_are_fired_late_within_the_window_and_counted_beyond)
{
	schedule((
		struct queue_schedule){.cron = "0 * * * *", .overlap = QUEUE_OVERLAP_QUEUE, .catchup_ms = 2 * 3600000});
	close_queue();
	clock_advance(10 * 3600000);
	open_queue();
	for (int i = 0; i < 20; i++) {
		queue_tick(queue);
		store_flush(store);
	}
	ck_assert_int_eq(schedule_now().fired, 2);
	ck_assert_int_eq(schedule_now().missed, 8);
	ck_assert_int_gt(schedule_now().next_at, clock_wall_ms());
}
END_TEST

START_TEST(while_the_last_one_lives_a_schedule_skips_queues_or_replaces)
{
	int64_t first;

	schedule((struct queue_schedule){.cron = "* * * * *", .overlap = QUEUE_OVERLAP_SKIP});
	pass(60000);
	pass(60000);
	ck_assert_int_eq(count_tasks(QUEUE_ANY), 1);
	ck_assert_int_eq(schedule_now().skipped, 1);
	first = schedule_now().last_task;
	schedule((struct queue_schedule){.cron = "* * * * *", .overlap = QUEUE_OVERLAP_REPLACE});
	pass(60000);
	ck_assert_int_eq(get(first)->state, TASK_CANCELLED);
	ck_assert_ptr_nonnull(strstr(get(first)->error, "replaced by task"));
	ck_assert_int_eq(count_tasks(TASK_READY), 1);
	first = claim()->id;
	pass(60000);
	ck_assert_int_eq(cancelled_id, first);
	ck_assert_int_eq(count_tasks(TASK_READY), 1);
}
END_TEST

/* The one that is replaced stands aside while that is written. */
START_TEST(a_task_lives_on_where_it_stood_when_its_schedule_cannot_replace_it)
{
	struct task_spec held = {.kind = "nightly", .unique_key = "u", .on_conflict = TASK_CONFLICT_REJECT};
	struct task_spec taken = {.kind = "nightly", .unique_key = "u", .on_conflict = TASK_CONFLICT_REPLACE};
	struct queue_schedule s = {.cron = "* * * * *", .overlap = QUEUE_OVERLAP_REPLACE, .spec = &held};
	int64_t first;

	schedule(s);
	pass(60000);
	first = schedule_now().last_task;
	pass(60000);
	ck_assert_int_eq(schedule_now().fired, 1);
	ck_assert_int_eq(schedule_now().skipped, 1);
	ck_assert_int_eq(claim()->id, first);
	close_queue();
	open_queue();
	s.spec = &taken;
	schedule(s);
	pass(60000);
	ck_assert_int_eq(get(first)->state, TASK_CANCELLED);
	ck_assert_int_eq(claim()->id, schedule_now().last_task);
	ck_assert_ptr_null(claim());
}
END_TEST

/* Its attempt fails while the firing is written: nothing comes of the other one that it would have had. */
START_TEST(a_task_whose_attempt_ends_while_its_schedule_replaces_it_has_no_other)
{
	struct queue_outcome outcome = {.code = ERR_IO, .error = "it broke"};
	struct task_spec spec = {.kind = "nightly", .max_attempts = 5, .retry_initial_ms = 1, .retry_max_ms = 1};
	struct task *first;

	schedule((struct queue_schedule){.cron = "* * * * *", .overlap = QUEUE_OVERLAP_REPLACE, .spec = &spec});
	pass(60000);
	first = claim();
	clock_advance(60000);
	queue_tick(queue);
	last_code = 1;
	ck_assert_int_eq(queue_finish(queue, first->id, first->fence, &outcome, on_done, NULL), 0);
	store_flush(store);
	pass(1000);
	ck_assert_int_eq(last_code, 0);
	ck_assert_int_eq(get(first->id)->state, TASK_CANCELLED);
	ck_assert_int_eq(claim()->id, schedule_now().last_task);
	ck_assert_ptr_null(claim());
}
END_TEST

/* What is about to change is known in a moment: the firing waits for it, and is neither skipped nor missed. */
START_TEST(a_schedule_waits_for_the_task_that_it_replaces_while_that_is_about_to_change)
{
	struct queue_outcome outcome = {.code = ERR_IO, .error = "it broke"};
	struct task_spec spec = {.kind = "nightly", .max_attempts = 5};
	struct task *first;

	schedule((struct queue_schedule){.cron = "* * * * *", .overlap = QUEUE_OVERLAP_REPLACE, .spec = &spec});
	pass(60000);
	first = claim();
	clock_advance(60000);
	ck_assert_int_eq(queue_finish(queue, first->id, first->fence, &outcome, NULL, NULL), 0);
	pass(0);
	ck_assert_int_eq(schedule_now().fired, 1);
	pass(1000);
	ck_assert_int_eq(schedule_now().fired, 2);
	ck_assert_int_eq(schedule_now().skipped, 0);
	ck_assert_int_eq(get(first->id)->state, TASK_CANCELLED);
	ck_assert_ptr_nonnull(strstr(get(first->id)->error, "replaced by task"));
	ck_assert_int_eq(claim()->id, schedule_now().last_task);
	ck_assert_ptr_null(claim());
}
END_TEST

/* Its callback is told, as of any other end. */
START_TEST(the_end_of_a_task_that_a_schedule_replaces_is_told)
{
	struct task_spec spec = {.kind = "nightly", .callback = "{}"};

	schedule((struct queue_schedule){.cron = "* * * * *", .overlap = QUEUE_OVERLAP_REPLACE, .spec = &spec});
	pass(60000);
	pass(60000);
	ck_assert_int_eq(count_tasks(TASK_CANCELLED), 1);
	ck_assert_int_eq(count_tasks(TASK_READY), 2);
}
END_TEST

START_TEST(a_schedule_is_paused_changed_and_deleted)
{
	struct queue_schedule *list;
	size_t n;

	schedule((struct queue_schedule){.cron = "* * * * *", .paused = 1});
	pass(120000);
	ck_assert_int_eq(count_tasks(QUEUE_ANY), 0);
	schedule((struct queue_schedule){.cron = "@hourly"});
	schedule((struct queue_schedule){.name = "t", .cron = "@daily"});
	queue_schedules(queue, "s", 10, &arena, &list, &n);
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(list[0].name, "t");
	ck_assert_int_eq(queue_schedule_delete(queue, "s", on_done, NULL), 0);
	store_flush(store);
	ck_assert_int_eq(queue_schedule_delete(queue, "s", on_done, NULL), ERR_NOTFOUND);
	close_queue();
	open_queue();
	pass(3600000);
	ck_assert_int_eq(count_tasks(QUEUE_ANY), 0);
}
END_TEST

/* Who was free while it stood aside has not seen it, and looks again when he is told. */
START_TEST(a_task_that_stood_aside_for_a_refused_replacement_is_told_of)
{
	struct task_spec held = {.kind = "nightly", .unique_key = "u", .on_conflict = TASK_CONFLICT_REJECT};
	struct queue_schedule s = {.cron = "* * * * *", .overlap = QUEUE_OVERLAP_REPLACE, .spec = &held};
	int before;

	schedule(s);
	pass(60000);
	before = ready_calls;
	clock_advance(60000);
	queue_tick(queue);
	store_flush(store);
	ck_assert_int_eq(get(schedule_now().last_task)->state, TASK_READY);
	ck_assert_int_gt(ready_calls, before);
	ck_assert_ptr_nonnull(claim());
}
END_TEST

START_TEST(a_schedule_that_is_deleted_or_changed_at_its_very_moment_fires_at_most_once)
{
	struct queue_schedule again = {.name = "s",
	                               .cron = "* * * * *",
	                               .overlap = QUEUE_OVERLAP_QUEUE,
	                               .spec = &(struct task_spec){.kind = "other"}};

	schedule((struct queue_schedule){.cron = "* * * * *", .overlap = QUEUE_OVERLAP_QUEUE});
	clock_advance(60000);
	queue_tick(queue);
	ck_ok(queue_schedule_set(queue, &again, on_done, NULL, &err), &err);
	store_flush(store);
	ck_assert_int_eq(count_tasks(QUEUE_ANY), 1);
	clock_advance(60000);
	ck_ok(queue_schedule_set(queue, &again, on_done, NULL, &err), &err);
	queue_tick(queue);
	store_flush(store);
	ck_assert_int_le(count_tasks(QUEUE_ANY), 2);
	clock_advance(60000);
	ck_assert_int_eq(queue_schedule_delete(queue, "s", on_done, NULL), 0);
	queue_tick(queue);
	store_flush(store);
	ck_assert_int_le(count_tasks(QUEUE_ANY), 3);
}
END_TEST

START_TEST(what_a_schedule_is_changed_to_at_its_very_moment_is_what_a_start_reads)
{
	struct queue_schedule again = {.name = "s",
	                               .cron = "0 0 1 1 *",
	                               .overlap = QUEUE_OVERLAP_QUEUE,
	                               .spec = &(struct task_spec){.kind = "other"}};
	struct queue_schedule now, after;

	schedule((struct queue_schedule){.cron = "* * * * *", .overlap = QUEUE_OVERLAP_QUEUE});
	clock_advance(60000);
	ck_ok(queue_schedule_set(queue, &again, on_done, NULL, &err), &err);
	queue_tick(queue);
	store_flush(store);
	ck_assert_int_eq(queue_schedule_get(queue, "s", &arena, &now), 0);
	close_queue();
	open_queue();
	ck_assert_int_eq(queue_schedule_get(queue, "s", &arena, &after), 0);
	ck_assert_int_eq(after.next_at, now.next_at);
	ck_assert_int_eq(after.fired, now.fired);
	ck_assert_int_gt(after.next_at, NOW + 40 * (int64_t)86400000);
}
END_TEST

START_TEST(what_is_no_schedule_is_refused)
{
	struct task_spec spec = {.kind = "t"}, keyed = {.kind = "t", .idempotency_key = "k"};
	struct queue_schedule bad[] = {{.name = "no name!", .cron = "@daily", .spec = &spec},
	                               {.name = "s", .cron = "x", .spec = &spec},
	                               {.name = "s", .cron = "0 0 30 2 *", .spec = &spec},
	                               {.name = "s", .cron = "@daily", .spec = &keyed},
	                               {.name = "s", .cron = "@daily", .spec = &spec, .overlap = 9}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(queue_schedule_set(queue, &bad[i], NULL, NULL, &err), ERR_INVALID);
}
END_TEST

static void time_cases(Suite *suite)
{
	TCase *c = tcase_create("time");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, cron_fields_are_lists_ranges_steps_and_names);
	tcase_add_test(c, when_both_days_are_given_either_may_match);
	tcase_add_test(c, bad_expressions_are_refused_with_the_field);
	tcase_add_test(c, every_zone_agrees_with_libc_for_a_century);
	tcase_add_test(c, a_local_time_that_is_skipped_fires_behind_the_gap_and_one_that_comes_twice_fires_once);
	tcase_add_test(c, every_hour_means_every_real_hour);
	tcase_add_test(c, zones_that_are_none_are_refused);
	tcase_add_test(c, a_schedule_makes_a_task_at_each_of_its_times);
	tcase_add_test(c, a_clock_that_is_set_is_noticed_while_something_waits_for_a_time);
	tcase_add_test(c, no_time_fires_twice_although_the_agent_dies_behind_the_commit);
	tcase_add_test(c, missed_times_are_fired_late_within_the_window_and_counted_beyond);
	tcase_add_test(c, while_the_last_one_lives_a_schedule_skips_queues_or_replaces);
	tcase_add_test(c, a_task_lives_on_where_it_stood_when_its_schedule_cannot_replace_it);
	tcase_add_test(c, a_task_whose_attempt_ends_while_its_schedule_replaces_it_has_no_other);
	tcase_add_test(c, a_schedule_waits_for_the_task_that_it_replaces_while_that_is_about_to_change);
	tcase_add_test(c, the_end_of_a_task_that_a_schedule_replaces_is_told);
	tcase_add_test(c, a_schedule_is_paused_changed_and_deleted);
	tcase_add_test(c, a_task_that_stood_aside_for_a_refused_replacement_is_told_of);
	tcase_add_test(c, a_schedule_that_is_deleted_or_changed_at_its_very_moment_fires_at_most_once);
	tcase_add_test(c, what_a_schedule_is_changed_to_at_its_very_moment_is_what_a_start_reads);
	tcase_add_test(c, what_is_no_schedule_is_refused);
	suite_add_tcase(suite, c);
}

TEST_MAIN("queue-time", time_cases)
