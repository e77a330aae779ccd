/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata of a Parquet file, as structs.
 * Source: https://github.com/apache/parquet-format (parquet.thrift, Encodings.md, LogicalTypes.md).
 */
#ifndef PARQUET_FORMAT_H
#define PARQUET_FORMAT_H

#include "thrift.h"

enum pq_physical { PQ_BOOLEAN, PQ_INT32, PQ_INT64, PQ_INT96, PQ_FLOAT, PQ_DOUBLE, PQ_BYTE_ARRAY, PQ_FIXED };
enum pq_repetition { PQ_REQUIRED, PQ_OPTIONAL, PQ_REPEATED };
enum pq_encoding {
	PQ_PLAIN = 0,
	PQ_PLAIN_DICTIONARY = 2,
	PQ_RLE = 3,
	PQ_BIT_PACKED = 4,
	PQ_DELTA_BINARY_PACKED = 5,
	PQ_DELTA_LENGTH_BYTE_ARRAY = 6,
	PQ_DELTA_BYTE_ARRAY = 7,
	PQ_RLE_DICTIONARY = 8,
	PQ_BYTE_STREAM_SPLIT = 9,
};
enum pq_codec {
	PQ_UNCOMPRESSED,
	PQ_SNAPPY,
	PQ_GZIP,
	PQ_LZO,
	PQ_BROTLI,
	PQ_LZ4,
	PQ_ZSTD,
	PQ_LZ4_RAW,
};
enum pq_page { PQ_DATA_PAGE, PQ_INDEX_PAGE, PQ_DICTIONARY_PAGE, PQ_DATA_PAGE_V2 };
enum pq_converted {
	PQ_UTF8 = 0,
	PQ_MAP = 1,
	PQ_MAP_KEY_VALUE = 2,
	PQ_LIST = 3,
	PQ_ENUM = 4,
	PQ_DECIMAL = 5,
	PQ_DATE = 6,
	PQ_TIME_MILLIS = 7,
	PQ_TIME_MICROS = 8,
	PQ_TIMESTAMP_MILLIS = 9,
	PQ_TIMESTAMP_MICROS = 10,
	PQ_UINT_8 = 11,
	PQ_UINT_16 = 12,
	PQ_UINT_32 = 13,
	PQ_UINT_64 = 14,
	PQ_INT_8 = 15,
	PQ_INT_16 = 16,
	PQ_INT_32 = 17,
	PQ_INT_64 = 18,
	PQ_JSON = 19,
	PQ_BSON = 20,
	PQ_INTERVAL = 21,
};
/* Field ids of the union LogicalType. */
enum pq_logical {
	PQ_L_NONE = 0,
	PQ_L_STRING = 1,
	PQ_L_MAP = 2,
	PQ_L_LIST = 3,
	PQ_L_ENUM = 4,
	PQ_L_DECIMAL = 5,
	PQ_L_DATE = 6,
	PQ_L_TIME = 7,
	PQ_L_TIMESTAMP = 8,
	PQ_L_INTEGER = 10,
	PQ_L_UNKNOWN = 11,
	PQ_L_JSON = 12,
	PQ_L_BSON = 13,
	PQ_L_UUID = 14,
	PQ_L_FLOAT16 = 15,
	PQ_L_VARIANT = 16,
	PQ_L_GEOMETRY = 17,
	PQ_L_GEOGRAPHY = 18,
};
/* Field ids of the union ColumnOrder: what the bounds of a column were compared by. */
enum pq_order { PQ_ORDER_NONE = 0, PQ_ORDER_TYPE = 1, PQ_ORDER_IEEE754 = 2 };
enum pq_unit { PQ_MILLIS = 1, PQ_MICROS = 2, PQ_NANOS = 3 };

struct pq_element {
	struct thrift_str name;
	int has_type, physical, repetition, type_length, n_children, converted; /* converted -1 = none */
	int logical, unit, utc, bit_width, is_signed;
	int precision, scale;
};

struct pq_stats {
	int has_nulls, has_min, has_max;
	int old_min, old_max; /* of the deprecated fields, which compare bytes as signed */
	int64_t nulls;
	struct thrift_str min, max;
};

/* A piece of the file; length 0: there is none. */
struct pq_place {
	int64_t offset, length;
};

struct pq_column {
	int physical, codec;
	int64_t n_values, total_uncompressed, total_compressed, data_offset, dict_offset; /* dict 0 = none */
	struct pq_stats stats;
	struct pq_place bloom, column_index, offset_index; /* bloom.length 0: unknown */
	int encrypted, elsewhere, has_meta;                /* elsewhere: the values are in another file */
};

struct pq_row_group {
	struct pq_column *columns;
	uint32_t n_columns;
	int64_t rows, first_row;
};

struct pq_file {
	struct pool pool;
	struct pq_element *elements;
	uint32_t n_elements;
	struct pq_row_group *groups;
	uint32_t n_groups;
	int64_t rows;
	uint8_t *orders; /* of each leaf, as far as n_orders; only ORDER_TYPE bounds are used */
	uint32_t n_orders;
};

/* What the page index tells of the pages of a column chunk. */
struct pq_page_place {
	int64_t offset, first_row;
	int32_t size;
};

struct pq_offset_index {
	struct pool pool;
	struct pq_page_place *pages;
	uint32_t n_pages;
};

struct pq_column_index {
	struct pool pool;
	uint32_t n_pages;
	struct pq_stats *pages; /* nulls -1 when not told */
	uint8_t *only_nulls;
};

struct pq_bloom_header {
	int32_t bytes;
	int is_known; /* block-split, XXH64, uncompressed: the one kind there is */
	size_t size;  /* of the header itself */
};

struct pq_page_header {
	int type, encoding, def_encoding, rep_encoding, has_crc, v2_compressed;
	int32_t uncompressed, compressed, n_values, n_nulls, n_rows, def_bytes, rep_bytes;
	uint32_t crc;
	size_t size; /* of the header itself */
};

/* `text` must outlive the file: names and statistics point into it. */
orasi_status pq_file_parse(struct pq_file *file, const uint8_t *text, size_t n, orasi_error *err);
void pq_file_free(struct pq_file *file);
/* ORASI_AGAIN: more bytes than these are needed. */
orasi_status pq_page_header_parse(struct pq_page_header *ret, const uint8_t *p, size_t n, orasi_error *err);
/* The parts of the page index; `text` must outlive them. Damaged ones are an error, which the
 * caller may pass over: an index is a hint. */
orasi_status pq_offset_index_parse(struct pq_offset_index *ret, const uint8_t *text, size_t n, orasi_error *err);
void pq_offset_index_free(struct pq_offset_index *index);
orasi_status pq_column_index_parse(struct pq_column_index *ret, const uint8_t *text, size_t n, orasi_error *err);
void pq_column_index_free(struct pq_column_index *index);
orasi_status pq_bloom_header_parse(struct pq_bloom_header *ret, const uint8_t *p, size_t n, orasi_error *err);

#endif
