/* SPDX-License-Identifier: Apache-2.0 */
/* Strings of JSON: UTF-8 (RFC 3629), escapes (RFC 8259 section 7). */
#ifndef INGEST_JSON_TEXT_H
#define INGEST_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Four hexadecimal digits at p; 0, or -1. */
int text_hex4(const uint8_t *p, uint32_t *ret);

/* The first byte that does not belong to well-formed UTF-8, or NULL. */
const uint8_t *text_utf8_bad(const uint8_t *p, size_t n);

/* Cuts a C string before its first byte that is not UTF-8, such as half a character at its end. */
void text_trim(char *s);

/* Resolves the escapes of a string that scan_string found good. `dst` has room for n bytes (the
 * result is never longer). Returns its length. */
size_t text_unescape(uint8_t *dst, const uint8_t *p, size_t n);

/* Standard base64 with padding (RFC 4648 section 4) into dst, which has room for n / 4 * 3 bytes.
 * The length, or -1. */
int64_t text_base64(uint8_t *dst, const uint8_t *p, size_t n);

/* Writes the bytes between the quotes of a JSON string: `dst` has room for 6 * n bytes. */
size_t text_escape(uint8_t *dst, const uint8_t *p, size_t n);

#endif
