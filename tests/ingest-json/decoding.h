/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the decoder have in common: a host, and what the last run gave. */
#ifndef TESTS_INGEST_JSON_DECODING_H
#define TESTS_INGEST_JSON_DECODING_H

#include <check.h>

#include "ingest-json/rows.h"

extern struct fakehost *fake;
extern struct rows rows; /* of the last run */

/* A test case whose tests each have a fresh host. */
TCase *decoding_case(Suite *suite, const char *name, const TTest *const *tests, size_t n);

void run_with(const char *text, struct rows_options options);
void run(const char *text);
void expect(const char *schema, const char *text);
void expect_reject(size_t i, const char *code, int64_t row, int64_t line, const char *raw);
/* One record that becomes one row of one column. */
void expect_value(const char *record, const char *schema, const char *row);

#endif
