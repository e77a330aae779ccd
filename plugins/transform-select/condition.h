/* SPDX-License-Identifier: Apache-2.0 */
/* One condition on a column: "status >= 500", "level = 'error'", "note is not null". As in SQL a comparison with null is
 * not true. */
#ifndef TRANSFORM_SELECT_CONDITION_H
#define TRANSFORM_SELECT_CONDITION_H

#include <orasi/abi.h>
#include <orasi/sdk/arrow.h>

enum operation {
	OPERATOR_EQ,
	OPERATOR_NE,
	OPERATOR_LT,
	OPERATOR_LE,
	OPERATOR_GT,
	OPERATOR_GE,
	OPERATOR_NULL,
	OPERATOR_NOT_NULL
};

struct condition {
	char *column;
	enum operation operation;
	char *text; /* of the literal, without quotes */
	size_t len;
	int quoted;
	/* For a schema: */
	int64_t at; /* the column */
	int64_t number;
	double real;
	int is_real;
};

/* The sentence is in `err` when it cannot be understood. */
orasi_status condition_parse(struct condition *ret, orasi_str text, orasi_error *err);
void condition_done(struct condition *condition);
/* Finds the column and reads the literal as a value of its type. */
orasi_status condition_bind(struct condition *condition, const struct ArrowSchema *schema, orasi_error *err);
int condition_holds(const struct condition *condition, const struct arrow_view *view, int64_t i);

#endif
