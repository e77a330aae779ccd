/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metric.h"

const double metric_bounds[METRIC_BUCKETS] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                              0.1,    0.25,  0.5,    1,     5,    15,    60};

void metric_observe_ms(struct metric_histogram *histogram, double ms)
{
	int i = 0;

	while (i < METRIC_BUCKETS && ms > metric_bounds[i] * 1000)
		i++;
	atomic_fetch_add_explicit(&histogram->bucket[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->sum_us, ms > 0 ? (uint64_t)(ms * 1000) : 0, memory_order_relaxed);
}
