/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of one index segment, as index plugins see it: an orasi_store of blobs that are files. A segment is
 * built once, sealed (synced, each blob with its checksum), and only read from then on.
 *
 * The list of blobs is [{"name","size","crc32c"}], crc32c as 8 hex digits; it is kept in the index's manifest.
 *
 * Threading: an object at a time per thread. */
#ifndef PLUGIN_SEGMENT_H
#define PLUGIN_SEGMENT_H

#include <orasi/index.h>

#include "base/err.h"
#include "json/json.h"

struct segment;

/* A new folder to build in. ERR_EXISTS. */
int segment_create(const char *folder, struct segment **ret, struct err *err);
/* A sealed one. Blobs outside of the list do not exist for the plugin; a blob whose size differs is ERR_CORRUPT. */
int segment_open(const char *folder, const struct json *blobs, struct segment **ret, struct err *err);
void segment_close(struct segment *segment); /* NULL is fine; deletes nothing */
orasi_store *segment_store(struct segment *segment);

/* Everything to disk; the list of blobs belongs to the caller. */
int segment_seal(struct segment *segment, struct json **ret_blobs, int64_t *ret_bytes, struct err *err);
/* Reads all blobs and holds them against their checksums. */
int segment_check(struct segment *segment, struct err *err);

#endif
