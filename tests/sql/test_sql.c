/* SPDX-License-Identifier: Apache-2.0 */
/* Queries over a table of two files with small row groups, so that the decoder has much to leave out. Every
 * predicate is asked twice: as it is, and with "+" before the column, which keeps it from the decoder (and takes its affinity away: constants have the column's type here). */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <orasi/sdk/arrow.h>

#include "base/buf.h"
#include "base/file.h"
#include "lib/test.h"
#include "plugin/loader.h"
#include "sql/sql.h"
#include "table/table.h"

#define PLUGIN "plugins/ingest-parquet/.libs/ingest-parquet.so"
#define FILE_ROWS 1000
#define GROUP_ROWS "100"
#define SECOND 1000000ll
#define KEYS 900719925474090000ll
#define START (1704067200ll * SECOND) /* 2024-01-01T00:00:00Z */

static struct loader *loader;
static struct err err;

/* ---- the table -------------------------------------------------------------------------------------------- */

static const char *const formats[][2] = {{"id", "l"},   {"small", "i"},    {"x", "g"},
                                         {"name", "u"}, {"at", "tsu:UTC"}, {"day", "tdD"},
                                         {"ok", "b"},   {"key", "d:38,0"}, {"price", "d:12,2"}};
#define COLUMNS (sizeof(formats) / sizeof(formats[0]))

static void fill_schema(struct ArrowSchema *schema)
{
	ck_assert_int_eq(arrow_schema_make(schema, "+s", "", 0, COLUMNS), 0);
	for (size_t i = 0; i < COLUMNS; i++)
		ck_assert_int_eq(arrow_schema_make(schema->children[i], formats[i][1], formats[i][0], 1, 0), 0);
}

static void append_decimal(struct arrow_builder *b, __int128 v)
{
	arrow_append_fixed(b, &v);
}

/* Row k: id counts up, and key from where doubles are 128 apart; price is k and a quarter; small and name are null in every 7th row, x is no number in every 11th. */
static void append_row(struct arrow_builder *b, int64_t k)
{
	char name[32];
	int n = snprintf(name, sizeof(name), "name-%04lld", (long long)k);

	arrow_append_int(arrow_builder_child(b, 0), k);
	if (k % 7)
		arrow_append_int(arrow_builder_child(b, 1), k / 10);
	else
		arrow_append_null(arrow_builder_child(b, 1));
	arrow_append_double(arrow_builder_child(b, 2), k % 11 ? (double)k / 4 : NAN);
	if (k % 7)
		arrow_append_bytes(arrow_builder_child(b, 3), name, (size_t)n);
	else
		arrow_append_null(arrow_builder_child(b, 3));
	arrow_append_int(arrow_builder_child(b, 4), START + k * SECOND / 4);
	arrow_append_int(arrow_builder_child(b, 5), k / 100);
	arrow_append_bool(arrow_builder_child(b, 6), k % 2 == 0);
	append_decimal(arrow_builder_child(b, 7), KEYS + k);
	append_decimal(arrow_builder_child(b, 8), k * 100 + 25);
	arrow_end_struct(b);
}

static orasi_status write_fd(orasi_output *output, const void *buf, size_t len, orasi_error *error)
{
	(void)error;
	return write(*(int *)output->ctx, buf, len) == (ssize_t)len ? ORASI_OK : ORASI_E_IO;
}

static void encode(const char *path, int64_t first, char *ret_stats, size_t cap)
{
	struct json *options = json_new_object();
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	orasi_output output = {sizeof(output), 0, &fd, write_fd};
	orasi_encode_info info = {.struct_size = sizeof(info)};
	orasi_error error = ORASI_NO_ERROR;
	const struct loader_plugin *plugin;
	struct loader_config config;
	struct loader_host host;
	struct ArrowSchema schema;
	orasi_encode_open to = {sizeof(to), 0, &output, &schema};
	struct ArrowArray batch;
	struct arrow_builder *b;
	void *self;

	json_set_int(options, "row_group_rows", atoi(GROUP_ROWS));
	loader_host_init(&host, loader, NULL, 1, INT64_MAX);
	ck_ok(loader_find(loader, "ingest", "parquet", &plugin, &err), &err);
	fill_schema(&schema);
	b = arrow_builder_new(&schema);
	for (int64_t k = first; k < first + FILE_ROWS; k++)
		append_row(b, k);
	ck_assert_int_eq(arrow_builder_finish(b, &batch), 0);
	loader_config_init(&config, plugin, options);
	ck_assert_int_eq(plugin->encode->create(&host.host, plugin->descriptor->id, &config.config, &self, &error),
	                 ORASI_OK);
	ck_assert_int_eq(plugin->encode->open(self, &to, &error), ORASI_OK);
	ck_assert_int_eq(plugin->encode->write(self, &batch, &error), ORASI_OK);
	ck_assert_int_eq(plugin->encode->finish(self, &info, &error), ORASI_OK);
	snprintf(ret_stats, cap, "%.*s", (int)info.stats_json.len, info.stats_json.ptr);
	plugin->encode->destroy(self);
	arrow_builder_free(b);
	arrow_array_release(&batch);
	arrow_schema_release(&schema);
	loader_host_done(&host);
	loader_config_done(&config);
	json_free(options);
	close(fd);
}

static void add_file(struct blob *blob, const char *name, int64_t first)
{
	char stats[4096];
	const char *path = test_path(name);
	struct stat st;
	struct table_add add = {.staged = path, .name = name, .rows = FILE_ROWS, .stats = stats};
	struct ArrowSchema schema;
	struct table_change change = {.schema = &schema, .adds = &add, .n_adds = 1, .operation = "WRITE"};
	struct table_commit done;

	encode(path, first, stats, sizeof(stats));
	ck_assert_int_eq(stat(path, &st), 0);
	add.size = st.st_size;
	fill_schema(&schema);
	ck_ok(table_commit(blob, NULL, &change, &done, &err), &err);
	arrow_schema_release(&schema);
}

static void setup(void)
{
	const char *build = getenv("ORASI_BUILDDIR");
	struct json *plugins = json_new_array(), *entry = json_new_object();
	struct blob *blob;
	char path[512];

	snprintf(path, sizeof(path), "%s/" PLUGIN, build ? build : ".");
	json_set_str(entry, "id", "org.orasi.ingest.parquet");
	json_set_str(entry, "name", "parquet");
	json_set_str(entry, "kind", "ingest");
	json_set_str(entry, "path", path);
	json_push(plugins, entry);
	ck_ok(loader_new(NULL, &loader, &err), &err);
	loader_set_plugins(loader, plugins);
	json_free(plugins);
	ck_assert_int_eq(mkdir(test_path("t"), 0755), 0);
	ck_ok(blob_open(test_path("t"), &blob, &err), &err);
	add_file(blob, "a.parquet", 0);
	add_file(blob, "b.parquet", FILE_ROWS);
	blob_close(blob);
}

/* ---- asking ------------------------------------------------------------------------------------------------- */

static int is_cancelled;

static int keep(void *ctx, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_add(ctx, p, n);
	return 0;
}

static int look(void *ctx)
{
	(void)ctx;
	return is_cancelled;
}

/* The whole output; the caller frees it. NULL and the sentence in `err` when it fails. */
static char *ask(const char *format, int64_t limit, const char *sql, struct json **ret)
{
	struct json *order = json_new_object(), *datasets = json_new_array(), *d = json_new_object();
	struct json *result = NULL;
	struct buf out;
	struct sql_sink sink = {&out, keep, look};
	int r;

	buf_init(&out, 0);
	json_set_str(d, "name", "t");
	json_set_str(d, "location", test_path("t"));
	json_push(datasets, d);
	d = json_new_object();
	json_set_str(d, "name", "fresh");
	json_set_str(d, "location", test_path("fresh"));
	json_push(datasets, d);
	json_set(order, "datasets", datasets);
	json_set_str(order, "sql", sql);
	json_set_str(order, "format", format);
	json_set_int(order, "limit", limit);
	r = sql_run(loader, order, &sink, &result, &err);
	json_free(order);
	if (ret && !r)
		*ret = result;
	else
		json_free(result);
	buf_putc(&out, '\0');
	if (!r)
		return out.data;
	buf_done(&out);
	return NULL;
}

static void expect(const char *format, const char *sql, const char *want)
{
	char *got = ask(format, 0, sql, NULL);

	ck_assert_msg(got != NULL, "%s: %s", sql, err.text);
	ck_assert_msg(!strcmp(got, want), "%s gives\n%s", sql, got);
	free(got);
}

static void expect_refused(const char *sql, const char *words)
{
	char *got = ask("ndjson", 0, sql, NULL);

	ck_assert_msg(!got, "%s was allowed", sql);
	ck_assert_msg(strstr(err.text, words) != NULL, "%s: %s", sql, err.text);
}

/* `predicate` has a # before every column name. */
static char *ask_where(const char *columns, const char *predicate, const char *mark)
{
	char sql[1024];
	size_t n = (size_t)snprintf(sql, sizeof(sql), "SELECT %s FROM t WHERE ", columns);
	char *got;

	for (const char *p = predicate; *p && n < sizeof(sql) - 2; p++)
		if (*p != '#')
			sql[n++] = *p;
		else if (*mark)
			sql[n++] = *mark;
	sql[n] = '\0';
	got = ask("csv", 0, sql, NULL);
	ck_assert_msg(got != NULL, "%s: %s", sql, err.text);
	return got;
}

static void expect_same(const char *columns, const char *predicate)
{
	char *pushed = ask_where(columns, predicate, ""), *whole = ask_where(columns, predicate, "+");

	ck_assert_msg(!strcmp(pushed, whole), "%s: with the decoder's help\n%.400s\nwithout\n%.400s", predicate, pushed,
	              whole);
	free(pushed);
	free(whole);
}

/* ---- predicates ------------------------------------------------------------------------------------------- */

static const char *const predicates[] = {
	"#id = 1234",
	"#id < 150 ",
	"#id >= 1999",
	"#id > 350 AND #id <= 420",
	"#id = 5.0",
	"#id > 5.5 AND #id < 7.5",
	"#id IN (3, 555, 1999)",
	"#id > 9223372036854775807",
	"#small = 33",
	"#small > 3000000000",
	"#small < 3000000000",
	"#small IS NULL",
	"#small IS NOT NULL",
	"#small = NULL",
	"#x = 25",
	"#x < 12.5",
	"#x >= 450",
	"#x IS NULL",
	"#x IS NOT NULL",
	"#name = 'name-0015'",
	"#name > 'name-1950'",
	"#name = 'NAME-0015' COLLATE NOCASE",
	"#name IS NULL",
	"#name LIKE 'name-19%'",
	"#name < 5",
	"#name < x'00'", /* every text is less than every blob */
	"#name >= x'6e616d652d31393530'",
	"#name = x'6e616d652d30303135'",
	"#at < x'32303234'",
	"#at = '2024-01-01T00:01:40.000000Z'",
	"#at < '2024-01-01T00:01:40.000000Z'",
	"#at > '2024-01-01T00:01:40.000000Z'",
	"#at <= '2024-01-01T00:01:40Z'",
	"#at < '2024-01-01T00:01:40Z'",
	"#at > '2024-01-01T00:01:40Z'",
	"#at >= '2024-01-01T00:01:40Z'",
	"#at < '2024-01-01T00:01:40.5Z'",
	"#at >= '2024-01-01T00:01:40.5Z'",
	"#at < '2024-01-01 00:01:40.000000Z'",
	"#at >= '2024-01-01 00:01:40.000000Z'",
	"#at > '2024-01-01T02:01:40+02:00'",
	"#at < '2024-01-01T02:01:40+02:00'",
	"#at > '2024'",
	"#at < '2024-01'",
	"#at < '2025'",
	"#at > '2025'",
	"#at BETWEEN '2023' AND '2025'",
	"#at >= '2024-01-02'",
	"#day = '1970-01-03'",
	"#day > '1970-01-15'",
	"#day < '1971'",
	"#day > '1971'",
	"#ok = 1",
	"#ok = 0 AND #id < 50",
};

START_TEST(a_predicate_means_the_same_with_and_without_the_decoder)
{
	expect_same("id", predicates[_i]);
}
END_TEST

START_TEST(the_row_number_does_not_depend_on_what_was_left_out)
{
	expect_same("id, _row", "#id >= 1550 AND #id < 1555");
}
END_TEST

START_TEST(an_or_over_two_columns_loses_no_row)
{
	/* Found through different predicates, each the same count of rows behind what was left out. */
	expect_same("id", "#id = 310 OR #small = 51 OR #name = 'name-0710'");
}
END_TEST

START_TEST(the_decoder_leaves_out_rows_that_cannot_match)
{
	struct json *result = NULL;
	char *got = ask("csv", 0, "SELECT id FROM t WHERE id = 1234", &result);

	ck_assert_msg(got != NULL, "%s", err.text);
	ck_assert_int_eq(json_get_int(result, "scanned_rows", -1), 1);
	json_free(result);
	free(got);
}
END_TEST

/* ---- output ---------------------------------------------------------------------------------------------------- */

START_TEST(ndjson_has_types_and_distinct_names)
{
	expect("ndjson", "SELECT id, id, x, name, at, day, ok FROM t WHERE id = 1",
	       "{\"id\":1,\"id_2\":1,\"x\":0.25,\"name\":\"name-0001\",\"at\":\"2024-01-01T00:00:00.250000Z\","
	       "\"day\":\"1970-01-01\",\"ok\":false}\n");
}
END_TEST

START_TEST(csv_tells_null_from_the_empty_text)
{
	expect("csv", "SELECT name, '' AS empty, 'a\"b,c' AS q FROM t WHERE id = 0",
	       "name,empty,q\r\n,\"\",\"a\"\"b,c\"\r\n");
}
END_TEST

START_TEST(a_page_that_was_cut_says_so)
{
	char *got = ask("json", 2, "SELECT id FROM t ORDER BY id", NULL);

	ck_assert_msg(got != NULL, "%s", err.text);
	ck_assert_str_eq(
		got, "{\"columns\":[{\"name\":\"id\",\"type\":\"INTEGER\"}],\"rows\":[[0],[1]],\"truncated\":true}");
	free(got);
}
END_TEST

START_TEST(a_year_is_text_and_no_number)
{
	expect("csv", "SELECT sum(at < '2025') AS b, sum(at > '2025') AS a, sum(day < '1971') AS d FROM t",
	       "b,a,d\r\n2000,0,2000\r\n");
}
END_TEST

START_TEST(whole_decimals_are_integers_and_others_doubles)
{
	expect("csv", "SELECT count(DISTINCT key) AS n, min(key) AS a, max(key) AS b FROM t",
	       "n,a,b\r\n2000,900719925474090000,900719925474091999\r\n");
	expect("csv", "SELECT id FROM t WHERE key = 900719925474090001", "id\r\n1\r\n");
	expect("csv", "SELECT id, price, price / 2 AS half FROM t WHERE price = 7.25",
	       "id,price,half\r\n7,7.25,3.625\r\n");
	expect("json", "SELECT key, price FROM t WHERE id = 3",
	       "{\"columns\":[{\"name\":\"key\",\"type\":\"DECIMAL\"},{\"name\":\"price\",\"type\":\"DECIMAL\"}],"
	       "\"rows\":[[900719925474090003,3.25]],\"truncated\":false}");
}
END_TEST

START_TEST(types_are_named_as_in_the_schema)
{
	expect("json", "SELECT at, day, ok, name, x, 1 AS n FROM t WHERE id < 0",
	       "{\"columns\":[{\"name\":\"at\",\"type\":\"TIMESTAMP\"},{\"name\":\"day\",\"type\":\"DATE\"},"
	       "{\"name\":\"ok\",\"type\":\"BOOLEAN\"},{\"name\":\"name\",\"type\":\"TEXT\"},"
	       "{\"name\":\"x\",\"type\":\"REAL\"},{\"name\":\"n\",\"type\":\"\"}],\"rows\":[],\"truncated\":false}");
}
END_TEST

START_TEST(a_count_needs_no_column)
{
	expect("csv", "SELECT count(*) AS n FROM t", "n\r\n2000\r\n");
}
END_TEST

/* ---- refusals --------------------------------------------------------------------------------------------------- */

START_TEST(only_one_reading_statement_is_allowed)
{
	static const char *const words = "only statements that read";

	expect_refused("DELETE FROM t", "");
	expect_refused("CREATE TABLE z(a)", words);
	expect_refused("ATTACH 'x' AS y", "");
	expect_refused("PRAGMA user_version", words);
	expect_refused("SELECT load_extension('x')", "");
	expect_refused("SELECT 1; SELECT 2", "only one statement");
	expect_refused("", "empty");
}
END_TEST

START_TEST(an_unknown_dataset_is_answered_with_those_that_exist)
{
	expect_refused("SELECT * FROM tt", "there is no dataset 'tt'; there are: t, fresh");
}
END_TEST

START_TEST(a_dataset_without_a_table_is_told_apart_from_one_that_is_unknown)
{
	expect_refused("SELECT * FROM fresh", "nothing was ingested");
}
END_TEST

START_TEST(a_cancelled_query_ends)
{
	is_cancelled = 1;
	expect_refused("SELECT count(*) FROM t a, t b WHERE a.x + b.x < 0", "cancelled");
	is_cancelled = 0;
}
END_TEST

static void sql_cases(Suite *suite)
{
	TCase *tests = tcase_create("sql");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_loop_test(tests, a_predicate_means_the_same_with_and_without_the_decoder, 0,
	                    (int)(sizeof(predicates) / sizeof(predicates[0])));
	tcase_add_test(tests, the_row_number_does_not_depend_on_what_was_left_out);
	tcase_add_test(tests, an_or_over_two_columns_loses_no_row);
	tcase_add_test(tests, the_decoder_leaves_out_rows_that_cannot_match);
	tcase_add_test(tests, ndjson_has_types_and_distinct_names);
	tcase_add_test(tests, csv_tells_null_from_the_empty_text);
	tcase_add_test(tests, a_page_that_was_cut_says_so);
	tcase_add_test(tests, a_year_is_text_and_no_number);
	tcase_add_test(tests, whole_decimals_are_integers_and_others_doubles);
	tcase_add_test(tests, types_are_named_as_in_the_schema);
	tcase_add_test(tests, a_count_needs_no_column);
	tcase_add_test(tests, only_one_reading_statement_is_allowed);
	tcase_add_test(tests, an_unknown_dataset_is_answered_with_those_that_exist);
	tcase_add_test(tests, a_dataset_without_a_table_is_told_apart_from_one_that_is_unknown);
	tcase_add_test(tests, a_cancelled_query_ends);
	suite_add_tcase(suite, tests);
}

TEST_MAIN("sql", sql_cases)
