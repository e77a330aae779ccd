/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a row group for one column: its dictionary, its pages, later its bloom filter go into the file, and the
 * footer is told where. */
#include "column_page.h"
#include "hash.h"

#define BLOOM_MAX (1u << 20)

static orasi_status write_out(orasi_output *output, const struct bytes *b, uint64_t *at, orasi_error *err)
{
	orasi_status r = b->len ? output->write(output, b->data, b->len, err) : ORASI_OK;

	*at += b->len;
	return r;
}

static orasi_status write_dictionary(struct column *c, orasi_output *output, uint64_t *at, orasi_error *err)
{
	struct bytes page = {0};
	orasi_status r = column_put_page(c, &page, PQ_DICTIONARY_PAGE, &c->dict.entries, c->dict.n, PQ_PLAIN, err);

	if (!r)
		r = write_out(output, &page, at, err);
	bytes_free(&page);
	return r;
}

orasi_status column_flush(struct column *c, orasi_output *output, uint64_t *at, struct chunk_meta *ret,
                          orasi_error *err)
{
	uint64_t start = *at;
	orasi_status r = column_flush_page(c, err);

	memset(ret, 0, sizeof(*ret));
	if (!r && c->dict_pages) {
		ret->dict_offset = (int64_t)*at;
		r = column_hash_entries(c) ? column_no_memory(err) : write_dictionary(c, output, at, err);
	}
	ret->data_offset = (int64_t)*at;
	if (!r)
		r = write_out(output, &c->chunk, at, err);
	ret->codec = c->codec == UNDECIDED ? c->tools->codec_id : c->codec;
	ret->encoding = c->encoding == UNDECIDED ? PQ_PLAIN : c->encoding;
	ret->dict_pages = c->dict_pages;
	ret->plain_pages = c->plain_pages;
	ret->other_pages = c->other_pages;
	ret->n_values = c->chunk_values;
	ret->uncompressed = c->uncompressed;
	ret->compressed = (int64_t)(*at - start);
	ret->bounds = c->group;
	bounds_merge(&c->file, &c->group, c->node);
	return r;
}

static int put_bloom(const struct column *c, struct bytes *out)
{
	size_t n = c->hashes.len / sizeof(uint64_t);
	size_t size = bloom_size(n, c->tools->false_positives, BLOOM_MAX);
	struct thrift_writer w = {.out = *out};

	thrift_put_int(&w, 1, THRIFT_I32, (int64_t)size);
	for (int id = 2; id <= 4; id++) { /* split blocks, XXH64, uncompressed */
		thrift_put_struct(&w, id);
		thrift_put_struct(&w, 1);
		thrift_end(&w);
		thrift_end(&w);
	}
	thrift_end(&w);
	*out = w.out;
	if (w.failed || bytes_reserve(out, size))
		return -1;
	memset(out->data + out->len, 0, size);
	for (size_t i = 0; i < n; i++)
		bloom_add(out->data + out->len, size, ((const uint64_t *)c->hashes.data)[i]);
	out->len += size;
	return 0;
}

orasi_status column_flush_bloom(struct column *c, orasi_output *output, uint64_t *at, struct chunk_meta *meta,
                                orasi_error *err)
{
	struct bytes out = {0};
	orasi_status r = ORASI_OK;

	if (!c->has_bloom)
		return ORASI_OK;
	meta->bloom.offset = (int64_t)*at;
	r = put_bloom(c, &out) ? column_no_memory(err) : write_out(output, &out, at, err);
	meta->bloom.length = (int64_t)out.len;
	bytes_free(&out);
	return r;
}
