/* SPDX-License-Identifier: Apache-2.0 */
#include "codec.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <bzlib.h>
#include <libdeflate.h>
#include <lzma.h>
#include <snappy-c.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <orasi/sdk/fail.h>

#define BUFFER_LEAST 4096
#define STEP (128 << 10)                       /* room for output at a time */
#define CRC_BYTES 4                            /* behind snappy's */
#define STREAM_MEMORY_LOG 28                   /* of two: */
#define STREAM_MEMORY (1 << STREAM_MEMORY_LOG) /* bytes that a stream of zstandard or xz may ask for */
#define ZSTD_CHECKSUM 4                        /* bytes */
#define BZIP2_BLOCK 9                          /* times 100 kB */

static const char *const names[] = {
	[CODEC_NULL] = "null",           [CODEC_DEFLATE] = "deflate", [CODEC_SNAPPY] = "snappy",
	[CODEC_ZSTANDARD] = "zstandard", [CODEC_BZIP2] = "bzip2",     [CODEC_XZ] = "xz",
};

const char *codec_name(enum codec codec)
{
	return names[codec];
}

int codec_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && !memcmp(names[i], name, len))
			return (int)i;
	return -1;
}

/* ---- buffers ----------------------------------------------------------------------------------------------------- */

static uint8_t *grow(struct buffer *buffer, size_t n, bool exact)
{
	size_t need, cap;
	uint8_t *p;

	if (__builtin_add_overflow(buffer->len, n, &need) || need > SIZE_MAX / 4)
		return NULL;
	if (need <= buffer->cap && buffer->p)
		return buffer->p + buffer->len;
	cap = exact ? need : need + need / 2;
	cap = cap < BUFFER_LEAST ? BUFFER_LEAST : cap;
	p = realloc(buffer->p, cap);
	if (!p)
		return NULL;
	buffer->p = p;
	buffer->cap = cap;
	return p + buffer->len;
}

uint8_t *buffer_room(struct buffer *buffer, size_t n)
{
	return grow(buffer, n, false);
}

uint8_t *buffer_room_exact(struct buffer *buffer, size_t n)
{
	return grow(buffer, n, true);
}

int buffer_put(struct buffer *buffer, const void *p, size_t n)
{
	uint8_t *to = buffer_room(buffer, n);

	if (!to)
		return -1;
	if (n)
		memcpy(to, p, n);
	buffer->len += n;
	return 0;
}

void buffer_done(struct buffer *buffer)
{
	free(buffer->p);
	*buffer = (struct buffer){0};
}

/* ---- unpacking --------------------------------------------------------------------------------------------------- */

enum unpacked { UNPACKED, DAMAGED, TOO_LARGE, TOO_DEMANDING, NO_MEMORY, CANCELLED };

/* Room for the next step of a stream; its size is what `max` leaves, and one byte more tells that it is too large. What
 * keeps the stream from going on is *ret. */
static uint8_t *next_room(const struct packed *packed, struct buffer *to, size_t *ret_n, enum unpacked *ret)
{
	uint8_t *room = NULL;

	*ret_n = packed->max + 1 - to->len < STEP ? packed->max + 1 - to->len : STEP;
	if (to->len > packed->max)
		*ret = TOO_LARGE;
	else if (packed->job && packed->job->cancel_flag && *packed->job->cancel_flag)
		*ret = CANCELLED;
	else if (!(room = buffer_room(to, *ret_n)))
		*ret = NO_MEMORY;
	return room;
}

/* What follows the stream does not matter: Python's library writes zlib's without its first two bytes and its last one, so
 * that three of the checksum stand there. */
static enum unpacked unpack_deflate(const struct packed *packed, struct buffer *to)
{
	struct libdeflate_decompressor *z = libdeflate_alloc_decompressor();
	size_t room = to->cap > packed->n ? to->cap : 4 * packed->n + STEP, used;
	enum unpacked ret = z ? TOO_LARGE : NO_MEMORY;
	bool full = false;

	for (; ret == TOO_LARGE && !full; room *= 2) {
		enum libdeflate_result r;

		full = room >= packed->max;
		room = full ? packed->max : room;
		if (!buffer_room_exact(to, room ? room : 1)) {
			ret = NO_MEMORY;
			break;
		}
		r = libdeflate_deflate_decompress_ex(z, packed->p, packed->n, to->p, room, &used, &to->len);
		to->len = r == LIBDEFLATE_SUCCESS ? to->len : 0;
		ret = r == LIBDEFLATE_SUCCESS ? UNPACKED : r == LIBDEFLATE_INSUFFICIENT_SPACE ? TOO_LARGE : DAMAGED;
	}
	if (z)
		libdeflate_free_decompressor(z);
	return ret;
}

static enum unpacked unpack_snappy(const struct packed *packed, struct buffer *to)
{
	const uint8_t *p = packed->p;
	size_t n = packed->n, len;
	uint32_t crc;

	if (n < CRC_BYTES || snappy_uncompressed_length((const char *)p, n - CRC_BYTES, &len) != SNAPPY_OK)
		return DAMAGED;
	if (len / 64 > n) /* a copy of three bytes makes 64 at most */
		return DAMAGED;
	if (len > packed->max)
		return TOO_LARGE;
	if (!buffer_room_exact(to, len + 1))
		return NO_MEMORY;
	if (snappy_uncompress((const char *)p, n - CRC_BYTES, (char *)to->p, &len) != SNAPPY_OK)
		return DAMAGED;
	to->len = len;
	p += n - CRC_BYTES;
	crc = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return crc == libdeflate_crc32(0, to->p, len) ? UNPACKED : DAMAGED;
}

/* Several frames may follow each other, as streams of bzip2 and xz may. */
static enum unpacked unpack_zstandard(const struct packed *packed, struct buffer *to)
{
	ZSTD_DCtx *z = ZSTD_createDCtx();
	ZSTD_inBuffer in = {packed->p, packed->n, 0};
	enum unpacked ret = z && !ZSTD_isError(ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, STREAM_MEMORY_LOG))
	                            ? UNPACKED
	                            : NO_MEMORY;
	size_t left = 1;

	while (ret == UNPACKED && (in.pos < in.size || left)) {
		ZSTD_outBuffer out = {0};
		size_t before = in.pos;

		out.dst = next_room(packed, to, &out.size, &ret);
		if (!out.dst)
			break;
		left = ZSTD_decompressStream(z, &out, &in);
		to->len += out.pos;
		if (ZSTD_isError(left))
			ret = ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge ? TOO_DEMANDING
			                                                                          : DAMAGED;
		else if (left && !out.pos && in.pos == before)
			ret = DAMAGED;
	}
	ZSTD_freeDCtx(z);
	return ret == UNPACKED && to->len > packed->max ? TOO_LARGE : ret;
}

/* One stream, up to its end; what follows it stays in `z`. */
static enum unpacked unpack_bzip2_stream(const struct packed *packed, bz_stream *z, struct buffer *to)
{
	enum unpacked ret = UNPACKED;
	int r = BZ_OK;

	if (BZ2_bzDecompressInit(z, 0, 0) != BZ_OK)
		return NO_MEMORY;
	while (r == BZ_OK && ret == UNPACKED) {
		unsigned before = z->avail_in;
		size_t room;

		z->next_out = (char *)next_room(packed, to, &room, &ret);
		z->avail_out = (unsigned)room;
		if (!z->next_out)
			break;
		r = BZ2_bzDecompress(z);
		to->len += room - z->avail_out;
		if (r == BZ_OK && z->avail_out == room && z->avail_in == before)
			ret = DAMAGED; /* it wants more than there is */
		else if (r != BZ_OK && r != BZ_STREAM_END)
			ret = r == BZ_MEM_ERROR ? NO_MEMORY : DAMAGED;
	}
	BZ2_bzDecompressEnd(z);
	return ret;
}

static enum unpacked unpack_bzip2(const struct packed *packed, struct buffer *to)
{
	bz_stream z = {.next_in = (char *)packed->p, .avail_in = (unsigned)packed->n};
	enum unpacked ret;

	do
		ret = unpack_bzip2_stream(packed, &z, to);
	while (ret == UNPACKED && z.avail_in);
	return ret == UNPACKED && to->len > packed->max ? TOO_LARGE : ret;
}

static enum unpacked verdict_of_xz(lzma_ret r)
{
	switch (r) {
	case LZMA_OK:
	case LZMA_STREAM_END:
		return UNPACKED;
	case LZMA_MEM_ERROR:
		return NO_MEMORY;
	case LZMA_MEMLIMIT_ERROR:
		return TOO_DEMANDING;
	default:
		return DAMAGED;
	}
}

static enum unpacked unpack_xz(const struct packed *packed, struct buffer *to)
{
	lzma_stream z = LZMA_STREAM_INIT;
	enum unpacked ret = UNPACKED;
	lzma_ret r = LZMA_OK;

	if (lzma_stream_decoder(&z, STREAM_MEMORY, LZMA_CONCATENATED) != LZMA_OK)
		return NO_MEMORY;
	z.next_in = packed->p;
	z.avail_in = packed->n;
	while (r == LZMA_OK && ret == UNPACKED) {
		size_t room;

		z.next_out = next_room(packed, to, &room, &ret);
		z.avail_out = room;
		if (!z.next_out)
			break;
		r = lzma_code(&z, LZMA_FINISH);
		to->len += room - z.avail_out;
		ret = verdict_of_xz(r);
	}
	lzma_end(&z);
	return ret == UNPACKED && to->len > packed->max ? TOO_LARGE : ret;
}

static enum unpacked (*const unpackers[])(const struct packed *packed, struct buffer *to) = {
	[CODEC_DEFLATE] = unpack_deflate, [CODEC_SNAPPY] = unpack_snappy, [CODEC_ZSTANDARD] = unpack_zstandard,
	[CODEC_BZIP2] = unpack_bzip2,     [CODEC_XZ] = unpack_xz,
};

orasi_status codec_unpack(enum codec codec, const struct packed *packed, struct buffer *ret, orasi_error *err)
{
	ret->len = 0;
	switch (unpackers[codec](packed, ret)) {
	case UNPACKED:
		return ORASI_OK;
	case TOO_LARGE:
		return orasi_fail(err, ORASI_E_LIMIT, "it becomes larger than max_block allows (%zu bytes)",
		                  packed->max);
	case TOO_DEMANDING:
		return orasi_fail(err, ORASI_E_LIMIT, "to unpack it takes more memory than is given (%d MiB)",
		                  STREAM_MEMORY >> 20);
	case CANCELLED:
		return orasi_fail(err, ORASI_E_CANCELLED, "the task was cancelled");
	case NO_MEMORY:
		return orasi_fail(err, ORASI_E_NOMEM, "no memory to unpack it");
	default:
		return orasi_fail(err, ORASI_E_CORRUPT, "it is no whole %s stream", names[codec]);
	}
}

/* ---- packing ----------------------------------------------------------------------------------------------------- */

static int pack_deflate(int level, const uint8_t *p, size_t n, struct buffer *to)
{
	struct libdeflate_compressor *z = libdeflate_alloc_compressor(level);
	size_t most, len = 0;

	if (!z)
		return -1;
	most = libdeflate_deflate_compress_bound(z, n);
	if (buffer_room(to, most))
		len = libdeflate_deflate_compress(z, p, n, to->p + to->len, most);
	libdeflate_free_compressor(z);
	to->len += len;
	return len ? 0 : -1;
}

static int pack_snappy(int level, const uint8_t *p, size_t n, struct buffer *to)
{
	size_t len = snappy_max_compressed_length(n);
	uint32_t crc = libdeflate_crc32(0, p, n);
	const uint8_t tail[CRC_BYTES] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc};

	(void)level;
	if (!buffer_room(to, len) || snappy_compress((const char *)p, n, (char *)to->p + to->len, &len) != SNAPPY_OK)
		return -1;
	to->len += len;
	return buffer_put(to, tail, CRC_BYTES);
}

/* With a checksum, as the other optional codecs have one. */
static int pack_zstandard(int level, const uint8_t *p, size_t n, struct buffer *to)
{
	size_t most = ZSTD_compressBound(n) + ZSTD_CHECKSUM, len = 0;
	ZSTD_CCtx *z = ZSTD_createCCtx();
	int failed = !z || !buffer_room(to, most) ||
	             ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, level)) ||
	             ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1));

	if (!failed)
		len = ZSTD_compress2(z, to->p + to->len, most, p, n);
	ZSTD_freeCCtx(z);
	if (failed || ZSTD_isError(len))
		return -1;
	to->len += len;
	return 0;
}

static int pack_bzip2(int level, const uint8_t *p, size_t n, struct buffer *to)
{
	unsigned len = (unsigned)(n + n / 64 + 1024); /* the manual: 1 % and 600 bytes */

	(void)level;
	if (!buffer_room(to, len) ||
	    BZ2_bzBuffToBuffCompress((char *)to->p + to->len, &len, (char *)p, (unsigned)n, BZIP2_BLOCK, 0, 0) != BZ_OK)
		return -1;
	to->len += len;
	return 0;
}

static int pack_xz(int level, const uint8_t *p, size_t n, struct buffer *to)
{
	size_t most = lzma_stream_buffer_bound(n), len = 0;

	if (!buffer_room(to, most) || lzma_easy_buffer_encode((uint32_t)level, LZMA_CHECK_CRC32, NULL, p, n,
	                                                      to->p + to->len, &len, most) != LZMA_OK)
		return -1;
	to->len += len;
	return 0;
}

static int pack_null(int level, const uint8_t *p, size_t n, struct buffer *to)
{
	(void)level;
	return buffer_put(to, p, n);
}

static int (*const packers[])(int level, const uint8_t *p, size_t n, struct buffer *to) = {
	[CODEC_NULL] = pack_null,           [CODEC_DEFLATE] = pack_deflate, [CODEC_SNAPPY] = pack_snappy,
	[CODEC_ZSTANDARD] = pack_zstandard, [CODEC_BZIP2] = pack_bzip2,     [CODEC_XZ] = pack_xz,
};

orasi_status codec_pack(enum codec codec, int level, const uint8_t *p, size_t n, struct buffer *ret, orasi_error *err)
{
	return packers[codec](level, n ? p : (const uint8_t *)"", n, ret)
	               ? orasi_fail(err, ORASI_E_NOMEM, "a block could not be compressed with %s", names[codec])
	               : ORASI_OK;
}
