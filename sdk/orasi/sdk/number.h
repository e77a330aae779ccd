/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text, in the grammar of JSON (RFC 8259 section 6): int64, decimals, and doubles rounded correctly (to
 * nearest, ties to even) whatever the locale. Linked statically (liborasi-sdk), no part of the ABI. Thread-safe after
 * number_init, which belongs into the entry's init. */
#ifndef ORASI_SDK_NUMBER_H
#define ORASI_SDK_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

__extension__ typedef __int128 number_int128;

struct number {
	const uint8_t *text;
	size_t len;
	uint64_t mantissa; /* all digits as one integer; meaningless if !exact */
	int32_t exponent;  /* value = mantissa * 10^exponent */
	int32_t fraction;  /* digits behind the point */
	bool negative;
	bool integer; /* no fraction, no exponent */
	bool exact;   /* at most 19 digits */
};

void number_init(void);

/* The place behind the number at p, or NULL. The text ends with something that is no digit, and eight bytes may be read
 * behind that. */
const uint8_t *number_scan(const uint8_t *p, struct number *ret);

/* True with the value, if it is a whole number that fits. 1.0 and 1e3 are whole numbers. */
bool number_int64(const struct number *number, int64_t *ret);
bool number_uint64(const struct number *number, uint64_t *ret);
/* The value times 10^scale, if that is whole and has at most `precision` (1..38) digits. */
bool number_decimal(const struct number *number, int precision, int scale, number_int128 *ret);
/* False if it is too large for a double. */
bool number_double(const struct number *number, double *ret);

#define NUMBER_DECIMAL_MAX 96
/* The unscaled integer's digits with `point` `scale` (-38..38) places from the right; the length, no NUL behind it. */
size_t number_format_decimal(char dst[NUMBER_DECIMAL_MAX], number_int128 v, int scale, char point);

#define NUMBER_DOUBLE_MAX 32
/* The shortest "%g" of a finite double that reads back the same; `narrow`: the same float. In the locale that is set; the
 * length, a NUL behind it. Needs no number_init. */
size_t number_format_double(char dst[NUMBER_DOUBLE_MAX], double v, bool narrow);

#ifdef __cplusplus
}
#endif
#endif
