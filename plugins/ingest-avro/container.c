/* SPDX-License-Identifier: Apache-2.0 */
#include "container.h"

#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#include "varint.h"

#define HEADER_FIRST 4096      /* bytes to look at first, then twice as many */
#define ENTRIES_MAX 10000      /* of metadata */
#define HEADER_MAX (32u << 20) /* bytes */
#define SCAN (64 << 10)        /* bytes that a marker is looked for in at a time */

static const char magic[4] = {'O', 'b', 'j', 1};

void container_done(struct container *c)
{
	input_done(&c->input);
	buffer_done(&c->unpacked);
	free(c->schema);
	c->schema = NULL;
}

uint64_t container_offset(const struct container *c)
{
	return input_offset(&c->input) + c->held;
}

static orasi_status damaged(uint64_t offset, const char *what, orasi_error *err)
{
	if (err)
		err->offset = (int64_t)offset;
	return orasi_fail(err, ORASI_E_CORRUPT, "byte %llu: %s", (unsigned long long)offset, what);
}

/* ---- header ------------------------------------------------------------------------------------------------------ */

struct text {
	const uint8_t *p;
	size_t len;
};

/* Bytes with their length in front. The results of all these: 0; -1 when there are too few; -2 when it is damaged. */
static int take_text(const uint8_t **p, const uint8_t *end, struct text *ret)
{
	int64_t n;
	int r = varint_read(p, end, &n);

	if (r)
		return r;
	if (n < 0 || n > HEADER_MAX)
		return -2;
	if (end - *p < n)
		return -1;
	*ret = (struct text){*p, (size_t)n};
	*p += n;
	return 0;
}

static bool is_key(const struct text *key, const char *name)
{
	return key->len == strlen(name) && !memcmp(key->p, name, key->len);
}

/* The entries of one block of the map. */
static int take_entries(const uint8_t **p, const uint8_t *end, int64_t n, struct text *schema, struct text *codec)
{
	struct text key, value;
	int r;

	for (; n > 0; n--) {
		r = take_text(p, end, &key);
		if (!r)
			r = take_text(p, end, &value);
		if (r)
			return r;
		if (is_key(&key, "avro.schema"))
			*schema = value;
		else if (is_key(&key, "avro.codec"))
			*codec = value;
	}
	return 0;
}

/* Fed, it is read again with each piece: more entries than anybody writes are damage. */
static int take_metadata(const uint8_t **p, const uint8_t *end, struct text *schema, struct text *codec)
{
	int64_t n, size, all = 0;
	int r;

	while (!(r = varint_read(p, end, &n)) && n) {
		if (n < 0 && (r = varint_read(p, end, &size)))
			return r;
		if (n == INT64_MIN || __builtin_add_overflow(all, n < 0 ? -n : n, &all) || all > ENTRIES_MAX)
			return -2;
		r = take_entries(p, end, n < 0 ? -n : n, schema, codec);
		if (r)
			return r;
	}
	return r;
}

static orasi_status take_codec(struct container *c, const struct text *name, orasi_error *err)
{
	int codec = name->len ? codec_by_name((const char *)name->p, name->len) : CODEC_NULL;

	if (codec < 0)
		return orasi_fail(
			err, ORASI_E_UNSUPPORTED,
			"the codec '%.*s' is not supported: null, deflate, snappy, zstandard, bzip2 and xz are",
			(int)(name->len < 64 ? name->len : 64), (const char *)name->p);
	c->codec = (enum codec)codec;
	return ORASI_OK;
}

/* The header in the first `n` bytes. ORASI_AGAIN: it is longer. */
static orasi_status parse_header(struct container *c, size_t n, orasi_error *err)
{
	const uint8_t *start = input_here(&c->input), *p = start + sizeof(magic), *end = start + n;
	struct text schema = {0}, codec = {0};
	int r = take_metadata(&p, end, &schema, &codec);
	orasi_status status;

	if (r == -2)
		return damaged(input_offset(&c->input) + (uint64_t)(p - start), "the header's metadata are damaged",
		               err);
	if (r || end - p < SYNC)
		return ORASI_AGAIN;
	if (!schema.p)
		return orasi_fail(err, ORASI_E_CORRUPT, "the header has no 'avro.schema'");
	status = take_codec(c, &codec, err);
	if (status)
		return status;
	c->schema = calloc(1, schema.len + 1);
	if (!c->schema)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory left for the schema");
	memcpy(c->schema, schema.p, schema.len);
	c->schema_len = schema.len;
	memcpy(c->sync, p, SYNC);
	input_step(&c->input, (size_t)(p - start) + SYNC);
	return ORASI_OK;
}

static orasi_status check_magic(struct container *c, orasi_error *err)
{
	size_t have;
	orasi_status status = input_want(&c->input, sizeof(magic), &have, err);

	if (status || (have == sizeof(magic) && !memcmp(input_here(&c->input), magic, sizeof(magic))))
		return status;
	return orasi_fail(err, ORASI_E_CORRUPT,
	                  "it does not begin with 'Obj' and 1: it is no Avro object container file");
}

orasi_status container_header(struct container *c, orasi_error *err)
{
	orasi_status status = check_magic(c, err);

	for (size_t want = HEADER_FIRST; !status; want *= 2) {
		size_t have;

		status = input_want(&c->input, want, &have, err);
		if (status == ORASI_AGAIN && have > sizeof(magic)) { /* fed: it may be whole all the same */
			orasi_status early = parse_header(c, have, err);

			return early;
		}
		if (status)
			return status;
		status = parse_header(c, have, err);
		if (status != ORASI_AGAIN)
			return status;
		if (have < want)
			return orasi_fail(err, ORASI_E_CORRUPT, "the file ends within its header");
		if (want >= HEADER_MAX)
			return orasi_fail(err, ORASI_E_LIMIT, "the header is longer than %u bytes", HEADER_MAX);
		status = ORASI_OK;
	}
	return status;
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static void let_go(struct container *c)
{
	input_step(&c->input, c->held);
	c->held = 0;
}

/* A stretch of the source is at hand and has no marker at its start: steps to the next place where one may be. */
static bool scan(struct container *c, size_t have)
{
	const uint8_t *start = input_here(&c->input);
	const uint8_t *found = memmem(start, have, c->sync, SYNC);

	input_step(&c->input, found ? (size_t)(found - start) + SYNC : have >= SYNC ? have - (SYNC - 1) : have);
	return found;
}

orasi_status container_find(struct container *c, uint64_t begin, orasi_error *err)
{
	uint64_t first = input_offset(&c->input) - SYNC; /* the header's own */
	orasi_status status = ORASI_OK;
	size_t have = SYNC;

	if (begin <= first)
		return ORASI_OK;
	status = input_go(&c->input, begin, err);
	while (!status && have >= SYNC) {
		status = input_want(&c->input, SCAN, &have, err);
		if (!status && scan(c, have))
			return ORASI_OK;
	}
	return status;
}

orasi_status container_go(struct container *c, uint64_t at, orasi_error *err)
{
	orasi_status status;
	size_t have = 0;

	if (at == input_offset(&c->input))
		return ORASI_OK;
	status = input_go(&c->input, at - SYNC, err);
	if (!status)
		status = input_want(&c->input, SYNC, &have, err);
	if (status)
		return status;
	if (have < SYNC || memcmp(input_here(&c->input), c->sync, SYNC))
		return orasi_fail(err, ORASI_E_STATE, "the checkpoint says byte %llu, where no block begins",
		                  (unsigned long long)at);
	input_step(&c->input, SYNC);
	return ORASI_OK;
}

/* Count and size of the block that begins here. */
static orasi_status read_prefix(struct container *c, struct block *ret, size_t *ret_size, size_t *ret_prefix,
                                orasi_error *err)
{
	size_t have;
	orasi_status status = input_want(&c->input, 2 * VARINT_MAX, &have, err);
	const uint8_t *start = input_here(&c->input), *p = start, *end = start + have;
	int64_t count, size;
	int r;

	ret->at = input_offset(&c->input);
	if (status && status != ORASI_AGAIN)
		return status;
	if (!status && !have)
		return ORASI_END;
	r = varint_read(&p, end, &count);
	if (!r)
		r = varint_read(&p, end, &size);
	if (r == -1)
		return status ? status : damaged(ret->at, "the file ends within the head of a block", err);
	if (r || count < 0 || size < 0)
		return damaged(ret->at, "no block begins here, as one should: the file is damaged", err);
	if ((uint64_t)size > c->max_block)
		return orasi_fail(err, ORASI_E_LIMIT, "the block at byte %llu has %lld bytes, max_block allows %zu",
		                  (unsigned long long)ret->at, (long long)size, c->max_block);
	ret->count = (uint64_t)count;
	*ret_size = (size_t)size;
	*ret_prefix = (size_t)(p - start);
	return ORASI_OK;
}

static orasi_status unpack(struct container *c, struct block *block, orasi_error *err)
{
	orasi_error why = ORASI_NO_ERROR;
	orasi_status status;

	if (c->codec == CODEC_NULL)
		return ORASI_OK;
	status = codec_unpack(c->codec, &(struct packed){block->p, block->len, c->max_block, c->input.job},
	                      &c->unpacked, &why);
	if (status) {
		err->offset = (int64_t)block->at;
		return orasi_fail(err, status, "the block at byte %llu: %s", (unsigned long long)block->at,
		                  why.message);
	}
	block->p = c->unpacked.p;
	block->len = c->unpacked.len;
	return ORASI_OK;
}

static orasi_status read_block(struct container *c, struct block *ret, orasi_error *err)
{
	size_t size = 0, prefix = 0, have;
	orasi_status status = read_prefix(c, ret, &size, &prefix, err);

	if (status)
		return status;
	status = input_want(&c->input, prefix + size + SYNC, &have, err);
	if (status)
		return status;
	if (have < prefix + size + SYNC)
		return damaged(ret->at, "the file ends within the block that begins here: it was cut", err);
	ret->p = input_here(&c->input) + prefix;
	ret->len = size;
	if (memcmp(ret->p + size, c->sync, SYNC))
		return damaged(ret->at, "the block that begins here does not end with the file's marker", err);
	c->held = prefix + size + SYNC;
	return ret->count ? unpack(c, ret, err) : ORASI_OK;
}

orasi_status container_next(struct container *c, struct block *ret, orasi_error *err)
{
	orasi_status status;

	do {
		let_go(c);
		if (c->range_end && input_offset(&c->input) - SYNC >= c->range_end)
			return ORASI_END;
		status = read_block(c, ret, err);
	} while (!status && !ret->count);
	return status;
}
