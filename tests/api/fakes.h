/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-ins for the supervise room and the plugin registry: no worker is started, answers are made
 * up.
 *
 * A short order is answered by {"op", …} with a little of what the real one has. A query answers by
 * its text: "rows N" gives N lines, "fail" fails at once, "break" fails after a line, "hang" waits
 * until it is cancelled. Both rooms are driven on the loop thread. */
#ifndef TESTS_API_FAKES_H
#define TESTS_API_FAKES_H

#include <stdatomic.h>

struct loop;
struct supervise;
struct catalog;

struct supervise *fake_supervise_new(struct loop *loop, struct catalog *catalog);
void fake_supervise_free(struct supervise *sup);

extern atomic_int fake_cancelled;  /* queries cancelled */
extern atomic_int fake_most_ahead; /* most bytes sent beyond the credit given back */
extern char fake_last_op[64];
extern const char *fake_call_error; /* the next calls fail with ERR_IO and this sentence, if set */

#endif
