/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins, the agent, and all routes at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/harness.h"
#include "base/file.h"
#include "base/str.h"
#include "health/health.h"

START_TEST(plugins_are_listed_and_explained)
{
	start();
	load_document();
	ck_assert_int_eq(ask("GET", "/v1/plugins", NULL), 200);
	ck_assert_str_eq(reply_str("/items/0/state"), "active");
	ck_assert_int_eq(ask("GET", "/v1/plugins/org.orasi.json", NULL), 200);
	ck_assert_str_eq(reply_str("/options/0/name"), "mode");
	ck_assert_str_eq(reply_str("/options/0/default"), "lines");
	ck_assert_int_eq(ask("GET", "/v1/plugins/none", NULL), 404);
	ck_assert_int_eq(ask("POST", "/v1/plugins:rescan", NULL), 202);
	ck_assert_int_eq(ask("POST", "/v1/plugins/json:clear", NULL), 204);
	ck_assert_int_eq(ask("POST", "/v1/plugins/none:clear", NULL), 404);
	finish();
}
END_TEST

static void get_ready(void)
{
	health_set_ready(t.health, 1);
}

START_TEST(the_agent_tells_how_it_is)
{
	start();
	load_document();
	ck_assert_int_eq(ask("GET", "/v1/agent", NULL), 200);
	ck_assert_str_eq(reply_str("/version"), "1.2.3");
	ck_assert_int_eq(ask("GET", "/v1/status", NULL), 200);
	ck_assert_str_eq(reply_str("/workers/0/role"), "task");
	ck_assert_int_eq(ask("GET", "/health", NULL), 200);
	ck_assert_int_eq(ask("GET", "/health/live", NULL), 200);
	ck_assert_int_eq(ask("GET", "/health/ready", NULL), 503);
	ck_assert_int_eq(ask("GET", "/healthz", NULL), 200);
	ck_assert_int_eq(ask("GET", "/livez", NULL), 200);
	ck_assert_int_eq(ask("GET", "/readyz", NULL), 503);
	on_loop(get_ready);
	ck_assert_int_eq(ask("GET", "/health/ready", NULL), 200);
	ck_assert_int_eq(ask("GET", "/readyz", NULL), 200);
	ck_assert_int_eq(ask("GET", "/v1/metrics", NULL), 200);
	ck_assert_int_eq(ask("GET", "/metrics", NULL), 200);
	ck_assert_ptr_nonnull(strstr(t.client.body.data, "# TYPE process_open_fds gauge"));
	finish();
}
END_TEST

static const struct {
	const char *accept;
	int is_open;
} scrapers[] = {
	{"*/*", 0},
	{"text/plain", 0},
	{"application/openmetrics-text; version=1.0.0", 1},
	{"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
         "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         1},
	{"text/plain;q=0.9, application/openmetrics-text;q=0.25", 0},
	{"application/openmetrics-text;q=0", 0},
	{"application/openmetrics-text;q=0.001", 1},
	{"application/openmetrics-textual", 0},
};

START_TEST(the_metrics_come_in_the_text_that_is_asked_for)
{
	char header[256];

	start();
	snprintf(header, sizeof(header), "Accept: %s\r\n", scrapers[_i].accept);
	ck_assert_int_eq(ask_with("GET", "/metrics", header, NULL), 200);
	ck_assert_str_eq(client_header(&t.client, "Content-Type"),
	                 scrapers[_i].is_open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
	                                      : "text/plain; version=0.0.4; charset=utf-8");
	ck_assert_int_eq(str_ends(t.client.body.data, "\n# EOF\n"), scrapers[_i].is_open);
	ck_assert_int_eq(strstr(t.client.body.data, "# TYPE process_cpu_seconds counter\n") != NULL,
	                 scrapers[_i].is_open);
	ck_assert_ptr_nonnull(strstr(t.client.body.data, "\nprocess_cpu_seconds_total "));
	finish();
}
END_TEST

static const char *with_none(const char *pattern)
{
	static char path[256];
	char *out = path;

	for (; *pattern; pattern++)
		if (*pattern == '{') {
			out += sprintf(out, "none");
			pattern += strcspn(pattern, "}");
		} else {
			*out++ = *pattern;
		}
	*out = '\0';
	return path;
}

START_TEST(every_route_answers_for_what_is_not_there)
{
	start();
	load_document();
	for (const struct http_route *route = api_routes(t.api); route->method; route++) {
		if (str_eq(route->pattern, "/v1/events") || str_eq(route->method, "PATCH"))
			continue; /* has no end; makes what is not there */
		ask(route->method, with_none(route->pattern), NULL);
		ck_assert_msg(!strchr(route->pattern, '{') || str_eq(route->method, "PUT") ||
		                      str_starts(route->pattern, "/v1/queues") || t.client.status == 404,
		              "%s %s: %d", route->method, route->pattern, t.client.status);
		if (str_starts(route->pattern, "/v1/datasets") && str_eq(route->method, "PUT"))
			ask("DELETE", "/v1/datasets/none", NULL);
	}
	finish();
}
END_TEST

/* With ORASI_OPENAPI_OUT the document is also written there, for test_openapi.sh. */
START_TEST(every_route_is_documented_and_every_reference_leads_somewhere)
{
	const char *out = getenv("ORASI_OPENAPI_OUT"), *at;
	struct err err;
	size_t n = 0;

	start();
	load_document();
	for (const struct http_route *route = api_routes(t.api); route->method; route++, n++)
		ck_assert_msg(find_operation(route->method, route->pattern), "%s %s", route->method, route->pattern);
	ck_assert_uint_gt(n, 30);
	for (at = t.client.body.data; (at = strstr(at, "\"$ref\":\"#")); at++) {
		char pointer[128];

		snprintf(pointer, sizeof(pointer), "%.*s", (int)strcspn(at + 9, "\""), at + 9);
		ck_assert_msg(json_pointer(t.document, pointer), "%s", pointer);
	}
	if (out)
		ck_ok(file_replace(out, t.client.body.data, t.client.body.len, &err), &err);
	finish();
}
END_TEST

void rest_cases(Suite *suite)
{
	TCase *tests = tcase_create("rest");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, plugins_are_listed_and_explained);
	tcase_add_test(tests, the_agent_tells_how_it_is);
	tcase_add_loop_test(tests, the_metrics_come_in_the_text_that_is_asked_for, 0,
	                    sizeof(scrapers) / sizeof(scrapers[0]));
	tcase_add_test(tests, every_route_answers_for_what_is_not_there);
	tcase_add_test(tests, every_route_is_documented_and_every_reference_leads_somewhere);
}
