/* SPDX-License-Identifier: Apache-2.0 */
/* When a plugin takes the process down. Inside the worker room only. */
#ifndef WORKER_CRASH_H
#define WORKER_CRASH_H

#include <stdint.h>

#include "wire/wire.h"

/* Fatal signals leave their number in the page and end the process, also on a full stack. */
void crash_catch(struct wire_page *page);
/* No core files, first choice of the out-of-memory killer, dies with the agent, at most `memory` bytes of data and `file`
 * bytes in a file that it writes, 0: no limit. `files`: the soft limit of open files, which the agent has raised for itself
 * alone (select() fails with more than 1,024), 0: as it is. */
void crash_confine(uint64_t memory, uint64_t file, uint64_t files);

#endif
