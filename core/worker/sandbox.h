/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker that runs foreign code may do. Inside the worker room only.
 *
 * Two walls of the kernel, neither of which can be taken down again by the process: Landlock (which files, which TCP)
 * and a seccomp filter (which system calls). no_new_privs comes with them. In mode `log` the filter lets through and the
 * kernel's audit log tells; Landlock has no such mode and stays out. What the kernel does not have is left out, and
 * said in the log: see docs/PLUGIN-TRUST.md.
 *
 * Threads made afterwards are inside too, so it is called before the first of them. */
#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include "base/err.h"

enum sandbox_mode { SANDBOX_OFF, SANDBOX_LOG, SANDBOX_ENFORCE };

/* Rights beyond the usual: bits that an order's plugin asks for and the operator granted. */
#define SANDBOX_NET 1u
#define SANDBOX_FS 2u
#define SANDBOX_EXEC 4u

struct sandbox {
	enum sandbox_mode mode;
	unsigned rights;
	const char *data;         /* the agent's data folder: datasets and uploads to read, plugins to load */
	const char *const *reads; /* further folders to read, NULL-ended */
	const char *staging;      /* its own folder, which alone it may write; NULL: nothing */
	char missing[128];        /* out: what the kernel does not have, "" = all is in place */
};
int sandbox_enter(struct sandbox *sandbox, struct err *err);

#endif
