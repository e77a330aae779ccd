/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: batches, marks, ranges, records of a gigabyte, documents of others. */
#include "lib/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <orasi/sdk/arrow.h>

#include "base/file.h"
#include "base/str.h"
#include "ingest-json/decoding.h"

/* ---- marks, ranges, batches --------------------------------------------------------------- */

/* Lines with everything: growth, rejects, blank lines, text modes, nested values. */
static const char mixed[] = "{\"a\":1,\"m\":1,\"j\":\"x\",\"s\":{\"x\":1}}\n{\"a\":2,\"m\":\"two\",\"j\":[2]}\r\n\n"
			    "{\"a\":\"bad\"}\n{\"a\":3,\"b\":1.5}\nnot json\n{\"m\":true,\"s\":{\"y\":[1,2]}}\n  \n"
			    "{\"a\":4,\"b\":2,\"c\":\"2020-01-01\"}\n{\"c\":\"2020-01-02\",\"s\":{\"x\":2,\"y\":[]}}\n"
			    "{\"a\":5,\"a\":6}\n{\"a\":7,\"j\":{\"k\":1}}";
#define MIXED_CONFIG "{\"sample_rows\":2}"

static const char mixed_array[] = "[{\"a\":1,\"m\":1,\"j\":\"x\"},{\"a\":2,\"m\":\"two\",\"j\":[2]},\n"
				  "{\"a\":\"bad\"},{\"a\":3,\"b\":1.5},7,{\"m\":true,\"s\":{\"y\":[1,2]}}\n,\n"
				  "{\"a\":4,\"b\":2}, {\"a\":7,\"j\":{\"k\":1}} ]\n";

static const char mixed_values[] = "{\"a\":1,\"m\":1}{\"a\":2,\"m\":\"two\"}\n{\"a\":\"bad\"} "
				   "{\"a\":3,\"b\":1.5}\n7 {\"m\":true}{\"a\":4}";

static const char mixed_document[] =
	"{\"x\":[1,{\"items\":0}],\"items\":[{\"a\":1},{\"a\":2},{\"b\":true}],\"y\":\"]\"}";

static const struct {
	const char *text, *config;
} mixes[] = {
	{mixed, MIXED_CONFIG},
	{mixed_array, MIXED_CONFIG},
	{mixed_values, MIXED_CONFIG},
	{mixed_document, "{\"sample_rows\":1,\"records\":\"/items\"}"},
};
#define MIXES ((int)(sizeof(mixes) / sizeof(mixes[0])))

/* Columns that a batch does not have yet show nothing: rows are compared without them. Growth cuts
 * batches at the same rows whatever their size, so the text is equal as a whole. */
START_TEST(rows_do_not_depend_on_batch_sizes_or_short_reads)
{
	static const uint32_t sizes[] = {1, 2, 7, 65536};
	struct rows whole;

	run_with(mixes[_i].text, (struct rows_options){.config = mixes[_i].config});
	ck_assert_int_eq(rows.status, ORASI_END);
	whole = rows;
	memset(&rows, 0, sizeof(rows));
	for (int i = 0; i < 40; i++) {
		struct fakehost_source source;
		struct fakehost *other = fakehost_new();

		rows_done(&rows);
		fakehost_source_init(&source, mixes[_i].text, strlen(mixes[_i].text), 0);
		source.max_read = i % 2 ? 1 : 9;
		source.random = (uint64_t)i / 2 + 1;
		rows_run(&rows, other, &source.source,
		         &(struct rows_options){.config = mixes[_i].config, .max_rows = sizes[i % 4]});
		ck_assert_str_eq(rows.text.data, whole.text.data);
		ck_assert_str_eq(rows.schema.data, whole.schema.data);
		ck_assert_uint_eq(fakehost_rejects(other), fakehost_rejects(fake));
		fakehost_free(other);
	}
	rows_done(&whole);
}
END_TEST

#define MARKS_MAX 16

static void resume(int mix, struct rows *whole, size_t i, const struct ArrowSchema *schema, int seek)
{
	struct fakehost *other = fakehost_new();
	struct fakehost_source source;
	orasi_bytes state = {(const uint8_t *)whole->marks[i].data, whole->marks[i].len};

	rows_done(&rows);
	fakehost_source_init(&source, mixes[mix].text, strlen(mixes[mix].text), seek);
	source.max_read = 5;
	rows_run(&rows, other, &source.source,
	         &(struct rows_options){.config = mixes[mix].config, .want_schema = schema, .checkpoint = state});
	ck_assert_msg(rows.status == ORASI_END, "%s", rows.error.message);
	ck_assert_str_eq(rows.text.data, whole->text.data + whole->mark_rows[i]);
	ck_assert_str_eq(rows.schema.data, whole->schema.data);
	ck_assert_uint_eq(fakehost_rejects(other), fakehost_rejects(fake) - whole->mark_rejects[i]);
	fakehost_free(other);
}

/* A host that keeps types and loses metadata. */
static void forget_metadata(struct ArrowSchema *schema)
{
	free((char *)schema->metadata);
	schema->metadata = NULL;
	for (int64_t i = 0; i < schema->n_children; i++)
		forget_metadata(schema->children[i]);
}

START_TEST(reading_on_from_any_mark_gives_the_rows_that_follow)
{
	struct ArrowSchema schemas[MARKS_MAX];
	struct rows whole;

	run_with(mixes[_i].text, (struct rows_options){.config = mixes[_i].config,
	                                               .max_rows = 1,
	                                               .keep_marks = MARKS_MAX,
	                                               .ret_schemas = schemas});
	ck_assert_int_eq(rows.status, ORASI_END);
	ck_assert_uint_ge(rows.n_marks, 3);
	whole = rows;
	memset(&rows, 0, sizeof(rows));
	for (size_t i = 0; i < whole.n_marks; i++) {
		resume(_i, &whole, i, &schemas[i], i % 2);
		forget_metadata(&schemas[i]);
		resume(_i, &whole, i, &schemas[i], 0);
		arrow_schema_release(&schemas[i]);
	}
	rows_done(&whole);
}
END_TEST

START_TEST(a_checkpoint_of_something_else_is_refused)
{
	run_with("{}", (struct rows_options){.checkpoint = {(const uint8_t *)"nonsense", 8}});
	ck_assert_int_eq(rows.status, ORASI_E_STATE);
}
END_TEST

START_TEST(two_ranges_have_every_row_once_wherever_the_cut_is)
{
	const char *want = "a:l m:u j:u b:g c:tdD";
	struct rows whole, first;
	size_t len = strlen(mixed), rejects;

	run_with(mixed, (struct rows_options){.want = want, .flags = ORASI_OPEN_PROJECT});
	ck_assert_int_eq(rows.status, ORASI_END);
	rejects = fakehost_rejects(fake);
	whole = rows;
	for (size_t cut = 1; cut <= len; cut++) {
		size_t before = fakehost_rejects(fake);

		memset(&rows, 0, sizeof(rows));
		run_with(mixed, (struct rows_options){.want = want, .flags = ORASI_OPEN_PROJECT, .range_end = cut});
		first = rows;
		memset(&rows, 0, sizeof(rows));
		run_with(mixed, (struct rows_options){.want = want,
		                                      .flags = ORASI_OPEN_PROJECT,
		                                      .range_begin = cut,
		                                      .range_end = len});
		ck_assert_int_eq(rows.status, ORASI_END);
		buf_add(&first.text, rows.text.data, rows.text.len);
		ck_assert_str_eq(first.text.data, whole.text.data);
		ck_assert_uint_eq(fakehost_rejects(fake) - before, rejects);
		rows_done(&first);
		rows_done(&rows);
	}
	memset(&rows, 0, sizeof(rows));
	rows_done(&whole);
}
END_TEST

/* ---- limits ------------------------------------------------------------------------------- */

/* A source that makes up a huge record between two small ones. */
#define HUGE_LEN (1ULL << 30)

static orasi_status huge_read(orasi_source *source, void *buf, size_t cap, size_t *got, orasi_error *err)
{
	uint64_t *at = source->ctx;
	static const char head[] = "{\"a\":1}\n{\"a\":\"", tail[] = "\"}\n{\"a\":2}\n";

	(void)err;
	*got = 0;
	for (; *got < cap && *at < HUGE_LEN + strlen(tail); (*at)++) {
		if (*at >= strlen(head) && *at < HUGE_LEN) {
			size_t n = cap - *got < HUGE_LEN - *at ? cap - *got : (size_t)(HUGE_LEN - *at);

			memset((char *)buf + *got, 'x', n);
			*got += n - 1;
			*at += n - 1;
		} else {
			((char *)buf)[*got] = *at < HUGE_LEN ? head[*at] : tail[*at - HUGE_LEN];
		}
		(*got)++;
	}
	return ORASI_OK;
}

START_TEST(a_line_of_a_gigabyte_is_rejected_in_little_memory)
{
	uint64_t at = 0;
	struct rlimit old, small;
	orasi_source source = {.struct_size = sizeof(source),
	                       .ctx = &at,
	                       .size = -1,
	                       .uri = ORASI_STR("huge"),
	                       .read = huge_read};

	getrlimit(RLIMIT_DATA, &old);
	small = old;
	small.rlim_cur = 256 << 20;
#ifdef __SANITIZE_ADDRESS__ /* its shadow alone is larger */
	small = old;
#endif
	setrlimit(RLIMIT_DATA, &small);
	rows_run(&rows, fake, &source, &(struct rows_options){.config = "{\"max_record\":1048576}"});
	setrlimit(RLIMIT_DATA, &old);
	expect("a:l", "{a=1}\n{a=2}\n");
	ck_assert_str_eq(fakehost_reject(fake, 0)->code, "json.too-long");
	ck_assert_uint_eq(fakehost_reject(fake, 0)->raw_len, HUGE_LEN - 8 + 2);
	ck_assert_uint_le(fakehost_reject(fake, 0)->raw_have, 65536);
}
END_TEST

/* ---- corpus ------------------------------------------------------------------------------- */

static int run_corpus(const char *name, const char *config)
{
	const char *path = test_corpus(name);
	struct fakehost_source source;
	struct buf data;
	struct err err;

	if (!path)
		return 0;
	buf_init(&data, 0);
	ck_ok(file_read(path, 64 << 20, &data, &err), &err);
	rows_done(&rows);
	fakehost_source_init(&source, data.data, data.len, 1);
	rows_run(&rows, fake, &source.source, &(struct rows_options){.config = config});
	buf_done(&data);
	return 1;
}

START_TEST(real_documents_are_read_whole)
{
	const struct {
		const char *name, *config;
		uint64_t rows;
	} files[] = {
		{"json/twitter.json", "{\"records\":\"/statuses\"}", 100},
		{"json/twitter.json", "{}", 1},
		{"json/canada.json", "{}", 1},
		{"json/canada.json", "{\"records\":\"/features\"}", 1},
		{"json/citm_catalog.json", "{}", 1},
		{"json/citm_catalog.json", "{\"records\":\"/performances\"}", 243},
		{"logs/nginxplus_json_logs", "{}", 500},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!run_corpus(files[i].name, files[i].config))
			continue;
		ck_assert_msg(rows.status == ORASI_END, "%s: %s", files[i].name, rows.error.message);
		ck_assert_msg(!fakehost_rejects(fake), "%s: %s", files[i].name,
		              fakehost_rejects(fake) ? fakehost_reject(fake, 0)->message : "");
		ck_assert_msg(rows.rows == files[i].rows, "%s: %llu rows", files[i].name,
		              (unsigned long long)rows.rows);
	}
}
END_TEST

static void whole_cases(Suite *suite)
{
	TCase *whole = decoding_case(suite, "whole files", NULL, 0);

	tcase_add_loop_test(whole, rows_do_not_depend_on_batch_sizes_or_short_reads, 0, MIXES);
	tcase_add_loop_test(whole, reading_on_from_any_mark_gives_the_rows_that_follow, 0, MIXES);
	tcase_add_test(whole, a_checkpoint_of_something_else_is_refused);
	tcase_add_test(whole, two_ranges_have_every_row_once_wherever_the_cut_is);
	tcase_add_test(whole, a_line_of_a_gigabyte_is_rejected_in_little_memory);
	tcase_add_test(whole, real_documents_are_read_whole);
}

TEST_MAIN("ingest-json: whole files", whole_cases)
