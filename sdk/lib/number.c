/* SPDX-License-Identifier: Apache-2.0 */
/* Three roads from digits to a double, each for what the one before cannot do: one exact
 * multiplication or division (W. Clinger, "How to Read Floating Point Numbers Accurately", 1990:
 * mantissa below 2^53, power of ten up to 22); a 128-bit product with 5^q (D. Lemire, "Number
 * Parsing at a Gigabyte per Second", 2021); the C library's strtod in the C locale. */
#include <orasi/sdk/number.h>

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pow5.h"

static locale_t c_locale;

void number_init(void)
{
	if (!c_locale)
		c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* ---- grammar ------------------------------------------------------------------------------ */

/* Eight ASCII digits at once; the constants sum pairs, then pairs of pairs. */
static inline bool eight_digits(const uint8_t *p, uint64_t *ret)
{
	uint64_t v;

	memcpy(&v, p, 8);
	if (((v & 0xF0F0F0F0F0F0F0F0) | (((v + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) >> 4)) != 0x3333333333333333)
		return false;
	v -= 0x3030303030303030;
	v = v * 10 + (v >> 8);
	*ret = ((v & 0x000000FF000000FF) * 0x000F424000000064 +
	        ((v >> 16) & 0x000000FF000000FF) * 0x0000271000000001) >>
	       32;
	return true;
}

static inline bool is_digit(uint8_t c)
{
	return (uint8_t)(c - '0') < 10;
}

static inline const uint8_t *digits(const uint8_t *p, uint64_t *mantissa)
{
	uint64_t eight;

	while (eight_digits(p, &eight)) {
		*mantissa = *mantissa * 100000000 + eight;
		p += 8;
	}
	for (; is_digit(*p); p++)
		*mantissa = *mantissa * 10 + (*p - '0');
	return p;
}

/* p is behind the 'e'. Exponents beyond any double are all the same. */
static const uint8_t *exponent(const uint8_t *p, int32_t *ret)
{
	bool negative = *p == '-';
	int32_t e = 0;

	p += *p == '-' || *p == '+';
	if (!is_digit(*p))
		return NULL;
	for (; is_digit(*p); p++)
		if (e < 100000)
			e = e * 10 + (*p - '0');
	*ret = negative ? -e : e;
	return p;
}

/* p is at what follows the digits before the point. NULL: a point or an 'e' without digits. */
static const uint8_t *fraction_and_exponent(const uint8_t *p, struct number *ret)
{
	const uint8_t *point = p;
	int32_t e = 0;

	ret->integer = *p != '.' && *p != 'e' && *p != 'E';
	ret->fraction = 0;
	if (*p == '.') {
		p = digits(p + 1, &ret->mantissa);
		ret->fraction = (int32_t)(p - point - 1);
		if (!ret->fraction)
			return NULL;
	}
	if (*p == 'e' || *p == 'E')
		p = exponent(p + 1, &e);
	ret->exponent = e - ret->fraction;
	return p;
}

const uint8_t *number_scan(const uint8_t *p, struct number *ret)
{
	const uint8_t *start = p, *first;
	ptrdiff_t whole;

	ret->negative = *p == '-';
	p += ret->negative;
	first = p;
	ret->mantissa = 0;
	p = *p == '0' ? p + 1 : digits(p, &ret->mantissa);
	whole = p - first;
	p = whole ? fraction_and_exponent(p, ret) : NULL;
	if (!p)
		return NULL;
	ret->exact = whole + ret->fraction <= 19;
	ret->text = start;
	ret->len = (size_t)(p - start);
	return p;
}

/* ---- integers ----------------------------------------------------------------------------- */

/* The magnitude of a whole number below 2^64. */
static bool magnitude(const struct number *number, uint64_t *ret)
{
	uint64_t v = number->mantissa;
	int32_t e = number->exponent;

	if (!number->exact) { /* 20 digits may still fit */
		char *end;

		if (!number->integer || number->len - number->negative > 20)
			return false;
		v = 0;
		for (end = (char *)number->text + number->negative; is_digit((uint8_t)*end); end++)
			if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*end - '0'), &v))
				return false;
	}
	for (; e > 0 && v; e--)
		if (__builtin_mul_overflow(v, 10, &v))
			return false;
	for (; e < 0 && v; e++) {
		if (v % 10)
			return false;
		v /= 10;
	}
	*ret = v;
	return true;
}

bool number_int64(const struct number *number, int64_t *ret)
{
	uint64_t v = number->mantissa;

	if ((!number->integer || !number->exact) && !magnitude(number, &v))
		return false;
	if (v > (uint64_t)INT64_MAX + number->negative)
		return false;
	*ret = (int64_t)(number->negative ? 0 - v : v);
	return true;
}

bool number_uint64(const struct number *number, uint64_t *ret)
{
	uint64_t v;

	if (!magnitude(number, &v) || (number->negative && v))
		return false;
	*ret = v;
	return true;
}

bool number_decimal(const struct number *number, int precision, int scale, __int128 *ret)
{
	unsigned __int128 v = 0, limit = 1;
	int64_t shift = (int64_t)number->exponent + scale;

	for (const uint8_t *p = number->text; p < number->text + number->len; p++) {
		if (*p == 'e' || *p == 'E')
			break;
		if (is_digit(*p) &&
		    (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (unsigned)(*p - '0'), &v)))
			return false;
	}
	for (; shift > 0 && v; shift--)
		if (__builtin_mul_overflow(v, 10, &v))
			return false;
	for (; shift < 0 && v; shift++, v /= 10)
		if (v % 10)
			return false;
	while (precision-- > 0)
		limit *= 10;
	*ret = (__int128)(number->negative ? 0 - v : v);
	return v < limit;
}

size_t number_format_decimal(char dst[NUMBER_DECIMAL_MAX], number_int128 v, int scale, char point)
{
	char *end = dst + NUMBER_DECIMAL_MAX, *at = end;
	unsigned __int128 left = v < 0 ? 0 - (unsigned __int128)v : (unsigned __int128)v;
	size_t n;

	for (int k = 0; left || k <= scale || k == 0; k++) {
		if (k == scale && scale > 0)
			*--at = point;
		*--at = (char)('0' + (int)(left % 10));
		left /= 10;
	}
	if (v < 0)
		*--at = '-';
	n = (size_t)(end - at);
	memmove(dst, at, n);
	if (scale < 0 && v)
		n += (size_t)snprintf(dst + n, NUMBER_DECIMAL_MAX - n, "e%d", -scale);
	return n;
}

/* ---- doubles ------------------------------------------------------------------------------ */

static const double pow10_exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                     1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static bool double_clinger(const struct number *number, double *ret)
{
	double v = (double)number->mantissa;

	if (number->mantissa > 1ULL << 53 || number->exponent < -22 || number->exponent > 22)
		return false;
	*ret = number->exponent < 0 ? v / pow10_exact[-number->exponent] : v * pow10_exact[number->exponent];
	return true;
}

/* The high bits of w * 5^q; the low half of 5^q is looked at only when it can matter. */
static unsigned __int128 product(uint64_t w, const uint64_t power[2])
{
	unsigned __int128 p = (unsigned __int128)w * power[0];

	if (((uint64_t)(p >> 64) & 0x1FF) == 0x1FF)
		p += (uint64_t)((unsigned __int128)w * power[1] >> 64);
	return p;
}

static bool double_lemire(const struct number *number, double *ret)
{
	int32_t q = number->exponent, power2;
	uint64_t w = number->mantissa, high, low, m;
	unsigned __int128 p;
	int zeros, upper;

	if (!w || q < POW5_MIN || q > POW5_MAX)
		return false;
	zeros = __builtin_clzll(w);
	p = product(w << zeros, pow5[q - POW5_MIN]);
	high = (uint64_t)(p >> 64);
	low = (uint64_t)p;
	if (low == UINT64_MAX && (q < -27 || q > 55))
		return false;
	upper = (int)(high >> 63);
	m = high >> (upper + 9);
	power2 = ((217706 * q) >> 16) + 63 + upper - zeros + 1023;
	/* Exactly between two doubles: to even. */
	if (low <= 1 && q >= -4 && q <= 23 && (m & 3) == 1 && m << (upper + 9) == high)
		m &= ~1ULL;
	m = (m + (m & 1)) >> 1;
	if (m >> 53) {
		m = 1ULL << 52;
		power2++;
	}
	m &= ~(1ULL << 52);
	m |= (uint64_t)power2 << 52;
	memcpy(ret, &m, 8);
	return true;
}

bool number_double(const struct number *number, double *ret)
{
	double v;

	if (!number->exact || (!double_clinger(number, &v) && !double_lemire(number, &v))) {
		v = strtod_l((const char *)number->text, NULL, c_locale);
		*ret = v;
		return isfinite(v);
	}
	*ret = number->negative ? -v : v;
	return true;
}

size_t number_format_double(char dst[NUMBER_DOUBLE_MAX], double v, bool narrow)
{
	int n = 0;

	for (int digits = narrow ? 6 : 15; digits <= 17; digits++) {
		double back;

		n = snprintf(dst, NUMBER_DOUBLE_MAX, "%.*g", digits, v);
		back = strtod(dst, NULL);
		if (narrow ? (float)back == (float)v : back == v)
			break;
	}
	return (size_t)n;
}
