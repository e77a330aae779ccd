/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as one part of a Parquet file: the first byte chooses which, the next ones how it is
 * asked for, the others are the part. Values are looked at, so that a wrong slice is found. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "ingest-parquet/hash.h"
#include "ingest-parquet/leaf.h"

static const int encodings[] = {PQ_PLAIN,
                                PQ_RLE,
                                PQ_DELTA_BINARY_PACKED,
                                PQ_DELTA_LENGTH_BYTE_ARRAY,
                                PQ_DELTA_BYTE_ARRAY,
                                PQ_BYTE_STREAM_SPLIT};
static const enum node_spell spells[] = {SPELL_NO, SPELL_DECIMAL, SPELL_UUID, SPELL_INTERVAL};
static const int spelled_sizes[] = {5, 17, 16, 12};

static volatile unsigned seen;

static void look_at(const struct values *v)
{
	for (size_t i = 0; i < v->n; i++) {
		const uint8_t *p = v->width ? v->base + i * v->width : v->slices[i].ptr;
		size_t n = v->width ? v->width : v->slices[i].len;

		if (n)
			seen += p[0] + p[n - 1];
	}
}

static void try_values(const uint8_t *p, size_t n)
{
	struct node node = {.name = "x", .physical = p[0] % 8, .spell = SPELL_NO, .type_length = 5};
	struct values values = {0};
	uint8_t *copy = malloc(n + SLACK); /* pages have so much room behind */

	if (node.physical == PQ_FIXED || node.physical == PQ_BYTE_ARRAY) {
		node.spell = spells[p[0] >> 3 & 3];
		node.type_length = spelled_sizes[p[0] >> 3 & 3];
		if (node.physical == PQ_BYTE_ARRAY && node.spell != SPELL_NO)
			node.spell = SPELL_DECIMAL;
		node.scale = p[0] >> 6;
	}
	memcpy(copy, p, n);
	if (!values_decode(&values, &node, encodings[p[1] % 6], copy + 4, n - 4, (size_t)p[2] << (p[3] & 7), NULL))
		look_at(&values);
	values_done(&values);
	free(copy);
}

static void try_runs(const uint8_t *p, size_t n)
{
	struct rle_reader r;
	uint32_t numbers[300];
	uint8_t levels[300];

	rle_open(&r, p + 4, n - 4, p[0] % 33);
	rle_decode(&r, numbers, p[1]);
	rle_open(&r, p + 4, n - 4, p[0] % 9);
	for (int i = 0; i < 3; i++)
		rle_decode_levels(&r, levels, p[2]);
}

static void try_metadata(const uint8_t *p, size_t n)
{
	struct pq_file file;
	struct pq_page_header header;
	struct pq_offset_index places;
	struct pq_column_index index;
	struct pq_bloom_header bloom;
	struct tree tree;

	switch (p[0] % 5) {
	case 0:
		if (!pq_file_parse(&file, p + 4, n - 4, NULL)) {
			tree_from_parquet(&tree, &file, NULL);
			tree_free(&tree);
		}
		pq_file_free(&file);
		break;
	case 1:
		pq_page_header_parse(&header, p + 4, n - 4, NULL);
		break;
	case 2:
		pq_offset_index_parse(&places, p + 4, n - 4, NULL);
		pq_offset_index_free(&places);
		break;
	case 3:
		pq_column_index_parse(&index, p + 4, n - 4, NULL);
		pq_column_index_free(&index);
		break;
	default:
		pq_bloom_header_parse(&bloom, p + 4, n - 4, NULL);
	}
}

static void try_codec(const uint8_t *p, size_t n)
{
	struct codec codec = {.id = p[0] % 9};
	size_t len = (size_t)p[1] << (p[2] & 7);
	uint8_t *out = malloc(len + 1);

	codec_decompress(&codec, p + 4, n - 4, out, len, NULL);
	codec_done(&codec);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parts[])(const uint8_t *, size_t) = {try_values, try_runs, try_metadata, try_codec};

	if (size >= 6)
		parts[data[0] % 4](data + 1, size - 1);
	return 0;
}
