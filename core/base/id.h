/* SPDX-License-Identifier: Apache-2.0 */
/* Names for things: random UUIDs and short sortable ids. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdint.h>

#define UUID_LEN 37
void uuid_new(char ret[UUID_LEN]); /* version 4, lower case */

/* A 63-bit number as a prefix and 13 Crockford base32 digits, sortable as text: "t_0000000000001". */
#define ID_LEN 16
void id_format(char prefix, int64_t id, char ret[ID_LEN]);
int id_parse(char prefix, const char *s, int64_t *ret); /* 0 or ERR_INVALID */

uint64_t random_u64(void);

#endif
