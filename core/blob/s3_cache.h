/* SPDX-License-Identifier: Apache-2.0 */
/* Local copies of what never changes: segments of indexes are mapped into memory, which S3 cannot be. They lie in
 * $TMPDIR (or /tmp) under a name made of their place; those that nobody has asked for in a day go when new ones come. A
 * worker's $TMPDIR is its own: what lies there is believed, and no plugin of another could have written it. Inside the blob room only. */
#ifndef BLOB_S3_CACHE_H
#define BLOB_S3_CACHE_H

#include <stddef.h>

#include "base/err.h"

/* The path of the copy in `ret`. `fetch` makes it at a path that is not there yet, a file or a folder. */
int s3_cache_path(const char *location, const char *name,
                  int (*fetch)(void *ctx, const char *name, const char *path, struct err *err), void *ctx, char *ret,
                  size_t cap, struct err *err);

#endif
