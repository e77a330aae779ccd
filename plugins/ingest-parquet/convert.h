/* SPDX-License-Identifier: Apache-2.0 */
/* From a stored value to the Arrow type that is wanted. */
#ifndef PARQUET_CONVERT_H
#define PARQUET_CONVERT_H

#include "leaf.h"

#define CONVERT_MAX 16 /* bytes of the widest value that is made */

/* May the column be read as this type without a loss? */
int convert_can(const struct node *node, const struct arrow_type_info *want);
/* Are the stored bytes those of Arrow? */
int convert_is_copy(const struct node *node, const struct arrow_type_info *want);
/* One value of fixed width other than booleans and fixed binaries, which are copies. */
orasi_status convert_value(const struct node *node, const struct arrow_type_info *want, struct slice value,
                           uint8_t ret[CONVERT_MAX], orasi_error *err);
/* For comparisons: a value of an integer, boolean, time or decimal column in the unit of `want`;
 * -1: it does not fit. */
int convert_to_int128(const struct node *node, const struct arrow_type_info *want, struct slice value, __int128 *ret);
double convert_to_double(const struct node *node, struct slice value); /* of a float column */
/* IEEE 754 binary16; only numbers that are one may be turned back. */
double half_to_double(uint16_t half);
uint16_t half_from_double(double v);

#endif
