/* SPDX-License-Identifier: Apache-2.0 */
/* A mixed load by dice, and a ledger of what was acknowledged: held against the queue after each death. */
#ifndef TESTS_QUEUE_LOAD_H
#define TESTS_QUEUE_LOAD_H

#include "queue/queue.h"

struct store;

void load_start(unsigned seed); /* an empty ledger */
/* One thing: puts of every sort, claims, ends of every sort, cancels, checkpoints, time. */
void load_step(struct queue *queue);
/* The agent died: nobody runs anything any more, and what was not acknowledged is open. */
void load_died(void);
/* Every acknowledged task is there, in the end and with the result that was acknowledged; what was cancelled while it ran runs
 * no more; a key gives its task again; a schedule has made a task for each of its times. NULL, or what is wrong. */
const char *load_verify(struct queue *queue, struct store *store);
int load_acknowledged(void);

#endif
