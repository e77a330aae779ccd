/* SPDX-License-Identifier: Apache-2.0 */
/* Dates and timestamps as text: RFC 3339, and of ISO 8601 what logs use besides: a space for the
 * 'T', no seconds, a comma before the fraction, an offset without colon or minutes, no offset (read
 * as UTC). The calendar is proleptic Gregorian, years 0000 to 9999. Linked statically
 * (liborasi-sdk), no part of the ABI. Thread-safe. */
#ifndef ORASI_SDK_STAMP_H
#define ORASI_SDK_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <orasi/sdk/arrow.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stamp {
	int64_t seconds; /* since 1970-01-01T00:00:00Z; a leap second counts as the next one */
	int32_t nanos;   /* 0 … 999,999,999; digits beyond are cut off */
};

bool stamp_parse(const uint8_t *p, size_t n, struct stamp *ret);              /* date and time */
bool stamp_parse_date(const uint8_t *p, size_t n, int32_t *ret_days);         /* YYYY-MM-DD */
bool stamp_in(const struct stamp *stamp, enum arrow_unit unit, int64_t *ret); /* false: too far */

#define STAMP_TEXT_MAX 48
/* Return the length; the text has no NUL behind it. `zone` is put behind, "Z" or "". */
size_t stamp_format(char *dst, int64_t value, enum arrow_unit unit, const char *zone);
size_t stamp_format_date(char *dst, int64_t days);

#ifdef __cplusplus
}
#endif
#endif
