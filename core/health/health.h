/* SPDX-License-Identifier: Apache-2.0 */
/* How is the agent? Rooms hand in their metric rows (base/metric.h) and probes; here they become
 * Prometheus text (exposition format 0.0.4), JSON, and one verdict.
 *
 * Threading: loop thread; rows and probes must outlive the health object. */
#ifndef HEALTH_HEALTH_H
#define HEALTH_HEALTH_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/metric.h"

struct health;

enum health_verdict { HEALTH_OK, HEALTH_DEGRADED, HEALTH_FAILING };
const char *health_verdict_name(enum health_verdict verdict); /* "ok", "degraded", "failing" */

/* Says how one thing is, at once and without waiting for anything; `detail` is a sentence for
 * people,
 * "" at first. */
typedef enum health_verdict (*health_probe_fn)(void *ctx, char *detail, size_t cap);

/* Comes with the metrics of the process itself: memory, CPU time, descriptors, start. */
int health_new(struct health **ret, struct err *err);
void health_free(struct health *health); /* NULL is fine */

/* `rows` end with METRIC_END. Rows of one name may come from several tables. */
int health_add_metrics(struct health *health, const struct metric *rows, struct err *err);
int health_add_probe(struct health *health, const char *name, health_probe_fn probe, void *ctx, struct err *err);

/* Not ready: still starting, or about to stop. Starts as not ready. */
void health_set_ready(struct health *health, int ready);
int health_is_ready(const struct health *health); /* and no probe is failing */

/* The worst of all probes. With `json` also
 * {"status","ready","probes":[{"name","status","detail"}]}. */
enum health_verdict health_check(const struct health *health, struct buf *json);

void health_prometheus(const struct health *health, struct buf *out);
void health_openmetrics(const struct health *health, struct buf *out); /* the same as OpenMetrics 1.0 */
/* {"metrics":[{"name","type","help","labels":{},"value"}]}; histograms have
 * "buckets","sum","count". */
void health_metrics_json(const struct health *health, struct buf *out);

#endif
