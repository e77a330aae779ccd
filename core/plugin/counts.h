/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics that plugins make up. Inside the plugin room only. */
#ifndef PLUGIN_COUNTS_H
#define PLUGIN_COUNTS_H

#include "base/metric.h"
#include "json/json.h"

#define COUNTS_MAX 256

struct counts {
	size_t n;
	struct count {
		char name[64], labels[80], help[128];
		double value;
	} values[COUNTS_MAX];
	struct metric rows[COUNTS_MAX][2]; /* each a table of its own, with METRIC_END */
	void (*on_new)(void *ctx, const struct metric *row);
	void *ctx;
};

void counts_take(struct counts *counts, const struct json *json);

#endif
