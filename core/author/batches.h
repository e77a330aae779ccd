/* SPDX-License-Identifier: Apache-2.0 */
/* Data made for tests of indexes and transforms, by a seed. */
#ifndef AUTHOR_BATCHES_H
#define AUTHOR_BATCHES_H

#include <orasi/arrow.h>
#include <orasi/sdk/arrow.h>

#include "exam.h"

/* Formats that keys are tried with; NULL behind the last. */
const char *keys_format(int i);
void keys_schema(struct ArrowSchema *ret, const char *format); /* a struct with the column "key" */

/* Keys of n rows: few distinct values, some of them null. value[i] is the number behind row i, -1: null. */
void keys_make(struct exam *exam, const char *format, int64_t n, int32_t *ret_values, struct ArrowArray *ret);
/* The values as an array without a struct around it, for the terms of a query. */
void keys_literals(const char *format, const int32_t *values, int64_t n, struct ArrowSchema *ret_type,
                   struct ArrowArray *ret);
/* The text of a value, as keys_make writes it into text columns. */
void keys_text(int32_t value, char ret[32]);

/* A batch with an integer, a text, a double, a boolean and a time; nulls in all. Rows [first, first + n). */
/* Why tests are skipped when it wants others. */
#define FLOW_REFUSED                                                                                         \
	"bind refuses the columns of the examination (id int64, text text, number float64, flag bool, time " \
	"timestamp): "                                                                                       \
	"give it --option so that it takes them; it says: %s"
void flow_schema(struct ArrowSchema *ret);
void flow_nulls(int64_t n, struct ArrowArray *ret); /* n rows, all of them null */
void flow_make(uint64_t seed, int64_t first, int64_t n, struct ArrowArray *ret);

#endif
