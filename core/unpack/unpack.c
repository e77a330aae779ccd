/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/err.h"

#define GZIP_ONLY (15 + 16)
#define GZIP_MAGIC 0x1F
#define ZSTD_WINDOW_LOG_MAX 27
#define OUT_MAX (1u << 30) /* at a time: zlib counts in 32 bits */

struct unpack {
	enum packing packing;
	z_stream gzip;
	int gzip_open;
	ZSTD_DStream *zstd;
	int inside; /* of a member or a frame */
};

enum packing packing_of(const void *head, size_t n)
{
	const unsigned char *magic = head;

	if (n < PACKING_HEAD)
		return PACK_NONE;
	if (magic[0] == GZIP_MAGIC && magic[1] == 0x8B && magic[2] == 8)
		return PACK_GZIP;
	return !memcmp(magic, "\x28\xB5\x2F\xFD", 4) ? PACK_ZSTD : PACK_NONE;
}

int unpack_new(enum packing packing, struct unpack **ret)
{
	struct unpack *u = calloc(1, sizeof(*u));

	if (u && packing == PACK_ZSTD) {
		u->zstd = ZSTD_createDStream();
		if (u->zstd)
			ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
	}
	if (!u || (packing == PACK_ZSTD && !u->zstd)) {
		unpack_free(u);
		return ERR_NOMEM;
	}
	u->packing = packing;
	*ret = u;
	return 0;
}

void unpack_free(struct unpack *u)
{
	if (!u)
		return;
	if (u->gzip_open)
		inflateEnd(&u->gzip);
	ZSTD_freeDStream(u->zstd);
	free(u);
}

/* ---- gzip ------------------------------------------------------------------------------------------------------- */

static int start_member(struct unpack *u, unsigned char first, const char **what)
{
	if (first != GZIP_MAGIC) {
		*what = u->gzip_open ? "the gzip stream is followed by other bytes" : "there is no gzip stream";
		return ERR_CORRUPT;
	}
	if ((u->gzip_open ? inflateReset(&u->gzip) : inflateInit2(&u->gzip, GZIP_ONLY)) != Z_OK) {
		*what = "zlib cannot start";
		return ERR_NOMEM;
	}
	u->gzip_open = u->inside = 1;
	return 0;
}

static int some_gzip(struct unpack *u, const unsigned char *in, size_t n, size_t *at, void *out, size_t cap,
                     size_t *ret, const char **what)
{
	int r;

	u->gzip.next_out = out;
	u->gzip.avail_out = (uInt)cap;
	while (*at < n && u->gzip.avail_out == cap) {
		if (!u->inside && u->gzip_open && !in[*at]) { /* padding, as tape blocks have it */
			++*at;
			continue;
		}
		r = u->inside ? 0 : start_member(u, in[*at], what);
		if (r)
			return r;
		u->gzip.next_in = (Bytef *)(uintptr_t)(in + *at);
		u->gzip.avail_in = (uInt)(n - *at);
		r = inflate(&u->gzip, Z_NO_FLUSH);
		*at = n - u->gzip.avail_in;
		if (r == Z_STREAM_END) {
			u->inside = 0;
		} else if (r != Z_OK && r != Z_BUF_ERROR) {
			*what = "the gzip stream is damaged";
			return ERR_CORRUPT;
		}
	}
	*ret = cap - u->gzip.avail_out;
	return 0;
}

/* ---- zstd ------------------------------------------------------------------------------------------------------- */

static int some_zstd(struct unpack *u, const void *bytes, size_t n, size_t *at, void *buf, size_t cap, size_t *ret,
                     const char **what)
{
	ZSTD_outBuffer out = {buf, cap, 0};
	ZSTD_inBuffer in = {bytes, n, *at};

	while (in.pos < n && !out.pos) {
		size_t r = ZSTD_decompressStream(u->zstd, &out, &in);

		*at = in.pos;
		if (ZSTD_isError(r)) {
			*what = "the zstd stream is damaged";
			return ERR_CORRUPT;
		}
		u->inside = r != 0;
	}
	*ret = out.pos;
	return 0;
}

int unpack_some(struct unpack *u, const void *in, size_t n, size_t *at, void *out, size_t cap, size_t *ret,
                const char **what)
{
	*ret = 0;
	cap = cap < OUT_MAX ? cap : OUT_MAX;
	return u->packing == PACK_GZIP ? some_gzip(u, in, n, at, out, cap, ret, what)
	                               : some_zstd(u, in, n, at, out, cap, ret, what);
}

const char *unpack_missing(const struct unpack *u)
{
	if (!u->inside)
		return NULL;
	return u->packing == PACK_GZIP ? "the gzip stream is cut: it ends in the middle"
	                               : "the zstd stream is cut: it ends in the middle";
}
