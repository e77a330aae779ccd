/* SPDX-License-Identifier: Apache-2.0 */
/* Levels of a page: where values are null, and where rows and lists begin. */
#include "leaf_page.h"

static orasi_status decode_levels(struct leaf *leaf, struct bytes *ret, const uint8_t *p, size_t len, size_t n, int max,
                                  int encoding, orasi_error *err)
{
	struct rle_reader rle;
	int width = bit_width((uint32_t)max);
	uint32_t only;
	uint8_t highest = 0;

	ret->len = 0;
	if (bytes_reserve(ret, n + 1))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	if (encoding == PQ_BIT_PACKED) {
		/* The deprecated form: most significant bit first, no runs. */
		if (n * (size_t)width > len * 8)
			return leaf_damaged(leaf, err, "its levels end early");
		for (size_t i = 0, bit = 0; i < n; i++) {
			ret->data[i] = 0;
			for (int k = 0; k < width; k++, bit++)
				ret->data[i] = (uint8_t)(ret->data[i] << 1 | (p[bit / 8] >> (7 - bit % 8) & 1u));
		}
	} else {
		rle_open(&rle, p, len, width);
		if (n && rle_is_one_run(&rle, n, &only) && only <= (uint32_t)max) {
			memset(ret->data, (int)only, n);
			ret->len = n;
			leaf->one_level = (int)only;
			return ORASI_OK;
		}
		if (rle_decode_levels(&rle, ret->data, n))
			return leaf_damaged(leaf, err, "its levels end early");
	}
	leaf->one_level = -1;
	for (size_t i = 0; i < n; i++)
		highest = ret->data[i] > highest ? ret->data[i] : highest;
	if (highest > max)
		return leaf_damaged(leaf, err, "a level is higher than the schema allows");
	ret->len = n;
	return ORASI_OK;
}

/* V1: a u32 length in front of RLE levels; bit-packed ones have the length that their count gives.
 */
static orasi_status levels_v1(struct leaf *leaf, struct bytes *ret, const uint8_t **at, const uint8_t *end, size_t n,
                              int max, int encoding, orasi_error *err)
{
	uint32_t len;
	orasi_status r;

	if (!max)
		return ORASI_OK;
	if (encoding == PQ_BIT_PACKED) {
		len = (uint32_t)((n * (size_t)bit_width((uint32_t)max) + 7) / 8);
	} else {
		if (end - *at < 4)
			return leaf_damaged(leaf, err, "its levels have no length");
		memcpy(&len, *at, 4);
		*at += 4;
	}
	if (len > (size_t)(end - *at))
		return leaf_damaged(leaf, err, "its levels are longer than the page");
	r = decode_levels(leaf, ret, *at, len, n, max, encoding, err);
	*at += len;
	return r;
}

orasi_status leaf_read_levels(struct leaf *leaf, const struct pq_page_header *h, const uint8_t **at, const uint8_t *end,
                              orasi_error *err)
{
	size_t n = (size_t)h->n_values;
	orasi_status r;

	if (h->type == PQ_DATA_PAGE) {
		r = levels_v1(leaf, &leaf->rep, at, end, n, leaf->node->rep, h->rep_encoding, err);
		return r ? r : levels_v1(leaf, &leaf->def, at, end, n, leaf->node->def, h->def_encoding, err);
	}
	r = leaf->node->rep
	            ? decode_levels(leaf, &leaf->rep, *at, (size_t)h->rep_bytes, n, leaf->node->rep, PQ_RLE, err)
	            : ORASI_OK;
	*at += h->rep_bytes;
	if (!r && leaf->node->def)
		r = decode_levels(leaf, &leaf->def, *at, (size_t)h->def_bytes, n, leaf->node->def, PQ_RLE, err);
	*at += h->def_bytes;
	return r;
}

size_t leaf_count_values(const struct leaf *leaf, size_t n)
{
	size_t values = 0;

	if (!leaf->node->def)
		return n;
	if (leaf->one_level >= 0)
		return leaf->one_level == leaf->node->def ? n : 0;
	for (size_t i = 0; i < n; i++)
		values += leaf->def.data[i] == leaf->node->def;
	return values;
}
