/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/zone.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/civil.h"
#include "base/file.h"

#define FILE_MAX (256u << 10)
#define HEADER 44
#define DAY 86400
#define OFFSET_MAX (26 * 3600)

/* A rule of POSIX TZ: when in the year the clock changes. */
struct change {
	char kind; /* 'M' month.week.day, 'J' day 1 to 365 without leap day, 'D' day 0 to 365 */
	int month, week, day;
	int64_t second; /* local, of the day */
};

struct zone {
	size_t n;
	int64_t *at;     /* transitions, rising */
	int32_t *offset; /* behind each */
	int32_t first;   /* before all */
	int has_rule, has_dst;
	int32_t standard, daylight; /* of the footer */
	struct change start, end;   /* of daylight */
};

/* ---- the footer ---------------------------------------------------------------------------- */

static int skip_name(const char **s)
{
	const char *at = *s;

	if (*at == '<') {
		while (*at && *at != '>')
			at++;
		if (*at++ != '>')
			return ERR_CORRUPT;
	} else {
		while ((*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z'))
			at++;
	}
	if (at - *s < 3)
		return ERR_CORRUPT;
	*s = at;
	return 0;
}

static int take_number(const char **s, int min, int max, int *ret)
{
	int v = 0, digits = 0;

	while (**s >= '0' && **s <= '9' && digits++ < 4)
		v = v * 10 + (*(*s)++ - '0');
	if (!digits || v < min || v > max)
		return ERR_CORRUPT;
	*ret = v;
	return 0;
}

/* [+-]h[h[h]][:mm[:ss]] in seconds; RFC 8536 allows -167 to 167 hours. */
static int take_time(const char **s, int64_t *ret)
{
	int sign = **s == '-' ? -1 : 1, h = 0, m = 0, sec = 0, r;

	if (**s == '-' || **s == '+')
		(*s)++;
	r = take_number(s, 0, 167, &h);
	if (!r && **s == ':') {
		(*s)++;
		r = take_number(s, 0, 59, &m);
	}
	if (!r && **s == ':') {
		(*s)++;
		r = take_number(s, 0, 59, &sec);
	}
	*ret = sign * ((int64_t)h * 3600 + m * 60 + sec);
	return r;
}

static int take_offset(const char **s, int32_t *ret)
{
	int64_t west;
	int r = take_time(s, &west);

	if (r || west > OFFSET_MAX || west < -OFFSET_MAX)
		return ERR_CORRUPT;
	*ret = (int32_t)-west;
	return 0;
}

static int take_change(const char **s, struct change *ret)
{
	int r;

	*ret = (struct change){.second = 2 * 3600};
	if (*(*s)++ != ',')
		return ERR_CORRUPT;
	ret->kind = **s == 'M' || **s == 'J' ? *(*s)++ : 'D';
	if (ret->kind == 'M') {
		r = take_number(s, 1, 12, &ret->month);
		if (!r)
			r = *(*s)++ == '.' ? take_number(s, 1, 5, &ret->week) : ERR_CORRUPT;
		if (!r)
			r = *(*s)++ == '.' ? take_number(s, 0, 6, &ret->day) : ERR_CORRUPT;
	} else {
		r = take_number(s, ret->kind == 'J', 365, &ret->day);
	}
	if (!r && **s == '/') {
		(*s)++;
		r = take_time(s, &ret->second);
	}
	return r;
}

static int parse_rule(struct zone *zone, const char *s)
{
	int r = skip_name(&s);

	if (!r)
		r = take_offset(&s, &zone->standard);
	zone->has_rule = !r;
	if (r || !*s)
		return r;
	r = skip_name(&s);
	zone->daylight = zone->standard + 3600;
	if (!r && *s && *s != ',')
		r = take_offset(&s, &zone->daylight);
	if (!r)
		r = take_change(&s, &zone->start);
	if (!r)
		r = take_change(&s, &zone->end);
	zone->has_dst = 1;
	return r || *s ? ERR_CORRUPT : 0;
}

/* Local seconds since 1970 at which the rule changes the clock in a year. */
static int64_t change_in(const struct change *change, int64_t year)
{
	int64_t day = civil_to_days(year, 1, 1);
	int last;

	if (change->kind == 'M') {
		day = civil_to_days(year, change->month, 1);
		day += (change->day - civil_weekday(day) + 7) % 7 + (change->week - 1) * 7;
		last = civil_month_days(year, change->month);
		if (day >= civil_to_days(year, change->month, 1) + last)
			day -= 7; /* week 5 is the last */
	} else if (change->kind == 'J') {
		day += change->day - 1 + (change->day > 59 && civil_is_leap(year));
	} else {
		day += change->day;
	}
	return day * DAY + change->second;
}

static int32_t rule_offset(const struct zone *zone, int64_t utc)
{
	int64_t year, start, end;
	int month, day;

	if (!zone->has_dst)
		return zone->standard;
	civil_from_days((utc + zone->standard - (((utc + zone->standard) % DAY + DAY) % DAY)) / DAY, &year, &month,
	                &day);
	start = change_in(&zone->start, year) - zone->standard;
	end = change_in(&zone->end, year) - zone->daylight;
	if (start < end)
		return utc >= start && utc < end ? zone->daylight : zone->standard;
	return utc >= end && utc < start ? zone->standard : zone->daylight;
}

/* ---- the file ------------------------------------------------------------------------------ */

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

struct header {
	uint32_t isut, isstd, leap, times, types, chars;
};

static int read_header(const unsigned char *p, size_t n, struct header *ret)
{
	if (n < HEADER || memcmp(p, "TZif", 4))
		return ERR_CORRUPT;
	*ret = (struct header){be32(p + 20), be32(p + 24), be32(p + 28), be32(p + 32), be32(p + 36), be32(p + 40)};
	return ret->isut > 256 || ret->isstd > 256 || ret->leap > 1000 || ret->times > 10000 || !ret->types ||
	                       ret->types > 256 || ret->chars > 4096
	               ? ERR_CORRUPT
	               : 0;
}

static size_t block_size(const struct header *h, size_t time_size)
{
	return h->times * time_size + h->times + h->types * 6 + h->chars + h->leap * (time_size + 4) + h->isstd +
	       h->isut;
}

static int read_block(struct zone *zone, const unsigned char *p, const struct header *h)
{
	const unsigned char *index = p + (size_t)h->times * 8, *types = index + h->times;

	zone->n = h->times;
	zone->at = calloc(h->times + 1, sizeof(*zone->at));
	zone->offset = calloc(h->times + 1, sizeof(*zone->offset));
	if (!zone->at || !zone->offset)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < h->types; i++) {
		int32_t offset = (int32_t)be32(types + i * 6);

		if (offset > OFFSET_MAX || offset < -OFFSET_MAX)
			return ERR_CORRUPT;
	}
	zone->first = (int32_t)be32(types);
	for (uint32_t i = 0; i < h->times; i++) {
		zone->at[i] = be64(p + (size_t)i * 8);
		if (index[i] >= h->types || (i && zone->at[i] <= zone->at[i - 1]))
			return ERR_CORRUPT;
		zone->offset[i] = (int32_t)be32(types + index[i] * 6);
	}
	return 0;
}

static int read_footer(struct zone *zone, const char *p, size_t n)
{
	char rule[128];
	const char *end = n > 1 && *p == '\n' ? memchr(p + 1, '\n', n - 1) : NULL;

	if (!end || (size_t)(end - p) > sizeof(rule))
		return ERR_CORRUPT;
	memcpy(rule, p + 1, (size_t)(end - p - 1));
	rule[end - p - 1] = '\0';
	return *rule ? parse_rule(zone, rule) : 0;
}

static int read_zone(struct zone *zone, const unsigned char *p, size_t n)
{
	struct header h;
	size_t skip;
	int r = read_header(p, n, &h);

	if (r || p[4] < '2') /* version 1 has times of 32 bits only; no tool writes it any more */
		return ERR_CORRUPT;
	skip = HEADER + block_size(&h, 4);
	if (skip > n)
		return ERR_CORRUPT;
	p += skip;
	n -= skip;
	r = read_header(p, n, &h);
	if (r || HEADER + block_size(&h, 8) > n)
		return ERR_CORRUPT;
	r = read_block(zone, p + HEADER, &h);
	skip = HEADER + block_size(&h, 8);
	return r ? r : read_footer(zone, (const char *)p + skip, n - skip);
}

int zone_parse(const void *bytes, size_t n, struct zone **ret, struct err *err)
{
	struct zone *zone = calloc(1, sizeof(*zone));
	int r = zone ? read_zone(zone, bytes, n) : ERR_NOMEM;

	if (r) {
		zone_close(zone);
		return err_set(err, r, r == ERR_NOMEM ? "out of memory" : "it is no time zone file (RFC 8536)");
	}
	*ret = zone;
	return 0;
}

static int is_zone_name(const char *name)
{
	size_t n = strlen(name);

	if (n > 64 || *name == '/' || strstr(name, ".."))
		return 0;
	return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == n;
}

int zone_open(const char *name, struct zone **ret, struct err *err)
{
	char path[PATH_MAX];
	struct buf buf;
	int r;

	if (!name || !*name || !strcmp(name, "UTC")) {
		*ret = calloc(1, sizeof(**ret));
		return *ret ? 0 : err_set(err, ERR_NOMEM, "out of memory");
	}
	if (!is_zone_name(name))
		return err_set(err, ERR_INVALID, "'%.64s' is no name of a time zone", name);
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	buf_init(&buf, 0);
	r = file_read(path, FILE_MAX, &buf, err);
	if (!r)
		r = zone_parse(buf.data, buf.len, ret, err);
	if (r == ERR_NOTFOUND || r == ERR_INVALID)
		r = err_set(err, ERR_NOTFOUND, "the time zone '%s' is not known here (package tzdata)", name);
	else if (r)
		err_prefix(err, "time zone '%s'", name);
	buf_done(&buf);
	return r;
}

void zone_close(struct zone *zone)
{
	if (!zone)
		return;
	free(zone->at);
	free(zone->offset);
	free(zone);
}

/* ---- asking -------------------------------------------------------------------------------- */

int64_t zone_offset(const struct zone *zone, int64_t utc)
{
	size_t low = 0, high = zone->n;

	if (zone->has_rule && (!zone->n || utc >= zone->at[zone->n - 1]))
		return rule_offset(zone, utc);
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (zone->at[mid] <= utc)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? zone->offset[low - 1] : zone->first;
}

int64_t zone_to_utc(const struct zone *zone, int64_t local)
{
	int64_t before = zone_offset(zone, local - DAY), after = zone_offset(zone, local + DAY);

	if (zone_offset(zone, local - before) == before)
		return local - before;
	if (zone_offset(zone, local - after) == after)
		return local - after;
	return local - before;
}
