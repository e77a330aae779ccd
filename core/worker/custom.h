/* SPDX-License-Identifier: Apache-2.0 */
/* Orders for plugins of the kinds task and notifier. Inside the worker room only. */
#ifndef WORKER_CUSTOM_H
#define WORKER_CUSTOM_H

#include "ops.h"

int op_custom(struct worker *worker, const struct json *order, struct json **ret, struct err *err);
int op_notify(struct worker *worker, const struct json *order, struct json **ret, struct err *err);

/* A request over HTTP by way of the agent; `ctx` is the worker. See loader_attempt.on_ask. */
int worker_ask(void *ctx, const struct json *request, struct json **ret, struct err *err);
int op_fetch(struct worker *worker, const struct json *order, struct json **ret, struct err *err);

#endif
