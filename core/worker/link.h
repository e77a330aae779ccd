/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's end of the wire. A thread of its own reads what the agent says, so that a cancel, a credit or the
 * agent's death is noticed while an order is worked on. Inside the worker room only. */
#ifndef WORKER_LINK_H
#define WORKER_LINK_H

#include "wire/wire.h"

struct link;

/* Starts the thread. When the agent goes away the process ends at once. */
int link_start(struct link **ret, struct err *err);
struct wire_page *link_page(struct link *link);
/* Waits for the next order; the caller frees it. */
struct json *link_order(struct link *link);
void link_send(struct link *link, enum wire_type type, const struct json *json); /* any thread */
/* Waits until the part `seq` is committed. ERR_CANCELLED when the order is cancelled meanwhile. */
int link_wait_part(struct link *link, int64_t seq, struct err *err);
/* Sends `ask`, which has the number, and waits for its answer; the caller frees it. ERR_CANCELLED as above. */
int link_ask(struct link *link, const struct json *ask, int64_t number, struct json **ret, struct err *err);
/* Sends result bytes, waiting for credit. */
int link_send_data(struct link *link, uint32_t order, const void *p, size_t n, struct err *err);
void link_reset(struct link *link, int64_t credit); /* at the start of an order */

#endif
