/* SPDX-License-Identifier: Apache-2.0 */
/* Text: numbers with range checks, sizes and durations with units, UTF-8, hex and base64. None of
 * it looks at the locale. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stddef.h>
#include <stdint.h>

/* 0, or ERR_INVALID (not a number, or trailing text), or ERR_LIMIT (does not fit). */
int str_to_i64(const char *s, int64_t *ret);
int str_to_u64(const char *s, uint64_t *ret);
int str_to_f64(const char *s, double *ret);
int str_to_bool(const char *s, int *ret);            /* true/false/yes/no/on/off/1/0 */
int str_to_bytes(const char *s, uint64_t *ret);      /* "4096", "2MiB", "1 GB", "64k" */
int str_to_duration_ms(const char *s, int64_t *ret); /* "250ms", "30s", "5m", "2h", "7d" */

int str_eq(const char *a, const char *b); /* NULL equals only NULL */
int str_starts(const char *s, const char *prefix);
int str_ends(const char *s, const char *suffix);
size_t str_copy(char *dst, size_t cap, const char *src); /* always terminates; returns strlen(src) */

/* Length in bytes of the well-formed UTF-8 character at s, 0 if there is none (RFC 3629). */
size_t utf8_char_len(const char *s, size_t n);
int utf8_valid(const char *s, size_t n);
size_t utf8_valid_len(const char *s, size_t n); /* of what is valid up to there */

/* The first byte that JSON text spells otherwise in a string, or that ends it: a quote, a backslash, a control character. */
const char *json_plain_end(const char *at, const char *end);
const char *json_ascii_end(const char *at, const char *end); /* the same, or one that is more than ASCII */

int str_has_control(const char *s, size_t n); /* a byte below 0x20, or 0x7F */

/* A name people give to things (dataset, index, queue): [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}. */
int str_is_name(const char *s);

/* FNV-1a, on from `hash`, the first time HASH_BEGIN. For what nobody gains by making collide. */
#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t n);
void hex_encode(const void *p, size_t n, char *ret); /* 2n+1 bytes, lower case */
size_t base64_len(size_t n);                         /* with the NUL */
void base64_encode(const void *p, size_t n, char *ret);
/* Decodes standard base64 with padding into ret (cap bytes). Length, or ERR_INVALID/ERR_LIMIT. */
int64_t base64_decode(const char *s, size_t n, void *ret, size_t cap);

#endif
