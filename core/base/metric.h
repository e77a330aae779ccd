/* SPDX-License-Identifier: Apache-2.0 */
/* A metric is a row: name, type, help, labels and where the number lives. Rooms export tables of
 * rows (METRIC_END last); `health` renders them all. Values are atomics: any thread may count. */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Durations in seconds: upper bounds 0.5 ms … 60 s, see metric_bounds. */
#define METRIC_BUCKETS 14
extern const double metric_bounds[METRIC_BUCKETS];
struct metric_histogram {
	_Atomic uint64_t bucket[METRIC_BUCKETS + 1];
	_Atomic uint64_t sum_us;
};

struct metric {
	const char *name; /* Prometheus name with unit: orasi_queue_wait_seconds */
	enum metric_type type;
	const char *help;
	const char *labels;                 /* rendered pairs such as state="failed", or NULL */
	_Atomic int64_t *value;             /* COUNTER, GAUGE; or NULL when read is set */
	struct metric_histogram *histogram; /* HISTOGRAM */
	double (*read)(void *ctx);          /* computed on demand, on the loop thread */
	void *ctx;
};
/* A row over a number that others count; `labels` may be NULL. */
static inline struct metric metric_row(enum metric_type type, const char *name, const char *labels, const char *help,
                                       _Atomic int64_t *value)
{
	return (struct metric){.name = name, .type = type, .help = help, .labels = labels, .value = value};
}

static inline struct metric metric_counter(const char *name, const char *help, _Atomic int64_t *value)
{
	return metric_row(METRIC_COUNTER, name, NULL, help, value);
}

static inline struct metric metric_gauge(const char *name, const char *help, _Atomic int64_t *value)
{
	return metric_row(METRIC_GAUGE, name, NULL, help, value);
}

static inline struct metric metric_times(const char *name, const char *help, struct metric_histogram *histogram)
{
	return (struct metric){.name = name, .type = METRIC_HISTOGRAM, .help = help, .histogram = histogram};
}

#define METRIC_END \
	{          \
		0  \
	}

void metric_observe_ms(struct metric_histogram *histogram, double ms);

#endif
