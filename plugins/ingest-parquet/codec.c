/* SPDX-License-Identifier: Apache-2.0 */
#include "codec.h"

#include <brotli/decode.h>
#include <lz4.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#define GZIP_WINDOW (15 + 16)
#define GZIP_OR_ZLIB (15 + 32)

static const char *const names[] = {"none", "snappy", "gzip", "lzo", "brotli", "lz4", "zstd", "lz4_raw"};

const char *codec_name(int id)
{
	return id >= 0 && id < (int)(sizeof(names) / sizeof(names[0])) ? names[id] : "unknown";
}

int codec_by_name(const char *name, size_t len)
{
	for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++)
		if (strlen(names[i]) == len && !memcmp(names[i], name, len))
			return i;
	return -1;
}

void codec_done(struct codec *codec)
{
	ZSTD_freeCCtx(codec->zstd_out);
	ZSTD_freeDCtx(codec->zstd_in);
	codec->zstd_out = codec->zstd_in = NULL;
}

/* ---- compress ------------------------------------------------------------------------------- */

static int zstd_compress(struct codec *codec, const void *p, size_t n, struct bytes *out)
{
	size_t r;

	if (!codec->zstd_out)
		codec->zstd_out = ZSTD_createCCtx();
	if (!codec->zstd_out || bytes_reserve(out, ZSTD_compressBound(n)))
		return -1;
	r = ZSTD_compressCCtx(codec->zstd_out, out->data + out->len, out->cap - out->len, p, n, codec->level);
	if (ZSTD_isError(r))
		return -1;
	out->len += r;
	return 0;
}

static int snappy_compress_to(const void *p, size_t n, struct bytes *out)
{
	size_t len = snappy_max_compressed_length(n);

	if (bytes_reserve(out, len) || snappy_compress(p, n, (char *)out->data + out->len, &len) != SNAPPY_OK)
		return -1;
	out->len += len;
	return 0;
}

static int gzip_compress(int level, const void *p, size_t n, struct bytes *out)
{
	z_stream z = {0};
	int r;

	if (deflateInit2(&z, level, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -1;
	if (bytes_reserve(out, deflateBound(&z, n))) {
		deflateEnd(&z);
		return -1;
	}
	z.next_in = (Bytef *)p;
	z.avail_in = (uInt)n;
	z.next_out = out->data + out->len;
	z.avail_out = (uInt)(out->cap - out->len);
	r = deflate(&z, Z_FINISH);
	out->len += z.total_out;
	deflateEnd(&z);
	return r == Z_STREAM_END ? 0 : -1;
}

static int lz4_compress(const void *p, size_t n, struct bytes *out)
{
	int r;

	if (bytes_reserve(out, (size_t)LZ4_compressBound((int)n)))
		return -1;
	r = LZ4_compress_default(p, (char *)out->data + out->len, (int)n, (int)(out->cap - out->len));
	out->len += r > 0 ? (size_t)r : 0;
	return r > 0 ? 0 : -1;
}

orasi_status codec_compress(struct codec *codec, const void *p, size_t n, struct bytes *out, orasi_error *err)
{
	int r = -1;

	if (codec->id == PQ_UNCOMPRESSED)
		r = bytes_put(out, p, n);
	else if (codec->id == PQ_ZSTD)
		r = zstd_compress(codec, p, n, out);
	else if (codec->id == PQ_SNAPPY)
		r = snappy_compress_to(p, n, out);
	else if (codec->id == PQ_GZIP)
		r = gzip_compress(codec->level, p, n, out);
	else if (codec->id == PQ_LZ4_RAW)
		r = lz4_compress(p, n, out);
	return r ? orasi_fail(err, ORASI_E_NOMEM, "a page could not be compressed with %s", codec_name(codec->id))
	         : ORASI_OK;
}

/* ---- decompress ----------------------------------------------------------------------------- */

static int zstd_decompress(struct codec *codec, const void *p, size_t n, void *out, size_t out_len)
{
	if (!codec->zstd_in)
		codec->zstd_in = ZSTD_createDCtx();
	return !codec->zstd_in || ZSTD_decompressDCtx(codec->zstd_in, out, out_len, p, n) != out_len ? -1 : 0;
}

static int snappy_decompress(const void *p, size_t n, void *out, size_t out_len)
{
	size_t len;

	if (snappy_uncompressed_length(p, n, &len) != SNAPPY_OK || len != out_len)
		return -1;
	return snappy_uncompress(p, n, out, &len) != SNAPPY_OK || len != out_len ? -1 : 0;
}

/* Several members may follow each other. */
static int gzip_decompress(const void *p, size_t n, void *out, size_t out_len)
{
	z_stream z = {.next_in = (Bytef *)p, .avail_in = (uInt)n, .next_out = out, .avail_out = (uInt)out_len};
	int r;

	if (inflateInit2(&z, GZIP_OR_ZLIB) != Z_OK)
		return -1;
	while ((r = inflate(&z, Z_FINISH)) == Z_STREAM_END && z.avail_in && z.avail_out)
		if (inflateReset(&z) != Z_OK)
			break;
	inflateEnd(&z);
	return r == Z_STREAM_END && !z.avail_out ? 0 : -1;
}

static int brotli_decompress(const void *p, size_t n, void *out, size_t out_len)
{
	size_t len = out_len;

	return BrotliDecoderDecompress(n, p, &len, out) != BROTLI_DECODER_RESULT_SUCCESS || len != out_len ? -1 : 0;
}

static int lz4_decompress(const void *p, size_t n, void *out, size_t out_len)
{
	return LZ4_decompress_safe(p, out, (int)n, (int)out_len) == (int)out_len ? 0 : -1;
}

static uint32_t big_endian(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Hadoop's frames: size, then compressed size and block until the size is reached, and again. */
static int hadoop_decompress(const uint8_t *p, size_t n, uint8_t *out, size_t out_len)
{
	while (n > 8 && out_len) {
		uint32_t raw = big_endian(p);

		if (raw > out_len)
			return -1;
		out_len -= raw;
		p += 4;
		n -= 4;
		while (raw) {
			uint32_t packed = n >= 4 ? big_endian(p) : 0;
			int got;

			if (!packed || packed > n - 4 || packed > INT32_MAX)
				return -1;
			got = LZ4_decompress_safe((const char *)p + 4, (char *)out, (int)packed, (int)raw);
			if (got <= 0)
				return -1;
			p += 4 + packed;
			n -= 4 + packed;
			out += got;
			raw -= (uint32_t)got;
		}
	}
	return n || out_len ? -1 : 0;
}

/* The codec "LZ4" was never specified: some wrote Hadoop's frames, some a bare block. */
static int old_lz4_decompress(const void *p, size_t n, void *out, size_t out_len)
{
	return hadoop_decompress(p, n, out, out_len) ? lz4_decompress(p, n, out, out_len) : 0;
}

/* What one byte becomes at most. Snappy: a copy of 3 bytes makes 64. DEFLATE: 258 bytes of 2 bits. LZ4: a length byte
 * stands for 255. Zstandard: a block of 4 bytes makes 128 KiB. Brotli has no such bound. */
static const size_t growth[] = {[PQ_UNCOMPRESSED] = 1, [PQ_SNAPPY] = 32,   [PQ_GZIP] = 1040,
                                [PQ_LZ4] = 256,        [PQ_LZ4_RAW] = 256, [PQ_ZSTD] = 1 << 15};

int codec_can_fill(const struct codec *codec, size_t n, size_t out_len)
{
	size_t most = codec->id >= 0 && codec->id < (int)(sizeof(growth) / sizeof(growth[0])) ? growth[codec->id] : 0;

	return !most || out_len / most <= n;
}

orasi_status codec_decompress(struct codec *codec, const void *p, size_t n, void *out, size_t out_len, orasi_error *err)
{
	int r = -1;

	if (!out_len)
		return ORASI_OK;
	switch (codec->id) {
	case PQ_UNCOMPRESSED:
		if (n == out_len) {
			memcpy(out, p, n);
			r = 0;
		}
		break;
	case PQ_ZSTD:
		r = zstd_decompress(codec, p, n, out, out_len);
		break;
	case PQ_SNAPPY:
		r = snappy_decompress(p, n, out, out_len);
		break;
	case PQ_GZIP:
		r = gzip_decompress(p, n, out, out_len);
		break;
	case PQ_BROTLI:
		r = brotli_decompress(p, n, out, out_len);
		break;
	case PQ_LZ4:
		r = old_lz4_decompress(p, n, out, out_len);
		break;
	case PQ_LZ4_RAW:
		r = lz4_decompress(p, n, out, out_len);
		break;
	default:
		return orasi_fail(err, ORASI_E_UNSUPPORTED, "pages are compressed with %s, which is not supported",
		                  codec_name(codec->id));
	}
	return r ? orasi_fail(err, ORASI_E_CORRUPT, "a page compressed with %s is damaged", codec_name(codec->id))
	         : ORASI_OK;
}
