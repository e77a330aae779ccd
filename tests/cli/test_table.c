/* SPDX-License-Identifier: Apache-2.0 */
/* Tables as text, into a file and onto a terminal. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lib/test.h"

static const char *const columns[] = {"name", "n", NULL};

static char text[4096];

/* What is printed from now on goes to `fd`; the old place is returned. */
static int redirect(int fd)
{
	int before = dup(STDOUT_FILENO);

	fflush(stdout);
	ck_assert_int_ge(dup2(fd, STDOUT_FILENO), 0);
	return before;
}

static void restore(int before)
{
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	close(before);
}

static struct json *parse(const char *source)
{
	struct json *value = NULL;

	ck_assert_int_eq(json_parse(source, strlen(source), &value, NULL), 0);
	return value;
}

static void print_rows(const char *rows)
{
	struct json *value = parse(rows);

	table_print(value, columns);
	json_free(value);
}

static void print_page(const char *page)
{
	struct json *value = parse(page);

	table_print_page(value);
	json_free(value);
}

static const char *in_file(void (*print)(const char *source), const char *source)
{
	int fd = open(test_path("out"), O_RDWR | O_CREAT | O_TRUNC, 0600), before = redirect(fd);
	ssize_t n;

	print(source);
	restore(before);
	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return text;
}

/* NULL: there are no terminals here. */
static const char *on_terminal(const char *rows)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave, before;
	ssize_t n;

	if (master < 0 || grantpt(master) || unlockpt(master))
		return NULL;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (slave < 0)
		return NULL;
	before = redirect(slave);
	print_rows(rows);
	restore(before);
	n = read(master, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(slave);
	close(master);
	return text;
}

START_TEST(columns_are_as_wide_as_their_values)
{
	ck_assert_str_eq(in_file(print_rows, "[{\"name\":\"abc\",\"n\":1},{\"name\":\"a\",\"n\":1000}]"),
	                 "name     n\n"
	                 "abc      1\n"
	                 "a     1000\n");
}
END_TEST

START_TEST(characters_count_and_not_bytes)
{
	ck_assert_str_eq(in_file(print_rows, "[{\"name\":\"Zürich\",\"n\":\"x\"},{\"name\":\"Berlin\",\"n\":\"y\"}]"),
	                 "name    n\n"
	                 "Zürich  x\n"
	                 "Berlin  y\n");
}
END_TEST

START_TEST(what_is_missing_is_empty)
{
	ck_assert_str_eq(in_file(print_rows, "[{\"n\":null},{\"name\":\"a\"}]"), "name  n\n"
	                                                                         "      \n"
	                                                                         "a     \n");
}
END_TEST

START_TEST(no_rows_leave_the_head)
{
	ck_assert_str_eq(in_file(print_rows, "[]"), "name  n\n");
}
END_TEST

START_TEST(a_page_keeps_two_columns_of_one_name)
{
	ck_assert_str_eq(in_file(print_page, "{\"columns\":[{\"name\":\"a\"},{\"name\":\"a\"}],\"rows\":[[1,[true]]]}"),
	                 "a  a\n"
	                 "1  [true]\n");
}
END_TEST

START_TEST(what_a_terminal_would_obey_becomes_space)
{
	ck_assert_str_eq(in_file(print_rows, "[{\"name\":\"a\\u001b[31m\\nb\\u007f\\u009b31m\\u00a0c\",\"n\":1}]"),
	                 "name             n\n"
	                 "a [31m b  31m\u00a0c  1\n");
}
END_TEST

START_TEST(a_long_text_is_cut_between_characters_on_a_terminal)
{
	char rows[512] = "[{\"name\":\"", wanted[512] = "";
	const char *got;

	for (int i = 0; i < 80; i++) {
		strcat(rows, "ü");
		strcat(wanted, i < 60 ? "ü" : "");
	}
	strcat(rows, "\",\"n\":1}]");
	strcat(wanted, "…  1\r\n");
	got = on_terminal(rows);
	ck_assert_msg(!got || strstr(got, wanted) != NULL, "%s", got);
}
END_TEST

START_TEST(a_number_has_commas)
{
	static const struct {
		int64_t n;
		const char *text;
	} cases[] = {{0, "0"},
	             {999, "999"},
	             {1000, "1,000"},
	             {-100000, "-100,000"},
	             {INT64_MIN, "-9,223,372,036,854,775,808"}};
	char got[32];

	number_with_commas(cases[_i].n, got);
	ck_assert_str_eq(got, cases[_i].text);
}
END_TEST

static void table_cases(Suite *suite)
{
	TCase *tests = tcase_create("table");

	tcase_add_test(tests, columns_are_as_wide_as_their_values);
	tcase_add_test(tests, characters_count_and_not_bytes);
	tcase_add_test(tests, what_is_missing_is_empty);
	tcase_add_test(tests, no_rows_leave_the_head);
	tcase_add_test(tests, a_page_keeps_two_columns_of_one_name);
	tcase_add_test(tests, what_a_terminal_would_obey_becomes_space);
	tcase_add_test(tests, a_long_text_is_cut_between_characters_on_a_terminal);
	tcase_add_loop_test(tests, a_number_has_commas, 0, 5);
	suite_add_tcase(suite, tests);
}

TEST_MAIN("table", table_cases)
