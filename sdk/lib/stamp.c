/* SPDX-License-Identifier: Apache-2.0 */
#include <orasi/sdk/stamp.h>

#include <stdio.h>
#include <string.h>

#define DAY 86400

static const int64_t per_second[] = {1, 1000, 1000000, 1000000000};

/* ---- calendar ----------------------------------------------------------------------------- */

/* Days since 1970-01-01, counted in years that start with March so that the leap day is the last
 * (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static int32_t days_of(int32_t year, int32_t month, int32_t day)
{
	int32_t era, of_era, of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	of_era = year - era * 400;
	of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t era, of_era, of_year, shifted;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	of_era = days - era * 146097;
	of_year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	*year = of_year + era * 400;
	days = of_era - (365 * of_year + of_year / 4 - of_year / 100);
	shifted = (5 * days + 2) / 153;
	*day = (int)(days - (153 * shifted + 2) / 5 + 1);
	*month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
	*year += *month <= 2;
}

static int days_in(int32_t year, int32_t month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int leap = year % 4 == 0 && (year % 100 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* `n` digits at p as a number, -1 if one is none. */
static int32_t digits(const uint8_t *p, int n)
{
	int32_t v = 0;

	for (int i = 0; i < n; i++) {
		if ((uint8_t)(p[i] - '0') > 9)
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

bool stamp_parse_date(const uint8_t *p, size_t n, int32_t *ret_days)
{
	int32_t year, month, day;

	if (n != 10 || p[4] != '-' || p[7] != '-')
		return false;
	year = digits(p, 4);
	month = digits(p + 5, 2);
	day = digits(p + 8, 2);
	if (year < 0 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
		return false;
	*ret_days = days_of(year, month, day);
	return true;
}

/* "Z", "+hh", "+hhmm", "+hh:mm" or nothing: seconds east of UTC. */
static bool parse_offset(const uint8_t *p, size_t n, int32_t *ret)
{
	int32_t hours, minutes = 0;

	*ret = 0;
	if (n == 0 || (n == 1 && (*p == 'Z' || *p == 'z')))
		return true;
	if (n < 3 || (*p != '+' && *p != '-'))
		return false;
	hours = digits(p + 1, 2);
	if (n == 5)
		minutes = digits(p + 3, 2);
	else if (n == 6 && p[3] == ':')
		minutes = digits(p + 4, 2);
	else if (n != 3)
		return false;
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return false;
	*ret = (hours * 60 + minutes) * 60 * (*p == '-' ? -1 : 1);
	return true;
}

/* Digits of a fraction at p; how many there are. */
static size_t parse_fraction(const uint8_t *p, size_t n, int32_t *ret_nanos)
{
	int32_t nanos = 0;
	size_t i = 0;

	for (; i < n && (uint8_t)(p[i] - '0') < 10; i++)
		if (i < 9)
			nanos = nanos * 10 + (p[i] - '0');
	for (size_t k = i; k < 9; k++)
		nanos *= 10;
	*ret_nanos = nanos;
	return i;
}

bool stamp_parse(const uint8_t *p, size_t n, struct stamp *ret)
{
	int32_t days, hour, minute, second = 0, offset;
	size_t at = 16, got;

	if (n < 16 || !stamp_parse_date(p, 10, &days) || p[13] != ':' || (p[10] != 'T' && p[10] != ' ' && p[10] != 't'))
		return false;
	hour = digits(p + 11, 2);
	minute = digits(p + 14, 2);
	ret->nanos = 0;
	if (n >= 19 && p[16] == ':') {
		second = digits(p + 17, 2);
		at = 19;
		if (n > 20 && (p[19] == '.' || p[19] == ',')) {
			got = parse_fraction(p + 20, n - 20, &ret->nanos);
			if (!got)
				return false;
			at = 20 + got;
		}
	}
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 ||
	    !parse_offset(p + at, n - at, &offset))
		return false;
	ret->seconds = (int64_t)days * DAY + hour * 3600 + minute * 60 + second - offset;
	return true;
}

bool stamp_in(const struct stamp *stamp, enum arrow_unit unit, int64_t *ret)
{
	int64_t scale = per_second[unit];

	return !__builtin_mul_overflow(stamp->seconds, scale, ret) &&
	       !__builtin_add_overflow(*ret, stamp->nanos / (1000000000 / scale), ret);
}

/* ---- writing ------------------------------------------------------------------------------ */

size_t stamp_format_date(char *dst, int64_t days)
{
	int64_t year;
	int month, day;

	date_of(days, &year, &month, &day);
	return (size_t)snprintf(dst, STAMP_TEXT_MAX, "%04lld-%02d-%02d", (long long)year, month, day);
}

size_t stamp_format(char *dst, int64_t value, enum arrow_unit unit, const char *zone)
{
	static const int width[] = {0, 3, 6, 9};
	int64_t scale = per_second[unit], seconds = value / scale, part = value % scale, days, rest;
	size_t n;

	if (part < 0) {
		part += scale;
		seconds--;
	}
	days = seconds / DAY - (seconds % DAY < 0);
	rest = seconds - days * DAY;
	n = stamp_format_date(dst, days);
	n += (size_t)snprintf(dst + n, STAMP_TEXT_MAX - n, "T%02d:%02d:%02d", (int)(rest / 3600), (int)(rest / 60 % 60),
	                      (int)(rest % 60));
	if (part)
		n += (size_t)snprintf(dst + n, STAMP_TEXT_MAX - n, ".%0*lld", width[unit], (long long)part);
	return n + (size_t)snprintf(dst + n, STAMP_TEXT_MAX - n, "%s", zone);
}
