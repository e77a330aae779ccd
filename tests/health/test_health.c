/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "health/health.h"
#include "lib/test.h"

static _Atomic int64_t failed = 3, succeeded = 4;
static struct metric_histogram wait;

static double third(void *ctx)
{
	(void)ctx;
	return 1.0 / 3;
}

static double no_number(void *ctx)
{
	(void)ctx;
	return NAN;
}

static const struct metric first[] = {
	{"tasks_total", METRIC_COUNTER, "Tasks\\ that\nended.", "state=\"failed\"", &failed, NULL, NULL, NULL},
	{"load", METRIC_GAUGE, "Load.", NULL, NULL, NULL, third, NULL},
	METRIC_END,
};

static const struct metric second[] = {
	{"tasks_total", METRIC_COUNTER, "Tasks\\ that\nended.", "state=\"ok\",why=\"a\\\"b,c=d\"", &succeeded, NULL,
         NULL, NULL},
	{"wait_seconds", METRIC_HISTOGRAM, "Waiting.", "queue=\"q\"", NULL, &wait, NULL, NULL},
	{"hole", METRIC_GAUGE, "Hole.", NULL, NULL, NULL, no_number, NULL},
	METRIC_END,
};

static struct health *new_health(void)
{
	struct health *health;
	struct err err;

	ck_ok(health_new(&health, &err), &err);
	ck_ok(health_add_metrics(health, first, &err), &err);
	ck_ok(health_add_metrics(health, second, &err), &err);
	return health;
}

START_TEST(rows_of_one_name_stand_together_below_one_help)
{
	struct health *health = new_health();
	struct buf out;

	buf_init(&out, 0);
	health_prometheus(health, &out);
	ck_assert_ptr_nonnull(strstr(out.data, "# HELP tasks_total Tasks\\\\ that\\nended.\n"
	                                       "# TYPE tasks_total counter\n"
	                                       "tasks_total{state=\"failed\"} 3\n"
	                                       "tasks_total{state=\"ok\",why=\"a\\\"b,c=d\"} 4\n"
	                                       "# HELP load Load.\n"
	                                       "# TYPE load gauge\n"
	                                       "load 0.3333333333333333\n"
	                                       "# HELP wait_seconds Waiting.\n"));
	ck_assert_ptr_nonnull(strstr(out.data, "\nhole NaN\n"));
	buf_done(&out);
	health_free(health);
}
END_TEST

START_TEST(a_histogram_counts_up_to_infinity)
{
	struct health *health = new_health();
	struct buf out;

	metric_observe_ms(&wait, 0.4);
	metric_observe_ms(&wait, 1.0);
	metric_observe_ms(&wait, 70000);
	buf_init(&out, 0);
	health_prometheus(health, &out);
	ck_assert_ptr_nonnull(strstr(out.data, "# TYPE wait_seconds histogram\n"
	                                       "wait_seconds_bucket{queue=\"q\",le=\"0.0005\"} 1\n"
	                                       "wait_seconds_bucket{queue=\"q\",le=\"0.001\"} 2\n"
	                                       "wait_seconds_bucket{queue=\"q\",le=\"0.0025\"} 2\n"));
	ck_assert_ptr_nonnull(strstr(out.data, "wait_seconds_bucket{queue=\"q\",le=\"60\"} 2\n"
	                                       "wait_seconds_bucket{queue=\"q\",le=\"+Inf\"} 3\n"
	                                       "wait_seconds_sum{queue=\"q\"} 70.0014\n"
	                                       "wait_seconds_count{queue=\"q\"} 3\n"));
	buf_done(&out);
	health_free(health);
}
END_TEST

START_TEST(the_same_rows_are_json)
{
	struct health *health = new_health();
	struct buf out;

	buf_init(&out, 0);
	health_metrics_json(health, &out);
	ck_assert_ptr_nonnull(strstr(out.data, "{\"name\":\"tasks_total\",\"type\":\"counter\",\"help\":"
	                                       "\"Tasks\\\\ that\\nended.\",\"labels\":{\"state\":\"ok\","
	                                       "\"why\":\"a\\\"b,c=d\"},\"value\":4}"));
	ck_assert_ptr_nonnull(strstr(out.data, "\"name\":\"hole\",\"type\":\"gauge\",\"help\":\"Hole.\","
	                                       "\"labels\":{},\"value\":null}"));
	ck_assert_ptr_nonnull(strstr(out.data, "\"buckets\":[{\"le\":0.0005,\"count\":0}"));
	buf_done(&out);
	health_free(health);
}
END_TEST

START_TEST(the_process_tells_its_memory_and_descriptors)
{
	struct health *health = new_health();
	struct buf out;
	double rss = 0, fds = 0;

	buf_init(&out, 0);
	health_prometheus(health, &out);
	sscanf(strstr(out.data, "\nprocess_resident_memory_bytes ") + 31, "%lf", &rss);
	sscanf(strstr(out.data, "\nprocess_open_fds ") + 18, "%lf", &fds);
	ck_assert_double_gt(rss, 100000);
	ck_assert_double_ge(fds, 3);
	buf_done(&out);
	health_free(health);
}
END_TEST

static enum health_verdict probe(void *ctx, char *detail, size_t cap)
{
	const enum health_verdict *verdict = ctx;

	if (*verdict != HEALTH_OK)
		snprintf(detail, cap, "not \"well\"");
	return *verdict;
}

START_TEST(the_worst_probe_is_the_verdict_and_a_failing_one_is_not_ready)
{
	struct health *health = new_health();
	enum health_verdict store = HEALTH_OK, disk = HEALTH_DEGRADED;
	struct err err;
	struct buf out;

	ck_ok(health_add_probe(health, "store", probe, &store, &err), &err);
	ck_ok(health_add_probe(health, "disk", probe, &disk, &err), &err);
	ck_assert_int_eq(health_is_ready(health), 0);
	health_set_ready(health, 1);
	ck_assert_int_eq(health_is_ready(health), 1);
	buf_init(&out, 0);
	ck_assert_int_eq(health_check(health, &out), HEALTH_DEGRADED);
	ck_assert_str_eq(out.data, "{\"status\":\"degraded\",\"ready\":true,\"probes\":["
	                           "{\"name\":\"store\",\"status\":\"ok\",\"detail\":\"\"},"
	                           "{\"name\":\"disk\",\"status\":\"degraded\",\"detail\":\"not \\\"well\\\"\"}]}");
	buf_done(&out);
	store = HEALTH_FAILING;
	ck_assert_int_eq(health_is_ready(health), 0);
	health_free(health);
}
END_TEST

static void health_cases(Suite *suite)
{
	TCase *tcase = tcase_create("health");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, rows_of_one_name_stand_together_below_one_help);
	tcase_add_test(tcase, a_histogram_counts_up_to_infinity);
	tcase_add_test(tcase, the_same_rows_are_json);
	tcase_add_test(tcase, the_process_tells_its_memory_and_descriptors);
	tcase_add_test(tcase, the_worst_probe_is_the_verdict_and_a_failing_one_is_not_ready);
}

TEST_MAIN("health", health_cases)
