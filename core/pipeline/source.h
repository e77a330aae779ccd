/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to decode: a file, decompressed on the way if it is gzip or zstd. Inside the pipeline room only. */
#ifndef PIPELINE_SOURCE_H
#define PIPELINE_SOURCE_H

#include <orasi/ingest.h>

#include "base/err.h"

struct source;

/* `compression`: auto, none, gzip, zstd. Directories, missing files and the like are named with the reason. */
int source_open(const char *path, const char *compression, struct source **ret, struct err *err);
int source_memory(const char *text, size_t n, struct source **ret, struct err *err); /* keeps a pointer */
void source_close(struct source *source);
orasi_source *source_abi(struct source *source);
/* The first bytes, at most SOURCE_HEAD, as a decoder will see them, without taking them. When the stream breaks off
 * among them, `err` says how, and what is there before it is returned. */
#define SOURCE_HEAD (64u << 10)
orasi_bytes source_head(struct source *source, struct err *err);
int64_t source_size(const struct source *source);     /* of the file */
int64_t source_modified(const struct source *source); /* wall ms */
int64_t source_position(const struct source *source); /* bytes of the file taken so far */

#endif
