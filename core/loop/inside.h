/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the loop room only. */
#ifndef LOOP_INSIDE_H
#define LOOP_INSIDE_H

#include "base/err.h"

int loop_uv_error(struct err *err, int r, const char *what);

#endif
