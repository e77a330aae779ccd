/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/civil.h"
#include "base/err.h"

static atomic_int frozen;
static _Atomic int64_t frozen_wall, frozen_mono;

static int64_t read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_mono_ns(void)
{
	return frozen ? frozen_mono * 1000000 : read_ns(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
	return clock_mono_ns() / 1000000;
}

int64_t clock_wall_ms(void)
{
	return frozen ? frozen_wall : read_ns(CLOCK_REALTIME) / 1000000;
}

void clock_freeze(int64_t wall_ms)
{
	frozen_wall = wall_ms;
	frozen_mono = 1000000;
	frozen = 1;
}

void clock_advance(int64_t ms)
{
	frozen_wall += ms;
	frozen_mono += ms;
}

void clock_thaw(void)
{
	frozen = 0;
}

static char *put_digits(char *at, int64_t v, int width)
{
	for (int i = width; i--; v /= 10)
		at[i] = (char)('0' + v % 10);
	return at + width;
}

/* By hand, since every answer has a few of them. Years that have no four digits become 1970. */
void clock_rfc3339(int64_t wall_ms, char ret[CLOCK_RFC3339_LEN])
{
	int64_t day_ms = 86400000, days = wall_ms / day_ms - (wall_ms % day_ms < 0), ms = wall_ms - days * day_ms, y;
	char *at = ret;
	int m, d;

	civil_from_days(days, &y, &m, &d);
	if (y < 0 || y > 9999)
		civil_from_days(ms = 0, &y, &m, &d);
	at = put_digits(at, y, 4);
	*at++ = '-';
	at = put_digits(at, m, 2);
	*at++ = '-';
	at = put_digits(at, d, 2);
	*at++ = 'T';
	at = put_digits(at, ms / 3600000, 2);
	*at++ = ':';
	at = put_digits(at, ms / 60000 % 60, 2);
	*at++ = ':';
	at = put_digits(at, ms / 1000 % 60, 2);
	*at++ = '.';
	at = put_digits(at, ms % 1000, 3);
	*at++ = 'Z';
	*at = '\0';
}

/* Exactly n digits behind *at. */
static int take_digits(const char **at, int n, int *ret)
{
	for (*ret = 0; n > 0; n--, ++*at) {
		if (**at < '0' || **at > '9')
			return ERR_INVALID;
		*ret = *ret * 10 + (**at - '0');
	}
	return 0;
}

static int take_char(const char **at, const char *allowed)
{
	for (; *allowed; allowed++)
		if (**at == *allowed) {
			++*at;
			return 0;
		}
	return ERR_INVALID;
}

static int days_of(int y, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int is_leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

	return days[month - 1] + (month == 2 && is_leap);
}

int clock_from_rfc3339(const char *s, int64_t *ret_wall_ms)
{
	int y, mo, d, h, mi, sec, oh = 0, om = 0, ms = 0, sign;

	if (take_digits(&s, 4, &y) || take_char(&s, "-") || take_digits(&s, 2, &mo) || take_char(&s, "-") ||
	    take_digits(&s, 2, &d) || take_char(&s, "Tt ") || take_digits(&s, 2, &h) || take_char(&s, ":") ||
	    take_digits(&s, 2, &mi) || take_char(&s, ":") || take_digits(&s, 2, &sec))
		return ERR_INVALID;
	if (mo < 1 || mo > 12 || d < 1 || d > days_of(y, mo) || h > 23 || mi > 59 || sec > 60)
		return ERR_INVALID;
	if (*s == '.') {
		int scale = 100;

		if (*++s < '0' || *s > '9')
			return ERR_INVALID;
		for (; *s >= '0' && *s <= '9'; s++, scale /= 10)
			ms += (*s - '0') * scale;
	}
	if (take_char(&s, "Zz")) {
		sign = *s == '-' ? -1 : 1;
		if (take_char(&s, "+-") || take_digits(&s, 2, &oh) || take_char(&s, ":") || take_digits(&s, 2, &om) ||
		    oh > 23 || om > 59)
			return ERR_INVALID;
		oh *= sign;
		om *= sign;
	}
	if (*s)
		return ERR_INVALID;
	*ret_wall_ms = ((civil_to_days(y, mo, d) * 24 + h - oh) * 60 + mi - om) * 60000 + (int64_t)sec * 1000 + ms;
	return 0;
}
