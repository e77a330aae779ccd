/* SPDX-License-Identifier: Apache-2.0 */
/* Packed streams, gzip (RFC 1952) and zstd (RFC 8878): bytes come in pieces of any size and go out unpacked. Members and
 * frames may follow each other, as `cat a.gz b.gz` makes them.
 *
 * Every byte is hostile: what is damaged, cut or followed by something else is refused with a sentence. Not thread-safe. */
#ifndef UNPACK_UNPACK_H
#define UNPACK_UNPACK_H

#include <stddef.h>

enum packing { PACK_NONE, PACK_GZIP, PACK_ZSTD };
#define PACKING_HEAD 4
/* What begins so; PACK_NONE also for less than PACKING_HEAD bytes. */
enum packing packing_of(const void *head, size_t n);

struct unpack;
int unpack_new(enum packing packing, struct unpack **ret); /* not of PACK_NONE; ERR_NOMEM */
void unpack_free(struct unpack *unpack);                   /* NULL is fine */

/* Takes from `in`, from *at on, until something came out (at most cap bytes, *ret of them) or all n bytes are taken. On
 * ERR_CORRUPT and ERR_NOMEM *what says why, of the byte at *at. */
int unpack_some(struct unpack *unpack, const void *in, size_t n, size_t *at, void *out, size_t cap, size_t *ret,
                const char **what);
/* When nothing comes any more: what is missing, or NULL. */
const char *unpack_missing(const struct unpack *unpack);

#endif
