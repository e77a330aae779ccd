/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones of the TZ database, read from their files (TZif, RFC 8536) without libc, whose zone belongs to
 * the whole process. Behind the last transition of the file its footer rules (POSIX TZ). Immutable after
 * zone_open: any thread may read it. */
#ifndef QUEUE_ZONE_H
#define QUEUE_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct zone;

/* "Europe/Berlin"; NULL, "" and "UTC" need no file. ERR_NOTFOUND, ERR_INVALID (no name of a zone), ERR_CORRUPT. */
int zone_open(const char *name, struct zone **ret, struct err *err);
void zone_close(struct zone *zone); /* NULL is fine */
/* From the bytes of a file. */
int zone_parse(const void *bytes, size_t n, struct zone **ret, struct err *err);

/* Seconds east of UTC at a moment (seconds since 1970). */
int64_t zone_offset(const struct zone *zone, int64_t utc);
/* The moment of a local time. One that comes twice is the first; one that is skipped is taken as if the
 * clock had not been changed yet, so it comes just behind the gap. */
int64_t zone_to_utc(const struct zone *zone, int64_t local);

#endif
