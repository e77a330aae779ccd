/* SPDX-License-Identifier: Apache-2.0 */
#include "convert.h"

#include <math.h>

#include "gather.h"

#define JULIAN_EPOCH 2440588 /* the Julian day of 1970-01-01 */
#define SECONDS_PER_DAY 86400

static int is_integer(enum arrow_type type)
{
	return type >= ARROW_INT8 && type <= ARROW_UINT64;
}

static int is_unsigned(enum arrow_type type)
{
	return type == ARROW_UINT8 || type == ARROW_UINT16 || type == ARROW_UINT32 || type == ARROW_UINT64;
}

static int is_bytes(enum arrow_type type)
{
	return type >= ARROW_UTF8 && type <= ARROW_LARGE_BINARY;
}

static int integer_fits(const struct arrow_type_info *have, const struct arrow_type_info *want)
{
	if (is_unsigned(have->type) == is_unsigned(want->type))
		return arrow_type_width(have) <= arrow_type_width(want);
	return is_unsigned(have->type) && arrow_type_width(have) < arrow_type_width(want);
}

int convert_can(const struct node *node, const struct arrow_type_info *want)
{
	const struct arrow_type_info *have = &node->info;

	if (have->type == ARROW_TIMESTAMP && want->type == ARROW_TIMESTAMP)
		return 1;
	if (is_integer(have->type) && is_integer(want->type))
		return integer_fits(have, want);
	if (is_bytes(have->type) && is_bytes(want->type))
		return 1;
	if (have->type == ARROW_FLOAT32 && want->type == ARROW_FLOAT64)
		return 1;
	if (have->type == ARROW_DECIMAL128 && want->type == ARROW_DECIMAL128)
		return have->scale == want->scale && have->precision <= want->precision;
	return have->type == want->type && have->width == want->width && have->unit == want->unit;
}

int convert_is_copy(const struct node *node, const struct arrow_type_info *want)
{
	if (node->physical == PQ_INT96 || node->physical == PQ_BOOLEAN || want->type == ARROW_DECIMAL128)
		return 0;
	return node->info.type == want->type && node->info.unit == want->unit &&
	       plain_width(node) == arrow_type_width(want);
}

/* ---- values --------------------------------------------------------------------------------- */

static const int64_t per_second[] = {1, 1000, 1000000, 1000000000};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Between units; what does not fit is an error, what is finer is cut downwards. */
static int rescale(int64_t *v, enum arrow_unit from, enum arrow_unit to)
{
	if (to >= from)
		return __builtin_mul_overflow(*v, per_second[to] / per_second[from], v);
	*v = floor_div(*v, per_second[from] / per_second[to]);
	return 0;
}

/* INT96: nanoseconds of the day and Julian day. Spark lets microseconds of the far future overflow
 * into negative days when it writes; modulo 2^64 they are right again. */
static int from_int96(const uint8_t *p, enum arrow_unit unit, int64_t *ret)
{
	int64_t nanos;
	int32_t julian;
	__int128 t;

	memcpy(&nanos, p, 8);
	memcpy(&julian, p + 8, 4);
	t = ((__int128)julian - JULIAN_EPOCH) * SECONDS_PER_DAY * per_second[unit];
	t += floor_div(nanos, per_second[ARROW_NANO] / per_second[unit]);
	*ret = (int64_t)t;
	return t != *ret && unit != ARROW_MICRO;
}

static int64_t load_int(const struct node *node, struct slice v)
{
	int64_t wide = 0;

	memcpy(&wide, v.ptr, v.len < 8 ? v.len : 8);
	if (node->physical != PQ_INT32)
		return wide;
	switch (node->info.type) {
	case ARROW_UINT8:
		return (uint8_t)wide;
	case ARROW_UINT16:
		return (uint16_t)wide;
	case ARROW_UINT32:
		return (uint32_t)wide;
	default:
		return (int32_t)wide;
	}
}

static orasi_status to_timestamp(const struct node *node, const struct arrow_type_info *want, struct slice v,
                                 int64_t *ret, orasi_error *err)
{
	int bad;

	if (node->physical == PQ_INT96) {
		bad = from_int96(v.ptr, want->unit, ret);
	} else {
		*ret = load_int(node, v);
		bad = rescale(ret, node->info.unit, want->unit);
	}
	return bad ? orasi_fail(err, ORASI_E_INVALID, "a time of column '%.100s' does not fit the wanted unit",
	                        node->name)
	           : ORASI_OK;
}

/* Two's complement, big-endian, of any length up to 16 significant bytes. */
static orasi_status to_decimal(const struct node *node, struct slice v, uint8_t ret[16], orasi_error *err)
{
	int64_t narrow;
	uint8_t sign;

	if (node->physical == PQ_INT32 || node->physical == PQ_INT64) {
		narrow = load_int(node, v);
		memcpy(ret, &narrow, 8);
		memset(ret + 8, narrow < 0 ? 0xFF : 0, 8);
		return ORASI_OK;
	}
	sign = v.len && v.ptr[0] & 0x80 ? 0xFF : 0;
	for (; v.len > 16; v.ptr++, v.len--)
		if (*v.ptr != sign)
			return orasi_fail(err, ORASI_E_INVALID, "a decimal of column '%.100s' has more than 38 digits",
			                  node->name);
	memset(ret, sign, 16);
	for (uint32_t i = 0; i < v.len; i++)
		ret[i] = v.ptr[v.len - 1 - i];
	return ORASI_OK;
}

orasi_status convert_value(const struct node *node, const struct arrow_type_info *want, struct slice v,
                           uint8_t ret[CONVERT_MAX], orasi_error *err)
{
	orasi_status r = ORASI_OK;
	int64_t number;
	float narrow;
	double wide;

	switch (want->type) {
	case ARROW_FLOAT16:
		memcpy(ret, v.ptr, 2);
		return ORASI_OK;
	case ARROW_FLOAT32:
		memcpy(ret, v.ptr, 4);
		return ORASI_OK;
	case ARROW_FLOAT64:
		memcpy(&narrow, v.ptr, 4);
		wide = (double)narrow;
		memcpy(ret, v.len == 4 ? (const void *)&wide : v.ptr, 8);
		return ORASI_OK;
	case ARROW_DECIMAL128:
		return to_decimal(node, v, ret, err);
	case ARROW_TIMESTAMP:
		r = to_timestamp(node, want, v, &number, err);
		break;
	default:
		number = load_int(node, v);
	}
	if (!r)
		memcpy(ret, &number, 8);
	return r;
}

/* ---- for comparisons ------------------------------------------------------------------------ */

int convert_to_int128(const struct node *node, const struct arrow_type_info *want, struct slice v, __int128 *ret)
{
	int64_t number;

	if (node->info.type == ARROW_DECIMAL128)
		return to_decimal(node, v, (uint8_t *)ret, NULL) ? -1 : 0;
	if (want->type == ARROW_TIMESTAMP) {
		if (to_timestamp(node, want, v, &number, NULL))
			return -1;
	} else {
		number = node->physical == PQ_BOOLEAN ? *v.ptr : load_int(node, v);
	}
	*ret = node->info.type == ARROW_UINT64 ? (__int128)(uint64_t)number : (__int128)number;
	return 0;
}

double half_to_double(uint16_t half)
{
	int exponent = half >> 10 & 31;
	double fraction = half & 1023, v;

	if (exponent == 31)
		v = fraction != 0 ? NAN : INFINITY;
	else
		v = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
	return half & 0x8000 ? -v : v;
}

uint16_t half_from_double(double v)
{
	int exponent, sign = signbit(v) ? 0x8000 : 0;
	double fraction = frexp(fabs(v), &exponent);

	if (isnan(v))
		return 0x7E00;
	if (isinf(v))
		return (uint16_t)(sign | 0x7C00);
	if (v == 0 || exponent < -13)
		return (uint16_t)(sign | (int)ldexp(fabs(v), 24));
	return (uint16_t)(sign | (exponent + 14) << 10 | ((int)ldexp(fraction, 11) & 1023));
}

double convert_to_double(const struct node *node, struct slice v)
{
	uint16_t half;
	float narrow;
	double wide;

	switch (node->info.type) {
	case ARROW_FLOAT16:
		memcpy(&half, v.ptr, 2);
		return half_to_double(half);
	case ARROW_FLOAT32:
		memcpy(&narrow, v.ptr, 4);
		return (double)narrow;
	default:
		memcpy(&wide, v.ptr, 8);
		return wide;
	}
}
