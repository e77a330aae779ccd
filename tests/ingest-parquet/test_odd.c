/* SPDX-License-Identifier: Apache-2.0 */
/* What the format allows, or old writers did, and no writer of today makes: each file is put together here, byte by byte, as
 * parquet.thrift, Encodings.md and LogicalTypes.md say it. */
#include <lz4.h>
#include <zlib.h>

#include "ingest-parquet/format.h"
#include "ingest-parquet/helpers.h"

#define NONE (-1)

struct element {
	const char *name;
	int physical; /* NONE: a group */
	int repetition, n_children, converted, type_length, scale, precision;
	int logical; /* one without members */
};

static struct bytes file;
static struct {
	int codec;
	int64_t n_values, begin, data_offset, dict_offset;
} chunk;

static void begin(int codec)
{
	file.len = 0;
	bytes_put(&file, "PAR1", 4);
	memset(&chunk, 0, sizeof(chunk));
	chunk.codec = codec;
	chunk.begin = chunk.data_offset = 4;
}

/* ---- pages ----------------------------------------------------------------------------------- */

struct page {
	int type, n_values, encoding, levels; /* the encoding of levels; 0: RLE */
	const void *body;
	size_t len, uncompressed; /* 0: as it is */
	int n_nulls, n_rows, def_bytes, rep_bytes, compressed;
};

static void put_page(const struct page *p)
{
	struct thrift_writer w = {.out = file};

	thrift_put_int(&w, 1, THRIFT_I32, p->type);
	thrift_put_int(&w, 2, THRIFT_I32, (int64_t)(p->uncompressed ? p->uncompressed : p->len));
	thrift_put_int(&w, 3, THRIFT_I32, (int64_t)p->len);
	if (p->type == PQ_DATA_PAGE_V2) {
		thrift_put_struct(&w, 8);
		thrift_put_int(&w, 1, THRIFT_I32, p->n_values);
		thrift_put_int(&w, 2, THRIFT_I32, p->n_nulls);
		thrift_put_int(&w, 3, THRIFT_I32, p->n_rows);
		thrift_put_int(&w, 4, THRIFT_I32, p->encoding);
		thrift_put_int(&w, 5, THRIFT_I32, p->def_bytes);
		thrift_put_int(&w, 6, THRIFT_I32, p->rep_bytes);
		thrift_put_bool(&w, 7, p->compressed);
		thrift_end(&w);
	} else {
		thrift_put_struct(&w, p->type == PQ_DICTIONARY_PAGE ? 7 : p->type == PQ_INDEX_PAGE ? 6 : 5);
		if (p->type != PQ_INDEX_PAGE) {
			thrift_put_int(&w, 1, THRIFT_I32, p->n_values);
			thrift_put_int(&w, 2, THRIFT_I32, p->encoding);
		}
		if (p->type == PQ_DATA_PAGE) {
			thrift_put_int(&w, 3, THRIFT_I32, p->levels ? p->levels : PQ_RLE);
			thrift_put_int(&w, 4, THRIFT_I32, p->levels ? p->levels : PQ_RLE);
		}
		thrift_end(&w);
	}
	thrift_end(&w);
	file = w.out;
	bytes_put(&file, p->body, p->len);
	chunk.n_values += p->type == PQ_DATA_PAGE || p->type == PQ_DATA_PAGE_V2 ? p->n_values : 0;
}

#define BODY(...) .body = (const uint8_t[]){__VA_ARGS__}, .len = sizeof((const uint8_t[]){__VA_ARGS__})
#define PAGE(...) put_page(&(struct page){.type = PQ_DATA_PAGE, __VA_ARGS__})
#define INT(n) n, 0, 0, 0

/* ---- the footer -------------------------------------------------------------------------------- */

static void put_element(struct thrift_writer *w, const struct element *e)
{
	thrift_item_struct(w);
	if (e->physical != NONE)
		thrift_put_int(w, 1, THRIFT_I32, e->physical);
	if (e->type_length)
		thrift_put_int(w, 2, THRIFT_I32, e->type_length);
	thrift_put_int(w, 3, THRIFT_I32, e->repetition);
	thrift_put_binary(w, 4, e->name, strlen(e->name));
	if (e->n_children)
		thrift_put_int(w, 5, THRIFT_I32, e->n_children);
	if (e->converted != NONE)
		thrift_put_int(w, 6, THRIFT_I32, e->converted);
	if (e->precision) {
		thrift_put_int(w, 7, THRIFT_I32, e->scale);
		thrift_put_int(w, 8, THRIFT_I32, e->precision);
	}
	if (e->logical) {
		thrift_put_struct(w, 10);
		thrift_put_struct(w, e->logical);
		thrift_end(w);
		thrift_end(w);
	}
	thrift_end(w);
}

static void put_group(struct thrift_writer *w, int physical, int64_t end, int64_t rows)
{
	thrift_item_struct(w);
	thrift_put_list(w, 1, THRIFT_STRUCT, 1);
	thrift_item_struct(w);
	thrift_put_int(w, 2, THRIFT_I64, 0);
	thrift_put_struct(w, 3);
	thrift_put_int(w, 1, THRIFT_I32, physical);
	thrift_put_int(w, 4, THRIFT_I32, chunk.codec);
	thrift_put_int(w, 5, THRIFT_I64, chunk.n_values);
	thrift_put_int(w, 6, THRIFT_I64, end - chunk.begin);
	thrift_put_int(w, 7, THRIFT_I64, end - chunk.begin);
	thrift_put_int(w, 9, THRIFT_I64, chunk.data_offset);
	if (chunk.dict_offset)
		thrift_put_int(w, 11, THRIFT_I64, chunk.dict_offset);
	thrift_end(w);
	thrift_end(w);
	thrift_put_int(w, 3, THRIFT_I64, rows);
	thrift_end(w);
}

/* One column, which is the last element; those before it are around it. As many row groups say that it is theirs. */
static void finish_groups(const struct element *elements, uint32_t n, int64_t rows, uint32_t groups)
{
	const struct element root = {"root", NONE, 0, 1, NONE, 0, 0, 0, 0};
	size_t end = file.len, len;
	struct thrift_writer w = {.out = file};
	uint32_t narrow;

	thrift_put_int(&w, 1, THRIFT_I32, 1);
	thrift_put_list(&w, 2, THRIFT_STRUCT, n + 1);
	put_element(&w, &root);
	for (uint32_t i = 0; i < n; i++)
		put_element(&w, &elements[i]);
	thrift_put_int(&w, 3, THRIFT_I64, rows * groups);
	thrift_put_list(&w, 4, THRIFT_STRUCT, groups);
	for (uint32_t i = 0; i < groups; i++)
		put_group(&w, elements[n - 1].physical, (int64_t)end, rows);
	thrift_end(&w);
	file = w.out;
	len = file.len - end;
	narrow = (uint32_t)len;
	bytes_put(&file, &narrow, 4);
	bytes_put(&file, "PAR1", 4);
}

static void finish(const struct element *elements, uint32_t n, int64_t rows)
{
	finish_groups(elements, n, rows, 1);
}

/* Rows as tables_io prints them: numbers as text, bytes in hex. */
static void assert_rows(const char *want)
{
	struct buf got;
	uint64_t n;

	buf_init(&got, 0);
	ck_assert_msg(decode_each(file.data, file.len, &(orasi_ingest_open){0}, add_json, &got, &n) == ORASI_END, "%s",
	              error.message);
	ck_assert_str_eq(got.data, want);
	buf_done(&got);
}

static void assert_refused(orasi_status status, const char *says)
{
	uint64_t n;

	ck_assert_int_eq(decode(file.data, file.len, &(orasi_ingest_open){0}, NULL, &n), status);
	ck_assert_msg(strstr(error.message, says) != NULL, "%s", error.message);
}

static const struct element optional_int = {"c", PQ_INT32, PQ_OPTIONAL, 0, NONE, 0, 0, 0, 0};
static const struct element required_int = {"c", PQ_INT32, PQ_REQUIRED, 0, NONE, 0, 0, 0, 0};

/* ---- levels ------------------------------------------------------------------------------------ */

START_TEST(levels_may_be_packed_from_the_highest_bit)
{
	static const struct element repeated = {"c", PQ_INT32, PQ_REPEATED, 0, NONE, 0, 0, 0, 0};

	begin(PQ_UNCOMPRESSED);
	PAGE(.n_values = 5, .levels = PQ_BIT_PACKED, BODY(0xB0, INT(1), INT(2), INT(3)));
	finish(&optional_int, 1, 5);
	assert_rows("[\"1\"]\n[null]\n[\"2\"]\n[\"3\"]\n[null]\n");
	begin(PQ_UNCOMPRESSED);
	PAGE(.n_values = 4, .levels = PQ_BIT_PACKED, BODY(0x40, 0xD0, INT(1), INT(2), INT(3)));
	finish(&repeated, 1, 3);
	assert_rows("[[\"1\",\"2\"]]\n[[]]\n[[\"3\"]]\n");
}
END_TEST

/* ---- types -------------------------------------------------------------------------------------- */

static const struct {
	struct element element;
	uint8_t bytes[24];
	uint8_t len;
	const char *row;
} types[] = {
	{{"c", PQ_INT96, 0, 0, NONE, 0, 0, 0, 0},
         {0x40, 0x42, 0x0F, 0, 0, 0, 0, 0, 0x8C, 0x3D, 0x25, 0},
         12,
         "\"1000\""},
	{{"c", PQ_BYTE_ARRAY, 0, 0, PQ_DECIMAL, 0, 2, 9, 0}, {2, 0, 0, 0, 0xFF, 0x9C}, 6, "\"-100\""},
	{{"c", PQ_BYTE_ARRAY, 0, 0, PQ_DECIMAL, 0, 2, 9, 0}, {3, 0, 0, 0, 0, 0, 200}, 7, "\"200\""},
	{{"c", PQ_FIXED, 0, 0, PQ_DECIMAL, 5, 1, 11, 0}, {0xFF, 0xFF, 0xFF, 0xFF, 0xFE}, 5, "\"-2\""},
	{{"c", PQ_INT32, 0, 0, PQ_DECIMAL, 0, 1, 4, 0}, {0xFE, 0xFF, 0xFF, 0xFF}, 4, "\"-2\""},
	{{"c", PQ_INT64, 0, 0, PQ_DECIMAL, 0, 1, 18, 0}, {7}, 8, "\"7\""},
	{{"c", PQ_FIXED, 0, 0, NONE, 2, 0, 0, PQ_L_FLOAT16}, {0, 0x3C}, 2, "\"3ff0000000000000\""},
	{{"c", PQ_BYTE_ARRAY, 0, 0, PQ_UTF8, 0, 0, 0, 0}, {2, 0, 0, 0, 0xC3, 0xA4}, 6, "\"c3a4\""},
	{{"c", PQ_BYTE_ARRAY, 0, 0, PQ_ENUM, 0, 0, 0, 0}, {1, 0, 0, 0, 'e'}, 5, "\"65\""},
	{{"c", PQ_BYTE_ARRAY, 0, 0, PQ_JSON, 0, 0, 0, 0}, {2, 0, 0, 0, '{', '}'}, 6, "\"7b7d\""},
	{{"c", PQ_BYTE_ARRAY, 0, 0, PQ_BSON, 0, 0, 0, 0}, {1, 0, 0, 0, 5}, 5, "\"05\""},
	{{"c", PQ_INT32, 0, 0, PQ_DATE, 0, 0, 0, 0}, {0xFF, 0xFF, 0xFF, 0xFF}, 4, "\"-1\""},
	{{"c", PQ_INT32, 0, 0, PQ_TIME_MILLIS, 0, 0, 0, 0}, {0xE8, 3}, 4, "\"1000\""},
	{{"c", PQ_INT64, 0, 0, PQ_TIME_MICROS, 0, 0, 0, 0}, {0xE8, 3}, 8, "\"1000\""},
	{{"c", PQ_INT64, 0, 0, PQ_TIMESTAMP_MILLIS, 0, 0, 0, 0}, {0xE8, 3}, 8, "\"1000\""},
	{{"c", PQ_INT64, 0, 0, PQ_TIMESTAMP_MICROS, 0, 0, 0, 0}, {0xE8, 3}, 8, "\"1000\""},
	{{"c", PQ_INT32, 0, 0, PQ_UINT_8, 0, 0, 0, 0}, {200}, 4, "\"200\""},
	{{"c", PQ_INT32, 0, 0, PQ_UINT_16, 0, 0, 0, 0}, {0xFF, 0xFF}, 4, "\"65535\""},
	{{"c", PQ_INT32, 0, 0, PQ_UINT_32, 0, 0, 0, 0}, {0xFF, 0xFF, 0xFF, 0xFF}, 4, "\"4294967295\""},
	{{"c", PQ_INT64, 0, 0, PQ_UINT_64, 0, 0, 0, 0},
         {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
         8,
         "\"18446744073709551615\""},
	{{"c", PQ_INT32, 0, 0, PQ_INT_8, 0, 0, 0, 0}, {0xFB, 0xFF, 0xFF, 0xFF}, 4, "\"-5\""},
	{{"c", PQ_INT32, 0, 0, PQ_INT_16, 0, 0, 0, 0}, {0xFB, 0xFF, 0xFF, 0xFF}, 4, "\"-5\""},
	/* P1M2DT0.003S */
	{{"c", PQ_FIXED, 0, 0, PQ_INTERVAL, 12, 0, 0, 0},
         {1, 0, 0, 0, 2, 0, 0, 0, 3},
         12,
         "\"50314d324454302e30303353\""},
};

START_TEST(types_are_told_by_what_old_writers_said)
{
	char want[64];

	begin(PQ_UNCOMPRESSED);
	PAGE(.n_values = 1, .body = types[_i].bytes, .len = types[_i].len);
	finish(&types[_i].element, 1, 1);
	snprintf(want, sizeof(want), "[%s]\n", types[_i].row);
	assert_rows(want);
}
END_TEST

/* Not the plugin's fault, and not the host's to find. A reader of tables takes it as it is. */
START_TEST(text_that_is_none_is_named_with_its_place)
{
	static const struct element text = {"c", PQ_BYTE_ARRAY, 0, 0, PQ_UTF8, 0, 0, 0, 0};

	begin(PQ_UNCOMPRESSED);
	PAGE(.n_values = 2, BODY(1, 0, 0, 0, 'a', 2, 0, 0, 0, 0xC3, 'b'));
	finish(&text, 1, 2);
	assert_refused(ORASI_E_CORRUPT, "column 'c', page at byte 4: value 1 is text by its type and no valid UTF-8");
	begin(PQ_UNCOMPRESSED);
	put_page(&(struct page){.type = PQ_DICTIONARY_PAGE, .n_values = 1, BODY(1, 0, 0, 0, 0xFF)});
	PAGE(.n_values = 1, .encoding = PQ_RLE_DICTIONARY, BODY(1, 2, 0));
	finish(&text, 1, 1);
	assert_refused(ORASI_E_CORRUPT, "value 0 is text by its type");
}
END_TEST

/* ---- lists ---------------------------------------------------------------------------------------- */

#define GROUP(name, repetition, n, converted)                    \
	{                                                        \
		name, NONE, repetition, n, converted, 0, 0, 0, 0 \
	}
#define LEAF(name, repetition)                                  \
	{                                                       \
		name, PQ_INT32, repetition, 0, NONE, 0, 0, 0, 0 \
	}

/* Rows [1, 2], null and [] of an optional list of required numbers. */
static const struct {
	struct element elements[4];
	uint32_t n;
	const char *rows;
} lists[] = {
	{{GROUP("c", PQ_OPTIONAL, 1, PQ_LIST), LEAF("array", PQ_REPEATED)}, 2, "[[\"1\",\"2\"]]\n[null]\n[[]]\n"},
	{{GROUP("c", PQ_OPTIONAL, 1, PQ_LIST), GROUP("list", PQ_REPEATED, 1, NONE), LEAF("element", PQ_REQUIRED)},
         3,
         "[[\"1\",\"2\"]]\n[null]\n[[]]\n"},
	{{GROUP("c", PQ_OPTIONAL, 1, PQ_LIST), GROUP("bag", PQ_REPEATED, 1, NONE), LEAF("array_element", PQ_REQUIRED)},
         3,
         "[[\"1\",\"2\"]]\n[null]\n[[]]\n"},
	{{GROUP("c", PQ_OPTIONAL, 1, PQ_LIST), GROUP("array", PQ_REPEATED, 1, NONE), LEAF("x", PQ_REQUIRED)},
         3,
         "[[[\"1\"],[\"2\"]]]\n[null]\n[[]]\n"},
	{{GROUP("c", PQ_OPTIONAL, 1, PQ_LIST), GROUP("c_tuple", PQ_REPEATED, 1, NONE), LEAF("x", PQ_REQUIRED)},
         3,
         "[[[\"1\"],[\"2\"]]]\n[null]\n[[]]\n"},
	/* Without annotation: a struct with a list that is never null. */
	{{GROUP("c", PQ_OPTIONAL, 1, NONE), LEAF("x", PQ_REPEATED)}, 2, "[[[\"1\",\"2\"]]]\n[null]\n[[[]]]\n"},
	{{GROUP("c", PQ_OPTIONAL, 1, NONE), GROUP("x", PQ_REPEATED, 1, NONE), LEAF("y", PQ_REQUIRED)},
         3,
         "[[[[\"1\"],[\"2\"]]]]\n[null]\n[[[]]]\n"},
	/* A map without values is a list of its keys. */
	{{GROUP("c", PQ_OPTIONAL, 1, PQ_MAP), GROUP("key_value", PQ_REPEATED, 1, NONE), LEAF("key", PQ_REQUIRED)},
         3,
         "[[\"1\",\"2\"]]\n[null]\n[[]]\n"},
};

START_TEST(lists_have_many_layouts)
{
	begin(PQ_UNCOMPRESSED);
	/* levels rep 0 1 0 0, def 2 2 0 1: one group of eight, packed from the lowest bit, in 1 and in 2 bits */
	PAGE(.n_values = 4, BODY(INT(2), 3, 0x02, INT(3), 3, 0x4A, 0x00, INT(1), INT(2)));
	finish(lists[_i].elements, lists[_i].n, 3);
	assert_rows(lists[_i].rows);
}
END_TEST

/* ---- pages ------------------------------------------------------------------------------------------ */

#define DICTIONARY() put_page(&(struct page){.type = PQ_DICTIONARY_PAGE, .n_values = 2, BODY(INT(7), INT(8))})
/* Numbers 1 0 1 in one bit each. */
#define NUMBERS() PAGE(.n_values = 3, .encoding = PQ_RLE_DICTIONARY, BODY(1, 3, 0x05))

START_TEST(a_dictionary_may_stand_in_odd_places)
{
	static const char rows[] = "[\"8\"]\n[\"7\"]\n[\"8\"]\n";

	begin(PQ_UNCOMPRESSED); /* only the data's offset points to it */
	DICTIONARY();
	NUMBERS();
	finish(&required_int, 1, 3);
	assert_rows(rows);
	begin(PQ_UNCOMPRESSED); /* bytes of nobody before and after it */
	bytes_put(&file, "xxxxx", 5);
	chunk.dict_offset = chunk.begin = (int64_t)file.len;
	DICTIONARY();
	bytes_put(&file, "yyy", 3);
	chunk.data_offset = (int64_t)file.len;
	NUMBERS();
	finish(&required_int, 1, 3);
	assert_rows(rows);
	begin(PQ_UNCOMPRESSED); /* behind the data */
	NUMBERS();
	chunk.dict_offset = (int64_t)file.len;
	DICTIONARY();
	finish(&required_int, 1, 3);
	assert_rows(rows);
}
END_TEST

START_TEST(pages_may_be_empty_or_of_another_kind)
{
	begin(PQ_UNCOMPRESSED);
	PAGE(.n_values = 0, .len = 0);
	PAGE(.n_values = 1, BODY(INT(1)));
	PAGE(.n_values = 0, .len = 0);
	put_page(&(struct page){.type = PQ_INDEX_PAGE, BODY(1, 2, 3)});
	PAGE(.n_values = 1, BODY(INT(2)));
	PAGE(.n_values = 0, .len = 0);
	finish(&required_int, 1, 2);
	assert_rows("[\"1\"]\n[\"2\"]\n");
	begin(PQ_UNCOMPRESSED); /* nulls only: levels, and not one value */
	PAGE(.n_values = 3, BODY(INT(2), 6, 0));
	finish(&optional_int, 1, 3);
	assert_rows("[null]\n[null]\n[null]\n");
	begin(PQ_SNAPPY); /* v2, nothing behind its levels */
	put_page(&(struct page){.type = PQ_DATA_PAGE_V2,
	                        .n_values = 3,
	                        .n_nulls = 3,
	                        .n_rows = 3,
	                        .def_bytes = 2,
	                        .compressed = 1,
	                        BODY(6, 0)});
	finish(&optional_int, 1, 3);
	assert_rows("[null]\n[null]\n[null]\n");
}
END_TEST

START_TEST(a_v2_page_may_be_stored_whatever_the_codec_is)
{
	begin(PQ_SNAPPY);
	put_page(&(struct page){.type = PQ_DATA_PAGE_V2,
	                        .n_values = 2,
	                        .n_rows = 2,
	                        .n_nulls = 1,
	                        .def_bytes = 2,
	                        BODY(3, 0x01, INT(5))});
	finish(&optional_int, 1, 2);
	assert_rows("[\"5\"]\n[null]\n");
}
END_TEST

/* ---- codecs ----------------------------------------------------------------------------------------- */

static size_t gzip(const void *p, size_t n, uint8_t *to, size_t cap)
{
	z_stream z = {.next_in = (Bytef *)p, .avail_in = (uInt)n, .next_out = to, .avail_out = (uInt)cap};

	ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return cap - z.avail_out;
}

static void big_endian(uint8_t *to, size_t n)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(n >> (24 - 8 * i));
}

START_TEST(a_page_may_be_of_many_gzip_members)
{
	static const uint8_t raw[] = {INT(1), INT(2), INT(3)};
	uint8_t packed[200];
	size_t n = gzip(raw, 5, packed, 100);

	n += gzip(raw + 5, sizeof(raw) - 5, packed + n, 100);
	begin(PQ_GZIP);
	PAGE(.n_values = 3, .body = packed, .len = n, .uncompressed = sizeof(raw));
	finish(&required_int, 1, 3);
	assert_rows("[\"1\"]\n[\"2\"]\n[\"3\"]\n");
}
END_TEST

START_TEST(the_old_lz4_is_frames_of_hadoop_or_a_block)
{
	static const uint8_t raw[] = {INT(1), INT(2), INT(3)};
	uint8_t packed[200];
	int n = LZ4_compress_default((const char *)raw, (char *)packed + 8, sizeof(raw), 100);

	begin(PQ_LZ4);
	PAGE(.n_values = 3, .body = packed + 8, .len = (size_t)n, .uncompressed = sizeof(raw));
	finish(&required_int, 1, 3);
	assert_rows("[\"1\"]\n[\"2\"]\n[\"3\"]\n");
	big_endian(packed, sizeof(raw));
	big_endian(packed + 4, (size_t)n);
	begin(PQ_LZ4);
	PAGE(.n_values = 3, .body = packed, .len = (size_t)n + 8, .uncompressed = sizeof(raw));
	finish(&required_int, 1, 3);
	assert_rows("[\"1\"]\n[\"2\"]\n[\"3\"]\n");
}
END_TEST

/* ---- what cannot be ---------------------------------------------------------------------------------------- */

/* The format does not forbid it: the footer says how many rows there are. */
START_TEST(row_groups_that_overlap_are_rows_again)
{
	begin(PQ_UNCOMPRESSED);
	PAGE(.n_values = 2, BODY(INT(1), INT(2)));
	finish_groups(&required_int, 1, 2, 3);
	assert_rows("[\"1\"]\n[\"2\"]\n[\"1\"]\n[\"2\"]\n[\"1\"]\n[\"2\"]\n");
}
END_TEST

static const int64_t absurd[] = {3, 1000, INT32_MAX, INT64_MAX / 2, INT64_MAX, INT64_MIN, -1};

START_TEST(counts_and_places_that_cannot_be_are_damage)
{
	begin(PQ_UNCOMPRESSED); /* rows that the chunk does not have */
	PAGE(.n_values = 2, BODY(INT(1), INT(2)));
	finish(&required_int, 1, absurd[_i]);
	assert_refused(ORASI_E_CORRUPT, "");
	begin(PQ_UNCOMPRESSED); /* values that the pages do not have */
	PAGE(.n_values = 2, BODY(INT(1), INT(2)));
	chunk.n_values = absurd[_i];
	finish(&required_int, 1, absurd[_i]);
	assert_refused(ORASI_E_CORRUPT, "");
	begin(PQ_UNCOMPRESSED); /* pages that are not in the file */
	PAGE(.n_values = 2, BODY(INT(1), INT(2)));
	chunk.data_offset = absurd[_i] == 3 ? 1 : absurd[_i];
	finish(&required_int, 1, 2);
	assert_refused(ORASI_E_CORRUPT, "");
	begin(PQ_UNCOMPRESSED); /* a dictionary that is not in the file */
	NUMBERS();
	chunk.dict_offset = absurd[_i];
	finish(&required_int, 1, 3);
	assert_refused(ORASI_E_CORRUPT, "");
}
END_TEST

START_TEST(a_page_is_no_longer_than_its_bytes_can_make_it)
{
	struct element wide = {"c", PQ_FIXED, PQ_REQUIRED, 0, NONE, 1 << 30, 0, 0, 0};

	begin(PQ_SNAPPY); /* two gigabytes of two bytes */
	PAGE(.n_values = 2, .uncompressed = INT32_MAX, BODY(0xFF, 0xFF));
	finish(&required_int, 1, 2);
	assert_refused(ORASI_E_CORRUPT, "longer than its bytes");
	begin(PQ_UNCOMPRESSED); /* nulls of one run, more than a page may have */
	PAGE(.n_values = INT32_MAX, BODY(INT(6), 0xFE, 0xFF, 0xFF, 0xFF, 0x0F, 0));
	finish(&optional_int, 1, INT32_MAX);
	assert_refused(ORASI_E_CORRUPT, "more bytes or values");
	begin(PQ_UNCOMPRESSED);
	PAGE(.n_values = 1, BODY(INT(1)));
	finish(&wide, 1, 1);
	assert_refused(ORASI_E_CORRUPT, "schema");
}
END_TEST

/* ---- what is not known --------------------------------------------------------------------------------- */

START_TEST(what_is_not_known_is_refused_by_name)
{
	struct element strange = required_int;

	begin(PQ_LZO);
	PAGE(.n_values = 1, BODY(INT(1)));
	finish(&required_int, 1, 1);
	assert_refused(ORASI_E_UNSUPPORTED, "lzo");
	begin(42);
	PAGE(.n_values = 1, BODY(INT(1)));
	finish(&required_int, 1, 1);
	assert_refused(ORASI_E_UNSUPPORTED, "not supported");
	begin(PQ_UNCOMPRESSED);
	PAGE(.n_values = 1, .encoding = 99, BODY(INT(1)));
	finish(&required_int, 1, 1);
	assert_refused(ORASI_E_UNSUPPORTED, "99");
	strange.physical = 8;
	begin(PQ_UNCOMPRESSED);
	PAGE(.n_values = 1, BODY(INT(1)));
	finish(&strange, 1, 1);
	assert_refused(ORASI_E_UNSUPPORTED, "type 8");
}
END_TEST

static void odd_cases(Suite *suite)
{
	TCase *c = tcase_create("odd");

	tcase_add_checked_fixture(c, helpers_set_up, helpers_tear_down);
	tcase_add_test(c, levels_may_be_packed_from_the_highest_bit);
	tcase_add_loop_test(c, types_are_told_by_what_old_writers_said, 0, sizeof(types) / sizeof(types[0]));
	tcase_add_test(c, text_that_is_none_is_named_with_its_place);
	tcase_add_loop_test(c, lists_have_many_layouts, 0, sizeof(lists) / sizeof(lists[0]));
	tcase_add_test(c, a_dictionary_may_stand_in_odd_places);
	tcase_add_test(c, pages_may_be_empty_or_of_another_kind);
	tcase_add_test(c, a_v2_page_may_be_stored_whatever_the_codec_is);
	tcase_add_test(c, a_page_may_be_of_many_gzip_members);
	tcase_add_test(c, the_old_lz4_is_frames_of_hadoop_or_a_block);
	tcase_add_test(c, row_groups_that_overlap_are_rows_again);
	tcase_add_loop_test(c, counts_and_places_that_cannot_be_are_damage, 0, sizeof(absurd) / sizeof(absurd[0]));
	tcase_add_test(c, a_page_is_no_longer_than_its_bytes_can_make_it);
	tcase_add_test(c, what_is_not_known_is_refused_by_name);
	suite_add_tcase(suite, c);
}

TEST_MAIN("odd", odd_cases)
