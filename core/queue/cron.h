/* SPDX-License-Identifier: Apache-2.0 */
/* Cron expressions: five fields (minute, hour, day of month, month, day of week) of lists, ranges, steps and
 * names, or @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually. When both days are restricted,
 * either may match (POSIX crontab). Pure. */
#ifndef QUEUE_CRON_H
#define QUEUE_CRON_H

#include <stdint.h>

#include "base/err.h"
#include "queue/zone.h"

struct cron {
	uint64_t minutes;
	uint32_t hours, days, months, weekdays;
	int any_day, any_weekday, any_hour;
};

int cron_parse(const char *text, struct cron *ret, struct err *err);
/* The first time behind `after` (both seconds UTC). Every hour: each real hour counts, also one that comes
 * twice. Certain hours: a local time that comes twice fires once, one that is skipped just behind the gap.
 * ERR_NOTFOUND: there is none within eight years. */
int cron_next(const struct cron *cron, const struct zone *zone, int64_t after, int64_t *ret);

#endif
