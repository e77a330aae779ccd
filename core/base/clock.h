/* SPDX-License-Identifier: Apache-2.0 */
/* Time. Tests may stop and move both clocks; nothing else in core asks the system for the time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_mono_ms(void); /* for durations */
int64_t clock_mono_ns(void);
int64_t clock_wall_ms(void); /* Unix UTC */

void clock_freeze(int64_t wall_ms); /* tests: both clocks stand still */
void clock_advance(int64_t ms);     /* tests: moves frozen clocks */
void clock_thaw(void);

/* "2026-11-24T11:20:51.123Z" */
#define CLOCK_RFC3339_LEN 25
void clock_rfc3339(int64_t wall_ms, char ret[CLOCK_RFC3339_LEN]);
/* RFC 3339 with offset or Z; fraction is cut to ms. 0 or ERR_INVALID. */
int clock_from_rfc3339(const char *s, int64_t *ret_wall_ms);

#endif
