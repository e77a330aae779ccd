/* SPDX-License-Identifier: Apache-2.0 */
/* Failing in one line. Linked statically (liborasi-sdk), no part of the ABI. */
#ifndef ORASI_SDK_FAIL_H
#define ORASI_SDK_FAIL_H

#include <orasi/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the sentence into `err`, which may be NULL, and returns `status`. Thread-safe. */
orasi_status orasi_fail(orasi_error *err, orasi_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What the analyzer cannot see from outside: the status goes in and comes out, and is never 0. */
#ifdef __clang_analyzer__
#define orasi_fail(err, status, ...) ((orasi_fail)(err, status, __VA_ARGS__), (status))
#endif

#ifdef __cplusplus
}
#endif

#endif
