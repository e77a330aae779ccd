/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/cron.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/civil.h"

#define DAY 86400
#define SEARCH_DAYS (8 * 366) /* the 29th of February may be eight years away */
#define TEXT_MAX 256

struct field {
	const char *name;
	int min, max;
	const char *const *names; /* of min, min + 1, … */
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static const struct field cron_fields[] = {
	{"minute", 0, 59, NULL},
	{"hour", 0, 23, NULL},
	{"day of month", 1, 31, NULL},
	{"month", 1, 12, month_names},
	{"day of week", 0, 7, weekday_names},
};
#define N_FIELDS 5
#define FIVE_FIELDS "minute, hour, day of month, month, day of week"

static const struct {
	const char *name, *fields;
} shorthands[] = {
	{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
	{"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};

/* ---- parse --------------------------------------------------------------------------------- */

static int take_value(const struct field *field, const char **s, int *ret)
{
	int v = 0, digits = 0;

	for (int i = 0; field->names && field->names[i]; i++)
		if (!strncasecmp(*s, field->names[i], 3)) {
			*s += 3;
			*ret = field->min + i;
			return 0;
		}
	while (**s >= '0' && **s <= '9' && digits++ < 3)
		v = v * 10 + (*(*s)++ - '0');
	*ret = v;
	return digits && v >= field->min && v <= field->max ? 0 : ERR_INVALID;
}

/* "*", "3", "1-5", each with "/2"; one value with a step goes to the end. *ret_why on error. */
static int take_range(const struct field *field, const char **s, uint64_t *ret, const char **ret_why)
{
	int low = field->min, high = field->max, step = 1, r = 0;

	*ret_why = NULL;
	if (**s == '*') {
		(*s)++;
	} else {
		r = take_value(field, s, &low);
		high = low;
		if (!r && **s == '-') {
			(*s)++;
			r = take_value(field, s, &high);
		} else if (!r && **s == '/') {
			high = field->max;
		}
	}
	if (!r && **s == '/') {
		static const struct field steps = {"step", 1, 59, NULL};

		(*s)++;
		r = take_value(&steps, s, &step);
		*ret_why = "a step is 1 to 59";
	}
	if (!r && low > high)
		*ret_why = "the range ends before it begins";
	if (r || low > high)
		return ERR_INVALID;
	for (int v = low; v <= high; v += step)
		*ret |= 1ull << v;
	return 0;
}

static int is_end(char c)
{
	return !c || c == ' ' || c == '\t';
}

/* The part of a list that starts at `start` is wrong. */
static int bad_part(const struct field *field, const char *start, const char *why, struct err *err)
{
	int n = (int)strcspn(start, ", \t");

	if (is_end(*start) && n == 0)
		return err_set(err, ERR_INVALID, "cron: the %s is missing: five fields are " FIVE_FIELDS, field->name);
	if (*start == '@')
		return err_set(err, ERR_INVALID,
		               "cron: '%.20s' is none of @hourly, @daily, @midnight, @weekly, @monthly, @yearly and "
		               "@annually, nor a %s",
		               start, field->name);
	if (why)
		return err_set(err, ERR_INVALID, "cron: '%.*s' is no %s: %s", n > 40 ? 40 : n, start, field->name, why);
	return err_set(
		err, ERR_INVALID,
		"cron: '%.*s' is no %s: that is %d to %d%s, as a value, a range 'a-b', '*', each with a step '/n', "
		"or a list of them",
		n > 40 ? 40 : n, start, field->name, field->min, field->max,
		!field->names ? ""
		: field->min  ? " or jan to dec"
			      : " or sun to sat");
}

static int take_field(const struct field *field, const char **s, uint64_t *ret, struct err *err)
{
	const char *start, *why;
	int r;

	*ret = 0;
	do {
		start = *s;
		r = take_range(field, s, ret, &why);
	} while (!r && *(*s) == ',' && (*s)++);
	if (r || !is_end(**s))
		return bad_part(field, start, why, err);
	while (**s == ' ' || **s == '\t')
		(*s)++;
	return 0;
}

static int read_fields(const char *text, struct cron *ret, struct err *err)
{
	uint64_t bits[N_FIELDS];
	int r = 0;

	if (strlen(text) > TEXT_MAX)
		return err_set(err, ERR_LIMIT, "cron: the expression is longer than %d bytes", TEXT_MAX);
	for (size_t i = 0; i < sizeof(shorthands) / sizeof(shorthands[0]); i++)
		if (!strcmp(text, shorthands[i].name))
			text = shorthands[i].fields;
	while (*text == ' ' || *text == '\t')
		text++;
	for (int i = 0; i < N_FIELDS && !r; i++)
		r = take_field(&cron_fields[i], &text, &bits[i], err);
	if (!r && *text)
		r = err_set(err, ERR_INVALID, "cron: '%.40s' is too much: five fields are " FIVE_FIELDS, text);
	if (r)
		return r;
	bits[4] |= bits[4] >> 7 & 1; /* 7 is Sunday too */
	*ret = (struct cron){.minutes = bits[0],
	                     .hours = (uint32_t)bits[1],
	                     .days = (uint32_t)bits[2],
	                     .months = (uint32_t)bits[3],
	                     .weekdays = (uint32_t)bits[4] & 0x7F,
	                     .any_day = bits[2] == 0xFFFFFFFEull,
	                     .any_weekday = (bits[4] & 0x7F) == 0x7F,
	                     .any_hour = bits[1] == 0xFFFFFF};
	return 0;
}

int cron_parse(const char *text, struct cron *ret, struct err *err)
{
	int r = read_fields(text, ret, err);

	if (r)
		err_where(err, "/cron");
	return r;
}

/* ---- next ---------------------------------------------------------------------------------- */

static int day_matches(const struct cron *cron, int64_t days)
{
	int64_t year;
	int month, day, by_day, by_weekday;

	civil_from_days(days, &year, &month, &day);
	if (!(cron->months >> month & 1))
		return 0;
	by_day = cron->days >> day & 1;
	by_weekday = cron->weekdays >> civil_weekday(days) & 1;
	if (cron->any_day || cron->any_weekday)
		return by_day && by_weekday;
	return by_day || by_weekday;
}

static int64_t day_of(int64_t local)
{
	return (local - ((local % DAY + DAY) % DAY)) / DAY;
}

/* Certain hours: local times of the day, one after the other. */
static int next_in_day(const struct cron *cron, const struct zone *zone, int64_t days, int64_t after, int64_t *ret)
{
	for (int hour = 0; hour < 24; hour++)
		for (int minute = 0; minute < 60; minute++) {
			int64_t utc;

			if (!(cron->hours >> hour & 1) || !(cron->minutes >> minute & 1))
				continue;
			utc = zone_to_utc(zone, days * DAY + hour * 3600 + minute * 60);
			if (utc > after) {
				*ret = utc;
				return 1;
			}
		}
	return 0;
}

/* Every hour: real minutes, whatever the clock on the wall does. */
static int next_in_hours(const struct cron *cron, const struct zone *zone, int64_t days, int64_t after, int64_t *ret)
{
	int64_t utc = after - ((after % 60) + 60) % 60 + 60, from = zone_to_utc(zone, days * DAY);

	if (utc < from)
		utc = from;
	for (; day_of(utc + zone_offset(zone, utc)) == days; utc += 60)
		if (cron->minutes >> ((utc + zone_offset(zone, utc)) / 60 % 60) & 1) {
			*ret = utc;
			return 1;
		}
	return 0;
}

int cron_next(const struct cron *cron, const struct zone *zone, int64_t after, int64_t *ret)
{
	int64_t first = day_of(after + zone_offset(zone, after));

	for (int64_t days = first; days < first + SEARCH_DAYS; days++) {
		if (!day_matches(cron, days))
			continue;
		if (cron->any_hour ? next_in_hours(cron, zone, days, after, ret)
		                   : next_in_day(cron, zone, days, after, ret))
			return 0;
	}
	return ERR_NOTFOUND;
}
