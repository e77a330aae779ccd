/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoder makes of text: modes, types, rejects, growth, marks, ranges. */
#include "lib/test.h"

#include <string.h>

#include "ingest-json/rows.h"

static struct fakehost *fake;
static struct rows rows;

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

static void run_with(const char *text, struct rows_options options)
{
	struct fakehost_source source;

	rows_done(&rows);
	fakehost_source_init(&source, text, strlen(text), 1);
	rows_run(&rows, fake, &source.source, &options);
}

static void run(const char *text)
{
	run_with(text, (struct rows_options){0});
}

static void expect(const char *schema, const char *text)
{
	ck_assert_msg(rows.status == ORASI_END, "status %d: %s", rows.status, rows.error.message);
	ck_assert_str_eq(rows.schema.data ? rows.schema.data : "", schema);
	ck_assert_str_eq(rows.text.data ? rows.text.data : "", text);
}

START_TEST(lines_become_rows_with_types)
{
	run("{\"a\":1,\"b\":\"x\",\"c\":true,\"d\":1.5}\n{\"a\":-2,\"b\":\"y\",\"c\":false,\"d\":2}\n");
	expect("a:l b:u c:b d:g", "{a=1 b=\"x\" c=1 d=1.5}\n{a=-2 b=\"y\" c=0 d=2}\n");
}
END_TEST

static void decode_cases(Suite *suite)
{
	TCase *types = tcase_create("types");

	tcase_add_checked_fixture(types, setup, teardown);
	tcase_add_test(types, lines_become_rows_with_types);
	suite_add_tcase(suite, types);
}

TEST_MAIN("ingest-json", decode_cases)
