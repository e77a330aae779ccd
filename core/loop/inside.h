/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the loop room only. */
#ifndef LOOP_INSIDE_H
#define LOOP_INSIDE_H

#include <uv.h>

#include "base/err.h"

int loop_uv_error(struct err *err, int r, const char *what);
/* What streams read into: one for all, since bytes are handed on before the next are read. */
uv_buf_t loop_read_buffer(uv_loop_t *uv);

#endif
