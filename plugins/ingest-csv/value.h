/* SPDX-License-Identifier: Apache-2.0 */
/* One field as a value: what it could be, and into a column of a type. Thread-safe. */
#ifndef INGEST_CSV_VALUE_H
#define INGEST_CSV_VALUE_H

#include <orasi/sdk/arrow.h>

#include "scan.h"

#define VALUE_BOOL 1u
#define VALUE_INT 2u    /* fits int64 */
#define VALUE_DOUBLE 4u /* a number with a fraction or an exponent */
#define VALUE_NAN 8u    /* nan, inf, -inf: numbers beside numbers */
#define VALUE_DATE 16u
#define VALUE_STAMP 32u
#define VALUE_TEXT 64u /* also numbers that would lose digits: leading zeros, beyond int64 */

struct format {
	struct dialect dialect;
	uint8_t decimal;   /* '.' or ',' */
	uint8_t thousands; /* 0: none */
	bool stamps;       /* look for dates and times */
	const char *const *nulls;
	uint32_t n_nulls;
};

/* Without quotes and empty, or one of `nulls`. A quoted field that is empty is the empty text, and no value of any other
 * type. */
bool value_is_null(const struct format *format, const struct field *field);
unsigned value_kind(const struct format *format, const struct field *field);
/* The Arrow format for values of these kinds. */
const char *value_type(unsigned kinds);

/* Has CSV values of the type? */
bool value_can(const struct arrow_type_info *info);

enum value { VALUE_OK, VALUE_MISMATCH, VALUE_NOMEM };
struct value_scratch {
	uint8_t *p;
	size_t cap;
};
/* *ret_what: half a sentence, when it does not fit. */
enum value value_append(const struct format *format, struct arrow_builder *to, const struct arrow_type_info *info,
                        const struct field *field, struct value_scratch *scratch, const char **ret_what);

#endif
