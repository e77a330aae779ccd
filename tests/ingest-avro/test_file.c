/* SPDX-License-Identifier: Apache-2.0 */
/* Object container files as a whole: headers, codecs, blocks, ranges, marks, projections, and schemas that are refused. */
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "ingest-avro/codec.h"
#include "ingest-avro/making.h"

#define LONGS "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"x\",\"type\":\"long\"}]}"
#define PAIRS                                                                                   \
	"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"string\"}," \
	"{\"name\":\"b\",\"type\":[\"null\",\"long\"]}]}"
#define BLOCKS 7
#define EACH 3 /* records of a block */

static struct buf file;

static void setup(void)
{
	making_setup();
	buf_init(&file, 0);
}

static void teardown(void)
{
	buf_done(&file);
	making_teardown();
}

static void fails_as_file(orasi_status status, const char *words)
{
	read_file(&file, (struct rows_options){0});
	fails(status, words);
}

/* 0, 1, … in blocks; the numbers below 64 have one byte. */
static void make_blocks(void)
{
	put_header(&file, LONGS, NULL);
	for (int i = 0; i < BLOCKS; i++) {
		char records[EACH];

		for (int k = 0; k < EACH; k++)
			records[k] = (char)((i * EACH + k) * 2);
		put_block(&file, EACH, records, EACH);
	}
}

/* ---- header ------------------------------------------------------------------------------------------------------ */

START_TEST(what_is_no_avro_file_is_told)
{
	fails_as_file(ORASI_E_CORRUPT, "does not begin with 'Obj' and 1");
	put_bytes(&file, "Obj", 3);
	fails_as_file(ORASI_E_CORRUPT, "does not begin with 'Obj' and 1");
	put_bytes(&file, "\x02", 1);
	fails_as_file(ORASI_E_CORRUPT, "does not begin with 'Obj' and 1");
}
END_TEST

START_TEST(a_header_that_is_cut_anywhere_is_told)
{
	size_t whole;

	put_header(&file, LONGS, "null");
	whole = file.len;
	for (file.len = 4; file.len < whole; file.len++)
		fails_as_file(ORASI_E_CORRUPT, "the file ends within its header");
	read_file(&file, (struct rows_options){0});
	gives("x:l", "", "");
}
END_TEST

START_TEST(a_header_may_come_in_blocks_with_their_size_and_hold_more)
{
	put_bytes(&file, "Obj\1", 4);
	put_long(&file, -1);
	put_long(&file, 100);
	put_text(&file, "com.acme.note");
	put_text(&file, "anything");
	put_long(&file, 1);
	put_text(&file, "avro.schema");
	put_text(&file, LONGS);
	put_long(&file, 0);
	put_bytes(&file, MARKER, 16);
	put_block(&file, 1, RECORDS("\x02"));
	read_file(&file, (struct rows_options){0});
	gives("x:l", "{x=1}\n", "");
}
END_TEST

START_TEST(a_header_without_a_schema_or_with_damage_is_told)
{
	put_bytes(&file, "Obj\1", 4);
	put_long(&file, 0);
	put_bytes(&file, MARKER, 16);
	fails_as_file(ORASI_E_CORRUPT, "the header has no 'avro.schema'");
	file.len = 4;
	put_bytes(&file, "\x02\x01", 2);
	fails_as_file(ORASI_E_CORRUPT, "the header's metadata are damaged");
}
END_TEST

START_TEST(a_codec_that_nobody_knows_is_named)
{
	put_header(&file, LONGS, "lzma");
	fails_as_file(ORASI_E_UNSUPPORTED, "the codec 'lzma' is not supported");
}
END_TEST

/* ---- schemas ----------------------------------------------------------------------------------------------------- */

static const struct {
	const char *schema, *columns;
} schemas[] = {
	{"\"long\"", "value:l"},
	{"{\"type\":\"array\",\"items\":\"string\"}", "value:+l(item:u)"},
	{"[\"null\",\"string\"]", "value:u"},
	{"{\"type\":{\"type\":\"string\"}}", "value:u"},
	{"{\"type\":\"error\",\"name\":\"e\",\"fields\":[]}", ""},
	/* names and their spaces */
	{"{\"type\":\"record\",\"name\":\"r\",\"namespace\":\"a.b\",\"fields\":[{\"name\":\"x\",\"type\":{\"type\":"
         "\"fixed\","
         "\"name\":\"f\",\"size\":3}},{\"name\":\"y\",\"type\":\"f\"},{\"name\":\"z\",\"type\":\"a.b.f\"}]}",
         "x:w:3 y:w:3 z:w:3"},
	{"{\"type\":\"record\",\"name\":\"a.b.r\",\"fields\":[{\"name\":\"x\",\"type\":{\"type\":\"enum\",\"name\":"
         "\"e\","
         "\"namespace\":\"c\",\"symbols\":[]}},{\"name\":\"y\",\"type\":\"c.e\"}]}",
         "x:u y:u"},
	{"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"f\","
         "\"size\":0}}]}",
         "x:w:0"},
	/* text with escapes, and members in any order */
	{"{\"fields\":[{\"type\":\"int\",\"name\":\"\\u00e9\\ud83d\\ude00\"}],\"name\":\"r\",\"type\":\"record\"}",
         "\u00e9\U0001F600:i"},
};

START_TEST(schemas_of_all_forms_are_read)
{
	put_header(&file, schemas[_i].schema, NULL);
	read_file(&file, (struct rows_options){0});
	gives(schemas[_i].columns, "", "");
}
END_TEST

static const struct {
	const char *schema, *words;
} no_schemas[] = {
	{"", "no JSON: no value begins here, at its byte 0"},
	{"{\"type\":", "no JSON"},
	{"\"long\" x", "no JSON: something follows, at its byte 7"},
	{"\"lo\\x\"", "no JSON: no such escape"},
	{"\"\\ud800\"", "no JSON: no such escape"},
	{"\"\xFF\"", "no JSON: a string is not UTF-8"},
	{"[01]", "no JSON"},
	{"7", "a type is a name, a list or an object"},
	{"{}", "an object needs 'type'"},
	{"\"lang\"", "there is no type 'lang'"},
	{"[]", "a union has no branch"},
	{"[[\"int\"]]", "a union stands within a union"},
	{"{\"type\":\"record\",\"name\":\"r\"}", "a record needs 'fields': 'r'"},
	{"{\"type\":\"record\",\"fields\":[]}", "a type needs a name: 'record'"},
	{"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"x\"}]}", "with 'name' and 'type', in 'r'"},
	{"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":7,\"type\":\"int\"}]}", "names must be text"},
	{"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"},{\"name\":\"x\",\"type\":"
         "\"int\"}]}",
         "two fields of a record have the name 'x'"},
	{"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"x\",\"type\":{\"type\":\"map\"}}]}",
         "the schema at '/fields/0': a map needs 'values'"},
	{"[\"int\",\"int\"]", "two branches of a union are 'int'"},
	{"[\"null\",\"null\"]", "two branches of a union are 'null'"},
	{"[{\"type\":\"fixed\",\"name\":\"f\",\"size\":1},\"f\"]", "two branches of a union are 'fixed f'"},
	{"{\"type\":\"enum\",\"name\":\"e\"}", "an enum needs 'symbols'"},
	{"{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"A\"]}", "two symbols of an enum are 'A'"},
	{"{\"type\":\"fixed\",\"name\":\"f\"}", "needs a 'size'"},
	{"{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}", "needs a 'size'"},
	{"{\"type\":\"fixed\",\"name\":\"f\",\"size\":1.5}", "needs a 'size'"},
	{"[{\"type\":\"fixed\",\"name\":\"f\",\"size\":1},{\"type\":\"fixed\",\"name\":\"f\",\"size\":2}]",
         "two types have the name 'f'"},
};

START_TEST(schemas_that_cannot_be_are_told_with_their_place)
{
	put_header(&file, no_schemas[_i].schema, NULL);
	fails_as_file(ORASI_E_CORRUPT, no_schemas[_i].words);
}
END_TEST

START_TEST(a_schema_of_endless_values_is_told)
{
	struct buf schema = {0};

	buf_puts(&schema, "[1");
	for (int i = 0; i < 1000000; i++)
		buf_puts(&schema, ",1");
	buf_puts(&schema, "]");
	put_header(&file, schema.data, NULL);
	fails_as_file(ORASI_E_LIMIT, "more than 1000000 JSON values");
	buf_done(&schema);
}
END_TEST

START_TEST(a_schema_too_deep_is_told)
{
	struct buf schema = {0};

	for (int i = 0; i < 70; i++)
		buf_puts(&schema, "{\"type\":\"array\",\"items\":");
	buf_puts(&schema, "\"int\"");
	for (int i = 0; i < 70; i++)
		buf_puts(&schema, "}");
	put_header(&file, schema.data, NULL);
	fails_as_file(ORASI_E_LIMIT, "deeper within each other than 64");
	buf_done(&schema);
}
END_TEST

/* Thirty records, each with two fields of the one before: a thousand million columns. */
START_TEST(a_small_schema_of_endless_columns_is_told)
{
	struct buf schema = {0};

	buf_puts(&schema, "[{\"type\":\"record\",\"name\":\"r0\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]}");
	for (int i = 1; i < 30; i++)
		buf_printf(&schema,
		           ",{\"type\":\"record\",\"name\":\"r%d\",\"fields\":[{\"name\":\"x\",\"type\":\"r%d\"},"
		           "{\"name\":\"y\",\"type\":\"r%d\"}]}",
		           i, i - 1, i - 1);
	buf_puts(&schema, "]");
	put_header(&file, schema.data, NULL);
	fails_as_file(ORASI_E_LIMIT, "more than 100000 columns");
	buf_done(&schema);
}
END_TEST

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

START_TEST(blocks_follow_each_other_and_empty_ones_do_not_matter)
{
	put_header(&file, LONGS, NULL);
	put_block(&file, 0, "", 0);
	put_block(&file, 2, RECORDS("\x02\x04"));
	put_block(&file, 0, "", 0);
	put_block(&file, 1, RECORDS("\x06"));
	put_block(&file, 0, "", 0);
	read_file(&file, (struct rows_options){0});
	gives("x:l", "{x=1}\n{x=2}\n{x=3}\n", "");
}
END_TEST

START_TEST(a_file_that_is_cut_gives_its_whole_blocks_and_then_fails)
{
	make_blocks();
	file.len -= 1;
	fails_as_file(ORASI_E_CORRUPT, "it was cut");
	ck_assert_uint_eq(rows.rows, (BLOCKS - 1) * EACH);
	file.len -= 19;
	fails_as_file(ORASI_E_CORRUPT, "the file ends within the head of a block");
}
END_TEST

START_TEST(a_block_that_does_not_end_with_the_marker_is_told)
{
	make_blocks();
	file.data[file.len - 1] ^= 1;
	fails_as_file(ORASI_E_CORRUPT, "does not end with the file's marker");
}
END_TEST

START_TEST(a_block_that_claims_more_than_max_block_is_told)
{
	put_header(&file, LONGS, NULL);
	put_long(&file, 1);
	put_long(&file, 1LL << 40);
	fails_as_file(ORASI_E_LIMIT, "max_block allows 268435456");
	file.len = 0;
	put_header(&file, LONGS, NULL);
	put_long(&file, -1);
	fails_as_file(ORASI_E_CORRUPT, "ends within the head of a block");
	put_long(&file, 1);
	fails_as_file(ORASI_E_CORRUPT, "no block begins here");
}
END_TEST

/* ---- codecs ------------------------------------------------------------------------------------------------------ */

#define N_CODECS 6

/* A block of so many records, of whose packed bytes the last `cut` are not there. */
static void make_packed(enum codec codec, size_t records, size_t cut)
{
	struct buffer packed = {0};
	char *longs = malloc(records);
	orasi_error error = ORASI_NO_ERROR;

	for (size_t i = 0; i < records; i++)
		longs[i] = (char)(i % 61 * 2);
	file.len = 0;
	put_header(&file, LONGS, codec_name(codec));
	ck_assert_int_eq(codec_pack(codec, 1, (uint8_t *)longs, records, &packed, &error), ORASI_OK);
	put_block(&file, (int64_t)records, packed.p, packed.len - cut);
	buffer_done(&packed);
	free(longs);
}

START_TEST(every_codec_unpacks_what_it_packs)
{
	make_packed((enum codec)_i, 1000000, 0);
	read_file(&file, (struct rows_options){0});
	ck_assert_msg(rows.status == ORASI_END, "%s: %s", codec_name((enum codec)_i), rows.error.message);
	ck_assert_uint_eq(rows.rows, 1000000);
	ck_assert(!strncmp(rows.text.data, "{x=0}\n{x=1}\n", 12));
}
END_TEST

START_TEST(every_codec_tells_what_is_too_large_or_cut)
{
	enum codec codec = (enum codec)_i;

	make_packed(codec, 100000, 0);
	read_file(&file, (struct rows_options){.config = "{\"max_block\":99999}"});
	fails(ORASI_E_LIMIT, codec == CODEC_NULL ? "max_block allows 99999" : "larger than max_block allows");
	for (size_t cut = 1; cut < 20; cut++) {
		make_packed(codec, 100000, cut);
		fails_as_file(ORASI_E_CORRUPT, codec == CODEC_NULL ? "more records than bytes" : "it is no whole ");
	}
}
END_TEST

/* Those that have a checksum; with zstandard it is the writer's choice, and ours. */
START_TEST(a_codec_with_a_checksum_tells_a_flipped_bit)
{
	static const enum codec checked[] = {CODEC_SNAPPY, CODEC_ZSTANDARD, CODEC_BZIP2, CODEC_XZ};

	for (size_t at = 17; at < 40; at++) {
		make_packed(checked[_i], 100000, 0);
		file.data[file.len - at] ^= 4;
		fails_as_file(ORASI_E_CORRUPT, "it is no whole ");
	}
}
END_TEST

/* Two streams in one block, as some packers write large ones. */
START_TEST(streams_may_follow_each_other)
{
	static const enum codec codecs[] = {CODEC_ZSTANDARD, CODEC_BZIP2, CODEC_XZ};
	struct buffer packed = {0};
	orasi_error error = ORASI_NO_ERROR;

	ck_assert_int_eq(codec_pack(codecs[_i], 1, (const uint8_t *)"\x02", 1, &packed, &error), ORASI_OK);
	ck_assert_int_eq(codec_pack(codecs[_i], 1, (const uint8_t *)"\x04", 1, &packed, &error), ORASI_OK);
	put_header(&file, LONGS, codec_name(codecs[_i]));
	put_block(&file, 2, packed.p, packed.len);
	read_file(&file, (struct rows_options){0});
	gives("x:l", "{x=1}\n{x=2}\n", "");
	buffer_done(&packed);
}
END_TEST

START_TEST(small_blocks_take_little_memory_however_many_there_are)
{
	struct buffer packed = {0}, unpacked = {0};
	orasi_error error = ORASI_NO_ERROR;

	ck_assert_int_eq(codec_pack((enum codec)_i, 1, (const uint8_t *)"0123456789", 10, &packed, &error), ORASI_OK);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(codec_unpack((enum codec)_i, &(struct packed){packed.p, packed.len, 1 << 28, NULL},
		                              &unpacked, &error),
		                 ORASI_OK);
	ck_assert_uint_eq(unpacked.len, 10);
	ck_assert_uint_lt(unpacked.cap, 1 << 20);
	buffer_done(&packed);
	buffer_done(&unpacked);
}
END_TEST

/* Python's library leaves three bytes of zlib's checksum behind the end. */
START_TEST(deflate_may_be_followed_by_the_rest_of_a_checksum)
{
	struct buffer packed = {0};
	orasi_error error = ORASI_NO_ERROR;

	ck_assert_int_eq(codec_pack(CODEC_DEFLATE, 1, (const uint8_t *)"\x02", 1, &packed, &error), ORASI_OK);
	ck_assert_int_eq(buffer_put(&packed, "abc", 3), 0);
	put_header(&file, LONGS, "deflate");
	put_block(&file, 1, packed.p, packed.len);
	read_file(&file, (struct rows_options){0});
	gives("x:l", "{x=1}\n", "");
	buffer_done(&packed);
}
END_TEST

/* ---- ranges and marks -------------------------------------------------------------------------------------------- */

START_TEST(every_split_of_the_bytes_gives_every_row_once)
{
	char all[512];

	make_blocks();
	read_file(&file, (struct rows_options){0});
	snprintf(all, sizeof(all), "%s", rows.text.data);
	for (uint64_t at = 1; at < file.len; at++) {
		char first[512];

		read_file(&file, (struct rows_options){.range_end = at});
		ck_assert_int_eq(rows.status, ORASI_END);
		snprintf(first, sizeof(first), "%s", rows.text.data);
		read_file(&file, (struct rows_options){.range_begin = at, .range_end = file.len});
		ck_assert_msg(rows.status == ORASI_END, "from %llu: %s", (unsigned long long)at, rows.error.message);
		snprintf(first + strlen(first), sizeof(first) - strlen(first), "%s", rows.text.data);
		ck_assert_str_eq(first, all);
	}
}
END_TEST

/* Reads with batches of two rows, then goes on from each mark, read and fed. */
START_TEST(behind_every_mark_come_the_rows_that_follow)
{
	struct buf marks[16];
	size_t n, places[16];
	char *all;

	make_blocks();
	read_file(&file, (struct rows_options){.max_rows = 2, .keep_marks = 16});
	ck_assert_int_eq(rows.status, ORASI_END);
	all = strdup(rows.text.data);
	n = rows.n_marks;
	ck_assert_uint_eq(n, (BLOCKS * EACH + 1) / 2);
	for (size_t i = 0; i < n; i++) {
		buf_init(&marks[i], 0);
		buf_add(&marks[i], rows.marks[i].data, rows.marks[i].len);
		buf_done(&rows.marks[i]);
		places[i] = rows.mark_rows[i];
	}
	rows.n_marks = 0;
	for (size_t i = 0; i < 2 * n; i++) {
		orasi_bytes mark = {(uint8_t *)marks[i / 2].data, marks[i / 2].len};

		read_file(&file, (struct rows_options){.checkpoint = mark, .feed_piece = i % 2 * 5});
		ck_assert_msg(rows.status == ORASI_END, "%s", rows.error.message);
		ck_assert_str_eq(rows.text.data, all + places[i / 2]);
	}
	for (size_t i = 0; i < n; i++)
		buf_done(&marks[i]);
	free(all);
}
END_TEST

static void set(char state[72], size_t at, uint64_t v)
{
	memcpy(state + at, &v, sizeof(v));
}

/* From a mark that says so; read, and fed. */
static void from_mark(const char state[72], const char *words)
{
	for (int fed = 0; fed < 2; fed++) {
		read_file(&file,
		          (struct rows_options){.checkpoint = {(const uint8_t *)state, 72}, .feed_piece = fed * 7U});
		fails(ORASI_E_STATE, words);
		ck_assert_uint_eq(rows.rows, 0);
	}
}

START_TEST(a_mark_that_cannot_be_of_this_file_is_refused)
{
	char state[72] = "OA\1";
	size_t first;

	put_header(&file, LONGS, NULL);
	first = file.len;
	file.len = 0;
	make_blocks();
	from_mark(state, "belongs to another file");
	memcpy(state + 56, MARKER, 16);
	from_mark(state, "lies before the first block");
	set(state, 8, first + 1);
	from_mark(state, "where no block begins");
	set(state, 8, 1000000);
	from_mark(state, "where no block begins");
	set(state, 8, 1ULL << 63);
	from_mark(state, "where no block begins");
	set(state, 8, first);
	set(state, 16, EACH + 1);
	from_mark(state, "which has none");
	set(state, 8, file.len);
	set(state, 16, 1);
	read_file(&file, (struct rows_options){.checkpoint = {(uint8_t *)state, sizeof(state)}});
	ck_assert_uint_eq(rows.rows, 0);
	state[2] = 2;
	from_mark(state, "not one of this plugin's version");
}
END_TEST

START_TEST(a_mark_of_the_range_before_is_refused)
{
	char state[72] = "OA\1";
	size_t first;

	put_header(&file, LONGS, NULL);
	first = file.len;
	file.len = 0;
	make_blocks();
	memcpy(state + 56, MARKER, 16);
	set(state, 8, first);
	set(state, 40, first + 5);
	set(state, 48, file.len);
	read_file(&file, (struct rows_options){.checkpoint = {(uint8_t *)state, sizeof(state)},
	                                       .range_begin = first + 5,
	                                       .range_end = file.len});
	fails(ORASI_E_STATE, "lies before the first block");
}
END_TEST

START_TEST(a_task_that_is_cancelled_stops_within_a_record)
{
	struct fakehost_source source;
	struct rows_options options = {0};
	struct buf records = {0};

	put_long(&records, 10000000);
	for (int i = 0; i < 10000000; i++)
		buf_putc(&records, 2);
	put_long(&records, 0);
	put_header(&file, "{\"type\":\"array\",\"items\":\"long\"}", NULL);
	put_block(&file, 1, records.data, records.len);
	fakehost_source_init(&source, file.data, file.len, 1);
	fakehost_cancel(fake, 1);
	rows_run(&rows, fake, &source.source, &options);
	fails(ORASI_E_CANCELLED, "cancelled");
	buf_done(&records);
}
END_TEST

START_TEST(rows_come_while_the_file_is_still_being_fed)
{
	make_blocks();
	for (size_t piece = 1; piece < 200; piece += 13) {
		read_file(&file, (struct rows_options){.feed_piece = piece});
		ck_assert_msg(rows.status == ORASI_END, "%s", rows.error.message);
		ck_assert_uint_eq(rows.rows, BLOCKS * EACH);
		ck_assert_str_eq(rows.schema.data, "x:l");
	}
}
END_TEST

/* ---- projections ------------------------------------------------------------------------------------------------- */

START_TEST(a_projection_gives_the_columns_that_are_wanted_in_their_order)
{
	put_header(&file, PAIRS, NULL);
	put_block(&file, 2, RECORDS("\x02q\x02\x02\x02r\x00"));
	read_file(&file, (struct rows_options){.want = "b:l a:u", .flags = ORASI_OPEN_PROJECT});
	gives("b:l a:u", "{b=1 a=\"q\"}\n{b=null a=\"r\"}\n", "");
	read_file(&file, (struct rows_options){.want = "b:l", .flags = ORASI_OPEN_PROJECT});
	gives("b:l", "{b=1}\n{b=null}\n", "");
	read_file(&file, (struct rows_options){.want = "c:g a:u", .flags = ORASI_OPEN_PROJECT, .feed_piece = 3});
	gives("c:g a:u", "{c=null a=\"q\"}\n{c=null a=\"r\"}\n", "");
	read_file(&file, (struct rows_options){.want = "a:l", .flags = ORASI_OPEN_PROJECT});
	fails(ORASI_E_UNSUPPORTED, "the column 'a' is wanted as 'l', the file has it as 'u'");
}
END_TEST

START_TEST(what_is_stepped_over_may_be_of_any_type)
{
	static const char any[] =
		"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":"
		"{\"type\":\"array\",\"items\":[\"null\",\"double\",\"r\"]}}},{\"name\":\"b\",\"type\":\"boolean\"},"
		"{\"name\":\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"f\",\"size\":2}},{\"name\":\"x\",\"type\":"
		"\"float\"}]}";

	put_header(&file, any, NULL);
	put_block(&file, 1,
	          RECORDS("\x02\x02k\x04\x00\x02\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x01zz\x00\x00\xC0\x3F"));
	read_file(&file, (struct rows_options){.want = "x:f", .flags = ORASI_OPEN_PROJECT});
	gives("x:f", "{x=1.5}\n", "");
}
END_TEST

static void file_cases(Suite *suite)
{
	TCase *tc = tcase_create("files");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_is_no_avro_file_is_told);
	tcase_add_test(tc, a_header_that_is_cut_anywhere_is_told);
	tcase_add_test(tc, a_header_may_come_in_blocks_with_their_size_and_hold_more);
	tcase_add_test(tc, a_header_without_a_schema_or_with_damage_is_told);
	tcase_add_test(tc, a_codec_that_nobody_knows_is_named);
	tcase_add_loop_test(tc, schemas_of_all_forms_are_read, 0, sizeof(schemas) / sizeof(schemas[0]));
	tcase_add_loop_test(tc, schemas_that_cannot_be_are_told_with_their_place, 0,
	                    sizeof(no_schemas) / sizeof(no_schemas[0]));
	tcase_add_test(tc, a_schema_of_endless_values_is_told);
	tcase_add_test(tc, a_schema_too_deep_is_told);
	tcase_add_test(tc, a_small_schema_of_endless_columns_is_told);
	tcase_add_test(tc, blocks_follow_each_other_and_empty_ones_do_not_matter);
	tcase_add_test(tc, a_file_that_is_cut_gives_its_whole_blocks_and_then_fails);
	tcase_add_test(tc, a_block_that_does_not_end_with_the_marker_is_told);
	tcase_add_test(tc, a_block_that_claims_more_than_max_block_is_told);
	tcase_add_loop_test(tc, every_codec_unpacks_what_it_packs, 0, N_CODECS);
	tcase_add_loop_test(tc, every_codec_tells_what_is_too_large_or_cut, 0, N_CODECS);
	tcase_add_loop_test(tc, a_codec_with_a_checksum_tells_a_flipped_bit, 0, 4);
	tcase_add_loop_test(tc, streams_may_follow_each_other, 0, 3);
	tcase_add_loop_test(tc, small_blocks_take_little_memory_however_many_there_are, 1, N_CODECS);
	tcase_add_test(tc, deflate_may_be_followed_by_the_rest_of_a_checksum);
	tcase_add_test(tc, every_split_of_the_bytes_gives_every_row_once);
	tcase_add_test(tc, behind_every_mark_come_the_rows_that_follow);
	tcase_add_test(tc, a_mark_that_cannot_be_of_this_file_is_refused);
	tcase_add_test(tc, a_mark_of_the_range_before_is_refused);
	tcase_add_test(tc, a_task_that_is_cancelled_stops_within_a_record);
	tcase_add_test(tc, rows_come_while_the_file_is_still_being_fed);
	tcase_add_test(tc, a_projection_gives_the_columns_that_are_wanted_in_their_order);
	tcase_add_test(tc, what_is_stepped_over_may_be_of_any_type);
	suite_add_tcase(suite, tc);
}

TEST_MAIN("ingest-avro files", file_cases)
