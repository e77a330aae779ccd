/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/test.h"

struct sample {
	char *listen;
	int64_t limit, wait;
	int level;
};

static const char *const levels[] = {"debug", "info", NULL};
static const struct option http_options[] = {
	{"listen", OPTION_ADDRESS, offsetof(struct sample, listen), "127.0.0.1:1", 0, 0, NULL,
         "Where to listen.\nhost:port"},
	{"limit", OPTION_INT, offsetof(struct sample, limit), "3", 1, 9, NULL, "How many."},
	{"wait", OPTION_DURATION, offsetof(struct sample, wait), "30s", 0, 0, NULL, "How long."},
	OPTION_END,
};
static const struct option log_options[] = {
	{"level", OPTION_ENUM, offsetof(struct sample, level), "info", 0, 0, levels, "How much."},
	OPTION_END,
};

static struct sample sample;
static const struct config_section sections[] = {
	{"http", http_options, &sample, "The API."}, {"log", log_options, &sample, "Logs."}, CONFIG_END};
static struct err err;

static void set_up(void)
{
	ck_ok(config_init(sections, &err), &err);
}

static void tear_down(void)
{
	config_done(sections);
}

static int read_text(const char *text)
{
	return config_read_text(sections, "orasi.yaml", text, strlen(text), &err);
}

START_TEST(a_file_sets_what_it_names_and_leaves_the_rest)
{
	ck_ok(read_text("# hello\nhttp:\n  limit: 7\nlog:\n"), &err);
	ck_assert_int_eq(sample.limit, 7);
	ck_assert_str_eq(sample.listen, "127.0.0.1:1");
}
END_TEST

static const struct {
	const char *text, *message;
} bad[] = {
	{"http:\n  limt: 7\n", "orasi.yaml:2: unknown key 'limt'; did you mean 'limit'?"},
	{"htp:\n  limit: 7\n", "orasi.yaml:1: unknown section 'htp'; did you mean 'http'?"},
	{"http:\n\n  limit: 70\n", "orasi.yaml:3: 'limit: 70' is out of range: allowed is 1 to 9"},
	{"http:\n  wait: soon\n", "orasi.yaml:2: 'wait: soon' is not a duration: write for example 30s or 5m"},
	{"http:\n  limit: [1]\n", "orasi.yaml:2: expected a plain value, found a list"},
	{"http:\n  limit: {a: 1}\n", "orasi.yaml:2: expected a plain value, found a mapping"},
	{"http:\n  limit: 1\n  limit: 2\n", "orasi.yaml:3: given twice: 'limit'"},
	{"http: 5\n", "orasi.yaml:1: expected keys of the section, found '5'"},
	{"hello\n", "orasi.yaml:1: expected sections, found 'hello'"},
	{"http:\n  listen: 127.0.0.1:99999\n", "orasi.yaml:2: 'listen: 127.0.0.1:99999' is not host:port, such as "
                                               "127.0.0.1:8470 (a port is at most 65535)"},
	{"http:\n  listen: here:80\n", "orasi.yaml:2: 'listen: here:80': the host must be an IP address or localhost"},
	{"log:\n  level: loud\n", "orasi.yaml:2: 'level: loud' is not one of: debug, info"},
};

START_TEST(what_is_wrong_is_named_with_file_and_line)
{
	ck_assert_int_eq(read_text(bad[_i].text), ERR_INVALID);
	ck_assert_str_eq(err.text, bad[_i].message);
}
END_TEST

START_TEST(the_environment_wins_over_the_file)
{
	const char *const environment[] = {"PATH=/bin", "ORASI_HTTP_LIMIT=9", "ORASI_SERVER=x", NULL};
	const char *const others[] = {"ORASI_SERVER", NULL};

	ck_ok(read_text("http:\n  limit: 7\n"), &err);
	ck_ok(config_read_environ(sections, environment, others, &err), &err);
	ck_assert_int_eq(sample.limit, 9);
}
END_TEST

START_TEST(an_unknown_or_bad_variable_is_refused_by_name)
{
	const char *const unknown[] = {"ORASI_HTTP_LIMIIT=9", NULL};
	const char *const wrong[] = {"ORASI_HTTP_LIMIT=x", NULL};

	ck_assert_int_eq(config_read_environ(sections, unknown, NULL, &err), ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.text, "ORASI_HTTP_LIMIIT is not known"));
	ck_assert_int_eq(config_read_environ(sections, wrong, NULL, &err), ERR_INVALID);
	ck_assert_str_eq(err.text, "environment variable ORASI_HTTP_LIMIT: 'limit: x' is not a whole number");
}
END_TEST

START_TEST(what_is_printed_can_be_read_back)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	sample.limit = 5;
	config_print(sections, out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "  # Where to listen.\n  # host:port\n"));
	config_done(sections);
	ck_ok(config_init(sections, &err), &err);
	ck_ok(config_read_text(sections, "printed", text, n, &err), &err);
	ck_assert_int_eq(sample.limit, 5);
	free(text);
}
END_TEST

static void config_cases(Suite *suite)
{
	TCase *c = tcase_create("config");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_file_sets_what_it_names_and_leaves_the_rest);
	tcase_add_loop_test(c, what_is_wrong_is_named_with_file_and_line, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(c, the_environment_wins_over_the_file);
	tcase_add_test(c, an_unknown_or_bad_variable_is_refused_by_name);
	tcase_add_test(c, what_is_printed_can_be_read_back);
	suite_add_tcase(suite, c);
}

TEST_MAIN("config", config_cases)
