/* SPDX-License-Identifier: Apache-2.0 */
/* Page compression. Decompression writes exactly the promised number of bytes or fails. */
#ifndef PARQUET_CODEC_H
#define PARQUET_CODEC_H

#include "format.h"

struct codec {
	int id, level;
	void *zstd_out, *zstd_in; /* contexts, made when first used */
};

void codec_done(struct codec *codec);
/* Appends the compressed bytes of [p, p+n). */
orasi_status codec_compress(struct codec *codec, const void *p, size_t n, struct bytes *out, orasi_error *err);
/* Can n bytes become so many? Asked before memory is taken for them, since pages may lie. */
int codec_can_fill(const struct codec *codec, size_t n, size_t out_len);
orasi_status codec_decompress(struct codec *codec, const void *p, size_t n, void *out, size_t out_len,
                              orasi_error *err);
const char *codec_name(int id);
int codec_by_name(const char *name, size_t len); /* -1 = unknown */

#endif
