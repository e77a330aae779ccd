/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's end of the wire. What the agent says is heard also while an order is worked on: a cancel, a credit, its
 * death. Inside the worker room only. */
#ifndef WORKER_LINK_H
#define WORKER_LINK_H

#include "wire/wire.h"

struct link;

/* When the agent goes away the process ends at once, or when an order at hand has lasted some milliseconds. */
int link_start(struct link **ret, struct err *err);
struct wire_page *link_page(struct link *link);
/* The one before is done. Waits for the next order; the caller frees it. */
struct json *link_order(struct link *link);
int link_has_next(struct link *link);                        /* has one come that waits for that at hand? */
void link_rest(struct link *link) __attribute__((noreturn)); /* the same, without taking one any more */
void link_send(struct link *link, enum wire_type type, const struct json *json); /* any thread */
void link_send_end(struct link *link, enum wire_type type, const struct wire_end *end, const struct json *json);
/* Waits until the part `seq` is committed. ERR_CANCELLED when the order is cancelled meanwhile. */
int link_wait_part(struct link *link, int64_t seq, struct err *err);
/* Sends `ask`, which has the number, and waits for its answer; the caller frees it. ERR_CANCELLED as above. */
int link_ask(struct link *link, const struct json *ask, int64_t number, struct json **ret, struct err *err);
/* Sends result bytes, waiting for credit. */
int link_send_data(struct link *link, uint32_t order, const void *p, size_t n, struct err *err);
void link_reset(struct link *link, int64_t credit); /* at the start of an order */

#endif
