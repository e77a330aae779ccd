/* SPDX-License-Identifier: Apache-2.0 */
/* Values into columns of the same type or of another. Distinct columns on distinct threads. */
#ifndef TRANSFORM_SELECT_CAST_H
#define TRANSFORM_SELECT_CAST_H

#include <orasi/sdk/arrow.h>

enum cast { CAST_OK, CAST_MISFIT, CAST_NOMEM };

/* The Arrow format of a type's name ("int64", "text", …), or NULL. */
const char *cast_format(const char *name, size_t len);
/* Can values of one be made into values of the other? */
int cast_is_known(const struct arrow_type_info *from, const struct arrow_type_info *to);

/* Appends value i as it is, whatever its type; 0 or -1. */
int copy_value(struct arrow_builder *to, const struct arrow_view *view, int64_t i);
/* Appends value i as a value of type `to`; on a misfit nothing is appended. */
enum cast cast_value(struct arrow_builder *builder, const struct arrow_type_info *to, const struct arrow_view *view,
                     int64_t i);
/* The value as text, for people; cut to cap, NUL-terminated. */
size_t cast_show(const struct arrow_view *view, int64_t i, char *ret, size_t cap);

#endif
