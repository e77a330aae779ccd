/* SPDX-License-Identifier: Apache-2.0 */
/* Errors for the host. */
#ifndef TASK_FETCH_FAIL_H
#define TASK_FETCH_FAIL_H

#include <orasi/abi.h>

/* Writes the sentence (err may be NULL) and returns status, so that failing is one line. */
orasi_status fail(orasi_error *err, orasi_status status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
