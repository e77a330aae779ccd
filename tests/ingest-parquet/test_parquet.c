/* SPDX-License-Identifier: Apache-2.0 */
/* Round trips through the encoder and decoder, files of the public suite, and files that are
 * broken. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <orasi/sdk/arrow.h>

#include "base/file.h"
#include "ingest-parquet/plugin.h"
#include "lib/fakehost.h"
#include "lib/test.h"

static struct fakehost *fake;
static orasi_error error;
static uint64_t seed;

static void set_up(void)
{
	const char *given = getenv("TEST_SEED");

	fake = fakehost_new();
	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	memset(&error, 0, sizeof(error));
	error.struct_size = sizeof(error);
}

static void tear_down(void)
{
	fakehost_free(fake);
}

static uint64_t dice(uint64_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % n;
}

/* ---- values as text ------------------------------------------------------------------------- */

static void show(struct buf *out, const struct arrow_view *view, int64_t i)
{
	int64_t begin, end;
	struct arrow_view child;
	const uint8_t *p;
	size_t n;

	if (arrow_view_is_null(view, i)) {
		buf_puts(out, "null");
		return;
	}
	switch (view->info.type) {
	case ARROW_STRUCT:
		buf_puts(out, "{");
		for (int64_t k = 0; k < view->schema->n_children; k++) {
			ck_assert_int_eq(arrow_view_child(view, k, &child), 0);
			buf_printf(out, "%s%s=", k ? " " : "", view->schema->children[k]->name);
			show(out, &child, i);
		}
		buf_puts(out, "}");
		break;
	case ARROW_LIST:
	case ARROW_MAP:
		ck_assert_int_eq(arrow_view_child(view, 0, &child), 0);
		arrow_view_list(view, i, &begin, &end);
		buf_puts(out, "[");
		for (int64_t k = begin; k < end; k++) {
			buf_puts(out, k > begin ? " " : "");
			show(out, &child, k);
		}
		buf_puts(out, "]");
		break;
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		buf_printf(out, "%.17g", arrow_view_double(view, i));
		break;
	case ARROW_UTF8:
	case ARROW_BINARY:
	case ARROW_FIXED_BINARY:
	case ARROW_DECIMAL128:
	case ARROW_FLOAT16:
		p = view->info.type == ARROW_FLOAT16
		            ? (const uint8_t *)view->data + (view->offset + i) * 2
		            : arrow_view_bytes(view, i, &n);
		n = view->info.type == ARROW_FLOAT16 ? 2 : n;
		for (size_t k = 0; k < n; k++)
			buf_printf(out, "%02x", p[k]);
		break;
	default:
		buf_printf(out, "%lld", (long long)arrow_view_int(view, i));
	}
}

static void show_rows(struct buf *out, const struct ArrowSchema *schema,
                      const struct ArrowArray *array)
{
	struct arrow_view view;

	ck_assert_int_eq(arrow_view_init(&view, schema, array), 0);
	for (int64_t i = 0; i < array->length; i++) {
		show(out, &view, i);
		buf_puts(out, "\n");
	}
}

/* ---- writing and reading -------------------------------------------------------------------- */

static char stats[65536];

static void encode(struct fakehost_output *out, const char *options,
                   const struct ArrowSchema *schema, const struct ArrowArray *batch, int pieces)
{
	struct fakehost_config *config = fakehost_config_new(options);
	orasi_encode_info info = {.struct_size = sizeof(info)};
	struct ArrowArray slice = *batch;
	void *self;

	fakehost_output_init(out);
	ck_assert_msg(!parquet_encode_factory.create(fakehost_host(fake), PARQUET_ID,
	                                             fakehost_config(config), &self, &error),
	              "%s", error.message);
	ck_assert_msg(!parquet_encode_factory.open(self, &out->output, schema, &error), "%s",
	              error.message);
	for (int i = 0; i < pieces; i++) {
		slice.offset = batch->length * i / pieces;
		slice.length = batch->length * (i + 1) / pieces - slice.offset;
		ck_assert_msg(!parquet_encode_factory.write(self, &slice, &error), "%s",
		              error.message);
	}
	ck_assert_msg(!parquet_encode_factory.finish(self, &info, &error), "%s", error.message);
	ck_assert_uint_eq(info.rows, (uint64_t)batch->length);
	ck_assert_uint_eq(info.bytes, out->buf.len);
	snprintf(stats, sizeof(stats), "%.*s", (int)info.stats_json.len, info.stats_json.ptr);
	parquet_encode_factory.destroy(self);
	fakehost_config_free(config);
}

static orasi_status decode(const void *data, size_t len, orasi_ingest_open *open, struct buf *out,
                           uint64_t *ret_rows)
{
	struct fakehost_source source;
	struct ArrowSchema schema = {0};
	struct ArrowArray batch;
	orasi_mark mark = {.struct_size = sizeof(mark)};
	orasi_status r;
	void *self;
	char msg[256];

	fakehost_source_init(&source, data, len, 1);
	open->struct_size = sizeof(*open);
	open->source = &source.source;
	if (!open->max_rows)
		open->max_rows = 1000;
	ck_assert_int_eq(
	        parquet_ingest_factory.create(fakehost_host(fake), PARQUET_ID, NULL, &self, &error),
	        0);
	r = parquet_ingest_factory.open(self, open, &schema, &error);
	*ret_rows = 0;
	while (!r && !(r = parquet_ingest_factory.next(self, &batch, &mark, &error))) {
		ck_assert_msg(!arrow_validate(&schema, &batch, 0, msg, sizeof(msg)), "%s", msg);
		*ret_rows += (uint64_t)batch.length;
		if (out)
			show_rows(out, &schema, &batch);
		arrow_array_release(&batch);
	}
	arrow_schema_release(&schema);
	parquet_ingest_factory.destroy(self);
	return r;
}

/* ---- random tables -------------------------------------------------------------------------- */

static const char *const formats[] = {"b",   "c",   "C",     "s",       "S",      "i",
                                      "I",   "l",   "L",     "f",       "g",      "u",
                                      "z",   "w:5", "tdD",   "tsu:UTC", "tsm:",   "tsn:UTC",
                                      "ttm", "ttu", "d:9,2", "d:18,3",  "d:38,4", "e"};
#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

static void random_value(struct arrow_builder *b, const struct ArrowSchema *schema, int nulls,
                         int distinct)
{
	uint8_t bytes[32];
	struct arrow_type_info info;
	uint64_t v = distinct ? dice((uint64_t)distinct) : dice(UINT32_MAX) * dice(UINT32_MAX);

	arrow_type_parse(schema->format, &info);
	if ((schema->flags & ARROW_FLAG_NULLABLE) && dice(100) < (uint64_t)nulls) {
		arrow_append_null(b);
		return;
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(v >> (i % 8 * 8));
	switch (info.type) {
	case ARROW_STRUCT:
		for (int64_t i = 0; i < schema->n_children; i++)
			random_value(arrow_builder_child(b, i), schema->children[i], nulls,
			             distinct);
		arrow_end_struct(b);
		break;
	case ARROW_LIST:
	case ARROW_MAP:
		for (uint64_t n = dice(4); n > 0; n--)
			random_value(arrow_builder_child(b, 0), schema->children[0], nulls,
			             distinct);
		arrow_end_list(b);
		break;
	case ARROW_BOOL:
		arrow_append_bool(b, (int)(v & 1));
		break;
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		arrow_append_double(b, (double)(int32_t)v / 8);
		break;
	case ARROW_UTF8:
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)('a' + bytes[i] % 26);
		arrow_append_bytes(b, bytes, v % sizeof(bytes));
		break;
	case ARROW_BINARY:
		arrow_append_bytes(b, bytes, v % sizeof(bytes));
		break;
	case ARROW_DECIMAL128:
		memset(bytes + (info.precision <= 9 ? 3 : 7), bytes[2] & 1 ? 0xFF : 0, 16);
		arrow_append_fixed(b, bytes);
		break;
	case ARROW_FIXED_BINARY:
	case ARROW_FLOAT16:
		arrow_append_fixed(b, bytes);
		break;
	default:
		arrow_append_int(b, (int64_t)v);
	}
}

static void make(struct ArrowSchema *s, const char *format, const char *name, int nullable,
                 int64_t n)
{
	ck_assert_int_eq(arrow_schema_make(s, format, name, nullable, n), 0);
}

static void random_field(struct ArrowSchema *s, const char *name, int depth, const char *format)
{
	uint64_t kind = depth ? dice(6) : 5;
	int nullable = dice(3) > 0;

	if (format || kind > 2) {
		make(s, format ? format : formats[dice(N_FORMATS)], name, nullable, 0);
	} else if (kind == 0) {
		make(s, "+l", name, nullable, 1);
		random_field(s->children[0], "element", depth - 1, NULL);
	} else if (kind == 1) {
		int64_t n = 1 + (int64_t)dice(3);

		make(s, "+s", name, nullable, n);
		for (int64_t i = 0; i < n; i++)
			random_field(s->children[i], (const char *[]){"x", "y", "z"}[i], depth - 1,
			             NULL);
	} else {
		make(s, "+m", name, nullable, 1);
		make(s->children[0], "+s", "key_value", 0, 2);
		make(s->children[0]->children[0], "u", "key", 0, 0);
		random_field(s->children[0]->children[1], "value", depth - 1, NULL);
	}
}

static void random_batch(const struct ArrowSchema *schema, int64_t rows, int nulls, int distinct,
                         struct ArrowArray *ret)
{
	struct arrow_builder *b = arrow_builder_new(schema);

	ck_assert_ptr_nonnull(b);
	for (int64_t i = 0; i < rows; i++)
		random_value(b, schema, nulls, distinct);
	ck_assert_int_eq(arrow_builder_finish(b, ret), 0);
	arrow_builder_free(b);
}

static void round_trip(const struct ArrowSchema *schema, int64_t rows, int nulls, int distinct,
                       const char *options)
{
	struct fakehost_output out;
	struct ArrowArray batch;
	struct buf want, got;
	uint64_t n, start = seed;

	buf_init(&want, 0);
	buf_init(&got, 0);
	random_batch(schema, rows, nulls, distinct, &batch);
	show_rows(&want, schema, &batch);
	encode(&out, options, schema, &batch, 3);
	ck_assert_msg(decode(out.buf.data, out.buf.len, &(orasi_ingest_open){0}, &got, &n) ==
	                      ORASI_END,
	              "%s (seed %llu)", error.message, (unsigned long long)start);
	ck_assert_uint_eq(n, (uint64_t)rows);
	ck_assert_msg(want.len == got.len && (!want.len || !memcmp(want.data, got.data, want.len)),
	              "rows differ (seed %llu, %s)", (unsigned long long)start, options);
	fakehost_output_done(&out);
	arrow_array_release(&batch);
	buf_done(&want);
	buf_done(&got);
}

START_TEST(every_type_survives_with_any_nulls_and_any_repetition)
{
	static const int densities[] = {0, 30, 100}, repetitions[] = {0, 3};
	struct ArrowSchema schema;

	make(&schema, "+s", "", 0, 1);
	random_field(schema.children[0], "c", 0, formats[_i]);
	for (int d = 0; d < 3; d++)
		for (int r = 0; r < 2; r++)
			round_trip(&schema, 700, densities[d], repetitions[r],
			           "{\"row_group_rows\":300}");
	arrow_schema_release(&schema);
}
END_TEST

START_TEST(nested_columns_survive)
{
	for (int round = 0; round < 60; round++) {
		struct ArrowSchema schema;
		uint64_t start = seed;

		make(&schema, "+s", "", 0, 3);
		random_field(schema.children[0], "a", 3, NULL);
		random_field(schema.children[1], "b", 4, NULL);
		random_field(schema.children[2], "c", 2, NULL);
		fprintf(stderr, "# round %d seed %llu\n", round, (unsigned long long)start);
		round_trip(&schema, (int64_t)dice(300), (int)dice(60), dice(2) ? 5 : 0,
		           "{\"row_group_rows\":97}");
		arrow_schema_release(&schema);
	}
}
END_TEST

static const char *const codecs[] = {"none", "snappy", "gzip", "lz4_raw", "zstd"};

START_TEST(every_codec_survives)
{
	struct ArrowSchema schema;
	char options[64];

	snprintf(options, sizeof(options), "{\"compression\":\"%s\"}", codecs[_i]);
	make(&schema, "+s", "", 0, 2);
	random_field(schema.children[0], "a", 0, "u");
	random_field(schema.children[1], "b", 0, "l");
	round_trip(&schema, 50000, 10, 100, options);
	arrow_schema_release(&schema);
}
END_TEST

START_TEST(a_dictionary_that_does_not_pay_is_given_up_within_the_chunk)
{
	struct ArrowSchema schema;

	make(&schema, "+s", "", 0, 1);
	random_field(schema.children[0], "a", 0, "l");
	round_trip(&schema, 150000, 0, 0, "{}");
	arrow_schema_release(&schema);
}
END_TEST

/* ---- a plain table for the tests that look closer ------------------------------------------- */

static void numbers(struct fakehost_output *out, int64_t rows, struct ArrowSchema *schema)
{
	struct arrow_builder *b;
	struct ArrowArray batch;
	char text[32];

	make(schema, "+s", "", 0, 2);
	make(schema->children[0], "l", "n", 0, 0);
	make(schema->children[1], "u", "t", 1, 0);
	b = arrow_builder_new(schema);
	for (int64_t i = 0; i < rows; i++) {
		snprintf(text, sizeof(text), "t%lld", (long long)i);
		arrow_append_int(arrow_builder_child(b, 0), i);
		arrow_append_bytes(arrow_builder_child(b, 1), text, strlen(text));
		arrow_end_struct(b);
	}
	ck_assert_int_eq(arrow_builder_finish(b, &batch), 0);
	encode(out, "{\"row_group_rows\":30000}", schema, &batch, 1);
	arrow_array_release(&batch);
	arrow_builder_free(b);
}

START_TEST(wanted_rows_are_found_across_pages_and_groups)
{
	static const uint64_t rows[] = {0, 1, 19999, 20000, 29999, 30000, 64999, 99999};
	orasi_ingest_open open = {.flags = ORASI_OPEN_ROWS, .rows = rows, .n_rows = 8};
	struct fakehost_output out;
	struct ArrowSchema schema;
	struct buf got;
	uint64_t n;

	buf_init(&got, 0);
	numbers(&out, 100000, &schema);
	ck_assert_int_eq(decode(out.buf.data, out.buf.len, &open, &got, &n), ORASI_END);
	ck_assert_uint_eq(n, 8);
	ck_assert_ptr_nonnull(
	        strstr(got.data, "{n=19999 t=743139393939}\n{n=20000 t=743230303030}\n"));
	ck_assert_ptr_nonnull(strstr(got.data, "{n=99999 t=743939393939}\n"));
	fakehost_output_done(&out);
	arrow_schema_release(&schema);
	buf_done(&got);
}
END_TEST

START_TEST(a_projection_gives_its_columns_and_nulls_for_unknown_ones)
{
	orasi_ingest_open open = {.flags = ORASI_OPEN_PROJECT};
	struct fakehost_output out;
	struct ArrowSchema schema, want;
	struct buf got;
	uint64_t n;

	buf_init(&got, 0);
	numbers(&out, 3, &schema);
	make(&want, "+s", "", 0, 2);
	make(want.children[0], "g", "new", 1, 0);
	make(want.children[1], "u", "t", 1, 0);
	open.want = &want;
	ck_assert_int_eq(decode(out.buf.data, out.buf.len, &open, &got, &n), ORASI_END);
	ck_assert_str_eq(got.data, "{new=null t=7430}\n{new=null t=7431}\n{new=null t=7432}\n");
	fakehost_output_done(&out);
	arrow_schema_release(&schema);
	arrow_schema_release(&want);
	buf_done(&got);
}
END_TEST

START_TEST(rows_that_cannot_match_are_left_out)
{
	struct ArrowSchema schema, type;
	struct ArrowArray value;
	struct arrow_builder *b;
	orasi_term term = {
	        .struct_size = sizeof(term), .op = ORASI_OP_EQ, .column = ORASI_STR("n")};
	const orasi_term *terms[] = {&term};
	orasi_ingest_open open = {.terms = terms, .n_terms = 1};
	struct fakehost_output out;
	uint64_t n;

	numbers(&out, 100000, &schema);
	make(&type, "l", "", 0, 0);
	b = arrow_builder_new(&type);
	arrow_append_int(b, 45000);
	arrow_builder_finish(b, &value);
	term.type = &type;
	term.values = &value;
	ck_assert_int_eq(decode(out.buf.data, out.buf.len, &open, NULL, &n), ORASI_END);
	ck_assert_uint_eq(n, 1);
	arrow_builder_free(b);
	arrow_array_release(&value);
	arrow_schema_release(&type);
	arrow_schema_release(&schema);
	fakehost_output_done(&out);
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

/* A first page of dictionary numbers hardly gets smaller; the texts behind it do. */
START_TEST(a_column_with_a_dictionary_is_compressed)
{
	struct ArrowSchema schema;
	struct fakehost_output plain, packed;
	struct ArrowArray batch;

	make(&schema, "+s", "", 0, 1);
	make(schema.children[0], "u", "t", 0, 0);
	random_batch(&schema, 60000, 0, 40000, &batch);
	encode(&plain, "{\"compression\":\"none\"}", &schema, &batch, 3);
	encode(&packed, "{}", &schema, &batch, 3);
	ck_assert_uint_lt(packed.buf.len, plain.buf.len * 3 / 4);
	fakehost_output_done(&plain);
	fakehost_output_done(&packed);
	arrow_array_release(&batch);
	arrow_schema_release(&schema);
}
END_TEST

START_TEST(a_column_wanted_twice_is_refused)
{
	orasi_ingest_open open = {.flags = ORASI_OPEN_PROJECT};
	struct fakehost_output out;
	struct ArrowSchema schema, want;
	uint64_t n;

	numbers(&out, 3, &schema);
	make(&want, "+s", "", 0, 2);
	make(want.children[0], "l", "n", 0, 0);
	make(want.children[1], "l", "n", 0, 0);
	open.want = &want;
	ck_assert_int_eq(decode(out.buf.data, out.buf.len, &open, NULL, &n), ORASI_E_INVALID);
	ck_assert_ptr_nonnull(strstr(error.message, "wanted twice"));
	fakehost_output_done(&out);
	arrow_schema_release(&schema);
	arrow_schema_release(&want);
}
END_TEST

START_TEST(a_reader_resumes_behind_any_mark)
{
	struct fakehost_output out;
	struct ArrowSchema schema;
	uint64_t n;

	numbers(&out, 70000, &schema);
	for (uint64_t row = 0; row <= 70000; row += 8750) {
		const uint64_t state[] = {row, row};
		orasi_ingest_open open = {.checkpoint = {(const uint8_t *)state, sizeof(state)}};

		ck_assert_int_eq(decode(out.buf.data, out.buf.len, &open, NULL, &n), ORASI_END);
		ck_assert_uint_eq(n, 70000 - row);
	}
	fakehost_output_done(&out);
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
	ck_assert_int_eq(decode(out.buf.data, out.buf.len, &(orasi_ingest_open){0}, NULL, &n),
	                 ORASI_E_CORRUPT);
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
		ck_assert_msg(good_files[i].rows == rows, "%s: %llu rows", name,
		              (unsigned long long)rows);
		ck_assert_msg(good_files[i].hash == hash_text(text), "%s has other values: %llx",
		              name, (unsigned long long)hash_text(text));
		return;
	}
	fprintf(stderr, "NEW\t{\"%s\", %llu, 0x%016llx},\n", name, (unsigned long long)rows,
	        (unsigned long long)hash_text(text));
}

static void read_good(const char *name, const struct buf *data)
{
	struct buf text;
	uint64_t n;
	orasi_status r;

	buf_init(&text, 0);
	r = decode(data->data, data->len, &(orasi_ingest_open){0}, &text, &n);
	if (is_refused(name)) {
		ck_assert_msg(r < 0 && error.message[0], "%s is read although it should be refused",
		              name);
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

START_TEST(bad_files_of_the_public_suite_are_refused)
{
	each_file("parquet/bad", read_bad);
}
END_TEST

static void parquet_cases(Suite *suite)
{
	TCase *c = tcase_create("parquet");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_loop_test(c, every_type_survives_with_any_nulls_and_any_repetition, 0,
	                    (int)N_FORMATS);
	tcase_add_test(c, nested_columns_survive);
	tcase_add_loop_test(c, every_codec_survives, 0, 5);
	tcase_add_test(c, a_dictionary_that_does_not_pay_is_given_up_within_the_chunk);
	tcase_add_test(c, wanted_rows_are_found_across_pages_and_groups);
	tcase_add_test(c, a_projection_gives_its_columns_and_nulls_for_unknown_ones);
	tcase_add_test(c, rows_that_cannot_match_are_left_out);
	tcase_add_test(c, statistics_are_those_of_delta);
	tcase_add_test(c, a_column_with_a_dictionary_is_compressed);
	tcase_add_test(c, a_column_wanted_twice_is_refused);
	tcase_add_test(c, a_reader_resumes_behind_any_mark);
	tcase_add_test(c, a_flipped_bit_in_a_page_is_found_by_its_checksum);
	tcase_add_test(c, a_file_that_is_cut_anywhere_is_refused);
	tcase_add_test(c, files_of_the_public_suite_are_read_or_refused_by_name);
	tcase_add_test(c, bad_files_of_the_public_suite_are_refused);
	suite_add_tcase(suite, c);
}

TEST_MAIN("parquet", parquet_cases)
