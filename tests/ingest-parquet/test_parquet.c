/* SPDX-License-Identifier: Apache-2.0 */
/* Round trips through the encoder and decoder, files of the public suite, and files that are
 * broken. */
#include <dirent.h>
#include <stdio.h>

#include "base/file.h"
#include "ingest-parquet/helpers.h"

/* ---- round trips ---------------------------------------------------------------------------- */

static void round_trip(const struct ArrowSchema *schema, int64_t rows, int nulls, int distinct, const char *options)
{
	struct fakehost_output out;
	struct ArrowArray batch;
	struct buf want, got;
	uint64_t n;

	buf_init(&want, 0);
	buf_init(&got, 0);
	table_batch(schema, rows, nulls, distinct, &batch);
	add_json(&want, schema, &batch, NULL);
	encode(&out, options, schema, &batch, 3);
	ck_assert_msg(decode_each(out.buf.data, out.buf.len, &(orasi_ingest_open){0}, add_json, &got, &n) == ORASI_END,
	              "%s (TEST_SEED=%llu)", error.message, (unsigned long long)seed);
	ck_assert_uint_eq(n, (uint64_t)rows);
	ck_assert_msg(want.len == got.len && (!want.len || !memcmp(want.data, got.data, want.len)),
	              "rows differ (TEST_SEED=%llu, %s)", (unsigned long long)seed, options);
	fakehost_output_done(&out);
	arrow_array_release(&batch);
	buf_done(&want);
	buf_done(&got);
}

static const char *const ways[] = {
	"{\"row_group_rows\":300}",
	"{\"row_group_rows\":300,\"profile\":\"compact\",\"compression\":\"auto\"}",
	"{\"row_group_rows\":257,\"page_index\":false,\"compression\":\"none\"}",
};

START_TEST(every_type_survives_with_any_nulls_and_any_repetition)
{
	static const int densities[] = {0, 30, 100}, repetitions[] = {0, 3};
	struct ArrowSchema schema;

	make(&schema, "+s", "", 0, 1);
	table_field(schema.children[0], "c", 0, table_formats[_i]);
	for (int i = 0; i < 18; i++)
		round_trip(&schema, 700, densities[i % 3], repetitions[i / 3 % 2], ways[i / 6]);
	arrow_schema_release(&schema);
}
END_TEST

START_TEST(nested_columns_survive)
{
	for (int round = 0; round < 90; round++) {
		struct ArrowSchema schema;

		make(&schema, "+s", "", 0, 3);
		table_field(schema.children[0], "a", 3, NULL);
		table_field(schema.children[1], "b", 4, NULL);
		table_field(schema.children[2], "c", 2, NULL);
		round_trip(&schema, (int64_t)table_dice(300), (int)table_dice(60), table_dice(2) ? 5 : 0,
		           ways[round % 3]);
		arrow_schema_release(&schema);
	}
}
END_TEST

static const char *const codecs[] = {"none", "snappy", "gzip", "lz4_raw", "zstd", "auto"};

START_TEST(every_codec_survives)
{
	struct ArrowSchema schema;
	char options[64];

	snprintf(options, sizeof(options), "{\"compression\":\"%s\"}", codecs[_i]);
	make(&schema, "+s", "", 0, 2);
	table_field(schema.children[0], "a", 0, "u");
	table_field(schema.children[1], "b", 0, "l");
	round_trip(&schema, 50000, 10, 100, options);
	arrow_schema_release(&schema);
}
END_TEST

START_TEST(a_dictionary_that_does_not_pay_is_given_up_within_the_chunk)
{
	struct ArrowSchema schema;

	make(&schema, "+s", "", 0, 1);
	table_field(schema.children[0], "a", 0, "l");
	round_trip(&schema, 150000, 0, 0, "{}");
	arrow_schema_release(&schema);
}
END_TEST

START_TEST(statistics_are_those_of_delta)
{
	struct fakehost_output out;
	struct ArrowSchema schema;

	numbers(&out, 70000, &schema);
	ck_assert_str_eq(stats, "{\"numRecords\":70000,\"minValues\":{\"n\":0,\"t\":\"t0\"},"
	                        "\"maxValues\":{\"n\":69999,"
	                        "\"t\":\"t9999\"},\"nullCount\":{\"n\":0,\"t\":0}}");
	fakehost_output_done(&out);
	arrow_schema_release(&schema);
}
END_TEST

/* A log: a few words, numbers, random ids, and texts that are nearly the same. */
static void log_batch(struct ArrowSchema *schema, int64_t rows, struct ArrowArray *ret)
{
	static const char *const levels[] = {"INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR"};
	struct arrow_builder *b;
	char text[128];

	make(schema, "+s", "", 0, 4);
	make(schema->children[0], "u", "level", 0, 0);
	make(schema->children[1], "l", "number", 0, 0);
	make(schema->children[2], "u", "id", 1, 0);
	make(schema->children[3], "u", "message", 0, 0);
	b = arrow_builder_new(schema);
	for (int64_t i = 0; i < rows; i++) {
		const char *level = levels[table_dice(6)];

		arrow_append_bytes(arrow_builder_child(b, 0), level, strlen(level));
		arrow_append_int(arrow_builder_child(b, 1), 1700000000000 + i * 17 + (int64_t)table_dice(9));
		snprintf(text, sizeof(text), "%08llx%08llx", (unsigned long long)table_dice(1ULL << 31),
		         (unsigned long long)table_dice(1ULL << 31));
		arrow_append_bytes(arrow_builder_child(b, 2), text, strlen(text));
		snprintf(text, sizeof(text), "request %d for /api/v1/orders/%d took 0.%03d s", (int)i,
		         (int)table_dice(100000), (int)table_dice(1000));
		arrow_append_bytes(arrow_builder_child(b, 3), text, strlen(text));
		arrow_end_struct(b);
	}
	ck_assert_int_eq(arrow_builder_finish(b, ret), 0);
	arrow_builder_free(b);
}

/* Whoever wants files of some size asks after every batch. */
START_TEST(how_large_a_file_will_be_is_known_before_it_ends)
{
	static const int64_t rows[] = {1500, 4000, 12000, 25000, 70000};
	static const char *const options[] = {"{}", "{\"compression\":\"snappy\"}", "{\"compression\":\"none\"}",
	                                      "{\"profile\":\"compact\"}", "{\"row_group_rows\":10000}"};
	struct ArrowSchema schema;
	struct ArrowArray batch;
	double estimate;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fakehost_output out;

		log_batch(&schema, rows[i], &batch);
		estimate = (double)encode(&out, options[_i], &schema, &batch, (int)(rows[i] / 500));
		ck_assert_msg(estimate > 0.75 * (double)out.buf.len && estimate < 1.25 * (double)out.buf.len,
		              "%.0f for %lld rows in %zu bytes", estimate, (long long)rows[i], out.buf.len);
		fakehost_output_done(&out);
		arrow_array_release(&batch);
		arrow_schema_release(&schema);
	}
}
END_TEST

static size_t size_with(const char *options)
{
	struct fakehost_output out;
	struct ArrowSchema schema;
	struct ArrowArray batch;
	size_t size;

	table_seed(7);
	log_batch(&schema, 40000, &batch);
	encode(&out, options, &schema, &batch, 8);
	size = out.buf.len;
	fakehost_output_done(&out);
	arrow_array_release(&batch);
	arrow_schema_release(&schema);
	return size;
}

/* Of words, numbers, random ids and texts, each column gets what its sample says. */
START_TEST(what_a_sample_says_pays)
{
	size_t chosen = size_with("{\"compression\":\"auto\"}"), none = size_with("{\"compression\":\"none\"}"),
	       zstd = size_with("{\"compression\":\"zstd\"}"),
	       compact = size_with("{\"compression\":\"auto\",\"profile\":\"compact\"}");

	ck_assert_uint_lt(chosen, none / 2);
	ck_assert_uint_lt(chosen, zstd + zstd / 20);
	ck_assert_uint_lt(compact, chosen);
}
END_TEST

/* A first page of dictionary numbers hardly gets smaller; the texts behind it do. */
START_TEST(a_column_with_a_dictionary_is_compressed)
{
	struct ArrowSchema schema;
	struct fakehost_output plain, packed;
	struct ArrowArray batch;

	make(&schema, "+s", "", 0, 1);
	make(schema.children[0], "u", "t", 0, 0);
	table_batch(&schema, 60000, 0, 40000, &batch);
	encode(&plain, "{\"compression\":\"none\"}", &schema, &batch, 3);
	encode(&packed, "{}", &schema, &batch, 3);
	ck_assert_uint_lt(packed.buf.len, plain.buf.len * 3 / 4);
	fakehost_output_done(&plain);
	fakehost_output_done(&packed);
	arrow_array_release(&batch);
	arrow_schema_release(&schema);
}
END_TEST

START_TEST(a_flipped_bit_in_a_page_is_found_by_its_checksum)
{
	struct fakehost_output out;
	struct ArrowSchema schema;
	uint64_t n;

	numbers(&out, 30000, &schema);
	out.buf.data[out.buf.len / 3] ^= 4;
	ck_assert_int_eq(decode(out.buf.data, out.buf.len, &(orasi_ingest_open){0}, NULL, &n), ORASI_E_CORRUPT);
	ck_assert_ptr_nonnull(strstr(error.message, "checksum"));
	fakehost_output_done(&out);
	arrow_schema_release(&schema);
}
END_TEST

START_TEST(a_file_that_is_cut_anywhere_is_refused)
{
	struct fakehost_output out;
	struct ArrowSchema schema;
	uint64_t n;

	numbers(&out, 300, &schema);
	for (size_t len = 0; len < out.buf.len; len++)
		ck_assert_int_lt(decode(out.buf.data, len, &(orasi_ingest_open){0}, NULL, &n), 0);
	fakehost_output_done(&out);
	arrow_schema_release(&schema);
}
END_TEST

/* Parquet Modular Encryption: a footer that cannot be read, and one that can, with a member of its own behind the last
 * that we write (column_orders). */
static void refused_as_encrypted(const char *data, size_t len)
{
	uint64_t n;

	ck_assert_int_eq(decode(data, len, &(orasi_ingest_open){0}, NULL, &n), ORASI_E_UNSUPPORTED);
	ck_assert_msg(strstr(error.message, "encrypted") != NULL, "%s", error.message);
}

START_TEST(encrypted_files_are_refused_by_name)
{
	static const uint8_t algorithm[] = {0x1C, 0x1C, 0, 0, 0}; /* 8: {1: {}}, and the end of the footer */
	struct fakehost_output out;
	struct ArrowSchema schema;
	struct buf file;
	uint32_t len;

	numbers(&out, 300, &schema);
	buf_init(&file, 0);
	memcpy(&len, out.buf.data + out.buf.len - 8, 4);
	buf_add(&file, out.buf.data, out.buf.len - 8 - 1);
	buf_add(&file, algorithm, sizeof(algorithm));
	len += sizeof(algorithm) - 1;
	buf_add(&file, &len, 4);
	buf_add(&file, "PAR1", 4);
	refused_as_encrypted(file.data, file.len);
	memcpy(out.buf.data + out.buf.len - 4, "PARE", 4);
	refused_as_encrypted(out.buf.data, out.buf.len);
	buf_done(&file);
	fakehost_output_done(&out);
	arrow_schema_release(&schema);
}
END_TEST

/* ---- the public suite ----------------------------------------------------------------------- */

static void each_file(const char *folder, void (*fn)(const char *name, const struct buf *data))
{
	const char *path = test_corpus(folder);
	struct dirent *entry;
	char name[1024];
	DIR *dir = path ? opendir(path) : NULL;

	while (dir && (entry = readdir(dir))) {
		struct buf data;

		if (!strstr(entry->d_name, ".parquet"))
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		buf_init(&data, 0);
		ck_assert_int_eq(file_read(name, 1 << 28, &data, NULL), 0);
		fn(entry->d_name, &data);
		buf_done(&data);
	}
	if (dir)
		closedir(dir);
}

/* Files of the suite that are encrypted, or corrupt on purpose.
 */
static const char *const refused[] = {"corrupt", "encrypt", NULL};

static int is_refused(const char *name)
{
	for (int i = 0; refused[i]; i++)
		if (strstr(name, refused[i]))
			return 1;
	return 0;
}

/* Rows and FNV-1a of their text, which were compared with what DuckDB and hyparquet read. */
static const struct {
	const char *name;
	uint64_t rows, hash;
} good_files[] = {
#include "good_files.inc"
};

static uint64_t hash_text(const struct buf *text)
{
	uint64_t h = 0xCBF29CE484222325;

	for (size_t i = 0; i < text->len; i++)
		h = (h ^ (uint8_t)text->data[i]) * 0x100000001B3;
	return h;
}

static void check_rows(const char *name, uint64_t rows, const struct buf *text)
{
	for (size_t i = 0; i < sizeof(good_files) / sizeof(good_files[0]); i++) {
		if (strcmp(good_files[i].name, name))
			continue;
		ck_assert_msg(good_files[i].rows == rows, "%s: %llu rows", name, (unsigned long long)rows);
		ck_assert_msg(good_files[i].hash == hash_text(text), "%s has other values: %llx", name,
		              (unsigned long long)hash_text(text));
		return;
	}
	ck_abort_msg("%s is a file that nobody has compared: {\"%s\", %llu, 0x%016llx}", name, name,
	             (unsigned long long)rows, (unsigned long long)hash_text(text));
}

static void read_good(const char *name, const struct buf *data)
{
	struct buf text;
	uint64_t n;
	orasi_status r;

	buf_init(&text, 0);
	r = decode(data->data, data->len, &(orasi_ingest_open){0}, &text, &n);
	if (is_refused(name)) {
		ck_assert_msg(r < 0 && error.message[0], "%s is read although it should be refused", name);
	} else {
		ck_assert_msg(r == ORASI_END, "%s: %s", name, error.message);
		check_rows(name, n, &text);
	}
	buf_done(&text);
}

static void read_bad(const char *name, const struct buf *data)
{
	uint64_t n;
	orasi_status r = decode(data->data, data->len, &(orasi_ingest_open){0}, NULL, &n);

	ck_assert_msg(r < 0 && error.message[0], "%s is read although it is bad", name);
}

START_TEST(files_of_the_public_suite_are_read_or_refused_by_name)
{
	each_file("parquet/good", read_good);
	each_file("parquet/good/geospatial", read_good);
}
END_TEST

/* On these no reader that we know gives what the format says, so its words decide:
 *
 *   int96_from_spark   "nanoseconds of the day, Julian day" is what INT96 is; Spark lets the days of a far time wrap around,
 *                      which only modulo 2^64 microseconds undoes (DuckDB gives a wrong year, others cut it)
 *   map_no_value       LogicalTypes.md: a map whose key_value has no value is a set of its keys, and a map whose values are
 *                      all null one of nulls (DuckDB refuses the file, others give structs) */
static const struct {
	const char *name, *rows;
} decided[] = {
	{"int96_from_spark.parquet", "[\"1704141296123456\"]\n[\"1704070800000000\"]\n[\"253402225200000000\"]\n"
                                     "[\"1735599600000000\"]\n[null]\n[\"9089380393200000000\"]\n"},
	{"map_no_value.parquet",
         "[[[\"1\",null],[\"2\",null],[\"3\",null]],[\"1\",\"2\",\"3\"],[\"1\",\"2\",\"3\"]]\n"
         "[[[\"4\",null],[\"5\",null],[\"6\",null]],[\"4\",\"5\",\"6\"],[\"4\",\"5\",\"6\"]]\n"
         "[[[\"7\",null],[\"8\",null],[\"9\",null]],[\"7\",\"8\",\"9\"],[\"7\",\"8\",\"9\"]]\n"},
};

static void read_decided(const char *name, const struct buf *data)
{
	for (size_t i = 0; i < sizeof(decided) / sizeof(decided[0]); i++) {
		struct buf text;
		uint64_t n;

		if (strcmp(decided[i].name, name))
			continue;
		buf_init(&text, 0);
		ck_assert_int_eq(decode_each(data->data, data->len, &(orasi_ingest_open){0}, add_json, &text, &n),
		                 ORASI_END);
		ck_assert_str_eq(text.data, decided[i].rows);
		buf_done(&text);
	}
}

START_TEST(files_on_which_readers_differ_are_what_the_format_says)
{
	each_file("parquet/good", read_decided);
}
END_TEST

START_TEST(bad_files_of_the_public_suite_are_refused)
{
	each_file("parquet/bad", read_bad);
}
END_TEST

static void parquet_cases(Suite *suite)
{
	TCase *c = tcase_create("parquet");

	tcase_add_checked_fixture(c, helpers_set_up, helpers_tear_down);
	tcase_add_loop_test(c, every_type_survives_with_any_nulls_and_any_repetition, 0, (int)n_table_formats);
	tcase_add_test(c, nested_columns_survive);
	tcase_add_loop_test(c, every_codec_survives, 0, 6);
	tcase_add_test(c, a_dictionary_that_does_not_pay_is_given_up_within_the_chunk);
	tcase_add_test(c, statistics_are_those_of_delta);
	tcase_add_loop_test(c, how_large_a_file_will_be_is_known_before_it_ends, 0, 5);
	tcase_add_test(c, what_a_sample_says_pays);
	tcase_add_test(c, a_column_with_a_dictionary_is_compressed);
	tcase_add_test(c, a_flipped_bit_in_a_page_is_found_by_its_checksum);
	tcase_add_test(c, a_file_that_is_cut_anywhere_is_refused);
	tcase_add_test(c, encrypted_files_are_refused_by_name);
	tcase_add_test(c, files_of_the_public_suite_are_read_or_refused_by_name);
	tcase_add_test(c, files_on_which_readers_differ_are_what_the_format_says);
	tcase_add_test(c, bad_files_of_the_public_suite_are_refused);
	suite_add_tcase(suite, c);
}

TEST_MAIN("parquet", parquet_cases)
