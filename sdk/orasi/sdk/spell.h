/* SPDX-License-Identifier: Apache-2.0 */
/* Values that Arrow and Delta have no type for, as text that loses nothing. Linked statically (liborasi-sdk), no part of
 * the ABI. Thread-safe. All return the length; the text has no NUL behind it. */
#ifndef ORASI_SDK_SPELL_H
#define ORASI_SDK_SPELL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPELLED_UUID 36
size_t spell_uuid(char dst[SPELLED_UUID], const uint8_t p[16]); /* RFC 9562 */

#define SPELLED_INTERVAL_MAX 64
/* Months, days and milliseconds, each a little-endian u32, as Parquet and Avro have them: P<months>M<days>DT<seconds>.<ms>S
 * (ISO 8601). */
size_t spell_interval(char dst[SPELLED_INTERVAL_MAX], const uint8_t p[12]);

#define SPELLED_DECIMAL_BYTES 1024
#define SPELLED_DECIMAL_SCALE 2000
#define SPELLED_DECIMAL_MAX (3 * SPELLED_DECIMAL_BYTES + SPELLED_DECIMAL_SCALE + 16)
/* A big-endian number in two's complement, in plain notation with `scale` places. 0: more bytes or places than these. */
size_t spell_decimal(char dst[SPELLED_DECIMAL_MAX], const uint8_t *p, size_t n, int32_t scale);

#ifdef __cplusplus
}
#endif

#endif
