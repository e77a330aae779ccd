/* SPDX-License-Identifier: Apache-2.0 */
/* The proleptic Gregorian calendar: days since 1970-01-01 and dates. Pure arithmetic. */
#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H

#include <stdint.h>

int civil_is_leap(int64_t year);
int civil_month_days(int64_t year, int month);
int64_t civil_to_days(int64_t year, int month, int day);
void civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);
int civil_weekday(int64_t days); /* 0 = Sunday */

#endif
