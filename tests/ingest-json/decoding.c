/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest-json/decoding.h"

#include <string.h>

struct fakehost *fake;
struct rows rows;

static void setup(void)
{
	fake = fakehost_new();
	memset(&rows, 0, sizeof(rows));
}

static void teardown(void)
{
	rows_done(&rows);
	fakehost_free(fake);
}

void run_with(const char *text, struct rows_options options)
{
	struct fakehost_source source;

	rows_done(&rows);
	fakehost_source_init(&source, text, strlen(text), 1);
	rows_run(&rows, fake, &source.source, &options);
}

void run(const char *text)
{
	run_with(text, (struct rows_options){0});
}

void expect(const char *schema, const char *text)
{
	ck_assert_msg(rows.status == ORASI_END, "status %d: %s", rows.status, rows.error.message);
	ck_assert_str_eq(rows.schema.data, schema);
	ck_assert_str_eq(rows.text.data, text);
}

void expect_reject(size_t i, const char *code, int64_t row, int64_t line, const char *raw)
{
	const struct fakehost_reject *reject = fakehost_reject(fake, i);

	ck_assert_ptr_nonnull(reject);
	ck_assert_str_eq(reject->code, code);
	ck_assert_int_eq(reject->row, row);
	ck_assert_int_eq(reject->line, line);
	ck_assert_str_eq((const char *)reject->raw, raw);
	ck_assert_uint_eq(reject->raw_len, strlen(raw));
}

void expect_value(const char *record, const char *schema, const char *row)
{
	run(record);
	expect(schema, row);
	ck_assert_uint_eq(fakehost_rejects(fake), 0);
}

TCase *decoding_case(Suite *suite, const char *name, const TTest *const *tests, size_t n)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(suite, tc);
	return tc;
}
