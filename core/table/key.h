/* SPDX-License-Identifier: Apache-2.0 */
/* The key that a column has at its source, where that cannot be the column's name: "A" beside "a", "a b". It is kept in
 * the metadata of the column, in Arrow as in the Delta log, so that a key finds its column again whatever else comes
 * with it. Inside the table room only; what others need is in table.h. */
#ifndef TABLE_KEY_H
#define TABLE_KEY_H

#include <orasi/sdk/arrow.h>

#define KEY_METADATA "orasi.key"

int key_set(struct ArrowSchema *column, const char *key); /* 0, or -1: no memory */
int key_is_other(const struct ArrowSchema *column);       /* than its name */
int key_is(const struct ArrowSchema *column, const char *key);
/* Not NUL-ended. */
const char *key_of(const struct ArrowSchema *column, size_t *ret_len);

#endif
