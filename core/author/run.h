/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins from the shell, by kind; inside the author room only. */
#ifndef AUTHOR_RUN_H
#define AUTHOR_RUN_H

#include "exam.h"

/* One attempt of a task or a notifier that is loaded. */
int run_once(struct exam *exam, const struct typed *typed);

#endif
