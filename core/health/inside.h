/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the room. */
#ifndef HEALTH_INSIDE_H
#define HEALTH_INSIDE_H

#include "health/health.h"

struct probe {
	const char *name;
	health_probe_fn fn;
	void *ctx;
};

struct health {
	const struct metric **rows;
	struct probe *probes;
	size_t n_rows, n_probes;
	int ready;
};

const struct metric *process_metrics(void);

#endif
